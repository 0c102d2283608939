//! Configuration: what a memory is told when it opens.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::consolidate::Grouping;
use crate::error::CommandError;
use crate::index::text::Bm25;
use crate::model::{Kind, Metric, Precision, Record, Span, Tier};
use crate::policy::{Decay, EvictionPolicy, EvictionStep, ImportanceWeights, Rule};

/// What happens when a tier, or the whole memory, holds more than its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLimit {
    /// What is too much leaves.
    #[default]
    Evict,
    /// Nothing leaves; an event tells.
    Warn,
    /// Nothing more comes in: adding fails.
    Reject,
    /// What is too much leaves when the host has said in which order (see [`crate::Engine::rank`]). For tiers alone.
    Host,
}

/// Where records go that leave a tier because of its limits or their time in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// To the next tier; out of the last one they are evicted.
    #[default]
    Move,
    /// They are evicted.
    Forget,
}

/// When records are sent back a tier.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Demotion {
    /// How far a record must have fallen below the rule by which it would get here: it goes when its score is less
    /// than 1 - margin. Between 0 and 1.
    pub margin: f64,
    /// How long it stays at least, in milliseconds.
    pub after: Span,
}

/// What records may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How many there may be, if that is limited.
    pub max_items: Option<u32>,
    /// How many bytes they may take, indexes included, if that is limited.
    pub max_bytes: Option<u64>,
}

impl Limits {
    fn problems(self, path: &str, found: &mut Vec<(String, String)>) {
        for (field, is_zero) in
            [("maxItems", self.max_items == Some(0)), ("maxBytes", self.max_bytes == Some(0))]
        {
            if is_zero {
                found.push((format!("{path}/{field}"), "must be at least 1".to_owned()));
            }
        }
    }
}

/// One tier. A limit left out does not exist.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TierConfig {
    /// Records the tier should hold at most.
    pub max_items: Option<u32>,
    /// Bytes its records should take at most, indexes included.
    pub max_bytes: Option<u64>,
    /// How long a record stays at most, in milliseconds.
    pub ttl: Option<Span>,
    /// What happens when a limit is passed.
    pub on_limit: OnLimit,
    /// Where records go that leave.
    pub overflow: Overflow,
    /// When a record has earned the next tier. Left out: by use, importance and retention (see [`Config::rule`]).
    pub promote: Option<Rule>,
    /// When a record is sent back to the tier below.
    pub demote: Option<Demotion>,
    /// Who leaves first when there is too much. Left out: see [`Config::steps`].
    pub evict: Option<Vec<EvictionStep>>,
    /// Records that leave with a retention below this are evicted instead of moved on.
    pub forget_below: f64,
    /// How exactly the vectors of its records are kept. What a record has given up does not come back when it moves.
    pub precision: Precision,
    /// Whether its records are packed in stored segments, apart from their vectors.
    pub compress_text: bool,
}

impl Default for TierConfig {
    fn default() -> Self {
        TierConfig {
            max_items: None,
            max_bytes: None,
            ttl: None,
            on_limit: OnLimit::Evict,
            overflow: Overflow::Move,
            promote: None,
            demote: None,
            evict: None,
            forget_below: 0.0,
            precision: Precision::F32,
            compress_text: false,
        }
    }
}

/// What becomes of a record that says what another one says already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeats {
    /// It counts as a use of the one that is there.
    #[default]
    Merge,
    /// It is kept beside it.
    Keep,
}

/// How records of a kind are consolidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consolidate {
    /// Not at all.
    Never,
    /// What says the same becomes one, whenever it was said.
    Merge,
    /// What happened: the same words are the same event if they were said about the same time. Old ones are summed up, if
    /// [`Consolidation::episodes`] says so.
    #[serde(rename = "summarize")]
    Summarise,
}

/// How old episodes become summaries.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Episodes {
    /// How long they have been in the intermediate tier. Default: 7 days.
    pub after: Span,
    /// Those of which less than this is retained, 0 to 1. Default: 0.5.
    pub retention_below: f64,
    /// Which of them belong together.
    pub group: Grouping,
    /// Share of the bytes of the texts that the summary takes at most, more than 0 to 1. Default: 0.3.
    pub share: f64,
}

impl Default for Episodes {
    fn default() -> Self {
        const DAY: i64 = 86_400_000;
        Episodes { after: Span(7 * DAY), retention_below: 0.5, group: Grouping::default(), share: 0.3 }
    }
}

/// How records become fewer without anything being forgotten that matters.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Consolidation {
    /// What becomes of a new record that says what is known already.
    pub repeats: Repeats,
    /// How long after a recall a text that was recalled is recognised when it is added. Default: 10 minutes.
    pub recall_window: Span,
    /// Whether maintenance merges records that say the same. Default: yes.
    pub duplicates: bool,
    /// Whether and when old episodes become summaries. Default: never, because a summary says less than they did.
    pub episodes: Option<Episodes>,
}

impl Default for Consolidation {
    fn default() -> Self {
        Consolidation {
            repeats: Repeats::Merge,
            recall_window: Span(600_000),
            duplicates: true,
            episodes: None,
        }
    }
}

/// How many answers of recalls are kept for when the same is asked again, and how long. Off unless it is set: what it saves
/// is told in `docs/QUERIES.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResultCache {
    /// Answers that are kept, the ones asked for last. Default: 128.
    pub entries: u32,
    /// How long each is kept at most, in milliseconds. Default: 10 minutes.
    pub ttl: Span,
}

impl Default for ResultCache {
    fn default() -> Self {
        ResultCache { entries: 128, ttl: Span(600_000) }
    }
}

/// What is particular to a kind of memory.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KindConfig {
    /// How it fades. Left out: as is built in for the kind (see [`Config::decay`]).
    pub decay: Option<Decay>,
    /// How far merit slows that down: merit x this is the resistance. 0 to 1.
    pub resistance: f64,
    /// Importance of a new record that names none, 0 to 1.
    pub importance: f64,
    /// How it is consolidated. Left out: what happened (episodic) is summed up, all else merged.
    pub consolidate: Option<Consolidate>,
    /// Records of the kind that all tiers may hold together. What is too much is evicted, least worth first.
    pub max_items: Option<u32>,
    /// Bytes that they may take, indexes included.
    pub max_bytes: Option<u64>,
}

impl Default for KindConfig {
    fn default() -> Self {
        KindConfig {
            decay: None,
            resistance: 0.5,
            importance: 0.5,
            consolidate: None,
            max_items: None,
            max_bytes: None,
        }
    }
}

impl KindConfig {
    /// What records of the kind may take together.
    pub fn limits(&self) -> Limits {
        Limits { max_items: self.max_items, max_bytes: self.max_bytes }
    }
}

/// What all tiers may hold together. A limit left out does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TotalConfig {
    /// Records that the memory should hold at most.
    pub max_items: Option<u32>,
    /// Bytes that they should take at most, indexes included.
    pub max_bytes: Option<u64>,
    /// What happens when a limit is passed: what is evicted is what is worth least, in whatever tier.
    pub on_limit: OnLimit,
}

impl TotalConfig {
    /// What all records may take together.
    pub fn limits(&self) -> Limits {
        Limits { max_items: self.max_items, max_bytes: self.max_bytes }
    }
}

/// Whether graphs over the vectors are built without being asked for, and stored ones used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraphUse {
    /// From as many vectors on as one is worth its memory (see `docs/VECTOR-INDEX.md`).
    #[default]
    Auto,
    /// From a thousand vectors on.
    Always,
    /// Not at all.
    Never,
}

/// The configuration of an engine. [`Config::default`] is right for most agents.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// What an agent is busy with. Default: 256 records, one hour.
    pub working: TierConfig,
    /// What happened lately. Default: 20,000 records, 30 days.
    pub intermediate: TierConfig,
    /// What is kept. Default: no limit, so nothing is ever lost.
    pub long_term: TierConfig,
    /// What all tiers may hold together. Default: no limit.
    pub total: TotalConfig,
    /// Settings by kind.
    pub kinds: BTreeMap<String, KindConfig>,
    /// How importance is composed.
    pub importance: ImportanceWeights,
    /// How records become fewer.
    pub consolidation: Consolidation,
    /// The tier of a new record that does not name one. Default: working.
    pub default_tier: Tier,
    /// Longest text of a record, in bytes of UTF-8. Default: 1 MiB.
    pub max_text_bytes: u32,
    /// Most bytes of log before the records in it are sealed into a segment. Default: 1 MiB.
    pub seal_bytes: u32,
    /// How vectors are compared. Left out: as the memory does, or by cosine if it has no vectors yet.
    pub metric: Option<Metric>,
    /// Whether answers of recalls are kept, and how many. Left out: none.
    pub result_cache: Option<ResultCache>,
    /// When a graph over the vectors is due. Default: where it is worth its memory.
    pub graph: GraphUse,
    /// If given, vectors of the long-term tier stay in storage once they are sealed, and of those that are read so many
    /// bytes are kept in memory. Left out: all vectors are in memory.
    pub resident_vector_bytes: Option<u32>,
    /// Term saturation of BM25. Default: 0.9.
    pub bm25_k1: f32,
    /// Length normalisation of BM25. Default: 0.4.
    pub bm25_b: f32,
}

/// The rule by which records rise, by default: use and importance, while they are not forgotten.
const fn earned(threshold: f64) -> Rule {
    Rule::Hybrid {
        uses: 0.4,
        age: 0.0,
        full_age: Span(86_400_000),
        importance: 0.4,
        retention: 0.2,
        threshold,
    }
}

static EARNED: [Rule; 3] = [earned(0.6), earned(0.7), Rule::Never];

const fn by(policy: EvictionPolicy) -> [EvictionStep; 1] {
    [EvictionStep { policy, below: None, above: None, kind: None }]
}

static MOVING_ON: [EvictionStep; 1] = by(EvictionPolicy::Pressure);
static LEAVING: [EvictionStep; 1] = by(EvictionPolicy::LowWorth);

impl Default for Config {
    fn default() -> Self {
        const HOUR: i64 = 3_600_000;
        let Bm25 { k1, b } = Bm25::default();
        Config {
            working: TierConfig { max_items: Some(256), ttl: Some(Span(HOUR)), ..TierConfig::default() },
            intermediate: TierConfig {
                max_items: Some(20_000),
                ttl: Some(Span(30 * 24 * HOUR)),
                ..TierConfig::default()
            },
            long_term: TierConfig::default(),
            total: TotalConfig::default(),
            kinds: BTreeMap::new(),
            importance: ImportanceWeights::default(),
            consolidation: Consolidation::default(),
            default_tier: Tier::Working,
            max_text_bytes: 1 << 20,
            seal_bytes: 1 << 20,
            metric: None,
            result_cache: None,
            graph: GraphUse::Auto,
            resident_vector_bytes: None,
            bm25_k1: k1,
            bm25_b: b,
        }
    }
}

impl Config {
    /// The settings of `tier`.
    pub fn tier(&self, tier: Tier) -> &TierConfig {
        match tier {
            Tier::Working => &self.working,
            Tier::Intermediate => &self.intermediate,
            Tier::LongTerm => &self.long_term,
        }
    }

    /// When a record has earned the tier above `tier`. By default 0.4 x frequency + 0.4 x importance + 0.2 x retention
    /// must reach 0.6 in the working and 0.7 in the intermediate tier.
    pub fn rule(&self, tier: Tier) -> &Rule {
        self.tier(tier).promote.as_ref().unwrap_or(&EARNED[tier.index()])
    }

    /// Who leaves `tier` first. By default the highest time x (1 - importance) where leaving means moving on, and the
    /// lowest worth where it means being evicted.
    pub fn steps(&self, tier: Tier) -> &[EvictionStep] {
        let settings = self.tier(tier);
        let moves_on = settings.overflow == Overflow::Move && tier != Tier::LongTerm;
        settings.evict.as_deref().unwrap_or(if moves_on { &MOVING_ON } else { &LEAVING })
    }

    /// The settings of a kind: the user's, or the default ones.
    pub fn kind(&self, kind: &str) -> KindConfig {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    /// How a kind fades: as the user has it, or as is built in. What is so fades more slowly than what happened, and how
    /// things are done more slowly still: unused, they are half forgotten after a week (episodic and all others), a month
    /// (semantic, associative) and a hundred days (procedural).
    pub fn decay(&self, kind: &str) -> Decay {
        if let Some(own) = self.kind(kind).decay {
            return own;
        }
        let mut built_in = Decay::default();
        if let Decay::ActR { threshold, .. } = &mut built_in {
            match kind {
                Kind::SEMANTIC | Kind::ASSOCIATIVE => *threshold = -13.29,
                Kind::PROCEDURAL => *threshold = -14.38,
                _ => {}
            }
        }
        built_in
    }

    /// How records of a kind are consolidated.
    pub fn consolidate(&self, kind: &str) -> Consolidate {
        let built_in = if kind == Kind::EPISODIC { Consolidate::Summarise } else { Consolidate::Merge };
        self.kinds.get(kind).and_then(|own| own.consolidate).unwrap_or(built_in)
    }

    /// Who is evicted first where a kind or the whole memory is too large: what is worth least.
    pub(crate) fn by_worth() -> &'static [EvictionStep] {
        &LEAVING
    }

    /// The parameters of keyword ranking.
    pub fn bm25(&self) -> Bm25 {
        Bm25 { k1: self.bm25_k1, b: self.bm25_b }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] listing every bad field, so that one round of mending is enough.
    pub fn validate(&self) -> Result<(), CommandError> {
        let mut problems: Vec<(String, String)> = Vec::new();
        for (tier, name) in
            [(Tier::Working, "working"), (Tier::Intermediate, "intermediate"), (Tier::LongTerm, "longTerm")]
        {
            self.tier(tier).problems(tier, name, &mut problems);
        }
        self.total.limits().problems("total", &mut problems);
        if self.total.on_limit == OnLimit::Host {
            problems.push(("total/onLimit".to_owned(), "must be evict, warn or reject".to_owned()));
        }
        for (kind, settings) in &self.kinds {
            if let Some(decay) = settings.decay {
                let model = match decay {
                    Decay::ActR { .. } => "actR",
                    Decay::Ebbinghaus { .. } => "ebbinghaus",
                    Decay::HalfLife { .. } => "halfLife",
                    Decay::None => "none",
                };
                decay.problems(&format!("kinds/{kind}/decay/{model}"), &mut problems);
            }
            settings.limits().problems(&format!("kinds/{kind}"), &mut problems);
            let mut bad = |field: &str, problem: &str| {
                problems.push((format!("kinds/{kind}/{field}"), problem.to_owned()))
            };
            if !(0.0..=1.0).contains(&settings.resistance) {
                bad("resistance", "must be between 0 and 1");
            }
            if !(0.0..=1.0).contains(&settings.importance) {
                bad("importance", "must be between 0 and 1");
            }
        }
        self.importance.problems("importance", &mut problems);
        self.consolidation.problems(&mut problems);
        let mut bad = |field: &str, problem: &str| problems.push((field.to_owned(), problem.to_owned()));
        if self.max_text_bytes == 0 || self.max_text_bytes > 1 << 28 {
            bad("maxTextBytes", "must be between 1 and 268435456");
        }
        if self.seal_bytes < 4_096 || self.seal_bytes > 1 << 28 {
            bad("sealBytes", "must be between 4096 and 268435456");
        }
        if let Some(cache) = self.result_cache {
            if cache.entries == 0 {
                bad("resultCache/entries", "must be at least 1");
            }
            if cache.ttl.0 <= 0 {
                bad("resultCache/ttl", "must be at least 1");
            }
        }
        if !(0.0..=10.0).contains(&self.bm25_k1) {
            bad("bm25K1", "must be between 0 and 10");
        }
        if !(0.0..=1.0).contains(&self.bm25_b) {
            bad("bm25B", "must be between 0 and 1");
        }
        let Some((first, rest)) = problems.split_first() else {
            return Ok(());
        };
        let mut problem = first.1.clone();
        for (field, text) in rest {
            problem.push_str(&format!("; {field} {text}"));
        }
        Err(CommandError::invalid(first.0.clone(), problem))
    }
}

impl Consolidation {
    fn problems(&self, found: &mut Vec<(String, String)>) {
        let mut bad =
            |field: &str, problem: &str| found.push((format!("consolidation/{field}"), problem.to_owned()));
        if self.recall_window.0 < 0 {
            bad("recallWindow", "must be at least 0 ms");
        }
        let Some(episodes) = self.episodes else { return };
        if episodes.after.0 < 0 {
            bad("episodes/after", "must be at least 0 ms");
        }
        if !(0.0..=1.0).contains(&episodes.retention_below) {
            bad("episodes/retentionBelow", "must be between 0 and 1");
        }
        if episodes.group.min < 2 {
            bad("episodes/group/min", "must be at least 2");
        }
        if episodes.group.max > Record::ORIGINS {
            bad("episodes/group/max", "must be at most 256");
        }
        if !(episodes.share > 0.0 && episodes.share <= 1.0) {
            bad("episodes/share", "must be more than 0 and at most 1");
        }
        episodes.group.problems("consolidation/episodes/group", found);
    }
}

impl TierConfig {
    /// What its records may take together.
    pub fn limits(&self) -> Limits {
        Limits { max_items: self.max_items, max_bytes: self.max_bytes }
    }

    fn problems(&self, tier: Tier, name: &str, found: &mut Vec<(String, String)>) {
        self.limits().problems(name, found);
        let mut bad =
            |field: &str, problem: &str| found.push((format!("{name}/{field}"), problem.to_owned()));
        if self.ttl.is_some_and(|ttl| ttl.0 <= 0) {
            bad("ttl", "must be more than 0 ms");
        }
        if !(0.0..=1.0).contains(&self.forget_below) {
            bad("forgetBelow", "must be between 0 and 1");
        }
        if let Some(Demotion { margin, after }) = self.demote {
            if tier == Tier::Working {
                bad("demote", "does not apply: there is no tier below");
            }
            if !(0.0..1.0).contains(&margin) {
                bad("demote/margin", "must be at least 0 and less than 1");
            }
            if after.0 < 0 {
                bad("demote/after", "must be at least 0 ms");
            }
        }
        if tier == Tier::LongTerm && self.promote.as_ref().is_some_and(|rule| *rule != Rule::Never) {
            bad("promote", "does not apply: there is no tier above");
        }
        for (index, step) in self.evict.iter().flatten().enumerate() {
            step.problems(&format!("{name}/evict/{index}"), found);
        }
        if let Some(rule) = &self.promote {
            rule.problems(&format!("{name}/promote"), found);
        }
    }
}
