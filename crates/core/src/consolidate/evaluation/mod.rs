//! How good groups and summaries are, beside other ways to make them.
//!
//! On the example conversation, or on another folder of the same format (`examples/data/allotment/README.md`):
//! `STRATAMEM_CONVERSATIONS=folder cargo test -p stratamem-core --lib evaluation -- --ignored --nocapture`.

mod groups;
mod summaries;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::index::text::Tokenizer;

/// The lines of a file of the folder.
fn lines(name: &str) -> Vec<Value> {
    let example = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/allotment");
    let folder = std::env::var_os("STRATAMEM_CONVERSATIONS").map_or_else(example, PathBuf::from);
    let text = std::fs::read_to_string(folder.join(name)).expect("the folder holds conversations");
    text.lines().map(|line| serde_json::from_str(line).expect("lines of JSON")).collect()
}

/// Something said.
struct Turn {
    id: String,
    session: i64,
    text: String,
}

/// The turns of each conversation, in order.
fn conversations() -> BTreeMap<String, Vec<Turn>> {
    let mut found: BTreeMap<String, Vec<Turn>> = BTreeMap::new();
    for line in lines("turns.jsonl") {
        let field = |name: &str| line[name].as_str().expect("a string").to_owned();
        let session = line["session"].as_i64().expect("a number");
        found.entry(field("conv")).or_default().push(Turn { id: field("id"), session, text: field("text") });
    }
    found
}

fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    Tokenizer::default().terms(text, |term| found.push(term.to_owned()));
    found
}

/// The share of `part` in `whole` in per cent.
fn percent(part: f64, whole: f64) -> f64 {
    100.0 * part / whole
}
