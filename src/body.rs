//! Reading a request's body.
//!
//! `worker` reads a body chunk by chunk, so a client that sends single bytes makes it cost seconds.
//! `readAtLeast` waits once, whatever the chunks, and stops at the limit.

use js_sys::{Promise, Reflect, Uint8Array};
use thiserror::Error;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::js_sys::futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    type Body;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Body) -> Option<ByteStream>;

    type ByteStream;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &ByteStream, options: &JsValue) -> Result<ByteReader, JsValue>;

    type ByteReader;
    #[wasm_bindgen(method, catch, js_name = readAtLeast)]
    fn read_at_least(
        this: &ByteReader,
        bytes: u32,
        buffer: Uint8Array,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    fn release_lock(this: &ByteReader) -> Result<(), JsValue>;

    type Chunk;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Chunk) -> Option<Uint8Array>;
}

/// Why a body is not there.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// It is longer than it may be. The rest is left for `entry.js` to read on.
    #[error("the body is too long")]
    TooLong,
    /// It broke off.
    #[error("the body broke off: {0}")]
    Broken(#[from] worker::Error),
}

impl From<JsValue> for BodyError {
    fn from(thrown: JsValue) -> Self {
        Self::Broken(thrown.into())
    }
}

/// Reads a body to its end.
///
/// # Errors
///
/// It is longer than `limit` bytes, or broke off.
pub(crate) async fn read(request: &worker::Request, limit: usize) -> Result<Vec<u8>, BodyError> {
    let request: &Body = request.inner().unchecked_ref();
    let Some(stream) = request.body() else {
        return Ok(Vec::new());
    };
    let options = js_sys::Object::new();
    Reflect::set(&options, &"mode".into(), &"byob".into())?;
    let reader = stream.get_reader(&options)?;
    let enough = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let buffer = Uint8Array::new_with_length(enough);
    let chunk = JsFuture::from(reader.read_at_least(enough, buffer)?).await?;
    let chunk: Chunk = chunk.unchecked_into();
    match chunk.value() {
        Some(bytes) if bytes.length() == enough => {
            reader.release_lock()?;
            Err(BodyError::TooLong)
        }
        Some(bytes) => Ok(bytes.to_vec()),
        None => Ok(Vec::new()),
    }
}
