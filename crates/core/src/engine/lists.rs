//! The lists of codes in storage: written when records have gone to segments, taken up when a memory is opened.
//!
//! A stored code is used for a record only if its newest form is in a segment that was there when the lists were written:
//! whatever has changed since stands in a later segment or in a log. So a stale or missing lists object costs time, and
//! changes no answer to an exact search.

use rustc_hash::FxHashMap;

use crate::engine::Engine;
use crate::engine::effect::StorageOperation;
use crate::engine::journal::Journal;
use crate::engine::state::State;
use crate::index::vector::KeptList;
use crate::model::RecordId;
use crate::persist::{ObjectKind, SegmentRef, StoredList, decode_lists, encode_lists};

/// Records that stored lists do not know, for them to be written anew: this many, and this share of all in segments.
const UNKNOWN: (u64, u64) = (1_024, 8);

/// The lists object in storage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ListsRef {
    /// Its number; 0 if there is none.
    pub(super) number: u64,
    /// What is in a segment of this number or a later one is not in it, or may have changed.
    pub(super) segments: u64,
}

impl Engine {
    /// Writes the lists of codes if storage has none that know most of the records.
    pub(super) fn store_lists(&mut self) {
        if self.journal.wants_lists()
            && let (Some(index), Some(space)) = (&self.state.vectors, &self.state.space)
            && index.is_coded()
        {
            let store = &self.state.store;
            let id = |slot: &u32| store.record(*slot).map_or(RecordId(0), |record| record.id);
            let lists = index.kept_lists().map(|KeptList { centre, nearness, slots, codes }| StoredList {
                centre: centre.to_vec(),
                nearness,
                ids: slots.iter().map(id).collect(),
                codes: codes.to_vec(),
            });
            self.journal
                .put_lists(|number, segments| encode_lists(number, space.dimensions, segments, lists));
        }
    }
}

impl Journal {
    /// Whether segments are what the manifest says, and stay so.
    pub(super) fn is_quiet(&self) -> bool {
        !self.is_sealing() && !self.is_merging() && !self.unannounced
    }

    /// Whether segments hold enough that the stored lists do not know, and nothing is under way.
    fn wants_lists(&self) -> bool {
        let unknown = |segment: &&SegmentRef| segment.number >= self.lists.segments;
        let records = |segment: &SegmentRef| u64::from(segment.records);
        let new: u64 = self.manifest.segments.iter().filter(unknown).map(records).sum();
        self.is_quiet() && new > UNKNOWN.0.max(self.homed_records() / UNKNOWN.1)
    }

    /// Removes the stored lists: they tell of vectors that are there no more.
    pub(super) fn drop_lists(&mut self) {
        let ListsRef { number, .. } = std::mem::take(&mut self.lists);
        if number > 0 {
            self.outbox.push(StorageOperation::Remove { key: ObjectKind::Lists.key(number) });
        }
    }

    fn put_lists(&mut self, encoded: impl FnOnce(u64, u64) -> Vec<u8>) {
        let before = self.lists;
        self.lists = ListsRef { number: before.number + 1, segments: self.manifest.next_segment };
        let bytes = encoded(self.lists.number, self.lists.segments);
        let key = ObjectKind::Lists.key(self.lists.number);
        self.outbox.push(StorageOperation::Put { key, bytes });
        if before.number > 0 {
            self.outbox.push(StorageOperation::Remove { key: ObjectKind::Lists.key(before.number) });
        }
    }
}

/// Takes stored lists up into a state whose segments have been loaded, and nothing else. `homes` says which segment each
/// record came from. Answers the object that was used.
pub(super) fn adopt_lists(
    state: &mut State,
    (number, bytes): (u64, &[u8]),
    homes: &FxHashMap<RecordId, u64>,
) -> Option<ListsRef> {
    let (index, space) = (state.vectors.as_mut()?, state.space.as_ref()?);
    let key = ObjectKind::Lists.key(number);
    let Some(stored) = decode_lists(&key, bytes, space.dimensions, index.words()) else {
        tracing::warn!(key, "stored lists cannot be used, and are made anew");
        return None;
    };
    let store = &state.store;
    let unchanged = |id: &RecordId| homes.get(id).is_some_and(|segment| *segment < stored.segments);
    let slot = |id: &RecordId| if unchanged(id) { store.slot(*id) } else { None };
    for StoredList { centre, nearness, ids, codes } in &stored.lists {
        let slots: Vec<Option<u32>> = ids.iter().map(slot).collect();
        index.adopt(centre, *nearness, &slots, codes);
    }
    index.forget_coded();
    Some(ListsRef { number, segments: stored.segments })
}
