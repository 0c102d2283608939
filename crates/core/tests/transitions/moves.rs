//! Moves on demand, probation, and that nothing flaps.

use stratamem_core::policy::Rule;
use stratamem_core::{
    Config, Demotion, Direction, Event, NewRecord, Operation, Patch, Reason, Scope, Span, TierConfig,
    Timestamp,
};

use crate::scene::{
    DAY, HOUR, INTERMEDIATE, LONG_TERM, MINUTE, WORKING, boundless, close, explain, important, read,
    retention, step, tier_of, told, update,
};
use crate::support::{Host, at, text};

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
