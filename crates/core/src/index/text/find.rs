//! Which documents have a word or a pattern.
//!
//! The visible documents alone are looked at: what others have changes no answer.

use rustc_hash::FxHashMap;

use crate::index::text::pattern::{Pattern, Verdict};
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
        // How often words occur that need not be read.
        let mut sure: FxHashMap<Slot, f32> = FxHashMap::default();
        if pattern.is_open() {
            let mut read = SlotSet::default();
            for (name, postings) in self.terms() {
                let verdict = pattern.verdict(name);
                for (slot, count) in postings.filter(|(slot, _)| candidates.contains(*slot)) {
                    match verdict {
                        Verdict::All => *sure.entry(slot).or_default() += count as f32,
                        Verdict::Some => drop(read.insert(slot)),
                        Verdict::None => break,
                    }
                }
            }
            candidates = read;
        }
        let count = |slot: Slot| {
            let mut count = 0.0;
            fields(slot, &mut |field| count += pattern.occurrences(field));
            (count > 0.0).then_some((slot, count))
        };
        let mut counts: Vec<(Slot, f32)> = candidates.iter().filter_map(count).collect();
        counts.extend(sure.into_iter().filter(|(slot, _)| !candidates.contains(*slot)));
        counts.sort_unstable_by_key(|(slot, _)| *slot);
        Found { name: pattern.name.clone(), counts }
    }
}
