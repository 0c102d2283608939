//! The best documents of a query, by two ways that find the same, to the bit of each score.
//!
//! Few documents in question: each is scored by its own terms. Otherwise all postings are read, list
//! after list. To leave unread what cannot matter does not pay here: `docs/RETRIEVAL.md` has the figures.

use crate::index::text::postings::{KeywordQuery, TextIndex};
use crate::index::{Slot, SlotSet, TieBreak};

/// Postings that are read in the time in which one document is scored by its own terms.
const PER_DOCUMENT: usize = 16;

/// A slot found by its terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KeywordHit {
    /// The slot.
    pub(crate) slot: Slot,
    /// BM25, larger is better.
    pub(crate) score: f32,
}

impl TextIndex {
    /// The `limit` best of the allowed slots, all of them live, best first; equal scores in the order of their tie-break.
    pub(crate) fn search(
        &self,
        query: &KeywordQuery,
        limit: usize,
        allowed: &SlotSet,
        ties: &TieBreak<'_>,
    ) -> KeywordHits {
        let lists = query.terms.iter().map(|(term, _)| &self.lists[*term as usize]);
        let postings: usize = lists.map(|list| list.postings.len()).sum();
        if allowed.len() * PER_DOCUMENT < postings {
            let scored = self.score_each(query, allowed);
            return KeywordHits { best: best(scored, limit, ties), sums: None };
        }
        let sums = self.read_all(query, allowed);
        KeywordHits { best: best(sums.hits(), limit, ties), sums: Some(sums) }
    }

    /// Those of the slots that have a term of the query, each scored by its own terms.
    fn score_each(&self, query: &KeywordQuery, slots: &SlotSet) -> Vec<KeywordHit> {
        slots.iter().filter_map(|slot| Some(KeywordHit { slot, score: self.score(query, slot)? })).collect()
    }

    /// The scores of all allowed slots that have a term of the query, from its postings.
    fn read_all(&self, query: &KeywordQuery, allowed: &SlotSet) -> Sums {
        let mut sums = Sums::of(self.lengths.len());
        let length = |slot: Slot| self.lengths[slot as usize] as f32;
        for &(term, weight) in &query.terms {
            let postings = &self.lists[term as usize].postings;
            for posting in postings.iter().filter(|posting| allowed.contains(posting.slot)) {
                sums.add(posting.slot, query.partial(weight, posting.count as f32, length(posting.slot)));
            }
        }
        for (found, weight) in &query.patterns {
            for &(slot, count) in found.counts.iter().filter(|(slot, _)| allowed.contains(*slot)) {
                sums.add(slot, query.partial(*weight, count, length(slot)));
            }
        }
        sums
    }
}

impl KeywordHits {
    /// The score of an allowed slot, among the best or not, of the same query; nothing if no term of it occurs there.
    pub(crate) fn score(&self, index: &TextIndex, query: &KeywordQuery, slot: Slot) -> Option<f32> {
        match &self.sums {
            Some(sums) => sums.scores.get(slot as usize).copied().filter(|score| *score > 0.0),
            None => index.score(query, slot),
        }
    }
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct KeywordHits {
    /// The best, best first.
    pub(crate) best: Vec<KeywordHit>,
    /// The scores of the others as well, if they were made.
    sums: Option<Sums>,
}

/// What has been added up for each slot.
#[derive(Debug)]
struct Sums {
    scores: Vec<f32>,
    /// Those that have something.
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

    fn hits(&self) -> Vec<KeywordHit> {
        let hit = |slot: &Slot| KeywordHit { slot: *slot, score: self.scores[*slot as usize] };
        self.touched.iter().map(hit).collect()
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

    /// Each document scored by its own terms, sorted.
    fn sorted(
        index: &TextIndex,
        query: &KeywordQuery,
        allowed: &SlotSet,
        limit: usize,
        ties: &TieBreak<'_>,
    ) -> Vec<KeywordHit> {
        let score = |slot| Some(KeywordHit { slot, score: index.score(query, slot)? });
        let mut hits: Vec<KeywordHit> = allowed.iter().filter_map(score).collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(ties(a.slot).cmp(&ties(b.slot))));
        hits.truncate(limit);
        hits
    }

    /// Both ways, against scoring and sorting everything: the same slots with the same scores, in the same order, while
    /// texts come and go, in views and under filters.
    #[test]
    fn both_ways_find_the_same() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut index = TextIndex::default();
        let mut live: Vec<Slot> = Vec::new();
        for slot in 0..6_000 {
            index.insert(slot, [text(&mut random).as_str()]);
            live.push(slot);
            // Seasons of growing and of shrinking.
            if slot / 500 % 3 == 1 && random.u32(..10) < 9 {
                index.remove(live.swap_remove(random.usize(..live.len())));
            }
            if slot % 400 != 399 {
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
                for limit in [0, 1, 10, 128, 20_000] {
                    let expected = sorted(&index, &query, allowed, limit, &ties);
                    let [read, scored] =
                        [index.read_all(&query, allowed).hits(), index.score_each(&query, allowed)];
                    for found in [read, scored] {
                        let found = best(found, limit, &ties);
                        assert_eq!(found, expected, "slot {slot}, {asked:?}, {limit}");
                    }
                    let found = index.search(&query, limit, allowed, &ties);
                    assert_eq!(found.best, expected);
                    for slot in allowed.iter() {
                        assert_eq!(found.score(&index, &query, slot), index.score(&query, slot));
                    }
                }
            }
        }
    }
}
