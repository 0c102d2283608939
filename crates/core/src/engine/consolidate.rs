//! Consolidation: records that say the same become one. Old episodes become summaries in [`super::episodes`].
//!
//! Works in steps, like all of maintenance. What goes into another record stays there as an [`Origin`], so that its id
//! still leads somewhere and it can still be forgotten.

use std::collections::BTreeSet;

use unicode_segmentation::UnicodeSegmentation;

use crate::config::Consolidate;
use crate::consolidate::{covers, same_statement};
use crate::engine::Engine;
use crate::engine::episodes::Grouping;
use crate::engine::event::{Event, Form};
use crate::engine::maintain::{Incoming, Work};
use crate::engine::retention::moved;
use crate::index::{Slot, same_fields};
use crate::model::{Filter, Move, Origin, Reason, Record, RecordId, Scope, Span, Tier, Timestamp};
use crate::persist::Change;
use crate::tier::Place;

/// How far apart the same words can be said and be about the same event.
const SAME_EVENT: Span = Span(86_400_000);
/// New records that one step compares with those that share rare words with them.
const COMPARED: usize = 16;
/// Records that each of them is compared with at most.
const LIKE: usize = 64;
/// Words from which on a text speaks for itself.
const MEANINGFUL: usize = 4;

/// What consolidation has before it.
#[derive(Debug, Default)]
pub(super) struct Consolidating {
    /// Records that nobody has compared yet with those that share rare words with them.
    fresh: BTreeSet<RecordId>,
    /// The search through the old episodes.
    pub(super) grouping: Grouping,
}

impl Engine {
    /// Notes records that may say what others say already.
    pub(super) fn note_fresh<'c>(&mut self, changes: impl IntoIterator<Item = &'c Change>) {
        if !self.config.consolidation.duplicates {
            return;
        }
        for change in changes {
            match change {
                Change::Put(record, _) if self.config.consolidate(&record.kind.0) == Consolidate::Merge => {
                    self.consolidating.fresh.insert(record.id);
                }
                Change::Remove(id) => {
                    self.consolidating.fresh.remove(id);
                }
                _ => {}
            }
        }
    }

    /// Where those begin that nobody has compared with others, for whoever opens the memory next.
    pub(super) fn uncompared(&self) -> Option<RecordId> {
        let known = self.journal.manifest.uncompared.filter(|_| !self.config.consolidation.duplicates);
        known.or(self.consolidating.fresh.first().copied())
    }

    /// Takes up again what was left to compare: `from` there on.
    pub(super) fn compare_from(&mut self, from: RecordId) {
        if !self.config.consolidation.duplicates {
            return;
        }
        let merges = |record: &&Record| self.config.consolidate(&record.kind.0) == Consolidate::Merge;
        let ids = self
            .state
            .store
            .iter_after(from.0.checked_sub(1).map(RecordId))
            .filter(merges)
            .map(|record| record.id);
        self.consolidating.fresh.extend(ids);
    }

    /// Merges some records that say the same.
    pub(super) fn merge_duplicates(&mut self, now: Timestamp, work: &mut Work) {
        if !self.config.consolidation.duplicates {
            return;
        }
        let mut looks = COMPARED;
        while looks > 0 && work.removals > 0 {
            let Some(key) = self.state.statements.take_shared() else { break };
            looks -= 1;
            if !self.merge_under(key, now, work) {
                self.state.statements.put_back(key);
                work.unfinished = true;
                return;
            }
        }
        if self.state.statements.is_waiting() {
            work.unfinished = true;
            return;
        }
        // One merge at a time: the next one sees what became of it.
        while looks > 0 && work.changes.is_empty() {
            let Some(id) = self.consolidating.fresh.pop_first() else { return };
            looks -= 1;
            if !self.merge_like(id, now, work) {
                self.consolidating.fresh.insert(id);
                break;
            }
        }
        work.unfinished |= !self.consolidating.fresh.is_empty();
    }

    /// Merges the records under `key`, as far as they say the same. Answers whether none is left.
    fn merge_under(&self, key: u64, now: Timestamp, work: &mut Work) -> bool {
        let records = self.state.statements.slots(key).filter_map(|slot| self.state.store.record(slot));
        let records = records.filter(|record| !record.summary && !record.is_expired(now));
        let mut found: Vec<Vec<&Record>> = Vec::new();
        for record in records {
            let says_it =
                |known: &&Record| same_fields(known, record) && same_statement(&known.text, &record.text);
            match found.iter_mut().find(|same| says_it(&same[0])) {
                Some(same) => same.push(record),
                None => found.push(vec![record]),
            }
        }
        found.into_iter().all(|same| self.merge_same(same, now, work))
    }

    /// Merges records that say the same, as far as they are about the same. Answers whether none is left.
    fn merge_same(&self, mut records: Vec<&Record>, now: Timestamp, work: &mut Work) -> bool {
        let Some(first) = records.first() else { return true };
        let how = self.config.consolidate(&first.kind.0);
        if how == Consolidate::Never {
            return true;
        }
        if how == Consolidate::Summarise {
            // What is being talked about stays as it was said, and "Yes." is said often.
            records.retain(|record| record.tier != Tier::Working && !is_brief(&record.text));
        }
        let mut places: Vec<Place> = records.iter().map(|record| (record.occurred_at, record.id)).collect();
        places.sort_unstable();
        let apart = |first: &Place, place: &Place| {
            how == Consolidate::Summarise && place.0.since(first.0) > SAME_EVENT
        };
        let mut rest = &places[..];
        while let Some(first) = rest.first() {
            let end = rest.iter().position(|place| apart(first, place)).unwrap_or(rest.len());
            let (same, later) = rest.split_at(end);
            rest = later;
            let same: Vec<&Record> = same.iter().filter_map(|(_, id)| self.state.store.get(*id)).collect();
            // Who stays: pinned before others, then the most durable, then the oldest.
            let rank = |record: &&Record| (!record.pinned, std::cmp::Reverse(record.tier), record.id);
            let Some(stays) = same.iter().copied().min_by_key(rank) else { break };
            let others = same.iter().copied().filter(|record| record.id != stays.id);
            let going: Vec<&Record> = others.filter(|record| !record.pinned).collect();
            let now_going = going.len().min(work.removals);
            if now_going > 0 && !self.merge_into(stays, &going[..now_going], Form::Duplicate, now, work) {
                return false;
            }
            if now_going < going.len() {
                return false;
            }
        }
        true
    }

    /// Compares a record with those that share its rarest words, and merges it with one of which the one says all that the
    /// other does. Answers whether it is done with: a vector may have to be read first.
    fn merge_like(&self, id: RecordId, now: Timestamp, work: &mut Work) -> bool {
        let store = &self.state.store;
        let (Some(record), Some(slot)) = (store.get(id), store.slot(id)) else { return true };
        if record.is_expired(now) || record.summary {
            return true;
        }
        for like in self.like(slot) {
            let Some(other) = store.record(like).filter(|other| !other.is_expired(now) && !other.summary)
            else {
                continue;
            };
            // All but the words is the same.
            if !same_fields(record, other) {
                continue;
            }
            let (stays, goes) = if covers(&record.text, &other.text) {
                (record, other)
            } else if covers(&other.text, &record.text) {
                (other, record)
            } else {
                continue;
            };
            if goes.pinned {
                continue;
            }
            let rises = goes.tier > stays.tier && !stays.pinned;
            if rises && !self.admits(stays, goes.tier, &mut Incoming::default()) {
                continue;
            }
            return self.merge_into(stays, &[goes], Form::NearDuplicate, now, work);
        }
        true
    }

    /// Slots that share words with `slot`, those that share the rarest ones first: a record that says little more or
    /// little less has most of them.
    fn like(&self, slot: Slot) -> Vec<Slot> {
        let mut found: Vec<Slot> = Vec::new();
        for other in self.state.text.sharing(slot).filter(|other| *other != slot) {
            if !found.contains(&other) {
                found.push(other);
            }
            if found.len() == LIKE {
                break;
            }
        }
        found
    }

    /// Merges records into one. Answers whether it did: a vector that goes over into it may have to be read first.
    fn merge_into(
        &self,
        stays: &Record,
        going: &[&Record],
        form: Form,
        now: Timestamp,
        work: &mut Work,
    ) -> bool {
        let mut record = stays.clone();
        let had_vector = self.state.kept(stays.id).is_some();
        let mut code = None;
        for other in going {
            let same_words = other.text == stays.text;
            let kept =
                |text: &Option<String>| text.clone().or_else(|| (!same_words).then(|| other.text.clone()));
            let own = other.to_origin((!same_words).then(|| other.text.clone()));
            let theirs = other.origins.iter();
            let theirs = theirs.map(|origin| Origin { text: kept(&origin.text), ..origin.clone() });
            for origin in theirs.chain([own]) {
                let earlier =
                    |known: &Origin| (known.occurred_at, known.id) < (origin.occurred_at, origin.id);
                let at = record.origins.partition_point(earlier);
                record.origins.insert(at, origin);
            }
            record.usage.absorb(&other.usage);
            record.importance = record.importance.max(other.importance);
            if same_words && !had_vector && code.is_none() {
                code = self.state.code(other.id);
                if code.is_none() && self.state.is_paged(other.id) {
                    return false;
                }
            }
        }
        let surplus = record.origins.len().saturating_sub(Record::ORIGINS);
        record.origins.drain(..surplus);
        record.version = record.version.saturating_add(1);
        let highest = going.iter().map(|other| other.tier).fold(stays.tier, Tier::max);
        let tier = if stays.pinned { stays.tier } else { highest };
        let id = stays.id;
        let origins: Vec<RecordId> = going.iter().map(|other| other.id).collect();
        // They go first, so that the ids that led to them are free to lead here.
        work.changes.extend(origins.iter().map(|id| Change::Remove(*id)));
        if had_vector || code.is_none() {
            work.changes.push(Change::Revise(Box::new(record)));
        } else {
            work.changes.push(Change::Put(Box::new(record), code));
        }
        if tier > stays.tier {
            let step = Move { from: stays.tier, to: tier, at: now, reason: Reason::Merged, score: None };
            work.changes.push(Change::Move(id, step));
            work.events.push(moved(id, &step));
        }
        work.removals = work.removals.saturating_sub(origins.len());
        work.report.merged += origins.len() as u32;
        work.events.push(Event::MemoryConsolidated { id, origins, form });
        true
    }

    /// What summaries will say once these of their origins are forgotten: the text to embed for each id that is the
    /// last of its summary in `ids`; nothing for others.
    pub fn remainders(&self, scope: &Scope, ids: &[RecordId], now: Timestamp) -> Vec<Option<Record>> {
        let store = &self.state.store;
        // What is left so far of each record that something is taken out of, and which id did so last.
        let mut remaining: Vec<(RecordId, usize, Option<Record>)> = Vec::new();
        for (index, id) in ids.iter().enumerate().filter(|(_, id)| store.get(**id).is_none()) {
            let Some(into) = store.destination(*id) else { continue };
            let seen = |record: &&Record| scope.covers(&record.scope) && !record.is_expired(now);
            let at = remaining.iter().position(|(known, ..)| *known == into).unwrap_or_else(|| {
                remaining.push((into, index, store.get(into).filter(seen).cloned()));
                remaining.len() - 1
            });
            let (_, last, record) = &mut remaining[at];
            *last = index;
            *record = record.take().and_then(|record| without(&record, *id));
        }
        let mut out = vec![None; ids.len()];
        for (into, index, record) in remaining {
            let before = store.get(into).map(|record| &record.text);
            out[index] = record.filter(|record| Some(&record.text) != before);
        }
        out
    }

    /// The ids of what went into records that a view of `scope` sees, as far as it passed `filter` when it was a record
    /// of its own. Text counts as far as it was kept.
    pub fn origins(&self, scope: &Scope, filter: &Filter, now: Timestamp) -> Vec<RecordId> {
        let seen = self.state.store.iter_after(None).filter(|record| {
            !record.origins.is_empty() && scope.covers(&record.scope) && !record.is_expired(now)
        });
        let mut ids = Vec::new();
        for record in seen {
            let leads_here = |origin: &&Origin| self.state.store.destination(origin.id) == Some(record.id);
            let there = record.origins.iter().filter(leads_here);
            let passed = there.filter(|origin| filter.matches(&record.as_origin(origin)));
            let passed = passed.map(|origin| origin.id);
            ids.extend(passed.filter(|id| self.state.store.get(*id).is_none()));
        }
        ids
    }
}

/// Whether a text is so short that it means what was said before it: "Yes, please."
pub(super) fn is_brief(text: &str) -> bool {
    text.unicode_words().take(MEANINGFUL).count() < MEANINGFUL
}

/// What is left of a record without one of its origins; nothing if it was a summary of that alone.
pub(super) fn without(record: &Record, origin: RecordId) -> Option<Record> {
    let is_extract = record.text == record.extract();
    let mut rest = record.clone();
    let mut said_nothing = true;
    rest.origins.retain(|other| {
        let goes = other.id == origin;
        said_nothing &= !goes || other.text.as_deref() == Some("");
        !goes
    });
    if record.summary && !(is_extract && said_nothing) {
        // Words that were not taken from the origins one by one may come from any of them.
        rest.text = rest.extract();
    }
    rest.version = rest.version.saturating_add(1);
    let ends = record.summary && (rest.origins.is_empty() || rest.text.is_empty());
    (!ends).then_some(rest)
}
