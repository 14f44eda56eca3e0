//! A session with Keystone, and requests to the services of its catalog.
//!
//! Two things are done by hand here, because `openstack_sdk` does them otherwise. Requests go to addresses
//! that are put together from the catalog, so that neither version discovery nor its loss at a renewal
//! matters. And a session whose token is no longer valid is replaced by a new one, whose roles are looked at
//! before it is used.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::HeaderValue;
use openstack_sdk::AsyncOpenStack;
use openstack_sdk::api::{AsyncClient, RestClient};
use openstack_sdk::config::{CloudConfig, ConfigFile};
use openstack_sdk::types::ServiceType;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, RwLock};
use url::Url;

use super::error::{CloudError, SessionError};
use super::{Cloud, CloudPage, Taken};
use crate::pages::next_marker;
use crate::registry::{Document, Link};
use crate::resource::{Kind, Resource};

/// The plugins register themselves where they are linked in, and only what is named is linked in.
static PLUGINS: [&(dyn openstack_sdk_auth_core::OpenStackAuthType + Sync); 2] = [
    &openstack_sdk_auth_password::ANCHOR,
    &openstack_sdk_auth_applicationcredential::ANCHOR,
];

/// Everything but what a path may hold unescaped.
pub(super) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The role that lets Nova and Glance show other projects' servers and images.
const ROLE: &str = "admin";

/// Where the cloud is, and who asks.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// A cloud of clouds.yaml; without it the `OS_*` variables decide.
    pub cloud: Option<String>,
    /// A clouds.yaml besides those that are always looked for.
    pub clouds_file: Option<PathBuf>,
    /// In place of the catalog's compute endpoint.
    pub compute: Option<String>,
    /// In place of the catalog's image endpoint.
    pub image: Option<String>,
    /// The edge, which is none of these.
    pub edge: Url,
    /// How long a request may take, and the connection to Keystone.
    pub timeout: Duration,
}

/// A cloud: Nova, Glance and Keystone, as one user sees them.
pub struct OpenStack {
    endpoints: Endpoints,
    config: CloudConfig,
    session: RwLock<Arc<AsyncOpenStack>>,
    renewal: Mutex<()>,
    /// Whether the session's token has lost the role.
    demoted: AtomicBool,
    /// Members of Nova's documents that the edge shall show.
    pub(super) attributes: Vec<String>,
}

/// An answer of a service.
#[derive(Debug)]
pub(super) struct Answer {
    /// Method and path, for messages.
    pub(super) request: String,
    pub(super) status: u16,
    pub(super) retry_after: bool,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Reads the body, which is JSON.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, CloudError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(error.to_string()))
    }

    pub(super) fn unreadable(&self, reason: String) -> CloudError {
        CloudError::Body {
            request: self.request.clone(),
            reason,
        }
    }

    pub(super) fn error(&self) -> CloudError {
        CloudError::Status {
            request: self.request.clone(),
            status: self.status,
            message: self.message(),
        }
    }

    /// What the fault says: Nova wraps it in JSON, Glance in HTML.
    pub(super) fn message(&self) -> String {
        const LONGEST: usize = 300;
        let fault = serde_json::from_slice::<Value>(&self.body).ok();
        let message = fault.as_ref().and_then(|fault| {
            fault
                .as_object()?
                .values()
                .find_map(|inner| inner.get("message")?.as_str())
                .map(str::to_owned)
        });
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        message.chars().take(LONGEST).collect()
    }
}

impl OpenStack {
    /// Reads the configuration of the cloud and connects to its Keystone.
    ///
    /// # Errors
    ///
    /// The configuration is missing or wrong, Keystone cannot be reached or refuses, or an endpoint is the edge's.
    pub async fn connect(
        endpoints: Endpoints,
        attributes: Vec<String>,
    ) -> Result<Self, SessionError> {
        let config = cloud_config(&endpoints)?;
        let session = connect(&config, endpoints.timeout).await?;
        for (service, base) in [
            (ServiceType::Compute, &endpoints.compute),
            (ServiceType::Image, &endpoints.image),
        ] {
            match base_url(&session, &service, base.as_deref(), &endpoints.edge).await {
                // Glance may come later, and a cloud may have none.
                Ok(_) | Err(SessionError::NoService(..)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            endpoints,
            config,
            session: RwLock::new(Arc::new(session)),
            renewal: Mutex::new(()),
            demoted: AtomicBool::new(false),
            attributes,
        })
    }

    /// The token of the session, for an edge that asks the same Keystone.
    pub async fn token(&self) -> Option<SecretString> {
        self.session.read().await.get_auth_token()
    }

    /// Replaces the session, unless another task has done so since `seen` was the token.
    ///
    /// # Errors
    ///
    /// Keystone cannot be reached or refuses.
    pub async fn renew(&self, seen: Option<&SecretString>) -> Result<(), SessionError> {
        let _one = self.renewal.lock().await;
        let current = self.token().await;
        if current.as_ref().map(ExposeSecret::expose_secret)
            != seen.map(ExposeSecret::expose_secret)
        {
            return Ok(());
        }
        let session = connect(&self.config, self.endpoints.timeout).await?;
        *self.session.write().await = Arc::new(session);
        self.demoted.store(false, Ordering::SeqCst);
        tracing::info!("the session with Keystone is a new one");
        Ok(())
    }

    /// Sends a request to Nova, for a path below its endpoint.
    pub(super) async fn compute(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, CloudError> {
        let base = self.endpoints.compute.as_deref();
        self.send(
            &ServiceType::Compute,
            base,
            None,
            method,
            path,
            headers,
            body,
        )
        .await
    }

    /// Sends a request to Glance, for a path below `/v2`.
    pub(super) async fn image(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, CloudError> {
        let base = self.endpoints.image.as_deref();
        self.send(
            &ServiceType::Image,
            base,
            Some("v2"),
            method,
            path,
            headers,
            body,
        )
        .await
    }

    /// Sends a request to Keystone, for a path below `/v3`.
    pub(super) async fn identity(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, CloudError> {
        self.send(
            &ServiceType::Identity,
            None,
            Some("v3"),
            method,
            path,
            headers,
            None,
        )
        .await
    }

    /// Whether something that a service does not find is gone.
    ///
    /// A token can lose a role and stay valid, and Nova and Glance then find nothing of other projects. So Keystone is
    /// asked whether the token still has the role.
    ///
    /// # Errors
    ///
    /// Keystone cannot be asked, or the token has lost the role.
    pub(super) async fn is_gone(&self, not_found: bool) -> Result<bool, CloudError> {
        if not_found {
            let token = self.token().await.unwrap_or_default();
            let subject = ("X-Subject-Token", token.expose_secret());
            let answer = self
                .identity("GET", "/auth/tokens?nocatalog", &[subject])
                .await?;
            if answer.status != 200 {
                return Err(answer.error());
            }
            let TokenBody { token } = answer.read()?;
            administrator(token.roles.into_iter().map(|role| role.name))
                .inspect_err(|_| self.demoted.store(true, Ordering::SeqCst))?;
        }
        Ok(not_found)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is another part of one request"
    )]
    async fn send(
        &self,
        service: &ServiceType,
        base: Option<&str>,
        version: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, CloudError> {
        let request = format!("{method} {service} {path}");
        let failed = |reason: String| SessionError::Request {
            request: request.clone(),
            reason,
        };
        let mut renewed = false;
        loop {
            // Nova and Glance may remember the roles of a token for minutes: it is not used when it has the role again.
            if self.demoted.load(Ordering::SeqCst) {
                self.renew(self.token().await.as_ref()).await?;
            }
            let session = Arc::clone(&*self.session.read().await);
            let seen = session.get_auth_token();
            let base = base_url(&session, service, base, &self.endpoints.edge).await?;
            let mut builder = http::Request::builder()
                .method(method)
                .uri(address(&base, version, path))
                .header("Accept", "application/json");
            if body.is_some()
                && !headers
                    .iter()
                    .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            {
                builder = builder.header("Content-Type", "application/json");
            }
            for (name, value) in headers {
                let mut value =
                    HeaderValue::from_str(value).map_err(|error| failed(error.to_string()))?;
                // The SDK logs requests, and one of these may be a token.
                value.set_sensitive(true);
                builder = builder.header(*name, value);
            }
            let bytes = body
                .map(|body| body.to_string().into_bytes())
                .unwrap_or_default();
            let answer = session
                .rest_async(builder, bytes)
                .await
                .map_err(|error| failed(error.to_string()))?;
            if answer.status().as_u16() == 401 && !renewed {
                self.renew(seen.as_ref()).await?;
                renewed = true;
                continue;
            }
            return Ok(Answer {
                request,
                status: answer.status().as_u16(),
                retry_after: answer.headers().contains_key("retry-after"),
                body: answer.into_body().to_vec(),
            });
        }
    }

    /// The project in which the session's user acts.
    pub async fn project(&self) -> Option<String> {
        self.session.read().await.get_current_project()?.id
    }
}

impl Cloud for OpenStack {
    async fn read(&self, resource: Resource) -> Result<Option<Document>, CloudError> {
        match resource.kind {
            Kind::Server => self.server(resource.id).await,
            Kind::Image => self.show_image(resource.id).await,
        }
    }

    async fn change(
        &self,
        resource: Resource,
        key: &str,
        value: Option<&str>,
    ) -> Result<Taken, CloudError> {
        match resource.kind {
            Kind::Server => self.change_server(resource.id, key, value).await,
            Kind::Image => self.change_image(resource.id, key, value).await,
        }
    }

    async fn page(
        &self,
        kind: Kind,
        marker: Option<&str>,
        limit: usize,
    ) -> Result<CloudPage, CloudError> {
        match kind {
            Kind::Server => self.servers(marker, limit).await,
            Kind::Image => self.images(marker, limit).await,
        }
    }

    async fn projects(&self) -> Result<Vec<String>, CloudError> {
        // Without a limit Keystone cuts the list at its maximum and does not say so.
        const LIMIT: &str = "/projects?limit=500";
        let mut projects = Vec::new();
        let mut marker = String::new();
        loop {
            let answer = self
                .identity("GET", &format!("{LIMIT}{marker}"), &[])
                .await?;
            if answer.status != 200 {
                return Err(answer.error());
            }
            let list: ProjectList = answer.read()?;
            projects.extend(list.projects.into_iter().map(|project| project.id));
            let next = list.links.next.map(|href| Link {
                rel: "next".to_owned(),
                href,
            });
            match next.and_then(|link| next_marker(&[link])) {
                Some(next) => {
                    marker = format!("&marker={}", utf8_percent_encode(&next, SEGMENT));
                }
                None => return Ok(projects),
            }
        }
    }
}

#[derive(Deserialize)]
struct ProjectList {
    projects: Vec<Project>,
    #[serde(default)]
    links: ProjectLinks,
}

#[derive(Default, Deserialize)]
struct ProjectLinks {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

#[derive(Deserialize)]
struct TokenBody {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    roles: Vec<Role>,
}

#[derive(Deserialize)]
struct Role {
    name: String,
}

fn cloud_config(endpoints: &Endpoints) -> Result<CloudConfig, SessionError> {
    let file = |error: &dyn std::fmt::Display| SessionError::File(error.to_string());
    let mut config = match &endpoints.cloud {
        Some(name) => {
            let clouds = endpoints.clouds_file.clone();
            ConfigFile::new_with_user_specified_configs(clouds, None::<PathBuf>)
                .map_err(|error| file(&error))?
                .get_cloud_config(name)
                .map_err(|error| file(&error))?
                .ok_or_else(|| SessionError::UnknownCloud(name.clone()))?
        }
        None => CloudConfig::from_env().map_err(|error| file(&error))?,
    };
    let auth_url = config
        .auth
        .as_ref()
        .and_then(|auth| auth.auth_url.clone())
        .ok_or(SessionError::NoAuthUrl)?;
    // Discovery of an identity endpoint that is not public never ends without it.
    config
        .options
        .entry("identity_endpoint_override".to_owned())
        .or_insert_with(|| identity_endpoint(&auth_url).into());
    Ok(config)
}

/// `auth_url` with `/v3/` at its end.
fn identity_endpoint(auth_url: &str) -> String {
    let trimmed = auth_url.trim_end_matches('/');
    if trimmed.ends_with("/v3") {
        format!("{trimmed}/")
    } else {
        format!("{trimmed}/v3/")
    }
}

/// The address of a service: `base`, or else the catalog's.
///
/// The Worker may be in the catalog too, for clients. Taken for Nova it would confirm what was changed at the edge, and
/// Nova would never hear of it.
async fn base_url(
    session: &AsyncOpenStack,
    service: &ServiceType,
    base: Option<&str>,
    edge: &Url,
) -> Result<String, SessionError> {
    let base = match base {
        Some(base) => base.to_owned(),
        None => session
            .get_service_endpoint(service, None)
            .await
            .map_err(|error| SessionError::NoService(service.clone(), error.to_string()))?
            .url()
            .to_string(),
    };
    if *service != ServiceType::Identity && is_below(&base, edge) {
        return Err(SessionError::EdgeItself(service.clone(), base));
    }
    Ok(base)
}

/// Whether an endpoint is the edge, or a path below it.
fn is_below(endpoint: &str, edge: &Url) -> bool {
    Url::parse(endpoint).is_ok_and(|endpoint| {
        let below = endpoint
            .path()
            .strip_prefix(edge.path().trim_end_matches('/'));
        endpoint.origin() == edge.origin()
            && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    })
}

/// A path below a service's endpoint. Some catalogs name the version in it, some do not.
fn address(base: &str, version: Option<&str>, path: &str) -> String {
    let base = base.trim_end_matches('/');
    match version {
        Some(version) if !base.ends_with(&format!("/{version}")) => {
            format!("{base}/{version}{path}")
        }
        _ => format!("{base}{path}"),
    }
}

async fn connect(config: &CloudConfig, timeout: Duration) -> Result<AsyncOpenStack, SessionError> {
    tracing::debug!(plugins = PLUGINS.len(), "connecting to Keystone");
    let connecting = AsyncOpenStack::builder(config)
        .disable_auth_cache(true)
        // The roles of a token that the SDK renews by itself would not be looked at.
        .max_auth_retries(0)
        .http_timeout(timeout)
        .connect();
    let session = tokio::time::timeout(timeout, connecting)
        .await
        .map_err(|_| SessionError::ConnectTimeout(timeout))?
        .map_err(|error| SessionError::Connect(Box::new(error)))?;
    let roles = session.get_auth_info().and_then(|info| info.token.roles);
    administrator(roles.into_iter().flatten().map(|role| role.name))?;
    Ok(session)
}

/// Fails unless the role is among these. Nova and Glance compare names of roles without regard to case.
fn administrator(roles: impl Iterator<Item = String>) -> Result<(), SessionError> {
    let roles: Vec<_> = roles.collect();
    if roles.iter().any(|role| role.eq_ignore_ascii_case(ROLE)) {
        Ok(())
    } else {
        Err(SessionError::NotAdmin(roles))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_endpoint_ends_in_v3_and_a_slash() {
        for url in [
            "http://k:5000",
            "http://k:5000/",
            "http://k:5000/v3",
            "http://k:5000/v3/",
        ] {
            assert_eq!(identity_endpoint(url), "http://k:5000/v3/");
        }
    }

    #[test]
    fn a_version_is_added_where_the_endpoint_has_none() {
        assert_eq!(
            address("http://g:9292", Some("v2"), "/images"),
            "http://g:9292/v2/images"
        );
        assert_eq!(
            address("http://g:9292/v2/", Some("v2"), "/images"),
            "http://g:9292/v2/images"
        );
        assert_eq!(
            address("http://n/compute/v2.1", None, "/servers"),
            "http://n/compute/v2.1/servers"
        );
    }

    #[test]
    fn an_endpoint_is_the_edges_with_its_origin_and_a_path_below_its_path() {
        let below = |endpoint: &str, edge: &str| is_below(endpoint, &Url::parse(edge).unwrap());
        for (endpoint, edge) in [
            ("https://e.example/v2.1", "https://e.example"),
            ("https://E.example:443/v2.1", "https://e.example/"),
            ("https://e.example/edge/v2.1", "https://e.example/edge"),
            ("https://e.example/edge", "https://e.example/edge/"),
        ] {
            assert!(below(endpoint, edge), "{endpoint} {edge}");
        }
        for (endpoint, edge) in [
            ("https://n.example/v2.1", "https://e.example"),
            ("http://e.example/v2.1", "https://e.example"),
            ("https://e.example:8774/v2.1", "https://e.example"),
            ("https://e.example/compute/v2.1", "https://e.example/edge"),
            ("https://e.example/edges/v2.1", "https://e.example/edge"),
        ] {
            assert!(!below(endpoint, edge), "{endpoint} {edge}");
        }
    }

    #[test]
    fn a_fault_tells_its_message() {
        let answer = |body: &str| Answer {
            request: String::new(),
            status: 409,
            retry_after: false,
            body: body.as_bytes().to_vec(),
        };
        let fault = r#"{"conflictingRequest": {"code": 409, "message": "Instance x is locked"}}"#;
        assert_eq!(answer(fault).message(), "Instance x is locked");
        assert_eq!(answer("<html>409</html>").message(), "<html>409</html>");
    }
}
