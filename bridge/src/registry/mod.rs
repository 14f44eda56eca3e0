//! The edge's registry: its documents, and how they compare.

mod compare;
mod types;

pub use compare::{differences, unmarked};
pub use types::{
    Change, ChangedResource, ChangesPage, Document, Feed, FeedBody, ImageDocument, Link,
    ListedResource, Metadata, Record, ResourcePage, ServerDocument, Visibility,
};
