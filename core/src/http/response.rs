//! Responses: status, headers and body.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::accept::JSON;
use super::cors::Cors;
use super::fault::Fault;
use super::header::{
    ALLOW, API_VERSION, COMPUTE_REQUEST_ID, CONTENT_TYPE, LEGACY_API_VERSION, ORIGIN, REQUEST_ID,
    VARY,
};
use super::microversion::VersionHeaders;

/// A response to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    content_type: &'static str,
    /// The header that only this response has.
    own_header: Option<(&'static str, String)>,
    names_version: bool,
    version: Option<VersionHeaders>,
    body: Option<String>,
}

/// A response as the platform sends it. It serializes as the `ResponseInit` of JavaScript, which has no body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResponseParts {
    /// The HTTP status.
    pub status: u16,
    /// Names and values; each name stands once.
    #[serde(serialize_with = "as_map")]
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// [`None`] for a response without a body.
    #[serde(skip)]
    pub body: Option<String>,
}

fn as_map<S: Serializer>(
    headers: &[(&'static str, Cow<'static, str>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
}

impl Response {
    /// S1, S2: Returns a 204, with the content type of the body that it does not have.
    #[must_use]
    pub fn no_content() -> Self {
        Self::new(204, JSON, None)
    }

    /// Returns the 204 to OPTIONS on a path with these methods.
    #[must_use]
    pub fn options(allow: &'static str) -> Self {
        Self {
            own_header: Some((ALLOW, allow.to_owned())),
            ..Self::no_content()
        }
    }

    /// Returns a response with a JSON document.
    #[must_use]
    pub fn json(status: u16, document: String) -> Self {
        Self::new(status, JSON, Some(document))
    }

    /// Returns a response with a body of any media type.
    #[must_use]
    pub fn new(status: u16, content_type: &'static str, body: Option<String>) -> Self {
        Self {
            status,
            content_type,
            own_header: None,
            names_version: true,
            version: None,
            body,
        }
    }

    /// Returns the same response with the media type that the client prefers.
    #[must_use]
    pub fn with_content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    /// Returns the same response with the microversion that it names, unless it names none.
    #[must_use]
    pub fn with_version(mut self, version: Option<VersionHeaders>) -> Self {
        if self.names_version && version.is_some() {
            self.version = version;
        }
        self
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the response as it is sent to a request of this method, with the headers that every
    /// response has. HEAD is answered as GET without a body.
    #[must_use]
    pub fn into_parts(self, method: &str, request_id: &str, cors: Cors) -> ResponseParts {
        let mut headers = vec![
            (CONTENT_TYPE, self.content_type.into()),
            (COMPUTE_REQUEST_ID, request_id.to_owned().into()),
            (REQUEST_ID, request_id.to_owned().into()),
            ("X-Content-Type-Options", "nosniff".into()),
            ("Cache-Control", "no-store".into()),
        ];
        let mut vary = Vec::new();
        if let Some(version) = self.version {
            vary.extend([API_VERSION, LEGACY_API_VERSION]);
            headers.push((API_VERSION, version.standard.into()));
            headers.push((LEGACY_API_VERSION, version.legacy.into()));
        }
        if cors.varies_by_origin {
            vary.push(ORIGIN);
        }
        if !vary.is_empty() {
            headers.push((VARY, vary.join(", ").into()));
        }
        let others = self.own_header.into_iter().chain(cors.headers);
        headers.extend(others.map(|(name, value)| (name, value.into())));
        ResponseParts {
            status: self.status,
            headers,
            body: self.body.filter(|_| method != "HEAD"),
        }
    }
}

impl From<Fault> for Response {
    fn from(fault: Fault) -> Self {
        Self {
            status: fault.status(),
            content_type: fault.content_type(),
            own_header: fault.header(),
            names_version: fault.names_version(),
            version: None,
            body: Some(fault.body()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(response: Response) -> ResponseParts {
        response.into_parts("GET", "req-1", Cors::default())
    }

    fn value<'a>(parts: &'a ResponseParts, name: &str) -> Option<&'a str> {
        let mut values = parts
            .headers
            .iter()
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value.as_ref());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} stands once");
        value
    }

    #[test]
    fn s1_s2_a_204_has_a_content_type_and_no_body() {
        let parts = parts(Response::no_content());
        assert_eq!((parts.status, parts.body.as_deref()), (204, None));
        assert_eq!(value(&parts, "Content-Type"), Some("application/json"));
    }

    #[test]
    fn every_response_has_both_request_ids_nosniff_and_no_store() {
        for response in [
            Response::no_content(),
            Response::json(200, "{}".into()),
            Fault::NotFound.into(),
            Fault::Internal.into(),
        ] {
            let parts = parts(response);
            for (name, expected) in [
                ("X-Compute-Request-Id", "req-1"),
                ("X-OpenStack-Request-Id", "req-1"),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ] {
                assert_eq!(value(&parts, name), Some(expected));
            }
        }
    }

    #[test]
    fn head_is_answered_as_get_without_a_body() {
        let response = Response::json(200, "{}".into());
        let get = parts(response.clone());
        let head = response.into_parts("HEAD", "req-1", Cors::default());
        assert_eq!(head.headers, get.headers);
        assert_eq!((get.body.as_deref(), head.body), (Some("{}"), None));
    }

    #[test]
    fn the_version_is_named_in_both_headers() {
        let version = Some(VersionHeaders::new("2.38"));
        let parts = parts(Response::no_content().with_version(version));
        assert_eq!(value(&parts, "OpenStack-API-Version"), Some("compute 2.38"));
        assert_eq!(value(&parts, "X-OpenStack-Nova-API-Version"), Some("2.38"));
    }

    #[test]
    fn a_413_names_no_version() {
        let version = || Some(VersionHeaders::new("2.1"));
        for (fault, names) in [
            (Fault::TooLarge(1), false),
            (
                Fault::RateLimited {
                    retry_after: 60,
                    status: 413,
                },
                false,
            ),
            (Fault::NotFound, true),
        ] {
            let parts = parts(Response::from(fault).with_version(version()));
            assert_eq!(value(&parts, "OpenStack-API-Version").is_some(), names);
        }
    }

    #[test]
    fn vary_is_one_header_with_all_that_the_response_depends_on() {
        for (has_version, varies_by_origin, expected) in [
            (false, false, None),
            (
                true,
                false,
                Some("OpenStack-API-Version, X-OpenStack-Nova-API-Version"),
            ),
            (false, true, Some("Origin")),
            (
                true,
                true,
                Some("OpenStack-API-Version, X-OpenStack-Nova-API-Version, Origin"),
            ),
        ] {
            let version = has_version.then(|| VersionHeaders::new("2.1"));
            let cors = Cors {
                varies_by_origin,
                headers: Vec::new(),
            };
            let parts = Response::no_content()
                .with_version(version)
                .into_parts("GET", "req-1", cors);
            assert_eq!(value(&parts, "Vary"), expected);
        }
    }

    #[test]
    fn headers_of_a_fault_and_for_web_pages_are_there() {
        let cors = Cors {
            varies_by_origin: true,
            headers: vec![("Access-Control-Allow-Origin", "https://a.example".into())],
        };
        let fault = Fault::BadMethod { allow: "GET" };
        let parts = Response::from(fault).into_parts("PUT", "req-1", cors);
        assert_eq!(value(&parts, "Allow"), Some("GET"));
        assert_eq!(
            value(&parts, "Access-Control-Allow-Origin"),
            Some("https://a.example")
        );
    }
}
