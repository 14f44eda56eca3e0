//! Panics, hangs and errors on demand, for the tests that show what a client sees then.
//! Only in builds with the feature `faults`, which is never deployed.

#![expect(clippy::panic, reason = "it is what this is for")]

use js_sys::Promise;

use crate::platform::Exception;

/// What the request header `X-Fault` asks of the front.
pub async fn in_front(fault: Option<&str>) {
    match fault {
        Some("front-panic") => panic!("asked for"),
        Some("front-hang") => std::future::pending().await,
        _ => {}
    }
}

/// What the request header `X-Fault` asks of the object: a reply that never comes, if that is it.
///
/// # Errors
///
/// On demand.
pub fn in_object(fault: Option<&str>) -> Result<Option<Promise>, Exception> {
    match fault {
        Some("object-panic") => panic!("asked for"),
        Some("object-error") => Err(Exception::ours("asked for".to_owned())),
        Some("object-hang") => Ok(Some(Promise::new(&mut |_, _| {}))),
        _ => Ok(None),
    }
}
