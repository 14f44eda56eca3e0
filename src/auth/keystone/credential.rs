//! The Worker's own token, from an application credential, for a Keystone whose policy lets no token
//! validate itself.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use edge_metadata_core::auth::keystone::{issued, token_request};
use edge_metadata_core::settings::ApplicationCredential;
use edge_metadata_core::timestamp::Timestamp;

use super::client::Client;
use super::error::Error;
use crate::auth::coalesce::{Coalescer, coalesce};
use crate::platform::now;

/// How long before its expiry a token is no longer used.
const EXPIRY_MARGIN: Duration = Duration::from_secs(30);

/// An application credential and the token that was issued for it last. That token is in this
/// isolate's memory and nowhere else.
#[derive(Debug)]
pub(super) struct Credential {
    secret: ApplicationCredential,
    issued: RefCell<Option<OwnToken>>,
    /// All requests that need a token share the request for it.
    calls: Coalescer<(), OwnToken, Error>,
}

/// A token of the Worker's own.
#[derive(Clone)]
pub(super) struct OwnToken {
    token: Rc<str>,
    use_until: Timestamp,
}

impl OwnToken {
    /// Returns the token.
    pub(super) fn as_str(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for OwnToken {
    /// Without the token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OwnToken").finish_non_exhaustive()
    }
}

impl Credential {
    /// Creates the holder of a credential's token; a request waits for another one's for `patience`.
    pub(super) fn new(secret: ApplicationCredential, patience: Duration) -> Self {
        Self {
            secret,
            issued: RefCell::new(None),
            calls: Coalescer::new(patience),
        }
    }

    /// Returns the token that was issued last, else a new one.
    ///
    /// # Errors
    ///
    /// Keystone issues none.
    pub(super) async fn token(
        &self,
        keystone: &Client,
        deadline: Timestamp,
    ) -> Result<OwnToken, Error> {
        let issued = self.issued.borrow().clone();
        if let Some(issued) = issued.filter(|issued| now() < issued.use_until) {
            return Ok(issued);
        }
        let issue = async || self.issue(keystone, deadline).await;
        coalesce(&self.calls, (), deadline, issue)
            .await
            .unwrap_or(Err(Error::TooLate))
    }

    async fn issue(&self, keystone: &Client, deadline: Timestamp) -> Result<OwnToken, Error> {
        let answer = keystone
            .issue(&token_request(&self.secret), deadline)
            .await?;
        let expires_at = issued(answer.status, &answer.body)?;
        let issued = OwnToken {
            token: answer.subject_token.ok_or(Error::NoToken)?.into(),
            use_until: expires_at - EXPIRY_MARGIN,
        };
        self.issued.replace(Some(issued.clone()));
        Ok(issued)
    }

    /// Does not use this token again. Another one, which may have been issued meanwhile, stays.
    pub(super) fn forget(&self, token: &OwnToken) {
        let mut issued = self.issued.borrow_mut();
        if issued
            .as_ref()
            .is_some_and(|issued| Rc::ptr_eq(&issued.token, &token.token))
        {
            *issued = None;
        }
    }
}
