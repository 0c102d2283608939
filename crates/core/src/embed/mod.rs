//! The built-in embedder: a static model, read from bytes that the host supplies.
//!
//! Owns the model's file format and its encoder. Does not own the choice of an embedder; the engine itself only sees
//! vectors.

mod categories;
mod static_model;
mod wordpiece;

pub use static_model::StaticModel;
