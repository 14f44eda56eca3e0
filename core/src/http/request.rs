//! The head of a request: method, URL and the headers that are read.
//!
//! It comes as one text, written by `entry.js`: to ask the runtime for each part from here costs more
//! than to read it.

use thiserror::Error;

/// A header that is read. Those that are not here cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestHeader {
    /// The token.
    AuthToken,
    /// The same, from older clients.
    StorageToken,
    /// The token of a service that vouches for the request.
    ServiceToken,
    /// How long the body says it is.
    ContentLength,
    /// What the body says it is.
    ContentType,
    /// The microversion, and the service that it is for.
    StandardVersion,
    /// The microversion, as it was asked for before.
    LegacyVersion,
    /// The web page that asks.
    Origin,
    /// A browser's: which method the page wants to use.
    PreflightMethod,
    /// See [`faults`](crate::faults).
    #[cfg(feature = "faults")]
    Fault,
    /// See [`faults`](crate::faults).
    #[cfg(feature = "faults")]
    OperationId,
}

/// Each header's name at its number.
const NAMES: &[&str] = &[
    "X-Auth-Token",
    "X-Storage-Token",
    "X-Service-Token",
    "Content-Length",
    "Content-Type",
    super::microversion::STANDARD_HEADER,
    super::microversion::LEGACY_HEADER,
    "Origin",
    "Access-Control-Request-Method",
    #[cfg(feature = "faults")]
    "X-Fault",
    #[cfg(feature = "faults")]
    "X-Operation-Id",
];

/// The names of the headers that are read, separated by commas, in the order of their lines.
#[must_use]
pub fn header_names() -> String {
    NAMES.join(",")
}

/// The text is no head.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the head of the request is incomplete")]
pub struct Incomplete;

/// The parts of a request that are read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// In capitals.
    pub method: String,
    /// `https://host:port`
    pub origin: String,
    /// As it came, percent-encoded.
    pub path: String,
    /// As it came, without `?`; [`None`] without one.
    pub query: Option<String>,
    headers: Vec<Option<String>>,
}

impl Head {
    /// From lines: the method, the URL, and one for each of [`header_names`], which is empty for a
    /// header that is not there and else begins with `=`. No header's value has a line break.
    ///
    /// # Errors
    ///
    /// There are more lines, or fewer.
    pub fn parse(text: &str) -> Result<Self, Incomplete> {
        let mut lines = text.split('\n');
        let (Some(method), Some(url)) = (lines.next(), lines.next()) else {
            return Err(Incomplete);
        };
        let headers: Vec<_> = lines
            .map(|line| line.strip_prefix('=').map(str::to_owned))
            .collect();
        if headers.len() != NAMES.len() {
            return Err(Incomplete);
        }
        let (origin, rest) = split_origin(url);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        Ok(Self {
            method: method.to_owned(),
            origin: origin.to_owned(),
            path: path.to_owned(),
            query,
            headers,
        })
    }

    /// A header's text; several of one name are joined by `, `.
    #[must_use]
    pub fn header(&self, header: RequestHeader) -> Option<&str> {
        self.headers.get(header as usize)?.as_deref()
    }
}

/// `https://host:port` and what follows.
fn split_origin(url: &str) -> (&str, &str) {
    // The scheme ends in `://`.
    let host = url.find(':').map_or(0, |at| at + 3);
    let after = url.get(host..).unwrap_or_default();
    let end = after
        .find(['/', '?', '#'])
        .map_or(url.len(), |length| host + length);
    url.split_at_checked(end).unwrap_or((url, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_has_its_line() {
        let lines = NAMES.join("\n=");
        let head = Head::parse(&format!("PUT\nhttps://a.b/c?d\n={lines}")).unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str()), ("PUT", "/c"));
        assert_eq!(head.query.as_deref(), Some("d"));
        for (header, name) in [
            (RequestHeader::AuthToken, "X-Auth-Token"),
            (RequestHeader::StorageToken, "X-Storage-Token"),
            (RequestHeader::ServiceToken, "X-Service-Token"),
            (RequestHeader::ContentLength, "Content-Length"),
            (RequestHeader::ContentType, "Content-Type"),
            (RequestHeader::StandardVersion, "OpenStack-API-Version"),
            (RequestHeader::LegacyVersion, "X-OpenStack-Nova-API-Version"),
            (RequestHeader::Origin, "Origin"),
            (
                RequestHeader::PreflightMethod,
                "Access-Control-Request-Method",
            ),
        ] {
            assert_eq!(head.header(header), Some(name));
        }
    }

    #[test]
    fn an_empty_header_is_there_and_an_absent_one_is_not() {
        let absent = "\n".repeat(NAMES.len() - 1);
        let head = Head::parse(&format!("GET\nhttps://a.b\n={absent}")).unwrap();
        assert_eq!(head.header(RequestHeader::AuthToken), Some(""));
        assert_eq!(head.header(RequestHeader::StorageToken), None);
    }

    #[test]
    fn what_has_other_lines_is_refused() {
        for text in ["", "GET", "GET\nhttps://a.b"] {
            assert_eq!(Head::parse(text), Err(Incomplete));
        }
        let lines = "\n".repeat(NAMES.len() + 1);
        assert_eq!(
            Head::parse(&format!("GET\nhttps://a.b{lines}")),
            Err(Incomplete)
        );
    }

    #[test]
    fn the_origin_ends_where_the_path_begins() {
        for (url, origin, rest) in [
            ("http://127.0.0.1:8787/", "http://127.0.0.1:8787", "/"),
            ("https://a.b/c?d#e", "https://a.b", "/c?d#e"),
            ("https://a.b//c", "https://a.b", "//c"),
            ("https://a.b?c", "https://a.b", "?c"),
            ("https://a.b", "https://a.b", ""),
        ] {
            assert_eq!(split_origin(url), (origin, rest));
        }
    }
}
