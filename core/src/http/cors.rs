//! CORS: the web pages that may call this API from a browser. None, unless `CORS_ORIGINS` names them.

use super::microversion::{LEGACY_HEADER, STANDARD_HEADER};
use super::request::RequestHeader;
use super::response::Answer;

/// Origins of web pages, as browsers write them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// From a list separated by commas; [`None`] when an entry is no origin: `https://host[:port]` in
    /// lower case. `*` is none: what a page may do here is done with somebody's token.
    #[must_use]
    pub fn parse(list: &str) -> Option<Self> {
        let is_origin = |text: &str| {
            ["https://", "http://"]
                .iter()
                .find_map(|scheme| text.strip_prefix(scheme))
                .is_some_and(|host| {
                    let allowed = |byte: u8| {
                        byte.is_ascii_lowercase()
                            || byte.is_ascii_digit()
                            || b".-:[]".contains(&byte)
                    };
                    !host.is_empty() && host.bytes().all(allowed)
                })
        };
        let entries: Vec<_> = list.split(',').map(str::trim).collect();
        if entries == [""] {
            return Some(Self::default());
        }
        let origins = entries.iter().map(|&entry| entry.to_owned()).collect();
        entries.into_iter().all(is_origin).then_some(Self(origins))
    }
}

/// Adds to an answer what a browser has to know; `request` gives a header of the request. Without
/// any origins configured, not even that is looked at.
pub fn allow(
    origins: &Origins,
    request: impl Fn(RequestHeader) -> Option<String>,
    answer: &mut Answer,
) {
    if origins.0.is_empty() {
        return;
    }
    answer.varies_by_origin = true;
    let Some(origin) = request(RequestHeader::Origin).filter(|origin| origins.0.contains(origin))
    else {
        return;
    };
    answer.cors.push(("Access-Control-Allow-Origin", origin));
    let asked = request(RequestHeader::PreflightMethod).is_some();
    match &answer.header {
        // The answer to a preflight.
        Some(("Allow", methods)) if asked => {
            let methods = methods.clone();
            answer.cors.extend([
                ("Access-Control-Allow-Methods", methods),
                (
                    "Access-Control-Allow-Headers",
                    format!("Content-Type, {STANDARD_HEADER}, X-Auth-Token, {LEGACY_HEADER}"),
                ),
                ("Access-Control-Max-Age", "600".to_owned()),
            ]);
        }
        _ => answer.cors.push((
            "Access-Control-Expose-Headers",
            format!("{STANDARD_HEADER}, Retry-After, X-Compute-Request-Id, {LEGACY_HEADER}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fault::Fault;

    const PAGE: &str = "https://dashboard.example";

    fn answered(list: &str, origin: Option<&str>, preflight: bool, mut answer: Answer) -> Answer {
        let request = |header| match header {
            RequestHeader::Origin => origin.map(str::to_owned),
            RequestHeader::PreflightMethod => preflight.then(|| "DELETE".to_owned()),
            _ => None,
        };
        allow(&Origins::parse(list).unwrap(), request, &mut answer);
        answer
    }

    fn names(answer: &Answer) -> Vec<&'static str> {
        answer.cors.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_no_pattern() {
        for list in [
            "",
            "https://a.example",
            "https://a.example, http://127.0.0.1:8080,https://[::1]:1",
        ] {
            assert!(Origins::parse(list).is_some(), "{list}");
        }
        for list in [
            "*",
            "null",
            "a.example",
            "https://",
            "https://a.example/",
            "https://A.example",
            "https://*.example",
            "https://a.example,",
            "https://a.example https://b.example",
            "ftp://a.example",
        ] {
            assert!(Origins::parse(list).is_none(), "{list}");
        }
    }

    #[test]
    fn without_origins_there_is_nothing_at_all() {
        let answer = answered("", Some(PAGE), true, Answer::no_content());
        assert_eq!(answer, Answer::no_content());
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
            let answer = answered(PAGE, origin, false, Answer::no_content());
            assert!(
                answer.varies_by_origin && answer.cors.is_empty(),
                "{origin:?}"
            );
        }
        let list = format!("https://other.example,{PAGE}");
        let answer = answered(&list, Some(PAGE), false, Answer::from(Fault::NotFound));
        assert!(answer.varies_by_origin);
        assert!(
            answer
                .cors
                .contains(&("Access-Control-Allow-Origin", PAGE.to_owned()))
        );
        assert!(names(&answer).contains(&"Access-Control-Expose-Headers"));
        assert!(!names(&answer).contains(&"Access-Control-Allow-Credentials"));
    }

    #[test]
    fn a_preflight_is_told_the_methods_of_its_path() {
        let answer = answered(PAGE, Some(PAGE), true, Answer::options("GET, PUT"));
        assert!(
            answer
                .cors
                .contains(&("Access-Control-Allow-Methods", "GET, PUT".to_owned()))
        );
        assert!(names(&answer).contains(&"Access-Control-Allow-Headers"));
        let plain = answered(PAGE, Some(PAGE), false, Answer::options("GET, PUT"));
        assert!(!names(&plain).contains(&"Access-Control-Allow-Methods"));
        let stranger = answered(
            PAGE,
            Some("https://x.example"),
            true,
            Answer::options("GET"),
        );
        assert!(stranger.varies_by_origin && stranger.cors.is_empty());
    }
}
