//! The runtime as this Worker needs it, and nothing more of it: bindings and thin, safe wrappers.
//!
//! Why not the `worker` crate: it binds cursor methods without `catch`, so that a JavaScript
//! exception becomes a panic, which resets the isolate; it has no RPC to an object and no
//! `transactionSync`. These few bindings have `catch` on each, and are smaller.

pub mod context;
pub mod env;
pub mod fetch;
#[cfg(target_arch = "wasm32")]
mod heap;
pub mod http;
pub mod kv;
pub mod objects;
pub mod runtime;
pub mod sql;
pub mod work;

use std::fmt;

use wasm_bindgen::{JsCast as _, JsValue};

/// What JavaScript threw, as text for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// `Name: message`
    message: String,
    /// The runtime says that the same call may work when repeated.
    pub retryable: bool,
    /// The runtime says that the object has more to do than it can.
    pub overloaded: bool,
}

impl From<JsValue> for Exception {
    fn from(thrown: JsValue) -> Self {
        let flag = |name: &str| {
            js_sys::Reflect::get(&thrown, &JsValue::from_str(name))
                .is_ok_and(|value| value.is_truthy())
        };
        let message = match thrown.dyn_ref::<js_sys::Error>() {
            Some(error) => String::from(error.to_string()),
            None => thrown
                .as_string()
                .unwrap_or_else(|| "a value that is no error".to_owned()),
        };
        Self {
            retryable: flag("retryable"),
            overloaded: flag("overloaded"),
            message,
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Exception {}

impl Exception {
    /// One that JavaScript did not throw.
    #[must_use]
    pub fn ours(message: String) -> Self {
        Self {
            message,
            retryable: false,
            overloaded: false,
        }
    }
}

/// For results that are not of the shape the runtime promises.
fn unexpected(what: &str) -> Exception {
    Exception::ours(format!("the runtime gave no {what}"))
}
