//! Retention in every model.

use proptest::prelude::*;
use stratamem_core::Span;
use stratamem_core::policy::{Decay, gained};

use crate::past::{Past, gap, model, past};
use crate::{DAY, HOUR, ROUNDING, SECOND};

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
