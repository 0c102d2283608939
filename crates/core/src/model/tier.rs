//! The three tiers.

use serde::{Deserialize, Serialize};

/// Where a record lives. Promotion moves it towards [`Tier::LongTerm`], demotion towards [`Tier::Working`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// What the agent is busy with: few records, short-lived ("short-term" elsewhere).
    Working,
    /// What happened lately.
    Intermediate,
    /// What is kept.
    LongTerm,
}

impl Tier {
    /// All tiers, from the most fleeting to the most durable.
    pub const ALL: [Tier; 3] = [Tier::Working, Tier::Intermediate, Tier::LongTerm];

    /// The next more durable tier.
    pub fn above(self) -> Option<Tier> {
        match self {
            Tier::Working => Some(Tier::Intermediate),
            Tier::Intermediate => Some(Tier::LongTerm),
            Tier::LongTerm => None,
        }
    }

    /// The next less durable tier.
    pub fn below(self) -> Option<Tier> {
        match self {
            Tier::Working => None,
            Tier::Intermediate => Some(Tier::Working),
            Tier::LongTerm => Some(Tier::Intermediate),
        }
    }

    /// The name used everywhere outside: `working`, `intermediate`, `long-term`.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Working => "working",
            Tier::Intermediate => "intermediate",
            Tier::LongTerm => "long-term",
        }
    }

    /// The position in [`Tier::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}
