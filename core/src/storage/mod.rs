//! What is stored of a resource, and how other releases' rows are read.

pub mod index_entry;
pub mod name_search;
pub mod operation_log;
pub mod record;
pub mod replaced;

pub use index_entry::IndexEntry;
pub use name_search::NameSearch;
pub use operation_log::{AppliedOperation, AppliedOutcome, Entry, OperationLog};
pub use replaced::Replaced;
