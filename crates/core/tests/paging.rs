//! A memory whose vectors stay in storage, beside one that holds them all.

mod support;

use stratamem_core::{
    CommandError, Config, Engine, Error, FormatError, Goal, Hit, NewRecord, Operation, PagingFigures, Patch,
    Precision, Query, Record, RecordId, Scope, Tier, TierConfig, Timestamp,
};
use support::{Host, Objects, START, at, space, verbatim};

const DIMENSIONS: usize = 64;

fn config(precision: Precision, resident: Option<u32>) -> Config {
    Config {
        long_term: TierConfig { precision, ..TierConfig::default() },
        default_tier: Tier::LongTerm,
        consolidation: verbatim(),
        seal_bytes: 100_000,
        resident_vector_bytes: resident,
        ..Config::default()
    }
}

/// Vectors in some groups, as those of texts are.
struct Groups {
    random: fastrand::Rng,
    centres: Vec<Vec<f32>>,
}

impl Groups {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut centre = |_| (0..DIMENSIONS).map(|_| random.f32() - 0.5).collect();
        let centres = (0..40).map(&mut centre).collect();
        Groups { random, centres }
    }

    fn vector(&mut self) -> Vec<f32> {
        let centre = self.random.usize(..self.centres.len());
        let spread = |component: &f32| component + 0.5 * (self.random.f32() - 0.5);
        self.centres[centre].iter().map(spread).collect()
    }
}

/// What a call comes to, with what it needs read from storage. Answers how often it was made, too.
fn served<T>(
    engine: &mut Engine,
    objects: &Objects,
    mut call: impl FnMut(&mut Engine) -> Result<T, Error>,
) -> Result<(T, u32), Error> {
    for made in 1..50 {
        match call(engine) {
            Err(Error::Command(CommandError::VectorsUnread { reading })) => {
                fetch(engine, objects, reading)?;
                engine.resume(reading);
            }
            done => return Ok((done?, made)),
        }
    }
    panic!("it needs more and more");
}

fn fetch(engine: &mut Engine, objects: &Objects, reading: u32) -> Result<(), Error> {
    loop {
        let ranges = engine.wanted(reading);
        if ranges.is_empty() {
            return Ok(());
        }
        for range in ranges {
            let end = (range.offset + range.length) as usize;
            let bytes = objects.get(&range.key).map(|object| &object[range.offset as usize..end]);
            assert!(engine.supply(reading, &range, bytes)?, "all that was written has been acknowledged");
        }
    }
}

fn serve<T>(host: &mut Host, call: impl FnMut(&mut Engine) -> Result<T, Error>) -> T {
    let Host { engine, objects, .. } = host;
    served(engine, objects, call).expect("storage is whole").0
}

fn commit(host: &mut Host, operations: Vec<Operation>, now: Timestamp) -> Vec<RecordId> {
    let space = space(DIMENSIONS as u32);
    let ids =
        serve(host, |engine| engine.commit(&Scope::default(), Some(&space), operations.clone(), now)).ids;
    host.persist();
    let Host { engine, objects, .. } = host;
    fetch(engine, objects, Engine::CHORES).expect("storage is whole");
    ids
}

fn maintain(host: &mut Host, now: Timestamp, compact: bool) {
    loop {
        let more = serve(host, |engine| Ok(engine.maintain(now, compact)?)).more;
        host.persist();
        if !more && host.engine.next_deadline().is_none_or(|due| due > now) {
            return;
        }
    }
}

fn recall(host: &mut Host, query: &Query, now: Timestamp) -> Vec<Hit> {
    let space = space(DIMENSIONS as u32);
    serve(host, |engine| engine.recall(&Scope::default(), Some(&space), query.clone(), now, false))
}

fn paging(engine: &Engine) -> PagingFigures {
    let stats = engine.stats(&Scope::default(), START).engine.expect("the view sees everything");
    stats.paging.expect("vectors may stay in storage")
}

fn add(text: String, vector: Vec<f32>, tier: Option<Tier>) -> Operation {
    let record = NewRecord { text, tier, ..NewRecord::default() };
    Operation::Add { record: Box::new(record), vector: Some(vector) }
}

/// Everything that is held: each record with its vector.
fn contents(host: &mut Host) -> Vec<(Record, Option<Vec<f32>>)> {
    let everyone = Scope::default();
    let records = host.engine.list(&everyone, None, None, usize::MAX, START).records;
    let vector = |record: Record| {
        let id = record.id;
        (record, serve(host, |engine| Ok(engine.read_vector(&everyone, id, START)?)))
    };
    records.into_iter().map(vector).collect()
}

/// What a question finds, without what is counted about the search.
fn found(hits: &[Hit]) -> Vec<(RecordId, u32)> {
    hits.iter().map(|hit| (hit.record.id, hit.score.to_bits())).collect()
}

/// A memory whose vectors are in storage, and the same with all of them in memory.
struct Pair {
    hosts: [Host; 2],
    ids: Vec<RecordId>,
    groups: Groups,
    now: i64,
}

impl Pair {
    fn new(precision: Precision, resident: u32, records: usize) -> Pair {
        let hosts = [Some(resident), None].map(|resident| Host::new(config(precision, resident)));
        let mut pair = Pair { hosts, ids: Vec::new(), groups: Groups::new(3), now: 0 };
        for start in (0..records).step_by(100) {
            let operations = (start..start + 100)
                .map(|n| add(format!("Note {n} of all"), pair.groups.vector(), None))
                .collect();
            pair.commit(operations);
        }
        pair.maintain(false);
        pair
    }

    fn commit(&mut self, operations: Vec<Operation>) {
        self.now += 1_000;
        let ids = self.hosts.each_mut().map(|host| commit(host, operations.clone(), at(self.now)));
        assert_eq!(ids[0], ids[1]);
        for id in &ids[0] {
            if !self.ids.contains(id) {
                self.ids.push(*id);
            }
        }
    }

    fn maintain(&mut self, compact: bool) {
        self.hosts.iter_mut().for_each(|host| maintain(host, at(self.now), compact));
    }

    fn agree(&mut self, query: &Query) {
        let found = self.hosts.each_mut().map(|host| found(&recall(host, query, at(self.now))));
        assert_eq!(found[0], found[1]);
    }

    fn step(&mut self) {
        let random = &mut self.groups.random;
        let id = self.ids[random.usize(..self.ids.len())];
        match random.u8(..20) {
            0..4 => {
                let (n, count) = (random.u32(..), random.usize(1..30));
                let tier = [None, None, Some(Tier::Intermediate)][random.usize(..3)];
                let operations = (0..count)
                    .map(|at| add(format!("Another {n} {at}"), self.groups.vector(), tier))
                    .collect();
                self.commit(operations);
            }
            4..6 => {
                let patch = Patch { importance: Some(0.7), ..Patch::default() };
                let operation =
                    Operation::Update { id, patch: Box::new(patch), vector: None, if_version: None };
                self.commit(vec![operation]);
            }
            6..8 => {
                let tags = Some(vec![format!("t{}", random.u8(..))]);
                let patch = Patch { tags, ..Patch::default() };
                let operation =
                    Operation::Update { id, patch: Box::new(patch), vector: None, if_version: None };
                self.commit(vec![operation]);
            }
            8..10 => {
                let patch = Patch { text: Some(format!("Rewritten {}", random.u32(..))), ..Patch::default() };
                let vector = Some(self.groups.vector());
                let operation = Operation::Update { id, patch: Box::new(patch), vector, if_version: None };
                self.commit(vec![operation]);
            }
            10..12 => {
                let operation = Operation::Forget { id, vector: None, if_version: None };
                self.commit(vec![operation]);
                self.ids.retain(|known| *known != id);
            }
            12 => {
                let compact = random.u8(..4) == 0;
                self.maintain(compact);
            }
            13 => {
                let now = at(self.now);
                self.hosts.iter_mut().for_each(|host| {
                    host.reopen(now);
                });
            }
            14..18 => {
                let query =
                    Query { vector: Some(self.groups.vector()), limit: 10, exact: true, ..Query::default() };
                self.agree(&query);
            }
            _ => {
                let vector = Some(self.groups.vector());
                let text = "another note of all".to_owned();
                let query = Query { text, vector, limit: 8, exact: true, diversity: 0.3, ..Query::default() };
                self.agree(&query);
                self.agree(&Query { like: Some(id), exact: true, limit: 5, ..Query::default() });
            }
        }
    }

    fn compare(&mut self) {
        let [stored, held] = self.hosts.each_mut().map(contents);
        assert_eq!(stored.len(), held.len());
        for (stored, held) in stored.iter().zip(&held) {
            assert_eq!(stored, held);
        }
    }
}

/// Through additions, changes, removals, maintenance and reopening, both find the same and hold the same.
#[test]
fn what_is_in_storage_answers_as_what_is_in_memory() {
    for (precision, resident) in [(Precision::Int8, 3_000), (Precision::F32, 0)] {
        let mut pair = Pair::new(precision, resident, 2_500);
        for _ in 0..150 {
            pair.step();
        }
        pair.compare();
        pair.maintain(true);
        pair.compare();
        let now = at(pair.now);
        pair.hosts.iter_mut().for_each(|host| {
            host.reopen(now);
        });
        pair.compare();
        let figures = paging(&pair.hosts[0].engine);
        assert!(figures.vectors > 2_000, "{figures:?}");
        assert!(figures.cache_bytes <= resident as usize, "{figures:?}");
        assert!(figures.misses > 0, "{figures:?}");
    }
}

fn exact(vector: Vec<f32>) -> Query {
    Query { vector: Some(vector), limit: 10, exact: true, ..Query::default() }
}

/// The memory of a pair that keeps its vectors in storage, and vectors to ask for.
fn stored(precision: Precision, records: usize) -> (Host, Groups, Timestamp) {
    let Pair { hosts: [host, _], groups, now, .. } = Pair::new(precision, 0, records);
    (host, groups, at(now))
}

/// A fast search reads some of the rows, in few turns, and finds nearly all that an exact one does.
#[test]
fn a_search_by_codes_reads_few_rows_in_few_turns() {
    let (mut host, mut groups, now) = stored(Precision::Int8, 9_000);
    maintain(&mut host, now, true);
    host.reopen(now);
    let stats = host.engine.stats(&Scope::default(), now).engine.expect("the view sees everything");
    assert_eq!(paging(&host.engine).vectors, 9_000);
    assert!(stats.vector_bytes < 9_000 * 150, "{} bytes", stats.vector_bytes);
    let (mut same, mut most) = (0, 0);
    for _ in 0..50 {
        let vector = groups.vector();
        let nearest = found(&recall(&mut host, &exact(vector.clone()), now));
        let before = paging(&host.engine).misses;
        let query = Query { vector: Some(vector), limit: 10, ..Query::default() };
        let Host { engine, objects, .. } = &mut host;
        let (everyone, space) = (Scope::default(), space(DIMENSIONS as u32));
        let ask = |engine: &mut Engine| engine.recall(&everyone, Some(&space), query.clone(), now, false);
        let (hits, turns) = served(engine, objects, ask).expect("storage is whole");
        assert_ne!(hits[0].why.vectors, Some("exact"));
        same += hits.iter().filter(|hit| nearest.iter().any(|(id, _)| *id == hit.record.id)).count();
        most = most.max(turns);
        assert!(paging(&host.engine).misses - before < 600);
    }
    assert!(same >= 480, "{same} of 500");
    assert!(most <= 4, "{most} turns");
}

/// After every step of writing, what is stored opens to the same, wherever its vectors are.
#[test]
fn every_cut_opens_to_the_same() {
    let (mut host, mut groups, now) = stored(Precision::Int8, 1_600);
    let before = host.objects.clone();
    host.written.clear();
    let ids: Vec<RecordId> = contents(&mut host).into_iter().map(|(record, _)| record.id).collect();
    for (round, some) in ids.chunks(20).take(6).enumerate() {
        let patch = |importance| Box::new(Patch { importance: Some(importance), ..Patch::default() });
        let change =
            |id: &RecordId| Operation::Update { id: *id, patch: patch(0.9), vector: None, if_version: None };
        let mut operations: Vec<Operation> = some.iter().map(change).collect();
        operations.extend((0..60).map(|n| add(format!("Later {round} {n}"), groups.vector(), None)));
        commit(&mut host, operations, now);
    }
    maintain(&mut host, now, true);
    let cuts = host.written.len();
    assert!(cuts > 15, "{cuts}");
    let mut objects = before;
    for cut in 0..=cuts {
        let opened = [Some(5_000), None].map(|resident| {
            let mut host = Host::over(config(Precision::Int8, resident), objects.clone(), 9).0;
            (resident.is_some().then(|| paging(&host.engine).vectors), contents(&mut host))
        });
        assert_eq!(opened[0].1, opened[1].1, "cut {cut}");
        assert!(opened[0].0 > Some(1_000), "cut {cut}: {:?}", opened[0].0);
        if let Some((operation, _)) = host.written.get(cut) {
            support::apply(&mut objects, operation);
        }
    }
}

/// A damaged row fails the calls that need it, by name, and nothing else.
#[test]
fn a_damaged_row_is_named_and_the_rest_goes_on() {
    for precision in [Precision::Int8, Precision::F32] {
        let (mut host, mut groups, now) = stored(precision, 2_000);
        let query = exact(groups.vector());
        let whole = found(&recall(&mut host, &query, now));
        let key = host.objects.keys().find(|key| key.starts_with("segment-")).expect("it is sealed").clone();
        let good = host.objects.clone();
        let segment = host.objects.get_mut(&key).expect("it was just listed");
        segment.iter_mut().for_each(|byte| *byte ^= 0x10);
        let Host { engine, objects, .. } = &mut host;
        let (everyone, space) = (Scope::default(), space(DIMENSIONS as u32));
        let ask = |engine: &mut Engine| engine.recall(&everyone, Some(&space), query.clone(), now, false);
        let refused = served(engine, objects, ask).expect_err("every row is needed");
        let Error::Format(FormatError::Corrupt { object, offset, problem }) = refused else {
            panic!("{refused}");
        };
        assert_eq!((object, problem.as_str()), (key.clone(), "the checksum of a vector does not match"));
        assert!((17..good[&key].len() as u64).contains(&offset), "{offset}");

        objects.remove(&key);
        let refused = served(engine, objects, ask).expect_err("every row is needed");
        assert_eq!(
            refused.to_string(),
            format!(
                "{key} is damaged at byte 0: the manifest names it, but it is missing. Restore it from a backup"
            )
        );

        let words = Query { text: "note 7".into(), limit: 5, ..Query::default() };
        assert_eq!(recall(&mut host, &words, now).len(), 5);
        commit(&mut host, vec![add("It goes on".into(), groups.vector(), None)], now);
        host.objects.extend(good);
        let again = recall(&mut host, &Query { limit: 11, ..query }, now);
        assert!(whole.iter().all(|(id, _)| again.iter().any(|hit| hit.record.id == *id)));
    }
}

/// What is changed while rows are read shows in the answer: it is that of one moment, the last.
#[test]
fn an_answer_sees_what_was_changed_while_rows_were_read() {
    let (mut host, mut groups, now) = stored(Precision::Int8, 2_000);
    let query = exact(groups.vector());
    let before = found(&recall(&mut host, &query, now));
    let (everyone, space) = (Scope::default(), space(DIMENSIONS as u32));
    let refused = host.engine.recall(&everyone, Some(&space), query.clone(), now, false);
    let Err(Error::Command(CommandError::VectorsUnread { reading })) = refused else { panic!("{refused:?}") };
    fetch(&mut host.engine, &host.objects, reading).expect("storage is whole");
    let best = before[0].0;
    commit(&mut host, vec![Operation::Forget { id: best, vector: None, if_version: None }], now);
    host.engine.resume(reading);
    let hits = host.engine.recall(&everyone, Some(&space), query, now, false).expect("all rows are there");
    let ids = |found: &[(RecordId, u32)]| found.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    assert_eq!(ids(&found(&hits))[..9], ids(&before)[1..]);
}

/// Rows that are on their way to another object are found there once it has arrived.
#[test]
fn rows_are_followed_when_segments_are_merged() {
    let (mut host, mut groups, now) = stored(Precision::Int8, 2_000);
    let query = exact(groups.vector());
    let before = found(&recall(&mut host, &query, now));
    let (everyone, space) = (Scope::default(), space(DIMENSIONS as u32));
    let refused = host.engine.recall(&everyone, Some(&space), query.clone(), now, false);
    let Err(Error::Command(CommandError::VectorsUnread { reading })) = refused else { panic!("{refused:?}") };
    let wanted = host.engine.wanted(reading);
    // Everything is merged into another run, and storage has carried that out, but nobody has said so.
    commit(&mut host, vec![add("One more".into(), groups.vector(), None)], now);
    while serve(&mut host, |engine| Ok(engine.maintain(now, true)?)).more {}
    let Some(stratamem_core::Effect::Persist { ticket, operations }) = host.engine.poll_effect() else {
        panic!("a merge writes");
    };
    operations.iter().for_each(|operation| support::apply(&mut host.objects, operation));
    assert!(!host.objects.contains_key(&wanted[0].key));
    assert_eq!(host.engine.supply(reading, &wanted[0], None), Ok(false));
    host.engine.ack(ticket);
    host.engine.drop_reading(reading);
    let after = recall(&mut host, &Query { limit: 11, ..query }, now);
    assert!(before.iter().all(|(id, _)| after.iter().any(|hit| hit.record.id == *id)));
}

/// What keeps less of vectors, learns from them or makes one of several reads those in storage.
#[test]
fn what_needs_whole_vectors_reads_them() {
    // Less is kept of them from now on.
    let mut pair = Pair::new(Precision::Int8, 0, 1_800);
    for (host, resident) in pair.hosts.iter_mut().zip([Some(0), None]) {
        host.config = config(Precision::Binary, resident);
        host.crash();
    }
    pair.maintain(false);
    pair.compare();
    let kept = pair.hosts.each_ref().map(|host| host.engine.precision(&Scope::default(), pair.ids[0], START));
    assert_eq!(kept[0], Some(stratamem_core::Kept::Whole(Precision::Binary)));
    assert_eq!(kept[0], kept[1]);
    // What was committed as coarser stands in the log: it is carried out when the memory is opened.
    pair.hosts.iter_mut().for_each(|host| {
        host.crash();
    });
    pair.compare();

    // A projection is learnt from them.
    let mut pair = Pair::new(Precision::F32, 0, 1_800);
    let now = at(pair.now);
    let trained = pair.hosts.each_mut().map(|host| {
        serve(host, |engine| Ok(engine.train(Tier::LongTerm, Some(Goal::Dimensions(16)), now)?))
    });
    assert_eq!(trained[0], trained[1]);
    pair.maintain(false);
    pair.compare();

    // A record that says the same takes a vector over.
    let mut pair = Pair::new(Precision::Int8, 0, 1_800);
    let record = NewRecord { text: "Note 3 of all".into(), ..NewRecord::default() };
    let plain = Operation::Add { record: Box::new(record), vector: None };
    for (host, resident) in pair.hosts.iter_mut().zip([Some(0), None]) {
        host.config.consolidation.duplicates = true;
        host.config.resident_vector_bytes = resident;
        host.crash();
    }
    let patch = Patch { pinned: Some(true), ..Patch::default() };
    pair.commit(vec![plain]);
    let id = pair.ids[pair.ids.len() - 1];
    pair.commit(vec![Operation::Update { id, patch: Box::new(patch), vector: None, if_version: None }]);
    pair.maintain(false);
    let merged = pair
        .hosts
        .each_mut()
        .map(|host| serve(host, |engine| Ok(engine.read_vector(&Scope::default(), id, now)?)));
    assert!(merged[0].is_some());
    pair.compare();
}
