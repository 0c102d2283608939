//! Pasts of records: moments of which policies see a part.

use proptest::prelude::*;
use stratamem_core::policy::{Decay, RECENT, Uses, activation};
use stratamem_core::{Span, Timestamp};

use crate::{DAY, SECOND};

/// All moments of a record's past, of which policies see a part.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(crate) made: i64,
    pub(crate) uses: Vec<i64>,
}

impl Past {
    /// What policies see.
    pub(crate) fn seen<R>(&self, look: impl FnOnce(&Uses<'_>) -> R) -> R {
        let mut recent: Vec<Timestamp> = self.uses.iter().copied().map(Timestamp).collect();
        recent.sort_by(|a, b| b.cmp(a));
        recent.truncate(RECENT);
        look(&Uses { made: Timestamp(self.made), count: self.uses.len() as u32, recent: &recent })
    }

    pub(crate) fn activation(&self, decay: f64, now: i64) -> f64 {
        self.seen(|uses| activation(uses, decay, 1.0, Timestamp(now)))
    }

    pub(crate) fn retention(&self, model: Decay, resistance: f64, now: i64) -> f64 {
        self.seen(|uses| model.retention(uses, resistance, Timestamp(now)))
    }

    /// Ages of the making and of all uses in seconds, youngest first; none is under a second.
    pub(crate) fn ages(&self, now: i64) -> Vec<f64> {
        let moments = self.uses.iter().chain([&self.made]);
        let mut ages: Vec<f64> = moments.map(|at| ((now - at) as f64 / 1e3).max(1.0)).collect();
        ages.sort_by(f64::total_cmp);
        ages
    }

    /// The definition: ln of the sum of age^-decay.
    pub(crate) fn defined(&self, decay: f64, now: i64) -> f64 {
        sum(&self.ages(now), decay).ln()
    }

    /// How far activation is above its definition.
    pub(crate) fn error(&self, decay: f64, now: i64) -> f64 {
        self.activation(decay, now) - self.defined(decay, now)
    }
}

pub(crate) fn sum(ages: &[f64], decay: f64) -> f64 {
    ages.iter().map(|age| age.powf(-decay)).sum()
}

/// Mean of t^-decay for t from `from` to `to`, by Simpson's rule over ln t.
pub(crate) fn mean_power(from: f64, to: f64, decay: f64) -> f64 {
    const PIECES: u32 = 1_000;
    let (low, width) = (from.ln(), (to / from).ln() / f64::from(PIECES));
    let height = |at: u32| ((1.0 - decay) * (low + width * f64::from(at))).exp();
    let weight = |at: u32| match at {
        0 | PIECES => 1.0,
        odd if odd % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=PIECES).map(|at| weight(at) * height(at)).sum::<f64>() * width / 3.0 / (to - from)
}

/// From a moment to four years, every order of magnitude alike.
pub(crate) fn gap() -> impl Strategy<Value = i64> {
    (0u32..37).prop_flat_map(|bits| 0..=(1i64 << bits))
}

/// A past of up to `most` uses, and a moment after it.
pub(crate) fn past(most: usize) -> impl Strategy<Value = (Past, i64)> {
    (-DAY..=DAY, prop::collection::vec(gap(), 0..=most), gap()).prop_map(|(made, gaps, idle)| {
        let mut last = made;
        let uses = gaps.iter().map(|gap| {
            last += gap;
            last
        });
        let past = Past { made, uses: uses.collect() };
        (past, last + idle)
    })
}

pub(crate) fn model() -> impl Strategy<Value = Decay> {
    prop_oneof![
        Just(Decay::default()),
        (0.01..0.99, -12.0..0.0, 0.05..2.0).prop_map(|(decay, threshold, noise)| Decay::ActR {
            decay,
            threshold,
            noise
        }),
        (SECOND..100 * DAY, 0.0..3.0)
            .prop_map(|(stability, gain)| Decay::Ebbinghaus { stability: Span(stability), gain }),
        (SECOND..100 * DAY).prop_map(|half_life| Decay::HalfLife { half_life: Span(half_life) }),
        Just(Decay::None),
    ]
}

/// A sequence of numbers below a limit (Marsaglia's xorshift).
pub(crate) fn random(mut state: u64) -> impl FnMut(i64) -> i64 {
    move |limit| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 16) % limit as u64) as i64
    }
}
