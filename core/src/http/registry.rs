//! The registry's requests and responses: `/registry/…`, for the control plane.

use serde::Serialize;
use serde_json::Value as Json;

use super::fault::Fault;
use super::json_page::MAX_ENTRIES;
use super::list::Marker;
use super::query;
use super::rejection::not_found;
use super::request::RequestHead;
use super::response::Response;
use super::route::{Name, RegistryRoute};
use crate::metadata::{Kind, ResourceId, is_project_id};
use crate::registry::{FullRecord, InvalidField, observed_at};
use crate::rpc::{ChangedResource, Registered, RegistryError};
use crate::timestamp::{self, Timestamp};

/// Returns the 403 for those who may not use the registry.
#[must_use]
pub fn forbidden(method: &str) -> Fault {
    let right = match method {
        "PUT" => "update",
        "DELETE" => "delete",
        _ => "show",
    };
    Fault::Policy(format!("registry:{right}"))
}

/// Returns the id of a record.
///
/// # Errors
///
/// 400 for what is no lower-case hyphenated UUID.
pub fn id(name: &Name) -> Result<ResourceId, Fault> {
    name.text()
        .and_then(ResourceId::parse)
        .ok_or_else(|| invalid("id", "must be a lower-case hyphenated UUID"))
}

/// Returns when the control plane saw that a resource is gone: the parameter `observed_at` of a
/// DELETE, [`None`] for now.
///
/// # Errors
///
/// 400 for a malformed or a future time, and for any other parameter.
pub fn deleted_at(query: &str, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let mut time = None;
    for (name, value) in query::pairs(query) {
        if name != "observed_at" {
            return Err(unknown_parameter(&name));
        }
        time = Some(observed_at(&value.into(), &name, now)?);
    }
    Ok(time)
}

/// Returns when the control plane was in step last: the body `{"feed": {"observed_at": …}}` of a PUT
/// of the feed.
///
/// # Errors
///
/// 400 naming the field that is missing, unknown or malformed.
pub fn feed(body: &Json, now: Timestamp) -> Result<Timestamp, Fault> {
    let feed = only_member(body, "body", "feed")?;
    let time = only_member(feed, "feed", "observed_at")?;
    Ok(observed_at(time, "feed.observed_at", now)?)
}

fn only_member<'a>(value: &'a Json, path: &str, name: &str) -> Result<&'a Json, Fault> {
    let object = value
        .as_object()
        .ok_or_else(|| invalid(path, "must be an object"))?;
    let member_path = |member: &str| match path {
        "body" => member.to_owned(),
        _ => format!("{path}.{member}"),
    };
    if let Some(other) = object.keys().find(|key| *key != name) {
        return Err(invalid(&member_path(other), "unknown field"));
    }
    object
        .get(name)
        .ok_or_else(|| invalid(&member_path(name), "required"))
}

/// A page of the registry's lists that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryQuery {
    /// Whose records are asked for; [`None`] for the changes, which are of all projects.
    pub project_id: Option<String>,
    /// How many entries at most, up to [`MAX_ENTRIES`].
    pub limit: usize,
    /// The entry that the page follows.
    pub marker: Option<Marker>,
}

impl RegistryQuery {
    /// Reads the query of `/registry/servers` and `/registry/images`.
    ///
    /// # Errors
    ///
    /// 400 naming the parameter that is missing, unknown or malformed.
    pub fn records(query: &str) -> Result<Self, Fault> {
        let read = Self::read(query)?;
        match read.project_id {
            Some(_) => Ok(read),
            None => Err(invalid("project_id", "required")),
        }
    }

    /// Reads the query of `/registry/changes`.
    ///
    /// # Errors
    ///
    /// 400 naming the parameter that is unknown or malformed.
    pub fn changes(query: &str) -> Result<Self, Fault> {
        let read = Self::read(query)?;
        match read.project_id {
            None => Ok(read),
            Some(_) => Err(unknown_parameter("project_id")),
        }
    }

    fn read(query: &str) -> Result<Self, Fault> {
        let mut read = Self {
            project_id: None,
            limit: MAX_ENTRIES,
            marker: None,
        };
        for (name, value) in query::pairs(query) {
            match name.as_str() {
                "project_id" if is_project_id(&value) => read.project_id = Some(value),
                "project_id" => return Err(invalid("project_id", "must match [0-9a-f-]+")),
                // An empty limit or marker counts as absent, as in the other lists.
                "limit" if value.is_empty() => {}
                "limit" => read.limit = limit(&value)?,
                "marker" => {
                    read.marker = Some(value)
                        .filter(|value| !value.is_empty())
                        .map(|value| Marker::parse(&value));
                }
                _ => return Err(unknown_parameter(&name)),
            }
        }
        Ok(read)
    }

    /// Returns the URL of the page that follows `marker`. `base_url` is this service's origin and
    /// base path.
    #[must_use]
    pub fn next_url(&self, base_url: &str, route: &RegistryRoute, marker: &Marker) -> String {
        let path = match route {
            RegistryRoute::List(kind) => kind.plural(),
            _ => CHANGES,
        };
        let project_id = self
            .project_id
            .clone()
            .map(|id| ("project_id".to_owned(), id));
        let others = [
            ("limit".to_owned(), self.limit.to_string()),
            ("marker".to_owned(), marker.text()),
        ];
        let query = query::encode(project_id.into_iter().chain(others));
        format!("{base_url}/registry/{path}?{query}")
    }
}

/// The collection of the resources with changes that the cloud has yet to apply.
pub const CHANGES: &str = "changes";

fn limit(value: &str) -> Result<usize, Fault> {
    value
        .parse()
        .ok()
        .filter(|limit| *limit > 0)
        .map(|limit: usize| limit.min(MAX_ENTRIES))
        .ok_or_else(|| invalid("limit", "must be a positive integer"))
}

fn unknown_parameter(name: &str) -> Fault {
    invalid(name, "unknown parameter")
}

fn invalid(path: &str, reason: &str) -> Fault {
    InvalidField::new(path, reason).into()
}

/// Returns an entry of `/registry/servers` or `/registry/images`: the full record.
#[must_use]
pub fn entry(id: ResourceId, registered: Registered) -> impl Serialize {
    match FullRecord::new(id, registered.record, registered.changes) {
        FullRecord::Server(fields) => Entry::Server(fields),
        FullRecord::Image(fields) => Entry::Image(fields),
    }
}

/// A full record without the wrapper `{"server": …}` or `{"image": …}`.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry<S, I> {
    Server(S),
    Image(I),
}

/// Returns an entry of `/registry/changes`, with the time of its oldest change in milliseconds since
/// 1970.
#[must_use]
pub fn changed_entry(changed: ChangedResource, since_millis: i64) -> impl Serialize {
    #[derive(Serialize)]
    struct Mark {
        kind: Kind,
        id: ResourceId,
        changed_at: Timestamp,
    }
    Mark {
        kind: changed.kind,
        id: changed.id,
        changed_at: timestamp::from_millis(since_millis),
    }
}

/// Returns the response to GET and PUT of a record: 201 for a new one, else 200.
#[must_use]
pub fn respond(id: ResourceId, registered: Registered) -> Response {
    let status = if registered.created { 201 } else { 200 };
    let record = FullRecord::new(id, registered.record, registered.changes);
    // Every member has a string as its name.
    let document = serde_json::to_string(&record).unwrap_or_default();
    Response::json(status, document)
}

/// Returns the fault for what the registry did not do.
#[must_use]
pub fn fault(error: RegistryError, kind: Kind, id: ResourceId) -> Fault {
    match error {
        RegistryError::NotFound => not_found(kind, &id.to_string()),
        RegistryError::Invalid(field) => field.into(),
    }
}

/// Returns this service's origin and base path, below which the registry's links are.
#[must_use]
pub fn base_url(head: &RequestHead, base_path: &str) -> String {
    format!("{}{base_path}", head.origin)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::cors::Cors;
    use crate::http::json_page::JsonPage;
    use crate::metadata::Record;
    use crate::timestamp;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

    fn now() -> Timestamp {
        timestamp::parse("2026-11-21T12:00:00Z").unwrap()
    }

    fn message<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
        let fault = result.unwrap_err();
        assert_eq!(fault.status(), 400);
        fault.to_string()
    }

    fn registered(kind: Kind, created: bool) -> Registered {
        Registered {
            created,
            record: Record::new("ace", kind, Timestamp::default()),
            changes: None,
        }
    }

    #[test]
    fn p_403_names_the_right() {
        for (method, right) in [
            ("GET", "show"),
            ("HEAD", "show"),
            ("PUT", "update"),
            ("DELETE", "delete"),
        ] {
            assert_eq!(
                forbidden(method).to_string(),
                format!("Policy doesn't allow registry:{right} to be performed.")
            );
        }
    }

    #[test]
    fn p_400_an_id_that_is_no_uuid() {
        assert_eq!(id(&Name::Text(ID.into())).unwrap().to_string(), ID);
        for name in [
            Name::Text("x".into()),
            Name::Text(ID.to_uppercase()),
            Name::Undecodable("%FF".into()),
        ] {
            assert_eq!(
                message(id(&name)),
                "Invalid input for field 'id': must be a lower-case hyphenated UUID"
            );
        }
    }

    #[test]
    fn a_delete_may_say_when_it_was_observed() {
        assert_eq!(deleted_at("", now()), Ok(None));
        assert_eq!(
            deleted_at("observed_at=2026-11-21T11:00:00Z", now()),
            Ok(timestamp::parse("2026-11-21T11:00:00Z"))
        );
        for (query, part) in [
            ("observed_at=", "'observed_at'"),
            ("observed_at=yesterday", "'observed_at'"),
            ("observed_at=2099-01-01T00:00:00Z", "5 minutes"),
            ("observedat=2026-11-21T11:00:00Z", "'observedat'"),
        ] {
            let message = message(deleted_at(query, now()));
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn the_feed_says_when_the_control_plane_was_in_step() {
        let body = json!({"feed": {"observed_at": "2026-11-21T12:00:00"}});
        assert_eq!(feed(&body, now()), Ok(now()));
        for (body, part) in [
            (json!(null), "'body': must be an object"),
            (json!({}), "'feed': required"),
            (json!({"feed": {}, "x": 1}), "'x': unknown field"),
            (json!({"feed": 1}), "'feed': must be an object"),
            (json!({"feed": {}}), "'feed.observed_at': required"),
            (
                json!({"feed": {"observed_at": "x"}}),
                "'feed.observed_at': must be",
            ),
            (
                json!({"feed": {"observed_at": "2099-01-01T00:00:00Z"}}),
                "'feed.observed_at': must be at most",
            ),
        ] {
            let message = message(feed(&body, now()));
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn records_are_asked_for_by_project_and_changes_are_not() {
        let query = format!("project_id=ace&limit=5&marker={ID}");
        assert_eq!(
            RegistryQuery::records(&query),
            Ok(RegistryQuery {
                project_id: Some("ace".into()),
                limit: 5,
                marker: Some(Marker::Resource(ID.into())),
            })
        );
        let changes = RegistryQuery::changes("limit=&marker=").unwrap();
        assert_eq!((changes.limit, changes.marker), (MAX_ENTRIES, None));
        assert_eq!(RegistryQuery::changes("limit=1000").unwrap().limit, 100);
        for (query, part) in [
            ("", "'project_id': required"),
            ("project_id=", "'project_id': must match"),
            ("project_id=public", "'project_id': must match"),
            ("project_id=ace&limit=0", "'limit': must be"),
            ("project_id=ace&limit=x", "'limit': must be"),
            ("project_id=ace&x=1", "'x': unknown parameter"),
        ] {
            let message = message(RegistryQuery::records(query));
            assert!(message.contains(part), "{message}");
        }
        let message = message(RegistryQuery::changes("project_id=ace"));
        assert!(message.contains("'project_id'"), "{message}");
    }

    #[test]
    fn next_pages_name_the_project_the_limit_and_the_marker() {
        let marker = Marker::Resource(ID.into());
        let records = RegistryQuery::records("project_id=ace&limit=5").unwrap();
        let route = RegistryRoute::List(Kind::Image);
        let base_url = "https://edge.example/compute";
        assert_eq!(
            records.next_url(base_url, &route, &marker),
            format!(
                "https://edge.example/compute/registry/images?project_id=ace&limit=5&marker={ID}"
            )
        );
        let changes = RegistryQuery::changes("").unwrap();
        assert_eq!(
            changes.next_url(base_url, &RegistryRoute::Changes, &marker),
            format!("https://edge.example/compute/registry/changes?limit=100&marker={ID}")
        );
    }

    #[test]
    fn a_record_is_201_when_it_is_new_and_200_when_it_is_known() {
        let id = ResourceId::parse(ID).unwrap();
        for (created, status) in [(true, 201), (false, 200)] {
            let response = respond(id, registered(Kind::Server, created));
            let parts = response.into_parts("PUT", "req-1", Cors::default());
            let body: Json = serde_json::from_str(&parts.body.unwrap()).unwrap();
            assert_eq!((parts.status, &body["server"]["id"]), (status, &ID.into()));
        }
    }

    #[test]
    fn entries_of_lists_have_no_wrapper() {
        let id = ResourceId::parse(ID).unwrap();
        for kind in [Kind::Server, Kind::Image] {
            let mut page = JsonPage::new(5);
            assert!(page.push(&entry(id, registered(kind, false))));
            let page: Json = serde_json::from_str(&page.finish(kind.plural(), None)).unwrap();
            let shown = &page[kind.plural()][0];
            assert_eq!(
                (&shown["id"], &shown["project_id"]),
                (&ID.into(), &"ace".into())
            );
        }
        let changed = ChangedResource {
            kind: Kind::Server,
            id,
        };
        assert_eq!(
            serde_json::to_value(changed_entry(changed, 1_000)).unwrap(),
            json!({"kind": "server", "id": ID, "changed_at": "1970-01-01T00:00:01Z"})
        );
    }

    #[test]
    fn what_the_registry_did_not_do_is_404_or_400() {
        let id = ResourceId::parse(ID).unwrap();
        assert_eq!(
            fault(RegistryError::NotFound, Kind::Server, id),
            Fault::ServerNotFound(ID.into())
        );
        let field = InvalidField::new("server.project_id", "required");
        assert_eq!(
            fault(RegistryError::Invalid(field), Kind::Server, id).status(),
            400
        );
    }
}
