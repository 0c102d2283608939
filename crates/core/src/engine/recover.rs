//! From bytes to a memory: reading the manifest, the segments and the logs back.
//!
//! Sans-io: [`Opening`] says which object it needs next and is given its bytes. Nothing is written while opening; a
//! memory that is only read stays byte for byte as it was.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use serde::Serialize;

use crate::config::{Config, GraphUse};
use crate::engine::Engine;
use crate::engine::graph::{GraphRef, adopt_graph};
use crate::engine::journal::Journal;
use crate::engine::lists::{ListsRef, adopt_lists};
use crate::engine::state::State;
use crate::error::{Error, FormatError};
use crate::index::text::TOKENIZER;
use crate::model::{EmbeddingSpace, Kept, RecordId};
use crate::persist::{Change, LogReader, Manifest, ObjectKind, SegmentReader};

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
    manifest: Option<Manifest>,
    wanted: VecDeque<String>,
    loaded: FxHashMap<String, Vec<u8>>,
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
        Ok(Opening {
            config,
            seed,
            keys,
            candidates,
            refused: None,
            manifest: None,
            wanted,
            loaded: FxHashMap::default(),
        })
    }

    /// The key whose bytes are needed next, or nothing when all is there.
    pub fn wanted(&self) -> Option<&str> {
        self.wanted.front().map(String::as_str)
    }

    /// Takes the bytes of the wanted key; `None` if storage has no such key.
    ///
    /// # Errors
    /// [`FormatError`] when the bytes cannot be used. The opening is over then; storage is untouched.
    pub fn supply(&mut self, bytes: Option<Vec<u8>>) -> Result<(), Error> {
        let Some(key) = self.wanted.pop_front() else { return Ok(()) };
        if self.manifest.is_some() {
            match bytes {
                Some(bytes) => {
                    self.loaded.insert(key, bytes);
                }
                None if self.caches().any(|cache| cache == key) => {}
                None => return Err(corrupt(&key, "the manifest names it, but it is missing").into()),
            }
            return Ok(());
        }
        let decoded = match bytes {
            Some(bytes) => Manifest::decode(&key, &bytes),
            None => Err(corrupt(&key, "it is listed, but cannot be read")),
        };
        match decoded {
            Ok(manifest) => self.plan(manifest),
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

    fn plan(&mut self, manifest: Manifest) -> Result<(), Error> {
        self.wanted.extend(manifest.segments.iter().map(|segment| ObjectKind::Segment.key(segment.number)));
        self.wanted.extend(manifest.closed_logs.iter().map(|log| ObjectKind::Log.key(log.number)));
        let active = ObjectKind::Log.key(manifest.active_log);
        if self.keys.contains(&active) {
            self.wanted.push_back(active);
        }
        let caches: Vec<String> = self.caches().collect();
        self.wanted.extend(caches);
        self.manifest = Some(manifest);
        Ok(())
    }

    /// Builds the engine from what was supplied.
    ///
    /// # Errors
    /// [`FormatError`] naming the object and the byte where it stops making sense.
    pub fn finish(mut self) -> Result<(Engine, OpenReport), Error> {
        let Some(manifest) = self.manifest.take() else {
            let report = OpenReport { created: true, ..OpenReport::default() };
            return Ok((
                Engine::assemble(self.config, self.seed, State::default(), Journal::fresh()),
                report,
            ));
        };
        let mut report = OpenReport::default();
        let mut state = State::with_space(manifest.space.clone(), manifest.metric);
        let taken =
            manifest.projections.iter().all(|(number, known)| state.project(*number, Some(known.clone())));
        let named = manifest.trained.iter().flatten().all(|number| state.projection(*number).is_some());
        if !(taken && named) {
            return Err(
                corrupt(&manifest.key(), "a projection does not fit its vectors, or is missing").into()
            );
        }
        state.trained = manifest.trained;
        let homes = self.load_segments(&manifest, &mut state)?;
        let lists = self.newest(ObjectKind::Lists).and_then(|number| {
            let bytes = self.loaded.remove(&ObjectKind::Lists.key(number))?;
            adopt_lists(&mut state, (number, &bytes), &homes.records)
        });
        let graph = self.newest(ObjectKind::Graph).filter(|number| {
            let bytes = self.loaded.remove(&ObjectKind::Graph.key(*number));
            let wanted = bytes.filter(|_| self.config.graph != GraphUse::Never);
            wanted.is_some_and(|bytes| adopt_graph(&mut state, (*number, &bytes), &homes.records))
        });
        let Replayed { changes, sequence, log_bytes } = self.replay(&manifest, &mut state, &mut report)?;
        report.records = state.store.len();
        report.leftovers = self.leftovers(&manifest, lists, graph);

        let mut journal = Journal::recovered(manifest, sequence, log_bytes, report.leftovers.clone());
        journal.lists = lists.unwrap_or_default();
        journal.graph = graph.map(GraphRef::opened).unwrap_or_default();
        for (id, segment) in homes.records {
            journal.note_home(id, segment);
        }
        for (segment, bytes) in homes.saved {
            journal.note_saved(segment, bytes);
        }
        for (id, segment) in homes.traces.into_iter().rev() {
            journal.note_trace_home(id, segment);
        }
        for (segment, ids) in homes.tombstones {
            journal.note_tombstones(segment, ids);
        }
        changes.iter().for_each(|(commit, change)| journal.note_change(*commit, change));
        let mut engine = Engine::assemble(self.config, self.seed, state, journal);
        if let Some(from) = engine.journal.manifest.uncompared {
            engine.compare_from(from);
        }
        engine.note_fresh(changes.iter().map(|(_, change)| change));
        Ok((engine, report))
    }

    /// Loads the newest form of each sealed record, newest segment first.
    fn load_segments(&mut self, manifest: &Manifest, state: &mut State) -> Result<Homes, Error> {
        let mut homes = Homes::default();
        let mut settled: FxHashSet<RecordId> = FxHashSet::default();
        let mut traces: Vec<[Change; 2]> = Vec::new();
        for segment in manifest.segments.iter().rev() {
            let key = ObjectKind::Segment.key(segment.number);
            let bytes = self.loaded.remove(&key).unwrap_or_default();
            let reader = SegmentReader::decode(&key, &bytes)?;
            let records: usize = reader.blocks.iter().map(|(_, rows)| rows.len()).sum();
            if bytes.len() as u64 != segment.bytes || records as u64 != u64::from(segment.records) {
                return Err(corrupt(&key, "it is not as long as the manifest says").into());
            }
            let dimensions = manifest.space.as_ref().map_or(0, |space| space.dimensions);
            let counts = manifest.counts_segment(segment.number);
            if counts && reader.dimensions != 0 && reader.dimensions != dimensions {
                return Err(corrupt(&key, "its vectors have other dimensions than the manifest says").into());
            }
            let terms_are_current = reader.tokenizer == TOKENIZER;
            for (dictionary, rows) in reader.blocks {
                for mut row in rows {
                    let id = row.record.id;
                    if !settled.insert(id) {
                        continue;
                    }
                    // Those of another space are gone.
                    row.code = row.code.filter(|_| counts);
                    if row.code.as_ref().is_some_and(|code| !state.fits(code)) {
                        return Err(
                            corrupt(&key, "a vector is kept in a way that does not fit its memory").into()
                        );
                    }
                    homes.records.push((id, segment.number));
                    if terms_are_current {
                        let terms =
                            row.terms.iter().map(|(term, count)| (&*dictionary[*term as usize], *count));
                        state.restore(row.record, row.code.as_ref(), terms, row.statement);
                    } else {
                        state.apply(&Change::Put(Box::new(row.record), row.code));
                    }
                }
            }
            homes.saved.push((segment.number, reader.saved));
            for (id, changes) in reader.traces {
                if !settled.contains(&id) {
                    traces.push(changes);
                    homes.traces.push((id, segment.number));
                }
            }
            settled.extend(reader.tombstones.iter().copied());
            if !reader.tombstones.is_empty() {
                homes.tombstones.push((segment.number, reader.tombstones));
            }
        }
        // The newest is carried over last, and counts.
        traces.iter().rev().flatten().for_each(|change| state.apply(change));
        Ok(homes)
    }

    /// Applies the commits that are in no segment.
    fn replay(
        &mut self,
        manifest: &Manifest,
        state: &mut State,
        report: &mut OpenReport,
    ) -> Result<Replayed, Error> {
        let mut applied = Vec::new();
        let mut sequence = manifest.sealed_sequence;
        let mut log_bytes = 0;
        let closed = manifest.closed_logs.iter().map(|log| (log.number, Some(log.bytes)));
        for (number, sealed) in closed.chain([(manifest.active_log, None)]) {
            let key = ObjectKind::Log.key(number);
            let Some(bytes) = self.loaded.remove(&key) else { continue };
            let mut log = LogReader::new(&key, &bytes, sealed)?;
            while let Some((number, frame)) = log.next(sealed.is_some())? {
                if number != sequence + 1 {
                    return Err(corrupt(&key, "a commit is missing before one that is there").into());
                }
                sequence = number;
                let (_, changes) = frame.into_changes().map_err(|problem| corrupt(&key, problem))?;
                let counts = manifest.counts_commit(sequence);
                for change in changes
                    .into_iter()
                    .filter_map(|change| if counts { Some(change) } else { without_vectors(change) })
                {
                    check_vectors(state, &change).map_err(|problem| corrupt(&key, problem))?;
                    state.apply(&change);
                    applied.push((sequence, change));
                }
                report.replayed_commits += 1;
            }
            report.torn_bytes += log.torn_bytes();
            log_bytes = log.good_bytes();
            if sealed.is_some() {
                log_bytes = 0;
            }
        }
        Ok(Replayed { changes: applied, sequence, log_bytes })
    }

    /// The keys of the caches that storage has: the newest of each kind. Each can be missing or damaged.
    fn caches(&self) -> impl Iterator<Item = String> {
        let kinds = [ObjectKind::Lists, ObjectKind::Graph].into_iter();
        kinds.filter_map(|kind| Some(kind.key(self.newest(kind)?)))
    }

    /// The highest number of an object of that kind that storage has.
    fn newest(&self, wanted: ObjectKind) -> Option<u64> {
        let parsed = self.keys.iter().filter_map(|key| ObjectKind::parse(key));
        parsed.filter(|(kind, _)| *kind == wanted).map(|(_, number)| number).max()
    }

    fn leftovers(&self, manifest: &Manifest, lists: Option<ListsRef>, graph: Option<u64>) -> Vec<String> {
        let is_alive = |kind: ObjectKind, number: u64| match kind {
            ObjectKind::Manifest => number == manifest.generation,
            ObjectKind::Lists => lists.is_some_and(|lists| lists.number == number),
            ObjectKind::Graph => graph == Some(number),
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

/// What the logs said.
struct Replayed {
    /// What was applied, each with the number of its commit.
    changes: Vec<(u64, Change)>,
    /// The number of the last commit.
    sequence: u64,
    /// Good bytes of the active log.
    log_bytes: u64,
}

#[derive(Default)]
struct Homes {
    records: Vec<(RecordId, u64)>,
    /// Newest first; an id may come again.
    traces: Vec<(RecordId, u64)>,
    tombstones: Vec<(u64, Vec<RecordId>)>,
    saved: Vec<(u64, u64)>,
}

/// What is left of a change if the vectors that it tells of were of another space.
fn without_vectors(change: Change) -> Option<Change> {
    match change {
        Change::Put(record, _) => Some(Change::Put(record, None)),
        Change::Space(..)
        | Change::Train(..)
        | Change::Coarsen(..)
        | Change::Encode(..)
        | Change::Embed(_) => None,
        other => Some(other),
    }
}

fn check_vectors(state: &mut State, change: &Change) -> Result<(), &'static str> {
    let fits = match change {
        Change::Space(space, _) => EmbeddingSpace::allows(space.dimensions),
        Change::Put(_, Some(code)) => state.fits(code),
        Change::Coarsen(Kept::Projected(number), _) => {
            state.projection(*number).is_some_and(|known| known.encoder().is_none())
        }
        Change::Encode(number, codes) => {
            let made = state.projection(*number).filter(|known| known.encoder().is_some());
            made.is_some_and(|made| codes.iter().all(|(_, steps)| steps.len() == made.width()))
        }
        Change::Embed(codes) => codes.iter().all(|(_, code)| state.fits(code)),
        Change::Train(_, Some((number, projection))) => state.project(*number, Some(projection.clone())),
        _ => true,
    };
    if fits { Ok(()) } else { Err("a vector or a projection does not fit its memory") }
}

fn corrupt(object: &str, problem: &str) -> FormatError {
    FormatError::Corrupt { object: object.to_owned(), offset: 0, problem: problem.to_owned() }
}
