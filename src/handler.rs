//! One request, from its head to its response. The numbers are those of the contract's order of
//! checks; the first check that fails answers.
//!
//! Steps 12 to 16 need to know the resource: they are `decide`, which its object calls.

use std::rc::Rc;

use edge_metadata_core::auth::{Actor, Identity};
use edge_metadata_core::http::body;
use edge_metadata_core::http::checks::{
    BODY_LIMIT, REGISTRY_BODY_LIMIT, check_announced_size, check_content_type, check_project,
    check_query,
};
use edge_metadata_core::http::cors::Cors;
use edge_metadata_core::http::documents::View;
use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::microversion::{Microversion, Negotiation};
use edge_metadata_core::http::operation::{operation, respond};
use edge_metadata_core::http::public::{self, PublicDocuments};
use edge_metadata_core::http::request::{Headers as _, RequestHead};
use edge_metadata_core::http::response::Response;
use edge_metadata_core::http::route::{ComputeRoute, Route, Target};
use edge_metadata_core::http::{header, rejection};
use edge_metadata_core::metadata::{Kind, Operation, ResourceId};
use serde_json::Value as Json;
use uuid::Uuid;
use worker::{Context, Env, Request};

use crate::auth::AuthError;
use crate::body::{self as request_body, BodyError};
use crate::context::{RequestContext, Waiting};
use crate::list;
use crate::objects::client::{CallOptions, StoreError};
use crate::platform;
use crate::registry;
use crate::response::{RequestHeaders, send};
use crate::service::Service;
use crate::tasks;

/// The description of the API, which the tests hold true.
const OPENAPI: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json"));

/// Answers a request.
pub(crate) async fn handle(
    request: Request,
    env: Env,
    worker: Context,
) -> worker::Result<worker::Response> {
    let task = tasks::number(&worker);
    #[cfg(feature = "faults")]
    crate::faults::in_front(request.headers()).await;
    let exchange = Exchange::new(request, &env, Some(worker));
    let context = Rc::clone(&exchange.context);
    let response = tasks::run(task, context, exchange.answer()).await?;
    exchange.finish(response)
}

/// Answers a request that is past its deadline or was lost to a panic.
pub(crate) fn give_up(
    task: u32,
    request: Request,
    env: &Env,
    cause: &str,
) -> worker::Result<worker::Response> {
    let mut exchange = Exchange::new(request, env, None);
    if let Some(context) = tasks::give_up(task) {
        exchange.context = context;
    }
    exchange.context.note(cause);
    let fault = match exchange.context.waiting() {
        Waiting::Body => Fault::BodyTimeout,
        Waiting::Token if exchange.asks_keystone() => Fault::KeystoneUnavailable,
        Waiting::Token => Fault::TokenStoreUnavailable,
        Waiting::Store => Fault::StoreUnavailable,
    };
    // The answer names the microversion as every answer of its path does.
    let version = match &exchange.route {
        Some(Route::Compute(route)) => Negotiation::new(route.prefix, &exchange.headers()).headers,
        _ => None,
    };
    exchange.finish(Response::from(fault).with_version(version))
}

/// A request that is being answered.
pub(crate) struct Exchange {
    request: Request,
    pub(crate) service: Rc<Service>,
    route: Option<Route>,
    pub(crate) context: Rc<RequestContext>,
}

impl Exchange {
    fn new(request: Request, env: &Env, worker: Option<Context>) -> Self {
        let service = Service::of_isolate(env);
        let inner = request.inner();
        let head = RequestHead::new(&inner.method(), &inner.url());
        let route = Route::parse(&head.path, &service.settings.api_base_path);
        let received_at = platform::now();
        let deadline = received_at
            + chrono::TimeDelta::milliseconds(service.settings.request_deadline_ms.into());
        let context = RequestContext::new(Uuid::new_v4(), head, received_at, deadline, worker);
        context.log(|record| {
            let headers = RequestHeaders(request.headers());
            record.route = route.as_ref().map(Route::template);
            record.read_ids(&headers);
        });
        Self {
            request,
            service,
            route,
            context: Rc::new(context),
        }
    }

    /// Returns the request's headers.
    pub(crate) fn headers(&self) -> RequestHeaders<'_> {
        RequestHeaders(self.request.headers())
    }

    fn asks_keystone(&self) -> bool {
        self.service.settings.keystone.is_some()
    }

    async fn answer(&self) -> Response {
        let answer = self.answer_or_fault().await;
        answer.unwrap_or_else(Response::from)
    }

    async fn answer_or_fault(&self) -> Result<Response, Fault> {
        let (head, headers) = (&self.context.head, self.headers());
        // 1. What needs no token.
        let documents = PublicDocuments {
            base_path: &self.service.settings.api_base_path,
            is_configured: self.service.misconfigured.is_none(),
            openapi: OPENAPI,
        };
        if let Some(answer) = public::respond(head, self.route.as_ref(), &headers, documents) {
            return answer;
        }
        if let Some(misconfigured) = &self.service.misconfigured {
            self.context.note(misconfigured.to_string());
            return Err(Fault::Internal);
        }
        // 2. Size, as far as it is announced.
        let limit = match &self.route {
            Some(Route::Registry(_)) => REGISTRY_BODY_LIMIT,
            _ => BODY_LIMIT,
        };
        let content_length = headers.get(header::CONTENT_LENGTH);
        check_announced_size(content_length.as_deref(), limit)?;
        // 3. Token.
        let identity = self.authenticate().await?;
        // 4. Path and method.
        let route = self.route.as_ref().ok_or(Fault::NotFound)?;
        if !route.allows(&head.method) {
            let allow = route.allow();
            return Err(Fault::BadMethod { allow });
        }
        match route {
            Route::Compute(route) => Ok(self.compute(route, &identity.actor, identity.rate_key()).await),
            Route::Registry(route) => {
                registry::answer(self, route, &identity.actor, identity.may_use_registry).await
            }
            // Answered at step 1.
            Route::Versions(_) | Route::Healthcheck | Route::OpenApi => Err(Fault::NotFound),
        }
    }

    /// Steps 5 to 16 for servers and images.
    async fn compute(&self, route: &ComputeRoute, actor: &Actor, rate_key: &str) -> Response {
        // 5. Microversion.
        let negotiation = Negotiation::new(route.prefix, &self.headers());
        let answer = match negotiation.version {
            Ok(version) => self.compute_at(version, route, actor, rate_key).await,
            Err(fault) => Err(fault),
        };
        answer
            .unwrap_or_else(Response::from)
            .with_version(negotiation.headers)
    }

    async fn compute_at(
        &self,
        version: Microversion,
        route: &ComputeRoute,
        actor: &Actor,
        rate_key: &str,
    ) -> Result<Response, Fault> {
        // 6. Content type. 7. JSON.
        let body = self.read_json(BODY_LIMIT).await?;
        // 8. S2: 400 project is not found.
        check_project(route.project_id.as_deref(), actor.project_id.as_deref())?;
        // 9. Request rate.
        self.service.check_rate(rate_key, &self.context).await?;
        // 10. N: images left the Compute API after 2.38.
        if route.kind == Kind::Image && version > Microversion::LAST_WITH_IMAGES {
            return Err(Fault::NotFound);
        }
        let (id, part) = match &route.target {
            Target::List { detail } => {
                return list::answer(self, route, *detail, version, actor).await;
            }
            Target::Resource { id, part } => (id, part),
        };
        // 11. Schema.
        check_query(&self.context.head, version)?;
        let operation = operation(&self.context.head.method, route.kind, part, &body)?;
        // S2: a token without a project may do nothing with servers, whether they exist or not.
        if route.kind == Kind::Server && actor.project_id.is_none() {
            return Err(Fault::Policy(rejection::policy(&operation).to_owned()));
        }
        // 12. No object is made for what cannot be an id.
        let Some(resource_id) = id.text().and_then(ResourceId::parse) else {
            return Err(rejection::not_found(route.kind, id.shown()));
        };
        self.log_operation(resource_id, &operation);
        if operation.changes() {
            self.service.check_feed(&self.context).await?;
        }
        // 12 to 16, in the object.
        self.context.wait_for(Waiting::Store);
        let object = self
            .service
            .resources()?
            .client(route.kind, resource_id, actor, self.call_options());
        let outcome = object
            .perform(&operation)
            .await
            .map_err(|error| self.store_failed(&error))?
            .map_err(|rejected| {
                let limit = self.service.settings.metadata_items;
                rejection::fault(rejected, route.kind, &resource_id.to_string(), &operation, limit)
            })?;
        let view = self.view(route, version, actor);
        let accept = self.headers().get(header::ACCEPT);
        Ok(respond(&outcome, &operation, resource_id, &view, accept.as_deref()))
    }

    /// 3. Who is asking.
    async fn authenticate(&self) -> Result<Rc<Identity>, Fault> {
        let headers = self.headers();
        let token = headers
            .get(header::AUTH_TOKEN)
            .or_else(|| headers.get(header::STORAGE_TOKEN))
            .unwrap_or_default();
        let service_token = headers.get(header::SERVICE_TOKEN);
        let identity = self
            .service
            .authenticator()?
            .authenticate(&token, service_token.as_deref(), &self.context)
            .await
            .map_err(|error| match error {
                AuthError::Unauthorized => Fault::Unauthorized {
                    keystone: match &self.service.settings.keystone {
                        Some(keystone) => keystone.public_url.clone(),
                        None => self.context.head.origin.clone(),
                    },
                },
                AuthError::KeystoneUnavailable(_) => {
                    self.context.note(error.to_string());
                    Fault::KeystoneUnavailable
                }
                AuthError::TokenStoreUnavailable(_) => {
                    self.context.note(error.to_string());
                    Fault::TokenStoreUnavailable
                }
            })?;
        self.context.set_user(&identity.user_id, &identity.actor);
        Ok(identity)
    }

    /// Reads the body of a PUT or POST. S1: a DELETE accepts none, so it is not read; nor is a GET's.
    ///
    /// # Errors
    ///
    /// 6. 415 for another content type. 7. 400 for what is not JSON, 413 for what is too long.
    pub(crate) async fn read_json(&self, limit: usize) -> Result<Json, Fault> {
        let content_type = self.headers().get(header::CONTENT_TYPE);
        check_content_type(content_type.as_deref())?;
        if !matches!(self.context.head.method.as_str(), "PUT" | "POST") {
            return Ok(Json::Null);
        }
        self.context.wait_for(Waiting::Body);
        let Some(stream) = self.request.inner().body() else {
            return body::parse(&[]);
        };
        let bytes = request_body::read(&stream, limit)
            .await
            .map_err(|error| match error {
                BodyError::TooLong => Fault::TooLarge(limit),
                BodyError::Broken(_) => Fault::MalformedBody,
            })?;
        body::parse(&bytes)
    }

    /// Returns what the documents of this request depend on.
    pub(crate) fn view<'a>(
        &'a self,
        route: &'a ComputeRoute,
        version: Microversion,
        actor: &Actor,
    ) -> View<'a> {
        View {
            head: &self.context.head,
            base_path: &self.service.settings.api_base_path,
            route,
            version,
            access_level: actor.access_level,
        }
    }

    /// Returns what each call of an object has in common.
    pub(crate) fn call_options(&self) -> CallOptions {
        let id = self.context.id;
        #[cfg(feature = "faults")]
        let id = crate::faults::operation_id(id, self.request.headers());
        CallOptions {
            id,
            deadline: self.context.deadline,
            item_limit: self.service.settings.metadata_items,
            keep_changes: self.service.settings.keep_changes,
        }
    }

    /// Returns the 503 for an object that did not reply.
    pub(crate) fn store_failed(&self, error: &StoreError) -> Fault {
        self.context.note(error.to_string());
        Fault::StoreUnavailable
    }

    fn log_operation(&self, id: ResourceId, operation: &Operation) {
        self.context.log(|record| {
            record.resource_id = Some(id.to_string());
            if operation.changes() {
                record.audit(rejection::action(operation));
            }
        });
    }

    /// Logs the request and turns the response into the platform's.
    fn finish(self, response: Response) -> worker::Result<worker::Response> {
        let settings = &self.service.settings;
        let head = &self.context.head;
        let cors = Cors::new(
            &settings.cors_origins,
            &head.method,
            &self.headers(),
            self.route.as_ref(),
        );
        let status = response.status();
        let now = platform::now();
        self.context.log(|record| {
            record.complete(status, now, now - self.context.received_at);
            record.write(settings.log_level);
        });
        let request_id = self.context.request_id();
        send(response.into_parts(&head.method, &request_id, cors))
    }
}
