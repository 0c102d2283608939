//! What a query asks for beyond single terms: a phrase, a word that begins so, a word much like that.
//!
//! The index knows terms, which are stems, and not their places. So it says which documents can match, and their words
//! say which do: what is found is exact, and costs reading the candidates.

use crate::index::text::distance::Fuzzy;
use crate::index::text::stop_words::is_stop_word;
use crate::index::text::tokenize::{Tokenizer, fold, is_cjk, words};

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
    /// Compared with the word itself, and with its stem.
    Fuzzy(Fuzzy),
}

/// Which of the words of a term meet a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of them, and nothing else is needed.
    All,
    /// Some may.
    Some,
    None,
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
            Ending::Fuzzy(most) => Last::Fuzzy(Fuzzy::new(&last, *most)),
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

    /// What a term says of the words that it is the stem of.
    pub(super) fn verdict(&self, term: &str) -> Verdict {
        let kept = beginning(term);
        match &self.ending {
            Last::Prefix if self.before.is_empty() && kept.starts_with(&self.last) => Verdict::All,
            Last::Prefix if kept.starts_with(&self.last) || self.last.starts_with(kept) => Verdict::Some,
            Last::Fuzzy(fuzzy) if fuzzy.may_begin(kept.chars()) => Verdict::Some,
            Last::Whole | Last::Prefix | Last::Fuzzy(_) => Verdict::None,
        }
    }

    /// How often the pattern occurs in a field; a word that edits lead to counts less, by 1 / (1 + edits).
    pub(super) fn occurrences(&self, field: &str) -> f32 {
        let folded = fold(field);
        let mut count = 0.0;
        if self.before.is_empty() {
            words(&folded, |word| count += self.meets(word));
            return count;
        }
        let mut all: Vec<&str> = Vec::new();
        words(&folded, |word| all.push(word));
        let width = self.before.len();
        for window in all.windows(width + 1) {
            if window[..width].iter().zip(&self.before).all(|(word, own)| word == own) {
                count += self.meets(window[width]);
            }
        }
        count
    }

    fn meets(&self, word: &str) -> f32 {
        if !matches!(self.ending, Last::Whole) && is_stop_word(word) {
            return 0.0;
        }
        match &self.ending {
            Last::Whole => f32::from(u8::from(word == self.last)),
            Last::Prefix => f32::from(u8::from(word.starts_with(&self.last))),
            Last::Fuzzy(fuzzy) => fuzzy.distance(word).map_or(0.0, |edits| 1.0 / (1.0 + f32::from(edits))),
        }
    }
}

/// The letters of a stem that each of its words surely begins with. Porter's rules leave a beginning of the word, but for
/// an "i" or an "e" at the end, which they may have put there; of the words that the algorithm lists, "dying" and its like
/// keep a single letter of their stem, and "skies" two.
fn beginning(stem: &str) -> &str {
    match stem {
        "die" | "lie" | "tie" => &stem[..1],
        "sky" => &stem[..2],
        // "nobl" comes of "nobility", too.
        _ if stem.ends_with("bl") => &stem[..stem.len() - 1],
        _ => stem.strip_suffix(['i', 'e']).unwrap_or(stem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stem(word: &str) -> Option<String> {
        let mut found = None;
        Tokenizer::default().terms(word, |term| found = Some(term.to_owned()));
        found
    }

    /// All endings that Porter's rules know, on all sorts of beginnings.
    #[test]
    fn words_begin_as_their_stems_say() {
        let endings = "s es ies ied sses eed eedly ed edly ing ingly at bl iz y ly li tional enci ency anci ancy abli ably \
                       entli ently izer ization ational ation ator alism aliti ality alli ally fulness ousli ously \
                       ousness iveness iviti ivity biliti bility bli bly ogi ogy fulli fully lessli lessly alize icate \
                       iciti icity ical ful ness ative al ance ence er ic able ible ant ement ment ent ism ate iti ous \
                       ive ize sion tion e l ll ying ies";
        let starts = "d l t sk s n g id gent ugl earl onl singl out prov cann hop hopp conn organ rel vil fe be re a ad \
                      happ troubl siz fizz gener commun arsen succ proc exc inn herr earr cal";
        let mut seen = 0;
        for start in starts.split_whitespace() {
            for end in endings.split_whitespace() {
                let word = format!("{start}{end}");
                let Some(stem) = stem(&word) else { continue };
                seen += 1;
                assert!(word.starts_with(beginning(&stem)), "{word} has the stem {stem}");
            }
        }
        assert!(seen > 3_000, "{seen} words");
    }

    fn count(text: &str, ending: Ending, field: &str) -> f32 {
        Pattern::read(text, &ending, String::new()).map_or(-1.0, |pattern| pattern.occurrences(field))
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
    }
}
