//! What an application credential's access rules allow, as Keystone's middleware reads them.
//!
//! In a rule's path `*` and `{name}` stand for one segment, `**` for anything. All else stands for
//! itself, which is safer than the middleware: there a `.` matches any character.

/// The type of this service in Keystone's catalog, and in the rules that concern it.
pub const SERVICE: &str = "compute";

/// One request that an application credential may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// In capitals, compared exactly: a rule for GET is none for HEAD.
    pub method: String,
    /// The pattern of the path, without a query.
    pub path: String,
}

impl AccessRule {
    /// Whether the rule allows this method on this path, as it came in the request.
    #[must_use]
    pub fn allows(&self, method: &str, path: &str) -> bool {
        self.method == method && matches(&self.path, &canonical(path))
    }
}

/// A part of a pattern, as far as it decides about one character.
enum Part {
    /// Exactly this one.
    Literal(char),
    /// One that does not end the segment.
    Inside,
    /// Any number of those.
    MoreInside,
    /// Any number of any.
    Anything,
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let tail = if let Some(tail) = rest.strip_prefix("**") {
            parts.push(Part::Anything);
            tail
        } else if let Some(tail) = rest.strip_prefix('*').or_else(|| after_name(rest)) {
            parts.extend([Part::Inside, Part::MoreInside]);
            tail
        } else {
            parts.push(Part::Literal(first));
            rest.get(first.len_utf8()..).unwrap_or_default()
        };
        rest = tail;
    }
    parts
}

/// What follows `{name}` at the beginning of `pattern`.
fn after_name(pattern: &str) -> Option<&str> {
    let (_, tail) = pattern.strip_prefix('{')?.split_once('}')?;
    Some(tail)
}

/// Follows all ways through the pattern at once, so that no pattern takes longer than its length
/// times the path's.
fn matches(pattern: &str, path: &str) -> bool {
    let parts = parts(pattern);
    // Whether each part may be the next to decide; behind the last one, that all are through.
    let mut next = vec![false; parts.len() + 1];
    if let Some(first) = next.first_mut() {
        *first = true;
    }
    skip_the_optional(&parts, &mut next);
    for character in path.chars() {
        let mut after = vec![false; parts.len() + 1];
        for (at, (part, _)) in parts
            .iter()
            .zip(&next)
            .enumerate()
            .filter(|(_, (_, open))| **open)
        {
            let to = match part {
                Part::Literal(literal) if *literal == character => at + 1,
                Part::Inside if character != '/' => at + 1,
                Part::MoreInside if character != '/' => at,
                Part::Anything => at,
                _ => continue,
            };
            if let Some(reached) = after.get_mut(to) {
                *reached = true;
            }
        }
        skip_the_optional(&parts, &mut after);
        next = after;
    }
    next.last().copied().unwrap_or_default()
}

/// A part that stands for any number stands for none, too.
fn skip_the_optional(parts: &[Part], next: &mut [bool]) {
    let mut skipped = false;
    for (at, open) in next.iter_mut().enumerate() {
        *open |= skipped;
        skipped = *open && matches!(parts.get(at), Some(Part::MoreInside | Part::Anything));
    }
}

/// The path in the one spelling that patterns are written in: what need not be percent-encoded is
/// not (N: the characters that `WebOb` leaves), and an encoded `/` stays within its segment.
fn canonical(path: &str) -> String {
    let mut canonical = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let (byte, encoded, tail) = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, true, tail),
                _ => (first, false, rest.get(1..).unwrap_or_default()),
            },
            _ => (first, false, tail),
        };
        rest = tail;
        let stays = byte.is_ascii_alphanumeric()
            || b"_.-~!$&'()*+,;=:@".contains(&byte)
            || byte == b'/' && !encoded;
        if stays {
            canonical.push(char::from(byte));
        } else {
            canonical.push('%');
            for nibble in [byte >> 4, byte & 15] {
                let digit = char::from_digit(nibble.into(), 16).unwrap_or_default();
                canonical.push(digit.to_ascii_uppercase());
            }
        }
    }
    canonical
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, path: &str) -> bool {
        AccessRule {
            method: "DELETE".into(),
            path: pattern.into(),
        }
        .allows("DELETE", path)
    }

    #[test]
    fn each_kind_of_pattern_matches_what_the_middleware_says() {
        for (pattern, path, expected) in [
            (
                "/v2.1/servers/a/metadata/k",
                "/v2.1/servers/a/metadata/k",
                true,
            ),
            (
                "/v2.1/servers/a/metadata/k",
                "/v2.1/servers/a/metadata/kk",
                false,
            ),
            (
                "/v2.1/servers/a/metadata/k",
                "/v2.1/servers/a/metadata",
                false,
            ),
            (
                "/v2.1/servers/*/metadata/*",
                "/v2.1/servers/a/metadata/k",
                true,
            ),
            (
                "/v2.1/servers/*/metadata/*",
                "/v2.1/servers/a/metadata/",
                false,
            ),
            (
                "/v2.1/servers/*/metadata/*",
                "/v2.1/servers/a/b/metadata/k",
                false,
            ),
            ("/v2.1/servers/*", "/v2.1/servers/a/metadata/k", false),
            (
                "/v2.1/servers/{id}/metadata/{key}",
                "/v2.1/servers/a/metadata/k",
                true,
            ),
            ("/v2.1/servers/{id}", "/v2.1/servers/", false),
            ("/v2.1/servers/{id}", "/v2.1/servers/a/b", false),
            ("/v2.1/**", "/v2.1/servers/a/metadata/k", true),
            ("/v2.1/**", "/v2.1/", true),
            ("/v2.1/**", "/v2.1", false),
            ("**", "/anything", true),
            ("/v2.1/**/metadata/**", "/v2.1/servers/a/metadata/k", true),
            ("/v2.1/**/metadata/**", "/v2.1/servers/a/tags/k", false),
            ("/v2.1/servers/a*c", "/v2.1/servers/abc", true),
            ("/v2.1/servers/a*c", "/v2.1/servers/ac", false),
            ("/v2.1/servers/a**c", "/v2.1/servers/ac", true),
            ("/v2.1/***", "/v2.1/a/b", true),
            ("/v2.1/***", "/v2.1/a/", false),
            ("", "/", false),
        ] {
            assert_eq!(allows(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_character_is_not_a_regular_expression() {
        assert!(!allows("/v2.1/servers", "/v2x1/servers"));
        assert!(!allows("/v2.1/server.?", "/v2.1/server"));
        assert!(allows("/v2.1/server.?", "/v2.1/server.%3F") == allows("/a?", "/a%3F"));
    }

    #[test]
    fn a_brace_that_is_not_closed_is_no_name() {
        assert!(!allows("/v2.1/servers/{id", "/v2.1/servers/a"));
    }

    #[test]
    fn the_method_is_compared_exactly() {
        let rule = AccessRule {
            method: "GET".into(),
            path: "/v2.1/**".into(),
        };
        assert!(rule.allows("GET", "/v2.1/servers"));
        for method in ["HEAD", "get", "DELETE", ""] {
            assert!(!rule.allows(method, "/v2.1/servers"), "{method}");
        }
    }

    #[test]
    fn a_path_is_the_same_however_it_is_encoded() {
        assert!(allows(
            "/servers/a/metadata/key",
            "/servers/a/metadata/k%65y"
        ));
        assert!(allows(
            "/servers/a/metadata/a%20b",
            "/servers/a/metadata/a%20b"
        ));
        assert!(allows(
            "/servers/a/metadata/%C3%A9",
            "/servers/a/metadata/%c3%a9"
        ));
        assert!(allows(
            "/servers/a/metadata/a:b",
            "/servers/a/metadata/a%3Ab"
        ));
        assert!(allows(
            "/servers/a/metadata/50%25",
            "/servers/a/metadata/50%"
        ));
    }

    #[test]
    fn an_encoded_slash_stays_in_its_segment() {
        assert!(allows("/servers/*/metadata/*", "/servers/a/metadata/k%2Fl"));
        assert!(!allows(
            "/servers/a/metadata/k/l",
            "/servers/a/metadata/k%2Fl"
        ));
    }

    #[test]
    fn no_pattern_makes_a_long_path_take_long() {
        let pattern = "/**".repeat(75);
        assert!(!allows(&pattern, &"a".repeat(8_000)));
    }
}
