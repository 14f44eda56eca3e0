//! **edge-metadata**: the OpenStack Compute metadata API at the edge.
//!
//! | module | what is in it | pure |
//! |---|---|---|
//! | [`api`] | what a request means, what an answer looks like; the journey in `api/mod.rs` | but for the journey |
//! | [`identity`] | who is asking, and what they may do | `token`, `policy`, `access_rule`, `keystone`'s `answer` and `stored` |
//! | [`metadata`] | the rules of the domain: items, resources, `decide` | yes |
//! | [`registry`] | the control plane's documents | yes |
//! | [`store`] | where it lasts: objects, their tables, how to reach them | `message`, `made` |
//! | [`settings`], [`time`], [`json`] | what an operator may set; RFC 3339; JSON that goes out | yes |
//! | [`log`] | one line a request | |
//! | [`platform`] | the runtime's bindings | |
//!
//! "Pure" modules know nothing of the runtime; they compile and are tested natively.

pub mod api;
#[cfg(feature = "faults")]
pub mod faults;
pub mod identity;
pub mod json;
pub mod log;
pub mod metadata;
pub mod platform;
pub mod registry;
pub mod settings;
pub mod store;
pub mod time;

use std::cell::OnceCell;
use std::rc::Rc;

use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

use self::api::answer::Answer;
use self::api::head::{self, Head};
use self::api::{Api, Misconfigured, cors};
use self::log::Trace;
use self::platform::context::Context;
use self::platform::env::Env;
use self::platform::http::Request;
use self::platform::{runtime, work};
use self::settings::LogLevel;

thread_local! {
    /// Settings, bindings and what is remembered of tokens: the same for each request of an isolate.
    static API: OnceCell<Result<Rc<Api>, Misconfigured>> = const { OnceCell::new() };
}

/// The names of the headers that are read of a request, separated by commas.
#[must_use]
#[wasm_bindgen]
pub fn header_names() -> String {
    head::header_names()
}

/// Answers one request, as work under `number`. `head` is read by [`Head::parse`], and the answer is
/// written by [`Answer::encode`].
///
/// # Errors
///
/// The head is none.
#[wasm_bindgen]
pub fn fetch(
    number: u32,
    head: &str,
    request: Request,
    env: JsValue,
    context: Context,
) -> Result<JsValue, JsError> {
    let head = Head::parse(head)?;
    work::begin(number, journey(head, request, env, context))
}

async fn journey(
    head: Head,
    request: Request,
    env: JsValue,
    context: Context,
) -> Result<String, JsError> {
    let now = runtime::now();
    let mut trace = Trace::new();
    #[cfg(feature = "faults")]
    faults::in_front(head.header(head::RequestHeader::Fault)).await;
    let api = API.with(|api| {
        api.get_or_init(|| Api::new(&Env::from(env)).map(Rc::new))
            .clone()
    });
    let (result, level) = match api {
        Ok(api) => (
            api.answer(&request, &head, &context, now, &mut trace).await,
            api.settings.log_level,
        ),
        Err(misconfigured) => (Err(trace.failed(misconfigured.to_string())), LogLevel::Warn),
    };
    let mut answer = result.unwrap_or_else(|fault| {
        if !fault.names_version() {
            trace.version = None;
        }
        Answer::from(fault)
    });
    if head.method == "HEAD" {
        answer.body = None;
    }
    let duration = runtime::now().millis() - now.millis();
    trace.write(Some(&head.method), answer.status, Some(duration), level);
    Ok(finish(answer, &head, &trace))
}

/// The answer to a request that was given up: past its deadline, or lost to a panic.
///
/// # Errors
///
/// The head is none.
#[wasm_bindgen]
pub fn give_up(head: &str, cause: &str) -> Result<String, JsError> {
    let head = Head::parse(head)?;
    let mut trace = Trace::new();
    trace.detail = Some(cause.to_owned());
    let answer = Answer::from(api::given_up(&head, &mut trace));
    trace.write(Some(&head.method), answer.status, None, LogLevel::Warn);
    Ok(finish(answer, &head, &trace))
}

fn finish(mut answer: Answer, head: &Head, trace: &Trace) -> String {
    API.with(|api| {
        if let Some(Ok(api)) = api.get() {
            cors::allow(
                &api.settings.cors_origins,
                |header| head.header(header).map(str::to_owned),
                &mut answer,
            );
        }
    });
    answer.encode(&trace.request_id, trace.version.as_ref())
}
