//! The Worker's own token, from an application credential, for a Keystone whose policy lets no token
//! validate itself.

use std::cell::RefCell;

use super::answer;
use super::endpoint::Endpoint;
use crate::json::Object;
use crate::platform::runtime;
use crate::settings::ApplicationCredential;
use crate::time::Timestamp;

/// Milliseconds before its end from which on a token is not used any more.
const MARGIN_MS: i64 = 30_000;

/// An application credential and the token that it was last good for. That token is in this
/// isolate's memory and nowhere else.
#[derive(Debug)]
pub(super) struct Credential {
    secret: ApplicationCredential,
    issued: RefCell<Option<Issued>>,
}

#[derive(Clone)]
struct Issued {
    token: String,
    until: i64,
}

impl std::fmt::Debug for Issued {
    /// Without the token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Issued").finish_non_exhaustive()
    }
}

impl Credential {
    pub(super) fn new(secret: ApplicationCredential) -> Self {
        Self {
            secret,
            issued: RefCell::new(None),
        }
    }

    /// A token of our own: the one that is kept, else a new one.
    ///
    /// # Errors
    ///
    /// Why Keystone gave none.
    pub(super) async fn token(
        &self,
        keystone: &Endpoint,
        until: Timestamp,
    ) -> Result<String, String> {
        let kept = self.issued.borrow().clone();
        if let Some(kept) = kept.filter(|kept| runtime::now().millis() < kept.until) {
            return Ok(kept.token);
        }
        let answer = keystone.authenticate(&self.request(), until).await?;
        let expires_at = answer::issued(answer.status, &answer.body)?;
        let token = answer
            .header("X-Subject-Token")
            .ok_or("Keystone's answer to the application credential has no token")?;
        self.issued.replace(Some(Issued {
            token: token.clone(),
            until: expires_at.millis() - MARGIN_MS,
        }));
        Ok(token)
    }

    /// K: what a token is asked for with.
    fn request(&self) -> String {
        let credential = Object::new()
            .text("id", &self.secret.id)
            .text("secret", &self.secret.secret)
            .end();
        let identity = Object::new()
            .json("methods", "[\"application_credential\"]")
            .json("application_credential", &credential)
            .end();
        let auth = Object::new().json("identity", &identity).end();
        Object::new().json("auth", &auth).end()
    }

    /// Does not use this token again. Another one, which may have been issued meanwhile, stays.
    pub(super) fn forget(&self, token: &str) {
        let mut issued = self.issued.borrow_mut();
        if issued.as_ref().is_some_and(|kept| kept.token == token) {
            *issued = None;
        }
    }
}
