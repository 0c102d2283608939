//! Answers to what asks for no words and no meaning: in the order that was asked for, or the latest first.

use crate::index::SlotSet;
use crate::model::{Order, Position, Record, SortField};
use crate::retrieve::query::Query;
use crate::retrieve::recall::Sources;
use crate::retrieve::why::{Hit, Signal, SkippedSignal, Why};

/// The first of the allowed records.
pub(crate) fn unranked(sources: &Sources<'_>, query: &Query, allowed: &SlotSet) -> Vec<Hit> {
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
    let why = Why {
        summary: String::new(),
        part: None,
        fusion: query.fusion.name(),
        vectors: None,
        signals: Vec::new(),
        skipped: vec![
            SkippedSignal { signal: Signal::Dense, reason: "the query has no vector" },
            SkippedSignal { signal: Signal::Keyword, reason: "the query has no text" },
        ],
    };
    let hit = |(_, record): (Position, &Record)| Hit { record: record.clone(), score: 0.0, why: why.clone() };
    records.into_iter().map(hit).collect()
}
