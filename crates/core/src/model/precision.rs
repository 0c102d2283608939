//! How much is kept of a vector.

use serde::{Deserialize, Serialize};

/// How exactly a vector is kept, from exact to coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Every component as a 32-bit float.
    #[default]
    F32,
    /// Every component as one of 255 steps.
    Int8,
    /// One bit for each component.
    Binary,
}

impl Precision {
    /// All of them, from exact to coarse.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::Int8, Precision::Binary];

    /// The position in [`Precision::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Bytes that a vector of so many components takes in this precision.
    pub(crate) fn bytes(self, dimensions: usize) -> usize {
        match self {
            Precision::F32 => 4 * dimensions,
            Precision::Int8 => dimensions,
            Precision::Binary => dimensions.div_ceil(8),
        }
    }
}

/// What is kept of a unit vector. How one comes from the other stands in [`crate::index::vector`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Code {
    /// The components.
    F32(Vec<f32>),
    /// The components in proportion to the largest, which is 127 or -127.
    Int8(Vec<i8>),
    /// The signs of the rotated components, set for those that are not negative: bit i % 8 of byte i / 8.
    Binary(Vec<u8>),
}

impl Code {
    /// How exact it is.
    pub(crate) fn precision(&self) -> Precision {
        match self {
            Code::F32(_) => Precision::F32,
            Code::Int8(_) => Precision::Int8,
            Code::Binary(_) => Precision::Binary,
        }
    }

    /// Whether it is one of a vector of `dimensions` components.
    pub(crate) fn fits(&self, dimensions: usize) -> bool {
        match self {
            Code::F32(components) => components.len() == dimensions,
            Code::Int8(steps) => steps.len() == dimensions,
            Code::Binary(bits) => bits.len() == dimensions.div_ceil(8),
        }
    }
}
