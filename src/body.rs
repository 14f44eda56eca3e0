//! Reading the bodies of requests and of Keystone's answers.
//!
//! `worker` reads a body chunk by chunk, so one that comes in single bytes makes it cost seconds.
//! `readAtLeast` fills a buffer, whatever the chunks.

use js_sys::{Promise, Reflect, Uint8Array};
use thiserror::Error;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::js_sys::futures::JsFuture;
use worker::web_sys::ReadableStream;

#[wasm_bindgen]
extern "C" {
    type ByteStream;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &ByteStream, options: &JsValue) -> Result<ByteReader, JsValue>;

    type ByteReader;
    #[wasm_bindgen(method, catch, js_name = readAtLeast)]
    fn read_at_least(this: &ByteReader, bytes: u32, buffer: Uint8Array)
    -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    fn release_lock(this: &ByteReader) -> Result<(), JsValue>;

    type Chunk;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Chunk) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Chunk) -> Option<Uint8Array>;
}

/// Why a body is not there.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// It is longer than it may be. The rest is left to whoever reads on.
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

/// How many bytes are read at once.
const BUFFER_SIZE: u32 = 64 * 1024;

/// Reads a body to its end.
///
/// # Errors
///
/// It is longer than `limit` bytes, or broke off.
pub(crate) async fn read(stream: &ReadableStream, limit: usize) -> Result<Vec<u8>, BodyError> {
    let stream: &ByteStream = stream.unchecked_ref();
    let options = js_sys::Object::new();
    Reflect::set(&options, &"mode".into(), &"byob".into())?;
    let reader = stream.get_reader(&options)?;
    let mut bytes = Vec::new();
    loop {
        let missing = u32::try_from(limit + 1 - bytes.len()).unwrap_or(u32::MAX);
        let size = missing.min(BUFFER_SIZE);
        let buffer = Uint8Array::new_with_length(size);
        let chunk = JsFuture::from(reader.read_at_least(size, buffer)?).await?;
        let chunk: Chunk = chunk.unchecked_into();
        if let Some(part) = chunk.value() {
            bytes.extend(part.to_vec());
        }
        if bytes.len() > limit {
            reader.release_lock()?;
            return Err(BodyError::TooLong);
        }
        if chunk.done() {
            return Ok(bytes);
        }
    }
}
