//! Activation, against the sum over the whole history.

use proptest::prelude::*;
use stratamem_core::Timestamp;
use stratamem_core::policy::{Decay, RECENT, Uses, activation};

use crate::past::{Past, mean_power, past, random, sum};
use crate::{DAY, HOUR, ROUNDING, SECOND};

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
