//! The rules of the domain: what a metadata item is, what a server and an image are, and when an
//! item may be changed. Functions of values.

mod change;
mod decide;
mod id;
mod image;
mod item;
mod operation;
mod policy;
mod record;
mod server;

pub use change::Change;
pub use decide::{Rejection, decide};
pub use id::{Kind, ResourceId, is_project_id};
pub use image::{Image, RESERVED_PREFIX, Visibility};
pub use item::{
    InvalidItem, Items, Key, MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS, Metadata, Value,
};
pub use operation::Operation;
pub use policy::is_visible;
pub use record::{Attributes, Record, Resource};
pub use server::Server;
