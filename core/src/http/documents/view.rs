//! What the documents of one request depend on.

use serde::Serialize;

use super::brief::BriefDocument;
use super::image::ImageDocument;
use super::links::Urls;
use super::server::ServerDocument;
use crate::auth::AccessLevel;
use crate::http::json_page::JsonPage;
use crate::http::microversion::Microversion;
use crate::http::request::RequestHead;
use crate::http::route::ComputeRoute;
use crate::metadata::{Kind, Resource, ResourceId, Server};
use crate::rpc::{ListEntry, ShownRecord};

/// A request, as far as its documents depend on it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The request's method and URL.
    pub head: &'a RequestHead,
    /// The setting `API_BASE_PATH`.
    pub base_path: &'a str,
    /// The request's path.
    pub route: &'a ComputeRoute,
    /// The microversion that holds.
    pub version: Microversion,
    /// Who asks. N: some members are for admins.
    pub access_level: AccessLevel,
}

impl View<'_> {
    /// Returns `{"server": {…}}` or `{"image": {…}}`.
    #[must_use]
    pub fn show(&self, id: ResourceId, record: &ShownRecord) -> String {
        let urls = self.urls();
        let document = match &record.resource {
            Resource::Server(server) => {
                Shown::Server(self.server(&urls, id, record, server, false))
            }
            Resource::Image(image) => Shown::Image(ImageDocument {
                id,
                record,
                image,
                urls: &urls,
            }),
        };
        // Every member has a string as its name.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Adds an entry to a page of a list, in the form in which its object replied. Returns whether it
    /// fits.
    pub fn push(&self, page: &mut JsonPage, id: ResourceId, entry: &ListEntry) -> bool {
        let urls = self.urls();
        let kind = self.route.kind;
        match entry {
            ListEntry::Brief(summary) => page.push_resource(
                id,
                &BriefDocument {
                    id,
                    name: &summary.name,
                    links: urls.links(kind, id),
                },
            ),
            ListEntry::Full(record) => match &record.resource {
                Resource::Server(server) => {
                    page.push_resource(id, &self.server(&urls, id, record, server, true))
                }
                Resource::Image(image) => page.push_resource(
                    id,
                    &ImageDocument {
                        id,
                        record,
                        image,
                        urls: &urls,
                    },
                ),
            },
        }
    }

    fn server<'r>(
        &self,
        urls: &Urls,
        id: ResourceId,
        record: &'r ShownRecord,
        server: &'r Server,
        is_listed: bool,
    ) -> ServerDocument<'r> {
        ServerDocument {
            id,
            record,
            server,
            links: urls.links(Kind::Server, id),
            version: self.version,
            is_admin: self.access_level == AccessLevel::Admin,
            is_listed,
        }
    }

    /// Returns the URL of the list that the request asks for, without its query.
    #[must_use]
    pub fn list_url(&self, detail: bool) -> String {
        self.urls().list(self.route.kind, detail)
    }

    fn urls(&self) -> Urls {
        Urls::new(self.head, self.base_path, self.route)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown<'a> {
    Server(ServerDocument<'a>),
    Image(ImageDocument<'a>),
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::route::Route;
    use crate::metadata::Record;
    use crate::rpc::Summary;
    use crate::timestamp::Timestamp;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

    fn with_view<T>(path: &str, access_level: AccessLevel, f: impl FnOnce(View<'_>) -> T) -> T {
        let head = RequestHead::new("GET", &format!("https://edge.example{path}"));
        let Some(Route::Compute(route)) = Route::parse(&head.path, "/compute") else {
            panic!("{path} is known");
        };
        f(View {
            head: &head,
            base_path: "/compute",
            route: &route,
            version: Microversion::new(71),
            access_level,
        })
    }

    fn record(kind: Kind) -> Record {
        Record {
            name: "a name".into(),
            ..Record::new("ace", kind, Timestamp::default())
        }
    }

    fn shown(kind: Kind, access_level: AccessLevel) -> Value {
        let path = format!("/compute/v2.1/{}/{ID}", kind.plural());
        let id = ResourceId::parse(ID).unwrap();
        let document = with_view(&path, access_level, |view| {
            view.show(id, &record(kind).into())
        });
        serde_json::from_str(&document).unwrap()
    }

    fn listed(kind: Kind, entry: &ListEntry) -> Value {
        let path = format!("/compute/v2.1/{}", kind.plural());
        let mut page = JsonPage::new(5);
        let id = ResourceId::parse(ID).unwrap();
        with_view(&path, AccessLevel::Member, |view| {
            assert!(view.push(&mut page, id, entry));
        });
        assert_eq!(page.last(), Some(id));
        serde_json::from_str(&page.finish(kind.plural(), None)).unwrap()
    }

    #[test]
    fn a_resource_is_shown_under_the_word_for_its_kind() {
        for kind in [Kind::Server, Kind::Image] {
            let document = shown(kind, AccessLevel::Member);
            let names: Vec<_> = document.as_object().unwrap().keys().collect();
            assert_eq!(names, [kind.singular()]);
            assert_eq!(document[kind.singular()]["id"], ID);
        }
    }

    #[test]
    fn n_only_an_admin_sees_the_members_for_admins() {
        let host = "OS-EXT-SRV-ATTR:host";
        for (access_level, is_shown) in [
            (AccessLevel::Reader, false),
            (AccessLevel::Member, false),
            (AccessLevel::Admin, true),
        ] {
            let document = shown(Kind::Server, access_level);
            assert_eq!(document["server"].get(host).is_some(), is_shown);
        }
    }

    #[test]
    fn an_entry_in_full_is_the_document_and_one_in_brief_has_id_name_and_links() {
        for kind in [Kind::Server, Kind::Image] {
            let record = record(kind);
            let brief = ListEntry::Brief(Summary::from(&record));
            let collection = kind.plural();
            assert_eq!(
                listed(kind, &brief),
                json!({ collection: [{
                    "id": ID,
                    "name": "a name",
                    "links": [
                        {
                            "rel": "self",
                            "href": format!("https://edge.example/compute/v2.1/{collection}/{ID}"),
                        },
                        {
                            "rel": "bookmark",
                            "href": format!("https://edge.example/compute/{collection}/{ID}"),
                        },
                    ],
                }]})
            );
            let full = ListEntry::Full(Box::new(record.into()));
            let mut expected = shown(kind, AccessLevel::Member);
            let expected = expected[kind.singular()].as_object_mut().unwrap();
            // N: not in lists.
            expected.remove("server_groups");
            assert_eq!(listed(kind, &full)[collection][0], json!(expected));
        }
    }

    #[test]
    fn a_lists_url_is_the_one_that_the_client_used() {
        for (path, detail, url) in [
            ("/compute/servers", false, "/compute/servers"),
            (
                "/compute/v2.1/e4ee/servers/detail",
                true,
                "/compute/v2.1/e4ee/servers/detail",
            ),
        ] {
            let list_url = with_view(path, AccessLevel::Member, |view| view.list_url(detail));
            assert_eq!(list_url, format!("https://edge.example{url}"));
        }
    }
}
