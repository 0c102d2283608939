//! Graphs over the vectors: jobs out, graphs in, and the building itself, which needs no engine.

use std::cell::RefCell;

use js_sys::{Function, Uint8Array};
use stratamem_core::Placing;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::error::to_js;
use crate::handle::EngineHandle;

thread_local! {
    /// What is called while a graph is being built.
    static BEAT: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Builds the graph of a job: all of its pages in one row. Takes as long as it takes; to be called in a Worker. Meanwhile
/// `beat` is called every few tenths of a second.
#[wasm_bindgen(js_name = buildGraph)]
pub fn build_graph(job: &[u8], beat: Option<Function>) -> Result<Uint8Array, JsValue> {
    BEAT.set(beat);
    // A sign of life that cannot be given is no reason to end.
    let tell = || BEAT.with_borrow(|beat| beat.iter().for_each(|beat| drop(beat.call0(&JsValue::UNDEFINED))));
    let graph = stratamem_core::build_graph(job, &tell);
    BEAT.set(None);
    Ok(Uint8Array::from(graph.map_err(stratamem_core::Error::from).map_err(to_js)?.as_slice()))
}

#[wasm_bindgen]
impl EngineHandle {
    /// Whether a graph over the vectors should be built.
    #[wasm_bindgen(js_name = graphDue)]
    pub fn graph_due(&self) -> bool {
        self.engine.borrow().graph_due()
    }

    /// Begins to build a graph: the number of the job, its bytes and how many vectors it is over, or undefined if there are too few.
    #[wasm_bindgen(js_name = beginGraph)]
    pub fn begin_graph(&self) -> Result<JsValue, JsValue> {
        match self.engine.borrow_mut().begin_graph().map_err(to_js)? {
            Some(job) => convert::write(&job),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// The next bytes of a job, about `most`; none when all have been given, undefined if it was given up.
    #[wasm_bindgen(js_name = graphPage)]
    pub fn graph_page(&self, job: f64, most: usize) -> Option<Uint8Array> {
        let page = self.engine.borrow_mut().graph_page(job as u64, most)?;
        Some(Uint8Array::from(page.as_slice()))
    }

    /// Takes up the next bytes of the graph, which has `whole` bytes in all. Answers whether it is still wanted.
    #[wasm_bindgen(js_name = takeGraph)]
    pub fn take_graph(&self, job: f64, bytes: &[u8], whole: usize) -> bool {
        self.engine.borrow_mut().take_graph(job as u64, bytes, whole)
    }

    /// Takes a step of putting the graph in place. Answers whether it could, or undefined if more steps follow.
    #[wasm_bindgen(js_name = placeGraph)]
    pub fn place_graph(&self, job: f64) -> Option<bool> {
        match self.engine.borrow_mut().place_graph(job as u64) {
            Placing::Unfinished => None,
            Placing::Placed => Some(true),
            Placing::Refused => Some(false),
        }
    }

    /// Gives a job up.
    #[wasm_bindgen(js_name = dropGraphJob)]
    pub fn drop_graph_job(&self, job: f64) {
        self.engine.borrow_mut().drop_graph_job(job as u64);
    }
}
