//! The requests that are made of Keystone.

use crate::platform::fetch::{FetchError, Fetched, Question, fetch};
use crate::platform::runtime;
use crate::time::Timestamp;

/// Bytes of an answer that are read. A token without its catalog has a few thousand.
const BODY_LIMIT: usize = 1 << 20;

/// K: without it Keystone does not show a token that has access rules, because whoever asks would
/// not check them.
const ACCESS_RULES: (&str, &str) = ("OpenStack-Identity-Access-Rules", "1");

/// Where tokens are validated and issued.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// `{KEYSTONE_URL}/v3/auth/tokens?nocatalog`
    tokens: String,
}

impl Endpoint {
    /// Below this URL, with or without `/v3`.
    pub(super) fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        let root = url.strip_suffix("/v3").unwrap_or(url);
        Self {
            tokens: format!("{root}/v3/auth/tokens?nocatalog"),
        }
    }

    /// Asks about a token; with `allow_expired` also about one that expired a short while ago, which
    /// Keystone tells nobody but a service.
    ///
    /// # Errors
    ///
    /// Why there is no answer, without either token.
    pub(super) async fn validate(
        &self,
        subject: &str,
        authentication: &str,
        allow_expired: bool,
        until: Timestamp,
    ) -> Result<Fetched, String> {
        let with_expired;
        let url = if allow_expired {
            with_expired = format!("{}&allow_expired=1", self.tokens);
            &with_expired
        } else {
            &self.tokens
        };
        let question = Question {
            method: "GET",
            url,
            headers: &[
                ("Accept", "application/json"),
                ("X-Auth-Token", authentication),
                ("X-Subject-Token", subject),
                ACCESS_RULES,
            ],
            body: None,
        };
        ask(&question, until).await
    }

    /// Asks for a token.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(super) async fn authenticate(
        &self,
        body: &str,
        until: Timestamp,
    ) -> Result<Fetched, String> {
        let question = Question {
            method: "POST",
            url: &self.tokens,
            headers: &[
                ("Accept", "application/json"),
                ("Content-Type", "application/json"),
            ],
            body: Some(body),
        };
        ask(&question, until).await
    }
}

/// Asks, and asks once more when no answer began: that is what a connection looks like that was kept
/// for the next question and that Keystone closed meanwhile. Both questions may be asked twice.
async fn ask(question: &Question<'_>, until: Timestamp) -> Result<Fetched, String> {
    let mut last_try = false;
    loop {
        let left = until.millis() - runtime::now().millis();
        let left = u32::try_from(left).unwrap_or_default();
        if left == 0 {
            return Err(LATE.to_owned());
        }
        match fetch(question, BODY_LIMIT, left).await {
            Ok(answer) => return Ok(answer),
            Err(FetchError::Late) => return Err(LATE.to_owned()),
            Err(FetchError::TooLarge) => {
                return Err(format!(
                    "Keystone's answer has more than {BODY_LIMIT} bytes"
                ));
            }
            Err(FetchError::Unreached(_)) if !last_try => last_try = true,
            Err(FetchError::Unreached(exception) | FetchError::Failed(exception)) => {
                return Err(format!("Keystone did not answer: {exception}"));
            }
        }
    }
}

/// What is said of an answer that did not come in time.
pub(super) const LATE: &str = "Keystone did not answer in time";

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn keystones_url_may_be_given_with_or_without_v3() {
        for url in [
            "https://keystone.example",
            "https://keystone.example/",
            "https://keystone.example/v3",
            "https://keystone.example/v3/",
        ] {
            assert_eq!(
                Endpoint::new(url).tokens,
                "https://keystone.example/v3/auth/tokens?nocatalog"
            );
        }
        assert_eq!(
            Endpoint::new("http://127.0.0.1:5000/identity/v3").tokens,
            "http://127.0.0.1:5000/identity/v3/auth/tokens?nocatalog"
        );
    }
}
