//! What the engine tells of itself: figures, and why a record is where it is.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::config::OnLimit;
use crate::engine::Engine;
use crate::engine::answers::Answers;
use crate::engine::graph::GraphFigures;
use crate::engine::retention::{candidate, demotion, promotion, standing};
use crate::engine::state::Estimate;
use crate::index::vector::PagingFigures;
use crate::model::{EmbeddingSpace, Move, Precision, Reason, Record, RecordId, Scope, Span, Tier, Timestamp};
use crate::policy::{EvictionPolicy, worth};

/// Upper ends of the age classes of [`TierFigures::ages`], in milliseconds; the last class has none.
const AGES: [i64; 5] = [3_600_000, 86_400_000, 7 * 86_400_000, 30 * 86_400_000, 365 * 86_400_000];
/// Age from which a record that was never used counts as such.
const SETTLED: Span = Span(7 * 86_400_000);
/// Retention below which a record counts as faded.
const FADED: f64 = 0.1;

/// Figures about a memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Records that the view sees.
    pub records: usize,
    /// The same per tier: working, intermediate, long-term.
    pub tiers: TierCounts,
    /// The space of the vectors, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<EmbeddingSpace>,
    /// Figures about the whole memory; only for a view that sees it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineStats>,
}

/// A value per tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are those of the tiers")]
pub struct PerTier<T> {
    pub working: T,
    pub intermediate: T,
    pub long_term: T,
}

/// A number per tier.
pub type TierCounts = PerTier<usize>;

impl<T> PerTier<T> {
    fn of(mut value: impl FnMut(Tier) -> T) -> Self {
        PerTier {
            working: value(Tier::Working),
            intermediate: value(Tier::Intermediate),
            long_term: value(Tier::LongTerm),
        }
    }
}

/// Figures about the whole memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineStats {
    /// Each tier. What is counted, is counted since the memory was opened.
    pub tiers: PerTier<TierFigures>,
    /// Questions asked and records asked for by id, since the memory was opened.
    pub asked: u64,
    /// Of these, how many found anything.
    pub answered: u64,
    /// Answers kept, and how well that serves, if any are to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_cache: Option<CacheFigures>,
    /// Vectors held.
    pub vectors: usize,
    /// How well the graph over the vectors covers them, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<GraphFigures>,
    /// Those of them whose rows stay in storage, if any may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<PagingFigures>,
    /// The same by how exactly they are kept.
    pub precisions: PrecisionCounts,
    /// Distinct terms held.
    pub terms: usize,
    /// Bytes of text.
    pub text_bytes: u64,
    /// Each kind of which there are records, by name.
    pub kinds: Vec<KindFigures>,
    /// Estimated bytes of the vector index.
    pub vector_bytes: usize,
    /// Estimated bytes of the keyword index.
    pub keyword_bytes: usize,
    /// Estimated bytes of the columns that filters are answered from.
    pub column_bytes: usize,
    /// Bytes of logs in storage.
    pub log_bytes: u64,
    /// Bytes of segments in storage.
    pub segment_bytes: u64,
    /// Bytes that packed texts save in segments.
    pub saved_bytes: u64,
    /// Live segments.
    pub segments: usize,
    /// Commits in the life of the memory.
    pub commits: u64,
    /// Why writes are refused, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poisoned: Option<String>,
}

/// How well kept answers serve, since the memory was opened.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheFigures {
    /// Answers held.
    pub entries: usize,
    /// Questions that were answered from them.
    pub hits: u64,
    /// Questions that could have been, and were not.
    pub misses: u64,
    /// Share of hits, 0 to 1.
    pub hit_rate: f64,
}

/// Vectors by how exactly they are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[allow(missing_docs, reason = "the names are those of the precisions")]
pub struct PrecisionCounts {
    pub f32: usize,
    pub int8: usize,
    pub binary: usize,
    pub projected: usize,
}

/// Figures about one tier.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TierFigures {
    /// Records in it.
    pub items: usize,
    /// Bytes they take, indexes included.
    pub bytes: u64,
    /// Uses of its records.
    pub hits: u64,
    /// Share of all uses that were uses of its records, 0 to 1.
    pub hit_rate: f64,
    /// Records that came from other tiers.
    pub came: u64,
    /// Records that went to other tiers.
    pub went: u64,
    /// Records evicted, by reason.
    pub evicted: Evictions,
    /// Records by time since they were made: under an hour, a day, a week, 30 days, a year, and the others.
    pub ages: [u32; 6],
}

/// Figures about one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct KindFigures {
    /// Its name.
    pub kind: String,
    /// Records of the kind.
    pub items: usize,
    /// Bytes they take, indexes included.
    pub bytes: u64,
}

/// Evictions by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are those of the reasons")]
pub struct Evictions {
    pub capacity: u64,
    pub ttl: u64,
    pub faded: u64,
    pub expired: u64,
    pub kind_limit: u64,
    pub total_limit: u64,
}

/// What is counted between opening and closing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) asked: u64,
    pub(super) answered: u64,
    hits: [u64; 3],
    came: [u64; 3],
    went: [u64; 3],
    evicted: [Evictions; 3],
}

impl Counters {
    pub(super) fn hit(&mut self, tier: Tier) {
        self.hits[tier.index()] += 1;
    }

    pub(super) fn moved(&mut self, step: &Move) {
        self.went[step.from.index()] += 1;
        self.came[step.to.index()] += 1;
    }

    pub(super) fn expired(&mut self, tier: Tier) {
        self.evicted[tier.index()].expired += 1;
    }

    pub(super) fn evicted(&mut self, tier: Tier, reason: Reason) {
        let evicted = &mut self.evicted[tier.index()];
        match reason {
            Reason::Ttl => evicted.ttl += 1,
            Reason::Faded => evicted.faded += 1,
            Reason::KindLimit => evicted.kind_limit += 1,
            Reason::TotalLimit => evicted.total_limit += 1,
            _ => evicted.capacity += 1,
        }
    }
}

/// Why a record is where it is, and what would move it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Which record.
    pub id: RecordId,
    /// Where it lives.
    pub tier: Tier,
    /// Since when.
    pub tier_since: Timestamp,
    /// Its importance as policies see it, 0 to 1.
    pub importance: f64,
    /// How much of it is left, 0 to 1.
    pub retention: f64,
    /// Bytes it takes.
    pub bytes: u32,
    /// Whether it is pinned, so that no policy moves it.
    pub pinned: bool,
    /// Whether it was sent back and has to earn its way up again.
    pub on_probation: bool,
    /// What would bring it to the tier above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Prospect>,
    /// What would send it to the tier below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demotion: Option<Prospect>,
    /// When its time in the tier is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves_at: Option<Timestamp>,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What it is worth keeping, 0 to 1: where a kind or the whole memory is too large, those of least worth go.
    pub worth: f64,
    /// Where it stands among those that leave if the tier is too full.
    pub leaving: Leaving,
    /// Its last moves, earliest first.
    pub moves: Vec<Move>,
    /// All that in a sentence.
    pub summary: String,
}

/// A move that may come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prospect {
    /// Where to.
    pub to: Tier,
    /// How far the rule is fulfilled now.
    pub score: f64,
    /// The score at which the record moves: at least this for a promotion, less than this for a demotion.
    pub threshold: f64,
}

/// The eviction policy that concerns a record.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaving {
    /// Which policy; nothing if none concerns it: such records leave last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<EvictionPolicy>,
    /// The record's figure under it; nothing where a policy of the host decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figure: Option<f64>,
}

/// What could be better about a memory.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Records that say the same words by the same actor in the same scope as an earlier one.
    pub duplicates: Vec<Vec<RecordId>>,
    /// Records that have faded below a tenth, neither pinned nor important.
    pub faded: usize,
    /// Records older than a week that were never used.
    pub never_used: usize,
    /// Records per tier that have not faded: what limits could come down to.
    pub suggested: TierCounts,
}

impl Engine {
    /// Figures about what a view of `scope` sees.
    pub fn stats(&self, scope: &Scope, now: Timestamp) -> Stats {
        let visible = self.state.store.visible(scope, now);
        let mut counts = [0usize; 3];
        let mut ages = [[0u32; 6]; 3];
        for record in visible.iter().filter_map(|slot| self.state.store.record(slot)) {
            counts[record.tier.index()] += 1;
            let age = now.since(record.recorded_at).0;
            let class = AGES.iter().position(|end| age < *end).unwrap_or(AGES.len());
            ages[record.tier.index()][class] += 1;
        }
        Stats {
            records: visible.len(),
            tiers: PerTier::of(|tier| counts[tier.index()]),
            space: self.state.space.clone(),
            engine: (*scope == Scope::default()).then(|| self.engine_stats(&ages)),
        }
    }

    fn engine_stats(&self, ages: &[[u32; 6]; 3]) -> EngineStats {
        let (log_bytes, segment_bytes) = self.journal.stored_bytes();
        let [f32, int8, binary, projected] = self.state.vectors().map_or([0; 4], |index| index.counts());
        let counters = &self.counters;
        let hits: u64 = counters.hits.iter().sum();
        let tier = |tier: Tier| {
            let at = tier.index();
            TierFigures {
                items: self.state.store.tier_len(tier),
                bytes: self.state.store.tier_bytes(tier),
                hits: counters.hits[at],
                hit_rate: if hits == 0 { 0.0 } else { counters.hits[at] as f64 / hits as f64 },
                came: counters.came[at],
                went: counters.went[at],
                evicted: counters.evicted[at],
                ages: ages[at],
            }
        };
        EngineStats {
            tiers: PerTier::of(tier),
            asked: counters.asked,
            answered: counters.answered,
            result_cache: self.answers.as_ref().map(Answers::figures),
            graph: self.graph_figures(),
            vectors: f32 + int8 + binary + projected,
            paging: self.paging_figures(),
            precisions: PrecisionCounts { f32, int8, binary, projected },
            terms: self.state.text.term_count(),
            text_bytes: self.state.store.text_bytes(),
            kinds: self
                .state
                .store
                .kinds()
                .map(|(kind, items, bytes)| KindFigures { kind: kind.to_owned(), items, bytes })
                .collect(),
            vector_bytes: self.state.vectors().map_or(0, |index| index.bytes()),
            keyword_bytes: self.state.text.bytes(),
            column_bytes: self.state.store.column_bytes(),
            log_bytes,
            segment_bytes,
            saved_bytes: self.journal.saved_bytes(),
            segments: self.journal.segment_count(),
            commits: self.journal.sequence(),
            poisoned: self.poisoned.clone(),
        }
    }

    /// Why a record is where it is, if a view of `scope` sees it.
    pub fn explain_transition(&self, scope: &Scope, id: RecordId, now: Timestamp) -> Option<Transition> {
        let record = self.seen(scope, id, now)?;
        let id = record.id;
        let config = &self.config;
        let standing = standing(config, record, now);
        let promotion = record.tier.above().map(|to| Prospect {
            to,
            score: promotion(config, record, now),
            threshold: 1.0,
        });
        let demotion =
            demotion(config, record, now).map(|(to, score, threshold)| Prospect { to, score, threshold });
        let leaving = if config.tier(record.tier).on_limit == OnLimit::Host {
            Leaving { policy: Some(EvictionPolicy::Custom), figure: None }
        } else {
            let candidate = candidate(config, config.steps(record.tier), record, now);
            Leaving { policy: candidate.policy, figure: Some(candidate.figure) }
        };
        let leaves_at =
            config.tier(record.tier).ttl.filter(|_| !record.pinned).map(|ttl| record.tier_since + ttl);
        Some(Transition {
            id,
            tier: record.tier,
            tier_since: record.tier_since,
            importance: standing.importance,
            retention: standing.retention,
            bytes: self.state.store.bytes(id),
            pinned: record.pinned,
            on_probation: record.is_on_probation(),
            promotion,
            demotion,
            leaves_at,
            expires_at: record.expires_at,
            worth: worth(standing),
            leaving,
            moves: record.moves.clone(),
            summary: summary(record, promotion.as_ref(), standing.retention),
        })
    }

    /// Looks at everything that a view of `scope` sees for what could be better.
    pub fn analyze(&self, scope: &Scope, now: Timestamp) -> Analysis {
        let visible = self.state.store.visible(scope, now);
        let mut analysis = Analysis::default();
        let mut fresh = [0usize; 3];
        let mut ids: Vec<RecordId> =
            visible.iter().filter_map(|slot| self.state.store.record(slot)).map(|record| record.id).collect();
        ids.sort_unstable();
        let mut groups: Vec<Vec<RecordId>> = Vec::new();
        let mut same: FxHashMap<(&Scope, Option<&str>, u64), usize> = FxHashMap::default();
        for record in ids.iter().filter_map(|id| self.state.store.get(*id)) {
            let standing = standing(&self.config, record, now);
            let faded = standing.retention < FADED && !record.pinned && standing.importance < 0.9;
            analysis.faded += usize::from(faded);
            fresh[record.tier.index()] += usize::from(!faded);
            analysis.never_used +=
                usize::from(record.usage.count == 0 && now.since(record.recorded_at) > SETTLED);
            let next = groups.len();
            let words = self.state.store.slot(record.id).map_or(0, |slot| self.state.statements.words(slot));
            let says = (&record.scope, record.actor.as_deref(), words);
            let group = *same.entry(says).or_insert(next);
            if group == next {
                groups.push(Vec::new());
            }
            groups[group].push(record.id);
        }
        groups.retain(|group| group.len() > 1);
        analysis.duplicates = groups;
        analysis.suggested = PerTier::of(|tier| fresh[tier.index()]);
        analysis
    }

    /// About how many bytes `records` take, each of `text_bytes` bytes of text and with a vector of `dimensions`
    /// components (0: without), kept in `precision`.
    pub fn estimate(records: u64, dimensions: u32, precision: Precision, text_bytes: u32) -> Estimate {
        Estimate::new(records, (precision, dimensions), text_bytes)
    }
}

fn summary(record: &Record, promotion: Option<&Prospect>, retention: f64) -> String {
    let mut line = format!("in {}", record.tier.name());
    if let Some(last) = record.moves.last() {
        let why = match last.reason {
            Reason::Requested => "because somebody asked for it",
            Reason::Capacity => "because the tier before was full",
            Reason::Ttl => "because its time in the tier before was over",
            Reason::Earned => "because it had earned it",
            Reason::Lapsed => "because it no longer deserved the tier above",
            Reason::Faded | Reason::KindLimit | Reason::TotalLimit => "because it had faded",
            Reason::Merged => "because a record there, which said the same, went into it",
        };
        line.push_str(&format!(", from {} {why}", last.from.name()));
    } else {
        line.push_str(" since it was added");
    }
    line.push_str(&format!("; {} % is left", (retention * 100.0).round()));
    if record.pinned {
        line.push_str("; pinned, so that no policy moves it");
    } else if let Some(Prospect { to, score, .. }) = promotion {
        line.push_str(&format!("; {} % of the way to {}", (score * 100.0).round().min(100.0), to.name()));
    }
    line
}
