//! Every error that is answered.
//!
//! One [`Fault`] is one row of the contract's table of faults: its status, its name, its message and
//! the header that belongs to it. Nothing else in the Worker writes an error body.
//!
//! Shape (S2's error example, byte for byte): `{"<name>": {"message": "…", "code": N}}`.

use thiserror::Error;

use super::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use crate::registry::InvalidField;

/// Why a request fails.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// S2: 400 project is not found.
    #[error(
        "Malformed request URL: URL's project_id '{url}' doesn't match Context's project_id '{token}'"
    )]
    ProjectMismatch {
        /// The project id in the URL.
        url: String,
        /// The token's project id, `None` when it has none.
        token: String,
    },
    /// 400: the body is not JSON in UTF-8.
    #[error("Malformed request body")]
    MalformedBody,
    /// 400: PUT of an item whose key is not the one in the body.
    #[error("Request body and URI mismatch")]
    KeyMismatch,
    /// 400: the body or the query does not follow its schema; the message says where.
    #[error("{0}")]
    Schema(String),
    /// 400: a field of a registry document is wrong.
    #[error(transparent)]
    InvalidField(#[from] InvalidField),
    /// N: 400, a parameter of a list that nothing is filtered by.
    #[error("Invalid filter field: {0}.")]
    InvalidFilter(String),
    /// P: 400, a parameter that N would filter or sort by and this service cannot.
    #[error("The query parameter '{0}' is not supported.")]
    UnsupportedParameter(String),
    /// P: 400, an admin asks for the servers of all projects.
    #[error("Lists of all projects are not supported: name a project with 'project_id'.")]
    ProjectRequired,
    /// N: 400, a list of changes that ends before it begins.
    #[error("The value of changes-since must be less than or equal to changes-before.")]
    ChangesOrder,
    /// N: 400, the resource that the list is to go on after does not exist for the caller.
    #[error("marker [{0}] not found")]
    MarkerNotFound(String),
    /// 400: the microversion is not `MajorNum.MinorNum`.
    #[error("API Version String {0} is of invalid format. Must be of format MajorNum.MinorNum.")]
    MalformedVersion(String),
    /// S1, S2: 401; K's shape.
    #[error("The request you have made requires authentication.")]
    Unauthorized {
        /// Where a token can be had: Keystone's public URL.
        keystone: String,
    },
    /// S2: 403 not authorized to perform the requested action.
    #[error("Policy doesn't allow {0} to be performed.")]
    Policy(String),
    /// N: 403.
    #[error("Only administrators may list deleted instances")]
    DeletedInstances,
    /// S1: 403.
    #[error("Not authorized for image {0}.")]
    ImageForbidden(String),
    /// N: 403, more items than a server may have.
    #[error("Maximum number of metadata items exceeds {0}")]
    ServerQuota(usize),
    /// N: 403, more items than an image may have.
    #[error("Image metadata limit exceeded")]
    ImageQuota,
    /// S2: 404 specified the instance id that not found.
    #[error("Instance {0} could not be found.")]
    ServerNotFound(String),
    /// N: 404, unknown or invisible image.
    #[error("Image not found.")]
    ImageNotFound,
    /// S2: 404 specified metadata item is not found.
    #[error("Metadata item was not found")]
    ServerItemNotFound,
    /// N: 404, DELETE of an image's item that does not exist.
    #[error("Invalid metadata key")]
    ImageItemNotFound,
    /// 404: no such path; also GET of an image's item that does not exist.
    #[error("The resource could not be found.")]
    NotFound,
    /// S1: 405.
    #[error("The method specified is not allowed for this resource.")]
    BadMethod {
        /// The methods of the path, sorted, for the `Allow` header.
        allow: &'static str,
    },
    /// N: 406, a microversion outside the supported range.
    #[error("Version {0} is not supported by the API. Minimum is 2.1 and maximum is 2.104.")]
    UnsupportedVersion(String),
    /// S2: 409 specified instance has been locked.
    #[error("Instance {0} is locked")]
    Locked(String),
    /// S2: 409 instance status is invalid; instance task status is not None.
    #[error("Cannot '{action} metadata' instance {id} while it is in {attribute} {state}")]
    ServerState {
        /// `delete` or `update`.
        action: &'static str,
        /// The server's id.
        id: String,
        /// `vm_state` or `task_state`.
        attribute: &'static str,
        /// Its value.
        state: String,
    },
    /// N: 409, the server has never been launched.
    #[error("Instance {id} is in an invalid state for '{action} metadata'")]
    NeverLaunched {
        /// `delete` or `update`.
        action: &'static str,
        /// The server's id.
        id: String,
    },
    /// S1: 409; P: the image is still being written.
    #[error("Cannot '{action} metadata' image {id} while it is in status {status}")]
    ImageStatus {
        /// `delete` or `update`.
        action: &'static str,
        /// The image's id.
        id: String,
        /// Its status.
        status: String,
    },
    /// S1: 413, too many requests.
    #[error("This request was rate-limited.")]
    RateLimited {
        /// Seconds until it is worth trying again.
        retry_after: u32,
        /// 413 as S1 says, or 429 where the operator prefers it.
        status: u16,
    },
    /// S1: 413, the body is larger than this many bytes.
    #[error("Request is too large. Larger than max_request_body_size ({0}).")]
    TooLarge(usize),
    /// N: 415.
    #[error("Unsupported Content-Type")]
    BadMediaType,
    /// S1: 500. The cause is in the log, never in the response.
    #[error("The server has either erred or is incapable of performing the requested operation.")]
    Internal,
    /// S1: 503, the token cannot be checked.
    #[error("The Keystone service is temporarily unavailable.")]
    KeystoneUnavailable,
    /// S1: 503, the store of tokens does not answer.
    #[error("The token store is temporarily unavailable.")]
    TokenStoreUnavailable,
    /// S1: 503, the object does not answer.
    #[error("The metadata store is temporarily unavailable.")]
    StoreUnavailable,
    /// S1: 503, the request's deadline passed while its body was read.
    #[error("The request body did not arrive in time.")]
    BodyTimeout,
    /// P: 503, the control plane has not reported for longer than `MAX_FEED_AGE_SECONDS`, so its
    /// records may be out of date and nothing is changed.
    #[error("The control plane has not reported in time.")]
    StaleFeed,
    /// P: 503 to a health check, a setting or a binding is missing.
    #[error("The service is not configured.")]
    Misconfigured,
}

/// P: seconds that a client waits after a 503.
const RETRY_AFTER_UNAVAILABLE: u32 = 1;

impl Fault {
    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::ProjectMismatch { .. }
            | Self::MalformedBody
            | Self::KeyMismatch
            | Self::Schema(_)
            | Self::InvalidField(_)
            | Self::InvalidFilter(_)
            | Self::UnsupportedParameter(_)
            | Self::ProjectRequired
            | Self::ChangesOrder
            | Self::MarkerNotFound(_)
            | Self::MalformedVersion(_) => 400,
            Self::Unauthorized { .. } => 401,
            Self::Policy(_)
            | Self::DeletedInstances
            | Self::ImageForbidden(_)
            | Self::ServerQuota(_)
            | Self::ImageQuota => 403,
            Self::ServerNotFound(_)
            | Self::ImageNotFound
            | Self::ServerItemNotFound
            | Self::ImageItemNotFound
            | Self::NotFound => 404,
            Self::BadMethod { .. } => 405,
            Self::UnsupportedVersion(_) => 406,
            Self::Locked(_)
            | Self::ServerState { .. }
            | Self::NeverLaunched { .. }
            | Self::ImageStatus { .. } => 409,
            Self::RateLimited { status, .. } => *status,
            Self::TooLarge(_) => 413,
            Self::BadMediaType => 415,
            Self::Internal => 500,
            Self::KeystoneUnavailable
            | Self::TokenStoreUnavailable
            | Self::StoreUnavailable
            | Self::BodyTimeout
            | Self::StaleFeed
            | Self::Misconfigured => 503,
        }
    }

    /// Returns the name of the one member of the body.
    fn name(&self) -> &'static str {
        match self.status() {
            400 => "badRequest",
            401 => "error",
            403 => "forbidden",
            404 => "itemNotFound",
            405 => "badMethod",
            409 => "conflictingRequest",
            413 | 429 => "overLimit",
            415 => "badMediaType",
            503 => "serviceUnavailable",
            // N: a 406 is a computeFault, as a 500 is.
            _ => "computeFault",
        }
    }

    /// Returns the body, byte for byte as S2 writes it.
    #[must_use]
    pub fn body(&self) -> String {
        let code = self.status();
        let name = self.name();
        let message = serde_json::Value::from(self.to_string());
        match self {
            // K: Keystone's own shape.
            Self::Unauthorized { .. } => format!(
                r#"{{"error": {{"code": 401, "title": "Unauthorized", "message": {message}}}}}"#
            ),
            Self::RateLimited { retry_after, .. } => format!(
                r#"{{"{name}": {{"message": {message}, "code": {code}, "retryAfter": "{retry_after}"}}}}"#
            ),
            _ => format!(r#"{{"{name}": {{"message": {message}, "code": {code}}}}}"#),
        }
    }

    /// Returns the `Content-Type` of the response; K's middleware names no charset.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "application/json",
            _ => "application/json; charset=UTF-8",
        }
    }

    /// Returns whether the response names the microversion, below `/v2.1`. A 413 never does.
    #[must_use]
    pub fn names_version(&self) -> bool {
        !matches!(self, Self::TooLarge(_) | Self::RateLimited { .. })
    }

    /// Returns the header that only this fault has.
    #[must_use]
    pub fn header(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Unauthorized { keystone } => {
                Some((WWW_AUTHENTICATE, format!("Keystone uri=\"{keystone}\"")))
            }
            Self::BadMethod { allow } => Some((ALLOW, (*allow).to_owned())),
            Self::RateLimited { retry_after, .. } => Some((RETRY_AFTER, retry_after.to_string())),
            _ if self.status() == 503 => Some((RETRY_AFTER, RETRY_AFTER_UNAVAILABLE.to_string())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_error_example_is_187_bytes_to_the_letter() {
        let body = Fault::ProjectMismatch {
            url: "cb8aa2a2c7244af5aab1fa7881ba7f4".into(),
            token: "cb8aa2a2c7244af5aab1fa7881ba7f4c".into(),
        }
        .body();
        assert_eq!(
            body,
            r#"{"badRequest": {"message": "Malformed request URL: URL's project_id 'cb8aa2a2c7244af5aab1fa7881ba7f4' doesn't match Context's project_id 'cb8aa2a2c7244af5aab1fa7881ba7f4c'", "code": 400}}"#
        );
        assert_eq!(body.len(), 187);
    }

    #[test]
    fn a_message_with_quotes_and_control_characters_stays_json() {
        let body = Fault::ServerNotFound("a\"b\n\u{1}".into()).body();
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            value["itemNotFound"]["message"],
            "Instance a\"b\n\u{1} could not be found."
        );
    }

    #[test]
    fn k_401_has_keystones_shape_and_names_it() {
        let fault = Fault::Unauthorized {
            keystone: "https://keystone.example/v3".into(),
        };
        assert_eq!(
            fault.body(),
            r#"{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}"#
        );
        assert_eq!(fault.content_type(), "application/json");
        assert_eq!(
            fault.header(),
            Some((
                "WWW-Authenticate",
                "Keystone uri=\"https://keystone.example/v3\"".into()
            ))
        );
    }

    #[test]
    fn s1_413_rate_limited_says_when_to_try_again() {
        let fault = Fault::RateLimited {
            retry_after: 60,
            status: 413,
        };
        assert_eq!(
            fault.body(),
            r#"{"overLimit": {"message": "This request was rate-limited.", "code": 413, "retryAfter": "60"}}"#
        );
        assert_eq!(fault.header(), Some(("Retry-After", "60".into())));
        assert!(!fault.names_version());
        assert!(!Fault::TooLarge(1).names_version());
        assert!(Fault::NotFound.names_version());
    }

    #[test]
    fn each_fault_has_the_contracts_status_and_name() {
        let id = || "5ec95878-b74d-40f2-be61-c3c1ae5e5b19".to_owned();
        let rows = [
            (Fault::MalformedBody, 400, "badRequest"),
            (Fault::KeyMismatch, 400, "badRequest"),
            (Fault::Schema("x".into()), 400, "badRequest"),
            (Fault::MalformedVersion("x".into()), 400, "badRequest"),
            (
                InvalidField::new("server.name", "must be a string").into(),
                400,
                "badRequest",
            ),
            (Fault::InvalidFilter("x".into()), 400, "badRequest"),
            (Fault::UnsupportedParameter("ip".into()), 400, "badRequest"),
            (Fault::ProjectRequired, 400, "badRequest"),
            (Fault::ChangesOrder, 400, "badRequest"),
            (Fault::MarkerNotFound("x".into()), 400, "badRequest"),
            (Fault::DeletedInstances, 403, "forbidden"),
            (Fault::Policy("x".into()), 403, "forbidden"),
            (Fault::ImageForbidden(id()), 403, "forbidden"),
            (Fault::ServerQuota(128), 403, "forbidden"),
            (Fault::ImageQuota, 403, "forbidden"),
            (Fault::ServerNotFound(id()), 404, "itemNotFound"),
            (Fault::ImageNotFound, 404, "itemNotFound"),
            (Fault::ServerItemNotFound, 404, "itemNotFound"),
            (Fault::ImageItemNotFound, 404, "itemNotFound"),
            (Fault::NotFound, 404, "itemNotFound"),
            (Fault::BadMethod { allow: "GET" }, 405, "badMethod"),
            (Fault::UnsupportedVersion("3.0".into()), 406, "computeFault"),
            (Fault::Locked(id()), 409, "conflictingRequest"),
            (
                Fault::NeverLaunched {
                    action: "delete",
                    id: id(),
                },
                409,
                "conflictingRequest",
            ),
            (Fault::TooLarge(114_688), 413, "overLimit"),
            (Fault::BadMediaType, 415, "badMediaType"),
            (Fault::Internal, 500, "computeFault"),
            (Fault::KeystoneUnavailable, 503, "serviceUnavailable"),
            (Fault::StoreUnavailable, 503, "serviceUnavailable"),
            (Fault::BodyTimeout, 503, "serviceUnavailable"),
            (Fault::StaleFeed, 503, "serviceUnavailable"),
            (Fault::Misconfigured, 503, "serviceUnavailable"),
        ];
        for (fault, status, name) in rows {
            assert_eq!(fault.status(), status, "{fault:?}");
            let value: serde_json::Value = serde_json::from_str(&fault.body()).unwrap();
            assert_eq!(value[name]["code"], status, "{fault:?}");
            assert_eq!(value[name]["message"], fault.to_string(), "{fault:?}");
            let waits = fault.header() == Some((RETRY_AFTER, "1".into()));
            assert_eq!(waits, status == 503, "{fault:?}");
        }
    }

    #[test]
    fn each_503_names_what_failed() {
        for (fault, message) in [
            (
                Fault::KeystoneUnavailable,
                "The Keystone service is temporarily unavailable.",
            ),
            (
                Fault::StoreUnavailable,
                "The metadata store is temporarily unavailable.",
            ),
            (
                Fault::BodyTimeout,
                "The request body did not arrive in time.",
            ),
            (
                Fault::StaleFeed,
                "The control plane has not reported in time.",
            ),
        ] {
            assert_eq!(fault.to_string(), message);
        }
    }
}
