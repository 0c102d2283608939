//! What codes and lists find and cost on vectors from outside: the figures of `docs/VECTOR-INDEX.md`. Not run with the
//! other tests: it needs a file of vectors, which `npm run bench:vector -- --save DIR` writes.
//!
//! ```text
//! VECTORS=DIR/static-256-256.f32 DIMENSIONS=256 cargo test -p stratamem-core --lib study -- --ignored --nocapture
//! ```

use crate::index::SlotSet;
use crate::index::vector::code::{encode, unit_scale};
use crate::index::vector::graph_tests::place;
use crate::index::vector::lists::{Lists, Near};
use crate::index::vector::order::Descending;
use crate::index::vector::plan::{Figures, REACH};
use crate::index::vector::rotate::rotate;
use crate::index::vector::signs::{Signer, reach};
use crate::index::vector::{
    Arena, DEFAULT_RECALL, Probe, VectorHit, VectorIndex, Wanted, Way, build_graph, dot, quantise,
};
use crate::model::{Code, Kept, Precision};

const QUESTIONS: usize = 200;
const NEAREST: usize = 10;

/// Vectors and questions about them.
struct Sample {
    dimensions: usize,
    rows: Vec<Vec<f32>>,
    questions: Vec<Vec<f32>>,
    /// The nearest rows of each question.
    nearest: Vec<Vec<usize>>,
}

fn sample() -> Sample {
    let path = std::env::var("VECTORS").expect("VECTORS names a file of floats");
    let dimensions: usize =
        std::env::var("DIMENSIONS").ok().and_then(|text| text.parse().ok()).expect("DIMENSIONS is a number");
    let bytes = std::fs::read(path).expect("the file can be read");
    let mut rows: Vec<Vec<f32>> = bytes
        .chunks_exact(4 * dimensions)
        .map(|row| row.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        .collect();
    let questions = rows.split_off(rows.len() - QUESTIONS);
    let nearest =
        questions.iter().map(|question| best(rows.len(), |row| dot(question, &rows[row]))).collect();
    Sample { dimensions, rows, questions, nearest }
}

/// The rows of the highest scores.
fn best(count: usize, score: impl Fn(usize) -> f32) -> Vec<usize> {
    order(count, score).into_iter().take(NEAREST).collect()
}

fn order(count: usize, score: impl Fn(usize) -> f32) -> Vec<usize> {
    let scores: Vec<f32> = (0..count).map(score).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_unstable_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order
}

fn differing(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// The share of the nearest among the first so many by each estimate of the cosine.
#[test]
#[ignore = "needs a file of vectors"]
fn estimates() {
    let Sample { dimensions, rows, questions, nearest } = sample();
    const CUTS: [usize; 6] = [50, 100, 200, 400, 800, 1_600];
    let rotated = |vector: &[f32]| {
        let mut vector = vector.to_vec();
        rotate(&mut vector);
        vector
    };
    let once = |vector: &[f32]| {
        let bits = rotated(vector).into_iter().zip(0..);
        let mut code = vec![0u64; dimensions.div_ceil(64)];
        bits.for_each(|(component, bit): (f32, usize)| {
            code[bit / 64] |= u64::from(component >= 0.0) << (bit % 64)
        });
        code
    };
    let signer = Signer::new(dimensions);
    let turned: Vec<Vec<u64>> = rows.iter().map(|row| signer.sign(row)).collect();
    let single: Vec<Vec<u64>> = rows.iter().map(|row| once(row)).collect();
    // How well the signs of a row stand for it: what RaBitQ divides by.
    let fit: Vec<f32> = rows.iter().map(|row| rotated(row).iter().map(|c| c.abs()).sum()).collect();
    let names =
        ["bits, one turn", "bits, all turns", "floats by signs", "floats by signs, each row's own factor"];
    let mut found = [[0usize; CUTS.len()]; 4];
    for (question, nearest) in questions.iter().zip(&nearest) {
        let (one, all, floats) = (once(question), signer.sign(question), rotated(question));
        let by_signs = |row: usize| -> f32 {
            let sign = |at: usize| if single[row][at / 64] >> (at % 64) & 1 == 1 { 1.0 } else { -1.0 };
            floats.iter().enumerate().map(|(at, component)| component * sign(at)).sum()
        };
        let orders = [
            order(rows.len(), |row| -(differing(&one, &single[row]) as f32)),
            order(rows.len(), |row| -(differing(&all, &turned[row]) as f32)),
            order(rows.len(), by_signs),
            order(rows.len(), |row| by_signs(row) / fit[row]),
        ];
        for (found, order) in found.iter_mut().zip(&orders) {
            for (found, cut) in found.iter_mut().zip(CUTS) {
                *found += nearest.iter().filter(|row| order[..cut.min(order.len())].contains(row)).count();
            }
        }
    }
    println!(
        "{} vectors, {dimensions} dimensions; the nearest {NEAREST} among the first {CUTS:?}",
        rows.len()
    );
    for (name, found) in names.iter().zip(found) {
        let shares = found.map(|found| format!("{:.4}", found as f64 / (QUESTIONS * NEAREST) as f64));
        println!("{name:<40} {}", shares.join("  "));
    }
}

/// What the bounds on bits and on distances find, how many codes pass the first, and how many rows are scored.
#[test]
#[ignore = "needs a file of vectors"]
fn bounds() {
    let Sample { dimensions, rows, questions, nearest } = sample();
    let signer = Signer::new(dimensions);
    let codes: Vec<Vec<u64>> = rows.iter().map(|row| signer.sign(row)).collect();
    for deviations in [0.5, 1.0, 1.3, 1.7, 2.0, 2.3, 2.5, 3.0] {
        let (mut found, mut passed, mut scored) = (0, 0, 0);
        for (question, nearest) in questions.iter().zip(&nearest) {
            let sight = signer.sight(question);
            let bits: Vec<u32> = codes.iter().map(|code| differing(sight.code(), code)).collect();
            let distance = |row: usize| sight.distance(&codes[row], bits[row] as u16);
            let mut leaders: Vec<f32> = Vec::new();
            for row in order(rows.len(), |row| -f32::from(distance(row))) {
                if let Some(last) = leaders.get(NEAREST - 1) {
                    if distance(row) > sight.reach(*last, deviations) {
                        break;
                    }
                    if bits[row] > u32::from(reach(*last, signer.bits(), deviations)) {
                        continue;
                    }
                }
                scored += 1;
                found += usize::from(nearest.contains(&row));
                let score = dot(question, &rows[row]);
                leaders.insert(leaders.partition_point(|other| *other >= score), score);
                leaders.truncate(NEAREST);
            }
            let bound = u32::from(reach(leaders[NEAREST - 1], signer.bits(), deviations));
            passed += bits.iter().filter(|bits| **bits <= bound).count();
        }
        let recall = found as f64 / (QUESTIONS * NEAREST) as f64;
        let [passed, scored] = [passed, scored].map(|count| count / QUESTIONS);
        println!("{deviations} deviations: {recall:.4}, {passed} codes passed, {scored} rows scored");
    }
}

/// What is found in the nearest lists, by the share of the codes that is read.
#[test]
#[ignore = "needs a file of vectors"]
fn shares() {
    let Sample { dimensions, rows, questions, nearest } = sample();
    let signer = Signer::new(dimensions);
    let width = dimensions.next_multiple_of(8);
    let steps = |row: &[f32]| {
        let mut steps = quantise(row);
        steps.resize(width, 0);
        steps
    };
    let mut lists = Lists::new(signer, width);
    for (slot, row) in (0..).zip(&rows) {
        lists.insert(slot, &signer.sign(row));
        lists.settle(2, &|slot, _| steps(&rows[slot as usize]));
    }
    let listed = rows.len() - lists.waiting();
    println!("{} vectors, {} lists", rows.len(), lists.centred());
    for share in [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6] {
        let mut found = 0;
        for (question, nearest) in questions.iter().zip(&nearest) {
            let query: Vec<i16> = steps(question).into_iter().map(i16::from).collect();
            let mut order = Vec::new();
            lists.each_near(&[], (&query, 1.0), usize::MAX, |near| order.push(near));
            order.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
            let mut read: Vec<u32> = lists.slots(0).to_vec();
            let most = lists.waiting() + (listed as f64 * share) as usize;
            for near in order {
                if read.len() < most {
                    read.extend(lists.slots(near.list));
                }
            }
            found += nearest.iter().filter(|row| read.contains(&(**row as u32))).count();
        }
        println!("{share}: {:.4}", found as f64 / (QUESTIONS * NEAREST) as f64);
    }
    // In place of a share: all lists whose centre lies less than so much below the last of the nearest.
    for margin in [0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4] {
        let (mut found, mut read) = (0, 0);
        for (question, nearest) in questions.iter().zip(&nearest) {
            let steps = steps(question);
            let query: Vec<i16> = steps.iter().map(|step| i16::from(*step)).collect();
            let last = dot(question, &rows[nearest[NEAREST - 1]]);
            let mut near: Vec<usize> = vec![0];
            lists.each_near(&[], (&query, unit_scale(&steps)), usize::MAX, |Near { list, cosine }| {
                if cosine > last - margin {
                    near.push(list);
                }
            });
            read += near.iter().map(|list| lists.slots(*list).len()).sum::<usize>();
            let holds = |row: &&usize| near.iter().any(|list| lists.slots(*list).contains(&(**row as u32)));
            found += nearest.iter().filter(holds).count();
        }
        let recall = found as f64 / (QUESTIONS * NEAREST) as f64;
        println!("within {margin}: {recall:.4} in {} codes", read / QUESTIONS);
    }
}

/// An index of these rows, as it grows out of one insert after the other.
fn filled(dimensions: usize, rows: &[Vec<f32>]) -> Arena {
    let mut arena = Arena::new(dimensions);
    for (slot, row) in (0..).zip(rows) {
        arena.insert(slot, &encode(row.clone(), Kept::Whole(Precision::F32), arena.projections()));
        arena.settle(3);
    }
    arena
}

/// What is found if each code stands in a second list too: in the one whose centre is nearest but one, or in that which
/// is nearest when what lies along the way to the first centre counts double (SOAR: Sun et al., NeurIPS 2023).
#[test]
#[ignore = "needs a file of vectors"]
fn spill() {
    let Sample { dimensions, rows, questions, nearest } = sample();
    let arena = filled(dimensions, &rows);
    let lists = &arena.lists;
    let unit = |steps: &[i8]| -> Vec<f32> {
        let scale = unit_scale(steps);
        steps.iter().map(|step| f32::from(*step) * scale).collect()
    };
    let centres: Vec<Vec<f32>> = lists.kept(0..lists.centred() + 1).map(|list| unit(list.centre)).collect();
    let lists_by_cosine = |steps: &[i8]| {
        let query: Vec<i16> = steps.iter().map(|step| i16::from(*step)).collect();
        let mut order = Vec::new();
        lists.each_near(&[], (&query, unit_scale(steps)), usize::MAX, |near| order.push(near));
        order.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        order
    };
    let first: Vec<Vec<u32>> = (0..=lists.centred()).map(|list| lists.slots(list).to_vec()).collect();
    let (mut plain, mut soar) = (first.clone(), first.clone());
    for own in 1..first.len() {
        for slot in &first[own] {
            let steps = arena.steps(*slot);
            let (vector, order) = (unit(&steps), lists_by_cosine(&steps));
            let others = || order.iter().filter(|near| near.list != own);
            let cosine = dot(&vector, &centres[own]);
            let away: Vec<f32> = vector.iter().zip(&centres[own]).map(|(v, c)| v - cosine * c).collect();
            let length = dot(&away, &away).sqrt().max(1e-6);
            let loss = |near: &Near| {
                let along = (dot(&vector, &away) - near.cosine * dot(&centres[near.list], &away)) / length;
                1.0 - near.cosine * near.cosine + along * along
            };
            if let Some(near) = others().next() {
                plain[near.list].push(*slot);
            }
            if let Some(near) = others().take(30).min_by(|a, b| loss(a).total_cmp(&loss(b))) {
                soar[near.list].push(*slot);
            }
        }
    }
    for (name, members) in [("once", &first), ("twice, plainly", &plain), ("twice, by SOAR", &soar)] {
        for most in [2_000, 4_000, 6_000, 8_000, 12_000, 16_000, 20_000, 30_000] {
            let mut found = 0;
            for (question, nearest) in questions.iter().zip(&nearest) {
                let mut steps = quantise(question);
                steps.resize(dimensions.next_multiple_of(8), 0);
                let mut read = members[0].clone();
                for near in lists_by_cosine(&steps) {
                    if read.len() < most + members[0].len() {
                        read.extend(&members[near.list]);
                    }
                }
                found += nearest.iter().filter(|row| read.contains(&(**row as u32))).count();
            }
            println!("{name}, {most} codes: {:.4}", found as f64 / (QUESTIONS * NEAREST) as f64);
        }
    }
}

/// The index as it is: what it finds.
#[test]
#[ignore = "needs a file of vectors"]
fn whole() {
    let Sample { dimensions, rows, questions, nearest } = sample();
    let arena = filled(dimensions, &rows);
    let allowed: SlotSet = (0..rows.len() as u32).collect();
    let ties = |slot| u128::from(slot);
    let mut found = 0;
    let mut way = "none";
    for (question, nearest) in questions.iter().zip(&nearest) {
        let wanted = Wanted {
            limit: 128,
            sure: NEAREST,
            allowed: &allowed,
            exact: false,
            recall: DEFAULT_RECALL,
            ties: &ties,
        };
        let hits = arena.search(&arena.probe(question, &[]), &wanted);
        way = hits.way.name();
        found += hits.hits.iter().take(NEAREST).filter(|hit| nearest.contains(&(hit.slot as usize))).count();
    }
    println!("{} vectors by {way}: {:.4}", rows.len(), found as f64 / (QUESTIONS * NEAREST) as f64);
}

/// How long a search of lists and a walk through a graph take, and what they find, by the recall that is asked for. Build it
/// with `RUSTFLAGS="-C target-cpu=x86-64-v2"`, for the counts of bits that WebAssembly has.
#[test]
#[ignore = "needs a file of vectors"]
#[allow(clippy::disallowed_methods, reason = "it measures time, and no state depends on it")]
fn crossing() {
    let Sample { dimensions, rows, questions, nearest } = sample();
    let mut arena = filled(dimensions, &rows);
    add_graph(&mut arena);
    let allowed: SlotSet = (0..rows.len() as u32).collect();
    let ties = |slot| u128::from(slot);
    for recall in [0.8, 0.9, 0.95, 0.98, 0.99, 0.999] {
        for way in [Way::Lists, Way::Graph] {
            let (mut found, mut times) = (0, vec![f64::INFINITY; QUESTIONS]);
            for round in 0..5 {
                for (at, question) in questions.iter().enumerate() {
                    let wanted = Wanted {
                        limit: 128,
                        sure: NEAREST,
                        allowed: &allowed,
                        exact: false,
                        recall,
                        ties: &ties,
                    };
                    let start = std::time::Instant::now();
                    let probe = arena.probe(question, &[]);
                    let figures = arena.figures(&wanted);
                    let (share, deviations) = (figures.share(), figures.effort.deviations);
                    let hits = match way {
                        Way::Graph => arena.read_graph(&figures, &probe, &wanted).unwrap_or_default(),
                        _ => arena.read_codes(way, share, deviations, &probe, &wanted),
                    };
                    times[at] = times[at].min(start.elapsed().as_secs_f64() * 1e6);
                    let is_near = |hit: &&VectorHit| nearest[at].contains(&(hit.slot as usize));
                    found += usize::from(round == 0) * hits.hits.iter().take(NEAREST).filter(is_near).count();
                }
            }
            times.sort_by(f64::total_cmp);
            let share = found as f64 / (QUESTIONS * NEAREST) as f64;
            println!("{recall} by {}: {share:.4} found in {:.0} us", way.name(), times[QUESTIONS / 2]);
        }
    }
}

fn add_graph(arena: &mut Arena) {
    let bytes = arena.begin_graph(1).expect("there are vectors");
    let mut job = Vec::with_capacity(bytes);
    while let Some(page) = arena.graph_page(1, 1 << 20).filter(|page| !page.is_empty()) {
        job.extend(page);
    }
    let built = build_graph(&job, &|| {}).expect("it is such a job");
    assert!(place(arena, 1, &built));
}

/// What a walk through a graph finds, by how many it keeps.
#[test]
#[ignore = "needs a file of vectors"]
fn walks() {
    let Sample { dimensions, rows, questions, nearest } = sample();
    let mut arena = Arena::new(dimensions);
    for (slot, row) in (0..).zip(&rows) {
        arena.insert(slot, &encode(row.clone(), Kept::Whole(Precision::F32), arena.projections()));
    }
    add_graph(&mut arena);
    let graph = arena.graph.as_ref().expect("it is in place");
    let allowed: SlotSet = (0..rows.len() as u32).collect();
    let ties = |slot| u128::from(slot);
    println!("{} vectors, {} bytes of graph each", rows.len(), graph.bytes() / rows.len());
    for breadth in [60, 100, 140, 180, 240, 320, 480] {
        let (mut found, mut looked, mut error) = (0, 0, 0.0);
        for (question, nearest) in questions.iter().zip(&nearest) {
            let wanted = Wanted {
                limit: breadth,
                sure: NEAREST,
                allowed: &allowed,
                exact: false,
                recall: DEFAULT_RECALL,
                ties: &ties,
            };
            let probe = arena.probe(question, &[]);
            let walked =
                arena.walk(graph, &probe, &wanted, (breadth, usize::MAX)).expect("it does not give up");
            looked += walked.looked;
            let mut hits = walked.found;
            let score = |slot: u32| dot(question, &rows[slot as usize]);
            hits.sort_by(|a, b| score(b.slot).total_cmp(&score(a.slot)));
            found += hits.iter().take(NEAREST).filter(|hit| nearest.contains(&(hit.slot as usize))).count();
            let lowest = rows.iter().map(|row| dot(question, row)).fold(1.0, f32::min);
            error += walked.floor - lowest;
        }
        let recall = found as f64 / (QUESTIONS * NEAREST) as f64;
        let (looked, error) = (looked / QUESTIONS, error / QUESTIONS as f32);
        println!("{breadth} kept: {recall:.4}, {looked} nodes looked at, floor off by {error:+.3}");
    }
}

/// The nearest lists by a graph over their centres, beside what a search does: how many of as many as it reads each finds, and
/// how long that takes.
#[test]
#[ignore = "needs a file of vectors"]
#[allow(clippy::disallowed_methods, reason = "it measures time, and no state depends on it")]
fn centres() {
    let Sample { dimensions, rows, questions, .. } = sample();
    let arena = filled(dimensions, &rows);
    let lists = &arena.lists;
    let mut centres = Arena::new(dimensions);
    for (centre, list) in (0..).zip(lists.kept(1..usize::MAX)) {
        centres.insert(centre, &Code::Int8(list.centre[..dimensions].to_vec()));
    }
    add_graph(&mut centres);
    let graph = centres.graph.as_ref().expect("it is in place");
    let allowed: SlotSet = (0..centres.len() as u32).collect();
    let ties = |slot| u128::from(slot);
    println!("{} vectors, {} lists", rows.len(), centres.len());
    let wanted = |limit| Wanted {
        limit,
        sure: limit,
        allowed: &allowed,
        exact: false,
        recall: DEFAULT_RECALL,
        ties: &ties,
    };
    let print = |what: &str, read: usize, ways: [(&str, usize, Vec<f64>); 2]| {
        for (way, found, mut times) in ways {
            times.sort_by(f64::total_cmp);
            let share = found as f64 / (QUESTIONS * read) as f64;
            println!("{what}, {way}: {share:.4} found in {:.0} us", times[QUESTIONS / 2]);
        }
    };
    let timed = |times: &mut Vec<f64>, job: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        job();
        times.push(start.elapsed().as_secs_f64() * 1e6);
    };
    let walk = |probe: &Probe, read: usize, breadth: usize| {
        let walked = centres.walk(graph, probe, &wanted(read), (breadth, usize::MAX)).expect("it ends");
        let mut found = walked.found;
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.into_iter().take(read).map(|hit| hit.slot).collect::<Vec<u32>>()
    };
    for recall in [0.8, 0.95, DEFAULT_RECALL] {
        let figures = arena.figures(&Wanted { recall, ..wanted(NEAREST) });
        let share = Figures { allowed: arena.len(), ..figures }.share();
        let read = ((share * centres.len() as f32) as usize).max(1);
        let (mut found, mut times) = ([0; 2], [const { Vec::new() }; 2]);
        for question in &questions {
            let probe = arena.probe(question, &[]);
            let near = |most: usize| {
                let mut order = Descending::with_capacity(most.min(centres.len()));
                let query = (&probe.whole.steps[..], probe.whole.scale);
                lists.each_near(&arena.signer.sign(question), query, most, |near| {
                    order.push(near.list as u32 - 1, near.cosine);
                });
                order.take(read).map(|(centre, _)| centre).collect::<Vec<u32>>()
            };
            let all: SlotSet = near(usize::MAX).into_iter().collect();
            let (mut own, mut by_graph) = (Vec::new(), Vec::new());
            timed(&mut times[0], &mut || own = near((share * REACH * centres.len() as f32) as usize));
            timed(&mut times[1], &mut || by_graph = walk(&probe, read, read));
            for (found, centres) in found.iter_mut().zip([own, by_graph]) {
                *found += centres.iter().filter(|centre| all.contains(**centre)).count();
            }
        }
        let [first, second] = times;
        let ways = [("by codes and steps", found[0], first), ("by a graph", found[1], second)];
        print(&format!("{recall}, {read} lists"), read, ways);
    }
    let (mut found, mut times) = ([0; 2], [const { Vec::new() }; 2]);
    for question in &questions {
        let probe = arena.probe(question, &[]);
        let (query, scale) = (&probe.whole.steps[..], probe.whole.scale);
        let mut nearest = (0, f32::NEG_INFINITY);
        lists.each_near(&[], (query, scale), usize::MAX, |near| {
            if near.cosine > nearest.1 {
                nearest = (near.list - 1, near.cosine);
            }
        });
        let (mut own, mut by_graph) = (None, Vec::new());
        timed(&mut times[0], &mut || own = lists.nearest(query, scale));
        timed(&mut times[1], &mut || by_graph = walk(&probe, 1, 16));
        found[0] += usize::from(own.is_some_and(|(centre, _)| centre == nearest.0));
        found[1] += usize::from(by_graph == [nearest.0 as u32]);
    }
    let [first, second] = times;
    print("the nearest list", 1, [("by groups", found[0], first), ("by a graph", found[1], second)]);
}
