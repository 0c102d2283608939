//! Segments are merged in steps, and what happens between the steps is not lost.

mod support;

use stratamem_core::{
    Config, Direction, NewRecord, Operation, Patch, Precision, Query, RecordId, Scope, Span, Tier, TierConfig,
};
use support::{Host, START, add, apply, at, contents, open, text};

/// Records in enough segments that a merge of all takes many steps.
fn filled() -> (Host, Vec<RecordId>) {
    let endless = TierConfig { ttl: Some(Span(1 << 40)), ..TierConfig::default() };
    let config = Config {
        working: endless.clone(),
        intermediate: endless,
        long_term: TierConfig { precision: Precision::Int8, compress_text: true, ..TierConfig::default() },
        seal_bytes: 4_096,
        default_tier: Tier::Intermediate,
        ..Config::default()
    };
    let mut host = Host::new(config);
    let mut ids = Vec::new();
    for batch in 0..30 {
        let vector = |index: i32| Some(vec![1.0, index as f32, batch as f32, 0.5]);
        let operations = (0..100).map(|index| {
            let record =
                NewRecord { importance: Some(0.4), ..text(format!("stone {index} of heap {batch}")) };
            Operation::Add { record: Box::new(record), vector: vector(index) }
        });
        ids.extend(host.commit(&Scope::default(), operations.collect(), START).ids);
        host.persist();
    }
    (host, ids)
}

/// Whether any object in storage has these words in it.
fn holds(host: &Host, words: &str) -> bool {
    host.objects.values().any(|bytes| bytes.windows(words.len()).any(|window| window == words.as_bytes()))
}

fn update(id: RecordId, words: &str) -> Operation {
    let patch = Patch { text: Some(words.into()), ..Patch::default() };
    Operation::Update { id, patch: Box::new(patch), vector: Some(vec![0.0, 1.0, 0.0, 1.0]), if_version: None }
}

#[test]
fn what_happens_between_the_steps_survives_every_crash() {
    let (mut host, ids) = filled();
    let everyone = Scope::default();
    let (mut steps, mut mark, mut after) = (0, 0, Vec::new());
    loop {
        let more = host.engine.maintain(at(steps), true).expect("nothing has failed").more;
        host.persist();
        // Every sort of change, to records that are merged already and to some that are not yet.
        let id = |part: usize| ids[(steps as usize * 37 + part * 701) % ids.len()];
        let operations = [
            update(id(0), &format!("changed in step {steps}")),
            Operation::Forget { id: id(1), vector: None, if_version: None },
            Operation::Move {
                id: id(2),
                direction: Direction::Up,
                to: Some(Tier::LongTerm),
                if_version: None,
            },
            Operation::Move {
                id: id(2),
                direction: Direction::Down,
                to: Some(Tier::Intermediate),
                if_version: None,
            },
            Operation::Move { id: id(3), direction: Direction::Up, to: None, if_version: None },
            Operation::Reward { id: id(4), value: 0.5, if_version: None },
            // Long enough for the commit to seal the log, so that segments come behind the one that is being made.
            add(text(format!("new in step {steps} {}", "and long ".repeat(600)))),
        ];
        for operation in operations {
            // A record forgotten in an earlier step is gone: that is refused, and nothing happens.
            let space = support::space(4);
            let _ = host.engine.commit(&everyone, Some(&space), vec![operation], at(steps));
        }
        let query = Query { text: format!("heap {}", steps % 30), limit: 3, ..Query::default() };
        host.engine.recall(&everyone, None, query, at(steps), true).expect("the question is good");
        host.engine.flush(at(steps)).expect("nothing has failed");
        host.persist();
        after.push((host.written.len(), contents(&host.engine)));
        if steps == 0 {
            mark = host.written.len();
        }
        steps += 1;
        if !more {
            break;
        }
    }
    assert!(steps > 4, "{steps} steps are no merge in steps");
    let engine = host.engine.stats(&everyone, START).engine.expect("the view sees everything");
    assert!(engine.segments as i64 <= steps + 1, "{} segments are left after {steps} steps", engine.segments);

    // Whatever storage saw up to the end of a step opens as what the memory was then.
    let mut objects = support::Objects::new();
    let mut next = after.iter().peekable();
    for (count, (operation, _)) in host.written.iter().enumerate() {
        apply(&mut objects, operation);
        if count + 1 >= mark && next.peek().is_some_and(|(end, _)| *end == count + 1) {
            let (_, expected) = next.next().expect("it was there");
            let (engine, report) = open(&objects, &host.config, 99);
            assert_eq!(report.torn_bytes, 0);
            assert_eq!(&contents(&engine), expected, "after {} operations", count + 1);
        }
    }
    assert!(next.peek().is_none(), "not every step was looked at");

    // And it goes on as if nothing had been.
    let before = contents(&host.engine);
    host.reopen(at(steps));
    host.maintain(at(steps), true);
    assert_eq!(contents(&host.engine), before);
    host.crash();
    assert_eq!(contents(&host.engine), before);
}

#[test]
fn a_merge_cut_off_by_a_crash_begins_anew() {
    let (mut host, _) = filled();
    let before = contents(&host.engine);
    let segments = |host: &Host| {
        host.engine.stats(&Scope::default(), START).engine.expect("the view sees everything").segments
    };
    let many = segments(&host);
    for _ in 0..3 {
        assert!(host.engine.maintain(START, true).expect("nothing has failed").more);
        host.persist();
    }
    assert!(segments(&host) >= many, "the segments stay until the merge is finished");
    host.crash();
    assert_eq!(contents(&host.engine), before);
    host.maintain(START, true);
    assert_eq!(segments(&host), 1);
    host.crash();
    assert_eq!(contents(&host.engine), before);
}

/// A merge that is under way may have written what is forgotten during it: compaction does not end with that merge.
#[test]
fn compaction_asked_for_during_a_merge_leaves_nothing_that_was_forgotten() {
    for steps in 1..12 {
        let (mut host, ids) = filled();
        assert!(holds(&host, "stone 0 of heap 0"));
        for _ in 0..steps {
            host.engine.maintain(START, true).expect("nothing has failed");
            host.persist();
        }
        // Whoever asked for that compaction has lost interest.
        host.engine.maintain(START, false).expect("nothing has failed");
        host.commit(
            &Scope::default(),
            vec![Operation::Forget { id: ids[0], vector: None, if_version: None }],
            START,
        );
        host.persist();
        host.maintain(START, true);
        let segments = host.objects.keys().filter(|key| key.starts_with("segment")).count();
        assert_eq!(segments, 1, "after {steps} steps");
        assert!(!holds(&host, "stone 0 of heap 0"), "after {steps} steps");
    }
}
