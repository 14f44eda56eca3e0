//! An image in full, as N shows Glance's images. N: image paths end with microversion 2.38, and
//! their documents are the same for all.

use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::links::{Urls, segment};
use crate::http::status::image_status;
use crate::metadata::{Image, Kind, ResourceId};
use crate::rpc::ShownRecord;
use crate::timestamp;

/// An image as one response shows it.
#[derive(Debug)]
pub(super) struct ImageDocument<'a> {
    pub(super) id: ResourceId,
    pub(super) record: &'a ShownRecord,
    pub(super) image: &'a Image,
    pub(super) urls: &'a Urls,
}

/// N: the members that only the control plane knows, with their neutral values.
const MEMBERS: &[(&str, Option<u8>)] = &[
    ("minDisk", Some(0)),
    ("minRam", Some(0)),
    ("OS-EXT-IMG-SIZE:size", None),
];

/// The members that this service knows itself: no attribute takes their place.
const OWN_MEMBERS: &[&str] = &[
    "id",
    "name",
    "status",
    "progress",
    "metadata",
    "links",
    "created",
    "updated",
    "server",
    "OS-DCF:diskConfig",
];

/// N: the items that are members of the document, too.
#[derive(Debug, Default, Deserialize)]
struct MemberItems {
    auto_disk_config: Option<String>,
    instance_uuid: Option<String>,
}

impl Serialize for ImageDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_own(&mut map)?;
        let attributes = &self.record.attributes;
        for (name, neutral) in MEMBERS {
            match attributes.get(*name) {
                Some(value) => map.serialize_entry(name, value)?,
                None => map.serialize_entry(name, neutral)?,
            }
        }
        for (name, value) in attributes {
            let is_known = OWN_MEMBERS.contains(&name.as_str())
                || MEMBERS.iter().any(|(member, _)| member == name);
            if !is_known {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

impl ImageDocument<'_> {
    fn serialize_own<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let record = self.record;
        // The object writes items as an object of strings.
        let items = serde_json::from_str::<MemberItems>(record.metadata.get()).unwrap_or_default();
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("name", &record.name)?;
        map.serialize_entry("status", image_status(&self.image.status))?;
        map.serialize_entry("progress", &progress(&self.image.status))?;
        map.serialize_entry("metadata", &record.metadata)?;
        map.serialize_entry("links", &self.urls.links(Kind::Image, self.id))?;
        map.serialize_entry("created", &timestamp::to_seconds(record.created))?;
        map.serialize_entry("updated", &timestamp::to_seconds(record.updated))?;
        if let Some(id) = items.instance_uuid {
            map.serialize_entry("server", &self.server(&id))?;
        }
        if let Some(value) = items.auto_disk_config {
            let disk_config = if is_true(&value) { "AUTO" } else { "MANUAL" };
            map.serialize_entry("OS-DCF:diskConfig", disk_config)?;
        }
        Ok(())
    }

    /// N: the server that a snapshot was made of, as the item names it.
    fn server(&self, id: &str) -> Value {
        let links = self.urls.links(Kind::Server, segment(id));
        json!({ "id": id, "links": links })
    }
}

/// N: a percentage that Glance's status stands for.
fn progress(status: &str) -> u8 {
    match status {
        "queued" => 25,
        "saving" => 50,
        "active" => 100,
        _ => 0,
    }
}

/// N: the words for true of oslo.utils.
fn is_true(text: &str) -> bool {
    let text = text.trim();
    ["1", "t", "true", "on", "y", "yes"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::RequestHead;
    use crate::http::route::Route;
    use crate::metadata::{Attributes, Record, Resource};
    use crate::timestamp::Timestamp;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
    const SERVER_ID: &str = "aefea7e4-eb83-5ad8-b3bf-04fa336468e4";

    fn shown(status: &str, metadata: &[(&str, &str)], attributes: Value) -> Value {
        let head = RequestHead::new("GET", "https://edge.example/v2.1/images/x");
        let Some(Route::Compute(route)) = Route::parse(&head.path, "") else {
            panic!("a known path");
        };
        let image = Image {
            status: status.into(),
            ..Image::default()
        };
        let record = Record {
            name: "an image".into(),
            metadata: metadata
                .iter()
                .map(|&(key, value)| (key.into(), value.into()))
                .collect(),
            attributes: serde_json::from_value::<Attributes>(attributes).unwrap(),
            resource: Resource::Image(image.clone()),
            ..Record::new("ace", Kind::Image, Timestamp::default())
        };
        let document = ImageDocument {
            id: ResourceId::parse(ID).unwrap(),
            record: &record.into(),
            image: &image,
            urls: &Urls::new(&head, "", &route),
        };
        serde_json::to_value(&document).unwrap()
    }

    fn links(kind: &str, id: &str) -> Value {
        json!([
            {"rel": "self", "href": format!("https://edge.example/v2.1/{kind}/{id}")},
            {"rel": "bookmark", "href": format!("https://edge.example/{kind}/{id}")},
        ])
    }

    #[test]
    fn n_an_image_has_every_member_that_nova_always_shows() {
        assert_eq!(
            shown("active", &[("k", "v")], json!({})),
            json!({
                "id": ID,
                "name": "an image",
                "status": "ACTIVE",
                "progress": 100,
                "metadata": {"k": "v"},
                "links": links("images", ID),
                "created": "1970-01-01T00:00:00Z",
                "updated": "1970-01-01T00:00:00Z",
                "minDisk": 0,
                "minRam": 0,
                "OS-EXT-IMG-SIZE:size": null,
            })
        );
    }

    #[test]
    fn n_progress_follows_the_status() {
        for (status, progress) in [
            ("queued", 25),
            ("saving", 50),
            ("active", 100),
            ("deactivated", 0),
        ] {
            assert_eq!(shown(status, &[], json!({}))["progress"], progress);
        }
    }

    #[test]
    fn attributes_are_shown_in_place_of_neutral_values_and_of_nothing_else() {
        let attributes = json!({
            "minRam": 512, "OS-EXT-IMG-SIZE:size": 25_165_824, "vendor:x": [1],
            "id": "other", "name": "other", "status": "other", "metadata": {}, "progress": 1,
            "server": {}, "links": [],
        });
        let plain = shown("active", &[("k", "v")], json!({}));
        let shown = shown("active", &[("k", "v")], attributes);
        assert_eq!(shown["minRam"], 512);
        assert_eq!(shown["OS-EXT-IMG-SIZE:size"], 25_165_824);
        assert_eq!(shown["vendor:x"], json!([1]));
        for name in ["id", "name", "status", "metadata", "progress", "links"] {
            assert_eq!(shown[name], plain[name], "{name}");
        }
        assert!(shown.get("server").is_none());
    }

    #[test]
    fn n_properties_that_nova_shows_as_members_are_members_too() {
        let metadata = [("instance_uuid", SERVER_ID), ("auto_disk_config", "True")];
        let with = shown("active", &metadata, json!({}));
        assert_eq!(
            with["server"],
            json!({"id": SERVER_ID, "links": links("servers", SERVER_ID)})
        );
        assert_eq!(with["OS-DCF:diskConfig"], "AUTO");
        let without = shown("active", &[("auto_disk_config", "0")], json!({}));
        assert!(without.get("server").is_none());
        assert_eq!(without["OS-DCF:diskConfig"], "MANUAL");
    }

    #[test]
    fn n_the_server_of_an_image_is_named_by_any_text() {
        for (id, segment) in [
            ("foo", "foo"),
            ("", ""),
            (
                "AEFEA7E4-EB83-5AD8-B3BF-04FA336468E4",
                "AEFEA7E4-EB83-5AD8-B3BF-04FA336468E4",
            ),
            ("../é?a b#\"c\"", "..%2F%C3%A9%3Fa%20b%23%22c%22"),
        ] {
            let with = shown("active", &[("instance_uuid", id)], json!({}));
            let server = json!({"id": id, "links": links("servers", segment)});
            assert_eq!(with["server"], server, "{id}");
        }
    }
}
