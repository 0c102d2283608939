//! Encoders of the host: what they make takes the place of vectors, is found by what they make of a question, is stored,
//! and never overwrites what has changed in the meantime.

mod support;

use stratamem_core::{
    CommandError, Config, Direction, Embedding, EmbeddingSpace, Encoded, Kept, NewRecord, Operation, Patch,
    Precision, Query, RecordId, Scope, Signal, Tier, TierConfig, Unencoded,
};
use support::{Host, START, contents, space, text};

const DIMENSIONS: usize = 64;
const WIDTH: usize = 24;
const NAME: &str = "bent";

fn endless() -> Config {
    let tier = TierConfig { max_items: None, ttl: None, ..TierConfig::default() };
    Config { working: tier.clone(), intermediate: tier.clone(), long_term: tier, ..Config::default() }
}

/// What the host's encoder makes of a vector: no linear map, and of a length of its own.
fn encode(vector: &[f32]) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(99);
    let mut along = || vector.iter().map(|component| component * (random.f32() - 0.5)).sum::<f32>();
    (0..WIDTH).map(|_| 5.0 * along().tanh()).collect()
}

fn answer(asked: &Unencoded) -> Encoded {
    let rows = asked.vectors.chunks(DIMENSIONS).flat_map(encode).collect();
    let Unencoded { ids, versions, since, .. } = asked.clone();
    Encoded { ids, versions, width: WIDTH, rows, since }
}

fn drawn(seed: u64, count: usize) -> Vec<Vec<f32>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let axes: Vec<Vec<f32>> = (0..8).map(|_| (0..DIMENSIONS).map(|_| random.f32() - 0.5).collect()).collect();
    let draw = |_| {
        let mut vector = vec![0f32; DIMENSIONS];
        for axis in &axes {
            let along = random.f32() - 0.5;
            vector.iter_mut().zip(axis).for_each(|(sum, component)| *sum += along * component);
        }
        let norm = vector.iter().map(|component| component * component).sum::<f32>().sqrt();
        vector.into_iter().map(|component| component / norm).collect()
    };
    (0..count).map(draw).collect()
}

fn commit(host: &mut Host, operations: Vec<Operation>) -> Vec<RecordId> {
    let outcome = host.engine.commit(&Scope::default(), Some(&space(DIMENSIONS as u32)), operations, START);
    host.persist();
    outcome.expect("the operations are good").ids
}

fn adding(number: usize, tier: Tier, vector: &[f32]) -> Operation {
    let record = NewRecord { tier: Some(tier), ..text(format!("stone {number}")) };
    Operation::Add { record: Box::new(record), vector: Some(vector.to_vec()) }
}

/// Records in the long-term tier, which is trained to the encoder.
fn trained(count: usize) -> (Host, Vec<(RecordId, Vec<f32>)>) {
    let mut host = Host::new(endless());
    let vectors = drawn(7, count);
    let operations = vectors.iter().enumerate().map(|(at, vector)| adding(at, Tier::LongTerm, vector));
    let ids = commit(&mut host, operations.collect());
    let sample = host.engine.sample(Tier::LongTerm, NAME).expect("it holds vectors");
    let training =
        host.engine.train_encoder(Tier::LongTerm, NAME, &answer(&sample), START).expect("it is good");
    host.persist();
    assert_eq!((training.dimensions, training.loss), (WIDTH as u32, None));
    assert_eq!(training.ratio, 4.0 * DIMENSIONS as f64 / WIDTH as f64);
    assert!((0.0..0.6).contains(&training.recall_loss), "{training:?}");
    (host, ids.into_iter().zip(vectors).collect())
}

/// Has the encoder asked about everything. Answers how many vectors it has encoded.
fn encode_all(host: &mut Host) -> u32 {
    let mut kept = 0;
    while let Some(asked) = host.engine.next_unencoded(&[NAME], 100).expect("all vectors are in memory") {
        assert!(asked.ids.len() <= 100 && asked.vectors.len() == asked.ids.len() * DIMENSIONS);
        kept += host.engine.keep_encoded(NAME, &answer(&asked), START).expect("the answer is good");
        host.persist();
    }
    kept
}

fn kept(host: &Host, id: RecordId) -> Kept {
    host.engine.precision(&Scope::default(), id, START).expect("it has a vector")
}

fn is_encoded(host: &Host, id: RecordId) -> bool {
    matches!(kept(host, id), Kept::Projected(_))
}

/// What the dense signal finds, best first.
fn nearest(host: &mut Host, vector: &[f32], encoded: bool, limit: usize) -> Vec<(RecordId, f32)> {
    let encoded = if encoded { vec![(NAME.to_owned(), encode(vector))] } else { Vec::new() };
    let query = Query { vector: Some(vector.to_vec()), encoded, limit, ..Query::default() };
    let hits = host.engine.recall(&Scope::default(), Some(&space(DIMENSIONS as u32)), query, START, false);
    let score = |hit: &stratamem_core::Hit| {
        let dense = hit.why.signals.iter().find(|share| share.signal == Signal::Dense);
        (hit.record.id, dense.expect("the dense signal found it").score)
    };
    hits.expect("a good question").iter().map(score).collect()
}

#[test]
fn encoded_vectors_are_found_by_encoded_questions_beside_whole_ones() {
    let (mut host, records) = trained(400);
    let fresh = drawn(8, 3);
    let working: Vec<Operation> = fresh.iter().map(|vector| adding(900, Tier::Working, vector)).collect();
    let whole = commit(&mut host, working)[0];
    assert_eq!(host.engine.encoders(), Vec::<&str>::new(), "nothing is encoded yet");
    assert_eq!(encode_all(&mut host), 400);
    assert_eq!(host.engine.encoders(), [NAME]);
    assert_eq!(encode_all(&mut host), 0, "each is encoded once");
    assert!(records.iter().all(|(id, _)| is_encoded(&host, *id)));
    assert_eq!(kept(&host, whole), Kept::Whole(Precision::F32), "its tier is not trained");
    assert_eq!(host.engine.vector(&Scope::default(), records[0].0, START), None, "nothing leads back");

    let mut first = 0;
    for (id, vector) in records.iter().step_by(10) {
        let found = nearest(&mut host, vector, true, 5);
        first += u32::from(found[0].0 == *id);
        assert!(found.iter().all(|(_, score)| (-1.0..=1.0).contains(score)), "{found:?}");
        // Without the encoder, only those are found that are whole.
        let found = nearest(&mut host, vector, false, 5);
        assert!(found.iter().all(|(id, _)| !is_encoded(&host, *id)) && !found.is_empty());
    }
    assert!(first >= 38, "{first} of 40");
    let found = nearest(&mut host, &fresh[0], true, 5);
    assert_eq!(found[0].0, whole, "scores of both sorts stand in one list");

    // It is what is stored, in logs and in segments.
    let question = &records[3].1;
    let before = nearest(&mut host, question, true, 10);
    host.crash();
    assert_eq!(nearest(&mut host, question, true, 10), before);
    host.maintain(START, true);
    host.crash();
    assert_eq!(nearest(&mut host, question, true, 10), before);
    assert_eq!(encode_all(&mut host), 0);
}

#[test]
fn who_comes_into_the_tier_is_encoded_and_what_changes_meanwhile_is_not_overwritten() {
    let (mut host, records) = trained(50);
    encode_all(&mut host);
    let extra = drawn(9, 4);
    let ids = commit(&mut host, (0..4).map(|at| adding(500 + at, Tier::Working, &extra[at])).collect());
    assert!(host.engine.next_unencoded(&[NAME], 9).expect("all vectors are in memory").is_none());
    let rise =
        |id| Operation::Move { id, direction: Direction::Up, to: Some(Tier::LongTerm), if_version: None };
    commit(&mut host, ids.iter().copied().map(rise).collect());
    assert!(
        host.engine.next_unencoded(&["another"], 9).expect("all vectors are in memory").is_none(),
        "only who is there is asked"
    );
    let asked =
        host.engine.next_unencoded(&[NAME], 9).expect("all vectors are in memory").expect("four have come");
    assert_eq!(asked.ids, ids);

    // While the encoder thinks, one is changed, one is forgotten, one goes back.
    let patch = Patch { text: Some("another stone".into()), ..Patch::default() };
    commit(
        &mut host,
        vec![
            Operation::Update {
                id: ids[0],
                patch: Box::new(patch),
                vector: Some(extra[3].clone()),
                if_version: None,
            },
            Operation::Forget { id: ids[1], vector: None, if_version: None },
            Operation::Move {
                id: ids[2],
                direction: Direction::Down,
                to: Some(Tier::Working),
                if_version: None,
            },
        ],
    );
    assert_eq!(host.engine.keep_encoded(NAME, &answer(&asked), START).expect("the answer is good"), 1);
    host.persist();
    assert_eq!(kept(&host, ids[0]), Kept::Whole(Precision::F32));
    assert_eq!(kept(&host, ids[2]), Kept::Whole(Precision::F32));
    assert!(is_encoded(&host, ids[3]));
    assert_eq!(encode_all(&mut host), 1, "the changed one is asked about as it is now");
    assert!(is_encoded(&host, ids[0]));

    // What is encoded stays so wherever it goes; a new vector is whole until its turn.
    let back = Operation::Move {
        id: records[0].0,
        direction: Direction::Down,
        to: Some(Tier::Working),
        if_version: None,
    };
    commit(&mut host, vec![back]);
    assert!(is_encoded(&host, records[0].0));
    host.crash();
    assert!(is_encoded(&host, records[0].0) && is_encoded(&host, ids[3]));
    host.engine.train(Tier::LongTerm, None, START).expect("nothing has failed");
    commit(&mut host, vec![adding(700, Tier::LongTerm, &extra[0])]);
    assert!(
        host.engine.next_unencoded(&[NAME], 9).expect("all vectors are in memory").is_none(),
        "the training is over"
    );
}

#[test]
fn a_tier_asks_again_after_reopening_for_what_was_not_encoded() {
    let (mut host, _) = trained(30);
    let asked = host
        .engine
        .next_unencoded(&[NAME], 10)
        .expect("all vectors are in memory")
        .expect("nothing is encoded yet");
    assert_eq!(host.engine.keep_encoded(NAME, &answer(&asked), START).expect("the answer is good"), 10);
    host.persist();
    host.crash();
    assert_eq!(encode_all(&mut host), 20);
}

#[test]
fn bad_answers_are_refused_and_change_nothing() {
    let (mut host, records) = trained(20);
    let asked = host
        .engine
        .next_unencoded(&[NAME], 5)
        .expect("all vectors are in memory")
        .expect("nothing is encoded yet");
    let good = answer(&asked);
    let mut endless = good.clone();
    endless.rows[WIDTH + 2] = f32::NAN;
    let mut empty = good.clone();
    empty.rows[..WIDTH].fill(0.0);
    let short = Encoded { rows: good.rows[1..].to_vec(), ..good.clone() };
    let narrow = Encoded { width: WIDTH / 2, rows: good.rows[..5 * WIDTH / 2].to_vec(), ..good.clone() };
    for (bad, field) in
        [(endless, "encoder/1/2"), (empty, "encoder/0"), (short, "encoder"), (narrow, "encoder")]
    {
        let refused = host.engine.keep_encoded(NAME, &bad, START);
        assert!(
            matches!(&refused, Err(CommandError::Invalid { field: named, .. }) if named == field),
            "{refused:?}"
        );
        assert!(!records.iter().any(|(id, _)| is_encoded(&host, *id)));
    }
    let sample = host.engine.sample(Tier::LongTerm, "wide").expect("it holds vectors");
    let rows = vec![1.0; sample.ids.len() * 2 * DIMENSIONS];
    let Unencoded { ids, versions, since, .. } = sample;
    let wide = Encoded { ids, versions, width: 2 * DIMENSIONS, rows, since };
    let refused = host.engine.train_encoder(Tier::LongTerm, "wide", &wide, START);
    assert!(matches!(refused, Err(CommandError::Invalid { field, .. }) if field == "encoder"));
    let refused = host.engine.sample(Tier::Working, NAME);
    assert!(matches!(refused, Err(CommandError::Invalid { field, .. }) if field == "tier"));
}

#[test]
fn what_was_made_of_vectors_of_another_space_is_not_kept() {
    let (mut host, records) = trained(50);
    let asked = host
        .engine
        .next_unencoded(&[NAME], 20)
        .expect("all vectors are in memory")
        .expect("nothing is encoded yet");
    let sample = host.engine.sample(Tier::LongTerm, NAME).expect("it holds vectors");
    let other = EmbeddingSpace { model: "other".into(), ..space(DIMENSIONS as u32) };
    host.engine.change_space(other.clone(), START).expect("a good space");
    assert_eq!(host.engine.next_unencoded(&[NAME], 20).expect("all vectors are in memory"), None);
    let embed = |host: &mut Host, records: &[(RecordId, Vec<f32>)]| {
        let embedding = |(id, vector): &(RecordId, Vec<f32>)| {
            let vector: Vec<f32> = vector.iter().rev().copied().collect();
            Embedding { id: *id, version: 1, vector }
        };
        host.engine.embed(&other, records.iter().map(embedding).collect(), START).expect("they are good")
    };
    assert_eq!(embed(&mut host, &records[..25]), 25);
    let late = host.engine.train_encoder(Tier::LongTerm, NAME, &answer(&sample), START);
    assert!(matches!(late, Err(CommandError::Invalid { field, .. }) if field == "tier"));

    // Trained again, the tier has what comes later encoded too, and nothing that was made before.
    let sample = host.engine.sample(Tier::LongTerm, NAME).expect("it holds vectors");
    host.engine.train_encoder(Tier::LongTerm, NAME, &answer(&sample), START).expect("it is good");
    assert_eq!(host.engine.keep_encoded(NAME, &answer(&asked), START), Ok(0));
    assert!(records[..25].iter().all(|(id, _)| !is_encoded(&host, *id)));
    assert_eq!(embed(&mut host, &records[25..]), 25);
    assert_eq!(encode_all(&mut host), 50);
    let before = contents(&host.engine);
    host.reopen(START);
    assert_eq!(contents(&host.engine), before);
    assert!(records.iter().all(|(id, _)| is_encoded(&host, *id)));
}
