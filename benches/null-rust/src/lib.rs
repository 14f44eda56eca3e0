//! Answers every request with 204.

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    type Response;
    #[wasm_bindgen(constructor, catch)]
    fn new(body: &JsValue, init: &JsValue) -> Result<Response, JsValue>;
    #[wasm_bindgen(catch, js_namespace = JSON)]
    fn parse(text: &str) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen]
pub async fn fetch() -> Result<JsValue, JsValue> {
    let response = Response::new(&JsValue::NULL, &parse(r#"{"status":204}"#)?)?;
    Ok(response.into())
}
