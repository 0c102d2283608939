//! Fusion: several ranked lists into one.

use serde::Deserialize;

/// How the signals are joined.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fusion {
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
}

impl Default for Fusion {
    /// Weighted, dense 0.4 and keyword 0.6.
    fn default() -> Self {
        Fusion::Weighted { dense: 0.4, keyword: 0.6 }
    }
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
    /// What an opinion adds to the fused score. `weight` is the signal's share, `range` its scale.
    pub(crate) fn contribution(self, opinion: Option<Opinion>, weight: f32, range: Range) -> f32 {
        match self {
            Fusion::Weighted { .. } => opinion.map_or(0.0, |opinion| weight * range.scaled(opinion.score)),
            Fusion::Rrf { k } => {
                opinion.and_then(|opinion| opinion.rank).map_or(0.0, |rank| 1.0 / (k + rank as f32))
            }
        }
    }

    /// Shares of the signals (dense, keyword) when only some are present: they add up to 1.
    pub(crate) fn shares(self, present: [bool; 2]) -> [f32; 2] {
        let raw = match self {
            Fusion::Weighted { dense, keyword } => [dense, keyword],
            Fusion::Rrf { .. } => [1.0, 1.0],
        };
        let masked = [0, 1].map(|signal| if present[signal] { raw[signal] } else { 0.0 });
        let sum: f32 = masked.iter().sum();
        // With only a signal of weight zero present, it still has to order the hits.
        if sum > 0.0 {
            masked.map(|weight| weight / sum)
        } else {
            present.map(|there| f32::from(u8::from(there)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling() {
        let range = Range { floor: -0.5, best: 0.5 };
        assert_eq!([-1.0, -0.5, 0.0, 0.5].map(|score| range.scaled(score)), [0.0, 0.0, 0.5, 1.0]);
        let flat = Range { floor: 2.0, best: 2.0 };
        assert_eq!(flat.scaled(2.0), 1.0);
    }

    #[test]
    fn shares_add_up() {
        let fusion = Fusion::Weighted { dense: 1.0, keyword: 3.0 };
        assert_eq!(fusion.shares([true, true]), [0.25, 0.75]);
        assert_eq!(fusion.shares([true, false]), [1.0, 0.0]);
        assert_eq!(Fusion::Weighted { dense: 0.0, keyword: 1.0 }.shares([true, false]), [1.0, 0.0]);
    }

    #[test]
    fn rrf_is_its_definition() {
        let range = Range { floor: 0.0, best: 1.0 };
        let at = |rank| Fusion::Rrf { k: 60.0 }.contribution(Some(Opinion { score: 9.0, rank }), 1.0, range);
        assert_eq!(at(Some(1)), 1.0 / 61.0);
        assert_eq!(at(None), 0.0);
    }
}
