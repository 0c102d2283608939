//! Consolidation: what becomes of many old or repeated memories.
//!
//! Pure functions, as in [`crate::policy`]: what counts as the same statement ([`statement_key`], [`covers`]), which
//! memories belong together ([`group`]), and what a summary of them takes from each ([`extract`]). They change
//! nothing. None of them rewords anything: what is kept stands in a memory as it is.

#[cfg(test)]
mod evaluation;
mod fnv;
mod group;
mod sentence;
mod similar;
mod sparse;
mod summary;
mod words;

pub(crate) use fnv::Fnv;
pub use group::{Grouping, Item, group};
pub(crate) use sentence::sentences;
pub use similar::{covers, same_statement, statement_key};
pub use summary::extract;
