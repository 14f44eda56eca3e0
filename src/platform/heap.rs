//! Where memory comes from.
//!
//! Why not the allocator that Rust brings along: it is 2.7 KB larger in the wasm (`npm run size`), and
//! no faster at what a request does with it.

use rlsf::{GlobalTlsf, GlobalTlsfOptions};

#[global_allocator]
static HEAP: GlobalTlsf<Options> = GlobalTlsf::new();

struct Options;

impl GlobalTlsfOptions for Options {
    /// What grows is copied: a copy costs no more than looking for room behind it.
    const ENABLE_REALLOCATION: bool = false;
    /// What the runtime gave piece by piece becomes one, for the bodies that are larger than a piece.
    const COALESCE_POOLS: bool = true;
}
