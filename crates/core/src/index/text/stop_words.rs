//! English words that say nothing about what a text is about.

/// The stop list of the Snowball project for English, <https://snowballstem.org/algorithms/english/stop.txt>, with
/// contractions left out (the tokeniser splits them) and their parts put in. Sorted.
pub(super) const ENGLISH: [&str; 135] = [
    "a",
    "about",
    "above",
    "after",
    "again",
    "against",
    "all",
    "am",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "being",
    "below",
    "between",
    "both",
    "but",
    "by",
    "can",
    "cannot",
    "could",
    "did",
    "do",
    "does",
    "doing",
    "don",
    "down",
    "during",
    "each",
    "few",
    "for",
    "from",
    "further",
    "had",
    "has",
    "have",
    "having",
    "he",
    "her",
    "here",
    "hers",
    "herself",
    "him",
    "himself",
    "his",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "itself",
    "just",
    "ll",
    "me",
    "more",
    "most",
    "my",
    "myself",
    "no",
    "nor",
    "not",
    "now",
    "of",
    "off",
    "on",
    "once",
    "only",
    "or",
    "other",
    "ought",
    "our",
    "ours",
    "ourselves",
    "out",
    "over",
    "own",
    "re",
    "s",
    "same",
    "shall",
    "she",
    "should",
    "so",
    "some",
    "such",
    "t",
    "than",
    "that",
    "the",
    "their",
    "theirs",
    "them",
    "themselves",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "through",
    "to",
    "too",
    "under",
    "until",
    "up",
    "ve",
    "very",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "whom",
    "why",
    "will",
    "with",
    "would",
    "you",
    "your",
    "yours",
    "yourself",
    "yourselves",
];

/// Whether `word`, in lower case, is a stop word.
pub(super) fn is_stop_word(word: &str) -> bool {
    let first = word.bytes().next().filter(u8::is_ascii_lowercase);
    first.map(|first| usize::from(first - b'a')).is_some_and(|letter| {
        let (from, to) = (STARTS[letter], STARTS[letter + 1]);
        ENGLISH[from..to].contains(&word)
    })
}

/// Where the words with each letter begin, and where the last ones end.
const STARTS: [usize; 27] = {
    let (mut starts, mut letter, mut at) = ([0; 27], 0, 0);
    while letter < 27 {
        while at < ENGLISH.len() && ENGLISH[at].as_bytes()[0] < b'a' + letter as u8 {
            at += 1;
        }
        starts[letter] = at;
        letter += 1;
    }
    starts
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        assert!(ENGLISH.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ENGLISH.iter().all(|word| is_stop_word(word)));
        for other in ["units", "", "zz", "7", "The", "thes", "Ä", "{"] {
            assert!(!is_stop_word(other), "{other}");
        }
    }
}
