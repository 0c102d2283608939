//! Contexts on the engine's handle: what may go into a prompt, and what did.

use serde::Deserialize;
use stratamem_core::{Beside, ContextRequest, Filter, Selection, Timestamp, Value};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::error::{to_js, within};
use crate::handle::{EngineHandle, moment, scope, scored};

/// Which records of a sort are considered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SelectionInput {
    limit: usize,
    since: Option<f64>,
    filter: Option<Value>,
}

impl SelectionInput {
    fn selection(&self) -> Result<Selection, JsValue> {
        let filter = self.filter.as_ref().map(Filter::from_value).transpose().map_err(to_js)?;
        Ok(Selection { limit: self.limit, filter, since: self.since.map(|since| Timestamp(since as i64)) })
    }
}

/// What stands beside hits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BesideInput {
    hits: usize,
    depth: usize,
}

/// What may be put into a prompt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestInput {
    hits: Vec<String>,
    filter: Option<Value>,
    pinned: Option<SelectionInput>,
    summaries: Option<SelectionInput>,
    recent: Option<SelectionInput>,
    related: Option<BesideInput>,
}

impl RequestInput {
    fn request(&self) -> Result<ContextRequest, JsValue> {
        let selection = |input: &Option<SelectionInput>, step: &str| {
            let selection = input.as_ref().map(SelectionInput::selection).transpose();
            selection.map_err(|error| within(error, Some(step)))
        };
        Ok(ContextRequest {
            hits: self.hits.iter().map(|id| convert::id(id)).collect::<Result<_, _>>()?,
            filter: self.filter.as_ref().map(Filter::from_value).transpose().map_err(to_js)?,
            pinned: selection(&self.pinned, "pinned")?,
            summaries: selection(&self.summaries, "summaries")?,
            recent: selection(&self.recent, "recent")?,
            related: self.related.as_ref().map(|related| Beside { hits: related.hits, depth: related.depth }),
        })
    }
}

#[wasm_bindgen]
impl EngineHandle {
    /// What may be put into a prompt. Counts as no use.
    pub fn gather(&self, view: JsValue, request: JsValue, now: f64) -> Result<JsValue, JsValue> {
        let input: RequestInput = convert::read(request, "request")?;
        let pieces = self.engine.borrow().gather(&scope(view)?, &input.request()?, moment(now));
        convert::write_each(&pieces)
    }

    /// Counts as one question that was answered with these records; `shares` goes with `ids`.
    #[wasm_bindgen(js_name = putToUse)]
    pub fn put_to_use(
        &self,
        view: JsValue,
        ids: Vec<String>,
        shares: &[f64],
        now: f64,
    ) -> Result<(), JsValue> {
        self.engine.borrow_mut().put_to_use(&scope(view)?, &scored(&ids, shares)?, moment(now));
        Ok(())
    }

    /// The sentences of a text, with what each has to do with a question.
    pub fn passages(text: &str, question: &str) -> Result<JsValue, JsValue> {
        convert::write(&stratamem_core::passages(text, question))
    }
}
