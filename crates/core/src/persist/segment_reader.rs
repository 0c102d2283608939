//! Reading a segment: block by block, each record with the bytes of its vector and its terms where they stand.
//!
//! Owns the checks. Nothing of a block is believed before its checksum has been seen, and what is wrong is told with the
//! object and the byte where it stops making sense.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use crate::error::FormatError;
use crate::index::vector::StoredVector;
use crate::model::{Kept, Precision, Record, RecordId};
use crate::persist::frame::{self, Parsed};
use crate::persist::pack::unpack;
use crate::persist::segment::{BlockHeadV1, EndV1, InfoV1, VectorV1};
use crate::persist::stored::{Change, Nothing, RecordV1, TraceV1};
use crate::persist::{ObjectKind, header};

/// A block, as `BlockV1` of [`super::segment`] was written.
#[derive(Deserialize)]
struct BlockRef<'a> {
    records: Vec<RecordV1>,
    statements: Vec<[u8; 8]>,
    vectors: Vec<VectorV1>,
    #[serde(borrow)]
    dictionary: Vec<&'a str>,
    terms: TermLists,
    traces: Vec<TraceV1>,
    tombstones: Vec<u128>,
}

/// The terms of the records of a block, one list behind the other: position in the dictionary and number of occurrences.
#[derive(Default)]
struct TermLists {
    terms: Vec<(u32, u32)>,
    /// Where the list of each record ends.
    ends: Vec<usize>,
}

impl<'de> Deserialize<'de> for TermLists {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lists;
        impl<'de> Visitor<'de> for Lists {
            type Value = TermLists;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("lists of terms")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<TermLists, A::Error> {
                let mut lists = TermLists::default();
                while access.next_element_seed(Behind(&mut lists.terms))?.is_some() {
                    lists.ends.push(lists.terms.len());
                }
                Ok(lists)
            }
        }
        deserializer.deserialize_seq(Lists)
    }
}

/// Reads a list behind those that are there.
struct Behind<'l>(&'l mut Vec<(u32, u32)>);

impl<'de> DeserializeSeed<'de> for Behind<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Behind<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of terms")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while let Some(term) = access.next_element()? {
            self.0.push(term);
        }
        Ok(())
    }
}

/// One record out of a segment.
#[derive(Debug)]
pub(crate) struct StoredRow<'a> {
    pub(crate) record: Record,
    pub(crate) vector: Option<StoredVector<'a>>,
    /// Position in the dictionary and number of occurrences of each of its terms.
    pub(crate) terms: &'a [(u32, u32)],
    /// The hash of its words.
    pub(crate) statement: u64,
    /// Bytes of the segment before those of the vector.
    pub(crate) offset: u64,
}

/// A block whose bytes are good: its rows are yet to be read.
pub(crate) struct Block<'a> {
    value: Value<'a>,
    /// What is kept of the vectors.
    rows: &'a [u8],
    /// Bytes of the segment before these.
    offset: u64,
}

/// The postcard bytes of a block.
enum Value<'a> {
    Stored(&'a [u8]),
    Unpacked(Vec<u8>),
}

/// What a block holds.
pub(crate) struct BlockRows<'a> {
    /// The distinct terms of its records.
    pub(crate) dictionary: Vec<&'a str>,
    records: Vec<RecordV1>,
    statements: Vec<[u8; 8]>,
    vectors: Vec<VectorV1>,
    terms: TermLists,
    rows: &'a [u8],
    offset: u64,
    dimensions: usize,
}

/// A segment that is being read.
pub(crate) struct SegmentReader<'a> {
    frames: Frames<'a>,
    /// Components of each vector; 0 when there are none.
    pub(crate) dimensions: u32,
    /// Which tokeniser made the terms.
    pub(crate) tokenizer: String,
    /// Ids that older segments hold and that are gone.
    pub(crate) tombstones: Vec<RecordId>,
    /// Bytes that packing has saved.
    pub(crate) saved: u64,
    /// What uses and moves have made of records that older segments hold.
    pub(crate) traces: Vec<(RecordId, [Change; 2])>,
    /// Records of the blocks so far.
    pub(crate) records: u32,
}

impl<'a> SegmentReader<'a> {
    /// Begins to read the segment stored under the key `object`.
    ///
    /// # Errors
    /// [`FormatError`] naming the object and the byte where it stops making sense.
    pub(crate) fn new(object: &'a str, bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut frames = Frames { object, bytes, at: header::HEADER_LEN, number: 0 };
        header::check(bytes, ObjectKind::Segment, object)?;
        let payload = frames.next()?;
        let info: InfoV1 =
            postcard::from_bytes(payload).map_err(|_| frames.corrupt("its info does not decode"))?;
        Ok(SegmentReader {
            frames,
            dimensions: info.dimensions,
            tokenizer: info.tokenizer,
            tombstones: Vec::new(),
            traces: Vec::new(),
            saved: 0,
            records: 0,
        })
    }

    /// The next block, whose rows are to be read next; nothing at the end of the segment.
    ///
    /// # Errors
    /// As [`SegmentReader::new`].
    pub(crate) fn next_block(&mut self) -> Result<Option<Block<'a>>, FormatError> {
        let payload = self.frames.next()?;
        if self.frames.at == self.frames.bytes.len() {
            let end: EndV1 =
                postcard::from_bytes(payload).map_err(|_| self.corrupt("its end does not decode"))?;
            if end.records != self.records {
                return Err(self.corrupt("it does not hold as many records as its end says"));
            }
            return Ok(None);
        }
        self.unpack(payload).map(Some).map_err(|problem| self.corrupt(problem))
    }

    fn unpack(&mut self, payload: &'a [u8]) -> Result<Block<'a>, &'static str> {
        let (BlockHeadV1 { packed }, rest) = postcard::take_from_bytes(payload).map_err(broken)?;
        let (value, rows) = match packed {
            // Where the rows begin shows when the rest has been read.
            None => (Value::Stored(rest), &rest[rest.len()..]),
            Some((bytes, length)) => {
                let (packed, rows) = rest.split_at_checked(bytes as usize).ok_or("a block is cut short")?;
                let value = unpack(packed, length as usize).ok_or("a block cannot be unpacked")?;
                self.saved += u64::from(length.saturating_sub(bytes));
                (Value::Unpacked(value), rows)
            }
        };
        // The payload ends before the checksum of its frame.
        let end = (self.frames.at - (frame::OVERHEAD - frame::HEAD_LEN)) as u64;
        Ok(Block { value, rows, offset: end - rows.len() as u64 })
    }

    /// Reads the rows of a block, and takes note of its traces and tombstones.
    ///
    /// # Errors
    /// As [`SegmentReader::new`].
    pub(crate) fn rows<'b>(&mut self, block: &'b Block<'a>) -> Result<BlockRows<'b>, FormatError> {
        self.read_rows(block).map_err(|problem| self.corrupt(problem))
    }

    fn read_rows<'b>(&mut self, block: &'b Block<'a>) -> Result<BlockRows<'b>, &'static str> {
        let (read, rows): (BlockRef<'b>, &'b [u8]) = match &block.value {
            Value::Stored(bytes) => postcard::take_from_bytes(bytes).map_err(broken)?,
            Value::Unpacked(bytes) => (postcard::from_bytes(bytes).map_err(broken)?, block.rows),
        };
        let offset = block.offset + block.rows.len() as u64 - rows.len() as u64;
        let BlockRef { records, statements, vectors, dictionary, terms, traces, tombstones } = read;
        let dimensions = self.dimensions as usize;
        let row_bytes = vectors.iter().map(|vector| vector.bytes(dimensions));
        if records.len() != vectors.len()
            || records.len() != statements.len()
            || records.len() != terms.ends.len()
            || row_bytes.fold(0usize, usize::saturating_add) != rows.len()
            || (dimensions == 0 && !vectors.iter().all(|vector| matches!(vector, VectorV1::None)))
        {
            return Err("the columns of a block differ in length");
        }
        if terms.terms.iter().any(|(term, _)| *term as usize >= dictionary.len()) {
            return Err("a block names a term that is not in its dictionary");
        }
        for trace in traces {
            self.traces.push(trace.into_changes()?);
        }
        self.tombstones.extend(tombstones.into_iter().map(RecordId));
        self.records = self.records.saturating_add(records.len() as u32);
        Ok(BlockRows { dictionary, records, statements, vectors, terms, rows, offset, dimensions })
    }

    /// That the segment is damaged where it has been read to.
    pub(crate) fn corrupt(&self, problem: &str) -> FormatError {
        self.frames.corrupt(problem)
    }
}

fn broken(_: postcard::Error) -> &'static str {
    "a block does not decode"
}

impl BlockRows<'_> {
    /// Hands over the records, one after the other, with the dictionary that their terms are in.
    ///
    /// # Errors
    /// What is wrong with a record, or what `take` says.
    pub(crate) fn each(
        self,
        mut take: impl FnMut(StoredRow<'_>) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let BlockRows { records, statements, vectors, terms, mut rows, mut offset, dimensions, .. } = self;
        let columns = records.into_iter().zip(vectors).zip(terms.ends).zip(statements);
        let mut begin = 0;
        for (((record, vector), end), statement) in columns {
            let (row, after) = rows.split_at(vector.bytes(dimensions));
            take(StoredRow {
                record: record.into_record()?,
                vector: vector.stored(row),
                terms: &terms.terms[begin..end],
                statement: u64::from_le_bytes(statement),
                offset,
            })?;
            (rows, begin, offset) = (after, end, offset + row.len() as u64);
        }
        Ok(())
    }
}

/// A row of a block of some width.
trait Row: Copy {
    /// Bytes that it takes of a vector of so many components.
    fn bytes(self, dimensions: usize) -> usize;

    /// What is kept of a vector, from its bytes.
    fn stored(self, row: &[u8]) -> Option<StoredVector<'_>>;
}

impl Row for Nothing {
    fn bytes(self, _: usize) -> usize {
        match self {}
    }

    fn stored(self, _: &[u8]) -> Option<StoredVector<'_>> {
        match self {}
    }
}

impl<L: Row> Row for VectorV1<L> {
    fn bytes(self, dimensions: usize) -> usize {
        match self {
            VectorV1::Long(_, direction) => direction.bytes(dimensions),
            VectorV1::None => 0,
            VectorV1::F32 => Precision::F32.bytes(dimensions),
            VectorV1::Int8 => Precision::Int8.bytes(dimensions),
            VectorV1::Binary => Precision::Binary.bytes(dimensions),
            VectorV1::Projected(_, components) => components as usize,
        }
    }

    fn stored(self, row: &[u8]) -> Option<StoredVector<'_>> {
        let kept = match self {
            VectorV1::None => return None,
            VectorV1::F32 => Kept::Whole(Precision::F32),
            VectorV1::Int8 => Kept::Whole(Precision::Int8),
            VectorV1::Binary => Kept::Whole(Precision::Binary),
            VectorV1::Projected(number, _) => Kept::Projected(number),
            VectorV1::Long(length, direction) => {
                return Some(StoredVector { length, ..direction.stored(row)? });
            }
        };
        Some(StoredVector { kept, length: 1.0, row })
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
