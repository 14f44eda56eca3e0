//! What a list of servers or images is asked for.
//!
//! | file | what is in it |
//! |---|---|
//! | `query` | the query of a list, and which entries it matches |
//! | `servers`, `images` | N's parameters of either list, and what becomes of each |
//! | `parameters` | how N reads values |
//! | `marker` | where a page begins |
//! | `timeout` | how long it waits for records |

mod images;
mod marker;
mod parameters;
mod query;
mod servers;
mod timeout;

pub use marker::Marker;
pub use query::ListQuery;
pub use timeout::GroupTimeout;
