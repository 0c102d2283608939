//! A view sees, changes and learns of what its scope covers, and of nothing else.

mod support;

use proptest::prelude::*;
use stratamem_core::{
    Config, Direction, Engine, Filter, Hit, NewRecord, Operation, Patch, Query, RecordId, Scope, Tier,
    Timestamp, Weights,
};
use support::{Host, add, at, space, text, user};

fn scope(parts: [Option<&str>; 4]) -> Scope {
    let [tenant, user, agent, session] = parts.map(|part| part.map(str::to_owned));
    Scope { tenant, user, agent, session }
}

const NOW: i64 = 1_000;

fn ask(engine: &mut Engine, view: &Scope, words: &str) -> Vec<Hit> {
    let query =
        Query { text: words.into(), vector: Some(vec![1.0, 0.5, 0.0, 0.0]), limit: 50, ..Query::default() };
    engine.recall(view, Some(&space(4)), query, at(NOW), true).expect("a plain question")
}

fn remember(host: &mut Host, view: &Scope, record: NewRecord, vector: [f32; 4], now: Timestamp) -> RecordId {
    let operation = Operation::Add { record: Box::new(record), vector: Some(vector.to_vec()) };
    host.commit(view, vec![operation], now).ids[0]
}

/// Two users who talk of the same things; the second one's name begins like the first one's.
fn two_users() -> (Host, Vec<RecordId>, Vec<RecordId>) {
    let mut host = Host::new(Config::default());
    let mut ids = [Vec::new(), Vec::new()];
    for number in 0..8i64 {
        for (who, name) in ["1", "10"].into_iter().enumerate() {
            let record = NewRecord {
                actor: Some(format!("Actor{name}")),
                tags: vec![format!("tag{name}")],
                ..text(format!("apple number {number} of {name}"))
            };
            let vector = [1.0, number as f32, who as f32, 0.0];
            ids[who].push(remember(&mut host, &user(name), record, vector, at(number)));
        }
    }
    host.persist();
    let [first, second] = ids;
    (host, first, second)
}

#[test]
fn a_view_neither_reads_nor_lists_nor_recalls_nor_counts_what_it_does_not_cover() {
    let (mut host, own, foreign) = two_users();
    let view = user("1");
    for &id in &foreign {
        assert_eq!(host.engine.get(&view, id, at(NOW), true), None);
        assert_eq!(host.engine.vector(&view, id, at(NOW)), None);
    }
    for &id in &own {
        assert!(host.engine.get(&view, id, at(NOW), false).is_some());
        assert!(host.engine.vector(&view, id, at(NOW)).is_some());
    }
    let listed = host.engine.list(&view, None, None, 100, at(NOW));
    assert_eq!(listed.records.iter().map(|record| record.id).collect::<Vec<_>>(), own);
    // A page that starts behind a foreign record shows no more.
    let page = host.engine.list(&view, None, Some(foreign[3]), 100, at(NOW));
    assert_eq!(page.records.iter().map(|record| record.id).collect::<Vec<_>>(), own[4..]);

    let hits = ask(&mut host.engine, &view, "apple number of 10 tag10 Actor10");
    assert_eq!(hits.len(), own.len());
    assert!(hits.iter().all(|hit| own.contains(&hit.record.id)));
    for (filter, count) in [("{}", own.len()), ("{\"$actor\":\"Actor10\"}", 0)] {
        let value = serde_json::from_str(filter).expect("JSON");
        let filter = Filter::from_value(&value).expect("a filter");
        assert_eq!(host.engine.list(&view, Some(&filter), None, 100, at(NOW)).records.len(), count);
    }

    let stats = host.engine.stats(&view, at(NOW));
    assert_eq!((stats.records, stats.tiers.working), (own.len(), own.len()));
    assert_eq!(stats.engine, None, "figures about the whole memory are for views of the whole");
    assert!(host.engine.stats(&Scope::default(), at(NOW)).engine.is_some());

    // The asking touched nothing foreign.
    for id in foreign {
        let record = host.engine.get(&Scope::default(), id, at(NOW), false).expect("it is there");
        assert_eq!(record.usage, stratamem_core::Usage::default());
    }
}

#[test]
fn a_view_cannot_change_what_it_does_not_cover_nor_tell_it_from_nothing() {
    let (mut host, own, foreign) = two_users();
    let view = user("1");
    let nothing = RecordId(12_345);
    let attempts = |id| {
        [
            Operation::Forget { id, vector: None, if_version: None },
            Operation::Forget { id, vector: None, if_version: Some(7) },
            Operation::Move { id, direction: Direction::Up, to: Some(Tier::LongTerm), if_version: None },
            Operation::Move { id, direction: Direction::Down, to: None, if_version: Some(9) },
            Operation::Update {
                id,
                patch: Box::new(Patch { text: Some("mine now".into()), ..Patch::default() }),
                vector: None,
                if_version: None,
            },
            Operation::Update { id, patch: Box::default(), vector: None, if_version: Some(3) },
        ]
    };
    let before = support::contents(&host.engine);
    for (foreign, absent) in attempts(foreign[0]).into_iter().zip(attempts(nothing)) {
        // A good step before it must not survive either.
        let with_own =
            |operation| vec![Operation::Forget { id: own[0], vector: None, if_version: None }, operation];
        let refusal = |engine: &mut Engine, operation| {
            engine.commit(&view, None, with_own(operation), at(NOW)).expect_err("it is out of sight")
        };
        let seen = refusal(&mut host.engine, foreign);
        let unseen = refusal(&mut host.engine, absent);
        assert_eq!(seen.code().name(), "not-found");
        let told = |error: &stratamem_core::Error| {
            error.to_string().replace(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit(), "")
        };
        assert_eq!(told(&seen), told(&unseen), "the message is the same but for the id");
        assert_eq!(seen.details().len(), unseen.details().len());
    }
    assert_eq!(support::contents(&host.engine), before);
}

/// Ids are unique in the whole memory, so a taken one is refused everywhere. The refusal says nothing but the id.
#[test]
fn an_id_that_another_scope_uses_is_refused_without_a_word_about_it() {
    let (mut host, _, foreign) = two_users();
    let record = NewRecord { id: Some(foreign[0]), ..text("an import") };
    let error = host.engine.commit(&user("1"), None, vec![add(record)], at(NOW)).expect_err("taken");
    assert_eq!(error.code().name(), "already-exists");
    assert_eq!(error.to_string(), format!("a memory with id {} exists already", foreign[0]));
}

#[test]
fn a_view_cannot_write_outside_itself() {
    let mut host = Host::new(Config::default());
    let view = scope([Some("t"), Some("1"), None, None]);
    let outside = NewRecord { scope: user("2"), ..text("smuggled") };
    let error = host.engine.commit(&view, None, vec![add(outside)], at(0)).expect_err("outside");
    assert_eq!(error.to_string(), "operations/0/scope/user contradicts the scope of this view");

    let inside = NewRecord { scope: scope([None, Some("1"), Some("a"), None]), ..text("inside") };
    let id = host.commit(&view, vec![add(inside)], at(0)).ids[0];
    let record = host.engine.get(&view, id, at(0), false).expect("its own");
    assert_eq!(record.scope, scope([Some("t"), Some("1"), Some("a"), None]));
}

/// Keyword statistics, scales and skipped signals are those of the view alone: the answers equal, to the last bit,
/// those of a memory that holds nothing else.
#[test]
fn a_view_answers_as_if_nothing_else_existed() {
    let mut alone = Host::new(Config::default());
    let mut shared = Host::new(Config::default());
    let view = user("1");
    let mine = ["apple pie", "apple apple cake", "banana bread", "plain bread and butter"];
    for (number, words) in mine.into_iter().enumerate() {
        let now = at(number as i64);
        let record = |id| NewRecord { id: Some(id), actor: Some("Ada".into()), ..text(words) };
        let id = RecordId((1 << 80) + number as u128);
        let vector = [1.0, number as f32, -0.5, 0.0];
        remember(&mut alone, &view, record(id), vector, now);
        // Others before, between and after, with words that would change every statistic.
        for other in ["10", "2"] {
            let noise = NewRecord { actor: Some("Bo".into()), ..text("apple apple zebra bread".repeat(3)) };
            remember(&mut shared, &user(other), noise, [1.0, 0.4, 0.1, number as f32], now);
        }
        remember(&mut shared, &view, record(id), vector, now);
    }
    for words in ["apple", "bread apple", "zebra", "nothing known", "Bo", "Ada", "cake butter pie"] {
        let expected = ask(&mut alone.engine, &view, words);
        let found = ask(&mut shared.engine, &view, words);
        assert_eq!(found, expected, "{words}");
        assert!(!found.is_empty());
    }
    for question in ["When did Bo call?", "What did Ada bake?", "Did Ada ask Bo?"] {
        assert_eq!(
            shared.engine.dense_query(&view, question),
            alone.engine.dense_query(&view, question),
            "names of actors out of sight are ordinary words"
        );
    }
    assert_eq!(shared.engine.dense_query(&view, "When did Bo call?"), "When did Bo call?");
    assert_eq!(shared.engine.dense_query(&user("2"), "When did Bo call?"), "When did call?");
}

#[test]
fn coverage_is_part_by_part() {
    let records = [
        scope([None, None, None, None]),
        scope([Some("t"), None, None, None]),
        scope([Some("t"), Some("1"), None, None]),
        scope([Some("t"), Some("10"), None, None]),
        scope([Some("u"), Some("1"), None, None]),
        scope([None, Some("1"), None, None]),
        scope([None, None, None, Some("1")]),
        scope([Some("t"), Some("1"), Some("a"), Some("s")]),
    ];
    let mut host = Host::new(Config::default());
    let ids: Vec<RecordId> = records
        .iter()
        .map(|scope| host.add(NewRecord { scope: scope.clone(), ..text("word") }, at(0)))
        .collect();
    for (view, expected) in [
        (scope([None; 4]), vec![0, 1, 2, 3, 4, 5, 6, 7]),
        (scope([Some("t"), None, None, None]), vec![1, 2, 3, 7]),
        (scope([Some("t"), Some("1"), None, None]), vec![2, 7]),
        (scope([None, Some("1"), None, None]), vec![2, 4, 5, 7]),
        (scope([None, Some("10"), None, None]), vec![3]),
        (scope([None, Some(""), None, None]), vec![]),
        (scope([None, None, None, Some("1")]), vec![6]),
        (scope([Some("t"), Some("1"), Some("a"), Some("s")]), vec![7]),
        (scope([Some("t"), Some("1"), Some("a"), Some("x")]), vec![]),
        (scope([Some("T"), None, None, None]), vec![]),
    ] {
        let expected: Vec<RecordId> = expected.into_iter().map(|index: usize| ids[index]).collect();
        let listed = host.engine.list(&view, None, None, 100, at(1)).records;
        assert_eq!(listed.iter().map(|record| record.id).collect::<Vec<_>>(), expected, "{view:?}");
        let query = Query { text: "word".into(), limit: 100, weights: Weights::NONE, ..Query::default() };
        let hits = host.engine.recall(&view, None, query, at(1), false).expect("a plain question");
        assert_eq!(hits.iter().map(|hit| hit.record.id).collect::<Vec<_>>(), expected, "{view:?}");
        assert_eq!(host.engine.stats(&view, at(1)).records, expected.len());
    }
}

/// An id may be chosen by whoever adds a record; nobody may choose one that leaves no room for others.
#[test]
fn a_chosen_id_cannot_keep_others_from_adding() {
    let mut host = Host::new(Config::default());
    for id in [RecordId(u128::MAX), RecordId(u128::MAX >> 1), RecordId(u128::MAX - 5)] {
        let record = NewRecord { id: Some(id), ..text("greedy") };
        // Refused or not, the next one finds an id.
        let _ = host.engine.commit(&user("1"), None, vec![add(record)], at(0));
        for number in 0..3 {
            let outcome = host.engine.commit(&user("2"), None, vec![add(text("modest"))], at(number));
            assert!(outcome.is_ok(), "after {id}: {outcome:?}");
        }
    }
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let part = || prop::option::of(prop::sample::select(vec!["1", "10", "a", "A", " 1"]));
    [part(), part(), part(), part()].prop_map(scope)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_way_in_agrees_on_what_a_view_sees(
        scopes in prop::collection::vec(any_scope(), 1..20),
        views in prop::collection::vec(any_scope(), 1..6),
    ) {
        let mut host = Host::new(Config::default());
        let mut ids = Vec::new();
        for scope in &scopes {
            ids.push(host.add(NewRecord { scope: scope.clone(), ..text("word") }, at(0)));
        }
        for view in views {
            let part = |view: &Option<String>, own: &Option<String>| view.is_none() || view == own;
            let covered = |own: &Scope| {
                part(&view.tenant, &own.tenant) && part(&view.user, &own.user)
                    && part(&view.agent, &own.agent) && part(&view.session, &own.session)
            };
            let expected: Vec<RecordId> =
                ids.iter().zip(&scopes).filter(|(_, own)| covered(own)).map(|(id, _)| *id).collect();
            let listed = host.engine.list(&view, None, None, 100, at(1)).records;
            prop_assert_eq!(listed.iter().map(|record| record.id).collect::<Vec<_>>(), expected.clone());
            let got: Vec<RecordId> =
                ids.iter().copied().filter(|id| host.engine.get(&view, *id, at(1), false).is_some()).collect();
            prop_assert_eq!(got, expected.clone());
            let query = Query { text: "word".into(), limit: 100, ..Query::default() };
            let hits = host.engine.recall(&view, None, query, at(1), false).expect("a plain question");
            prop_assert_eq!(hits.len(), expected.len());
            prop_assert_eq!(host.engine.stats(&view, at(1)).records, expected.len());
        }
    }
}
