//! CORS: what a browser has to know to let a web page read a response. Nothing, unless
//! `CORS_ORIGINS` names the page's origin.

use super::header::{
    API_VERSION, AUTH_TOKEN, COMPUTE_REQUEST_ID, CONTENT_TYPE, LEGACY_API_VERSION, ORIGIN,
    REQUEST_ID, REQUEST_METHOD, RETRY_AFTER, SERVICE_TOKEN, STORAGE_TOKEN, TRACEPARENT,
    WWW_AUTHENTICATE,
};
use super::request::Headers;
use super::route::Route;
use crate::settings::Origins;

/// The response headers that a web page may read, beside those that it always may.
const EXPOSED: &[&str] = &[
    API_VERSION,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    COMPUTE_REQUEST_ID,
    LEGACY_API_VERSION,
    REQUEST_ID,
];

/// The request headers that a web page may send, beside those that it always may.
const ALLOWED: &[&str] = &[
    CONTENT_TYPE,
    API_VERSION,
    AUTH_TOKEN,
    COMPUTE_REQUEST_ID,
    LEGACY_API_VERSION,
    REQUEST_ID,
    SERVICE_TOKEN,
    STORAGE_TOKEN,
    TRACEPARENT,
];

/// Seconds that a browser may remember the answer to a preflight.
const MAX_AGE: &str = "600";

/// What a response says about the web page that asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    /// Whether the response depends on the page.
    pub varies_by_origin: bool,
    /// The headers that let the page read it.
    pub headers: Vec<(&'static str, String)>,
}

impl Cors {
    /// Returns what the response to a request says. Without any origins configured, no header is
    /// read. A preflight is an OPTIONS that names the method that the page wants to use, on a path
    /// that has methods.
    #[must_use]
    pub fn new(
        origins: &Origins,
        method: &str,
        headers: &impl Headers,
        route: Option<&Route>,
    ) -> Self {
        if origins.is_empty() {
            return Self::default();
        }
        let mut cors = Self {
            varies_by_origin: true,
            headers: Vec::new(),
        };
        let Some(origin) = headers
            .get(ORIGIN)
            .filter(|origin| origins.contains(origin))
        else {
            return cors;
        };
        cors.headers.push(("Access-Control-Allow-Origin", origin));
        match route {
            Some(route) if method == "OPTIONS" && headers.get(REQUEST_METHOD).is_some() => {
                cors.headers.extend([
                    ("Access-Control-Allow-Methods", route.allow().to_owned()),
                    ("Access-Control-Allow-Headers", ALLOWED.join(", ")),
                    ("Access-Control-Max-Age", MAX_AGE.to_owned()),
                ]);
            }
            _ => cors
                .headers
                .push(("Access-Control-Expose-Headers", EXPOSED.join(", "))),
        }
        cors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://dashboard.example";

    fn cors(origins: &str, method: &str, headers: &[(&str, &str)], path: &str) -> Cors {
        let origins = Origins::parse(origins).unwrap();
        Cors::new(&origins, method, &headers, Route::parse(path, "").as_ref())
    }

    fn value<'a>(cors: &'a Cors, name: &str) -> Option<&'a str> {
        let mut headers = cors.headers.iter();
        headers
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn without_configured_origins_a_response_says_nothing() {
        let headers = [(ORIGIN, PAGE), (REQUEST_METHOD, "PUT")];
        assert_eq!(cors("", "OPTIONS", &headers, "/"), Cors::default());
    }

    #[test]
    fn only_exactly_the_configured_origins_are_allowed() {
        for origin in [
            None,
            Some("https://dashboard.example.evil"),
            Some("http://dashboard.example"),
            Some("https://dashboard.example:443"),
            Some("null"),
            Some(""),
        ] {
            let headers: Vec<_> = origin.map(|origin| (ORIGIN, origin)).into_iter().collect();
            let cors = cors(PAGE, "GET", &headers, "/");
            assert!(cors.varies_by_origin, "{origin:?}");
            assert_eq!(cors.headers, [], "{origin:?}");
        }
        let origins = format!("https://other.example,{PAGE}");
        let cors = cors(&origins, "GET", &[(ORIGIN, PAGE)], "/");
        assert_eq!(value(&cors, "Access-Control-Allow-Origin"), Some(PAGE));
        assert_eq!(value(&cors, "Access-Control-Allow-Credentials"), None);
    }

    #[test]
    fn what_is_sent_is_exposed() {
        let cors = cors(PAGE, "DELETE", &[(ORIGIN, PAGE)], "/servers/x/metadata/k");
        let exposed = value(&cors, "Access-Control-Expose-Headers").unwrap();
        for name in [
            "X-OpenStack-Request-Id",
            "X-Compute-Request-Id",
            "OpenStack-API-Version",
            "Retry-After",
            "WWW-Authenticate",
        ] {
            assert!(exposed.split(", ").any(|found| found == name), "{name}");
        }
    }

    #[test]
    fn a_preflight_is_told_the_methods_of_its_path_and_the_headers_that_are_read() {
        let headers = [(ORIGIN, PAGE), (REQUEST_METHOD, "DELETE")];
        let preflight = cors(PAGE, "OPTIONS", &headers, "/servers/x/metadata/k");
        assert_eq!(
            value(&preflight, "Access-Control-Allow-Methods"),
            Some("DELETE, GET, HEAD, OPTIONS, PUT")
        );
        let allowed = value(&preflight, "Access-Control-Allow-Headers").unwrap();
        for name in [
            "X-Auth-Token",
            "OpenStack-API-Version",
            "X-OpenStack-Request-Id",
        ] {
            assert!(allowed.split(", ").any(|found| found == name), "{name}");
        }
    }

    #[test]
    fn a_response_that_names_methods_is_no_answer_to_a_preflight_by_that() {
        let headers = [(ORIGIN, PAGE), (REQUEST_METHOD, "DELETE")];
        for (method, headers, path) in [
            // A 405, a plain OPTIONS and an unknown path.
            ("POST", &headers[..], "/servers/x"),
            ("OPTIONS", &headers[..1], "/servers/x"),
            ("OPTIONS", &headers[..], "/flavors"),
        ] {
            let cors = cors(PAGE, method, headers, path);
            assert_eq!(value(&cors, "Access-Control-Allow-Methods"), None);
            assert!(value(&cors, "Access-Control-Expose-Headers").is_some());
        }
    }
}
