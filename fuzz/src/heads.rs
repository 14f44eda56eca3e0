//! The head of a request, and the head of its response.

use edge_metadata_core::http::accept::{self, COMPUTE_JSON, JSON};
use edge_metadata_core::http::checks::{BODY_LIMIT, check_announced_size, check_content_type};
use edge_metadata_core::http::cors::Cors;
use edge_metadata_core::http::microversion::VersionHeaders;
use edge_metadata_core::http::public::{self, PublicDocuments};
use edge_metadata_core::http::request::{Headers, RequestHead};
use edge_metadata_core::http::response::Response;
use edge_metadata_core::http::route::Route;
use edge_metadata_core::settings::Origins;

use crate::fault::check_fault;

/// A request in which every header has the same value.
struct EveryHeader<'a>(&'a str);

impl Headers for EveryHeader<'_> {
    fn get(&self, _name: &str) -> Option<String> {
        Some(self.0.to_owned())
    }
}

/// The first line is a URL, the rest the value of every header.
pub fn heads(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (url, value) = text.split_once('\n').unwrap_or((&text, ""));
    let headers = EveryHeader(value);
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        let head = RequestHead::new(method, url);
        check_head(&head, url);
        let route = Route::parse(&head.path, "");
        let cors = check_cors(method, &headers, route.as_ref());
        let documents = PublicDocuments {
            base_path: "",
            is_configured: true,
        };
        match public::respond(&head, route.as_ref(), &headers, documents) {
            Some(Ok(response)) => check_response(response, method, value, cors),
            Some(Err(fault)) => check_fault(&fault, text.len()),
            None => assert_ne!(method, "OPTIONS"),
        }
        let response = Response::json(200, text.clone().into_owned())
            .with_version(Some(VersionHeaders::new(value)));
        check_response(response, method, value, Cors::default());
    }
    check_values(value);
}

/// The parts make the whole again.
fn check_head(head: &RequestHead, url: &str) {
    let query = head
        .query
        .as_ref()
        .map_or(String::new(), |query| format!("?{query}"));
    assert_eq!(format!("{}{}{query}", head.origin, head.path), url);
    assert!(!head.path.contains('?'));
    assert_eq!(head.query(), query.strip_prefix('?').unwrap_or_default());
}

/// Only a page whose origin the operator named is let in.
fn check_cors(method: &str, headers: &EveryHeader<'_>, route: Option<&Route>) -> Cors {
    let none = Cors::new(&Origins::default(), method, headers, route);
    assert_eq!(none, Cors::default());
    let other = Origins::parse("https://dashboard.example").expect("an origin");
    for origins in Origins::parse(headers.0).into_iter().chain([other]) {
        let cors = Cors::new(&origins, method, headers, route);
        assert_eq!(cors.varies_by_origin, !origins.is_empty());
        assert_eq!(!cors.headers.is_empty(), origins.contains(headers.0));
    }
    none
}

fn check_response(response: Response, method: &str, value: &str, cors: Cors) {
    let status = response.status();
    let with_body = response.clone().into_parts("GET", value, cors.clone());
    let parts = response.into_parts(method, value, cors);
    assert_eq!(parts.status, status);
    assert_eq!(parts.headers, with_body.headers);
    assert_eq!(parts.body, with_body.body.filter(|_| method != "HEAD"));
    for name in ["X-Compute-Request-Id", "X-OpenStack-Request-Id"] {
        let mut ids = parts.headers.iter().filter(|(found, _)| *found == name);
        assert_eq!(ids.next().map(|(_, id)| id.as_ref()), Some(value));
    }
    let mut names: Vec<_> = parts.headers.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
}

/// Whatever a header says, it is one of the things that it may say.
fn check_values(value: &str) {
    const OFFERS: &[&str] = &["text/plain", "text/html", JSON];
    let preferred = accept::preferred(Some(value), OFFERS);
    assert!(preferred.is_none_or(|offer| OFFERS.contains(&offer)));
    assert!([JSON, COMPUTE_JSON].contains(&accept::compute_media_type(Some(value))));
    if let Err(fault) = check_content_type(Some(value)) {
        assert_eq!(fault.status(), 415);
        check_fault(&fault, value.len());
    }
    let size: Option<u128> = value.trim().parse().ok();
    match check_announced_size(Some(value), BODY_LIMIT) {
        Ok(()) => {
            let is_signed = value.trim().starts_with('+');
            assert!(is_signed || size.is_none_or(|size| size <= BODY_LIMIT as u128));
        }
        Err(fault) => {
            assert_eq!(fault.status(), 413);
            assert!(size.is_none_or(|size| size > BODY_LIMIT as u128));
        }
    }
}
