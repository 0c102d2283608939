//! Building a graph: a pure function from a job to links, so that it can run wherever there is time for it.
//!
//! The graph is that of Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical
//! navigable small world graphs", IEEE TPAMI 42 (2020), and the crate `instant-distance` builds it. Of its neighbours a node
//! keeps those that their heuristic picks and no more (`keep_pruned` is off): building takes a fraction of the time, and the
//! graph of the space, for a few more steps of a walk.
//!
//! The same job gives the same bytes natively and in WebAssembly. The crate shuffles its points by a generator that
//! differs between the two, so the points are brought in an order that this shuffle makes into one of ours.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use instant_distance::{Builder, Heuristic, Point};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Serialize, Serializer};

use crate::error::CommandError;
use crate::index::vector::code::unit_scale;
use crate::index::vector::kernel::dot_rows;
use crate::index::vector::links::{to_bytes, write_head, write_layer};

/// The layout of a job: this, the bytes of a row and the number of rows as words, little-endian; then the rows of int8
/// steps.
const SCHEME: u32 = 1;
/// Bytes before the rows.
pub(super) const HEAD: usize = 12;
/// Nearest neighbours that are looked at for a node's links.
const CANDIDATES: usize = 100;
/// 1 / ln(32): the share of the nodes of a layer that are in the one above. Written out, for `ln` differs between platforms.
const UPPER: f32 = 0.288_539;
/// Links of a node in upper layers at most: fixed by the crate. In the lowest there are twice as many.
const DEGREE: usize = 32;
/// What the crate writes in place of a link that is not there.
const NO_LINK: u32 = u32::MAX;
/// Distances after which the builder says that it goes on: some tenths of a second.
const BEAT: u32 = 1 << 22;
/// Where the orders of the points start.
const SEED: u64 = 0x5354_5241_5441;

/// A row of steps as the crate sees it.
#[derive(Clone)]
struct Row<'a> {
    steps: &'a [i8],
    /// What brings the steps to length 1.
    scale: f32,
    number: u32,
    pulse: &'a Pulse<'a>,
}

/// Says now and then that the builder goes on.
struct Pulse<'a> {
    /// Distances that were asked for.
    count: AtomicU32,
    beat: &'a (dyn Fn() + Sync),
}

impl Pulse<'_> {
    fn count(&self) {
        // Only one thread builds: nothing is lost between reading and writing.
        let count = self.count.load(Relaxed).wrapping_add(1);
        self.count.store(count, Relaxed);
        if count.is_multiple_of(BEAT) {
            (self.beat)();
        }
    }
}

impl Point for Row<'_> {
    fn distance(&self, other: &Self) -> f32 {
        self.pulse.count();
        1.0 - dot_rows(self.steps, other.steps) as f32 * (self.scale * other.scale)
    }
}

/// The links can be had in serialised form alone; of the points only their numbers are wanted there.
impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.number)
    }
}

/// The first bytes of a job of so many rows of `width` steps each.
pub(super) fn head(width: usize, rows: usize) -> Vec<u8> {
    to_bytes(&[SCHEME, width as u32, rows as u32])
}

/// Builds the graph of a job that [`crate::Engine::begin_graph`] and [`crate::Engine::graph_page`] gave, all pages in one
/// row. It takes some tenths of a millisecond for each vector, and holds about 600 bytes for each beside the job. `beat` is
/// called every few tenths of a second, as a sign of life.
///
/// # Errors
/// [`CommandError::Invalid`] naming `job` if it is no such job.
pub fn build_graph(job: &[u8], beat: &(dyn Fn() + Sync)) -> Result<Vec<u8>, CommandError> {
    let malformed = || CommandError::invalid("job", "is not what the engine gave for a graph to be built of");
    let (head, rows) = job.split_at_checked(HEAD).ok_or_else(malformed)?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (width, count) = (word(4) as usize, word(8) as usize);
    let fits = word(0) == SCHEME && width > 0 && width.is_multiple_of(8) && count > 0;
    if !fits || width.checked_mul(count) != Some(rows.len()) {
        return Err(malformed());
    }
    let steps: Vec<i8> = rows.iter().map(|byte| byte.cast_signed()).collect();
    let pulse = Pulse { count: AtomicU32::new(0), beat };
    let row = |number: u32| {
        let steps = &steps[number as usize * width..][..width];
        Row { steps, scale: unit_scale(steps), number, pulse: &pulse }
    };
    let mut points: Vec<Option<Row<'_>>> = vec![None; count];
    for (number, place) in shuffled(count).into_iter().zip(places(count)) {
        points[place] = Some(row(number));
    }
    let points: Vec<Row<'_>> = points.into_iter().flatten().collect();
    let build = || {
        let heuristic = Heuristic { extend_candidates: false, keep_pruned: false };
        let builder = Builder::default().seed(SEED).ml(UPPER).ef_construction(CANDIDATES);
        let (graph, _) = builder.select_heuristic(Some(heuristic)).build_hnsw(points);
        postcard::to_allocvec(&graph).expect("numbers always encode")
    };
    // On several threads the links would depend on their timing. In WebAssembly there is no pool, and no other thread.
    let written = match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool.install(build),
        Err(_) => build(),
    };
    drop(steps);
    let words = read(&written).map_err(|_| malformed())?;
    Ok(to_bytes(&words))
}

/// The numbers below `count` in an order that chance picks, the same everywhere.
fn shuffled(count: usize) -> Vec<u32> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut order: Vec<(u64, u32)> = (0..count as u32).map(|number| (random.u64(..), number)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, number)| number).collect()
}

/// Where the crate's shuffle takes its points from, one after the other.
fn places(count: usize) -> Vec<usize> {
    let mut random = SmallRng::seed_from_u64(SEED);
    let mut order: Vec<(u32, usize)> =
        (0..count).map(|place| (random.gen_range(0..count as u32), place)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, place)| place).collect()
}

/// The words of a graph that the crate has serialised: breadth of the search, points, links of the lowest layer, and the
/// upper layers from below.
fn read(bytes: &[u8]) -> Result<Vec<u32>, postcard::Error> {
    let mut rest = bytes;
    let _breadth: u32 = take(&mut rest)?;
    let nodes: u32 = take(&mut rest)?;
    let order = (0..nodes).map(|_| take(&mut rest)).collect::<Result<Vec<u32>, _>>()?;
    let mut words = Vec::new();
    write_head(&mut words, order.into_iter());
    // How many upper layers there are, the crate says behind the lowest.
    let layers = words.len();
    words.push(1);
    let layer = |rest: &mut &[u8], words: &mut Vec<u32>, halves: usize| -> Result<(), postcard::Error> {
        let size: u32 = take(rest)?;
        let mut links = Vec::with_capacity(size as usize);
        for _ in 0..size {
            let mut own: Vec<u32> = Vec::with_capacity(16);
            for _ in 0..halves {
                let some: [u32; DEGREE] = take(rest)?;
                own.extend(some.into_iter().filter(|link| *link != NO_LINK));
            }
            links.push(own);
        }
        write_layer(words, size as usize, links.into_iter());
        Ok(())
    };
    layer(&mut rest, &mut words, 2)?;
    let upper: u32 = take(&mut rest)?;
    for _ in 0..upper {
        layer(&mut rest, &mut words, 1)?;
    }
    words[layers] += upper;
    Ok(words)
}

fn take<'a, T: serde::Deserialize<'a>>(rest: &mut &'a [u8]) -> Result<T, postcard::Error> {
    let (value, after) = postcard::take_from_bytes(rest)?;
    *rest = after;
    Ok(value)
}
