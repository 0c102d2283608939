//! Importance: what was said about a record, and what has become of it since.

use serde::Deserialize;

use crate::model::Timestamp;
use crate::policy::Subject;

/// Uses after which the share of use is 1 - 1/e.
const MANY_USES: f64 = 5.0;
/// Idle time after which the share of recency is one half: a week.
const RECENT_MS: f64 = 7.0 * 86_400_000.0;

/// How importance is composed: a weighted mean of what is known. A part that says nothing about a record (no reward
/// was given, no surprise measured) is left out of its mean.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ImportanceWeights {
    /// Of the importance given when the record was added. Default 1.
    pub given: f64,
    /// Of the mean reward, scaled to 0..1. Default 0.5.
    pub reward: f64,
    /// Of the number of uses n, as 1 - exp(-n / 5). Default 0.
    pub uses: f64,
    /// Of the idle time, halved every week. Default 0.
    pub recency: f64,
    /// Of the surprise. Default 0.
    pub surprise: f64,
}

impl Default for ImportanceWeights {
    fn default() -> Self {
        ImportanceWeights { given: 1.0, reward: 0.5, uses: 0.0, recency: 0.0, surprise: 0.0 }
    }
}

impl ImportanceWeights {
    /// The importance of a record at `now`, 0 to 1. If nothing is known that has a weight, it is what was given.
    pub fn importance(&self, subject: &Subject<'_>, now: Timestamp) -> f64 {
        let parts = [
            (self.given, Some(subject.importance)),
            (self.reward, subject.reward.map(|reward| (reward + 1.0) / 2.0)),
            (self.uses, Some(1.0 - libm::exp(-f64::from(subject.uses.count) / MANY_USES))),
            (self.recency, Some(libm::exp2(-(subject.idle(now).0 as f64) / RECENT_MS))),
            (self.surprise, subject.surprise),
        ];
        let known = parts.iter().filter_map(|(weight, value)| Some((*weight, (*value)?)));
        mean(known).unwrap_or(subject.importance).clamp(0.0, 1.0)
    }

    /// Collects what is wrong with the weights, each with the path of the field.
    pub fn problems(&self, path: &str, found: &mut Vec<(String, String)>) {
        found.extend(self.broken().map(|(field, problem)| (format!("{path}/{field}"), problem.to_owned())));
    }

    fn broken(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let weights = [
            ("given", self.given),
            ("reward", self.reward),
            ("uses", self.uses),
            ("recency", self.recency),
            ("surprise", self.surprise),
        ];
        let nothing = weights.iter().all(|(_, weight)| *weight == 0.0);
        let out = weights.into_iter().filter(|(_, weight)| !is_weight(*weight));
        out.map(|(name, _)| (name, "must be between 0 and 1000000"))
            .chain(nothing.then_some(("given", "must not be 0 with all the others")))
    }
}

/// Whether something can count as much as `weight`.
pub(super) fn is_weight(weight: f64) -> bool {
    (0.0..=1e6).contains(&weight)
}

/// The mean of values by their weights, if anything has a weight. It lies between the least and the greatest value in
/// spite of rounding, so that a threshold which all values reach is reached by their mean.
pub(super) fn mean(parts: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
    for (weight, value) in parts.filter(|(weight, _)| *weight > 0.0) {
        sum += weight * value;
        total += weight;
        (least, greatest) = (value.min(least), value.max(greatest));
    }
    (total > 0.0).then(|| (sum / total).max(least).min(greatest))
}
