use super::*;
use crate::rpc::{Position, SummaryState};
use crate::timestamp::{self, Timestamp};

const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
const OTHER_ID: &str = "aefea7e4-eb83-5ad8-b3bf-04fa336468e4";

fn actor(access_level: AccessLevel) -> Actor {
    Actor {
        project_id: Some("ace".into()),
        access_level,
    }
}

fn parse(
    kind: Kind,
    query: &str,
    minor: u32,
    access_level: AccessLevel,
) -> Result<ListQuery, Fault> {
    let actor = actor(access_level);
    ListQuery::parse(query, kind, false, Microversion::new(minor), &actor)
}

fn member(query: &str) -> Result<ListQuery, Fault> {
    parse(Kind::Server, query, 1, AccessLevel::Member)
}

fn admin(query: &str) -> Result<ListQuery, Fault> {
    parse(Kind::Server, query, 1, AccessLevel::Admin)
}

fn images(query: &str) -> Result<ListQuery, Fault> {
    parse(Kind::Image, query, 1, AccessLevel::Member)
}

fn status_and_message(result: Result<ListQuery, Fault>) -> (u16, String) {
    let fault = result.unwrap_err();
    (fault.status(), fault.to_string())
}

fn time(text: &str) -> Timestamp {
    timestamp::parse(text).unwrap()
}

fn server(name: &str, vm_state: &str, task_state: Option<&str>) -> Summary {
    Summary {
        name: name.into(),
        created: time("2026-01-01T00:00:00Z"),
        updated: time("2026-06-01T00:00:00Z"),
        state: SummaryState::Server {
            vm_state: vm_state.into(),
            task_state: task_state.map(str::to_owned),
            power_state: 4,
            locked: true,
        },
    }
}

fn image(name: &str, status: &str) -> Summary {
    Summary {
        state: SummaryState::Image {
            status: status.into(),
        },
        ..server(name, "", None)
    }
}

fn matches(query: &Result<ListQuery, Fault>, summary: &Summary) -> bool {
    let query = query.as_ref().unwrap();
    query.matches(ResourceId::parse(ID).unwrap(), summary)
}

#[test]
fn without_parameters_everything_in_the_projects_list_is_asked_for() {
    let query = member("").unwrap();
    assert_eq!((query.limit, &query.marker), (100, &None));
    assert_eq!(query.lists(), ["ace"]);
    assert_eq!(query.scope(), ListScope::ListedFor(Some("ace".into())));
    assert_eq!(query.names(), NameFilter::Any);
    assert!(!query.is_empty());
    assert!(query.matches(
        ResourceId::parse(ID).unwrap(),
        &server("web", "active", None)
    ));
    let query = images("").unwrap();
    assert_eq!(query.lists(), ["ace", PUBLIC]);
    assert!(query.matches(ResourceId::parse(ID).unwrap(), &image("x", "queued")));
}

#[test]
fn limit_and_marker_count_as_absent_when_they_are_empty() {
    for query in [member("limit=&marker="), images("limit=&marker=")] {
        let query = query.unwrap();
        assert_eq!((query.limit, query.marker), (100, None));
    }
    let query = member(&format!("limit=5&marker={ID}")).unwrap();
    assert_eq!(query.limit, 5);
    assert_eq!(query.marker, Some(Marker::Resource(ID.into())));
    assert!(member("limit=0").unwrap().is_empty());
    assert_eq!(
        status_and_message(images("limit=0")),
        (
            400,
            "Invalid input for query parameters limit. Value: 0. 0 is less than the minimum of 1"
                .into()
        )
    );
    for query in [member("limit=x"), images("limit=x"), images("offset=x")] {
        assert_eq!(query.unwrap_err().status(), 400);
    }
}

#[test]
fn n_the_name_of_a_server_is_a_regular_expression_found_anywhere() {
    for (query, name, found) in [
        ("name=web", "my-web-1", true),
        ("name=%5E(web-)%3F1", "1st", true),
        ("name=%5E(web-)%3F1", "my-1", false),
        ("name=WEB", "web", false),
        ("name=", "web", true),
        ("name=a&name=b", "b", true),
        ("name=a&name=b", "a", false),
    ] {
        let query = member(query);
        assert_eq!(
            matches(&query, &server(name, "active", None)),
            found,
            "{query:?}"
        );
    }
    let names = |query: &str| member(query).unwrap().names();
    assert_eq!(names("name=web"), NameFilter::Pattern("web".into()));
    assert_eq!(
        names("name=%5Eweb%5C.1%24"),
        NameFilter::Exact("web.1".into())
    );
}

#[test]
fn n_400_a_malformed_pattern_and_p_400_one_of_more_than_255_characters() {
    assert_eq!(
        status_and_message(member("name=(")),
        (
            400,
            "Invalid input for query parameters name. Value: (. '(' is not a 'regex'".into()
        )
    );
    assert!(member(&format!("name={}", "a".repeat(255))).is_ok());
    assert_eq!(
        member(&format!("name={}", "a".repeat(256)))
            .unwrap_err()
            .status(),
        400
    );
}

#[test]
fn n_the_name_of_an_image_is_exact() {
    let query = images("name=%5Eweb");
    assert_eq!(
        query.as_ref().unwrap().names(),
        NameFilter::Exact("^web".into())
    );
    assert!(matches(&query, &image("^web", "active")));
    assert!(!matches(&query, &image("web", "active")));
    assert!(!matches(&images("name="), &image("web", "active")));
}

#[test]
fn n_the_status_of_a_server_is_its_states() {
    for (query, vm_state, task_state, found) in [
        ("status=ERROR", "error", None, true),
        ("status=ERROR", "active", None, false),
        ("status=active", "active", None, true),
        ("status=REBOOT", "active", Some("rebooting"), true),
        ("status=REBOOT", "active", None, false),
        ("status=ERROR&status=PAUSED", "paused", None, true),
        ("status=ERROR&vm_state=active", "error", None, true),
    ] {
        for query in [member(query), admin(query)] {
            let server = server("web", vm_state, task_state);
            assert_eq!(matches(&query, &server), found, "{query:?}");
        }
    }
}

#[test]
fn a_status_that_nova_does_not_know_gives_an_empty_list() {
    for minor in [1, 37, 38, 104] {
        for query in ["status=UNHEARD_OF", "status="] {
            let query = parse(Kind::Server, query, minor, AccessLevel::Member).unwrap();
            assert!(query.is_empty());
        }
    }
    assert!(!matches(
        &images("status=unheard_of"),
        &image("x", "active")
    ));
}

#[test]
fn n_403_deleted_servers_are_for_admins_and_p_400_they_are_in_no_list() {
    assert_eq!(
        status_and_message(member("status=DELETED")),
        (403, "Only administrators may list deleted instances".into())
    );
    assert_eq!(
        status_and_message(admin("status=DELETED")),
        (400, "The query parameter 'status' is not supported.".into())
    );
}

#[test]
fn n_the_status_of_an_image_is_glances_in_any_case() {
    assert!(matches(&images("status=ACTIVE"), &image("x", "active")));
    assert!(!matches(&images("status=ACTIVE"), &image("x", "queued")));
    assert!(matches(&images("status=queued"), &image("x", "queued")));
}

#[test]
fn n_changes_are_those_between_two_times() {
    let server = server("web", "active", None);
    for (query, found) in [
        ("changes-since=2026-06-01T00:00:00Z", true),
        ("changes-since=2026-06-01T00:00:01Z", false),
        ("changes-since=2026-06-01", true),
        ("changes-before=2026-06-01T00:00:00Z", true),
        ("changes-before=2026-05-31T23:59:59Z", false),
        ("changes-since=2026-05-01&changes-before=2026-07-01", true),
        ("changes-since=2026-06-01&changes-before=2026-06-01", true),
    ] {
        let query = parse(Kind::Server, query, 66, AccessLevel::Member);
        assert_eq!(matches(&query, &server), found, "{query:?}");
    }
    // N: not known before 2.66.
    let query = parse(
        Kind::Server,
        "changes-before=garbage",
        65,
        AccessLevel::Admin,
    );
    assert!(matches(&query, &server));
    assert!(!matches(
        &images("changes-since=2026-07-01"),
        &image("x", "active")
    ));
    for query in [
        member("changes-since=yesterday"),
        member("changes-since="),
        images("changes-since=yesterday"),
        parse(Kind::Server, "changes-before=x", 66, AccessLevel::Member),
    ] {
        assert_eq!(query.unwrap_err().status(), 400);
    }
    let query = "changes-since=2026-07-01&changes-before=2026-06-01";
    assert_eq!(
        parse(Kind::Server, query, 66, AccessLevel::Member),
        Err(Fault::ChangesOrder)
    );
}

#[test]
fn n_changes_include_soft_deleted_servers_unless_deleted_is_given() {
    use AccessLevel::{Admin, Member};
    let since = "changes-since=2026-06-01";
    let before = "changes-before=2026-06-01";
    for (query, minor, access_level, found) in [
        ("", 104, Member, false),
        ("status=SOFT_DELETED", 104, Member, false),
        (since, 1, Member, true),
        (before, 66, Member, true),
        // N: not known before 2.66.
        (before, 65, Member, false),
        // N: `deleted` counts for admins alone, and a word that is not a boolean is false.
        (&format!("{since}&deleted=False"), 1, Admin, false),
        (&format!("{since}&deleted=maybe"), 1, Admin, false),
        (&format!("{since}&deleted=False"), 1, Member, true),
    ] {
        let list = parse(Kind::Server, query, minor, access_level).unwrap();
        assert_eq!(list.soft_deleted(), found, "{query} {minor}");
    }
    assert!(!images(since).unwrap().soft_deleted());
}

#[test]
fn a_server_is_found_by_its_uuid_alone() {
    for access_level in [AccessLevel::Member, AccessLevel::Admin] {
        for (uuid, found) in [(ID, true), (OTHER_ID, false), ("", false)] {
            let query = parse(Kind::Server, &format!("uuid={uuid}"), 1, access_level);
            assert_eq!(query.as_ref().unwrap().only_id(), Some(uuid));
            assert_eq!(matches(&query, &server("web", "active", None)), found);
        }
    }
    assert_eq!(images(&format!("uuid={ID}")).unwrap().only_id(), None);
}

#[test]
fn n_states_are_accepted_from_admins_and_from_2_83_on_from_everyone() {
    let server = server("web", "active", Some("rebooting"));
    for (query, found) in [
        ("vm_state=active", true),
        ("vm_state=error", false),
        ("task_state=rebooting", true),
        ("task_state=migrating", false),
        ("power_state=4", true),
        ("power_state=1", false),
    ] {
        let accepted = parse(Kind::Server, query, 83, AccessLevel::Member);
        assert_eq!(matches(&accepted, &server), found, "{query}");
        assert_eq!(matches(&admin(query), &server), found, "{query}");
        let ignored = parse(Kind::Server, query, 82, AccessLevel::Member);
        // From 2.75 on it is known, but still ignored.
        assert!(matches(&ignored, &server), "{query}");
    }
    for (query, found) in [("locked=true", true), ("locked=False", false)] {
        let accepted = parse(Kind::Server, query, 73, AccessLevel::Member);
        assert_eq!(matches(&accepted, &server), found, "{query}");
        assert!(matches(&admin(query), &server), "{query}");
    }
    let fault = parse(Kind::Server, "locked=maybe", 73, AccessLevel::Member).unwrap_err();
    assert!(fault.to_string().starts_with("Unrecognized value 'maybe'"));
}

#[test]
fn all_tenants_is_one_projects_list_to_admins_and_403_to_others() {
    for query in [
        "all_tenants=1&project_id=bee",
        "project_id=bee&all_tenants",
        "all_tenants=True&tenant_id=bee",
        "all_tenants=1&project_id=cad&tenant_id=bee",
    ] {
        assert_eq!(admin(query).unwrap().lists(), ["bee"], "{query}");
        assert_eq!(
            status_and_message(member(query)),
            (
                403,
                "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed."
                    .into()
            )
        );
    }
    for query in ["all_tenants=1", "all_tenants", "all_tenants=1&project_id="] {
        let (status, message) = status_and_message(admin(query));
        assert_eq!(status, 400, "{query}");
        assert!(message.contains("project_id"), "{message}");
    }
    // N: without all_tenants nobody leaves the token's project.
    for query in [
        "",
        "project_id=bee",
        "tenant_id=bee",
        "all_tenants=0&project_id=bee",
    ] {
        assert_eq!(admin(query).unwrap().lists(), ["ace"], "{query}");
        assert_eq!(member(query).unwrap().lists(), ["ace"], "{query}");
    }
    assert_eq!(admin("all_tenants=maybe").unwrap_err().status(), 400);
    // N: Glance does not know it.
    assert_eq!(images("all_tenants=1").unwrap().lists(), ["ace", PUBLIC]);
}

#[test]
fn only_a_projects_list_is_looked_up() {
    for name in ["public", "changes", "ACE"] {
        let query = admin(&format!("all_tenants=1&project_id={name}")).unwrap();
        assert!(query.is_empty(), "{name}");
    }
}

#[test]
fn p_400_names_what_nova_would_filter_by_and_this_service_cannot() {
    for (name, minor) in [
        ("ip", 1),
        ("ip6", 5),
        ("flavor", 1),
        ("image", 1),
        ("reservation_id", 1),
        ("tags", 26),
        ("tags-any", 26),
        ("not-tags", 26),
        ("not-tags-any", 26),
        ("availability_zone", 83),
        ("config_drive", 83),
        ("key_name", 83),
        ("created_at", 83),
        ("user_id", 83),
        ("hostname", 90),
    ] {
        let query = format!("{name}=x");
        for access_level in [AccessLevel::Member, AccessLevel::Admin] {
            assert_eq!(
                parse(Kind::Server, &query, minor, access_level),
                Err(Fault::UnsupportedParameter(name.into())),
                "{name}"
            );
        }
    }
    for name in [
        "host",
        "node",
        "description",
        "image_ref",
        "user_id",
        "locked_by",
    ] {
        let query = format!("{name}=x");
        assert_eq!(
            admin(&query),
            Err(Fault::UnsupportedParameter(name.into())),
            "{name}"
        );
        // N: ignored from others.
        assert!(member(&query).is_ok(), "{name}");
    }
    for name in ["server", "type", "minRam", "minDisk", "property-os_type"] {
        assert_eq!(
            images(&format!("{name}=5")),
            Err(Fault::UnsupportedParameter(name.into())),
            "{name}"
        );
    }
}

#[test]
fn neutral_values_that_clients_send_by_default_filter_nothing() {
    for query in [
        "deleted=False",
        "deleted=0",
        "soft_deleted=false",
        "all_tenants=False",
        "sort_key=created_at&sort_dir=desc",
        "ip=&ip6=&flavor=",
    ] {
        let query = admin(query);
        assert!(matches(&query, &server("web", "active", None)), "{query:?}");
    }
    assert!(images("minRam=0&minDisk=0").is_ok());
    assert_eq!(
        admin("deleted=True"),
        Err(Fault::UnsupportedParameter("deleted".into()))
    );
    // N: ignored from others.
    assert!(member("deleted=True").is_ok());
}

#[test]
fn p_400_any_other_order_than_newest_first() {
    for (query, name) in [
        ("sort_key=display_name", "sort_key"),
        ("sort_key=created_at&sort_key=uuid", "sort_key"),
        ("sort_key=created_at&sort_dir=asc", "sort_dir"),
        ("sort_dir=asc", "sort_dir"),
        ("sort_dir=sideways", "sort_dir"),
    ] {
        assert_eq!(
            member(query),
            Err(Fault::UnsupportedParameter(name.into())),
            "{query}"
        );
    }
    // N: these keys are not sorted by before 2.75, nor in their direction.
    assert!(member("sort_key=id&sort_dir=asc").is_ok());
    assert!(member("sort_key=id&sort_key=created_at&sort_dir=asc&sort_dir=desc").is_ok());
    for (minor, name, is_ignored) in [
        (72, "locked", true),
        (73, "locked", false),
        (74, "id", true),
        (75, "id", false),
    ] {
        let query = format!("sort_key={name}");
        let result = parse(Kind::Server, &query, minor, AccessLevel::Member);
        assert_eq!(result.is_ok(), is_ignored, "{name} {minor}");
    }
    assert!(images("sort_key=name&sort_dir=asc").is_ok());
}

#[test]
fn n_unknown_parameters_are_ignored_before_2_75_and_400_from_then_on() {
    for query in ["x=1", "offset=5", "page_size=1", "_x=1", "metadata=x"] {
        assert!(member(query).is_ok(), "{query}");
    }
    let from_2_75 = |query| parse(Kind::Server, query, 75, AccessLevel::Member);
    assert_eq!(
        status_and_message(from_2_75("x=1&name=web&a=2")),
        (
            400,
            "Additional properties are not allowed ('a', 'x' were unexpected)".into()
        )
    );
    for query in ["uuid=x", "host=x", "metadata=x", "_x=1", "tags="] {
        assert!(from_2_75(query).is_ok(), "{query}");
    }
    for name in ["metadata", "services", "_x"] {
        assert_eq!(
            admin(&format!("{name}=x")),
            Err(Fault::InvalidFilter(name.into()))
        );
    }
    assert!(images("x=1").is_ok());
}

#[test]
fn n_the_first_value_that_fails_is_named_in_novas_order() {
    // In this order, with how each fault begins.
    let values = [
        (
            "changes-since=2026-07-01&changes-before=2026-06-01",
            "The value of changes-since",
        ),
        ("status=DELETED", "Only administrators"),
        ("all_tenants=maybe", "Unrecognized value 'maybe'"),
        ("locked=perhaps", "Unrecognized value 'perhaps'"),
        ("all_tenants=1", "Policy doesn't allow"),
        // P.
        ("tags=x", "The query parameter 'tags'"),
    ];
    for (at, (first, message)) in values.iter().enumerate() {
        for (later, _) in values.iter().skip(at) {
            // Of two with one name, the last one would count.
            if at == 2 && later.starts_with("all_tenants=1") {
                continue;
            }
            let query = format!("{later}&{first}");
            let fault = parse(Kind::Server, &query, 73, AccessLevel::Member).unwrap_err();
            assert!(fault.to_string().starts_with(message), "{query}: {fault}");
        }
    }
}

#[test]
fn n_400_a_query_that_is_not_utf8() {
    for query in [member("name=%FF"), images("x=%FF")] {
        assert_eq!(
            status_and_message(query),
            (400, "Query string is not UTF-8 encoded".into())
        );
    }
}

#[test]
fn s2_403_servers_and_no_images_without_a_role_or_without_a_project() {
    let list = |kind, detail, project_id: Option<&str>, access_level| {
        let actor = Actor {
            project_id: project_id.map(str::to_owned),
            access_level,
        };
        ListQuery::parse("", kind, detail, Microversion::OLDEST, &actor)
    };
    for (project_id, access_level) in [
        (Some("ace"), AccessLevel::None),
        (None, AccessLevel::Member),
        (None, AccessLevel::Admin),
    ] {
        for (detail, right) in [(false, "index"), (true, "detail")] {
            assert_eq!(
                list(Kind::Server, detail, project_id, access_level),
                Err(Fault::Policy(format!("os_compute_api:servers:{right}")))
            );
        }
    }
    for (project_id, access_level, is_empty) in [
        (Some("ace"), AccessLevel::None, true),
        (Some("ace"), AccessLevel::Reader, false),
        (None, AccessLevel::Member, true),
        (None, AccessLevel::Admin, false),
    ] {
        let query = list(Kind::Image, false, project_id, access_level).unwrap();
        assert_eq!(
            query.is_empty(),
            is_empty,
            "{project_id:?} {access_level:?}"
        );
    }
    let public = list(Kind::Image, false, None, AccessLevel::Admin).unwrap();
    assert_eq!(public.lists(), [PUBLIC]);
}

#[test]
fn the_next_page_is_asked_for_what_this_one_was() {
    let next = |query: &str, marker: Marker| {
        member(query)
            .unwrap()
            .next_url("https://edge.example/servers", &marker)
    };
    let marker = || Marker::Resource(ID.into());
    assert_eq!(
        next("", marker()),
        format!("https://edge.example/servers?marker={ID}")
    );
    assert_eq!(
        next("limit=2&name=a+b%26c&marker=x", marker()),
        format!("https://edge.example/servers?limit=2&name=a+b%26c&marker={ID}")
    );
    assert_eq!(
        next("limit=&marker=", marker()),
        format!("https://edge.example/servers?marker={ID}")
    );
    let position = Marker::Position(Position {
        created: 5,
        id: ID.into(),
    });
    assert_eq!(
        next("", position),
        format!("https://edge.example/servers?marker=5.{ID}")
    );
}

proptest::proptest! {
    #[test]
    fn any_query_is_answered(query in "[a-z_=&%+-]{0,40}|.{0,40}", minor in 1..=104_u32) {
        for kind in [Kind::Server, Kind::Image] {
            for access_level in [AccessLevel::Member, AccessLevel::Admin] {
                match parse(kind, &query, minor, access_level) {
                    Ok(query) => proptest::prop_assert!(query.limit <= 100),
                    Err(fault) => proptest::prop_assert!(matches!(fault.status(), 400 | 403)),
                }
            }
        }
    }
}
