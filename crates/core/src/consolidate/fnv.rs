//! FNV-1a of 64 bits (Fowler, Noll and Vo, <https://www.rfc-editor.org/rfc/rfc9923>): the same number on every platform and in every
//! release, which the hash tables' own function does not promise.

const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The powers of [`PRIME`], from 1 on.
const POWERS: [u64; 9] = {
    let mut powers = [1u64; 9];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1].wrapping_mul(PRIME);
        at += 1;
    }
    powers
};

/// A hash under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Takes bytes in, just these.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// Takes a number in.
    pub(crate) fn number(&mut self, number: u64) {
        let zeros = number.leading_zeros() as usize / 8;
        self.bytes(&number.to_le_bytes()[..8 - zeros]);
        // Of a byte that is zero nothing is left but the multiplication.
        self.0 = self.0.wrapping_mul(POWERS[zeros]);
    }

    /// Takes a text in, with its length, so that two texts cannot run into each other.
    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    /// Takes a text in that may be missing.
    pub(crate) fn option(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.number(u64::MAX),
        }
    }

    /// The hash.
    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_its_eight_bytes() {
        let mut random = fastrand::Rng::with_seed(34);
        let numbers =
            (0..=64).map(|bits| random.u64(..).checked_shr(bits).unwrap_or(0)).chain([u64::MAX, 1 << 40]);
        for number in numbers {
            let (mut one, mut other) = (Fnv::default(), Fnv::default());
            one.number(number);
            other.bytes(&number.to_le_bytes());
            assert_eq!(one.finish(), other.finish(), "{number:x}");
        }
    }

    /// The vectors of the authors (RFC 9923, appendix C).
    #[test]
    fn known_texts_have_known_hashes() {
        for (text, expected) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut hash = Fnv::default();
            hash.bytes(text.as_bytes());
            assert_eq!(hash.finish(), expected, "{text}");
        }
    }
}
