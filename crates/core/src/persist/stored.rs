//! The stored types of format version 1: exactly what postcard writes into frames.
//!
//! These types never change. A new need gets a new type and a new format version. They are separate from the types
//! in [`crate::model`], so that refactoring cannot change bytes.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::index::vector::{Map, Projection};
use crate::model::{
    Code, EmbeddingSpace, Kept, Kind, Metadata, Metric, Move, Origin, Precision, Reason, Record, RecordId,
    Reward, Scope, Tier, Timestamp, Usage, Value,
};

/// One commit: what changed, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FrameV1 {
    /// When, in milliseconds.
    pub(crate) time: i64,
    /// What, in order.
    pub(crate) changes: Vec<ChangeV1>,
}

/// One step of a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum ChangeV1 {
    /// The embedding space of the memory from now on: its first, or another one, with which all vectors go.
    Space { model: String, dimensions: u32 },
    /// A record as it is from now on, with what is kept of its vector if it has one.
    Put { record: RecordV1, code: Option<CodeV1> },
    /// A record as it is from now on; its vector stays.
    Revise { record: RecordV1 },
    /// The record is gone.
    Remove { id: u128 },
    /// The record moved to another tier: what is remembered of all its moves from now on, the last of them this one.
    Move { id: u128, moves: Vec<MoveV1> },
    /// Records were used: what is remembered of all their uses from now on.
    Use { uses: Vec<(u128, UsageV1)> },
    /// These records' vectors are kept like that if it takes fewer bytes; others stay as they are.
    Coarsen { kept: KeptV1, ids: Vec<u128> },
    /// The vectors of this tier are kept under this projection from now on, or as the configuration says.
    Train { tier: u8, projection: Option<ProjectionV1> },
    /// What the encoder that the projection of this number stands for has made of the vectors of these records, in int8
    /// steps, is kept in their place.
    Encode { number: u32, codes: Vec<(u128, Vec<i8>)> },
    /// What is kept of these records' vectors is this from now on.
    Embed { codes: Vec<(u128, CodeV1)> },
    /// As `Space`, and how vectors are compared there: by the metric of this number.
    SpaceOf { model: String, dimensions: u32, metric: u8 },
}

/// How a vector is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum KeptV1 {
    F32,
    Int8,
    Binary,
    Projected(u32),
}

/// A projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProjectionV1 {
    number: u32,
    /// What a product of projected unit vectors is multiplied with to estimate the cosine.
    factor: f32,
    dimensions: u32,
    map: MapV1,
}

/// How a projection makes a shorter vector of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum MapV1 {
    /// Orthonormal rows.
    Linear(Vec<f32>),
    /// The name of an encoder of the host, and the components that it makes.
    Encoder(String, u32),
}

/// What is kept of a vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum CodeV1<L = Box<CodeV1<Nothing>>> {
    F32(Vec<f32>),
    Int8(Vec<i8>),
    Binary(Vec<u8>),
    Projected(u32, Vec<i8>),
    /// The length of the vector, and what is kept of its direction: never another one of these.
    Long(f32, L),
}

/// What cannot be written, and is refused when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Nothing {}

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordV1 {
    id: u128,
    text: String,
    kind: String,
    tier: u8,
    tier_since: i64,
    scope: [Option<String>; 4],
    actor: Option<String>,
    occurred_at: i64,
    recorded_at: i64,
    importance: f64,
    tags: Vec<String>,
    metadata: Vec<(String, ValueV1)>,
    usage: UsageV1,
    surprise: Option<f32>,
    moves: Vec<MoveV1>,
    pinned: bool,
    expires_at: Option<i64>,
    source: Option<String>,
    origins: Vec<OriginV1>,
    summary: bool,
    version: u32,
}

/// A memory that went into a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OriginV1 {
    id: u128,
    occurred_at: i64,
    actor: Option<String>,
    tags: Vec<String>,
    metadata: Vec<(String, ValueV1)>,
    source: Option<String>,
    text: Option<String>,
}

/// How a record has been used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UsageV1 {
    count: u32,
    /// The last moment, then how long before it the next to last was, and so on.
    recent: Vec<i64>,
    merit: f32,
    /// Mean and number.
    reward: Option<(f32, u32)>,
}

/// A move from tier to tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MoveV1 {
    from: u8,
    to: u8,
    at: i64,
    reason: u8,
    score: Option<f64>,
}

/// What uses and moves have made of a record that an older segment holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TraceV1 {
    id: u128,
    usage: UsageV1,
    moves: Vec<MoveV1>,
}

/// A metadata value.
#[derive(Debug, Clone, PartialEq, Serialize)]
enum ValueV1 {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<ValueV1>),
    Map(Vec<(String, ValueV1)>),
}

/// Levels of nesting that are read. No writer nests this deep; forged bytes could, to exhaust the stack.
const MAX_LEVELS: u8 = 64;

impl<'de> Deserialize<'de> for ValueV1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested(MAX_LEVELS).deserialize(deserializer)
    }
}

/// Reads a [`ValueV1`] of at most so many levels.
#[derive(Clone, Copy)]
struct Nested(u8);

impl Nested {
    fn below<E: de::Error>(self) -> Result<Nested, E> {
        self.0.checked_sub(1).map(Nested).ok_or_else(|| E::custom("a value is nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = ValueV1;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ValueV1, D::Error> {
        const VARIANTS: &[&str] = &["Null", "Bool", "Number", "Text", "List", "Map"];
        deserializer.deserialize_enum("ValueV1", VARIANTS, self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = ValueV1;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a metadata value")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<ValueV1, A::Error> {
        let (variant, content) = access.variant::<u32>()?;
        match variant {
            0 => content.unit_variant().map(|()| ValueV1::Null),
            1 => content.newtype_variant().map(ValueV1::Bool),
            2 => content.newtype_variant().map(ValueV1::Number),
            3 => content.newtype_variant().map(ValueV1::Text),
            4 => content.newtype_variant_seed(Items(self.below()?)).map(ValueV1::List),
            5 => content.newtype_variant_seed(Items(Entry(self.below()?))).map(ValueV1::Map),
            _ => Err(de::Error::custom("an unknown kind of value")),
        }
    }
}

/// Reads a list, each item with the same seed.
struct Items<S>(S);

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for Items<S> {
    type Value = Vec<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for Items<S> {
    type Value = Vec<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self.0)? {
            items.push(item);
        }
        Ok(items)
    }
}

/// Reads a name and its value.
#[derive(Clone, Copy)]
struct Entry(Nested);

impl<'de> DeserializeSeed<'de> for Entry {
    type Value = (String, ValueV1);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_tuple(2, self)
    }
}

impl<'de> Visitor<'de> for Entry {
    type Value = (String, ValueV1);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name and its value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let cut = || de::Error::custom("an entry is cut short");
        let name = access.next_element()?.ok_or_else(cut)?;
        Ok((name, access.next_element_seed(self.0)?.ok_or_else(cut)?))
    }
}

/// A projection and its number.
pub(crate) type Numbered = (u32, Arc<Projection>);

/// A step of a commit, as the engine works with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// See [`ChangeV1::SpaceOf`].
    Space(EmbeddingSpace, Metric),
    /// See [`ChangeV1::Put`].
    Put(Box<Record>, Option<Code>),
    /// See [`ChangeV1::Revise`].
    Revise(Box<Record>),
    /// See [`ChangeV1::Remove`].
    Remove(RecordId),
    /// A move, to be carried out.
    Move(RecordId, Move),
    /// Moves that were carried out, as [`ChangeV1::Move`] tells of them.
    Moved(RecordId, Vec<Move>),
    /// See [`ChangeV1::Use`].
    Use(Vec<(RecordId, Usage)>),
    /// See [`ChangeV1::Coarsen`].
    Coarsen(Kept, Vec<RecordId>),
    /// See [`ChangeV1::Train`].
    Train(Tier, Option<Numbered>),
    /// See [`ChangeV1::Encode`].
    Encode(u32, Vec<(RecordId, Vec<i8>)>),
    /// See [`ChangeV1::Embed`].
    Embed(Vec<(RecordId, Code)>),
}

impl From<&Record> for TraceV1 {
    fn from(record: &Record) -> Self {
        TraceV1 {
            id: record.id.0,
            usage: UsageV1::from(&record.usage),
            moves: record.moves.iter().map(MoveV1::from).collect(),
        }
    }
}

impl TraceV1 {
    /// The record that the trace is of and what became of it, or what is wrong with the trace.
    pub(crate) fn into_changes(self) -> Result<(RecordId, [Change; 2]), &'static str> {
        let id = RecordId(self.id);
        let moves = self.moves.into_iter().map(MoveV1::into_move).collect::<Result<_, _>>()?;
        Ok((id, [Change::Use(vec![(id, self.usage.into_usage())]), Change::Moved(id, moves)]))
    }
}

impl Change {
    /// About how many bytes it takes in a log.
    pub(crate) fn expected_bytes(&self) -> usize {
        /// What a record takes beside its texts.
        const RECORD: usize = 128;
        let vector = |code: &Code| match code.parts().0 {
            Code::F32(components) => 4 * components.len(),
            Code::Int8(steps) | Code::Projected(_, steps) => steps.len(),
            Code::Binary(signs) => signs.len(),
            Code::Long(..) => 0,
        };
        match self {
            Change::Put(record, code) => RECORD + record.text.len() + code.as_ref().map_or(0, vector),
            Change::Revise(record) => RECORD + record.text.len(),
            _ => 32,
        }
    }
}

impl FrameV1 {
    /// The commit that was stored, or what is wrong with it.
    pub(crate) fn into_changes(self) -> Result<(Timestamp, Vec<Change>), &'static str> {
        let changes = self.changes.into_iter().map(ChangeV1::into_change).collect::<Result<_, _>>()?;
        Ok((Timestamp(self.time), changes))
    }
}

impl From<&Change> for ChangeV1 {
    fn from(change: &Change) -> Self {
        match change {
            Change::Space(EmbeddingSpace { model, dimensions }, metric) => match metric {
                Metric::Cosine => ChangeV1::Space { model: model.clone(), dimensions: *dimensions },
                other => ChangeV1::SpaceOf {
                    model: model.clone(),
                    dimensions: *dimensions,
                    metric: other.index() as u8,
                },
            },
            Change::Put(record, code) => {
                ChangeV1::Put { record: RecordV1::from(&**record), code: code.as_ref().map(CodeV1::from) }
            }
            Change::Revise(record) => ChangeV1::Revise { record: RecordV1::from(&**record) },
            Change::Remove(id) => ChangeV1::Remove { id: id.0 },
            Change::Move(id, step) => ChangeV1::Move { id: id.0, moves: vec![MoveV1::from(step)] },
            Change::Moved(id, moves) => {
                ChangeV1::Move { id: id.0, moves: moves.iter().map(MoveV1::from).collect() }
            }
            Change::Use(uses) => {
                ChangeV1::Use { uses: uses.iter().map(|(id, usage)| (id.0, UsageV1::from(usage))).collect() }
            }
            Change::Coarsen(kept, ids) => {
                ChangeV1::Coarsen { kept: KeptV1::from(*kept), ids: ids.iter().map(|id| id.0).collect() }
            }
            Change::Train(tier, projection) => ChangeV1::Train {
                tier: tier.index() as u8,
                projection: projection.as_ref().map(ProjectionV1::from),
            },
            Change::Encode(number, codes) => {
                let codes = codes.iter().map(|(id, steps)| (id.0, steps.clone())).collect();
                ChangeV1::Encode { number: *number, codes }
            }
            Change::Embed(codes) => {
                ChangeV1::Embed { codes: codes.iter().map(|(id, code)| (id.0, CodeV1::from(code))).collect() }
            }
        }
    }
}

impl ChangeV1 {
    fn into_change(self) -> Result<Change, &'static str> {
        Ok(match self {
            ChangeV1::Space { model, dimensions } => {
                Change::Space(EmbeddingSpace { model, dimensions }, Metric::Cosine)
            }
            ChangeV1::SpaceOf { model, dimensions, metric } => {
                Change::Space(EmbeddingSpace { model, dimensions }, metric_from(metric)?)
            }
            ChangeV1::Put { record, code } => {
                Change::Put(Box::new(record.into_record()?), code.map(Code::from))
            }
            ChangeV1::Revise { record } => Change::Revise(Box::new(record.into_record()?)),
            ChangeV1::Remove { id } => Change::Remove(RecordId(id)),
            ChangeV1::Move { id, moves } => Change::Moved(
                RecordId(id),
                moves.into_iter().map(MoveV1::into_move).collect::<Result<_, _>>()?,
            ),
            ChangeV1::Use { uses } => {
                Change::Use(uses.into_iter().map(|(id, usage)| (RecordId(id), usage.into_usage())).collect())
            }
            ChangeV1::Coarsen { kept, ids } => {
                Change::Coarsen(kept.into_kept(), ids.into_iter().map(RecordId).collect())
            }
            ChangeV1::Train { tier, projection } => {
                let projection = projection.map(ProjectionV1::into_numbered).transpose()?;
                Change::Train(tier_from(tier)?, projection)
            }
            ChangeV1::Encode { number, codes } => {
                Change::Encode(number, codes.into_iter().map(|(id, steps)| (RecordId(id), steps)).collect())
            }
            ChangeV1::Embed { codes } => {
                Change::Embed(codes.into_iter().map(|(id, code)| (RecordId(id), code.into())).collect())
            }
        })
    }
}

fn tier_from(code: u8) -> Result<Tier, &'static str> {
    Tier::ALL.get(usize::from(code)).copied().ok_or("a record names a tier that does not exist")
}

/// The metric of that number in storage.
pub(crate) fn metric_from(number: u8) -> Result<Metric, &'static str> {
    Metric::ALL.get(usize::from(number)).copied().ok_or("vectors are compared in a way that does not exist")
}

impl From<&Code> for CodeV1 {
    fn from(code: &Code) -> Self {
        match code {
            Code::Long(length, direction) => CodeV1::Long(*length, Box::new(CodeV1::direction(direction))),
            direction => CodeV1::direction(direction),
        }
    }
}

impl<L> CodeV1<L> {
    /// What is kept of the direction of a vector.
    fn direction(code: &Code) -> Self {
        match code {
            Code::F32(components) => CodeV1::F32(components.clone()),
            Code::Int8(steps) => CodeV1::Int8(steps.clone()),
            Code::Binary(signs) => CodeV1::Binary(signs.clone()),
            Code::Projected(number, steps) => CodeV1::Projected(*number, steps.clone()),
            Code::Long(_, direction) => CodeV1::direction(direction),
        }
    }
}

impl From<Nothing> for Code {
    fn from(nothing: Nothing) -> Code {
        match nothing {}
    }
}

impl<L> From<CodeV1<L>> for Code
where
    Code: From<L>,
{
    fn from(code: CodeV1<L>) -> Code {
        match code {
            CodeV1::F32(components) => Code::F32(components),
            CodeV1::Int8(steps) => Code::Int8(steps),
            CodeV1::Binary(signs) => Code::Binary(signs),
            CodeV1::Projected(number, steps) => Code::Projected(number, steps),
            CodeV1::Long(length, direction) => Code::from(direction).of_length(length),
        }
    }
}

impl From<Box<CodeV1<Nothing>>> for Code {
    fn from(code: Box<CodeV1<Nothing>>) -> Code {
        Code::from(*code)
    }
}

impl From<Kept> for KeptV1 {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Whole(Precision::F32) => KeptV1::F32,
            Kept::Whole(Precision::Int8) => KeptV1::Int8,
            Kept::Whole(Precision::Binary) => KeptV1::Binary,
            Kept::Projected(number) => KeptV1::Projected(number),
        }
    }
}

impl KeptV1 {
    fn into_kept(self) -> Kept {
        match self {
            KeptV1::F32 => Kept::Whole(Precision::F32),
            KeptV1::Int8 => Kept::Whole(Precision::Int8),
            KeptV1::Binary => Kept::Whole(Precision::Binary),
            KeptV1::Projected(number) => Kept::Projected(number),
        }
    }
}

impl From<&Numbered> for ProjectionV1 {
    fn from((number, projection): &Numbered) -> Self {
        ProjectionV1 {
            number: *number,
            factor: projection.factor(),
            dimensions: projection.dimensions() as u32,
            map: match projection.map() {
                Map::Linear(basis) => MapV1::Linear(basis.clone()),
                Map::Encoder(name, width) => MapV1::Encoder(name.clone(), *width as u32),
            },
        }
    }
}

impl ProjectionV1 {
    /// The projection that was stored, or what is wrong with it.
    pub(crate) fn into_numbered(self) -> Result<Numbered, &'static str> {
        let map = match self.map {
            MapV1::Linear(basis) => Map::Linear(basis),
            MapV1::Encoder(name, width) => Map::Encoder(name, width as usize),
        };
        let projection = Projection::new(self.factor, self.dimensions as usize, map);
        Ok((self.number, Arc::new(projection.ok_or("a projection has impossible figures")?)))
    }
}

impl From<&Record> for RecordV1 {
    fn from(record: &Record) -> Self {
        let Record { id, text, kind, tier, tier_since, scope, actor, .. } = record;
        let Scope { tenant, user, agent, session } = scope;
        RecordV1 {
            id: id.0,
            text: text.clone(),
            kind: kind.0.clone(),
            tier: tier.index() as u8,
            tier_since: tier_since.0,
            scope: [tenant.clone(), user.clone(), agent.clone(), session.clone()],
            actor: actor.clone(),
            occurred_at: record.occurred_at.0,
            recorded_at: record.recorded_at.0,
            importance: record.importance,
            tags: record.tags.clone(),
            metadata: store_map(&record.metadata),
            usage: UsageV1::from(&record.usage),
            surprise: record.surprise,
            moves: record.moves.iter().map(MoveV1::from).collect(),
            pinned: record.pinned,
            expires_at: record.expires_at.map(|at| at.0),
            source: record.source.clone(),
            origins: record.origins.iter().map(OriginV1::from).collect(),
            summary: record.summary,
            version: record.version,
        }
    }
}

impl From<&Origin> for OriginV1 {
    fn from(origin: &Origin) -> Self {
        OriginV1 {
            id: origin.id.0,
            occurred_at: origin.occurred_at.0,
            actor: origin.actor.clone(),
            tags: origin.tags.clone(),
            metadata: store_map(&origin.metadata),
            source: origin.source.clone(),
            text: origin.text.clone(),
        }
    }
}

impl OriginV1 {
    fn into_origin(self) -> Origin {
        Origin {
            id: RecordId(self.id),
            occurred_at: Timestamp(self.occurred_at),
            actor: self.actor,
            tags: self.tags,
            metadata: load_map(self.metadata),
            source: self.source,
            text: self.text,
        }
    }
}

impl From<&Usage> for UsageV1 {
    fn from(usage: &Usage) -> Self {
        let gaps = usage.recent.windows(2).map(|pair| pair[0].0.wrapping_sub(pair[1].0));
        UsageV1 {
            count: usage.count,
            recent: usage.recent.first().map(|at| at.0).into_iter().chain(gaps).collect(),
            merit: usage.merit,
            reward: usage.reward.map(|Reward { mean, count }| (mean, count)),
        }
    }
}

impl UsageV1 {
    fn into_usage(self) -> Usage {
        let mut moments = self.recent;
        for later in 1..moments.len() {
            moments[later] = moments[later - 1].wrapping_sub(moments[later]);
        }
        Usage {
            count: self.count,
            recent: moments.into_iter().map(Timestamp).collect(),
            merit: self.merit,
            reward: self.reward.map(|(mean, count)| Reward { mean, count }),
        }
    }
}

impl From<&Move> for MoveV1 {
    fn from(step: &Move) -> Self {
        MoveV1 {
            from: step.from.index() as u8,
            to: step.to.index() as u8,
            at: step.at.0,
            reason: step.reason.index() as u8,
            score: step.score,
        }
    }
}

impl MoveV1 {
    fn into_move(self) -> Result<Move, &'static str> {
        let reason = Reason::ALL.get(usize::from(self.reason)).copied();
        Ok(Move {
            from: tier_from(self.from)?,
            to: tier_from(self.to)?,
            at: Timestamp(self.at),
            reason: reason.ok_or("a record moved for a reason that does not exist")?,
            score: self.score,
        })
    }
}

impl RecordV1 {
    /// The record that was stored, or what is wrong with it.
    pub(crate) fn into_record(self) -> Result<Record, &'static str> {
        let [tenant, user, agent, session] = self.scope;
        Ok(Record {
            id: RecordId(self.id),
            text: self.text,
            kind: Kind(self.kind),
            tier: tier_from(self.tier)?,
            tier_since: Timestamp(self.tier_since),
            scope: Scope { tenant, user, agent, session },
            actor: self.actor,
            occurred_at: Timestamp(self.occurred_at),
            recorded_at: Timestamp(self.recorded_at),
            importance: self.importance,
            tags: self.tags,
            metadata: load_map(self.metadata),
            usage: self.usage.into_usage(),
            surprise: self.surprise,
            moves: self.moves.into_iter().map(MoveV1::into_move).collect::<Result<_, _>>()?,
            pinned: self.pinned,
            expires_at: self.expires_at.map(Timestamp),
            source: self.source,
            origins: self.origins.into_iter().map(OriginV1::into_origin).collect(),
            summary: self.summary,
            version: self.version,
        })
    }
}

fn store_map(entries: &Metadata) -> Vec<(String, ValueV1)> {
    entries.iter().map(|(name, value)| (name.clone(), ValueV1::from(value))).collect()
}

fn load_map(entries: Vec<(String, ValueV1)>) -> Metadata {
    let mut map = Metadata::new();
    for (name, value) in entries {
        map.insert(name, Value::from(value));
    }
    map
}

impl From<&Value> for ValueV1 {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => ValueV1::Null,
            Value::Bool(flag) => ValueV1::Bool(*flag),
            Value::Number(number) => ValueV1::Number(*number),
            Value::Text(text) => ValueV1::Text(text.clone()),
            Value::List(items) => ValueV1::List(items.iter().map(ValueV1::from).collect()),
            Value::Map(entries) => ValueV1::Map(store_map(entries)),
        }
    }
}

impl From<ValueV1> for Value {
    fn from(value: ValueV1) -> Self {
        match value {
            ValueV1::Null => Value::Null,
            ValueV1::Bool(flag) => Value::Bool(flag),
            ValueV1::Number(number) => Value::Number(number),
            ValueV1::Text(text) => Value::Text(text),
            ValueV1::List(items) => Value::List(items.into_iter().map(Value::from).collect()),
            ValueV1::Map(entries) => Value::Map(load_map(entries)),
        }
    }
}
