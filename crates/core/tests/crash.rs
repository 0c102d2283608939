//! A crash at any moment loses nothing that was acknowledged and tears nothing apart.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use stratamem_core::policy::Rule;
use stratamem_core::{
    Config, Direction, Embedding, EmbeddingSpace, Goal, NewRecord, Operation, Patch, Precision, Record,
    RecordId, Scope, Span, StorageOperation, Tier, TierConfig, Timestamp, Value,
};
use support::{Host, Objects, add, apply, at, commits, contents, open, space, text, user};

type Contents = Vec<(Record, Option<Vec<f32>>)>;

/// What a memory went through.
struct History {
    config: Config,
    /// The operations in the order in which storage saw them; `true` where a batch ended.
    written: Vec<(StorageOperation, bool)>,
    /// The records after a commit, for every commit after which somebody looked.
    states: BTreeMap<u64, Contents>,
    /// The last commit that was acknowledged with the first so many operations written.
    acknowledged: BTreeMap<usize, u64>,
}

struct Recorder {
    host: Host,
    states: BTreeMap<u64, Contents>,
    acknowledged: BTreeMap<usize, u64>,
}

impl Recorder {
    fn new(config: Config) -> Recorder {
        let states = BTreeMap::from([(0, Vec::new())]);
        Recorder { host: Host::new(config), states, acknowledged: BTreeMap::new() }
    }

    /// Notes what the memory looks like now, before anything else is read from it.
    fn look(&mut self) {
        let engine = &self.host.engine;
        self.states.entry(commits(engine)).or_insert_with(|| contents(engine));
    }

    fn commit(&mut self, operations: Vec<Operation>, now: Timestamp) -> Vec<RecordId> {
        let ids = self.host.commit(&Scope::default(), operations, now).ids;
        self.look();
        ids
    }

    fn persist(&mut self) {
        self.host.persist();
        self.acknowledged.insert(self.host.written.len(), commits(&self.host.engine));
    }

    fn maintain(&mut self, now: Timestamp, compact: bool) {
        loop {
            let more = self.host.engine.maintain(now, compact).expect("nothing has failed").more;
            self.look();
            self.persist();
            if !more {
                break;
            }
        }
    }

    fn train(&mut self, tier: Tier, goal: Option<Goal>, now: Timestamp) {
        self.host.engine.train(tier, goal, now).expect("the tier holds vectors");
        self.look();
        self.persist();
    }

    /// Gives some records that have no vector one.
    fn embed_some(&mut self, space: &EmbeddingSpace, count: usize, now: Timestamp) {
        let records = self.host.engine.unembedded(false, None, count, now);
        let embedding = |(number, record): (usize, &Record)| Embedding {
            id: record.id,
            version: record.version,
            vector: vec![number as f32, 1.0, -1.0, 0.5],
        };
        let embeddings = records.into_iter().enumerate().map(embedding).collect();
        assert!(self.host.engine.embed(space, embeddings, now).expect("the vectors are good") > 0);
        self.look();
        self.persist();
    }

    fn reopen(&mut self, now: Timestamp) {
        self.host.engine.flush(now).expect("nothing has failed");
        self.look();
        self.persist();
        let report = self.host.crash();
        assert_eq!((report.torn_bytes, report.leftovers), (0, Vec::new()));
    }

    fn finish(self) -> History {
        let Recorder { host, states, acknowledged } = self;
        History { config: host.config, written: host.written, states, acknowledged }
    }
}

fn record(number: usize) -> NewRecord {
    NewRecord {
        actor: number.is_multiple_of(3).then(|| format!("actor {}", number % 2)),
        tags: vec![format!("tag{}", number % 4)],
        metadata: [("number".to_owned(), Value::Number(number as f64))].into(),
        scope: if number.is_multiple_of(2) { user("1") } else { user("10") },
        expires_at: (number % 7 == 3 && number < 40).then(|| at(50_000)),
        pinned: number % 11 == 5,
        importance: Some(number as f64 / 100.0),
        ..text(format!("memory number {number} of the history"))
    }
}

/// Everything a memory can go through: all commands, batches of several commits, seals, merges and a reopening.
fn varied_history() -> History {
    let config = Config {
        working: TierConfig {
            max_items: Some(8),
            ttl: Some(Span(10_000)),
            promote: Some(Rule::Uses { at_least: 3 }),
            ..TierConfig::default()
        },
        intermediate: TierConfig {
            ttl: Some(Span(100_000)),
            precision: Precision::Int8,
            ..TierConfig::default()
        },
        long_term: TierConfig { precision: Precision::Binary, compress_text: true, ..TierConfig::default() },
        seal_bytes: 4_096,
        ..Config::default()
    };
    let everyone = Scope::default();
    let mut story = Recorder::new(config);
    let mut ids = Vec::new();
    for number in 0..12 {
        let vector = (number % 2 == 0).then(|| vec![1.0, number as f32, 0.0, -1.0]);
        let operation = Operation::Add { record: Box::new(record(number)), vector };
        ids.extend(story.commit(vec![operation], at(number as i64)));
        // Now and then two commits wait for storage together.
        if number % 3 != 1 {
            story.persist();
        }
    }
    let patch = Patch { text: Some("a new text".into()), ..Patch::default() };
    let update = |id, patch: &Patch| Operation::Update {
        id,
        patch: Box::new(patch.clone()),
        vector: None,
        if_version: None,
    };
    let forget = |id| Operation::Forget { id, vector: None, if_version: None };
    let promote = |id, to| Operation::Move { id, direction: Direction::Up, to, if_version: None };
    story.host.engine.get(&everyone, ids[1], at(100), true);
    let reward = |id, value| Operation::Reward { id, value, if_version: None };
    story.commit(
        vec![
            update(ids[0], &patch),
            forget(ids[2]),
            promote(ids[4], Some(Tier::LongTerm)),
            reward(ids[4], 0.75),
            add(record(20)),
            reward(ids[1], -0.5),
        ],
        at(110),
    );
    story.persist();
    story.reopen(at(120));
    // The third use earns the next tier, at once and with a commit of its own.
    for moment in 130..133 {
        story.host.engine.get(&everyone, ids[11], at(moment), true);
    }
    story.look();
    story.persist();

    story.maintain(at(20_000), false);
    // Vectors of four components in int8 steps are brought down to two.
    story.train(Tier::Intermediate, Some(Goal::Dimensions(2)), at(20_050));
    story.host.engine.get(&everyone, ids[5], at(20_100), true);
    story.maintain(at(20_200), true);
    story.commit(vec![forget(ids[0]), promote(ids[1], None)], at(20_300));
    story.commit(vec![add(NewRecord { id: Some(ids[0]), ..record(30) }), forget(ids[6])], at(20_400));
    story.persist();
    story.maintain(at(60_000), true);
    for number in 40..46 {
        story.commit(vec![add(NewRecord { text: "x".repeat(1_200), ..record(number) })], at(60_100));
        story.persist();
    }
    story.commit(vec![update(ids[1], &Patch { importance: Some(0.9), ..Patch::default() })], at(60_200));
    story.persist();
    story.maintain(at(200_000), true);
    story.train(Tier::Intermediate, None, at(200_050));
    story.reopen(at(200_100));
    story.commit(vec![add(record(50)), add(record(51))], at(200_200));
    story.persist();
    // Another model, of as many dimensions, while there are segments and logs with vectors of the one before.
    let other = EmbeddingSpace { model: "other".into(), ..space(4) };
    story.host.engine.change_space(other.clone(), at(200_210)).expect("a good space");
    story.look();
    for _ in 0..3 {
        story.embed_some(&other, 4, at(200_220));
    }
    story.reopen(at(200_230));
    story.embed_some(&other, 4, at(200_240));
    story.maintain(at(200_250), true);
    story.embed_some(&other, 100, at(200_260));
    story.finish()
}

/// Fails unless `found` is what the memory was after commit `sequence`. If nobody looked then, each record is as it
/// was before or after.
fn check_state(history: &History, sequence: u64, found: &Contents, place: &str) {
    if let Some(state) = history.states.get(&sequence) {
        assert_eq!(found, state, "{place}: not the state after commit {sequence}");
        return;
    }
    let (_, before) = history.states.range(..sequence).next_back().expect("the empty memory was looked at");
    let (_, after) = history.states.range(sequence..).next().expect("the last state was looked at");
    for row in found {
        assert!(before.contains(row) || after.contains(row), "{place}: {row:?} was never so");
    }
    for (record, _) in after {
        let there = found.iter().any(|(found, _)| found.id == record.id);
        assert!(there, "{place}: {} is lost after commit {sequence}", record.id);
    }
    assert!(found.len() <= before.len().max(after.len()));
}

/// Opens what a crash left behind. Answers the last commit that survived.
fn recover(
    history: &History,
    objects: &Objects,
    acknowledged: u64,
    issued: u64,
    torn: bool,
    place: &str,
) -> u64 {
    let (engine, report) = open(objects, &history.config, 9);
    let survived = commits(&engine);
    assert!(survived >= acknowledged, "{place}: commit {acknowledged} was acknowledged, {survived} survived");
    assert!(survived <= issued, "{place}: commit {survived} was never issued");
    assert_eq!(report.torn_bytes > 0, torn, "{place}: {} torn bytes", report.torn_bytes);
    check_state(history, survived, &contents(&engine), place);
    survived
}

/// Uses a memory after a crash, and opens it twice more.
fn go_on(history: &History, objects: &Objects, place: &str) {
    let (mut host, report) = Host::over(history.config.clone(), objects.clone(), 9);
    let mut before = contents(&host.engine);
    let id = host.add(NewRecord { tier: Some(Tier::LongTerm), ..text("after the crash") }, at(200_300));
    let leftovers: Vec<&String> =
        report.leftovers.iter().filter(|key| host.objects.get(*key) == objects.get(*key)).collect();
    assert!(leftovers.is_empty(), "{place}: {leftovers:?} stayed");

    let (engine, report) = open(&host.objects, &history.config, 10);
    assert_eq!((report.torn_bytes, report.leftovers), (0, Vec::new()), "{place}: opened after a write");
    let mut after = contents(&engine);
    after.retain(|(record, _)| record.id != id);
    // The write may have brought a tier back to its limit.
    for ((record, vector), (earlier, earlier_vector)) in after.iter_mut().zip(&mut before) {
        assert!(record.moves.starts_with(&earlier.moves), "{place}: {record:?} has lost a move");
        // Where it is now, less may be kept of its vector.
        if record.moves != earlier.moves && vector.is_some() == earlier_vector.is_some() {
            (*vector, *earlier_vector) = (None, None);
        }
    }
    for (record, _) in before.iter_mut().chain(&mut after) {
        (record.tier, record.tier_since) = (Tier::Working, at(0));
        record.moves.clear();
    }
    assert_eq!(after, before, "{place}: a write after the crash changed another record");
    assert!(engine.len() == before.len() + 1, "{place}: the write after the crash is lost");

    host.crash();
    host.maintain(at(300_000), true);
    let expected = contents(&host.engine);
    let (engine, report) = open(&host.objects, &history.config, 11);
    assert_eq!((report.torn_bytes, report.leftovers), (0, Vec::new()), "{place}: opened after compaction");
    assert_eq!(contents(&engine), expected, "{place}: compaction changed a record");
}

#[test]
fn every_cut_leaves_a_prefix_with_everything_that_was_acknowledged() {
    let history = varied_history();
    let kinds = |wanted: fn(&StorageOperation) -> bool| {
        history.written.iter().filter(|(operation, _)| wanted(operation)).count()
    };
    // The history is as varied as it says.
    assert!(kinds(|operation| matches!(operation, StorageOperation::Append { .. })) > 15);
    let segments = kinds(|o| matches!(o, StorageOperation::Put { key, .. } if key.starts_with("segment")));
    assert!(segments > 4, "{segments} seals and merges");
    assert!(kinds(|operation| matches!(operation, StorageOperation::Remove { .. })) > 10);

    let (reached, cuts) = cut_everywhere(&history, 0, 1);
    assert!(cuts > 5_000, "{cuts}");
    // Every commit is the last one that survives some cut.
    assert_eq!(reached, (0..=*history.states.keys().next_back().expect("it was looked at")).collect());
}

/// Cuts what was written in the operations after the first `from`, and opens what is left: between operations, at every
/// byte near the ends of an append, and at every `stride`th byte within. Some of it is used on. Answers the commits that were the last to survive, and the number of cuts.
fn cut_everywhere(history: &History, from: usize, stride: usize) -> (BTreeSet<u64>, usize) {
    let issued = *history.states.keys().next_back().expect("the last state was looked at");
    let mut objects = Objects::new();
    let mut reached = BTreeSet::new();
    let mut cuts = 0;
    for (index, (operation, _)) in history.written.iter().enumerate() {
        if index < from {
            apply(&mut objects, operation);
            continue;
        }
        let acknowledged = history.acknowledged.range(..=index).next_back().map_or(0, |(_, commit)| *commit);
        let place = format!("before operation {index}");
        reached.insert(recover(history, &objects, acknowledged, issued, false, &place));
        go_on(history, &objects, &place);
        if let StorageOperation::Append { key, bytes } = operation {
            let whole = objects.get(key).map_or(0, Vec::len);
            let frames = frame_ends(whole, bytes);
            let near = |cut: usize| cut < 24 || bytes.len() - cut < 24 || frames.contains(&cut);
            for cut in (1..bytes.len()).filter(|cut| near(*cut) || cut.is_multiple_of(stride)) {
                let mut torn = objects.clone();
                torn.entry(key.clone()).or_default().extend(&bytes[..cut]);
                let place = format!("operation {index} cut after {cut} of {} bytes", bytes.len());
                let is_torn = !frames.contains(&cut);
                reached.insert(recover(history, &torn, acknowledged, issued, is_torn, &place));
                if cut % (37 * stride) == 0 || cut < 18 / stride || !is_torn {
                    go_on(history, &torn, &place);
                }
                cuts += 1;
            }
        }
        apply(&mut objects, operation);
    }
    let place = "at the end";
    reached.insert(recover(history, &objects, issued, issued, false, place));
    go_on(history, &objects, place);
    (reached, cuts)
}

/// A seal in many steps and then a merge in many steps, with every sort of change between them. Answers how many
/// operations came before.
fn history_in_steps() -> (History, usize) {
    let config = Config { default_tier: Tier::LongTerm, ..Config::default() };
    let mut story = Recorder::new(config);
    let everyone = Scope::default();
    let mut ids = Vec::new();
    for batch in 0..9 {
        let vector =
            |number: usize| number.is_multiple_of(5).then(|| vec![1.0, number as f32, batch as f32, 0.5]);
        let operation = |number| Operation::Add {
            record: Box::new(text(format!("memory {number} of batch {batch}"))),
            vector: vector(number),
        };
        ids.extend(story.commit((0..100).map(operation).collect(), at(batch)));
    }
    story.persist();
    story.maintain(at(10), true);
    let patch = |words: String| Box::new(Patch { text: Some(words), ..Patch::default() });
    let update = |id, words| Operation::Update { id, patch: patch(words), vector: None, if_version: None };
    let forget = |id| Operation::Forget { id, vector: None, if_version: None };
    for id in &ids {
        story.host.engine.get(&everyone, *id, at(11), true);
    }
    story.commit(ids[200..].iter().map(|id| update(*id, format!("told anew {id}"))).collect(), at(11));
    story.commit(ids[..20].iter().map(|id| forget(*id)).collect(), at(12));
    story.persist();

    let before = story.host.written.len();
    let mut unfinished = 0;
    for step in 0..8 {
        let now = at(20 + step as i64);
        unfinished += u32::from(story.host.engine.maintain(now, true).expect("nothing has failed").more);
        story.look();
        story.persist();
        // Of records that are written already, of some that are not yet, of some that only leave a trace.
        for part in [20, 150, 290, 320, 450, 580] {
            story.host.engine.get(&everyone, ids[part + step], now, true);
        }
        let revised = Patch { importance: Some(0.75), ..Patch::default() };
        let again = NewRecord { id: Some(ids[step]), ..text(format!("back in step {step}")) };
        let mut operations = vec![
            update(ids[40 + step], format!("changed in step {step}")),
            update(ids[899 - step], format!("changed in step {step}")),
            Operation::Update {
                id: ids[500 - step],
                patch: Box::new(revised),
                vector: None,
                if_version: None,
            },
            forget(ids[80 + step]),
            forget(ids[560 - step]),
            Operation::Move {
                id: ids[100 + step],
                direction: Direction::Down,
                to: Some(Tier::Working),
                if_version: None,
            },
            Operation::Move {
                id: ids[540 - step],
                direction: Direction::Down,
                to: Some(Tier::Working),
                if_version: None,
            },
            Operation::Add { record: Box::new(again), vector: Some(vec![0.0, 1.0, 0.0, step as f32]) },
        ];
        if step > 1 {
            operations.push(forget(ids[step - 1]));
        }
        story.commit(operations, now);
        story.persist();
    }
    assert!(unfinished > 4, "{unfinished} steps");
    story.maintain(at(40), true);
    (story.finish(), before)
}

#[test]
fn every_cut_between_the_steps_of_a_seal_leaves_a_prefix_with_everything_that_was_acknowledged() {
    let (history, before) = history_in_steps();
    let (reached, cuts) = cut_everywhere(&history, before, 11);
    assert!(cuts > 500 && reached.len() > 8, "{cuts} cuts, {} commits", reached.len());
}

/// Where an append can end without tearing: after the header and after each frame. `before` bytes are there already.
fn frame_ends(before: usize, bytes: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut end = 0;
    if before == 0 {
        end = 16;
        ends.push(end);
    }
    while end < bytes.len() {
        let length = bytes[end..].first_chunk::<4>().expect("a frame starts with its length");
        end += 16 + u32::from_le_bytes(*length) as usize + 4;
        ends.push(end);
    }
    assert_eq!(end, bytes.len(), "an append is whole frames");
    ends
}

#[test]
fn a_writer_who_lost_the_memory_cannot_mix_its_commits_with_those_of_the_next() {
    let mut first = Host::new(Config::default());
    first.add(text("before"), at(0));
    let (mut second, _) = Host::over(Config::default(), first.objects.clone(), 8);
    let kept = second.add(text("by the second"), at(1));

    // The first one wakes up and appends to the log it thinks it owns.
    let from = first.written.len();
    first.add(text("by the first, too late"), at(2));
    for (operation, _) in &first.written[from..] {
        apply(&mut second.objects, operation);
    }
    second.add(text("by the second again"), at(3));
    let expected = contents(&second.engine);
    second.crash();
    assert_eq!(contents(&second.engine), expected);
    assert!(expected.iter().any(|(record, _)| record.id == kept));
    assert!(expected.iter().all(|(record, _)| !record.text.contains("too late")));
}

#[test]
fn after_a_failed_write_only_reads_are_served() {
    let mut host = Host::new(Config::default());
    let id = host.add(text("kept"), at(0));
    host.commit(&Scope::default(), vec![add(text("not written"))], at(1));
    assert!(host.engine.poll_effect().is_some());
    host.engine.fail("the disk is full");

    let refused = host.engine.commit(&Scope::default(), None, vec![add(text("more"))], at(2));
    assert_eq!(refused.expect_err("refused").code().name(), "engine-poisoned");
    assert!(host.engine.maintain(at(2), true).is_err() && host.engine.flush(at(2)).is_err());
    assert_eq!(host.engine.poll_effect(), None);
    assert!(host.engine.get(&Scope::default(), id, at(2), true).is_some());
    let told = host.engine.drain_events();
    assert_eq!(told.len(), 1, "what was not written is not announced: {told:?}");

    host.crash();
    assert_eq!(contents(&host.engine).iter().map(|(record, _)| record.id).collect::<Vec<_>>(), [id]);
}
