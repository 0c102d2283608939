//! The handles that TypeScript holds: one engine, and one embedding model.
//!
//! No method holds a borrow of the engine across an await, so a handle may be used, and freed, while a write is under
//! way: the driver keeps the engine alive until its promise settles.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Float32Array, Reflect, Uint8Array};
use stratamem_core::{
    Config, Effect, EmbeddingSpace, Engine, MaintenanceReport, OpenReport, Opening, Scope, StaticModel,
    Timestamp,
};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::convert::{self, HitOutput, OperationInput, OutcomeOutput, PageOutput, QueryInput};
use crate::error::{malformed, to_js};
use crate::storage::{self, Storage};

/// One engine.
#[wasm_bindgen]
#[derive(Debug)]
pub struct EngineHandle {
    engine: Rc<RefCell<Engine>>,
    storage: Storage,
    report: OpenReport,
}

fn moment(now: f64) -> Timestamp {
    Timestamp(now as i64)
}

fn scope(value: JsValue) -> Result<Scope, JsValue> {
    convert::read(value, "scope")
}

#[wasm_bindgen]
impl EngineHandle {
    /// Opens what `storage` holds, or a new memory. Without a seed, one is drawn from the host's entropy.
    pub async fn open(storage: Storage, config: JsValue, seed: Option<f64>) -> Result<EngineHandle, JsValue> {
        let config: Config = convert::read(config, "config")?;
        let seed = match seed {
            Some(seed) => seed.to_bits(),
            None => {
                let mut noise = [0u8; 8];
                getrandom::getrandom(&mut noise).map_err(|error| malformed("seed", error))?;
                u64::from_le_bytes(noise)
            }
        };
        let mut opening = Opening::new(config, seed, storage::keys(&storage).await?).map_err(to_js)?;
        while let Some(key) = opening.wanted().map(str::to_owned) {
            let bytes = storage::bytes(&storage, &key).await?;
            opening.supply(bytes).map_err(to_js)?;
        }
        let (engine, report) = opening.finish().map_err(to_js)?;
        Ok(EngineHandle { engine: Rc::new(RefCell::new(engine)), storage, report })
    }

    /// What opening found.
    pub fn report(&self) -> Result<JsValue, JsValue> {
        convert::write(&self.report)
    }

    /// Carries out a transaction. `vectors` holds the rows of the operations marked `embedded`, in order.
    pub fn commit(
        &self,
        view: JsValue,
        space: JsValue,
        operations: JsValue,
        vectors: &Float32Array,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let space: Option<EmbeddingSpace> = convert::read(space, "space")?;
        let inputs: Vec<OperationInput> = convert::read(operations, "operations")?;
        let operations = convert::operations(inputs, vectors)?;
        let mut engine = self.engine.borrow_mut();
        let outcome = engine.commit(&scope(view)?, space.as_ref(), operations, moment(now)).map_err(to_js)?;
        convert::write(&OutcomeOutput { ids: outcome.ids, ticket: outcome.ticket })
    }

    /// Answers a question.
    pub fn recall(
        &self,
        view: JsValue,
        query: JsValue,
        vector: Option<Float32Array>,
        filter: JsValue,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let input: QueryInput = convert::read(query, "query")?;
        let query = input.query(vector, convert::filter(filter)?);
        let mut engine = self.engine.borrow_mut();
        let hits = engine
            .recall(&scope(view)?, input.space.as_ref(), query, moment(now), input.touch)
            .map_err(to_js)?;
        convert::write(&hits.iter().map(HitOutput::from).collect::<Vec<_>>())
    }

    /// The text to embed for a question.
    #[wasm_bindgen(js_name = denseQuery)]
    pub fn dense_query(&self, view: JsValue, question: &str) -> Result<String, JsValue> {
        Ok(self.engine.borrow().dense_query(&scope(view)?, question))
    }

    /// A record, or undefined.
    pub fn get(&self, view: JsValue, id: &str, now: f64, touch: bool) -> Result<JsValue, JsValue> {
        let id = convert::id(id)?;
        match self.engine.borrow_mut().get(&scope(view)?, id, moment(now), touch) {
            Some(record) => convert::write(&record),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// The vector of a record, or undefined.
    pub fn vector(&self, view: JsValue, id: &str, now: f64) -> Result<Option<Float32Array>, JsValue> {
        let id = convert::id(id)?;
        Ok(self.engine.borrow().vector(&scope(view)?, id, moment(now)).map(Float32Array::from))
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
        convert::write(&PageOutput::from(&page))
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

    /// The space of the vectors, or undefined.
    pub fn space(&self) -> Result<JsValue, JsValue> {
        match self.engine.borrow().space() {
            Some(space) => convert::write(space),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// Takes maintenance steps until nothing is due or `budget` milliseconds have passed.
    pub fn maintain(&self, now: f64, budget: f64, compact: bool) -> Result<JsValue, JsValue> {
        let started = clock();
        let mut total = MaintenanceReport::default();
        loop {
            let step = self.engine.borrow_mut().maintain(moment(now), compact).map_err(to_js)?;
            total.moved += step.moved;
            total.expired += step.expired;
            total.evicted += step.evicted;
            total.sealed += step.sealed;
            total.more = step.more;
            if !step.more || clock() - started >= budget {
                return convert::write(&total);
            }
        }
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

    /// Writes one batch, if there is one and none is under way. Answers whether it wrote.
    ///
    /// Rejects with what the adapter threw; the engine is poisoned then.
    pub async fn persist(&self) -> Result<bool, JsValue> {
        let (engine, storage) = (Rc::clone(&self.engine), self.storage.clone());
        let effect = engine.borrow_mut().poll_effect();
        let Some(Effect::Persist { ticket, operations }) = effect else {
            return Ok(false);
        };
        match storage::write(&storage, &operations).await {
            Ok(()) => {
                engine.borrow_mut().ack(ticket);
                Ok(true)
            }
            Err(thrown) => {
                let message = Reflect::get(&thrown, &"message".into()).ok().and_then(|text| text.as_string());
                engine
                    .borrow_mut()
                    .fail(message.as_deref().unwrap_or("the adapter rejected without a message"));
                Err(thrown)
            }
        }
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
