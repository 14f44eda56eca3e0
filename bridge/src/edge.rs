//! What is asked of the edge: its registry.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::cloud::{OpenStack, SessionError};
use crate::registry::{ChangesPage, Document, Feed, FeedBody, Record, ResourcePage};
use crate::resource::{Kind, Resource};

/// Why the edge did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// It could not be reached, or did not answer in time.
    #[error("{request}: {reason}")]
    Unreachable {
        /// Method and path.
        request: String,
        /// What went wrong.
        reason: String,
    },
    /// It answered with a status that says nothing about what was sent.
    #[error("{request} answered {status}: {message}")]
    Status {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
        /// The message of the fault.
        message: String,
    },
    /// It refuses this document, however often it is sent.
    #[error("{request} is refused with {status}: {message}")]
    Rejected {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
        /// The message of the fault.
        message: String,
    },
    /// It answered with success and a body that cannot be read.
    #[error("{request} answered with a body that cannot be read: {reason}")]
    Body {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no token to show.
    #[error("no token for the edge: {0}")]
    Token(#[from] SessionError),
}

/// What became of a document that was sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// The edge has it, and shows its record.
    Record(Box<Record>),
    /// The edge knows something later, namely that the resource was deleted.
    Stale,
}

/// What is asked of an edge.
pub trait Edge: Send + Sync + 'static {
    /// The record of a resource, with its marks; [`None`] when the edge does not have it.
    ///
    /// # Errors
    ///
    /// The edge could not be asked.
    fn show(
        &self,
        resource: Resource,
    ) -> impl Future<Output = Result<Option<Record>, EdgeError>> + Send;

    /// Registers what the cloud says, and takes the marks off that are done with.
    ///
    /// # Errors
    ///
    /// The edge could not be asked, or refuses the document.
    fn register(
        &self,
        resource: Resource,
        document: &Document,
        observed_at: DateTime<Utc>,
        applied: &BTreeMap<String, u64>,
    ) -> impl Future<Output = Result<Stored, EdgeError>> + Send;

    /// Deletes a resource that the cloud no longer has. One that the edge does not have either is fine.
    ///
    /// # Errors
    ///
    /// The edge could not be asked.
    fn remove(
        &self,
        resource: Resource,
        observed_at: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), EdgeError>> + Send;

    /// A page of the resources that have marks, the oldest first.
    ///
    /// # Errors
    ///
    /// The edge could not be asked.
    fn changes(
        &self,
        next: Option<&str>,
    ) -> impl Future<Output = Result<ChangesPage, EdgeError>> + Send;

    /// A page of what the edge has of a project.
    ///
    /// # Errors
    ///
    /// The edge could not be asked.
    fn list(
        &self,
        kind: Kind,
        project: &str,
        marker: Option<&str>,
    ) -> impl Future<Output = Result<ResourcePage, EdgeError>> + Send;

    /// Reports the last good round.
    ///
    /// # Errors
    ///
    /// The edge could not be asked.
    fn report(
        &self,
        observed_at: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), EdgeError>> + Send;
}

/// Where the token for the edge comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// A token of its own.
    Fixed(SecretString),
    /// The token of the session with Keystone.
    Session(Arc<OpenStack>),
}

/// The edge over HTTPS.
pub struct EdgeClient {
    http: reqwest::Client,
    origin: Url,
    tokens: TokenSource,
}

impl EdgeClient {
    /// Entries of a page.
    const PAGE: usize = 100;

    /// Makes a client for the Worker at `origin`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The system's certificates cannot be read.
    pub fn new(
        origin: Url,
        tokens: TokenSource,
        timeout: Duration,
    ) -> Result<Self, reqwest::Error> {
        const CONNECTING: Duration = Duration::from_secs(5);
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECTING)
            .user_agent(concat!("edge-metadata-bridge/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            origin,
            tokens,
        })
    }

    async fn token(&self) -> Option<SecretString> {
        match &self.tokens {
            TokenSource::Fixed(token) => Some(token.clone()),
            TokenSource::Session(session) => session.token().await,
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Answer, EdgeError> {
        let token = self.token().await;
        let answer = self.send(&method, path, body, token.as_ref()).await?;
        let TokenSource::Session(session) = &self.tokens else {
            return Ok(answer);
        };
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        session.renew(token.as_ref()).await?;
        let token = self.token().await;
        self.send(&method, path, body, token.as_ref()).await
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        token: Option<&SecretString>,
    ) -> Result<Answer, EdgeError> {
        let base = self.origin.as_str().trim_end_matches('/');
        let mut request = self.http.request(method.clone(), format!("{base}{path}"));
        if let Some(token) = token {
            request = request.header("X-Auth-Token", token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let name = format!("{method} {path}");
        let unreachable = |error: reqwest::Error| EdgeError::Unreachable {
            request: name.clone(),
            reason: chain(&error.without_url()),
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let limited = answer.headers().contains_key("retry-after");
        let body = answer.bytes().await.map_err(unreachable)?.to_vec();
        Ok(Answer {
            request: name,
            status,
            limited,
            body,
        })
    }
}

/// An error with what caused it: reqwest's own text leaves that out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

const NOTHING: Option<&()> = None;

struct Answer {
    request: String,
    status: StatusCode,
    limited: bool,
    body: Vec<u8>,
}

impl Answer {
    fn read<T: DeserializeOwned>(&self) -> Result<T, EdgeError> {
        serde_json::from_slice(&self.body).map_err(|error| EdgeError::Body {
            request: self.request.clone(),
            reason: error.to_string(),
        })
    }

    /// What the fault says; [`None`] when the body is no fault of the Worker's.
    fn message(&self) -> Option<String> {
        let fault = serde_json::from_slice::<Value>(&self.body).ok()?;
        fault
            .as_object()?
            .values()
            .find_map(|inner| inner.get("message")?.as_str())
            .map(str::to_owned)
    }

    /// Whether it is the resource that is not there. A wrong address is 404 as well, with another message.
    fn is_gone(&self) -> bool {
        let unknown_path = "The resource could not be found.";
        self.status == StatusCode::NOT_FOUND
            && self
                .message()
                .is_some_and(|message| message != unknown_path)
    }

    fn error(self) -> EdgeError {
        let message = self
            .message()
            .unwrap_or_else(|| "no fault in the body".to_owned());
        let (request, status) = (self.request, self.status.as_u16());
        // P: a document that is malformed or too large stays so; a 413 with Retry-After is a rate limit.
        if status == 400 || status == 413 && !self.limited {
            EdgeError::Rejected {
                request,
                status,
                message,
            }
        } else {
            EdgeError::Status {
                request,
                status,
                message,
            }
        }
    }
}

fn path(resource: Resource) -> String {
    format!("/registry/{}/{}", resource.kind.plural(), resource.id)
}

fn marker_parameter(marker: &str) -> String {
    format!("&marker={}", utf8_percent_encode(marker, NON_ALPHANUMERIC))
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Edge for EdgeClient {
    async fn show(&self, resource: Resource) -> Result<Option<Record>, EdgeError> {
        let answer = self.ask(Method::GET, &path(resource), NOTHING).await?;
        match answer.status {
            StatusCode::OK => answer.read().map(Some),
            _ if answer.is_gone() => Ok(None),
            _ => Err(answer.error()),
        }
    }

    async fn register(
        &self,
        resource: Resource,
        document: &Document,
        observed_at: DateTime<Utc>,
        applied: &BTreeMap<String, u64>,
    ) -> Result<Stored, EdgeError> {
        let body = document.registration(observed_at, applied);
        let answer = self.ask(Method::PUT, &path(resource), Some(&body)).await?;
        match answer.status {
            StatusCode::OK | StatusCode::CREATED => {
                answer.read().map(|record| Stored::Record(Box::new(record)))
            }
            _ if answer.is_gone() => Ok(Stored::Stale),
            _ => Err(answer.error()),
        }
    }

    async fn remove(
        &self,
        resource: Resource,
        observed_at: DateTime<Utc>,
    ) -> Result<(), EdgeError> {
        let path = format!("{}?observed_at={}", path(resource), rfc3339(observed_at));
        let answer = self.ask(Method::DELETE, &path, NOTHING).await?;
        match answer.status {
            StatusCode::NO_CONTENT => Ok(()),
            _ if answer.is_gone() => Ok(()),
            _ => Err(answer.error()),
        }
    }

    async fn changes(&self, next: Option<&str>) -> Result<ChangesPage, EdgeError> {
        let marker = next.map(marker_parameter).unwrap_or_default();
        let path = format!("/registry/changes?limit={}{marker}", Self::PAGE);
        let answer = self.ask(Method::GET, &path, NOTHING).await?;
        match answer.status {
            StatusCode::OK => answer.read(),
            _ => Err(answer.error()),
        }
    }

    async fn list(
        &self,
        kind: Kind,
        project: &str,
        marker: Option<&str>,
    ) -> Result<ResourcePage, EdgeError> {
        let marker = marker.map(marker_parameter).unwrap_or_default();
        let path = format!(
            "/registry/{}?project_id={project}&limit={}{marker}",
            kind.plural(),
            Self::PAGE
        );
        let answer = self.ask(Method::GET, &path, NOTHING).await?;
        match answer.status {
            StatusCode::OK => answer.read(),
            _ => Err(answer.error()),
        }
    }

    async fn report(&self, observed_at: DateTime<Utc>) -> Result<(), EdgeError> {
        let body = FeedBody {
            feed: Feed { observed_at },
        };
        let answer = self.ask(Method::PUT, "/registry/feed", Some(&body)).await?;
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::OK => Ok(()),
            _ => Err(answer.error()),
        }
    }
}
