//! What counts as the same statement.
//!
//! Two questions, both answered with care for what would be lost: whether two texts are the same words, and whether
//! one says all that the other does. A pair that is missed costs some bytes; a pair wrongly merged costs a memory.

use crate::consolidate::Fnv;
use crate::consolidate::words::{Word, words};

/// Comes after each word; no byte of UTF-8.
const END_OF_WORD: u8 = 0xff;

/// A hash of the words of `text`: FNV-1a over their UTF-8 bytes, each word followed by 0xFF. The same on every
/// platform and in every release of the same major version.
///
/// Equal for texts that differ in case, white space, compatibility forms and mere punctuation only, or in one article
/// for another ("a", "an", "the"). The order of words counts, and so do question marks, quotation marks, signs of
/// numbers, symbols and emoji. An article is not the same as none: "few friends" are not "a few friends".
/// Different statements have equal keys by chance or by design only; [`covers`] tells for certain.
pub fn statement_key(text: &str) -> u64 {
    let mut hash = Fnv::default();
    if !text.is_ascii() {
        words(text).iter().for_each(|word| mix(&mut hash, &word.text));
        return hash.finish();
    }
    // No word of plain text goes over white space. Of question marks one after the other the first is the word.
    let mut is_asked = false;
    for chunk in text.split_ascii_whitespace() {
        let plain = chunk.strip_suffix([',', '.', '!']).unwrap_or(chunk);
        if !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            mix(&mut hash, plain);
            is_asked = false;
            continue;
        }
        for word in words(chunk) {
            let asks = word.text == "?";
            if !(asks && is_asked) {
                mix(&mut hash, &word.text);
            }
            is_asked = asks;
        }
    }
    hash.finish()
}

/// Takes a word in, of any case if it is plain.
fn mix(hash: &mut Fnv, word: &str) {
    if ["a", "an"].iter().any(|article| word.eq_ignore_ascii_case(article)) {
        hash.bytes(ARTICLE.as_bytes());
    } else {
        word.bytes().for_each(|byte| hash.bytes(&[byte.to_ascii_lowercase()]));
    }
    hash.bytes(&[END_OF_WORD]);
}

/// Whether two texts are the same words, as [`statement_key`] has it, for certain.
pub fn same_statement(one: &str, other: &str) -> bool {
    let (one, other) = (words(one), words(other));
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| as_article(&one.text) == as_article(&other.text))
}

/// Whether `shorter` says nothing that `longer` does not, as far as their words can tell for certain.
///
/// True if the words are the same but for case, punctuation, articles, contractions ("don't" and "do not"), small
/// numbers ("two" and "2"), interjections in front ("Oh, …") and, in `longer`, at most one word in five (but one in
/// any case) that only adds emphasis or a manner of telling ("really", "already", "finally", "also"). Such words are
/// English. They are not passed over in what is negated, asked, compared, possible or conditional, nor before
/// numbers. Anything else that is different makes it false: so paraphrases are not found, nor are other languages
/// beyond equal words.
pub fn covers(longer: &str, shorter: &str) -> bool {
    let (longer, shorter) = (Statement::read(longer), Statement::read(shorter));
    if longer.words.iter().map(|word| &word.text).eq(shorter.words.iter().map(|word| &word.text)) {
        return true;
    }
    let most = (longer.words.len() / 5).max(1);
    let emphasis = !longer.is_delicate() && !shorter.is_delicate();
    let (mut i, mut j, mut extra) = (longer.start, shorter.start, 0);
    loop {
        match (longer.words.get(i), shorter.words.get(j)) {
            (None, None) => return extra <= most,
            (Some(a), Some(b)) if a.text == b.text => (i, j) = (i + 1, j + 1),
            _ if longer.may_lack(i) => i += 1,
            _ if shorter.may_lack(j) => j += 1,
            _ if emphasis && longer.is_emphasis(i) => (i, extra) = (i + 1, extra + 1),
            _ => return false,
        }
    }
}

/// The same word for all articles, else `word`.
fn as_article(word: &str) -> &str {
    if matches!(word, "a" | "an" | "the") { ARTICLE } else { word }
}

const ARTICLE: &str = "the";

/// Words in forms that can be compared.
struct Statement {
    words: Vec<Word>,
    /// Where it starts after interjections.
    start: usize,
    /// Whether "a" and "an" are articles in it.
    english: bool,
}

impl Statement {
    fn read(text: &str) -> Statement {
        let read = words(text);
        let english = read.iter().any(|word| ENGLISH.contains(&word.text.as_str()));
        let mut plain: Vec<Word> = Vec::with_capacity(read.len());
        for (at, word) in read.iter().enumerate() {
            let next = read.get(at + 1).map(|word| word.text.as_str());
            let (first, second) = expanded(&word.text, next);
            let stopped = word.stopped && second.is_none();
            plain.push(Word { text: canonical(first).to_owned(), capital: word.capital, stopped });
            if let Some(second) = second {
                plain.push(Word { text: second.to_owned(), capital: false, stopped: word.stopped });
            }
        }
        let is_interjection = |word: &&Word| word.stopped && INTERJECTIONS.contains(&word.text.as_str());
        let start = plain.iter().take_while(is_interjection).count();
        // An interjection by itself is what is said.
        let start = if start == plain.len() { 0 } else { start };
        Statement { words: plain, start, english }
    }

    fn text(&self, at: usize) -> Option<&str> {
        self.words.get(at).map(|word| word.text.as_str())
    }

    fn before(&self, at: usize) -> Option<&str> {
        at.checked_sub(1).filter(|before| *before >= self.start).and_then(|before| self.text(before))
    }

    /// Whether the word at `at` is an article without which the statement is the same. After prepositions it often is
    /// not ("in office"), nor before some words ("a few").
    fn may_lack(&self, at: usize) -> bool {
        let Some(word) = self.words.get(at).filter(|word| word.text == ARTICLE) else { return false };
        let Some(next) = self.words.get(at + 1) else { return false };
        let is_name = word.capital && at > self.start;
        self.english
            && !is_name
            && !word.stopped
            && !ARTICLE_MATTERS_BEFORE.contains(&next.text.as_str())
            && next.text.starts_with(char::is_alphabetic)
            && self.before(at).is_none_or(|before| !ARTICLE_MATTERS_AFTER.contains(&before))
    }

    /// Whether a word more or less can turn it into something else.
    fn is_delicate(&self) -> bool {
        self.words.iter().any(|word| DELICATE.contains(&word.text.as_str()))
    }

    /// Whether the word at `at` only stresses what is said, where it stands.
    fn is_emphasis(&self, at: usize) -> bool {
        let Some(word) = self.text(at) else { return false };
        let last = at + 1 == self.words.len();
        let next_is_last = at + 2 == self.words.len();
        if self.text(at + 1).is_some_and(|next| next.starts_with(char::is_numeric)) {
            return false;
        }
        let of_degree = DEGREE.contains(&word) && next_is_last && self.before(at).is_some_and(is_copula);
        let ends_it = last && AT_THE_END.contains(&word);
        let of_all = ADVERBS.contains(&word) && self.is_beside_the_verb(at);
        of_degree || ends_it || of_all
    }

    /// Whether what stands at `at` is about the verb: set off at the start, after the subject or after an auxiliary.
    fn is_beside_the_verb(&self, at: usize) -> bool {
        let Some(before) = self.before(at) else { return self.words[at].stopped };
        let begins = at == self.start + 1;
        let pronoun =
            matches!(before, "i" | "he" | "she" | "we" | "they") || begins && matches!(before, "it" | "you");
        let auxiliary = is_copula(before) || matches!(before, "have" | "has" | "had");
        // A word in front may be an adjective instead of a name.
        let name = begins && self.words[at - 1].capital && before != ARTICLE;
        let adjective = matches!(self.words[at].text.as_str(), "just" | "still");
        at + 1 < self.words.len() && (pronoun || !adjective && (auxiliary || name))
    }
}

fn is_copula(word: &str) -> bool {
    matches!(word, "am" | "is" | "are" | "was" | "were")
}

/// A contraction as the words it is short for.
fn expanded<'w>(word: &'w str, next: Option<&str>) -> (&'w str, Option<&'static str>) {
    match word {
        "cannot" | "can't" => return ("can", Some("not")),
        "won't" => return ("will", Some("not")),
        "ain't" => return (word, None),
        _ => {}
    }
    const ENDINGS: [(&str, &str); 5] =
        [("n't", "not"), ("'m", "am"), ("'re", "are"), ("'ve", "have"), ("'ll", "will")];
    for (ending, full) in ENDINGS {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| !stem.is_empty()) {
            return (stem, Some(full));
        }
    }
    // "She's moved" may be "she has"; before these it is "she is".
    let surely_is = |next: &str| next.ends_with("ing") || IS_BEFORE.contains(&next);
    match word.strip_suffix("'s") {
        Some(stem) if HAS_IS.contains(&stem) && next.is_some_and(surely_is) => (stem, Some("is")),
        _ => (word, None),
    }
}

/// The form of a word that stands for others of the same meaning.
fn canonical(word: &str) -> &str {
    const NUMBERS: [(&str, &str); 12] = [
        ("one", "1"),
        ("two", "2"),
        ("three", "3"),
        ("four", "4"),
        ("five", "5"),
        ("six", "6"),
        ("seven", "7"),
        ("eight", "8"),
        ("nine", "9"),
        ("ten", "10"),
        ("eleven", "11"),
        ("twelve", "12"),
    ];
    match word {
        "&" => "and",
        "ok" => "okay",
        "percent" => "%",
        _ => NUMBERS
            .iter()
            .find(|(name, _)| *name == word)
            .map_or_else(|| as_article(word), |(_, digits)| digits),
    }
}

/// Words that tell English from languages in which "a" and "an" are no articles.
const ENGLISH: [&str; 42] = [
    "the", "and", "is", "are", "were", "been", "of", "with", "from", "this", "that", "she", "they", "you",
    "his", "her", "your", "their", "our", "it", "had", "have", "bought", "got", "made", "took", "found",
    "lost", "saw", "wants", "needs", "likes", "loves", "owns", "adopted", "started", "moved", "works",
    "lives", "became", "gave", "said",
];
/// Say nothing if they are set off by punctuation at the start.
const INTERJECTIONS: [&str; 20] = [
    "ah", "anyway", "btw", "er", "haha", "hello", "hey", "hi", "hmm", "lol", "oh", "okay", "so", "uh", "um",
    "well", "wow", "yeah", "yep", "yes",
];
const ADVERBS: [&str; 18] = [
    "absolutely",
    "actually",
    "already",
    "also",
    "certainly",
    "clearly",
    "definitely",
    "finally",
    "honestly",
    "just",
    "luckily",
    "now",
    "obviously",
    "really",
    "sadly",
    "still",
    "truly",
    "unfortunately",
];
const DEGREE: [&str; 8] = ["absolutely", "extremely", "incredibly", "really", "so", "super", "truly", "very"];
const AT_THE_END: [&str; 6] = ["too", "lol", "haha", "btw", "already", "indeed"];
const HAS_IS: [&str; 9] = ["it", "he", "she", "that", "there", "here", "what", "who", "where"];
const IS_BEFORE: [&str; 14] =
    ["a", "an", "the", "not", "my", "his", "her", "our", "your", "their", "in", "on", "at", "from"];
const ARTICLE_MATTERS_AFTER: [&str; 20] = [
    "in", "on", "at", "by", "to", "of", "out", "for", "from", "into", "with", "as", "under", "over", "off",
    "up", "all", "what", "such", "both",
];
const ARTICLE_MATTERS_BEFORE: [&str; 19] = [
    "few", "little", "most", "last", "next", "first", "only", "who", "which", "other", "others", "same",
    "more", "less", "better", "place", "part", "while", "bit",
];
/// Negation, question, condition, possibility, comparison, restriction.
const DELICATE: [&str; 50] = [
    "?", "\"", "not", "no", "never", "none", "nothing", "nobody", "neither", "nor", "hardly", "barely",
    "scarcely", "seldom", "rarely", "without", "few", "little", "less", "least", "only", "if", "unless",
    "whether", "until", "would", "could", "might", "may", "maybe", "perhaps", "probably", "possibly",
    "should", "must", "or", "either", "any", "than", "used", "almost", "nearly", "doubt", "deny", "denied",
    "refuse", "refused", "failed", "stopped", "ain't",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The short way through plain texts gives the key that the words of the whole text do.
    #[test]
    fn keys_of_plain_texts() {
        let mut random = fastrand::Rng::with_seed(6);
        let pieces = [
            "The", "a", "AN", "units", "I", "7", "3.5", ".", ",", ":", ";", "(", ")", "'", "\"", "_", "-",
            "!", "?", "*", "=", "$", " ", "  ", " ", "\n", "\t", "\u{b}", "\u{1f}",
        ];
        for _ in 0..40_000 {
            let text: String =
                (0..random.usize(..10)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let mut hash = Fnv::default();
            for word in words(&text) {
                hash.bytes(as_article(&word.text).as_bytes());
                hash.bytes(&[END_OF_WORD]);
            }
            assert_eq!(statement_key(&text), hash.finish(), "{text:?}");
        }
    }
}
