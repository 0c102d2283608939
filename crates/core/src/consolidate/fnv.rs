//! FNV-1a of 64 bits (Fowler, Noll and Vo, <https://www.rfc-editor.org/rfc/rfc9923>): the same number on every platform and in every
//! release, which the hash tables' own function does not promise.

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
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Takes a number in.
    pub(crate) fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
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
