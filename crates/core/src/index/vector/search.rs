//! Reading rows and codes: each [`Way`] of a search.
//!
//! Rows of steps are ranked by an integer product, whose error is far below the distance between neighbours; the best are
//! then scored with all that is kept of them: their floats, or their steps against the floats of the question.

use crate::index::vector::arena::Arena;
use crate::index::vector::best::Best;
use crate::index::vector::kernel::{ROWS, dot_i8, dot_i8_x4, dot_x4, rows_of};
use crate::index::vector::plan::{Effort, Figures, Walk, Way};
use crate::index::vector::probe::{Measure, Probe, Stepped};
use crate::index::vector::reading::Score;
use crate::index::vector::rows::Rows;
use crate::index::vector::walk::Walked;
use crate::index::vector::{VectorHit, VectorHits, VectorIndex, Wanted};
use crate::index::{Slot, SlotSet};
use crate::model::{Metric, Precision};

/// Candidates beyond the limit that are scored in full precision.
const RESCORED: usize = 32;

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
        Some(VectorHits { hits: self.best_of_rough(found, probe, wanted), floor, way: Way::Graph })
    }

    /// Of what was found by its steps, or by its codes while rows have to be read, the best with all that is kept of them: as many
    /// as may be among those that are to be right. What lies so far below the last of those that are wanted that rounding has
    /// hardly put it there is left out: what is found here may be missed, what [`Arena::read_rows`] finds may not.
    pub(super) fn best_of_rough(
        &self,
        mut found: Vec<VectorHit>,
        probe: &Probe,
        wanted: &Wanted<'_>,
    ) -> Vec<VectorHit> {
        let kept = wanted.limit.max(wanted.sure.saturating_add(RESCORED));
        if found.len() > kept {
            found.select_nth_unstable_by(kept, |a, b| better(a, b, wanted));
            found.truncate(kept);
        }
        let doubt = self.doubt(probe);
        if (1..found.len()).contains(&wanted.limit) && doubt.is_finite() {
            let (_, last, _) = found.select_nth_unstable_by(wanted.limit - 1, |a, b| better(a, b, wanted));
            // By steps, what a projection has left can come out above 1.
            let least = last.score.min(1.0) - std::f32::consts::SQRT_2 * doubt;
            found.retain(|hit| hit.score >= least);
        }
        self.in_full(found.into_iter().map(|hit| hit.slot), probe, wanted)
    }

    /// By how much a score by steps may be above or below the score by all that is kept; without end where codes, or lengths, say
    /// more than steps.
    fn doubt(&self, probe: &Probe) -> f32 {
        if probe.metric != Metric::Cosine || self.paged.is_some() {
            return f32::INFINITY;
        }
        let doubts = self.rows.iter().enumerate().map(|(set, rows)| match probe.measure(set) {
            Measure::Steps(stepped) if rows.len() > 0 => stepped.doubt(rows.coarsest()),
            _ => 0.0,
        });
        doubts.fold(0.0, f32::max)
    }

    /// Gives the scores of slots by their steps, or their signs, in the order of the slots.
    pub(super) fn rough_scores(
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

/// Gives each allowed slot of some rows and its score by steps.
pub(super) fn scan_steps(rows: &Rows, stepped: &Stepped, allowed: &SlotSet, mut each: impl FnMut(Slot, f32)) {
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
