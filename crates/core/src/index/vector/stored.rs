//! What is kept of a vector, as its bytes stand in a segment: read into a row of the index without anything in between.

use crate::index::vector::code::row_code;
use crate::index::vector::project::Projections;
use crate::model::{Code, Kept};

/// What is kept of a vector, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredVector<'a> {
    /// How it is kept.
    pub(crate) kept: Kept,
    /// Its length; 1 where lengths do not count.
    pub(crate) length: f32,
    /// What is kept of its direction, little-endian.
    pub(crate) row: &'a [u8],
}

impl StoredVector<'_> {
    /// Whether it is one of a vector of `dimensions` components.
    pub(crate) fn fits(self, dimensions: usize, projections: &Projections) -> bool {
        let bytes = match self.kept {
            Kept::Whole(precision) => Some(precision.bytes(dimensions)),
            Kept::Projected(number) => projections.get(number).map(|known| known.width()),
        };
        self.length.is_finite() && self.length > 0.0 && bytes == Some(self.row.len())
    }

    /// The code that it stands for.
    pub(crate) fn code(self) -> Code {
        let direction = match self.kept {
            Kept::Whole(precision) => row_code(precision, self.row),
            Kept::Projected(number) => {
                Code::Projected(number, self.row.iter().map(|byte| byte.cast_signed()).collect())
            }
        };
        direction.of_length(self.length)
    }
}
