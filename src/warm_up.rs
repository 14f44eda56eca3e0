//! What runs when an isolate starts, before its first request.

use std::rc::Rc;

use edge_metadata_core::http::response::Response;
use uuid::Uuid;
use worker::{Env, Method, Request};

use crate::exchange::Exchange;
use crate::handler::answer;
use crate::service::Service;
use crate::tasks;

/// The number of a task that no request has yet.
const TASK: u32 = 0;

/// Requests that are answered without I/O: a document, and a metadata item without a token.
const PATHS: [&str; 2] = [
    "/",
    "/v2/a/servers/00000000-0000-4000-8000-000000000000/metadata/a",
];

/// Answers requests that nobody sent, and throws the answers away: V8 compiles each function of wasm when
/// it is first called, and that was most of the time of a first request.
///
/// While an isolate starts, the runtime refuses random values and responses with a body: hence the id,
/// and `HEAD`.
///
/// # Errors
///
/// The runtime refuses such a request, which it never does.
pub(crate) fn warm_up(env: &Env) -> worker::Result<()> {
    let service = Rc::new(Service::silent(env));
    // Each of its answers is an error, which the log would have.
    if service.misconfigured.is_some() {
        return Ok(());
    }
    #[cfg(feature = "faults")]
    crate::faults::at_start(env);
    for path in PATHS {
        let url = format!(
            "https://edge-metadata{}{path}",
            service.settings.api_base_path
        );
        let request = Request::new(&url, Method::Head)?.try_into()?;
        let exchange = Exchange::new(Uuid::nil(), request, Rc::clone(&service), None);
        let context = Rc::clone(&exchange.context);
        tasks::spawn(TASK, context, async move {
            let response = answer(&exchange).await;
            drop(exchange.finish(response.unwrap_or_else(Response::from)));
        });
    }
    Ok(())
}
