//! The graph object: the links of a graph over the vectors, so that opening a memory need not have one built.
//!
//! A header, then frames numbered from 0: an info frame, and pages whose payloads are one sequence of bytes: the record of
//! each node, and the words of the layers. It is a cache: a damaged or missing one is no error, and what it says of records
//! that were changed since is not used.

use serde::{Deserialize, Serialize};

use crate::model::RecordId;
use crate::persist::frame::{self, Frames};
use crate::persist::{ObjectKind, header};

/// How the words are to be read. Graphs written in another way are not read.
const SCHEME: u32 = 1;
/// Bytes of a page.
const PAGE_BYTES: usize = 256 << 10;

#[derive(Debug, Serialize, Deserialize)]
struct InfoV1 {
    scheme: u32,
    /// Components of a vector.
    dimensions: u32,
    /// Records whose newest form is in a segment of this number or a later one were changed since.
    segments: u64,
    nodes: u32,
    /// Number of the frames that follow.
    pages: u32,
}

/// What a graph object holds.
#[derive(Debug, PartialEq)]
pub(crate) struct StoredGraph {
    /// Records whose newest form is in a segment of this number or a later one were changed since.
    pub(crate) segments: u64,
    /// The record of each node, 0 where there is none any more.
    pub(crate) ids: Vec<RecordId>,
    /// The words of the layers, not checked.
    pub(crate) layers: Vec<u32>,
}

/// The bytes of the graph object of that number: over vectors of `dimensions` components, by when the next segment was
/// `segments`.
pub(crate) fn encode(
    number: u64,
    dimensions: u32,
    segments: u64,
    ids: impl ExactSizeIterator<Item = RecordId>,
    layers: &[u32],
) -> Vec<u8> {
    let nodes = ids.len();
    let mut raw = Vec::with_capacity(16 * nodes + 4 * layers.len());
    ids.for_each(|id| raw.extend_from_slice(&id.0.to_le_bytes()));
    layers.iter().for_each(|word| raw.extend_from_slice(&word.to_le_bytes()));
    let pages = raw.len().div_ceil(PAGE_BYTES);
    let mut out = Vec::with_capacity(raw.len() + 16 * pages + 64);
    out.extend_from_slice(&header::encode(ObjectKind::Graph, number));
    let info = InfoV1 { scheme: SCHEME, dimensions, segments, nodes: nodes as u32, pages: pages as u32 };
    frame::write(&mut out, 0, &postcard::to_allocvec(&info).expect("stored types always encode"));
    for (page, number) in raw.chunks(PAGE_BYTES).zip(1..) {
        frame::write(&mut out, number, page);
    }
    out
}

/// Reads the graph object under that key. Nothing if anything is amiss with it, or if it is not of vectors of `dimensions`
/// components.
pub(crate) fn decode(object: &str, bytes: &[u8], dimensions: u32) -> Option<StoredGraph> {
    let mut frames = Frames::of(header::check(bytes, ObjectKind::Graph, object).ok()?);
    let info: InfoV1 = postcard::from_bytes(frames.next()?).ok()?;
    if info.scheme != SCHEME || info.dimensions != dimensions {
        return None;
    }
    let mut raw = Vec::with_capacity(bytes.len());
    for _ in 0..info.pages {
        raw.extend_from_slice(frames.next()?);
    }
    let (ids, layers) = raw.split_at_checked((info.nodes as usize).checked_mul(16)?)?;
    let (words, odd) = layers.as_chunks::<4>();
    let ids = ids.as_chunks().0.iter().map(|id| RecordId(u128::from_le_bytes(*id))).collect();
    let layers = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let whole = frames.is_empty() && odd.is_empty();
    whole.then_some(StoredGraph { segments: info.segments, ids, layers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(nodes: u32) -> (Vec<RecordId>, Vec<u32>) {
        let ids = (0..nodes).map(|id| RecordId(u128::from(id) << 70)).collect();
        (ids, (0..nodes * 11).map(|word| word.wrapping_mul(0x9e37_79b9)).collect())
    }

    #[test]
    fn a_graph_comes_back_as_it_was() {
        let (ids, layers) = some(9_000);
        let bytes = encode(4, 70, 9, ids.iter().copied(), &layers);
        let found = decode("graph-0000000004", &bytes, 70).expect("it was just encoded");
        assert_eq!(found, StoredGraph { segments: 9, ids, layers });
        assert!(decode("graph-0000000004", &bytes, 71).is_none(), "other dimensions");
        assert!(decode("graph-0000000005", &bytes, 70).is_none(), "another number");
    }

    #[test]
    fn damage_is_seen() {
        let (ids, layers) = some(20);
        let bytes = encode(4, 70, 9, ids.into_iter(), &layers);
        for cut in 0..bytes.len() {
            assert!(decode("graph-0000000004", &bytes[..cut], 70).is_none(), "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode("graph-0000000004", &damaged, 70).is_none(), "{bit}");
        }
    }
}
