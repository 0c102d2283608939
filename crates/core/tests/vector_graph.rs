//! The graph over vectors through the life of a memory: jobs, storage, damage, and what changes in between.

mod support;

use stratamem_core::{
    Config, EmbeddingSpace, Engine, GraphFigures, GraphUse, Hit, Metric, Operation, Placing, Precision,
    Query, RecordId, ResultCache, Scope, TotalConfig, Weights, build_graph,
};
use support::{Host, START, text, verbatim};

const DIMENSIONS: usize = 32;
const RECORDS: usize = 1_500;

fn space() -> EmbeddingSpace {
    EmbeddingSpace { model: "graph".into(), dimensions: DIMENSIONS as u32 }
}

fn config(graph: GraphUse) -> Config {
    Config { graph, consolidation: verbatim(), ..Config::default() }
}

/// Another host of what is stored.
fn reopened(host: &Host, graph: GraphUse) -> Host {
    Host::over(config(graph), host.objects.clone(), 9).0
}

fn forget(host: &mut Host, id: RecordId) {
    let forget = Operation::Forget { id, vector: None, if_version: None };
    host.engine.commit(&Scope::default(), None, vec![forget], START).expect("it is there");
    host.persist();
}

fn vector(random: &mut fastrand::Rng) -> Vec<f32> {
    (0..DIMENSIONS).map(|_| random.f32() - 0.5).collect()
}

fn add(host: &mut Host, random: &mut fastrand::Rng, count: usize) -> Vec<RecordId> {
    let record = |number| text(format!("record {number}"));
    let add = |number| Operation::Add { record: Box::new(record(number)), vector: Some(vector(random)) };
    let operations = (0..count).map(add).collect();
    let outcome = host.engine.commit(&Scope::default(), Some(&space()), operations, START);
    host.persist();
    outcome.expect("they are good").ids
}

fn build(host: &mut Host) -> bool {
    let job = host.engine.begin_graph().expect("it takes writes").expect("there are enough vectors");
    let mut bytes = Vec::new();
    while let Some(page) = host.engine.graph_page(job.number, 5_000).filter(|page| !page.is_empty()) {
        bytes.extend(page);
    }
    assert_eq!(bytes.len(), job.bytes);
    let graph = build_graph(&bytes, &|| {}).expect("it is such a job");
    graph.chunks(9_999).all(|part| host.engine.take_graph(job.number, part, graph.len()))
        && placed(host, job.number)
}

/// Puts the graph of a job in place, in as many steps as it takes. Answers whether it could.
fn placed(host: &mut Host, job: u64) -> bool {
    loop {
        match host.engine.place_graph(job) {
            Placing::Unfinished => {}
            end => return end == Placing::Placed,
        }
    }
}

fn figures(host: &Host) -> Option<GraphFigures> {
    host.engine.stats(&Scope::default(), START).engine.expect("the view sees everything").graph
}

fn ask(host: &mut Host, vector: &[f32], exact: bool) -> Vec<Hit> {
    let query =
        Query { vector: Some(vector.to_vec()), limit: 10, exact, weights: Weights::NONE, ..Query::default() };
    host.engine.recall(&Scope::default(), Some(&space()), query, START, false).expect("the question is good")
}

fn keys(host: &Host) -> Vec<String> {
    host.objects.keys().filter(|key| key.starts_with("graph-")).cloned().collect()
}

#[test]
fn a_graph_is_due_placed_stored_and_taken_up_again() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut host = Host::new(config(GraphUse::Always));
    add(&mut host, &mut random, 900);
    assert!(!host.engine.graph_due());
    assert_eq!(host.engine.begin_graph(), Ok(None), "too few");
    let ids = add(&mut host, &mut random, RECORDS - 900);
    assert!(host.engine.graph_due());
    assert!(build(&mut host) && !host.engine.graph_due());
    let whole = GraphFigures { built: RECORDS, current: RECORDS, beside: 0 };
    assert_eq!((figures(&host), keys(&host).len()), (Some(whole), 0));
    host.maintain(START, true);
    assert_eq!(keys(&host).len(), 1);
    let stored = host.objects[&keys(&host)[0]].clone();
    host.maintain(START, false);
    assert_eq!(host.objects[&keys(&host)[0]], stored, "it is written once");

    // What changes after it was stored is not taken from it.
    forget(&mut host, ids[0]);
    add(&mut host, &mut random, 3);
    let mut again = reopened(&host, GraphUse::Auto);
    let changed = GraphFigures { built: RECORDS, current: RECORDS - 1, beside: 3 };
    assert_eq!(figures(&again), Some(changed));
    for _ in 0..20 {
        let question = vector(&mut random);
        let exact = ask(&mut again, &question, true);
        assert!(exact.iter().all(|hit| hit.record.id != ids[0]));
        assert_eq!(ask(&mut again, &question, false).len(), exact.len());
    }
    assert_eq!(figures(&reopened(&again, GraphUse::Never)), None);

    // Enough that is new: another one is due, and takes the place of the first in storage.
    again.persist();
    let mut again = reopened(&again, GraphUse::Always);
    assert!(!again.engine.graph_due());
    add(&mut again, &mut random, RECORDS / 10);
    assert!(again.engine.graph_due() && build(&mut again));
    let before = keys(&again);
    again.maintain(START, true);
    assert_eq!(keys(&again).len(), 1);
    assert_ne!(keys(&again), before);
}

#[test]
fn damaged_or_missing_graphs_are_passed_over() {
    let mut random = fastrand::Rng::with_seed(2);
    let mut host = Host::new(config(GraphUse::Auto));
    add(&mut host, &mut random, RECORDS);
    assert!(build(&mut host));
    host.maintain(START, true);
    let key = keys(&host).remove(0);
    let whole = host.objects[&key].clone();
    for _ in 0..40 {
        let mut bytes = whole.clone();
        match random.u8(..3) {
            0 => bytes.truncate(random.usize(..bytes.len())),
            1 => bytes.push(0),
            _ => {
                let at = random.usize(..bytes.len());
                bytes[at] ^= 1 << random.u8(..8);
            }
        }
        host.objects.insert(key.clone(), bytes);
        let damaged = reopened(&host, GraphUse::Auto);
        assert_eq!((figures(&damaged), damaged.engine.len()), (None, RECORDS));
    }
    host.objects.remove(&key);
    assert_eq!(figures(&reopened(&host, GraphUse::Auto)), None);
    host.objects.insert(key, whole);
    assert!(figures(&reopened(&host, GraphUse::Auto)).is_some());
}

#[test]
fn a_graph_of_another_model_or_job_is_thrown_away() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut host = Host::new(config(GraphUse::Auto));
    add(&mut host, &mut random, RECORDS);
    let first = host.engine.begin_graph().expect("it takes writes").expect("there are enough vectors");
    let second = host.engine.begin_graph().expect("it takes writes").expect("there are enough vectors");
    assert!(host.engine.graph_page(first.number, 100).is_none() && !placed(&mut host, first.number));
    assert!(host.engine.graph_page(second.number, 100).is_some());
    host.engine.drop_graph_job(second.number);
    assert!(host.engine.graph_page(second.number, 100).is_none());
    let third = host.engine.begin_graph().expect("it takes writes").expect("there are enough vectors");
    let other = EmbeddingSpace { model: "other".into(), dimensions: 8 };
    host.engine.change_space(other, START).expect("it takes writes");
    assert!(host.engine.graph_page(third.number, 100).is_none());
    assert!(!host.engine.take_graph(third.number, &[0; 8], 8) && !placed(&mut host, third.number));
    assert_eq!(figures(&host), None);
}

#[test]
fn compaction_leaves_nothing_of_what_was_forgotten_in_a_graph() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut host = Host::new(config(GraphUse::Auto));
    let ids = add(&mut host, &mut random, RECORDS);
    assert!(build(&mut host));
    host.maintain(START, true);
    let holds = |host: &Host| {
        let bytes = &host.objects[&keys(host)[0]];
        bytes.windows(16).any(|window| window == ids[7].0.to_le_bytes())
    };
    assert!(holds(&host));
    forget(&mut host, ids[7]);
    host.maintain(START, true);
    assert_eq!(keys(&host).len(), 1);
    assert!(!holds(&host));
}

/// Links are made by directions alone.
#[test]
fn where_lengths_count_there_is_no_graph() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut host = Host::new(Config { metric: Some(Metric::Dot), ..config(GraphUse::Always) });
    add(&mut host, &mut random, RECORDS);
    assert!(!host.engine.graph_due());
    assert_eq!(host.engine.begin_graph(), Ok(None));
}

/// A graph takes no room of records: where there is none beside them it is not built, and given up when they need it.
#[test]
fn a_graph_gives_way_to_records() {
    let mut random = fastrand::Rng::with_seed(6);
    let mut unlimited = Host::new(config(GraphUse::Always));
    add(&mut unlimited, &mut random, RECORDS);
    let tiers =
        unlimited.engine.stats(&Scope::default(), START).engine.expect("the view sees everything").tiers;
    let held = tiers.working.bytes + tiers.intermediate.bytes + tiers.long_term.bytes;
    let limited = |max_bytes: u64| {
        let total = TotalConfig { max_bytes: Some(max_bytes), ..TotalConfig::default() };
        Config { total, ..config(GraphUse::Always) }
    };
    let mut full = Host::new(limited(held + 10_000));
    add(&mut full, &mut random, RECORDS);
    assert!(!full.engine.graph_due());
    assert_eq!(full.engine.begin_graph(), Ok(None));
    let mut roomy = Host::new(limited(held + 300_000));
    add(&mut roomy, &mut random, RECORDS);
    assert!(roomy.engine.graph_due() && build(&mut roomy));
    roomy.maintain(START, true);
    assert!(figures(&roomy).is_some() && keys(&roomy).len() == 1);
    let each = held / RECORDS as u64;
    add(&mut roomy, &mut random, (250_000 / each) as usize);
    assert_eq!(figures(&roomy), None, "given up");
    assert_eq!(roomy.engine.len(), RECORDS + (250_000 / each) as usize, "and nobody left");
    assert!(!roomy.engine.graph_due());
}

/// Placing a graph is a change of what is found, for answers that are kept.
#[test]
fn a_graph_that_is_placed_ends_kept_answers() {
    let mut random = fastrand::Rng::with_seed(7);
    let result_cache = Some(ResultCache { entries: 4, ..ResultCache::default() });
    let mut host = Host::new(Config { result_cache, ..config(GraphUse::Auto) });
    add(&mut host, &mut random, RECORDS);
    host.maintain(START, true);
    let question = vector(&mut random);
    ask(&mut host, &question, false);
    ask(&mut host, &question, false);
    assert!(build(&mut host));
    ask(&mut host, &question, false);
    let figures = host.engine.stats(&Scope::default(), START).engine.expect("the view sees everything");
    let figures = figures.result_cache.expect("answers are kept");
    assert_eq!((figures.hits, figures.misses), (1, 2));
}

/// Between the pages of a graph on its way to storage there may be other calls, crashes and other graphs.
#[test]
fn a_graph_that_is_not_whole_leaves_the_one_before() {
    let mut random = fastrand::Rng::with_seed(8);
    let mut host = Host::new(config(GraphUse::Always));
    let ids = add(&mut host, &mut random, 12_000);
    assert!(build(&mut host));
    host.maintain(START, true);
    let first = keys(&host);
    // Another one, of which only the first page arrives.
    add(&mut host, &mut random, 700);
    assert!(build(&mut host));
    while host.engine.maintain(START, false).expect("nothing has failed").more && keys(&host).len() < 2 {
        host.persist();
    }
    assert_eq!(keys(&host).len(), 2, "the one before is there until the next is whole");
    let mut crashed = reopened(&host, GraphUse::Auto);
    let figures_before = figures(&crashed).expect("the one before is taken up");
    assert_eq!(figures_before.built, 12_000);
    forget(&mut crashed, ids[0]);
    assert_eq!(keys(&crashed), first, "what was never finished is removed");
    // Compaction between the pages: what was forgotten is in neither of the two.
    forget(&mut host, ids[1]);
    host.maintain(START, true);
    assert_eq!(keys(&host).len(), 1);
    assert_ne!(keys(&host), first);
    let again = reopened(&host, GraphUse::Auto);
    assert_eq!(figures(&again), Some(GraphFigures { built: 12_700, current: 12_699, beside: 0 }));
    // Changes between the pages, and no compaction.
    add(&mut host, &mut random, 700);
    assert!(build(&mut host));
    while host.engine.maintain(START, false).expect("nothing has failed").more && keys(&host).len() < 2 {
        host.persist();
    }
    forget(&mut host, ids[2]);
    host.maintain(START, false);
    assert_eq!(keys(&host).len(), 1);
    // Those of the log are looked at beside it.
    let again = reopened(&host, GraphUse::Auto);
    assert_eq!(figures(&again), Some(GraphFigures { built: 13_399, current: 12_698, beside: 700 }));
}

/// A node whose record is gone is not one of those that never had any, also after the graph was stored.
#[test]
fn what_is_gone_counts_as_gone_after_opening() {
    let mut random = fastrand::Rng::with_seed(9);
    let mut host = Host::new(config(GraphUse::Always));
    let ids = add(&mut host, &mut random, RECORDS);
    assert!(build(&mut host));
    ids[..200].iter().for_each(|id| forget(&mut host, *id));
    // Stored after they had gone.
    host.maintain(START, false);
    while host.engine.maintain(START, true).expect("nothing has failed").more {
        host.persist();
    }
    host.persist();
    assert_eq!(keys(&host).len(), 1);
    assert!(host.engine.graph_due(), "more than a sixteenth has gone");
    assert!(reopened(&host, GraphUse::Always).engine.graph_due(), "and it has after opening");
}

/// What a memory is expected to take holds the graph that it will have.
#[test]
fn a_graph_is_estimated_where_one_is_built() {
    let each = |records: u64| {
        let estimate = Engine::estimate(records, 256, Precision::F32, 100);
        (estimate.memory / records, estimate.storage / records)
    };
    let (without, with) = (each(590_000), each(610_000));
    assert!((60..90).contains(&(with.0 - without.0)), "{with:?} {without:?}");
    assert!((70..100).contains(&(with.1 - without.1)), "{with:?} {without:?}");
}
