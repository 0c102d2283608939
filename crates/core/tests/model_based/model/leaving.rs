//! Who leaves and who is moved, by the model: limits, times to live, rounds of judging.

use stratamem_core::policy::{EvictionPolicy, EvictionStep, Rule};
use stratamem_core::{Event, Move, OnLimit, Overflow, Reason, Record, RecordId, Tier, Timestamp};

use super::{
    EXTENTS, Extent, Fate, LIMITED, MOVES, Model, REMOVALS, ROUND, Ranked, STEP, Search, above, expired,
    removed,
};

impl Model {
    /// How many records and bytes are too much, if that is enough for somebody to mind.
    pub(crate) fn excess(&self, extent: Extent, with_slack: bool) -> Option<(usize, u64)> {
        let (max_items, max_bytes, _) = self.limits(extent);
        let held = self.measure(extent);
        let over = |held: u64, limit: u64| {
            let room = if with_slack { limit + limit / 8 } else { limit };
            if held > room { held - limit } else { 0 }
        };
        let items = max_items.map_or(0, |limit| over(held.0 as u64, limit.into()));
        let bytes = max_bytes.map_or(0, |limit| over(held.1, limit));
        (items > 0 || bytes > 0).then_some((items as usize, bytes))
    }

    /// Who leaves first.
    pub(crate) fn steps(&self, extent: Extent) -> Vec<EvictionStep> {
        let worth = EvictionStep { policy: EvictionPolicy::LowWorth, below: None, above: None, kind: None };
        if let Extent::Tier(tier) = extent { self.config.steps(tier).to_vec() } else { vec![worth] }
    }

    /// Where a record stands among those who leave.
    pub(crate) fn ranked(&self, extent: Extent, record: &Record, now: Timestamp) -> Ranked {
        let since = |moment: Timestamp| (now.0 - moment.0).max(0) as f64;
        let idle = record.usage.recent.iter().copied().chain([record.recorded_at]).max().map_or(0.0, since);
        let (subject, standing) = (self.subject(record), self.standing(record, now));
        let steps = self.steps(extent);
        let mut found = (steps.len(), idle, idle);
        for (index, step) in steps.iter().enumerate() {
            let of_kind = step.kind.as_ref().is_none_or(|kind| *kind == record.kind.0);
            let Some(figure) = step.policy.figure(&subject, standing, now) else { continue };
            let within = step.below.is_none_or(|limit| figure < limit)
                && step.above.is_none_or(|limit| figure > limit);
            if of_kind && within {
                use EvictionPolicy::{Age, Fifo, Lru, Pressure};
                let highest_first = matches!(step.policy, Lru | Fifo | Age | Pressure);
                found = (index, figure, if highest_first { figure } else { 0.0 - figure });
                break;
            }
        }
        let (step, figure, urgency) = found;
        Ranked { id: record.id, step, figure, urgency, idle, bytes: self.weight(record.id) }
    }

    /// What becomes of a record that leaves its tier.
    pub(crate) fn fate(
        &self,
        record: &Record,
        reason: Reason,
        chosen: Option<&Ranked>,
        now: Timestamp,
    ) -> Fate {
        let settings = self.config.tier(record.tier);
        let (id, tier) = (record.id, record.tier);
        let score = chosen.map(|chosen| chosen.figure);
        let Some(to) = above(tier).filter(|_| settings.overflow == Overflow::Move) else {
            let steps = self.config.steps(tier);
            let policy = chosen.and_then(|chosen| Some(steps.get(chosen.step)?.policy));
            return Fate::Gone(Event::MemoryEvicted { id, tier, reason, policy, score });
        };
        let retention = self.standing(record, now).retention;
        let on_probation = record.moves.last().is_some_and(|last| last.reason == Reason::Lapsed);
        let failed = on_probation && self.score(record, tier, now) < 1.0;
        if retention < settings.forget_below || failed {
            let (reason, policy, score) = (Reason::Faded, None, Some(retention));
            return Fate::Gone(Event::MemoryEvicted { id, tier, reason, policy, score });
        }
        Fate::Moves(Move { from: tier, to, at: now, reason, score })
    }

    /// Whether a record that had to leave would move on, to a tier that has no room for it.
    pub(crate) fn is_stuck(&self, record: &Record, now: Timestamp) -> bool {
        let fate = self.fate(record, Reason::Capacity, None, now);
        matches!(&fate, Fate::Moves(step) if !self.admits(record.id, step.to, &[]))
    }

    pub(crate) fn leave(
        &self,
        id: RecordId,
        reason: Reason,
        chosen: Option<&Ranked>,
        now: Timestamp,
        pending: &mut Vec<(RecordId, Fate)>,
    ) -> bool {
        let fate = self.fate(&self.records[&id].0, reason, chosen, now);
        let refused = matches!(&fate, Fate::Moves(step) if !self.admits(id, step.to, pending));
        if !refused {
            pending.push((id, fate));
        }
        !refused
    }

    /// Takes one step of keeping to a limit again. Answers whether it needs another one.
    pub(crate) fn look(
        &mut self,
        at: usize,
        with_slack: bool,
        removals: usize,
        now: Timestamp,
        pending: &mut Vec<(RecordId, Fate)>,
    ) -> bool {
        let extent = EXTENTS[at];
        match self.limits(extent).2 {
            OnLimit::Evict => {}
            OnLimit::Warn | OnLimit::Reject => {
                let over = self.excess(extent, false).is_some();
                if over && !self.warned[at] {
                    let (items, bytes) = self.measure(extent);
                    let items = items as u32;
                    self.events.push(match extent {
                        Extent::Tier(tier) => Event::TierLimitReached { tier, items, bytes },
                        _ => Event::TotalLimitReached { items, bytes },
                    });
                }
                self.warned[at] = over;
                return false;
            }
            OnLimit::Host => return false,
        }
        let begun = self.searches[at].take().or_else(|| {
            let (items, bytes) = self.excess(extent, with_slack)?;
            Some(Search { now, resume: None, seen: Vec::new(), items, bytes, over: false })
        });
        let Some(mut search) = begun else { return false };
        if !search.over && !self.search(extent, &mut search, now) {
            self.searches[at] = Some(search);
            return true;
        }
        // Much can have happened since the search began.
        let (mut items, mut bytes) = self.excess(extent, false).unwrap_or_default();
        let mut left = STEP;
        while items > 0 || bytes > 0 {
            if left == 0 || removed(pending) == removals {
                self.searches[at] = Some(search);
                return true;
            }
            left -= 1;
            if search.seen.is_empty() {
                return false;
            }
            let ranked = search.seen.remove(0);
            let Some((record, _)) = self.records.get(&ranked.id) else { continue };
            if record.pinned || !Model::belongs(extent, record) {
                continue;
            }
            let (id, tier) = (record.id, record.tier);
            let left = match extent {
                Extent::Tier(_) => self.leave(id, Reason::Capacity, Some(&ranked), now, pending),
                Extent::Kind(_) | Extent::Total => {
                    let (policy, score) = (Some(EvictionPolicy::LowWorth), Some(ranked.figure));
                    let of_all = extent == Extent::Total;
                    let reason = if of_all { Reason::TotalLimit } else { Reason::KindLimit };
                    pending.push((id, Fate::Gone(Event::MemoryEvicted { id, tier, reason, policy, score })));
                    true
                }
            };
            if left {
                items = items.saturating_sub(1);
                bytes = bytes.saturating_sub(ranked.bytes);
            }
        }
        false
    }

    /// Looks at some records. Answers whether it has seen all of them and knows who leaves, in order.
    pub(crate) fn search(&self, extent: Extent, search: &mut Search, now: Timestamp) -> bool {
        let place = |record: &Record| Model::place(extent, record);
        let mut next: Vec<&Record> = self
            .records
            .values()
            .map(|(record, _)| record)
            .filter(|record| Model::belongs(extent, record))
            .filter(|record| search.resume.is_none_or(|after| place(record) > after))
            .collect();
        next.sort_by_key(|record| place(record));
        next.truncate(STEP);
        search.resume = next.last().map(|record| place(record)).or(search.resume);
        let choice = next.iter().filter(|record| !record.pinned && self.can_leave(extent, record, now));
        search.seen.extend(choice.map(|record| self.ranked(extent, record, search.now)));
        if next.len() == STEP {
            return false;
        }
        search.seen.sort_by(|a, b| {
            let by_step = a.step.cmp(&b.step);
            by_step
                .then(b.urgency.total_cmp(&a.urgency))
                .then(b.idle.total_cmp(&a.idle))
                .then(a.id.cmp(&b.id))
        });
        let (mut items, mut bytes) = (0, 0);
        let enough = search.seen.iter().position(|ranked| {
            (items, bytes) = (items + 1, bytes + ranked.bytes);
            items >= search.items && bytes >= search.bytes
        });
        search.seen.truncate(enough.map_or(usize::MAX, |last| last + 1));
        search.over = true;
        true
    }

    pub(crate) fn can_leave(&self, extent: Extent, record: &Record, now: Timestamp) -> bool {
        !matches!(extent, Extent::Tier(_)) || !self.is_stuck(record, now)
    }

    /// Whether time alone can move records of a tier.
    pub(crate) fn ripens(&self, tier: Tier) -> bool {
        fn grows(rule: &Rule) -> bool {
            match rule {
                Rule::Age { .. } => true,
                Rule::Hybrid { age, .. } => *age > 0.0,
                Rule::All(rules) | Rule::Any(rules) => rules.iter().any(grows),
                _ => false,
            }
        }
        grows(self.config.rule(tier)) || self.config.tier(tier).demote.is_some()
    }

    /// Judges the next records of a round. Answers whether it needs another step.
    pub(crate) fn judge_some(&mut self, now: Timestamp, pending: &mut Vec<(RecordId, Fate)>) -> bool {
        let waits = self.round_ended.is_some_and(|ended| now.0 < ended.0 + ROUND);
        if self.round == (0, None) && waits {
            return false;
        }
        let mut left = STEP;
        for at in self.round.0..3 {
            let (_, resume) = self.round;
            let tier = Tier::ALL[at];
            let queue = if self.ripens(tier) { self.queue(tier) } else { Vec::new() };
            let next: Vec<&Record> = queue
                .into_iter()
                .filter(|record| resume.is_none_or(|after| (record.tier_since, record.id) > after))
                .take(left)
                .collect();
            let mut last = None;
            for record in &next {
                let step = self.judged(record, now);
                left -= 1;
                last = Some((record.tier_since, record.id));
                if let Some(step) = step.filter(|step| self.admits(record.id, step.to, pending)) {
                    pending.push((record.id, Fate::Moves(step)));
                    if pending.len() >= MOVES {
                        left = 0;
                        break;
                    }
                }
            }
            if left == 0 {
                self.round = (at, last.or(resume));
                return true;
            }
            self.round = (at + 1, None);
        }
        self.round = (0, None);
        self.round_ended = Some(now);
        false
    }

    /// Everything that is due. Answers how many records moved, expired and were evicted.
    pub(crate) fn maintain(&mut self, now: Timestamp) -> (u32, u32, u32) {
        let mut report = (0, 0, 0);
        loop {
            let mut pending: Vec<(RecordId, Fate)> = Vec::new();
            let mut unfinished = false;
            let mut gone: Vec<&Record> = self
                .records
                .values()
                .map(|(record, _)| record)
                .filter(|record| expired(record, now))
                .collect();
            gone.sort_by_key(|record| (record.expires_at, record.id));
            for record in gone.into_iter().take(REMOVALS) {
                let event = Event::MemoryExpired { id: record.id, tier: record.tier };
                pending.push((record.id, Fate::Gone(event)));
            }
            for tier in Tier::ALL {
                let Some(ttl) = self.config.tier(tier).ttl else { continue };
                let mut asked = self.asked[tier.index()];
                let place = |record: &Record| (record.tier_since, record.id);
                let waits = |record: &&Record| asked.is_none_or(|after| place(record) > after);
                let due = self.queue(tier).into_iter().filter(waits);
                let due = due.filter(|record| record.tier_since.0 + ttl.0 <= now.0);
                for (count, record) in due.collect::<Vec<_>>().into_iter().enumerate() {
                    if count == STEP || removed(&pending) == REMOVALS || pending.len() >= MOVES {
                        unfinished = true;
                        break;
                    }
                    asked = Some(place(record));
                    if !record.pinned && !expired(record, now) {
                        self.leave(record.id, Reason::Ttl, None, now, &mut pending);
                    }
                }
                self.asked[tier.index()] = asked;
            }
            if pending.is_empty() && !unfinished {
                unfinished |= self.judge_some(now, &mut pending);
            }
            for at in 0..LIMITED {
                if pending.is_empty() && !unfinished {
                    unfinished = self.look(at, false, REMOVALS, now, &mut pending);
                }
            }
            if pending.is_empty() && !unfinished {
                // Once more from the start, if anything that happened may have made room.
                let asked = std::mem::take(&mut self.asked);
                if !(std::mem::take(&mut self.stirred) && asked.iter().any(Option::is_some)) {
                    return report;
                }
            }
            for (_, fate) in &pending {
                match fate {
                    Fate::Moves(_) => report.0 += 1,
                    Fate::Gone(Event::MemoryExpired { .. }) => report.1 += 1,
                    Fate::Gone(_) => report.2 += 1,
                }
            }
            self.carry_out(pending);
        }
    }
}
