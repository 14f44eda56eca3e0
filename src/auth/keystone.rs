//! Tokens that a Keystone vouches for: what KV remembers of its answers, else Keystone itself.

pub mod answer;
mod credential;
mod endpoint;
mod flight;
pub mod stored;

use std::rc::Rc;

use self::answer::{AskedBy, Verdict, verdict};
use self::credential::Credential;
use self::endpoint::{Endpoint, LATE};
use self::flight::{Flights, Seat};
use self::stored::Stored;
use super::cache::Cache;
use super::token::{Claims, Digest, Identity};
use super::{Asked, IdentityError};
use crate::platform::context::afterwards;
use crate::platform::kv::{self, Kv};
use crate::platform::runtime;
use crate::settings::KeystoneSettings;
use crate::time::Timestamp;

/// The namespace of Keystone's outcomes in KV.
const NAMESPACE: &str = "keystone";

/// Milliseconds that KV may take. It is there to save time.
const KV_PATIENCE_MS: u32 = 300;

/// Milliseconds of Keystone's own deadline that are left to the answer.
const MARGIN_MS: u32 = 100;

/// Longest token that is asked about, in bytes. The longest that Keystone issues have about two
/// thousand, and servers refuse headers much longer than this.
const LONGEST_TOKEN: usize = 4_096;

/// Who a token speaks for, or why that is not known.
type Outcome = Result<Rc<Identity>, IdentityError>;

/// Resolves tokens with a Keystone.
#[derive(Debug)]
pub(super) struct Keystone {
    endpoint: Endpoint,
    credential: Option<Credential>,
    /// A cache, which may be missing, fail or be slow.
    kv: Option<Kv>,
    cache_seconds: u32,
    deadline_ms: u32,
    flights: Flights<Outcome>,
}

/// A token that is asked about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) token: &'a str,
    pub(super) digest: Digest,
    /// The token of a service that vouches for the request: with it, Keystone also shows tokens
    /// that expired a short while ago.
    pub(super) service_token: Option<&'a str>,
}

impl Keystone {
    pub(super) fn new(
        settings: &KeystoneSettings,
        request_deadline_ms: u32,
        kv: Option<Kv>,
        cache_seconds: u32,
    ) -> Self {
        let left_of_the_request = request_deadline_ms.saturating_sub(MARGIN_MS).max(1);
        let deadline_ms = settings.deadline_ms.min(left_of_the_request);
        Self {
            endpoint: Endpoint::new(&settings.url),
            credential: settings.credential.clone().map(Credential::new),
            kv: kv.filter(|_| cache_seconds > 0),
            cache_seconds,
            deadline_ms,
            // Half of it, so that there is time left to ask oneself.
            flights: Flights::new((deadline_ms / 2).max(1)),
        }
    }

    /// When a request that came in at `now` has no more time for Keystone.
    fn deadline(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.millis() + i64::from(self.deadline_ms))
    }

    /// Who the token speaks for: asked once for all requests that want to know it now. With the
    /// cache switched off each of them asks.
    ///
    /// # Errors
    ///
    /// The token is not valid, or that cannot be found out.
    pub(super) async fn resolve(
        &self,
        subject: Subject<'_>,
        cache: &Cache,
        asked: &Asked<'_>,
        note: &mut Option<String>,
    ) -> Outcome {
        if !can_be_a_token(subject.token) {
            return Err(IdentityError::Unauthorized);
        }
        if self.cache_seconds == 0 {
            return self.look_up(subject, cache, asked, note).await;
        }
        let key = (subject.digest, subject.service_token.is_some());
        loop {
            let now = runtime::now();
            if now >= self.deadline(asked.now) {
                return Err(IdentityError::Unavailable(LATE.to_owned()));
            }
            match self.flights.board(key, now) {
                Seat::Pilot(flight) => {
                    let outcome = self.look_up(subject, cache, asked, note).await;
                    self.flights.land(&flight, &outcome);
                    return outcome;
                }
                Seat::Passenger(flight) => {
                    if let Some(outcome) = self.flights.wait(&flight, now).await {
                        return outcome;
                    }
                }
            }
        }
    }

    /// KV, then Keystone. What is found out is remembered.
    async fn look_up(
        &self,
        subject: Subject<'_>,
        cache: &Cache,
        asked: &Asked<'_>,
        note: &mut Option<String>,
    ) -> Outcome {
        if let Some(stored) = self.in_kv(&subject.digest, note).await {
            let identity = Rc::new(stored.claims.identity());
            cache.put(subject.digest, Rc::clone(&identity), stored.until);
            return Ok(identity);
        }
        let claims = match self.ask(subject, self.deadline(asked.now)).await {
            Ok(Some(claims)) => claims,
            Ok(None) => {
                // Nothing is known of a token for which a service vouched in vain.
                if subject.service_token.is_none() {
                    cache.put_invalid(subject.digest, runtime::now());
                }
                return Err(IdentityError::Unauthorized);
            }
            Err(cause) => return Err(IdentityError::Unavailable(cause)),
        };
        let now = runtime::now();
        let holds = now < claims.expires_at;
        if !holds && subject.service_token.is_none() {
            return Err(IdentityError::Unauthorized);
        }
        // One that has expired is asked about each time: how long Keystone lets it pass is its own
        // decision.
        if holds && self.cache_seconds > 0 {
            let stored = Stored::new(claims.clone(), now, self.cache_seconds);
            let identity = Rc::new(claims.identity());
            cache.put(subject.digest, Rc::clone(&identity), stored.until);
            self.write_to_kv(&subject.digest, &stored, now, asked);
            return Ok(identity);
        }
        Ok(Rc::new(claims.identity()))
    }

    /// What KV knows; a KV that fails or is slow knows nothing.
    async fn in_kv(&self, digest: &Digest, note: &mut Option<String>) -> Option<Stored> {
        let kv = self.kv.as_ref()?;
        let key = digest.kv_key(NAMESPACE);
        let text = match runtime::within(KV_PATIENCE_MS, kv::read(kv, &key)).await {
            Some(Ok(text)) => text?,
            Some(Err(exception)) => {
                *note = Some(format!("KV failed, and was skipped: {exception}"));
                return None;
            }
            None => {
                *note = Some("KV was too slow, and was skipped".to_owned());
                return None;
            }
        };
        Stored::parse(&text, runtime::now(), self.cache_seconds)
    }

    /// After the answer; that it fails changes nothing.
    fn write_to_kv(&self, digest: &Digest, stored: &Stored, now: Timestamp, asked: &Asked<'_>) {
        let Some(kv) = &self.kv else {
            return;
        };
        let key = digest.kv_key(NAMESPACE);
        if let Ok(written) = kv::write(kv, &key, &stored.text(), stored.ttl(now)) {
            afterwards(asked.context, &written);
        }
    }

    /// What Keystone says of the token: its claims, or that it is not valid.
    ///
    /// An answer that says nothing about the token, but something about whoever asked, is worth one
    /// more try: our own token may have ended early, and a Keystone was seen to forbid once what it
    /// allowed the next moment.
    ///
    /// # Errors
    ///
    /// Why it says neither.
    async fn ask(&self, subject: Subject<'_>, until: Timestamp) -> Result<Option<Claims>, String> {
        let mut last_try = false;
        loop {
            let own_token = match &self.credential {
                Some(credential) => Some(credential.token(&self.endpoint, until).await?),
                None => None,
            };
            let (authentication, asked_by) = match (&own_token, subject.service_token) {
                (Some(own), _) => (own.as_str(), AskedBy::Credential),
                (None, Some(service)) => (service, AskedBy::ServiceToken),
                (None, None) => (subject.token, AskedBy::Subject),
            };
            let allow_expired = subject.service_token.is_some();
            let answer = self
                .endpoint
                .validate(subject.token, authentication, allow_expired, until)
                .await?;
            let mut verdict = verdict(answer.status, &answer.body, asked_by);
            if verdict == Verdict::Unknown {
                let about_us = self
                    .endpoint
                    .validate(authentication, authentication, false, until)
                    .await?;
                verdict = if about_us.status == 200 {
                    Verdict::Invalid
                } else {
                    Verdict::CredentialRejected
                };
            }
            match verdict {
                Verdict::Valid(claims) => return Ok(Some(claims)),
                Verdict::Invalid | Verdict::Unknown => return Ok(None),
                Verdict::Unclear(cause) => return Err(cause),
                Verdict::CredentialRejected if last_try => {
                    return Err("Keystone rejects the token that it issued to \
                        KEYSTONE_APPLICATION_CREDENTIAL_ID"
                        .to_owned());
                }
                Verdict::Forbidden if last_try => return Err(forbidden(asked_by).to_owned()),
                Verdict::CredentialRejected => {
                    if let (Some(credential), Some(token)) = (&self.credential, &own_token) {
                        credential.forget(token);
                    }
                }
                Verdict::Forbidden => {}
            }
            last_try = true;
        }
    }
}

/// What an operator can do about a Keystone that forbids to ask.
fn forbidden(asked_by: AskedBy) -> &'static str {
    match asked_by {
        AskedBy::Subject => {
            "Keystone's policy does not let this token validate itself, as it never lets one of a \
             trust that impersonates: set \
             KEYSTONE_APPLICATION_CREDENTIAL_ID and KEYSTONE_APPLICATION_CREDENTIAL_SECRET"
        }
        AskedBy::ServiceToken => {
            "Keystone's policy lets no service validate tokens: set \
             KEYSTONE_APPLICATION_CREDENTIAL_ID and KEYSTONE_APPLICATION_CREDENTIAL_SECRET"
        }
        AskedBy::Credential => {
            "Keystone's policy does not let KEYSTONE_APPLICATION_CREDENTIAL_ID validate tokens: \
             it needs the role service or admin"
        }
    }
}

/// Whether it is worth asking: what could not be sent in a header is no token.
fn can_be_a_token(token: &str) -> bool {
    token.len() <= LONGEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic())
}
