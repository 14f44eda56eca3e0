//! Panics, hangs, lost replies and memory exhaustion on demand, for the tests that show what a client
//! sees then. Only in builds with the feature `faults`, which is never deployed.
//!
//! | `X-Fault` | what happens |
//! |---|---|
//! | `front-panic`, `front-hang`, `front-memory` | in the front, before it does anything |
//! | `object-panic`, `object-hang`, `object-memory`, `object-error` | in the object, before it does anything |
//! | `object-error-halfway` | in the object, between the statements that remove items and those that put others |
//! | `object-panic-late`, `object-memory-late` | the same after the change was made |
//! | `object-lost` | after the change was made the first reply is lost, as the runtime loses one: `retryable` |
//! | `object-lost-each` | each reply is |
//! | `object-lost-slowly` | each reply is, after 400 ms |
//! | `object-lost-for-good` | the reply is lost, and the runtime does not say that the call may be repeated |
//! | `object-unreached` | the first call never reaches the object: `retryable`, and nothing was done |
//! | `object-overloaded` | nothing was done, and the runtime says `overloaded`; `retryable`, too |
//!
//! The front and the objects of a local Worker share one isolate, so the fault of a request waits in a
//! table under the id of its operation until the object looks for it.

#![expect(clippy::panic, reason = "it is what this is for")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hint::black_box;

use edge_metadata_core::http::request::Headers;
use js_sys::{Error, Function, Promise, Reflect};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::futures::JsFuture;
use worker::{Env, console_log};

use crate::platform;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = setTimeout)]
    fn set_timeout(callback: &Function, millis: u32, error: &JsValue) -> Result<JsValue, JsValue>;
}

/// The request headers that ask for a fault and that name an operation.
const FAULT: &str = "X-Fault";
const OPERATION_ID: &str = "X-Operation-Id";

/// Milliseconds until a reply that is lost slowly is lost.
const SLOWLY_MILLIS: u32 = 400;

/// Bytes that are allocated at once until there are no more.
const ALLOCATION: usize = 64 << 20;

/// What a request asks of the object that it calls.
struct Asked {
    fault: String,
    /// The id as the test named it.
    name: String,
    tries: u32,
}

thread_local! {
    /// The call under way, which never awaits.
    static CALL: Cell<Uuid> = const { Cell::new(Uuid::nil()) };
    /// Rows that the call under way has written.
    static ROWS: Cell<usize> = const { Cell::new(0) };
    static ASKED: RefCell<HashMap<Uuid, Asked>> = RefCell::default();
}

/// Counts the rows that a statement has written: the tests hold them to what is promised.
pub(crate) fn count_rows(rows: usize) {
    ROWS.set(ROWS.get() + rows);
}

/// Counts a try of a call.
pub(crate) fn count_try(id: Uuid) {
    ASKED.with_borrow_mut(|asked| {
        if let Some(asked) = asked.get_mut(&id) {
            asked.tries += 1;
        }
    });
}

/// Panics while the isolate starts, if the variable `FAULT_AT_START` is set.
///
/// # Panics
///
/// On demand.
pub(crate) fn at_start(env: &Env) {
    assert!(
        platform::setting(env, "FAULT_AT_START").is_none(),
        "asked for"
    );
}

/// Does what the request header `X-Fault` asks of the front.
///
/// # Panics
///
/// On demand.
pub(crate) async fn in_front(headers: &impl Headers) {
    match headers.get(FAULT).as_deref() {
        Some("front-panic") => panic!("asked for"),
        Some("front-hang") => {
            let _ = JsFuture::from(Promise::new(&mut |_, _| {})).await;
        }
        Some("front-memory") => exhaust_memory(),
        _ => {}
    }
}

/// Returns the id under which the object remembers a change. A test may name it: then two requests
/// are to the object two tries of one.
pub(crate) fn operation_id(own: Uuid, headers: &impl Headers) -> Uuid {
    let header = |name| headers.get(name);
    let name = header(OPERATION_ID);
    let id = match &name {
        Some(name) => named(name),
        None => own,
    };
    let asked = Asked {
        fault: header(FAULT).unwrap_or_default(),
        name: name.unwrap_or_else(|| format!("req-{own}")),
        tries: 0,
    };
    ASKED.with_borrow_mut(|all| all.insert(id, asked));
    id
}

fn named(name: &str) -> Uuid {
    let digest = Sha256::digest(name);
    let mut bytes = [0; 16];
    for (byte, digit) in bytes.iter_mut().zip(digest) {
        *byte = digit;
    }
    Uuid::from_bytes(bytes)
}

/// Returns what was asked of the call under this id: the fault, the id's name, and whether it is a
/// repetition.
fn asked(id: Uuid) -> (String, String, bool) {
    ASKED.with_borrow(|asked| match asked.get(&id) {
        Some(asked) => (asked.fault.clone(), asked.name.clone(), asked.tries > 1),
        None => (String::new(), id.to_string(), false),
    })
}

/// Does what the same header asks of the object before it does anything. The result is a reply that
/// never comes, if that is it.
///
/// # Errors
///
/// On demand.
///
/// # Panics
///
/// On demand.
pub(crate) fn before_call(id: Uuid) -> Result<Option<Promise>, worker::Error> {
    let (fault, name, is_repetition) = asked(id);
    // The tests count the tries, and the time between them.
    let now = platform::now().timestamp_millis();
    CALL.set(id);
    ROWS.set(0);
    console_log!("try {name} {is_repetition} {now}");
    match fault.as_str() {
        "object-panic" => panic!("asked for"),
        "object-error" => Err(worker::Error::RustError("asked for".to_owned())),
        "object-hang" => Ok(Some(Promise::new(&mut |_, _| {}))),
        "object-memory" => exhaust_memory(),
        "object-unreached" if !is_repetition => Ok(Some(rejected(&["retryable"]))),
        "object-overloaded" => Ok(Some(rejected(&["retryable", "overloaded"]))),
        _ => Ok(None),
    }
}

/// Does the same between the statements of a change, to the call under way.
///
/// # Errors
///
/// On demand.
pub(crate) fn between_statements() -> Result<(), worker::Error> {
    let (fault, ..) = asked(CALL.get());
    if fault == "object-error-halfway" {
        return Err(worker::Error::RustError("asked for".to_owned()));
    }
    Ok(())
}

/// Does the same after the object did what it was asked to do.
///
/// # Panics
///
/// On demand.
pub(crate) fn after_call(id: Uuid) -> Option<Promise> {
    let (fault, name, is_repetition) = asked(id);
    console_log!("rows {name} {}", ROWS.get());
    match fault.as_str() {
        "object-panic-late" => panic!("asked for"),
        "object-memory-late" => exhaust_memory(),
        "object-lost" if !is_repetition => Some(rejected(&["retryable"])),
        "object-lost-each" => Some(rejected(&["retryable"])),
        "object-lost-slowly" => Some(Promise::new(&mut |_, reject| {
            let _ = set_timeout(&reject, SLOWLY_MILLIS, &error(&["retryable"]));
        })),
        "object-lost-for-good" => Some(rejected(&[])),
        _ => None,
    }
}

fn rejected(flags: &[&str]) -> Promise {
    Promise::reject(&error(flags))
}

/// Returns an error as the runtime throws it: the flags are properties, and pass from the object to
/// the caller of its stub.
fn error(flags: &[&str]) -> JsValue {
    let error = JsValue::from(Error::new("asked for"));
    for flag in flags {
        let _ = Reflect::set(&error, &JsValue::from_str(flag), &JsValue::TRUE);
    }
    error
}

/// As in a Worker whose memory is full: the next allocation fails, and Rust has no choice but to
/// abort.
fn exhaust_memory() -> ! {
    loop {
        std::mem::forget(black_box(Vec::<u8>::with_capacity(ALLOCATION)));
    }
}
