//! Graphs over the vectors: jobs out, graphs in, and the building itself, which needs no engine.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::error::to_js;
use crate::handle::EngineHandle;

/// Builds the graph of a job: all of its pages in one row. Takes as long as it takes; to be called in a Worker.
#[wasm_bindgen(js_name = buildGraph)]
pub fn build_graph(job: &[u8]) -> Result<Uint8Array, JsValue> {
    let graph = stratamem_core::build_graph(job).map_err(stratamem_core::Error::from).map_err(to_js)?;
    Ok(Uint8Array::from(graph.as_slice()))
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

    /// Takes up the next bytes of the graph. Answers whether it is still wanted.
    #[wasm_bindgen(js_name = takeGraph)]
    pub fn take_graph(&self, job: f64, bytes: &[u8]) -> bool {
        self.engine.borrow_mut().take_graph(job as u64, bytes)
    }

    /// Puts the graph in place. Answers whether it could.
    #[wasm_bindgen(js_name = placeGraph)]
    pub fn place_graph(&self, job: f64) -> bool {
        self.engine.borrow_mut().place_graph(job as u64)
    }

    /// Gives a job up.
    #[wasm_bindgen(js_name = dropGraphJob)]
    pub fn drop_graph_job(&self, job: f64) {
        self.engine.borrow_mut().drop_graph_job(job as u64);
    }
}
