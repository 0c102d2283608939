//! The first sixteen bytes of every object: what it is, its number and which version wrote it.

use crate::error::FormatError;
use crate::persist::ObjectKind;

/// The format version that this build writes.
pub const FORMAT_VERSION: u16 = 1;
/// The oldest format version that this build reads.
pub const OLDEST_READABLE_VERSION: u16 = 1;

/// Length of a header in bytes.
pub(crate) const HEADER_LEN: usize = 16;
const MAGIC: [u8; 4] = *b"STRM";

fn code(kind: ObjectKind) -> u8 {
    match kind {
        ObjectKind::Log => 1,
        ObjectKind::Segment => 2,
        ObjectKind::Manifest => 3,
        ObjectKind::Lists => 4,
        ObjectKind::Graph => 5,
    }
}

/// The part of an object's number that its header repeats.
fn short(number: u64) -> [u8; 4] {
    (number as u32).to_le_bytes()
}

/// Magic, kind, a zero, version, the low half of the object's number, checksum of the twelve bytes before it.
pub(crate) fn encode(kind: ObjectKind, number: u64) -> [u8; HEADER_LEN] {
    let mut bytes = [0u8; HEADER_LEN];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4] = code(kind);
    bytes[6..8].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[8..12].copy_from_slice(&short(number));
    let checksum = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Checks the header of the object stored under the key `object` and answers what follows it.
///
/// The version is judged before the checksum, so that a newer format may change everything after byte eight.
pub(crate) fn check<'a>(bytes: &'a [u8], kind: ObjectKind, object: &str) -> Result<&'a [u8], FormatError> {
    let corrupt = |offset: u64, problem: &str| FormatError::Corrupt {
        object: object.to_owned(),
        offset,
        problem: problem.to_owned(),
    };
    let Some((header, rest)) = bytes.split_at_checked(HEADER_LEN) else {
        return Err(corrupt(bytes.len() as u64, "it ends inside its header"));
    };
    if header[..4] != MAGIC {
        return Err(corrupt(0, "it does not start with STRM"));
    }
    let found = u16::from_le_bytes([header[6], header[7]]);
    if found > FORMAT_VERSION {
        return Err(FormatError::TooNew { object: object.to_owned(), found, supported: FORMAT_VERSION });
    }
    if crc32fast::hash(&header[..12]).to_le_bytes() != header[12..] {
        return Err(corrupt(12, "the checksum of its header does not match"));
    }
    if found < OLDEST_READABLE_VERSION {
        return Err(FormatError::TooOld {
            object: object.to_owned(),
            found,
            supported: OLDEST_READABLE_VERSION,
        });
    }
    if header[4] != code(kind) {
        return Err(corrupt(4, "it is an object of another kind"));
    }
    if ObjectKind::parse(object).is_some_and(|(_, number)| header[8..12] != short(number)) {
        return Err(corrupt(8, "it is an object of another number"));
    }
    Ok(rest)
}
