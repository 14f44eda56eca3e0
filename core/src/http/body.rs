//! JSON bodies, and the messages when they are wrong.
//!
//! N checks bodies with the Python library jsonschema and shows its messages to clients. They are
//! kept, with the order in which that library meets the rules: `type`, `properties`
//! (`patternProperties`), `required`, `additionalProperties`, `minProperties`, `maxProperties`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde_json::{Map, Value as Json};

use super::fault::Fault;
use super::plain_json::PlainValue;
use super::python_repr::{repr, repr_str};
use crate::metadata::{Items, Key, Value};

/// N's pattern for keys, as the messages quote it.
const KEY_PATTERN: &str = "^[a-zA-Z0-9-_:. ]{1,255}$";

/// Step 7: Parses a body. An empty one is null, which no schema allows.
///
/// # Errors
///
/// 400 when it is not JSON in UTF-8: `NaN`, lone surrogates, a BOM, trailing bytes and nesting
/// without end are not. Of duplicate keys the last wins.
pub fn parse(bytes: &[u8]) -> Result<Json, Fault> {
    if bytes.is_empty() {
        return Ok(Json::Null);
    }
    match serde_json::from_slice(bytes) {
        Ok(PlainValue(body)) => Ok(body),
        Err(_) => Err(Fault::MalformedBody),
    }
}

/// Returns the items of `{"metadata": {…}}`.
///
/// # Errors
///
/// 400 with jsonschema's message.
pub fn metadata(body: &Json) -> Result<Items, Fault> {
    items(body, "metadata", 0..=usize::MAX)
}

/// Returns the one item of `{"meta": {key: value}}`.
///
/// # Errors
///
/// 400 with jsonschema's message.
pub fn meta(body: &Json) -> Result<(Key, Value), Fault> {
    let mut items = items(body, "meta", 1..=1)?;
    // The schema has let exactly one through.
    items.pop().ok_or(Fault::MalformedBody)
}

/// Returns the fault for names that the schema does not have, if there are any.
#[must_use]
pub fn unexpected<'a>(names: impl Iterator<Item = &'a str>) -> Option<Fault> {
    let names: BTreeSet<_> = names.collect();
    let verb = verb(&names, "was", "were")?;
    let names = quoted(&names);
    Some(Fault::Schema(format!(
        "Additional properties are not allowed ({names} {verb} unexpected)"
    )))
}

fn items(body: &Json, wrapper: &str, count: RangeInclusive<usize>) -> Result<Items, Fault> {
    let object = body
        .as_object()
        .ok_or_else(|| Fault::Schema(not_an_object(body)))?;
    // `properties` comes before `required` and `additionalProperties`.
    let found = object
        .get(wrapper)
        .map(|value| wrapped_items(value, wrapper, count))
        .transpose()?;
    let items =
        found.ok_or_else(|| Fault::Schema(format!("'{wrapper}' is a required property")))?;
    let names = object.keys().map(String::as_str);
    match unexpected(names.filter(|name| *name != wrapper)) {
        Some(fault) => Err(fault),
        None => Ok(items),
    }
}

fn wrapped_items(
    value: &Json,
    wrapper: &str,
    count: RangeInclusive<usize>,
) -> Result<Items, Fault> {
    let Json::Object(fields) = value else {
        return Err(at_field(wrapper, value, &not_an_object(value)));
    };
    let items = valid_items(fields, wrapper, value)?;
    let problem = match items.len() {
        few if few < *count.start() => "should be non-empty",
        many if many > *count.end() => "has too many properties",
        _ => return Ok(items),
    };
    Err(at_field(
        wrapper,
        value,
        &format!("{} {problem}", repr(value)),
    ))
}

fn valid_items(fields: &Map<String, Json>, wrapper: &str, whole: &Json) -> Result<Items, Fault> {
    let mut items = Items::with_capacity(fields.len());
    let mut bad_keys = BTreeSet::new();
    for (name, value) in fields {
        match Key::new(name) {
            Some(key) => items.push((key, valid_value(name, value)?)),
            None => {
                bad_keys.insert(name.as_str());
            }
        }
    }
    let Some(verb) = verb(&bad_keys, "does", "do") else {
        return Ok(items);
    };
    let names = quoted(&bad_keys);
    let message = format!("{names} {verb} not match any of the regexes: '{KEY_PATTERN}'");
    Err(at_field(wrapper, whole, &message))
}

fn valid_value(name: &str, value: &Json) -> Result<Value, Fault> {
    let problem = match value.as_str() {
        None => "is not of type 'string'",
        Some(text) => match Value::new(text) {
            Some(value) => return Ok(value),
            None => "is too long",
        },
    };
    Err(at_field(name, value, &format!("{} {problem}", repr(value))))
}

fn not_an_object(value: &Json) -> String {
    format!("{} is not of type 'object'", repr(value))
}

/// N's frame around a message about something below the top of the body.
fn at_field(field: &str, value: &Json, message: &str) -> Fault {
    let value = match value {
        Json::String(text) => text.clone(),
        other => repr(other),
    };
    Fault::Schema(format!(
        "Invalid input for field/attribute {field}. Value: {value}. {message}"
    ))
}

/// Returns the verb for this many names, [`None`] when there are none.
fn verb<'a>(names: &BTreeSet<&str>, one: &'a str, many: &'a str) -> Option<&'a str> {
    match names.len() {
        0 => None,
        1 => Some(one),
        _ => Some(many),
    }
}

/// Names as jsonschema lists them: sorted, each once.
fn quoted(names: &BTreeSet<&str>) -> String {
    let names: Vec<_> = names.iter().map(|name| repr_str(name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta_message(text: &str) -> String {
        meta(&parse(text.as_bytes()).unwrap())
            .unwrap_err()
            .to_string()
    }

    fn metadata_message(text: &str) -> String {
        metadata(&parse(text.as_bytes()).unwrap())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_body_that_is_not_json_in_utf8_is_malformed() {
        let deep = "[".repeat(50_000);
        for bytes in [
            &b"{bad"[..],
            b"\xef\xbb\xbf{}",
            b"{\"a\": NaN}",
            b"{\"a\": Infinity}",
            b"{\"a\": -Infinity}",
            b"{\"a\": \"\\ud800\"}",
            b"{\"a\": \"\\ude00\\ud83d\"}",
            b"{\"a\": \"\xff\"}",
            b"{} x",
            b" ",
            b"{\"a\": 1,}",
            b"{'a': 1}",
            b"\"a\nb\"",
            deep.as_bytes(),
            br#"{"meta": {"$serde_json::private::RawValue": "{\"k\": \"v\"}"}}"#,
        ] {
            assert_eq!(parse(bytes), Err(Fault::MalformedBody), "{bytes:.20?}");
        }
    }

    #[test]
    fn an_empty_body_is_null_and_of_duplicate_keys_the_last_wins() {
        assert_eq!(parse(b""), Ok(Json::Null));
        let body = parse(br#"{"meta": {"foo": "1", "foo": "2"}}"#).unwrap();
        let (key, value) = meta(&body).unwrap();
        assert_eq!((key.as_str(), value.as_str()), ("foo", "2"));
    }

    #[test]
    fn messages_are_those_of_jsonschema_as_recorded() {
        for (body, message) in [
            ("[1]", "[1] is not of type 'object'"),
            ("\"x\"", "'x' is not of type 'object'"),
            ("", "None is not of type 'object'"),
            ("{}", "'meta' is a required property"),
            (r#"{"x": 1}"#, "'meta' is a required property"),
            (
                r#"{"meta": {"foo": "1"}, "x": 1}"#,
                "Additional properties are not allowed ('x' was unexpected)",
            ),
            (
                r#"{"meta": {}, "x": 1}"#,
                "Invalid input for field/attribute meta. Value: {}. {} should be non-empty",
            ),
            (
                r#"{"meta": {"foo": "1"}, "y": 1, "x": 1}"#,
                "Additional properties are not allowed ('x', 'y' were unexpected)",
            ),
            (
                r#"{"meta": {"foo": 1}}"#,
                "Invalid input for field/attribute foo. Value: 1. 1 is not of type 'string'",
            ),
            (
                r#"{"meta": {"foo": true}}"#,
                "Invalid input for field/attribute foo. Value: True. True is not of type 'string'",
            ),
            (
                r#"{"meta": {"foo": {"a": "b"}}}"#,
                "Invalid input for field/attribute foo. Value: {'a': 'b'}. {'a': 'b'} is not of type 'string'",
            ),
            (
                r#"{"meta": "foo"}"#,
                "Invalid input for field/attribute meta. Value: foo. 'foo' is not of type 'object'",
            ),
            (
                r#"{"meta": null}"#,
                "Invalid input for field/attribute meta. Value: None. None is not of type 'object'",
            ),
            (
                r#"{"meta": {}}"#,
                "Invalid input for field/attribute meta. Value: {}. {} should be non-empty",
            ),
            (
                r#"{"meta": {"a!": "1"}}"#,
                "Invalid input for field/attribute meta. Value: {'a!': '1'}. 'a!' does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'",
            ),
        ] {
            assert_eq!(meta_message(body), message, "{body}");
        }
        assert_eq!(
            meta_message(r#"{"meta": {"b": "2", "foo": "1"}}"#),
            "Invalid input for field/attribute meta. Value: {'b': '2', 'foo': '1'}. {'b': '2', 'foo': '1'} has too many properties"
        );
        assert_eq!(
            metadata_message(r#"{"metadata": {"b!": "1", "a!": "1"}}"#),
            "Invalid input for field/attribute metadata. Value: {'b!': '1', 'a!': '1'}. 'a!', 'b!' do not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'"
        );
    }

    #[test]
    fn a_bad_value_is_reported_before_a_bad_key_and_the_first_one_first() {
        assert_eq!(
            metadata_message(r#"{"metadata": {"b": 1, "a": 2}}"#),
            "Invalid input for field/attribute b. Value: 1. 1 is not of type 'string'"
        );
        assert_eq!(
            metadata_message(r#"{"metadata": {"a!": 1, "b": 2}}"#),
            "Invalid input for field/attribute b. Value: 2. 2 is not of type 'string'"
        );
    }

    #[test]
    fn a_value_that_is_too_long_is_quoted_twice() {
        let long = "v".repeat(256);
        assert_eq!(
            meta_message(&format!(r#"{{"meta": {{"foo": "{long}"}}}}"#)),
            format!("Invalid input for field/attribute foo. Value: {long}. '{long}' is too long")
        );
    }

    #[test]
    fn metadata_may_be_empty_and_values_hold_any_text() {
        assert_eq!(
            metadata(&parse(br#"{"metadata": {}}"#).unwrap()),
            Ok(vec![])
        );
        let body = parse(br#"{"meta": {"foo": "a\u0000\ud83d\ude00"}}"#).unwrap();
        assert_eq!(meta(&body).unwrap().1.as_str(), "a\0😀");
    }

    #[test]
    fn the_time_for_many_bad_names_grows_as_their_number() {
        let names: Vec<String> = (0..20_000)
            .rev()
            .map(|number| format!("!{number}"))
            .collect();
        let body: Json = names
            .iter()
            .map(|name| (name.clone(), Json::Null))
            .collect();
        let message = metadata(&body).unwrap_err().to_string();
        assert_eq!(message, "'metadata' is a required property");
        let body = serde_json::json!({ "metadata": body });
        let message = metadata(&body).unwrap_err().to_string();
        assert!(message.ends_with("do not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'"));
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_answered(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            if let Ok(body) = parse(&bytes) {
                let _ = metadata(&body);
                let _ = meta(&body);
            }
        }
    }
}
