//! Shapes that cross the boundary, and their conversion. Small plain objects go through serde-wasm-bindgen, records through
//! JSON, vectors as one `Float32Array` for a whole batch.

use std::io;

use js_sys::{Array, Float32Array, JSON, Object, Reflect, Uint32Array};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer as _};
use serde_json::ser::Formatter;
use serde_wasm_bindgen::Serializer;
use stratamem_core::{
    CursorPage, Embedding, EmbeddingSpace, Encoded, Expression, Filter, Fusion, Hit, Judgement, Listing,
    Operation, Order, Page, Part, Query, Record, RecordId, Reranking, Timestamp, Unencoded, Value, Weights,
    Why,
};
use wasm_bindgen::{JsCast, JsValue};

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
    through_json(|serializer| record.serialize(serializer))
}

/// Writes one page of a listing.
pub(crate) fn write_page(page: &Page) -> Result<JsValue, JsValue> {
    let next = page.next.map(|id| id.to_string().into());
    page_of(&page.records, "next", next)
}

/// Writes one page of a listing that has an order.
pub(crate) fn write_cursor_page(page: &CursorPage) -> Result<JsValue, JsValue> {
    page_of(&page.records, "cursor", page.cursor.as_deref().map(JsValue::from))
}

fn page_of(records: &[Record], onwards: &str, place: Option<JsValue>) -> Result<JsValue, JsValue> {
    let written = Object::new();
    Reflect::set(&written, &"records".into(), &write_each(records)?)?;
    if let Some(place) = place {
        Reflect::set(&written, &onwards.into(), &place)?;
    }
    Ok(written.into())
}

/// Writes found records.
pub(crate) fn write_hits(hits: &[Hit]) -> Result<JsValue, JsValue> {
    let outputs = hits.iter().map(|hit| HitOutput { record: &hit.record, score: hit.score, why: &hit.why });
    write_each(outputs)
}

/// Writes a list of records, or of what holds one each.
pub(crate) fn write_each<T: Serialize>(values: impl IntoIterator<Item = T>) -> Result<JsValue, JsValue> {
    through_json(|serializer| serializer.collect_seq(values))
}

/// Writes what has many fields or names that users give, by way of its JSON: the host makes all of it in one call, and a
/// field named `__proto__` is one like any other.
fn through_json(
    write: impl FnOnce(&mut serde_json::Serializer<&mut Vec<u8>, Wide>) -> Result<(), serde_json::Error>,
) -> Result<JsValue, JsValue> {
    let mut bytes = Vec::with_capacity(16_384);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Wide);
    write(&mut serializer).map_err(|error| malformed("record", error))?;
    let json = std::str::from_utf8(&bytes).map_err(|error| malformed("record", error))?;
    JSON::parse(json)
}

/// Writes numbers of single precision as the number of double precision that they are: what crosses the boundary
/// otherwise is that, and not the shortest text that tells them apart.
struct Wide;

impl Formatter for Wide {
    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(value))
    }
}

/// Reads an id.
pub(crate) fn id(text: &str) -> Result<RecordId, JsValue> {
    text.parse().map_err(|error: stratamem_core::CommandError| to_js(error))
}

/// Writes vectors for an encoder of the host, in one block.
pub(crate) fn unencoded(given: &Unencoded) -> Result<JsValue, JsValue> {
    let out = Object::new();
    let ids: Array = given.ids.iter().map(|id| JsValue::from(id.to_string())).collect();
    let fields: [(&str, JsValue); 5] = [
        ("encoder", given.encoder.as_str().into()),
        ("ids", ids.into()),
        ("versions", Uint32Array::from(given.versions.as_slice()).into()),
        ("vectors", Float32Array::from(given.vectors.as_slice()).into()),
        ("since", (given.since as f64).into()),
    ];
    for (name, value) in fields {
        Reflect::set(&out, &name.into(), &value)?;
    }
    Ok(out.into())
}

/// Reads what an encoder of the host has made: `ids`, `versions`, `width` and `rows`.
pub(crate) fn encoded(made: &JsValue) -> Result<Encoded, JsValue> {
    let field = |name: &str| Reflect::get(made, &name.into());
    let ids: Vec<String> = read(field("ids")?, "ids")?;
    Ok(Encoded {
        ids: ids.iter().map(|text| id(text)).collect::<Result<_, _>>()?,
        versions: field("versions")?.unchecked_into::<Uint32Array>().to_vec(),
        width: read(field("width")?, "width")?,
        rows: field("rows")?.unchecked_into::<Float32Array>().to_vec(),
        since: read(field("since")?, "since")?,
    })
}

/// Reads a question and its parts: of each its text, its vector or undefined, and pairs of the name of an encoder of the
/// host and the vector that it has made of that.
pub(crate) fn asked(asked: &Array) -> Result<(Part, Vec<Part>), JsValue> {
    let floats = |value: JsValue| value.unchecked_into::<Float32Array>().to_vec();
    let pair = |pair: JsValue| {
        let pair: Array = pair.unchecked_into();
        Ok::<_, JsValue>((read(pair.get(0), "encoders")?, floats(pair.get(1))))
    };
    let part = |part: JsValue| {
        let part: Array = part.unchecked_into();
        let vector = Some(part.get(1)).filter(|vector| !vector.is_undefined()).map(floats);
        let encoded = part.get(2).unchecked_into::<Array>().iter().map(pair).collect::<Result<_, _>>()?;
        Ok(Part { text: read(part.get(0), "query")?, vector, encoded })
    };
    let mut parts = asked.iter().map(part).collect::<Result<Vec<Part>, JsValue>>()?;
    let whole = if parts.is_empty() { Part::default() } else { parts.remove(0) };
    Ok((whole, parts))
}

/// Reads a filter, or nothing.
pub(crate) fn filter(value: JsValue) -> Result<Option<Filter>, JsValue> {
    if value.is_undefined() || value.is_null() {
        return Ok(None);
    }
    let plain: Value = read(value, "filter")?;
    Filter::from_value(&plain).map(Some).map_err(to_js)
}

/// Reads what a listing is of.
pub(crate) fn listing(filter_given: JsValue, order: JsValue) -> Result<Listing, JsValue> {
    let order: Option<Order> = read(order, "sort")?;
    Ok(Listing { filter: filter(filter_given)?, order: order.unwrap_or_default() })
}

/// Reads operations and hands those at the positions `embedded` their rows of `vectors`, in order.
pub(crate) fn operations(
    operations: JsValue,
    embedded: &[u32],
    vectors: &Float32Array,
) -> Result<Vec<Operation>, JsValue> {
    let mut operations: Vec<Operation> = read(operations, "operations")?;
    let flat = vectors.to_vec();
    if embedded.is_empty() && flat.is_empty() {
        return Ok(operations);
    }
    if embedded.is_empty() || !flat.len().is_multiple_of(embedded.len()) {
        return Err(malformed("vectors", format!("{} numbers for {} vectors", flat.len(), embedded.len())));
    }
    let width = flat.len() / embedded.len();
    for (row, at) in embedded.iter().enumerate() {
        match operations.get_mut(*at as usize) {
            Some(
                Operation::Add { vector, .. }
                | Operation::Update { vector, .. }
                | Operation::Forget { vector, .. },
            ) => {
                *vector = Some(flat[row * width..(row + 1) * width].to_vec());
            }
            _ => return Err(malformed("vectors", format!("operation {at} takes no vector"))),
        }
    }
    Ok(operations)
}

/// Reads vectors that were made of records: ids and versions, each with its row of `vectors`.
pub(crate) fn embeddings(
    ids: &[String],
    versions: &[u32],
    vectors: &Float32Array,
) -> Result<Vec<Embedding>, JsValue> {
    let flat = vectors.to_vec();
    if ids.len() != versions.len() || flat.is_empty() || !flat.len().is_multiple_of(ids.len()) {
        return Err(malformed("vectors", format!("{} numbers for {} vectors", flat.len(), ids.len())));
    }
    let rows = flat.chunks_exact(flat.len() / ids.len());
    ids.iter()
        .zip(versions)
        .zip(rows)
        .map(|((text, version), row)| {
            Ok(Embedding { id: id(text)?, version: *version, vector: row.to_vec() })
        })
        .collect()
}

/// What the vector of a record is made of.
#[derive(Serialize)]
pub(crate) struct SaidOutput<'a> {
    id: RecordId,
    version: u32,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
}

impl<'a> From<&'a Record> for SaidOutput<'a> {
    fn from(record: &'a Record) -> Self {
        SaidOutput {
            id: record.id,
            version: record.version,
            text: &record.text,
            actor: record.actor.as_deref(),
        }
    }
}

/// A question.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueryInput {
    /// Whether the text is in the syntax of queries.
    #[serde(default)]
    syntax: bool,
    like: Option<RecordId>,
    #[serde(default)]
    without: Vec<RecordId>,
    sort: Option<Order>,
    limit: usize,
    /// Number of the method, then its settings.
    fusion: [f32; 3],
    /// In the order of `Weights::NAMES`.
    weights: [f32; 9],
    #[serde(default)]
    diversity: f32,
    reference: Option<f64>,
    #[serde(default)]
    exact: bool,
    recall: Option<f32>,
    min_score: Option<f32>,
    pool: Option<usize>,
    #[serde(default)]
    judgements: Vec<JudgementInput>,
    reranking: Option<JudgementInput>,
    pub(crate) space: Option<EmbeddingSpace>,
    pub(crate) touch: bool,
}

impl QueryInput {
    /// The core's form of the question.
    pub(crate) fn query(
        &self,
        (whole, parts): (Part, Vec<Part>),
        filter: Option<Filter>,
    ) -> Result<Query, JsValue> {
        let Part { text, vector, encoded } = whole;
        let expression = self.syntax.then(|| Expression::parse(&text)).transpose().map_err(to_js)?;
        Ok(Query {
            text,
            expression,
            like: self.like,
            without: self.without.clone(),
            sort: self.sort,
            vector,
            encoded,
            parts,
            limit: self.limit,
            exact: self.exact,
            recall: self.recall,
            filter,
            fusion: match self.fusion {
                [1.0, k, _] => Fusion::Rrf { k },
                [2.0, dense, keyword] => Fusion::Max { dense, keyword },
                [3.0, dense, keyword] => Fusion::Borda { dense, keyword },
                [4.0, ..] => Fusion::Balanced,
                [_, dense, keyword] => Fusion::Weighted { dense, keyword },
            },
            weights: Weights(self.weights),
            diversity: self.diversity,
            reference: self.reference.map(|millis| Timestamp(millis as i64)),
            min_score: self.min_score,
            pool: self.pool,
            judgements: self.judgements.iter().map(JudgementInput::judgement).collect(),
            reranking: self.reranking.as_ref().map(JudgementInput::reranking),
        })
    }
}

/// What the host says of candidates; a reranker has no name.
#[derive(Deserialize)]
struct JudgementInput {
    #[serde(default)]
    name: String,
    weight: f32,
    scores: Vec<(RecordId, f32)>,
}

impl JudgementInput {
    fn judgement(&self) -> Judgement {
        let scores = self.scores.iter().copied().collect();
        Judgement { name: self.name.clone(), weight: self.weight, scores }
    }

    fn reranking(&self) -> Reranking {
        Reranking { weight: self.weight, scores: self.scores.iter().copied().collect() }
    }
}

/// A found record.
#[derive(Serialize)]
struct HitOutput<'a> {
    #[serde(flatten)]
    record: &'a Record,
    score: f32,
    why: &'a Why,
}

/// What a transaction did.
#[derive(Serialize)]
pub(crate) struct OutcomeOutput {
    pub(crate) ids: Vec<RecordId>,
    pub(crate) ticket: u64,
}
