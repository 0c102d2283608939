//! Vector search: from a query vector to the nearest slots.
//!
//! Owns vectors and the ways to search them. The only way today is [`FlatIndex`], an int8 scan rescored in `f32`,
//! exact for practical purposes. Codes, inverted lists and the HNSW graph of long-term segments take their places
//! beside it behind [`VectorIndex`].

mod flat;
mod kernel;

pub(crate) use flat::FlatIndex;
pub(crate) use kernel::dot;

use crate::index::{Slot, SlotSet, TieBreak};

/// A slot found by its vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct VectorHit {
    /// The slot.
    pub(crate) slot: Slot,
    /// Cosine similarity, -1 to 1.
    pub(crate) score: f32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VectorHits {
    /// Best first; equal scores in the order of their tie-break.
    pub(crate) hits: Vec<VectorHit>,
    /// The lowest score of any allowed slot, or an estimate of it: what "not at all similar" means here.
    pub(crate) floor: f32,
}

/// A set of unit vectors that can be searched by cosine similarity.
///
/// Shapes: every vector, stored or asked, has as many components as the index was made for, and length 1. Callers check
/// that; the index trusts it.
pub(crate) trait VectorIndex: std::fmt::Debug {
    /// Number of vectors held.
    fn len(&self) -> usize;
    /// Estimated bytes held.
    fn bytes(&self) -> usize;
    /// Adds the vector of `slot`. Slots arrive in ascending order.
    fn insert(&mut self, slot: Slot, vector: &[f32]);
    /// Forgets the vector of `slot`, if there is one.
    fn remove(&mut self, slot: Slot);
    /// The vector of `slot`.
    fn vector(&self, slot: Slot) -> Option<&[f32]>;
    /// The `limit` allowed slots nearest to `query`.
    fn search(&self, query: &[f32], limit: usize, allowed: &SlotSet, ties: &TieBreak<'_>) -> VectorHits;
    /// The exact score of one slot.
    fn score(&self, query: &[f32], slot: Slot) -> Option<f32> {
        self.vector(slot).map(|vector| dot(query, vector))
    }
}
