//! The words of which the terms are stems, to tell without reading texts what a pattern means.
//!
//! Made of all texts when a pattern asks for it first, and kept up with what is added from then on. A word stays when the last
//! text that had it goes: then a text may be read in vain, and what is found is the same.

use rustc_hash::FxHashMap;

use crate::index::text::stop_words::is_stop_word;
use crate::index::text::tokenize::{MAX_TERM_CHARS, Tokenizer, fold, is_cjk, words};

/// The words of a term.
#[derive(Debug, Default)]
pub(super) struct Forms {
    pub(super) words: Vec<Box<str>>,
    /// Whether there are words that are not kept, because they are too long.
    pub(super) more: bool,
}

/// The words of each term, by its number.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    forms: Vec<Forms>,
}

impl Vocabulary {
    /// Takes in the words of a text whose terms have the numbers `ids`.
    pub(super) fn learn(&mut self, text: &str, tokenizer: &Tokenizer, ids: &FxHashMap<Box<str>, u32>) {
        words(&fold(text), |word| {
            // Characters that stand for words make terms of several; no pattern looks for parts of them.
            if word.starts_with(is_cjk) || is_stop_word(word) {
                return;
            }
            let Some(&id) = ids.get(&*tokenizer.stem(word)) else { return };
            let id = id as usize;
            if id >= self.forms.len() {
                self.forms.resize_with(id + 1, Forms::default);
            }
            let forms = &mut self.forms[id];
            if word.chars().nth(MAX_TERM_CHARS).is_some() {
                forms.more = true;
            } else if !forms.words.iter().any(|known| **known == *word) {
                forms.words.push(word.into());
            }
        });
    }

    /// The words of a term; nothing if none is known, as of characters that stand for words.
    pub(super) fn of(&self, id: u32) -> Option<&Forms> {
        self.forms.get(id as usize).filter(|forms| forms.more || !forms.words.is_empty())
    }

    /// Estimated bytes held.
    pub(super) fn bytes(&self) -> usize {
        let words = self.forms.iter().flat_map(|forms| &forms.words);
        let each = size_of::<Box<str>>();
        self.forms.len() * size_of::<Forms>() + words.map(|word| word.len() + each).sum::<usize>()
    }
}
