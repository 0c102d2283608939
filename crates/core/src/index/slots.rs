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

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        8 * self.words.capacity()
    }

    /// How many slots are in the set.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds all slots of another set.
    pub(crate) fn unite(&mut self, other: &SlotSet) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.words.iter_mut().zip(&other.words).for_each(|(own, word)| *own |= word);
        self.len = count(&self.words);
    }

    /// The slots that are not in another set.
    pub(crate) fn without(&self, other: &SlotSet) -> SlotSet {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        let words: Vec<u64> = self.words.iter().zip(others).map(|(own, word)| own & !word).collect();
        SlotSet { len: count(&words), words }
    }

    /// The slots that are in another set, too.
    pub(crate) fn shared(&self, other: &SlotSet) -> SlotSet {
        let words: Vec<u64> = self.words.iter().zip(&other.words).map(|(own, word)| own & word).collect();
        SlotSet { len: count(&words), words }
    }

    /// The slots for which a condition holds.
    pub(crate) fn keep(&self, mut holds: impl FnMut(Slot) -> bool) -> SlotSet {
        let mut words = Vec::with_capacity(self.words.len());
        for (at, word) in self.words.iter().enumerate() {
            let (mut left, mut kept) = (*word, 0u64);
            while left != 0 {
                let bit = left.trailing_zeros();
                kept |= u64::from(holds(at as Slot * 64 + bit)) << bit;
                left &= left - 1;
            }
            words.push(kept);
        }
        SlotSet { len: count(&words), words }
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

fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
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

    #[test]
    fn sets_are_joined_and_parted() {
        let mut random = fastrand::Rng::with_seed(4);
        for (size, other_size) in [(0, 100), (100, 0), (300, 90), (90, 300)] {
            let mut draw = |size: u32| (0..size).filter(|_| random.bool()).collect::<SlotSet>();
            let (a, b) = (draw(size), draw(other_size));
            let all = 0..300;
            let by_hand =
                |holds: &dyn Fn(Slot) -> bool| all.clone().filter(|slot| holds(*slot)).collect::<Vec<_>>();
            let listed = |set: &SlotSet| (set.iter().collect::<Vec<_>>(), set.len());
            let expect = |slots: Vec<Slot>| (slots.clone(), slots.len());
            let mut united = a.clone();
            united.unite(&b);
            assert_eq!(listed(&united), expect(by_hand(&|slot| a.contains(slot) || b.contains(slot))));
            assert_eq!(
                listed(&a.without(&b)),
                expect(by_hand(&|slot| a.contains(slot) && !b.contains(slot)))
            );
            assert_eq!(listed(&a.shared(&b)), expect(by_hand(&|slot| a.contains(slot) && b.contains(slot))));
            assert_eq!(
                listed(&a.keep(|slot| slot % 3 == 0)),
                expect(by_hand(&|slot| a.contains(slot) && slot % 3 == 0))
            );
        }
    }
}
