//! Numbers in the order of scores, and scores as integers of the same order.

/// Numbers with their scores, highest first and equal ones by number: sorted as far as they are asked for.
#[derive(Debug, Default)]
pub(super) struct Descending {
    /// Each as one number whose order is theirs: the score, turned round, and the number.
    keys: Vec<u64>,
    /// How many of them are where they belong.
    sorted: usize,
    next: usize,
}

impl Descending {
    /// Numbers that are sorted at first, and more of them each time.
    const FIRST: usize = 64;

    /// Nothing yet, with room for so many.
    pub(super) fn with_capacity(many: usize) -> Self {
        Descending { keys: Vec::with_capacity(many), sorted: 0, next: 0 }
    }

    /// Adds a number, before any has been asked for.
    pub(super) fn push(&mut self, number: u32, score: f32) {
        let ordered = (!to_ordered(score)).cast_unsigned() ^ 1 << 31;
        self.keys.push(u64::from(ordered) << 32 | u64::from(number));
    }

    fn sort_more(&mut self) {
        let rest = &mut self.keys[self.sorted..];
        let more = rest.len().min(self.sorted.max(Self::FIRST));
        if more < rest.len() {
            rest.select_nth_unstable(more);
        }
        rest[..more].sort_unstable();
        self.sorted += more;
    }
}

impl Iterator for Descending {
    type Item = (u32, f32);

    fn next(&mut self) -> Option<(u32, f32)> {
        if self.next == self.sorted {
            self.sort_more();
        }
        let key = *self.keys.get(self.next)?;
        self.next += 1;
        let ordered = !((key >> 32) as u32 ^ 1 << 31).cast_signed();
        Some((key as u32, from_ordered(ordered)))
    }
}

/// A float as an integer of the same order.
pub(super) fn to_ordered(score: f32) -> i32 {
    let bits = score.to_bits().cast_signed();
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

/// The float of [`to_ordered`].
pub(super) fn from_ordered(ordered: i32) -> f32 {
    f32::from_bits((ordered ^ ((ordered >> 31).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_the_order_of_their_scores() {
        let mut random = fastrand::Rng::with_seed(71);
        for many in [0, 1, 63, 64, 65, 129, 1_000] {
            // Few different scores: equal ones come by number.
            let scored: Vec<(u32, f32)> =
                (0..many).map(|number| (number, f32::from(random.i8(-20..20)) / 20.0)).collect();
            let mut order = Descending::with_capacity(3);
            scored.iter().for_each(|(number, score)| order.push(*number, *score));
            let mut expected = scored;
            expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            assert_eq!(order.collect::<Vec<_>>(), expected);
        }
    }
}
