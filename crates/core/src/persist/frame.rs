//! The frame: a tagged, numbered, checksummed piece of an object.
//!
//! Layout, little-endian: `u32` length of the payload, `u64` number, `u32` checksum of these twelve bytes, payload,
//! `u32` checksum of everything before it in the frame. The checksum of the head lets a reader tell a damaged
//! length (damage) from a file that ends early (a torn write).

use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// Bytes before the payload.
pub(crate) const HEAD_LEN: usize = 16;
/// Bytes around the payload.
pub(crate) const OVERHEAD: usize = HEAD_LEN + 4;

/// Appends a frame to `out`.
pub(crate) fn write(out: &mut Vec<u8>, number: u64, payload: &[u8]) {
    out.reserve(payload.len() + OVERHEAD);
    write_with(out, number, |out| out.extend_from_slice(payload));
}

/// Appends a frame to `out`, whose payload is what `payload` appends.
pub(crate) fn write_with(out: &mut Vec<u8>, number: u64, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_LEN]);
    payload(out);
    let length = out.len() - start - HEAD_LEN;
    let length = u32::try_from(length).expect("commands are bounded far below 4 GiB");
    let head = &mut out[start..start + HEAD_LEN];
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..12].copy_from_slice(&number.to_le_bytes());
    let checksum = crc32fast::hash(&head[..12]);
    head[12..].copy_from_slice(&checksum.to_le_bytes());
    let whole = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&whole.to_le_bytes());
}

/// Appends a stored value to `out`, as postcard writes it.
pub(crate) fn put<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    let tail = Tail(std::mem::take(out));
    *out = postcard::serialize_with_flavor(value, tail).expect("stored types always encode");
}

/// What postcard writes to: the end of some bytes.
struct Tail(Vec<u8>);

impl Flavor for Tail {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Parsed<'a> {
    /// A whole frame, `len` bytes long.
    Whole { number: u64, payload: &'a [u8], len: usize },
    /// The bytes end before the frame does.
    Short,
    /// The head's checksum does not match.
    BadHead,
    /// The head is good, all bytes are there, and the frame's checksum does not match.
    BadBody,
}

/// Reads the frame at the start of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_LEN>() else {
        return Parsed::Short;
    };
    if crc32fast::hash(&head[..12]).to_le_bytes() != head[12..] {
        return Parsed::BadHead;
    }
    let [l0, l1, l2, l3, number @ .., _, _, _, _] = head;
    let length = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
    if rest.len() < length.saturating_add(4) {
        return Parsed::Short;
    }
    let len = HEAD_LEN + length + 4;
    if crc32fast::hash(&bytes[..len - 4]).to_le_bytes() != bytes[len - 4..len] {
        return Parsed::BadBody;
    }
    Parsed::Whole { number: u64::from_le_bytes(*number), payload: &rest[..length], len }
}

/// The payloads of whole frames, numbered from 0 without gaps: of objects that are of no use if anything is amiss with them.
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
    number: u64,
}

impl<'a> Frames<'a> {
    /// Those that fill the bytes.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Frames { rest: bytes, number: 0 }
    }

    /// Whether no bytes are left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    /// The next payload; nothing if the frame is not whole, or not the next one.
    fn next(&mut self) -> Option<&'a [u8]> {
        match parse(self.rest) {
            Parsed::Whole { number, payload, len } if number == self.number => {
                (self.rest, self.number) = (&self.rest[len..], number + 1);
                Some(payload)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_behind_what_is_there() {
        let value = (7u8, "some text", vec![1.5f32, -2.0], Some(u128::MAX));
        let mut out = b"before".to_vec();
        put(&mut out, &value);
        let plain = postcard::to_allocvec(&value).expect("it can be written");
        assert_eq!(out, [&b"before"[..], &plain].concat());
        let (mut framed, mut written) = (Vec::new(), Vec::new());
        write_with(&mut framed, 9, |out| put(out, &value));
        write(&mut written, 9, &plain);
        assert_eq!(framed, written);
    }

    #[test]
    fn every_cut_and_every_flip_is_seen() {
        let mut bytes = Vec::new();
        write(&mut bytes, 7, b"payload");
        let whole = Parsed::Whole { number: 7, payload: b"payload", len: bytes.len() };
        assert_eq!(parse(&bytes), whole);
        assert_eq!(bytes.len(), 7 + OVERHEAD);
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Parsed::Short, "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit / 8 < HEAD_LEN { Parsed::BadHead } else { Parsed::BadBody };
            assert_eq!(parse(&damaged), expected, "{bit}");
        }
    }
}
