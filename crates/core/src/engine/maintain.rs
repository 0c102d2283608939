//! Maintenance: what is due, in pieces that a host can afford.
//!
//! Each call of [`Engine::maintain`] takes one step and says whether more is due, so that the host, which has a
//! clock, can stop when its budget is spent.

use serde::Serialize;

use crate::engine::Engine;
use crate::engine::event::{Event, Reason};
use crate::engine::txn::moved;
use crate::error::CommandError;
use crate::model::{RecordId, Span, Tier, Timestamp};
use crate::persist::Change;
use crate::policy::{Resident, overflow};

/// Records that one step moves or removes at most because of their age.
const STEP: usize = 512;
/// A tier this share over its limit is brought back by the commit that finds it so.
const SLACK: usize = 8;

/// What one step did, or several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceReport {
    /// Records moved to another tier.
    pub moved: u32,
    /// Records removed because their time had come.
    pub expired: u32,
    /// Records removed because of the limits of the last tier.
    pub evicted: u32,
    /// Segments written.
    pub sealed: u32,
    /// Whether more is due now.
    pub more: bool,
}

#[derive(Default)]
struct Work {
    changes: Vec<Change>,
    events: Vec<Event>,
    report: MaintenanceReport,
}

impl Engine {
    /// Takes one step of what is due at `now`: expiry, then the tiers' TTLs and limits, then storage. With `compact`,
    /// storage is rewritten without anything that was forgotten, even if that is not due.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn maintain(&mut self, now: Timestamp, compact: bool) -> Result<MaintenanceReport, CommandError> {
        self.check_writable()?;
        let mut work = Work::default();
        self.expire(now, &mut work);
        for tier in Tier::ALL {
            self.outstayed(tier, now, &mut work);
        }
        if work.changes.is_empty() {
            for tier in Tier::ALL {
                self.overflowing(tier, 0, now, &mut work);
            }
        }
        if !work.changes.is_empty() {
            let mut report = work.report;
            self.settle(work, now);
            report.more = true;
            return Ok(report);
        }
        Ok(self.tidy(now, compact))
    }

    /// When maintenance is next useful, or nothing if nothing will become due by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.state.store.expiring().next().map(|(at, _)| at);
        let leaving = Tier::ALL.into_iter().filter_map(|tier| {
            let ttl = self.config.limits(tier).ttl?;
            Some(self.state.store.tier(tier).find(|record| !record.pinned)?.tier_since + ttl)
        });
        leaving.chain(expiry).min()
    }

    /// Brings back tiers that a commit left well over their limit.
    pub(super) fn relieve(&mut self, now: Timestamp) {
        let mut work = Work::default();
        for tier in Tier::ALL {
            let slack = self.config.limits(tier).max_items.map_or(0, |limit| limit as usize / SLACK);
            self.overflowing(tier, slack, now, &mut work);
            if !work.changes.is_empty() {
                // Carried out before the next tier is looked at, which may overflow in turn.
                self.settle(std::mem::take(&mut work), now);
            }
        }
    }

    fn expire(&self, now: Timestamp, work: &mut Work) {
        let due = self.state.store.expiring().take_while(|(at, _)| *at <= now).take(STEP);
        for (_, id) in due {
            work.changes.push(Change::Remove(id));
            work.events.push(Event::MemoryExpired { id });
            work.report.expired += 1;
        }
    }

    fn outstayed(&self, tier: Tier, now: Timestamp, work: &mut Work) {
        let Some(ttl) = self.config.limits(tier).ttl else { return };
        let due = self.state.store.tier(tier).take_while(|record| record.tier_since + ttl <= now);
        let due = due.filter(|record| !record.pinned && !record.is_expired(now));
        for id in due.map(|record| record.id).take(STEP) {
            work.leave(id, tier, now, Reason::Ttl);
        }
    }

    fn overflowing(&self, tier: Tier, slack: usize, now: Timestamp, work: &mut Work) {
        let Some(limit) = self.config.limits(tier).max_items.map(|limit| limit as usize) else { return };
        let held = self.state.store.tier_len(tier);
        if held <= limit + slack {
            return;
        }
        let residents = self.state.store.tier(tier).filter(|record| !record.pinned).map(|record| Resident {
            id: record.id,
            age: Span(now.since(record.tier_since).0),
            importance: record.importance,
        });
        for resident in overflow(residents, held - limit) {
            work.leave(resident.id, tier, now, Reason::Capacity);
        }
    }

    fn settle(&mut self, work: Work, now: Timestamp) {
        self.record(work.changes, work.events, now);
    }

    /// Storage: seal what is in the logs, merge segments, drop dead slots.
    fn tidy(&mut self, now: Timestamp, compact: bool) -> MaintenanceReport {
        let mut report = MaintenanceReport::default();
        self.flush_accesses(now);
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
        if !self.journal.has_log()
            && let Some(sealed) = self.journal.merge(&self.state, rewrites || mostly_garbage)
        {
            self.announce_seal(sealed);
            report.sealed += 1;
        }
        report
    }
}

impl Work {
    /// The record moves on to the next tier, or out of the last one.
    fn leave(&mut self, id: RecordId, tier: Tier, now: Timestamp, reason: Reason) {
        match tier.above() {
            Some(next) => {
                self.changes.push(Change::Move(id, next, now));
                self.events.push(moved(id, tier, next, reason));
                self.report.moved += 1;
            }
            None => {
                self.changes.push(Change::Remove(id));
                self.events.push(Event::MemoryEvicted { id, tier, reason });
                self.report.evicted += 1;
            }
        }
    }
}
