//! Dropping dead slots: the records are copied into a state without them, in steps, and the old state is taken apart.
//!
//! Invariant: between the steps every change goes to both states. What of it concerns a record that is not copied yet does
//! nothing there, and the copy has it.

use crate::engine::state::State;
use crate::model::RecordId;

/// Records that one step copies.
const COPIES: usize = 128;
/// Records and terms that one step takes apart.
const SHED: usize = 2_048;
/// Slots below which it is not worth it.
const MIN_SLOTS: usize = 1_024;

/// How far it is.
#[derive(Debug, Default)]
pub(super) enum Renewal {
    /// Nothing is under way.
    #[default]
    Idle,
    /// The state to be, and the record that was copied last.
    Copying(Box<State>, Option<RecordId>),
    /// The state that was.
    Shedding(Box<State>),
}

impl State {
    /// The state to be, if one is under way. It has to hear of every change.
    pub(super) fn successor(&mut self) -> Option<&mut State> {
        match &mut self.renewal {
            Renewal::Copying(next, _) => Some(next),
            Renewal::Idle | Renewal::Shedding(_) => None,
        }
    }

    /// Takes a step of dropping dead slots, if they are more than half or one is under way. Answers whether there is
    /// more to do.
    pub(super) fn drop_dead_slots(&mut self) -> bool {
        match std::mem::take(&mut self.renewal) {
            Renewal::Idle => {
                let (slots, live) = (self.store.slot_count(), self.store.len());
                if slots <= MIN_SLOTS || live * 2 >= slots {
                    return false;
                }
                self.renewal = Renewal::Copying(Box::new(self.emptied()), None);
            }
            Renewal::Copying(mut next, copied) => {
                let mut last = copied;
                let mut left = COPIES;
                for record in self.store.iter_after(copied).take(COPIES) {
                    left -= 1;
                    last = Some(record.id);
                    // Put meanwhile, it is there already.
                    let slot = self.store.slot(record.id).filter(|_| next.store.slot(record.id).is_none());
                    if let Some(slot) = slot {
                        let (terms, words) = (self.text.terms_of(slot), self.statements.words(slot));
                        let told = self.vectors.as_ref().and_then(|index| index.transfer(slot));
                        let code = if self.is_paged(record.id) { None } else { self.code(record.id) };
                        next.restore(record.clone(), code.as_ref(), terms, words);
                        if let (Some(told), Some(at), Some(index)) =
                            (told, next.store.slot(record.id), &mut next.vectors)
                        {
                            index.receive(at, told);
                            next.weigh(at);
                        }
                    }
                }
                next.settle_vectors(COPIES);
                if left == 0 {
                    self.renewal = Renewal::Copying(next, last);
                } else {
                    let old = std::mem::replace(self, *next);
                    self.epoch = old.epoch;
                    self.renewal = Renewal::Shedding(Box::new(old));
                }
            }
            Renewal::Shedding(mut old) => {
                if old.shed() {
                    self.renewal = Renewal::Shedding(old);
                }
            }
        }
        true
    }

    /// Lets go of some records and terms. Answers whether there are more.
    pub(super) fn shed(&mut self) -> bool {
        self.store.shed(SHED) | self.text.shed(SHED)
    }
}
