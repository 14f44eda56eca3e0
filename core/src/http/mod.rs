//! The HTTP of the API as values: what a request means, and what its response looks like.
//!
//! | module | what is in it |
//! |---|---|
//! | [`request`], [`header`] | the head of a request, and the names of headers |
//! | [`route`] | path → route |
//! | [`public`], [`healthcheck`], [`version_documents`] | what is answered without a token |
//! | [`microversion`], [`accept`], [`query`], [`cors`] | what headers and queries say |
//! | [`checks`] | the checks that need nothing but the request |
//! | [`body`], [`python_repr`] | JSON bodies, and N's messages about them |
//! | [`operation`], [`rejection`] | route and body → operation, and what becomes of it |
//! | [`documents`], [`status`] | servers and images as they are shown |
//! | [`list`], [`json_page`] | what a list is asked for, and its pages |
//! | [`registry`] | the control plane's requests |
//! | [`fault`], [`response`] | every error, and the response as it is sent |

pub mod accept;
pub mod body;
pub mod checks;
pub mod cors;
pub mod documents;
pub mod fault;
pub mod header;
pub mod healthcheck;
pub mod json_page;
pub mod list;
pub mod microversion;
pub mod operation;
mod plain_json;
pub mod public;
pub mod python_repr;
pub mod query;
pub mod registry;
pub mod rejection;
pub mod request;
pub mod response;
pub mod route;
pub mod status;
pub mod version_documents;
