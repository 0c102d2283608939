//! From text to terms.
//!
//! Steps: compatibility folding (NFKC, lower case, Latin accents removed), word segmentation by Unicode Standard
//! Annex 29, stop words out, Snowball stemming (Porter 2). Runs of Chinese, Japanese and Korean characters have no
//! spaces to segment by and become overlapping bigrams.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::index::text::stop_words::is_stop_word;

/// Name of this way of making terms. Changes whenever the same text would give other terms.
pub const TOKENIZER: &str = "uax29-english-1";

/// Longest term in characters; longer words are cut.
const MAX_TERM_CHARS: usize = 64;

/// Turns text into terms.
pub(crate) struct Tokenizer {
    stemmer: Stemmer,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(TOKENIZER)
    }
}

impl Default for Tokenizer {
    fn default() -> Self {
        Tokenizer { stemmer: Stemmer::create(Algorithm::English) }
    }
}

impl Tokenizer {
    /// Calls `emit` with each term of `text`, in order, repeats included.
    pub(crate) fn terms(&self, text: &str, mut emit: impl FnMut(&str)) {
        let folded = fold(text);
        let mut run = CjkRun::default();
        for (at, word) in folded.unicode_word_indices() {
            if word.starts_with(is_cjk) {
                if !run.continues_at(at) {
                    run.flush(&mut emit);
                }
                run.push(at, word);
                continue;
            }
            run.flush(&mut emit);
            for part in word.split(['\'', '’', '_']) {
                self.word(part, &mut emit);
            }
        }
        run.flush(&mut emit);
    }

    fn word(&self, word: &str, emit: &mut impl FnMut(&str)) {
        if word.is_empty() || is_stop_word(word) {
            return;
        }
        let cut = word.char_indices().nth(MAX_TERM_CHARS).map_or(word, |(at, _)| &word[..at]);
        emit(&self.stemmer.stem(cut));
    }
}

/// Compatibility form, lower case, without the combining accents of Latin, Greek and Cyrillic letters.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let is_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    let folded: String = text.nfkd().filter(|c| !is_accent(c)).flat_map(char::to_lowercase).collect();
    folded.nfc().collect()
}

fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}'      // Hiragana, Katakana
        | '\u{3400}'..='\u{4dbf}'    // CJK extension A
        | '\u{4e00}'..='\u{9fff}'    // CJK unified ideographs
        | '\u{ac00}'..='\u{d7af}'    // Hangul syllables
        | '\u{f900}'..='\u{faff}'    // CJK compatibility ideographs
        | '\u{20000}'..='\u{323af}') // CJK extensions B and later
}

#[derive(Default)]
struct CjkRun {
    text: String,
    end: usize,
}

impl CjkRun {
    fn continues_at(&self, at: usize) -> bool {
        self.text.is_empty() || self.end == at
    }

    fn push(&mut self, at: usize, word: &str) {
        self.text.push_str(word);
        self.end = at + word.len();
    }

    fn flush(&mut self, emit: &mut impl FnMut(&str)) {
        let starts: Vec<usize> = self.text.char_indices().map(|(at, _)| at).collect();
        match starts.len() {
            0 => return,
            1 => emit(&self.text),
            count => {
                for index in 0..count - 1 {
                    let end = starts.get(index + 2).copied().unwrap_or(self.text.len());
                    emit(&self.text[starts[index]..end]);
                }
            }
        }
        self.text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut terms = Vec::new();
        Tokenizer::default().terms(text, |term| terms.push(term.to_owned()));
        assert_eq!(terms, expected, "{text:?}");
    }

    #[test]
    fn english() {
        check("Ada prefers metric units", &["ada", "prefer", "metric", "unit"]);
        check("I don't know which units I should use!", &["know", "unit", "use"]);
        check("O'Brien's e-mail: a_b@c.io", &["o", "brien", "e", "mail", "b", "c.io"]);
        check("running runs ran", &["run", "run", "ran"]);
    }

    #[test]
    fn accents_and_compatibility_forms_fold_together() {
        check("Café RÉSUMÉ ﬁne Ｗｉｄｅ", &["cafe", "resum", "fine", "wide"]);
        check("Straße", &["straße"]);
    }

    #[test]
    fn numbers_stay_whole() {
        check("3.5 kg on 2023-05-08, port 5432", &["3.5", "kg", "2023", "05", "08", "port", "5432"]);
    }

    #[test]
    fn cjk_becomes_bigrams() {
        check("日本語", &["日本", "本語"]);
        check("猫", &["猫"]);
        check("東京 大阪", &["東京", "大阪"]);
        check("한국어 test", &["한국", "국어", "test"]);
        check("カタカナ and kana", &["カタ", "タカ", "カナ", "kana"]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        check("", &[]);
        check("  \n\t …!? 😀", &[]);
    }

    #[test]
    fn enormous_words_are_cut() {
        check(&"é".repeat(500), &[&"e".repeat(64)]);
    }
}
