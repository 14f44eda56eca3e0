//! What the crate `worker` lacks. Each item says what is missing upstream.

use std::time::Duration;

use edge_metadata_core::auth;
use edge_metadata_core::timestamp::{self, Timestamp};
use futures_util::future::{Either, select};
use js_sys::{Date, Function, Promise, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::js_sys::futures::JsFuture;
use worker::{Env, Storage};

use crate::delay::Delay;

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
/// `worker` has nothing that races a delay.
pub(crate) async fn timeout<T>(duration: Duration, future: impl Future<Output = T>) -> Option<T> {
    let future = std::pin::pin!(future);
    match select(future, Delay::from(duration)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}

/// Wakes the request that made it, from another request.
///
/// The wakers of futures know nothing of requests: a task runs where it is woken, which would be in the
/// other request, where the runtime allows it no I/O. What waits for a promise, however, the runtime
/// runs in the request that made the promise. So each request waits for one of its own, and all that
/// another request does is resolve it.
#[derive(Debug, Clone)]
pub(crate) struct Notify {
    promise: Promise,
    resolve: Function,
}

impl Default for Notify {
    /// Returns one for the request that is being handled.
    fn default() -> Self {
        let mut resolve = JsValue::UNDEFINED;
        let promise = Promise::new(&mut |resolve_promise, _| resolve = resolve_promise.into());
        Self {
            promise,
            resolve: resolve.unchecked_into(),
        }
    }
}

impl Notify {
    /// Waits until another request notifies the one that made this.
    pub(crate) async fn notified(&self) {
        // It is never rejected.
        let _ = JsFuture::from(self.promise.clone()).await;
    }
}

impl auth::Notify for Notify {
    fn notify(&self) {
        // A promise that is resolved already stays as it is.
        let _ = self.resolve.call0(&JsValue::UNDEFINED);
    }
}

#[wasm_bindgen]
extern "C" {
    /// `URL`: what `worker` returns is parsed by a crate, and may differ from what the platform does.
    type URL;

    #[wasm_bindgen(constructor, catch)]
    fn new(url: &str) -> Result<URL, JsValue>;

    #[wasm_bindgen(method, getter)]
    fn href(this: &URL) -> String;
}

/// Returns a URL as the platform's parser writes it; [`None`] when it is none. The runtime hands on
/// what the client sent.
pub(crate) fn normalized(url: &str) -> Option<String> {
    Some(URL::new(url).ok()?.href())
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
