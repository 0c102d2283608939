//! Dot products: the only module of this crate with `unsafe` in it.
//!
//! Both builds give the same bits. The int8 product is exact integer arithmetic. The `f32` product always sums into
//! four lanes, component `i` into lane `i % 4`, and adds the lanes pairwise, which is what the four-lane SIMD
//! registers of WebAssembly do.

/// Rows that one call of [`dot_i8_x4`] works on. Blocking reuses each widened piece of the query for four rows.
pub(super) const ROWS: usize = 4;

/// The dot product of two vectors of the same length.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    debug_assert_eq!(a.len(), b.len());
    let mut lanes = [0f32; 4];
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

/// Dot products of `query` with [`ROWS`] consecutive rows in `rows`, each as long as the query.
///
/// The query is int8 widened to `i16`; its length, and so the rows', is a multiple of 8 (see [`super::probe`]).
pub(super) fn dot_i8_x4(query: &[i16], rows: &[i8]) -> [i32; ROWS] {
    assert!(
        query.len().is_multiple_of(8) && rows.len() == query.len() * ROWS,
        "rows are padded to whole registers"
    );
    #[cfg(target_feature = "simd128")]
    return simd::dot_i8_x4(query, rows);
    #[cfg(not(target_feature = "simd128"))]
    return std::array::from_fn(|row| dot_i8(query, &rows[row * query.len()..][..query.len()]));
}

/// The dot product of `query` with one row of the same length.
pub(super) fn dot_i8(query: &[i16], row: &[i8]) -> i32 {
    query.iter().zip(row).map(|(&q, &r)| i32::from(q) * i32::from(r)).sum()
}

/// The dot product of a vector and a row of steps of the same length.
pub(super) fn dot_f32_i8(query: &[f32], row: &[i8]) -> f32 {
    let mut lanes = [0f32; 4];
    for (at, (q, r)) in query.iter().zip(row).enumerate() {
        lanes[at % 4] += q * f32::from(*r);
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// The sum of what the bytes of `signs` add, each looked up in its 256 entries of `table`.
pub(super) fn sum_of_signs(table: &[f32], signs: &[u8]) -> f32 {
    let mut lanes = [0f32; 4];
    for (at, (entries, byte)) in table.as_chunks::<256>().0.iter().zip(signs).enumerate() {
        lanes[at % 4] += entries[usize::from(*byte)];
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// Gives each row of `codes`, by its number, the number of bits in which it differs from `code`, which is as long.
pub(super) fn differing(code: &[u64], codes: &[u64], each: impl FnMut(usize, u32)) {
    match code.len() {
        6 => differing_in::<6>(code, codes, each),
        8 => differing_in::<8>(code, codes, each),
        12 => differing_in::<12>(code, codes, each),
        words => rows_differing(codes.chunks_exact(words).map(|row| (code, row)), each),
    }
}

/// The same for codes of a length that is known beforehand: the usual ones are worth it.
fn differing_in<const WORDS: usize>(code: &[u64], codes: &[u64], each: impl FnMut(usize, u32)) {
    let Some(code) = code.first_chunk::<WORDS>() else { return };
    rows_differing(codes.as_chunks::<WORDS>().0.iter().map(|row| (&code[..], &row[..])), each);
}

#[inline(always)]
fn rows_differing<'a>(pairs: impl Iterator<Item = (&'a [u64], &'a [u64])>, mut each: impl FnMut(usize, u32)) {
    for (row, (code, own)) in pairs.enumerate() {
        each(row, code.iter().zip(own).map(|(a, b)| (a ^ b).count_ones()).sum());
    }
}

#[cfg(target_feature = "simd128")]
#[allow(
    unsafe_code,
    reason = "SIMD loads take raw pointers; each is inside the bounds that the caller asserted"
)]
mod simd {
    use core::arch::wasm32::{
        i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_splat, v128, v128_load,
    };

    use super::ROWS;

    pub(super) fn dot_i8_x4(query: &[i16], rows: &[i8]) -> [i32; ROWS] {
        let width = query.len();
        let mut sums = [i32x4_splat(0); ROWS];
        for at in (0..width).step_by(8) {
            // SAFETY: `width` is a multiple of 8 and `at` below it, so 8 values of 16 bits are there. Alignment is
            // not required.
            let q = unsafe { v128_load(query.as_ptr().add(at).cast::<v128>()) };
            for (row, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `rows` has `ROWS * width` bytes, and `row * width + at + 8` is at most that.
                let r = unsafe { i16x8_load_extend_i8x8(rows.as_ptr().add(row * width + at)) };
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(q, r));
            }
        }
        sums.map(|sum| {
            i32x4_extract_lane::<0>(sum)
                + i32x4_extract_lane::<1>(sum)
                + i32x4_extract_lane::<2>(sum)
                + i32x4_extract_lane::<3>(sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_is_the_sum_of_products() {
        let mut random = fastrand::Rng::with_seed(5);
        for len in [1, 3, 4, 7, 8, 128, 383] {
            let a: Vec<f32> = (0..len).map(|_| random.f32() - 0.5).collect();
            let b: Vec<f32> = (0..len).map(|_| random.f32() - 0.5).collect();
            let exact: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-4, "{len}");
        }
    }

    #[test]
    fn four_rows_are_four_times_one_row() {
        let mut random = fastrand::Rng::with_seed(6);
        for width in [8, 16, 128, 384] {
            let query: Vec<i16> = (0..width).map(|_| random.i16(-127..=127)).collect();
            let rows: Vec<i8> = (0..width * ROWS).map(|_| random.i8(-127..=127)).collect();
            let together = dot_i8_x4(&query, &rows);
            let one_by_one: Vec<i32> = rows.chunks(width).map(|row| dot_i8(&query, row)).collect();
            assert_eq!(together.to_vec(), one_by_one);
        }
    }

    #[test]
    fn bits_that_differ_are_counted() {
        let mut random = fastrand::Rng::with_seed(7);
        for words in [1, 5, 6, 8, 12, 16] {
            let code: Vec<u64> = (0..words).map(|_| random.u64(..)).collect();
            let codes: Vec<u64> = (0..words * 10).map(|_| random.u64(..)).collect();
            let mut found = Vec::new();
            differing(&code, &codes, |row, bits| found.push((row, bits)));
            let bits = |row: &[u64]| {
                (0..64 * words).filter(|at| (row[at / 64] ^ code[at / 64]) >> (at % 64) & 1 == 1).count()
            };
            let expected: Vec<(usize, u32)> =
                codes.chunks(words).map(|row| bits(row) as u32).enumerate().collect();
            assert_eq!(found, expected, "{words} words");
        }
    }
}
