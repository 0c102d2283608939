//! The opt-in bridge from the core's spans and events to the console and the performance timeline.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_wasm::{ConsoleConfig, WASMLayerConfigBuilder};
use wasm_bindgen::prelude::wasm_bindgen;

static STARTED: AtomicBool = AtomicBool::new(false);

/// Starts tracing at `level` (`error`, `warn`, `info`, `debug` or `trace`). The first call in an instance wins;
/// answers whether this was it.
#[wasm_bindgen(js_name = startTrace)]
pub fn start_trace(level: &str) -> bool {
    let Ok(level) = level.parse() else { return false };
    if STARTED.swap(true, Ordering::Relaxed) {
        return false;
    }
    let config = WASMLayerConfigBuilder::new()
        .set_max_level(level)
        .set_console_config(ConsoleConfig::ReportWithoutConsoleColor)
        .set_report_logs_in_timings(true)
        .build();
    tracing_wasm::set_as_global_default_with_config(config);
    true
}
