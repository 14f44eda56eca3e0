//! Asking another server over HTTP.

use js_sys::{Object, Promise};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::http::{BodyError, ReadableStream, object, put, read_stream};
use super::{Exception, runtime};
use crate::json;

#[wasm_bindgen]
extern "C" {
    // By its full name: the module that calls it has a `fetch` of its own.
    #[wasm_bindgen(catch, js_namespace = globalThis, js_name = fetch)]
    fn global_fetch(url: &str, init: &Object) -> Result<Promise, JsValue>;

    type FetchedResponse;
    #[wasm_bindgen(method, getter, catch)]
    fn status(this: &FetchedResponse) -> Result<u16, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn headers(this: &FetchedResponse) -> Result<FetchedHeaders, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn body(this: &FetchedResponse) -> Result<Option<ReadableStream>, JsValue>;

    #[derive(Debug)]
    type FetchedHeaders;
    #[wasm_bindgen(method, catch)]
    fn get(this: &FetchedHeaders, name: &str) -> Result<Option<String>, JsValue>;

    type AbortController;
    #[wasm_bindgen(constructor, catch)]
    fn new() -> Result<AbortController, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn signal(this: &AbortController) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn abort(this: &AbortController) -> Result<(), JsValue>;
}

/// What is sent.
#[derive(Debug)]
pub struct Question<'a> {
    /// In capitals.
    pub method: &'a str,
    /// In full.
    pub url: &'a str,
    /// Names and values; each value must be visible ASCII.
    pub headers: &'a [(&'static str, &'a str)],
    /// [`None`] for none at all.
    pub body: Option<&'a str>,
}

/// What came back.
#[derive(Debug)]
pub struct Fetched {
    /// The HTTP status. A redirect's own, for none is followed.
    pub status: u16,
    /// All of it.
    pub body: Vec<u8>,
    headers: FetchedHeaders,
}

impl Fetched {
    /// A header's text; one that cannot be read counts as absent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }
}

/// Why nothing came back that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// Not all of it came in time.
    Late,
    /// The body is longer than it may be.
    TooLarge,
    /// No answer began: nobody was reached, or the connection was closed again.
    Unreached(Exception),
    /// It could not be asked, or the answer broke off.
    Failed(Exception),
}

/// Asks, and reads the answer to its end, all within `millis` milliseconds.
///
/// Redirects are not followed: what a question carries is for the server that was named, and for no
/// other.
///
/// # Errors
///
/// No answer, none in time, or one whose body has more than `limit` bytes.
pub async fn fetch(
    question: &Question<'_>,
    limit: usize,
    millis: u32,
) -> Result<Fetched, FetchError> {
    let controller = AbortController::new().map_err(failed)?;
    let answer = runtime::within(millis, ask(question, &controller, limit)).await;
    let answer = answer.unwrap_or(Err(FetchError::Late));
    if answer.is_err() {
        // Nobody waits for the rest; that it cannot be stopped changes nothing.
        let _ = controller.abort();
    }
    answer
}

async fn ask(
    question: &Question<'_>,
    controller: &AbortController,
    limit: usize,
) -> Result<Fetched, FetchError> {
    let init = init(question, controller).map_err(FetchError::Failed)?;
    let promise = global_fetch(question.url, &init).map_err(failed)?;
    let response: FetchedResponse = runtime::wait(promise)
        .await
        .map_err(FetchError::Unreached)?
        .unchecked_into();
    let body = match response.body().map_err(failed)? {
        None => Vec::new(),
        Some(stream) => read_stream(&stream, limit)
            .await
            .map_err(|error| match error {
                BodyError::TooLarge => FetchError::TooLarge,
                BodyError::Broken(exception) => FetchError::Failed(exception),
            })?,
    };
    Ok(Fetched {
        status: response.status().map_err(failed)?,
        headers: response.headers().map_err(failed)?,
        body,
    })
}

fn init(question: &Question<'_>, controller: &AbortController) -> Result<Object, Exception> {
    let init = json::Object::new()
        .text("method", question.method)
        .json("headers", &json::texts(question.headers))
        .text("redirect", "manual")
        // An answer depends on headers that no cache on the way knows of.
        .text("cache", "no-store")
        .end();
    let init = object(&init)?;
    if let Some(body) = question.body {
        put(&init, "body", &body.into())?;
    }
    put(&init, "signal", &controller.signal()?)?;
    Ok(init)
}

fn failed(thrown: JsValue) -> FetchError {
    FetchError::Failed(thrown.into())
}
