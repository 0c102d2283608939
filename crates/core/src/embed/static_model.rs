//! A static embedding model: each word piece has a vector, a text has their mean.
//!
//! How the table is made stands in `models/README.md`, and so does its file format. The idea: a sentence encoder is
//! distilled into a table, so that embedding a text is looking up and adding, microseconds instead of milliseconds.

use crate::embed::wordpiece::Vocabulary;
use crate::error::ModelError;
use crate::index::vector::dot;
use crate::model::EmbeddingSpace;

const MAGIC: &[u8] = b"STEM";
const VERSION: u16 = 1;
const HEADER_LEN: usize = 24;

/// A static embedding model, ready to encode.
///
/// # Example
/// ```no_run
/// # fn main() -> Result<(), stratamem_core::ModelError> {
/// # let bytes: Vec<u8> = Vec::new();
/// let model = stratamem_core::StaticModel::parse(&bytes)?;
/// let mut vector = vec![0.0; model.dimensions()];
/// model.embed("Ada prefers metric units", &mut vector);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct StaticModel {
    name: String,
    dimensions: usize,
    first_id: u32,
    vocabulary: Vocabulary,
    rows: Rows,
    scales: Vec<f32>,
}

/// Quantised rows, as in the file.
#[derive(Debug)]
enum Rows {
    /// Two components a byte, low nibble first, stored as value + 8.
    Nibbles(Vec<u8>),
    /// One signed byte a component.
    Bytes(Vec<u8>),
}

impl StaticModel {
    /// Reads a packed model.
    ///
    /// # Errors
    /// [`ModelError`] if the bytes are not a model, are damaged, or are of a newer version.
    pub fn parse(bytes: &[u8]) -> Result<StaticModel, ModelError> {
        let cut = ModelError::Unusable("its file is cut short");
        let Some((header, _)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(cut);
        };
        let u16_at = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let u32_at =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if &header[..4] != MAGIC {
            return Err(ModelError::Unusable("its file does not start with STEM"));
        }
        let found = u16_at(4);
        if found != VERSION {
            return Err(ModelError::TooNew { found, supported: VERSION });
        }
        let (content, checksum) = bytes.split_at(bytes.len() - 4);
        if crc32fast::hash(content).to_le_bytes() != checksum {
            return Err(ModelError::Unusable("the checksum of its file does not match"));
        }
        let (dimensions, bits) = (usize::from(u16_at(6)), usize::from(header[8]));
        let (vocab_count, first_id) = (u32_at(12), u32_at(16));
        let row_count =
            vocab_count.checked_sub(first_id).ok_or(ModelError::Unusable("it has no rows"))? as usize;
        if dimensions == 0 || !matches!(bits, 4 | 8) || !(dimensions * bits).is_multiple_of(8) {
            return Err(ModelError::Unusable("the shape of its table is not supported"));
        }
        let mut rest = &content[HEADER_LEN..];
        let mut take = |len: usize| {
            let (taken, after) = rest.split_at_checked(len).ok_or(cut.clone())?;
            rest = after;
            Ok::<_, ModelError>(taken)
        };
        let text = |bytes: &[u8]| {
            std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| ModelError::Unusable("its texts are not UTF-8"))
        };
        let name = text(take(usize::from(u16_at(10)))?)?;
        let vocabulary = text(take(u32_at(20) as usize)?)?;
        if vocabulary.split('\n').count() != vocab_count as usize {
            return Err(ModelError::Unusable("its vocabulary has another size than its header says"));
        }
        let table = take(row_count.checked_mul(dimensions * bits / 8).ok_or(cut.clone())?)?.to_vec();
        let scales = take(row_count * 2)?
            .chunks_exact(2)
            .map(|b| half_to_f32(u16::from_le_bytes([b[0], b[1]])))
            .collect();
        if !rest.is_empty() {
            return Err(ModelError::Unusable("its file is longer than its header says"));
        }
        Ok(StaticModel {
            name,
            dimensions,
            first_id,
            vocabulary: Vocabulary::parse(&vocabulary),
            rows: if bits == 4 { Rows::Nibbles(table) } else { Rows::Bytes(table) },
            scales,
        })
    }

    /// Components of each vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The space of the vectors.
    pub fn space(&self) -> EmbeddingSpace {
        EmbeddingSpace { model: self.name.clone(), dimensions: self.dimensions as u32 }
    }

    /// The ids of the word pieces of `text` that carry a vector.
    pub fn pieces(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.vocabulary.encode(text, |id| ids.extend((id >= self.first_id).then_some(id)));
        ids
    }

    /// Writes the unit vector of `text` into `out`, which has [`StaticModel::dimensions`] components. A text with no
    /// known word piece gets the zero vector.
    pub fn embed(&self, text: &str, out: &mut [f32]) {
        assert_eq!(out.len(), self.dimensions, "the caller allots the model's dimensions");
        out.fill(0.0);
        self.vocabulary.encode(text, |id| {
            if let Some(row) = id.checked_sub(self.first_id) {
                self.add_row(row as usize, out);
            }
        });
        // The mean and the sum point the same way, so the sum is enough.
        let norm = dot(out, out).sqrt();
        if norm > 0.0 {
            out.iter_mut().for_each(|component| *component /= norm);
        }
    }

    fn add_row(&self, row: usize, out: &mut [f32]) {
        let scale = self.scales[row];
        match &self.rows {
            Rows::Nibbles(table) => {
                let width = self.dimensions / 2;
                let (pairs, _) = out.as_chunks_mut::<2>();
                for (pair, byte) in pairs.iter_mut().zip(&table[row * width..][..width]) {
                    pair[0] += f32::from((byte & 15) as i8 - 8) * scale;
                    pair[1] += f32::from((byte >> 4) as i8 - 8) * scale;
                }
            }
            Rows::Bytes(table) => {
                for (component, byte) in out.iter_mut().zip(&table[row * self.dimensions..]) {
                    *component += f32::from(*byte as i8) * scale;
                }
            }
        }
    }
}

/// IEEE 754 half precision to single precision.
fn half_to_f32(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 31;
    let fraction = u32::from(half & 0x3ff);
    match exponent {
        0 => f32::from_bits(sign | 0x3380_0000) * fraction as f32, // 2^-24 a step; also zero
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bits: u8) -> Vec<u8> {
        let mut bytes = b"STEM".to_vec();
        let vocabulary = "[UNK]\nhello\nworld\n##s";
        bytes.extend(1u16.to_le_bytes());
        bytes.extend(2u16.to_le_bytes());
        bytes.extend([bits, 0]);
        bytes.extend(4u16.to_le_bytes());
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend((vocabulary.len() as u32).to_le_bytes());
        bytes.extend(b"tiny");
        bytes.extend(vocabulary.bytes());
        match bits {
            4 => bytes.extend([0x8b, 0xb8, 0x99]), // (3,0) (0,3) (1,1)
            _ => bytes.extend([3, 0, 0, 3, 1, 1]),
        }
        bytes.extend([0x00, 0x3c].repeat(3)); // 1.0
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    #[test]
    fn a_text_is_the_direction_of_the_sum_of_its_pieces() {
        for bits in [4, 8] {
            let model = StaticModel::parse(&packed(bits)).expect("it is well formed");
            assert_eq!(model.space().to_string(), "tiny/2");
            let mut vector = [0.0; 2];
            for (text, expected) in [
                ("hello", [1.0, 0.0]),
                ("Hello, WORLD", [0.70710677, 0.70710677]),
                ("worlds", [0.24253563, 0.9701425]),
                ("nothing known", [0.0, 0.0]),
                ("", [0.0, 0.0]),
            ] {
                model.embed(text, &mut vector);
                let close = vector.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6);
                assert!(close, "{text} at {bits} bits: {vector:?}");
            }
        }
    }

    #[test]
    fn every_damage_is_refused() {
        let good = packed(4);
        for cut in 0..good.len() {
            assert!(StaticModel::parse(&good[..cut]).is_err(), "{cut}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(StaticModel::parse(&bad).is_err(), "{at}");
        }
    }

    #[test]
    fn half_precision() {
        for (half, expected) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65504.0),
        ] {
            assert_eq!(half_to_f32(half), expected);
        }
        assert!(half_to_f32(0x7c00).is_infinite());
    }
}
