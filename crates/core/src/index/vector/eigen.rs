//! Eigenvalues and eigenvectors of a symmetric matrix.
//!
//! Householder's reduction to three diagonals, then the implicit QL method on these: Martin, Reinsch and Wilkinson,
//! "Householder's tridiagonalization of a symmetric matrix", and Dubrulle, Martin and Wilkinson, "The implicit QL
//! algorithm" (Numerische Mathematik 11 and 12, 1968). Only sums, products, quotients and square roots in a fixed order,
//! so that all builds give the same bits.

/// Steps of the QL method for one eigenvalue. Three are usual.
const STEPS: usize = 100;

/// The eigenvalues of a symmetric matrix, and what gives their eigenvectors.
pub(super) struct Eigen {
    size: usize,
    /// Falling eigenvalues, each with the row of `turns` that belongs to it.
    values: Vec<(f64, usize)>,
    /// Row after row, the eigenvectors of the three diagonals.
    turns: Vec<f64>,
    /// The reflections: right of the diagonal in row k, the vector of number k.
    reflections: Vec<f64>,
    /// What each reflection takes of a vector: 2 / length², or 0 if there was nothing to reflect.
    betas: Vec<f64>,
}

impl Eigen {
    /// Of a matrix of `size` rows, row after row.
    pub(super) fn of(mut matrix: Vec<f64>, size: usize) -> Eigen {
        let (mut diagonal, mut beside, betas) = reduce(&mut matrix, size);
        let mut turns = vec![0f64; size * size];
        turns.iter_mut().step_by(size + 1).for_each(|cell| *cell = 1.0);
        solve(&mut diagonal, &mut beside, &mut turns);
        let mut values: Vec<(f64, usize)> = diagonal.into_iter().zip(0..).collect();
        for rank in 0..size {
            let mut best = rank;
            for other in rank + 1..size {
                if values[other].0 > values[best].0 {
                    best = other;
                }
            }
            values.swap(rank, best);
        }
        Eigen { size, values, turns, reflections: matrix, betas }
    }

    /// The eigenvalues, falling.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.values.iter().map(|(value, _)| *value)
    }

    /// The unit eigenvector of the eigenvalue of that rank, from 0.
    pub(super) fn vector(&self, rank: usize) -> Vec<f64> {
        let size = self.size;
        let mut vector = self.turns[self.values[rank].1 * size..][..size].to_vec();
        for (step, beta) in self.betas.iter().enumerate().rev() {
            let reflection = &self.reflections[step * size..][step + 1..size];
            let rest = &mut vector[step + 1..];
            let along = inner(reflection, rest);
            add(rest, -beta * along, reflection);
        }
        vector
    }
}

/// Brings a symmetric matrix to three diagonals. Answers the middle one, the one beside it, and the factors of the
/// reflections, whose vectors are left in the matrix.
fn reduce(matrix: &mut [f64], size: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut beside = vec![0f64; size];
    let mut betas = vec![0f64; size.saturating_sub(2)];
    for step in 0..betas.len() {
        let (head, rest) = matrix.split_at_mut((step + 1) * size);
        let vector = &mut head[step * size..][step + 1..];
        let behind = inner(&vector[1..], &vector[1..]);
        if behind < f64::MIN_POSITIVE {
            beside[step] = vector[0];
            continue;
        }
        let length = (vector[0] * vector[0] + behind).sqrt();
        beside[step] = if vector[0] > 0.0 { -length } else { length };
        vector[0] -= beside[step];
        let beta = 2.0 / (vector[0] * vector[0] + behind);
        betas[step] = beta;
        let mut other: Vec<f64> =
            rest.chunks_exact(size).map(|row| beta * inner(&row[step + 1..], vector)).collect();
        let along = beta / 2.0 * inner(&other, vector);
        add(&mut other, -along, vector);
        for ((row, v), w) in rest.chunks_exact_mut(size).zip(&*vector).zip(&other) {
            for ((cell, x), y) in row[step + 1..].iter_mut().zip(&other).zip(&*vector) {
                *cell -= v * x + w * y;
            }
        }
    }
    if size > 1 {
        beside[size - 2] = matrix[(size - 2) * size + size - 1];
    }
    (matrix.iter().step_by(size + 1).copied().collect(), beside, betas)
}

/// Brings three diagonals to one, the eigenvalues, and turns the rows of `turns` as it goes.
fn solve(diagonal: &mut [f64], beside: &mut [f64], turns: &mut [f64]) {
    let size = diagonal.len();
    let largest = diagonal.iter().chain(&*beside).fold(0f64, |largest, cell| largest.max(cell.abs()));
    let nothing = largest * f64::EPSILON;
    for first in 0..size {
        for _ in 0..STEPS {
            let last = (first..size - 1).find(|at| beside[*at].abs() <= nothing).unwrap_or(size - 1);
            if last == first {
                break;
            }
            // The shift is the eigenvalue of the first two rows that is nearer to the first.
            let slope = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
            let reach = (slope * slope + 1.0).sqrt();
            let shift = slope + if slope < 0.0 { -reach } else { reach };
            let mut bulge = diagonal[last] - diagonal[first] + beside[first] / shift;
            let (mut sine, mut cosine, mut carried) = (1.0, 1.0, 0.0);
            let mut split = false;
            for at in (first..last).rev() {
                let (above, next) = (sine * beside[at], cosine * beside[at]);
                let length = (above * above + bulge * bulge).sqrt();
                beside[at + 1] = length;
                if length == 0.0 {
                    diagonal[at + 1] -= carried;
                    beside[last] = 0.0;
                    split = true;
                    break;
                }
                (sine, cosine) = (above / length, bulge / length);
                let left = diagonal[at + 1] - carried;
                let turned = (diagonal[at] - left) * sine + 2.0 * cosine * next;
                carried = sine * turned;
                diagonal[at + 1] = left + carried;
                bulge = cosine * turned - next;
                let (low, high) = turns[at * size..][..2 * size].split_at_mut(size);
                for (x, y) in low.iter_mut().zip(high) {
                    (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
                }
            }
            if !split {
                diagonal[first] -= carried;
                beside[first] = bulge;
                beside[last] = 0.0;
            }
        }
    }
}

/// The sum of products, in four lanes. Not inlined, like [`add`]: half of this module would be copies of the two.
#[inline(never)]
fn inner(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0f64; 4];
    let (heads_a, tail_a) = a.as_chunks::<4>();
    let (heads_b, tail_b) = b.as_chunks::<4>();
    for (x, y) in heads_a.iter().zip(heads_b) {
        for lane in 0..4 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    for (lane, (x, y)) in tail_a.iter().zip(tail_b).enumerate() {
        lanes[lane] += x * y;
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// Adds the terms, each times the factor.
#[inline(never)]
pub(super) fn add(sums: &mut [f64], factor: f64, terms: &[f64]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += factor * term);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symmetric(random: &mut fastrand::Rng, size: usize) -> Vec<f64> {
        let mut matrix = vec![0f64; size * size];
        for row in 0..size {
            for column in 0..=row {
                let cell = random.f64() - 0.5;
                (matrix[row * size + column], matrix[column * size + row]) = (cell, cell);
            }
        }
        matrix
    }

    fn holds(matrix: &[f64], size: usize) {
        let eigen = Eigen::of(matrix.to_vec(), size);
        let values: Vec<f64> = eigen.values().collect();
        assert!(values.is_sorted_by(|a, b| a >= b));
        let trace: f64 = (0..size).map(|at| matrix[at * size + at]).sum();
        assert!((values.iter().sum::<f64>() - trace).abs() < 1e-10, "{size}");
        let vectors: Vec<Vec<f64>> = (0..size).map(|rank| eigen.vector(rank)).collect();
        for (rank, vector) in vectors.iter().enumerate() {
            for (row, component) in matrix.chunks(size).zip(vector) {
                assert!((inner(row, vector) - values[rank] * component).abs() < 1e-11, "{size}, {rank}");
            }
            for (other, second) in vectors.iter().enumerate() {
                let expected = f64::from(u8::from(other == rank));
                assert!((inner(vector, second) - expected).abs() < 1e-12, "{size}: {rank} and {other}");
            }
        }
    }

    #[test]
    fn vectors_are_orthonormal_and_only_stretched() {
        let mut random = fastrand::Rng::with_seed(41);
        for size in [1, 2, 3, 4, 7, 32, 65] {
            holds(&symmetric(&mut random, size), size);
        }
    }

    #[test]
    fn matrices_of_few_dimensions_and_of_equal_values_are_solved_too() {
        let mut random = fastrand::Rng::with_seed(42);
        for size in [1, 2, 3, 40] {
            holds(&vec![0.0; size * size], size);
            let mut identity = vec![0.0; size * size];
            identity.iter_mut().step_by(size + 1).for_each(|cell| *cell = 1.0);
            holds(&identity, size);
            let direction: Vec<f64> = (0..size).map(|_| random.f64()).collect();
            let flat: Vec<f64> =
                direction.iter().flat_map(|x| direction.iter().map(move |y| x * y)).collect();
            holds(&flat, size);
        }
    }
}
