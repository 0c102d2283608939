//! Projections: maps from the vectors of a memory to shorter ones, which are kept in their place.
//!
//! Those that are fitted here are linear, onto the few directions that say most of the vectors that they were fitted to.
//! The rows of the basis are orthonormal, so that projecting keeps inner products as far as the directions go, and the
//! transpose leads back. No mean is subtracted: the cosine is about the origin, and so are the vectors of other tiers
//! that a projected one is compared with. Others are encoders of the host, of which only the name and what they have made
//! are known here.

use std::sync::Arc;

use crate::index::vector::kernel::dot;

/// A map from vectors of the memory to shorter ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projection {
    /// What a product of projected unit vectors is multiplied with to estimate the cosine.
    factor: f32,
    dimensions: usize,
    map: Map,
}

/// How a projection makes a shorter vector of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Map {
    /// Along these orthonormal rows, one after the other.
    Linear(Vec<f32>),
    /// As the host's encoder of this name does, to so many components.
    Encoder(String, usize),
}

impl Projection {
    /// A projection of vectors of `dimensions` components, if it makes one component at least and no more than that, its
    /// rows are whole, and all figures are finite.
    pub(crate) fn new(factor: f32, dimensions: usize, map: Map) -> Option<Self> {
        let whole = match &map {
            Map::Linear(basis) => {
                basis.len() % dimensions.max(1) == 0 && basis.iter().all(|component| component.is_finite())
            }
            Map::Encoder(name, _) => !name.is_empty(),
        };
        let projection = Projection { factor, dimensions, map };
        let sound = whole && factor.is_finite() && (1..=dimensions).contains(&projection.width());
        sound.then_some(projection)
    }

    /// Components of what it makes of a vector.
    pub(crate) fn width(&self) -> usize {
        match &self.map {
            Map::Linear(basis) => basis.len().checked_div(self.dimensions).unwrap_or(0),
            Map::Encoder(_, width) => *width,
        }
    }

    /// Components of the vectors that it is for.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// What a product of projected unit vectors is multiplied with to estimate the cosine.
    pub(crate) fn factor(&self) -> f32 {
        self.factor
    }

    /// How it makes a shorter vector of one.
    pub(crate) fn map(&self) -> &Map {
        &self.map
    }

    /// The encoder of the host that it stands for.
    pub(crate) fn encoder(&self) -> Option<&str> {
        match &self.map {
            Map::Linear(_) => None,
            Map::Encoder(name, _) => Some(name),
        }
    }

    /// The components of a vector along the rows; nothing if only the host can tell.
    #[inline(never)]
    pub(super) fn project(&self, vector: &[f32]) -> Option<Vec<f32>> {
        let Map::Linear(basis) = &self.map else { return None };
        Some(basis.chunks_exact(self.dimensions).map(|row| dot(row, vector)).collect())
    }

    /// The unit vector whose components along the rows are in this proportion; nothing leads back from what an encoder
    /// has made.
    pub(super) fn lift(&self, components: &[f32]) -> Option<Vec<f32>> {
        let Map::Linear(basis) = &self.map else { return None };
        let mut vector = vec![0f32; self.dimensions];
        for (row, along) in basis.chunks_exact(self.dimensions).zip(components) {
            vector.iter_mut().zip(row).for_each(|(sum, component)| *sum += along * component);
        }
        let square = dot(&vector, &vector);
        if square > 0.0 {
            let norm = square.sqrt();
            vector.iter_mut().for_each(|component| *component /= norm);
        }
        Some(vector)
    }
}

/// The projections of a memory, by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Projections(Vec<Option<Arc<Projection>>>);

impl Projections {
    /// Most that a memory holds at a time. Numbers are below it.
    pub(crate) const MOST: u32 = 16;

    /// The projection of that number.
    pub(crate) fn get(&self, number: u32) -> Option<&Projection> {
        self.0.get(number as usize)?.as_deref()
    }

    /// The projections and their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Arc<Projection>)> {
        (0..).zip(&self.0).filter_map(|(number, known)| Some((number, known.as_ref()?)))
    }

    /// A number that no projection has.
    pub(crate) fn free(&self) -> Option<u32> {
        (0..Self::MOST).find(|number| self.get(*number).is_none())
    }

    /// Takes a projection up, or gives one up.
    pub(super) fn set(&mut self, number: u32, projection: Option<Arc<Projection>>) {
        if self.0.len() <= number as usize {
            self.0.resize(number as usize + 1, None);
        }
        self.0[number as usize] = projection;
    }
}
