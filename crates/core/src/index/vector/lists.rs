//! Inverted lists of codes: vectors that lie near each other stand together, so that a search can leave out most of them.
//!
//! What comes in waits in the first list, which every search reads as a whole. When more than [`WAITING`] wait, some of
//! them move on, each to the list whose centre is nearest, and a list that has grown past [`FULL`] is split in two by
//! two-means. So an insert costs the same whatever is held, but for finding the centre; nothing is ever trained as
//! a whole. The idea is that of SPFresh (Xu et al., SOSP 2023).

use std::ops::Range;

use crate::index::Slot;
use crate::index::vector::centres::{Centres, growth};
use crate::index::vector::code::unit_scale;
use crate::index::vector::halves::Halves;
use crate::index::vector::kernel::ROWS;
use crate::index::vector::signs::Signer;

/// Codes that may wait in the first list.
pub(super) const WAITING: usize = 256;
/// Codes in a list at most, once no more are waiting than may.
const FULL: usize = 64;

/// The int8 steps of the vector in a slot that has that code, filled up to whole registers.
pub(super) type StepsOf<'a> = dyn Fn(Slot, &[u64]) -> Vec<i8> + 'a;

/// Codes in lists. The first one holds those that wait.
#[derive(Debug)]
pub(super) struct Lists {
    words: usize,
    /// Steps of a centre.
    width: usize,
    lists: Vec<List>,
    /// Of the lists after the first, in their order.
    centres: Centres,
    /// The centre of the list that has none.
    none: Vec<i8>,
    /// By slot.
    homes: Vec<Home>,
    len: usize,
}

/// Some codes.
#[derive(Debug, Default)]
struct List {
    slots: Vec<Slot>,
    codes: Vec<u64>,
    /// The mean cosine of the members with the centre.
    nearness: f32,
}

/// The list and the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Home(u32, u32);

impl Home {
    const NONE: Home = Home(u32::MAX, u32::MAX);
}

/// A list as it is kept.
#[derive(Debug)]
pub(crate) struct KeptList<'a> {
    /// Steps of the centre, filled up to whole registers; zeros if it has none.
    pub(crate) centre: &'a [i8],
    /// The mean cosine of the members with the centre.
    pub(crate) nearness: f32,
    /// The members.
    pub(crate) slots: &'a [Slot],
    /// Their codes, one after the other.
    pub(crate) codes: &'a [u64],
}

/// A list as a search sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    pub(super) list: usize,
    /// The cosine of its centre with the question.
    pub(super) cosine: f32,
}

impl Lists {
    /// No codes, each to be made by `signer`, of vectors whose steps fill `width` cells.
    pub(super) fn new(signer: Signer, width: usize) -> Self {
        let lists = vec![List::default()];
        let (words, centres) = (signer.words(), Centres::new(signer, width));
        Lists { words, width, lists, centres, none: vec![0; width], homes: Vec::new(), len: 0 }
    }

    /// Number of codes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Number of codes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.lists[0].slots.len()
    }

    /// Number of lists with a centre.
    pub(super) fn centred(&self) -> usize {
        self.lists.len() - 1
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let of = |list: &List| 4 * list.slots.capacity() + 8 * list.codes.capacity() + size_of::<List>();
        self.lists.iter().map(of).sum::<usize>()
            + self.centres.bytes()
            + self.homes.capacity() * size_of::<Home>()
    }

    /// Whether there is a code of that slot.
    pub(super) fn contains(&self, slot: Slot) -> bool {
        self.homes.get(slot as usize).is_some_and(|home| *home != Home::NONE)
    }

    /// Adds the code of a slot that has none.
    pub(super) fn insert(&mut self, slot: Slot, code: &[u64]) {
        if self.homes.len() <= slot as usize {
            self.homes.resize(slot as usize + 1, Home::NONE);
        }
        self.len += 1;
        self.put(0, slot, code);
    }

    /// Takes the code of a slot out, if there is one.
    pub(super) fn remove(&mut self, slot: Slot) {
        let home = self.homes.get(slot as usize).copied().filter(|home| *home != Home::NONE);
        let Some(Home(list, _)) = home else { return };
        self.take(slot);
        self.len -= 1;
        if list > 0 && self.lists[list as usize].slots.is_empty() {
            self.drop_list(list as usize);
        }
    }

    /// Moves on some of those that wait, at most `most`, if they are too many. Answers whether they still are.
    pub(super) fn settle(&mut self, most: usize, steps_of: &StepsOf<'_>) -> bool {
        for _ in 0..most {
            if self.waiting() <= WAITING {
                return false;
            }
            self.settle_last(steps_of);
        }
        self.waiting() > WAITING
    }

    fn settle_last(&mut self, steps_of: &StepsOf<'_>) {
        let Some(&slot) = self.lists[0].slots.last() else { return };
        let code = self.take(slot);
        let steps = steps_of(slot, &code);
        let query: Vec<i16> = steps.iter().map(|step| i16::from(*step)).collect();
        let Some((centre, cosine)) = self.centres.nearest(&query, unit_scale(&steps)) else {
            self.add_list(&steps);
            self.put(1, slot, &code);
            self.lists[1].nearness = 1.0;
            return;
        };
        let list = centre + 1;
        self.put(list, slot, &code);
        let home = &mut self.lists[list];
        home.nearness += (cosine - home.nearness) / home.slots.len() as f32;
        if home.slots.len() > FULL {
            self.split(list, steps_of);
        }
    }

    /// The lists whose centres lie nearest to a question of that code and of those steps with their scale, in no order: about
    /// `most` of them, or all that have a centre.
    pub(super) fn each_near(
        &self,
        code: &[u64],
        query: (&[i16], f32),
        most: usize,
        mut each: impl FnMut(Near),
    ) {
        self.centres.each_near(code, query, most, |centre, cosine| each(Near { list: centre + 1, cosine }));
    }

    /// The centre that an insert takes for the nearest to those steps, and its cosine.
    #[cfg(test)]
    pub(super) fn nearest(&self, query: &[i16], scale: f32) -> Option<(usize, f32)> {
        self.centres.nearest(query, scale)
    }

    /// The mean cosine of the members of a list with its centre.
    pub(super) fn nearness(&self, list: usize) -> f32 {
        self.lists[list].nearness
    }

    /// The slots of a list.
    pub(super) fn slots(&self, list: usize) -> &[Slot] {
        &self.lists[list].slots
    }

    /// The codes of a list, one after the other.
    pub(super) fn codes(&self, list: usize) -> &[u64] {
        &self.lists[list].codes
    }

    /// Reads a little of each piece of memory that the codes of some lists take. Lists lie anywhere in memory, and what is
    /// asked for together is waited for once.
    pub(super) fn touch(&self, lists: &[usize]) {
        /// Words in a line of the caches.
        const LINE: usize = 8;
        for codes in lists.iter().map(|list| &self.lists[*list].codes) {
            std::hint::black_box(codes.iter().step_by(LINE).fold(0, |all, word| all ^ word));
        }
    }

    /// Some of the lists as they are to be kept, as far as there are so many; the first one is that of those that wait.
    pub(super) fn kept(&self, range: Range<usize>) -> impl Iterator<Item = KeptList<'_>> {
        let none = &self.none;
        let range = range.start.min(self.lists.len())..range.end.min(self.lists.len());
        self.lists[range.clone()].iter().zip(range).map(move |(own, list)| {
            let centre = list.checked_sub(1).map_or(&none[..], |centre| self.centres.steps(centre));
            KeptList { centre, nearness: own.nearness, slots: &own.slots, codes: &own.codes }
        })
    }

    /// Takes up a list that was kept, with those of its codes whose slots are known and have no code; into the first list
    /// if the centre is that of none.
    pub(super) fn adopt(&mut self, centre: &[i8], nearness: f32, slots: &[Option<Slot>], codes: &[u64]) {
        let room = slots.iter().flatten().max().map_or(0, |slot| *slot as usize + 1);
        if self.homes.len() < room {
            self.homes.resize(room, Home::NONE);
        }
        let known = slots.iter().zip(codes.chunks_exact(self.words));
        let mut list = 0;
        for (slot, code) in known.filter_map(|(slot, code)| Some(((*slot)?, code))) {
            if self.contains(slot) {
                continue;
            }
            if list == 0 && centre != self.none {
                self.add_list(centre);
                list = self.lists.len() - 1;
                let own = &mut self.lists[list];
                own.nearness = nearness;
                own.slots.reserve_exact(slots.len());
                own.codes.reserve_exact(codes.len());
            }
            self.len += 1;
            self.put(list, slot, code);
        }
    }

    /// The code of a slot, if there is one.
    pub(super) fn code(&self, slot: Slot) -> Option<&[u64]> {
        let Home(list, at) = *self.homes.get(slot as usize).filter(|home| **home != Home::NONE)?;
        Some(&self.lists[list as usize].codes[at as usize * self.words..][..self.words])
    }

    fn put(&mut self, list: usize, slot: Slot, code: &[u64]) {
        let home = &mut self.lists[list];
        self.homes[slot as usize] = Home(list as u32, home.slots.len() as u32);
        if home.slots.len() == home.slots.capacity() {
            let more = growth(home.slots.len());
            home.slots.reserve_exact(more);
            home.codes.reserve_exact(more * self.words);
        }
        home.slots.push(slot);
        home.codes.extend_from_slice(code);
    }

    /// Takes the code of a slot out of its list.
    fn take(&mut self, slot: Slot) -> Vec<u64> {
        let Home(list, at) = std::mem::replace(&mut self.homes[slot as usize], Home::NONE);
        let (words, at) = (self.words, at as usize);
        let home = &mut self.lists[list as usize];
        home.slots.swap_remove(at);
        let code = home.codes[at * words..][..words].to_vec();
        let last = home.codes.len() - words;
        home.codes.copy_within(last.., at * words);
        home.codes.truncate(last);
        if let Some(moved) = home.slots.get(at) {
            self.homes[*moved as usize] = Home(list, at as u32);
        }
        code
    }

    fn add_list(&mut self, centre: &[i8]) {
        self.lists.push(List::default());
        self.centres.push(centre);
    }

    /// Drops an empty list: the last one takes its number.
    fn drop_list(&mut self, list: usize) {
        self.lists.swap_remove(list);
        self.centres.swap_remove(list - 1);
        if let Some(moved) = self.lists.get(list) {
            moved.slots.iter().for_each(|slot| self.homes[*slot as usize].0 = list as u32);
        }
    }

    /// Splits a list in two.
    fn split(&mut self, list: usize, steps_of: &StepsOf<'_>) {
        let List { slots, codes, .. } = std::mem::take(&mut self.lists[list]);
        let code = |at: usize| &codes[at * self.words..][..self.words];
        let mut members = Vec::with_capacity((slots.len() + ROWS) * self.width);
        slots.iter().enumerate().for_each(|(at, slot)| members.extend_from_slice(&steps_of(*slot, code(at))));
        members.resize(slots.len().next_multiple_of(ROWS) * self.width, 0);
        let halves = Halves::of(&members, slots.len(), self.width);
        let [first, second] = &halves.centres;
        let other = self.lists.len();
        self.add_list(second);
        self.centres.set(list - 1, first);
        for (at, slot) in slots.into_iter().enumerate() {
            let home = if halves.is_second[at] { other } else { list };
            self.put(home, slot, &codes[at * self.words..][..self.words]);
        }
        for (half, list) in [list, other].into_iter().enumerate() {
            self.lists[list].nearness = halves.nearness[half];
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::index::vector::{quantise, unit};

    /// Through inserts, removals and moves every code is where its home says, once, and lists keep within their size.
    #[test]
    fn every_code_is_in_one_place() {
        let (mut random, signer) = (fastrand::Rng::with_seed(41), Signer::new(64));
        let mut lists = Lists::new(signer, 64);
        let mut held: BTreeMap<Slot, (Vec<u64>, Vec<i8>)> = BTreeMap::new();
        let mut most = 0;
        for slot in 0..9_000u32 {
            if slot < 6_000 || random.u8(..3) == 0 {
                let vector = unit(&mut random, 64);
                held.insert(slot, (signer.sign(&vector), quantise(&vector)));
                lists.insert(slot, &held[&slot].0);
                lists.settle(2, &|slot, _| held[&slot].1.clone());
            } else {
                let gone = *held.keys().nth(random.usize(..held.len())).expect("it is below their number");
                lists.remove(gone);
                held.remove(&gone);
            }
            most = most.max(lists.centred());
        }
        lists.remove(100_000);
        assert_eq!(lists.len(), held.len());
        assert!(lists.waiting() <= WAITING && most > 20 && lists.centred() <= most, "{most} lists");
        let mut seen = 0;
        for list in 0..=lists.centred() {
            assert!(list == 0 || (1..=FULL).contains(&lists.slots(list).len()));
            for (at, slot) in lists.slots(list).iter().enumerate() {
                let words = signer.words();
                assert_eq!(lists.lists[list].codes[at * words..][..words], held[slot].0);
                assert_eq!(lists.homes[*slot as usize], Home(list as u32, at as u32));
                seen += 1;
            }
        }
        assert_eq!(seen, held.len());
    }

    /// Vectors around a few directions end up with those of their direction.
    #[test]
    fn lists_follow_the_directions() {
        let (mut random, signer) = (fastrand::Rng::with_seed(42), Signer::new(64));
        let directions: Vec<Vec<f32>> = (0..40).map(|_| unit(&mut random, 64)).collect();
        let mut lists = Lists::new(signer, 64);
        let mut steps = Vec::new();
        for slot in 0..8 * WAITING {
            let noise = unit(&mut random, 64);
            let vector: Vec<f32> =
                directions[slot % 40].iter().zip(&noise).map(|(own, noise)| own + 0.3 * noise).collect();
            steps.push(quantise(&vector));
            lists.insert(slot as Slot, &signer.sign(&vector));
            lists.settle(2, &|slot, _| steps[slot as usize].clone());
        }
        let mut strangers = 0;
        for list in 1..=lists.centred() {
            let slots = lists.slots(list);
            let same =
                |direction: usize| slots.iter().filter(|slot| **slot as usize % 40 == direction).count();
            strangers += slots.len() - (0..40).map(same).max().unwrap_or(0);
            assert!(lists.nearness(list) > 0.6, "{}", lists.nearness(list));
        }
        let listed = lists.len() - lists.waiting();
        assert!(strangers * 20 < listed, "{strangers} of {listed} are not among their own");
    }

    /// Vectors that are all the same cannot be told apart, and are split all the same.
    #[test]
    fn equal_vectors_are_split() {
        let (mut random, signer) = (fastrand::Rng::with_seed(43), Signer::new(64));
        let vector = unit(&mut random, 64);
        let (code, steps) = (signer.sign(&vector), quantise(&vector));
        let mut lists = Lists::new(signer, 64);
        for slot in 0..(WAITING + 500) as Slot {
            lists.insert(slot, &code);
            lists.settle(2, &|_, _| steps.clone());
        }
        assert!(
            (1..=lists.centred()).all(|list| lists.slots(list).len() <= FULL) && lists.waiting() <= WAITING
        );
    }
}
