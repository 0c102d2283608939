//! How exactly the vectors of a tier are kept: records that come into a tier give up what it does not keep.
//!
//! What is given up is gone: a record that moves back keeps what it has. A vector made anew is kept as its tier says: in
//! the precision of the configuration, or under the projection that the tier was trained to.

use crate::config::Config;
use crate::engine::Engine;
use crate::engine::state::State;
use crate::model::{Kept, Precision, RecordId, Tier, Timestamp};
use crate::persist::Change;
use crate::tier::Place;

/// Records that one step of the round looks at. Each costs a decoding and an encoding.
const STEP: usize = 256;
/// What gives nothing up.
const EXACT: Kept = Kept::Whole(Precision::F32);

/// The round over the records of a memory just opened or trained: their tiers may keep less now than when they came. Who
/// comes later is brought to what its tier keeps at once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Coarsening {
    tier: usize,
    resume: Option<Place>,
}

impl Coarsening {
    /// The round, if any tier keeps less than everything.
    pub(super) fn due(config: &Config, state: &State) -> Option<Coarsening> {
        let coarse = |tier: Tier| state.kept_in(tier, config) != EXACT;
        Tier::ALL.into_iter().any(coarse).then(Coarsening::default)
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
        // Those whose rows are in storage wait for the round, which reads them.
        let (stored, held): (Vec<RecordId>, Vec<RecordId>) = changed.partition(|id| self.state.is_paged(*id));
        if !self.excessive(stored).is_empty() {
            self.coarsening = Some(Coarsening::default());
        }
        let coarsened = self.excessive(held);
        coarsened.iter().for_each(|change| self.state.apply(change));
        coarsened
    }

    /// Takes a step of the round. Answers how many vectors became coarser, or nothing if the round is over.
    pub(super) fn coarsen_some(&mut self, now: Timestamp) -> Option<u32> {
        let begun = self.coarsening.take()?;
        let Coarsening { tier: at, mut resume } = begun;
        let tier = *Tier::ALL.get(at)?;
        let mut ids = Vec::new();
        if self.state.kept_in(tier, &self.config) != EXACT {
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
        let coarser = changes.iter().filter_map(|change| match change {
            Change::Coarsen(_, ids) => Some(&ids[..]),
            _ => None,
        });
        let coarser: Vec<RecordId> = coarser.flatten().copied().collect();
        let count = coarser.len() as u32;
        for id in coarser.iter().filter(|id| self.state.is_paged(**id)) {
            self.state.code(*id);
        }
        if self.chores_wait() {
            self.coarsening = Some(begun);
            return Some(0);
        }
        self.state.page_in(&coarser);
        self.record(changes, Vec::new(), now);
        Some(count)
    }

    /// The changes that bring those vectors to what their tiers keep that are kept more exactly.
    fn excessive(&self, ids: Vec<RecordId>) -> Vec<Change> {
        let mut coarser: Vec<Change> = Vec::new();
        for id in ids {
            let Some(record) = self.state.store.get(id) else { continue };
            let wanted = self.state.kept_in(record.tier, &self.config);
            if self.state.kept(id).is_some_and(|kept| self.state.lesser(kept, wanted) != kept) {
                let known = coarser.iter_mut().find_map(|change| match change {
                    Change::Coarsen(kept, ids) if *kept == wanted => Some(ids),
                    _ => None,
                });
                match known {
                    Some(ids) => ids.push(id),
                    None => coarser.push(Change::Coarsen(wanted, vec![id])),
                }
            }
        }
        coarser
    }
}
