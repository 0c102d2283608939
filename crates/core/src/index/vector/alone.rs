//! The index without the memory around it, to be measured.

use crate::index::vector::{Arena, SETTLED, VectorHits, VectorIndex, Wanted, encode};
use crate::index::{Slot, SlotSet};
use crate::model::{Kept, Precision};

/// Vectors by number, from 0 on in the order in which they came.
#[derive(Debug)]
pub struct IndexAlone {
    arena: Arena,
    kept: Kept,
    many: Slot,
    allowed: SlotSet,
}

impl IndexAlone {
    /// An empty index of vectors of so many components, kept as floats with int8 steps beside them, or as `steps` alone.
    pub fn new(dimensions: usize, steps: bool) -> Self {
        let kept = Kept::Whole(if steps { Precision::Int8 } else { Precision::F32 });
        IndexAlone { arena: Arena::new(dimensions), kept, many: 0, allowed: SlotSet::default() }
    }

    /// Adds vectors of length 1, one after the other, each as a commit of one record does.
    pub fn add(&mut self, vectors: &[f32]) {
        for vector in vectors.chunks_exact(self.arena.dimensions) {
            let code = encode(vector.to_vec(), self.kept, self.arena.projections());
            self.arena.insert(self.many, &code);
            self.allowed.insert(self.many);
            self.many += 1;
            self.arena.settle(SETTLED);
        }
    }

    /// Brings into lists what waits for it.
    pub fn settle(&mut self) {
        while self.arena.settle(1_000) {}
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.arena.bytes()
    }

    /// Has a search look at the first of every `one_in` vectors alone.
    pub fn allow(&mut self, one_in: u32) {
        self.allowed = (0..self.many).step_by(one_in.max(1) as usize).collect();
    }

    /// The numbers of the `limit` vectors nearest to a question of length 1, best first; with a `recall` of 1 exactly.
    pub fn search(&self, question: &[f32], limit: usize, recall: f32) -> Vec<u32> {
        self.found(question, limit, recall).hits.into_iter().map(|hit| hit.slot).collect()
    }

    /// How such a question is answered.
    pub fn way(&self, question: &[f32], limit: usize, recall: f32) -> &'static str {
        self.found(question, limit, recall).way.name()
    }

    fn found(&self, question: &[f32], limit: usize, recall: f32) -> VectorHits {
        let ties = |slot| u128::from(slot);
        let exact = recall >= 1.0;
        let wanted = Wanted { limit, sure: limit, allowed: &self.allowed, exact, recall, ties: &ties };
        self.arena.search(&self.arena.probe(question, &[]), &wanted)
    }
}
