//! Sparse vectors of term weights.

use rustc_hash::FxHashMap;

/// What each of some documents is about: its terms in ascending order with their weights, of length 1 together.
/// Empty if it has no terms.
pub(super) type Sparse = Vec<(u32, f64)>;

/// TF-IDF vectors of `documents`, each given as its terms, ascending and each once, with their counts. A term weighs
/// (1 + ln count) · ln(1 + documents / documents with it).
pub(super) fn tf_idf(documents: &[&[(u32, u32)]]) -> Vec<Sparse> {
    let mut frequency: FxHashMap<u32, u32> = FxHashMap::default();
    for (term, _) in documents.iter().flat_map(|document| document.iter()) {
        *frequency.entry(*term).or_default() += 1;
    }
    let total = documents.len() as f64;
    let weight = |&(term, count): &(u32, u32)| {
        let rarity = libm::log(1.0 + total / f64::from(frequency[&term]));
        (term, (1.0 + libm::log(f64::from(count.max(1)))) * rarity)
    };
    documents.iter().map(|document| unit(document.iter().map(weight).collect())).collect()
}

/// The vector of length 1 in the same direction; empty if it is.
pub(super) fn unit(mut vector: Sparse) -> Sparse {
    let length = dot(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|(_, weight)| *weight /= length);
    vector
}

/// The inner product.
pub(super) fn dot(a: &Sparse, b: &Sparse) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while let (Some((left, x)), Some((right, y))) = (a.get(i), b.get(j)) {
        if left == right {
            sum += x * y;
        }
        (i, j) = (i + usize::from(left <= right), j + usize::from(right <= left));
    }
    sum
}

/// The sum.
pub(super) fn merge(a: &Sparse, b: &Sparse) -> Sparse {
    let mut sum = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    loop {
        let (left, right) = (a.get(i), b.get(j));
        let (term, weight) = match (left, right) {
            (Some(&(x, v)), Some(&(y, w))) if x == y => (x, v + w),
            (Some(&(x, v)), other) if other.is_none_or(|(y, _)| x < *y) => (x, v),
            (_, Some(&(y, w))) => (y, w),
            (_, None) => return sum,
        };
        i += usize::from(left.is_some_and(|(x, _)| *x == term));
        j += usize::from(right.is_some_and(|(y, _)| *y == term));
        sum.push((term, weight));
    }
}
