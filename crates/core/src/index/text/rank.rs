//! The best documents of a query, by three ways that find the same, to the bit of each score.
//!
//! Few documents in question: each is scored by its own terms. Few postings: all of them are read. Otherwise the lists are
//! read from the one that can add most to the one that can add least, until no document that has not been met can be
//! among the best; what is left of the lists is then asked about the documents alone that still can be. That is the
//! term-at-a-time max score of Turtle and Flood ("Query Evaluation: Strategies and Optimizations", Information Processing
//! and Management 31, 1995), with a bound for each block of postings beside that of the whole list (Ding and Suel,
//! "Faster Top-k Document Retrieval Using Block-Max Indexes", SIGIR 2011).

use crate::index::text::postings::{Bound, KeywordQuery, Posting, PostingList, TextIndex};
use crate::index::{Slot, SlotSet, TieBreak};

/// Postings from which it is worth to leave some unread.
const MANY: usize = 65_536;
/// Postings that are read in the time in which one document is scored by its own terms.
const PER_DOCUMENT: usize = 16;
/// Postings that are read in the time in which a list is asked about one document.
const PER_LOOKUP: usize = 8;

/// A slot found by its terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KeywordHit {
    /// The slot.
    pub(crate) slot: Slot,
    /// BM25, larger is better.
    pub(crate) score: f32,
}

/// A list of a query, with what its postings can add to a score.
struct Asked<'a> {
    postings: &'a [Posting],
    weight: f32,
    /// The most that any of each block can add.
    blocks: Vec<f32>,
    /// The most that any of them all can.
    most: f32,
}

impl TextIndex {
    /// The `limit` best of the allowed slots, all of them live, best first; equal scores in the order of their tie-break.
    pub(crate) fn search(
        &self,
        query: &KeywordQuery,
        limit: usize,
        allowed: &SlotSet,
        ties: &TieBreak<'_>,
    ) -> Vec<KeywordHit> {
        let lists = query.terms.iter().map(|(term, _)| &self.lists[*term as usize]);
        let postings: usize = lists.map(|list| list.postings.len()).sum();
        let hits = if allowed.len() * PER_DOCUMENT < postings {
            self.scored(query, allowed.iter())
        } else if postings < MANY || !query.patterns.is_empty() {
            self.exhaustive(query, allowed)
        } else {
            self.pruned(query, limit, allowed)
        };
        best(hits, limit, ties)
    }

    /// Those of the slots that have a term of the query, each scored by its own terms.
    fn scored(&self, query: &KeywordQuery, slots: impl Iterator<Item = Slot>) -> Vec<KeywordHit> {
        slots.filter_map(|slot| Some(KeywordHit { slot, score: self.score(query, slot)? })).collect()
    }

    /// All allowed slots that have a term of the query.
    fn exhaustive(&self, query: &KeywordQuery, allowed: &SlotSet) -> Vec<KeywordHit> {
        let mut sums = Sums::of(self.lengths.len());
        for &(term, weight) in &query.terms {
            self.read(query, &self.lists[term as usize].postings, weight, allowed, &mut sums);
        }
        for (found, weight) in &query.patterns {
            for &(slot, count) in found.counts.iter().filter(|(slot, _)| allowed.contains(*slot)) {
                sums.add(slot, query.partial(*weight, count, self.lengths[slot as usize] as f32));
            }
        }
        sums.hits().collect()
    }

    fn read(
        &self,
        query: &KeywordQuery,
        postings: &[Posting],
        weight: f32,
        allowed: &SlotSet,
        sums: &mut Sums,
    ) {
        for posting in postings.iter().filter(|posting| allowed.contains(posting.slot)) {
            let length = self.lengths[posting.slot as usize] as f32;
            sums.add(posting.slot, query.partial(weight, posting.count as f32, length));
        }
    }

    /// Allowed slots among which are the `limit` best, and all whose score is that of the last of these.
    fn pruned(&self, query: &KeywordQuery, limit: usize, allowed: &SlotSet) -> Vec<KeywordHit> {
        let mut lists: Vec<Asked<'_>> = query.terms.iter().map(|term| self.asked(query, *term)).collect();
        // Stable: of lists that can add the same, the first one of the query is read first.
        lists.sort_by(|a, b| b.most.total_cmp(&a.most));
        // Sums of the same numbers differ by their order, a little for each of them. What is compared is given room.
        let room = 1.0 + 8.0 * (lists.len() + 1) as f32 * f32::EPSILON;
        let mut sums = Sums::of(self.lengths.len());
        let mut reach = 0.0;
        for (read, list) in (1..).zip(&lists) {
            self.read(query, list.postings, list.weight, allowed, &mut sums);
            reach += list.most;
            let left = &lists[read..];
            let rest: f32 = left.iter().map(|list| list.most).sum();
            let unread: usize = left.iter().map(|list| list.postings.len()).sum();
            // Looking for the least of the best costs as much as reading on, so it has to be likely to save that.
            if !left.is_empty() && (rest * room >= reach || unread < sums.touched.len()) {
                continue;
            }
            let Some(least) = sums.nth_best(limit) else { continue };
            if rest * room >= least {
                continue;
            }
            let mut open: Vec<KeywordHit> =
                sums.hits().filter(|hit| (hit.score + rest) * room >= least).collect();
            if open.len() * left.len() * PER_LOOKUP < unread || left.is_empty() {
                open.sort_unstable_by_key(|hit| hit.slot);
                self.narrow(query, left, limit, room, &mut open);
                return self.scored(query, open.into_iter().map(|hit| hit.slot));
            }
        }
        self.scored(query, sums.touched.into_iter())
    }

    /// Asks lists about documents, given in the order of slots with what they have so far, and drops those that cannot be
    /// among the `limit` best any more.
    fn narrow(
        &self,
        query: &KeywordQuery,
        left: &[Asked<'_>],
        limit: usize,
        room: f32,
        open: &mut Vec<KeywordHit>,
    ) {
        for (at, list) in left.iter().enumerate() {
            let Some(least) = nth_best(open.iter().map(|hit| hit.score).collect(), limit) else { return };
            let rest: f32 = left[at + 1..].iter().map(|list| list.most).sum();
            let mut cursor = Cursor { list, block: 0 };
            open.retain_mut(|hit| {
                let cannot = |more: f32| (hit.score + more + rest) * room < least;
                if cannot(list.most) || cannot(cursor.most_at(hit.slot)) {
                    return false;
                }
                if let Some(count) = cursor.count_at(hit.slot) {
                    let length = self.lengths[hit.slot as usize] as f32;
                    hit.score += query.partial(list.weight, count as f32, length);
                }
                true
            });
        }
    }

    fn asked(&self, query: &KeywordQuery, (term, weight): (u32, f32)) -> Asked<'_> {
        let list = &self.lists[term as usize];
        let most = |Bound { most, shortest }: Bound| match most {
            0 => 0.0,
            _ => query.partial(weight, most as f32, shortest as f32),
        };
        let blocks: Vec<f32> = list.bounds(&self.lengths).into_iter().map(most).collect();
        let most = blocks.iter().copied().fold(0.0, f32::max);
        Asked { postings: &list.postings, weight, blocks, most }
    }
}

/// What has been added up for each slot.
struct Sums {
    scores: Vec<f32>,
    touched: Vec<Slot>,
}

impl Sums {
    fn of(slots: usize) -> Self {
        Sums { scores: vec![0.0; slots], touched: Vec::new() }
    }

    fn add(&mut self, slot: Slot, part: f32) {
        let score = &mut self.scores[slot as usize];
        if *score == 0.0 {
            self.touched.push(slot);
        }
        *score += part;
    }

    fn hits(&self) -> impl Iterator<Item = KeywordHit> {
        self.touched.iter().map(|slot| KeywordHit { slot: *slot, score: self.scores[*slot as usize] })
    }

    fn nth_best(&self, count: usize) -> Option<f32> {
        nth_best(self.hits().map(|hit| hit.score).collect(), count)
    }
}

/// The score that the `count` best have at least; nothing if there are fewer.
fn nth_best(mut scores: Vec<f32>, count: usize) -> Option<f32> {
    if count == 0 || scores.len() < count {
        return None;
    }
    let (_, nth, _) = scores.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    Some(*nth)
}

/// A place in a list that is asked about slots in ascending order.
struct Cursor<'a> {
    list: &'a Asked<'a>,
    /// The block that the slot asked for last is in, if it is in any.
    block: usize,
}

impl Cursor<'_> {
    /// The most that the list can add to `slot`.
    fn most_at(&mut self, slot: Slot) -> f32 {
        let last = |block: usize| {
            let end = (block + 1) * PostingList::BLOCK;
            self.list.postings[end.min(self.list.postings.len()) - 1].slot
        };
        while self.block < self.list.blocks.len() && last(self.block) < slot {
            self.block += 1;
        }
        self.list.blocks.get(self.block).copied().unwrap_or(0.0)
    }

    /// How often the term occurs in `slot`, which was asked about by [`Cursor::most_at`].
    fn count_at(&self, slot: Slot) -> Option<u32> {
        let block = self.list.postings.chunks(PostingList::BLOCK).nth(self.block)?;
        let at = block.binary_search_by_key(&slot, |posting| posting.slot).ok()?;
        Some(block[at].count)
    }
}

/// The `limit` best, best first; equal scores in the order of their tie-break.
fn best(mut hits: Vec<KeywordHit>, limit: usize, ties: &TieBreak<'_>) -> Vec<KeywordHit> {
    let order = |a: &KeywordHit, b: &KeywordHit| {
        b.score.total_cmp(&a.score).then_with(|| ties(a.slot).cmp(&ties(b.slot)))
    };
    if hits.len() > limit && limit > 0 {
        hits.select_nth_unstable_by(limit - 1, order);
    }
    hits.truncate(limit);
    hits.sort_unstable_by(order);
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::text::Bm25;

    /// Words of which the first are in nearly every text and the last in few.
    const WORDS: [&str; 24] = [
        "apple", "plum", "pear", "fig", "quince", "medlar", "sloe", "damson", "cherry", "peach", "mango",
        "papaya", "lemon", "lime", "orange", "grape", "melon", "kiwi", "guava", "lychee", "date", "olive",
        "currant", "rowan",
    ];

    fn text(random: &mut fastrand::Rng) -> String {
        let word = |random: &mut fastrand::Rng| {
            let spread = random.f32();
            WORDS[(spread * spread * spread * WORDS.len() as f32) as usize]
        };
        let words: Vec<&str> = (0..random.usize(1..14)).map(|_| word(random)).collect();
        words.join(" ")
    }

    /// Every way, against reading everything: the same slots with the same scores, those of equal scores too, while
    /// texts come and go, in views and under filters.
    #[test]
    fn every_way_finds_the_same() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut index = TextIndex::default();
        let mut live: Vec<Slot> = Vec::new();
        let mut narrowed = 0;
        for slot in 0..6_000 {
            index.insert(slot, [text(&mut random).as_str()]);
            live.push(slot);
            // Seasons of growing and of shrinking.
            if slot / 500 % 3 == 1 && random.u32(..10) < 9 {
                index.remove(live.swap_remove(random.usize(..live.len())));
            }
            if slot % 200 != 199 {
                continue;
            }
            let all: SlotSet = live.iter().copied().collect();
            let some: SlotSet = live.iter().copied().filter(|_| random.u32(..3) > 0).collect();
            let few: SlotSet = live.iter().copied().filter(|_| random.u32(..40) == 0).collect();
            for (visible, allowed) in [(None, &all), (None, &some), (Some(&some), &some), (Some(&some), &few)]
            {
                let asked: Vec<&str> =
                    (0..random.usize(1..9)).map(|_| WORDS[random.usize(..WORDS.len())]).collect();
                let bm25 = Bm25 { k1: random.f32() * 2.0, b: random.f32() };
                let query = index.query(&asked.join(" "), visible, bm25);
                // Ids say nothing about slots.
                let ties = |slot: Slot| u128::from(slot.wrapping_mul(0x9e37_79b9));
                for limit in [1, 10, 128] {
                    let expected = best(index.exhaustive(&query, allowed), limit, &ties);
                    let pruned = index.pruned(&query, limit, allowed);
                    narrowed += usize::from(pruned.len() < index.exhaustive(&query, allowed).len());
                    assert_eq!(best(pruned, limit, &ties), expected, "slot {slot}, {asked:?}, {limit}");
                    let scored = index.scored(&query, allowed.iter());
                    assert_eq!(best(scored, limit, &ties), expected, "slot {slot}, {asked:?}, {limit}");
                    assert_eq!(index.search(&query, limit, allowed, &ties), expected);
                }
            }
        }
        assert!(narrowed > 100, "{narrowed} questions left something unread");
    }
}
