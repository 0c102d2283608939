//! The policies against naive references: activation from whole histories, rules from whole numbers, queues from plain
//! sorting. What is published about a formula is checked beside it.

#![allow(clippy::disallowed_methods, reason = "the references use other maths than the engine")]

mod activation;
mod bounds;
mod eviction;
mod figures;
mod importance;
mod past;
mod retention;
mod rules;
mod settings;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// What rounding may add up to.
const ROUNDING: f64 = 1e-12;
