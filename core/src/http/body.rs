//! JSON bodies, and the messages when they are wrong.
//!
//! Nova checks bodies with the Python library jsonschema and shows its messages to clients; they
//! are kept, with the order in which that library meets the rules: `type`, `properties`
//! (`patternProperties`), `required`, `additionalProperties`, `minProperties`, `maxProperties`.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde_json::{Map, Number, Value as Json};

use super::fault::Fault;
use crate::metadata::{Key, Value};

/// Metadata items as a client wrote them, each valid.
pub type Items = Vec<(Key, Value)>;

/// N's pattern for keys, as the messages quote it.
const KEY_PATTERN: &str = "^[a-zA-Z0-9-_:. ]{1,255}$";

/// A body that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Body {
    /// As it came.
    pub text: String,
    /// What it says; null for an empty body, which no schema allows.
    pub json: Json,
}

impl Body {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// 400 when it is not JSON in UTF-8: `NaN`, lone surrogates, a BOM, trailing bytes and endless
    /// nesting are not. Of duplicate keys the last wins.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Fault> {
        let text = String::from_utf8(bytes).map_err(|_| Fault::MalformedBody)?;
        let json = if text.is_empty() {
            Json::Null
        } else {
            serde_json::from_str(&text).map_err(|_| Fault::MalformedBody)?
        };
        Ok(Self { text, json })
    }
}

/// The items of `{"metadata": {…}}`.
///
/// # Errors
///
/// 400 with jsonschema's message.
pub fn metadata(body: &Json) -> Result<Items, Fault> {
    items(body, "metadata", 0..=usize::MAX)
}

/// The one item of `{"meta": {key: value}}`.
///
/// # Errors
///
/// 400 with jsonschema's message.
pub fn meta(body: &Json) -> Result<(Key, Value), Fault> {
    let mut items = items(body, "meta", 1..=1)?;
    // Exactly one was asked for, so this is it.
    items.pop().ok_or(Fault::MalformedBody)
}

fn items(body: &Json, wrapper: &str, count: RangeInclusive<usize>) -> Result<Items, Fault> {
    let not_an_object = |value: &Json| format!("{} is not of type 'object'", repr(value));
    let object = body
        .as_object()
        .ok_or_else(|| Fault::Schema(not_an_object(body)))?;
    // `properties` comes before `required` and `additionalProperties`.
    let found = object
        .get(wrapper)
        .map(|value| match value {
            Json::Object(fields) => {
                let items = valid_items(fields, wrapper, value)?;
                let problem = match items.len() {
                    few if few < *count.start() => "should be non-empty",
                    many if many > *count.end() => "has too many properties",
                    _ => return Ok(items),
                };
                let message = format!("{} {problem}", repr(value));
                Err(Fault::Schema(at_field(wrapper, value, &message)))
            }
            _ => Err(Fault::Schema(at_field(
                wrapper,
                value,
                &not_an_object(value),
            ))),
        })
        .transpose()?;
    let items =
        found.ok_or_else(|| Fault::Schema(format!("'{wrapper}' is a required property")))?;
    let names = object.keys().map(String::as_str);
    match unexpected(names.filter(|name| *name != wrapper)) {
        Some(fault) => Err(fault),
        None => Ok(items),
    }
}

/// What jsonschema says of names that may not be there, when there are any.
pub(super) fn unexpected<'a>(names: impl Iterator<Item = &'a str>) -> Option<Fault> {
    let names = in_order(names);
    let verb = match names.len() {
        0 => return None,
        1 => "was",
        _ => "were",
    };
    let names = quoted_list(&names);
    Some(Fault::Schema(format!(
        "Additional properties are not allowed ({names} {verb} unexpected)"
    )))
}

fn valid_items(fields: &Map<String, Json>, wrapper: &str, whole: &Json) -> Result<Items, Fault> {
    let mut items = Items::with_capacity(fields.len());
    for (name, value) in fields {
        if let Some(key) = Key::new(name) {
            items.push((key, valid_value(name, value)?));
        }
    }
    let names = fields.keys().map(String::as_str);
    let bad_keys = in_order(names.filter(|name| Key::new(name).is_none()));
    let verb = match bad_keys.len() {
        0 => return Ok(items),
        1 => "does",
        _ => "do",
    };
    let names = quoted_list(&bad_keys);
    let message = format!("{names} {verb} not match any of the regexes: '{KEY_PATTERN}'");
    Err(Fault::Schema(at_field(wrapper, whole, &message)))
}

fn valid_value(name: &str, value: &Json) -> Result<Value, Fault> {
    let problem = match value.as_str() {
        None => "is not of type 'string'",
        Some(text) => match Value::new(text) {
            Some(value) => return Ok(value),
            None => "is too long",
        },
    };
    let message = format!("{} {problem}", repr(value));
    Err(Fault::Schema(at_field(name, value, &message)))
}

/// N's frame around a message about something below the top of the body.
fn at_field(field: &str, value: &Json, message: &str) -> String {
    let value = match value {
        Json::String(text) => text.clone(),
        other => repr(other),
    };
    format!("Invalid input for field/attribute {field}. Value: {value}. {message}")
}

/// Names as jsonschema lists them: sorted, each once.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut sorted = Vec::new();
    for name in names {
        if let Err(at) = sorted.binary_search(&name) {
            sorted.insert(at, name);
        }
    }
    sorted
}

fn quoted_list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| repr_text(name)).collect();
    names.join(", ")
}

/// A value as Python writes it.
fn repr(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(number) => repr_number(number),
        Json::String(text) => repr_text(text),
        Json::Array(values) => {
            let values: Vec<_> = values.iter().map(repr).collect();
            format!("[{}]", values.join(", "))
        }
        Json::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", repr_text(name), repr(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// A number, near enough: whoever writes one where a text belongs knows which one it was, and the
/// shortest decimal of each double needs a table of 10 KB.
fn repr_number(number: &Number) -> String {
    if let Some(whole) = number.as_i64() {
        return whole.to_string();
    }
    if let Some(whole) = number.as_u64() {
        return whole.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    let sign = if value < 0.0 { "-" } else { "" };
    let (mut rest, mut exponent) = (value.abs(), 0);
    while rest >= 1e16 {
        rest /= 10.0;
        exponent += 1;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 10^16, and its fraction in millionths"
    )]
    let (whole, millionths) = (rest as u64, (rest.fract() * 1e6) as u64);
    let fraction = format!("{millionths:06}");
    let fraction = match fraction.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    match exponent {
        0 => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{whole}e+{exponent}"),
    }
}

/// A text as Python writes it: in single quotes unless only double ones spare an escape.
fn repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut written = String::with_capacity(text.len() + 2);
    written.push(quote);
    for character in text.chars() {
        match character {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            _ if character == quote => written.extend(['\\', quote]),
            _ if character.is_control() => {
                let _ = write!(written, "\\x{:02x}", u32::from(character));
            }
            _ => written.push(character),
        }
    }
    written.push(quote);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Json, Fault> {
        Body::parse(bytes.to_vec()).map(|body| body.json)
    }

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
    fn what_is_not_json_in_utf8_is_malformed() {
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
    fn a_bad_value_is_told_before_a_bad_key_and_the_first_one_first() {
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
    fn numbers_are_told_near_enough() {
        for (text, written) in [
            ("0", "0"),
            ("-7", "-7"),
            ("18446744073709551615", "18446744073709551615"),
            ("1.5", "1.5"),
            ("-0.25", "-0.25"),
            ("2.0", "2.0"),
            ("1e300", "1000000000000000e+285"),
            ("1e-9", "0.0"),
        ] {
            assert_eq!(
                repr(&serde_json::from_str(text).unwrap()),
                written,
                "{text}"
            );
        }
    }

    #[test]
    fn texts_are_quoted_as_python_does() {
        for (text, written) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\\b\n\t\r\u{1}", "'a\\\\b\\n\\t\\r\\x01'"),
            ("é", "'é'"),
        ] {
            assert_eq!(repr_text(text), written);
        }
    }
}
