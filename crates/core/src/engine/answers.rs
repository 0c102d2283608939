//! Answers that are kept for when the same is asked again.
//!
//! Invariant: a kept answer is what working it out again would give. So it is dropped once a record or a vector has
//! changed, once a record expires, with the day, which "yesterday" is counted from, and after its time. What depends on
//! uses, which every recall changes, or on the very moment is not kept. Records are read anew: uses show in them.

use std::collections::VecDeque;

use crate::config::ResultCache;
use crate::consolidate::Fnv;
use crate::engine::explain::CacheFigures;
use crate::engine::state::State;
use crate::model::{RecordField, RecordId, Scope, SortField, Timestamp};
use crate::retrieve::{Hit, Query, Why};

/// Hits of the longest answer that is kept.
const LONGEST: usize = 256;
const DAY: i64 = 86_400_000;

/// Kept answers, the one that was asked for last at the front.
#[derive(Debug)]
pub(super) struct Answers {
    limits: ResultCache,
    kept: VecDeque<Answer>,
    hits: u64,
    misses: u64,
}

#[derive(Debug)]
struct Answer {
    /// A hash of scope and query, which are compared if it is the same.
    key: u64,
    scope: Scope,
    query: Query,
    /// What the state had become.
    epoch: u64,
    /// From when to before when it holds.
    holds: [Timestamp; 2],
    hits: Vec<(RecordId, f32, Why)>,
}

impl Answers {
    /// None yet, of as many as the configuration asks for.
    pub(super) fn new(limits: ResultCache) -> Self {
        Answers { limits, kept: VecDeque::new(), hits: 0, misses: 0 }
    }

    /// The answer that is kept, or the one that `work` gives, which then is.
    pub(super) fn answer(
        &mut self,
        scope: &Scope,
        query: &Query,
        state: &State,
        now: Timestamp,
        work: impl FnOnce() -> Vec<Hit>,
    ) -> Vec<Hit> {
        if !lasts(query) {
            return work();
        }
        let key = hash(scope, query);
        let same = |kept: &Answer| kept.key == key && kept.scope == *scope && kept.query == *query;
        if let Some(kept) = self.kept.iter().position(same).and_then(|at| self.kept.remove(at))
            && kept.epoch == state.epoch
            && (kept.holds[0]..kept.holds[1]).contains(&now)
        {
            self.hits += 1;
            let read = |(id, score, why): &(RecordId, f32, Why)| {
                let record = state.store.get(*id)?.clone();
                Some(Hit { record, score: *score, why: why.clone() })
            };
            let hits = kept.hits.iter().filter_map(read).collect();
            self.kept.push_front(kept);
            return hits;
        }
        self.misses += 1;
        let hits = work();
        // Without all vectors it is not the answer yet.
        if state.vectors.as_ref().is_some_and(|index| index.is_waiting()) {
            self.misses -= 1;
            return hits;
        }
        let midnight = Timestamp((now.0.div_euclid(DAY) + 1) * DAY);
        let expiry = state.store.next_expiry(now).unwrap_or(midnight);
        if hits.len() > LONGEST {
            return hits;
        }
        self.kept.push_front(Answer {
            key,
            scope: scope.clone(),
            query: query.clone(),
            epoch: state.epoch,
            holds: [now, midnight.min(expiry).min(now + self.limits.ttl)],
            hits: hits.iter().map(|hit| (hit.record.id, hit.score, hit.why.clone())).collect(),
        });
        self.kept.truncate(self.limits.entries as usize);
        hits
    }

    /// How well it serves.
    pub(super) fn figures(&self) -> CacheFigures {
        let asked = self.hits + self.misses;
        CacheFigures {
            entries: self.kept.len(),
            hits: self.hits,
            misses: self.misses,
            hit_rate: if asked == 0 { 0.0 } else { self.hits as f64 / asked as f64 },
        }
    }
}

/// Whether the answer stays the same while no record changes, whatever is used meanwhile.
fn lasts(query: &Query) -> bool {
    let used = [RecordField::AccessCount, RecordField::LastAccess];
    let filtered = used.iter().any(|field| {
        query.filter.as_ref().is_some_and(|filter| filter.looks_at(*field))
            || query.expression.as_ref().is_some_and(|expression| expression.looks_at(*field))
    });
    let sorted =
        query.sort.is_some_and(|order| matches!(order.by, SortField::AccessCount | SortField::LastAccess));
    !filtered && !sorted && !query.weights.drift()
}

fn hash(scope: &Scope, query: &Query) -> u64 {
    let mut hash = Fnv::default();
    scope.parts().iter().for_each(|(_, part)| hash.option(*part));
    hash.text(&query.text);
    hash.number(query.limit as u64);
    for component in query.vector.iter().flatten() {
        hash.bytes(&component.to_bits().to_le_bytes());
    }
    hash.finish()
}
