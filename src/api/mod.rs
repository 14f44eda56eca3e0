//! What a request means and what an answer looks like: the whole journey on this page.
//!
//! The numbers are those of the contract's order of checks. The first check that fails answers.
//! Steps 12 to 16 need to know the resource: they are [`crate::metadata::decide`], in its object.

pub mod answer;
pub mod body;
pub mod cors;
pub mod fault;
mod list;
pub mod query;
pub mod refusal;
pub mod route;
pub mod version;
pub mod view;

use std::rc::Rc;

use thiserror::Error;

use self::answer::{Answer, Echo};
use self::body::Body;
use self::fault::Fault;
use self::list::Listing;
use self::route::{ComputeRoute, Name, Prefix, Route, Target};
use self::version::{LEGACY_HEADER, Microversion, STANDARD_HEADER};
use crate::identity::token::Identity;
use crate::identity::{Asked, Authenticator, IdentityError};
use crate::json::Object;
use crate::log::Trace;
use crate::metadata::{Kind, Operation, Outcome, ResourceId};
use crate::platform::context::Context;
use crate::platform::env::Env;
use crate::platform::http::{BodyError, Head, Request, read_body};
use crate::platform::kv::{RateLimiter, is_within_limit};
use crate::platform::objects::Namespace;
use crate::registry::{self, document};
use crate::settings::{BadSetting, Settings};
use crate::store::client::{Caller, StoreError, object_name, send};
use crate::store::message::{Reply, Task};
use crate::time::Timestamp;

/// N: bytes a request's body may have.
const BODY_LIMIT: usize = 114_688;

/// Bytes a registry document may have.
const REGISTRY_BODY_LIMIT: usize = 1 << 20;

/// What an object may reply, but not to what it was asked.
const OTHER_REPLY: &str = "the object replied to something else";

/// N: what a body may say it is.
const MEDIA_TYPES: &[&str] = &[
    "application/json",
    "text/plain",
    "application/vnd.openstack.compute+json",
];

/// The Worker, as far as it is the same for every request of an isolate.
#[derive(Debug)]
pub struct Api {
    /// What the operator set.
    pub settings: Settings,
    authenticator: Authenticator,
    objects: Namespace,
    indexes: Namespace,
    limiter: Option<RateLimiter>,
}

/// Why this deployment cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Misconfigured {
    /// A setting has a value that it may not have.
    #[error("setting {0}")]
    Setting(#[from] BadSetting),
    /// A binding is not there.
    #[error("binding {0} is missing")]
    Binding(&'static str),
}

impl Api {
    /// Reads settings and bindings.
    ///
    /// # Errors
    ///
    /// Names the setting or the binding that is wrong.
    pub fn new(env: &Env) -> Result<Self, Misconfigured> {
        let settings = Settings::read(|name| env.setting(name))?;
        Ok(Self {
            authenticator: Authenticator::new(&settings, env.binding("TOKENS"))
                .ok_or(Misconfigured::Binding("TOKENS"))?,
            objects: env
                .binding("RESOURCES")
                .ok_or(Misconfigured::Binding("RESOURCES"))?,
            indexes: env
                .binding("INDEXES")
                .ok_or(Misconfigured::Binding("INDEXES"))?,
            limiter: env.binding("RATE_LIMITER"),
            settings,
        })
    }

    /// Answers one request; what there is to say of it on the way goes into `trace`.
    ///
    /// # Errors
    ///
    /// The fault that is the answer.
    pub async fn answer(
        &self,
        request: &Request,
        head: &Head,
        context: &Context,
        now: Timestamp,
        trace: &mut Trace,
    ) -> Result<Answer, Fault> {
        let route = Route::parse(&head.path);
        trace.route = route.as_ref().map(Route::template);
        // 1. Version documents and OPTIONS need no token.
        match &route {
            Some(Route::Versions(prefix)) => return versions(*prefix, head, trace),
            Some(route) if head.method == "OPTIONS" => return Ok(Answer::options(route.allow())),
            None if head.method == "OPTIONS" => return Err(Fault::NotFound),
            _ => {}
        }
        // 2. Size, as far as it is announced.
        let body_limit = match &route {
            Some(Route::Registry(..)) => REGISTRY_BODY_LIMIT,
            _ => BODY_LIMIT,
        };
        check_announced_size(head, body_limit)?;
        // 3. Token.
        let identity = self.authenticate(head, context, now, trace).await?;
        trace.project_id.clone_from(&identity.actor.project_id);
        trace.user_id = Some(identity.user_id.clone());
        // 4. Path and method.
        let route = route.ok_or(Fault::NotFound)?;
        if !route.allows(&head.method) {
            return Err(Fault::BadMethod {
                allow: route.allow(),
            });
        }
        let caller = Caller {
            operation_id: operation_id(head, trace),
            deadline: Timestamp::from_millis(
                now.millis() + i64::from(self.settings.request_deadline_ms),
            ),
        };
        match route {
            Route::Compute(route) => {
                self.compute(request, head, &identity, route, &caller, trace)
                    .await
            }
            Route::Registry(kind, id) => {
                self.registry(request, head, &identity, kind, &id, &caller, trace)
                    .await
            }
            Route::Versions(prefix) => versions(prefix, head, trace),
        }
    }

    /// Steps 5 to 16 for servers and images.
    async fn compute(
        &self,
        request: &Request,
        head: &Head,
        identity: &Identity,
        route: ComputeRoute,
        caller: &Caller,
        trace: &mut Trace,
    ) -> Result<Answer, Fault> {
        // 5. Microversion.
        let version = negotiate(route.prefix, head, trace)?;
        // 6. Content type.
        check_content_type(head)?;
        // 7. JSON.
        let body = read_json(request, head, BODY_LIMIT).await?;
        // 8. S2: 400 project is not found.
        check_project(route.project_id.as_deref(), identity)?;
        // 9. Request rate.
        self.count(identity, trace).await?;
        // 10. N: images left the compute API after 2.38.
        if route.kind == Kind::Image && version > Microversion::LAST_WITH_IMAGES {
            return Err(Fault::NotFound);
        }
        if let Target::List { detail } = route.target {
            let listing = Listing {
                api: self,
                head,
                identity,
                route: &route,
                detail,
                version,
                caller,
            };
            return listing.answer(trace).await;
        }
        // 11. Schema.
        check_query(head, version)?;
        let (id, operation) = operation(head, &route, &body)?;
        // S2: a token without a project may nothing with servers, there or not.
        if route.kind == Kind::Server && identity.actor.project_id.is_none() {
            return Err(Fault::Policy(refusal::policy(&operation).to_owned()));
        }
        // 12. No object is made for what cannot be an id.
        let Some(resource_id) = id.text().and_then(ResourceId::parse) else {
            return Err(refusal::not_found(route.kind, id.shown()));
        };
        trace.resource_id = Some(resource_id.as_str().to_owned());
        // 12 to 16, in the object.
        let task = Task::Perform {
            operation: operation.clone(),
            actor: identity.actor.clone(),
            item_limit: self.settings.metadata_items,
        };
        let reply = self
            .send(route.kind, &resource_id, &task, caller, trace)
            .await?;
        match reply {
            Reply::Done(outcome) => {
                let collection = collection_url(head, &route);
                Ok(success(
                    outcome,
                    &operation,
                    &resource_id,
                    &collection,
                    version,
                ))
            }
            Reply::Refused(refused) => Err(refusal::fault(
                refused,
                route.kind,
                resource_id.as_str(),
                &operation,
                self.settings.metadata_items,
            )),
            _ => Err(trace.failed(OTHER_REPLY.to_owned())),
        }
    }

    /// The registry: content type, JSON, role, schema.
    async fn registry(
        &self,
        request: &Request,
        head: &Head,
        identity: &Identity,
        kind: Kind,
        id: &Name,
        caller: &Caller,
        trace: &mut Trace,
    ) -> Result<Answer, Fault> {
        check_content_type(head)?;
        let body = read_json(request, head, REGISTRY_BODY_LIMIT).await?;
        if !identity.may_use_registry {
            let right = match head.method.as_str() {
                "PUT" => "update",
                "DELETE" => "delete",
                _ => "show",
            };
            return Err(Fault::Policy(format!("registry:{right}")));
        }
        let Some(id) = id.text().and_then(ResourceId::parse) else {
            return Err(Fault::InvalidField {
                path: "id".to_owned(),
                reason: "must be a lower-case hyphenated UUID".to_owned(),
            });
        };
        trace.resource_id = Some(id.as_str().to_owned());
        let task = match head.method.as_str() {
            "PUT" => {
                let item_limit = self.settings.metadata_items;
                registry::parse(kind, &body.json, item_limit)?;
                Task::Register {
                    name: object_name(kind, &id),
                    document: body.text,
                    item_limit,
                }
            }
            "DELETE" => Task::Forget {
                name: object_name(kind, &id),
            },
            _ => Task::Inspect,
        };
        match self.send(kind, &id, &task, caller, trace).await? {
            Reply::Known(record) => Ok(Answer::json(200, document::view(id.as_str(), &record))),
            Reply::Created(record) => Ok(Answer::json(201, document::view(id.as_str(), &record))),
            Reply::Forgotten => Ok(Answer::no_content()),
            Reply::Unknown => Err(refusal::not_found(kind, id.as_str())),
            Reply::Invalid(field) => Err(field.into()),
            _ => Err(trace.failed(OTHER_REPLY.to_owned())),
        }
    }

    /// 3. Who is asking.
    async fn authenticate(
        &self,
        head: &Head,
        context: &Context,
        now: Timestamp,
        trace: &mut Trace,
    ) -> Result<Rc<Identity>, Fault> {
        let token = head
            .header("X-Auth-Token")
            .or_else(|| head.header("X-Storage-Token"));
        let service_token = head.header("X-Service-Token");
        let asked = Asked {
            method: &head.method,
            path: &head.path,
            now,
            context,
        };
        self.authenticator
            .identify(
                &token.unwrap_or_default(),
                service_token.as_deref(),
                &asked,
                &mut trace.detail,
            )
            .await
            .map_err(|error| match error {
                IdentityError::Unauthorized => Fault::Unauthorized {
                    keystone: match &self.settings.keystone {
                        Some(keystone) => keystone.public_url.clone(),
                        None => head.origin.clone(),
                    },
                },
                IdentityError::Unavailable(_) => {
                    trace.detail = Some(error.to_string());
                    Fault::KeystoneUnavailable
                }
            })
    }

    /// 9. S1: 413 when there are too many requests. Without the binding, or when it fails, all pass.
    async fn count(&self, identity: &Identity, trace: &mut Trace) -> Result<(), Fault> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        match is_within_limit(limiter, identity.rate_key()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::RateLimited {
                retry_after: self.settings.rate_limit_period_seconds,
                status: self.settings.rate_limit_status,
            }),
            Err(exception) => {
                trace.detail = Some(format!("the rate limiter failed: {exception}"));
                Ok(())
            }
        }
    }

    async fn send(
        &self,
        kind: Kind,
        id: &ResourceId,
        task: &Task,
        caller: &Caller,
        trace: &mut Trace,
    ) -> Result<Reply, Fault> {
        send(&self.objects, kind, id, task, caller)
            .await
            .map_err(|error: StoreError| {
                trace.detail = Some(error.to_string());
                Fault::StoreUnavailable
            })
    }
}

/// The id under which an object remembers a change.
fn operation_id(head: &Head, trace: &Trace) -> String {
    #[cfg(feature = "faults")]
    let id = crate::faults::operation_id(
        &trace.request_id,
        head.header("X-Operation-Id").as_deref(),
        head.header("X-Fault").as_deref(),
    );
    #[cfg(not(feature = "faults"))]
    let id = {
        let _ = head;
        trace.request_id.clone()
    };
    id
}

/// The answer to a request that nobody is working on any more. It names the microversion as each
/// answer of its path does.
pub fn given_up(head: &Head, trace: &mut Trace) -> Fault {
    let route = Route::parse(&head.path);
    trace.route = route.as_ref().map(Route::template);
    if let Some(Route::Compute(route)) = route {
        // A version that cannot be had leaves the answer as it is.
        let _ = negotiate(route.prefix, head, trace);
    }
    Fault::StoreUnavailable
}

/// 1. `/`, `/v2` and `/v2.1`, with or without the slash.
fn versions(prefix: Prefix, head: &Head, trace: &mut Trace) -> Result<Answer, Fault> {
    let route = Route::Versions(prefix);
    match head.method.as_str() {
        "OPTIONS" => Ok(Answer::options(route.allow())),
        "GET" | "HEAD" => {
            if prefix == Prefix::V21 {
                // A document that names the versions is shown whatever version was asked for.
                let version = negotiate(prefix, head, trace).unwrap_or(Microversion::OLDEST);
                trace.version = Some(Echo::new(&version.to_string()));
            }
            Ok(Answer::json(200, version::document(prefix, &head.origin)))
        }
        _ => Err(Fault::BadMethod {
            allow: route.allow(),
        }),
    }
}

/// 2. What is announced to be too large is not even looked at.
fn check_announced_size(head: &Head, limit: usize) -> Result<(), Fault> {
    let announced = head.header("Content-Length");
    // A number that does not fit is too large as well.
    let is_number = |text: &String| text.bytes().all(|byte| byte.is_ascii_digit());
    let too_large = announced.filter(is_number).is_some_and(|text| {
        text.parse()
            .map_or(!text.is_empty(), |size: usize| size > limit)
    });
    if too_large {
        return Err(Fault::TooLarge(limit));
    }
    Ok(())
}

/// 5. Only below `/v2.1`. A version that is not supported is named in the answer all the same.
fn negotiate(prefix: Prefix, head: &Head, trace: &mut Trace) -> Result<Microversion, Fault> {
    if prefix != Prefix::V21 {
        return Ok(Microversion::OLDEST);
    }
    let standard = head.header(STANDARD_HEADER);
    let legacy = head.header(LEGACY_HEADER);
    let version = Microversion::negotiate(standard.as_deref(), legacy.as_deref());
    trace.version = match &version {
        Ok(version) => Some(Echo::new(&version.to_string())),
        Err(Fault::UnsupportedVersion(version)) => Some(Echo::new(version)),
        Err(_) => None,
    };
    version
}

/// 6. Compared exactly, in lower case; parameters do not count.
fn check_content_type(head: &Head) -> Result<(), Fault> {
    let Some(content_type) = head.header("Content-Type") else {
        return Ok(());
    };
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.is_empty() || MEDIA_TYPES.contains(&media_type) {
        return Ok(());
    }
    Err(Fault::BadMediaType)
}

/// 7. The body of a PUT or POST. S1: a DELETE accepts none, so it is not read; nor is a GET's.
async fn read_json(request: &Request, head: &Head, limit: usize) -> Result<Body, Fault> {
    if !matches!(head.method.as_str(), "PUT" | "POST") {
        return Ok(Body::default());
    }
    let bytes = read_body(request, limit)
        .await
        .map_err(|error| match error {
            BodyError::TooLarge => Fault::TooLarge(limit),
            BodyError::Broken(_) => Fault::MalformedBody,
        })?;
    Body::parse(bytes)
}

/// 8. The project in the URL, when there is one, is the token's.
fn check_project(in_url: Option<&str>, identity: &Identity) -> Result<(), Fault> {
    let of_token = identity.actor.project_id.as_deref();
    match in_url {
        Some(url) if Some(url) != of_token => Err(Fault::ProjectMismatch {
            url: url.to_owned(),
            token: of_token.unwrap_or("None").to_owned(),
        }),
        _ => Ok(()),
    }
}

/// 11. N: from 2.102 on a GET has no query parameters that it does not know.
fn check_query(head: &Head, version: Microversion) -> Result<(), Fault> {
    if version < Microversion::STRICT_QUERIES || !matches!(head.method.as_str(), "GET" | "HEAD") {
        return Ok(());
    }
    let pairs = query::pairs(head.query.as_deref().unwrap_or_default());
    let names = pairs.iter().map(|(name, _)| name.as_str());
    body::unexpected(names).map_or(Ok(()), Err)
}

/// 11. What is asked of which resource.
fn operation<'a>(
    head: &Head,
    route: &'a ComputeRoute,
    body: &Body,
) -> Result<(&'a Name, Operation), Fault> {
    match (&route.target, head.method.as_str()) {
        (Target::List { .. }, _) => Err(Fault::NotFound),
        (Target::Resource(id), _) => Ok((id, Operation::Show)),
        (Target::Metadata(id), "POST") => {
            let items = body::metadata(&body.json)?;
            Ok((id, Operation::Merge { items }))
        }
        (Target::Metadata(id), "PUT") => {
            let items = body::metadata(&body.json)?;
            Ok((id, Operation::Replace { items }))
        }
        (Target::Metadata(id), _) => Ok((id, Operation::List)),
        (Target::Item(id, name), method) => {
            // What cannot be decoded is no item's key: neither is the empty text.
            let path_key = name.text().unwrap_or_default().to_owned();
            let operation = match method {
                "PUT" => {
                    let (key, value) = body::meta(&body.json)?;
                    // N: images compare here, servers only after the role.
                    if route.kind == Kind::Image && path_key != key.as_str() {
                        return Err(Fault::KeyMismatch);
                    }
                    Operation::PutItem {
                        path_key,
                        key,
                        value,
                    }
                }
                "DELETE" => Operation::DeleteItem { key: path_key },
                _ => Operation::ShowItem { key: path_key },
            };
            Ok((id, operation))
        }
    }
}

/// The URL of the collection, below the prefix and the project that the client used.
fn collection_url(head: &Head, route: &ComputeRoute) -> String {
    let prefix = match route.prefix {
        Prefix::Bare => "",
        Prefix::V2 => "/v2",
        Prefix::V21 => "/v2.1",
    };
    let project = match &route.project_id {
        Some(project_id) => format!("/{project_id}"),
        None => String::new(),
    };
    format!("{}{prefix}{project}/{}", head.origin, route.kind.plural())
}

/// The answer to what was carried out.
fn success(
    outcome: Outcome,
    operation: &Operation,
    id: &ResourceId,
    collection: &str,
    version: Microversion,
) -> Answer {
    let (wrapper, json) = match outcome {
        Outcome::Deleted => return Answer::no_content(),
        Outcome::Metadata(metadata) => ("metadata", document::items(&metadata)),
        Outcome::Item(value) => ("meta", Object::new().text(operation.key(), &value).end()),
        Outcome::Record(record) => {
            let view = view::in_full(id.as_str(), &record, collection, version);
            (record.resource.kind().singular(), view)
        }
    };
    Answer::json(200, Object::new().json(wrapper, &json).end())
}
