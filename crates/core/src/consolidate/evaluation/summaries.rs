//! What summaries of sessions keep of the answers to questions.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Turn, conversations, lines, percent, terms};
use crate::consolidate::extract;
use crate::consolidate::sparse::{Sparse, dot, tf_idf};
use crate::consolidate::summary::{Sentence, split};

/// Which sentences to take, given how many bytes there are.
type Choice = fn(&[Sentence<'_>], usize) -> Vec<usize>;

const OTHERS: [(&str, Choice); 7] = [
    ("leading sentences", |sentences, budget| fill(sentences, 0..sentences.len(), budget)),
    ("longest sentences", |sentences, budget| {
        best(sentences, |place| sentences[place].text.len() as f64, budget)
    }),
    ("random sentences", |sentences, budget| {
        let mut order: Vec<usize> = (0..sentences.len()).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut order);
        fill(sentences, order, budget)
    }),
    ("LexRank", |sentences, budget| {
        let rank = lex_rank(sentences);
        best(sentences, |place| rank[place], budget)
    }),
    ("LexRank with MMR", |sentences, budget| mmr(sentences, &lex_rank(sentences), budget)),
    ("TextRank", |sentences, budget| {
        let rank = rank(sentences.len(), |a, b| overlap(&sentences[a], &sentences[b]));
        best(sentences, |place| rank[place], budget)
    }),
    ("centroid", |sentences, budget| {
        let score = centroid(sentences);
        best(sentences, |place| score[place], budget)
    }),
];

fn fill(sentences: &[Sentence<'_>], order: impl IntoIterator<Item = usize>, budget: usize) -> Vec<usize> {
    let mut left = budget;
    let mut fits = |place: &usize| {
        let cost = sentences[*place].text.len() + 1;
        let fits = cost <= left;
        left -= if fits { cost } else { 0 };
        fits
    };
    order.into_iter().filter(|place| fits(place)).collect()
}

fn best(sentences: &[Sentence<'_>], score: impl Fn(usize) -> f64, budget: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sentences.len()).collect();
    order.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
    fill(sentences, order, budget)
}

/// The rank of each of `count` sentences by their similarity (Page et al. 1999), damped by 0.85.
fn rank(count: usize, similarity: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let row = |a| (0..count).map(|b| similarity(a, b)).collect();
    let rows: Vec<Vec<f64>> = (0..count).map(row).collect();
    let mut rank = vec![1.0 / count as f64; count];
    for _ in 0..60 {
        let mut next = vec![0.15 / count as f64; count];
        for (row, rank) in rows.iter().zip(&rank) {
            let sum: f64 = row.iter().sum();
            if sum > 0.0 {
                next.iter_mut().zip(row).for_each(|(next, weight)| *next += 0.85 * rank * weight / sum);
            }
        }
        rank = next;
    }
    rank
}

fn vectors(sentences: &[Sentence<'_>]) -> Vec<Sparse> {
    tf_idf(&sentences.iter().map(|sentence| sentence.terms.as_slice()).collect::<Vec<_>>())
}

/// Continuous LexRank (Erkan and Radev 2004).
fn lex_rank(sentences: &[Sentence<'_>]) -> Vec<f64> {
    let vectors = vectors(sentences);
    rank(sentences.len(), |a, b| dot(&vectors[a], &vectors[b]))
}

/// The similarity of TextRank (Mihalcea and Tarau 2004).
fn overlap(a: &Sentence<'_>, b: &Sentence<'_>) -> f64 {
    let common = a.terms.iter().filter(|(term, _)| b.terms.iter().any(|(other, _)| other == term)).count();
    let length = |sentence: &Sentence<'_>| libm::log(sentence.terms.iter().map(|(_, n)| f64::from(*n)).sum());
    let same = std::ptr::eq(a, b) || common == 0;
    if same { 0.0 } else { common as f64 / (length(a) + length(b)).max(1.0) }
}

/// The sum of the weights of the sentence's terms in the centroid (Radev et al. 2004).
fn centroid(sentences: &[Sentence<'_>]) -> Vec<f64> {
    let mut of_term: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for &(term, count) in sentences.iter().flat_map(|sentence| &sentence.terms) {
        let (sum, with) = of_term.entry(term).or_default();
        (*sum, *with) = (*sum + f64::from(count), *with + 1.0);
    }
    let total = sentences.len() as f64;
    let weight = |term: &u32| of_term[term].0 * libm::log(1.0 + total / of_term[term].1);
    sentences.iter().map(|sentence| sentence.terms.iter().map(|(term, _)| weight(term)).sum()).collect()
}

/// Maximal marginal relevance (Carbonell and Goldstein 1998) with equal weights.
fn mmr(sentences: &[Sentence<'_>], score: &[f64], budget: usize) -> Vec<usize> {
    let vectors = vectors(sentences);
    let top = score.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut waiting: BTreeSet<usize> = (0..sentences.len()).collect();
    let mut closest = vec![0.0f64; sentences.len()];
    let mut order = Vec::new();
    let value = |place: usize, closest: &[f64]| score[place] / top - closest[place];
    let next = |waiting: &BTreeSet<usize>, closest: &[f64]| {
        let better = |a: &usize, b: &usize| value(*a, closest).total_cmp(&value(*b, closest)).then(b.cmp(a));
        waiting.iter().copied().max_by(better)
    };
    let mut left = budget;
    while let Some(place) = next(&waiting, &closest) {
        waiting.remove(&place);
        if sentences[place].text.len() < left {
            left -= sentences[place].text.len() + 1;
            order.push(place);
            let near = closest.iter_mut().zip(&vectors);
            near.for_each(|(closest, vector)| *closest = closest.max(dot(vector, &vectors[place])));
        }
    }
    order
}

/// Of a question's evidence, where it is and which terms of the answer.
type Needs = BTreeMap<(String, String), Vec<Vec<String>>>;

fn needs() -> Needs {
    let mut needs = Needs::new();
    for question in lines("questions.jsonl").iter().filter(|question| question["category"] != 5) {
        let answer =
            question["answer"].as_str().map_or_else(|| question["answer"].to_string(), str::to_owned);
        for id in question["evidence"].as_array().expect("a list") {
            let field = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
            needs.entry((field(&question["conv"]), field(id))).or_default().push(terms(&answer));
        }
    }
    needs
}

#[derive(Default)]
struct Kept {
    needed: f64,
    all: f64,
    share: f64,
}

impl Kept {
    /// Counts what `summary` keeps of the words that answers share with their evidence.
    fn count(&mut self, conversation: &str, session: &[Turn], summary: &[String], needs: &Needs) {
        let kept: BTreeSet<String> = summary.iter().flat_map(|text| terms(text)).collect();
        for turn in session {
            let said: BTreeSet<String> = terms(&turn.text).into_iter().collect();
            let key = (conversation.to_owned(), turn.id.clone());
            for answer in needs.get(&key).into_iter().flatten() {
                let words: BTreeSet<&String> = answer.iter().filter(|term| said.contains(*term)).collect();
                if words.is_empty() {
                    continue;
                }
                let found = words.iter().filter(|term| kept.contains(**term)).count();
                self.needed += 1.0;
                self.all += f64::from(u8::from(found == words.len()));
                self.share += found as f64 / words.len() as f64;
            }
        }
    }
}

/// Summaries of 30 % of the bytes of each session.
fn evaluate(summarize: impl Fn(&[&str], usize) -> Vec<String>) -> Kept {
    let (needs, mut kept) = (needs(), Kept::default());
    for (name, turns) in &conversations() {
        for session in turns.chunk_by(|a, b| a.session == b.session) {
            let texts: Vec<&str> = session.iter().map(|turn| turn.text.as_str()).collect();
            let budget = texts.iter().map(|text| text.len()).sum::<usize>() * 3 / 10;
            let summary = summarize(&texts, budget);
            assert!(summary.iter().map(String::len).sum::<usize>() <= budget);
            kept.count(name, session, &summary, &needs);
        }
    }
    kept
}

#[test]
#[ignore = "an evaluation"]
fn answers_that_survive_in_summaries() {
    let mut results = vec![("extract", evaluate(extract))];
    for (name, choose) in OTHERS {
        let chosen = |texts: &[&str], budget| {
            let sentences = split(texts);
            choose(&sentences, budget).iter().map(|place| sentences[*place].text.to_owned()).collect()
        };
        results.push((name, evaluate(chosen)));
    }
    results.sort_by_key(|(_, kept)| Reverse(kept.all as u64));
    println!(
        "{:.0} pieces of evidence with words of their answer; of these words survive",
        results[0].1.needed
    );
    for (name, Kept { needed, all, share }) in &results {
        println!(
            "{name:20} all {:5.1} %, on average {:5.1} %",
            percent(*all, *needed),
            percent(*share, *needed)
        );
    }
    let all = |name: &str| results.iter().find(|(known, _)| *known == name).map(|(_, kept)| kept.all);
    for other in ["LexRank", "LexRank with MMR", "TextRank", "longest sentences", "random sentences"] {
        assert!(all("extract") > all(other), "{other} keeps as much");
    }
}
