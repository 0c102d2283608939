//! The scan over all vectors: int8 rows by their steps, the best of them scored in full; rows of signs by a table.
//!
//! The scan ranks rows of steps by an integer product, whose error is far below the distance between neighbours; the
//! top candidates are then scored with all that is kept of them: their floats, or their steps against the floats of the
//! question. Rows of signs have one score. It estimates the cosine with the vector that the signs were taken of: the
//! cosine of a vector and its signs is near sqrt(2 / pi) in many dimensions, so the cosine with the signs, divided by
//! that, is right on average (Gao and Long, "RaBitQ", SIGMOD 2024, with one factor for all). So scores of all
//! precisions can stand in one list.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::index::vector::code::{decode, encode, quantise, unit_scale};
use crate::index::vector::kernel::{ROWS, dot, dot_f32_i8, dot_i8, dot_i8_x4, sum_of_signs};
use crate::index::vector::rotate::rotate;
use crate::index::vector::rows::Rows;
use crate::index::vector::{Probe, VectorHit, VectorHits, VectorIndex};
use crate::index::{Slot, SlotSet, TieBreak};
use crate::model::{Code, Precision};

/// Candidates beyond the limit that are scored in full precision.
const RESCORED: usize = 32;
/// When fewer than one row in this many is allowed, the allowed rows are visited one by one.
const SELECTIVE: usize = 6;
/// sqrt(pi / 2): what the cosine with the signs of a vector is multiplied with.
const SIGN_FACTOR: f32 = 1.253_314_1;

/// A scan over all vectors. See the module's text.
#[derive(Debug)]
pub(crate) struct FlatIndex {
    dimensions: usize,
    /// By precision.
    rows: [Rows; 3],
    places: Vec<Place>,
}

/// Where the vector of a slot is: its row x 4 + its precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const NONE: Place = Place(u32::MAX);

    fn new(precision: Precision, row: usize) -> Self {
        Place((row * 4 + precision.index()) as u32)
    }

    fn split(self) -> Option<(Precision, usize)> {
        let precision = Precision::ALL.get(self.0 as usize % 4)?;
        Some((*precision, self.0 as usize / 4))
    }
}

impl FlatIndex {
    /// An empty index of vectors of `dimensions` components, at least one.
    pub(crate) fn new(dimensions: usize) -> Self {
        FlatIndex {
            dimensions,
            rows: Precision::ALL.map(|precision| Rows::new(precision, dimensions)),
            places: Vec::new(),
        }
    }

    fn place(&self, slot: Slot) -> Option<(Precision, usize)> {
        self.places.get(slot as usize).and_then(|place| place.split())
    }

    fn count(&self, precision: Precision) -> usize {
        self.rows[precision.index()].len()
    }
}

impl VectorIndex for FlatIndex {
    fn counts(&self) -> [usize; 3] {
        Precision::ALL.map(|precision| self.count(precision))
    }

    fn bytes(&self) -> usize {
        self.rows.iter().map(Rows::bytes).sum::<usize>() + self.places.capacity() * size_of::<Place>()
    }

    fn insert(&mut self, slot: Slot, code: &Code) {
        assert!(code.fits(self.dimensions), "the engine checks dimensions");
        self.remove(slot);
        let precision = code.precision();
        if self.places.len() <= slot as usize {
            self.places.resize(slot as usize + 1, Place::NONE);
        }
        self.places[slot as usize] = Place::new(precision, self.count(precision));
        self.rows[precision.index()].push(slot, code);
    }

    fn remove(&mut self, slot: Slot) {
        let Some((precision, row)) = self.place(slot) else { return };
        self.places[slot as usize] = Place::NONE;
        if let Some(moved) = self.rows[precision.index()].remove(row) {
            self.places[moved as usize] = Place::new(precision, row);
        }
    }

    fn coarsen(&mut self, slot: Slot, precision: Precision) {
        if self.precision(slot).is_some_and(|kept| kept < precision)
            && let Some(vector) = self.vector(slot)
        {
            self.insert(slot, &encode(vector, precision));
        }
    }

    fn precision(&self, slot: Slot) -> Option<Precision> {
        self.place(slot).map(|(precision, _)| precision)
    }

    fn code(&self, slot: Slot) -> Option<Code> {
        let (precision, row) = self.place(slot)?;
        Some(self.rows[precision.index()].code(row))
    }

    fn vector(&self, slot: Slot) -> Option<Vec<f32>> {
        self.code(slot).map(|code| decode(&code, self.dimensions))
    }

    fn probe(&self, query: &[f32]) -> Probe {
        let mut steps = quantise(query);
        let step_scale = unit_scale(&steps);
        steps.resize(self.dimensions.next_multiple_of(8), 0);
        let signs = if self.count(Precision::Binary) > 0 { sign_table(query) } else { Vec::new() };
        let steps = steps.into_iter().map(i16::from).collect();
        Probe { vector: query.to_vec(), steps, step_scale, signs }
    }

    fn search(&self, probe: &Probe, limit: usize, allowed: &SlotSet, ties: &TieBreak<'_>) -> VectorHits {
        let mut best = Best::new(limit.saturating_add(RESCORED), ties);
        if allowed.len() < self.len() / SELECTIVE {
            self.visit(probe, allowed, &mut best);
        } else {
            self.scan_steps(Precision::F32, probe, allowed, &mut best);
            self.scan_steps(Precision::Int8, probe, allowed, &mut best);
            self.scan_signs(probe, allowed, &mut best);
        }
        let floor = if best.floor.is_finite() { best.floor } else { 0.0 };
        let mut hits: Vec<VectorHit> = best
            .into_slots()
            .filter_map(|slot| Some(VectorHit { slot, score: self.score(probe, slot)? }))
            .collect();
        hits.sort_unstable_by(|a, b| {
            b.score.total_cmp(&a.score).then_with(|| ties(a.slot).cmp(&ties(b.slot)))
        });
        hits.truncate(limit);
        VectorHits { hits, floor }
    }

    fn score(&self, probe: &Probe, slot: Slot) -> Option<f32> {
        let (precision, row) = self.place(slot)?;
        let rows = &self.rows[precision.index()];
        Some(match precision {
            Precision::F32 => dot(&probe.vector, rows.full(row)),
            Precision::Int8 => {
                dot_f32_i8(&probe.vector, &rows.steps(row)[..self.dimensions]) * rows.scale(row)
            }
            Precision::Binary => probe.score_of_signs(rows.signs(row)),
        })
    }
}

impl FlatIndex {
    fn scan_steps(&self, precision: Precision, probe: &Probe, allowed: &SlotSet, best: &mut Best<'_>) {
        let rows = &self.rows[precision.index()];
        for block in 0..rows.block_count() {
            let (slots, scales) = (rows.slots(block), rows.scales(block));
            for start in (0..slots.len()).step_by(ROWS) {
                let products = dot_i8_x4(&probe.steps, rows.step_group(block, start));
                for ((product, slot), scale) in
                    products.into_iter().zip(&slots[start..]).zip(&scales[start..])
                {
                    if allowed.contains(*slot) {
                        best.offer(*slot, product as f32 * (scale * probe.step_scale));
                    }
                }
            }
        }
    }

    fn scan_signs(&self, probe: &Probe, allowed: &SlotSet, best: &mut Best<'_>) {
        let rows = &self.rows[Precision::Binary.index()];
        for block in 0..rows.block_count() {
            for (slot, signs) in rows.slots(block).iter().zip(rows.sign_rows(block)) {
                if allowed.contains(*slot) {
                    best.offer(*slot, probe.score_of_signs(signs));
                }
            }
        }
    }

    fn visit(&self, probe: &Probe, allowed: &SlotSet, best: &mut Best<'_>) {
        for slot in allowed.iter() {
            let Some((precision, row)) = self.place(slot) else { continue };
            let rows = &self.rows[precision.index()];
            let score = match precision {
                Precision::Binary => probe.score_of_signs(rows.signs(row)),
                _ => dot_i8(&probe.steps, rows.steps(row)) as f32 * (rows.scale(row) * probe.step_scale),
            };
            best.offer(slot, score);
        }
    }
}

impl Probe {
    fn score_of_signs(&self, signs: &[u8]) -> f32 {
        sum_of_signs(&self.signs, signs).clamp(-1.0, 1.0)
    }
}

/// For each byte of a row of signs and each value of it, what its components add to the score. The components of the
/// question are rotated as those of the rows were.
fn sign_table(query: &[f32]) -> Vec<f32> {
    let mut rotated = query.to_vec();
    rotate(&mut rotated);
    let factor = SIGN_FACTOR / libm::sqrtf(query.len() as f32);
    let mut table = Vec::with_capacity(query.len().div_ceil(8) * 256);
    for components in rotated.chunks(8) {
        let start = table.len();
        table.push(-components.iter().sum::<f32>() * factor);
        for value in 1..256usize {
            let bit = value.trailing_zeros() as usize;
            let gain = components.get(bit).map_or(0.0, |component| 2.0 * component * factor);
            table.push(table[start + (value & (value - 1))] + gain);
        }
    }
    table
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
                index.insert(slot, &encode(vector.clone(), Precision::F32));
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
                let found = index.search(&index.probe(&query), 10, &allowed, &|slot| u128::from(slot));
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
            index.search(&index.probe(&[1.0, 0.0, 0.0, 0.0]), 5, &SlotSet::default(), &|slot| u128::from(
                slot
            )),
            VectorHits::default()
        );
    }
}
