//! Path → [`Route`]. A route that exists has a known shape.
//!
//! The path is split on `/` first, then each segment is percent-decoded exactly once, as UTF-8.
//! A key or an id that cannot be decoded is a [`Name::Undecodable`], so that the checks before
//! "does it exist" still come first.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::metadata::{Kind, is_project_id};

/// What stands before the resource in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Nothing (S1 writes the path like this).
    Bare,
    /// `/v2`: without microversions.
    V2,
    /// `/v2.1`: with microversions.
    V21,
}

impl Prefix {
    /// Returns the prefix as it stands in a path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Bare => "",
            Self::V2 => "/v2",
            Self::V21 => "/v2.1",
        }
    }
}

/// What one segment names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A decoded text.
    Text(String),
    /// Nothing: the bytes are not UTF-8 or contain NUL. Kept as sent, for the message.
    Undecodable(String),
}

impl Name {
    /// Returns the text, if the segment names something.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Undecodable(_) => None,
        }
    }

    /// Returns the text for a message.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Text(text) | Self::Undecodable(text) => text,
        }
    }
}

/// What of a collection is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/servers`, `/servers/detail`
    List {
        /// Whether each entry is shown in full.
        detail: bool,
    },
    /// `/servers/{id}` and below.
    Resource {
        /// The resource's id.
        id: Name,
        /// What of it.
        part: Part,
    },
}

/// What of a resource is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `/servers/{id}`: the resource itself.
    Whole,
    /// `/servers/{id}/metadata`: all items.
    Metadata,
    /// `/servers/{id}/metadata/{key}`: one item.
    Item(Name),
}

/// A path of the Compute API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputeRoute {
    /// What stands before the resource.
    pub prefix: Prefix,
    /// The project in the URL, if any.
    pub project_id: Option<String>,
    /// Servers or images.
    pub kind: Kind,
    /// What of them.
    pub target: Target,
}

/// A path of the registry, below `/registry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryRoute {
    /// `/servers`, `/images`: what is registered.
    List(Kind),
    /// `/servers/{id}`, `/images/{id}`: one record.
    Resource(Kind, Name),
    /// `/changes`: the resources with changes that the cloud has yet to apply.
    Changes,
    /// `/feed`: when the control plane was in step last.
    Feed,
}

/// A known path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/`, `/v2`, `/v2.1`: a version document.
    Versions(Prefix),
    /// `/healthcheck`: whether this deployment is configured.
    Healthcheck,
    /// `/openapi.json`: the description of the API.
    OpenApi,
    /// The Compute API.
    Compute(ComputeRoute),
    /// The registry, for the control plane.
    Registry(RegistryRoute),
}

impl Route {
    /// Returns the route of a raw (still percent-encoded) path, or [`None`] when it is unknown.
    ///
    /// `base_path` is the setting `API_BASE_PATH`: empty, or a path such as `/compute`, under which
    /// everything is found.
    #[must_use]
    pub fn parse(path: &str, base_path: &str) -> Option<Self> {
        let mut segments = path.split('/');
        for expected in base_path.split('/').filter(|segment| !segment.is_empty()) {
            next_nonempty(&mut segments).filter(|segment| segment == expected)?;
        }
        let Some(first) = next_nonempty(&mut segments) else {
            return Some(Self::Versions(Prefix::Bare));
        };
        let prefix = match first.as_ref() {
            "healthcheck" => return is_end(segments).then_some(Self::Healthcheck),
            "openapi.json" => return is_end(segments).then_some(Self::OpenApi),
            "registry" => return registry(segments).map(Self::Registry),
            "v2" => Prefix::V2,
            "v2.1" => Prefix::V21,
            other => {
                let kind = Kind::from_plural(other)?;
                return compute(Prefix::Bare, None, kind, segments);
            }
        };
        let Some(second) = next_nonempty(&mut segments) else {
            return Some(Self::Versions(prefix));
        };
        if let Some(kind) = Kind::from_plural(&second) {
            return compute(prefix, None, kind, segments);
        }
        if !is_project_id(&second) {
            return None;
        }
        let kind = Kind::from_plural(&next_nonempty(&mut segments)?)?;
        compute(prefix, Some(second.into_owned()), kind, segments)
    }

    /// Returns the methods of this path, sorted, as `Allow` lists them.
    #[must_use]
    pub fn allow(&self) -> &'static str {
        match self {
            Self::Versions(_) | Self::Healthcheck | Self::OpenApi => "GET, HEAD, OPTIONS",
            Self::Compute(route) => match &route.target {
                Target::List { .. }
                | Target::Resource {
                    part: Part::Whole, ..
                } => "GET, HEAD, OPTIONS",
                Target::Resource {
                    part: Part::Metadata,
                    ..
                } => "GET, HEAD, OPTIONS, POST, PUT",
                Target::Resource {
                    part: Part::Item(_),
                    ..
                } => "DELETE, GET, HEAD, OPTIONS, PUT",
            },
            Self::Registry(route) => match route {
                RegistryRoute::List(_) | RegistryRoute::Changes => "GET, HEAD, OPTIONS",
                RegistryRoute::Resource(..) => "DELETE, GET, HEAD, OPTIONS, PUT",
                RegistryRoute::Feed => "OPTIONS, PUT",
            },
        }
    }

    /// Returns whether `method` is one of them.
    #[must_use]
    pub fn allows(&self, method: &str) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method)
    }

    /// Returns the path without its variable parts, for the log: keys and names are the clients'
    /// own.
    #[must_use]
    pub fn template(&self) -> &'static str {
        match self {
            Self::Versions(_) => "/",
            Self::Healthcheck => "/healthcheck",
            Self::OpenApi => "/openapi.json",
            Self::Compute(route) => route.template(),
            Self::Registry(route) => match route {
                RegistryRoute::List(Kind::Server) => "/registry/servers",
                RegistryRoute::List(Kind::Image) => "/registry/images",
                RegistryRoute::Resource(Kind::Server, _) => "/registry/servers/{id}",
                RegistryRoute::Resource(Kind::Image, _) => "/registry/images/{id}",
                RegistryRoute::Changes => "/registry/changes",
                RegistryRoute::Feed => "/registry/feed",
            },
        }
    }
}

impl ComputeRoute {
    fn template(&self) -> &'static str {
        match (self.kind, &self.target) {
            (Kind::Server, Target::List { detail: false }) => "/servers",
            (Kind::Image, Target::List { detail: false }) => "/images",
            (Kind::Server, Target::List { detail: true }) => "/servers/detail",
            (Kind::Image, Target::List { detail: true }) => "/images/detail",
            (Kind::Server, Target::Resource { part, .. }) => match part {
                Part::Whole => "/servers/{id}",
                Part::Metadata => "/servers/{id}/metadata",
                Part::Item(_) => "/servers/{id}/metadata/{key}",
            },
            (Kind::Image, Target::Resource { part, .. }) => match part {
                Part::Whole => "/images/{id}",
                Part::Metadata => "/images/{id}/metadata",
                Part::Item(_) => "/images/{id}/metadata/{key}",
            },
        }
    }
}

/// Returns the next segment that is not empty: before the resource's name empty ones are ignored
/// (fog-openstack sends `/v2/{project_id}//servers/…`). One that cannot be decoded is no known word.
fn next_nonempty<'a>(segments: &mut impl Iterator<Item = &'a str>) -> Option<Cow<'a, str>> {
    let segment = segments.find(|segment| !segment.is_empty())?;
    Some(decode(segment).unwrap_or(Cow::Borrowed("\0")))
}

fn is_end<'a>(mut segments: impl Iterator<Item = &'a str>) -> bool {
    segments.next().is_none()
}

fn compute<'a>(
    prefix: Prefix,
    project_id: Option<String>,
    kind: Kind,
    segments: impl Iterator<Item = &'a str>,
) -> Option<Route> {
    Some(Route::Compute(ComputeRoute {
        prefix,
        project_id,
        kind,
        target: target(segments)?,
    }))
}

fn target<'a>(mut segments: impl Iterator<Item = &'a str>) -> Option<Target> {
    let Some(first) = segments.next() else {
        return Some(Target::List { detail: false });
    };
    let id = name(first)?;
    let part = match (segments.next(), segments.next(), segments.next()) {
        (None, ..) if id.text() == Some("detail") => return Some(Target::List { detail: true }),
        (None, ..) => Part::Whole,
        (Some(word), key, None) if decode(word).as_deref() == Some("metadata") => match key {
            None => Part::Metadata,
            Some(key) => Part::Item(name(key)?),
        },
        _ => return None,
    };
    Some(Target::Resource { id, part })
}

fn registry<'a>(mut segments: impl Iterator<Item = &'a str>) -> Option<RegistryRoute> {
    let word = decode(segments.next()?)?;
    let Some(kind) = Kind::from_plural(&word) else {
        let route = match word.as_ref() {
            "changes" => RegistryRoute::Changes,
            "feed" => RegistryRoute::Feed,
            _ => return None,
        };
        return is_end(segments).then_some(route);
    };
    let Some(id) = segments.next() else {
        return Some(RegistryRoute::List(kind));
    };
    let id = name(id)?;
    is_end(segments).then_some(RegistryRoute::Resource(kind, id))
}

/// Returns what a segment names. [`None`] makes the path unknown: an empty segment, and `.` and `..`
/// however they are written, which URL parsers between a client and this Worker resolve.
fn name(segment: &str) -> Option<Name> {
    match decode(segment).as_deref() {
        Some("" | "." | "..") => None,
        Some(text) => Some(Name::Text(text.to_owned())),
        None => Some(Name::Undecodable(segment.to_owned())),
    }
}

/// Percent-decodes once. `%` without two hex digits and `+` stand for themselves. Returns [`None`]
/// when the bytes are not UTF-8 or contain NUL.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
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
}
