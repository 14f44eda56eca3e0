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
use crate::metadata::{Kind, Record, Resource, ResourceId};
use crate::rpc::ListEntry;

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
    pub fn show(&self, id: ResourceId, record: &Record) -> String {
        let urls = self.urls();
        let document = match &record.resource {
            Resource::Server(server) => Shown::Server(ServerDocument {
                id,
                record,
                server,
                links: urls.links(Kind::Server, id),
                version: self.version,
                is_admin: self.is_admin(),
                is_listed: false,
            }),
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
            ListEntry::Brief(summary) => page.push(&BriefDocument {
                id,
                name: &summary.name,
                links: urls.links(kind, id),
            }),
            ListEntry::Full(record) => match &record.resource {
                Resource::Server(server) => page.push(&ServerDocument {
                    id,
                    record,
                    server,
                    links: urls.links(kind, id),
                    version: self.version,
                    is_admin: self.is_admin(),
                    is_listed: true,
                }),
                Resource::Image(image) => page.push(&ImageDocument {
                    id,
                    record,
                    image,
                    urls: &urls,
                }),
            },
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

    fn is_admin(&self) -> bool {
        self.access_level == AccessLevel::Admin
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown<'a> {
    Server(ServerDocument<'a>),
    Image(ImageDocument<'a>),
}
