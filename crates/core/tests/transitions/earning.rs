//! What brings a record up: uses, importance, merit, rewards, time.

use stratamem_core::policy::{Decay, ImportanceWeights, Rule};
use stratamem_core::{
    Config, Event, Kind, KindConfig, NewRecord, Operation, Query, Reason, RecordId, Scope, Span, TierConfig,
};

use crate::scene::{
    DAY, HOUR, INTERMEDIATE, LONG_TERM, MINUTE, WORKING, boundless, close, explain, frequency, important,
    read, record, refused, retention, tier_of, told,
};
use crate::support::{Host, at, text, user};

#[test]
fn the_third_use_earns_the_intermediate_tier_and_the_fifth_the_last_one() {
    let mut host = Host::new(Config::default());
    let id = host.add(text("a plain fact"), at(0));
    assert_eq!(told(&mut host), [Event::MemoryAdded { id, tier: WORKING }]);
    // 0.4 x 0 + 0.4 x 0.5 + 0.2 x 1 = 0.4 of 0.6.
    let before = explain(&host, id, at(0));
    close(before.promotion.expect("there is a tier above").score, 0.4 / 0.6);
    assert_eq!(
        before.summary,
        "in working since it was added; 100 % is left; 67 % of the way to intermediate"
    );

    read(&mut host, id, at(1));
    read(&mut host, id, at(2));
    // 0.4 x (1 - e^(-2/3)) + 0.4 = 0.5946 of 0.6.
    assert_eq!(tier_of(&mut host, id, at(2)), Some(WORKING));
    close(explain(&host, id, at(2)).promotion.expect("there is a tier above").score, 0.594_633 / 0.6);
    assert_eq!(told(&mut host), []);

    read(&mut host, id, at(3));
    let events = told(&mut host);
    let [Event::MemoryPromoted { id: moved, from, to, reason: Reason::Earned, score: Some(score) }] =
        events[..]
    else {
        panic!("one promotion was to be told: {events:?}");
    };
    assert_eq!((moved, from, to), (id, WORKING, INTERMEDIATE));
    // 0.4 x (1 - e^-1) + 0.4 = 0.652848 of 0.6.
    close(score, 0.652_848 / 0.6);
    let after = explain(&host, id, at(3));
    assert_eq!((after.tier, after.tier_since), (INTERMEDIATE, at(3)));
    assert_eq!(after.moves.len(), 1);
    assert_eq!((after.moves[0].at, after.moves[0].reason), (at(3), Reason::Earned));
    assert_eq!(after.moves[0].score, Some(score));
    close(after.promotion.expect("there is a tier above").score, 0.652_848 / 0.7);
    assert_eq!(
        after.summary,
        "in intermediate, from working because it had earned it; 100 % is left; 93 % of the way to long-term"
    );

    read(&mut host, id, at(4));
    assert_eq!(tier_of(&mut host, id, at(4)), Some(INTERMEDIATE), "0.694561 of 0.7");
    read(&mut host, id, at(5));
    assert_eq!(tier_of(&mut host, id, at(5)), Some(LONG_TERM), "0.724450 of 0.7");
    let last = explain(&host, id, at(5));
    assert_eq!((last.promotion, last.demotion), (None, None));
    assert_eq!(last.summary, "in long-term, from intermediate because it had earned it; 100 % is left");
    // Moves and uses are logged: they are there again after opening.
    let before = record(&mut host, id, at(6));
    host.reopen(at(6));
    assert_eq!(record(&mut host, id, at(6)), before);
}

#[test]
fn importance_needs_one_use_and_time_takes_away() {
    let mut host = Host::new(boundless());
    let id = host.add(important(0.9), at(0));
    // 0.36 + 0.2 = 0.56 of 0.6.
    close(explain(&host, id, at(0)).promotion.expect("there is a tier above").score, 0.56 / 0.6);
    let highest = host.add(important(1.0), at(0));
    assert_eq!(tier_of(&mut host, highest, at(0)), Some(WORKING), "importance alone is just not enough");
    // A week on, half is left: 0.36 + 0.1 = 0.46. The use brings 0.1134 and what is left back to nearly 1.
    let week = at(7 * DAY);
    let left = retention(7.0 * 86_400.0, &[]);
    close(left, 0.496_837);
    let told_now = explain(&host, id, week);
    close(told_now.retention, left);
    close(told_now.promotion.expect("there is a tier above").score, (0.36 + 0.2 * left) / 0.6);
    read(&mut host, id, week);
    let moved = explain(&host, id, week).moves;
    let score = (0.4 * frequency(1) + 0.36 + 0.2 * retention(7.0 * 86_400.0, &[0.0])) / 0.6;
    assert_eq!(moved.len(), 1);
    close(moved[0].score.expect("a rule gave it"), score);
}

#[test]
fn kinds_fade_at_their_own_pace() {
    let mut config = boundless();
    let decay = Some(Decay::HalfLife { half_life: Span(DAY) });
    config.kinds.insert(
        "note".into(),
        KindConfig { decay, resistance: 1.0, importance: 0.25, ..KindConfig::default() },
    );
    let mut host = Host::new(config);
    for (kind, days, left) in [
        ("episodic", 7, 0.5),
        ("a kind of one's own", 7, 0.5),
        ("semantic", 30, 0.5),
        ("associative", 30, 0.5),
        ("procedural", 100, 0.5),
        ("note", 1, 0.5),
        ("note", 3, 0.125),
    ] {
        let new = NewRecord { kind: Some(Kind(kind.into())), ..text("fades") };
        let id = host.add(new, at(0));
        let found = explain(&host, id, at(days * DAY));
        assert!((found.retention - left).abs() < 0.01, "{kind}: {} after {days} days", found.retention);
        assert_eq!(found.importance, if kind == "note" { 0.25 } else { 0.5 });
    }
}

#[test]
fn answers_give_merit_and_merit_slows_fading_down() {
    let mut config = boundless();
    let decay = Some(Decay::HalfLife { half_life: Span(DAY) });
    config.kinds.insert("note".into(), KindConfig { decay, importance: 0.0, ..KindConfig::default() });
    let mut host = Host::new(config);
    let note = |line| NewRecord { kind: Some(Kind("note".into())), ..text(line) };
    let id = host.add(note("amber lamp"), at(0));
    let other = host.add(note("basalt step"), at(0));
    let ask = Query { text: "amber".into(), limit: 3, ..Query::default() };
    let hits =
        host.engine.recall(&Scope::default(), None, ask.clone(), at(0), true).expect("a plain question");
    assert_eq!((hits.len(), hits[0].record.id), (1, id));
    let share = hits[0].score;
    let used = record(&mut host, id, at(0)).expect("it is there").usage;
    assert_eq!((used.count, used.recent, used.merit), (1, vec![at(0)], 0.1 * share));
    assert!(share > 0.5, "{share}");
    // A question that is not to leave traces leaves none, and to look something up is no merit.
    host.engine.recall(&Scope::default(), None, ask, at(0), false).expect("a plain question");
    read(&mut host, other, at(0));
    let usage = |host: &mut Host, id| record(host, id, at(0)).expect("it is there").usage;
    assert_eq!(usage(&mut host, id).count, 1);
    assert_eq!((usage(&mut host, other).count, usage(&mut host, other).merit), (1, 0.0));
    // Half of the merit is resistance: so much slower is the half-life of a day.
    let pace = 1.0 - 0.5 * 0.1 * f64::from(share);
    close(explain(&host, id, at(2 * DAY)).retention, 0.5f64.powf(2.0 * pace));
    close(explain(&host, other, at(2 * DAY)).retention, 0.25);
}

#[test]
fn only_the_last_uses_are_kept_whatever_the_clock_does() {
    let mut host = Host::new(boundless());
    let id = host.add(NewRecord { tier: Some(LONG_TERM), ..text("often read") }, at(0));
    for moment in [10, 20, 30, 25, 40, 5] {
        read(&mut host, id, at(moment));
    }
    let usage = record(&mut host, id, at(50)).expect("it is there").usage;
    assert_eq!((usage.count, usage.recent), (6, vec![at(40), at(30), at(25), at(20)]));
}

#[test]
fn rewards_are_part_of_importance() {
    let mut host = Host::new(boundless());
    let id = host.add(text("was it useful?"), at(0));
    let reward = |value| vec![Operation::Reward { id, value, if_version: None }];
    assert_eq!(refused(&mut host, reward(1.5), at(1)), Some("invalid-argument"));
    assert_eq!(refused(&mut host, reward(f32::NAN), at(1)), Some("invalid-argument"));
    host.commit(&Scope::default(), reward(1.0), at(1));
    // 0.5 was given, with weight 1; the reward is 1 of 0..1, with weight 0.5.
    close(explain(&host, id, at(1)).importance, (0.5 + 0.5 * 1.0) / 1.5);
    host.commit(&Scope::default(), reward(-1.0), at(2));
    host.commit(&Scope::default(), reward(-1.0), at(3));
    let kept = record(&mut host, id, at(3)).expect("it is there").usage.reward.expect("it was rewarded");
    assert_eq!(kept.count, 3);
    close(f64::from(kept.mean), -1.0 / 3.0);
    close(explain(&host, id, at(3)).importance, (0.5 + 0.5 / 3.0) / 1.5);
    assert_eq!(record(&mut host, id, at(3)).expect("it is there").version, 1, "no content changed");
    // A foreign view cannot say what was useful.
    let foreign = host.engine.commit(&user("1"), None, reward(1.0), at(4));
    assert_eq!(foreign.expect_err("it sees nothing").code().name(), "not-found");
}

#[test]
fn surprise_is_how_unlike_the_known_something_is() {
    let importance = ImportanceWeights { surprise: 1.0, ..ImportanceWeights::default() };
    let mut host = Host::new(Config { importance, ..boundless() });
    let mut put = |vector: Option<Vec<f32>>, scope: Scope| {
        let record = Box::new(NewRecord { scope, ..text("something") });
        let id = host.commit(&Scope::default(), vec![Operation::Add { record, vector }], at(0)).ids[0];
        let surprise = record_surprise(&mut host, id);
        (surprise, explain(&host, id, at(0)).importance)
    };
    let everyone = Scope::default;
    assert_eq!(
        put(Some(vec![1.0, 0.0, 0.0, 0.0]), everyone()),
        (None, 0.5),
        "there was nothing to compare with"
    );
    assert_eq!(put(Some(vec![1.0, 0.0, 0.0, 0.0]), everyone()), (Some(0.0), 0.25));
    assert_eq!(put(Some(vec![0.0, 1.0, 0.0, 0.0]), everyone()), (Some(1.0), 0.75));
    let (surprise, _) = put(Some(vec![3.0, 4.0, 0.0, 0.0]), everyone());
    close(f64::from(surprise.expect("it has a vector")), 0.2);
    assert_eq!(put(None, everyone()), (None, 0.5));
    assert_eq!(put(Some(vec![1.0, 0.0, 0.0, 0.0]), user("1")).0, None, "its scope knew nothing");
}

fn record_surprise(host: &mut Host, id: RecordId) -> Option<f32> {
    record(host, id, at(0)).expect("it is there").surprise
}

#[test]
fn a_rule_of_age_ripens_in_rounds() {
    let mut host = Host::new(Config {
        working: TierConfig { promote: Some(Rule::Age { at_least: Span(HOUR) }), ..TierConfig::default() },
        ..boundless()
    });
    let id = host.add(text("ripens"), at(0));
    host.maintain(at(HOUR - 5 * MINUTE), false);
    host.maintain(at(HOUR), false);
    assert_eq!(tier_of(&mut host, id, at(HOUR)), Some(WORKING), "the next round is five minutes off");
    assert_eq!(host.engine.next_deadline(), Some(at(HOUR + 5 * MINUTE)));
    host.maintain(at(HOUR + 5 * MINUTE), false);
    assert_eq!(tier_of(&mut host, id, at(HOUR + 5 * MINUTE)), Some(INTERMEDIATE));
    let moves = explain(&host, id, at(HOUR + 5 * MINUTE)).moves;
    close(moves[0].score.expect("a rule gave it"), 65.0 / 60.0);
    // A use does not wait for the round.
    let id = host.add(text("ripens"), at(DAY));
    read(&mut host, id, at(DAY + HOUR));
    assert_eq!(tier_of(&mut host, id, at(DAY + HOUR)), Some(INTERMEDIATE));
}
