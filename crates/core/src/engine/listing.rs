//! Listings in an order of one's own, whole or page by page.
//!
//! A cursor says after which place a page begins, and of which listing it is. It holds no state of the engine: it stays
//! good while records come and go, and after the memory has been opened again.

use std::fmt::{self, Write};

use crate::consolidate::Fnv;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::model::{Filter, Order, Position, Record, RecordId, Scope, Timestamp};

/// What a listing is of, and in which order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// Which records; none: all that the view sees.
    pub filter: Option<Filter>,
    /// In which order.
    pub order: Order,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct CursorPage {
    /// Records in the order of the listing.
    pub records: Vec<Record>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<String>,
}

/// One page of a listing in the order of ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Records in id order.
    pub records: Vec<Record>,
    /// Where the next page starts, if there is one.
    pub next: Option<RecordId>,
}

impl Engine {
    /// One page of what a view of `scope` sees, in id order from after `after` on.
    pub fn list(
        &self,
        scope: &Scope,
        filter: Option<&Filter>,
        after: Option<RecordId>,
        limit: usize,
        now: Timestamp,
    ) -> Page {
        let seen = |record: &&Record| passes(record, scope, filter, now);
        let mut records: Vec<Record> =
            self.state.store.iter_after(after).filter(seen).take(limit.saturating_add(1)).cloned().collect();
        let more = records.len() > limit;
        records.truncate(limit);
        Page { next: records.last().filter(|_| more).map(|record| record.id), records }
    }

    /// The page after `cursor`, or the first one, of what a view of `scope` sees. A record whose place in the order stays
    /// what it is, is on exactly one page, whatever comes and goes meanwhile.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] if the cursor is none, or of another listing or view.
    pub fn page(
        &self,
        scope: &Scope,
        listing: &Listing,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<CursorPage, QueryError> {
        let mark = fingerprint(scope, listing);
        let after = cursor.map(|text| read(text, mark)).transpose()?;
        let mut places = self.places(scope, listing, after, now);
        let compare = |a: &(Position, &Record), b: &(Position, &Record)| listing.order.compare(&a.0, &b.0);
        let more = places.len() > limit;
        if more && limit > 0 {
            places.select_nth_unstable_by(limit - 1, compare);
        }
        places.truncate(limit);
        places.sort_unstable_by(compare);
        let cursor = places.last().filter(|_| more).map(|(position, _)| write(position, mark));
        Ok(CursorPage { records: places.into_iter().map(|(_, record)| record.clone()).collect(), cursor })
    }

    /// The ids of all that a view of `scope` sees, or of all after `cursor`, in the order of the listing.
    ///
    /// # Errors
    /// As of [`Engine::page`].
    pub fn order(
        &self,
        scope: &Scope,
        listing: &Listing,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<RecordId>, QueryError> {
        let after = cursor.map(|text| read(text, fingerprint(scope, listing))).transpose()?;
        let mut places = self.places(scope, listing, after, now);
        places.sort_unstable_by(|a, b| listing.order.compare(&a.0, &b.0));
        Ok(places.into_iter().map(|(position, _)| position.id).collect())
    }

    /// Those of the records that a view of `scope` sees and that pass the filter, in the order of the ids.
    pub fn records(
        &self,
        scope: &Scope,
        filter: Option<&Filter>,
        ids: &[RecordId],
        now: Timestamp,
    ) -> Vec<Record> {
        let records = ids.iter().filter_map(|id| self.state.store.get(*id));
        records.filter(|record| passes(record, scope, filter, now)).cloned().collect()
    }

    /// The records of a listing after `after`, in no order.
    fn places(
        &self,
        scope: &Scope,
        listing: &Listing,
        after: Option<Position>,
        now: Timestamp,
    ) -> Vec<(Position, &Record)> {
        let records = self.state.store.iter_after(None);
        let seen = records.filter(|record| passes(record, scope, listing.filter.as_ref(), now));
        let places = seen.map(|record| (listing.order.position(record), record));
        places
            .filter(|(place, _)| after.is_none_or(|after| listing.order.compare(place, &after).is_gt()))
            .collect()
    }
}

fn passes(record: &Record, scope: &Scope, filter: Option<&Filter>, now: Timestamp) -> bool {
    scope.covers(&record.scope)
        && !record.is_expired(now)
        && filter.is_none_or(|filter| filter.matches(record))
}

/// Version of the cursors; of others it is told that they are of another listing.
const VERSION: u64 = 1;

/// What tells one listing of one view from all others.
fn fingerprint(scope: &Scope, listing: &Listing) -> u64 {
    /// Takes in what is written.
    struct Hashing(Fnv);
    impl Write for Hashing {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.bytes(text.as_bytes());
            Ok(())
        }
    }
    let mut hash = Hashing(Fnv::default());
    hash.0.number(VERSION);
    scope.parts().iter().for_each(|(_, part)| hash.0.option(*part));
    // The printed form has each part of both, and is the same on every platform. Hashing it cannot fail.
    let _ = write!(hash, "{listing:?}");
    hash.0.finish()
}

/// A cursor: the mark of the listing, whether there is a value, the value, the id, and a check sum, in hexadecimal digits.
fn write(Position { value, id }: &Position, mark: u64) -> String {
    let there = u8::from(value.is_some());
    let body = format!("{mark:016x}{there}{:016x}{:032x}", value.unwrap_or(0), id.0);
    let sum = crc32fast::hash(body.as_bytes());
    format!("{body}{sum:08x}")
}

fn read(text: &str, mark: u64) -> Result<Position, QueryError> {
    let invalid = |problem: &str| QueryError::Invalid { field: "cursor", problem: problem.to_owned() };
    let none = || invalid("is not a cursor: give what the page before has answered");
    if text.len() != 73 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(none());
    }
    let (body, sum) = text.split_at(65);
    if u32::from_str_radix(sum, 16).ok() != Some(crc32fast::hash(body.as_bytes())) {
        return Err(none());
    }
    let number = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| none());
    if number(&body[..16])? != mark {
        return Err(invalid("is of another listing: filter, sort and view must be those of the page before"));
    }
    let value = number(&body[17..33])? as i64;
    let id = u128::from_str_radix(&body[33..], 16).map_err(|_| none())?;
    Ok(Position { value: (&body[16..17] == "1").then_some(value), id: RecordId(id) })
}
