//! From objects to a state: takes each up as it is supplied, so that the core holds one large object at a time.
//!
//! Owns what is known of a memory while it is read. [`super::recover`] says which object comes when: the logs, which stay
//! as bytes until [`Loading::replay`], the segments from the newest to the oldest, the caches.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::engine::graph::{GraphRef, adopt_graph};
use crate::engine::id_map::IdMap;
use crate::engine::lists::{ListsRef, adopt_lists};
use crate::engine::state::{Said, State};
use crate::error::FormatError;
use crate::index::text::{Glossary, TOKENIZER};
use crate::index::vector::Seat;
use crate::model::{EmbeddingSpace, Kept, RecordId, Tier};
use crate::persist::{Change, LogReader, Manifest, ObjectKind, SegmentReader};

/// Records that room is made for before they have been seen, at most: more only on their own word.
const ROOM: usize = 1 << 17;

/// A memory that is being read.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) manifest: Manifest,
    pub(super) state: State,
    /// Segment that holds the newest form of a record.
    pub(super) homes: IdMap<u64>,
    /// Segment of each trace that counts, newest first; an id may come again.
    pub(super) traces: Vec<(RecordId, u64)>,
    /// Per segment, the ids that it buries.
    pub(super) tombstones: Vec<(u64, Vec<RecordId>)>,
    /// Per segment, the bytes that packing saves.
    pub(super) saved: FxHashMap<u64, u64>,
    /// The lists of codes that were taken up.
    pub(super) lists: Option<ListsRef>,
    /// The graph that was taken up.
    pub(super) graph: Option<GraphRef>,
    /// Whether a graph is to be taken up.
    takes_graph: bool,
    /// Whether the records of the segments have been brought into their orders.
    arranged: bool,
    /// What the traces say, newest first, until they are carried out.
    traced: Vec<[Change; 2]>,
    /// Ids that segments read so far bury.
    buried: FxHashSet<RecordId>,
    /// Logs by number.
    logs: FxHashMap<u64, Vec<u8>>,
    /// Whether segments are read for the second time, for the codes of vectors that stay in storage.
    again: bool,
    /// The tier that a trace has brought a record to, if vectors may stay in storage.
    moved: FxHashMap<RecordId, Tier>,
    /// Records whose vectors the logs keep less exactly, if vectors may stay in storage: they are needed.
    needed: Option<FxHashSet<RecordId>>,
}

/// What the logs said.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// What was applied, each with the number of its commit.
    pub(super) changes: Vec<(u64, Change)>,
    /// The number of the last commit.
    pub(super) sequence: u64,
    /// How many commits there were.
    pub(super) commits: u64,
    /// Good bytes of the active log.
    pub(super) log_bytes: u64,
    /// Bytes that were cut off the active log.
    pub(super) torn_bytes: u64,
}

impl Loading {
    /// Nothing read but the manifest. A stored graph is passed over unless `takes_graph`; `paging` is as in [`State`].
    ///
    /// # Errors
    /// [`FormatError::Corrupt`] for projections that are not of the manifest's space, or are missing.
    pub(super) fn new(
        manifest: Manifest,
        takes_graph: bool,
        paging: Option<u32>,
    ) -> Result<Self, FormatError> {
        let mut state = State::with_space(manifest.space.clone(), manifest.metric, paging);
        let taken =
            manifest.projections.iter().all(|(number, known)| state.project(*number, Some(known.clone())));
        let named = manifest.trained.iter().flatten().all(|number| state.projection(*number).is_some());
        if !(taken && named) {
            return Err(corrupt(&manifest.key(), "a projection does not fit its vectors, or is missing"));
        }
        state.trained = manifest.trained;
        let records = manifest.segments.iter().map(|segment| segment.records as usize);
        let room = records.fold(0, usize::saturating_add).min(ROOM);
        state.store.reserve(room);
        let mut homes = IdMap::default();
        homes.reserve(room);
        Ok(Loading {
            manifest,
            state,
            homes,
            traces: Vec::new(),
            tombstones: Vec::new(),
            saved: FxHashMap::default(),
            lists: None,
            graph: None,
            takes_graph,
            arranged: false,
            traced: Vec::new(),
            buried: FxHashSet::default(),
            logs: FxHashMap::default(),
            again: false,
            moved: FxHashMap::default(),
            needed: None,
        })
    }

    /// Takes up the object under `key`.
    ///
    /// # Errors
    /// [`FormatError`] if it cannot be used, or is missing.
    pub(super) fn supply(&mut self, key: &str, bytes: Option<Vec<u8>>) -> Result<(), FormatError> {
        let missing = || corrupt(key, "the manifest names it, but it is missing");
        match ObjectKind::parse(key) {
            Some((ObjectKind::Segment, number)) if self.again => {
                self.dress(key, number, &bytes.ok_or_else(missing)?)
            }
            Some((ObjectKind::Segment, number)) => self.segment(key, number, &bytes.ok_or_else(missing)?),
            Some((ObjectKind::Log, number)) => {
                self.logs.insert(number, bytes.ok_or_else(missing)?);
                Ok(())
            }
            Some((ObjectKind::Lists, number)) => {
                self.arrange();
                // A cache: nothing is lost without it. Behind one that was never finished comes the one before.
                let bytes = bytes.filter(|_| self.lists.is_none());
                let taken =
                    bytes.and_then(|bytes| adopt_lists(&mut self.state, (number, &bytes), &self.homes));
                self.lists = self.lists.or(taken);
                Ok(())
            }
            Some((ObjectKind::Graph, number)) => {
                self.arrange();
                let bytes = bytes.filter(|_| self.takes_graph && self.graph.is_none());
                let taken =
                    bytes.and_then(|bytes| adopt_graph(&mut self.state, (number, &bytes), &self.homes));
                self.graph = self.graph.or(taken);
                Ok(())
            }
            Some((ObjectKind::Manifest, _)) | None => Ok(()),
        }
    }

    /// Takes up those records of a segment whose newest form it holds. Newer segments have been read.
    fn segment(&mut self, key: &str, number: u64, bytes: &[u8]) -> Result<(), FormatError> {
        if self.state.paging.is_some() && self.needed.is_none() {
            self.needed = Some(self.coarsened());
        }
        let Loading { manifest, state, homes, buried, moved, needed, .. } = self;
        let named = manifest.segments.iter().find(|segment| segment.number == number);
        let expected = named.map(|segment| (segment.bytes, segment.records));
        let mut reader = SegmentReader::new(key, bytes)?;
        let dimensions = manifest.space.as_ref().map_or(0, |space| space.dimensions);
        let counts = manifest.counts_segment(number);
        if counts && reader.dimensions != 0 && reader.dimensions != dimensions {
            return Err(corrupt(key, "its vectors have other dimensions than the manifest says"));
        }
        let terms_are_current = reader.tokenizer == TOKENIZER;
        let is_needed = |id: &RecordId| needed.as_ref().is_none_or(|needed| needed.contains(id));
        while let Some(block) = reader.next_block()? {
            let mut rows = reader.rows(&block)?;
            let mut glossary = Glossary::new(std::mem::take(&mut rows.dictionary));
            let read = rows.each(|row| {
                let id = row.record.id;
                if buried.contains(&id) {
                    return Ok(());
                }
                if !homes.enter(id, number) {
                    return Ok(());
                }
                // Those of another space are gone.
                let vector = row.vector.filter(|_| counts);
                if vector.is_some_and(|vector| !state.fits_stored(vector)) {
                    return Err("a vector is kept in a way that does not fit its memory");
                }
                let seat = vector
                    .filter(|vector| state.may_page(vector.kept))
                    .and_then(|vector| Some((vector.kept, Seat::of(number, row.offset, vector.row)?)));
                let tier = *moved.get(&id).unwrap_or(&row.record.tier);
                let stays = tier == Tier::LongTerm && seat.is_some() && !is_needed(&id);
                let said = terms_are_current.then_some(Said {
                    terms: row.terms,
                    glossary: &mut glossary,
                    words: row.statement,
                });
                let slot = state.append(row.record, vector.filter(|_| !stays), said);
                if let (Some((kept, seat)), Some(index)) = (seat, &mut state.vectors) {
                    if stays {
                        index.insert_paged(slot, kept, seat);
                    } else {
                        index.set_seat(slot, seat);
                    }
                    state.weigh_appended(slot);
                }
                Ok(())
            });
            read.map_err(|problem| reader.corrupt(problem))?;
        }
        if expected != Some((bytes.len() as u64, reader.records)) {
            return Err(corrupt(key, "it is not as long as the manifest says"));
        }
        self.saved.insert(number, reader.saved);
        for (id, changes) in reader.traces {
            if !(buried.contains(&id) || homes.contains_key(&id)) {
                if let (Some(_), Change::Moved(_, moves)) = (state.paging, &changes[0])
                    && let Some(last) = moves.last()
                {
                    moved.entry(id).or_insert(last.to);
                }
                self.traced.push(changes);
                self.traces.push((id, number));
            }
        }
        buried.extend(reader.tombstones.iter().copied());
        if !reader.tombstones.is_empty() {
            self.tombstones.push((number, reader.tombstones));
        }
        Ok(())
    }

    /// Brings the records into their orders, once all segments have been read.
    fn arrange(&mut self) {
        if !std::mem::replace(&mut self.arranged, true) {
            self.state.arrange();
        }
    }

    /// The records whose vectors the logs keep less exactly. What is wrong with the logs shows when they are carried out.
    fn coarsened(&self) -> FxHashSet<RecordId> {
        let mut ids = FxHashSet::default();
        for (number, bytes) in &self.logs {
            let closed = self.manifest.closed_logs.iter().find(|log| log.number == *number);
            let key = ObjectKind::Log.key(*number);
            let Ok(mut log) = LogReader::new(&key, bytes, closed.map(|log| log.bytes)) else { continue };
            while let Ok(Some((_, frame))) = log.next(closed.is_some()) {
                for change in frame.into_changes().into_iter().flat_map(|(_, changes)| changes) {
                    if let Change::Coarsen(_, coarser) = change {
                        ids.extend(coarser);
                    }
                }
            }
        }
        ids
    }

    /// When all objects have been read: the segments that have to be read again, since they hold vectors that stay in storage
    /// and have no code yet.
    pub(super) fn look_again(&mut self) -> Vec<u64> {
        self.arrange();
        if std::mem::replace(&mut self.again, true) || self.state.paging.is_none() {
            return Vec::new();
        }
        let Loading { manifest, state, homes, .. } = self;
        let Some(index) = &state.vectors else { return Vec::new() };
        let bare =
            homes.iter().filter(|(id, _)| state.store.slot(**id).is_some_and(|slot| index.is_bare(slot)));
        let bare: FxHashSet<u64> = bare.map(|(_, segment)| *segment).collect();
        let segments = manifest.segments.iter().map(|segment| segment.number);
        segments.filter(|number| bare.contains(number)).collect()
    }

    /// Gives vectors that stay in storage their codes, out of the segment that holds them.
    fn dress(&mut self, key: &str, number: u64, bytes: &[u8]) -> Result<(), FormatError> {
        let Loading { state, homes, .. } = self;
        let mut reader = SegmentReader::new(key, bytes)?;
        while let Some(block) = reader.next_block()? {
            let read = reader.rows(&block)?.each(|row| {
                let (id, home) = (row.record.id, homes.get(&row.record.id));
                if let (Some(slot), Some(vector), Some(index)) =
                    (state.store.slot(id), row.vector, &mut state.vectors)
                    && home == Some(&number)
                    && index.is_bare(slot)
                {
                    index.dress(slot, &vector.code());
                }
                Ok(())
            });
            read.map_err(|problem| reader.corrupt(problem))?;
        }
        Ok(())
    }

    /// Carries out what stands beside the segments: their traces, and the commits that are in none of them.
    ///
    /// # Errors
    /// [`FormatError`] naming the log and the byte where it stops making sense.
    pub(super) fn replay(&mut self) -> Result<Replayed, FormatError> {
        self.arrange();
        let Loading { manifest, state, logs, traced, .. } = self;
        // The newest is carried over last, and counts.
        std::mem::take(traced).iter().rev().flatten().for_each(|change| state.apply(change));
        let mut replayed = Replayed { sequence: manifest.sealed_sequence, ..Replayed::default() };
        let closed = manifest.closed_logs.iter().map(|log| (log.number, Some(log.bytes)));
        for (number, sealed) in closed.chain([(manifest.active_log, None)]) {
            let key = ObjectKind::Log.key(number);
            let Some(bytes) = logs.remove(&number) else { continue };
            let mut log = LogReader::new(&key, &bytes, sealed)?;
            while let Some((number, frame)) = log.next(sealed.is_some())? {
                if number != replayed.sequence + 1 {
                    return Err(corrupt(&key, "a commit is missing before one that is there"));
                }
                replayed.sequence = number;
                let (_, changes) = frame.into_changes().map_err(|problem| corrupt(&key, problem))?;
                let counts = manifest.counts_commit(number);
                for change in changes
                    .into_iter()
                    .filter_map(|change| if counts { Some(change) } else { without_vectors(change) })
                {
                    check_vectors(state, &change).map_err(|problem| corrupt(&key, problem))?;
                    state.apply(&change);
                    replayed.changes.push((number, change));
                }
                replayed.commits += 1;
            }
            replayed.torn_bytes += log.torn_bytes();
            replayed.log_bytes = log.good_bytes();
            if sealed.is_some() {
                replayed.log_bytes = 0;
            }
        }
        Ok(replayed)
    }
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

pub(super) fn corrupt(object: &str, problem: &str) -> FormatError {
    FormatError::Corrupt { object: object.to_owned(), offset: 0, problem: problem.to_owned() }
}
