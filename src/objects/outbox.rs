//! Telling the lists. Each resource's object marks, in the same transaction as a change, which
//! lists do not know of it yet; an alarm tells them, and goes on until each has heard.
//!
//! Only the names of lists are marked. What a list is told follows from the record as it is when it
//! is told, so a list that hears late hears the latest, and hearing twice changes nothing.

use std::collections::BinaryHeap;

use serde_json::Value;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

use super::schema::Mark;
use crate::json::{Object, array, quoted};
use crate::metadata::{Image, Record, Resource, Visibility};
use crate::platform::env::Env;
use crate::platform::objects::{Namespace, list_put, list_remove};
use crate::platform::work;
use crate::time::Timestamp;

/// The list of the images that everyone sees. No project has this id: it is not hexadecimal.
pub const PUBLIC: &str = "public";

/// The name of a project's list. It must never change.
#[must_use]
pub fn index_name(project_id: &str) -> String {
    format!("index:{project_id}")
}

/// What the lists say of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    name: String,
    created: Timestamp,
    /// In their order, each once: an image may have very many members.
    projects: Vec<String>,
}

impl Listed {
    /// In which lists a record is, and under which name.
    pub(super) fn of(record: &Record) -> Self {
        match &record.resource {
            Resource::Server(server) => Self {
                name: server.name.clone(),
                created: server.created,
                projects: vec![server.project_id.clone()],
            },
            Resource::Image(image) => Self {
                name: image.name.clone(),
                created: image.created,
                projects: image_lists(image),
            },
        }
    }

    /// The lists that have to hear when `before` becomes `after`.
    pub(super) fn to_tell(before: Option<&Self>, after: Option<&Self>) -> Vec<String> {
        if before == after {
            return Vec::new();
        }
        let projects = [before, after]
            .into_iter()
            .flatten()
            .flat_map(|listed| listed.projects.iter().cloned())
            .collect();
        in_order(projects)
    }
}

fn image_lists(image: &Image) -> Vec<String> {
    let mut projects = vec![image.project_id.clone()];
    match image.visibility {
        Visibility::Public => projects.push(PUBLIC.to_owned()),
        Visibility::Shared => projects.extend(image.members.iter().cloned()),
        // N: community images are seen by everyone, but are in no one else's list.
        Visibility::Community | Visibility::Private => {}
    }
    in_order(projects)
}

/// In their order, each once. The heap's way to sort is 3 KB of wasm less than the slice's.
fn in_order(projects: Vec<String>) -> Vec<String> {
    let mut projects = BinaryHeap::from(projects).into_sorted_vec();
    projects.dedup();
    projects
}

/// What is to be told, as JSON for [`deliver`].
pub(super) fn parcels(record: Option<&Record>, marks: &[Mark]) -> String {
    let listed = record.map(Listed::of);
    let parcel = |mark: &Mark| {
        let (kind, id) = mark.name.split_once(':').unwrap_or_default();
        let listed = listed
            .as_ref()
            .filter(|listed| listed.projects.binary_search(&mark.project_id).is_ok());
        let parcel = Object::new()
            .text("list", &mark.project_id)
            .integer("revision", mark.revision)
            .text("kind", kind)
            .text("id", id);
        match listed {
            Some(listed) => parcel
                .text("name", &listed.name)
                .integer("created", listed.created.millis())
                .end(),
            None => parcel.end(),
        }
    };
    let parcels: Vec<_> = marks.iter().map(parcel).collect();
    array(&parcels)
}

/// Tells the lists, as work under `number`; gives back, as JSON, the marks of those that have heard.
///
/// # Errors
///
/// The parcels are none, or there is no binding `INDEXES`.
#[wasm_bindgen]
pub fn deliver(number: u32, parcels: String, env: JsValue) -> Result<JsValue, JsError> {
    work::begin(number, deliver_all(parcels, env))
}

async fn deliver_all(parcels: String, env: JsValue) -> Result<String, JsError> {
    let parcels: Value =
        serde_json::from_str(&parcels).map_err(|_| JsError::new("the parcels are no JSON"))?;
    let lists: Namespace = Env::from(env)
        .binding("INDEXES")
        .ok_or_else(|| JsError::new("binding INDEXES is missing"))?;
    let mut heard = Vec::new();
    for parcel in parcels.as_array().into_iter().flatten() {
        let text = |name: &str| parcel.get(name).and_then(Value::as_str);
        let (Some(list), Some(kind), Some(id)) = (text("list"), text("kind"), text("id")) else {
            continue;
        };
        let index = index_name(list);
        let told = match (text("name"), parcel.get("created").and_then(Value::as_f64)) {
            (Some(name), Some(created)) => list_put(&lists, &index, kind, id, name, created).await,
            _ => list_remove(&lists, &index, kind, id).await,
        };
        // One that could not be reached is told by the next alarm.
        if told.is_ok() {
            let revision = parcel.get("revision").and_then(Value::as_i64);
            heard.push(array(&[
                quoted(list),
                revision.unwrap_or_default().to_string(),
            ]));
        }
    }
    Ok(array(&heard))
}

/// The marks that [`deliver`] gave back.
pub(super) fn heard(text: &str) -> Vec<(String, i64)> {
    let marks: Value = serde_json::from_str(text).unwrap_or_default();
    let mark = |mark: &Value| Some((mark.get(0)?.as_str()?.to_owned(), mark.get(1)?.as_i64()?));
    marks
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(mark)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Metadata, Server};

    fn server(project_id: &str, name: &str) -> Record {
        Record {
            resource: Resource::Server(Server {
                project_id: project_id.into(),
                name: name.into(),
                vm_state: "active".into(),
                task_state: None,
                power_state: 1,
                locked: false,
                launched: true,
                created: Timestamp::from_millis(5),
                updated: Timestamp::default(),
                observed_at: None,
            }),
            metadata: Metadata::new(),
        }
    }

    fn image(visibility: Visibility, members: &[&str]) -> Record {
        Record {
            resource: Resource::Image(Image {
                project_id: "ace".into(),
                name: "n".into(),
                status: "active".into(),
                visibility,
                members: members.iter().map(|&member| member.into()).collect(),
                created: Timestamp::default(),
                updated: Timestamp::default(),
                observed_at: None,
            }),
            metadata: Metadata::new(),
        }
    }

    fn to_tell(before: Option<&Record>, after: Option<&Record>) -> Vec<String> {
        let listed = |record: Option<&Record>| record.map(Listed::of);
        Listed::to_tell(listed(before).as_ref(), listed(after).as_ref())
    }

    #[test]
    fn a_state_change_tells_no_list() {
        let before = server("ace", "n");
        let mut after = before.clone();
        if let Resource::Server(server) = &mut after.resource {
            server.vm_state = "error".into();
            server.locked = true;
        }
        after.metadata.insert("k".into(), "v".into());
        assert_eq!(to_tell(Some(&before), Some(&after)), Vec::<String>::new());
    }

    #[test]
    fn each_list_that_gains_keeps_or_loses_it_is_told() {
        let (old, new) = (server("ace", "n"), server("bee", "n"));
        assert_eq!(to_tell(None, Some(&old)), ["ace"]);
        assert_eq!(to_tell(Some(&old), None), ["ace"]);
        assert_eq!(to_tell(Some(&old), Some(&new)), ["ace", "bee"]);
        assert_eq!(to_tell(Some(&old), Some(&server("ace", "m"))), ["ace"]);
    }

    #[test]
    fn images_are_in_the_lists_of_those_who_find_them_there() {
        let lists = |visibility, members| Listed::of(&image(visibility, members)).projects;
        assert_eq!(lists(Visibility::Private, &["bee"]), ["ace"]);
        assert_eq!(lists(Visibility::Community, &["bee"]), ["ace"]);
        assert_eq!(
            lists(Visibility::Shared, &["bee", "cad"]),
            ["ace", "bee", "cad"]
        );
        assert_eq!(lists(Visibility::Public, &["bee"]), ["ace", PUBLIC]);
    }

    #[test]
    fn a_list_is_told_what_the_record_is_now() {
        let mark = |project_id: &str, revision| Mark {
            project_id: project_id.into(),
            revision,
            name: "server:x".into(),
        };
        let parcels = parcels(Some(&server("bee", "n")), &[mark("ace", 3), mark("bee", 4)]);
        let parcels: Value = serde_json::from_str(&parcels).unwrap();
        assert_eq!(
            parcels,
            serde_json::json!([
                {"list": "ace", "revision": 3, "kind": "server", "id": "x"},
                {"list": "bee", "revision": 4, "kind": "server", "id": "x", "name": "n", "created": 5},
            ])
        );
    }

    #[test]
    fn marks_come_back_as_they_went() {
        assert_eq!(heard(r#"[["ace", 3]]"#), [("ace".to_owned(), 3)]);
        assert_eq!(heard("[[1]]"), []);
        assert_eq!(heard(""), []);
    }
}
