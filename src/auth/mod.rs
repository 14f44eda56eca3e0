//! Who is asking, and what they may do.

pub mod access_rule;
mod cache;
pub mod keystone;
mod least_recently_used;
pub mod policy;
pub mod token;

use std::rc::Rc;

use thiserror::Error;

use self::cache::Cache;
use self::keystone::{Keystone, Subject};
use self::token::{Claims, Digest, Identity};
use crate::platform::context::Context;
use crate::platform::kv::{self, Kv};
use crate::settings::Settings;
use crate::time::Timestamp;

/// The namespace of embedded tokens in KV. Keystone's outcomes have another one, so that neither
/// way of resolving a token reads what the other wrote.
const EMBEDDED: &str = "token";

/// Why it is not known who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// 401: no, unknown, expired or revoked token, or one that is for something else.
    #[error("the token is not valid")]
    Unauthorized,
    /// 503: it cannot be found out now.
    #[error("the token cannot be checked: {0}")]
    Unavailable(String),
}

/// The request whose token is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// In capitals.
    pub method: &'a str,
    /// As it came, without the query.
    pub path: &'a str,
    /// When it came in.
    pub now: Timestamp,
    /// What goes on after its answer.
    pub context: &'a Context,
}

/// Resolves tokens: this isolate's memory, then whoever decides about them.
#[derive(Debug)]
pub struct Authenticator {
    cache: Cache,
    authority: Authority,
}

/// Who decides about tokens.
#[derive(Debug)]
enum Authority {
    /// KV, where embedded tokens are.
    Embedded(Kv),
    /// A Keystone, with KV as a second cache.
    Keystone(Box<Keystone>),
}

impl Authenticator {
    /// With a Keystone when the settings name one, else for embedded tokens in `tokens`; [`None`]
    /// when these are not to be had.
    #[must_use]
    pub fn new(settings: &Settings, tokens: Option<Kv>) -> Option<Self> {
        let authority = match &settings.keystone {
            Some(keystone) => Authority::Keystone(Box::new(Keystone::new(
                keystone,
                settings.request_deadline_ms,
                tokens,
                settings.token_cache_seconds,
            ))),
            None => Authority::Embedded(tokens?),
        };
        Some(Self {
            cache: Cache::new(settings.token_cache_seconds),
            authority,
        })
    }

    /// Who a token speaks for. What went wrong without changing that goes into `note`.
    ///
    /// K: a service token, when there is one, must be valid as well. That of a service, by its
    /// role, lets a Keystone's user token pass that expired a short while ago, and stands for a
    /// chain of requests that the user's access rules were checked for at its beginning.
    ///
    /// # Errors
    ///
    /// A token is not valid, or that cannot be found out.
    pub async fn identify(
        &self,
        token: &str,
        service_token: Option<&str>,
        asked: &Asked<'_>,
        note: &mut Option<String>,
    ) -> Result<Rc<Identity>, IdentityError> {
        let service_token = service_token.map(stripped);
        let service = match service_token {
            Some(service_token) => Some(self.resolve(service_token, None, asked, note).await?),
            None => None,
        };
        let is_service = service.is_some_and(|identity| identity.is_service);
        let voucher = service_token.filter(|_| is_service);
        let identity = self.resolve(stripped(token), voucher, asked, note).await?;
        if is_service || identity.may_ask(asked.method, asked.path) {
            Ok(identity)
        } else {
            Err(IdentityError::Unauthorized)
        }
    }

    /// Who one token speaks for; `voucher` is the token of a service that vouches for it.
    async fn resolve(
        &self,
        token: &str,
        voucher: Option<&str>,
        asked: &Asked<'_>,
        note: &mut Option<String>,
    ) -> Result<Rc<Identity>, IdentityError> {
        if token.is_empty() {
            return Err(IdentityError::Unauthorized);
        }
        let digest = Digest::of(token);
        if let Some(identity) = self.cache.get(&digest, asked.now)
            && identity.holds(asked.now)
        {
            return Ok(identity);
        }
        match &self.authority {
            Authority::Embedded(tokens) => self.embedded(tokens, digest, asked.now).await,
            Authority::Keystone(_)
                if voucher.is_none() && self.cache.is_invalid(&digest, asked.now) =>
            {
                Err(IdentityError::Unauthorized)
            }
            Authority::Keystone(keystone) => {
                let subject = Subject {
                    token,
                    digest,
                    service_token: voucher,
                };
                keystone.resolve(subject, &self.cache, asked, note).await
            }
        }
    }

    async fn embedded(
        &self,
        tokens: &Kv,
        digest: Digest,
        now: Timestamp,
    ) -> Result<Rc<Identity>, IdentityError> {
        let stored = kv::read(tokens, &digest.kv_key(EMBEDDED))
            .await
            .map_err(|exception| IdentityError::Unavailable(exception.to_string()))?;
        let identity = stored
            .and_then(|text| Claims::parse(&text))
            .map(Claims::identity)
            .filter(|identity| identity.holds(now))
            .map(Rc::new)
            .ok_or(IdentityError::Unauthorized)?;
        let until = self.cache.until(now);
        self.cache.put(digest, Rc::clone(&identity), until);
        Ok(identity)
    }
}

fn stripped(token: &str) -> &str {
    token.trim_matches(|character: char| character.is_ascii_whitespace())
}
