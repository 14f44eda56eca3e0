//! What Keystone's answers mean.

use serde_json::Value;

use crate::auth::access_rule::{AccessRule, SERVICE};
use crate::auth::claims::Claims;
use crate::timestamp::Timestamp;

/// Whose token authenticated the question. It decides what a 401 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// The token that was asked about.
    Subject,
    /// The service token that came with the request.
    ServiceToken,
    /// This Worker's own, from its application credential.
    Credential,
}

/// What an answer says about the token that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is this user's.
    Valid(Claims),
    /// It is nobody's, or not any more.
    Invalid,
    /// It is not known, if our own token still is: K answers 404 as well when whoever asks was
    /// deleted, or the application credential that his token is from.
    Unknown,
    /// Nothing: our own token is not accepted.
    CredentialRejected,
    /// Nothing: whoever asked may not ask.
    Forbidden,
    /// Nothing: the text says why.
    Unclear(String),
}

/// The verdict of the answer to `GET /v3/auth/tokens`.
#[must_use]
pub fn verdict(status: u16, body: &[u8], asked_by: AskedBy) -> Verdict {
    match (status, asked_by) {
        (200, _) => claims(body).map_or_else(
            || Verdict::Unclear("Keystone's answer cannot be read".to_owned()),
            Verdict::Valid,
        ),
        (401, AskedBy::Credential) => Verdict::CredentialRejected,
        (404, AskedBy::Credential) => Verdict::Unknown,
        (401 | 404, _) => Verdict::Invalid,
        (403, _) => Verdict::Forbidden,
        (300..=399, _) => Verdict::Unclear(format!(
            "Keystone redirects ({status}), which is not followed: KEYSTONE_URL must name where it is"
        )),
        _ => Verdict::Unclear(format!("Keystone answered {status}")),
    }
}

/// The claims in a token document.
fn claims(body: &[u8]) -> Option<Claims> {
    let document = document(body)?;
    let token = document.get("token")?;
    let roles = match token.get("roles") {
        // K: an unscoped token has none.
        None => Vec::new(),
        Some(roles) => roles
            .as_array()?
            .iter()
            .map(|role| Some(role.get("name")?.as_str()?.to_owned()))
            .collect::<Option<_>>()?,
    };
    let project_id = match token.get("project") {
        None => None,
        Some(project) => Some(project.get("id")?.as_str()?.to_owned()),
    };
    Some(Claims {
        user_id: token.get("user")?.get("id")?.as_str()?.to_owned(),
        project_id,
        roles,
        expires_at: expires_at(token)?,
        access_rules: match token
            .get("application_credential")
            .and_then(|credential| credential.get("access_rules"))
        {
            // An empty list is not none: nothing is allowed then.
            None | Some(Value::Null) => None,
            Some(list) => Some(access_rules(list)?),
        },
    })
}

/// Those of an application credential's rules that are for this service.
fn access_rules(rules: &Value) -> Option<Vec<AccessRule>> {
    let mut ours = Vec::new();
    for rule in rules.as_array()? {
        let text = |name: &str| rule.get(name).and_then(Value::as_str);
        if text("service")? == SERVICE {
            ours.push(AccessRule {
                method: text("method")?.to_owned(),
                path: text("path")?.to_owned(),
            });
        }
    }
    Some(ours)
}

fn expires_at(token: &Value) -> Option<Timestamp> {
    crate::timestamp::parse(token.get("expires_at")?.as_str()?)
}

/// When a token that Keystone issued to us expires, from the answer to `POST /v3/auth/tokens`.
///
/// # Errors
///
/// Why there is no such token.
pub fn issued(status: u16, body: &[u8]) -> Result<Timestamp, String> {
    match status {
        201 => document(body)
            .and_then(|document| expires_at(document.get("token")?))
            .ok_or_else(|| "Keystone's answer to the application credential cannot be read".into()),
        401 | 404 => Err(
            "Keystone rejects KEYSTONE_APPLICATION_CREDENTIAL_ID or KEYSTONE_APPLICATION_CREDENTIAL_SECRET"
                .into(),
        ),
        _ => Err(format!(
            "Keystone answered {status} to the application credential"
        )),
    }
}

/// What Keystone's answer says, if it is JSON in UTF-8.
fn document(body: &[u8]) -> Option<Value> {
    serde_json::from_str(std::str::from_utf8(body).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ALL: [AskedBy; 3] = [AskedBy::Subject, AskedBy::ServiceToken, AskedBy::Credential];

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

    fn read(document: &Value) -> Verdict {
        verdict(200, document.to_string().as_bytes(), AskedBy::Subject)
    }

    fn valid(document: &Value) -> Claims {
        match read(document) {
            Verdict::Valid(claims) => claims,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_redirect_says_which_setting_to_mend() {
        for status in [300, 301, 399] {
            for asked_by in ALL {
                let Verdict::Unclear(cause) = verdict(status, b"", asked_by) else {
                    panic!("{status}");
                };
                assert!(cause.contains("KEYSTONE_URL"), "{cause}");
            }
        }
    }

    #[test]
    fn k_200_is_the_claims() {
        for asked_by in ALL {
            assert_eq!(
                verdict(200, token().to_string().as_bytes(), asked_by),
                Verdict::Valid(Claims {
                    user_id: "alice-id".into(),
                    project_id: Some("acme-id".into()),
                    roles: vec!["member".into(), "reader".into()],
                    expires_at: crate::timestamp::parse("2026-11-21T12:00:00Z").unwrap(),
                    access_rules: None,
                })
            );
        }
    }

    #[test]
    fn k_401_and_404_are_about_the_subject_unless_we_asked_ourselves() {
        for (status, asked_by, expected) in [
            (401, AskedBy::Subject, Verdict::Invalid),
            (404, AskedBy::Subject, Verdict::Invalid),
            (401, AskedBy::ServiceToken, Verdict::Invalid),
            (404, AskedBy::ServiceToken, Verdict::Invalid),
            (401, AskedBy::Credential, Verdict::CredentialRejected),
            (404, AskedBy::Credential, Verdict::Unknown),
        ] {
            assert_eq!(
                verdict(status, b"", asked_by),
                expected,
                "{status} {asked_by:?}"
            );
        }
    }

    #[test]
    fn k_403_is_about_whoever_asks() {
        for asked_by in ALL {
            assert_eq!(verdict(403, b"", asked_by), Verdict::Forbidden);
        }
    }

    #[test]
    fn anything_else_says_nothing_about_the_token() {
        for status in [
            201, 204, 301, 302, 307, 308, 400, 405, 413, 429, 500, 502, 503, 504,
        ] {
            for asked_by in ALL {
                let Verdict::Unclear(cause) = verdict(status, b"{}", asked_by) else {
                    panic!("{status}");
                };
                assert!(cause.contains(&status.to_string()), "{cause}");
            }
        }
    }

    #[test]
    fn a_200_that_cannot_be_read_says_nothing_about_the_token() {
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
            let verdict = verdict(200, body.as_bytes(), AskedBy::Subject);
            assert!(matches!(verdict, Verdict::Unclear(_)), "{body}");
        }
        let verdict = verdict(200, b"\xff\xfe", AskedBy::Subject);
        assert!(matches!(verdict, Verdict::Unclear(_)));
    }

    #[test]
    fn each_scope_but_a_projects_is_no_project() {
        for (name, scope, roles) in [
            ("nothing", json!(null), None),
            (
                "system",
                json!({"all": true}),
                Some(json!([{"name": "admin"}])),
            ),
            (
                "domain",
                json!({"id": "default"}),
                Some(json!([{"name": "member"}])),
            ),
        ] {
            let mut document = token();
            let fields = document["token"].as_object_mut().unwrap();
            fields.remove("project");
            fields.remove("roles");
            fields.insert(name.into(), scope);
            if let Some(roles) = roles.clone() {
                fields.insert("roles".into(), roles);
            }
            let claims = valid(&document);
            assert_eq!(claims.project_id, None, "{name}");
            assert_eq!(claims.roles.len(), usize::from(roles.is_some()), "{name}");
        }
    }

    #[test]
    fn a_trusts_token_is_its_projects() {
        let mut document = token();
        document["token"]["OS-TRUST:trust"] = json!({"id": "1", "impersonation": true});
        assert_eq!(valid(&document).project_id, Some("acme-id".into()));
    }

    #[test]
    fn an_application_credentials_rules_for_this_service_are_kept() {
        let with = |credential: Value| {
            let mut document = token();
            document["token"]["application_credential"] = credential;
            valid(&document).access_rules
        };
        assert_eq!(with(json!({"id": "1", "restricted": true})), None);
        assert_eq!(with(json!({"access_rules": null})), None);
        assert_eq!(with(json!({"access_rules": []})), Some(vec![]));
        let others =
            json!([{"id": "2", "service": "image", "method": "GET", "path": "/v2/images"}]);
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
    fn a_token_of_our_own_is_issued_with_201_alone() {
        let body = token().to_string();
        assert_eq!(
            issued(201, body.as_bytes()),
            Ok(crate::timestamp::parse("2026-11-21T12:00:00Z").unwrap())
        );
        for status in [200, 300, 401, 403, 404, 429, 500] {
            assert!(issued(status, body.as_bytes()).is_err(), "{status}");
        }
        assert!(issued(201, b"{}").is_err());
        let rejected = issued(401, b"").unwrap_err();
        assert!(rejected.contains("KEYSTONE_APPLICATION_CREDENTIAL_SECRET"));
    }
}
