//! The engine: the only orchestrator.
//!
//! A state machine. Commands and the moment go in; outcomes, events and effects come out. It reads no clock, draws
//! no entropy, touches no file and starts no thread. The host carries effects out and reports back.

mod answers;
mod ask;
mod budget;
mod check;
mod command;
mod consolidate;
mod context;
mod custom;
mod effect;
mod encode;
mod episodes;
mod event;
mod explain;
mod graph;
mod id_map;
mod journal;
mod listing;
mod lists;
mod load;
mod maintain;
mod paging;
mod precision;
mod recover;
mod reembed;
mod renew;
mod retention;
mod seal;
mod state;
mod train;
mod txn;

pub use crate::index::vector::PagingFigures;
pub use ask::Request;
pub use command::{Clearable, Direction, History, NewRecord, Operation, Patch};
pub use custom::{Figures, FiguresPage};
pub use effect::{Effect, StorageOperation};
pub use encode::{Encoded, Unencoded};
pub use episodes::{Group, GroupSearch};
pub use event::{Event, Form, Repeat};
pub use explain::{
    Analysis, CacheFigures, EngineStats, Evictions, KindFigures, Leaving, PerTier, PrecisionCounts, Prospect,
    Stats, TierCounts, TierFigures, Transition,
};
pub use graph::{GraphFigures, GraphJob};
pub use listing::{CursorPage, Listing, Page};
pub use maintain::MaintenanceReport;
pub use paging::RowRange;
pub use recover::{OpenReport, Opening};
pub use reembed::Embedding;
pub use state::Estimate;
pub use train::{Goal, Training};

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashSet;

use crate::config::Config;
use crate::engine::answers::Answers;
use crate::engine::budget::{Budget, budgets};
use crate::engine::consolidate::Consolidating;
use crate::engine::explain::Counters;
use crate::engine::graph::Graphs;
use crate::engine::journal::Journal;
use crate::engine::maintain::{Incoming, Rota, Round};
use crate::engine::paging::Paging;
use crate::engine::precision::Coarsening;
use crate::engine::retention::{judged, moved};
use crate::engine::seal::take_first;
use crate::engine::state::State;
use crate::engine::txn::Asked;
use crate::error::{CommandError, Error};
use crate::index::vector::SETTLED;
use crate::model::{
    EmbeddingSpace, IdSource, Kept, Metric, Reason, Record, RecordId, Scope, Tier, Timestamp, Usage,
};
use crate::persist::{Change, SegmentRef};

/// Recalled records that are remembered as such.
const RECALLED: usize = 256;

/// Records whose uses one commit tells: a commit after many reads costs no more than one after a few.
const USES: usize = 1_024;

/// A memory in operation. Made by [`Opening`].
///
/// # Example
/// ```
/// use stratamem_core::{Config, Effect, NewRecord, Opening, Operation, Query, Scope, Timestamp};
///
/// # fn main() -> Result<(), stratamem_core::Error> {
/// let (mut engine, _) = Opening::new(Config::default(), 7, Vec::new())?.finish()?;
/// let record = NewRecord { text: "Ada prefers metric units".into(), ..NewRecord::default() };
/// let add = Operation::Add { record: Box::new(record), vector: None };
/// let now = Timestamp(1_700_000_000_000);
/// let outcome = engine.commit(&Scope::default(), None, vec![add], now)?;
///
/// // The host writes what the engine asks for, and says so.
/// while let Some(Effect::Persist { ticket, operations }) = engine.poll_effect() {
///     assert!(!operations.is_empty());
///     engine.ack(ticket);
/// }
/// assert!(engine.is_durable(outcome.ticket));
///
/// let query = Query { text: "which units?".into(), limit: 5, ..Query::default() };
/// let hits = engine.recall(&Scope::default(), None, query, now, true)?;
/// assert_eq!(hits[0].record.id, outcome.ids[0]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Engine {
    config: Config,
    ids: IdSource,
    state: State,
    journal: Journal,
    /// Answers that are kept, if any are to be.
    answers: Option<Answers>,
    /// Records that were recalled lately, latest first, and when: what is added soon after may come from them.
    recalled: VecDeque<(RecordId, Timestamp)>,
    /// Merging of what says the same, and summing up.
    consolidating: Consolidating,
    /// Records whose uses no commit has told yet.
    used: BTreeSet<RecordId>,
    budgets: Vec<Budget>,
    round: Round,
    rota: Rota,
    /// The round in which vectors are brought to the precision of their tiers, if there is one to do.
    coarsening: Option<Coarsening>,
    /// Records whose vectors an encoder of the host is to be asked about.
    unencoded: BTreeSet<RecordId>,
    graphs: Graphs,
    /// When maintenance last found nothing more to do.
    idle_since: Option<Timestamp>,
    counters: Counters,
    paging: Paging,
    /// Events and the ticket under which each becomes durable.
    events: VecDeque<(u64, Event)>,
    poisoned: Option<String>,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The record that each operation was about, in order.
    pub ids: Vec<RecordId>,
    /// The transaction is durable once this ticket is (see [`Engine::is_durable`]).
    pub ticket: u64,
}

impl Engine {
    fn assemble(config: Config, seed: u64, state: State, mut journal: Journal) -> Engine {
        let ids = IdSource::new(seed ^ journal.sequence().rotate_left(17), state.store.last_id());
        journal.pack(Tier::ALL.map(|tier| config.tier(tier).compress_text));
        let coarsening = Coarsening::due(&config, &state);
        let mut engine = Engine {
            budgets: budgets(&config),
            ids,
            state,
            journal,
            answers: config.result_cache.map(Answers::new),
            recalled: VecDeque::new(),
            consolidating: Consolidating::default(),
            used: BTreeSet::new(),
            round: Round::default(),
            rota: Rota::default(),
            coarsening,
            unencoded: BTreeSet::new(),
            graphs: Graphs::default(),
            idle_since: None,
            counters: Counters::default(),
            paging: Paging::default(),
            events: VecDeque::new(),
            poisoned: None,
            config,
        };
        engine.look_for_unencoded();
        engine.look_for_stored();
        engine
    }

    /// Checks and carries out a transaction on behalf of a view of `scope`: all of it, or nothing.
    ///
    /// `space` names the model that made the vectors in `operations`; it is needed if there are any.
    ///
    /// # Errors
    /// [`Error::Command`] naming the operation and the field. Nothing changed then.
    /// [`CommandError::VectorsUnread`] if it takes a vector that is in storage.
    #[tracing::instrument(level = "debug", skip_all, fields(operations = operations.len()))]
    pub fn commit(
        &mut self,
        scope: &Scope,
        space: Option<&EmbeddingSpace>,
        operations: Vec<Operation>,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        self.check_writable()?;
        let count = operations.len();
        let logged = self.journal.logged();
        self.begin_reading();
        let asked = Asked { scope, space, now, recalled: &self.recalled };
        let staged = txn::stage(&self.state, &self.config, &mut self.ids, asked, operations)?;
        self.end_reading()?;
        let ticket = self.record(staged.changes, staged.events, now);
        // What somebody has just moved stays there until it is used.
        self.judge(staged.ids.iter().copied().filter(|id| !staged.moved.contains(id)), now);
        self.relieve(count, now);
        self.state.settle_vectors(SETTLED * count);
        self.give_up_some(SETTLED * count);
        self.pay(logged, now);
        Ok(Outcome { ids: staged.ids, ticket })
    }

    /// The record with this id, if a view of `scope` sees it; the one that it went into, if it was consolidated. With
    /// `touch`, that counts as a read.
    pub fn get(&mut self, scope: &Scope, id: RecordId, now: Timestamp, touch: bool) -> Option<Record> {
        let record = self.seen(scope, id, now).cloned();
        if touch && self.poisoned.is_none() {
            self.counters.asked += 1;
            if let Some(record) = &record {
                self.counters.answered += 1;
                self.touch(&[(record.id, 0.0)], now);
            }
        }
        record
    }

    /// Whether a view of `scope` sees the record with this id, or the one that it went into. Counts as no read.
    pub fn sees(&self, scope: &Scope, id: RecordId, now: Timestamp) -> bool {
        self.seen(scope, id, now).is_some()
    }

    /// The vector of a record as far as it is kept, if a view of `scope` sees the record and it has one: at length 1, unless
    /// lengths count (see [`crate::Metric`]). If its row stays in storage, [`Engine::read_vector`] gets it.
    pub fn vector(&self, scope: &Scope, id: RecordId, now: Timestamp) -> Option<Vec<f32>> {
        self.state.whole_vector(self.seen(scope, id, now)?.id)
    }

    /// How the vector of a record is kept, if a view of `scope` sees the record and it has one.
    pub fn precision(&self, scope: &Scope, id: RecordId, now: Timestamp) -> Option<Kept> {
        self.state.kept(self.seen(scope, id, now)?.id)
    }

    /// A new id, for a record to be added later.
    pub fn next_id(&mut self, now: Timestamp) -> RecordId {
        self.ids.next(now)
    }

    /// How vectors are compared, or will be once there are any.
    pub fn metric(&self) -> Metric {
        self.state.metric(&self.config)
    }

    /// The space of the vectors, once there is one.
    pub fn space(&self) -> Option<&EmbeddingSpace> {
        self.state.space.as_ref()
    }

    /// Number of records, whoever sees them.
    pub fn len(&self) -> usize {
        self.state.store.len()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Enqueues what is known only to this process: reads that were counted. Answers the ticket under which
    /// everything so far is durable. Call it before closing.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn flush(&mut self, now: Timestamp) -> Result<u64, CommandError> {
        while self.flush_step(now)? {}
        Ok(self.journal.settled_ticket())
    }

    /// Takes a step of [`Engine::flush`]. Answers whether there is more to enqueue.
    ///
    /// # Errors
    /// [`CommandError::Poisoned`] after a failed write.
    pub fn flush_step(&mut self, now: Timestamp) -> Result<bool, CommandError> {
        self.check_writable()?;
        Ok(self.flush_some(now) || self.store_lists() || self.store_graph())
    }

    /// Lets go of some of what is held, so that an engine that is closed can be taken apart in steps. Answers whether more steps
    /// are worth while. Nothing else may be asked of it from then on.
    pub fn shed(&mut self) -> bool {
        self.poisoned.get_or_insert_with(|| "the memory is closed".to_owned());
        self.state.shed()
    }

    /// The ticket under which everything enqueued so far is durable.
    pub fn ticket(&self) -> u64 {
        self.journal.settled_ticket()
    }

    /// Work for the host, if there is any and none is under way.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if self.poisoned.is_some() { None } else { self.journal.poll() }
    }

    /// The host made the batch durable.
    pub fn ack(&mut self, ticket: u64) {
        self.journal.ack(ticket);
        self.redeem();
        self.give_up_step();
    }

    /// The host could not write the batch. From now on only reads are served: what storage holds is unknown until
    /// the memory is opened again. Reads may show what was never acknowledged.
    pub fn fail(&mut self, reason: &str) {
        tracing::error!(reason, "a write to storage failed");
        self.poisoned.get_or_insert_with(|| reason.to_owned());
    }

    /// Why writes are refused, if they are.
    pub fn poisoned(&self) -> Option<&str> {
        self.poisoned.as_deref()
    }

    /// Whether everything under `ticket` is in storage.
    pub fn is_durable(&self, ticket: u64) -> bool {
        self.journal.acked() >= ticket
    }

    /// Takes the events of what has become durable since the last call, in order.
    pub fn drain_events(&mut self) -> Vec<Event> {
        let acked = self.journal.acked();
        let durable = self.events.iter().take_while(|(ticket, _)| *ticket <= acked).count();
        self.events.drain(..durable).map(|(_, event)| event).collect()
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn check_writable(&self) -> Result<(), CommandError> {
        match &self.poisoned {
            Some(reason) => Err(CommandError::Poisoned { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// The record that an id leads to, if a view of `scope` sees it.
    pub(super) fn seen(&self, scope: &Scope, id: RecordId, now: Timestamp) -> Option<&Record> {
        let store = &self.state.store;
        let record = store.get(id).or_else(|| store.get(store.destination(id)?));
        record.filter(|record| scope.covers(&record.scope) && !record.is_expired(now))
    }

    fn note_recalled(&mut self, ids: impl DoubleEndedIterator<Item = RecordId>, now: Timestamp) {
        for id in ids.rev() {
            self.recalled.retain(|(known, _)| *known != id);
            self.recalled.push_front((id, now));
        }
        self.recalled.truncate(RECALLED);
    }

    /// Counts uses, each with the share of the answer that it owed to the record, and judges what they change.
    fn touch(&mut self, uses: &[(RecordId, f32)], now: Timestamp) {
        let logged = self.journal.logged();
        for (id, share) in uses {
            self.state.touch(*id, *share, now);
            self.used.insert(*id);
            if let Some(record) = self.state.store.get(*id) {
                self.counters.hit(record.tier);
            }
        }
        self.judge(uses.iter().map(|(id, _)| *id), now);
        self.pay(logged, now);
    }

    /// Moves those of the records that have earned it.
    fn judge(&mut self, ids: impl IntoIterator<Item = RecordId>, now: Timestamp) {
        let mut changes = Vec::new();
        let mut events = Vec::new();
        let mut seen = FxHashSet::default();
        let mut incoming = Incoming::default();
        for id in ids.into_iter().filter(|id| seen.insert(*id)) {
            let Some(record) = self.state.store.get(id) else { continue };
            let step = judged(&self.config, record, now).filter(|step| step.reason == Reason::Earned);
            if let Some(step) = step.filter(|step| self.admits(record, step.to, &mut incoming)) {
                changes.push(Change::Move(id, step));
                events.push(moved(id, &step));
            }
        }
        self.record(changes, events, now);
    }

    /// Applies and enqueues changes as one commit, with the uses before it; tells of events once it is durable.
    fn record(&mut self, mut changes: Vec<Change>, events: Vec<Event>, now: Timestamp) -> u64 {
        if changes.is_empty() {
            let ticket = self.journal.settled_ticket();
            self.events.extend(events.into_iter().map(|event| (ticket, event)));
            return ticket;
        }
        self.rota.stirred = true;
        for change in &changes {
            match change {
                Change::Move(id, step) => {
                    self.counters.moved(step);
                    if step.to == Tier::LongTerm && self.config.resident_vector_bytes.is_some() {
                        self.paging.stored.push(*id);
                    }
                }
                Change::Space(..) => self.drop_readings(),
                _ => {}
            }
            self.state.apply(change);
        }
        // What is stored says how things are from now on, so that it may be told twice: a segment merged meanwhile can
        // know it already.
        for change in &mut changes {
            if let Change::Move(id, _) = change
                && let Some(record) = self.state.store.get(*id)
            {
                *change = Change::Moved(*id, record.moves.clone());
            }
        }
        changes.extend(self.coarsen_changed(&changes));
        // Uses go first: the full records that follow have them counted in.
        if let Some(uses) = self.take_uses() {
            changes.insert(0, uses);
        }
        self.note_fresh(&changes);
        self.note_unencoded(&changes);
        let ticket = self.journal.commit(now, &changes);
        for event in events {
            match &event {
                Event::MemoryEvicted { tier, reason, .. } => self.counters.evicted(*tier, *reason),
                Event::MemoryExpired { tier, .. } => self.counters.expired(*tier),
                _ => {}
            }
            self.events.push_back((ticket, event));
        }
        ticket
    }

    /// Commits some of the uses that no commit has told yet. Answers whether there are more.
    fn flush_some(&mut self, now: Timestamp) -> bool {
        if let Some(uses) = self.take_uses() {
            self.journal.commit(now, &[uses]);
        }
        !self.used.is_empty()
    }

    fn take_uses(&mut self) -> Option<Change> {
        let ids = take_first(&mut self.used, USES);
        let usage = |id| Some((id, self.state.store.get(id)?.usage.clone()));
        let uses: Vec<(RecordId, Usage)> = ids.into_iter().filter_map(usage).collect();
        (!uses.is_empty()).then_some(Change::Use(uses))
    }

    /// Takes the steps of sealing that a call has to pay for which found `logged` bytes in the logs: their number is
    /// in proportion to what it added, so that no call pays for a whole seal, and the logs cannot outgrow it.
    fn pay(&mut self, logged: u64, now: Timestamp) {
        let limit = u64::from(self.config.seal_bytes);
        if !(self.journal.is_sealing() || self.journal.wants_seal(limit)) {
            return;
        }
        self.begin_chores();
        if !self.journal.is_sealing() {
            self.seal_some(now);
        }
        for _ in 0..self.journal.steps_due(self.journal.logged() - logged, limit) {
            if !self.journal.is_sealing() || self.chores_wait() {
                break;
            }
            self.seal_some(now);
        }
        // What it lacks is read for it under its number, and it goes on with a later call.
        if let Err(unread) = self.end_chores() {
            tracing::debug!(%unread, "a seal waits for vectors");
        }
    }

    /// Takes a step of sealing. Answers how many segments it finished with, or nothing if more steps follow.
    fn seal_some(&mut self, now: Timestamp) -> Option<u32> {
        self.flush_some(now);
        self.journal.manifest.uncompared = self.uncompared();
        let sealed = self.journal.seal_step(&mut self.state)?;
        Some(self.announce_segments(&sealed))
    }

    fn announce_segments(&mut self, sealed: &[SegmentRef]) -> u32 {
        let ticket = self.journal.settled_ticket();
        for &SegmentRef { number: segment, records, bytes, .. } in sealed {
            self.events.push_back((ticket, Event::SegmentSealed { segment, records, bytes }));
        }
        sealed.len() as u32
    }
}
