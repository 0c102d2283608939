//! Questions of several parts: each part is asked for itself, and what any of them finds is an answer.
//!
//! "Who has the key? And when is the fair?" as one question finds what is a little about both. Asked one by one, each
//! part brings its own best, and a record counts as much as it does for the part that it answers best: CombMAX (Fox and
//! Shaw, "Combination of Multiple Searches", TREC-2, 1993) over scores that are scaled so that the best of each part
//! are equal.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::index::SlotSet;
use crate::index::text::Tokenizer;
use crate::model::{RecordId, Timestamp};
use crate::retrieve::judge::Reranking;
use crate::retrieve::query::{Part, Query};
use crate::retrieve::question::mentioned;
use crate::retrieve::recall::{Sources, recall};
use crate::retrieve::why::Hit;

/// Hits that each part brings at least, whatever is asked for: they are ordered together.
const FOUND: usize = 64;
/// Most parts of a question. What follows stays with the last one.
const MOST: usize = 8;
/// Words of a part at least: fewer ask for nothing of their own. Nor does a part without a word that can be searched for
/// ("and when did he?").
const FEWEST_WORDS: usize = 3;
/// What the whole question counts beside its parts: what is about all of them still is an answer.
const WHOLE: f32 = 0.6;

/// The parts of a question, each with the names that it leaves to those before it; none if it is all one. `actors` are
/// those who can be named.
pub(crate) fn parts(question: &str, actors: &[&str]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let tokenizer = Tokenizer::default();
    let says_nothing = |clause: &str| {
        let mut terms = 0;
        tokenizer.terms(clause, |_| terms += 1);
        terms == 0
    };
    // Whether the last one has yet to ask for something.
    let mut open = false;
    let clauses = sentences(question).into_iter().flat_map(|sentence| {
        clauses(sentence).into_iter().zip(0..).map(|(clause, place)| (clause, refers_back(clause, place > 0)))
    });
    for (clause, refers_back) in clauses {
        let words = clause.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
        let brief = words.count() < FEWEST_WORDS || says_nothing(clause);
        let full = parts.len() == MOST;
        match parts.last_mut() {
            Some(last) if open || full || brief => *last = format!("{last} {clause}"),
            Some(last) if refers_back => {
                let both = format!("{last} {clause}");
                parts.push(both);
            }
            _ => parts.push(clause.to_owned()),
        }
        open = brief && (open || parts.len() == 1 && parts[0] == clause);
    }
    if parts.len() < 2 {
        return Vec::new();
    }
    let mut named: Vec<&str> = Vec::new();
    for part in &mut parts {
        let own = mentioned(part, actors);
        if own.is_empty() && !named.is_empty() {
            *part = format!("{} {part}", named.join(" "));
        } else {
            named = own;
        }
    }
    parts
}

/// The text up to and with each question mark. What follows the last one belongs to it, and what is said before a
/// question to that.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some(end) = rest.find(['?', '？', '؟']) {
        let after = rest[end..].trim_start_matches(['?', '？', '؟', '!', '"', '\'', '”', '’', ')']);
        let (sentence, next) = rest.split_at(rest.len() - after.len());
        // An address has question marks, too.
        let ends = after.is_empty() || after.starts_with(char::is_whitespace) || !sentence.ends_with('?');
        let more = after.contains(['?', '？', '؟']);
        if !ends || !more {
            break;
        }
        found.push(sentence.trim());
        rest = next.trim_start();
    }
    found.push(rest);
    found
}

/// The clauses of a question that ask: "who has the key, and when is the fair".
fn clauses(sentence: &str) -> Vec<&str> {
    let asks = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or_default();
        is_asking(
            first.trim_end_matches(|c: char| !c.is_alphanumeric()).split(['\'', '’']).next().unwrap_or(""),
        )
    };
    let long = |text: &str| text.split_whitespace().nth(FEWEST_WORDS - 1).is_some();
    let mut found = Vec::new();
    let mut rest = sentence;
    if asks(rest) {
        let mut from = 0;
        while let Some(at) = rest[from..].find(" and ").map(|at| at + from) {
            let (before, after) = (&rest[..at], &rest[at + " and ".len()..]);
            if asks(after) && long(before) && long(after) {
                found.push(before.trim_end_matches(','));
                (rest, from) = (after, 0);
            } else {
                from = at + 1;
            }
        }
    }
    found.push(rest);
    found
}

/// Whether a clause that asks speaks of something by a pronoun only, so that it cannot be asked without what is before
/// it: one that `continues` a sentence does with any such word, one that begins it if the word comes as early as in
/// "and where is it kept?".
fn refers_back(clause: &str, continues: bool) -> bool {
    const BACK: [&str; 7] = ["it", "its", "itself", "their", "theirs", "them", "they"];
    const EARLY: usize = 4;
    let words = clause.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words =
        words.skip_while(|word| ["and", "but", "or"].iter().any(|link| word.eq_ignore_ascii_case(link)));
    words.next().is_some_and(is_asking)
        && words
            .take(if continues { usize::MAX } else { EARLY - 1 })
            .any(|word| BACK.iter().any(|back| word.eq_ignore_ascii_case(back)))
}

/// Whether a question may begin with `word`.
fn is_asking(word: &str) -> bool {
    const ASKING: [&str; 9] = ["who", "whom", "whose", "what", "when", "where", "which", "why", "how"];
    ASKING.iter().any(|asking| word.eq_ignore_ascii_case(asking))
}

/// Answers `query` at `now` from the `visible` slots, part by part if it has parts. `whole` says that nothing else exists.
pub(crate) fn recall_parts(
    sources: &Sources<'_>,
    query: &Query,
    visible: &SlotSet,
    whole: bool,
    now: Timestamp,
) -> Vec<Hit> {
    if query.parts.is_empty() {
        return recall(sources, query, visible, whole, now);
    }
    // What is left out, and what a reranker says, is for all that has been found.
    let pool = query.pool.unwrap_or(query.limit);
    let limit = query.limit.max(FOUND);
    let asked = |Part { text, vector, encoded }: Part| Query {
        text,
        vector,
        encoded,
        parts: Vec::new(),
        min_score: None,
        reranking: None,
        pool: Some(pool),
        limit,
        ..query.clone()
    };
    let Query { text, vector, encoded, .. } = query.clone();
    let mut hits = recall(sources, &asked(Part { text, vector, encoded }), visible, whole, now);
    let best = |hits: &[Hit]| hits.first().map_or(0.0, |hit| hit.score);
    let mut top = best(&hits);
    let mut lists = vec![(WHOLE, std::mem::take(&mut hits))];
    for part in &query.parts {
        let mut found = recall(sources, &asked(part.clone()), visible, whole, now);
        found.iter_mut().for_each(|hit| hit.why.part = Some(part.text.clone()));
        top = top.max(best(&found));
        lists.push((1.0, found));
    }
    let mut overall: FxHashMap<RecordId, f32> = FxHashMap::default();
    for (index, (weight, found)) in lists.into_iter().enumerate() {
        let own = best(&found);
        // Divided first, so that the best of each list are exactly equal.
        let scaled = |score: f32| if own > 0.0 { score / own * (weight * top) } else { 0.0 };
        hits.extend(found.into_iter().map(|mut hit| {
            if index == 0 {
                overall.insert(hit.record.id, hit.score);
            }
            hit.score = scaled(hit.score);
            hit.why.signals.iter_mut().for_each(|share| share.contribution = scaled(share.contribution));
            hit
        }));
    }
    // The best of all parts are equal: then what is more about the whole question comes first.
    let about_all = |hit: &Hit| overall.get(&hit.record.id).copied().unwrap_or(0.0);
    let order = |a: &Hit, b: &Hit| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| about_all(b).total_cmp(&about_all(a)))
            .then(a.record.id.cmp(&b.record.id))
    };
    // Stable, so that of equal scores the whole question's explanation stays.
    hits.sort_by(order);
    let mut seen: FxHashSet<RecordId> = FxHashSet::default();
    hits.retain(|hit| seen.insert(hit.record.id));
    if let Some(said) = &query.reranking {
        rerank(&mut hits, said);
    }
    hits.retain(|hit| query.min_score.is_none_or(|least| hit.score >= least));
    hits.truncate(query.limit);
    hits
}

/// Brings hits, best first, to the order that a reranker has a share in.
fn rerank(hits: &mut Vec<Hit>, said: &Reranking) {
    let mut scored: Vec<(f32, RecordId, usize)> =
        hits.iter().enumerate().map(|(at, hit)| (hit.score, hit.record.id, at)).collect();
    let Some(scale) = said.scale(&scored) else { return };
    said.mix(scale, &mut scored);
    // Stable: equal ones stay as they were.
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut before: Vec<Option<Hit>> = std::mem::take(hits).into_iter().map(Some).collect();
    for (score, id, at) in scored {
        let Some(mut hit) = before[at].take() else { continue };
        hit.score = score;
        hit.why.signals.iter_mut().for_each(|share| share.contribution *= 1.0 - said.weight);
        hit.why.signals.extend(said.share(id, scale));
        hits.push(hit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, expected: &[&str]) {
        assert_eq!(parts(question, &["Ada Lovelace", "Bo"]), expected, "{question}");
    }

    #[test]
    fn what_asks_once_has_no_parts() {
        for question in [
            "",
            "?",
            "Who has the key?",
            "Who has the key and the map?",
            "I lost the key. Who has another one? Please tell me soon.",
            "Who has the key? Who?",
            "What do Ada and Bo grow and eat?",
            "Really? Who has the key?",
            "See https://example.org/?a=1&b=2 for the list of plants",
            "When and where is the fair?",
            "When was Bo supposed to stop, and when did he?",
        ] {
            check(question, &[]);
        }
    }

    #[test]
    fn questions_and_clauses_that_ask_are_parts() {
        check("Who has the key? When is the fair?", &["Who has the key?", "When is the fair?"]);
        check(
            "Who has the key of the shed, and where is it kept?",
            &["Who has the key of the shed", "Who has the key of the shed where is it kept?"],
        );
        check(
            "I am off to Oslo. What should I pack? It is cold. Who comes along with me? Thanks.",
            &["I am off to Oslo. What should I pack?", "It is cold. Who comes along with me? Thanks."],
        );
        check("鍵は誰が持っていますか？ 市はいつですか？", &[]);
    }

    #[test]
    fn a_part_without_a_name_is_about_those_named_before() {
        check(
            "What does Ada grow there? Where does she live? And what does Bo eat?",
            &["What does Ada grow there?", "Ada Lovelace Where does she live?", "And what does Bo eat?"],
        );
    }

    #[test]
    fn a_part_about_something_named_before_is_asked_with_that() {
        check(
            "What is a frost pocket and how does one avoid it? Which beans like shade?",
            &[
                "What is a frost pocket",
                "What is a frost pocket how does one avoid it?",
                "Which beans like shade?",
            ],
        );
        check(
            "Who has the key? And where is it kept?",
            &["Who has the key?", "Who has the key? And where is it kept?"],
        );
        check(
            "Who has the key? Which shed has a heater in it?",
            &["Who has the key?", "Which shed has a heater in it?"],
        );
    }

    #[test]
    fn the_last_part_takes_what_is_too_much() {
        let many = "Who has the key? ".repeat(12);
        let found = parts(&many, &[]);
        assert_eq!(found.len(), MOST);
        assert_eq!(found[MOST - 1].matches('?').count(), 12 - (MOST - 1));
    }
}
