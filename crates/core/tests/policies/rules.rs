//! Rules of promotion. All figures are whole numbers of hundredths, so that the reference has no rounding.

use proptest::prelude::*;
use stratamem_core::policy::{Rule, Standing};
use stratamem_core::{Span, Timestamp};

use crate::figures::{Figures, figures, weights};
use crate::past::{gap, model};
use crate::{DAY, ROUNDING};

/// What rules look at; shares in hundredths.
#[derive(Debug, Clone, Copy)]
struct Facts {
    uses: u32,
    residence: i64,
    importance: i64,
    retention: i64,
}

/// Time in the tier that counts fully in the hybrids of these tests.
const FULL_AGE: i64 = 100;

fn share(hundredths: i64) -> f64 {
    hundredths as f64 / 100.0
}

impl Facts {
    fn score(self, rule: &Rule) -> f64 {
        // Older than its time in the tier, which alone counts.
        let figures = Figures { count: self.uses, made: -DAY, ..Figures::plain() };
        let standing = Standing { importance: share(self.importance), retention: share(self.retention) };
        rule.score(&figures.subject(), standing, Timestamp(self.residence))
    }

    /// Whether the rule is fulfilled.
    fn fulfil(self, rule: &Naive) -> bool {
        match rule {
            Naive::Never => false,
            Naive::Uses(least) => self.uses >= *least,
            Naive::Age(least) => self.residence >= *least,
            Naive::Importance(least) => self.importance >= *least,
            Naive::Retention(least) => self.retention >= *least,
            Naive::Hybrid([age, importance, retention], threshold) => {
                let residence = self.residence.min(FULL_AGE);
                let sum = age * residence + importance * self.importance + retention * self.retention;
                sum >= threshold * (age + importance + retention)
            }
            Naive::All(rules) => rules.iter().all(|rule| self.fulfil(rule)),
            Naive::Any(rules) => rules.iter().any(|rule| self.fulfil(rule)),
        }
    }
}

/// A rule in whole numbers.
#[derive(Debug, Clone)]
enum Naive {
    Never,
    Uses(u32),
    Age(i64),
    Importance(i64),
    Retention(i64),
    Hybrid([i64; 3], i64),
    All(Vec<Naive>),
    Any(Vec<Naive>),
}

impl Naive {
    fn rule(&self) -> Rule {
        match self {
            Naive::Never => Rule::Never,
            Naive::Uses(least) => Rule::Uses { at_least: *least },
            Naive::Age(least) => Rule::Age { at_least: Span(*least) },
            Naive::Importance(least) => Rule::Importance { at_least: share(*least) },
            Naive::Retention(least) => Rule::Retention { at_least: share(*least) },
            Naive::Hybrid(weights, threshold) => {
                let [age, importance, retention] = weights.map(|weight| weight as f64 / 10.0);
                let full_age = Span(FULL_AGE);
                Rule::Hybrid { uses: 0.0, age, full_age, importance, retention, threshold: share(*threshold) }
            }
            Naive::All(rules) => Rule::All(rules.iter().map(Naive::rule).collect()),
            Naive::Any(rules) => Rule::Any(rules.iter().map(Naive::rule).collect()),
        }
    }
}

fn facts() -> impl Strategy<Value = Facts> {
    (0u32..8, 0i64..150, 0i64..=100, 0i64..=100).prop_map(|(uses, residence, importance, retention)| Facts {
        uses,
        residence,
        importance,
        retention,
    })
}

fn naive_rule() -> impl Strategy<Value = Naive> {
    let leaf = prop_oneof![
        1 => Just(Naive::Never),
        3 => (1u32..8).prop_map(Naive::Uses),
        3 => (1i64..150).prop_map(Naive::Age),
        3 => (1i64..=100).prop_map(Naive::Importance),
        3 => (1i64..=100).prop_map(Naive::Retention),
        3 => naive_hybrid(),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Naive::All),
            prop::collection::vec(inner, 1..4).prop_map(Naive::Any),
        ]
    })
}

fn naive_hybrid() -> impl Strategy<Value = Naive> {
    (0i64..=10, 0i64..=10, 1i64..=10, 1i64..=100)
        .prop_map(|(age, importance, retention, least)| Naive::Hybrid([age, importance, retention], least))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn a_score_of_one_is_a_fulfilled_rule(naive in naive_rule(), facts in facts()) {
        let score = facts.score(&naive.rule());
        prop_assert!(score >= 0.0 && score.is_finite());
        prop_assert_eq!(score >= 1.0, facts.fulfil(&naive), "{}", score);
    }

    #[test]
    fn hybrids_are_exact_at_their_threshold(naive in naive_hybrid(), facts in facts()) {
        // The threshold is put where the mean is, if that is a whole number of hundredths, and just above.
        let Naive::Hybrid(weights, _) = naive else { unreachable!("a hybrid") };
        let [age, importance, retention] = weights;
        let total = age + importance + retention;
        let sum = age * facts.residence.min(FULL_AGE)
            + importance * facts.importance
            + retention * facts.retention;
        for threshold in [sum / total, sum / total + 1] {
            if (1..=100).contains(&threshold) {
                let score = facts.score(&Naive::Hybrid(weights, threshold).rule());
                prop_assert_eq!(score >= 1.0, sum >= threshold * total, "{}", score);
                let mean = sum as f64 / total as f64;
                prop_assert!((score - mean / threshold as f64).abs() < 1e-11, "{}", score);
            }
        }
    }

    #[test]
    fn all_is_the_least_and_any_the_greatest(
        parts in prop::collection::vec(naive_rule(), 1..5), facts in facts(),
    ) {
        let rules: Vec<Rule> = parts.iter().map(Naive::rule).collect();
        let mut scores: Vec<f64> = rules.iter().map(|rule| facts.score(rule)).collect();
        scores.sort_by(f64::total_cmp);
        prop_assert_eq!(facts.score(&Rule::All(rules.clone())), scores[0]);
        prop_assert_eq!(facts.score(&Rule::Any(rules)), scores[scores.len() - 1]);
    }

    #[test]
    fn scores_never_fall_when_a_figure_rises(naive in naive_rule(), facts in facts(), rise in 1i64..50) {
        let rule = naive.rule();
        let before = facts.score(&rule);
        let risen = [
            Facts { uses: facts.uses + rise as u32, ..facts },
            Facts { residence: facts.residence + rise, ..facts },
            Facts { importance: facts.importance + rise, ..facts },
            Facts { retention: facts.retention + rise, ..facts },
        ];
        for facts in risen {
            prop_assert!(facts.score(&rule) >= before - ROUNDING, "{facts:?}");
        }
    }

    #[test]
    fn only_rules_that_ripen_are_fulfilled_by_time_alone(
        naive in naive_rule(), weights in weights(), figures in figures(), model in model(),
        now in 0..90 * DAY, later in gap(),
    ) {
        let rule = naive.rule();
        let subject = figures.subject();
        let score = |now: i64| {
            let now = Timestamp(now);
            let standing = Standing {
                importance: weights.importance(&subject, now),
                retention: model.retention(&subject.uses, 0.0, now),
            };
            rule.score(&subject, standing, now)
        };
        let rises = score(now + later) > score(now) + 1e-9;
        prop_assert!(!rises || rule.ripens());
    }
}

#[test]
fn rules_that_ripen_say_so() {
    let hybrid = |age| Rule::Hybrid {
        uses: 1.0,
        age,
        full_age: Span(DAY),
        importance: 1.0,
        retention: 1.0,
        threshold: 0.5,
    };
    let age = || Rule::Age { at_least: Span(1) };
    let uses = || Rule::Uses { at_least: 1 };
    let ripening = [age(), hybrid(0.1), Rule::All(vec![uses(), age()]), Rule::Any(vec![uses(), age()])];
    let others = [
        Rule::Never,
        uses(),
        Rule::Importance { at_least: 0.5 },
        Rule::Retention { at_least: 0.5 },
        hybrid(0.0),
        Rule::All(vec![uses(), hybrid(0.0)]),
        Rule::Any(vec![uses(), Rule::Never]),
    ];
    assert!(ripening.iter().all(Rule::ripens));
    assert!(!others.iter().any(Rule::ripens));
}

#[test]
fn rules_of_worked_examples() {
    let facts = Facts { uses: 3, residence: 50, importance: 70, retention: 40 };
    let frequency = Rule::Hybrid {
        uses: 1.0,
        age: 0.0,
        full_age: Span(FULL_AGE),
        importance: 0.0,
        retention: 0.0,
        threshold: 0.5,
    };
    let cases = [
        (Rule::Uses { at_least: 6 }, 0.5),
        (Rule::Age { at_least: Span(200) }, 0.25),
        (Rule::Importance { at_least: 0.7 }, 1.0),
        (Rule::Retention { at_least: 0.8 }, 0.5),
        // (1 - 1/e) / 0.5 after three uses.
        (frequency, 1.264_241_117),
        // (0.2 x 0.5 + 0.4 x 0.7 + 0.2 x 0.4) / 0.8 is 0.575; that / 0.46.
        (Naive::Hybrid([2, 4, 2], 46).rule(), 1.25),
    ];
    for (rule, value) in cases {
        let score = facts.score(&rule);
        assert!((score - value).abs() < 1e-8, "{rule:?}: {score}");
    }
    // One weight alone: the threshold is met by its own value, whatever the weight.
    for weight in [0.1, 0.3, 0.4, 0.7, 1e-3, 1e6] {
        let (age, retention) = (0.0, 0.0);
        let full_age = Span(1);
        let rule = Rule::Hybrid { uses: 0.0, age, full_age, importance: weight, retention, threshold: 0.7 };
        assert_eq!(facts.score(&rule), 1.0, "{weight}");
    }
}

#[test]
fn thresholds_of_long_times_and_many_uses_are_exact() {
    // The longest time a record can spend in a tier, from the year 1 to the year 9999.
    let longest = Timestamp::MAX.since(Timestamp::MIN).0;
    for least in [1, DAY, 365 * DAY, longest - 1, longest] {
        let rule = Rule::Age { at_least: Span(least) };
        for (residence, enough) in [(least - 1, false), (least, true), (least + 1, true)] {
            let facts = Facts { uses: 0, residence, importance: 0, retention: 0 };
            assert_eq!(facts.score(&rule) >= 1.0, enough, "{residence} of {least}");
        }
    }
    for least in [1, 2, 3, 1_000, u32::MAX - 1, u32::MAX] {
        let rule = Rule::Uses { at_least: least };
        let fulfils = |uses| Facts { uses, residence: 0, importance: 0, retention: 0 }.score(&rule) >= 1.0;
        assert!(!fulfils(least - 1) && fulfils(least), "{least}");
    }
}
