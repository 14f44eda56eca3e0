//! The lists that serve clients which look a name up first.
//!
//! The index says what might be there; what is shown is what each resource's own record says now,
//! so a list never names a resource to a project that may not see it, however late the index is.

use std::borrow::Cow;

use super::answer::Answer;
use super::fault::Fault;
use super::head::Head;
use super::operation::collection_url;
use super::query::ListQuery;
use super::route::ComputeRoute;
use super::version::Microversion;
use super::{Api, view};
use crate::identity::policy::{Actor, Standing};
use crate::identity::token::Identity;
use crate::json::{Object, array};
use crate::log::Trace;
use crate::metadata::{Kind, Operation, Outcome, Record, Resource, ResourceId, Visibility};
use crate::store::client::{self, Caller, StoreError};
use crate::store::listing::{Page, Position};
use crate::store::message::{Reply, Task};
use crate::store::outbox::PUBLIC;

/// Pages of the index that are read for one answer, when most of what they name is not shown.
const MOST_PAGES: usize = 10;

/// One request for a list.
pub(super) struct Listing<'a> {
    pub(super) api: &'a Api,
    pub(super) head: &'a Head,
    pub(super) identity: &'a Identity,
    pub(super) route: &'a ComputeRoute,
    pub(super) detail: bool,
    pub(super) version: Microversion,
    pub(super) caller: &'a Caller,
}

impl Listing<'_> {
    /// Answers it.
    pub(super) async fn answer(&self, trace: &mut Trace) -> Result<Answer, Fault> {
        let kind = self.route.kind;
        let query = ListQuery::parse(self.head.query.as_deref().unwrap_or_default(), kind)?;
        let lists = lists(kind, &self.identity.actor, self.detail)?;
        let records = self
            .records(&lists, &query)
            .await
            .map_err(|problem| problem.into_fault(trace))?;
        let collection = collection_url(self.head, self.route);
        let entries: Vec<_> = records
            .iter()
            .map(|(id, record)| {
                if self.detail {
                    view::in_full(id.as_str(), record, &collection, self.version)
                } else {
                    view::in_brief(id.as_str(), record, &collection)
                }
            })
            .collect();
        let next = records
            .last()
            .filter(|_| records.len() == query.limit)
            .map(|(id, _)| self.next_link(&collection, &query, id));
        let document = Object::new().json(kind.plural(), &array(&entries));
        let links = match kind {
            Kind::Server => "servers_links",
            Kind::Image => "images_links",
        };
        let document = match next {
            Some(next) => document.json(links, &next),
            None => document,
        };
        Ok(Answer::json(200, document.end()))
    }

    fn next_link(&self, collection: &str, query: &ListQuery, last: &ResourceId) -> String {
        let detail = if self.detail { "/detail" } else { "" };
        // What else was asked for holds on the next page, too.
        let others = self.head.query.as_deref().unwrap_or_default().split('&');
        let mut pairs: Vec<_> = others
            .filter(|pair| {
                !pair.is_empty() && !pair.starts_with("marker=") && !pair.starts_with("limit=")
            })
            .map(str::to_owned)
            .collect();
        pairs.push(format!("limit={}", query.limit));
        pairs.push(format!("marker={}", last.as_str()));
        let href = format!("{collection}{detail}?{}", pairs.join("&"));
        array(&[Object::new().text("rel", "next").text("href", &href).end()])
    }

    /// Up to `limit` records, newest first.
    async fn records(
        &self,
        lists: &[&str],
        query: &ListQuery,
    ) -> Result<Vec<(ResourceId, Record)>, Problem> {
        let mut after = match &query.marker {
            Some(marker) => self.position(marker).await?,
            None => Position::start(),
        };
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let missing = query.limit - found.len();
            let positions = self.page(lists, query, &after, missing).await?;
            let Some(last) = positions.last().cloned() else {
                break;
            };
            let is_last_page = positions.len() < missing;
            found.extend(self.visible(positions).await?);
            if is_last_page || found.len() >= query.limit {
                break;
            }
            after = last;
        }
        Ok(found)
    }

    /// Where the marker is; only what is seen can be one.
    async fn position(&self, marker: &str) -> Result<Position, Problem> {
        let unknown = || Problem::Marker(marker.to_owned());
        let id = ResourceId::parse(marker).ok_or_else(unknown)?;
        let shown = self.show(std::slice::from_ref(&id)).await?;
        let record = shown.into_iter().next().flatten().ok_or_else(unknown)?;
        Ok(Position {
            created: created(&record),
            id: id.as_str().to_owned(),
        })
    }

    /// The next entries of all lists together.
    async fn page(
        &self,
        lists: &[&str],
        query: &ListQuery,
        after: &Position,
        limit: usize,
    ) -> Result<Vec<Position>, Problem> {
        let page = Page {
            kind: self.route.kind.singular().to_owned(),
            after: after.clone(),
            limit: i64::try_from(limit).unwrap_or_default(),
            name: query.name.clone(),
        };
        let mut positions = Vec::new();
        for list in lists {
            for position in client::list(&self.api.indexes, list, &page).await? {
                // Newest first; what is in two lists is one entry.
                let search = positions.binary_search_by(|found: &Position| position.cmp(found));
                if let Err(at) = search {
                    positions.insert(at, position);
                }
            }
        }
        positions.truncate(limit);
        Ok(positions)
    }

    /// Those of them that the project finds in its list, by their own records.
    async fn visible(
        &self,
        positions: Vec<Position>,
    ) -> Result<Vec<(ResourceId, Record)>, Problem> {
        let ids: Vec<_> = positions
            .iter()
            .filter_map(|position| ResourceId::parse(&position.id))
            .collect();
        let records = self.show(&ids).await?;
        let listed = ids.into_iter().zip(records).filter_map(|(id, record)| {
            let record = record.filter(|record| is_listed(record, &self.identity.actor))?;
            Some((id, record))
        });
        Ok(listed.collect())
    }

    async fn show(&self, ids: &[ResourceId]) -> Result<Vec<Option<Record>>, Problem> {
        let task = Task::Perform {
            operation: Cow::Owned(Operation::Show),
            actor: Cow::Borrowed(&self.identity.actor),
            item_limit: self.api.settings.metadata_items,
        };
        let kind = self.route.kind;
        let replies = client::show_all(&self.api.objects, kind, ids, &task, self.caller).await?;
        let record = |reply| match reply {
            Reply::Done(Outcome::Record(record)) => Some(record),
            _ => None,
        };
        Ok(replies.into_iter().map(record).collect())
    }
}

/// Why there is no list.
enum Problem {
    /// N: 400, there is nothing that the list could go on after.
    Marker(String),
    /// 503.
    Store(StoreError),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Problem {
    fn into_fault(self, trace: &mut Trace) -> Fault {
        match self {
            Self::Marker(marker) => Fault::Schema(format!("marker [{marker}] not found")),
            Self::Store(error) => {
                trace.detail = Some(error.to_string());
                Fault::StoreUnavailable
            }
        }
    }
}

/// The lists to look in. S2: 403 for servers without a project or a role; N: no images are found
/// without one.
fn lists(kind: Kind, actor: &Actor, detail: bool) -> Result<Vec<&str>, Fault> {
    let reads = actor.standing >= Standing::Reader;
    match (kind, actor.project_id.as_deref()) {
        (Kind::Server, Some(project_id)) if reads => Ok(vec![project_id]),
        (Kind::Server, _) => {
            let right = if detail { "detail" } else { "index" };
            Err(Fault::Policy(format!("os_compute_api:servers:{right}")))
        }
        (Kind::Image, Some(project_id)) if reads => Ok(vec![project_id, PUBLIC]),
        (Kind::Image, None) if actor.standing == Standing::Admin => Ok(vec![PUBLIC]),
        (Kind::Image, _) => Ok(Vec::new()),
    }
}

/// Whether the record belongs in the project's list: an admin sees more than is listed.
fn is_listed(record: &Record, actor: &Actor) -> bool {
    let project_id = actor.project_id.as_deref();
    let own = project_id == Some(record.resource.project_id());
    match &record.resource {
        Resource::Server(_) => own,
        Resource::Image(image) => match image.visibility {
            Visibility::Public => true,
            Visibility::Shared => project_id.is_some_and(|id| image.is_visible_to(id)),
            Visibility::Community | Visibility::Private => own,
        },
    }
}

fn created(record: &Record) -> i64 {
    match &record.resource {
        Resource::Server(server) => server.created.millis(),
        Resource::Image(image) => image.created.millis(),
    }
}
