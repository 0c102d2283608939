//! From what was worked out about the best candidates to hits that say why they were found.

use crate::index::text::TextIndex;
use crate::retrieve::fuse::Opinion;
use crate::retrieve::judge::{Reranking, Scale};
use crate::retrieve::neighbourhood::Candidate;
use crate::retrieve::query::Query;
use crate::retrieve::refine::{Refined, SIGNALS};
use crate::retrieve::relevance::Relevance;
use crate::retrieve::search::Searches;
use crate::retrieve::why::{Hit, Signal, SignalShare, Why, summarise};

/// Everything that the scores were made of.
pub(crate) struct Account<'a> {
    pub(crate) query: &'a Query,
    pub(crate) text: &'a TextIndex,
    pub(crate) searches: &'a Searches<'a>,
    pub(crate) relevance: &'a Relevance,
    pub(crate) refined: &'a Refined,
    /// The weight of what was said around a record.
    pub(crate) context: f32,
    /// What a weight of 1 and a score of 1 add.
    pub(crate) unit: f32,
    pub(crate) reranking: Option<(&'a Reranking, Scale)>,
}

impl Account<'_> {
    /// The candidate at `at` as a hit of this score.
    pub(crate) fn hit(&self, candidate: &Candidate<'_>, at: usize, score: f32) -> Hit {
        let mut signals = Vec::with_capacity(8);
        self.tell_searches(candidate, at, &mut signals);
        self.tell_refinement(at, &mut signals);
        let id = candidate.record.id;
        signals.extend(self.query.judgements.iter().filter_map(|judgement| judgement.share(id, self.unit)));
        signals.extend(self.reranking.and_then(|(said, scale)| said.share(id, scale)));
        let why = Why {
            summary: summarise(&signals, self.searches.metric()),
            part: None,
            fusion: self.query.fusion.name(),
            vectors: self.searches.way().map(|way| way.name()),
            signals,
            skipped: self.searches.skipped.clone(),
        };
        Hit { record: candidate.record.clone(), score, why }
    }

    fn tell_searches(&self, candidate: &Candidate<'_>, at: usize, signals: &mut Vec<SignalShare>) {
        for (index, signal) in [Signal::Dense, Signal::Keyword].into_iter().enumerate() {
            let Some(Opinion { score, rank }) = candidate.opinions[index] else { continue };
            let terms = match signal {
                Signal::Keyword => self.text.matched(&self.searches.terms, candidate.slot),
                _ => Vec::new(),
            };
            signals.push(SignalShare {
                signal,
                name: None,
                rank,
                score,
                contribution: self.relevance.parts[at][index] * self.relevance.scale * self.unit,
                weight: self.searches.shares[index],
                terms: terms.into_iter().map(str::to_owned).collect(),
            });
        }
    }

    fn tell_refinement(&self, at: usize, signals: &mut Vec<SignalShare>) {
        let mut tell = |signal, score: f32, contribution: f32, weight: f32| {
            if contribution > 0.0 {
                let (name, rank, terms) = (None, None, Vec::new());
                signals.push(SignalShare { signal, name, rank, score, contribution, weight, terms });
            }
        };
        let around = self.relevance.around[at];
        let scale = self.relevance.scale;
        tell(Signal::Context, around * scale, around * scale * self.unit, self.context);
        let Refined { scores, weights } = self.refined;
        for ((signal, score), weight) in SIGNALS.into_iter().zip(scores[at]).zip(*weights) {
            tell(signal, score, score * weight * self.unit, weight);
        }
    }
}
