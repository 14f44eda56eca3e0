//! Panics, hangs and errors on demand, for the tests that show what a client sees then.
//! Only in builds with the feature `faults`, which is never deployed.

#![expect(clippy::panic, reason = "it is what this is for")]

use js_sys::Promise;

use crate::platform::Exception;

/// What the request header `X-Fault` asks of the front.
///
/// # Panics
///
/// On demand.
pub async fn in_front(fault: Option<&str>) {
    match fault {
        Some("front-panic") => panic!("asked for"),
        Some("front-hang") => std::future::pending().await,
        _ => {}
    }
}

/// What the same header asks of the object, at the end of the operation's id: a reply that never
/// comes, if that is it.
///
/// # Errors
///
/// On demand.
///
/// # Panics
///
/// On demand.
pub fn in_object(operation_id: &str) -> Result<Option<Promise>, Exception> {
    assert!(!operation_id.ends_with("object-panic"), "asked for");
    if operation_id.ends_with("object-error") {
        return Err(Exception::ours("asked for".to_owned()));
    }
    let hangs = operation_id.ends_with("object-hang");
    Ok(hangs.then(|| Promise::new(&mut |_, _| {})))
}
