//! Bodies that come in, and objects that constructors take.

use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::{Exception, runtime, unexpected};

#[wasm_bindgen]
extern "C" {
    /// A request, as the runtime hands it over.
    pub type Request;
    #[wasm_bindgen(method, getter, catch)]
    fn body(this: &Request) -> Result<Option<ReadableStream>, JsValue>;

    pub(super) type ReadableStream;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &ReadableStream) -> Result<Reader, JsValue>;

    type Reader;
    #[wasm_bindgen(method, catch)]
    fn read(this: &Reader) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn cancel(this: &Reader) -> Result<Promise, JsValue>;

    type Chunk;
    #[wasm_bindgen(method, getter, catch)]
    fn done(this: &Chunk) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn value(this: &Chunk) -> Result<Uint8Array, JsValue>;
}

/// Why a body could not be had.
#[derive(Debug)]
pub enum BodyError {
    /// It is longer than it may be.
    TooLarge,
    /// It broke off.
    Broken(Exception),
}

/// Reads a body to its end, counting while it comes: its length need not have been announced.
///
/// # Errors
///
/// It is longer than `limit` bytes, or broke off.
pub async fn read_body(request: &Request, limit: usize) -> Result<Vec<u8>, BodyError> {
    match request.body().map_err(broken)? {
        Some(stream) => read_stream(&stream, limit).await,
        None => Ok(Vec::new()),
    }
}

/// The same for any stream of bytes.
pub(super) async fn read_stream(
    stream: &ReadableStream,
    limit: usize,
) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let reader = stream.get_reader().map_err(broken)?;
    loop {
        let chunk = reader.read().map_err(broken)?;
        let chunk: Chunk = runtime::wait(chunk)
            .await
            .map_err(BodyError::Broken)?
            .unchecked_into();
        if chunk.done().map_err(broken)? {
            return Ok(bytes);
        }
        let part = chunk.value().map_err(broken)?;
        if bytes.len() + part.length() as usize > limit {
            // The rest is not wanted; that it cannot be cancelled changes nothing.
            let _ = reader.cancel();
            return Err(BodyError::TooLarge);
        }
        bytes.extend(part.to_vec());
    }
}

fn broken(thrown: JsValue) -> BodyError {
    BodyError::Broken(thrown.into())
}

/// An object for a constructor, from JSON: one crossing for all its members.
pub(super) fn object(json: &str) -> Result<Object, Exception> {
    Ok(js_sys::JSON::parse(json)?.unchecked_into())
}

/// One member of what a constructor or `fetch` is given.
pub(super) fn put(init: &Object, name: &str, value: &JsValue) -> Result<(), Exception> {
    match Reflect::set(init, &name.into(), value) {
        Ok(true) => Ok(()),
        _ => Err(unexpected("object that can be changed")),
    }
}
