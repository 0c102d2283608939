//! The lists object: codes of signs in their lists, as they stood when it was written, so that opening a memory makes
//! none of them anew.
//!
//! A header, then frames numbered from 0: an info frame, and pages of lists, which are appended one at a time. It is a cache:
//! a damaged, unfinished or missing one is no error, and what it says of records that were changed since is not used.

use serde::{Deserialize, Serialize};

use crate::model::RecordId;
use crate::persist::frame::{self, Frames};
use crate::persist::{ObjectKind, header};

/// How codes are made. Codes made in another way are not read.
const SCHEME: u32 = 2;
/// Lists of a page: a few hundred kilobytes.
pub(crate) const PAGE_LISTS: usize = 64;

#[derive(Debug, Serialize, Deserialize)]
struct InfoV1 {
    scheme: u32,
    /// Components of a vector.
    dimensions: u32,
    /// Records whose newest form is in a segment of this number or a later one were changed since.
    segments: u64,
    /// Number of the frames that follow.
    pages: u32,
}

/// Stands before a page. The raw bytes of its lists follow, list after list: the centre, the ids, the codes.
#[derive(Debug, Serialize, Deserialize)]
struct PageV1 {
    lists: Vec<HeadV1>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct HeadV1 {
    /// The mean cosine of the members with the centre.
    nearness: f32,
    members: u32,
}

/// A list as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredList {
    /// Steps of the centre, filled up to whole registers with zeros; all zeros in the first list, which has none.
    pub(crate) centre: Vec<i8>,
    /// The mean cosine of the members with the centre.
    pub(crate) nearness: f32,
    /// The members.
    pub(crate) ids: Vec<RecordId>,
    /// Their codes, one after the other.
    pub(crate) codes: Vec<u64>,
}

/// Where the lists object of that number begins: its header and its info frame. It is of vectors of `dimensions` components,
/// by when the next segment was `segments`, and `pages` pages follow ([`page`]).
pub(crate) fn begin(number: u64, dimensions: u32, segments: u64, pages: u32) -> Vec<u8> {
    let mut out = header::encode(ObjectKind::Lists, number).to_vec();
    let info = InfoV1 { scheme: SCHEME, dimensions, segments, pages };
    frame::write(&mut out, 0, &postcard::to_allocvec(&info).expect("stored types always encode"));
    out
}

/// A page of a lists object, the pages counted from 0.
pub(crate) fn page(number: u32, lists: impl Iterator<Item = StoredList>) -> Vec<u8> {
    let (mut heads, mut raw) = (Vec::new(), Vec::new());
    for list in lists {
        heads.push(HeadV1 { nearness: list.nearness, members: list.ids.len() as u32 });
        raw.extend(list.centre.iter().map(|step| step.cast_unsigned()));
        raw.extend(list.ids.iter().flat_map(|id| id.0.to_le_bytes()));
        raw.extend(list.codes.iter().flat_map(|word| word.to_le_bytes()));
    }
    let mut payload = postcard::to_allocvec(&PageV1 { lists: heads }).expect("stored types always encode");
    payload.append(&mut raw);
    let mut out = Vec::with_capacity(payload.len() + frame::OVERHEAD);
    frame::write(&mut out, u64::from(number) + 1, &payload);
    out
}

/// What a lists object holds.
#[derive(Debug)]
pub(crate) struct StoredLists<'a> {
    /// Records whose newest form is in a segment of this number or a later one were changed since.
    pub(crate) segments: u64,
    /// The lists, the first one first.
    pub(crate) lists: Vec<ListBytes<'a>>,
}

/// A list as its bytes stand in the object, which is large: one list after the other is read out of them.
#[derive(Debug)]
pub(crate) struct ListBytes<'a> {
    centre: &'a [u8],
    nearness: f32,
    ids: &'a [[u8; 16]],
    codes: &'a [[u8; 8]],
}

impl ListBytes<'_> {
    /// The list.
    pub(crate) fn read(&self) -> StoredList {
        StoredList {
            centre: self.centre.iter().map(|byte| byte.cast_signed()).collect(),
            nearness: self.nearness,
            ids: self.ids.iter().map(|id| RecordId(u128::from_le_bytes(*id))).collect(),
            codes: self.codes.iter().map(|word| u64::from_le_bytes(*word)).collect(),
        }
    }
}

/// Reads the lists object under that key. Nothing if anything is amiss with it, or if its codes are not of vectors of
/// `dimensions` components, or not of `words` words each.
pub(crate) fn decode<'a>(
    object: &str,
    bytes: &'a [u8],
    dimensions: u32,
    words: usize,
) -> Option<StoredLists<'a>> {
    let mut frames = Frames::of(header::check(bytes, ObjectKind::Lists, object).ok()?);
    let info: InfoV1 = postcard::from_bytes(frames.next()?).ok()?;
    if info.scheme != SCHEME || info.dimensions != dimensions {
        return None;
    }
    let width = (dimensions as usize).next_multiple_of(8);
    let mut lists = Vec::new();
    for _ in 0..info.pages {
        let (page, mut raw): (PageV1, &'a [u8]) = postcard::take_from_bytes(frames.next()?).ok()?;
        for HeadV1 { nearness, members } in page.lists {
            let members = members as usize;
            let mut take = |bytes: usize| {
                let (taken, after) = raw.split_at_checked(bytes)?;
                raw = after;
                Some(taken)
            };
            let centre = take(width)?;
            let ids = take(members.checked_mul(16)?)?.as_chunks().0;
            let codes = take(members.checked_mul(8 * words)?)?.as_chunks().0;
            lists.push(ListBytes { centre, nearness, ids, codes });
        }
        if !raw.is_empty() {
            return None;
        }
    }
    frames.is_empty().then_some(StoredLists { segments: info.segments, lists })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<StoredList> {
        let list = |n: u64| StoredList {
            centre: vec![n as i8; 72],
            nearness: 0.5,
            ids: (0..n).map(|id| RecordId(u128::from(id) << 70)).collect(),
            codes: (0..n * 3).map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect(),
        };
        [0, 3, 20, 7_000, 1].map(list).into()
    }

    /// All of some lists, so many on a page.
    fn encode(number: u64, dimensions: u32, segments: u64, lists: &[StoredList]) -> Vec<u8> {
        let pages = lists.chunks(2);
        let mut bytes = begin(number, dimensions, segments, pages.len() as u32);
        pages.zip(0..).for_each(|(lists, number)| bytes.extend(page(number, lists.iter().cloned())));
        bytes
    }

    #[test]
    fn lists_come_back_as_they_were() {
        let bytes = encode(4, 70, 9, &some());
        let found = decode("lists-0000000004", &bytes, 70, 3).expect("it was just encoded");
        let lists: Vec<StoredList> = found.lists.iter().map(ListBytes::read).collect();
        assert_eq!((found.segments, lists), (9, some()));
        assert!(decode("lists-0000000004", &bytes, 71, 3).is_none(), "other dimensions");
        assert!(decode("lists-0000000004", &bytes, 70, 4).is_none(), "other words");
        assert!(decode("lists-0000000005", &bytes, 70, 3).is_none(), "another number");
    }

    #[test]
    fn damage_is_seen() {
        let bytes = encode(4, 70, 9, &some()[..3]);
        for cut in 0..bytes.len() {
            assert!(decode("lists-0000000004", &bytes[..cut], 70, 3).is_none(), "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode("lists-0000000004", &damaged, 70, 3).is_none(), "{bit}");
        }
    }
}
