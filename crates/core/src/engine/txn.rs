//! Transactions: from operations to changes, all or nothing.
//!
//! A transaction is staged over the store: each operation sees what the ones before it did, nobody else sees
//! anything, and the first refusal drops the whole.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::{Config, Consolidate, Consolidation, Limits, OnLimit, Repeats};
use crate::consolidate::{covers, same_statement, statement_key};
use crate::engine::check::{check_metadata, check_name, check_record, check_text, check_vector};
use crate::engine::command::{Clearable, Direction, History, NewRecord, Operation, Patch};
use crate::engine::consolidate::{is_brief, without};
use crate::engine::event::{Event, Repeat};
use crate::engine::retention::moved;
use crate::engine::state::{State, Vectored, expected_weight};
use crate::error::CommandError;
use crate::index::vector::{DEFAULT_RECALL, Wanted};
use crate::index::{key_of, same_fields};
use crate::model::{
    Code, Directed, EmbeddingSpace, IdSource, Kept, Move, Origin, Reason, Record, RecordId, Scope, Tier,
    Timestamp,
};
use crate::persist::Change;

/// A transaction that has been checked.
#[derive(Debug, Default)]
pub(super) struct Staged {
    pub(super) changes: Vec<Change>,
    pub(super) events: Vec<Event>,
    /// The record that each operation was about, in order.
    pub(super) ids: Vec<RecordId>,
    /// The records that were moved on demand.
    pub(super) moved: FxHashSet<RecordId>,
}

/// What was said of a new record beside what it says.
struct Wish {
    /// Where it is to live.
    tier: Option<Tier>,
    /// Whether it was said when it happened.
    moment: bool,
}

/// By whom a transaction is asked for, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The scope of the view.
    pub(super) scope: &'a Scope,
    /// The space of the vectors in the operations.
    pub(super) space: Option<&'a EmbeddingSpace>,
    pub(super) now: Timestamp,
    /// Records that were recalled lately, and when.
    pub(super) recalled: &'a VecDeque<(RecordId, Timestamp)>,
}

/// Checks and stages `operations`.
pub(super) fn stage(
    state: &State,
    config: &Config,
    ids: &mut IdSource,
    asked: Asked<'_>,
    operations: Vec<Operation>,
) -> Result<Staged, CommandError> {
    let mut staging = Staging {
        state,
        config,
        ids,
        asked,
        overlay: FxHashMap::default(),
        said: FxHashMap::default(),
        ended: FxHashSet::default(),
        settled: None,
        gains: [(0, 0); 3],
        weights: FxHashMap::default(),
        out: Staged::default(),
    };
    for (index, operation) in operations.into_iter().enumerate() {
        staging.step(operation).map_err(|error| error.within(&format!("operations/{index}")))?;
    }
    Ok(staging.out)
}

struct Staging<'a> {
    state: &'a State,
    config: &'a Config,
    ids: &'a mut IdSource,
    asked: Asked<'a>,
    /// What this transaction has made of a record: `None` when it removed it.
    overlay: FxHashMap<RecordId, Option<Record>>,
    /// What it adds, by what it says.
    said: FxHashMap<u64, Vec<RecordId>>,
    /// What had gone into records that it removes: gone with them, so that forgetting it too is no mistake.
    ended: FxHashSet<RecordId>,
    /// The space that this transaction settles the memory on.
    settled: Option<EmbeddingSpace>,
    /// Per tier, records and bytes that this transaction brings or takes away, if any tier refuses what is too much.
    gains: [(i64, i64); 3],
    /// Where the records that it changes live and what they take, for the same case.
    weights: FxHashMap<RecordId, Option<(Tier, u32)>>,
    out: Staged,
}

impl Staging<'_> {
    fn step(&mut self, operation: Operation) -> Result<(), CommandError> {
        match operation {
            Operation::Add { record, vector } => self.add(*record, vector),
            Operation::Update { id, patch, vector, if_version } => {
                self.update(id, *patch, vector, if_version)
            }
            Operation::Forget { id, vector, if_version } => {
                if self.ended.contains(&id) {
                    self.note(id, Event::MemoryForgotten { id });
                    return Ok(());
                }
                if let Some(into) = self.destination(id) {
                    return self.take_out(id, into, vector, if_version);
                }
                let record = self.find(id, if_version)?;
                self.ended.extend(record.origins.iter().map(|origin| origin.id));
                self.replace(id, None)?;
                self.out.changes.push(Change::Remove(id));
                self.note(id, Event::MemoryForgotten { id });
                Ok(())
            }
            Operation::Move { id, direction, to, if_version } => {
                let mut record = self.find(id, if_version)?;
                let from = record.tier;
                let to = destination(from, direction, to)?;
                self.out.ids.push(id);
                if from != to {
                    let step = Move { from, to, at: self.asked.now, reason: Reason::Requested, score: None };
                    record.moved(step);
                    self.replace(id, Some(record))?;
                    self.out.moved.insert(id);
                    self.out.changes.push(Change::Move(id, step));
                    self.out.events.push(moved(id, &step));
                }
                Ok(())
            }
            Operation::Reward { id, value, if_version } => {
                if !(-1.0..=1.0).contains(&value) {
                    return Err(CommandError::invalid("reward", "must be between -1 and 1"));
                }
                let id = self.destination(id).unwrap_or(id);
                let mut record = self.find(id, if_version)?;
                record.usage.reward(value);
                self.out.changes.push(Change::Use(vec![(id, record.usage.clone())]));
                self.overlay.insert(id, Some(record));
                self.out.ids.push(id);
                Ok(())
            }
        }
    }

    fn add(&mut self, new: NewRecord, vector: Option<Vec<f32>>) -> Result<(), CommandError> {
        check_text(&new.text, self.config)?;
        // The ids that follow are larger: one near the end of the range would leave them no room.
        if new.id.is_some_and(|id| !id.created_at().is_representable()) {
            return Err(CommandError::invalid("id", "must carry a moment before the year 10000"));
        }
        // Who brings an id of their own wants a record of their own.
        let is_new = new.id.is_none() && new.history.is_none();
        let id = new.id.unwrap_or_else(|| self.ids.next(self.asked.now));
        let taken = match self.overlay.get(&id) {
            Some(staged) => staged.is_some(),
            // An expired record is gone for everybody, also before maintenance has removed it.
            None => self.state.store.get(id).is_some_and(|record| !record.is_expired(self.asked.now)),
        };
        if taken || self.leads_elsewhere(id) {
            return Err(CommandError::AlreadyExists { id });
        }
        let scope = self.asked.scope.merge(&new.scope).map_err(|part| {
            CommandError::invalid(format!("scope/{part}"), "contradicts the scope of this view")
        })?;
        let wish = Wish { tier: new.tier, moment: new.occurred_at.is_some() };
        let tier = new.tier.unwrap_or(self.config.default_tier);
        let kind = new.kind.unwrap_or_default();
        let importance = new.importance.unwrap_or_else(|| self.config.kind(&kind.0).importance);
        let history = new.history;
        let usage = history.as_ref().map(History::usage).unwrap_or_default();
        let mut record = Record {
            id,
            text: new.text,
            kind,
            tier,
            tier_since: history.as_ref().map_or(self.asked.now, |past| past.tier_since),
            scope,
            actor: new.actor,
            occurred_at: new.occurred_at.unwrap_or(self.asked.now),
            recorded_at: history.as_ref().map_or(self.asked.now, |past| past.recorded_at),
            importance,
            tags: distinct(new.tags),
            metadata: new.metadata,
            usage,
            surprise: history.as_ref().and_then(|past| past.surprise),
            moves: Vec::new(),
            pinned: new.pinned,
            expires_at: new.expires_at,
            source: new.source,
            origins: history.as_ref().map(|past| self.unclaimed(past)).transpose()?.unwrap_or_default(),
            summary: history.as_ref().is_some_and(|past| past.summary),
            version: history.as_ref().map_or(1, |past| past.version.max(1)),
        };
        check_record(&record, self.asked.now)?;
        let words = statement_key(&record.text);
        let key = key_of(&record, words);
        if is_new && let Some((known, because)) = self.repeated(&record, key, &wish) {
            if let (Some(vector), Some(space)) = (vector, self.asked.space) {
                self.check_vector(vector, space)?;
            }
            return self.repeat(known, because, new.importance);
        }
        self.said.entry(key).or_default().push(id);
        let vector = self.accept(vector)?;
        let direction = vector.as_ref().map(|vector| &vector.unit[..]);
        record.surprise = record.surprise.or_else(|| self.surprise(&record.scope, direction));
        let kept = Kept::Whole(history.and_then(|past| past.precision).unwrap_or_default());
        let kept = self.state.lesser(kept, self.kept_in(tier));
        let code = vector.map(|vector| self.state.encode(vector, kept));
        self.out.changes.push(Change::Put(Box::new(record.clone()), code));
        self.replace(id, Some(record))?;
        self.ids.observe(id);
        self.note(id, Event::MemoryAdded { id, tier });
        Ok(())
    }

    /// Whether this id leads to a record that it went into, whoever sees that.
    fn leads_elsewhere(&self, id: RecordId) -> bool {
        let into = self.state.store.destination(id).and_then(|into| self.current(into));
        let holds = |record: &Record| record.origins.iter().any(|origin| origin.id == id);
        into.is_some_and(|record| !record.is_expired(self.asked.now) && holds(record))
    }

    /// The origins of a record from another memory, without those whose ids are taken here. A summary without one of them
    /// could not forget it: such a one is refused.
    fn unclaimed(&self, past: &History) -> Result<Vec<Origin>, CommandError> {
        if past.origins.len() > Record::ORIGINS || (past.summary && past.origins.is_empty()) {
            return Err(CommandError::invalid(
                "origins",
                "must be 256 at most, and one at least of a summary",
            ));
        }
        let mut kept: Vec<Origin> = Vec::new();
        for (index, origin) in past.origins.iter().enumerate() {
            let at = format!("origins/{index}");
            if let Some(text) = origin.text.as_deref().filter(|text| !text.is_empty()) {
                check_text(text, self.config).map_err(|error| error.within(&at))?;
            }
            let names = origin.actor.iter().chain(&origin.source).chain(&origin.tags);
            for name in names {
                check_name(&at, name)?;
            }
            check_metadata(&origin.metadata).map_err(|error| error.within(&at))?;
            if !origin.occurred_at.is_representable() {
                return Err(CommandError::invalid(at, "must lie between the years 1 and 9999"));
            }
            let id = origin.id;
            let repeated = kept.iter().any(|other| other.id == id);
            let taken = self.current(id).is_some() || self.leads_elsewhere(id) || repeated;
            if taken && past.summary {
                return Err(CommandError::AlreadyExists { id });
            }
            if !taken {
                kept.push(origin.clone());
            }
        }
        Ok(kept)
    }

    /// The record that says already what `record` does, if adding it again is to count as a use of that.
    fn repeated(&self, record: &Record, key: u64, wish: &Wish) -> Option<(RecordId, Repeat)> {
        let Consolidation { repeats, recall_window, .. } = self.config.consolidation;
        let how = self.config.consolidate(&record.kind.0);
        if repeats == Repeats::Keep || how == Consolidate::Never {
            return None;
        }
        // What asks for more than the record has that is there, is no repeat of it.
        let is_there = |known: &&Record| {
            !known.is_expired(self.asked.now)
                && (known.pinned || !record.pinned)
                && wish.tier.is_none_or(|tier| tier == known.tier)
                && (record.source.is_none() || record.source == known.source)
        };
        let same_moment = |known: &Record| known.occurred_at == record.occurred_at;
        let judge = |known: &Record| {
            if how == Consolidate::Merge {
                return Some(Repeat::Known);
            }
            if wish.moment {
                return same_moment(known).then_some(Repeat::SameMoment);
            }
            let last = known.usage.last().filter(|last| self.asked.now.since(*last) <= recall_window);
            (last.is_some() && !is_brief(&known.text)).then_some(Repeat::Recalled)
        };
        let stored = self.state.statements.slots(key).filter_map(|slot| self.state.store.record(slot));
        let staged = self.said.get(&key).into_iter().flatten().copied();
        let mut known: Vec<RecordId> = stored.map(|known| known.id).chain(staged).collect();
        known.sort_unstable();
        let known = known.into_iter().filter_map(|id| self.current(id)).filter(is_there);
        let mut known = known.filter(|known| {
            // The transaction may have made something else of it.
            same_fields(known, record) && same_statement(&known.text, &record.text)
        });
        if let Some(found) = known.find_map(|known| Some((known.id, judge(known)?))) {
            return Some(found);
        }
        // Who says when it happened, tells of an event of its own.
        if wish.moment {
            return None;
        }
        let recalled =
            self.asked.recalled.iter().filter(|(_, at)| self.asked.now.since(*at) <= recall_window);
        recalled
            .filter_map(|(id, _)| self.current(*id))
            .find(|known| is_there(known) && !is_brief(&known.text) && echoes(record, known))
            .map(|known| (known.id, Repeat::Recalled))
    }

    /// Takes what was to be added for the record that says it already. Saying it anew is a use of it; an echo of a recall,
    /// or the same told twice, is none, so that nothing grows strong by itself.
    fn repeat(&mut self, id: RecordId, because: Repeat, importance: Option<f64>) -> Result<(), CommandError> {
        let mut record = self.find(id, None)?;
        if because == Repeat::Known {
            record.usage.note(self.asked.now);
            self.out.changes.push(Change::Use(vec![(id, record.usage.clone())]));
        }
        let more = importance.filter(|given| *given > record.importance && because == Repeat::Known);
        if let Some(importance) = more {
            record.importance = importance;
            record.version = record.version.saturating_add(1);
            let version = record.version;
            self.out.changes.push(Change::Revise(Box::new(record.clone())));
            self.out.events.push(Event::MemoryUpdated { id, version });
        }
        self.overlay.insert(id, Some(record));
        self.note(id, Event::MemoryRepeated { id, because });
        Ok(())
    }

    /// Where the record with this id went by consolidation, if this view sees that and `id` is no longer there itself.
    fn destination(&self, id: RecordId) -> Option<RecordId> {
        let into = self.state.store.destination(id).filter(|_| self.current(id).is_none())?;
        let record = self.current(into);
        let holds = |record: &&Record| record.origins.iter().any(|origin| origin.id == id);
        record
            .filter(holds)
            .filter(|record| self.asked.scope.covers(&record.scope) && !record.is_expired(self.asked.now))?;
        Some(into)
    }

    /// Takes an origin out of the record that it went into. With its last origin, a summary ends.
    fn take_out(
        &mut self,
        id: RecordId,
        into: RecordId,
        vector: Option<Vec<f32>>,
        if_version: Option<u32>,
    ) -> Result<(), CommandError> {
        let before = self.find(into, if_version)?;
        let vector = self.accept(vector)?;
        match without(&before, id) {
            None => {
                self.replace(into, None)?;
                let others = before.origins.iter().map(|origin| origin.id).filter(|other| *other != id);
                self.ended.extend(others.chain([into]));
                self.out.changes.push(Change::Remove(into));
                self.out.events.push(Event::MemoryForgotten { id: into });
            }
            Some(record) => {
                let version = record.version;
                let change = if record.text == before.text {
                    Change::Revise(Box::new(record.clone()))
                } else {
                    let code = vector.map(|vector| self.state.encode(vector, self.kept_in(record.tier)));
                    Change::Put(Box::new(record.clone()), code)
                };
                self.out.changes.push(change);
                self.replace(into, Some(record))?;
                self.out.events.push(Event::MemoryUpdated { id: into, version });
            }
        }
        self.note(id, Event::MemoryForgotten { id });
        Ok(())
    }

    fn update(
        &mut self,
        id: RecordId,
        patch: Patch,
        vector: Option<Vec<f32>>,
        if_version: Option<u32>,
    ) -> Result<(), CommandError> {
        let before = self.find(id, if_version)?;
        if patch == Patch::default() && vector.is_none() {
            self.out.ids.push(id);
            return Ok(());
        }
        let mut record = before.clone();
        if let Some(text) = patch.text {
            check_text(&text, self.config)?;
            // Somebody's own words are no longer made of the origins'.
            if text != record.text {
                record.summary = false;
                for origin in &mut record.origins {
                    origin.text.get_or_insert_with(|| before.text.clone());
                }
            }
            record.text = text;
        }
        record.kind = patch.kind.unwrap_or(record.kind);
        record.actor = patch.actor.or(record.actor);
        record.occurred_at = patch.occurred_at.unwrap_or(record.occurred_at);
        record.importance = patch.importance.unwrap_or(record.importance);
        record.tags = patch.tags.map_or(record.tags, distinct);
        record.metadata = patch.metadata.unwrap_or(record.metadata);
        record.pinned = patch.pinned.unwrap_or(record.pinned);
        record.expires_at = patch.expires_at.or(record.expires_at);
        record.source = patch.source.or(record.source);
        for field in patch.clear {
            match field {
                Clearable::Actor => record.actor = None,
                Clearable::ExpiresAt => record.expires_at = None,
                Clearable::Source => record.source = None,
            }
        }
        record.version = record.version.saturating_add(1);
        check_record(&record, self.asked.now)?;
        let vector = self.accept(vector)?;
        let version = record.version;
        let same_words = before.keyword_fields() == record.keyword_fields();
        let change = if vector.is_none() && same_words {
            Change::Revise(Box::new(record.clone()))
        } else {
            // The old vector still stands for the text if only labels or dates changed.
            let kept = || {
                let unchanged = before.text == record.text && before.actor == record.actor;
                unchanged.then(|| self.code_of(id)).flatten()
            };
            let code =
                vector.map(|vector| self.state.encode(vector, self.kept_in(record.tier))).or_else(kept);
            Change::Put(Box::new(record.clone()), code)
        };
        self.out.changes.push(change);
        self.replace(id, Some(record))?;
        self.note(id, Event::MemoryUpdated { id, version });
        Ok(())
    }

    /// How unlike everything the record's scope holds a vector is: 1 - the highest cosine, if importance is to be
    /// composed of that.
    fn surprise(&self, scope: &Scope, vector: Option<&[f32]>) -> Option<f32> {
        if self.config.importance.surprise <= 0.0 {
            return None;
        }
        let (vector, index) = (vector?, self.state.vectors()?);
        let visible = self.state.store.visible(scope, self.asked.now);
        let ties = |slot| u128::from(slot);
        // Exact: what others have beside must not show.
        let wanted =
            Wanted { limit: 1, sure: 1, allowed: &visible, exact: true, recall: DEFAULT_RECALL, ties: &ties };
        let nearest = index.search(&index.probe(vector, &[]).by_direction(), &wanted).hits.first()?.score;
        Some((1.0 - nearest).clamp(0.0, 1.0))
    }

    /// Notes what becomes of a record. Refuses it if its new tier, or the memory, refuses what it has no room for.
    fn replace(&mut self, id: RecordId, record: Option<Record>) -> Result<(), CommandError> {
        let refuses = |tier: &Tier| self.config.tier(*tier).on_limit == OnLimit::Reject;
        if Tier::ALL.iter().any(refuses) || self.config.total.on_limit == OnLimit::Reject {
            self.weigh(id, record.as_ref())?;
        }
        self.overlay.insert(id, record);
        Ok(())
    }

    fn weigh(&mut self, id: RecordId, record: Option<&Record>) -> Result<(), CommandError> {
        let store = &self.state.store;
        let stored = || store.get(id).map(|record| (record.tier, store.bytes(id)));
        let before = self.weights.get(&id).copied().unwrap_or_else(stored);
        let after = record.map(|record| (record.tier, expected_weight(record, self.shape_of(record))));
        for (place, sign) in [(before, -1), (after, 1)] {
            if let Some((tier, bytes)) = place {
                let (items, total) = &mut self.gains[tier.index()];
                *items += sign;
                *total += sign * i64::from(bytes);
            }
        }
        self.weights.insert(id, after);
        let Some((tier, _)) = after.filter(|(tier, _)| before.is_none_or(|(from, _)| from != *tier)) else {
            return Ok(());
        };
        let exceeds = |limits: Limits, (items, bytes): (usize, u64), gains: (i64, i64)| {
            let (items, bytes) =
                (items as i128 + i128::from(gains.0), i128::from(bytes) + i128::from(gains.1));
            limits.max_items.is_some_and(|limit| items > i128::from(limit))
                || limits.max_bytes.is_some_and(|limit| bytes > i128::from(limit))
        };
        let (settings, total) = (self.config.tier(tier), self.config.total);
        let held = (store.tier_len(tier), store.tier_bytes(tier));
        if settings.on_limit == OnLimit::Reject && exceeds(settings.limits(), held, self.gains[tier.index()])
        {
            return Err(CommandError::TierFull { tier });
        }
        let gains = self.gains.iter().fold((0, 0), |sum, gain| (sum.0 + gain.0, sum.1 + gain.1));
        let held = (store.len(), store.total_bytes());
        if total.on_limit == OnLimit::Reject && before.is_none() && exceeds(total.limits(), held, gains) {
            return Err(CommandError::MemoryFull);
        }
        Ok(())
    }

    /// A record as this transaction has left it.
    fn current(&self, id: RecordId) -> Option<&Record> {
        match self.overlay.get(&id) {
            Some(staged) => staged.as_ref(),
            None => self.state.store.get(id),
        }
    }

    /// How vectors are kept in `tier`.
    fn kept_in(&self, tier: Tier) -> Kept {
        self.state.kept_in(tier, self.config)
    }

    /// What this transaction has put in place of the vector of a record, if it has.
    fn staged_code(&self, id: RecordId) -> Option<Option<&Code>> {
        self.out.changes.iter().rev().find_map(|change| match change {
            Change::Put(record, code) if record.id == id => Some(code.as_ref()),
            _ => None,
        })
    }

    /// What is kept of the vector of a record as this transaction has left it.
    fn code_of(&self, id: RecordId) -> Option<Code> {
        self.staged_code(id).map_or_else(|| self.state.code(id), |staged| staged.cloned())
    }

    /// The shape that the vector of a record will have where the record is now.
    fn shape_of(&self, record: &Record) -> Option<Vectored> {
        let staged = self.staged_code(record.id).map(|code| code.map(Code::kept));
        let kept = staged.unwrap_or_else(|| self.state.kept(record.id))?;
        let space = self.settled.as_ref().or(self.state.space.as_ref())?;
        Some(self.state.shape(self.state.lesser(kept, self.kept_in(record.tier)), space.dimensions))
    }

    /// The record, if this view sees it and it is at the expected version.
    fn find(&self, id: RecordId, if_version: Option<u32>) -> Result<Record, CommandError> {
        let record = self
            .current(id)
            .filter(|record| self.asked.scope.covers(&record.scope) && !record.is_expired(self.asked.now))
            .ok_or_else(|| match self.destination(id) {
                Some(into) => CommandError::Consolidated { id, into },
                None => CommandError::NotFound { id },
            })?;
        match if_version {
            Some(expected) if expected != record.version => {
                Err(CommandError::Conflict { id, expected, found: record.version })
            }
            _ => Ok(record.clone()),
        }
    }

    fn note(&mut self, id: RecordId, event: Event) {
        self.out.ids.push(id);
        self.out.events.push(event);
    }

    /// Checks a vector against the memory's space, and settles the memory on that of its first one.
    fn accept(&mut self, vector: Option<Vec<f32>>) -> Result<Option<Directed>, CommandError> {
        let Some(vector) = vector else { return Ok(None) };
        let Some(space) = self.asked.space else {
            return Err(CommandError::invalid("space", "is needed with a vector"));
        };
        let directed = self.check_vector(vector, space)?;
        if self.settled.as_ref().or(self.state.space.as_ref()).is_none() {
            self.settled = Some(space.clone());
            self.out.changes.push(Change::Space(space.clone(), self.state.metric(self.config)));
        }
        Ok(Some(directed))
    }

    fn check_vector(&self, vector: Vec<f32>, space: &EmbeddingSpace) -> Result<Directed, CommandError> {
        let current = self.settled.as_ref().or(self.state.space.as_ref());
        check_vector(vector, space, current, self.state.metric(self.config), "vector")
    }
}

/// Whether what is to be added only echoes a record that was recalled: it says nothing that the record does not.
fn echoes(new: &Record, known: &Record) -> bool {
    new.scope == known.scope
        && new.kind == known.kind
        && (new.actor.is_none() || new.actor == known.actor)
        && (new.tags.is_empty() || new.tags == known.tags)
        && (new.metadata.is_empty() || new.metadata == known.metadata)
        && new.expires_at == known.expires_at
        && covers(&known.text, &new.text)
}

/// Where a record goes from `from`.
fn destination(from: Tier, direction: Direction, to: Option<Tier>) -> Result<Tier, CommandError> {
    let (next, way) = match direction {
        Direction::Up => (from.above(), "more"),
        Direction::Down => (from.below(), "less"),
    };
    let to = to.or(next).ok_or_else(|| {
        CommandError::invalid("to", format!("there is no tier {way} durable than {}", from.name()))
    })?;
    if match direction {
        Direction::Up => to < from,
        Direction::Down => to > from,
    } {
        let problem = format!("{} is not {way} durable than {}, where the record is", to.name(), from.name());
        return Err(CommandError::invalid("to", problem));
    }
    Ok(to)
}

fn distinct(tags: Vec<String>) -> Vec<String> {
    let mut seen = FxHashSet::default();
    tags.into_iter().filter(|tag| seen.insert(tag.clone())).collect()
}
