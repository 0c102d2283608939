//! The model: records in a map, and figures of them by looking at all.

mod commit;
mod leaving;

use std::collections::{BTreeMap, BTreeSet};

use stratamem_core::policy::{Standing, Subject, Uses, gained};
use stratamem_core::{
    Config, Demotion, Event, Evictions, Kind, KindConfig, Move, OnLimit, Precision, Reason, Record, RecordId,
    Scope, Tier, TierConfig, Timestamp, TotalConfig, Usage,
};

/// Records that the engine looks at in one step.
pub(crate) const STEP: usize = 1_024;
/// Records that it moves in one step because of their time or their rule.
pub(crate) const MOVES: usize = 256;
/// Records that it removes in one step.
pub(crate) const REMOVALS: usize = 32;
/// Records that a commit looks at for each of its operations.
pub(crate) const LOOKS: usize = 4;
/// Time between two rounds of judging.
pub(crate) const ROUND: i64 = 600_000;

/// What can have limits: three tiers, the kinds, everything.
pub(crate) const LIMITED: usize = 7;

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Extent {
    Tier(Tier),
    Kind(&'static str),
    Total,
}

/// In the order in which they are looked at.
pub(crate) const EXTENTS: [Extent; LIMITED] = [
    Extent::Tier(Tier::Working),
    Extent::Tier(Tier::Intermediate),
    Extent::Tier(Tier::LongTerm),
    Extent::Kind(Kind::EPISODIC),
    Extent::Kind("note"),
    Extent::Kind(Kind::SEMANTIC),
    Extent::Total,
];

pub(crate) type Rows = BTreeMap<RecordId, (Record, Option<Vec<f32>>)>;
/// Where a record stands in the order of its tier.
pub(crate) type Place = (Timestamp, RecordId);

/// What becomes of a record.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Moves(Move),
    Gone(Event),
}

/// The search for those who leave a tier, when it takes several steps.
#[derive(Clone)]
pub(crate) struct Search {
    pub(crate) now: Timestamp,
    pub(crate) resume: Option<Place>,
    pub(crate) seen: Vec<Ranked>,
    pub(crate) items: usize,
    pub(crate) bytes: u64,
    /// Whether all were seen, so that only those who leave are kept.
    pub(crate) over: bool,
}

/// A record in the queue of those who leave.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    pub(crate) id: RecordId,
    pub(crate) step: usize,
    pub(crate) figure: f64,
    pub(crate) urgency: f64,
    pub(crate) idle: f64,
    pub(crate) bytes: u64,
}

/// What is counted from opening to closing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) hits: [u64; 3],
    pub(crate) came: [u64; 3],
    pub(crate) went: [u64; 3],
    pub(crate) evicted: [Evictions; 3],
}

/// What the memory should be.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) config: Config,
    pub(crate) records: Rows,
    /// The records as the last commit left them: reads since then live in the process alone.
    pub(crate) committed: Rows,
    /// As the last acknowledged batch left them.
    pub(crate) durable: Rows,
    /// Whether the command under way has changed anything that is logged.
    pub(crate) wrote: bool,
    pub(crate) searches: [Option<Search>; LIMITED],
    pub(crate) warned: [bool; LIMITED],
    /// Per tier, how far those were asked whose time is over, and whether anything has changed since.
    pub(crate) asked: [Option<Place>; 3],
    pub(crate) stirred: bool,
    /// The round of judging under way, and when the last one ended.
    pub(crate) round: (usize, Option<Place>),
    pub(crate) round_ended: Option<Timestamp>,
    /// What is to be told once it is durable.
    pub(crate) events: Vec<Event>,
    pub(crate) tally: Tally,
}

impl Model {
    pub(crate) fn new(config: Config) -> Model {
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
    pub(crate) fn restart(&mut self) {
        let Model { config, records, committed, durable, .. } =
            std::mem::replace(self, Model::new(Config::default()));
        *self = Model { records, committed, durable, ..Model::new(config) };
    }

    pub(crate) fn held(&self, tier: Tier) -> impl Iterator<Item = &Record> {
        self.records.values().map(|(record, _)| record).filter(move |record| record.tier == tier)
    }

    pub(crate) fn belongs(extent: Extent, record: &Record) -> bool {
        match extent {
            Extent::Tier(tier) => record.tier == tier,
            Extent::Kind(kind) => record.kind.0 == kind,
            Extent::Total => true,
        }
    }

    /// Number and bytes of the records that a limit is about.
    pub(crate) fn measure(&self, extent: Extent) -> (usize, u64) {
        let records = self.records.values().map(|(record, _)| record);
        let weights = records.filter(|record| Model::belongs(extent, record)).map(|one| self.weight(one.id));
        weights.fold((0, 0), |(items, bytes), weight| (items + 1, bytes + weight))
    }

    /// The limits of items and bytes, and what happens beyond them.
    pub(crate) fn limits(&self, extent: Extent) -> (Option<u32>, Option<u64>, OnLimit) {
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
    pub(crate) fn place(extent: Extent, record: &Record) -> Place {
        match extent {
            Extent::Tier(_) => (record.tier_since, record.id),
            Extent::Kind(_) => (record.recorded_at, record.id),
            Extent::Total => (Timestamp(0), record.id),
        }
    }

    /// The records of a tier, longest resident first.
    pub(crate) fn queue(&self, tier: Tier) -> Vec<&Record> {
        let mut queue: Vec<&Record> = self.held(tier).collect();
        queue.sort_by_key(|record| (record.tier_since, record.id));
        queue
    }

    pub(crate) fn bytes(&self, tier: Tier) -> u64 {
        self.held(tier).map(|record| self.weight(record.id)).sum()
    }

    /// What a record takes, worked out from its parts.
    pub(crate) fn weight(&self, id: RecordId) -> u64 {
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
    pub(crate) fn target(&self, known: &[RecordId], number: u16) -> RecordId {
        let pick = usize::from(number / 16);
        let there = self.records.keys().nth(pick % self.records.len().max(1)).copied();
        let ever = known.get(pick % known.len().max(1)).copied();
        there.filter(|_| !number.is_multiple_of(16)).or(ever).unwrap_or(RecordId(5))
    }

    pub(crate) fn sees(&self, view: &Scope, id: RecordId, now: Timestamp) -> Option<&Record> {
        let (record, _) = self.records.get(&id)?;
        (covers(view, &record.scope) && !expired(record, now)).then_some(record)
    }

    /// The records are used: each with the share of the answer that it gave.
    pub(crate) fn touch(&mut self, uses: &[(RecordId, f32)], now: Timestamp) {
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
    pub(crate) fn promote(&mut self, ids: Vec<RecordId>, now: Timestamp) {
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

    pub(crate) fn subject<'a>(&self, record: &'a Record) -> Subject<'a> {
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

    pub(crate) fn standing(&self, record: &Record, now: Timestamp) -> Standing {
        let subject = self.subject(record);
        let KindConfig { resistance, .. } = self.config.kind(subject.kind);
        let decay = self.config.decay(subject.kind);
        Standing {
            importance: self.config.importance.importance(&subject, now),
            retention: decay.retention(&subject.uses, resistance * subject.merit, now),
        }
    }

    /// How far a record fulfils the rule by which records rise from `tier`.
    pub(crate) fn score(&self, record: &Record, tier: Tier, now: Timestamp) -> f64 {
        self.config.rule(tier).score(&self.subject(record), self.standing(record, now), now)
    }

    pub(crate) fn judged(&self, record: &Record, now: Timestamp) -> Option<Move> {
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
    pub(crate) fn lapse(&self, record: &Record, now: Timestamp) -> Option<(Tier, f64, f64)> {
        let Demotion { margin, after } = self.config.tier(record.tier).demote?;
        let to = below(record.tier)?;
        let stayed = now.0 - record.tier_since.0;
        (stayed >= after.0).then(|| (to, self.score(record, to, now), 1.0 - margin))
    }

    /// Whether a record may move to a tier, beside those that will.
    pub(crate) fn admits(&self, id: RecordId, to: Tier, pending: &[(RecordId, Fate)]) -> bool {
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

    pub(crate) fn carry_out(&mut self, pending: Vec<(RecordId, Fate)>) {
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

    pub(crate) fn shift(&mut self, id: RecordId, step: Move) {
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
}

/// How many of the records are to be removed.
pub(crate) fn removed(pending: &[(RecordId, Fate)]) -> usize {
    pending.iter().filter(|(_, fate)| matches!(fate, Fate::Gone(_))).count()
}

pub(crate) fn covers(view: &Scope, own: &Scope) -> bool {
    let part = |view: &Option<String>, own: &Option<String>| view.is_none() || view == own;
    part(&view.user, &own.user) && part(&view.tenant, &own.tenant)
}

pub(crate) fn expired(record: &Record, now: Timestamp) -> bool {
    record.expires_at.is_some_and(|at| at <= now)
}

pub(crate) fn above(tier: Tier) -> Option<Tier> {
    match tier {
        Tier::Working => Some(Tier::Intermediate),
        Tier::Intermediate => Some(Tier::LongTerm),
        Tier::LongTerm => None,
    }
}

pub(crate) fn below(tier: Tier) -> Option<Tier> {
    match tier {
        Tier::Working => None,
        Tier::Intermediate => Some(Tier::Working),
        Tier::LongTerm => Some(Tier::Intermediate),
    }
}
