//! Policies of the host: the engine shows figures, the host decides, the engine carries out. Nothing of the host runs
//! inside the engine.

use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::config::OnLimit;
use crate::engine::Engine;
use crate::engine::maintain::Incoming;
use crate::engine::retention::{carried_out, departure, moved, promotion, standing};
use crate::error::CommandError;
use crate::model::{Kind, Move, Reason, RecordId, Tier, Timestamp};
use crate::persist::Change;

/// What a policy of the host sees of a record: figures, never its text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Which record.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// Where it lives.
    pub tier: Tier,
    /// Since when.
    pub tier_since: Timestamp,
    /// When the memory learnt of it.
    pub recorded_at: Timestamp,
    /// How often it was used.
    pub access_count: u32,
    /// When it was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_access: Option<Timestamp>,
    /// Its importance as policies see it, 0 to 1.
    pub importance: f64,
    /// How much of it is left, 0 to 1.
    pub retention: f64,
    /// What recalls have owed to it, 0 to 1.
    pub merit: f32,
    /// Bytes it takes.
    pub bytes: u32,
    /// How far it fulfils the configured rule of promotion: 1 is enough.
    pub promotion: f64,
    /// Whether it was sent back and has to earn its way up again.
    pub on_probation: bool,
}

/// Some figures, and where to go on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FiguresPage {
    /// Of records of the tier, longest resident first. Pinned ones are left out.
    pub figures: Vec<Figures>,
    /// Where the next page starts, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<(Timestamp, RecordId)>,
}

impl Engine {
    /// Figures of records of a tier after `after`, of `limit` records at most.
    pub fn figures(
        &self,
        tier: Tier,
        after: Option<(Timestamp, RecordId)>,
        limit: usize,
        now: Timestamp,
    ) -> FiguresPage {
        let mut seen = 0;
        let mut last = None;
        let mut figures = Vec::new();
        for record in self.state.store.tier_after(tier, after).take(limit) {
            seen += 1;
            last = Some((record.tier_since, record.id));
            if record.pinned || record.is_expired(now) {
                continue;
            }
            let standing = standing(&self.config, record, now);
            figures.push(Figures {
                id: record.id,
                kind: record.kind.clone(),
                tier,
                tier_since: record.tier_since,
                recorded_at: record.recorded_at,
                access_count: record.usage.count,
                last_access: record.usage.last(),
                importance: standing.importance,
                retention: standing.retention,
                merit: record.usage.merit,
                bytes: self.state.store.bytes(record.id),
                promotion: promotion(&self.config, record, now),
                on_probation: record.is_on_probation(),
            });
        }
        FiguresPage { figures, next: last.filter(|_| seen == limit) }
    }

    /// Promotes records that a policy of the host has judged worthy, each with the score it gave. Answers how many
    /// moved: not those that are pinned, in the last tier or gone by now.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn promote_judged(
        &mut self,
        judged: &[(RecordId, f64)],
        now: Timestamp,
    ) -> Result<u32, CommandError> {
        self.check_writable()?;
        let (mut changes, mut events) = (Vec::new(), Vec::new());
        let mut incoming = Incoming::default();
        let mut seen = FxHashSet::default();
        for (id, score) in judged.iter().filter(|(id, _)| seen.insert(*id)) {
            let Some(record) =
                self.state.store.get(*id).filter(|record| !record.pinned && !record.is_expired(now))
            else {
                continue;
            };
            let Some(to) = record.tier.above().filter(|to| self.admits(record, *to, &mut incoming)) else {
                continue;
            };
            let step = Move { from: record.tier, to, at: now, reason: Reason::Earned, score: Some(*score) };
            changes.push(Change::Move(*id, step));
            events.push(moved(*id, &step));
        }
        let moves = changes.len() as u32;
        self.record(changes, events, now);
        Ok(moves)
    }

    /// How many records and bytes a tier holds too much, if the host chooses who leaves it.
    pub fn overfull(&self, tier: Tier) -> Option<(usize, u64)> {
        let settings = self.config.tier(tier);
        if settings.on_limit != OnLimit::Host {
            return None;
        }
        let items = settings
            .max_items
            .map_or(0, |limit| self.state.store.tier_len(tier).saturating_sub(limit as usize));
        let bytes =
            settings.max_bytes.map_or(0, |limit| self.state.store.tier_bytes(tier).saturating_sub(limit));
        (items > 0 || bytes > 0).then_some((items, bytes))
    }

    /// Makes records leave their tier that a policy of the host has chosen: they move on or are evicted, as the tier is
    /// configured. Answers how many did.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn dismiss(&mut self, chosen: &[RecordId], now: Timestamp) -> Result<u32, CommandError> {
        self.check_writable()?;
        let (mut changes, mut events) = (Vec::new(), Vec::new());
        let mut incoming = Incoming::default();
        let mut seen = FxHashSet::default();
        for record in chosen
            .iter()
            .filter(|id| seen.insert(**id))
            .filter_map(|id| self.state.store.get(*id))
            .filter(|record| !record.pinned)
        {
            let (change, event) =
                carried_out(record.id, departure(&self.config, record, Reason::Capacity, None, now));
            if !matches!(&change, Change::Move(_, step) if !self.admits(record, step.to, &mut incoming)) {
                changes.push(change);
                events.push(event);
            }
        }
        let left = changes.len() as u32;
        self.record(changes, events, now);
        Ok(left)
    }
}
