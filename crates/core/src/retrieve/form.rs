//! What the text of a record looks like: a question, something that names a time, something that names a number.
//!
//! English; after the expected answer types of question answering (Li and Roth, "Learning Question Classifiers",
//! COLING 2002), of which only those are kept that a list of words can recognise.

/// Words that place something in time, sorted. Years of four digits count as well.
const TIMES: [&str; 45] = [
    "ago",
    "april",
    "august",
    "day",
    "days",
    "december",
    "evening",
    "fall",
    "february",
    "friday",
    "january",
    "july",
    "june",
    "last",
    "march",
    "may",
    "monday",
    "month",
    "months",
    "morning",
    "next",
    "night",
    "november",
    "october",
    "recently",
    "saturday",
    "september",
    "since",
    "soon",
    "spring",
    "summer",
    "sunday",
    "thursday",
    "today",
    "tomorrow",
    "tonight",
    "tuesday",
    "wednesday",
    "week",
    "weekend",
    "weeks",
    "winter",
    "year",
    "years",
    "yesterday",
];
/// Words that say how many, sorted. Digits count as well.
const NUMBERS: [&str; 21] = [
    "couple", "dozen", "eight", "few", "first", "five", "four", "hundred", "nine", "once", "second", "seven",
    "several", "six", "ten", "third", "thousand", "three", "twelve", "twice", "two",
];
const LONGEST: usize = 9;

/// Whether `text` ends as a question does.
pub(crate) fn asks(text: &str) -> bool {
    text.trim_end().ends_with(['?', '？'])
}

/// Whether `text` says when something was.
pub(crate) fn names_time(text: &str) -> bool {
    let year = |word: &[u8]| word.len() == 4 && (word.starts_with(b"19") || word.starts_with(b"20"));
    any_word(text, &LIKE_TIMES, |word| {
        year(word) && word.iter().all(u8::is_ascii_digit)
            || TIMES.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok()
    })
}

/// Whether `text` says how many or how much something was.
pub(crate) fn names_number(text: &str) -> bool {
    any_word(text, &LIKE_NUMBERS, |word| {
        word[0].is_ascii_digit() || NUMBERS.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok()
    })
}

/// Per first byte, in lower case, a bit for each length that a known word has: most words need no second look.
type Likes = [u16; 128];

static LIKE_TIMES: Likes = likes(&TIMES);
static LIKE_NUMBERS: Likes = likes(&NUMBERS);

const fn likes(words: &[&str]) -> Likes {
    let mut likes = [0; 128];
    let mut at = 0;
    while at < words.len() {
        likes[words[at].as_bytes()[0] as usize] |= 1 << words[at].len();
        at += 1;
    }
    let mut digit = b'0';
    while digit <= b'9' {
        likes[digit as usize] = u16::MAX;
        digit += 1;
    }
    likes
}

/// Whether one of the words of `text`, in lower case, is as wished. Longer words than any known one are passed over.
fn any_word(text: &str, likes: &Likes, wished: impl Fn(&[u8]) -> bool) -> bool {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let word = bytes[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let first = bytes[start].to_ascii_lowercase();
        if (1..=LONGEST).contains(&word) && likes[usize::from(first)] & (1 << word) != 0 {
            let mut buffer = [0u8; LONGEST];
            let lower = &mut buffer[..word];
            lower.copy_from_slice(&bytes[start..start + word]);
            lower.make_ascii_lowercase();
            if wished(lower) {
                return true;
            }
        }
        start += word + 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_listed_as_the_search_needs_them() {
        assert!(TIMES.is_sorted() && NUMBERS.is_sorted());
        assert!(TIMES.iter().chain(&NUMBERS).all(|word| word.len() <= LONGEST));
    }

    #[test]
    fn what_a_text_names() {
        for (text, expected) in [
            ("We met Yesterday.", [true, false, false]),
            ("It was in 2019", [true, true, false]),
            ("at room 2190", [false, true, false]),
            ("two of them", [false, true, false]),
            ("the weekly mayor", [false, false, false]),
            ("Really? ", [false, false, true]),
            ("Why? Because.", [false, false, false]),
            ("", [false, false, false]),
            ("überall 👍", [false, false, false]),
        ] {
            assert_eq!([names_time(text), names_number(text), asks(text)], expected, "{text:?}");
        }
    }
}
