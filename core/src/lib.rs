//! The OpenStack Compute metadata API as values: no I/O, no clock, no wasm.
//!
//! | module | what is in it |
//! |---|---|
//! | [`http`] | route, microversion, body, query, fault, the documents that are answered |
//! | [`auth`] | claims, access level, access rules, what Keystone's answers mean |
//! | [`metadata`] | items, servers, images, `decide`: every rule of S1 and S2 |
//! | [`registry`] | what the control plane may say, order in time, changes to be sent |
//! | [`rpc`] | what passes between the front and the objects |
//! | [`storage`] | how a record is stored, readable by other releases |
//! | [`tasks`] | requests in progress, as futures that are polled where they are woken |
//! | [`settings`], [`timestamp`], [`name_pattern`] | what an operator may set; RFC 3339; names by regular expression |
//!
//! Comments cite the source of a rule, as `docs/contract.md` does:
//!
//! - **S1** and **S2** are the documents of the two operations that the product exists for: *Delete
//!   image metadata item* and *Delete server metadata item*.
//! - **N** is OpenStack Nova, **K** Keystone and its middleware, as recorded from real ones.
//! - **P** is a decision of this project, where the others are silent or wrong.

pub mod auth;
pub mod http;
pub mod metadata;
pub mod name_pattern;
pub mod registry;
pub mod rpc;
pub mod settings;
pub mod storage;
pub mod tasks;
pub mod timestamp;
