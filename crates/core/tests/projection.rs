//! Trained tiers: what a projection keeps, that scores stay cosines, that what is stored is what is answered from, and
//! how projections come and go.

mod support;

use stratamem_core::{
    CommandError, Config, Direction, Goal, Kept, NewRecord, Operation, Patch, Precision, Query, RecordId,
    Scope, Signal, Tier, TierConfig, Timestamp, Training,
};
use support::{Host, START, space, text};

const DIMENSIONS: usize = 96;
/// Directions in which the vectors lie, but for a little noise.
const RANK: usize = 12;

fn endless() -> Config {
    let tier = TierConfig { max_items: None, ttl: None, ..TierConfig::default() };
    Config { working: tier.clone(), intermediate: tier.clone(), long_term: tier, ..Config::default() }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Unit vectors that lie near a few directions.
struct LowRank {
    random: fastrand::Rng,
    axes: Vec<Vec<f32>>,
}

impl LowRank {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let axes = (0..RANK).map(|_| (0..DIMENSIONS).map(|_| random.f32() - 0.5).collect()).collect();
        LowRank { random, axes }
    }

    fn draw(&mut self) -> Vec<f32> {
        let mut vector: Vec<f32> = (0..DIMENSIONS).map(|_| 0.1 * (self.random.f32() - 0.5)).collect();
        for axis in &self.axes {
            let along = self.random.f32() - 0.5;
            vector.iter_mut().zip(axis).for_each(|(sum, component)| *sum += along * component);
        }
        let norm = dot(&vector, &vector).sqrt();
        vector.into_iter().map(|component| component / norm).collect()
    }
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

/// So many records in turn over `tiers`, and their vectors.
fn filled(config: Config, count: usize, tiers: &[Tier]) -> (Host, Vec<(RecordId, Vec<f32>)>, LowRank) {
    let mut host = Host::new(config);
    let mut source = LowRank::new(61);
    let vectors: Vec<Vec<f32>> = (0..count).map(|_| source.draw()).collect();
    let operations =
        vectors.iter().enumerate().map(|(at, vector)| adding(at, tiers[at % tiers.len()], vector));
    let ids = commit(&mut host, operations.collect());
    (host, ids.into_iter().zip(vectors).collect(), source)
}

fn train(host: &mut Host, tier: Tier, goal: Goal) -> Training {
    let training = host.engine.train(tier, Some(goal), START).expect("it can be trained");
    host.persist();
    training.expect("a goal was given")
}

fn kept(host: &Host, id: RecordId) -> Kept {
    host.engine.precision(&Scope::default(), id, START).expect("it has a vector")
}

fn is_projected(host: &Host, id: RecordId) -> bool {
    matches!(kept(host, id), Kept::Projected(_))
}

fn vector(host: &Host, id: RecordId) -> Vec<f32> {
    host.engine.vector(&Scope::default(), id, START).expect("it has a vector")
}

fn bytes(host: &Host, id: RecordId) -> u32 {
    host.engine.explain_transition(&Scope::default(), id, START).expect("it is there").bytes
}

fn shift(host: &mut Host, id: RecordId, to: Tier) {
    let here = host.engine.get(&Scope::default(), id, START, false).expect("it is there").tier;
    let direction = if to >= here { Direction::Up } else { Direction::Down };
    commit(host, vec![Operation::Move { id, direction, to: Some(to), if_version: None }]);
}

/// What the dense signal finds, best first.
fn nearest(host: &mut Host, vector: &[f32], limit: usize) -> Vec<(RecordId, f32)> {
    let query = Query { vector: Some(vector.to_vec()), limit, ..Query::default() };
    let hits = host.engine.recall(&Scope::default(), Some(&space(DIMENSIONS as u32)), query, START, false);
    let score = |hit: &stratamem_core::Hit| {
        let dense = hit.why.signals.iter().find(|share| share.signal == Signal::Dense);
        (hit.record.id, dense.expect("every record has a vector").score)
    };
    hits.expect("a good question").iter().map(score).collect()
}

#[test]
fn a_trained_tier_keeps_projected_vectors_that_find_and_score_alike() {
    let tiers = [Tier::Working, Tier::LongTerm];
    let (mut host, mut records, mut source) = filled(endless(), 1_200, &tiers);
    let questions: Vec<Vec<f32>> = (0..40).map(|_| source.draw()).collect();
    let exact: Vec<_> = questions.iter().map(|question| nearest(&mut host, question, 10)).collect();
    let in_f32 = bytes(&host, records[1].0);

    let training = train(&mut host, Tier::LongTerm, Goal::Dimensions(16));
    assert_eq!((training.dimensions, training.ratio), (16, 4.0 * 96.0 / 16.0));
    let loss = |training: &Training| training.loss.expect("a projection says what it loses");
    assert!((0.0..0.03).contains(&loss(&training)), "{training:?}");
    assert!((0.0..0.2).contains(&training.recall_loss), "{}", training.recall_loss);
    assert_eq!(kept(&host, records[1].0), Kept::Whole(Precision::F32), "maintenance has not come to it yet");
    let late = source.draw();
    let id = commit(&mut host, vec![adding(9_999, Tier::LongTerm, &late)])[0];
    assert!(is_projected(&host, id), "whatever comes now is projected at once");
    records.push((id, late));

    assert_eq!(host.engine.next_deadline(), Some(Timestamp::MIN));
    let mut coarsened = 0;
    loop {
        let report = host.engine.maintain(START, false).expect("nothing has failed");
        assert!(report.coarsened <= 256);
        coarsened += report.coarsened;
        if !report.more {
            break;
        }
    }
    host.persist();
    assert_eq!(coarsened, 600);
    assert_eq!(in_f32 - bytes(&host, records[1].0), 5 * 96 - 16);
    let stats = host.engine.stats(&Scope::default(), START).engine.expect("everybody's");
    assert_eq!((stats.vectors, stats.precisions.f32, stats.precisions.projected), (1_201, 600, 601));

    let (mut same, mut sums, mut count) = (0, [0f32; 2], 0f32);
    for (question, exact) in questions.iter().zip(&exact) {
        let found = nearest(&mut host, question, 10);
        same += found.iter().filter(|(id, _)| exact.iter().any(|(other, _)| other == id)).count();
        for (id, score) in found.iter().filter(|(id, _)| is_projected(&host, *id)) {
            let (_, original) = records.iter().find(|(known, _)| known == id).expect("a known record");
            let error = score - dot(question, original);
            sums = [sums[0] + error, sums[1] + error.abs()];
            count += 1.0;
        }
    }
    assert!(same >= 350, "{same} of 400 neighbours");
    let [bias, spread] = sums.map(|sum| sum / count);
    assert!(count > 100.0 && bias.abs() < 0.01 && spread < 0.02, "{count} scores off by {bias}, {spread}");
    assert!(spread > 1e-5, "they cannot be exact: is anything projected at all?");
}

#[test]
fn few_directions_lose_more_and_a_share_decides_how_many_there_are() {
    let (mut host, ..) = filled(endless(), 300, &[Tier::LongTerm]);
    let few = train(&mut host, Tier::LongTerm, Goal::Dimensions(3));
    assert!(few.loss > Some(0.3) && few.recall_loss > 0.3, "{few:?}");
    let share = train(&mut host, Tier::LongTerm, Goal::KeepVariance(0.95));
    assert!(share.loss <= Some(0.05) && (8..=RANK as u32 + 4).contains(&share.dimensions), "{share:?}");
    // A projection to all dimensions is a rotation and loses nothing but int8 steps.
    let all = train(&mut host, Tier::LongTerm, Goal::Dimensions(DIMENSIONS as u32));
    assert!(all.loss < Some(1e-9) && all.recall_loss < 0.05 && all.ratio == 4.0, "{all:?}");
}

#[test]
fn what_is_stored_is_what_is_answered_from() {
    let (mut host, records, mut source) = filled(endless(), 700, &[Tier::LongTerm, Tier::Working]);
    train(&mut host, Tier::LongTerm, Goal::Dimensions(16));
    let questions: Vec<Vec<f32>> = (0..10).map(|_| source.draw()).collect();
    let answers = |host: &mut Host| {
        let found: Vec<_> = questions.iter().map(|question| nearest(host, question, 20)).collect();
        let rows: Vec<_> =
            records.iter().map(|(id, _)| (kept(host, *id), vector(host, *id), bytes(host, *id))).collect();
        (found, rows)
    };
    let before = answers(&mut host);
    host.crash();
    assert_eq!(answers(&mut host), before, "trained, and nothing projected yet");
    // In the middle of it, the process dies with a step that was not written.
    host.engine.maintain(START, false).expect("nothing has failed");
    while host.engine.maintain(START, false).expect("nothing has failed").coarsened == 0 {}
    host.persist();
    assert!(host.engine.maintain(START, false).expect("nothing has failed").coarsened > 0);
    host.crash();
    let projected = records.iter().filter(|(id, _)| is_projected(&host, *id)).count();
    assert_eq!(projected, 256);
    host.maintain(START, false);
    assert_eq!(records.iter().filter(|(id, _)| is_projected(&host, *id)).count(), 350);
    let after = answers(&mut host);
    host.reopen(START);
    assert_eq!(answers(&mut host), after, "from the log");
    host.maintain(START, true);
    assert_eq!(host.reopen(START).replayed_commits, 0);
    assert_eq!(answers(&mut host), after, "from segments");
    let fresh = source.draw();
    let id = commit(&mut host, vec![adding(800, Tier::LongTerm, &fresh)])[0];
    assert!(is_projected(&host, id), "the training is remembered");
}

#[test]
fn moves_between_tiers_never_pretend_to_know_more() {
    let mut config = endless();
    config.intermediate.precision = Precision::Int8;
    let (mut host, records, mut source) = filled(config, 200, &[Tier::LongTerm]);
    train(&mut host, Tier::LongTerm, Goal::Dimensions(16));
    host.maintain(START, false);
    let (id, original) = &records[0];
    let left = vector(&host, *id);
    assert!(dot(&left, original) > 0.97 && dot(&left, &left) > 0.999);
    for tier in [Tier::Intermediate, Tier::Working] {
        shift(&mut host, *id, tier);
        assert!(is_projected(&host, *id));
        assert_eq!(vector(&host, *id), left);
    }
    shift(&mut host, *id, Tier::LongTerm);
    assert_eq!(vector(&host, *id), left, "back under the same projection, nothing more is lost");

    // By way of int8 into the trained tier.
    let fresh = source.draw();
    let id = commit(&mut host, vec![adding(900, Tier::Working, &fresh)])[0];
    shift(&mut host, id, Tier::Intermediate);
    assert_eq!(kept(&host, id), Kept::Whole(Precision::Int8));
    shift(&mut host, id, Tier::LongTerm);
    assert!(is_projected(&host, id) && dot(&vector(&host, id), &fresh) > 0.97);
    // A new vector is kept as its tier says.
    let reworded = Patch { text: Some("a pebble".into()), ..Patch::default() };
    shift(&mut host, id, Tier::Working);
    let update =
        Operation::Update { id, patch: Box::new(reworded), vector: Some(fresh.clone()), if_version: None };
    commit(&mut host, vec![update]);
    assert_eq!((kept(&host, id), vector(&host, id)), (Kept::Whole(Precision::F32), fresh));

    // Bits are fewer bytes than sixteen components: a tier of bits makes them of what is left.
    host.config.intermediate.precision = Precision::Binary;
    host.reopen(START);
    shift(&mut host, records[1].0, Tier::Intermediate);
    assert_eq!(kept(&host, records[1].0), Kept::Whole(Precision::Binary));
    shift(&mut host, records[1].0, Tier::LongTerm);
    assert_eq!(kept(&host, records[1].0), Kept::Whole(Precision::Binary), "and no projection of bits");
}

#[test]
fn trained_again_a_tier_goes_over_to_fewer_components_only() {
    let (mut host, records, mut source) = filled(endless(), 300, &[Tier::LongTerm]);
    let id = records[0].0;
    train(&mut host, Tier::LongTerm, Goal::Dimensions(16));
    host.maintain(START, false);
    let (first, left) = (kept(&host, id), vector(&host, id));
    train(&mut host, Tier::LongTerm, Goal::Dimensions(20));
    host.maintain(START, false);
    assert_eq!((kept(&host, id), vector(&host, id)), (first, left), "what is gone does not come back");
    let fresh = source.draw();
    let late = commit(&mut host, vec![adding(900, Tier::LongTerm, &fresh)])[0];
    assert!(is_projected(&host, late) && kept(&host, late) != first);
    // Both are found in one list.
    assert_eq!(nearest(&mut host, &fresh, 1)[0].0, late);
    assert_eq!(nearest(&mut host, &records[5].1, 1)[0].0, records[5].0);
    train(&mut host, Tier::LongTerm, Goal::Dimensions(8));
    host.maintain(START, false);
    assert!(kept(&host, id) != first && kept(&host, id) == kept(&host, late));

    assert_eq!(host.engine.train(Tier::LongTerm, None, START), Ok(None));
    host.persist();
    for reopened in [false, true] {
        let fresh = source.draw();
        let number = 901 + usize::from(reopened);
        let whole = commit(&mut host, vec![adding(number, Tier::LongTerm, &fresh)])[0];
        assert_eq!((kept(&host, whole), vector(&host, whole)), (Kept::Whole(Precision::F32), fresh));
        host.reopen(START);
    }
    assert!(is_projected(&host, id));
}

#[test]
fn projections_that_nothing_is_kept_under_are_forgotten_when_storage_is_compacted() {
    let (mut host, records, _) = filled(endless(), 60, &[Tier::LongTerm]);
    for _ in 0..16 {
        train(&mut host, Tier::LongTerm, Goal::Dimensions(8));
    }
    let again = |host: &mut Host| host.engine.train(Tier::LongTerm, Some(Goal::Dimensions(8)), START);
    let refused = again(&mut host).expect_err("there are too many");
    assert!(matches!(&refused, CommandError::Invalid { field, .. } if field == "tier"), "{refused}");
    let manifest = |host: &Host| -> usize {
        host.objects.iter().filter(|(key, _)| key.starts_with("manifest")).map(|(_, bytes)| bytes.len()).sum()
    };
    host.maintain(START, true);
    let full = manifest(&host);
    assert!(again(&mut host).is_ok());
    host.persist();
    host.maintain(START, true);
    let left = vector(&host, records[3].0);
    host.reopen(START);
    host.maintain(START, true);
    assert!(manifest(&host) * 4 < full, "{} of {full} bytes", manifest(&host));
    assert_eq!(vector(&host, records[3].0), left);
}

#[test]
fn what_cannot_be_learnt_is_refused_by_name() {
    let refused = |host: &mut Host, tier, goal| match host.engine.train(tier, Some(goal), START) {
        Err(CommandError::Invalid { field, .. }) => field,
        other => panic!("{goal:?} gave {other:?}"),
    };
    let mut empty = Host::new(endless());
    assert_eq!(refused(&mut empty, Tier::Working, Goal::Dimensions(4)), "tier");
    let (mut host, ..) = filled(endless(), 40, &[Tier::LongTerm]);
    assert_eq!(refused(&mut host, Tier::Working, Goal::KeepVariance(0.9)), "tier");
    for dimensions in [0, 41, DIMENSIONS as u32 + 1, u32::MAX] {
        assert_eq!(refused(&mut host, Tier::LongTerm, Goal::Dimensions(dimensions)), "dimensions");
    }
    for share in [0.0, -0.5, 1.000_1, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(&mut host, Tier::LongTerm, Goal::KeepVariance(share)), "keepVariance");
    }
    assert_eq!(host.engine.train(Tier::LongTerm, None, START), Ok(None));
    host.maintain(START, false);
    let stats = host.engine.stats(&Scope::default(), START).engine.expect("everybody's");
    assert_eq!(stats.precisions.projected, 0, "nothing half done");
    host.engine.fail("the disk is full");
    let poisoned = host.engine.train(Tier::LongTerm, Some(Goal::Dimensions(4)), START);
    assert!(matches!(poisoned, Err(CommandError::Poisoned { .. })), "{poisoned:?}");
}

#[test]
fn dropping_dead_slots_keeps_projections_and_training() {
    let (mut host, records, mut source) = filled(endless(), 1_300, &[Tier::LongTerm]);
    train(&mut host, Tier::LongTerm, Goal::Dimensions(16));
    host.maintain(START, false);
    let forget =
        |(id, _): &(RecordId, Vec<f32>)| Operation::Forget { id: *id, vector: None, if_version: None };
    commit(&mut host, records[..1_000].iter().map(forget).collect());
    let question = source.draw();
    let before = nearest(&mut host, &question, 20);
    // Another training comes between the steps.
    for _ in 0..2 {
        assert!(host.engine.maintain(START, false).expect("nothing has failed").more);
    }
    train(&mut host, Tier::LongTerm, Goal::Dimensions(20));
    host.maintain(START, false);
    assert_eq!(nearest(&mut host, &question, 20), before);
    let fresh = source.draw();
    let late = commit(&mut host, vec![adding(2_000, Tier::LongTerm, &fresh)])[0];
    assert!(is_projected(&host, late) && kept(&host, late) != kept(&host, records[1_100].0));
    let slots = host.engine.stats(&Scope::default(), START).engine.expect("everybody's").vectors;
    assert_eq!(slots, 301);
}
