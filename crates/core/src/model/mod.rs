//! Plain data: what a memory is made of.
//!
//! Owns the types that every other module speaks in. Depends on nothing else in this crate but [`crate::error`].

mod filter;
mod id;
mod metadata;
mod metric;
mod order;
mod precision;
mod record;
mod scope;
mod tier;
mod time;
mod usage;

pub(crate) use filter::steps;
pub use filter::{Comparison, FieldPath, Filter, RecordField};
pub(crate) use id::IdSource;
pub use id::RecordId;
pub use metadata::{Metadata, Value};
pub use metric::Metric;
pub use order::{Order, Position, SortField};
pub(crate) use precision::{Code, Directed};
pub use precision::{Kept, Precision};
pub use record::{EmbeddingSpace, Kind, Origin, Record};
pub use scope::Scope;
pub use tier::Tier;
pub use time::{Span, Timestamp};
pub use usage::{Move, Reason, Reward, Usage};
