//! What a request asks of its resource, and the response when that was done.

use serde_json::{Value as Json, json};

use super::accept::compute_media_type;
use super::body;
use super::documents::View;
use super::fault::Fault;
use super::response::Response;
use super::route::Part;
use crate::metadata::{Kind, Operation, ResourceId};
use crate::rpc::Outcome;

/// Step 11: Returns what is asked of a resource. `body` is the body of a PUT or POST.
///
/// # Errors
///
/// 400 when the body does not follow its schema.
pub fn operation(method: &str, kind: Kind, part: &Part, body: &Json) -> Result<Operation, Fault> {
    match part {
        Part::Whole => Ok(Operation::Show),
        Part::Metadata => match method {
            "POST" => body::metadata(body).map(|items| Operation::Merge { items }),
            "PUT" => body::metadata(body).map(|items| Operation::Replace { items }),
            _ => Ok(Operation::List),
        },
        Part::Item(name) => {
            // What cannot be decoded is no item's key; neither is the empty text.
            let path_key = name.text().unwrap_or_default().to_owned();
            match method {
                "PUT" => put_item(kind, path_key, body),
                "DELETE" => Ok(Operation::DeleteItem { key: path_key }),
                _ => Ok(Operation::ShowItem { key: path_key }),
            }
        }
    }
}

fn put_item(kind: Kind, path_key: String, body: &Json) -> Result<Operation, Fault> {
    let (key, value) = body::meta(body)?;
    // N: images compare here, servers only after the role.
    if kind == Kind::Image && path_key != key.as_str() {
        return Err(Fault::KeyMismatch);
    }
    Ok(Operation::PutItem {
        path_key,
        key,
        value,
    })
}

/// Returns the response to an operation that was done. `accept` is the request's header.
#[must_use]
pub fn respond(
    outcome: &Outcome,
    operation: &Operation,
    id: ResourceId,
    view: &View<'_>,
    accept: Option<&str>,
) -> Response {
    let response = match outcome {
        Outcome::Deleted => Response::no_content(),
        // The object has written this JSON: it goes on as it is.
        Outcome::Metadata(items) => {
            Response::json(200, format!("{{\"metadata\":{}}}", items.get()))
        }
        Outcome::Item(value) => {
            let document = json!({ "meta": { operation.key(): value } });
            Response::json(200, document.to_string())
        }
        Outcome::Record(record) => Response::json(200, view.show(id, record)),
    };
    response.with_content_type(compute_media_type(accept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::AccessLevel;
    use crate::http::cors::Cors;
    use crate::http::microversion::Microversion;
    use crate::http::request::RequestHead;
    use crate::http::route::{ComputeRoute, Name, Route};
    use crate::metadata::{Key, Record, Value};
    use crate::timestamp::Timestamp;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

    fn item(text: &str) -> Part {
        Part::Item(Name::Text(text.into()))
    }

    fn one(key: &str, value: &str) -> (Key, Value) {
        (Key::new(key).unwrap(), Value::new(value).unwrap())
    }

    #[test]
    fn method_and_path_say_what_is_asked() {
        let metadata = json!({"metadata": {"k": "v"}});
        let meta = json!({"meta": {"k": "v"}});
        let items = vec![one("k", "v")];
        let (key, value) = one("k", "v");
        for kind in [Kind::Server, Kind::Image] {
            for (method, part, body, expected) in [
                ("GET", Part::Whole, &Json::Null, Operation::Show),
                ("HEAD", Part::Metadata, &Json::Null, Operation::List),
                (
                    "POST",
                    Part::Metadata,
                    &metadata,
                    Operation::Merge {
                        items: items.clone(),
                    },
                ),
                (
                    "PUT",
                    Part::Metadata,
                    &metadata,
                    Operation::Replace {
                        items: items.clone(),
                    },
                ),
                (
                    "GET",
                    item("a/b"),
                    &Json::Null,
                    Operation::ShowItem { key: "a/b".into() },
                ),
                (
                    "DELETE",
                    item("k"),
                    &Json::Null,
                    Operation::DeleteItem { key: "k".into() },
                ),
                (
                    "PUT",
                    item("k"),
                    &meta,
                    Operation::PutItem {
                        path_key: "k".into(),
                        key: key.clone(),
                        value: value.clone(),
                    },
                ),
            ] {
                assert_eq!(operation(method, kind, &part, body), Ok(expected));
            }
        }
    }

    #[test]
    fn n_400_key_mismatch_is_found_here_for_images_and_later_for_servers() {
        let body = json!({"meta": {"k": "v"}});
        assert_eq!(
            operation("PUT", Kind::Image, &item("other"), &body),
            Err(Fault::KeyMismatch)
        );
        assert!(operation("PUT", Kind::Server, &item("other"), &body).is_ok());
    }

    #[test]
    fn a_key_that_cannot_be_decoded_names_no_item() {
        let part = Part::Item(Name::Undecodable("%FF".into()));
        assert_eq!(
            operation("DELETE", Kind::Server, &part, &Json::Null),
            Ok(Operation::DeleteItem { key: String::new() })
        );
    }

    fn answered(outcome: &Outcome, operation: &Operation, accept: Option<&str>) -> (String, Json) {
        let head = RequestHead::new("GET", "https://edge.example/v2.1/servers/x");
        let Some(Route::Compute(route)) = Route::parse(&head.path, "") else {
            panic!("a known path");
        };
        let view = view(&head, &route);
        let id = ResourceId::parse(ID).unwrap();
        let parts = respond(outcome, operation, id, &view, accept).into_parts(
            "GET",
            "req-1",
            Cors::default(),
        );
        let body = parts
            .body
            .map_or(Json::Null, |body| serde_json::from_str(&body).unwrap());
        (parts.headers[0].1.clone().into_owned(), body)
    }

    fn view<'a>(head: &'a RequestHead, route: &'a ComputeRoute) -> View<'a> {
        View {
            head,
            base_path: "",
            route,
            version: Microversion::OLDEST,
            access_level: AccessLevel::Member,
        }
    }

    #[test]
    fn each_outcome_has_its_document() {
        let items = serde_json::value::to_raw_value(&json!({"k": "v"})).unwrap();
        let show_item = Operation::ShowItem { key: "a\"b".into() };
        let record = Record::new("ace", Kind::Server, Timestamp::default());
        for (outcome, operation, document) in [
            (Outcome::Deleted, &show_item, Json::Null),
            (
                Outcome::Metadata(items),
                &Operation::List,
                json!({"metadata": {"k": "v"}}),
            ),
            (
                Outcome::Item("v\n".into()),
                &show_item,
                json!({"meta": {"a\"b": "v\n"}}),
            ),
        ] {
            assert_eq!(answered(&outcome, operation, None).1, document);
        }
        let shown = answered(
            &Outcome::Record(Box::new(record.into())),
            &Operation::Show,
            None,
        )
        .1;
        assert_eq!(shown["server"]["id"], ID);
    }

    #[test]
    fn n_a_response_has_the_apis_own_media_type_if_the_client_prefers_it() {
        let media_type = "application/vnd.openstack.compute+json";
        for (accept, expected) in [
            (None, "application/json"),
            (Some("application/json"), "application/json"),
            (Some(media_type), media_type),
        ] {
            let outcome = Outcome::Item("v".into());
            let operation = Operation::ShowItem { key: "k".into() };
            assert_eq!(answered(&outcome, &operation, accept).0, expected);
        }
    }
}
