//! Configurations: how they are read, and what is refused.

use serde_json::{Value as Json, json};
use stratamem_core::policy::{Decay, EvictionPolicy, EvictionStep, ImportanceWeights, Rule};
use stratamem_core::{Config, Demotion, Kind, KindConfig, OnLimit, Span, TierConfig, TotalConfig};

use crate::scene::DAY;

fn configured(json: Json) -> Result<Config, serde_json::Error> {
    serde_json::from_value(json)
}

#[test]
fn a_configuration_is_read_as_it_is_documented() {
    let config = configured(json!({
        "working": {
            "maxItems": 100, "maxBytes": 1_000_000, "ttl": 60_000, "onLimit": "warn", "overflow": "forget",
            "promote": { "any": [
                "never",
                { "uses": { "atLeast": 3 } },
                { "all": [{ "age": { "atLeast": 5 } }, { "retention": { "atLeast": 0.5 } }] },
                { "hybrid": { "uses": 1, "importance": 2, "threshold": 0.5 } },
            ] },
            "evict": [{ "policy": "low-activation", "below": 0.5, "kind": "note" }, { "policy": "lru" }],
            "forgetBelow": 0.25,
        },
        "intermediate": { "demote": { "margin": 0.1, "after": 1_000 }, "onLimit": "reject" },
        "kinds": {
            "note": { "decay": { "actR": { "noise": 0.25 } }, "resistance": 1, "maxItems": 5, "maxBytes": 9_000 },
            "procedural": { "maxItems": 7 },
            "rumour": { "decay": { "halfLife": { "halfLife": 5_000 } } },
            "lesson": { "decay": { "ebbinghaus": { "stability": 7_000 } }, "importance": 0.75 },
            "law": { "decay": "none" },
        },
        "importance": { "recency": 0.5 },
        "total": { "maxItems": 50, "onLimit": "reject" },
        "defaultTier": "intermediate",
    }));
    let config = config.expect("it is well formed");
    config.validate().expect("nothing is wrong with it");
    let hybrid = Rule::Hybrid {
        uses: 1.0,
        age: 0.0,
        full_age: Span(DAY),
        importance: 2.0,
        retention: 0.0,
        threshold: 0.5,
    };
    let both = Rule::All(vec![Rule::Age { at_least: Span(5) }, Rule::Retention { at_least: 0.5 }]);
    let rule = Rule::Any(vec![Rule::Never, Rule::Uses { at_least: 3 }, both, hybrid]);
    assert_eq!(config.working.promote, Some(rule));
    assert_eq!(config.working.evict.as_ref().map(Vec::len), Some(2));
    assert_eq!((config.working.on_limit, config.intermediate.on_limit), (OnLimit::Warn, OnLimit::Reject));
    let mut own = Decay::default();
    let Decay::ActR { noise, .. } = &mut own else { panic!("the default is ACT-R") };
    *noise = 0.25;
    let note = KindConfig {
        decay: Some(own),
        resistance: 1.0,
        max_items: Some(5),
        max_bytes: Some(9_000),
        ..KindConfig::default()
    };
    assert_eq!(config.kind("note"), note);
    // What is left out of a kind stays as it is built in.
    assert_eq!(config.kind(Kind::PROCEDURAL).max_items, Some(7));
    assert_eq!(config.decay(Kind::PROCEDURAL), Config::default().decay(Kind::PROCEDURAL));
    assert_ne!(config.decay(Kind::PROCEDURAL), Decay::default());
    let total = TotalConfig { max_items: Some(50), max_bytes: None, on_limit: OnLimit::Reject };
    assert_eq!(config.total, total);
    assert_eq!(config.decay("lesson"), Decay::Ebbinghaus { stability: Span(7_000), gain: 1.0 });
    assert_eq!(config.decay("law"), Decay::None);
    assert_eq!((config.importance.given, config.importance.recency), (1.0, 0.5));
    for unknown in [
        json!({ "working": { "maxItem": 5 } }),
        json!({ "kinds": { "note": { "decoy": "none" } } }),
        json!({ "working": { "promote": { "uses": { "atLeast": 1, "atMost": 2 } } } }),
        json!({ "working": { "evict": [{ "policy": "newest" }] } }),
        json!({ "importance": { "mood": 1 } }),
        json!({ "total": { "ttl": 1 } }),
        json!({ "working": { "evict": [{ "policy": "custom" }] } }),
    ] {
        assert!(configured(unknown.clone()).is_err(), "{unknown}");
    }
}

#[test]
fn a_bad_configuration_is_told_with_the_path_of_every_bad_field() {
    const MIB: u32 = 1 << 20;
    let bad = Config {
        working: TierConfig {
            max_items: Some(0),
            max_bytes: Some(0),
            ttl: Some(Span(0)),
            forget_below: 1.5,
            demote: Some(Demotion { margin: 1.0, after: Span(-1) }),
            promote: Some(Rule::Any(vec![
                Rule::Uses { at_least: 0 },
                Rule::All(vec![Rule::Age { at_least: Span(0) }, Rule::Retention { at_least: f64::NAN }]),
                Rule::Hybrid {
                    uses: -1.0,
                    age: 0.0,
                    full_age: Span(0),
                    importance: f64::INFINITY,
                    retention: 0.0,
                    threshold: 0.0,
                },
            ])),
            evict: Some(vec![
                EvictionStep { policy: EvictionPolicy::Lru, below: None, above: None, kind: None },
                EvictionStep {
                    policy: EvictionPolicy::Lru,
                    below: Some(f64::NAN),
                    above: Some(f64::INFINITY),
                    kind: None,
                },
            ]),
            ..TierConfig::default()
        },
        intermediate: TierConfig { promote: Some(Rule::All(Vec::new())), ..TierConfig::default() },
        long_term: TierConfig {
            promote: Some(Rule::Importance { at_least: 2.0 }),
            forget_below: -0.5,
            ..TierConfig::default()
        },
        total: TotalConfig { max_items: Some(0), max_bytes: Some(0), on_limit: OnLimit::Host },
        kinds: [
            (
                "note".to_owned(),
                KindConfig {
                    decay: Some(Decay::ActR { decay: 1.0, threshold: f64::NAN, noise: 0.0 }),
                    resistance: -0.1,
                    importance: 1.1,
                    max_items: Some(0),
                    max_bytes: Some(0),
                    ..KindConfig::default()
                },
            ),
            (
                "rumour".to_owned(),
                KindConfig {
                    decay: Some(Decay::Ebbinghaus { stability: Span(0), gain: -1.0 }),
                    ..KindConfig::default()
                },
            ),
            (
                "spark".to_owned(),
                KindConfig { decay: Some(Decay::HalfLife { half_life: Span(-1) }), ..KindConfig::default() },
            ),
        ]
        .into(),
        importance: ImportanceWeights { given: -1.0, surprise: f64::NAN, ..ImportanceWeights::default() },
        max_text_bytes: 0,
        seal_bytes: 300 * MIB,
        bm25_k1: -1.0,
        bm25_b: 1.5,
        ..Config::default()
    };
    let expected = [
        "working/maxItems",
        "working/maxBytes",
        "working/ttl",
        "working/forgetBelow",
        "working/demote",
        "working/demote/margin",
        "working/demote/after",
        "working/evict/1/below",
        "working/evict/1/above",
        "working/promote/any/0/uses/atLeast",
        "working/promote/any/1/all/0/age/atLeast",
        "working/promote/any/1/all/1/retention/atLeast",
        "working/promote/any/2/hybrid/uses",
        "working/promote/any/2/hybrid/importance",
        "working/promote/any/2/hybrid/fullAge",
        "working/promote/any/2/hybrid/threshold",
        "intermediate/promote/all",
        "longTerm/forgetBelow",
        "longTerm/promote",
        "longTerm/promote/importance/atLeast",
        "total/maxItems",
        "total/maxBytes",
        "total/onLimit",
        "kinds/note/decay/actR/decay",
        "kinds/note/decay/actR/threshold",
        "kinds/note/decay/actR/noise",
        "kinds/note/maxItems",
        "kinds/note/maxBytes",
        "kinds/note/resistance",
        "kinds/note/importance",
        "kinds/rumour/decay/ebbinghaus/stability",
        "kinds/rumour/decay/ebbinghaus/gain",
        "kinds/spark/decay/halfLife/halfLife",
        "importance/given",
        "importance/surprise",
        "maxTextBytes",
        "sealBytes",
        "bm25K1",
        "bm25B",
    ];
    let error = bad.validate().expect_err("everything is wrong with it");
    let message = error.to_string();
    let paths: Vec<&str> =
        message.split("; ").map(|part| part.split(' ').next().expect("a part starts with a path")).collect();
    assert_eq!(paths, expected);
    // Opening refuses what validation refuses.
    let opening = stratamem_core::Opening::new(bad, 7, Vec::new());
    assert_eq!(opening.expect_err("it is bad").to_string(), message);
    Config::default().validate().expect("the default is good");
    let nothing = ImportanceWeights { given: 0.0, reward: 0.0, ..ImportanceWeights::default() };
    let error =
        Config { importance: nothing, ..Config::default() }.validate().expect_err("no weight is left");
    assert_eq!(error.to_string(), "importance/given must not be 0 with all the others");
}
