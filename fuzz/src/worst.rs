//! The most expensive inputs known, at the full size that a request may have and at half of it: what
//! each costs, and that twice the size does not cost much more than twice the time.

use std::hint::black_box;
use std::time::Duration;

use edge_metadata_core::auth::keystone::{AskedBy, verdict};
use edge_metadata_core::auth::{AccessLevel, AccessRule, Actor, MAX_PATH_BYTES, RequestPath};
use edge_metadata_core::http::accept::compute_media_type;
use edge_metadata_core::http::documents::View;
use edge_metadata_core::http::list::{ListQuery, Marker};
use edge_metadata_core::http::microversion::Microversion;
use edge_metadata_core::http::request::RequestHead;
use edge_metadata_core::http::route::Route;
use edge_metadata_core::http::{body, query};
use edge_metadata_core::metadata::{Kind, ResourceId};
use edge_metadata_core::name_pattern::NamePattern;
use edge_metadata_core::registry::{Applied, Known, Marks, apply, parse};
use edge_metadata_core::rpc::ShownRecord;
use edge_metadata_core::storage::record;
use edge_metadata_core::timestamp;
use rustix::time::{ClockId, clock_gettime};

const BODY: usize = 114_688;
const REGISTRY: usize = 1 << 20;
/// What a URL may have at most: the platform refuses longer ones.
const URL: usize = 16 * 1024;
/// What the name of a server may have at most where Nova is the one who names it.
const NAME: usize = 255 * 4;
/// Further members of a document.
const ATTRIBUTES: usize = 64 * 1024;
const ROUNDS: usize = 9;
const ATTEMPTS: usize = 3;
/// P: 1,000 access rules against the longest path.
const MAX_ACCESS_RULES_TIME: Duration = Duration::from_millis(20);

/// What it is, its full size, how it is made of that many bytes, and what is done with it.
type Case = (&'static str, usize, fn(usize) -> String, fn(&str));

const REQUESTS: &[Case] = &[
    (
        "path of percents",
        URL,
        |size| format!("/servers/{}/metadata/k", "%41".repeat(size / 3)),
        |text| drop(black_box(Route::parse(text, ""))),
    ),
    (
        "path of slashes",
        URL,
        |size| "/".repeat(size),
        |text| drop(black_box(Route::parse(text, ""))),
    ),
    (
        "query of pairs",
        URL,
        |size| "%41=&".repeat(size / 5),
        |text| drop(black_box(query::pairs(text))),
    ),
    (
        "Accept of ranges",
        URL,
        |size| "a/b;q=.1,".repeat(size / 9),
        |text| {
            black_box(compute_media_type(Some(text)));
        },
    ),
    (
        "microversion of many services",
        URL,
        |size| "volume 3.1,".repeat(size / 11),
        |text| drop(black_box(Microversion::negotiate(Some(text), None))),
    ),
];

const LISTS: &[Case] = &[
    (
        "list by unknown parameters",
        URL,
        |size| many(size, |at| format!("k{at:05}="), "&"),
        |query| list_at(104, query),
    ),
    (
        "list by known parameters",
        URL,
        |size| "security_groups&".repeat(size / 16),
        list,
    ),
    (
        "list by statuses",
        URL,
        |size| "status=ERROR&".repeat(size / 13),
        list,
    ),
    (
        "list by times",
        URL,
        |size| "changes-since=2026-11-21T12:00%2b0100&".repeat(size / 38),
        list,
    ),
    (
        "list by sort keys",
        URL,
        |size| "sort_key=id&sort_dir=desc&".repeat(size / 26),
        list,
    ),
    ("list by names", URL, |size| "name&".repeat(size / 5), list),
    (
        "list by patterns",
        URL,
        |size| "name=.{240}&".repeat(size / 12),
        list,
    ),
    (
        "list by malformed patterns",
        URL,
        |size| format!("{}name=(", "name=.{240}&".repeat(size / 12)),
        list,
    ),
];

const BODIES: &[Case] = &[
    (
        "body of short items",
        BODY,
        |size| metadata(size, |at| format!("\"{at:x}\":\"\"")),
        metadata_body,
    ),
    (
        "body of wrong keys",
        BODY,
        |size| metadata(size, |at| format!("\"é{at:x}\":\"\"")),
        metadata_body,
    ),
    (
        "body of one duplicate key",
        BODY,
        |size| metadata(size, |_| "\"k\":\"\"".into()),
        metadata_body,
    ),
    (
        "body of a wrong, escaped value",
        BODY,
        |size| format!("{{\"metadata\":[\"{}\"]}}", "\\u0001".repeat(size / 6)),
        metadata_body,
    ),
    (
        "body of nested arrays",
        BODY,
        |size| "[".repeat(size),
        metadata_body,
    ),
    (
        "body of a long number",
        BODY,
        |size| format!("{{\"metadata\":{}}}", "9".repeat(size)),
        metadata_body,
    ),
    (
        "body of small numbers",
        BODY,
        |size| format!("{{\"metadata\":[{}0]}}", "1e9,".repeat(size / 4)),
        metadata_body,
    ),
];

const RECORDS: &[Case] = &[
    (
        "record of items",
        REGISTRY,
        |size| server(&metadata(size, |at| format!("\"{at:x}\":\"\""))),
        |text| registry(Kind::Server, text),
    ),
    (
        "record of applied changes",
        REGISTRY,
        |size| server(&object("applied", size, |at| format!("\"{at:x}\":{at}"))),
        |text| registry(Kind::Server, text),
    ),
    (
        "record of attributes",
        ATTRIBUTES,
        |size| {
            server(&object("attributes", size - 200, |at| {
                format!("\"{at:x}\":0")
            }))
        },
        |text| registry(Kind::Server, text),
    ),
    (
        "record of members",
        REGISTRY,
        |size| {
            format!(
                "{{\"image\":{{\"project_id\":\"ace\",\"visibility\":\"shared\",\"members\":[{}]}}}}",
                many(size, |at| format!("\"{at:05x}\""), ",")
            )
        },
        |text| registry(Kind::Image, text),
    ),
    (
        "record of a long name",
        REGISTRY,
        |size| server(&format!("{{\"name\":\"{}\"}}", "\\u0001".repeat(size / 6))),
        |text| registry(Kind::Server, text),
    ),
    (
        "Keystone's answer of rules",
        REGISTRY,
        |size| {
            format!(
                r#"{{"token":{{"user":{{"id":"u"}},"expires_at":"2100-01-01T00:00:00Z","application_credential":{{"access_rules":[{}]}}}}}}"#,
                many(
                    size,
                    |at| format!(r#"{{"service":"compute","method":"GET","path":"/{at}"}}"#),
                    ","
                )
            )
        },
        |text| drop(black_box(verdict(200, text.as_bytes(), AskedBy::Subject))),
    ),
];

/// A pattern of a size of its own against a name of growing size: none is found.
const NAMES: &[Case] = &[
    (
        "name by repetitions",
        NAME,
        |size| "a".repeat(size),
        |name| search(".{240}b", name),
    ),
    (
        "name by nested repetitions",
        NAME,
        |size| "a".repeat(size),
        |name| search("(((a*)*)*)*b", name),
    ),
    (
        "name by alternatives",
        NAME,
        |size| "a".repeat(size),
        |name| search(&format!("({}b)+c", "a|".repeat(100)), name),
    ),
    (
        "name by what may be there or not",
        NAME,
        |size| "a".repeat(size),
        |name| search(&format!("({}){{8}}b", "a?".repeat(80)), name),
    ),
    (
        "pattern of one class",
        255,
        |size| format!("[{}]", "a-bc-d".repeat((size - 2) / 6)),
        |pattern| search(pattern, "xyz"),
    ),
    (
        "pattern that is too large",
        255,
        |size| format!("({}){{9}}{{9}}{{9}}", "a".repeat(size - 11)),
        |pattern| search(pattern, "xyz"),
    ),
];

/// As many access rules as Keystone stores, each as long as it can be, and none of which matches.
const ACCESS_RULES: &[Case] = &[
    (
        "1,000 access rules of names",
        MAX_PATH_BYTES,
        |size| "/a".repeat(size / 2),
        |path| rules(&format!("**{}b", "/*".repeat(111)), path),
    ),
    (
        "1,000 access rules of letters",
        MAX_PATH_BYTES,
        |size| "a".repeat(size),
        |path| rules(&format!("**{}b", "a".repeat(222)), path),
    ),
    (
        "1,000 access rules of anything",
        MAX_PATH_BYTES,
        |size| "/a".repeat(size / 2),
        |path| rules(&format!("{}b", "/**".repeat(74)), path),
    ),
];

/// As many elements, with something between them, as have `size` bytes together.
fn many(size: usize, element: fn(usize) -> String, between: &str) -> String {
    let mut text = String::new();
    for at in 0.. {
        let element = element(at);
        if text.len() + element.len() + between.len() > size {
            break;
        }
        if at > 0 {
            text.push_str(between);
        }
        text.push_str(&element);
    }
    text
}

fn object(name: &str, size: usize, member: fn(usize) -> String) -> String {
    format!("{{\"{name}\":{{{}}}}}", many(size, member, ","))
}

fn metadata(size: usize, item: fn(usize) -> String) -> String {
    object("metadata", size, item)
}

fn server(fields: &str) -> String {
    let fields = fields.trim_start_matches('{');
    format!("{{\"server\":{{\"project_id\":\"ace\",{fields}}}")
}

fn metadata_body(text: &str) {
    if let Ok(json) = body::parse(text.as_bytes()) {
        match body::metadata(&json) {
            Ok(items) => drop(black_box(items)),
            Err(fault) => drop(black_box(fault.body())),
        }
    }
}

/// A list of servers for an admin, from whom every parameter is accepted.
fn list(query: &str) {
    list_at(1, query);
}

fn list_at(minor: u32, query: &str) {
    let actor = Actor {
        project_id: Some("ace".to_owned()),
        access_level: AccessLevel::Admin,
    };
    let version = Microversion::new(minor);
    match ListQuery::parse(query, Kind::Server, true, version, &actor) {
        Ok(list) => {
            let marker = Marker::Resource(String::new());
            black_box(list.next_url("https://edge.example/servers", &marker));
        }
        Err(fault) => drop(black_box(fault.body())),
    }
}

fn search(pattern: &str, name: &str) {
    if let Some(pattern) = NamePattern::new(pattern) {
        assert!(!black_box(&pattern).is_found_in(name));
    }
}

/// Validates, applies, stores, reads and shows a document.
fn registry(kind: Kind, text: &str) {
    let now = timestamp::from_millis(1_800_000_000_000);
    let json = body::parse(text.as_bytes()).expect("JSON");
    let document = parse(kind, &json, now).expect("a valid document");
    let mut marks: Marks = (0..1_000).map(|at| (format!("{at:x}"), at)).collect();
    if let Some(applied) = document.applied() {
        black_box(marks.acknowledge(applied));
    }
    let known = Known {
        record: None,
        tombstone: None,
        marks: Some(&marks),
    };
    match apply(known, document, now) {
        Ok(Applied::Created(created)) => {
            let written = record::write(&created).expect("a stored form");
            let read = record::read(&written, created.metadata).expect("it is readable");
            // As it travels from the object to the front.
            let written = serde_json::to_string(&read).expect("it has a JSON form");
            let shown = serde_json::from_str(&written).expect("it is readable");
            drop(black_box(show(kind, &shown)));
        }
        other => panic!("{other:?}"),
    }
}

fn show(kind: Kind, record: &ShownRecord) -> String {
    let id = ResourceId::parse("5ec95878-b74d-40f2-be61-c3c1ae5e5b19").expect("an id");
    let path = format!("/v2.1/{}/{id}", kind.plural());
    let Some(Route::Compute(route)) = Route::parse(&path, "") else {
        panic!("a known path");
    };
    View {
        head: &RequestHead::new("GET", &path),
        base_path: "",
        route: &route,
        version: Microversion::NEWEST,
        access_level: AccessLevel::Admin,
    }
    .show(id, record)
}

/// 1,000 rules of 225 characters, which is what Keystone stores at most.
fn rules(pattern: &str, path: &str) {
    let rule = AccessRule {
        method: "GET".to_owned(),
        path: pattern.to_owned(),
    };
    let path = RequestPath::new(path).expect("it is not too long");
    assert!(!(0..1_000).any(|_| black_box(&rule).allows("GET", &path)));
}

fn main() {
    let mut bent = Vec::new();
    println!(
        "{:34} {:>9} {:>12} {:>12}",
        "input", "bytes", "µs", "µs for half"
    );
    for (name, size, make, work) in [REQUESTS, LISTS, BODIES, RECORDS, NAMES, ACCESS_RULES]
        .into_iter()
        .flatten()
    {
        let (full, half) = (make(*size), make(*size / 2));
        let (mut whole, mut part) = (Duration::MAX, Duration::MAX);
        // A machine that is busy may be slow for all rounds of one size: then they are repeated.
        for _ in 0..ATTEMPTS {
            for _ in 0..ROUNDS {
                whole = whole.min(cpu_time(&full, *work));
                part = part.min(cpu_time(&half, *work));
            }
            if !is_bent(whole, part) {
                break;
            }
        }
        println!(
            "{name:34} {:>9} {:>12.1} {:>12.1}",
            full.len(),
            micros(whole),
            micros(part)
        );
        if is_bent(whole, part) {
            bent.push(*name);
        }
        if ACCESS_RULES.iter().any(|(rules, ..)| rules == name) {
            assert!(whole < MAX_ACCESS_RULES_TIME, "{name}: {whole:?}");
        }
    }
    assert!(
        bent.is_empty(),
        "these cost more than in proportion to their size: {bent:?}"
    );
}

/// Whether twice the size costs more than twice as much plus what sorting and caches add; four times
/// would be a square.
fn is_bent(whole: Duration, part: Duration) -> bool {
    whole > part * 3 + Duration::from_millis(2)
}

/// CPU time of this thread.
fn cpu_time(text: &str, work: fn(&str)) -> Duration {
    let before = clock_gettime(ClockId::ThreadCPUTime);
    work(text);
    let time = clock_gettime(ClockId::ThreadCPUTime) - before;
    Duration::try_from(time).expect("the clock goes forward")
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
