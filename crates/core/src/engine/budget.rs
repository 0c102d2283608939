//! Budgets: what a tier, a kind or the whole memory may hold, and the search for those who leave when it is too much.
//!
//! A search looks at [`STEP`] records at a time and keeps the least number that is enough, so that it can be taken up
//! again between other calls. Who is found leaves a tier as the tier is configured; where a kind or the whole memory is
//! too large, moving would not help, and it is evicted.

use std::collections::BinaryHeap;

use crate::config::{Config, Limits, OnLimit};
use crate::engine::Engine;
use crate::engine::event::Event;
use crate::engine::maintain::{STEP, Work};
use crate::engine::retention::candidate;
use crate::model::{Reason, Record, Tier, Timestamp};
use crate::persist::Change;
use crate::policy::Candidate;
use crate::tier::Place;

/// What a limit is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    /// The records of a tier.
    Tier(Tier),
    /// The records of a kind, in all tiers.
    Kind(String),
    /// All records.
    Total,
}

/// A limit, and what is under way because of it.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) extent: Extent,
    limits: Limits,
    pub(super) on_limit: OnLimit,
    /// The search under way for those who have to leave.
    pub(super) selection: Option<Selection>,
    /// Whether the limit was reached and told.
    warned: bool,
}

/// The search for those who leave, kept between steps.
#[derive(Debug)]
pub(super) struct Selection {
    /// The moment by which all candidates are compared.
    pub(super) now: Timestamp,
    pub(super) resume: Option<Place>,
    /// The least number of records, in the order of leaving, that is enough; the last to leave on top.
    chosen: BinaryHeap<Chosen>,
    chosen_bytes: u64,
    excess: Excess,
    /// Whether all records were looked at.
    pub(super) complete: bool,
    /// Those of them who have not left yet, the first to leave at the end, once all were looked at.
    leaving: Option<Vec<Chosen>>,
}

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Excess {
    items: usize,
    bytes: u64,
}

#[derive(Debug)]
struct Chosen {
    candidate: Candidate,
    bytes: u64,
}

impl Ord for Chosen {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.candidate.order(&other.candidate)
    }
}

impl PartialOrd for Chosen {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Chosen {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Chosen {}

/// The budgets of a configuration, in the order in which they are looked at: tiers from the most fleeting on, kinds by
/// name, the whole memory.
pub(super) fn budgets(config: &Config) -> Vec<Budget> {
    let mut budgets = Vec::new();
    let mut add = |extent, limits, on_limit| {
        if limits != Limits::default() {
            budgets.push(Budget { extent, limits, on_limit, selection: None, warned: false });
        }
    };
    for tier in Tier::ALL {
        let settings = config.tier(tier);
        add(Extent::Tier(tier), settings.limits(), settings.on_limit);
    }
    for (kind, settings) in &config.kinds {
        add(Extent::Kind(kind.clone()), settings.limits(), OnLimit::Evict);
    }
    add(Extent::Total, config.total.limits(), config.total.on_limit);
    budgets
}

impl Engine {
    /// Whether more is held somewhere than a limit allows, so that [`Engine::maintain`] is useful at once.
    pub fn overfull(&self) -> bool {
        self.budgets
            .iter()
            .filter(|budget| matches!(budget.on_limit, OnLimit::Evict | OnLimit::Host))
            .any(|budget| self.excess(budget, 0).is_some())
    }

    /// Looks at some of the records of a budget that is exceeded by more than one part in `slack` (0: by anything); once
    /// it has seen all of them, those that have to leave do.
    pub(super) fn overflowing(&mut self, at: usize, slack: u64, now: Timestamp, work: &mut Work) {
        let under_way = self.budgets[at].selection.take();
        let budget = &self.budgets[at];
        let mut selection = match (budget.on_limit, under_way) {
            (OnLimit::Warn | OnLimit::Reject, _) => return self.warn(at, work),
            (OnLimit::Evict, Some(selection)) => selection,
            (OnLimit::Evict, None) => match self.begun(budget, slack, now) {
                Some(selection) => selection,
                None => return,
            },
            (OnLimit::Host, Some(selection)) if selection.complete => selection,
            (OnLimit::Host, unready) => {
                self.budgets[at].selection = unready;
                return;
            }
        };
        if !selection.complete {
            self.search(&budget.extent, &mut selection, now);
        }
        if !selection.complete || !self.relieved(budget, &mut selection, now, work) {
            work.unfinished = true;
            self.budgets[at].selection = Some(selection);
        }
    }

    /// A search for those who leave, if something is too much.
    pub(super) fn begun(&self, budget: &Budget, slack: u64, now: Timestamp) -> Option<Selection> {
        let excess = self.excess(budget, slack)?;
        Some(Selection {
            now,
            resume: None,
            chosen: BinaryHeap::new(),
            chosen_bytes: 0,
            excess,
            complete: false,
            leaving: None,
        })
    }

    /// Those leave who were chosen, as far as they still have to. Answers whether that is done.
    fn relieved(&self, budget: &Budget, selection: &mut Selection, now: Timestamp, work: &mut Work) -> bool {
        let Selection { chosen, leaving, .. } = selection;
        let leaving = leaving.get_or_insert_with(|| {
            let mut chosen = std::mem::take(chosen).into_sorted_vec();
            chosen.reverse();
            chosen
        });
        // Commits may have come between: what is too much now counts, and who is still there.
        let Excess { mut items, mut bytes } = self.excess(budget, 0).unwrap_or_default();
        let mut left = STEP;
        while items > 0 || bytes > 0 {
            if left == 0 || work.removals == 0 {
                return false;
            }
            left -= 1;
            let Some(Chosen { candidate, bytes: relief }) = leaving.pop() else { return true };
            let there = self.state.store.get(candidate.id);
            let Some(record) = there.filter(|record| !record.pinned && budget.extent.has(record)) else {
                continue;
            };
            let gone = |reason| Event::MemoryEvicted {
                id: record.id,
                tier: record.tier,
                reason,
                policy: candidate.policy,
                score: Some(candidate.figure),
            };
            let leaves = match budget.extent {
                Extent::Tier(_) => self.leave(record, Reason::Capacity, Some(&candidate), now, work),
                Extent::Kind(_) => work.take(Change::Remove(record.id), gone(Reason::KindLimit)),
                Extent::Total => work.take(Change::Remove(record.id), gone(Reason::TotalLimit)),
            };
            if leaves {
                items = items.saturating_sub(1);
                bytes = bytes.saturating_sub(relief);
            }
        }
        true
    }

    /// What is held too much, if that is more than the limit by one part in `slack` (0: by anything).
    fn excess(&self, budget: &Budget, slack: u64) -> Option<Excess> {
        let store = &self.state.store;
        let (items, bytes) = match &budget.extent {
            Extent::Tier(tier) => (store.tier_len(*tier), store.tier_bytes(*tier)),
            Extent::Kind(kind) => store.kind_held(kind),
            Extent::Total => (store.len(), store.total_bytes()),
        };
        let over = |held: u64, limit: Option<u64>| {
            let limit = limit?;
            let room = limit.saturating_add(limit.checked_div(slack).unwrap_or(0));
            (held > room).then(|| held - limit)
        };
        let too_many = over(items as u64, budget.limits.max_items.map(u64::from));
        let too_much = over(bytes, budget.limits.max_bytes);
        if too_many.is_none() && too_much.is_none() {
            return None;
        }
        Some(Excess { items: too_many.unwrap_or(0) as usize, bytes: too_much.unwrap_or(0) })
    }

    /// Looks at some records.
    fn search(&self, extent: &Extent, selection: &mut Selection, now: Timestamp) {
        let steps = match extent {
            Extent::Tier(tier) => self.config.steps(*tier),
            _ => Config::by_worth(),
        };
        let mut seen = 0;
        for record in self.of(extent, selection.resume).take(STEP) {
            seen += 1;
            selection.resume = Some(extent.place(record));
            if self.may_leave(extent, record, now) {
                let bytes = self.state.store.bytes(record.id);
                selection.offer(candidate(&self.config, steps, record, selection.now), bytes);
            }
        }
        selection.complete = seen < STEP;
    }

    /// The records that a budget is about, from after `after` on, in the order of [`Extent::place`].
    pub(super) fn of<'a>(
        &'a self,
        extent: &'a Extent,
        after: Option<Place>,
    ) -> Box<dyn Iterator<Item = &'a Record> + 'a> {
        match extent {
            Extent::Tier(tier) => Box::new(self.state.store.tier_after(*tier, after)),
            Extent::Kind(kind) => Box::new(self.state.store.kind_after(kind, after)),
            Extent::Total => Box::new(self.state.store.iter_after(after.map(|(_, id)| id))),
        }
    }

    /// Whether `record` can leave if it is chosen.
    pub(super) fn may_leave(&self, extent: &Extent, record: &Record, now: Timestamp) -> bool {
        let held_back = matches!(extent, Extent::Tier(_)) && self.is_held_back(record, now);
        !record.pinned && !held_back
    }

    fn warn(&mut self, at: usize, work: &mut Work) {
        let budget = &self.budgets[at];
        let over = self.excess(budget, 0).is_some();
        if over && !budget.warned {
            let store = &self.state.store;
            work.events.push(match budget.extent {
                Extent::Tier(tier) => Event::TierLimitReached {
                    tier,
                    items: store.tier_len(tier) as u32,
                    bytes: store.tier_bytes(tier),
                },
                _ => Event::TotalLimitReached { items: store.len() as u32, bytes: store.total_bytes() },
            });
        }
        self.budgets[at].warned = over;
    }
}

impl Extent {
    /// Where a record stands in the order in which a search goes through a tier (longest resident first), a kind (oldest
    /// first) or all (by id).
    pub(super) fn place(&self, record: &Record) -> Place {
        let moment = if let Extent::Tier(_) = self { record.tier_since } else { record.recorded_at };
        (moment, record.id)
    }

    fn has(&self, record: &Record) -> bool {
        match self {
            Extent::Tier(tier) => record.tier == *tier,
            Extent::Kind(kind) => record.kind.0 == *kind,
            Extent::Total => true,
        }
    }
}

impl Selection {
    /// Takes a candidate among the chosen ones if it leaves before the last of them, or if they are not enough.
    pub(super) fn offer(&mut self, candidate: Candidate, bytes: u32) {
        let bytes = u64::from(bytes);
        self.chosen.push(Chosen { candidate, bytes });
        self.chosen_bytes += bytes;
        while let Some(last) = self.chosen.peek() {
            let enough =
                self.chosen.len() > self.excess.items && self.chosen_bytes - last.bytes >= self.excess.bytes;
            if !enough {
                break;
            }
            self.chosen_bytes -= last.bytes;
            self.chosen.pop();
        }
    }
}
