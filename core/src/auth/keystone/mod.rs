//! K: what Keystone is asked, and what its answers mean.

mod answer;
mod document;

use serde_json::json;

use crate::settings::ApplicationCredential;

pub use answer::{AnswerError, AskedBy, Content, IssueError, Verdict, issued, verdict};

/// Returns the URL at which tokens are validated and issued, for a `KEYSTONE_URL` with or without
/// `/v3`.
#[must_use]
pub fn tokens_url(keystone_url: &str) -> String {
    let url = keystone_url.trim_end_matches('/');
    let root = url.strip_suffix("/v3").unwrap_or(url);
    format!("{root}/v3/auth/tokens")
}

/// Returns the body of the request for a token of the Worker's own.
#[must_use]
pub fn token_request(credential: &ApplicationCredential) -> String {
    json!({
        "auth": {
            "identity": {
                "methods": ["application_credential"],
                "application_credential": {"id": credential.id, "secret": credential.secret},
            },
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keystones_url_may_be_given_with_or_without_v3() {
        for url in [
            "https://keystone.example",
            "https://keystone.example/",
            "https://keystone.example/v3",
            "https://keystone.example/v3/",
        ] {
            assert_eq!(tokens_url(url), "https://keystone.example/v3/auth/tokens");
        }
        assert_eq!(
            tokens_url("http://127.0.0.1:5000/identity/v3"),
            "http://127.0.0.1:5000/identity/v3/auth/tokens"
        );
    }
}
