//! Reading rows and codes: each [`Way`] of a search.
//!
//! Rows of steps are ranked by an integer product, whose error is far below the distance between neighbours; the best are
//! then scored with all that is kept of them: their floats, or their steps against the floats of the question.
//!
//! A search of codes counts the bits in which each differs from the question, and scores the rows of those that come near
//! enough. How near that is follows from the scores: with the last of the wanted scores found so far, a vector that scored
//! better would differ in more than so many bits ([`reach`]) only by a chance that the wanted recall leaves room for. The nearest lists are read
//! first, so that the bound is sharp for the rest; lists whose members all lie too far from the question are left out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::index::vector::arena::Arena;
use crate::index::vector::best::Best;
use crate::index::vector::kernel::{ROWS, differing, dot_i8, dot_i8_x4, dot_x4, rows_of};
use crate::index::vector::lists::{Lists, Near};
use crate::index::vector::place::WHOLE;
use crate::index::vector::plan::{Effort, Figures, Walk, Way};
use crate::index::vector::probe::{Measure, Probe, SIGN_FACTOR, Stepped};
use crate::index::vector::reading::Score;
use crate::index::vector::rows::Rows;
use crate::index::vector::signs::{Sight, reach};
use crate::index::vector::walk::Walked;
use crate::index::vector::{VectorHit, VectorHits, VectorIndex, Wanted};
use crate::index::{Slot, SlotSet};
use crate::model::Precision;

/// Candidates beyond the limit that are scored in full precision.
const RESCORED: usize = 32;
/// How far the members of a list may lie from its centre towards a question, as a share of what they would if they all lay
/// that way. In directions without preference 2 / sqrt(dimensions) would do; those of real vectors have preferences.
const SPREAD: f32 = 0.7;
/// Codes that are read before the first rows are scored. Each further round reads four times as many as the one before.
const FIRST: usize = 512;
/// Lists that are read one after the other once memory has been asked for all of them.
const TOGETHER: usize = 8;
/// Codes of the first list that are read at a time.
const CHUNK: usize = 4_096;

impl Arena {
    /// The allowed slots nearest to the question.
    pub(super) fn nearest(&self, probe: &Probe, wanted: &Wanted<'_>) -> VectorHits {
        let figures = self.figures(wanted);
        let mut way = figures.choose(wanted.exact);
        if way == Way::Graph {
            if let Some(found) = self.read_graph(&figures, probe, wanted) {
                return found;
            }
            way = Figures { graph: None, ..figures }.choose(false);
        }
        let share = if way == Way::Lists { figures.share() } else { 1.0 };
        let found = if way.is_exact() {
            self.read_rows(way, probe, wanted)
        } else {
            self.read_codes(way, share, figures.effort.deviations, probe, wanted)
        };
        // A filter that leaves few must not lose any of them. While rows have to be read, it is not known how many there are.
        if !way.is_exact() && !self.is_waiting() && found.hits.len() < wanted.limit.min(wanted.allowed.len())
        {
            return self.read_rows(figures.choose(true), probe, wanted);
        }
        found
    }

    /// What the way of a search depends on.
    pub(super) fn figures(&self, wanted: &Wanted<'_>) -> Figures {
        let effort = Effort::of(wanted.recall);
        Figures {
            dimensions: self.dimensions,
            words: self.signer.words(),
            rows: self.len(),
            stored: self.paged.as_ref().map_or(0, |paged| paged.len()),
            allowed: wanted.allowed.len(),
            coded: self.lists.len(),
            waiting: self.lists.waiting(),
            lists: self.lists.centred(),
            effort,
            graph: self.coverage().map(|coverage| Walk {
                breadth: Figures::breadth(effort, wanted.sure, wanted.limit),
                nodes: coverage.nodes,
                beside: coverage.beside,
            }),
        }
    }

    fn read_rows(&self, way: Way, probe: &Probe, wanted: &Wanted<'_>) -> VectorHits {
        let mut best = Best::new(wanted.limit.saturating_add(RESCORED), wanted.ties);
        // Of rows in storage only those in question are read.
        if way == Way::Visit || self.paged.as_ref().is_some_and(|paged| paged.len() > 0) {
            self.rough_scores(probe, wanted.allowed.iter(), |slot, score| best.offer(slot, score));
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
        let mut hits = Vec::new();
        self.full_scores(probe, slots, |slot, score| hits.push(VectorHit { slot, score }));
        best_of(hits, wanted)
    }

    /// Gives the scores of slots by all that is kept of them; those whose rows are in storage last.
    fn full_scores(&self, probe: &Probe, slots: impl Iterator<Item = Slot>, mut each: impl FnMut(Slot, f32)) {
        let mut stored = Vec::new();
        let slots = self.setting_aside(slots, &mut stored);
        let floats = Precision::F32.index();
        self.each_group(slots, |set, group| match (probe.measure(set), group.as_array::<ROWS>()) {
            (Measure::Steps(stepped), Some(group)) if set == floats => {
                let scores = dot_x4(&stepped.vector, group.map(|(_, row)| self.rows[set].full(row)));
                for ((slot, _), cosine) in group.iter().zip(scores) {
                    each(*slot, self.likeness(probe, *slot, cosine));
                }
            }
            _ => {
                for (slot, _) in group {
                    if let Some(score) = self.score(probe, *slot) {
                        each(*slot, score);
                    }
                }
            }
        });
        for slot in stored {
            if let Some(score) = self.score(probe, slot) {
                each(slot, score);
            }
        }
    }

    /// The slots as they come; those whose rows are in storage are noted in `stored`.
    fn setting_aside(
        &self,
        slots: impl Iterator<Item = Slot>,
        stored: &mut Vec<Slot>,
    ) -> impl Iterator<Item = Slot> {
        slots.inspect(|slot| {
            if self.is_paged(*slot) {
                stored.push(*slot);
            }
        })
    }

    /// Gives the slots that have vectors in memory, with the set and the rows of these, in their order: as many of one set at a time
    /// as there are, at most [`ROWS`]. Memory that is read in such groups answers several times at once.
    fn each_group(&self, slots: impl Iterator<Item = Slot>, mut each: impl FnMut(usize, &[(Slot, usize)])) {
        let (mut together, mut group, mut count) = (0, [(0, 0); ROWS], 0);
        for slot in slots {
            let Some((set, row)) = self.place(slot) else { continue };
            if count == ROWS || (set != together && count > 0) {
                each(together, &group[..count]);
                count = 0;
            }
            together = set;
            group[count] = (slot, row);
            count += 1;
        }
        if count > 0 {
            each(together, &group[..count]);
        }
    }

    /// The score of one slot by its steps, or its signs.
    pub(super) fn rough_score(&self, probe: &Probe, slot: Slot) -> Option<f32> {
        let mut found = None;
        self.rough_scores(probe, std::iter::once(slot), |_, score| found = Some(score));
        found
    }

    /// What a walk through the graph finds, with what stands beside it; nothing if that is less than there is.
    pub(super) fn read_graph(
        &self,
        figures: &Figures,
        probe: &Probe,
        wanted: &Wanted<'_>,
    ) -> Option<VectorHits> {
        let (graph, walk) = self.graph.as_ref().zip(figures.graph)?;
        let Walked { mut found, mut floor, looked } =
            self.walk(graph, probe, wanted, (walk.breadth, figures.patience(walk)))?;
        tracing::trace!(walk.breadth, looked, "walked through the graph");
        for slot in graph.beside().iter().filter(|slot| wanted.allowed.contains(*slot)) {
            if let Some(score) = self.rough_score(probe, slot) {
                floor = floor.min(score);
                found.push(VectorHit { slot, score });
            }
        }
        if found.len() < wanted.limit.min(wanted.allowed.len()) {
            return None;
        }
        Some(VectorHits { hits: self.best_in_full(found, probe, wanted), floor, way: Way::Graph })
    }

    /// Of what was found by its steps, the best with all that is kept of them.
    fn best_in_full(&self, mut found: Vec<VectorHit>, probe: &Probe, wanted: &Wanted<'_>) -> Vec<VectorHit> {
        let kept = wanted.limit.max(wanted.sure.saturating_add(RESCORED));
        if found.len() > kept {
            found.select_nth_unstable_by(kept, |a, b| better(a, b, wanted));
            found.truncate(kept);
        }
        self.in_full(found.into_iter().map(|hit| hit.slot), probe, wanted)
    }

    /// Gives the scores of slots by their steps, or their signs, in the order of the slots.
    fn rough_scores(
        &self,
        probe: &Probe,
        slots: impl Iterator<Item = Slot>,
        mut each: impl FnMut(Slot, f32),
    ) {
        let mut stored = Vec::new();
        let slots = self.setting_aside(slots, &mut stored);
        let mut score = |slot, cosine| each(slot, self.likeness(probe, slot, cosine));
        self.each_group(slots, |set, group| {
            let rows = &self.rows[set];
            match probe.measure(set) {
                Measure::Steps(stepped) => {
                    let scale = |row: usize| rows.scale(row) * stepped.scale;
                    if let Some(group) = group.as_array::<ROWS>() {
                        let products = dot_i8_x4(&stepped.steps, group.map(|(_, row)| rows.steps(row)));
                        for ((slot, row), product) in group.iter().zip(products) {
                            score(*slot, product as f32 * scale(*row));
                        }
                    } else {
                        for (slot, row) in group {
                            score(*slot, dot_i8(&stepped.steps, rows.steps(*row)) as f32 * scale(*row));
                        }
                    }
                }
                Measure::Signs => {
                    for (slot, row) in group {
                        score(*slot, probe.score_of_signs(rows.signs(*row)));
                    }
                }
                Measure::None => {}
            }
        });
        for slot in stored {
            if let Some(score) = self.paged_score(Score::Rough, &probe.whole, slot) {
                each(slot, score);
            }
        }
    }

    fn read_codes(
        &self,
        way: Way,
        share: f32,
        deviations: f32,
        probe: &Probe,
        wanted: &Wanted<'_>,
    ) -> VectorHits {
        let mut hunt = Hunt::new(self, probe, wanted, deviations);
        let mut order = Nearest::of(&self.lists, probe);
        let mut left = ((self.lists.len() - self.lists.waiting()) as f32 * share) as usize;
        let mut waiting = (0..self.lists.waiting()).step_by(CHUNK);
        let mut room = FIRST;
        let mut together = Vec::with_capacity(TOGETHER);
        loop {
            let (bounds, mut read, mut more) = (hunt.bounds(), 0, true);
            while read < room {
                while left > 0
                    && together.len() < TOGETHER
                    && let Some(near) = order.next()
                {
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
            room *= 4;
        }
        let is_rough = hunt.add_uncoded() || self.paged.is_some();
        let floor = hunt.floor();
        let hits = if is_rough {
            self.best_in_full(hunt.scored, probe, wanted)
        } else {
            best_of(hunt.scored, wanted)
        };
        VectorHits { hits, floor, way }
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

/// The best of these, best first, as many as are wanted.
fn best_of(mut hits: Vec<VectorHit>, wanted: &Wanted<'_>) -> Vec<VectorHit> {
    if hits.len() > wanted.limit && wanted.limit > 0 {
        hits.select_nth_unstable_by(wanted.limit - 1, |a, b| better(a, b, wanted));
    }
    hits.truncate(wanted.limit);
    hits.sort_unstable_by(|a, b| better(a, b, wanted));
    hits
}

/// The lists with a centre, nearest first: sorted as far as they are asked for.
struct Nearest {
    /// Each as a number whose order is theirs: the cosine, turned round, and the list.
    order: Vec<u64>,
    /// How many of them are where they belong.
    sorted: usize,
    next: usize,
}

impl Nearest {
    /// Lists that are sorted at first, and more of them each time.
    const FIRST: usize = 64;

    fn of(lists: &Lists, probe: &Probe) -> Self {
        let mut order = Vec::with_capacity(lists.centred());
        lists.each_centre(&probe.whole.steps, probe.whole.scale, |Near { list, cosine }| {
            let ordered = (!to_ordered(cosine)).cast_unsigned() ^ 1 << 31;
            order.push(u64::from(ordered) << 32 | list as u64);
        });
        Nearest { order, sorted: 0, next: 0 }
    }

    fn sort_more(&mut self) {
        let rest = &mut self.order[self.sorted..];
        let more = rest.len().min(self.sorted.max(Self::FIRST));
        if more < rest.len() {
            rest.select_nth_unstable(more);
        }
        rest[..more].sort_unstable();
        self.sorted += more;
    }
}

impl Iterator for Nearest {
    type Item = Near;

    fn next(&mut self) -> Option<Near> {
        if self.next == self.sorted {
            self.sort_more();
        }
        let number = *self.order.get(self.next)?;
        self.next += 1;
        let ordered = !((number >> 32) as u32 ^ 1 << 31).cast_signed();
        Some(Near { list: (number & u64::from(u32::MAX)) as usize, cosine: from_ordered(ordered) })
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

    /// In how many bits a slot worth scoring differs from the question, and how far it is from it, at most.
    fn bounds(&self) -> (u16, u16) {
        self.least().map_or((u16::MAX, u16::MAX), |least| {
            let least = least / self.stretch;
            let bits = reach(least, self.arena.signer.bits(), self.deviations);
            (bits, self.sight.reach(least, self.deviations))
        })
    }

    /// Whether nothing in a list is expected to score better.
    fn is_beyond(&self, Near { list, cosine }: Near) -> bool {
        let Some(least) = self.least() else { return false };
        let nearness = self.arena.lists.nearness(list);
        let across = libm::sqrtf(((1.0 - cosine * cosine) * (1.0 - nearness * nearness)).max(0.0));
        (cosine * nearness + SPREAD * across) * self.stretch < least
    }

    /// Reads a list from a place on, or [`CHUNK`] codes of it. Answers how many.
    fn read(&mut self, list: usize, from: usize, (bound, reach): (u16, u16)) -> usize {
        let Hunt { arena, wanted, sight, found, counts, farthest, .. } = self;
        let slots = &arena.lists.slots(list)[from..];
        let slots = &slots[..slots.len().min(CHUNK)];
        let words = arena.signer.words();
        let codes = &arena.lists.codes(list)[from * words..][..slots.len() * words];
        let far = farthest.map_or(0, |(bits, _)| bits);
        differing(sight.code(), codes, bound, far, |at, bits| {
            let slot = slots[at];
            if !wanted.allowed.contains(slot) {
                return;
            }
            if bits <= bound {
                let distance = sight.distance(&codes[at * words..][..words], bits);
                if distance <= reach {
                    found.push((distance, slot));
                    counts[usize::from(distance)] += 1;
                }
            }
            if farthest.is_none_or(|(most, _)| bits > most) {
                *farthest = Some((bits, slot));
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
        for (distance, slot) in self.found.drain(..) {
            let place = &mut self.counts[usize::from(distance)];
            order[*place as usize] = slot;
            *place += 1;
        }
        // By now each count is where the slots of that distance end.
        let mut from = 0;
        for distance in 0..self.counts.len() {
            let to = std::mem::take(&mut self.counts[distance]) as usize;
            if to > from && distance as u16 <= self.bounds().1 {
                self.score(&order[from..to], distance as u16);
            }
            from = to;
        }
    }

    /// Scores slots that are so far from the question; by that alone while their rows have to be read.
    fn score(&mut self, slots: &[Slot], distance: u16) {
        let (arena, probe) = (self.arena, self.probe);
        if arena.paged.is_none() {
            arena.full_scores(probe, slots.iter().copied(), |slot, score| self.add(slot, score));
            return;
        }
        let likely = self.sight.likely(distance);
        for slot in slots {
            let unread = || arena.is_paged(*slot).then_some(likely);
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
    /// made. Answers whether there is any.
    fn add_uncoded(&mut self) -> bool {
        let before = self.scored.len();
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
        self.scored.len() > before
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

/// A float as an integer of the same order.
pub(super) fn to_ordered(score: f32) -> i32 {
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
            let products = dot_i8_x4(&stepped.steps, rows_of(rows.step_group(block, start)));
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
