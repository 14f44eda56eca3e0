//! JSON without the member name that `serde_json` reserves.
//!
//! With its feature `raw_value`, `serde_json` reads an object whose only member has a private name as JSON
//! inside a string. A client's body with that name would mean different things to different readers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The name that `serde_json` reads in a way of its own.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// A value in which no object has the name [`RAW_VALUE`].
pub(super) struct PlainValue(pub(super) Value);

impl<'de> Deserialize<'de> for PlainValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(PlainValue(value)) = elements.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, PlainValue(value))) = members.next_entry::<String, PlainValue>()? {
            if name == RAW_VALUE {
                return Err(A::Error::custom("a reserved name"));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Option<Value> {
        let PlainValue(value) = serde_json::from_str(text).ok()?;
        Some(value)
    }

    #[test]
    fn every_value_is_read_as_serde_json_reads_it() {
        for text in [
            "null",
            "true",
            "-9223372036854775808",
            "18446744073709551615",
            "1.5e300",
            "18446744073709551616",
            r#""a\u0000\ud83d\ude00""#,
            r#"[1, [], {"a": {"b": null}}]"#,
        ] {
            assert_eq!(parse(text), serde_json::from_str(text).ok(), "{text}");
        }
        assert_eq!(
            parse(r#"{"a": 1, "b": 2, "a": 3}"#),
            Some(json!({"a": 3, "b": 2}))
        );
        for text in ["", "{", "1e999", "[1,]"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_serde_json_would_read_in_its_own_way_is_refused() {
        let text = r#"{"\u0024serde_json::private::RawValue": "{\"k\": \"v\"}"}"#;
        let read: Value = serde_json::from_str(text).unwrap();
        assert_eq!(read, json!({"k": "v"}), "the feature raw_value is on");
        for text in [text.to_owned(), format!("[{{\"a\": {text}}}]")] {
            assert_eq!(parse(&text), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(text in "[\\[\\]{}\",:a0-9.e-]{0,24}") {
            proptest::prop_assert_eq!(parse(&text), serde_json::from_str(&text).ok());
        }
    }
}
