//! How many edits lie between two words: insertions, deletions, substitutions and exchanges of neighbours, none of them
//! edited twice. The restricted distance of Damerau (Communications of the ACM 7, 1964), also called optimal string alignment.

/// Longest word that is compared, in characters.
pub(crate) const MAX_CHARS: usize = super::tokenize::MAX_TERM_CHARS;

type Row = [u8; MAX_CHARS + 1];

/// A word that others are compared with, and the most edits that matter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fuzzy {
    word: Vec<char>,
    letters: Letters,
    most: u8,
}

/// Which letters a word has, roughly: a bit for each, several of which can share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Letters(u32);

impl Letters {
    fn of(characters: impl Iterator<Item = char>) -> Self {
        Letters(characters.fold(0, |letters, character| letters | 1 << (character as u32 % 32)))
    }

    /// How many there are at least that others have not. Each takes an edit of its own.
    fn beside(self, others: Letters) -> u32 {
        (self.0 & !others.0).count_ones()
    }
}

impl Fuzzy {
    /// Of a word of at most [`MAX_CHARS`] characters; what is more is left out.
    pub(crate) fn new(word: &str, most: u8) -> Self {
        let word: Vec<char> = word.chars().take(MAX_CHARS).collect();
        Fuzzy { letters: Letters::of(word.iter().copied()), word, most }
    }

    /// The edits between the two words, if there are no more than matter.
    pub(crate) fn distance(&self, other: &str) -> Option<u8> {
        let most = usize::from(self.most);
        // A character has four bytes at most.
        if other.len() + most < self.word.len() || other.len() > 4 * (self.word.len() + most) {
            return None;
        }
        if self.word.len().abs_diff(other.chars().count()) > most {
            return None;
        }
        let (own, letters, most) = (self.letters, Letters::of(other.chars()), u32::from(self.most));
        if own.beside(letters) > most || letters.beside(own) > most {
            return None;
        }
        let row = self.row(other.chars())?;
        let distance = row[self.word.len()];
        (distance <= self.most).then_some(distance)
    }

    /// The edits between `other` and each beginning of the word, or nothing if all are too many.
    fn row(&self, other: impl Iterator<Item = char>) -> Option<Row> {
        let width = self.word.len();
        let mut rows: [Row; 3] = [[0; MAX_CHARS + 1]; 3];
        let [older, old, new] = &mut rows;
        let (mut older, mut old, mut new) = (older, old, new);
        for (at, cell) in old[..=width].iter_mut().enumerate() {
            *cell = at as u8;
        }
        let (mut before_least, mut last) = (0u8, None);
        for (length, character) in (1u8..).zip(other) {
            new[0] = length;
            let mut least = length;
            for at in 1..=width {
                let same = self.word[at - 1] == character;
                let mut cell = (old[at - 1] + u8::from(!same)).min(old[at] + 1).min(new[at - 1] + 1);
                if at > 1 && self.word[at - 2] == character && last == Some(self.word[at - 1]) {
                    cell = cell.min(older[at - 2] + 1);
                }
                new[at] = cell;
                least = least.min(cell);
            }
            // What follows builds on the last two rows.
            if least > self.most && before_least >= self.most {
                return None;
            }
            (before_least, last) = (least, Some(character));
            (older, old, new) = (old, new, older);
        }
        Some(*old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, read from the ends of both words.
    fn plain(a: &[char], b: &[char]) -> usize {
        let ([head_a @ .., last_a], [head_b @ .., last_b]) = (a, b) else { return a.len() + b.len() };
        let mut best = (plain(head_a, head_b) + usize::from(last_a != last_b))
            .min(plain(head_a, b) + 1)
            .min(plain(a, head_b) + 1);
        if let ([rest_a @ .., next_a], [rest_b @ .., next_b]) = (head_a, head_b)
            && next_a == last_b
            && last_a == next_b
        {
            best = best.min(plain(rest_a, rest_b) + 1);
        }
        best
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        let mut random = fastrand::Rng::with_seed(11);
        let letters = ['a', 'b', 'é'];
        let mut near = 0;
        for _ in 0..4_000 {
            let mut word = |longest: usize| -> Vec<char> {
                (0..random.usize(..=longest)).map(|_| letters[random.usize(..3)]).collect()
            };
            let (a, b) = (word(6), word(6));
            let text = |word: &[char]| word.iter().collect::<String>();
            for most in 0..4u8 {
                let fuzzy = Fuzzy::new(&text(&a), most);
                let expected = plain(&a, &b);
                let within = expected <= usize::from(most);
                near += usize::from(within);
                assert_eq!(fuzzy.distance(&text(&b)), within.then_some(expected as u8), "{a:?} {b:?} {most}");
            }
        }
        assert!(near > 2_000, "{near} near ones");
    }

    #[test]
    fn neighbours_change_places_for_one_edit() {
        assert_eq!(Fuzzy::new("receive", 1).distance("recieve"), Some(1));
        // Not twice: a letter between them would have to be edited again.
        assert_eq!(Fuzzy::new("ca", 2).distance("abc"), None);
        assert_eq!(Fuzzy::new("ca", 3).distance("abc"), Some(3));
    }

    #[test]
    fn enormous_words_are_far() {
        let long = "a".repeat(MAX_CHARS);
        assert_eq!(Fuzzy::new(&long, 2).distance(&"a".repeat(MAX_CHARS + 2)), Some(2));
        assert_eq!(Fuzzy::new(&long, 2).distance(&"a".repeat(1_000)), None);
    }
}
