//! The tiers and the records in them.
//!
//! [`Store`] is the only owner of records. Which record lives in which tier is a field of the record, kept in step
//! with per-tier orders that let maintenance find what is due without looking at everything.

mod columns;
mod store;

pub(crate) use store::{Place, Store};
