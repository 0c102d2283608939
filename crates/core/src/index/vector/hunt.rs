//! A search of codes: which are read, and which rows are scored.
//!
//! It counts the bits in which each code differs from the question, and scores the rows of those that come near enough. How
//! near that is follows from the scores: with the last of the wanted scores found so far, a vector that scored better would
//! differ in more than so many bits ([`reach`]) only by a chance that the wanted recall leaves room for. The nearest lists
//! are read first, so that the bound is sharp for the rest; lists whose members all lie too far from the question are left
//! out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::index::Slot;
use crate::index::vector::arena::Arena;
use crate::index::vector::kernel::differing;
use crate::index::vector::lists::Near;
use crate::index::vector::order::{Descending, from_ordered, to_ordered};
use crate::index::vector::place::WHOLE;
use crate::index::vector::plan::{REACH, Way};
use crate::index::vector::probe::{Measure, Probe, SIGN_FACTOR};
use crate::index::vector::search::scan_steps;
use crate::index::vector::signs::{Sight, reach};
use crate::index::vector::{VectorHit, VectorHits, VectorIndex, Wanted};
use crate::model::Precision;

/// How far the members of a list may lie from its centre towards a question, as a share of what they would if they all lay
/// that way. In directions without preference 2 / sqrt(dimensions) would do; those of real vectors have preferences.
const SPREAD: f32 = 0.7;
/// Codes that are read before the first rows are scored. Each further round reads twice as many as the one before.
const FIRST: usize = 128;
/// Lists, or rows, that are read one after the other once memory has been asked for all of them.
const TOGETHER: usize = 8;
/// Codes of the first list that are read at a time.
const CHUNK: usize = 4_096;

impl Arena {
    /// The allowed slots nearest to the question, as far as so large a share of the codes in lists leads to them.
    pub(super) fn read_codes(
        &self,
        way: Way,
        share: f32,
        deviations: f32,
        probe: &Probe,
        wanted: &Wanted<'_>,
    ) -> VectorHits {
        let mut hunt = Hunt::new(self, probe, wanted, deviations);
        let most = (share * REACH * self.lists.centred() as f32) as usize;
        let mut order = Descending::with_capacity(most.min(self.lists.centred()));
        let query = (&probe.whole.steps[..], probe.whole.scale);
        self.lists.each_near(hunt.sight.code(), query, most, |near| {
            order.push(near.list as u32, near.cosine);
        });
        let mut left = ((self.lists.len() - self.lists.waiting()) as f32 * share) as usize;
        let mut waiting = (0..self.lists.waiting()).step_by(CHUNK);
        let mut room = FIRST;
        let mut together = Vec::with_capacity(TOGETHER);
        loop {
            let bounds = (hunt.bits_bound(), hunt.distance_bound());
            let (mut read, mut more) = (0, true);
            while read < room {
                while left > 0
                    && together.len() < TOGETHER
                    && let Some((list, cosine)) = order.next()
                {
                    let near = Near { list: list as usize, cosine };
                    if way == Way::Codes || !hunt.is_beyond(near) {
                        left = left.saturating_sub(self.lists.slots(near.list).len());
                        together.push(near.list);
                    }
                }
                if !together.is_empty() {
                    self.lists.touch(&together);
                    read += together.drain(..).map(|list| hunt.read(list, 0, bounds)).sum::<usize>();
                } else if let Some(from) = waiting.next() {
                    read += hunt.read(0, from, bounds);
                } else {
                    more = false;
                    break;
                }
            }
            hunt.score_found();
            if !more {
                break;
            }
            room *= 2;
        }
        hunt.add_uncoded();
        let floor = hunt.floor();
        VectorHits { hits: self.best_of_rough(hunt.scored, probe, wanted), floor, way }
    }

    /// By how much the score of a row can exceed the cosine with what its code was made of.
    fn stretch(&self) -> f32 {
        let held = |set: usize| self.rows.get(set).is_some_and(|rows| rows.len() > 0);
        let signs = if held(Precision::Binary.index()) { SIGN_FACTOR } else { 1.0 };
        let projected = self.projections().iter().filter(|(number, _)| held(WHOLE + *number as usize));
        projected.fold(signs, |most, (_, projection)| most.max(projection.factor()))
    }
}

/// A search of codes under way.
struct Hunt<'a> {
    arena: &'a Arena,
    probe: &'a Probe,
    wanted: &'a Wanted<'a>,
    sight: Sight,
    stretch: f32,
    /// See [`Effort::deviations`].
    deviations: f32,
    /// Allowed slots within the bounds that are not scored yet, and how far they are from the question.
    found: Vec<(u16, Slot)>,
    /// By distance, how many of these there are.
    counts: Vec<u32>,
    scored: Vec<VectorHit>,
    /// The best scores, as many as are to be right, the least on top. Floats as integers of the same order.
    leaders: BinaryHeap<Reverse<i32>>,
    /// The allowed slot that differs most, and in how many bits.
    farthest: Option<(u16, Slot)>,
}

impl<'a> Hunt<'a> {
    fn new(arena: &'a Arena, probe: &'a Probe, wanted: &'a Wanted<'a>, deviations: f32) -> Self {
        Hunt {
            arena,
            probe,
            wanted,
            sight: arena.signer.sight(&probe.whole.vector),
            stretch: arena.stretch(),
            deviations,
            found: Vec::new(),
            counts: vec![0; arena.signer.bits() + 1],
            scored: Vec::new(),
            leaders: BinaryHeap::new(),
            farthest: None,
        }
    }

    /// The last of the scores that are to be right, once there are enough of all.
    fn least(&self) -> Option<f32> {
        let enough = self.scored.len() >= self.wanted.limit && self.leaders.len() >= self.wanted.sure;
        self.leaders.peek().filter(|_| enough).map(|Reverse(ordered)| from_ordered(*ordered))
    }

    /// In how many bits a slot worth scoring differs from the question, at most.
    fn bits_bound(&self) -> u16 {
        let bits = self.arena.signer.bits();
        self.least().map_or(u16::MAX, |least| reach(least / self.stretch, bits, self.deviations))
    }

    /// How far a slot worth scoring is from the question, at most.
    fn distance_bound(&self) -> u16 {
        self.least().map_or(u16::MAX, |least| self.sight.reach(least / self.stretch, self.deviations))
    }

    /// Whether nothing in a list is expected to score better.
    fn is_beyond(&self, Near { list, cosine }: Near) -> bool {
        let Some(least) = self.least() else { return false };
        let nearness = self.arena.lists.nearness(list);
        let across = ((1.0 - cosine * cosine) * (1.0 - nearness * nearness)).max(0.0).sqrt();
        (cosine * nearness + SPREAD * across) * self.stretch < least
    }

    /// Reads a list from a place on, or [`CHUNK`] codes of it, by the bounds of bits and of distance. Answers how many.
    fn read(&mut self, list: usize, from: usize, (bound, reach): (u16, u16)) -> usize {
        let Hunt { arena, wanted, sight, found, counts, farthest, .. } = self;
        let slots = &arena.lists.slots(list)[from..];
        let slots = &slots[..slots.len().min(CHUNK)];
        let words = arena.signer.words();
        let codes = &arena.lists.codes(list)[from * words..][..slots.len() * words];
        let far = farthest.map_or(0, |(bits, _)| bits);
        differing(sight.code(), codes, bound, far, |at, bits| {
            let slot = slots[at];
            if bits <= bound {
                let distance = sight.distance(&codes[at * words..][..words], bits);
                if distance <= reach && wanted.allowed.contains(slot) {
                    found.push((distance, slot));
                    counts[usize::from(distance)] += 1;
                }
            }
            if farthest.is_none_or(|(most, _)| bits > most) && wanted.allowed.contains(slot) {
                *farthest = Some((bits, slot));
            }
        });
        slots.len()
    }

    /// Scores what was found, nearest first, until what is left lies beyond the bound.
    fn score_found(&mut self) {
        let mut order = vec![(0, 0); self.found.len()];
        let mut start = 0;
        for count in &mut self.counts {
            start += std::mem::replace(count, start);
        }
        for (distance, slot) in self.found.drain(..) {
            let place = &mut self.counts[usize::from(distance)];
            order[*place as usize] = (distance, slot);
            *place += 1;
        }
        self.counts.fill(0);
        let mut left = &order[..];
        while !left.is_empty() {
            let bound = self.distance_bound();
            let many = left.iter().take(TOGETHER).take_while(|(distance, _)| *distance <= bound).count();
            let (together, after) = left.split_at(many);
            self.score(together);
            left = if many < TOGETHER { &[] } else { after };
        }
    }

    /// Scores slots with their distances; by these alone while their rows have to be read.
    fn score(&mut self, together: &[(u16, Slot)]) {
        let (arena, probe) = (self.arena, self.probe);
        let slots = together.iter().map(|(_, slot)| *slot);
        if arena.paged.is_none() {
            arena.rough_scores(probe, slots, |slot, score| self.add(slot, score));
            return;
        }
        for (distance, slot) in together {
            let unread = || arena.is_paged(*slot).then(|| self.sight.likely(*distance));
            if let Some(score) = arena.rough_score(probe, *slot).or_else(unread) {
                self.add(*slot, score);
            }
        }
    }

    fn add(&mut self, slot: Slot, score: f32) {
        self.scored.push(VectorHit { slot, score });
        self.leaders.push(Reverse(to_ordered(score)));
        if self.leaders.len() > self.wanted.sure {
            self.leaders.pop();
        }
    }

    /// Scores what has no code, by its steps or its signs: what is to be coded yet, and rows that an encoder of the host has
    /// made.
    fn add_uncoded(&mut self) {
        let (arena, wanted) = (self.arena, self.wanted);
        let is_uncoded = |slot: &Slot| {
            let encoded = || arena.kept(*slot).is_some_and(|kept| arena.is_encoded(kept));
            wanted.allowed.contains(*slot) && !arena.lists.contains(*slot) && !encoded()
        };
        let uncoded = arena.uncoded.iter().copied().filter(is_uncoded);
        arena.rough_scores(self.probe, uncoded, |slot, score| self.add(slot, score));
        for (number, projection) in arena.projections().iter() {
            let set = WHOLE + number as usize;
            if projection.encoder().is_some()
                && let (Some(rows), Measure::Steps(stepped)) = (arena.rows.get(set), self.probe.measure(set))
            {
                scan_steps(rows, stepped, wanted.allowed, |slot, score| self.add(slot, score));
            }
        }
    }

    /// The lowest score there is, about: that of the slot that differs most.
    fn floor(&self) -> f32 {
        let mut floor = self.scored.iter().map(|hit| hit.score).reduce(f32::min);
        let farthest = self.farthest.map(|(_, slot)| slot);
        self.arena.rough_scores(self.probe, farthest.into_iter(), |_, score| {
            floor = Some(floor.map_or(score, |floor| floor.min(score)));
        });
        floor.unwrap_or(0.0)
    }
}
