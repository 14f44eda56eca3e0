//! One structured line a request, with what an operator needs to find it again and nothing that a
//! token, a key or a value can be recovered from.

use crate::api::answer::Echo;
use crate::api::fault::Fault;
use crate::json::Object;
use crate::platform::runtime;
use crate::settings::LogLevel;

/// What becomes known of a request on its way.
#[derive(Debug, Default)]
pub struct Trace {
    /// `req-<uuid4>`, told to the client as well.
    pub request_id: String,
    /// The path's template.
    pub route: Option<&'static str>,
    /// The token's project.
    pub project_id: Option<String>,
    /// The token's user.
    pub user_id: Option<String>,
    /// The server's or the image's id.
    pub resource_id: Option<String>,
    /// The microversion that the answer names.
    pub version: Option<Echo>,
    /// What went wrong, for the operator's eyes only.
    pub detail: Option<String>,
}

impl Trace {
    /// A trace of a request that has just come in.
    #[must_use]
    pub fn new() -> Self {
        Self {
            request_id: format!("req-{}", runtime::uuid()),
            ..Self::default()
        }
    }

    /// A 500 whose cause is for the log only.
    pub fn failed(&mut self, detail: String) -> Fault {
        self.detail = Some(detail);
        Fault::Internal
    }

    /// Writes the line.
    pub fn write(
        &self,
        method: Option<&str>,
        status: u16,
        duration_ms: Option<i64>,
        level: LogLevel,
    ) {
        // Something for an operator to look at: a failure of ours, or one that was worked around.
        let notable = status >= 500 || self.detail.is_some();
        if !notable && level != LogLevel::Info {
            return;
        }
        let (level, message) = if notable {
            ("error", "request failed")
        } else {
            ("info", "request")
        };
        let mut line = Object::new()
            .text("level", level)
            .text("message", message)
            .integer("status", status.into());
        if let Some(duration_ms) = duration_ms {
            line = line.integer("duration_ms", duration_ms);
        }
        for (name, text) in [
            ("request_id", Some(self.request_id.as_str())),
            ("method", method),
            ("route", self.route),
            ("project_id", self.project_id.as_deref()),
            ("user_id", self.user_id.as_deref()),
            ("resource_id", self.resource_id.as_deref()),
            ("detail", self.detail.as_deref()),
        ] {
            if let Some(text) = text {
                line = line.text(name, text);
            }
        }
        let line = line.end();
        if notable {
            runtime::print_error(&line);
        } else {
            runtime::print(&line);
        }
    }
}
