//! Vectors whose rows stay in storage: what calls need, and what was read for them.

use js_sys::{Array, Uint8Array};
use stratamem_core::RowRange;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::to_js;
use crate::handle::EngineHandle;

#[wasm_bindgen]
impl EngineHandle {
    /// What a call that ended in `vectors-unread` needs next, or what the engine needs by itself (reading 0): a list of keys,
    /// offsets and lengths, in threes. None if the call can be made again.
    pub fn wanted(&self, reading: u32) -> Array {
        let ranges = self.engine.borrow_mut().wanted(reading);
        let three = |RowRange { key, offset, length }: RowRange| {
            [JsValue::from(key), JsValue::from(offset as f64), JsValue::from(length as f64)]
        };
        ranges.into_iter().flat_map(three).collect::<Array>()
    }

    /// Takes the bytes of such a range, as many as there are; none if there is no such key. Answers false if the call is to
    /// be made again after what is being written.
    pub fn supply(
        &self,
        reading: u32,
        key: String,
        offset: f64,
        length: f64,
        bytes: Option<Uint8Array>,
    ) -> Result<bool, JsValue> {
        let range = RowRange { key, offset: offset as u64, length: length as u64 };
        let bytes = bytes.map(|bytes| bytes.to_vec());
        self.engine.borrow_mut().supply(reading, &range, bytes.as_deref()).map_err(to_js)
    }

    /// Has the next call take up what was read for it.
    pub fn resume(&self, reading: u32) {
        self.engine.borrow_mut().resume(reading);
    }

    /// Forgets what was read.
    #[wasm_bindgen(js_name = dropReading)]
    pub fn drop_reading(&self, reading: u32) {
        self.engine.borrow_mut().drop_reading(reading);
    }
}
