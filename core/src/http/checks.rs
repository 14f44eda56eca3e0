//! The checks that need nothing but the request and the token's project. The numbers are those of
//! the contract's order of checks.

use super::body;
use super::fault::Fault;
use super::microversion::Microversion;
use super::query;
use super::request::RequestHead;

/// N: bytes that a body may have.
pub const BODY_LIMIT: usize = 114_688;

/// P: bytes that a registry document may have.
pub const REGISTRY_BODY_LIMIT: usize = 1 << 20;

/// N: the media types that a body may have.
const MEDIA_TYPES: &[&str] = &[
    super::accept::JSON,
    "text/plain",
    super::accept::COMPUTE_JSON,
];

/// Step 2: Checks the announced size of the body, whatever the method.
///
/// # Errors
///
/// S1: 413 when `content_length` is more than `limit`.
pub fn check_announced_size(content_length: Option<&str>, limit: usize) -> Result<(), Fault> {
    let Some(text) = content_length.map(str::trim) else {
        return Ok(());
    };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number that overflows is too large as well.
    if is_number && text.parse().map_or(true, |size: usize| size > limit) {
        return Err(Fault::TooLarge(limit));
    }
    Ok(())
}

/// Step 6: Checks the media type of the body, whatever the method. It is compared exactly, in lower case;
/// parameters are ignored.
///
/// # Errors
///
/// N: 415 for any other media type.
pub fn check_content_type(content_type: Option<&str>) -> Result<(), Fault> {
    let media_type = content_type
        .and_then(|text| text.split(';').next())
        .map_or("", str::trim);
    if media_type.is_empty() || MEDIA_TYPES.contains(&media_type) {
        return Ok(());
    }
    Err(Fault::BadMediaType)
}

/// Step 8: Checks that the project in the URL, if any, is the token's.
///
/// # Errors
///
/// S2: 400 project is not found.
pub fn check_project(in_url: Option<&str>, of_token: Option<&str>) -> Result<(), Fault> {
    match in_url {
        Some(url) if Some(url) != of_token => Err(Fault::ProjectMismatch {
            url: url.to_owned(),
            token: of_token.unwrap_or("None").to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Step 11: Checks the query of a GET that has no parameters.
///
/// # Errors
///
/// N: 400 when it has one that is not UTF-8, and from 2.102 on when it has one at all.
pub fn check_query(head: &RequestHead, version: Microversion) -> Result<(), Fault> {
    let query = head.query();
    if query.is_empty() || !head.is_read() {
        return Ok(());
    }
    query::check_utf8(query)?;
    if version < Microversion::STRICT_QUERIES {
        return Ok(());
    }
    let pairs = query::pairs(query);
    let names = pairs.iter().map(|(name, _)| name.as_str());
    body::unexpected(names).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_413_a_body_that_is_announced_to_be_too_large() {
        for (content_length, is_too_large) in [
            (None, false),
            (Some(""), false),
            (Some("0"), false),
            (Some("10"), false),
            (Some("11"), true),
            (Some(" 11 "), true),
            (Some("99999999999999999999999999"), true),
            (Some("-11"), false),
            (Some("many"), false),
            (Some("11, 11"), false),
        ] {
            let fault = check_announced_size(content_length, 10).err();
            assert_eq!(
                fault,
                is_too_large.then_some(Fault::TooLarge(10)),
                "{content_length:?}"
            );
        }
    }

    #[test]
    fn n_415_other_media_types() {
        for (content_type, is_taken) in [
            (None, true),
            (Some(""), true),
            (Some(";charset=utf-8"), true),
            (Some("application/json"), true),
            (Some("application/json ; charset=utf-8"), true),
            (Some("text/plain"), true),
            (Some("application/vnd.openstack.compute+json"), true),
            (Some("Application/JSON"), false),
            (Some("application/xml"), false),
            (Some("application/x-www-form-urlencoded"), false),
            (Some("garbage"), false),
        ] {
            let fault = check_content_type(content_type).err();
            assert_eq!(
                fault,
                (!is_taken).then_some(Fault::BadMediaType),
                "{content_type:?}"
            );
        }
    }

    #[test]
    fn s2_400_project_is_not_found() {
        assert_eq!(check_project(None, None), Ok(()));
        assert_eq!(check_project(None, Some("ace")), Ok(()));
        assert_eq!(check_project(Some("ace"), Some("ace")), Ok(()));
        for (of_token, shown) in [(Some("ACE"), "ACE"), (Some("bee"), "bee"), (None, "None")] {
            let fault = check_project(Some("ace"), of_token).unwrap_err();
            assert_eq!(
                fault.to_string(),
                format!(
                    "Malformed request URL: URL's project_id 'ace' doesn't match Context's project_id '{shown}'"
                )
            );
        }
    }

    #[test]
    fn n_400_unknown_query_parameters_of_a_get_from_2_102_on() {
        let check = |method, query, minor| {
            let url = format!("https://edge.example/servers/x/metadata?{query}");
            let head = RequestHead::new(method, &url);
            check_query(&head, Microversion::new(minor)).map_err(|fault| fault.to_string())
        };
        for (method, query, minor) in [
            ("GET", "x=1", 101),
            ("GET", "", 102),
            ("GET", "&", 102),
            ("DELETE", "x=1", 104),
            ("PUT", "x=1", 104),
        ] {
            assert_eq!(check(method, query, minor), Ok(()), "{method} {query}");
        }
        for method in ["GET", "HEAD"] {
            assert_eq!(
                check(method, "x=1&a&x=2", 102).unwrap_err(),
                "Additional properties are not allowed ('a', 'x' were unexpected)"
            );
        }
    }

    #[test]
    fn n_400_a_query_of_a_get_that_is_not_utf8_in_all_versions() {
        for (method, query, is_refused) in [
            ("GET", "x=%FF", true),
            ("GET", "%FF", true),
            ("HEAD", "x=%FF", true),
            ("GET", "x=%C3%A9", false),
            ("DELETE", "x=%FF", false),
            ("POST", "x=%FF", false),
        ] {
            let url = format!("https://edge.example/servers/x?{query}");
            let head = RequestHead::new(method, &url);
            let check = |minor| check_query(&head, Microversion::new(minor));
            let refused = Err(Fault::Schema("Query string is not UTF-8 encoded".into()));
            let expected = if is_refused { refused.clone() } else { Ok(()) };
            assert_eq!(check(1), expected, "{method} {query}");
            if is_refused {
                assert_eq!(check(102), refused, "{method} {query}");
            }
        }
    }
}
