//! Rows of vectors of one precision, without gaps: what is taken out is replaced by the last row.

use crate::index::Slot;
use crate::index::vector::code::{quantise, quantise_into, unit_scale};
use crate::index::vector::kernel::ROWS;
use crate::model::{Code, Precision};

/// Rows in a block. Blocks are never moved, so growing copies nothing.
const BLOCK_ROWS: usize = 1_024;

/// The rows of one precision, in blocks of columns. A column that the precision does not need has width 0.
#[derive(Debug)]
pub(super) struct Rows {
    precision: Precision,
    dimensions: usize,
    /// Floats of a row.
    full: usize,
    /// Steps of a row: the dimensions, rounded up to a whole register.
    steps: usize,
    /// Bytes of signs of a row.
    signs: usize,
    /// The greatest of the scales that rows have had.
    coarsest: f32,
    blocks: Vec<Block>,
}

/// Some rows, column by column.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Block {
    slots: Vec<Slot>,
    full: Vec<f32>,
    /// Filled up to whole groups of [`ROWS`] rows.
    steps: Vec<i8>,
    /// What brings the steps of a row to length 1.
    scales: Vec<f32>,
    signs: Vec<u8>,
}

impl Rows {
    pub(super) fn new(precision: Precision, dimensions: usize) -> Self {
        let (full, steps, signs) = match precision {
            Precision::F32 => (dimensions, dimensions.next_multiple_of(8), 0),
            Precision::Int8 => (0, dimensions.next_multiple_of(8), 0),
            Precision::Binary => (0, 0, dimensions.div_ceil(8)),
        };
        Rows { precision, dimensions, full, steps, signs, coarsest: 0.0, blocks: Vec::new() }
    }

    /// How exactly they are kept.
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        let last = self.blocks.last().map_or(0, |block| block.slots.len());
        self.blocks.len().saturating_sub(1) * BLOCK_ROWS + last
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let of = |block: &Block| {
            4 * (block.slots.capacity() + block.full.capacity() + block.scales.capacity())
                + block.steps.capacity()
                + block.signs.capacity()
        };
        self.blocks.iter().map(of).sum()
    }

    /// Adds a row at the end, of a code of the precision of these rows.
    pub(super) fn push(&mut self, slot: Slot, code: &Code) {
        let row = self.begin_row();
        self.resize_last(row % BLOCK_ROWS + 1);
        self.write(row, slot, code);
    }

    /// Adds a row at the end, out of the bytes that stand for a code of the precision of these rows in storage.
    pub(super) fn push_stored(&mut self, slot: Slot, bytes: &[u8]) {
        let at = self.begin_row() % BLOCK_ROWS;
        let Some(block) = self.blocks.last_mut() else { return };
        block.slots.push(slot);
        if self.precision == Precision::Binary {
            block.signs.extend_from_slice(bytes);
            return;
        }
        block.steps.resize((at + 1).next_multiple_of(ROWS) * self.steps, 0);
        let steps = &mut block.steps[at * self.steps..][..self.steps];
        if self.precision == Precision::F32 {
            block.full.extend(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            quantise_into(&block.full[at * self.full..], &mut steps[..self.full]);
        } else {
            steps.iter_mut().zip(bytes).for_each(|(step, byte)| *step = byte.cast_signed());
        }
        let scale = unit_scale(steps);
        block.scales.push(scale);
        self.coarsest = self.coarsest.max(scale);
    }

    /// Makes room for one more row. Answers which it is.
    fn begin_row(&mut self) -> usize {
        let row = self.len();
        if row.is_multiple_of(BLOCK_ROWS) {
            let mut block = Block::default();
            // Reserved as a whole, but for the first: there may never be more than a few rows.
            if row > 0 {
                block.slots.reserve_exact(BLOCK_ROWS);
                block.full.reserve_exact(BLOCK_ROWS * self.full);
                block.steps.reserve_exact(BLOCK_ROWS * self.steps);
                block.scales.reserve_exact(if self.steps > 0 { BLOCK_ROWS } else { 0 });
                block.signs.reserve_exact(BLOCK_ROWS * self.signs);
            }
            self.blocks.push(block);
        }
        row
    }

    /// Takes a row out. Answers the slot whose row has taken its place, if it was not the last.
    pub(super) fn remove(&mut self, row: usize) -> Option<Slot> {
        let last = self.len() - 1;
        let moved = (row != last).then(|| {
            let (slot, code) = (self.slots(last / BLOCK_ROWS)[last % BLOCK_ROWS], self.code(last));
            self.write(row, slot, &code);
            slot
        });
        self.resize_last(last % BLOCK_ROWS);
        if last.is_multiple_of(BLOCK_ROWS) {
            self.blocks.pop();
        }
        moved
    }

    /// Puts a code in the place of the one that a row holds.
    pub(super) fn replace(&mut self, row: usize, code: &Code) {
        let slot = self.blocks[row / BLOCK_ROWS].slots[row % BLOCK_ROWS];
        self.write(row, slot, code);
    }

    fn resize_last(&mut self, rows: usize) {
        let Some(block) = self.blocks.last_mut() else { return };
        block.slots.resize(rows, 0);
        block.full.resize(rows * self.full, 0.0);
        block.steps.resize(rows.next_multiple_of(ROWS) * self.steps, 0);
        block.scales.resize(if self.steps > 0 { rows } else { 0 }, 0.0);
        block.signs.resize(rows * self.signs, 0);
    }

    fn write(&mut self, row: usize, slot: Slot, code: &Code) {
        let (width, at) = (self.steps, row % BLOCK_ROWS);
        let block = &mut self.blocks[row / BLOCK_ROWS];
        block.slots[at] = slot;
        match code {
            Code::F32(components) => {
                block.full[at * self.full..][..self.full].copy_from_slice(components);
                self.coarsest = self.coarsest.max(block.write_steps(at, width, &quantise(components)));
            }
            Code::Int8(steps) | Code::Projected(_, steps) => {
                self.coarsest = self.coarsest.max(block.write_steps(at, width, steps));
            }
            Code::Binary(signs) => block.signs[at * self.signs..][..self.signs].copy_from_slice(signs),
            Code::Long(..) => unreachable!("lengths are not in rows"),
        }
    }

    /// What a row holds.
    pub(super) fn code(&self, row: usize) -> Code {
        match self.precision {
            Precision::F32 => Code::F32(self.full(row).to_vec()),
            Precision::Int8 => Code::Int8(self.steps(row)[..self.dimensions].to_vec()),
            Precision::Binary => Code::Binary(self.signs(row).to_vec()),
        }
    }

    /// The floats of a row.
    pub(super) fn full(&self, row: usize) -> &[f32] {
        &self.blocks[row / BLOCK_ROWS].full[row % BLOCK_ROWS * self.full..][..self.full]
    }

    /// The steps of a row, filled up with zeros.
    pub(super) fn steps(&self, row: usize) -> &[i8] {
        &self.blocks[row / BLOCK_ROWS].steps[row % BLOCK_ROWS * self.steps..][..self.steps]
    }

    /// What brings the steps of a row to length 1.
    pub(super) fn scale(&self, row: usize) -> f32 {
        self.blocks[row / BLOCK_ROWS].scales[row % BLOCK_ROWS]
    }

    /// The greatest of the scales that rows have had, those that are gone included: the size of a step, at most.
    pub(super) fn coarsest(&self) -> f32 {
        self.coarsest
    }

    /// The signs of a row.
    pub(super) fn signs(&self, row: usize) -> &[u8] {
        &self.blocks[row / BLOCK_ROWS].signs[row % BLOCK_ROWS * self.signs..][..self.signs]
    }

    /// Number of blocks.
    pub(super) fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The slots of the rows of a block.
    pub(super) fn slots(&self, block: usize) -> &[Slot] {
        &self.blocks[block].slots
    }

    /// The scales of the rows of a block.
    pub(super) fn scales(&self, block: usize) -> &[f32] {
        &self.blocks[block].scales
    }

    /// The steps of [`ROWS`] rows of a block from row `start` on, a multiple of [`ROWS`].
    pub(super) fn step_group(&self, block: usize, start: usize) -> &[i8] {
        &self.blocks[block].steps[start * self.steps..][..ROWS * self.steps]
    }

    /// The signs of the rows of a block, row after row.
    pub(super) fn sign_rows(&self, block: usize) -> impl Iterator<Item = &[u8]> {
        self.blocks[block].signs.chunks_exact(self.signs)
    }
}

impl Block {
    /// Answers the scale of the row.
    fn write_steps(&mut self, at: usize, width: usize, steps: &[i8]) -> f32 {
        let cells = &mut self.steps[at * width..][..width];
        cells[..steps.len()].copy_from_slice(steps);
        self.scales[at] = unit_scale(cells);
        self.scales[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::vector::{Projections, encode, unit};
    use crate::model::Kept;

    /// The bytes that stand for a code in storage.
    fn bytes(code: &Code) -> Vec<u8> {
        match code {
            Code::F32(components) => components.iter().flat_map(|c| c.to_le_bytes()).collect(),
            Code::Int8(steps) => steps.iter().map(|step| step.cast_unsigned()).collect(),
            Code::Binary(signs) => signs.clone(),
            other => panic!("not made here: {other:?}"),
        }
    }

    /// Rows out of their bytes are those of the codes, beyond a block and over what removed rows have left behind.
    #[test]
    fn stored_rows_are_those_of_their_codes() {
        let mut random = fastrand::Rng::with_seed(33);
        for (dimensions, count) in [(1, 9), (3, 9), (100, BLOCK_ROWS + 5), (128, 9)] {
            for precision in Precision::ALL {
                let [mut pushed, mut stored] = [(); 2].map(|()| Rows::new(precision, dimensions));
                for slot in 0..count as Slot {
                    let vector = unit(&mut random, dimensions);
                    let code = encode(vector, Kept::Whole(precision), &Projections::default());
                    pushed.push(slot, &code);
                    stored.push_stored(slot, &bytes(&code));
                    if random.u32(..3) == 0 {
                        let row = random.usize(..pushed.len());
                        assert_eq!(stored.remove(row), pushed.remove(row));
                    }
                }
                assert_eq!(stored.blocks, pushed.blocks, "{precision:?}, {dimensions} dimensions");
            }
        }
    }
}
