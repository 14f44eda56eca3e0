//! Workers KV and the rate limiter, as far as the two bindings are used.

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::{Exception, runtime};

#[wasm_bindgen]
extern "C" {
    /// A KV namespace.
    #[derive(Debug, Clone)]
    pub type Kv;
    #[wasm_bindgen(method, catch, js_name = get)]
    fn get_text(this: &Kv, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = put)]
    fn put_text(this: &Kv, key: &str, value: &str, options: &Object) -> Result<Promise, JsValue>;

    /// A rate limiter: counts by key, per location, approximately.
    #[derive(Debug, Clone)]
    pub type RateLimiter;
    #[wasm_bindgen(method, catch)]
    fn limit(this: &RateLimiter, options: &Object) -> Result<Promise, JsValue>;
}

/// The text under a key.
///
/// # Errors
///
/// KV did not answer.
pub async fn read(kv: &Kv, key: &str) -> Result<Option<String>, Exception> {
    Ok(runtime::wait(kv.get_text(key)?).await?.as_string())
}

/// Begins to write a text under a key, for `ttl` seconds (60 at least).
///
/// # Errors
///
/// It cannot be tried.
pub fn write(kv: &Kv, key: &str, value: &str, ttl: u32) -> Result<Promise, Exception> {
    let options = Object::new();
    Reflect::set(&options, &"expirationTtl".into(), &ttl.into())?;
    Ok(kv.put_text(key, value, &options)?)
}

/// Counts one request; whether it is still within the limit.
///
/// # Errors
///
/// The limiter did not answer.
pub async fn is_within_limit(limiter: &RateLimiter, key: &str) -> Result<bool, Exception> {
    let options = Object::new();
    Reflect::set(&options, &"key".into(), &key.into())?;
    let counted = runtime::wait(limiter.limit(&options)?).await?;
    Ok(Reflect::get(&counted, &"success".into())?.is_truthy())
}
