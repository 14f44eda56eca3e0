//! Path and percent decoding.

use edge_metadata_core::http::query;
use edge_metadata_core::http::route::{Name, Part, Prefix, RegistryRoute, Route, Target};
use edge_metadata_core::metadata::is_project_id;

/// The first line is a path, the rest a query.
pub fn paths(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (path, query) = text.split_once('\n').unwrap_or((&text, ""));
    if let Some(route) = Route::parse(path, "") {
        check_route(path, &route);
        // The same route written with percents only is the same route.
        if let Some(written) = written(&route) {
            assert_eq!(
                Route::parse(&written, "").as_ref(),
                Some(&route),
                "{written}"
            );
        }
        // Empty segments in front change nothing.
        assert_eq!(
            Route::parse(&format!("//{path}"), "").as_ref(),
            Some(&route)
        );
    }
    if path.starts_with('/') {
        let below = Route::parse(&format!("/compute{path}"), "/compute");
        assert_eq!(below, Route::parse(path, ""), "a base path changes nothing");
    }
    check_query(query);
}

fn check_query(query: &str) {
    let pairs = query::pairs(query);
    assert!(pairs.len() <= query.matches('&').count() + 1);
    if query::is_utf8(query) {
        let length: usize = pairs
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        assert!(length <= query.len(), "decoding only ever shortens");
    }
    assert_eq!(query::pairs(&query::encode(pairs.clone())), pairs);
}

fn check_route(path: &str, route: &Route) {
    let allow: Vec<_> = route.allow().split(", ").collect();
    assert!(allow.is_sorted() && allow.iter().all(|method| route.allows(method)));
    assert!(!route.allows("") && !route.allows("TRACE"));
    assert!(route.template().starts_with('/'));
    let names: Vec<&Name> = match route {
        Route::Versions(_) | Route::Healthcheck | Route::OpenApi => vec![],
        Route::Registry(route) => match route {
            RegistryRoute::Resource(_, id) => vec![id],
            RegistryRoute::List(_) | RegistryRoute::Changes | RegistryRoute::Feed => vec![],
        },
        Route::Compute(route) => {
            if let Some(project_id) = &route.project_id {
                assert!(is_project_id(project_id));
                assert_ne!(route.prefix, Prefix::Bare);
            }
            match &route.target {
                Target::List { .. } => vec![],
                Target::Resource { id, part } => match part {
                    Part::Whole | Part::Metadata => vec![id],
                    Part::Item(key) => vec![id, key],
                },
            }
        }
    };
    for name in names {
        match name {
            Name::Text(text) => {
                assert!(!text.contains('\0') && !matches!(text.as_str(), "" | "." | ".."));
                assert!(text.len() <= path.len());
                assert_eq!(name.shown(), text);
            }
            Name::Undecodable(raw) => {
                assert!(path.split('/').any(|segment| segment == raw));
                assert_eq!(name.text(), None);
            }
        }
    }
}

/// The route with each byte of each segment as `%XX`; [`None`] when a segment has no text.
fn written(route: &Route) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    match route {
        Route::Versions(prefix) => segments.extend(word(*prefix)),
        Route::Healthcheck => segments.push("healthcheck"),
        Route::OpenApi => segments.push("openapi.json"),
        Route::Registry(route) => {
            segments.push("registry");
            match route {
                RegistryRoute::List(kind) => segments.push(kind.plural()),
                RegistryRoute::Resource(kind, id) => segments.extend([kind.plural(), id.text()?]),
                RegistryRoute::Changes => segments.push("changes"),
                RegistryRoute::Feed => segments.push("feed"),
            }
        }
        Route::Compute(route) => {
            segments.extend(word(route.prefix));
            segments.extend(route.project_id.as_deref());
            segments.push(route.kind.plural());
            match &route.target {
                Target::List { detail } => segments.extend(detail.then_some("detail")),
                Target::Resource { id, part } => {
                    segments.push(id.text()?);
                    match part {
                        Part::Whole => {}
                        Part::Metadata => segments.push("metadata"),
                        Part::Item(key) => segments.extend(["metadata", key.text()?]),
                    }
                }
            }
        }
    }
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.extend(segment.bytes().map(|byte| format!("%{byte:02x}")));
    }
    Some(path)
}

/// The segment of a prefix.
fn word(prefix: Prefix) -> Option<&'static str> {
    prefix.path().strip_prefix('/')
}
