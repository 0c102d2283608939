//! Where a score comes from.

use serde::Serialize;

use crate::model::{Metric, Record};

/// A found record.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The record, as it was before this question touched it.
    pub record: Record,
    /// The sum of what the signals contribute: how this hit compares with the other candidates for the same question.
    /// Except with reciprocal ranks 0 to 1, where 1 is best in every signal, however good the best one is. For an
    /// absolute threshold use the cosine, the score of [`Signal::Dense`] in `why`.
    pub score: f32,
    /// Where the score comes from.
    pub why: Why,
}

/// A ranking signal. Those after [`Signal::Keyword`] refine what the two searches found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// How alike the vectors are, by the metric of the memory.
    Dense,
    /// BM25 over terms, those of the two records before it in its session counting in part.
    Keyword,
    /// How well the records around it in its session answer.
    Context,
    /// How well the best of its session answer.
    Session,
    /// Whether the question names its actor.
    Actor,
    /// How near it is to the time that the question names.
    Time,
    /// Whether it looks like a statement with something in it.
    Form,
    /// Whether it names a time, or a number, if the question asks for one.
    Answer,
    /// How recently it happened: halved every thirty days.
    Recency,
    /// How important it is (see [`crate::policy::ImportanceWeights`]).
    Importance,
    /// How well it is remembered (see [`crate::policy::Decay`]).
    Retention,
    /// A signal of the host.
    Own,
    /// A second look by a reranker of the host.
    Rerank,
}

/// Where a score comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// One line for people.
    pub summary: String,
    /// The part of the question that it answers best, if the question has parts and that is not the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// `weighted`, `rrf`, `max` or `borda`.
    pub fusion: &'static str,
    /// How the vector search went: `exact`, or by `codes`, `lists` or a `graph`, which can miss one that belongs among the
    /// hits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vectors: Option<&'static str>,
    /// What the searches say, and each other signal that adds something.
    pub signals: Vec<SignalShare>,
    /// Searches that could say nothing.
    pub skipped: Vec<SkippedSignal>,
}

/// What one signal says of a hit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignalShare {
    /// Which signal.
    pub signal: Signal,
    /// What the host calls its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Position in the search's own list, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// The signal's own score: what the metric says (cosine, product, minus the distance), BM25, what a reranker says, or 0 to 1.
    pub score: f32,
    /// What it adds to the fused score.
    pub contribution: f32,
    /// The signal's weight.
    pub weight: f32,
    /// Terms of the question that occur in the record, in their stemmed form. Keyword signal only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<String>,
}

/// A search that could say nothing, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkippedSignal {
    /// Which signal.
    pub signal: Signal,
    /// Why.
    pub reason: &'static str,
}

/// One line for people, of vectors that are compared by that metric.
pub(crate) fn summarise(signals: &[SignalShare], metric: Metric) -> String {
    let mut line = String::new();
    // A form is not worth a word: nearly every record has some of it. Nor is a search that has not found the record.
    let told = |share: &&SignalShare| match share.signal {
        Signal::Form => false,
        Signal::Keyword => !share.terms.is_empty(),
        _ => true,
    };
    for share in signals.iter().filter(told) {
        if !line.is_empty() {
            line.push_str(" · ");
        }
        let rank = share.rank.map_or(String::new(), |rank| format!(" #{rank}"));
        match share.signal {
            Signal::Dense => {
                let (name, figure) = match metric {
                    Metric::Cosine => ("cosine", share.score),
                    Metric::Dot => ("product", share.score),
                    Metric::Euclidean => ("distance", -share.score),
                };
                line.push_str(&format!("meaning{rank} ({name} {figure:.2})"));
            }
            Signal::Keyword => line.push_str(&format!("words{rank} ({})", share.terms.join(", "))),
            Signal::Context => line.push_str("what was said around it"),
            Signal::Session => line.push_str("its session"),
            Signal::Actor => line.push_str("its actor"),
            Signal::Time => line.push_str("its time"),
            Signal::Form => {}
            Signal::Answer => line.push_str("names what is asked for"),
            Signal::Recency => line.push_str("recent"),
            Signal::Importance => line.push_str("important"),
            Signal::Retention => line.push_str("well remembered"),
            Signal::Own => line.push_str(share.name.as_deref().unwrap_or("a signal of its own")),
            Signal::Rerank => line.push_str(&format!("reranked ({:.2})", share.score)),
        }
    }
    line
}
