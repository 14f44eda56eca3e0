//! What the crate `worker` lacks. Each item says what is missing upstream.

use std::time::Duration;

use edge_metadata_core::timestamp::{self, Timestamp};
use futures_util::future::{Either, select};
use js_sys::{Date, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::{Delay, Env, Storage};

/// Returns the present time. It stands still between I/O: take it once and pass it on.
///
/// `worker::Date` has no conversion to `chrono`.
pub(crate) fn now() -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a date in milliseconds fits in 53 bits"
    )]
    timestamp::from_millis(Date::now() as i64)
}

/// Returns the output of `future`, or [`None`] when it takes longer than `duration`.
///
/// `worker` has `Delay`, but nothing that races it.
pub(crate) async fn timeout<T>(duration: Duration, future: impl Future<Output = T>) -> Option<T> {
    let future = std::pin::pin!(future);
    match select(future, Delay::from(duration)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}

/// Returns a binding, taken to be of the type that its name stands for.
///
/// `Env`'s own methods compare the name of the binding's constructor, which refuses a binding that is
/// wrapped.
pub(crate) fn binding<T: JsCast>(env: &Env, name: &str) -> Option<T> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    value.is_object().then(|| value.unchecked_into())
}

/// Returns the text of a setting. Numbers and booleans of a wrangler file count as their text.
///
/// `Env::var` refuses numbers and booleans.
pub(crate) fn setting(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value
        .as_string()
        .or_else(|| js_sys::JSON::stringify(&value).ok().map(String::from))
}

#[wasm_bindgen]
extern "C" {
    type TransactionalStorage;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &TransactionalStorage,
        statements: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// Runs statements that are committed together: what was written before an error is undone.
///
/// `worker` does not bind `transactionSync`.
///
/// # Errors
///
/// Returns the exception of the first statement that failed.
pub(crate) fn transaction_sync(
    storage: &Storage,
    mut statements: impl FnMut() -> worker::Result<()>,
) -> worker::Result<()> {
    let storage: &TransactionalStorage = storage.as_raw().unchecked_ref();
    let mut statements = || statements().map_err(JsValue::from);
    storage.transaction_sync(&mut statements)?;
    Ok(())
}
