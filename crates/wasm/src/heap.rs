//! The memory of WebAssembly, and how it grows.
//!
//! An allocator has it grow by a page or a few wherever more is needed, and V8 takes each time as a reason to collect garbage:
//! a large memory would be opened and filled with thousands of such pauses.

use std::cell::Cell;
use std::hint::black_box;

/// Bytes of a page.
const PAGE: usize = 65_536;
/// The share of its memory by which that of a growing engine grows: one part of so many.
const PARTS: usize = 16;
/// Pages from which on it does: a smaller one grows seldom.
const LARGE: usize = 256;
/// The most bytes by which it grows at once.
const MOST: usize = 16 << 20;

/// How much memory there was at the last look.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    pages: Cell<usize>,
}

impl Heap {
    /// If the memory has grown since the last look, and is large, has it grow by a part more, for what comes next.
    pub(crate) fn grow_ahead(&self) {
        let held = pages();
        if held > self.pages.get().max(LARGE) {
            make_room((held * PAGE / PARTS).min(MOST));
            self.pages.set(pages());
        }
    }
}

/// Has the memory grow by so much at once, unless that much of it is free.
pub(crate) fn make_room(bytes: usize) {
    let mut room: Vec<u8> = Vec::new();
    // If there is not so much, what is needed shows as it is asked for.
    if room.try_reserve_exact(bytes).is_ok() {
        // The allocator keeps what is given back. Unseen, neither would happen.
        black_box(&room);
    }
}

fn pages() -> usize {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size::<0>();
    // Elsewhere the system sees to it.
    #[cfg(not(target_arch = "wasm32"))]
    return 0;
}
