//! Requests in progress, so that one that is given up can be answered with what is known of it, and
//! dropped.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::future::{AbortHandle, Abortable};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Error};

use crate::context::RequestContext;

struct Task {
    handle: AbortHandle,
    context: Rc<RequestContext>,
}

thread_local! {
    static TASKS: RefCell<HashMap<u32, Task>> = RefCell::default();
}

#[wasm_bindgen]
extern "C" {
    /// The `ctx` of a request, to which `entry.js` adds the number of the task.
    type NumberedContext;
    #[wasm_bindgen(method, getter)]
    fn task(this: &NumberedContext) -> u32;
}

/// Returns the number that `entry.js` gave to the task of this request.
pub(crate) fn number(context: &Context) -> u32 {
    let context: &NumberedContext = context.as_ref().unchecked_ref();
    context.task()
}

/// Runs a request under its number until it is done or given up.
///
/// # Errors
///
/// The request was given up.
pub(crate) async fn run<T>(
    number: u32,
    context: Rc<RequestContext>,
    future: impl Future<Output = T>,
) -> worker::Result<T> {
    let (handle, registration) = AbortHandle::new_pair();
    let task = Task { handle, context };
    TASKS.with_borrow_mut(|tasks| tasks.insert(number, task));
    let output = Abortable::new(future, registration).await;
    TASKS.with_borrow_mut(|tasks| tasks.remove(&number));
    output.map_err(|_| Error::RustError("the request was given up".to_owned()))
}

/// Gives a request up: its future is dropped, with everything that it holds. Returns what is known of
/// it, [`None`] when it was lost to a panic.
pub(crate) fn give_up(number: u32) -> Option<Rc<RequestContext>> {
    let task = TASKS.with_borrow_mut(|tasks| tasks.remove(&number))?;
    task.handle.abort();
    Some(task.context)
}
