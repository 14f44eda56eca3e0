//! The request's headers as `core` reads them, and a response as the platform sends it.

use edge_metadata_core::http::request;
use edge_metadata_core::http::response::ResponseParts;
use serde_json::json;
use wasm_bindgen::JsCast as _;
use worker::Headers;
use worker::web_sys::{Response, ResponseInit};

/// The headers of a request. Each is read when it is asked for: few are.
pub(crate) struct RequestHeaders<'a>(pub(crate) &'a Headers);

impl request::Headers for RequestHeaders<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).ok().flatten()
    }
}

/// Returns the platform's response.
///
/// Status and headers cross to JavaScript as one text, because each header that is set alone is a
/// crossing of its own.
///
/// # Errors
///
/// The runtime refuses a header, which no response has.
pub(crate) fn send(parts: &ResponseParts) -> worker::Result<worker::Response> {
    let headers: serde_json::Map<_, _> = parts
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_ref().into()))
        .collect();
    let init = json!({ "status": parts.status, "headers": headers }).to_string();
    let init: ResponseInit = js_sys::JSON::parse(&init)?.unchecked_into();
    let response = Response::new_with_opt_str_and_init(parts.body.as_deref(), &init)?;
    Ok(response.into())
}
