//! Glance's image documents, as the registry wants them.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::nova_document::time;
use crate::registry::{ImageDocument, Metadata, Visibility};

/// Members of Glance's documents that are no metadata to Nova: the base properties of Glance's schema and what
/// Nova leaves out.
const BASE: [&str; 25] = [
    "checksum",
    "container_format",
    "created_at",
    "direct_url",
    "disk_format",
    "file",
    "id",
    "locations",
    "min_disk",
    "min_ram",
    "name",
    "os_hash_algo",
    "os_hash_value",
    "os_hidden",
    "owner",
    "protected",
    "schema",
    "self",
    "size",
    "status",
    "stores",
    "tags",
    "updated_at",
    "virtual_size",
    "visibility",
];

/// Members of Nova's image documents that Glance names otherwise.
const RENAMED: [(&str, &str); 4] = [
    ("minDisk", "min_disk"),
    ("minRam", "min_ram"),
    ("OS-EXT-IMG-SIZE:size", "size"),
    ("updated", "updated_at"),
];

/// Images that are nobody's are registered for this project, which no token has.
pub(crate) const NOBODY: &str = "00000000000000000000000000000000";

/// Whether Glance keeps this name for itself: a change of it would be one of the image, not of its metadata.
pub(super) fn is_base(key: &str) -> bool {
    BASE.contains(&key)
}

/// The members of `GET /v2/images/{id}` that are read.
#[derive(Debug, Deserialize)]
struct GlanceImage {
    id: String,
    owner: Option<String>,
    name: Option<String>,
    status: String,
    visibility: Visibility,
    created_at: String,
}

/// Reads an image of Glance's. Its members are asked for apart.
///
/// # Errors
///
/// Says which member is missing or of another type.
pub(super) fn image(document: Value) -> Result<(String, ImageDocument), String> {
    let Value::Object(members) = &document else {
        return Err("an image is no object".to_owned());
    };
    let metadata: Metadata = members
        .iter()
        .filter(|(name, _)| !is_base(name))
        // A property without a value is null; Nova has no way to show that as text.
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    let attributes: Map<String, Value> = RENAMED
        .iter()
        .filter_map(|(name, glance)| Some(((*name).to_owned(), members.get(*glance)?.clone())))
        .filter(|(_, value)| !value.is_null())
        .collect();
    let image: GlanceImage = serde_json::from_value(document).map_err(|error| error.to_string())?;
    let created = time(&image.created_at)
        .ok_or_else(|| format!("`created_at` is no time: {}", image.created_at))?;
    let document = ImageDocument {
        project_id: image
            .owner
            .filter(|owner| !owner.is_empty())
            .unwrap_or_else(|| NOBODY.to_owned()),
        name: image.name.unwrap_or_default(),
        status: image.status,
        visibility: image.visibility,
        members: Vec::new(),
        created,
        metadata,
        attributes,
    };
    Ok((image.id, document))
}

/// A JSON pointer to a property of the image.
pub(super) fn pointer(key: &str) -> String {
    // RFC 6901: `~` first, or it would be escaped twice.
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn glance() -> Value {
        json!({
            "id": "70a599e0-31e7-49b7-b260-868f441e862b", "owner": "a1", "name": "demo", "status": "active",
            "visibility": "shared", "created_at": "2015-07-15T17:05:13Z", "updated_at": "2015-07-15T17:05:14Z",
            "min_disk": 1, "min_ram": 2, "size": null, "tags": [], "protected": false, "file": "/v2/x", "schema": "/v2/y",
            "os_hidden": false, "os_distro": "debian", "kernel_id": null, "mine": "value",
        })
    }

    #[test]
    fn what_is_no_base_property_is_metadata() {
        let (id, document) = image(glance()).unwrap();
        assert_eq!(id, "70a599e0-31e7-49b7-b260-868f441e862b");
        let metadata = Metadata::from([
            ("os_distro".into(), "debian".into()),
            ("mine".into(), "value".into()),
        ]);
        assert_eq!(document.metadata, metadata);
        assert_eq!(document.visibility, Visibility::Shared);
        let attributes = json!({"minDisk": 1, "minRam": 2, "updated": "2015-07-15T17:05:14Z"});
        assert_eq!(Value::Object(document.attributes), attributes);
    }

    #[test]
    fn an_image_without_an_owner_is_nobodys() {
        let mut glance = glance();
        glance["owner"] = Value::Null;
        assert_eq!(image(glance).unwrap().1.project_id, NOBODY);
    }

    #[test]
    fn a_pointer_escapes_what_has_a_meaning_there() {
        assert_eq!(pointer("a/b~c"), "/a~1b~0c");
    }
}
