//! Packing: bytes that say the same in less, in the LZ4 block format (Yann Collet, github.com/lz4/lz4, doc/lz4_Block_format.md).

/// The most that a packed byte can stand for.
const MOST: usize = 255;

/// Packs a value.
pub(super) fn pack(value: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress(value)
}

/// The value of `length` bytes that `packed` stands for, if it does.
pub(super) fn unpack(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    // A length that cannot be is not reserved.
    if length > packed.len().saturating_mul(MOST) {
        return None;
    }
    lz4_flex::block::decompress(packed, length).ok().filter(|value| value.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_anything_else_is_refused() {
        let mut random = fastrand::Rng::with_seed(41);
        for length in [0, 1, 5, 100, 5_000] {
            let text: Vec<u8> = (0..length).map(|at| b"the boat leaves at nine "[at % 24]).collect();
            let noise: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            for value in [text, noise] {
                let packed = pack(&value);
                assert_eq!(unpack(&packed, value.len()).as_ref(), Some(&value));
                assert_eq!(unpack(&packed, value.len() + 1), None);
                assert!(value.is_empty() || unpack(&packed, value.len() - 1).is_none());
                assert_eq!(unpack(&packed, usize::MAX), None);
                // Damage is seen or gives another value, and never more than that.
                for _ in 0..50 {
                    let mut damaged = packed.clone();
                    let at = random.usize(..damaged.len());
                    damaged[at] = random.u8(..);
                    assert!(unpack(&damaged, value.len()).is_none_or(|found| found.len() == value.len()));
                }
            }
        }
        assert!(pack(&b"stone ".repeat(100)).len() < 30);
    }
}
