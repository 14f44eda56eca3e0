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
mod tests;
