//! BERT's uncased tokenisation: basic tokens, then WordPiece, longest match first.
//!
//! After Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", 2018, and its reference
//! implementation. Differs in nothing that the parity cases in `models/parity.json` show.

use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

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
            if c.is_whitespace() {
                end_word(&mut word);
            } else if c == '\0' || c == '\u{fffd}' || c.is_control() || is_format(c) || is_combining_mark(c) {
                // Dropped, and the word goes on.
            } else if is_punctuation(c) || is_ideograph(c) {
                end_word(&mut word);
                word.push(c);
                end_word(&mut word);
            } else {
                word.push(c);
            }
        };
        if text.is_ascii() {
            text.chars().map(|c| c.to_ascii_lowercase()).for_each(&mut each);
        } else {
            text.chars().flat_map(char::to_lowercase).nfd().for_each(&mut each);
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

/// Format characters (category Cf) that occur in running text.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

/// All ASCII that is neither letter, digit nor space, and the common Unicode punctuation (category P).
fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}'
            | '\u{37e}' | '\u{387}' | '\u{55a}'..='\u{55f}' | '\u{589}' | '\u{58a}' | '\u{5be}' | '\u{5c0}'
            | '\u{5c3}' | '\u{5c6}' | '\u{5f3}' | '\u{5f4}' | '\u{60c}' | '\u{60d}' | '\u{61b}' | '\u{61d}'..='\u{61f}'
            | '\u{66a}'..='\u{66d}' | '\u{6d4}' | '\u{964}' | '\u{965}' | '\u{970}' | '\u{e4f}' | '\u{e5a}' | '\u{e5b}'
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{2043}' | '\u{2045}'..='\u{2051}' | '\u{2053}'..='\u{205e}'
            | '\u{207d}' | '\u{207e}' | '\u{208d}' | '\u{208e}' | '\u{2308}'..='\u{230b}' | '\u{2329}' | '\u{232a}'
            | '\u{2768}'..='\u{2775}' | '\u{27e6}'..='\u{27ef}' | '\u{2983}'..='\u{2998}' | '\u{2e00}'..='\u{2e5d}'
            | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{3030}' | '\u{303d}'
            | '\u{30a0}' | '\u{30fb}' | '\u{fe10}'..='\u{fe19}' | '\u{fe30}'..='\u{fe52}' | '\u{fe54}'..='\u{fe61}'
            | '\u{fe63}' | '\u{fe68}' | '\u{fe6a}' | '\u{fe6b}' | '\u{ff01}'..='\u{ff03}' | '\u{ff05}'..='\u{ff0a}'
            | '\u{ff0c}'..='\u{ff0f}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff1f}' | '\u{ff20}' | '\u{ff3b}'..='\u{ff3d}'
            | '\u{ff3f}' | '\u{ff5b}' | '\u{ff5d}' | '\u{ff5f}'..='\u{ff65}')
}

/// Characters that BERT takes as words of their own.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2ceaf}' | '\u{2f800}'..='\u{2fa1f}')
}
