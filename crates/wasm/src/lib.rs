//! Stratamem's engine for JavaScript hosts.
//!
//! Converts, and drives the storage adapter's promises; has no logic of its own. The hand-written TypeScript in
//! `js/` is the only caller, and hides everything here from users.

mod context;
mod convert;
mod error;
mod graph;
mod handle;
mod heap;
mod paging;
mod queries;
mod storage;
mod trace;

use wasm_bindgen::prelude::wasm_bindgen;

pub use graph::build_graph;
pub use handle::{EngineHandle, StaticModelHandle};
pub use trace::start_trace;

/// Runs once per instance: a panic is logged, and the next call gets a fresh instance instead of a broken one.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|info| {
        web_sys::console::error_1(&format!("stratamem: the engine panicked: {info}").into());
        wasm_bindgen::handler::schedule_reinit();
    }));
}

/// The versions of this build: crate, stored format and tokeniser.
#[wasm_bindgen(js_name = versions)]
pub fn versions() -> Vec<String> {
    vec![
        env!("CARGO_PKG_VERSION").to_owned(),
        stratamem_core::FORMAT_VERSION.to_string(),
        stratamem_core::TOKENIZER.to_owned(),
    ]
}
