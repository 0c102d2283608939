//! Eviction: queues, against plain sorting.

use std::cmp::Ordering;

use proptest::prelude::*;
use stratamem_core::Timestamp;
use stratamem_core::policy::{Candidate, EvictionPolicy, EvictionStep, RECENT, Standing};

use crate::figures::{Figures, POLICIES, alone};

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
