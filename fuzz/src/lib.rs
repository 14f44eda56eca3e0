//! One function a target: takes whatever bytes there are, and panics when something does not hold
//! that has to hold for all of them. "It does not panic by itself" is the least of it.

mod auth;

pub use auth::{keystone, tokens};

use edge_metadata::api::answer::Answer;
use edge_metadata::api::fault::Fault;
use edge_metadata::api::head::{Head, header_names};
use edge_metadata::api::query::{self, ListQuery, MOST_LISTED};
use edge_metadata::api::route::{Name, Prefix, Route, Target};
use edge_metadata::api::version::Microversion;
use edge_metadata::api::{body, body::Body};
use edge_metadata::identity::policy::Standing;
use edge_metadata::metadata::{
    Kind, MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS, Record, is_project_id,
};
use edge_metadata::registry::{Applied, apply, document, parse};
use edge_metadata::store::listing::{Page, Position};
use edge_metadata::store::message::{Call, Reply};
use edge_metadata::time::Timestamp;
use serde_json::Value;

/// The name of a target and its function.
pub type Checks = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Checks] = &[
    ("heads", heads),
    ("paths", paths),
    ("versions", versions),
    ("bodies", bodies),
    ("registry", registry),
    ("messages", messages),
    ("tokens", tokens),
    ("keystone", keystone),
];

/// Items that a resource may have, as the default says.
const ITEM_LIMIT: usize = 128;

/// A fault is one small JSON document, whatever was in the request: `input` bytes of it may come
/// back, quoted twice and escaped, and no more.
fn check_fault(fault: &Fault, input: usize) {
    assert!((400..500).contains(&fault.status()), "{fault:?}");
    let body = fault.body();
    let json: Value = serde_json::from_str(&body).expect("a fault is JSON");
    let (_, inner) = json
        .as_object()
        .expect("an object")
        .iter()
        .next()
        .expect("one member");
    assert_eq!(inner["code"], fault.status());
    assert_eq!(inner["message"], fault.to_string());
    assert!(
        body.len() <= 16 * input + 512,
        "{} bytes for {input}",
        body.len()
    );
    if let Some((_, value)) = fault.header() {
        assert!(
            value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{value:?}"
        );
    }
}

/// Path and percent decoding, and query strings: the first line is a path, the rest a query.
pub fn paths(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (path, query) = text.split_once('\n').unwrap_or((&text, ""));
    if let Some(route) = Route::parse(path) {
        check_route(path, &route);
        // The same route written with percents only is the same route.
        if let Some(written) = written(&route) {
            assert_eq!(Route::parse(&written).as_ref(), Some(&route), "{written}");
        }
        // Empty segments in front change nothing.
        assert_eq!(Route::parse(&format!("//{path}")).as_ref(), Some(&route));
    }
    let pairs = query::pairs(query);
    assert!(pairs.len() <= query.matches('&').count() + 1);
    let length: usize = pairs
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    assert!(length <= query.len(), "decoding only ever shortens");
    for kind in [Kind::Server, Kind::Image] {
        match ListQuery::parse(query, kind) {
            Ok(list) => assert!(list.limit <= MOST_LISTED),
            Err(fault) => check_fault(&fault, query.len()),
        }
    }
}

fn check_route(path: &str, route: &Route) {
    let allow: Vec<_> = route.allow().split(", ").collect();
    assert!(allow.is_sorted() && allow.iter().all(|method| route.allows(method)));
    assert!(!route.allows("") && !route.allows("TRACE"));
    let names: Vec<&Name> = match route {
        Route::Versions(_) => vec![],
        Route::Registry(_, id) => vec![id],
        Route::Compute(route) => {
            if let Some(project_id) = &route.project_id {
                assert!(is_project_id(project_id));
                assert_ne!(route.prefix, Prefix::Bare);
            }
            match &route.target {
                Target::List { .. } => vec![],
                Target::Resource(id) | Target::Metadata(id) => vec![id],
                Target::Item(id, key) => vec![id, key],
            }
        }
    };
    for name in names {
        match name {
            Name::Text(text) => {
                assert!(!text.contains('\0') && !matches!(text.as_str(), "" | "." | ".."));
                assert!(text.len() <= path.len());
            }
            Name::Nothing(raw) => assert!(path.split('/').any(|segment| segment == raw)),
        }
    }
}

/// The route with each byte of each segment as `%XX`; [`None`] when a segment has no text.
fn written(route: &Route) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    match route {
        Route::Versions(prefix) => segments.push(prefix_segment(*prefix)),
        Route::Registry(kind, id) => segments.extend(["registry", kind.plural(), id.text()?]),
        Route::Compute(route) => {
            segments.push(prefix_segment(route.prefix));
            segments.extend(route.project_id.as_deref());
            segments.push(route.kind.plural());
            match &route.target {
                Target::List { detail } => segments.extend(detail.then_some("detail")),
                Target::Resource(id) => segments.push(id.text()?),
                Target::Metadata(id) => segments.extend([id.text()?, "metadata"]),
                Target::Item(id, key) => segments.extend([id.text()?, "metadata", key.text()?]),
            }
        }
    }
    let mut path = String::new();
    for segment in segments.iter().filter(|segment| !segment.is_empty()) {
        path.push('/');
        path.extend(segment.bytes().map(|byte| format!("%{byte:02x}")));
    }
    Some(path)
}

fn prefix_segment(prefix: Prefix) -> &'static str {
    match prefix {
        Prefix::Bare => "",
        Prefix::V2 => "v2",
        Prefix::V21 => "v2.1",
    }
}

/// What crosses between JavaScript and here: the head of a request and the text of an answer.
pub fn heads(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines = text.split('\n').count();
    match Head::parse(&text) {
        Ok(head) => {
            assert_eq!(lines, 2 + header_names().split(',').count());
            let url = text.split('\n').nth(1).unwrap_or_default();
            let query = head
                .query
                .map_or(String::new(), |query| format!("?{query}"));
            assert_eq!(format!("{}{}{query}", head.origin, head.path), url);
        }
        Err(_) => assert_ne!(lines, 2 + header_names().split(',').count()),
    }
    let mut answer = Answer::json(200, text.clone().into_owned());
    answer.header = Some(("Odd", text.clone().into_owned()));
    let encoded = answer.encode(&text, None);
    let (init, body) = encoded.split_once('\n').expect("there is a body");
    let init: Value = serde_json::from_str(init).expect("the first line is JSON");
    assert_eq!(init["status"], 200);
    assert_eq!(init["headers"]["Odd"], *text);
    assert_eq!(init["headers"]["X-Compute-Request-Id"], *text);
    assert_eq!(body, text);
}

/// Microversion headers: the first line is the standard one, the rest the legacy one.
pub fn versions(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (standard, legacy) = match text.split_once('\n') {
        Some((standard, legacy)) => (Some(standard), Some(legacy)),
        None => (Some(&*text), None),
    };
    for (standard, legacy) in [
        (standard, legacy),
        (None, standard),
        (legacy, standard),
        (None, None),
    ] {
        match Microversion::negotiate(standard, legacy) {
            Ok(version) => {
                assert!((Microversion::OLDEST..).contains(&version));
                let named = version.to_string();
                assert!(named.len() <= "2.104".len());
                assert_eq!(Microversion::negotiate(None, Some(&named)), Ok(version));
                let standard = format!("compute {named}");
                assert_eq!(Microversion::negotiate(Some(&standard), None), Ok(version));
            }
            Err(fault) => {
                assert!(matches!(fault.status(), 400 | 406));
                check_fault(&fault, input.len());
                if let Fault::UnsupportedVersion(version) = &fault {
                    // It goes back in a header.
                    assert!(
                        version
                            .bytes()
                            .all(|byte| byte.is_ascii_digit() || byte == b'.')
                    );
                }
            }
        }
    }
}

/// JSON bodies of POST and PUT.
pub fn bodies(input: &[u8]) {
    let length = input.len();
    let body = match Body::parse(input.to_vec()) {
        Ok(body) => body,
        Err(fault) => return check_fault(&fault, length),
    };
    assert_eq!(body.text.as_bytes(), input);
    let valid = |key: &str, value: &str| {
        assert!((1..=MAX_KEY_CHARACTERS).contains(&key.chars().count()) && key.is_ascii());
        assert!(value.chars().count() <= MAX_VALUE_CHARACTERS);
    };
    match body::metadata(&body.json) {
        Ok(items) => {
            for (key, value) in &items {
                valid(key.as_str(), value.as_str());
                assert_eq!(body.json["metadata"][key.as_str()], value.as_str());
            }
            assert_eq!(
                body.json["metadata"].as_object().map(|items| items.len()),
                Some(items.len())
            );
        }
        Err(fault) => check_fault(&fault, length),
    }
    match body::meta(&body.json) {
        Ok((key, value)) => {
            valid(key.as_str(), value.as_str());
            assert_eq!(body.json["meta"][key.as_str()], value.as_str());
        }
        Err(fault) => check_fault(&fault, length),
    }
}

/// The control plane's documents, and what is stored of them.
pub fn registry(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(record) = document::read(&text) {
        check_record(&record);
    }
    let Ok(body) = Body::parse(input.to_vec()) else {
        return;
    };
    for kind in [Kind::Server, Kind::Image] {
        let parsed = match parse(kind, &body.json, ITEM_LIMIT) {
            Ok(parsed) => parsed,
            Err(invalid) => {
                check_fault(&invalid.into(), input.len());
                continue;
            }
        };
        let (soon, later) = (Timestamp::from_millis(1_000), Timestamp::from_millis(2_000));
        let names_metadata = parsed.names_metadata();
        let created = match apply(None, parsed.clone(), soon) {
            Ok(Applied::Created(record)) => record,
            Ok(other) => panic!("{other:?}"),
            Err(invalid) => {
                check_fault(&invalid.into(), input.len());
                continue;
            }
        };
        assert_eq!(created.resource.kind(), kind);
        assert!(created.metadata.len() <= ITEM_LIMIT);
        check_record(&created);
        // The same again changes nothing but the time of the change.
        match apply(Some(&created), parsed, later) {
            Ok(Applied::Updated(mut again)) => {
                match &mut again.resource {
                    edge_metadata::metadata::Resource::Server(server) => server.updated = soon,
                    edge_metadata::metadata::Resource::Image(image) => image.updated = soon,
                }
                assert_eq!(again, created);
            }
            other => panic!("{other:?}"),
        }
        assert!(names_metadata || created.metadata.is_empty());
    }
}

fn check_record(record: &Record) {
    assert!(is_project_id(record.resource.project_id()));
    let written = document::write(record);
    assert_eq!(document::read(&written).as_ref(), Ok(record), "{written}");
    let view: Value = serde_json::from_str(&document::view("id", record)).expect("JSON");
    let view = &view[record.resource.kind().singular()];
    assert_eq!(view["id"], "id");
    assert_eq!(
        view["metadata"].as_object().map(|items| items.len()),
        Some(record.metadata.len())
    );
    for reply in [Reply::Known(record.clone()), Reply::Created(record.clone())] {
        assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
    }
}

/// What passes between the front and the objects. The other side is ours, but of another release.
pub fn messages(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(reply) = Reply::decode(&text) {
        assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
    }
    if let Ok(page) = Page::decode(&text) {
        assert_eq!(Page::decode(&page.encode()), Ok(page));
    }
    if let Ok(position) = Position::decode(&text) {
        assert_eq!(Position::decode(&position.encode()), Ok(position));
    }
    let mut lines = text.splitn(6, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let call = Call {
        operation_id: "req-1",
        retry: false,
        task: next(),
        standing: next().parse().unwrap_or_default(),
        project_id: next(),
        item_limit: ITEM_LIMIT,
        key: next(),
        body: next().into(),
    };
    let standing = Standing::from(call.standing);
    if let Ok(task) = call.task() {
        let sent = Call::new("req-1", &task);
        assert_eq!(sent.task().as_ref(), Ok(&task));
        // Nobody gains a standing on the way.
        assert!(Standing::from(sent.standing) <= standing);
    }
}
