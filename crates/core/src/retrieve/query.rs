//! The question as it is asked, with everything that can be chosen about its answer.

use crate::error::QueryError;
use crate::model::{Filter, Order, RecordId, Timestamp};
use crate::retrieve::fuse::Fusion;
use crate::retrieve::judge::{Judgement, Reranking};
use crate::syntax::Expression;

/// A question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Words to look for. Empty: no keyword signal.
    pub text: String,
    /// What to look for in the syntax of queries; its words then stand in place of `text`. With conditions alone, the
    /// records that fulfil them are found, the latest first.
    pub expression: Option<Expression>,
    /// A record to look for the like of, by its vector and its rarest terms, in place of text and vector.
    pub like: Option<RecordId>,
    /// Vector of the memory's space to look near. None: no dense signal.
    pub vector: Option<Vec<f32>>,
    /// What encoders of the host make of that vector, by name: one for each of [`crate::Engine::encoders`]. What one of
    /// them has made and that is missing here is found by its words alone.
    pub encoded: Vec<(String, Vec<f32>)>,
    /// The parts of the question (see [`crate::Engine::parts`]), each to be asked for itself as well.
    pub parts: Vec<Part>,
    /// Most hits wanted, 1 to [`Query::MAX_LIMIT`].
    pub limit: usize,
    /// Whether the vector search is to look at every vector in question, however many there are. A view that does not see
    /// everything always does, so that what it finds depends on nothing else.
    pub exact: bool,
    /// If not: which share of the nearest ten the vector search is to find, about, of what there is to find in memories so
    /// large that not every vector is looked at: [`Query::LEAST_RECALL`] to [`Query::MOST_RECALL`]. None: 0.99.
    pub recall: Option<f32>,
    /// Which records may be found.
    pub filter: Option<Filter>,
    /// How the two searches are joined.
    pub fusion: Fusion,
    /// How far other signals move what the searches found.
    pub weights: Weights,
    /// Candidates are proposed as for a limit of so many. None: for that of the question.
    pub pool: Option<usize>,
    /// Signals of the host.
    pub judgements: Vec<Judgement>,
    /// What a reranker of the host says of the best candidates.
    pub reranking: Option<Reranking>,
    /// How much hits should differ from each other, 0 (not at all) to 1: maximal marginal relevance.
    pub diversity: f32,
    /// What "yesterday" and "last week" in the text are seen from, and recency counts from. None: the moment of asking.
    pub reference: Option<Timestamp>,
    /// Records that are not to be among the hits, though they count for those that are: those of earlier pages.
    pub without: Vec<RecordId>,
    /// The order of the hits, in place of the best first. Which records they are, relevance decides.
    pub sort: Option<Order>,
    /// Hits below this fused score are left out. It is relative: see [`crate::Hit::score`].
    pub min_score: Option<f32>,
}

/// A part of a question: what the question is, of a part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// As [`Query::text`].
    pub text: String,
    /// As [`Query::vector`].
    pub vector: Option<Vec<f32>>,
    /// As [`Query::encoded`].
    pub encoded: Vec<(String, Vec<f32>)>,
}

impl Query {
    /// Most hits one question can ask for.
    pub const MAX_LIMIT: usize = 10_000;
    /// The least share of the nearest that can be asked for.
    pub const LEAST_RECALL: f32 = 0.5;
    /// The greatest one; beyond, there is [`Query::exact`].
    pub const MOST_RECALL: f32 = 0.999;

    /// Whether there is nothing that records could be ranked by.
    pub(crate) fn ranks_nothing(&self) -> bool {
        self.text.trim().is_empty() && self.vector.is_none() && self.like.is_none()
    }

    /// Whether nothing but the scores of the vector search says which records are found, and in which order.
    pub(crate) fn goes_by_vector(&self) -> bool {
        self.vector.is_some()
            // Whoever names a pool looks again at what it brings.
            && self.pool.is_none()
            && self.parts.is_empty()
            && self.text.is_empty()
            && self.expression.is_none()
            && self.like.is_none()
            && self.weights == Weights::NONE
            && self.judgements.is_empty()
            && self.reranking.is_none()
            && self.diversity == 0.0
            // The points of a list depend on its length.
            && !matches!(self.fusion, Fusion::Borda { .. })
    }

    /// Checks everything but the vector.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] naming the first bad field.
    pub(crate) fn check(&self, max_text_bytes: u32) -> Result<(), QueryError> {
        let invalid = |field, problem: String| Err(QueryError::Invalid { field, problem });
        if self.limit == 0 || self.limit > Query::MAX_LIMIT {
            return invalid("limit", format!("must be between 1 and {}", Query::MAX_LIMIT));
        }
        if self.limit + self.without.len() > Query::MAX_LIMIT {
            return invalid("limit", format!("must leave it at {} hits of all pages", Query::MAX_LIMIT));
        }
        let is_open = self.expression.is_none() && self.like.is_none();
        if is_open && self.text.trim().is_empty() && self.vector.is_none() {
            return invalid("query", "must have text or a vector".into());
        }
        if self.text.len() > max_text_bytes as usize {
            return invalid("query", format!("is longer than {max_text_bytes} bytes (maxTextBytes)"));
        }
        let shares = Query::LEAST_RECALL..=Query::MOST_RECALL;
        if self.recall.is_some_and(|recall| !shares.contains(&recall)) {
            let (least, most) = (Query::LEAST_RECALL, Query::MOST_RECALL);
            return invalid("recall", format!("must be between {least} and {most}"));
        }
        if !self.fusion.is_sound() {
            return invalid("fusion", "must have finite weights, none negative and not all zero".into());
        }
        let share = |number: &f32| (0.0..=1.0).contains(number);
        if !self.weights.0.iter().all(share) {
            return invalid("weights", "must each be between 0 and 1".into());
        }
        if self.pool.is_some_and(|pool| pool == 0 || pool > Query::MAX_LIMIT) {
            return invalid("pool", format!("must be between 1 and {}", Query::MAX_LIMIT));
        }
        if let Some(problem) = self.judgements.iter().find_map(Judgement::problem) {
            return invalid("signals", problem.into());
        }
        if let Some(problem) = self.reranking.as_ref().and_then(Reranking::problem) {
            return invalid("rerank", problem.into());
        }
        if !share(&self.diversity) {
            return invalid("diversity", "must be between 0 and 1".into());
        }
        if self.reference.is_some_and(|moment| !moment.is_representable()) {
            return invalid("now", "must be between the years 1 and 9999".into());
        }
        Ok(())
    }
}

/// Weights of the signals that refine what the searches found, each 0 (none) to 1 (as much as the searches). The order
/// is that of [`Weights::NAMES`]. The defaults were chosen as `docs/RETRIEVAL.md` tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights(pub [f32; 9]);

impl Weights {
    /// What each weight is of.
    pub const NAMES: [&str; 9] =
        ["context", "session", "actor", "time", "form", "answer", "recency", "importance", "retention"];
    /// The searches alone.
    pub const NONE: Weights = Weights([0.0; 9]);

    /// Whether a signal counts that changes by itself or with every use: recency, importance, retention.
    pub(crate) fn drift(&self) -> bool {
        self.0[6..].iter().any(|weight| *weight > 0.0)
    }

    /// The weight of what was said around a record in its session.
    pub(crate) fn context(&self) -> f32 {
        self.0[0]
    }
}

impl Default for Weights {
    fn default() -> Self {
        Weights([0.7, 0.2, 0.1, 0.5, 0.3, 0.25, 0.0, 0.0, 0.0])
    }
}
