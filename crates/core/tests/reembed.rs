//! Changing the model: nothing of the space before is ever compared with, found in storage or brought back.

mod support;

use std::collections::BTreeMap;

use stratamem_core::{
    CommandError, Config, Embedding, EmbeddingSpace, Error, Goal, NewRecord, Operation, Patch, Precision,
    Query, RecordId, Scope, Signal, Tier, TierConfig,
};
use support::{Host, LONG_AGO, START, add, at, contents, space, text, verbatim};

fn endless() -> Config {
    let tier = TierConfig { max_items: None, ttl: None, ..TierConfig::default() };
    Config {
        working: tier.clone(),
        intermediate: tier.clone(),
        long_term: tier,
        consolidation: verbatim(),
        seal_bytes: 4_096,
        ..Config::default()
    }
}

fn named(model: &str, dimensions: u32) -> EmbeddingSpace {
    EmbeddingSpace { model: model.into(), dimensions }
}

fn with_vector(number: usize, vector: &[f32]) -> Operation {
    Operation::Add {
        record: Box::new(text(format!("stone {number} of the wall"))),
        vector: Some(vector.to_vec()),
    }
}

fn everyone() -> Scope {
    Scope::default()
}

fn commit(host: &mut Host, space: &EmbeddingSpace, operations: Vec<Operation>) -> Vec<RecordId> {
    host.engine.commit(&everyone(), Some(space), operations, START).expect("the operations are good").ids
}

fn embedding(id: RecordId, vector: &[f32]) -> Embedding {
    Embedding { id, version: 1, vector: vector.to_vec() }
}

fn vector(host: &Host, id: RecordId) -> Option<Vec<f32>> {
    host.engine.vector(&everyone(), id, LONG_AGO)
}

/// Which records the vectors found and which the words, best first.
fn found(host: &mut Host, space: &EmbeddingSpace, vector: &[f32]) -> (Vec<RecordId>, Vec<RecordId>) {
    let query = Query { text: "wall".into(), vector: Some(vector.to_vec()), limit: 100, ..Query::default() };
    let hits = host.engine.recall(&everyone(), Some(space), query, START, false).expect("a good question");
    let by = |signal: Signal| {
        let has = |hit: &&stratamem_core::Hit| hit.why.signals.iter().any(|share| share.signal == signal);
        hits.iter().filter(has).map(|hit| hit.record.id).collect()
    };
    (by(Signal::Dense), by(Signal::Keyword))
}

fn unembedded(host: &Host, anew: bool) -> Vec<RecordId> {
    host.engine.unembedded(anew, None, usize::MAX, START).into_iter().map(|record| record.id).collect()
}

#[test]
fn vectors_go_with_their_space_and_come_back_one_by_one() {
    let mut host = Host::new(endless());
    let rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    let operations = rows.iter().enumerate().map(|(number, row)| with_vector(number, row)).collect();
    let ids = commit(&mut host, &space(4), operations);
    host.persist();
    assert_eq!((unembedded(&host, false), unembedded(&host, true)), (vec![], ids.clone()));

    // As many components: only the name tells the two apart.
    let new = named("new", 4);
    host.engine.change_space(new.clone(), START).expect("a good space");
    assert_eq!(host.engine.space(), Some(&new));
    assert!(ids.iter().all(|id| vector(&host, *id).is_none()));
    assert_eq!(found(&mut host, &new, &rows[0]), (vec![], ids.clone()));
    assert_eq!(unembedded(&host, false), ids);

    let count = host.engine.embed(&new, vec![embedding(ids[1], &[3.0, 4.0, 0.0, 0.0])], START);
    assert_eq!(count, Ok(1));
    assert_eq!(vector(&host, ids[1]), Some(vec![0.6, 0.8, 0.0, 0.0]));
    assert_eq!(found(&mut host, &new, &rows[0]).0, [ids[1]]);
    assert_eq!(unembedded(&host, false), [ids[0], ids[2]]);
    assert_eq!(host.engine.count_unembedded(false, START), 2);
    assert_eq!(host.engine.count_unembedded(true, START), 3);
    let after: Vec<_> = host.engine.unembedded(false, Some(ids[0]), 1, START);
    assert_eq!(after.iter().map(|record| record.id).collect::<Vec<_>>(), [ids[2]]);

    // The space that it is of changes nothing.
    let ticket = host.engine.ticket();
    host.persist();
    host.engine.change_space(new, START).expect("a good space");
    assert_eq!(host.engine.ticket(), ticket, "nothing is written");
    assert!(vector(&host, ids[1]).is_some());
}

#[test]
fn a_vector_counts_only_for_the_words_it_was_made_of_and_only_where_there_is_none() {
    let mut host = Host::new(endless());
    let ids = host.commit(&everyone(), (0..4).map(|n| add(text(format!("stone {n}")))).collect(), START).ids;
    let expiring = NewRecord { expires_at: Some(at(10)), ..text("until tea") };
    let expiring = host.add(expiring, START);
    let update = Operation::Update {
        id: ids[0],
        patch: Box::new(Patch { text: Some("another stone".into()), ..Patch::default() }),
        vector: None,
        if_version: None,
    };
    let forget = Operation::Forget { id: ids[1], vector: None, if_version: None };
    host.commit(&everyone(), vec![update, forget], START);
    // The first vectors of the memory settle its space.
    assert_eq!(host.engine.space(), None);
    let rows = |ids: &[RecordId]| ids.iter().map(|id| embedding(*id, &[0.0, 1.0])).collect::<Vec<_>>();
    assert_eq!(host.engine.embed(&named("new", 2), rows(&ids[..3]), START), Ok(1));
    assert_eq!(host.engine.space(), Some(&named("new", 2)));
    assert_eq!(host.engine.unembedded(false, None, 9, at(5)).len(), 3);
    assert_eq!(host.engine.embed(&named("new", 2), rows(&[expiring]), at(10)), Ok(0));
    // The words that it has now.
    let now = Embedding { version: 2, ..embedding(ids[0], &[1.0, 0.0]) };
    let again = embedding(ids[2], &[1.0, 0.0]);
    assert_eq!(host.engine.embed(&named("new", 2), vec![now, again], START), Ok(1));
    assert_eq!(vector(&host, ids[0]), Some(vec![1.0, 0.0]));
    assert_eq!(vector(&host, ids[2]), Some(vec![0.0, 1.0]), "the one that it has stays");
    let before = contents(&host.engine);
    host.reopen(START);
    assert_eq!(contents(&host.engine), before);
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let mut host = Host::new(endless());
    let ids = host.commit(&everyone(), (0..2).map(|n| add(text(format!("stone {n}")))).collect(), START).ids;
    host.engine.change_space(named("new", 2), START).expect("a good space");
    let cases: [(&str, &[&[f32]], &str); 4] = [
        ("old", &[&[1.0, 0.0]], "vectors/0"),
        ("new", &[&[1.0, 0.0], &[1.0, 0.0, 0.0]], "vectors/1"),
        ("new", &[&[1.0, 0.0], &[f32::NAN, 0.0]], "vectors/1/0"),
        ("new", &[&[1.0, 0.0], &[0.0, 0.0]], "vectors/1"),
    ];
    for (model, rows, wanted) in cases {
        let rows = ids.iter().zip(rows).map(|(id, row)| embedding(*id, row)).collect();
        let refused = host.engine.embed(&named(model, 2), rows, START);
        let Err(
            CommandError::SpaceMismatch { field: found, .. }
            | CommandError::DimensionMismatch { field: found, .. }
            | CommandError::Invalid { field: found, .. },
        ) = refused
        else {
            panic!("{wanted}: {refused:?}")
        };
        assert_eq!(found, wanted);
        assert_eq!(unembedded(&host, false), ids, "{wanted}: nothing happened");
    }
    for (bad, wanted) in [
        (named("", 2), "space/model"),
        (named("x", 0), "space/dimensions"),
        (named("x", 8_193), "space/dimensions"),
    ] {
        let refused = host.engine.change_space(bad, START);
        assert!(
            matches!(&refused, Err(CommandError::Invalid { field, .. }) if field == wanted),
            "{refused:?}"
        );
    }
    host.engine.fail("the disk is gone");
    let poisoned = |result: Result<(), CommandError>| matches!(result, Err(CommandError::Poisoned { .. }));
    assert!(poisoned(host.engine.change_space(named("newer", 2), START)));
    assert!(poisoned(host.engine.embed(&named("new", 2), Vec::new(), START).map(|_| ())));
    // A vector of the space before is not taken by a commit or a question either.
    let old = Query { text: "stone".into(), vector: Some(vec![1.0, 0.0]), limit: 1, ..Query::default() };
    let asked = host.engine.recall(&everyone(), Some(&named("old", 2)), old, START, false);
    assert!(matches!(asked, Err(Error::Query(_))), "{asked:?}");
}

#[test]
fn a_vector_is_kept_as_exactly_as_its_tier_says_and_training_starts_afresh() {
    let long_term = TierConfig { precision: Precision::Int8, ..endless().long_term };
    let mut host = Host::new(Config { long_term, default_tier: Tier::LongTerm, ..endless() });
    let rows: Vec<Vec<f32>> = (0..40).map(|n| vec![1.0, n as f32, (n % 3) as f32, 0.5]).collect();
    let operations = rows.iter().enumerate().map(|(number, row)| with_vector(number, row)).collect();
    let ids = commit(&mut host, &space(4), operations);
    host.engine.train(Tier::LongTerm, Some(Goal::Dimensions(2)), START).expect("it can be trained");
    host.maintain(START, true);
    let kept = |host: &Host| host.engine.precision(&everyone(), ids[0], START);
    assert!(matches!(kept(&host), Some(stratamem_core::Kept::Projected(_))));

    let new = named("new", 3);
    host.engine.change_space(new.clone(), START).expect("a good space");
    let embeddings = ids.iter().map(|id| embedding(*id, &[1.0, 2.0, 3.0])).collect();
    assert_eq!(host.engine.embed(&new, embeddings, START), Ok(40));
    assert_eq!(kept(&host), Some(stratamem_core::Kept::Whole(Precision::Int8)));
    host.persist();
    let before = contents(&host.engine);
    host.reopen(START);
    assert_eq!(contents(&host.engine), before);
    // The number of the projection that is gone can be used again.
    host.engine.train(Tier::LongTerm, Some(Goal::Dimensions(2)), START).expect("it can be trained");
    host.maintain(START, true);
    let before = contents(&host.engine);
    host.reopen(START);
    assert_eq!(contents(&host.engine), before);
    assert!(matches!(kept(&host), Some(stratamem_core::Kept::Projected(_))));
}

#[test]
fn vectors_count_for_the_limits_of_tiers() {
    let record = |number| {
        add(NewRecord { importance: Some(0.5), ..text(format!("stone {number} {}", "x".repeat(200))) })
    };
    let mut host = Host::new(endless());
    host.commit(&everyone(), (0..50).map(record).collect(), START);
    let held = |host: &Host| host.engine.stats(&everyone(), START).engine.expect("all is seen").tiers.working;
    let without = held(&host).bytes;
    let working = TierConfig { max_bytes: Some(without), ..endless().working };
    host.persist();
    let (mut host, _) = Host::over(Config { working, ..endless() }, host.objects, 9);
    let rows: Vec<Embedding> =
        unembedded(&host, false).into_iter().map(|id| embedding(id, &[1.0; 256])).collect();
    assert_eq!(host.engine.embed(&named("new", 256), rows, START), Ok(50));
    host.maintain(START, false);
    let after = held(&host);
    assert!(after.bytes <= without && after.items < 50, "{} bytes, {} items", after.bytes, after.items);
}

/// A memory and what it should hold: each record with the vector that it has in the space of the moment.
struct Walk {
    host: Host,
    random: fastrand::Rng,
    space: EmbeddingSpace,
    expected: BTreeMap<RecordId, (u32, Option<Vec<f32>>)>,
    texts: usize,
}

impl Walk {
    fn draw(&mut self) -> Vec<f32> {
        // Of length 1 in exact arithmetic, so that nothing is lost on the way.
        let at = self.random.usize(..self.space.dimensions as usize);
        let mut vector = vec![0.0; self.space.dimensions as usize];
        vector[at] = if self.random.bool() { 1.0 } else { -1.0 };
        vector
    }

    fn any(&mut self) -> Option<RecordId> {
        let ids: Vec<RecordId> = self.expected.keys().copied().collect();
        self.random.choice(ids)
    }

    fn step(&mut self) {
        match self.random.u32(..100) {
            0..30 => {
                let vector = self.random.bool().then(|| self.draw());
                self.texts += 1;
                let record = text(format!("stone {} {}", self.texts, "x".repeat(self.random.usize(..300))));
                let operation = Operation::Add { record: Box::new(record), vector: vector.clone() };
                let ids = commit(&mut self.host, &self.space.clone(), vec![operation]);
                self.expected.insert(ids[0], (1, vector));
            }
            30..40 => {
                let Some(id) = self.any() else { return };
                let vector = self.random.bool().then(|| self.draw());
                self.texts += 1;
                let patch = Patch { text: Some(format!("brick {}", self.texts)), ..Patch::default() };
                let operation = Operation::Update {
                    id,
                    patch: Box::new(patch),
                    vector: vector.clone(),
                    if_version: None,
                };
                commit(&mut self.host, &self.space.clone(), vec![operation]);
                let version = self.expected[&id].0 + 1;
                self.expected.insert(id, (version, vector));
            }
            40..45 => {
                let Some(id) = self.any() else { return };
                commit(
                    &mut self.host,
                    &self.space.clone(),
                    vec![Operation::Forget { id, vector: None, if_version: None }],
                );
                self.expected.remove(&id);
            }
            45..50 => {
                if let Some(id) = self.any() {
                    self.host.engine.get(&everyone(), id, START, true);
                }
            }
            50..55 => {
                let model = self.random.choice(["a", "b", "c"]).expect("there are some");
                let dimensions = if model == "c" { 3 } else { 4 };
                let space = named(model, dimensions);
                // Before its first vector, a memory is of no space.
                if self.host.engine.space().is_some() {
                    self.host.engine.change_space(space.clone(), START).expect("a good space");
                    if space != self.space {
                        self.expected.values_mut().for_each(|(_, vector)| *vector = None);
                    }
                }
                if self.host.engine.space().is_some() || self.expected.is_empty() {
                    self.space = space;
                }
            }
            55..70 => {
                let limit = self.random.usize(1..20);
                let some = self.host.engine.unembedded(false, None, limit, START);
                let some: Vec<(RecordId, u32)> =
                    some.into_iter().map(|record| (record.id, record.version)).collect();
                let mut embeddings = Vec::new();
                for (id, version) in some {
                    let vector = self.draw();
                    self.expected.insert(id, (version, Some(vector.clone())));
                    embeddings.push(Embedding { id, version, vector });
                }
                let count = embeddings.len() as u32;
                assert_eq!(self.host.engine.embed(&self.space.clone(), embeddings, START), Ok(count));
            }
            70..90 => {
                let compact = self.random.u32(..4) == 0;
                self.host.engine.maintain(START, compact).expect("nothing has failed");
            }
            _ => {
                self.host.persist();
                self.host.crash();
            }
        }
        if self.random.bool() {
            self.host.persist();
        }
    }

    fn check(&self, place: &str) {
        let found: BTreeMap<_, _> = contents(&self.host.engine)
            .into_iter()
            .map(|(record, vector)| (record.id, (record.version, vector)))
            .collect();
        assert_eq!(found, self.expected, "{place}");
    }
}

#[test]
fn whatever_is_under_way_the_vectors_of_a_space_are_all_that_there_are() {
    let mut switches = 0;
    for seed in 0..40 {
        let mut walk = Walk {
            host: Host::new(endless()),
            random: fastrand::Rng::with_seed(seed),
            space: named("a", 4),
            expected: BTreeMap::new(),
            texts: 0,
        };
        for step in 0..400 {
            let before = walk.host.engine.space().cloned();
            walk.step();
            switches += usize::from(before.is_some() && before.as_ref() != walk.host.engine.space());
            walk.check(&format!("seed {seed}, step {step}"));
        }
    }
    assert!(switches > 200, "{switches} changes of space");
}
