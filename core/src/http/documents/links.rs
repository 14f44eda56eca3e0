//! Where a resource is found.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::Serialize;

use crate::http::request::RequestHead;
use crate::http::route::ComputeRoute;
use crate::metadata::Kind;

/// Everything but what a segment of a path may hold as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The URLs of collections, below the prefix and the project that the client used.
#[derive(Debug, Clone)]
pub(super) struct Urls {
    /// `https://edge.example/v2.1/{project_id}`
    below: String,
    /// `https://edge.example`: bookmarks have no version.
    bookmarks: String,
}

/// The two links of a resource.
#[derive(Debug, Serialize)]
pub(super) struct Links([Link; 2]);

#[derive(Debug, Serialize)]
struct Link {
    rel: &'static str,
    href: String,
}

/// Returns any text as a segment of a path.
pub(super) fn segment(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, SEGMENT)
}

impl Urls {
    pub(super) fn new(head: &RequestHead, base_path: &str, route: &ComputeRoute) -> Self {
        let bookmarks = format!("{}{base_path}", head.origin);
        let mut below = format!("{bookmarks}{}", route.prefix.path());
        if let Some(project_id) = &route.project_id {
            below.push('/');
            below.push_str(project_id);
        }
        Self { below, bookmarks }
    }

    /// Returns the URL of a list.
    pub(super) fn list(&self, kind: Kind, detail: bool) -> String {
        let detail = if detail { "/detail" } else { "" };
        format!("{}/{}{detail}", self.below, kind.plural())
    }

    /// Returns the links of one resource. N has a third one for images, which names Glance; Glance is
    /// not known here.
    pub(super) fn links(&self, kind: Kind, id: impl Display) -> Links {
        let link = |rel, base: &str| Link {
            rel,
            href: format!("{base}/{}/{id}", kind.plural()),
        };
        Links([link("self", &self.below), link("bookmark", &self.bookmarks)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::route::Route;
    use crate::metadata::ResourceId;

    #[test]
    fn links_name_the_path_that_the_client_used_and_bookmarks_have_no_version() {
        let id = ResourceId::parse("5ec95878-b74d-40f2-be61-c3c1ae5e5b19").unwrap();
        for (path, base_path, below, bookmarks) in [
            ("/servers/x", "", "", ""),
            ("/v2/servers/x", "", "/v2", ""),
            ("/v2.1/e4ee/servers/x", "", "/v2.1/e4ee", ""),
            ("//v2.1//e4ee//servers/x", "", "/v2.1/e4ee", ""),
            (
                "/compute/v2.1/e4ee/servers/x",
                "/compute",
                "/compute/v2.1/e4ee",
                "/compute",
            ),
        ] {
            let head = RequestHead::new("GET", &format!("https://edge.example:1{path}"));
            let Some(Route::Compute(route)) = Route::parse(&head.path, base_path) else {
                panic!("{path} is known");
            };
            let urls = Urls::new(&head, base_path, &route);
            assert_eq!(
                serde_json::to_value(urls.links(Kind::Server, id)).unwrap(),
                json!([
                    {"rel": "self", "href": format!("https://edge.example:1{below}/servers/{id}")},
                    {
                        "rel": "bookmark",
                        "href": format!("https://edge.example:1{bookmarks}/servers/{id}"),
                    },
                ])
            );
            assert_eq!(
                urls.list(Kind::Server, true),
                format!("https://edge.example:1{below}/servers/detail")
            );
        }
    }
}
