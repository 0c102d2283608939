//! How a question is answered: two searches propose, fusion joins them, other signals refine, the best are explained.

use std::borrow::Cow;

use crate::index::text::{Bm25, KeywordQuery, TextIndex};
use crate::index::vector::{Probe, VectorIndex, Wanted, Way, dot};
use crate::index::{Slot, SlotSet};
use crate::model::{Order, Position, Record, RecordId, SortField, Timestamp};
use crate::policy::Standing;
use crate::retrieve::brevity::Brevity;
use crate::retrieve::condition::demand;
use crate::retrieve::form;
use crate::retrieve::fuse::{Opinion, Range};
use crate::retrieve::neighbourhood::{self, Candidate};
use crate::retrieve::query::Query;
use crate::retrieve::question::Question;
use crate::retrieve::refine::{Refinement, SIGNALS};
use crate::retrieve::why::{Hit, Signal, SignalShare, SkippedSignal, Why, summarise};
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

/// Candidates that each search proposes, for a limit of `limit` hits.
fn depth(limit: usize) -> usize {
    limit.saturating_mul(4).max(128)
}

/// The most of them that go on from there.
fn breadth(limit: usize) -> usize {
    limit.saturating_mul(2).max(64)
}

/// Sorts by score, best first. Equal scores: the earlier id first, so that the order never depends on how the memory was
/// stored.
fn rank(scored: &mut [(f32, RecordId, usize)]) {
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
}

/// What the dense search found.
struct Dense<'a> {
    probe: Probe,
    index: &'a dyn VectorIndex,
    range: Range,
    way: Way,
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
    let allowed = if query.filter.is_none() && demand.is_none() {
        Cow::Borrowed(visible)
    } else {
        let passes = |slot: &Slot| {
            sources.store.record(*slot).is_some_and(|record| {
                query.filter.as_ref().is_none_or(|filter| filter.matches(record))
                    && demand.as_ref().is_none_or(|demand| demand.allows(*slot, record))
            })
        };
        Cow::Owned(visible.iter().filter(passes).collect())
    };
    if query.ranks_nothing() {
        return latest(sources, query, &allowed);
    }
    let like = query.like.and_then(|id| sources.store.slot(id));
    // The hits of earlier pages are candidates like all others, so that scores go on where they were.
    let reached = query.pool.unwrap_or(query.limit) + query.without.len();
    let depth = depth(reached);
    let reference = query.reference.unwrap_or(now);
    let question = (!query.text.is_empty()).then(|| Question::read(&query.text, reference));
    let statistics = (!whole).then_some(visible);
    let mut terms = sources.text.query(&query.text, statistics, sources.bm25);
    let brevity = Brevity::of(terms.average_length());
    let refinement = Refinement::new(question.as_ref(), &query.weights, reference, brevity);
    let mut skipped = Vec::new();
    let mut skip = |signal, reason| skipped.push(SkippedSignal { signal, reason });
    // Slots say nothing about age: an update or a compaction gives a record a new one.
    let by_id = |slot| sources.store.record(slot).map_or(u128::MAX, |record| record.id.0);

    let mut proposed: Vec<(Slot, [Option<Opinion>; 2])> = Vec::new();
    let dense =
        match (&query.vector, sources.vectors) {
            (None, _) => {
                skip(Signal::Dense, "the query has no vector");
                None
            }
            (Some(_), None) => {
                skip(Signal::Dense, "no memory has a vector");
                None
            }
            (Some(vector), Some(index)) => {
                let probe = index.probe(vector, &query.encoded);
                let (limit, sure) = (depth, reached);
                let wanted = Wanted { limit, sure, allowed: &allowed, exact: query.exact, ties: &by_id };
                let found = index.search(&probe, &wanted);
                if found.hits.is_empty() {
                    skip(Signal::Dense, "no memory in question has a vector");
                }
                proposed.extend(found.hits.iter().zip(1..).map(|(hit, rank)| {
                    (hit.slot, [Some(Opinion { score: hit.score, rank: Some(rank) }), None])
                }));
                let best = found.hits.first().map(|hit| hit.score);
                let range = |best| Range { floor: found.floor.min(best), best, listed: found.hits.len() };
                best.map(|best| Dense { probe, index, range: range(best), way: found.way })
            }
        };
    if let Some(record) = like.and_then(|slot| sources.store.record(slot)) {
        let words = format!("{} {}", record.text, record.tags.join(" "));
        terms = sources.text.query(&words, statistics, sources.bm25);
        terms.keep_telling();
    }
    demand.iter().flat_map(|demand| &demand.found).for_each(|found| terms.add(found.clone()));
    let keyword = {
        let hits = sources.text.search(&terms, depth, &allowed, &by_id);
        if query.text.is_empty() && like.is_none() {
            skip(Signal::Keyword, "the query has no text");
        } else if terms.is_empty() {
            skip(Signal::Keyword, "no memory has any of these words");
        } else if hits.is_empty() {
            skip(Signal::Keyword, "no memory in question has any of these words");
        }
        proposed.extend(
            hits.iter()
                .zip(1..)
                .map(|(hit, rank)| (hit.slot, [None, Some(Opinion { score: hit.score, rank: Some(rank) })])),
        );
        hits.first().map(|best| Range { floor: 0.0, best: best.score, listed: hits.len() })
    };
    // A date finds what happened on it, but from here on the signal of time says what it is worth.
    if let Some(Question { subject: Cow::Owned(subject), .. }) = &question
        && refinement.time() > 0.0
    {
        let mut rest = sources.text.query(subject, statistics, sources.bm25);
        demand.iter().flat_map(|demand| &demand.found).for_each(|found| rest.add(found.clone()));
        if !rest.is_empty() {
            terms = rest;
        }
    }
    // Without words beside a condition, whatever fulfils it is an answer, if the last one.
    let decides = demand.as_ref().is_some_and(|demand| demand.decides);
    if decides {
        let place = |slot| sources.store.record(slot).map(|record| (record.occurred_at, record.id, slot));
        let mut latest: Vec<_> = allowed.iter().filter_map(place).collect();
        if latest.len() > depth {
            latest.select_nth_unstable_by(depth - 1, |a, b| b.cmp(a));
            latest.truncate(depth);
        }
        proposed.extend(latest.into_iter().map(|(.., slot)| (slot, [None; 2])));
    }
    // What stands beside the record itself in its session is near it, too.
    proposed.extend(like.map(|slot| (slot, [None; 2])));
    proposed.sort_unstable_by_key(|(slot, _)| *slot);
    proposed.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = [kept.1[0].or(later.1[0]), kept.1[1].or(later.1[1])];
        }
        same
    });
    let shares = query.fusion.shares([dense.is_some(), keyword.is_some()], brevity);
    let none = Range { floor: 0.0, best: 0.0, listed: 1 };
    let mut ranges = [dense.as_ref().map_or(none, |dense| dense.range), keyword.unwrap_or(none)];

    // Each search speaks of what the other one proposed, too.
    let opine = |slot, opinions: &mut [Option<Opinion>; 2]| {
        if let Some(Dense { probe, index, .. }) = &dense {
            let unlisted = || Some(Opinion { score: index.score(probe, slot)?, rank: None });
            opinions[0] = opinions[0].or_else(unlisted);
        }
    };
    let breadth = breadth(reached);
    if proposed.len() > breadth {
        let mut scored: Vec<(f32, RecordId, usize)> = Vec::with_capacity(proposed.len());
        for (at, (slot, opinions)) in proposed.iter_mut().enumerate() {
            let Some(record) = sources.store.record(*slot) else { continue };
            opine(*slot, opinions);
            let mut known = *opinions;
            if known[1].is_none() && keyword.is_some() {
                known[1] = sources.text.score(&terms, *slot).map(|score| Opinion { score, rank: None });
            }
            let parts = query.fusion.contributions(known, shares, ranges);
            let time = refinement.time() * refinement.closeness(record.occurred_at);
            scored.push((parts[0] + parts[1] + time, record.id, at));
        }
        rank(&mut scored);
        let mut kept = vec![false; proposed.len()];
        scored.iter().take(breadth).for_each(|(.., at)| kept[*at] = true);
        let mut kept = kept.into_iter();
        proposed.retain(|_| kept.next() == Some(true));
    }
    let mut candidates =
        neighbourhood::gather(sources.store, &proposed, [visible, &allowed], refinement.context > 0.0);
    for candidate in &mut candidates {
        opine(candidate.slot, &mut candidate.opinions);
    }
    let questions: Vec<bool> =
        candidates.iter().map(|candidate| form::asks(&candidate.record.text)).collect();
    let lengths = keyword_opinions(sources, &terms, &mut candidates, keyword.is_some(), refinement.context);
    let best = candidates.iter().filter_map(|candidate| candidate.opinions[1]).map(|opinion| opinion.score);
    ranges[1].best = best.fold(0.0, f32::max);

    let parts: Vec<[f32; 2]> = candidates
        .iter()
        .map(|candidate| query.fusion.contributions(candidate.opinions, shares, ranges))
        .collect();
    let greatest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
    let mut own: Vec<f32> = parts.iter().map(|parts| parts[0] + parts[1]).collect();
    if let Some(at) = like.and_then(|slot| candidates.iter().position(|candidate| candidate.slot == slot)) {
        // Nothing is more like it than itself, even if no search can say so.
        let best = greatest(&mut own.iter().copied());
        own[at] = if best > 0.0 { best } else { 1.0 };
    }
    let around: Vec<f32> = (0..candidates.len())
        .map(|at| refinement.context * neighbourhood::around(&candidates, at, &own, &questions))
        .collect();
    // Relevance runs from 0 to 1, and the whole to the best of what the searches alone have found.
    let top = greatest(&mut own.iter().copied());
    let reach = greatest(&mut own.iter().zip(&around).map(|(own, around)| own + around));
    let scale = if reach > 0.0 { 1.0 / reach } else { 0.0 };
    let relevance: Vec<f32> = own.iter().zip(&around).map(|(own, around)| (own + around) * scale).collect();
    let (refined, weights) = refinement.scores(&candidates, &relevance, &lengths, &questions, &|candidate| {
        (sources.standing)(candidate.record)
    });
    let own_weights: f32 = query.judgements.iter().map(|judgement| judgement.weight).sum();
    let whole = top / (1.0 + weights.iter().sum::<f32>() + own_weights);

    let mut scored: Vec<(f32, RecordId, usize)> = Vec::with_capacity(candidates.len());
    let wanted =
        |candidate: &Candidate<'_>| candidate.eligible && !query.without.contains(&candidate.record.id);
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| wanted(candidate)) {
        let id = candidate.record.id;
        let told = query.judgements.iter().map(|judgement| judgement.score(id) * judgement.weight);
        let extra =
            refined[at].iter().zip(&weights).map(|(score, weight)| score * weight).chain(told).sum::<f32>();
        // Otherwise whatever no search and no neighbour speaks for is not an answer.
        if decides || around[at] > 0.0 || candidate.opinions.iter().any(Option::is_some) {
            scored.push(((relevance[at] + extra) * whole, id, at));
        }
    }
    rank(&mut scored);
    let reranking = query.reranking.as_ref().and_then(|said| Some((said, said.scale(&scored)?)));
    if let Some((said, scale)) = reranking {
        said.mix(scale, &mut scored);
        rank(&mut scored);
    }
    let kept = 1.0 - reranking.map_or(0.0, |(said, _)| said.weight);
    scored.retain(|hit| query.min_score.is_none_or(|least| hit.0 >= least));
    if query.diversity > 0.0 {
        scored.truncate(depth);
        scored = diverse(scored, query, &|at| sources.vectors?.vector(candidates[at].slot));
    }
    scored.truncate(query.limit);

    let whole = whole * kept;
    let fused = |part: f32| part * scale * whole;
    let explain = |(score, _, at): (f32, RecordId, usize)| {
        let candidate = &candidates[at];
        let mut signals = Vec::with_capacity(4);
        let searches = [Signal::Dense, Signal::Keyword].into_iter().enumerate();
        for (index, signal) in searches {
            if let Some(Opinion { score, rank }) = candidate.opinions[index] {
                let matched = || sources.text.matched(&terms, candidate.slot).into_iter().map(str::to_owned);
                let terms = if signal == Signal::Keyword { matched().collect() } else { Vec::new() };
                let contribution = fused(parts[at][index]);
                signals.push(SignalShare {
                    signal,
                    name: None,
                    rank,
                    score,
                    contribution,
                    weight: shares[index],
                    terms,
                });
            }
        }
        let mut refining = |signal, score: f32, contribution: f32, weight: f32| {
            if contribution > 0.0 {
                let terms = Vec::new();
                signals.push(SignalShare {
                    signal,
                    name: None,
                    rank: None,
                    score,
                    contribution,
                    weight,
                    terms,
                });
            }
        };
        refining(Signal::Context, around[at] * scale, fused(around[at]), refinement.context);
        for ((signal, score), weight) in SIGNALS.into_iter().zip(refined[at]).zip(weights) {
            refining(signal, score, score * weight * whole, weight);
        }
        let id = candidate.record.id;
        signals.extend(query.judgements.iter().filter_map(|judgement| judgement.share(id, whole)));
        signals.extend(reranking.and_then(|(said, scale)| said.share(id, scale)));
        let why = Why {
            summary: summarise(&signals),
            part: None,
            fusion: query.fusion.name(),
            vectors: dense.as_ref().map(|dense| dense.way.name()),
            signals,
            skipped: skipped.clone(),
        };
        Hit { record: candidate.record.clone(), score, why }
    };
    scored.into_iter().map(explain).collect()
}

/// The allowed records in the order that the query asks for, or the latest first: where nothing ranks them.
fn latest(sources: &Sources<'_>, query: &Query, allowed: &SlotSet) -> Vec<Hit> {
    let order = query.sort.unwrap_or(Order { by: SortField::OccurredAt, descending: true });
    let mut records: Vec<(Position, &Record)> = allowed
        .iter()
        .filter_map(|slot| sources.store.record(slot))
        .filter(|record| {
            !query.without.contains(&record.id) && query.min_score.is_none_or(|least| least <= 0.0)
        })
        .map(|record| (order.position(record), record))
        .collect();
    records.sort_unstable_by(|a, b| order.compare(&a.0, &b.0));
    records.truncate(query.limit);
    let skipped = vec![
        SkippedSignal { signal: Signal::Dense, reason: "the query has no vector" },
        SkippedSignal { signal: Signal::Keyword, reason: "the query has no text" },
    ];
    let why = Why {
        summary: String::new(),
        part: None,
        fusion: query.fusion.name(),
        vectors: None,
        signals: Vec::new(),
        skipped,
    };
    records
        .into_iter()
        .map(|(_, record)| Hit { record: record.clone(), score: 0.0, why: why.clone() })
        .collect()
}

/// What keyword search says of each candidate, with the words of the records before it, and the length of each in mean
/// lengths.
fn keyword_opinions(
    sources: &Sources<'_>,
    terms: &KeywordQuery,
    candidates: &mut [Candidate<'_>],
    found: bool,
    context: f32,
) -> Vec<f32> {
    let width = terms.len();
    let mut rows = vec![0f32; width * candidates.len()];
    let mut lengths = vec![0f32; candidates.len()];
    for (at, candidate) in candidates.iter().enumerate() {
        let row = &mut rows[at * width..][..width];
        lengths[at] = sources.text.occurrences(terms, candidate.slot, row);
    }
    let mut counts = vec![0f32; width];
    for at in (0..candidates.len()).filter(|_| found) {
        counts.copy_from_slice(&rows[at * width..][..width]);
        let (mut length, mut mass) = (lengths[at], 1.0);
        let sums = (&mut counts[..], &mut length, &mut mass);
        neighbourhood::add_words_before(candidates, at, (&rows, &lengths), context, sums);
        let rank = candidates[at].opinions[1].and_then(|opinion| opinion.rank);
        candidates[at].opinions[1] = terms.score(&counts, length / mass).map(|score| Opinion { score, rank });
    }
    let mean = terms.average_length();
    lengths.iter().map(|length| length / mean).collect()
}

/// The hits in an order in which each is as relevant as possible and as unlike those before it: maximal marginal
/// relevance, Carbonell and Goldstein, SIGIR 1998. Likeness is the cosine of the vectors; without them there is none.
fn diverse(
    mut scored: Vec<(f32, RecordId, usize)>,
    query: &Query,
    vector: &dyn Fn(usize) -> Option<Vec<f32>>,
) -> Vec<(f32, RecordId, usize)> {
    let best = scored.first().map_or(1.0, |hit| hit.0).max(f32::MIN_POSITIVE);
    let mut vectors: Vec<Option<Vec<f32>>> = scored.iter().map(|hit| vector(hit.2)).collect();
    let mut likeness = vec![0f32; scored.len()];
    let mut chosen = Vec::with_capacity(query.limit.min(scored.len()));
    while chosen.len() < query.limit && !scored.is_empty() {
        let worth =
            |at: usize| (1.0 - query.diversity) * scored[at].0 / best - query.diversity * likeness[at];
        let next = (1..scored.len()).fold(0, |next, at| if worth(at) > worth(next) { at } else { next });
        chosen.push(scored.remove(next));
        likeness.remove(next);
        if let Some(own) = vectors.remove(next) {
            for (vector, likeness) in vectors.iter().zip(&mut likeness) {
                if let Some(vector) = vector {
                    *likeness = likeness.max(dot(&own, vector));
                }
            }
        }
    }
    chosen
}
