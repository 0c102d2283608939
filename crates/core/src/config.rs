//! Configuration: what a memory is told when it opens.

use serde::Deserialize;

use crate::error::CommandError;
use crate::index::text::Bm25;
use crate::model::{Span, Tier};

/// Limits of one tier. A limit left out does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TierLimits {
    /// Records the tier should hold at most. What is too much moves to the next tier; out of the last one it is
    /// evicted. Enforced by maintenance, and by a commit that finds the tier an eighth over.
    pub max_items: Option<u32>,
    /// How long a record stays, in milliseconds. After that it moves to the next tier; out of the last one it is
    /// evicted.
    pub ttl: Option<Span>,
}

/// The configuration of an engine. [`Config::default`] is right for most agents.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Default: 256 records, one hour. What an agent is busy with.
    pub working: TierLimits,
    /// Default: 20,000 records, 30 days.
    pub intermediate: TierLimits,
    /// Default: no limit, so nothing is ever lost.
    pub long_term: TierLimits,
    /// The tier of a new record that does not name one. Default: working.
    pub default_tier: Tier,
    /// Longest text of a record, in bytes of UTF-8. Default: 1 MiB.
    pub max_text_bytes: u32,
    /// Most bytes of log before the records in it are sealed into a segment. Default: 1 MiB.
    pub seal_bytes: u32,
    /// Term saturation of BM25. Default: 0.9.
    pub bm25_k1: f32,
    /// Length normalisation of BM25. Default: 0.4.
    pub bm25_b: f32,
}

impl Default for Config {
    fn default() -> Self {
        const HOUR: i64 = 3_600_000;
        let Bm25 { k1, b } = Bm25::default();
        Config {
            working: TierLimits { max_items: Some(256), ttl: Some(Span(HOUR)) },
            intermediate: TierLimits { max_items: Some(20_000), ttl: Some(Span(30 * 24 * HOUR)) },
            long_term: TierLimits::default(),
            default_tier: Tier::Working,
            max_text_bytes: 1 << 20,
            seal_bytes: 1 << 20,
            bm25_k1: k1,
            bm25_b: b,
        }
    }
}

impl Config {
    /// The limits of `tier`.
    pub fn limits(&self, tier: Tier) -> TierLimits {
        match tier {
            Tier::Working => self.working,
            Tier::Intermediate => self.intermediate,
            Tier::LongTerm => self.long_term,
        }
    }

    /// The parameters of keyword ranking.
    pub fn bm25(&self) -> Bm25 {
        Bm25 { k1: self.bm25_k1, b: self.bm25_b }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] listing every bad field, so that one round of mending is enough.
    pub fn validate(&self) -> Result<(), CommandError> {
        let mut problems: Vec<(&'static str, String)> = Vec::new();
        for tier in Tier::ALL {
            let limits = self.limits(tier);
            let (items, ttl) = match tier {
                Tier::Working => ("working/maxItems", "working/ttl"),
                Tier::Intermediate => ("intermediate/maxItems", "intermediate/ttl"),
                Tier::LongTerm => ("longTerm/maxItems", "longTerm/ttl"),
            };
            if limits.max_items == Some(0) {
                problems.push((items, "must be at least 1".into()));
            }
            if limits.ttl.is_some_and(|ttl| ttl.0 <= 0) {
                problems.push((ttl, "must be more than 0 ms".into()));
            }
        }
        if self.max_text_bytes == 0 || self.max_text_bytes > 1 << 28 {
            problems.push(("maxTextBytes", "must be between 1 and 268435456".into()));
        }
        if self.seal_bytes < 4_096 || self.seal_bytes > 1 << 28 {
            problems.push(("sealBytes", "must be between 4096 and 268435456".into()));
        }
        if !(0.0..=10.0).contains(&self.bm25_k1) {
            problems.push(("bm25K1", "must be between 0 and 10".into()));
        }
        if !(0.0..=1.0).contains(&self.bm25_b) {
            problems.push(("bm25B", "must be between 0 and 1".into()));
        }
        let Some((first, rest)) = problems.split_first() else {
            return Ok(());
        };
        let mut problem = first.1.clone();
        for (field, text) in rest {
            problem.push_str(&format!("; {field} {text}"));
        }
        Err(CommandError::invalid(first.0, problem))
    }
}
