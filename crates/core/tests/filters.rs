//! Filters against a naive evaluator that works on the JSON forms, and the cases that are easy to get wrong.

mod support;

use std::cmp::Ordering;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use stratamem_core::{
    Config, Direction, Error, Filter, Kind, NewRecord, Operation, Patch, Query, QueryError, Record, Scope,
    Tier,
};
use support::{Host, START, add, at, text, verbatim};

fn read(filter: &Json) -> Result<Filter, QueryError> {
    Filter::from_value(&serde_json::from_value(filter.clone()).expect("plain JSON"))
}

/// A record with every field filled, and this metadata.
fn record(metadata: &Json) -> Record {
    let mut host = Host::new(Config::default());
    let id = host.add(
        NewRecord {
            metadata: serde_json::from_value(metadata.clone()).expect("an object"),
            tier: Some(Tier::Intermediate),
            actor: Some("Ada".into()),
            importance: Some(0.25),
            tags: vec!["red".into(), "blue".into()],
            occurred_at: Some(at(-1_000)),
            expires_at: Some(at(60_000)),
            ..text("Ada prefers metric units")
        },
        START,
    );
    host.engine.get(&Scope::default(), id, START, false).expect("it was just added")
}

fn holds(filter: Json, record: &Record) -> bool {
    read(&filter).unwrap_or_else(|error| panic!("{filter}: {error}")).matches(record)
}

/// What a filter means, read off its JSON form.
fn naive(filter: &Json, metadata: &Json) -> bool {
    let entries = filter.as_object().expect("a filter is an object");
    entries.iter().all(|(name, value)| match name.as_str() {
        "$and" => value.as_array().expect("a list").iter().all(|part| naive(part, metadata)),
        "$or" => value.as_array().expect("a list").iter().any(|part| naive(part, metadata)),
        "$not" => !naive(value, metadata),
        path => {
            // What is escaped is put aside while the path is split at the dots that are left.
            let aside = path.replace("\\\\", "\u{1}").replace("\\.", "\u{2}").replace("\\$", "\u{3}");
            let mut found = Some(metadata);
            for step in aside.split('.') {
                let step = step.replace('\u{1}', "\\").replace('\u{2}', ".").replace('\u{3}', "$");
                found = found.and_then(Json::as_object).and_then(|entries| entries.get(&step));
            }
            let operators =
                value.as_object().filter(|entries| entries.keys().any(|key| key.starts_with('$')));
            match operators {
                None => found == Some(value),
                Some(operators) => {
                    operators.iter().all(|(operator, operand)| naive_test(operator, operand, found))
                }
            }
        }
    })
}

fn naive_test(operator: &str, operand: &Json, found: Option<&Json>) -> bool {
    let order = match (found, operand) {
        (Some(Json::Number(a)), Json::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Some(Json::String(a)), Json::String(b)) => Some(a.chars().cmp(b.chars())),
        (Some(Json::Bool(a)), Json::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    };
    let among = || operand.as_array().expect("a list").iter().any(|option| found == Some(option));
    match operator {
        "$eq" => found == Some(operand),
        "$ne" => found != Some(operand),
        "$gt" => order == Some(Ordering::Greater),
        "$gte" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        "$lt" => order == Some(Ordering::Less),
        "$lte" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        "$in" => among(),
        "$nin" => !among(),
        "$contains" => match (found, operand) {
            (Some(Json::Array(items)), part) => items.contains(part),
            (Some(Json::String(text)), Json::String(part)) => text.contains(part.as_str()),
            _ => false,
        },
        "$exists" => found.is_some() == operand.as_bool().expect("a boolean"),
        other => panic!("{other} is not an operator"),
    }
}

/// Few values, so that filters and records often agree. Numbers are floats, as the engine keeps them.
fn plain() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        prop::sample::select(vec![-1.0, 0.0, 0.5, 1.0, 1e300]).prop_map(Json::from),
        prop::sample::select(vec!["", "a", "ab", "b", "é", "1", "Z"]).prop_map(Json::from),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    // A map that is compared as a whole has no names with a dollar sign: those would be operators.
    let name = || name().prop_filter("no operator", |name| !name.starts_with('$'));
    plain().prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map(name(), inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "a", "b", "b", "c", "a.b", "\\", "$a"]).prop_map(str::to_owned)
}

/// A name as a step of a path.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('.', "\\.").replace('$', "\\$")
}

fn metadata() -> impl Strategy<Value = Json> {
    prop::collection::btree_map(name(), value(), 0..4).prop_map(|map| json!(map))
}

fn operator() -> impl Strategy<Value = (String, Json)> {
    let bound = plain().prop_filter("a bound is a number, a string or a boolean", |value| !value.is_null());
    prop_oneof![
        (prop::sample::select(vec!["$eq", "$ne", "$contains"]), value().boxed()),
        (prop::sample::select(vec!["$gt", "$gte", "$lt", "$lte"]), bound.boxed()),
        (
            prop::sample::select(vec!["$in", "$nin"]),
            prop::collection::vec(value(), 0..4).prop_map(Json::from).boxed()
        ),
        (Just("$exists"), any::<bool>().prop_map(Json::from).boxed()),
    ]
    .prop_map(|(operator, operand)| (operator.to_owned(), operand))
}

fn condition() -> impl Strategy<Value = Json> {
    let path = prop::collection::vec(name(), 1..4).prop_map(|steps| {
        // Without its escapes a path may mean another one, or the same.
        steps.iter().map(|step| escaped(step)).collect::<Vec<_>>().join(".")
    });
    let test = prop_oneof![
        1 => value(),
        3 => prop::collection::vec(operator(), 1..3)
            .prop_map(|operators| Json::Object(operators.into_iter().collect())),
    ];
    prop::collection::vec((path, test), 0..3).prop_map(|entries| Json::Object(entries.into_iter().collect()))
}

fn filter() -> impl Strategy<Value = Json> {
    condition().prop_recursive(3, 16, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from);
        (condition(), prop::option::of(list()), prop::option::of(list()), prop::option::of(inner.clone()))
            .prop_map(|(mut filter, all, any, not)| {
                for (name, part) in [("$and", all), ("$or", any), ("$not", not)] {
                    if let Some(part) = part {
                        filter[name] = part;
                    }
                }
                filter
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn filters_mean_what_their_json_says(filter in filter(), metadata in metadata()) {
        let record = RECORD.with(|record| Record {
            metadata: serde_json::from_value(metadata.clone()).expect("an object"),
            ..record.clone()
        });
        let engine = read(&filter).expect("a well-formed filter").matches(&record);
        prop_assert_eq!(engine, naive(&filter, &metadata), "{} on {}", filter, metadata);
    }

    /// Whatever a filter looks like, it is read or refused by name.
    #[test]
    fn any_json_is_read_or_refused(filter in value()) {
        match read(&filter) {
            Ok(filter) => { filter.matches(&RECORD.with(Clone::clone)); }
            Err(QueryError::Filter { path, .. }) => prop_assert!(path.starts_with("filter"), "{}", path),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

thread_local! {
    static RECORD: Record = record(&json!({}));
}

#[test]
fn edge_cases() {
    let record = record(&json!({
        "null": null, "zero": 0, "yes": true, "no": false, "text": "metric units", "empty": "",
        "list": ["a", 1, null, ["x"], { "k": 1 }], "none": [], "map": { "in": { "deep": 5 } }, "day": "2024-03-01",
        "dotted.name": 1, "$money": 5, "back\\slash": 1, "ends\\": 1, "upper": "Z", "accent": "é",
    }));
    for (filter, expected) in [
        // A dot, a dollar sign and a backslash that stand for themselves; a backslash before anything else does anyway.
        (json!({ "dotted.name": 1 }), false),
        (json!({ "dotted\\.name": 1 }), true),
        (json!({ "dotted\\\\.name": { "$exists": true } }), false),
        (json!({ "map.in\\.deep": 5 }), false),
        (json!({ "\\$money": 5 }), true),
        (json!({ "\\$money": { "$gt": 4 } }), true),
        (json!({ "back\\slash": 1 }), true),
        (json!({ "back\\\\slash": 1 }), true),
        (json!({ "ends\\": 1 }), true),
        // Missing paths.
        (json!({ "gone": null }), false),
        (json!({ "gone": { "$eq": null } }), false),
        (json!({ "gone": { "$ne": 1 } }), true),
        (json!({ "gone": { "$ne": null } }), true),
        (json!({ "gone": { "$nin": [1, null] } }), true),
        (json!({ "gone": { "$in": [null] } }), false),
        (json!({ "gone": { "$lt": 5 } }), false),
        (json!({ "gone": { "$contains": "a" } }), false),
        (json!({ "gone": { "$exists": false } }), true),
        (json!({ "map.gone.deep": { "$exists": true } }), false),
        (json!({ "$not": { "gone": { "$gt": 5 } } }), true),
        // Null is a value that is there.
        (json!({ "null": null }), true),
        (json!({ "null": { "$exists": true } }), true),
        (json!({ "null": { "$ne": null } }), false),
        (json!({ "null": { "$in": [null] } }), true),
        (json!({ "null": { "$lte": 0 } }), false),
        // Types never mix.
        (json!({ "zero": false }), false),
        (json!({ "zero": "0" }), false),
        (json!({ "zero": { "$lt": "1" } }), false),
        (json!({ "text": { "$gt": 0 } }), false),
        (json!({ "no": { "$lt": true } }), true),
        (json!({ "yes": { "$gte": 0 } }), false),
        (json!({ "zero": -0.0 }), true),
        // Paths.
        (json!({ "map.in.deep": 5 }), true),
        (json!({ "map.in.deep": { "$gt": 4, "$lt": 6 } }), true),
        (json!({ "map.in.deep": { "$gt": 4, "$lt": 5 } }), false),
        (json!({ "map": { "in": { "deep": 5 } } }), true),
        (json!({ "map": { "in": { "deep": 5, "more": 1 } } }), false),
        (json!({ "map.in": { "deep": 5 } }), true),
        (json!({ "text.length": { "$exists": true } }), false),
        (json!({ "list.0": "a" }), false),
        // A name with a dot in it cannot be asked for: the dot separates steps.
        (json!({ "dotted.name": 1 }), false),
        // Lists compare whole.
        (json!({ "none": [] }), true),
        (json!({ "list": ["a"] }), false),
        (json!({ "list": ["a", 1, null, ["x"], { "k": 1 }] }), true),
        (json!({ "list": { "$in": ["a"] } }), false),
        // $contains: an element, or a part of a text.
        (json!({ "list": { "$contains": "a" } }), true),
        (json!({ "list": { "$contains": null } }), true),
        (json!({ "list": { "$contains": ["x"] } }), true),
        (json!({ "list": { "$contains": { "k": 1 } } }), true),
        (json!({ "list": { "$contains": "x" } }), false),
        (json!({ "none": { "$contains": null } }), false),
        (json!({ "text": { "$contains": "ric un" } }), true),
        (json!({ "text": { "$contains": "" } }), true),
        (json!({ "text": { "$contains": "Metric" } }), false),
        (json!({ "text": { "$contains": 1 } }), false),
        (json!({ "map": { "$contains": "in" } }), false),
        // Days in ISO form compare as text; order is by code point.
        (json!({ "day": { "$gte": "2024-02-30", "$lt": "2024-03-02" } }), true),
        (json!({ "upper": { "$lt": "a" } }), true),
        (json!({ "accent": { "$gt": "z" } }), true),
        (json!({ "empty": { "$lt": "a" } }), true),
        // Nothing and everything.
        (json!({}), true),
        (json!({ "$and": [] }), true),
        (json!({ "$or": [] }), false),
        (json!({ "$not": {} }), false),
        (json!({ "zero": { "$in": [] } }), false),
        (json!({ "zero": { "$nin": [] } }), true),
        (json!({ "map": {} }), false),
        (json!({ "$or": [{ "zero": 1 }, { "yes": true }], "no": false }), true),
        (json!({ "$or": [{ "zero": 1 }, { "yes": true }], "no": true }), false),
        // Fields of the record.
        (json!({ "$id": record.id.to_string() }), true),
        (json!({ "$text": { "$contains": "prefers" } }), true),
        (json!({ "$kind": "episodic" }), true),
        (json!({ "$tier": { "$in": ["working", "intermediate"] } }), true),
        (json!({ "$actor": "Ada" }), true),
        (json!({ "$actor": "ada" }), false),
        (json!({ "$source": { "$exists": false } }), true),
        (json!({ "$tags": { "$contains": "blue" } }), true),
        (json!({ "$tags": ["red", "blue"] }), true),
        (json!({ "$importance": { "$gte": 0.25, "$lte": 0.25 } }), true),
        (json!({ "$pinned": false }), true),
        (json!({ "$version": 1 }), true),
        (json!({ "$accessCount": { "$gt": 0 } }), false),
        (json!({ "$lastAccess": { "$exists": true } }), false),
        (json!({ "$occurredAt": { "$lt": START.0 as f64 } }), true),
        (json!({ "$recordedAt": { "$gte": START.0 as f64 } }), true),
        (json!({ "$expiresAt": at(60_000).0 as f64 }), true),
    ] {
        assert_eq!(holds(filter.clone(), &record), expected, "{filter}");
    }
}

#[test]
fn bad_filters_are_refused_by_path() {
    for (filter, path, problem) in [
        (json!(null), "filter", "must be an object"),
        (json!([]), "filter", "must be an object"),
        (json!({ "$and": {} }), "filter/$and", "must be a list"),
        (json!({ "$or": [{}, 5] }), "filter/$or/1", "must be an object"),
        (json!({ "$not": [] }), "filter/$not", "must be an object"),
        (json!({ "$nor": [] }), "filter/$nor", "is not a field"),
        (json!({ "$colour": 1 }), "filter/$colour", "is not a field"),
        (json!({ "a": { "$like": 1 } }), "filter/a/$like", "is not an operator"),
        (json!({ "a": { "$gt": 1, "b": 2 } }), "filter/a/b", "is not an operator"),
        (json!({ "a": { "$in": 5 } }), "filter/a/$in", "must be a list"),
        (json!({ "a": { "$nin": { "b": 1 } } }), "filter/a/$nin", "must be a list"),
        (json!({ "a": { "$gt": null } }), "filter/a/$gt", "must be a number"),
        (json!({ "a": { "$lte": [1] } }), "filter/a/$lte", "must be a number"),
        (json!({ "a": { "$exists": 1 } }), "filter/a/$exists", "must be true or false"),
        (json!({ "a..b": 1 }), "filter/a..b", "has an empty step"),
        (json!({ "": 1 }), "filter/", "has an empty step"),
        (json!({ "a.": 1 }), "filter/a.", "has an empty step"),
        (
            json!({ "$and": [{}, { "$or": [{ "a": { "$contains": 1, "$bad": 1 } }] }] }),
            "filter/$and/1/$or/0/a/$bad",
            "is not an operator",
        ),
    ] {
        match read(&filter) {
            Err(QueryError::Filter { path: found, problem: told }) => {
                assert_eq!(found, path, "{filter}");
                assert!(told.starts_with(problem), "{filter}: {told}");
            }
            other => panic!("{filter}: {other:?}"),
        }
    }
    let error = Error::from(read(&json!({ "$colour": 1 })).expect_err("no such field"));
    assert_eq!(error.code().name(), "invalid-argument");
}

#[test]
fn size_and_depth_have_limits() {
    let nested = |levels| (0..levels).fold(json!({ "a": 1 }), |inner, _| json!({ "$not": inner }));
    assert!(read(&nested(30)).is_ok());
    let error = read(&nested(40)).expect_err("too deep");
    assert!(error.to_string().contains("nested deeper than 32 levels"), "{error}");

    let wide = |conditions| json!({ "$or": (0..conditions).map(|n| json!({ "n": n })).collect::<Vec<_>>() });
    assert!(read(&wide(1_000)).is_ok());
    let QueryError::Filter { path, .. } = read(&wide(1_001)).expect_err("too many") else {
        panic!("a filter is at fault")
    };
    assert_eq!(path, "filter/$or/1000/n");
}

/// The engine lists and recalls what the filter says, and nothing else.
#[test]
fn a_filter_applies_to_listing_and_recall() {
    let mut host = Host::new(Config::default());
    for number in 0..20 {
        let metadata = [("n".to_owned(), f64::from(number).into())].into();
        host.add(NewRecord { metadata, ..text(format!("apple {number}")) }, at(i64::from(number)));
    }
    let filter = read(&json!({ "n": { "$gte": 5, "$lt": 9 } })).expect("a well-formed filter");
    let numbers = |records: Vec<Record>| -> Vec<String> {
        let mut texts: Vec<String> = records.into_iter().map(|record| record.text).collect();
        texts.sort();
        texts
    };
    let everyone = Scope::default();
    let listed = host.engine.list(&everyone, Some(&filter), None, 100, at(100)).records;
    let query = Query { text: "apple".into(), limit: 20, filter: Some(filter), ..Query::default() };
    let hits = host.engine.recall(&everyone, None, query, at(100), false).expect("a plain question");
    let expected = ["apple 5", "apple 6", "apple 7", "apple 8"];
    assert_eq!(numbers(listed), expected);
    assert_eq!(numbers(hits.into_iter().map(|hit| hit.record).collect()), expected);
}

/// Recalls read fields in columns, listings ask the records: both say the same, through changes of all sorts.
#[test]
fn columns_say_what_the_records_say() {
    let mut host = Host::new(Config { consolidation: verbatim(), ..Config::default() });
    let everyone = Scope::default();
    let filters = [
        json!({ "topic": "t7" }),
        json!({ "topic": { "$ne": "t7" } }),
        json!({ "topic": { "$in": ["t1", "t2", "none"] }, "$kind": "semantic" }),
        json!({ "$or": [{ "topic": "t3" }, { "$tags": { "$contains": "red" } }] }),
        json!({ "$not": { "$tags": { "$contains": "red" } }, "deep.part": { "$exists": true } }),
        json!({ "number": { "$gte": 100, "$lt": 300 } }),
        json!({ "number": { "$nin": [5, 6, 7] }, "topic": { "$gt": "t5" } }),
        json!({ "mixed": { "$lte": 40 } }),
        json!({ "mixed": "m3" }),
        json!({ "unique": "u500" }),
        json!({ "unique": { "$contains": "50" }, "topic": { "$exists": true } }),
        json!({ "deep": { "part": [1, "a"] } }),
        json!({ "shade": { "$in": ["s0", "s51", "s99"] } }),
        json!({ "shade": { "$exists": false } }),
        json!({ "$tier": "intermediate" }),
        json!({ "$actor": { "$exists": false } }),
        json!({ "$tags": ["red", "blue"] }),
        json!({ "$occurredAt": { "$gte": START.0 - 700_000, "$lt": START.0 - 200_000 } }),
        json!({ "$text": { "$contains": "r99" }, "$pinned": false }),
        json!({ "$version": 2 }),
        json!({ "$importance": { "$gt": 0.5 } }),
        json!({ "$and": [] }),
        json!({ "$or": [] }),
    ];
    let made = |number: usize| {
        let mut metadata =
            json!({ "topic": format!("t{}", number % 20), "number": number, "unique": format!("u{number}") });
        if number.is_multiple_of(3) {
            metadata["mixed"] =
                if number.is_multiple_of(2) { json!(number) } else { json!(format!("m{}", number % 30)) };
            metadata["deep"] = json!({ "part": [number % 2, "a"] });
            metadata["shade"] = json!(format!("s{}", number % 100));
        }
        NewRecord {
            metadata: serde_json::from_value(metadata).expect("an object"),
            kind: Some(Kind(["episodic", "semantic", "note"][number % 3].into())),
            tier: Some(if number.is_multiple_of(4) { Tier::LongTerm } else { Tier::Intermediate }),
            actor: (!number.is_multiple_of(5)).then(|| format!("actor {}", number % 7)),
            tags: [vec![], vec!["red".into()], vec!["red".into(), "blue".into()]][number % 3].clone(),
            importance: Some((number % 10) as f64 / 10.0),
            occurred_at: Some(at(-(number as i64) * 1_000)),
            ..text(format!("units r{number}"))
        }
    };
    let mut ids = Vec::new();
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..4 {
        let more = if round == 0 { 1_100 } else { 60 };
        let added: Vec<Operation> = (0..more).map(|index| add(made(ids.len() + index))).collect();
        ids.extend(host.commit(&everyone, added, START).ids);
        if round > 0 {
            for _ in 0..40 {
                let id = ids.swap_remove(random.usize(..ids.len()));
                let metadata =
                    serde_json::from_value(json!({ "topic": "t7", "mixed": true })).expect("an object");
                let patch = Patch { metadata: Some(metadata), pinned: Some(true), ..Patch::default() };
                let operation = match random.u8(..3) {
                    0 => Operation::Forget { id, vector: None, if_version: None },
                    1 => Operation::Update { id, patch: Box::new(patch), vector: None, if_version: None },
                    _ => Operation::Move {
                        id,
                        direction: Direction::Up,
                        to: Some(Tier::LongTerm),
                        if_version: None,
                    },
                };
                host.commit(&everyone, vec![operation], START);
            }
        }
        for filter in &filters {
            let filter = read(filter).expect("a good filter");
            let query = Query {
                text: "units".into(),
                limit: 5_000,
                filter: Some(filter.clone()),
                ..Query::default()
            };
            let hits = host.engine.recall(&everyone, None, query, START, false).expect("a good query");
            let mut found: Vec<_> = hits.iter().map(|hit| hit.record.id).collect();
            found.sort_unstable();
            let listed = host.engine.list(&everyone, Some(&filter), None, usize::MAX, START).records;
            let figures = host.engine.stats(&everyone, START).engine.expect("of the whole memory");
            // Twenty topics take a bit each of every record.
            assert!(figures.column_bytes > 20 * listed.len() / 8, "{filter:?}, round {round}");
            assert_eq!(
                found,
                listed.iter().map(|record| record.id).collect::<Vec<_>>(),
                "{filter:?}, round {round}"
            );
        }
    }
}
