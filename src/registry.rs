//! The registry: the control plane says which servers and images exist, and in which state they are.
//! Its order of checks: size, token, path, role, content type, JSON, schema.

use edge_metadata_core::auth::{Actor, Identity};
use edge_metadata_core::http::checks::REGISTRY_BODY_LIMIT;
use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::json_page::JsonPage;
use edge_metadata_core::http::list::Marker;
use edge_metadata_core::http::registry::{
    self as documents, CHANGES, RegistryQuery, changed_entry, deleted_at, entry, fault, feed,
    forbidden, respond,
};
use edge_metadata_core::http::response::Response;
use edge_metadata_core::http::route::{Name, RegistryRoute};
use edge_metadata_core::metadata::{Kind, ResourceId};
use edge_metadata_core::registry::parse;
use edge_metadata_core::rpc::{
    ChangedResource, EntryKind, IndexPage, IndexQuery, NameFilter, Order, Position, Registered,
};
use edge_metadata_core::storage::index_entry;
use serde_json::Value as Json;

use crate::exchange::Exchange;
use crate::objects::client::ResourceClient;
use crate::records::Records;

/// Records that are asked for at once, at most.
const RECORDS_AT_ONCE: usize = 25;

/// Answers a request to the registry.
///
/// # Errors
///
/// 400, 403, 404, 413, 415 or 503.
pub(crate) async fn answer(
    exchange: &Exchange,
    route: &RegistryRoute,
    identity: &Identity,
) -> Result<Response, Fault> {
    // P: nobody's body is read who may not write.
    if !identity.may_use_registry {
        return Err(forbidden(exchange.method()));
    }
    let body = exchange.read_json(REGISTRY_BODY_LIMIT).await?;
    let registry = Registry {
        exchange,
        actor: &identity.actor,
    };
    match route {
        RegistryRoute::Resource(kind, id) => registry.resource(*kind, id, &body).await,
        RegistryRoute::List(kind) => registry.records(*kind, route).await,
        RegistryRoute::Changes => registry.changes(route).await,
        RegistryRoute::Feed => registry.report_feed(&body).await,
    }
}

/// One request to the registry.
struct Registry<'a> {
    exchange: &'a Exchange,
    actor: &'a Actor,
}

impl Registry<'_> {
    /// PUT, GET or DELETE of one record.
    async fn resource(&self, kind: Kind, id: &Name, body: &Json) -> Result<Response, Fault> {
        let context = &self.exchange.context;
        let id = documents::id(id)?;
        context.log(|record| record.resource_id = Some(id.to_string()));
        let object = self.object(kind, id)?;
        let registered = match context.head.method.as_str() {
            "PUT" => {
                context.log(|record| record.audit("register"));
                let document = parse(kind, body, context.received_at)?;
                object.register(&document).await
            }
            "DELETE" => {
                context.log(|record| record.audit("unregister"));
                let observed_at = deleted_at(context.head.query(), context.received_at)?;
                let removed = object.unregister(observed_at).await;
                return removed
                    .map_err(|error| self.exchange.store_failed(&error))?
                    .map(|()| Response::no_content())
                    .map_err(|error| fault(error, kind, id));
            }
            _ => object.inspect().await,
        };
        registered
            .map_err(|error| self.exchange.store_failed(&error))?
            .map(|registered| respond(id, registered))
            .map_err(|error| fault(error, kind, id))
    }

    /// GET of what is registered of a project, newest first.
    ///
    /// # Errors
    ///
    /// 400 as [`RegistryQuery::records`] and for a marker that does not exist; 503 when the list, the
    /// marker's record or all records that were asked for did not reply, as [`Records::check`].
    async fn records(&self, kind: Kind, route: &RegistryRoute) -> Result<Response, Fault> {
        let query = RegistryQuery::records(self.exchange.context.head.query())?;
        let project_id = query.project_id.as_deref().unwrap_or_default();
        let mut page = JsonPage::new(query.limit);
        let records = Records::new(&self.exchange.context);
        let mut after = match &query.marker {
            None => Position::start(Order::NewestFirst),
            Some(Marker::Position(position)) => position.clone(),
            Some(Marker::Resource(id)) => self.position(kind, id, &records).await?,
        };
        // Whether some of the records are not shown. Then more are asked for than the page misses.
        let mut is_sparse = false;
        let next = loop {
            let limit = if is_sparse {
                RECORDS_AT_ONCE
            } else {
                page.missing().min(RECORDS_AT_ONCE)
            };
            let found = self
                .index(project_id, kind.into(), &after, limit, Order::NewestFirst)
                .await?;
            let mut overflow = false;
            for (position, registered) in self.inspect_all(kind, &found, &records).await? {
                // What the page has no room for is on the next one, whether it replied or not.
                if page.is_full() {
                    overflow = true;
                    break;
                }
                // An image is in its members' lists as well.
                let own = registered.filter(|(_, own)| own.record.project_id == project_id);
                if let Some((id, registered)) = own {
                    if !page.push(&entry(id, registered)) {
                        overflow = true;
                        break;
                    }
                } else {
                    is_sparse = true;
                }
                after = position;
            }
            match found.resume_after {
                _ if overflow => break Some(Marker::Position(after)),
                Some(position) if page.is_full() || !records.allow_another() => {
                    break Some(Marker::Position(position));
                }
                Some(position) => after = position,
                None => break None,
            }
        };
        records.check()?;
        Ok(self.page(page, kind.plural(), &query, route, next))
    }

    /// GET of the resources with changes that the cloud has yet to apply, oldest first.
    async fn changes(&self, route: &RegistryRoute) -> Result<Response, Fault> {
        // P: without `CHANGES=keep` none of this exists.
        if !self.exchange.service.settings.keep_changes {
            return Err(Fault::NotFound);
        }
        let query = RegistryQuery::changes(self.exchange.context.head.query())?;
        let after = match &query.marker {
            Some(Marker::Position(position)) => position.clone(),
            // Only a link's own marker says which of its changes a resource was listed for.
            Some(Marker::Resource(id)) => return Err(Fault::MarkerNotFound(id.clone())),
            None => Position::start(Order::OldestFirst),
        };
        let mut page = JsonPage::new(query.limit);
        let found = self
            .index(
                index_entry::CHANGES,
                EntryKind::Change,
                &after,
                query.limit,
                Order::OldestFirst,
            )
            .await?;
        for position in &found.entries {
            if let Some(changed) = ChangedResource::parse(&position.id) {
                page.push(&changed_entry(changed, position.created));
            }
        }
        let next = found.resume_after.map(Marker::Position);
        Ok(self.page(page, CHANGES, &query, route, next))
    }

    /// PUT of when the control plane was in step last.
    async fn report_feed(&self, body: &Json) -> Result<Response, Fault> {
        let context = &self.exchange.context;
        let observed_at = feed(body, context.received_at)?;
        let indexes = self.exchange.service.indexes()?;
        let reported = indexes.report_feed(observed_at).await;
        reported.map_err(|error| self.exchange.store_failed(&error))?;
        Ok(Response::no_content())
    }

    fn object(&self, kind: Kind, id: ResourceId) -> Result<ResourceClient<'_>, Fault> {
        let resources = self.exchange.service.resources()?;
        Ok(resources.client(kind, id, self.actor, self.exchange.call_options()))
    }

    async fn index(
        &self,
        list: &str,
        kind: EntryKind,
        after: &Position,
        limit: usize,
        order: Order,
    ) -> Result<IndexPage, Fault> {
        let query = IndexQuery {
            kind,
            after: after.clone(),
            limit,
            name: NameFilter::Any,
            order,
        };
        let indexes = self.exchange.service.indexes()?;
        let page = indexes.list(list, &query).await;
        page.map_err(|error| self.exchange.store_failed(&error))
    }

    /// Returns the place of a record that the last page ended with.
    async fn position(
        &self,
        kind: Kind,
        id: &str,
        records: &Records<'_>,
    ) -> Result<Position, Fault> {
        let unknown = || Fault::MarkerNotFound(id.to_owned());
        let resource_id = ResourceId::parse(id).ok_or_else(unknown)?;
        let object = self.object(kind, resource_id)?;
        let known = records.marker(object.inspect()).await?;
        let created = known.map_err(|_| unknown())?.record.created;
        Ok(Position {
            created: created.timestamp_millis(),
            id: id.to_owned(),
        })
    }

    /// Asks for the records of a page, in its order; [`None`] for one that does not exist any more, and
    /// for one that cannot be read in time.
    async fn inspect_all(
        &self,
        kind: Kind,
        page: &IndexPage,
        records: &Records<'_>,
    ) -> Result<Vec<(Position, Option<(ResourceId, Registered)>)>, Fault> {
        let resources = self.exchange.service.resources()?;
        let options = self.exchange.call_options();
        let calls = page.entries.iter().map(async |position| {
            let Some(id) = ResourceId::parse(&position.id) else {
                return Ok(None);
            };
            let object = resources.client(kind, id, self.actor, options);
            let registered = object.inspect().await?;
            Ok(registered.ok().map(|registered| (id, registered)))
        });
        let replies = records.group(calls).await;
        let positions = page.entries.iter().cloned();
        Ok(positions
            .zip(replies.into_iter().map(Option::flatten))
            .collect())
    }

    fn page(
        &self,
        page: JsonPage,
        collection: &str,
        query: &RegistryQuery,
        route: &RegistryRoute,
        next: Option<Marker>,
    ) -> Response {
        let base_path = &self.exchange.service.settings.api_base_path;
        let base_url = documents::base_url(&self.exchange.context.head, base_path);
        let next = next.map(|marker| query.next_url(&base_url, route, &marker));
        Response::json(200, page.finish(collection, next))
    }
}
