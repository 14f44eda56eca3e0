//! Who is asking, with I/O: this isolate's memory, then KV for embedded tokens, or KV and Keystone.

mod coalesce;
mod embedded;
mod error;
mod keystone;
mod kv;
mod subject;

use std::rc::Rc;
use std::time::Duration;

use edge_metadata_core::auth::{Identity, IdentityCache, TokenDigest};
use edge_metadata_core::settings::Settings;
use edge_metadata_core::timestamp::Timestamp;
use worker::KvStore;

use self::coalesce::{Coalescer, coalesce};
use self::embedded::EmbeddedTokens;
use self::keystone::Keystone;
use self::subject::{Resolved, Subject};
use crate::context::{RequestContext, TokenSource};
use crate::platform::now;

pub(crate) use self::error::AuthError;

/// The share of a request's time that is left to the answer that says what took too long: a tenth,
/// and no more than this.
const MAX_ANSWER_MARGIN: Duration = Duration::from_millis(100);

/// Resolves tokens, for all requests of an isolate.
#[derive(Debug)]
pub(crate) struct Authenticator {
    cache: IdentityCache,
    /// What is not remembered is not shared between requests either.
    is_caching: bool,
    /// How long the authority may take for one request.
    limit: Duration,
    /// By the token and by that of the service that vouches for it, which Keystone may reject.
    calls: Coalescer<(TokenDigest, Option<TokenDigest>), Resolved, AuthError>,
    authority: Authority,
}

/// Who decides about tokens.
#[derive(Debug)]
enum Authority {
    /// The KV namespace that holds the embedded tokens.
    Embedded(EmbeddedTokens),
    /// A Keystone, with KV as a second cache.
    Keystone(Box<Keystone>),
}

impl Authenticator {
    /// Creates an authenticator for the Keystone that the settings name, else for the embedded
    /// tokens in `kv`. Returns [`None`] when there is neither.
    #[must_use]
    pub(crate) fn new(settings: &Settings, kv: Option<KvStore>) -> Option<Self> {
        let ttl = Duration::from_secs(settings.token_cache_seconds.into());
        let request = Duration::from_millis(settings.request_deadline_ms.into());
        let mut limit = request.saturating_sub(MAX_ANSWER_MARGIN.min(request / 10));
        let authority = match &settings.keystone {
            Some(keystone) => {
                limit = limit.min(Duration::from_millis(keystone.deadline_ms.into()));
                Authority::Keystone(Box::new(Keystone::new(keystone, kv, ttl, limit / 2)))
            }
            None => Authority::Embedded(EmbeddedTokens::new(kv?, ttl)),
        };
        Some(Self {
            cache: IdentityCache::new(ttl),
            is_caching: !ttl.is_zero(),
            limit,
            // So that there is as much time left to ask without the leader.
            calls: Coalescer::new(limit / 2),
            authority,
        })
    }

    /// Returns who is asking.
    ///
    /// K: white space around a token is stripped. A service token that is there and not empty must
    /// be valid as well. One whose role is `service` lets a user's token pass that Keystone still
    /// shows although it has expired, and stands for a chain of requests whose first one was checked
    /// against the user's access rules. P: its own access rules must allow the request, else it is
    /// only valid.
    ///
    /// # Errors
    ///
    /// A token is not valid, is not for this request, or cannot be checked now.
    pub(crate) async fn authenticate(
        &self,
        token: &str,
        service_token: Option<&str>,
        context: &RequestContext,
    ) -> Result<Rc<Identity>, AuthError> {
        let token = token.trim_ascii();
        let service_token = service_token
            .map(str::trim_ascii)
            .filter(|token| !token.is_empty());
        // Both before the authority is asked about either.
        let may_be_token = |token: &str| self.authority.may_have_issued(token);
        if !may_be_token(token) || service_token.is_some_and(|token| !may_be_token(token)) {
            return Err(AuthError::Unauthorized);
        }
        let head = &context.head;
        let may_request = |identity: &Identity| identity.may_request(&head.method, &head.path);
        let is_service = match service_token {
            Some(service_token) => {
                let service = self.resolve(service_token, None, context).await?;
                service.is_service && may_request(&service)
            }
            None => false,
        };
        let voucher = service_token.filter(|_| is_service);
        let identity = self.resolve(token, voucher, context).await?;
        if is_service || may_request(&identity) {
            Ok(identity)
        } else {
            Err(AuthError::Unauthorized)
        }
    }

    /// Returns who one token speaks for, which the authority may have issued: what is remembered of
    /// it, else what the authority says.
    async fn resolve(
        &self,
        token: &str,
        service_token: Option<&str>,
        context: &RequestContext,
    ) -> Result<Rc<Identity>, AuthError> {
        let subject = Subject {
            token,
            digest: TokenDigest::of(token),
            service_token: service_token.filter(|_| self.authority.heeds_services()),
        };
        context.set_token_source(TokenSource::Memory);
        if let Some(identity) = self.cache.get(&subject.digest, context.received_at) {
            return Ok(identity);
        }
        if subject.service_token.is_none()
            && self.cache.is_invalid(&subject.digest, context.received_at)
        {
            return Err(AuthError::Unauthorized);
        }
        let deadline = context.received_at + self.limit;
        let look_up = async || self.look_up(subject, deadline, context).await;
        let resolved = if self.is_caching {
            let key = (subject.digest, subject.service_token.map(TokenDigest::of));
            coalesce(&self.calls, key, deadline, look_up)
                .await
                .unwrap_or_else(|| Err(self.authority.too_late()))?
        } else {
            look_up().await?
        };
        context.set_token_source(resolved.source);
        Ok(resolved.identity)
    }

    /// Asks the authority, and remembers what it says.
    async fn look_up(
        &self,
        subject: Subject<'_>,
        deadline: Timestamp,
        context: &RequestContext,
    ) -> Result<Resolved, AuthError> {
        let outcome = match &self.authority {
            Authority::Embedded(tokens) => tokens.look_up(&subject.digest, deadline, context).await,
            Authority::Keystone(keystone) => keystone.look_up(subject, deadline, context).await,
        };
        match &outcome {
            Ok(resolved) => {
                let identity = Rc::clone(&resolved.identity);
                self.cache.insert(subject.digest, identity, resolved.until);
            }
            // With a service that vouches for it, another question was answered.
            Err(AuthError::Unauthorized) if subject.service_token.is_none() => {
                self.cache.insert_invalid(subject.digest, now());
            }
            Err(_) => {}
        }
        outcome
    }
}

impl Authority {
    /// Returns whether this could be a token, so that it is worth asking.
    fn may_have_issued(&self, token: &str) -> bool {
        match self {
            Self::Embedded(_) => !token.is_empty(),
            Self::Keystone(_) => keystone::may_be_token(token),
        }
    }

    /// Returns whether a service that vouches for a token makes a difference.
    fn heeds_services(&self) -> bool {
        matches!(self, Self::Keystone(_))
    }

    /// Returns the error for an authority that has not answered when its deadline passes.
    fn too_late(&self) -> AuthError {
        match self {
            Self::Embedded(_) => kv::Error::TooLate.into(),
            Self::Keystone(keystone) => keystone.unavailable(&keystone::Error::TooLate),
        }
    }
}
