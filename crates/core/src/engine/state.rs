//! What a memory is at a moment: the records and the indexes over them.
//!
//! Invariant: the state is a function of the changes applied to it, in order. Commits and recovery go through the
//! same [`State::apply`], so a memory reopened is the memory that was closed.

use time::OffsetDateTime;

use crate::index::Slot;
use crate::index::text::TextIndex;
use crate::index::vector::{FlatIndex, VectorIndex};
use crate::model::{EmbeddingSpace, Record, RecordId, Timestamp};
use crate::persist::Change;
use crate::tier::Store;

/// Records and indexes.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) text: TextIndex,
    pub(super) space: Option<EmbeddingSpace>,
    vectors: Option<FlatIndex>,
}

impl State {
    /// An empty state of a memory that has settled on a space.
    pub(super) fn with_space(space: Option<EmbeddingSpace>) -> Self {
        let mut state = State::default();
        state.settle(space);
        state
    }

    fn settle(&mut self, space: Option<EmbeddingSpace>) {
        self.vectors = space.as_ref().map(|space| FlatIndex::new(space.dimensions as usize));
        self.space = space;
    }

    /// Carries one change out. Changes about records that do not exist do nothing.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Space(space) => self.settle(Some(space.clone())),
            Change::Put(record, vector) => {
                let slot = self.place((**record).clone(), vector.as_deref());
                self.text.insert(slot, keyword_fields(record).iter().map(String::as_str));
            }
            Change::Revise(record) => self.store.revise((**record).clone()),
            Change::Remove(id) => {
                if let Some((slot, _)) = self.store.remove(*id) {
                    self.vacate(slot);
                }
            }
            Change::Move(id, tier, since) => self.store.modify(*id, |record| {
                record.tier = *tier;
                record.tier_since = *since;
            }),
            Change::Access(reads) => {
                for (id, count, last) in reads {
                    self.touch(*id, *count, *last);
                }
            }
        }
    }

    /// Puts back a record whose terms were kept, so that nothing is tokenised.
    pub(super) fn restore<'t>(
        &mut self,
        record: Record,
        vector: Option<&[f32]>,
        terms: impl IntoIterator<Item = (&'t str, u32)>,
    ) {
        let slot = self.place(record, vector);
        self.text.insert_terms(slot, terms);
    }

    /// Counts `count` reads of a record, the last of them at `last`.
    pub(super) fn touch(&mut self, id: RecordId, count: u32, last: Timestamp) {
        self.store.modify(id, |record| {
            record.access_count = record.access_count.saturating_add(count);
            record.last_access = record.last_access.max(Some(last));
        });
    }

    /// The vector index, once there is a space.
    pub(super) fn vectors(&self) -> Option<&dyn VectorIndex> {
        self.vectors.as_ref().map(|index| index as &dyn VectorIndex)
    }

    /// The vector of a record.
    pub(super) fn vector(&self, id: RecordId) -> Option<&[f32]> {
        self.vectors.as_ref()?.vector(self.store.slot(id)?)
    }

    /// Share of slots that are dead, 0 to 1.
    pub(super) fn dead_share(&self) -> f64 {
        let slots = self.store.slot_count();
        if slots == 0 { 0.0 } else { 1.0 - self.store.len() as f64 / slots as f64 }
    }

    /// The same records without dead slots.
    pub(super) fn rebuilt(&self) -> State {
        let mut fresh = State::with_space(self.space.clone());
        for record in self.store.iter_after(None) {
            if let Some(slot) = self.store.slot(record.id) {
                fresh.restore(record.clone(), self.vector(record.id), self.text.terms_of(slot));
            }
        }
        fresh
    }

    fn place(&mut self, record: Record, vector: Option<&[f32]>) -> Slot {
        let (slot, vacated) = self.store.put(record);
        if let Some(old) = vacated {
            self.vacate(old);
        }
        if let (Some(index), Some(vector)) = (&mut self.vectors, vector) {
            index.insert(slot, vector);
        }
        slot
    }

    fn vacate(&mut self, slot: Slot) {
        self.text.remove(slot);
        if let Some(index) = &mut self.vectors {
            index.remove(slot);
        }
    }
}

/// What keyword search sees of a record: its text, its actor, its labels, and the day it happened on in words, so
/// that "in May 2023" finds it.
pub(super) fn keyword_fields(record: &Record) -> Vec<String> {
    let mut fields = vec![record.text.clone()];
    fields.extend(record.actor.clone());
    fields.extend(record.tags.iter().cloned());
    if let Ok(moment) = OffsetDateTime::from_unix_timestamp(record.occurred_at.0.div_euclid(1_000)) {
        fields.push(format!("{} {} {}", moment.day(), moment.month(), moment.year()));
    }
    fields
}
