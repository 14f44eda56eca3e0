//! The request's headers as `core` reads them, and a response as the platform sends it.

use edge_metadata_core::http::request;
use edge_metadata_core::http::response::ResponseParts;
use worker::{Headers, Response, ResponseBody, ResponseBuilder};

/// The headers of a request. Each is read when it is asked for: few are.
pub(crate) struct RequestHeaders<'a>(pub(crate) &'a Headers);

impl request::Headers for RequestHeaders<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).ok().flatten()
    }
}

/// Returns the platform's response.
///
/// # Errors
///
/// The runtime refuses a header, which no response has.
pub(crate) fn send(parts: ResponseParts) -> worker::Result<Response> {
    let headers = Headers::new();
    for (name, value) in &parts.headers {
        headers.set(name, value)?;
    }
    let body = match parts.body {
        Some(body) => ResponseBody::Body(body.into_bytes()),
        None => ResponseBody::Empty,
    };
    Ok(ResponseBuilder::new()
        .with_status(parts.status)
        .with_headers(headers)
        .body(body))
}
