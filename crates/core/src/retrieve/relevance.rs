//! What searches and context together make of each candidate.

use crate::index::Slot;
use crate::retrieve::fuse::Fusion;
use crate::retrieve::neighbourhood::{self, Candidate};
use crate::retrieve::search::Searches;

/// How relevant the candidates are, in their order.
pub(crate) struct Relevance {
    /// What each search (dense, keyword) adds.
    pub(crate) parts: Vec<[f32; 2]>,
    /// What the records around it add.
    pub(crate) around: Vec<f32>,
    /// The sum, scaled to run from 0 to 1.
    pub(crate) whole: Vec<f32>,
    /// By what it was scaled.
    pub(crate) scale: f32,
    /// The best of what the searches alone have found.
    pub(crate) top: f32,
}

impl Relevance {
    /// Joins what the searches say, and adds to each candidate what it owes to those around it. `like` is the record that
    /// others like it are looked for; `questions` says which candidates ask.
    pub(crate) fn of(
        candidates: &[Candidate<'_>],
        (fusion, searches): (Fusion, &Searches<'_>),
        like: Option<Slot>,
        context: f32,
        questions: &[bool],
    ) -> Relevance {
        let (shares, ranges) = (searches.shares, searches.ranges);
        let parts: Vec<[f32; 2]> = candidates
            .iter()
            .map(|candidate| fusion.contributions(candidate.opinions, shares, ranges))
            .collect();
        let mut own: Vec<f32> = parts.iter().map(|parts| parts[0] + parts[1]).collect();
        if let Some(at) = like.and_then(|slot| candidates.iter().position(|candidate| candidate.slot == slot))
        {
            // Nothing is more like it than itself, even if no search can say so.
            let best = own.iter().copied().fold(0.0, f32::max);
            own[at] = if best > 0.0 { best } else { 1.0 };
        }
        let around: Vec<f32> = (0..candidates.len())
            .map(|at| context * neighbourhood::around(candidates, at, &own, questions))
            .collect();
        let top = own.iter().copied().fold(0.0, f32::max);
        let mut whole: Vec<f32> = own.iter().zip(&around).map(|(own, around)| own + around).collect();
        let reach = whole.iter().copied().fold(0.0, f32::max);
        let scale = if reach > 0.0 { 1.0 / reach } else { 0.0 };
        whole.iter_mut().for_each(|relevance| *relevance *= scale);
        Relevance { parts, around, whole, scale, top }
    }
}
