//! The policies at work: what they make of a record, and what follows from it. Decides; [`crate::engine::maintain`]
//! and the commands carry out.

use crate::config::{Config, Demotion, Overflow};
use crate::engine::event::Event;
use crate::model::{Move, Reason, Record, RecordId, Tier, Timestamp};
use crate::persist::Change;
use crate::policy::{Candidate, EvictionPolicy, EvictionStep, Standing, Subject, Uses};

/// What policies know of `record`.
pub(super) fn subject(record: &Record) -> Subject<'_> {
    Subject {
        id: record.id,
        kind: &record.kind.0,
        tier: record.tier,
        tier_since: record.tier_since,
        uses: Uses { made: record.recorded_at, count: record.usage.count, recent: &record.usage.recent },
        importance: record.importance,
        merit: f64::from(record.usage.merit),
        reward: record.usage.reward.map(|reward| f64::from(reward.mean)),
        surprise: record.surprise.map(f64::from),
        expires_at: record.expires_at,
    }
}

/// Importance and retention of `record` at `now`.
pub(super) fn standing(config: &Config, record: &Record, now: Timestamp) -> Standing {
    let subject = subject(record);
    let kind = config.kind(subject.kind);
    Standing {
        importance: config.importance.importance(&subject, now),
        retention: config.decay(subject.kind).retention(&subject.uses, kind.resistance * subject.merit, now),
    }
}

/// How far `record` fulfils the rule of its tier: 1 is enough for the next one.
pub(super) fn promotion(config: &Config, record: &Record, now: Timestamp) -> f64 {
    config.rule(record.tier).score(&subject(record), standing(config, record, now), now)
}

/// How far `record` fulfils the rule by which it would get into its tier, and what becomes of it below which score.
pub(super) fn demotion(config: &Config, record: &Record, now: Timestamp) -> Option<(Tier, f64, f64)> {
    let Demotion { margin, after } = config.tier(record.tier).demote?;
    let below = record.tier.below()?;
    if now.since(record.tier_since) < after {
        return None;
    }
    let score = config.rule(below).score(&subject(record), standing(config, record, now), now);
    Some((below, score, 1.0 - margin))
}

/// The move that `record` has earned or suffers at `now`, apart from limits.
pub(super) fn judged(config: &Config, record: &Record, now: Timestamp) -> Option<Move> {
    if record.pinned || record.is_expired(now) {
        return None;
    }
    let from = record.tier;
    if let Some(to) = from.above() {
        let score = promotion(config, record, now);
        if score >= 1.0 {
            return Some(Move { from, to, at: now, reason: Reason::Earned, score: Some(score) });
        }
    }
    let (to, score, least) = demotion(config, record, now)?;
    (score < least).then_some(Move { from, to, at: now, reason: Reason::Lapsed, score: Some(score) })
}

/// Where `record` stands in the queue of those that leave by `steps`.
pub(super) fn candidate(
    config: &Config,
    steps: &[EvictionStep],
    record: &Record,
    now: Timestamp,
) -> Candidate {
    Candidate::new(steps, &subject(record), standing(config, record, now), now)
}

/// What becomes of a record that leaves its tier because of a limit.
pub(super) enum Departure {
    /// It moves on.
    Moves(Move),
    /// It is evicted.
    Evicted(Event),
}

/// Decides between moving on and being evicted. `chosen` is what the eviction policy made of the record, if one chose
/// it.
pub(super) fn departure(
    config: &Config,
    record: &Record,
    reason: Reason,
    chosen: Option<&Candidate>,
    now: Timestamp,
) -> Departure {
    let settings = config.tier(record.tier);
    let policy = chosen.and_then(|candidate| candidate.policy);
    let figure = chosen.map(|candidate| candidate.figure);
    let evicted = |reason, policy: Option<EvictionPolicy>, score| {
        Departure::Evicted(Event::MemoryEvicted { id: record.id, tier: record.tier, reason, policy, score })
    };
    let Some(to) = record.tier.above().filter(|_| settings.overflow == Overflow::Move) else {
        return evicted(reason, policy, figure);
    };
    let retention = standing(config, record, now).retention;
    if retention < settings.forget_below || (record.is_on_probation() && promotion(config, record, now) < 1.0)
    {
        return evicted(Reason::Faded, None, Some(retention));
    }
    Departure::Moves(Move { from: record.tier, to, at: now, reason, score: figure })
}

/// The event of a move.
pub(super) fn moved(id: RecordId, step: &Move) -> Event {
    let Move { from, to, reason, score, .. } = *step;
    if to > from {
        Event::MemoryPromoted { id, from, to, reason, score }
    } else {
        Event::MemoryDemoted { id, from, to, reason, score }
    }
}

/// The change and the event of a departure.
pub(super) fn carried_out(id: RecordId, departure: Departure) -> (Change, Event) {
    match departure {
        Departure::Moves(step) => (Change::Move(id, step), moved(id, &step)),
        Departure::Evicted(event) => (Change::Remove(id), event),
    }
}
