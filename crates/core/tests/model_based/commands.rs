//! What is done to a memory: commands, how any of them are made, and the operations that they stand for.

use proptest::prelude::*;
use stratamem_core::{
    Clearable, Direction, Kind, NewRecord, Operation, Patch, RecordId, Scope, Span, Tier, Timestamp, Value,
};

use crate::model::Model;
use crate::support::user;

/// One thing that is done to a memory. Records are named by a number, taken modulo how many there are.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Commit {
        view: u8,
        steps: Vec<Step>,
    },
    Get {
        view: u8,
        target: u16,
    },
    Recall {
        view: u8,
        word: u8,
    },
    Maintain {
        compact: bool,
    },
    /// Time passes.
    Wait(i64),
    /// Writes what the engine wants written.
    Persist,
    /// Closes the memory carefully and opens it again.
    Reopen,
    /// Opens it again without a word to the engine.
    Crash,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Add(Draft),
    /// Adds a record under the id of one that may exist.
    AddAgain(u16, Draft),
    Update {
        target: u16,
        draft: Draft,
        fields: u8,
        version: Option<u32>,
    },
    Forget {
        target: u16,
        version: Option<u32>,
    },
    Move {
        target: u16,
        direction: Direction,
        to: Option<Tier>,
        version: Option<u32>,
    },
    Reward {
        target: u16,
        value: f32,
        version: Option<u32>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) word: u8,
    pub(crate) blank: bool,
    /// Spaces after the text.
    pub(crate) padding: u16,
    pub(crate) kind: Option<&'static str>,
    pub(crate) tier: Option<Tier>,
    pub(crate) owner: u8,
    pub(crate) importance: Option<u8>,
    pub(crate) pinned: bool,
    /// Milliseconds until it expires.
    pub(crate) lives: Option<i64>,
    pub(crate) axis: Option<u8>,
}

pub(crate) const WORDS: [&str; 5] = ["amber", "basalt", "cobalt", "dolomite", "emerald"];
/// A kind of its own is configured; the others are built in.
pub(crate) const KINDS: [&str; 3] = ["note", Kind::SEMANTIC, Kind::EPISODIC];

pub(crate) fn owner(number: u8) -> Scope {
    match number % 4 {
        0 => Scope::default(),
        1 => user("1"),
        2 => user("10"),
        _ => Scope { tenant: Some("t".into()), ..user("1") },
    }
}

/// One-hot, so that bringing it to unit length changes nothing.
pub(crate) fn vector(axis: u8) -> Vec<f32> {
    let mut vector = vec![0.0; 4];
    vector[usize::from(axis) % 4] = if axis > 3 { -1.0 } else { 1.0 };
    vector
}

pub(crate) fn new_record(draft: &Draft, now: Timestamp) -> NewRecord {
    let word = WORDS[usize::from(draft.word) % WORDS.len()];
    NewRecord {
        text: if draft.blank {
            " ".into()
        } else {
            format!("{word} stone{}", " ".repeat(draft.padding.into()))
        },
        kind: draft.kind.map(|kind| Kind(kind.to_owned())),
        tier: draft.tier,
        scope: owner(draft.owner),
        actor: draft.pinned.then(|| "Ada".into()),
        importance: draft.importance.map(|importance| f64::from(importance) / 255.0),
        tags: vec![word.to_owned()],
        metadata: [("axis".to_owned(), draft.axis.map_or(Value::Null, |axis| f64::from(axis).into()))].into(),
        pinned: draft.pinned,
        expires_at: draft.lives.map(|lives| now + Span(lives)),
        ..NewRecord::default()
    }
}

pub(crate) fn operation(step: &Step, model: &Model, known: &[RecordId], now: Timestamp) -> Operation {
    match step {
        Step::Add(draft) => {
            Operation::Add { record: Box::new(new_record(draft, now)), vector: draft.axis.map(vector) }
        }
        Step::AddAgain(target, draft) => {
            let id = Some(model.target(known, *target));
            let record = NewRecord { id, ..new_record(draft, now) };
            Operation::Add { record: Box::new(record), vector: draft.axis.map(vector) }
        }
        Step::Update { target, draft, fields, version } => {
            let new = new_record(draft, now);
            let wants = |bit: u8| fields & (1 << bit) != 0;
            let patch = Patch {
                text: wants(0).then_some(new.text),
                importance: new.importance.filter(|_| wants(1)),
                tags: wants(2).then_some(new.tags),
                pinned: wants(3).then_some(new.pinned),
                expires_at: new.expires_at.filter(|_| wants(4)),
                clear: if wants(5) { vec![Clearable::ExpiresAt] } else { Vec::new() },
                kind: new.kind.filter(|_| wants(7)),
                ..Patch::default()
            };
            let vector = draft.axis.filter(|_| wants(6)).map(vector);
            let id = model.target(known, *target);
            Operation::Update { id, patch: Box::new(patch), vector, if_version: *version }
        }
        Step::Forget { target, version } => {
            Operation::Forget { id: model.target(known, *target), vector: None, if_version: *version }
        }
        Step::Move { target, direction, to, version } => Operation::Move {
            id: model.target(known, *target),
            direction: *direction,
            to: *to,
            if_version: *version,
        },
        Step::Reward { target, value, version } => {
            Operation::Reward { id: model.target(known, *target), value: *value, if_version: *version }
        }
    }
}

pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    let tier = prop::option::of(prop::sample::select(Tier::ALL.to_vec()));
    (
        (0u8..5, prop::bool::weighted(0.02), 0u16..600),
        prop::option::of(prop::sample::select(KINDS.to_vec())),
        tier,
        0u8..4,
        prop::option::weighted(0.8, any::<u8>()),
        prop::bool::weighted(0.15),
        prop::option::weighted(0.2, span()),
        prop::option::of(0u8..8),
    )
        .prop_map(|((word, blank, padding), kind, tier, owner, importance, pinned, lives, axis)| Draft {
            word,
            blank,
            padding,
            kind,
            tier,
            owner,
            importance,
            pinned,
            lives,
            axis,
        })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let version = || prop::option::weighted(0.2, 1u32..4);
    let tier = prop::option::of(prop::sample::select(Tier::ALL.to_vec()));
    let direction = prop::sample::select(vec![Direction::Up, Direction::Down]);
    prop_oneof![
        6 => draft().prop_map(Step::Add),
        1 => (any::<u16>(), draft()).prop_map(|(target, draft)| Step::AddAgain(target, draft)),
        3 => (any::<u16>(), draft(), prop_oneof![1 => Just(0), 9 => any::<u8>()], version())
            .prop_map(|(target, draft, fields, version)| Step::Update { target, draft, fields, version }),
        2 => (any::<u16>(), version()).prop_map(|(target, version)| Step::Forget { target, version }),
        2 => (any::<u16>(), direction, tier, version())
            .prop_map(|(target, direction, to, version)| Step::Move { target, direction, to, version }),
        2 => (any::<u16>(), -1.05f32..1.05, version())
            .prop_map(|(target, value, version)| Step::Reward { target, value, version }),
    ]
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    // A view of everything is asked for most: it can do most.
    let view = || prop_oneof![3 => Just(0u8), 1 => 1u8..4];
    prop_oneof![
        10 => (view(), prop::collection::vec(step(), 1..5))
            .prop_map(|(view, steps)| Command::Commit { view, steps }),
        4 => (view(), any::<u16>()).prop_map(|(view, target)| Command::Get { view, target }),
        4 => (view(), 0u8..5).prop_map(|(view, word)| Command::Recall { view, word }),
        4 => prop::bool::weighted(0.15).prop_map(|compact| Command::Maintain { compact }),
        5 => span().prop_map(Command::Wait),
        4 => Just(Command::Persist),
        1 => Just(Command::Reopen),
        1 => Just(Command::Crash),
    ]
}

/// Times of every order that matters: moments of a busy agent, around the round of judging, and days.
pub(crate) fn span() -> impl Strategy<Value = i64> {
    const HOUR: i64 = 3_600_000;
    prop_oneof![3 => 1i64..300, 1 => 1_000i64..60_000, 2 => 300_000i64..1_200_000, 2 => HOUR..200 * HOUR]
}
