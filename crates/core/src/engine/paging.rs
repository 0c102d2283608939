//! Vectors whose rows stay in storage: who gives them up, and how calls get to those that they need.
//!
//! A call that needs rows which are not in memory changes nothing, and ends in [`CommandError::VectorsUnread`] with the
//! number of a *reading*. The host reads what [`Engine::wanted`] names, hands it over with [`Engine::supply`] until nothing
//! more is wanted, says [`Engine::resume`], and makes the call again: it takes up what was read, and ends well, or needs a
//! few more. It sees the memory as it is then, whatever has happened since it was first made. [`Engine::drop_reading`]
//! ends a reading.
//!
//! What the engine has to do by itself, sealing and merging, reads under the number [`Engine::CHORES`].

use rustc_hash::FxHashMap;

use crate::engine::Engine;
use crate::engine::state::State;
use crate::error::{CommandError, Error, FormatError};
use crate::index::Slot;
use crate::index::vector::{Arena, ByteRange, PagingFigures, Reading, Seat};
use crate::model::{Code, Kept, Precision, Record, RecordId, Scope, Tier, Timestamp};
use crate::persist::ObjectKind;

/// Rows that a step gives up.
const GIVEN_UP: usize = 1_024;

/// Some bytes of an object in storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRange {
    /// Name of the object.
    pub key: String,
    /// Bytes before them.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
}

/// What calls have read, until they are made again; and whose rows can be given up.
#[derive(Debug, Default)]
pub(super) struct Paging {
    last: u32,
    parked: FxHashMap<u32, Reading>,
    /// The reading that the next call takes up.
    resumed: Option<u32>,
    /// That of the call under way, if it has one already.
    current: Option<u32>,
    /// Records whose rows are stored and may still be in memory.
    pub(super) stored: Vec<RecordId>,
}

impl Engine {
    /// The reading of what the engine has to do by itself.
    pub const CHORES: u32 = 0;

    /// What a reading needs, in the order in which it stands in storage: some of it if that is much. Nothing if the call can be made
    /// again.
    pub fn wanted(&mut self, reading: u32) -> Vec<RowRange> {
        let (Some(index), Some(reading)) = (&self.state.vectors, self.paging.parked.get_mut(&reading)) else {
            return Vec::new();
        };
        let named = |range: ByteRange| {
            let key = ObjectKind::Segment.key(u64::from(range.segment));
            RowRange { key, offset: range.offset, length: range.length }
        };
        index.ranges(reading).into_iter().map(named).collect()
    }

    /// Takes the bytes of a range that a reading needs, as many as there are; none if there is no such object. Answers
    /// false if the rows are on their way to another object: the call is to be made again when what is being
    /// written has been acknowledged.
    ///
    /// # Errors
    /// [`FormatError::Corrupt`] naming the object and the byte if a row is not there or damaged: nothing else is lost.
    /// [`CommandError::Poisoned`] if the object went with a write of which it is not known how far it came.
    pub fn supply(&mut self, reading: u32, range: &RowRange, bytes: Option<&[u8]>) -> Result<bool, Error> {
        let (Some(index), Some(reading)) = (&self.state.vectors, self.paging.parked.get_mut(&reading)) else {
            return Ok(true);
        };
        let Some((ObjectKind::Segment, number)) = ObjectKind::parse(&range.key) else { return Ok(true) };
        let place = ByteRange { segment: number as u32, offset: range.offset, length: range.length };
        let corrupt = |offset, problem: &str| {
            let (object, problem) = (range.key.clone(), problem.to_owned());
            Error::from(FormatError::Corrupt { object, offset, problem })
        };
        if let Some(bytes) = bytes {
            let damaged = |offset| corrupt(offset, "the checksum of a vector does not match");
            return index.supply(reading, place, bytes).map(|()| true).map_err(damaged);
        }
        if self.journal.manifest.segments.iter().any(|segment| segment.number == number) {
            return Err(corrupt(0, "the manifest names it, but it is missing"));
        }
        reading.pass_over(place);
        self.check_writable()?;
        Ok(false)
    }

    /// Has the next call take up what was read for it.
    pub fn resume(&mut self, reading: u32) {
        self.paging.resumed = Some(reading);
    }

    /// Forgets what was read.
    pub fn drop_reading(&mut self, reading: u32) {
        self.paging.parked.remove(&reading);
    }

    /// The unit vector of a record as far as it is kept, if a view of `scope` sees the record and it has one. Unlike
    /// [`Engine::vector`], also if its row is in storage.
    ///
    /// # Errors
    /// [`CommandError::VectorsUnread`] if its row has to be read.
    pub fn read_vector(
        &mut self,
        scope: &Scope,
        id: RecordId,
        now: Timestamp,
    ) -> Result<Option<Vec<f32>>, CommandError> {
        self.begin_reading();
        let vector = self.vector(scope, id, now);
        self.end_reading()?;
        Ok(vector)
    }

    /// Begins a call that may need rows.
    pub(super) fn begin_reading(&mut self) {
        let Some(index) = &self.state.vectors else { return };
        self.paging.current = self.paging.resumed.take();
        let parked = self.paging.current.and_then(|reading| self.paging.parked.remove(&reading));
        index.begin_reading(parked.unwrap_or_default());
    }

    /// Ends what of a call needs rows.
    ///
    /// # Errors
    /// [`CommandError::VectorsUnread`] if it lacked some.
    pub(super) fn end_reading(&mut self) -> Result<(), CommandError> {
        let Some(index) = &self.state.vectors else { return Ok(()) };
        let (reading, current) = (index.end_reading(), self.paging.current.take());
        if !reading.is_waiting() {
            return Ok(());
        }
        let number = current.filter(|number| *number != Self::CHORES).unwrap_or_else(|| {
            self.paging.last += 1;
            self.paging.last
        });
        self.paging.parked.insert(number, reading);
        Err(CommandError::VectorsUnread { reading: number })
    }

    /// Begins something that the engine does by itself.
    pub(super) fn begin_chores(&mut self) {
        self.paging.resumed = None;
        if let Some(index) = &self.state.vectors {
            index.begin_reading(self.paging.parked.remove(&Self::CHORES).unwrap_or_default());
        }
    }

    /// Whether what the engine does by itself lacks rows.
    pub(super) fn chores_wait(&self) -> bool {
        self.state.vectors.as_ref().is_some_and(|index| index.is_waiting())
    }

    /// Ends something that the engine does by itself.
    ///
    /// # Errors
    /// [`CommandError::VectorsUnread`] if it lacked rows.
    pub(super) fn end_chores(&mut self) -> Result<(), CommandError> {
        let Some(index) = &self.state.vectors else { return Ok(()) };
        let reading = index.end_reading();
        if !reading.is_waiting() {
            return Ok(());
        }
        self.paging.parked.insert(Self::CHORES, reading);
        Err(CommandError::VectorsUnread { reading: Self::CHORES })
    }

    /// Forgets all readings: there are no such vectors any more.
    pub(super) fn drop_readings(&mut self) {
        self.paging.parked.clear();
    }

    /// What of a finished seal or merge has become durable: rows that it holds can be read there.
    pub(super) fn redeem(&mut self) {
        let segments = self.journal.take_durable();
        if !segments.is_empty() {
            let redeemed = self.state.redeem(&segments);
            self.paging.stored.extend(redeemed);
        }
    }

    /// Takes a step of giving up rows that are stored. Answers whether there are more.
    pub(super) fn give_up_step(&mut self) -> bool {
        self.give_up_some(GIVEN_UP)
    }

    /// Gives up rows that are stored, `most` at most. Answers whether there are more.
    pub(super) fn give_up_some(&mut self, most: usize) -> bool {
        if !self.state.vectors.as_ref().is_some_and(|index| index.pages() && index.is_coded()) {
            return false;
        }
        let mut uncoded = Vec::new();
        for _ in 0..most {
            let Some(id) = self.paging.stored.pop() else { break };
            if self.state.store.get(id).is_some_and(|record| record.tier == Tier::LongTerm) {
                self.state.page_out(id);
                if self.state.waits_for_code(id) {
                    uncoded.push(id);
                }
            }
        }
        let more = !self.paging.stored.is_empty();
        self.paging.stored.append(&mut uncoded);
        more
    }

    /// Whether there are rows to be given up.
    pub(super) fn has_stored(&self) -> bool {
        !self.paging.stored.is_empty() && self.state.vectors.as_ref().is_some_and(|index| index.is_coded())
    }

    /// Looks through the long-term tier for rows that could be given up: after opening, and when records were copied.
    pub(super) fn look_for_stored(&mut self) {
        if self.state.vectors.as_ref().is_some_and(|index| index.pages()) {
            let held = self.state.store.tier_after(Tier::LongTerm, None);
            let in_memory = |record: &&Record| !self.state.is_paged(record.id);
            self.paging.stored = held.filter(in_memory).map(|record| record.id).collect();
        }
    }

    /// Figures of the vectors whose rows stay in storage, if any may.
    pub(super) fn paging_figures(&self) -> Option<PagingFigures> {
        let limit = self.config.resident_vector_bytes;
        limit.map(|_| self.state.vectors.as_ref().and_then(|index| index.paging()).unwrap_or_default())
    }
}

impl State {
    /// Whether the row of a record's vector is in storage.
    pub(super) fn is_paged(&self, id: RecordId) -> bool {
        self.slot_with_index(id).is_some_and(|(slot, index)| index.is_paged(slot))
    }

    fn slot_with_index(&self, id: RecordId) -> Option<(Slot, &Arena)> {
        Some((self.store.slot(id)?, self.vectors.as_ref()?))
    }

    /// Whether a vector kept like that may stay in storage.
    pub(super) fn may_page(&self, kept: Kept) -> bool {
        let stored = matches!(kept, Kept::Whole(Precision::F32 | Precision::Int8));
        stored && self.vectors.as_ref().is_some_and(|index| index.pages())
    }

    /// Gives up the row of a record's vector, if it can be read again.
    fn page_out(&mut self, id: RecordId) {
        if let Some(next) = self.successor() {
            next.page_out(id);
        }
        if let (Some(slot), Some(index)) = (self.store.slot(id), &mut self.vectors) {
            index.page_out(slot);
        }
    }

    /// Whether a row could be given up but for the code that is still to be made of it.
    fn waits_for_code(&self, id: RecordId) -> bool {
        self.slot_with_index(id).is_some_and(|(slot, index)| index.waits_for_code(slot))
    }

    /// Takes rows back into memory, as far as they have been read.
    pub(super) fn page_in(&mut self, ids: &[RecordId]) {
        for id in ids {
            let code = if self.is_paged(*id) { self.code(*id) } else { None };
            if let Some(code) = code {
                self.put_row(*id, &code);
            }
        }
    }

    fn put_row(&mut self, id: RecordId, code: &Code) {
        if let Some(next) = self.successor() {
            next.put_row(id, code);
        }
        if let (Some(slot), Some(index)) = (self.store.slot(id), &mut self.vectors) {
            index.page_in(slot, code);
        }
    }

    /// Notes where the row of a record's vector stands once it has been acknowledged.
    pub(super) fn promise(&mut self, id: RecordId, seat: Seat) {
        if let Some(next) = self.successor() {
            next.promise(id, seat);
        }
        if let (Some(slot), Some(index)) = (self.store.slot(id), &mut self.vectors) {
            index.promise(slot, seat);
        }
    }

    /// What was promised of those segments holds. Answers the records whose rows are in memory still.
    fn redeem(&mut self, segments: &[u64]) -> Vec<RecordId> {
        if let Some(next) = self.successor() {
            next.redeem(segments);
        }
        let Some(index) = &mut self.vectors else { return Vec::new() };
        let held = index.redeem(segments);
        held.into_iter().filter_map(|slot| self.store.record(slot)).map(|record| record.id).collect()
    }
}
