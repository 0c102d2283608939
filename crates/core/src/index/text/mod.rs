//! Keyword search: from text to terms to ranked slots.
//!
//! Owns tokenising, the inverted index and BM25. Does not own records: it sees slots and strings. Invariant: each
//! posting list is in ascending slot order; the slots of removed texts stay in it for a while and count for nothing.

mod distance;
mod find;
mod pattern;
mod postings;
mod rank;
mod stop_words;
mod tokenize;
mod vocabulary;

pub(crate) use find::Found;
pub(crate) use pattern::{Ending, Pattern};
pub use postings::Bm25;
pub(crate) use postings::{Glossary, KeywordQuery, TextIndex};
pub(crate) use rank::KeywordHits;
pub use tokenize::TOKENIZER;
pub(crate) use tokenize::{MAX_TERM_CHARS, Tokenizer, fold, words};
