//! (record, operation, actor) → change or rejection. Every rule of S1 and S2 that needs to know the
//! resource is here, in the contract's order of checks (steps 12 to 16).

use serde::{Deserialize, Serialize};

use super::policy::{is_visible, may_change, may_read, passes_locks};
use super::{Change, Image, Operation, Record, Resource, Server};
use crate::auth::Actor;

/// Why the operation was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// 404: the resource does not exist, or not for this actor.
    NotFound,
    /// 403: the role or the ownership does not allow it.
    Forbidden,
    /// 400: servers, PUT of an item whose key is not the one in the URL.
    KeyMismatch,
    /// 404: no such item.
    ItemNotFound,
    /// S2: 409 specified instance has been locked.
    Locked,
    /// S2: 409 instance status is invalid.
    VmState(String),
    /// S2: 409 instance task status is not None.
    TaskState(String),
    /// N: 409, the server was never launched.
    NeverLaunched,
    /// S1: 409; P: the image is still being written.
    ImageStatus(String),
    /// N: 403, there would be more items than allowed.
    Quota,
}

/// Returns what is to be written, [`None`] for an operation that only reads or touches no item.
///
/// `item_limit` is the number of items that a resource may have after a write.
///
/// # Errors
///
/// Returns the first check that fails.
pub fn decide(
    record: Option<&Record>,
    operation: &Operation,
    actor: &Actor,
    item_limit: usize,
) -> Result<Option<Change>, Rejection> {
    let record = record.ok_or(Rejection::NotFound)?;
    // S2: 404 specified the instance id that not found; N: another project's does not exist either,
    // nor does one that was deleted.
    ensure(is_visible(actor, record), Rejection::NotFound)?;
    match &record.resource {
        Resource::Server(server) => check_server(server, record, operation, actor)?,
        Resource::Image(image) => check_image(image, record, operation, actor)?,
    }
    let change = Change::of(operation, record.resource.kind(), &record.metadata);
    if let Some(change) = &change {
        // N: 403; removing never meets the quota, a POST of no items does.
        let fits = operation.only_removes() || change.items_after(&record.metadata) <= item_limit;
        ensure(fits, Rejection::Quota)?;
    }
    // A POST of no items is how a client finds out whether it may change any: it is no user's change.
    Ok(change.filter(|change| !change.is_empty()))
}

/// Steps 13 to 15 for a server.
fn check_server(
    server: &Server,
    record: &Record,
    operation: &Operation,
    actor: &Actor,
) -> Result<(), Rejection> {
    // S2: 403 not authorized to perform the requested action.
    let allowed = if operation.changes() {
        may_change(actor, record)
    } else {
        may_read(actor, record)
    };
    ensure(allowed, Rejection::Forbidden)?;
    // N: only after the role.
    ensure(operation.keys_agree(), Rejection::KeyMismatch)?;
    // S2: 404 specified metadata item is not found; N: before the states.
    ensure(
        operation.finds_its_item(&record.metadata),
        Rejection::ItemNotFound,
    )?;
    if !operation.changes() {
        return Ok(());
    }
    // S2: 409 specified instance has been locked; N: an admin passes.
    ensure(!server.locked || passes_locks(actor), Rejection::Locked)?;
    // S2: 409 instance status is invalid (status isn't ACTIVE, PAUSED, SUSPENDED, STOPPED).
    if !server.state_allows_change() {
        return Err(Rejection::VmState(server.vm_state.clone()));
    }
    // S2: 409 instance task status is not None.
    if let Some(task_state) = &server.task_state {
        return Err(Rejection::TaskState(task_state.clone()));
    }
    // N: 409, there is no guest yet that could be told of the change.
    ensure(server.launched, Rejection::NeverLaunched)
}

/// Steps 13 to 15 for an image.
fn check_image(
    image: &Image,
    record: &Record,
    operation: &Operation,
    actor: &Actor,
) -> Result<(), Rejection> {
    // N: for images the key comes before the right to change.
    ensure(
        operation.finds_its_item(&record.metadata),
        Rejection::ItemNotFound,
    )?;
    if !operation.changes() {
        return Ok(());
    }
    // S1: 403; P: reserved names stay reserved.
    ensure(
        may_change(actor, record) && !operation.touches_reserved_names(),
        Rejection::Forbidden,
    )?;
    // S1: 409; P: a change to an image that is still being written would be lost.
    if !image.state_allows_change() {
        return Err(Rejection::ImageStatus(image.status.clone()));
    }
    Ok(())
}

fn ensure(holds: bool, rejection: Rejection) -> Result<(), Rejection> {
    if holds { Ok(()) } else { Err(rejection) }
}

#[cfg(test)]
mod tests;
