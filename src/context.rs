//! What passes through one request.

use std::cell::{Cell, RefCell};

use edge_metadata_core::auth::Actor;
use edge_metadata_core::http::request::RequestHead;
use edge_metadata_core::timestamp::Timestamp;
use uuid::Uuid;
use worker::Context;

use crate::log::LogRecord;

pub(crate) use crate::log::TokenSource;

/// What a request waits for, which is what fails when it takes too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// For the token's claims.
    Token,
    /// For the rest of its body.
    Body,
    /// For an object.
    #[default]
    Store,
}

/// One request: what is known of it from the start, and what becomes known on its way.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// The request's own id, told to the client as `req-<uuid>`.
    pub(crate) id: Uuid,
    /// Method, origin, path and query.
    pub(crate) head: RequestHead,
    /// When it came in.
    pub(crate) received_at: Timestamp,
    /// When it ends; nothing is begun after that.
    pub(crate) deadline: Timestamp,
    worker: Option<Context>,
    waiting: Cell<Waiting>,
    record: RefCell<LogRecord>,
}

impl RequestContext {
    /// Returns the context of a request that has just come in.
    pub(crate) fn new(
        id: Uuid,
        head: RequestHead,
        received_at: Timestamp,
        deadline: Timestamp,
        worker: Option<Context>,
    ) -> Self {
        let record = LogRecord::new(format!("req-{id}"), &head.method);
        Self {
            id,
            head,
            received_at,
            deadline,
            worker,
            waiting: Cell::default(),
            record: RefCell::new(record),
        }
    }

    /// Notes what the request waits for from now on.
    pub(crate) fn wait_for(&self, waiting: Waiting) {
        self.waiting.set(waiting);
    }

    /// Returns what the request waits for.
    pub(crate) fn waiting(&self) -> Waiting {
        self.waiting.get()
    }

    /// Notes what went wrong, for the log line only.
    pub(crate) fn note(&self, detail: impl Into<String>) {
        self.record.borrow_mut().detail = Some(detail.into());
    }

    /// Notes where the token's claims came from.
    pub(crate) fn set_token_source(&self, source: TokenSource) {
        self.record.borrow_mut().token_source = Some(source);
    }

    /// Changes the record that is logged.
    pub(crate) fn log(&self, change: impl FnOnce(&mut LogRecord)) {
        change(&mut self.record.borrow_mut());
    }

    /// Returns the id as the client is told it.
    pub(crate) fn request_id(&self) -> String {
        self.record.borrow().request_id.clone()
    }

    /// Notes whose request it is.
    pub(crate) fn set_user(&self, user_id: &str, actor: &Actor) {
        let mut record = self.record.borrow_mut();
        record.user_id = Some(user_id.to_owned());
        record.project_id.clone_from(&actor.project_id);
    }

    /// Lets `future` go on after the answer. Whether it ever ends is not known.
    pub(crate) fn wait_until(&self, future: impl Future<Output = ()> + 'static) {
        if let Some(worker) = &self.worker {
            worker.wait_until(future);
        }
    }
}
