//! Which records say the same: the same words, by the same actor, under the same labels, in the same scope.
//!
//! Owns a hash per slot of what is said ([`statement_key`]) and one of that together with the fields, and the list of
//! those that several slots share and nobody has looked at since.

use std::collections::BTreeSet;

use crate::consolidate::{Fnv, statement_key};
use crate::index::Slot;
use crate::model::{Record, Value};

/// Slots by what their records say.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    /// Per slot, the hash of its words, and of its words with its fields.
    slots: Vec<(u64, u64)>,
    order: BTreeSet<(u64, Slot)>,
    shared: BTreeSet<u64>,
}

impl Statements {
    /// Notes what `record` in `slot` says. `words` is the [`statement_key`] of its text, if that is known.
    pub(crate) fn insert(&mut self, slot: Slot, record: &Record, words: Option<u64>) {
        self.remove(slot);
        let words = words.unwrap_or_else(|| statement_key(&record.text));
        let key = key_of(record, words);
        let at = slot as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, (0, 0));
        }
        self.slots[at] = (words, key);
        self.order.insert((key, slot));
        self.look_again(slot);
    }

    /// Notes what `record` in `slot` says, the next one of a memory that is being opened; nobody finds it until
    /// [`Statements::arrange`] has been called. `words` as in [`Statements::insert`].
    pub(crate) fn append(&mut self, slot: Slot, record: &Record, words: Option<u64>) {
        debug_assert_eq!(self.slots.len(), slot as usize, "slots arrive one after the other");
        let words = words.unwrap_or_else(|| statement_key(&record.text));
        self.slots.push((words, key_of(record, words)));
    }

    /// Brings what was appended into order. None of it has been removed.
    pub(crate) fn arrange(&mut self) {
        let mut order: Vec<(u64, Slot)> = self.slots.iter().map(|(_, key)| *key).zip(0..).collect();
        order.sort_unstable();
        let pairs = order.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        self.shared = pairs.map(|pair| pair[0].0).collect();
        self.order = order.into_iter().collect();
    }

    /// Forgets `slot`.
    pub(crate) fn remove(&mut self, slot: Slot) {
        if let Some((_, key)) = self.slots.get(slot as usize) {
            self.order.remove(&(*key, slot));
        }
    }

    /// The hash of the words of `slot`.
    pub(crate) fn words(&self, slot: Slot) -> u64 {
        self.slots.get(slot as usize).map_or(0, |(words, _)| *words)
    }

    /// Slots with this key, in ascending order.
    pub(crate) fn slots(&self, key: u64) -> impl Iterator<Item = Slot> {
        self.order.range((key, Slot::MIN)..=(key, Slot::MAX)).map(|(_, slot)| *slot)
    }

    /// Something about `slot` has changed that decides whether it is merged with those that say the same.
    pub(crate) fn look_again(&mut self, slot: Slot) {
        let Some((_, key)) = self.slots.get(slot as usize) else { return };
        if self.slots(*key).nth(1).is_some() {
            self.shared.insert(*key);
        }
    }

    /// A key that several slots share and that was not looked at, which it is now.
    pub(crate) fn take_shared(&mut self) -> Option<u64> {
        self.shared.pop_first()
    }

    /// The key was not looked at to the end.
    pub(crate) fn put_back(&mut self, key: u64) {
        self.shared.insert(key);
    }

    /// Whether a key waits to be looked at.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.shared.is_empty()
    }
}

/// Whether all is the same of two records that [`key_of`] takes in beside their words. Hashes can be made to meet, so they
/// only say where to look.
pub(crate) fn same_fields(one: &Record, other: &Record) -> bool {
    one.scope == other.scope
        && one.kind == other.kind
        && one.actor == other.actor
        && one.tags == other.tags
        && one.metadata == other.metadata
        && one.expires_at == other.expires_at
}

/// The hash of what a record says with whom, what and where it belongs to. `words` is the [`statement_key`] of its text.
pub(crate) fn key_of(record: &Record, words: u64) -> u64 {
    let mut hash = Fnv::default();
    hash.number(words);
    hash.text(&record.kind.0);
    for (_, part) in record.scope.parts() {
        hash.option(part);
    }
    hash.option(record.actor.as_deref());
    hash.number(record.tags.len() as u64);
    record.tags.iter().for_each(|tag| hash.text(tag));
    hash.number(record.metadata.len() as u64);
    for (name, value) in record.metadata.iter() {
        hash.text(name);
        mix(&mut hash, value);
    }
    hash.number(record.expires_at.map_or(0, |at| at.0 as u64));
    hash.finish()
}

fn mix(hash: &mut Fnv, value: &Value) {
    match value {
        Value::Null => hash.number(0),
        Value::Bool(flag) => hash.number(1 + u64::from(*flag)),
        Value::Number(number) => {
            hash.number(3);
            hash.number(number.to_bits());
        }
        Value::Text(text) => {
            hash.number(4);
            hash.text(text);
        }
        Value::List(items) => {
            hash.number(5);
            hash.number(items.len() as u64);
            items.iter().for_each(|item| mix(hash, item));
        }
        Value::Map(entries) => {
            hash.number(6);
            hash.number(entries.len() as u64);
            for (name, item) in entries.iter() {
                hash.text(name);
                mix(hash, item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a statement are given, so that any record will do for the fields.
    fn filled(words: &[u64], insert: impl Fn(&mut Statements, Slot, u64)) -> Statements {
        let mut statements = Statements::default();
        (0..).zip(words).for_each(|(slot, words)| insert(&mut statements, slot, *words));
        statements
    }

    #[test]
    fn arranged_statements_are_as_if_they_had_been_inserted() {
        let mut random = fastrand::Rng::with_seed(32);
        let record = Record::plain(1);
        for count in [0, 1, 2, 500] {
            let words: Vec<u64> = (0..count).map(|_| random.u64(..200)).collect();
            let inserted =
                filled(&words, |statements, slot, words| statements.insert(slot, &record, Some(words)));
            let mut appended =
                filled(&words, |statements, slot, words| statements.append(slot, &record, Some(words)));
            appended.arrange();
            assert_eq!(appended.slots, inserted.slots);
            assert_eq!(appended.order, inserted.order);
            assert_eq!(appended.shared, inserted.shared);
            assert_eq!(appended.shared.is_empty(), count < 3);
        }
    }
}
