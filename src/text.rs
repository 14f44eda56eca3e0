//! Texts between wasm and JavaScript, where a long one crosses as a copy of its bytes.
//!
//! To cross as a string a text is decoded on one side and encoded on the other, which grows with its
//! length, most of all beyond ASCII. An array costs more to begin with, most of all in a call of an object,
//! and hardly grows.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::JsValue;
use worker::Error;

/// The bytes from which on a text crosses as its bytes. Near this length both ways cost the same.
const LONG: usize = 16 * 1024;

/// Returns a long text's bytes; [`None`] for a short one.
pub(crate) fn long_to_js(text: &str) -> Option<Uint8Array> {
    (text.len() >= LONG).then(|| Uint8Array::from(text.as_bytes()))
}

/// Returns a text as JavaScript takes it: a string, or a long one's bytes.
pub(crate) fn to_js(text: &str) -> JsValue {
    long_to_js(text).map_or_else(|| JsValue::from_str(text), JsValue::from)
}

/// Returns the text that [`to_js`] made a value of.
///
/// # Errors
///
/// The value is neither a string nor bytes of UTF-8.
pub(crate) fn from_js(value: &JsValue) -> worker::Result<String> {
    if let Some(text) = value.as_string() {
        return Ok(text);
    }
    let bytes: &Uint8Array = value.dyn_ref().ok_or_else(not_a_text)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| not_a_text())
}

fn not_a_text() -> Error {
    Error::RustError("not a text".to_owned())
}
