//! The best of many scored slots, gathered one by one.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::index::{Slot, TieBreak};

/// The best so many of the slots offered, and the lowest score of all.
pub(super) struct Best<'a> {
    capacity: usize,
    ties: &'a TieBreak<'a>,
    heap: BinaryHeap<Worst<'a>>,
    threshold: f32,
    floor: f32,
}

/// Ordered so that the worst candidate is the greatest. Ties are looked up only between equal scores: what they are taken
/// from may lie anywhere in memory.
struct Worst<'a> {
    score: f32,
    slot: Slot,
    ties: &'a TieBreak<'a>,
}

impl PartialEq for Worst<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Worst<'_> {}

impl Ord for Worst<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_tie = || (self.ties)(self.slot).cmp(&(other.ties)(other.slot));
        other.score.total_cmp(&self.score).then_with(by_tie)
    }
}

impl PartialOrd for Worst<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Best<'a> {
    /// At most `capacity` of them; of equal scores those with the smaller `ties`.
    pub(super) fn new(capacity: usize, ties: &'a TieBreak<'a>) -> Self {
        Best { capacity, ties, heap: BinaryHeap::new(), threshold: f32::NEG_INFINITY, floor: f32::INFINITY }
    }

    /// Takes up a slot if it is one of the best so far.
    pub(super) fn offer(&mut self, slot: Slot, score: f32) {
        self.floor = self.floor.min(score);
        if score < self.threshold {
            return;
        }
        self.heap.push(Worst { score, slot, ties: self.ties });
        if self.heap.len() > self.capacity {
            self.heap.pop();
        }
        if self.heap.len() == self.capacity
            && let Some(worst) = self.heap.peek()
        {
            self.threshold = worst.score;
        }
    }

    /// The lowest score of all that were offered; 0 if none was.
    pub(super) fn floor(&self) -> f32 {
        if self.floor.is_finite() { self.floor } else { 0.0 }
    }

    /// The slots, in no order.
    pub(super) fn into_slots(self) -> impl Iterator<Item = Slot> {
        self.heap.into_iter().map(|candidate| candidate.slot)
    }
}
