//! A graph over the vectors: which nodes are whose, what has changed since it was built, and the way from the index to a
//! job for [`super::build`] and back.
//!
//! A graph is built elsewhere, from a copy of the vectors. Meanwhile and afterwards the index goes on changing: a node
//! whose vector is gone or another one leads on to its neighbours and is not found; a vector that no node stands for is
//! looked at beside the graph.

use crate::index::vector::VectorIndex;
use crate::index::vector::arena::Arena;
use crate::index::vector::build::{HEAD, head};
use crate::index::vector::links::Links;
use crate::index::{Slot, SlotSet};

use rustc_hash::FxHashSet;

/// Stands for no slot and no node.
const NONE: u32 = u32::MAX;

/// A graph in use.
#[derive(Debug)]
pub(super) struct Graph {
    /// What each node stands for there is its slot, [`NONE`] if its vector is there no more.
    links: Links,
    /// By slot; [`NONE`] if there is none.
    nodes: Vec<u32>,
    /// Slots with a vector that no node stands for.
    beside: SlotSet,
    /// Number of nodes whose vector is there.
    alive: usize,
    /// Number of nodes that have never stood for a vector: those of equal vectors but the first.
    twins: usize,
}

impl Graph {
    /// A graph over the vectors of `held`. `slot_of` says which slot a vector of the links is of, if of any.
    fn new(
        mut links: Links,
        slot_of: impl Fn(usize) -> Option<Slot>,
        held: impl Iterator<Item = Slot>,
        twins: usize,
    ) -> Self {
        let (mut nodes, mut alive) = (Vec::new(), 0);
        for (vector, node) in links.order_mut().iter_mut().zip(0u32..) {
            let slot = slot_of(*vector as usize).filter(|slot| known(&nodes, *slot).is_none());
            *vector = slot.unwrap_or(NONE);
            if let Some(slot) = slot {
                if nodes.len() <= slot as usize {
                    nodes.resize(slot as usize + 1, NONE);
                }
                nodes[slot as usize] = node;
                alive += 1;
            }
        }
        let beside = held.filter(|slot| known(&nodes, *slot).is_none()).collect();
        Graph { links, nodes, beside, alive, twins }
    }

    fn node(&self, slot: Slot) -> Option<u32> {
        known(&self.nodes, slot)
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.links.bytes() + 4 * self.nodes.capacity() + self.nodes.len() / 8
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// The slots with a vector that no node stands for.
    pub(super) fn beside(&self) -> &SlotSet {
        &self.beside
    }

    /// The slot of a node, if its vector is there.
    pub(super) fn slot(&self, node: u32) -> Option<Slot> {
        self.links.order().get(node as usize).copied().filter(|slot| *slot != NONE)
    }

    /// The slots of all nodes.
    pub(super) fn slots(&self) -> impl ExactSizeIterator<Item = Option<Slot>> {
        self.links.order().iter().map(|slot| (*slot != NONE).then_some(*slot))
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
    /// Slots whose vectors have changed since it began, or are equal to one before.
    changed: SlotSet,
    /// Checksums of the rows that were given out.
    rows: FxHashSet<u32>,
    /// Number of rows that were equal to one before.
    twins: usize,
    /// The words of the graph, as far as they have come.
    words: Vec<u32>,
    /// Bytes that are no whole word yet.
    rest: Vec<u8>,
}

impl Job {
    /// A job over the vectors of these slots, whose steps fill `width` cells.
    fn new(number: u64, width: usize, slots: Vec<Slot>) -> Self {
        let (changed, rows) = (SlotSet::default(), FxHashSet::default());
        Job { number, width, slots, given: 0, changed, rows, twins: 0, words: Vec::new(), rest: Vec::new() }
    }

    /// Bytes of all pages.
    fn bytes(&self) -> usize {
        HEAD + self.slots.len() * self.width
    }

    /// The vector of the slot has changed, or is gone.
    fn change(&mut self, slot: Slot) {
        self.changed.insert(slot);
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
                self.twins += usize::from(self.changed.insert(*slot));
            }
        }
        self.given += rows;
        page
    }

    /// Takes up the next bytes of the graph.
    fn take(&mut self, bytes: &[u8]) {
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

    /// The graph, over the vectors of `held`, once all of its bytes have come; nothing if anything is amiss with them.
    fn finish(mut self, held: impl Iterator<Item = Slot>) -> Option<Graph> {
        let mut words = std::mem::take(&mut self.words);
        words.shrink_to_fit();
        let links = Links::new(words, self.slots.len()).filter(|_| self.rest.is_empty())?;
        let slot = |vector: usize| Some(self.slots[vector]).filter(|slot| !self.changed.contains(*slot));
        Some(Graph::new(links, slot, held, self.twins))
    }
}

impl Arena {
    /// A slot has a vector that it did not have.
    pub(super) fn note_new(&mut self, slot: Slot) {
        if let Some(graph) = &mut self.graph {
            graph.put(slot);
        }
        self.job.iter_mut().for_each(|job| job.change(slot));
    }

    /// A slot has lost its vector.
    pub(super) fn note_gone(&mut self, slot: Slot) {
        if let Some(graph) = &mut self.graph {
            graph.remove(slot);
        }
        self.job.iter_mut().for_each(|job| job.change(slot));
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

    /// Takes up bytes of the graph that was built. Answers whether that graph is still wanted.
    pub(crate) fn take_graph(&mut self, number: u64, bytes: &[u8]) -> bool {
        let job = self.job.as_mut().filter(|job| job.number == number);
        job.is_some_and(|job| {
            job.take(bytes);
            true
        })
    }

    /// Puts the graph whose bytes have come in the place of the one before. Answers whether it could: the bytes have to
    /// be all there, and those of such a graph.
    pub(crate) fn place_graph(&mut self, number: u64) -> bool {
        let job = self.job.take_if(|job| job.number == number);
        let graph = job.and_then(|job| job.finish(self.slots()));
        let placed = graph.is_some();
        self.graph = graph.or_else(|| self.graph.take());
        placed
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

    /// The graph as it is to be kept: the slot of each node, if it has one, and the words of the layers.
    pub(crate) fn kept_graph(&self) -> Option<(impl ExactSizeIterator<Item = Option<Slot>>, &[u32])> {
        self.graph.as_ref().map(|graph| (graph.slots(), graph.links.layer_words()))
    }

    /// Takes up a graph that was kept: the slots of its nodes, as far as they are known, and the words of its layers. Answers
    /// whether it could. `twins` of the nodes were of no record when it was written.
    pub(crate) fn adopt_graph(&mut self, slots: &[Option<Slot>], layers: &[u32], twins: usize) -> bool {
        let Some(links) = Links::kept(slots.len(), layers).filter(|_| !self.metric.is_of_length()) else {
            return false;
        };
        let lies = |slot: &Slot| self.kept(*slot).is_some_and(|kept| !self.is_encoded(kept));
        self.graph = Some(Graph::new(links, |vector| slots[vector].filter(lies), self.slots(), twins));
        true
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
