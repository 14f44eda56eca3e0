//! Panics, hangs, lost answers and memory exhaustion on demand, for the tests that show what a
//! client sees then. Only in builds with the feature `faults`, which is never deployed.
//!
//! | `X-Fault` | what happens |
//! |---|---|
//! | `front-panic`, `front-hang`, `front-memory` | in the front, before it does anything |
//! | `object-panic`, `object-hang`, `object-memory`, `object-error` | in the object, before it does anything |
//! | `object-panic-late`, `object-memory-late` | the same after the change was made |
//! | `object-lost` | after the change was made the first answer is lost, as the runtime loses one: `retryable` |
//! | `object-lost-each` | each answer is |
//! | `object-lost-slowly` | each answer is, after 400 ms |
//! | `object-lost-for-good` | the answer is lost, and the runtime does not say that it may be asked for again |
//! | `object-unreached` | the first call never reaches the object: `retryable`, and nothing was done |
//! | `object-overloaded` | nothing was done, and the runtime says `overloaded`; `retryable`, too |

#![expect(clippy::panic, reason = "it is what this is for")]

use std::cell::Cell;
use std::hint::black_box;

use js_sys::{Error, Function, Promise, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::platform::{Exception, runtime};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = setTimeout)]
    fn set_timeout(callback: &Function, millis: u32, error: &JsValue) -> Result<JsValue, JsValue>;
}

thread_local! {
    /// Rows that the call under way has written.
    static WRITTEN: Cell<f64> = const { Cell::new(0.0) };
}

/// Milliseconds until an answer that is lost slowly is lost.
const SLOWLY_MILLIS: u32 = 400;

/// Bytes that are asked for at once until there are no more.
const GREED: usize = 64 << 20;

/// Counts the rows that a statement has written: the tests hold them to what is promised.
pub fn count(rows: f64) {
    WRITTEN.set(WRITTEN.get() + rows);
}

/// What the request header `X-Fault` asks of the front.
///
/// # Panics
///
/// On demand.
pub async fn in_front(fault: Option<&str>) {
    match fault {
        Some("front-panic") => panic!("asked for"),
        Some("front-hang") => {
            let _ = runtime::wait(Promise::new(&mut |_, _| {})).await;
        }
        Some("front-memory") => take_all_memory(),
        _ => {}
    }
}

/// What the same header asks of the object before it does anything: an answer that never comes or an error, if that is it.
///
/// # Errors
///
/// On demand.
///
/// # Panics
///
/// On demand.
pub fn in_object(
    operation_id: &str,
    fault: &str,
    retry: bool,
) -> Result<Option<Promise>, Exception> {
    // The tests count the tries, and the time between them.
    let now = runtime::now().millis();
    WRITTEN.set(0.0);
    runtime::print(&format!("try {operation_id} {retry} {now}"));
    match fault {
        "object-panic" => panic!("asked for"),
        "object-error" => Err(Exception::ours("asked for".to_owned())),
        "object-hang" => Ok(Some(Promise::new(&mut |_, _| {}))),
        "object-memory" => take_all_memory(),
        "object-unreached" if !retry => Ok(Some(Promise::reject(&error(&["retryable"])))),
        "object-overloaded" => {
            let error = error(&["retryable", "overloaded"]);
            Ok(Some(Promise::reject(&error)))
        }
        _ => Ok(None),
    }
}

/// The same after the object did what it was asked to do.
///
/// # Panics
///
/// On demand.
#[must_use]
pub fn after_object(operation_id: &str, fault: &str, retry: bool) -> Option<Promise> {
    runtime::print(&format!("rows {operation_id} {}", WRITTEN.get()));
    match fault {
        "object-panic-late" => panic!("asked for"),
        "object-memory-late" => take_all_memory(),
        "object-lost" if !retry => Some(Promise::reject(&error(&["retryable"]))),
        "object-lost-each" => Some(Promise::reject(&error(&["retryable"]))),
        "object-lost-slowly" => Some(Promise::new(&mut |_, reject| {
            let _ = set_timeout(&reject, SLOWLY_MILLIS, &error(&["retryable"]));
        })),
        "object-lost-for-good" => Some(Promise::reject(&error(&[]))),
        _ => None,
    }
}

/// The id under which the object remembers a change, and behind it the fault that is asked of the
/// object. A test may name the id: then two requests are to the object two tries of one.
#[must_use]
pub fn operation_id(own: &str, named: Option<&str>, fault: Option<&str>) -> String {
    format!("{}!{}", named.unwrap_or(own), fault.unwrap_or_default())
}

/// The two again.
#[must_use]
pub fn split(operation_id: &str) -> (&str, &str) {
    operation_id.split_once('!').unwrap_or((operation_id, ""))
}

/// An error as the runtime throws it: the flags are properties, and pass from the object to the
/// caller of its stub.
fn error(flags: &[&str]) -> JsValue {
    let error = JsValue::from(Error::new("asked for"));
    for flag in flags {
        let _ = Reflect::set(&error, &JsValue::from_str(flag), &JsValue::TRUE);
    }
    error
}

/// As in a Worker whose memory is full: the next allocation fails, and Rust has no choice but to
/// abort.
fn take_all_memory() -> ! {
    loop {
        std::mem::forget(black_box(Vec::<u8>::with_capacity(GREED)));
    }
}
