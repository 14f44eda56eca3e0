//! This isolate's requests in progress, so that one that is given up can be answered with what is known of
//! it, and dropped.

use std::rc::Rc;

use edge_metadata_core::tasks::Tasks;

use crate::context::RequestContext;

thread_local! {
    static TASKS: Tasks<Rc<RequestContext>> = const { Tasks::new(poll) };
}

fn poll(number: u32) {
    TASKS.with(|tasks| tasks.poll(number));
}

/// Begins the task of a request.
pub(crate) fn spawn(
    number: u32,
    context: Rc<RequestContext>,
    future: impl Future<Output = ()> + 'static,
) {
    TASKS.with(|tasks| tasks.spawn(number, context, future));
}

/// Gives a request up: its future is dropped, with everything that it holds. Returns what is known of
/// it, [`None`] when it was lost to a panic.
pub(crate) fn give_up(number: u32) -> Option<Rc<RequestContext>> {
    TASKS.with(|tasks| tasks.abort(number))
}
