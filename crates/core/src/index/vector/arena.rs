//! What is kept of the vectors, and where: rows by the way they are kept, and codes of signs in lists beside them.
//!
//! Codes are made after the rows, some at a time ([`Arena::settle`]), and only where there are enough vectors for them to
//! be of use. [`super::search`] finds what is not coded yet in the rows.

use std::ops::Range;
use std::sync::Arc;

use crate::index::vector::code::{decode, encode, fits, quantise};
use crate::index::vector::graph::{Graph, Job};
use crate::index::vector::kernel::dot;
use crate::index::vector::lists::{KeptList, Lists};
use crate::index::vector::paged::Paged;
use crate::index::vector::place::{Place, WHOLE, kept_in, set_of};
use crate::index::vector::probe::{Measure, Probe, Stepped, sign_table};
use crate::index::vector::project::{Projection, Projections};
use crate::index::vector::reading::Score;
use crate::index::vector::rows::Rows;
use crate::index::vector::signs::Signer;
use crate::index::vector::stored::StoredVector;
use crate::index::vector::{VectorHits, VectorIndex, Wanted};
use crate::index::{Slot, SlotSet};
use crate::model::{Code, Kept, Metric, Precision};

/// Vectors of fewer components are not coded: their rows are as short as a code.
const CODED_DIMENSIONS: usize = 64;
/// Vectors below which nothing is coded: a scan is as fast.
const CODED_FROM: usize = 1_500;

/// All vectors of a memory. See the module's text.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(super) dimensions: usize,
    pub(super) metric: Metric,
    /// By slot, the lengths of the vectors, where they count.
    lengths: Vec<f32>,
    projections: Projections,
    /// By precision, then by number of the projection.
    pub(super) rows: Vec<Rows>,
    pub(super) places: Vec<Place>,
    pub(super) signer: Signer,
    pub(super) lists: Lists,
    /// Slots whose vectors are to be coded. Some may have no vector any more.
    pub(super) uncoded: Vec<Slot>,
    /// The same slots.
    pub(super) queued: SlotSet,
    pub(super) graph: Option<Graph>,
    /// The graph that is being built.
    pub(super) job: Option<Job>,
    /// The vectors whose rows are in storage, if any may be.
    pub(super) paged: Option<Box<Paged>>,
}

impl Arena {
    /// An empty index of vectors of `dimensions` components, at least one, compared by their cosine.
    pub(crate) fn new(dimensions: usize) -> Self {
        let signer = Signer::new(dimensions);
        Arena {
            dimensions,
            metric: Metric::Cosine,
            lengths: Vec::new(),
            projections: Projections::default(),
            rows: Precision::ALL.map(|precision| Rows::new(precision, dimensions)).into(),
            places: Vec::new(),
            signer,
            lists: Lists::new(signer, dimensions.next_multiple_of(8)),
            uncoded: Vec::new(),
            queued: SlotSet::default(),
            graph: None,
            job: None,
            paged: None,
        }
    }

    /// The same empty index, but vectors are compared by that metric.
    pub(crate) fn comparing_by(self, metric: Metric) -> Self {
        Arena { metric, ..self }
    }

    /// What the code of a vector of so many components takes, with its places.
    pub(crate) fn code_bytes(dimensions: usize) -> usize {
        if dimensions < CODED_DIMENSIONS { 0 } else { Signer::new(dimensions).words() * 8 + 14 }
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
        self.projected(number) > 0
    }

    /// Number of vectors kept under that projection.
    pub(super) fn projected(&self, number: u32) -> usize {
        self.rows.get(WHOLE + number as usize).map_or(0, Rows::len)
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

    /// What the metric makes of the cosine of a question and the vector of a slot.
    pub(super) fn likeness(&self, probe: &Probe, slot: Slot, cosine: f32) -> f32 {
        match probe.metric {
            Metric::Cosine => cosine,
            other => other.likeness(cosine, [probe.length, self.length(slot)]),
        }
    }

    pub(super) fn place(&self, slot: Slot) -> Option<(usize, usize)> {
        self.held().place(slot)
    }

    /// Codes some of the vectors that are to be coded, at most `most`, and moves as many codes to their lists. Answers
    /// whether there is more to do.
    pub(crate) fn settle(&mut self, most: usize) -> bool {
        if !self.may_code() {
            return false;
        }
        for _ in 0..most {
            let Some(slot) = self.uncoded.pop() else { break };
            self.queued.remove(slot);
            if !self.lists.contains(slot)
                && let Some(vector) = self.vector(slot)
            {
                self.lists.insert(slot, &self.signer.sign(&vector));
            }
        }
        let Arena { lists, rows, places, projections, dimensions, signer, paged, .. } = self;
        let paged = paged.as_deref();
        let held = Held { rows, places, projections, dimensions: *dimensions, paged };
        let unsettled = lists.settle(most, &|slot, code| held.steps(slot, signer, code));
        unsettled || !self.uncoded.is_empty()
    }

    /// Whether there are so many vectors that codes are made.
    pub(super) fn may_code(&self) -> bool {
        self.len() >= CODED_FROM
    }

    /// Whether there are codes of nearly all vectors.
    pub(crate) fn is_coded(&self) -> bool {
        self.lists.len() >= CODED_FROM && self.uncoded.len() <= self.lists.len() / 8
    }

    /// Words of a code.
    pub(crate) fn words(&self) -> usize {
        self.signer.words()
    }

    /// Some of the lists of codes, to be kept; the first one is that of the codes that wait.
    pub(crate) fn kept_lists(&self, range: Range<usize>) -> impl Iterator<Item = KeptList<'_>> {
        self.lists.kept(range)
    }

    /// Number of lists of codes, with that of the codes that wait.
    pub(crate) fn list_count(&self) -> usize {
        self.lists.centred() + 1
    }

    /// Takes up a list that was kept, as far as the slots of its codes are known and have vectors that can be coded. When
    /// all lists are there, call [`Arena::forget_coded`].
    pub(crate) fn adopt(&mut self, centre: &[i8], nearness: f32, slots: &[Option<Slot>], codes: &[u64]) {
        let fits = |slot: &Slot| self.kept(*slot).is_some_and(|kept| !self.is_encoded(kept));
        let slots: Vec<Option<Slot>> = slots.iter().map(|slot| slot.filter(fits)).collect();
        self.lists.adopt(centre, nearness, &slots, codes);
    }

    /// Forgets that vectors are to be coded of which there are codes.
    pub(crate) fn forget_coded(&mut self) {
        let lists = &self.lists;
        let queued = &mut self.queued;
        self.uncoded.retain(|slot| !(lists.contains(*slot) && queued.remove(*slot)));
    }

    fn held(&self) -> Held<'_> {
        let Arena { rows, places, projections, dimensions, paged, .. } = self;
        Held { rows, places, projections, dimensions: *dimensions, paged: paged.as_deref() }
    }

    /// The steps of the vector of a slot, filled up to whole registers; zeros if nothing leads back to it.
    pub(super) fn steps(&self, slot: Slot) -> Vec<i8> {
        self.held().steps(slot, &self.signer, self.lists.code(slot).unwrap_or_default())
    }

    /// The slots with a vector.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        (0..self.places.len() as Slot).filter(|slot| self.place(*slot).is_some())
    }

    /// Adds the vector of `slot`, which has none, out of its bytes in storage.
    pub(crate) fn insert_stored(&mut self, slot: Slot, stored: StoredVector<'_>) {
        assert!(
            stored.fits(self.dimensions, &self.projections),
            "whoever reads a segment checks what is in it"
        );
        let set = self.enter(slot, stored.kept, stored.length);
        self.rows[set].push_stored(slot, stored.row);
    }

    /// Notes that the next row of the set of vectors that are kept like that, which is answered, is that of `slot`.
    fn enter(&mut self, slot: Slot, kept: Kept, length: f32) -> usize {
        self.note_new(slot);
        let set = set_of(kept);
        if self.metric.is_of_length() {
            self.lengths.resize(self.lengths.len().max(slot as usize + 1), 1.0);
            self.lengths[slot as usize] = length;
        }
        if self.places.len() <= slot as usize {
            self.places.resize(slot as usize + 1, Place::NONE);
        }
        self.places[slot as usize] = Place::new(set, self.rows[set].len());
        // Once for each slot, however often its vector is kept anew. Codes say nothing of lengths.
        let is_codable = self.dimensions >= CODED_DIMENSIONS && !self.metric.is_of_length();
        if is_codable && !self.is_encoded(kept) && self.queued.insert(slot) {
            self.uncoded.push(slot);
        }
        set
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

/// The rows and what it takes to read them.
struct Held<'a> {
    rows: &'a [Rows],
    places: &'a [Place],
    projections: &'a Projections,
    dimensions: usize,
    paged: Option<&'a Paged>,
}

impl Held<'_> {
    fn place(&self, slot: Slot) -> Option<(usize, usize)> {
        self.places.get(slot as usize).and_then(|place| place.split())
    }

    fn is_stored(&self, slot: Slot) -> bool {
        self.places.get(slot as usize).is_some_and(|place| place.is_stored())
    }

    fn code(&self, slot: Slot) -> Option<Code> {
        if let (true, Some(paged)) = (self.is_stored(slot), self.paged) {
            let precision = Precision::ALL.get(self.places[slot as usize].set()?)?;
            return paged.code(slot, *precision);
        }
        let (set, row) = self.place(slot)?;
        let code = self.rows[set].code(row);
        Some(match (kept_in(set), code) {
            (Kept::Projected(number), Code::Int8(steps)) => Code::Projected(number, steps),
            (_, whole) => whole,
        })
    }

    fn vector(&self, slot: Slot) -> Option<Vec<f32>> {
        decode(&self.code(slot)?, self.dimensions, self.projections)
    }

    /// The steps of the vector of a slot that has that code, filled up to whole registers; zeros if nothing leads back to
    /// it. Where its row is in storage, its code leads near enough: what it is for is a mean of many.
    fn steps(&self, slot: Slot, signer: &Signer, code: &[u64]) -> Vec<i8> {
        let mut steps = match self.place(slot) {
            None if self.is_stored(slot) => quantise(&signer.unsign(code)),
            Some((set, row)) if matches!(kept_in(set), Kept::Whole(Precision::F32 | Precision::Int8)) => {
                self.rows[set].steps(row).to_vec()
            }
            _ => self.vector(slot).map(|vector| quantise(&vector)).unwrap_or_default(),
        };
        steps.resize(self.dimensions.next_multiple_of(8), 0);
        steps
    }
}

impl VectorIndex for Arena {
    fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for (set, rows) in self.rows.iter().enumerate() {
            counts[set.min(WHOLE)] += rows.len();
        }
        for (count, stored) in counts.iter_mut().zip(self.paged.iter().flat_map(|paged| paged.counts())) {
            *count += stored;
        }
        counts
    }

    fn bytes(&self) -> usize {
        self.rows.iter().map(Rows::bytes).sum::<usize>()
            + self.places.capacity() * size_of::<Place>()
            + self.lengths.capacity() * size_of::<f32>()
            + self.lists.bytes()
            + self.graph_bytes()
            + self.uncoded.capacity() * size_of::<Slot>()
            + self.paged.as_ref().map_or(0, |paged| paged.bytes())
    }

    fn insert(&mut self, slot: Slot, code: &Code) {
        assert!(fits(code, self.dimensions, &self.projections), "the engine checks dimensions");
        self.remove(slot);
        let (code, length) = code.parts();
        let set = self.enter(slot, code.kept(), length);
        self.rows[set].push(slot, code);
    }

    fn remove(&mut self, slot: Slot) {
        let Some(place) = self.places.get(slot as usize).copied().filter(|place| *place != Place::NONE)
        else {
            return;
        };
        self.places[slot as usize] = Place::NONE;
        self.note_gone(slot);
        self.lists.remove(slot);
        if let Some(paged) = &mut self.paged {
            paged.forget(slot);
            if let (true, Some(set)) = (place.is_stored(), place.set()) {
                paged.discount(set);
            }
        }
        let Some((set, row)) = place.split() else { return };
        if let Some(moved) = self.rows[set].remove(row) {
            self.places[moved as usize] = Place::new(set, row);
        }
    }

    fn coarsen(&mut self, slot: Slot, wanted: Kept) {
        if self.kept(slot).is_some_and(|kept| self.lesser(kept, wanted) != kept)
            && let Some(vector) = self.vector(slot)
        {
            let code = encode(vector, wanted, &self.projections).of_length(self.length(slot));
            // What is left of it lies where it lay: its node stays.
            let (graph, job) = (self.graph.take(), self.job.take());
            self.insert(slot, &code);
            (self.graph, self.job) = (graph, job);
        }
    }

    fn kept(&self, slot: Slot) -> Option<Kept> {
        self.places.get(slot as usize)?.set().map(kept_in)
    }

    fn length(&self, slot: Slot) -> f32 {
        self.lengths.get(slot as usize).copied().unwrap_or(1.0)
    }

    fn code(&self, slot: Slot) -> Option<Code> {
        Some(self.held().code(slot)?.of_length(self.length(slot)))
    }

    fn vector(&self, slot: Slot) -> Option<Vec<f32>> {
        self.held().vector(slot)
    }

    fn probe(&self, query: &[f32], encoded: &[(String, Vec<f32>)]) -> Probe {
        let length = if self.metric.is_of_length() { dot(query, query).sqrt() } else { 1.0 };
        let unit: Vec<f32> = query.iter().map(|component| component / length).collect();
        let query = &unit[..];
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
                let length = dot(&along, &along).sqrt();
                Stepped::new(along, length, projection.factor())
            };
            if self.is_used(number) {
                projected.resize_with(number as usize, || None);
                projected.push(projection.project(query).or_else(told).map(stepped));
            }
        }
        let signs = if has_signs { sign_table(query) } else { Vec::new() };
        Probe { metric: self.metric, length, whole: Stepped::new(unit, 1.0, 1.0), projected, signs }
    }

    fn search(&self, probe: &Probe, wanted: &Wanted<'_>) -> VectorHits {
        self.nearest(probe, wanted)
    }

    fn score(&self, probe: &Probe, slot: Slot) -> Option<f32> {
        let Some((set, row)) = self.place(slot) else {
            return self.paged_score(Score::Full, &probe.whole, slot);
        };
        let rows = &self.rows[set];
        let cosine = match probe.measure(set) {
            Measure::Steps(stepped) if set == Precision::F32.index() => dot(&stepped.vector, rows.full(row)),
            Measure::Steps(stepped) => stepped.score(rows, row),
            Measure::Signs => probe.score_of_signs(rows.signs(row)),
            Measure::None => return None,
        };
        Some(self.likeness(probe, slot, cosine))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::SlotSet;
    use crate::index::vector::{DEFAULT_RECALL, unit};

    fn wanted(limit: usize, allowed: &SlotSet) -> Wanted<'_> {
        Wanted {
            limit,
            sure: limit,
            allowed,
            exact: false,
            recall: DEFAULT_RECALL,
            ties: &|slot| u128::from(slot),
        }
    }

    /// The scan against a full sort of exact scores, through inserts, removals and filters of every density.
    #[test]
    fn agrees_with_a_full_sort() {
        let mut random = fastrand::Rng::with_seed(9);
        for dimensions in [3, 8, 100, 128] {
            let mut index = Arena::new(dimensions);
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
                let found = index.search(&index.probe(&query, &[]), &wanted(10, &allowed));
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
        let index = Arena::new(4);
        assert_eq!(
            index.search(&index.probe(&[1.0, 0.0, 0.0, 0.0], &[]), &wanted(5, &SlotSet::default())),
            VectorHits::default()
        );
    }
}
