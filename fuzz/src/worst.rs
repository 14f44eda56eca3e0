//! The most expensive inputs known, at the full size that a request may have and at half of it: what
//! each costs, and that twice the size does not cost much more than twice the time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use edge_metadata::api::query;
use edge_metadata::api::route::Route;
use edge_metadata::api::{body, body::Body};
use edge_metadata_core::auth::{AccessRule, MAX_PATH_BYTES, RequestPath};
use edge_metadata::metadata::Kind;
use edge_metadata::registry::{apply, document, parse};
use edge_metadata::time::Timestamp;

const BODY: usize = 114_688;
const REGISTRY: usize = 1 << 20;
/// What a path may have at most: the platform refuses longer URLs.
const PATH: usize = 16 * 1024;
const ROUNDS: usize = 9;
/// P: 1,000 access rules against the longest path.
const MAX_ACCESS_RULES_TIME: Duration = Duration::from_millis(20);

/// What it is, its full size, how it is made of that many bytes, and what is done with it.
type Case = (&'static str, usize, fn(usize) -> String, fn(&str));

const CASES: &[Case] = &[
    (
        "path of percents",
        PATH,
        |size| format!("/servers/{}/metadata/k", "%41".repeat(size / 3)),
        |text| drop(black_box(Route::parse(text))),
    ),
    (
        "path of slashes",
        PATH,
        |size| "/".repeat(size),
        |text| drop(black_box(Route::parse(text))),
    ),
    (
        "query of pairs",
        PATH,
        |size| "%41=&".repeat(size / 5),
        |text| drop(black_box(query::pairs(text))),
    ),
    (
        "body of short items",
        BODY,
        |size| metadata(size, |at| format!("\"{at:x}\":\"\""), 8),
        metadata_body,
    ),
    (
        "body of wrong keys",
        BODY,
        |size| metadata(size, |at| format!("\"é{at:x}\":\"\""), 10),
        metadata_body,
    ),
    (
        "body of one duplicate key",
        BODY,
        |size| metadata(size, |_| "\"k\":\"\"".into(), 7),
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
    (
        "record of items",
        REGISTRY,
        |size| {
            format!(
                "{{\"server\":{{\"project_id\":\"ace\",{}}}",
                metadata(size, |at| format!("\"{at:x}\":\"\""), 8).trim_start_matches('{')
            )
        },
        |text| registry(Kind::Server, text),
    ),
    (
        "record of members",
        REGISTRY,
        |size| {
            format!(
                "{{\"image\":{{\"project_id\":\"ace\",\"visibility\":\"shared\",\"members\":[{}\"0\"]}}}}",
                (0..size / 9)
                    .map(|at| format!("\"{at:05x}\","))
                    .collect::<String>()
            )
        },
        |text| registry(Kind::Image, text),
    ),
    (
        "record of a long name",
        REGISTRY,
        |size| {
            format!(
                "{{\"server\":{{\"project_id\":\"ace\",\"name\":\"{}\"}}}}",
                "\\u0001".repeat(size / 6)
            )
        },
        |text| registry(Kind::Server, text),
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

fn metadata(size: usize, item: fn(usize) -> String, each: usize) -> String {
    let items: Vec<_> = (0..size / each).map(item).collect();
    format!("{{\"metadata\":{{{}}}}}", items.join(","))
}

fn metadata_body(text: &str) {
    if let Ok(body) = Body::parse(text.as_bytes().to_vec()) {
        match body::metadata(&body.json) {
            Ok(items) => drop(black_box(items)),
            Err(fault) => drop(black_box(fault.body())),
        }
    }
}

fn registry(kind: Kind, text: &str) {
    let Ok(body) = Body::parse(text.as_bytes().to_vec()) else {
        return;
    };
    let Ok(parsed) = parse(kind, &body.json, usize::MAX) else {
        return;
    };
    if let Ok(edge_metadata::registry::Applied::Created(record)) =
        apply(None, parsed, Timestamp::default())
    {
        drop(black_box(document::read(&document::write(&record))));
    }
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
    let mut bent = false;
    println!(
        "{:32} {:>9} {:>12} {:>12}",
        "input", "bytes", "µs", "µs for half"
    );
    for (name, size, make, work) in CASES.iter().chain(ACCESS_RULES) {
        let (full, half) = (make(*size), make(*size / 2));
        let (whole, part) = (best(&full, *work), best(&half, *work));
        println!(
            "{name:32} {:>9} {:>12.1} {:>12.1}",
            full.len(),
            micros(whole),
            micros(part)
        );
        // Twice as much plus what sorting and caches add; four times would be a square.
        bent |= whole > part * 3 + Duration::from_millis(2);
    }
    assert!(
        !bent,
        "one of them costs more than in proportion to its size"
    );
    for (name, size, make, work) in ACCESS_RULES {
        let whole = best(&make(*size), *work);
        assert!(whole < MAX_ACCESS_RULES_TIME, "{name}: {whole:?}");
    }
}

fn best(text: &str, work: fn(&str)) -> Duration {
    let timed = |_| {
        let began = Instant::now();
        work(text);
        began.elapsed()
    };
    (0..ROUNDS).map(timed).min().unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
