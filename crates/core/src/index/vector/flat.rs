//! The scan over all vectors: int8 rows by their steps, the best of them scored in full; rows of signs by a table.
//!
//! The scan ranks rows of steps by an integer product, whose error is far below the distance between neighbours; the
//! top candidates are then scored with all that is kept of them: their floats, or their steps against the floats of the
//! question. Rows of signs have one score. It estimates the cosine with the vector that the signs were taken of: the
//! cosine of a vector and its signs is near sqrt(2 / pi) in many dimensions, so the cosine with the signs, divided by
//! that, is right on average (Gao and Long, "RaBitQ", SIGMOD 2024, with one factor for all). So scores of all
//! precisions can stand in one list. Rows of projected vectors are rows of steps of fewer components, compared with what the
//! same projection makes of the question.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use std::sync::Arc;

use crate::index::vector::code::{decode, encode, fits, quantise, unit_scale};
use crate::index::vector::kernel::{ROWS, dot, dot_f32_i8, dot_i8, dot_i8_x4, sum_of_signs};
use crate::index::vector::project::{Projection, Projections};
use crate::index::vector::rotate::rotate;
use crate::index::vector::rows::Rows;
use crate::index::vector::{Probe, Stepped, VectorHit, VectorHits, VectorIndex};
use crate::index::{Slot, SlotSet, TieBreak};
use crate::model::{Code, Kept, Precision};

/// Candidates beyond the limit that are scored in full precision.
const RESCORED: usize = 32;
/// When fewer than one row in this many is allowed, the allowed rows are visited one by one.
const SELECTIVE: usize = 6;
/// sqrt(pi / 2): what the cosine with the signs of a vector is multiplied with.
const SIGN_FACTOR: f32 = 1.253_314_1;

/// Sets of rows before those of the projections: one for each precision.
const WHOLE: usize = Precision::ALL.len();
/// More than there are sets of rows.
const SETS: usize = 32;

const _: () =
    assert!(WHOLE + (Projections::MOST as usize) < SETS, "the number of the last set is that of no place");

/// A scan over all vectors. See the module's text.
#[derive(Debug)]
pub(crate) struct FlatIndex {
    dimensions: usize,
    projections: Projections,
    /// By precision, then by number of the projection.
    rows: Vec<Rows>,
    places: Vec<Place>,
}

/// Where the vector of a slot is: its row x [`SETS`] + its set of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const NONE: Place = Place(u32::MAX);

    fn new(set: usize, row: usize) -> Self {
        Place((row * SETS + set) as u32)
    }

    /// The set and the row.
    fn split(self) -> Option<(usize, usize)> {
        (self != Place::NONE).then_some((self.0 as usize % SETS, self.0 as usize / SETS))
    }
}

fn set_of(kept: Kept) -> usize {
    match kept {
        Kept::Whole(precision) => precision.index(),
        Kept::Projected(number) => WHOLE + number as usize,
    }
}

fn kept_in(set: usize) -> Kept {
    match Precision::ALL.get(set) {
        Some(precision) => Kept::Whole(*precision),
        None => Kept::Projected((set - WHOLE) as u32),
    }
}

impl FlatIndex {
    /// An empty index of vectors of `dimensions` components, at least one.
    pub(crate) fn new(dimensions: usize) -> Self {
        FlatIndex {
            dimensions,
            projections: Projections::default(),
            rows: Precision::ALL.map(|precision| Rows::new(precision, dimensions)).into(),
            places: Vec::new(),
        }
    }

    /// The projections that vectors can be kept under.
    pub(crate) fn projections(&self) -> &Projections {
        &self.projections
    }

    /// Takes up a projection of vectors of this index, or gives one up. Answers whether it could: one that vectors are
    /// kept under does not change.
    pub(crate) fn project(&mut self, number: u32, projection: Option<Arc<Projection>>) -> bool {
        let known = self.projections.get(number);
        if known == projection.as_deref() {
            return true;
        }
        let set = WHOLE + number as usize;
        if self.is_used(number) || projection.as_ref().is_some_and(|new| new.dimensions() != self.dimensions)
        {
            return false;
        }
        while self.rows.len() <= set {
            self.rows.push(Rows::new(Precision::Int8, 0));
        }
        let width = projection.as_ref().map_or(0, |projection| projection.width());
        self.rows[set] = Rows::new(Precision::Int8, width);
        self.projections.set(number, projection);
        true
    }

    /// Whether vectors are kept under that projection.
    pub(crate) fn is_used(&self, number: u32) -> bool {
        self.rows.get(WHOLE + number as usize).is_some_and(|rows| rows.len() > 0)
    }

    /// In which precision so many components are, of a vector that is kept like that.
    pub(crate) fn shape(&self, kept: Kept) -> (Precision, usize) {
        match kept {
            Kept::Whole(precision) => (precision, self.dimensions),
            Kept::Projected(number) => {
                let known = self.projections.get(number);
                (Precision::Int8, known.map_or(self.dimensions, Projection::width))
            }
        }
    }

    /// Whether it takes an encoder of the host to keep a vector like that.
    pub(crate) fn is_encoded(&self, kept: Kept) -> bool {
        let Kept::Projected(number) = kept else { return false };
        self.projections.get(number).is_some_and(|projection| projection.encoder().is_some())
    }

    fn place(&self, slot: Slot) -> Option<(usize, usize)> {
        self.places.get(slot as usize).and_then(|place| place.split())
    }

    fn bytes_of(&self, kept: Kept) -> usize {
        let (precision, components) = self.shape(kept);
        precision.bytes(components)
    }

    /// Which of two ways to keep a vector it is, if it is kept one way and should be kept the other: whatever takes
    /// fewer bytes, for what has been given up does not come back.
    pub(crate) fn lesser(&self, kept: Kept, wanted: Kept) -> Kept {
        if self.bytes_of(wanted) < self.bytes_of(kept) && !self.is_encoded(kept) { wanted } else { kept }
    }
}

impl VectorIndex for FlatIndex {
    fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for (set, rows) in self.rows.iter().enumerate() {
            counts[set.min(WHOLE)] += rows.len();
        }
        counts
    }

    fn bytes(&self) -> usize {
        self.rows.iter().map(Rows::bytes).sum::<usize>() + self.places.capacity() * size_of::<Place>()
    }

    fn insert(&mut self, slot: Slot, code: &Code) {
        assert!(fits(code, self.dimensions, &self.projections), "the engine checks dimensions");
        self.remove(slot);
        let set = set_of(code.kept());
        if self.places.len() <= slot as usize {
            self.places.resize(slot as usize + 1, Place::NONE);
        }
        let rows = &mut self.rows[set];
        self.places[slot as usize] = Place::new(set, rows.len());
        rows.push(slot, code);
    }

    fn remove(&mut self, slot: Slot) {
        let Some((set, row)) = self.place(slot) else { return };
        self.places[slot as usize] = Place::NONE;
        if let Some(moved) = self.rows[set].remove(row) {
            self.places[moved as usize] = Place::new(set, row);
        }
    }

    fn coarsen(&mut self, slot: Slot, wanted: Kept) {
        if self.kept(slot).is_some_and(|kept| self.lesser(kept, wanted) != kept)
            && let Some(vector) = self.vector(slot)
        {
            self.insert(slot, &encode(vector, wanted, &self.projections));
        }
    }

    fn kept(&self, slot: Slot) -> Option<Kept> {
        self.place(slot).map(|(set, _)| kept_in(set))
    }

    fn code(&self, slot: Slot) -> Option<Code> {
        let (set, row) = self.place(slot)?;
        let code = self.rows[set].code(row);
        Some(match (kept_in(set), code) {
            (Kept::Projected(number), Code::Int8(steps)) => Code::Projected(number, steps),
            (_, whole) => whole,
        })
    }

    fn vector(&self, slot: Slot) -> Option<Vec<f32>> {
        decode(&self.code(slot)?, self.dimensions, &self.projections)
    }

    fn probe(&self, query: &[f32], encoded: &[(String, Vec<f32>)]) -> Probe {
        let has_signs = self.rows[Precision::Binary.index()].len() > 0;
        let mut projected = Vec::new();
        for (number, projection) in self.projections.iter() {
            let told = || {
                let made = |(name, vector): &&(String, Vec<f32>)| {
                    projection.encoder() == Some(name) && vector.len() == projection.width()
                };
                Some(encoded.iter().find(made)?.1.clone())
            };
            // Its length counts: what lies across the directions is like nothing that is kept under them.
            let stepped = |along: Vec<f32>| {
                let length = libm::sqrtf(dot(&along, &along));
                Stepped::new(along, length, projection.factor())
            };
            if self.is_used(number) {
                projected.resize_with(number as usize, || None);
                projected.push(projection.project(query).or_else(told).map(stepped));
            }
        }
        Probe {
            whole: Stepped::new(query.to_vec(), 1.0, 1.0),
            projected,
            signs: if has_signs { sign_table(query) } else { Vec::new() },
        }
    }

    fn search(&self, probe: &Probe, limit: usize, allowed: &SlotSet, ties: &TieBreak<'_>) -> VectorHits {
        let mut best = Best::new(limit.saturating_add(RESCORED), ties);
        if allowed.len() < self.len() / SELECTIVE {
            self.visit(probe, allowed, &mut best);
        } else {
            for (set, rows) in self.rows.iter().enumerate() {
                match probe.measure(set) {
                    Measure::Steps(stepped) => scan_steps(rows, stepped, allowed, &mut best),
                    Measure::Signs => scan_signs(rows, probe, allowed, &mut best),
                    Measure::None => {}
                }
            }
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
        let (set, row) = self.place(slot)?;
        let rows = &self.rows[set];
        match probe.measure(set) {
            Measure::Steps(stepped) if set == Precision::F32.index() => {
                Some(dot(&stepped.vector, rows.full(row)))
            }
            Measure::Steps(stepped) => Some(stepped.score(rows, row)),
            Measure::Signs => Some(probe.score_of_signs(rows.signs(row))),
            Measure::None => None,
        }
    }
}

impl FlatIndex {
    fn visit(&self, probe: &Probe, allowed: &SlotSet, best: &mut Best<'_>) {
        for slot in allowed.iter() {
            let Some((set, row)) = self.place(slot) else { continue };
            let rows = &self.rows[set];
            let score = match probe.measure(set) {
                Measure::Steps(stepped) => {
                    dot_i8(&stepped.steps, rows.steps(row)) as f32 * (rows.scale(row) * stepped.scale)
                }
                Measure::Signs => probe.score_of_signs(rows.signs(row)),
                Measure::None => continue,
            };
            best.offer(slot, score);
        }
    }
}

fn scan_steps(rows: &Rows, stepped: &Stepped, allowed: &SlotSet, best: &mut Best<'_>) {
    for block in 0..rows.block_count() {
        let (slots, scales) = (rows.slots(block), rows.scales(block));
        for start in (0..slots.len()).step_by(ROWS) {
            let products = dot_i8_x4(&stepped.steps, rows.step_group(block, start));
            for ((product, slot), scale) in products.into_iter().zip(&slots[start..]).zip(&scales[start..]) {
                if allowed.contains(*slot) {
                    best.offer(*slot, product as f32 * (scale * stepped.scale));
                }
            }
        }
    }
}

fn scan_signs(rows: &Rows, probe: &Probe, allowed: &SlotSet, best: &mut Best<'_>) {
    for block in 0..rows.block_count() {
        for (slot, signs) in rows.slots(block).iter().zip(rows.sign_rows(block)) {
            if allowed.contains(*slot) {
                best.offer(*slot, probe.score_of_signs(signs));
            }
        }
    }
}

impl Stepped {
    /// `length` is that of the vector.
    fn new(vector: Vec<f32>, length: f32, factor: f32) -> Self {
        let mut steps = quantise(&vector);
        let scale = unit_scale(&steps) * length * factor;
        steps.resize(vector.len().next_multiple_of(8), 0);
        Stepped { steps: steps.into_iter().map(i16::from).collect(), scale, factor, vector }
    }

    fn score(&self, rows: &Rows, row: usize) -> f32 {
        let product = dot_f32_i8(&self.vector, &rows.steps(row)[..self.vector.len()]);
        (product * rows.scale(row) * self.factor).clamp(-1.0, 1.0)
    }
}

/// How rows are compared with a question.
enum Measure<'a> {
    Steps(&'a Stepped),
    Signs,
    /// Not at all: an encoder that is not here has made them.
    None,
}

impl Probe {
    /// How rows of that set are compared with the question.
    fn measure(&self, set: usize) -> Measure<'_> {
        match set.checked_sub(WHOLE) {
            Some(number) => {
                self.projected.get(number).and_then(Option::as_ref).map_or(Measure::None, Measure::Steps)
            }
            None if set == Precision::Binary.index() => Measure::Signs,
            None => Measure::Steps(&self.whole),
        }
    }

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
pub(super) struct Best<'a> {
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
    pub(super) fn new(capacity: usize, ties: &'a TieBreak<'a>) -> Self {
        Best { capacity, ties, heap: BinaryHeap::new(), threshold: f32::NEG_INFINITY, floor: f32::INFINITY }
    }

    pub(super) fn offer(&mut self, slot: Slot, score: f32) {
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

    pub(super) fn into_slots(self) -> impl Iterator<Item = Slot> {
        self.heap.into_iter().map(|candidate| candidate.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::vector::unit;

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
                index.insert(slot, &Code::F32(vector.clone()));
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
                let found = index.search(&index.probe(&query, &[]), 10, &allowed, &|slot| u128::from(slot));
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
            index.search(&index.probe(&[1.0, 0.0, 0.0, 0.0], &[]), 5, &SlotSet::default(), &|slot| {
                u128::from(slot)
            }),
            VectorHits::default()
        );
    }
}
