//! Codes and lists of vectors over the life of a memory: what is found before and after it is closed, changed, damaged.

mod support;

use stratamem_core::{
    Config, EmbeddingSpace, EngineStats, Hit, NewRecord, Operation, Patch, Query, RecordId, Scope,
    StorageOperation, Weights,
};
use support::{Host, START, text};

const DIMENSIONS: usize = 128;
const RECORDS: usize = 8_000;

fn space() -> EmbeddingSpace {
    EmbeddingSpace { model: "lists".into(), dimensions: DIMENSIONS as u32 }
}

fn unit(random: &mut fastrand::Rng) -> Vec<f32> {
    let centre = random.usize(..50);
    let mut own = fastrand::Rng::with_seed(centre as u64);
    (0..DIMENSIONS).map(|_| own.f32() - 0.5 + 0.8 * (random.f32() - 0.5)).collect()
}

fn commit(host: &mut Host, operations: Vec<Operation>) -> Vec<RecordId> {
    let ids =
        host.engine.commit(&Scope::default(), Some(&space()), operations, START).expect("they are good").ids;
    host.persist();
    ids
}

/// A memory of many vectors, all of them in segments and coded.
fn filled(random: &mut fastrand::Rng) -> (Host, Vec<RecordId>) {
    let mut host = Host::new(Config::default());
    let mut ids = Vec::new();
    for start in (0..RECORDS).step_by(500) {
        let scope = |number| Scope { user: (number % 2 == 0).then(|| "even".into()), ..Scope::default() };
        let record = |number| NewRecord { scope: scope(number), ..text(format!("record {number}")) };
        let add = |number| Operation::Add { record: Box::new(record(number)), vector: Some(unit(random)) };
        ids.extend(commit(&mut host, (start..start + 500).map(add).collect()));
    }
    host.maintain(START, true);
    (host, ids)
}

fn ask(host: &mut Host, scope: &Scope, vector: &[f32], exact: bool) -> Vec<Hit> {
    let query =
        Query { vector: Some(vector.to_vec()), limit: 10, exact, weights: Weights::NONE, ..Query::default() };
    host.engine.recall(scope, Some(&space()), query, START, false).expect("the question is good")
}

fn way(hits: &[Hit]) -> Option<&'static str> {
    hits[0].why.vectors
}

fn ids(hits: &[Hit]) -> Vec<RecordId> {
    hits.iter().map(|hit| hit.record.id).collect()
}

/// How many of the hits of exact searches others find, of 400.
fn found(host: &mut Host, questions: &[Vec<f32>]) -> usize {
    let mut found = 0;
    for question in questions {
        let exact = ids(&ask(host, &Scope::default(), question, true));
        let fast = ids(&ask(host, &Scope::default(), question, false));
        found += exact.iter().filter(|id| fast.contains(id)).count();
    }
    found
}

fn lists(host: &Host) -> Vec<String> {
    host.objects.keys().filter(|key| key.starts_with("lists-")).cloned().collect()
}

fn stats(host: &Host) -> EngineStats {
    host.engine.stats(&Scope::default(), START).engine.expect("the view sees everything")
}

#[test]
fn a_memory_that_was_closed_answers_as_before() {
    let mut random = fastrand::Rng::with_seed(1);
    let (mut host, _) = filled(&mut random);
    let questions: Vec<Vec<f32>> = (0..40).map(|_| unit(&mut random)).collect();
    assert_eq!(lists(&host).len(), 1);
    assert!(found(&mut host, &questions) >= 390);
    let everyone = Scope::default();
    let before: Vec<Vec<Hit>> = questions.iter().map(|q| ask(&mut host, &everyone, q, false)).collect();
    assert!(before.iter().all(|hits| way(hits).is_some_and(|way| way != "exact")), "{:?}", way(&before[0]));
    host.reopen(START);
    let after: Vec<Vec<Hit>> = questions.iter().map(|q| ask(&mut host, &everyone, q, false)).collect();
    assert_eq!(after, before);
}

#[test]
fn what_was_changed_since_the_lists_were_stored_is_found_where_it_is() {
    let mut random = fastrand::Rng::with_seed(2);
    let (mut host, all) = filled(&mut random);
    let stored = lists(&host);
    // Few enough for the lists not to be stored again.
    let moved: Vec<Vec<f32>> = (0..200).map(|_| unit(&mut random)).collect();
    for (id, vector) in all.iter().zip(&moved) {
        let update = Operation::Update {
            id: *id,
            patch: Box::new(Patch::default()),
            vector: Some(vector.clone()),
            if_version: None,
        };
        commit(&mut host, vec![update]);
    }
    for id in &all[300..400] {
        commit(&mut host, vec![Operation::Forget { id: *id, vector: None, if_version: None }]);
    }
    let added = Operation::Add { record: Box::new(text("one more")), vector: Some(moved[0].clone()) };
    let added = commit(&mut host, vec![added]);
    // Once from the log, once from a segment that is newer than the lists.
    for sealed in [false, true] {
        if sealed {
            // The steps of a seal, but not of what comes after it.
            while stats(&host).log_bytes > 0 {
                host.engine.maintain(START, true).unwrap();
                host.persist();
            }
        }
        host.crash();
        assert_eq!(lists(&host), stored, "the lists are older than the changes");
        let questions: Vec<Vec<f32>> = (0..40).map(|_| unit(&mut random)).collect();
        assert!(found(&mut host, &questions) >= 390);
        for (id, vector) in all.iter().zip(&moved).skip(1) {
            let hits = ask(&mut host, &Scope::default(), vector, false);
            assert_eq!(hits[0].record.id, *id, "a changed vector is found by what it is now");
        }
        let hits = ask(&mut host, &Scope::default(), &moved[0], false);
        assert!(ids(&hits[..2]).contains(&all[0]) && ids(&hits[..2]).contains(&added[0]));
        assert!(all[300..400].iter().all(|id| !ids(&hits).contains(id)));
    }
}

#[test]
fn damaged_or_missing_lists_are_made_anew() {
    let mut random = fastrand::Rng::with_seed(3);
    let (mut host, _) = filled(&mut random);
    let questions: Vec<Vec<f32>> = (0..40).map(|_| unit(&mut random)).collect();
    let key = lists(&host).remove(0);
    for damage in [false, true] {
        if damage {
            let key = lists(&host).remove(0);
            let bytes = host.objects.get_mut(&key).expect("it is there");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        } else {
            host.objects.remove(&key);
        }
        host.crash();
        let hits = ask(&mut host, &Scope::default(), &questions[0], false);
        assert_eq!(way(&hits), Some("exact"), "nothing is coded");
        let add =
            Operation::Add { record: Box::new(text("wakes the writer")), vector: Some(unit(&mut random)) };
        commit(&mut host, vec![add]);
        host.maintain(START, false);
        assert_eq!(lists(&host).len(), 1);
        assert!(found(&mut host, &questions) >= 390);
        assert_ne!(way(&ask(&mut host, &Scope::default(), &questions[0], false)), Some("exact"));
    }
}

#[test]
fn a_view_of_a_scope_is_answered_exactly() {
    let mut random = fastrand::Rng::with_seed(4);
    let (mut host, _) = filled(&mut random);
    let even = Scope { user: Some("even".into()), ..Scope::default() };
    let question = unit(&mut random);
    let hits = ask(&mut host, &even, &question, false);
    assert_eq!(way(&hits), Some("exact"));
    assert!(hits.iter().all(|hit| hit.record.scope == even));
}

#[test]
fn a_memory_that_is_only_read_is_left_as_it_is() {
    let mut random = fastrand::Rng::with_seed(5);
    let (mut host, _) = filled(&mut random);
    let key = lists(&host).remove(0);
    host.objects.remove(&key);
    host.crash();
    let before = host.written.len();
    ask(&mut host, &Scope::default(), &unit(&mut random), false);
    host.reopen(START);
    let puts = |operation: &StorageOperation| matches!(operation, StorageOperation::Put { .. });
    assert!(!host.written[before..].iter().any(|(operation, _)| puts(operation)));
}

/// What WebAssembly answers: js/test/vector-index.test.ts has the same vectors and the same numbers.
#[test]
fn answers_are_those_of_webassembly() {
    let mut state = 7u32;
    let mut component = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state) / f64::from(1 << 16) / f64::from(1 << 16) - 0.5) as f32
    };
    let mut draw = || (0..DIMENSIONS).map(|_| component()).collect::<Vec<f32>>();
    let mut host = Host::new(Config::default());
    for start in (0..6_000).step_by(500) {
        let add =
            |number| Operation::Add { record: Box::new(text(format!("r{number}"))), vector: Some(draw()) };
        commit(&mut host, (start..start + 500).map(add).collect());
    }
    host.maintain(START, true);
    let hits = ask(&mut host, &Scope::default(), &draw(), false);
    assert_ne!(way(&hits), Some("exact"));
    let texts: Vec<&str> = hits.iter().map(|hit| hit.record.text.as_str()).collect();
    assert_eq!(
        texts,
        ["r1864", "r1454", "r2824", "r5024", "r5652", "r4900", "r2689", "r3294", "r143", "r844"]
    );
}

/// Lists go to storage a page at a time. Until all are there, those before them count; records that change in between are
/// looked at as they are.
#[test]
fn lists_that_are_not_whole_leave_those_before_them() {
    let mut random = fastrand::Rng::with_seed(21);
    let (mut host, all) = filled(&mut random);
    let first = lists(&host);
    assert_eq!(first.len(), 1);
    let operation =
        |n| Operation::Add { record: Box::new(text(format!("later {n}"))), vector: Some(unit(&mut random)) };
    let later = commit(&mut host, (0..2_500).map(operation).collect());
    while lists(&host).len() < 2 {
        assert!(host.engine.maintain(START, false).expect("nothing has failed").more, "more than one page");
        host.persist();
    }
    // Between two pages: a crash here costs nothing but time.
    let crashed = Host::over(Config::default(), host.objects.clone(), 11).0;
    assert!(stats(&crashed).vectors >= RECORDS);
    let mut crashed = crashed;
    let questions: Vec<Vec<f32>> = (0..40).map(|_| unit(&mut random)).collect();
    assert!(found(&mut crashed, &questions) >= 380);
    commit(&mut crashed, vec![Operation::Forget { id: all[0], vector: None, if_version: None }]);
    assert_eq!(lists(&crashed), first, "what was never finished is removed");
    // The writer goes on; what is gone or another one by the end is not found as it was.
    let [gone, changed] = [later[7], all[9]];
    let vector = unit(&mut random);
    commit(
        &mut host,
        vec![
            Operation::Forget { id: gone, vector: None, if_version: None },
            Operation::Update {
                id: changed,
                patch: Box::new(Patch::default()),
                vector: Some(vector.clone()),
                if_version: None,
            },
        ],
    );
    host.maintain(START, false);
    assert_eq!(lists(&host).len(), 1);
    assert_ne!(lists(&host), first);
    let mut again = Host::over(Config::default(), host.objects.clone(), 12).0;
    assert_eq!(ids(&ask(&mut again, &Scope::default(), &vector, false))[0], changed);
    assert!(found(&mut again, &questions) >= 380);
    let everyone = Scope::default();
    assert!(!again.engine.sees(&everyone, gone, START) && again.engine.sees(&everyone, changed, START));
}
