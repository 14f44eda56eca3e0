//! What goes out: status, headers and body, and the text from which `entry.js` makes a response.

use super::fault::Fault;
use crate::json::{Object, texts};

/// An answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The header that only this answer has.
    pub header: Option<(&'static str, String)>,
    /// What a browser has to know, see [`cors`](super::cors).
    pub cors: Vec<(&'static str, String)>,
    /// Whether it depends on the page that asks.
    pub varies_by_origin: bool,
    /// [`None`] for none at all.
    pub body: Option<String>,
}

impl Answer {
    /// S1, S2: 204, with the content type of the body that is not there.
    #[must_use]
    pub fn no_content() -> Self {
        Self {
            status: 204,
            content_type: "application/json",
            header: None,
            cors: Vec::new(),
            varies_by_origin: false,
            body: None,
        }
    }

    /// 204 to OPTIONS, with the methods that the path has.
    #[must_use]
    pub fn options(allow: &'static str) -> Self {
        Self {
            header: Some(("Allow", allow.to_owned())),
            ..Self::no_content()
        }
    }

    /// A JSON document.
    #[must_use]
    pub fn json(status: u16, document: String) -> Self {
        Self {
            status,
            content_type: "application/json",
            header: None,
            cors: Vec::new(),
            varies_by_origin: false,
            body: Some(document),
        }
    }

    /// The headers of every answer and this one's own.
    #[must_use]
    pub fn headers<'a>(
        &'a self,
        request_id: &'a str,
        version: Option<&'a Echo>,
    ) -> Vec<(&'static str, &'a str)> {
        let mut headers = vec![
            ("Content-Type", self.content_type),
            ("X-Compute-Request-Id", request_id),
            ("X-OpenStack-Request-Id", request_id),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ];
        if let Some(echo) = version {
            headers.push((super::microversion::STANDARD_HEADER, &echo.standard));
            headers.push((super::microversion::LEGACY_HEADER, &echo.legacy));
        }
        // One header for all that it depends on: a name may stand only once.
        match (version.is_some(), self.varies_by_origin) {
            (true, true) => headers.push((
                "Vary",
                "OpenStack-API-Version, X-OpenStack-Nova-API-Version, Origin",
            )),
            (true, false) => headers.push((
                "Vary",
                "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
            )),
            (false, true) => headers.push(("Vary", "Origin")),
            (false, false) => {}
        }
        if let Some((name, value)) = &self.header {
            headers.push((name, value));
        }
        headers.extend(
            self.cors
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
        headers
    }
}

impl Answer {
    /// As one text: a line of JSON with what the runtime's constructor takes, and the body, when there
    /// is one, from the next line on.
    #[must_use]
    pub fn encode(&self, request_id: &str, version: Option<&Echo>) -> String {
        let mut text = Object::new()
            .integer("status", self.status.into())
            .json("headers", &texts(&self.headers(request_id, version)))
            .end();
        if let Some(body) = &self.body {
            text.push('\n');
            text.push_str(body);
        }
        text
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        Self {
            status: fault.status(),
            content_type: fault.content_type(),
            header: fault.header(),
            cors: Vec::new(),
            varies_by_origin: false,
            body: Some(fault.body()),
        }
    }
}

/// The microversion that an answer below `/v2.1` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    standard: String,
    legacy: String,
}

impl Echo {
    /// For the version that was negotiated, or asked for in vain.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self {
            standard: format!("compute {version}"),
            legacy: version.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_204_has_a_content_type_and_no_body() {
        let answer = Answer::no_content();
        assert_eq!(answer.body, None);
        assert!(
            answer
                .headers("req-1", None)
                .contains(&("Content-Type", "application/json"))
        );
    }

    #[test]
    fn it_travels_as_a_line_and_a_body() {
        let answer = Answer::no_content().encode("req-1", None);
        assert_eq!(
            answer,
            r#"{"status":204,"headers":{"Content-Type":"application/json","X-Compute-Request-Id":"req-1","X-OpenStack-Request-Id":"req-1","X-Content-Type-Options":"nosniff","Cache-Control":"no-store"}}"#
        );
        let mut answer = Answer::json(200, "{\n}".to_owned());
        answer.header = Some(("Odd", "\n".to_owned()));
        let text = answer.encode("req-1", None);
        let (head, body) = text.split_once('\n').unwrap();
        assert!(head.ends_with(r#""Odd":"\n"}}"#), "{head}");
        assert_eq!(body, "{\n}");
    }

    #[test]
    fn both_request_id_headers_have_the_same_value() {
        let answer = Answer::from(Fault::NotFound);
        let headers = answer.headers("req-1", None);
        assert!(headers.contains(&("X-Compute-Request-Id", "req-1")));
        assert!(headers.contains(&("X-OpenStack-Request-Id", "req-1")));
    }

    #[test]
    fn the_version_is_named_in_both_headers_and_varies() {
        let answer = Answer::no_content();
        let echo = Echo::new("2.38");
        let headers = answer.headers("req-1", Some(&echo));
        assert!(headers.contains(&("OpenStack-API-Version", "compute 2.38")));
        assert!(headers.contains(&("X-OpenStack-Nova-API-Version", "2.38")));
        assert!(headers.iter().any(|(name, _)| *name == "Vary"));
        let answer = Answer {
            varies_by_origin: true,
            ..answer.clone()
        };
        for version in [None, Some(&echo)] {
            let headers = answer.headers("req-1", version);
            let vary: Vec<_> = headers.iter().filter(|(name, _)| *name == "Vary").collect();
            assert_eq!(vary.len(), 1);
            assert!(vary[0].1.ends_with("Origin"));
            assert_eq!(vary[0].1.contains("OpenStack"), version.is_some());
        }
        let answer = Answer::no_content();
        assert!(
            !answer
                .headers("req-1", None)
                .iter()
                .any(|(name, _)| *name == "Vary")
        );
    }
}
