//! Retrieval: from a question to ranked, explained records.
//!
//! Owns the query, the signals, their fusion and the explanation. Reads the store and the indexes; changes nothing.
//! Filters apply before ranking. A search without data is skipped, and the explanation says so. What each signal means
//! and what it is worth stands in `docs/RETRIEVAL.md`.

mod brevity;
mod condition;
mod diverse;
mod explain;
mod form;
mod fuse;
mod judge;
mod neighbourhood;
mod parts;
mod period;
mod query;
mod question;
mod recall;
mod refine;
mod relevance;
mod search;
mod unranked;
mod why;

pub use fuse::Fusion;
pub use judge::{Judgement, Reranking};
pub use query::{Part, Query, Weights};
pub use why::{Hit, Signal, SignalShare, SkippedSignal, Why};

pub(crate) use parts::{parts, recall_parts};
pub(crate) use question::without_mentions;
pub(crate) use recall::Sources;
