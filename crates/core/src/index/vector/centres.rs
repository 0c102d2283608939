//! The centres of lists: which of them are nearest to a vector.
//!
//! Centres that lie near each other stand together in groups, and have a centre of their own. So an insert finds its list
//! among many thousands without a look at all of them. A group that has grown past [`FULL`] is split in two, as lists are.
//! A search, which reads many lists, counts the bits in which the code of each centre differs from that of the question,
//! and looks at the steps of those that differ least.

use crate::index::vector::code::unit_scale;
use crate::index::vector::halves::Halves;
use crate::index::vector::kernel::{ROWS, differing, dot_i8_x4, rows_of};
use crate::index::vector::order::Descending;
use crate::index::vector::signs::Signer;

/// Centres in a group at most.
const FULL: usize = 128;
/// Centres that are looked at for the nearest one, about: those of the nearest groups. Among fewer all are.
const LOOKED: usize = 512;
/// How many centres can be looked at one after the other in the time that one takes of those that lie here and there.
const ALONE: usize = 3;

/// The centres of lists, by number from 0 on, without gaps.
#[derive(Debug)]
pub(super) struct Centres {
    signer: Signer,
    /// Steps of a centre.
    width: usize,
    groups: Vec<Group>,
    /// The centres of the groups, numbered as these.
    middles: Group,
    /// By number.
    places: Vec<Place>,
    /// By number, the codes, one after the other.
    codes: Vec<u64>,
}

/// By how many a table of so many grows when it is full. There are many tables, and twice the size of each is a third too much of
/// all of them.
pub(super) fn growth(held: usize) -> usize {
    (held / 8).max(8)
}

/// The group and the place in it.
#[derive(Debug, Clone, Copy)]
struct Place(u32, u32);

/// Some rows of steps and their numbers.
#[derive(Debug, Default)]
struct Group {
    numbers: Vec<u32>,
    /// Filled up to whole groups of [`ROWS`] rows.
    steps: Vec<i8>,
    /// What brings each row to length 1.
    scales: Vec<f32>,
}

impl Centres {
    /// None yet, of vectors that `signer` makes codes of, whose steps fill `width` cells, a multiple of 8.
    pub(super) fn new(signer: Signer, width: usize) -> Self {
        let (groups, middles) = (Vec::new(), Group::default());
        Centres { signer, width, groups, middles, places: Vec::new(), codes: Vec::new() }
    }

    /// Number of centres.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.groups.iter().map(|group| group.bytes() + size_of::<Group>()).sum::<usize>()
            + self.middles.bytes()
            + self.places.capacity() * size_of::<Place>()
            + self.codes.capacity() * size_of::<u64>()
    }

    /// The steps of a centre.
    pub(super) fn steps(&self, number: usize) -> &[i8] {
        let Place(group, at) = self.places[number];
        self.groups[group as usize].row(at as usize, self.width)
    }

    /// Adds a centre. Its number is how many there were.
    pub(super) fn push(&mut self, steps: &[i8]) {
        self.places.push(Place(0, 0));
        self.codes.resize(self.len() * self.signer.words(), 0);
        self.put(self.len() - 1, steps);
    }

    /// Puts a centre in the place of another.
    pub(super) fn set(&mut self, number: usize, steps: &[i8]) {
        self.take(number);
        self.put(number, steps);
    }

    /// Takes a centre out: the last one takes its number.
    pub(super) fn swap_remove(&mut self, number: usize) {
        self.take(number);
        self.places.swap_remove(number);
        let (words, last) = (self.signer.words(), self.len());
        self.codes.copy_within(last * words.., number * words);
        self.codes.truncate(last * words);
        if let Some(Place(group, at)) = self.places.get(number) {
            self.groups[*group as usize].numbers[*at as usize] = number as u32;
        }
    }

    /// The centre that is nearest to those steps, or one that is nearly as near, and its cosine.
    pub(super) fn nearest(&self, query: &[i16], scale: f32) -> Option<(usize, f32)> {
        let mut best: Option<(usize, f32)> = None;
        let mut left = LOOKED;
        for (group, _) in self.nearest_groups(query, scale) {
            let group = &self.groups[group as usize];
            group.each(query, scale, self.width, |number, cosine| {
                let is_better = |(nearest, highest): (usize, f32)| {
                    cosine > highest || (cosine == highest && (number as usize) < nearest)
                };
                if best.is_none_or(is_better) {
                    best = Some((number as usize, cosine));
                }
            });
            left = left.saturating_sub(group.len());
            if left == 0 {
                break;
            }
        }
        best
    }

    /// The centres whose codes differ least from that of a question, with their cosines with its steps, in no order: `most` of
    /// them at least, and all where that is one of [`ALONE`].
    pub(super) fn each_near(
        &self,
        code: &[u64],
        (query, scale): (&[i16], f32),
        most: usize,
        mut each: impl FnMut(usize, f32),
    ) {
        if most >= self.len() / ALONE {
            for group in &self.groups {
                group.each(query, scale, self.width, |number, cosine| each(number as usize, cosine));
            }
            return;
        }
        let mut bits = Vec::with_capacity(self.len());
        differing(code, &self.codes, u16::MAX, u16::MAX, |_, differ| bits.push(differ));
        let mut counts = vec![0; self.signer.bits() + 1];
        bits.iter().for_each(|differ| counts[usize::from(*differ)] += 1);
        let mut left = most;
        let enough = |count: &usize| {
            left = left.saturating_sub(*count);
            left == 0
        };
        let bound = counts.iter().position(enough).unwrap_or(counts.len()) as u16;
        let mut near = (0..).zip(&bits).filter(|(_, differ)| **differ <= bound).map(|(number, _)| number);
        loop {
            let (mut numbers, mut count) = ([0; ROWS], 0);
            for number in near.by_ref().take(ROWS) {
                numbers[count] = number;
                count += 1;
            }
            let rows = numbers.map(|number| self.steps(number));
            let scales = numbers.map(|number| self.scale(number));
            let products = dot_i8_x4(query, rows);
            for ((number, own), product) in numbers.iter().zip(scales).zip(products).take(count) {
                each(*number, product as f32 * scale * own);
            }
            if count < ROWS {
                break;
            }
        }
    }

    fn scale(&self, number: usize) -> f32 {
        let Place(group, at) = self.places[number];
        self.groups[group as usize].scales[at as usize]
    }

    fn nearest_groups(&self, query: &[i16], scale: f32) -> Descending {
        let mut order = Descending::with_capacity(self.groups.len());
        self.middles.each(query, scale, self.width, |group, cosine| order.push(group, cosine));
        order
    }

    /// Puts a centre in the group that is nearest, and its code with the others.
    fn put(&mut self, number: usize, steps: &[i8]) {
        let words = self.signer.words();
        let vector: Vec<f32> =
            steps.iter().take(self.signer.dimensions()).map(|step| f32::from(*step)).collect();
        self.codes[number * words..][..words].copy_from_slice(&self.signer.sign(&vector));
        let query: Vec<i16> = steps.iter().map(|step| i16::from(*step)).collect();
        let group = match self.nearest_groups(&query, unit_scale(steps)).next() {
            Some((group, _)) => group as usize,
            None => self.add_group(steps),
        };
        self.put_in(group, number as u32, steps);
        if self.groups[group].len() > FULL {
            self.split(group);
        }
    }

    fn put_in(&mut self, group: usize, number: u32, steps: &[i8]) {
        self.places[number as usize] = Place(group as u32, self.groups[group].len() as u32);
        self.groups[group].push(number, steps);
    }

    /// Takes a centre out of its group. The last one of the group takes its place there.
    fn take(&mut self, number: usize) {
        let Place(group, at) = self.places[number];
        let own = &mut self.groups[group as usize];
        own.swap_remove(at as usize, self.width);
        if let Some(moved) = own.numbers.get(at as usize) {
            self.places[*moved as usize] = Place(group, at);
        } else if own.len() == 0 {
            self.drop_group(group as usize);
        }
    }

    fn add_group(&mut self, middle: &[i8]) -> usize {
        let number = self.groups.len();
        self.groups.push(Group::default());
        self.middles.push(number as u32, middle);
        number
    }

    /// Drops an empty group: the last one takes its number.
    fn drop_group(&mut self, group: usize) {
        self.groups.swap_remove(group);
        self.middles.swap_remove(group, self.width);
        if let Some(moved) = self.groups.get(group) {
            self.middles.numbers[group] = group as u32;
            moved.numbers.iter().for_each(|number| self.places[*number as usize].0 = group as u32);
        }
    }

    fn split(&mut self, group: usize) {
        let whole = std::mem::take(&mut self.groups[group]);
        let halves = Halves::of(&whole.steps, whole.len(), self.width);
        let [first, second] = &halves.centres;
        let other = self.add_group(second);
        self.middles.set(group, first);
        for (at, number) in whole.numbers.iter().enumerate() {
            let home = if halves.is_second[at] { other } else { group };
            self.put_in(home, *number, whole.row(at, self.width));
        }
    }
}

impl Group {
    fn len(&self) -> usize {
        self.numbers.len()
    }

    fn bytes(&self) -> usize {
        4 * (self.numbers.capacity() + self.scales.capacity()) + self.steps.capacity()
    }

    fn row(&self, at: usize, width: usize) -> &[i8] {
        &self.steps[at * width..][..width]
    }

    fn push(&mut self, number: u32, steps: &[i8]) {
        let at = self.len();
        if at == self.numbers.capacity() {
            let more = growth(at);
            self.numbers.reserve_exact(more);
            self.scales.reserve_exact(more);
            self.steps.reserve_exact((more + ROWS) * steps.len());
        }
        self.numbers.push(number);
        self.scales.push(0.0);
        self.steps.resize(self.len().next_multiple_of(ROWS) * steps.len(), 0);
        self.set(at, steps);
    }

    fn set(&mut self, at: usize, steps: &[i8]) {
        self.steps[at * steps.len()..][..steps.len()].copy_from_slice(steps);
        self.scales[at] = unit_scale(steps);
    }

    fn swap_remove(&mut self, at: usize, width: usize) {
        let last = self.len() - 1;
        self.numbers.swap_remove(at);
        self.scales.swap_remove(at);
        self.steps.copy_within(last * width..(last + 1) * width, at * width);
        self.steps.truncate(last.next_multiple_of(ROWS) * width);
    }

    /// Gives the numbers of all rows and their cosines with a question of those steps.
    fn each(&self, query: &[i16], scale: f32, width: usize, mut each: impl FnMut(u32, f32)) {
        let rows = self.numbers.chunks(ROWS).zip(self.scales.chunks(ROWS));
        for ((numbers, scales), steps) in rows.zip(self.steps.chunks_exact(width * ROWS)) {
            let products = dot_i8_x4(query, rows_of(steps));
            for ((number, own), product) in numbers.iter().zip(scales).zip(products) {
                each(*number, product as f32 * scale * own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::vector::recall_tests::Source;
    use crate::index::vector::{quantise, unit};

    fn widened(steps: &[i8]) -> Vec<i16> {
        steps.iter().map(|step| i16::from(*step)).collect()
    }

    /// Through additions, changes and removals every centre is there once, as it was put, and all are told of with their
    /// cosines.
    #[test]
    fn every_centre_is_in_one_group() {
        const WIDTH: usize = 64;
        let mut random = fastrand::Rng::with_seed(61);
        let signer = Signer::new(WIDTH);
        let mut centres = Centres::new(signer, WIDTH);
        let mut held: Vec<Vec<i8>> = Vec::new();
        for step in 0..3_000 {
            let steps = quantise(&unit(&mut random, WIDTH));
            match random.u8(..if step < 2_000 { 10 } else { 30 }) {
                0 if !held.is_empty() => {
                    let number = random.usize(..held.len());
                    centres.set(number, &steps);
                    held[number] = steps;
                }
                1..=19 if step < 2_000 => {
                    centres.push(&steps);
                    held.push(steps);
                }
                _ if !held.is_empty() => {
                    let number = random.usize(..held.len());
                    centres.swap_remove(number);
                    held.swap_remove(number);
                }
                _ => {}
            }
            assert_eq!(centres.len(), held.len());
        }
        assert!(held.len() > 500 && centres.groups.len() > 4, "{} in {}", held.len(), centres.groups.len());
        assert!(centres.groups.iter().all(|group| (1..=FULL).contains(&group.len())));
        let vector = unit(&mut random, WIDTH);
        let (code, query) = (signer.sign(&vector), widened(&quantise(&vector)));
        let mut told = vec![None; held.len()];
        centres.each_near(&code, (&query, 1.0), usize::MAX, |number, cosine| {
            assert_eq!(told[number].replace(cosine), None, "{number} is told of once");
        });
        for (number, steps) in held.iter().enumerate() {
            assert_eq!(centres.steps(number), steps);
            let product: i32 = steps.iter().zip(&query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            assert_eq!(told[number], Some(product as f32 * unit_scale(steps)));
        }
        let mut near = 0;
        centres.each_near(&code, (&query, 1.0), 100, |number, cosine| {
            assert_eq!(told[number].take(), Some(cosine), "{number} is told of once");
            near += 1;
        });
        assert!((100..250).contains(&near), "{near}");
        (0..held.len()).rev().for_each(|number| centres.swap_remove(number / 2));
        assert_eq!((centres.len(), centres.groups.len(), centres.middles.len()), (0, 0, 0));
        assert_eq!(centres.nearest(&query, 1.0), None);
    }

    /// Of centres in clusters the nearest, or one nearly as near, is found in the groups that are looked at.
    #[test]
    fn the_nearest_groups_are_enough() {
        const WIDTH: usize = 64;
        let mut source = Source::new(62, WIDTH, 100);
        let mut centres = Centres::new(Signer::new(WIDTH), WIDTH);
        for _ in 0..6 * LOOKED {
            centres.push(&quantise(&source.draw()));
        }
        let (mut found, mut lost) = (0, 0.0);
        for _ in 0..200 {
            let steps = quantise(&source.draw());
            let (query, scale) = (widened(&steps), unit_scale(&steps));
            let mut best = (0, f32::NEG_INFINITY);
            centres.each_near(&[], (&query, scale), usize::MAX, |number, cosine| {
                if cosine > best.1 || (cosine == best.1 && number < best.0) {
                    best = (number, cosine);
                }
            });
            let nearest = centres.nearest(&query, scale).expect("there are centres");
            found += usize::from(nearest == best);
            lost += best.1 - nearest.1;
        }
        assert!(found >= 140 && lost < 200.0 * 0.02, "{found} of 200, {lost} of their cosines lost");
    }
}
