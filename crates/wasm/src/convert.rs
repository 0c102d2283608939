//! Shapes that cross the boundary, and their conversion. Small plain objects go through serde-wasm-bindgen, vectors
//! as one `Float32Array` for a whole batch.

use js_sys::{Array, Float32Array, Object, Reflect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::Serializer;
use stratamem_core::{
    EmbeddingSpace, Filter, Fusion, Hit, Metadata, Operation, Page, Query, Record, RecordId, Value, Why,
};
use wasm_bindgen::JsValue;

use crate::error::{malformed, to_js};

/// Reads a plain object; `field` names it in errors.
pub(crate) fn read<T: DeserializeOwned>(value: JsValue, field: &str) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|error| malformed(field, error))
}

/// Writes a plain object: maps as objects, null as null. Fields that may be missing are left out by their types.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsValue> {
    let serializer = Serializer::new().serialize_maps_as_objects(true).serialize_missing_as_null(true);
    value.serialize(&serializer).map_err(JsValue::from)
}

/// Writes a record.
pub(crate) fn write_record(record: &Record) -> Result<JsValue, JsValue> {
    let written = write(record)?;
    define_prototype_names(&Array::of1(&written), [record])?;
    Ok(written)
}

/// Writes one page of a listing.
pub(crate) fn write_page(page: &Page) -> Result<JsValue, JsValue> {
    let written = write(&PageOutput::from(page))?;
    define_prototype_names(&Reflect::get(&written, &"records".into())?, &page.records)?;
    Ok(written)
}

/// Mends the metadata of written records in which something is named `__proto__`. The serialiser assigns properties,
/// and assigning this one would set the prototype of the object instead.
pub(crate) fn define_prototype_names<'a>(
    written: &JsValue,
    records: impl IntoIterator<Item = &'a Record>,
) -> Result<(), JsValue> {
    for (index, record) in records.into_iter().enumerate() {
        if names_prototype(&record.metadata) {
            let target = Reflect::get_u32(written, index as u32)?;
            Reflect::set(&target, &"metadata".into(), &entries(&record.metadata)?)?;
        }
    }
    Ok(())
}

fn names_prototype(metadata: &Metadata) -> bool {
    metadata.iter().any(|(name, value)| name == "__proto__" || holds_prototype_name(value))
}

fn holds_prototype_name(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(holds_prototype_name),
        Value::Map(entries) => names_prototype(entries),
        _ => false,
    }
}

fn entries(metadata: &Metadata) -> Result<JsValue, JsValue> {
    let pairs = Array::new();
    for (name, value) in metadata {
        pairs.push(&Array::of2(&name.into(), &plain(value)?));
    }
    Object::from_entries(&pairs).map(JsValue::from)
}

fn plain(value: &Value) -> Result<JsValue, JsValue> {
    match value {
        Value::List(items) => items.iter().map(plain).collect::<Result<Array, _>>().map(JsValue::from),
        Value::Map(inner) => entries(inner),
        other => write(other),
    }
}

/// Reads an id.
pub(crate) fn id(text: &str) -> Result<RecordId, JsValue> {
    text.parse().map_err(|error: stratamem_core::CommandError| to_js(error))
}

/// Reads a filter, or nothing.
pub(crate) fn filter(value: JsValue) -> Result<Option<Filter>, JsValue> {
    if value.is_undefined() || value.is_null() {
        return Ok(None);
    }
    let plain: Value = read(value, "filter")?;
    Filter::from_value(&plain).map(Some).map_err(to_js)
}

/// An operation with a note whether the batch has a vector for it.
#[derive(Deserialize)]
pub(crate) struct OperationInput {
    #[serde(default)]
    embedded: bool,
    #[serde(flatten)]
    operation: Operation,
}

/// Hands each embedded operation its row of the batch's vectors, in order.
pub(crate) fn operations(
    inputs: Vec<OperationInput>,
    vectors: &Float32Array,
) -> Result<Vec<Operation>, JsValue> {
    let embedded = inputs.iter().filter(|input| input.embedded).count();
    let flat = vectors.to_vec();
    if embedded == 0 && flat.is_empty() {
        return Ok(inputs.into_iter().map(|input| input.operation).collect());
    }
    if embedded == 0 || !flat.len().is_multiple_of(embedded) {
        return Err(malformed("vectors", format!("{} numbers for {embedded} vectors", flat.len())));
    }
    let mut rows = flat.chunks_exact((flat.len() / embedded).max(1));
    let mut operations = Vec::with_capacity(inputs.len());
    for OperationInput { embedded, mut operation } in inputs {
        if embedded {
            let row = rows.next().map(<[f32]>::to_vec);
            match &mut operation {
                Operation::Add { vector, .. } | Operation::Update { vector, .. } => *vector = row,
                Operation::Forget { .. } | Operation::Move { .. } => {}
            }
        }
        operations.push(operation);
    }
    Ok(operations)
}

/// A question.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueryInput {
    text: String,
    limit: usize,
    #[serde(default)]
    fusion: Fusion,
    min_score: Option<f32>,
    pub(crate) space: Option<EmbeddingSpace>,
    pub(crate) touch: bool,
}

impl QueryInput {
    /// The core's form of the question.
    pub(crate) fn query(&self, vector: Option<Float32Array>, filter: Option<Filter>) -> Query {
        Query {
            text: self.text.clone(),
            vector: vector.map(|vector| vector.to_vec()),
            limit: self.limit,
            filter,
            fusion: self.fusion,
            min_score: self.min_score,
        }
    }
}

/// A found record.
#[derive(Serialize)]
pub(crate) struct HitOutput<'a> {
    #[serde(flatten)]
    record: &'a Record,
    score: f32,
    why: &'a Why,
}

impl<'a> From<&'a Hit> for HitOutput<'a> {
    fn from(hit: &'a Hit) -> Self {
        HitOutput { record: &hit.record, score: hit.score, why: &hit.why }
    }
}

/// One page of a listing.
#[derive(Serialize)]
struct PageOutput<'a> {
    records: &'a [Record],
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<RecordId>,
}

impl<'a> From<&'a Page> for PageOutput<'a> {
    fn from(page: &'a Page) -> Self {
        PageOutput { records: &page.records, next: page.next }
    }
}

/// What a transaction did.
#[derive(Serialize)]
pub(crate) struct OutcomeOutput {
    pub(crate) ids: Vec<RecordId>,
    pub(crate) ticket: u64,
}
