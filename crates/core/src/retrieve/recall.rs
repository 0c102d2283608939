//! The question, and how it is answered.

use serde::Serialize;

use crate::index::text::{Bm25, TextIndex};
use crate::index::vector::VectorIndex;
use crate::index::{Slot, SlotSet};
use crate::model::{Filter, Record};
use crate::retrieve::fuse::{Fusion, Opinion, Range};
use crate::tier::Store;

/// A question.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Words to look for. Empty: no keyword signal.
    pub text: String,
    /// Vector of the memory's space to look near. None: no dense signal.
    pub vector: Option<Vec<f32>>,
    /// Most hits wanted, 1 to [`Query::MAX_LIMIT`].
    pub limit: usize,
    /// Which records may be found.
    pub filter: Option<Filter>,
    /// How the signals are joined.
    pub fusion: Fusion,
    /// Hits below this fused score are left out. It is relative: see [`Hit::score`].
    pub min_score: Option<f32>,
}

impl Query {
    /// Most hits one question can ask for.
    pub const MAX_LIMIT: usize = 10_000;
}

/// A found record.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The record, as it was before this question touched it.
    pub record: Record,
    /// The fused score: how this hit compares with the other candidates for the same question. With weighted fusion 0
    /// to 1, where 1 is best in every signal, however good the best one is. For an absolute threshold use the cosine,
    /// the score of [`Signal::Dense`] in `why`.
    pub score: f32,
    /// Where the score comes from.
    pub why: Why,
}

/// A ranking signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Cosine similarity of vectors.
    Dense,
    /// BM25 over terms.
    Keyword,
}

/// Where a score comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// One line for people.
    pub summary: String,
    /// `weighted` or `rrf`.
    pub fusion: &'static str,
    /// What each signal says.
    pub signals: Vec<SignalShare>,
    /// Signals that could say nothing.
    pub skipped: Vec<SkippedSignal>,
}

/// What one signal says of a hit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignalShare {
    /// Which signal.
    pub signal: Signal,
    /// Position in the signal's own list, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// The signal's own score: cosine, or BM25.
    pub score: f32,
    /// What it adds to the fused score.
    pub contribution: f32,
    /// The signal's weight.
    pub weight: f32,
    /// Terms of the question that occur in the record, in their stemmed form. Keyword signal only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<String>,
}

/// A signal that could say nothing, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkippedSignal {
    /// Which signal.
    pub signal: Signal,
    /// Why.
    pub reason: &'static str,
}

/// What retrieval reads.
pub(crate) struct Sources<'a> {
    pub(crate) store: &'a Store,
    pub(crate) text: &'a TextIndex,
    pub(crate) vectors: Option<&'a dyn VectorIndex>,
    pub(crate) bm25: Bm25,
}

/// Candidates that each signal proposes, for a limit of `limit` hits.
fn depth(limit: usize) -> usize {
    limit.saturating_mul(4).max(128)
}

/// Answers `query` from the `visible` slots. `whole` says that nothing else exists.
pub(crate) fn recall(sources: &Sources<'_>, query: &Query, visible: &SlotSet, whole: bool) -> Vec<Hit> {
    let filtered;
    let allowed = match &query.filter {
        None => visible,
        Some(filter) => {
            let passes =
                |slot: &Slot| sources.store.record(*slot).is_some_and(|record| filter.matches(record));
            filtered = visible.iter().filter(passes).collect();
            &filtered
        }
    };
    let depth = depth(query.limit);
    let mut skipped = Vec::new();
    let mut skip = |signal, reason| skipped.push(SkippedSignal { signal, reason });

    // Slots say nothing about age: an update or a compaction gives a record a new one.
    let by_id = |slot| sources.store.record(slot).map_or(u128::MAX, |record| record.id.0);
    let dense = match (&query.vector, sources.vectors) {
        (None, _) => {
            skip(Signal::Dense, "the query has no vector");
            None
        }
        (Some(_), None) => {
            skip(Signal::Dense, "no memory has a vector");
            None
        }
        (Some(vector), Some(index)) => {
            let probe = index.probe(vector);
            let found = index.search(&probe, depth, allowed, &by_id);
            if found.hits.is_empty() {
                skip(Signal::Dense, "no memory in question has a vector");
            }
            let best = found.hits.first().map(|hit| hit.score);
            best.map(|best| (probe, index, Range { floor: found.floor.min(best), best }, found.hits))
        }
    };
    let terms = sources.text.query(&query.text, (!whole).then_some(visible), sources.bm25);
    let keyword = {
        let hits = sources.text.search(&terms, depth, allowed, &by_id);
        if query.text.is_empty() {
            skip(Signal::Keyword, "the query has no text");
        } else if terms.is_empty() {
            skip(Signal::Keyword, "no memory has any of these words");
        } else if hits.is_empty() {
            skip(Signal::Keyword, "no memory in question has any of these words");
        }
        hits.first().map(|best| best.score).map(|best| (Range { floor: 0.0, best }, hits))
    };

    let shares = query.fusion.shares([dense.is_some(), keyword.is_some()]);
    let mut candidates: Vec<(Slot, [Option<u32>; 2])> = Vec::new();
    let mut propose = |signal: usize, slots: &mut dyn Iterator<Item = Slot>| {
        for (position, slot) in slots.enumerate() {
            let mut ranks = [None; 2];
            ranks[signal] = Some(position as u32 + 1);
            candidates.push((slot, ranks));
        }
    };
    if let Some((.., hits)) = &dense {
        propose(0, &mut hits.iter().map(|hit| hit.slot));
    }
    if let Some((_, hits)) = &keyword {
        propose(1, &mut hits.iter().map(|hit| hit.slot));
    }
    candidates.sort_unstable_by_key(|(slot, _)| *slot);
    candidates.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = [kept.1[0].or(later.1[0]), kept.1[1].or(later.1[1])];
        }
        same
    });

    struct Scored<'a> {
        record: &'a Record,
        slot: Slot,
        score: f32,
        parts: [Option<(Opinion, f32)>; 2],
    }
    let mut scored: Vec<Scored<'_>> = Vec::with_capacity(candidates.len());
    for (slot, ranks) in candidates {
        let Some(record) = sources.store.record(slot) else { continue };
        let mut parts = [None; 2];
        if let Some((probe, index, range, _)) = &dense {
            let opinion = index.score(probe, slot).map(|score| Opinion { score, rank: ranks[0] });
            parts[0] = opinion.map(|o| (o, query.fusion.contribution(Some(o), shares[0], *range)));
        }
        if let Some((range, _)) = &keyword {
            let opinion = sources.text.score(&terms, slot).map(|score| Opinion { score, rank: ranks[1] });
            parts[1] = opinion.map(|o| (o, query.fusion.contribution(Some(o), shares[1], *range)));
        }
        let score = parts.iter().flatten().map(|(_, contribution)| contribution).sum();
        scored.push(Scored { record, slot, score, parts });
    }
    // Equal scores: the earlier id first, so that the order never depends on how the memory was stored.
    scored.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.record.id.cmp(&b.record.id)));
    scored.retain(|hit| query.min_score.is_none_or(|least| hit.score >= least));
    scored.truncate(query.limit);

    let fusion = match query.fusion {
        Fusion::Weighted { .. } => "weighted",
        Fusion::Rrf { .. } => "rrf",
    };
    scored
        .into_iter()
        .map(|hit| {
            let mut signals = Vec::with_capacity(2);
            for (index, signal) in [Signal::Dense, Signal::Keyword].into_iter().enumerate() {
                if let Some((opinion, contribution)) = hit.parts[index] {
                    let terms = match signal {
                        Signal::Keyword => {
                            sources.text.matched(&terms, hit.slot).into_iter().map(str::to_owned).collect()
                        }
                        Signal::Dense => Vec::new(),
                    };
                    let Opinion { score, rank } = opinion;
                    signals.push(SignalShare {
                        signal,
                        rank,
                        score,
                        contribution,
                        weight: shares[index],
                        terms,
                    });
                }
            }
            let summary = summarise(&signals);
            let why = Why { summary, fusion, signals, skipped: skipped.clone() };
            Hit { record: hit.record.clone(), score: hit.score, why }
        })
        .collect()
}

fn summarise(signals: &[SignalShare]) -> String {
    let mut line = String::new();
    for share in signals {
        if !line.is_empty() {
            line.push_str(" · ");
        }
        let rank = share.rank.map_or(String::new(), |rank| format!(" #{rank}"));
        match share.signal {
            Signal::Dense => line.push_str(&format!("meaning{rank} (cosine {:.2})", share.score)),
            Signal::Keyword => line.push_str(&format!("words{rank} ({})", share.terms.join(", "))),
        }
    }
    line
}
