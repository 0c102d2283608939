//! Recall against brute force: the nearest vectors, BM25 from its formula, fusion from the parts that are reported.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use stratamem_core::{
    Comparison, Config, FieldPath, Filter, Fusion, Hit, NewRecord, Operation, Patch, Query, RecordId, Scope,
    Signal, SignalShare, Span, Tier, TierConfig, Timestamp, Value, Weights,
};
use support::{Host, START, add, at, space, text, user, verbatim};

/// A small generator with a fixed sequence (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit
    }

    fn vector(&mut self, dimensions: usize) -> Vec<f32> {
        (0..dimensions).map(|_| self.below(20_001) as f32 / 10_000.0 - 1.0).collect()
    }
}

/// Room for everything, so that no record moves.
fn roomy() -> Config {
    let endless = TierConfig::default();
    Config { working: endless.clone(), intermediate: endless, consolidation: verbatim(), ..Config::default() }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn share(hit: &Hit, signal: Signal) -> Option<&SignalShare> {
    hit.why.signals.iter().find(|share| share.signal == signal)
}

fn number_below(limit: f64) -> Filter {
    Filter::Field(FieldPath::Metadata(vec!["n".into()]), Comparison::Lt(Value::Number(limit)))
}

fn ids(hits: &[Hit]) -> Vec<RecordId> {
    hits.iter().map(|hit| hit.record.id).collect()
}

#[test]
fn the_nearest_are_found_exactly() {
    const RECORDS: u64 = 1_500;
    for dimensions in [7, 64] {
        let mut random = Random(11 + dimensions as u64);
        let mut host = Host::new(roomy());
        let mut stored: BTreeMap<RecordId, (f64, Vec<f32>)> = BTreeMap::new();
        let space = space(dimensions as u32);
        for batch in 0..RECORDS / 100 {
            let mut vectors = Vec::new();
            let operations: Vec<Operation> = (0..100)
                .map(|_| {
                    // Lengths differ by orders of magnitude: only the direction counts.
                    let size = [1e-3f32, 1.0, 500.0][random.below(3) as usize];
                    let vector: Vec<f32> = random.vector(dimensions).iter().map(|x| x * size).collect();
                    let number = random.below(1_000) as f64;
                    vectors.push((number, vector.clone()));
                    let metadata = [("n".to_owned(), Value::Number(number))].into();
                    let record = NewRecord { metadata, ..text("x") };
                    Operation::Add { record: Box::new(record), vector: Some(vector) }
                })
                .collect();
            let outcome = host.engine.commit(&Scope::default(), Some(&space), operations, at(batch as i64));
            stored.extend(outcome.expect("good operations").ids.into_iter().zip(vectors));
        }
        // Some are gone again.
        let gone: Vec<RecordId> = stored.keys().step_by(9).copied().collect();
        let forget = |id: &RecordId| Operation::Forget { id: *id, vector: None, if_version: None };
        host.commit(&Scope::default(), gone.iter().map(forget).collect(), at(100));
        gone.iter().for_each(|id| drop(stored.remove(id)));

        for limit in [1, 10, 60] {
            for selected in [None, Some(900.0), Some(200.0), Some(30.0), Some(0.0)] {
                let vector = random.vector(dimensions);
                let mut expected: Vec<(f64, RecordId)> = stored
                    .iter()
                    .filter(|(_, (number, _))| selected.is_none_or(|limit| *number < limit))
                    .map(|(id, (_, stored))| (cosine(&vector, stored), *id))
                    .collect();
                expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                expected.truncate(limit);
                let query = Query {
                    vector: Some(vector),
                    limit,
                    filter: selected.map(number_below),
                    ..Query::default()
                };
                let everyone = Scope::default();
                let hits = host.engine.recall(&everyone, Some(&space), query, at(200), false);
                let hits = hits.expect("a plain question");
                let place = format!("{dimensions} dimensions, limit {limit}, n < {selected:?}");
                assert_eq!(ids(&hits), expected.iter().map(|(_, id)| *id).collect::<Vec<_>>(), "{place}");
                for (rank, (hit, (cosine, _))) in hits.iter().zip(&expected).enumerate() {
                    let dense = share(hit, Signal::Dense).expect("the only signal");
                    assert!(
                        (f64::from(dense.score) - cosine).abs() < 1e-5,
                        "{place}: {} {cosine}",
                        dense.score
                    );
                    assert_eq!(dense.rank, Some(rank as u32 + 1), "{place}");
                }
            }
        }
    }
}

const WORDS: [&str; 8] = ["amber", "basalt", "cobalt", "dolomit", "flint", "granit", "jasper", "quartz"];

/// BM25 as Robertson and Zaragoza write it, with Lucene's idf, over bags of words.
fn bm25(query: &[&str], document: &[String], all: &[&Vec<String>], k1: f64, b: f64) -> f64 {
    let average = all.iter().map(|words| words.len()).sum::<usize>() as f64 / all.len() as f64;
    let mut score = 0.0;
    for word in query {
        let containing = all.iter().filter(|words| words.iter().any(|w| w == word)).count() as f64;
        let count = document.iter().filter(|w| w == word).count() as f64;
        if count == 0.0 {
            continue;
        }
        let idf = libm::log(1.0 + (all.len() as f64 - containing + 0.5) / (containing + 0.5));
        score += idf * count * (k1 + 1.0) / (count + k1 * (1.0 - b + b * document.len() as f64 / average));
    }
    score
}

/// The words that the engine indexes for a record of [`START`]: its own, its actor, its labels, and the day.
fn indexed(words: &[&str], actor: Option<&str>, tags: &[&str]) -> Vec<String> {
    let day = ["14", "novemb", "2023"];
    words.iter().copied().chain(actor).chain(tags.iter().copied()).chain(day).map(str::to_owned).collect()
}

#[test]
fn keyword_scores_are_those_of_the_formula() {
    let mut random = Random(77);
    for (k1, b) in [(0.9f32, 0.4f32), (1.2, 0.75), (0.0, 0.5), (2.0, 0.0)] {
        let mut host = Host::new(Config { bm25_k1: k1, bm25_b: b, ..roomy() });
        let mut documents: BTreeMap<RecordId, (Vec<String>, &str)> = BTreeMap::new();
        for number in 0..300 {
            let words: Vec<&str> =
                (0..1 + random.below(12)).map(|_| WORDS[(random.below(64) as f64).sqrt() as usize]).collect();
            let actor = (number % 5 == 0).then_some("flint");
            let tags: &[&str] = if number % 7 == 0 { &["jasper", "amber"] } else { &[] };
            let owner = if number % 3 == 0 { "1" } else { "10" };
            let record = NewRecord {
                actor: actor.map(str::to_owned),
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                scope: user(owner),
                ..text(words.join(" "))
            };
            let id = host.commit(&Scope::default(), vec![add(record)], START).ids[0];
            documents.insert(id, (indexed(&words, actor, tags), owner));
        }
        for (round, view) in [Scope::default(), user("1"), user("10")].iter().cycle().take(12).enumerate() {
            if round == 6 {
                // Statistics follow what is there: some records go, and everything is read back.
                let gone: Vec<RecordId> = documents.keys().step_by(4).copied().collect();
                let forget = |id: &RecordId| Operation::Forget { id: *id, vector: None, if_version: None };
                host.commit(&Scope::default(), gone.iter().map(forget).collect(), START);
                gone.iter().for_each(|id| drop(documents.remove(id)));
                host.maintain(START, true);
                host.reopen(START);
            }
            let visible = |owner: &str| view.user.as_deref().is_none_or(|user| user == owner);
            let all: Vec<&Vec<String>> =
                documents.values().filter(|(_, owner)| visible(owner)).map(|(words, _)| words).collect();
            let asked: Vec<&str> =
                WORDS.iter().copied().filter(|_| random.below(3) == 0).chain(["flint"]).collect();
            let mut distinct = asked.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let query = Query { text: asked.join(" "), limit: 1_000, ..Query::default() };
            let hits = host.engine.recall(view, None, query, START, false).expect("a plain question");
            let matching =
                all.iter().filter(|words| words.iter().any(|word| distinct.contains(&&**word))).count();
            assert_eq!(hits.len(), matching, "{asked:?}");
            for hit in &hits {
                let keyword = share(hit, Signal::Keyword).expect("the only signal");
                let expected =
                    bm25(&distinct, &documents[&hit.record.id].0, &all, f64::from(k1), f64::from(b));
                let error = (f64::from(keyword.score) - expected).abs();
                assert!(error < 1e-5 * expected.max(1.0), "{asked:?}: {} is not {expected}", keyword.score);
                let mut terms = keyword.terms.clone();
                terms.sort_unstable();
                let mut own = distinct.clone();
                own.retain(|word| documents[&hit.record.id].0.iter().any(|w| w == word));
                assert_eq!(terms, own);
            }
            assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
}

/// A memory in which both signals have something to say.
fn mixed(random: &mut Random) -> Host {
    let mut host = Host::new(roomy());
    for number in 0..250u32 {
        let words: Vec<&str> = (0..1 + random.below(6)).map(|_| WORDS[random.below(8) as usize]).collect();
        let metadata = [("n".to_owned(), Value::Number(f64::from(number)))].into();
        let record = NewRecord { metadata, ..text(words.join(" ")) };
        let vector = (number % 3 > 0).then(|| random.vector(4));
        let operation = Operation::Add { record: Box::new(record), vector };
        host.commit(&Scope::default(), vec![operation], at(i64::from(number)));
    }
    host
}

#[test]
fn fused_scores_are_made_of_the_parts_that_are_reported() {
    let mut random = Random(5);
    let mut host = mixed(&mut random);
    for (round, fusion) in [
        Fusion::default(),
        Fusion::Weighted { dense: 1.0, keyword: 3.0 },
        Fusion::Weighted { dense: 0.0, keyword: 1.0 },
        Fusion::Weighted { dense: 2.0, keyword: 0.0 },
        Fusion::Rrf { k: 60.0 },
        Fusion::Rrf { k: 0.0 },
        Fusion::Max { dense: 1.0, keyword: 2.0 },
        Fusion::Borda { dense: 2.0, keyword: 1.0 },
    ]
    .into_iter()
    .cycle()
    .take(60)
    .enumerate()
    {
        let query = Query {
            text: format!("{} {}", WORDS[random.below(8) as usize], WORDS[random.below(8) as usize]),
            vector: Some(random.vector(4)),
            // Up to 32 hits are chosen from the same candidates, so that a smaller limit is a prefix.
            limit: 1 + random.below(32) as usize,
            filter: (round % 2 == 0).then(|| number_below(120.0)),
            fusion,
            weights: Weights::NONE,
            ..Query::default()
        };
        let space = space(4);
        let limit = query.limit;
        let hits = host.engine.recall(&Scope::default(), Some(&space), query.clone(), at(1_000), false);
        let hits = hits.expect("a plain question");
        assert_eq!(hits.len(), limit, "there are enough");
        for hit in &hits {
            let sum: f32 = hit.why.signals.iter().map(|share| share.contribution).sum();
            assert!((hit.score - sum).abs() < 1e-6);
            for share in &hit.why.signals {
                match fusion {
                    // These texts are short.
                    Fusion::Balanced => assert!((share.weight - 0.5).abs() < 1e-6),
                    Fusion::Weighted { dense, keyword } => {
                        let own = if share.signal == Signal::Dense { dense } else { keyword };
                        assert!((share.weight - own / (dense + keyword)).abs() < 1e-6);
                        assert!((0.0..=share.weight + 1e-6).contains(&share.contribution));
                        if share.rank == Some(1) {
                            assert!((share.contribution - share.weight).abs() < 1e-6, "the best has it all");
                        }
                    }
                    Fusion::Rrf { k } => {
                        let expected = share.rank.map_or(0.0, |rank| 1.0 / (k + rank as f32));
                        assert!((share.contribution - expected).abs() < 1e-7);
                    }
                    Fusion::Max { .. } | Fusion::Borda { .. } => {
                        assert!((0.0..=share.weight + 1e-6).contains(&share.contribution));
                    }
                }
            }
            let most = match fusion {
                Fusion::Rrf { k } => 2.0 / (k + 1.0),
                _ => 1.0,
            };
            assert!((0.0..=most + 1e-6).contains(&hit.score), "{} with {fusion:?}", hit.score);
        }
        assert!(hits.windows(2).all(|pair| {
            pair[0].score > pair[1].score
                || pair[0].score == pair[1].score && pair[0].record.id < pair[1].record.id
        }));

        // A smaller limit is a prefix, and a least score is a cut.
        let fewer = Query { limit: limit.div_ceil(2), ..query.clone() };
        let head = host.engine.recall(&Scope::default(), Some(&space), fewer, at(1_000), false);
        assert_eq!(ids(&head.expect("a plain question")), ids(&hits[..limit.div_ceil(2)]));
        let least = hits[limit / 2].score;
        let cut = Query { min_score: Some(least), ..query };
        let cut = host.engine.recall(&Scope::default(), Some(&space), cut, at(1_000), false);
        let enough: Vec<Hit> = hits.into_iter().filter(|hit| hit.score >= least).collect();
        assert_eq!(cut.expect("a plain question"), enough);
    }
}

/// The scale of a signal runs from the lowest allowed record to the best, whatever the filter leaves.
#[test]
fn weighted_scores_are_scaled_between_the_worst_and_the_best_allowed() {
    let mut host = Host::new(roomy());
    for (number, angle) in [0.0f64, 0.5, 1.0, 1.5, 2.0, 2.5, 3.1].into_iter().enumerate() {
        let metadata = [("n".to_owned(), Value::Number(number as f64))].into();
        let record = NewRecord { metadata, ..text("x") };
        let vector = vec![libm::cos(angle) as f32, libm::sin(angle) as f32, 0.0, 0.0];
        let operation = Operation::Add { record: Box::new(record), vector: Some(vector) };
        host.commit(&Scope::default(), vec![operation], at(number as i64));
    }
    for allowed in [7, 4, 2] {
        let query = Query {
            vector: Some(vec![1.0, 0.0, 0.0, 0.0]),
            limit: 10,
            filter: Some(number_below(f64::from(allowed))),
            weights: Weights::NONE,
            ..Query::default()
        };
        let hits = host.engine.recall(&Scope::default(), Some(&space(4)), query, at(100), false);
        let hits = hits.expect("a plain question");
        let cosines: Vec<f32> =
            hits.iter().map(|hit| share(hit, Signal::Dense).expect("the only signal").score).collect();
        let (best, worst) = (cosines[0], cosines[cosines.len() - 1]);
        for (hit, cosine) in hits.iter().zip(&cosines) {
            // The lowest score comes from the int8 scan: two digits are sure.
            let expected = (cosine - worst) / (best - worst);
            assert!(
                (hit.score - expected).abs() < 0.02,
                "{allowed} allowed: {} is not {expected}",
                hit.score
            );
        }
    }
}

/// Equal scores: the earlier id first, however the records came to be stored where they are.
#[test]
fn ties_are_broken_by_id_however_the_memory_was_stored() {
    let everyone = Scope::default();
    let mut host = Host::new(Config { seal_bytes: 4_096, ..roomy() });
    let mut all = Vec::new();
    for number in 0..400 {
        let record = NewRecord { occurred_at: Some(START), ..text("the same words") };
        let vector = Some(vec![0.5, 0.5, 0.5, 0.5]);
        let operation = Operation::Add { record: Box::new(record), vector };
        all.push(host.commit(&everyone, vec![operation], at(number)).ids[0]);
        host.persist();
    }
    let ask = |host: &mut Host| {
        let mut answers = Vec::new();
        for fusion in [Fusion::default(), Fusion::Rrf { k: 60.0 }] {
            for (words, vector) in [
                ("words", None),
                ("", Some(vec![1.0, 0.0, 0.0, 0.0])),
                ("same", Some(vec![1.0, 0.0, 0.0, 0.0])),
            ] {
                let query = Query { text: words.into(), vector, limit: 7, fusion, ..Query::default() };
                let hits = host.engine.recall(&everyone, Some(&space(4)), query, at(1_000), false);
                answers.push(ids(&hits.expect("a plain question")));
            }
        }
        answers
    };
    let expected = vec![all[..7].to_vec(); 6];
    assert_eq!(ask(&mut host), expected, "as they were added");
    // The same words again under new importance, then with another label and back: they move inside the index.
    for id in [all[0], all[3]] {
        for tags in [vec!["label".to_owned()], Vec::new()] {
            let patch = Patch { tags: Some(tags), ..Patch::default() };
            let update = Operation::Update { id, patch: Box::new(patch), vector: None, if_version: None };
            host.commit(&everyone, vec![update], at(500));
        }
    }
    assert_eq!(ask(&mut host), expected, "after updates");
    host.reopen(at(600));
    assert!(host.engine.stats(&everyone, at(600)).engine.expect("all").segments > 1);
    assert_eq!(ask(&mut host), expected, "read back from several segments");
    host.maintain(at(700), true);
    host.reopen(at(700));
    assert_eq!(ask(&mut host), expected, "after compaction");
}

#[test]
fn questions_that_make_no_sense_are_refused_by_name() {
    let mut host = Host::new(Config { max_text_bytes: 100, ..roomy() });
    let operation = Operation::Add { record: Box::new(text("x")), vector: Some(vec![1.0, 0.0, 0.0, 0.0]) };
    host.commit(&Scope::default(), vec![operation], at(0));
    let good = || Query { text: "x".into(), limit: 5, ..Query::default() };
    let with = |vector: Vec<f32>| Query { vector: Some(vector), ..good() };
    let own = space(4);
    for (query, given, code, problem) in [
        (Query { limit: 0, ..good() }, None, "invalid-argument", "limit must be between"),
        (Query { limit: 10_001, ..good() }, None, "invalid-argument", "limit must be between"),
        (Query { text: " ".into(), ..good() }, None, "invalid-argument", "query must have text"),
        (Query { text: "x".repeat(101), ..good() }, None, "invalid-argument", "query is longer"),
        (with(vec![1.0, 0.0, 0.0, 0.0]), None, "invalid-argument", "space is needed"),
        (with(vec![1.0; 3]), Some(&own), "dimension-mismatch", "query/vector has 3"),
        (with(vec![0.0; 4]), Some(&own), "invalid-argument", "query/vector has length zero"),
        (with(vec![f32::NAN, 0.0, 0.0, 0.0]), Some(&own), "invalid-argument", "query/vector/0"),
        (
            Query { fusion: Fusion::Weighted { dense: 0.0, keyword: 0.0 }, ..good() },
            None,
            "invalid-argument",
            "fusion",
        ),
        (
            Query { fusion: Fusion::Weighted { dense: -1.0, keyword: 2.0 }, ..good() },
            None,
            "invalid-argument",
            "fusion",
        ),
        (Query { fusion: Fusion::Rrf { k: f32::NAN }, ..good() }, None, "invalid-argument", "fusion"),
        (Query { weights: Weights([f32::NAN; 9]), ..good() }, None, "invalid-argument", "weights"),
        (Query { weights: Weights([1.5; 9]), ..good() }, None, "invalid-argument", "weights"),
        (Query { diversity: -0.1, ..good() }, None, "invalid-argument", "diversity"),
        (Query { reference: Some(Timestamp(i64::MAX)), ..good() }, None, "invalid-argument", "now"),
    ] {
        let error = host.engine.recall(&Scope::default(), given, query, at(1), true).expect_err(problem);
        assert_eq!(error.code().name(), code, "{error}");
        assert!(error.to_string().starts_with(problem), "{error}");
    }
    let other = stratamem_core::EmbeddingSpace { model: "other".into(), dimensions: 4 };
    let error = host.engine.recall(&Scope::default(), Some(&other), with(vec![1.0; 4]), at(1), true);
    assert_eq!(error.expect_err("another model").code().name(), "space-mismatch");
    let untouched = host.engine.list(&Scope::default(), None, None, 1, at(1)).records[0].usage.count;
    assert_eq!(untouched, 0);
    assert_eq!(
        host.engine.recall(&Scope::default(), None, good(), at(1), true).map(|hits| hits.len()),
        Ok(1)
    );
}

#[test]
fn expired_records_are_out_of_every_answer_at_once() {
    let mut host = Host::new(roomy());
    let brief = NewRecord { expires_at: Some(at(10)), ..text("apple tart") };
    let vector = || Some(vec![1.0, 0.0, 0.0, 0.0]);
    let operations = [brief, text("apple pie")]
        .map(|record| Operation::Add { record: Box::new(record), vector: vector() })
        .to_vec();
    let known = host.commit(&Scope::default(), operations, at(0)).ids;
    let ask = |host: &mut Host, now: Timestamp| {
        let query = Query { text: "apple".into(), vector: vector(), limit: 9, ..Query::default() };
        host.engine.recall(&Scope::default(), Some(&space(4)), query, now, false).expect("a plain question")
    };
    assert_eq!(ids(&ask(&mut host, at(9))), known);
    let after = ask(&mut host, at(10));
    assert_eq!(ids(&after), known[1..]);
    // Its words no longer count either.
    host.maintain(at(10), false);
    assert_eq!(host.engine.len(), 1);
    assert_eq!(ask(&mut host, at(10)), after);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Reopening, sealing and compacting change no answer, not even the last bit of a score.
    #[test]
    fn answers_do_not_depend_on_how_the_memory_is_stored(
        seed in 1u64..u64::MAX,
        seals in prop::collection::vec(any::<bool>(), 12),
        asked in prop::collection::vec((0usize..8, 0usize..8), 3),
    ) {
        let mut random = Random(seed);
        let everyone = Scope::default();
        let space = space(4);
        let mut host = Host::new(roomy());
        let mut known: Vec<RecordId> = Vec::new();
        for (round, seal) in seals.iter().enumerate() {
            for _ in 0..6 {
                let words: Vec<&str> = (0..1 + random.below(3)).map(|_| WORDS[random.below(8) as usize]).collect();
                let tier = Tier::ALL[random.below(3) as usize];
                let record = NewRecord { tier: Some(tier), occurred_at: Some(START), ..text(words.join(" ")) };
                // Few directions, so that there are ties.
                let vector = (0..4).map(|_| random.below(2) as f32 + 0.5).collect();
                let operation = Operation::Add { record: Box::new(record), vector: Some(vector) };
                known.extend(host.commit(&everyone, vec![operation], at(round as i64)).ids);
            }
            let id = known.swap_remove(random.below(known.len() as u64) as usize);
            host.commit(&everyone, vec![Operation::Forget { id, vector: None, if_version: None }], at(round as i64));
            let id = known[random.below(known.len() as u64) as usize];
            let patch = Patch { text: Some(WORDS[random.below(8) as usize].into()), ..Patch::default() };
            let vector = Some(vec![1.0; 4]);
            let update = Operation::Update { id, patch: Box::new(patch), vector, if_version: None };
            host.commit(&everyone, vec![update], at(round as i64));
            if *seal {
                host.maintain(at(round as i64), true);
            }
        }
        let ask = |host: &mut Host| -> Vec<Vec<Hit>> {
            let mut answers = Vec::new();
            for (first, second) in &asked {
                for fusion in [Fusion::default(), Fusion::Rrf { k: 10.0 }] {
                    let query = Query {
                        text: format!("{} {}", WORDS[*first], WORDS[*second]),
                        vector: Some(vec![1.0, 0.5, 0.5, 1.0]),
                        limit: 10,
                        fusion,
                        ..Query::default()
                    };
                    let hits = host.engine.recall(&everyone, Some(&space), query, at(100), false);
                    answers.push(hits.expect("a plain question"));
                }
            }
            answers
        };
        let before = ask(&mut host);
        host.reopen(at(100));
        prop_assert_eq!(&ask(&mut host), &before, "reopened");
        host.maintain(at(100) + Span(1), true);
        prop_assert_eq!(&ask(&mut host), &before, "compacted");
        host.reopen(at(100));
        prop_assert_eq!(&ask(&mut host), &before, "compacted and reopened");
    }
}
