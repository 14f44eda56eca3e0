//! JSON documents, written straight into text.
//!
//! What comes in is read with `serde_json`. What goes out has a known shape: a tree of values in
//! between costs an allocation for each of its nodes, and a tenth of the module (`npm run size`).

/// Bytes that are taken at once: growing from none to a line of the log would take six steps.
const LIKELY_LENGTH: usize = 128;

/// An object that is being written. Members stand in the order in which they are added.
#[derive(Debug)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

impl Object {
    /// An object without members.
    #[must_use]
    pub fn new() -> Self {
        let mut text = String::with_capacity(LIKELY_LENGTH);
        text.push('{');
        Self(text)
    }

    /// A member that is a text.
    #[must_use]
    pub fn text(mut self, name: &'static str, text: &str) -> Self {
        self.name(name);
        push_quoted(&mut self.0, text);
        self
    }

    /// A member that is a text or null.
    #[must_use]
    pub fn text_or_null(self, name: &'static str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self.json(name, "null"),
        }
    }

    /// A member that is true or false.
    #[must_use]
    pub fn boolean(self, name: &'static str, value: bool) -> Self {
        self.json(name, if value { "true" } else { "false" })
    }

    /// A member that is a whole number.
    #[must_use]
    pub fn integer(self, name: &'static str, value: i64) -> Self {
        self.json(name, &value.to_string())
    }

    /// A member whose value is JSON already.
    #[must_use]
    pub fn json(mut self, name: &'static str, json: &str) -> Self {
        self.name(name);
        self.0.push_str(json);
        self
    }

    /// A member whose name is data, too.
    #[must_use]
    pub fn item(mut self, key: &str, value: &str) -> Self {
        self.separate();
        push_quoted(&mut self.0, key);
        self.0.push(':');
        push_quoted(&mut self.0, value);
        self
    }

    /// The text of the object.
    #[must_use]
    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    /// Names are ours, but for those of [`item`](Self::item): none has anything to escape.
    fn name(&mut self, name: &'static str) {
        self.separate();
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn separate(&mut self) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
    }
}

/// An object whose members are texts.
#[must_use]
pub fn texts(members: &[(&'static str, &str)]) -> String {
    let mut object = Object::new();
    for (name, text) in members {
        object = object.text(name, text);
    }
    object.end()
}

/// An array of what is JSON already.
#[must_use]
pub fn array(elements: &[String]) -> String {
    let mut text = String::from("[");
    for element in elements {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(element);
    }
    text.push(']');
    text
}

/// A text as a JSON string.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

fn push_quoted(target: &mut String, text: &str) {
    target.push('"');
    // Most texts need no escape: they are copied as a whole.
    let mut rest = text;
    let needs_escape = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    while let Some(at) = rest.bytes().position(needs_escape)
        && let Some((clean, escaped)) = rest.split_at_checked(at)
    {
        target.push_str(clean);
        let mut characters = escaped.chars();
        push_escaped(target, characters.next().unwrap_or_default());
        rest = characters.as_str();
    }
    target.push_str(rest);
    target.push('"');
}

fn push_escaped(target: &mut String, character: char) {
    match character {
        '"' => target.push_str("\\\""),
        '\\' => target.push_str("\\\\"),
        '\n' => target.push_str("\\n"),
        '\r' => target.push_str("\\r"),
        '\t' => target.push_str("\\t"),
        _ => {
            target.push_str("\\u00");
            for digit in [character as u32 >> 4, character as u32 & 15] {
                target.push(char::from_digit(digit, 16).unwrap_or('0'));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_the_order_in_which_they_were_added() {
        let inner = Object::new().integer("n", -5).end();
        let text = Object::new()
            .text("b", "x")
            .text_or_null("a", None)
            .boolean("t", true)
            .json("o", &inner)
            .json("l", &array(&["1".into(), "2".into()]))
            .item("\"", "\\")
            .end();
        assert_eq!(
            text,
            r#"{"b":"x","a":null,"t":true,"o":{"n":-5},"l":[1,2],"\"":"\\"}"#
        );
        assert_eq!(Object::new().end(), "{}");
        assert_eq!(array(&[]), "[]");
    }

    proptest::proptest! {
        #[test]
        fn each_text_is_read_back_as_it_was(text in "(?s).{0,40}") {
            let read: String = serde_json::from_str(&quoted(&text)).unwrap();
            proptest::prop_assert_eq!(read, text);
        }
    }
}
