//! From what is asked for to the pieces that may be put into a prompt.

use serde::Serialize;

use crate::context::repeat::repeats;
use crate::model::{Filter, Record, RecordId, Scope, Timestamp};
use crate::tier::Store;

/// Why a record is considered. A record that is considered for several reasons counts as the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// It is pinned.
    Pinned,
    /// It is a summary of old episodes.
    Summaries,
    /// It happened last.
    Recent,
    /// It was recalled for the question.
    Recalled,
    /// It stands beside a hit in its session.
    Related,
}

/// Which records of a sort are considered.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Most of them.
    pub limit: usize,
    /// What they must pass.
    pub filter: Option<Filter>,
    /// Only what happened from this moment on.
    pub since: Option<Timestamp>,
}

impl Selection {
    fn takes(&self, record: &Record) -> bool {
        self.since.is_none_or(|since| record.occurred_at >= since)
            && self.filter.as_ref().is_none_or(|filter| filter.matches(record))
    }
}

/// What stands beside hits is considered, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside {
    /// Of how many of the best hits.
    pub hits: usize,
    /// How many records on each side.
    pub depth: usize,
}

/// What may be put into a prompt. What is left out is not considered.
#[derive(Debug, Clone, Default)]
pub struct ContextRequest {
    /// What was recalled for the question, best first.
    pub hits: Vec<RecordId>,
    /// What related records must pass: the filter of the question.
    pub filter: Option<Filter>,
    /// Pinned records, the most important first.
    pub pinned: Option<Selection>,
    /// Summaries, the latest first.
    pub summaries: Option<Selection>,
    /// What happened last, the latest first.
    pub recent: Option<Selection>,
    /// What stands beside hits in their sessions.
    pub related: Option<Beside>,
}

/// A record that may be put into a prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Piece {
    /// The record.
    pub record: Record,
    /// The first reason for which it is considered.
    pub section: Section,
    /// Its place among the hits, from 1, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// The best hit that it stands beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<RecordId>,
    /// An earlier piece that says all that this one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<RecordId>,
}

/// The pieces for `request` on behalf of a view of `scope`, section by section and in each the most wanted first. What is
/// named there and that the view does not see is left out.
pub(crate) fn gather(store: &Store, scope: &Scope, request: &ContextRequest, now: Timestamp) -> Vec<Piece> {
    let seen = |record: &Record| scope.covers(&record.scope) && !record.is_expired(now);
    let mut pieces = Pieces::default();
    let standing = |selection: &Selection, of: &dyn Fn(&Record) -> bool| -> Vec<&Record> {
        let wanted = |record: &&Record| of(record) && seen(record) && selection.takes(record);
        store.standing().filter(wanted).collect()
    };
    if let Some(selection) = &request.pinned {
        let important = |record: &Record| (record.importance, Timestamp::default());
        let records = standing(selection, &|record| record.pinned);
        pieces.extend(Section::Pinned, greatest(records, selection.limit, &important));
    }
    let late = |record: &Record| (0.0, record.occurred_at);
    if let Some(selection) = &request.summaries {
        let records = standing(selection, &|record| record.summary);
        pieces.extend(Section::Summaries, greatest(records, selection.limit, &late));
    }
    if let Some(selection) = &request.recent {
        let wanted = |record: &Record| seen(record) && selection.takes(record);
        let records = store.latest(scope, selection.limit, &wanted);
        pieces.extend(Section::Recent, greatest(records, selection.limit, &late));
    }
    let hits: Vec<(&Record, u32)> = request.hits.iter().filter_map(|id| store.get(*id)).zip(1..).collect();
    for (hit, rank) in hits.iter().filter(|(hit, _)| seen(hit)) {
        pieces.of(hit, Section::Recalled).rank = Some(*rank);
    }
    let Beside { hits: best, depth } = request.related.unwrap_or_default();
    let passes = |record: &&Record| {
        seen(record) && request.filter.as_ref().is_none_or(|filter| filter.matches(record))
    };
    for (hit, _) in hits.iter().take(best).filter(|(hit, _)| seen(hit)) {
        let [before, after] = store.around(hit);
        let near = before.take(depth).chain(after.take(depth)).filter_map(|slot| store.record(slot));
        for record in near.filter(passes) {
            pieces.of(record, Section::Related).beside.get_or_insert(hit.id);
        }
    }
    pieces.finish()
}

/// The `limit` greatest of `records` by `figure`, the greatest first; of equal ones the later id first.
fn greatest<'r>(
    mut records: Vec<&'r Record>,
    limit: usize,
    figure: &dyn Fn(&Record) -> (f64, Timestamp),
) -> Vec<&'r Record> {
    records.sort_unstable_by(|one, other| {
        let ((a, at), (b, then)) = (figure(one), figure(other));
        b.total_cmp(&a).then(then.cmp(&at)).then(other.id.cmp(&one.id))
    });
    records.truncate(limit);
    records
}

/// Pieces as they are found, one for each record.
#[derive(Default)]
struct Pieces {
    found: Vec<Piece>,
}

impl Pieces {
    fn extend<'r>(&mut self, section: Section, records: impl IntoIterator<Item = &'r Record>) {
        for record in records {
            self.of(record, section);
        }
    }

    /// The piece of `record`, as one of `section` if there is none yet.
    fn of(&mut self, record: &Record, section: Section) -> &mut Piece {
        let known = self.found.iter().position(|piece| piece.record.id == record.id);
        let at = known.unwrap_or(self.found.len());
        if known.is_none() {
            self.found.push(Piece {
                record: record.clone(),
                section,
                rank: None,
                beside: None,
                repeats: None,
            });
        }
        &mut self.found[at]
    }

    /// All of them, with what repeats what.
    fn finish(mut self) -> Vec<Piece> {
        let records: Vec<&Record> = self.found.iter().map(|piece| &piece.record).collect();
        let earlier = repeats(&records);
        let ids: Vec<Option<RecordId>> =
            earlier.into_iter().map(|at| at.map(|at| self.found[at].record.id)).collect();
        for (piece, repeated) in self.found.iter_mut().zip(ids) {
            piece.repeats = repeated;
        }
        self.found
    }
}
