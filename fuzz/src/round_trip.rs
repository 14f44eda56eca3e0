//! JSON that is read, written and read again.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Returns what `text` is, if it is a `T`: written by this side, it is read as the same.
pub(crate) fn read<T>(text: &str) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let value: T = serde_json::from_str(text).ok()?;
    check(&value);
    Some(value)
}

/// What is written is read as it was.
pub(crate) fn check<T>(value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let written = serde_json::to_string(value).expect("it has a JSON form");
    let read: Result<T, _> = serde_json::from_str(&written);
    assert_eq!(read.as_ref().ok(), Some(value), "{written}");
}
