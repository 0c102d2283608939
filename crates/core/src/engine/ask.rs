//! Questions: checked, answered, and counted as uses of what was found.

use crate::engine::Engine;
use crate::engine::check::{check_vector, unit};
use crate::engine::retention::standing;
use crate::error::{CommandError, Error, QueryError};
use crate::model::{EmbeddingSpace, Scope, Timestamp};
use crate::retrieve::{Hit, Query, Sources, parts, recall_parts, without_mentions};

/// A question with what belongs to it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The question.
    pub query: Query,
    /// The model that made the query's vector; needed if there is one.
    pub space: Option<EmbeddingSpace>,
    /// Whether the hits count as read.
    pub touch: bool,
}

impl Engine {
    /// Answers a question on behalf of a view of `scope`. With `touch`, the hits count as read.
    ///
    /// `space` names the model that made the query's vector; it is needed if there is one.
    ///
    /// # Errors
    /// [`Error::Query`] naming the parameter; [`CommandError::NotFound`] if the view does not see the record to look for
    /// the like of; [`CommandError::VectorsUnread`] if it takes vectors that are in storage.
    #[tracing::instrument(level = "debug", skip_all, fields(limit = query.limit))]
    pub fn recall(
        &mut self,
        scope: &Scope,
        space: Option<&EmbeddingSpace>,
        query: Query,
        now: Timestamp,
        touch: bool,
    ) -> Result<Vec<Hit>, Error> {
        self.begin_reading();
        let query = self.checked(scope, space, query, now)?;
        let hits = self.work_out(scope, &query, now);
        self.end_reading()?;
        if touch {
            self.count(&hits, now);
        }
        Ok(hits)
    }

    /// Answers questions one after the other, as [`Engine::recall`] would; none of them if one is refused.
    ///
    /// # Errors
    /// As of [`Engine::recall`], with the position of the first question that is refused.
    pub fn recall_many(
        &mut self,
        scope: &Scope,
        requests: Vec<Request>,
        now: Timestamp,
    ) -> Result<Vec<Vec<Hit>>, Box<(usize, Error)>> {
        self.begin_reading();
        let mut checked = Vec::with_capacity(requests.len());
        for (at, Request { query, space, touch }) in requests.into_iter().enumerate() {
            let query = self.checked(scope, space.as_ref(), query, now);
            let query = query.map_err(|error| Box::new((at, error)))?;
            checked.push((query, touch));
        }
        let mut answers = Vec::with_capacity(checked.len());
        // Nothing may count before it is known that nothing has to be read.
        let pages = self.state.vectors.as_ref().is_some_and(|index| index.pages());
        for (query, touch) in &checked {
            let hits = self.work_out(scope, query, now);
            if *touch && !pages {
                self.count(&hits, now);
            }
            answers.push(hits);
        }
        if pages {
            self.end_reading().map_err(|error| Box::new((0, error.into())))?;
            for ((_, touch), hits) in checked.iter().zip(&answers) {
                if *touch {
                    self.count(hits, now);
                }
            }
        }
        Ok(answers)
    }

    /// The text to embed for a question asked by a view of `scope`: without the names of the actors it can see.
    pub fn dense_query(&self, scope: &Scope, question: &str) -> String {
        without_mentions(question, &self.state.store.actors(scope))
    }

    /// The parts of a question asked by a view of `scope`, to be asked one by one: each sentence that asks, each clause that
    /// begins with who, what, when or the like, with the names of actors that it leaves to those before it. None if it
    /// asks for one thing.
    pub fn parts(&self, scope: &Scope, question: &str) -> Vec<String> {
        parts(question, &self.state.store.actors(scope))
    }

    /// The question with unit vectors, and with what its expression or the record that it is about stands for.
    fn checked(
        &self,
        scope: &Scope,
        space: Option<&EmbeddingSpace>,
        mut query: Query,
        now: Timestamp,
    ) -> Result<Query, Error> {
        if let Some(expression) = &query.expression {
            query.text = expression.words();
        }
        query.exact |= *scope != Scope::default();
        query.check(self.config.max_text_bytes)?;
        let parts = query.parts.iter_mut().map(|part| (&mut part.vector, &mut part.encoded));
        for (vector, encoded) in std::iter::once((&mut query.vector, &mut query.encoded)).chain(parts) {
            if let Some(given) = vector.take() {
                let Some(space) = space else {
                    let problem = "is needed with a vector".into();
                    return Err(QueryError::Invalid { field: "space", problem }.into());
                };
                let metric = self.metric();
                let checked = check_vector(given, space, self.state.space.as_ref(), metric, "query/vector");
                *vector = Some(checked.map_err(QueryError::Vector)?.whole());
            }
            for (name, vector) in encoded {
                unit(vector, &format!("encoders/{name}")).map_err(QueryError::Vector)?;
            }
        }
        if let Some(id) = query.like {
            let record = self.seen(scope, id, now).ok_or(CommandError::NotFound { id })?;
            query.like = Some(record.id);
            query.vector = self.state.whole_vector(record.id);
            query.without.extend(record.origins.iter().map(|origin| origin.id).chain([record.id]));
        }
        Ok(query)
    }

    fn work_out(&mut self, scope: &Scope, query: &Query, now: Timestamp) -> Vec<Hit> {
        if let Some(filter) = &query.filter {
            self.state.store.prepare(filter);
        }
        let sources = Sources {
            store: &self.state.store,
            text: &self.state.text,
            vectors: self.state.vectors(),
            bm25: self.config.bm25(),
            standing: &|record| standing(&self.config, record, now),
        };
        let work = || {
            let visible = self.state.store.visible(scope, now);
            let whole = visible.len() == self.state.store.len();
            let mut hits = recall_parts(&sources, query, &visible, whole, now);
            if let Some(order) = &query.sort {
                let position = |hit: &Hit| order.position(&hit.record);
                hits.sort_by(|a, b| order.compare(&position(a), &position(b)));
            }
            hits
        };
        match &mut self.answers {
            Some(answers) => answers.answer(scope, query, &self.state, now, work),
            None => work(),
        }
    }

    /// Counts hits as read.
    fn count(&mut self, hits: &[Hit], now: Timestamp) {
        if self.poisoned.is_some() {
            return;
        }
        self.counters.asked += 1;
        self.counters.answered += u64::from(!hits.is_empty());
        let uses: Vec<_> = hits.iter().map(|hit| (hit.record.id, hit.score.clamp(0.0, 1.0))).collect();
        self.touch(&uses, now);
        self.note_recalled(hits.iter().map(|hit| hit.record.id), now);
    }
}
