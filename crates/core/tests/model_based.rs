//! The engine against a naive model of what a memory is: a map of records, and what its configuration makes of them.
//!
//! The model knows no index, no order that is kept and no change that is logged: it looks at everything with loops and
//! sorts. The formulas alone are those of [`stratamem_core::policy`], which `policies.rs` checks against definitions.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stratamem_core::policy::{
    Decay, EvictionPolicy, EvictionStep, ImportanceWeights, Rule, Standing, Subject, Uses, gained,
};
use stratamem_core::{
    Clearable, Config, Demotion, Direction, Event, Evictions, Kind, KindConfig, Move, NewRecord, OnLimit,
    Operation, Overflow, Patch, Precision, Query, Reason, Record, RecordId, Reward, Scope, Span, Tier,
    TierConfig, Timestamp, TotalConfig, Usage, Value,
};
use support::{Host, LONG_AGO, START, commits, contents, space, user, verbatim};

/// Records that the engine looks at in one step.
const STEP: usize = 1_024;
/// Records that it moves in one step because of their time or their rule.
const MOVES: usize = 256;
/// Records that it removes in one step.
const REMOVALS: usize = 32;
/// Records that a commit looks at for each of its operations.
const LOOKS: usize = 4;
/// Time between two rounds of judging.
const ROUND: i64 = 600_000;

/// What can have limits: three tiers, the kinds, everything.
const LIMITED: usize = 7;

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Extent {
    Tier(Tier),
    Kind(&'static str),
    Total,
}

/// In the order in which they are looked at.
const EXTENTS: [Extent; LIMITED] = [
    Extent::Tier(Tier::Working),
    Extent::Tier(Tier::Intermediate),
    Extent::Tier(Tier::LongTerm),
    Extent::Kind(Kind::EPISODIC),
    Extent::Kind("note"),
    Extent::Kind(Kind::SEMANTIC),
    Extent::Total,
];

/// One thing that is done to a memory. Records are named by a number, taken modulo how many there are.
#[derive(Debug, Clone)]
enum Command {
    Commit {
        view: u8,
        steps: Vec<Step>,
    },
    Get {
        view: u8,
        target: u16,
    },
    Recall {
        view: u8,
        word: u8,
    },
    Maintain {
        compact: bool,
    },
    /// Time passes.
    Wait(i64),
    /// Writes what the engine wants written.
    Persist,
    /// Closes the memory carefully and opens it again.
    Reopen,
    /// Opens it again without a word to the engine.
    Crash,
}

#[derive(Debug, Clone)]
enum Step {
    Add(Draft),
    /// Adds a record under the id of one that may exist.
    AddAgain(u16, Draft),
    Update {
        target: u16,
        draft: Draft,
        fields: u8,
        version: Option<u32>,
    },
    Forget {
        target: u16,
        version: Option<u32>,
    },
    Move {
        target: u16,
        direction: Direction,
        to: Option<Tier>,
        version: Option<u32>,
    },
    Reward {
        target: u16,
        value: f32,
        version: Option<u32>,
    },
}

#[derive(Debug, Clone)]
struct Draft {
    word: u8,
    blank: bool,
    /// Spaces after the text.
    padding: u16,
    kind: Option<&'static str>,
    tier: Option<Tier>,
    owner: u8,
    importance: Option<u8>,
    pinned: bool,
    /// Milliseconds until it expires.
    lives: Option<i64>,
    axis: Option<u8>,
}

const WORDS: [&str; 5] = ["amber", "basalt", "cobalt", "dolomite", "emerald"];
/// A kind of its own is configured; the others are built in.
const KINDS: [&str; 3] = ["note", Kind::SEMANTIC, Kind::EPISODIC];

fn owner(number: u8) -> Scope {
    match number % 4 {
        0 => Scope::default(),
        1 => user("1"),
        2 => user("10"),
        _ => Scope { tenant: Some("t".into()), ..user("1") },
    }
}

type Rows = BTreeMap<RecordId, (Record, Option<Vec<f32>>)>;
/// Where a record stands in the order of its tier.
type Place = (Timestamp, RecordId);

/// What becomes of a record.
#[derive(Debug, Clone)]
enum Fate {
    Moves(Move),
    Gone(Event),
}

/// The search for those who leave a tier, when it takes several steps.
#[derive(Clone)]
struct Search {
    now: Timestamp,
    resume: Option<Place>,
    seen: Vec<Ranked>,
    items: usize,
    bytes: u64,
    /// Whether all were seen, so that only those who leave are kept.
    over: bool,
}

/// A record in the queue of those who leave.
#[derive(Debug, Clone)]
struct Ranked {
    id: RecordId,
    step: usize,
    figure: f64,
    urgency: f64,
    idle: f64,
    bytes: u64,
}

/// What is counted from opening to closing.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tally {
    asked: u64,
    answered: u64,
    hits: [u64; 3],
    came: [u64; 3],
    went: [u64; 3],
    evicted: [Evictions; 3],
}

/// What the memory should be.
#[derive(Clone)]
struct Model {
    config: Config,
    records: Rows,
    /// The records as the last commit left them: reads since then live in the process alone.
    committed: Rows,
    /// As the last acknowledged batch left them.
    durable: Rows,
    /// Whether the command under way has changed anything that is logged.
    wrote: bool,
    searches: [Option<Search>; LIMITED],
    warned: [bool; LIMITED],
    /// Per tier, how far those were asked whose time is over, and whether anything has changed since.
    asked: [Option<Place>; 3],
    stirred: bool,
    /// The round of judging under way, and when the last one ended.
    round: (usize, Option<Place>),
    round_ended: Option<Timestamp>,
    /// What is to be told once it is durable.
    events: Vec<Event>,
    tally: Tally,
}

impl Model {
    fn new(config: Config) -> Model {
        Model {
            config,
            records: Rows::new(),
            committed: Rows::new(),
            durable: Rows::new(),
            wrote: false,
            searches: [const { None }; LIMITED],
            warned: [false; LIMITED],
            asked: [None; 3],
            stirred: false,
            round: (0, None),
            round_ended: None,
            events: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// What a process forgets that ends.
    fn restart(&mut self) {
        let Model { config, records, committed, durable, .. } =
            std::mem::replace(self, Model::new(Config::default()));
        *self = Model { records, committed, durable, ..Model::new(config) };
    }

    fn held(&self, tier: Tier) -> impl Iterator<Item = &Record> {
        self.records.values().map(|(record, _)| record).filter(move |record| record.tier == tier)
    }

    fn belongs(extent: Extent, record: &Record) -> bool {
        match extent {
            Extent::Tier(tier) => record.tier == tier,
            Extent::Kind(kind) => record.kind.0 == kind,
            Extent::Total => true,
        }
    }

    /// Number and bytes of the records that a limit is about.
    fn measure(&self, extent: Extent) -> (usize, u64) {
        let records = self.records.values().map(|(record, _)| record);
        let weights = records.filter(|record| Model::belongs(extent, record)).map(|one| self.weight(one.id));
        weights.fold((0, 0), |(items, bytes), weight| (items + 1, bytes + weight))
    }

    /// The limits of items and bytes, and what happens beyond them.
    fn limits(&self, extent: Extent) -> (Option<u32>, Option<u64>, OnLimit) {
        match extent {
            Extent::Tier(tier) => {
                let TierConfig { max_items, max_bytes, on_limit, .. } = self.config.tier(tier);
                (*max_items, *max_bytes, *on_limit)
            }
            Extent::Kind(kind) => {
                let KindConfig { max_items, max_bytes, .. } = self.config.kind(kind);
                (max_items, max_bytes, OnLimit::Evict)
            }
            Extent::Total => {
                let TotalConfig { max_items, max_bytes, on_limit } = self.config.total;
                (max_items, max_bytes, on_limit)
            }
        }
    }

    /// Where a record stands in the order in which it is looked at.
    fn place(extent: Extent, record: &Record) -> Place {
        match extent {
            Extent::Tier(_) => (record.tier_since, record.id),
            Extent::Kind(_) => (record.recorded_at, record.id),
            Extent::Total => (Timestamp(0), record.id),
        }
    }

    /// The records of a tier, longest resident first.
    fn queue(&self, tier: Tier) -> Vec<&Record> {
        let mut queue: Vec<&Record> = self.held(tier).collect();
        queue.sort_by_key(|record| (record.tier_since, record.id));
        queue
    }

    fn bytes(&self, tier: Tier) -> u64 {
        self.held(tier).map(|record| self.weight(record.id)).sum()
    }

    /// What a record takes, worked out from its parts.
    fn weight(&self, id: RecordId) -> u64 {
        let (record, vector) = &self.records[&id];
        let mut bytes = 560 + record.text.len() + record.kind.0.len();
        for part in [&record.actor, &record.source, &record.scope.tenant, &record.scope.user] {
            bytes += part.as_ref().map_or(0, |text| 24 + text.len());
        }
        bytes += record.tags.iter().map(|tag| 24 + tag.len()).sum::<usize>();
        // The only metadata is a number or nothing.
        bytes += record.metadata.keys().map(|name| 32 + name.len() + 8).sum::<usize>();
        // Each component as a float and as a step or as a step alone, and what goes with them. All tiers are alike.
        let components = if self.config.working.precision == Precision::F32 { 5 } else { 1 };
        bytes += vector.as_ref().map_or(0, |vector| components * vector.len() + 20);
        let words: BTreeSet<&str> = record
            .text
            .split_whitespace()
            .chain(record.tags.iter().map(String::as_str))
            .chain(record.actor.as_deref())
            .collect();
        // Day, month and year are words too.
        (bytes + 19 * (words.len() + 3)) as u64
    }

    /// The id that a number stands for: mostly of a record that is there, else one that was ever given out.
    fn target(&self, known: &[RecordId], number: u16) -> RecordId {
        let pick = usize::from(number / 16);
        let there = self.records.keys().nth(pick % self.records.len().max(1)).copied();
        let ever = known.get(pick % known.len().max(1)).copied();
        there.filter(|_| !number.is_multiple_of(16)).or(ever).unwrap_or(RecordId(5))
    }

    fn sees(&self, view: &Scope, id: RecordId, now: Timestamp) -> Option<&Record> {
        let (record, _) = self.records.get(&id)?;
        (covers(view, &record.scope) && !expired(record, now)).then_some(record)
    }

    /// The records are used: each with the share of the answer that it gave.
    fn touch(&mut self, uses: &[(RecordId, f32)], now: Timestamp) {
        self.tally.asked += 1;
        self.tally.answered += u64::from(!uses.is_empty());
        for (id, share) in uses {
            let (record, _) = self.records.get_mut(id).expect("it was found");
            let Usage { count, recent, merit, .. } = &mut record.usage;
            *count += 1;
            recent.push(now);
            recent.sort_by_key(|moment| std::cmp::Reverse(*moment));
            recent.truncate(4);
            *merit = gained(*merit, *share);
            self.tally.hits[record.tier.index()] += 1;
        }
        self.promote(uses.iter().map(|(id, _)| *id).collect(), now);
    }

    /// Those of the records that have earned it rise.
    fn promote(&mut self, ids: Vec<RecordId>, now: Timestamp) {
        let mut pending: Vec<(RecordId, Fate)> = Vec::new();
        for id in ids {
            let known = pending.iter().any(|(other, _)| *other == id);
            let Some((record, _)) = self.records.get(&id).filter(|_| !known) else { continue };
            let earned = self.judged(record, now).filter(|step| step.reason == Reason::Earned);
            if let Some(step) = earned.filter(|step| self.admits(id, step.to, &pending)) {
                pending.push((id, Fate::Moves(step)));
            }
        }
        self.carry_out(pending);
    }

    fn subject<'a>(&self, record: &'a Record) -> Subject<'a> {
        Subject {
            id: record.id,
            kind: &record.kind.0,
            tier: record.tier,
            tier_since: record.tier_since,
            uses: Uses { made: record.recorded_at, count: record.usage.count, recent: &record.usage.recent },
            importance: record.importance,
            merit: record.usage.merit.into(),
            reward: record.usage.reward.map(|reward| reward.mean.into()),
            surprise: record.surprise.map(f64::from),
            expires_at: record.expires_at,
        }
    }

    fn standing(&self, record: &Record, now: Timestamp) -> Standing {
        let subject = self.subject(record);
        let KindConfig { resistance, .. } = self.config.kind(subject.kind);
        let decay = self.config.decay(subject.kind);
        Standing {
            importance: self.config.importance.importance(&subject, now),
            retention: decay.retention(&subject.uses, resistance * subject.merit, now),
        }
    }

    /// How far a record fulfils the rule by which records rise from `tier`.
    fn score(&self, record: &Record, tier: Tier, now: Timestamp) -> f64 {
        self.config.rule(tier).score(&self.subject(record), self.standing(record, now), now)
    }

    fn judged(&self, record: &Record, now: Timestamp) -> Option<Move> {
        if record.pinned || expired(record, now) {
            return None;
        }
        let from = record.tier;
        if let Some(to) = above(from) {
            let score = self.score(record, from, now);
            if score >= 1.0 {
                return Some(Move { from, to, at: now, reason: Reason::Earned, score: Some(score) });
            }
        }
        let (to, score, least) = self.lapse(record, now)?;
        (score < least).then_some(Move { from, to, at: now, reason: Reason::Lapsed, score: Some(score) })
    }

    /// What would send a record back: where to, its score, and the score below which it goes.
    fn lapse(&self, record: &Record, now: Timestamp) -> Option<(Tier, f64, f64)> {
        let Demotion { margin, after } = self.config.tier(record.tier).demote?;
        let to = below(record.tier)?;
        let stayed = now.0 - record.tier_since.0;
        (stayed >= after.0).then(|| (to, self.score(record, to, now), 1.0 - margin))
    }

    /// Whether a record may move to a tier, beside those that will.
    fn admits(&self, id: RecordId, to: Tier, pending: &[(RecordId, Fate)]) -> bool {
        let TierConfig { max_items, max_bytes, on_limit, .. } = self.config.tier(to);
        if *on_limit != OnLimit::Reject {
            return true;
        }
        let coming: Vec<RecordId> = pending
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Moves(step) if step.to == to))
            .map(|(id, _)| *id)
            .chain([id])
            .collect();
        let items = self.held(to).count() + coming.len();
        let bytes = self.bytes(to) + coming.iter().map(|id| self.weight(*id)).sum::<u64>();
        max_items.is_none_or(|limit| items <= limit as usize) && max_bytes.is_none_or(|limit| bytes <= limit)
    }

    fn carry_out(&mut self, pending: Vec<(RecordId, Fate)>) {
        self.wrote |= !pending.is_empty();
        self.stirred |= !pending.is_empty();
        for (id, fate) in pending {
            match fate {
                Fate::Moves(step) => self.shift(id, step),
                Fate::Gone(event) => {
                    match event {
                        Event::MemoryExpired { tier, .. } => self.tally.evicted[tier.index()].expired += 1,
                        Event::MemoryEvicted { tier, reason, .. } => {
                            let evicted = &mut self.tally.evicted[tier.index()];
                            match reason {
                                Reason::Capacity => evicted.capacity += 1,
                                Reason::Ttl => evicted.ttl += 1,
                                Reason::Faded => evicted.faded += 1,
                                Reason::KindLimit => evicted.kind_limit += 1,
                                Reason::TotalLimit => evicted.total_limit += 1,
                                other => panic!("nothing is evicted because of {other:?}"),
                            }
                        }
                        _ => {}
                    }
                    self.records.remove(&id);
                    self.events.push(event);
                }
            }
        }
    }

    fn shift(&mut self, id: RecordId, step: Move) {
        let Move { from, to, at, reason, score } = step;
        let (record, _) = self.records.get_mut(&id).expect("it is there");
        assert_eq!(record.tier, from);
        (record.tier, record.tier_since) = (to, at);
        record.moves.push(step);
        let surplus = record.moves.len().saturating_sub(8);
        record.moves.drain(..surplus);
        self.tally.went[from.index()] += 1;
        self.tally.came[to.index()] += 1;
        self.events.push(if to > from {
            Event::MemoryPromoted { id, from, to, reason, score }
        } else {
            Event::MemoryDemoted { id, from, to, reason, score }
        });
    }

    /// Carries a transaction out, or answers the code of the error it must end in.
    fn commit(
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
    fn step(
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
    fn check_room(&self, extent: Extent, code: &'static str) -> Result<(), &'static str> {
        let full = self.limits(extent).2 == OnLimit::Reject && self.excess(extent, false).is_some();
        if full { Err(code) } else { Ok(()) }
    }

    /// How unlike everything in `scope` a vector is.
    fn surprise(&self, scope: &Scope, vector: Option<&[f32]>, now: Timestamp) -> Option<f32> {
        let vector = vector.filter(|_| self.config.importance.surprise > 0.0)?;
        let near = |(record, other): &(Record, Option<Vec<f32>>)| {
            let other = other.as_ref().filter(|_| covers(scope, &record.scope) && !expired(record, now))?;
            Some(vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>())
        };
        let nearest = self.records.values().filter_map(near).max_by(f32::total_cmp)?;
        Some((1.0 - nearest).clamp(0.0, 1.0))
    }

    /// How many records and bytes are too much, if that is enough for somebody to mind.
    fn excess(&self, extent: Extent, with_slack: bool) -> Option<(usize, u64)> {
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
    fn steps(&self, extent: Extent) -> Vec<EvictionStep> {
        let worth = EvictionStep { policy: EvictionPolicy::LowWorth, below: None, above: None, kind: None };
        if let Extent::Tier(tier) = extent { self.config.steps(tier).to_vec() } else { vec![worth] }
    }

    /// Where a record stands among those who leave.
    fn ranked(&self, extent: Extent, record: &Record, now: Timestamp) -> Ranked {
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
    fn fate(&self, record: &Record, reason: Reason, chosen: Option<&Ranked>, now: Timestamp) -> Fate {
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
    fn is_stuck(&self, record: &Record, now: Timestamp) -> bool {
        let fate = self.fate(record, Reason::Capacity, None, now);
        matches!(&fate, Fate::Moves(step) if !self.admits(record.id, step.to, &[]))
    }

    fn leave(
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
    fn look(
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
    fn search(&self, extent: Extent, search: &mut Search, now: Timestamp) -> bool {
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

    fn can_leave(&self, extent: Extent, record: &Record, now: Timestamp) -> bool {
        !matches!(extent, Extent::Tier(_)) || !self.is_stuck(record, now)
    }

    /// Whether time alone can move records of a tier.
    fn ripens(&self, tier: Tier) -> bool {
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
    fn judge_some(&mut self, now: Timestamp, pending: &mut Vec<(RecordId, Fate)>) -> bool {
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
    fn maintain(&mut self, now: Timestamp) -> (u32, u32, u32) {
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

/// How many of the records are to be removed.
fn removed(pending: &[(RecordId, Fate)]) -> usize {
    pending.iter().filter(|(_, fate)| matches!(fate, Fate::Gone(_))).count()
}

fn covers(view: &Scope, own: &Scope) -> bool {
    let part = |view: &Option<String>, own: &Option<String>| view.is_none() || view == own;
    part(&view.user, &own.user) && part(&view.tenant, &own.tenant)
}

fn expired(record: &Record, now: Timestamp) -> bool {
    record.expires_at.is_some_and(|at| at <= now)
}

fn above(tier: Tier) -> Option<Tier> {
    match tier {
        Tier::Working => Some(Tier::Intermediate),
        Tier::Intermediate => Some(Tier::LongTerm),
        Tier::LongTerm => None,
    }
}

fn below(tier: Tier) -> Option<Tier> {
    match tier {
        Tier::Working => None,
        Tier::Intermediate => Some(Tier::Working),
        Tier::LongTerm => Some(Tier::Intermediate),
    }
}

/// One-hot, so that bringing it to unit length changes nothing.
fn vector(axis: u8) -> Vec<f32> {
    let mut vector = vec![0.0; 4];
    vector[usize::from(axis) % 4] = if axis > 3 { -1.0 } else { 1.0 };
    vector
}

fn new_record(draft: &Draft, now: Timestamp) -> NewRecord {
    let word = WORDS[usize::from(draft.word) % WORDS.len()];
    NewRecord {
        text: if draft.blank {
            " ".into()
        } else {
            format!("{word} stone{}", " ".repeat(draft.padding.into()))
        },
        kind: draft.kind.map(|kind| Kind(kind.to_owned())),
        tier: draft.tier,
        scope: owner(draft.owner),
        actor: draft.pinned.then(|| "Ada".into()),
        importance: draft.importance.map(|importance| f64::from(importance) / 255.0),
        tags: vec![word.to_owned()],
        metadata: [("axis".to_owned(), draft.axis.map_or(Value::Null, |axis| f64::from(axis).into()))].into(),
        pinned: draft.pinned,
        expires_at: draft.lives.map(|lives| now + Span(lives)),
        ..NewRecord::default()
    }
}

fn operation(step: &Step, model: &Model, known: &[RecordId], now: Timestamp) -> Operation {
    match step {
        Step::Add(draft) => {
            Operation::Add { record: Box::new(new_record(draft, now)), vector: draft.axis.map(vector) }
        }
        Step::AddAgain(target, draft) => {
            let id = Some(model.target(known, *target));
            let record = NewRecord { id, ..new_record(draft, now) };
            Operation::Add { record: Box::new(record), vector: draft.axis.map(vector) }
        }
        Step::Update { target, draft, fields, version } => {
            let new = new_record(draft, now);
            let wants = |bit: u8| fields & (1 << bit) != 0;
            let patch = Patch {
                text: wants(0).then_some(new.text),
                importance: new.importance.filter(|_| wants(1)),
                tags: wants(2).then_some(new.tags),
                pinned: wants(3).then_some(new.pinned),
                expires_at: new.expires_at.filter(|_| wants(4)),
                clear: if wants(5) { vec![Clearable::ExpiresAt] } else { Vec::new() },
                kind: new.kind.filter(|_| wants(7)),
                ..Patch::default()
            };
            let vector = draft.axis.filter(|_| wants(6)).map(vector);
            let id = model.target(known, *target);
            Operation::Update { id, patch: Box::new(patch), vector, if_version: *version }
        }
        Step::Forget { target, version } => {
            Operation::Forget { id: model.target(known, *target), vector: None, if_version: *version }
        }
        Step::Move { target, direction, to, version } => Operation::Move {
            id: model.target(known, *target),
            direction: *direction,
            to: *to,
            if_version: *version,
        },
        Step::Reward { target, value, version } => {
            Operation::Reward { id: model.target(known, *target), value: *value, if_version: *version }
        }
    }
}

/// An engine and its model.
struct Pair {
    host: Host,
    model: Model,
    known: Vec<RecordId>,
    now: Timestamp,
    /// Whether the two are compared.
    check: bool,
    answers: Vec<String>,
}

impl Pair {
    fn new(config: &Config, check: bool) -> Pair {
        Pair {
            host: Host::new(config.clone()),
            model: Model::new(config.clone()),
            known: Vec::new(),
            now: START,
            check,
            answers: Vec::new(),
        }
    }

    fn take(&mut self, command: &Command) {
        let before = commits(&self.host.engine);
        self.model.wrote = false;
        self.carry_out(command);
        // A commit takes the reads before it along.
        let wrote = commits(&self.host.engine) > before;
        assert!(wrote || !self.model.wrote, "a change was not logged");
        if wrote {
            self.model.committed = self.model.records.clone();
        }
        match command {
            Command::Persist => {
                self.host.persist();
                self.model.durable = self.model.committed.clone();
                let mut told = self.host.engine.drain_events();
                told.retain(|event| !matches!(event, Event::SegmentSealed { .. }));
                let expected = std::mem::take(&mut self.model.events);
                if self.check {
                    assert_eq!(told, expected);
                }
                self.answers.push(format!("{told:?}"));
            }
            Command::Reopen => {
                let report = self.host.reopen(self.now);
                self.model.committed = self.model.records.clone();
                self.model.durable = self.model.records.clone();
                self.model.restart();
                assert_eq!((report.torn_bytes, report.leftovers.len()), (0, 0));
            }
            Command::Crash => {
                self.host.crash();
                self.model.records = self.model.durable.clone();
                self.model.committed = self.model.durable.clone();
                self.model.restart();
            }
            _ => {}
        }
        if self.check {
            self.compare();
        }
    }

    fn carry_out(&mut self, command: &Command) {
        let Pair { host, model, known, now, check, answers } = self;
        let now = *now;
        match command {
            Command::Commit { view, steps } => {
                let view = owner(*view);
                let operations: Vec<Operation> =
                    steps.iter().map(|step| operation(step, model, known, now)).collect();
                let space = space(4);
                let result = host.engine.commit(&view, Some(&space), operations.clone(), now);
                let ids = result.as_ref().map_or(Vec::new(), |outcome| outcome.ids.clone());
                let code = model.commit(&view, &operations, &ids, now);
                if *check {
                    assert_eq!(result.as_ref().map(|_| ()).map_err(|error| error.code().name()), code);
                }
                answers.push(format!("{result:?}"));
                known.extend(ids.into_iter().filter(|id| !known.contains(id)).collect::<Vec<_>>());
            }
            Command::Get { view, target } => {
                let (view, id) = (owner(*view), model.target(known, *target));
                let found = host.engine.get(&view, id, now, true);
                if *check {
                    assert_eq!(found.as_ref(), model.sees(&view, id, now));
                }
                // Nobody asked a question, so nothing is owed to the answer.
                model.touch(&found.iter().map(|record| (record.id, 0.0)).collect::<Vec<_>>(), now);
                answers.push(format!("{found:?}"));
            }
            Command::Recall { view, word } => {
                let view = owner(*view);
                let word = WORDS[usize::from(*word) % WORDS.len()];
                let query = Query { text: word.into(), limit: 4, ..Query::default() };
                let hits = host.engine.recall(&view, None, query, now, true).expect("a plain question");
                if *check {
                    let fits = |record: &&Record| record.text.contains(word) || record.tags[0] == word;
                    let all = model.records.keys().filter_map(|id| model.sees(&view, *id, now)).filter(fits);
                    assert_eq!(hits.len(), all.count().min(4));
                    for hit in &hits {
                        assert_eq!(Some(&hit.record), model.sees(&view, hit.record.id, now));
                    }
                }
                let uses: Vec<(RecordId, f32)> =
                    hits.iter().map(|hit| (hit.record.id, hit.score.clamp(0.0, 1.0))).collect();
                model.touch(&uses, now);
                answers.push(format!("{uses:?}"));
            }
            Command::Maintain { compact } => {
                let mut report = (0, 0, 0);
                loop {
                    let step = host.engine.maintain(now, *compact).expect("nothing has failed");
                    report = (report.0 + step.moved, report.1 + step.expired, report.2 + step.evicted);
                    if !step.more {
                        break;
                    }
                }
                let expected = model.maintain(now);
                if *check {
                    assert_eq!(report, expected);
                    let due = host.engine.next_deadline();
                    assert!(due.is_none_or(|due| due > now), "{due:?} is due at {now:?} after maintenance");
                    self.check_budgets();
                }
            }
            Command::Wait(millis) => self.now = now + Span(*millis),
            Command::Persist | Command::Reopen | Command::Crash => {}
        }
    }

    /// After maintenance nothing is over a limit that could be helped.
    fn check_budgets(&self) {
        let mut over = false;
        for extent in EXTENTS {
            let Some(excess) = self.model.excess(extent, false) else { continue };
            let on_limit = self.model.limits(extent).2;
            over |= matches!(on_limit, OnLimit::Evict | OnLimit::Host);
            if on_limit != OnLimit::Evict {
                continue;
            }
            let records = self.model.records.values().map(|(record, _)| record);
            for record in records.filter(|record| Model::belongs(extent, record) && !record.pinned) {
                let can = self.model.can_leave(extent, record, self.now);
                assert!(!can, "{extent:?} is {excess:?} too much, and {record:?} could leave");
            }
        }
        assert_eq!(self.host.engine.overfull(), over);
    }

    /// Fails unless engine and model are the same in everything that can be asked.
    fn compare(&self) {
        let Pair { host, model, now, .. } = self;
        let now = *now;
        let found = contents(&host.engine);
        for ((found, vector), (expected, expected_vector)) in found.iter().zip(model.records.values()) {
            assert_eq!(found, expected);
            assert_eq!(vector, expected_vector, "the vector of {}", found.id);
        }
        assert_eq!(found.len(), model.records.len());
        assert_eq!(host.engine.len(), model.records.len());
        for id in model.records.keys() {
            self.compare_prospects(*id);
        }
        for number in 0..4 {
            let view = owner(number);
            let seen: Vec<&Record> =
                model.records.keys().filter_map(|id| model.sees(&view, *id, now)).collect();
            let stats = host.engine.stats(&view, now);
            let count = |tier| seen.iter().filter(|record| record.tier == tier).count();
            assert_eq!(stats.records, seen.len());
            assert_eq!(
                (stats.tiers.working, stats.tiers.intermediate, stats.tiers.long_term),
                (count(Tier::Working), count(Tier::Intermediate), count(Tier::LongTerm))
            );
            // Pages of a prime size, joined, are the listing.
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = host.engine.list(&view, None, after, 3, now);
                listed.extend(page.records);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(listed.iter().collect::<Vec<_>>(), seen);
        }
        self.compare_figures();
    }

    /// What the engine says of a record's prospects.
    fn compare_prospects(&self, id: RecordId) {
        let Pair { host, model, now, .. } = self;
        let now = *now;
        let record = &model.records[&id].0;
        let told = host.engine.explain_transition(&Scope::default(), id, now);
        let Some(told) = told else {
            assert!(expired(record, now), "nothing is told of {record:?}");
            return;
        };
        let standing = model.standing(record, now);
        assert_eq!(u64::from(told.bytes), model.weight(id));
        assert_eq!((told.importance, told.retention), (standing.importance, standing.retention));
        assert_eq!(
            (told.tier, told.tier_since, told.pinned),
            (record.tier, record.tier_since, record.pinned)
        );
        assert_eq!((&told.moves, told.expires_at), (&record.moves, record.expires_at));
        let promotion = told.promotion.map(|to| (to.to, to.score, to.threshold));
        assert_eq!(promotion, above(record.tier).map(|to| (to, model.score(record, record.tier, now), 1.0)));
        let demotion = told.demotion.map(|to| (to.to, to.score, to.threshold));
        assert_eq!(demotion, model.lapse(record, now));
        assert_eq!(told.worth, standing.retention * (0.75 + 0.25 * standing.importance));
        let ranked = model.ranked(Extent::Tier(record.tier), record, now);
        let policy = model.config.steps(record.tier).get(ranked.step).map(|step| step.policy);
        let by_host = model.config.tier(record.tier).on_limit == OnLimit::Host;
        let custom = (Some(EvictionPolicy::Custom), None);
        let expected = if by_host { custom } else { (policy, Some(ranked.figure)) };
        assert_eq!((told.leaving.policy, told.leaving.figure), expected);
    }

    /// What is counted of the whole memory.
    fn compare_figures(&self) {
        let Pair { host, model, now, .. } = self;
        let stats = host.engine.stats(&Scope::default(), *now).engine.expect("the view sees everything");
        let tiers = [stats.tiers.working, stats.tiers.intermediate, stats.tiers.long_term];
        for tier in Tier::ALL {
            let figures = tiers[tier.index()];
            assert_eq!((figures.items, figures.bytes), (model.held(tier).count(), model.bytes(tier)));
        }
        let kinds = BTreeSet::from(KINDS).into_iter().map(|kind| (kind, model.measure(Extent::Kind(kind))));
        let kinds: Vec<_> = kinds.filter(|(_, held)| held.0 > 0).collect();
        let told = stats.kinds.iter().map(|kind| (kind.kind.as_str(), (kind.items, kind.bytes)));
        assert_eq!(told.collect::<Vec<_>>(), kinds);
        let counted = Tally {
            asked: stats.asked,
            answered: stats.answered,
            hits: tiers.map(|tier| tier.hits),
            came: tiers.map(|tier| tier.came),
            went: tiers.map(|tier| tier.went),
            evicted: tiers.map(|tier| tier.evicted),
        };
        assert_eq!(counted, model.tally);
    }
}

/// Runs the commands; with `check`, the model is compared after each. Answers what was stored and what was answered.
fn run(config: &Config, commands: &[Command], check: bool) -> (support::Objects, Vec<String>) {
    let mut pair = Pair::new(config, check);
    commands.iter().for_each(|command| pair.take(command));
    let Pair { mut host, mut answers, now, .. } = pair;
    host.reopen(now);
    answers.push(format!("{:?}", host.engine.list(&Scope::default(), None, None, 1_000, LONG_AGO)));
    (host.objects, answers)
}

fn draft() -> impl Strategy<Value = Draft> {
    let tier = prop::option::of(prop::sample::select(Tier::ALL.to_vec()));
    (
        (0u8..5, prop::bool::weighted(0.02), 0u16..600),
        prop::option::of(prop::sample::select(KINDS.to_vec())),
        tier,
        0u8..4,
        prop::option::weighted(0.8, any::<u8>()),
        prop::bool::weighted(0.15),
        prop::option::weighted(0.2, span()),
        prop::option::of(0u8..8),
    )
        .prop_map(|((word, blank, padding), kind, tier, owner, importance, pinned, lives, axis)| Draft {
            word,
            blank,
            padding,
            kind,
            tier,
            owner,
            importance,
            pinned,
            lives,
            axis,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let version = || prop::option::weighted(0.2, 1u32..4);
    let tier = prop::option::of(prop::sample::select(Tier::ALL.to_vec()));
    let direction = prop::sample::select(vec![Direction::Up, Direction::Down]);
    prop_oneof![
        6 => draft().prop_map(Step::Add),
        1 => (any::<u16>(), draft()).prop_map(|(target, draft)| Step::AddAgain(target, draft)),
        3 => (any::<u16>(), draft(), prop_oneof![1 => Just(0), 9 => any::<u8>()], version())
            .prop_map(|(target, draft, fields, version)| Step::Update { target, draft, fields, version }),
        2 => (any::<u16>(), version()).prop_map(|(target, version)| Step::Forget { target, version }),
        2 => (any::<u16>(), direction, tier, version())
            .prop_map(|(target, direction, to, version)| Step::Move { target, direction, to, version }),
        2 => (any::<u16>(), -1.05f32..1.05, version())
            .prop_map(|(target, value, version)| Step::Reward { target, value, version }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    // A view of everything is asked for most: it can do most.
    let view = || prop_oneof![3 => Just(0u8), 1 => 1u8..4];
    prop_oneof![
        10 => (view(), prop::collection::vec(step(), 1..5))
            .prop_map(|(view, steps)| Command::Commit { view, steps }),
        4 => (view(), any::<u16>()).prop_map(|(view, target)| Command::Get { view, target }),
        4 => (view(), 0u8..5).prop_map(|(view, word)| Command::Recall { view, word }),
        4 => prop::bool::weighted(0.15).prop_map(|compact| Command::Maintain { compact }),
        5 => span().prop_map(Command::Wait),
        4 => Just(Command::Persist),
        1 => Just(Command::Reopen),
        1 => Just(Command::Crash),
    ]
}

/// Times of every order that matters: moments of a busy agent, around the round of judging, and days.
fn span() -> impl Strategy<Value = i64> {
    const HOUR: i64 = 3_600_000;
    prop_oneof![3 => 1i64..300, 1 => 1_000i64..60_000, 2 => 300_000i64..1_200_000, 2 => HOUR..200 * HOUR]
}

fn share() -> impl Strategy<Value = f64> {
    (1u8..=20).prop_map(|twentieths| f64::from(twentieths) / 20.0)
}

fn rule() -> impl Strategy<Value = Rule> {
    let simple = || {
        let hybrid = (0u8..4, 0u8..3, span(), 0u8..4, 0u8..4, share()).prop_map(
            |(uses, age, full_age, importance, retention, threshold)| Rule::Hybrid {
                // Not all weights may be 0.
                uses: f64::from(uses) + 0.25,
                age: f64::from(age),
                full_age: Span(full_age),
                importance: f64::from(importance),
                retention: f64::from(retention),
                threshold,
            },
        );
        prop_oneof![
            1 => Just(Rule::Never),
            2 => (1u32..5).prop_map(|at_least| Rule::Uses { at_least }),
            2 => span().prop_map(|at_least| Rule::Age { at_least: Span(at_least) }),
            2 => share().prop_map(|at_least| Rule::Importance { at_least }),
            1 => share().prop_map(|at_least| Rule::Retention { at_least }),
            3 => hybrid,
        ]
    };
    let several = move || prop::collection::vec(simple(), 1..4);
    prop_oneof![
        4 => simple(),
        1 => several().prop_map(Rule::All),
        1 => several().prop_map(Rule::Any),
    ]
}

fn eviction() -> impl Strategy<Value = EvictionStep> {
    use EvictionPolicy::{Age, Fifo, Lfu, LowActivation, LowImportance, LowWorth, Lru, Pressure, Ttl};
    let policies = vec![Lru, Lfu, Fifo, Ttl, LowImportance, LowActivation, Age, Pressure, LowWorth];
    let limit = || prop::option::weighted(0.3, prop_oneof![share(), (1u8..5).prop_map(f64::from)]);
    let kind = prop::option::weighted(0.3, prop::sample::select(KINDS.to_vec()));
    (prop::sample::select(policies), limit(), limit(), kind).prop_map(|(policy, below, above, kind)| {
        EvictionStep { policy, below, above, kind: kind.map(str::to_owned) }
    })
}

fn tier(tier: Tier) -> impl Strategy<Value = TierConfig> {
    use OnLimit::{Evict, Host, Reject, Warn};
    let on_limit = prop_oneof![8 => Just(Evict), 1 => Just(Warn), 2 => Just(Reject), 1 => Just(Host)];
    let overflow = prop_oneof![4 => Just(Overflow::Move), 1 => Just(Overflow::Forget)];
    let demotion = (0u8..20, span())
        .prop_map(|(margin, after)| Demotion { margin: f64::from(margin) / 20.0, after: Span(after) });
    (
        prop::option::weighted(0.6, 2u32..10),
        prop::option::weighted(0.4, 1_500u64..12_000),
        prop::option::weighted(0.6, span()),
        on_limit,
        overflow,
        prop::option::weighted(0.7, rule()),
        prop::option::weighted(0.6, demotion),
        prop::option::weighted(0.6, prop::collection::vec(eviction(), 0..4)),
        prop_oneof![2 => Just(0.0), 1 => share()],
    )
        .prop_map(
            move |(max_items, max_bytes, ttl, on_limit, overflow, promote, demote, evict, forget_below)| {
                TierConfig {
                    max_items,
                    max_bytes,
                    ttl: ttl.map(Span),
                    on_limit,
                    overflow,
                    promote: promote.filter(|_| tier != Tier::LongTerm),
                    demote: demote.filter(|_| tier != Tier::Working),
                    evict,
                    forget_below,
                    precision: Precision::F32,
                    compress_text: tier == Tier::Intermediate,
                }
            },
        )
}

fn decay() -> impl Strategy<Value = Decay> {
    prop_oneof![
        (1u8..10, -9.0f64..1.0, share()).prop_map(|(decay, threshold, noise)| Decay::ActR {
            decay: f64::from(decay) / 10.0,
            threshold,
            noise
        }),
        (span(), 0u8..3)
            .prop_map(|(span, gain)| Decay::Ebbinghaus { stability: Span(span), gain: f64::from(gain) }),
        span().prop_map(|span| Decay::HalfLife { half_life: Span(span) }),
        Just(Decay::None),
    ]
}

/// Any configuration that is accepted.
fn config() -> impl Strategy<Value = Config> {
    let items = || prop::option::weighted(0.3, 2u32..12);
    let bytes = || prop::option::weighted(0.2, 1_500u64..20_000);
    let kind = (prop::option::of(decay()), share(), share(), items(), bytes()).prop_map(
        |(decay, resistance, importance, max_items, max_bytes)| KindConfig {
            decay,
            resistance,
            importance,
            consolidate: None,
            max_items,
            max_bytes,
        },
    );
    let kinds = prop::collection::btree_map(prop::sample::select(KINDS.to_vec()), kind, 0..3);
    let on_limit =
        prop_oneof![4 => Just(OnLimit::Evict), 1 => Just(OnLimit::Warn), 1 => Just(OnLimit::Reject)];
    let total = (items(), bytes(), on_limit).prop_map(|(max_items, max_bytes, on_limit)| TotalConfig {
        max_items,
        max_bytes,
        on_limit,
    });
    let weights =
        (0u8..3, 0u8..3, 0u8..3, 0u8..3).prop_map(|(reward, uses, recency, surprise)| ImportanceWeights {
            given: 1.0,
            reward: f64::from(reward),
            uses: f64::from(uses),
            recency: f64::from(recency),
            surprise: f64::from(surprise),
        });
    (
        (tier(Tier::Working), tier(Tier::Intermediate), tier(Tier::LongTerm)),
        (kinds, total),
        prop::option::of(weights),
        prop_oneof![3 => Just(Tier::Working), 1 => Just(Tier::Intermediate), 1 => Just(Tier::LongTerm)],
        // Vectors along an axis lose nothing in int8.
        prop_oneof![Just(Precision::F32), Just(Precision::Int8)],
    )
        .prop_map(
            |((working, intermediate, long_term), (kinds, total), weights, default_tier, precision)| Config {
                working: TierConfig { precision, ..working },
                intermediate: TierConfig { precision, ..intermediate },
                long_term: TierConfig { precision, ..long_term },
                total,
                kinds: kinds.into_iter().map(|(kind, settings)| (kind.to_owned(), settings)).collect(),
                importance: weights.unwrap_or_default(),
                default_tier,
                seal_bytes: 4_096,
                consolidation: verbatim(),
                ..Config::default()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_engine_is_the_model(config in config(), commands in prop::collection::vec(command(), 1..100)) {
        run(&config, &commands, true);
    }

    #[test]
    fn the_same_commands_give_the_same_bytes_and_answers(
        config in config(),
        commands in prop::collection::vec(command(), 1..60),
    ) {
        prop_assert_eq!(run(&config, &commands, false), run(&config, &commands, false));
    }
}

/// Tiers of several steps: searches and rounds that other commands come between.
#[test]
fn large_tiers_are_looked_at_in_steps() {
    const HOUR: i64 = 3_600_000;
    let aged = Rule::All(vec![Rule::Age { at_least: Span(HOUR) }, Rule::Importance { at_least: 0.75 }]);
    let lapses = Demotion { margin: 0.2, after: Span(2 * HOUR) };
    let config = Config {
        working: TierConfig { max_items: Some(2_200), promote: Some(aged), ..TierConfig::default() },
        intermediate: TierConfig {
            max_items: Some(2_100),
            max_bytes: Some(2_050_000),
            demote: Some(lapses),
            ..TierConfig::default()
        },
        long_term: TierConfig { max_items: Some(1_100), ..TierConfig::default() },
        seal_bytes: 1 << 18,
        consolidation: verbatim(),
        ..Config::default()
    };
    let mut pair = Pair::new(&config, false);
    let mut made = 0u32;
    let mut add = |count: u32| {
        let steps = (made..made + count).map(|number| {
            // Numbers without a pattern: the high bits of a product.
            let noise = (number.wrapping_mul(2_654_435_769) >> 8).to_le_bytes();
            Step::Add(Draft {
                word: noise[0] % 5,
                blank: false,
                padding: u16::from(noise[1]),
                kind: (noise[0] > 200).then_some(Kind::SEMANTIC),
                tier: (noise[1] > 220).then_some(Tier::Intermediate),
                owner: noise[1] % 3,
                importance: Some(noise[2]),
                pinned: noise[2] == 7,
                lives: (noise[0] % 8 == 3).then_some(2 * HOUR),
                axis: (noise[0] < 20).then_some(noise[1] % 8),
            })
        });
        let steps: Vec<Step> = steps.collect();
        made += count;
        Command::Commit { view: 0, steps }
    };
    let mut compared = 0;
    for round in 0..6u16 {
        let mut commands = vec![add(900)];
        for turn in 0..6 {
            let target = 16 * (round * 300 + turn * 37) + 1;
            let between = vec![
                Step::Forget { target, version: None },
                Step::Move {
                    target: target + 800,
                    direction: Direction::Up,
                    to: Some(Tier::LongTerm),
                    version: None,
                },
                Step::Update {
                    target: target + 1_600,
                    draft: Draft {
                        word: 0,
                        blank: false,
                        padding: 300,
                        kind: None,
                        tier: None,
                        owner: 0,
                        importance: Some(250),
                        pinned: true,
                        lives: None,
                        axis: None,
                    },
                    fields: 0b1011,
                    version: None,
                },
            ];
            commands.extend([
                Command::Wait(40),
                Command::Commit { view: 0, steps: between },
                Command::Recall { view: 0, word: turn as u8 % 5 },
                add(45),
            ]);
        }
        commands.extend([
            Command::Persist,
            Command::Wait(if round % 2 == 0 { 3 * HOUR } else { HOUR / 7 }),
            Command::Maintain { compact: false },
            Command::Persist,
        ]);
        if round == 1 {
            commands.push(Command::Reopen);
        }
        for (index, command) in commands.iter().enumerate() {
            // Comparing everything takes its time.
            pair.check = matches!(command, Command::Persist | Command::Maintain { .. }) || index == 13;
            compared += u32::from(pair.check);
            pair.take(command);
        }
    }
    let Tally { came, evicted, .. } = &pair.model.tally;
    assert!(compared > 20 && pair.model.records.len() > 4_500, "{}", pair.model.records.len());
    assert!(came.iter().all(|came| *came > 50) && evicted[2].capacity > 200, "{came:?} {evicted:?}");
    assert!(evicted.iter().map(|evicted| evicted.expired).sum::<u64>() > 200, "{evicted:?}");
}
