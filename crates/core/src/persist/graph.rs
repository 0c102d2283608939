//! The graph object: the links of a graph over the vectors, so that opening a memory need not have one built.
//!
//! A header, then frames numbered from 0: an info frame, and pages whose payloads are one sequence of bytes: the record of
//! each node, and the words of the layers. Pages are appended one at a time. It is a cache: a damaged, unfinished or missing
//! one is no error, and what it says of records that were changed since is not used.

use serde::{Deserialize, Serialize};

use crate::model::RecordId;
use crate::persist::frame::{self, Frames};
use crate::persist::{ObjectKind, header};

/// How the words are to be read. Graphs written in another way are not read.
const SCHEME: u32 = 1;
/// Bytes of a page.
const PAGE_BYTES: usize = 256 << 10;
/// Bytes of the id of a record.
const ID_BYTES: usize = 16;

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
    /// The record of each node, [`TWIN`] or [`GONE`] where there is none.
    pub(crate) ids: Vec<RecordId>,
    /// The words of the layers, not checked.
    pub(crate) layers: Vec<u32>,
}

/// In place of the record of a node that has never stood for one: its vector was equal to that of another node.
pub(crate) const TWIN: RecordId = RecordId(0);
/// In place of the record of a node whose vector is there no more. Earlier releases wrote 0 here too.
pub(crate) const GONE: RecordId = RecordId(u128::MAX);

/// The shape of a graph: nodes, and words of its layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GraphShape {
    pub(crate) nodes: usize,
    pub(crate) words: usize,
}

impl GraphShape {
    /// Number of the pages that it takes.
    pub(crate) fn pages(self) -> u32 {
        (ID_BYTES * self.nodes + 4 * self.words).div_ceil(PAGE_BYTES) as u32
    }
}

/// Where the graph object of that number begins: its header and its info frame. It is over vectors of `dimensions` components,
/// by when the next segment was `segments`, and the pages of its shape follow ([`page`]).
pub(crate) fn begin(number: u64, dimensions: u32, segments: u64, shape: GraphShape) -> Vec<u8> {
    let mut out = header::encode(ObjectKind::Graph, number).to_vec();
    let (nodes, pages) = (shape.nodes as u32, shape.pages());
    let info = InfoV1 { scheme: SCHEME, dimensions, segments, nodes, pages };
    frame::write(&mut out, 0, &postcard::to_allocvec(&info).expect("stored types always encode"));
    out
}

/// A page of a graph object, the pages counted from 0. `id` says the record of a node of the `nodes`.
pub(crate) fn page(number: u32, nodes: usize, id: impl Fn(usize) -> RecordId, layers: &[u32]) -> Vec<u8> {
    // Ids and words fill pages without a rest.
    let start = number as usize * PAGE_BYTES;
    let ids = start / ID_BYTES..((start + PAGE_BYTES) / ID_BYTES).min(nodes);
    let place = |byte: usize| (byte.saturating_sub(ID_BYTES * nodes) / 4).min(layers.len());
    let words = &layers[place(start)..place(start + PAGE_BYTES)];
    let mut raw = Vec::with_capacity(PAGE_BYTES);
    ids.for_each(|node| raw.extend_from_slice(&id(node).0.to_le_bytes()));
    raw.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    let mut out = Vec::with_capacity(raw.len() + frame::OVERHEAD);
    frame::write(&mut out, u64::from(number) + 1, &raw);
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
    let (ids, layers) = raw.split_at_checked((info.nodes as usize).checked_mul(ID_BYTES)?)?;
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

    fn encode(number: u64, dimensions: u32, segments: u64, ids: &[RecordId], layers: &[u32]) -> Vec<u8> {
        let shape = GraphShape { nodes: ids.len(), words: layers.len() };
        let mut bytes = begin(number, dimensions, segments, shape);
        (0..shape.pages()).for_each(|number| bytes.extend(page(number, ids.len(), |node| ids[node], layers)));
        bytes
    }

    #[test]
    fn a_graph_comes_back_as_it_was() {
        // With a page that holds ids and words, and with pages that end with the last id and the last word.
        for (nodes, words) in [(9_000, 9_000 * 11), (16_384, 65_536), (32_768, 1), (3, 65_524)] {
            let (ids, mut layers) = some(nodes);
            layers.resize(words, 7);
            let bytes = encode(4, 70, 9, &ids, &layers);
            let found = decode("graph-0000000004", &bytes, 70).expect("it was just encoded");
            assert_eq!(found, StoredGraph { segments: 9, ids, layers });
        }
        let (ids, layers) = some(9_000);
        let bytes = encode(4, 70, 9, &ids, &layers);
        let found = decode("graph-0000000004", &bytes, 70).expect("it was just encoded");
        assert_eq!(found, StoredGraph { segments: 9, ids, layers });
        assert!(decode("graph-0000000004", &bytes, 71).is_none(), "other dimensions");
        assert!(decode("graph-0000000005", &bytes, 70).is_none(), "another number");
    }

    #[test]
    fn damage_is_seen() {
        let (ids, layers) = some(20);
        let bytes = encode(4, 70, 9, &ids, &layers);
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
