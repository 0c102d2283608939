//! Retrieval: from a question to ranked, explained records.
//!
//! Owns the query, the signals, their fusion and the explanation. Reads the store and the indexes; changes nothing.
//! Filters apply before ranking. A signal without data is skipped, and the explanation says so.

mod fuse;
mod mention;
mod recall;

pub use fuse::Fusion;
pub use recall::{Hit, Query, Signal, SignalShare, SkippedSignal, Why};

pub(crate) use mention::without_mentions;
pub(crate) use recall::{Sources, recall};
