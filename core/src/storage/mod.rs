//! What is stored of a resource, and how other releases' rows are read.

pub mod index_entry;
pub mod operation_log;
pub mod record;

pub use index_entry::IndexEntry;
pub use operation_log::{AppliedOperation, AppliedOutcome, OperationLog};
