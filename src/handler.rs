//! What a request means and what an answer looks like: the whole journey on this page.
//!
//! The numbers are those of the contract's order of checks. The first check that fails answers.
//! Steps 12 to 16 need to know the resource: they are [`crate::metadata::decide`], in its object.

pub mod answer;
pub mod body;
mod checks;
pub mod cors;
pub mod fault;
pub mod head;
mod list;
mod operation;
pub mod query;
pub mod refusal;
pub mod route;
pub mod version;
pub mod view;

use std::borrow::Cow;
use std::rc::Rc;

use thiserror::Error;

use self::answer::{Answer, Echo};
use self::checks::{
    check_announced_size, check_content_type, check_project, check_query, negotiate, read_json,
};
use self::fault::Fault;
use self::head::{Head, RequestHeader};
use self::list::Listing;
use self::operation::{collection_url, operation, success};
use self::route::{ComputeRoute, Name, Prefix, Route, Target};
use self::version::Microversion;
use crate::identity::token::Identity;
use crate::identity::{Asked, Authenticator, IdentityError};
use crate::log::Trace;
use crate::metadata::{Kind, ResourceId};
use crate::platform::context::Context;
use crate::platform::env::Env;
use crate::platform::http::Request;
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
            operation: Cow::Borrowed(&operation),
            actor: Cow::Borrowed(&identity.actor),
            item_limit: self.settings.metadata_items,
        };
        let reply = self
            .send(route.kind, &resource_id, &task, caller, trace)
            .await?;
        match reply {
            Reply::Done(outcome) => {
                let collection = || collection_url(head, &route);
                let id = resource_id.as_str();
                Ok(success(outcome, &operation, id, collection, version))
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
                    name: object_name(kind, &id).into(),
                    document: body.text.into(),
                    item_limit,
                }
            }
            "DELETE" => Task::Forget {
                name: object_name(kind, &id).into(),
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
            .header(RequestHeader::AuthToken)
            .or_else(|| head.header(RequestHeader::StorageToken));
        let service_token = head.header(RequestHeader::ServiceToken);
        let asked = Asked {
            method: &head.method,
            path: &head.path,
            now,
            context,
        };
        self.authenticator
            .identify(
                token.unwrap_or_default(),
                service_token,
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
        task: &Task<'_>,
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
        head.header(RequestHeader::OperationId),
        head.header(RequestHeader::Fault),
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
