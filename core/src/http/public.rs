//! Step 1: What is answered without a token: OPTIONS, the version documents, the health check and the
//! description of the API.

use super::accept::compute_media_type;
use super::fault::Fault;
use super::header::ACCEPT;
use super::healthcheck;
use super::microversion::{Microversion, Negotiation, VersionHeaders};
use super::request::{Headers, RequestHead};
use super::response::Response;
use super::route::{Prefix, Route};
use super::version_documents;

/// The description of the API, which the tests hold true: `docs/openapi.yaml` as JSON.
const OPENAPI: &str = include_str!("openapi.json");

/// What these responses are made of, beside the request.
#[derive(Debug, Clone, Copy)]
pub struct PublicDocuments<'a> {
    /// The setting `API_BASE_PATH`.
    pub base_path: &'a str,
    /// Whether every setting and binding is usable.
    pub is_configured: bool,
}

/// Returns the response to a request that needs no token, or [`None`] for any other.
///
/// # Errors
///
/// 404 for OPTIONS on an unknown path, 405 for a wrong method on one of these paths, 503 for a health
/// check of a service that is not configured.
pub fn respond(
    head: &RequestHead,
    route: Option<&Route>,
    headers: &impl Headers,
    documents: PublicDocuments<'_>,
) -> Option<Result<Response, Fault>> {
    let is_options = head.method == "OPTIONS";
    let Some(route) = route else {
        return is_options.then_some(Err(Fault::NotFound));
    };
    if is_options && route.allows("OPTIONS") {
        return Some(Ok(Response::options(route.allow())));
    }
    let accept = || headers.get(ACCEPT);
    Some(match route {
        Route::Compute(_) | Route::Registry(_) => return None,
        _ if !route.allows(&head.method) => Err(Fault::BadMethod {
            allow: route.allow(),
        }),
        Route::Healthcheck => {
            healthcheck::response(&head.method, accept().as_deref(), documents.is_configured)
        }
        Route::OpenApi => Ok(Response::json(200, OPENAPI.to_owned())),
        Route::Versions(prefix) => {
            let base_url = format!("{}{}", head.origin, documents.base_path);
            let document = version_documents::document(*prefix, &base_url);
            Ok(Response::json(200, document)
                .with_content_type(compute_media_type(accept().as_deref()))
                .with_version(shown_version(*prefix, headers)))
        }
    })
}

/// Returns the version that the document at `/v2.1` names. A document that says which versions there
/// are is shown whatever version was asked for.
fn shown_version(prefix: Prefix, headers: &impl Headers) -> Option<VersionHeaders> {
    let negotiation = Negotiation::new(prefix, headers);
    match negotiation.version {
        Ok(_) => negotiation.headers,
        Err(_) => Some(VersionHeaders::new(&Microversion::OLDEST.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::cors::Cors;
    use crate::http::header::{ALLOW, API_VERSION, CONTENT_TYPE, LEGACY_API_VERSION};
    use crate::http::response::ResponseParts;

    fn answer(method: &str, path: &str, headers: &[(&str, &str)]) -> Option<ResponseParts> {
        let head = RequestHead::new(method, &format!("https://edge.example{path}"));
        let route = Route::parse(&head.path, "");
        let documents = PublicDocuments {
            base_path: "",
            is_configured: true,
        };
        let result = respond(&head, route.as_ref(), &headers, documents)?;
        let response = result.unwrap_or_else(Response::from);
        Some(response.into_parts(method, "req-1", Cors::default()))
    }

    fn header<'a>(parts: &'a ResponseParts, name: &str) -> Option<&'a str> {
        let mut headers = parts.headers.iter();
        headers
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.as_ref())
    }

    #[test]
    fn options_is_204_with_allow_on_every_known_path_and_404_on_others() {
        for (path, allow) in [
            ("/", "GET, HEAD, OPTIONS"),
            (
                "/v2.1/servers/x/metadata/k",
                "DELETE, GET, HEAD, OPTIONS, PUT",
            ),
            ("/registry/feed", "OPTIONS, PUT"),
            ("/healthcheck", "GET, HEAD, OPTIONS"),
            ("/openapi.json", "GET, HEAD, OPTIONS"),
        ] {
            let parts = answer("OPTIONS", path, &[]).unwrap();
            assert_eq!((parts.status, header(&parts, ALLOW)), (204, Some(allow)));
        }
        assert_eq!(answer("OPTIONS", "/flavors", &[]).unwrap().status, 404);
    }

    #[test]
    fn other_requests_need_a_token() {
        for (method, path) in [
            ("GET", "/servers"),
            ("DELETE", "/v2.1/servers/x/metadata/k"),
            ("PUT", "/registry/servers/x"),
            ("POST", "/servers/x"),
            ("GET", "/flavors"),
        ] {
            assert_eq!(answer(method, path, &[]), None, "{method} {path}");
        }
    }

    #[test]
    fn documents_are_answered_to_get_and_head_and_405_to_other_methods() {
        for path in ["/", "/v2", "/v2.1/", "/healthcheck", "/openapi.json"] {
            let get = answer("GET", path, &[]).unwrap();
            assert!(get.status == 200 && get.body.is_some(), "{path}");
            let head = answer("HEAD", path, &[]).unwrap();
            assert!(matches!(head.status, 200 | 204) && head.body.is_none());
            let post = answer("POST", path, &[]).unwrap();
            assert_eq!(
                (post.status, header(&post, ALLOW)),
                (405, Some("GET, HEAD, OPTIONS")),
                "{path}"
            );
        }
    }

    #[test]
    fn only_the_document_at_v21_names_a_version_whatever_was_asked_for() {
        for (asked, named) in [("2.26", "2.26"), ("garbage", "2.1"), ("9.9", "2.1")] {
            let headers = [(LEGACY_API_VERSION, asked)];
            let v21 = answer("GET", "/v2.1", &headers).unwrap();
            assert_eq!(
                header(&v21, API_VERSION),
                Some(&*format!("compute {named}"))
            );
            for path in ["/", "/v2", "/healthcheck", "/openapi.json"] {
                let parts = answer("GET", path, &headers).unwrap();
                assert_eq!(header(&parts, API_VERSION), None, "{path}");
            }
            let wrong_method = answer("PUT", "/v2.1", &headers).unwrap();
            assert_eq!(header(&wrong_method, API_VERSION), None);
        }
    }

    #[test]
    fn n_a_version_document_has_the_apis_own_media_type_if_the_client_prefers_it() {
        let media_type = "application/vnd.openstack.compute+json";
        let parts = answer("GET", "/v2.1", &[(ACCEPT, media_type)]).unwrap();
        assert_eq!(header(&parts, CONTENT_TYPE), Some(media_type));
    }
}
