//! A map from records that is never moved as a whole.
//!
//! A hash table that is full is moved into one of twice the size, in one step: of a million entries that is tens of
//! milliseconds. So the entries are spread over many tables, each of which grows by itself.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::model::RecordId;

/// Binary digits of the number of a table.
const DIGITS: u32 = 7;

/// A map from records to values.
#[derive(Debug)]
pub(super) struct IdMap<V> {
    tables: Vec<FxHashMap<RecordId, V>>,
    len: usize,
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        let tables = std::iter::repeat_with(FxHashMap::default).take(1 << DIGITS).collect();
        IdMap { tables, len: 0 }
    }
}

impl<V> IdMap<V> {
    /// Number of records with a value.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The value of a record.
    pub(super) fn get(&self, id: &RecordId) -> Option<&V> {
        self.tables[table(id)].get(id)
    }

    /// Whether a record has a value.
    pub(super) fn contains_key(&self, id: &RecordId) -> bool {
        self.get(id).is_some()
    }

    /// Makes room for so many records, about.
    pub(super) fn reserve(&mut self, records: usize) {
        // Tables differ in size by chance.
        let each = (records >> DIGITS) + (records >> (DIGITS + 3));
        self.tables.iter_mut().for_each(|table| table.reserve(each));
    }

    /// Gives a record a value if it has none. Answers whether it had none.
    pub(super) fn enter(&mut self, id: RecordId, value: V) -> bool {
        match self.tables[table(&id)].entry(id) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(value);
                self.len += 1;
                true
            }
        }
    }

    /// Gives a record a value. Answers the one that it had.
    pub(super) fn insert(&mut self, id: RecordId, value: V) -> Option<V> {
        let before = self.tables[table(&id)].insert(id, value);
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes the value of a record.
    pub(super) fn remove(&mut self, id: &RecordId) -> Option<V> {
        let value = self.tables[table(id)].remove(id);
        self.len -= usize::from(value.is_some());
        value
    }

    /// All records and their values, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&RecordId, &V)> {
        self.tables.iter().flatten()
    }
}

/// The table of a record. By a hash of its own: within a table all records would have the same digits of one that the table
/// goes by as well.
fn table(id: &RecordId) -> usize {
    let folded = (id.0 as u64) ^ (id.0 >> 64) as u64;
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - DIGITS)) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_is_a_map_and_its_tables_are_about_as_large() {
        let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
        map.reserve(1_000);
        let mut random = fastrand::Rng::with_seed(1);
        // As ids are made: a moment, and random bits that are counted on from within it.
        let id =
            |n: u32| RecordId(((1_700_000_000_000 + u128::from(n / 500)) << 80) + (77 << 60) + u128::from(n));
        for n in 0..40_000 {
            let id = id(if n % 4 == 0 { random.u32(..40_000) } else { n });
            if n % 7 == 0 {
                assert_eq!(map.remove(&id), model.remove(&id));
            } else if n % 5 == 0 {
                assert_eq!(map.enter(id, n), !model.contains_key(&id));
                model.entry(id).or_insert(n);
            } else {
                assert_eq!(map.insert(id, n), model.insert(id, n));
            }
            assert_eq!(map.len(), model.len());
        }
        assert!(model.iter().all(|(id, n)| map.get(id) == Some(n) && map.contains_key(id)));
        assert_eq!(map.iter().map(|(id, n)| (*id, *n)).collect::<BTreeMap<_, _>>(), model);
        let mean = model.len() >> DIGITS;
        let sizes: Vec<usize> = map.tables.iter().map(FxHashMap::len).collect();
        assert!(sizes.iter().all(|size| (mean / 2..mean * 2).contains(size)), "{sizes:?}");
    }
}
