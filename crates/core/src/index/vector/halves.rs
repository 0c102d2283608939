//! Rows of steps in two groups of those that lie near each other.

use crate::index::vector::code::{quantise, unit_scale};
use crate::index::vector::kernel::{ROWS, dot_i8_x4, rows_of};

/// Rounds of two-means.
const ROUNDS: usize = 4;

/// Some vectors in two groups.
pub(super) struct Halves {
    /// The steps of their centres.
    pub(super) centres: [Vec<i8>; 2],
    /// By row, whether it is in the second group.
    pub(super) is_second: Vec<bool>,
    /// The mean cosine of each group with its centre.
    pub(super) nearness: [f32; 2],
}

impl Halves {
    /// Two-means by cosine of `count` rows of steps. It starts from the row farthest from the first one, and from the row
    /// farthest from that. Neither group is less than an eighth of the rows.
    pub(super) fn of(rows: &[i8], count: usize, width: usize) -> Self {
        let scales: Vec<f32> = rows.chunks_exact(width).take(count).map(unit_scale).collect();
        let row = |at: usize| &rows[at * width..][..width];
        let farthest =
            |cosines: &[f32]| (1..count).fold(0, |far, at| if cosines[at] < cosines[far] { at } else { far });
        let start = farthest(&cosines(row(0), rows, &scales));
        let opposite = farthest(&cosines(row(start), rows, &scales));
        let mut centres = [row(start).to_vec(), row(opposite).to_vec()];
        let mut is_second = vec![false; count];
        let mut nearness = [1.0; 2];
        let mut order: Vec<usize> = (0..count).collect();
        for _ in 0..ROUNDS {
            let near = centres.each_ref().map(|centre| cosines(centre, rows, &scales));
            let lead = |at: &usize| near[1][*at] - near[0][*at];
            order.sort_unstable_by(|a, b| lead(a).total_cmp(&lead(b)).then(a.cmp(b)));
            let even = order.iter().filter(|at| lead(at) <= 0.0).count();
            let cut = even.clamp(count.div_ceil(8), count - count.div_ceil(8));
            for (group, members) in [&order[..cut], &order[cut..]].into_iter().enumerate() {
                let mut mean = vec![0f32; width];
                for at in members {
                    is_second[*at] = group == 1;
                    mean.iter_mut()
                        .zip(row(*at))
                        .for_each(|(sum, step)| *sum += f32::from(*step) * scales[*at]);
                }
                nearness[group] =
                    members.iter().map(|at| near[group][*at]).sum::<f32>() / members.len() as f32;
                centres[group] = quantise(&mean);
            }
        }
        Halves { centres, is_second, nearness }
    }
}

/// The cosine of each row with a vector of steps.
fn cosines(steps: &[i8], rows: &[i8], scales: &[f32]) -> Vec<f32> {
    let query: Vec<i16> = steps.iter().map(|step| i16::from(*step)).collect();
    let scale = unit_scale(steps);
    let products = rows.chunks_exact(steps.len() * ROWS).flat_map(|group| dot_i8_x4(&query, rows_of(group)));
    products.zip(scales).map(|(product, own)| product as f32 * scale * own).collect()
}
