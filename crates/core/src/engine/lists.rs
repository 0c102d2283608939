//! The lists of codes in storage: written when records have gone to segments, taken up when a memory is opened.
//!
//! A stored code is used for a record only if its newest form is in a segment that was there when the lists were written:
//! whatever has changed since stands in a later segment or in a log. So a stale or missing lists object costs time, and
//! changes no answer to an exact search.

use crate::engine::Engine;
use crate::engine::effect::StorageOperation;
use crate::engine::id_map::IdMap;
use crate::engine::journal::Journal;
use crate::engine::state::State;
use crate::index::vector::KeptList;
use crate::model::RecordId;
use crate::persist::{ObjectKind, PAGE_LISTS, SegmentRef, StoredList, begin_lists, decode_lists, lists_page};

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

/// A lists object on its way to storage, a page in each step. Lists change meanwhile: a code that moves from one to another may
/// be written twice, and counts once, or not at all, and is made anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListsDraft {
    object: ListsRef,
    /// Components of a vector.
    dimensions: u32,
    /// Pages that it has, and those that were written.
    pages: u32,
    written: u32,
}

impl Engine {
    /// Writes a page of the lists of codes, if an object of them is under way, or storage has none that knows most of the
    /// records. Answers whether there is more to write.
    pub(super) fn store_lists(&mut self) -> bool {
        let under_way = self.journal.lists_draft.take();
        let index = self.state.vectors.as_ref().filter(|index| index.is_coded());
        let (Some(index), Some(space)) = (index, &self.state.space) else {
            under_way.into_iter().for_each(|draft| self.journal.remove_lists(draft.object.number));
            return false;
        };
        let mut draft = match under_way {
            Some(draft) if draft.dimensions == space.dimensions => draft,
            Some(draft) => {
                self.journal.remove_lists(draft.object.number);
                return false;
            }
            None if self.journal.wants_lists() => {
                let pages = index.list_count().div_ceil(PAGE_LISTS) as u32;
                self.journal.begin_lists(space.dimensions, pages)
            }
            None => return false,
        };
        let store = &self.state.store;
        let id = |slot: &u32| store.id(*slot).unwrap_or(RecordId(0));
        let first = draft.written as usize * PAGE_LISTS;
        let lists = index.kept_lists(first..first + PAGE_LISTS);
        let stored = lists.map(|KeptList { centre, nearness, slots, codes }| StoredList {
            centre: centre.to_vec(),
            nearness,
            ids: slots.iter().map(id).collect(),
            codes: codes.to_vec(),
        });
        let (key, bytes) = (ObjectKind::Lists.key(draft.object.number), lists_page(draft.written, stored));
        self.journal.outbox.push(StorageOperation::Append { key, bytes });
        draft.written += 1;
        if draft.written < draft.pages {
            self.journal.lists_draft = Some(draft);
            return true;
        }
        let before = std::mem::replace(&mut self.journal.lists, draft.object);
        self.journal.remove_lists(before.number);
        false
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

    /// Removes the stored lists and those under way: they tell of vectors that are there no more.
    pub(super) fn drop_lists(&mut self) {
        if let Some(draft) = self.lists_draft.take() {
            self.remove_lists(draft.object.number);
        }
        let ListsRef { number, .. } = std::mem::take(&mut self.lists);
        self.remove_lists(number);
    }

    fn begin_lists(&mut self, dimensions: u32, pages: u32) -> ListsDraft {
        let object = ListsRef { number: self.lists.number + 1, segments: self.manifest.next_segment };
        let key = ObjectKind::Lists.key(object.number);
        let bytes = begin_lists(object.number, dimensions, object.segments, pages);
        self.outbox.push(StorageOperation::Append { key, bytes });
        ListsDraft { object, dimensions, pages, written: 0 }
    }

    fn remove_lists(&mut self, number: u64) {
        if number > 0 {
            self.outbox.push(StorageOperation::Remove { key: ObjectKind::Lists.key(number) });
        }
    }
}

/// Takes stored lists up into a state whose segments have been loaded, and nothing else. `homes` says which segment each
/// record came from. Answers the object that was used.
pub(super) fn adopt_lists(
    state: &mut State,
    (number, bytes): (u64, &[u8]),
    homes: &IdMap<u64>,
) -> Option<ListsRef> {
    let (index, space) = (state.vectors.as_mut()?, state.space.as_ref()?);
    let key = ObjectKind::Lists.key(number);
    let Some(stored) = decode_lists(&key, bytes, space.dimensions, index.words()) else {
        tracing::warn!(key, "stored lists cannot be used, and are made anew");
        return None;
    };
    let slots = state.store.slots_by_id();
    let unchanged = |id: &RecordId| homes.get(id).is_some_and(|segment| *segment < stored.segments);
    let slot = |id: &RecordId| slots.get(id).copied().filter(|_| unchanged(id));
    for list in &stored.lists {
        let StoredList { centre, nearness, ids, codes } = list.read();
        let slots: Vec<Option<u32>> = ids.iter().map(slot).collect();
        index.adopt(&centre, nearness, &slots, &codes);
    }
    index.forget_coded();
    Some(ListsRef { number, segments: stored.segments })
}
