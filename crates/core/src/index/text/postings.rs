//! The inverted index and its ranking.
//!
//! BM25 after Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with the
//! non-negative idf of Lucene, ln(1 + (N - df + 0.5) / (df + 0.5)).

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::index::text::find::{Fields, Found};
use crate::index::text::tokenize::Tokenizer;
use crate::index::text::vocabulary::Vocabulary;
use crate::index::{Slot, SlotSet};

/// The parameters of BM25.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bm25 {
    /// Saturation of term frequency; 0 ignores it.
    pub k1: f32,
    /// Penalty for length; 0 none, 1 full.
    pub b: f32,
}

impl Default for Bm25 {
    /// `k1` 0.9 and `b` 0.4: Anserini's defaults, right for short texts such as turns of a conversation.
    fn default() -> Self {
        Bm25 { k1: 0.9, b: 0.4 }
    }
}

/// That a term occurs in a slot, and how often.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Posting {
    pub(super) slot: Slot,
    pub(super) count: u32,
}

/// The slots that a term occurs in, in ascending order, with dead ones in between.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct PostingList {
    pub(super) postings: Vec<Posting>,
    /// How many of them are of live slots.
    pub(super) live: u32,
}

impl PostingList {
    /// Dead postings are dropped once there are more than one in this many: often enough that reading past them costs
    /// little, and seldom enough that a removal costs the same however long the list is.
    const LIVE_PER_DEAD: usize = 4;

    fn push(&mut self, slot: Slot, count: u32) {
        self.postings.push(Posting { slot, count });
        self.live += 1;
    }

    /// Counts one of its slots as dead.
    fn bury(&mut self, lengths: &[u32]) {
        self.live -= 1;
        let dead = self.postings.len() - self.live as usize;
        if dead * Self::LIVE_PER_DEAD > self.postings.len() {
            self.postings.retain(|posting| lengths[posting.slot as usize] > 0);
            if self.postings.capacity() > 2 * self.postings.len() {
                self.postings.shrink_to_fit();
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (Slot, u32)> {
        self.postings.iter().map(|posting| (posting.slot, posting.count))
    }
}

/// Terms to the slots they occur in.
#[derive(Debug, Default)]
pub(crate) struct TextIndex {
    pub(super) tokenizer: Tokenizer,
    ids: FxHashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
    pub(super) lists: Vec<PostingList>,
    /// Per slot its terms in the order of first use, with how often each occurs. Empty when the slot is dead.
    documents: Vec<Box<[(u32, u32)]>>,
    /// Per slot its length in terms; 0 when it is dead. One without terms is in no posting list either.
    pub(super) lengths: Vec<u32>,
    live: usize,
    live_length: u64,
    /// The words of the terms, once a pattern has asked for them.
    vocabulary: OnceLock<Vocabulary>,
}

/// A tokenised query, weighted against the documents it may see.
#[derive(Debug, Default)]
pub(crate) struct KeywordQuery {
    pub(super) terms: Vec<(u32, f32)>,
    /// What was found of patterns, each as a term of its own, with its weight.
    pub(super) patterns: Vec<(Found, f32)>,
    /// Number of the documents in question, and their mean length.
    documents: usize,
    average_length: f32,
    bm25: Bm25,
}

/// Terms of a document by which others like it are looked for: about as many as a long question has.
const TELLING_TERMS: usize = 16;

/// The terms of a stored block, and the numbers that the index has for those that were needed so far.
#[derive(Debug)]
pub(crate) struct Glossary<'t> {
    terms: Vec<&'t str>,
    ids: Vec<Option<u32>>,
}

impl<'t> Glossary<'t> {
    /// Of the terms of a block.
    pub(crate) fn new(terms: Vec<&'t str>) -> Self {
        Glossary { ids: vec![None; terms.len()], terms }
    }
}

/// BM25's weight of a term that so many of the documents have.
fn idf(documents: usize, frequency: usize) -> f32 {
    let ratio = (documents as f32 - frequency as f32 + 0.5) / (frequency as f32 + 0.5);
    libm::logf(1.0 + ratio.max(0.0))
}

impl TextIndex {
    /// Indexes the concatenation of `fields` under `slot`. Slots arrive in ascending order.
    pub(crate) fn insert<'t>(&mut self, slot: Slot, fields: impl IntoIterator<Item = &'t str>) {
        let mut counts: Vec<(u32, u32)> = Vec::new();
        let mut position: FxHashMap<u32, usize> = FxHashMap::default();
        let tokenizer = std::mem::take(&mut self.tokenizer);
        let mut vocabulary = self.vocabulary.take();
        for field in fields {
            tokenizer.terms(field, |term| {
                let id = self.intern(term);
                let next = counts.len();
                let at = *position.entry(id).or_insert(next);
                if at == next {
                    counts.push((id, 0));
                }
                counts[at].1 += 1;
            });
            if let Some(vocabulary) = &mut vocabulary {
                vocabulary.learn(field, &tokenizer, &self.ids);
            }
        }
        self.tokenizer = tokenizer;
        self.vocabulary = vocabulary.map(OnceLock::from).unwrap_or_default();
        self.place(slot, counts);
    }

    /// Indexes terms that were made earlier by the same tokeniser, under `slot`.
    pub(crate) fn insert_terms<'t>(&mut self, slot: Slot, terms: impl IntoIterator<Item = (&'t str, u32)>) {
        // Nothing says which words these come of.
        self.vocabulary = OnceLock::new();
        let counts = terms.into_iter().map(|(term, count)| (self.intern(term), count)).collect();
        self.place(slot, counts);
    }

    /// Takes up the terms of `slot`, by their positions in the glossary, out of a memory that is being opened. Nothing finds
    /// them until [`TextIndex::arrange`] has been called.
    pub(crate) fn append(&mut self, slot: Slot, terms: &[(u32, u32)], glossary: &mut Glossary<'_>) {
        let Glossary { terms: names, ids } = glossary;
        let mut id = |at: usize| *ids[at].get_or_insert_with(|| self.intern(names[at]));
        let document = terms.iter().map(|(at, count)| (id(*at as usize), *count)).collect();
        self.file(slot, document);
    }

    /// Makes the posting lists out of the documents. None of these has been removed.
    pub(crate) fn arrange(&mut self) {
        self.vocabulary = OnceLock::new();
        self.lists.iter_mut().for_each(|list| list.live = 0);
        for (term, _) in self.documents.iter().flatten() {
            self.lists[*term as usize].live += 1;
        }
        for list in &mut self.lists {
            list.postings = Vec::with_capacity(std::mem::take(&mut list.live) as usize);
        }
        for (slot, document) in (0..).zip(&self.documents) {
            for (term, count) in document {
                self.lists[*term as usize].push(slot, *count);
            }
        }
    }

    fn place(&mut self, slot: Slot, counts: Vec<(u32, u32)>) {
        for &(term, count) in &counts {
            self.lists[term as usize].push(slot, count);
        }
        self.file(slot, counts.into());
    }

    /// Takes up a document without its postings.
    fn file(&mut self, slot: Slot, document: Box<[(u32, u32)]>) {
        debug_assert!(self.documents.len() <= slot as usize, "slots arrive in ascending order");
        self.documents.resize(slot as usize, Box::default());
        self.lengths.resize(slot as usize, 0);
        let length = document.iter().fold(0u32, |length, (_, count)| length.saturating_add(*count));
        self.lengths.push(length);
        self.documents.push(document);
        self.live += 1;
        self.live_length += u64::from(length);
    }

    /// Forgets `slot`.
    pub(crate) fn remove(&mut self, slot: Slot) {
        let Some(document) = self.documents.get_mut(slot as usize).map(std::mem::take) else {
            return;
        };
        let length = std::mem::take(&mut self.lengths[slot as usize]);
        for (term, _) in &document {
            self.lists[*term as usize].bury(&self.lengths);
        }
        self.live -= 1;
        self.live_length -= u64::from(length);
    }

    /// Lets go of some documents and terms, to take an index that nobody uses any more apart in steps. Answers whether
    /// any are left.
    pub(crate) fn shed(&mut self, count: usize) -> bool {
        self.documents.truncate(self.documents.len().saturating_sub(count));
        self.names.truncate(self.names.len().saturating_sub(count));
        self.lists.truncate(self.names.len());
        !self.documents.is_empty() || !self.names.is_empty()
    }

    /// The terms of `slot` and how often each occurs.
    pub(crate) fn terms_of(&self, slot: Slot) -> impl Iterator<Item = (&str, u32)> {
        self.document(slot).iter().map(|&(term, count)| (&*self.names[term as usize], count))
    }

    /// Slots that have terms in common with `slot`, once for each: the rarest term's first.
    pub(crate) fn sharing(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        let document = self.document(slot);
        let mut terms: Vec<(u32, u32)> =
            document.iter().zip(0..).map(|((term, _), at)| (self.lists[*term as usize].live, at)).collect();
        terms.sort_unstable();
        let term = move |(_, at): (u32, u32)| document[at as usize].0;
        let slots = |term: u32| self.lists[term as usize].postings.iter().map(|posting| posting.slot);
        terms.into_iter().map(term).flat_map(slots).filter(|slot| self.lengths[*slot as usize] > 0)
    }

    /// Number of distinct terms that occur somewhere.
    pub(crate) fn term_count(&self) -> usize {
        self.lists.iter().filter(|list| list.live > 0).count()
    }

    /// Estimated bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.len() * 2 + 48).sum();
        let occurrences: usize = self.lists.iter().map(|list| list.postings.len()).sum();
        names
            + occurrences * (size_of::<Posting>() + size_of::<(u32, u32)>())
            + self.vocabulary.get().map_or(0, Vocabulary::bytes)
            + self.documents.len() * (size_of::<Box<[(u32, u32)]>>() + size_of::<u32>())
    }

    /// Weighs the terms of `text` against the documents in `visible`, or against all.
    ///
    /// Document frequencies and lengths are those of the visible documents alone: a view's ranking is the same as if
    /// nothing else existed.
    pub(crate) fn query(&self, text: &str, visible: Option<&SlotSet>, bm25: Bm25) -> KeywordQuery {
        let mut ids: Vec<u32> = Vec::new();
        self.tokenizer.terms(text, |term| {
            if let Some(&id) = self.ids.get(term)
                && !ids.contains(&id)
            {
                ids.push(id);
            }
        });
        let (live, length) = match visible {
            None => (self.live, self.live_length),
            Some(set) => {
                let lengths = set.iter().filter_map(|slot| self.lengths.get(slot as usize));
                (set.len(), lengths.map(|length| u64::from(*length)).sum())
            }
        };
        let weigh = |id: u32| {
            let list = &self.lists[id as usize];
            let frequency = match visible {
                None => list.live as usize,
                Some(set) => list.postings.iter().filter(|posting| set.contains(posting.slot)).count(),
            };
            (frequency > 0).then(|| (id, idf(live, frequency)))
        };
        KeywordQuery {
            terms: ids.into_iter().filter_map(weigh).collect(),
            patterns: Vec::new(),
            documents: live,
            average_length: (length as f32 / live.max(1) as f32).max(1.0),
            bm25,
        }
    }

    /// The words of the terms. `fields` calls with each text of a document.
    pub(super) fn vocabulary(&self, fields: &Fields<'_>) -> &Vocabulary {
        self.vocabulary.get_or_init(|| {
            let mut vocabulary = Vocabulary::default();
            for (slot, _) in (0..).zip(&self.lengths).filter(|(_, length)| **length > 0) {
                fields(slot, &mut |field| vocabulary.learn(field, &self.tokenizer, &self.ids));
            }
            vocabulary
        })
    }

    /// The numbers of all terms, each with the slots that it occurs in, in ascending order, and how often; some of the
    /// slots may be dead.
    pub(super) fn terms(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = (Slot, u32)>)> {
        (0..).zip(self.lists.iter().map(PostingList::iter))
    }

    /// The slots that a term occurs in, in ascending order; some of them may be dead.
    pub(super) fn slots_of(&self, term: &str) -> impl Iterator<Item = Slot> {
        let list = self.ids.get(term).map(|id| &self.lists[*id as usize]);
        list.into_iter().flat_map(|list| &list.postings).map(|posting| posting.slot)
    }

    /// The score of one slot, or nothing if no term of the query occurs in it.
    pub(crate) fn score(&self, query: &KeywordQuery, slot: Slot) -> Option<f32> {
        let document = self.document(slot);
        let length = *self.lengths.get(slot as usize)? as f32;
        let mut score = None;
        for &(term, weight) in &query.terms {
            if let Some((_, count)) = document.iter().find(|(own, _)| *own == term) {
                *score.get_or_insert(0.0) += query.partial(weight, *count as f32, length);
            }
        }
        for (found, weight) in &query.patterns {
            let count = found.count(slot);
            if count > 0.0 {
                *score.get_or_insert(0.0) += query.partial(*weight, count, length);
            }
        }
        score
    }

    /// How often each term of the query occurs in `slot`, written into `counts` in the order of the terms, and the
    /// length of the document.
    pub(crate) fn occurrences(&self, query: &KeywordQuery, slot: Slot, counts: &mut [f32]) -> f32 {
        let document = self.document(slot);
        let (of_terms, of_patterns) = counts.split_at_mut(query.terms.len());
        for ((term, _), cell) in query.terms.iter().zip(of_terms) {
            let found = document.iter().find(|(own, _)| own == term);
            *cell = found.map_or(0.0, |(_, count)| *count as f32);
        }
        for ((found, _), cell) in query.patterns.iter().zip(of_patterns) {
            *cell = found.count(slot);
        }
        self.lengths.get(slot as usize).map_or(0.0, |length| *length as f32)
    }

    /// The terms and patterns of the query that occur in `slot`.
    pub(crate) fn matched<'a>(&'a self, query: &'a KeywordQuery, slot: Slot) -> Vec<&'a str> {
        let document = self.document(slot);
        let present = |term: u32| document.iter().any(|(own, _)| *own == term);
        let terms = query.terms.iter().filter(|(term, _)| present(*term));
        let patterns = query.patterns.iter().filter(|(found, _)| found.count(slot) > 0.0);
        terms
            .map(|(term, _)| &*self.names[*term as usize])
            .chain(patterns.map(|(found, _)| found.name.as_str()))
            .collect()
    }

    /// The terms of a slot and how often each occurs; none if it is dead.
    fn document(&self, slot: Slot) -> &[(u32, u32)] {
        self.documents.get(slot as usize).map_or(&[], |document| document)
    }

    fn intern(&mut self, term: &str) -> u32 {
        if let Some(&id) = self.ids.get(term) {
            return id;
        }
        let id = self.names.len() as u32;
        self.ids.insert(term.into(), id);
        self.names.push(term.into());
        self.lists.push(PostingList::default());
        id
    }
}

impl KeywordQuery {
    /// Whether no term of the query is known, so that nothing can be found.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of known terms and patterns.
    pub(crate) fn len(&self) -> usize {
        self.terms.len() + self.patterns.len()
    }

    /// Keeps the rarest terms of those that more than one document has: the words of a text by which others like it are
    /// looked for.
    pub(crate) fn keep_telling(&mut self) {
        let alone = idf(self.documents, 1);
        self.terms.retain(|(_, weight)| *weight < alone);
        // Stable, so that of equally rare ones those that come first in the text are taken.
        self.terms.sort_by(|a, b| b.1.total_cmp(&a.1));
        self.terms.truncate(TELLING_TERMS);
    }

    /// Takes what was found of a pattern in as a term, as frequent as the documents in which it occurs are.
    pub(crate) fn add(&mut self, found: Found) {
        if !found.counts.is_empty() {
            let weight = idf(self.documents, found.counts.len());
            self.patterns.push((found, weight));
        }
    }

    /// Mean length of the documents in question.
    pub(crate) fn average_length(&self) -> f32 {
        self.average_length
    }

    /// The score of a document in which the terms occur so often, or nothing if none does. The document may be made of
    /// several that each count in part: fields with weights, as in BM25F (Robertson, Zaragoza and Taylor, CIKM 2004).
    pub(crate) fn score(&self, counts: &[f32], length: f32) -> Option<f32> {
        let patterns = self.patterns.iter().map(|(_, weight)| weight);
        let weights = self.terms.iter().map(|(_, weight)| weight).chain(patterns);
        let occurring = weights.zip(counts).filter(|(_, count)| **count > 0.0);
        occurring.fold(None, |score, (weight, count)| {
            Some(score.unwrap_or(0.0) + self.partial(*weight, *count, length))
        })
    }

    /// What a term of this weight adds to the score of a document of this length in which it occurs so often.
    pub(super) fn partial(&self, weight: f32, count: f32, length: f32) -> f32 {
        let Bm25 { k1, b } = self.bm25;
        let norm = k1 * (1.0 - b + b * length / self.average_length);
        weight * count * (k1 + 1.0) / (count + norm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::TieBreak;

    const BY_SLOT: &TieBreak<'static> = &|slot| slot as u128;

    fn index(texts: &[&str]) -> TextIndex {
        let mut index = TextIndex::default();
        for (slot, text) in texts.iter().enumerate() {
            index.insert(slot as Slot, [*text]);
        }
        index
    }

    fn ranked(index: &TextIndex, query: &str, allowed: &SlotSet) -> Vec<Slot> {
        let query = index.query(query, None, Bm25::default());
        index.search(&query, 10, allowed, BY_SLOT).best.into_iter().map(|hit| hit.slot).collect()
    }

    #[test]
    fn rare_terms_and_short_texts_rank_first() {
        let index =
            index(&["the cat sat", "a cat and a dog sat down together on a mat", "a dog", "cat cat cat"]);
        let all: SlotSet = (0..4).collect();
        assert_eq!(ranked(&index, "dog", &all), [2, 1]);
        assert_eq!(ranked(&index, "cats", &all), [3, 0, 1]);
        assert_eq!(ranked(&index, "zebra", &all), [0; 0]);
        assert_eq!(ranked(&index, "cat", &[1].into_iter().collect()), [1]);
    }

    /// Robertson and Zaragoza's formula on a case small enough to work out by hand.
    #[test]
    fn scores_follow_the_formula() {
        let index = index(&["apple banana", "apple apple cherry", "cherry"]);
        let query = index.query("apple", None, Bm25 { k1: 1.2, b: 0.75 });
        let idf = libm::logf(1.0 + (3.0 - 2.0 + 0.5) / (2.0 + 0.5));
        let expected = |tf: f32, length: f32| idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / 2.0));
        for (slot, tf, length) in [(0, 1.0, 2.0), (1, 2.0, 3.0)] {
            let score = index.score(&query, slot).expect("a term occurs in it");
            assert!((score - expected(tf, length)).abs() < 1e-6, "{slot} {score}");
        }
        assert_eq!(index.score(&query, 2), None);
    }

    #[test]
    fn a_view_ranks_as_if_nothing_else_existed() {
        let texts = ["red apple", "red plum", "green apple pie", "apple apple apple"];
        let alone = index(&texts[..2]);
        let together = index(&texts);
        let visible: SlotSet = (0..2).collect();
        let query = together.query("red apple", Some(&visible), Bm25::default());
        let expected = alone.query("red apple", None, Bm25::default());
        assert_eq!(
            together.search(&query, 9, &visible, BY_SLOT).best,
            alone.search(&expected, 9, &visible, BY_SLOT).best
        );
    }

    /// Random adding, replacing and removing, against an index that only ever knew what is left: the same terms,
    /// frequencies, scores and order, to the bit.
    #[test]
    fn a_changed_index_answers_like_a_fresh_one() {
        let mut random = fastrand::Rng::with_seed(5);
        let words = ["apple", "plum", "pear", "fig", "quince", "medlar", "sloe", "damson"];
        let mut index = TextIndex::default();
        let mut texts: std::collections::BTreeMap<Slot, String> = std::collections::BTreeMap::new();
        let mut next: Slot = 0;
        for turn in 0..4_000 {
            // Seasons of growing and of shrinking, so that lists are purged at every length.
            let grows = random.u32(..10) < if turn / 500 % 2 == 0 { 8 } else { 2 };
            let victim = texts.keys().nth(random.usize(..texts.len().max(1))).copied();
            if !grows && let Some(slot) = victim {
                index.remove(slot);
                texts.remove(&slot);
            }
            if grows || random.u32(..4) == 0 {
                // The first words are in most texts, the last ones in few.
                let text: Vec<&str> = (0..random.usize(1..6))
                    .map(|_| words[random.usize(..8).min(random.usize(..8))])
                    .collect();
                let text = text.join(" ");
                index.insert(next, [text.as_str()]);
                texts.insert(next, text);
                next += 1;
            }
            if turn % 40 != 0 {
                continue;
            }
            let mut fresh = TextIndex::default();
            texts.iter().for_each(|(slot, text)| fresh.insert(*slot, [text.as_str()]));
            assert_eq!(index.term_count(), fresh.term_count());
            let all: SlotSet = texts.keys().copied().collect();
            let some: SlotSet = texts.keys().copied().filter(|_| random.bool()).collect();
            for visible in [None, Some(&all), Some(&some)] {
                let allowed = visible.unwrap_or(&all);
                let ask = |index: &TextIndex| {
                    let query = index.query("fig apple sloe damson", visible, Bm25::default());
                    let hits = index.search(&query, 50, allowed, BY_SLOT).best;
                    assert!(hits.iter().all(|hit| index.score(&query, hit.slot) == Some(hit.score)));
                    hits
                };
                assert_eq!(ask(&index), ask(&fresh), "turn {turn}");
            }
            for slot in some.iter().take(20) {
                assert!(index.sharing(slot).eq(fresh.sharing(slot)), "turn {turn}");
            }
            for list in &index.lists {
                let dead = list.postings.len() - list.live as usize;
                assert!(dead * PostingList::LIVE_PER_DEAD <= list.postings.len());
                assert!(list.postings.is_sorted_by_key(|posting| posting.slot));
            }
        }
        assert!(next > 1_500 && texts.len() > 50, "{next} texts, {} left", texts.len());
    }

    /// Terms by their place in a glossary, of blocks that share some, and texts between them: as if all had been inserted.
    #[test]
    fn an_arranged_index_is_as_if_all_had_been_inserted() {
        let blocks =
            [(["red", "appl", "plum"], [[0, 1], [2, 0]]), (["plum", "fig", "red"], [[1, 0], [0, 1]])];
        let (mut inserted, mut appended) = (TextIndex::default(), TextIndex::default());
        let mut slots = 0..;
        let mut slot = || slots.next().expect("there is no end to them");
        for (terms, documents) in blocks {
            let mut glossary = Glossary::new(terms.to_vec());
            for document in documents {
                let (slot, counted) = (slot(), document.map(|at| (at, at + 1)));
                inserted.insert_terms(slot, counted.map(|(at, count)| (terms[at as usize], count)));
                appended.append(slot, &counted, &mut glossary);
            }
            let (slot, text) = (slot(), "a red sloe");
            inserted.insert(slot, [text]);
            appended.insert(slot, [text]);
        }
        appended.arrange();
        assert_eq!(appended.names, inserted.names);
        assert_eq!(appended.lists, inserted.lists);
        assert_eq!(appended.documents, inserted.documents);
        assert_eq!(appended.lengths, inserted.lengths);
        assert_eq!((appended.live, appended.live_length), (inserted.live, inserted.live_length));
    }

    #[test]
    fn removed_slots_leave_no_trace_in_scores() {
        let mut changed = index(&["red apple", "red plum", "apple"]);
        changed.remove(2);
        let fresh = index(&["red apple", "red plum"]);
        let all: SlotSet = (0..2).collect();
        let of = |index: &TextIndex| {
            index.search(&index.query("red apple", None, Bm25::default()), 9, &all, BY_SLOT).best
        };
        assert_eq!(of(&changed), of(&fresh));
        assert_eq!(changed.term_count(), fresh.term_count());
    }
}
