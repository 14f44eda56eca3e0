//! The OpenStack Compute metadata API as values: no I/O, no clock, no wasm.
pub mod auth;
pub mod http;
pub mod json;
pub mod metadata;
pub mod registry;
pub mod rpc;
pub mod settings;
pub mod storage;
pub mod timestamp;
