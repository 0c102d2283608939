//! Hits that differ from each other.

use crate::index::vector::dot;
use crate::model::RecordId;

/// The `limit` first hits of an order in which each is as relevant as possible and as unlike those before it: maximal
/// marginal relevance, Carbonell and Goldstein, SIGIR 1998. `diversity` 0 looks at relevance alone, 1 at likeness alone,
/// which is the cosine of the vectors; without them there is none.
pub(crate) fn diverse(
    mut scored: Vec<(f32, RecordId, usize)>,
    diversity: f32,
    limit: usize,
    vector: &dyn Fn(usize) -> Option<Vec<f32>>,
) -> Vec<(f32, RecordId, usize)> {
    let best = scored.first().map_or(1.0, |hit| hit.0).max(f32::MIN_POSITIVE);
    let mut vectors: Vec<Option<Vec<f32>>> = scored.iter().map(|hit| vector(hit.2)).collect();
    let mut likeness = vec![0f32; scored.len()];
    let mut chosen = Vec::with_capacity(limit.min(scored.len()));
    while chosen.len() < limit && !scored.is_empty() {
        let worth = |at: usize| (1.0 - diversity) * scored[at].0 / best - diversity * likeness[at];
        let next = (1..scored.len()).fold(0, |next, at| if worth(at) > worth(next) { at } else { next });
        chosen.push(scored.remove(next));
        likeness.remove(next);
        if let Some(own) = vectors.remove(next) {
            for (vector, likeness) in vectors.iter().zip(&mut likeness) {
                if let Some(vector) = vector {
                    *likeness = likeness.max(dot(&own, vector));
                }
            }
        }
    }
    chosen
}
