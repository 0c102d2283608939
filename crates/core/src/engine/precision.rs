//! How exactly the vectors of a tier are kept: records that come into a tier give up what it does not keep.
//!
//! What is given up is gone: a record that moves back keeps what it has. A vector made anew is kept as its tier says.

use crate::config::Config;
use crate::engine::Engine;
use crate::model::{Precision, RecordId, Tier, Timestamp};
use crate::persist::Change;
use crate::tier::Place;

/// Records that one step of the round looks at. Each costs a decoding and an encoding.
const STEP: usize = 256;

/// The round over the records of a memory just opened: their tiers may keep less now than when they were stored. Who
/// comes later is brought to the precision of its tier at once.
#[derive(Debug, Default)]
pub(super) struct Coarsening {
    tier: usize,
    resume: Option<Place>,
}

impl Coarsening {
    /// The round, if any tier keeps less than everything.
    pub(super) fn due(config: &Config) -> Option<Coarsening> {
        let coarse = |tier: &Tier| config.tier(*tier).precision > Precision::F32;
        Tier::ALL.iter().any(coarse).then(Coarsening::default)
    }
}

impl Engine {
    /// What the records that `changes` have moved or made must give up where they are now.
    pub(super) fn coarsen_changed(&mut self, changes: &[Change]) -> Vec<Change> {
        let changed = changes.iter().filter_map(|change| match change {
            Change::Moved(id, _) => Some(*id),
            Change::Put(record, Some(_)) => Some(record.id),
            _ => None,
        });
        let coarsened = self.excessive(changed.collect());
        coarsened.iter().for_each(|change| self.state.apply(change));
        coarsened
    }

    /// Takes a step of the round. Answers how many vectors became coarser, or nothing if the round is over.
    pub(super) fn coarsen_some(&mut self, now: Timestamp) -> Option<u32> {
        let Coarsening { tier: at, mut resume } = self.coarsening.take()?;
        let tier = *Tier::ALL.get(at)?;
        let mut ids = Vec::new();
        if self.config.tier(tier).precision > Precision::F32 {
            for record in self.state.store.tier_after(tier, resume).take(STEP) {
                resume = Some((record.tier_since, record.id));
                ids.push(record.id);
            }
        }
        let through = ids.len() < STEP;
        self.coarsening = Some(if through {
            Coarsening { tier: at + 1, resume: None }
        } else {
            Coarsening { tier: at, resume }
        });
        let changes = self.excessive(ids);
        let count = changes
            .iter()
            .map(|change| if let Change::Coarsen(_, ids) = change { ids.len() as u32 } else { 0 })
            .sum();
        self.record(changes, Vec::new(), now);
        Some(count)
    }

    /// The changes that bring those vectors to the precision of their tiers that are kept more exactly.
    fn excessive(&self, ids: Vec<RecordId>) -> Vec<Change> {
        let mut coarser: [Vec<RecordId>; 3] = Default::default();
        for id in ids {
            let Some(record) = self.state.store.get(id) else { continue };
            let wanted = self.config.tier(record.tier).precision;
            if self.state.precision(id).is_some_and(|kept| kept < wanted) {
                coarser[wanted.index()].push(id);
            }
        }
        Precision::ALL
            .into_iter()
            .zip(coarser)
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(precision, ids)| Change::Coarsen(precision, ids))
            .collect()
    }
}
