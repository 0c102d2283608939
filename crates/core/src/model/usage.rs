//! How a record has been used, and how it has moved.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::model::{Tier, Timestamp};

/// What is remembered of a record's uses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// How often it was recalled or read.
    pub count: u32,
    /// When it was last recalled or read, latest first: the last [`Usage::RECENT`] times at most.
    pub recent: Vec<Timestamp>,
    /// What recalls have owed to it, 0 to 1 (see [`crate::policy::gained`]).
    pub merit: f32,
    /// What rewards it was given.
    pub reward: Option<Reward>,
}

/// The mean of the rewards a record was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reward {
    /// -1 to 1.
    pub mean: f32,
    /// How many.
    pub count: u32,
}

impl Usage {
    /// Moments that are kept.
    pub const RECENT: usize = 4;

    /// When it was last used.
    pub fn last(&self) -> Option<Timestamp> {
        self.recent.first().copied()
    }

    /// Counts a use.
    pub(crate) fn note(&mut self, now: Timestamp) {
        self.count = self.count.saturating_add(1);
        let at = self.recent.partition_point(|moment| *moment > now);
        self.recent.insert(at, now);
        self.recent.truncate(Usage::RECENT);
    }

    /// Takes the uses of another record over.
    pub(crate) fn absorb(&mut self, other: &Usage) {
        self.count = self.count.saturating_add(other.count);
        for moment in &other.recent {
            self.recent.insert(self.recent.partition_point(|kept| kept > moment), *moment);
        }
        self.recent.truncate(Usage::RECENT);
        self.merit = self.merit.max(other.merit);
        self.reward = match (self.reward, other.reward) {
            (Some(own), Some(more)) => {
                let count = own.count.saturating_add(more.count);
                let sum = own.mean * own.count as f32 + more.mean * more.count as f32;
                Some(Reward { mean: sum / count as f32, count })
            }
            (own, more) => own.or(more),
        };
    }

    /// Takes a reward into the mean.
    pub(crate) fn reward(&mut self, value: f32) {
        let Reward { mean, count } = self.reward.unwrap_or(Reward { mean: 0.0, count: 0 });
        let count = count.saturating_add(1);
        self.reward = Some(Reward { mean: mean + (value - mean) / count as f32, count });
    }
}

impl Serialize for Usage {
    /// As fields of the record: `accessCount`, `lastAccess`, `recentAccesses`, `merit`, `reward`, `rewards`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("accessCount", &self.count)?;
        if let Some(last) = self.last() {
            map.serialize_entry("lastAccess", &last)?;
            map.serialize_entry("recentAccesses", &self.recent)?;
        }
        if self.merit > 0.0 {
            map.serialize_entry("merit", &self.merit)?;
        }
        if let Some(Reward { mean, count }) = self.reward {
            map.serialize_entry("reward", &mean)?;
            map.serialize_entry("rewards", &count)?;
        }
        map.end()
    }
}

/// Why a record moved or was evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Somebody asked for it.
    Requested,
    /// The tier held too much.
    Capacity,
    /// The record had been in the tier for its TTL.
    Ttl,
    /// It fulfilled the tier's rule of promotion.
    Earned,
    /// It fell far below the rule by which it would have got here.
    Lapsed,
    /// It left its tier and was too faded to be kept.
    Faded,
    /// A record that said the same, and lived there, went into it.
    Merged,
    /// There was too much of its kind: of evictions alone.
    KindLimit,
    /// There was too much in all tiers together: of evictions alone.
    TotalLimit,
}

impl Reason {
    /// The reasons that are stored with moves, in the order of their codes.
    pub const ALL: [Reason; 7] = [
        Reason::Requested,
        Reason::Capacity,
        Reason::Ttl,
        Reason::Earned,
        Reason::Lapsed,
        Reason::Faded,
        Reason::Merged,
    ];

    /// The code: for a reason of moves, the position in [`Reason::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// A move from tier to tier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    /// Where it lived.
    pub from: Tier,
    /// Where it went.
    pub to: Tier,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// What the policy made of it: the score of a rule, or the figure of an eviction policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}
