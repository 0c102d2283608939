//! Slots by id, for as long as many are asked for: when a memory is opened, and caches name its records in an order of their own.
//!
//! The ids of the store are a tree, which records come out of in their order. To find one takes a dozen steps through memory,
//! here it takes two.

use crate::index::Slot;
use crate::model::RecordId;

/// No slot.
const NONE: Slot = Slot::MAX;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    /// By slot.
    names: &'a [RecordId],
    /// By the first digits of the hash of their ids, slots; those whose place is taken stand behind it. At least half is empty.
    table: Vec<Slot>,
    /// Binary digits of a place in the table.
    digits: u32,
}

impl<'a> Finder<'a> {
    /// Of those slots, which are of different ids.
    pub(super) fn new(names: &'a [RecordId], slots: impl Iterator<Item = Slot>) -> Self {
        let digits = (2 * names.len()).max(2).next_power_of_two().ilog2();
        let mut finder = Finder { names, table: vec![NONE; 1 << digits], digits };
        for slot in slots {
            let place = finder.places(names[slot as usize]).find(|at| finder.table[*at] == NONE);
            if let Some(at) = place {
                finder.table[at] = slot;
            }
        }
        finder
    }

    /// The slot of a record.
    pub(crate) fn slot(&self, id: RecordId) -> Option<Slot> {
        let slots = self.places(id).map(|at| self.table[at]).take_while(|slot| *slot != NONE);
        slots.into_iter().find(|slot| self.names[*slot as usize] == id)
    }

    /// The places where a record may stand, the first one first.
    fn places(&self, id: RecordId) -> impl Iterator<Item = usize> + use<> {
        let folded = (id.0 as u64) ^ (id.0 >> 64) as u64;
        let first = (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - self.digits)) as usize;
        let last = self.table.len() - 1;
        (first..=first + last).map(move |at| at & last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each record is found in its slot and nothing else is, also where all stand in one heap.
    #[test]
    fn each_record_is_found() {
        let mut random = fastrand::Rng::with_seed(81);
        for count in [0, 1, 2, 3, 1_000] {
            // As ids are made, and such that all have the same hash.
            let made = |n: u128| RecordId(((1_700_000_000_000 + n / 500) << 80) + (77 << 60) + n);
            let equal = |n: u128| RecordId((n << 64) + n);
            for id in [made as fn(u128) -> RecordId, equal] {
                let mut names: Vec<RecordId> = (0..count).map(id).collect();
                random.shuffle(&mut names);
                let is_known = |slot: &Slot| slot % 7 != 3;
                let finder = Finder::new(&names, (0..count as Slot).filter(is_known));
                for (slot, id) in (0..).zip(&names) {
                    assert_eq!(finder.slot(*id), Some(slot).filter(is_known), "{slot} of {count}");
                }
                assert!((count..2 * count).all(|n| finder.slot(id(n)).is_none()), "of {count}");
            }
        }
    }
}
