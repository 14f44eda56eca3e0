//! Lists, for the clients that look a server or an image up first.
//!
//! An index says what might be there. What is shown is what each resource's own record says now, so a
//! list never names a resource to a project that may not see it, however late the index is.

use edge_metadata_core::auth::Actor;
use edge_metadata_core::http::accept::compute_media_type;
use edge_metadata_core::http::documents::View;
use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::header;
use edge_metadata_core::http::json_page::JsonPage;
use edge_metadata_core::http::list::{ListQuery, Marker};
use edge_metadata_core::http::microversion::Microversion;
use edge_metadata_core::http::response::Response;
use edge_metadata_core::http::route::ComputeRoute;
use edge_metadata_core::metadata::{Kind, ResourceId};
use edge_metadata_core::rpc::{
    IndexPage, IndexQuery, ListEntry, ListScope, Order, Position, ShowListEntry, Summary,
};
use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::exchange::Exchange;
use crate::objects::client::StoreError;
use crate::records::Records;

/// Pages of the lists that one answer is searched in at most.
const MAX_SEARCHES: usize = 10;

/// Full records that are asked for at once: some 64 of the largest fill a page.
const FULL_AT_ONCE: usize = 25;

/// Answers a request for a list.
///
/// # Errors
///
/// 400 and 403 as [`ListQuery::parse`]; 400 for a marker that does not exist; 503 when a list, the
/// marker's record or all records of the page that were asked for did not reply, as [`Records::check`].
pub(crate) async fn answer(
    exchange: &Exchange,
    route: &ComputeRoute,
    detail: bool,
    version: Microversion,
    actor: &Actor,
) -> Result<Response, Fault> {
    let head = &exchange.context.head;
    let query = ListQuery::parse(head.query(), route.kind, detail, version, actor)?;
    let listing = Listing {
        exchange,
        kind: route.kind,
        actor,
        detail,
        query,
        view: exchange.view(route, version, actor),
        records: Records::new(&exchange.context),
    };
    let mut page = JsonPage::new(listing.query.limit);
    let next = if listing.query.is_empty() {
        None
    } else {
        listing.fill(&mut page).await?
    };
    listing.records.check()?;
    let next = next.map(|marker| {
        let list_url = listing.view.list_url(detail);
        listing.query.next_url(&list_url, &marker)
    });
    let accept = exchange.header(header::ACCEPT);
    let document = page.finish(route.kind.plural(), next);
    Ok(Response::json(200, document).with_content_type(compute_media_type(accept.as_deref())))
}

/// One request for a list.
struct Listing<'a> {
    exchange: &'a Exchange,
    kind: Kind,
    actor: &'a Actor,
    detail: bool,
    query: ListQuery,
    view: View<'a>,
    records: Records<'a>,
}

impl Listing<'_> {
    /// Fills a page, newest first. Returns where the next page begins, if there may be one.
    async fn fill(&self, page: &mut JsonPage) -> Result<Option<Marker>, Fault> {
        let mut after = self.start().await?;
        if let Some(id) = self.query.only_id() {
            let ids: Vec<_> = ResourceId::parse(id).into_iter().collect();
            self.push_all(page, &ids, Some(&after)).await;
            return Ok(None);
        }
        let mut searches = 0;
        loop {
            let limit = self.records.group_size(page.missing());
            let found = self.positions(&after, limit).await?;
            let ids: Vec<_> = found
                .entries
                .iter()
                .filter_map(|position| ResourceId::parse(&position.id))
                .collect();
            searches += 1;
            self.push_all(page, &ids, None).await;
            if page.is_full() {
                return Ok(page.last().map(|id| Marker::Resource(id.to_string())));
            }
            match found.resume_after {
                None => return Ok(None),
                Some(position) if searches >= MAX_SEARCHES || !self.records.allow_another() => {
                    return Ok(Some(Marker::Position(position)));
                }
                Some(position) => after = position,
            }
        }
    }

    /// Returns the place that the page begins behind.
    async fn start(&self) -> Result<Position, Fault> {
        let id = match &self.query.marker {
            None => return Ok(Position::start(Order::NewestFirst)),
            Some(Marker::Position(position)) => return Ok(position.clone()),
            Some(Marker::Resource(id)) => id,
        };
        // N: 400 for a resource that does not exist for this project.
        let unknown = || Fault::MarkerNotFound(id.clone());
        let resource_id = ResourceId::parse(id).ok_or_else(unknown)?;
        let args = ShowListEntry {
            scope: ListScope::Visible,
            detail: false,
            soft_deleted: false,
        };
        match self.records.marker(self.entry(resource_id, &args)).await? {
            Some(ListEntry::Brief(summary)) => Ok(Position {
                created: summary.created.timestamp_millis(),
                id: id.clone(),
            }),
            _ => Err(unknown()),
        }
    }

    /// Returns the next entries of all lists together, up to `limit`.
    async fn positions(&self, after: &Position, limit: usize) -> Result<IndexPage, Fault> {
        let query = IndexQuery {
            kind: self.kind.into(),
            after: after.clone(),
            limit: if self.detail {
                limit.min(FULL_AT_ONCE)
            } else {
                limit
            },
            name: self.query.names(),
            order: Order::NewestFirst,
        };
        let indexes = self.exchange.service.indexes()?;
        let pages: FuturesUnordered<_> = self
            .query
            .lists()
            .into_iter()
            .map(|list| indexes.list(list, &query))
            .collect();
        let pages: Vec<IndexPage> = pages
            .try_collect()
            .await
            .map_err(|error| self.exchange.store_failed(&error))?;
        Ok(IndexPage::merge(pages, query.limit))
    }

    /// Adds the records that the list shows to the page, in the order of `ids`. With `after`, only those
    /// that follow that place are added; [`None`] adds all, for ids that the index has already selected.
    async fn push_all(&self, page: &mut JsonPage, ids: &[ResourceId], after: Option<&Position>) {
        for (id, entry) in self.entries(ids).await {
            let summary = match &entry {
                ListEntry::Brief(summary) => summary.clone(),
                ListEntry::Full(record) => Summary::from(record.as_ref()),
            };
            let is_before = |after: &Position| {
                let created = summary.created.timestamp_millis();
                (created, id.to_string()) >= (after.created, after.id.clone())
            };
            if !self.query.matches(id, &summary) || after.is_some_and(is_before) {
                continue;
            }
            if !self.view.push(page, id, &entry) {
                break;
            }
        }
    }

    /// Asks for records, all at once, and returns those that are in the lists.
    async fn entries(&self, ids: &[ResourceId]) -> Vec<(ResourceId, ListEntry)> {
        let args = ShowListEntry {
            scope: self.query.scope(),
            detail: self.detail,
            soft_deleted: self.query.soft_deleted(),
        };
        let calls = ids.iter().map(|id| self.entry(*id, &args));
        let replies = self.records.group(calls).await;
        let entries = ids.iter().zip(replies);
        entries
            .filter_map(|(id, reply)| Some((*id, reply.flatten()?)))
            .collect()
    }

    async fn entry(
        &self,
        id: ResourceId,
        args: &ShowListEntry,
    ) -> Result<Option<ListEntry>, StoreError> {
        let Ok(resources) = self.exchange.service.resources() else {
            return Ok(None);
        };
        let options = self.exchange.call_options();
        resources
            .client(self.kind, id, self.actor, options)
            .list_entry(args)
            .await
    }
}
