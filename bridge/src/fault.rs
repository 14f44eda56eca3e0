//! Faults of the Compute API, as Nova and the edge answer them.

use serde_json::Value;

/// `{"<name>": {"message": "…", "code": <the status>}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Such as `itemNotFound`.
    pub(crate) name: String,
    /// What it says.
    pub(crate) message: String,
}

impl Fault {
    /// Reads the body of an answer of this status; [`None`] for any other body, which is the answer of something in
    /// between.
    pub(crate) fn read(status: u16, body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let mut members = body.as_object()?.iter();
        let (name, fault) = members.next().filter(|_| members.next().is_none())?;
        let is_own = fault.get("code")?.as_u64() == Some(status.into());
        let message = fault.get("message")?.as_str()?;
        is_own.then(|| Self {
            name: name.clone(),
            message: message.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_one_name_and_the_status_as_its_code() {
        let own = r#"{"forbidden": {"message": "no", "code": 403}}"#;
        let fault = Fault {
            name: "forbidden".into(),
            message: "no".into(),
        };
        assert_eq!(Fault::read(403, own.as_bytes()), Some(fault));
        for body in [
            "<html>403</html>",
            "[]",
            "{}",
            r#"{"forbidden": "no"}"#,
            r#"{"forbidden": {"message": "no", "code": 404}}"#,
            r#"{"forbidden": {"message": "no"}}"#,
            r#"{"forbidden": {"message": "no", "code": 403}, "more": 1}"#,
        ] {
            assert_eq!(Fault::read(403, body.as_bytes()), None, "{body}");
        }
    }
}
