//! What may be put into a prompt: of which sort, in which order, for whom, and what says it already.

mod support;

use stratamem_core::{
    Beside, Config, ContextRequest, Engine, Filter, Kind, NewRecord, Piece, Query, RecordId, Scope, Section,
    Selection, Value,
};
use support::{Host, add, at, text, user};

const DAY: i64 = 86_400_000;
const NOW: i64 = 100 * DAY;

fn everything() -> Scope {
    Scope::default()
}

fn all() -> Option<Selection> {
    Some(Selection { limit: 10, ..Selection::default() })
}

/// The ids of what is recalled, best first.
fn hits(engine: &mut Engine, view: &Scope, words: &str, limit: usize) -> Vec<RecordId> {
    let query = Query { text: words.into(), limit, ..Query::default() };
    let hits = engine.recall(view, None, query, at(NOW), false).expect("a plain question");
    hits.into_iter().map(|hit| hit.record.id).collect()
}

fn gather(engine: &Engine, view: &Scope, request: &ContextRequest) -> Vec<Piece> {
    engine.gather(view, request, at(NOW))
}

fn ids(pieces: &[Piece], section: Section) -> Vec<RecordId> {
    pieces.iter().filter(|piece| piece.section == section).map(|piece| piece.record.id).collect()
}

fn said(words: &str, session: &str, day: i64) -> NewRecord {
    let scope = Scope { session: Some(session.to_owned()), ..Scope::default() };
    NewRecord { scope, actor: Some("Ada".into()), occurred_at: Some(at(day * DAY)), ..text(words) }
}

fn remember(records: Vec<NewRecord>) -> (Host, Vec<RecordId>) {
    let mut host = Host::new(Config::default());
    let operations = records.into_iter().map(add).collect();
    let ids = host.commit(&everything(), operations, at(NOW)).ids;
    host.persist();
    (host, ids)
}

fn only(name: &str, value: &str) -> Filter {
    let entries = [(name.to_owned(), Value::Text(value.to_owned()))];
    Filter::from_value(&Value::Map(entries.into_iter().collect())).expect("a plain filter")
}

#[test]
fn each_section_has_its_order_and_a_record_belongs_to_the_first() {
    let pinned =
        |words, importance| NewRecord { pinned: true, importance: Some(importance), ..said(words, "a", 1) };
    let (mut host, made) = remember(vec![
        pinned("The kettle is dented", 0.3),
        pinned("The harbour closes at ten", 0.9),
        said("A kettle whistled in the harbour", "a", 2),
        said("Nobody saw the lighthouse", "a", 3),
        said("Somebody saw a whale", "b", 4),
    ]);
    let request = ContextRequest {
        hits: hits(&mut host.engine, &everything(), "kettle", 10),
        pinned: all(),
        recent: Some(Selection { limit: 2, ..Selection::default() }),
        related: Some(Beside { hits: 3, depth: 1 }),
        ..ContextRequest::default()
    };
    let pieces = gather(&host.engine, &everything(), &request);
    assert_eq!(ids(&pieces, Section::Pinned), [made[1], made[0]], "the most important first");
    assert_eq!(ids(&pieces, Section::Recent), [made[4], made[3]], "the latest first");
    assert_eq!(ids(&pieces, Section::Recalled), [made[2]]);
    let hit = pieces.iter().find(|piece| piece.record.id == made[0]).expect("it is pinned");
    assert!(hit.rank.is_some(), "a pinned record can be a hit as well");
    // What stands beside a hit is named so even where it is considered for another reason.
    let beside = pieces.iter().find(|piece| piece.record.id == made[3]).expect("it is recent");
    assert_eq!(beside.beside, Some(made[2]));
}

#[test]
fn what_is_beside_a_hit_passes_its_filter_and_has_not_expired() {
    let tagged = |words: &str| NewRecord { kind: Some(Kind("note".into())), ..said(words, "a", 2) };
    let expiring = NewRecord { expires_at: Some(at(NOW + 1)), ..said("before it", "a", 1) };
    let (mut host, made) = remember(vec![
        expiring,
        said("the kettle sings", "a", 2),
        tagged("after it"),
        said("far from it", "a", 9),
    ]);
    let hits = hits(&mut host.engine, &everything(), "kettle", 1);
    let request = |filter| ContextRequest {
        hits: hits.clone(),
        filter,
        related: Some(Beside { hits: 1, depth: 1 }),
        ..ContextRequest::default()
    };
    let pieces = gather(&host.engine, &everything(), &request(None));
    assert_eq!(ids(&pieces, Section::Related), [made[0], made[2]]);
    let pieces = gather(&host.engine, &everything(), &request(Some(only("$kind", "episodic"))));
    assert_eq!(ids(&pieces, Section::Related), [made[0]]);
    let later = host.engine.gather(&everything(), &request(None), at(NOW + 2));
    assert_eq!(ids(&later, Section::Related), [made[2]]);
}

#[test]
fn selections_filter_and_end_at_a_moment() {
    let (host, made) = remember((0..6).map(|day| said(&format!("event number {day}"), "a", day)).collect());
    let recent = |since, filter, limit| {
        let selection = Selection { limit, filter, since };
        let request = ContextRequest { recent: Some(selection), ..ContextRequest::default() };
        ids(&gather(&host.engine, &everything(), &request), Section::Recent)
    };
    assert_eq!(recent(None, None, 2), [made[5], made[4]]);
    assert_eq!(recent(Some(at(4 * DAY)), None, 9), [made[5], made[4]]);
    assert_eq!(recent(None, Some(only("$text", "event number 1")), 9), [made[1]]);
    assert_eq!(recent(None, Some(only("$text", "nothing")), 9), []);
}

#[test]
fn a_repetition_names_what_says_it_already() {
    let note = |words: &str, day| NewRecord { kind: Some(Kind("semantic".into())), ..said(words, "a", day) };
    let by = |actor: &str, record: NewRecord| NewRecord { actor: Some(actor.into()), ..record };
    let cases = [
        // The same in other spelling; a sentence of a longer text; the same on another day, where it is no event.
        (note("The ferry leaves at nine", 1), note("the ferry leaves at nine!", 1), true),
        (note("It rains. The ferry leaves at nine.", 1), note("The ferry leaves at nine", 1), true),
        (note("The ferry leaves at nine", 1), note("The ferry leaves at nine.", 50), true),
        (said("I ran ten miles", "a", 1), said("I ran ten miles!", "a", 1), true),
        // What may be another event, what somebody else says, what says something else or more.
        (said("I ran ten miles", "a", 1), said("I ran ten miles!", "a", 9), false),
        (note("The ferry leaves at nine", 1), by("Bo", note("The ferry leaves at nine!", 1)), false),
        (note("The code of the shed is 4417", 1), note("The code of the shed is 4418", 1), false),
        (note("The ferry leaves at nine", 1), note("The ferry never leaves at nine", 1), false),
        (note("The ferry leaves at nine", 1), note("It rains. The ferry leaves at nine.", 1), false),
    ];
    for (first, second, expected) in cases {
        let label = format!("{} / {}", first.text, second.text);
        // Under ids of their own both are kept.
        let id = |number: u128| Some(RecordId(number));
        let first = NewRecord { id: id(1), pinned: true, ..first };
        let second = NewRecord { id: id(2), pinned: true, importance: Some(0.1), ..second };
        let (host, made) = remember(vec![first, second]);
        let request = ContextRequest { pinned: all(), ..ContextRequest::default() };
        let pieces = gather(&host.engine, &everything(), &request);
        assert_eq!(pieces[0].repeats, None, "{label}");
        assert_eq!(pieces[1].repeats, expected.then_some(made[0]), "{label}");
    }
}

#[test]
fn a_view_gets_nothing_that_it_does_not_see_and_uses_only_its_own() {
    let mut host = Host::new(Config::default());
    let mut made = Vec::new();
    for name in ["1", "10"] {
        let operations = vec![
            add(NewRecord { pinned: true, ..said("The kettle is dented", "a", 1) }),
            add(said("The kettle sang", "a", 2)),
            add(said("Everybody laughed", "a", 3)),
        ];
        made.push(host.commit(&user(name), operations, at(NOW)).ids);
    }
    host.persist();
    // Even what the host names is left out, if the view does not see it.
    let request = ContextRequest {
        hits: hits(&mut host.engine, &everything(), "kettle", 10),
        filter: None,
        pinned: all(),
        summaries: all(),
        recent: all(),
        related: Some(Beside { hits: 10, depth: 5 }),
    };
    assert_eq!(request.hits.len(), 6, "those of both, found by their words and by what is around them");
    let alone = gather(&host.engine, &user("1"), &request);
    assert_eq!(alone.len(), 3);
    assert!(alone.iter().all(|piece| made[0].contains(&piece.record.id)));
    assert!(
        alone
            .iter()
            .all(|piece| piece.repeats.is_none() && piece.beside.is_none_or(|id| made[0].contains(&id)))
    );
    let uses = [(made[0][0], 1.0), (made[1][0], 1.0), (RecordId(99), 1.0)];
    host.engine.put_to_use(&user("1"), &uses, at(NOW));
    let count = |host: &mut Host, id| {
        host.engine.get(&everything(), id, at(NOW), false).expect("it is there").usage.count
    };
    assert_eq!([count(&mut host, made[0][0]), count(&mut host, made[1][0])], [1, 0]);
    assert_eq!(count(&mut host, made[0][1]), 0, "gathering is no use");
}

/// Long texts are compared as wholes: sentence by sentence they would hold the caller up.
#[test]
fn a_long_text_repeats_only_the_very_same() {
    let long: String = (0..2_000).map(|number| format!("Step {number} leads on. ")).collect();
    let texts = [long.clone(), format!("{long}Then it ends."), long.clone()];
    // Under ids of their own all are kept.
    let pinned = |(text, number)| NewRecord {
        id: Some(RecordId(number)),
        pinned: true,
        text,
        importance: Some(if number == 1 { 1.0 } else { 0.5 }),
        ..NewRecord::default()
    };
    let (host, made) = remember(texts.into_iter().zip(1..).map(pinned).collect());
    let request = ContextRequest { pinned: all(), ..ContextRequest::default() };
    let pieces = gather(&host.engine, &everything(), &request);
    let repeating = pieces.iter().filter_map(|piece| Some((piece.record.id, piece.repeats?)));
    assert_eq!(repeating.collect::<Vec<_>>(), [(made[2], made[0])]);
    assert_eq!(pieces.len(), 3);
}
