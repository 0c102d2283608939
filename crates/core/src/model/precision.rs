//! How much is kept of a vector.

use serde::{Deserialize, Serialize, Serializer};

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

/// How a vector is kept: its components in a precision, or what a projection leaves of them in int8 steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// All components.
    Whole(Precision),
    /// Projected, by the projection of this number.
    Projected(u32),
}

impl Serialize for Kept {
    /// The name of the precision, or `projected`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Kept::Whole(precision) => precision.serialize(serializer),
            Kept::Projected(_) => serializer.serialize_str("projected"),
        }
    }
}

/// What is kept of a vector. How one comes from the other stands in [`crate::index::vector`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Code {
    /// The components.
    F32(Vec<f32>),
    /// The components in proportion to the largest, which is 127 or -127.
    Int8(Vec<i8>),
    /// The signs of the rotated components, set for those that are not negative: bit i % 8 of byte i / 8.
    Binary(Vec<u8>),
    /// What the projection of that number makes of the vector, in proportion to the largest.
    Projected(u32, Vec<i8>),
    /// What is kept of the direction of a vector, and its length: where lengths count. Never within another one.
    Long(f32, Box<Code>),
}

/// A vector by its direction and its length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Directed {
    /// The components, at length 1.
    pub(crate) unit: Vec<f32>,
    /// What the components were divided by; 1 where lengths do not count.
    pub(crate) length: f32,
}

impl Directed {
    /// The components as they were.
    pub(crate) fn whole(mut self) -> Vec<f32> {
        if self.length != 1.0 {
            self.unit.iter_mut().for_each(|component| *component *= self.length);
        }
        self.unit
    }
}

impl Code {
    /// How it is kept.
    pub(crate) fn kept(&self) -> Kept {
        match self {
            Code::F32(_) => Kept::Whole(Precision::F32),
            Code::Int8(_) => Kept::Whole(Precision::Int8),
            Code::Binary(_) => Kept::Whole(Precision::Binary),
            Code::Projected(number, _) => Kept::Projected(*number),
            Code::Long(_, direction) => direction.kept(),
        }
    }

    /// The same with a length, unless that is 1.
    pub(crate) fn of_length(self, length: f32) -> Code {
        if length == 1.0 { self } else { Code::Long(length, Box::new(self)) }
    }

    /// The direction, and the length.
    pub(crate) fn parts(&self) -> (&Code, f32) {
        match self {
            Code::Long(length, direction) => (direction, *length),
            direction => (direction, 1.0),
        }
    }
}
