//! What access rules allow, beside a slow matcher that tries every way.

use edge_metadata_core::auth::{AccessRule, MAX_PATH_BYTES, RequestPath};

/// Patterns of one input.
const MAX_PATTERNS: usize = 8;

/// Bytes of a path that the slow matcher is given.
const MAX_COMPARED_BYTES: usize = 256;

/// The first line is a path as it came, each other one a pattern.
pub fn rules(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let path = lines.next().unwrap_or_default();
    let Some(prepared) = RequestPath::new(path) else {
        // A byte may become three.
        assert!(path.len() * 3 > MAX_PATH_BYTES);
        return;
    };
    for pattern in lines.take(MAX_PATTERNS) {
        let rule = |method: &str| AccessRule {
            method: method.to_owned(),
            path: pattern.to_owned(),
        };
        let allows = rule("GET").allows("GET", &prepared);
        assert!(!rule("GET").allows("HEAD", &prepared) && !rule("get").allows("GET", &prepared));
        if path.len() <= MAX_COMPARED_BYTES && path.bytes().all(is_unencoded) {
            assert_eq!(allows, matches(&elements(pattern), path.as_bytes()));
        }
    }
    let everything = AccessRule {
        method: "GET".to_owned(),
        path: "**".to_owned(),
    };
    assert!(everything.allows("GET", &prepared));
}

/// Bytes that every spelling of a path has as they are.
fn is_unencoded(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/_.-~!$&'()*+,;=:@".contains(&byte)
}

enum Element {
    /// `**`
    Anything,
    /// `*`, `{name}`
    WithinSegment,
    One(char),
}

fn elements(pattern: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let end_of_name = rest.find('}').filter(|_| character == '{');
        let (element, length) = match end_of_name {
            _ if rest.starts_with("**") => (Element::Anything, 2),
            _ if character == '*' => (Element::WithinSegment, 1),
            Some(end) => (Element::WithinSegment, end + 1),
            None => (Element::One(character), character.len_utf8()),
        };
        elements.push(element);
        rest = &rest[length..];
    }
    elements
}

/// Whether the elements match all of `path`: for each of them, the places that it can end at.
fn matches(elements: &[Element], path: &[u8]) -> bool {
    let mut places = vec![false; path.len() + 1];
    places[0] = true;
    for element in elements {
        let mut next = vec![false; path.len() + 1];
        for start in (0..places.len()).filter(|place| places[*place]) {
            match element {
                Element::One(character) => {
                    let is_there = path
                        .get(start)
                        .is_some_and(|b| char::from(*b) == *character);
                    if is_there {
                        next[start + 1] = true;
                    }
                }
                Element::Anything => next[start..].fill(true),
                Element::WithinSegment => {
                    let segment = path[start..].iter().take_while(|byte| **byte != b'/');
                    let length = segment.count();
                    next[start + 1..=start + length].fill(true);
                }
            }
        }
        places = next;
    }
    places[path.len()]
}
