//! What Keystone's answers mean. P: only Keystone's own words decide about a token.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use thiserror::Error;

use super::document::{ErrorDocument, IssuedDocument, TokenDocument};
use crate::auth::claims::Claims;
use crate::timestamp::Timestamp;

/// Whose token authenticated the request to Keystone. It decides what a 401 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// The token that is validated.
    Subject,
    /// The service token that came with the request.
    ServiceToken,
    /// The Worker's own, from its application credential.
    Credential,
}

impl AskedBy {
    /// Returns what an operator can do when Keystone forbids the validation.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Subject => {
                "its policy does not let this token validate itself, as it never lets one of a \
                 trust that impersonates: set KEYSTONE_APPLICATION_CREDENTIAL_ID and \
                 KEYSTONE_APPLICATION_CREDENTIAL_SECRET"
            }
            Self::ServiceToken => {
                "its policy lets no service validate tokens: set \
                 KEYSTONE_APPLICATION_CREDENTIAL_ID and KEYSTONE_APPLICATION_CREDENTIAL_SECRET"
            }
            Self::Credential => {
                "its policy does not let KEYSTONE_APPLICATION_CREDENTIAL_ID validate tokens: it \
                 needs the role service or admin"
            }
        }
    }
}

/// What an answer says about the token that is validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is valid, or was until it expired.
    Valid(Claims),
    /// It is unknown, expired or revoked.
    Invalid,
    /// It is unknown, provided that the Worker's own token is still valid. K: 404 is also the
    /// answer when the user or the application credential of whoever asks was deleted.
    Unknown,
    /// Nothing: the Worker's own token is rejected.
    CredentialRejected,
    /// Nothing: whoever asks may not validate tokens.
    Forbidden,
    /// Nothing.
    Unclear(AnswerError),
}

/// Why an answer says nothing. Displayed after the URL that was asked, and without any text of the
/// answer, which could hold a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// A redirect.
    #[error("redirects ({0}), which is not followed: KEYSTONE_URL must name where it is")]
    Redirect(u16),
    /// A status that is about a token, without Keystone's error document.
    #[error(
        "answered {status} with {content}, which is no error of Keystone's: KEYSTONE_URL must name a Keystone"
    )]
    NotKeystone {
        /// The status of the answer.
        status: u16,
        /// What the body is instead.
        content: Content,
    },
    /// Success, without a token document.
    #[error(
        "answered {status} with {content}, which is no token: KEYSTONE_URL must name a Keystone"
    )]
    NotAToken {
        /// The status of the answer.
        status: u16,
        /// What the body is instead.
        content: Content,
    },
    /// Another status.
    #[error("answered {status} with {content}")]
    Status {
        /// The status of the answer.
        status: u16,
        /// What the body is.
        content: Content,
    },
}

/// What the body of an answer is, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// JSON, but of another shape.
    Json,
    /// HTML or XML.
    Markup,
    /// Something else, of this many bytes.
    Other(usize),
}

impl Content {
    fn of(body: &[u8]) -> Self {
        let trimmed = body.trim_ascii_start();
        if trimmed.is_empty() {
            Self::Empty
        } else if trimmed.starts_with(b"<") {
            Self::Markup
        } else if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            Self::Json
        } else {
            Self::Other(body.len())
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("no body"),
            Self::Json => formatter.write_str("JSON"),
            Self::Markup => formatter.write_str("HTML"),
            Self::Other(length) => write!(formatter, "{length} bytes that are not JSON"),
        }
    }
}

/// Returns what the answer to `GET /v3/auth/tokens` means.
#[must_use]
pub fn verdict(status: u16, body: &[u8], asked_by: AskedBy) -> Verdict {
    let content = || Content::of(body);
    match status {
        200 => json::<TokenDocument>(body)
            .and_then(TokenDocument::into_claims)
            .map_or_else(
                || {
                    Verdict::Unclear(AnswerError::NotAToken {
                        status,
                        content: content(),
                    })
                },
                Verdict::Valid,
            ),
        401 | 403 | 404 if !is_keystones_error(status, body) => {
            Verdict::Unclear(AnswerError::NotKeystone {
                status,
                content: content(),
            })
        }
        401 if asked_by == AskedBy::Credential => Verdict::CredentialRejected,
        404 if asked_by == AskedBy::Credential => Verdict::Unknown,
        401 | 404 => Verdict::Invalid,
        403 => Verdict::Forbidden,
        300..=399 => Verdict::Unclear(AnswerError::Redirect(status)),
        _ => Verdict::Unclear(AnswerError::Status {
            status,
            content: content(),
        }),
    }
}

/// Why Keystone issued no token to the Worker. Displayed after the URL that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IssueError {
    /// K: 401 or 404.
    #[error("rejects KEYSTONE_APPLICATION_CREDENTIAL_ID or KEYSTONE_APPLICATION_CREDENTIAL_SECRET")]
    Rejected,
    /// Anything else.
    #[error("{0}")]
    Unclear(#[from] AnswerError),
}

/// Returns when a token expires that Keystone issued to the Worker, from the answer to
/// `POST /v3/auth/tokens`.
///
/// # Errors
///
/// The answer is not 201 with a token document.
pub fn issued(status: u16, body: &[u8]) -> Result<Timestamp, IssueError> {
    let content = || Content::of(body);
    match status {
        201 => json::<IssuedDocument>(body)
            .map(|document| document.expires_at())
            .ok_or_else(|| {
                IssueError::Unclear(AnswerError::NotAToken {
                    status,
                    content: content(),
                })
            }),
        401 | 404 if is_keystones_error(status, body) => Err(IssueError::Rejected),
        401 | 404 => Err(IssueError::Unclear(AnswerError::NotKeystone {
            status,
            content: content(),
        })),
        300..=399 => Err(IssueError::Unclear(AnswerError::Redirect(status))),
        _ => Err(IssueError::Unclear(AnswerError::Status {
            status,
            content: content(),
        })),
    }
}

/// K: Keystone's own errors repeat the status in `{"error": {"code": …}}`. What a proxy in front of
/// it, or another server, says of a path is no verdict on a token.
fn is_keystones_error(status: u16, body: &[u8]) -> bool {
    json::<ErrorDocument>(body).is_some_and(|document| document.code() == status)
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::{AccessRule, Scope};
    use crate::timestamp;

    const ALL: [AskedBy; 3] = [AskedBy::Subject, AskedBy::ServiceToken, AskedBy::Credential];

    /// As a Keystone answers, but for the catalog.
    fn token() -> Value {
        json!({"token": {
            "methods": ["password"],
            "user": {"domain": {"id": "default", "name": "Default"}, "id": "alice-id", "name": "alice",
                "password_expires_at": null},
            "audit_ids": ["3T2dc1CGQxyJsHdDu1xkcw"],
            "expires_at": "2026-11-21T12:00:00.000000Z",
            "issued_at": "2026-11-21T11:00:00.000000Z",
            "project": {"domain": {"id": "default", "name": "Default"}, "id": "acme-id", "name": "acme"},
            "is_domain": false,
            "roles": [{"id": "1", "name": "member"}, {"id": "2", "name": "reader"}],
        }})
    }

    /// As a Keystone answers.
    fn error(code: u16) -> Vec<u8> {
        json!({"error": {"code": code, "message": "Could not recognize Fernet token", "title": "Not Found"}})
            .to_string()
            .into_bytes()
    }

    fn of_200(document: &Value) -> Verdict {
        verdict(200, document.to_string().as_bytes(), AskedBy::Subject)
    }

    fn valid(document: &Value) -> Claims {
        match of_200(document) {
            Verdict::Valid(claims) => claims,
            other => panic!("{other:?}"),
        }
    }

    fn unclear(verdict: Verdict) -> String {
        match verdict {
            Verdict::Unclear(cause) => cause.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn k_200_is_the_claims() {
        for asked_by in ALL {
            assert_eq!(
                verdict(200, token().to_string().as_bytes(), asked_by),
                Verdict::Valid(Claims {
                    user_id: "alice-id".into(),
                    scope: Scope::Project("acme-id".into()),
                    roles: vec!["member".into(), "reader".into()],
                    expires_at: timestamp::parse("2026-11-21T12:00:00Z").unwrap(),
                    audit_id: Some("3T2dc1CGQxyJsHdDu1xkcw".into()),
                    access_rules: None,
                })
            );
        }
    }

    #[test]
    fn k_401_and_404_are_about_the_subject_unless_the_worker_asked_for_itself() {
        for (status, asked_by, expected) in [
            (401, AskedBy::Subject, Verdict::Invalid),
            (404, AskedBy::Subject, Verdict::Invalid),
            (401, AskedBy::ServiceToken, Verdict::Invalid),
            (404, AskedBy::ServiceToken, Verdict::Invalid),
            (401, AskedBy::Credential, Verdict::CredentialRejected),
            (404, AskedBy::Credential, Verdict::Unknown),
        ] {
            let verdict = verdict(status, &error(status), asked_by);
            assert_eq!(verdict, expected, "{status} {asked_by:?}");
        }
    }

    #[test]
    fn k_403_is_about_whoever_asks() {
        for asked_by in ALL {
            assert_eq!(verdict(403, &error(403), asked_by), Verdict::Forbidden);
            assert!(
                asked_by
                    .remedy()
                    .contains("KEYSTONE_APPLICATION_CREDENTIAL_ID")
            );
        }
    }

    #[test]
    fn p_a_401_403_or_404_that_is_not_keystones_own_says_nothing_about_the_token() {
        let another = error(400);
        for (body, content) in [
            (&b""[..], "no body"),
            (b" \n", "no body"),
            (b"<!doctype html>\n<html lang=en>", "HTML"),
            (b"\n<?xml version=\"1.0\"?>", "HTML"),
            (b"404 page not found\n", "19 bytes that are not JSON"),
            (b"\xff\xfe", "2 bytes that are not JSON"),
            (b"{}", "JSON"),
            (b"null", "JSON"),
            (b"[]", "JSON"),
            (br#"{"error": "Not Found"}"#, "JSON"),
            (br#"{"error": {"message": "Not Found"}}"#, "JSON"),
            (br#"{"error": {"code": "404"}}"#, "JSON"),
            (br#"{"code": 404, "message": "Not Found"}"#, "JSON"),
            (
                br#"{"itemNotFound": {"code": 404, "message": "x"}}"#,
                "JSON",
            ),
            (&another, "JSON"),
        ] {
            for status in [401, 403, 404] {
                for asked_by in ALL {
                    let cause = unclear(verdict(status, body, asked_by));
                    let expected = format!("answered {status} with {content}, which is no error");
                    assert!(cause.starts_with(&expected), "{cause}");
                    assert!(cause.contains("KEYSTONE_URL"), "{cause}");
                }
            }
        }
    }

    #[test]
    fn another_status_says_nothing_about_the_token() {
        for status in [201, 204, 400, 405, 413, 429, 500, 502, 503, 504] {
            for asked_by in ALL {
                let cause = unclear(verdict(status, b"{}", asked_by));
                assert_eq!(cause, format!("answered {status} with JSON"));
            }
        }
    }

    #[test]
    fn a_redirect_names_the_setting_to_correct() {
        for status in [300, 301, 302, 307, 308, 399] {
            for asked_by in ALL {
                let cause = unclear(verdict(status, b"", asked_by));
                assert!(cause.contains("KEYSTONE_URL"), "{cause}");
            }
            assert!(
                issued(status, b"")
                    .unwrap_err()
                    .to_string()
                    .contains("KEYSTONE_URL")
            );
        }
    }

    #[test]
    fn p_a_200_without_a_token_says_nothing_about_the_token() {
        let without = |name: &str| {
            let mut document = token();
            document["token"].as_object_mut().unwrap().remove(name);
            document.to_string()
        };
        let with = |name: &str, value: Value| {
            let mut document = token();
            document["token"][name] = value;
            document.to_string()
        };
        for body in [
            String::new(),
            "<html>".into(),
            "null".into(),
            "{}".into(),
            r#"{"token": null}"#.into(),
            r#"{"versions": {"values": []}}"#.into(),
            token().to_string().chars().take(100).collect(),
            without("user"),
            without("expires_at"),
            with("user", json!({"name": "alice"})),
            with("expires_at", json!(1_795_262_400)),
            with("expires_at", json!("tomorrow")),
            with("roles", json!("admin")),
            with("roles", json!(["admin"])),
            with("project", json!("acme")),
            with("project", json!(null)),
            with("application_credential", json!({"access_rules": "none"})),
            with(
                "application_credential",
                json!({"access_rules": [{"service": "compute"}]}),
            ),
            with("application_credential", json!({"access_rules": [{}]})),
        ] {
            let cause = unclear(verdict(200, body.as_bytes(), AskedBy::Subject));
            assert!(cause.starts_with("answered 200 with "), "{body}: {cause}");
            assert!(cause.contains("KEYSTONE_URL"), "{body}: {cause}");
        }
        unclear(verdict(200, b"\xff\xfe", AskedBy::Subject));
    }

    #[test]
    fn no_text_of_an_answer_is_in_what_is_said_of_it() {
        for status in [200, 201, 302, 400, 401, 403, 404, 500] {
            for body in ["secret", r#"{"secret": 1}"#, "<secret>"] {
                let cause = unclear(verdict(status, body.as_bytes(), AskedBy::Subject));
                assert!(!cause.contains("secret"), "{cause}");
                let cause = issued(status, body.as_bytes()).unwrap_err().to_string();
                assert!(!cause.contains("secret"), "{cause}");
            }
        }
    }

    #[test]
    fn k_each_scope_but_a_projects_has_no_project() {
        for (name, value, roles, expected) in [
            ("is_domain", json!(false), None, Scope::Unscoped),
            (
                "system",
                json!({"all": true}),
                Some(json!([{"name": "admin"}])),
                Scope::System,
            ),
            (
                "domain",
                json!({"id": "default", "name": "Default"}),
                Some(json!([{"name": "member"}])),
                Scope::Domain,
            ),
        ] {
            let mut document = token();
            let fields = document["token"].as_object_mut().unwrap();
            fields.remove("project");
            fields.remove("roles");
            fields.insert(name.into(), value);
            if let Some(roles) = roles.clone() {
                fields.insert("roles".into(), roles);
            }
            let claims = valid(&document);
            assert_eq!(claims.scope, expected);
            assert_eq!(claims.roles.len(), usize::from(roles.is_some()), "{name}");
        }
    }

    #[test]
    fn k_a_trusts_token_is_its_projects() {
        let mut document = token();
        document["token"]["OS-TRUST:trust"] = json!({"id": "1", "impersonation": true});
        assert_eq!(valid(&document).scope, Scope::Project("acme-id".into()));
    }

    #[test]
    fn k_an_application_credentials_rules_for_this_service_are_kept() {
        let with = |credential: Value| {
            let mut document = token();
            document["token"]["application_credential"] = credential;
            valid(&document).access_rules
        };
        assert_eq!(with(json!(null)), None);
        assert_eq!(with(json!({"id": "1", "restricted": true})), None);
        assert_eq!(with(json!({"access_rules": null})), None);
        assert_eq!(with(json!({"access_rules": []})), Some(vec![]));
        let others = json!([
            {"id": "2", "service": "image", "method": "GET", "path": "/v2/images"},
            {"id": "3", "service": "network"},
        ]);
        assert_eq!(with(json!({"access_rules": others})), Some(vec![]));
        let rules = json!([
            {"id": "1", "service": "compute", "method": "GET", "path": "/v2.1/servers"},
            {"id": "2", "service": "image", "method": "GET", "path": "/v2/images"},
        ]);
        assert_eq!(
            with(json!({"access_rules": rules})),
            Some(vec![AccessRule {
                method: "GET".into(),
                path: "/v2.1/servers".into()
            }])
        );
    }

    #[test]
    fn k_a_token_of_the_workers_own_is_issued_with_201_alone() {
        let body = token().to_string();
        assert_eq!(
            issued(201, body.as_bytes()),
            Ok(timestamp::parse("2026-11-21T12:00:00Z").unwrap())
        );
        for status in [200, 300, 401, 403, 404, 429, 500] {
            assert!(issued(status, body.as_bytes()).is_err(), "{status}");
        }
        assert!(issued(201, b"{}").is_err());
        for status in [401, 404] {
            assert_eq!(issued(status, &error(status)), Err(IssueError::Rejected));
            assert_ne!(issued(status, b"<html>"), Err(IssueError::Rejected));
            assert_ne!(issued(status, b""), Err(IssueError::Rejected));
        }
        let rejected = IssueError::Rejected.to_string();
        assert!(rejected.contains("KEYSTONE_APPLICATION_CREDENTIAL_SECRET"));
    }
}
