//! JSON values as Python's `repr` writes them, for the messages of jsonschema.

use std::fmt::Write as _;

use serde_json::Value;

/// Returns a value as Python writes it. Numbers keep the text of JSON, which differs from Python's
/// in the exponents of very large and very small ones.
#[must_use]
pub fn repr(value: &Value) -> String {
    let mut written = String::new();
    push(&mut written, value);
    written
}

/// Returns a string as Python writes it: in single quotes unless only double ones spare an escape.
#[must_use]
pub fn repr_str(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    push_str(&mut written, text);
    written
}

fn push(written: &mut String, value: &Value) {
    match value {
        Value::Null => written.push_str("None"),
        Value::Bool(true) => written.push_str("True"),
        Value::Bool(false) => written.push_str("False"),
        Value::Number(number) => {
            // Writing to a string cannot fail.
            let _ = write!(written, "{number}");
        }
        Value::String(text) => push_str(written, text),
        Value::Array(values) => {
            written.push('[');
            for (position, value) in values.iter().enumerate() {
                push_separator(written, position);
                push(written, value);
            }
            written.push(']');
        }
        Value::Object(fields) => {
            written.push('{');
            for (position, (name, value)) in fields.iter().enumerate() {
                push_separator(written, position);
                push_str(written, name);
                written.push_str(": ");
                push(written, value);
            }
            written.push('}');
        }
    }
}

fn push_separator(written: &mut String, position: usize) {
    if position > 0 {
        written.push_str(", ");
    }
}

fn push_str(written: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
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
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_are_quoted_as_python_does() {
        for (text, written) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\\b\n\t\r\u{1}", "'a\\\\b\\n\\t\\r\\x01'"),
            ("é", "'é'"),
        ] {
            assert_eq!(repr_str(text), written);
        }
    }

    #[test]
    fn other_values_have_pythons_names_and_punctuation() {
        assert_eq!(
            repr(&json!([null, true, false, {"a": "b", "c": [1, "it's"]}, [], {}])),
            "[None, True, False, {'a': 'b', 'c': [1, \"it's\"]}, [], {}]"
        );
    }

    #[test]
    fn numbers_keep_the_text_of_json() {
        for text in ["0", "-7", "18446744073709551615", "1.5", "-0.25", "2.0"] {
            let value = serde_json::from_str(text).unwrap();
            assert_eq!(repr(&value), text);
        }
    }
}
