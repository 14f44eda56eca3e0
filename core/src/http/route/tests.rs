//! Which paths there are, and how their segments are decoded.

use super::*;

const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
const PROJECT: &str = "e4ee5a9bdf934e35b62c8b995152feee";

fn item(path: &str) -> Option<(Prefix, Option<String>, Kind, Name, Name)> {
    match Route::parse(path, "")? {
        Route::Compute(ComputeRoute {
            prefix,
            project_id,
            kind,
            target:
                Target::Resource {
                    id,
                    part: Part::Item(key),
                },
        }) => Some((prefix, project_id, kind, id, key)),
        _ => None,
    }
}

fn named(text: &str) -> Name {
    Name::Text(text.into())
}

fn key(raw: &str) -> Option<String> {
    let name = item(&format!("/images/{ID}/metadata/{raw}")).unwrap().4;
    name.text().map(str::to_owned)
}

#[test]
fn s1_and_s2_write_their_paths_like_this() {
    assert_eq!(
        item(&format!("/images/{ID}/metadata/key")),
        Some((Prefix::Bare, None, Kind::Image, named(ID), named("key")))
    );
    assert_eq!(
        item(&format!("/v2/{PROJECT}/servers/{ID}/metadata/sample_key")),
        Some((
            Prefix::V2,
            Some(PROJECT.into()),
            Kind::Server,
            named(ID),
            named("sample_key")
        ))
    );
}

#[test]
fn the_same_operations_answer_below_each_prefix() {
    for (before, prefix, project) in [
        (String::new(), Prefix::Bare, None),
        ("/v2".into(), Prefix::V2, None),
        ("/v2.1".into(), Prefix::V21, None),
        (format!("/v2/{PROJECT}"), Prefix::V2, Some(PROJECT)),
        (format!("/v2.1/{PROJECT}"), Prefix::V21, Some(PROJECT)),
    ] {
        for kind in [Kind::Server, Kind::Image] {
            let collection = format!("{before}/{}", kind.plural());
            let of_x = |part| Target::Resource {
                id: named("x"),
                part,
            };
            for (path, target) in [
                (collection.clone(), Target::List { detail: false }),
                (
                    format!("{collection}/detail"),
                    Target::List { detail: true },
                ),
                (format!("{collection}/x"), of_x(Part::Whole)),
                (format!("{collection}/x/metadata"), of_x(Part::Metadata)),
                (
                    format!("{collection}/x/metadata/k"),
                    of_x(Part::Item(named("k"))),
                ),
            ] {
                assert_eq!(
                    Route::parse(&path, ""),
                    Some(Route::Compute(ComputeRoute {
                        prefix,
                        project_id: project.map(str::to_owned),
                        kind,
                        target
                    })),
                    "{path}"
                );
            }
        }
    }
}

#[test]
fn empty_segments_before_the_resource_are_ignored_and_nowhere_else() {
    assert!(item(&format!("/v2/{PROJECT}//servers/{ID}/metadata/k")).is_some());
    assert!(item(&format!("//v2.1///{PROJECT}/servers/{ID}/metadata/k")).is_some());
    assert!(item(&format!("//images/{ID}/metadata/k")).is_some());
    for path in [
        format!("/servers//{ID}/metadata/k"),
        format!("/servers/{ID}//metadata/k"),
        format!("/servers/{ID}/metadata//k"),
        format!("/servers/{ID}/metadata/"),
        format!("/servers/{ID}/metadata/k/"),
        format!("/servers/{ID}/"),
        "/servers/".into(),
        format!("/registry//servers/{ID}"),
        format!("/registry/servers/{ID}/"),
    ] {
        assert_eq!(Route::parse(&path, ""), None, "{path}");
    }
}

#[test]
fn version_documents_answer_with_and_without_the_slash() {
    for (path, prefix) in [
        ("/", Prefix::Bare),
        ("", Prefix::Bare),
        ("/v2", Prefix::V2),
        ("/v2/", Prefix::V2),
        ("/v2.1", Prefix::V21),
        ("/v2.1/", Prefix::V21),
    ] {
        assert_eq!(
            Route::parse(path, ""),
            Some(Route::Versions(prefix)),
            "{path}"
        );
    }
}

#[test]
fn unknown_paths_have_no_route() {
    for path in [
        "/v3/servers",
        "/V2/servers",
        "/v2/ABC/servers",
        "/v2/e4ee5a9g/servers",
        "/v2/e4ee",
        "/flavors",
        "/v2.1/flavors",
        "/servers/x/metadat",
        "/servers/x/metadata/k/more",
        "/registry",
        "/registry/servers/",
        "/registry/servers/x/metadata",
        "/registry/flavors",
        "/registry/flavors/x",
        "/registry/changes/",
        "/registry/changes/x",
        "/registry/feed/x",
        "/registry//changes",
        "/v2.1/registry/changes",
        "/healthcheck/",
        "/healthcheck/x",
        "/v2.1/healthcheck",
        "/openapi.json/",
        "/openapi",
        "/v2/registry/servers/x",
        "/Servers/x/metadata/k",
        "/e4ee/servers/x",
        "/servers/x/metadata/.",
        "/servers/x/metadata/..",
        "/servers/x/metadata/%2E",
        "/servers/x/metadata/%2e.",
        "/servers/%2E%2E/metadata/k",
        "/%FF/servers/x",
        "/v2/%00/servers/x",
    ] {
        assert_eq!(Route::parse(path, ""), None, "{path}");
    }
}

#[test]
fn a_segment_is_decoded_exactly_once() {
    assert_eq!(key("a%20b").as_deref(), Some("a b"));
    assert_eq!(key("a%2520b").as_deref(), Some("a%20b"));
    assert_eq!(key("a%2Fb").as_deref(), Some("a/b"));
    assert_eq!(key("cl%C3%A9").as_deref(), Some("clé"));
    assert_eq!(key("new%0A").as_deref(), Some("new\n"));
    assert_eq!(key("%2e%2Ea").as_deref(), Some("..a"));
    assert_eq!(
        Route::parse(&format!("/%69mages/{ID}/%6Detadata"), ""),
        Route::parse(&format!("/images/{ID}/metadata"), "")
    );
    assert_eq!(
        Route::parse(&format!("/%72egistry/%73ervers/{ID}"), ""),
        Route::parse(&format!("/registry/servers/{ID}"), "")
    );
}

#[test]
fn percent_without_two_hex_digits_and_plus_stand_for_themselves() {
    for text in ["%", "100%", "%zz", "%4", "a+b", "%+41", "%%"] {
        assert_eq!(key(text).as_deref(), Some(text));
    }
    assert_eq!(key("%%41").as_deref(), Some("%A"));
}

#[test]
fn bytes_that_are_not_utf8_and_nul_name_nothing() {
    for text in ["%FF", "a%C3", "%ED%A0%80", "%00", "a%00b"] {
        assert_eq!(key(text), None, "{text}");
    }
    assert_eq!(
        item("/servers/%FF/metadata/k").unwrap().3,
        Name::Undecodable("%FF".into())
    );
}

#[test]
fn the_registry_health_and_description_have_paths_of_their_own() {
    for (path, route) in [
        (
            "/registry/servers",
            Route::Registry(RegistryRoute::List(Kind::Server)),
        ),
        (
            "/registry/images",
            Route::Registry(RegistryRoute::List(Kind::Image)),
        ),
        (
            "/registry/images/x",
            Route::Registry(RegistryRoute::Resource(Kind::Image, named("x"))),
        ),
        (
            "//registry/changes",
            Route::Registry(RegistryRoute::Changes),
        ),
        ("/registry/feed", Route::Registry(RegistryRoute::Feed)),
        ("/healthcheck", Route::Healthcheck),
        ("/openapi.json", Route::OpenApi),
    ] {
        assert_eq!(Route::parse(path, ""), Some(route), "{path}");
    }
}

#[test]
fn with_a_base_path_everything_is_found_under_it_and_nothing_beside_it() {
    for base_path in ["/compute", "/api/compute"] {
        for path in [
            "",
            "/",
            "/v2.1",
            "/v2.1/",
            "/servers/x/metadata/k",
            "/v2/e4ee/images/x",
            "//v2.1//servers",
            "/registry/servers/x",
            "/registry/changes",
            "/healthcheck",
            "/openapi.json",
        ] {
            let route = Route::parse(path, "");
            assert!(route.is_some(), "{path}");
            let under = format!("{base_path}{path}");
            assert_eq!(Route::parse(&under, base_path), route, "{under}");
            assert_eq!(
                Route::parse(&format!("/{under}"), base_path),
                route,
                "{under}"
            );
            assert_eq!(Route::parse(path, base_path), None, "{path}");
        }
        assert_eq!(Route::parse("/computer/servers", base_path), None);
        assert_eq!(Route::parse("/COMPUTE/servers", base_path), None);
    }
    assert_eq!(Route::parse("/%FF/servers", "/compute"), None);
}

#[test]
fn allow_is_sorted_and_only_lists_what_answers() {
    let allow = |path: &str| Route::parse(path, "").unwrap().allow();
    assert_eq!(
        allow("/servers/x/metadata/k"),
        "DELETE, GET, HEAD, OPTIONS, PUT"
    );
    assert_eq!(allow("/images/x/metadata"), "GET, HEAD, OPTIONS, POST, PUT");
    assert_eq!(allow("/images/x"), "GET, HEAD, OPTIONS");
    assert_eq!(allow("/servers/detail"), "GET, HEAD, OPTIONS");
    assert_eq!(allow("/v2.1"), "GET, HEAD, OPTIONS");
    assert_eq!(
        allow("/registry/images/x"),
        "DELETE, GET, HEAD, OPTIONS, PUT"
    );
    assert_eq!(allow("/registry/images"), "GET, HEAD, OPTIONS");
    assert_eq!(allow("/registry/changes"), "GET, HEAD, OPTIONS");
    assert_eq!(allow("/registry/feed"), "OPTIONS, PUT");
    assert_eq!(allow("/healthcheck"), "GET, HEAD, OPTIONS");
    assert_eq!(allow("/openapi.json"), "GET, HEAD, OPTIONS");
    let route = Route::parse("/servers/x/metadata/k", "").unwrap();
    assert!(route.allows("DELETE") && !route.allows("POST") && !route.allows("delete"));
}

proptest::proptest! {
    #[test]
    fn every_key_written_with_percents_is_read_back(text in "[^\0]{1,40}") {
        proptest::prop_assume!(text != "." && text != "..");
        let escapes: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let raw = escapes.concat();
        proptest::prop_assert_eq!(key(&raw), Some(text));
    }

    #[test]
    fn any_path_is_parsed(path in "[/a-z0-9.%]{0,80}|.{0,80}") {
        let _ = Route::parse(&path, "");
        let _ = Route::parse(&path, "/compute");
    }
}
