//! The rules of the domain: what a metadata item is, what a server and an image are, and when an
//! item may be changed. Functions of values; knows neither HTTP nor SQL.

mod decide;
mod item;
mod policy;
mod resource;

pub use decide::{Change, Operation, Outcome, Rejection, decide};
pub use item::{Key, MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS, Metadata, Value};
pub use resource::{Image, Kind, Record, Resource, ResourceId, Server, Visibility, is_project_id};
