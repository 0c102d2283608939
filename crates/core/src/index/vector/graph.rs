//! A graph over the vectors: which nodes are whose, what has changed since it was built, and the way from the index to a
//! job for [`super::build`] and back.
//!
//! A graph is built elsewhere, from a copy of the vectors. Meanwhile and afterwards the index goes on changing: a node
//! whose vector is gone or another one leads on to its neighbours and is not found; a vector that no node stands for is
//! looked at beside the graph.

use std::ops::Range;

use crate::index::vector::VectorIndex;
use crate::index::vector::arena::Arena;
use crate::index::vector::build::{HEAD, head};
use crate::index::vector::links::{Checking, Links};
use crate::index::{Slot, SlotSet};

use rustc_hash::{FxBuildHasher, FxHashSet};

/// Stands for no node, and for the slot of a node whose vector is gone.
const NONE: u32 = u32::MAX;
/// Stands for the slot of a node that has never stood for a vector.
const TWIN: u32 = u32::MAX - 1;
/// Words of a graph that a step of placing it checks.
const WORDS: usize = 1 << 20;
/// Nodes of a graph that such a step takes up, and slots that it looks at.
const NODES: usize = 1 << 16;
/// Words that a graph has for each node at most, about, and beside them.
const MOST_WORDS: usize = 128;
const LEAST_WORDS: usize = 1 << 10;

/// What a node of a graph stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The vector of a slot.
    Slot(Slot),
    /// A vector that is there no more.
    Gone,
    /// None ever: its vector was equal to that of another node.
    Twin,
}

/// A graph in use.
#[derive(Debug)]
pub(crate) struct Graph {
    /// What each node stands for there is its slot, [`NONE`] or [`TWIN`].
    links: Links,
    /// By slot; [`NONE`] if there is none.
    nodes: Vec<u32>,
    /// Slots with a vector that no node stands for.
    beside: SlotSet,
    /// Number of nodes whose vector is there.
    alive: usize,
    /// Number of nodes that have never stood for a vector.
    twins: usize,
}

impl Graph {
    /// A graph none of whose nodes is taken up yet. Of slots there will be `slots`.
    fn new(links: Links, slots: usize) -> Self {
        Graph { links, nodes: vec![NONE; slots], beside: SlotSet::default(), alive: 0, twins: 0 }
    }

    /// Takes up some nodes. `standing` says what the vector of a number stands for in the links.
    fn take_up(&mut self, nodes: Range<usize>, standing: impl Fn(usize) -> Standing) {
        for node in nodes {
            let vector = self.links.order()[node] as usize;
            let word = match standing(vector) {
                Standing::Slot(slot) if self.node(slot).is_none() => {
                    if self.nodes.len() <= slot as usize {
                        self.nodes.resize(slot as usize + 1, NONE);
                    }
                    self.nodes[slot as usize] = node as u32;
                    self.alive += 1;
                    slot
                }
                Standing::Slot(_) | Standing::Gone => NONE,
                Standing::Twin => {
                    self.twins += 1;
                    TWIN
                }
            };
            self.links.order_mut()[node] = word;
        }
    }

    /// Notes those of some slots with a vector that no node stands for.
    fn look_beside(&mut self, held: impl Iterator<Item = Slot>) {
        for slot in held {
            if self.node(slot).is_none() {
                self.beside.insert(slot);
            }
        }
    }

    fn node(&self, slot: Slot) -> Option<u32> {
        known(&self.nodes, slot)
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.links.bytes() + 4 * self.nodes.capacity() + self.nodes.len() / 8
    }

    /// Number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// The slots with a vector that no node stands for.
    pub(super) fn beside(&self) -> &SlotSet {
        &self.beside
    }

    /// The slot of a node, if its vector is there.
    pub(super) fn slot(&self, node: u32) -> Option<Slot> {
        self.links.order().get(node as usize).copied().filter(|slot| *slot < TWIN)
    }

    /// What a node stands for.
    pub(crate) fn standing(&self, node: usize) -> Standing {
        match self.links.order()[node] {
            NONE => Standing::Gone,
            TWIN => Standing::Twin,
            slot => Standing::Slot(slot),
        }
    }

    /// The words of the layers.
    pub(crate) fn layer_words(&self) -> &[u32] {
        self.links.layer_words()
    }

    /// The links.
    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    /// The slot has another vector now.
    pub(super) fn put(&mut self, slot: Slot) {
        self.remove(slot);
        self.beside.insert(slot);
    }

    /// The slot has no vector any more.
    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(node) = self.node(slot) {
            self.nodes[slot as usize] = NONE;
            self.links.order_mut()[node as usize] = NONE;
            self.alive -= 1;
        }
        self.beside.remove(slot);
    }
}

/// The node of a slot.
fn known(nodes: &[u32], slot: Slot) -> Option<u32> {
    nodes.get(slot as usize).copied().filter(|node| *node != NONE)
}

/// A graph that is being built elsewhere.
#[derive(Debug)]
pub(super) struct Job {
    /// Tells it from others of the same memory.
    number: u64,
    /// Bytes of a row.
    width: usize,
    /// The slots of the rows.
    slots: Vec<Slot>,
    /// How many rows were given out.
    given: usize,
    /// Slots whose vectors have changed since it began.
    changed: SlotSet,
    /// Checksums of the rows that were given out.
    rows: FxHashSet<u32>,
    /// Slots whose rows were equal to one before.
    twins: SlotSet,
    /// The words of the graph, as far as they have come.
    words: Vec<u32>,
    /// Bytes that are no whole word yet.
    rest: Vec<u8>,
    /// How far the graph is, once it is being put in place.
    placing: Option<Stage>,
}

/// How far a graph is on its way to its place.
#[derive(Debug)]
enum Stage {
    /// Its words are checked.
    Checked(Checking),
    /// Its nodes up to this one were taken up.
    TakenUp(Graph, usize),
    /// They all were, and of the slots those up to this one were looked at.
    LookedAt(Graph, usize),
}

/// What has become of a graph that is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// There is more to be done: the next step follows.
    Unfinished,
    /// It is in place.
    Placed,
    /// What was built is no graph of these vectors, or nobody wants it any more.
    Refused,
}

impl Job {
    /// A job over the vectors of these slots, whose steps fill `width` cells.
    fn new(number: u64, width: usize, slots: Vec<Slot>) -> Self {
        // As large as it gets: it would have to be moved as a whole to grow.
        let rows = FxHashSet::with_capacity_and_hasher(slots.len(), FxBuildHasher);
        Job {
            number,
            width,
            slots,
            given: 0,
            changed: SlotSet::default(),
            rows,
            twins: SlotSet::default(),
            words: Vec::new(),
            rest: Vec::new(),
            placing: None,
        }
    }

    /// Bytes of all pages.
    fn bytes(&self) -> usize {
        HEAD + self.slots.len() * self.width
    }

    /// The vector of the slot has changed, or is gone if it is not `there`.
    fn change(&mut self, slot: Slot, there: bool) {
        self.changed.insert(slot);
        match &mut self.placing {
            Some(Stage::TakenUp(graph, _) | Stage::LookedAt(graph, _)) if there => graph.put(slot),
            Some(Stage::TakenUp(graph, _) | Stage::LookedAt(graph, _)) => graph.remove(slot),
            Some(Stage::Checked(_)) | None => {}
        }
    }

    /// The next bytes of the job, some `most` of them; none when it is whole.
    fn page(&mut self, most: usize, steps_of: impl Fn(Slot) -> Vec<i8>) -> Vec<u8> {
        let mut page = if self.given == 0 { head(self.width, self.slots.len()) } else { Vec::new() };
        let rows = (most / self.width).max(1).min(self.slots.len() - self.given);
        page.reserve_exact(rows * self.width);
        for slot in &self.slots[self.given..][..rows] {
            // Of those that are gone meanwhile there is nothing to be had; their nodes are never found.
            let mut steps = steps_of(*slot);
            steps.resize(self.width, 0);
            let start = page.len();
            page.extend(steps.into_iter().map(i8::cast_unsigned));
            // Many equal vectors would have links to each other alone, and lead nowhere: one of them stands for all in the
            // graph, at the place of the others there is nothing, and they are looked at beside it.
            if !self.rows.insert(crc32fast::hash(&page[start..])) {
                page[start..].fill(0);
                self.twins.insert(*slot);
            }
        }
        self.given += rows;
        page
    }

    /// Takes up the next bytes of the graph, which has `whole` bytes in all.
    fn take(&mut self, bytes: &[u8], whole: usize) {
        if self.words.is_empty() {
            // No more than a graph of these vectors can have, whatever is said.
            self.words.reserve_exact((whole / 4).min(MOST_WORDS * self.slots.len() + LEAST_WORDS));
        }
        let joined: Vec<u8>;
        let bytes = if self.rest.is_empty() {
            bytes
        } else {
            joined = [&std::mem::take(&mut self.rest), bytes].concat();
            &joined
        };
        let (words, rest) = bytes.as_chunks::<4>();
        self.words.extend(words.iter().map(|word| u32::from_le_bytes(*word)));
        self.rest = rest.to_vec();
    }

    /// What a vector of the job stands for now.
    fn standing(&self, vector: usize) -> Standing {
        let slot = self.slots[vector];
        match (self.changed.contains(slot), self.twins.contains(slot)) {
            (true, _) => Standing::Gone,
            (false, true) => Standing::Twin,
            (false, false) => Standing::Slot(slot),
        }
    }

    /// Takes a step of putting the graph in place, all of whose bytes have come. Of slots there are `slots`; `held` says which
    /// of some have a vector. Answers the next stage; nothing if anything is amiss with the bytes.
    fn step(&mut self, slots: usize, held: impl Fn(Range<usize>) -> Vec<Slot>) -> Option<Stage> {
        Some(match self.placing.take() {
            None => {
                let words = std::mem::take(&mut self.words);
                Stage::Checked(Checking::new(words, self.slots.len()).filter(|_| self.rest.is_empty())?)
            }
            Some(Stage::Checked(mut checking)) => match checking.step(WORDS)? {
                true => Stage::Checked(checking),
                false => Stage::TakenUp(Graph::new(checking.finish(), slots), 0),
            },
            Some(Stage::TakenUp(graph, from)) if from == graph.len() => Stage::LookedAt(graph, 0),
            Some(Stage::TakenUp(mut graph, from)) => {
                let until = (from + NODES).min(graph.len());
                graph.take_up(from..until, |vector| self.standing(vector));
                Stage::TakenUp(graph, until)
            }
            Some(Stage::LookedAt(mut graph, from)) => {
                let until = (from + NODES).min(slots);
                graph.look_beside(held(from..until).into_iter());
                Stage::LookedAt(graph, until)
            }
        })
    }
}

impl Arena {
    /// A slot has a vector that it did not have.
    pub(super) fn note_new(&mut self, slot: Slot) {
        if let Some(graph) = &mut self.graph {
            graph.put(slot);
        }
        self.job.iter_mut().for_each(|job| job.change(slot, true));
    }

    /// A slot has lost its vector.
    pub(super) fn note_gone(&mut self, slot: Slot) {
        if let Some(graph) = &mut self.graph {
            graph.remove(slot);
        }
        self.job.iter_mut().for_each(|job| job.change(slot, false));
    }

    /// Begins to build a graph over all vectors that lie somewhere, in place of any that is being built. Answers how many
    /// bytes the job has; nothing if there is nothing to build.
    pub(crate) fn begin_graph(&mut self, number: u64) -> Option<usize> {
        let lies = |slot: &Slot| self.kept(*slot).is_some_and(|kept| !self.is_encoded(kept));
        let slots: Vec<Slot> = self.slots().filter(lies).collect();
        if slots.is_empty() {
            return None;
        }
        let job = Job::new(number, self.dimensions.next_multiple_of(8), slots);
        let bytes = job.bytes();
        self.job = Some(job);
        Some(bytes)
    }

    /// The next bytes of the job of that number, about `most` of them; none when all have been given. Nothing if that graph
    /// is not being built any more.
    pub(crate) fn graph_page(&mut self, number: u64, most: usize) -> Option<Vec<u8>> {
        let mut job = self.job.take_if(|job| job.number == number)?;
        let page = job.page(most, |slot| self.steps(slot));
        self.job = Some(job);
        Some(page)
    }

    /// Takes up bytes of the graph that was built, of `whole` bytes in all. Answers whether that graph is still wanted.
    pub(crate) fn take_graph(&mut self, number: u64, bytes: &[u8], whole: usize) -> bool {
        let job = self.job.as_mut().filter(|job| job.number == number);
        job.is_some_and(|job| {
            job.take(bytes, whole);
            true
        })
    }

    /// Takes a step of putting the graph whose bytes have come in the place of the one before: the bytes have to be all there,
    /// and those of such a graph.
    pub(crate) fn place_graph(&mut self, number: u64) -> Placing {
        let Some(mut job) = self.job.take_if(|job| job.number == number) else { return Placing::Refused };
        let held = |range: Range<usize>| {
            range.map(|slot| slot as Slot).filter(|slot| self.place(*slot).is_some()).collect()
        };
        match job.step(self.places.len(), held) {
            None => Placing::Refused,
            Some(Stage::LookedAt(graph, slot)) if slot >= self.places.len() => {
                self.graph = Some(graph);
                Placing::Placed
            }
            Some(stage) => {
                job.placing = Some(stage);
                self.job = Some(job);
                Placing::Unfinished
            }
        }
    }

    /// Gives up the graph of that number, if it is being built.
    pub(crate) fn drop_job(&mut self, number: u64) {
        self.job.take_if(|job| job.number == number);
    }

    /// Number of vectors that lie somewhere: those that an encoder of the host has made do not, and none does where lengths
    /// count, which a graph knows nothing of.
    pub(crate) fn lying(&self) -> usize {
        if self.metric.is_of_length() {
            return 0;
        }
        let projections = self.projections().iter();
        let encoded = projections.filter(|(_, projection)| projection.encoder().is_some());
        self.len() - encoded.map(|(number, _)| self.projected(number)).sum::<usize>()
    }

    /// Whether a graph is being built.
    pub(crate) fn is_graphing(&self) -> bool {
        self.job.is_some()
    }

    /// How well a graph covers the vectors, if there is one.
    pub(crate) fn coverage(&self) -> Option<Coverage> {
        let graph = self.graph.as_ref()?;
        let Graph { alive, beside, twins, .. } = graph;
        Some(Coverage { nodes: graph.len(), alive: *alive, beside: beside.len(), twins: *twins })
    }

    /// The graph as it is to be kept.
    pub(crate) fn kept_graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// Takes up a graph that was kept: what its nodes stand for, as far as that is known, and the words of its layers. Answers
    /// whether it could.
    pub(crate) fn adopt_graph(&mut self, standing: &[Standing], layers: &[u32]) -> bool {
        let Some(links) = Links::kept(standing.len(), layers).filter(|_| !self.metric.is_of_length()) else {
            return false;
        };
        let lies = |slot: Slot| self.kept(slot).is_some_and(|kept| !self.is_encoded(kept));
        let mut graph = Graph::new(links, self.places.len());
        graph.take_up(0..standing.len(), |vector| match standing[vector] {
            Standing::Slot(slot) if !lies(slot) => Standing::Gone,
            known => known,
        });
        graph.look_beside(self.slots());
        self.graph = Some(graph);
        true
    }

    /// Bytes that the graph takes; 0 if there is none.
    pub(crate) fn graph_bytes(&self) -> usize {
        self.graph.as_ref().map_or(0, Graph::bytes)
    }

    /// Gives up the graph.
    pub(crate) fn drop_graph(&mut self) {
        self.graph = None;
    }
}

/// How well a graph covers the vectors that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// Nodes of the graph.
    pub(crate) nodes: usize,
    /// Of these, those whose vector is there.
    pub(crate) alive: usize,
    /// Vectors that no node stands for.
    pub(crate) beside: usize,
    /// Of the nodes, those that have never stood for a vector: those of equal vectors but the first.
    pub(crate) twins: usize,
}
