//! Context: what may go into a prompt, before anybody has counted its tokens.
//!
//! Owns which records are considered and as what ([`gather`]), which of them only repeat others ([`repeat`]), and which
//! sentences of a long one speak of the question ([`passages`]). Does not own the budget, the order or the form: the
//! host counts the tokens, so it also cuts and renders. Reads only.

mod gather;
mod passage;
mod repeat;

pub(crate) use gather::gather;
pub use gather::{Beside, ContextRequest, Piece, Section, Selection};
pub use passage::{Passage, passages};
