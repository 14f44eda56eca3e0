//! What passes between the front and the objects: the argument and the reply of each RPC method, as
//! one JSON text each.
//!
//! Old and new code of both sides meet during a rollout, so these types only grow, with a default
//! for each new member.

mod index;
mod resource;

pub use index::{
    ChangedResource, EntryKind, IndexPage, IndexQuery, IndexUpdate, ListedAs, NameFilter, Order,
    Position,
};
pub use resource::{
    Call, DeleteItem, Inspect, ListEntry, ListScope, Outcome, PutItem, Register, Registered,
    RegistryError, Show, ShowItem, ShowListEntry, ShownRecord, Summary, SummaryState, Unregister,
    WriteItems,
};
