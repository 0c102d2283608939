//! The links of a graph as words: what a builder writes, and what a walk reads.
//!
//! A sequence of 32-bit words, little-endian as bytes: the scheme, the number of nodes *n*; then *n* numbers, the vector of
//! each node as the job numbers them; then the number of layers, and the layers, the one of all nodes first. A layer is the
//! number of its nodes, which are the first of all; for each of them and one more where its links begin; and the links,
//! numbers of nodes of that layer. Nodes of upper layers are the first ones, so that node 0 is in all of them.

use std::ops::Range;

/// The layout above.
const SCHEME: u32 = 1;
/// Words before the vectors of the nodes.
const HEAD: usize = 2;
/// Layers at most: each has less than a third of the nodes of the one below.
const LAYERS: usize = 24;
/// Links of a node at most.
const DEGREE: u32 = 64;

/// Links that have been checked: every number in them is one of a node of their layer.
#[derive(Debug, PartialEq)]
pub(super) struct Links {
    words: Vec<u32>,
    nodes: usize,
    /// The layer of all nodes first.
    layers: Vec<Layer>,
}

/// Where a layer stands.
#[derive(Debug, PartialEq)]
struct Layer {
    /// The word that says where the links of the first node begin, counted from `links`.
    starts: usize,
    links: usize,
}

/// Words of a graph on their way to being links: they are checked some at a time.
#[derive(Debug)]
pub(super) struct Checking {
    words: Vec<u32>,
    nodes: usize,
    /// The vectors that nodes were found to stand for.
    seen: Vec<bool>,
    layers: Vec<Layer>,
    /// Layers still to be checked, once their number is known.
    left: usize,
    part: Part,
    /// The next word of the part.
    at: usize,
}

/// What is being checked.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// The vectors of the nodes.
    Order,
    /// Where the links of each of `size` nodes begin.
    Starts { starts: usize, size: usize },
    /// The links of a layer, up to the word `end`.
    Links { starts: usize, size: usize, end: usize },
}

impl Checking {
    /// The words of a graph of so many nodes; nothing if they do not begin as such.
    pub(super) fn new(words: Vec<u32>, nodes: usize) -> Option<Self> {
        if words.get(..HEAD)? != [SCHEME, u32::try_from(nodes).ok()?] || !(1..words.len()).contains(&nodes) {
            return None;
        }
        let seen = vec![false; nodes];
        Some(Checking { words, nodes, seen, layers: Vec::new(), left: 0, part: Part::Order, at: HEAD })
    }

    /// Checks some words, about `most`. Answers whether there are more; nothing if anything is amiss with them.
    pub(super) fn step(&mut self, most: usize) -> Option<bool> {
        let until = self.at.saturating_add(most);
        match self.part {
            Part::Order => {
                let end = HEAD + self.nodes;
                let until = until.min(end);
                for vector in self.words.get(self.at..until)? {
                    if std::mem::replace(self.seen.get_mut(*vector as usize)?, true) {
                        return None;
                    }
                }
                self.at = until;
                if until == end {
                    self.seen = Vec::new();
                    self.left = *self.words.get(end)? as usize;
                    if !(1..=LAYERS).contains(&self.left) {
                        return None;
                    }
                    self.begin_layer(end + 1)?;
                }
                Some(true)
            }
            Part::Starts { starts, size } => {
                let until = until.min(starts + size);
                let marks = self.words.get(self.at..=until)?;
                let fits = |pair: &[u32]| pair[0] <= pair[1] && pair[1] - pair[0] <= DEGREE;
                if self.words[starts] != 0 || !marks.windows(2).all(fits) {
                    return None;
                }
                self.at = until;
                if until == starts + size {
                    let links = until + 1;
                    let end = links + self.words[until] as usize;
                    (self.part, self.at) = (Part::Links { starts, size, end }, links);
                }
                Some(true)
            }
            Part::Links { starts, size, end } => {
                let until = until.min(end);
                if !self.words.get(self.at..until)?.iter().all(|node| (*node as usize) < size) {
                    return None;
                }
                self.at = until;
                if until == end {
                    self.layers.push(Layer { starts, links: starts + size + 1 });
                    self.left -= 1;
                    if self.left == 0 {
                        return (end == self.words.len()).then_some(false);
                    }
                    self.begin_layer(end)?;
                }
                Some(true)
            }
        }
    }

    /// Goes on to the layer whose number of nodes stands at a word.
    fn begin_layer(&mut self, at: usize) -> Option<()> {
        let size = *self.words.get(at)? as usize;
        let above = match self.part {
            Part::Order => self.nodes,
            Part::Starts { size, .. } | Part::Links { size, .. } => size,
        };
        let is_first = matches!(self.part, Part::Order);
        if size == 0 || size > above || (is_first && size != self.nodes) {
            return None;
        }
        (self.part, self.at) = (Part::Starts { starts: at + 1, size }, at + 1);
        Some(())
    }

    /// The links, once all words were found good.
    pub(super) fn finish(self) -> Links {
        Links { words: self.words, nodes: self.nodes, layers: self.layers }
    }
}

impl Links {
    /// Takes up the words of a graph of so many nodes; nothing if anything is amiss with them.
    pub(super) fn new(words: Vec<u32>, nodes: usize) -> Option<Self> {
        let mut checking = Checking::new(words, nodes)?;
        while checking.step(usize::MAX)? {}
        Some(checking.finish())
    }

    /// Takes up the layers of a graph of so many nodes, each of which stands for the vector of its own number; nothing if
    /// anything is amiss with them.
    pub(super) fn kept(nodes: usize, layers: &[u32]) -> Option<Self> {
        let mut words = Vec::with_capacity(HEAD + nodes + layers.len());
        write_head(&mut words, 0..u32::try_from(nodes).ok()?);
        words.extend_from_slice(layers);
        Links::new(words, nodes)
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.nodes
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        4 * self.words.capacity()
    }

    /// The vector of each node, as the job numbers them.
    pub(super) fn order(&self) -> &[u32] {
        &self.words[HEAD..HEAD + self.nodes]
    }

    /// The same, for what each node stands for to be written there.
    pub(super) fn order_mut(&mut self) -> &mut [u32] {
        &mut self.words[HEAD..HEAD + self.nodes]
    }

    /// The number of layers and the layers.
    pub(super) fn layer_words(&self) -> &[u32] {
        &self.words[HEAD + self.nodes..]
    }

    /// Number of layers.
    pub(super) fn layers(&self) -> usize {
        self.layers.len()
    }

    /// The nodes that a node of a layer is linked to.
    pub(super) fn of(&self, layer: usize, node: u32) -> &[u32] {
        let Layer { starts, links } = self.layers[layer];
        let mark = |node: usize| links + self.words[starts + node] as usize;
        let range: Range<usize> = mark(node as usize)..mark(node as usize + 1);
        &self.words[range]
    }
}

/// Writes the words that stand before the number of layers.
pub(super) fn write_head(out: &mut Vec<u32>, order: impl ExactSizeIterator<Item = u32>) {
    out.extend([SCHEME, order.len() as u32]);
    out.extend(order);
}

/// Writes a layer: for each of its nodes its links.
pub(super) fn write_layer<L: AsRef<[u32]>>(out: &mut Vec<u32>, nodes: usize, links: impl Iterator<Item = L>) {
    out.push(nodes as u32);
    let starts = out.len();
    out.resize(starts + nodes + 1, 0);
    let first = out.len();
    for (node, links) in links.enumerate() {
        out.extend_from_slice(links.as_ref());
        out[starts + node + 1] = (out.len() - first) as u32;
    }
}

/// Words as bytes.
pub(super) fn to_bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<u32> {
        let mut words = Vec::new();
        write_head(&mut words, [2u32, 0, 3, 1].into_iter());
        words.push(2);
        write_layer(&mut words, 4, [vec![1, 2], vec![0], vec![], vec![0, 1, 2]].into_iter());
        write_layer(&mut words, 2, [vec![1], vec![0]].into_iter());
        words
    }

    #[test]
    fn links_are_read_as_they_were_written() {
        let links = Links::new(some(), 4).expect("they are whole");
        let mut checking = Checking::new(some(), 4).expect("they begin as such");
        let steps = std::iter::from_fn(|| checking.step(1)).take_while(|more| *more).count();
        assert!(steps > 10, "{steps}");
        assert_eq!(checking.finish(), links, "checked word by word");
        assert_eq!((links.len(), links.layers(), links.order()), (4, 2, &[2, 0, 3, 1][..]));
        assert_eq!((links.of(0, 0), links.of(0, 2), links.of(0, 3)), (&[1, 2][..], &[][..], &[0, 1, 2][..]));
        assert_eq!(links.of(1, 1), [0]);
    }

    /// Whatever is cut off, added or changed: either it is refused, or every number that can be read is one of a node.
    #[test]
    fn no_damage_leads_out_of_the_graph() {
        let whole = some();
        for len in 0..whole.len() {
            assert_eq!(Links::new(whole[..len].to_vec(), 4), None, "{len} words");
        }
        assert_eq!(Links::new([whole.clone(), vec![0]].concat(), 4), None);
        assert_eq!(Links::new(whole.clone(), 5), None, "another number of nodes");
        let mut refused = 0;
        for at in 0..whole.len() {
            for value in (0..8).chain([63, 64, 65, 1 << 20, u32::MAX - 1, u32::MAX]) {
                let mut words = whole.clone();
                words[at] = value;
                let Some(links) = Links::new(words, 4) else {
                    refused += 1;
                    continue;
                };
                for layer in 0..links.layers() {
                    let nodes = if layer == 0 { 4 } else { links.words[links.layers[layer].starts - 1] };
                    for node in 0..nodes {
                        assert!(links.of(layer, node).iter().all(|linked| *linked < nodes));
                    }
                }
            }
        }
        assert!(refused > whole.len() * 8, "{refused}");
    }
}
