//! What sort of items a view holds, by their length: turns of a conversation, pages, or something in between.
//!
//! What tells turns apart says little about pages. Nearly every page names a number, none ends as a question does, and
//! the vector of a long text is the mean of all that it is about, so that the cosines of two pages are much alike.

/// Mean length in terms up to which items are turns.
const TURN: f32 = 30.0;
/// Mean length in terms from which items are pages.
const PAGE: f32 = 150.0;
/// What the dense search counts, beside 1 for keyword search, where items are pages.
const DENSE_OF_PAGES: f32 = 0.5;

/// How brief the items of a view are, from pages (0) to turns (1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Brevity(f32);

impl Brevity {
    /// That of items of so many terms on average, tags, actor and day among them.
    pub(crate) const fn of(mean_length: f32) -> Self {
        Brevity(((PAGE - mean_length) / (PAGE - TURN)).clamp(0.0, 1.0))
    }

    /// How much of the weight of a signal is left that is about turns: all of it to none.
    pub(crate) fn of_turns(self) -> f32 {
        self.0
    }

    /// What the dense search counts, beside 1 for keyword search.
    pub(crate) fn dense(self) -> f32 {
        DENSE_OF_PAGES + self.0 * (1.0 - DENSE_OF_PAGES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_turns_to_pages() {
        for (mean, of_turns, dense) in [
            (1.0, 1.0, 1.0),
            (30.0, 1.0, 1.0),
            (60.0, 0.75, 0.875),
            (90.0, 0.5, 0.75),
            (150.0, 0.0, 0.5),
            (1e9, 0.0, 0.5),
        ] {
            let brevity = Brevity::of(mean);
            assert_eq!((brevity.of_turns(), brevity.dense()), (of_turns, dense), "{mean}");
        }
    }
}
