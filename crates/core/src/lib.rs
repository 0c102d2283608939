//! The engine of Stratamem: tiered memory for AI agents, without I/O.
//!
//! Everything here is a state machine. Time arrives as `now`, randomness as a seed, vectors inside commands; bytes to
//! store leave as effects. The same commands give the same answers and the same bytes on every platform.
//!
//! ```
//! use stratamem_core::{Config, Opening};
//!
//! let (engine, report) = Opening::new(Config::default(), 7, Vec::new())?.finish()?;
//! assert!(report.created && engine.is_empty());
//! # Ok::<(), stratamem_core::Error>(())
//! ```
//!
//! Start reading at [`Engine`]; `docs/ARCHITECTURE.md` has the map.

#![forbid(unsafe_code)]

mod config;
pub mod consolidate;
mod context;
mod embed;
mod engine;
mod error;
mod index;
mod model;
mod persist;
pub mod policy;
mod retrieve;
mod syntax;
mod tier;

/// Parts of the engine by themselves, to be measured.
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench {
    pub use crate::index::vector::IndexAlone;
}

pub use config::{
    Config, Consolidate, Consolidation, Demotion, Episodes, GraphUse, KindConfig, Limits, OnLimit, Overflow,
    Repeats, ResultCache, TierConfig, TotalConfig,
};
pub use context::{Beside, ContextRequest, Passage, Piece, Section, Selection, passages};
pub use embed::StaticModel;
pub use engine::{
    Analysis, CacheFigures, Clearable, CursorPage, Direction, Effect, Embedding, Encoded, Engine,
    EngineStats, Estimate, Event, Evictions, Figures, FiguresPage, Form, Goal, GraphFigures, GraphJob, Group,
    GroupSearch, History, KindFigures, Leaving, Listing, MaintenanceReport, NewRecord, OpenReport, Opening,
    Operation, Outcome, Page, PagingFigures, Patch, PerTier, PrecisionCounts, Prospect, Repeat, Request,
    RowRange, Stats, StorageOperation, TierCounts, TierFigures, Training, Transition, Unencoded,
};
pub use error::{CommandError, Detail, Error, ErrorCode, FormatError, ModelError, QueryError};
pub use index::text::{Bm25, TOKENIZER};
pub use index::vector::{Placing, build_graph};
pub use model::{
    Comparison, EmbeddingSpace, FieldPath, Filter, Kept, Kind, Metadata, Metric, Move, Order, Origin,
    Position, Precision, Reason, Record, RecordField, RecordId, Reward, Scope, SortField, Span, Tier,
    Timestamp, Usage, Value,
};
pub use persist::{FORMAT_VERSION, OLDEST_READABLE_VERSION};
pub use retrieve::{
    Fusion, Hit, Judgement, Part, Query, Reranking, Signal, SignalShare, SkippedSignal, Weights, Why,
};
pub use syntax::{Expression, FieldTerm};
