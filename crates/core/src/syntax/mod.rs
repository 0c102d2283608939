//! The syntax of queries: from a text to an expression, and back.
//!
//! Owns the grammar, the fields that can be named, and what is wrong with a text that follows neither. What an expression
//! means for records is [`crate::retrieve`]'s to say. The grammar, for users: `docs/QUERIES.md`.

mod expression;
mod field;
mod parse;
mod period;

pub use expression::Expression;
pub use field::FieldTerm;
