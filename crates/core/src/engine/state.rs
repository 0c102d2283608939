//! What a memory is at a moment: the records and the indexes over them.
//!
//! Invariant: the state is a function of the changes applied to it, in order. Commits and recovery go through the
//! same [`State::apply`], so a memory reopened is the memory that was closed.

use std::sync::Arc;

use serde::Serialize;

use crate::config::Config;
use crate::engine::graph::expected_bytes as expected_graph_bytes;
use crate::engine::renew::Renewal;
use crate::index::text::{Glossary, TextIndex};
use crate::index::vector::{Arena, Projection, Projections, StoredVector, VectorIndex, encode, fits};
use crate::index::{Slot, Statements};
use crate::model::{
    Code, Directed, EmbeddingSpace, Kept, Kind, Metric, Precision, Record, RecordId, Tier, Timestamp,
};
use crate::persist::Change;
use crate::policy::gained;
use crate::tier::Store;

/// Records and indexes.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) text: TextIndex,
    pub(super) statements: Statements,
    pub(super) space: Option<EmbeddingSpace>,
    /// How vectors of the space are compared.
    pub(super) metric: Metric,
    pub(super) vectors: Option<Arena>,
    pub(super) renewal: Renewal,
    /// Per tier, the projection that its vectors are kept under from now on.
    pub(super) trained: [Option<u32>; 3],
    /// Bytes of rows that are kept in memory of those that stay in storage, if any do.
    pub(super) paging: Option<u32>,
    /// Grows with each change but those that are uses.
    pub(super) epoch: u64,
}

/// What is stored of the words of a record.
pub(super) struct Said<'a, 't> {
    /// Its terms by their positions in the glossary, and how often each occurs.
    pub(super) terms: &'a [(u32, u32)],
    /// The terms of its block.
    pub(super) glossary: &'a mut Glossary<'t>,
    /// The hash of its words.
    pub(super) words: u64,
}

impl State {
    /// An empty state of a memory that has settled on a space.
    pub(super) fn with_space(space: Option<EmbeddingSpace>, metric: Metric, paging: Option<u32>) -> Self {
        let mut state = State { paging, ..State::default() };
        state.settle(space, metric);
        state
    }

    /// How vectors are compared, or will be once there are any.
    pub(super) fn metric(&self, config: &Config) -> Metric {
        if self.space.is_some() { self.metric } else { config.metric.unwrap_or_default() }
    }

    /// An empty state with the same space, projections and training.
    pub(super) fn emptied(&self) -> Self {
        let mut state = State::with_space(self.space.clone(), self.metric, self.paging);
        for (number, projection) in self.vectors.iter().flat_map(|index| index.projections().iter()) {
            state.project(number, Some(projection.clone()));
        }
        state.trained = self.trained;
        state
    }

    /// Takes a projection up, or gives one up. Answers whether it could: one in use does not change, and it must be of
    /// the dimensions of the space.
    pub(super) fn project(&mut self, number: u32, projection: Option<Arc<Projection>>) -> bool {
        number < Projections::MOST
            && self.vectors.as_mut().is_some_and(|index| index.project(number, projection))
    }

    /// The projection of that number.
    pub(super) fn projection(&self, number: u32) -> Option<&Projection> {
        self.vectors.as_ref()?.projections().get(number)
    }

    fn settle(&mut self, space: Option<EmbeddingSpace>, metric: Metric) {
        if self.space == space && self.metric == metric {
            return;
        }
        self.vectors = space.as_ref().map(|space| Arena::new(space.dimensions as usize).comparing_by(metric));
        if let (Some(index), Some(limit)) = (&mut self.vectors, self.paging) {
            index.page(limit as usize);
        }
        self.trained = [None; 3];
        self.space = space;
        self.metric = metric;
    }

    /// Carries one change out. Changes about records that do not exist do nothing.
    pub(super) fn apply(&mut self, change: &Change) {
        if let Some(next) = self.successor() {
            next.apply(change);
        }
        self.epoch += u64::from(!matches!(change, Change::Use(_)));
        match change {
            Change::Space(space, metric) => self.settle(Some(space.clone()), *metric),
            Change::Put(record, code) => {
                let slot = self.place((**record).clone(), code.as_ref(), None);
                self.text.insert(slot, record.keyword_fields().iter().map(|field| &**field));
                self.weigh(slot);
            }
            Change::Revise(record) => {
                self.store.revise((**record).clone());
                if let Some(slot) = self.store.slot(record.id) {
                    self.statements.insert(slot, record, None);
                    self.weigh(slot);
                }
            }
            Change::Remove(id) => {
                if let Some((slot, _)) = self.store.remove(*id) {
                    self.vacate(slot);
                }
            }
            Change::Move(id, step) => {
                self.store.modify(*id, |record| record.moved(*step));
                self.look_again(*id);
            }
            Change::Moved(id, moves) => {
                self.store.modify(*id, |record| record.retrace(moves.clone()));
                self.look_again(*id);
            }
            Change::Coarsen(kept, ids) => {
                for id in ids {
                    let Some(slot) = self.store.slot(*id) else { continue };
                    if let Some(index) = &mut self.vectors {
                        index.coarsen(slot, *kept);
                    }
                    self.weigh(slot);
                }
            }
            Change::Train(tier, trained) => {
                if let Some((number, projection)) = trained {
                    self.project(*number, Some(projection.clone()));
                }
                self.trained[tier.index()] = trained.as_ref().map(|(number, _)| *number);
            }
            Change::Encode(number, codes) => {
                for (id, steps) in codes {
                    let Some(slot) = self.store.slot(*id) else { continue };
                    if let Some(index) = &mut self.vectors
                        && index.kept(slot).is_some()
                    {
                        let code = Code::Projected(*number, steps.clone()).of_length(index.length(slot));
                        index.insert(slot, &code);
                    }
                    self.weigh(slot);
                }
            }
            Change::Embed(codes) => {
                for (id, code) in codes {
                    let Some(slot) = self.store.slot(*id) else { continue };
                    if let Some(index) = &mut self.vectors {
                        index.insert(slot, code);
                    }
                    self.weigh(slot);
                }
            }
            Change::Use(uses) => {
                for (id, usage) in uses {
                    self.store.modify(*id, |record| record.usage = usage.clone());
                }
            }
        }
    }

    fn look_again(&mut self, id: RecordId) {
        if let Some(slot) = self.store.slot(id) {
            self.statements.look_again(slot);
        }
    }

    /// Puts back a record whose terms and hash of words were kept, so that nothing is tokenised.
    pub(super) fn restore<'t>(
        &mut self,
        record: Record,
        code: Option<&Code>,
        terms: impl IntoIterator<Item = (&'t str, u32)>,
        words: u64,
    ) {
        let slot = self.place(record, code, Some(words));
        self.text.insert_terms(slot, terms);
        self.weigh(slot);
    }

    /// Takes up a record of a memory that is being opened, and weighs it; of its vector what belongs in memory. It is found
    /// by its slot alone until [`State::arrange`] has been called.
    pub(super) fn append(
        &mut self,
        record: Record,
        vector: Option<StoredVector<'_>>,
        said: Option<Said<'_, '_>>,
    ) -> Slot {
        let slot = self.store.append(record);
        let Some(record) = self.store.record(slot) else { return slot };
        self.statements.append(slot, record, said.as_ref().map(|said| said.words));
        match said {
            Some(Said { terms, glossary, .. }) => self.text.append(slot, terms, glossary),
            None => self.text.insert(slot, record.keyword_fields().iter().map(|field| &**field)),
        }
        if let (Some(index), Some(stored)) = (&mut self.vectors, vector) {
            index.insert_stored(slot, stored);
        }
        self.weigh_appended(slot);
        slot
    }

    /// Weighs an appended record again.
    pub(super) fn weigh_appended(&mut self, slot: Slot) {
        if let Some(bytes) = self.weight_of(slot) {
            self.store.weigh_appended(slot, bytes);
        }
    }

    /// Brings what was appended into its orders.
    pub(super) fn arrange(&mut self) {
        self.store.arrange();
        self.statements.arrange();
        self.text.arrange();
    }

    /// Counts a use of a record, to which an answer owed `share` (0 to 1).
    pub(super) fn touch(&mut self, id: RecordId, share: f32, now: Timestamp) {
        if let Some(next) = self.successor() {
            next.touch(id, share, now);
        }
        self.store.modify(id, |record| {
            record.usage.note(now);
            record.usage.merit = gained(record.usage.merit, share);
        });
    }

    /// Brings some vectors to where searches find them faster (see [`Arena::settle`]), `most` of them. Answers whether
    /// there is more to do.
    pub(super) fn settle_vectors(&mut self, most: usize) -> bool {
        if let Some(next) = self.successor() {
            next.settle_vectors(most);
        }
        self.vectors.as_mut().is_some_and(|index| index.settle(most))
    }

    /// The vector index, once there is a space.
    pub(super) fn vectors(&self) -> Option<&dyn VectorIndex> {
        self.vectors.as_ref().map(|index| index as &dyn VectorIndex)
    }

    /// The unit vector of a record, as far as it is kept and something leads back to it.
    pub(super) fn vector(&self, id: RecordId) -> Option<Vec<f32>> {
        self.vectors.as_ref()?.vector(self.store.slot(id)?)
    }

    /// The same at its length, where lengths count.
    pub(super) fn whole_vector(&self, id: RecordId) -> Option<Vec<f32>> {
        let (index, slot) = (self.vectors.as_ref()?, self.store.slot(id)?);
        Some(Directed { unit: index.vector(slot)?, length: index.length(slot) }.whole())
    }

    /// What is kept of the vector of a record.
    pub(super) fn code(&self, id: RecordId) -> Option<Code> {
        self.vectors.as_ref()?.code(self.store.slot(id)?)
    }

    /// How the vector of a record is kept.
    pub(super) fn kept(&self, id: RecordId) -> Option<Kept> {
        self.vectors.as_ref()?.kept(self.store.slot(id)?)
    }

    /// How `tier` keeps vectors, as far as that can be done here: until an encoder of the host has been asked, they are
    /// kept as the configuration says.
    pub(super) fn kept_in(&self, tier: Tier, config: &Config) -> Kept {
        let trained = self.trained[tier.index()].filter(|_| self.encoder_of(tier).is_none());
        trained.map_or(Kept::Whole(config.tier(tier).precision), Kept::Projected)
    }

    /// The encoder of the host whose work `tier` keeps, and its number.
    pub(super) fn encoder_of(&self, tier: Tier) -> Option<(u32, &str)> {
        let number = self.trained[tier.index()]?;
        Some((number, self.projection(number)?.encoder()?))
    }

    /// How a vector that is kept one way is kept where vectors are `wanted` another way.
    pub(super) fn lesser(&self, kept: Kept, wanted: Kept) -> Kept {
        match (&self.vectors, kept, wanted) {
            (Some(index), ..) => index.lesser(kept, wanted),
            // Without vectors, there are no projections either.
            _ => kept.max(wanted),
        }
    }

    /// The code of a vector that is kept like that.
    pub(super) fn encode(&self, Directed { unit, length }: Directed, kept: Kept) -> Code {
        let code = match &self.vectors {
            Some(index) => encode(unit, kept, index.projections()),
            None => encode(unit, kept, &Projections::default()),
        };
        code.of_length(length)
    }

    /// Whether a stored vector is one of this memory's.
    pub(super) fn fits_stored(&self, stored: StoredVector<'_>) -> bool {
        self.vectors
            .as_ref()
            .zip(self.space.as_ref())
            .is_some_and(|(index, space)| stored.fits(space.dimensions as usize, index.projections()))
    }

    /// Whether a code is one of this memory's vectors.
    pub(super) fn fits(&self, code: &Code) -> bool {
        self.vectors
            .as_ref()
            .zip(self.space.as_ref())
            .is_some_and(|(index, space)| fits(code, space.dimensions as usize, index.projections()))
    }

    /// The shape of a vector that is kept like that, in a memory of vectors of `dimensions` components.
    pub(super) fn shape(&self, kept: Kept, dimensions: u32) -> Vectored {
        let is_encoded = self.vectors.as_ref().is_some_and(|index| index.is_encoded(kept));
        let code = if is_encoded { 0 } else { Arena::code_bytes(dimensions as usize) };
        let shape = match (&self.vectors, kept) {
            (None, Kept::Whole(precision)) => (precision, dimensions),
            (None, Kept::Projected(_)) => (Precision::Int8, dimensions),
            (Some(index), kept) => {
                let (precision, components) = index.shape(kept);
                (precision, components as u32)
            }
        };
        (shape, code)
    }

    pub(super) fn weigh(&mut self, slot: Slot) {
        if let Some(bytes) = self.weight_of(slot) {
            self.store.weigh(slot, bytes);
        }
    }

    /// What the record of a slot takes.
    fn weight_of(&self, slot: Slot) -> Option<u32> {
        let record = self.store.record(slot)?;
        let dimensions = self.space.as_ref().map_or(0, |space| space.dimensions);
        let kept = self.vectors.as_ref().and_then(|index| index.kept(slot));
        let vector = kept.map(|kept| self.shape(kept, dimensions));
        Some(weight(record, vector, self.text.terms_of(slot).count()))
    }

    fn place(&mut self, record: Record, code: Option<&Code>, words: Option<u64>) -> Slot {
        let (slot, vacated) = self.store.put(record);
        if let Some(old) = vacated {
            self.vacate(old);
        }
        if let Some(record) = self.store.record(slot) {
            self.statements.insert(slot, record, words);
        }
        if let (Some(index), Some(code)) = (&mut self.vectors, code) {
            index.insert(slot, code);
        }
        slot
    }

    fn vacate(&mut self, slot: Slot) {
        self.text.remove(slot);
        self.statements.remove(slot);
        if let Some(index) = &mut self.vectors {
            index.remove(slot);
        }
    }
}

// What is counted is what the memory of WebAssembly was measured to grow by (`npm run bench:memory`), with what the
// allocator and growing tables leave unused.

/// What a record takes beside its texts: the fields of fixed length, its moves, its places in the orders of tier, scope
/// and id, in the journal and in the indexes.
const RECORD_BYTES: usize = 560;
/// What a distinct term of a record takes in the index: in its posting list and in the record's own.
const POSTING_BYTES: usize = 19;

/// How a vector is kept, and the number of the components that are.
pub(super) type VectorShape = (Precision, u32);

/// How a vector is kept, and the bytes of its code (see [`Arena::code_bytes`]).
pub(super) type Vectored = (VectorShape, usize);

/// What a vector takes: what is kept of it and its places in the index; floats have int8 steps beside them, and steps a
/// scale.
fn vector_bytes((precision, dimensions): VectorShape) -> usize {
    let dimensions = dimensions as usize;
    precision.bytes(dimensions)
        + match precision {
            Precision::F32 => dimensions + 20,
            Precision::Int8 => 20,
            Precision::Binary => 16,
        }
}

/// What a record takes, indexes included, with its vector if it has one.
fn weight(record: &Record, vector: Option<Vectored>, terms: usize) -> u32 {
    let vector = vector.map_or(0, |(shape, code)| vector_bytes(shape) + code);
    let bytes = record_bytes(record) + vector + terms * POSTING_BYTES;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What a record that is not in the store yet will take there.
pub(super) fn expected_weight(record: &Record, vector: Option<Vectored>) -> u32 {
    let mut index = TextIndex::default();
    index.insert(0, record.keyword_fields().iter().map(|field| &**field));
    weight(record, vector, index.terms_of(0).count())
}

/// What an origin of a record takes beside its texts.
const ORIGIN_BYTES: usize = 160;

/// What a record takes in the store. The same on every platform, so that budgets mean the same everywhere.
fn record_bytes(record: &Record) -> usize {
    let names = [&record.actor, &record.source].into_iter().flatten().chain(&record.tags).map(String::as_str);
    let scope = record.scope.parts().into_iter().filter_map(|(_, value)| value);
    let metadata: usize = record.metadata.iter().map(|(name, value)| 32 + name.len() + value.bytes()).sum();
    let origins = record.origins.iter().map(|origin| {
        let metadata: usize =
            origin.metadata.iter().map(|(name, value)| 32 + name.len() + value.bytes()).sum();
        let texts = origin.tags.iter().chain(&origin.actor).chain(&origin.text).map(|text| 24 + text.len());
        ORIGIN_BYTES + metadata + texts.sum::<usize>()
    });
    let metadata = metadata + origins.sum::<usize>();
    let texts: usize = names.chain(scope).map(|text| 24 + text.len()).sum();
    RECORD_BYTES + record.text.len() + record.kind.0.len() + texts + metadata
}

/// What a memory takes, about, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Of the host's memory, while it is open.
    pub memory: u64,
    /// Of storage, once it has been compacted.
    pub storage: u64,
}

impl Estimate {
    /// What a record takes in a segment beside its text, its vector and its terms.
    const STORED_RECORD: u64 = 110;
    /// What a distinct term of a record takes in a segment.
    const STORED_TERM: u64 = 3;
    /// What the engine needs beside the records, once these have been sealed for the first time: changes on their way to
    /// storage, and the segment that is being made.
    const ROOM: u64 = 4 << 20;

    /// Of so many records, each of `text_bytes` bytes of text and with a vector of that shape (0 components: without).
    pub(super) fn new(records: u64, vector: VectorShape, text_bytes: u32) -> Self {
        // English has about six bytes a word, and three in five are indexed once each. The day makes three more terms.
        let terms = u64::from(text_bytes) / 10 + 3;
        let text = u64::from(text_bytes);
        let kind = Kind::EPISODIC.len() as u64;
        let (precision, dimensions) = vector;
        let code = Arena::code_bytes(dimensions as usize);
        let in_memory = if dimensions == 0 { 0 } else { (vector_bytes(vector) + code) as u64 };
        // The lists of codes name each record.
        let listed = if code > 0 { code + 2 } else { 0 };
        let in_storage = (precision.bytes(dimensions as usize) + listed) as u64;
        let held = RECORD_BYTES as u64 + kind + text + in_memory + terms * POSTING_BYTES as u64;
        let stored = Self::STORED_RECORD + text + in_storage + terms * Self::STORED_TERM;
        let storage = records.saturating_mul(stored);
        let room = if storage > u64::from(Config::default().seal_bytes) { Self::ROOM } else { 0 };
        let graph = if code > 0 { expected_graph_bytes(records) } else { (0, 0) };
        let memory = records.saturating_mul(held).saturating_add(room).saturating_add(graph.0);
        Estimate { memory, storage: storage.saturating_add(graph.1) }
    }
}
