//! Figures that policies see, with what the references need.

use proptest::prelude::*;
use stratamem_core::policy::{EvictionPolicy, EvictionStep, ImportanceWeights, Subject, Uses};
use stratamem_core::{RecordId, Tier, Timestamp};

use crate::DAY;

#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) id: u128,
    pub(crate) kind: &'static str,
    pub(crate) tier_since: i64,
    pub(crate) made: i64,
    pub(crate) count: u32,
    pub(crate) recent: Vec<Timestamp>,
    pub(crate) importance: f64,
    pub(crate) reward: Option<f64>,
    pub(crate) surprise: Option<f64>,
    pub(crate) expires_at: Option<i64>,
}

impl Figures {
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            id: RecordId(self.id),
            kind: self.kind,
            tier: Tier::Working,
            tier_since: Timestamp(self.tier_since),
            uses: Uses { made: Timestamp(self.made), count: self.count, recent: &self.recent },
            importance: self.importance,
            merit: 0.0,
            reward: self.reward,
            surprise: self.surprise,
            expires_at: self.expires_at.map(Timestamp),
        }
    }

    pub(crate) fn plain() -> Figures {
        Figures {
            id: 1,
            kind: "episodic",
            tier_since: 0,
            made: 0,
            count: 0,
            recent: Vec::new(),
            importance: 0.5,
            reward: None,
            surprise: None,
            expires_at: None,
        }
    }

    /// Time since the last use, or since the making if that was later.
    pub(crate) fn idle(&self, now: i64) -> i64 {
        let last = self.recent.iter().map(|at| at.0).chain([self.made]).max().unwrap_or(self.made);
        (now - last).max(0)
    }
}

pub(crate) const POLICIES: [EvictionPolicy; 9] = [
    EvictionPolicy::Lru,
    EvictionPolicy::Lfu,
    EvictionPolicy::Fifo,
    EvictionPolicy::Ttl,
    EvictionPolicy::LowImportance,
    EvictionPolicy::LowActivation,
    EvictionPolicy::Age,
    EvictionPolicy::Pressure,
    EvictionPolicy::LowWorth,
];

pub(crate) fn alone(policy: EvictionPolicy) -> [EvictionStep; 1] {
    [EvictionStep { policy, below: None, above: None, kind: None }]
}

pub(crate) fn weights() -> impl Strategy<Value = ImportanceWeights> {
    let weight = || prop_oneof![Just(0.0), 0.001..10.0, Just(1e6)];
    (weight(), weight(), weight(), weight(), weight())
        .prop_map(|(given, reward, uses, recency, surprise)| ImportanceWeights {
            given,
            reward,
            uses,
            recency,
            surprise,
        })
        .prop_filter("something must count", |weights| {
            let mut found = Vec::new();
            weights.problems("importance", &mut found);
            found.is_empty()
        })
}

pub(crate) fn figures() -> impl Strategy<Value = Figures> {
    (
        0u32..40,
        prop::option::of(0..60 * DAY),
        0.0..=1.0,
        prop::option::of(-1.0..=1.0),
        prop::option::of(0.0..=1.0),
        0..60 * DAY,
    )
        .prop_map(|(count, used, importance, reward, surprise, tier_since)| Figures {
            count: if used.is_some() { count.max(1) } else { 0 },
            recent: used.map(Timestamp).into_iter().collect(),
            importance,
            reward,
            surprise,
            tier_since,
            ..Figures::plain()
        })
}
