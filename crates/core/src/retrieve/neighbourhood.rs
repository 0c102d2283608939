//! What the searches proposed, together with what happened around it in the same session.
//!
//! A turn of a conversation is often understood, and found, through the turns around it: a question has the words, its
//! answer has what they asked for.

use crate::index::{Slot, SlotSet};
use crate::model::Record;
use crate::retrieve::fuse::Opinion;
use crate::retrieve::search::Proposal;
use crate::tier::Store;

/// Records on each side that count.
const REACH: usize = 2;
/// What the words of the last record but none, but one, count for the words of a record.
const WORDS_BEFORE: [f32; REACH] = [0.3, 0.2];
/// What the relevance of the records before and after counts, the nearest first.
const BEFORE: [f32; REACH] = [0.1, 0.15];
const AFTER: [f32; REACH] = [0.3, 0.1];
/// What the relevance of a question counts for what follows it, beside [`BEFORE`].
const ASKED: f32 = 0.25;

/// A record that may be found, or that stands beside one.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) slot: Slot,
    pub(crate) record: &'a Record,
    /// Whether it may be among the hits: only then it was proposed, or could have been.
    pub(crate) eligible: bool,
    /// What the searches (dense, keyword) say of it.
    pub(crate) opinions: [Option<Opinion>; 2],
    /// Positions of the records before and after it in its session, if they are candidates.
    before: Option<usize>,
    after: Option<usize>,
}

impl<'a> Candidate<'a> {
    fn new(store: &'a Store, slot: Slot, allowed: &SlotSet) -> Option<Self> {
        let record = store.record(slot)?;
        let eligible = allowed.contains(slot);
        Some(Candidate { slot, record, eligible, opinions: [None; 2], before: None, after: None })
    }
}

/// The proposed slots as candidates, in the order of slots; with `widen`, also those around them that are visible.
pub(crate) fn gather<'a>(
    store: &'a Store,
    proposed: &[Proposal],
    [visible, allowed]: [&SlotSet; 2],
    widen: bool,
) -> Vec<Candidate<'a>> {
    let mut slots: SlotSet = proposed.iter().map(|proposal| proposal.slot).collect();
    // Each proposed slot with those beside it, and one more on each side: it may be beside another one.
    let mut chains: Vec<Slot> = Vec::new();
    let mut ends: Vec<usize> = Vec::new();
    for slot in proposed.iter().map(|proposal| proposal.slot).filter(|_| widen) {
        let Some(record) = store.record(slot) else { continue };
        let [before, after] = store.around(record);
        let start = chains.len();
        chains.extend(before.take(REACH + 1).take_while(|slot| visible.contains(*slot)));
        for slot in chains[start..].iter().take(REACH) {
            slots.insert(*slot);
        }
        chains[start..].reverse();
        chains.push(slot);
        let next = chains.len();
        chains.extend(after.take(REACH + 1).take_while(|slot| visible.contains(*slot)));
        for slot in chains[next..].iter().take(REACH) {
            slots.insert(*slot);
        }
        ends.push(chains.len());
    }
    let mut candidates: Vec<Candidate<'a>> =
        slots.iter().filter_map(|slot| Candidate::new(store, slot, allowed)).collect();
    let position = |candidates: &[Candidate<'a>], slot: Slot| {
        candidates.binary_search_by_key(&slot, |candidate| candidate.slot).ok()
    };
    for Proposal { slot, opinions } in proposed {
        if let Some(at) = position(&candidates, *slot) {
            candidates[at].opinions = *opinions;
        }
    }
    let mut start = 0;
    for end in ends {
        let mut last: Option<usize> = None;
        for slot in &chains[start..end] {
            let at = position(&candidates, *slot);
            if let (Some(earlier), Some(later)) = (last, at) {
                candidates[earlier].after = Some(later);
                candidates[later].before = Some(earlier);
            }
            last = at;
        }
        start = end;
    }
    candidates
}

/// Positions of the candidates before the one at `at`, the nearest first.
fn before(candidates: &[Candidate<'_>], at: usize) -> [Option<usize>; REACH] {
    let first = candidates[at].before;
    [first, first.and_then(|at| candidates[at].before)]
}

fn after(candidates: &[Candidate<'_>], at: usize) -> [Option<usize>; REACH] {
    let first = candidates[at].after;
    [first, first.and_then(|at| candidates[at].after)]
}

/// Adds to `sums` and `mass` what the words before the candidate at `at` count: `rows` holds `width` counts for each
/// candidate, `lengths` their lengths. `mass` is what an average record stands for, in records.
pub(crate) fn add_words_before(
    candidates: &[Candidate<'_>],
    at: usize,
    (rows, lengths): (&[f32], &[f32]),
    scale: f32,
    (counts, length, mass): (&mut [f32], &mut f32, &mut f32),
) {
    let width = counts.len();
    for (neighbour, share) in before(candidates, at).into_iter().zip(WORDS_BEFORE) {
        let Some(neighbour) = neighbour else { break };
        let share = share * scale;
        for (sum, count) in counts.iter_mut().zip(&rows[neighbour * width..]) {
            *sum += share * count;
        }
        *length += share * lengths[neighbour];
        *mass += share;
    }
}

/// What the relevance of the records around the candidate at `at` adds to its own. `questions` says who asks.
pub(crate) fn around(candidates: &[Candidate<'_>], at: usize, own: &[f32], questions: &[bool]) -> f32 {
    let mut sum = 0.0;
    for (distance, (neighbour, share)) in before(candidates, at).into_iter().zip(BEFORE).enumerate() {
        let Some(neighbour) = neighbour else { break };
        let asked = if distance == 0 && questions[neighbour] { ASKED } else { 0.0 };
        sum += (share + asked) * own[neighbour];
    }
    for (neighbour, share) in after(candidates, at).into_iter().zip(AFTER) {
        let Some(neighbour) = neighbour else { break };
        sum += share * own[neighbour];
    }
    sum
}
