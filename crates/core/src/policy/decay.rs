//! How a memory fades: from its history of use to a retention between 0 and 1.
//!
//! Every model takes the same history: the moment a record was made and the moments it was used. Resistance slows all
//! of them down: a record whose recalls have mattered fades as if less time had passed. That is the idea of elastic
//! weight consolidation (Kirkpatrick et al., PNAS 2017) and synaptic intelligence (Zenke, Poole and Ganguli, ICML
//! 2017), which protect a parameter in proportion to what it has contributed, carried over to records: see [`gained`].

use serde::Deserialize;

use crate::model::{Span, Timestamp};

/// Moments of use that are kept exactly; older ones count by their number.
pub const RECENT: usize = crate::model::Usage::RECENT;
/// No age counts as less, so that a use this very moment does not weigh endlessly: one second.
const YOUNGEST: f64 = 1.0;

/// A model of forgetting.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Decay {
    /// Base-level activation of ACT-R: recency and frequency in one power law. Anderson and Schooler, Psychological
    /// Science 1991; the probability of retrieval from Anderson and Lebiere, The Atomic Components of Thought, 1998.
    ActR {
        /// Exponent of the power law, between 0 and 1. 0.5 in the literature, where it fits people; 0.9 by default, which
        /// keeps more of what is needed later (see `docs/RETENTION.md`).
        #[serde(default = "defaults::decay")]
        decay: f64,
        /// Activation at which retention is one half, with ages in seconds. -11.98 is what a record has a week after
        /// it was made, if it was never used.
        #[serde(default = "defaults::threshold")]
        threshold: f64,
        /// How gently retention falls around the threshold; more than 0.
        #[serde(default = "defaults::noise")]
        noise: f64,
    },
    /// exp(-t / S), where t is the time since the last use and S grows with every use: Ebbinghaus, Über das
    /// Gedächtnis, 1885, with the strengthening of MemoryBank (Zhong et al., AAAI 2024).
    Ebbinghaus {
        /// S of a record that was never used, in milliseconds.
        stability: Span,
        /// By which share of the first S each use adds to S.
        #[serde(default = "defaults::gain")]
        gain: f64,
    },
    /// 2^(-t / half-life), where t is the time since the last use.
    HalfLife {
        /// In milliseconds.
        half_life: Span,
    },
    /// Nothing fades.
    None,
}

mod defaults {
    pub(super) fn decay() -> f64 {
        0.9
    }
    pub(super) fn threshold() -> f64 {
        -11.98
    }
    pub(super) fn noise() -> f64 {
        0.9
    }
    pub(super) fn gain() -> f64 {
        1.0
    }
}

impl Default for Decay {
    fn default() -> Self {
        Decay::ActR { decay: defaults::decay(), threshold: defaults::threshold(), noise: defaults::noise() }
    }
}

/// When a record was made and used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uses<'a> {
    /// When it was made, which counts as its first use.
    pub made: Timestamp,
    /// How often it was used since.
    pub count: u32,
    /// The last uses, latest first: all of them, or [`RECENT`].
    pub recent: &'a [Timestamp],
}

impl Uses<'_> {
    /// The moment of the last use, or of the making.
    pub fn last(&self) -> Timestamp {
        self.recent.first().copied().unwrap_or(self.made).max(self.made)
    }
}

impl Decay {
    /// How much of a record is left at `now`: 1 is all, 0 nothing. With `resistance` r, between 0 and 1, everything
    /// takes 1 / (1 - r) times as long.
    pub fn retention(&self, uses: &Uses<'_>, resistance: f64, now: Timestamp) -> f64 {
        let pace = 1.0 - resistance.clamp(0.0, 1.0);
        let idle = now.since(uses.last()).0 as f64;
        match *self {
            Decay::ActR { decay, threshold, noise } => {
                1.0 / (1.0 + libm::exp((threshold - activation(uses, decay, pace, now)) / noise))
            }
            Decay::Ebbinghaus { stability, gain } => {
                let strength = stability.0 as f64 * (1.0 + gain * f64::from(uses.count));
                libm::exp(-idle * pace / strength)
            }
            Decay::HalfLife { half_life } => libm::exp2(-idle * pace / half_life.0 as f64),
            Decay::None => 1.0,
        }
    }

    /// Collects what is wrong with the parameters, each with the path of the field.
    pub fn problems(&self, path: &str, found: &mut Vec<(String, String)>) {
        found.extend(self.broken().map(|(field, problem)| (format!("{path}/{field}"), problem.to_owned())));
    }

    fn broken(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let check = |holds: bool, field, problem| (!holds).then_some((field, problem));
        let found = match *self {
            Decay::ActR { decay, threshold, noise } => [
                check(decay > 0.0 && decay < 1.0, "decay", "must lie between 0 and 1, without them"),
                check(threshold.is_finite(), "threshold", "must be a number"),
                check(noise > 0.0 && noise.is_finite(), "noise", "must be more than 0"),
            ],
            Decay::Ebbinghaus { stability, gain } => [
                check(stability.0 > 0, "stability", "must be more than 0 ms"),
                check(gain >= 0.0 && gain.is_finite(), "gain", "must be at least 0"),
                None,
            ],
            Decay::HalfLife { half_life } => {
                [check(half_life.0 > 0, "halfLife", "must be more than 0 ms"), None, None]
            }
            Decay::None => [None; 3],
        };
        found.into_iter().flatten()
    }
}

/// Base-level activation: ln of the sum of age^-decay over all uses, ages in seconds and multiplied by `pace`.
///
/// The uses that are kept are summed exactly; those before them are taken to be spread evenly between the oldest kept
/// one and the making, which has a closed form: Petrov, Computationally Efficient Approximation of the Base-Level
/// Learning Equation in ACT-R, ICCM 2006. If none is kept, all count as if they had been at the making.
///
/// The result is at most ln(1 / (1 - decay)) above the definition, and that only if all early uses were at the making.
/// With n uses, k of them kept, it is at most ln((n + 1) / k) below: no use that is not kept weighs more than any of those
/// that are. That is approached when many uses came in one late burst; `docs/RETENTION.md` has what was measured.
pub fn activation(uses: &Uses<'_>, decay: f64, pace: f64, now: Timestamp) -> f64 {
    let age = |at: Timestamp| (now.since(at).0 as f64 * pace / 1_000.0).max(YOUNGEST);
    let made = age(uses.made);
    let kept: f64 = uses.recent.iter().map(|&at| libm::pow(age(at), -decay)).sum();
    // The making is one of the uses that are not kept.
    let rest = f64::from(uses.count.saturating_sub(uses.recent.len() as u32)) + 1.0;
    let oldest = uses.recent.last().map_or(made, |&at| age(at));
    let spread = made - oldest;
    let mean = if rest > 1.0 && spread > 0.0 {
        // (made^power - oldest^power) / (power x spread), without the loss of digits where the two are close.
        let power = 1.0 - decay;
        libm::pow(oldest, power) * libm::expm1(power * libm::log1p(spread / oldest)) / (power * spread)
    } else {
        libm::pow(made, -decay)
    };
    libm::log(kept + rest * mean)
}

/// The merit of a record after a use that contributed `share` (0 to 1) to an answer, before which it was `merit`.
/// It accumulates what recalls have owed to the record and approaches 1: a running sum in the sense of synaptic
/// intelligence, bounded.
pub fn gained(merit: f32, share: f32) -> f32 {
    const RATE: f32 = 0.1;
    merit + RATE * share.clamp(0.0, 1.0) * (1.0 - merit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;
    const DAY: i64 = 86_400 * SECOND;

    fn uses(made: i64, recent: &[Timestamp], count: u32) -> Uses<'_> {
        Uses { made: Timestamp(made), count, recent }
    }

    /// The definition, with every use at hand.
    fn exact(made: i64, all: &[i64], decay: f64, now: i64) -> f64 {
        let power = |at: &i64| libm::pow(((now - at) as f64 / 1e3).max(1.0), -decay);
        libm::log(all.iter().chain([&made]).map(power).sum())
    }

    #[test]
    fn activation_of_worked_examples() {
        // One presentation 3,600 s ago: ln(3600^-0.5) = -4.0943.
        let once = activation(&uses(0, &[], 0), 0.5, 1.0, Timestamp(3_600 * SECOND));
        assert!((once + 4.094_344_562).abs() < 1e-9, "{once}");
        // Presentations 100 s and 10 s ago: ln(0.1 + 0.316227766) = -0.87652.
        let recent = [Timestamp(90 * SECOND)];
        let twice = activation(&uses(0, &recent, 1), 0.5, 1.0, Timestamp(100 * SECOND));
        assert!((twice + 0.876_522_658).abs() < 1e-6, "{twice}");
    }

    #[test]
    fn the_approximation_is_near_the_definition() {
        for spacing in [60, 3_600, 86_400] {
            let all: Vec<i64> = (1..=50).map(|n| n * spacing * SECOND).collect();
            let recent: Vec<Timestamp> = all.iter().rev().take(RECENT).map(|at| Timestamp(*at)).collect();
            let now = all[49] + 30 * SECOND;
            let near = activation(&uses(0, &recent, 50), 0.5, 1.0, Timestamp(now));
            let true_value = exact(0, &all, 0.5, now);
            assert!((near - true_value).abs() < 0.02, "{spacing}: {near} for {true_value}");
        }
    }

    #[test]
    fn an_unused_record_is_half_gone_after_a_week() {
        let retention = |days| Decay::default().retention(&uses(0, &[], 0), 0.0, Timestamp(days * DAY));
        assert!((retention(7) - 0.5).abs() < 0.01, "{}", retention(7));
        let resisting = Decay::default().retention(&uses(0, &[], 0), 0.5, Timestamp(14 * DAY));
        assert!((resisting - retention(7)).abs() < 1e-9);
        assert!(retention(0) > 0.999);
        assert!(retention(1) > 0.8 && retention(30) < 0.25 && retention(365) < 0.03);
    }

    #[test]
    fn use_strengthens_in_every_model() {
        let models = [
            Decay::default(),
            Decay::Ebbinghaus { stability: Span(DAY), gain: 1.0 },
            Decay::HalfLife { half_life: Span(DAY) },
        ];
        for model in models {
            let now = Timestamp(10 * DAY);
            let used = [Timestamp(8 * DAY)];
            let idle = model.retention(&uses(0, &[], 0), 0.0, now);
            let once = model.retention(&uses(0, &used, 1), 0.0, now);
            assert!(once > idle, "{model:?}");
            let resisting = model.retention(&uses(0, &[], 0), 0.5, now);
            assert!(resisting > idle, "{model:?}");
        }
        assert_eq!(Decay::None.retention(&uses(0, &[], 0), 0.0, Timestamp(DAY * 9_999)), 1.0);
    }

    #[test]
    fn exponential_models_of_worked_examples() {
        let half = Decay::HalfLife { half_life: Span(DAY) };
        assert!((half.retention(&uses(0, &[], 0), 0.0, Timestamp(3 * DAY)) - 0.125).abs() < 1e-12);
        // MemoryBank: S grows by one with each recall, and t starts anew: exp(-2 / 3) two days after the second.
        let bank = Decay::Ebbinghaus { stability: Span(DAY), gain: 1.0 };
        let recent = [Timestamp(5 * DAY), Timestamp(4 * DAY)];
        let left = bank.retention(&uses(0, &recent, 2), 0.0, Timestamp(7 * DAY));
        assert!((left - libm::exp(-2.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn clocks_that_run_backwards_do_no_harm() {
        let recent = [Timestamp(5 * DAY)];
        for model in [Decay::default(), Decay::HalfLife { half_life: Span(DAY) }] {
            let retention = model.retention(&uses(9 * DAY, &recent, 9), 0.3, Timestamp(0));
            assert!((0.0..=1.0).contains(&retention), "{retention}");
        }
    }

    #[test]
    fn merit_grows_towards_one() {
        let mut merit = 0.0;
        for _ in 0..100 {
            let next = gained(merit, 0.8);
            assert!(next > merit && next < 1.0);
            merit = next;
        }
        assert_eq!(gained(0.4, 0.0), 0.4);
    }
}
