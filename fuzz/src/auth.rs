//! Tokens: what KV holds of them, what a Keystone answers, and what access rules allow.

use std::time::Duration;

use edge_metadata_core::auth::keystone::{AskedBy, Verdict, issued, verdict};
use edge_metadata_core::auth::{
    AccessLevel, CachedClaims, Claims, RequestPath, Scope, TokenDigest,
};
use edge_metadata_core::timestamp::{self, Timestamp};

const TTL: Duration = Duration::from_secs(300);
const KEYSTONE: &str = "https://keystone.example/v3/auth/tokens";

fn now() -> Timestamp {
    timestamp::from_millis(1_800_000_000_000)
}

/// What KV holds of a token, and times.
pub fn tokens(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let key = TokenDigest::of(&text).kv_key("token");
    assert!(key.len() == "token:".len() + 64 && key.is_ascii());
    if let Some(time) = timestamp::parse(&text) {
        assert_eq!(timestamp::parse(&timestamp::to_full(time)), Some(time));
    }
    if let Ok(claims) = Claims::from_embedded(&text) {
        assert!(matches!(claims.scope, Scope::Project(_) | Scope::System));
        assert_eq!(claims.access_rules, None);
        check_claims(claims);
    }
    if let Some(cached) = CachedClaims::parse(&text, KEYSTONE, now(), TTL) {
        check_cached(&cached);
        check_claims(cached.claims);
    }
}

/// The first line is a path, the rest the body of a Keystone's answer.
pub fn keystone(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (path, body) = text.split_once('\n').unwrap_or(("/v2.1/servers/x", &text));
    let prepared = RequestPath::new(path);
    assert!(prepared.is_none() || path.len() <= 2_048);
    for status in [200, 201, 300, 401, 403, 404, 500] {
        for asked_by in [AskedBy::Subject, AskedBy::ServiceToken, AskedBy::Credential] {
            match verdict(status, body.as_bytes(), asked_by) {
                Verdict::Valid(claims) => {
                    assert_eq!(status, 200, "only a 200 lets anybody in");
                    for rule in claims.access_rules.iter().flatten() {
                        let Some(path) = &prepared else { continue };
                        let _ = rule.allows("GET", path);
                        assert!(!rule.allows("", path) || rule.method.is_empty());
                    }
                    let cached = CachedClaims::new(claims.clone(), now(), TTL);
                    assert!(cached.until <= claims.expires_at && cached.until <= now() + TTL);
                    assert!(cached.kv_ttl(now()) >= Duration::from_secs(60));
                    if now() < cached.until {
                        check_cached(&cached);
                    }
                    check_claims(claims);
                }
                // Nobody is sent away for what is not Keystone's own.
                Verdict::Invalid
                | Verdict::Unknown
                | Verdict::CredentialRejected
                | Verdict::Forbidden => {
                    let document: serde_json::Value = serde_json::from_str(body).expect("JSON");
                    assert_eq!(document["error"]["code"], status);
                }
                Verdict::Unclear(cause) => assert!(cause.to_string().len() < 200),
            }
        }
        assert!(issued(status, body.as_bytes()).is_err() || status == 201);
    }
}

/// What is written is read as it was.
fn check_cached(cached: &CachedClaims) {
    let text = cached.to_json(KEYSTONE).expect("claims have a JSON form");
    assert_eq!(
        CachedClaims::parse(&text, KEYSTONE, now(), TTL).as_ref(),
        Some(cached)
    );
}

fn check_claims(claims: Claims) {
    let has = |name: &str| {
        let is_named = |role: &String| role.eq_ignore_ascii_case(name);
        claims.roles.iter().any(is_named)
    };
    let is_scoped = matches!(claims.scope, Scope::Project(_) | Scope::System);
    let (admin, service) = (has("admin") && is_scoped, has("service"));
    let expires_at = claims.expires_at;
    let project_id = match &claims.scope {
        Scope::Project(id) => Some(id.clone()),
        Scope::Domain | Scope::System | Scope::Unscoped => None,
    };
    let identity = claims.into_identity();
    assert_eq!(identity.is_expired(now()), expires_at <= now());
    assert_eq!(identity.actor.access_level == AccessLevel::Admin, admin);
    assert!(is_scoped || identity.actor.access_level == AccessLevel::None);
    assert_eq!(
        identity.may_use_registry,
        project_id.is_some() && (admin || service)
    );
    let rate_key = project_id.as_deref().unwrap_or(&identity.user_id);
    assert_eq!(identity.rate_key(), rate_key);
}
