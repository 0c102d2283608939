//! The storage adapter, as this side sees it. The contract is `js/src/storage/types.ts`.

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use stratamem_core::StorageOperation;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// An adapter.
    #[derive(Clone, Debug)]
    pub type Storage;

    #[wasm_bindgen(method, catch)]
    fn list(this: &Storage, prefix: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn read(this: &Storage, key: &str) -> Result<Promise, JsValue>;
}

/// All keys.
pub(crate) async fn keys(storage: &Storage) -> Result<Vec<String>, JsValue> {
    let listed = JsFuture::from(storage.list("")?).await?;
    Ok(Array::from(&listed).iter().filter_map(|key| key.as_string()).collect())
}

/// Begins to read the bytes of a key.
pub(crate) fn read(storage: &Storage, key: &str) -> Result<JsFuture, JsValue> {
    Ok(JsFuture::from(storage.read(key)?))
}

/// What was read, if the key is there. Copied, so that the adapter's array is its own.
pub(crate) async fn bytes(reading: JsFuture) -> Result<Option<Vec<u8>>, JsValue> {
    let found = reading.await?;
    Ok(found.dyn_into::<Uint8Array>().ok().map(|array| array.to_vec()))
}

/// A batch as the adapter takes it, with its ticket. The bytes are fresh copies: this side's memory moves when it grows.
pub(crate) fn batch(ticket: u64, operations: &[StorageOperation]) -> Result<JsValue, JsValue> {
    let items = Array::new();
    for operation in operations {
        let (kind, key, bytes) = match operation {
            StorageOperation::Append { key, bytes } => ("append", key, Some(bytes)),
            StorageOperation::Put { key, bytes } => ("put", key, Some(bytes)),
            StorageOperation::Remove { key } => ("remove", key, None),
        };
        let item = Object::new();
        Reflect::set(&item, &"type".into(), &kind.into())?;
        Reflect::set(&item, &"key".into(), &key.as_str().into())?;
        if let Some(bytes) = bytes {
            Reflect::set(&item, &"bytes".into(), &Uint8Array::from(bytes.as_slice()))?;
        }
        items.push(&item);
    }
    let batch = Object::new();
    Reflect::set(&batch, &"ticket".into(), &(ticket as f64).into())?;
    Reflect::set(&batch, &"operations".into(), &items)?;
    Ok(batch.into())
}
