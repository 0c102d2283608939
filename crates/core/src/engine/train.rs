//! Training a tier: a projection fitted to the vectors that it holds, under which they are kept from then on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::engine::precision::Coarsening;
use crate::engine::state::State;
use crate::error::CommandError;
use crate::index::vector::{Extent, Fitted, Projections, fit};
use crate::model::{RecordId, Tier, Timestamp};
use crate::persist::Change;

/// Vectors that a projection is fitted to at most.
pub(super) const SAMPLE: usize = 4_096;

/// How much a projection is to keep.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Goal {
    /// So many components.
    Dimensions(u32),
    /// As few components as keep this share of the squared length of the vectors, above 0 and 1 at most.
    KeepVariance(f64),
}

/// What a tier was trained to, and what that loses of the vectors that it was trained with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Training {
    /// Components that are kept of a vector.
    pub dimensions: u32,
    /// Bytes that are kept of a vector now, on average, divided by those that will be.
    pub ratio: f64,
    /// Share of the squared length that is lost, 0 to 1; nothing can be said of it where an encoder of the host makes
    /// something else of the vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Share of the ten nearest neighbours that are no longer among the ten nearest, 0 to 1.
    pub recall_loss: f64,
}

impl Engine {
    /// Fits a projection to the vectors of `tier`, under which they are kept from now on in int8 steps: those that come at
    /// once, those that are there in steps of [`Engine::maintain`]. Without a goal, vectors that come are kept as the
    /// configuration says again.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] naming `dimensions`, `keepVariance` or `tier`; [`CommandError::Poisoned`].
    pub fn train(
        &mut self,
        tier: Tier,
        goal: Option<Goal>,
        now: Timestamp,
    ) -> Result<Option<Training>, CommandError> {
        self.check_writable()?;
        let Some(goal) = goal else {
            if self.state.trained[tier.index()].is_some() {
                self.record(vec![Change::Train(tier, None)], Vec::new(), now);
            }
            return Ok(None);
        };
        if let Goal::KeepVariance(share) = goal
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(CommandError::invalid("keepVariance", "must be above 0 and 1 at most"));
        }
        if goal == Goal::Dimensions(0) {
            return Err(CommandError::invalid("dimensions", "must be 1 at least"));
        }
        self.begin_reading();
        let held = self.state.store.tier_after(tier, None).map(|record| record.id);
        let held: Vec<RecordId> = held.filter(|id| self.state.kept(*id).is_some()).collect();
        let (Some(index), Some(space)) = (&self.state.vectors, &self.state.space) else {
            return Err(nothing_held());
        };
        if held.is_empty() {
            return Err(nothing_held());
        }
        let dimensions = space.dimensions as usize;
        let count = held.len().min(SAMPLE);
        let most = dimensions.min(count);
        let extent = match goal {
            Goal::KeepVariance(share) => Extent::Share(share),
            Goal::Dimensions(wanted) if wanted as usize <= most => Extent::Directions(wanted as usize),
            Goal::Dimensions(_) => {
                let problem = format!(
                    "must be {most} at most: vectors have {dimensions} components, and {count} are learnt from"
                );
                return Err(CommandError::invalid("dimensions", problem));
            }
        };
        let number = self.free_projection()?;
        // In the order in which they came, evenly.
        let chosen: Vec<RecordId> = (0..count).map(|at| held[at * held.len() / count]).collect();
        let sample: Vec<Vec<f32>> = chosen.iter().filter_map(|id| self.state.vector(*id)).collect();
        let before: usize = chosen
            .iter()
            .filter_map(|id| self.state.kept(*id))
            .map(|kept| {
                let (precision, components) = index.shape(kept);
                precision.bytes(components)
            })
            .sum();
        self.end_reading()?;
        let Fitted { projection, loss, recall_loss } = fit(&sample, dimensions, extent);
        let width = projection.width();
        self.record(vec![Change::Train(tier, Some((number, Arc::new(projection))))], Vec::new(), now);
        self.coarsening = Some(Coarsening::default());
        let ratio = before as f64 / (count * width) as f64;
        Ok(Some(Training { dimensions: width as u32, ratio, loss: Some(loss), recall_loss }))
    }

    /// A number for a projection.
    pub(super) fn free_projection(&self) -> Result<u32, CommandError> {
        let free = self.state.vectors.as_ref().and_then(|index| index.projections().free());
        free.ok_or_else(|| {
            let problem = format!(
                "cannot be trained: {} projections are in use already, or were until storage is compacted",
                Projections::MOST
            );
            CommandError::invalid("tier", problem)
        })
    }

    /// Gives up the projections that nothing is kept under and no tier is trained to. Nothing may be in the logs: they
    /// could name one.
    pub(super) fn forget_projections(&mut self) {
        let State { vectors, trained, .. } = &self.state;
        let Some(index) = vectors else { return };
        let used = |number: u32| index.is_used(number) || trained.contains(&Some(number));
        let unused: Vec<u32> =
            index.projections().iter().map(|(number, _)| number).filter(|number| !used(*number)).collect();
        for number in unused {
            self.state.project(number, None);
            self.journal.manifest.projections.retain(|(known, _)| *known != number);
        }
    }
}

pub(super) fn nothing_held() -> CommandError {
    CommandError::invalid("tier", "holds no vectors to learn from")
}
