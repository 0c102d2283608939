//! The append log: a header, then one frame for each commit, numbered without gaps.
//!
//! A commit is durable once its frame is. A log may end in the middle of a frame, because its writer died: that tail
//! is cut and reported. Anything else that does not read is damage.

use crate::error::FormatError;
use crate::model::Timestamp;
use crate::persist::frame::{self, Parsed};
use crate::persist::stored::{Change, ChangeV1, FrameV1};
use crate::persist::{ObjectKind, header};

/// The bytes that log `number` starts with.
pub(crate) fn header(number: u64) -> [u8; header::HEADER_LEN] {
    header::encode(ObjectKind::Log, number)
}

/// Appends a commit to `out`: a [`FrameV1`] of what was changed `now`. `sequence` is the number of the commit in the life of
/// the memory, from 1.
pub(crate) fn append(out: &mut Vec<u8>, sequence: u64, now: Timestamp, changes: &[Change]) {
    out.reserve(changes.iter().map(Change::expected_bytes).sum::<usize>() + frame::OVERHEAD);
    frame::write_with(out, sequence, |out| {
        // One change after the other: all of them at once would be the whole commit over again.
        frame::put(out, &now.0);
        frame::put(out, &changes.len());
        changes.iter().for_each(|change| frame::put(out, &ChangeV1::from(change)));
    });
}

/// Reads a log from front to back.
#[derive(Debug)]
pub(crate) struct LogReader<'a> {
    object: &'a str,
    bytes: &'a [u8],
    at: usize,
    torn: bool,
}

impl<'a> LogReader<'a> {
    /// Starts reading `bytes`, stored under the key `object`.
    ///
    /// With `sealed`, the log is known to have had that many good bytes: what follows them is ignored, and fewer is
    /// damage. Without, a torn tail is cut.
    pub(crate) fn new(object: &'a str, bytes: &'a [u8], sealed: Option<u64>) -> Result<Self, FormatError> {
        let mut reader = LogReader { object, bytes, at: 0, torn: false };
        if let Some(length) = sealed {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            reader.bytes =
                bytes.get(..length).ok_or_else(|| reader.corrupt(bytes.len(), "it is cut short"))?;
        } else if bytes.len() < header::HEADER_LEN
            && ObjectKind::parse(object).is_some_and(|(_, number)| header(number).starts_with(bytes))
        {
            // The very first append was torn inside the header: nothing was ever acknowledged here.
            reader.torn = !bytes.is_empty();
            reader.at = bytes.len();
            return Ok(reader);
        }
        header::check(reader.bytes, ObjectKind::Log, object)?;
        reader.at = header::HEADER_LEN;
        Ok(reader)
    }

    /// The next commit, or nothing at the end.
    ///
    /// # Errors
    /// [`FormatError::Corrupt`] for anything that is not the torn tail of the last write.
    pub(crate) fn next(&mut self, sealed: bool) -> Result<Option<(u64, FrameV1)>, FormatError> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() || self.torn {
            return Ok(None);
        }
        match frame::parse(rest) {
            Parsed::Whole { number, payload, len } => {
                let commit = postcard::from_bytes(payload)
                    .map_err(|_| self.corrupt(self.at, "a frame with a good checksum does not decode"))?;
                self.at += len;
                Ok(Some((number, commit)))
            }
            Parsed::Short | Parsed::BadHead | Parsed::BadBody if !sealed && !self.holds_more() => {
                self.torn = true;
                Ok(None)
            }
            Parsed::Short => Err(self.corrupt(self.at, "a frame is cut short")),
            Parsed::BadHead => Err(self.corrupt(self.at, "the checksum of a frame's head does not match")),
            Parsed::BadBody => Err(self.corrupt(self.at, "the checksum of a frame does not match")),
        }
    }

    /// Bytes read so far: the header and every whole frame.
    pub(crate) fn good_bytes(&self) -> u64 {
        if self.at < header::HEADER_LEN { 0 } else { self.at as u64 }
    }

    /// Bytes of a torn tail that were cut.
    pub(crate) fn torn_bytes(&self) -> u64 {
        if self.torn { self.bytes.len() as u64 - self.good_bytes() } else { 0 }
    }

    /// Whether a whole frame stands anywhere behind the bad bytes. Then a later commit was acknowledged, and the bad
    /// bytes are damage, not a torn tail.
    fn holds_more(&self) -> bool {
        (self.at + 1..self.bytes.len().saturating_sub(frame::OVERHEAD))
            .any(|at| matches!(frame::parse(&self.bytes[at..]), Parsed::Whole { .. }))
    }

    fn corrupt(&self, offset: usize, problem: &str) -> FormatError {
        FormatError::Corrupt {
            object: self.object.to_owned(),
            offset: offset as u64,
            problem: problem.to_owned(),
        }
    }
}
