//! What a host can ask an engine to change.

use serde::Deserialize;

use crate::model::{Kind, Metadata, Origin, Precision, RecordId, Reward, Scope, Tier, Timestamp, Usage};

/// One step of a transaction. All steps of a transaction happen, or none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Operation {
    /// Adds a record.
    Add {
        /// What to remember.
        record: Box<NewRecord>,
        /// Its vector, if the host made one.
        #[serde(skip)]
        vector: Option<Vec<f32>>,
    },
    /// Changes a record. A patch that says nothing, without a vector, changes nothing.
    Update {
        /// Which record.
        id: RecordId,
        /// What changes.
        patch: Box<Patch>,
        /// The vector of the new text. When the text changes and no vector is given, the record has none from then on.
        #[serde(skip)]
        vector: Option<Vec<f32>>,
        /// Refuse the transaction unless the record is at this version.
        if_version: Option<u32>,
    },
    /// Removes a record, or takes what went into another one by consolidation out of that.
    Forget {
        /// Which record.
        id: RecordId,
        /// The vector of what a summary says without it (see [`crate::Engine::remainders`]). When none is given and the
        /// summary's text changes, it has none from then on.
        #[serde(skip)]
        vector: Option<Vec<f32>>,
        /// Refuse the transaction unless the record is at this version.
        if_version: Option<u32>,
    },
    /// Says how useful a record was.
    Reward {
        /// Which record.
        id: RecordId,
        /// -1 (it misled) to 1 (it was what was needed).
        value: f32,
        /// Refuse the transaction unless the record is at this version.
        if_version: Option<u32>,
    },
    /// Moves a record to a more or a less durable tier. Nothing happens to one that is in that tier already.
    Move {
        /// Which record.
        id: RecordId,
        /// Which way.
        direction: Direction,
        /// Where to; the next tier that way if left out. One that lies the other way is refused.
        to: Option<Tier>,
        /// Refuse the transaction unless the record is at this version.
        if_version: Option<u32>,
    },
}

/// Which way a record moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To a more durable tier.
    Up,
    /// To a less durable one.
    Down,
}

/// A record to add. Only the text is needed.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewRecord {
    /// The id, if it was made beforehand.
    pub id: Option<RecordId>,
    /// What to remember. Not blank.
    pub text: String,
    /// Default: episodic.
    pub kind: Option<Kind>,
    /// Default: the configuration's default tier.
    pub tier: Option<Tier>,
    /// Whom it belongs to. Merged with the scope of the view that adds it.
    pub scope: Scope,
    /// Who said or did it.
    pub actor: Option<String>,
    /// When it happened. Default: now.
    pub occurred_at: Option<Timestamp>,
    /// 0 to 1. Default: 0.5.
    pub importance: Option<f64>,
    /// Labels.
    pub tags: Vec<String>,
    /// The user's own fields.
    pub metadata: Metadata,
    /// Default: false.
    pub pinned: bool,
    /// When it ceases to be.
    pub expires_at: Option<Timestamp>,
    /// Where it came from.
    pub source: Option<String>,
    /// What the record has been through, when it comes from another memory.
    pub history: Option<History>,
}

/// The past of a record that comes from another memory.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct History {
    /// When it was first recorded.
    pub recorded_at: Timestamp,
    /// Since when it has lived in its tier.
    pub tier_since: Timestamp,
    /// How often it was read.
    pub access_count: u32,
    /// When it was last read, latest first.
    #[serde(default)]
    pub recent_accesses: Vec<Timestamp>,
    /// What recalls have owed to it, 0 to 1.
    #[serde(default)]
    pub merit: f32,
    /// Mean of the rewards it was given, -1 to 1.
    pub reward: Option<f32>,
    /// How many rewards.
    #[serde(default)]
    pub rewards: u32,
    /// How surprising it was, 0 to 1.
    pub surprise: Option<f32>,
    /// Its version.
    pub version: u32,
    /// The memories that went into it.
    #[serde(default)]
    pub origins: Vec<Origin>,
    /// Whether its text was made of them.
    #[serde(default)]
    pub summary: bool,
    /// How exactly its vector was kept.
    pub precision: Option<Precision>,
}

impl History {
    /// The usage that the past amounts to.
    pub(crate) fn usage(&self) -> Usage {
        let mut recent: Vec<Timestamp> = Vec::new();
        for moment in &self.recent_accesses {
            recent.insert(recent.partition_point(|kept| kept > moment), *moment);
        }
        recent.truncate(Usage::RECENT.min(self.access_count as usize));
        let reward = self.reward.filter(|_| self.rewards > 0);
        Usage {
            count: self.access_count,
            recent,
            // Not a number is no merit.
            merit: if self.merit > 0.0 { self.merit.min(1.0) } else { 0.0 },
            reward: reward.map(|mean| Reward { mean: mean.clamp(-1.0, 1.0), count: self.rewards }),
        }
    }
}

/// Changes to a record. What is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Patch {
    /// The new text.
    pub text: Option<String>,
    /// The new kind.
    pub kind: Option<Kind>,
    /// The new actor.
    pub actor: Option<String>,
    /// The new moment of happening.
    pub occurred_at: Option<Timestamp>,
    /// The new importance, 0 to 1.
    pub importance: Option<f64>,
    /// The new labels, all of them.
    pub tags: Option<Vec<String>>,
    /// The new metadata, all of it.
    pub metadata: Option<Metadata>,
    /// Whether it is pinned from now on.
    pub pinned: Option<bool>,
    /// When it ceases to be.
    pub expires_at: Option<Timestamp>,
    /// Where it came from.
    pub source: Option<String>,
    /// Fields to empty.
    pub clear: Vec<Clearable>,
}

/// Fields that a patch can empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Clearable {
    /// [`crate::Record::actor`]
    Actor,
    /// [`crate::Record::expires_at`]
    ExpiresAt,
    /// [`crate::Record::source`]
    Source,
}
