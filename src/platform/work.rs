//! Futures that `entry.js` carries on: one stops at each promise, and is called again with what came
//! of it.
//!
//! Why not `wasm-bindgen-futures`: it makes two closures and a queue of its own for each promise,
//! which is 15 to 25 µs of a request, and its queue may run one request's work in another one's turn,
//! where the runtime allows it no I/O. Here whoever waits is whoever goes on, and a panic is an
//! exception of the call that went on.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

use super::Exception;

/// Work that is not done yet.
type Work = Pin<Box<dyn Future<Output = Result<String, JsError>>>>;

/// What came of a promise.
type Settled = Result<JsValue, JsValue>;

thread_local! {
    /// All that waits, each under the number that JavaScript gave it. They are few: what one isolate
    /// serves at a time.
    static WAITING: RefCell<Vec<(u32, Work)>> = const { RefCell::new(Vec::new()) };
    /// The promise at which the work that is being carried on has stopped.
    static AWAITED: Cell<Option<Promise>> = const { Cell::new(None) };
    /// What came of the promise at which it had stopped before.
    static SETTLED: Cell<Option<Settled>> = const { Cell::new(None) };
}

/// Begins: the text that the work comes to, or the promise at which it stopped.
///
/// # Errors
///
/// The work's own.
pub fn begin(
    number: u32,
    work: impl Future<Output = Result<String, JsError>> + 'static,
) -> Result<JsValue, JsError> {
    carry_on(number, Box::pin(work))
}

/// Carries on with what came of the promise: the text, or the next promise.
///
/// # Errors
///
/// The work's own.
#[wasm_bindgen]
pub fn resume(number: u32, is_fulfilled: bool, value: JsValue) -> Result<JsValue, JsError> {
    let work = take(number).ok_or_else(|| JsError::new("nothing waits under this number"))?;
    SETTLED.set(Some(if is_fulfilled { Ok(value) } else { Err(value) }));
    carry_on(number, work)
}

/// Lets go of work that was given up.
#[wasm_bindgen]
pub fn forget(number: u32) {
    drop(take(number));
}

fn take(number: u32) -> Option<Work> {
    WAITING.with_borrow_mut(|waiting| {
        let at = waiting.iter().position(|(other, _)| *other == number)?;
        Some(waiting.swap_remove(at).1)
    })
}

fn carry_on(number: u32, mut work: Work) -> Result<JsValue, JsError> {
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.map(JsValue::from),
        Poll::Pending => {
            let awaited = AWAITED.take();
            let awaited = awaited.ok_or_else(|| JsError::new("the work waits for no promise"))?;
            WAITING.with_borrow_mut(|waiting| waiting.push((number, work)));
            Ok(awaited.into())
        }
    }
}

/// Waits for a promise.
///
/// # Errors
///
/// What it was rejected with.
pub async fn wait(promise: Promise) -> Result<JsValue, Exception> {
    let mut promise = Some(promise);
    let settled = poll_fn(|_| match promise.take() {
        Some(promise) => {
            AWAITED.set(Some(promise));
            Poll::Pending
        }
        None => SETTLED.take().map_or(Poll::Pending, Poll::Ready),
    });
    settled.await.map_err(Exception::from)
}

/// Does `work`, but no longer than until `end` is fulfilled with `signal`, which nothing else is.
///
/// Not generic, because a copy for each kind of work would be a KB of wasm each.
pub(super) async fn race(
    mut work: Pin<&mut dyn Future<Output = ()>>,
    end: &Promise,
    signal: &JsValue,
) {
    poll_fn(|context| {
        let settled = SETTLED.take();
        if matches!(&settled, Some(Ok(value)) if value == signal) {
            return Poll::Ready(());
        }
        SETTLED.set(settled);
        if work.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        if let Some(promise) = AWAITED.take() {
            AWAITED.set(Some(Promise::race(&Array::of2(&promise, end))));
        }
        Poll::Pending
    })
    .await;
}
