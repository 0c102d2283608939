//! Transactions, by the model.

use stratamem_core::{
    Clearable, Direction, Event, Move, OnLimit, Operation, Patch, Reason, Record, RecordId, Reward, Scope,
    Tier, Timestamp, Usage,
};

use super::{Extent, LIMITED, LOOKS, Model, REMOVALS, STEP, covers, expired, removed};

impl Model {
    /// Carries a transaction out, or answers the code of the error it must end in.
    pub(crate) fn commit(
        &mut self,
        view: &Scope,
        operations: &[Operation],
        ids: &[RecordId],
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let mut after = self.clone();
        let mut touched = Vec::new();
        let mut shifted = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            // A refused transaction gave no ids out.
            let id = ids.get(index).copied().unwrap_or(RecordId(u128::MAX - index as u128));
            let shifts = after.step(self, view, operation, id, now)?;
            if shifts { shifted.push(id) } else { touched.push(id) }
        }
        // What somebody has just moved stays where it is for now.
        touched.retain(|id| !shifted.contains(id));
        after.promote(touched, now);
        let mut removals = REMOVALS + 2 * operations.len();
        after.stirred |= after.wrote;
        for at in 0..LIMITED {
            for _ in 0..=operations.len() * LOOKS / STEP {
                let mut pending = Vec::new();
                let unfinished = after.look(at, true, removals, now, &mut pending);
                removals -= removed(&pending);
                after.carry_out(pending);
                if !unfinished {
                    break;
                }
            }
        }
        *self = after;
        Ok(())
    }

    /// Answers whether the operation moved a record.
    pub(crate) fn step(
        &mut self,
        before: &Model,
        view: &Scope,
        operation: &Operation,
        made: RecordId,
        now: Timestamp,
    ) -> Result<bool, &'static str> {
        let check = |model: &Model, id, version: Option<u32>| {
            let record = model.sees(view, id, now).ok_or("not-found")?;
            let agrees = version.is_none_or(|version| version == record.version);
            if agrees { Ok(record.clone()) } else { Err("transaction-conflict") }
        };
        match operation {
            Operation::Add { record: new, vector } => {
                if new.text.trim().is_empty() {
                    return Err("invalid-argument");
                }
                // An expired record is gone for everybody, also before maintenance has removed it.
                if new.id.is_some_and(|id| self.sees(&Scope::default(), id, now).is_some()) {
                    return Err("already-exists");
                }
                let contradicts =
                    |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
                if contradicts(&view.user, &new.scope.user) || contradicts(&view.tenant, &new.scope.tenant) {
                    return Err("invalid-argument");
                }
                let scope = Scope {
                    tenant: view.tenant.clone().or(new.scope.tenant.clone()),
                    user: view.user.clone().or(new.scope.user.clone()),
                    ..Scope::default()
                };
                let kind = new.kind.clone().unwrap_or_default();
                let importance = new.importance.unwrap_or(self.config.kind(&kind.0).importance);
                let record = Record {
                    id: new.id.unwrap_or(made),
                    text: new.text.clone(),
                    kind,
                    tier: new.tier.unwrap_or(self.config.default_tier),
                    tier_since: now,
                    surprise: before.surprise(&scope, vector.as_deref(), now),
                    scope,
                    actor: new.actor.clone(),
                    occurred_at: now,
                    recorded_at: now,
                    importance,
                    tags: new.tags.clone(),
                    metadata: new.metadata.clone(),
                    usage: Usage::default(),
                    moves: Vec::new(),
                    pinned: new.pinned,
                    expires_at: new.expires_at,
                    source: None,
                    origins: Vec::new(),
                    summary: false,
                    version: 1,
                };
                let (id, tier) = (record.id, record.tier);
                let replaced = self.records.insert(id, (record, vector.clone()));
                let fresh = replaced.is_none();
                if replaced.is_none_or(|(old, _)| old.tier != tier) {
                    self.check_room(Extent::Tier(tier), "tier-full")?;
                }
                if fresh {
                    self.check_room(Extent::Total, "memory-full")?;
                }
                self.events.push(Event::MemoryAdded { id, tier });
            }
            Operation::Update { id, patch, vector, if_version } => {
                let before = check(self, *id, *if_version)?;
                if **patch == Patch::default() && vector.is_none() {
                    return Ok(false);
                }
                let mut record = before.clone();
                if let Some(text) = &patch.text {
                    if text.trim().is_empty() {
                        return Err("invalid-argument");
                    }
                    record.text = text.clone();
                }
                if let Some(kind) = &patch.kind {
                    record.kind = kind.clone();
                }
                if let Some(importance) = patch.importance {
                    record.importance = importance;
                }
                if let Some(tags) = &patch.tags {
                    record.tags = tags.clone();
                }
                if let Some(pinned) = patch.pinned {
                    record.pinned = pinned;
                }
                if patch.expires_at.is_some() {
                    record.expires_at = patch.expires_at;
                }
                if patch.clear.contains(&Clearable::ExpiresAt) {
                    record.expires_at = None;
                }
                record.version += 1;
                self.events.push(Event::MemoryUpdated { id: *id, version: record.version });
                let kept = self.records[id].1.clone().filter(|_| record.text == before.text);
                self.records.insert(*id, (record, vector.clone().or(kept)));
            }
            Operation::Forget { id, if_version, .. } => {
                check(self, *id, *if_version)?;
                self.records.remove(id);
                self.events.push(Event::MemoryForgotten { id: *id });
            }
            Operation::Reward { id, value, if_version } => {
                if !(-1.0..=1.0).contains(value) {
                    return Err("invalid-argument");
                }
                check(self, *id, *if_version)?;
                let usage = &mut self.records.get_mut(id).expect("it was found").0.usage;
                let Reward { mean, count } = usage.reward.unwrap_or(Reward { mean: 0.0, count: 0 });
                let mean = mean + (value - mean) / (count + 1) as f32;
                usage.reward = Some(Reward { mean, count: count + 1 });
            }
            Operation::Move { id, direction, to, if_version } => {
                let from = check(self, *id, *if_version)?.tier;
                let next = match direction {
                    Direction::Up => Tier::ALL.into_iter().find(|tier| *tier > from),
                    Direction::Down => Tier::ALL.into_iter().rfind(|tier| *tier < from),
                };
                let to = to.or(next).ok_or("invalid-argument")?;
                if (*direction == Direction::Up && to < from) || (*direction == Direction::Down && to > from)
                {
                    return Err("invalid-argument");
                }
                if from == to {
                    return Ok(false);
                }
                self.shift(*id, Move { from, to, at: now, reason: Reason::Requested, score: None });
                self.check_room(Extent::Tier(to), "tier-full")?;
                self.wrote = true;
                return Ok(true);
            }
        }
        self.wrote = true;
        Ok(false)
    }

    /// Fails if there is too much of what refuses what is too much.
    pub(crate) fn check_room(&self, extent: Extent, code: &'static str) -> Result<(), &'static str> {
        let full = self.limits(extent).2 == OnLimit::Reject && self.excess(extent, false).is_some();
        if full { Err(code) } else { Ok(()) }
    }

    /// How unlike everything in `scope` a vector is.
    pub(crate) fn surprise(&self, scope: &Scope, vector: Option<&[f32]>, now: Timestamp) -> Option<f32> {
        let vector = vector.filter(|_| self.config.importance.surprise > 0.0)?;
        let near = |(record, other): &(Record, Option<Vec<f32>>)| {
            let other = other.as_ref().filter(|_| covers(scope, &record.scope) && !expired(record, now))?;
            Some(vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>())
        };
        let nearest = self.records.values().filter_map(near).max_by(f32::total_cmp)?;
        Some((1.0 - nearest).clamp(0.0, 1.0))
    }
}
