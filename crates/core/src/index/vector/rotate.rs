//! A fixed rotation, so that the signs of the components say much of a vector, whatever its axes mean.
//!
//! Three rounds of random signs and Walsh-Hadamard transforms: Ailon and Chazelle, "The fast Johnson-Lindenstrauss
//! transform", SIAM Journal on Computing 39 (2009). Where the number of components is no power of two, each round
//! transforms the first and then the last of them, as many as the largest power of two below. The rotation is part of
//! the stored format (docs/FORMAT.md): it depends on the number of components alone and never changes.

/// Rounds of signs and transforms.
const ROUNDS: usize = 3;
/// Where the signs start.
const SEED: u64 = 0x5354_5241_5441_4d45;

/// Rotates a vector of at least one component in place. Its length stays, up to rounding.
pub(super) fn rotate(vector: &mut [f32]) {
    let span = 1 << vector.len().ilog2();
    for round in 0..ROUNDS {
        flip(vector, round);
        transform(&mut vector[..span]);
        if span < vector.len() {
            let rest = vector.len() - span;
            transform(&mut vector[rest..]);
        }
    }
}

/// Undoes [`rotate`], up to rounding.
pub(super) fn unrotate(vector: &mut [f32]) {
    let span = 1 << vector.len().ilog2();
    for round in (0..ROUNDS).rev() {
        if span < vector.len() {
            let rest = vector.len() - span;
            transform(&mut vector[rest..]);
        }
        transform(&mut vector[..span]);
        flip(vector, round);
    }
}

/// Changes the signs of the components that the round picks: bits of the outputs of SplitMix64 (Steele, Lea and Flood,
/// OOPSLA 2014), lowest first, round after round.
fn flip(vector: &mut [f32], round: usize) {
    let first = round * vector.len();
    let (mut word, mut at) = (split_mix((first / 64) as u64) >> (first % 64), first);
    for component in vector {
        let sign = (word as u32 & 1) << 31;
        *component = f32::from_bits(component.to_bits() ^ sign);
        at += 1;
        word = if at.is_multiple_of(64) { split_mix((at / 64) as u64) } else { word >> 1 };
    }
}

/// Output number `index` of SplitMix64, from 0.
fn split_mix(index: u64) -> u64 {
    let mut word = SEED.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The orthonormal Walsh-Hadamard transform of a power of two of components. It is its own inverse.
fn transform(components: &mut [f32]) {
    let mut half = 1;
    while half < components.len() {
        for pair in components.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (components.len() as f32).sqrt();
    components.iter_mut().for_each(|component| *component *= scale);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::vector::dot;

    #[test]
    fn rotating_keeps_angles_and_can_be_undone() {
        let mut random = fastrand::Rng::with_seed(11);
        for dimensions in [1, 2, 3, 5, 8, 100, 128, 384] {
            let mut draw = || (0..dimensions).map(|_| random.f32() - 0.5).collect::<Vec<f32>>();
            let (a, b) = (draw(), draw());
            let (mut x, mut y) = (a.clone(), b.clone());
            rotate(&mut x);
            rotate(&mut y);
            assert!((dot(&a, &b) - dot(&x, &y)).abs() < 1e-4, "{dimensions}");
            unrotate(&mut x);
            assert!(a.iter().zip(&x).all(|(a, x)| (a - x).abs() < 1e-5), "{dimensions}");
        }
    }

    /// What stands on one axis is spread over all: the sign of each then says as much as that of any other.
    #[test]
    fn an_axis_is_spread() {
        for dimensions in [64, 100, 384] {
            for axis in [0, dimensions / 2, dimensions - 1] {
                let mut vector = vec![0f32; dimensions];
                vector[axis] = 1.0;
                rotate(&mut vector);
                let sum: f32 = vector.iter().map(|component| component.abs()).sum();
                let share = sum / (dimensions as f32).sqrt();
                assert!(share > 0.65, "{dimensions} dimensions, axis {axis}: {share}");
            }
        }
    }

    /// The signs are part of the stored format: docs/FORMAT.md gives the same figures.
    #[test]
    fn the_signs_are_those_of_the_format() {
        assert_eq!(split_mix(0), 0x7e06_2d7e_cf66_57ee);
    }
}
