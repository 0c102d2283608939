//! From commits to bytes: the log, the segments, the manifest, and the batch that waits for the host.
//!
//! Owns what is enqueued for storage and which objects are alive. Invariants: operations leave in the order in which
//! they came; one batch is in flight at a time; the live set changes only by a manifest of the next generation.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::engine::effect::{Effect, StorageOperation};
use crate::engine::state::State;
use crate::index::text::TOKENIZER;
use crate::model::{RecordId, Timestamp};
use crate::persist::{
    Change, FrameV1, LogRef, Manifest, ObjectKind, SegmentBuilder, SegmentRef, SegmentRow, log_frame,
    log_header,
};

/// Logs kept open for replay before they are sealed, however small. Each opening for writing starts one.
const MAX_CLOSED_LOGS: usize = 8;
/// Segments below which nothing is merged.
const MIN_MERGED: usize = 4;

/// Blocks of records that one step of a merge writes.
const MERGE_BLOCKS: usize = 2;

/// The write side of storage.
#[derive(Debug, Default)]
pub(super) struct Journal {
    manifest: Manifest,
    /// Number of the last commit.
    sequence: u64,
    /// Bytes in the active log.
    log_bytes: u64,
    /// The next write starts with a new manifest: nothing is stored yet, or another owner's log must be closed.
    unannounced: bool,
    /// Objects that no manifest names, left behind by a crash.
    leftovers: Vec<String>,
    /// Segment that holds the latest sealed form of a record.
    homes: FxHashMap<RecordId, u64>,
    /// Records changed since the last seal.
    dirty: BTreeSet<RecordId>,
    /// Sealed records removed since the last seal.
    removed: BTreeSet<RecordId>,
    /// Per segment, the ids it buries.
    tombstones: FxHashMap<u64, Vec<RecordId>>,
    /// Per segment, the bytes that packing saves.
    saved: FxHashMap<u64, u64>,
    /// Per tier, whether records are packed in segments.
    packs: [bool; 3],
    /// The merge under way.
    merge: Option<Merge>,
    outbox: Vec<StorageOperation>,
    ticket: u64,
    in_flight: Option<u64>,
    acked: u64,
}

/// Segments on their way into one. Until it is finished, they stay.
#[derive(Debug)]
struct Merge {
    segments: Vec<u64>,
    /// The records whose latest sealed form they hold.
    ids: Vec<RecordId>,
    /// How many of these are written.
    next: usize,
    buried: Vec<RecordId>,
    builder: SegmentBuilder,
}

/// A finished seal or merge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sealed {
    pub(super) segment: u64,
    pub(super) records: u32,
    pub(super) bytes: u64,
}

impl Journal {
    /// The journal of a memory that nothing is stored of.
    pub(super) fn fresh() -> Self {
        let manifest = Manifest { active_log: 1, next_segment: 1, ..Manifest::default() };
        Journal { manifest, unannounced: true, ..Journal::default() }
    }

    /// The journal of a memory that was read back. `log_bytes` are the good bytes of the active log.
    pub(super) fn recovered(
        manifest: Manifest,
        sequence: u64,
        log_bytes: u64,
        leftovers: Vec<String>,
    ) -> Self {
        Journal { manifest, sequence, log_bytes, leftovers, unannounced: true, ..Journal::default() }
    }

    /// Notes, during recovery, that `segment` holds the latest sealed form of a record.
    pub(super) fn note_home(&mut self, id: RecordId, segment: u64) {
        self.homes.insert(id, segment);
    }

    /// Says which tiers' records are packed in the segments that are written from now on.
    pub(super) fn pack(&mut self, packs: [bool; 3]) {
        self.packs = packs;
    }

    /// Notes, during recovery, how many bytes packing saves in a segment.
    pub(super) fn note_saved(&mut self, segment: u64, bytes: u64) {
        self.saved.insert(segment, bytes);
    }

    /// Bytes that packing saves in the live segments.
    pub(super) fn saved_bytes(&self) -> u64 {
        self.saved.values().sum()
    }

    /// Notes, during recovery, which ids a segment buries.
    pub(super) fn note_tombstones(&mut self, segment: u64, ids: Vec<RecordId>) {
        self.tombstones.insert(segment, ids);
    }

    /// Notes that a change is in the log and not in a segment.
    pub(super) fn note_change(&mut self, change: &Change) {
        match change {
            Change::Space(space) => self.manifest.space = Some(space.clone()),
            Change::Put(record, _) | Change::Revise(record) => self.note_dirty(record.id),
            Change::Move(id, ..) | Change::Moved(id, ..) => self.note_dirty(*id),
            Change::Coarsen(_, ids) => ids.iter().for_each(|id| self.note_dirty(*id)),
            Change::Use(uses) => uses.iter().for_each(|(id, _)| self.note_dirty(*id)),
            Change::Remove(id) => {
                self.dirty.remove(id);
                if self.homes.contains_key(id) {
                    self.removed.insert(*id);
                }
            }
        }
    }

    fn note_dirty(&mut self, id: RecordId) {
        self.removed.remove(&id);
        self.dirty.insert(id);
    }

    /// Enqueues a commit. Answers the ticket under which it becomes durable.
    pub(super) fn commit(&mut self, now: Timestamp, changes: &[Change]) -> u64 {
        if self.unannounced {
            self.announce();
        }
        self.sequence += 1;
        let frame = log_frame(self.sequence, &FrameV1::new(now, changes));
        let mut bytes = if self.log_bytes == 0 { log_header().to_vec() } else { Vec::new() };
        bytes.extend_from_slice(&frame);
        self.log_bytes += bytes.len() as u64;
        let key = ObjectKind::Log.key(self.manifest.active_log);
        match self.outbox.last_mut() {
            Some(StorageOperation::Append { key: last, bytes: tail }) if *last == key => tail.extend(bytes),
            _ => self.outbox.push(StorageOperation::Append { key, bytes }),
        }
        changes.iter().for_each(|change| self.note_change(change));
        self.next_ticket()
    }

    /// Ticket of the batch that the next effect hands out.
    fn next_ticket(&self) -> u64 {
        self.ticket + 1
    }

    /// Closes the log of the last owner and starts one of our own, so that a writer who lost its lock cannot mix its
    /// bytes with ours.
    fn announce(&mut self) {
        self.unannounced = false;
        let leftovers = std::mem::take(&mut self.leftovers);
        self.outbox.extend(leftovers.into_iter().map(|key| StorageOperation::Remove { key }));
        if self.log_bytes > 0 {
            self.close_log();
        } else if self.manifest.generation > 0 {
            // The active log was never created, or its first append was torn inside the header.
            self.outbox.push(StorageOperation::Remove { key: ObjectKind::Log.key(self.manifest.active_log) });
            self.manifest.active_log += 1;
        }
        self.publish();
    }

    fn close_log(&mut self) {
        self.manifest.closed_logs.push(LogRef { number: self.manifest.active_log, bytes: self.log_bytes });
        self.manifest.active_log += 1;
        self.log_bytes = 0;
    }

    fn publish(&mut self) {
        let before = self.manifest.key();
        self.manifest.generation += 1;
        self.outbox.push(StorageOperation::Put { key: self.manifest.key(), bytes: self.manifest.encode() });
        if self.manifest.generation > 1 {
            self.outbox.push(StorageOperation::Remove { key: before });
        }
    }

    /// Whether the log has grown past `limit` bytes or into too many pieces.
    pub(super) fn wants_seal(&self, limit: u64) -> bool {
        let closed: u64 = self.manifest.closed_logs.iter().map(|log| log.bytes).sum();
        closed + self.log_bytes > limit || self.manifest.closed_logs.len() > MAX_CLOSED_LOGS
    }

    /// Whether commits are in logs that a segment could take over.
    pub(super) fn has_log(&self) -> bool {
        self.log_bytes > 0 || !self.manifest.closed_logs.is_empty()
    }

    /// Gathers what the logs hold into a segment and drops the logs. `state` has every commit applied.
    pub(super) fn seal(&mut self, state: &State) -> Sealed {
        if self.unannounced {
            self.announce();
        }
        let ids = std::mem::take(&mut self.dirty).into_iter().collect();
        let buried: Vec<RecordId> = std::mem::take(&mut self.removed).into_iter().collect();
        buried.iter().for_each(|id| {
            self.homes.remove(id);
        });
        let sealed = self.write_segment(state, ids, buried);
        if self.log_bytes > 0 {
            self.close_log();
        }
        let logs = std::mem::take(&mut self.manifest.closed_logs);
        self.manifest.sealed_sequence = self.sequence;
        self.publish();
        self.outbox.extend(
            logs.into_iter().map(|log| StorageOperation::Remove { key: ObjectKind::Log.key(log.number) }),
        );
        sealed
    }

    /// Begins to merge the newest segments that together are large beside the one before them, or all with
    /// `everything`. Answers whether there is anything to merge. Nothing may be in the logs, and no merge under way.
    pub(super) fn begin_merge(&mut self, state: &State, everything: bool) -> bool {
        debug_assert!(!self.has_log() && self.merge.is_none(), "sealing comes before merging");
        let segments = &self.manifest.segments;
        let from = if everything { 0 } else { self.merge_from().unwrap_or(segments.len()) };
        if from == segments.len() {
            return false;
        }
        let segments: Vec<u64> = segments[from..].iter().map(|segment| segment.number).collect();
        let housed = self.homes.iter().filter(|(_, home)| segments.contains(home));
        let mut ids: Vec<RecordId> = housed.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        let mut buried: Vec<RecordId> =
            segments.iter().filter_map(|number| self.tombstones.get(number)).flatten().copied().collect();
        if from == 0 {
            buried.clear();
        } else {
            buried.retain(|id| !self.homes.contains_key(id));
            buried.sort_unstable();
            buried.dedup();
        }
        let builder = self.builder(state, &buried);
        self.merge = Some(Merge { segments, ids, next: 0, buried, builder });
        true
    }

    /// Takes a step of the merge under way: some blocks of records as they are now, and at the end the swap. Commits may
    /// come between the steps: what they change is in the log, which is read after every segment and says again all
    /// that happened since, and segments sealed meanwhile stand behind the merged one.
    pub(super) fn merge_step(&mut self, state: &State) -> Option<Sealed> {
        let mut merge = self.merge.take()?;
        let end = merge.ids.len().min(merge.next + MERGE_BLOCKS * SegmentBuilder::BLOCK);
        write_rows(&mut merge.builder, state, &merge.ids[merge.next..end]);
        merge.next = end;
        if end < merge.ids.len() {
            self.merge = Some(merge);
            return None;
        }
        if self.unannounced {
            self.announce();
        }
        let Merge { segments, ids, buried, builder, .. } = merge;
        let sealed = self.put_segment(builder);
        for id in ids {
            // Sealed anew or removed in the meantime, it has another home or none.
            if let Some(home) = self.homes.get_mut(&id).filter(|home| segments.contains(home)) {
                *home = sealed.segment;
            }
        }
        if !buried.is_empty() {
            self.tombstones.insert(sealed.segment, buried);
        }
        let live = &mut self.manifest.segments;
        let place = live.iter().position(|segment| segments.contains(&segment.number)).unwrap_or(live.len());
        live.retain(|segment| !segments.contains(&segment.number));
        let Sealed { segment: number, bytes, records } = sealed;
        live.insert(place, SegmentRef { number, bytes, records });
        self.publish();
        for number in segments {
            self.tombstones.remove(&number);
            self.saved.remove(&number);
            self.outbox.push(StorageOperation::Remove { key: ObjectKind::Segment.key(number) });
        }
        Some(sealed)
    }

    /// Whether a merge is under way.
    pub(super) fn is_merging(&self) -> bool {
        self.merge.is_some()
    }

    /// Whether segments have piled up that are worth merging.
    pub(super) fn wants_merge(&self) -> bool {
        self.merge_from().is_some()
    }

    /// The first segment of the longest tail that is worth rewriting: size-tiered, so that a record is rewritten
    /// about log(n) times in its life.
    fn merge_from(&self) -> Option<usize> {
        let segments = &self.manifest.segments;
        let mut from = segments.len();
        let mut total = 0;
        while from > 0 && (from + MIN_MERGED > segments.len() || segments[from - 1].bytes < 2 * total) {
            from -= 1;
            total += segments[from].bytes;
        }
        (segments.len() >= from + MIN_MERGED).then_some(from)
    }

    fn builder(&self, state: &State, buried: &[RecordId]) -> SegmentBuilder {
        let dimensions = state.space.as_ref().map_or(0, |space| space.dimensions);
        SegmentBuilder::new(dimensions, TOKENIZER, buried, self.packs)
    }

    fn write_segment(&mut self, state: &State, ids: Vec<RecordId>, buried: Vec<RecordId>) -> Sealed {
        let mut builder = self.builder(state, &buried);
        write_rows(&mut builder, state, &ids);
        let sealed = self.put_segment(builder);
        let Sealed { segment: number, bytes, records } = sealed;
        self.manifest.segments.push(SegmentRef { number, bytes, records });
        for id in ids.into_iter().filter(|id| state.store.get(*id).is_some()) {
            self.homes.insert(id, number);
        }
        if !buried.is_empty() {
            self.tombstones.insert(number, buried);
        }
        sealed
    }

    fn put_segment(&mut self, builder: SegmentBuilder) -> Sealed {
        let segment = self.manifest.next_segment;
        self.manifest.next_segment += 1;
        self.saved.insert(segment, builder.saved());
        let (bytes, records) = builder.finish();
        let sealed = Sealed { segment, records, bytes: bytes.len() as u64 };
        self.outbox.push(StorageOperation::Put { key: ObjectKind::Segment.key(segment), bytes });
        sealed
    }

    /// Hands out everything that is enqueued, unless a batch is in flight.
    pub(super) fn poll(&mut self) -> Option<Effect> {
        if self.in_flight.is_some() || self.outbox.is_empty() {
            return None;
        }
        self.ticket += 1;
        self.in_flight = Some(self.ticket);
        Some(Effect::Persist { ticket: self.ticket, operations: std::mem::take(&mut self.outbox) })
    }

    /// The batch is durable.
    pub(super) fn ack(&mut self, ticket: u64) {
        if self.in_flight == Some(ticket) {
            self.in_flight = None;
            self.acked = ticket;
        }
    }

    /// The last ticket that is durable.
    pub(super) fn acked(&self) -> u64 {
        self.acked
    }

    /// The ticket under which everything enqueued so far is durable.
    pub(super) fn settled_ticket(&self) -> u64 {
        if self.outbox.is_empty() { self.ticket } else { self.next_ticket() }
    }

    /// Bytes that storage holds once the outbox is written: logs and segments.
    pub(super) fn stored_bytes(&self) -> (u64, u64) {
        let closed: u64 = self.manifest.closed_logs.iter().map(|log| log.bytes).sum();
        (closed + self.log_bytes, self.manifest.segments.iter().map(|segment| segment.bytes).sum())
    }

    /// Number of live segments.
    pub(super) fn segment_count(&self) -> usize {
        self.manifest.segments.len()
    }

    /// Number of the last commit.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Records that live segments hold, alive or not.
    pub(super) fn sealed_records(&self) -> u64 {
        self.manifest.segments.iter().map(|segment| u64::from(segment.records)).sum()
    }

    /// Records whose latest sealed form is in a live segment.
    pub(super) fn homed_records(&self) -> u64 {
        self.homes.len() as u64
    }
}

/// Writes records as they are now, those that are still there.
fn write_rows(builder: &mut SegmentBuilder, state: &State, ids: &[RecordId]) {
    let row = |id: &RecordId| {
        let (record, slot) = (state.store.get(*id)?, state.store.slot(*id)?);
        let (code, terms) = (state.code(*id), state.text.terms_of(slot).collect());
        Some(SegmentRow { record, code, terms, statement: state.statements.words(slot) })
    };
    let mut rows = ids.iter().filter_map(row);
    loop {
        let block: Vec<SegmentRow<'_>> = rows.by_ref().take(SegmentBuilder::BLOCK).collect();
        builder.rows(&block);
        if block.len() < SegmentBuilder::BLOCK {
            return;
        }
    }
}
