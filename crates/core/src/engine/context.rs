//! Contexts: gathers what may be put into a prompt, and takes note of what was.

use crate::context::{ContextRequest, Piece, gather};
use crate::engine::Engine;
use crate::model::{RecordId, Scope, Timestamp};

impl Engine {
    /// What may be put into a prompt on behalf of a view of `scope`. Does not count as a use: see [`Engine::put_to_use`].
    pub fn gather(&self, scope: &Scope, request: &ContextRequest, now: Timestamp) -> Vec<Piece> {
        gather(&self.state.store, scope, request, now)
    }

    /// Counts as one question that was answered with these records: each counts as read, with the share of the answer,
    /// 0 to 1, that it owed. Ids that a view of `scope` does not see count for nothing.
    pub fn put_to_use(&mut self, scope: &Scope, uses: &[(RecordId, f64)], now: Timestamp) {
        if self.poisoned.is_some() {
            return;
        }
        let share = |share: f64| (share as f32).clamp(0.0, 1.0);
        let seen = |(id, of): &(RecordId, f64)| Some((self.seen(scope, *id, now)?.id, share(*of)));
        let uses: Vec<(RecordId, f32)> = uses.iter().filter_map(seen).collect();
        self.counters.asked += 1;
        self.counters.answered += u64::from(!uses.is_empty());
        self.touch(&uses, now);
        self.note_recalled(uses.iter().map(|(id, _)| *id), now);
    }
}
