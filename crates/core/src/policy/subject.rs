//! What policies know of a record.

use crate::model::{RecordId, Span, Tier, Timestamp};
use crate::policy::Uses;

/// The figures of a record, never its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subject<'a> {
    /// Which record.
    pub id: RecordId,
    /// Its kind.
    pub kind: &'a str,
    /// Where it lives.
    pub tier: Tier,
    /// Since when it has lived there.
    pub tier_since: Timestamp,
    /// When it was made and used.
    pub uses: Uses<'a>,
    /// How much it matters according to whoever added it, 0 to 1.
    pub importance: f64,
    /// What recalls have owed to it, 0 to 1 (see [`crate::policy::gained`]).
    pub merit: f64,
    /// Mean of the rewards it was given, -1 to 1, if it was given any.
    pub reward: Option<f64>,
    /// How unlike everything known it was when it was added, 0 to 1, if that was measured.
    pub surprise: Option<f64>,
    /// When it ceases to be.
    pub expires_at: Option<Timestamp>,
}

impl Subject<'_> {
    /// Time in its tier.
    pub fn residence(&self, now: Timestamp) -> Span {
        now.since(self.tier_since)
    }

    /// Time since it was made.
    pub fn age(&self, now: Timestamp) -> Span {
        now.since(self.uses.made)
    }

    /// Time since its last use, or since it was made.
    pub fn idle(&self, now: Timestamp) -> Span {
        now.since(self.uses.last())
    }
}
