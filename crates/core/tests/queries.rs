//! The syntax of queries: what is read, what is refused and where, and what it means, against a naive evaluation.

mod support;

use proptest::prelude::*;
use stratamem_core::{
    Config, Error, Expression, Hit, NewRecord, Query, QueryError, RecordId, Scope, Signal, Tier, TierConfig,
};
use support::{Host, START, at, text, user, verbatim};

fn roomy() -> Config {
    let endless = TierConfig::default();
    Config { working: endless.clone(), intermediate: endless, consolidation: verbatim(), ..Config::default() }
}

fn parse(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn ask(host: &mut Host, scope: &Scope, query: &str) -> Vec<Hit> {
    let query = Query { expression: Some(parse(query)), limit: 1_000, ..Query::default() };
    host.engine.recall(scope, None, query, at(1_000), false).expect("a good question")
}

fn word(text: &str) -> Expression {
    Expression::Word(text.into())
}

#[test]
fn what_a_text_says() {
    use Expression::{All, Any, Fuzzy, Must, Not, Phrase, Prefix, Sequence};
    let boxed = |expression| Box::new(expression);
    for (text, expected) in [
        ("units", word("units")),
        ("  metric  units ", Sequence(vec![word("metric"), word("units")])),
        ("e-mail +to -no", Sequence(vec![word("e-mail"), Must(boxed(word("to"))), Not(boxed(word("no")))])),
        ("\"metric units\"uni*", Sequence(vec![Phrase("metric units".into()), Prefix("uni".into())])),
        ("a OR b AND NOT c", Any(vec![word("a"), All(vec![word("b"), Not(boxed(word("c")))])])),
        ("a b OR c", Sequence(vec![word("a"), Any(vec![word("b"), word("c")])])),
        ("((a b) OR c)", Any(vec![Sequence(vec![word("a"), word("b")]), word("c")])),
        ("unist~1 unist~2", Sequence(vec![Fuzzy("unist".into(), 1), Fuzzy("unist".into(), 2)])),
        (r"\AND a\*b c\* \-d \\ x\ y", Sequence(["AND", "a*b", "c*", "-d", "\\", "x y"].map(word).into())),
        ("and or not", Sequence(["and", "or", "not"].map(word).into())),
        (
            "salt + pepper - :)x",
            Sequence(vec![word("salt"), word("+"), word("pepper"), word("-"), word(":")]),
        ),
    ] {
        let text = text.strip_suffix(")x").unwrap_or(text);
        assert_eq!(parse(text), expected, "{text:?}");
    }
}

/// Each with the position, counted as JavaScript does, and a part of what is expected there.
#[test]
fn what_is_refused_and_where() {
    for (text, position, expected) in [
        ("", 0, "a word"),
        ("   ", 3, "a word"),
        ("()", 1, "a word"),
        ("a )", 2, "a word"),
        ("(a", 2, ")"),
        ("a \"b c", 6, "\""),
        ("a AND", 5, "a word"),
        ("a AND OR b", 6, "a word"),
        ("OR a", 0, "a word"),
        ("NOT", 3, "a word"),
        ("a -", 3, ""),
        ("a color:red", 2, "tag"),
        ("tag:", 4, "a value"),
        ("importance:high", 11, "a number"),
        ("importance:>x", 12, "a number"),
        ("tier:longterm", 5, "long-term"),
        ("before:yesterday", 7, "2026-01-31"),
        ("before:>2026", 8, "2026-01-31"),
        ("pinned:yes", 7, "true or false"),
        ("tag:>a", 5, "a label"),
        ("has:units", 4, "a field"),
        ("metadata.:x", 0, "metadata.NAME"),
        ("metadata.a..b:x", 0, "metadata.NAME"),
        ("a~3", 2, "1 or 2"),
        ("a~", 2, "1 or 2"),
        ("e-mail~1", 0, "a single word"),
        ("*", 0, "letters"),
        ("a \"…\"", 2, "letters"),
        ("é😀 x:y", 4, "tag"),
    ] {
        match Expression::parse(text) {
            Err(QueryError::Syntax { position: found, expected: named, .. }) => {
                assert_eq!(found, position, "{text:?}");
                assert!(named.contains(expected), "{text:?}: {named}");
            }
            // Signs on their own are words.
            Ok(_) if expected.is_empty() => {}
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn what_is_too_much() {
    let position = |text: &str| match Expression::parse(text) {
        Err(QueryError::Syntax { position, .. }) => Some(position),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    };
    let nested = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert_eq!(position(&nested(Expression::MAX_DEPTH - 1)), None);
    assert_eq!(position(&nested(Expression::MAX_DEPTH)), Some(Expression::MAX_DEPTH));
    assert_eq!(position(&"(".repeat(1_000_000)), Some(Expression::MAX_DEPTH));
    assert_eq!(position(&format!("{}a", "-".repeat(1_000_000))), Some(Expression::MAX_DEPTH));
    assert_eq!(position(&"a ".repeat(Expression::MAX_TERMS)), None);
    assert_eq!(position(&"a ".repeat(1_000_000)), Some(2 * Expression::MAX_TERMS));
    assert_eq!(position(&format!("{}*", "a".repeat(Expression::MAX_WORD))), None);
    assert_eq!(position(&format!("{}*", "a".repeat(Expression::MAX_WORD + 1))), Some(0));
    assert_eq!(position(&format!("{}~1", "é".repeat(Expression::MAX_WORD + 1))), Some(0));
}

/// Words of which some have a stem in common, some are near each other, some are stop words.
const WORDS: [&str; 14] = [
    "unit",
    "units",
    "united",
    "unity",
    "the",
    "metric",
    "metrics",
    "organ",
    "organize",
    "organization",
    "of",
    "oslo",
    "solo",
    "run",
];

fn texts() -> impl Strategy<Value = Vec<(String, bool)>> {
    let words = prop::collection::vec(prop::sample::select(&WORDS[..]), 1..7);
    prop::collection::vec((words.prop_map(|words| words.join(" ")), any::<bool>()), 1..12)
}

fn term() -> impl Strategy<Value = Expression> {
    let word = || prop::sample::select(&WORDS[..]).prop_map(str::to_owned);
    let misspelt = || prop::sample::select(vec!["untis", "metirc", "olso", "organizatoin", "uint", "rnu"]);
    prop_oneof![
        word().prop_map(Expression::Word),
        prop::sample::select(vec![
            "u",
            "uni",
            "unite",
            "organi",
            "organiz",
            "organizations",
            "th",
            "metrics"
        ])
        .prop_map(|text| Expression::Prefix(text.into())),
        (misspelt(), 1u8..3).prop_map(|(text, edits)| Expression::Fuzzy(text.into(), edits)),
        prop::collection::vec(word(), 1..4).prop_map(|words| Expression::Phrase(words.join(" "))),
        prop::sample::select(vec![
            "metadata.n:>4",
            "-metadata.n:3",
            "actor:Ada",
            "metadata.n:7",
            "has:actor"
        ])
        .prop_map(parse),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    term().prop_recursive(4, 24, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|inner| Expression::Must(Box::new(inner))),
            inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
            several().prop_map(Expression::All),
            several().prop_map(Expression::Any),
            several().prop_map(Expression::Sequence),
        ]
    })
}

/// Any expression that a text can say, with whatever characters.
fn strange() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        "[a-z+*~:\"() \\\\é-]{1,6}".prop_map(Expression::Word),
        "[a-z+*~:\"() \\\\é-]{0,5}x".prop_map(Expression::Phrase),
        "[a-z+*~:\"() \\\\é-]{0,5}x".prop_map(Expression::Prefix),
        prop::sample::select(vec!["AND", "OR", "NOT"]).prop_map(word),
        prop::sample::select(vec![
            r#"tag:"a \" b""#,
            r"tag:\>a\ b\)",
            "metadata.a\\.b:>=x:y",
            "importance:<=1e3"
        ])
        .prop_map(parse),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|inner| Expression::Must(Box::new(inner))),
            inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
            several().prop_map(Expression::All),
            several().prop_map(Expression::Any),
            several().prop_map(Expression::Sequence),
        ]
    })
}

/// The edits between two words, by the definition.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let ([head_a @ .., last_a], [head_b @ .., last_b]) = (a, b) else { return a.len() + b.len() };
    if last_a == last_b {
        return edits(head_a, head_b);
    }
    let mut best = 1 + edits(head_a, head_b).min(edits(head_a, b)).min(edits(a, head_b));
    if head_a.last() == Some(last_b) && head_b.last() == Some(last_a) {
        best = best.min(1 + edits(&head_a[..head_a.len() - 1], &head_b[..head_b.len() - 1]));
    }
    best
}

fn is_stop(word: &str) -> bool {
    ["the", "of"].contains(&word)
}

/// Words with one stem.
fn stem(word: &str) -> &str {
    match word {
        "units" => "unit",
        "united" => "unit",
        "metrics" => "metric",
        "organize" | "organization" => "organ",
        "unity" => "uniti",
        other => other,
    }
}

/// Whether an expression holds for the words of a text; nothing if it says nothing.
fn naive(expression: &Expression, words: &[&str], number: f64, ada: bool) -> Option<bool> {
    let each = |parts: &[Expression], optional: Option<bool>| -> Vec<bool> {
        let parts = parts.iter().filter(|part| optional.is_none_or(|wanted| optional_word(part) == wanted));
        parts.filter_map(|part| naive(part, words, number, ada)).collect()
    };
    let all = |parts: Vec<bool>| (!parts.is_empty()).then(|| parts.iter().all(|holds| *holds));
    let any = |parts: Vec<bool>| (!parts.is_empty()).then(|| parts.iter().any(|holds| *holds));
    match expression {
        Expression::Word(word) if is_stop(word) => None,
        Expression::Word(word) => Some(words.iter().any(|own| stem(own) == stem(word))),
        Expression::Prefix(start) => {
            Some(words.iter().any(|own| !is_stop(own) && own.starts_with(start.as_str())))
        }
        Expression::Fuzzy(word, most) => {
            let near = |own: &&&str| edits(own.as_bytes(), word.as_bytes()) <= usize::from(*most);
            Some(words.iter().filter(|own| !is_stop(own)).any(|own| near(&own)))
        }
        Expression::Phrase(phrase) => {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            Some(words.windows(phrase.len()).any(|window| window == phrase))
        }
        Expression::Field(field) => Some(match field.to_string().as_str() {
            "metadata.n:>4" => number > 4.0,
            "metadata.n:3" => number == 3.0,
            "metadata.n:7" => number == 7.0,
            _ => ada,
        }),
        Expression::Must(inner) => naive(inner, words, number, ada),
        Expression::Not(inner) => naive(inner, words, number, ada).map(|holds| !holds),
        Expression::All(parts) => all(each(parts, None)),
        Expression::Any(parts) => any(each(parts, None)),
        Expression::Sequence(parts) if parts.iter().all(optional_word) => any(each(parts, None)),
        Expression::Sequence(parts) => all(each(parts, Some(false))),
    }
}

fn optional_word(expression: &Expression) -> bool {
    matches!(expression, Expression::Word(_) | Expression::Prefix(_) | Expression::Fuzzy(..))
}

fn fill(texts: &[(String, bool)], owner: &str) -> (Host, Vec<RecordId>) {
    let mut host = Host::new(roomy());
    let mut ids = Vec::new();
    for (at, (words, ada)) in texts.iter().enumerate() {
        let metadata = [("n".to_owned(), (at as f64).into())].into();
        let record = NewRecord {
            actor: ada.then(|| "Ada".into()),
            metadata,
            scope: user(owner),
            ..text(words.clone())
        };
        ids.push(host.add(record, START));
    }
    (host, ids)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Conditions hold exactly where a naive evaluation says so, and a view answers as if nothing else existed.
    #[test]
    fn conditions_mean_what_they_say(texts in texts(), others in texts(), expression in expression()) {
        let query = |asked: &Expression| Query { expression: Some(asked.clone()), limit: 1_000, ..Query::default() };
        // As one of two conditions, so that words decide, too.
        let both = Expression::All(vec![expression.clone(), parse("has:metadata.n")]);
        let (mut host, ids) = fill(&texts, "ada");
        let mut found: Vec<RecordId> = host
            .engine
            .recall(&user("ada"), None, query(&both), START, false)
            .expect("a good question")
            .iter()
            .map(|hit| hit.record.id)
            .collect();
        found.sort();
        let expected: Vec<RecordId> = texts
            .iter()
            .zip(&ids)
            .enumerate()
            .filter(|(at, ((text, ada), _))| {
                let words: Vec<&str> = text.split(' ').collect();
                naive(&expression, &words, *at as f64, *ada).unwrap_or(true)
            })
            .map(|(_, (_, id))| *id)
            .collect();
        prop_assert_eq!(&found, &expected, "{}", expression);

        let alone = host.engine.recall(&user("ada"), None, query(&expression), START, false);
        for (words, _) in &others {
            host.add(NewRecord { scope: user("bo"), ..text(words.clone()) }, START);
        }
        let beside = host.engine.recall(&user("ada"), None, query(&expression), START, false);
        prop_assert_eq!(alone, beside, "{}", expression);
    }

    /// Patterns that rank are found wherever they occur, and nowhere else.
    #[test]
    fn patterns_are_found_where_they_occur(texts in texts(), term in term()) {
        prop_assume!(!matches!(term, Expression::Field(_) | Expression::Not(_)));
        let (mut host, ids) = fill(&texts, "ada");
        let mut found: Vec<RecordId> = ask(&mut host, &user("ada"), &format!("+{term}"))
            .iter()
            .map(|hit| hit.record.id)
            .collect();
        found.sort();
        let expected: Vec<RecordId> = texts
            .iter()
            .zip(&ids)
            .filter(|((text, ada), _)| {
                naive(&term, &text.split(' ').collect::<Vec<_>>(), 0.0, *ada) == Some(true)
            })
            .map(|(_, id)| *id)
            .collect();
        prop_assert_eq!(found, expected, "{}", term);
    }

    #[test]
    fn what_is_printed_is_read_as_the_same(expression in strange()) {
        let printed = expression.to_string();
        prop_assert_eq!(Expression::parse(&printed), Ok(expression), "{}", printed);
    }

    /// Whatever a text looks like, it is read or refused at a place in it; what was read prints as something that is
    /// read as the same.
    #[test]
    fn any_text_is_read_or_refused(text in "([a-z+*~:\"()<>=.\\\\ é😀1-]|AND|OR|NOT|tag:|on:2026){0,24}") {
        match Expression::parse(&text) {
            Ok(read) => prop_assert_eq!(Expression::parse(&read.to_string()), Ok(read)),
            Err(QueryError::Syntax { position, .. }) => prop_assert!(position <= text.encode_utf16().count()),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn fields_are_filters() {
    let mut host = Host::new(roomy());
    let day = |days: i64| at(days * 86_400_000);
    let id = host.add(
        NewRecord {
            actor: Some("Ada Lovelace".into()),
            tags: vec!["work".into()],
            tier: Some(Tier::LongTerm),
            importance: Some(0.75),
            occurred_at: Some(START), // 2023-11-14T22:13:20Z
            expires_at: Some(day(400)),
            source: Some("notes.md".into()),
            metadata: serde_json::from_str(r#"{"topic":"units","n":"7","deep":{"x":2.5},"a.b":true}"#)
                .unwrap(),
            ..text("Ada prefers metric units")
        },
        START,
    );
    let id = id.to_string();
    for (query, expected) in [
        ("tag:work", true),
        ("tag:wor", false),
        ("-tag:home", true),
        ("kind:episodic", true),
        ("kind:semantic", false),
        ("actor:\"Ada Lovelace\"", true),
        (r"actor:Ada\ Lovelace", true),
        ("actor:Ada", false),
        ("tier:long-term", true),
        ("tier:working OR source:notes.md", true),
        ("importance:>0.5 importance:<=0.75", true),
        ("importance:>0.75", false),
        ("importance:0.75", true),
        ("accessCount:0 version:<2", true),
        ("pinned:false", true),
        ("on:2023", true),
        ("on:2023-11", true),
        ("on:2023-11-14", true),
        ("before:2023-11-14", false),
        ("after:2023-11-14", false),
        ("after:2023-11-13 before:2023-11-15", true),
        ("occurredAt:>=2023-11-14 occurredAt:<=2023-11-14", true),
        ("occurredAt:>2023-11-14T22:13:19Z occurredAt:<2023-11-14T22:13:21Z", true),
        ("occurredAt:2023-11-14T22:13:20Z", true),
        ("expiresAt:>=2024", true),
        ("lastAccess:>2000", false),
        ("has:lastAccess", false),
        ("has:expiresAt has:tag has:metadata.deep.x", true),
        ("has:metadata.missing", false),
        ("metadata.topic:units", true),
        ("metadata.topic:unit", false),
        ("metadata.topic:>t", true),
        ("metadata.n:7", true),
        ("metadata.n:\"7\"", true),
        ("metadata.deep.x:2.5", true),
        ("metadata.deep.x:\"2.5\"", false),
        ("metadata.deep.x:<3", true),
        (r"metadata.a\.b:true", true),
        ("metadata.missing:null", false),
    ] {
        assert_eq!(ask(&mut host, &Scope::default(), query).len(), usize::from(expected), "{query}");
    }
    assert_eq!(ask(&mut host, &Scope::default(), &format!("id:{id}")).len(), 1);
}

/// Several words stand for one term: its frequency is that of the records that have any of them.
#[test]
fn a_pattern_is_weighed_as_one_term() {
    let mut host = Host::new(roomy());
    for words in ["organize", "organization", "organizing organizers", "organ", "kettle"] {
        host.add(text(words), START);
    }
    let score = |hits: &[Hit], text: &str| {
        let hit = hits.iter().find(|hit| hit.record.text == text).expect("it is found");
        hit.why.signals.iter().find(|share| share.signal == Signal::Keyword).map(|share| share.score)
    };
    let hits = ask(&mut host, &Scope::default(), "organiz*");
    assert_eq!(hits.len(), 3);
    let once = score(&hits, "organize").unwrap();
    assert_eq!(score(&hits, "organization"), Some(once));
    assert!(score(&hits, "organizing organizers").unwrap() > once);
    // Three of five have it; k1 0.9 and b 0.4. Each record has the three terms of its day beside its words.
    let idf = libm::logf(1.0 + (5.0 - 3.0 + 0.5) / 3.5);
    let expected = idf * 1.9 / (1.0 + 0.9 * (0.6 + 0.4 * 4.0 / 4.2));
    assert!((once - expected).abs() < 1e-5, "{once} {expected}");
    assert_eq!(
        hits[0].why.signals.iter().find(|share| share.signal == Signal::Keyword).unwrap().terms,
        ["organiz*"]
    );
    // A word that one edit leads to counts half.
    let near = ask(&mut host, &Scope::default(), "organise~1");
    let idf = libm::logf(1.0 + (5.0 - 1.0 + 0.5) / 1.5);
    let expected = idf * 0.5 * 1.9 / (0.5 + 0.9 * (0.6 + 0.4 * 4.0 / 4.2));
    assert!((score(&near, "organize").unwrap() - expected).abs() < 1e-5);
}

#[test]
fn words_rank_and_conditions_decide() {
    let mut host = Host::new(roomy());
    let ids: Vec<RecordId> =
        ["red kettle", "blue kettle", "red boat"].map(|words| host.add(text(words), START)).into();
    let mut found = |query: &str| -> Vec<RecordId> {
        ask(&mut host, &Scope::default(), query).iter().map(|hit| hit.record.id).collect()
    };
    assert_eq!(found("red kettle")[0], ids[0]);
    assert_eq!(found("red kettle").len(), 3);
    assert_eq!(found("red +kettle"), [ids[0], ids[1]]);
    assert_eq!(found("blue OR on:2023").len(), 3);
    assert_eq!(found("kettle -red"), [ids[1]]);
    assert_eq!(found("red AND kettle"), [ids[0]]);
    assert_eq!(found("\"red boat\" kettle"), [ids[2]]);
    assert_eq!(found("-kettle"), [ids[2]]);
    // Conditions alone: the latest first.
    assert_eq!(found("on:2023"), [ids[2], ids[1], ids[0]]);
    // Words beside a condition are looked for.
    assert_eq!(found("boat on:2023"), [ids[2]]);
    assert_eq!(found("the on:2023").len(), 3);
    // What says nothing asks nothing.
    assert_eq!(found("+the kettle").len(), 2);
}

#[test]
fn an_error_has_its_code_and_its_details() {
    let error = Error::from(Expression::parse("a AND").unwrap_err());
    assert_eq!(error.code().name(), "invalid-argument");
    let names: Vec<&str> = error.details().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["field", "position", "expected"]);
    assert!(error.to_string().starts_with("query is not understood at position 5"), "{error}");
}
