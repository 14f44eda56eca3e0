//! One function for each target: it takes any bytes, and panics when something does not hold that has
//! to hold for all of them. That nothing panics by itself is the least of it.

mod access_rules;
mod auth;
mod bodies;
mod fault;
mod heads;
mod lists;
mod messages;
mod names;
mod operation_log;
mod paths;
mod records;
mod registry;
mod round_trip;
mod times;
mod versions;

pub use access_rules::rules;
pub use auth::{keystone, tokens};
pub use bodies::bodies;
pub use heads::heads;
pub use lists::lists;
pub use messages::messages;
pub use names::names;
pub use operation_log::operations;
pub use paths::paths;
pub use records::records;
pub use registry::registry;
pub use times::times;
pub use versions::versions;

/// The name of a target and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("heads", heads),
    ("paths", paths),
    ("versions", versions),
    ("bodies", bodies),
    ("lists", lists),
    ("names", names),
    ("rules", rules),
    ("registry", registry),
    ("records", records),
    ("operations", operations),
    ("messages", messages),
    ("times", times),
    ("tokens", tokens),
    ("keystone", keystone),
];
