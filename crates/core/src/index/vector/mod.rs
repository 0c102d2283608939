//! Vector search: from a query vector to the nearest slots.
//!
//! Owns what is kept of vectors and the ways to search it. The only way today is [`FlatIndex`], a scan: int8 rows, scored
//! in `f32` where that is kept, rows of projected vectors, and rows of one bit for each component. Inverted lists and the HNSW graph of long-term
//! segments take their places beside it behind [`VectorIndex`].

mod code;
mod eigen;
mod fit;
mod flat;
mod kernel;
mod lists;
mod project;
mod rotate;
mod rows;
mod signs;

pub(crate) use code::{encode, fits, quantise};
pub(crate) use fit::{Extent, Fitted, compare, fit};
pub(crate) use flat::FlatIndex;
pub(crate) use kernel::dot;
pub(crate) use project::{Map, Projection, Projections};

use crate::index::{Slot, SlotSet, TieBreak};
use crate::model::{Code, Kept};

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

/// A question in the forms in which vectors are compared with it. Good for the index that made it, as long as nothing is
/// inserted.
#[derive(Debug)]
pub(crate) struct Probe {
    whole: Stepped,
    /// By number of the projection, where there are rows of it and it is known what it makes of the question.
    projected: Vec<Option<Stepped>>,
    /// What rows of signs look up; empty while there are none.
    signs: Vec<f32>,
}

/// A question, or what a projection makes of it, in the forms in which it is compared with rows of steps.
#[derive(Debug)]
struct Stepped {
    vector: Vec<f32>,
    /// The quantised components, filled up to whole registers.
    steps: Vec<i16>,
    /// What brings a product of these steps and those of a row at length 1 to the score.
    scale: f32,
    /// What brings a product of the vector and a row at length 1 to the score.
    factor: f32,
}

/// A set of unit vectors that can be searched by cosine similarity.
///
/// Shapes: every vector, stored or asked, has as many components as the index was made for, and length 1. Callers check
/// that; the index trusts it.
pub(crate) trait VectorIndex {
    /// Number of vectors held.
    fn len(&self) -> usize {
        self.counts().iter().sum()
    }
    /// Number of vectors held whole in each precision, and projected.
    fn counts(&self) -> [usize; 4];
    /// Estimated bytes held.
    fn bytes(&self) -> usize;
    /// Adds the vector of `slot`, in place of the one before.
    fn insert(&mut self, slot: Slot, code: &Code);
    /// Forgets the vector of `slot`, if there is one.
    fn remove(&mut self, slot: Slot);
    /// Keeps the vector of `slot` like that if it takes fewer bytes then.
    fn coarsen(&mut self, slot: Slot, kept: Kept);
    /// How the vector of `slot` is kept.
    fn kept(&self, slot: Slot) -> Option<Kept>;
    /// What is kept of the vector of `slot`.
    fn code(&self, slot: Slot) -> Option<Code>;
    /// The unit vector of `slot`, as far as it is kept and something leads back to it.
    fn vector(&self, slot: Slot) -> Option<Vec<f32>>;
    /// Prepares a question. `encoded` is what encoders of the host make of it, by name: vectors that one has made and that
    /// is missing there are not found.
    fn probe(&self, query: &[f32], encoded: &[(String, Vec<f32>)]) -> Probe;
    /// The `limit` allowed slots nearest to the question.
    fn search(&self, probe: &Probe, limit: usize, allowed: &SlotSet, ties: &TieBreak<'_>) -> VectorHits;
    /// The score of one slot, as exact as what is kept of it.
    fn score(&self, probe: &Probe, slot: Slot) -> Option<f32>;
}

/// A random unit vector.
#[cfg(test)]
fn unit(random: &mut fastrand::Rng, dimensions: usize) -> Vec<f32> {
    let raw: Vec<f32> = (0..dimensions).map(|_| random.f32() - 0.5).collect();
    let norm = dot(&raw, &raw).sqrt();
    raw.into_iter().map(|component| component / norm).collect()
}
