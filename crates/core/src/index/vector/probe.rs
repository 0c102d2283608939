//! The question in the forms in which rows are compared with it.
//!
//! Rows of signs have one score. It estimates the cosine with the vector that the signs were taken of: the cosine of a
//! vector and its signs is near sqrt(2 / pi) in many dimensions, so the cosine with the signs, divided by that, is right
//! on average (Gao and Long, "RaBitQ", SIGMOD 2024, with one factor for all). Rows of projected vectors are compared with
//! what the same projection makes of the question. So scores of all can stand in one list.

use crate::index::vector::code::{quantise, unit_scale};
use crate::index::vector::kernel::{dot_f32_i8, sum_of_signs};
use crate::index::vector::place::WHOLE;
use crate::index::vector::rotate::rotate;
use crate::index::vector::rows::Rows;
use crate::model::{Metric, Precision};

/// sqrt(pi / 2): what the cosine with the signs of a vector is multiplied with.
pub(super) const SIGN_FACTOR: f32 = 1.253_314_1;

/// A question in the forms in which vectors are compared with it. Good for the index that made it, as long as nothing is
/// inserted.
#[derive(Debug)]
pub(crate) struct Probe {
    /// How it is compared.
    pub(super) metric: Metric,
    /// Its length, where lengths count; 1 otherwise.
    pub(super) length: f32,
    pub(super) whole: Stepped,
    /// By number of the projection, where there are rows of it and it is known what it makes of the question.
    pub(super) projected: Vec<Option<Stepped>>,
    /// What rows of signs look up; empty while there are none.
    pub(super) signs: Vec<f32>,
}

/// A question, or what a projection makes of it, in the forms in which it is compared with rows of steps.
#[derive(Debug, Clone)]
pub(super) struct Stepped {
    pub(super) vector: Vec<f32>,
    /// The quantised components, filled up to whole registers.
    pub(super) steps: Vec<i16>,
    /// What brings a product of these steps and those of a row at length 1 to the score.
    pub(super) scale: f32,
    /// What brings a product of the vector and a row at length 1 to the score.
    factor: f32,
}

impl Stepped {
    /// The forms of a vector of that `length`, with the `factor` of its projection.
    pub(super) fn new(vector: Vec<f32>, length: f32, factor: f32) -> Self {
        let mut steps = quantise(&vector);
        let scale = unit_scale(&steps) * length * factor;
        steps.resize(vector.len().next_multiple_of(8), 0);
        Stepped { steps: steps.into_iter().map(i16::from).collect(), scale, factor, vector }
    }

    /// By how much a score by steps is above or below the true one, but for a chance of one in a billion, among rows of which no
    /// scale is greater than that: six standard deviations, the components of both sides being rounded independently.
    pub(super) fn doubt(&self, coarsest: f32) -> f32 {
        let own = self.scale / self.factor;
        6.0 * self.factor.abs() * ((own * own + coarsest * coarsest) / 12.0).sqrt()
    }

    /// The score of a row.
    pub(super) fn score(&self, rows: &Rows, row: usize) -> f32 {
        let product = dot_f32_i8(&self.vector, &rows.steps(row)[..self.vector.len()]);
        (product * rows.scale(row) * self.factor).clamp(-1.0, 1.0)
    }
}

/// How rows are compared with a question.
pub(super) enum Measure<'a> {
    Steps(&'a Stepped),
    Signs,
    /// Not at all: an encoder that is not here has made them.
    None,
}

impl Probe {
    /// How it is compared.
    pub(crate) fn metric(&self) -> Metric {
        self.metric
    }

    /// The same question, but compared by its direction alone.
    pub(crate) fn by_direction(self) -> Self {
        Probe { metric: Metric::Cosine, ..self }
    }

    /// How rows of that set are compared with the question.
    pub(super) fn measure(&self, set: usize) -> Measure<'_> {
        match set.checked_sub(WHOLE) {
            Some(number) => {
                self.projected.get(number).and_then(Option::as_ref).map_or(Measure::None, Measure::Steps)
            }
            None if set == Precision::Binary.index() => Measure::Signs,
            None => Measure::Steps(&self.whole),
        }
    }

    /// The score of a row of signs.
    pub(super) fn score_of_signs(&self, signs: &[u8]) -> f32 {
        sum_of_signs(&self.signs, signs).clamp(-1.0, 1.0)
    }
}

/// For each byte of a row of signs and each value of it, what its components add to the score. The components of the
/// question are rotated as those of the rows were.
pub(super) fn sign_table(query: &[f32]) -> Vec<f32> {
    let mut rotated = query.to_vec();
    rotate(&mut rotated);
    let factor = SIGN_FACTOR / (query.len() as f32).sqrt();
    let mut table = Vec::with_capacity(query.len().div_ceil(8) * 256);
    for components in rotated.chunks(8) {
        let start = table.len();
        table.push(-components.iter().sum::<f32>() * factor);
        for value in 1..256usize {
            let bit = value.trailing_zeros() as usize;
            let gain = components.get(bit).map_or(0.0, |component| 2.0 * component * factor);
            table.push(table[start + (value & (value - 1))] + gain);
        }
    }
    table
}
