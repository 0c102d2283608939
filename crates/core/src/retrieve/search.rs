//! The two searches: what each of them proposes, and what it says of what the other one has proposed.

use std::borrow::Cow;

use crate::index::text::{KeywordHits, KeywordQuery};
use crate::index::vector::{DEFAULT_RECALL, Probe, VectorIndex, Wanted, Way};
use crate::index::{Slot, SlotSet};
use crate::model::{Metric, RecordId};
use crate::retrieve::brevity::Brevity;
use crate::retrieve::condition::Demand;
use crate::retrieve::fuse::{Opinion, Range};
use crate::retrieve::neighbourhood::{self, Candidate};
use crate::retrieve::query::Query;
use crate::retrieve::question::Question;
use crate::retrieve::recall::Sources;
use crate::retrieve::refine::Refinement;
use crate::retrieve::why::{Signal, SkippedSignal};

/// A question and the records that it is put to.
pub(crate) struct Ground<'a> {
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) query: &'a Query,
    /// What an expression asks of records, if there is one.
    pub(crate) demand: Option<&'a Demand<'a>>,
    /// The slots that the view sees, and those of them that may be found.
    pub(crate) visible: &'a SlotSet,
    pub(crate) allowed: &'a SlotSet,
    /// Whether nothing else exists than what the view sees.
    pub(crate) whole: bool,
    /// The slot of the record to look for the like of.
    pub(crate) like: Option<Slot>,
}

/// A slot that a search has proposed, with what the searches (dense, keyword) say of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proposal {
    pub(crate) slot: Slot,
    pub(crate) opinions: [Option<Opinion>; 2],
}

/// What both searches have found.
pub(crate) struct Searches<'a> {
    dense: Option<Dense<'a>>,
    keyword: Option<Range>,
    /// What keyword search made of all, as long as it goes by the words that it has searched with.
    found: Option<KeywordHits>,
    /// The words that keyword search goes by.
    pub(crate) terms: KeywordQuery,
    /// What the searches (dense, keyword) count, and the ranges of their scores.
    pub(crate) shares: [f32; 2],
    pub(crate) ranges: [Range; 2],
    /// Searches that could say nothing.
    pub(crate) skipped: Vec<SkippedSignal>,
}

/// What the dense search found.
struct Dense<'a> {
    probe: Probe,
    index: &'a dyn VectorIndex,
    range: Range,
    way: Way,
}

impl Ground<'_> {
    /// The hits of earlier pages are candidates like all others, so that scores go on where they were.
    fn reached(&self) -> usize {
        self.query.pool.unwrap_or(self.query.limit) + self.query.without.len()
    }

    /// Candidates that each search proposes: more than are asked for where anything else can change their order.
    pub(crate) fn depth(&self) -> usize {
        if self.query.goes_by_vector() { self.reached() } else { self.reached().saturating_mul(4).max(128) }
    }

    /// The most of them that go on from there.
    fn breadth(&self) -> usize {
        self.reached().saturating_mul(2).max(64)
    }

    /// Slots say nothing about age: an update or a compaction gives a record a new one.
    fn id(&self, slot: Slot) -> RecordId {
        self.sources.store.id(slot).unwrap_or(RecordId(u128::MAX))
    }

    /// The terms of a text, weighed among what the view sees.
    pub(crate) fn words(&self, text: &str) -> KeywordQuery {
        let statistics = (!self.whole).then_some(self.visible);
        self.sources.text.query(text, statistics, self.sources.bm25)
    }

    /// Adds the patterns that the expression asks for.
    fn add_patterns(&self, terms: &mut KeywordQuery) {
        self.demand.iter().flat_map(|demand| &demand.found).for_each(|found| terms.add(found.clone()));
    }

    /// The latest of what fulfils the condition, where no words stand beside it: then each is an answer, if the last one.
    fn fulfilling(&self) -> Vec<Slot> {
        let place =
            |slot| self.sources.store.record(slot).map(|record| (record.occurred_at, record.id, slot));
        let mut latest: Vec<_> = self.allowed.iter().filter_map(place).collect();
        let depth = self.depth();
        if latest.len() > depth {
            latest.select_nth_unstable_by(depth - 1, |a, b| b.cmp(a));
            latest.truncate(depth);
        }
        latest.into_iter().map(|(.., slot)| slot).collect()
    }
}

impl<'a> Searches<'a> {
    /// Runs both. `words` are those of the question. Answers what they propose, in the order of slots.
    pub(crate) fn run(ground: &Ground<'a>, words: KeywordQuery, brevity: Brevity) -> (Self, Vec<Proposal>) {
        let mut skipped = Vec::new();
        let mut proposed = Vec::new();
        let dense = dense(ground, &mut proposed, &mut skipped);
        let (terms, found, keyword) = keyword(ground, words, &mut proposed, &mut skipped);
        let unheard = |slot| Proposal { slot, opinions: [None; 2] };
        if ground.demand.is_some_and(|demand| demand.decides) {
            proposed.extend(ground.fulfilling().into_iter().map(unheard));
        }
        // What stands beside the record itself in its session is near it, too.
        proposed.extend(ground.like.map(unheard));
        proposed.sort_unstable_by_key(|proposal| proposal.slot);
        proposed.dedup_by(|later, kept| {
            let same = later.slot == kept.slot;
            if same {
                kept.opinions =
                    [kept.opinions[0].or(later.opinions[0]), kept.opinions[1].or(later.opinions[1])];
            }
            same
        });
        let none = Range { floor: 0.0, best: 0.0, listed: 1 };
        let shares = ground.query.fusion.shares([dense.is_some(), keyword.is_some()], brevity);
        let ranges = [dense.as_ref().map_or(none, |dense| dense.range), keyword.unwrap_or(none)];
        (Searches { dense, keyword, found: Some(found), terms, shares, ranges, skipped }, proposed)
    }

    /// How the vector search compares.
    pub(crate) fn metric(&self) -> Metric {
        self.dense.as_ref().map_or(Metric::Cosine, |dense| dense.probe.metric())
    }

    /// How the vector search went, if it found anything.
    pub(crate) fn way(&self) -> Option<Way> {
        self.dense.as_ref().map(|dense| dense.way)
    }

    /// A date finds what happened on it, but from here on the signal of time says what it is worth.
    pub(crate) fn leave_dates_to_time(&mut self, ground: &Ground<'_>, question: &Question<'_>) {
        let Cow::Owned(subject) = &question.subject else { return };
        let mut rest = ground.words(subject);
        ground.add_patterns(&mut rest);
        if !rest.is_empty() {
            self.terms = rest;
            self.found = None;
        }
    }

    /// Leaves the best by the sum of both searches, once each has spoken of what the other one proposed.
    pub(crate) fn shortlist(
        &self,
        ground: &Ground<'_>,
        refinement: &Refinement<'_>,
        proposed: &mut Vec<Proposal>,
    ) {
        let breadth = ground.breadth();
        if proposed.len() <= breadth {
            return;
        }
        let mut scored: Vec<(f32, usize)> = Vec::with_capacity(proposed.len());
        for (at, proposal) in proposed.iter_mut().enumerate() {
            self.judge_meaning(proposal.slot, &mut proposal.opinions);
            let mut known = proposal.opinions;
            if known[1].is_none() && self.keyword.is_some() {
                let score = self.score_of_words(ground, proposal.slot);
                known[1] = score.map(|score| Opinion { score, rank: None });
            }
            let parts = ground.query.fusion.contributions(known, self.shares, self.ranges);
            scored.push((parts[0] + parts[1] + closeness(ground, refinement, proposal.slot), at));
        }
        let id = |at: usize| ground.id(proposed[at].slot);
        let best_first =
            |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then_with(|| id(a.1).cmp(&id(b.1)));
        scored.select_nth_unstable_by(breadth - 1, best_first);
        let mut kept = vec![false; proposed.len()];
        scored[..breadth].iter().for_each(|(_, at)| kept[*at] = true);
        let mut kept = kept.into_iter();
        proposed.retain(|_| kept.next() == Some(true));
    }

    /// Has both searches speak of each candidate, of its words together with those of the records before it. Answers the
    /// length of each, in mean lengths.
    pub(crate) fn judge(
        &mut self,
        ground: &Ground<'_>,
        context: f32,
        candidates: &mut [Candidate<'_>],
    ) -> Vec<f32> {
        for candidate in candidates.iter_mut() {
            self.judge_meaning(candidate.slot, &mut candidate.opinions);
        }
        // A search by codes may have missed one that words have found.
        let meant = candidates.iter().filter(|candidate| candidate.eligible);
        let scores = meant.filter_map(|candidate| candidate.opinions[0]).map(|opinion| opinion.score);
        self.ranges[0].best = scores.fold(self.ranges[0].best, f32::max);
        let lengths = self.judge_words(ground, context, candidates);
        let scores = candidates.iter().filter_map(|candidate| candidate.opinions[1]);
        self.ranges[1].best = scores.map(|opinion| opinion.score).fold(0.0, f32::max);
        lengths
    }

    fn judge_meaning(&self, slot: Slot, opinions: &mut [Option<Opinion>; 2]) {
        if let Some(Dense { probe, index, .. }) = &self.dense {
            let unlisted = || Some(Opinion { score: index.score(probe, slot)?, rank: None });
            opinions[0] = opinions[0].or_else(unlisted);
        }
    }

    /// What keyword search makes of a slot by itself.
    fn score_of_words(&self, ground: &Ground<'_>, slot: Slot) -> Option<f32> {
        let text = ground.sources.text;
        match &self.found {
            // It has read nothing of what is not allowed, such as the record that others like it are looked for.
            Some(found) if ground.allowed.contains(slot) => found.score(text, &self.terms, slot),
            _ => text.score(&self.terms, slot),
        }
    }

    fn judge_words(&self, ground: &Ground<'_>, context: f32, candidates: &mut [Candidate<'_>]) -> Vec<f32> {
        let terms = &self.terms;
        let width = terms.len();
        let mut rows = vec![0f32; width * candidates.len()];
        let mut lengths = vec![0f32; candidates.len()];
        for (at, candidate) in candidates.iter().enumerate() {
            let row = &mut rows[at * width..][..width];
            lengths[at] = ground.sources.text.occurrences(terms, candidate.slot, row);
        }
        let mut counts = vec![0f32; width];
        for at in (0..candidates.len()).filter(|_| self.keyword.is_some()) {
            counts.copy_from_slice(&rows[at * width..][..width]);
            let (mut length, mut mass) = (lengths[at], 1.0);
            let sums = (&mut counts[..], &mut length, &mut mass);
            neighbourhood::add_words_before(candidates, at, (&rows, &lengths), context, sums);
            let rank = candidates[at].opinions[1].and_then(|opinion| opinion.rank);
            candidates[at].opinions[1] =
                terms.score(&counts, length / mass).map(|score| Opinion { score, rank });
        }
        let mean = terms.average_length();
        lengths.iter().map(|length| length / mean).collect()
    }
}

/// What being near the time that the question names counts.
fn closeness(ground: &Ground<'_>, refinement: &Refinement<'_>, slot: Slot) -> f32 {
    if refinement.time() == 0.0 {
        return 0.0;
    }
    let record = ground.sources.store.record(slot);
    record.map_or(0.0, |record| refinement.time() * refinement.closeness(record.occurred_at))
}

fn dense<'a>(
    ground: &Ground<'a>,
    proposed: &mut Vec<Proposal>,
    skipped: &mut Vec<SkippedSignal>,
) -> Option<Dense<'a>> {
    let mut skip = |reason| skipped.push(SkippedSignal { signal: Signal::Dense, reason });
    let query = ground.query;
    let Some(vector) = &query.vector else {
        skip("the query has no vector");
        return None;
    };
    let Some(index) = ground.sources.vectors else {
        skip("no memory has a vector");
        return None;
    };
    let probe = index.probe(vector, &query.encoded);
    let (limit, sure) = (ground.depth(), ground.reached());
    let ties = |slot| ground.id(slot).0;
    let recall = query.recall.unwrap_or(DEFAULT_RECALL);
    let wanted = Wanted { limit, sure, allowed: ground.allowed, exact: query.exact, recall, ties: &ties };
    let found = index.search(&probe, &wanted);
    let Some(best) = found.hits.first().map(|hit| hit.score) else {
        skip("no memory in question has a vector");
        return None;
    };
    proposed.extend(found.hits.iter().zip(1..).map(|(hit, rank)| {
        let opinion = Opinion { score: hit.score, rank: Some(rank) };
        Proposal { slot: hit.slot, opinions: [Some(opinion), None] }
    }));
    let range = Range { floor: found.floor.min(best), best, listed: found.hits.len() };
    Some(Dense { probe, index, range, way: found.way })
}

fn keyword(
    ground: &Ground<'_>,
    words: KeywordQuery,
    proposed: &mut Vec<Proposal>,
    skipped: &mut Vec<SkippedSignal>,
) -> (KeywordQuery, KeywordHits, Option<Range>) {
    let mut skip = |reason| skipped.push(SkippedSignal { signal: Signal::Keyword, reason });
    let Ground { sources, query, like, .. } = ground;
    let mut terms = words;
    if let Some(record) = like.and_then(|slot| sources.store.record(slot)) {
        terms = ground.words(&format!("{} {}", record.text, record.tags.join(" ")));
        terms.keep_telling();
    }
    ground.add_patterns(&mut terms);
    let found = sources.text.search(&terms, ground.depth(), ground.allowed, &|slot| ground.id(slot).0);
    if query.text.is_empty() && like.is_none() {
        skip("the query has no text");
    } else if terms.is_empty() {
        skip("no memory has any of these words");
    } else if found.best.is_empty() {
        skip("no memory in question has any of these words");
    }
    proposed.extend(found.best.iter().zip(1..).map(|(hit, rank)| {
        let opinion = Opinion { score: hit.score, rank: Some(rank) };
        Proposal { slot: hit.slot, opinions: [None, Some(opinion)] }
    }));
    let listed = found.best.len();
    let range = found.best.first().map(|best| Range { floor: 0.0, best: best.score, listed });
    (terms, found, range)
}
