//! Figures at the ends of time and number.

use std::cmp::Ordering;

use stratamem_core::policy::{Candidate, Decay, ImportanceWeights, Rule, Standing};
use stratamem_core::{Span, Timestamp};

use crate::figures::{Figures, POLICIES, alone};

#[test]
fn every_figure_is_bounded_at_the_ends_of_time_and_number() {
    const CLOCKS: [i64; 7] =
        [i64::MIN, Timestamp::MIN.0, -1, 0, 1_700_000_000_000, Timestamp::MAX.0, i64::MAX];
    let act_r = |decay, threshold, noise| Decay::ActR { decay, threshold, noise };
    let models = [
        Decay::default(),
        act_r(f64::MIN_POSITIVE, f64::MAX, f64::MIN_POSITIVE),
        act_r(1.0 - f64::EPSILON / 2.0, f64::MIN, f64::MIN_POSITIVE),
        act_r(0.5, -6.65, f64::MAX),
        Decay::Ebbinghaus { stability: Span(1), gain: 0.0 },
        Decay::Ebbinghaus { stability: Span(i64::MAX), gain: f64::MAX },
        Decay::HalfLife { half_life: Span(1) },
        Decay::HalfLife { half_life: Span(i64::MAX) },
        Decay::None,
    ];
    let all = ImportanceWeights { given: 1e6, reward: 5e-324, uses: 1e6, recency: 1e-3, surprise: 1.0 };
    let few = ImportanceWeights { given: 0.0, reward: 5e-324, uses: 0.0, recency: 0.0, surprise: 0.0 };
    let rules = [
        Rule::Never,
        Rule::Uses { at_least: 1 },
        Rule::Age { at_least: Span(1) },
        Rule::Age { at_least: Span(i64::MAX) },
        Rule::Importance { at_least: f64::MIN_POSITIVE },
        Rule::Hybrid {
            uses: 1e6,
            age: 1e-300,
            full_age: Span(i64::MAX),
            importance: 0.5,
            retention: 1e6,
            threshold: 0.001,
        },
        Rule::All(vec![Rule::Never, Rule::Age { at_least: Span(1) }]),
        Rule::Any(vec![Rule::Never, Rule::Age { at_least: Span(1) }]),
    ];
    let mut found = Vec::new();
    models.iter().for_each(|model| model.problems("decay", &mut found));
    rules.iter().for_each(|rule| rule.problems("promote", &mut found));
    [all, few].iter().for_each(|weights| weights.problems("importance", &mut found));
    assert_eq!(found, [], "all of these are allowed");

    let share = 0.0..=1.0;
    for (made, last, now) in threes(CLOCKS) {
        for (count, kept) in [(0, 0), (1, 1), (4, 4), (5, 4), (9, 0), (u32::MAX, 4)] {
            let figures = Figures {
                made,
                tier_since: last,
                count,
                recent: vec![Timestamp(last); kept],
                reward: Some(-1.0),
                surprise: Some(1.0),
                expires_at: Some(last),
                ..Figures::plain()
            };
            let (subject, now) = (figures.subject(), Timestamp(now));
            for model in models {
                for resistance in [-1.0, 0.0, 0.5, 1.0 - f64::EPSILON, 1.0, 9.0] {
                    let retention = model.retention(&subject.uses, resistance, now);
                    assert!(share.contains(&retention), "{model:?} of {figures:?}: {retention}");
                }
            }
            for importance in [all, few].map(|weights| weights.importance(&subject, now)) {
                assert!(share.contains(&importance), "{figures:?}: {importance}");
                let standing = Standing { importance, retention: 1.0 };
                for rule in &rules {
                    let score = rule.score(&subject, standing, now);
                    assert!(score >= 0.0 && score.is_finite(), "{rule:?} of {figures:?}: {score}");
                }
                for policy in POLICIES {
                    let candidate = Candidate::new(&alone(policy), &subject, standing, now);
                    assert!(candidate.figure >= 0.0 && candidate.figure.is_finite(), "{policy:?}");
                    assert_eq!((candidate.step, candidate.order(&candidate)), (0, Ordering::Equal));
                }
            }
        }
    }
}

/// Every three of some values.
fn threes(values: [i64; 7]) -> impl Iterator<Item = (i64, i64, i64)> {
    let pairs = values.into_iter().flat_map(move |a| values.map(|b| (a, b)));
    pairs.flat_map(move |(a, b)| values.map(|c| (a, b, c)))
}

#[test]
fn importance_out_of_bounds_is_brought_back() {
    let rewards = ImportanceWeights { given: 0.0, ..ImportanceWeights::default() };
    for (importance, bounded) in [(-0.5, 0.0), (1.5, 1.0)] {
        let figures = Figures { importance, ..Figures::plain() };
        assert_eq!(rewards.importance(&figures.subject(), Timestamp(0)), bounded);
    }
}
