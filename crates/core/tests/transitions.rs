//! Why records move, stay and leave: scenarios whose figures are worked out by hand.

#![allow(
    clippy::disallowed_methods,
    reason = "what is expected is worked out with other maths than the engine's"
)]

mod support;

use serde_json::{Value as Json, json};
use stratamem_core::policy::{Decay, EvictionPolicy, EvictionStep, ImportanceWeights, Rule};
use stratamem_core::{
    Config, Demotion, Direction, Event, Evictions, Kind, KindConfig, NewRecord, OnLimit, Operation, Overflow,
    Patch, Precision, Query, Reason, Record, RecordId, Scope, Span, Tier, TierConfig, TierFigures, Timestamp,
    TotalConfig, Transition,
};
use support::{Host, add, at, text, user, verbatim};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const WORKING: Tier = Tier::Working;
const INTERMEDIATE: Tier = Tier::Intermediate;
const LONG_TERM: Tier = Tier::LongTerm;

/// The decay of the literature, with figures that can be worked out: half is left after a week. What is built in may
/// be tuned.
const WEEKLY: Decay = Decay::ActR { decay: 0.5, threshold: -6.65, noise: 0.5 };

/// Tiers without any limit.
fn boundless() -> Config {
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
fn told(host: &mut Host) -> Vec<Event> {
    host.persist();
    let mut events = host.engine.drain_events();
    events.retain(|event| !matches!(event, Event::SegmentSealed { .. }));
    events
}

fn explain(host: &Host, id: RecordId, now: Timestamp) -> Transition {
    host.engine.explain_transition(&Scope::default(), id, now).expect("the record is there")
}

fn record(host: &mut Host, id: RecordId, now: Timestamp) -> Option<Record> {
    host.engine.get(&Scope::default(), id, now, false)
}

fn tier_of(host: &mut Host, id: RecordId, now: Timestamp) -> Option<Tier> {
    record(host, id, now).map(|record| record.tier)
}

fn read(host: &mut Host, id: RecordId, now: Timestamp) {
    assert!(host.engine.get(&Scope::default(), id, now, true).is_some());
}

fn step(id: RecordId, to: Tier) -> Operation {
    let direction = if to == WORKING { Direction::Down } else { Direction::Up };
    Operation::Move { id, direction, to: Some(to), if_version: None }
}

fn forget(id: RecordId) -> Operation {
    Operation::Forget { id, vector: None, if_version: None }
}

fn important(importance: f64) -> NewRecord {
    NewRecord { importance: Some(importance), ..text("what is to be kept") }
}

/// The code of the error that a transaction ends in.
fn refused(host: &mut Host, operations: Vec<Operation>, now: Timestamp) -> Option<&'static str> {
    let outcome = host.engine.commit(&Scope::default(), None, operations, now);
    outcome.err().map(|error| error.code().name())
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
}

/// Retention by [`WEEKLY`], `seconds` after the making, with uses so many seconds ago.
fn retention(seconds: f64, uses: &[f64]) -> f64 {
    let activation: f64 =
        uses.iter().chain([&seconds]).map(|age| 1.0 / age.max(1.0).sqrt()).sum::<f64>().ln();
    1.0 / (1.0 + ((-6.65 - activation) / 0.5).exp())
}

/// The share of `n` uses in the default rules.
fn frequency(n: i32) -> f64 {
    1.0 - (-f64::from(n) / 3.0).exp()
}

#[test]
fn the_third_use_earns_the_intermediate_tier_and_the_fifth_the_last_one() {
    let mut host = Host::new(Config::default());
    let id = host.add(text("a plain fact"), at(0));
    assert_eq!(told(&mut host), [Event::MemoryAdded { id, tier: WORKING }]);
    // 0.4 x 0 + 0.4 x 0.5 + 0.2 x 1 = 0.4 of 0.6.
    let before = explain(&host, id, at(0));
    close(before.promotion.expect("there is a tier above").score, 0.4 / 0.6);
    assert_eq!(
        before.summary,
        "in working since it was added; 100 % is left; 67 % of the way to intermediate"
    );

    read(&mut host, id, at(1));
    read(&mut host, id, at(2));
    // 0.4 x (1 - e^(-2/3)) + 0.4 = 0.5946 of 0.6.
    assert_eq!(tier_of(&mut host, id, at(2)), Some(WORKING));
    close(explain(&host, id, at(2)).promotion.expect("there is a tier above").score, 0.594_633 / 0.6);
    assert_eq!(told(&mut host), []);

    read(&mut host, id, at(3));
    let events = told(&mut host);
    let [Event::MemoryPromoted { id: moved, from, to, reason: Reason::Earned, score: Some(score) }] =
        events[..]
    else {
        panic!("one promotion was to be told: {events:?}");
    };
    assert_eq!((moved, from, to), (id, WORKING, INTERMEDIATE));
    // 0.4 x (1 - e^-1) + 0.4 = 0.652848 of 0.6.
    close(score, 0.652_848 / 0.6);
    let after = explain(&host, id, at(3));
    assert_eq!((after.tier, after.tier_since), (INTERMEDIATE, at(3)));
    assert_eq!(after.moves.len(), 1);
    assert_eq!((after.moves[0].at, after.moves[0].reason), (at(3), Reason::Earned));
    assert_eq!(after.moves[0].score, Some(score));
    close(after.promotion.expect("there is a tier above").score, 0.652_848 / 0.7);
    assert_eq!(
        after.summary,
        "in intermediate, from working because it had earned it; 100 % is left; 93 % of the way to long-term"
    );

    read(&mut host, id, at(4));
    assert_eq!(tier_of(&mut host, id, at(4)), Some(INTERMEDIATE), "0.694561 of 0.7");
    read(&mut host, id, at(5));
    assert_eq!(tier_of(&mut host, id, at(5)), Some(LONG_TERM), "0.724450 of 0.7");
    let last = explain(&host, id, at(5));
    assert_eq!((last.promotion, last.demotion), (None, None));
    assert_eq!(last.summary, "in long-term, from intermediate because it had earned it; 100 % is left");
    // Moves and uses are logged: they are there again after opening.
    let before = record(&mut host, id, at(6));
    host.reopen(at(6));
    assert_eq!(record(&mut host, id, at(6)), before);
}

#[test]
fn importance_needs_one_use_and_time_takes_away() {
    let mut host = Host::new(boundless());
    let id = host.add(important(0.9), at(0));
    // 0.36 + 0.2 = 0.56 of 0.6.
    close(explain(&host, id, at(0)).promotion.expect("there is a tier above").score, 0.56 / 0.6);
    let highest = host.add(important(1.0), at(0));
    assert_eq!(tier_of(&mut host, highest, at(0)), Some(WORKING), "importance alone is just not enough");
    // A week on, half is left: 0.36 + 0.1 = 0.46. The use brings 0.1134 and what is left back to nearly 1.
    let week = at(7 * DAY);
    let left = retention(7.0 * 86_400.0, &[]);
    close(left, 0.496_837);
    let told_now = explain(&host, id, week);
    close(told_now.retention, left);
    close(told_now.promotion.expect("there is a tier above").score, (0.36 + 0.2 * left) / 0.6);
    read(&mut host, id, week);
    let moved = explain(&host, id, week).moves;
    let score = (0.4 * frequency(1) + 0.36 + 0.2 * retention(7.0 * 86_400.0, &[0.0])) / 0.6;
    assert_eq!(moved.len(), 1);
    close(moved[0].score.expect("a rule gave it"), score);
}

#[test]
fn kinds_fade_at_their_own_pace() {
    let mut config = boundless();
    let decay = Some(Decay::HalfLife { half_life: Span(DAY) });
    config.kinds.insert(
        "note".into(),
        KindConfig { decay, resistance: 1.0, importance: 0.25, ..KindConfig::default() },
    );
    let mut host = Host::new(config);
    for (kind, days, left) in [
        ("episodic", 7, 0.5),
        ("a kind of one's own", 7, 0.5),
        ("semantic", 30, 0.5),
        ("associative", 30, 0.5),
        ("procedural", 100, 0.5),
        ("note", 1, 0.5),
        ("note", 3, 0.125),
    ] {
        let new = NewRecord { kind: Some(Kind(kind.into())), ..text("fades") };
        let id = host.add(new, at(0));
        let found = explain(&host, id, at(days * DAY));
        assert!((found.retention - left).abs() < 0.01, "{kind}: {} after {days} days", found.retention);
        assert_eq!(found.importance, if kind == "note" { 0.25 } else { 0.5 });
    }
}

#[test]
fn answers_give_merit_and_merit_slows_fading_down() {
    let mut config = boundless();
    let decay = Some(Decay::HalfLife { half_life: Span(DAY) });
    config.kinds.insert("note".into(), KindConfig { decay, importance: 0.0, ..KindConfig::default() });
    let mut host = Host::new(config);
    let note = |line| NewRecord { kind: Some(Kind("note".into())), ..text(line) };
    let id = host.add(note("amber lamp"), at(0));
    let other = host.add(note("basalt step"), at(0));
    let ask = Query { text: "amber".into(), limit: 3, ..Query::default() };
    let hits =
        host.engine.recall(&Scope::default(), None, ask.clone(), at(0), true).expect("a plain question");
    assert_eq!((hits.len(), hits[0].record.id), (1, id));
    let share = hits[0].score;
    let used = record(&mut host, id, at(0)).expect("it is there").usage;
    assert_eq!((used.count, used.recent, used.merit), (1, vec![at(0)], 0.1 * share));
    assert!(share > 0.5, "{share}");
    // A question that is not to leave traces leaves none, and to look something up is no merit.
    host.engine.recall(&Scope::default(), None, ask, at(0), false).expect("a plain question");
    read(&mut host, other, at(0));
    let usage = |host: &mut Host, id| record(host, id, at(0)).expect("it is there").usage;
    assert_eq!(usage(&mut host, id).count, 1);
    assert_eq!((usage(&mut host, other).count, usage(&mut host, other).merit), (1, 0.0));
    // Half of the merit is resistance: so much slower is the half-life of a day.
    let pace = 1.0 - 0.5 * 0.1 * f64::from(share);
    close(explain(&host, id, at(2 * DAY)).retention, 0.5f64.powf(2.0 * pace));
    close(explain(&host, other, at(2 * DAY)).retention, 0.25);
}

#[test]
fn only_the_last_uses_are_kept_whatever_the_clock_does() {
    let mut host = Host::new(boundless());
    let id = host.add(NewRecord { tier: Some(LONG_TERM), ..text("often read") }, at(0));
    for moment in [10, 20, 30, 25, 40, 5] {
        read(&mut host, id, at(moment));
    }
    let usage = record(&mut host, id, at(50)).expect("it is there").usage;
    assert_eq!((usage.count, usage.recent), (6, vec![at(40), at(30), at(25), at(20)]));
}

#[test]
fn rewards_are_part_of_importance() {
    let mut host = Host::new(boundless());
    let id = host.add(text("was it useful?"), at(0));
    let reward = |value| vec![Operation::Reward { id, value, if_version: None }];
    assert_eq!(refused(&mut host, reward(1.5), at(1)), Some("invalid-argument"));
    assert_eq!(refused(&mut host, reward(f32::NAN), at(1)), Some("invalid-argument"));
    host.commit(&Scope::default(), reward(1.0), at(1));
    // 0.5 was given, with weight 1; the reward is 1 of 0..1, with weight 0.5.
    close(explain(&host, id, at(1)).importance, (0.5 + 0.5 * 1.0) / 1.5);
    host.commit(&Scope::default(), reward(-1.0), at(2));
    host.commit(&Scope::default(), reward(-1.0), at(3));
    let kept = record(&mut host, id, at(3)).expect("it is there").usage.reward.expect("it was rewarded");
    assert_eq!(kept.count, 3);
    close(f64::from(kept.mean), -1.0 / 3.0);
    close(explain(&host, id, at(3)).importance, (0.5 + 0.5 / 3.0) / 1.5);
    assert_eq!(record(&mut host, id, at(3)).expect("it is there").version, 1, "no content changed");
    // A foreign view cannot say what was useful.
    let foreign = host.engine.commit(&user("1"), None, reward(1.0), at(4));
    assert_eq!(foreign.expect_err("it sees nothing").code().name(), "not-found");
}

#[test]
fn surprise_is_how_unlike_the_known_something_is() {
    let importance = ImportanceWeights { surprise: 1.0, ..ImportanceWeights::default() };
    let mut host = Host::new(Config { importance, ..boundless() });
    let mut put = |vector: Option<Vec<f32>>, scope: Scope| {
        let record = Box::new(NewRecord { scope, ..text("something") });
        let id = host.commit(&Scope::default(), vec![Operation::Add { record, vector }], at(0)).ids[0];
        let surprise = record_surprise(&mut host, id);
        (surprise, explain(&host, id, at(0)).importance)
    };
    let everyone = Scope::default;
    assert_eq!(
        put(Some(vec![1.0, 0.0, 0.0, 0.0]), everyone()),
        (None, 0.5),
        "there was nothing to compare with"
    );
    assert_eq!(put(Some(vec![1.0, 0.0, 0.0, 0.0]), everyone()), (Some(0.0), 0.25));
    assert_eq!(put(Some(vec![0.0, 1.0, 0.0, 0.0]), everyone()), (Some(1.0), 0.75));
    let (surprise, _) = put(Some(vec![3.0, 4.0, 0.0, 0.0]), everyone());
    close(f64::from(surprise.expect("it has a vector")), 0.2);
    assert_eq!(put(None, everyone()), (None, 0.5));
    assert_eq!(put(Some(vec![1.0, 0.0, 0.0, 0.0]), user("1")).0, None, "its scope knew nothing");
}

fn record_surprise(host: &mut Host, id: RecordId) -> Option<f32> {
    record(host, id, at(0)).expect("it is there").surprise
}

#[test]
fn what_somebody_moves_stays_until_it_is_used() {
    let mut host = Host::new(Config {
        working: TierConfig { promote: Some(Rule::Importance { at_least: 0.8 }), ..TierConfig::default() },
        ..boundless()
    });
    // A rule that holds at once is followed at once.
    let id = host.add(important(0.8), at(0));
    assert_eq!(tier_of(&mut host, id, at(0)), Some(INTERMEDIATE));
    told(&mut host);
    host.commit(&Scope::default(), vec![step(id, WORKING)], at(1));
    let demoted =
        Event::MemoryDemoted { id, from: INTERMEDIATE, to: WORKING, reason: Reason::Requested, score: None };
    assert_eq!(told(&mut host), [demoted]);
    host.maintain(at(2), false);
    assert_eq!(tier_of(&mut host, id, at(2)), Some(WORKING));
    assert_eq!(
        explain(&host, id, at(2)).summary,
        "in working, from intermediate because somebody asked for it; 100 % is left; 100 % of the way to \
         intermediate"
    );
    read(&mut host, id, at(3));
    assert_eq!(tier_of(&mut host, id, at(3)), Some(INTERMEDIATE));

    // However often a transaction speaks of a record, it moves once.
    let update = |id, importance| Operation::Update {
        id,
        patch: Box::new(Patch { importance: Some(importance), ..Patch::default() }),
        vector: None,
        if_version: None,
    };
    let id = host.add(important(0.1), at(4));
    told(&mut host);
    host.commit(&Scope::default(), vec![update(id, 0.85), update(id, 0.9)], at(5));
    assert_eq!(explain(&host, id, at(5)).moves.len(), 1);
    assert_eq!(told(&mut host).iter().filter(|e| matches!(e, Event::MemoryPromoted { .. })).count(), 1);
}

#[test]
fn the_last_eight_moves_are_remembered() {
    let mut host = Host::new(boundless());
    let id = host.add(text("restless"), at(0));
    for turn in 1..=11 {
        let to = if turn % 2 == 1 { INTERMEDIATE } else { WORKING };
        host.commit(&Scope::default(), vec![step(id, to)], at(turn));
    }
    let moves = explain(&host, id, at(20)).moves;
    let moments: Vec<Timestamp> = moves.iter().map(|step| step.at).collect();
    assert_eq!(moments, (4..=11).map(at).collect::<Vec<_>>());
    host.maintain(at(30), true);
    host.reopen(at(40));
    assert_eq!(explain(&host, id, at(40)).moves, moves);
}

/// Records lapse from the intermediate tier after a day, and stay in the working tier for an hour.
fn lapsing() -> Config {
    Config {
        working: TierConfig { ttl: Some(Span(HOUR)), ..TierConfig::default() },
        intermediate: TierConfig {
            demote: Some(Demotion { margin: 0.2, after: Span(DAY) }),
            ..TierConfig::default()
        },
        ..boundless()
    }
}

#[test]
fn who_lapses_is_on_probation_and_then_earns_it_or_is_gone() {
    let mut host = Host::new(lapsing());
    let new = || NewRecord { tier: Some(INTERMEDIATE), ..important(0.2) };
    let (idle, used) = (host.add(new(), at(0)), host.add(new(), at(0)));
    host.maintain(at(DAY - 1), false);
    assert_eq!(explain(&host, idle, at(DAY - 1)).demotion, None, "it may stay for a day");
    assert_eq!(tier_of(&mut host, idle, at(DAY - 1)), Some(INTERMEDIATE));
    told(&mut host);

    // 0.4 x 0.2 + 0.2 x 0.8735 = 0.2547 of 0.6, and 0.8 of it would do.
    let score = (0.08 + 0.2 * retention(86_400.0, &[])) / 0.6;
    close(score, 0.424_53);
    let prospect = explain(&host, idle, at(DAY)).demotion.expect("the day is over");
    assert_eq!((prospect.to, prospect.threshold), (WORKING, 0.8));
    close(prospect.score, score);
    // The last round was 1 ms ago: the next one is ten minutes after it.
    host.maintain(at(DAY), false);
    assert_eq!(told(&mut host), []);
    assert_eq!(host.engine.next_deadline(), Some(at(DAY - 1 + 10 * MINUTE)));
    let lapse = at(DAY - 1 + 10 * MINUTE);
    host.maintain(lapse, false);
    let events = told(&mut host);
    let [
        Event::MemoryDemoted { id, from, to, reason: Reason::Lapsed, score: Some(first) },
        Event::MemoryDemoted { .. },
    ] = events[..]
    else {
        panic!("two demotions were to be told: {events:?}");
    };
    assert_eq!((id, from, to), (idle, INTERMEDIATE, WORKING));
    assert!((first - score).abs() < 0.001, "{first}");
    let now = explain(&host, idle, lapse);
    assert!(now.on_probation);
    assert_eq!(now.leaves_at, Some(lapse + Span(HOUR)));
    assert_eq!(
        now.summary,
        "in working, from intermediate because it no longer deserved the tier above; 87 % is left; 42 % of the \
         way to intermediate"
    );

    // Used often enough it rises again, and the probation is over. The other one is not moved on, but gone.
    for _ in 0..6 {
        read(&mut host, used, lapse);
    }
    assert_eq!(tier_of(&mut host, used, lapse), Some(INTERMEDIATE));
    assert!(!explain(&host, used, lapse).on_probation);
    told(&mut host);
    let end = lapse + Span(HOUR);
    host.maintain(end, false);
    let events = told(&mut host);
    let [Event::MemoryEvicted { id, tier: WORKING, reason: Reason::Faded, policy: None, score: Some(left) }] =
        events[..]
    else {
        panic!("one eviction was to be told: {events:?}");
    };
    assert_eq!(id, idle);
    close(left, retention((end.0 - at(0).0) as f64 / 1e3, &[]));
    assert_eq!(tier_of(&mut host, idle, end), None);
    assert_eq!(tier_of(&mut host, used, end), Some(INTERMEDIATE));
}

#[test]
fn probation_ends_with_a_request() {
    let mut host = Host::new(lapsing());
    let id = host.add(NewRecord { tier: Some(INTERMEDIATE), ..important(0.2) }, at(0));
    host.maintain(at(DAY), false);
    assert!(explain(&host, id, at(DAY)).on_probation);
    host.commit(&Scope::default(), vec![step(id, INTERMEDIATE), step(id, WORKING)], at(DAY + 1));
    assert!(!explain(&host, id, at(DAY + 1)).on_probation);
    host.maintain(at(DAY + 2 * HOUR), false);
    assert_eq!(
        tier_of(&mut host, id, at(DAY + 2 * HOUR)),
        Some(INTERMEDIATE),
        "its time was over: it moved on"
    );
}

#[test]
fn who_leaves_faded_is_evicted() {
    let mut host = Host::new(Config {
        working: TierConfig { ttl: Some(Span(7 * DAY)), forget_below: 0.6, ..TierConfig::default() },
        ..boundless()
    });
    let faded = host.add(text("never used"), at(0));
    let used = host.add(text("used on the sixth day"), at(0));
    read(&mut host, used, at(6 * DAY));
    told(&mut host);
    host.maintain(at(7 * DAY), false);
    let events = told(&mut host);
    let [
        Event::MemoryEvicted { id, tier: WORKING, reason: Reason::Faded, policy: None, score: Some(left) },
        Event::MemoryPromoted {
            id: moved,
            from: WORKING,
            to: INTERMEDIATE,
            reason: Reason::Ttl,
            score: None,
        },
    ] = events[..]
    else {
        panic!("an eviction and a move were to be told: {events:?}");
    };
    assert_eq!((id, moved), (faded, used));
    close(left, 0.496_837);
}

fn update(id: RecordId, patch: Patch) -> Operation {
    Operation::Update { id, patch: Box::new(patch), vector: None, if_version: None }
}

/// A year in which importance changes every hour, now enough for the tier above, now far too little.
#[test]
fn a_record_never_flaps() {
    const AFTER: i64 = 5 * DAY;
    for (mut random, margin) in [(3u64, 0.0), (5, 0.1), (9, 0.4)] {
        let mut host = Host::new(Config {
            working: TierConfig {
                promote: Some(Rule::Importance { at_least: 0.5 }),
                ..TierConfig::default()
            },
            intermediate: TierConfig {
                promote: Some(Rule::Never),
                demote: Some(Demotion { margin, after: Span(AFTER) }),
                ..TierConfig::default()
            },
            ..Config::default()
        });
        let id = host.add(important(0.1), at(0));
        let (mut arrived, mut lapsed, mut moves) = (None, None::<Timestamp>, 0);
        for hour in 0..365 * 24 {
            let now = at(hour * HOUR);
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let importance = Some((random >> 20) as f64 % 101.0 / 100.0);
            host.commit(&Scope::default(), vec![update(id, Patch { importance, ..Patch::default() })], now);
            host.maintain(now, false);
            let (mut up, mut down) = (0, 0);
            for event in host.engine.drain_events() {
                match event {
                    Event::MemoryPromoted { reason: Reason::Earned, .. } => {
                        arrived = Some(now);
                        up += 1;
                    }
                    Event::MemoryDemoted { reason: Reason::Lapsed, score: Some(score), .. } => {
                        let since: Timestamp = arrived.take().expect("it had risen before");
                        assert!(
                            score < 1.0 - margin && now.0 - since.0 >= AFTER,
                            "margin {margin} at {now:?}"
                        );
                        assert!(lapsed.is_none_or(|before| now.0 - before.0 >= AFTER));
                        lapsed = Some(now);
                        down += 1;
                    }
                    Event::MemoryUpdated { .. } | Event::MemoryAdded { .. } | Event::SegmentSealed { .. } => {
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert!(up + down <= 1, "margin {margin}: {up} up and {down} down at {now:?}");
            moves += up + down;
        }
        // Of 73 times that it may lapse and rise again, it uses most.
        assert!((80..=146).contains(&moves), "margin {margin}: {moves} moves");
    }
}

fn rejecting(max_items: u32) -> TierConfig {
    TierConfig { max_items: Some(max_items), on_limit: OnLimit::Reject, ..TierConfig::default() }
}

#[test]
fn a_tier_that_refuses_takes_no_more_and_leaves_nothing_half_done() {
    let mut host = Host::new(Config { working: rejecting(3), ..boundless() });
    let ids: Vec<RecordId> = (0..3).map(|moment| host.add(text("one of three"), at(moment))).collect();
    told(&mut host);
    let before = support::contents(&host.engine);
    let elsewhere = NewRecord { tier: Some(INTERMEDIATE), ..text("goes elsewhere") };
    let both = vec![add(elsewhere.clone()), add(text("one too many"))];
    let error = host.engine.commit(&Scope::default(), None, both, at(3)).expect_err("there is no room");
    assert_eq!(error.code().name(), "tier-full");
    assert_eq!(
        error.to_string(),
        "the working tier is full and refuses more: forget something, raise its limits, or let it evict"
    );
    assert_eq!((support::contents(&host.engine), told(&mut host)), (before, Vec::new()));
    let ask = Query { text: "elsewhere".into(), limit: 3, ..Query::default() };
    assert_eq!(host.engine.recall(&Scope::default(), None, ask, at(3), false), Ok(Vec::new()));

    // Where it is not asked to go in, nothing is refused; nor if the same transaction makes room first.
    let other = host.add(elsewhere, at(4));
    assert_eq!(refused(&mut host, vec![step(other, WORKING)], at(5)), Some("tier-full"));
    assert_eq!(refused(&mut host, vec![add(text("in its place")), forget(ids[0])], at(5)), Some("tier-full"));
    assert_eq!(refused(&mut host, vec![forget(ids[0]), add(text("in its place"))], at(5)), None);
    assert_eq!(refused(&mut host, vec![step(ids[1], INTERMEDIATE), step(other, WORKING)], at(6)), None);
    assert_eq!(refused(&mut host, vec![step(ids[1], WORKING)], at(7)), Some("tier-full"));
    // Changing what is there is not coming in.
    let longer = Patch { text: Some("a longer text than the one before".into()), ..Patch::default() };
    assert_eq!(refused(&mut host, vec![update(ids[2], longer)], at(8)), None);
    assert_eq!(host.engine.stats(&Scope::default(), at(9)).tiers.working, 3);
}

#[test]
fn a_tier_that_refuses_counts_every_byte() {
    let size = |vector: bool, line: &str| {
        let mut host = Host::new(boundless());
        let vector = vector.then(|| vec![1.0, 0.0, 0.0, 0.0]);
        let record = Box::new(text(line));
        let id = host.commit(&Scope::default(), vec![Operation::Add { record, vector }], at(0)).ids[0];
        u64::from(explain(&host, id, at(0)).bytes)
    };
    // Record, text and kind, five terms (two of the text, three of the date), a vector of 4 in f32 and int8.
    assert_eq!(size(false, "amber lamp"), 560 + 10 + 8 + 5 * 19);
    assert_eq!(size(true, "amber lamp"), 560 + 10 + 8 + 5 * 19 + 4 * 5 + 20);
    for vector in [false, true] {
        let budget = size(vector, "amber lamp") + size(vector, "amber step");
        for (limit, expected) in [(budget, None), (budget - 1, Some("tier-full"))] {
            let mut host = Host::new(Config {
                working: TierConfig { max_items: None, max_bytes: Some(limit), ..rejecting(1) },
                ..boundless()
            });
            let add = |line| Operation::Add {
                record: Box::new(text(line)),
                vector: vector.then(|| vec![0.0, 1.0, 0.0, 0.0]),
            };
            let space = support::space(4);
            let both = vec![add("amber lamp"), add("amber step")];
            let outcome = host.engine.commit(&Scope::default(), Some(&space), both, at(0));
            assert_eq!(outcome.err().map(|error| error.code().name()), expected);
        }
    }
}

#[test]
fn a_tier_that_refuses_is_not_filled_by_moves() {
    let mut host = Host::new(Config {
        working: TierConfig {
            ttl: Some(Span(HOUR)),
            promote: Some(Rule::Uses { at_least: 2 }),
            ..TierConfig::default()
        },
        intermediate: rejecting(3),
        ..Config::default()
    });
    let ids: Vec<RecordId> = (0..6).map(|moment| host.add(text("wants to rise"), at(moment))).collect();
    // Four have earned it in one answer; three are taken, the one after them stays.
    let ask = Query { text: "rise".into(), limit: 4, ..Query::default() };
    for moment in [10, 11] {
        host.engine.recall(&Scope::default(), None, ask.clone(), at(moment), true).expect("a plain question");
    }
    let count = |host: &Host, now| {
        let tiers = host.engine.stats(&Scope::default(), now).tiers;
        (tiers.working, tiers.intermediate, tiers.long_term)
    };
    assert_eq!(count(&host, at(12)), (3, 3, 0));
    told(&mut host);
    // Their hour is over, but they have nowhere to go. That is looked at again later, not without end.
    let over = at(2 * HOUR);
    host.maintain(over, false);
    assert_eq!((count(&host, over), told(&mut host)), ((3, 3, 0), Vec::new()));
    assert_eq!(host.engine.next_deadline(), Some(over + Span(10 * MINUTE)));
    // Once there is room for one, one goes, the longest resident first.
    let risen: Vec<RecordId> =
        ids.iter().copied().filter(|id| tier_of(&mut host, *id, over) == Some(INTERMEDIATE)).collect();
    let waiting: Vec<RecordId> = ids.iter().copied().filter(|id| !risen.contains(id)).collect();
    host.commit(&Scope::default(), vec![forget(risen[0])], over);
    assert!(host.engine.next_deadline().is_some_and(|due| due <= over), "there is room now");
    host.maintain(over, false);
    assert_eq!(count(&host, over), (2, 3, 0));
    assert_eq!(tier_of(&mut host, waiting[0], over), Some(INTERMEDIATE));
    // Those who are left wait again.
    assert_eq!(host.engine.next_deadline(), Some(over + Span(10 * MINUTE)));
}

#[test]
fn who_cannot_move_on_does_not_keep_those_who_can_leave() {
    let mut host = Host::new(Config {
        working: TierConfig { max_items: Some(2), forget_below: 0.9, ..TierConfig::default() },
        intermediate: rejecting(1),
        ..Config::default()
    });
    host.add(NewRecord { tier: Some(INTERMEDIATE), ..text("takes the place") }, at(0));
    // Left out first by pressure are those that have been there long; they are fresh, for they were used.
    let old: Vec<RecordId> = (0..2).map(|_| host.add(important(0.1), at(0))).collect();
    let faded = host.add(important(0.6), at(HOUR));
    let now = at(3 * DAY);
    for id in &old {
        read(&mut host, *id, now);
    }
    told(&mut host);
    host.maintain(now, false);
    let events = told(&mut host);
    assert!(
        matches!(events[..], [Event::MemoryEvicted { id, reason: Reason::Faded, .. }] if id == faded),
        "{events:?}"
    );
}

#[test]
fn a_tier_that_warns_tells_once_until_it_is_back() {
    let warning = TierConfig { max_items: Some(2), on_limit: OnLimit::Warn, ..TierConfig::default() };
    let mut host = Host::new(Config { working: warning, ..boundless() });
    let warnings = |host: &mut Host| {
        let mut events = told(host);
        events.retain(|event| matches!(event, Event::TierLimitReached { .. }));
        events
    };
    let mut ids: Vec<RecordId> = (0..2).map(|moment| host.add(text("in time"), at(moment))).collect();
    host.maintain(at(5), false);
    assert_eq!(warnings(&mut host), [], "at the limit is not beyond it");
    ids.push(host.add(text("in time"), at(6)));
    let bytes = ids.iter().map(|id| u64::from(explain(&host, *id, at(6)).bytes)).sum();
    assert_eq!(warnings(&mut host), [Event::TierLimitReached { tier: WORKING, items: 3, bytes }]);
    ids.push(host.add(text("in time"), at(7)));
    host.maintain(at(8), false);
    assert_eq!(warnings(&mut host), [], "that is known");
    host.commit(&Scope::default(), vec![forget(ids[0]), forget(ids[1])], at(9));
    assert_eq!(warnings(&mut host), []);
    host.add(text("in time"), at(10));
    assert_eq!(warnings(&mut host).len(), 1, "it was back in between");
    assert_eq!(host.engine.len(), 3, "nobody had to leave");
}

#[test]
fn a_budget_of_bytes_is_kept_and_no_more_leave_than_must() {
    const BUDGET: u64 = 12_000;
    let mut host = Host::new(Config {
        working: TierConfig { max_bytes: Some(BUDGET), ..TierConfig::default() },
        ..boundless()
    });
    let bytes = |host: &Host, now| {
        let engine = host.engine.stats(&Scope::default(), now).engine.expect("the view sees everything");
        (engine.tiers.working.bytes, engine.tiers.intermediate.items)
    };
    let mut added = 0;
    while bytes(&host, at(added)).1 == 0 {
        // Of very different lengths, so that the last one to leave matters.
        host.add(text(format!("note {added} {}", "x".repeat(added as usize * 37 % 400))), at(added));
        added += 1;
        assert!(added < 50, "nobody ever leaves");
    }
    // A commit that finds the tier an eighth over its budget brings it back to the budget itself.
    let (held, left) = bytes(&host, at(added));
    assert!(held <= BUDGET && left > 0);
    let last = host.engine.list(&Scope::default(), None, None, 100, at(added)).records;
    let last = last.iter().filter(|record| record.tier == INTERMEDIATE).max_by_key(|record| record.id);
    let last = explain(&host, last.expect("somebody left").id, at(added)).bytes;
    assert!(held + u64::from(last) > BUDGET, "the last one need not have gone");
    // Within the eighth commits leave it alone, and maintenance does not.
    let mut now = added;
    while bytes(&host, at(now)).0 <= BUDGET {
        now += 1;
        host.add(text("a short note"), at(now));
    }
    assert!(bytes(&host, at(now)).0 <= BUDGET + BUDGET / 8);
    assert_eq!(bytes(&host, at(now)).1, left);
    host.maintain(at(now), false);
    assert!(bytes(&host, at(now)).0 <= BUDGET);
    assert_eq!(bytes(&host, at(now)).1, left + 1, "one was enough");
    let (before, _) = bytes(&host, at(now));
    host.reopen(at(now));
    assert_eq!(bytes(&host, at(now)).0, before);
}

#[test]
fn what_overflows_can_be_forgotten() {
    let forgets = TierConfig {
        max_items: Some(2),
        ttl: Some(Span(HOUR)),
        overflow: Overflow::Forget,
        ..TierConfig::default()
    };
    let mut host = Host::new(Config { working: forgets, ..boundless() });
    let important: Vec<RecordId> =
        [0.6, 0.2, 0.7].map(|importance| host.add(important(importance), at(0))).into();
    // An eighth of two is nothing: the third one makes the commit act. All are fresh, so importance decides.
    let events = told(&mut host);
    let [
        ..,
        Event::MemoryEvicted {
            id,
            tier: WORKING,
            reason: Reason::Capacity,
            policy: Some(EvictionPolicy::LowWorth),
            score: Some(worth),
        },
    ] = events[..]
    else {
        panic!("one eviction was to be told: {events:?}");
    };
    assert_eq!(id, important[1]);
    let next = explain(&host, important[0], at(0)).leaving;
    assert!(
        next.policy == Some(EvictionPolicy::LowWorth) && next.figure > Some(worth),
        "{next:?} after {worth}"
    );
    host.maintain(at(HOUR), false);
    let events = told(&mut host);
    let out = |id| Event::MemoryEvicted { id, tier: WORKING, reason: Reason::Ttl, policy: None, score: None };
    assert_eq!(events, [out(important[0]), out(important[2])]);
    assert!(host.engine.is_empty());
}

#[test]
fn the_first_step_that_concerns_a_record_decides() {
    let by = |policy, kind: Option<&str>, below| EvictionStep {
        policy,
        kind: kind.map(str::to_owned),
        below,
        above: None,
    };
    let mut host = Host::new(Config {
        working: TierConfig {
            max_items: Some(1),
            overflow: Overflow::Forget,
            promote: Some(Rule::Never),
            evict: Some(vec![
                by(EvictionPolicy::Lru, Some("chatter"), None),
                by(EvictionPolicy::LowImportance, None, Some(0.5)),
                by(EvictionPolicy::Ttl, None, None),
            ]),
            ..TierConfig::default()
        },
        ..boundless()
    });
    let new = |kind: &str, importance, expires_at| NewRecord {
        kind: Some(Kind(kind.into())),
        importance: Some(importance),
        expires_at,
        ..text("one of them")
    };
    let adds = [
        new("fact", 0.9, None),
        new("fact", 0.4, None),
        new("chatter", 1.0, None),
        new("fact", 0.5, Some(at(5_000))),
        new("fact", 0.1, None),
        new("chatter", 1.0, None),
        new("fact", 0.6, Some(at(4_000))),
    ];
    // One transaction each, within which nothing leaves, but together they would: all in one.
    let ids = host.commit(&Scope::default(), adds.map(add).to_vec(), at(0)).ids;
    // Seven is more than an eighth over one: the commit has already brought the tier back.
    let order = |events: Vec<Event>| {
        let evicted = |event| match event {
            Event::MemoryEvicted { id, policy, score, .. } => Some((id, policy, score)),
            _ => None,
        };
        events.into_iter().filter_map(evicted).collect::<Vec<_>>()
    };
    let (lru, low, ttl) =
        (Some(EvictionPolicy::Lru), Some(EvictionPolicy::LowImportance), Some(EvictionPolicy::Ttl));
    assert_eq!(
        order(told(&mut host)),
        [
            (ids[2], lru, Some(0.0)),
            (ids[5], lru, Some(0.0)),
            (ids[4], low, Some(0.1)),
            (ids[1], low, Some(0.4)),
            (ids[6], ttl, Some(4_000.0)),
            (ids[3], ttl, Some(5_000.0)),
        ]
    );
    let kept = explain(&host, ids[0], at(7));
    assert_eq!((kept.leaving.policy, kept.leaving.figure), (None, Some(7.0)), "no step concerns it");
}

#[test]
fn pinned_records_are_left_alone() {
    let mut host = Host::new(Config {
        working: TierConfig {
            max_items: Some(1),
            ttl: Some(Span(HOUR)),
            promote: Some(Rule::Uses { at_least: 1 }),
            forget_below: 1.0,
            overflow: Overflow::Forget,
            ..TierConfig::default()
        },
        intermediate: TierConfig {
            max_bytes: Some(1),
            ttl: Some(Span(HOUR)),
            demote: Some(Demotion { margin: 0.0, after: Span(1) }),
            promote: Some(Rule::Age { at_least: Span(1) }),
            ..TierConfig::default()
        },
        long_term: TierConfig {
            max_items: Some(1),
            ttl: Some(Span(HOUR)),
            demote: Some(Demotion { margin: 0.0, after: Span(1) }),
            ..TierConfig::default()
        },
        ..Config::default()
    });
    let pinned = |tier| NewRecord { tier: Some(tier), pinned: true, ..important(0.1) };
    let ids: Vec<RecordId> =
        Tier::ALL.into_iter().flat_map(|tier| [tier; 2]).map(|tier| host.add(pinned(tier), at(0))).collect();
    let passing = NewRecord { expires_at: Some(at(2 * HOUR)), ..pinned(WORKING) };
    let passing = host.add(passing, at(0));
    told(&mut host);
    for id in &ids {
        read(&mut host, *id, at(10));
    }
    host.maintain(at(DAY), false);
    assert_eq!(told(&mut host), [Event::MemoryExpired { id: passing, tier: WORKING }]);
    for (index, id) in ids.iter().enumerate() {
        let found = explain(&host, *id, at(DAY));
        assert_eq!(found.tier, Tier::ALL[index / 2]);
        assert!(found.pinned && found.moves.is_empty());
        assert_eq!(found.leaves_at, None);
        assert!(found.summary.ends_with("; pinned, so that no policy moves it"), "{}", found.summary);
    }
    assert_eq!(host.engine.next_deadline(), Some(at(DAY + 10 * MINUTE)), "only the next round of judging");
    // Somebody may move it, and once it is not pinned any more it is like all the others.
    host.commit(&Scope::default(), vec![step(ids[0], LONG_TERM)], at(DAY));
    assert_eq!(tier_of(&mut host, ids[0], at(DAY)), Some(LONG_TERM));
    host.commit(
        &Scope::default(),
        vec![update(ids[1], Patch { pinned: Some(false), ..Patch::default() })],
        at(DAY),
    );
    // It had been used, so it rises; but all above is full of those who may not leave.
    let events = told(&mut host);
    let [
        Event::MemoryPromoted { reason: Reason::Requested, .. },
        Event::MemoryUpdated { .. },
        Event::MemoryPromoted { to: INTERMEDIATE, reason: Reason::Earned, .. },
        Event::MemoryPromoted { to: LONG_TERM, reason: Reason::Capacity, .. },
        Event::MemoryEvicted { id, tier: LONG_TERM, reason: Reason::Capacity, .. },
    ] = events[..]
    else {
        panic!("it was to rise and to leave: {events:?}");
    };
    assert_eq!((id, host.engine.len()), (ids[1], 5));
}

#[test]
fn figures_tell_what_came_of_each_tier() {
    let mut host = Host::new(Config {
        working: TierConfig {
            max_items: Some(3),
            ttl: Some(Span(2 * HOUR)),
            promote: Some(Rule::Uses { at_least: 2 }),
            forget_below: 0.1,
            ..TierConfig::default()
        },
        intermediate: TierConfig {
            overflow: Overflow::Forget,
            ttl: Some(Span(DAY)),
            promote: Some(Rule::Never),
            ..TierConfig::default()
        },
        long_term: TierConfig { max_items: Some(1), ..TierConfig::default() },
        consolidation: verbatim(),
        ..Config::default()
    });
    let used = host.add(important(0.9), at(0));
    let plain = host.add(text("plain words"), at(0));
    host.add(NewRecord { expires_at: Some(at(HOUR)), ..text("for an hour") }, at(0));
    let old = host.add(NewRecord { tier: Some(LONG_TERM), ..important(0.1) }, at(0));
    let kept = host.add(NewRecord { tier: Some(LONG_TERM), ..important(0.8) }, at(0));
    read(&mut host, used, at(1));
    read(&mut host, used, at(2));
    read(&mut host, used, at(3));
    read(&mut host, kept, at(3));
    assert!(host.engine.get(&Scope::default(), RecordId(9), at(3), true).is_none());
    let ask = |line: &str| Query { text: line.into(), limit: 5, ..Query::default() };
    assert_eq!(
        host.engine.recall(&Scope::default(), None, ask("plain"), at(4), true).map(|h| h.len()),
        Ok(1)
    );
    assert_eq!(
        host.engine.recall(&Scope::default(), None, ask("zebra"), at(4), true).map(|h| h.len()),
        Ok(0)
    );

    // Time limits, expiry, limits: what is too much in the last tier is the old record, of little worth.
    host.maintain(at(2 * HOUR), false);
    let figures = |host: &Host, now| {
        let stats = host.engine.stats(&Scope::default(), now);
        let engine = stats.engine.expect("the view sees everything");
        (engine.asked, engine.answered, engine.tiers)
    };
    let (asked, answered, tiers) = figures(&host, at(2 * HOUR));
    assert_eq!((asked, answered), (7, 5));
    let bytes = |id| u64::from(explain(&host, id, at(2 * HOUR)).bytes);
    let expected = TierFigures {
        items: 0,
        bytes: 0,
        hits: 3,
        hit_rate: 0.6,
        came: 0,
        went: 2,
        evicted: Evictions { expired: 1, ..Evictions::default() },
        ages: [0; 6],
    };
    assert_eq!(tiers.working, expected);
    let expected = TierFigures {
        items: 2,
        bytes: bytes(used) + bytes(plain),
        hits: 1,
        hit_rate: 0.2,
        came: 2,
        went: 0,
        evicted: Evictions::default(),
        ages: [0, 2, 0, 0, 0, 0],
    };
    assert_eq!(tiers.intermediate, expected);
    let expected = TierFigures {
        items: 1,
        bytes: bytes(kept),
        hits: 1,
        hit_rate: 0.2,
        came: 0,
        went: 0,
        evicted: Evictions { capacity: 1, ..Evictions::default() },
        ages: [0, 1, 0, 0, 0, 0],
    };
    assert_eq!(tiers.long_term, expected);
    assert_eq!(record(&mut host, old, at(2 * HOUR)), None);

    // Ages by the time since a record was made: classes end before an hour, a day, a week, 30 days, a year.
    for (days, class) in [(1, 2), (7, 3), (29, 3), (30, 4), (365, 5)] {
        let ages = figures(&host, at(days * DAY)).2.long_term.ages;
        let mut expected = [0; 6];
        expected[class] = 1;
        assert_eq!(ages, expected, "after {days} days");
    }
    // Counting starts anew with each opening; what is held does not.
    host.maintain(at(2 * DAY), false);
    assert_eq!(figures(&host, at(2 * DAY)).2.intermediate.evicted.ttl, 2);
    host.reopen(at(2 * DAY));
    let (asked, _, tiers) = figures(&host, at(2 * DAY));
    assert_eq!((asked, tiers.working.hits, tiers.intermediate.came, tiers.long_term.items), (0, 0, 0, 1));
    assert_eq!(tiers.long_term.hit_rate, 0.0);
}

#[test]
fn analysis_finds_repeats_and_what_has_faded() {
    let mut host = Host::new(boundless());
    let said = |line: &str, actor: Option<&str>, scope| NewRecord {
        actor: actor.map(str::to_owned),
        scope,
        ..text(line)
    };
    let everyone = Scope::default;
    let first = host.add(said("The lamp is lit", None, everyone()), at(0));
    let other_actor = host.add(said("The lamp is lit", Some("Ada"), everyone()), at(0));
    let again = host.add(said("the  LAMP is lit ", None, everyone()), at(1));
    host.add(said("The lamp is lit", None, user("1")), at(2));
    let third = host.add(said("the lamp is lit", None, everyone()), at(3));
    host.add(NewRecord { pinned: true, ..said("pinned", None, everyone()) }, at(4));
    host.add(NewRecord { tier: Some(LONG_TERM), ..important(0.95) }, at(4));
    read(&mut host, other_actor, at(8 * DAY));

    let early = host.engine.analyze(&Scope::default(), at(DAY));
    assert_eq!((early.faded, early.never_used), (0, 0));
    assert_eq!(early.duplicates, [[first, again, third]]);
    assert_eq!((early.suggested.working, early.suggested.long_term), (6, 1));
    // A year on everything has faded; what is pinned or important does not count as such.
    let late = host.engine.analyze(&Scope::default(), at(365 * DAY));
    assert_eq!((late.faded, late.never_used), (5, 6));
    assert_eq!((late.suggested.working, late.suggested.long_term), (1, 1));
    // A view analyses what it sees.
    let own = host.engine.analyze(&user("1"), at(365 * DAY));
    assert_eq!((own.duplicates.len(), own.faded, own.never_used), (0, 1, 1));
}

#[test]
fn the_next_deadline_is_the_first_thing_that_time_brings() {
    let aged = Some(Rule::Age { at_least: Span(DAY) });
    for (config, expected) in [
        (Config::default(), Some(at(HOUR))),
        (boundless(), None),
        // Before the first round nothing is known, so it is due at once.
        (
            Config { working: TierConfig { promote: aged, ..TierConfig::default() }, ..boundless() },
            Some(Timestamp::MIN),
        ),
    ] {
        let mut host = Host::new(config);
        assert_eq!(host.engine.next_deadline(), None, "an empty memory has no deadlines");
        host.add(NewRecord { pinned: true, ..text("pinned, with no time to keep") }, at(-5));
        host.add(text("in the working tier"), at(0));
        assert_eq!(host.engine.next_deadline(), expected);
        let brief = NewRecord { expires_at: Some(at(MINUTE)), ..text("brief") };
        host.add(brief, at(1));
        assert_eq!(host.engine.next_deadline(), Some(expected.map_or(at(MINUTE), |due| due.min(at(MINUTE)))));
        host.maintain(at(2 * MINUTE), false);
        let round = (expected == Some(Timestamp::MIN)).then_some(at(12 * MINUTE));
        assert_eq!(host.engine.next_deadline(), round.or(expected));
    }
}

#[test]
fn a_rule_of_age_ripens_in_rounds() {
    let mut host = Host::new(Config {
        working: TierConfig { promote: Some(Rule::Age { at_least: Span(HOUR) }), ..TierConfig::default() },
        ..boundless()
    });
    let id = host.add(text("ripens"), at(0));
    host.maintain(at(HOUR - 5 * MINUTE), false);
    host.maintain(at(HOUR), false);
    assert_eq!(tier_of(&mut host, id, at(HOUR)), Some(WORKING), "the next round is five minutes off");
    assert_eq!(host.engine.next_deadline(), Some(at(HOUR + 5 * MINUTE)));
    host.maintain(at(HOUR + 5 * MINUTE), false);
    assert_eq!(tier_of(&mut host, id, at(HOUR + 5 * MINUTE)), Some(INTERMEDIATE));
    let moves = explain(&host, id, at(HOUR + 5 * MINUTE)).moves;
    close(moves[0].score.expect("a rule gave it"), 65.0 / 60.0);
    // A use does not wait for the round.
    let id = host.add(text("ripens"), at(DAY));
    read(&mut host, id, at(DAY + HOUR));
    assert_eq!(tier_of(&mut host, id, at(DAY + HOUR)), Some(INTERMEDIATE));
}

fn configured(json: Json) -> Result<Config, serde_json::Error> {
    serde_json::from_value(json)
}

#[test]
fn a_configuration_is_read_as_it_is_documented() {
    let config = configured(json!({
        "working": {
            "maxItems": 100, "maxBytes": 1_000_000, "ttl": 60_000, "onLimit": "warn", "overflow": "forget",
            "promote": { "any": [
                "never",
                { "uses": { "atLeast": 3 } },
                { "all": [{ "age": { "atLeast": 5 } }, { "retention": { "atLeast": 0.5 } }] },
                { "hybrid": { "uses": 1, "importance": 2, "threshold": 0.5 } },
            ] },
            "evict": [{ "policy": "low-activation", "below": 0.5, "kind": "note" }, { "policy": "lru" }],
            "forgetBelow": 0.25,
        },
        "intermediate": { "demote": { "margin": 0.1, "after": 1_000 }, "onLimit": "reject" },
        "kinds": {
            "note": { "decay": { "actR": { "noise": 0.25 } }, "resistance": 1, "maxItems": 5, "maxBytes": 9_000 },
            "procedural": { "maxItems": 7 },
            "rumour": { "decay": { "halfLife": { "halfLife": 5_000 } } },
            "lesson": { "decay": { "ebbinghaus": { "stability": 7_000 } }, "importance": 0.75 },
            "law": { "decay": "none" },
        },
        "importance": { "recency": 0.5 },
        "total": { "maxItems": 50, "onLimit": "reject" },
        "defaultTier": "intermediate",
    }));
    let config = config.expect("it is well formed");
    config.validate().expect("nothing is wrong with it");
    let hybrid = Rule::Hybrid {
        uses: 1.0,
        age: 0.0,
        full_age: Span(DAY),
        importance: 2.0,
        retention: 0.0,
        threshold: 0.5,
    };
    let both = Rule::All(vec![Rule::Age { at_least: Span(5) }, Rule::Retention { at_least: 0.5 }]);
    let rule = Rule::Any(vec![Rule::Never, Rule::Uses { at_least: 3 }, both, hybrid]);
    assert_eq!(config.working.promote, Some(rule));
    assert_eq!(config.working.evict.as_ref().map(Vec::len), Some(2));
    assert_eq!((config.working.on_limit, config.intermediate.on_limit), (OnLimit::Warn, OnLimit::Reject));
    let mut own = Decay::default();
    let Decay::ActR { noise, .. } = &mut own else { panic!("the default is ACT-R") };
    *noise = 0.25;
    let note = KindConfig {
        decay: Some(own),
        resistance: 1.0,
        max_items: Some(5),
        max_bytes: Some(9_000),
        ..KindConfig::default()
    };
    assert_eq!(config.kind("note"), note);
    // What is left out of a kind stays as it is built in.
    assert_eq!(config.kind(Kind::PROCEDURAL).max_items, Some(7));
    assert_eq!(config.decay(Kind::PROCEDURAL), Config::default().decay(Kind::PROCEDURAL));
    assert_ne!(config.decay(Kind::PROCEDURAL), Decay::default());
    let total = TotalConfig { max_items: Some(50), max_bytes: None, on_limit: OnLimit::Reject };
    assert_eq!(config.total, total);
    assert_eq!(config.decay("lesson"), Decay::Ebbinghaus { stability: Span(7_000), gain: 1.0 });
    assert_eq!(config.decay("law"), Decay::None);
    assert_eq!((config.importance.given, config.importance.recency), (1.0, 0.5));
    for unknown in [
        json!({ "working": { "maxItem": 5 } }),
        json!({ "kinds": { "note": { "decoy": "none" } } }),
        json!({ "working": { "promote": { "uses": { "atLeast": 1, "atMost": 2 } } } }),
        json!({ "working": { "evict": [{ "policy": "newest" }] } }),
        json!({ "importance": { "mood": 1 } }),
        json!({ "total": { "ttl": 1 } }),
        json!({ "working": { "evict": [{ "policy": "custom" }] } }),
    ] {
        assert!(configured(unknown.clone()).is_err(), "{unknown}");
    }
}

#[test]
fn a_bad_configuration_is_told_with_the_path_of_every_bad_field() {
    const MIB: u32 = 1 << 20;
    let bad = Config {
        working: TierConfig {
            max_items: Some(0),
            max_bytes: Some(0),
            ttl: Some(Span(0)),
            forget_below: 1.5,
            demote: Some(Demotion { margin: 1.0, after: Span(-1) }),
            promote: Some(Rule::Any(vec![
                Rule::Uses { at_least: 0 },
                Rule::All(vec![Rule::Age { at_least: Span(0) }, Rule::Retention { at_least: f64::NAN }]),
                Rule::Hybrid {
                    uses: -1.0,
                    age: 0.0,
                    full_age: Span(0),
                    importance: f64::INFINITY,
                    retention: 0.0,
                    threshold: 0.0,
                },
            ])),
            evict: Some(vec![
                EvictionStep { policy: EvictionPolicy::Lru, below: None, above: None, kind: None },
                EvictionStep {
                    policy: EvictionPolicy::Lru,
                    below: Some(f64::NAN),
                    above: Some(f64::INFINITY),
                    kind: None,
                },
            ]),
            ..TierConfig::default()
        },
        intermediate: TierConfig { promote: Some(Rule::All(Vec::new())), ..TierConfig::default() },
        long_term: TierConfig {
            promote: Some(Rule::Importance { at_least: 2.0 }),
            forget_below: -0.5,
            ..TierConfig::default()
        },
        total: TotalConfig { max_items: Some(0), max_bytes: Some(0), on_limit: OnLimit::Host },
        kinds: [
            (
                "note".to_owned(),
                KindConfig {
                    decay: Some(Decay::ActR { decay: 1.0, threshold: f64::NAN, noise: 0.0 }),
                    resistance: -0.1,
                    importance: 1.1,
                    max_items: Some(0),
                    max_bytes: Some(0),
                    ..KindConfig::default()
                },
            ),
            (
                "rumour".to_owned(),
                KindConfig {
                    decay: Some(Decay::Ebbinghaus { stability: Span(0), gain: -1.0 }),
                    ..KindConfig::default()
                },
            ),
            (
                "spark".to_owned(),
                KindConfig { decay: Some(Decay::HalfLife { half_life: Span(-1) }), ..KindConfig::default() },
            ),
        ]
        .into(),
        importance: ImportanceWeights { given: -1.0, surprise: f64::NAN, ..ImportanceWeights::default() },
        max_text_bytes: 0,
        seal_bytes: 300 * MIB,
        bm25_k1: -1.0,
        bm25_b: 1.5,
        ..Config::default()
    };
    let expected = [
        "working/maxItems",
        "working/maxBytes",
        "working/ttl",
        "working/forgetBelow",
        "working/demote",
        "working/demote/margin",
        "working/demote/after",
        "working/evict/1/below",
        "working/evict/1/above",
        "working/promote/any/0/uses/atLeast",
        "working/promote/any/1/all/0/age/atLeast",
        "working/promote/any/1/all/1/retention/atLeast",
        "working/promote/any/2/hybrid/uses",
        "working/promote/any/2/hybrid/importance",
        "working/promote/any/2/hybrid/fullAge",
        "working/promote/any/2/hybrid/threshold",
        "intermediate/promote/all",
        "longTerm/forgetBelow",
        "longTerm/promote",
        "longTerm/promote/importance/atLeast",
        "total/maxItems",
        "total/maxBytes",
        "total/onLimit",
        "kinds/note/decay/actR/decay",
        "kinds/note/decay/actR/threshold",
        "kinds/note/decay/actR/noise",
        "kinds/note/maxItems",
        "kinds/note/maxBytes",
        "kinds/note/resistance",
        "kinds/note/importance",
        "kinds/rumour/decay/ebbinghaus/stability",
        "kinds/rumour/decay/ebbinghaus/gain",
        "kinds/spark/decay/halfLife/halfLife",
        "importance/given",
        "importance/surprise",
        "maxTextBytes",
        "sealBytes",
        "bm25K1",
        "bm25B",
    ];
    let error = bad.validate().expect_err("everything is wrong with it");
    let message = error.to_string();
    let paths: Vec<&str> =
        message.split("; ").map(|part| part.split(' ').next().expect("a part starts with a path")).collect();
    assert_eq!(paths, expected);
    // Opening refuses what validation refuses.
    let opening = stratamem_core::Opening::new(bad, 7, Vec::new());
    assert_eq!(opening.expect_err("it is bad").to_string(), message);
    Config::default().validate().expect("the default is good");
    let nothing = ImportanceWeights { given: 0.0, reward: 0.0, ..ImportanceWeights::default() };
    let error =
        Config { importance: nothing, ..Config::default() }.validate().expect_err("no weight is left");
    assert_eq!(error.to_string(), "importance/given must not be 0 with all the others");
}

#[test]
fn moves_on_demand_go_the_way_they_say() {
    let tiers = [WORKING, INTERMEDIATE, LONG_TERM];
    let mut host = Host::new(boundless());
    for (place, from) in tiers.into_iter().enumerate() {
        for (direction, way) in [(Direction::Up, 1), (Direction::Down, -1)] {
            for to in [None, Some(0), Some(1), Some(2)] {
                let add = Operation::Add {
                    record: Box::new(NewRecord { tier: Some(from), ..text("x") }),
                    vector: None,
                };
                let id = host.commit(&Scope::default(), vec![add], at(0)).ids[0];
                let goal = to.map_or(place as i32 + way, |to| to as i32);
                let allowed = (0..3).contains(&goal) && (goal - place as i32) * way >= 0;
                let step = Operation::Move { id, direction, to: to.map(|to| tiers[to]), if_version: None };
                let answer = host.engine.commit(&Scope::default(), None, vec![step], at(1));
                let found = host.engine.get(&Scope::default(), id, at(1), false).expect("it is there");
                if allowed {
                    answer.expect("it goes that way");
                    assert_eq!(found.tier, tiers[goal as usize], "{from:?} {direction:?} {to:?}");
                    assert_eq!(found.moves.len(), usize::from(found.tier != from));
                } else {
                    let error = answer.expect_err("it goes the other way, or nowhere");
                    assert_eq!(error.code().name(), "invalid-argument");
                    assert!(error.to_string().starts_with("operations/0/to "), "{error}");
                    assert_eq!((found.tier, found.moves.len()), (from, 0));
                }
            }
        }
    }
}

#[test]
fn an_estimate_is_near_what_is_counted() {
    let line = "In the morning the keeper wound the clock, trimmed the wick of the great lamp and wrote the \
                weather into the book. Two boats had passed in the night, one of them without a light; he noted \
                their course and hoped that the harbour would answer before the post went out on Friday. ";
    let mut host = Host::new(boundless());
    let vector = Some(vec![0.6, 0.8, 0.0, 0.0]);
    let record = Box::new(text(line));
    let id = host.commit(&Scope::default(), vec![Operation::Add { record, vector }], at(0)).ids[0];
    let counted = f64::from(explain(&host, id, at(0)).bytes);
    let estimated = stratamem_core::Engine::estimate(1, 4, Precision::F32, line.len() as u32);
    assert!((estimated.memory as f64 / counted - 1.0).abs() < 0.05, "{estimated:?} for {counted}");
    let many =
        |records, dimensions| stratamem_core::Engine::estimate(records, dimensions, Precision::F32, 100);
    assert_eq!(
        (many(1_000, 0).memory, many(1_000, 0).storage),
        (1_000 * (560 + 8 + 100 + 13 * 19), 1_000 * 249)
    );
    assert_eq!(many(1_000, 8).memory - many(1_000, 0).memory, 1_000 * (5 * 8 + 20));
    assert_eq!(many(1_000, 8).storage - many(1_000, 0).storage, 1_000 * 4 * 8);
    assert_eq!(many(10_000, 0).memory - 10 * many(1_000, 0).memory, 4 << 20);
    assert_eq!(many(u64::MAX, 9), stratamem_core::Estimate { memory: u64::MAX, storage: u64::MAX });
}

#[test]
fn no_step_removes_many_at_once() {
    const MANY: usize = 32;
    let mut host = Host::new(boundless());
    let new = |number: usize| NewRecord {
        expires_at: (number < 100).then(|| at(HOUR)),
        tier: Some(if number < 200 { INTERMEDIATE } else { WORKING }),
        ..text("one of many")
    };
    host.commit(&Scope::default(), (0..500).map(new).map(add).collect(), at(0));
    host.persist();
    // Opened again with limits that all of this is far beyond.
    let forgets =
        |limits: TierConfig| TierConfig { overflow: Overflow::Forget, promote: Some(Rule::Never), ..limits };
    let limited = Config {
        working: forgets(TierConfig { max_items: Some(50), ..TierConfig::default() }),
        intermediate: forgets(TierConfig { ttl: Some(Span(HOUR)), ..TierConfig::default() }),
        ..boundless()
    };
    let (mut host, _) = Host::over(limited, host.objects, 9);
    // A commit may remove two more for each of its operations, beside what it removes itself.
    host.commit(&Scope::default(), vec![add(text("one more"))], at(1));
    assert_eq!(host.engine.len(), 501 - MANY - 2);
    host.commit(&Scope::default(), vec![add(text("and another one"))], at(2));
    assert_eq!(host.engine.len(), 502 - 2 * (MANY + 2));
    let (mut steps, mut expired, mut evicted) = (0, 0, 0);
    loop {
        let step = host.engine.maintain(at(HOUR), false).expect("nothing has failed");
        assert!(step.expired + step.evicted <= MANY as u32, "{step:?}");
        (steps, expired, evicted) = (steps + 1, expired + step.expired, evicted + step.evicted);
        if !step.more {
            break;
        }
    }
    assert_eq!((expired, evicted as usize), (100, 100 + 252 - 2 * (MANY + 2)));
    assert!(steps >= 384 / MANY && host.engine.len() == 50, "{steps} steps, {} left", host.engine.len());
}
