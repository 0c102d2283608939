//! From text to terms.
//!
//! Steps: compatibility folding (NFKC, lower case, Latin accents removed), word segmentation by Unicode Standard
//! Annex 29, stop words out, Snowball stemming (Porter 2). Runs of Chinese, Japanese and Korean characters have no
//! spaces to segment by and become overlapping bigrams. An emoji is a term, with all that the annex keeps together: what
//! is joined to it, its skin tone, the two letters of a flag.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::index::text::stop_words::is_stop_word;

/// Name of this way of making terms. Changes whenever the same text would give other terms.
pub const TOKENIZER: &str = "uax29-english-2";

/// Longest term in characters; longer words are cut.
pub(crate) const MAX_TERM_CHARS: usize = 64;

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
        if folded.is_ascii() {
            return words(&folded, |word| self.word(word, &mut emit));
        }
        let mut run = CjkRun::default();
        let mut end = 0;
        for (at, word) in folded.unicode_word_indices() {
            if at > end {
                run.flush(&mut emit);
                emoji(&folded[end..at], &mut emit);
            }
            end = at + word.len();
            if word.starts_with(is_cjk) {
                run.text.push_str(word);
                continue;
            }
            run.flush(&mut emit);
            for part in word.split(['\'', '’', '_']) {
                self.word(part, &mut emit);
            }
        }
        run.flush(&mut emit);
        emoji(&folded[end..], &mut emit);
    }

    fn word(&self, word: &str, emit: &mut impl FnMut(&str)) {
        if word.is_empty() || is_stop_word(word) {
            return;
        }
        emit(&self.stem(word));
    }

    /// The term of a word that was folded and is no stop word.
    pub(super) fn stem<'w>(&self, word: &'w str) -> Cow<'w, str> {
        self.stemmer.stem(cut(word))
    }
}

fn cut(word: &str) -> &str {
    word.char_indices().nth(MAX_TERM_CHARS).map_or(word, |(at, _)| &word[..at])
}

/// Calls `emit` with each word of a text that was folded, in order: what terms are made of, with stop words, not stemmed.
/// Each Chinese, Japanese and Korean character is a word.
pub(crate) fn words<'a>(folded: &'a str, mut emit: impl FnMut(&'a str)) {
    if !folded.is_ascii() {
        return segments(folded, &mut emit);
    }
    // No word goes over a space, and letters and digits alone are one: most texts need nothing more.
    for chunk in folded.split_ascii_whitespace() {
        let inner = chunk.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            emit(inner);
        } else {
            segments(chunk, &mut emit);
        }
    }
}

/// The same for any text.
fn segments<'a>(folded: &'a str, mut emit: &mut impl FnMut(&'a str)) {
    let mut end = 0;
    for (at, word) in folded.unicode_word_indices() {
        emoji(&folded[end..at], emit);
        end = at + word.len();
        if word.starts_with(is_cjk) {
            word.char_indices().for_each(|(at, c)| emit(&word[at..at + c.len_utf8()]));
            continue;
        }
        word.split(['\'', '’', '_']).filter(|part| !part.is_empty()).for_each(&mut emit);
    }
    emoji(&folded[end..], emit);
}

/// Calls `emit` with each emoji of `gap`, which holds no word.
fn emoji<'a>(gap: &'a str, emit: &mut impl FnMut(&'a str)) {
    if !gap.is_ascii() {
        gap.split_word_bounds().filter(|piece| piece.starts_with(is_emoji)).map(cut).for_each(emit);
    }
}

/// Compatibility form, lower case, without the combining accents of Latin, Greek and Cyrillic letters and without
/// selectors of a variant, which tell a red heart from a black one and mean nothing.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let is_dropped = |c: &char| matches!(c, '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}');
    let folded: String = text.nfkd().filter(|c| !is_dropped(c)).flat_map(char::to_lowercase).collect();
    folded.nfc().collect()
}

/// The blocks of emoji and the pictographs outside of them that are drawn in colour by themselves (emoji-data.txt of
/// Unicode 16, `Emoji_Presentation`); symbols and dingbats whole, since a star or a tick is meant as one.
fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{231a}'..='\u{231b}'
        | '\u{23e9}'..='\u{23fa}'
        | '\u{25fd}'..='\u{25fe}'
        | '\u{2600}'..='\u{27bf}'    // Miscellaneous Symbols, Dingbats
        | '\u{2b1b}'..='\u{2b1c}'
        | '\u{2b50}'
        | '\u{2b55}'
        | '\u{1f000}'..='\u{1faff}') // Mahjong Tiles to Symbols and Pictographs Extended-A
}

pub(crate) fn is_cjk(c: char) -> bool {
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
}

impl CjkRun {
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
        check("  \n\t …!? → ±", &[]);
    }

    #[test]
    fn an_emoji_is_one_term() {
        check("well done 👍!", &["well", "done", "👍"]);
        check("👍👍🎉", &["👍", "👍", "🎉"]);
        check("ok👍ok", &["ok", "👍", "ok"]);
        // Joined, with a skin tone, both.
        check("👩‍👩‍👧 👍🏽 👩🏽‍🚀👍", &["👩‍👩‍👧", "👍🏽", "👩🏽‍🚀", "👍"]);
        // Flags: two letters each, without anything between; tags.
        check("🇩🇪🇫🇷 🏴󠁧󠁢󠁥󠁮󠁧󠁿", &["🇩🇪", "🇫🇷", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]);
        check("1️⃣ ⭐ ✓", &["1⃣", "⭐", "✓"]);
        check("日🎉本語", &["日", "🎉", "本語"]);
    }

    #[test]
    fn the_selector_of_a_variant_makes_no_other_term() {
        check("❤️ ❤ ❤️‍🔥", &["❤", "❤", "❤\u{200d}🔥"]);
        check("🏳️‍🌈", &["🏳\u{200d}🌈"]);
    }

    #[test]
    fn words_are_neither_dropped_nor_stemmed() {
        for (text, expected) in [
            ("Don't use the UNITS, please", "don t use the units please"),
            ("Café 3.5 a_b 日本語 한국 👍🏽ok", "cafe 3.5 a b 日 本 語 한 국 👍🏽 ok"),
            (" … ", ""),
        ] {
            let folded = fold(text);
            let mut found = Vec::new();
            words(&folded, |word| found.push(word));
            assert_eq!(found.join(" "), expected, "{text:?}");
        }
    }

    /// A text is made into the same terms whether or not something stands before it that takes the long way.
    #[test]
    fn terms_of_plain_texts() {
        let mut random = fastrand::Rng::with_seed(4);
        let pieces = [
            "the", "Units", "don", "running", "7", ".", ",", ":", "'", "_", "-", " ", "  ", "\n", "/", "@",
            "!",
        ];
        let tokenizer = Tokenizer::default();
        for _ in 0..5_000 {
            let text: String =
                (0..random.usize(..12)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let (mut short, mut long) = (Vec::new(), Vec::new());
            tokenizer.terms(&text, |term| short.push(term.to_owned()));
            tokenizer.terms(&format!("é {text}"), |term| long.push(term.to_owned()));
            assert_eq!(short, long[1..], "{text:?}");
        }
    }

    /// The short way through plain texts finds what the long way does.
    #[test]
    fn words_of_plain_texts() {
        let mut random = fastrand::Rng::with_seed(3);
        let pieces =
            ["a", "bc", "7", ".", ",", ":", ";", "'", "_", "-", " ", "\n", "\t", "\u{b}", "/", "@", "\u{1}"];
        for _ in 0..20_000 {
            let text: String =
                (0..random.usize(..12)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let (mut short, mut long) = (Vec::new(), Vec::new());
            words(&text, |word| short.push(word));
            segments(&text, &mut |word| long.push(word));
            assert_eq!(short, long, "{text:?}");
        }
    }

    #[test]
    fn enormous_words_are_cut() {
        check(&"é".repeat(500), &[&"e".repeat(64)]);
        check(
            &format!("👩{}", "\u{200d}👩".repeat(500)),
            &[&format!("👩{}", "\u{200d}👩".repeat(500))[..4 + 31 * 7 + 3]],
        );
    }
}
