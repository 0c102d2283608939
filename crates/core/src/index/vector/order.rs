//! Numbers in the order of scores, and scores as integers of the same order.

/// Numbers with their cosines, highest first and equal ones by number: sorted as far as they are asked for.
///
/// They are dealt into narrow ranges of cosines, of which each is sorted when its turn comes.
#[derive(Debug)]
pub(super) struct Descending {
    /// Each as one number whose order is theirs: the cosine, turned round, and the number.
    keys: Vec<u64>,
    /// By range, the highest cosines first, how many are in it; once they are dealt, where it ends.
    ranges: Vec<u32>,
    /// The range that is next, how many keys are where they belong, and how many were asked for.
    range: usize,
    sorted: usize,
    next: usize,
}

/// Ranges of cosines.
const RANGES: usize = 512;

impl Descending {
    /// Nothing yet, with room for so many.
    pub(super) fn with_capacity(many: usize) -> Self {
        Descending { keys: Vec::with_capacity(many), ranges: vec![0; RANGES], range: 0, sorted: 0, next: 0 }
    }

    /// Adds a number, before any has been asked for.
    pub(super) fn push(&mut self, number: u32, cosine: f32) {
        let ordered = (!to_ordered(cosine)).cast_unsigned() ^ 1 << 31;
        self.keys.push(u64::from(ordered) << 32 | u64::from(number));
        self.ranges[range_of(cosine)] += 1;
    }

    /// Puts the keys in the order of their ranges.
    fn deal(&mut self) {
        let mut start = 0;
        for range in &mut self.ranges {
            start += std::mem::replace(range, start);
        }
        let mut dealt = vec![0; self.keys.len()];
        for key in &self.keys {
            let end = &mut self.ranges[range_of(cosine_of(*key))];
            dealt[*end as usize] = *key;
            *end += 1;
        }
        self.keys = dealt;
    }
}

impl Iterator for Descending {
    type Item = (u32, f32);

    fn next(&mut self) -> Option<(u32, f32)> {
        if self.next == self.keys.len() {
            return None;
        }
        if self.next == 0 {
            self.deal();
        }
        while self.next == self.sorted {
            let end = self.ranges[self.range] as usize;
            self.keys[self.sorted..end].sort_unstable();
            self.sorted = end;
            self.range += 1;
        }
        let key = self.keys[self.next];
        self.next += 1;
        Some((key as u32, cosine_of(key)))
    }
}

/// The range of a cosine. What rounding has put above 1 or below -1 is in the first or the last one.
fn range_of(cosine: f32) -> usize {
    (((1.0 - cosine) * (RANGES / 2) as f32) as usize).min(RANGES - 1)
}

/// The cosine of a key of [`Descending`].
fn cosine_of(key: u64) -> f32 {
    from_ordered(!((key >> 32) as u32 ^ 1 << 31).cast_signed())
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
            // What rounding makes of cosines, and neighbours that only their last bit tells apart.
            let edges = [1.000_000_1, 1.0, 0.999_999_94, 0.25, 0.250_000_03, 0.0, -0.0, -1.0, -1.000_000_2];
            let scored: Vec<(u32, f32)> =
                scored.into_iter().chain((many..).zip(edges.into_iter().take(many as usize))).collect();
            let mut order = Descending::with_capacity(3);
            scored.iter().for_each(|(number, score)| order.push(*number, *score));
            let mut expected = scored;
            expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            assert_eq!(order.collect::<Vec<_>>(), expected);
        }
    }
}
