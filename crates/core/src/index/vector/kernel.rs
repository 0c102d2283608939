//! Dot products and counts of bits.
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

/// The same as [`dot`] with each of [`ROWS`] rows, wherever they are: while one row is waited for, others are summed.
pub(super) fn dot_x4(query: &[f32], rows: [&[f32]; ROWS]) -> [f32; ROWS] {
    debug_assert!(rows.iter().all(|row| row.len() == query.len()));
    let mut lanes = [[0f32; 4]; ROWS];
    let (heads, tail) = query.as_chunks::<4>();
    let parts = rows.map(|row| row.as_chunks::<4>());
    let least = parts.iter().fold(heads.len(), |least, (heads, _)| least.min(heads.len()));
    for (at, x) in heads[..least].iter().enumerate() {
        for row in 0..ROWS {
            let y = &parts[row].0[..least][at];
            for lane in 0..4 {
                lanes[row][lane] += x[lane] * y[lane];
            }
        }
    }
    for (row, (_, own)) in parts.iter().enumerate() {
        for (lane, (x, y)) in tail.iter().zip(*own).enumerate() {
            lanes[row][lane] += x * y;
        }
    }
    lanes.map(|lanes| (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
}

/// Dot products of `query` with [`ROWS`] rows, wherever they are, each as long as the query.
///
/// The query is int8 widened to `i16`; its length, and so the rows', is a multiple of 8 (see [`super::probe`]).
pub(super) fn dot_i8_x4(query: &[i16], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
    assert!(
        query.len().is_multiple_of(8) && rows.iter().all(|row| row.len() == query.len()),
        "rows are padded to whole registers"
    );
    #[cfg(target_feature = "simd128")]
    return simd::dot_i8_x4(query, rows);
    #[cfg(not(target_feature = "simd128"))]
    return rows.map(|row| dot_i8(query, row));
}

/// The [`ROWS`] rows of a group of them that stand one after the other.
pub(super) fn rows_of(group: &[i8]) -> [&[i8]; ROWS] {
    let width = group.len() / ROWS;
    std::array::from_fn(|row| &group[row * width..][..width])
}

/// The dot product of `query` with one row of the same length.
pub(super) fn dot_i8(query: &[i16], row: &[i8]) -> i32 {
    query.iter().zip(row).map(|(&q, &r)| i32::from(q) * i32::from(r)).sum()
}

/// The dot product of two rows of steps of the same length, a multiple of 8.
pub(super) fn dot_rows(a: &[i8], b: &[i8]) -> i32 {
    assert!(a.len().is_multiple_of(8) && a.len() == b.len(), "rows are padded to whole registers");
    #[cfg(target_feature = "simd128")]
    return simd::dot_rows(a, b);
    #[cfg(not(target_feature = "simd128"))]
    return a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum();
}

/// The dot product of a vector and a row of steps of the same length.
pub(super) fn dot_f32_i8(query: &[f32], row: &[i8]) -> f32 {
    let mut lanes = [0f32; 4];
    let (heads, tail) = query.as_chunks::<4>();
    let (steps, rest) = row.as_chunks::<4>();
    for (q, r) in heads.iter().zip(steps) {
        for lane in 0..4 {
            lanes[lane] += q[lane] * f32::from(r[lane]);
        }
    }
    for (lane, (q, r)) in tail.iter().zip(rest).enumerate() {
        lanes[lane] += q * f32::from(*r);
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// Components that are brought to steps together.
pub(super) const LANES: usize = 16;

/// The nearest whole number of steps of that size for each of some components, none of which is larger than 127 of them.
pub(super) fn steps_of(components: &[f32; LANES], step: f32) -> [i8; LANES] {
    #[cfg(target_feature = "simd128")]
    return simd::steps_of(components, step);
    #[cfg(not(target_feature = "simd128"))]
    return components.map(|component| nearest(component / step));
}

/// A little less than a half: added to the number next below a half it stays below 1, and added to a half it becomes 1, since sums
/// are rounded.
const HALF: f32 = 0.499_999_97;

/// The nearest whole number; halves away from zero, as `roundf` has it.
pub(super) fn nearest(exact: f32) -> i8 {
    (exact + HALF.copysign(exact)) as i32 as i8
}

/// The sum of what the bytes of `signs` add, each looked up in its 256 entries of `table`.
pub(super) fn sum_of_signs(table: &[f32], signs: &[u8]) -> f32 {
    let mut lanes = [0f32; 4];
    for (at, (entries, byte)) in table.as_chunks::<256>().0.iter().zip(signs).enumerate() {
        lanes[at % 4] += entries[usize::from(*byte)];
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// Gives each row of `codes`, by its number, that differs from `code`, which is as long, in at most `bound` bits or in more
/// than `far`, with the number of bits.
pub(super) fn differing(code: &[u64], codes: &[u64], bound: u16, far: u16, mut each: impl FnMut(usize, u16)) {
    let mut check = |row: usize, bits: u32| {
        if (bits <= u32::from(bound)) | (bits > u32::from(far)) {
            each(row, bits as u16);
        }
    };
    match code.len() {
        4 => differing_in::<4>(code, codes, check),
        6 => differing_in::<6>(code, codes, check),
        8 => differing_in::<8>(code, codes, check),
        words => {
            for (row, own) in codes.chunks_exact(words).enumerate() {
                check(row, code.iter().zip(own).map(|(a, b)| (a ^ b).count_ones()).sum());
            }
        }
    }
}

/// The same for codes of a length that is known beforehand: the usual ones are worth it.
fn differing_in<const WORDS: usize>(code: &[u64], codes: &[u64], mut check: impl FnMut(usize, u32)) {
    let Some(code) = code.first_chunk::<WORDS>() else { return };
    // Words of unknown origin are kept apart: otherwise the compiler joins them in registers of 128 bits, from which
    // each has to be taken out again to be counted, and the whole takes four times as long.
    let code = code.map(std::hint::black_box);
    for (row, own) in codes.as_chunks::<WORDS>().0.iter().enumerate() {
        let mut bits = 0;
        for word in 0..WORDS {
            bits += (code[word] ^ own[word]).count_ones();
        }
        check(row, bits);
    }
}

#[cfg(target_feature = "simd128")]
mod simd {
    //! Registers are filled from arrays and whole numbers, which needs no `unsafe`. The compiler makes one load of each
    //! (`v128.load`, `v128.load8x8_s`); taking the components one by one, it makes eight of them.

    use core::arch::wasm32::{
        f32x4, f32x4_add, f32x4_div, f32x4_splat, i8x16_narrow_i16x8, i16x8, i16x8_extend_low_i8x16,
        i16x8_narrow_i32x4, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_splat,
        i32x4_trunc_sat_f32x4, i64x2_extract_lane, i64x2_splat, v128, v128_and, v128_or,
    };

    use super::{HALF, LANES, ROWS};

    pub(super) fn steps_of(components: &[f32; LANES], step: f32) -> [i8; LANES] {
        let (step, half, sign) = (f32x4_splat(step), f32x4_splat(HALF), f32x4_splat(-0.0));
        let nearest = |at: usize| {
            let exact = f32x4(components[at], components[at + 1], components[at + 2], components[at + 3]);
            let exact = f32x4_div(exact, step);
            i32x4_trunc_sat_f32x4(f32x4_add(exact, v128_or(half, v128_and(exact, sign))))
        };
        let first = i16x8_narrow_i32x4(nearest(0), nearest(4));
        let steps = i8x16_narrow_i16x8(first, i16x8_narrow_i32x4(nearest(8), nearest(12)));
        let halves = [i64x2_extract_lane::<0>(steps), i64x2_extract_lane::<1>(steps)];
        let bytes = halves.map(i64::to_le_bytes);
        std::array::from_fn(|at| bytes[at / 8][at % 8].cast_signed())
    }

    pub(super) fn dot_i8_x4(query: &[i16], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
        let pieces = query.as_chunks().0;
        let rows = rows.map(|row| &row.as_chunks().0[..pieces.len()]);
        let mut sums = [i32x4_splat(0); ROWS];
        for (at, piece) in pieces.iter().enumerate() {
            let piece = whole(piece);
            for (row, sum) in rows.iter().zip(&mut sums) {
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(piece, widened(&row[at])));
            }
        }
        sums.map(across)
    }

    pub(super) fn dot_rows(a: &[i8], b: &[i8]) -> i32 {
        let pieces = a.as_chunks().0.iter().zip(b.as_chunks().0);
        let sum = pieces
            .fold(i32x4_splat(0), |sum, (x, y)| i32x4_add(sum, i32x4_dot_i16x8(widened(x), widened(y))));
        across(sum)
    }

    fn whole(steps: &[i16; 8]) -> v128 {
        let [a, b, c, d, e, f, g, h] = *steps;
        i16x8(a, b, c, d, e, f, g, h)
    }

    fn widened(steps: &[i8; 8]) -> v128 {
        let together = i64::from_le_bytes(steps.map(i8::cast_unsigned));
        i16x8_extend_low_i8x16(i64x2_splat(together))
    }

    /// The sum of the lanes.
    fn across(sum: v128) -> i32 {
        i32x4_extract_lane::<0>(sum)
            + i32x4_extract_lane::<1>(sum)
            + i32x4_extract_lane::<2>(sum)
            + i32x4_extract_lane::<3>(sum)
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
            assert_eq!(dot_x4(&a, [&b, &a, &b, &b]), [dot(&a, &b), dot(&a, &a), dot(&a, &b), dot(&a, &b)]);
        }
    }

    #[test]
    fn four_rows_are_four_times_one_row() {
        let mut random = fastrand::Rng::with_seed(6);
        for width in [8, 16, 128, 384] {
            let query: Vec<i16> = (0..width).map(|_| random.i16(-127..=127)).collect();
            let rows: Vec<i8> = (0..width * ROWS).map(|_| random.i8(-127..=127)).collect();
            let together = dot_i8_x4(&query, rows_of(&rows));
            let one_by_one: Vec<i32> = rows.chunks(width).map(|row| dot_i8(&query, row)).collect();
            assert_eq!(together.to_vec(), one_by_one);
            let narrow: Vec<i8> = query.iter().map(|step| *step as i8).collect();
            let in_pairs: Vec<i32> = rows.chunks(width).map(|row| dot_rows(&narrow, row)).collect();
            assert_eq!(together.to_vec(), in_pairs);
        }
    }

    #[test]
    fn bits_that_differ_are_counted() {
        let mut random = fastrand::Rng::with_seed(7);
        for words in [1, 5, 6, 8, 12, 16] {
            let code: Vec<u64> = (0..words).map(|_| random.u64(..)).collect();
            let codes: Vec<u64> = (0..words * 10).map(|_| random.u64(..)).collect();
            let bits = |row: &[u64]| {
                (0..64 * words).filter(|at| (row[at / 64] ^ code[at / 64]) >> (at % 64) & 1 == 1).count()
            };
            let counts: Vec<u16> = codes.chunks(words).map(|row| bits(row) as u16).collect();
            let (least, most) = (counts[3].min(counts[4]), counts[3].max(counts[4]));
            for (bound, far) in [(u16::MAX, u16::MAX), (0, 0), (least, most), (0, u16::MAX)] {
                let mut found = Vec::new();
                differing(&code, &codes, bound, far, |row, bits| found.push((row, bits)));
                let is_asked_for = |(_, bits): &(usize, u16)| *bits <= bound || *bits > far;
                let expected: Vec<(usize, u16)> =
                    counts.iter().copied().enumerate().filter(is_asked_for).collect();
                assert_eq!(found, expected, "{words} words, {bound}, {far}");
            }
        }
    }
}
