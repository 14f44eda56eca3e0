//! What holds for every fault.

use edge_metadata_core::http::fault::Fault;
use serde_json::Value;

/// A fault is one small JSON document, whatever was in the request: `input` bytes of it may come
/// back, quoted twice and escaped, and no more.
pub(crate) fn check_fault(fault: &Fault, input: usize) {
    assert!((400..500).contains(&fault.status()), "{fault:?}");
    let body = fault.body();
    let json: Value = serde_json::from_str(&body).expect("a fault is JSON");
    let (_, inner) = json
        .as_object()
        .expect("an object")
        .iter()
        .next()
        .expect("one member");
    assert_eq!(inner["code"], fault.status());
    assert_eq!(inner["message"], fault.to_string());
    assert!(
        body.len() <= 16 * input + 512,
        "{} bytes for {input}",
        body.len()
    );
    if let Some((_, value)) = fault.header() {
        assert!(
            value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{value:?}"
        );
    }
}
