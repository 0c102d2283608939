//! From a statement to the words that it consists of.
//!
//! This is not the tokeniser of search, which drops what search does not need. A key made of these words may be
//! stored, so the rules are here and not in a library that may change them:
//!
//! - The text is brought to NFKC. A superscript or a fraction behind a digit stays apart from it ("10²" is not "102").
//! - Letters, digits, marks and joiners are in words, lower-cased, with a final sigma as any sigma. So are `.`, `-`,
//!   `_` and apostrophes between two of them, and any punctuation between two digits.
//! - A symbol (currency, mathematics, arrows, emoji) is a word; variation selectors are dropped.
//! - A question mark is a word, several are one, and so are quotation marks, hyphens before a word, a point before a
//!   number, a `!` before code, and emoticons that begin with a colon or a semicolon. Asterisks at one side of a word
//!   are markup.
//! - Other punctuation and white space separate words, and count for nothing.

use unicode_normalization::UnicodeNormalization;

/// A word of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case.
    pub(super) text: String,
    /// Whether it was written with a capital.
    pub(super) capital: bool,
    /// Whether punctuation that counts for nothing follows it.
    pub(super) stopped: bool,
}

/// The words of `text`, in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let text = composed(text);
    let mut reading = Reading { text: &text, word: String::new(), found: Vec::new() };
    let mut at = 0;
    while at < text.len() {
        at += reading.step(at);
    }
    reading.finish();
    reading.found
}

/// NFKC, with `^` between a digit and what would become part of its number, without what is not seen.
fn composed(text: &str) -> Vec<char> {
    // What is plain is composed, and seen.
    if text.is_ascii() {
        return text.chars().collect();
    }
    let mut after_digit = false;
    let apart = text.chars().flat_map(|c| {
        let apart = after_digit && is_small_number(c);
        after_digit = c.is_numeric();
        apart.then_some('^').into_iter().chain([c])
    });
    apart.nfkc().filter(|c| !is_ignored(*c)).collect()
}

struct Reading<'t> {
    text: &'t [char],
    word: String,
    found: Vec<Word>,
}

impl Reading<'_> {
    /// Reads on at `at`; returns how many characters were read.
    fn step(&mut self, at: usize) -> usize {
        let c = self.text[at];
        let before = at.checked_sub(1).map_or(' ', |at| self.text[at]);
        let after = self.text.get(at + 1).copied().unwrap_or(' ');
        if is_in_word(c) || joins(before, c, after) {
            self.word.push(match c {
                '’' => '\'',
                '‐' => '-',
                _ => c,
            });
            return 1;
        }
        let greek = self.word.ends_with(|c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}'));
        self.finish();
        if let Some(length) = emoticon(&self.text[at..]) {
            let text: String = self.text[at..at + length].iter().collect();
            self.sign(&text);
            return length;
        }
        match c {
            '?' | '؟' | '՞' | '፧' | '‽' => self.question(),
            ';' if greek => self.question(),
            '\'' | '‘' | '’' | '‚' | '‛' => self.sign("'"),
            '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '‹' | '›' => self.sign("\""),
            '「' | '」' | '『' | '』' | '《' | '》' => self.sign("\""),
            '-' | '*' => return self.run(at, before),
            '.' if !is_in_word(before) && after.is_numeric() => self.sign("."),
            '!' if after == '=' || !is_in_word(before) && is_in_word(after) => self.sign("!"),
            _ if is_symbol(c) => self.sign(c.encode_utf8(&mut [0; 4])),
            _ if c.is_whitespace() => {}
            _ => self.found.last_mut().into_iter().for_each(|word| word.stopped = true),
        }
        1
    }

    /// Reads a run of hyphens or asterisks. Hyphens before a word, a number or a price are part of what is said
    /// ("-5", "--all"); asterisks are unless they are set before or after a word as markup ("*this*").
    fn run(&mut self, at: usize, before: char) -> usize {
        let length = self.text[at..].iter().take_while(|c| **c == self.text[at]).count();
        let after = self.text.get(at + length).copied().unwrap_or(' ');
        let (left, right) = (is_in_word(before), is_in_word(after));
        let says = if self.text[at] == '-' { !left && (right || is_currency(after)) } else { left == right };
        if says {
            let text: String = self.text[at..at + length].iter().collect();
            self.sign(&text);
        }
        length
    }

    fn question(&mut self) {
        if self.found.last().is_none_or(|word| word.text != "?") {
            self.sign("?");
        }
    }

    fn sign(&mut self, text: &str) {
        self.found.push(Word { text: text.to_owned(), capital: false, stopped: false });
    }

    fn finish(&mut self) {
        if !self.word.is_empty() {
            let capital = self.word.starts_with(char::is_uppercase);
            let mut text = std::mem::take(&mut self.word);
            if text.is_ascii() {
                text.make_ascii_lowercase();
            } else {
                text = text.to_lowercase().replace('ς', "σ");
            }
            self.found.push(Word { text, capital, stopped: false });
        }
    }
}

/// Whether `c`, which is no part of words as such, joins what is before and after it.
fn joins(before: char, c: char, after: char) -> bool {
    let between = |is: fn(char) -> bool| is(before) && is(after);
    match c {
        '.' | '-' | '‐' | '_' | '\'' | '’' => between(is_in_word),
        _ => between(char::is_numeric) && !c.is_whitespace(),
    }
}

/// How long the emoticon is that `text` begins with.
fn emoticon(text: &[char]) -> Option<usize> {
    let nose = usize::from(matches!(text, [':' | ';', '-' | '\'', ..]));
    let mouth =
        matches!(text.get(nose + 1), Some('(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' | '\\' | '*'));
    (matches!(text, [':' | ';', ..]) && mouth).then_some(nose + 2)
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || !c.is_ascii() && !c.is_whitespace() && !is_symbol(c) && !is_punctuation(c)
}

/// Punctuation outside ASCII. What is neither here nor a symbol, such as a combining mark, is part of a word.
fn is_punctuation(c: char) -> bool {
    matches!(c,
        '¡' | '§' | '«' | '´' | '¶' | '·' | '»' | '¿' | '՚'..='՟' | '։' | '׀' | '׃' | '׆' | '׳' | '״'
        | '،' | '؛' | '؞' | '؟' | '٪'..='٭' | '۔' | '।' | '॥' | '๏' | '๚' | '๛' | '༄'..='༒' | '၊'..='၏' | '፠'..='፨'
        | '។'..='៖' | '‐'..='‧' | '‰'..='⁁' | '⁃'..='⁞' | '、'..='〃' | '〈'..='】' | '〔'..='〟' | '〰' | '・'
        | '﴾' | '﴿' | '︐'..='︙' | '﹅' | '﹆')
        && !matches!(c, '′' | '″' | '‰')
}

/// Signs that are words.
fn is_symbol(c: char) -> bool {
    matches!(c,
        '#' | '$' | '%' | '&' | '*' | '+' | '/' | '<' | '=' | '>' | '@' | '\\' | '^' | '|' | '~'
        | '¢'..='¦' | '©' | '¬' | '®' | '°' | '±' | '×' | '÷' | '‰' | '′' | '″' | '\u{2044}' | '\u{2052}'
        | '\u{20a0}'..='\u{20cf}' | '\u{2100}'..='\u{214f}' | '\u{2190}'..='\u{2bff}'
        | '\u{1f000}'..='\u{1faff}')
}

fn is_currency(c: char) -> bool {
    matches!(c, '$' | '¢'..='¥' | '\u{20a0}'..='\u{20cf}')
}

/// Digits and fractions that NFKC turns into plain digits: superscripts, subscripts, fractions, numbers in circles.
fn is_small_number(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '¼'..='¾' | '\u{2070}'..='\u{2089}' | '\u{2150}'..='\u{2189}'
        | '\u{2460}'..='\u{249b}')
}

/// Characters that are not seen and say nothing: soft hyphens, marks of direction, variation selectors. The zero
/// width joiners of emoji, Persian and Indic scripts do say something.
fn is_ignored(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
        | '\u{2066}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = words(text).into_iter().map(|word| word.text).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn words_and_punctuation() {
        check("Hello, World!  (again) …", &["hello", "world", "again"]);
        check("Don’t re-do a_b at c.io.", &["don't", "re-do", "a_b", "at", "c.io"]);
        check("So?? \"Yes\" 'no'", &["so", "?", "\"", "yes", "\"", "'", "no", "'"]);
        check("Έφυγε; ΟΔΟΣ οδος", &["έφυγε", "?", "οδοσ", "οδοσ"]);
        check("**bold** 2 * 3 a != b !ok", &["bold", "2", "*", "3", "a", "!", "=", "b", "!", "ok"]);
    }

    /// The short way through plain texts finds what the long way does, which a sign before it takes.
    #[test]
    fn words_of_plain_texts() {
        let mut random = fastrand::Rng::with_seed(5);
        let pieces = [
            "The", "units", "A", "7", ".", ",", ":", "(", "'", "_", "-", "!", "?", " ", "\n", "\u{1}",
            "\u{7f}", "*",
        ];
        for _ in 0..5_000 {
            let text: String =
                (0..random.usize(..12)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let (short, long) = (words(&text), words(&format!("€ {text}")));
            assert_eq!(short, long[1..], "{text:?}");
        }
    }

    #[test]
    fn numbers() {
        check(
            "-5 .5 3.5 1,000 10:30 2-1 -$5",
            &["-", "5", ".", "5", "3.5", "1,000", "10:30", "2-1", "-", "$", "5"],
        );
        check("10² 1½ m² H₂O １２", &["10^2", "1^1⁄2", "m2", "h2o", "12"]);
        check("5% €5 5′ 5″", &["5", "%", "€", "5", "5", "′", "5", "′", "′"]);
    }

    #[test]
    fn other_scripts_and_signs() {
        check("ok😀👍🏽 ❤️ :( ;-) done", &["ok", "😀", "👍", "🏽", "❤", ":(", ";-)", "done"]);
        check("東京に行った。本当？", &["東京に行った", "本当", "?"]);
        check("नमस्ते दुनिया।", &["नमस्ते", "दुनिया"]);
        check("هل ذهبت؟ نعم، أمس", &["هل", "ذهبت", "?", "نعم", "أمس"]);
        check("e\u{301}te\u{301} été", &["été", "été"]);
    }
}
