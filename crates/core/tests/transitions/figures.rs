//! What a memory tells of its tiers: figures, analysis, deadlines, estimates.

use stratamem_core::policy::Rule;
use stratamem_core::{
    Config, Evictions, NewRecord, Operation, Overflow, Precision, Query, RecordId, Scope, Span, TierConfig,
    TierFigures, Timestamp,
};

use crate::scene::{DAY, HOUR, LONG_TERM, MINUTE, boundless, explain, important, read, record};
use crate::support::{Host, at, text, user, verbatim};

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
