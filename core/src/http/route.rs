//! Method and path → [`Route`]. A route that exists has a known shape.
//!
//! The path is split on `/` first, then each segment is percent-decoded exactly once, as UTF-8.
//! A key or an id that cannot be decoded is a [`Name::Nothing`], so that the checks before "does it
//! exist" still come first.

use std::borrow::Cow;

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

/// What one segment names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A decoded text.
    Text(String),
    /// Nothing: its bytes are not UTF-8 or contain NUL. Kept as sent, for the message.
    Nothing(String),
}

impl Name {
    /// The text, if it names something.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing(_) => None,
        }
    }

    /// The text for a message.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Text(text) | Self::Nothing(text) => text,
        }
    }
}

/// What below a resource's collection is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/servers`, `/servers/detail`
    List {
        /// Whether each entry is shown in full.
        detail: bool,
    },
    /// `/servers/{id}`
    Resource(Name),
    /// `/servers/{id}/metadata`
    Metadata(Name),
    /// `/servers/{id}/metadata/{key}`
    Item(Name, Name),
}

/// A path of the API itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputeRoute {
    /// What stands before the resource.
    pub prefix: Prefix,
    /// The project in the URL, when there is one.
    pub project_id: Option<String>,
    /// Servers or images.
    pub kind: Kind,
    /// What of them.
    pub target: Target,
}

/// A path that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/`, `/v2`, `/v2.1`: a version document.
    Versions(Prefix),
    /// The API itself.
    Compute(ComputeRoute),
    /// `/registry/servers/{id}`, `/registry/images/{id}`: the control plane's door.
    Registry(Kind, Name),
}

impl Route {
    /// The route of a raw (still percent-encoded) path, [`None`] when it is unknown.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let mut segments = path.split('/').peekable();
        let first = next_named(&mut segments);
        let prefix = match first.as_deref() {
            None => return Some(Self::Versions(Prefix::Bare)),
            Some("registry") => return registry(segments),
            Some("v2") => Prefix::V2,
            Some("v2.1") => Prefix::V21,
            Some(other) => {
                let kind = Kind::from_plural(other)?;
                return compute(Prefix::Bare, None, kind, segments);
            }
        };
        let Some(second) = next_named(&mut segments) else {
            return Some(Self::Versions(prefix));
        };
        if let Some(kind) = Kind::from_plural(&second) {
            return compute(prefix, None, kind, segments);
        }
        if !is_project_id(&second) {
            return None;
        }
        let kind = Kind::from_plural(&next_named(&mut segments)?)?;
        compute(prefix, Some(second.into_owned()), kind, segments)
    }

    /// The methods of this path, sorted, as `Allow` lists them.
    #[must_use]
    pub fn allow(&self) -> &'static str {
        match self {
            Self::Versions(_) => "GET, HEAD, OPTIONS",
            Self::Registry(..) => "DELETE, GET, HEAD, OPTIONS, PUT",
            Self::Compute(route) => match route.target {
                Target::List { .. } | Target::Resource(_) => "GET, HEAD, OPTIONS",
                Target::Metadata(_) => "GET, HEAD, OPTIONS, POST, PUT",
                Target::Item(..) => "DELETE, GET, HEAD, OPTIONS, PUT",
            },
        }
    }

    /// The path with its variable parts left out, for the log: keys and names are the clients' own.
    #[must_use]
    pub fn template(&self) -> &'static str {
        match self {
            Self::Versions(_) => "/",
            Self::Registry(Kind::Server, _) => "/registry/servers/{id}",
            Self::Registry(Kind::Image, _) => "/registry/images/{id}",
            Self::Compute(route) => match (route.kind, &route.target) {
                (Kind::Server, Target::List { .. }) => "/servers",
                (Kind::Image, Target::List { .. }) => "/images",
                (Kind::Server, Target::Resource(_)) => "/servers/{id}",
                (Kind::Image, Target::Resource(_)) => "/images/{id}",
                (Kind::Server, Target::Metadata(_)) => "/servers/{id}/metadata",
                (Kind::Image, Target::Metadata(_)) => "/images/{id}/metadata",
                (Kind::Server, Target::Item(..)) => "/servers/{id}/metadata/{key}",
                (Kind::Image, Target::Item(..)) => "/images/{id}/metadata/{key}",
            },
        }
    }

    /// Whether `method` is one of them.
    #[must_use]
    pub fn allows(&self, method: &str) -> bool {
        let mut allowed = self.allow().split(',');
        allowed.any(|allowed| allowed.trim_start_matches(' ') == method)
    }
}

/// The next segment that is not empty: before the resource's name empty ones are ignored
/// (fog-openstack sends `/v2/{project_id}//servers/…`). One that cannot be decoded is no known word.
fn next_named<'a>(segments: &mut impl Iterator<Item = &'a str>) -> Option<Cow<'a, str>> {
    let segment = segments.find(|segment| !segment.is_empty())?;
    Some(decode(segment).unwrap_or(Cow::Borrowed("\0")))
}

fn compute<'a>(
    prefix: Prefix,
    project_id: Option<String>,
    kind: Kind,
    mut segments: impl Iterator<Item = &'a str>,
) -> Option<Route> {
    let Some(first) = segments.next() else {
        let target = Target::List { detail: false };
        return Some(Route::Compute(ComputeRoute {
            prefix,
            project_id,
            kind,
            target,
        }));
    };
    let id = name(first)?;
    let target = match (segments.next(), segments.next(), segments.next()) {
        (None, ..) if id.text() == Some("detail") => Target::List { detail: true },
        (None, ..) => Target::Resource(id),
        (Some(word), key, None) if decode(word).as_deref() == Some("metadata") => match key {
            None => Target::Metadata(id),
            Some(key) => Target::Item(id, name(key)?),
        },
        _ => return None,
    };
    Some(Route::Compute(ComputeRoute {
        prefix,
        project_id,
        kind,
        target,
    }))
}

fn registry<'a>(mut segments: impl Iterator<Item = &'a str>) -> Option<Route> {
    let kind = Kind::from_plural(&decode(segments.next()?)?)?;
    let id = name(segments.next()?)?;
    segments
        .next()
        .is_none()
        .then_some(Route::Registry(kind, id))
}

/// What a segment names; [`None`] makes the path unknown: an empty segment, and `.` and `..` however
/// they are written, which most of what stands between a client and this Worker takes out of a path.
fn name(segment: &str) -> Option<Name> {
    match decode(segment).as_deref() {
        Some("" | "." | "..") => None,
        Some(text) => Some(Name::Text(text.to_owned())),
        None => Some(Name::Nothing(segment.to_owned())),
    }
}

/// One percent-decoding. `%` without two hex digits and `+` stand for themselves.
/// [`None`] when the bytes are not UTF-8 or contain NUL.
pub(super) fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains(['%', '\0']) {
        return Some(Cow::Borrowed(segment));
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let [high, low, tail @ ..] = after
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = tail;
        } else {
            bytes.push(byte);
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(Cow::Owned(text))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
    const PROJECT: &str = "e4ee5a9bdf934e35b62c8b995152feee";

    fn item(path: &str) -> Option<(Prefix, Option<String>, Kind, Name, Name)> {
        match Route::parse(path)? {
            Route::Compute(ComputeRoute {
                prefix,
                project_id,
                kind,
                target: Target::Item(id, key),
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
                for (path, target) in [
                    (format!("{collection}/x"), Target::Resource(named("x"))),
                    (
                        format!("{collection}/x/metadata"),
                        Target::Metadata(named("x")),
                    ),
                    (
                        format!("{collection}/x/metadata/k"),
                        Target::Item(named("x"), named("k")),
                    ),
                ] {
                    assert_eq!(
                        Route::parse(&path),
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
            assert_eq!(Route::parse(&path), None, "{path}");
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
            assert_eq!(Route::parse(path), Some(Route::Versions(prefix)), "{path}");
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
            "/registry/servers",
            "/registry/flavors/x",
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
            assert_eq!(Route::parse(path), None, "{path}");
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
            Route::parse(&format!("/%69mages/{ID}/%6Detadata")),
            Route::parse(&format!("/images/{ID}/metadata"))
        );
        assert_eq!(
            Route::parse(&format!("/%72egistry/%73ervers/{ID}")),
            Route::parse(&format!("/registry/servers/{ID}"))
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
            Name::Nothing("%FF".into())
        );
    }

    #[test]
    fn allow_is_sorted_and_only_lists_what_answers() {
        let allow = |path: &str| Route::parse(path).unwrap().allow();
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
        let route = Route::parse("/servers/x/metadata/k").unwrap();
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
        fn no_path_panics(path in ".{0,80}") {
            let _ = Route::parse(&path);
        }
    }
}
