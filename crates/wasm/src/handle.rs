//! The handles that TypeScript holds: one engine, and one embedding model.
//!
//! Once open, a handle has no asynchronous method: the host takes a batch, writes it and reports back. So nothing of this
//! instance waits for a promise while the host writes, and an engine that dies leaves no callback behind.

use std::cell::RefCell;
use std::collections::VecDeque;

use serde::Serialize;

use js_sys::{Array, Float32Array, Reflect, Uint8Array};
use stratamem_core::{
    CommandError, Config, Effect, EmbeddingSpace, Engine, Goal, MaintenanceReport, Metric, OpenReport,
    Opening, Precision, Record, RecordId, Scope, StaticModel, Tier, Timestamp,
};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::convert::{self, OutcomeOutput, SaidOutput};
use crate::error::{malformed, to_js};
use crate::heap::{Heap, make_room};
use crate::storage::{self, Storage};

/// One engine.
#[wasm_bindgen]
#[derive(Debug)]
pub struct EngineHandle {
    pub(crate) engine: RefCell<Engine>,
    report: OpenReport,
    heap: Heap,
}

/// A space and, unless that is cosine, how its vectors are compared.
#[derive(Serialize)]
struct Space<'a> {
    #[serde(flatten)]
    space: &'a EmbeddingSpace,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<Metric>,
}

/// Objects that are being read at a time while a memory is opened: storage works on the next ones while this side takes up
/// what has come.
const READ_AHEAD: usize = 4;

pub(crate) fn moment(now: f64) -> Timestamp {
    Timestamp(now as i64)
}

pub(crate) fn scope(value: JsValue) -> Result<Scope, JsValue> {
    convert::read(value, "scope")
}

pub(crate) fn scored(ids: &[String], scores: &[f64]) -> Result<Vec<(RecordId, f64)>, JsValue> {
    ids.iter().zip(scores).map(|(id, score)| Ok((convert::id(id)?, *score))).collect()
}

#[wasm_bindgen]
impl EngineHandle {
    /// Opens what `storage` holds, or a new memory. Without a seed, one is drawn from the host's entropy.
    pub async fn open(storage: Storage, config: JsValue, seed: Option<u64>) -> Result<EngineHandle, JsValue> {
        let config: Config = convert::read(config, "config")?;
        let seed = match seed {
            Some(seed) => seed,
            None => {
                let mut noise = [0u8; 8];
                getrandom::getrandom(&mut noise).map_err(|error| malformed("seed", error))?;
                u64::from_le_bytes(noise)
            }
        };
        let mut opening = Opening::new(config, seed, storage::keys(&storage).await?).map_err(to_js)?;
        let mut reading = VecDeque::new();
        loop {
            for key in opening.upcoming().take(READ_AHEAD).skip(reading.len()) {
                reading.push_back(storage::read(&storage, key)?);
            }
            let Some(next) = reading.pop_front() else { break };
            let known = opening.expected_bytes();
            opening.supply(storage::bytes(next).await?).map_err(to_js)?;
            if let (None, Some(bytes)) = (known, opening.expected_bytes()) {
                make_room(bytes);
            }
        }
        let (engine, report) = opening.finish().map_err(to_js)?;
        Ok(EngineHandle { engine: RefCell::new(engine), report, heap: Heap::default() })
    }

    /// What opening found.
    pub fn report(&self) -> Result<JsValue, JsValue> {
        convert::write(&self.report)
    }

    /// Carries out a transaction. `vectors` holds the rows of the operations at the
    /// positions `embedded`, in order.
    pub fn commit(
        &self,
        view: JsValue,
        space: JsValue,
        operations: JsValue,
        embedded: &[u32],
        vectors: &Float32Array,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let space: Option<EmbeddingSpace> = convert::read(space, "space")?;
        let operations = convert::operations(operations, embedded, vectors)?;
        let mut engine = self.engine.borrow_mut();
        let outcome = engine.commit(&scope(view)?, space.as_ref(), operations, moment(now)).map_err(to_js)?;
        self.heap.grow_ahead();
        convert::write(&OutcomeOutput { ids: outcome.ids, ticket: outcome.ticket })
    }

    /// A record, or undefined.
    pub fn get(&self, view: JsValue, id: &str, now: f64, touch: bool) -> Result<JsValue, JsValue> {
        let id = convert::id(id)?;
        match self.engine.borrow_mut().get(&scope(view)?, id, moment(now), touch) {
            Some(record) => convert::write_record(&record),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// Whether a view sees a record.
    pub fn sees(&self, view: JsValue, id: &str, now: f64) -> Result<bool, JsValue> {
        let id = convert::id(id)?;
        Ok(self.engine.borrow().sees(&scope(view)?, id, moment(now)))
    }

    /// The vector of a record, or undefined.
    pub fn vector(&self, view: JsValue, id: &str, now: f64) -> Result<Option<Float32Array>, JsValue> {
        let id = convert::id(id)?;
        let vector = self.engine.borrow_mut().read_vector(&scope(view)?, id, moment(now)).map_err(to_js)?;
        Ok(vector.map(|vector| Float32Array::from(vector.as_slice())))
    }

    /// How exactly the vector of a record is kept, or undefined.
    pub fn precision(&self, view: JsValue, id: &str, now: f64) -> Result<JsValue, JsValue> {
        let id = convert::id(id)?;
        match self.engine.borrow().precision(&scope(view)?, id, moment(now)) {
            Some(precision) => convert::write(&precision),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// One page of a listing.
    pub fn list(
        &self,
        view: JsValue,
        filter: JsValue,
        after: Option<String>,
        limit: usize,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let filter = convert::filter(filter)?;
        let after = after.map(|id| convert::id(&id)).transpose()?;
        let page = self.engine.borrow().list(&scope(view)?, filter.as_ref(), after, limit, moment(now));
        convert::write_page(&page)
    }

    /// A new id.
    #[wasm_bindgen(js_name = nextId)]
    pub fn next_id(&self, now: f64) -> String {
        self.engine.borrow_mut().next_id(moment(now)).to_string()
    }

    /// Figures.
    pub fn stats(&self, view: JsValue, now: f64) -> Result<JsValue, JsValue> {
        convert::write(&self.engine.borrow().stats(&scope(view)?, moment(now)))
    }

    /// Why a record is where it is, or undefined.
    #[wasm_bindgen(js_name = explainTransition)]
    pub fn explain_transition(&self, view: JsValue, id: &str, now: f64) -> Result<JsValue, JsValue> {
        let id = convert::id(id)?;
        match self.engine.borrow().explain_transition(&scope(view)?, id, moment(now)) {
            Some(transition) => convert::write(&transition),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// Figures of records of a tier for a policy of the host: a page after `after`, which the page before gave.
    pub fn figures(&self, tier: JsValue, after: JsValue, limit: usize, now: f64) -> Result<JsValue, JsValue> {
        let tier: Tier = convert::read(tier, "tier")?;
        let after: Option<(Timestamp, RecordId)> = convert::read(after, "after")?;
        convert::write(&self.engine.borrow().figures(tier, after, limit, moment(now)))
    }

    /// Promotes the records that a policy of the host has judged worthy; `scores` goes with `ids`.
    #[wasm_bindgen(js_name = promoteJudged)]
    pub fn promote_judged(&self, ids: Vec<String>, scores: &[f64], now: f64) -> Result<u32, JsValue> {
        self.engine.borrow_mut().promote_judged(&scored(&ids, scores)?, moment(now)).map_err(to_js)
    }

    /// Figures of the records that a policy of the host has still to rank, or undefined if there are none.
    pub fn unranked(&self, tier: JsValue, limit: usize, now: f64) -> Result<JsValue, JsValue> {
        let tier: Tier = convert::read(tier, "tier")?;
        match self.engine.borrow_mut().unranked(tier, limit, moment(now)) {
            Some(figures) => convert::write(&figures),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// Takes how urgently records should leave their tier; `urgencies` goes with `ids`.
    pub fn rank(&self, tier: JsValue, ids: Vec<String>, urgencies: &[f64]) -> Result<(), JsValue> {
        let tier: Tier = convert::read(tier, "tier")?;
        self.engine.borrow_mut().rank(tier, &scored(&ids, urgencies)?);
        Ok(())
    }

    /// Whether more is held somewhere than a limit allows.
    pub fn overfull(&self) -> bool {
        self.engine.borrow().overfull()
    }

    /// Looks through some old episodes for a group to be summed up.
    #[wasm_bindgen(js_name = nextGroup)]
    pub fn next_group(&self, now: f64) -> Result<JsValue, JsValue> {
        convert::write(&self.engine.borrow_mut().next_group(moment(now)).map_err(to_js)?)
    }

    /// Puts a summary in the place of a group that `nextGroup` gave, named by ids and versions. Answers its id, or undefined if the group has changed.
    pub fn summarise(
        &self,
        ids: Vec<String>,
        versions: &[u32],
        text: Option<String>,
        space: JsValue,
        vector: Option<Float32Array>,
        now: f64,
    ) -> Result<Option<String>, JsValue> {
        let ids = ids.iter().map(|id| convert::id(id)).collect::<Result<Vec<_>, _>>()?;
        let space: Option<EmbeddingSpace> = convert::read(space, "space")?;
        let vector = vector.map(|vector| vector.to_vec());
        let mut engine = self.engine.borrow_mut();
        let group = (&ids[..], versions);
        let id = engine.summarise(group, text, space.as_ref(), vector, moment(now)).map_err(to_js)?;
        Ok(id.map(|id| id.to_string()))
    }

    /// For each id, the record that is to be embedded anew once all of them are forgotten, or undefined.
    pub fn remainders(&self, view: JsValue, ids: Vec<String>, now: f64) -> Result<Array, JsValue> {
        let ids = ids.iter().map(|id| convert::id(id)).collect::<Result<Vec<_>, _>>()?;
        let remainders = self.engine.borrow().remainders(&scope(view)?, &ids, moment(now));
        let written = |record: &Option<Record>| match record {
            Some(record) => convert::write_record(record),
            None => Ok(JsValue::UNDEFINED),
        };
        remainders.iter().map(written).collect()
    }

    /// The ids of what was consolidated and passed the filter when it was a record of its own.
    pub fn origins(&self, view: JsValue, filter: JsValue, now: f64) -> Result<Vec<String>, JsValue> {
        let Some(filter) = convert::filter(filter)? else { return Ok(Vec::new()) };
        let ids = self.engine.borrow().origins(&scope(view)?, &filter, moment(now));
        Ok(ids.iter().map(RecordId::to_string).collect())
    }

    /// What could be better.
    pub fn analyze(&self, view: JsValue, now: f64) -> Result<JsValue, JsValue> {
        convert::write(&self.engine.borrow().analyze(&scope(view)?, moment(now)))
    }

    /// About how many bytes so many records take.
    pub fn estimate(
        records: f64,
        dimensions: u32,
        precision: JsValue,
        text_bytes: u32,
    ) -> Result<JsValue, JsValue> {
        let precision: Precision = convert::read(precision, "precision")?;
        convert::write(&Engine::estimate(records as u64, dimensions, precision, text_bytes))
    }

    /// The space of the vectors, with the metric unless that is cosine; or undefined.
    pub fn space(&self) -> Result<JsValue, JsValue> {
        let engine = self.engine.borrow();
        let Some(space) = engine.space() else { return Ok(JsValue::UNDEFINED) };
        let metric = Some(engine.metric()).filter(|metric| *metric != Metric::Cosine);
        convert::write(&Space { space, metric })
    }

    /// How vectors are compared, or will be once there are any.
    pub fn metric(&self) -> Result<JsValue, JsValue> {
        convert::write(&self.engine.borrow().metric())
    }

    /// Takes maintenance steps, one at least, until nothing is due or another step as long as the longest so far would pass
    /// the `budget` of milliseconds.
    pub fn maintain(&self, now: f64, budget: f64, compact: bool) -> Result<JsValue, JsValue> {
        let started = clock();
        let (mut before, mut longest) = (started, 0f64);
        let mut total = MaintenanceReport::default();
        loop {
            let step = match self.engine.borrow_mut().maintain(moment(now), compact) {
                // What was done before is told first.
                Err(CommandError::VectorsUnread { .. }) if total != MaintenanceReport::default() => {
                    return convert::write(&MaintenanceReport { more: true, ..total });
                }
                step => step.map_err(to_js)?,
            };
            total.moved += step.moved;
            total.expired += step.expired;
            total.evicted += step.evicted;
            total.merged += step.merged;
            total.coarsened += step.coarsened;
            total.sealed += step.sealed;
            total.more = step.more;
            let after = clock();
            longest = longest.max(after - before);
            before = after;
            if !step.more || after - started + longest >= budget {
                return convert::write(&total);
            }
        }
    }

    /// Fits a projection to the vectors of a tier, under which they are kept from now on, and says what that loses; without
    /// a goal, ends it and answers undefined.
    pub fn train(&self, tier: JsValue, goal: JsValue, now: f64) -> Result<JsValue, JsValue> {
        let tier: Tier = convert::read(tier, "tier")?;
        let goal: Option<Goal> = convert::read(goal, "goal")?;
        match self.engine.borrow_mut().train(tier, goal, moment(now)).map_err(to_js)? {
            Some(training) => convert::write(&training),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// The names of the encoders of the host that have made some of the vectors.
    pub fn encoders(&self) -> Vec<String> {
        self.engine.borrow().encoders().into_iter().map(str::to_owned).collect()
    }

    /// Vectors of a tier for an encoder of the host to be tried on.
    pub fn sample(&self, tier: JsValue, encoder: &str) -> Result<JsValue, JsValue> {
        let tier: Tier = convert::read(tier, "tier")?;
        convert::unencoded(&self.engine.borrow_mut().sample(tier, encoder).map_err(to_js)?)
    }

    /// Has what an encoder of the host makes of the vectors of a tier kept from now on. `made` is what it has
    /// made of a sample.
    #[wasm_bindgen(js_name = trainEncoder)]
    pub fn train_encoder(
        &self,
        tier: JsValue,
        encoder: &str,
        made: &JsValue,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let tier: Tier = convert::read(tier, "tier")?;
        let sample = convert::encoded(made)?;
        let training = self.engine.borrow_mut().train_encoder(tier, encoder, &sample, moment(now));
        convert::write(&training.map_err(to_js)?)
    }

    /// Vectors for one of these encoders of the host, or undefined if there are none.
    #[wasm_bindgen(js_name = nextUnencoded)]
    pub fn next_unencoded(&self, encoders: Vec<String>, limit: usize) -> Result<JsValue, JsValue> {
        let names: Vec<&str> = encoders.iter().map(String::as_str).collect();
        match self.engine.borrow_mut().next_unencoded(&names, limit).map_err(to_js)? {
            Some(unencoded) => convert::unencoded(&unencoded),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// Keeps what an encoder of the host has made of the vectors that `nextUnencoded` gave. Answers how many were kept.
    #[wasm_bindgen(js_name = keepEncoded)]
    pub fn keep_encoded(&self, encoder: &str, made: &JsValue, now: f64) -> Result<u32, JsValue> {
        let encoded = convert::encoded(made)?;
        self.engine.borrow_mut().keep_encoded(encoder, &encoded, moment(now)).map_err(to_js)
    }

    /// Goes over to another space: every vector is dropped.
    #[wasm_bindgen(js_name = changeSpace)]
    pub fn change_space(&self, space: JsValue, now: f64) -> Result<(), JsValue> {
        let space: EmbeddingSpace = convert::read(space, "space")?;
        self.engine.borrow_mut().change_space(space, moment(now)).map_err(to_js)
    }

    /// Gives records, named by ids and versions, their rows of `vectors`. Answers how many got theirs.
    pub fn embed(
        &self,
        space: JsValue,
        ids: Vec<String>,
        versions: &[u32],
        vectors: &Float32Array,
        now: f64,
    ) -> Result<u32, JsValue> {
        let space: EmbeddingSpace = convert::read(space, "space")?;
        let embeddings = convert::embeddings(&ids, versions, vectors)?;
        self.engine.borrow_mut().embed(&space, embeddings, moment(now)).map_err(to_js)
    }

    /// Up to `limit` records after `after` that have no vector, or, with `anew`, any.
    pub fn unembedded(
        &self,
        anew: bool,
        after: Option<String>,
        limit: usize,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let after = after.map(|id| convert::id(&id)).transpose()?;
        let engine = self.engine.borrow();
        let said = engine.unembedded(anew, after, limit, moment(now));
        convert::write(&said.into_iter().map(SaidOutput::from).collect::<Vec<_>>())
    }

    /// How many records `unembedded` goes through.
    #[wasm_bindgen(js_name = countUnembedded)]
    pub fn count_unembedded(&self, anew: bool, now: f64) -> usize {
        self.engine.borrow().count_unembedded(anew, moment(now))
    }

    /// When maintenance is next useful, or undefined.
    #[wasm_bindgen(js_name = nextDeadline)]
    pub fn next_deadline(&self) -> Option<f64> {
        self.engine.borrow().next_deadline().map(|at| at.0 as f64)
    }

    /// Enqueues what only this process knows. Answers the ticket under which everything is durable.
    pub fn flush(&self, now: f64) -> Result<f64, JsValue> {
        self.engine.borrow_mut().flush(moment(now)).map(|ticket| ticket as f64).map_err(to_js)
    }

    /// Takes a step of `flush`. Answers whether more follow.
    #[wasm_bindgen(js_name = flushStep)]
    pub fn flush_step(&self, now: f64) -> Result<bool, JsValue> {
        self.engine.borrow_mut().flush_step(moment(now)).map_err(to_js)
    }

    /// Lets go of some of what is held, before the handle is freed. Answers whether more steps are worth while.
    pub fn shed(&self) -> bool {
        self.engine.borrow_mut().shed()
    }

    /// The ticket under which everything enqueued so far is durable.
    pub fn ticket(&self) -> f64 {
        self.engine.borrow().ticket() as f64
    }

    /// The next batch for storage with its ticket, or undefined if nothing is enqueued or a batch is under way.
    #[wasm_bindgen(js_name = takeBatch)]
    pub fn take_batch(&self) -> Result<JsValue, JsValue> {
        match self.engine.borrow_mut().poll_effect() {
            Some(Effect::Persist { ticket, operations }) => storage::batch(ticket, &operations),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// The batch under `ticket` is durable.
    pub fn acknowledge(&self, ticket: f64) {
        self.engine.borrow_mut().ack(ticket as u64);
    }

    /// The batch under way could not be written: the engine is poisoned from now on.
    #[wasm_bindgen(js_name = writeFailed)]
    pub fn write_failed(&self, reason: &str) {
        self.engine.borrow_mut().fail(reason);
    }

    /// Whether everything under `ticket` is in storage.
    #[wasm_bindgen(js_name = isDurable)]
    pub fn is_durable(&self, ticket: f64) -> bool {
        self.engine.borrow().is_durable(ticket as u64)
    }

    /// Why writes are refused, or undefined.
    pub fn poisoned(&self) -> Option<String> {
        self.engine.borrow().poisoned().map(str::to_owned)
    }

    /// Takes the events of what has become durable.
    #[wasm_bindgen(js_name = drainEvents)]
    pub fn drain_events(&self) -> Result<JsValue, JsValue> {
        convert::write(&self.engine.borrow_mut().drain_events())
    }

    /// Panics, so that tests can see what becomes of a memory whose engine dies.
    pub fn panic(&self) {
        panic!("asked to");
    }
}

/// A static embedding model.
#[wasm_bindgen]
#[derive(Debug)]
pub struct StaticModelHandle {
    model: StaticModel,
}

#[wasm_bindgen]
impl StaticModelHandle {
    /// Reads a packed model.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &Uint8Array) -> Result<StaticModelHandle, JsValue> {
        Ok(StaticModelHandle { model: StaticModel::parse(&bytes.to_vec()).map_err(to_js)? })
    }

    /// The space of its vectors.
    pub fn space(&self) -> Result<JsValue, JsValue> {
        convert::write(&self.model.space())
    }

    /// The vectors of `texts`, row after row. A text without a known word piece gets a zero row.
    pub fn embed(&self, texts: Vec<String>) -> Float32Array {
        let width = self.model.dimensions();
        let mut rows = vec![0f32; texts.len() * width];
        for (text, row) in texts.iter().zip(rows.chunks_exact_mut(width)) {
            self.model.embed(text, row);
        }
        Float32Array::from(rows.as_slice())
    }
}

/// Milliseconds of the host's monotonic clock; zero where the host has none, so that a budget is never spent.
fn clock() -> f64 {
    Reflect::get(&js_sys::global(), &"performance".into())
        .ok()
        .and_then(|value| value.dyn_into::<web_sys::Performance>().ok())
        .map_or(0.0, |performance| performance.now())
}
