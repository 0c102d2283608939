//! Policies of the host: the engine shows figures, the host decides, the engine carries out. Nothing of the host runs
//! inside the engine.

use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::config::OnLimit;
use crate::engine::Engine;
use crate::engine::budget::{Budget, Extent};
use crate::engine::maintain::Incoming;
use crate::engine::retention::{moved, promotion, standing};
use crate::error::CommandError;
use crate::model::{Kind, Move, Reason, Record, RecordId, Tier, Timestamp};
use crate::persist::Change;
use crate::policy::Candidate;

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
            figures.push(self.figures_of(record, now));
        }
        FiguresPage { figures, next: last.filter(|_| seen == limit) }
    }

    fn figures_of(&self, record: &Record, now: Timestamp) -> Figures {
        let standing = standing(&self.config, record, now);
        Figures {
            id: record.id,
            kind: record.kind.clone(),
            tier: record.tier,
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
        }
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

    /// Whom a policy of the host has still to rank: a page of `limit` records of `tier` at most, if the tier holds too much
    /// and the host decides who leaves it ([`OnLimit::Host`]). Nothing if there is nobody to rank. What is ranked is kept
    /// between pages, and the next call gives the next page.
    pub fn unranked(&mut self, tier: Tier, limit: usize, now: Timestamp) -> Option<Vec<Figures>> {
        let at = self.chosen_by_host(tier)?;
        let under_way = self.budgets[at].selection.take();
        let mut selection = under_way.or_else(|| self.begun(&self.budgets[at], 0, now))?;
        let extent = &self.budgets[at].extent;
        let mut seen = 0;
        let mut page = Vec::new();
        if !selection.complete {
            for record in self.of(extent, selection.resume).take(limit) {
                seen += 1;
                selection.resume = Some(extent.place(record));
                if self.may_leave(extent, record, now) && !record.is_expired(now) {
                    page.push(self.figures_of(record, selection.now));
                }
            }
        }
        let ranked = selection.complete;
        selection.complete = seen < limit;
        self.budgets[at].selection = Some(selection);
        (!ranked).then_some(page)
    }

    /// Takes how urgently records should leave `tier`, highest first, none of them NaN. Once all were ranked,
    /// [`Engine::maintain`] lets as many leave as must: they move on or are evicted, as the tier is configured.
    pub fn rank(&mut self, tier: Tier, urgencies: &[(RecordId, f64)]) {
        let Some(at) = self.chosen_by_host(tier) else { return };
        let Some(selection) = &mut self.budgets[at].selection else { return };
        for (id, urgency) in urgencies.iter().filter(|(_, urgency)| !urgency.is_nan()) {
            selection.offer(Candidate::custom(*id, *urgency), self.state.store.bytes(*id));
        }
    }

    /// The budget of a tier whose evictions the host decides.
    fn chosen_by_host(&self, tier: Tier) -> Option<usize> {
        let is_it = |budget: &Budget| budget.on_limit == OnLimit::Host && budget.extent == Extent::Tier(tier);
        self.budgets.iter().position(is_it)
    }
}
