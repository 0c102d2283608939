//! Limits of tiers: who leaves, what is refused, what is told.

use stratamem_core::policy::{EvictionPolicy, EvictionStep, Rule};
use stratamem_core::{
    Config, Demotion, Event, Kind, NewRecord, OnLimit, Operation, Overflow, Patch, Query, Reason, RecordId,
    Scope, Span, Tier, TierConfig,
};

use crate::scene::{
    DAY, HOUR, INTERMEDIATE, LONG_TERM, MINUTE, WORKING, boundless, explain, forget, important, read,
    refused, step, tier_of, told, update,
};
use crate::support::{Host, add, at, contents, space, text};

fn rejecting(max_items: u32) -> TierConfig {
    TierConfig { max_items: Some(max_items), on_limit: OnLimit::Reject, ..TierConfig::default() }
}

#[test]
fn a_tier_that_refuses_takes_no_more_and_leaves_nothing_half_done() {
    let mut host = Host::new(Config { working: rejecting(3), ..boundless() });
    let ids: Vec<RecordId> = (0..3).map(|moment| host.add(text("one of three"), at(moment))).collect();
    told(&mut host);
    let before = contents(&host.engine);
    let elsewhere = NewRecord { tier: Some(INTERMEDIATE), ..text("goes elsewhere") };
    let both = vec![add(elsewhere.clone()), add(text("one too many"))];
    let error = host.engine.commit(&Scope::default(), None, both, at(3)).expect_err("there is no room");
    assert_eq!(error.code().name(), "tier-full");
    assert_eq!(
        error.to_string(),
        "the working tier is full and refuses more: forget something, raise its limits, or let it evict"
    );
    assert_eq!((contents(&host.engine), told(&mut host)), (before, Vec::new()));
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
            let space = space(4);
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
