//! Record ids: unique, and ordered by the time of their creation.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::error::CommandError;
use crate::model::Timestamp;

/// The id of a record for its whole life: a [ULID](https://github.com/ulid/spec), 48 bits of milliseconds and
/// 80 bits of noise. Text form: 26 characters of Crockford's base 32, upper case. Order of ids is order of creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u128);

impl RecordId {
    /// The moment of creation that the id carries.
    pub fn created_at(self) -> Timestamp {
        Timestamp(i64::try_from(Ulid(self.0).timestamp_ms()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Ulid(self.0), f)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

impl FromStr for RecordId {
    type Err = CommandError;

    /// Reads the text form exactly as [`RecordId`] prints it.
    fn from_str(text: &str) -> Result<Self, CommandError> {
        let id = Ulid::from_string(text).map(|ulid| RecordId(ulid.0));
        match id {
            Ok(id) if id.to_string() == text => Ok(id),
            _ => Err(CommandError::invalid("id", "is not a memory id (26 characters, 0-9 and A-Z)")),
        }
    }
}

// Text where people or JavaScript read it, a bare number in stored bytes.
impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            u128::deserialize(deserializer).map(RecordId)
        }
    }
}

/// Makes ids. Deterministic: the same seed and the same moments give the same ids, each larger than the one before.
#[derive(Debug)]
pub(crate) struct IdSource {
    noise: fastrand::Rng,
    last: u128,
}

impl IdSource {
    /// A source whose noise comes from `seed` and whose first id is larger than `floor`.
    ///
    /// `floor` is mixed into the noise, so a memory reopened with the same seed does not repeat itself.
    pub(crate) fn new(seed: u64, floor: Option<RecordId>) -> Self {
        let last = floor.map_or(0, |id| id.0);
        let folded = (last as u64) ^ ((last >> 64) as u64).rotate_left(32);
        IdSource { noise: fastrand::Rng::with_seed(seed ^ folded.wrapping_mul(0x9E37_79B9_7F4A_7C15)), last }
    }

    /// Raises the floor: later ids are larger than `id`.
    pub(crate) fn observe(&mut self, id: RecordId) {
        self.last = self.last.max(id.0);
    }

    /// A new id for the moment `now`. Should the clock stand still or go back, ids still grow.
    pub(crate) fn next(&mut self, now: Timestamp) -> RecordId {
        let millis = u64::try_from(now.0).unwrap_or(0);
        let fresh = Ulid::from_parts(millis, self.noise.u128(..)).0;
        let id = if fresh > self.last {
            fresh
        } else {
            // A step below 2^32 keeps ids of one millisecond unguessable enough and in order.
            self.last.saturating_add(u128::from(self.noise.u32(1..)))
        };
        self.last = id;
        RecordId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_does_not() {
        let mut ids = IdSource::new(7, None);
        let moments = [10, 10, 10, 9, 11, 0, 11];
        let made: Vec<_> = moments.iter().map(|&t| ids.next(Timestamp(t))).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]), "{made:?}");
    }

    #[test]
    fn same_seed_same_ids_but_not_after_reopening() {
        let run = |floor| {
            let mut ids = IdSource::new(1, floor);
            [ids.next(Timestamp(5)), ids.next(Timestamp(5))]
        };
        assert_eq!(run(None), run(None));
        assert_ne!(run(None)[0], run(Some(RecordId(3)))[0]);
    }

    #[test]
    fn text_form_is_exact() {
        let id = IdSource::new(1, None).next(Timestamp(1_700_000_000_000));
        let text = id.to_string();
        assert_eq!(text.len(), 26);
        assert_eq!(text.parse::<RecordId>().expect("it is the text of an id"), id);
        assert_eq!(id.created_at(), Timestamp(1_700_000_000_000));
        for bad in ["", "abc", &text.to_lowercase(), &format!("{text}0"), "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "ÄÄ"]
        {
            assert!(bad.parse::<RecordId>().is_err(), "{bad}");
        }
    }
}
