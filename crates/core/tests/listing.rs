//! Listings in an order: pages against sorting by hand, under changes, and cursors that are refused.

mod support;

use proptest::prelude::*;
use stratamem_core::{
    Config, Filter, Listing, NewRecord, Operation, Order, Patch, QueryError, Record, RecordId, Scope,
    SortField, TierConfig, Value,
};
use support::{Host, START, at, text, user, verbatim};

const FIELDS: [SortField; 7] = [
    SortField::Id,
    SortField::OccurredAt,
    SortField::RecordedAt,
    SortField::Importance,
    SortField::AccessCount,
    SortField::LastAccess,
    SortField::ExpiresAt,
];

/// What a new record is given: few values each, so that many are the same.
type Given = (i64, u8, Option<i64>, bool);

fn given() -> impl Strategy<Value = Given> {
    (-2i64..2, 0u8..3, prop::option::of(1i64..3), any::<bool>())
}

fn host() -> Host {
    let endless = TierConfig::default();
    Host::new(Config {
        working: endless.clone(),
        intermediate: endless,
        consolidation: verbatim(),
        ..Config::default()
    })
}

fn put(host: &mut Host, (occurred, importance, expires, ada): Given, now: i64) -> RecordId {
    let record = NewRecord {
        occurred_at: Some(at(occurred * 1_000)),
        importance: Some(f64::from(importance) / 2.0),
        expires_at: expires.map(|days| at(days * 86_400_000)),
        scope: user(if ada { "ada" } else { "bo" }),
        ..text("x")
    };
    host.add(record, at(now))
}

fn by(order: Order) -> Listing {
    Listing { filter: None, order }
}

/// All pages of a listing, each of `limit` records, with something done between them.
fn pages(
    host: &mut Host,
    scope: &Scope,
    listing: &Listing,
    limit: usize,
    mut between: impl FnMut(&mut Host),
) -> Vec<Record> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page =
            host.engine.page(scope, listing, cursor.as_deref(), limit, at(100)).expect("a good cursor");
        assert!(page.records.len() == limit || page.cursor.is_none(), "only the last page is short");
        all.extend(page.records);
        cursor = page.cursor;
        if cursor.is_none() {
            return all;
        }
        between(host);
    }
}

/// The order by its definition: a comparison of two records, field by field.
fn sorted(mut records: Vec<Record>, order: Order) -> Vec<RecordId> {
    let key = |record: &Record| -> Option<f64> {
        match order.by {
            SortField::Id => Some(0.0),
            SortField::OccurredAt => Some(record.occurred_at.0 as f64),
            SortField::RecordedAt => Some(record.recorded_at.0 as f64),
            SortField::Importance => Some(record.importance),
            SortField::AccessCount => Some(f64::from(record.usage.count)),
            SortField::LastAccess => record.usage.last().map(|at| at.0 as f64),
            SortField::ExpiresAt => record.expires_at.map(|at| at.0 as f64),
        }
    };
    records.sort_by_key(|record| record.id);
    if order.descending {
        records.reverse();
    }
    // Stable, so that ids decide between equals.
    records.sort_by(|a, b| match (key(a), key(b)) {
        (Some(a), Some(b)) if order.descending => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
    records.iter().map(|record| record.id).collect()
}

fn ids(records: &[Record]) -> Vec<RecordId> {
    records.iter().map(|record| record.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn pages_are_the_order_in_pieces(
        records in prop::collection::vec(given(), 0..24),
        used in prop::collection::vec(0usize..24, 0..12),
        by_field in prop::sample::select(&FIELDS[..]),
        descending: bool,
        limit in 1usize..8,
        ada: bool,
        important: bool,
    ) {
        let mut host = host();
        let made: Vec<RecordId> =
            records.iter().enumerate().map(|(at, given)| put(&mut host, *given, at as i64 / 3)).collect();
        for (moment, at_index) in used.iter().enumerate() {
            if let Some(id) = made.get(*at_index) {
                host.engine.get(&Scope::default(), *id, at(10 + moment as i64 / 2), true);
            }
        }
        let scope = if ada { user("ada") } else { Scope::default() };
        let filter = important.then(|| {
            Filter::from_value(&Value::Map([("$importance".to_owned(), Value::Map([("$gt".to_owned(), Value::Number(0.2))].into()))].into()))
                .expect("a good filter")
        });
        let listing = Listing { filter: filter.clone(), order: Order { by: by_field, descending } };
        let all = host.engine.list(&scope, filter.as_ref(), None, usize::MAX, at(100)).records;
        let expected = sorted(all, listing.order);
        let found = pages(&mut host, &scope, &listing, limit, |_| ());
        prop_assert_eq!(&ids(&found), &expected);
        let order = host.engine.order(&scope, &listing, None, at(100)).expect("no cursor");
        prop_assert_eq!(&order, &expected);
        let records = host.engine.records(&scope, filter.as_ref(), &order, at(100));
        prop_assert_eq!(records, found);
    }

    /// Records come, go and change otherwise between pages: whoever is there throughout is seen exactly once.
    #[test]
    fn pages_are_complete_under_changes(
        records in prop::collection::vec(given(), 1..24),
        changes in prop::collection::vec((0usize..24, 0u8..3, given()), 0..16),
        by_field in prop::sample::select(&FIELDS[..4]),
        descending: bool,
        limit in 1usize..5,
    ) {
        let mut host = host();
        let made: Vec<RecordId> = records.iter().map(|given| put(&mut host, *given, 0)).collect();
        let mut gone: Vec<RecordId> = Vec::new();
        let mut changes = changes.into_iter();
        let listing = by(Order { by: by_field, descending });
        let found = pages(&mut host, &Scope::default(), &listing, limit, |host| {
            for (at_index, what, given) in changes.by_ref().take(2) {
                let id = made.get(at_index).copied().filter(|id| !gone.contains(id));
                match (what, id) {
                    (0, Some(id)) => {
                        host.commit(&Scope::default(), vec![Operation::Forget { id, vector: None, if_version: None }], at(50));
                        gone.push(id);
                    }
                    (1, Some(id)) => {
                        let patch = Patch { text: Some("y".into()), ..Patch::default() };
                        let update = Operation::Update { id, patch: Box::new(patch), vector: None, if_version: None };
                        host.commit(&Scope::default(), vec![update], at(50));
                        host.engine.get(&Scope::default(), id, at(50), true);
                    }
                    _ => drop(put(host, given, 50)),
                }
            }
        });
        let mut seen = ids(&found);
        seen.sort();
        let count = seen.len();
        seen.dedup();
        prop_assert_eq!(seen.len(), count, "nothing is seen twice");
        prop_assert!(made.iter().filter(|id| !gone.contains(id)).all(|id| seen.contains(id)));
    }

    #[test]
    fn any_text_is_a_cursor_or_refused(text in "[0-9a-fé]{0,80}") {
        let refused = host().engine.page(&Scope::default(), &Listing::default(), Some(&text), 1, START);
        let by_name = matches!(refused, Err(QueryError::Invalid { field: "cursor", .. }));
        prop_assert!(by_name);
    }
}

#[test]
fn a_cursor_is_of_one_listing_and_one_view() {
    let mut host = host();
    for _ in 0..3 {
        put(&mut host, (0, 1, None, true), 0);
    }
    let filter = Filter::And(Vec::new());
    let ada = user("ada");
    let listing = by(Order { by: SortField::Importance, descending: true });
    let page = host.engine.page(&ada, &listing, None, 1, at(1)).unwrap();
    let cursor = page.cursor.expect("more follows");
    let refused = |scope: &Scope, listing: &Listing, cursor: &str| match host.engine.page(
        scope,
        listing,
        Some(cursor),
        1,
        at(1),
    ) {
        Err(QueryError::Invalid { field, problem }) => {
            assert_eq!(field, "cursor");
            problem
        }
        other => panic!("{other:?}"),
    };
    let ascending = by(Order { by: SortField::Importance, descending: false });
    let filtered = Listing { filter: Some(filter), ..listing.clone() };
    for (scope, listing) in
        [(&ada, &ascending), (&ada, &filtered), (&user("bo"), &listing), (&Scope::default(), &listing)]
    {
        assert!(refused(scope, listing, &cursor).contains("another listing"));
    }
    let mut damaged = cursor.clone().into_bytes();
    damaged[40] = if damaged[40] == b'0' { b'1' } else { b'0' };
    assert!(refused(&ada, &listing, &String::from_utf8(damaged).unwrap()).contains("not a cursor"));
    // It outlives the process.
    host.reopen(at(1));
    assert_eq!(host.engine.page(&ada, &listing, Some(&cursor), 5, at(1)).unwrap().records.len(), 2);
}
