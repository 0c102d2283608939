//! Kept answers: a memory that keeps them answers what one that does not would.

mod support;

use stratamem_core::{
    Config, Expression, Filter, NewRecord, Operation, Order, Patch, Query, RecordId, ResultCache, Scope,
    SortField, Span, Value, Weights,
};
use support::{Host, START, add, at, text, user};

fn host(cache: Option<ResultCache>) -> Host {
    Host::new(Config { result_cache: cache, ..Config::default() })
}

fn figures(host: &Host) -> Option<(usize, u64, u64)> {
    let stats = host.engine.stats(&Scope::default(), START).engine.expect("the view sees everything");
    stats.result_cache.map(|cache| (cache.entries, cache.hits, cache.misses))
}

fn ask(words: &str) -> Query {
    Query { text: words.into(), limit: 5, ..Query::default() }
}

const WORDS: [&str; 8] = ["apple", "plum", "pear", "fig", "quince", "kettle", "boat", "shelf"];

/// Everything that happens to a memory, twice: answers are the same, and many of them were kept.
#[test]
fn answers_are_those_of_a_memory_that_keeps_none() {
    let mut random = fastrand::Rng::with_seed(23);
    let mut hosts = [host(Some(ResultCache { entries: 16, ttl: Span(5_000) })), host(None)];
    let mut ids: Vec<RecordId> = Vec::new();
    let mut now = 0i64;
    let used = |name: &str| {
        let more = Value::Map([("$gte".to_owned(), Value::Number(1.0))].into());
        Filter::from_value(&Value::Map([(name.to_owned(), more)].into())).expect("a good filter")
    };
    for turn in 0..6_000 {
        now += [0, 0, 1, 40, 400][random.usize(..5)];
        // Days pass, so that "yesterday" is another one.
        now += if random.u32(..600) == 0 { 86_400_000 } else { 0 };
        let scope = [Scope::default(), user("ada"), user("bo")][random.usize(..3)].clone();
        let chosen = ids.get(random.usize(..ids.len().max(1))).copied();
        let compact = random.u32(..8) == 0;
        match (random.u32(..72), chosen) {
            (0..2, _) => {
                let words: Vec<&str> = (0..random.usize(2..6)).map(|_| WORDS[random.usize(..8)]).collect();
                let record = NewRecord {
                    occurred_at: Some(at(now - random.i64(0..4) * 86_400_000)),
                    expires_at: (random.u32(..4) == 0).then(|| at(now + random.i64(1..4_000))),
                    scope: if random.bool() { user("ada") } else { user("bo") },
                    ..text(words.join(" "))
                };
                let made: Vec<RecordId> = hosts
                    .iter_mut()
                    .map(|host| host.commit(&Scope::default(), vec![add(record.clone())], at(now)).ids[0])
                    .collect();
                assert_eq!(made[0], made[1]);
                ids.push(made[0]);
            }
            (2, Some(id)) => {
                let patch = Patch { text: Some(WORDS[random.usize(..8)].into()), ..Patch::default() };
                for host in &mut hosts {
                    let patch = Box::new(patch.clone());
                    let update = Operation::Update { id, patch, vector: None, if_version: None };
                    // Whether the record is still there, both know alike.
                    let _ = host.engine.commit(&Scope::default(), None, vec![update], at(now));
                }
            }
            (3, Some(id)) => {
                for host in &mut hosts {
                    let forget = Operation::Forget { id, vector: None, if_version: None };
                    let _ = host.engine.commit(&Scope::default(), None, vec![forget], at(now));
                }
            }
            (4, Some(id)) => {
                hosts.iter_mut().for_each(|host| drop(host.engine.get(&scope, id, at(now), true)))
            }
            (5, _) => hosts.iter_mut().for_each(|host| host.maintain(at(now), compact)),
            _ => {
                let words = ["apple plum", "the boat yesterday", "kettle shelf fig"][random.usize(..3)];
                let query = match random.u32(..8) {
                    0 => Query { weights: Weights([0.5; 9]), ..ask(words) },
                    1 => Query { filter: Some(used("$accessCount")), ..ask(words) },
                    2 => Query {
                        expression: Some(Expression::parse("accessCount:>0 apple OR plu*").unwrap()),
                        ..ask("")
                    },
                    3 => Query {
                        sort: Some(Order { by: SortField::LastAccess, descending: true }),
                        ..ask(words)
                    },
                    4 => Query { expression: Some(Expression::parse("plum~1 -pear").unwrap()), ..ask("") },
                    5 => Query { limit: 3, ..ask(words) },
                    _ => ask(words),
                };
                let touch = random.u32(..4) == 0;
                let [kept, worked_out] = hosts
                    .each_mut()
                    .map(|host| host.engine.recall(&scope, None, query.clone(), at(now), touch));
                assert_eq!(kept, worked_out, "turn {turn}: {query:?}");
            }
        }
    }
    let (entries, hits, misses) = figures(&hosts[0]).expect("it keeps answers");
    assert!(entries <= 16 && hits > 300 && misses > 300, "{entries} entries, {hits} hits, {misses} misses");
    assert_eq!(figures(&hosts[1]), None);
}

#[test]
fn an_answer_is_kept_until_something_changes_expires_or_a_day_is_over() {
    let mut host = host(Some(ResultCache { entries: 2, ttl: Span(40_000_000) }));
    let id = host.add(NewRecord { expires_at: Some(at(5_000)), ..text("the red kettle") }, START);
    let count = |host: &mut Host, words: &str, now: i64, touch: bool| -> (usize, u64) {
        let hits =
            host.engine.recall(&Scope::default(), None, ask(words), at(now), touch).expect("a good question");
        (hits.len(), figures(host).expect("it keeps answers").1)
    };
    assert_eq!(count(&mut host, "kettle", 0, false), (1, 0));
    assert_eq!(count(&mut host, "kettle", 1, true), (1, 1));
    // A use shows, and drops nothing.
    let hits =
        host.engine.recall(&Scope::default(), None, ask("kettle"), at(2), false).expect("a good question");
    assert_eq!((hits[0].record.usage.count, figures(&host).unwrap().1), (1, 2));
    // Earlier than it was made it does not hold, nor once a record has expired.
    assert_eq!(count(&mut host, "kettle", -1, false), (1, 2));
    assert_eq!(count(&mut host, "kettle", 5_000, false), (0, 2));
    assert_eq!(count(&mut host, "kettle", 5_001, false), (0, 3));
    // START is 107 minutes before midnight.
    let midnight = 6_400_000;
    assert_eq!(count(&mut host, "kettle", midnight - 1, false), (0, 4));
    assert_eq!(count(&mut host, "kettle", midnight, false), (0, 4));
    assert_eq!(count(&mut host, "kettle", midnight + 40_000_000, false), (0, 4));
    // Another view is another question.
    host.engine
        .recall(&user("ada"), None, ask("kettle"), at(midnight + 40_000_001), false)
        .expect("a good question");
    assert_eq!(figures(&host).unwrap().1, 4);
    // Two are kept, the last ones.
    assert_eq!(count(&mut host, "boat", midnight + 40_000_002, false), (0, 4));
    assert_eq!(count(&mut host, "kettle", midnight + 40_000_003, false), (0, 4));
    assert_eq!(count(&mut host, "kettle", midnight + 40_000_004, false), (0, 5));
    host.add(text("a blue kettle"), at(midnight + 40_000_005));
    assert_eq!(count(&mut host, "kettle", midnight + 40_000_006, false), (1, 5));
    assert_eq!(figures(&host).unwrap().0, 2);
    assert!(host.engine.get(&Scope::default(), id, at(midnight), false).is_none());
}
