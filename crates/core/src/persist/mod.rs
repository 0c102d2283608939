//! Stored bytes: what `docs/FORMAT.md` describes.
//!
//! Owns headers, frames, checksums, the stored types and the encoding of logs, segments and manifests. Knows bytes
//! and keys, not files. Reading never trusts a length and never panics on any input.

mod frame;
mod graph;
mod header;
mod lists;
mod log;
mod manifest;
mod pack;
mod segment;
mod segment_reader;
mod stored;

pub(crate) use graph::{
    GONE, GraphShape, TWIN, begin as begin_graph, decode as decode_graph, page as graph_page,
};
pub(crate) use lists::{
    PAGE_LISTS, StoredList, begin as begin_lists, decode as decode_lists, page as lists_page,
};
pub(crate) use log::{LogReader, append as append_commit, header as log_header};
pub(crate) use manifest::{LogRef, Manifest, SegmentRef};
pub(crate) use segment::{SegmentBuilder, SegmentRow};
pub(crate) use segment_reader::SegmentReader;
pub(crate) use stored::Change;

pub use header::{FORMAT_VERSION, OLDEST_READABLE_VERSION};

/// What a key names. Keys are `kind-number`, both parts chosen by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    /// Append log: one frame a commit.
    Log,
    /// Immutable segment.
    Segment,
    /// The list of what is alive.
    Manifest,
    /// Codes of vectors in their lists: a cache.
    Lists,
    /// Links of a graph over the vectors: a cache.
    Graph,
}

impl ObjectKind {
    const NAMES: [(&str, ObjectKind); 5] = [
        ("log", ObjectKind::Log),
        ("segment", ObjectKind::Segment),
        ("manifest", ObjectKind::Manifest),
        ("lists", ObjectKind::Lists),
        ("graph", ObjectKind::Graph),
    ];

    /// The key of object `number`.
    pub(crate) fn key(self, number: u64) -> String {
        let name = Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name);
        format!("{name}-{number:010}")
    }

    /// Kind and number of a key, or nothing if the key is not the engine's.
    pub(crate) fn parse(key: &str) -> Option<(ObjectKind, u64)> {
        let (name, number) = key.split_once('-')?;
        let (_, kind) = Self::NAMES.iter().find(|(known, _)| *known == name)?;
        let parsed = number.parse().ok()?;
        (kind.key(parsed) == key).then_some((*kind, parsed))
    }
}
