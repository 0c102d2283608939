//! Settings of policies: how they are read, and what is refused.

use serde_json::json;
use stratamem_core::Span;
use stratamem_core::policy::{Decay, EvictionPolicy, EvictionStep, ImportanceWeights, Rule};

use crate::DAY;
use crate::figures::{POLICIES, alone};

fn paths(collect: impl FnOnce(&str, &mut Vec<(String, String)>)) -> Vec<String> {
    let mut found = Vec::new();
    collect("at", &mut found);
    assert!(found.iter().all(|(_, problem)| problem.starts_with("must ")), "{found:?}");
    found.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn every_bad_parameter_of_a_model_is_named() {
    let cases: [(Decay, &[&str]); 12] = [
        (Decay::default(), &[]),
        (Decay::None, &[]),
        (Decay::ActR { decay: f64::MIN_POSITIVE, threshold: 0.0, noise: f64::MIN_POSITIVE }, &[]),
        (
            Decay::ActR { decay: 0.0, threshold: f64::NAN, noise: 0.0 },
            &["at/decay", "at/threshold", "at/noise"],
        ),
        (
            Decay::ActR { decay: 1.0, threshold: f64::INFINITY, noise: f64::INFINITY },
            &["at/decay", "at/threshold", "at/noise"],
        ),
        (Decay::ActR { decay: f64::NAN, threshold: -1.0, noise: f64::NAN }, &["at/decay", "at/noise"]),
        (Decay::Ebbinghaus { stability: Span(1), gain: 0.0 }, &[]),
        (Decay::Ebbinghaus { stability: Span(0), gain: -0.1 }, &["at/stability", "at/gain"]),
        (Decay::Ebbinghaus { stability: Span(-1), gain: f64::NAN }, &["at/stability", "at/gain"]),
        (Decay::Ebbinghaus { stability: Span(1), gain: f64::INFINITY }, &["at/gain"]),
        (Decay::HalfLife { half_life: Span(1) }, &[]),
        (Decay::HalfLife { half_life: Span(0) }, &["at/halfLife"]),
    ];
    for (model, bad) in cases {
        assert_eq!(paths(|path, found| model.problems(path, found)), bad, "{model:?}");
    }
}

#[test]
fn every_bad_field_of_a_rule_is_named() {
    let hybrid = |weight: f64, other: f64, full_age, threshold| Rule::Hybrid {
        uses: weight,
        age: other,
        full_age: Span(full_age),
        importance: other,
        retention: weight,
        threshold,
    };
    let nested = Rule::Any(vec![
        Rule::Never,
        Rule::All(vec![Rule::Uses { at_least: 0 }, Rule::Importance { at_least: 2.0 }]),
        Rule::All(Vec::new()),
    ]);
    let cases: [(Rule, &[&str]); 17] = [
        (Rule::Never, &[]),
        (Rule::Uses { at_least: 1 }, &[]),
        (Rule::Uses { at_least: 0 }, &["at/uses/atLeast"]),
        (Rule::Age { at_least: Span(1) }, &[]),
        (Rule::Age { at_least: Span(0) }, &["at/age/atLeast"]),
        (Rule::Importance { at_least: 1.0 }, &[]),
        (Rule::Importance { at_least: 0.0 }, &["at/importance/atLeast"]),
        (Rule::Retention { at_least: 1.0 }, &[]),
        (Rule::Retention { at_least: 1.1 }, &["at/retention/atLeast"]),
        (Rule::Retention { at_least: f64::NAN }, &["at/retention/atLeast"]),
        (hybrid(1e6, 0.0, 1, 1.0), &[]),
        (hybrid(0.0, 0.0, 1, 1.0), &["at/hybrid"]),
        (
            hybrid(-1.0, 1.1e6, 1, 1.0),
            &["at/hybrid/uses", "at/hybrid/age", "at/hybrid/importance", "at/hybrid/retention"],
        ),
        (
            hybrid(1.0, f64::NAN, 0, 0.0),
            &["at/hybrid/age", "at/hybrid/importance", "at/hybrid/fullAge", "at/hybrid/threshold"],
        ),
        (Rule::All(Vec::new()), &["at/all"]),
        (Rule::Any(Vec::new()), &["at/any"]),
        (nested, &["at/any/1/all/0/uses/atLeast", "at/any/1/all/1/importance/atLeast", "at/any/2/all"]),
    ];
    for (rule, bad) in cases {
        assert_eq!(paths(|path, found| rule.problems(path, found)), bad, "{rule:?}");
    }
}

#[test]
fn every_bad_weight_and_limit_is_named() {
    let zero = ImportanceWeights { given: 0.0, reward: 0.0, uses: 0.0, recency: 0.0, surprise: 0.0 };
    let cases: [(ImportanceWeights, &[&str]); 5] = [
        (ImportanceWeights::default(), &[]),
        (ImportanceWeights { surprise: 1e6, ..zero }, &[]),
        (zero, &["at/given"]),
        (
            ImportanceWeights {
                given: -1.0,
                reward: f64::NAN,
                uses: 1.1e6,
                recency: f64::INFINITY,
                surprise: -0.1,
            },
            &["at/given", "at/reward", "at/uses", "at/recency", "at/surprise"],
        ),
        (ImportanceWeights { recency: -1.0, ..zero }, &["at/recency"]),
    ];
    for (weights, bad) in cases {
        assert_eq!(paths(|path, found| weights.problems(path, found)), bad, "{weights:?}");
    }
    let limits: [(Option<f64>, Option<f64>, &[&str]); 4] = [
        (None, None, &[]),
        (Some(f64::MAX), Some(-1.0), &[]),
        (Some(f64::NAN), Some(f64::NEG_INFINITY), &["at/below", "at/above"]),
        (None, Some(f64::NAN), &["at/above"]),
    ];
    for (below, above, bad) in limits {
        let step = EvictionStep { policy: EvictionPolicy::Lru, below, above, kind: None };
        assert_eq!(paths(|path, found| step.problems(path, found)), bad, "{step:?}");
    }
}

#[test]
fn policies_are_read_by_the_names_that_users_write() {
    fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
    }
    let names =
        ["lru", "lfu", "fifo", "ttl", "low-importance", "low-activation", "age", "pressure", "low-worth"];
    for (policy, name) in POLICIES.into_iter().zip(names) {
        assert_eq!(read::<EvictionStep>(json!({ "policy": name })), alone(policy)[0]);
    }
    assert_eq!(read::<Decay>(json!({ "actR": {} })), Decay::default());
    assert_eq!(read::<Decay>(json!("none")), Decay::None);
    assert_eq!(
        read::<Decay>(json!({ "halfLife": { "halfLife": 5 } })),
        Decay::HalfLife { half_life: Span(5) }
    );
    assert_eq!(
        read::<Decay>(json!({ "ebbinghaus": { "stability": 5 } })),
        Decay::Ebbinghaus { stability: Span(5), gain: 1.0 }
    );
    let rule = json!({ "any": [
        "never",
        { "all": [{ "uses": { "atLeast": 3 } }, { "age": { "atLeast": 4 } }] },
        { "hybrid": { "importance": 1, "threshold": 0.5 } },
    ] });
    assert_eq!(
        read::<Rule>(rule),
        Rule::Any(vec![
            Rule::Never,
            Rule::All(vec![Rule::Uses { at_least: 3 }, Rule::Age { at_least: Span(4) }]),
            Rule::Hybrid {
                uses: 0.0,
                age: 0.0,
                full_age: Span(DAY),
                importance: 1.0,
                retention: 0.0,
                threshold: 0.5
            },
        ])
    );
    for wrong in
        [json!({ "uses": { "atleast": 3 } }), json!({ "hybrid": { "importance": 1 } }), json!("always")]
    {
        assert!(serde_json::from_value::<Rule>(wrong.clone()).is_err(), "{wrong}");
    }
}
