//! The exact scan: int8 rows in blocks, the best of them rescored in `f32`.
//!
//! Each row is quantised to its own scale (largest component to 127). The scan ranks by the int8 product, whose
//! error is far below the distance between neighbours; the top candidates are then scored with the full vectors.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::index::vector::kernel::{ROWS, dot, dot_i8, dot_i8_x4};
use crate::index::vector::{VectorHit, VectorHits, VectorIndex};
use crate::index::{Slot, SlotSet, TieBreak};

/// Rows in a block. Blocks are never moved, so growing copies nothing.
const BLOCK_ROWS: usize = 1_024;
/// Candidates beyond the limit that are scored in full precision.
const RESCORED: usize = 32;
/// When fewer than one row in this many is allowed, the allowed rows are visited one by one.
const SELECTIVE: usize = 6;
const NO_ROW: u32 = u32::MAX;

/// An exact scan over all vectors. See the module's text.
#[derive(Debug)]
pub(crate) struct FlatIndex {
    dimensions: usize,
    /// Components of a quantised row: `dimensions`, rounded up to a whole register.
    width: usize,
    blocks: Vec<Block>,
    rows: usize,
    row_of_slot: Vec<u32>,
    live: SlotSet,
}

#[derive(Debug)]
struct Block {
    quantised: Box<[i8]>,
    scales: Box<[f32]>,
    full: Vec<f32>,
    slots: Vec<Slot>,
}

/// A query on the grid of the rows.
struct Quantised {
    values: Vec<i16>,
    scale: f32,
}

impl FlatIndex {
    /// An empty index of vectors of `dimensions` components, at least one.
    pub(crate) fn new(dimensions: usize) -> Self {
        FlatIndex {
            dimensions,
            width: dimensions.next_multiple_of(8),
            blocks: Vec::new(),
            rows: 0,
            row_of_slot: Vec::new(),
            live: SlotSet::default(),
        }
    }

    fn row(&self, slot: Slot) -> Option<(&Block, usize)> {
        let row = self.row_of_slot.get(slot as usize).copied().filter(|&row| row != NO_ROW)? as usize;
        Some((&self.blocks[row / BLOCK_ROWS], row % BLOCK_ROWS))
    }
}

impl VectorIndex for FlatIndex {
    fn len(&self) -> usize {
        self.live.len()
    }

    fn bytes(&self) -> usize {
        let row = self.width + size_of::<f32>() + self.dimensions * size_of::<f32>() + size_of::<Slot>();
        self.blocks.len() * BLOCK_ROWS * row + self.row_of_slot.len() * size_of::<u32>()
    }

    fn insert(&mut self, slot: Slot, vector: &[f32]) {
        assert_eq!(vector.len(), self.dimensions, "the engine checks dimensions");
        let at = self.rows % BLOCK_ROWS;
        if at == 0 {
            self.blocks.push(Block {
                quantised: vec![0; BLOCK_ROWS * self.width].into(),
                scales: vec![0.0; BLOCK_ROWS].into(),
                full: Vec::with_capacity(BLOCK_ROWS * self.dimensions),
                slots: Vec::with_capacity(BLOCK_ROWS),
            });
        }
        let block = self.blocks.last_mut().expect("pushed when the last one was full");
        let (scale, values) = quantise(vector);
        for (cell, value) in block.quantised[at * self.width..].iter_mut().zip(values) {
            *cell = value;
        }
        block.scales[at] = scale;
        block.full.extend_from_slice(vector);
        block.slots.push(slot);
        self.row_of_slot.resize(slot as usize, NO_ROW);
        self.row_of_slot.push(self.rows as u32);
        self.rows += 1;
        self.live.insert(slot);
    }

    fn remove(&mut self, slot: Slot) {
        if self.live.remove(slot) {
            self.row_of_slot[slot as usize] = NO_ROW;
        }
    }

    fn vector(&self, slot: Slot) -> Option<&[f32]> {
        let (block, at) = self.row(slot)?;
        Some(&block.full[at * self.dimensions..][..self.dimensions])
    }

    fn search(&self, query: &[f32], limit: usize, allowed: &SlotSet, ties: &TieBreak<'_>) -> VectorHits {
        let mut values = vec![0i16; self.width];
        let (scale, quantised) = quantise(query);
        for (cell, value) in values.iter_mut().zip(quantised) {
            *cell = i16::from(value);
        }
        let query_on_grid = Quantised { values, scale };
        let mut best = Best::new(limit.saturating_add(RESCORED), ties);
        if allowed.len() < self.live.len() / SELECTIVE {
            self.visit(&query_on_grid, allowed, &mut best);
        } else {
            self.scan(&query_on_grid, allowed, &mut best);
        }
        let floor = if best.floor.is_finite() { best.floor } else { 0.0 };
        let mut hits: Vec<VectorHit> = best
            .into_slots()
            .filter_map(|slot| Some(VectorHit { slot, score: self.score(query, slot)? }))
            .collect();
        hits.sort_unstable_by(|a, b| {
            b.score.total_cmp(&a.score).then_with(|| ties(a.slot).cmp(&ties(b.slot)))
        });
        hits.truncate(limit);
        VectorHits { hits, floor }
    }

    fn score(&self, query: &[f32], slot: Slot) -> Option<f32> {
        self.vector(slot).map(|vector| dot(query, vector))
    }
}

impl FlatIndex {
    fn scan(&self, query: &Quantised, allowed: &SlotSet, best: &mut Best<'_>) {
        for block in &self.blocks {
            for start in (0..block.slots.len()).step_by(ROWS) {
                let products =
                    dot_i8_x4(&query.values, &block.quantised[start * self.width..][..ROWS * self.width]);
                for (offset, product) in products.into_iter().enumerate() {
                    let Some(&slot) = block.slots.get(start + offset) else { break };
                    if allowed.contains(slot) && self.live.contains(slot) {
                        best.offer(slot, product as f32 * (block.scales[start + offset] * query.scale));
                    }
                }
            }
        }
    }

    fn visit(&self, query: &Quantised, allowed: &SlotSet, best: &mut Best<'_>) {
        for slot in allowed.iter() {
            if let Some((block, at)) = self.row(slot) {
                let product = dot_i8(&query.values, &block.quantised[at * self.width..][..self.width]);
                best.offer(slot, product as f32 * (block.scales[at] * query.scale));
            }
        }
    }
}

/// The scale of a vector, and its components on that scale, -127 to 127.
fn quantise(vector: &[f32]) -> (f32, impl Iterator<Item = i8>) {
    let largest = vector.iter().fold(0f32, |largest, component| largest.max(component.abs()));
    let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
    (scale, vector.iter().map(move |component| libm::roundf(component / scale) as i8))
}

/// The best so many of the slots offered, and the lowest score of all.
struct Best<'a> {
    capacity: usize,
    ties: &'a TieBreak<'a>,
    heap: BinaryHeap<Worst>,
    threshold: f32,
    floor: f32,
}

/// Ordered so that the worst candidate is the greatest.
#[derive(PartialEq)]
struct Worst {
    score: f32,
    tie: u128,
    slot: Slot,
}

impl Eq for Worst {}

impl Ord for Worst {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.tie.cmp(&other.tie))
    }
}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Best<'a> {
    fn new(capacity: usize, ties: &'a TieBreak<'a>) -> Self {
        Best { capacity, ties, heap: BinaryHeap::new(), threshold: f32::NEG_INFINITY, floor: f32::INFINITY }
    }

    fn offer(&mut self, slot: Slot, score: f32) {
        self.floor = self.floor.min(score);
        if score < self.threshold {
            return;
        }
        self.heap.push(Worst { score, tie: (self.ties)(slot), slot });
        if self.heap.len() > self.capacity {
            self.heap.pop();
        }
        if self.heap.len() == self.capacity
            && let Some(worst) = self.heap.peek()
        {
            self.threshold = worst.score;
        }
    }

    fn into_slots(self) -> impl Iterator<Item = Slot> {
        self.heap.into_iter().map(|candidate| candidate.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(random: &mut fastrand::Rng, dimensions: usize) -> Vec<f32> {
        let raw: Vec<f32> = (0..dimensions).map(|_| random.f32() - 0.5).collect();
        let norm = dot(&raw, &raw).sqrt();
        raw.into_iter().map(|component| component / norm).collect()
    }

    /// The scan against a full sort of exact scores, through inserts, removals and filters of every density.
    #[test]
    fn agrees_with_a_full_sort() {
        let mut random = fastrand::Rng::with_seed(9);
        for dimensions in [3, 8, 100, 128] {
            let mut index = FlatIndex::new(dimensions);
            let mut vectors = std::collections::BTreeMap::new();
            for slot in 0..2_500u32 {
                if slot % 7 == 3 {
                    continue;
                }
                let vector = unit(&mut random, dimensions);
                index.insert(slot, &vector);
                vectors.insert(slot, vector);
            }
            for slot in (0..2_500).step_by(5) {
                index.remove(slot);
                vectors.remove(&slot);
            }
            assert_eq!(index.len(), vectors.len());
            for one_in in [1, 2, 10, 100, 1_000] {
                let allowed: SlotSet = (0..2_500).filter(|_| random.u32(..one_in) == 0).collect();
                let query = unit(&mut random, dimensions);
                let mut expected: Vec<(u32, f32)> = vectors
                    .iter()
                    .filter(|(slot, _)| allowed.contains(**slot))
                    .map(|(slot, vector)| (*slot, dot(&query, vector)))
                    .collect();
                expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                let found = index.search(&query, 10, &allowed, &|slot| u128::from(slot));
                let found: Vec<(u32, f32)> = found.hits.iter().map(|hit| (hit.slot, hit.score)).collect();
                assert_eq!(
                    found,
                    expected[..expected.len().min(10)],
                    "{dimensions} dimensions, 1 in {one_in}"
                );
            }
        }
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        let index = FlatIndex::new(4);
        assert_eq!(
            index.search(&[1.0, 0.0, 0.0, 0.0], 5, &SlotSet::default(), &|slot| u128::from(slot)),
            VectorHits::default()
        );
    }
}
