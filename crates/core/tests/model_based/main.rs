//! The engine against a naive model of what a memory is: a map of records, and what its configuration makes of them.
//!
//! The model knows no index, no order that is kept and no change that is logged: it looks at everything with loops and
//! sorts. The formulas alone are those of [`stratamem_core::policy`], which `policies` checks against definitions.

mod commands;
mod configs;
mod model;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use proptest::prelude::*;
use stratamem_core::policy::{EvictionPolicy, Rule};
use stratamem_core::{
    Config, Demotion, Direction, Event, Kind, OnLimit, Operation, Query, Record, RecordId, Scope, Span, Tier,
    TierConfig, Timestamp,
};

use commands::{Command, Draft, KINDS, Step, WORDS, command, operation, owner};
use configs::config;
use model::{EXTENTS, Extent, Model, Tally, above, expired};
use support::{Host, LONG_AGO, START, commits, contents, space, verbatim};

/// An engine and its model.
struct Pair {
    host: Host,
    model: Model,
    known: Vec<RecordId>,
    now: Timestamp,
    /// Whether the two are compared.
    check: bool,
    answers: Vec<String>,
}

impl Pair {
    fn new(config: &Config, check: bool) -> Pair {
        Pair {
            host: Host::new(config.clone()),
            model: Model::new(config.clone()),
            known: Vec::new(),
            now: START,
            check,
            answers: Vec::new(),
        }
    }

    fn take(&mut self, command: &Command) {
        let before = commits(&self.host.engine);
        self.model.wrote = false;
        self.carry_out(command);
        // A commit takes the reads before it along.
        let wrote = commits(&self.host.engine) > before;
        assert!(wrote || !self.model.wrote, "a change was not logged");
        if wrote {
            self.model.committed = self.model.records.clone();
        }
        match command {
            Command::Persist => {
                self.host.persist();
                self.model.durable = self.model.committed.clone();
                let mut told = self.host.engine.drain_events();
                told.retain(|event| !matches!(event, Event::SegmentSealed { .. }));
                let expected = std::mem::take(&mut self.model.events);
                if self.check {
                    assert_eq!(told, expected);
                }
                self.answers.push(format!("{told:?}"));
            }
            Command::Reopen => {
                let report = self.host.reopen(self.now);
                self.model.committed = self.model.records.clone();
                self.model.durable = self.model.records.clone();
                self.model.restart();
                assert_eq!((report.torn_bytes, report.leftovers.len()), (0, 0));
            }
            Command::Crash => {
                self.host.crash();
                self.model.records = self.model.durable.clone();
                self.model.committed = self.model.durable.clone();
                self.model.restart();
            }
            _ => {}
        }
        if self.check {
            self.compare();
        }
    }

    fn carry_out(&mut self, command: &Command) {
        let Pair { host, model, known, now, check, answers } = self;
        let now = *now;
        match command {
            Command::Commit { view, steps } => {
                let view = owner(*view);
                let operations: Vec<Operation> =
                    steps.iter().map(|step| operation(step, model, known, now)).collect();
                let space = space(4);
                let result = host.engine.commit(&view, Some(&space), operations.clone(), now);
                let ids = result.as_ref().map_or(Vec::new(), |outcome| outcome.ids.clone());
                let code = model.commit(&view, &operations, &ids, now);
                if *check {
                    assert_eq!(result.as_ref().map(|_| ()).map_err(|error| error.code().name()), code);
                }
                answers.push(format!("{result:?}"));
                known.extend(ids.into_iter().filter(|id| !known.contains(id)).collect::<Vec<_>>());
            }
            Command::Get { view, target } => {
                let (view, id) = (owner(*view), model.target(known, *target));
                let found = host.engine.get(&view, id, now, true);
                if *check {
                    assert_eq!(found.as_ref(), model.sees(&view, id, now));
                }
                // Nobody asked a question, so nothing is owed to the answer.
                model.touch(&found.iter().map(|record| (record.id, 0.0)).collect::<Vec<_>>(), now);
                answers.push(format!("{found:?}"));
            }
            Command::Recall { view, word } => {
                let view = owner(*view);
                let word = WORDS[usize::from(*word) % WORDS.len()];
                let query = Query { text: word.into(), limit: 4, ..Query::default() };
                let hits = host.engine.recall(&view, None, query, now, true).expect("a plain question");
                if *check {
                    let fits = |record: &&Record| record.text.contains(word) || record.tags[0] == word;
                    let all = model.records.keys().filter_map(|id| model.sees(&view, *id, now)).filter(fits);
                    assert_eq!(hits.len(), all.count().min(4));
                    for hit in &hits {
                        assert_eq!(Some(&hit.record), model.sees(&view, hit.record.id, now));
                    }
                }
                let uses: Vec<(RecordId, f32)> =
                    hits.iter().map(|hit| (hit.record.id, hit.score.clamp(0.0, 1.0))).collect();
                model.touch(&uses, now);
                answers.push(format!("{uses:?}"));
            }
            Command::Maintain { compact } => {
                let mut report = (0, 0, 0);
                loop {
                    let step = host.engine.maintain(now, *compact).expect("nothing has failed");
                    report = (report.0 + step.moved, report.1 + step.expired, report.2 + step.evicted);
                    if !step.more {
                        break;
                    }
                }
                let expected = model.maintain(now);
                if *check {
                    assert_eq!(report, expected);
                    let due = host.engine.next_deadline();
                    assert!(due.is_none_or(|due| due > now), "{due:?} is due at {now:?} after maintenance");
                    self.check_budgets();
                }
            }
            Command::Wait(millis) => self.now = now + Span(*millis),
            Command::Persist | Command::Reopen | Command::Crash => {}
        }
    }

    /// After maintenance nothing is over a limit that could be helped.
    fn check_budgets(&self) {
        let mut over = false;
        for extent in EXTENTS {
            let Some(excess) = self.model.excess(extent, false) else { continue };
            let on_limit = self.model.limits(extent).2;
            over |= matches!(on_limit, OnLimit::Evict | OnLimit::Host);
            if on_limit != OnLimit::Evict {
                continue;
            }
            let records = self.model.records.values().map(|(record, _)| record);
            for record in records.filter(|record| Model::belongs(extent, record) && !record.pinned) {
                let can = self.model.can_leave(extent, record, self.now);
                assert!(!can, "{extent:?} is {excess:?} too much, and {record:?} could leave");
            }
        }
        assert_eq!(self.host.engine.overfull(), over);
    }

    /// Fails unless engine and model are the same in everything that can be asked.
    fn compare(&self) {
        let Pair { host, model, now, .. } = self;
        let now = *now;
        let found = contents(&host.engine);
        for ((found, vector), (expected, expected_vector)) in found.iter().zip(model.records.values()) {
            assert_eq!(found, expected);
            assert_eq!(vector, expected_vector, "the vector of {}", found.id);
        }
        assert_eq!(found.len(), model.records.len());
        assert_eq!(host.engine.len(), model.records.len());
        for id in model.records.keys() {
            self.compare_prospects(*id);
        }
        for number in 0..4 {
            let view = owner(number);
            let seen: Vec<&Record> =
                model.records.keys().filter_map(|id| model.sees(&view, *id, now)).collect();
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
        self.compare_figures();
    }

    /// What the engine says of a record's prospects.
    fn compare_prospects(&self, id: RecordId) {
        let Pair { host, model, now, .. } = self;
        let now = *now;
        let record = &model.records[&id].0;
        let told = host.engine.explain_transition(&Scope::default(), id, now);
        let Some(told) = told else {
            assert!(expired(record, now), "nothing is told of {record:?}");
            return;
        };
        let standing = model.standing(record, now);
        assert_eq!(u64::from(told.bytes), model.weight(id));
        assert_eq!((told.importance, told.retention), (standing.importance, standing.retention));
        assert_eq!(
            (told.tier, told.tier_since, told.pinned),
            (record.tier, record.tier_since, record.pinned)
        );
        assert_eq!((&told.moves, told.expires_at), (&record.moves, record.expires_at));
        let promotion = told.promotion.map(|to| (to.to, to.score, to.threshold));
        assert_eq!(promotion, above(record.tier).map(|to| (to, model.score(record, record.tier, now), 1.0)));
        let demotion = told.demotion.map(|to| (to.to, to.score, to.threshold));
        assert_eq!(demotion, model.lapse(record, now));
        assert_eq!(told.worth, standing.retention * (0.75 + 0.25 * standing.importance));
        let ranked = model.ranked(Extent::Tier(record.tier), record, now);
        let policy = model.config.steps(record.tier).get(ranked.step).map(|step| step.policy);
        let by_host = model.config.tier(record.tier).on_limit == OnLimit::Host;
        let custom = (Some(EvictionPolicy::Custom), None);
        let expected = if by_host { custom } else { (policy, Some(ranked.figure)) };
        assert_eq!((told.leaving.policy, told.leaving.figure), expected);
    }

    /// What is counted of the whole memory.
    fn compare_figures(&self) {
        let Pair { host, model, now, .. } = self;
        let stats = host.engine.stats(&Scope::default(), *now).engine.expect("the view sees everything");
        let tiers = [stats.tiers.working, stats.tiers.intermediate, stats.tiers.long_term];
        for tier in Tier::ALL {
            let figures = tiers[tier.index()];
            assert_eq!((figures.items, figures.bytes), (model.held(tier).count(), model.bytes(tier)));
        }
        let kinds = BTreeSet::from(KINDS).into_iter().map(|kind| (kind, model.measure(Extent::Kind(kind))));
        let kinds: Vec<_> = kinds.filter(|(_, held)| held.0 > 0).collect();
        let told = stats.kinds.iter().map(|kind| (kind.kind.as_str(), (kind.items, kind.bytes)));
        assert_eq!(told.collect::<Vec<_>>(), kinds);
        let counted = Tally {
            asked: stats.asked,
            answered: stats.answered,
            hits: tiers.map(|tier| tier.hits),
            came: tiers.map(|tier| tier.came),
            went: tiers.map(|tier| tier.went),
            evicted: tiers.map(|tier| tier.evicted),
        };
        assert_eq!(counted, model.tally);
    }
}

/// Runs the commands; with `check`, the model is compared after each. Answers what was stored and what was answered.
fn run(config: &Config, commands: &[Command], check: bool) -> (support::Objects, Vec<String>) {
    let mut pair = Pair::new(config, check);
    commands.iter().for_each(|command| pair.take(command));
    let Pair { mut host, mut answers, now, .. } = pair;
    host.reopen(now);
    answers.push(format!("{:?}", host.engine.list(&Scope::default(), None, None, 1_000, LONG_AGO)));
    (host.objects, answers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_engine_is_the_model(config in config(), commands in prop::collection::vec(command(), 1..100)) {
        run(&config, &commands, true);
    }

    #[test]
    fn the_same_commands_give_the_same_bytes_and_answers(
        config in config(),
        commands in prop::collection::vec(command(), 1..60),
    ) {
        prop_assert_eq!(run(&config, &commands, false), run(&config, &commands, false));
    }
}

/// Tiers of several steps: searches and rounds that other commands come between.
#[test]
fn large_tiers_are_looked_at_in_steps() {
    const HOUR: i64 = 3_600_000;
    let aged = Rule::All(vec![Rule::Age { at_least: Span(HOUR) }, Rule::Importance { at_least: 0.75 }]);
    let lapses = Demotion { margin: 0.2, after: Span(2 * HOUR) };
    let config = Config {
        working: TierConfig { max_items: Some(2_200), promote: Some(aged), ..TierConfig::default() },
        intermediate: TierConfig {
            max_items: Some(2_100),
            max_bytes: Some(2_050_000),
            demote: Some(lapses),
            ..TierConfig::default()
        },
        long_term: TierConfig { max_items: Some(1_100), ..TierConfig::default() },
        seal_bytes: 1 << 18,
        consolidation: verbatim(),
        ..Config::default()
    };
    let mut pair = Pair::new(&config, false);
    let mut made = 0u32;
    let mut add = |count: u32| {
        let steps = (made..made + count).map(|number| {
            // Numbers without a pattern: the high bits of a product.
            let noise = (number.wrapping_mul(2_654_435_769) >> 8).to_le_bytes();
            Step::Add(Draft {
                word: noise[0] % 5,
                blank: false,
                padding: u16::from(noise[1]),
                kind: (noise[0] > 200).then_some(Kind::SEMANTIC),
                tier: (noise[1] > 220).then_some(Tier::Intermediate),
                owner: noise[1] % 3,
                importance: Some(noise[2]),
                pinned: noise[2] == 7,
                lives: (noise[0] % 8 == 3).then_some(2 * HOUR),
                axis: (noise[0] < 20).then_some(noise[1] % 8),
            })
        });
        let steps: Vec<Step> = steps.collect();
        made += count;
        Command::Commit { view: 0, steps }
    };
    let mut compared = 0;
    for round in 0..6u16 {
        let mut commands = vec![add(900)];
        for turn in 0..6 {
            let target = 16 * (round * 300 + turn * 37) + 1;
            let between = vec![
                Step::Forget { target, version: None },
                Step::Move {
                    target: target + 800,
                    direction: Direction::Up,
                    to: Some(Tier::LongTerm),
                    version: None,
                },
                Step::Update {
                    target: target + 1_600,
                    draft: Draft {
                        word: 0,
                        blank: false,
                        padding: 300,
                        kind: None,
                        tier: None,
                        owner: 0,
                        importance: Some(250),
                        pinned: true,
                        lives: None,
                        axis: None,
                    },
                    fields: 0b1011,
                    version: None,
                },
            ];
            commands.extend([
                Command::Wait(40),
                Command::Commit { view: 0, steps: between },
                Command::Recall { view: 0, word: turn as u8 % 5 },
                add(45),
            ]);
        }
        commands.extend([
            Command::Persist,
            Command::Wait(if round % 2 == 0 { 3 * HOUR } else { HOUR / 7 }),
            Command::Maintain { compact: false },
            Command::Persist,
        ]);
        if round == 1 {
            commands.push(Command::Reopen);
        }
        for (index, command) in commands.iter().enumerate() {
            // Comparing everything takes its time.
            pair.check = matches!(command, Command::Persist | Command::Maintain { .. }) || index == 13;
            compared += u32::from(pair.check);
            pair.take(command);
        }
    }
    let Tally { came, evicted, .. } = &pair.model.tally;
    assert!(compared > 20 && pair.model.records.len() > 4_500, "{}", pair.model.records.len());
    assert!(came.iter().all(|came| *came > 50) && evicted[2].capacity > 200, "{came:?} {evicted:?}");
    assert!(evicted.iter().map(|evicted| evicted.expired).sum::<u64>() > 200, "{evicted:?}");
}
