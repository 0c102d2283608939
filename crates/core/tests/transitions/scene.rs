//! What the scenarios share: moments, tiers, short forms of calls, and the formulas that figures are worked out by.

use stratamem_core::policy::Decay;
use stratamem_core::{
    Config, Direction, Event, Kind, KindConfig, NewRecord, Operation, Patch, Record, RecordId, Scope, Tier,
    TierConfig, Timestamp, Transition,
};

use crate::support::{Host, text, verbatim};

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) const WORKING: Tier = Tier::Working;
pub(crate) const INTERMEDIATE: Tier = Tier::Intermediate;
pub(crate) const LONG_TERM: Tier = Tier::LongTerm;

/// The decay of the literature, with figures that can be worked out: half is left after a week. What is built in may
/// be tuned.
pub(crate) const WEEKLY: Decay = Decay::ActR { decay: 0.5, threshold: -6.65, noise: 0.5 };

/// Tiers without any limit.
pub(crate) fn boundless() -> Config {
    let episodic = KindConfig { decay: Some(WEEKLY), ..KindConfig::default() };
    Config {
        working: TierConfig::default(),
        intermediate: TierConfig::default(),
        kinds: [(Kind::EPISODIC.to_owned(), episodic)].into(),
        consolidation: verbatim(),
        ..Config::default()
    }
}

/// What has been told since the last time, apart from what concerns storage.
pub(crate) fn told(host: &mut Host) -> Vec<Event> {
    host.persist();
    let mut events = host.engine.drain_events();
    events.retain(|event| !matches!(event, Event::SegmentSealed { .. }));
    events
}

pub(crate) fn explain(host: &Host, id: RecordId, now: Timestamp) -> Transition {
    host.engine.explain_transition(&Scope::default(), id, now).expect("the record is there")
}

pub(crate) fn record(host: &mut Host, id: RecordId, now: Timestamp) -> Option<Record> {
    host.engine.get(&Scope::default(), id, now, false)
}

pub(crate) fn tier_of(host: &mut Host, id: RecordId, now: Timestamp) -> Option<Tier> {
    record(host, id, now).map(|record| record.tier)
}

pub(crate) fn read(host: &mut Host, id: RecordId, now: Timestamp) {
    assert!(host.engine.get(&Scope::default(), id, now, true).is_some());
}

pub(crate) fn step(id: RecordId, to: Tier) -> Operation {
    let direction = if to == WORKING { Direction::Down } else { Direction::Up };
    Operation::Move { id, direction, to: Some(to), if_version: None }
}

pub(crate) fn update(id: RecordId, patch: Patch) -> Operation {
    Operation::Update { id, patch: Box::new(patch), vector: None, if_version: None }
}

pub(crate) fn forget(id: RecordId) -> Operation {
    Operation::Forget { id, vector: None, if_version: None }
}

pub(crate) fn important(importance: f64) -> NewRecord {
    NewRecord { importance: Some(importance), ..text("what is to be kept") }
}

/// The code of the error that a transaction ends in.
pub(crate) fn refused(host: &mut Host, operations: Vec<Operation>, now: Timestamp) -> Option<&'static str> {
    let outcome = host.engine.commit(&Scope::default(), None, operations, now);
    outcome.err().map(|error| error.code().name())
}

pub(crate) fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
}

/// Retention by [`WEEKLY`], `seconds` after the making, with uses so many seconds ago.
pub(crate) fn retention(seconds: f64, uses: &[f64]) -> f64 {
    let activation: f64 =
        uses.iter().chain([&seconds]).map(|age| 1.0 / age.max(1.0).sqrt()).sum::<f64>().ln();
    1.0 / (1.0 + ((-6.65 - activation) / 0.5).exp())
}

/// The share of `n` uses in the default rules.
pub(crate) fn frequency(n: i32) -> f64 {
    1.0 - (-f64::from(n) / 3.0).exp()
}
