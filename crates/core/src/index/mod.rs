//! Indexes: what makes records findable. Rebuildable from records at any time.
//!
//! All indexes share one id space, the *slot*: a small number that names a record's place in the store. Slots grow
//! and are not reused until the store is rebuilt, so every posting list and vector block is in slot order.

mod slots;
mod statements;
pub(crate) mod text;
pub(crate) mod vector;

pub(crate) use slots::SlotSet;
pub(crate) use statements::{Statements, key_of, same_fields};

/// A record's place in the store and in every index.
pub(crate) type Slot = u32;

/// Decides between slots of equal score: the smaller number comes first.
pub(crate) type TieBreak<'a> = dyn Fn(Slot) -> u128 + 'a;
