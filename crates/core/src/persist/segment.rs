//! The segment: many records in an object that is written once.
//!
//! A header, then frames numbered from 0: an info frame, record blocks, and an end frame. Each block holds up to
//! [`SegmentBuilder::BLOCK`] records with their vectors and their index terms, so that opening a memory tokenises nothing.

use rustc_hash::FxHashMap;

use serde::{Deserialize, Serialize};

use crate::error::FormatError;
use crate::model::{Record, RecordId};
use crate::persist::frame::{self, Parsed};
use crate::persist::stored::RecordV1;
use crate::persist::{ObjectKind, header};

#[derive(Debug, Serialize, Deserialize)]
struct InfoV1 {
    /// Components of each vector; 0 when there are none.
    dimensions: u32,
    /// Which tokeniser made the terms. Terms of another one are made anew from the texts.
    tokenizer: String,
    /// Ids that earlier segments hold and that are gone.
    tombstones: Vec<u128>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BlockV1 {
    records: Vec<RecordV1>,
    /// The hash of each record's words (see `consolidate::statement_key`), little-endian; made by the same tokeniser.
    statements: Vec<[u8; 8]>,
    /// Whether each record has a vector. The vectors follow the postcard bytes: row-major `f32`, little-endian.
    has_vector: Vec<bool>,
    /// The distinct terms of the block.
    dictionary: Vec<String>,
    /// For each record: position in the dictionary and number of occurrences, in the order of the terms' first use.
    terms: Vec<Vec<(u32, u32)>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EndV1 {
    records: u32,
}

/// One record on its way into a segment.
#[derive(Debug)]
pub(crate) struct SegmentRow<'a> {
    pub(crate) record: &'a Record,
    pub(crate) vector: Option<&'a [f32]>,
    pub(crate) terms: Vec<(&'a str, u32)>,
    pub(crate) statement: u64,
}

/// Writes a segment, block by block.
#[derive(Debug)]
pub(crate) struct SegmentBuilder {
    out: Vec<u8>,
    frames: u64,
    records: u32,
}

impl SegmentBuilder {
    /// Records in a block.
    pub(crate) const BLOCK: usize = 256;

    /// Starts a segment of vectors of `dimensions` components, with terms made by `tokenizer`.
    pub(crate) fn new(dimensions: u32, tokenizer: &str, tombstones: &[RecordId]) -> Self {
        let mut builder =
            SegmentBuilder { out: header::encode(ObjectKind::Segment).to_vec(), frames: 0, records: 0 };
        let tombstones = tombstones.iter().map(|id| id.0).collect();
        let info = InfoV1 { dimensions, tokenizer: tokenizer.to_owned(), tombstones };
        builder.frame(&postcard::to_allocvec(&info).expect("stored types always encode"));
        builder
    }

    /// The bytes of the segment and the number of records in it.
    pub(crate) fn finish(mut self) -> (Vec<u8>, u32) {
        let end = EndV1 { records: self.records };
        self.frame(&postcard::to_allocvec(&end).expect("stored types always encode"));
        (self.out, self.records)
    }

    /// Writes a block of up to [`SegmentBuilder::BLOCK`] records; nothing, if there are none.
    pub(crate) fn block(&mut self, rows: &[SegmentRow<'_>]) {
        if rows.is_empty() {
            return;
        }
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
            has_vector: rows.iter().map(|row| row.vector.is_some()).collect(),
            dictionary,
            terms,
        };
        let mut payload = postcard::to_allocvec(&block).expect("stored types always encode");
        for vector in rows.iter().filter_map(|row| row.vector) {
            payload.extend(vector.iter().flat_map(|component| component.to_le_bytes()));
        }
        self.records += rows.len() as u32;
        self.frame(&payload);
    }

    fn frame(&mut self, payload: &[u8]) {
        frame::write(&mut self.out, self.frames, payload);
        self.frames += 1;
    }
}

/// One record out of a segment.
#[derive(Debug)]
pub(crate) struct StoredRow {
    pub(crate) record: Record,
    pub(crate) vector: Option<Vec<f32>>,
    pub(crate) terms: Vec<(u32, u32)>,
    pub(crate) statement: u64,
}

/// A whole segment, read and checked.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    /// Components of each vector; 0 when there are none.
    pub(crate) dimensions: u32,
    /// Which tokeniser made the terms.
    pub(crate) tokenizer: String,
    /// Ids that earlier segments hold and that are gone.
    pub(crate) tombstones: Vec<RecordId>,
    /// Blocks: their terms, and their records.
    pub(crate) blocks: Vec<(Vec<String>, Vec<StoredRow>)>,
}

impl SegmentReader {
    /// Reads the segment stored under the key `object`.
    ///
    /// # Errors
    /// [`FormatError`] naming the object and the byte where it stops making sense.
    pub(crate) fn decode(object: &str, bytes: &[u8]) -> Result<SegmentReader, FormatError> {
        let mut frames = Frames { object, bytes, at: header::HEADER_LEN, number: 0 };
        header::check(bytes, ObjectKind::Segment, object)?;
        let payload = frames.next()?;
        let info: InfoV1 =
            postcard::from_bytes(payload).map_err(|_| frames.corrupt("its info does not decode"))?;
        let mut reader = SegmentReader {
            dimensions: info.dimensions,
            tokenizer: info.tokenizer,
            tombstones: info.tombstones.into_iter().map(RecordId).collect(),
            blocks: Vec::new(),
        };
        let mut records = 0u32;
        loop {
            let payload = frames.next()?;
            if frames.at == bytes.len() {
                let end: EndV1 =
                    postcard::from_bytes(payload).map_err(|_| frames.corrupt("its end does not decode"))?;
                if end.records != records {
                    return Err(frames.corrupt("it does not hold as many records as its end says"));
                }
                return Ok(reader);
            }
            let block = reader.block(payload).map_err(|problem| frames.corrupt(problem))?;
            records = records.saturating_add(block.1.len() as u32);
            reader.blocks.push(block);
        }
    }

    fn block(&self, payload: &[u8]) -> Result<(Vec<String>, Vec<StoredRow>), &'static str> {
        let (block, raw): (BlockV1, _) =
            postcard::take_from_bytes(payload).map_err(|_| "a block does not decode")?;
        let BlockV1 { records, statements, has_vector, dictionary, terms } = block;
        let row_bytes = self.dimensions as usize * 4;
        let vectors = has_vector.iter().filter(|has| **has).count();
        if records.len() != has_vector.len()
            || records.len() != statements.len()
            || records.len() != terms.len()
            || raw.len() != vectors * row_bytes
            || (vectors > 0 && row_bytes == 0)
        {
            return Err("the columns of a block differ in length");
        }
        if terms.iter().flatten().any(|(term, _)| *term as usize >= dictionary.len()) {
            return Err("a block names a term that is not in its dictionary");
        }
        let mut chunks = raw.chunks_exact(row_bytes.max(1));
        let mut rows = Vec::with_capacity(records.len());
        for (((record, has_vector), terms), statement) in
            records.into_iter().zip(has_vector).zip(terms).zip(statements)
        {
            let vector = has_vector.then(|| {
                let row = chunks.next().unwrap_or_default();
                row.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            });
            let statement = u64::from_le_bytes(statement);
            rows.push(StoredRow { record: record.into_record()?, vector, terms, statement });
        }
        Ok((dictionary, rows))
    }
}

struct Frames<'a> {
    object: &'a str,
    bytes: &'a [u8],
    at: usize,
    number: u64,
}

impl<'a> Frames<'a> {
    fn next(&mut self) -> Result<&'a [u8], FormatError> {
        match frame::parse(self.bytes.get(self.at..).unwrap_or_default()) {
            Parsed::Whole { number, payload, len } if number == self.number => {
                self.at += len;
                self.number += 1;
                Ok(payload)
            }
            Parsed::Whole { .. } => Err(self.corrupt("a frame is out of order")),
            Parsed::Short => Err(self.corrupt("it is cut short")),
            Parsed::BadHead | Parsed::BadBody => Err(self.corrupt("the checksum of a frame does not match")),
        }
    }

    fn corrupt(&self, problem: &str) -> FormatError {
        FormatError::Corrupt {
            object: self.object.to_owned(),
            offset: self.at as u64,
            problem: problem.to_owned(),
        }
    }
}
