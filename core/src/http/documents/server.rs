//! A server in full. N: every member that Nova always shows is there, by microversion and by who
//! asks, because clients fail without it.
//!
//! A member that is not known here has N's own neutral value, unless the control plane gave it as an
//! attribute. Attributes that N does not have are shown as they are.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::links::Links;
use crate::http::microversion::Microversion;
use crate::http::status::server_status;
use crate::metadata::{Attributes, ResourceId, Server};
use crate::rpc::ShownRecord;
use crate::timestamp;

/// A server as one response shows it.
#[derive(Debug)]
pub(super) struct ServerDocument<'a> {
    pub(super) id: ResourceId,
    pub(super) record: &'a ShownRecord,
    pub(super) server: &'a Server,
    pub(super) links: Links,
    pub(super) version: Microversion,
    pub(super) is_admin: bool,
    /// Whether it is an entry of a list.
    pub(super) is_listed: bool,
}

/// A member of N's document that only the control plane knows.
struct Member {
    name: &'static str,
    /// The first microversion 2.x that shows it to everyone.
    everyone: u32,
    /// The first one that shows it to admins.
    admins: u32,
    neutral: Neutral,
}

/// N's value of a member that has none.
#[derive(Clone, Copy)]
enum Neutral {
    Text(&'static str),
    Null,
    Zero,
    List,
    Object,
}

const NEVER: u32 = u32::MAX;

const fn since(everyone: u32, name: &'static str, neutral: Neutral) -> Member {
    Member {
        name,
        everyone,
        admins: everyone,
        neutral,
    }
}

const fn for_admins(admins: u32, name: &'static str, neutral: Neutral) -> Member {
    Member {
        name,
        everyone: NEVER,
        admins,
        neutral,
    }
}

/// N: the members that are shown whatever the state of the server.
const MEMBERS: &[Member] = &[
    since(1, "accessIPv4", Neutral::Text("")),
    since(1, "accessIPv6", Neutral::Text("")),
    since(1, "addresses", Neutral::Object),
    since(1, "config_drive", Neutral::Text("")),
    since(1, "hostId", Neutral::Text("")),
    since(1, "key_name", Neutral::Null),
    since(1, "os-extended-volumes:volumes_attached", Neutral::List),
    since(1, "security_groups", Neutral::List),
    since(1, "user_id", Neutral::Text("")),
    since(1, "OS-DCF:diskConfig", Neutral::Text("MANUAL")),
    since(1, "OS-EXT-AZ:availability_zone", Neutral::Text("")),
    since(1, "OS-SRV-USG:launched_at", Neutral::Null),
    since(1, "OS-SRV-USG:terminated_at", Neutral::Null),
    since(19, "description", Neutral::Null),
    since(26, "tags", Neutral::List),
    since(63, "trusted_image_certificates", Neutral::Null),
    since(71, SERVER_GROUPS, Neutral::List),
    since(73, "locked_reason", Neutral::Null),
    since(96, "pinned_availability_zone", Neutral::Null),
    since(100, "scheduler_hints", Neutral::Object),
    for_admins(1, "OS-EXT-SRV-ATTR:host", Neutral::Null),
    for_admins(1, "OS-EXT-SRV-ATTR:hypervisor_hostname", Neutral::Null),
    for_admins(1, "OS-EXT-SRV-ATTR:instance_name", Neutral::Text("")),
    for_admins(3, "OS-EXT-SRV-ATTR:kernel_id", Neutral::Text("")),
    for_admins(3, "OS-EXT-SRV-ATTR:launch_index", Neutral::Zero),
    for_admins(3, "OS-EXT-SRV-ATTR:ramdisk_id", Neutral::Text("")),
    for_admins(3, "OS-EXT-SRV-ATTR:reservation_id", Neutral::Null),
    for_admins(3, "OS-EXT-SRV-ATTR:root_device_name", Neutral::Null),
    for_admins(3, "OS-EXT-SRV-ATTR:user_data", Neutral::Null),
    for_admins(16, "host_status", Neutral::Text("")),
    Member {
        name: "OS-EXT-SRV-ATTR:hostname",
        everyone: 90,
        admins: 3,
        neutral: Neutral::Text(""),
    },
];

/// N: not in lists.
const SERVER_GROUPS: &str = "server_groups";

/// The members that this service knows itself, or shows in a form or a state of its own: no attribute
/// takes their place.
const OWN_MEMBERS: &[&str] = &[
    "id",
    "name",
    "status",
    "tenant_id",
    "metadata",
    "links",
    "created",
    "updated",
    "locked",
    "OS-EXT-STS:vm_state",
    "OS-EXT-STS:task_state",
    "OS-EXT-STS:power_state",
    "flavor",
    "image",
    "progress",
    "fault",
];

/// N: what its policy shows to admins alone, whatever the rest of the name.
const ADMIN_PREFIX: &str = "OS-EXT-SRV-ATTR:";

/// N: the first microversion that shows whether a server is locked.
const LOCKED: Microversion = Microversion::new(9);
/// N: the first microversion that embeds the flavor.
const EMBEDDED_FLAVOR: Microversion = Microversion::new(47);
/// N: the first microversion that shows the image's properties.
const IMAGE_PROPERTIES: Microversion = Microversion::new(98);

/// N: the statuses that have a progress.
const PROGRESS_STATUSES: &[&str] = &[
    "ACTIVE",
    "BUILD",
    "REBUILD",
    "RESIZE",
    "VERIFY_RESIZE",
    "MIGRATING",
];

/// N: the statuses that have a fault.
const FAULT_STATUSES: &[&str] = &["ERROR", "DELETED"];

impl Serialize for ServerDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_own(&mut map)?;
        let attributes = &self.record.attributes;
        for member in MEMBERS.iter().filter(|member| self.shows(member)) {
            match attributes.get(member.name) {
                Some(value) => map.serialize_entry(member.name, value)?,
                None => map.serialize_entry(member.name, &member.neutral)?,
            }
        }
        for (name, value) in attributes {
            if self.shows_as_it_is(name) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

impl ServerDocument<'_> {
    fn serialize_own<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let (record, server) = (self.record, self.server);
        let attributes = &record.attributes;
        let status = server_status(&server.vm_state, server.task_state.as_deref());
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("name", &record.name)?;
        map.serialize_entry("status", status)?;
        map.serialize_entry("tenant_id", &record.project_id)?;
        map.serialize_entry("metadata", &record.metadata)?;
        map.serialize_entry("links", &self.links)?;
        map.serialize_entry("created", &timestamp::to_seconds(record.created))?;
        map.serialize_entry("updated", &timestamp::to_seconds(record.updated))?;
        map.serialize_entry("OS-EXT-STS:vm_state", &server.vm_state)?;
        map.serialize_entry("OS-EXT-STS:task_state", &server.task_state)?;
        map.serialize_entry("OS-EXT-STS:power_state", &server.power_state)?;
        map.serialize_entry("flavor", &flavor(attributes, self.version))?;
        map.serialize_entry("image", &image(attributes, self.version))?;
        if PROGRESS_STATUSES.contains(&status) {
            let progress = attributes.get("progress").unwrap_or(&Value::Null);
            map.serialize_entry("progress", &progress.as_i64().unwrap_or_default())?;
        }
        if FAULT_STATUSES.contains(&status)
            && let Some(fault) = attributes.get("fault")
        {
            map.serialize_entry("fault", &self.fault(fault))?;
        }
        if self.version >= LOCKED {
            map.serialize_entry("locked", &server.locked)?;
        }
        Ok(())
    }

    fn shows(&self, member: &Member) -> bool {
        let since = if self.is_admin {
            member.admins
        } else {
            member.everyone
        };
        self.version >= Microversion::new(since)
            && !(self.is_listed && member.name == SERVER_GROUPS)
    }

    /// Whether an attribute is one that N does not have.
    fn shows_as_it_is(&self, name: &str) -> bool {
        let is_known =
            OWN_MEMBERS.contains(&name) || MEMBERS.iter().any(|member| member.name == name);
        !is_known && (self.is_admin || !name.starts_with(ADMIN_PREFIX))
    }

    /// N: the details of an internal error are for admins.
    fn fault(&self, fault: &Value) -> Value {
        let mut shown = fault.clone();
        let is_internal = fault.get("code").and_then(Value::as_i64) == Some(500);
        if is_internal && !self.is_admin {
            remove(&mut shown, "details");
        }
        shown
    }
}

/// N: before 2.47 the id and links of the flavor, from then on its values without an id. The control
/// plane may give either form, or both in one object.
fn flavor(attributes: &Attributes, version: Microversion) -> Value {
    let neutral = if version < EMBEDDED_FLAVOR {
        json!({"id": "", "links": []})
    } else {
        json!({
            "vcpus": 0, "ram": 0, "disk": 0, "ephemeral": 0, "swap": 0,
            "original_name": "", "extra_specs": {},
        })
    };
    let given = attributes.get("flavor").and_then(Value::as_object);
    match (neutral, given) {
        (Value::Object(neutral), Some(given)) => neutral
            .into_iter()
            .map(|(name, neutral)| {
                let value = given.get(&name).cloned().unwrap_or(neutral);
                (name, value)
            })
            .collect::<Map<_, _>>()
            .into(),
        (neutral, _) => neutral,
    }
}

/// N: an empty text for a server without an image; from 2.98 on the image has properties.
fn image(attributes: &Attributes, version: Microversion) -> Value {
    let mut image = attributes
        .get("image")
        .filter(|image| !image.is_null())
        .cloned()
        .unwrap_or_else(|| "".into());
    if version < IMAGE_PROPERTIES {
        remove(&mut image, "properties");
    } else if let Some(image) = image.as_object_mut() {
        image.entry("properties").or_insert_with(|| json!({}));
    }
    image
}

fn remove(object: &mut Value, name: &str) {
    if let Some(object) = object.as_object_mut() {
        object.shift_remove(name);
    }
}

impl Serialize for Neutral {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Null => serializer.serialize_unit(),
            Self::Zero => serializer.serialize_u8(0),
            Self::List => [(); 0].serialize(serializer),
            Self::Object => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

#[cfg(test)]
mod tests;
