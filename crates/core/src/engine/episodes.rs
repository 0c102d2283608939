//! Summaries of old episodes: finds those that belong together, and puts what the host says of them in their place.
//!
//! Works in steps, like all of maintenance. What went into a summary stays there as an [`Origin`].

use std::collections::VecDeque;

use serde::Serialize;

use crate::config::{Consolidate, Episodes};
use crate::consolidate::{Item, extract, group};
use crate::engine::Engine;
use crate::engine::check::{MAX_TAGS, check_text, check_vector};
use crate::engine::event::{Event, Form};
use crate::engine::maintain::Incoming;
use crate::engine::retention::standing;
use crate::error::{CommandError, Error};
use crate::model::{
    Directed, EmbeddingSpace, Metadata, Origin, Record, RecordId, Span, Tier, Timestamp, Usage,
};
use crate::persist::Change;
use crate::tier::Place;

/// Old episodes that are grouped at once.
const WINDOW: usize = 256;
/// Time between two searches through the old episodes.
const ROUND: Span = Span(3_600_000);

/// The search through the old episodes.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    /// Where it goes on.
    resume: Option<Place>,
    /// When the last one ended.
    ended: Option<Timestamp>,
    /// Groups found and not yet handed out.
    found: VecDeque<Vec<RecordId>>,
}

/// Old episodes about one thing, to be summed up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Which, in the order of time.
    pub ids: Vec<RecordId>,
    /// Their versions: a summary of what has changed since is not taken.
    pub versions: Vec<u32>,
    /// What they say.
    pub texts: Vec<String>,
    /// Of each, the sentences that matter most, none for many.
    pub extracts: Vec<String>,
    /// These together: the summary, unless the host has a better one.
    pub text: String,
    /// Who said or did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When the first of them happened.
    pub from: Timestamp,
    /// When the last of them happened.
    pub to: Timestamp,
}

/// What a step of the search for groups came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSearch {
    /// A group, if one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Whether there is more to look at.
    pub more: bool,
}

impl Engine {
    /// Looks through some old episodes for those that belong together, if the configuration says that they are summed up.
    /// The host calls it until nothing is left to look at, embeds what each group says, and gives it to
    /// [`Engine::summarise`].
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn next_group(&mut self, now: Timestamp) -> Result<GroupSearch, CommandError> {
        self.check_writable()?;
        let Some(episodes) = self.config.consolidation.episodes else {
            return Ok(GroupSearch { group: None, more: false });
        };
        while let Some(ids) = self.consolidating.grouping.found.pop_front() {
            // Words are dear: none are asked for that there is no room for.
            let first = ids.first().and_then(|id| self.state.store.get(*id));
            let fits = |record| self.admits(record, Tier::LongTerm, &mut Incoming::default());
            if first.is_some_and(fits)
                && let Some(group) = self.group(&episodes, &ids, now)
            {
                return Ok(GroupSearch { group: Some(group), more: true });
            }
        }
        let rested = self.consolidating.grouping.ended.is_none_or(|ended| ended + ROUND <= now);
        if !rested && self.consolidating.grouping.resume.is_none() {
            return Ok(GroupSearch { group: None, more: false });
        }
        let more = self.search_episodes(&episodes, now);
        Ok(GroupSearch { group: None, more: more || !self.consolidating.grouping.found.is_empty() })
    }

    /// Puts a summary in the place of a group, named by its ids and their versions: the texts of its records are gone
    /// afterwards, apart from what the summary has of them. `text` is what the host makes of them, the extracts if it
    /// makes nothing. Answers the id of the summary, or nothing if the records have changed or the long-term tier takes
    /// no more; then nothing happens.
    ///
    /// # Errors
    /// [`Error::Command`] naming the field. Nothing changed then.
    pub fn summarise(
        &mut self,
        (ids, versions): (&[RecordId], &[u32]),
        text: Option<String>,
        space: Option<&EmbeddingSpace>,
        vector: Option<Vec<f32>>,
        now: Timestamp,
    ) -> Result<Option<RecordId>, Error> {
        self.check_writable()?;
        if let Some(text) = &text {
            check_text(text, &self.config)?;
        }
        let vector = match (vector, space) {
            (Some(vector), Some(space)) => {
                let metric = self.state.metric(&self.config);
                Some(check_vector(vector, space, self.state.space.as_ref(), metric, "vector")?)
            }
            _ => None,
        };
        let Some(episodes) = self.config.consolidation.episodes else { return Ok(None) };
        let Some(same) = self.group(&episodes, ids, now).filter(|same| same.versions == versions) else {
            return Ok(None);
        };
        let vector = match vector {
            Some(vector) => Some(vector),
            None => {
                self.begin_reading();
                let mean = self.mean_vector(&same.ids);
                self.end_reading()?;
                mean
            }
        };
        let records: Vec<&Record> = same.ids.iter().filter_map(|id| self.state.store.get(*id)).collect();
        let record = summed_up(self.ids.next(now), &records, &same, text, now);
        if !self.admits(&record, Tier::LongTerm, &mut Incoming::default()) {
            return Ok(None);
        }
        let id = record.id;
        let code =
            vector.map(|vector| self.state.encode(vector, self.state.kept_in(Tier::LongTerm, &self.config)));
        // They go first, so that the ids that led to them are free to lead here.
        let mut changes: Vec<Change> = same.ids.iter().map(|id| Change::Remove(*id)).collect();
        changes.push(Change::Put(Box::new(record), code));
        let event = Event::MemoryConsolidated { id, origins: same.ids, form: Form::Summary };
        self.record(changes, vec![event], now);
        Ok(Some(id))
    }

    /// When the search through the old episodes is next useful.
    pub(super) fn next_grouping(&self) -> Option<Timestamp> {
        let episodes = self.config.consolidation.episodes?;
        let first =
            self.state.store.tier_after(Tier::Intermediate, None).find(|record| self.is_episode(record))?;
        let old = first.tier_since + episodes.after;
        Some(self.consolidating.grouping.ended.map_or(old, |ended| old.max(ended + ROUND)))
    }

    fn is_episode(&self, record: &Record) -> bool {
        self.config.consolidate(&record.kind.0) == Consolidate::Summarise
            && !record.pinned
            && !record.summary
            && record.expires_at.is_none()
    }

    /// Whether a record is old and faded enough to go into a summary.
    fn is_past(&self, episodes: &Episodes, record: &Record, now: Timestamp) -> bool {
        record.tier == Tier::Intermediate
            && self.is_episode(record)
            && record.tier_since + episodes.after <= now
            && standing(&self.config, record, now).retention < episodes.retention_below
    }

    /// Groups the next of the old episodes. Answers whether there are more.
    fn search_episodes(&mut self, episodes: &Episodes, now: Timestamp) -> bool {
        let store = &self.state.store;
        let old = store
            .tier_after(Tier::Intermediate, self.consolidating.grouping.resume)
            .take_while(|record| record.tier_since + episodes.after <= now)
            .take(WINDOW);
        let (mut seen, mut last) = (0, None);
        let mut alike: Vec<Vec<&Record>> = Vec::new();
        for record in old {
            seen += 1;
            last = Some((record.tier_since, record.id));
            if self.is_past(episodes, record, now) {
                let goes_with = |other: &Record| {
                    other.actor == record.actor && other.kind == record.kind && other.scope == record.scope
                };
                match alike.iter_mut().find(|records| goes_with(records[0])) {
                    Some(records) => records.push(record),
                    None => alike.push(vec![record]),
                }
            }
        }
        let mut found = VecDeque::new();
        for records in alike {
            let terms = self.numbered_terms(&records);
            let items = records.iter().zip(&terms);
            let items: Vec<Item<'_>> =
                items.map(|(record, terms)| Item { at: record.occurred_at, terms }).collect();
            for members in group(&items, &episodes.group) {
                found.push_back(members.into_iter().map(|index| records[index].id).collect());
            }
        }
        self.consolidating.grouping.found = found;
        let more = seen == WINDOW;
        self.consolidating.grouping.resume = last.filter(|_| more);
        if !more {
            self.consolidating.grouping.ended = Some(now);
        }
        more
    }

    /// The terms of each record and how often they occur, numbered in the order of their names.
    fn numbered_terms(&self, records: &[&Record]) -> Vec<Vec<(u32, u32)>> {
        let slot = |record: &&Record| self.state.store.slot(record.id);
        let terms = |slot| self.state.text.terms_of(slot);
        let mut names: Vec<&str> =
            records.iter().filter_map(slot).flat_map(terms).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        let number = |name: &str| names.binary_search(&name).unwrap_or_default() as u32;
        let numbered = |record: &&Record| {
            let own = slot(record).into_iter().flat_map(terms);
            let mut own: Vec<(u32, u32)> = own.map(|(name, count)| (number(name), count)).collect();
            own.sort_unstable();
            own
        };
        records.iter().map(numbered).collect()
    }

    /// The group of these records, if they all are still there and past.
    fn group(&self, episodes: &Episodes, ids: &[RecordId], now: Timestamp) -> Option<Group> {
        let past =
            |id: &RecordId| self.state.store.get(*id).filter(|record| self.is_past(episodes, record, now));
        let records: Vec<&Record> = ids.iter().map(past).collect::<Option<_>>()?;
        let (first, last) = (records.first()?, records.last()?);
        let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        // One of them at least fits.
        let shortest = texts.iter().map(|text| text.len()).min().unwrap_or_default();
        let extracts = extract(&texts, shortest.max((bytes as f64 * episodes.share) as usize));
        let said = extracts.iter().filter(|text| !text.is_empty());
        let text = said.map(String::as_str).collect::<Vec<_>>().join("\n");
        (!text.is_empty()).then(|| Group {
            ids: ids.to_vec(),
            versions: records.iter().map(|record| record.version).collect(),
            texts: texts.into_iter().map(str::to_owned).collect(),
            extracts,
            text,
            actor: first.actor.clone(),
            from: first.occurred_at,
            to: last.occurred_at,
        })
    }

    /// The mean of the vectors of these records, for a host that embeds nothing.
    fn mean_vector(&self, ids: &[RecordId]) -> Option<Directed> {
        let space = self.state.space.as_ref()?;
        let mut sum = vec![0f32; space.dimensions as usize];
        let mut count = 0;
        for vector in ids.iter().filter_map(|id| self.state.whole_vector(*id)) {
            sum.iter_mut().zip(vector).for_each(|(sum, component)| *sum += component);
            count += 1;
        }
        sum.iter_mut().for_each(|sum| *sum /= count as f32);
        check_vector(sum, space, Some(space), self.state.metric, "vector").ok()
    }
}

/// The record that takes the place of `records`, which are those of `group`.
fn summed_up(
    id: RecordId,
    records: &[&Record],
    group: &Group,
    text: Option<String>,
    now: Timestamp,
) -> Record {
    let first = records[0];
    let mut usage = Usage::default();
    let mut tags: Vec<String> = Vec::new();
    let mut metadata: Metadata = first.metadata.clone();
    for record in records {
        usage.absorb(&record.usage);
        for tag in &record.tags {
            if !tags.contains(tag) && tags.len() < MAX_TAGS {
                tags.push(tag.clone());
            }
        }
        metadata.retain(|name, value| record.metadata.get(name) == Some(value));
    }
    let mut origins: Vec<Origin> = Vec::new();
    let mut take = |origin: Origin| {
        let earlier = |known: &Origin| (known.occurred_at, known.id) < (origin.occurred_at, origin.id);
        origins.insert(origins.partition_point(earlier), origin);
    };
    for (record, said) in records.iter().zip(&group.extracts) {
        take(record.to_origin(Some(said.clone())));
    }
    // Of what had gone into them, nothing was taken; but its ids lead here now.
    let before = records.iter().flat_map(|record| &record.origins);
    for origin in before.take(Record::ORIGINS - records.len()) {
        take(Origin { text: Some(String::new()), ..origin.clone() });
    }
    Record {
        id,
        text: text.unwrap_or_else(|| group.text.clone()),
        kind: first.kind.clone(),
        tier: Tier::LongTerm,
        tier_since: now,
        scope: first.scope.clone(),
        actor: first.actor.clone(),
        occurred_at: first.occurred_at,
        recorded_at: records.iter().map(|record| record.recorded_at).min().unwrap_or(now),
        importance: records.iter().map(|record| record.importance).fold(0.0, f64::max),
        tags,
        metadata,
        usage,
        surprise: None,
        moves: Vec::new(),
        pinned: false,
        expires_at: None,
        source: None,
        origins,
        summary: true,
        version: 1,
    }
}
