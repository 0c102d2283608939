//! Changing the model: the memory goes over to another embedding space, and its records get vectors there.
//!
//! One commit drops every vector of the space before, so that vectors of two models never stand beside each other. From
//! then on records get their vectors in any number of commits; those that have none yet are found by their words.

use crate::engine::Engine;
use crate::engine::check::{check_name, check_vector};
use crate::error::CommandError;
use crate::index::vector::SETTLED;
use crate::model::{EmbeddingSpace, Record, RecordId, Timestamp};
use crate::persist::Change;

/// A vector that was made of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The record.
    pub id: RecordId,
    /// The version of the record that it was made of.
    pub version: u32,
    /// As many components as the space has dimensions, of any length but zero.
    pub vector: Vec<f32>,
}

impl Engine {
    /// Goes over to `space`, and to the metric of the configuration if it names one: every vector is dropped, with all that
    /// tiers were trained to. Nothing happens if the memory is of that space already.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] naming `space/model` or `space/dimensions`; [`CommandError::Poisoned`].
    pub fn change_space(&mut self, space: EmbeddingSpace, now: Timestamp) -> Result<(), CommandError> {
        self.check_writable()?;
        check_name("space/model", &space.model)?;
        if !EmbeddingSpace::allows(space.dimensions) {
            let problem = format!("must be between 1 and {}", EmbeddingSpace::MAX_DIMENSIONS);
            return Err(CommandError::invalid("space/dimensions", problem));
        }
        let metric = self.config.metric.unwrap_or(self.state.metric);
        if self.state.space.as_ref() != Some(&space) || self.state.metric != metric {
            self.record(vec![Change::Space(space, metric)], Vec::new(), now);
        }
        Ok(())
    }

    /// Gives records the vectors that were made of them, all or none. A record that is gone, was changed since or has a
    /// vector is passed over. Answers how many got theirs.
    ///
    /// # Errors
    /// [`CommandError`] naming the vector, as `vectors/3`, that is not of the memory's space. Nothing changed then.
    pub fn embed(
        &mut self,
        space: &EmbeddingSpace,
        embeddings: Vec<Embedding>,
        now: Timestamp,
    ) -> Result<u32, CommandError> {
        self.check_writable()?;
        let logged = self.journal.logged();
        let mut codes = Vec::new();
        for (index, Embedding { id, version, vector }) in embeddings.into_iter().enumerate() {
            let field = format!("vectors/{index}");
            let metric = self.metric();
            let directed = check_vector(vector, space, self.state.space.as_ref(), metric, &field)?;
            let Some(record) = self.state.store.get(id).filter(|record| record.version == version) else {
                continue;
            };
            if self.lacks_vector(record, now) {
                let kept = self.state.kept_in(record.tier, &self.config);
                codes.push((id, self.state.encode(directed, kept)));
            }
        }
        let count = codes.len();
        if count > 0 {
            let settles = self.state.space.is_none().then(|| Change::Space(space.clone(), self.metric()));
            let changes = settles.into_iter().chain([Change::Embed(codes)]).collect();
            self.record(changes, Vec::new(), now);
            self.relieve(count, now);
            self.state.settle_vectors(SETTLED * count);
            self.pay(logged, now);
        }
        Ok(count as u32)
    }

    /// Up to `limit` records after `after`, in id order and whoever sees them, that have no vector; with `anew`, also those
    /// that have one.
    pub fn unembedded(
        &self,
        anew: bool,
        after: Option<RecordId>,
        limit: usize,
        now: Timestamp,
    ) -> Vec<&Record> {
        let wanted = |record: &&Record| self.is_unembedded(record, anew, now);
        self.state.store.iter_after(after).filter(wanted).take(limit).collect()
    }

    /// How many records [`Engine::unembedded`] goes through.
    pub fn count_unembedded(&self, anew: bool, now: Timestamp) -> usize {
        self.state.store.iter_after(None).filter(|record| self.is_unembedded(record, anew, now)).count()
    }

    fn is_unembedded(&self, record: &Record, anew: bool, now: Timestamp) -> bool {
        if anew { !record.is_expired(now) } else { self.lacks_vector(record, now) }
    }

    fn lacks_vector(&self, record: &Record, now: Timestamp) -> bool {
        !record.is_expired(now) && self.state.kept(record.id).is_none()
    }
}
