//! Id to record, record to slot, and the orders that reads and maintenance need.
//!
//! Invariants: a live id has exactly one slot; slots only grow; each live record is in exactly one tier's order, in
//! one scope's and one kind's member list, and in the expiry order if it expires. Counts and bytes are kept with each
//! change, so that asking for them costs the same however much is held.
//!
//! A memory that is opened puts its records in with [`Store::append`], which leaves the orders for [`Store::arrange`]:
//! sorting many at once takes a fraction of what finding the place of each takes.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::index::{Slot, SlotSet};
use crate::model::{Filter, Record, RecordId, Scope, Tier, Timestamp};
use crate::tier::columns::Columns;

/// Where a record stands in the order of its tier, or of its kind.
pub(crate) type Place = (Timestamp, RecordId);

/// All records of a memory.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// Boxed, so that growing moves pointers only and a dead slot takes nothing more.
    slots: Vec<Option<Box<Record>>>,
    /// The id that each slot was given for, also of a dead one: orders ask for many, and records lie apart in memory.
    names: Vec<RecordId>,
    /// Bytes that the record of each slot takes, indexes included.
    weights: Vec<u32>,
    /// The sum of these, per tier.
    tier_bytes: [u64; 3],
    ids: BTreeMap<RecordId, Slot>,
    live: SlotSet,
    /// Per tier, by the moment of entry.
    tiers: [BTreeSet<(Timestamp, RecordId)>; 3],
    expiring: BTreeSet<(Timestamp, RecordId)>,
    /// Those that are pinned, and summaries.
    standing: BTreeSet<RecordId>,
    scopes: BTreeMap<Scope, ScopeMembers>,
    /// From the ids of records that were consolidated to those that they went into.
    origins: FxHashMap<RecordId, RecordId>,
    /// By name.
    kinds: Vec<KindMembers>,
    text_bytes: u64,
    /// Of the fields that filters have asked for.
    columns: Columns,
}

/// What belongs to one exact scope.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
struct ScopeMembers {
    /// In the order in which things happened.
    slots: BTreeMap<(Timestamp, RecordId), Slot>,
    actors: FxHashMap<String, u32>,
}

/// What is of one kind.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
struct KindMembers {
    kind: String,
    /// By the moment of their making.
    members: BTreeSet<Place>,
    bytes: u64,
}

impl ScopeMembers {
    /// The scopes of some records, which are in the order of their ids.
    fn of(records: &[(Slot, &Record)]) -> BTreeMap<Scope, ScopeMembers> {
        type Found<'r> = (Vec<(Place, Slot)>, FxHashMap<&'r str, u32>);
        let mut found: BTreeMap<&Scope, Found<'_>> = BTreeMap::new();
        for (slot, record) in records {
            let (places, actors) = found.entry(&record.scope).or_default();
            places.push(((record.occurred_at, record.id), *slot));
            if let Some(actor) = &record.actor {
                *actors.entry(actor).or_default() += 1;
            }
        }
        let members = |(scope, (places, actors)): (&Scope, Found<'_>)| {
            let actors = actors.into_iter().map(|(actor, count)| (actor.to_owned(), count)).collect();
            (scope.clone(), ScopeMembers { slots: places.into_iter().collect(), actors })
        };
        found.into_iter().map(members).collect()
    }
}

impl KindMembers {
    /// The kinds of some records, which are in the order of their ids, by name.
    fn of(records: &[(Slot, &Record)], weights: &[u32]) -> Vec<KindMembers> {
        let mut found: BTreeMap<&str, (Vec<Place>, u64)> = BTreeMap::new();
        for (slot, record) in records {
            let (places, bytes) = found.entry(&record.kind.0).or_default();
            places.push((record.recorded_at, record.id));
            *bytes += u64::from(weights[*slot as usize]);
        }
        let members = |(kind, (places, bytes)): (&str, (Vec<Place>, u64))| KindMembers {
            kind: kind.to_owned(),
            members: places.into_iter().collect(),
            bytes,
        };
        found.into_iter().map(members).collect()
    }
}

/// Notes which memories went into a record.
fn note_origins(origins: &mut FxHashMap<RecordId, RecordId>, record: &Record) {
    for origin in &record.origins {
        // Who has it already keeps it: two memories of the same past can meet in an import.
        origins.entry(origin.id).or_insert(record.id);
    }
}

impl Store {
    /// Puts a record into a new slot. If its id lived elsewhere, that slot is vacated and returned.
    pub(crate) fn put(&mut self, record: Record) -> (Slot, Option<Slot>) {
        let vacated = self.remove(record.id).map(|(slot, _)| slot);
        let slot = self.slots.len() as Slot;
        self.weights.push(0);
        self.names.push(record.id);
        self.enlist(slot, &record);
        self.ids.insert(record.id, slot);
        self.slots.push(Some(Box::new(record)));
        (slot, vacated)
    }

    /// Gets ready for so many records more.
    pub(crate) fn reserve(&mut self, records: usize) {
        self.slots.reserve(records);
        self.names.reserve(records);
        self.weights.reserve(records);
    }

    /// Puts a record into a new slot, and into no order: nothing but its slot leads to it until [`Store::arrange`] has been
    /// called. No record of this id has been put in before.
    pub(crate) fn append(&mut self, record: Record) -> Slot {
        let slot = self.slots.len() as Slot;
        self.weights.push(0);
        self.names.push(record.id);
        self.slots.push(Some(Box::new(record)));
        slot
    }

    /// Notes how many bytes an appended record takes.
    pub(crate) fn weigh_appended(&mut self, slot: Slot, bytes: u32) {
        self.weights[slot as usize] = bytes;
    }

    /// Brings the records into their orders. All of them have been appended, and none has been changed since.
    pub(crate) fn arrange(&mut self) {
        let Store { slots, names, weights, .. } = self;
        let ids: BTreeMap<RecordId, Slot> = names.iter().copied().zip(0..).collect();
        let record = |slot: Slot| Some((slot, slots.get(slot as usize)?.as_deref()?));
        let by_id: Vec<(Slot, &Record)> = ids.values().filter_map(|slot| record(*slot)).collect();
        self.ids = ids;
        // Ids begin with a moment: the other orders are much like this one, and sorting what is nearly sorted is quick.
        let records = || by_id.iter().map(|(_, record)| *record);
        self.live = by_id.iter().map(|(slot, _)| *slot).collect();
        self.tiers = Tier::ALL.map(|tier| {
            let members = records().filter(|record| record.tier == tier);
            members.map(|record| (record.tier_since, record.id)).collect()
        });
        self.expiring = records().filter_map(|record| Some((record.expires_at?, record.id))).collect();
        // Few, and in their order: a sort of its own would be more code than it is worth.
        self.standing.clear();
        for record in records().filter(|record| record.pinned || record.summary) {
            self.standing.insert(record.id);
        }
        self.text_bytes = records().map(|record| record.text.len() as u64).sum();
        self.kinds = KindMembers::of(&by_id, weights);
        self.scopes = ScopeMembers::of(&by_id);
        self.tier_bytes = [0; 3];
        self.origins.clear();
        for (record, bytes) in slots.iter().zip(weights.iter()) {
            let Some(record) = record else { continue };
            self.tier_bytes[record.tier.index()] += u64::from(*bytes);
            note_origins(&mut self.origins, record);
        }
    }

    /// Replaces a record where it is. The caller knows that the indexes need not change.
    pub(crate) fn revise(&mut self, record: Record) {
        let Some(&slot) = self.ids.get(&record.id) else { return };
        if let Some(old) = self.slots[slot as usize].take() {
            self.delist(slot, &old);
        }
        self.enlist(slot, &record);
        self.slots[slot as usize] = Some(Box::new(record));
        self.columns.changed(slot);
    }

    /// Notes how many bytes the record of `slot` takes.
    pub(crate) fn weigh(&mut self, slot: Slot, bytes: u32) {
        let Some(record) = self.slots.get(slot as usize).and_then(Option::as_ref) else { return };
        let before = std::mem::replace(&mut self.weights[slot as usize], bytes);
        let (before, bytes) = (u64::from(before), u64::from(bytes));
        let sum = &mut self.tier_bytes[record.tier.index()];
        *sum = *sum - before + bytes;
        if let Ok(at) = self.kinds.binary_search_by(|known| known.kind.cmp(&record.kind.0)) {
            let sum = &mut self.kinds[at].bytes;
            *sum = *sum - before + bytes;
        }
    }

    /// Gets ready for [`Store::matching`]: reads what has changed of the fields that a filter names.
    pub(crate) fn prepare(&mut self, filter: &Filter) {
        let Store { columns, slots, ids, .. } = self;
        columns.prepare(filter, slots.len(), ids.len(), &|slot| slots.get(slot as usize)?.as_deref());
    }

    /// Those of the slots whose records pass a filter. It says the same, if slowly, if it was not prepared for.
    pub(crate) fn matching(&self, filter: &Filter, within: &SlotSet) -> SlotSet {
        self.columns.select(filter, within, self.slots.len(), &|slot| self.record(slot))
    }

    /// Bytes that the columns take that filters are answered from.
    pub(crate) fn column_bytes(&self) -> usize {
        self.columns.bytes()
    }

    /// Changes a record's tier or its usage.
    pub(crate) fn modify(&mut self, id: RecordId, change: impl FnOnce(&mut Record)) {
        let Some(&slot) = self.ids.get(&id) else { return };
        let Some(record) = self.slots[slot as usize].as_mut() else { return };
        let before = (record.tier, record.tier_since);
        change(record);
        let after = (record.tier, record.tier_since);
        if before != after {
            self.tiers[before.0.index()].remove(&(before.1, id));
            self.tiers[after.0.index()].insert((after.1, id));
            let bytes = u64::from(self.weights[slot as usize]);
            self.tier_bytes[before.0.index()] -= bytes;
            self.tier_bytes[after.0.index()] += bytes;
            self.columns.moved(slot);
        }
    }

    /// Takes a record out.
    pub(crate) fn remove(&mut self, id: RecordId) -> Option<(Slot, Record)> {
        let slot = self.ids.remove(&id)?;
        let record = self.slots[slot as usize].take()?;
        self.delist(slot, &record);
        Some((slot, *record))
    }

    fn enlist(&mut self, slot: Slot, record: &Record) {
        self.live.insert(slot);
        self.tiers[record.tier.index()].insert((record.tier_since, record.id));
        let bytes = u64::from(self.weights[slot as usize]);
        self.tier_bytes[record.tier.index()] += bytes;
        let at = self.kinds.binary_search_by(|known| known.kind.cmp(&record.kind.0)).unwrap_or_else(|at| {
            self.kinds.insert(at, KindMembers { kind: record.kind.0.clone(), ..KindMembers::default() });
            at
        });
        self.kinds[at].members.insert((record.recorded_at, record.id));
        self.kinds[at].bytes += bytes;
        if let Some(at) = record.expires_at {
            self.expiring.insert((at, record.id));
        }
        if record.pinned || record.summary {
            self.standing.insert(record.id);
        }
        let members = self.scopes.entry(record.scope.clone()).or_default();
        members.slots.insert((record.occurred_at, record.id), slot);
        if let Some(actor) = &record.actor {
            *members.actors.entry(actor.clone()).or_default() += 1;
        }
        note_origins(&mut self.origins, record);
        self.text_bytes += record.text.len() as u64;
    }

    fn delist(&mut self, slot: Slot, record: &Record) {
        self.live.remove(slot);
        self.tiers[record.tier.index()].remove(&(record.tier_since, record.id));
        let bytes = u64::from(self.weights[slot as usize]);
        self.tier_bytes[record.tier.index()] -= bytes;
        if let Ok(at) = self.kinds.binary_search_by(|known| known.kind.cmp(&record.kind.0)) {
            self.kinds[at].members.remove(&(record.recorded_at, record.id));
            self.kinds[at].bytes -= bytes;
            if self.kinds[at].members.is_empty() {
                self.kinds.remove(at);
            }
        }
        if let Some(at) = record.expires_at {
            self.expiring.remove(&(at, record.id));
        }
        self.standing.remove(&record.id);
        if let Some(members) = self.scopes.get_mut(&record.scope) {
            members.slots.remove(&(record.occurred_at, record.id));
            if let Some(actor) = &record.actor
                && let Some(count) = members.actors.get_mut(actor)
            {
                *count -= 1;
                if *count == 0 {
                    members.actors.remove(actor);
                }
            }
            if members.slots.is_empty() {
                self.scopes.remove(&record.scope);
            }
        }
        for origin in &record.origins {
            if self.origins.get(&origin.id) == Some(&record.id) {
                self.origins.remove(&origin.id);
            }
        }
        self.text_bytes -= record.text.len() as u64;
    }

    /// The record that the record with this id went into by consolidation.
    pub(crate) fn destination(&self, id: RecordId) -> Option<RecordId> {
        self.origins.get(&id).copied()
    }

    /// Lets go of some records, to take a store that nobody uses any more apart in steps. Answers whether any are left.
    pub(crate) fn shed(&mut self, count: usize) -> bool {
        self.slots.truncate(self.slots.len().saturating_sub(count));
        for _ in 0..count {
            self.ids.pop_last();
            for tier in &mut self.tiers {
                tier.pop_last();
            }
            self.kinds.pop_if(|kind| kind.members.pop_last().is_none());
            if let Some(mut last) = self.scopes.last_entry()
                && last.get_mut().slots.pop_last().is_none()
            {
                last.remove();
            }
        }
        !(self.slots.is_empty() && self.ids.is_empty() && self.scopes.is_empty())
    }

    /// The record with this id.
    pub(crate) fn get(&self, id: RecordId) -> Option<&Record> {
        self.record(*self.ids.get(&id)?)
    }

    /// The slot of this id.
    pub(crate) fn slot(&self, id: RecordId) -> Option<Slot> {
        self.ids.get(&id).copied()
    }

    /// The slots of all records, for whoever looks for many of them: in the tree of ids each takes a dozen steps through memory.
    pub(crate) fn slots_by_id(&self) -> FxHashMap<RecordId, Slot> {
        self.ids.iter().map(|(id, slot)| (*id, *slot)).collect()
    }

    /// The id of the record that this slot was given for, whether it is there or not.
    pub(crate) fn id(&self, slot: Slot) -> Option<RecordId> {
        self.names.get(slot as usize).copied()
    }

    /// The record in this slot.
    pub(crate) fn record(&self, slot: Slot) -> Option<&Record> {
        self.slots.get(slot as usize)?.as_deref()
    }

    /// Records after `after` in id order, or all of them.
    pub(crate) fn iter_after(&self, after: Option<RecordId>) -> impl DoubleEndedIterator<Item = &Record> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.ids.range((from, Unbounded)).filter_map(|(_, &slot)| self.record(slot))
    }

    /// The largest id.
    pub(crate) fn last_id(&self) -> Option<RecordId> {
        self.ids.keys().next_back().copied()
    }

    /// Number of records.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Slots handed out so far, live and dead.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of text held.
    pub(crate) fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Number of records in a tier.
    pub(crate) fn tier_len(&self, tier: Tier) -> usize {
        self.tiers[tier.index()].len()
    }

    /// Bytes that the records of a tier take.
    pub(crate) fn tier_bytes(&self, tier: Tier) -> u64 {
        self.tier_bytes[tier.index()]
    }

    /// Bytes that all records take.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.tier_bytes.iter().sum()
    }

    /// Number of records of a kind and bytes that they take.
    pub(crate) fn kind_held(&self, kind: &str) -> (usize, u64) {
        self.kind(kind).map_or((0, 0), |found| (found.members.len(), found.bytes))
    }

    /// The kinds of which there are records, by name, with the number of the records and their bytes.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&str, usize, u64)> {
        self.kinds.iter().map(|known| (known.kind.as_str(), known.members.len(), known.bytes))
    }

    /// Records of a kind, oldest first, from after `after` on or all of them.
    pub(crate) fn kind_after(&self, kind: &str, after: Option<Place>) -> impl Iterator<Item = &Record> {
        let members = self.kind(kind).map(|found| self.places(&found.members, after));
        members.into_iter().flatten()
    }

    fn kind(&self, kind: &str) -> Option<&KindMembers> {
        let at = self.kinds.binary_search_by(|known| known.kind.as_str().cmp(kind));
        self.kinds.get(at.ok()?)
    }

    fn places<'a>(
        &'a self,
        places: &'a BTreeSet<Place>,
        after: Option<Place>,
    ) -> impl Iterator<Item = &'a Record> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        places.range((from, Unbounded)).filter_map(|(_, id)| self.get(*id))
    }

    /// Bytes that a record takes.
    pub(crate) fn bytes(&self, id: RecordId) -> u32 {
        self.slot(id).map_or(0, |slot| self.weights[slot as usize])
    }

    /// Records of a tier, longest resident first, from after `after` on or all of them.
    pub(crate) fn tier_after(&self, tier: Tier, after: Option<Place>) -> impl Iterator<Item = &Record> {
        self.places(&self.tiers[tier.index()], after)
    }

    /// Records that expire, soonest first.
    pub(crate) fn expiring(&self) -> impl Iterator<Item = (Timestamp, RecordId)> {
        self.expiring.iter().copied()
    }

    /// When the next record expires after `now`.
    pub(crate) fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = Excluded((now, RecordId(u128::MAX)));
        self.expiring.range((after, Unbounded)).next().map(|(at, _)| *at)
    }

    /// The slots that a view of `scope` sees at `now`: in scope and not expired.
    pub(crate) fn visible(&self, scope: &Scope, now: Timestamp) -> SlotSet {
        let mut set = if *scope == Scope::default() {
            self.live.clone()
        } else {
            self.covered(scope).flat_map(|members| members.slots.values().copied()).collect()
        };
        for (at, id) in &self.expiring {
            if *at > now {
                break;
            }
            if let Some(slot) = self.slot(*id) {
                set.remove(slot);
            }
        }
        set
    }

    /// The actors that a view of `scope` sees, in no order, some of them more than once.
    pub(crate) fn actors<'a>(&'a self, scope: &'a Scope) -> Vec<&'a str> {
        self.covered(scope).flat_map(|members| members.actors.keys().map(String::as_str)).collect()
    }

    /// The records that are pinned and the summaries, by id.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &Record> {
        self.standing.iter().filter_map(|id| self.get(*id))
    }

    /// Of each scope that a view of `scope` may see, the `limit` latest records that are `wanted`, in no order.
    pub(crate) fn latest<'a>(
        &'a self,
        scope: &'a Scope,
        limit: usize,
        wanted: &dyn Fn(&Record) -> bool,
    ) -> Vec<&'a Record> {
        let of_one = |members: &'a ScopeMembers| {
            let records = members.slots.values().rev().filter_map(|slot| self.record(*slot));
            records.filter(|record| wanted(record)).take(limit)
        };
        self.covered(scope).flat_map(of_one).collect()
    }

    /// What happened before `record` in its session, latest first, and after it, earliest first; nothing if it belongs
    /// to no session.
    pub(crate) fn around(&self, record: &Record) -> [impl Iterator<Item = Slot>; 2] {
        use std::ops::Bound::{Excluded, Unbounded};
        let place = (record.occurred_at, record.id);
        let members = record.scope.session.as_ref().and_then(|_| self.scopes.get(&record.scope));
        let side = |earlier: bool| {
            let bounds = if earlier { (Unbounded, Excluded(place)) } else { (Excluded(place), Unbounded) };
            let mut places = members.map(|members| members.slots.range(bounds).map(|(_, slot)| *slot));
            std::iter::from_fn(move || {
                let places = places.as_mut()?;
                if earlier { places.next_back() } else { places.next() }
            })
        };
        [side(true), side(false)]
    }

    fn covered<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a ScopeMembers> {
        self.scopes.iter().filter(|(own, _)| scope.covers(own)).map(|(_, members)| members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Origin};

    /// Any record, of few scopes, kinds, actors and moments, so that many share them.
    fn record(id: u128, random: &mut fastrand::Rng) -> Record {
        let mut moment = || Timestamp(random.i64(0..40));
        let (tier_since, occurred_at, recorded_at, expires_at) = (moment(), moment(), moment(), moment());
        let mut name = |kinds: usize| {
            let at = random.usize(..kinds);
            (at > 0).then(|| "ab"[..at.min(2)].to_owned())
        };
        let scope = Scope { tenant: None, user: name(3), agent: None, session: name(2) };
        let (actor, kind) = (name(3), name(3).unwrap_or_default());
        let origin = |id| Origin {
            id: RecordId(id),
            occurred_at,
            actor: None,
            tags: Vec::new(),
            metadata: Default::default(),
            source: None,
            text: None,
        };
        Record {
            text: "x".repeat(random.usize(..9)),
            kind: Kind(kind),
            tier: Tier::ALL[random.usize(..3)],
            tier_since,
            scope,
            actor,
            occurred_at,
            recorded_at,
            pinned: random.u32(..8) == 0,
            expires_at: Some(expires_at).filter(|_| random.bool()),
            origins: (0..random.u128(..3)).map(|_| origin(1_000 + random.u128(..50))).collect(),
            summary: random.u32(..8) == 0,
            ..Record::plain(id)
        }
    }

    /// Appending and arranging comes to what putting one after the other comes to, and goes on from there alike.
    #[test]
    fn arranged_records_are_as_if_they_had_been_put() {
        let mut random = fastrand::Rng::with_seed(31);
        for count in [0, 1, 2, 300] {
            let mut ids: Vec<u128> = (0..count).collect();
            random.shuffle(&mut ids);
            let (mut put, mut appended) = (Store::default(), Store::default());
            appended.reserve(ids.len() / 2);
            for id in ids {
                let (record, bytes) = (record(id, &mut random), random.u32(1..500));
                let (slot, vacated) = put.put(record.clone());
                assert_eq!((appended.append(record), vacated), (slot, None));
                put.weigh(slot, bytes);
                appended.weigh_appended(slot, bytes);
            }
            appended.arrange();
            for turn in 0..2 {
                assert_eq!(appended.slots, put.slots);
                assert_eq!(appended.names, put.names);
                assert_eq!((&appended.weights, appended.tier_bytes), (&put.weights, put.tier_bytes));
                assert_eq!((&appended.ids, &appended.live), (&put.ids, &put.live));
                assert_eq!((&appended.tiers, &appended.expiring), (&put.tiers, &put.expiring));
                assert_eq!((&appended.standing, &appended.scopes), (&put.standing, &put.scopes));
                assert_eq!((&appended.origins, &appended.kinds), (&put.origins, &put.kinds));
                assert_eq!(appended.text_bytes, put.text_bytes);
                for id in (0..count).filter(|id| turn == 0 && id % 3 == 0) {
                    assert_eq!(appended.remove(RecordId(id)), put.remove(RecordId(id)));
                }
            }
        }
    }
}
