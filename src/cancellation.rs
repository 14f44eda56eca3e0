//! Tasks in progress, so that `entry.js` can drop one whose request was answered without it.

use std::cell::RefCell;
use std::collections::HashMap;

use futures_util::future::{AbortHandle, Abortable};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Error};

thread_local! {
    static TASKS: RefCell<HashMap<u32, AbortHandle>> = RefCell::default();
}

#[wasm_bindgen]
extern "C" {
    /// The `ctx` of a request, to which `entry.js` adds the number of the task.
    type NumberedContext;
    #[wasm_bindgen(method, getter)]
    fn task(this: &NumberedContext) -> u32;
}

/// Returns the number that `entry.js` gave to the task of this request.
pub(crate) fn task(context: &Context) -> u32 {
    let context: &NumberedContext = context.as_ref().unchecked_ref();
    context.task()
}

/// Runs a task that can be cancelled under its number.
///
/// # Errors
///
/// Returns the future's own error, or one that says that the task was cancelled.
pub(crate) async fn run<T>(
    task: u32,
    future: impl Future<Output = worker::Result<T>>,
) -> worker::Result<T> {
    let (handle, registration) = AbortHandle::new_pair();
    TASKS.with_borrow_mut(|tasks| tasks.insert(task, handle));
    let result = Abortable::new(future, registration).await;
    TASKS.with_borrow_mut(|tasks| tasks.remove(&task));
    result.unwrap_or_else(|_| Err(Error::RustError("cancelled".to_owned())))
}

/// Cancels a task: its future is dropped, with everything that it holds.
pub(crate) fn cancel(task: u32) {
    let handle = TASKS.with_borrow_mut(|tasks| tasks.remove(&task));
    if let Some(handle) = handle {
        handle.abort();
    }
}
