//! Fitting a projection: principal components of unit vectors.
//!
//! The directions are the eigenvectors of the largest eigenvalues of the matrix of second moments: the subspace in which
//! the vectors keep most of their squared length (Pearson, "On lines and planes of closest fit to systems of points in
//! space", Philosophical Magazine 2, 1901, here through the origin).

use crate::index::vector::best::Best;
use crate::index::vector::code::{quantise, unit_scale};
use crate::index::vector::eigen::{Eigen, add};
use crate::index::vector::kernel::{dot, dot_f32_i8};
use crate::index::vector::project::{Map, Projection};

/// Vectors whose neighbours are looked for.
const ASKED: usize = 128;
/// Neighbours of each.
const NEIGHBOURS: usize = 10;
/// Vectors that are added to the moments together, so that the matrix is gone through less often.
const TOGETHER: usize = 8;

/// How many directions are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Extent {
    /// So many.
    Directions(usize),
    /// As few as keep this share of the squared length, 0 to 1.
    Share(f64),
}

/// A projection, and what it loses of the vectors that it was fitted to.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) projection: Projection,
    /// Share of the squared length that is lost, 0 to 1.
    pub(crate) loss: f64,
    /// Share of the ten nearest neighbours that are lost, 0 to 1.
    pub(crate) recall_loss: f64,
}

/// Fits a projection to unit vectors of `dimensions` components, one at least. No more directions are kept than there
/// are vectors or components.
pub(crate) fn fit(sample: &[Vec<f32>], dimensions: usize, extent: Extent) -> Fitted {
    let eigen = Eigen::of(moments(sample, dimensions), dimensions);
    let total: f64 = eigen.values().map(|value| value.max(0.0)).sum();
    let most = dimensions.min(sample.len());
    let (mut width, mut kept) = (0, 0.0);
    for value in eigen.values().take(most) {
        let enough = match extent {
            Extent::Directions(wanted) => width >= wanted,
            Extent::Share(share) => width > 0 && kept >= share * total,
        };
        if enough {
            break;
        }
        width += 1;
        kept += value.max(0.0);
    }
    let mut basis = Vec::with_capacity(width * dimensions);
    for rank in 0..width {
        basis.extend(eigen.vector(rank).iter().map(|component| *component as f32));
    }
    let along = |vector: &Vec<f32>| basis.chunks_exact(dimensions).map(|row| dot(row, vector)).collect();
    let (factor, recall_loss) = compare(sample, &sample.iter().map(along).collect::<Vec<_>>());
    let projection =
        Projection::new(factor, dimensions, Map::Linear(basis)).expect("whole rows of finite components");
    let loss = if total > 0.0 { (1.0 - kept / total).clamp(0.0, 1.0) } else { 0.0 };
    Fitted { projection, loss, recall_loss }
}

/// The sums of products of the components of all vectors.
fn moments(sample: &[Vec<f32>], dimensions: usize) -> Vec<f64> {
    let mut matrix = vec![0f64; dimensions * dimensions];
    for vectors in sample.chunks(TOGETHER) {
        let mut rows = vec![0f64; TOGETHER * dimensions];
        for (row, vector) in rows.chunks_exact_mut(dimensions).zip(vectors) {
            row.iter_mut().zip(vector).for_each(|(cell, component)| *cell = f64::from(*component));
        }
        for at in 0..dimensions {
            let sums = &mut matrix[at * dimensions..][at..dimensions];
            for row in rows.chunks_exact(dimensions) {
                add(sums, row[at], &row[at..]);
            }
        }
    }
    for row in 1..dimensions {
        for column in 0..row {
            matrix[row * dimensions + column] = matrix[column * dimensions + row];
        }
    }
    matrix
}

/// What brings products of projected vectors nearest to the cosines of neighbours, by least squares, and the share of
/// neighbours that are no longer among the nearest. Some of the vectors ask, all of them answer.
pub(crate) fn compare(sample: &[Vec<f32>], projected: &[Vec<f32>]) -> (f32, f64) {
    let codes: Vec<(Vec<i8>, f32)> = projected
        .iter()
        .map(|components| {
            let steps = quantise(components);
            let scale = unit_scale(&steps);
            (steps, scale)
        })
        .collect();
    let asked = sample.len().min(ASKED);
    let (mut products, mut squares, mut all, mut lost) = (0f64, 0f64, 0u32, 0u32);
    for turn in 0..asked {
        let own = turn * sample.len() / asked;
        let query = &projected[own];
        let estimates: Vec<f32> =
            codes.iter().map(|(steps, scale)| dot_f32_i8(query, steps) * scale).collect();
        let exact: Vec<f32> = sample.iter().map(|vector| dot(&sample[own], vector)).collect();
        let found = nearest(&estimates, own);
        for neighbour in nearest(&exact, own) {
            let (cosine, estimate) = (f64::from(exact[neighbour]), f64::from(estimates[neighbour]));
            products += cosine * estimate;
            squares += estimate * estimate;
            all += 1;
            lost += u32::from(!found.contains(&neighbour));
        }
    }
    let factor = if squares > 0.0 { (products / squares) as f32 } else { 1.0 };
    (factor, if all > 0 { f64::from(lost) / f64::from(all) } else { 0.0 })
}

/// The places of the highest scores, that of `own` aside.
fn nearest(scores: &[f32], own: usize) -> Vec<usize> {
    let ties = |slot| u128::from(slot);
    let mut best = Best::new(NEIGHBOURS, &ties);
    for (place, score) in (0..).zip(scores) {
        if place as usize != own {
            best.offer(place, *score);
        }
    }
    best.into_slots().map(|slot| slot as usize).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::index::vector::code::{decode, encode};
    use crate::index::vector::project::Projections;
    use crate::model::Kept;

    /// Unit vectors that lie in `rank` directions of `dimensions`, with a little of all others.
    fn low_rank(seed: u64, count: usize, dimensions: usize, rank: usize, noise: f32) -> Vec<Vec<f32>> {
        let mut random = fastrand::Rng::with_seed(seed);
        let axes: Vec<Vec<f32>> =
            (0..rank).map(|_| (0..dimensions).map(|_| random.f32() - 0.5).collect()).collect();
        (0..count)
            .map(|_| {
                let mut vector: Vec<f32> = (0..dimensions).map(|_| noise * (random.f32() - 0.5)).collect();
                for axis in &axes {
                    let along = random.f32() - 0.5;
                    vector.iter_mut().zip(axis).for_each(|(sum, component)| *sum += along * component);
                }
                let norm = dot(&vector, &vector).sqrt();
                vector.into_iter().map(|component| component / norm).collect()
            })
            .collect()
    }

    fn basis(projection: &Projection) -> &[f32] {
        match projection.map() {
            Map::Linear(basis) => basis,
            Map::Encoder(..) => panic!("what is fitted is linear"),
        }
    }

    /// What a basis loses by definition: the mean squared length of what is left of each vector.
    fn residual(sample: &[Vec<f32>], projection: &Projection) -> f64 {
        let lost = sample.iter().map(|vector| {
            let mut rest: Vec<f64> = vector.iter().map(|component| f64::from(*component)).collect();
            for row in basis(projection).chunks(projection.dimensions()) {
                let along: f64 = row.iter().zip(vector).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                rest.iter_mut().zip(row).for_each(|(rest, component)| *rest -= along * f64::from(*component));
            }
            rest.iter().map(|component| component * component).sum::<f64>()
        });
        lost.sum::<f64>() / sample.len() as f64
    }

    /// The largest eigenvalue and its direction by repeated multiplication, taken out of the vectors, again and again.
    fn by_power(sample: &[Vec<f32>], directions: usize) -> f64 {
        let mut rest: Vec<Vec<f64>> = sample
            .iter()
            .map(|vector| vector.iter().map(|component| f64::from(*component)).collect())
            .collect();
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        for _ in 0..directions {
            let mut direction: Vec<f64> = (0..rest[0].len()).map(|at| 1.0 + (at as f64).sin()).collect();
            for _ in 0..400 {
                let mut sum = vec![0f64; direction.len()];
                for vector in &rest {
                    let along = inner(vector, &direction);
                    sum.iter_mut().zip(vector).for_each(|(sum, component)| *sum += along * component);
                }
                let norm = inner(&sum, &sum).sqrt();
                direction = sum.into_iter().map(|component| component / norm).collect();
            }
            for vector in &mut rest {
                let along = inner(vector, &direction);
                vector.iter_mut().zip(&direction).for_each(|(cell, component)| *cell -= along * component);
            }
        }
        rest.iter().map(|vector| inner(vector, vector)).sum::<f64>() / sample.len() as f64
    }

    #[test]
    fn rows_are_orthonormal_and_lose_no_more_than_the_best_ones() {
        let sample = low_rank(51, 300, 24, 12, 0.4);
        for directions in [1, 3, 8, 24] {
            let Fitted { projection, loss, .. } = fit(&sample, 24, Extent::Directions(directions));
            assert_eq!(projection.width(), directions);
            let rows: Vec<&[f32]> = basis(&projection).chunks(24).collect();
            for (at, row) in rows.iter().enumerate() {
                for (other, second) in rows.iter().enumerate() {
                    assert!((dot(row, second) - f32::from(u8::from(at == other))).abs() < 1e-6);
                }
            }
            assert!((loss - residual(&sample, &projection)).abs() < 1e-6, "{directions}: {loss}");
            assert!((loss - by_power(&sample, directions)).abs() < 1e-4, "{directions}: {loss}");
        }
    }

    #[test]
    fn as_few_directions_are_kept_as_keep_the_share() {
        let sample = low_rank(52, 200, 40, 6, 0.05);
        let few = fit(&sample, 40, Extent::Share(0.95));
        assert!(
            few.loss <= 0.05 && few.projection.width() <= 6,
            "{} of {}",
            few.loss,
            few.projection.width()
        );
        let fewer = fit(&sample, 40, Extent::Directions(few.projection.width() - 1));
        assert!(fewer.loss > 0.05, "one less would have done: {}", fewer.loss);
        assert_eq!(
            fit(&sample[..5], 40, Extent::Share(1.0)).projection.width(),
            5,
            "no more than there are vectors"
        );
        assert_eq!(fit(&sample, 40, Extent::Share(1e-9)).projection.width(), 1);
    }

    #[test]
    fn a_projected_code_decodes_to_a_unit_vector_that_encodes_to_it_again() {
        let sample = low_rank(54, 100, 40, 10, 0.2);
        for directions in [1, 7, 40] {
            let mut projections = Projections::default();
            let Fitted { projection, .. } = fit(&sample, 40, Extent::Directions(directions));
            projections.set(3, Some(Arc::new(projection)));
            for vector in &sample {
                let code = encode(vector.clone(), Kept::Projected(3), &projections);
                let decoded = decode(&code, 40, &projections).expect("it leads back");
                assert!((dot(&decoded, &decoded) - 1.0).abs() < 1e-5, "{directions}");
                assert_eq!(encode(decoded, Kept::Projected(3), &projections), code, "{directions}");
            }
        }
    }

    #[test]
    fn neighbours_are_lost_as_directions_are() {
        let sample = low_rank(53, 400, 48, 8, 0.05);
        let whole = fit(&sample, 48, Extent::Directions(8));
        assert!(whole.recall_loss < 0.15, "{}", whole.recall_loss);
        let part = fit(&sample, 48, Extent::Directions(2));
        assert!(part.recall_loss > 0.4, "{}", part.recall_loss);
        assert!((0.9..1.1).contains(&whole.projection.factor()), "{}", whole.projection.factor());
    }
}
