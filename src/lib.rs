//! **edge-metadata**: the OpenStack Compute metadata API at the edge, a Cloudflare Worker.
//!
//! | module | what is in it |
//! |---|---|
//! | `handler` | one request, from its head to its response |
//! | `list`, `registry` | what the handler does for lists and for the control plane |
//! | `records` | reading the records of one page of either |
//! | `auth` | who is asking: this isolate's memory, KV, Keystone |
//! | `objects` | the two Durable Objects, and how to call them |
//! | `exchange` | one request and its response on the platform |
//! | `service` | what is the same for every request of an isolate: settings, bindings, caches |
//! | `context`, `log`, `counters` | what passes through a request, the line that is logged of it, and what is counted |
//! | `tasks` | the requests in progress |
//! | `warm_up` | what runs before the first request |
//! | `faults` | failures on demand, in builds for tests only |
//! | `platform`, `delay`, `body`, `text`, `response` | what the crate `worker` lacks, or does otherwise |
//!
//! Everything that does not touch the platform is in the crate `edge-metadata-core`: if a line here
//! has an `if` about the API, it belongs there. Comments cite the source of a rule as
//! `docs/contract.md` does: **S1** and **S2** are the two documents of *Delete image metadata item*
//! and *Delete server metadata item*, **N** is OpenStack Nova, **K** is Keystone, and **P** is a
//! decision of this project.

mod auth;
mod body;
mod context;
mod counters;
mod delay;
mod exchange;
#[cfg(feature = "faults")]
mod faults;
mod handler;
mod list;
mod log;
mod objects;
mod platform;
mod records;
mod registry;
mod response;
mod service;
mod tasks;
mod text;
mod warm_up;

use edge_metadata_core::settings::DEFAULT_REQUEST_DEADLINE_MS;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, web_sys, worker_sys};

pub use objects::{IndexObject, ResourceObject};
pub use response::Reply;

/// Faster than the standard library's allocator for the many small allocations of a request.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Answers a request. `entry.js` numbers the task that it is, for [`give_up`].
///
/// In the place of `#[event(fetch)]`, whose future would wait in `wasm_bindgen`'s queue: see
/// [`tasks`](edge_metadata_core::tasks).
#[wasm_bindgen]
pub fn fetch(
    task: u32,
    request: web_sys::Request,
    env: &Env,
    context: worker_sys::Context,
    reply: Reply,
) {
    handler::handle(task, request, env, Context::new(context), reply);
}

/// Returns the answer to a request that is past its deadline or was lost to a panic, and drops what is
/// left of its task.
///
/// # Errors
///
/// The runtime refuses the response, which it never does.
#[wasm_bindgen(js_name = giveUp)]
pub fn give_up(
    task: u32,
    request: web_sys::Request,
    env: &Env,
    cause: &str,
) -> worker::Result<web_sys::Response> {
    handler::give_up(task, request, env, cause)
}

/// Has V8 compile what every request runs, before there is one.
///
/// # Errors
///
/// The runtime refuses a request that is made up, which it never does.
#[wasm_bindgen(js_name = warmUp)]
pub fn warm_up(env: &Env) -> worker::Result<()> {
    warm_up::warm_up(env)
}

/// Returns `REQUEST_DEADLINE_MS` where it is not set.
#[must_use]
#[wasm_bindgen(js_name = defaultDeadlineMs)]
pub fn default_deadline_ms() -> u32 {
    DEFAULT_REQUEST_DEADLINE_MS
}
