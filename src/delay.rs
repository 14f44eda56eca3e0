//! Waiting for a time to pass.
//!
//! `worker::Delay` wakes its task before it knows itself that the time has passed, which a task that is polled where
//! it is woken would miss.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasm_bindgen::prelude::{Closure, JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Closure<dyn FnMut()>, millis: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// A future that is ready when a time has passed since it was made. Dropped before, it clears its timer.
#[derive(Debug)]
pub(crate) struct Delay {
    state: Rc<State>,
    timer: JsValue,
    /// Called by the timer.
    _callback: Closure<dyn FnMut()>,
}

#[derive(Debug, Default)]
struct State {
    has_passed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl From<Duration> for Delay {
    fn from(duration: Duration) -> Self {
        let state = Rc::<State>::default();
        let pass = Rc::clone(&state);
        let callback = Closure::new(move || {
            pass.has_passed.set(true);
            let waker = pass.waker.take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        Self {
            timer: set_timeout(&callback, duration.as_secs_f64() * 1_000.0),
            state,
            _callback: callback,
        }
    }
}

impl Future for Delay {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.state.has_passed.get() {
            return Poll::Ready(());
        }
        self.state.waker.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        if !self.state.has_passed.get() {
            clear_timeout(&self.timer);
        }
    }
}
