//! One request, from its head to its response. The numbers are those of the contract's order of
//! checks; the first check that fails answers.
//!
//! Steps 12 to 16 need to know the resource: they are `decide` in `core`, which its object calls.

use std::rc::Rc;

use edge_metadata_core::auth::{Actor, Identity};
use edge_metadata_core::http::checks::{
    BODY_LIMIT, REGISTRY_BODY_LIMIT, check_announced_size, check_project, check_query,
};
use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::microversion::{Microversion, Negotiation};
use edge_metadata_core::http::operation::{operation, respond};
use edge_metadata_core::http::public::{self, PublicDocuments};
use edge_metadata_core::http::response::Response;
use edge_metadata_core::http::route::{ComputeRoute, Route, Target};
use edge_metadata_core::http::{header, rejection};
use edge_metadata_core::metadata::{Kind, ResourceId};
use uuid::Uuid;
use worker::web_sys::{self, Request};
use worker::{Context, Env};

use crate::auth::AuthError;
use crate::context::Waiting;
use crate::exchange::Exchange;
use crate::response::Reply;
use crate::service::Service;
use crate::{list, registry, tasks};

/// Answers a request, as the task of this number.
pub(crate) fn handle(task: u32, request: Request, env: &Env, worker: Context, reply: Reply) {
    let service = Service::of_isolate(env);
    let exchange = Exchange::new(Uuid::new_v4(), request, service, Some(worker));
    let context = Rc::clone(&exchange.context);
    tasks::spawn(task, context, async move {
        #[cfg(feature = "faults")]
        crate::faults::in_front(&exchange.headers()).await;
        let response = answer(&exchange).await;
        reply.send(exchange.finish(response.unwrap_or_else(Response::from)));
    });
}

/// Answers a request that is past its deadline or was lost to a panic.
pub(crate) fn give_up(
    task: u32,
    request: Request,
    env: &Env,
    cause: &str,
) -> worker::Result<web_sys::Response> {
    let service = Service::of_isolate(env);
    let mut exchange = Exchange::new(Uuid::new_v4(), request, service, None);
    if let Some(context) = tasks::give_up(task) {
        exchange.context = context;
    }
    let (fault, waited_for) = match exchange.context.waiting() {
        Waiting::Body => (Fault::BodyTimeout, "the body"),
        Waiting::Token if exchange.service.settings.keystone.is_some() => {
            (Fault::KeystoneUnavailable, "Keystone")
        }
        Waiting::Token => (Fault::TokenStoreUnavailable, "the token store"),
        Waiting::Store => (Fault::StoreUnavailable, "the store"),
    };
    let note = format!("{cause} while the request waited for {waited_for}");
    exchange.context.note(note);
    // The answer names the microversion as every answer of its path does.
    let version = match &exchange.route {
        Some(Route::Compute(route)) => Negotiation::new(route.prefix, &exchange.headers()).headers,
        _ => None,
    };
    exchange.finish(Response::from(fault).with_version(version))
}

/// Returns the answer to a request.
///
/// # Errors
///
/// The fault of the first check that fails.
pub(crate) async fn answer(exchange: &Exchange) -> Result<Response, Fault> {
    let (service, context) = (&exchange.service, &exchange.context);
    // 1. What needs no token.
    let documents = PublicDocuments {
        base_path: &service.settings.api_base_path,
        is_configured: service.misconfigured.is_none(),
    };
    let route = exchange.route.as_ref();
    if let Some(answer) = public::respond(&context.head, route, &exchange.headers(), documents) {
        return answer;
    }
    if let Some(misconfigured) = &service.misconfigured {
        context.note(misconfigured.to_string());
        return Err(Fault::Internal);
    }
    // 2. Size, as far as it is announced.
    let limit = match route {
        Some(Route::Registry(_)) => REGISTRY_BODY_LIMIT,
        _ => BODY_LIMIT,
    };
    let content_length = exchange.header(header::CONTENT_LENGTH);
    check_announced_size(content_length.as_deref(), limit)?;
    // 3. Token.
    let identity = authenticate(exchange).await?;
    // 4. Path and method.
    let route = route.ok_or(Fault::NotFound)?;
    if !route.allows(exchange.method()) {
        let allow = route.allow();
        return Err(Fault::BadMethod { allow });
    }
    match route {
        Route::Compute(route) => Ok(compute(exchange, route, &identity).await),
        Route::Registry(route) => registry::answer(exchange, route, &identity).await,
        // Answered at step 1.
        Route::Versions(_) | Route::Healthcheck | Route::OpenApi => Err(Fault::NotFound),
    }
}

/// 3. Who is asking.
async fn authenticate(exchange: &Exchange) -> Result<Rc<Identity>, Fault> {
    let (service, context) = (&exchange.service, &exchange.context);
    let token = exchange
        .header(header::AUTH_TOKEN)
        .or_else(|| exchange.header(header::STORAGE_TOKEN))
        .unwrap_or_default();
    let service_token = exchange.header(header::SERVICE_TOKEN);
    context.wait_for(Waiting::Token);
    let identity = service
        .authenticator()?
        .authenticate(&token, service_token.as_deref(), context)
        .await;
    let identity = identity.map_err(|error| match &error {
        AuthError::Unauthorized => Fault::Unauthorized {
            keystone: match &service.settings.keystone {
                Some(keystone) => keystone.public_url.clone(),
                None => context.head.origin.clone(),
            },
        },
        AuthError::KeystoneUnavailable(_) => {
            context.note(error.to_string());
            Fault::KeystoneUnavailable
        }
        AuthError::TokenStoreUnavailable(_) => {
            context.note(error.to_string());
            Fault::TokenStoreUnavailable
        }
    })?;
    context.wait_for(Waiting::Store);
    context.set_user(&identity.user_id, &identity.actor);
    Ok(identity)
}

/// Steps 5 to 16 for servers and images.
async fn compute(exchange: &Exchange, route: &ComputeRoute, identity: &Identity) -> Response {
    // 5. Microversion.
    let negotiation = Negotiation::new(route.prefix, &exchange.headers());
    let answer = match negotiation.version {
        Ok(version) => compute_at(version, exchange, route, identity).await,
        Err(fault) => Err(fault),
    };
    answer
        .unwrap_or_else(Response::from)
        .with_version(negotiation.headers)
}

async fn compute_at(
    version: Microversion,
    exchange: &Exchange,
    route: &ComputeRoute,
    identity: &Identity,
) -> Result<Response, Fault> {
    let (service, context) = (&exchange.service, &exchange.context);
    let actor: &Actor = &identity.actor;
    // 6. Content type. 7. JSON.
    let body = exchange.read_json(BODY_LIMIT).await?;
    // 8. S2: 400 project is not found.
    check_project(route.project_id.as_deref(), actor.project_id.as_deref())?;
    // 9. Request rate.
    service.check_rate(identity.rate_key(), context).await?;
    // 10. N: images left the Compute API after 2.38.
    if route.kind == Kind::Image && version > Microversion::LAST_WITH_IMAGES {
        return Err(Fault::NotFound);
    }
    let (id, part) = match &route.target {
        Target::Resource { id, part } => (id, part),
        Target::List { detail } => {
            return list::answer(exchange, route, *detail, version, actor).await;
        }
    };
    // 11. Schema.
    check_query(&context.head, version)?;
    let operation = operation(exchange.method(), route.kind, part, &body)?;
    // S2: a token without a project may do nothing with servers, whether they exist or not.
    if route.kind == Kind::Server && actor.project_id.is_none() {
        return Err(Fault::Policy(rejection::policy(&operation).to_owned()));
    }
    // 12. No object is made for what cannot be an id.
    let Some(resource_id) = id.text().and_then(ResourceId::parse) else {
        return Err(rejection::not_found(route.kind, id.shown()));
    };
    context.log(|record| record.resource_id = Some(resource_id.to_string()));
    if operation.changes() {
        context.log(|record| record.audit(rejection::action(&operation)));
        service.check_feed(context).await?;
    }
    // 12 to 16, in the object.
    let options = exchange.call_options();
    let object = service
        .resources()?
        .client(route.kind, resource_id, actor, options);
    let outcome = object
        .perform(&operation)
        .await
        .map_err(|error| exchange.store_failed(&error))?
        .map_err(|rejected| {
            let id = resource_id.to_string();
            rejection::fault(rejected, route.kind, &id, &operation, options.item_limit)
        })?;
    let view = exchange.view(route, version, actor);
    let accept = exchange.header(header::ACCEPT);
    Ok(respond(
        &outcome,
        &operation,
        resource_id,
        &view,
        accept.as_deref(),
    ))
}
