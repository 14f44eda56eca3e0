use std::collections::BTreeSet;

use super::*;
use crate::http::documents::links::Urls;
use crate::http::request::RequestHead;
use crate::http::route::Route;
use crate::metadata::{Kind, Record, Resource};
use crate::timestamp::Timestamp;

const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

/// Who asks in which form, and what of the server matters for it.
struct Case {
    minor: u32,
    is_admin: bool,
    is_listed: bool,
    vm_state: &'static str,
    attributes: Value,
}

impl Case {
    fn new(minor: u32) -> Self {
        Self {
            minor,
            is_admin: false,
            is_listed: false,
            vm_state: "active",
            attributes: json!({}),
        }
    }

    fn shown(self) -> Value {
        let head = RequestHead::new("GET", "https://edge.example/v2.1/servers/x");
        let Some(Route::Compute(route)) = Route::parse(&head.path, "") else {
            panic!("a known path");
        };
        let server = Server {
            vm_state: self.vm_state.into(),
            ..Server::default()
        };
        let record = Record {
            name: "web".into(),
            attributes: serde_json::from_value(self.attributes).unwrap(),
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            resource: Resource::Server(server.clone()),
            ..Record::new("ace", Kind::Server, Timestamp::default())
        };
        let id = ResourceId::parse(ID).unwrap();
        let document = ServerDocument {
            id,
            record: &record.into(),
            server: &server,
            links: Urls::new(&head, "", &route).links(Kind::Server, id),
            version: Microversion::new(self.minor),
            is_admin: self.is_admin,
            is_listed: self.is_listed,
        };
        let text = serde_json::to_string(&document).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let members = value.as_object().unwrap().len();
        assert_eq!(text.matches("\":").count(), count_names(&value), "{text}");
        assert!(members > 0);
        value
    }
}

/// How many names there are in a value: one that is written twice is read once.
fn count_names(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.values().map(|value| 1 + count_names(value)).sum(),
        Value::Array(values) => values.iter().map(count_names).sum(),
        _ => 0,
    }
}

fn names(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// The members of Nova's document in the state `active`, by the first microversion that has them.
const EVERYONE: &[(u32, &[&str])] = &[
    (
        1,
        &[
            "OS-DCF:diskConfig",
            "OS-EXT-AZ:availability_zone",
            "OS-EXT-STS:power_state",
            "OS-EXT-STS:task_state",
            "OS-EXT-STS:vm_state",
            "OS-SRV-USG:launched_at",
            "OS-SRV-USG:terminated_at",
            "accessIPv4",
            "accessIPv6",
            "addresses",
            "config_drive",
            "created",
            "flavor",
            "hostId",
            "id",
            "image",
            "key_name",
            "links",
            "metadata",
            "name",
            "os-extended-volumes:volumes_attached",
            "progress",
            "security_groups",
            "status",
            "tenant_id",
            "updated",
            "user_id",
        ],
    ),
    (9, &["locked"]),
    (19, &["description"]),
    (26, &["tags"]),
    (63, &["trusted_image_certificates"]),
    (71, &["server_groups"]),
    (73, &["locked_reason"]),
    (90, &["OS-EXT-SRV-ATTR:hostname"]),
    (96, &["pinned_availability_zone"]),
    (100, &["scheduler_hints"]),
];

/// What admins see beside.
const ADMINS: &[(u32, &[&str])] = &[
    (
        1,
        &[
            "OS-EXT-SRV-ATTR:host",
            "OS-EXT-SRV-ATTR:hypervisor_hostname",
            "OS-EXT-SRV-ATTR:instance_name",
        ],
    ),
    (
        3,
        &[
            "OS-EXT-SRV-ATTR:hostname",
            "OS-EXT-SRV-ATTR:kernel_id",
            "OS-EXT-SRV-ATTR:launch_index",
            "OS-EXT-SRV-ATTR:ramdisk_id",
            "OS-EXT-SRV-ATTR:reservation_id",
            "OS-EXT-SRV-ATTR:root_device_name",
            "OS-EXT-SRV-ATTR:user_data",
        ],
    ),
    (16, &["host_status"]),
];

fn expected(tables: &[&[(u32, &[&'static str])]], minor: u32) -> BTreeSet<&'static str> {
    tables
        .iter()
        .flat_map(|table| table.iter())
        .filter(|(since, _)| *since <= minor)
        .flat_map(|(_, names)| names.iter().copied())
        .collect()
}

#[test]
fn n_each_microversion_shows_the_members_that_nova_shows() {
    for minor in 1..=104 {
        let case = Case::new(minor);
        assert_eq!(
            names(&case.shown()),
            expected(&[EVERYONE], minor),
            "{minor}"
        );
        let case = Case {
            is_admin: true,
            ..Case::new(minor)
        };
        let both = expected(&[EVERYONE, ADMINS], minor);
        assert_eq!(names(&case.shown()), both, "admin, {minor}");
    }
}

#[test]
fn n_lists_leave_the_server_groups_out() {
    let shown = Case {
        is_listed: true,
        attributes: json!({"server_groups": ["x"]}),
        ..Case::new(104)
    }
    .shown();
    let mut expected = expected(&[EVERYONE], 104);
    expected.remove("server_groups");
    assert_eq!(names(&shown), expected);
}

#[test]
fn members_that_are_not_known_have_novas_neutral_values() {
    assert_eq!(
        Case::new(1).shown(),
        json!({
            "id": ID,
            "name": "web",
            "status": "ACTIVE",
            "tenant_id": "ace",
            "metadata": {"k": "v"},
            "links": [
                {"rel": "self", "href": format!("https://edge.example/v2.1/servers/{ID}")},
                {"rel": "bookmark", "href": format!("https://edge.example/servers/{ID}")},
            ],
            "created": "1970-01-01T00:00:00Z",
            "updated": "1970-01-01T00:00:00Z",
            "OS-EXT-STS:vm_state": "active",
            "OS-EXT-STS:task_state": null,
            "OS-EXT-STS:power_state": 1,
            "flavor": {"id": "", "links": []},
            "image": "",
            "progress": 0,
            "accessIPv4": "",
            "accessIPv6": "",
            "addresses": {},
            "config_drive": "",
            "hostId": "",
            "key_name": null,
            "os-extended-volumes:volumes_attached": [],
            "security_groups": [],
            "user_id": "",
            "OS-DCF:diskConfig": "MANUAL",
            "OS-EXT-AZ:availability_zone": "",
            "OS-SRV-USG:launched_at": null,
            "OS-SRV-USG:terminated_at": null,
        })
    );
}

#[test]
fn attributes_are_shown_in_place_of_neutral_values() {
    let attributes = json!({
        "hostId": "h", "user_id": "u", "key_name": "k", "tags": ["t"], "vendor:x": {"y": 1},
    });
    let shown = Case {
        attributes,
        ..Case::new(26)
    }
    .shown();
    assert_eq!(shown["hostId"], "h");
    assert_eq!(shown["user_id"], "u");
    assert_eq!(shown["key_name"], "k");
    assert_eq!(shown["tags"], json!(["t"]));
    assert_eq!(shown["vendor:x"], json!({"y": 1}));
}

#[test]
fn attributes_take_the_place_of_nothing_that_is_known_here() {
    let own: Attributes = OWN_MEMBERS
        .iter()
        .map(|&name| (name.to_owned(), json!({"other": "value"})))
        .collect();
    let plain = Case::new(104).shown();
    let shown = Case {
        attributes: own.into(),
        ..Case::new(104)
    }
    .shown();
    for name in names(&plain) {
        // The one member that is the control plane's in any form but this one.
        if name != "image" {
            assert_eq!(shown[name], plain[name], "{name}");
        }
    }
    let before_locked = Case {
        attributes: json!({"locked": true}),
        ..Case::new(8)
    }
    .shown();
    assert!(before_locked.get("locked").is_none());
}

#[test]
fn n_attributes_for_admins_and_for_later_microversions_are_not_shown_before() {
    let attributes = || {
        json!({
            "OS-EXT-SRV-ATTR:host": "compute-1", "OS-EXT-SRV-ATTR:hostname": "web",
            "OS-EXT-SRV-ATTR:later": "secret", "host_status": "UP", "tags": ["t"],
        })
    };
    let member = Case {
        attributes: attributes(),
        ..Case::new(25)
    };
    assert_eq!(names(&member.shown()), expected(&[EVERYONE], 25));
    let admin = Case {
        is_admin: true,
        attributes: attributes(),
        ..Case::new(16)
    }
    .shown();
    assert_eq!(admin["OS-EXT-SRV-ATTR:host"], "compute-1");
    assert_eq!(admin["OS-EXT-SRV-ATTR:later"], "secret");
    assert_eq!(admin["host_status"], "UP");
    assert!(admin.get("tags").is_none());
}

#[test]
fn n_the_flavor_has_an_id_before_2_47_and_its_values_from_then_on() {
    let embedded = json!({
        "vcpus": 1, "ram": 512, "disk": 2, "ephemeral": 3, "swap": 4,
        "original_name": "small", "extra_specs": {"a": "b"},
    });
    let linked = json!({"id": "7", "links": [{"rel": "bookmark", "href": "x"}]});
    let neutral = json!({
        "vcpus": 0, "ram": 0, "disk": 0, "ephemeral": 0, "swap": 0,
        "original_name": "", "extra_specs": {},
    });
    let mut both = embedded.clone();
    both["id"] = linked["id"].clone();
    both["links"] = linked["links"].clone();
    for (given, before, after) in [
        (embedded.clone(), json!({"id": "", "links": []}), &embedded),
        (linked.clone(), linked.clone(), &neutral),
        (both, linked.clone(), &embedded),
        (
            json!("not an object"),
            json!({"id": "", "links": []}),
            &neutral,
        ),
    ] {
        for (minor, expected) in [(46, &before), (47, after)] {
            let attributes = json!({ "flavor": given });
            let shown = Case {
                attributes,
                ..Case::new(minor)
            }
            .shown();
            assert_eq!(shown["flavor"], *expected, "{minor}");
        }
    }
}

#[test]
fn n_the_image_has_properties_from_2_98_on() {
    for (given, before, after) in [
        (
            json!({"id": "i"}),
            json!({"id": "i"}),
            json!({"id": "i", "properties": {}}),
        ),
        (
            json!({"id": "i", "properties": {"a": "b"}}),
            json!({"id": "i"}),
            json!({"id": "i", "properties": {"a": "b"}}),
        ),
        (json!(""), json!(""), json!("")),
        (json!(null), json!(""), json!("")),
    ] {
        for (minor, expected) in [(97, &before), (98, &after)] {
            let attributes = json!({ "image": given });
            let shown = Case {
                attributes,
                ..Case::new(minor)
            }
            .shown();
            assert_eq!(shown["image"], *expected, "{minor}");
        }
    }
}

#[test]
fn n_progress_and_fault_depend_on_the_status() {
    let attributes = || {
        json!({
            "progress": 40,
            "fault": {"code": 500, "created": "2026-01-01T00:00:00Z", "message": "m", "details": "d"},
        })
    };
    for (vm_state, progress, fault) in [
        ("active", true, false),
        ("building", true, false),
        ("stopped", false, false),
        ("error", false, true),
    ] {
        let shown = Case {
            vm_state,
            attributes: attributes(),
            ..Case::new(1)
        }
        .shown();
        assert_eq!(shown.get("progress").is_some(), progress, "{vm_state}");
        assert_eq!(shown.get("fault").is_some(), fault, "{vm_state}");
    }
    for (is_admin, code, has_details) in
        [(false, 500, false), (true, 500, true), (false, 404, true)]
    {
        let mut attributes = attributes();
        attributes["fault"]["code"] = code.into();
        let shown = Case {
            is_admin,
            vm_state: "error",
            attributes,
            ..Case::new(1)
        }
        .shown();
        assert_eq!(shown["fault"].get("details").is_some(), has_details);
    }
}
