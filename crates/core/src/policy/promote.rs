//! Promotion and demotion: which records have earned a more durable place, and which have lost it.

use serde::Deserialize;

use crate::model::{Span, Timestamp};
use crate::policy::Subject;
use crate::policy::importance::{is_weight, mean};

/// A mean that falls short of its threshold by less than this share reaches it: rounding decides nothing.
const ROUNDING: f64 = 1e-12;
/// Uses that count as full frequency in a hybrid, to 1 - 1/e.
const MANY_USES: f64 = 3.0;

/// When a record has earned the next tier.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Rule {
    /// Not by itself.
    Never,
    /// Used often enough.
    Uses {
        /// At least this often.
        at_least: u32,
    },
    /// Long enough in its tier.
    Age {
        /// At least this long, in milliseconds.
        at_least: Span,
    },
    /// Important enough.
    Importance {
        /// At least this, 0 to 1.
        at_least: f64,
    },
    /// Still well retained.
    Retention {
        /// At least this, 0 to 1.
        at_least: f64,
    },
    /// A weighted mean of frequency (1 - exp(-uses / 3)), time in the tier (as a share of `full_age`, up to 1),
    /// importance and retention.
    Hybrid {
        /// Weight of the frequency.
        #[serde(default)]
        uses: f64,
        /// Weight of the time in the tier.
        #[serde(default)]
        age: f64,
        /// Time in the tier that counts fully.
        #[serde(default = "a_day")]
        full_age: Span,
        /// Weight of the importance.
        #[serde(default)]
        importance: f64,
        /// Weight of the retention.
        #[serde(default)]
        retention: f64,
        /// The mean that is enough, 0 to 1.
        threshold: f64,
    },
    /// Every one of these.
    All(Vec<Rule>),
    /// At least one of these.
    Any(Vec<Rule>),
}

fn a_day() -> Span {
    Span(86_400_000)
}

/// What policies work out of a subject once, for every rule to use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Importance now, 0 to 1.
    pub importance: f64,
    /// Retention now, 0 to 1.
    pub retention: f64,
}

impl Rule {
    /// How far a record fulfils the rule: 1 and more is enough.
    pub fn score(&self, subject: &Subject<'_>, standing: Standing, now: Timestamp) -> f64 {
        let share = |value: f64, enough: f64| if enough > 0.0 { value / enough } else { 1.0 };
        match self {
            Rule::Never => 0.0,
            Rule::Uses { at_least } => share(f64::from(subject.uses.count), f64::from(*at_least)),
            Rule::Age { at_least } => share(subject.residence(now).0 as f64, at_least.0 as f64),
            Rule::Importance { at_least } => share(standing.importance, *at_least),
            Rule::Retention { at_least } => share(standing.retention, *at_least),
            Rule::Hybrid { uses, age, full_age, importance, retention, threshold } => {
                let frequency = 1.0 - libm::exp(-f64::from(subject.uses.count) / MANY_USES);
                let residence = share(subject.residence(now).0 as f64, full_age.0 as f64).min(1.0);
                let parts = [
                    (*uses, frequency),
                    (*age, residence),
                    (*importance, standing.importance),
                    (*retention, standing.retention),
                ];
                let reached = share(mean(parts.into_iter()).unwrap_or(0.0), *threshold);
                if reached < 1.0 && reached > 1.0 - ROUNDING { 1.0 } else { reached }
            }
            Rule::All(rules) => {
                rules.iter().map(|rule| rule.score(subject, standing, now)).fold(f64::INFINITY, f64::min)
            }
            Rule::Any(rules) => {
                rules.iter().map(|rule| rule.score(subject, standing, now)).fold(0.0, f64::max)
            }
        }
    }

    /// Whether the passing of time alone can make a record fulfil the rule.
    pub fn ripens(&self) -> bool {
        match self {
            Rule::Never | Rule::Uses { .. } | Rule::Importance { .. } | Rule::Retention { .. } => false,
            Rule::Age { .. } => true,
            Rule::Hybrid { age, .. } => *age > 0.0,
            Rule::All(rules) | Rule::Any(rules) => rules.iter().any(Rule::ripens),
        }
    }

    /// Collects what is wrong with the rule, each with the path of the field.
    pub fn problems(&self, path: &str, found: &mut Vec<(String, String)>) {
        const SHARE: &str = "must be more than 0 and at most 1";
        let is_share = |value: f64| value > 0.0 && value <= 1.0;
        let mut check = |holds: bool, field: &str, problem: &str| {
            if !holds {
                found.push((format!("{path}/{field}"), problem.to_owned()));
            }
        };
        match self {
            Rule::Never => {}
            Rule::Uses { at_least } => check(*at_least > 0, "uses/atLeast", "must be at least 1"),
            Rule::Age { at_least } => check(at_least.0 > 0, "age/atLeast", "must be more than 0 ms"),
            Rule::Importance { at_least } => check(is_share(*at_least), "importance/atLeast", SHARE),
            Rule::Retention { at_least } => check(is_share(*at_least), "retention/atLeast", SHARE),
            Rule::Hybrid { uses, age, full_age, importance, retention, threshold } => {
                let weights =
                    [("uses", uses), ("age", age), ("importance", importance), ("retention", retention)];
                for (name, weight) in weights {
                    check(is_weight(*weight), &format!("hybrid/{name}"), "must be between 0 and 1000000");
                }
                let nothing = weights.iter().all(|(_, weight)| **weight == 0.0);
                check(!nothing, "hybrid", "must have a weight that is not 0");
                check(full_age.0 > 0, "hybrid/fullAge", "must be more than 0 ms");
                check(is_share(*threshold), "hybrid/threshold", SHARE);
            }
            Rule::All(rules) => several(rules, &format!("{path}/all"), found),
            Rule::Any(rules) => several(rules, &format!("{path}/any"), found),
        }
    }
}

fn several(rules: &[Rule], path: &str, found: &mut Vec<(String, String)>) {
    if rules.is_empty() {
        found.push((path.to_owned(), "must not be empty".to_owned()));
    }
    for (index, rule) in rules.iter().enumerate() {
        rule.problems(&format!("{path}/{index}"), found);
    }
}
