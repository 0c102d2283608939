//! Which documents have a word or a pattern.
//!
//! The visible documents alone are looked at: what others have changes no answer.

use rustc_hash::FxHashMap;

use crate::index::text::pattern::{Pattern, Tally, Verdict};
use crate::index::text::postings::TextIndex;
use crate::index::{Slot, SlotSet};

/// Calls with each text of a document that a pattern may occur in.
pub(crate) type Fields<'a> = dyn Fn(Slot, &mut dyn FnMut(&str)) + 'a;

/// The documents in which a pattern occurs.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The pattern as it was written.
    pub(super) name: String,
    /// How often it occurs, in the order of slots.
    pub(super) counts: Vec<(Slot, f32)>,
}

impl Found {
    /// How often the pattern occurs in `slot`.
    pub(super) fn count(&self, slot: Slot) -> f32 {
        let at = self.counts.binary_search_by_key(&slot, |(slot, _)| *slot);
        at.map_or(0.0, |at| self.counts[at].1)
    }

    /// The slots of the documents.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.counts.iter().map(|(slot, _)| *slot)
    }
}

impl TextIndex {
    /// The visible documents that have every term of `text`; nothing if it has no terms.
    pub(crate) fn having(&self, text: &str, visible: &SlotSet) -> Option<SlotSet> {
        let mut having: Option<SlotSet> = None;
        self.tokenizer.terms(text, |term| {
            having = Some(self.narrowed(having.as_ref().unwrap_or(visible), term));
        });
        having
    }

    /// Those of `slots` that have a term.
    fn narrowed(&self, slots: &SlotSet, term: &str) -> SlotSet {
        self.slots_of(term).filter(|slot| slots.contains(*slot)).collect()
    }

    /// The visible documents in which a pattern occurs. `fields` calls with each text of a document that it may occur in.
    pub(crate) fn find(&self, pattern: &Pattern, visible: &SlotSet, fields: &Fields<'_>) -> Found {
        let mut candidates: Option<SlotSet> = None;
        for term in pattern.terms(&self.tokenizer) {
            candidates = Some(self.narrowed(candidates.as_ref().unwrap_or(visible), &term));
        }
        let mut candidates = candidates.unwrap_or_else(|| visible.clone());
        // What occurs in documents that need not be read.
        let mut sure: FxHashMap<Slot, Tally> = FxHashMap::default();
        if pattern.is_open() {
            let vocabulary = self.vocabulary(fields);
            let mut read = SlotSet::default();
            for (id, postings) in self.terms() {
                let verdict = vocabulary.of(id).map_or(Verdict::None, |forms| pattern.verdict(forms));
                for (slot, count) in postings.filter(|(slot, _)| candidates.contains(*slot)) {
                    match verdict {
                        Verdict::All(edits) => sure.entry(slot).or_default().add(edits, count),
                        Verdict::Some => drop(read.insert(slot)),
                        Verdict::None => break,
                    }
                }
            }
            candidates = read;
        }
        let count = |slot: Slot| {
            let mut tally = Tally::default();
            fields(slot, &mut |field| pattern.count(field, &mut tally));
            (slot, tally)
        };
        let unread = sure.into_iter().filter(|(slot, _)| !candidates.contains(*slot));
        let counted = candidates.iter().map(count).chain(unread);
        let mut counts: Vec<(Slot, f32)> =
            counted.map(|(slot, tally)| (slot, tally.worth())).filter(|(_, worth)| *worth > 0.0).collect();
        counts.sort_unstable_by_key(|(slot, _)| *slot);
        Found { name: pattern.name.clone(), counts }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::index::text::pattern::Ending;

    /// Words that share stems, that begin alike, and that are a few edits apart.
    const WORDS: [&str; 18] = [
        "bean", "beans", "baen", "beams", "plan", "plans", "planned", "planning", "die", "dying", "dies",
        "sky", "skies", "the", "nobility", "noble", "plain", "日本",
    ];

    /// What is found, against reading every text, while texts come and go: with a vocabulary that was made early and kept
    /// up, and with one that is made anew.
    #[test]
    fn what_is_found_is_what_reading_finds() {
        let mut random = fastrand::Rng::with_seed(4);
        let patterns = [
            ("bea", Ending::Prefix),
            ("plan", Ending::Prefix),
            ("d", Ending::Prefix),
            ("beans", Ending::Fuzzy(1)),
            ("plnas", Ending::Fuzzy(2)),
            ("dei", Ending::Fuzzy(2)),
            ("nobel", Ending::Fuzzy(1)),
            ("ab", Ending::Fuzzy(2)),
            ("the pla", Ending::Prefix),
            ("sky die", Ending::Fuzzy(1)),
            ("bean plan", Ending::Whole),
        ];
        let mut texts: BTreeMap<Slot, String> = BTreeMap::new();
        let mut index = TextIndex::default();
        let mut found_any = 0;
        for slot in 0..600 {
            let words: Vec<&str> =
                (0..random.usize(1..5)).map(|_| WORDS[random.usize(..WORDS.len())]).collect();
            texts.insert(slot, words.join(" "));
            index.insert(slot, [texts[&slot].as_str()]);
            if random.bool() {
                let gone = *texts.keys().nth(random.usize(..texts.len())).expect("there is one");
                texts.remove(&gone);
                index.remove(gone);
            }
            if slot % 20 != 0 {
                continue;
            }
            let mut fresh = TextIndex::default();
            texts.iter().for_each(|(slot, text)| fresh.insert(*slot, [text.as_str()]));
            let visible: SlotSet = texts.keys().copied().filter(|_| random.u32(..4) > 0).collect();
            let fields = |slot: Slot, see: &mut dyn FnMut(&str)| {
                texts.get(&slot).into_iter().for_each(|text| see(text))
            };
            for (text, ending) in &patterns {
                let pattern = Pattern::read(text, ending, String::new()).expect("it has words");
                let read = |slot: Slot| {
                    let mut tally = Tally::default();
                    pattern.count(&texts[&slot], &mut tally);
                    (slot, tally.worth())
                };
                let expected: Vec<_> = visible.iter().map(read).filter(|(_, worth)| *worth > 0.0).collect();
                assert_eq!(index.find(&pattern, &visible, &fields).counts, expected, "{text} in {slot}");
                assert_eq!(fresh.find(&pattern, &visible, &fields).counts, expected, "{text} in {slot}");
                found_any += expected.len();
            }
        }
        assert!(found_any > 1_000, "{found_any} found");
    }
}
