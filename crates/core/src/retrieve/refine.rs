//! Signals beside the two searches: each looks at a candidate and answers a score from 0 to 1.

use rustc_hash::FxHashMap;

use crate::model::{Scope, Timestamp};
use crate::policy::Standing;
use crate::retrieve::brevity::Brevity;
use crate::retrieve::form;
use crate::retrieve::neighbourhood::Candidate;
use crate::retrieve::period::day_of;
use crate::retrieve::query::Weights;
use crate::retrieve::question::Question;
use crate::retrieve::why::Signal;

/// The signals in the order of their weights, from the second weight on.
pub(crate) const SIGNALS: [Signal; 8] = [
    Signal::Session,
    Signal::Actor,
    Signal::Time,
    Signal::Form,
    Signal::Answer,
    Signal::Recency,
    Signal::Importance,
    Signal::Retention,
];

/// What each signal says of a candidate.
pub(crate) type Scores = [f32; SIGNALS.len()];

/// What all signals say of all candidates, and the weights of those that have something to say.
pub(crate) struct Refined {
    pub(crate) scores: Vec<Scores>,
    pub(crate) weights: Scores,
}

/// Whoever asks for several things wants those of the named actor, from wherever they are: the actor counts so much
/// more, session and context so much less.
const SEVERAL: f32 = 3.0;
const SEVERAL_PLACES: f32 = 0.5;
/// A record this many times as long as the mean has as much in it as a form can show.
const LONG: f32 = 3.0;
/// Days in which recency halves.
const HALF_LIFE: f32 = 30.0;

/// What the signals need to know.
pub(crate) struct Refinement<'q> {
    question: Option<&'q Question<'q>>,
    now: Timestamp,
    weights: Scores,
    /// Weight of what was said around a record.
    pub(crate) context: f32,
}

impl<'q> Refinement<'q> {
    /// For a question, if there is one in words, seen from `now`, about items as brief as that.
    pub(crate) fn new(
        question: Option<&'q Question<'q>>,
        weights: &Weights,
        now: Timestamp,
        brevity: Brevity,
    ) -> Self {
        let several = question.is_some_and(|question| question.wants_several);
        let mut own: Scores = std::array::from_fn(|at| weights.0[at + 1]);
        let mut context = weights.context();
        if several {
            own[0] *= SEVERAL_PLACES;
            own[1] *= SEVERAL;
            context *= SEVERAL_PLACES;
        }
        let asks = |of: fn(&Question<'_>) -> bool| question.is_some_and(of);
        if !asks(|question| question.period.is_some()) {
            own[2] = 0.0;
        }
        own[3] *= brevity.of_turns();
        own[4] *= brevity.of_turns();
        if question.is_none() {
            own[3] = 0.0;
        }
        if !asks(|question| question.wants_time || question.wants_number) {
            own[4] = 0.0;
        }
        Refinement { question, now, weights: own, context }
    }

    /// The weight of a date named in the question, if there is one.
    pub(crate) fn time(&self) -> f32 {
        self.weights[2]
    }

    /// How near a moment is to the date named in the question.
    pub(crate) fn closeness(&self, at: Timestamp) -> f32 {
        let period = self.question.and_then(|question| question.period);
        period.map_or(0.0, |period| period.closeness(day_of(at)))
    }

    /// The scores of the candidates. `relevance` is what the searches and the context have made of each candidate, `lengths` its length in mean lengths.
    pub(crate) fn scores(
        &self,
        candidates: &[Candidate<'_>],
        relevance: &[f32],
        lengths: &[f32],
        questions: &[bool],
        standing: &dyn Fn(&Candidate<'_>) -> Standing,
    ) -> Refined {
        let mut weights = self.weights;
        let best =
            if weights[0] > 0.0 { best_of_sessions(candidates, relevance) } else { FxHashMap::default() };
        // Actors are few: each name is compared once.
        let mut actors: Vec<(&str, bool)> = Vec::new();
        let mut scores = Vec::with_capacity(candidates.len());
        for (at, candidate) in candidates.iter().enumerate() {
            let record = candidate.record;
            let mut own = Scores::default();
            if let Some([first, second]) = best.get(&record.scope) {
                own[0] = (first + second) / 2.0;
            }
            if let (Some(question), Some(actor)) = (self.question, record.actor.as_deref())
                && weights[1] > 0.0
            {
                let known = actors.iter().find(|(name, _)| *name == actor).map(|(_, named)| *named);
                let named = known.unwrap_or_else(|| {
                    let named = question.names(actor);
                    actors.push((actor, named));
                    named
                });
                own[1] = f32::from(u8::from(named));
            }
            if weights[2] > 0.0 {
                own[2] = self.closeness(record.occurred_at);
            }
            if weights[3] > 0.0 {
                let statement = f32::from(u8::from(!questions[at]));
                own[3] = (statement + (lengths[at].min(LONG) / LONG).sqrt()) / 2.0;
            }
            if weights[4] > 0.0
                && let Some(question) = self.question
            {
                let found = question.wants_time && form::names_time(&record.text)
                    || question.wants_number && form::names_number(&record.text);
                own[4] = f32::from(u8::from(found));
            }
            if weights[5] > 0.0 {
                let days = self.now.since(record.occurred_at).0 as f32 / 86_400_000.0;
                own[5] = libm::exp2f(-days / HALF_LIFE);
            }
            if weights[6] + weights[7] > 0.0 {
                let Standing { importance, retention } = standing(candidate);
                (own[6], own[7]) = (importance as f32, retention as f32);
            }
            scores.push(own);
        }
        if best.is_empty() {
            weights[0] = 0.0;
        }
        if !actors.iter().any(|(_, named)| *named) {
            weights[1] = 0.0;
        }
        Refined { scores, weights }
    }
}

/// The two greatest relevances in each session.
fn best_of_sessions<'a>(candidates: &[Candidate<'a>], relevance: &[f32]) -> FxHashMap<&'a Scope, [f32; 2]> {
    let mut best: FxHashMap<&Scope, [f32; 2]> = FxHashMap::default();
    for (candidate, relevance) in candidates.iter().zip(relevance) {
        if candidate.record.scope.session.is_some() {
            let [first, second] = best.entry(&candidate.record.scope).or_default();
            if relevance > first {
                (*second, *first) = (*first, *relevance);
            } else if relevance > second {
                *second = *relevance;
            }
        }
    }
    best
}
