//! What goes on after the answer.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// The `ctx` of a request.
    #[derive(Debug)]
    pub type Context;
    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    fn wait_until(this: &Context, work: &Promise) -> Result<(), JsValue>;
}

/// Lets `work` go on without letting the answer wait for it. Whether it is ever done is not known, and
/// that it fails changes nothing.
pub fn afterwards(context: &Context, work: &Promise) {
    // Never rejected: the runtime would count the request as failed.
    let settled = Promise::all_settled(&Array::of1(work));
    // Where the runtime does not wait for it, it may still be done.
    let _ = context.wait_until(&settled);
}
