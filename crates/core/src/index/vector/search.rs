//! Reading rows and codes: each [`Way`] of a search.
//!
//! Rows of steps are ranked by an integer product, whose error is far below the distance between neighbours; the best are
//! then scored with all that is kept of them: their floats, or their steps against the floats of the question.
//!
//! A search of codes counts the bits in which each differs from the question, and scores the rows of those that come near
//! enough. How near that is follows from the scores: with the last of the wanted scores found so far, a vector that scored
//! better would differ in more than so many bits ([`reach`]) only by a chance of one in forty. The nearest lists are read
//! first, so that the bound is sharp for the rest; lists whose members all lie too far from the question are left out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::index::vector::arena::Arena;
use crate::index::vector::best::Best;
use crate::index::vector::kernel::{ROWS, dot_i8, dot_i8_x4};
use crate::index::vector::lists::Near;
use crate::index::vector::place::WHOLE;
use crate::index::vector::plan::{Figures, Way};
use crate::index::vector::probe::{Measure, Probe, SIGN_FACTOR, Stepped};
use crate::index::vector::rows::Rows;
use crate::index::vector::signs::reach;
use crate::index::vector::{VectorHit, VectorHits, VectorIndex, Wanted};
use crate::index::{Slot, SlotSet};
use crate::model::Precision;

/// Candidates beyond the limit that are scored in full precision.
const RESCORED: usize = 32;
/// Standard deviations by which a vector may differ from the question in more bits than its angle says and still be found.
const DEVIATIONS: f32 = 2.0;
/// How far the members of a list may lie from its centre towards a question, as a share of what they would if they all lay
/// that way. In directions without preference 2 / sqrt(dimensions) would do; those of real vectors have preferences.
const SPREAD: f32 = 0.7;
/// Codes that are read before the first rows are scored. Each further round reads four times as many as the one before.
const FIRST: usize = 1_024;
/// Codes of the first list that are read at a time.
const CHUNK: usize = 4_096;

impl Arena {
    /// The allowed slots nearest to the question.
    pub(super) fn nearest(&self, probe: &Probe, wanted: &Wanted<'_>) -> VectorHits {
        let figures = Figures {
            dimensions: self.dimensions,
            words: self.signer.words(),
            rows: self.len(),
            allowed: wanted.allowed.len(),
            coded: self.lists.len(),
            waiting: self.lists.waiting(),
            lists: self.lists.centred(),
        };
        let way = figures.choose(wanted.exact);
        let share = if way == Way::Lists { figures.share() } else { 1.0 };
        let found = if way.is_exact() {
            self.read_rows(way, probe, wanted)
        } else {
            self.read_codes(way, share, probe, wanted)
        };
        // A filter that leaves few must not lose any of them.
        if !way.is_exact() && found.hits.len() < wanted.limit.min(wanted.allowed.len()) {
            return self.read_rows(figures.choose(true), probe, wanted);
        }
        found
    }

    fn read_rows(&self, way: Way, probe: &Probe, wanted: &Wanted<'_>) -> VectorHits {
        let mut best = Best::new(wanted.limit.saturating_add(RESCORED), wanted.ties);
        if way == Way::Visit {
            for slot in wanted.allowed.iter() {
                if let Some(score) = self.rough_score(probe, slot) {
                    best.offer(slot, score);
                }
            }
        } else {
            for (set, rows) in self.rows.iter().enumerate() {
                match probe.measure(set) {
                    Measure::Steps(stepped) => {
                        scan_steps(rows, stepped, wanted.allowed, |slot, cosine| {
                            best.offer(slot, self.likeness(probe, slot, cosine));
                        });
                    }
                    Measure::Signs => scan_signs(rows, probe, wanted.allowed, |slot, cosine| {
                        best.offer(slot, self.likeness(probe, slot, cosine));
                    }),
                    Measure::None => {}
                }
            }
        }
        let floor = best.floor();
        VectorHits { hits: self.in_full(best.into_slots(), probe, wanted), floor, way }
    }

    /// Scores slots with all that is kept of them, and keeps the best.
    fn in_full(
        &self,
        slots: impl Iterator<Item = Slot>,
        probe: &Probe,
        wanted: &Wanted<'_>,
    ) -> Vec<VectorHit> {
        let mut hits: Vec<VectorHit> =
            slots.filter_map(|slot| Some(VectorHit { slot, score: self.score(probe, slot)? })).collect();
        hits.sort_unstable_by(|a, b| better(a, b, wanted));
        hits.truncate(wanted.limit);
        hits
    }

    /// The score of one slot by its steps, or its signs.
    fn rough_score(&self, probe: &Probe, slot: Slot) -> Option<f32> {
        let (set, row) = self.place(slot)?;
        let rows = &self.rows[set];
        let cosine = match probe.measure(set) {
            Measure::Steps(stepped) => {
                dot_i8(&stepped.steps, rows.steps(row)) as f32 * (rows.scale(row) * stepped.scale)
            }
            Measure::Signs => probe.score_of_signs(rows.signs(row)),
            Measure::None => return None,
        };
        Some(self.likeness(probe, slot, cosine))
    }

    fn read_codes(&self, way: Way, share: f32, probe: &Probe, wanted: &Wanted<'_>) -> VectorHits {
        let mut hunt = Hunt::new(self, probe, wanted);
        let mut order: Vec<Near> = Vec::with_capacity(self.lists.centred());
        self.lists.each_centre(&probe.whole.steps, probe.whole.scale, |near| order.push(near));
        order.sort_unstable_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.list.cmp(&b.list)));
        let mut left = ((self.lists.len() - self.lists.waiting()) as f32 * share) as usize;
        let waiting = (0..self.lists.waiting()).step_by(CHUNK).map(Part::Waiting);
        let mut parts = order.into_iter().map(Part::List).chain(waiting);
        let mut room = FIRST;
        loop {
            let (bound, mut read, mut more) = (hunt.bound(), 0, true);
            while read < room {
                let Some(part) = parts.next() else {
                    more = false;
                    break;
                };
                read += match part {
                    Part::List(near) if left == 0 || (way == Way::Lists && hunt.is_beyond(near)) => 0,
                    Part::List(near) => {
                        let size = hunt.read(near.list, 0, bound);
                        left = left.saturating_sub(size);
                        size
                    }
                    Part::Waiting(from) => hunt.read(0, from, bound),
                };
            }
            hunt.score_found();
            if !more {
                break;
            }
            room *= 4;
        }
        hunt.add_uncoded();
        let floor = hunt.floor();
        let Hunt { mut scored, .. } = hunt;
        let kept = wanted.limit.saturating_add(RESCORED);
        if scored.len() > kept {
            scored.select_nth_unstable_by(kept, |a, b| better(a, b, wanted));
            scored.truncate(kept);
        }
        let slots = scored.into_iter().map(|hit| hit.slot);
        VectorHits { hits: self.in_full(slots, probe, wanted), floor, way }
    }

    /// By how much the score of a row can exceed the cosine with what its code was made of.
    fn stretch(&self) -> f32 {
        let held = |set: usize| self.rows.get(set).is_some_and(|rows| rows.len() > 0);
        let signs = if held(Precision::Binary.index()) { SIGN_FACTOR } else { 1.0 };
        let projected = self.projections().iter().filter(|(number, _)| held(WHOLE + *number as usize));
        projected.fold(signs, |most, (_, projection)| most.max(projection.factor()))
    }
}

/// Best first.
fn better(a: &VectorHit, b: &VectorHit, wanted: &Wanted<'_>) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then_with(|| (wanted.ties)(a.slot).cmp(&(wanted.ties)(b.slot)))
}

/// What a search of codes reads at a time.
enum Part {
    List(Near),
    /// Of the first list, from this place on.
    Waiting(usize),
}

/// A search of codes under way.
struct Hunt<'a> {
    arena: &'a Arena,
    probe: &'a Probe,
    wanted: &'a Wanted<'a>,
    code: Vec<u64>,
    stretch: f32,
    /// Allowed slots within the bound that are not scored yet, and the bits in which they differ from the question.
    found: Vec<(u32, Slot)>,
    /// By number of bits, how many of these there are.
    counts: Vec<u32>,
    scored: Vec<VectorHit>,
    /// The best scores, as many as are to be right, the least on top. Floats as integers of the same order.
    leaders: BinaryHeap<Reverse<i32>>,
    /// The allowed slot that differs most, and in how many bits.
    farthest: Option<(u32, Slot)>,
}

impl<'a> Hunt<'a> {
    fn new(arena: &'a Arena, probe: &'a Probe, wanted: &'a Wanted<'a>) -> Self {
        Hunt {
            arena,
            probe,
            wanted,
            code: arena.signer.sign(&probe.whole.vector),
            stretch: arena.stretch(),
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

    /// In how many bits a slot worth scoring differs from the question at most.
    fn bound(&self) -> u32 {
        self.least()
            .map_or(u32::MAX, |least| reach(least / self.stretch, self.arena.signer.bits(), DEVIATIONS))
    }

    /// Whether nothing in a list is expected to score better.
    fn is_beyond(&self, Near { list, cosine }: Near) -> bool {
        let Some(least) = self.least() else { return false };
        let nearness = self.arena.lists.nearness(list);
        let across = libm::sqrtf(((1.0 - cosine * cosine) * (1.0 - nearness * nearness)).max(0.0));
        (cosine * nearness + SPREAD * across) * self.stretch < least
    }

    /// Reads a list from a place on, or [`CHUNK`] codes of it. Answers how many.
    fn read(&mut self, list: usize, from: usize, bound: u32) -> usize {
        let Hunt { arena, wanted, code, found, counts, farthest, .. } = self;
        let slots = &arena.lists.slots(list)[from..];
        let slots = &slots[..slots.len().min(CHUNK)];
        let mut far = farthest.map_or(0, |(bits, _)| bits);
        arena.lists.differing(list, from..from + slots.len(), code, |at, bits| {
            if (bits <= bound || bits > far) && wanted.allowed.contains(slots[at]) {
                if bits <= bound {
                    found.push((bits, slots[at]));
                    counts[bits as usize] += 1;
                }
                if bits > far || farthest.is_none() {
                    far = bits;
                    *farthest = Some((bits, slots[at]));
                }
            }
        });
        slots.len()
    }

    /// Scores what was found, nearest first, until what is left lies beyond the bound.
    fn score_found(&mut self) {
        let mut order = vec![0; self.found.len()];
        let mut start = 0;
        for count in &mut self.counts {
            start += std::mem::replace(count, start);
        }
        for (bits, slot) in self.found.drain(..) {
            let place = &mut self.counts[bits as usize];
            order[*place as usize] = slot;
            *place += 1;
        }
        // By now each count is where the slots of that many bits end.
        let mut from = 0;
        for bits in 0..self.counts.len() {
            let to = std::mem::take(&mut self.counts[bits]) as usize;
            if to > from && bits as u32 <= self.bound() {
                order[from..to].iter().for_each(|slot| self.score(*slot));
            }
            from = to;
        }
    }

    fn score(&mut self, slot: Slot) {
        if let Some(score) = self.arena.rough_score(self.probe, slot) {
            self.add(slot, score);
        }
    }

    fn add(&mut self, slot: Slot, score: f32) {
        self.scored.push(VectorHit { slot, score });
        self.leaders.push(Reverse(to_ordered(score)));
        if self.leaders.len() > self.wanted.sure {
            self.leaders.pop();
        }
    }

    /// Scores what has no code: what is to be coded yet, and rows that an encoder of the host has made.
    fn add_uncoded(&mut self) {
        let (arena, wanted) = (self.arena, self.wanted);
        for slot in arena.uncoded.iter().filter(|slot| wanted.allowed.contains(**slot)) {
            let encoded = arena.kept(*slot).is_some_and(|kept| arena.is_encoded(kept));
            if !arena.lists.contains(*slot) && !encoded {
                self.score(*slot);
            }
        }
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
        let farthest = self.farthest.and_then(|(_, slot)| self.arena.rough_score(self.probe, slot));
        let scores = self.scored.iter().map(|hit| hit.score).chain(farthest);
        scores.reduce(f32::min).unwrap_or(0.0)
    }
}

/// A float as an integer of the same order.
fn to_ordered(score: f32) -> i32 {
    let bits = score.to_bits().cast_signed();
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

/// The float of [`to_ordered`].
fn from_ordered(ordered: i32) -> f32 {
    f32::from_bits((ordered ^ ((ordered >> 31).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

/// Gives each allowed slot of some rows and its score by steps.
fn scan_steps(rows: &Rows, stepped: &Stepped, allowed: &SlotSet, mut each: impl FnMut(Slot, f32)) {
    for block in 0..rows.block_count() {
        let (slots, scales) = (rows.slots(block), rows.scales(block));
        for start in (0..slots.len()).step_by(ROWS) {
            let products = dot_i8_x4(&stepped.steps, rows.step_group(block, start));
            for ((product, slot), scale) in products.into_iter().zip(&slots[start..]).zip(&scales[start..]) {
                if allowed.contains(*slot) {
                    each(*slot, product as f32 * (scale * stepped.scale));
                }
            }
        }
    }
}

fn scan_signs(rows: &Rows, probe: &Probe, allowed: &SlotSet, mut each: impl FnMut(Slot, f32)) {
    for block in 0..rows.block_count() {
        for (slot, signs) in rows.slots(block).iter().zip(rows.sign_rows(block)) {
            if allowed.contains(*slot) {
                each(*slot, probe.score_of_signs(signs));
            }
        }
    }
}
