//! Which sentences of a text speak of a question.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::consolidate::sentences;
use crate::index::text::Tokenizer;

/// A sentence of a text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Passage {
    /// Where it starts, in UTF-16 code units, the unit of JavaScript strings.
    pub start: u32,
    /// Where it ends, in the same.
    pub end: u32,
    /// What it has to do with the question, 0 and more: the terms of the question in it, each as much worth as it is rare
    /// among the sentences of the text.
    pub weight: f32,
}

/// The sentences of `text`, in order, with what each has to do with `question`.
///
/// # Example
/// ```
/// use stratamem_core::passages;
///
/// let found = passages("It rained. The ferry leaves at nine.", "When does the ferry leave?");
/// assert_eq!((found[1].start, found[1].end), (11, 36));
/// assert!(found[0].weight == 0.0 && found[1].weight > 0.0);
/// ```
pub fn passages(text: &str, question: &str) -> Vec<Passage> {
    let tokenizer = Tokenizer::default();
    let mut asked: FxHashMap<String, u32> = FxHashMap::default();
    tokenizer.terms(question, |term| {
        let next = asked.len() as u32;
        asked.entry(term.to_owned()).or_insert(next);
    });
    let parts = sentences(text);
    let mut present: Vec<Vec<u32>> = Vec::with_capacity(parts.len());
    let mut counts = vec![0u32; asked.len()];
    for part in &parts {
        let mut terms: Vec<u32> = Vec::new();
        tokenizer.terms(part, |term| {
            if let Some(at) = asked.get(term) {
                terms.push(*at);
            }
        });
        terms.sort_unstable();
        terms.dedup();
        terms.iter().for_each(|at| counts[*at as usize] += 1);
        present.push(terms);
    }
    let rarity = |at: &u32| libm::logf(1.0 + parts.len() as f32 / counts[*at as usize] as f32);
    let mut units = Units { text, bytes: 0, units: 0 };
    let located = parts.iter().zip(&present).map(|(part, terms)| {
        let from = part.as_ptr() as usize - text.as_ptr() as usize;
        let (start, end) = (units.at(from), units.at(from + part.len()));
        Passage { start, end, weight: terms.iter().map(rarity).sum() }
    });
    located.collect()
}

/// Turns ascending places in bytes into places in UTF-16 code units.
struct Units<'t> {
    text: &'t str,
    bytes: usize,
    units: u32,
}

impl Units<'_> {
    fn at(&mut self, bytes: usize) -> u32 {
        self.units += self.text[self.bytes..bytes].encode_utf16().count() as u32;
        self.bytes = bytes;
        self.units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_utf_16() {
        let text = "😀 Grüße. Wie geht's? 私は行った。終わり";
        let units: Vec<u16> = text.encode_utf16().collect();
        let read: Vec<String> = passages(text, "")
            .iter()
            .map(|found| String::from_utf16_lossy(&units[found.start as usize..found.end as usize]))
            .collect();
        assert_eq!(read, ["😀 Grüße.", "Wie geht's?", "私は行った。", "終わり"]);
    }

    #[test]
    fn rare_terms_of_the_question_count_more() {
        let weights =
            |text, question| passages(text, question).iter().map(|found| found.weight).collect::<Vec<_>>();
        let found =
            weights("The ferry is old. The ferry leaves at nine. It rains.", "When does the ferry leave?");
        assert!(found[1] > 2.0 * found[0] && found[0] > 0.0 && found[2] == 0.0, "{found:?}");
        assert_eq!(weights("One. Two.", ""), [0.0, 0.0]);
        assert_eq!(weights("", "anything"), [0f32; 0]);
    }
}
