//! (record, operation, actor) → change or rejection. Every rule of S1 and S2 that needs to know the
//! resource is here, in the contract's order of checks (steps 12 to 16).

use super::{Image, Key, Metadata, Record, Resource, Server, Value};
use crate::auth::Actor;

/// What is asked of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// GET of the resource itself.
    Show,
    /// GET of all items.
    List,
    /// GET of one item.
    ShowItem {
        /// Any text.
        key: String,
    },
    /// DELETE of one item: the main job.
    DeleteItem {
        /// Any text.
        key: String,
    },
    /// POST of items: merge.
    Merge {
        /// What to add or overwrite.
        items: Vec<(Key, Value)>,
    },
    /// PUT of items: replace all.
    Replace {
        /// All there shall be.
        items: Vec<(Key, Value)>,
    },
    /// PUT of one item.
    PutItem {
        /// The key in the URL.
        path_key: String,
        /// The key in the body.
        key: Key,
        /// The value in the body.
        value: Value,
    },
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// One item goes.
    Remove(String),
    /// Items are added or overwritten.
    Put(Vec<(Key, Value)>),
    /// These items take the place of all.
    Replace(Vec<(Key, Value)>),
}

/// What the client is told when the operation was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The item is gone.
    Deleted,
    /// All items.
    Metadata(Metadata),
    /// One item's value.
    Item(String),
    /// The whole record.
    Record(Record),
}

/// Why the operation was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// N: 409, the server never ran.
    NeverLaunched,
    /// S1: 409; P: the image is still being written.
    ImageStatus(String),
    /// N: 403, there would be more items than allowed.
    Quota,
}

/// Glance keeps these names for itself; nobody writes them through this API.
const RESERVED_IMAGE_PREFIX: &str = "os_glance_";

/// What is to be written, [`None`] for an operation that only reads.
///
/// `item_limit` is the number of items that a resource may have after a write.
///
/// # Errors
///
/// The first check that fails.
pub fn decide(
    record: Option<&Record>,
    operation: &Operation,
    actor: &Actor,
    item_limit: usize,
) -> Result<Option<Change>, Rejection> {
    let record = record.ok_or(Rejection::NotFound)?;
    match &record.resource {
        Resource::Server(server) => check_server(server, &record.metadata, operation, actor)?,
        Resource::Image(image) => check_image(image, &record.metadata, operation, actor)?,
    }
    let change = operation.change();
    if let Some(change) = &change
        && change.items_after(&record.metadata) > item_limit
    {
        return Err(Rejection::Quota);
    }
    Ok(change)
}

/// Steps 12 to 15 for a server.
fn check_server(
    server: &Server,
    metadata: &Metadata,
    operation: &Operation,
    actor: &Actor,
) -> Result<(), Rejection> {
    // S2: 404 specified the instance id that not found; another project's is not there either.
    ensure(actor.sees_server(server), Rejection::NotFound)?;
    // S2: 403 not authorized to perform the requested action.
    let allowed = if operation.changes() {
        actor.may_change_server()
    } else {
        actor.may_read_server()
    };
    ensure(allowed, Rejection::Forbidden)?;
    // N: only after the role.
    ensure(operation.keys_agree(), Rejection::KeyMismatch)?;
    // S2: 404 specified metadata item is not found; N: before the states.
    ensure(operation.finds_its_item(metadata), Rejection::ItemNotFound)?;
    if !operation.changes() {
        return Ok(());
    }
    // S2: 409 specified instance has been locked; N: an admin passes.
    ensure(!server.locked || actor.passes_locks(), Rejection::Locked)?;
    // S2: 409 instance status is invalid (status isn't ACTIVE, PAUSED, SUSPENDED, STOPPED).
    if !server.state_allows_change() {
        return Err(Rejection::VmState(server.vm_state.clone()));
    }
    // S2: 409 instance task status is not None.
    if let Some(task_state) = &server.task_state {
        return Err(Rejection::TaskState(task_state.clone()));
    }
    // N: 409, there is nothing yet that could be told of the change.
    ensure(server.launched, Rejection::NeverLaunched)
}

/// Steps 12 to 15 for an image.
fn check_image(
    image: &Image,
    metadata: &Metadata,
    operation: &Operation,
    actor: &Actor,
) -> Result<(), Rejection> {
    ensure(
        !image.is_gone() && actor.sees_image(image),
        Rejection::NotFound,
    )?;
    // N: for images the key comes before the right to change.
    ensure(operation.finds_its_item(metadata), Rejection::ItemNotFound)?;
    if !operation.changes() {
        return Ok(());
    }
    // S1: 403.
    ensure(
        actor.may_change_image(image) && !operation.touches_reserved_names(),
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

impl Operation {
    /// Whether it is one that writes.
    #[must_use]
    pub fn changes(&self) -> bool {
        !matches!(self, Self::Show | Self::List | Self::ShowItem { .. })
    }

    fn change(&self) -> Option<Change> {
        match self {
            Self::Show | Self::List | Self::ShowItem { .. } => None,
            Self::DeleteItem { key } => Some(Change::Remove(key.clone())),
            Self::Merge { items } => Some(Change::Put(items.clone())),
            Self::Replace { items } => Some(Change::Replace(items.clone())),
            Self::PutItem { key, value, .. } => {
                Some(Change::Put(vec![(key.clone(), value.clone())]))
            }
        }
    }

    fn keys_agree(&self) -> bool {
        match self {
            Self::PutItem { path_key, key, .. } => path_key == key.as_str(),
            _ => true,
        }
    }

    /// Whether the item is there that the operation cannot do without.
    fn finds_its_item(&self, metadata: &Metadata) -> bool {
        match self {
            Self::ShowItem { key } | Self::DeleteItem { key } => metadata.contains_key(key),
            _ => true,
        }
    }

    /// The key in the URL; empty when the operation is not about one item.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::ShowItem { key } | Self::DeleteItem { key } => key,
            Self::PutItem { path_key, .. } => path_key,
            Self::Show | Self::List | Self::Merge { .. } | Self::Replace { .. } => "",
        }
    }

    fn touches_reserved_names(&self) -> bool {
        let reserved = |key: &str| key.starts_with(RESERVED_IMAGE_PREFIX);
        match self {
            Self::Show | Self::List | Self::ShowItem { .. } => false,
            Self::DeleteItem { key } => reserved(key),
            Self::Merge { items } | Self::Replace { items } => {
                items.iter().any(|(key, _)| reserved(key.as_str()))
            }
            Self::PutItem { key, .. } => reserved(key.as_str()),
        }
    }

    /// What the client is told, once the change is in `record`.
    #[must_use]
    pub fn outcome(&self, record: &Record) -> Outcome {
        match self {
            Self::Show => Outcome::Record(record.clone()),
            Self::List | Self::Merge { .. } | Self::Replace { .. } => {
                Outcome::Metadata(record.metadata.clone())
            }
            Self::ShowItem { key } => {
                Outcome::Item(record.metadata.get(key).unwrap_or_default().to_owned())
            }
            Self::PutItem { value, .. } => Outcome::Item(value.as_str().to_owned()),
            Self::DeleteItem { .. } => Outcome::Deleted,
        }
    }
}

impl Change {
    /// How many items there would be. N: removing never meets the quota.
    fn items_after(&self, metadata: &Metadata) -> usize {
        match self {
            Self::Remove(_) => 0,
            Self::Put(items) => {
                let new = items
                    .iter()
                    .filter(|(key, _)| !metadata.contains_key(key.as_str()))
                    .count();
                metadata.len() + new
            }
            Self::Replace(items) => items.len(),
        }
    }

    /// Makes the change in memory.
    pub fn apply(&self, metadata: &mut Metadata) {
        match self {
            Self::Remove(key) => {
                metadata.remove(key);
            }
            Self::Put(items) => metadata.extend(texts(items)),
            Self::Replace(items) => {
                metadata.clear();
                metadata.extend(texts(items));
            }
        }
    }
}

fn texts(items: &[(Key, Value)]) -> impl Iterator<Item = (String, String)> {
    let text = |(key, value): &(Key, Value)| (key.as_str().to_owned(), value.as_str().to_owned());
    items.iter().map(text)
}

#[cfg(test)]
mod tests;
