//! The manifest: which objects are alive.
//!
//! One frame in an object of its own. Each change of the live set writes a manifest of the next generation and then
//! removes the one before: the appearance of the new one is the moment of change.

use serde::{Deserialize, Serialize};

use crate::error::FormatError;
use crate::model::{EmbeddingSpace, Metric, RecordId, Tier};
use crate::persist::frame::{self, Parsed};
use crate::persist::stored::{Numbered, ProjectionV1, metric_from};
use crate::persist::{ObjectKind, header};

/// Larger than any count that is reached by counting, and small enough to count on from.
const MAX_FIGURE: u64 = 1 << 53;

/// What is alive.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Manifest {
    /// Grows by one with each manifest; also the number in its key.
    pub(crate) generation: u64,
    /// The last commit whose changes are in the segments.
    pub(crate) sealed_sequence: u64,
    /// Segments, oldest first: a later one overrides an earlier one.
    pub(crate) segments: Vec<SegmentRef>,
    /// Logs that are no longer appended to, oldest first.
    pub(crate) closed_logs: Vec<LogRef>,
    /// The log that is appended to. It may not exist yet.
    pub(crate) active_log: u64,
    /// The number the next segment gets.
    pub(crate) next_segment: u64,
    /// The space of the vectors, once there is one.
    pub(crate) space: Option<EmbeddingSpace>,
    /// How they are compared.
    pub(crate) metric: Metric,
    /// The projections that vectors are kept under.
    pub(crate) projections: Vec<Numbered>,
    /// Per tier, the number of the projection that its vectors are kept under from now on.
    pub(crate) trained: [Option<u32>; 3],
    /// Records from this one on may say what others say: nobody has compared them all.
    pub(crate) uncompared: Option<RecordId>,
    /// When the memory last went over from one space to another.
    pub(crate) switched: Option<Switch>,
}

/// Where the vectors of a space begin that was not the first.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Switch {
    /// The commit with which the vectors before it went.
    pub(crate) commit: u64,
    /// The first segment whose vectors are of the space.
    pub(crate) segment: u64,
}

/// A segment that is alive.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SegmentRef {
    /// The number in its key.
    pub(crate) number: u64,
    /// Its length.
    pub(crate) bytes: u64,
    /// Records in it.
    pub(crate) records: u32,
    /// The first segment of those that were written together, one after the other.
    pub(crate) run: u64,
}

/// A log that is alive and complete.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogRef {
    /// The number in its key.
    pub(crate) number: u64,
    /// Good bytes in it; whatever follows them was never acknowledged.
    pub(crate) bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct ManifestV1 {
    generation: u64,
    sealed_sequence: u64,
    segments: Vec<(u64, u64, u32, u64)>,
    closed_logs: Vec<(u64, u64)>,
    active_log: u64,
    next_segment: u64,
    space: Option<(String, u32)>,
    projections: Vec<ProjectionV1>,
    trained: [Option<u32>; 3],
    uncompared: Option<u128>,
}

impl Manifest {
    /// The key of this manifest.
    pub(crate) fn key(&self) -> String {
        ObjectKind::Manifest.key(self.generation)
    }

    /// Notes that the memory is of that space, compared by that metric, from that commit on.
    pub(crate) fn change_space(&mut self, space: &EmbeddingSpace, metric: Metric, commit: u64) {
        if self.space.as_ref().is_some_and(|before| before != space || metric != self.metric) {
            self.switched = Some(Switch { commit, segment: self.next_segment });
            self.projections.clear();
            self.trained = [None; 3];
        }
        self.space = Some(space.clone());
        self.metric = metric;
    }

    /// Whether vectors in that commit are of the space.
    pub(crate) fn counts_commit(&self, commit: u64) -> bool {
        self.switched.is_none_or(|switch| commit >= switch.commit)
    }

    /// Whether vectors in that segment are of the space.
    pub(crate) fn counts_segment(&self, segment: u64) -> bool {
        self.switched.is_none_or(|switch| segment >= switch.segment)
    }

    /// Notes what a tier is trained to from now on.
    pub(crate) fn train(&mut self, tier: Tier, trained: Option<&Numbered>) {
        if let Some(numbered) = trained {
            self.projections.retain(|(number, _)| *number != numbered.0);
            self.projections.push(numbered.clone());
        }
        self.trained[tier.index()] = trained.map(|(number, _)| *number);
    }

    /// The bytes of this manifest.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let stored = ManifestV1 {
            generation: self.generation,
            sealed_sequence: self.sealed_sequence,
            segments: self.segments.iter().map(|s| (s.number, s.bytes, s.records, s.run)).collect(),
            closed_logs: self.closed_logs.iter().map(|l| (l.number, l.bytes)).collect(),
            active_log: self.active_log,
            next_segment: self.next_segment,
            space: self.space.as_ref().map(|space| (space.model.clone(), space.dimensions)),
            projections: self.projections.iter().map(ProjectionV1::from).collect(),
            trained: self.trained,
            uncompared: self.uncompared.map(|id| id.0),
        };
        let mut payload = postcard::to_allocvec(&stored).expect("stored types always encode");
        let metric = self.metric.is_of_length().then(|| self.metric.index() as u8);
        if self.switched.is_some() || metric.is_some() {
            let switch = self.switched.unwrap_or_default();
            payload.extend(postcard::to_allocvec(&switch).expect("stored types always encode"));
        }
        payload.extend(metric);
        let mut out = header::encode(ObjectKind::Manifest, self.generation).to_vec();
        frame::write(&mut out, self.generation, &payload);
        out
    }

    /// Reads the manifest stored under the key `object`.
    pub(crate) fn decode(object: &str, bytes: &[u8]) -> Result<Manifest, FormatError> {
        let corrupt = |problem: &str| FormatError::Corrupt {
            object: object.to_owned(),
            offset: header::HEADER_LEN as u64,
            problem: problem.to_owned(),
        };
        let rest = header::check(bytes, ObjectKind::Manifest, object)?;
        let (number, payload) = match frame::parse(rest) {
            Parsed::Whole { number, payload, len } if len == rest.len() => (number, payload),
            Parsed::Whole { .. } => return Err(corrupt("it is followed by other bytes")),
            _ => return Err(corrupt("its frame is cut short or its checksum does not match")),
        };
        let broken = |_| corrupt("it does not decode");
        let (stored, rest): (ManifestV1, &[u8]) = postcard::take_from_bytes(payload).map_err(broken)?;
        let (switched, rest): (Option<Switch>, &[u8]) = match rest {
            [] => (None, rest),
            _ => {
                postcard::take_from_bytes(rest).map(|(switch, rest)| (Some(switch), rest)).map_err(broken)?
            }
        };
        let metric = match rest {
            [] => Metric::Cosine,
            [number] => metric_from(*number).map_err(corrupt)?,
            _ => return Err(corrupt("it does not decode")),
        };
        if number != stored.generation || ObjectKind::Manifest.key(number) != object {
            return Err(corrupt("its generation is not the one in its name"));
        }
        let figures = [stored.generation, stored.sealed_sequence, stored.active_log, stored.next_segment];
        let places = switched.iter().flat_map(|switch| [switch.commit, switch.segment]);
        if figures.into_iter().chain(places).any(|figure| figure > MAX_FIGURE) {
            return Err(corrupt("it counts further than any memory can"));
        }
        if stored.space.as_ref().is_some_and(|(_, dimensions)| !EmbeddingSpace::allows(*dimensions)) {
            return Err(corrupt("its vectors have impossible dimensions"));
        }
        Ok(Manifest {
            generation: stored.generation,
            sealed_sequence: stored.sealed_sequence,
            segments: stored
                .segments
                .into_iter()
                .map(|(number, bytes, records, run)| SegmentRef { number, bytes, records, run })
                .collect(),
            closed_logs: stored
                .closed_logs
                .into_iter()
                .map(|(number, bytes)| LogRef { number, bytes })
                .collect(),
            active_log: stored.active_log,
            next_segment: stored.next_segment,
            space: stored.space.map(|(model, dimensions)| EmbeddingSpace { model, dimensions }),
            projections: stored
                .projections
                .into_iter()
                .map(ProjectionV1::into_numbered)
                .collect::<Result<_, _>>()
                .map_err(corrupt)?,
            trained: stored.trained,
            uncompared: stored.uncompared.map(RecordId),
            metric,
            switched: switched.filter(|switch| *switch != Switch::default()),
        })
    }
}
