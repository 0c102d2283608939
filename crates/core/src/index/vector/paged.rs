//! Vectors whose rows stay in storage: which they are, where their rows stand, and the rows that were read of late.
//!
//! A vector in memory may have a seat as well: its row has been stored, so that it can be given up. Invariant: a vector
//! whose row is in storage has a seat and a code in the lists, so that a search needs few of the rows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::index::Slot;
use crate::index::vector::arena::Arena;
use crate::index::vector::place::{Place, kept_in, set_of};
use crate::index::vector::probe::Stepped;
use crate::index::vector::reading::{ByteRange, Reading, Score, Seat};
use crate::index::vector::row_cache::{RowCache, STORED};
use crate::model::{Code, Kept, Precision};

/// Vectors whose rows are in storage, and the rows that were read.
#[derive(Debug)]
pub(super) struct Paged {
    /// By slot.
    seats: Vec<Seat>,
    /// Seats that hold once storage has what was written.
    promised: BTreeMap<Slot, Seat>,
    /// Rows in storage by precision.
    counts: [usize; STORED.len()],
    rows: RefCell<Lookup>,
}

/// What is known of rows without asking the host.
#[derive(Debug)]
struct Lookup {
    cache: RowCache,
    /// What the call under way has read.
    reading: Reading,
    hits: u64,
    misses: u64,
}

/// Vectors whose rows stay in storage, and how well the rows that were read serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PagingFigures {
    /// Vectors whose rows are in storage. The other vectors are in memory.
    pub vectors: usize,
    /// Bytes of rows that were read and are kept in memory.
    pub cache_bytes: usize,
    /// Rows that were needed and kept, since the memory was opened.
    pub hits: u64,
    /// Rows that were needed and had to be read.
    pub misses: u64,
}

/// A vector on its way into another index.
pub(crate) struct Transferred {
    kept: Kept,
    /// Its code, if its row is in storage.
    code: Option<Vec<u64>>,
    seat: Seat,
    promised: Option<Seat>,
}

impl Paged {
    pub(super) fn new(limit: usize, dimensions: usize) -> Self {
        let cache = RowCache::new(limit, dimensions);
        let rows = RefCell::new(Lookup { cache, reading: Reading::default(), hits: 0, misses: 0 });
        Paged { seats: Vec::new(), promised: BTreeMap::new(), counts: [0; STORED.len()], rows }
    }

    pub(super) fn len(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Rows in storage by precision.
    pub(super) fn counts(&self) -> [usize; STORED.len()] {
        self.counts
    }

    pub(super) fn bytes(&self) -> usize {
        self.seats.capacity() * size_of::<Seat>()
            + self.promised.len() * size_of::<(Slot, Seat)>()
            + self.rows.borrow().cache.bytes()
    }

    fn seat(&self, slot: Slot) -> Seat {
        self.seats.get(slot as usize).copied().unwrap_or(Seat::NONE)
    }

    fn set_seat(&mut self, slot: Slot, seat: Seat) {
        if self.seats.len() <= slot as usize {
            self.seats.resize(slot as usize + 1, Seat::NONE);
        }
        self.seats[slot as usize] = seat;
    }

    /// Forgets where the row of a slot stands: it is another vector's by now, or nobody's.
    pub(super) fn forget(&mut self, slot: Slot) {
        self.promised.remove(&slot);
        if let Some(seat) = self.seats.get_mut(slot as usize) {
            *seat = Seat::NONE;
        }
    }

    /// Counts a row of that set that comes back from storage, or is given up.
    pub(super) fn discount(&mut self, set: usize) {
        self.counts[set] -= 1;
    }

    /// The score of a row in storage. If it has to be read first, that is noted.
    fn score(&self, score: Score, probe: &Stepped, slot: Slot, precision: Precision) -> Option<f32> {
        let (seat, mut lookup) = (self.seat(slot), self.rows.borrow_mut());
        let Lookup { cache, reading, hits, .. } = &mut *lookup;
        if let Some(scores) = reading.scores(probe, seat.key()) {
            return Some(scores[score as usize]);
        }
        let Some((rows, row)) = cache.find(precision, seat.key()) else {
            reading.want_score(probe, seat, precision);
            return None;
        };
        *hits += 1;
        if reading.is_waiting() {
            // The call will be made again, and by then others may have taken its place.
            reading.note_scores(probe, seat.key(), Score::both(probe, rows, row));
        }
        Some(score.of(probe, rows, row))
    }

    /// A row in storage. If it has to be read first, that is noted.
    pub(super) fn code(&self, slot: Slot, precision: Precision) -> Option<Code> {
        let (seat, mut lookup) = (self.seat(slot), self.rows.borrow_mut());
        let Lookup { cache, reading, hits, .. } = &mut *lookup;
        if let Some(code) = reading.row(seat.key()) {
            return Some(code.clone());
        }
        let Some((rows, row)) = cache.find(precision, seat.key()) else {
            reading.want_row(seat, precision);
            return None;
        };
        *hits += 1;
        let code = rows.code(row);
        reading.note_row(seat.key(), code.clone());
        Some(code)
    }
}

impl Arena {
    /// Lets rows stay in storage from now on, if there are codes of such vectors, and keeps at most `limit` bytes of those that
    /// are read.
    pub(crate) fn page(&mut self, limit: usize) {
        if Self::code_bytes(self.dimensions) > 0 && !self.metric.is_of_length() {
            self.paged = Some(Box::new(Paged::new(limit, self.dimensions)));
        }
    }

    /// Whether rows may stay in storage.
    pub(crate) fn pages(&self) -> bool {
        self.paged.is_some()
    }

    /// Figures of the rows in storage, if any may stay there.
    pub(crate) fn paging(&self) -> Option<PagingFigures> {
        let paged = self.paged.as_ref()?;
        let lookup = paged.rows.borrow();
        Some(PagingFigures {
            vectors: paged.len(),
            cache_bytes: lookup.cache.bytes(),
            hits: lookup.hits,
            misses: lookup.misses,
        })
    }

    /// Whether the row of a slot is in storage.
    pub(crate) fn is_paged(&self, slot: Slot) -> bool {
        self.places.get(slot as usize).is_some_and(|place| place.is_stored())
    }

    /// The precision of a row that is in storage.
    fn paged_precision(&self, slot: Slot) -> Option<Precision> {
        let place = self.places.get(slot as usize).filter(|place| place.is_stored())?;
        STORED.get(place.set()?).copied()
    }

    /// The score of a vector whose row is in storage. If that has to be read first, it is noted.
    pub(super) fn paged_score(&self, score: Score, probe: &Stepped, slot: Slot) -> Option<f32> {
        self.paged.as_ref()?.score(score, probe, slot, self.paged_precision(slot)?)
    }

    /// Takes up a vector whose row is in storage. It has no code yet.
    pub(crate) fn insert_paged(&mut self, slot: Slot, kept: Kept, seat: Seat) {
        let Some(paged) = &mut self.paged else { return };
        let set = set_of(kept);
        if self.places.len() <= slot as usize {
            self.places.resize(slot as usize + 1, Place::NONE);
        }
        self.places[slot as usize] = Place::stored(set);
        paged.counts[set] += 1;
        paged.set_seat(slot, seat);
    }

    /// Notes where the row of a vector in memory is stored.
    pub(crate) fn set_seat(&mut self, slot: Slot, seat: Seat) {
        if let Some(paged) = &mut self.paged {
            paged.set_seat(slot, seat);
        }
    }

    /// Whether a vector's row is in storage and it has no code yet.
    pub(crate) fn is_bare(&self, slot: Slot) -> bool {
        self.is_paged(slot) && !self.lists.contains(slot)
    }

    /// Gives a vector whose row is in storage its code, made of that row; or, where vectors are too few for codes, its row.
    pub(crate) fn dress(&mut self, slot: Slot, code: &Code) {
        if self.may_code() {
            if let Some(vector) = super::decode(code, self.dimensions, self.projections()) {
                self.lists.insert(slot, &self.signer.sign(&vector));
            }
        } else {
            self.page_in(slot, code);
        }
    }

    /// Gives up the row of a vector if it is stored and not needed for searches. Answers whether it did.
    pub(crate) fn page_out(&mut self, slot: Slot) -> bool {
        let Some((set, row)) = self.place(slot) else { return false };
        let coded = self.may_code() && self.lists.contains(slot);
        let Some(paged) = &mut self.paged else { return false };
        if set >= STORED.len() || !coded || paged.seat(slot) == Seat::NONE {
            return false;
        }
        paged.counts[set] += 1;
        self.places[slot as usize] = Place::stored(set);
        if let Some(moved) = self.rows[set].remove(row) {
            self.places[moved as usize] = Place::new(set, row);
        }
        true
    }

    /// Whether the row of a vector could be given up but for the code that is still to be made of it.
    pub(crate) fn waits_for_code(&self, slot: Slot) -> bool {
        let stored = self.paged.as_ref().is_some_and(|paged| paged.seat(slot) != Seat::NONE);
        stored && !self.is_paged(slot) && self.queued.contains(slot) && !self.lists.contains(slot)
    }

    /// Takes the row of a vector back into memory.
    pub(crate) fn page_in(&mut self, slot: Slot, code: &Code) {
        if let (true, Some(paged)) = (self.is_paged(slot), &mut self.paged) {
            let set = set_of(code.kept());
            paged.discount(set);
            self.places[slot as usize] = Place::new(set, self.rows[set].len());
            self.rows[set].push(slot, code);
            if !self.lists.contains(slot) && self.queued.insert(slot) {
                self.uncoded.push(slot);
            }
        }
    }

    /// Notes where the row of a vector stands once what was written has been acknowledged, unless the vector changes.
    pub(crate) fn promise(&mut self, slot: Slot, seat: Seat) {
        if let Some(paged) = &mut self.paged {
            paged.promised.insert(slot, seat);
        }
    }

    /// What was promised of those segments holds from now on. Answers the slots whose rows are in memory still.
    pub(crate) fn redeem(&mut self, segments: &[u64]) -> Vec<Slot> {
        let Some(paged) = &mut self.paged else { return Vec::new() };
        let is_due = |seat: &Seat| segments.contains(&u64::from(seat.segment));
        let due: Vec<(Slot, Seat)> = paged
            .promised
            .iter()
            .filter(|(_, seat)| is_due(seat))
            .map(|(slot, seat)| (*slot, *seat))
            .collect();
        for (slot, seat) in &due {
            paged.promised.remove(slot);
            paged.set_seat(*slot, *seat);
        }
        due.into_iter().map(|(slot, _)| slot).filter(|slot| !self.is_paged(*slot)).collect()
    }

    /// What another index has to know of a vector beside the row that this one may hold; nothing if rows do not stay in
    /// storage, or there is no vector.
    pub(crate) fn transfer(&self, slot: Slot) -> Option<Transferred> {
        let (paged, set) = (self.paged.as_ref()?, self.places.get(slot as usize)?.set()?);
        let stored = self.is_paged(slot);
        Some(Transferred {
            kept: kept_in(set),
            code: self.lists.code(slot).filter(|_| stored).map(<[u64]>::to_vec),
            seat: paged.seat(slot),
            promised: paged.promised.get(&slot).copied(),
        })
    }

    /// Takes up what [`Arena::transfer`] told.
    pub(crate) fn receive(&mut self, slot: Slot, told: Transferred) {
        if let Some(code) = told.code {
            self.insert_paged(slot, told.kept, told.seat);
            self.lists.insert(slot, &code);
        }
        if self.places.get(slot as usize).is_some_and(|place| *place != Place::NONE) {
            self.set_seat(slot, told.seat);
            told.promised.into_iter().for_each(|seat| self.promise(slot, seat));
        }
    }

    /// Begins a call with what was read for it so far.
    pub(crate) fn begin_reading(&self, reading: Reading) {
        if let Some(paged) = &self.paged {
            paged.rows.borrow_mut().reading = reading;
        }
    }

    /// Whether the call under way has met rows that have to be read.
    pub(crate) fn is_waiting(&self) -> bool {
        self.paged.as_ref().is_some_and(|paged| paged.rows.borrow().reading.is_waiting())
    }

    /// Ends a call: what it has read, and what it needs.
    pub(crate) fn end_reading(&self) -> Reading {
        self.paged
            .as_ref()
            .map_or_else(Reading::default, |paged| std::mem::take(&mut paged.rows.borrow_mut().reading))
    }

    /// Takes the bytes of a range that a call needs.
    ///
    /// # Errors
    /// The offset in the segment of a row that is not there or is damaged.
    pub(crate) fn supply(&self, reading: &mut Reading, range: ByteRange, bytes: &[u8]) -> Result<(), u64> {
        let Some(paged) = &self.paged else { return Ok(()) };
        let Lookup { cache, misses, .. } = &mut *paged.rows.borrow_mut();
        // What is copied from place to place is not asked about soon.
        reading.supply(range, bytes, self.dimensions, |key, code, whole| {
            *misses += 1;
            if !whole {
                cache.put(key, code);
            }
        })
    }

    /// What a call needs next.
    pub(crate) fn ranges(&self, reading: &mut Reading) -> Vec<ByteRange> {
        reading.ranges(self.dimensions)
    }
}
