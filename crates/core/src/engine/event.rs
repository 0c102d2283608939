//! What an engine tells its host about.

use serde::Serialize;

use crate::model::{Reason, RecordId, Tier};
use crate::policy::EvictionPolicy;

/// Why what was to be added counts as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// A record says the same.
    Known,
    /// A record says the same and was recalled a moment ago: it comes from the memory itself.
    Recalled,
    /// The same was said at the same moment: it is told twice.
    SameMoment,
}

/// What became of several records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// They said the same in the same words.
    Duplicate,
    /// One said all that the other did.
    NearDuplicate,
    /// One says what matters of them.
    Summary,
}

/// Something that happened to the memory, told once it is durable.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// A record was added.
    MemoryAdded {
        /// Which.
        id: RecordId,
        /// Where it lives.
        tier: Tier,
    },
    /// A record's content changed.
    MemoryUpdated {
        /// Which.
        id: RecordId,
        /// Its version now.
        version: u32,
    },
    /// What was to be added is known: it counted as a use.
    MemoryRepeated {
        /// The record that says it already.
        id: RecordId,
        /// Why it counts as known.
        because: Repeat,
    },
    /// Records went into one.
    MemoryConsolidated {
        /// The record that they went into.
        id: RecordId,
        /// Those that are gone.
        origins: Vec<RecordId>,
        /// How.
        form: Form,
    },
    /// A record was removed on demand.
    MemoryForgotten {
        /// Which.
        id: RecordId,
    },
    /// A record moved to a more durable tier.
    MemoryPromoted {
        /// Which.
        id: RecordId,
        /// Where it lived.
        from: Tier,
        /// Where it lives.
        to: Tier,
        /// Why.
        reason: Reason,
        /// What the policy made of it, if one did.
        #[serde(skip_serializing_if = "Option::is_none")]
        score: Option<f64>,
    },
    /// A record moved to a less durable tier.
    MemoryDemoted {
        /// Which.
        id: RecordId,
        /// Where it lived.
        from: Tier,
        /// Where it lives.
        to: Tier,
        /// Why.
        reason: Reason,
        /// What the policy made of it, if one did.
        #[serde(skip_serializing_if = "Option::is_none")]
        score: Option<f64>,
    },
    /// A record was removed because its time had come.
    MemoryExpired {
        /// Which.
        id: RecordId,
        /// Where it lived.
        tier: Tier,
    },
    /// A record was removed because its tier could not keep it, or a limit of its kind or of all tiers was passed.
    MemoryEvicted {
        /// Which.
        id: RecordId,
        /// Where it lived.
        tier: Tier,
        /// Why.
        reason: Reason,
        /// Which policy chose it, if there was a choice.
        #[serde(skip_serializing_if = "Option::is_none")]
        policy: Option<EvictionPolicy>,
        /// The figure of that policy, or the retention of a record that was too faded.
        #[serde(skip_serializing_if = "Option::is_none")]
        score: Option<f64>,
    },
    /// A tier that only warns, or refuses, has reached its limit.
    TierLimitReached {
        /// Which tier.
        tier: Tier,
        /// Records it holds.
        items: u32,
        /// Bytes they take.
        bytes: u64,
    },
    /// A memory that only warns, or refuses, has reached the limit of all its tiers.
    TotalLimitReached {
        /// Records it holds.
        items: u32,
        /// Bytes they take.
        bytes: u64,
    },
    /// Commits were gathered from the log into a segment.
    SegmentSealed {
        /// Number of the segment.
        segment: u64,
        /// Records in it.
        records: u32,
        /// Its length.
        bytes: u64,
    },
}
