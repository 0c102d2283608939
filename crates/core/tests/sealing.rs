//! What sealing costs: no call pays for a whole seal, and a use costs its trace, not its record.

mod support;

use stratamem_core::{
    Config, Direction, Event, Hit, NewRecord, Opening, Operation, Patch, Query, RecordId, Scope,
    StorageOperation, Tier,
};
use support::{Host, START, add, at, contents, text, verbatim};

fn config() -> Config {
    Config { default_tier: Tier::LongTerm, ..Config::default() }
}

fn filled(config: Config, records: usize) -> (Host, Vec<RecordId>) {
    let mut host = Host::new(config);
    let operation = |number: usize| Operation::Add {
        record: Box::new(text(format!("memory {number} about subject {}", number % 37))),
        vector: Some(vec![1.0, number as f32, 0.0, 0.5]),
    };
    let ids = host.commit(&Scope::default(), (0..records).map(operation).collect(), START).ids;
    host.persist();
    host.maintain(START, true);
    (host, ids)
}

fn forget(id: RecordId) -> Operation {
    Operation::Forget { id, vector: None, if_version: None }
}

/// Bytes of segments in the operations after the first `from`.
fn segment_bytes(host: &Host, from: usize) -> usize {
    let bytes = |operation: &StorageOperation| match operation {
        StorageOperation::Put { key, bytes } if key.starts_with("segment") => bytes.len(),
        _ => 0,
    };
    host.written[from..].iter().map(|(operation, _)| bytes(operation)).sum()
}

#[test]
fn commits_share_a_seal_among_them_and_the_log_stays_short() {
    const LIMIT: u32 = 64 << 10;
    let (mut host, ids) = filled(Config { seal_bytes: LIMIT, ..config() }, 3_000);
    let everyone = Scope::default();
    let (mut seals, mut longest, mut open_for) = (0, 0, Vec::new());
    let mut begun = None;
    for (number, id) in ids.iter().cycle().take(6_000).enumerate() {
        let patch = Patch { importance: Some(number as f64 / 10_000.0), ..Patch::default() };
        let update = Operation::Update { id: *id, patch: Box::new(patch), vector: None, if_version: None };
        host.commit(&everyone, vec![update], at(number as i64));
        host.persist();
        let logs = host.objects.keys().filter(|key| key.starts_with("log")).count();
        if logs > 1 {
            begun.get_or_insert(number);
        } else if let Some(begun) = begun.take() {
            open_for.push(number - begun);
        }
        let sealed = |event: &Event| matches!(event, Event::SegmentSealed { .. });
        seals += host.engine.drain_events().iter().filter(|event| sealed(event)).count();
        let stats = host.engine.stats(&everyone, START).engine.expect("the view sees everything");
        longest = longest.max(stats.log_bytes);
    }
    assert!(seals >= 6, "{seals} seals");
    assert!(
        open_for.len() >= 6 && open_for.iter().all(|commits| *commits > 20),
        "a seal is spread over commits: {open_for:?}"
    );
    assert!(longest < u64::from(LIMIT) * 8 / 5, "{longest} bytes of logs");
    let before = contents(&host.engine);
    host.crash();
    assert_eq!(contents(&host.engine), before);
}

#[test]
fn what_was_only_used_or_moved_leaves_a_trace_and_not_a_copy() {
    let (mut host, ids) = filled(Config { seal_bytes: 4_096, ..config() }, 2_000);
    let everyone = Scope::default();
    let whole = segment_bytes(&host, 0);
    let from = host.written.len();
    for (number, id) in ids.iter().enumerate() {
        host.engine.get(&everyone, *id, at(number as i64), true);
    }
    let moves = ids[..100].iter().map(|id| Operation::Move {
        id: *id,
        direction: Direction::Down,
        to: Some(Tier::Working),
        if_version: None,
    });
    host.commit(&everyone, moves.collect(), at(3_000));
    host.engine.flush(at(3_000)).expect("nothing has failed");
    host.maintain(at(3_001), false);
    let traces = segment_bytes(&host, from);
    assert!(traces > 0 && traces * 3 < whole, "{traces} bytes for 2,000 traces, {whole} for the records");

    // A trace is passed over for a newer form, and hidden by a tombstone.
    let patch = Patch { text: Some("told anew".into()), ..Patch::default() };
    let update = Operation::Update { id: ids[7], patch: Box::new(patch), vector: None, if_version: None };
    let again = NewRecord { id: Some(ids[9]), ..text("here again") };
    host.commit(&everyone, vec![update, forget(ids[8]), forget(ids[9])], at(3_100));
    host.commit(&everyone, vec![add(again)], at(3_101));
    host.persist();
    let before = contents(&host.engine);
    host.crash();
    assert_eq!(contents(&host.engine), before);
    host.maintain(at(3_200), true);
    assert_eq!(contents(&host.engine), before);
    host.crash();
    assert_eq!(contents(&host.engine), before);
    assert!(
        before.iter().any(|(record, _)| record.id == ids[3]
            && record.usage.count == 1
            && record.tier == Tier::Working)
    );
}

#[test]
fn uses_are_told_in_portions() {
    let (mut host, ids) = filled(config(), 3_000);
    let everyone = Scope::default();
    for id in &ids {
        host.engine.get(&everyone, *id, at(1), true);
    }
    let from = host.written.len();
    host.commit(&everyone, vec![add(text("after many reads"))], at(2));
    host.persist();
    let StorageOperation::Append { bytes, .. } = &host.written.last().expect("it was written").0 else {
        panic!("a commit is appended");
    };
    assert!(bytes.len() < 100_000 && host.written.len() > from, "{} bytes", bytes.len());
    host.reopen(at(3));
    assert!(contents(&host.engine).iter().filter(|(record, _)| record.usage.count == 1).count() == 3_000);
}

#[test]
fn a_memory_that_gets_its_space_while_segments_are_merged_can_be_opened() {
    let mut host = Host::new(config());
    let operations = (0..2_000).map(|number| add(text(format!("memory {number}")))).collect();
    let ids = host.commit(&Scope::default(), operations, START).ids;
    host.persist();
    assert!(host.engine.maintain(START, true).expect("nothing has failed").more);
    let vector = Some(vec![0.0, 1.0, 0.0, 0.0]);
    let update = |id| Operation::Update {
        id,
        patch: Box::new(Patch { text: Some("with a vector".into()), ..Patch::default() }),
        vector: vector.clone(),
        if_version: None,
    };
    host.commit(&Scope::default(), ids.iter().skip(1).step_by(3).map(|id| update(*id)).collect(), at(1));
    host.persist();
    host.maintain(at(2), true);
    let before = contents(&host.engine);
    host.crash();
    assert_eq!(contents(&host.engine), before);
}

/// What a memory answers, without the slots it keeps its records in.
fn answers(host: &mut Host) -> Vec<(RecordId, f64)> {
    let mut found = Vec::new();
    for subject in 0..40 {
        let query = Query { text: format!("what about subject {subject}"), limit: 10, ..Query::default() };
        let hits = host.engine.recall(&Scope::default(), None, query, at(1 << 20), false);
        let hits: Vec<Hit> = hits.expect("the question is good");
        found.extend(hits.into_iter().map(|hit| (hit.record.id, f64::from(hit.score))));
    }
    found
}

#[test]
fn dead_slots_are_dropped_in_steps_between_changes() {
    let (mut host, ids) = filled(config(), 3_000);
    let everyone = Scope::default();
    host.commit(
        &everyone,
        ids.iter()
            .step_by(2)
            .chain(&ids[..500])
            .copied()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .map(forget)
            .collect(),
        at(1),
    );
    host.persist();
    let left: Vec<RecordId> = contents(&host.engine).iter().map(|(record, _)| record.id).collect();
    let mut steps = 0;
    while host.engine.maintain(at(2), false).expect("nothing has failed").more {
        let id = |part: usize| left[(steps * 61 + part * 211) % left.len()];
        let changed = Patch { text: Some(format!("changed to subject {}", steps % 37)), ..Patch::default() };
        let update = Operation::Update {
            id: id(0),
            patch: Box::new(changed),
            vector: Some(vec![0.0, 1.0, steps as f32, 1.0]),
            if_version: None,
        };
        for operation in [
            update,
            forget(id(1)),
            Operation::Move {
                id: id(2),
                direction: Direction::Down,
                to: Some(Tier::Working),
                if_version: None,
            },
            add(text(format!("new on subject {}", steps % 37))),
            add(NewRecord { id: Some(ids[steps * 2]), ..text(format!("back on subject {}", steps % 37)) }),
        ] {
            // A record that an earlier step forgot is gone: that is refused, and nothing happens.
            let _ = host.engine.commit(&everyone, Some(&support::space(4)), vec![operation], at(3));
        }
        host.engine.get(&everyone, id(3), at(4), true);
        steps += 1;
    }
    assert!(steps > 8, "{steps} steps");
    host.engine.flush(at(5)).expect("nothing has failed");
    host.persist();
    let (before, said) = (contents(&host.engine), answers(&mut host));
    assert_eq!(said.len(), 400);
    let bytes = |host: &Host| {
        let stats = host.engine.stats(&Scope::default(), at(6)).engine.expect("the view sees everything");
        let tiers = stats.tiers;
        [tiers.working, tiers.intermediate, tiers.long_term].map(|tier| (tier.items, tier.bytes))
    };
    let taken = bytes(&host);
    host.crash();
    assert_eq!(contents(&host.engine), before);
    assert_eq!(answers(&mut host), said);
    assert_eq!(bytes(&host), taken);
}

/// Whatever commits have begun when compaction is asked for, it ends with everything in one run and nothing that was
/// forgotten.
#[test]
fn compaction_finishes_what_commits_have_begun_and_then_its_own() {
    for count in 1..40 {
        // A seal of so many small records takes several steps.
        let mut host = Host::new(Config { seal_bytes: 1 << 17, ..config() });
        let words = "what was told in confidence";
        let secret = host.add(text(words), at(0));
        for batch in 0..count {
            let records = (0..50).map(|number| add(text(format!("memory {number} of batch {batch}"))));
            host.commit(&Scope::default(), records.collect(), at(1));
        }
        let forget = Operation::Forget { id: secret, vector: None, if_version: None };
        host.commit(&Scope::default(), vec![forget], at(2));
        host.persist();
        host.maintain(at(3), true);
        let holds = |bytes: &Vec<u8>| bytes.windows(words.len()).any(|window| window == words.as_bytes());
        assert!(!host.objects.values().any(holds), "after {count} batches");
        assert!(host.objects.keys().all(|key| !key.starts_with("log")), "after {count} batches");
        let before = host.objects.clone();
        host.maintain(at(3), true);
        assert_eq!(host.objects, before, "nothing is left to do");
    }
}

/// An engine that is closed is taken apart in steps, and takes no writes from then on.
#[test]
fn what_is_held_is_let_go_of_in_steps() {
    let mut host = Host::new(Config { consolidation: verbatim(), ..Config::default() });
    for batch in 0..10 {
        let records = (0..500).map(|n| add(text(format!("record {n} of {batch}")))).collect();
        host.commit(&Scope::default(), records, START);
    }
    host.persist();
    let mut steps = 1;
    while host.engine.shed() {
        steps += 1;
        assert!(steps < 20, "it comes to an end");
    }
    assert!(steps > 2, "{steps}");
    assert!(host.engine.is_empty() && host.engine.flush(START).is_err());
}

/// What a host may read ahead is what is asked for next, and the room that it may make is what the records need, not more.
#[test]
fn opening_says_what_it_will_need() {
    let (host, ids) = filled(config(), 3_000);
    let objects = &host.objects;
    let expected = |config: Config| {
        let mut opening =
            Opening::new(config, 1, objects.keys().cloned().collect()).expect("a manifest is there");
        assert_eq!(opening.expected_bytes(), None, "nothing has been read");
        let mut ahead: Vec<String> = Vec::new();
        let mut bytes = Vec::new();
        while let Some(key) = opening.wanted().map(str::to_owned) {
            let mut upcoming = opening.upcoming().map(str::to_owned);
            assert_eq!(upcoming.next().as_ref(), Some(&key));
            assert!(ahead.is_empty() || ahead[0] == key, "{key} comes before {ahead:?}");
            ahead = upcoming.collect();
            opening.supply(objects.get(&key).cloned()).expect("it can be read");
            bytes.extend(opening.expected_bytes());
        }
        bytes[0] as u64
    };
    let stored: u64 = objects
        .iter()
        .filter(|(key, _)| key.starts_with("segment"))
        .map(|(_, bytes)| bytes.len() as u64)
        .sum();
    let engine = host.engine.stats(&Scope::default(), START).engine.expect("the view sees everything");
    let held = engine.tiers.long_term.bytes;
    let (all, paged) =
        (expected(config()), expected(Config { resident_vector_bytes: Some(1 << 20), ..config() }));
    assert!(all > stored && all < 2 * held, "{all} bytes expected, {stored} stored, {held} held");
    assert_eq!(all - paged, stored + stored / 4);
    assert!(paged >= ids.len() as u64);
}
