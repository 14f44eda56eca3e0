//! Nova's server documents, as the registry wants them.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::registry::{Metadata, ServerDocument};

/// The first microversion that shows `locked`.
pub(super) const MICROVERSION: &str = "2.9";

/// The members of `GET /servers/{id}` that are read.
#[derive(Debug, Deserialize)]
struct NovaServer {
    id: String,
    tenant_id: String,
    name: Option<String>,
    #[serde(rename = "OS-EXT-STS:vm_state")]
    vm_state: String,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task_state: Option<String>,
    #[serde(rename = "OS-EXT-STS:power_state")]
    power_state: i32,
    #[serde(rename = "OS-SRV-USG:launched_at")]
    launched_at: Option<String>,
    locked: bool,
    created: String,
    metadata: Metadata,
}

/// Reads a server of Nova's, and takes along the members that `attributes` names.
///
/// # Errors
///
/// Says which member is missing or of another type.
pub(super) fn server(
    document: Value,
    attributes: &[String],
) -> Result<(String, ServerDocument), String> {
    let kept: Map<String, Value> = attributes
        .iter()
        .filter_map(|name| Some((name.clone(), without_links(document.get(name)?))))
        .collect();
    let server: NovaServer = serde_json::from_value(document).map_err(|error| error.to_string())?;
    let created =
        time(&server.created).ok_or_else(|| format!("`created` is no time: {}", server.created))?;
    let document = ServerDocument {
        project_id: server.tenant_id,
        name: server.name.unwrap_or_default(),
        vm_state: server.vm_state,
        task_state: server.task_state,
        power_state: server.power_state,
        locked: server.locked,
        launched: server.launched_at.is_some(),
        created,
        metadata: server.metadata,
        attributes: kept,
    };
    Ok((server.id, document))
}

/// A member as it is, but for links: they would tell everyone where Nova is.
fn without_links(member: &Value) -> Value {
    let mut member = member.clone();
    if let Some(links) = member.get_mut("links") {
        *links = Value::Array(Vec::new());
    }
    member
}

/// N: times are UTC, whether they say so or not.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| text.parse::<NaiveDateTime>().map(|time| time.and_utc()))
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nova() -> Value {
        json!({
            "id": "5ec95878-b74d-40f2-be61-c3c1ae5e5b19", "tenant_id": "a1", "name": null,
            "OS-EXT-STS:vm_state": "stopped", "OS-EXT-STS:task_state": "powering-on", "OS-EXT-STS:power_state": 4,
            "OS-SRV-USG:launched_at": "2026-11-25T18:00:00.000000", "locked": true,
            "created": "2026-11-25T17:59:00Z", "metadata": {"k": "v"}, "key_name": null, "flavor": {"id": "1", "links": [{"rel": "bookmark", "href": "http://nova.internal/flavors/1"}]},
        })
    }

    #[test]
    fn a_server_is_read() {
        let (id, document) =
            server(nova(), &["flavor".into(), "key_name".into(), "tags".into()]).unwrap();
        assert_eq!(id, "5ec95878-b74d-40f2-be61-c3c1ae5e5b19");
        assert_eq!(document.vm_state, "stopped");
        assert_eq!(document.task_state.as_deref(), Some("powering-on"));
        assert_eq!(document.power_state, 4);
        assert!(document.locked && document.launched);
        assert_eq!(document.name, "");
        assert_eq!(document.metadata["k"], "v");
        let kept = json!({"flavor": {"id": "1", "links": []}, "key_name": null});
        assert_eq!(Value::Object(document.attributes), kept);
    }

    #[test]
    fn a_server_that_was_never_launched_says_so() {
        let mut nova = nova();
        nova["OS-SRV-USG:launched_at"] = Value::Null;
        assert!(!server(nova, &[]).unwrap().1.launched);
    }

    #[test]
    fn a_document_without_a_member_is_an_error_that_names_it() {
        let mut nova = nova();
        nova.as_object_mut().unwrap().remove("locked");
        assert!(server(nova, &[]).unwrap_err().contains("locked"));
    }

    #[test]
    fn times_without_an_offset_are_utc() {
        assert_eq!(
            time("2026-11-25T18:00:00.5"),
            time("2026-11-25T18:00:00.5Z")
        );
        assert_eq!(time("yesterday"), None);
    }
}
