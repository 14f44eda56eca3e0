//! Servers and images as the Compute API shows them.
//!
//! | file | what is in it |
//! |---|---|
//! | `view` | what a request's documents depend on: URLs, microversion, who asks |
//! | `links` | the links of a resource |
//! | `server`, `image` | the full documents, by microversion |
//! | `brief` | the short form, for lists |

mod brief;
mod image;
mod links;
mod server;
mod view;

pub use view::View;
