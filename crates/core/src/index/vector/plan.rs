//! Which way a search goes: the cheapest that finds what is wanted.
//!
//! Costs are in nanoseconds of WebAssembly on one machine, as `docs/VECTOR-INDEX.md` tells; only their proportions count.

use crate::index::vector::walk::SAMPLE;

/// The share of the nearest ten that a search finds, about, if nothing else is asked for.
pub(crate) const DEFAULT_RECALL: f32 = 0.99;

/// How a search finds its slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Way {
    /// Each allowed row by itself. Finds the nearest.
    #[default]
    Visit,
    /// All rows, one after the other. Finds the nearest.
    Scan,
    /// All codes, then the rows of those that come near enough.
    Codes,
    /// The codes of the lists nearest to the question, then the rows of those that come near enough.
    Lists,
    /// From node to node of a graph, and the rows that no node stands for.
    Graph,
}

impl Way {
    /// Its name for users: of exact ways it does not tell which, for that depends on how much is held beside.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::Visit | Way::Scan => "exact",
            Way::Codes => "codes",
            Way::Lists => "lists",
            Way::Graph => "graph",
        }
    }

    /// Whether nothing nearer can be missed.
    pub(crate) fn is_exact(self) -> bool {
        matches!(self, Way::Visit | Way::Scan)
    }
}

/// What the costs depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    /// Components of a vector.
    pub(super) dimensions: usize,
    /// Words of a code.
    pub(super) words: usize,
    /// Vectors held.
    pub(super) rows: usize,
    /// Those of them whose rows are in storage.
    pub(super) stored: usize,
    /// Slots in question.
    pub(super) allowed: usize,
    /// Vectors of which there is a code.
    pub(super) coded: usize,
    /// Codes that no list with a centre has.
    pub(super) waiting: usize,
    /// Lists with a centre.
    pub(super) lists: usize,
    /// How much is done for what is found.
    pub(super) effort: Effort,
    /// The graph, if there is one.
    pub(super) graph: Option<Walk>,
}

/// What a walk through a graph depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// How many a walk keeps.
    pub(super) breadth: usize,
    /// Nodes of the graph, whether or not their vectors are there.
    pub(super) nodes: usize,
    /// Vectors that no node stands for.
    pub(super) beside: usize,
}

/// How much a search of codes, of lists or of a graph does for the nearest there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effort {
    /// The share of the lists that is read, as a multiple of what is read by default.
    pub(super) breadth: f32,
    /// Standard deviations by which a vector may differ from the question in more bits than its angle says and still be
    /// found.
    pub(super) deviations: f32,
    /// How many a walk through a graph keeps, as a multiple of what it keeps by default.
    pub(super) kept: f32,
}

/// By share of the nearest ten to be found, the effort that it takes: breadth, deviations and what a walk keeps. Measured
/// on vectors of sentences (`docs/VECTOR-INDEX.md`).
const EFFORTS: [(f32, [f32; 3]); 7] = [
    (0.5, [0.02, 0.0, 0.1]),
    (0.8, [0.07, 0.5, 0.2]),
    (0.9, [0.2, 1.0, 0.3]),
    (0.95, [0.44, 1.5, 0.4]),
    (0.98, [0.7, 1.7, 0.7]),
    (0.99, [1.0, 2.3, 1.0]),
    (0.999, [3.0, 3.0, 4.0]),
];

impl Effort {
    /// What finds that share of the nearest ten, about.
    pub(super) fn of(recall: f32) -> Self {
        let above = EFFORTS.partition_point(|(known, _)| *known < recall).clamp(1, EFFORTS.len() - 1);
        let [(low, least), (high, most)] = [EFFORTS[above - 1], EFFORTS[above]];
        let part = ((recall - low) / (high - low)).clamp(0.0, 1.0);
        let [breadth, deviations, kept] = [0, 1, 2].map(|at| least[at] + (most[at] - least[at]) * part);
        Effort { breadth, deviations, kept }
    }
}

/// The share of the codes in lists that a search reads at most: this of so many, and less of more by the exponent.
/// Measured on vectors of sentences, which have few clear clusters: it finds 99 of 100.
const SHARE: (f32, f32, f32) = (0.3, 100_000.0, -0.4);
/// Codes of lists that a search reads at least, however little is asked for: among few, a small share says nothing.
const LEAST_READ: f32 = 3_072.0;
/// How many times the lists that are to be read are looked at for the nearest, those whose codes differ least: bits alone say
/// too little.
pub(super) const REACH: f32 = 2.0;
/// How many a walk keeps by default: so many, and so many more for each that is to be found for sure.
const BREADTH: (usize, usize) = (160, 8);
/// Nodes that a walk looks at, for each that it keeps: so many among 10,000, and so many more among each ten times as many.
const LOOKED: (f32, f32) = (7.5, 1.5);
/// What looking at a node costs beside its row: the way there, which is that of a stranger to the caches, marks and heaps.
const STEP: f32 = 200.0;
/// How many times the nodes that are expected a walk looks at before it gives up.
const PATIENCE: f32 = 4.0;
/// How much more an exact way may cost than the cheapest.
const EXACT_PREMIUM: f32 = 1.5;
/// What it costs to read a row from storage, beside others.
const FETCH: f32 = 2_000.0;
/// Rows that are scored after the codes of so many vectors, about: this many, and this share.
const RESCORED: (f32, f32) = (400.0, 0.001);

impl Figures {
    /// The way to go; only exact ones if `exact`.
    pub(super) fn choose(&self, exact: bool) -> Way {
        let cheapest = |ways: &[Way]| {
            ways.iter().fold((Way::Scan, f32::INFINITY), |best, way| {
                let cost = self.cost(*way);
                if cost < best.1 { (*way, cost) } else { best }
            })
        };
        let sure = cheapest(&[Way::Visit, Way::Scan]);
        let other = cheapest(&[Way::Codes, Way::Lists, Way::Graph]);
        if exact || other.1.is_infinite() || sure.1 <= EXACT_PREMIUM * other.1 { sure.0 } else { other.0 }
    }

    /// The share of the codes in lists to be read. Where few are in question, their nearest are spread over more lists.
    pub(super) fn share(&self) -> f32 {
        let (share, many, exponent) = SHARE;
        let listed = self.coded.saturating_sub(self.waiting).max(1) as f32;
        let asked = (self.allowed.max(1) as f32 / self.rows.max(1) as f32).min(1.0);
        let share = self.effort.breadth * share * libm::powf(listed / many, exponent) / asked;
        share.max(LEAST_READ / listed).min(1.0)
    }

    /// How many a walk keeps that is to find `sure` for sure by that effort, and `limit` at all.
    pub(super) fn breadth(effort: Effort, sure: usize, limit: usize) -> usize {
        let by_default = BREADTH.1.saturating_mul(sure).saturating_add(BREADTH.0);
        ((by_default as f32 * effort.kept) as usize).max(sure).max(limit)
    }

    /// Nodes that a walk looks at, about. Where few of them are in question, it passes by more that are not.
    fn looked(&self, Walk { breadth, nodes, .. }: Walk) -> f32 {
        let nodes = nodes.max(1) as f32;
        let asked = (self.allowed.max(1) as f32 / nodes).min(1.0);
        let each = LOOKED.0 + LOOKED.1 * libm::log10f(nodes / 10_000.0);
        (breadth as f32 * each.max(1.0) / asked).min(nodes)
    }

    /// After how many nodes a walk gives up.
    pub(super) fn patience(&self, walk: Walk) -> usize {
        (PATIENCE * self.looked(walk)) as usize
    }

    fn cost(&self, way: Way) -> f32 {
        let [dimensions, words, rows, allowed, coded, waiting, lists] =
            [self.dimensions, self.words, self.rows, self.allowed, self.coded, self.waiting, self.lists]
                .map(|figure| figure as f32);
        let in_row = 2.0 + dimensions / 18.0;
        let fetched = FETCH * self.stored as f32 / rows.max(1.0);
        let alone = 12.0 + dimensions / 8.0 + fetched;
        let code = 1.0 + words / 2.0;
        let rescored = (RESCORED.0 + RESCORED.1 * coded).min(coded) * alone;
        let uncoded = (rows - coded).max(0.0) * alone;
        match way {
            Way::Codes | Way::Lists if self.coded == 0 => f32::INFINITY,
            Way::Visit => allowed * alone,
            Way::Scan => rows * (in_row + fetched),
            Way::Codes => coded * code + rescored + uncoded,
            Way::Lists => {
                let share = self.share();
                let read = waiting + (coded - waiting) * share;
                let centres = (lists * code + lists * share * REACH * alone).min(lists * in_row);
                centres + read * code + rescored + uncoded
            }
            Way::Graph => self.graph.map_or(f32::INFINITY, |walk| {
                self.looked(walk) * (alone + STEP) + (walk.beside as f32 + SAMPLE as f32) * alone
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::vector::lists::WAITING;

    fn figures(rows: usize, allowed: usize) -> Figures {
        let waiting = rows.min(WAITING);
        let lists = (rows - waiting) / 45;
        let effort = Effort::of(DEFAULT_RECALL);
        let (stored, graph) = (0, None);
        Figures {
            dimensions: 384,
            words: 6,
            rows,
            stored,
            allowed,
            coded: rows,
            waiting,
            lists,
            effort,
            graph,
        }
    }

    #[test]
    fn the_way_follows_the_size_and_the_filter() {
        assert_eq!(figures(1_000, 1_000).choose(false), Way::Scan);
        assert_eq!(figures(10_000, 10_000).choose(false), Way::Lists);
        assert_eq!(figures(100_000, 100_000).choose(false), Way::Lists);
        assert_eq!(figures(100_000, 1_000).choose(false), Way::Visit);
        assert_eq!(figures(100_000, 20_000).choose(false), Way::Codes);
    }

    /// What more is to be found for is never looked for with less, and the default is what it was measured with.
    #[test]
    fn more_is_done_for_more() {
        let efforts: Vec<Effort> = (50..100).map(|percent| Effort::of(percent as f32 / 100.0)).collect();
        let is_less =
            |a: &Effort, b: &Effort| a.breadth < b.breadth && a.deviations < b.deviations && a.kept < b.kept;
        assert!(efforts.is_sorted_by(is_less));
        assert_eq!(Effort::of(DEFAULT_RECALL), Effort { breadth: 1.0, deviations: 2.3, kept: 1.0 });
        assert_eq!(Effort::of(0.999), Effort { breadth: 3.0, deviations: 3.0, kept: 4.0 });
        let kept = |recall| Figures::breadth(Effort::of(recall), 10, 20);
        assert!(kept(0.95) < kept(0.99) / 2 && kept(0.999) > 2 * kept(0.99));
        let read = |recall| Figures { effort: Effort::of(recall), ..figures(1_000_000, 1_000_000) }.share();
        assert!(read(0.8) < 0.1 * read(0.99) && read(0.999) > 2.5 * read(0.99));
    }

    /// Rows in storage are dear: where a scan would do in memory, codes are read.
    #[test]
    fn rows_in_storage_are_spared() {
        let stored = |rows, allowed| Figures { stored: rows, ..figures(rows, allowed) };
        assert!(stored(2_000, 2_000).choose(false) != Way::Scan);
        assert!(!stored(100_000, 10_000).choose(false).is_exact());
        assert_eq!(stored(100_000, 100).choose(false), Way::Visit);
    }

    #[test]
    fn fewer_of_more_are_read_and_more_where_few_are_asked_for() {
        let share = |rows, allowed| figures(rows, allowed).share();
        assert_eq!(share(4_000, 4_000), 1.0);
        assert!((0.29..0.33).contains(&share(100_000, 100_000)));
        assert!(share(1_000_000, 1_000_000) < 0.13);
        assert!((share(100_000, 50_000) / share(100_000, 100_000) - 2.0).abs() < 1e-3);
    }

    #[test]
    fn a_graph_is_walked_where_it_covers_what_is_asked_for() {
        let with = |rows: usize, allowed, beside| {
            let walk = Walk {
                breadth: Figures::breadth(Effort::of(DEFAULT_RECALL), 10, 128),
                nodes: rows - beside,
                beside,
            };
            Figures { graph: Some(walk), ..figures(rows, allowed) }
        };
        assert_eq!(with(2_000, 2_000, 0).choose(false), Way::Scan);
        assert_eq!(with(100_000, 100_000, 0).choose(false), Way::Lists);
        assert_eq!(with(200_000, 200_000, 0).choose(false), Way::Lists);
        assert_eq!(with(800_000, 800_000, 0).choose(false), Way::Graph);
        assert_eq!(with(800_000, 800_000, 20_000).choose(false), Way::Lists, "too many beside it");
        assert_eq!(with(800_000, 240_000, 0).choose(false), Way::Lists, "too few of its nodes");
        assert!(with(800_000, 800_000, 0).choose(true).is_exact());
        assert_eq!(Figures::breadth(Effort::of(DEFAULT_RECALL), 10, 500), 500);
    }

    #[test]
    fn what_is_exact_is_found_exactly() {
        for rows in [10, 1_000, 100_000] {
            for share in [1, 10, 100] {
                assert!(figures(rows, rows / share).choose(true).is_exact());
            }
        }
        let uncoded = Figures { coded: 0, waiting: 0, lists: 0, ..figures(50_000, 50_000) };
        assert_eq!(uncoded.choose(false), Way::Scan);
    }
}
