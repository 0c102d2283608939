//! Where the vector of a slot is: sets of rows, one for each way to keep a vector, and the place in one.

use crate::index::vector::project::Projections;
use crate::model::{Kept, Precision};

/// Sets of rows before those of the projections: one for each precision.
pub(super) const WHOLE: usize = Precision::ALL.len();
/// More than there are sets of rows.
const SETS: usize = 32;

const _: () =
    assert!(WHOLE + (Projections::MOST as usize) < SETS, "the number of the last set is that of no place");

/// The row of a vector whose row is in storage.
const STORED: usize = u32::MAX as usize / SETS - 1;

/// Where the vector of a slot is: its row x [`SETS`] + its set of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// That of no vector.
    pub(super) const NONE: Place = Place(u32::MAX);

    pub(super) fn new(set: usize, row: usize) -> Self {
        Place((row * SETS + set) as u32)
    }

    /// That of a vector of a set whose row is in storage.
    pub(super) fn stored(set: usize) -> Self {
        Place::new(set, STORED)
    }

    /// Whether the row is in storage.
    pub(super) fn is_stored(self) -> bool {
        self.0 as usize / SETS == STORED
    }

    /// The set, wherever the row is.
    pub(super) fn set(self) -> Option<usize> {
        (self != Place::NONE).then_some(self.0 as usize % SETS)
    }

    /// The set and the row, if that is in memory.
    pub(super) fn split(self) -> Option<(usize, usize)> {
        (self != Place::NONE && !self.is_stored()).then_some((self.0 as usize % SETS, self.0 as usize / SETS))
    }
}

/// The set of vectors that are kept like that.
pub(super) fn set_of(kept: Kept) -> usize {
    match kept {
        Kept::Whole(precision) => precision.index(),
        Kept::Projected(number) => WHOLE + number as usize,
    }
}

/// How the vectors of a set are kept.
pub(super) fn kept_in(set: usize) -> Kept {
    match Precision::ALL.get(set) {
        Some(precision) => Kept::Whole(*precision),
        None => Kept::Projected((set - WHOLE) as u32),
    }
}
