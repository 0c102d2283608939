//! From commits to bytes: the log, the manifest, and the batch that waits for the host. [`super::seal`] writes segments.
//!
//! Owns what is enqueued for storage and which objects are alive. Invariants: operations leave in the order in which
//! they came; one batch is in flight at a time; the live set changes only by a manifest of the next generation.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use crate::engine::effect::{Effect, StorageOperation};
use crate::engine::graph::{GraphDraft, GraphRef};
use crate::engine::id_map::IdMap;
use crate::engine::lists::{ListsDraft, ListsRef};
use crate::engine::seal::{Merge, Seal};
use crate::model::{RecordId, Timestamp};
use crate::persist::{Change, LogRef, Manifest, ObjectKind, SegmentRef, append_commit, log_header};

/// Logs kept open for replay before they are sealed, however small. Each opening for writing starts one.
const MAX_CLOSED_LOGS: usize = 8;

/// The write side of storage.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) manifest: Manifest,
    /// Number of the last commit.
    pub(super) sequence: u64,
    /// Bytes in the active log.
    pub(super) log_bytes: u64,
    /// Bytes that this process has ever put into logs.
    logged: u64,
    /// The next write starts with a new manifest: nothing is stored yet, or another owner's log must be closed.
    pub(super) unannounced: bool,
    /// Number of the last commit when compaction was asked for, while it is going on.
    pub(super) compaction: Option<u64>,
    /// The lists of codes in storage.
    pub(super) lists: ListsRef,
    /// Those on their way there.
    pub(super) lists_draft: Option<ListsDraft>,
    /// The graph in storage.
    pub(super) graph: GraphRef,
    /// The one on its way there.
    pub(super) graph_draft: Option<GraphDraft>,
    /// Objects that no manifest names, left behind by a crash.
    leftovers: Vec<String>,
    /// Segment that holds the latest sealed form of a record, of those that are stored or about to be.
    pub(super) homes: IdMap<u64>,
    /// Segment that holds the latest trace of a record, if it is newer than that form.
    pub(super) traces: IdMap<u64>,
    /// Records changed since the last seal began.
    pub(super) dirty: BTreeSet<RecordId>,
    /// Sealed records that have only been used or moved since.
    pub(super) traced: BTreeSet<RecordId>,
    /// Sealed records removed since.
    pub(super) removed: BTreeSet<RecordId>,
    /// Per segment, the ids it buries.
    pub(super) tombstones: FxHashMap<u64, Vec<RecordId>>,
    /// Per segment, the bytes that packing saves.
    pub(super) saved: FxHashMap<u64, u64>,
    /// Per tier, whether records are packed in segments.
    pub(super) packs: [bool; 3],
    /// The seal under way.
    pub(super) seal: Option<Seal>,
    /// The merge under way.
    pub(super) merge: Option<Merge>,
    pub(super) outbox: Vec<StorageOperation>,
    ticket: u64,
    in_flight: Option<u64>,
    acked: u64,
    /// Segments of finished runs, and the ticket under which their manifest becomes durable.
    awaited: VecDeque<(u64, Vec<u64>)>,
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

    /// Says which tiers' records are packed in the segments that are written from now on.
    pub(super) fn pack(&mut self, packs: [bool; 3]) {
        self.packs = packs;
    }

    /// Bytes that packing saves in the live segments.
    pub(super) fn saved_bytes(&self) -> u64 {
        self.saved.values().sum()
    }

    /// Notes, during recovery, that `segment` holds the latest trace of a record.
    pub(super) fn note_trace_home(&mut self, id: RecordId, segment: u64) {
        self.traces.insert(id, segment);
    }

    /// Notes, during recovery, which ids a segment buries.
    pub(super) fn note_tombstones(&mut self, segment: u64, ids: Vec<RecordId>) {
        self.tombstones.insert(segment, ids);
    }

    /// Notes that a change is in the log, as part of that commit, and not in a segment.
    pub(super) fn note_change(&mut self, commit: u64, change: &Change) {
        match change {
            // What vectors a segment under way takes in from now on, the log says too.
            Change::Space(space, metric) => self.manifest.change_space(space, *metric, commit),
            Change::Put(record, _) => {
                self.removed.remove(&record.id);
                self.note_dirty(record.id);
            }
            Change::Train(tier, trained) => self.manifest.train(*tier, trained.as_ref()),
            Change::Revise(record) => self.note_dirty(record.id),
            Change::Coarsen(_, ids) => ids.iter().for_each(|id| self.note_dirty(*id)),
            Change::Encode(_, codes) => codes.iter().for_each(|(id, _)| self.note_dirty(*id)),
            Change::Embed(codes) => codes.iter().for_each(|(id, _)| self.note_dirty(*id)),
            Change::Move(id, ..) | Change::Moved(id, ..) => self.note_traced(*id),
            Change::Use(uses) => uses.iter().for_each(|(id, _)| self.note_traced(*id)),
            Change::Remove(id) => {
                self.dirty.remove(id);
                self.traced.remove(id);
                if self.homes.contains_key(id) {
                    self.removed.insert(*id);
                }
            }
        }
    }

    fn note_dirty(&mut self, id: RecordId) {
        self.traced.remove(&id);
        self.dirty.insert(id);
    }

    fn note_traced(&mut self, id: RecordId) {
        if !self.homes.contains_key(&id) {
            self.dirty.insert(id);
        } else if !self.dirty.contains(&id) {
            self.traced.insert(id);
        }
    }

    /// Enqueues a commit. Answers the ticket under which it becomes durable.
    pub(super) fn commit(&mut self, now: Timestamp, changes: &[Change]) -> u64 {
        if self.unannounced {
            self.announce();
        }
        self.sequence += 1;
        let log = self.manifest.active_log;
        let key = ObjectKind::Log.key(log);
        let is_tail = |last: &mut StorageOperation| matches!(last, StorageOperation::Append { key: own, .. } if *own == key);
        let mut bytes = match self.outbox.pop_if(is_tail) {
            Some(StorageOperation::Append { bytes, .. }) => bytes,
            _ => Vec::new(),
        };
        let before = bytes.len();
        if self.log_bytes == 0 {
            bytes.extend_from_slice(&log_header(log));
        }
        append_commit(&mut bytes, self.sequence, now, changes);
        let added = (bytes.len() - before) as u64;
        self.log_bytes += added;
        self.logged += added;
        self.outbox.push(StorageOperation::Append { key, bytes });
        changes.iter().for_each(|change| self.note_change(self.sequence, change));
        self.next_ticket()
    }

    /// Ticket of the batch that the next effect hands out.
    fn next_ticket(&self) -> u64 {
        self.ticket + 1
    }

    /// Closes the log of the last owner and starts one of our own, so that a writer who lost its lock cannot mix its
    /// bytes with ours.
    pub(super) fn announce(&mut self) {
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

    pub(super) fn close_log(&mut self) {
        self.manifest.closed_logs.push(LogRef { number: self.manifest.active_log, bytes: self.log_bytes });
        self.manifest.active_log += 1;
        self.log_bytes = 0;
    }

    pub(super) fn publish(&mut self) {
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

    /// Whether storage holds no record.
    pub(super) fn is_empty(&self) -> bool {
        self.manifest.segments.is_empty() && !self.has_log()
    }

    /// Whether commits are in logs that a segment could take over.
    pub(super) fn has_log(&self) -> bool {
        self.log_bytes > 0 || !self.manifest.closed_logs.is_empty()
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

    /// Notes segments that count once what is enqueued, with the next manifest, is durable.
    pub(super) fn await_durable(&mut self, segments: &[SegmentRef]) {
        let numbers = segments.iter().map(|segment| segment.number).collect();
        self.awaited.push_back((self.next_ticket(), numbers));
    }

    /// The segments that count since the last call.
    pub(super) fn take_durable(&mut self) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((_, segments)) = self.awaited.pop_front_if(|(ticket, _)| *ticket <= self.acked) {
            numbers.extend(segments);
        }
        numbers
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

    /// Bytes that this process has ever put into logs.
    pub(super) fn logged(&self) -> u64 {
        self.logged
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
