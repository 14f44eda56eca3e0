//! What a request asks of its resource, and what is answered when that was carried out.

use super::response::Answer;
use super::body::{self, Body};
use super::fault::Fault;
use super::request::Head;
use super::route::{ComputeRoute, Name, Prefix, Target};
use super::microversion::Microversion;
use super::view;
use crate::json::Object;
use crate::metadata::{Kind, Operation, Outcome};
use crate::registry::document;

/// 11. What is asked of which resource.
pub(super) fn operation<'a>(
    head: &Head,
    route: &'a ComputeRoute,
    body: &Body,
) -> Result<(&'a Name, Operation), Fault> {
    match (&route.target, head.method.as_str()) {
        (Target::List { .. }, _) => Err(Fault::NotFound),
        (Target::Resource(id), _) => Ok((id, Operation::Show)),
        (Target::Metadata(id), "POST") => {
            let items = body::metadata(&body.json)?;
            Ok((id, Operation::Merge { items }))
        }
        (Target::Metadata(id), "PUT") => {
            let items = body::metadata(&body.json)?;
            Ok((id, Operation::Replace { items }))
        }
        (Target::Metadata(id), _) => Ok((id, Operation::List)),
        (Target::Item(id, name), method) => {
            // What cannot be decoded is no item's key: neither is the empty text.
            let path_key = name.text().unwrap_or_default().to_owned();
            let operation = match method {
                "PUT" => {
                    let (key, value) = body::meta(&body.json)?;
                    // N: images compare here, servers only after the role.
                    if route.kind == Kind::Image && path_key != key.as_str() {
                        return Err(Fault::KeyMismatch);
                    }
                    Operation::PutItem {
                        path_key,
                        key,
                        value,
                    }
                }
                "DELETE" => Operation::DeleteItem { key: path_key },
                _ => Operation::ShowItem { key: path_key },
            };
            Ok((id, operation))
        }
    }
}

/// The URL of the collection, below the prefix and the project that the client used.
pub(super) fn collection_url(head: &Head, route: &ComputeRoute) -> String {
    let prefix = match route.prefix {
        Prefix::Bare => "",
        Prefix::V2 => "/v2",
        Prefix::V21 => "/v2.1",
    };
    let project = match &route.project_id {
        Some(project_id) => format!("/{project_id}"),
        None => String::new(),
    };
    format!("{}{prefix}{project}/{}", head.origin, route.kind.plural())
}

/// The answer to what was carried out. Only a resource itself names the collection that it is in.
pub(super) fn success(
    outcome: Outcome,
    operation: &Operation,
    id: &str,
    collection: impl FnOnce() -> String,
    version: Microversion,
) -> Answer {
    let (wrapper, json) = match outcome {
        Outcome::Deleted => return Answer::no_content(),
        Outcome::Metadata(metadata) => ("metadata", document::items(&metadata)),
        Outcome::Item(value) => ("meta", Object::new().item(operation.key(), &value).end()),
        Outcome::Record(record) => {
            let view = view::in_full(id, &record, &collection(), version);
            (record.resource.kind().singular(), view)
        }
    };
    Answer::json(200, Object::new().json(wrapper, &json).end())
}
