//! Precision by tier: how near scores stay to the exact ones, what a move gives up, and that what is stored is what is
//! answered from.

mod support;

use stratamem_core::{
    Config, Direction, ErrorCode, Kept, NewRecord, OnLimit, Operation, Patch, Precision, Query, RecordId,
    Scope, Signal, Span, Tier, TierConfig, Timestamp,
};
use support::{Host, START, at, contents, space, text};

const DIMENSIONS: usize = 96;

fn tier(precision: Precision) -> TierConfig {
    TierConfig { precision, ..TierConfig::default() }
}

/// Tiers that keep everything, steps, and bits.
fn graded() -> Config {
    Config {
        working: tier(Precision::F32),
        intermediate: tier(Precision::Int8),
        long_term: tier(Precision::Binary),
        ..Config::default()
    }
}

/// Unit vectors around a few centres, so that some are near and most are not, as with real texts.
struct Random(fastrand::Rng);

impl Random {
    fn unit(&mut self, centre: Option<&[f32]>) -> Vec<f32> {
        let noise: Vec<f32> = (0..DIMENSIONS).map(|_| self.0.f32() - 0.5).collect();
        let raw: Vec<f32> = match centre {
            Some(centre) => noise.iter().zip(centre).map(|(noise, centre)| 0.15 * noise + centre).collect(),
            None => noise,
        };
        let norm = dot(&raw, &raw).sqrt();
        raw.into_iter().map(|component| component / norm).collect()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn add(host: &mut Host, words: &str, tier: Tier, vector: &[f32]) -> RecordId {
    let record = NewRecord { tier: Some(tier), ..text(words) };
    let operation = Operation::Add { record: Box::new(record), vector: Some(vector.to_vec()) };
    commit(host, vec![operation])[0]
}

fn commit(host: &mut Host, operations: Vec<Operation>) -> Vec<RecordId> {
    let space = space(DIMENSIONS as u32);
    let outcome = host.engine.commit(&Scope::default(), Some(&space), operations, START);
    host.persist();
    outcome.expect("the operations are good").ids
}

fn moving(id: RecordId, from: Tier, to: Tier) -> Operation {
    let direction = if to >= from { Direction::Up } else { Direction::Down };
    Operation::Move { id, direction, to: Some(to), if_version: None }
}

fn shift(host: &mut Host, id: RecordId, to: Tier) {
    let here = host.engine.get(&Scope::default(), id, START, false).expect("it is there").tier;
    commit(host, vec![moving(id, here, to)]);
}

/// What the dense signal finds, best first.
fn nearest(host: &mut Host, vector: &[f32], limit: usize) -> Vec<(RecordId, f32)> {
    let query = Query { vector: Some(vector.to_vec()), limit, ..Query::default() };
    let space = space(DIMENSIONS as u32);
    let hits = host.engine.recall(&Scope::default(), Some(&space), query, START, false);
    hits.expect("a good question")
        .iter()
        .map(|hit| {
            let dense = hit.why.signals.iter().find(|share| share.signal == Signal::Dense);
            (hit.record.id, dense.expect("every record has a vector").score)
        })
        .collect()
}

fn kept(host: &Host, id: RecordId) -> Option<Precision> {
    host.engine.precision(&Scope::default(), id, START).map(|kept| match kept {
        Kept::Whole(precision) => precision,
        Kept::Projected(_) => panic!("no tier is trained here"),
    })
}

fn vector(host: &Host, id: RecordId) -> Vec<f32> {
    host.engine.vector(&Scope::default(), id, START).expect("it has a vector")
}

fn bytes(host: &Host, id: RecordId) -> u32 {
    host.engine.explain_transition(&Scope::default(), id, START).expect("it is there").bytes
}

/// 1,200 records in turn over the three tiers, and their vectors.
fn filled(config: Config) -> (Host, Vec<(RecordId, Vec<f32>)>, Random) {
    let mut host = Host::new(config);
    let mut random = Random(fastrand::Rng::with_seed(31));
    let centres: Vec<Vec<f32>> = (0..30).map(|_| random.unit(None)).collect();
    let vectors: Vec<Vec<f32>> = (0..1_200).map(|at| random.unit(Some(&centres[at % 30]))).collect();
    let operations = vectors.iter().enumerate().map(|(at, vector)| {
        // 30 centres and 3 tiers: every centre has records in every tier.
        let record = NewRecord { tier: Some(Tier::ALL[at / 30 % 3]), ..text(format!("stone {at}")) };
        Operation::Add { record: Box::new(record), vector: Some(vector.clone()) }
    });
    let ids = commit(&mut host, operations.collect());
    (host, ids.into_iter().zip(vectors).collect(), random)
}

#[test]
fn scores_of_all_precisions_are_cosines_in_one_list() {
    let (mut host, records, mut random) = filled(graded());
    let mut errors: [Vec<f32>; 3] = Default::default();
    for (_, vector) in &records[..40] {
        let query = random.unit(Some(vector));
        let found = nearest(&mut host, &query, records.len());
        assert_eq!(found.len(), records.len());
        // At the lower end, what lies below the estimated floor counts alike.
        let upper = &found[..records.len() / 2];
        assert!(upper.is_sorted_by(|a, b| a.1 >= b.1 - 1e-6), "best first");
        for (id, score) in found {
            let (_, exact) = records.iter().find(|(known, _)| *known == id).expect("a known record");
            errors[kept(&host, id).expect("it has a vector").index()].push(score - dot(&query, exact));
        }
    }
    let mean = |errors: &[f32]| errors.iter().sum::<f32>() / errors.len() as f32;
    let largest = |errors: &[f32]| errors.iter().fold(0f32, |largest, error| largest.max(error.abs()));
    let spread =
        |errors: &[f32]| (errors.iter().map(|error| error * error).sum::<f32>() / errors.len() as f32).sqrt();
    let [f32, int8, binary] = &errors;
    assert!(largest(f32) < 1e-5, "f32: {}", largest(f32));
    assert!(largest(int8) < 0.01, "int8: {}", largest(int8));
    // Of 96 signs: 0.75 / sqrt(96) is 0.077.
    assert!(mean(binary).abs() < 0.02, "binary is off by {} on average", mean(binary));
    assert!(spread(binary) < 0.09, "binary spreads by {}", spread(binary));
    assert!(spread(binary) > 0.01, "binary cannot be exact: is it kept as bits at all?");
}

#[test]
fn int8_finds_what_f32_finds() {
    let all = |precision| Config {
        working: tier(precision),
        intermediate: tier(precision),
        long_term: tier(precision),
        ..Config::default()
    };
    let (mut exact, records, mut random) = filled(all(Precision::F32));
    let (mut int8, ..) = filled(all(Precision::Int8));
    let (mut same, mut first) = (0, 0);
    for (_, vector) in &records[..50] {
        let query = random.unit(Some(vector));
        let wanted = nearest(&mut exact, &query, 10);
        let found = nearest(&mut int8, &query, 10);
        // Both memories draw their ids alike.
        same += found.iter().filter(|(id, _)| wanted.iter().any(|(other, _)| other == id)).count();
        first += usize::from(found[0].0 == wanted[0].0);
    }
    assert!(same >= 480 && first >= 47, "{same} of 500 among the first ten, {first} of 50 at the top");
}

#[test]
fn a_move_gives_up_what_the_tier_does_not_keep_and_gets_nothing_back() {
    let mut host = Host::new(graded());
    let mut random = Random(fastrand::Rng::with_seed(32));
    let original = random.unit(None);
    let id = add(&mut host, "a stone", Tier::Working, &original);
    assert_eq!((kept(&host, id), vector(&host, id)), (Some(Precision::F32), original.clone()));
    let in_f32 = bytes(&host, id);

    shift(&mut host, id, Tier::Intermediate);
    let in_int8 = bytes(&host, id);
    assert_eq!(kept(&host, id), Some(Precision::Int8));
    assert_eq!(in_f32 - in_int8, 4 * DIMENSIONS as u32);
    let steps = vector(&host, id);
    assert!(steps != original && dot(&steps, &original) > 0.999);
    let stats = host.engine.stats(&Scope::default(), START).engine.expect("everybody's");
    assert_eq!(stats.tiers.intermediate.bytes, u64::from(in_int8));
    assert_eq!((stats.vectors, stats.precisions.f32, stats.precisions.int8), (1, 0, 1));

    shift(&mut host, id, Tier::Working);
    assert_eq!(
        (kept(&host, id), vector(&host, id), bytes(&host, id)),
        (Some(Precision::Int8), steps, in_int8)
    );

    shift(&mut host, id, Tier::LongTerm);
    assert_eq!(kept(&host, id), Some(Precision::Binary));
    assert_eq!(in_int8 - bytes(&host, id), (DIMENSIONS - DIMENSIONS / 8 + 4) as u32);
    let bits = vector(&host, id);
    shift(&mut host, id, Tier::Intermediate);
    assert_eq!((kept(&host, id), vector(&host, id)), (Some(Precision::Binary), bits.clone()));

    // New words with a new vector are kept as the tier says; other changes leave what there is.
    let update = |patch, vector| Operation::Update { id, patch: Box::new(patch), vector, if_version: None };
    let labelled = Patch { tags: Some(vec!["grey".into()]), ..Patch::default() };
    commit(&mut host, vec![update(labelled, None)]);
    assert_eq!((kept(&host, id), vector(&host, id)), (Some(Precision::Binary), bits));
    let reworded = Patch { text: Some("a pebble".into()), ..Patch::default() };
    commit(&mut host, vec![update(reworded, Some(original))]);
    assert_eq!(kept(&host, id), Some(Precision::Int8));

    // Moved twice in one transaction: what counts is where it ends.
    let there = moving(id, Tier::Intermediate, Tier::LongTerm);
    commit(&mut host, vec![there, moving(id, Tier::LongTerm, Tier::Intermediate)]);
    assert_eq!(kept(&host, id), Some(Precision::Int8));
}

#[test]
fn moves_by_policy_give_up_as_much_as_moves_on_demand() {
    let mut config = graded();
    config.working.max_items = Some(10);
    config.intermediate.ttl = Some(Span(1_000));
    let mut host = Host::new(config);
    let mut random = Random(fastrand::Rng::with_seed(33));
    for number in 0..40 {
        add(&mut host, &format!("stone {number}"), Tier::Working, &random.unit(None));
    }
    let counts =
        |host: &Host| host.engine.stats(&Scope::default(), START).engine.expect("everybody's").precisions;
    host.maintain(START, false);
    assert_eq!((counts(&host).f32, counts(&host).int8, counts(&host).binary), (10, 30, 0));
    host.maintain(at(2_000), false);
    assert_eq!((counts(&host).f32, counts(&host).int8, counts(&host).binary), (10, 0, 30));
}

#[test]
fn what_is_stored_is_what_is_answered_from() {
    let (mut host, records, mut random) = filled(graded());
    for (id, _) in records.iter().step_by(7) {
        shift(&mut host, *id, Tier::Intermediate);
    }
    let questions: Vec<Vec<f32>> = (0..10).map(|at| random.unit(Some(&records[at * 40].1))).collect();
    let answers = |host: &mut Host| -> Vec<_> {
        let answers: Vec<_> = questions.iter().map(|question| nearest(host, question, 20)).collect();
        let kept: Vec<_> =
            records.iter().map(|(id, _)| (kept(host, *id), vector(host, *id), bytes(host, *id))).collect();
        vec![(answers, kept)]
    };
    let before = answers(&mut host);
    host.reopen(START);
    assert_eq!(answers(&mut host), before, "from the log");
    host.maintain(START, true);
    assert_eq!(answers(&mut host), before, "after compacting");
    let report = host.reopen(START);
    assert_eq!(report.replayed_commits, 0);
    assert_eq!(answers(&mut host), before, "from segments");
    // Bits and steps take less than floats would.
    let stored: usize = host.objects.values().map(Vec::len).sum();
    assert!(stored < records.len() * (DIMENSIONS * 4 * 2 / 3 + 100), "{stored} bytes");
}

#[test]
fn a_memory_opened_with_coarser_tiers_is_brought_there_in_steps() {
    let endless = TierConfig { max_items: None, ttl: None, ..TierConfig::default() };
    let exact = Config { working: endless.clone(), intermediate: endless, ..Config::default() };
    let (mut host, records, _) = filled(exact.clone());
    host.maintain(START, false);
    assert_ne!(host.engine.next_deadline(), Some(Timestamp::MIN));
    host.config = graded();
    host.reopen(START);
    assert_eq!(host.engine.next_deadline(), Some(Timestamp::MIN), "something is to do at once");
    let (mut coarsened, mut steps, mut crashed) = (0, 0, false);
    loop {
        let report = host.engine.maintain(START, false).expect("nothing has failed");
        assert!(report.coarsened <= 256, "{} in one step", report.coarsened);
        coarsened += report.coarsened;
        steps += u32::from(report.coarsened > 0);
        host.persist();
        if !report.more {
            break;
        }
        if steps == 2 && !crashed {
            // In the middle of it, the process dies.
            host.crash();
            crashed = true;
        }
    }
    assert_eq!(coarsened, 780, "those of the intermediate and the long-term tier");
    assert!(steps > 3);
    assert_ne!(host.engine.next_deadline(), Some(Timestamp::MIN));
    for (at, (id, _)) in records.iter().enumerate() {
        assert_eq!(kept(&host, *id), Some(Precision::ALL[at / 30 % 3]));
    }
    // Exact tiers make nothing of it.
    host.config = exact;
    host.reopen(START);
    host.maintain(START, false);
    assert_eq!(kept(&host, records[60].0), Some(Precision::Binary));
}

#[test]
fn budgets_are_about_what_is_kept() {
    let limit = 40_000;
    let room = |precision| {
        let full = TierConfig { max_bytes: Some(limit), on_limit: OnLimit::Reject, ..tier(precision) };
        let mut host = Host::new(Config { long_term: full, ..Config::default() });
        let mut random = Random(fastrand::Rng::with_seed(34));
        let space = space(DIMENSIONS as u32);
        for number in 0.. {
            let record = NewRecord { tier: Some(Tier::LongTerm), ..text(format!("stone {number:03}")) };
            let operation = Operation::Add { record: Box::new(record), vector: Some(random.unit(None)) };
            if let Err(error) = host.engine.commit(&Scope::default(), Some(&space), vec![operation], START) {
                assert_eq!(error.code(), ErrorCode::TierFull);
                return number;
            }
        }
        unreachable!("a tier has a limit")
    };
    let [f32, int8, binary] = Precision::ALL.map(room);
    assert!(f32 < int8 && int8 < binary, "{f32}, {int8}, {binary}");
    let estimated = |precision| stratamem_core::Engine::estimate(100, 384, precision, 0).memory;
    assert_eq!(estimated(Precision::F32) - estimated(Precision::Int8), 100 * 4 * 384);
    assert_eq!(estimated(Precision::Int8) - estimated(Precision::Binary), 100 * (384 - 48 + 4));
}

#[test]
fn packed_texts_save_storage_and_show_nowhere_else() {
    let packing = |compress_text| {
        let mut config = graded();
        config.long_term.compress_text = compress_text;
        config
    };
    let (mut plain, ..) = filled(packing(false));
    let (mut packed, records, _) = filled(packing(true));
    for host in [&mut plain, &mut packed] {
        host.maintain(START, true);
        host.reopen(START);
    }
    assert_eq!(contents(&packed.engine), contents(&plain.engine));
    let stats = |host: &Host| host.engine.stats(&Scope::default(), START).engine.expect("everybody's");
    let (with, without) = (stats(&packed), stats(&plain));
    assert_eq!((with.log_bytes, without.log_bytes, without.saved_bytes), (0, 0, 0));
    // Blocks of their own, with their heads and their dictionaries of terms, cost a little.
    let saved = without.segment_bytes as i64 - with.segment_bytes as i64;
    assert!((with.saved_bytes as i64 - saved).abs() < 20_000, "{} and {saved}", with.saved_bytes);
    assert!(saved > records.len() as i64 / 3 * 20, "{saved} bytes of {}", without.segment_bytes);

    // What moves out of the tier is unpacked when it is written next.
    for (id, _) in &records {
        shift(&mut packed, *id, Tier::Working);
    }
    packed.maintain(START, true);
    assert_eq!(stats(&packed).saved_bytes, 0);
    let before = contents(&packed.engine);
    packed.reopen(START);
    assert_eq!(contents(&packed.engine), before);
}

/// A record that comes from another memory brings a vector that was coarse there: keeping it in full would keep no more.
#[test]
fn an_imported_record_is_kept_no_better_than_it_was() {
    let mut host = Host::new(graded());
    let mut random = Random(fastrand::Rng::with_seed(35));
    let original = random.unit(None);
    let id = add(&mut host, "a stone", Tier::LongTerm, &original);
    let (exported, question) = (vector(&host, id), random.unit(Some(&original)));
    let before = nearest(&mut host, &question, 1)[0].1;
    let history = serde_json::json!({
        "recordedAt": START.0, "tierSince": START.0, "accessCount": 0, "version": 1, "precision": "binary"
    });
    let record = NewRecord {
        tier: Some(Tier::Working),
        history: Some(serde_json::from_value(history).expect("a history")),
        ..text("a stone")
    };
    let mut other = Host::new(graded());
    let copy =
        commit(&mut other, vec![Operation::Add { record: Box::new(record), vector: Some(exported.clone()) }])
            [0];
    assert_eq!((kept(&other, copy), vector(&other, copy)), (Some(Precision::Binary), exported));
    assert_eq!(nearest(&mut other, &question, 1)[0].1, before);
}
