//! Where metadata lasts: one SQLite-backed Durable Object per server and image, and one per list.
//!
//! | file | runs in |
//! |---|---|
//! | `client`, `retry` | whoever calls an object: the front, and a resource's object that tells the lists |
//! | `resource`, `state`, `schema`, `outbox` | the object of a server or an image |
//! | `index`, `feed` | the object of a list |
//! | `sql` | both objects |

pub(crate) mod client;
mod feed;
mod index;
mod outbox;
mod resource;
mod retry;
mod schema;
mod sql;
mod state;

pub use index::IndexObject;
pub use resource::ResourceObject;
