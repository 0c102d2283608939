//! Importance, against the formula as its documentation states it.

use proptest::prelude::*;
use stratamem_core::Timestamp;
use stratamem_core::policy::ImportanceWeights;

use crate::figures::{Figures, figures, weights};
use crate::{DAY, ROUNDING};

/// The formula as its documentation states it.
fn naive_importance(weights: &ImportanceWeights, figures: &Figures, now: i64) -> f64 {
    let weeks = figures.idle(now) as f64 / (7 * DAY) as f64;
    let mut parts = vec![
        (weights.given, figures.importance),
        (weights.uses, 1.0 - (-f64::from(figures.count) / 5.0).exp()),
        (weights.recency, 0.5f64.powf(weeks)),
    ];
    parts.extend(figures.reward.map(|reward| (weights.reward, reward / 2.0 + 0.5)));
    parts.extend(figures.surprise.map(|surprise| (weights.surprise, surprise)));
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    if total == 0.0 {
        return figures.importance;
    }
    parts.iter().map(|(weight, value)| weight / total * value).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn importance_is_the_mean_of_what_is_known(
        weights in weights(), figures in figures(), now in 0..90 * DAY,
    ) {
        let found = weights.importance(&figures.subject(), Timestamp(now));
        let expected = naive_importance(&weights, &figures, now);
        prop_assert!((found - expected).abs() < ROUNDING, "{found} for {expected}");
    }

    #[test]
    fn importance_never_falls_when_a_part_rises(
        weights in weights(), figures in figures(), rise in 0.0..=1.0, now in 0..90 * DAY,
    ) {
        let importance = |figures: &Figures| weights.importance(&figures.subject(), Timestamp(now));
        let before = importance(&figures);
        let towards = |value: f64| value + (1.0 - value) * rise;
        let risen = [
            Figures { importance: towards(figures.importance), ..figures.clone() },
            Figures { reward: figures.reward.map(towards), ..figures.clone() },
            Figures { surprise: figures.surprise.map(towards), ..figures.clone() },
            Figures { count: figures.count + 1, ..figures.clone() },
            Figures { recent: vec![Timestamp(now)], count: figures.count.max(1), ..figures },
        ];
        for figures in risen {
            prop_assert!(importance(&figures) >= before - ROUNDING, "{figures:?}");
        }
    }

    #[test]
    fn parts_that_agree_are_their_mean_exactly(value in 0u32..=100, given in 0.01..10.0, surprise in 0.01..10.0) {
        // So that a threshold of the same value is reached.
        let value = f64::from(value) / 100.0;
        let weights = ImportanceWeights { given, reward: 0.0, uses: 0.0, recency: 0.0, surprise };
        let figures = Figures { importance: value, surprise: Some(value), ..Figures::plain() };
        prop_assert_eq!(weights.importance(&figures.subject(), Timestamp(0)), value);
    }
}

#[test]
fn importance_of_worked_examples() {
    let at = |weights: &ImportanceWeights, figures: &Figures, now| {
        weights.importance(&figures.subject(), Timestamp(now))
    };
    let usual = ImportanceWeights::default();
    let plain = Figures { importance: 0.8, ..Figures::plain() };
    // Nothing but what was given is known, or counts.
    assert_eq!(at(&usual, &Figures { surprise: Some(0.1), count: 9, ..plain.clone() }, 99 * DAY), 0.8);
    // (1 x 0.8 + 0.5 x 0) / 1.5 after the worst rewards, (0.8 + 0.5) / 1.5 after the best.
    let rewarded = |reward| Figures { reward: Some(reward), ..plain.clone() };
    assert!((at(&usual, &rewarded(-1.0), 0) - 0.8 / 1.5).abs() < ROUNDING);
    assert!((at(&usual, &rewarded(1.0), 0) - 1.3 / 1.5).abs() < ROUNDING);
    // Recency alone: a half after an idle week, counted from the last use.
    let recency = ImportanceWeights { given: 0.0, reward: 0.0, recency: 2.0, ..usual };
    let used = Figures { count: 1, recent: vec![Timestamp(7 * DAY)], ..plain.clone() };
    assert_eq!(at(&recency, &plain, 7 * DAY), 0.5);
    assert_eq!(at(&recency, &used, 14 * DAY), 0.5);
    // Use alone: 1 - 1/e after five uses.
    let uses = ImportanceWeights { given: 0.0, reward: 0.0, uses: 1.0, ..usual };
    assert!((at(&uses, &Figures { count: 5, ..plain.clone() }, 0) - 0.632_120_559).abs() < 1e-9);
    // Only rewards count, and none was given.
    let rewards = ImportanceWeights { given: 0.0, ..usual };
    assert_eq!(at(&rewards, &plain, 0), 0.8);
    assert_eq!(at(&rewards, &rewarded(0.5), 0), 0.75);
}
