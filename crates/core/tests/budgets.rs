//! Budgets of kinds and of all tiers together, evictions that the host decides, and whose time is over with nowhere to
//! go: against naive selection by sorting.

mod support;

use proptest::prelude::*;
use stratamem_core::policy::{EvictionPolicy, Rule};
use stratamem_core::{
    Config, Direction, Event, Kind, KindConfig, NewRecord, OnLimit, Operation, Overflow, Patch, Reason,
    RecordId, Scope, Span, Tier, TierConfig, Timestamp, TotalConfig,
};
use support::{Host, add, at, text, verbatim};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Tiers without limits that nobody leaves by himself.
fn boundless() -> Config {
    let still = TierConfig { promote: Some(Rule::Never), ..TierConfig::default() };
    Config {
        working: still.clone(),
        intermediate: still,
        long_term: TierConfig::default(),
        // The records of these tests say the same, and stay apart.
        consolidation: verbatim(),
        ..Config::default()
    }
}

fn told(host: &mut Host) -> Vec<Event> {
    host.persist();
    let mut events = host.engine.drain_events();
    events.retain(|event| !matches!(event, Event::SegmentSealed { .. } | Event::MemoryAdded { .. }));
    events
}

fn of_kind(kind: &str, importance: f64) -> NewRecord {
    NewRecord { kind: Some(Kind(kind.into())), importance: Some(importance), ..text("one of its kind") }
}

/// Who is there, in id order.
fn ids(host: &Host, now: Timestamp) -> Vec<RecordId> {
    let page = host.engine.list(&Scope::default(), None, None, usize::MAX, now);
    page.records.iter().map(|record| record.id).collect()
}

/// What the engine says a record is worth, and what it takes.
fn figures(host: &Host, id: RecordId, now: Timestamp) -> (f64, u64) {
    let told = host.engine.explain_transition(&Scope::default(), id, now).expect("it is there");
    (told.worth, told.bytes.into())
}

#[test]
fn a_kind_keeps_to_its_limit_over_all_tiers_and_others_are_left_alone() {
    let mut config = boundless();
    config.kinds.insert("note".into(), KindConfig { max_items: Some(3), ..KindConfig::default() });
    let mut host = Host::new(config);
    let mut notes = Vec::new();
    for (number, tier) in Tier::ALL.into_iter().cycle().take(6).enumerate() {
        let importance = number as f64 / 10.0;
        // Nine of another kind that are worth less than any note.
        host.add(NewRecord { tier: Some(tier), ..of_kind("chatter", 0.0) }, at(0));
        let pinned = number == 0;
        notes.push(host.add(NewRecord { tier: Some(tier), pinned, ..of_kind("note", importance) }, at(0)));
    }
    host.maintain(at(DAY), false);
    // The pinned one counts and stays; of the others those of least worth are gone, whatever their tier.
    let left: Vec<RecordId> = ids(&host, at(DAY)).into_iter().filter(|id| notes.contains(id)).collect();
    assert_eq!(left, [notes[0], notes[4], notes[5]]);
    assert_eq!(host.engine.len(), 9);
    let events = told(&mut host);
    let gone: Vec<RecordId> = events
        .iter()
        .map(|event| match event {
            Event::MemoryEvicted {
                id,
                reason: Reason::KindLimit,
                policy: Some(EvictionPolicy::LowWorth),
                score: Some(worth),
                ..
            } if *worth > 0.0 => *id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(gone, notes[1..4]);
    let engine = host.engine.stats(&Scope::default(), at(DAY)).engine.expect("the view sees everything");
    assert_eq!(engine.tiers.working.evicted.kind_limit, 1);
    let kinds: Vec<_> = engine.kinds.iter().map(|kind| (kind.kind.as_str(), kind.items)).collect();
    assert_eq!(kinds, [("chatter", 6), ("note", 3)]);
}

#[test]
fn a_record_counts_for_the_kind_that_it_becomes() {
    let mut config = boundless();
    config.kinds.insert("note".into(), KindConfig { max_items: Some(1), ..KindConfig::default() });
    let mut host = Host::new(config);
    let note = host.add(of_kind("note", 0.9), at(0));
    let other = host.add(of_kind("idea", 0.1), at(0));
    host.maintain(at(1), false);
    assert_eq!(ids(&host, at(1)), [note, other]);
    let patch = Box::new(Patch { kind: Some(Kind("note".into())), ..Patch::default() });
    let update = Operation::Update { id: other, patch, vector: None, if_version: None };
    host.commit(&Scope::default(), vec![update], at(2));
    assert_eq!(ids(&host, at(2)), [note], "a commit that leaves twice as much as may be brings it back");
}

#[test]
fn the_whole_memory_can_warn_and_refuse() {
    let total = |on_limit| TotalConfig { max_items: Some(2), max_bytes: None, on_limit };
    let mut host = Host::new(Config { total: total(OnLimit::Warn), ..boundless() });
    for tier in Tier::ALL {
        host.add(NewRecord { tier: Some(tier), ..text("in a tier") }, at(0));
    }
    let events = told(&mut host);
    assert!(
        matches!(events[..], [Event::TotalLimitReached { items: 3, bytes }] if bytes > 1_500),
        "{events:?}"
    );
    host.maintain(at(1), false);
    assert_eq!((told(&mut host), host.engine.len()), (Vec::new(), 3));

    let mut host = Host::new(Config { total: total(OnLimit::Reject), ..boundless() });
    let first = host.add(text("in the first place"), at(0));
    let both = vec![add(text("one")), add(NewRecord { tier: Some(Tier::LongTerm), ..text("two") })];
    let error = host.engine.commit(&Scope::default(), None, both, at(1)).expect_err("there is room for one");
    assert_eq!((error.code().name(), host.engine.len()), ("memory-full", 1));
    // A place that becomes free within a transaction is free; a move needs none.
    host.add(text("in the second place"), at(2));
    let swap = vec![
        Operation::Forget { id: first, if_version: None, vector: None },
        add(NewRecord { tier: Some(Tier::LongTerm), ..text("instead") }),
    ];
    let swapped = host.commit(&Scope::default(), swap, at(3));
    let (id, to) = (swapped.ids[1], Some(Tier::Working));
    let fall = Operation::Move { id, to, direction: Direction::Down, if_version: None };
    host.commit(&Scope::default(), vec![fall], at(4));
    assert_eq!(host.engine.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Maintenance leaves what plain sorting by worth leaves, under limits of items and bytes.
    #[test]
    fn those_of_least_worth_go_whatever_their_tier(
        records in prop::collection::vec((0u8..3, 0u8..=20, 0usize..400, 0u8..4, prop::bool::weighted(0.1)), 1..40),
        max_items in prop::option::of(1u32..30),
        max_bytes in prop::option::of(2_000u64..20_000),
    ) {
        let mut roomy = Host::new(boundless());
        let mut new = Vec::new();
        for (tier, importance, padding, _, pinned) in &records {
            new.push(add(NewRecord {
                tier: Some(Tier::ALL[usize::from(*tier)]),
                importance: Some(f64::from(*importance) / 20.0),
                pinned: *pinned,
                ..text(format!("amber{}", " ".repeat(*padding)))
            }));
        }
        let made = roomy.commit(&Scope::default(), new, at(0)).ids;
        for (id, (_, _, _, uses, _)) in made.iter().zip(&records) {
            for time in 0..*uses {
                roomy.engine.get(&Scope::default(), *id, at(HOUR * i64::from(time)), true);
            }
        }
        roomy.reopen(at(DAY));
        let now = at(2 * DAY);
        let mut queue: Vec<(f64, RecordId, u64, bool)> = made
            .iter()
            .zip(&records)
            .map(|(id, (.., pinned))| {
                let (worth, bytes) = figures(&roomy, *id, now);
                (worth, *id, bytes, *pinned)
            })
            .collect();
        let (mut items, mut bytes) = (queue.len(), queue.iter().map(|one| one.2).sum::<u64>());
        // Equal worth goes by idleness and then by id; here only who was used lately can differ in idleness.
        queue.sort_by(|a, b| a.0.total_cmp(&b.0));
        let worth: Vec<f64> = queue.iter().map(|one| one.0).collect();
        prop_assume!(worth.windows(2).all(|pair| pair[0] < pair[1] || queue.len() < 2) || max_bytes.is_none());
        let mut left: Vec<f64> = Vec::new();
        for (worth, _, weight, pinned) in queue {
            let over = max_items.is_some_and(|limit| items > limit as usize)
                || max_bytes.is_some_and(|limit| bytes > limit);
            if over && !pinned {
                (items, bytes) = (items - 1, bytes - weight);
            } else {
                left.push(worth);
            }
        }
        let total = TotalConfig { max_items, max_bytes, on_limit: OnLimit::Evict };
        let (mut host, _) = Host::over(Config { total, ..boundless() }, roomy.objects, 9);
        host.maintain(now, false);
        let mut found: Vec<f64> = ids(&host, now).into_iter().map(|id| figures(&host, id, now).0).collect();
        found.sort_by(f64::total_cmp);
        prop_assert_eq!(found, left);
    }

    /// A tier whose evictions the host decides leaves whom the host ranked lowest, however the pages are cut and
    /// whatever is committed in between.
    #[test]
    fn the_host_decides_by_rank(
        urgencies in prop::collection::vec(-50i32..50, 1..60),
        page in 1usize..20,
        limit in 1u32..40,
        forgotten in 0usize..60,
    ) {
        let mut config = boundless();
        config.long_term = TierConfig { max_items: Some(limit), on_limit: OnLimit::Host, ..TierConfig::default() };
        config.default_tier = Tier::LongTerm;
        let mut host = Host::new(config);
        let made = host.commit(
            &Scope::default(),
            urgencies.iter().map(|_| add(text("ranked"))).collect(),
            at(0),
        ).ids;
        host.persist();
        host.maintain(at(0), false);
        prop_assert_eq!(host.engine.len(), made.len(), "nobody leaves unranked");
        let mut pages = 0;
        let mut gone = None;
        while let Some(figures) = host.engine.unranked(Tier::LongTerm, page, at(1)) {
            prop_assert!(figures.len() <= page);
            let of = |id: RecordId| made.iter().position(|one| *one == id).expect("it was made");
            let ranked: Vec<_> = figures.iter().map(|one| (one.id, f64::from(urgencies[of(one.id)]))).collect();
            host.engine.rank(Tier::LongTerm, &ranked);
            if pages == 0 && forgotten < made.len() && made.len() > 1 {
                gone = Some(made[forgotten]);
                let forget = Operation::Forget { id: made[forgotten], if_version: None, vector: None };
                host.commit(&Scope::default(), vec![forget], at(1));
            }
            pages += 1;
        }
        // Where somebody has committed after the last page, that has let them leave already.
        host.maintain(at(1), false);
        let there = |id: &RecordId| Some(*id) != gone;
        let mut queue: Vec<(RecordId, i32)> = made.iter().copied().zip(urgencies.iter().copied()).filter(|(id, _)| there(id)).collect();
        queue.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let surplus = queue.len().saturating_sub(limit as usize);
        let expected: Vec<Event> = queue[..surplus]
            .iter()
            .map(|(id, urgency)| Event::MemoryEvicted {
                id: *id,
                tier: Tier::LongTerm,
                reason: Reason::Capacity,
                policy: Some(EvictionPolicy::Custom),
                score: Some(f64::from(*urgency)),
            })
            .collect();
        let mut events = told(&mut host);
        events.retain(|event| matches!(event, Event::MemoryEvicted { .. }));
        prop_assert_eq!(events, expected);
        prop_assert!(host.engine.unranked(Tier::LongTerm, page, at(2)).is_none(), "nothing is too much now");
    }
}

#[test]
fn a_search_of_the_whole_memory_takes_bounded_steps() {
    let total = TotalConfig { max_items: Some(1_000), ..TotalConfig::default() };
    let mut roomy = Host::new(boundless());
    for batch in 0..3 {
        let new = (0..1_000).map(|number| of_kind("note", f64::from(number % 10) / 10.0));
        roomy.commit(&Scope::default(), new.map(add).collect(), at(batch));
    }
    roomy.reopen(at(5));
    let (mut host, _) = Host::over(Config { total, ..boundless() }, roomy.objects, 9);
    assert!(host.engine.overfull());
    // A commit takes its part: 32 and two for its operation, once the search is through.
    for commits in 0..4 {
        host.commit(&Scope::default(), vec![add(text("one more"))], at(6));
        assert!(host.engine.len() >= 3_001 + commits - 2 * 34, "{} after {commits}", host.engine.len());
    }
    assert!(host.engine.len() < 3_004, "commits help");
    let mut steps = 0;
    loop {
        let before = host.engine.len();
        let more = host.engine.maintain(at(7), false).expect("nothing has failed").more;
        assert!(before - host.engine.len() <= 32);
        steps += 1;
        if !more {
            break;
        }
    }
    assert_eq!(host.engine.len(), 1_000);
    assert!(steps > 60 && !host.engine.overfull());
}

/// Twice as many as one step looks at have nowhere to go; those behind them are evicted, since they have faded.
#[test]
fn whom_the_next_tier_refuses_does_not_hold_up_those_behind() {
    let full = TierConfig { max_items: Some(1), on_limit: OnLimit::Reject, ..TierConfig::default() };
    let mut host = Host::new(Config {
        working: TierConfig {
            ttl: Some(Span(HOUR)),
            promote: Some(Rule::Never),
            forget_below: 0.9,
            ..TierConfig::default()
        },
        intermediate: full,
        ..boundless()
    });
    host.add(NewRecord { tier: Some(Tier::Intermediate), ..text("takes the place") }, at(0));
    let batch = |count: usize| (0..count).map(|_| add(text("waits"))).collect::<Vec<_>>();
    let heads = host.commit(&Scope::default(), batch(2_100), at(0)).ids;
    let behind = host.commit(&Scope::default(), batch(50), at(1)).ids;
    // The heads were used just now, so they have not faded; those behind have.
    let now = at(3 * DAY);
    for id in &heads {
        host.engine.get(&Scope::default(), *id, now, true);
    }
    host.persist();
    told(&mut host);
    let mut steps = 0;
    while host.engine.maintain(now, false).expect("nothing has failed").more {
        steps += 1;
        assert!(steps < 40, "it comes to an end");
    }
    let gone: Vec<RecordId> = told(&mut host)
        .into_iter()
        .map(|event| match event {
            Event::MemoryEvicted { id, reason: Reason::Faded, .. } => id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(gone, behind);
    // Who comes after them has a time of its own, before the next try of those who wait.
    let late = host.add(text("comes later"), Timestamp(now.0 - HOUR + 5));
    assert_eq!(host.engine.next_deadline(), Some(Timestamp(now.0 + 5)));
    assert!(host.engine.explain_transition(&Scope::default(), late, now).is_some());
    // Once there is room, the longest resident goes.
    let place = ids(&host, now)[0];
    host.commit(
        &Scope::default(),
        vec![Operation::Forget { id: place, if_version: None, vector: None }],
        now,
    );
    host.maintain(now, false);
    let tier = |id| host.engine.explain_transition(&Scope::default(), id, now).expect("it is there").tier;
    assert_eq!((tier(heads[0]), tier(heads[1])), (Tier::Intermediate, Tier::Working));
}

/// What leaves one tier by the host's rank comes into the next one, which then has to rank anew.
#[test]
fn ranks_of_the_host_move_on_where_the_tier_does() {
    let by_host = |limit, overflow| TierConfig {
        max_items: Some(limit),
        on_limit: OnLimit::Host,
        overflow,
        promote: Some(Rule::Never),
        ..TierConfig::default()
    };
    let mut host = Host::new(Config {
        working: by_host(2, Overflow::Move),
        intermediate: by_host(1, Overflow::Forget),
        ..boundless()
    });
    let made: Vec<RecordId> = (0..5).map(|number| host.add(text("ranked"), at(number))).collect();
    let rank = |host: &mut Host, tier| {
        while let Some(page) = host.engine.unranked(tier, 2, at(9)) {
            let by_age: Vec<_> = page.iter().map(|one| (one.id, -(one.recorded_at.0 as f64))).collect();
            host.engine.rank(tier, &by_age);
        }
        host.maintain(at(9), false);
    };
    rank(&mut host, Tier::Working);
    assert!(host.engine.overfull(), "now the next one holds three");
    rank(&mut host, Tier::Intermediate);
    // Ties of time do not exist, and the oldest went first both times.
    assert_eq!(ids(&host, at(9)), made[2..]);
    assert!(!host.engine.overfull());
}
