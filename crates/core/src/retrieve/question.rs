//! What a question says of its own accord: whom it names, which time it is about, what sort of answer it wants.
//!
//! Lists of English words, no model. A question in another language keeps its names and the dates that it writes in
//! digits; the rest stays unrecognised, and then nothing is weighed differently.

use std::borrow::Cow;

use crate::model::Timestamp;
use crate::retrieve::period::Period;

/// A question, understood as far as words go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question<'a> {
    /// The time it is about.
    pub(crate) period: Option<Period>,
    /// Whether it wants to know when.
    pub(crate) wants_time: bool,
    /// Whether it wants to know how many or how much.
    pub(crate) wants_number: bool,
    /// Whether its answer is likely to be gathered from several places: "which books", "how many times", "what do both".
    pub(crate) wants_several: bool,
    /// The question without the words of its date: what a record should be about.
    pub(crate) subject: Cow<'a, str>,
    /// Its words as they are compared with names.
    words: Vec<String>,
}

impl<'a> Question<'a> {
    /// Reads a question asked at `now`.
    pub(crate) fn read(text: &'a str, now: Timestamp) -> Self {
        let split: Vec<&str> = text
            .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
            .filter(|word| !word.is_empty())
            .collect();
        let words: Vec<String> = split.iter().map(|word| owner(word)).collect();
        let lower: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = Period::find(&split, now);
        let mut subject = Cow::Borrowed(text);
        if let Some((_, date)) = found.as_ref().filter(|(_, date)| !date.is_empty()) {
            let rest: Vec<&str> = split[..date.start].iter().chain(&split[date.end..]).copied().collect();
            subject = Cow::Owned(rest.join(" "));
        }
        let pair = |first: &str, second: &[&str]| {
            lower.windows(2).any(|pair| pair[0] == first && second.contains(&pair[1]))
        };
        let which = |second: &[&str]| pair("what", second) || pair("which", second);
        Question {
            period: found.map(|(period, _)| period),
            wants_time: lower.first() == Some(&"when")
                || pair("how", &["long"])
                || which(&["date", "day", "month", "time", "year"]),
            wants_number: pair("how", &["many", "much", "old", "often", "long"]),
            wants_several: several(&lower),
            subject,
            words,
        }
    }

    /// Whether the question names `actor`: one of the words of the name is one of its words.
    pub(crate) fn names(&self, actor: &str) -> bool {
        name_words(actor).any(|name| self.words.contains(&name))
    }
}

/// Whether a question asks for more than one thing: "how many", "both", "what ... have", or a plural after "which".
fn several(words: &[&str]) -> bool {
    const VERBS: [&str; 16] = [
        "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "might", "should", "was",
        "were", "will", "would",
    ];
    let counted = words.windows(2).any(|pair| pair == ["how", "many"] || pair == ["how", "often"]);
    let shared = words.iter().any(|word| ["both", "common"].contains(word));
    let so_far = ["what", "where", "which", "who"].contains(words.first().unwrap_or(&""))
        && words.iter().take(6).any(|word| ["has", "have"].contains(word));
    let plural = |word: &&str| word.len() > 3 && word.ends_with('s') && !word.ends_with("ss");
    let listed = words.iter().take(3).enumerate().any(|(at, word)| {
        let rest = &words[at + 1..];
        ["what", "which"].contains(word)
            && (rest.first().is_some_and(|next| ["are", "were"].contains(next))
                || rest.iter().take(4).take_while(|word| !VERBS.contains(word)).any(plural))
    });
    counted || shared || so_far || listed
}

/// Roles that are also ordinary words.
const ROLES: [&str; 8] = ["user", "assistant", "system", "tool", "agent", "human", "bot", "model"];

/// The words of a name that can stand for it.
fn name_words(actor: &str) -> impl Iterator<Item = String> {
    actor
        .split_whitespace()
        .map(|name| strip(name).to_lowercase())
        .filter(|name| name.chars().count() > 1 && !ROLES.contains(&name.as_str()))
}

/// `question` without the words that name one of `actors`, or unchanged if nothing would be left.
///
/// A question such as "when did Ada adopt the dog?" names its actor, and so does every memory of that actor: to an
/// embedding the name is noise that drowns the rest.
pub(crate) fn without_mentions(question: &str, actors: &[&str]) -> String {
    let names: Vec<String> = actors.iter().flat_map(|actor| name_words(actor)).collect();
    let kept: Vec<&str> = question.split_whitespace().filter(|word| !names.contains(&owner(word))).collect();
    if kept.iter().any(|word| !strip(word).is_empty()) { kept.join(" ") } else { question.to_owned() }
}

/// Those of `actors` whom a text names.
pub(crate) fn mentioned<'a>(text: &str, actors: &[&'a str]) -> Vec<&'a str> {
    let words: Vec<String> = text.split_whitespace().map(owner).collect();
    let named = |actor: &&&str| name_words(actor).any(|name| words.contains(&name));
    actors.iter().filter(named).copied().collect()
}

/// A word in lower case, without what surrounds it and without the genitive.
fn owner(word: &str) -> String {
    let mut word = strip(word).to_lowercase();
    if let Some(owner) = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")) {
        word.truncate(owner.len());
    }
    word
}

fn strip(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, actors: &[&str], expected: &str) {
        assert_eq!(without_mentions(question, actors), expected);
    }

    #[test]
    fn names_go_and_the_rest_stays() {
        check("When did Ada adopt the dog?", &["Ada", "Bo"], "When did adopt the dog?");
        check("What is ADA's, and bo’s, plan?", &["Ada", "Bo"], "What is and plan?");
        check("Did Ms Lovelace call?", &["Ada Lovelace"], "Did Ms call?");
    }

    #[test]
    fn roles_and_lone_names_stay() {
        check("which user settings?", &["user", "assistant"], "which user settings?");
        check("Ada?", &["Ada"], "Ada?");
        check("Adam's ribs", &["Ada"], "Adam's ribs");
    }

    fn read(text: &str) -> Question<'_> {
        Question::read(text, Timestamp(1_700_000_000_000))
    }

    #[test]
    fn named_actors() {
        let question = read("Did Ada's sister, or the user, call Ms Lovelace?");
        for (actor, named) in [
            ("Ada", true),
            ("ada king", true),
            ("Lovelace", true),
            ("Al", false),
            ("user", false),
            ("", false),
        ] {
            assert_eq!(question.names(actor), named, "{actor}");
        }
    }

    #[test]
    fn sorts_of_answers() {
        for (text, expected) in [
            ("When did the boat leave?", [true, false, false]),
            ("What day is the fair?", [true, false, false]),
            ("How long was the walk?", [true, true, false]),
            ("How many boats are there?", [false, true, true]),
            ("How much is it?", [false, true, false]),
            ("Which books has Ada read?", [false, false, true]),
            ("What does Ada grow on the plots?", [false, false, false]),
            ("Where has she been?", [false, false, true]),
            ("What are her plans?", [false, false, true]),
            ("What do both of them like?", [false, false, true]),
            ("What class is it?", [false, false, false]),
            ("", [false, false, false]),
        ] {
            let question = read(text);
            let found = [question.wants_time, question.wants_number, question.wants_several];
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn the_subject_is_without_the_date() {
        assert_eq!(read("What broke on 8 May, 2023?").subject, "What broke on");
        assert_eq!(read("What broke yesterday?").subject, "What broke yesterday?");
        assert_eq!(read("What broke?").subject, "What broke?");
    }
}
