//! The segment: many records in an object that is written once. Owns its stored types and writing it;
//! [`super::segment_reader`] reads it.
//!
//! A header, then frames numbered from 0: an info frame, blocks, and an end frame. A block holds records with their
//! vectors and their index terms, so that opening a memory tokenises nothing; traces, which bring records of older
//! segments up to date; and the ids of those that are gone.

use rustc_hash::FxHashMap;

use serde::{Deserialize, Serialize};

use crate::model::{Code, Record, RecordId};
use crate::persist::pack::pack;
use crate::persist::stored::{Nothing, RecordV1, TraceV1};
use crate::persist::{ObjectKind, frame, header};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct InfoV1 {
    /// Components of each vector; 0 when there are none.
    pub(super) dimensions: u32,
    /// Which tokeniser made the terms. Terms of another one are made anew from the texts.
    pub(super) tokenizer: String,
}

/// Stands before a block.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BlockHeadV1 {
    /// If the block is packed: its bytes as they stand here, and unpacked.
    pub(super) packed: Option<(u32, u32)>,
}

/// [`super::segment_reader`] reads it.
#[derive(Debug, Serialize)]
struct BlockV1 {
    records: Vec<RecordV1>,
    /// The hash of each record's words (see `consolidate::statement_key`), little-endian; made by the same tokeniser.
    statements: Vec<[u8; 8]>,
    /// How the vector of each record is kept. What is kept follows the postcard bytes, row after row, little-endian.
    vectors: Vec<VectorV1>,
    /// The distinct terms of the block.
    dictionary: Vec<String>,
    /// For each record: position in the dictionary and number of occurrences, in the order of the terms' first use.
    terms: Vec<Vec<(u32, u32)>>,
    /// What uses and moves have made of records that older segments hold.
    traces: Vec<TraceV1>,
    /// Ids that older segments hold and that are gone.
    tombstones: Vec<u128>,
}

/// How a vector is kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum VectorV1<L = VectorV1<Nothing>> {
    /// There is none.
    None,
    F32,
    Int8,
    Binary,
    /// In int8 steps of what a projection leaves of it: the number of the projection, and of the components.
    Projected(u32, u32),
    /// The length of the vector, and how its direction is kept.
    Long(f32, L),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EndV1 {
    pub(super) records: u32,
}

/// One record on its way into a segment.
#[derive(Debug)]
pub(crate) struct SegmentRow<'a> {
    pub(crate) record: &'a Record,
    pub(crate) code: Option<Code>,
    pub(crate) terms: Vec<(&'a str, u32)>,
    pub(crate) statement: u64,
}

/// Writes a segment, block by block.
#[derive(Debug)]
pub(crate) struct SegmentBuilder {
    number: u64,
    dimensions: u32,
    out: Vec<u8>,
    frames: u64,
    records: u32,
    /// Per tier, whether its records are packed.
    packs: [bool; 3],
    /// Bytes that packing has saved.
    saved: u64,
}

impl SegmentBuilder {
    /// Starts segment `number`, of vectors of `dimensions` components, with terms made by `tokenizer`. The records of the
    /// tiers that `packs` names are packed, apart from their vectors.
    pub(crate) fn new(number: u64, dimensions: u32, tokenizer: &str, packs: [bool; 3]) -> Self {
        let out = header::encode(ObjectKind::Segment, number).to_vec();
        let mut builder = SegmentBuilder { number, dimensions, out, frames: 0, records: 0, packs, saved: 0 };
        let info = InfoV1 { dimensions, tokenizer: tokenizer.to_owned() };
        builder.frame(&postcard::to_allocvec(&info).expect("stored types always encode"));
        builder
    }

    /// The number of the segment.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Components of each vector.
    pub(crate) fn dimensions(&self) -> u32 {
        self.dimensions
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// The bytes of the segment and the number of records in it.
    pub(crate) fn finish(mut self) -> (Vec<u8>, u32) {
        let end = EndV1 { records: self.records };
        self.frame(&postcard::to_allocvec(&end).expect("stored types always encode"));
        (self.out, self.records)
    }

    /// Bytes that packing has saved so far.
    pub(crate) fn saved(&self) -> u64 {
        self.saved
    }

    /// The bytes of a row that was written, by its place.
    pub(crate) fn row(&self, (offset, length): (u64, usize)) -> &[u8] {
        &self.out[offset as usize..][..length]
    }

    /// Writes records, records of older segments of which only the traces count, and ids of those that are gone: the
    /// records that are packed in a block of their own, behind the rest. Answers where what is kept of their vectors stands:
    /// the bytes before it, and how many it is.
    pub(crate) fn portion(
        &mut self,
        rows: &[SegmentRow<'_>],
        traced: &[&Record],
        tombstones: &[RecordId],
    ) -> Vec<(RecordId, (u64, usize))> {
        let mut places = Vec::new();
        let (packed, plain): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| self.packs[row.record.tier.index()]);
        if !(plain.is_empty() && traced.is_empty() && tombstones.is_empty()) {
            places = self.block(&plain, traced, tombstones, false);
        }
        if !packed.is_empty() {
            places.extend(self.block(&packed, &[], &[], true));
        }
        places
    }

    fn block(
        &mut self,
        rows: &[&SegmentRow<'_>],
        traced: &[&Record],
        tombstones: &[RecordId],
        packs: bool,
    ) -> Vec<(RecordId, (u64, usize))> {
        let mut positions: FxHashMap<&str, u32> = FxHashMap::default();
        let mut dictionary = Vec::new();
        let mut terms = Vec::with_capacity(rows.len());
        for row in rows {
            let mut list = Vec::with_capacity(row.terms.len());
            for (term, count) in &row.terms {
                let position = *positions.entry(term).or_insert_with(|| {
                    dictionary.push((*term).to_owned());
                    dictionary.len() as u32 - 1
                });
                list.push((position, *count));
            }
            terms.push(list);
        }
        let block = BlockV1 {
            records: rows.iter().map(|row| RecordV1::from(row.record)).collect(),
            statements: rows.iter().map(|row| row.statement.to_le_bytes()).collect(),
            vectors: rows.iter().map(|row| VectorV1::of(row.code.as_ref())).collect(),
            dictionary,
            terms,
            traces: traced.iter().map(|record| TraceV1::from(*record)).collect(),
            tombstones: tombstones.iter().map(|id| id.0).collect(),
        };
        let mut value = postcard::to_allocvec(&block).expect("stored types always encode");
        let mut packed = None;
        if packs {
            let length = value.len();
            value = pack(&value);
            self.saved += length.saturating_sub(value.len()) as u64;
            packed = Some((value.len() as u32, length as u32));
        }
        let mut payload = postcard::to_allocvec(&BlockHeadV1 { packed }).expect("stored types always encode");
        payload.append(&mut value);
        let mut places = Vec::new();
        let start = self.out.len() + frame::HEAD_LEN;
        for (row, code) in rows.iter().filter_map(|row| Some((row, row.code.as_ref()?))) {
            let before = payload.len();
            match code.parts().0 {
                Code::F32(components) => {
                    payload.reserve(4 * components.len());
                    components.iter().for_each(|c| payload.extend_from_slice(&c.to_le_bytes()));
                }
                Code::Int8(steps) | Code::Projected(_, steps) => {
                    payload.extend(steps.iter().map(|step| step.cast_unsigned()))
                }
                Code::Binary(signs) => payload.extend_from_slice(signs),
                Code::Long(..) => unreachable!("a direction has no length of its own"),
            }
            places.push((row.record.id, ((start + before) as u64, payload.len() - before)));
        }
        self.records += rows.len() as u32;
        self.frame(&payload);
        places
    }

    fn frame(&mut self, payload: &[u8]) {
        frame::write(&mut self.out, self.frames, payload);
        self.frames += 1;
    }
}

impl VectorV1 {
    fn of(code: Option<&Code>) -> Self {
        match code {
            None => VectorV1::None,
            Some(Code::Long(length, direction)) => VectorV1::Long(*length, VectorV1::direction(direction)),
            Some(direction) => VectorV1::direction(direction),
        }
    }
}

impl<L> VectorV1<L> {
    fn direction(code: &Code) -> Self {
        match code {
            Code::F32(_) => VectorV1::F32,
            Code::Int8(_) => VectorV1::Int8,
            Code::Binary(_) => VectorV1::Binary,
            Code::Projected(number, steps) => VectorV1::Projected(*number, steps.len() as u32),
            Code::Long(_, direction) => VectorV1::direction(direction),
        }
    }
}
