//! Stored memories that must stay readable, and the script that writes one.
//!
//! `tests/golden/README.md` says what the files are and how a new set is made. `js/test/golden.test.ts` runs the same
//! script through the built package; what one of the two does here, the other must do in the same order.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Once;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use stratamem_core::{
    Config, Direction, Effect, Embedding, EmbeddingSpace, Engine, Error, FORMAT_VERSION, Filter, Fusion,
    Goal, Hit, OpenReport, Opening, Operation, Query, Record, RecordId, Scope, StorageOperation, Tier,
    Timestamp,
};

/// The sets that their scripts write today. Older sets are only read.
const CURRENT: [&str; 2] = ["v1", "v1-reembed"];
/// Set to write those of the current sets that are not there.
const WRITE: &str = "STRATAMEM_GOLDEN_WRITE";
/// How far a number may lie from the recorded one.
const TOLERANCE: f64 = 1e-6;

type Objects = BTreeMap<String, Vec<u8>>;

/// What is done to a memory, and what it is asked afterwards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    seed: f64,
    config: Config,
    /// From opening to closing.
    sessions: Vec<Vec<Step>>,
    views: Vec<View>,
    questions: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    now: i64,
    #[serde(default)]
    view: Scope,
    /// The error that the step must end in.
    refused: Option<String>,
    #[serde(flatten)]
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Transaction(Vec<Change>),
    Recall(Question),
    Get(String),
    Forget(Selection),
    Maintain(Maintain),
    Train(Train),
    Reembed(Reembed),
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Change {
    Add { name: String, memory: Map<String, Value> },
    Update { name: String, patch: Map<String, Value>, if_version: Option<u32> },
    Forget { name: String, if_version: Option<u32> },
    Promote { name: String, to: Option<Tier>, if_version: Option<u32> },
    Demote { name: String, to: Option<Tier>, if_version: Option<u32> },
    Reward { name: String, value: f32 },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Question {
    query: String,
    vector: Option<Vec<f32>>,
    limit: Option<usize>,
    filter: Option<stratamem_core::Value>,
    fusion: Option<Method>,
    min_score: Option<f32>,
    touch: Option<bool>,
}

/// A fusion, as users write it.
#[derive(Clone, Copy, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case", deny_unknown_fields)]
enum Method {
    Weighted { dense: f32, keyword: f32 },
    Rrf { k: f32 },
}

impl From<Method> for Fusion {
    fn from(method: Method) -> Self {
        match method {
            Method::Weighted { dense, keyword } => Fusion::Weighted { dense, keyword },
            Method::Rrf { k } => Fusion::Rrf { k },
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    filter: stratamem_core::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Maintain {
    #[serde(default)]
    compact: bool,
}

/// A goal, as users write it; without one, the training of the tier ends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Train {
    tier: Tier,
    dimensions: Option<u32>,
    keep_variance: Option<f64>,
}

/// A change of the model: batches of records get vectors of it, as [`vector_of`] makes them, until so many have one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reembed {
    model: String,
    dimensions: u32,
    batch: usize,
    until: usize,
}

/// The vector of a text: how often each remainder of its characters divided by the number of components comes, and one.
fn vector_of(text: &str, dimensions: u32) -> Vec<f32> {
    let mut vector = vec![1.0; dimensions as usize];
    text.chars().for_each(|c| vector[(c as u32 % dimensions) as usize] += 1.0);
    vector
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct View {
    now: i64,
    #[serde(default)]
    view: Scope,
    filter: Option<stratamem_core::Value>,
}

/// A host with its storage.
struct Host {
    config: Config,
    seed: u64,
    objects: Objects,
    /// The ids behind the names of the script.
    ids: BTreeMap<String, RecordId>,
}

impl Host {
    fn new(script: &Script, objects: Objects) -> Self {
        // The package hands its seed over as the bits of a JavaScript number.
        Host { config: script.config.clone(), seed: script.seed.to_bits(), objects, ids: BTreeMap::new() }
    }

    fn open(&self) -> (Engine, OpenReport) {
        let keys = self.objects.keys().cloned().collect();
        let mut opening = Opening::new(self.config.clone(), self.seed, keys)
            .expect("the stored keys are those of a memory");
        while let Some(key) = opening.wanted() {
            let bytes = self.objects.get(key).cloned();
            opening.supply(bytes).expect("the stored bytes can be read");
        }
        opening.finish().expect("the stored memory is whole")
    }

    fn persist(&mut self, engine: &mut Engine) {
        while let Some(Effect::Persist { ticket, operations }) = engine.poll_effect() {
            for operation in operations {
                match operation {
                    StorageOperation::Append { key, bytes } => {
                        self.objects.entry(key).or_default().extend(bytes);
                    }
                    StorageOperation::Put { key, bytes } => {
                        self.objects.insert(key, bytes);
                    }
                    StorageOperation::Remove { key } => {
                        self.objects.remove(&key);
                    }
                }
            }
            engine.ack(ticket);
        }
    }

    /// Runs all sessions. Answers what each step came to.
    fn run(&mut self, script: &Script) -> Vec<Value> {
        let mut outcomes = Vec::new();
        let mut now = Timestamp::default();
        for session in &script.sessions {
            let (mut engine, report) = self.open();
            outcomes.push(json!({ "opened": opened(&report) }));
            for step in session {
                now = Timestamp(step.now);
                let outcome = match self.step(&mut engine, step) {
                    Ok(outcome) => outcome,
                    Err(error) => json!({ "refused": error.code().name() }),
                };
                let expected = step.refused.as_deref().map(Value::from);
                assert_eq!(outcome.get("refused"), expected.as_ref(), "the step at {}: {outcome}", step.now);
                outcomes.push(outcome);
            }
            engine.flush(now).expect("nothing has failed");
            self.persist(&mut engine);
        }
        outcomes
    }

    fn step(&mut self, engine: &mut Engine, step: &Step) -> Result<Value, Error> {
        let now = Timestamp(step.now);
        match &step.action {
            Action::Transaction(changes) => {
                let (operations, space) = self.operations(engine, changes, now);
                let ids = engine.commit(&step.view, space.as_ref(), operations, now)?.ids;
                self.persist(engine);
                Ok(json!({ "ids": ids }))
            }
            Action::Forget(selection) => {
                let filter = Filter::from_value(&selection.filter)?;
                let found = engine.list(&step.view, Some(&filter), None, u32::MAX as usize, now).records;
                let operation =
                    |record: &Record| Operation::Forget { id: record.id, vector: None, if_version: None };
                let operations: Vec<Operation> = found.iter().map(operation).collect();
                if !operations.is_empty() {
                    engine.commit(&step.view, None, operations, now)?;
                    self.persist(engine);
                }
                Ok(json!({ "forgotten": found.len() }))
            }
            Action::Recall(question) => ask(engine, step, question, question.touch.unwrap_or(true)),
            Action::Get(name) => {
                let found = engine.get(&step.view, self.ids[name], now, true);
                Ok(json!({ "accessCount": found.map(|record| record.usage.count) }))
            }
            Action::Train(Train { tier, dimensions, keep_variance }) => {
                let goal = dimensions.map(Goal::Dimensions).or(keep_variance.map(Goal::KeepVariance));
                let training = engine.train(*tier, goal, now)?;
                engine.flush(now)?;
                self.persist(engine);
                Ok(json!({ "training": training }))
            }
            Action::Reembed(Reembed { model, dimensions, batch, until }) => {
                let space = EmbeddingSpace { model: model.clone(), dimensions: *dimensions };
                let mut anew = engine.space() != Some(&space);
                let (mut after, mut embedded) = (None, 0);
                while embedded < *until {
                    let page = engine.unembedded(anew, after, *batch, now);
                    let Some(last) = page.last() else { break };
                    after = Some(last.id);
                    let said = |record: &Record| match &record.actor {
                        Some(actor) => format!("{actor}: {}", record.text),
                        None => record.text.clone(),
                    };
                    let embedding = |record: &&Record| Embedding {
                        id: record.id,
                        version: record.version,
                        vector: vector_of(&said(record), *dimensions),
                    };
                    let embeddings: Vec<Embedding> = page.iter().map(embedding).collect();
                    if anew {
                        engine.change_space(space.clone(), now)?;
                        anew = false;
                    }
                    embedded += engine.embed(&space, embeddings, now)? as usize;
                    self.persist(engine);
                }
                Ok(json!({ "embedded": embedded }))
            }
            Action::Maintain(Maintain { compact }) => {
                let (mut moved, mut expired, mut evicted, mut merged, mut coarsened, mut sealed) =
                    (0, 0, 0, 0, 0, 0);
                loop {
                    let done = engine.maintain(now, *compact)?;
                    moved += done.moved;
                    expired += done.expired;
                    evicted += done.evicted;
                    merged += done.merged;
                    coarsened += done.coarsened;
                    sealed += done.sealed;
                    if !done.more {
                        break;
                    }
                }
                engine.flush(now)?;
                let next = engine.next_deadline();
                self.persist(engine);
                Ok(json!({
                    "moved": moved, "expired": expired, "evicted": evicted, "merged": merged,
                    "coarsened": coarsened, "sealed": sealed, "next": next,
                }))
            }
        }
    }

    /// The engine's form of a transaction, and the space of its vectors. As in the package, ids are drawn while the
    /// transaction is collected, before any of it is checked.
    fn operations(
        &mut self,
        engine: &mut Engine,
        changes: &[Change],
        now: Timestamp,
    ) -> (Vec<Operation>, Option<EmbeddingSpace>) {
        let mut space = None;
        let mut operations = Vec::with_capacity(changes.len());
        for change in changes {
            operations.push(match change {
                Change::Add { name, memory } => {
                    let mut memory = memory.clone();
                    let vector = take_vector(&mut memory);
                    let drawn = memory.entry("id").or_insert_with(|| json!(engine.next_id(now))).clone();
                    let id = drawn.as_str().and_then(|id| id.parse().ok()).expect("an id is 26 characters");
                    self.ids.insert(name.clone(), id);
                    if let (Some(vector), None) = (&vector, &space) {
                        space = Some(given_space(engine, vector));
                    }
                    Operation::Add { record: Box::new(read(Value::Object(memory))), vector }
                }
                Change::Update { name, patch, if_version } => {
                    let mut patch = patch.clone();
                    let vector = take_vector(&mut patch);
                    if let (Some(vector), None) = (&vector, &space) {
                        space = Some(given_space(engine, vector));
                    }
                    let cleared: Vec<String> = patch
                        .iter()
                        .filter(|(_, value)| value.is_null())
                        .map(|(name, _)| name.clone())
                        .collect();
                    patch.retain(|_, value| !value.is_null());
                    patch.insert("clear".into(), json!(cleared));
                    let patch = Box::new(read(Value::Object(patch)));
                    Operation::Update { id: self.ids[name], patch, vector, if_version: *if_version }
                }
                Change::Forget { name, if_version } => {
                    Operation::Forget { id: self.ids[name], vector: None, if_version: *if_version }
                }
                Change::Promote { name, to, if_version } => Operation::Move {
                    id: self.ids[name],
                    direction: Direction::Up,
                    to: *to,
                    if_version: *if_version,
                },
                Change::Demote { name, to, if_version } => Operation::Move {
                    id: self.ids[name],
                    direction: Direction::Down,
                    to: *to,
                    if_version: *if_version,
                },
                Change::Reward { name, value } => {
                    Operation::Reward { id: self.ids[name], value: *value, if_version: None }
                }
            });
        }
        (operations, space)
    }
}

fn read<T: for<'de> Deserialize<'de>>(value: Value) -> T {
    serde_json::from_value(value).expect("the script fits the shapes of the engine")
}

fn take_vector(fields: &mut Map<String, Value>) -> Option<Vec<f32>> {
    fields.remove("vector").map(read)
}

/// The space that the package takes a vector made elsewhere to be of, when there is no embedder.
fn given_space(engine: &Engine, vector: &[f32]) -> EmbeddingSpace {
    let own = engine.space().cloned();
    own.unwrap_or_else(|| EmbeddingSpace { model: "custom".into(), dimensions: vector.len() as u32 })
}

fn ask(engine: &mut Engine, step: &Step, question: &Question, touch: bool) -> Result<Value, Error> {
    let space = question.vector.as_deref().map(|vector| given_space(engine, vector));
    let query = Query {
        text: question.query.clone(),
        vector: question.vector.clone(),
        limit: question.limit.unwrap_or(10),
        filter: question.filter.as_ref().map(Filter::from_value).transpose()?,
        fusion: question.fusion.map(Fusion::from).unwrap_or_default(),
        min_score: question.min_score,
        ..Query::default()
    };
    let hits = engine.recall(&step.view, space.as_ref(), query, Timestamp(step.now), touch)?;
    let shown = |hit: &Hit| json!({ "id": hit.record.id, "score": rounded(hit.score) });
    Ok(json!({ "hits": hits.iter().map(shown).collect::<Vec<_>>() }))
}

fn rounded(number: f32) -> f64 {
    (f64::from(number) * 1e6).round() / 1e6
}

fn opened(report: &OpenReport) -> Value {
    let mut report = serde_json::to_value(report).expect("a report is plain");
    // Grows with what a crash leaves behind: nothing here.
    assert_eq!(report["tornBytes"], 0);
    assert_eq!(report["leftovers"], json!([]));
    report
        .as_object_mut()
        .into_iter()
        .for_each(|fields| fields.retain(|name, _| name != "tornBytes" && name != "leftovers"));
    report
}

/// What a stored memory tells of itself.
fn answers(host: &Host, script: &Script, steps: Vec<Value>) -> Value {
    let (mut engine, report) = host.open();
    let mut views = Vec::new();
    for View { now, view, filter } in &script.views {
        let now = Timestamp(*now);
        let filter =
            filter.as_ref().map(|filter| Filter::from_value(filter).expect("a filter of the script"));
        let listed = engine.list(view, filter.as_ref(), None, 10_000, now).records;
        let shown = |record: &Record| {
            let mut shown = serde_json::to_value(record).expect("a record is plain");
            let transition = engine.explain_transition(view, record.id, now).expect("it is listed");
            shown["moves"] = serde_json::to_value(transition.moves).expect("moves are plain");
            shown["retention"] = json!(transition.retention);
            if let Some(vector) = engine.vector(view, record.id, now) {
                shown["vector"] = vector.iter().copied().map(rounded).collect();
            }
            shown
        };
        let records: Vec<Value> = listed.iter().map(shown).collect();
        let mut stats = serde_json::to_value(engine.stats(view, now)).expect("figures are plain");
        if let Some(figures) = stats.get_mut("engine").and_then(Value::as_object_mut) {
            // Estimates of main memory: not the same on every platform.
            figures
                .retain(|name, _| !["vectorBytes", "keywordBytes", "columnBytes"].contains(&name.as_str()));
        }
        views.push(json!({ "stats": stats, "records": records }));
    }
    let mut hits = Vec::new();
    for step in &script.questions {
        let Action::Recall(question) = &step.action else { panic!("a question is a recall") };
        hits.push(ask(&mut engine, step, question, false).expect("a question of the script"));
    }
    json!({ "steps": steps, "opened": opened(&report), "views": views, "questions": hits })
}

/// The paths at which two values differ, numbers within [`TOLERANCE`] apart.
fn differences(expected: &Value, found: &Value, path: &str, out: &mut Vec<String>) {
    match (expected, found) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            if a.is_nan() || b.is_nan() || (a - b).abs() > TOLERANCE {
                out.push(format!("{path}: {a} is now {b}"));
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{path}/{index}"), out);
            }
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (name, a) in a {
                differences(a, &b[name], &format!("{path}/{name}"), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: {a} is now {b}")),
    }
}

fn assert_same(expected: &Value, found: &Value) {
    let mut out = Vec::new();
    differences(expected, found, "", &mut out);
    assert!(out.is_empty(), "{} answers differ from the recorded ones:\n{}", out.len(), out.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

fn script(set: &str) -> Script {
    let text = fs::read_to_string(root().join(set).join("script.json")).expect("the set has a script");
    serde_json::from_str(&text).expect("the script is well formed")
}

fn recorded(set: &str) -> Value {
    let text = fs::read_to_string(root().join(set).join("answers.json")).expect("the set has answers");
    serde_json::from_str(&text).expect("the answers are well formed")
}

fn stored(set: &str) -> Objects {
    let folder = fs::read_dir(root().join(set).join("objects")).expect("the set has objects");
    let object = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("the folder can be read");
        let key = entry.file_name().into_string().expect("keys are plain letters");
        (key, fs::read(entry.path()).expect("the object can be read"))
    };
    folder.map(object).collect()
}

fn sets() -> Vec<String> {
    let entries = fs::read_dir(root()).expect("the golden files are there");
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().into_string().expect("sets have plain names")).collect()
}

/// Writes the current set, if asked to. Refuses to replace one: what was stored once must be read for ever.
fn write_if_asked() {
    static ONCE: Once = Once::new();
    if std::env::var_os(WRITE).is_some() {
        ONCE.call_once(|| CURRENT.iter().for_each(|set| write(set)));
    }
}

fn write(set: &str) {
    let folder = root().join(set);
    let objects = folder.join("objects");
    // Old sets are never written again.
    if objects.exists() {
        return;
    }
    let script = &script(set);
    let mut host = Host::new(script, Objects::new());
    let steps = host.run(script);
    fs::create_dir(&objects).expect("the folder can be made");
    for (key, bytes) in &host.objects {
        fs::write(objects.join(key), bytes).expect("the object can be written");
    }
    let mut text = String::new();
    lay_out(&answers(&host, script, steps), 0, &mut text);
    fs::write(folder.join("answers.json"), text + "\n").expect("the answers can be written");
}

/// JSON with one line for each object of a list, so that a change shows in the right place.
fn lay_out(value: &Value, depth: usize, out: &mut String) {
    let (open, close, items): (char, char, Vec<(String, &Value)>) = match value {
        Value::Array(items) if items.iter().any(Value::is_object) && depth < 4 => {
            ('[', ']', items.iter().map(|item| (String::new(), item)).collect())
        }
        Value::Object(fields) if fields.values().any(Value::is_array) && depth < 3 => {
            ('{', '}', fields.iter().map(|(name, item)| (format!("{}: ", json!(name)), item)).collect())
        }
        plain => return out.push_str(&plain.to_string()),
    };
    out.push(open);
    for (index, (name, item)) in items.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(depth + 1));
        out.push_str(name);
        lay_out(item, depth + 1, out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(depth));
    out.push(close);
}

#[test]
fn the_script_writes_the_stored_bytes() {
    write_if_asked();
    for set in CURRENT {
        let script = script(set);
        let mut host = Host::new(&script, Objects::new());
        let steps = host.run(&script);
        let expected = stored(set);
        assert_eq!(host.objects.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (key, bytes) in &host.objects {
            let expected = &expected[key];
            let first = bytes.iter().zip(expected).position(|(a, b)| a != b);
            let first = first.or((bytes.len() != expected.len()).then_some(bytes.len().min(expected.len())));
            assert_eq!(first, None, "{set}/{key} differs from the stored object at this byte");
        }
        assert_same(&recorded(set), &answers(&host, &script, steps));
    }
}

#[test]
fn every_stored_memory_opens_and_answers() {
    write_if_asked();
    let sets = sets();
    assert!(CURRENT.iter().all(|current| sets.iter().any(|set| set == current)));
    for set in sets {
        let script = script(&set);
        let recorded = recorded(&set);
        let host = Host::new(&script, stored(&set));
        // What the steps came to is known to whoever ran them.
        let steps = recorded["steps"].as_array().cloned().unwrap_or_default();
        assert_same(&recorded, &answers(&host, &script, steps));
    }
}

#[test]
fn a_stored_memory_can_be_written_on() {
    write_if_asked();
    for set in sets() {
        let script = script(&set);
        let mut host = Host::new(&script, stored(&set));
        let (mut engine, report) = host.open();
        let last = script.sessions.iter().flatten().map(|step| step.now).max().unwrap_or_default();
        let now = Timestamp(last + 1);
        let before = engine.list(&Scope::default(), None, None, 10_000, now).records;
        let record = Box::new(stratamem_core::NewRecord { text: "one more".into(), ..Default::default() });
        let add = Operation::Add { record, vector: None };
        let id = engine.commit(&Scope::default(), None, vec![add], now).expect("it can be added").ids[0];
        while engine.maintain(now, true).expect("it can be compacted").more {}
        host.persist(&mut engine);
        let moved: Vec<RecordId> = engine
            .list(&Scope::default(), None, None, 10_000, now)
            .records
            .iter()
            .map(|record| record.id)
            .collect();
        let (again, _) = host.open();
        let after = again.list(&Scope::default(), None, None, 10_000, now).records;
        assert!(!report.created && report.records > 0);
        assert_eq!(after.iter().map(|record| record.id).collect::<Vec<_>>(), moved);
        assert_eq!(after.last().map(|record| record.id), Some(id));
        let texts = |records: &[Record]| records.iter().map(|record| record.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&after)[..before.len()], texts(&before));
    }
}

#[test]
fn the_current_set_is_of_this_format() {
    write_if_asked();
    for set in CURRENT {
        assert_eq!(set.split('-').next(), Some(format!("v{FORMAT_VERSION}").as_str()));
        // What a set is meant to hold: a compacted history, a closed log, an open one.
        let objects = stored(set);
        let count = |kind: &str| objects.keys().filter(|key| key.starts_with(kind)).count();
        let keys = objects.keys();
        assert!(count("manifest") == 1 && count("segment") >= 2 && count("log") >= 2, "{set}: {keys:?}");
        assert!(objects.values().map(Vec::len).sum::<usize>() < 200_000);
    }
}
