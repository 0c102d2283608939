//! BERT's uncased tokenisation: basic tokens, then WordPiece, longest match first.
//!
//! After Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", 2018, and its reference
//! implementation. Differs in nothing that the parity cases in `models/parity.json` show.

use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::embed::categories::{FORMAT, PUNCTUATION, SPACING_MARKS, is_in};

/// A word longer than this is unknown.
const MAX_WORD_CHARS: usize = 100;

/// The vocabulary: pieces to ids.
#[derive(Debug)]
pub(super) struct Vocabulary {
    starts: FxHashMap<Box<str>, u32>,
    continuations: FxHashMap<Box<str>, u32>,
}

impl Vocabulary {
    /// Reads one piece a line; the line number is the id, `##` marks a continuation.
    pub(super) fn parse(text: &str) -> Vocabulary {
        let mut vocabulary = Vocabulary { starts: FxHashMap::default(), continuations: FxHashMap::default() };
        for (id, piece) in text.split('\n').enumerate() {
            let (table, key) = match piece.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => (&mut vocabulary.continuations, rest),
                _ => (&mut vocabulary.starts, piece),
            };
            table.insert(key.into(), id as u32);
        }
        vocabulary
    }

    /// Calls `emit` with the id of each piece of `text`. Words that cannot be spelled in pieces are left out.
    pub(super) fn encode(&self, text: &str, mut emit: impl FnMut(u32)) {
        let mut word = String::new();
        let mut pieces = Vec::new();
        let mut end_word = |word: &mut String| {
            if !word.is_empty() && self.spell(word, &mut pieces) {
                pieces.iter().copied().for_each(&mut emit);
            }
            word.clear();
        };
        let mut each = |c: char| {
            if c == ' ' {
                end_word(&mut word);
            } else if is_punctuation(c) || is_ideograph(c) {
                end_word(&mut word);
                word.push(c);
                end_word(&mut word);
            } else {
                word.push(c);
            }
        };
        let cleaned = text.chars().filter_map(clean);
        if text.is_ascii() {
            cleaned.map(|c| c.to_ascii_lowercase()).for_each(&mut each);
        } else {
            let cleaned: String = cleaned.collect();
            cleaned.nfd().filter(|c| !is_accent(*c)).flat_map(char::to_lowercase).for_each(&mut each);
        }
        each(' ');
    }

    fn spell(&self, word: &str, pieces: &mut Vec<u32>) -> bool {
        pieces.clear();
        if word.chars().count() > MAX_WORD_CHARS {
            return false;
        }
        let mut rest = word;
        while !rest.is_empty() {
            let table = if pieces.is_empty() { &self.starts } else { &self.continuations };
            let ends = rest.char_indices().rev().map(|(at, c)| at + c.len_utf8());
            let Some((end, id)) = ends.filter_map(|end| Some((end, *table.get(&rest[..end])?))).next() else {
                return false;
            };
            pieces.push(id);
            rest = &rest[end..];
        }
        true
    }
}

/// A space for all white space, and nothing for what is invisible or means nothing: categories Cc, Cf and Co.
fn clean(c: char) -> Option<char> {
    match c {
        '\t' | '\n' | '\r' => Some(' '),
        '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => None,
        c if c.is_control() || is_in(&FORMAT, c) => None,
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    }
}

/// Category Mn: marks that BERT drops. It keeps the other marks, such as the vowel signs of Indic scripts.
fn is_accent(c: char) -> bool {
    is_combining_mark(c) && !is_in(&SPACING_MARKS, c)
}

/// All ASCII that is neither letter, digit, space nor control, and category P.
fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || is_in(&PUNCTUATION, c)
}

/// Characters that BERT takes as words of their own.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2ceaf}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that a vocabulary of exactly these words finds in `text`.
    fn check(text: &str, words: &[&str]) {
        let vocabulary = Vocabulary::parse(&words.join("\n"));
        let mut found = Vec::new();
        vocabulary.encode(text, |id| found.push(words[id as usize]));
        assert_eq!(found, words, "{text:?}");
    }

    #[test]
    fn controls_and_private_characters_vanish_inside_words() {
        check("ab\u{b}c\u{c}d\u{85}e\u{0}f\u{7f}g", &["abcdefg"]);
        check("a\u{ad}b\u{200b}c\u{feff}d\u{e000}e\u{f8ff}f\u{100000}g\u{fffd}h", &["abcdefgh"]);
        check(
            "one\ttwo\nthree\rfour\u{a0}five\u{2028}six\u{3000}seven",
            &["one", "two", "three", "four", "five", "six", "seven"],
        );
    }

    #[test]
    fn only_marks_without_width_are_dropped() {
        check("Café E\u{301}COLE", &["cafe", "ecole"]);
        // Devanagari: the vowel signs stay (Mc), the virama goes (Mn).
        check("\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}", &["\u{939}\u{93f}\u{928}\u{926}\u{940}"]);
        // An enclosing circle (Me) stays.
        check("a\u{20dd}", &["a\u{20dd}"]);
    }

    #[test]
    fn each_punctuation_character_and_ideograph_is_a_word() {
        check("a.b—c\u{2e5d}", &["a", ".", "b", "—", "c", "\u{2e5d}"]);
        check("a$+b", &["a", "$", "+", "b"]);
        check("東京a", &["東", "京", "a"]);
        // A symbol is not punctuation.
        check("5€ x", &["5€", "x"]);
    }

    #[test]
    fn lower_case_is_taken_character_by_character() {
        check("ΟΔΟΣ İ ẞ", &["οδοσ", "i", "ß"]);
    }

    #[test]
    fn a_word_is_spelled_whole_or_not_at_all() {
        let vocabulary = Vocabulary::parse("un\n##able\n##a\nab");
        let spelled = |text: &str| {
            let mut ids = Vec::new();
            vocabulary.encode(text, |id| ids.push(id));
            ids
        };
        assert_eq!(spelled("unable"), [0, 1]);
        assert_eq!(spelled("unaable ab"), [0, 2, 1, 3]);
        assert_eq!(spelled("unablex"), [0; 0]);
        assert_eq!(spelled(&format!("un{}", "a".repeat(98))).len(), 99);
        assert_eq!(spelled(&format!("un{}", "a".repeat(99))), [0; 0]);
    }
}
