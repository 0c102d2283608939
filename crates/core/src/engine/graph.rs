//! The graph over the vectors: when one is due, how it is built elsewhere, and how it is stored.
//!
//! The engine never builds one: that takes seconds. It gives the host a job in pages, and takes up the graph that
//! [`crate::build_graph`] has made of them, in another instance of this code or on another thread. Meanwhile every change
//! is seen by the next search. A stored graph is a cache like the lists of codes (see [`super::lists`]).

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::config::GraphUse;
use crate::engine::Engine;
use crate::engine::effect::StorageOperation;
use crate::engine::journal::Journal;
use crate::engine::state::State;
use crate::error::CommandError;
use crate::index::vector::{Arena, Coverage, VectorIndex};
use crate::model::RecordId;
use crate::persist::{ObjectKind, decode_graph, encode_graph};

/// Vectors from which a graph is built without being asked for.
const FROM: usize = 200_000;
/// Vectors above which none is built without being asked for: the builder would not fit into the memory of WebAssembly.
const MOST: usize = 1_000_000;
/// Vectors below which none is built at all: a scan is as fast.
const LEAST: usize = 1_000;
/// A graph is due for another one when this share of its nodes, and of the vectors, does not stand for the other any more.
const STALE: usize = 16;

/// The graph object in storage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GraphRef {
    /// Its number; 0 if there is none.
    pub(super) number: u64,
    /// Which graph of this process it holds: the number of its job, 0 for the one that was there at the opening.
    of: Option<u64>,
}

impl GraphRef {
    /// The object that the graph at the opening was taken from.
    pub(super) fn opened(number: u64) -> Self {
        GraphRef { number, of: Some(0) }
    }
}

/// The graphs of a process.
#[derive(Debug, Default)]
pub(super) struct Graphs {
    /// Jobs begun.
    begun: u64,
    /// The job of the graph in use; 0 for the one that was there at the opening.
    current: u64,
}

/// A graph to be built elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphJob {
    /// Names it in calls about it.
    pub number: u64,
    /// Bytes of all its pages together.
    pub bytes: usize,
    /// Vectors that it is over.
    pub vectors: usize,
}

/// How well the graph covers the vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphFigures {
    /// Vectors that it was built over.
    pub built: usize,
    /// Of these, those that are still there and the same.
    pub current: usize,
    /// Vectors that have come since, and are looked at beside it.
    pub beside: usize,
}

impl Engine {
    /// Whether a graph should be built, as the configuration says: there are enough vectors for one to be worth its memory,
    /// and there is none, or one that many of them have changed since.
    pub fn graph_due(&self) -> bool {
        let Some(index) = self.state.vectors.as_ref().filter(|_| self.poisoned.is_none()) else {
            return false;
        };
        let from = match self.config.graph {
            GraphUse::Auto => FROM,
            GraphUse::Always => LEAST,
            GraphUse::Never => return false,
        };
        let held = index.lying();
        if !(from..=MOST).contains(&held) || index.is_graphing() || index.pages() {
            return false;
        }
        index.coverage().is_none_or(|Coverage { nodes, alive, beside, twins }| {
            let gone = nodes.saturating_sub(alive + twins);
            let new = beside.saturating_sub(index.len() - held + twins);
            gone > nodes / STALE || new > held / STALE
        })
    }

    /// Begins to build a graph over all vectors, whether or not one is due. The host asks for the pages of the job
    /// ([`Engine::graph_page`]), has [`crate::build_graph`] make a graph of them, hands its bytes back
    /// ([`Engine::take_graph`]) and has it put in place ([`Engine::place_graph`]). A job begun before is given up. Nothing
    /// if there are too few vectors for a graph to be of use.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn begin_graph(&mut self) -> Result<Option<GraphJob>, CommandError> {
        self.check_writable()?;
        // A walk reads rows as it goes: there is none where rows may stay in storage.
        let is_fit = |index: &&mut Arena| index.lying() >= LEAST && !index.pages();
        let Some(index) = self.state.vectors.as_mut().filter(is_fit) else {
            return Ok(None);
        };
        self.graphs.begun += 1;
        let number = self.graphs.begun;
        let vectors = index.lying();
        Ok(index.begin_graph(number).map(|bytes| GraphJob { number, bytes, vectors }))
    }

    /// The next bytes of a job, about `most` of them; none when all have been given. Nothing if the job was given up, or its
    /// vectors are there no more.
    pub fn graph_page(&mut self, job: u64, most: usize) -> Option<Vec<u8>> {
        self.state.vectors.as_mut()?.graph_page(job, most)
    }

    /// Takes up the next bytes of the graph that was built of a job. Answers whether it is still wanted.
    pub fn take_graph(&mut self, job: u64, bytes: &[u8]) -> bool {
        self.state.vectors.as_mut().is_some_and(|index| index.take_graph(job, bytes))
    }

    /// Puts the graph of a job, all of whose bytes were taken up, in the place of the one before. Answers whether it could:
    /// bytes that are no such graph are thrown away.
    pub fn place_graph(&mut self, job: u64) -> bool {
        let placed = self.state.vectors.as_mut().is_some_and(|index| index.place_graph(job));
        if placed {
            self.graphs.current = job;
        }
        placed
    }

    /// Gives a job up.
    pub fn drop_graph_job(&mut self, job: u64) {
        self.state.vectors.iter_mut().for_each(|index| index.drop_job(job));
    }

    /// How well the graph covers the vectors, if there is one.
    pub(super) fn graph_figures(&self) -> Option<GraphFigures> {
        let Coverage { nodes, alive, beside, .. } = self.state.vectors.as_ref()?.coverage()?;
        Some(GraphFigures { built: nodes, current: alive, beside })
    }

    /// Writes the graph if storage has another one or none, and most records are in segments.
    pub(super) fn store_graph(&mut self) {
        let in_log = (self.state.store.len() as u64).saturating_sub(self.journal.homed_records());
        if self.journal.graph.of != Some(self.graphs.current)
            && self.journal.is_quiet()
            && in_log <= self.state.store.len() as u64 / STALE as u64
            && let (Some(index), Some(space)) = (&self.state.vectors, &self.state.space)
            && let Some((slots, layers)) = index.kept_graph()
        {
            let store = &self.state.store;
            let id = |slot: u32| store.record(slot).map_or(RecordId(0), |record| record.id);
            let ids = slots.map(|slot| slot.map_or(RecordId(0), id));
            self.journal.put_graph(self.graphs.current, |number, segments| {
                encode_graph(number, space.dimensions, segments, ids, layers)
            });
        }
    }
}

impl Journal {
    /// Removes the stored graph: it tells of vectors that are there no more.
    pub(super) fn drop_graph(&mut self) {
        let GraphRef { number, .. } = self.graph;
        if number > 0 && self.graph.of.take().is_some() {
            self.outbox.push(StorageOperation::Remove { key: ObjectKind::Graph.key(number) });
        }
    }

    fn put_graph(&mut self, of: u64, encoded: impl FnOnce(u64, u64) -> Vec<u8>) {
        let before = self.graph;
        self.graph = GraphRef { number: before.number + 1, of: Some(of) };
        let bytes = encoded(self.graph.number, self.manifest.next_segment);
        self.outbox.push(StorageOperation::Put { key: ObjectKind::Graph.key(self.graph.number), bytes });
        if before.of.is_some() {
            self.outbox.push(StorageOperation::Remove { key: ObjectKind::Graph.key(before.number) });
        }
    }
}

/// Takes a stored graph up into a state whose segments have been loaded, and nothing else. `homes` says which segment each
/// record came from. Answers whether it could be used.
pub(super) fn adopt_graph(
    state: &mut State,
    (number, bytes): (u64, &[u8]),
    homes: &FxHashMap<RecordId, u64>,
) -> bool {
    let (Some(index), Some(space)) = (state.vectors.as_mut(), state.space.as_ref()) else { return false };
    let key = ObjectKind::Graph.key(number);
    let Some(stored) = decode_graph(&key, bytes, space.dimensions) else {
        tracing::warn!(key, "the stored graph cannot be used");
        return false;
    };
    let store = &state.store;
    let unchanged = |id: &RecordId| homes.get(id).is_some_and(|segment| *segment < stored.segments);
    let slot = |id: &RecordId| if unchanged(id) { store.slot(*id) } else { None };
    let slots: Vec<Option<u32>> = stored.ids.iter().map(slot).collect();
    let twins = stored.ids.iter().filter(|id| **id == RecordId(0)).count();
    index.adopt_graph(&slots, &stored.layers, twins)
}
