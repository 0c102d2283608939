//! The whole index against exact search: through inserts, changes, removals and filters of every density.

use std::collections::BTreeMap;

use crate::index::vector::{
    Arena, DEFAULT_RECALL, Map, Probe, Projection, VectorHit, VectorIndex, Wanted, Way, dot, encode, unit,
};
use crate::index::{Slot, SlotSet};
use crate::model::{Kept, Precision};

pub(super) const LIMIT: usize = 10;

/// Vectors about some centres, with more spread along some axes than along others, as those of texts have.
pub(super) struct Source {
    random: fastrand::Rng,
    centres: Vec<Vec<f32>>,
    dimensions: usize,
}

impl Source {
    pub(super) fn new(seed: u64, dimensions: usize, centres: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let centres = (0..centres).map(|_| unit(&mut random, dimensions)).collect();
        Source { random, centres, dimensions }
    }

    pub(super) fn draw(&mut self) -> Vec<f32> {
        let centre = self.random.usize(..self.centres.len());
        let noise = unit(&mut self.random, self.dimensions);
        let share = 0.4 + 0.5 * self.random.f32();
        let stretched = noise.iter().zip(0..).map(|(n, axis)| n * if axis % 4 == 0 { 2.0 } else { 0.7 });
        let mut vector: Vec<f32> =
            self.centres[centre].iter().zip(stretched).map(|(c, n)| (1.0 - share) * c + share * n).collect();
        let norm = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|component| *component /= norm);
        vector
    }
}

pub(super) fn ask(arena: &Arena, probe: &Probe, allowed: &SlotSet, exact: bool) -> (Vec<VectorHit>, Way) {
    let ties = |slot| u128::from(slot);
    let wanted =
        Wanted { limit: 4 * LIMIT, sure: LIMIT, allowed, exact, recall: DEFAULT_RECALL, ties: &ties };
    let found = arena.search(probe, &wanted);
    (found.hits, found.way)
}

/// How many of the first of `expected` are among the first of `found`.
pub(super) fn common(found: &[VectorHit], expected: &[VectorHit]) -> usize {
    let first = |hits: &[VectorHit]| hits.iter().take(LIMIT).map(|hit| hit.slot).collect::<Vec<_>>();
    let found = first(found);
    first(expected).iter().filter(|slot| found.contains(slot)).count()
}

/// The best of all allowed vectors by their scores, one by one.
pub(super) fn by_hand(arena: &Arena, probe: &Probe, allowed: &SlotSet) -> Vec<VectorHit> {
    let scored = |slot| Some(VectorHit { slot, score: arena.score(probe, slot)? });
    let mut hits: Vec<VectorHit> = allowed.iter().filter_map(scored).collect();
    hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.slot.cmp(&b.slot)));
    hits.truncate(4 * LIMIT);
    hits
}

#[test]
fn the_nearest_are_found_whatever_has_happened() {
    for (dimensions, precisions) in [
        (96, &[Precision::F32][..]),
        (64, &[Precision::Int8]),
        (128, &[Precision::F32, Precision::Int8, Precision::Binary]),
    ] {
        let mut source = Source::new(dimensions as u64, dimensions, 60);
        let mut arena = Arena::new(dimensions);
        let mut held: BTreeMap<Slot, ()> = BTreeMap::new();
        let (mut found, mut asked) = (BTreeMap::new(), BTreeMap::new());
        for slot in 0..14_000u32 {
            let kept = Kept::Whole(precisions[slot as usize % precisions.len()]);
            arena.insert(slot, &encode(source.draw(), kept, arena.projections()));
            held.insert(slot, ());
            arena.settle(3);
            if slot % 3 == 2 {
                let gone = *held.range(source.random.u32(..slot)..).next().unwrap().0;
                arena.remove(gone);
                held.remove(&gone);
            }
            if slot % 5 == 4 {
                // A change of a vector.
                let changed = *held.range(source.random.u32(..slot)..).next().unwrap().0;
                arena.insert(changed, &encode(source.draw(), kept, arena.projections()));
            }
            if slot % 1_000 == 999 {
                let all: SlotSet = held.keys().copied().collect();
                for _ in 0..20 {
                    let probe = arena.probe(&source.draw(), &[]);
                    let (hits, way) = ask(&arena, &probe, &all, false);
                    assert!(hits.iter().all(|hit| arena.score(&probe, hit.slot) == Some(hit.score)));
                    assert_eq!(hits.len(), 4 * LIMIT);
                    let (exact, exact_way) = ask(&arena, &probe, &all, true);
                    assert!(exact_way.is_exact());
                    assert_eq!(exact, by_hand(&arena, &probe, &all));
                    *found.entry(way.name()).or_insert(0) += common(&hits, &exact);
                    *asked.entry(way.name()).or_insert(0) += LIMIT;
                }
                for one_in in [2, 10, 100, 1_000] {
                    let some: SlotSet =
                        held.keys().copied().filter(|_| source.random.u32(..one_in) == 0).collect();
                    let probe = arena.probe(&source.draw(), &[]);
                    let expected = by_hand(&arena, &probe, &some);
                    assert_eq!(ask(&arena, &probe, &some, true).0, expected);
                    let (hits, way) = ask(&arena, &probe, &some, false);
                    assert_eq!(hits.len(), expected.len(), "a filter loses nothing");
                    assert!(hits.iter().all(|hit| some.contains(hit.slot)));
                    *found.entry(way.name()).or_insert(0) += common(&hits, &expected);
                    *asked.entry(way.name()).or_insert(0) += expected.len().min(LIMIT);
                }
            }
        }
        assert_eq!(arena.len(), held.len());
        for (way, asked) in asked {
            let recall = found[way] as f64 / asked as f64;
            println!("{dimensions} dimensions, {way}: {recall:.4} of {asked}");
            let floor = if way == "exact" { 1.0 } else { 0.96 };
            assert!(recall >= floor, "{dimensions} dimensions, {way}: {recall}");
        }
    }
}

/// What is not coded yet, as after opening, is found in the rows; and in codes once they have been made.
#[test]
fn what_is_not_coded_is_found_too() {
    let mut source = Source::new(5, 64, 20);
    let mut arena = Arena::new(64);
    for slot in 0..6_000 {
        arena.insert(slot, &encode(source.draw(), Kept::Whole(Precision::F32), arena.projections()));
    }
    let all: SlotSet = (0..6_000).collect();
    let probe = arena.probe(&source.draw(), &[]);
    let expected = by_hand(&arena, &probe, &all);
    assert_eq!(ask(&arena, &probe, &all, false), (expected.clone(), Way::Scan));
    let mut steps = 0;
    while arena.settle(100) {
        steps += 1;
        assert!(common(&ask(&arena, &probe, &all, false).0, &expected) >= LIMIT - 2);
    }
    assert!((59..200).contains(&steps), "{steps}");
    arena.insert(6_000, &arena.code(expected[0].slot).unwrap());
    let all: SlotSet = (0..6_001).collect();
    let (hits, _) = ask(&arena, &probe, &all, false);
    assert_eq!([hits[0].slot, hits[1].slot], [expected[0].slot, 6_000], "what has just come in is found");
}

/// Vectors that an encoder of the host has made have no codes, and are found beside those that have.
#[test]
fn rows_of_encoders_are_found_beside_codes() {
    let mut source = Source::new(6, 128, 20);
    let mut arena = Arena::new(128);
    let map = Map::Encoder("halver".into(), 32);
    assert!(arena.project(0, Projection::new(1.0, 128, map).map(std::sync::Arc::new)));
    let halved = |vector: &[f32]| vector[..32].to_vec();
    for slot in 0..9_000u32 {
        let vector = source.draw();
        let code = if slot % 50 == 0 {
            crate::model::Code::Projected(0, super::quantise(&halved(&vector)))
        } else {
            encode(vector, Kept::Whole(Precision::F32), arena.projections())
        };
        arena.insert(slot, &code);
        arena.settle(3);
    }
    let all: SlotSet = (0..9_000).collect();
    let (mut found, mut encoded) = (0, 0);
    for _ in 0..50 {
        let question = source.draw();
        let probe = arena.probe(&question, &[("halver".into(), halved(&question))]);
        let expected = by_hand(&arena, &probe, &all);
        let (hits, way) = ask(&arena, &probe, &all, false);
        assert!(!way.is_exact());
        found += common(&hits, &expected);
        let is_encoded = |hit: &&VectorHit| hit.slot.is_multiple_of(50);
        encoded += hits.iter().take(LIMIT).filter(is_encoded).count();
    }
    assert!(found >= 480 && encoded > 0, "{found} of 500, {encoded} encoded");
}

/// A memory full of the same vector answers with those of the smallest tie, not with any.
#[test]
fn equal_vectors_are_told_apart_by_their_ties() {
    let mut random = fastrand::Rng::with_seed(8);
    let vector = unit(&mut random, 64);
    let mut arena = Arena::new(64);
    for slot in 0..7_000 {
        arena.insert(slot, &encode(vector.clone(), Kept::Whole(Precision::F32), arena.projections()));
        arena.settle(3);
    }
    let all: SlotSet = (0..7_000).collect();
    let (hits, _) = ask(&arena, &arena.probe(&vector, &[]), &all, false);
    assert!(hits.iter().all(|hit| hit.score > 0.999) && hits.len() == 4 * LIMIT);
}
