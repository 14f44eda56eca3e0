//! Carries metadata both ways between an OpenStack cloud and edge-metadata.
//!
//! - [`run`]: takes ids from notifications and from the edge's list of changes, and brings each resource into step:
//!   [`reconcile`] applies what users changed at the edge, reads Nova or Glance, and registers what they say.
//!   [`scheduler`] gives each resource one turn at a time; [`bus`] acknowledges a message once the edge has what it
//!   announced.
//! - [`import`]: the first fill.
//! - [`verify`]: what differs.
//!
//! [`cloud`] is the side of Nova, Glance and Keystone, [`edge`] that of the Worker, [`registry`] has the documents that
//! go between them.

pub mod backoff;
pub mod bus;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod edge;
mod fault;
pub mod import;
pub mod metrics;
pub mod pages;
pub mod reconcile;
pub mod registry;
pub mod resource;
pub mod run;
pub mod scheduler;
pub mod verify;
