//! Configurations: any that is accepted.

use proptest::prelude::*;
use stratamem_core::policy::{Decay, EvictionPolicy, EvictionStep, ImportanceWeights, Rule};
use stratamem_core::{
    Config, Demotion, KindConfig, OnLimit, Overflow, Precision, Span, Tier, TierConfig, TotalConfig,
};

use crate::commands::{KINDS, span};
use crate::support::verbatim;

fn share() -> impl Strategy<Value = f64> {
    (1u8..=20).prop_map(|twentieths| f64::from(twentieths) / 20.0)
}

fn rule() -> impl Strategy<Value = Rule> {
    let simple = || {
        let hybrid = (0u8..4, 0u8..3, span(), 0u8..4, 0u8..4, share()).prop_map(
            |(uses, age, full_age, importance, retention, threshold)| Rule::Hybrid {
                // Not all weights may be 0.
                uses: f64::from(uses) + 0.25,
                age: f64::from(age),
                full_age: Span(full_age),
                importance: f64::from(importance),
                retention: f64::from(retention),
                threshold,
            },
        );
        prop_oneof![
            1 => Just(Rule::Never),
            2 => (1u32..5).prop_map(|at_least| Rule::Uses { at_least }),
            2 => span().prop_map(|at_least| Rule::Age { at_least: Span(at_least) }),
            2 => share().prop_map(|at_least| Rule::Importance { at_least }),
            1 => share().prop_map(|at_least| Rule::Retention { at_least }),
            3 => hybrid,
        ]
    };
    let several = move || prop::collection::vec(simple(), 1..4);
    prop_oneof![
        4 => simple(),
        1 => several().prop_map(Rule::All),
        1 => several().prop_map(Rule::Any),
    ]
}

fn eviction() -> impl Strategy<Value = EvictionStep> {
    use EvictionPolicy::{Age, Fifo, Lfu, LowActivation, LowImportance, LowWorth, Lru, Pressure, Ttl};
    let policies = vec![Lru, Lfu, Fifo, Ttl, LowImportance, LowActivation, Age, Pressure, LowWorth];
    let limit = || prop::option::weighted(0.3, prop_oneof![share(), (1u8..5).prop_map(f64::from)]);
    let kind = prop::option::weighted(0.3, prop::sample::select(KINDS.to_vec()));
    (prop::sample::select(policies), limit(), limit(), kind).prop_map(|(policy, below, above, kind)| {
        EvictionStep { policy, below, above, kind: kind.map(str::to_owned) }
    })
}

fn tier(tier: Tier) -> impl Strategy<Value = TierConfig> {
    use OnLimit::{Evict, Host, Reject, Warn};
    let on_limit = prop_oneof![8 => Just(Evict), 1 => Just(Warn), 2 => Just(Reject), 1 => Just(Host)];
    let overflow = prop_oneof![4 => Just(Overflow::Move), 1 => Just(Overflow::Forget)];
    let demotion = (0u8..20, span())
        .prop_map(|(margin, after)| Demotion { margin: f64::from(margin) / 20.0, after: Span(after) });
    (
        prop::option::weighted(0.6, 2u32..10),
        prop::option::weighted(0.4, 1_500u64..12_000),
        prop::option::weighted(0.6, span()),
        on_limit,
        overflow,
        prop::option::weighted(0.7, rule()),
        prop::option::weighted(0.6, demotion),
        prop::option::weighted(0.6, prop::collection::vec(eviction(), 0..4)),
        prop_oneof![2 => Just(0.0), 1 => share()],
    )
        .prop_map(
            move |(max_items, max_bytes, ttl, on_limit, overflow, promote, demote, evict, forget_below)| {
                TierConfig {
                    max_items,
                    max_bytes,
                    ttl: ttl.map(Span),
                    on_limit,
                    overflow,
                    promote: promote.filter(|_| tier != Tier::LongTerm),
                    demote: demote.filter(|_| tier != Tier::Working),
                    evict,
                    forget_below,
                    precision: Precision::F32,
                    compress_text: tier == Tier::Intermediate,
                }
            },
        )
}

fn decay() -> impl Strategy<Value = Decay> {
    prop_oneof![
        (1u8..10, -9.0f64..1.0, share()).prop_map(|(decay, threshold, noise)| Decay::ActR {
            decay: f64::from(decay) / 10.0,
            threshold,
            noise
        }),
        (span(), 0u8..3)
            .prop_map(|(span, gain)| Decay::Ebbinghaus { stability: Span(span), gain: f64::from(gain) }),
        span().prop_map(|span| Decay::HalfLife { half_life: Span(span) }),
        Just(Decay::None),
    ]
}

/// Any configuration that is accepted.
pub(crate) fn config() -> impl Strategy<Value = Config> {
    let items = || prop::option::weighted(0.3, 2u32..12);
    let bytes = || prop::option::weighted(0.2, 1_500u64..20_000);
    let kind = (prop::option::of(decay()), share(), share(), items(), bytes()).prop_map(
        |(decay, resistance, importance, max_items, max_bytes)| KindConfig {
            decay,
            resistance,
            importance,
            consolidate: None,
            max_items,
            max_bytes,
        },
    );
    let kinds = prop::collection::btree_map(prop::sample::select(KINDS.to_vec()), kind, 0..3);
    let on_limit =
        prop_oneof![4 => Just(OnLimit::Evict), 1 => Just(OnLimit::Warn), 1 => Just(OnLimit::Reject)];
    let total = (items(), bytes(), on_limit).prop_map(|(max_items, max_bytes, on_limit)| TotalConfig {
        max_items,
        max_bytes,
        on_limit,
    });
    let weights =
        (0u8..3, 0u8..3, 0u8..3, 0u8..3).prop_map(|(reward, uses, recency, surprise)| ImportanceWeights {
            given: 1.0,
            reward: f64::from(reward),
            uses: f64::from(uses),
            recency: f64::from(recency),
            surprise: f64::from(surprise),
        });
    (
        (tier(Tier::Working), tier(Tier::Intermediate), tier(Tier::LongTerm)),
        (kinds, total),
        prop::option::of(weights),
        prop_oneof![3 => Just(Tier::Working), 1 => Just(Tier::Intermediate), 1 => Just(Tier::LongTerm)],
        // Vectors along an axis lose nothing in int8.
        prop_oneof![Just(Precision::F32), Just(Precision::Int8)],
    )
        .prop_map(
            |((working, intermediate, long_term), (kinds, total), weights, default_tier, precision)| Config {
                working: TierConfig { precision, ..working },
                intermediate: TierConfig { precision, ..intermediate },
                long_term: TierConfig { precision, ..long_term },
                total,
                kinds: kinds.into_iter().map(|(kind, settings)| (kind.to_owned(), settings)).collect(),
                importance: weights.unwrap_or_default(),
                default_tier,
                seal_bytes: 4_096,
                consolidation: verbatim(),
                ..Config::default()
            },
        )
}
