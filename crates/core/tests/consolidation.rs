//! Consolidation: what is known is not added twice, what says the same becomes one, old episodes become summaries, and
//! what was forgotten is gone from them.

mod support;

use proptest::prelude::*;
use stratamem_core::consolidate::Grouping;
use stratamem_core::{
    Config, Consolidate, Consolidation, Direction, Episodes, Event, Filter, Form, GroupSearch, Kind,
    KindConfig, NewRecord, Operation, Patch, Query, Reason, Record, RecordId, Repeat, Repeats, Scope, Span,
    Tier, Timestamp, Value,
};
use support::{Host, START, add, contents, space, text, user};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn after(ms: i64) -> Timestamp {
    START + Span(ms)
}

fn everyone() -> Scope {
    Scope::default()
}

fn fact(words: &str) -> NewRecord {
    NewRecord { kind: Some(Kind(Kind::SEMANTIC.into())), ..text(words) }
}

fn forget(id: RecordId) -> Operation {
    Operation::Forget { id, vector: None, if_version: None }
}

fn all(host: &Host) -> Vec<Record> {
    contents(&host.engine).into_iter().map(|(record, _)| record).collect()
}

fn recall(host: &mut Host, words: &str, now: Timestamp) -> Vec<RecordId> {
    let query = Query { text: words.into(), limit: 5, ..Query::default() };
    let hits = host.engine.recall(&everyone(), None, query, now, true).expect("the question is good");
    hits.into_iter().map(|hit| hit.record.id).collect()
}

#[test]
fn a_fact_that_is_known_counts_as_a_use() {
    let mut host = Host::new(Config::default());
    let first = host.add(fact("Ada prefers metric units"), START);
    let again =
        host.add(NewRecord { importance: Some(0.9), ..fact("ada prefers metric units!") }, after(DAY));
    assert_eq!(again, first);
    let events = host.engine.drain_events();
    assert!(events.contains(&Event::MemoryRepeated { id: first, because: Repeat::Known }));
    let [record] = &all(&host)[..] else { panic!("one record is left") };
    assert_eq!((record.text.as_str(), record.usage.count), ("Ada prefers metric units", 1));
    // Somebody found it more important than before.
    assert_eq!((record.importance, record.version), (0.9, 2));
    host.reopen(after(DAY));
    assert_eq!(all(&host)[0].usage.count, 1);
}

#[test]
fn what_differs_in_anything_is_not_known() {
    let mut host = Host::new(Config::default());
    let base = || NewRecord { actor: Some("Ada".into()), ..fact("I like green tea best") };
    let mut others = vec![base()];
    others.push(NewRecord { actor: Some("Bob".into()), ..base() });
    others.push(NewRecord { scope: user("bob"), ..base() });
    others.push(NewRecord { tags: vec!["drinks".into()], ..base() });
    others.push(NewRecord { metadata: [("room".to_owned(), Value::Number(2.0))].into(), ..base() });
    others.push(NewRecord { kind: Some(Kind("rule".into())), ..base() });
    others.push(NewRecord { expires_at: Some(after(DAY)), ..base() });
    others.push(fact("I do not like green tea best"));
    let count = others.len();
    for record in others {
        host.add(record, START);
    }
    assert_eq!(host.engine.len(), count);
    host.maintain(after(HOUR), false);
    assert_eq!(host.engine.len(), count, "nor does maintenance take it for the same");
}

#[test]
fn an_id_of_ones_own_and_a_configuration_keep_repeats() {
    let mut host = Host::new(Config::default());
    host.add(fact("Ada prefers metric units"), START);
    let id = host.engine.next_id(START);
    assert_eq!(host.add(NewRecord { id: Some(id), ..fact("Ada prefers metric units") }, START), id);
    assert_eq!(host.engine.len(), 2);

    let keep = Consolidation { repeats: Repeats::Keep, duplicates: false, ..Consolidation::default() };
    let never = KindConfig { consolidate: Some(Consolidate::Never), ..KindConfig::default() };
    for config in [
        Config { consolidation: keep, ..Config::default() },
        Config { kinds: [(Kind::SEMANTIC.to_owned(), never)].into(), ..Config::default() },
    ] {
        let mut host = Host::new(config);
        host.add(fact("Ada prefers metric units"), START);
        host.add(fact("Ada prefers metric units"), START);
        host.maintain(after(HOUR), false);
        assert_eq!(host.engine.len(), 2);
    }
}

#[test]
fn what_was_recalled_is_recognised_when_it_is_added() {
    let mut host = Host::new(Config::default());
    let known = host.add(text("Ada prefers metric units for cooking"), START);
    // Said again by itself, it is another event.
    let other = host.add(text("Ada prefers metric units for cooking"), after(MINUTE));
    assert_ne!(other, known);
    host.commit(&everyone(), vec![forget(other)], after(MINUTE));
    host.engine.drain_events();

    assert_eq!(recall(&mut host, "which units does Ada prefer?", after(2 * MINUTE)), [known]);
    let echo = host.add(text("ada prefers metric units for cooking."), after(5 * MINUTE));
    assert_eq!(echo, known);
    let events = host.engine.drain_events();
    assert!(events.contains(&Event::MemoryRepeated { id: known, because: Repeat::Recalled }), "{events:?}");

    // Long after the recall, it is somebody's own words again.
    let later = host.add(text("Ada prefers metric units for cooking"), after(30 * MINUTE));
    assert_ne!(later, known);
}

#[test]
fn short_answers_are_no_echoes() {
    let mut host = Host::new(Config::default());
    let yes = host.add(text("Yes, please."), START);
    assert_eq!(recall(&mut host, "yes", after(MINUTE)), [yes]);
    assert_ne!(host.add(text("Yes, please."), after(2 * MINUTE)), yes);
}

#[test]
fn an_echo_with_a_word_less_is_one() {
    let mut host = Host::new(Config::default());
    let known = host.add(text("Ada really prefers metric units for cooking"), START);
    recall(&mut host, "which units does Ada prefer?", after(MINUTE));
    assert_eq!(host.add(text("Ada prefers metric units for cooking"), after(2 * MINUTE)), known);
    // One that says something else is none.
    assert_ne!(host.add(text("Ada prefers metric units for baking"), after(2 * MINUTE)), known);
}

#[test]
fn what_is_told_twice_of_the_same_moment_is_one() {
    let mut host = Host::new(Config::default());
    let turn = || NewRecord { occurred_at: Some(after(-DAY)), ..text("We met at the lake") };
    let first = host.add(turn(), START);
    assert_eq!(host.add(turn(), after(DAY)), first);
    let other = NewRecord { occurred_at: Some(after(-2 * DAY)), ..turn() };
    assert_ne!(host.add(other, after(DAY)), first);
}

#[test]
fn one_transaction_sees_its_own_repeats() {
    let mut host = Host::new(Config::default());
    let twice =
        vec![add(fact("Bob lives in Oslo")), add(fact("Bob lives in Oslo")), add(fact("Bob lives in Rome"))];
    let ids = host.commit(&everyone(), twice, START).ids;
    assert_eq!(ids[0], ids[1]);
    assert_eq!(host.engine.len(), 2);
    // What the transaction has reworded no longer says it.
    let patch = Patch { text: Some("Bob lives in Bergen".into()), ..Patch::default() };
    let reword = Operation::Update { id: ids[0], patch: Box::new(patch), vector: None, if_version: None };
    let more = host.commit(&everyone(), vec![reword, add(fact("Bob lives in Oslo"))], START).ids;
    assert_ne!(more[1], ids[0]);
    assert_eq!(host.engine.len(), 3);
}

#[test]
fn duplicates_become_one_and_their_ids_still_lead_there() {
    let mut host = Host::new(Config::default());
    let adds = |count| {
        let record = |_| add(NewRecord { importance: Some(0.3), ..fact("Ada prefers metric units") });
        (0..count).map(record).collect::<Vec<_>>()
    };
    host.config.consolidation.repeats = Repeats::Keep;
    host.reopen(START);
    let ids = host.commit(&everyone(), adds(5), START).ids;
    assert_eq!(host.engine.len(), 5);
    host.commit(&everyone(), vec![Operation::Reward { id: ids[3], value: 1.0, if_version: None }], START);
    host.commit(
        &everyone(),
        vec![Operation::Move {
            id: ids[4],
            direction: Direction::Up,
            to: Some(Tier::LongTerm),
            if_version: None,
        }],
        after(MINUTE),
    );
    host.engine.get(&everyone(), ids[1], after(HOUR), true);
    host.persist();
    host.engine.drain_events();
    host.maintain(after(HOUR), false);

    let [record] = &all(&host)[..] else { panic!("one record is left") };
    // The most durable one stays, and has everything.
    assert_eq!((record.id, record.tier), (ids[4], Tier::LongTerm));
    assert_eq!(record.usage.count, 1);
    assert_eq!(record.usage.reward.map(|reward| reward.mean), Some(1.0));
    let origins: Vec<RecordId> = record.origins.iter().map(|origin| origin.id).collect();
    assert_eq!(origins, ids[..4]);
    assert!(record.origins.iter().all(|origin| origin.text.is_none()));
    let told: Vec<Event> = host.engine.drain_events();
    let form = Form::Duplicate;
    assert!(
        told.contains(&Event::MemoryConsolidated { id: ids[4], origins: ids[..4].to_vec(), form }),
        "{told:?}"
    );

    host.reopen(after(HOUR));
    for id in &ids {
        assert_eq!(
            host.engine.get(&everyone(), *id, after(HOUR), false).map(|record| record.id),
            Some(ids[4])
        );
    }
    // An id that went into another record cannot be changed, nor taken again.
    let patch = Patch { importance: Some(1.0), ..Patch::default() };
    let update = Operation::Update { id: ids[0], patch: Box::new(patch), vector: None, if_version: None };
    let refused = host.engine.commit(&everyone(), None, vec![update], after(HOUR)).expect_err("it is gone");
    assert_eq!(refused.code().name(), "consolidated");
    let retake = add(NewRecord { id: Some(ids[0]), ..text("something else") });
    let refused = host.engine.commit(&everyone(), None, vec![retake], after(HOUR)).expect_err("it is taken");
    assert_eq!(refused.code().name(), "already-exists");
    // Forgotten, it leads nowhere; what others said stays.
    host.commit(&everyone(), vec![forget(ids[0])], after(HOUR));
    assert!(host.engine.get(&everyone(), ids[0], after(HOUR), false).is_none());
    assert_eq!(all(&host)[0].origins.len(), 3);
    let again = host.engine.commit(&everyone(), None, vec![forget(ids[0])], after(HOUR));
    assert_eq!(again.expect_err("it is gone").code().name(), "not-found");
}

#[test]
fn a_near_duplicate_goes_into_the_one_that_says_it_all() {
    let mut host = Host::new(Config::default());
    let short = host.add(fact("Ada prefers metric units"), START);
    let promote = Operation::Move {
        id: short,
        direction: Direction::Up,
        to: Some(Tier::Intermediate),
        if_version: None,
    };
    host.commit(&everyone(), vec![promote], START);
    let long = host.add(fact("Ada really prefers metric units"), after(MINUTE));
    let trap = host.add(fact("Ada never prefers metric units"), after(MINUTE));
    assert_eq!(host.engine.len(), 3);
    host.engine.drain_events();
    host.maintain(after(2 * MINUTE), false);

    assert_eq!(all(&host).iter().map(|record| record.id).collect::<Vec<_>>(), [long, trap]);
    let record = &all(&host)[0];
    assert_eq!((record.text.as_str(), record.tier), ("Ada really prefers metric units", Tier::Intermediate));
    assert_eq!(record.origins[0].text.as_deref(), Some("Ada prefers metric units"));
    assert_eq!(record.moves.last().map(|step| step.reason), Some(Reason::Merged));
    let told = host.engine.drain_events();
    let form = Form::NearDuplicate;
    assert!(told.contains(&Event::MemoryConsolidated { id: long, origins: vec![short], form }), "{told:?}");
    host.reopen(after(2 * MINUTE));
    assert_eq!(&all(&host)[0], record);
}

/// A program that adds and ends, and never maintains: whoever opens the memory next compares what was added, though it
/// is sealed by then.
#[test]
fn near_duplicates_are_found_after_reopening() {
    let mut host = Host::new(Config { seal_bytes: 4_096, ..Config::default() });
    let short = host.add(fact("Ada prefers metric units"), START);
    let long = host.add(fact("Ada really prefers metric units"), START);
    for number in 0..80 {
        host.add(fact(&format!("Shelf {number} holds the box with the number {}", number * 7)), START);
    }
    host.persist();
    let sealed = host.engine.stats(&everyone(), START).engine.expect("the view sees everything").segments;
    assert!(sealed > 0, "the commits have sealed the log");
    host.crash();
    host.maintain(after(MINUTE), false);
    assert!(
        host.engine.get(&everyone(), short, after(MINUTE), false).is_some_and(|record| record.id == long)
    );
    // Once, and not at every opening.
    host.maintain(after(MINUTE), true);
    host.reopen(after(MINUTE));
    let more = host.engine.maintain(after(2 * MINUTE), false).expect("nothing has failed").more;
    assert!(!more, "everything is compared");
}

#[test]
fn events_merge_only_when_they_are_the_same_event() {
    let mut host = Host::new(Config::default());
    let turn = |at: i64| NewRecord {
        occurred_at: Some(after(at)),
        tier: Some(Tier::LongTerm),
        ..text("I went to the gym today")
    };
    let monday = host.add(turn(0), START);
    let evening = host.add(turn(8 * HOUR), START);
    let thursday = host.add(turn(3 * DAY), START);
    let brief = |at| NewRecord { text: "Yes.".into(), ..turn(at) };
    host.add(brief(0), START);
    host.add(brief(HOUR), START);
    host.maintain(after(HOUR), false);
    let ids: Vec<RecordId> = all(&host).iter().map(|record| record.id).collect();
    assert!(ids.contains(&monday) && !ids.contains(&evening) && ids.contains(&thursday));
    assert_eq!(ids.len(), 4);
}

#[test]
fn pinned_records_stay_and_take_the_others_in() {
    let mut host = Host::new(Config {
        consolidation: Consolidation { repeats: Repeats::Keep, ..Consolidation::default() },
        ..Config::default()
    });
    host.add(fact("Tea is served at five"), START);
    let pinned = host.add(NewRecord { pinned: true, ..fact("Tea is served at five") }, START);
    let also = host.add(NewRecord { pinned: true, ..fact("Tea is served at five") }, START);
    host.maintain(after(HOUR), false);
    let ids: Vec<RecordId> = all(&host).iter().map(|record| record.id).collect();
    assert_eq!(ids, [pinned, also]);
}

#[test]
fn many_repeats_keep_the_latest_origins() {
    let mut host = Host::new(Config {
        consolidation: Consolidation { repeats: Repeats::Keep, ..Consolidation::default() },
        ..Config::default()
    });
    let operations = (0..700).map(|_| add(fact("Tea is served at five"))).collect();
    let ids = host.commit(&everyone(), operations, START).ids;
    host.maintain(after(HOUR), false);
    let [record] = &all(&host)[..] else { panic!("one record is left") };
    assert_eq!(record.origins.len(), Record::ORIGINS);
    assert_eq!(record.origins.last().map(|origin| origin.id), ids.last().copied());
}

fn episodes() -> Config {
    let episodes = Episodes {
        retention_below: 1.0,
        share: 0.6,
        group: Grouping { similarity: 0.0, ..Grouping::default() },
        ..Episodes::default()
    };
    let consolidation = Consolidation { episodes: Some(episodes), ..Consolidation::default() };
    Config { consolidation, default_tier: Tier::Intermediate, ..Config::default() }
}

const TRIP: [&str; 4] = [
    "We booked the train to Lisbon for the spring holiday.",
    "The train to Lisbon leaves at nine in the morning.",
    "In Lisbon we stay near the river, and the holiday flat has a balcony.",
    "After the holiday the train home from Lisbon was late.",
];

/// A memory with the trip, told by Ada hour by hour.
fn trip(config: Config) -> (Host, Vec<RecordId>) {
    let mut host = Host::new(config);
    let turn = |(at, words): (usize, &&str)| {
        let at = after(at as i64 * HOUR);
        let metadata =
            [("trip".to_owned(), Value::from("lisbon")), ("turn".to_owned(), Value::Number(at.0 as f64))];
        let record = NewRecord {
            actor: Some("Ada".into()),
            occurred_at: Some(at),
            metadata: metadata.into(),
            ..text(*words)
        };
        Operation::Add { record: Box::new(record), vector: Some(vec![1.0, at.0 as f32 % 7.0, 0.5, 2.0]) }
    };
    let ids = host.commit(&everyone(), TRIP.iter().enumerate().map(turn).collect(), START).ids;
    host.persist();
    (host, ids)
}

fn searched(host: &mut Host, now: Timestamp) -> Option<stratamem_core::Group> {
    loop {
        let GroupSearch { group, more } = host.engine.next_group(now).expect("nothing has failed");
        if group.is_some() || !more {
            return group;
        }
    }
}

#[test]
fn old_episodes_become_a_summary() {
    let (mut host, ids) = trip(episodes());
    assert_eq!(host.engine.next_deadline(), Some(after(7 * DAY)));
    assert!(searched(&mut host, after(DAY)).is_none(), "they are not old yet");
    let then = after(8 * DAY);
    let group = searched(&mut host, then).expect("they belong together");
    assert_eq!(group.ids, ids);
    assert_eq!(group.texts, TRIP);
    assert!(group.text.len() <= TRIP.concat().len() * 6 / 10);
    host.engine.drain_events();
    let summary = host
        .engine
        .summarise((&group.ids, &group.versions), None, None, None, then)
        .expect("it is good")
        .expect("nothing changed");
    host.persist();

    let [record] = &all(&host)[..] else { panic!("one record is left") };
    assert_eq!((record.id, record.tier, record.summary), (summary, Tier::LongTerm, true));
    assert_eq!(record.text, group.text);
    assert_eq!(
        record.metadata,
        [("trip".to_owned(), Value::from("lisbon"))].into(),
        "what they have in common"
    );
    assert_eq!(record.actor.as_deref(), Some("Ada"));
    assert!(host.engine.vector(&everyone(), summary, then).is_some(), "it lies among its origins");
    let origins: Vec<RecordId> = record.origins.iter().map(|origin| origin.id).collect();
    assert_eq!(origins, ids);
    let told = host.engine.drain_events();
    assert!(told.contains(&Event::MemoryConsolidated {
        id: summary,
        origins: ids.clone(),
        form: Form::Summary
    }));
    let found = recall(&mut host, "when does the train to Lisbon leave?", then);
    assert_eq!(found, [summary]);
    let before = all(&host);
    host.reopen(then);
    assert_eq!(all(&host), before);
    assert_eq!(host.engine.get(&everyone(), ids[2], then, false).map(|record| record.id), Some(summary));
    assert!(searched(&mut host, then + Span(DAY)).is_none(), "nothing is left to sum up");
}

#[test]
fn forgetting_an_origin_reaches_the_summary() {
    for own_words in [None, Some("Ada went to Lisbon by train; the flat was by the river.".to_owned())] {
        let (mut host, ids) = trip(episodes());
        let then = after(8 * DAY);
        let group = searched(&mut host, then).expect("they belong together");
        let said: Vec<usize> = (0..4).filter(|at| !group.extracts[*at].is_empty()).collect();
        let gone = said[0];
        let summary = host
            .engine
            .summarise((&group.ids, &group.versions), own_words, None, None, then)
            .expect("good")
            .expect("the same");
        let left: Vec<&str> = said[1..].iter().map(|at| group.extracts[*at].as_str()).collect();
        let [remainder] = &host.engine.remainders(&everyone(), &[ids[gone]], then)[..] else {
            panic!("one each")
        };
        assert_eq!(remainder.as_ref().map(|record| record.text.clone()), Some(left.join("\n")));

        let operation =
            Operation::Forget { id: ids[gone], vector: Some(vec![0.0, 0.0, 0.0, 1.0]), if_version: None };
        host.engine.drain_events();
        host.commit(&everyone(), vec![operation], then);
        host.persist();
        assert!(host.engine.drain_events().contains(&Event::MemoryForgotten { id: ids[gone] }));
        host.reopen(then);
        let record = &all(&host)[0];
        assert_eq!(record.text, left.join("\n"));
        assert_eq!(host.engine.vector(&everyone(), summary, then), Some(vec![0.0, 0.0, 0.0, 1.0]));
        // Not in storage either, once that is rewritten.
        host.maintain(then, true);
        let words = group.extracts[gone].as_bytes();
        let holds = |bytes: &Vec<u8>| bytes.windows(words.len()).any(|window| window == words);
        assert!(!host.objects.values().any(holds));
        // With the last of them the summary is gone.
        let rest = ids.iter().filter(|id| **id != ids[gone]).map(|id| forget(*id));
        let rest: Vec<Operation> = rest.collect();
        for operation in rest {
            if host.engine.is_empty() {
                break;
            }
            host.commit(&everyone(), vec![operation], then);
        }
        assert!(host.engine.is_empty());
    }
}

#[test]
fn a_summary_and_all_its_origins_can_be_forgotten_at_once() {
    for with_summary in [true, false] {
        let (mut host, mut ids) = trip(episodes());
        let then = after(8 * DAY);
        let group = searched(&mut host, then).expect("they belong together");
        let summary = host
            .engine
            .summarise((&group.ids, &group.versions), None, None, None, then)
            .expect("good")
            .expect("the same");
        if with_summary {
            ids.insert(0, summary);
        }
        host.commit(&everyone(), ids.iter().map(|id| forget(*id)).collect(), then);
        assert!(host.engine.is_empty());
    }
}

#[test]
fn a_filter_finds_what_was_consolidated() {
    let (mut host, ids) = trip(episodes());
    let then = after(8 * DAY);
    let group = searched(&mut host, then).expect("they belong together");
    host.engine
        .summarise((&group.ids, &group.versions), None, None, None, then)
        .expect("good")
        .expect("the same");
    let turn = Value::Number(after(HOUR).0 as f64);
    let filter = Filter::from_value(&Value::Map([("turn".to_owned(), turn)].into())).expect("a good filter");
    assert_eq!(host.engine.origins(&everyone(), &filter, then), [ids[1]]);
    assert_eq!(host.engine.origins(&user("bob"), &filter, then), []);
}

#[test]
fn a_group_that_has_changed_is_not_summed_up() {
    let then = after(8 * DAY);
    for change in 0..4 {
        let (mut host, ids) = trip(episodes());
        let group = searched(&mut host, then).expect("they belong together");
        let patch = match change {
            0 => Some(Patch { text: Some("We go by boat.".into()), ..Patch::default() }),
            1 => Some(Patch { pinned: Some(true), ..Patch::default() }),
            2 => Some(Patch { expires_at: Some(after(30 * DAY)), ..Patch::default() }),
            _ => None,
        };
        let operation = match patch {
            Some(patch) => {
                Operation::Update { id: ids[1], patch: Box::new(patch), vector: None, if_version: None }
            }
            None => forget(ids[1]),
        };
        host.commit(&everyone(), vec![operation], then);
        let before = all(&host);
        assert_eq!(host.engine.summarise((&group.ids, &group.versions), None, None, None, then), Ok(None));
        assert_eq!(all(&host), before);
    }
}

#[test]
fn a_small_share_still_says_something() {
    let mut config = episodes();
    let episodes = config.consolidation.episodes.as_mut().expect("they are summed up");
    episodes.share = 0.01;
    let (mut host, _) = trip(config);
    let group = searched(&mut host, after(8 * DAY)).expect("they belong together");
    assert_eq!(group.extracts.iter().filter(|said| !said.is_empty()).count(), 1);
}

#[test]
fn a_bad_summary_changes_nothing() {
    let (mut host, _) = trip(episodes());
    let then = after(8 * DAY);
    let group = searched(&mut host, then).expect("they belong together");
    let before = all(&host);
    let blank = host.engine.summarise((&group.ids, &group.versions), Some("  ".into()), None, None, then);
    assert_eq!(blank.expect_err("it says nothing").code().name(), "invalid-argument");
    let vector = Some(vec![1.0; 3]);
    let short = host.engine.summarise((&group.ids, &group.versions), None, Some(&space(3)), vector, then);
    assert_eq!(short.expect_err("it has other dimensions").code().name(), "dimension-mismatch");
    assert_eq!(all(&host), before);
    // Nor is one taken where the configuration asks for none.
    host.config = Config { default_tier: Tier::Intermediate, ..Config::default() };
    host.reopen(then);
    assert_eq!(host.engine.summarise((&group.ids, &group.versions), None, None, None, then), Ok(None));
}

#[test]
fn own_words_are_kept_when_an_origin_is_forgotten() {
    let (mut host, ids) = trip(episodes());
    let then = after(8 * DAY);
    let group = searched(&mut host, then).expect("they belong together");
    let summary = host
        .engine
        .summarise((&group.ids, &group.versions), None, None, None, then)
        .expect("good")
        .expect("the same");
    let patch = Patch { text: Some("Lisbon was lovely.".into()), ..Patch::default() };
    let update = Operation::Update { id: summary, patch: Box::new(patch), vector: None, if_version: None };
    host.commit(&everyone(), vec![update], then);
    host.commit(&everyone(), vec![forget(ids[0])], then);
    assert_eq!(all(&host)[0].text, "Lisbon was lovely.");
}

#[test]
fn bad_settings_are_all_named() {
    let episodes = Episodes {
        after: Span(-1),
        retention_below: 2.0,
        share: 0.0,
        group: Grouping { gap: Span(-1), span: Span(-1), similarity: -0.1, min: 1, max: 257 },
    };
    let consolidation =
        Consolidation { recall_window: Span(-1), episodes: Some(episodes), ..Consolidation::default() };
    let problem =
        Config { consolidation, ..Config::default() }.validate().expect_err("all is wrong").to_string();
    for field in [
        "recallWindow",
        "episodes/after",
        "retentionBelow",
        "gap",
        "span",
        "similarity",
        "min",
        "max",
        "share",
    ] {
        assert!(problem.contains(field), "{problem} names {field}");
    }
}

/// What a step of a generated history does.
#[derive(Debug, Clone)]
enum Step {
    Add { statement: usize, kind: usize, actor: usize, tier: Option<usize>, at: Option<i64> },
    Forget(usize),
    Recall(usize),
    Wait(i64),
    Maintain,
    Reopen,
    Crash,
}

const SAID: [&str; 6] = [
    "Ada prefers metric units for cooking",
    "ada prefers metric units, for cooking!",
    "Ada really prefers metric units for cooking",
    "The meeting in Oslo starts at nine o'clock",
    "The meeting in Oslo starts at ten o'clock",
    "Yes.",
];

fn step() -> impl Strategy<Value = Step> {
    let tier = prop::option::of(0usize..3);
    let at = prop::option::of((0i64..4).prop_map(|days| days * DAY));
    prop_oneof![
        6 => (0..SAID.len(), 0usize..2, 0usize..2, tier, at)
            .prop_map(|(statement, kind, actor, tier, at)| Step::Add { statement, kind, actor, tier, at }),
        1 => (0usize..40).prop_map(Step::Forget),
        1 => (0..SAID.len()).prop_map(Step::Recall),
        1 => (1i64..2 * DAY).prop_map(Step::Wait),
        2 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// Runs a history. After each step: every id that was handed out and not forgotten leads to a record that says what it
/// said, and no record says what nobody said.
fn run(steps: &[Step]) -> Vec<(Record, Option<Vec<f32>>)> {
    // No limit takes anything away, so that only consolidation does.
    let mut config = Config::default();
    for tier in [&mut config.working, &mut config.intermediate, &mut config.long_term] {
        (tier.max_items, tier.ttl) = (None, None);
    }
    config.seal_bytes = 4_096;
    let mut host = Host::new(config);
    let mut known: Vec<(RecordId, usize, bool)> = Vec::new();
    let mut now = START;
    for step in steps {
        match step {
            Step::Add { statement, kind, actor, tier, at } => {
                let record = NewRecord {
                    kind: Some(Kind([Kind::EPISODIC, Kind::SEMANTIC][*kind].into())),
                    actor: Some(["Ada", "Bob"][*actor].into()),
                    tier: tier.map(|at| Tier::ALL[at]),
                    occurred_at: at.map(after),
                    ..text(SAID[*statement])
                };
                let id = host.add(record, now);
                known.push((id, *statement, true));
            }
            Step::Forget(at) if !known.is_empty() => {
                let (id, ..) = known[at % known.len()];
                let outcome = host.engine.commit(&everyone(), None, vec![forget(id)], now);
                let was_there = known.iter().any(|(other, _, there)| *other == id && *there);
                // What was forgotten with the record that it had gone into is not found either.
                assert!(
                    outcome.is_ok() || !was_there || host.engine.get(&everyone(), id, now, false).is_none()
                );
                host.persist();
                let mut live = |id: RecordId| host.engine.get(&everyone(), id, now, false).is_some();
                let gone: Vec<bool> = known.iter().map(|(id, ..)| !live(*id)).collect();
                for (entry, gone) in known.iter_mut().zip(gone) {
                    entry.2 &= !gone;
                }
                assert!(known.iter().all(|(other, _, there)| *other != id || !there), "it is forgotten");
            }
            Step::Forget(_) => {}
            Step::Recall(statement) => {
                recall(&mut host, SAID[*statement], now);
            }
            Step::Wait(span) => now = now + Span(*span),
            Step::Maintain => {
                host.maintain(now, false);
                assert!(!host.engine.maintain(now, false).expect("nothing has failed").more);
                no_twins_are_left(&all(&host));
            }
            Step::Reopen => {
                let before = contents(&host.engine);
                host.reopen(now);
                assert_eq!(contents(&host.engine), before);
            }
            Step::Crash => {
                host.crash();
            }
        }
        for (id, statement, there) in &known {
            let record = host.engine.get(&everyone(), *id, now, false);
            assert_eq!(record.is_some(), *there, "step {step:?}");
            let Some(record) = record else { continue };
            // The first three say the same, or one says all that the others do.
            let class = |said: usize| if said < 3 { 0 } else { said };
            let says = SAID.iter().position(|said| *said == record.text).expect("somebody said it");
            assert_eq!(class(says), class(*statement));
        }
    }
    contents(&host.engine)
}

fn no_twins_are_left(records: &[Record]) {
    let class = |text: &str| SAID.iter().position(|said| *said == text).map(|at| at.max(1));
    for (at, one) in records.iter().enumerate() {
        for other in &records[at + 1..] {
            let alike =
                one.kind == other.kind && one.actor == other.actor && class(&one.text) == class(&other.text);
            assert!(!alike || one.kind.0 == Kind::EPISODIC, "{one:?} and {other:?} say the same");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nothing_that_was_said_is_lost(steps in prop::collection::vec(step(), 1..60)) {
        let once = run(&steps);
        prop_assert_eq!(once, run(&steps), "the same history gives the same memory");
    }
}
