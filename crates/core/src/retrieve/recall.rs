//! How a question is answered: two searches propose, fusion joins them, other signals refine, the best are explained.

use std::borrow::Cow;

use crate::index::SlotSet;
use crate::index::text::{Bm25, TextIndex};
use crate::index::vector::VectorIndex;
use crate::model::{Record, RecordId, Timestamp};
use crate::policy::Standing;
use crate::retrieve::brevity::Brevity;
use crate::retrieve::condition::{Demand, demand};
use crate::retrieve::diverse::diverse;
use crate::retrieve::explain::Account;
use crate::retrieve::form;
use crate::retrieve::neighbourhood::{self, Candidate};
use crate::retrieve::query::Query;
use crate::retrieve::question::Question;
use crate::retrieve::refine::{Refined, Refinement};
use crate::retrieve::relevance::Relevance;
use crate::retrieve::search::{Ground, Searches};
use crate::retrieve::unranked::unranked;
use crate::retrieve::why::Hit;
use crate::tier::Store;

/// What retrieval reads.
pub(crate) struct Sources<'a> {
    pub(crate) store: &'a Store,
    pub(crate) text: &'a TextIndex,
    pub(crate) vectors: Option<&'a dyn VectorIndex>,
    pub(crate) bm25: Bm25,
    /// Importance and retention of a record.
    pub(crate) standing: &'a dyn Fn(&Record) -> Standing,
}

/// Answers `query` at `now` from the `visible` slots. `whole` says that nothing else exists.
pub(crate) fn recall(
    sources: &Sources<'_>,
    query: &Query,
    visible: &SlotSet,
    whole: bool,
    now: Timestamp,
) -> Vec<Hit> {
    let demand = query.expression.as_ref().map(|expression| demand(expression, sources, visible));
    let demand = demand.as_ref();
    let allowed = allowed(sources, query, demand, visible);
    if query.ranks_nothing() {
        return unranked(sources, query, &allowed);
    }
    let like = query.like.and_then(|id| sources.store.slot(id));
    let ground = Ground { sources, query, demand, visible, allowed: &allowed, whole, like };
    let reference = query.reference.unwrap_or(now);
    let question = (!query.text.is_empty()).then(|| Question::read(&query.text, reference));
    let words = ground.words(&query.text);
    let brevity = Brevity::of(words.average_length());
    let refinement = Refinement::new(question.as_ref(), &query.weights, reference, brevity);

    let (mut searches, mut proposed) = Searches::run(&ground, words, brevity);
    if let Some(question) = question.as_ref().filter(|_| refinement.time() > 0.0) {
        searches.leave_dates_to_time(&ground, question);
    }
    searches.shortlist(&ground, &refinement, &mut proposed);

    let widen = refinement.context > 0.0;
    let mut candidates = neighbourhood::gather(sources.store, &proposed, [visible, &allowed], widen);
    let lengths = searches.judge(&ground, refinement.context, &mut candidates);
    let questions: Vec<bool> =
        candidates.iter().map(|candidate| form::asks(&candidate.record.text)).collect();
    let said = (query.fusion, &searches);
    let relevance = Relevance::of(&candidates, said, like, refinement.context, &questions);
    let refined = refinement.scores(&candidates, &relevance.whole, &lengths, &questions, &|candidate| {
        (sources.standing)(candidate.record)
    });

    let own_weights: f32 = query.judgements.iter().map(|judgement| judgement.weight).sum();
    // The whole runs to the best of what the searches alone have found.
    let unit = relevance.top / (1.0 + refined.weights.iter().sum::<f32>() + own_weights);
    let mut scored = scores(&ground, &candidates, &relevance, &refined, unit);
    let reranking = query.reranking.as_ref().and_then(|said| Some((said, said.scale(&scored)?)));
    if let Some((said, scale)) = reranking {
        said.mix(scale, &mut scored);
        rank(&mut scored);
    }
    scored.retain(|hit| query.min_score.is_none_or(|least| hit.0 >= least));
    if query.diversity > 0.0 {
        scored.truncate(ground.depth());
        let vector = |at: usize| sources.vectors?.vector(candidates[at].slot);
        scored = diverse(scored, query.diversity, query.limit, &vector);
    }
    scored.truncate(query.limit);

    let account = Account {
        query,
        text: sources.text,
        searches: &searches,
        relevance: &relevance,
        refined: &refined,
        context: refinement.context,
        unit: unit * (1.0 - reranking.map_or(0.0, |(said, _)| said.weight)),
        reranking,
    };
    scored.into_iter().map(|(score, _, at)| account.hit(&candidates[at], at, score)).collect()
}

/// The visible slots that the filter and the conditions of the expression leave.
fn allowed<'a>(
    sources: &Sources<'_>,
    query: &Query,
    demand: Option<&Demand<'_>>,
    visible: &'a SlotSet,
) -> Cow<'a, SlotSet> {
    let mut allowed = Cow::Borrowed(visible);
    if let Some(filter) = &query.filter {
        allowed = Cow::Owned(sources.store.matching(filter, visible));
    }
    if let Some(demand) = demand {
        let passes = |slot| sources.store.record(slot).is_some_and(|record| demand.allows(slot, record));
        allowed = Cow::Owned(allowed.keep(passes));
    }
    allowed
}

/// The scores of the candidates that may be hits, best first, each with its id and its position. `unit` is what a weight
/// of 1 and a score of 1 add.
fn scores(
    ground: &Ground<'_>,
    candidates: &[Candidate<'_>],
    relevance: &Relevance,
    Refined { scores, weights }: &Refined,
    unit: f32,
) -> Vec<(f32, RecordId, usize)> {
    let query = ground.query;
    // Without words beside a condition, whatever fulfils it is an answer. Otherwise what no search and no neighbour
    // speaks for is none.
    let decides = ground.demand.is_some_and(|demand| demand.decides);
    let wanted = |at: usize, candidate: &Candidate<'_>| {
        candidate.eligible
            && !query.without.contains(&candidate.record.id)
            && (decides || relevance.around[at] > 0.0 || candidate.opinions.iter().any(Option::is_some))
    };
    let mut scored: Vec<(f32, RecordId, usize)> = Vec::with_capacity(candidates.len());
    for (at, candidate) in candidates.iter().enumerate().filter(|(at, candidate)| wanted(*at, candidate)) {
        let id = candidate.record.id;
        let told = query.judgements.iter().map(|judgement| judgement.score(id) * judgement.weight);
        let own = scores[at].iter().zip(weights).map(|(score, weight)| score * weight);
        let extra = own.chain(told).sum::<f32>();
        scored.push(((relevance.whole[at] + extra) * unit, id, at));
    }
    rank(&mut scored);
    scored
}

/// Sorts by score, best first. Equal scores: the earlier id first, so that the order never depends on how the memory was
/// stored.
fn rank(scored: &mut [(f32, RecordId, usize)]) {
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
}
