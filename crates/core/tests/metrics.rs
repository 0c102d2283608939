//! Vectors compared by product and by distance: against a naive search, through the whole life of a memory.

mod support;

use std::collections::BTreeMap;

use stratamem_core::{
    Config, EmbeddingSpace, Fusion, Hit, Metric, NewRecord, Operation, Patch, Precision, Query, RecordId,
    Scope, TierConfig, Weights,
};
use support::{Host, START, text, verbatim};

const DIMENSIONS: usize = 48;

fn space() -> EmbeddingSpace {
    EmbeddingSpace { model: "lengths".into(), dimensions: DIMENSIONS as u32 }
}

/// Vectors of lengths from about 0.2 to 5 times each other's.
fn vector(random: &mut fastrand::Rng) -> Vec<f32> {
    let length = 0.5 + 2.5 * random.f32();
    (0..DIMENSIONS).map(|_| length * (random.f32() - 0.4)).collect()
}

fn likeness(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    match metric {
        Metric::Cosine => {
            let norm = |v: &[f32]| v.iter().map(|c| f64::from(*c).powi(2)).sum::<f64>().sqrt();
            pairs().map(|(a, b)| a * b).sum::<f64>() / norm(a) / norm(b)
        }
        Metric::Dot => pairs().map(|(a, b)| a * b).sum(),
        Metric::Euclidean => -pairs().map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt(),
    }
}

fn config(metric: Metric) -> Config {
    Config { metric: Some(metric), consolidation: verbatim(), ..Config::default() }
}

fn commit(host: &mut Host, operations: Vec<Operation>) -> Vec<RecordId> {
    let outcome = host.engine.commit(&Scope::default(), Some(&space()), operations, START);
    host.persist();
    outcome.expect("the operations are good").ids
}

fn add(number: usize, vector: Vec<f32>) -> Operation {
    Operation::Add { record: Box::new(text(format!("record {number}"))), vector: Some(vector) }
}

fn ask(host: &mut Host, vector: &[f32], limit: usize) -> Vec<Hit> {
    let query = Query {
        vector: Some(vector.to_vec()),
        limit,
        weights: Weights::NONE,
        fusion: Fusion::Weighted { dense: 1.0, keyword: 0.0 },
        ..Query::default()
    };
    host.engine.recall(&Scope::default(), Some(&space()), query, START, false).expect("the question is good")
}

/// Each question finds the nearest by the metric, with the metric as the score.
fn agree(host: &mut Host, metric: Metric, held: &BTreeMap<RecordId, Vec<f32>>, random: &mut fastrand::Rng) {
    for _ in 0..10 {
        let question = vector(random);
        let mut expected: Vec<(f64, RecordId)> =
            held.iter().map(|(id, vector)| (likeness(metric, &question, vector), *id)).collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let hits = ask(host, &question, 10);
        let found: Vec<RecordId> = hits.iter().map(|hit| hit.record.id).collect();
        let nearest: Vec<RecordId> = expected.iter().take(10).map(|(_, id)| *id).collect();
        assert_eq!(found, nearest, "{metric:?}");
        for (hit, (likeness, _)) in hits.iter().zip(&expected) {
            let score = f64::from(hit.why.signals[0].score);
            assert!(
                (score - likeness).abs() < 1e-4 * likeness.abs().max(1.0),
                "{metric:?}: {score}, {likeness}"
            );
        }
    }
}

#[test]
fn the_nearest_are_those_of_the_metric() {
    for metric in Metric::ALL {
        let mut random = fastrand::Rng::with_seed(61);
        let mut host = Host::new(config(metric));
        let mut held = BTreeMap::new();
        let vectors: Vec<Vec<f32>> = (0..2_000).map(|_| vector(&mut random)).collect();
        let adds = vectors.iter().enumerate().map(|(number, vector)| add(number, vector.clone())).collect();
        held.extend(commit(&mut host, adds).into_iter().zip(vectors));
        agree(&mut host, metric, &held, &mut random);

        // From the log.
        host.crash();
        agree(&mut host, metric, &held, &mut random);

        let ids: Vec<RecordId> = held.keys().copied().collect();
        for id in &ids[..300] {
            commit(&mut host, vec![Operation::Forget { id: *id, if_version: None, vector: None }]);
            held.remove(id);
        }
        for id in &ids[300..600] {
            let fresh = vector(&mut random);
            let patch = Patch { text: Some(format!("changed {id}")), ..Patch::default() };
            let patch = Box::new(patch);
            commit(
                &mut host,
                vec![Operation::Update { id: *id, patch, vector: Some(fresh.clone()), if_version: None }],
            );
            held.insert(*id, fresh);
        }
        host.maintain(START, true);
        agree(&mut host, metric, &held, &mut random);

        // From segments.
        host.reopen(START);
        assert_eq!(host.engine.metric(), metric);
        agree(&mut host, metric, &held, &mut random);
    }
}

#[test]
fn a_memory_keeps_to_its_metric() {
    let mut host = Host::new(config(Metric::Dot));
    commit(&mut host, vec![add(1, vec![2.0; DIMENSIONS])]);
    host.config.metric = None;
    host.crash();
    assert_eq!(host.engine.metric(), Metric::Dot);
    host.config.metric = Some(Metric::Euclidean);
    host.reopen(START);
    assert_eq!(host.engine.metric(), Metric::Dot);
    // It goes over with the space, and every vector with it.
    host.engine.change_space(space(), START).expect("nothing has failed");
    host.persist();
    assert_eq!(host.engine.metric(), Metric::Euclidean);
    assert_eq!(host.engine.unembedded(false, None, 10, START).len(), 1);
    host.config.metric = None;
    host.maintain(START, true);
    host.reopen(START);
    assert_eq!(host.engine.metric(), Metric::Euclidean);
    assert_eq!(host.engine.unembedded(false, None, 10, START).len(), 1);
}

/// What is kept less exactly keeps its length.
#[test]
fn lengths_outlast_precision() {
    for precision in [Precision::Int8, Precision::Binary] {
        let mut random = fastrand::Rng::with_seed(62);
        let long_term = TierConfig { precision, ..TierConfig::default() };
        let mut host = Host::new(Config { long_term, ..config(Metric::Dot) });
        let vectors: Vec<Vec<f32>> = (0..200).map(|_| vector(&mut random)).collect();
        let record =
            |number| NewRecord { tier: Some(stratamem_core::Tier::LongTerm), ..text(format!("{number}")) };
        let adds = vectors.iter().enumerate().map(|(number, vector)| Operation::Add {
            record: Box::new(record(number)),
            vector: Some(vector.clone()),
        });
        let ids = commit(&mut host, adds.collect());
        for round in 0..2 {
            for (id, vector) in ids.iter().zip(&vectors) {
                let kept = host.engine.vector(&Scope::default(), *id, START).expect("it has one");
                let length = |v: &[f32]| v.iter().map(|c| c * c).sum::<f32>().sqrt();
                assert!((length(&kept) / length(vector) - 1.0).abs() < 1e-3, "{precision:?}, round {round}");
            }
            host.maintain(START, true);
            host.reopen(START);
        }
    }
}

#[test]
fn lengths_that_cannot_be_compared_are_refused() {
    let mut host = Host::new(config(Metric::Euclidean));
    for odd in [1e-12f32, 1e12, f32::NAN, f32::INFINITY, 0.0] {
        let refused =
            host.engine.commit(&Scope::default(), Some(&space()), vec![add(1, vec![odd; DIMENSIONS])], START);
        let error = refused.expect_err("it has no length that counts").to_string();
        assert!(error.contains("vector"), "{error}");
    }
    assert_eq!(host.engine.len(), 0);
    assert!(host.engine.space().is_none());
}
