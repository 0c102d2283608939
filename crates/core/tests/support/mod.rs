//! A disk in memory, and a host that serves an engine from it.

#![allow(dead_code, reason = "each test uses its own part of this")]

use std::collections::BTreeMap;

use stratamem_core::{
    Config, Consolidation, Effect, EmbeddingSpace, Engine, Error, NewRecord, OpenReport, Opening, Operation,
    Outcome, Record, RecordId, Repeats, Scope, StorageOperation, Timestamp,
};

/// Stored objects by key.
pub(crate) type Objects = BTreeMap<String, Vec<u8>>;

/// Before every moment a test uses, so that nothing has expired yet.
pub(crate) const LONG_AGO: Timestamp = Timestamp(i64::MIN);
/// The moment at which tests start.
pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000);

/// Carries one operation out.
pub(crate) fn apply(objects: &mut Objects, operation: &StorageOperation) {
    match operation {
        StorageOperation::Append { key, bytes } => objects.entry(key.clone()).or_default().extend(bytes),
        StorageOperation::Put { key, bytes } => {
            objects.insert(key.clone(), bytes.clone());
        }
        StorageOperation::Remove { key } => {
            objects.remove(key);
        }
    }
}

/// Opens what is stored, or says why that is impossible.
pub(crate) fn try_open(objects: &Objects, config: &Config, seed: u64) -> Result<(Engine, OpenReport), Error> {
    let mut opening = Opening::new(config.clone(), seed, objects.keys().cloned().collect())?;
    while let Some(key) = opening.wanted() {
        let bytes = objects.get(key).cloned();
        opening.supply(bytes)?;
    }
    opening.finish()
}

/// Opens what is stored.
pub(crate) fn open(objects: &Objects, config: &Config, seed: u64) -> (Engine, OpenReport) {
    try_open(objects, config, seed).expect("what is stored can be opened")
}

/// Everything an engine knows: each record with its vector.
pub(crate) fn contents(engine: &Engine) -> Vec<(Record, Option<Vec<f32>>)> {
    let everyone = Scope::default();
    let page = engine.list(&everyone, None, None, usize::MAX, LONG_AGO);
    let vector = |id| engine.vector(&everyone, id, LONG_AGO);
    page.records.into_iter().map(|record| (vector(record.id), record)).map(|(v, r)| (r, v)).collect()
}

/// Commits in the life of a memory.
pub(crate) fn commits(engine: &Engine) -> u64 {
    engine.stats(&Scope::default(), START).engine.expect("the view sees everything").commits
}

/// An engine and the disk it writes to.
pub(crate) struct Host {
    pub(crate) config: Config,
    pub(crate) objects: Objects,
    pub(crate) engine: Engine,
    /// Every operation carried out so far; `true` where a batch ended and was acknowledged.
    pub(crate) written: Vec<(StorageOperation, bool)>,
    /// How often the memory was opened again. Each opening has its own seed.
    openings: u64,
}

impl Host {
    /// A host of an empty memory.
    pub(crate) fn new(config: Config) -> Host {
        let (engine, report) = open(&Objects::new(), &config, 7);
        assert!(report.created);
        Host { config, objects: Objects::new(), engine, written: Vec::new(), openings: 0 }
    }

    /// A host of a memory that is stored already.
    pub(crate) fn over(config: Config, objects: Objects, seed: u64) -> (Host, OpenReport) {
        let (engine, report) = open(&objects, &config, seed);
        (Host { config, objects, engine, written: Vec::new(), openings: 0 }, report)
    }

    /// Carries out what the engine asks for.
    pub(crate) fn persist(&mut self) {
        while let Some(Effect::Persist { ticket, operations }) = self.engine.poll_effect() {
            for operation in operations {
                apply(&mut self.objects, &operation);
                self.written.push((operation, false));
            }
            self.written.last_mut().expect("an effect is not empty").1 = true;
            self.engine.ack(ticket);
            assert!(self.engine.is_durable(ticket));
        }
    }

    /// Commits without writing yet.
    pub(crate) fn commit(&mut self, scope: &Scope, operations: Vec<Operation>, now: Timestamp) -> Outcome {
        let space = space(4);
        self.engine.commit(scope, Some(&space), operations, now).expect("the operations are good")
    }

    /// Commits one record as a view of everything and writes it.
    pub(crate) fn add(&mut self, record: NewRecord, now: Timestamp) -> RecordId {
        let outcome = self.commit(&Scope::default(), vec![add(record)], now);
        self.persist();
        outcome.ids[0]
    }

    /// Does everything that is due at `now` and writes it.
    pub(crate) fn maintain(&mut self, now: Timestamp, compact: bool) {
        while self.engine.maintain(now, compact).expect("nothing has failed").more {}
        self.persist();
    }

    /// Closes the memory as a careful host does, and opens it again.
    pub(crate) fn reopen(&mut self, now: Timestamp) -> OpenReport {
        self.engine.flush(now).expect("nothing has failed");
        self.persist();
        self.crash()
    }

    /// Loses what is not written yet, and opens the memory again.
    pub(crate) fn crash(&mut self) -> OpenReport {
        self.openings += 1;
        let (engine, report) = open(&self.objects, &self.config, 7 + self.openings);
        self.engine = engine;
        report
    }
}

/// Everything is kept as often as it is said. For tests of other things: `consolidation.rs` has this one.
pub(crate) fn verbatim() -> Consolidation {
    Consolidation { repeats: Repeats::Keep, duplicates: false, ..Consolidation::default() }
}

/// The space of vectors with so many components.
pub(crate) fn space(dimensions: u32) -> EmbeddingSpace {
    EmbeddingSpace { model: "test".into(), dimensions }
}

/// A record with nothing but a text.
pub(crate) fn text(text: impl Into<String>) -> NewRecord {
    NewRecord { text: text.into(), ..NewRecord::default() }
}

/// Adds a record without a vector.
pub(crate) fn add(record: NewRecord) -> Operation {
    Operation::Add { record: Box::new(record), vector: None }
}

/// The scope of a user.
pub(crate) fn user(name: &str) -> Scope {
    Scope { user: Some(name.into()), ..Scope::default() }
}

/// The moment so many milliseconds after [`START`].
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp(START.0 + millis)
}
