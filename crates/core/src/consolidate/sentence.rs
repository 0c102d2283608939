//! From text to sentences.
//!
//! The rules follow the sentence boundaries of Unicode Standard Annex 29 where they matter for prose, without its
//! tables (30 KB): a sentence ends at a line break, after the full stops of scripts without spaces, and after other
//! terminators that white space follows. A full stop does not end one before a lower-case letter, after an
//! abbreviation or after an initial.

/// Words that end with a full stop and do not end a sentence. Lower case, sorted.
const ABBREVIATIONS: [&str; 28] = [
    "approx", "bzw", "ca", "capt", "cf", "col", "dr", "drs", "e.g", "fr", "gen", "hr", "i.e", "lt", "mme",
    "mr", "mrs", "ms", "mt", "nr", "prof", "rev", "sgt", "sr", "sra", "st", "vs", "z.b",
];
/// Words that end with a full stop and do not end a sentence before a digit. Sorted.
const BEFORE_NUMBERS: [&str; 7] = ["art", "ch", "fig", "no", "p", "pp", "vol"];

/// The sentences of `text`, in order, without the white space around them. What has neither letter nor digit is none.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let end = if matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}') {
            at + c.len_utf8()
        } else if is_terminator(c) {
            let mut end = at + c.len_utf8();
            let (mut last, mut closed) = (c, false);
            while let Some(&(_, next)) = rest.peek() {
                if is_terminator(next) && !closed {
                    last = next;
                } else if is_closer(next) {
                    closed = true;
                } else {
                    break;
                }
                end += next.len_utf8();
                rest.next();
            }
            if !ends_sentence(&text[start..at], c, last, closed, &text[end..]) {
                continue;
            }
            end
        } else {
            continue;
        };
        found.push(&text[start..end]);
        start = end;
    }
    found.push(&text[start..]);
    found.retain(|sentence| sentence.contains(char::is_alphanumeric));
    found.iter_mut().for_each(|sentence| *sentence = sentence.trim());
    found
}

fn is_terminator(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '‼' | '⁇' | '⁈' | '⁉' | '؟' | '۔' | '।' | '॥') || needs_no_space(c)
}

/// Terminators of scripts that put no space after a sentence.
fn needs_no_space(c: char) -> bool {
    matches!(c, '。' | '｡' | '！' | '？' | '．')
}

fn is_closer(c: char) -> bool {
    matches!(c, '"' | '\'' | '’' | '”' | '»' | ')' | ']' | '}' | '」' | '』' | '）' | '】' | '》')
}

/// Whether the terminators from `first` to `last`, perhaps with something closed behind them, end a sentence.
fn ends_sentence(before: &str, first: char, last: char, closed: bool, after: &str) -> bool {
    if needs_no_space(last) {
        return true;
    }
    let Some(next) = after.chars().next() else { return true };
    if !next.is_whitespace() {
        return false;
    }
    let next = after.trim_start().chars().next();
    let goes_on = next.is_some_and(char::is_lowercase);
    if closed || matches!(last, '.' | '…') && goes_on {
        return !goes_on;
    }
    first != '.' || last != '.' || !is_abbreviation(before, next)
}

/// Whether `before` ends with a word that has its full stop because it is short for something.
fn is_abbreviation(before: &str, next: Option<char>) -> bool {
    let starts_word = |c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '“' | '«' | '\'');
    let word = before.rsplit(starts_word).next().unwrap_or_default();
    let mut letters = word.chars();
    if let (Some(only), None) = (letters.next(), letters.next()) {
        return only.is_uppercase() && only != 'I';
    }
    let word = word.to_lowercase();
    ABBREVIATIONS.binary_search(&word.as_str()).is_ok()
        || next.is_some_and(char::is_numeric) && BEFORE_NUMBERS.binary_search(&word.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(sentences(text), expected, "{text:?}");
    }

    #[test]
    fn prose() {
        check("I moved. It was hard! Was it?  Yes", &["I moved.", "It was hard!", "Was it?", "Yes"]);
        check("One line\nanother\r\n\nthird", &["One line", "another", "third"]);
        check("It cost 3.5 kg. See c.io now.", &["It cost 3.5 kg.", "See c.io now."]);
        check("Wait... what? No way!! Ok", &["Wait... what?", "No way!!", "Ok"]);
        check(
            "\"Really?\" he said. (I did.) \"Go!\" She went.",
            &["\"Really?\" he said.", "(I did.)", "\"Go!\"", "She went."],
        );
        check("Great! 😀 I went", &["Great!", "😀 I went"]);
    }

    #[test]
    fn abbreviations_and_initials() {
        check("I saw Dr. Bo. He left.", &["I saw Dr. Bo.", "He left."]);
        check("J. S. Bach, e.g. Airs. So did I. Then", &["J. S. Bach, e.g. Airs.", "So did I.", "Then"]);
        check("See No. 5. I say no. Ben too.", &["See No. 5.", "I say no.", "Ben too."]);
    }

    #[test]
    fn other_scripts() {
        check("私は行った。彼も？「はい。」終わり", &["私は行った。", "彼も？", "「はい。」", "終わり"]);
        check("هل ذهبت؟ نعم.", &["هل ذهبت؟", "نعم."]);
        check("मैं गया। वह आया।", &["मैं गया।", "वह आया।"]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        check("", &[]);
        check(" …!? 😀\n--", &[]);
    }

    #[test]
    fn the_lists_are_sorted_so_that_they_can_be_searched() {
        assert!(ABBREVIATIONS.is_sorted() && BEFORE_NUMBERS.is_sorted());
    }
}
