//! The requests that are made of Keystone.

use edge_metadata_core::auth::keystone::tokens_url;
use edge_metadata_core::timestamp::Timestamp;
use wasm_bindgen::JsValue;
use worker::{
    AbortController, AbortSignal, CacheMode, Fetch, Headers, Method, Request, RequestInit,
    RequestRedirect, ResponseBody,
};

use super::error::{BODY_LIMIT, Error};
use crate::body::{self, BodyError};
use crate::platform::{now, timeout};

/// A Keystone.
#[derive(Debug)]
pub(super) struct Client {
    /// `{KEYSTONE_URL}/v3/auth/tokens`
    url: String,
}

/// What is sent. Each header's value is visible ASCII.
struct Call<'a> {
    method: Method,
    url: &'a str,
    headers: &'a [(&'static str, &'a str)],
    body: Option<&'a str>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// The header with a token that was issued.
    pub(super) subject_token: Option<String>,
}

/// Why a try has no answer.
enum TryError {
    /// None began: nobody was reached, or the connection was closed again.
    NotBegun(worker::Error),
    Failed(Error),
}

impl From<worker::Error> for TryError {
    fn from(error: worker::Error) -> Self {
        Self::Failed(Error::Unreachable(error.to_string()))
    }
}

impl Client {
    /// Creates a client of the Keystone at `KEYSTONE_URL`.
    pub(super) fn new(keystone_url: &str) -> Self {
        Self {
            url: tokens_url(keystone_url),
        }
    }

    /// Returns the URL that is asked.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks about a token; with `allow_expired` also about one that expired a short while ago, which
    /// Keystone shows to services only.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub(super) async fn validate(
        &self,
        subject: &str,
        authentication: &str,
        allow_expired: bool,
        deadline: Timestamp,
    ) -> Result<Answer, Error> {
        let allow_expired = if allow_expired {
            "&allow_expired=1"
        } else {
            ""
        };
        let call = Call {
            method: Method::Get,
            url: &format!("{}?nocatalog{allow_expired}", self.url),
            headers: &[
                ("Accept", "application/json"),
                ("X-Auth-Token", authentication),
                ("X-Subject-Token", subject),
                // K: without it Keystone does not show a token that has access rules, because
                // whoever asks would not check them.
                ("OpenStack-Identity-Access-Rules", "1"),
            ],
            body: None,
        };
        send(&call, deadline).await
    }

    /// Asks for a token.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub(super) async fn issue(&self, body: &str, deadline: Timestamp) -> Result<Answer, Error> {
        let call = Call {
            method: Method::Post,
            url: &format!("{}?nocatalog", self.url),
            headers: &[
                ("Accept", "application/json"),
                ("Content-Type", "application/json"),
            ],
            body: Some(body),
        };
        send(&call, deadline).await
    }
}

/// Sends, and sends once more when no answer begins: that is how a connection looks that was kept
/// for the next request and that Keystone closed meanwhile. Both kinds of request may be repeated.
async fn send(call: &Call<'_>, deadline: Timestamp) -> Result<Answer, Error> {
    let mut is_last_try = false;
    loop {
        let left = (deadline - now()).to_std().unwrap_or_default();
        let controller = AbortController::default();
        let answer = timeout(left, try_once(call, &controller.signal())).await;
        let error = match answer {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(error)) => error,
            None => TryError::Failed(Error::TooLate),
        };
        // What is left of the answer is not read.
        controller.abort();
        match error {
            TryError::NotBegun(_) if !is_last_try => is_last_try = true,
            TryError::NotBegun(error) => return Err(Error::Unreachable(error.to_string())),
            TryError::Failed(error) => return Err(error),
        }
    }
}

async fn try_once(call: &Call<'_>, signal: &AbortSignal) -> Result<Answer, TryError> {
    let request = Fetch::Request(request(call)?);
    let response = request
        .send_with_signal(signal)
        .await
        .map_err(TryError::NotBegun)?;
    let body = match response.body() {
        ResponseBody::Empty => Vec::new(),
        ResponseBody::Body(bytes) => bytes.clone(),
        ResponseBody::Stream(stream) => {
            body::read(stream, BODY_LIMIT)
                .await
                .map_err(|error| match error {
                    BodyError::TooLong => TryError::Failed(Error::TooLarge),
                    BodyError::Broken(error) => error.into(),
                })?
        }
    };
    Ok(Answer {
        status: response.status_code(),
        body,
        subject_token: response.headers().get("X-Subject-Token")?,
    })
}

fn request(call: &Call<'_>) -> worker::Result<Request> {
    let headers = Headers::new();
    for (name, value) in call.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(call.method.clone())
        .with_headers(headers)
        // A token is for the server that was named, and for no other.
        .with_redirect(RequestRedirect::Manual)
        // An answer depends on headers that no cache on the way knows of.
        .with_cache(CacheMode::NoStore)
        .with_body(call.body.map(JsValue::from_str));
    Request::new_with_init(call.url, &init)
}
