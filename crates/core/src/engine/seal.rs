//! From logs to segments, and from many segments to few: sealing and merging, in steps.
//!
//! Both write the records they are about as they are at the step that writes them, so commits may come between the
//! steps. Those stand in a log that no segment under way replaces: it is read after every segment, and each of its
//! changes says how things are from then on, so that it does no harm if a segment knows it already. Nothing that is
//! stored is dropped before the manifest that names its successors.
//!
//! Invariants: no merge step is taken while a seal is under way, so that what a merge leaves out because a newer segment
//! has it is in a segment that counts; segments of one run hold no id twice.

use std::collections::BTreeSet;

use crate::engine::effect::StorageOperation;
use crate::engine::journal::Journal;
use crate::engine::state::State;
use crate::index::text::TOKENIZER;
use crate::index::vector::Seat;
use crate::model::{Record, RecordId};
use crate::persist::{ObjectKind, SegmentBuilder, SegmentRef, SegmentRow};

/// Runs of segments below which nothing is merged.
const MIN_MERGED: usize = 4;
/// Traces and tombstones that one step writes.
const MARKS: usize = 1_024;
/// For how many of these a whole record counts, with its vector and its terms.
const ROW: usize = 4;
/// Records that one step of a merge looks at.
const LOOKS: usize = 4_096;
/// A segment that has grown to so many bytes is stored, and another begun: what one step hands to the host is bounded.
const SEGMENT_BYTES: usize = 2 << 20;

/// A run of segments on its way.
#[derive(Debug)]
struct Draft {
    source: Source,
    /// Tombstones yet to be written, in descending order.
    buried: Vec<RecordId>,
    builder: Option<SegmentBuilder>,
    /// Those that are complete.
    written: Vec<SegmentRef>,
    /// A portion whose vectors have to be read first, and whether more follows.
    waiting: Option<(Portion, bool)>,
}

impl Draft {
    fn new(source: Source, buried: Vec<RecordId>) -> Self {
        Draft { source, buried, builder: None, written: Vec::new(), waiting: None }
    }
}

/// What a run is made of.
#[derive(Debug)]
enum Source {
    /// Records yet to be written whole, and those of which the traces are.
    Changed { whole: BTreeSet<RecordId>, traced: BTreeSet<RecordId> },
    /// What is left in these segments of records after `resume`.
    Segments { numbers: Vec<u64>, resume: Option<RecordId> },
}

/// What logs hold on its way into segments. Until it is finished, the logs stay.
#[derive(Debug)]
pub(super) struct Seal {
    draft: Draft,
    /// The last commit in the logs that it replaces.
    through: u64,
    /// The manifest does not know yet that the active log is another one.
    unpublished: bool,
    /// About how many steps it takes, and the bytes that are logged meanwhile.
    steps: u64,
    span: u64,
    /// Bytes that commits have put into logs and not paid for with steps.
    unpaid: u64,
}

/// Segments on their way into one run. Until it is finished, they stay.
#[derive(Debug)]
pub(super) struct Merge {
    draft: Draft,
    /// Whether it is of every segment there was, and the number of the last commit by then.
    everything: bool,
    since: u64,
}

/// What one step writes.
#[derive(Debug, Default)]
struct Portion {
    whole: Vec<RecordId>,
    traced: Vec<RecordId>,
    buried: Vec<RecordId>,
}

impl Journal {
    /// Whether a seal is under way.
    pub(super) fn is_sealing(&self) -> bool {
        self.seal.is_some()
    }

    /// Takes a step of the seal under way, or of a new one: some of what the logs hold goes into segments, and at the
    /// end the logs are dropped. Answers the segments then.
    pub(super) fn seal_step(&mut self, state: &mut State) -> Option<Vec<SegmentRef>> {
        let mut seal = self.seal.take().unwrap_or_else(|| self.begin_seal());
        if self.write_some(&mut seal.draft, state) {
            if std::mem::take(&mut seal.unpublished) {
                self.publish();
            }
            self.seal = Some(seal);
            return None;
        }
        let sealed = seal.draft.written;
        self.await_durable(&sealed);
        self.manifest.segments.extend_from_slice(&sealed);
        self.manifest.sealed_sequence = seal.through;
        let logs = std::mem::take(&mut self.manifest.closed_logs);
        self.publish();
        self.outbox.extend(
            logs.into_iter().map(|log| StorageOperation::Remove { key: ObjectKind::Log.key(log.number) }),
        );
        Some(sealed)
    }

    /// Closes the log, so that further commits go to another one, and takes what is to be sealed.
    fn begin_seal(&mut self) -> Seal {
        if self.unannounced {
            self.announce();
        }
        let unpublished = self.log_bytes > 0;
        if unpublished {
            self.close_log();
        }
        let whole = std::mem::take(&mut self.dirty);
        let traced = std::mem::take(&mut self.traced);
        let buried: Vec<RecordId> = std::mem::take(&mut self.removed).into_iter().rev().collect();
        let steps = 1 + (whole.len() * ROW + traced.len() + buried.len()) / MARKS;
        let draft = Draft::new(Source::Changed { whole, traced }, buried);
        let span = self.stored_bytes().0;
        Seal { draft, through: self.sequence, unpublished, steps: steps as u64, span, unpaid: 0 }
    }

    /// How many steps of the seal under way a commit of so many bytes pays for: a third more than what it has put into the
    /// logs itself will take when it is sealed. So the seal is finished before the logs have grown by as much as it seals, or by
    /// `limit`, and the next one finds no more.
    pub(super) fn steps_due(&mut self, bytes: u64, limit: u64) -> u64 {
        let Some(seal) = &mut self.seal else { return 0 };
        let price = (seal.span.max(limit) * 3 / 4 / seal.steps).max(1);
        seal.unpaid += bytes;
        let steps = seal.unpaid / price;
        seal.unpaid %= price;
        steps
    }

    /// Begins to merge the newest runs that together are large beside the one before them, or all with `everything`.
    /// Answers whether there is anything to merge. Nothing may be in the logs, and nothing under way.
    pub(super) fn begin_merge(&mut self, everything: bool) -> bool {
        debug_assert!(!self.has_log() && self.merge.is_none(), "sealing comes before merging");
        let segments = &self.manifest.segments;
        let from = if everything { 0 } else { self.merge_from().unwrap_or(segments.len()) };
        if from == segments.len() {
            return false;
        }
        let mut numbers: Vec<u64> = segments[from..].iter().map(|segment| segment.number).collect();
        numbers.sort_unstable();
        let mut buried = Vec::new();
        // Before the oldest segment there is nothing to hide.
        if from > 0 {
            buried =
                numbers.iter().filter_map(|number| self.tombstones.get(number)).flatten().copied().collect();
            buried.sort_unstable();
            buried.dedup();
            buried.reverse();
        }
        let draft = Draft::new(Source::Segments { numbers, resume: None }, buried);
        self.merge = Some(Merge { draft, everything: from == 0, since: self.sequence });
        true
    }

    /// Takes a step of the merge under way: writes some records, and at the end swaps the runs. Answers the segments
    /// then.
    pub(super) fn merge_step(&mut self, state: &mut State) -> Option<Vec<SegmentRef>> {
        debug_assert!(self.seal.is_none(), "a seal goes first");
        let Merge { mut draft, everything, since } = self.merge.take()?;
        if self.unannounced {
            self.announce();
        }
        if self.write_some(&mut draft, state) {
            self.merge = Some(Merge { draft, everything, since });
            return None;
        }
        let sealed = draft.written;
        self.await_durable(&sealed);
        let Source::Segments { numbers, .. } = draft.source else { return Some(sealed) };
        self.displace(&numbers);
        let live = &mut self.manifest.segments;
        // Segments that were sealed in the meantime stay behind.
        let is_merged = |segment: &SegmentRef| numbers.binary_search(&segment.number).is_ok();
        let place = live.iter().position(is_merged).unwrap_or(live.len());
        live.retain(|segment| !is_merged(segment));
        let behind = live.split_off(place);
        live.extend_from_slice(&sealed);
        live.extend_from_slice(&behind);
        self.publish();
        for number in numbers {
            self.tombstones.remove(&number);
            self.saved.remove(&number);
            self.outbox.push(StorageOperation::Remove { key: ObjectKind::Segment.key(number) });
        }
        if everything {
            // What was forgotten is in no segment now, in no list of codes and in no graph.
            self.drop_lists();
            self.drop_graph();
        }
        self.compaction = self.compaction.filter(|&asked| !everything || since < asked);
        Some(sealed)
    }

    /// Notes that everything committed so far is to be in one run, or that nothing of the kind is wanted (any more).
    /// What is committed in the meantime does not put it off.
    pub(super) fn want_compaction(&mut self, wanted: bool) {
        self.compaction = wanted.then(|| self.compaction.unwrap_or(self.sequence));
    }

    /// Whether what was committed before [`Journal::want_compaction`] is not in one run yet.
    pub(super) fn is_compacting(&self) -> bool {
        self.compaction.is_some()
    }

    /// Whether a merge is under way.
    pub(super) fn is_merging(&self) -> bool {
        self.merge.is_some()
    }

    /// Whether runs have piled up that are worth merging.
    pub(super) fn wants_merge(&self) -> bool {
        self.merge_from().is_some()
    }

    /// Whether the segments are not all of one run.
    pub(super) fn has_runs(&self) -> bool {
        let segments = &self.manifest.segments;
        segments.first().map(|first| first.run) != segments.last().map(|last| last.run)
    }

    /// The first segment of the longest tail of runs none of which is large beside those after it, if it is long enough
    /// to be worth rewriting: a record is rewritten about log(n) times in its life, and there are about log(n) runs.
    fn merge_from(&self) -> Option<usize> {
        let segments = &self.manifest.segments;
        let (mut from, mut runs, mut total) = (segments.len(), 0, 0);
        while let Some(last) = segments[..from].last() {
            let run = || segments[..from].iter().rev().take_while(|segment| segment.run == last.run);
            let bytes: u64 = run().map(|segment| segment.bytes).sum();
            if runs > 0 && bytes >= 2 * total {
                break;
            }
            from -= run().count();
            runs += 1;
            total += bytes;
        }
        (runs >= MIN_MERGED).then_some(from)
    }

    /// Writes the next portion of a run, if its vectors are there. Answers whether there is more.
    fn write_some(&mut self, draft: &mut Draft, state: &mut State) -> bool {
        let waiting = draft.waiting.take();
        let (mut portion, more) = waiting.unwrap_or_else(|| self.next_portion(draft, state));
        let stored: Vec<RecordId> = portion.whole.iter().copied().filter(|id| state.is_paged(*id)).collect();
        // All are asked for, so that all that are missing are noted.
        let missing = stored.iter().filter(|id| state.code(**id).is_none()).count();
        if missing > 0 {
            draft.waiting = Some((portion, more));
            return true;
        }
        match &draft.source {
            Source::Changed { .. } => portion.buried.iter().for_each(|id| {
                self.homes.remove(id);
                self.traces.remove(id);
            }),
            // What was added again has a newer form.
            Source::Segments { .. } => portion.buried.retain(|id| !self.homes.contains_key(id)),
        }
        let row = |id: &RecordId| {
            let (record, slot) = (state.store.get(*id)?, state.store.slot(*id)?);
            let (code, terms) = (state.code(*id), state.text.terms_of(slot).collect());
            Some(SegmentRow { record, code, terms, statement: state.statements.words(slot) })
        };
        // A record may be gone by now.
        let rows: Vec<SegmentRow<'_>> = portion.whole.iter().filter_map(row).collect();
        let traced: Vec<&Record> = portion.traced.iter().filter_map(|id| state.store.get(*id)).collect();
        let mut seats = Vec::new();
        if !(rows.is_empty() && traced.is_empty() && portion.buried.is_empty()) {
            let (number, written) = self.write_block(draft, state, &rows, &traced, &portion.buried);
            seats = written;
            for SegmentRow { record, .. } in &rows {
                self.homes.insert(record.id, number);
                self.traces.remove(&record.id);
            }
            for record in &traced {
                self.traces.insert(record.id, number);
            }
            if !portion.buried.is_empty() {
                self.tombstones.entry(number).or_default().extend(portion.buried);
            }
        }
        seats.into_iter().for_each(|(id, seat)| state.promise(id, seat));
        let is_full = draft.builder.as_ref().is_some_and(|builder| builder.len() >= SEGMENT_BYTES);
        if is_full || !more {
            self.store_segment(draft);
        }
        more
    }

    /// Writes a block into the segment under way, or a new one. Answers its number, and where the vectors stand that can
    /// stay in storage.
    fn write_block(
        &mut self,
        draft: &mut Draft,
        state: &State,
        rows: &[SegmentRow<'_>],
        traced: &[&Record],
        buried: &[RecordId],
    ) -> (u64, Vec<(RecordId, Seat)>) {
        // The memory may have got its space since the segment was begun.
        let dimensions = state.space.as_ref().map_or(0, |space| space.dimensions);
        if draft.builder.as_ref().is_some_and(|builder| builder.dimensions() != dimensions) {
            self.store_segment(draft);
        }
        let builder = draft.builder.get_or_insert_with(|| {
            let number = self.manifest.next_segment;
            self.manifest.next_segment += 1;
            SegmentBuilder::new(number, dimensions, TOKENIZER, self.packs)
        });
        let places = builder.portion(rows, traced, buried);
        let number = builder.number();
        if state.paging.is_none() {
            return (number, Vec::new());
        }
        let seat = |(id, place): (RecordId, (u64, usize))| {
            state.kept(id).filter(|kept| state.may_page(*kept))?;
            Some((id, Seat::of(number, place.0, builder.row(place))?))
        };
        (number, places.into_iter().filter_map(seat).collect())
    }

    /// What the next step writes, and whether more follows.
    fn next_portion(&self, draft: &mut Draft, state: &State) -> (Portion, bool) {
        let mut portion = Portion::default();
        let mut room = MARKS;
        let rest = draft.buried.len().saturating_sub(room);
        portion.buried = draft.buried.split_off(rest);
        portion.buried.reverse();
        room -= portion.buried.len();
        match &mut draft.source {
            Source::Changed { whole, traced } => {
                portion.whole = take_first(whole, room / ROW);
                room -= portion.whole.len() * ROW;
                if whole.is_empty() {
                    portion.traced = take_first(traced, room);
                }
                (portion, !(draft.buried.is_empty() && whole.is_empty() && traced.is_empty()))
            }
            Source::Segments { numbers, resume } => {
                let is_within = |segment: Option<&u64>| {
                    segment.is_some_and(|number| numbers.binary_search(number).is_ok())
                };
                let mut looks = LOOKS;
                for record in state.store.iter_after(*resume) {
                    if looks == 0 || room < ROW {
                        return (portion, true);
                    }
                    looks -= 1;
                    *resume = Some(record.id);
                    if is_within(self.homes.get(&record.id)) {
                        portion.whole.push(record.id);
                        room -= ROW;
                    } else if is_within(self.traces.get(&record.id)) {
                        portion.traced.push(record.id);
                        room -= 1;
                    }
                }
                (portion, !draft.buried.is_empty())
            }
        }
    }

    /// Hands the segment under way to storage, if there is one.
    fn store_segment(&mut self, draft: &mut Draft) {
        let Some(builder) = draft.builder.take() else { return };
        let number = builder.number();
        self.saved.insert(number, builder.saved());
        let (bytes, records) = builder.finish();
        let run = draft.written.first().map_or(number, |first| first.number);
        draft.written.push(SegmentRef { number, bytes: bytes.len() as u64, records, run });
        self.outbox.push(StorageOperation::Put { key: ObjectKind::Segment.key(number), bytes });
    }
}

/// Takes the `count` smallest ids out of a set, or all.
pub(super) fn take_first(set: &mut BTreeSet<RecordId>, count: usize) -> Vec<RecordId> {
    std::iter::from_fn(|| set.pop_first()).take(count).collect()
}
