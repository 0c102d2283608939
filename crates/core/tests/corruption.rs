//! Damaged, cut, foreign and newer bytes are refused by name. Nothing panics, nothing is made up, and no length that
//! stands in a file is believed before the bytes are there.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use stratamem_core::{
    Config, Error, FORMAT_VERSION, FormatError, NewRecord, Operation, Record, Scope, StorageOperation, Tier,
    Value,
};
use support::{Host, LONG_AGO, Objects, START, add, apply, at, contents, text, try_open, user};

/// Notes the largest piece of memory that anybody asked for.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// More than any object here has a reason to need.
const TOO_MUCH: usize = 64 << 20;

type Contents = Vec<(Record, Option<Vec<f32>>)>;

/// A small memory with every kind of object: two segments, a closed log, an active log and a manifest.
fn stored() -> Host {
    let mut host = Host::new(config());
    let mut ids = Vec::new();
    for number in 0..6u32 {
        let record = NewRecord {
            metadata: [("n".to_owned(), Value::List(vec![Value::Null, f64::from(number).into()]))].into(),
            actor: Some("Ada".into()),
            ..text(format!("memory number {number}"))
        };
        let vector = Some(vec![f32::from(number as u8), 1.0, -1.0, 0.5]);
        let operation = Operation::Add { record: Box::new(record), vector };
        ids.extend(host.commit(&user("1"), vec![operation], at(i64::from(number))).ids);
        host.persist();
        if number == 3 {
            host.maintain(at(10), true);
        }
    }
    host.commit(
        &Scope::default(),
        vec![Operation::Forget { id: ids[1], vector: None, if_version: None }],
        at(11),
    );
    host.persist();
    // A seal without a merge, so that one segment buries a record of another.
    let long = NewRecord { text: "many words ".repeat(400), ..NewRecord::default() };
    host.commit(&Scope::default(), vec![add(long)], at(12));
    host.persist();
    host.add(text("in the closed log"), at(13));
    host.add(text("and after it"), at(13));
    host.reopen(at(14));
    for number in 0..3 {
        host.add(text(format!("in the active log {number}")), at(20 + number));
    }
    host
}

fn keys<'a>(objects: &'a Objects, kind: &'a str) -> impl DoubleEndedIterator<Item = &'a String> {
    objects.keys().filter(move |key| key.starts_with(kind))
}

/// The log that is appended to.
fn active_log(objects: &Objects) -> String {
    keys(objects, "log").next_back().expect("there is a log").clone()
}

/// Where the frames of a log or segment start, and where the last one ends.
fn frame_starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![16];
    while let Some(length) = bytes[starts[starts.len() - 1]..].first_chunk::<4>() {
        starts.push(starts[starts.len() - 1] + 20 + u32::from_le_bytes(*length) as usize);
    }
    starts
}

fn opened(objects: &Objects) -> Result<(Contents, u64), Error> {
    let (engine, report) = try_open(objects, &config(), 1)?;
    Ok((contents(&engine), report.torn_bytes))
}

/// The error that opening ends in.
fn refused(objects: &Objects, what: impl std::fmt::Display) -> Error {
    match opened(objects) {
        Err(error) => error,
        Ok((found, _)) => panic!("{what}: opened with {} records", found.len()),
    }
}

fn config() -> Config {
    Config { default_tier: Tier::LongTerm, seal_bytes: 4_096, ..Config::default() }
}

#[test]
fn the_memory_has_every_kind_of_object() {
    let host = stored();
    let count = |kind| keys(&host.objects, kind).count();
    assert_eq!((count("manifest"), count("log"), count("segment")), (1, 2, 2), "{:?}", host.objects.keys());
    assert_eq!(opened(&host.objects).expect("it is whole"), (contents(&host.engine), 0));
}

#[test]
fn every_flipped_byte_is_seen() {
    let host = stored();
    let whole = contents(&host.engine);
    let active = active_log(&host.objects);
    for (key, bytes) in &host.objects {
        let starts = frame_starts(bytes);
        let tail = if *key == active { starts[starts.len() - 2] } else { bytes.len() };
        for position in 0..bytes.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut damaged = host.objects.clone();
                damaged.get_mut(key).expect("it is there")[position] ^= mask;
                let place = format!("{key} at {position} with {mask:#x}");
                match opened(&damaged) {
                    Err(Error::Format(FormatError::Corrupt { object, offset, .. })) => {
                        assert!(position < tail, "{place}: the tail of a log may be torn");
                        assert_eq!(&object, key, "{place}");
                        assert!(offset <= position as u64 + 1 || offset <= 16, "{place}: named {offset}");
                        let frame = starts.iter().rev().find(|start| **start <= position);
                        let least = frame.copied().unwrap_or(0).min(16) as u64;
                        assert!(offset >= least, "{place}: named {offset}");
                    }
                    Err(Error::Format(FormatError::TooNew { object, .. })) => {
                        assert_eq!(&object, key, "{place}");
                        assert!((6..8).contains(&position), "{place}: only the version can be newer");
                    }
                    Err(error) => panic!("{place}: {error}"),
                    // The last commit looks as if its write had been torn: it is cut, and that is reported.
                    Ok((found, torn)) => {
                        assert!(position >= tail, "{place}: opened with {} records", found.len());
                        assert_eq!(torn, (bytes.len() - tail) as u64, "{place}");
                        assert_eq!(found, whole[..whole.len() - 1], "{place}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_cut_is_seen() {
    let host = stored();
    let whole = contents(&host.engine);
    let active = active_log(&host.objects);
    for (key, bytes) in &host.objects {
        for length in 0..bytes.len() {
            let mut damaged = host.objects.clone();
            damaged.get_mut(key).expect("it is there").truncate(length);
            match opened(&damaged) {
                Err(Error::Format(FormatError::Corrupt { object, offset, .. })) => {
                    assert_eq!(&object, key);
                    assert!(offset <= length as u64, "{key} cut at {length}: named {offset}");
                    assert_ne!(*key, active, "{length}");
                }
                Err(error) => panic!("{key} cut at {length}: {error}"),
                Ok((found, _)) => {
                    assert_eq!(*key, active, "{key} cut at {length} was opened");
                    assert!(found.iter().all(|row| whole.contains(row)) && found.len() + 3 >= whole.len());
                }
            }
        }
    }
}

/// A segment of several blocks, cut where a block ends, has good checksums all the way.
#[test]
fn a_segment_that_ends_early_between_blocks_is_seen() {
    let mut host = Host::new(config());
    let operations = (0..600).map(|number| add(text(format!("memory {number}")))).collect();
    host.commit(&Scope::default(), operations, START);
    host.persist();
    host.maintain(START, true);
    let key = keys(&host.objects, "segment").next().expect("it is sealed").clone();
    let starts = frame_starts(&host.objects[&key]);
    assert_eq!(starts.len(), 6, "info, three blocks, end");
    for cut in &starts[..5] {
        let mut damaged = host.objects.clone();
        damaged.get_mut(&key).expect("it is there").truncate(*cut);
        let error = refused(&damaged, "records are missing");
        assert_eq!(error.code().name(), "corrupt-data", "cut at {cut}: {error}");
        assert!(error.to_string().starts_with(&*key), "{error}");
    }
    let mut longer = host.objects.clone();
    let bytes = longer.get_mut(&key).expect("it is there");
    bytes.extend(bytes[starts[4]..].to_vec());
    assert!(opened(&longer).is_err(), "two ends");
}

#[test]
fn a_missing_object_is_named() {
    let host = stored();
    let active = active_log(&host.objects);
    for key in host.objects.keys().filter(|key| **key != active) {
        let mut damaged = host.objects.clone();
        damaged.remove(key);
        let error = refused(&damaged, "something is missing");
        assert_eq!(error.code().name(), "corrupt-data");
        if !key.starts_with("manifest") {
            assert!(error.to_string().contains(key.as_str()), "{error}");
        }
    }
}

#[test]
fn objects_are_not_mistaken_for_each_other() {
    let host = stored();
    for key in host.objects.keys() {
        for (other, foreign) in host.objects.iter().filter(|(other, _)| *other != key) {
            let mut damaged = host.objects.clone();
            damaged.insert(key.clone(), foreign.clone());
            let error = refused(&damaged, format!("{other} as {key}"));
            assert_eq!(error.code().name(), "corrupt-data", "{other} as {key}: {error}");
        }
    }
}

/// Two objects of one kind and one length, each in the other's place, have good checksums all the way.
#[test]
fn objects_that_changed_places_are_seen() {
    let mut host = Host::new(Config { seal_bytes: 4_096, default_tier: Tier::LongTerm, ..Config::default() });
    for word in ["tick", "tock"] {
        host.add(text(format!("{word} ").repeat(1_000)), START);
    }
    let segments: Vec<String> = keys(&host.objects, "segment").cloned().collect();
    let [first, second] = &*segments else { panic!("two seals: {segments:?}") };
    let (one, other) = (host.objects[first].clone(), host.objects[second].clone());
    assert_eq!(one.len(), other.len());
    let mut swapped = host.objects.clone();
    swapped.extend([(first.clone(), other), (second.clone(), one)]);
    let error = refused(&swapped, "segments that changed places");
    assert_eq!(error.code().name(), "corrupt-data");
    assert!(error.to_string().contains("another number"), "{error}");
}

#[test]
fn newer_and_older_versions_are_refused() {
    let host = stored();
    for key in host.objects.keys() {
        for version in [FORMAT_VERSION + 1, u16::MAX] {
            let mut newer = host.objects.clone();
            let bytes = newer.get_mut(key).expect("it is there");
            bytes[6..8].copy_from_slice(&version.to_le_bytes());
            // A newer format may change everything after its version.
            bytes[8..].fill(0xa5);
            let before = newer.clone();
            let error = refused(&newer, "a newer version");
            let expected =
                FormatError::TooNew { object: key.clone(), found: version, supported: FORMAT_VERSION };
            assert_eq!(error, Error::Format(expected));
            assert_eq!(error.code().name(), "format-too-new");
            assert_eq!(newer, before);
        }
        let mut older = host.objects.clone();
        let bytes = older.get_mut(key).expect("it is there");
        bytes[6..8].fill(0);
        let checksum = crc32fast::hash(&bytes[..12]).to_le_bytes();
        bytes[12..16].copy_from_slice(&checksum);
        assert_eq!(refused(&older, "an older version").code().name(), "format-too-old");
    }
}

/// A newer build put its manifest beside ours and died before removing ours: going back would fork the memory.
#[test]
fn a_newer_manifest_is_never_passed_over_for_an_older_one() {
    let mut host = stored();
    let manifest = keys(&host.objects, "manifest").next().expect("there is one").clone();
    let generation: u64 = manifest["manifest-".len()..].parse().expect("a number");
    let mut newer = host.objects[&manifest].clone();
    newer[6] = 9;
    host.objects.insert(format!("manifest-{:010}", generation + 1), newer);
    assert_eq!(refused(&host.objects, "a newer version").code().name(), "format-too-new");
}

/// A put that was not atomic after all: the swap of manifests was never acknowledged, so the one before counts.
#[test]
fn a_damaged_manifest_gives_way_to_the_one_before_it_if_that_is_still_there() {
    let mut host = stored();
    host.engine.maintain(at(30), true).expect("nothing has failed");
    let before = contents(&host.engine);
    let mut objects = host.objects.clone();
    let from = host.written.len();
    host.persist();
    for (operation, _) in &host.written[from..] {
        match operation {
            StorageOperation::Put { key, bytes } if key.starts_with("manifest") => {
                objects.insert(key.clone(), bytes[..bytes.len() / 2].to_vec());
                break;
            }
            other => apply(&mut objects, other),
        }
    }
    let (mut host, report) = Host::over(config(), objects, 1);
    assert_eq!(contents(&host.engine), before);
    assert_eq!(report.leftovers.len(), 2, "the segment and the manifest: {:?}", report.leftovers);
    host.add(text("goes on"), at(31));
    let report = host.crash();
    assert_eq!((host.engine.len(), report.leftovers), (before.len() + 1, Vec::new()));
}

/// Recomputes the checksums of a frame after its payload was changed.
fn frame(number: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_le_bytes().to_vec();
    out.extend(number.to_le_bytes());
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out.extend(payload);
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out
}

/// `bytes` with every frame's payload handed through `change`, under good checksums.
fn forged(bytes: &[u8], mut change: impl FnMut(usize, &mut Vec<u8>)) -> Vec<u8> {
    let starts = frame_starts(bytes);
    let mut out = bytes[..16].to_vec();
    for (index, pair) in starts.windows(2).enumerate() {
        let number = bytes[pair[0] + 4..].first_chunk::<8>().expect("a whole frame");
        let mut payload = bytes[pair[0] + 16..pair[1] - 4].to_vec();
        change(index, &mut payload);
        out.extend(frame(u64::from_le_bytes(*number), &payload));
    }
    out
}

fn replace(payload: &mut Vec<u8>, from: &[u8], to: &[u8]) -> bool {
    let found = payload.windows(from.len()).position(|window| window == from);
    if let Some(at) = found {
        payload.splice(at..at + from.len(), to.iter().copied());
    }
    found.is_some()
}

/// Metadata nested so deep that reading it level by level would exhaust the stack.
#[test]
fn bottomless_nesting_is_refused() {
    const LIST: u8 = 4;
    const MAP: u8 = 5;
    let mut host = Host::new(config());
    let marked = NewRecord { metadata: [("k".to_owned(), "MARK".into())].into(), ..text("nested") };
    host.add(marked, START);
    let log = active_log(&host.objects);
    let levels = |count: usize, level: &[u8]| [level.repeat(count), vec![0]].concat();
    for level in [&[LIST, 1][..], &[MAP, 1, 0]] {
        for (count, fits) in [(15, true), (300, false), (2_000_000, false)] {
            let mut deep = host.objects.clone();
            let bytes = forged(&deep[&log], |_, payload| {
                assert!(replace(payload, b"\x03\x04MARK", &levels(count, level)), "the mark is stored so");
            });
            deep.insert(log.clone(), bytes);
            let result = opened(&deep);
            assert_eq!(result.is_ok(), fits, "{count} levels of {level:?}");
        }
    }
}

/// Figures no writer could have reached, under good checksums.
#[test]
fn absurd_figures_are_refused() {
    let host = stored();
    let key = keys(&host.objects, "manifest").next().expect("there is one").clone();
    // Generation, then the last sealed commit, stand first.
    let payload_of = |bytes: &[u8]| bytes[32..bytes.len() - 4].to_vec();
    let original = payload_of(&host.objects[&key]);
    let generation: u64 = key["manifest-".len()..].parse().expect("a number");
    assert_eq!(original[0], generation as u8);
    let mut objects = host.objects.clone();
    let payload = [&original[..1], &varint(u64::MAX), &original[2..]].concat();
    let bytes = [&host.objects[&key][..16], &frame(generation, &payload)].concat();
    objects.insert(key.clone(), bytes);
    assert_eq!(refused(&objects, "2^64 commits").code().name(), "corrupt-data");

    let mut objects = host.objects.clone();
    objects.remove(&key);
    let payload = [&varint(u64::MAX), &original[1..]].concat();
    let bytes = [&host.objects[&key][..16], &frame(u64::MAX, &payload)].concat();
    objects.insert(format!("manifest-{}", u64::MAX), bytes);
    assert_eq!(refused(&objects, "2^64 manifests").code().name(), "corrupt-data");

    // Last stand the dimensions of the space, an empty list of projections, that no tier is trained, and where those begin
    // that are not compared yet.
    let end = original.len() - if original[original.len() - 1] == 0 { 1 } else { 20 };
    let (rest, tail) = original.split_at(end - 4);
    assert_eq!(tail[..4], [0; 4]);
    let stored_as = |payload: &[u8]| {
        let mut objects = host.objects.clone();
        let bytes = [&host.objects[&key][..16], &frame(generation, payload)].concat();
        objects.insert(key.clone(), bytes);
        objects
    };
    for dimensions in [0, 1 << 31, u64::from(u32::MAX)] {
        let objects = stored_as(&[&rest[..rest.len() - 1], &varint(dimensions), tail].concat());
        assert_eq!(refused(&objects, "no such space").code().name(), "corrupt-data", "{dimensions}");
    }
    let untrained = [0u8; 3];
    let projection = |number: u8, dimensions: u8, basis: &[f32]| {
        let figures: Vec<u8> = basis.iter().flat_map(|figure| figure.to_le_bytes()).collect();
        [&[1, number][..], &1f32.to_le_bytes(), &[dimensions, 0, basis.len() as u8], &figures].concat()
    };
    let encoder = |name: &str, width: u8| {
        let named = [&[name.len() as u8][..], name.as_bytes(), &[width]].concat();
        [&[1, 0][..], &1f32.to_le_bytes(), &[rest[rest.len() - 1], 1], &named].concat()
    };
    let dimensions = rest[rest.len() - 1];
    let uncompared = &tail[4..];
    let axis: Vec<f32> = (0..dimensions).map(|at| f32::from(u8::from(at == 0))).collect();
    let sound = stored_as(&[rest, &projection(0, dimensions, &axis), &[0, 0, 1, 0], uncompared].concat());
    assert_eq!(opened(&sound).expect("long-term is trained to one axis").0, contents(&host.engine));
    let sound = stored_as(&[rest, &encoder("bent", 1), &[0, 0, 1, 0], uncompared].concat());
    assert_eq!(opened(&sound).expect("long-term is trained to an encoder").0, contents(&host.engine));
    for (what, projection, trained) in [
        ("an encoder without a name", encoder("", 1), untrained.to_vec()),
        ("an encoder that makes nothing", encoder("bent", 0), untrained.to_vec()),
        ("an encoder that makes more", encoder("bent", dimensions + 1), untrained.to_vec()),
        ("trained to a projection that is not there", vec![0], vec![0, 0, 1, 3]),
        ("a number that is too high", projection(16, dimensions, &axis), untrained.to_vec()),
        ("other dimensions", projection(0, dimensions - 1, &axis[1..]), untrained.to_vec()),
        ("half a row", projection(0, dimensions, &axis[1..]), untrained.to_vec()),
        ("no rows", projection(0, dimensions, &[]), untrained.to_vec()),
        ("no number", projection(0, dimensions, &vec![f32::NAN; axis.len()]), untrained.to_vec()),
    ] {
        let objects = stored_as(&[rest, &projection, &trained, uncompared].concat());
        assert_eq!(refused(&objects, what).code().name(), "corrupt-data", "{what}");
    }
    // Behind all that may stand where the vectors of the space begin.
    let many = varint(1 << 40);
    let switched = stored_as(&[&original[..], &many, &many].concat());
    let without_vectors = |(record, _): (Record, _)| (record, None);
    let expected: Vec<_> = contents(&host.engine).into_iter().map(without_vectors).collect();
    assert_eq!(opened(&switched).expect("the vectors are of another space").0, expected);
    for tail in [[varint(u64::MAX), varint(1)], [varint(1), varint(u64::MAX)], [varint(1), vec![128]]] {
        let objects = stored_as(&[&original[..], &tail.concat()].concat());
        assert_eq!(refused(&objects, "no such place").code().name(), "corrupt-data", "{tail:?}");
    }
}

/// Occurrences of terms that add up to more than a counter holds.
#[test]
fn absurd_term_counts_do_not_overflow() {
    let mut host = Host::new(config());
    host.add(text("zig zag"), START);
    host.maintain(START, true);
    let key = keys(&host.objects, "segment").next().expect("it is sealed").clone();
    let mut found = false;
    let bytes = forged(&host.objects[&key], |_, payload| {
        // Five terms: two words, and the day in words.
        let most = [0xff, 0xff, 0xff, 0xff, 0x0f];
        let counts: Vec<u8> = (0..5).flat_map(|term| [&[term][..], &most].concat()).collect();
        found |= replace(payload, &[5, 0, 1, 1, 1, 2, 1, 3, 1, 4, 1], &[&[5][..], &counts].concat());
    });
    assert!(found, "terms are stored so");
    // The manifest has to agree with the new length.
    let manifest = keys(&host.objects, "manifest").next().expect("there is one").clone();
    let (before, after) = (host.objects[&key].len() as u64, bytes.len() as u64);
    let patched = forged(&host.objects[&manifest], |_, payload| {
        assert!(replace(payload, &varint(before), &varint(after)), "the length is stored so");
    });
    host.objects.insert(manifest, patched);
    host.objects.insert(key, bytes);
    assert_eq!(opened(&host.objects).map(|(found, _)| found.len()), Ok(1));
    exercise(&host.objects);
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 127 {
        out.push(number as u8 | 128);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

/// Uses whatever opened, so that damage which slipped in has every chance to show as a panic.
fn exercise(objects: &Objects) {
    if try_open(objects, &config(), 1).is_err() {
        return;
    }
    let (mut host, _) = Host::over(config(), objects.clone(), 1);
    let everyone = Scope::default();
    let records = host.engine.list(&everyone, None, None, 50, LONG_AGO).records;
    let query =
        stratamem_core::Query { text: "memory number many words".into(), limit: 5, ..Default::default() };
    host.engine.recall(&everyone, None, query, START, true).expect("a plain question");
    let operations =
        records.iter().map(|record| Operation::Forget { id: record.id, vector: None, if_version: None });
    if host.engine.commit(&everyone, None, operations.collect(), LONG_AGO).is_ok() {
        host.persist();
        host.maintain(START, true);
    }
}

fn garbage_key() -> impl Strategy<Value = String> {
    prop_oneof![
        (prop_oneof![Just("log"), Just("segment"), Just("manifest")], 0u64..12)
            .prop_map(|(kind, number)| format!("{kind}-{number:010}")),
        "[a-z]{0,8}-?[0-9]{0,22}",
    ]
}

fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let frames = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        // A good header and good frames around nonsense.
        (1u8..=3, 0u64..12, frames).prop_map(|(kind, first, payloads)| {
            let mut bytes = b"STRM".to_vec();
            bytes.extend([kind, 0, 1, 0, 0, 0, 0, 0]);
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            for (index, payload) in payloads.iter().enumerate() {
                bytes.extend(frame(first + index as u64, payload));
            }
            bytes
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn garbage_never_panics(objects in prop::collection::btree_map(garbage_key(), garbage(), 0..6)) {
        exercise(&objects);
        prop_assert!(LARGEST.load(Ordering::Relaxed) < TOO_MUCH);
    }

    /// Payloads of a real memory with a few bytes changed, under good checksums.
    #[test]
    fn forged_objects_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
        which in any::<prop::sample::Index>(),
    ) {
        let mut objects = FORGED.with(Clone::clone);
        let key = which.get(&objects.keys().cloned().collect::<Vec<_>>()).clone();
        let bytes = forged(&objects[&key], |index, payload| {
            for (frame, position, byte) in &changes {
                if frame.index(4) == index && !payload.is_empty() {
                    let at = position.index(payload.len());
                    payload[at] = *byte;
                }
            }
        });
        objects.insert(key, bytes);
        exercise(&objects);
        prop_assert!(LARGEST.load(Ordering::Relaxed) < TOO_MUCH);
    }
}

thread_local! {
    static FORGED: Objects = stored().objects;
}
