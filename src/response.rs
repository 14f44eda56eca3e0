//! The request's headers as `core` reads them, and a response as the platform sends it.

use edge_metadata_core::http::request;
use edge_metadata_core::http::response::ResponseParts;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::Headers;
use worker::web_sys::{Response, ResponseInit};

use crate::text;

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
pub(crate) fn send(parts: &ResponseParts) -> worker::Result<Response> {
    let init = serde_json::to_string(parts)?;
    let init: ResponseInit = js_sys::JSON::parse(&init)?.unchecked_into();
    let body = parts.body.as_deref();
    let response = match body.and_then(text::long_to_js) {
        Some(bytes) => Response::new_with_opt_js_u8_array_and_init(Some(&bytes), &init),
        None => Response::new_with_opt_str_and_init(body, &init),
    };
    Ok(response?)
}

#[wasm_bindgen]
extern "C" {
    /// What `entry.js` is told of a request's end.
    pub type Reply;
    #[wasm_bindgen(method)]
    fn resolve(this: &Reply, response: &Response);
    #[wasm_bindgen(method)]
    fn reject(this: &Reply, error: &JsValue);
}

impl Reply {
    /// Ends the request, with its response or with the runtime's reason to refuse it.
    pub(crate) fn send(&self, response: worker::Result<Response>) {
        match response {
            Ok(response) => self.resolve(&response),
            Err(error) => self.reject(&error.into()),
        }
    }
}
