//! The like of a record, and hits beyond a limit.

mod support;

use stratamem_core::{
    Config, Error, Hit, Kind, NewRecord, Operation, Query, RecordId, Scope, Signal, TierConfig, Weights,
};
use support::{Host, START, at, space, text, user, verbatim};

fn roomy() -> Host {
    let endless = TierConfig::default();
    Host::new(Config {
        working: endless.clone(),
        intermediate: endless,
        consolidation: verbatim(),
        ..Config::default()
    })
}

fn put(host: &mut Host, record: NewRecord, vector: Option<[f32; 4]>) -> RecordId {
    let vector = vector.map(|vector| vector.to_vec());
    let outcome =
        host.commit(&Scope::default(), vec![Operation::Add { record: Box::new(record), vector }], START);
    outcome.ids[0]
}

fn like(host: &mut Host, scope: &Scope, id: RecordId, query: Query) -> Result<Vec<RecordId>, Error> {
    let query = Query { like: Some(id), limit: 10, ..query };
    let hits = host.engine.recall(scope, None, query, at(1), false)?;
    Ok(hits.into_iter().map(|hit| hit.record.id).collect())
}

fn in_session(words: &str, session: &str, minute: i64) -> NewRecord {
    NewRecord {
        scope: Scope { session: Some(session.into()), ..user("ada") },
        occurred_at: Some(at(minute * 60_000)),
        ..text(words)
    }
}

#[test]
fn by_vector_by_words_and_by_session() {
    let mut host = roomy();
    let asked = put(&mut host, in_session("the kettle is on the shelf", "a", 1), Some([1.0, 0.0, 0.0, 0.0]));
    let near = put(&mut host, text("something else entirely"), Some([0.9, 0.1, 0.0, 0.0]));
    let far = put(&mut host, text("unlike all others"), Some([0.0, 0.0, 1.0, 0.0]));
    let same_words = put(&mut host, text("a kettle, a shelf"), None);
    let beside = put(&mut host, in_session("I see, thanks", "a", 2), None);
    let elsewhere = put(&mut host, in_session("never mind", "b", 2), None);
    let everyone = Scope::default();
    let found = like(&mut host, &everyone, asked, Query::default()).unwrap();
    assert!(!found.contains(&asked), "not itself");
    assert!([near, same_words, beside].iter().all(|id| found.contains(id)), "{found:?}");
    assert!(!found.contains(&elsewhere));
    assert!(found.iter().position(|id| *id == far).is_none_or(|at| at == found.len() - 1));
    // Its own searches alone: no neighbours.
    let searches = Query { weights: Weights::NONE, ..Query::default() };
    assert!(!like(&mut host, &everyone, asked, searches).unwrap().contains(&beside));
    // Nothing of it is needed but its place.
    let silent = put(&mut host, in_session("…", "b", 3), None);
    assert_eq!(like(&mut host, &everyone, silent, Query::default()).unwrap()[0], elsewhere);
}

#[test]
fn within_the_view() {
    let mut host = roomy();
    let of = |name: &str| NewRecord { scope: user(name), ..text("the kettle whistles") };
    let (ada, more, bo) =
        (put(&mut host, of("ada"), None), put(&mut host, of("ada"), None), put(&mut host, of("bo"), None));
    assert_eq!(like(&mut host, &user("ada"), ada, Query::default()).unwrap(), [more]);
    let refused = like(&mut host, &user("ada"), bo, Query::default()).unwrap_err();
    assert_eq!(refused.code().name(), "not-found");
    // As if nothing else existed: the other's records change no score.
    let score = |host: &mut Host| -> Vec<f32> {
        let query = Query { like: Some(ada), limit: 10, ..Query::default() };
        let hits = host.engine.recall(&user("ada"), None, query, at(1), false).unwrap();
        hits.iter().map(|hit| hit.score).collect()
    };
    let before = score(&mut host);
    put(&mut host, of("bo"), Some([1.0, 0.0, 0.0, 0.0]));
    assert_eq!(score(&mut host), before);
}

#[test]
fn a_record_that_went_into_another_stands_for_that() {
    let mut host = Host::new(Config::default());
    let said = |after: i64| NewRecord {
        kind: Some(Kind("semantic".into())),
        occurred_at: Some(at(after)),
        ..text("the kettle whistles")
    };
    let first = host.add(said(0), START);
    let again = host.add(said(-90 * 86_400_000), START);
    let other = host.add(text("a kettle on the stove whistles loudly"), START);
    host.maintain(at(1), false);
    let kept = host.engine.get(&Scope::default(), again, at(1), false).expect("it leads to the one").id;
    assert_eq!(host.engine.get(&Scope::default(), first, at(1), false).map(|record| record.id), Some(kept));
    assert_eq!(like(&mut host, &Scope::default(), again, Query::default()).unwrap(), [other]);
    assert_eq!(like(&mut host, &Scope::default(), first, Query::default()).unwrap(), [other]);
}

/// The rarest words decide, and what only the record has says nothing.
#[test]
fn telling_words() {
    let mut host = roomy();
    let common = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen";
    let asked = put(&mut host, text(format!("{common} kettle unheard")), None);
    for _ in 0..20 {
        put(&mut host, text(common), None);
    }
    let rare = put(&mut host, text("kettle"), None);
    let query = Query { like: Some(asked), limit: 30, weights: Weights::NONE, ..Query::default() };
    let hits = host.engine.recall(&Scope::default(), None, query, at(1), false).unwrap();
    let terms = |hit: &Hit| {
        hit.why.signals.iter().find(|share| share.signal == Signal::Keyword).map(|share| share.terms.clone())
    };
    let of_rare =
        hits.iter().find(|hit| hit.record.id == rare).and_then(terms).expect("it is found by its word");
    assert_eq!(of_rare, ["kettl"]);
    assert!(hits.iter().filter_map(terms).flatten().all(|term| term != "unheard"));
}

#[test]
fn pages_of_hits_go_on_where_they_were() {
    let mut host = roomy();
    for number in 0..60 {
        let words = format!("kettle {}{}", "boat ".repeat(number % 7), "shelf ".repeat(number % 5));
        put(&mut host, text(words), Some([1.0, number as f32 / 60.0, 0.3, 0.0]));
    }
    let ask = |host: &mut Host, limit: usize, without: Vec<RecordId>, weights: Weights| {
        let vector = Some(vec![1.0, 0.0, 0.0, 0.0]);
        let query = Query { text: "kettle boat".into(), vector, limit, without, weights, ..Query::default() };
        host.engine.recall(&Scope::default(), Some(&space(4)), query, at(1), false).expect("a good question")
    };
    for weights in [Weights::NONE, Weights::default()] {
        let whole = ask(&mut host, 60, Vec::new(), weights);
        assert_eq!(whole.len(), 60);
        let mut seen: Vec<Hit> = Vec::new();
        loop {
            let without = seen.iter().map(|hit| hit.record.id).collect();
            let page = ask(&mut host, 7, without, weights);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        let ids = |hits: &[Hit]| hits.iter().map(|hit| hit.record.id).collect::<Vec<_>>();
        assert_eq!(ids(&seen), ids(&whole));
        assert!(seen.iter().zip(&whole).all(|(page, whole)| (page.score - whole.score).abs() < 1e-6));
    }
    let without = vec![RecordId(1); Query::MAX_LIMIT];
    let query = Query { text: "kettle".into(), limit: 1, without, ..Query::default() };
    assert!(host.engine.recall(&Scope::default(), None, query, at(1), false).is_err());
}

#[test]
fn hits_can_be_sorted() {
    use stratamem_core::{Order, SortField};
    let mut host = roomy();
    for (words, importance) in [("kettle", 0.2), ("kettle kettle", 0.9), ("kettle boat", 0.5), ("boat", 1.0)]
    {
        put(&mut host, NewRecord { importance: Some(importance), ..text(words) }, None);
    }
    let sort = Some(Order { by: SortField::Importance, descending: true });
    let query = Query { text: "kettle".into(), limit: 3, sort, ..Query::default() };
    let hits = host.engine.recall(&Scope::default(), None, query, at(1), false).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.record.importance).collect::<Vec<_>>(), [0.9, 0.5, 0.2]);
}
