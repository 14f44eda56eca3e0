//! The head of a request: method and URL, and how its headers are read.

/// The headers of a request. The Worker reads each from the platform when it is asked for.
pub trait Headers {
    /// Returns the value of a header, without regard to the case of its name; several of one name
    /// are joined by `, `.
    fn get(&self, name: &str) -> Option<String>;
}

/// The parts of a request that are read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// In capitals.
    pub method: String,
    /// `https://host:port`
    pub origin: String,
    /// Percent-encoded, as it came.
    pub path: String,
    /// Percent-encoded, as it came, without `?`.
    pub query: Option<String>,
}

impl RequestHead {
    /// Splits an absolute URL into its parts.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        let (origin, rest) = split_origin(url);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Self {
            method: method.to_owned(),
            origin: origin.to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
        }
    }

    /// Returns whether a URL parser may write this URL in another way: with dot segments resolved,
    /// backslashes as slashes, without its fragment or raw control characters.
    #[must_use]
    pub fn needs_parser(url: &str) -> bool {
        let path = url.split('?').next().unwrap_or_default();
        let may_be_dots = |segment: &str| {
            segment.starts_with('.')
                || segment
                    .get(..3)
                    .is_some_and(|it| it.eq_ignore_ascii_case("%2e"))
        };
        url.contains('#')
            || path.contains(|c: char| c == '\\' || c.is_ascii_control())
            || path.split('/').any(may_be_dots)
    }

    /// Returns the query, empty when there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.query.as_deref().unwrap_or_default()
    }

    /// Returns whether the request only reads.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

/// Splits `https://host:port` from what follows.
fn split_origin(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + "://".len());
    let after = url.get(host..).unwrap_or_default();
    let end = after
        .find(['/', '?', '#'])
        .map_or(url.len(), |length| host + length);
    url.split_at_checked(end).unwrap_or((url, ""))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Headers of a test: names and values.
    impl Headers for &[(&str, &str)] {
        fn get(&self, name: &str) -> Option<String> {
            let mut values = self
                .iter()
                .filter(|(found, _)| found.eq_ignore_ascii_case(name))
                .map(|(_, value)| *value)
                .peekable();
            values.peek()?;
            Some(values.collect::<Vec<_>>().join(", "))
        }
    }

    #[test]
    fn a_url_is_split_into_origin_path_and_query() {
        for (url, origin, path, query) in [
            ("http://127.0.0.1:8787/", "http://127.0.0.1:8787", "/", None),
            ("https://a.b/c?d?e=f", "https://a.b", "/c", Some("d?e=f")),
            ("https://a.b//c?", "https://a.b", "//c", Some("")),
            ("https://a.b?c", "https://a.b", "", Some("c")),
            ("https://a.b", "https://a.b", "", None),
            ("https://a.b/c:d://e", "https://a.b", "/c:d://e", None),
        ] {
            let head = RequestHead::new("GET", url);
            assert_eq!(
                (&*head.origin, &*head.path, head.query.as_deref()),
                (origin, path, query),
                "{url}"
            );
        }
    }

    #[test]
    fn urls_that_a_parser_would_change_are_found() {
        for (url, expected) in [
            ("https://a.b/servers/1/metadata/k.e.y?x=/../", false),
            ("https://a.b/servers/1/metadata/key%2E", false),
            ("https://a.b/servers/../images", true),
            ("https://a.b/servers/%2e%2E/images", true),
            ("https://a.b/servers/.", true),
            ("https://a.b/servers/%2E", true),
            (r"https://a.b/servers\images", true),
            ("https://a.b/servers#/../images", true),
            ("https://a.b/servers?a#b", true),
            ("https://a.b/servers/\t../images", true),
        ] {
            assert_eq!(RequestHead::needs_parser(url), expected, "{url}");
        }
    }

    #[test]
    fn only_get_and_head_read() {
        for (method, reads) in [
            ("GET", true),
            ("HEAD", true),
            ("DELETE", false),
            ("get", false),
        ] {
            let head = RequestHead::new(method, "https://a.b/");
            assert_eq!(head.is_read(), reads, "{method}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_parts_of_any_url_make_the_url(url in ".{0,60}") {
            let head = RequestHead::new("GET", &url);
            let query = head.query.map_or(String::new(), |query| format!("?{query}"));
            proptest::prop_assert_eq!(format!("{}{}{query}", head.origin, head.path), url);
        }
    }
}
