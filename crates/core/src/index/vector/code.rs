//! What is kept of a vector: how a [`Code`] is made of one, and a vector of a code.
//!
//! A code stands for the unit vector that it decodes to, and encoding that one gives the code again, so that a record may
//! be moved, exported and imported without losing more. Going from one precision to a coarser one goes over that vector.

use crate::index::vector::kernel::{LANES, dot, dot_rows, nearest, steps_of};
use crate::index::vector::project::Projections;
use crate::index::vector::rotate::{rotate, unrotate};
use crate::model::{Code, Kept, Precision};

/// The code of a unit vector. A projection that is asked for is one of `projections`, and linear.
pub(crate) fn encode(vector: Vec<f32>, kept: Kept, projections: &Projections) -> Code {
    match kept {
        Kept::Whole(Precision::F32) => Code::F32(vector),
        Kept::Whole(Precision::Int8) => Code::Int8(quantise(&vector)),
        Kept::Whole(Precision::Binary) => Code::Binary(signs(vector)),
        Kept::Projected(number) => {
            let along = projections.get(number).and_then(|projection| projection.project(&vector));
            let along = along.expect("whoever names a projection has checked that it is there, and linear");
            Code::Projected(number, quantise(&along))
        }
    }
}

/// The unit vector of `dimensions` components that a code stands for; nothing leads back from one that an encoder of
/// the host has made.
pub(crate) fn decode(code: &Code, dimensions: usize, projections: &Projections) -> Option<Vec<f32>> {
    Some(match code {
        Code::F32(components) => components.clone(),
        Code::Int8(steps) => {
            let scale = unit_scale(steps);
            steps.iter().map(|step| f32::from(*step) * scale).collect()
        }
        Code::Binary(bits) => {
            let side = 1.0 / (dimensions as f32).sqrt();
            let sign = |at: usize| if bits[at / 8] >> (at % 8) & 1 == 1 { side } else { -side };
            let mut vector: Vec<f32> = (0..dimensions).map(sign).collect();
            unrotate(&mut vector);
            let norm = dot(&vector, &vector).sqrt();
            vector.iter_mut().for_each(|component| *component /= norm);
            vector
        }
        Code::Projected(number, steps) => {
            let scale = unit_scale(steps);
            let components: Vec<f32> = steps.iter().map(|step| f32::from(*step) * scale).collect();
            projections.get(*number)?.lift(&components)?
        }
        Code::Long(_, direction) => decode(direction, dimensions, projections)?,
    })
}

/// The code of a vector kept whole in that precision, of the bytes that stand for it in storage.
pub(super) fn row_code(precision: Precision, row: &[u8]) -> Code {
    match precision {
        Precision::F32 => {
            Code::F32(row.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        }
        Precision::Int8 => Code::Int8(row.iter().map(|byte| byte.cast_signed()).collect()),
        Precision::Binary => Code::Binary(row.to_vec()),
    }
}

/// Whether a code is one of a vector of `dimensions` components.
pub(crate) fn fits(code: &Code, dimensions: usize, projections: &Projections) -> bool {
    match code {
        Code::F32(components) => components.len() == dimensions,
        Code::Int8(steps) => steps.len() == dimensions,
        Code::Binary(bits) => bits.len() == dimensions.div_ceil(8),
        Code::Projected(number, steps) => {
            projections.get(*number).is_some_and(|known| known.width() == steps.len())
        }
        Code::Long(length, direction) => {
            length.is_finite() && *length > 0.0 && fits(direction, dimensions, projections)
        }
    }
}

/// The components in proportion to the largest, which becomes 127.
pub(crate) fn quantise(vector: &[f32]) -> Vec<i8> {
    let mut steps = vec![0; vector.len()];
    quantise_into(vector, &mut steps);
    steps
}

/// As [`quantise`], into as many cells.
pub(super) fn quantise_into(vector: &[f32], steps: &mut [i8]) {
    let largest = largest(vector);
    // Of components so small that a step has no size, nothing is left.
    let step = if largest / 127.0 >= f32::MIN_POSITIVE { largest / 127.0 } else { 1.0 };
    let (heads, tail) = steps.as_chunks_mut();
    let (components, rest) = vector.as_chunks();
    for (steps, components) in heads.iter_mut().zip(components) {
        *steps = steps_of(components, step);
    }
    tail.iter_mut().zip(rest).for_each(|(own, component)| *own = nearest(component / step));
}

/// The largest of the components, whatever their signs.
fn largest(vector: &[f32]) -> f32 {
    // `f32::max` is a function call for each component in WebAssembly; this is one instruction for four.
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (heads, tail) = vector.as_chunks::<LANES>();
    let mut lanes = [0f32; LANES];
    for components in heads {
        for (own, component) in lanes.iter_mut().zip(components) {
            *own = larger(*own, component.abs());
        }
    }
    lanes.into_iter().chain(tail.iter().map(|component| component.abs())).fold(0.0, larger)
}

/// What brings quantised components to length 1.
pub(super) fn unit_scale(steps: &[i8]) -> f32 {
    let (heads, tail) = steps.split_at(steps.len() / 8 * 8);
    let square = dot_rows(heads, heads) + tail.iter().map(|step| i32::from(*step).pow(2)).sum::<i32>();
    if square == 0 { 0.0 } else { 1.0 / (square as f32).sqrt() }
}

fn signs(mut vector: Vec<f32>) -> Vec<u8> {
    rotate(&mut vector);
    let byte = |components: &[f32]| {
        components
            .iter()
            .enumerate()
            .fold(0, |byte, (bit, component)| byte | u8::from(*component >= 0.0) << bit)
    };
    vector.chunks(8).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::vector::unit;

    #[test]
    fn steps_are_rounded_as_roundf_does() {
        let mut random = fastrand::Rng::with_seed(24);
        let mut vector: Vec<f32> = (0..2_000).map(|_| random.f32() * 2.0 - 1.0).collect();
        vector.extend(
            (-127..=127)
                .flat_map(|step| [0.5, 0.499_999_97].map(|part| step as f32 + part))
                .map(|s| s / 127.0),
        );
        vector.push(1.0);
        let largest = vector.iter().fold(0f32, |largest, component| largest.max(component.abs()));
        let expected: Vec<i8> =
            vector.iter().map(|component| libm::roundf(component / (largest / 127.0)) as i8).collect();
        assert_eq!(quantise(&vector), expected);
    }

    #[test]
    fn codes_decode_to_unit_vectors_that_encode_to_them_again() {
        let none = Projections::default();
        let mut random = fastrand::Rng::with_seed(21);
        for dimensions in [1, 2, 3, 8, 100, 128, 384] {
            for precision in Precision::ALL {
                for _ in 0..20 {
                    let code = encode(unit(&mut random, dimensions), Kept::Whole(precision), &none);
                    assert!(fits(&code, dimensions, &none) && code.kept() == Kept::Whole(precision));
                    let decoded = decode(&code, dimensions, &none).expect("it leads back");
                    assert!((dot(&decoded, &decoded) - 1.0).abs() < 1e-5, "{precision:?}, {dimensions}");
                    assert_eq!(
                        encode(decoded, Kept::Whole(precision), &none),
                        code,
                        "{precision:?}, {dimensions} dimensions"
                    );
                }
            }
        }
    }

    /// The error of an int8 component is half a step at most, so the cosine with what it came from is above
    /// 1 - dimensions / (8 x 127^2) at worst; in 384 dimensions of random directions it stays above 0.9999.
    #[test]
    fn an_int8_code_is_near_its_vector() {
        let none = Projections::default();
        let mut random = fastrand::Rng::with_seed(22);
        for _ in 0..100 {
            let vector = unit(&mut random, 384);
            let code = encode(vector.clone(), Kept::Whole(Precision::Int8), &none);
            let decoded = decode(&code, 384, &none).expect("it leads back");
            assert!(dot(&vector, &decoded) > 0.999_9);
        }
    }

    /// The cosine of a vector and its binary code is that of a random direction and its signs, sqrt(2 / pi).
    #[test]
    fn a_binary_code_is_as_near_its_vector_as_signs_are() {
        let none = Projections::default();
        let mut random = fastrand::Rng::with_seed(23);
        for dimensions in [128, 200, 384] {
            for sparse in [false, true] {
                let mut vector = unit(&mut random, dimensions);
                if sparse {
                    vector = vec![0.0; dimensions];
                    vector[random.usize(..dimensions)] = 1.0;
                }
                let code = encode(vector.clone(), Kept::Whole(Precision::Binary), &none);
                let decoded = decode(&code, dimensions, &none).expect("it leads back");
                let cosine = dot(&vector, &decoded);
                assert!((0.70..0.90).contains(&cosine), "{dimensions}, sparse {sparse}: {cosine}");
            }
        }
    }
}
