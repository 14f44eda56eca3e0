//! The checks that need nothing but the request and who sent it. The numbers are those of the
//! contract's order.

use super::response::Echo;
use super::body::{self, Body};
use super::fault::Fault;
use super::request::{Head, RequestHeader};
use super::query;
use super::route::Prefix;
use super::microversion::Microversion;
use crate::auth::claims::Identity;
use crate::log::Trace;
use crate::platform::http::{BodyError, Request, read_body};

/// N: what a body may say it is.
const MEDIA_TYPES: &[&str] = &[
    "application/json",
    "text/plain",
    "application/vnd.openstack.compute+json",
];

/// 2. What is announced to be too large is not even looked at.
pub(super) fn check_announced_size(head: &Head, limit: usize) -> Result<(), Fault> {
    let announced = head.header(RequestHeader::ContentLength);
    // A number that does not fit is too large as well.
    let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let too_large = announced.filter(is_number).is_some_and(|text| {
        text.parse()
            .map_or(!text.is_empty(), |size: usize| size > limit)
    });
    if too_large {
        return Err(Fault::TooLarge(limit));
    }
    Ok(())
}

/// 5. Only below `/v2.1`. A version that is not supported is named in the answer all the same.
pub(super) fn negotiate(
    prefix: Prefix,
    head: &Head,
    trace: &mut Trace,
) -> Result<Microversion, Fault> {
    if prefix != Prefix::V21 {
        return Ok(Microversion::OLDEST);
    }
    let standard = head.header(RequestHeader::StandardVersion);
    let legacy = head.header(RequestHeader::LegacyVersion);
    let version = Microversion::negotiate(standard, legacy);
    trace.version = match &version {
        Ok(version) => Some(Echo::new(&version.to_string())),
        Err(Fault::UnsupportedVersion(version)) => Some(Echo::new(version)),
        Err(_) => None,
    };
    version
}

/// 6. Compared exactly, in lower case; parameters do not count.
pub(super) fn check_content_type(head: &Head) -> Result<(), Fault> {
    let Some(content_type) = head.header(RequestHeader::ContentType) else {
        return Ok(());
    };
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.is_empty() || MEDIA_TYPES.contains(&media_type) {
        return Ok(());
    }
    Err(Fault::BadMediaType)
}

/// 7. The body of a PUT or POST. S1: a DELETE accepts none, so it is not read; nor is a GET's.
pub(super) async fn read_json(request: &Request, head: &Head, limit: usize) -> Result<Body, Fault> {
    if !matches!(head.method.as_str(), "PUT" | "POST") {
        return Ok(Body::default());
    }
    let bytes = read_body(request, limit)
        .await
        .map_err(|error| match error {
            BodyError::TooLarge => Fault::TooLarge(limit),
            BodyError::Broken(_) => Fault::MalformedBody,
        })?;
    Body::parse(bytes)
}

/// 8. The project in the URL, when there is one, is the token's.
pub(super) fn check_project(in_url: Option<&str>, identity: &Identity) -> Result<(), Fault> {
    let of_token = identity.actor.project_id.as_deref();
    match in_url {
        Some(url) if Some(url) != of_token => Err(Fault::ProjectMismatch {
            url: url.to_owned(),
            token: of_token.unwrap_or("None").to_owned(),
        }),
        _ => Ok(()),
    }
}

/// 11. N: from 2.102 on a GET has no query parameters that it does not know.
pub(super) fn check_query(head: &Head, version: Microversion) -> Result<(), Fault> {
    if version < Microversion::STRICT_QUERIES || !matches!(head.method.as_str(), "GET" | "HEAD") {
        return Ok(());
    }
    let pairs = query::pairs(head.query.as_deref().unwrap_or_default());
    let names = pairs.iter().map(|(name, _)| name.as_str());
    body::unexpected(names).map_or(Ok(()), Err)
}
