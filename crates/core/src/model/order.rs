//! Orders of records, for listings.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::model::{Record, RecordId};

/// What records can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are those of the fields of `Record`")]
pub enum SortField {
    #[default]
    Id,
    OccurredAt,
    RecordedAt,
    Importance,
    AccessCount,
    LastAccess,
    ExpiresAt,
}

/// An order of records: by a field, where it is the same by id. Records without the field come last, in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// What to sort by.
    pub by: SortField,
    /// The largest first, and of ids the latest.
    pub descending: bool,
}

/// Where a record stands in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The value of the field, as a number that sorts alike; nothing if the record has none.
    pub value: Option<i64>,
    /// The record.
    pub id: RecordId,
}

impl Order {
    /// Where `record` stands.
    pub fn position(&self, record: &Record) -> Position {
        let value = match self.by {
            SortField::Id => Some(0),
            SortField::OccurredAt => Some(record.occurred_at.0),
            SortField::RecordedAt => Some(record.recorded_at.0),
            // The bits of numbers that are not negative sort as the numbers do; added to zero, none is.
            SortField::Importance => Some((record.importance + 0.0).to_bits() as i64),
            SortField::AccessCount => Some(i64::from(record.usage.count)),
            SortField::LastAccess => record.usage.last().map(|at| at.0),
            SortField::ExpiresAt => record.expires_at.map(|at| at.0),
        };
        Position { value, id: record.id }
    }

    /// Which of two positions comes first.
    pub fn compare(&self, a: &Position, b: &Position) -> Ordering {
        let directed = |order: Ordering| if self.descending { order.reverse() } else { order };
        let values = match (a.value, b.value) {
            (Some(a), Some(b)) => directed(a.cmp(&b)),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        values.then_with(|| directed(a.id.cmp(&b.id)))
    }
}
