//! Who has to go when a tier is too full.

use crate::model::{RecordId, Span};

/// What the policy knows of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    pub(crate) id: RecordId,
    /// Time in the tier.
    pub(crate) age: Span,
    /// 0 to 1.
    pub(crate) importance: f64,
}

impl Resident {
    /// Age times (1 - importance), in milliseconds: what is old and does not matter goes first.
    pub(crate) fn pressure(self) -> f64 {
        self.age.0 as f64 * (1.0 - self.importance)
    }
}

/// The `excess` residents under the highest pressure, highest first; ties go to the older id.
pub(crate) fn overflow(residents: impl Iterator<Item = Resident>, excess: usize) -> Vec<Resident> {
    let mut ranked: Vec<Resident> = residents.collect();
    ranked.sort_by(|a, b| b.pressure().total_cmp(&a.pressure()).then(a.id.cmp(&b.id)));
    ranked.truncate(excess);
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_unimportant_goes_first() {
        let resident = |id, age, importance| Resident { id: RecordId(id), age: Span(age), importance };
        let all = [resident(1, 100, 0.9), resident(2, 50, 0.0), resident(3, 100, 0.5), resident(4, 0, 0.0)];
        let picked = |excess| overflow(all.into_iter(), excess).iter().map(|r| r.id.0).collect::<Vec<_>>();
        assert_eq!(picked(2), [2, 3]);
        assert_eq!(picked(9), [2, 3, 1, 4]);
        assert_eq!(picked(0), [0; 0]);
    }
}
