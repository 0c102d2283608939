//! Vector search: from a query vector to the nearest slots.
//!
//! Owns what is kept of vectors and the ways to search it. [`Arena`] keeps rows, by precision or projection, and codes of
//! signs in inverted lists; [`plan`] chooses for each question which of them a search reads, and [`search`] reads them.

#[cfg(feature = "bench")]
mod alone;
mod arena;
mod best;
mod build;
mod centres;
mod code;
mod eigen;
mod fit;
mod graph;
#[cfg(test)]
mod graph_tests;
mod halves;
mod hunt;
mod kernel;
mod links;
mod lists;
mod order;
mod paged;
mod place;
mod plan;
mod probe;
mod project;
mod reading;
#[cfg(test)]
mod recall_tests;
mod rotate;
mod row_cache;
mod rows;
mod search;
mod signs;
mod stored;
#[cfg(test)]
mod study;
mod walk;

#[cfg(feature = "bench")]
pub use alone::IndexAlone;
pub(crate) use arena::Arena;
pub use build::build_graph;
use code::decode;
pub(crate) use code::{encode, fits, quantise};
pub(crate) use fit::{Extent, Fitted, compare, fit};
pub use graph::Placing;
pub(crate) use graph::{Coverage, Standing};
pub(crate) use kernel::dot;
pub(crate) use lists::KeptList;
pub use paged::PagingFigures;
pub(crate) use plan::{DEFAULT_RECALL, Way};
pub(crate) use probe::Probe;
pub(crate) use project::{Map, Projection, Projections};
pub(crate) use reading::{ByteRange, Reading, Seat};
pub(crate) use stored::StoredVector;

use crate::index::{Slot, SlotSet, TieBreak};
use crate::model::{Code, Kept};

/// Vectors that a commit brings to where searches find them faster, for each of its operations.
pub(crate) const SETTLED: usize = 3;

/// A slot found by its vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct VectorHit {
    /// The slot.
    pub(crate) slot: Slot,
    /// How alike it is, by the metric of the question.
    pub(crate) score: f32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VectorHits {
    /// Best first; equal scores in the order of their tie-break.
    pub(crate) hits: Vec<VectorHit>,
    /// The lowest score of any allowed slot, or an estimate of it: what "not at all similar" means here.
    pub(crate) floor: f32,
    /// How they were found.
    pub(crate) way: Way,
}

/// What a search is to find.
pub(crate) struct Wanted<'a> {
    /// Slots at most.
    pub(crate) limit: usize,
    /// How many of these are to be the nearest there are, as surely as the way of searching can say; the others may have
    /// nearer ones beside them that were not found.
    pub(crate) sure: usize,
    /// The slots in question.
    pub(crate) allowed: &'a SlotSet,
    /// Whether all are to be the nearest there are, whatever it takes.
    pub(crate) exact: bool,
    /// If not: which share of the nearest ten is to be found, about.
    pub(crate) recall: f32,
    /// Decides between equal scores.
    pub(crate) ties: &'a TieBreak<'a>,
}

/// A set of vectors that can be searched by a metric.
///
/// Shapes: every vector, stored or asked, has as many components as the index was made for, and length 1 where lengths do
/// not count. Callers check that; the index trusts it.
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
    /// The length of the vector of `slot`, where lengths count; 1 otherwise.
    fn length(&self, slot: Slot) -> f32;
    /// What is kept of the vector of `slot`.
    fn code(&self, slot: Slot) -> Option<Code>;
    /// The vector of `slot` at length 1, as far as it is kept and something leads back to it.
    fn vector(&self, slot: Slot) -> Option<Vec<f32>>;
    /// Prepares a question. `encoded` is what encoders of the host make of it, by name: vectors that one has made and that
    /// is missing there are not found.
    fn probe(&self, query: &[f32], encoded: &[(String, Vec<f32>)]) -> Probe;
    /// The allowed slots nearest to the question.
    fn search(&self, probe: &Probe, wanted: &Wanted<'_>) -> VectorHits;
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
