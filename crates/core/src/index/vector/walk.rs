//! A walk through the graph: from node to node, always on from the best that has not been looked around from yet.
//!
//! The walk of Malkov and Yashunin (see [`super::build`]), over rows of this index, with two differences. Only slots in
//! question are gathered, while all nodes are walked through, so that a filter makes it go on until there are enough. And a
//! node whose vector is gone is walked through at the score of the node before it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::index::vector::arena::Arena;
use crate::index::vector::graph::Graph;
use crate::index::vector::order::to_ordered;
use crate::index::vector::probe::Probe;
use crate::index::vector::{VectorHit, Wanted};

/// Nodes whose scores tell how low scores get.
pub(super) const SAMPLE: u32 = 256;

/// What a walk has found.
pub(super) struct Walked {
    /// Slots in question, in no order, at most as many as the walk was broad.
    pub(super) found: Vec<VectorHit>,
    /// An estimate of the lowest score of all slots in question.
    pub(super) floor: f32,
    /// Nodes that it looked at.
    pub(super) looked: usize,
}

/// Nodes that a walk has been at.
struct Visited(Vec<u64>);

impl Visited {
    /// Marks a node. Answers whether it was not marked before.
    fn insert(&mut self, node: u32) -> bool {
        let (word, bit) = (&mut self.0[node as usize / 64], 1 << (node % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

impl Arena {
    /// The slots in question that are nearest to the question as far as a walk that keeps `breadth` of them finds them. It
    /// gives up, with nothing, when it has looked at more than `most` nodes.
    pub(super) fn walk(
        &self,
        graph: &Graph,
        probe: &Probe,
        wanted: &Wanted<'_>,
        (breadth, most): (usize, usize),
    ) -> Option<Walked> {
        let links = graph.links();
        let score = |node: u32| graph.slot(node).and_then(|slot| self.rough_score(probe, slot));
        let mut here = (score(0).unwrap_or(f32::NEG_INFINITY), 0);
        for layer in (1..links.layers()).rev() {
            loop {
                let before = here.1;
                for node in links.of(layer, before) {
                    if let Some(score) = score(*node)
                        && score > here.0
                    {
                        here = (score, *node);
                    }
                }
                if here.1 == before {
                    break;
                }
            }
        }

        let mut visited = Visited(vec![0; links.len().div_ceil(64)]);
        let mut ahead = BinaryHeap::from([(to_ordered(here.0), Reverse(here.1))]);
        let mut found: BinaryHeap<Reverse<(i32, Reverse<u32>)>> = BinaryHeap::new();
        let mut looked = 0;
        let keep = |key: (i32, Reverse<u32>), found: &mut BinaryHeap<_>| {
            let slot = graph.slot(key.1.0);
            if slot.is_some_and(|slot| wanted.allowed.contains(slot)) {
                found.push(Reverse(key));
                if found.len() > breadth {
                    found.pop();
                }
            }
        };
        visited.insert(here.1);
        keep((to_ordered(here.0), Reverse(here.1)), &mut found);
        while let Some((from, Reverse(node))) = ahead.pop() {
            let worst = |found: &BinaryHeap<Reverse<(i32, Reverse<u32>)>>| {
                found.peek().filter(|_| found.len() >= breadth).map_or(i32::MIN, |Reverse((score, _))| *score)
            };
            if from < worst(&found) {
                break;
            }
            for next in links.of(0, node) {
                if !visited.insert(*next) {
                    continue;
                }
                looked += 1;
                let own = score(*next).map(to_ordered);
                let key = (own.unwrap_or(from), Reverse(*next));
                if key.0 > worst(&found) || found.len() < breadth || own.is_none() {
                    ahead.push(key);
                    if own.is_some() {
                        keep(key, &mut found);
                    }
                }
            }
            if looked > most {
                return None;
            }
        }
        let hit = |node: u32| {
            let slot = graph.slot(node)?;
            Some(VectorHit { slot, score: self.rough_score(probe, slot)? })
        };
        let found: Vec<VectorHit> =
            found.into_iter().filter_map(|Reverse((_, Reverse(node)))| hit(node)).collect();
        let seen = found.iter().map(|hit| hit.score).fold(f32::INFINITY, f32::min);
        let floor = self.expected_floor(graph, probe, wanted).min(seen);
        Some(Walked { found, floor, looked })
    }

    /// The lowest score that as many draws of a normal distribution as there are slots in question are expected to bring
    /// (Cramer, "Mathematical Methods of Statistics", 1946, 28.6). Its mean is that of some nodes that chance has picked, the
    /// first ones, and its deviation that of those below the mean: cosines of texts reach further up than down.
    fn expected_floor(&self, graph: &Graph, probe: &Probe, wanted: &Wanted<'_>) -> f32 {
        let nodes = 0..SAMPLE.min(graph.len() as u32);
        let scores: Vec<f32> = nodes.filter_map(|node| self.rough_score(probe, graph.slot(node)?)).collect();
        if scores.is_empty() {
            return f32::INFINITY;
        }
        let mean = scores.iter().sum::<f32>() / scores.len() as f32;
        let (mut below, mut squares) = (0.0f32, 0.0f32);
        for score in scores.iter().filter(|score| **score < mean) {
            below += 1.0;
            squares += (mean - score) * (mean - score);
        }
        let deviation = (squares / below.max(1.0)).sqrt();
        let many = libm::logf((wanted.allowed.len() as f32).max(3.0));
        let reach = (2.0 * many).sqrt();
        let far = reach - (libm::logf(many) + libm::logf(4.0 * std::f32::consts::PI)) / (2.0 * reach);
        (mean - far * deviation).max(-1.0)
    }
}
