//! Everything that refines what the searches find, against a plain calculation over all records.

mod support;

use stratamem_core::{
    Config, Fusion, Hit, NewRecord, Operation, Query, RecordId, Scope, Signal, TierConfig, Timestamp, Weights,
};
use support::{Host, at, space, text};

const WORDS: [&str; 8] = ["amber", "basalt", "cobalt", "dolomit", "flint", "granit", "jasper", "quartz"];
const DAY: i64 = 86_400_000;
/// 1 June 2023.
const JUNE: i64 = 1_685_577_600_000;

/// A small generator with a fixed sequence (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }
}

/// What the calculation knows of a record.
struct Turn {
    id: RecordId,
    session: usize,
    day: i64,
    actor: &'static str,
    words: Vec<String>,
    asks: bool,
    names_time: bool,
}

/// A question whose meaning is known beforehand.
struct Asked {
    text: &'static str,
    words: &'static [&'static str],
    actor: Option<&'static str>,
    day: Option<i64>,
    wants_time: bool,
    wants_several: bool,
}

const ASKED: [Asked; 5] = [
    Asked {
        text: "amber by the cobalt",
        words: &["amber", "cobalt"],
        actor: None,
        day: None,
        wants_time: false,
        wants_several: false,
    },
    Asked {
        text: "When did Ada find flint?",
        words: &["ada", "flint"],
        actor: Some("Ada"),
        day: None,
        wants_time: true,
        wants_several: false,
    },
    Asked {
        text: "Which jaspers has Bo's friend?",
        words: &["jasper", "bo"],
        actor: Some("Bo"),
        day: None,
        wants_time: false,
        wants_several: true,
    },
    Asked {
        text: "granit or basalt on 9 June, 2023",
        words: &["granit", "basalt"],
        actor: None,
        day: Some(8),
        wants_time: false,
        wants_several: false,
    },
    Asked {
        text: "quartz yesterday",
        words: &["quartz", "yesterday"],
        actor: None,
        day: Some(12),
        wants_time: false,
        wants_several: false,
    },
];

/// A conversation whose turns are longer by so many words that nobody asks for.
fn conversation(random: &mut Random, padding: usize) -> (Host, Vec<Turn>) {
    let endless = TierConfig::default();
    let mut host = Host::new(Config { working: endless.clone(), intermediate: endless, ..Config::default() });
    let mut turns = Vec::new();
    for number in 0..110usize {
        // Sessions of two to six turns; the last ten records belong to none.
        let session = if number < 100 {
            number / 20 * 5 + [0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4][number % 20]
        } else {
            usize::MAX
        };
        let day = (session.min(25) % 16) as i64;
        let actor = ["Ada", "Bo"][number % 2];
        let mut words: Vec<String> =
            (0..1 + random.below(7)).map(|_| WORDS[random.below(8) as usize].to_owned()).collect();
        words.extend(std::iter::repeat_n("pumice".to_owned(), padding));
        let names_time = random.below(5) == 0;
        if names_time {
            words.push("yesterday".into());
        }
        let asks = random.below(3) == 0;
        let record = NewRecord {
            actor: Some(actor.into()),
            occurred_at: Some(Timestamp(JUNE + day * DAY + 1_000)),
            scope: Scope { session: (number < 100).then(|| session.to_string()), ..Scope::default() },
            ..text(format!("{}{}", words.join(" "), if asks { "?" } else { "" }))
        };
        let id = host.add(record, at(number as i64));
        words.extend([actor.to_lowercase(), (day + 1).to_string(), "june".into(), "2023".into()]);
        turns.push(Turn { id, session, day, actor, words, asks, names_time });
    }
    (host, turns)
}

/// The turn so many places after the one at `at` in its session.
fn beside(turns: &[Turn], at: usize, offset: isize) -> Option<usize> {
    let other = at.checked_add_signed(offset).filter(|other| *other < turns.len())?;
    (turns[at].session != usize::MAX && turns[other].session == turns[at].session).then_some(other)
}

/// BM25 over words that count in part: those of a turn, and of the two before it.
fn keyword_scores(turns: &[Turn], words: &[&str], context: f64) -> Vec<f64> {
    let (k1, b, count) = (0.9, 0.4, turns.len() as f64);
    let mean = turns.iter().map(|turn| turn.words.len()).sum::<usize>() as f64 / count;
    let occurrences = |turn: &Turn, word: &str| turn.words.iter().filter(|own| *own == word).count() as f64;
    let score = |at: usize| {
        let parts: Vec<(usize, f64)> = [(0, 1.0), (-1, 0.3 * context), (-2, 0.2 * context)]
            .into_iter()
            .filter_map(|(offset, share)| {
                let other = if offset == 0 { Some(at) } else { beside(turns, at, offset) };
                Some((other?, share))
            })
            .collect();
        let mass: f64 = parts.iter().map(|(_, share)| share).sum();
        let length: f64 = parts.iter().map(|(at, share)| share * turns[*at].words.len() as f64).sum();
        let norm = k1 * (1.0 - b + b * length / mass / mean);
        let term = |word: &&str| {
            let containing = turns.iter().filter(|turn| occurrences(turn, word) > 0.0).count() as f64;
            let weight = libm::log(1.0 + (count - containing + 0.5) / (containing + 0.5));
            let occurring: f64 = parts.iter().map(|(at, share)| share * occurrences(&turns[*at], word)).sum();
            weight * occurring * (k1 + 1.0) / (occurring + norm)
        };
        words.iter().map(term).sum()
    };
    (0..turns.len()).map(score).collect()
}

/// Scores and their parts (keyword, context, session, actor, time, form, answer), as `docs/RETRIEVAL.md` defines them.
fn expected(turns: &[Turn], asked: &Asked, weights: Weights) -> Vec<(f64, [f64; 7])> {
    let mut weights = weights.0.map(f64::from);
    if asked.wants_several {
        (weights[0], weights[1], weights[2]) = (weights[0] * 0.5, weights[1] * 0.5, weights[2] * 3.0);
    }
    let mean = turns.iter().map(|turn| turn.words.len()).sum::<usize>() as f64 / turns.len() as f64;
    let of_turns = 1.0 - ((mean - 30.0) / 120.0).clamp(0.0, 1.0);
    (weights[4], weights[5]) = (weights[4] * of_turns, weights[5] * of_turns);
    for (at, applies) in [(2, asked.actor.is_some()), (3, asked.day.is_some()), (5, asked.wants_time)] {
        weights[at] *= f64::from(u8::from(applies));
    }
    let greatest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    // A date is words to look for, unless it is weighed as a time.
    let dated = asked.text.contains("2023") && weights[3] == 0.0;
    let date = if dated { &["9", "june", "2023"][..] } else { &[] };
    let scores = keyword_scores(turns, &[asked.words, date].concat(), weights[0]);
    let best = greatest(&scores);
    let own: Vec<f64> = scores.iter().map(|score| score / best).collect();
    let around = |at: usize| {
        let of =
            |offset: isize, share: f64| beside(turns, at, offset).map_or(0.0, |other| share * own[other]);
        let asked = beside(turns, at, -1).filter(|before| turns[*before].asks);
        let asked = asked.map_or(0.0, |before| 0.25 * own[before]);
        weights[0] * (of(-1, 0.1) + of(-2, 0.15) + of(1, 0.3) + of(2, 0.1) + asked)
    };
    let around: Vec<f64> = (0..turns.len()).map(around).collect();
    let reached: Vec<f64> = own.iter().zip(&around).map(|(own, around)| own + around).collect();
    let reach = greatest(&reached);
    let whole = greatest(&own) / (1.0 + weights[1..].iter().sum::<f64>());
    let parts = |at: usize| {
        let turn = &turns[at];
        let mut session: Vec<f64> = (0..turns.len())
            .filter(|other| turns[*other].session == turn.session && turn.session != usize::MAX)
            .map(|other| reached[other] / reach)
            .collect();
        session.sort_by(|a, b| b.total_cmp(a));
        let day = asked.day.map_or(0.0, |day| match turn.day - day {
            late @ 0..=7 => 1.0 - late as f64 / 8.0,
            _ => 0.0,
        });
        let statement = if turn.asks { 0.0 } else { 1.0 };
        let substance = libm::sqrt((turn.words.len() as f64 / mean).min(3.0) / 3.0);
        let refined = [
            session.iter().take(2).sum::<f64>() / 2.0,
            f64::from(u8::from(asked.actor == Some(turn.actor))),
            day,
            (statement + substance) / 2.0,
            f64::from(u8::from(turn.names_time)),
        ];
        let mut parts = [own[at] / reach, around[at] / reach, 0.0, 0.0, 0.0, 0.0, 0.0];
        for (index, score) in refined.into_iter().enumerate() {
            parts[index + 2] = score * weights[index + 1];
        }
        let parts = parts.map(|part| part * whole);
        (parts.iter().sum(), parts)
    };
    (0..turns.len()).map(parts).collect()
}

const REPORTED: [Signal; 7] = [
    Signal::Keyword,
    Signal::Context,
    Signal::Session,
    Signal::Actor,
    Signal::Time,
    Signal::Form,
    Signal::Answer,
];

fn contribution(hit: &Hit, signal: Signal) -> f32 {
    hit.why.signals.iter().find(|share| share.signal == signal).map_or(0.0, |share| share.contribution)
}

#[test]
fn every_signal_is_what_it_is_defined_to_be() {
    for (seed, padding) in [(3, 0), (1_234, 0), (987_654_321, 0), (11, 70), (12, 200)] {
        let (mut host, turns) = conversation(&mut Random(seed), padding);
        let alone = |signal: usize, weight: f32| {
            let mut weights = Weights::NONE;
            weights.0[signal] = weight;
            weights
        };
        let choices = [
            Weights::default(),
            Weights::NONE,
            alone(0, 0.7),
            alone(1, 0.5),
            alone(2, 0.3),
            alone(3, 1.0),
            alone(4, 0.5),
            alone(5, 0.25),
        ];
        for (asked, weights) in ASKED.iter().flat_map(|asked| choices.map(|weights| (asked, weights))) {
            let expected = expected(&turns, asked, weights);
            let query = Query {
                text: asked.text.into(),
                limit: 110,
                weights,
                reference: Some(Timestamp(JUNE + 13 * DAY + 7)),
                ..Query::default()
            };
            let hits = host.engine.recall(&Scope::default(), None, query, at(1_000), false);
            let hits = hits.expect("a plain question");
            assert!(hits.len() > 20, "{}: only {} hits", asked.text, hits.len());
            for hit in &hits {
                let turn = turns.iter().position(|turn| turn.id == hit.record.id).expect("it was added");
                let (score, parts) = expected[turn];
                let place = format!("{:?} with {weights:?}: {:?}", asked.text, hit);
                assert!((f64::from(hit.score) - score).abs() < 1e-4, "{score}, not {place}");
                for (signal, part) in REPORTED.into_iter().zip(parts) {
                    let own = f64::from(contribution(hit, signal));
                    assert!((own - part).abs() < 1e-4, "{signal:?} {part}, not {own}: {place}");
                }
            }
            assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
}

/// The dense search counts less where items are long, unless weights are given, and what other views hold is not asked.
#[test]
fn weights_follow_the_length_of_what_the_view_sees() {
    let mut host = Host::new(Config::default());
    let user = |name: &str| Scope { user: Some(name.into()), ..Scope::default() };
    let mut number = 0;
    let mut add = |host: &mut Host, name: &str, padding: usize| {
        for word in WORDS {
            number += 1;
            let record =
                NewRecord { scope: user(name), ..text(format!("{word} {}", "pumice ".repeat(padding))) };
            let vector = Some((0..4).map(|at| if at == number % 4 { 1.0 } else { 0.1 }).collect());
            let operation = Operation::Add { record: Box::new(record), vector };
            host.commit(&Scope::default(), vec![operation], at(number));
        }
    };
    add(&mut host, "notes", 300);
    let ask = |host: &mut Host, scope: Scope, fusion: Fusion| {
        let query = Query {
            text: "flint".into(),
            vector: Some(vec![0.6, 0.2, 0.1, 0.9]),
            limit: 8,
            fusion,
            ..Query::default()
        };
        host.engine.recall(&scope, Some(&space(4)), query, at(100), false).expect("a plain question")
    };
    let weights = |hits: &[Hit]| {
        let signals = &hits[0].why.signals;
        let of = |signal| signals.iter().find(|share| share.signal == signal).map(|share| share.weight);
        [Signal::Dense, Signal::Keyword, Signal::Form].map(of)
    };
    let alone = ask(&mut host, user("notes"), Fusion::default());
    assert_eq!(weights(&alone), [Some(0.5 / 1.5), Some(1.0 / 1.5), None]);
    let even = Fusion::Weighted { dense: 0.5, keyword: 0.5 };
    assert_eq!(weights(&ask(&mut host, user("notes"), even))[..2], [Some(0.5), Some(0.5)]);

    add(&mut host, "chat", 0);
    assert_eq!(ask(&mut host, user("notes"), Fusion::default()), alone);
    assert_eq!(weights(&ask(&mut host, user("chat"), Fusion::default())), [Some(0.5), Some(0.5), Some(0.3)]);
}

/// An answer is found through the question before it, though it shares no word with what is asked. What is near no
/// match is not.
#[test]
fn the_turn_after_a_question_is_found_through_it() {
    let mut host = Host::new(Config::default());
    let session = |name: &str| Scope { session: Some(name.into()), ..Scope::default() };
    let mut ids = Vec::new();
    for (scope, words) in [
        ("1", "Where do you keep the spare kettle?"),
        ("1", "On the shelf behind the green door."),
        ("2", "Rain again, all day long."),
        ("2", "We could paint the fence tomorrow."),
    ] {
        let record = NewRecord { scope: session(scope), ..text(words) };
        ids.push(host.add(record, at(ids.len() as i64)));
    }
    let mut ask = |weights, scope: &str| {
        let query = Query { text: "the spare kettle".into(), limit: 3, weights, ..Query::default() };
        let hits = host.engine.recall(&session(scope), None, query, at(10), false).expect("a plain question");
        hits.iter().map(|hit| hit.record.id).collect::<Vec<_>>()
    };
    assert_eq!(ask(Weights::default(), "1"), [ids[0], ids[1]]);
    assert_eq!(ask(Weights::NONE, "1"), [ids[0]]);
    assert_eq!(ask(Weights::default(), "2"), []);
}

/// What a filter leaves out is not found, but still says what the turns around it are about. What a view does not see,
/// or has expired, says nothing.
#[test]
fn context_comes_from_what_the_view_sees() {
    use stratamem_core::{Comparison, FieldPath, Filter, RecordField, Value};
    let mut host = Host::new(Config::default());
    let scope = Scope { session: Some("s".into()), ..Scope::default() };
    let asks =
        NewRecord { actor: Some("Ada".into()), expires_at: Some(at(50)), ..text("Where is the kettle?") };
    host.add(NewRecord { scope: scope.clone(), ..asks }, at(0));
    let answers = NewRecord { actor: Some("Bo".into()), scope: scope.clone(), ..text("On the green shelf.") };
    let answer = host.add(answers, at(1));
    let mut ask = |now| {
        let by_bo = Comparison::Eq(Value::Text("Bo".into()));
        let filter = Some(Filter::Field(FieldPath::Record(RecordField::Actor), by_bo));
        let query = Query { text: "kettle shelf".into(), limit: 3, filter, ..Query::default() };
        host.engine.recall(&Scope::default(), None, query, now, false).expect("a plain question")
    };
    let before = ask(at(10));
    assert_eq!(before.iter().map(|hit| hit.record.id).collect::<Vec<_>>(), [answer]);
    assert!(contribution(&before[0], Signal::Context) > 0.0);
    assert_eq!(contribution(&ask(at(50))[0], Signal::Context), 0.0);
}

/// Recency halves every thirty days; importance and retention are those of the policies.
#[test]
fn standing_counts_if_it_is_asked_for() {
    let mut host = Host::new(Config::default());
    let old = NewRecord { occurred_at: Some(at(0)), importance: Some(1.0), ..text("amber") };
    let new = NewRecord { occurred_at: Some(at(60 * DAY)), importance: Some(0.0), ..text("amber") };
    let ids = [host.add(old, at(60 * DAY)), host.add(new, at(60 * DAY))];
    let mut ask = |signal: usize| {
        let mut weights = Weights::NONE;
        weights.0[signal] = 1.0;
        let query = Query { text: "amber".into(), limit: 2, weights, ..Query::default() };
        host.engine.recall(&Scope::default(), None, query, at(60 * DAY), false).expect("a plain question")
    };
    let recent = ask(6);
    assert_eq!(recent[0].record.id, ids[1]);
    let share = |hit: &Hit| hit.why.signals.last().map_or(0.0, |share| share.score);
    assert!((share(&recent[0]) - 1.0).abs() < 1e-6 && (share(&recent[1]) - 0.25).abs() < 1e-6);
    assert_eq!(ask(7)[0].record.id, ids[0]);
    assert!(ask(8).iter().all(|hit| contribution(hit, Signal::Retention) > 0.0));
}

/// Maximal marginal relevance against its definition.
#[test]
fn diversity_orders_by_marginal_relevance() {
    let mut random = Random(99);
    let mut host = Host::new(Config::default());
    for number in 0..40 {
        let vector = (0..4).map(|_| random.below(2_001) as f32 / 1_000.0 - 1.0).collect();
        let operation = Operation::Add { record: Box::new(text("x")), vector: Some(vector) };
        host.commit(&Scope::default(), vec![operation], at(number));
    }
    let mut ask = |diversity, limit| {
        let query = Query {
            vector: Some(vec![0.6, -0.2, 0.1, 0.9]),
            limit,
            diversity,
            fusion: Fusion::default(),
            ..Query::default()
        };
        host.engine
            .recall(&Scope::default(), Some(&space(4)), query, at(100), false)
            .expect("a plain question")
    };
    let plain = ask(0.0, 40);
    let varied = ask(0.6, 12);
    let everyone = Scope::default();
    let vector =
        |hit: &Hit| host.engine.vector(&everyone, hit.record.id, at(100)).expect("all have one").to_vec();
    let mut left: Vec<(&Hit, Vec<f32>)> = plain.iter().map(|hit| (hit, vector(hit))).collect();
    let mut chosen: Vec<(&Hit, Vec<f32>)> = Vec::new();
    for hit in &varied {
        let worth = |candidate: &(&Hit, Vec<f32>)| {
            let like =
                |other: &(&Hit, Vec<f32>)| candidate.1.iter().zip(&other.1).map(|(a, b)| a * b).sum::<f32>();
            let likest = chosen.iter().map(like).fold(0.0, f32::max);
            0.4 * candidate.0.score / plain[0].score - 0.6 * likest
        };
        let best = left.iter().map(worth).fold(f32::NEG_INFINITY, f32::max);
        let at = left.iter().position(|other| other.0.record.id == hit.record.id).expect("chosen once");
        assert!((worth(&left[at]) - best).abs() < 1e-5);
        let next = left.remove(at);
        chosen.push(next);
    }
    assert_ne!(
        varied.iter().map(|hit| hit.record.id).collect::<Vec<_>>(),
        plain[..12].iter().map(|hit| hit.record.id).collect::<Vec<_>>()
    );
}

/// Where a vector alone is asked for, no more is proposed than is wanted: found exactly, the hits and what is said of them are
/// those of any larger pool, page by page, and a pool of one does not keep hits back.
#[test]
fn a_vector_alone_needs_no_pool() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut host = Host::new(Config::default());
    let mut vector = || -> Vec<f32> { (0..8).map(|_| random.below(2_000) as f32 / 1_000.0 - 1.0).collect() };
    let operations = (0..300)
        .map(|number| Operation::Add {
            record: Box::new(text(format!("record {number}"))),
            vector: Some(vector()),
        })
        .collect();
    host.engine.commit(&Scope::default(), Some(&space(8)), operations, at(0)).expect("they are good");
    host.persist();
    for fusion in [
        Fusion::Balanced,
        Fusion::Weighted { dense: 0.3, keyword: 0.7 },
        Fusion::Rrf { k: 60.0 },
        Fusion::Max { dense: 1.0, keyword: 1.0 },
        Fusion::Borda { dense: 1.0, keyword: 1.0 },
    ] {
        let question = vector();
        let mut ask = |limit, pool, without: &[Hit]| {
            let query = Query {
                vector: Some(question.clone()),
                limit,
                pool,
                fusion,
                weights: Weights::NONE,
                without: without.iter().map(|hit| hit.record.id).collect(),
                ..Query::default()
            };
            host.engine.recall(&Scope::default(), Some(&space(8)), query, at(1), false).expect("it is good")
        };
        let (first, pooled) = (ask(7, None, &[]), ask(7, Some(300), &[]));
        assert_eq!(ask(7, Some(1), &[]).len(), 7, "{fusion:?}");
        let second = ask(7, None, &first);
        let both: Vec<RecordId> = first.iter().chain(&second).map(|hit| hit.record.id).collect();
        let whole = ask(14, None, &[]);
        assert_eq!(both, whole.iter().map(|hit| hit.record.id).collect::<Vec<_>>(), "{fusion:?}");
        if !matches!(fusion, Fusion::Borda { .. }) {
            assert_eq!(first, pooled, "{fusion:?}");
            let scores = |hits: &[Hit]| hits.iter().map(|hit| hit.score).collect::<Vec<f32>>();
            assert_eq!(scores(&second), scores(&whole[7..]), "{fusion:?}");
        }
    }
}
