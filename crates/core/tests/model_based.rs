//! The engine against a naive model of what a memory is: a map of records.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use stratamem_core::{
    Clearable, Config, NewRecord, Operation, Patch, Query, Record, RecordId, Scope, Span, Tier, TierLimits,
    Timestamp, Value,
};
use support::{Host, LONG_AGO, START, contents, space, user};

/// One thing that is done to a memory. Records are named by a number, taken modulo how many there are.
#[derive(Debug, Clone)]
enum Command {
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
enum Step {
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
        to: Option<Tier>,
        version: Option<u32>,
    },
}

#[derive(Debug, Clone)]
struct Draft {
    word: u8,
    blank: bool,
    tier: Option<Tier>,
    owner: u8,
    importance: u8,
    pinned: bool,
    /// Milliseconds until it expires.
    lives: Option<i64>,
    axis: Option<u8>,
}

const WORDS: [&str; 5] = ["amber", "basalt", "cobalt", "dolomite", "emerald"];

fn owner(number: u8) -> Scope {
    match number % 4 {
        0 => Scope::default(),
        1 => user("1"),
        2 => user("10"),
        _ => Scope { tenant: Some("t".into()), ..user("1") },
    }
}

fn config() -> Config {
    Config {
        working: TierLimits { max_items: Some(6), ttl: Some(Span(40)) },
        intermediate: TierLimits { max_items: Some(9), ttl: Some(Span(200)) },
        long_term: TierLimits { max_items: Some(12), ttl: Some(Span(2_000)) },
        seal_bytes: 4_096,
        ..Config::default()
    }
}

/// What the memory should be.
#[derive(Clone, Default)]
struct Model {
    records: BTreeMap<RecordId, (Record, Option<Vec<f32>>)>,
    /// The records as the last commit left them: reads since then live in the process alone.
    committed: BTreeMap<RecordId, (Record, Option<Vec<f32>>)>,
    /// As the last acknowledged batch left them.
    durable: BTreeMap<RecordId, (Record, Option<Vec<f32>>)>,
    /// Whether the transaction under way has changed anything.
    wrote: bool,
}

impl Model {
    fn held(&self, tier: Tier) -> impl Iterator<Item = &Record> {
        self.records.values().map(|(record, _)| record).filter(move |record| record.tier == tier)
    }

    /// The id that a number stands for: mostly of a record that is there, else one that was ever given out.
    fn target(&self, known: &[RecordId], number: u16) -> RecordId {
        let pick = usize::from(number / 16);
        let there = self.records.keys().nth(pick % self.records.len().max(1)).copied();
        let ever = known.get(pick % known.len().max(1)).copied();
        there.filter(|_| !number.is_multiple_of(16)).or(ever).unwrap_or(RecordId(5))
    }

    fn sees(&self, view: &Scope, id: RecordId, now: Timestamp) -> Option<&Record> {
        let (record, _) = self.records.get(&id)?;
        let alive = record.expires_at.is_none_or(|at| at > now);
        (covers(view, &record.scope) && alive).then_some(record)
    }

    fn touch(&mut self, id: RecordId, now: Timestamp) {
        let (record, _) = self.records.get_mut(&id).expect("it was found");
        record.access_count += 1;
        record.last_access = Some(now);
    }

    /// Carries a transaction out, or answers the code of the error it must end in.
    fn commit(
        &mut self,
        view: &Scope,
        operations: &[Operation],
        ids: &[RecordId],
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let mut after = self.clone();
        for (index, operation) in operations.iter().enumerate() {
            after.step(view, operation, ids.get(index).copied(), now)?;
        }
        after.relieve(now);
        // A transaction that only moves records to where they are writes nothing, not even the reads before it.
        if std::mem::take(&mut after.wrote) {
            after.committed = after.records.clone();
        }
        *self = after;
        Ok(())
    }

    fn step(
        &mut self,
        view: &Scope,
        operation: &Operation,
        made: Option<RecordId>,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let check = |model: &Model, id, version: Option<u32>| {
            let record = model.sees(view, id, now).ok_or("not-found")?;
            let agrees = version.is_none_or(|version| version == record.version);
            if agrees { Ok(record.clone()) } else { Err("transaction-conflict") }
        };
        match operation {
            Operation::Add { record: new, vector } => {
                if new.text.trim().is_empty() {
                    return Err("invalid-argument");
                }
                // An expired record is gone for everybody, also before maintenance has removed it.
                if new.id.is_some_and(|id| self.sees(&Scope::default(), id, now).is_some()) {
                    return Err("already-exists");
                }
                let contradicts =
                    |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
                if contradicts(&view.user, &new.scope.user) || contradicts(&view.tenant, &new.scope.tenant) {
                    return Err("invalid-argument");
                }
                let scope = Scope {
                    tenant: view.tenant.clone().or(new.scope.tenant.clone()),
                    user: view.user.clone().or(new.scope.user.clone()),
                    ..Scope::default()
                };
                let record = Record {
                    id: new.id.or(made).unwrap_or(RecordId(0)),
                    text: new.text.clone(),
                    kind: new.kind.clone().unwrap_or_default(),
                    tier: new.tier.unwrap_or(Tier::Working),
                    tier_since: now,
                    scope,
                    actor: new.actor.clone(),
                    occurred_at: now,
                    recorded_at: now,
                    importance: new.importance.expect("a draft has one"),
                    tags: new.tags.clone(),
                    metadata: new.metadata.clone(),
                    access_count: 0,
                    last_access: None,
                    pinned: new.pinned,
                    expires_at: new.expires_at,
                    source: None,
                    version: 1,
                };
                self.records.insert(record.id, (record, vector.clone()));
            }
            Operation::Update { id, patch, vector, if_version } => {
                let before = check(self, *id, *if_version)?;
                let mut record = before.clone();
                if let Some(text) = &patch.text {
                    if text.trim().is_empty() {
                        return Err("invalid-argument");
                    }
                    record.text = text.clone();
                }
                if let Some(importance) = patch.importance {
                    record.importance = importance;
                }
                if let Some(tags) = &patch.tags {
                    record.tags = tags.clone();
                }
                if let Some(pinned) = patch.pinned {
                    record.pinned = pinned;
                }
                if patch.expires_at.is_some() {
                    record.expires_at = patch.expires_at;
                }
                if patch.clear.contains(&Clearable::ExpiresAt) {
                    record.expires_at = None;
                }
                record.version += 1;
                let kept = self.records[id].1.clone().filter(|_| record.text == before.text);
                self.records.insert(*id, (record, vector.clone().or(kept)));
            }
            Operation::Forget { id, if_version } => {
                check(self, *id, *if_version)?;
                self.records.remove(id);
            }
            Operation::Move { id, to, if_version } => {
                let from = check(self, *id, *if_version)?.tier;
                let to = to.unwrap_or(next(from).unwrap_or(from));
                if from == to {
                    return Ok(());
                }
                self.place(*id, to, now);
            }
        }
        self.wrote = true;
        Ok(())
    }

    fn place(&mut self, id: RecordId, tier: Tier, now: Timestamp) {
        let (record, _) = self.records.get_mut(&id).expect("it is there");
        (record.tier, record.tier_since) = (tier, now);
    }

    /// The records that leave a tier that may hold `limit`, because there are too many.
    fn surplus(&self, tier: Tier, limit: usize, now: Timestamp) -> Vec<RecordId> {
        let held: Vec<&Record> = self.held(tier).collect();
        let mut ranked: Vec<(f64, RecordId)> = held
            .iter()
            .filter(|record| !record.pinned)
            .map(|record| {
                let age = (now.0 - record.tier_since.0).max(0) as f64;
                (age * (1.0 - record.importance), record.id)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.into_iter().take(held.len().saturating_sub(limit)).map(|(_, id)| id).collect()
    }

    fn leave(&mut self, id: RecordId, now: Timestamp) {
        match next(self.records[&id].0.tier) {
            Some(tier) => self.place(id, tier, now),
            None => {
                self.records.remove(&id);
            }
        }
    }

    fn relieve(&mut self, now: Timestamp) {
        for tier in Tier::ALL {
            let limit = limits(tier).max_items.expect("every tier has a limit") as usize;
            if self.held(tier).count() > limit + limit / 8 {
                for id in self.surplus(tier, limit, now) {
                    self.leave(id, now);
                }
            }
        }
    }

    /// Everything that is due.
    fn maintain(&mut self, now: Timestamp) {
        loop {
            let gone = |record: &Record| record.expires_at.is_some_and(|at| at <= now);
            let expired: Vec<RecordId> = self
                .records
                .values()
                .filter(|(record, _)| gone(record))
                .map(|(record, _)| record.id)
                .collect();
            let outstayed = |record: &Record| {
                let ttl = limits(record.tier).ttl.expect("every tier has one").0;
                !record.pinned && !gone(record) && record.tier_since.0 + ttl <= now.0
            };
            let mut leaving: Vec<RecordId> =
                self.records.values().filter(|(r, _)| outstayed(r)).map(|(record, _)| record.id).collect();
            if expired.is_empty() && leaving.is_empty() {
                for tier in Tier::ALL {
                    let limit = limits(tier).max_items.expect("every tier has a limit") as usize;
                    leaving.extend(self.surplus(tier, limit, now));
                }
            }
            if expired.is_empty() && leaving.is_empty() {
                break;
            }
            for id in expired {
                self.records.remove(&id);
            }
            for id in leaving {
                self.leave(id, now);
            }
        }
        self.committed = self.records.clone();
    }
}

fn covers(view: &Scope, own: &Scope) -> bool {
    let part = |view: &Option<String>, own: &Option<String>| view.is_none() || view == own;
    part(&view.user, &own.user) && part(&view.tenant, &own.tenant)
}

fn next(tier: Tier) -> Option<Tier> {
    match tier {
        Tier::Working => Some(Tier::Intermediate),
        Tier::Intermediate => Some(Tier::LongTerm),
        Tier::LongTerm => None,
    }
}

fn limits(tier: Tier) -> TierLimits {
    let config = config();
    match tier {
        Tier::Working => config.working,
        Tier::Intermediate => config.intermediate,
        Tier::LongTerm => config.long_term,
    }
}

/// One-hot, so that bringing it to unit length changes nothing.
fn vector(axis: u8) -> Vec<f32> {
    let mut vector = vec![0.0; 4];
    vector[usize::from(axis) % 4] = if axis > 3 { -1.0 } else { 1.0 };
    vector
}

fn new_record(draft: &Draft, now: Timestamp) -> NewRecord {
    let word = WORDS[usize::from(draft.word) % WORDS.len()];
    NewRecord {
        text: if draft.blank { " ".into() } else { format!("{word} stone{}", " ".repeat(320)) },
        tier: draft.tier,
        scope: owner(draft.owner),
        actor: draft.pinned.then(|| "Ada".into()),
        importance: Some(f64::from(draft.importance) / 255.0),
        tags: vec![word.to_owned()],
        metadata: [("axis".to_owned(), draft.axis.map_or(Value::Null, |axis| f64::from(axis).into()))].into(),
        pinned: draft.pinned,
        expires_at: draft.lives.map(|lives| now + Span(lives)),
        ..NewRecord::default()
    }
}

fn operation(step: &Step, model: &Model, known: &[RecordId], now: Timestamp) -> Operation {
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
                ..Patch::default()
            };
            let vector = draft.axis.filter(|_| wants(6)).map(vector);
            let id = model.target(known, *target);
            Operation::Update { id, patch: Box::new(patch), vector, if_version: *version }
        }
        Step::Forget { target, version } => {
            Operation::Forget { id: model.target(known, *target), if_version: *version }
        }
        Step::Move { target, to, version } => {
            Operation::Move { id: model.target(known, *target), to: *to, if_version: *version }
        }
    }
}

/// Fails unless engine and model are the same in everything that can be asked.
fn compare(host: &Host, model: &Model, now: Timestamp) {
    let found = contents(&host.engine);
    for ((found, vector), (expected, expected_vector)) in found.iter().zip(model.records.values()) {
        assert_eq!(found, expected);
        assert_eq!(vector, expected_vector, "the vector of {}", found.id);
    }
    assert_eq!(found.len(), model.records.len());
    assert_eq!(host.engine.len(), model.records.len());
    for number in 0..4 {
        let view = owner(number);
        let seen: Vec<&Record> = model.records.keys().filter_map(|id| model.sees(&view, *id, now)).collect();
        let stats = host.engine.stats(&view, now);
        let count = |tier| seen.iter().filter(|record| record.tier == tier).count();
        assert_eq!(stats.records, seen.len());
        assert_eq!(
            (stats.tiers.working, stats.tiers.intermediate, stats.tiers.long_term),
            (count(Tier::Working), count(Tier::Intermediate), count(Tier::LongTerm))
        );
        // Pages of a prime size, joined, are the listing.
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = host.engine.list(&view, None, after, 3, now);
            listed.extend(page.records);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed.iter().collect::<Vec<_>>(), seen);
    }
}

/// Runs the commands; with `check`, beside the model. Answers what was stored and what was answered.
fn run(commands: &[Command], check: bool) -> (support::Objects, Vec<String>) {
    let mut host = Host::new(config());
    let mut model = Model::default();
    let mut known: Vec<RecordId> = Vec::new();
    let mut answers = Vec::new();
    let mut now = START;
    for command in commands {
        match command {
            Command::Commit { view, steps } => {
                let view = owner(*view);
                let operations: Vec<Operation> =
                    steps.iter().map(|step| operation(step, &model, &known, now)).collect();
                let space = space(4);
                let result = host.engine.commit(&view, Some(&space), operations.clone(), now);
                let ids = result.as_ref().map_or(Vec::new(), |outcome| outcome.ids.clone());
                let code = model.commit(&view, &operations, &ids, now);
                if check {
                    assert_eq!(result.as_ref().map(|_| ()).map_err(|error| error.code().name()), code);
                }
                answers.push(format!("{result:?}"));
                known.extend(ids.into_iter().filter(|id| !known.contains(id)).collect::<Vec<_>>());
            }
            Command::Get { view, target } => {
                let (view, id) = (owner(*view), model.target(&known, *target));
                let found = host.engine.get(&view, id, now, true);
                if check {
                    assert_eq!(found.as_ref(), model.sees(&view, id, now));
                }
                if found.is_some() {
                    model.touch(id, now);
                }
                answers.push(format!("{found:?}"));
            }
            Command::Recall { view, word } => {
                let view = owner(*view);
                let word = WORDS[usize::from(*word) % WORDS.len()];
                let query = Query { text: word.into(), limit: 4, ..Query::default() };
                let hits = host.engine.recall(&view, None, query, now, true).expect("a plain question");
                let found: Vec<RecordId> = hits.iter().map(|hit| hit.record.id).collect();
                if check {
                    let fits = |record: &&Record| record.text.contains(word) || record.tags[0] == word;
                    let all = model.records.keys().filter_map(|id| model.sees(&view, *id, now)).filter(fits);
                    assert_eq!(found.len(), all.count().min(4));
                    for hit in &hits {
                        assert_eq!(Some(&hit.record), model.sees(&view, hit.record.id, now));
                    }
                }
                found.iter().for_each(|id| model.touch(*id, now));
                answers.push(format!("{found:?}"));
            }
            Command::Maintain { compact } => {
                while host.engine.maintain(now, *compact).expect("nothing has failed").more {}
                model.maintain(now);
                if check {
                    let due = host.engine.next_deadline();
                    assert!(due.is_none_or(|due| due > now), "{due:?} is due at {now:?} after maintenance");
                }
            }
            Command::Wait(millis) => now = now + Span(*millis),
            Command::Persist => {
                host.persist();
                model.durable = model.committed.clone();
            }
            Command::Reopen => {
                let report = host.reopen(now);
                model.committed = model.records.clone();
                model.durable = model.records.clone();
                assert_eq!((report.torn_bytes, report.leftovers.len()), (0, 0));
            }
            Command::Crash => {
                host.crash();
                model.records = model.durable.clone();
                model.committed = model.durable.clone();
            }
        }
        if check {
            compare(&host, &model, now);
        }
    }
    host.reopen(now);
    answers.push(format!("{:?}", host.engine.list(&Scope::default(), None, None, 1_000, LONG_AGO)));
    (host.objects, answers)
}

fn draft() -> impl Strategy<Value = Draft> {
    let tier = prop::option::of(prop::sample::select(Tier::ALL.to_vec()));
    (
        0u8..5,
        prop::bool::weighted(0.02),
        tier,
        0u8..4,
        any::<u8>(),
        prop::bool::weighted(0.15),
        prop::option::weighted(0.2, 1i64..300),
        prop::option::of(0u8..8),
    )
        .prop_map(|(word, blank, tier, owner, importance, pinned, lives, axis)| Draft {
            word,
            blank,
            tier,
            owner,
            importance,
            pinned,
            lives,
            axis,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let version = || prop::option::weighted(0.2, 1u32..4);
    let tier = prop::option::of(prop::sample::select(Tier::ALL.to_vec()));
    prop_oneof![
        6 => draft().prop_map(Step::Add),
        1 => (any::<u16>(), draft()).prop_map(|(target, draft)| Step::AddAgain(target, draft)),
        3 => (any::<u16>(), draft(), any::<u8>(), version())
            .prop_map(|(target, draft, fields, version)| Step::Update { target, draft, fields, version }),
        2 => (any::<u16>(), version()).prop_map(|(target, version)| Step::Forget { target, version }),
        2 => (any::<u16>(), tier, version())
            .prop_map(|(target, to, version)| Step::Move { target, to, version }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    // A view of everything is asked for most: it can do most.
    let view = || prop_oneof![3 => Just(0u8), 1 => 1u8..4];
    prop_oneof![
        10 => (view(), prop::collection::vec(step(), 1..5))
            .prop_map(|(view, steps)| Command::Commit { view, steps }),
        3 => (view(), any::<u16>()).prop_map(|(view, target)| Command::Get { view, target }),
        2 => (view(), 0u8..5).prop_map(|(view, word)| Command::Recall { view, word }),
        3 => prop::bool::weighted(0.15).prop_map(|compact| Command::Maintain { compact }),
        4 => (0i64..120).prop_map(Command::Wait),
        1 => (1_000i64..4_000).prop_map(Command::Wait),
        4 => Just(Command::Persist),
        1 => Just(Command::Reopen),
        1 => Just(Command::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_engine_is_the_model(commands in prop::collection::vec(command(), 1..100)) {
        run(&commands, true);
    }

    #[test]
    fn the_same_commands_give_the_same_bytes_and_answers(commands in prop::collection::vec(command(), 1..100)) {
        prop_assert_eq!(run(&commands, false), run(&commands, false));
    }
}
