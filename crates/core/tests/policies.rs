//! The policies against naive references: activation from whole histories, rules from whole numbers, queues from plain
//! sorting. What is published about a formula is checked beside it.

#![allow(clippy::disallowed_methods, reason = "the references use other maths than the engine")]

use std::cmp::Ordering;

use proptest::prelude::*;
use serde_json::json;
use stratamem_core::policy::{
    Candidate, Decay, EvictionPolicy, EvictionStep, ImportanceWeights, RECENT, Rule, Standing, Subject, Uses,
    activation, gained,
};
use stratamem_core::{RecordId, Span, Tier, Timestamp};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// What rounding may add up to.
const ROUNDING: f64 = 1e-12;

/// All moments of a record's past, of which policies see a part.
#[derive(Debug, Clone)]
struct Past {
    made: i64,
    uses: Vec<i64>,
}

impl Past {
    /// What policies see.
    fn seen<R>(&self, look: impl FnOnce(&Uses<'_>) -> R) -> R {
        let mut recent: Vec<Timestamp> = self.uses.iter().copied().map(Timestamp).collect();
        recent.sort_by(|a, b| b.cmp(a));
        recent.truncate(RECENT);
        look(&Uses { made: Timestamp(self.made), count: self.uses.len() as u32, recent: &recent })
    }

    fn activation(&self, decay: f64, now: i64) -> f64 {
        self.seen(|uses| activation(uses, decay, 1.0, Timestamp(now)))
    }

    fn retention(&self, model: Decay, resistance: f64, now: i64) -> f64 {
        self.seen(|uses| model.retention(uses, resistance, Timestamp(now)))
    }

    /// Ages of the making and of all uses in seconds, youngest first; none is under a second.
    fn ages(&self, now: i64) -> Vec<f64> {
        let moments = self.uses.iter().chain([&self.made]);
        let mut ages: Vec<f64> = moments.map(|at| ((now - at) as f64 / 1e3).max(1.0)).collect();
        ages.sort_by(f64::total_cmp);
        ages
    }

    /// The definition: ln of the sum of age^-decay.
    fn defined(&self, decay: f64, now: i64) -> f64 {
        sum(&self.ages(now), decay).ln()
    }

    /// How far activation is above its definition.
    fn error(&self, decay: f64, now: i64) -> f64 {
        self.activation(decay, now) - self.defined(decay, now)
    }
}

fn sum(ages: &[f64], decay: f64) -> f64 {
    ages.iter().map(|age| age.powf(-decay)).sum()
}

/// Mean of t^-decay for t from `from` to `to`, by Simpson's rule over ln t.
fn mean_power(from: f64, to: f64, decay: f64) -> f64 {
    const PIECES: u32 = 1_000;
    let (low, width) = (from.ln(), (to / from).ln() / f64::from(PIECES));
    let height = |at: u32| ((1.0 - decay) * (low + width * f64::from(at))).exp();
    let weight = |at: u32| match at {
        0 | PIECES => 1.0,
        odd if odd % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=PIECES).map(|at| weight(at) * height(at)).sum::<f64>() * width / 3.0 / (to - from)
}

/// From a moment to four years, every order of magnitude alike.
fn gap() -> impl Strategy<Value = i64> {
    (0u32..37).prop_flat_map(|bits| 0..=(1i64 << bits))
}

/// A past of up to `most` uses, and a moment after it.
fn past(most: usize) -> impl Strategy<Value = (Past, i64)> {
    (-DAY..=DAY, prop::collection::vec(gap(), 0..=most), gap()).prop_map(|(made, gaps, idle)| {
        let mut last = made;
        let uses = gaps.iter().map(|gap| {
            last += gap;
            last
        });
        let past = Past { made, uses: uses.collect() };
        (past, last + idle)
    })
}

fn model() -> impl Strategy<Value = Decay> {
    prop_oneof![
        Just(Decay::default()),
        (0.01..0.99, -12.0..0.0, 0.05..2.0).prop_map(|(decay, threshold, noise)| Decay::ActR {
            decay,
            threshold,
            noise
        }),
        (SECOND..100 * DAY, 0.0..3.0)
            .prop_map(|(stability, gain)| Decay::Ebbinghaus { stability: Span(stability), gain }),
        (SECOND..100 * DAY).prop_map(|half_life| Decay::HalfLife { half_life: Span(half_life) }),
        Just(Decay::None),
    ]
}

/// A sequence of numbers below a limit (Marsaglia's xorshift).
fn random(mut state: u64) -> impl FnMut(i64) -> i64 {
    move |limit| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 16) % limit as u64) as i64
    }
}

// Activation.

#[test]
fn activation_has_the_values_that_its_formula_gives_by_hand() {
    let with = |uses: &[i64]| Past { made: 0, uses: uses.iter().map(|at| at * SECOND).collect() };
    let cases: [(&[i64], i64, f64); 6] = [
        // One presentation t seconds ago: -ln(t) / 2.
        (&[], 1, 0.0),
        (&[], 2, -0.346_573_590),
        (&[], 10_000, -4.605_170_186),
        // Two at the same moment, 4 s ago: ln(2 / 2).
        (&[0], 4, 0.0),
        // 4, 9 and 16 s ago: ln(1/2 + 1/3 + 1/4).
        (&[12, 7], 16, 0.080_042_708),
        // 1, 4, 9, 16 and 25 s ago: ln(1 + 1/2 + 1/3 + 1/4 + 1/5).
        (&[24, 21, 16, 9], 25, 0.825_636_364),
    ];
    for (uses, now, value) in cases {
        let found = with(uses).activation(0.5, now * SECOND);
        assert!((found - value).abs() < 1e-8, "{uses:?} at {now} s: {found}, not {value}");
    }
    // One more than is kept: 1, 4, 9 and 16 s ago, and two between 16 and 36 s, whose mean of t^-1/2 is
    // 2 (6 - 4) / 20 = 1/5.
    let found = with(&[35, 32, 27, 20, 15]).activation(0.5, 36 * SECOND);
    assert!((found - (1.0f64 + 0.5 + 1.0 / 3.0 + 0.25 + 0.4).ln()).abs() < 1e-12, "{found}");
}

#[test]
fn retention_follows_the_published_probability_of_retrieval() {
    // 1 / (1 + exp((threshold - activation) / noise)): 0 at 1 s, so that the threshold stands for the difference.
    let once = Past { made: 0, uses: Vec::new() };
    let cases = [
        (0.0, 0.5, 0.5),
        (-0.5, 0.5, 0.731_058_579),
        (0.5, 0.5, 0.268_941_421),
        (-2.0, 0.5, 0.982_013_790),
        (-2.0, 1.0, 0.880_797_078),
    ];
    for (threshold, noise, value) in cases {
        let found = once.retention(Decay::ActR { decay: 0.5, threshold, noise }, 0.0, SECOND);
        assert!((found - value).abs() < 1e-8, "{threshold}, {noise}: {found}");
    }
}

#[test]
fn many_even_uses_meet_the_standard_approximation() {
    // Anderson and Lebiere 1998: ln(n / (1 - d)) - d ln(L) for n uses spread evenly over a life of L seconds.
    for decay in [0.2, 0.5, 0.8] {
        let (n, spacing) = (200_000i64, HOUR);
        let past = Past { made: 0, uses: (1..n).map(|use_| use_ * spacing).collect() };
        let life = n * spacing;
        let standard = (n as f64 / (1.0 - decay)).ln() - decay * (life as f64 / 1e3).ln();
        let found = past.activation(decay, life);
        let most = if decay > 0.5 { 0.1 } else { 0.005 };
        assert!((found - standard).abs() < most, "{decay}: {found} for {standard}");
    }
}

#[test]
fn the_error_depends_on_how_the_uses_are_spread() {
    const SPAN: i64 = 100 * DAY;
    const USES: i64 = 1_000;
    let mut next = random(0x9E37_79B9_7F4A_7C15);
    let even: Vec<i64> = (1..=USES).map(|use_| use_ * SPAN / USES).collect();
    let uniform: Vec<i64> = (0..USES).map(|_| next(SPAN)).collect();
    // Ten days of a hundred uses within an hour, ten days apart.
    let sessions: Vec<i64> = (0..USES).map(|use_| (use_ / 100 + 1) * SPAN / 10 - next(HOUR)).collect();
    // Each gap 1 % longer than the one before, as in spaced repetition; or 1 % shorter.
    let grown = |use_: i64| (1.01f64.powi(use_ as i32) - 1.0) / (1.01f64.powi(USES as i32) - 1.0);
    let widening: Vec<i64> = (1..=USES).map(|use_| (SPAN as f64 * grown(use_)) as i64).collect();
    let narrowing: Vec<i64> = (0..USES).map(|use_| SPAN - (SPAN as f64 * grown(use_)) as i64).collect();
    let mut early: Vec<i64> = (0..USES - 4).map(|_| next(HOUR)).collect();
    early.extend((0..4).map(|use_| SPAN - use_ * HOUR));
    let late: Vec<i64> = (0..USES).map(|_| SPAN - next(HOUR)).collect();
    // Least and greatest error an hour and a day after the last use.
    let cases = [
        ("even", even, 0.0..=0.005),
        ("uniform", uniform, -0.03..=0.03),
        ("sessions", sessions, -1.0..=-0.25),
        ("widening", widening, 0.4..=0.42),
        ("narrowing", narrowing, -2.2..=-1.2),
        ("early", early, 0.55..=0.6),
        ("late", late, -3.0..=-1.6),
    ];
    for (name, uses, bounds) in cases {
        let past = Past { made: 0, uses };
        for idle in [HOUR, DAY] {
            let error = past.error(0.5, SPAN + idle);
            assert!(bounds.contains(&error), "{name}, {idle} ms later: {error}");
        }
    }
}

/// The figures of the table in `docs/RETENTION.md`: median and first percentile of the error at the default decay.
#[test]
fn the_error_on_random_histories_is_what_is_documented() {
    let mut next = random(0x2545_F491_4F6C_DD1D);
    for (evenly, burst, median, first) in [
        (12, 0, -0.02..=0.03, -0.12..=-0.05),
        (100, 0, -0.02..=0.03, -0.2..=-0.1),
        (6, 6, -0.25..=-0.05, -0.45..=-0.25),
        (0, 12, -0.75..=-0.45, -1.15..=-0.9),
        (50, 50, -1.2..=-0.8, -2.4..=-2.0),
        (0, 100, -1.8..=-1.3, -3.1..=-2.7),
    ] {
        let mut errors: Vec<f64> = (0..2_000)
            .map(|_| {
                // Lives of half a day to a year, asked for a minute to a month later, both spread logarithmically.
                let part = |number: i64| number as f64 / 1_000.0;
                let life = (DAY as f64 / 2.0 * 730f64.powf(part(next(1_000)))) as i64;
                let idle = (60.0 * SECOND as f64 * 43_200f64.powf(part(next(1_000)))) as i64;
                let mut moments: Vec<i64> = (0..evenly).map(|_| next(life)).collect();
                moments.extend((0..burst).map(|_| life - next(HOUR.min(life / 50))));
                moments.sort_unstable();
                Past { made: 0, uses: moments }.error(0.9, life + idle)
            })
            .collect();
        errors.sort_by(f64::total_cmp);
        let (half, hundredth) = (errors[1_000], errors[20]);
        assert!(
            median.contains(&half) && first.contains(&hundredth),
            "{evenly} evenly, {burst} late: {half}, {hundredth}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn uses_that_are_kept_count_exactly((past, now) in past(RECENT), decay in 0.001..0.999) {
        prop_assert!(past.error(decay, now).abs() < ROUNDING);
    }

    #[test]
    fn older_uses_count_by_their_mean_between_the_oldest_kept_one_and_the_making(
        (past, now) in past(40), decay in 0.001..0.999,
    ) {
        let ages = past.ages(now);
        let (kept, others) = ages.split_at(RECENT.min(past.uses.len()));
        let (from, to) = (kept.last().unwrap_or(&others[0]), ages[ages.len() - 1]);
        let mean = if past.uses.len() > RECENT && to / from > 1.0 + 1e-6 {
            mean_power(*from, to, decay)
        } else {
            to.powf(-decay)
        };
        let expected = (sum(kept, decay) + mean * others.len() as f64).ln();
        let found = past.activation(decay, now);
        prop_assert!((found - expected).abs() < 2e-6, "{found} for {expected}");
    }

    #[test]
    fn no_history_is_overestimated_beyond_the_bound((past, now) in past(60), decay in 0.01..0.99) {
        // Older uses count for no less than if all had been at the making, and for no more than 1 / (1 - decay) of
        // that or than if all had been at the oldest kept use.
        let ages = past.ages(now);
        let (kept, others) = ages.split_at(RECENT.min(past.uses.len()));
        let oldest = kept.last().copied().unwrap_or(ages[0]);
        let all_at = |age: f64| (sum(kept, decay) + others.len() as f64 * age.powf(-decay)).ln();
        let found = past.activation(decay, now);
        prop_assert!(found >= all_at(ages[ages.len() - 1]) - ROUNDING);
        prop_assert!(found <= all_at(oldest) + ROUNDING);
        prop_assert!(past.error(decay, now) <= -(1.0 - decay).ln() + ROUNDING);
    }

    #[test]
    fn no_history_is_underestimated_beyond_the_bound((past, now) in past(60), decay in 0.01..0.99) {
        let bound = if past.uses.len() > RECENT { ((past.uses.len() + 1) as f64 / RECENT as f64).ln() } else { 0.0 };
        prop_assert!(past.error(decay, now) >= -bound - ROUNDING);
    }

    #[test]
    fn even_histories_are_overestimated_by_an_eighth_at_most(
        uses in 4usize..400, spacing in SECOND..DAY, idle in 0..DAY, decay in 0.01..0.99,
    ) {
        // t^-d is convex: its integral lies above the sum at the right ends, by half the first term at most, and four
        // terms as great are summed exactly.
        let past = Past { made: 0, uses: (1..=uses as i64).map(|use_| use_ * spacing).collect() };
        let error = past.error(decay, uses as i64 * spacing + idle);
        prop_assert!((-ROUNDING..=1.125f64.ln()).contains(&error), "{error}");
    }

    #[test]
    fn digits_are_not_lost_near_the_ends(bits in 0u32..40, decay in prop_oneof![
        Just(1e-15), Just(1e-9), Just(1.0 - 1e-9), Just(1.0 - 1e-15), Just(1.0 - f64::EPSILON / 2.0),
    ], apart in 1i64..1_000) {
        // The mean lies between the values at both ends, however close these are and whatever the exponent is.
        let now = 1i64 << bits.max(11);
        let recent = [Timestamp(apart.min(now - SECOND))];
        let uses = Uses { made: Timestamp(0), count: u32::MAX, recent: &recent };
        let found = activation(&uses, decay, 1.0, Timestamp(now));
        let (young, old) = ((now - recent[0].0) as f64 / 1e3, now as f64 / 1e3);
        let at = |age: f64| (young.powf(-decay) + f64::from(u32::MAX) * age.powf(-decay)).ln();
        prop_assert!((at(old) - ROUNDING..=at(young) + ROUNDING).contains(&found));
    }
}

#[test]
fn uses_at_unknown_moments_count_as_if_at_the_making() {
    let uses = Uses { made: Timestamp(0), count: 99, recent: &[] };
    let found = activation(&uses, 0.5, 1.0, Timestamp(10_000 * SECOND));
    assert!(found.abs() < ROUNDING, "ln(100 / 100), not {found}");
}

// Retention in every model.

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_use_never_lowers_retention((mut past, now) in past(12), model in model(), r in 0.0..=1.0) {
        let before = past.retention(model, r, now);
        past.uses.push(now);
        let after = past.retention(model, r, now);
        prop_assert!(after >= before - ROUNDING, "{before} to {after}");
    }

    #[test]
    fn a_use_found_later_never_lowers_retention(
        (mut past, now) in past(12), when in 0.0..=1.0, model in model(), r in 0.0..=1.0,
    ) {
        let before = past.retention(model, r, now);
        past.uses.push(past.made + ((now - past.made) as f64 * when) as i64);
        let after = past.retention(model, r, now);
        prop_assert!(after >= before - ROUNDING, "{before} to {after}");
    }

    #[test]
    fn idle_time_never_raises_retention(
        (past, now) in past(12), idle in gap(), model in model(), r in 0.0..=1.0,
    ) {
        let (before, after) = (past.retention(model, r, now), past.retention(model, r, now + idle));
        prop_assert!(after <= before + ROUNDING, "{before} to {after}");
        prop_assert!((0.0..=1.0).contains(&before) && (0.0..=1.0).contains(&after));
    }

    #[test]
    fn both_hold_when_the_clock_once_went_back(
        (mut past, now) in past(12), ahead in gap(), idle in gap(), model in model(),
    ) {
        past.made += ahead;
        let before = past.retention(model, 0.0, now);
        let idle = past.retention(model, 0.0, now + idle);
        prop_assert!(idle <= before + ROUNDING, "{before} to {idle}");
        past.uses.push(now);
        let after = past.retention(model, 0.0, now);
        prop_assert!(after >= before - ROUNDING, "{before} to {after}");
    }

    #[test]
    fn resistance_scales_time((past, now) in past(12), model in model(), quarters in 0i64..4) {
        // A record that resists by r is retained like one whose whole past is 1 - r times as long ago.
        let scaled = Past {
            made: (past.made - now) * (4 - quarters),
            uses: past.uses.iter().map(|at| (at - now) * (4 - quarters)).collect(),
        };
        let slow = Past {
            made: (past.made - now) * 4,
            uses: past.uses.iter().map(|at| (at - now) * 4).collect(),
        };
        let resistance = quarters as f64 / 4.0;
        prop_assert_eq!(slow.retention(model, resistance, 0), scaled.retention(model, 0.0, 0));
    }

    #[test]
    fn more_resistance_never_lowers_retention(
        (past, now) in past(12), model in model(), r in 0.0..=1.0, more in 0.0..=1.0,
    ) {
        let more = r + (1.0 - r) * more;
        prop_assert!(past.retention(model, more, now) >= past.retention(model, r, now) - ROUNDING);
        prop_assert_eq!(past.retention(model, 1.0 + more, now), past.retention(model, 1.0, now));
        prop_assert_eq!(past.retention(model, -more, now), past.retention(model, 0.0, now));
    }

    #[test]
    fn memory_bank_strengthens_step_by_step((past, now) in past(12), stability in SECOND..100 * DAY) {
        // Each recall adds one to the strength and sets the clock to nothing.
        let (mut strength, mut since) = (1, past.made);
        for use_ in &past.uses {
            strength += 1;
            since = *use_;
        }
        let expected = (-((now - since) as f64 / stability as f64) / f64::from(strength)).exp();
        let found = past.retention(Decay::Ebbinghaus { stability: Span(stability), gain: 1.0 }, 0.0, now);
        prop_assert!((found - expected).abs() < ROUNDING, "{found} for {expected}");
    }

    #[test]
    fn a_half_life_halves((past, _) in past(5), half_life in SECOND..100 * DAY, halvings in 0i64..40) {
        let model = Decay::HalfLife { half_life: Span(half_life) };
        let last = past.uses.last().unwrap_or(&past.made);
        let expected = (0..halvings).fold(1.0, |left, _| left / 2.0);
        prop_assert_eq!(past.retention(model, 0.0, last + halvings * half_life), expected);
    }

    #[test]
    fn merit_is_what_shares_leave_of_one(shares in prop::collection::vec(0.0f32..=1.0, 0..300)) {
        let merit = shares.iter().fold(0.0, |merit, share| gained(merit, *share));
        let lacking: f64 = shares.iter().map(|share| 1.0 - 0.1 * f64::from(*share)).product();
        prop_assert!((0.0..=1.0).contains(&merit));
        prop_assert!((f64::from(merit) - (1.0 - lacking)).abs() < 1e-5, "{merit}");
    }

    #[test]
    fn merit_never_falls_nor_leaves_its_bounds(merit in 0.0f32..=1.0, share in -2.0f32..=2.0) {
        let next = gained(merit, share);
        prop_assert!((merit..=1.0).contains(&next));
        prop_assert_eq!(next, gained(merit, share.clamp(0.0, 1.0)));
    }
}

#[test]
fn the_forgetting_curve_has_its_published_values() {
    // exp(-t / S) for t / S of 0, 1/2, 1, 2, 3 and 5.
    let model = Decay::Ebbinghaus { stability: Span(DAY), gain: 1.0 };
    let cases = [(0, 1.0), (12, 0.6065), (24, 0.3679), (48, 0.1353), (72, 0.0498), (120, 0.0067)];
    let past = Past { made: 0, uses: Vec::new() };
    for (hours, left) in cases {
        let found = past.retention(model, 0.0, hours * HOUR);
        assert!((found - left).abs() < 5e-5, "{hours} h: {found}");
    }
    // After n recalls the same is left a day x (n + 1) later; without gain recalls only set the clock.
    for recalls in 0..6 {
        let past = Past { made: -DAY, uses: vec![0; recalls] };
        let last = if recalls == 0 { -DAY } else { 0 };
        let found = past.retention(model, 0.0, last + DAY * (recalls as i64 + 1));
        assert!((found - 0.3679).abs() < 5e-5, "{recalls}: {found}");
        let flat = Decay::Ebbinghaus { stability: Span(DAY), gain: 0.0 };
        assert!((past.retention(flat, 0.0, last + DAY) - 0.3679).abs() < 5e-5);
    }
}

// Figures that policies see, with what the references need.

#[derive(Debug, Clone)]
struct Figures {
    id: u128,
    kind: &'static str,
    tier_since: i64,
    made: i64,
    count: u32,
    recent: Vec<Timestamp>,
    importance: f64,
    reward: Option<f64>,
    surprise: Option<f64>,
    expires_at: Option<i64>,
}

impl Figures {
    fn subject(&self) -> Subject<'_> {
        Subject {
            id: RecordId(self.id),
            kind: self.kind,
            tier: Tier::Working,
            tier_since: Timestamp(self.tier_since),
            uses: Uses { made: Timestamp(self.made), count: self.count, recent: &self.recent },
            importance: self.importance,
            merit: 0.0,
            reward: self.reward,
            surprise: self.surprise,
            expires_at: self.expires_at.map(Timestamp),
        }
    }

    fn plain() -> Figures {
        Figures {
            id: 1,
            kind: "episodic",
            tier_since: 0,
            made: 0,
            count: 0,
            recent: Vec::new(),
            importance: 0.5,
            reward: None,
            surprise: None,
            expires_at: None,
        }
    }

    /// Time since the last use, or since the making if that was later.
    fn idle(&self, now: i64) -> i64 {
        let last = self.recent.iter().map(|at| at.0).chain([self.made]).max().unwrap_or(self.made);
        (now - last).max(0)
    }
}

// Importance.

fn weights() -> impl Strategy<Value = ImportanceWeights> {
    let weight = || prop_oneof![Just(0.0), 0.001..10.0, Just(1e6)];
    (weight(), weight(), weight(), weight(), weight())
        .prop_map(|(given, reward, uses, recency, surprise)| ImportanceWeights {
            given,
            reward,
            uses,
            recency,
            surprise,
        })
        .prop_filter("something must count", |weights| {
            let mut found = Vec::new();
            weights.problems("importance", &mut found);
            found.is_empty()
        })
}

fn figures() -> impl Strategy<Value = Figures> {
    (
        0u32..40,
        prop::option::of(0..60 * DAY),
        0.0..=1.0,
        prop::option::of(-1.0..=1.0),
        prop::option::of(0.0..=1.0),
        0..60 * DAY,
    )
        .prop_map(|(count, used, importance, reward, surprise, tier_since)| Figures {
            count: if used.is_some() { count.max(1) } else { 0 },
            recent: used.map(Timestamp).into_iter().collect(),
            importance,
            reward,
            surprise,
            tier_since,
            ..Figures::plain()
        })
}

/// The formula as its documentation states it.
fn naive_importance(weights: &ImportanceWeights, figures: &Figures, now: i64) -> f64 {
    let weeks = figures.idle(now) as f64 / (7 * DAY) as f64;
    let mut parts = vec![
        (weights.given, figures.importance),
        (weights.uses, 1.0 - (-f64::from(figures.count) / 5.0).exp()),
        (weights.recency, 0.5f64.powf(weeks)),
    ];
    parts.extend(figures.reward.map(|reward| (weights.reward, reward / 2.0 + 0.5)));
    parts.extend(figures.surprise.map(|surprise| (weights.surprise, surprise)));
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    if total == 0.0 {
        return figures.importance;
    }
    parts.iter().map(|(weight, value)| weight / total * value).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn importance_is_the_mean_of_what_is_known(
        weights in weights(), figures in figures(), now in 0..90 * DAY,
    ) {
        let found = weights.importance(&figures.subject(), Timestamp(now));
        let expected = naive_importance(&weights, &figures, now);
        prop_assert!((found - expected).abs() < ROUNDING, "{found} for {expected}");
    }

    #[test]
    fn importance_never_falls_when_a_part_rises(
        weights in weights(), figures in figures(), rise in 0.0..=1.0, now in 0..90 * DAY,
    ) {
        let importance = |figures: &Figures| weights.importance(&figures.subject(), Timestamp(now));
        let before = importance(&figures);
        let towards = |value: f64| value + (1.0 - value) * rise;
        let risen = [
            Figures { importance: towards(figures.importance), ..figures.clone() },
            Figures { reward: figures.reward.map(towards), ..figures.clone() },
            Figures { surprise: figures.surprise.map(towards), ..figures.clone() },
            Figures { count: figures.count + 1, ..figures.clone() },
            Figures { recent: vec![Timestamp(now)], count: figures.count.max(1), ..figures },
        ];
        for figures in risen {
            prop_assert!(importance(&figures) >= before - ROUNDING, "{figures:?}");
        }
    }

    #[test]
    fn parts_that_agree_are_their_mean_exactly(value in 0u32..=100, given in 0.01..10.0, surprise in 0.01..10.0) {
        // So that a threshold of the same value is reached.
        let value = f64::from(value) / 100.0;
        let weights = ImportanceWeights { given, reward: 0.0, uses: 0.0, recency: 0.0, surprise };
        let figures = Figures { importance: value, surprise: Some(value), ..Figures::plain() };
        prop_assert_eq!(weights.importance(&figures.subject(), Timestamp(0)), value);
    }
}

#[test]
fn importance_of_worked_examples() {
    let at = |weights: &ImportanceWeights, figures: &Figures, now| {
        weights.importance(&figures.subject(), Timestamp(now))
    };
    let usual = ImportanceWeights::default();
    let plain = Figures { importance: 0.8, ..Figures::plain() };
    // Nothing but what was given is known, or counts.
    assert_eq!(at(&usual, &Figures { surprise: Some(0.1), count: 9, ..plain.clone() }, 99 * DAY), 0.8);
    // (1 x 0.8 + 0.5 x 0) / 1.5 after the worst rewards, (0.8 + 0.5) / 1.5 after the best.
    let rewarded = |reward| Figures { reward: Some(reward), ..plain.clone() };
    assert!((at(&usual, &rewarded(-1.0), 0) - 0.8 / 1.5).abs() < ROUNDING);
    assert!((at(&usual, &rewarded(1.0), 0) - 1.3 / 1.5).abs() < ROUNDING);
    // Recency alone: a half after an idle week, counted from the last use.
    let recency = ImportanceWeights { given: 0.0, reward: 0.0, recency: 2.0, ..usual };
    let used = Figures { count: 1, recent: vec![Timestamp(7 * DAY)], ..plain.clone() };
    assert_eq!(at(&recency, &plain, 7 * DAY), 0.5);
    assert_eq!(at(&recency, &used, 14 * DAY), 0.5);
    // Use alone: 1 - 1/e after five uses.
    let uses = ImportanceWeights { given: 0.0, reward: 0.0, uses: 1.0, ..usual };
    assert!((at(&uses, &Figures { count: 5, ..plain.clone() }, 0) - 0.632_120_559).abs() < 1e-9);
    // Only rewards count, and none was given.
    let rewards = ImportanceWeights { given: 0.0, ..usual };
    assert_eq!(at(&rewards, &plain, 0), 0.8);
    assert_eq!(at(&rewards, &rewarded(0.5), 0), 0.75);
}

// Rules. All figures are whole numbers of hundredths, so that the reference has no rounding.

/// What rules look at; shares in hundredths.
#[derive(Debug, Clone, Copy)]
struct Facts {
    uses: u32,
    residence: i64,
    importance: i64,
    retention: i64,
}

/// Time in the tier that counts fully in the hybrids of these tests.
const FULL_AGE: i64 = 100;

fn share(hundredths: i64) -> f64 {
    hundredths as f64 / 100.0
}

impl Facts {
    fn score(self, rule: &Rule) -> f64 {
        // Older than its time in the tier, which alone counts.
        let figures = Figures { count: self.uses, made: -DAY, ..Figures::plain() };
        let standing = Standing { importance: share(self.importance), retention: share(self.retention) };
        rule.score(&figures.subject(), standing, Timestamp(self.residence))
    }

    /// Whether the rule is fulfilled.
    fn fulfil(self, rule: &Naive) -> bool {
        match rule {
            Naive::Never => false,
            Naive::Uses(least) => self.uses >= *least,
            Naive::Age(least) => self.residence >= *least,
            Naive::Importance(least) => self.importance >= *least,
            Naive::Retention(least) => self.retention >= *least,
            Naive::Hybrid([age, importance, retention], threshold) => {
                let residence = self.residence.min(FULL_AGE);
                let sum = age * residence + importance * self.importance + retention * self.retention;
                sum >= threshold * (age + importance + retention)
            }
            Naive::All(rules) => rules.iter().all(|rule| self.fulfil(rule)),
            Naive::Any(rules) => rules.iter().any(|rule| self.fulfil(rule)),
        }
    }
}

/// A rule in whole numbers.
#[derive(Debug, Clone)]
enum Naive {
    Never,
    Uses(u32),
    Age(i64),
    Importance(i64),
    Retention(i64),
    Hybrid([i64; 3], i64),
    All(Vec<Naive>),
    Any(Vec<Naive>),
}

impl Naive {
    fn rule(&self) -> Rule {
        match self {
            Naive::Never => Rule::Never,
            Naive::Uses(least) => Rule::Uses { at_least: *least },
            Naive::Age(least) => Rule::Age { at_least: Span(*least) },
            Naive::Importance(least) => Rule::Importance { at_least: share(*least) },
            Naive::Retention(least) => Rule::Retention { at_least: share(*least) },
            Naive::Hybrid(weights, threshold) => {
                let [age, importance, retention] = weights.map(|weight| weight as f64 / 10.0);
                let full_age = Span(FULL_AGE);
                Rule::Hybrid { uses: 0.0, age, full_age, importance, retention, threshold: share(*threshold) }
            }
            Naive::All(rules) => Rule::All(rules.iter().map(Naive::rule).collect()),
            Naive::Any(rules) => Rule::Any(rules.iter().map(Naive::rule).collect()),
        }
    }
}

fn facts() -> impl Strategy<Value = Facts> {
    (0u32..8, 0i64..150, 0i64..=100, 0i64..=100).prop_map(|(uses, residence, importance, retention)| Facts {
        uses,
        residence,
        importance,
        retention,
    })
}

fn naive_rule() -> impl Strategy<Value = Naive> {
    let leaf = prop_oneof![
        1 => Just(Naive::Never),
        3 => (1u32..8).prop_map(Naive::Uses),
        3 => (1i64..150).prop_map(Naive::Age),
        3 => (1i64..=100).prop_map(Naive::Importance),
        3 => (1i64..=100).prop_map(Naive::Retention),
        3 => naive_hybrid(),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Naive::All),
            prop::collection::vec(inner, 1..4).prop_map(Naive::Any),
        ]
    })
}

fn naive_hybrid() -> impl Strategy<Value = Naive> {
    (0i64..=10, 0i64..=10, 1i64..=10, 1i64..=100)
        .prop_map(|(age, importance, retention, least)| Naive::Hybrid([age, importance, retention], least))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn a_score_of_one_is_a_fulfilled_rule(naive in naive_rule(), facts in facts()) {
        let score = facts.score(&naive.rule());
        prop_assert!(score >= 0.0 && score.is_finite());
        prop_assert_eq!(score >= 1.0, facts.fulfil(&naive), "{}", score);
    }

    #[test]
    fn hybrids_are_exact_at_their_threshold(naive in naive_hybrid(), facts in facts()) {
        // The threshold is put where the mean is, if that is a whole number of hundredths, and just above.
        let Naive::Hybrid(weights, _) = naive else { unreachable!("a hybrid") };
        let [age, importance, retention] = weights;
        let total = age + importance + retention;
        let sum = age * facts.residence.min(FULL_AGE)
            + importance * facts.importance
            + retention * facts.retention;
        for threshold in [sum / total, sum / total + 1] {
            if (1..=100).contains(&threshold) {
                let score = facts.score(&Naive::Hybrid(weights, threshold).rule());
                prop_assert_eq!(score >= 1.0, sum >= threshold * total, "{}", score);
                let mean = sum as f64 / total as f64;
                prop_assert!((score - mean / threshold as f64).abs() < 1e-11, "{}", score);
            }
        }
    }

    #[test]
    fn all_is_the_least_and_any_the_greatest(
        parts in prop::collection::vec(naive_rule(), 1..5), facts in facts(),
    ) {
        let rules: Vec<Rule> = parts.iter().map(Naive::rule).collect();
        let mut scores: Vec<f64> = rules.iter().map(|rule| facts.score(rule)).collect();
        scores.sort_by(f64::total_cmp);
        prop_assert_eq!(facts.score(&Rule::All(rules.clone())), scores[0]);
        prop_assert_eq!(facts.score(&Rule::Any(rules)), scores[scores.len() - 1]);
    }

    #[test]
    fn scores_never_fall_when_a_figure_rises(naive in naive_rule(), facts in facts(), rise in 1i64..50) {
        let rule = naive.rule();
        let before = facts.score(&rule);
        let risen = [
            Facts { uses: facts.uses + rise as u32, ..facts },
            Facts { residence: facts.residence + rise, ..facts },
            Facts { importance: facts.importance + rise, ..facts },
            Facts { retention: facts.retention + rise, ..facts },
        ];
        for facts in risen {
            prop_assert!(facts.score(&rule) >= before - ROUNDING, "{facts:?}");
        }
    }

    #[test]
    fn only_rules_that_ripen_are_fulfilled_by_time_alone(
        naive in naive_rule(), weights in weights(), figures in figures(), model in model(),
        now in 0..90 * DAY, later in gap(),
    ) {
        let rule = naive.rule();
        let subject = figures.subject();
        let score = |now: i64| {
            let now = Timestamp(now);
            let standing = Standing {
                importance: weights.importance(&subject, now),
                retention: model.retention(&subject.uses, 0.0, now),
            };
            rule.score(&subject, standing, now)
        };
        let rises = score(now + later) > score(now) + 1e-9;
        prop_assert!(!rises || rule.ripens());
    }
}

#[test]
fn rules_that_ripen_say_so() {
    let hybrid = |age| Rule::Hybrid {
        uses: 1.0,
        age,
        full_age: Span(DAY),
        importance: 1.0,
        retention: 1.0,
        threshold: 0.5,
    };
    let age = || Rule::Age { at_least: Span(1) };
    let uses = || Rule::Uses { at_least: 1 };
    let ripening = [age(), hybrid(0.1), Rule::All(vec![uses(), age()]), Rule::Any(vec![uses(), age()])];
    let others = [
        Rule::Never,
        uses(),
        Rule::Importance { at_least: 0.5 },
        Rule::Retention { at_least: 0.5 },
        hybrid(0.0),
        Rule::All(vec![uses(), hybrid(0.0)]),
        Rule::Any(vec![uses(), Rule::Never]),
    ];
    assert!(ripening.iter().all(Rule::ripens));
    assert!(!others.iter().any(Rule::ripens));
}

#[test]
fn rules_of_worked_examples() {
    let facts = Facts { uses: 3, residence: 50, importance: 70, retention: 40 };
    let frequency = Rule::Hybrid {
        uses: 1.0,
        age: 0.0,
        full_age: Span(FULL_AGE),
        importance: 0.0,
        retention: 0.0,
        threshold: 0.5,
    };
    let cases = [
        (Rule::Uses { at_least: 6 }, 0.5),
        (Rule::Age { at_least: Span(200) }, 0.25),
        (Rule::Importance { at_least: 0.7 }, 1.0),
        (Rule::Retention { at_least: 0.8 }, 0.5),
        // (1 - 1/e) / 0.5 after three uses.
        (frequency, 1.264_241_117),
        // (0.2 x 0.5 + 0.4 x 0.7 + 0.2 x 0.4) / 0.8 is 0.575; that / 0.46.
        (Naive::Hybrid([2, 4, 2], 46).rule(), 1.25),
    ];
    for (rule, value) in cases {
        let score = facts.score(&rule);
        assert!((score - value).abs() < 1e-8, "{rule:?}: {score}");
    }
    // One weight alone: the threshold is met by its own value, whatever the weight.
    for weight in [0.1, 0.3, 0.4, 0.7, 1e-3, 1e6] {
        let (age, retention) = (0.0, 0.0);
        let full_age = Span(1);
        let rule = Rule::Hybrid { uses: 0.0, age, full_age, importance: weight, retention, threshold: 0.7 };
        assert_eq!(facts.score(&rule), 1.0, "{weight}");
    }
}

#[test]
fn thresholds_of_long_times_and_many_uses_are_exact() {
    // The longest time a record can spend in a tier, from the year 1 to the year 9999.
    let longest = Timestamp::MAX.since(Timestamp::MIN).0;
    for least in [1, DAY, 365 * DAY, longest - 1, longest] {
        let rule = Rule::Age { at_least: Span(least) };
        for (residence, enough) in [(least - 1, false), (least, true), (least + 1, true)] {
            let facts = Facts { uses: 0, residence, importance: 0, retention: 0 };
            assert_eq!(facts.score(&rule) >= 1.0, enough, "{residence} of {least}");
        }
    }
    for least in [1, 2, 3, 1_000, u32::MAX - 1, u32::MAX] {
        let rule = Rule::Uses { at_least: least };
        let fulfils = |uses| Facts { uses, residence: 0, importance: 0, retention: 0 }.score(&rule) >= 1.0;
        assert!(!fulfils(least - 1) && fulfils(least), "{least}");
    }
}

// Eviction.

const POLICIES: [EvictionPolicy; 9] = [
    EvictionPolicy::Lru,
    EvictionPolicy::Lfu,
    EvictionPolicy::Fifo,
    EvictionPolicy::Ttl,
    EvictionPolicy::LowImportance,
    EvictionPolicy::LowActivation,
    EvictionPolicy::Age,
    EvictionPolicy::Pressure,
    EvictionPolicy::LowWorth,
];

/// A record that may leave.
#[derive(Debug, Clone)]
struct Resident {
    figures: Figures,
    standing: Standing,
}

/// The moment at which residents are compared.
const NOW: i64 = 100;

impl Resident {
    fn candidate(&self, steps: &[EvictionStep]) -> Candidate {
        Candidate::new(steps, &self.figures.subject(), self.standing, Timestamp(NOW))
    }

    fn idle(&self) -> i64 {
        self.figures.idle(NOW)
    }

    fn residence(&self) -> i64 {
        (NOW - self.figures.tier_since).max(0)
    }

    /// What is left of its life, if it expires.
    fn rest(&self) -> Option<i64> {
        Some((self.figures.expires_at? - NOW).max(0))
    }

    fn figure(&self, policy: EvictionPolicy) -> Option<f64> {
        let Standing { importance, retention } = self.standing;
        Some(match policy {
            EvictionPolicy::Lru => self.idle() as f64,
            EvictionPolicy::Lfu => f64::from(self.figures.count),
            EvictionPolicy::Fifo => self.residence() as f64,
            EvictionPolicy::Ttl => self.rest()? as f64,
            EvictionPolicy::LowImportance => importance,
            EvictionPolicy::LowActivation => retention,
            EvictionPolicy::Age => (NOW - self.figures.made).max(0) as f64,
            EvictionPolicy::Pressure => self.residence() as f64 * (1.0 - importance),
            EvictionPolicy::LowWorth => retention * (0.75 + 0.25 * importance),
            EvictionPolicy::Custom => return None,
        })
    }

    /// The first step that concerns the record, or the number of steps.
    fn step(&self, steps: &[EvictionStep]) -> usize {
        let concerns = |step: &EvictionStep| {
            let of_kind = step.kind.is_none() || step.kind == Some(self.figures.kind.to_owned());
            let within = |figure: f64| {
                step.below.is_none_or(|limit| figure < limit) && step.above.is_none_or(|limit| figure > limit)
            };
            of_kind && self.figure(step.policy).is_some_and(within)
        };
        steps.iter().take_while(|step| !concerns(step)).count()
    }

    /// Whether `self` leaves before `other` by `policy` alone: what each policy says, in words of its own.
    fn before(&self, other: &Resident, policy: EvictionPolicy) -> Ordering {
        let real = |a: f64, b: f64| a.partial_cmp(&b).expect("comparable");
        let (mine, others) = (&self.figures, &other.figures);
        match policy {
            EvictionPolicy::Lru => other.idle().cmp(&self.idle()),
            EvictionPolicy::Lfu => mine.count.cmp(&others.count),
            EvictionPolicy::Fifo => mine.tier_since.min(NOW).cmp(&others.tier_since.min(NOW)),
            EvictionPolicy::Ttl => self.rest().cmp(&other.rest()),
            EvictionPolicy::LowImportance => real(self.standing.importance, other.standing.importance),
            EvictionPolicy::LowActivation => real(self.standing.retention, other.standing.retention),
            EvictionPolicy::Age => mine.made.min(NOW).cmp(&others.made.min(NOW)),
            EvictionPolicy::Pressure | EvictionPolicy::LowWorth => {
                let figures = self.figure(policy).zip(other.figure(policy));
                let (mine, others) = figures.expect("these policies concern every record");
                if policy == EvictionPolicy::Pressure { real(others, mine) } else { real(mine, others) }
            }
            EvictionPolicy::Custom => panic!("the host's policy concerns nobody here"),
        }
    }
}

/// The queue, sorted by what the documentation says.
fn naive_queue(steps: &[EvictionStep], residents: &[Resident]) -> Vec<u128> {
    let mut queue: Vec<&Resident> = residents.iter().collect();
    queue.sort_by_key(|resident| resident.figures.id);
    queue.sort_by_key(|resident| -resident.idle());
    queue.sort_by(|a, b| {
        let (mine, others) = (a.step(steps), b.step(steps));
        let by_policy = || steps.get(mine).map_or(Ordering::Equal, |step| a.before(b, step.policy));
        mine.cmp(&others).then_with(by_policy)
    });
    queue.iter().map(|resident| resident.figures.id).collect()
}

/// Residents that often have figures in common.
fn residents(most: usize) -> impl Strategy<Value = Vec<Resident>> {
    let moment = || (0i64..=12).prop_map(|at| at * 10);
    let share = || prop::sample::select(vec![-0.0, 0.0, 0.25, 0.5, 0.75, 1.0]);
    let kind = prop::sample::select(vec!["episodic", "semantic", "note"]);
    let resident = (
        (kind, moment(), moment(), 0u32..4),
        prop::collection::vec(moment(), 0..=RECENT),
        (share(), share(), prop::option::of(moment())),
    );
    let resident =
        resident.prop_map(|((kind, made, tier_since, more), mut used, (i, retention, expires))| {
            used.sort_by(|a, b| b.cmp(a));
            let figures = Figures {
                kind,
                made,
                tier_since,
                count: used.len() as u32 + if used.len() == RECENT { more } else { 0 },
                recent: used.into_iter().map(Timestamp).collect(),
                expires_at: expires,
                ..Figures::plain()
            };
            Resident { figures, standing: Standing { importance: i, retention } }
        });
    let ids = prop::collection::btree_set(0u128..1_000, 1..=most).prop_map(Vec::from_iter).prop_shuffle();
    ids.prop_flat_map(move |ids| {
        prop::collection::vec(resident.clone(), ids.len()).prop_map(move |mut residents| {
            for (resident, id) in residents.iter_mut().zip(&ids) {
                resident.figures.id = *id;
            }
            residents
        })
    })
}

/// Steps whose limits are often the very figures of records.
fn steps() -> impl Strategy<Value = Vec<EvictionStep>> {
    let limit = || prop::option::of(prop::sample::select(vec![0.0, 0.25, 0.5, 1.0, 2.0, 10.0, 50.0, 100.0]));
    let kind = prop::option::of(prop::sample::select(vec!["episodic".to_owned(), "note".to_owned()]));
    let step = (prop::sample::select(POLICIES.to_vec()), limit(), limit(), kind)
        .prop_map(|(policy, below, above, kind)| EvictionStep { policy, below, above, kind });
    prop::collection::vec(step, 0..5)
}

fn alone(policy: EvictionPolicy) -> [EvictionStep; 1] {
    [EvictionStep { policy, below: None, above: None, kind: None }]
}

fn queue(steps: &[EvictionStep], residents: &[Resident]) -> Vec<u128> {
    let mut candidates: Vec<Candidate> = residents.iter().map(|resident| resident.candidate(steps)).collect();
    candidates.sort_unstable_by(Candidate::order);
    candidates.iter().map(|candidate| candidate.id.0).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_policy_queues_as_plain_sorting_does(residents in residents(30)) {
        for policy in POLICIES {
            let steps = alone(policy);
            prop_assert_eq!(queue(&steps, &residents), naive_queue(&steps, &residents), "{:?}", policy);
        }
    }

    #[test]
    fn steps_queue_as_plain_sorting_does(steps in steps(), residents in residents(30)) {
        prop_assert_eq!(queue(&steps, &residents), naive_queue(&steps, &residents));
        for resident in &residents {
            let candidate = resident.candidate(&steps);
            prop_assert_eq!(candidate.step, resident.step(&steps));
            let policy = steps.get(candidate.step).map_or(EvictionPolicy::Lru, |step| step.policy);
            prop_assert_eq!(Some(candidate.figure), resident.figure(policy));
        }
    }

    #[test]
    fn the_queue_is_a_total_order(steps in steps(), residents in residents(8)) {
        let candidates: Vec<Candidate> = residents.iter().map(|one| one.candidate(&steps)).collect();
        for a in &candidates {
            for b in &candidates {
                prop_assert_eq!(a.order(b), b.order(a).reverse());
                prop_assert_eq!(a.order(b).is_eq(), a.id == b.id);
                for c in &candidates {
                    prop_assert!(!(a.order(b).is_le() && b.order(c).is_le()) || a.order(c).is_le());
                }
            }
        }
    }
}

#[test]
fn ties_go_to_the_longest_unused_and_then_to_the_oldest_id() {
    let resident = |id, made| Resident {
        figures: Figures { id, made, tier_since: 50, expires_at: Some(200), ..Figures::plain() },
        standing: Standing { importance: 0.5, retention: 0.5 },
    };
    // Made at the same moment but the last one, which has been idle longer.
    let residents = [resident(3, 50), resident(1, 50), resident(2, 50), resident(4, 40)];
    for policy in POLICIES {
        assert_eq!(queue(&alone(policy), &residents), [4, 1, 2, 3], "{policy:?}");
    }
    assert_eq!(queue(&[], &residents), [4, 1, 2, 3]);
}

#[test]
fn limits_are_exclusive_and_what_no_step_concerns_leaves_last() {
    let resident = |id, importance, idle| Resident {
        figures: Figures { id, made: NOW - idle, kind: "note", ..Figures::plain() },
        standing: Standing { importance, retention: 1.0 },
    };
    let residents = [resident(1, 0.2, 5), resident(2, 0.3, 90), resident(3, 0.1, 50), resident(4, 0.3, 95)];
    let step = |below, above, kind: Option<&str>| EvictionStep {
        policy: EvictionPolicy::LowImportance,
        below,
        above,
        kind: kind.map(str::to_owned),
    };
    // 0.3 is not below 0.3: these two leave last, longest unused first.
    assert_eq!(queue(&[step(Some(0.3), None, None)], &residents), [3, 1, 4, 2]);
    // 0.1 is not above 0.1.
    assert_eq!(queue(&[step(None, Some(0.1), Some("note"))], &residents), [1, 4, 2, 3]);
    // Both: only 0.2. The others go by the next step.
    let lfu = alone(EvictionPolicy::Fifo)[0].clone();
    assert_eq!(queue(&[step(Some(0.3), Some(0.1), None), lfu], &residents), [1, 4, 2, 3]);
    // Nobody is of that kind.
    assert_eq!(queue(&[step(None, None, Some("fact"))], &residents), [4, 2, 3, 1]);
}

// Bounds.

#[test]
fn every_figure_is_bounded_at_the_ends_of_time_and_number() {
    const CLOCKS: [i64; 7] =
        [i64::MIN, Timestamp::MIN.0, -1, 0, 1_700_000_000_000, Timestamp::MAX.0, i64::MAX];
    let act_r = |decay, threshold, noise| Decay::ActR { decay, threshold, noise };
    let models = [
        Decay::default(),
        act_r(f64::MIN_POSITIVE, f64::MAX, f64::MIN_POSITIVE),
        act_r(1.0 - f64::EPSILON / 2.0, f64::MIN, f64::MIN_POSITIVE),
        act_r(0.5, -6.65, f64::MAX),
        Decay::Ebbinghaus { stability: Span(1), gain: 0.0 },
        Decay::Ebbinghaus { stability: Span(i64::MAX), gain: f64::MAX },
        Decay::HalfLife { half_life: Span(1) },
        Decay::HalfLife { half_life: Span(i64::MAX) },
        Decay::None,
    ];
    let all = ImportanceWeights { given: 1e6, reward: 5e-324, uses: 1e6, recency: 1e-3, surprise: 1.0 };
    let few = ImportanceWeights { given: 0.0, reward: 5e-324, uses: 0.0, recency: 0.0, surprise: 0.0 };
    let rules = [
        Rule::Never,
        Rule::Uses { at_least: 1 },
        Rule::Age { at_least: Span(1) },
        Rule::Age { at_least: Span(i64::MAX) },
        Rule::Importance { at_least: f64::MIN_POSITIVE },
        Rule::Hybrid {
            uses: 1e6,
            age: 1e-300,
            full_age: Span(i64::MAX),
            importance: 0.5,
            retention: 1e6,
            threshold: 0.001,
        },
        Rule::All(vec![Rule::Never, Rule::Age { at_least: Span(1) }]),
        Rule::Any(vec![Rule::Never, Rule::Age { at_least: Span(1) }]),
    ];
    let mut found = Vec::new();
    models.iter().for_each(|model| model.problems("decay", &mut found));
    rules.iter().for_each(|rule| rule.problems("promote", &mut found));
    [all, few].iter().for_each(|weights| weights.problems("importance", &mut found));
    assert_eq!(found, [], "all of these are allowed");

    let share = 0.0..=1.0;
    for (made, last, now) in threes(CLOCKS) {
        for (count, kept) in [(0, 0), (1, 1), (4, 4), (5, 4), (9, 0), (u32::MAX, 4)] {
            let figures = Figures {
                made,
                tier_since: last,
                count,
                recent: vec![Timestamp(last); kept],
                reward: Some(-1.0),
                surprise: Some(1.0),
                expires_at: Some(last),
                ..Figures::plain()
            };
            let (subject, now) = (figures.subject(), Timestamp(now));
            for model in models {
                for resistance in [-1.0, 0.0, 0.5, 1.0 - f64::EPSILON, 1.0, 9.0] {
                    let retention = model.retention(&subject.uses, resistance, now);
                    assert!(share.contains(&retention), "{model:?} of {figures:?}: {retention}");
                }
            }
            for importance in [all, few].map(|weights| weights.importance(&subject, now)) {
                assert!(share.contains(&importance), "{figures:?}: {importance}");
                let standing = Standing { importance, retention: 1.0 };
                for rule in &rules {
                    let score = rule.score(&subject, standing, now);
                    assert!(score >= 0.0 && score.is_finite(), "{rule:?} of {figures:?}: {score}");
                }
                for policy in POLICIES {
                    let candidate = Candidate::new(&alone(policy), &subject, standing, now);
                    assert!(candidate.figure >= 0.0 && candidate.figure.is_finite(), "{policy:?}");
                    assert_eq!((candidate.step, candidate.order(&candidate)), (0, Ordering::Equal));
                }
            }
        }
    }
}

/// Every three of some values.
fn threes(values: [i64; 7]) -> impl Iterator<Item = (i64, i64, i64)> {
    let pairs = values.into_iter().flat_map(move |a| values.map(|b| (a, b)));
    pairs.flat_map(move |(a, b)| values.map(|c| (a, b, c)))
}

#[test]
fn importance_out_of_bounds_is_brought_back() {
    let rewards = ImportanceWeights { given: 0.0, ..ImportanceWeights::default() };
    for (importance, bounded) in [(-0.5, 0.0), (1.5, 1.0)] {
        let figures = Figures { importance, ..Figures::plain() };
        assert_eq!(rewards.importance(&figures.subject(), Timestamp(0)), bounded);
    }
}

// Validation.

fn paths(collect: impl FnOnce(&str, &mut Vec<(String, String)>)) -> Vec<String> {
    let mut found = Vec::new();
    collect("at", &mut found);
    assert!(found.iter().all(|(_, problem)| problem.starts_with("must ")), "{found:?}");
    found.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn every_bad_parameter_of_a_model_is_named() {
    let cases: [(Decay, &[&str]); 12] = [
        (Decay::default(), &[]),
        (Decay::None, &[]),
        (Decay::ActR { decay: f64::MIN_POSITIVE, threshold: 0.0, noise: f64::MIN_POSITIVE }, &[]),
        (
            Decay::ActR { decay: 0.0, threshold: f64::NAN, noise: 0.0 },
            &["at/decay", "at/threshold", "at/noise"],
        ),
        (
            Decay::ActR { decay: 1.0, threshold: f64::INFINITY, noise: f64::INFINITY },
            &["at/decay", "at/threshold", "at/noise"],
        ),
        (Decay::ActR { decay: f64::NAN, threshold: -1.0, noise: f64::NAN }, &["at/decay", "at/noise"]),
        (Decay::Ebbinghaus { stability: Span(1), gain: 0.0 }, &[]),
        (Decay::Ebbinghaus { stability: Span(0), gain: -0.1 }, &["at/stability", "at/gain"]),
        (Decay::Ebbinghaus { stability: Span(-1), gain: f64::NAN }, &["at/stability", "at/gain"]),
        (Decay::Ebbinghaus { stability: Span(1), gain: f64::INFINITY }, &["at/gain"]),
        (Decay::HalfLife { half_life: Span(1) }, &[]),
        (Decay::HalfLife { half_life: Span(0) }, &["at/halfLife"]),
    ];
    for (model, bad) in cases {
        assert_eq!(paths(|path, found| model.problems(path, found)), bad, "{model:?}");
    }
}

#[test]
fn every_bad_field_of_a_rule_is_named() {
    let hybrid = |weight: f64, other: f64, full_age, threshold| Rule::Hybrid {
        uses: weight,
        age: other,
        full_age: Span(full_age),
        importance: other,
        retention: weight,
        threshold,
    };
    let nested = Rule::Any(vec![
        Rule::Never,
        Rule::All(vec![Rule::Uses { at_least: 0 }, Rule::Importance { at_least: 2.0 }]),
        Rule::All(Vec::new()),
    ]);
    let cases: [(Rule, &[&str]); 17] = [
        (Rule::Never, &[]),
        (Rule::Uses { at_least: 1 }, &[]),
        (Rule::Uses { at_least: 0 }, &["at/uses/atLeast"]),
        (Rule::Age { at_least: Span(1) }, &[]),
        (Rule::Age { at_least: Span(0) }, &["at/age/atLeast"]),
        (Rule::Importance { at_least: 1.0 }, &[]),
        (Rule::Importance { at_least: 0.0 }, &["at/importance/atLeast"]),
        (Rule::Retention { at_least: 1.0 }, &[]),
        (Rule::Retention { at_least: 1.1 }, &["at/retention/atLeast"]),
        (Rule::Retention { at_least: f64::NAN }, &["at/retention/atLeast"]),
        (hybrid(1e6, 0.0, 1, 1.0), &[]),
        (hybrid(0.0, 0.0, 1, 1.0), &["at/hybrid"]),
        (
            hybrid(-1.0, 1.1e6, 1, 1.0),
            &["at/hybrid/uses", "at/hybrid/age", "at/hybrid/importance", "at/hybrid/retention"],
        ),
        (
            hybrid(1.0, f64::NAN, 0, 0.0),
            &["at/hybrid/age", "at/hybrid/importance", "at/hybrid/fullAge", "at/hybrid/threshold"],
        ),
        (Rule::All(Vec::new()), &["at/all"]),
        (Rule::Any(Vec::new()), &["at/any"]),
        (nested, &["at/any/1/all/0/uses/atLeast", "at/any/1/all/1/importance/atLeast", "at/any/2/all"]),
    ];
    for (rule, bad) in cases {
        assert_eq!(paths(|path, found| rule.problems(path, found)), bad, "{rule:?}");
    }
}

#[test]
fn every_bad_weight_and_limit_is_named() {
    let zero = ImportanceWeights { given: 0.0, reward: 0.0, uses: 0.0, recency: 0.0, surprise: 0.0 };
    let cases: [(ImportanceWeights, &[&str]); 5] = [
        (ImportanceWeights::default(), &[]),
        (ImportanceWeights { surprise: 1e6, ..zero }, &[]),
        (zero, &["at/given"]),
        (
            ImportanceWeights {
                given: -1.0,
                reward: f64::NAN,
                uses: 1.1e6,
                recency: f64::INFINITY,
                surprise: -0.1,
            },
            &["at/given", "at/reward", "at/uses", "at/recency", "at/surprise"],
        ),
        (ImportanceWeights { recency: -1.0, ..zero }, &["at/recency"]),
    ];
    for (weights, bad) in cases {
        assert_eq!(paths(|path, found| weights.problems(path, found)), bad, "{weights:?}");
    }
    let limits: [(Option<f64>, Option<f64>, &[&str]); 4] = [
        (None, None, &[]),
        (Some(f64::MAX), Some(-1.0), &[]),
        (Some(f64::NAN), Some(f64::NEG_INFINITY), &["at/below", "at/above"]),
        (None, Some(f64::NAN), &["at/above"]),
    ];
    for (below, above, bad) in limits {
        let step = EvictionStep { policy: EvictionPolicy::Lru, below, above, kind: None };
        assert_eq!(paths(|path, found| step.problems(path, found)), bad, "{step:?}");
    }
}

// The names that users write.

#[test]
fn policies_are_read_by_the_names_that_users_write() {
    fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
    }
    let names =
        ["lru", "lfu", "fifo", "ttl", "low-importance", "low-activation", "age", "pressure", "low-worth"];
    for (policy, name) in POLICIES.into_iter().zip(names) {
        assert_eq!(read::<EvictionStep>(json!({ "policy": name })), alone(policy)[0]);
    }
    assert_eq!(read::<Decay>(json!({ "actR": {} })), Decay::default());
    assert_eq!(read::<Decay>(json!("none")), Decay::None);
    assert_eq!(
        read::<Decay>(json!({ "halfLife": { "halfLife": 5 } })),
        Decay::HalfLife { half_life: Span(5) }
    );
    assert_eq!(
        read::<Decay>(json!({ "ebbinghaus": { "stability": 5 } })),
        Decay::Ebbinghaus { stability: Span(5), gain: 1.0 }
    );
    let rule = json!({ "any": [
        "never",
        { "all": [{ "uses": { "atLeast": 3 } }, { "age": { "atLeast": 4 } }] },
        { "hybrid": { "importance": 1, "threshold": 0.5 } },
    ] });
    assert_eq!(
        read::<Rule>(rule),
        Rule::Any(vec![
            Rule::Never,
            Rule::All(vec![Rule::Uses { at_least: 3 }, Rule::Age { at_least: Span(4) }]),
            Rule::Hybrid {
                uses: 0.0,
                age: 0.0,
                full_age: Span(DAY),
                importance: 1.0,
                retention: 0.0,
                threshold: 0.5
            },
        ])
    );
    for wrong in
        [json!({ "uses": { "atleast": 3 } }), json!({ "hybrid": { "importance": 1 } }), json!("always")]
    {
        assert!(serde_json::from_value::<Rule>(wrong.clone()).is_err(), "{wrong}");
    }
}
