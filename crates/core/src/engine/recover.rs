//! From bytes to a memory: reading the manifest, the segments and the logs back.
//!
//! Sans-io: [`Opening`] says which object it needs next and is given its bytes. Nothing is written while opening; a
//! memory that is only read stays byte for byte as it was.

use std::collections::VecDeque;

use serde::Serialize;

use crate::config::{Config, GraphUse};
use crate::engine::Engine;
use crate::engine::graph::GraphRef;
use crate::engine::journal::Journal;
use crate::engine::lists::ListsRef;
use crate::engine::load::{Loading, corrupt};
use crate::engine::state::State;
use crate::error::{Error, FormatError};
use crate::model::Metric;
use crate::persist::{Manifest, ObjectKind};

/// What a record takes in memory beside one and a quarter times what it takes in a segment, at least: as `npm run
/// bench:open` shows it, with vectors and without.
const HELD_BESIDE: u64 = 480;

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenReport {
    /// Whether nothing was stored before.
    pub created: bool,
    /// Records alive.
    pub records: usize,
    /// Commits read from logs, not counting those in segments.
    pub replayed_commits: u64,
    /// Bytes of a torn write that were cut off the end of the log. None of them was ever acknowledged.
    pub torn_bytes: u64,
    /// Objects left behind by a crash, to be removed by the next write.
    pub leftovers: Vec<String>,
}

/// An engine that is being read back.
///
/// # Example
/// ```
/// # use stratamem_core::{Config, Opening};
/// # fn main() -> Result<(), stratamem_core::Error> {
/// let mut opening = Opening::new(Config::default(), 7, Vec::new())?; // the keys that storage lists
/// while let Some(key) = opening.wanted() {
///     let bytes = unreachable!("nothing is stored yet: {key}");
///     opening.supply(bytes)?;
/// }
/// let (engine, report) = opening.finish()?;
/// assert!(report.created && engine.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Opening {
    config: Config,
    seed: u64,
    keys: Vec<String>,
    /// Generations to try, newest first.
    candidates: Vec<u64>,
    refused: Option<FormatError>,
    wanted: VecDeque<String>,
    /// What has been read, once there is a manifest.
    loading: Option<Loading>,
}

impl Opening {
    /// Starts from the keys that storage lists.
    ///
    /// # Errors
    /// [`Error::Command`] for a bad configuration; [`FormatError::Corrupt`] for objects without a manifest.
    pub fn new(config: Config, seed: u64, mut keys: Vec<String>) -> Result<Self, Error> {
        config.validate()?;
        // Numbers are written without leading zeros, so that shorter keys of a kind have smaller numbers. Sorting the
        // numbers as well would be 16 KB of code.
        keys.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        let candidates: Vec<u64> = keys
            .iter()
            .filter_map(|key| ObjectKind::parse(key))
            .filter(|(kind, _)| *kind == ObjectKind::Manifest)
            .map(|(_, number)| number)
            .collect();
        if candidates.is_empty()
            && let Some(key) = keys.iter().find(|key| ObjectKind::parse(key).is_some())
        {
            return Err(corrupt(key, "it is there, but no manifest is").into());
        }
        let wanted =
            candidates.last().map(|generation| ObjectKind::Manifest.key(*generation)).into_iter().collect();
        Ok(Opening { config, seed, keys, candidates, refused: None, wanted, loading: None })
    }

    /// The key whose bytes are needed next, or nothing when all is there.
    pub fn wanted(&self) -> Option<&str> {
        self.wanted.front().map(String::as_str)
    }

    /// The keys that are needed as far as that is known, in their order, from [`Opening::wanted`] on: a host can read some
    /// of them while what came before is taken up. More may follow.
    pub fn upcoming(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().map(String::as_str)
    }

    /// About how many bytes of memory the records in segments will take, rather less than more; nothing before the manifest
    /// has been read. A host whose heap grows in many small steps, each at a price, can make room in one.
    pub fn expected_bytes(&self) -> Option<usize> {
        let segments = &self.loading.as_ref()?.manifest.segments;
        let records = segments.iter().map(|segment| u64::from(segment.records));
        let held = records.fold(0, u64::saturating_add).saturating_mul(HELD_BESIDE);
        // Vectors that stay in storage are most of what is there.
        let stored = segments
            .iter()
            .map(|segment| segment.bytes)
            .filter(|_| self.config.resident_vector_bytes.is_none());
        let stored = stored.fold(0, u64::saturating_add);
        usize::try_from(held.saturating_add(stored).saturating_add(stored / 4)).ok()
    }

    /// Takes the bytes of the wanted key; `None` if storage has no such key. What they say is taken up at once, so that
    /// no more than one large object is held at a time.
    ///
    /// # Errors
    /// [`FormatError`] when the bytes cannot be used, naming the object and the byte where it stops making sense. The
    /// opening is over then; storage is untouched.
    pub fn supply(&mut self, bytes: Option<Vec<u8>>) -> Result<(), Error> {
        let Some(key) = self.wanted.pop_front() else { return Ok(()) };
        if let Some(loading) = &mut self.loading {
            loading.supply(&key, bytes)?;
            if self.wanted.is_empty() {
                self.wanted
                    .extend(loading.look_again().into_iter().map(|number| ObjectKind::Segment.key(number)));
            }
            return Ok(());
        }
        let decoded = match bytes {
            Some(bytes) => Manifest::decode(&key, &bytes),
            None => Err(corrupt(&key, "it is listed, but cannot be read")),
        };
        match decoded {
            Ok(manifest) => Ok(self.plan(manifest)?),
            // A manifest is put before the one before it is removed. If that one is still there, the swap was never
            // acknowledged, and going back loses nothing.
            Err(error @ FormatError::Corrupt { .. }) => {
                self.candidates.pop();
                let refused = self.refused.get_or_insert(error).clone();
                let older = self.candidates.last().ok_or(refused)?;
                self.wanted.push_back(ObjectKind::Manifest.key(*older));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says what is to be read, in the order in which it can be taken up: the logs, which are kept until all else is
    /// there; the segments, newest first; the caches; again those segments whose vectors stay in storage and are not in the
    /// lists.
    fn plan(&mut self, manifest: Manifest) -> Result<(), FormatError> {
        self.wanted.extend(manifest.closed_logs.iter().map(|log| ObjectKind::Log.key(log.number)));
        let active = ObjectKind::Log.key(manifest.active_log);
        if self.keys.contains(&active) {
            self.wanted.push_back(active);
        }
        let segments = manifest.segments.iter().rev();
        self.wanted.extend(segments.map(|segment| ObjectKind::Segment.key(segment.number)));
        let caches: Vec<String> = self.caches().collect();
        self.wanted.extend(caches);
        let paging = self.config.resident_vector_bytes;
        // A walk through a graph reads rows as it goes.
        let takes_graph = self.config.graph != GraphUse::Never && paging.is_none();
        self.loading = Some(Loading::new(manifest, takes_graph, paging)?);
        Ok(())
    }

    /// Builds the engine from what was supplied.
    ///
    /// # Errors
    /// [`FormatError`] naming the object and the byte where it stops making sense, or the object that was not supplied.
    pub fn finish(mut self) -> Result<(Engine, OpenReport), Error> {
        if let Some(key) = self.wanted.front() {
            return Err(corrupt(key, "it was not supplied").into());
        }
        let Some(mut loading) = self.loading.take() else {
            let report = OpenReport { created: true, ..OpenReport::default() };
            return Ok((
                Engine::assemble(
                    self.config.clone(),
                    self.seed,
                    State::with_space(None, Metric::default(), self.config.resident_vector_bytes),
                    Journal::fresh(),
                ),
                report,
            ));
        };
        let replayed = loading.replay()?;
        let Loading { manifest, state, homes, traces, tombstones, saved, lists, graph, .. } = loading;
        let report = OpenReport {
            created: false,
            records: state.store.len(),
            replayed_commits: replayed.commits,
            torn_bytes: replayed.torn_bytes,
            leftovers: self.leftovers(&manifest, lists, graph),
        };
        let mut journal =
            Journal::recovered(manifest, replayed.sequence, replayed.log_bytes, report.leftovers.clone());
        journal.lists = lists.unwrap_or_default();
        journal.graph = graph.unwrap_or_default();
        journal.homes = homes;
        journal.saved = saved;
        for (id, segment) in traces.into_iter().rev() {
            journal.note_trace_home(id, segment);
        }
        for (segment, ids) in tombstones {
            journal.note_tombstones(segment, ids);
        }
        replayed.changes.iter().for_each(|(commit, change)| journal.note_change(*commit, change));
        let mut engine = Engine::assemble(self.config, self.seed, state, journal);
        if let Some(from) = engine.journal.manifest.uncompared {
            engine.compare_from(from);
        }
        engine.note_fresh(replayed.changes.iter().map(|(_, change)| change));
        Ok((engine, report))
    }

    /// The keys of the caches that storage has, the newest of each kind first: behind one that is not whole, since the process
    /// ended while it was written, stands the one before. Each can be missing or damaged.
    fn caches(&self) -> impl Iterator<Item = String> {
        [ObjectKind::Lists, ObjectKind::Graph].into_iter().flat_map(|wanted| {
            let parsed = self.keys.iter().rev().filter_map(|key| ObjectKind::parse(key));
            parsed.filter(move |(kind, _)| *kind == wanted).map(|(kind, number)| kind.key(number))
        })
    }

    fn leftovers(
        &self,
        manifest: &Manifest,
        lists: Option<ListsRef>,
        graph: Option<GraphRef>,
    ) -> Vec<String> {
        let is_alive = |kind: ObjectKind, number: u64| match kind {
            ObjectKind::Manifest => number == manifest.generation,
            ObjectKind::Lists => lists.is_some_and(|lists| lists.number == number),
            ObjectKind::Graph => graph.is_some_and(|graph| graph.number == number),
            ObjectKind::Segment => manifest.segments.iter().any(|segment| segment.number == number),
            ObjectKind::Log => {
                number == manifest.active_log || manifest.closed_logs.iter().any(|log| log.number == number)
            }
        };
        let is_leftover =
            |key: &&String| ObjectKind::parse(key).is_some_and(|(kind, number)| !is_alive(kind, number));
        self.keys.iter().filter(is_leftover).cloned().collect()
    }
}
