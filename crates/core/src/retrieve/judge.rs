//! What the host says of candidates: signals of its own, and a second look at the best.

use rustc_hash::FxHashMap;

use crate::model::RecordId;
use crate::retrieve::why::{Signal, SignalShare};

/// A signal of the host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// What it is called in explanations.
    pub name: String,
    /// 0 (none) to 1 (as much as the searches).
    pub weight: f32,
    /// The score of each record, 0 to 1. Records that are not there have 0.
    pub scores: FxHashMap<RecordId, f32>,
}

/// What a reranker of the host, such as a cross-encoder, says of the best candidates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reranking {
    /// 0 (none) to 1: nothing else counts.
    pub weight: f32,
    /// The score of each record, on any scale. Records that are not there come after all others.
    pub scores: FxHashMap<RecordId, f32>,
}

impl Judgement {
    /// What is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let share = |number: &f32| (0.0..=1.0).contains(number);
        if !share(&self.weight) {
            return Some("must have a weight between 0 and 1");
        }
        (!self.scores.values().all(share)).then_some("must have scores between 0 and 1")
    }

    /// What it says of a record.
    pub(crate) fn score(&self, id: RecordId) -> f32 {
        self.scores.get(&id).copied().unwrap_or(0.0)
    }

    /// The same for an explanation; `whole` is what a weight of 1 and a score of 1 add.
    pub(crate) fn share(&self, id: RecordId, whole: f32) -> Option<SignalShare> {
        let score = self.score(id);
        (score * self.weight > 0.0).then(|| SignalShare {
            signal: Signal::Own,
            name: Some(self.name.clone()),
            rank: None,
            score,
            contribution: score * self.weight * whole,
            weight: self.weight,
            terms: Vec::new(),
        })
    }
}

impl Reranking {
    /// What is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if !(0.0..=1.0).contains(&self.weight) {
            return Some("must have a weight between 0 and 1");
        }
        (!self.scores.values().all(|score| score.is_finite())).then_some("must have finite scores")
    }

    /// Mixes its scores into those of the candidates.
    pub(crate) fn mix(&self, scale: Scale, scored: &mut [(f32, RecordId, usize)]) {
        for hit in scored {
            hit.0 = hit.0 * (1.0 - self.weight) + scale.of(self.scores.get(&hit.1));
        }
    }

    /// How its scores are spread over candidates whose best is first; nothing if it speaks of none of them.
    pub(crate) fn scale(&self, scored: &[(f32, RecordId, usize)]) -> Option<Scale> {
        let known = || scored.iter().filter_map(|hit| self.scores.get(&hit.1).copied());
        let least = known().reduce(f32::min)?;
        let reach = known().fold(least, f32::max) - least;
        let top = self.weight * scored.first()?.0;
        // Whoever is spoken of is above those who are not.
        Some(Scale { least, reach, floor: 0.1 * top, room: 0.9 * top })
    }

    /// What it adds to a score, for an explanation.
    pub(crate) fn share(&self, id: RecordId, scale: Scale) -> Option<SignalShare> {
        let score = self.scores.get(&id)?;
        Some(SignalShare {
            signal: Signal::Rerank,
            name: None,
            rank: None,
            score: *score,
            contribution: scale.of(Some(score)),
            weight: self.weight,
            terms: Vec::new(),
        })
    }
}

/// From the scores of a reranker to what they add.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    least: f32,
    reach: f32,
    floor: f32,
    room: f32,
}

impl Scale {
    fn of(self, score: Option<&f32>) -> f32 {
        score.map_or(0.0, |score| {
            let share = if self.reach > 0.0 { (score - self.least) / self.reach } else { 1.0 };
            self.floor + self.room * share
        })
    }
}
