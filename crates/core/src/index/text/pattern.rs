//! What a query asks for beyond single terms: a phrase, a word that begins so, a word much like that.
//!
//! The index knows terms, which are stems, and not their places; the vocabulary knows of which words they are. So both say
//! which documents can match, and where they leave it open, the words of these do: what is found is exact.

use crate::index::text::distance::Fuzzy;
use crate::index::text::stop_words::is_stop_word;
use crate::index::text::tokenize::{Tokenizer, fold, is_cjk, words};
use crate::index::text::vocabulary::Forms;

/// How the last word of a pattern is met.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ending {
    /// By the same word.
    Whole,
    /// By any that begins with it.
    Prefix,
    /// By any that so many edits lead to.
    Fuzzy(u8),
}

/// Words that must follow each other in one field of a document. Only one that is there whole may be a stop word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern {
    /// As it was written.
    pub(crate) name: String,
    before: Vec<String>,
    last: String,
    ending: Last,
}

#[derive(Debug, Clone, PartialEq)]
enum Last {
    Whole,
    Prefix,
    Fuzzy(Fuzzy),
}

/// Most edits of a pattern.
const MAX_EDITS: u8 = 2;

/// Which of the words of a term meet a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of them, after so many edits, and nothing else is needed.
    All(u8),
    /// Some may.
    Some,
    None,
}

/// How often a pattern occurs, by the edits that lead there. Counted in whole numbers, so that no order of counting shows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally([u32; MAX_EDITS as usize + 1]);

impl Tally {
    /// Counts occurrences after so many edits.
    pub(super) fn add(&mut self, edits: u8, count: u32) {
        self.0[usize::from(edits)] += count;
    }

    /// What they are worth together: each 1 / (1 + edits).
    pub(super) fn worth(self) -> f32 {
        (1u8..).zip(self.0).map(|(share, count)| count as f32 / f32::from(share)).sum()
    }
}

impl Pattern {
    /// Reads the words of `text`; none: nothing. Their case and accents do not matter.
    pub(crate) fn read(text: &str, ending: &Ending, name: String) -> Option<Pattern> {
        let folded = fold(text);
        let mut before: Vec<String> = Vec::new();
        words(&folded, |word| before.push(word.to_owned()));
        let last = before.pop()?;
        let ending = match ending {
            Ending::Whole => Last::Whole,
            Ending::Prefix => Last::Prefix,
            Ending::Fuzzy(most) => Last::Fuzzy(Fuzzy::new(&last, (*most).min(MAX_EDITS))),
        };
        Some(Pattern { name, before, last, ending })
    }

    /// Terms that every document has in which the pattern occurs.
    pub(super) fn terms(&self, tokenizer: &Tokenizer) -> Vec<String> {
        let mut text = String::new();
        let last = matches!(self.ending, Last::Whole).then_some(&self.last);
        for word in self.before.iter().chain(last) {
            // Characters that stand together make terms of two.
            if !(word.starts_with(is_cjk) && text.ends_with(is_cjk)) {
                text.push(' ');
            }
            text.push_str(word);
        }
        let mut terms = Vec::new();
        tokenizer.terms(&text, |term| {
            // One alone need not be a term where it stands among others.
            let alone = term.starts_with(is_cjk) && term.chars().count() == 1;
            if !alone && !terms.iter().any(|known| known == term) {
                terms.push(term.to_owned());
            }
        });
        terms
    }

    /// Whether the last word alone has to be looked for among the terms, because they do not name it.
    pub(super) fn is_open(&self) -> bool {
        // Where characters are words, none begins with another, and a run of them makes other terms.
        !matches!(self.ending, Last::Whole) && !self.last.starts_with(is_cjk)
    }

    /// What is to be thought of a term that is the stem of these words.
    pub(super) fn verdict(&self, forms: &Forms) -> Verdict {
        let mut met = forms.words.iter().map(|word| self.meets(word));
        match met.next() {
            Some(Some(edits))
                if self.before.is_empty() && !forms.more && met.all(|other| other == Some(edits)) =>
            {
                Verdict::All(edits)
            }
            first if forms.more || first.flatten().is_some() || met.any(|other| other.is_some()) => {
                Verdict::Some
            }
            _ => Verdict::None,
        }
    }

    /// Counts how often the pattern occurs in a field.
    pub(super) fn count(&self, field: &str, tally: &mut Tally) {
        let folded = fold(field);
        let mut meet = |word: &str| {
            if let Some(edits) = self.meets(word) {
                tally.add(edits, 1);
            }
        };
        if self.before.is_empty() {
            return words(&folded, meet);
        }
        let mut all: Vec<&str> = Vec::new();
        words(&folded, |word| all.push(word));
        let width = self.before.len();
        for window in all.windows(width + 1) {
            if window[..width].iter().zip(&self.before).all(|(word, own)| word == own) {
                meet(window[width]);
            }
        }
    }

    /// After how many edits a word is the last one of the pattern, if it is.
    fn meets(&self, word: &str) -> Option<u8> {
        // No edits lead from letters to characters that are words themselves.
        let is_other = || word.starts_with(is_cjk) != self.last.starts_with(is_cjk);
        if !matches!(self.ending, Last::Whole) && (is_stop_word(word) || is_other()) {
            return None;
        }
        match &self.ending {
            Last::Whole => (word == self.last).then_some(0),
            Last::Prefix => word.starts_with(&self.last).then_some(0),
            Last::Fuzzy(fuzzy) => fuzzy.distance(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str, ending: Ending, field: &str) -> f32 {
        Pattern::read(text, &ending, String::new()).map_or(-1.0, |pattern| {
            let mut tally = Tally::default();
            pattern.count(field, &mut tally);
            tally.worth()
        })
    }

    #[test]
    fn occurrences() {
        let field = "The metric units; THE METRIC unit, metrics";
        assert_eq!(count("the Metric units", Ending::Whole, field), 1.0);
        assert_eq!(count("metric unit", Ending::Whole, field), 1.0);
        assert_eq!(count("units the", Ending::Whole, field), 1.0);
        assert_eq!(count("metric", Ending::Prefix, field), 3.0);
        assert_eq!(count("metric uni", Ending::Prefix, field), 2.0);
        assert_eq!(count("metrci", Ending::Fuzzy(1), field), 1.0);
        assert_eq!(count("metric", Ending::Fuzzy(1), field), 2.5);
        assert_eq!(count("th", Ending::Prefix, "the thatch"), 1.0);
        assert_eq!(count(" … ", Ending::Whole, field), -1.0);
        assert_eq!(count("本語", Ending::Whole, "日本語と本語"), 2.0);
        assert_eq!(count("日本", Ending::Prefix, "日本語"), 1.0);
        assert_eq!(count("語", Ending::Fuzzy(1), "日本 x"), 1.0);
        assert_eq!(count("ab", Ending::Fuzzy(2), "日 本 ab"), 1.0);
    }

    #[test]
    fn what_is_thought_of_a_term() {
        let verdict = |text: &str, ending: Ending, words: &[&str], more: bool| {
            let words = words.iter().map(|word| Box::from(*word)).collect();
            let pattern = Pattern::read(text, &ending, String::new()).expect("it has words");
            pattern.verdict(&Forms { words, more })
        };
        let beans = ["bean", "beans"];
        assert_eq!(verdict("bea", Ending::Prefix, &beans, false), Verdict::All(0));
        assert_eq!(verdict("beans", Ending::Prefix, &beans, false), Verdict::Some);
        assert_eq!(verdict("beansx", Ending::Prefix, &beans, false), Verdict::None);
        assert_eq!(verdict("baens", Ending::Fuzzy(1), &beans, false), Verdict::Some);
        assert_eq!(verdict("baens", Ending::Fuzzy(1), &["beans"], false), Verdict::All(1));
        assert_eq!(verdict("baens", Ending::Fuzzy(1), &["peas"], false), Verdict::None);
        assert_eq!(verdict("the bea", Ending::Prefix, &beans, false), Verdict::Some);
        assert_eq!(verdict("bea", Ending::Prefix, &beans, true), Verdict::Some);
        assert_eq!(verdict("pea", Ending::Prefix, &beans, true), Verdict::Some);
    }
}
