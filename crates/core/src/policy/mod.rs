//! Policies: pure functions from figures to decisions.
//!
//! A policy sees a [`Subject`], the figures of a record, and the moment; it changes nothing. The engine carries its
//! decisions out. What each formula is for, and which to choose, stands in `docs/RETENTION.md`.

mod decay;
mod evict;
mod importance;
mod promote;
mod subject;

pub use decay::{Decay, RECENT, Uses, activation, gained};
pub use evict::{Candidate, EvictionPolicy, EvictionStep, worth};
pub use importance::ImportanceWeights;
pub use promote::{Rule, Standing};
pub use subject::Subject;
