//! Codes of signs: what the first pass of a search looks at in place of a vector.
//!
//! A code has one bit for each component of the rotated vector: its sign. Two vectors at an angle of `a` differ in a share
//! of about `a / pi` of the bits (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002), so
//! that counting bits orders vectors by their cosine, with an error that falls with the number of bits. Vectors of few
//! components are turned more than once, each time in another way, until there are [`LEAST`] bits.

use crate::index::vector::probe::SIGN_FACTOR;
use crate::index::vector::rotate::{rotate, unrotate};

/// Bits of a code, at least.
const LEAST: usize = 256;

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

    /// Components of a vector.
    pub(super) fn dimensions(self) -> usize {
        self.dimensions
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
        self.each_component(vector, |bit, component| {
            code[bit / 64] |= u64::from(component >= 0.0) << (bit % 64);
        });
        code
    }

    /// What codes are compared with to find those near a vector of length 1.
    pub(super) fn sight(self, vector: &[f32]) -> Sight {
        let (words, steps) = (self.words(), RANGE / (self.dimensions as f32).sqrt() / 8.0);
        let (mut code, mut finer) = (vec![0u64; words], vec![[0u64; 3]; words]);
        self.each_component(vector, |bit, component| {
            let level = (component / steps + 8.0).clamp(0.0, 15.0) as u64;
            let put = |word: &mut u64, digit: u64| *word |= digit << (bit % 64);
            put(&mut code[bit / 64], level >> 3);
            finer[bit / 64].iter_mut().zip([2, 1, 0]).for_each(|(word, digit)| put(word, level >> digit & 1));
        });
        let bits = self.bits() as f32;
        let gain = SIGN_FACTOR * steps * (self.dimensions as f32).sqrt() / bits;
        Sight { bits: self.bits(), code, finer, gain }
    }

    /// Gives the components of all turns of a vector with the numbers of their bits.
    fn each_component(self, vector: &[f32], mut each: impl FnMut(usize, f32)) {
        let mut turned = Vec::with_capacity(self.dimensions);
        for turn in 0..self.turns {
            turned.clear();
            turned.extend_from_slice(vector);
            turned.rotate_left(turn * self.dimensions / self.turns);
            if turn % 2 == 1 {
                turned.reverse();
            }
            rotate(&mut turned);
            (turn * self.dimensions..).zip(&turned).for_each(|(bit, component)| each(bit, *component));
        }
    }

    /// About the direction of the vector that a code was made of: the sum of what its turns say.
    pub(super) fn unsign(self, code: &[u64]) -> Vec<f32> {
        let mut sum = vec![0f32; self.dimensions];
        for turn in 0..self.turns {
            let side = |bit: usize| if code[bit / 64] >> (bit % 64) & 1 == 1 { 1.0 } else { -1.0 };
            let mut turned: Vec<f32> = (turn * self.dimensions..).take(self.dimensions).map(side).collect();
            unrotate(&mut turned);
            if turn % 2 == 1 {
                turned.reverse();
            }
            turned.rotate_right(turn * self.dimensions / self.turns);
            sum.iter_mut().zip(&turned).for_each(|(sum, component)| *sum += component);
        }
        sum
    }
}

/// The components of a question are told apart up to this many times their root mean square: what loses least of normal
/// ones in sixteen steps (Max, "Quantizing for minimum distortion", IRE Transactions on Information Theory 6, 1960).
const RANGE: f32 = 2.73;
/// The standard deviation of an estimate of a cosine of 0 times the root of the number of bits: that of RaBitQ,
/// sqrt(pi / 2 - 1), and what the steps of the question add.
const BLUR: f32 = 0.78;

/// A question as codes are compared with it: its own code first, and with the components in sixteen steps where that says
/// too little. Signs against components instead of signs against signs halve the error of the cosine; the components
/// are written as planes of binary digits, so that it takes counts of bits alone (Gao and Long, "RaBitQ", SIGMOD 2024).
#[derive(Debug)]
pub(super) struct Sight {
    bits: usize,
    /// The first binary digit of each component: the code of the question.
    code: Vec<u64>,
    /// For each word of the code, the second, third and fourth digits.
    finer: Vec<[u64; 3]>,
    /// What a difference of one is in the cosine.
    gain: f32,
}

impl Sight {
    /// The code of the question.
    pub(super) fn code(&self) -> &[u64] {
        &self.code
    }

    /// How far a code is from the question, 0 to the number of bits; `bits` of it differ from those of the question.
    pub(super) fn distance(&self, code: &[u64], bits: u16) -> u16 {
        let mut difference = 8 * u32::from(bits);
        for (own, [second, third, fourth]) in code.iter().zip(&self.finer) {
            difference += 4 * (second ^ own).count_ones()
                + 2 * (third ^ own).count_ones()
                + (fourth ^ own).count_ones();
        }
        (difference / 16) as u16
    }

    /// How far a vector whose cosine with the question is `cosine` is from it at most, but for chances beyond `deviations`
    /// standard deviations.
    pub(super) fn reach(&self, cosine: f32, deviations: f32) -> u16 {
        let cosine = cosine.clamp(-1.0, 1.0);
        let blur = BLUR * ((1.0 - cosine * cosine) / self.bits as f32).sqrt();
        ((7.5 * self.bits as f32 - (cosine - deviations * blur) / self.gain) / 16.0) as u16
    }

    /// About the cosine with the question of a vector that is so far from it.
    pub(super) fn likely(&self, distance: u16) -> f32 {
        ((7.5 * self.bits as f32 - 16.0 * f32::from(distance)) * self.gain).clamp(-1.0, 1.0)
    }
}

/// Of a vector whose cosine with the question is `cosine`, how many of `bits` bits differ from those of the question at
/// most, but for chances beyond `deviations` standard deviations. The bits are taken as independent, each differing with
/// the chance of angle / pi.
pub(super) fn reach(cosine: f32, bits: usize, deviations: f32) -> u16 {
    let share = libm::acosf(cosine.clamp(-1.0, 1.0)) / std::f32::consts::PI;
    let bits = bits as f32;
    (bits * share + deviations * (bits * share * (1.0 - share)).sqrt()) as u16
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
                differing(&signer.sign(&a), &signer.sign(&b), u16::MAX, 0, |_, found| bits = found);
                let spread = reach(cosine, signer.bits(), 3.0) - reach(cosine, signer.bits(), 0.0) + 1;
                beyond += u32::from(bits.abs_diff(reach(cosine, signer.bits(), 0.0)) > spread);
            }
            assert!(beyond <= 6, "{dimensions} dimensions: {beyond} of 200 beyond three deviations");
        }
    }

    /// A code leads back to about the direction that it was made of, and more turns lead closer.
    #[test]
    fn a_code_leads_back() {
        let mut random = fastrand::Rng::with_seed(33);
        for (dimensions, least) in [(64, 0.9), (100, 0.9), (128, 0.83), (384, 0.75), (500, 0.75)] {
            let signer = Signer::new(dimensions);
            for _ in 0..20 {
                let vector = unit(&mut random, dimensions);
                let about = signer.unsign(&signer.sign(&vector));
                let cosine = dot(&vector, &about) / dot(&about, &about).sqrt();
                assert!(cosine > least, "{dimensions} dimensions: {cosine}");
            }
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

    /// The distance says the cosine, with less error than the number of bits, whatever the number of components.
    #[test]
    fn distances_say_the_cosine() {
        let mut random = fastrand::Rng::with_seed(33);
        for dimensions in [64, 100, 128, 256, 384, 1_000] {
            let signer = Signer::new(dimensions);
            let (mut beyond, mut errors) = (0, [0.0f32; 2]);
            for _ in 0..300 {
                let (a, noise) = (unit(&mut random, dimensions), unit(&mut random, dimensions));
                let share = random.f32();
                let b: Vec<f32> = a.iter().zip(&noise).map(|(a, n)| a * share + n * (1.0 - share)).collect();
                let cosine = dot(&a, &b) / dot(&b, &b).sqrt();
                let (sight, code) = (signer.sight(&a), signer.sign(&b));
                assert_eq!(sight.code(), signer.sign(&a));
                let mut bits = 0;
                differing(sight.code(), &code, u16::MAX, 0, |_, found| bits = found);
                let distance = sight.distance(&code, bits);
                assert!(usize::from(distance) <= signer.bits());
                beyond += u32::from(distance > sight.reach(cosine, 2.0));
                let by_bits = libm::cosf(std::f32::consts::PI * f32::from(bits) / signer.bits() as f32);
                let by_distance = (7.5 * signer.bits() as f32 - 16.0 * f32::from(distance)) * sight.gain;
                errors[0] += (by_bits - cosine) * (by_bits - cosine);
                errors[1] += (by_distance - cosine) * (by_distance - cosine);
            }
            assert!(beyond <= 20, "{dimensions} dimensions: {beyond} of 300 beyond two deviations");
            assert!(errors[1] < 0.8 * errors[0], "{dimensions} dimensions: {errors:?}");
        }
    }
}
