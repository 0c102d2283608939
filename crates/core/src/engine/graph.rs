//! The graph over the vectors: when one is due, how it is built elsewhere, and how it is stored.
//!
//! The engine never builds one: that takes seconds. It gives the host a job in pages, and takes up the graph that
//! [`crate::build_graph`] has made of them, in another instance of this code or on another thread. Meanwhile every change
//! is seen by the next search. A stored graph is a cache like the lists of codes (see [`super::lists`]).

use serde::Serialize;

use crate::config::GraphUse;
use crate::engine::Engine;
use crate::engine::effect::StorageOperation;
use crate::engine::id_map::IdMap;
use crate::engine::journal::Journal;
use crate::engine::state::State;
use crate::error::CommandError;
use crate::index::vector::{Arena, Coverage, Placing, Standing, VectorIndex};
use crate::model::RecordId;
use crate::persist::{GONE, GraphShape, ObjectKind, SegmentRef, TWIN, begin_graph, decode_graph, graph_page};

/// Vectors from which a graph is built without being asked for.
const FROM: usize = 600_000;
/// Vectors above which none is built without being asked for: the builder would not fit into the memory of WebAssembly.
const MOST: usize = 1_000_000;
/// Vectors below which none is built at all: a scan is as fast.
const LEAST: usize = 1_000;
/// Bytes that a graph takes for each vector, about: of memory, and of storage, where it names each record (`study::walks`).
const BYTES: (usize, usize) = (76, 88);
/// A graph is due for another one when this share of its nodes, and of the vectors, does not stand for the other any more.
const STALE: usize = 16;

/// The graph object in storage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GraphRef {
    /// Its number; 0 if there is none.
    pub(super) number: u64,
    /// What is in a segment of this number or a later one is not in it, or may have changed.
    pub(super) segments: u64,
    /// Which graph of this process it holds: the number of its job, 0 for the one that was there at the opening.
    of: Option<u64>,
    /// Records of earlier segments that have been merged into later ones since: it would be passed over for them.
    displaced: u64,
}

impl GraphRef {
    /// The object that the graph at the opening was taken from.
    pub(super) fn opened(number: u64, segments: u64) -> Self {
        GraphRef { number, segments, of: Some(0), displaced: 0 }
    }
}

/// A graph object on its way to storage, a page in each step. Of a record that changes meanwhile the log tells, so that a
/// reader passes over what is written of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct GraphDraft {
    object: GraphRef,
    shape: GraphShape,
    /// Pages that were written.
    written: u32,
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
        if !(from..=MOST).contains(&held) || index.is_graphing() || index.pages() || !self.has_room(held) {
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
    /// if there are too few vectors for a graph to be of use, or the limit of all bytes leaves no room for one.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn begin_graph(&mut self) -> Result<Option<GraphJob>, CommandError> {
        self.check_writable()?;
        // A walk reads rows as it goes: there is none where rows may stay in storage.
        let is_fit = |index: &&Arena| {
            let lying = index.lying();
            lying >= LEAST && !index.pages() && self.has_room(lying)
        };
        let fits = self.state.vectors.as_ref().filter(is_fit).is_some();
        let Some(index) = self.state.vectors.as_mut().filter(|_| fits) else {
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

    /// Takes up the next bytes of the graph that was built of a job, which has `whole` bytes in all. Answers whether it is still
    /// wanted.
    pub fn take_graph(&mut self, job: u64, bytes: &[u8], whole: usize) -> bool {
        self.state.vectors.as_mut().is_some_and(|index| index.take_graph(job, bytes, whole))
    }

    /// Takes a step of putting the graph of a job, all of whose bytes were taken up, in the place of the one before: bytes that
    /// are no such graph are thrown away. Other calls may come between the steps.
    pub fn place_graph(&mut self, job: u64) -> Placing {
        let index = self.state.vectors.as_mut();
        let placing = index.map_or(Placing::Refused, |index| index.place_graph(job));
        if placing == Placing::Placed {
            self.graphs.current = job;
            // What is found near may be something else from now on.
            self.state.epoch += 1;
        }
        placing
    }

    /// Whether the limit of all bytes leaves room for a graph over so many vectors.
    fn has_room(&self, vectors: usize) -> bool {
        let limit = self.config.total.limits().max_bytes;
        limit.is_none_or(|limit| self.state.store.total_bytes() + (BYTES.0 * vectors) as u64 <= limit)
    }

    /// Gives the graph up if there is no room for it beside the records: none of them leaves for its sake.
    pub(super) fn make_room(&mut self) {
        let Some(limit) = self.config.total.limits().max_bytes else { return };
        let index = self.state.vectors.as_mut();
        let Some(index) = index.filter(|index| index.graph_bytes() > 0) else { return };
        if self.state.store.total_bytes() + index.graph_bytes() as u64 > limit {
            index.drop_graph();
            self.state.epoch += 1;
        }
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

    /// Writes a page of the graph, if an object of it is under way, or storage has another one or none and most records are in
    /// segments. Answers whether there is more to write.
    pub(super) fn store_graph(&mut self) -> bool {
        let current = self.graphs.current;
        let under_way = self.journal.graph_draft.take();
        let graph = self.state.vectors.as_ref().and_then(Arena::kept_graph);
        let (Some(graph), Some(space)) = (graph, &self.state.space) else {
            under_way.into_iter().for_each(|draft| self.journal.remove_graph(draft.object.number));
            return false;
        };
        let mut draft = match under_way {
            Some(draft) if draft.object.of == Some(current) => draft,
            Some(draft) => {
                // Another one has taken its place.
                self.journal.remove_graph(draft.object.number);
                return true;
            }
            None if self.journal.wants_graph(current, self.state.store.len() as u64) => {
                let shape = GraphShape { nodes: graph.len(), words: graph.layer_words().len() };
                self.journal.begin_graph(current, space.dimensions, shape)
            }
            None => return false,
        };
        let store = &self.state.store;
        let id = |node| match graph.standing(node) {
            Standing::Slot(slot) => store.id(slot).unwrap_or(GONE),
            Standing::Gone => GONE,
            Standing::Twin => TWIN,
        };
        let bytes = graph_page(draft.written, graph.len(), id, graph.layer_words());
        let key = ObjectKind::Graph.key(draft.object.number);
        self.journal.outbox.push(StorageOperation::Append { key, bytes });
        draft.written += 1;
        if draft.written < draft.shape.pages() {
            self.journal.graph_draft = Some(draft);
            return true;
        }
        let before = std::mem::replace(&mut self.journal.graph, draft.object);
        if before.of.is_some() {
            self.journal.remove_graph(before.number);
        }
        false
    }
}

/// What a graph over so many vectors takes of memory and of storage, about, if one is built over as many by default.
pub(super) fn expected_bytes(vectors: u64) -> (u64, u64) {
    let is_built = (FROM as u64..=MOST as u64).contains(&vectors);
    let of = |each: usize| if is_built { vectors * each as u64 } else { 0 };
    (of(BYTES.0), of(BYTES.1))
}

impl Journal {
    /// Whether the graph of that number is to be written, of a memory of so many records: storage has another one, or one
    /// that would be passed over for many of them; most of them are in segments, and nothing is under way.
    fn wants_graph(&self, current: u64, records: u64) -> bool {
        let in_log = records.saturating_sub(self.homed_records());
        let is_stored =
            self.graph.of == Some(current) && self.graph.displaced <= records / (2 * STALE as u64);
        !is_stored && self.is_quiet() && in_log <= records / STALE as u64
    }

    /// Notes that the segments of these numbers were merged into later ones.
    pub(super) fn displace(&mut self, numbers: &[u64]) {
        let under_way = self.graph_draft.iter_mut().map(|draft| &mut draft.object);
        for graph in under_way.chain([&mut self.graph]) {
            let is_known = |segment: &&SegmentRef| {
                segment.number < graph.segments && numbers.binary_search(&segment.number).is_ok()
            };
            let records =
                self.manifest.segments.iter().filter(is_known).map(|segment| u64::from(segment.records));
            graph.displaced += records.sum::<u64>();
        }
    }

    /// Removes the stored graph and the one under way: they tell of vectors that are there no more.
    pub(super) fn drop_graph(&mut self) {
        if let Some(draft) = self.graph_draft.take() {
            self.remove_graph(draft.object.number);
        }
        let GraphRef { number, .. } = self.graph;
        if number > 0 && self.graph.of.take().is_some() {
            self.remove_graph(number);
        }
    }

    fn begin_graph(&mut self, of: u64, dimensions: u32, shape: GraphShape) -> GraphDraft {
        let (number, segments) = (self.graph.number + 1, self.manifest.next_segment);
        let (key, bytes) = (ObjectKind::Graph.key(number), begin_graph(number, dimensions, segments, shape));
        self.outbox.push(StorageOperation::Append { key, bytes });
        GraphDraft { object: GraphRef { number, segments, of: Some(of), displaced: 0 }, shape, written: 0 }
    }

    fn remove_graph(&mut self, number: u64) {
        self.outbox.push(StorageOperation::Remove { key: ObjectKind::Graph.key(number) });
    }
}

/// Takes a stored graph up into a state whose segments have been loaded, and nothing else. `homes` says which segment each
/// record came from. Answers the object that was used.
pub(super) fn adopt_graph(
    state: &mut State,
    (number, bytes): (u64, &[u8]),
    homes: &IdMap<u64>,
) -> Option<GraphRef> {
    let (index, space) = (state.vectors.as_mut()?, state.space.as_ref()?);
    let key = ObjectKind::Graph.key(number);
    let Some(stored) = decode_graph(&key, bytes, space.dimensions) else {
        tracing::warn!(key, "the stored graph cannot be used");
        return None;
    };
    let slots = state.store.slots_by_id();
    let unchanged = |id: &RecordId| homes.get(id).is_some_and(|segment| *segment < stored.segments);
    let standing = |id: &RecordId| match *id {
        TWIN => Standing::Twin,
        id => slots.get(&id).copied().filter(|_| unchanged(&id)).map_or(Standing::Gone, Standing::Slot),
    };
    let standing: Vec<Standing> = stored.ids.iter().map(standing).collect();
    index.adopt_graph(&standing, &stored.layers).then(|| GraphRef::opened(number, stored.segments))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is merged between the pages of a graph counts as what is merged once it is stored.
    #[test]
    fn a_graph_under_way_hears_of_merges() {
        let segment = |number, records| SegmentRef { number, records, bytes: 0, run: number };
        let mut journal = Journal::fresh();
        journal.manifest.segments = vec![segment(1, 100), segment(2, 30)];
        journal.manifest.next_segment = 3;
        journal.graph_draft = Some(journal.begin_graph(1, 64, GraphShape { nodes: 130, words: 10 }));
        journal.manifest.segments.push(segment(3, 7));
        journal.displace(&[2, 3]);
        assert_eq!(journal.graph_draft.map(|draft| draft.object.displaced), Some(30));
        assert_eq!(journal.graph.displaced, 0, "there is none");
    }
}
