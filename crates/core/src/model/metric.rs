//! How vectors are compared.

use serde::{Deserialize, Serialize};

/// What makes two vectors alike. A memory keeps to the one of its first vector.
///
/// Vectors are kept by their direction, which is all that cosine similarity asks for; the others keep the length beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The cosine of the angle between them, -1 to 1: the length of a vector does not count.
    #[default]
    Cosine,
    /// Their product: of two vectors in one direction, the longer one is the better hit.
    Dot,
    /// How near they are to each other: minus the distance between their ends.
    Euclidean,
}

impl Metric {
    /// All of them, in the order of their numbers in storage.
    pub const ALL: [Metric; 3] = [Metric::Cosine, Metric::Dot, Metric::Euclidean];

    /// The position in [`Metric::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whether the length of vectors counts.
    pub(crate) fn is_of_length(self) -> bool {
        self != Metric::Cosine
    }

    /// How alike two vectors of these lengths are, the cosine of whose angle is known. More is better.
    pub(crate) fn likeness(self, cosine: f32, [a, b]: [f32; 2]) -> f32 {
        match self {
            Metric::Cosine => cosine,
            Metric::Dot => cosine * a * b,
            // The law of cosines, written so that nothing is lost where both are nearly the same.
            // Subtracted, so that no distance is 0 and not -0.
            Metric::Euclidean => 0.0 - ((a - b) * (a - b) + 2.0 * a * b * (1.0 - cosine)).max(0.0).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_is_what_its_name_says() {
        let (a, b) = ([3.0f32, 4.0], [5.0f32, -12.0]);
        let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        let distance = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
        let cosine = product / (5.0 * 13.0);
        assert_eq!(Metric::Cosine.likeness(cosine, [5.0, 13.0]), cosine);
        assert!((Metric::Dot.likeness(cosine, [5.0, 13.0]) - product).abs() < 1e-4);
        assert!((Metric::Euclidean.likeness(cosine, [5.0, 13.0]) + distance).abs() < 1e-4);
        assert_eq!(Metric::Euclidean.likeness(1.0, [2.0, 2.0]).to_bits(), 0);
    }

    #[test]
    fn numbers_name_their_metrics() {
        assert!(Metric::ALL.into_iter().enumerate().all(|(number, metric)| metric.index() == number));
    }
}
