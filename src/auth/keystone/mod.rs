//! Tokens that a Keystone validates: what KV remembers of its answers, else Keystone itself.

mod client;
mod credential;
mod error;

use std::time::Duration;

use edge_metadata_core::auth::keystone::{AskedBy, Verdict, verdict};
use edge_metadata_core::auth::{CachedClaims, Claims, TokenDigest};
use edge_metadata_core::settings::KeystoneSettings;
use edge_metadata_core::timestamp::Timestamp;
use worker::KvStore;

use self::client::Client;
use self::credential::Credential;
pub(super) use self::error::Error;
use super::error::AuthError;
use super::kv;
use super::subject::{Resolved, Subject};
use crate::context::{RequestContext, TokenSource};
use crate::platform::now;

/// The namespace of Keystone's outcomes in KV.
const NAMESPACE: &str = "keystone";

/// How long KV may take. It is there to save time.
const KV_PATIENCE: Duration = Duration::from_millis(300);

/// How many bytes a token has at most. Those of federated users hold the ids of their groups, so only
/// what no Keystone can be asked about is no token: Apache takes a header line of 8,190 bytes, name
/// included.
const MAX_TOKEN_BYTES: usize = 8_000;

/// Resolves tokens with a Keystone.
#[derive(Debug)]
pub(super) struct Keystone {
    client: Client,
    credential: Option<Credential>,
    /// A cache, which may be missing, fail or be slow.
    kv: Option<KvStore>,
    ttl: Duration,
}

/// Returns whether it is worth asking: what cannot be sent in a header is no token.
pub(super) fn may_be_token(token: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Keystone {
    /// Creates the authority. What it says may be remembered for `ttl`; a request waits for another
    /// one's token for `patience`.
    pub(super) fn new(
        settings: &KeystoneSettings,
        kv: Option<KvStore>,
        ttl: Duration,
        patience: Duration,
    ) -> Self {
        let credential = settings.credential.clone();
        Self {
            client: Client::new(&settings.url),
            credential: credential.map(|credential| Credential::new(credential, patience)),
            kv: kv.filter(|_| !ttl.is_zero()),
            ttl,
        }
    }

    /// Returns the error for a Keystone that does not say who is asking.
    pub(super) fn unavailable(&self, error: &Error) -> AuthError {
        AuthError::KeystoneUnavailable(format!("{} {error}", self.client.url()))
    }

    /// Returns who a token speaks for: what KV remembers, else what Keystone says.
    ///
    /// # Errors
    ///
    /// The token is not valid, or Keystone does not say so.
    pub(super) async fn look_up(
        &self,
        subject: Subject<'_>,
        deadline: Timestamp,
        context: &RequestContext,
    ) -> Result<Resolved, AuthError> {
        if let Some(cached) = self.in_kv(&subject.digest, context).await {
            return Ok(Resolved::new(cached, TokenSource::Kv));
        }
        context.set_token_source(TokenSource::Keystone);
        let claims = self
            .validate(subject, deadline)
            .await
            .map_err(|error| self.unavailable(&error))?
            .ok_or(AuthError::Unauthorized)?;
        let now = now();
        let is_expired = claims.expires_at <= now;
        if is_expired && subject.service_token.is_none() {
            return Err(AuthError::Unauthorized);
        }
        let cached = CachedClaims::new(claims, now, self.ttl);
        // How long an expired token passes is Keystone's decision, each time.
        if !is_expired {
            self.write_to_kv(&subject.digest, &cached, now, context);
        }
        Ok(Resolved::new(cached, TokenSource::Keystone))
    }

    /// Returns what KV knows. A KV that fails or is slow is skipped.
    async fn in_kv(&self, digest: &TokenDigest, context: &RequestContext) -> Option<CachedClaims> {
        let kv = self.kv.as_ref()?;
        match kv::get(kv, &digest.kv_key(NAMESPACE), KV_PATIENCE).await {
            Ok(text) => CachedClaims::parse(&text?, self.client.url(), now(), self.ttl),
            Err(error) => {
                context.note(format!("{error}, and was skipped"));
                None
            }
        }
    }

    /// Writes to KV after the answer. A failure changes nothing.
    fn write_to_kv(
        &self,
        digest: &TokenDigest,
        cached: &CachedClaims,
        now: Timestamp,
        context: &RequestContext,
    ) {
        if let Some(kv) = &self.kv
            && let Ok(text) = cached.to_json(self.client.url())
            && let Ok(put) = kv.put(&digest.kv_key(NAMESPACE), text)
        {
            let put = put.expiration_ttl(cached.kv_ttl(now).as_secs());
            context.wait_until(async move {
                let _ = put.execute().await;
            });
        }
    }

    /// Returns the claims of a token that Keystone knows, or [`None`] for one that is not valid.
    ///
    /// An answer that is not about the token but about whoever asked is worth one more try: the
    /// Worker's own token may have been revoked, and a Keystone was seen to forbid once what it
    /// allowed the next moment.
    ///
    /// # Errors
    ///
    /// Keystone says neither.
    async fn validate(
        &self,
        subject: Subject<'_>,
        deadline: Timestamp,
    ) -> Result<Option<Claims>, Error> {
        let mut is_last_try = false;
        loop {
            let own_token = match &self.credential {
                Some(credential) => Some(credential.token(&self.client, deadline).await?),
                None => None,
            };
            let (authentication, asked_by) = match (&own_token, subject.service_token) {
                (Some(own), _) => (own.as_str(), AskedBy::Credential),
                (None, Some(service)) => (service, AskedBy::ServiceToken),
                (None, None) => (subject.token, AskedBy::Subject),
            };
            let allow_expired = subject.service_token.is_some();
            let answer = self
                .client
                .validate(subject.token, authentication, allow_expired, deadline)
                .await?;
            let mut verdict = verdict(answer.status, &answer.body, asked_by);
            if verdict == Verdict::Unknown {
                verdict = self.about_unknown(authentication, deadline).await?;
            }
            match verdict {
                Verdict::Valid(claims) => return Ok(Some(claims)),
                Verdict::Invalid | Verdict::Unknown => return Ok(None),
                Verdict::Unclear(error) => return Err(error.into()),
                Verdict::CredentialRejected if is_last_try => {
                    return Err(Error::CredentialRejected);
                }
                Verdict::Forbidden if is_last_try => return Err(Error::Forbidden(asked_by)),
                Verdict::CredentialRejected => {
                    if let (Some(credential), Some(token)) = (&self.credential, &own_token) {
                        credential.forget(token);
                    }
                }
                Verdict::Forbidden => {}
            }
            is_last_try = true;
        }
    }

    /// Returns whether a token that is unknown is invalid, which it is while the Worker's own token
    /// is valid.
    async fn about_unknown(&self, own_token: &str, deadline: Timestamp) -> Result<Verdict, Error> {
        let answer = self
            .client
            .validate(own_token, own_token, false, deadline)
            .await?;
        Ok(
            match verdict(answer.status, &answer.body, AskedBy::Credential) {
                Verdict::Valid(_) => Verdict::Invalid,
                Verdict::Unknown => Verdict::CredentialRejected,
                other => other,
            },
        )
    }
}
