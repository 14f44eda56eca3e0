//! Each rule of S1 and S2, and the order in which they are met.

use super::*;
use crate::auth::AccessLevel;
use crate::metadata::{Items, Key, Metadata, Value, Visibility};
use crate::timestamp::Timestamp;

fn metadata() -> Metadata {
    Metadata::from([
        ("foo".into(), "bar".into()),
        ("key1".into(), "value1".into()),
    ])
}

fn server() -> Server {
    Server::default()
}

fn image() -> Image {
    Image::default()
}

fn record(resource: Resource) -> Record {
    Record {
        metadata: metadata(),
        ..Record::new("acme", resource.kind(), Timestamp::default())
    }
    .with(resource)
}

impl Record {
    fn with(self, resource: Resource) -> Self {
        Self { resource, ..self }
    }
}

fn actor(project_id: &str, access_level: AccessLevel) -> Actor {
    Actor {
        project_id: Some(project_id.into()),
        access_level,
    }
}

fn member() -> Actor {
    actor("acme", AccessLevel::Member)
}

fn delete(key: &str) -> Operation {
    Operation::DeleteItem { key: key.into() }
}

fn put(path_key: &str, key: &str) -> Operation {
    Operation::PutItem {
        path_key: path_key.into(),
        key: Key::new(key).unwrap(),
        value: Value::new("new").unwrap(),
    }
}

fn items(keys: &[&str]) -> Items {
    keys.iter()
        .map(|key| (Key::new(key).unwrap(), Value::new("new").unwrap()))
        .collect()
}

fn each_change() -> [Operation; 4] {
    [
        delete("foo"),
        put("foo", "foo"),
        Operation::Merge {
            items: items(&["foo"]),
        },
        Operation::Replace {
            items: items(&["foo"]),
        },
    ]
}

fn each_read() -> [Operation; 3] {
    [
        Operation::Show,
        Operation::List,
        Operation::ShowItem { key: "foo".into() },
    ]
}

fn on_server(
    server: Server,
    operation: &Operation,
    actor: &Actor,
) -> Result<Option<Change>, Rejection> {
    decide(
        Some(&record(Resource::Server(server))),
        operation,
        actor,
        128,
    )
}

fn on_image(
    image: Image,
    operation: &Operation,
    actor: &Actor,
) -> Result<Option<Change>, Rejection> {
    decide(Some(&record(Resource::Image(image))), operation, actor, 128)
}

#[test]
fn s2_204_an_item_of_an_active_server_is_deleted() {
    assert_eq!(
        on_server(server(), &delete("foo"), &member()),
        Ok(Some(Change {
            removed: vec!["foo".into()],
            put: vec![],
        }))
    );
}

#[test]
fn s1_204_an_item_of_an_image_is_deleted() {
    assert_eq!(
        on_image(image(), &delete("foo"), &member()),
        Ok(Some(Change {
            removed: vec!["foo".into()],
            put: vec![],
        }))
    );
}

#[test]
fn s2_404_the_instance_is_not_found() {
    for operation in each_change().iter().chain(&each_read()) {
        assert_eq!(
            decide(None, operation, &actor("acme", AccessLevel::Admin), 128),
            Err(Rejection::NotFound)
        );
    }
}

#[test]
fn s2_404_another_projects_server_is_as_if_it_were_not_there() {
    for access_level in [AccessLevel::None, AccessLevel::Reader, AccessLevel::Member] {
        for operation in each_change().iter().chain(&each_read()) {
            assert_eq!(
                on_server(server(), operation, &actor("other", access_level)),
                Err(Rejection::NotFound),
                "{access_level:?}"
            );
        }
    }
    assert!(
        on_server(
            server(),
            &delete("foo"),
            &actor("other", AccessLevel::Admin)
        )
        .is_ok()
    );
}

#[test]
fn s2_403_a_reader_may_only_read_and_no_role_may_do_neither() {
    for operation in &each_change() {
        for access_level in [AccessLevel::None, AccessLevel::Reader] {
            assert_eq!(
                on_server(server(), operation, &actor("acme", access_level)),
                Err(Rejection::Forbidden)
            );
        }
        assert!(on_server(server(), operation, &member()).is_ok());
    }
    for operation in &each_read() {
        assert_eq!(
            on_server(server(), operation, &actor("acme", AccessLevel::None)),
            Err(Rejection::Forbidden)
        );
        assert_eq!(
            on_server(server(), operation, &actor("acme", AccessLevel::Reader)),
            Ok(None)
        );
    }
}

#[test]
fn s2_404_the_metadata_item_is_not_found() {
    for key in ["nope", "FOO", "foo ", "fo", "", "foo\n"] {
        for operation in [delete(key), Operation::ShowItem { key: key.into() }] {
            assert_eq!(
                on_server(server(), &operation, &member()),
                Err(Rejection::ItemNotFound)
            );
            assert_eq!(
                on_image(image(), &operation, &member()),
                Err(Rejection::ItemNotFound)
            );
        }
    }
}

#[test]
fn s2_409_a_locked_server_lets_only_an_admin_change() {
    let locked = || Server {
        locked: true,
        ..server()
    };
    for operation in &each_change() {
        assert_eq!(
            on_server(locked(), operation, &member()),
            Err(Rejection::Locked)
        );
        assert!(on_server(locked(), operation, &actor("acme", AccessLevel::Admin)).is_ok());
    }
    for operation in &each_read() {
        assert_eq!(on_server(locked(), operation, &member()), Ok(None));
    }
}

#[test]
fn s2_409_only_active_paused_suspended_and_stopped_allow_a_change() {
    for (vm_state, allows) in [
        ("active", true),
        ("paused", true),
        ("suspended", true),
        ("stopped", true),
        ("building", false),
        ("rescued", false),
        ("resized", false),
        ("soft-delete", false),
        ("error", false),
        ("shelved", false),
        ("shelved_offloaded", false),
        ("", false),
        ("ACTIVE", false),
        ("unknown to this release", false),
    ] {
        for access_level in [AccessLevel::Member, AccessLevel::Admin] {
            let server = || Server {
                vm_state: vm_state.into(),
                ..server()
            };
            for operation in &each_change() {
                let decided = on_server(server(), operation, &actor("acme", access_level));
                if allows {
                    assert!(decided.is_ok(), "{vm_state}");
                } else {
                    assert_eq!(decided, Err(Rejection::VmState(vm_state.into())));
                }
            }
            for operation in &each_read() {
                assert_eq!(
                    on_server(server(), operation, &member()),
                    Ok(None),
                    "{vm_state}"
                );
            }
        }
    }
}

#[test]
fn s2_409_no_task_may_run() {
    for task_state in ["rebooting", "deleting", "resize_prep", ""] {
        for access_level in [AccessLevel::Member, AccessLevel::Admin] {
            let server = Server {
                task_state: Some(task_state.into()),
                ..server()
            };
            assert_eq!(
                on_server(server, &delete("foo"), &actor("acme", access_level)),
                Err(Rejection::TaskState(task_state.into()))
            );
        }
    }
}

#[test]
fn n_409_a_server_that_was_never_launched_allows_no_change() {
    let server = Server {
        launched: false,
        ..server()
    };
    assert_eq!(
        on_server(server, &delete("foo"), &member()),
        Err(Rejection::NeverLaunched)
    );
}

#[test]
fn servers_the_checks_have_the_contracts_order() {
    let worst = Server {
        locked: true,
        vm_state: "error".into(),
        task_state: Some("rebooting".into()),
        launched: false,
        ..server()
    };
    let reader = actor("acme", AccessLevel::Reader);
    let admin = actor("acme", AccessLevel::Admin);
    let other = actor("other", AccessLevel::Member);
    let decided = |server: &Server, operation: &Operation, actor: &Actor| {
        on_server(server.clone(), operation, actor).unwrap_err()
    };
    assert_eq!(
        decided(&worst, &delete("nope"), &other),
        Rejection::NotFound
    );
    assert_eq!(
        decided(&worst, &delete("nope"), &reader),
        Rejection::Forbidden
    );
    assert_eq!(
        decided(&worst, &put("foo", "key1"), &reader),
        Rejection::Forbidden
    );
    assert_eq!(
        decided(&worst, &put("foo", "key1"), &member()),
        Rejection::KeyMismatch
    );
    assert_eq!(
        decided(&worst, &delete("nope"), &member()),
        Rejection::ItemNotFound
    );
    assert_eq!(
        decided(&worst, &delete("foo"), &member()),
        Rejection::Locked
    );
    assert_eq!(
        decided(&worst, &delete("foo"), &admin),
        Rejection::VmState("error".into())
    );
    let better = Server {
        vm_state: "active".into(),
        ..worst
    };
    assert_eq!(
        decided(&better, &delete("foo"), &admin),
        Rejection::TaskState("rebooting".into())
    );
    let better = Server {
        task_state: None,
        ..better
    };
    assert_eq!(
        decided(&better, &delete("foo"), &admin),
        Rejection::NeverLaunched
    );
    let best = Server {
        locked: true,
        ..server()
    };
    let too_many: Vec<_> = (0..129).map(|at| format!("k{at}")).collect();
    let too_many: Vec<_> = too_many.iter().map(String::as_str).collect();
    let over_quota = Operation::Replace {
        items: items(&too_many),
    };
    assert_eq!(decided(&best, &over_quota, &member()), Rejection::Locked);
    assert_eq!(decided(&best, &over_quota, &admin), Rejection::Quota);
}

#[test]
fn n_403_no_more_items_than_the_limit_and_deleting_never_meets_it() {
    let record = record(Resource::Server(server()));
    let with_limit =
        |operation: &Operation, limit| decide(Some(&record), operation, &member(), limit);
    for (operation, needs) in [
        (put("foo", "foo"), 2),
        (put("new", "new"), 3),
        (
            Operation::Merge {
                items: items(&["foo", "key1"]),
            },
            2,
        ),
        (
            Operation::Merge {
                items: items(&["foo", "new"]),
            },
            3,
        ),
        (
            Operation::Replace {
                items: items(&["a"]),
            },
            1,
        ),
        (
            Operation::Replace {
                items: items(&["a", "b", "c"]),
            },
            3,
        ),
        (Operation::Merge { items: vec![] }, 2),
        (Operation::Replace { items: vec![] }, 0),
        (delete("foo"), 0),
    ] {
        assert!(with_limit(&operation, needs).is_ok(), "{operation:?}");
        if needs > 0 {
            assert_eq!(
                with_limit(&operation, needs - 1),
                Err(Rejection::Quota),
                "{operation:?}"
            );
        }
    }
}

#[test]
fn n_404_an_image_that_is_gone_is_not_found_even_by_an_admin() {
    for status in ["deleted", "pending_delete", "killed"] {
        for operation in each_change().iter().chain(&each_read()) {
            let image = Image {
                status: status.into(),
                ..image()
            };
            assert_eq!(
                on_image(image, operation, &actor("acme", AccessLevel::Admin)),
                Err(Rejection::NotFound)
            );
        }
    }
}

#[test]
fn s1_409_an_image_that_is_still_being_written_allows_no_change() {
    for status in ["queued", "saving", "uploading", "importing", "unknown"] {
        let image = || Image {
            status: status.into(),
            ..image()
        };
        for operation in &each_change() {
            assert_eq!(
                on_image(image(), operation, &actor("acme", AccessLevel::Admin)),
                Err(Rejection::ImageStatus(status.into()))
            );
        }
        assert_eq!(on_image(image(), &Operation::List, &member()), Ok(None));
        assert_eq!(
            on_image(image(), &delete("nope"), &member()),
            Err(Rejection::ItemNotFound)
        );
    }
    for status in ["active", "deactivated"] {
        let image = Image {
            status: status.into(),
            ..image()
        };
        assert!(
            on_image(image, &delete("foo"), &member()).is_ok(),
            "{status}"
        );
    }
}

#[test]
fn images_the_key_is_checked_before_the_right_to_change() {
    let public = || Image {
        visibility: Visibility::Public,
        ..image()
    };
    let other = actor("other", AccessLevel::Member);
    assert_eq!(
        on_image(public(), &delete("nope"), &other),
        Err(Rejection::ItemNotFound)
    );
    assert_eq!(
        on_image(public(), &delete("foo"), &other),
        Err(Rejection::Forbidden)
    );
    assert_eq!(on_image(public(), &Operation::List, &other), Ok(None));
    assert_eq!(
        on_image(image(), &delete("foo"), &other),
        Err(Rejection::NotFound)
    );
    let reader = actor("acme", AccessLevel::Reader);
    assert_eq!(
        on_image(image(), &delete("foo"), &reader),
        Err(Rejection::Forbidden)
    );
    let queued = Image {
        status: "queued".into(),
        ..image()
    };
    assert_eq!(
        on_image(queued, &delete("foo"), &reader),
        Err(Rejection::Forbidden)
    );
}

#[test]
fn p_403_reserved_image_names_are_neither_written_nor_removed() {
    let reserved = "os_glance_x";
    for operation in [
        put(reserved, reserved),
        Operation::Merge {
            items: items(&["foo", reserved]),
        },
        Operation::Replace {
            items: items(&[reserved]),
        },
    ] {
        for access_level in [AccessLevel::Member, AccessLevel::Admin] {
            assert_eq!(
                on_image(image(), &operation, &actor("acme", access_level)),
                Err(Rejection::Forbidden)
            );
        }
        assert!(on_server(server(), &operation, &member()).is_ok());
    }
    let record = Record {
        metadata: Metadata::from([(reserved.into(), "1".into())]),
        ..record(Resource::Image(image()))
    };
    assert_eq!(
        decide(Some(&record), &delete(reserved), &member(), 128),
        Err(Rejection::Forbidden)
    );
    let read = Operation::ShowItem {
        key: reserved.into(),
    };
    assert_eq!(decide(Some(&record), &read, &member(), 128), Ok(None));
}

#[test]
fn n_404_a_deleted_server_is_not_found_even_by_an_admin() {
    for operation in each_change().iter().chain(&each_read()) {
        let server = Server {
            vm_state: "deleted".into(),
            ..server()
        };
        assert_eq!(
            on_server(server, operation, &actor("acme", AccessLevel::Admin)),
            Err(Rejection::NotFound)
        );
    }
}

#[test]
fn p_a_put_of_all_keeps_the_reserved_names_of_an_image() {
    let before = || Metadata::from([("os_glance_x".into(), "1".into()), ("a".into(), "1".into())]);
    let operation = Operation::Replace {
        items: items(&["b"]),
    };
    for (resource, kept) in [
        (Resource::Image(image()), true),
        (Resource::Server(server()), false),
    ] {
        let mut record = Record {
            metadata: before(),
            ..record(resource)
        };
        let change = decide(Some(&record), &operation, &member(), 128);
        change.unwrap().unwrap().apply(&mut record.metadata);
        assert_eq!(record.metadata.contains_key("os_glance_x"), kept);
        assert!(!record.metadata.contains_key("a"));
        assert!(record.metadata.contains_key("b"));
    }
}

#[test]
fn a_change_removes_and_puts_what_the_operation_names() {
    for (operation, keys, after) in [
        (delete("foo"), vec!["foo"], vec![("key1", "value1")]),
        (
            put("foo", "foo"),
            vec!["foo"],
            vec![("foo", "new"), ("key1", "value1")],
        ),
        (
            Operation::Merge {
                items: items(&["a", "foo"]),
            },
            vec!["a", "foo"],
            vec![("a", "new"), ("foo", "new"), ("key1", "value1")],
        ),
        (
            Operation::Replace {
                items: items(&["a", "foo"]),
            },
            vec!["key1", "a", "foo"],
            vec![("a", "new"), ("foo", "new")],
        ),
    ] {
        let mut record = record(Resource::Server(server()));
        let change = decide(Some(&record), &operation, &member(), 128)
            .unwrap()
            .unwrap();
        assert_eq!(change.keys().collect::<Vec<_>>(), keys, "{operation:?}");
        change.apply(&mut record.metadata);
        let after: Metadata = after
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        assert_eq!(record.metadata, after, "{operation:?}");
    }
}

#[test]
fn a_change_that_touches_no_item_is_checked_and_then_writes_nothing() {
    let none = Operation::Merge { items: items(&[]) };
    for resource in [Resource::Server(server()), Resource::Image(image())] {
        let record = record(resource);
        assert_eq!(decide(Some(&record), &none, &member(), 128), Ok(None));
        let all = Operation::Replace { items: items(&[]) };
        assert!(matches!(
            decide(Some(&record), &all, &member(), 128),
            Ok(Some(_))
        ));
    }
    let locked = record(Resource::Server(Server {
        locked: true,
        ..server()
    }));
    assert_eq!(
        decide(Some(&locked), &none, &member(), 128),
        Err(Rejection::Locked)
    );
}
