//! Fusion: several ranked lists into one.

use crate::retrieve::brevity::Brevity;

/// How the signals are joined.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Fusion {
    /// Weighted: both signals alike where items are as short as turns of a conversation. The vector signal counts less
    /// the longer they are on average: half as much as keywords from 150 terms on.
    #[default]
    Balanced,
    /// Each signal's scores are scaled to 0..1, between the lowest that any allowed record has and the best, and
    /// added with these weights.
    Weighted {
        /// Weight of the vector signal.
        dense: f32,
        /// Weight of the keyword signal.
        keyword: f32,
    },
    /// Reciprocal rank fusion, 1 / (k + rank) summed over the signals: Cormack, Clarke and Büttcher, SIGIR 2009.
    Rrf {
        /// Damping of high ranks; 60 in the paper.
        k: f32,
    },
    /// The better of the two scaled scores, each times its weight; the greater weight counts as 1. CombMAX of Fox and
    /// Shaw, TREC-2, 1993.
    Max {
        /// Weight of the vector signal.
        dense: f32,
        /// Weight of the keyword signal.
        keyword: f32,
    },
    /// Weighted Borda count: the first of a list of n gets n points, the last one, divided by n. Aslam and Montague,
    /// SIGIR 2001.
    Borda {
        /// Weight of the vector signal.
        dense: f32,
        /// Weight of the keyword signal.
        keyword: f32,
    },
}

/// What one signal says of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Opinion {
    /// The signal's own score.
    pub(crate) score: f32,
    /// Position in the signal's list, from 1; nothing if it was found by another signal only.
    pub(crate) rank: Option<u32>,
}

/// The range of a signal's scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) floor: f32,
    pub(crate) best: f32,
    /// Length of the signal's list.
    pub(crate) listed: usize,
}

impl Range {
    /// The score on a scale from 0 (floor) to 1 (best).
    pub(crate) fn scaled(self, score: f32) -> f32 {
        if self.best > self.floor {
            ((score - self.floor) / (self.best - self.floor)).clamp(0.0, 1.0)
        } else {
            f32::from(u8::from(score >= self.best))
        }
    }
}

impl Fusion {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fusion::Balanced | Fusion::Weighted { .. } => "weighted",
            Fusion::Rrf { .. } => "rrf",
            Fusion::Max { .. } => "max",
            Fusion::Borda { .. } => "borda",
        }
    }

    /// Whether its numbers make sense: finite, none negative, not all zero.
    pub(crate) fn is_sound(self) -> bool {
        let sane = |number: f32| (0.0..=1e6).contains(&number);
        match self {
            Fusion::Weighted { dense, keyword }
            | Fusion::Max { dense, keyword }
            | Fusion::Borda { dense, keyword } => sane(dense) && sane(keyword) && dense + keyword > 0.0,
            Fusion::Rrf { k } => sane(k),
            Fusion::Balanced => true,
        }
    }

    /// What the signals' opinions (dense, keyword) add to the score of a candidate.
    pub(crate) fn contributions(
        self,
        opinions: [Option<Opinion>; 2],
        shares: [f32; 2],
        ranges: [Range; 2],
    ) -> [f32; 2] {
        let mut parts = [0, 1].map(|signal| {
            let Some(opinion) = opinions[signal] else { return 0.0 };
            let range = ranges[signal];
            let by_rank = |value: &dyn Fn(f32) -> f32| opinion.rank.map_or(0.0, |rank| value(rank as f32));
            match self {
                Fusion::Balanced | Fusion::Weighted { .. } | Fusion::Max { .. } => {
                    shares[signal] * range.scaled(opinion.score)
                }
                Fusion::Rrf { k } => by_rank(&|rank| 1.0 / (k + rank)),
                Fusion::Borda { .. } => {
                    let listed = range.listed as f32;
                    by_rank(&|rank| shares[signal] * (listed + 1.0 - rank) / listed)
                }
            }
        });
        if matches!(self, Fusion::Max { .. }) {
            let lesser = usize::from(parts[0] >= parts[1]);
            parts[lesser] = 0.0;
        }
        parts
    }

    /// Shares of the signals (dense, keyword) when only some are present, among items as brief as that: they add up to 1,
    /// or the greatest is 1.
    pub(crate) fn shares(self, present: [bool; 2], brevity: Brevity) -> [f32; 2] {
        let raw = match self {
            Fusion::Balanced => [brevity.dense(), 1.0],
            Fusion::Weighted { dense, keyword }
            | Fusion::Max { dense, keyword }
            | Fusion::Borda { dense, keyword } => [dense, keyword],
            Fusion::Rrf { .. } => [1.0, 1.0],
        };
        let masked = [0, 1].map(|signal| if present[signal] { raw[signal] } else { 0.0 });
        let whole =
            if matches!(self, Fusion::Max { .. }) { masked[0].max(masked[1]) } else { masked[0] + masked[1] };
        // With only a signal of weight zero present, it still has to order the hits.
        if whole > 0.0 {
            masked.map(|weight| weight / whole)
        } else {
            present.map(|there| f32::from(u8::from(there)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURNS: Brevity = Brevity::of(10.0);

    #[test]
    fn scaling() {
        let range = Range { floor: -0.5, best: 0.5, listed: 1 };
        assert_eq!([-1.0, -0.5, 0.0, 0.5].map(|score| range.scaled(score)), [0.0, 0.0, 0.5, 1.0]);
        let flat = Range { floor: 2.0, best: 2.0, listed: 1 };
        assert_eq!(flat.scaled(2.0), 1.0);
    }

    #[test]
    fn shares_add_up() {
        let fusion = Fusion::Weighted { dense: 1.0, keyword: 3.0 };
        assert_eq!(fusion.shares([true, true], TURNS), [0.25, 0.75]);
        assert_eq!(fusion.shares([true, false], TURNS), [1.0, 0.0]);
        assert_eq!(fusion.shares([true, true], Brevity::of(1_000.0)), [0.25, 0.75]);
        assert_eq!(Fusion::Balanced.shares([true, true], TURNS), [0.5, 0.5]);
        assert_eq!(Fusion::Balanced.shares([true, true], Brevity::of(1_000.0)), [0.5 / 1.5, 1.0 / 1.5]);
        assert_eq!(Fusion::Balanced.shares([true, false], Brevity::of(1_000.0)), [1.0, 0.0]);
        assert_eq!(Fusion::Weighted { dense: 0.0, keyword: 1.0 }.shares([true, false], TURNS), [1.0, 0.0]);
    }

    /// Each way of joining, by its definition: a first dense hit that is third by keywords, of lists of 4.
    #[test]
    fn joining() {
        let ranges =
            [Range { floor: 0.0, best: 0.8, listed: 4 }, Range { floor: 0.0, best: 10.0, listed: 4 }];
        let of = |score, rank| Some(Opinion { score, rank });
        let [first, third] = [of(0.8, Some(1)), of(5.0, Some(3))];
        for (fusion, opinions, expected) in [
            (Fusion::Weighted { dense: 1.0, keyword: 3.0 }, [first, third], [0.25, 0.375]),
            (Fusion::Rrf { k: 60.0 }, [first, third], [1.0 / 61.0, 1.0 / 63.0]),
            (Fusion::Rrf { k: 60.0 }, [of(0.8, None), None], [0.0, 0.0]),
            (Fusion::Max { dense: 1.0, keyword: 4.0 }, [first, third], [0.0, 0.5]),
            (Fusion::Max { dense: 1.0, keyword: 1.0 }, [first, third], [1.0, 0.0]),
            (Fusion::Borda { dense: 1.0, keyword: 1.0 }, [first, third], [0.5, 0.25]),
            (Fusion::Borda { dense: 1.0, keyword: 1.0 }, [None, third], [0.0, 0.25]),
        ] {
            let shares = fusion.shares([true, true], TURNS);
            assert_eq!(fusion.contributions(opinions, shares, ranges), expected, "{fusion:?}");
        }
    }
}
