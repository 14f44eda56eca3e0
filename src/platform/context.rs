//! What goes on after the answer.

use js_sys::Promise;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;

#[wasm_bindgen]
extern "C" {
    /// The `ctx` of a request.
    #[derive(Debug)]
    pub type Context;
    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    fn wait_until(this: &Context, work: &Promise) -> Result<(), JsValue>;
}

/// Does `work` without letting the answer wait for it. Whether it is ever done is not known.
pub fn afterwards(context: &Context, work: impl Future<Output = ()> + 'static) {
    let promise = future_to_promise(async {
        work.await;
        Ok(JsValue::UNDEFINED)
    });
    // Where the runtime does not wait for it, it may still be done.
    let _ = context.wait_until(&promise);
}
