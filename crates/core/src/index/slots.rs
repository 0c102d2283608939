//! A set of slots as a bitmap.

use crate::index::Slot;

/// Which slots a question is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SlotSet {
    words: Vec<u64>,
    len: usize,
}

impl SlotSet {
    /// Adds `slot`; false if it was there already.
    pub(crate) fn insert(&mut self, slot: Slot) -> bool {
        let (word, bit) = (slot as usize / 64, 1u64 << (slot % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let fresh = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.len += usize::from(fresh);
        fresh
    }

    /// Takes `slot` out; false if it was not there.
    pub(crate) fn remove(&mut self, slot: Slot) -> bool {
        let (word, bit) = (slot as usize / 64, 1u64 << (slot % 64));
        let there = self.words.get(word).is_some_and(|bits| bits & bit != 0);
        if there {
            self.words[word] &= !bit;
            self.len -= 1;
        }
        there
    }

    /// Whether `slot` is in the set.
    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.words.get(slot as usize / 64).is_some_and(|bits| bits & (1u64 << (slot % 64)) != 0)
    }

    /// How many slots are in the set.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The slots in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &bits)| {
            std::iter::successors((bits != 0).then_some(bits), |bits| {
                let rest = bits & (bits - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |bits| index as Slot * 64 + bits.trailing_zeros())
        })
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = SlotSet::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_like_a_sorted_set() {
        let mut set = SlotSet::default();
        let mut reference = std::collections::BTreeSet::new();
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..2_000 {
            let slot = random.u32(..300);
            if random.bool() {
                assert_eq!(set.insert(slot), reference.insert(slot));
            } else {
                assert_eq!(set.remove(slot), reference.remove(&slot));
            }
            assert_eq!(set.len(), reference.len());
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), reference.into_iter().collect::<Vec<_>>());
    }
}
