//! Time, chance, waiting and the log.

use std::pin::pin;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::work::race;
pub use super::work::wait;
use crate::time::Timestamp;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_now() -> f64;
    #[wasm_bindgen(js_namespace = Math, js_name = random)]
    fn math_random() -> f64;
    #[wasm_bindgen(catch, js_namespace = crypto, js_name = randomUUID)]
    fn random_uuid() -> Result<String, JsValue>;
    #[wasm_bindgen(catch, js_name = setTimeout)]
    fn set_timeout(
        callback: &js_sys::Function,
        millis: u32,
        argument: &JsValue,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_namespace = console, js_name = log)]
    fn console_log(line: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_namespace = console, js_name = error)]
    fn console_error(line: &str) -> Result<(), JsValue>;
}

/// Now. Stands still between I/O: take it once and pass it on.
#[must_use]
pub fn now() -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a date in milliseconds fits in 53 bits"
    )]
    Timestamp::from_millis(date_now() as i64)
}

/// A number from 0 to below 1, for jitter.
#[must_use]
pub fn random() -> f64 {
    math_random()
}

/// A random UUID, version 4.
#[must_use]
pub fn uuid() -> String {
    // Without a source of chance there are no unique ids, but still answers.
    random_uuid().unwrap_or_else(|_| "00000000-0000-4000-8000-000000000000".to_owned())
}

/// Waits.
pub async fn sleep(millis: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        // Where no timer is to be had there is no waiting, either.
        if set_timeout(&resolve, millis, &JsValue::UNDEFINED).is_err() {
            let _ = resolve.call0(&JsValue::UNDEFINED);
        }
    });
    let _ = wait(promise).await;
}

/// What `work` comes to, unless that takes longer than `millis` milliseconds.
pub async fn within<T>(millis: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut outcome = None;
    {
        let work = pin!(async { outcome = Some(work.await) });
        let signal = JsValue::symbol(None);
        let mut timer = None;
        let late = Promise::new(&mut |resolve, _| {
            timer = set_timeout(&resolve, millis, &signal).ok();
        });
        race(work, &late, &signal).await;
        if let Some(timer) = timer {
            let _ = clear_timeout(&timer);
        }
    }
    outcome
}

/// Something that is waited for within one request and may happen in another. What passes between
/// the two is only that it happened: a request may not touch another one's I/O.
#[derive(Debug)]
pub struct Signal {
    promise: Promise,
    bell: Bell,
}

/// What gives a [`Signal`].
#[derive(Debug, Clone)]
pub struct Bell(Option<Function>);

impl Signal {
    /// One that is waited for in the request that makes it.
    #[must_use]
    pub fn of_this_request() -> Self {
        let mut bell = Bell(None);
        let promise = Promise::new(&mut |resolve, _| bell.0 = Some(resolve));
        Self { promise, bell }
    }

    /// How another request gives it.
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits until it is given.
    pub async fn wait(&self) {
        let _ = wait(self.promise.clone()).await;
    }
}

impl Bell {
    /// Gives the signal.
    pub fn ring(&self) {
        if let Some(resolve) = &self.0 {
            let _ = resolve.call0(&JsValue::UNDEFINED);
        }
    }
}

/// One line to the log.
pub fn print(line: &str) {
    // A log that cannot be written is no reason to fail a request.
    let _ = console_log(line);
}

/// One line to the log that an operator should look at.
pub fn print_error(line: &str) {
    let _ = console_error(line);
}
