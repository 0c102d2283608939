//! Codes of signs: what the first pass of a search looks at in place of a vector.
//!
//! A code has one bit for each component of the rotated vector: its sign. Two vectors at an angle of `a` differ in a share
//! of about `a / pi` of the bits (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002), so
//! that counting bits orders vectors by their cosine, with an error that falls with the number of bits. Vectors of few
//! components are turned more than once, each time in another way, until there are [`LEAST`] bits.

use crate::index::vector::rotate::rotate;

/// Bits of a code, at least.
const LEAST: usize = 384;

/// Makes codes of vectors of one number of components.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signer {
    dimensions: usize,
    turns: usize,
}

impl Signer {
    pub(super) fn new(dimensions: usize) -> Self {
        Signer { dimensions, turns: LEAST.div_ceil(dimensions) }
    }

    /// Bits of a code.
    pub(super) fn bits(self) -> usize {
        self.dimensions * self.turns
    }

    /// Words of a code. Bits of the last one that stand for nothing are zero.
    pub(super) fn words(self) -> usize {
        self.bits().div_ceil(64)
    }

    /// The code of a vector of any length but zero.
    pub(super) fn sign(self, vector: &[f32]) -> Vec<u64> {
        let mut code = vec![0u64; self.words()];
        for turn in 0..self.turns {
            let mut turned = vector.to_vec();
            turned.rotate_left(turn * self.dimensions / self.turns);
            if turn % 2 == 1 {
                turned.reverse();
            }
            rotate(&mut turned);
            for (bit, component) in (turn * self.dimensions..).zip(&turned) {
                code[bit / 64] |= u64::from(*component >= 0.0) << (bit % 64);
            }
        }
        code
    }
}

/// Of a vector whose cosine with the question is `cosine`, how many of `bits` bits differ from those of the question at
/// most, but for chances beyond `deviations` standard deviations. The bits are taken as independent, each differing with
/// the chance of angle / pi.
pub(super) fn reach(cosine: f32, bits: usize, deviations: f32) -> u32 {
    let share = libm::acosf(cosine.clamp(-1.0, 1.0)) / std::f32::consts::PI;
    let bits = bits as f32;
    (bits * share + deviations * libm::sqrtf(bits * share * (1.0 - share))) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::vector::kernel::differing;
    use crate::index::vector::{dot, unit};

    /// The share of bits in which two vectors differ tells their angle, whatever the number of components.
    #[test]
    fn bits_differ_as_the_angle_says() {
        let mut random = fastrand::Rng::with_seed(31);
        for dimensions in [64, 100, 128, 256, 384, 1_000] {
            let signer = Signer::new(dimensions);
            assert!(signer.bits() >= LEAST && signer.bits().div_ceil(64) == signer.words());
            let mut beyond = 0;
            for _ in 0..200 {
                let (a, noise) = (unit(&mut random, dimensions), unit(&mut random, dimensions));
                let share = random.f32();
                let b: Vec<f32> = a.iter().zip(&noise).map(|(a, n)| a * share + n * (1.0 - share)).collect();
                let cosine = dot(&a, &b) / dot(&b, &b).sqrt();
                let mut bits = 0;
                differing(&signer.sign(&a), &signer.sign(&b), |_, distance| bits = distance);
                let spread = reach(cosine, signer.bits(), 3.0) - reach(cosine, signer.bits(), 0.0) + 1;
                beyond += u32::from(bits.abs_diff(reach(cosine, signer.bits(), 0.0)) > spread);
            }
            assert!(beyond <= 6, "{dimensions} dimensions: {beyond} of 200 beyond three deviations");
        }
    }

    /// The first turn is that of the stored codes of one bit a component.
    #[test]
    fn the_first_turn_is_that_of_stored_signs() {
        let mut random = fastrand::Rng::with_seed(32);
        let vector = unit(&mut random, 384);
        let mut rotated = vector.clone();
        rotate(&mut rotated);
        let code = Signer::new(384).sign(&vector);
        for (at, component) in rotated.iter().enumerate() {
            assert_eq!(code[at / 64] >> (at % 64) & 1 == 1, *component >= 0.0, "{at}");
        }
    }
}
