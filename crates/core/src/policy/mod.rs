//! Policies: pure functions from metadata to decisions.
//!
//! A policy never changes a store; the engine carries its decisions out. Today there is one, [`overflow`]; promotion,
//! decay, eviction and consolidation take their places beside it.

mod overflow;

pub(crate) use overflow::{Resident, overflow};
