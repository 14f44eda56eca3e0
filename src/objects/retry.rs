//! When a call of an object is tried again.

use std::time::Duration;

use chrono::TimeDelta;
use edge_metadata_core::timestamp::Timestamp;
use js_sys::Reflect;
use wasm_bindgen::prelude::JsValue;

use crate::delay::Delay;
use crate::platform;

/// Tries of one call, the first included.
const TRIES: u32 = 4;

/// Milliseconds before the second try, at most; doubled for each further one.
const FIRST_PAUSE_MILLIS: u32 = 50;

/// Makes a call, and makes it again after a random pause when the runtime says that this is safe
/// (`retryable`); never when the object is overloaded, and never after `last_try`. Each try needs a new
/// stub.
///
/// # Errors
///
/// Returns the last try's error.
pub(super) async fn repeatedly<T>(
    last_try: Timestamp,
    call: impl AsyncFn() -> worker::Result<T>,
) -> worker::Result<T> {
    let mut tries = 1;
    loop {
        let error = match call().await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let pause = pause_millis(tries, js_sys::Math::random());
        let next = platform::now() + TimeDelta::milliseconds(pause.into());
        if tries >= TRIES || !is_repeatable(&error) || next >= last_try {
            return Err(error);
        }
        Delay::from(Duration::from_millis(pause.into())).await;
        tries += 1;
    }
}

/// Whether the runtime says that the same call may work when it is repeated.
fn is_repeatable(error: &worker::Error) -> bool {
    let worker::Error::UnknownJsError { original, .. } = error else {
        return false;
    };
    let flag = |name: &str| {
        Reflect::get(original, &JsValue::from_str(name)).is_ok_and(|value| value.is_truthy())
    };
    flag("retryable") && !flag("overloaded")
}

/// Returns a random share of an upper bound that doubles with each try.
fn pause_millis(tries: u32, random: f64) -> u32 {
    let most = f64::from(FIRST_PAUSE_MILLIS) * f64::from(1 << (tries - 1));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a few hundred"
    )]
    let pause = (most * random) as u32;
    pause
}
