//! What is asked of the edge: its registry.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use edge_metadata_core::registry::{self, Registration};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::cloud::{OpenStack, SessionError};
use crate::fault::Fault;
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
    /// It keeps no changes for the cloud: its setting `CHANGES`.
    #[error("{request} answered 404: {message}")]
    NoChanges {
        /// Method and path.
        request: String,
        /// The message of the fault.
        message: String,
    },
    /// It takes the time of an observation for one in the future.
    #[error("{request} answered 400: is this machine's clock ahead? {message}")]
    Clock {
        /// Method and path.
        request: String,
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

    /// Takes the marks off that are done with, and leaves the rest of the record as it is.
    ///
    /// # Errors
    ///
    /// The edge could not be asked, or refuses it.
    fn acknowledge(
        &self,
        resource: Resource,
        applied: &BTreeMap<String, u64>,
    ) -> impl Future<Output = Result<(), EdgeError>> + Send;

    /// Deletes a resource that the cloud no longer has. One that the edge does not have either is fine; one that it
    /// observed later stays.
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

    /// What the Worker's fault says; [`None`] for the answer of something in between.
    fn fault(&self) -> Option<String> {
        Some(Fault::read(self.status.as_u16(), &self.body)?.message)
    }

    /// Whether it is the resource that is not there. A wrong address is 404 as well, with another message.
    fn is_gone(&self) -> bool {
        let unknown_path = "The resource could not be found.";
        self.status == StatusCode::NOT_FOUND
            && self.fault().is_some_and(|message| message != unknown_path)
    }

    /// Why there is no list of changes. Whatever else is at a wrong address answers 404 as well, without a fault.
    fn no_changes(self) -> EdgeError {
        match self.fault() {
            Some(message) if self.status == StatusCode::NOT_FOUND => EdgeError::NoChanges {
                request: self.request,
                message,
            },
            _ => self.error(),
        }
    }

    fn error(self) -> EdgeError {
        let fault = self.fault();
        let (request, status) = (self.request, self.status.as_u16());
        match (fault, status) {
            (Some(message), 400) if names_observed_at(&message) => {
                EdgeError::Clock { request, message }
            }
            // P: a document that is malformed or too large stays so; a 413 with Retry-After is a rate limit.
            (Some(message), 400 | 413) if status == 400 || !self.limited => EdgeError::Rejected {
                request,
                status,
                message,
            },
            (fault, _) => EdgeError::Status {
                request,
                status,
                message: fault.unwrap_or_else(|| "no fault in the body".to_owned()),
            },
        }
    }
}

/// Whether a fault is about the time of an observation, which is well-formed: it is too far in the future.
fn names_observed_at(message: &str) -> bool {
    ["", "server.", "image.", "feed."]
        .iter()
        .any(|path| message.starts_with(&format!("Invalid input for field '{path}observed_at'")))
}

/// The document that ends marks. A field that it lacks keeps its value at the edge.
fn acknowledgement(kind: Kind, applied: &BTreeMap<String, u64>) -> registry::Document {
    let applied = Some(applied.clone());
    match kind {
        Kind::Server => registry::Document::Server(Registration {
            applied,
            ..Registration::default()
        }),
        Kind::Image => registry::Document::Image(Registration {
            applied,
            ..Registration::default()
        }),
    }
}

fn path(resource: Resource) -> String {
    format!("/registry/{}/{}", resource.kind.plural(), resource.id)
}

fn marker_parameter(marker: &str) -> String {
    format!("&marker={}", utf8_percent_encode(marker, NON_ALPHANUMERIC))
}

/// Glance takes any text for the owner of an image.
fn list_path(kind: Kind, project: &str, marker: Option<&str>) -> String {
    format!(
        "/registry/{}?project_id={}&limit={}{}",
        kind.plural(),
        utf8_percent_encode(project, NON_ALPHANUMERIC),
        EdgeClient::PAGE,
        marker.map(marker_parameter).unwrap_or_default()
    )
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

    async fn acknowledge(
        &self,
        resource: Resource,
        applied: &BTreeMap<String, u64>,
    ) -> Result<(), EdgeError> {
        let body = acknowledgement(resource.kind, applied);
        let answer = self.ask(Method::PUT, &path(resource), Some(&body)).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
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
            _ => Err(answer.no_changes()),
        }
    }

    async fn list(
        &self,
        kind: Kind,
        project: &str,
        marker: Option<&str>,
    ) -> Result<ResourcePage, EdgeError> {
        let path = list_path(kind, project, marker);
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

#[cfg(test)]
mod tests {
    use edge_metadata_core::http::fault::Fault;
    use edge_metadata_core::registry::InvalidField;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_workers_own_404_says_that_it_keeps_no_changes() {
        let fault = |status: u16| {
            json!({"itemNotFound": {"message": "The resource could not be found.", "code": status}})
                .to_string()
        };
        assert!(matches!(
            answer(404, &fault(404)).no_changes(),
            EdgeError::NoChanges { .. }
        ));
        for (status, body) in [(404, "<html>404</html>".to_owned()), (503, fault(503))] {
            assert!(matches!(
                answer(status, &body).no_changes(),
                EdgeError::Status { .. }
            ));
        }
    }

    #[test]
    fn a_project_of_any_text_is_one_parameter() {
        assert_eq!(
            list_path(Kind::Image, "a&b", Some("7")),
            "/registry/images?project_id=a%26b&limit=100&marker=7"
        );
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            request: "PUT /registry/servers/x".into(),
            status: StatusCode::from_u16(status).unwrap(),
            limited: false,
            body: body.into(),
        }
    }

    fn error(fault: &Fault) -> EdgeError {
        answer(fault.status(), &fault.body()).error()
    }

    fn invalid(field: &str) -> Fault {
        InvalidField::new(field, "must be at most 5 minutes in the future").into()
    }

    #[test]
    fn a_document_is_rejected_by_a_fault_of_the_edges_own() {
        for fault in [
            invalid("server.name"),
            invalid("server.metadata.observed_at"),
            Fault::TooLarge(1),
        ] {
            let error = error(&fault);
            assert!(matches!(error, EdgeError::Rejected { .. }), "{error}");
        }
    }

    #[test]
    fn a_clock_that_is_ahead_rejects_no_document() {
        for field in ["server", "image", "feed"] {
            let error = error(&invalid(&format!("{field}.observed_at")));
            assert!(matches!(error, EdgeError::Clock { .. }), "{error}");
            assert!(error.to_string().contains("this machine's clock"));
        }
        let deletion = error(&invalid("observed_at"));
        assert!(matches!(deletion, EdgeError::Clock { .. }), "{deletion}");
    }

    #[test]
    fn the_answer_of_something_in_between_says_nothing_about_a_document() {
        for body in [
            "",
            "<html>400 Bad Request</html>",
            r#"{"error": {"message": "blocked"}}"#,
            r#"{"badRequest": {"message": "blocked", "code": 1015}}"#,
            r#"{"message": "blocked", "code": 400}"#,
        ] {
            for status in [400, 413] {
                let error = answer(status, body).error();
                assert!(matches!(error, EdgeError::Status { .. }), "{body}");
            }
            assert!(!answer(404, body).is_gone(), "{body}");
        }
    }

    #[test]
    fn a_rate_limit_rejects_no_document() {
        let fault = Fault::RateLimited {
            retry_after: 1,
            status: 413,
        };
        let limited = Answer {
            limited: true,
            ..answer(413, &fault.body())
        };
        assert!(matches!(limited.error(), EdgeError::Status { .. }));
    }

    #[test]
    fn marks_are_ended_by_a_document_without_any_other_field() {
        let applied = BTreeMap::from([("k".to_owned(), 3)]);
        for kind in Kind::ALL {
            let body = serde_json::to_value(acknowledgement(kind, &applied)).unwrap();
            assert_eq!(body, json!({kind.singular(): {"applied": {"k": 3}}}));
        }
    }

    #[test]
    fn a_resource_is_gone_when_its_fault_is_not_that_of_an_unknown_path() {
        let gone = |fault: &Fault| answer(fault.status(), &fault.body()).is_gone();
        assert!(gone(&Fault::ServerNotFound("x".into())));
        assert!(gone(&Fault::ImageNotFound));
        assert!(!gone(&Fault::NotFound));
    }
}
