//! Errors and their stable codes.
//!
//! Owns every error the core can return. Messages say what happened, to what, and what to do; they never carry the
//! text of a memory.

use thiserror::Error;

use crate::model::{EmbeddingSpace, RecordId, Tier};

/// A stable name of an error, for programs. The same names are used in TypeScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A parameter is not acceptable.
    InvalidArgument,
    /// A vector has the wrong number of components.
    DimensionMismatch,
    /// A vector was made by another model than the memory's.
    SpaceMismatch,
    /// No such record in this view.
    NotFound,
    /// The record went into another one by consolidation.
    Consolidated,
    /// The id is taken.
    AlreadyExists,
    /// A version precondition failed.
    TransactionConflict,
    /// A tier that refuses what is too much is full.
    TierFull,
    /// A memory that refuses what is too much is full.
    MemoryFull,
    /// A write to storage failed earlier: only reads are served until the memory is opened again.
    EnginePoisoned,
    /// A call needs vectors that are in storage: for hosts, which read them and make the call again.
    VectorsUnread,
    /// Stored bytes are damaged.
    CorruptData,
    /// Stored bytes were written by a newer version.
    FormatTooNew,
    /// Stored bytes are older than this version can read.
    FormatTooOld,
}

impl ErrorCode {
    /// All codes of the core.
    pub const ALL: [ErrorCode; 14] = [
        ErrorCode::InvalidArgument,
        ErrorCode::DimensionMismatch,
        ErrorCode::SpaceMismatch,
        ErrorCode::NotFound,
        ErrorCode::Consolidated,
        ErrorCode::AlreadyExists,
        ErrorCode::TransactionConflict,
        ErrorCode::TierFull,
        ErrorCode::MemoryFull,
        ErrorCode::EnginePoisoned,
        ErrorCode::VectorsUnread,
        ErrorCode::CorruptData,
        ErrorCode::FormatTooNew,
        ErrorCode::FormatTooOld,
    ];

    /// The name, lower-case kebab.
    pub fn name(self) -> &'static str {
        match self {
            ErrorCode::InvalidArgument => "invalid-argument",
            ErrorCode::DimensionMismatch => "dimension-mismatch",
            ErrorCode::SpaceMismatch => "space-mismatch",
            ErrorCode::NotFound => "not-found",
            ErrorCode::Consolidated => "consolidated",
            ErrorCode::AlreadyExists => "already-exists",
            ErrorCode::TransactionConflict => "transaction-conflict",
            ErrorCode::TierFull => "tier-full",
            ErrorCode::MemoryFull => "memory-full",
            ErrorCode::EnginePoisoned => "engine-poisoned",
            ErrorCode::VectorsUnread => "vectors-unread",
            ErrorCode::CorruptData => "corrupt-data",
            ErrorCode::FormatTooNew => "format-too-new",
            ErrorCode::FormatTooOld => "format-too-old",
        }
    }
}

/// Any error of the core.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A command was refused; nothing changed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A question was refused.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Stored bytes cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The embedding model's file cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A parameter is not acceptable.
    #[error("{field} {problem}")]
    Invalid {
        /// Which parameter, as a path: `records/3/importance`.
        field: String,
        /// What is wrong with it, to be read after the name.
        problem: String,
    },
    /// Vectors are needed whose rows are in storage.
    #[error(
        "it takes vectors that are in storage: read what is wanted under {reading}, and make the call again"
    )]
    VectorsUnread {
        /// The number under which the engine says what to read.
        reading: u32,
    },
    /// A vector has the wrong number of components.
    #[error("{field} has {found} dimensions, but this memory holds vectors of {expected} ({space})")]
    DimensionMismatch {
        /// Which parameter.
        field: String,
        /// What the memory holds.
        expected: u32,
        /// What was given.
        found: u32,
        /// The memory's space.
        space: String,
    },
    /// A vector was made by another model.
    #[error(
        "{field} was made by {found}, but this memory holds vectors of {expected}: open it with that embedder, or \
         go over to the other one with reembed()"
    )]
    SpaceMismatch {
        /// Which parameter.
        field: String,
        /// The memory's space.
        expected: EmbeddingSpace,
        /// The space of what was given.
        found: EmbeddingSpace,
    },
    /// No such record in this view.
    #[error("no memory with id {id} is visible here")]
    NotFound {
        /// The id asked for.
        id: RecordId,
    },
    /// The record went into another one by consolidation.
    #[error("memory {id} went into {into} by consolidation: change that one, or forget {id} to take it out")]
    Consolidated {
        /// The id asked for.
        id: RecordId,
        /// Where it went.
        into: RecordId,
    },
    /// The id is taken.
    #[error("a memory with id {id} exists already")]
    AlreadyExists {
        /// The id.
        id: RecordId,
    },
    /// A version precondition failed.
    #[error("memory {id} is at version {found}, not {expected}: read it again and retry")]
    Conflict {
        /// The record.
        id: RecordId,
        /// The version the caller expected.
        expected: u32,
        /// The version it has.
        found: u32,
    },
    /// A tier that refuses what is too much is full.
    #[error("the {} tier is full and refuses more: forget something, raise its limits, or let it evict", tier.name())]
    TierFull {
        /// The tier.
        tier: Tier,
    },
    /// A memory that refuses what is too much is full.
    #[error("the memory is full and refuses more: forget something, raise its total limits, or let it evict")]
    MemoryFull,
    /// An earlier write to storage failed.
    #[error("an earlier write to storage failed ({reason}): open the memory again to continue")]
    Poisoned {
        /// Why it failed.
        reason: String,
    },
}

impl CommandError {
    /// A [`CommandError::Invalid`].
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        CommandError::Invalid { field: field.into(), problem: problem.into() }
    }

    /// The same error with `prefix/` before the name of the parameter.
    pub(crate) fn within(self, prefix: &str) -> Self {
        let nested = |field: String| format!("{prefix}/{field}");
        match self {
            CommandError::Invalid { field, problem } => {
                CommandError::Invalid { field: nested(field), problem }
            }
            CommandError::DimensionMismatch { field, expected, found, space } => {
                CommandError::DimensionMismatch { field: nested(field), expected, found, space }
            }
            CommandError::SpaceMismatch { field, expected, found } => {
                CommandError::SpaceMismatch { field: nested(field), expected, found }
            }
            other => other,
        }
    }
}

/// Why a question was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The filter is malformed.
    #[error("{path} {problem}")]
    Filter {
        /// Where in the filter.
        path: String,
        /// What is wrong there, to be read after the path.
        problem: String,
    },
    /// A parameter is not acceptable.
    #[error("{field} {problem}")]
    Invalid {
        /// Which parameter.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A text in the syntax of queries is malformed.
    #[error("query is not understood at position {position}: {problem}; expected {expected}")]
    Syntax {
        /// Where, in UTF-16 code units from the beginning, as JavaScript counts.
        position: usize,
        /// What was found there.
        problem: String,
        /// What could stand there instead.
        expected: String,
    },
    /// The query's vector does not fit the memory's.
    #[error(transparent)]
    Vector(CommandError),
}

/// Why stored bytes cannot be read. They are left untouched.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes are damaged.
    #[error("{object} is damaged at byte {offset}: {problem}. Restore it from a backup")]
    Corrupt {
        /// Key of the object in storage.
        object: String,
        /// Where.
        offset: u64,
        /// What was found.
        problem: String,
    },
    /// Written by a newer version.
    #[error(
        "{object} has format version {found}; this build reads up to {supported}: update stratamem to open it"
    )]
    TooNew {
        /// Key of the object in storage.
        object: String,
        /// Its version.
        found: u16,
        /// The newest that can be read.
        supported: u16,
    },
    /// Older than can be read.
    #[error(
        "{object} has format version {found}; this build reads from {supported} on: use an older stratamem to export it"
    )]
    TooOld {
        /// Key of the object in storage.
        object: String,
        /// Its version.
        found: u16,
        /// The oldest that can be read.
        supported: u16,
    },
}

/// Why the bytes of an embedding model cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The bytes are not a model, or are damaged.
    #[error("the embedding model is unusable: {0}")]
    Unusable(&'static str),
    /// Written by a newer version.
    #[error("the embedding model has version {found}; this build reads {supported}")]
    TooNew {
        /// Its version.
        found: u16,
        /// The version that can be read.
        supported: u16,
    },
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::Command(error) | Error::Query(QueryError::Vector(error)) => match error {
                CommandError::Invalid { .. } => ErrorCode::InvalidArgument,
                CommandError::DimensionMismatch { .. } => ErrorCode::DimensionMismatch,
                CommandError::SpaceMismatch { .. } => ErrorCode::SpaceMismatch,
                CommandError::NotFound { .. } => ErrorCode::NotFound,
                CommandError::Consolidated { .. } => ErrorCode::Consolidated,
                CommandError::AlreadyExists { .. } => ErrorCode::AlreadyExists,
                CommandError::Conflict { .. } => ErrorCode::TransactionConflict,
                CommandError::TierFull { .. } => ErrorCode::TierFull,
                CommandError::MemoryFull => ErrorCode::MemoryFull,
                CommandError::VectorsUnread { .. } => ErrorCode::VectorsUnread,
                CommandError::Poisoned { .. } => ErrorCode::EnginePoisoned,
            },
            Error::Query(
                QueryError::Filter { .. } | QueryError::Invalid { .. } | QueryError::Syntax { .. },
            ) => ErrorCode::InvalidArgument,
            Error::Format(FormatError::Corrupt { .. }) | Error::Model(ModelError::Unusable(_)) => {
                ErrorCode::CorruptData
            }
            Error::Format(FormatError::TooNew { .. }) | Error::Model(ModelError::TooNew { .. }) => {
                ErrorCode::FormatTooNew
            }
            Error::Format(FormatError::TooOld { .. }) => ErrorCode::FormatTooOld,
        }
    }

    /// Structured facts about the error: names and values.
    pub fn details(&self) -> Vec<(&'static str, Detail)> {
        use Detail::{Number, Text};
        let text = |text: &dyn std::fmt::Display| Text(text.to_string());
        match self {
            Error::Command(error) | Error::Query(QueryError::Vector(error)) => match error {
                CommandError::Invalid { field, .. } => vec![("field", text(field))],
                CommandError::DimensionMismatch { field, expected, found, space } => vec![
                    ("field", text(field)),
                    ("expected", Number(f64::from(*expected))),
                    ("found", Number(f64::from(*found))),
                    ("space", text(space)),
                ],
                CommandError::SpaceMismatch { field, expected, found } => {
                    vec![("field", text(field)), ("expected", text(expected)), ("found", text(found))]
                }
                CommandError::NotFound { id } | CommandError::AlreadyExists { id } => vec![("id", text(id))],
                CommandError::Consolidated { id, into } => vec![("id", text(id)), ("into", text(into))],
                CommandError::TierFull { tier } => vec![("tier", text(&tier.name()))],
                CommandError::MemoryFull => Vec::new(),
                CommandError::Conflict { id, expected, found } => vec![
                    ("id", text(id)),
                    ("expected", Number(f64::from(*expected))),
                    ("found", Number(f64::from(*found))),
                ],
                CommandError::VectorsUnread { reading } => vec![("reading", Number(f64::from(*reading)))],
                CommandError::Poisoned { reason } => vec![("reason", text(reason))],
            },
            Error::Query(QueryError::Filter { path, .. }) => vec![("field", text(path))],
            Error::Query(QueryError::Invalid { field, .. }) => vec![("field", text(field))],
            Error::Query(QueryError::Syntax { position, expected, .. }) => vec![
                ("field", text(&"query")),
                ("position", Number(*position as f64)),
                ("expected", text(expected)),
            ],
            Error::Format(FormatError::Corrupt { object, offset, problem }) => {
                vec![("object", text(object)), ("offset", Number(*offset as f64)), ("problem", text(problem))]
            }
            Error::Format(
                FormatError::TooNew { object, found, supported }
                | FormatError::TooOld { object, found, supported },
            ) => vec![
                ("object", text(object)),
                ("found", Number(f64::from(*found))),
                ("supported", Number(f64::from(*supported))),
            ],
            Error::Model(ModelError::Unusable(problem)) => vec![("problem", text(problem))],
            Error::Model(ModelError::TooNew { found, supported }) => {
                vec![("found", Number(f64::from(*found))), ("supported", Number(f64::from(*supported)))]
            }
        }
    }
}

/// One structured fact about an error.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// A name, an id, a path.
    Text(String),
    /// A count, an offset, a version.
    Number(f64),
}
