//! The names of the headers that are read and written, each in one place.

/// Those of a request that every request is asked for.
pub const ASKED_FOR: [&str; 11] = [
    AUTH_TOKEN,
    STORAGE_TOKEN,
    SERVICE_TOKEN,
    ACCEPT,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    API_VERSION,
    LEGACY_API_VERSION,
    REQUEST_ID,
    TRACEPARENT,
    ORIGIN,
];

/// K: the token.
pub const AUTH_TOKEN: &str = "X-Auth-Token";
/// K: the token, as older clients send it.
pub const STORAGE_TOKEN: &str = "X-Storage-Token";
/// K: the token of a service that vouches for the request.
pub const SERVICE_TOKEN: &str = "X-Service-Token";
/// The media types that the client takes.
pub const ACCEPT: &str = "Accept";
/// The length of the body, as announced.
pub const CONTENT_LENGTH: &str = "Content-Length";
/// The media type of the body.
pub const CONTENT_TYPE: &str = "Content-Type";
/// N: the microversion, with the service that it is for.
pub const API_VERSION: &str = "OpenStack-API-Version";
/// N: the microversion, as clients asked for it before [`API_VERSION`].
pub const LEGACY_API_VERSION: &str = "X-OpenStack-Nova-API-Version";
/// N: names the request. On a request it is the id that the caller gave it, for the log.
pub const REQUEST_ID: &str = "X-OpenStack-Request-Id";
/// N: the same on a response, under the older name.
pub const COMPUTE_REQUEST_ID: &str = "X-Compute-Request-Id";
/// W3C Trace Context, for the log.
pub const TRACEPARENT: &str = "traceparent";
/// The web page that asks.
pub const ORIGIN: &str = "Origin";
/// A preflight's: the method that the web page wants to use.
pub const REQUEST_METHOD: &str = "Access-Control-Request-Method";
/// The methods of a path.
pub const ALLOW: &str = "Allow";
/// Seconds until it is worth trying again.
pub const RETRY_AFTER: &str = "Retry-After";
/// K: where a token can be had.
pub const WWW_AUTHENTICATE: &str = "WWW-Authenticate";
/// The request headers that the response depends on.
pub const VARY: &str = "Vary";
