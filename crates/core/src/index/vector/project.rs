//! Projections: linear maps onto the few directions that say most of the vectors that they were fitted to.
//!
//! The rows of the basis are orthonormal, so that projecting keeps inner products as far as the directions go, and the
//! transpose leads back. No mean is subtracted: the cosine is about the origin, and so are the vectors of other tiers
//! that a projected one is compared with.

use std::sync::Arc;

use crate::index::vector::kernel::dot;

/// A linear map from vectors of the memory to shorter ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projection {
    /// What a product of projected unit vectors is multiplied with to estimate the cosine.
    factor: f32,
    dimensions: usize,
    /// Orthonormal rows of `dimensions` components.
    basis: Vec<f32>,
}

impl Projection {
    /// A projection of those rows, if they are whole rows of `dimensions` components, one at least and no more than
    /// `dimensions`, and all figures are finite.
    pub(crate) fn new(factor: f32, dimensions: usize, basis: Vec<f32>) -> Option<Self> {
        let rows = basis.len().checked_div(dimensions)?;
        let sound = (1..=dimensions).contains(&rows)
            && basis.len() == rows * dimensions
            && factor.is_finite()
            && basis.iter().all(|component| component.is_finite());
        sound.then_some(Projection { factor, dimensions, basis })
    }

    /// The same projection with another factor.
    pub(super) fn scaled(self, factor: f32) -> Self {
        Projection { factor, ..self }
    }

    /// Components of what it makes of a vector.
    pub(crate) fn width(&self) -> usize {
        self.basis.len() / self.dimensions
    }

    /// Components of the vectors that it is for.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// What a product of projected unit vectors is multiplied with to estimate the cosine.
    pub(crate) fn factor(&self) -> f32 {
        self.factor
    }

    /// The rows, one after the other.
    pub(crate) fn basis(&self) -> &[f32] {
        &self.basis
    }

    /// The components of a vector along the rows.
    #[inline(never)]
    pub(super) fn project(&self, vector: &[f32]) -> Vec<f32> {
        self.basis.chunks_exact(self.dimensions).map(|row| dot(row, vector)).collect()
    }

    /// The unit vector whose components along the rows are in this proportion.
    pub(super) fn lift(&self, components: &[f32]) -> Vec<f32> {
        let mut vector = vec![0f32; self.dimensions];
        for (row, along) in self.basis.chunks_exact(self.dimensions).zip(components) {
            vector.iter_mut().zip(row).for_each(|(sum, component)| *sum += along * component);
        }
        let square = dot(&vector, &vector);
        if square > 0.0 {
            let norm = libm::sqrtf(square);
            vector.iter_mut().for_each(|component| *component /= norm);
        }
        vector
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
