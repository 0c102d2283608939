//! What one call has read of rows that stay in storage, and what it still needs.
//!
//! A call that meets rows that are not there goes on as if they were, notes them, and is made again once they have been
//! read. What was read is kept until then: of rows that are only to be compared with the question their scores, so that a
//! search of every row holds none of them. A place in storage never changes its bytes, so what was once read of it is
//! right whatever has happened to the memory between the calls.

use rustc_hash::FxHashMap;

use crate::index::vector::code::row_code;
use crate::index::vector::kernel::{dot, dot_i8};
use crate::index::vector::probe::Stepped;
use crate::index::vector::rows::Rows;
use crate::model::{Code, Precision};

/// Rows that a call notes at most. The rest is noted when it is made again.
const NOTED: usize = 1 << 16;
/// Bytes that are asked for at a time, but for the last row.
const BATCH: u64 = 4 << 20;
/// Bytes between two rows that are rather read than left out.
const GAP: u64 = 4_096;

/// Where the row of a vector stands in storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    /// Number of the segment.
    pub(crate) segment: u32,
    /// Bytes of the segment before the row.
    pub(crate) offset: u32,
    /// CRC-32 of the bytes of the row.
    pub(crate) checksum: u32,
}

impl Seat {
    /// That of no row: segments are numbered from 1.
    pub(super) const NONE: Seat = Seat { segment: 0, offset: 0, checksum: 0 };

    /// The seat of a row of those bytes; nothing if the numbers are beyond what it can hold.
    pub(crate) fn of(segment: u64, offset: u64, row: &[u8]) -> Option<Seat> {
        let (segment, offset) = (u32::try_from(segment).ok()?, u32::try_from(offset).ok()?);
        (segment > 0).then(|| Seat { segment, offset, checksum: crc32fast::hash(row) })
    }

    /// What names it: places in storage in their order.
    pub(super) fn key(self) -> u64 {
        u64::from(self.segment) << 32 | u64::from(self.offset)
    }
}

/// Some bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// A row that is needed.
#[derive(Debug, Clone, Copy)]
struct Want {
    key: u64,
    checksum: u32,
    precision: Precision,
    /// Whether it is needed whole, and not only compared.
    whole: bool,
}

/// What a call has read, and what it needs.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The questions that rows are compared with.
    probes: Vec<Stepped>,
    /// Per question, the rough and the full score of rows.
    scores: Vec<FxHashMap<u64, [f32; 2]>>,
    /// Rows that were needed whole.
    rows: FxHashMap<u64, Code>,
    wants: Vec<Want>,
}

impl Reading {
    /// The rough and the full score of a row, if it has been compared with that question.
    pub(super) fn scores(&self, probe: &Stepped, key: u64) -> Option<[f32; 2]> {
        let at = self.probes.iter().position(|known| known.vector == probe.vector)?;
        self.scores[at].get(&key).copied()
    }

    /// Keeps the scores of a row.
    pub(super) fn note_scores(&mut self, probe: &Stepped, key: u64, scores: [f32; 2]) {
        let at = self.probe(probe);
        self.scores[at].insert(key, scores);
    }

    /// A row that was read whole.
    pub(super) fn row(&self, key: u64) -> Option<&Code> {
        self.rows.get(&key)
    }

    /// Keeps a row.
    pub(super) fn note_row(&mut self, key: u64, code: Code) {
        self.rows.insert(key, code);
    }

    /// Notes that a row is to be compared with that question.
    pub(super) fn want_score(&mut self, probe: &Stepped, seat: Seat, precision: Precision) {
        self.probe(probe);
        self.want(seat, precision, false);
    }

    /// Notes that a row is needed whole.
    pub(super) fn want_row(&mut self, seat: Seat, precision: Precision) {
        self.want(seat, precision, true);
    }

    fn want(&mut self, seat: Seat, precision: Precision, whole: bool) {
        if self.wants.len() < NOTED {
            self.wants.push(Want { key: seat.key(), checksum: seat.checksum, precision, whole });
        }
    }

    fn probe(&mut self, probe: &Stepped) -> usize {
        let known = self.probes.iter().position(|known| known.vector == probe.vector);
        known.unwrap_or_else(|| {
            self.probes.push(probe.clone());
            self.scores.push(FxHashMap::default());
            self.probes.len() - 1
        })
    }

    /// Whether rows are needed.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.wants.is_empty()
    }

    /// What is to be read next, in the order in which it stands in storage: rows near each other together.
    pub(crate) fn ranges(&mut self, dimensions: usize) -> Vec<ByteRange> {
        self.wants.sort_unstable_by_key(|want| (want.key, !want.whole));
        self.wants.dedup_by_key(|want| want.key);
        let mut ranges: Vec<ByteRange> = Vec::new();
        let mut bytes = 0;
        for want in &self.wants {
            let (segment, offset) = ((want.key >> 32) as u32, want.key & u64::from(u32::MAX));
            let length = want.precision.bytes(dimensions) as u64;
            match ranges.last_mut() {
                Some(last) if last.segment == segment && offset <= last.offset + last.length + GAP => {
                    bytes += offset + length - (last.offset + last.length);
                    last.length = offset + length - last.offset;
                }
                _ => {
                    bytes += length;
                    ranges.push(ByteRange { segment, offset, length });
                }
            }
            if bytes >= BATCH {
                break;
            }
        }
        ranges
    }

    /// Takes the bytes of a range: compares its rows with the questions, and gives each to `read` under its key, with
    /// whether it was needed whole.
    ///
    /// # Errors
    /// The offset in the segment of a row that is not there or whose checksum does not match.
    pub(super) fn supply(
        &mut self,
        range: ByteRange,
        bytes: &[u8],
        dimensions: usize,
        mut read: impl FnMut(u64, &Code, bool),
    ) -> Result<(), u64> {
        let start = u64::from(range.segment) << 32 | range.offset;
        let from = self.wants.partition_point(|want| want.key < start);
        let to = self.wants.partition_point(|want| want.key < start + range.length);
        let mut one = [Precision::F32, Precision::Int8].map(|precision| Rows::new(precision, dimensions));
        for want in self.wants.drain(from..to) {
            let (at, length) = ((want.key - start) as usize, want.precision.bytes(dimensions));
            let row = bytes.get(at..at + length).filter(|row| crc32fast::hash(row) == want.checksum);
            let code = row.map(|row| row_code(want.precision, row)).ok_or(range.offset + at as u64)?;
            let rows = &mut one[want.precision.index()];
            rows.push(0, &code);
            for (probe, scores) in self.probes.iter().zip(&mut self.scores) {
                scores.insert(want.key, Score::both(probe, rows, 0));
            }
            rows.remove(0);
            read(want.key, &code, want.whole);
            if want.whole {
                self.rows.insert(want.key, code);
            }
        }
        Ok(())
    }

    /// Forgets that the rows of a range are needed: they are elsewhere by now.
    pub(crate) fn pass_over(&mut self, range: ByteRange) {
        let start = u64::from(range.segment) << 32 | range.offset;
        self.wants.retain(|want| want.key < start || want.key >= start + range.length);
    }
}

/// How exactly a row is compared with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Score {
    /// By its steps.
    Rough,
    /// By all that is kept of it.
    Full,
}

impl Score {
    /// The score of a row.
    pub(super) fn of(self, probe: &Stepped, rows: &Rows, row: usize) -> f32 {
        match self {
            Score::Rough => dot_i8(&probe.steps, rows.steps(row)) as f32 * (rows.scale(row) * probe.scale),
            Score::Full if rows.precision() == Precision::F32 => dot(&probe.vector, rows.full(row)),
            Score::Full => probe.score(rows, row),
        }
    }

    /// Both scores of a row.
    pub(super) fn both(probe: &Stepped, rows: &Rows, row: usize) -> [f32; 2] {
        [Score::Rough, Score::Full].map(|score| score.of(probe, rows, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::vector::code::quantise;
    use crate::index::vector::unit;

    fn seat(segment: u64, offset: u64, row: &[u8]) -> Seat {
        Seat::of(segment, offset, row).expect("the numbers are small")
    }

    #[test]
    fn rows_near_each_other_are_read_together() {
        let mut reading = Reading::default();
        for (segment, offset) in [(2, 64), (1, 8), (1, 0), (1, 20_000), (1, 8), (2, 0)] {
            reading.want_row(seat(segment, offset, &[0; 8]), Precision::Int8);
        }
        let range = |segment, offset, length| ByteRange { segment, offset, length };
        let expected = [range(1, 0, 16), range(1, 20_000, 8), range(2, 0, 72)];
        assert_eq!(reading.ranges(8), expected);
        reading.pass_over(expected[1]);
        assert_eq!(reading.ranges(8), [expected[0], expected[2]]);
    }

    #[test]
    fn no_more_is_asked_for_at_a_time_than_a_batch() {
        let mut reading = Reading::default();
        for row in 0..3_000u64 {
            reading.want_row(seat(1, row * 8_192, &[0; 8]), Precision::F32);
        }
        let asked: u64 = reading.ranges(2_048).iter().map(|range| range.length).sum();
        assert!((BATCH..BATCH + 8_192).contains(&asked), "{asked}");
    }

    /// Scores of rows that were read are those of rows in memory, to the bit.
    #[test]
    fn what_is_read_scores_as_what_is_held() {
        let mut random = fastrand::Rng::with_seed(51);
        for dimensions in [64, 100, 384] {
            let query = unit(&mut random, dimensions);
            let probe = Stepped::new(query, 1.0, 1.0);
            for precision in [Precision::F32, Precision::Int8] {
                let vector = unit(&mut random, dimensions);
                let code = match precision {
                    Precision::F32 => Code::F32(vector),
                    _ => Code::Int8(quantise(&vector)),
                };
                let bytes: Vec<u8> = match &code {
                    Code::F32(components) => components.iter().flat_map(|c| c.to_le_bytes()).collect(),
                    Code::Int8(steps) => steps.iter().map(|step| step.cast_unsigned()).collect(),
                    _ => Vec::new(),
                };
                let mut held = Rows::new(precision, dimensions);
                held.push(0, &code);
                let mut reading = Reading::default();
                let place = seat(3, 40, &bytes);
                reading.want_score(&probe, place, precision);
                let ranges = reading.ranges(dimensions);
                let mut seen = Vec::new();
                let read = |key, code: &Code, whole| seen.push((key, code.clone(), whole));
                reading.supply(ranges[0], &bytes, dimensions, read).expect("it is whole");
                assert_eq!(reading.scores(&probe, place.key()), Some(Score::both(&probe, &held, 0)));
                assert_eq!(seen, [(place.key(), code, false)]);
                assert!(!reading.is_waiting());
            }
        }
    }

    #[test]
    fn a_damaged_row_is_told_by_its_place() {
        let mut row = vec![7u8; 8];
        let place = seat(3, 40, &row);
        for damage in [0, 63] {
            let mut reading = Reading::default();
            reading.want_row(place, Precision::Int8);
            row[damage / 8] ^= 1 << (damage % 8);
            let range = reading.ranges(8)[0];
            assert_eq!(reading.supply(range, &row, 8, |_, _, _| ()), Err(40));
            row[damage / 8] ^= 1 << (damage % 8);
        }
        let mut reading = Reading::default();
        reading.want_row(place, Precision::Int8);
        let range = reading.ranges(8)[0];
        assert_eq!(reading.supply(range, &row[..7], 8, |_, _, _| ()), Err(40), "cut short");
    }
}
