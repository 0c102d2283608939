//! The vector index alone in WebAssembly, without records and all else that a memory is: what `npm run bench:index` measures.

use stratamem_core::bench::IndexAlone;
use wasm_bindgen::prelude::wasm_bindgen;

/// Vectors by number, from 0 on in the order in which they came.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Index(IndexAlone);

#[wasm_bindgen]
impl Index {
    /// An empty index of vectors of so many components, kept as floats with int8 steps beside them, or as steps alone.
    #[wasm_bindgen(constructor)]
    pub fn new(dimensions: usize, steps: bool) -> Index {
        Index(IndexAlone::new(dimensions, steps))
    }

    /// Adds vectors of length 1, one after the other, each as a commit of one record does.
    pub fn add(&mut self, vectors: &[f32]) {
        self.0.add(vectors);
    }

    /// Brings into lists what waits for it.
    pub fn settle(&mut self) {
        self.0.settle();
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Has a search look at the first of every `one_in` vectors alone.
    pub fn allow(&mut self, one_in: u32) {
        self.0.allow(one_in);
    }

    /// The numbers of the `limit` vectors nearest to a question of length 1, best first; `recall` of 1: exactly.
    pub fn search(&self, question: &[f32], limit: usize, recall: f32) -> Vec<u32> {
        self.0.search(question, limit, recall)
    }

    /// How such a question is answered.
    pub fn way(&self, question: &[f32], limit: usize, recall: f32) -> String {
        self.0.way(question, limit, recall).into()
    }
}
