//! What an engine tells its host about.

use serde::Serialize;

use crate::model::{RecordId, Tier};

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
    },
    /// A record was removed because its time had come.
    MemoryExpired {
        /// Which.
        id: RecordId,
    },
    /// A record was removed because of the limits of the last tier.
    MemoryEvicted {
        /// Which.
        id: RecordId,
        /// Where it lived.
        tier: Tier,
        /// Why.
        reason: Reason,
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

/// Why a record moved or was evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Somebody asked for it.
    Requested,
    /// The tier held too many records.
    Capacity,
    /// The record had been in the tier for its TTL.
    Ttl,
}
