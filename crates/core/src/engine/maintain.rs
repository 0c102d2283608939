//! Maintenance: what is due, in pieces that a host can afford.
//!
//! Each call of [`Engine::maintain`] takes one step and says whether more is due, so that the host, which has a
//! clock, can stop when its budget is spent. A step looks at [`STEP`] records and removes [`REMOVALS`] at most, however
//! large the memory is.

use serde::Serialize;

use crate::config::{OnLimit, Overflow};
use crate::engine::Engine;
use crate::engine::event::Event;
use crate::engine::retention::{Departure, carried_out, departure, judged, moved};
use crate::error::CommandError;
use crate::model::{Reason, Record, RecordId, Span, Tier, Timestamp};
use crate::persist::Change;
use crate::policy::Candidate;
use crate::tier::Place;

/// Records that one step looks at.
pub(super) const STEP: usize = 1_024;
/// Records that one step removes: each is taken out of the index, term by term.
const REMOVALS: usize = 32;
/// Vectors that one step brings to where searches find them faster.
const SETTLED: usize = 96;
/// Records that one step moves because of their time or their rule: each is written to the log.
const MOVES: usize = 256;
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
    /// Records removed because their tier could not keep them, or because of a limit of their kind or of all tiers.
    pub evicted: u32,
    /// Records that went into others that say the same.
    pub merged: u32,
    /// Vectors of which less is kept from now on, because their tier was configured or trained so since.
    pub coarsened: u32,
    /// Segments written.
    pub sealed: u32,
    /// Whether more is due now.
    pub more: bool,
}

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

/// The way through the records whose time in their tiers is over, in the order of entry.
#[derive(Debug, Default)]
pub(super) struct Rota {
    /// Per tier, how far it has come: those before have left, or may not leave now.
    passed: [Option<Place>; 3],
    /// Whether anything has changed since it began, so that those who stayed may leave after all.
    pub(super) stirred: bool,
}

/// What a step does, gathered before it is carried out.
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

impl Work {
    /// Takes up the end of a record's time in its tier. Answers that it leaves.
    pub(super) fn take(&mut self, change: Change, event: Event) -> bool {
        if let Change::Move(..) = change {
            self.report.moved += 1;
        } else {
            self.report.evicted += 1;
            self.removals = self.removals.saturating_sub(1);
        }
        self.changes.push(change);
        self.events.push(event);
        true
    }
}

impl Engine {
    /// Takes one step of what is due at `now`: expiry, the tiers' TTLs and rules, limits, then storage. With `compact`,
    /// storage is rewritten without anything that was forgotten, even if that is not due.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write; [`CommandError::VectorsUnread`] if the step takes vectors that are
    /// in storage.
    pub fn maintain(&mut self, now: Timestamp, compact: bool) -> Result<MaintenanceReport, CommandError> {
        self.check_writable()?;
        self.begin_chores();
        let report = self.take_step(now, compact);
        let idle = MaintenanceReport { more: report.more, ..MaintenanceReport::default() };
        match self.end_chores() {
            Err(unread) if report == idle => Err(unread),
            // What else there was to do has been done.
            Err(_) => Ok(MaintenanceReport { more: true, ..report }),
            Ok(()) => Ok(report),
        }
    }

    /// One step. What lacks vectors is left as it was.
    fn take_step(&mut self, now: Timestamp, compact: bool) -> MaintenanceReport {
        self.make_room();
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
            for budget in 0..self.budgets.len() {
                self.overflowing(budget, 0, now, &mut work);
                if !work.changes.is_empty() || work.unfinished {
                    break;
                }
            }
        }
        let idle = work.changes.is_empty() && !work.unfinished;
        let report = MaintenanceReport { more: true, ..work.report };
        self.record(work.changes, work.events, now);
        if !idle || self.starts_over() {
            return report;
        }
        if let Some(coarsened) = self.coarsen_some(now) {
            return MaintenanceReport { coarsened, more: true, ..MaintenanceReport::default() };
        }
        if self.state.settle_vectors(SETTLED) || self.give_up_step() {
            return MaintenanceReport { more: true, ..MaintenanceReport::default() };
        }
        self.idle_since = Some(now);
        let report = self.tidy(now, compact);
        MaintenanceReport { more: report.more || self.store_lists() || self.store_graph(), ..report }
    }

    /// When maintenance is next useful, or nothing if nothing will become due by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.state.store.expiring().next().map(|(at, _)| at);
        let leaving = Tier::ALL.into_iter().filter_map(|tier| {
            let ttl = self.config.tier(tier).ttl?;
            let first = |after| self.state.store.tier_after(tier, after).find(|record| !record.pinned);
            let record = first(None)?;
            let due = record.tier_since + ttl;
            // Whom the next tier did not take is tried again later, not at once; those behind have times of their own.
            let Some(idle) = self.idle_since.filter(|idle| due <= *idle && self.is_stuck(record)) else {
                return Some(due);
            };
            let behind = first(Some((Timestamp(idle.0.saturating_sub(ttl.0)), RecordId(u128::MAX))));
            Some(behind.map_or(idle + ROUND, |record| (record.tier_since + ttl).min(idle + ROUND)))
        });
        let ripening =
            Tier::ALL.into_iter().any(|tier| self.ripens(tier) && self.state.store.tier_len(tier) > 0);
        let round = ripening.then(|| self.round.ended.map_or(Timestamp::MIN, |ended| ended + ROUND));
        let coarsening = self.coarsening.as_ref().map(|_| Timestamp::MIN);
        let stored = self.has_stored().then_some(Timestamp::MIN);
        leaving.chain(expiry).chain(round).chain(self.next_grouping()).chain(coarsening).chain(stored).min()
    }

    /// Keeps to the budgets that a commit of so many `operations` left well exceeded. Looks at a few records for each
    /// operation and removes two at most, so that the cost of a commit does not grow with what is held.
    pub(super) fn relieve(&mut self, operations: usize, now: Timestamp) {
        self.make_room();
        let mut removals = REMOVALS + 2 * operations;
        for budget in 0..self.budgets.len() {
            for _ in 0..=operations * LOOKS / STEP {
                let mut work = Work { removals, ..Work::default() };
                self.overflowing(budget, SLACK, now, &mut work);
                removals = work.removals;
                let unfinished = work.unfinished;
                // Carried out before the next one is looked at, which may overflow in turn.
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

    fn outstayed(&mut self, tier: Tier, now: Timestamp, work: &mut Work) {
        let Some(ttl) = self.config.tier(tier).ttl else { return };
        let mut passed = self.rota.passed[tier.index()];
        let due = self.state.store.tier_after(tier, passed);
        let mut left = STEP;
        for record in due.take_while(|record| record.tier_since + ttl <= now) {
            if left == 0 || work.removals == 0 || work.changes.len() >= MOVES {
                work.unfinished = true;
                break;
            }
            left -= 1;
            passed = Some((record.tier_since, record.id));
            if !record.pinned && !record.is_expired(now) {
                self.leave(record, Reason::Ttl, None, now, work);
            }
        }
        self.rota.passed[tier.index()] = passed;
    }

    /// Whether the rota is gone through again, since something has changed meanwhile.
    fn starts_over(&mut self) -> bool {
        let Rota { passed, stirred } = std::mem::take(&mut self.rota);
        stirred && passed.iter().any(Option::is_some)
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
                        if work.changes.len() >= MOVES {
                            left = 0;
                            break;
                        }
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
    pub(super) fn is_held_back(&self, record: &Record, now: Timestamp) -> bool {
        self.is_stuck(record)
            && matches!(departure(&self.config, record, Reason::Capacity, None, now), Departure::Moves(_))
    }

    /// The record leaves its tier. Answers whether it does: the next tier may not take it.
    pub(super) fn leave(
        &self,
        record: &Record,
        reason: Reason,
        chosen: Option<&Candidate>,
        now: Timestamp,
        work: &mut Work,
    ) -> bool {
        let (change, event) = carried_out(record.id, departure(&self.config, record, reason, chosen, now));
        let refused =
            matches!(&change, Change::Move(_, step) if !self.admits(record, step.to, &mut work.incoming));
        !refused && work.take(change, event)
    }

    /// Storage: tell of uses, seal what is in the logs, merge segments, drop dead slots. One step of it.
    fn tidy(&mut self, now: Timestamp, compact: bool) -> MaintenanceReport {
        let unfinished = MaintenanceReport { more: true, ..MaintenanceReport::default() };
        if self.flush_some(now) {
            return unfinished;
        }
        self.journal.want_compaction(compact);
        let mut report = MaintenanceReport::default();
        // What was committed during a seal that commits had begun is for one of its own.
        while self.journal.is_sealing() || (!self.journal.is_merging() && self.wants_seal()) {
            match self.seal_some(now) {
                Some(sealed) => report.sealed += sealed,
                None => return MaintenanceReport { more: true, ..report },
            }
        }
        if !self.journal.is_merging() {
            let slots = self.state.store.slot_count();
            if self.state.drop_dead_slots() {
                if self.state.store.slot_count() < slots {
                    self.look_for_stored();
                }
                return MaintenanceReport { more: true, ..report };
            }
            if !self.journal.has_log() {
                self.forget_projections();
            }
            let rewrites = self.journal.is_compacting() && (self.journal.has_runs() || self.garbage() > 0);
            if self.journal.has_log() || !self.journal.begin_merge(rewrites || self.is_mostly_garbage()) {
                if self.journal.is_compacting() && self.journal.is_empty() {
                    self.journal.drop_lists();
                    self.journal.drop_graph();
                }
                self.journal.want_compaction(false);
                return report;
            }
        }
        self.journal.manifest.uncompared = self.uncompared();
        match self.journal.merge_step(&mut self.state) {
            Some(sealed) => {
                report.sealed += self.announce_segments(&sealed);
                report.more = self.journal.is_compacting();
            }
            None => report.more = true,
        }
        report
    }

    /// Whether what is in logs is to go into segments now.
    fn wants_seal(&self) -> bool {
        let asked = self.journal.is_compacting() || self.journal.wants_merge();
        self.journal.wants_seal(u64::from(self.config.seal_bytes))
            || (self.journal.has_log() && (asked || self.is_mostly_garbage()))
    }

    /// How many records in segments are there no more, or are newer elsewhere.
    fn garbage(&self) -> u64 {
        self.journal.sealed_records().saturating_sub(self.journal.homed_records())
    }

    fn is_mostly_garbage(&self) -> bool {
        self.garbage() > self.journal.homed_records().max(256)
    }
}
