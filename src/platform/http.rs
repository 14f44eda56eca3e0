//! Requests in, responses out.

use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::{Exception, runtime, unexpected};
use crate::json;

#[wasm_bindgen]
extern "C" {
    /// A request, as the runtime hands it over.
    pub type Request;
    #[wasm_bindgen(method, getter, catch)]
    fn method(this: &Request) -> Result<String, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn url(this: &Request) -> Result<String, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn headers(this: &Request) -> Result<RequestHeaders, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn body(this: &Request) -> Result<Option<ReadableStream>, JsValue>;

    /// Its headers; names are not case-sensitive, several of one name are joined by `, `.
    #[derive(Debug)]
    pub type RequestHeaders;
    #[wasm_bindgen(method, catch)]
    fn get(this: &RequestHeaders, name: &str) -> Result<Option<String>, JsValue>;

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

    /// A response, as the runtime takes it.
    pub type Response;
    #[wasm_bindgen(constructor, catch)]
    fn new(body: Option<&str>, init: &Object) -> Result<Response, JsValue>;
}

/// Why a body could not be had.
#[derive(Debug)]
pub enum BodyError {
    /// It is longer than it may be.
    TooLarge,
    /// It broke off.
    Broken(Exception),
}

/// The parts of a request that are read once.
#[derive(Debug)]
pub struct Head {
    /// In capitals.
    pub method: String,
    /// `https://host:port`
    pub origin: String,
    /// As it came, percent-encoded.
    pub path: String,
    /// As it came, without `?`; [`None`] without one.
    pub query: Option<String>,
    headers: RequestHeaders,
}

impl Head {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// The request is not one.
    pub fn of(request: &Request) -> Result<Self, Exception> {
        let url = request.url()?;
        let (origin, rest) = split_origin(&url);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        Ok(Self {
            method: request.method()?,
            origin: origin.to_owned(),
            path: path.to_owned(),
            query,
            headers: request.headers()?,
        })
    }

    /// A header's text; one that cannot be read counts as absent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }
}

/// `https://host:port` and what follows.
fn split_origin(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let after = url.get(host..).unwrap_or_default();
    let end = after
        .find(['/', '?', '#'])
        .map_or(url.len(), |length| host + length);
    url.split_at_checked(end).unwrap_or((url, ""))
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

/// A response.
///
/// # Errors
///
/// A header cannot be sent as it is.
pub fn response(
    status: u16,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Result<Response, Exception> {
    let init = json::Object::new()
        .integer("status", status.into())
        .json("headers", &lines(headers))
        .end();
    Ok(Response::new(body, &object(&init)?)?)
}

/// Headers as the runtime takes them, as JSON.
pub(super) fn lines(headers: &[(&str, &str)]) -> String {
    let mut lines = json::Object::new();
    for (name, value) in headers {
        lines = lines.text(name, value);
    }
    lines.end()
}

/// An object for a constructor, from JSON: one crossing for all its members, and the runtime goes
/// through an object's members three times faster than through an array of pairs.
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

#[cfg(test)]
mod tests {
    use super::split_origin;

    #[test]
    fn the_origin_ends_where_the_path_begins() {
        for (url, origin, rest) in [
            ("http://127.0.0.1:8787/", "http://127.0.0.1:8787", "/"),
            ("https://a.b/c?d#e", "https://a.b", "/c?d#e"),
            ("https://a.b//c", "https://a.b", "//c"),
            ("https://a.b?c", "https://a.b", "?c"),
            ("https://a.b", "https://a.b", ""),
        ] {
            assert_eq!(split_origin(url), (origin, rest));
        }
    }
}
