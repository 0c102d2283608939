//! Maintenance: what is due, in pieces that a host can afford.
//!
//! Each call of [`Engine::maintain`] takes one step and says whether more is due, so that the host, which has a
//! clock, can stop when its budget is spent. A step looks at [`STEP`] records and removes [`REMOVALS`] at most, however
//! large the memory is.

use std::collections::BinaryHeap;

use serde::Serialize;

use crate::config::{OnLimit, Overflow};
use crate::engine::Engine;
use crate::engine::event::Event;
use crate::engine::retention::{Departure, candidate, carried_out, departure, judged, moved};
use crate::error::CommandError;
use crate::model::{Reason, Record, RecordId, Span, Tier, Timestamp};
use crate::persist::Change;
use crate::policy::Candidate;
use crate::tier::Place;

/// Records that one step looks at.
const STEP: usize = 1_024;
/// Records that one step removes: each is taken out of the index, term by term.
const REMOVALS: usize = 32;
/// Records that a commit looks at for each of its operations, when a tier is too full.
const LOOKS: usize = 4;
/// A tier this share over its limit is brought back by the commits that find it so.
const SLACK: u64 = 8;
/// Time between two rounds in which every record is judged, for rules that ripen with time.
const ROUND: Span = Span(600_000);

/// What one step did, or several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceReport {
    /// Records moved to another tier.
    pub moved: u32,
    /// Records removed because their time had come.
    pub expired: u32,
    /// Records removed because their tier could not keep them.
    pub evicted: u32,
    /// Records that went into others that say the same.
    pub merged: u32,
    /// Segments written.
    pub sealed: u32,
    /// Whether more is due now.
    pub more: bool,
}

/// The search for those who leave a tier that is too full, kept between steps.
#[derive(Debug)]
pub(super) struct Selection {
    /// The moment by which all candidates are compared.
    now: Timestamp,
    resume: Option<Place>,
    /// The least number of records, in the order of leaving, that is enough; the last to leave on top.
    chosen: BinaryHeap<Chosen>,
    chosen_bytes: u64,
    excess: Excess,
    /// Those of them who have not left yet, the first to leave at the end, once all were looked at.
    leaving: Option<Vec<Chosen>>,
}

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Excess {
    items: usize,
    bytes: u64,
}

#[derive(Debug)]
struct Chosen {
    candidate: Candidate,
    bytes: u64,
}

impl Ord for Chosen {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.candidate.order(&other.candidate)
    }
}

impl PartialOrd for Chosen {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Chosen {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Chosen {}

/// The round in which every record is judged.
#[derive(Debug, Default)]
pub(super) struct Round {
    tier: usize,
    resume: Option<Place>,
    /// When the last one ended.
    ended: Option<Timestamp>,
}

/// Per tier, records and bytes that changes not yet carried out bring.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Incoming([(usize, u64); 3]);

#[derive(Default)]
pub(super) struct Work {
    pub(super) changes: Vec<Change>,
    pub(super) events: Vec<Event>,
    pub(super) report: MaintenanceReport,
    incoming: Incoming,
    /// How many records may still be removed.
    pub(super) removals: usize,
    /// Whether a step stopped before it was through.
    pub(super) unfinished: bool,
}

impl Engine {
    /// Takes one step of what is due at `now`: expiry, the tiers' TTLs, their rules and limits, then storage. With
    /// `compact`, storage is rewritten without anything that was forgotten, even if that is not due.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn maintain(&mut self, now: Timestamp, compact: bool) -> Result<MaintenanceReport, CommandError> {
        self.check_writable()?;
        let mut work = Work { removals: REMOVALS, ..Work::default() };
        self.expire(now, &mut work);
        for tier in Tier::ALL {
            self.outstayed(tier, now, &mut work);
        }
        if work.changes.is_empty() {
            self.merge_duplicates(now, &mut work);
        }
        if work.changes.is_empty() && !work.unfinished {
            self.judge_some(now, &mut work);
        }
        if work.changes.is_empty() && !work.unfinished {
            for tier in Tier::ALL {
                self.overflowing(tier, 0, now, &mut work);
                if !work.changes.is_empty() || work.unfinished {
                    break;
                }
            }
        }
        let idle = work.changes.is_empty() && !work.unfinished;
        let report = MaintenanceReport { more: true, ..work.report };
        self.record(work.changes, work.events, now);
        if !idle {
            return Ok(report);
        }
        self.idle_since = Some(now);
        Ok(self.tidy(now, compact))
    }

    /// When maintenance is next useful, or nothing if nothing will become due by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.state.store.expiring().next().map(|(at, _)| at);
        let leaving = Tier::ALL.into_iter().filter_map(|tier| {
            let ttl = self.config.tier(tier).ttl?;
            let first = self.state.store.tier(tier).find(|record| !record.pinned)?;
            let due = first.tier_since + ttl;
            // Whom the next tier did not take is tried again later, not at once.
            let refused = self.idle_since.filter(|idle| due <= *idle && self.is_stuck(first));
            Some(refused.map_or(due, |idle| idle + ROUND))
        });
        let ripening =
            Tier::ALL.into_iter().any(|tier| self.ripens(tier) && self.state.store.tier_len(tier) > 0);
        let round = ripening.then(|| self.round.ended.map_or(Timestamp::MIN, |ended| ended + ROUND));
        leaving.chain(expiry).chain(round).chain(self.next_grouping()).min()
    }

    /// Brings tiers back that a commit of so many `operations` left well over their limit. Looks at a few records for
    /// each operation and removes two at most, so that the cost of a commit does not grow with the size of the tiers.
    pub(super) fn relieve(&mut self, operations: usize, now: Timestamp) {
        let mut removals = REMOVALS + 2 * operations;
        for tier in Tier::ALL {
            for _ in 0..=operations * LOOKS / STEP {
                let mut work = Work { removals, ..Work::default() };
                self.overflowing(tier, SLACK, now, &mut work);
                removals = work.removals;
                let unfinished = work.unfinished;
                // Carried out before the next tier is looked at, which may overflow in turn.
                self.record(work.changes, work.events, now);
                if !unfinished {
                    break;
                }
            }
        }
    }

    fn expire(&self, now: Timestamp, work: &mut Work) {
        let due = self.state.store.expiring().take_while(|(at, _)| *at <= now).take(work.removals);
        for record in due.filter_map(|(_, id)| self.state.store.get(id)) {
            work.changes.push(Change::Remove(record.id));
            work.events.push(Event::MemoryExpired { id: record.id, tier: record.tier });
            work.report.expired += 1;
            work.removals -= 1;
        }
    }

    fn outstayed(&self, tier: Tier, now: Timestamp, work: &mut Work) {
        let Some(ttl) = self.config.tier(tier).ttl else { return };
        let due = self.state.store.tier(tier).take_while(|record| record.tier_since + ttl <= now);
        let due = due.filter(|record| !record.pinned && !record.is_expired(now));
        for id in due.map(|record| record.id).take(STEP) {
            if work.removals == 0 {
                break;
            }
            self.leave(id, Reason::Ttl, None, now, work);
        }
    }

    /// Whether the passing of time alone can move records of `tier`.
    fn ripens(&self, tier: Tier) -> bool {
        self.config.rule(tier).ripens() || self.config.tier(tier).demote.is_some()
    }

    /// Judges some records of the round that is under way, or begins one if it is time.
    fn judge_some(&mut self, now: Timestamp, work: &mut Work) {
        let due = self.round.ended.is_none_or(|ended| ended + ROUND <= now);
        let resumes = self.round.resume.is_some() || self.round.tier > 0;
        if !(due || resumes) {
            return;
        }
        let mut left = STEP;
        while let Some(&tier) = Tier::ALL.get(self.round.tier) {
            if self.ripens(tier) {
                let mut last = None;
                for record in self.state.store.tier_after(tier, self.round.resume).take(left) {
                    last = Some((record.tier_since, record.id));
                    left -= 1;
                    let step = judged(&self.config, record, now);
                    if let Some(step) = step.filter(|step| self.admits(record, step.to, &mut work.incoming)) {
                        work.changes.push(Change::Move(record.id, step));
                        work.events.push(moved(record.id, &step));
                        work.report.moved += 1;
                    }
                }
                if left == 0 {
                    self.round.resume = last.or(self.round.resume);
                    work.unfinished = true;
                    return;
                }
            }
            self.round.tier += 1;
            self.round.resume = None;
        }
        self.round = Round { ended: Some(now), ..Round::default() };
    }

    /// What `tier` holds too much, if that is more than the limit by one part in `slack` (0: by anything).
    fn excess(&self, tier: Tier, slack: u64) -> Option<Excess> {
        let settings = self.config.tier(tier);
        let (items, bytes) = (self.state.store.tier_len(tier), self.state.store.tier_bytes(tier));
        let over = |held: u64, limit: Option<u64>| {
            let limit = limit?;
            let room = limit + limit.checked_div(slack).unwrap_or(0);
            (held > room).then(|| held - limit)
        };
        let too_many = over(items as u64, settings.max_items.map(u64::from));
        let too_much = over(bytes, settings.max_bytes);
        if too_many.is_none() && too_much.is_none() {
            return None;
        }
        Some(Excess { items: too_many.unwrap_or(0) as usize, bytes: too_much.unwrap_or(0) })
    }

    /// Looks at some records of a tier that is too full; once it has seen all of them, those that have to leave do.
    fn overflowing(&mut self, tier: Tier, slack: u64, now: Timestamp, work: &mut Work) {
        match self.config.tier(tier).on_limit {
            OnLimit::Evict => {}
            OnLimit::Warn | OnLimit::Reject => {
                self.warn(tier, work);
                return;
            }
            OnLimit::Host => return,
        }
        let under_way = self.selections[tier.index()].take();
        let begun = || self.excess(tier, slack).map(|excess| Selection::new(excess, now));
        let Some(mut selection) = under_way.or_else(begun) else { return };
        let Some(mut leaving) = self.search(tier, &mut selection, now) else {
            self.selections[tier.index()] = Some(selection);
            work.unfinished = true;
            return;
        };
        // Commits may have come between: what is too much now counts, and who is still there.
        let Excess { mut items, mut bytes } = self.excess(tier, 0).unwrap_or_default();
        let mut left = STEP;
        while items > 0 || bytes > 0 {
            if left == 0 || work.removals == 0 {
                self.selections[tier.index()] = Some(Selection { leaving: Some(leaving), ..selection });
                work.unfinished = true;
                return;
            }
            left -= 1;
            let Some(Chosen { candidate, bytes: relief }) = leaving.pop() else { return };
            let there = self.state.store.get(candidate.id);
            let goes = there.is_some_and(|record| record.tier == tier && !record.pinned);
            if goes && self.leave(candidate.id, Reason::Capacity, Some(&candidate), now, work) {
                items = items.saturating_sub(1);
                bytes = bytes.saturating_sub(relief);
            }
        }
    }

    /// Looks at some records of a tier. Answers those who leave, the first of them last, once all were looked at.
    fn search(&self, tier: Tier, selection: &mut Selection, now: Timestamp) -> Option<Vec<Chosen>> {
        if let Some(found) = selection.leaving.take() {
            return Some(found);
        }
        let mut seen = 0;
        for record in self.state.store.tier_after(tier, selection.resume).take(STEP) {
            seen += 1;
            selection.resume = Some((record.tier_since, record.id));
            if !record.pinned && !self.is_held_back(record, now) {
                let bytes = u64::from(self.state.store.bytes(record.id));
                selection.offer(candidate(&self.config, record, selection.now), bytes);
            }
        }
        if seen == STEP {
            return None;
        }
        let mut found = std::mem::take(&mut selection.chosen).into_sorted_vec();
        found.reverse();
        Some(found)
    }

    fn warn(&mut self, tier: Tier, work: &mut Work) {
        let over = self.excess(tier, 0).is_some();
        if over && !self.warned[tier.index()] {
            let items = self.state.store.tier_len(tier) as u32;
            work.events.push(Event::TierLimitReached {
                tier,
                items,
                bytes: self.state.store.tier_bytes(tier),
            });
        }
        self.warned[tier.index()] = over;
    }

    /// Whether `record` may come into `tier`, beside those that are on their way: a tier that refuses what is too much
    /// is not filled by moves either. If it may, it is on its way too.
    pub(super) fn admits(&self, record: &Record, tier: Tier, incoming: &mut Incoming) -> bool {
        let settings = self.config.tier(tier);
        let store = &self.state.store;
        let Incoming(coming) = incoming;
        let items = coming[tier.index()].0 + 1;
        let bytes = coming[tier.index()].1 + u64::from(store.bytes(record.id));
        let too_many = settings.max_items.is_some_and(|limit| store.tier_len(tier) + items > limit as usize);
        let too_much = settings.max_bytes.is_some_and(|limit| store.tier_bytes(tier) + bytes > limit);
        if settings.on_limit == OnLimit::Reject && (too_many || too_much) {
            return false;
        }
        coming[tier.index()] = (items, bytes);
        true
    }

    /// Whether the tier that `record` would leave for refuses it.
    fn is_stuck(&self, record: &Record) -> bool {
        let moves_on = self.config.tier(record.tier).overflow == Overflow::Move;
        let next = record.tier.above().filter(|_| moves_on);
        next.is_some_and(|next| !self.admits(record, next, &mut Incoming::default()))
    }

    /// Whether `record` would move on if it had to leave, and may not: others leave in its place.
    fn is_held_back(&self, record: &Record, now: Timestamp) -> bool {
        self.is_stuck(record)
            && matches!(departure(&self.config, record, Reason::Capacity, None, now), Departure::Moves(_))
    }

    /// The record leaves its tier. Answers whether it does: the next tier may not take it.
    fn leave(
        &self,
        id: RecordId,
        reason: Reason,
        chosen: Option<&Candidate>,
        now: Timestamp,
        work: &mut Work,
    ) -> bool {
        let Some(record) = self.state.store.get(id) else { return false };
        let (change, event) = carried_out(id, departure(&self.config, record, reason, chosen, now));
        match &change {
            Change::Move(_, step) if !self.admits(record, step.to, &mut work.incoming) => return false,
            Change::Move(..) => work.report.moved += 1,
            _ => {
                work.report.evicted += 1;
                work.removals = work.removals.saturating_sub(1);
            }
        }
        work.changes.push(change);
        work.events.push(event);
        true
    }

    /// Storage: seal what is in the logs, merge segments, drop dead slots.
    fn tidy(&mut self, now: Timestamp, compact: bool) -> MaintenanceReport {
        let mut report = MaintenanceReport::default();
        self.flush_uses(now);
        if self.journal.is_merging() {
            return self.merge_on(report);
        }
        if self.state.dead_share() > 0.5 && self.state.store.slot_count() > 1_024 {
            self.state = self.state.rebuilt();
        }
        let garbage = self.journal.sealed_records().saturating_sub(self.journal.homed_records());
        let mostly_garbage = garbage > self.journal.homed_records() && garbage > 256;
        let seals = self.journal.wants_seal(u64::from(self.config.seal_bytes))
            || (self.journal.has_log() && (compact || mostly_garbage || self.journal.wants_merge()));
        if seals {
            self.seal();
            report.sealed += 1;
        }
        let rewrites = compact && (self.journal.segment_count() > 1 || garbage > 0);
        if !self.journal.has_log() && self.journal.begin_merge(&self.state, rewrites || mostly_garbage) {
            return self.merge_on(report);
        }
        report
    }

    /// Takes a step of the merge under way.
    fn merge_on(&mut self, mut report: MaintenanceReport) -> MaintenanceReport {
        match self.journal.merge_step(&self.state) {
            Some(sealed) => {
                self.announce_seal(sealed);
                report.sealed += 1;
            }
            None => report.more = true,
        }
        report
    }
}

impl Selection {
    fn new(excess: Excess, now: Timestamp) -> Self {
        Selection { now, resume: None, chosen: BinaryHeap::new(), chosen_bytes: 0, excess, leaving: None }
    }

    /// Takes a candidate among the chosen ones if it leaves before the last of them, or if they are not enough.
    fn offer(&mut self, candidate: Candidate, bytes: u64) {
        self.chosen.push(Chosen { candidate, bytes });
        self.chosen_bytes += bytes;
        while let Some(last) = self.chosen.peek() {
            let enough =
                self.chosen.len() > self.excess.items && self.chosen_bytes - last.bytes >= self.excess.bytes;
            if !enough {
                break;
            }
            self.chosen_bytes -= last.bytes;
            self.chosen.pop();
        }
    }
}
