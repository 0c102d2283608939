//! Graphs over the life of an index: what walks find, what has changed since, and what is refused.

use std::collections::BTreeSet;

use crate::index::vector::recall_tests::{LIMIT, Source, ask, by_hand, common};
use crate::index::vector::{
    Arena, Coverage, DEFAULT_RECALL, Placing, Probe, VectorHits, VectorIndex, Wanted, build_graph, encode,
    unit,
};
use crate::index::{Slot, SlotSet};
use crate::model::{Kept, Precision};

const PAGE: usize = 10_000;

fn job(arena: &mut Arena, number: u64) -> Vec<u8> {
    let bytes = arena.begin_graph(number).expect("there are vectors");
    let mut job = Vec::new();
    while let Some(page) = arena.graph_page(number, PAGE).filter(|page| !page.is_empty()) {
        job.extend(page);
    }
    assert_eq!(job.len(), bytes);
    job
}

pub(super) fn place(arena: &mut Arena, number: u64, graph: &[u8]) -> bool {
    // In parts that do not end with words.
    let taken = graph.chunks(4_099).all(|part| arena.take_graph(number, part, graph.len()));
    taken
        && loop {
            match arena.place_graph(number) {
                Placing::Unfinished => {}
                end => break end == Placing::Placed,
            }
        }
}

fn filled(source: &mut Source, count: Slot) -> Arena {
    let mut arena = Arena::new(64);
    for slot in 0..count {
        arena.insert(slot, &encode(source.draw(), Kept::Whole(Precision::F32), arena.projections()));
    }
    arena
}

/// What a walk finds, whether or not it would be the cheapest way.
fn walked(arena: &Arena, probe: &Probe, allowed: &SlotSet) -> Option<VectorHits> {
    let ties = |slot| u128::from(slot);
    let wanted =
        Wanted { limit: 4 * LIMIT, sure: LIMIT, allowed, exact: false, recall: DEFAULT_RECALL, ties: &ties };
    arena.read_graph(&arena.figures(&wanted), probe, &wanted)
}

/// Hits of walks and of exact searches in common, of so many questions, and how many walks gave up.
fn found(arena: &Arena, source: &mut Source, allowed: &SlotSet, questions: usize) -> (usize, usize) {
    let (mut found, mut given_up) = (0, 0);
    for _ in 0..questions {
        let probe = arena.probe(&source.draw(), &[]);
        let Some(VectorHits { hits, .. }) = walked(arena, &probe, allowed) else {
            given_up += 1;
            continue;
        };
        assert!(hits.iter().all(|hit| allowed.contains(hit.slot)));
        assert!(hits.iter().all(|hit| arena.score(&probe, hit.slot) == Some(hit.score)));
        found += common(&hits, &by_hand(arena, &probe, allowed));
    }
    (found, given_up)
}

/// The graph is a function of the job, whatever machine builds it: the same number is expected of WebAssembly in
/// `js/test/graph.test.ts`.
#[test]
fn the_same_job_gives_the_same_graph_everywhere() {
    let mut job: Vec<u8> = [1u32, 16, 2_000].iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut state = 1u32;
    for _ in 0..16 * 2_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        job.push((state >> 24) as u8);
    }
    let graph = build_graph(&job, &|| {}).expect("it is such a job");
    assert_eq!(crc32fast::hash(&graph), 3_267_823_736, "{} bytes", graph.len());
    assert_eq!(build_graph(&job, &|| {}), Ok(graph));
}

#[test]
fn what_is_no_job_is_refused() {
    let job = |words: [u32; 3], rows: usize| {
        let head = words.iter().flat_map(|word| word.to_le_bytes());
        head.chain(std::iter::repeat_n(1, rows)).collect::<Vec<u8>>()
    };
    assert!(build_graph(&job([1, 8, 2], 16), &|| {}).is_ok());
    for bad in [
        Vec::new(),
        vec![1; 11],
        job([2, 8, 2], 16),
        job([1, 8, 2], 15),
        job([1, 8, 3], 16),
        job([1, 0, 2], 0),
        job([1, 8, 0], 0),
        job([1, 4, 4], 16),
        job([1, u32::MAX - 7, u32::MAX], 16),
    ] {
        let error = build_graph(&bad, &|| {}).expect_err("it is none");
        assert!(error.to_string().starts_with("job "), "{error}");
    }
}

#[test]
fn a_graph_finds_the_nearest_before_and_after_changes() {
    let mut source = Source::new(3, 64, 60);
    let mut arena = filled(&mut source, 6_000);
    let job = job(&mut arena, 1);
    let graph = build_graph(&job, &|| {}).expect("it is such a job");
    // What happens meanwhile: removals, changes and arrivals.
    let mut held: BTreeSet<Slot> = (0..6_250).collect();
    for n in 0..150 {
        let (gone, changed) = (n * 14, n * 14 + 3_001);
        arena.remove(gone);
        held.remove(&gone);
        arena.insert(changed, &encode(source.draw(), Kept::Whole(Precision::F32), arena.projections()));
        arena.insert(6_000 + n, &encode(source.draw(), Kept::Whole(Precision::Int8), arena.projections()));
    }
    for slot in 6_150..6_250 {
        arena.insert(slot, &encode(source.draw(), Kept::Whole(Precision::Binary), arena.projections()));
    }
    assert!(place(&mut arena, 1, &graph));
    assert_eq!(arena.coverage(), Some(Coverage { nodes: 6_000, alive: 5_700, beside: 400, twins: 0 }));
    for round in 0..3 {
        let all: SlotSet = held.iter().copied().collect();
        let (hits, given_up) = found(&arena, &mut source, &all, 60);
        assert!(hits >= 60 * LIMIT * 97 / 100 && given_up == 0, "round {round}: {hits}");
        let third: SlotSet = held.iter().copied().filter(|slot| slot % 3 == 0).collect();
        let (hits, given_up) = found(&arena, &mut source, &third, 30);
        assert!(hits >= 30 * LIMIT * 96 / 100 && given_up == 0, "round {round}, a third: {hits}");
        // However few are in question, and whatever way that takes, none of them is lost.
        for one_in in [20, 500, 5_000] {
            let few: SlotSet = held.iter().copied().filter(|slot| slot % one_in == 1).collect();
            let probe = arena.probe(&source.draw(), &[]);
            assert_eq!(ask(&arena, &probe, &few, false).0, by_hand(&arena, &probe, &few));
            if let Some(found) = walked(&arena, &probe, &few) {
                assert_eq!(found.hits.len(), few.len().min(4 * LIMIT));
            }
        }
        // What comes is found at once; what goes is gone at once; what is kept coarser stays where it is.
        let (new, gone) = (20_000 + round, *held.range(5_001..).find(|slot| **slot % 14 != 5).unwrap());
        let vector = source.draw();
        let before = arena.coverage().unwrap();
        arena.insert(new, &encode(vector.clone(), Kept::Whole(Precision::F32), arena.projections()));
        arena.remove(gone);
        held.insert(new);
        held.remove(&gone);
        arena.coarsen(*held.range(5_900..).next().unwrap(), Kept::Whole(Precision::Int8));
        assert_eq!(
            arena.coverage(),
            Some(Coverage { alive: before.alive - 1, beside: before.beside + 1, ..before })
        );
        let all: SlotSet = held.iter().copied().collect();
        let hits = walked(&arena, &arena.probe(&vector, &[]), &all).unwrap().hits;
        assert_eq!(hits[0].slot, new);
    }
}

/// Nine in ten gone: a walk leads through them.
#[test]
fn a_stale_graph_leads_on() {
    let mut source = Source::new(4, 64, 60);
    let mut arena = filled(&mut source, 5_000);
    let graph = build_graph(&job(&mut arena, 1), &|| {}).expect("it is such a job");
    assert!(place(&mut arena, 1, &graph));
    (0..5_000).filter(|slot| slot % 10 > 0).for_each(|slot| arena.remove(slot));
    let all: SlotSet = (0..5_000).step_by(10).collect();
    let (hits, given_up) = found(&arena, &mut source, &all, 40);
    assert!(hits >= (40 - given_up) * LIMIT * 95 / 100 && given_up < 10, "{hits}, {given_up} given up");
}

/// One of many equal vectors stands in the graph, so that they do not keep a walk among themselves.
#[test]
fn equal_vectors_hide_nothing() {
    let mut source = Source::new(5, 64, 10);
    let mut random = fastrand::Rng::with_seed(5);
    let same = unit(&mut random, 64);
    let mut arena = Arena::new(64);
    for slot in 0..3_000 {
        let vector = if slot % 2 == 0 { same.clone() } else { source.draw() };
        arena.insert(slot, &encode(vector, Kept::Whole(Precision::F32), arena.projections()));
        arena.settle(3);
    }
    let graph = build_graph(&job(&mut arena, 1), &|| {}).expect("it is such a job");
    assert!(place(&mut arena, 1, &graph));
    let coverage = Coverage { nodes: 3_000, alive: 1_501, beside: 1_499, twins: 1_499 };
    assert_eq!(arena.coverage(), Some(coverage));
    let all: SlotSet = (0..3_000).collect();
    let hits = walked(&arena, &arena.probe(&same, &[]), &all).expect("there are enough").hits;
    assert!(hits.iter().all(|hit| hit.score > 0.999) && hits.len() == 4 * LIMIT);
    let (hits, given_up) = found(&arena, &mut source, &all, 40);
    assert!(hits >= 40 * LIMIT * 97 / 100 && given_up == 0, "{hits}, {given_up} given up");
}

/// Bytes that were damaged on their way: refused, or a graph that finds less, but never a panic or a slot that is not there.
#[test]
fn damaged_graphs_do_no_harm() {
    let mut source = Source::new(6, 64, 20);
    let mut arena = filled(&mut source, 1_500);
    let whole = build_graph(&job(&mut arena, 1), &|| {}).expect("it is such a job");
    let all: SlotSet = (0..1_500).collect();
    let mut random = fastrand::Rng::with_seed(7);
    let mut refused = 0;
    for number in 2..80 {
        let mut bytes = whole.clone();
        let at = if number % 2 == 0 { random.usize(..bytes.len()) } else { random.usize(..64) };
        bytes[at] ^= 1 << random.u8(..8);
        arena.begin_graph(number);
        if !place(&mut arena, number, &bytes) {
            refused += 1;
            continue;
        }
        let probe = arena.probe(&source.draw(), &[]);
        if let Some(found) = walked(&arena, &probe, &all) {
            assert_eq!(found.hits.len(), 4 * LIMIT);
        }
    }
    assert!(refused >= 20, "{refused}");
    arena.begin_graph(90);
    assert!(!place(&mut arena, 90, &whole[..whole.len() - 4]), "cut short");
    assert!(arena.coverage().is_some(), "the one before stays");
    assert!(!arena.take_graph(90, &whole, whole.len()) && arena.graph_page(90, PAGE).is_none(), "it is over");
    arena.begin_graph(91);
    arena.begin_graph(92);
    assert!(!arena.take_graph(91, &whole, whole.len()), "another one was begun");
    assert!(place(&mut arena, 92, &whole));
}
