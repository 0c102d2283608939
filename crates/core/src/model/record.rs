//! The record: one memory.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::model::{Metadata, Move, Reason, RecordId, Scope, Tier, Timestamp, Usage};

/// What sort of memory a record is: one of the known names or the user's own, lower-case kebab.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(pub String);

impl Kind {
    /// Something that happened.
    pub const EPISODIC: &str = "episodic";
    /// Something that is so.
    pub const SEMANTIC: &str = "semantic";
    /// How something is done.
    pub const PROCEDURAL: &str = "procedural";
    /// What reminds of what.
    pub const ASSOCIATIVE: &str = "associative";
}

impl Default for Kind {
    fn default() -> Self {
        Kind(Self::EPISODIC.to_owned())
    }
}

/// The space in which vectors can be compared: the model that made them and their length.
/// Vectors of different spaces never meet; a memory has one space from its first vector on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingSpace {
    /// Name of the model, as its provider gives it.
    pub model: String,
    /// Number of components.
    pub dimensions: u32,
}

impl EmbeddingSpace {
    /// Most components of a vector.
    pub(crate) const MAX_DIMENSIONS: u32 = 8_192;

    /// Whether vectors can have so many components.
    pub(crate) fn allows(dimensions: u32) -> bool {
        (1..=Self::MAX_DIMENSIONS).contains(&dimensions)
    }
}

impl std::fmt::Display for EmbeddingSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.model, self.dimensions)
    }
}

/// A memory that went into another one: what is left of it there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Origin {
    /// The id it had. It still leads to the record that it went into.
    pub id: RecordId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Who said or did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The user's own fields.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its words, or those of them that were kept; nothing if they are those of the record that it went into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One memory, without its vector (the vector index holds that).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The id, for life.
    pub id: RecordId,
    /// What is remembered.
    pub text: String,
    /// Episodic, semantic, procedural or the user's own.
    pub kind: Kind,
    /// Where it lives now.
    pub tier: Tier,
    /// Since when it has lived there.
    pub tier_since: Timestamp,
    /// Whom it belongs to.
    pub scope: Scope,
    /// Who said or did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When the memory learnt of it.
    pub recorded_at: Timestamp,
    /// How much it matters, 0 to 1: as it was given, or the default of its kind. Policies compose theirs of this and of
    /// what else is known (see [`crate::policy::ImportanceWeights`]); it is told by [`crate::Engine::explain_transition`].
    pub importance: f64,
    /// Labels, in the order given, without repeats.
    pub tags: Vec<String>,
    /// The user's own fields.
    pub metadata: Metadata,
    /// How often and when it was recalled or read, and what came of it.
    #[serde(flatten)]
    pub usage: Usage,
    /// How unlike everything known it was when it was added, 0 to 1, if that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surprise: Option<f32>,
    /// Its last moves from tier to tier, earliest first: [`Record::MOVES`] at most.
    #[serde(skip)]
    pub moves: Vec<Move>,
    /// Pinned records are never evicted nor moved by a policy.
    pub pinned: bool,
    /// When it ceases to be: from this moment on it is hidden, and soon removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where it came from: a file, a URL, a tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The memories that went into it by consolidation, earliest first: [`Record::ORIGINS`] at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    /// Whether it is a summary: its text was made of its origins, and it ends with the last of them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub summary: bool,
    /// Grows by one with each change of content; starts at 1. Accesses and moves between tiers do not count.
    pub version: u32,
}

#[cfg(test)]
impl Record {
    /// A record of that id, with nothing to it.
    pub(crate) fn plain(id: u128) -> Record {
        let at = Timestamp(id as i64);
        Record {
            id: RecordId(id),
            text: String::new(),
            kind: Kind::default(),
            tier: Tier::Working,
            tier_since: at,
            scope: Scope::default(),
            actor: None,
            occurred_at: at,
            recorded_at: at,
            importance: 0.5,
            tags: Vec::new(),
            metadata: Metadata::new(),
            usage: Usage::default(),
            surprise: None,
            moves: Vec::new(),
            pinned: false,
            expires_at: None,
            source: None,
            origins: Vec::new(),
            summary: false,
            version: 1,
        }
    }
}

impl Record {
    /// Moves that are remembered.
    pub const MOVES: usize = 8;

    /// Origins that are remembered.
    pub const ORIGINS: usize = 256;

    /// Whether it was sent back to its tier, and has to earn its way up again.
    pub fn is_on_probation(&self) -> bool {
        self.moves.last().is_some_and(|last| last.reason == Reason::Lapsed)
    }

    /// What a summary says if its text is put together of what its origins said.
    pub fn extract(&self) -> String {
        let said = self.origins.iter().filter_map(|origin| origin.text.as_deref());
        said.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// An origin as the record that it was, as far as that is known; the rest is as it is here.
    pub(crate) fn as_origin(&self, origin: &Origin) -> Record {
        Record {
            id: origin.id,
            occurred_at: origin.occurred_at,
            actor: origin.actor.clone(),
            tags: origin.tags.clone(),
            metadata: origin.metadata.clone(),
            source: origin.source.clone(),
            text: origin.text.clone().unwrap_or_else(|| self.text.clone()),
            origins: Vec::new(),
            ..self.clone()
        }
    }

    /// What is left of the record once it has gone into another one. `text`: the words of it that are kept there,
    /// nothing if they are the other one's.
    pub(crate) fn to_origin(&self, text: Option<String>) -> Origin {
        Origin {
            id: self.id,
            occurred_at: self.occurred_at,
            actor: self.actor.clone(),
            tags: self.tags.clone(),
            metadata: self.metadata.clone(),
            source: self.source.clone(),
            text,
        }
    }

    /// Carries a move out.
    pub(crate) fn moved(&mut self, to: Move) {
        (self.tier, self.tier_since) = (to.to, to.at);
        if self.moves.len() == Record::MOVES {
            self.moves.remove(0);
        }
        // Most records move once or twice: no room beside that.
        self.moves.reserve_exact(1);
        self.moves.push(to);
    }

    /// Takes over the moves that were told of it, all that are remembered. None says nothing.
    pub(crate) fn retrace(&mut self, moves: Vec<Move>) {
        if let Some(last) = moves.last() {
            (self.tier, self.tier_since) = (last.to, last.at);
            self.moves = moves;
        }
    }

    /// What keyword search sees of it: its text, its actor, its labels, and the day it happened on in words, so that "in
    /// May 2023" finds it.
    pub(crate) fn keyword_fields(&self) -> Vec<Cow<'_, str>> {
        let mut fields = vec![Cow::from(self.text.as_str())];
        fields.extend(self.actor.iter().chain(&self.tags).map(Cow::from));
        if let Ok(moment) = OffsetDateTime::from_unix_timestamp(self.occurred_at.0.div_euclid(1_000)) {
            fields.push(format!("{} {} {}", moment.day(), moment.month(), moment.year()).into());
        }
        fields
    }

    /// Whether the record has expired at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}
