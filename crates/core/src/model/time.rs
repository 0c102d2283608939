//! Time as the engine sees it: milliseconds that arrive with each call.

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00 UTC. Negative before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span(pub i64);

impl Timestamp {
    /// The latest moment a record may carry: the end of the year 9999. Keeps calendar arithmetic total.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);
    /// The earliest moment a record may carry: the first day of the year 1.
    pub const MIN: Timestamp = Timestamp(-62_135_596_800_000);

    /// Whether the moment lies between [`Timestamp::MIN`] and [`Timestamp::MAX`].
    pub fn is_representable(self) -> bool {
        (Self::MIN..=Self::MAX).contains(&self)
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }
}

impl std::ops::Add<Span> for Timestamp {
    type Output = Timestamp;

    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}
