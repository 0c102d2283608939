//! Rows that were read from storage, as many as a bound in bytes allows.
//!
//! What goes when there is no room is found by a hand that goes round and passes over what was used since it last came by:
//! the clock of Corbató ("A paging experiment with the Multics system", 1969). A use costs a bit, not a list.

use rustc_hash::FxHashMap;

use crate::index::vector::rows::Rows;
use crate::model::{Code, Kept, Precision};

/// What a row takes beside its components: its scale, its slot, its key, its place by key, whether it was used.
const ROW_BYTES: usize = 48;

/// The precisions of rows that stay in storage.
pub(super) const STORED: [Precision; 2] = [Precision::F32, Precision::Int8];

/// Rows by key, of one number of components.
#[derive(Debug)]
pub(super) struct RowCache {
    /// Bytes at most.
    limit: usize,
    sets: [CachedRows; 2],
}

/// The rows of one precision.
#[derive(Debug)]
struct CachedRows {
    row_bytes: usize,
    rows: Rows,
    /// By row.
    keys: Vec<u64>,
    used: Vec<bool>,
    place: FxHashMap<u64, u32>,
    hand: usize,
}

impl RowCache {
    /// Nothing yet, and never more than `limit` bytes.
    pub(super) fn new(limit: usize, dimensions: usize) -> Self {
        let set = |precision: Precision| {
            // Floats have steps beside them.
            let steps = if precision == Precision::F32 { dimensions } else { 0 };
            CachedRows {
                row_bytes: precision.bytes(dimensions) + steps + ROW_BYTES,
                rows: Rows::new(precision, dimensions),
                keys: Vec::new(),
                used: Vec::new(),
                place: FxHashMap::default(),
                hand: 0,
            }
        };
        RowCache { limit, sets: STORED.map(set) }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.sets.iter().map(|set| set.keys.len() * set.row_bytes).sum()
    }

    /// The rows of a precision and the one under `key` among them. Counts as a use.
    pub(super) fn find(&mut self, precision: Precision, key: u64) -> Option<(&Rows, usize)> {
        let set = self.sets.get_mut(precision.index())?;
        let row = *set.place.get(&key)? as usize;
        set.used[row] = true;
        Some((&set.rows, row))
    }

    /// Takes a row up under a key that has none, if there can be room for it.
    pub(super) fn put(&mut self, key: u64, code: &Code) {
        let at = match code.kept() {
            Kept::Whole(precision) if STORED.contains(&precision) => precision.index(),
            _ => return,
        };
        if self.sets[at].place.contains_key(&key) {
            return;
        }
        let row_bytes = self.sets[at].row_bytes;
        if self.bytes() + row_bytes > self.limit && self.sets[at].keys.is_empty() {
            // The other precision has all the room.
            while self.bytes() + row_bytes > self.limit && self.sets[1 - at].drop_last() {}
        }
        if self.bytes() + row_bytes <= self.limit {
            self.sets[at].push(key, code);
        } else {
            self.sets[at].replace(key, code);
        }
    }
}

impl CachedRows {
    fn push(&mut self, key: u64, code: &Code) {
        self.place.insert(key, self.keys.len() as u32);
        self.rows.push(0, code);
        self.keys.push(key);
        self.used.push(false);
    }

    /// Puts a row in the place of one that was not used of late.
    fn replace(&mut self, key: u64, code: &Code) {
        if self.keys.is_empty() {
            return;
        }
        loop {
            self.hand = (self.hand + 1) % self.keys.len();
            if !std::mem::take(&mut self.used[self.hand]) {
                break;
            }
        }
        self.place.remove(&std::mem::replace(&mut self.keys[self.hand], key));
        self.place.insert(key, self.hand as u32);
        self.rows.replace(self.hand, code);
    }

    /// Drops a row. Answers whether there was one.
    fn drop_last(&mut self) -> bool {
        let Some(key) = self.keys.pop() else { return false };
        self.used.pop();
        self.place.remove(&key);
        self.rows.remove(self.keys.len());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(first: i8) -> Code {
        Code::Int8([first, 1, 2, 3].into())
    }

    fn first(cache: &mut RowCache, key: u64) -> Option<i8> {
        cache.find(Precision::Int8, key).map(|(rows, row)| rows.steps(row)[0])
    }

    #[test]
    fn it_keeps_to_its_bound_and_what_is_used_stays() {
        let row = 4 + ROW_BYTES;
        let mut cache = RowCache::new(3 * row + 1, 4);
        for key in 0..3 {
            cache.put(key, &steps(key as i8));
        }
        assert_eq!(cache.bytes(), 3 * row);
        for key in 3..50 {
            assert_eq!(first(&mut cache, 0), Some(0), "it is used again and again");
            cache.put(key, &steps(key as i8));
            assert_eq!(cache.bytes(), 3 * row);
        }
        assert_eq!(first(&mut cache, 49), Some(49));
        assert_eq!((1..49).filter(|key| first(&mut cache, *key).is_some()).count(), 1);
    }

    #[test]
    fn one_precision_makes_room_for_the_other() {
        let mut cache = RowCache::new(200, 4);
        for key in 0..9 {
            cache.put(key, &steps(1));
        }
        cache.put(100, &Code::F32(vec![1.0, 0.0, 0.0, 0.0]));
        assert!(cache.find(Precision::F32, 100).is_some());
        assert!(cache.bytes() <= 200);
        let mut none = RowCache::new(0, 4);
        none.put(1, &steps(1));
        assert_eq!((none.bytes(), first(&mut none, 1)), (0, None));
    }
}
