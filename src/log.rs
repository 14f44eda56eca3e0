//! One structured line a request: what an operator needs to find it again, and nothing that a token,
//! a key or a value can be recovered from.

use std::cell::RefCell;
use std::collections::HashMap;

use chrono::TimeDelta;
use edge_metadata_core::http::header;
use edge_metadata_core::http::request::Headers;
use edge_metadata_core::settings::LogLevel;
use edge_metadata_core::timestamp::{self, Timestamp};
use serde::Serialize;
use worker::{console_error, console_log, console_warn};

/// Where the claims of a request's token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub(crate) enum TokenSource {
    /// This isolate's memory.
    Memory,
    /// Workers KV.
    Kv,
    /// Keystone.
    Keystone,
}

impl From<TokenSource> for &'static str {
    fn from(source: TokenSource) -> Self {
        match source {
            TokenSource::Memory => "memory",
            TokenSource::Kv => "kv",
            TokenSource::Keystone => "keystone",
        }
    }
}

/// Who should read a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// Nobody, unless they search for it.
    Info,
    /// Whoever looks into a failure: it was reported as an error less than a minute ago.
    Warn,
    /// An operator.
    Error,
}

/// How often a cause is reported as an error.
const REPORT_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// Causes that are remembered at once.
const MAX_CAUSES: usize = 64;

thread_local! {
    /// When each cause was reported.
    static REPORTED: RefCell<HashMap<String, Timestamp>> = RefCell::default();
}

/// What is logged of a request.
#[derive(Debug, Serialize)]
pub(crate) struct LogRecord {
    level: Level,
    message: &'static str,
    /// RFC 3339.
    time: String,
    /// The HTTP status of the answer.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<i64>,
    /// `req-<uuid>`, told to the client as well.
    pub(crate) request_id: String,
    /// N: the request id of the service that made the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    global_request_id: Option<String>,
    /// The trace id of the header `traceparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    method: String,
    /// The path's template: ids and keys are the clients' own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_source: Option<TokenSource>,
    /// Set on changes, for whoever keeps an audit trail.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<bool>,
    /// What was to be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    /// `success`, `failure` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// What went wrong, for the operator only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl LogRecord {
    /// Returns the record of a request that has just come in.
    pub(crate) fn new(request_id: String, method: &str) -> Self {
        Self {
            level: Level::Info,
            message: "request",
            time: String::new(),
            status: 0,
            duration_ms: None,
            request_id,
            global_request_id: None,
            trace_id: None,
            method: method.to_owned(),
            route: None,
            project_id: None,
            user_id: None,
            resource_id: None,
            token_source: None,
            audit: None,
            action: None,
            outcome: None,
            detail: None,
        }
    }

    /// Reads the ids that others gave the request.
    pub(crate) fn read_ids(&mut self, headers: &impl Headers) {
        // N: `req-<uuid>`, of the service that made the request.
        self.global_request_id = headers
            .get(header::REQUEST_ID)
            .filter(|id| is_request_id(id));
        self.trace_id = headers
            .get(header::TRACEPARENT)
            .and_then(|traceparent| trace_id(&traceparent));
    }

    /// Marks the record as one of a change.
    pub(crate) fn audit(&mut self, action: &'static str) {
        self.audit = Some(true);
        self.action = Some(action);
    }

    /// Completes the record with the answer.
    pub(crate) fn complete(&mut self, status: u16, now: Timestamp, duration: TimeDelta) {
        self.status = status;
        self.time = timestamp::to_full(now);
        self.duration_ms = Some(duration.num_milliseconds());
        if self.audit.is_some() {
            self.outcome = Some(match status {
                0..400 => "success",
                500.. => "unknown",
                _ => "failure",
            });
        }
        if self.is_notable() {
            self.message = "request failed";
            self.level = if is_new_cause(self.cause(), now) {
                Level::Error
            } else {
                Level::Warn
            };
        }
    }

    /// Returns what went wrong without what is particular to the request, which notes have in
    /// parentheses.
    fn cause(&self) -> &str {
        let detail = self.detail.as_deref().unwrap_or_default();
        detail.split('(').next().unwrap_or_default()
    }

    /// Whether an operator should look at it: a failure here, or one that was worked around.
    fn is_notable(&self) -> bool {
        self.status >= 500 || self.detail.is_some()
    }

    /// Returns what the request is counted by. What is not known is empty.
    pub(crate) fn labels(&self) -> [&str; 6] {
        [
            &self.method,
            self.route.unwrap_or_default(),
            status_class(self.status),
            self.token_source.map_or("", Into::into),
            self.action.unwrap_or_default(),
            self.outcome.unwrap_or_default(),
        ]
    }

    /// Returns the duration in milliseconds, and the status.
    pub(crate) fn figures(&self) -> [f64; 2] {
        let milliseconds = self.duration_ms.and_then(|ms| u32::try_from(ms).ok());
        [milliseconds.unwrap_or_default().into(), self.status.into()]
    }

    /// Writes the line, unless the level leaves it out.
    pub(crate) fn write(&self, level: LogLevel) {
        if self.level == Level::Info && level == LogLevel::Warn {
            return;
        }
        let Ok(line) = serde_json::to_string(self) else {
            return;
        };
        match self.level {
            Level::Info => console_log!("{line}"),
            Level::Warn => console_warn!("{line}"),
            Level::Error => console_error!("{line}"),
        }
    }
}

/// Returns whether a cause has not been reported within the last minute.
fn is_new_cause(cause: &str, now: Timestamp) -> bool {
    REPORTED.with_borrow_mut(|reported| {
        reported.retain(|_, at| now - *at < REPORT_INTERVAL);
        if reported.contains_key(cause) {
            return false;
        }
        if reported.len() < MAX_CAUSES {
            reported.insert(cause.to_owned(), now);
        }
        true
    })
}

fn status_class(status: u16) -> &'static str {
    match status {
        0..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

fn is_request_id(text: &str) -> bool {
    text.strip_prefix("req-")
        .is_some_and(|id| uuid::Uuid::try_parse(id).is_ok())
}

/// The second part of `00-<trace id>-<parent id>-<flags>`.
fn trace_id(traceparent: &str) -> Option<String> {
    let id = traceparent.split('-').nth(1)?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}
