//! The version documents at `/`, `/v2` and `/v2.1`.

use serde::Serialize;

use super::accept::COMPUTE_JSON;
use super::microversion::Microversion;
use super::route::Prefix;

/// Returns the document at `prefix`. `base_url` is this service's own: its origin and, if one is
/// set, its base path.
#[must_use]
pub fn document(prefix: Prefix, base_url: &str) -> String {
    let document = match prefix {
        Prefix::Bare => Document::All {
            versions: [Entry::v20(base_url), Entry::v21(base_url)],
        },
        Prefix::V2 => Document::One {
            version: Entry::v20(base_url).in_full("2"),
        },
        Prefix::V21 => Document::One {
            version: Entry::v21(base_url).in_full("2.1"),
        },
    };
    // Strings and arrays are always written.
    serde_json::to_string(&document).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Document {
    All { versions: [Entry; 2] },
    One { version: Entry },
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    status: &'static str,
    updated: &'static str,
    version: String,
    min_version: String,
    links: Vec<Link>,
    #[serde(rename = "media-types", skip_serializing_if = "Option::is_none")]
    media_types: Option<[MediaType; 1]>,
}

#[derive(Serialize)]
struct Link {
    rel: &'static str,
    href: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<&'static str>,
}

#[derive(Serialize)]
struct MediaType {
    base: &'static str,
    #[serde(rename = "type")]
    media_type: String,
}

impl Entry {
    fn v20(base_url: &str) -> Self {
        Self {
            id: "v2.0",
            status: "DEPRECATED",
            updated: "2025-07-04T12:00:00Z",
            version: String::new(),
            min_version: String::new(),
            links: vec![own_link(base_url, Prefix::V2)],
            media_types: None,
        }
    }

    fn v21(base_url: &str) -> Self {
        Self {
            id: "v2.1",
            status: "CURRENT",
            updated: "2013-07-23T11:33:21Z",
            version: Microversion::NEWEST.to_string(),
            min_version: Microversion::OLDEST.to_string(),
            links: vec![own_link(base_url, Prefix::V21)],
            media_types: None,
        }
    }

    fn in_full(mut self, number: &str) -> Self {
        self.links.push(Link {
            rel: "describedby",
            href: "http://docs.openstack.org/".to_owned(),
            media_type: Some("text/html"),
        });
        self.media_types = Some([MediaType {
            base: "application/json",
            media_type: format!("{COMPUTE_JSON};version={number}"),
        }]);
        self
    }
}

fn own_link(base_url: &str, prefix: Prefix) -> Link {
    Link {
        rel: "self",
        href: format!("{base_url}{}/", prefix.path()),
        media_type: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(prefix: Prefix, base_url: &str) -> Value {
        serde_json::from_str(&document(prefix, base_url)).unwrap()
    }

    #[test]
    fn n_the_root_names_both_versions() {
        assert_eq!(
            shown(Prefix::Bare, "https://edge.example"),
            json!({"versions": [
                {
                    "id": "v2.0", "status": "DEPRECATED", "version": "", "min_version": "",
                    "updated": "2025-07-04T12:00:00Z",
                    "links": [{"rel": "self", "href": "https://edge.example/v2/"}],
                },
                {
                    "id": "v2.1", "status": "CURRENT", "version": "2.104", "min_version": "2.1",
                    "updated": "2013-07-23T11:33:21Z",
                    "links": [{"rel": "self", "href": "https://edge.example/v2.1/"}],
                },
            ]})
        );
    }

    #[test]
    fn n_each_version_is_shown_in_full_where_it_is() {
        assert_eq!(
            shown(Prefix::V21, "https://edge.example"),
            json!({"version": {
                "id": "v2.1", "status": "CURRENT", "version": "2.104", "min_version": "2.1",
                "updated": "2013-07-23T11:33:21Z",
                "links": [
                    {"rel": "self", "href": "https://edge.example/v2.1/"},
                    {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"},
                ],
                "media-types": [{
                    "base": "application/json",
                    "type": "application/vnd.openstack.compute+json;version=2.1",
                }],
            }})
        );
        let v2 = shown(Prefix::V2, "https://edge.example");
        assert_eq!(v2["version"]["id"], "v2.0");
        assert_eq!(
            v2["version"]["media-types"][0]["type"],
            "application/vnd.openstack.compute+json;version=2"
        );
    }

    #[test]
    fn links_name_the_base_path() {
        let root = shown(Prefix::Bare, "https://edge.example/compute");
        assert_eq!(
            root["versions"][0]["links"][0]["href"],
            "https://edge.example/compute/v2/"
        );
        let v21 = shown(Prefix::V21, "https://edge.example/compute");
        assert_eq!(
            v21["version"]["links"][0]["href"],
            "https://edge.example/compute/v2.1/"
        );
    }
}
