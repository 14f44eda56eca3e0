//! HTTP.

pub mod body;
pub mod cors;
pub mod documents;
pub mod fault;
pub mod microversion;
pub mod query;
pub mod rejection;
pub mod request;
pub mod response;
pub mod route;
