//! `/healthcheck`, with the shapes of oslo.middleware's: whether this deployment is configured.

use super::accept::{JSON, preferred};
use super::fault::Fault;
use super::response::Response;

const TEXT: &str = "text/plain; charset=UTF-8";
const HTML: &str = "text/html; charset=UTF-8";

/// Returns the response to GET or HEAD. `is_configured` says whether every setting and binding is
/// usable.
///
/// # Errors
///
/// 503 when one is not; the log says which.
pub fn response(
    method: &str,
    accept: Option<&str>,
    is_configured: bool,
) -> Result<Response, Fault> {
    if !is_configured {
        return Err(Fault::Misconfigured);
    }
    if method == "HEAD" {
        return Ok(Response::new(204, TEXT, None));
    }
    // What a client does not accept is answered in text all the same: a health check is not the
    // place for a 406.
    let (content_type, body) = match preferred(accept, &["text/plain", "text/html", JSON]) {
        Some("text/html") => (HTML, HTML_BODY),
        Some(JSON) => (JSON, r#"{"detailed": false, "reasons": ["OK"]}"#),
        _ => (TEXT, "OK"),
    };
    Ok(Response::new(200, content_type, Some(body.to_owned())))
}

const HTML_BODY: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head><title>Healthcheck Status</title></head>
<body>
<h1>Result of 1 check</h1>
<p>OK</p>
</body>
</html>
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::cors::Cors;

    fn shown(method: &str, accept: Option<&str>) -> (u16, String, Option<String>) {
        let response = response(method, accept, true).unwrap();
        let parts = response.into_parts(method, "req-1", Cors::default());
        let content_type = parts.headers[0].1.clone().into_owned();
        (parts.status, content_type, parts.body)
    }

    #[test]
    fn a_configured_service_is_ok_in_text_html_or_json() {
        for (accept, content_type, part) in [
            (None, TEXT, "OK"),
            (Some("*/*"), TEXT, "OK"),
            (Some("text/plain"), TEXT, "OK"),
            (Some("image/png"), TEXT, "OK"),
            (Some("text/html,*/*;q=0.8"), HTML, "<p>OK</p>"),
            (Some("application/json"), JSON, r#""reasons": ["OK"]"#),
        ] {
            let (status, shown_type, body) = shown("GET", accept);
            assert_eq!((status, shown_type.as_str()), (200, content_type));
            assert!(body.unwrap().contains(part), "{accept:?}");
        }
        let (_, _, body) = shown("GET", None);
        assert_eq!(body.as_deref(), Some("OK"));
    }

    #[test]
    fn head_is_204() {
        let (status, _, body) = shown("HEAD", Some("application/json"));
        assert_eq!((status, body), (204, None));
    }

    #[test]
    fn a_service_that_is_not_configured_is_503() {
        for method in ["GET", "HEAD"] {
            let fault = response(method, None, false).unwrap_err();
            assert_eq!(fault.status(), 503);
        }
    }
}
