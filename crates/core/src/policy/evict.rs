//! Eviction: who has to leave a tier that is too full.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::model::{RecordId, Timestamp};
use crate::policy::{Standing, Subject};

/// By which figure records leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvictionPolicy {
    /// Longest unused first.
    Lru,
    /// Least often used first; among equals the longest unused.
    Lfu,
    /// Longest in the tier first.
    Fifo,
    /// Soonest to expire first; records that do not expire are not concerned.
    Ttl,
    /// Least important first.
    LowImportance,
    /// Least retained first.
    LowActivation,
    /// Oldest first.
    Age,
    /// By time in the tier x (1 - importance), highest first: what has been there long and matters little.
    Pressure,
    /// Least [`worth`] first: what has faded, and a little sooner what matters little. Importance is a guess made
    /// beforehand, use is evidence.
    LowWorth,
    /// What a policy of the host answers, highest first. Cannot be configured (see [`crate::Engine::rank`]).
    #[serde(skip_deserializing)]
    Custom,
}

/// One policy, and whom it concerns.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvictionStep {
    /// The figure.
    pub policy: EvictionPolicy,
    /// Concerns only records whose figure is below this.
    #[serde(default)]
    pub below: Option<f64>,
    /// Concerns only records whose figure is above this.
    #[serde(default)]
    pub above: Option<f64>,
    /// Concerns only records of this kind.
    #[serde(default)]
    pub kind: Option<String>,
}

/// A record that may have to leave, with how urgent that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Which.
    pub id: RecordId,
    /// The step that concerns it.
    pub step: usize,
    /// The policy of that step, if one does.
    pub policy: Option<EvictionPolicy>,
    /// Its figure.
    pub figure: f64,
    /// How urgently it should leave, within its step.
    urgency: (f64, f64),
}

/// What a record is worth keeping: retention x (0.75 + 0.25 x importance), 0 to 1.
pub fn worth(standing: Standing) -> f64 {
    standing.retention * (0.75 + 0.25 * standing.importance)
}

impl EvictionPolicy {
    /// The figure of a record: milliseconds, uses, or a share between 0 and 1. Nothing if the policy does not concern
    /// the record.
    pub fn figure(self, subject: &Subject<'_>, standing: Standing, now: Timestamp) -> Option<f64> {
        Some(match self {
            EvictionPolicy::Lru => subject.idle(now).0 as f64,
            EvictionPolicy::Lfu => f64::from(subject.uses.count),
            EvictionPolicy::Fifo => subject.residence(now).0 as f64,
            EvictionPolicy::Ttl => subject.expires_at?.since(now).0 as f64,
            EvictionPolicy::LowImportance => standing.importance,
            EvictionPolicy::LowActivation => standing.retention,
            EvictionPolicy::Age => subject.age(now).0 as f64,
            EvictionPolicy::Pressure => subject.residence(now).0 as f64 * (1.0 - standing.importance),
            EvictionPolicy::LowWorth => worth(standing),
            EvictionPolicy::Custom => return None,
        })
    }

    /// Whether a low figure leaves first.
    fn lowest_first(self) -> bool {
        matches!(
            self,
            EvictionPolicy::Lfu
                | EvictionPolicy::Ttl
                | EvictionPolicy::LowImportance
                | EvictionPolicy::LowActivation
                | EvictionPolicy::LowWorth
        )
    }
}

impl EvictionStep {
    /// Collects what is wrong with the step, each with the path of the field.
    pub fn problems(&self, path: &str, found: &mut Vec<(String, String)>) {
        for (field, limit) in [("below", self.below), ("above", self.above)] {
            if limit.is_some_and(|limit| !limit.is_finite()) {
                found.push((format!("{path}/{field}"), "must be a finite number".to_owned()));
            }
        }
    }
}

impl Candidate {
    /// The place of a record in the queue that `steps` describe: it belongs to the first step that concerns it.
    /// Records that no step concerns come last, longest unused first.
    pub fn new(
        steps: &[EvictionStep],
        subject: &Subject<'_>,
        standing: Standing,
        now: Timestamp,
    ) -> Candidate {
        let idle = subject.idle(now).0 as f64;
        for (step, EvictionStep { policy, below, above, kind }) in steps.iter().enumerate() {
            if kind.as_deref().is_some_and(|kind| kind != subject.kind) {
                continue;
            }
            let Some(figure) = policy.figure(subject, standing, now) else { continue };
            if below.is_some_and(|limit| figure >= limit) || above.is_some_and(|limit| figure <= limit) {
                continue;
            }
            // Not -figure, which would tell 0 from -0.
            let urgency = if policy.lowest_first() { 0.0 - figure } else { figure };
            return Candidate {
                id: subject.id,
                step,
                policy: Some(*policy),
                figure,
                urgency: (urgency, idle),
            };
        }
        Candidate { id: subject.id, step: steps.len(), policy: None, figure: idle, urgency: (idle, idle) }
    }

    /// A record to which a policy of the host has given `urgency`, which is not NaN.
    pub fn custom(id: RecordId, urgency: f64) -> Candidate {
        // Plus 0, so that 0 and -0 are the same.
        let urgency = urgency + 0.0;
        Candidate {
            id,
            step: 0,
            policy: Some(EvictionPolicy::Custom),
            figure: urgency,
            urgency: (urgency, 0.0),
        }
    }

    /// The order of leaving: first to leave is least. Ties go to the older id.
    pub fn order(&self, other: &Candidate) -> Ordering {
        self.step
            .cmp(&other.step)
            .then(other.urgency.0.total_cmp(&self.urgency.0))
            .then(other.urgency.1.total_cmp(&self.urgency.1))
            .then(self.id.cmp(&other.id))
    }
}
