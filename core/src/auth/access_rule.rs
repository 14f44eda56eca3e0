//! What an application credential's access rules allow. K: as Keystone's middleware reads them.
//!
//! In a rule's path, `*` and `{name}` stand for one or more characters of one segment and `**` for
//! any characters. Every other character stands for itself. P: this is stricter than the
//! middleware, where a `.` matches any character.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// P: a path of more bytes matches no rule.
pub const MAX_PATH_BYTES: usize = 2_048;

/// K: what `WebOb`, which hands the path to the middleware, leaves as it is beside letters and
/// digits.
const UNENCODED: &[u8] = b"/_.-~!$&'()*+,;=:@";

/// A request that an application credential may be used for. Serialized as `[method, path]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub struct AccessRule {
    /// In capitals. K: compared exactly, so a rule for GET does not allow HEAD.
    pub method: String,
    /// The pattern of the path, without a query.
    pub path: String,
}

impl AccessRule {
    /// Returns whether the rule allows `method` on `path`.
    #[must_use]
    pub fn allows(&self, method: &str, path: &RequestPath) -> bool {
        self.method == method && path.matches(&self.path)
    }
}

impl From<(String, String)> for AccessRule {
    fn from((method, path): (String, String)) -> Self {
        Self { method, path }
    }
}

impl From<AccessRule> for (String, String) {
    fn from(rule: AccessRule) -> Self {
        (rule.method, rule.path)
    }
}

/// A request's path, prepared for many patterns.
///
/// Bit sets over the positions in the path follow all ways through a pattern at once: bit `n` of a
/// set stands for the position before byte `n`. A pattern costs time in proportion to its own
/// length and to a 64th of the path's.
#[derive(Debug, Clone)]
pub struct RequestPath {
    /// In the spelling that is compared.
    path: String,
    /// How many words a set has.
    words: usize,
    /// For each ASCII character, the set of the positions before one, one after the other.
    positions: Vec<u64>,
    /// The set of the positions before anything but `/`.
    within_segments: Vec<u64>,
}

/// How many characters ASCII has.
const ASCII: usize = 128;

impl RequestPath {
    /// Prepares a path as it came in the request. Returns [`None`] for one that matches no rule
    /// because it has more than [`MAX_PATH_BYTES`], as it came or in the spelling that is compared.
    #[must_use]
    pub fn new(path: &str) -> Option<Self> {
        if path.len() > MAX_PATH_BYTES {
            return None;
        }
        let path = canonical(path);
        let length = path.len();
        if length > MAX_PATH_BYTES {
            return None;
        }
        let words = length / 64 + 1;
        let mut positions = vec![0; ASCII * words];
        let mut within_segments = vec![0; words];
        for (at, byte) in path.bytes().enumerate() {
            set_bit(&mut positions, usize::from(byte) * words * 64 + at);
            if byte != b'/' {
                set_bit(&mut within_segments, at);
            }
        }
        Some(Self {
            path,
            words,
            positions,
            within_segments,
        })
    }

    /// Returns whether the pattern of an access rule matches the whole path.
    fn matches(&self, pattern: &str) -> bool {
        // Most patterns are told by what stands behind their last variable part.
        let literal = pattern.rsplit(['*', '}']).next().unwrap_or_default();
        if !self.path.ends_with(literal) {
            return false;
        }
        let mut reached = vec![0; self.words];
        set_bit(&mut reached, 0);
        let mut rest = pattern;
        while let Some(character) = rest.chars().next() {
            let is_stuck;
            (rest, is_stuck) = if let Some(tail) = rest.strip_prefix("**") {
                (tail, self.skip_anything(&mut reached))
            } else if let Some(tail) = rest.strip_prefix('*').or_else(|| after_name(rest)) {
                (tail, self.skip_within_segment(&mut reached))
            } else {
                let tail = rest.get(character.len_utf8()..).unwrap_or_default();
                (tail, self.step(&mut reached, character))
            };
            if is_stuck {
                return false;
            }
        }
        let length = self.path.len();
        let last = reached.get(length / 64).copied().unwrap_or_default();
        last >> (length % 64) & 1 == 1
    }

    /// Moves each position behind `character`, or drops it where another character follows. Returns
    /// whether none is left.
    fn step(&self, reached: &mut [u64], character: char) -> bool {
        let start = character as usize * self.words;
        let Some(before) = self.positions.get(start..start + self.words) else {
            return true;
        };
        let (mut carry, mut any) = (0, 0);
        for (word, before) in reached.iter_mut().zip(before) {
            let matched = *word & before;
            *word = shift(matched, carry);
            carry = matched >> 63;
            any |= *word;
        }
        any == 0
    }

    /// Moves each position behind one or more characters of its segment. Returns whether none is
    /// left.
    fn skip_within_segment(&self, reached: &mut [u64]) -> bool {
        let (mut shift_carry, mut sum_carry, mut any) = (0, false, 0);
        for (word, within) in reached.iter_mut().zip(&self.within_segments) {
            let matched = *word & within;
            let behind_one = shift(matched, shift_carry);
            shift_carry = matched >> 63;
            // The carry of an addition runs from the first position in a segment to its end.
            let (sum, first) = (behind_one & within).overflowing_add(*within);
            let (sum, second) = sum.overflowing_add(u64::from(sum_carry));
            sum_carry = first || second;
            *word = (sum ^ within) | behind_one;
            any |= *word;
        }
        any == 0
    }

    /// Adds all positions behind the first. Returns whether there is none.
    fn skip_anything(&self, reached: &mut [u64]) -> bool {
        let mut is_behind = false;
        for word in reached.iter_mut() {
            *word = if is_behind {
                u64::MAX
            } else {
                // All bits from the lowest on.
                word.wrapping_neg() | *word
            };
            is_behind = *word != 0;
        }
        if let Some(last) = reached.last_mut() {
            *last &= u64::MAX >> (63 - self.path.len() % 64);
        }
        !is_behind
    }
}

/// Moves the positions in a word behind one byte; `carry` is the last one of the word before.
fn shift(word: u64, carry: u64) -> u64 {
    word << 1 | carry
}

fn set_bit(words: &mut [u64], at: usize) {
    if let Some(word) = words.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

/// Returns what follows `{name}` at the beginning of `pattern`.
fn after_name(pattern: &str) -> Option<&str> {
    let (_, tail) = pattern.strip_prefix('{')?.split_once('}')?;
    Some(tail)
}

/// Returns the path in the one spelling that patterns are written in: only what needs it is
/// percent-encoded, and an encoded `/` stays within its segment.
fn canonical(path: &str) -> String {
    let mut canonical = String::with_capacity(path.len());
    for (at, part) in path.split('/').enumerate() {
        if at > 0 {
            canonical.push('/');
        }
        for byte in percent_decode_str(part) {
            if byte.is_ascii_alphanumeric() || byte != b'/' && UNENCODED.contains(&byte) {
                canonical.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(canonical, "%{byte:02X}");
            }
        }
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str) -> AccessRule {
        AccessRule {
            method: "DELETE".into(),
            path: pattern.into(),
        }
    }

    fn allows(pattern: &str, path: &str) -> bool {
        RequestPath::new(path).is_some_and(|path| rule(pattern).allows("DELETE", &path))
    }

    #[test]
    fn k_each_kind_of_pattern_matches_what_the_middleware_says() {
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
    fn p_a_character_is_not_a_regular_expression() {
        assert!(!allows("/v2.1/servers", "/v2x1/servers"));
        assert!(!allows("/v2.1/server.?", "/v2.1/server"));
        assert!(!allows("/a?", "/a%3F"));
        assert!(!allows("/é", "/%C3%A9"));
    }

    #[test]
    fn a_brace_that_is_not_closed_stands_for_itself() {
        assert!(!allows("/v2.1/servers/{id", "/v2.1/servers/a"));
    }

    #[test]
    fn k_the_method_is_compared_exactly() {
        let rule = AccessRule {
            method: "GET".into(),
            path: "/v2.1/**".into(),
        };
        let path = RequestPath::new("/v2.1/servers").unwrap();
        assert!(rule.allows("GET", &path));
        for method in ["HEAD", "get", "DELETE", ""] {
            assert!(!rule.allows(method, &path), "{method}");
        }
    }

    #[test]
    fn a_path_is_the_same_however_it_is_encoded() {
        for (path, canonically) in [
            ("/a/k%65y", "/a/key"),
            ("/a/a%20b", "/a/a%20b"),
            ("/a/%c3%a9", "/a/%C3%A9"),
            ("/a/é", "/a/%C3%A9"),
            ("/a/a%3Ab", "/a/a:b"),
            ("/a/50%", "/a/50%25"),
            ("/a/5%0", "/a/5%250"),
            ("/a/%zz", "/a/%25zz"),
            ("/a%2fb", "/a%2Fb"),
            ("//a/", "//a/"),
            ("/%2E%2e/~%7E", "/../~~"),
        ] {
            assert_eq!(canonical(path), canonically);
        }
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
    fn p_a_path_longer_than_2_048_bytes_matches_no_rule_however_it_is_spelled() {
        assert!(allows("**", &"a".repeat(MAX_PATH_BYTES)));
        assert!(!allows("**", &"a".repeat(MAX_PATH_BYTES + 1)));
        assert!(!allows("**", &"%61".repeat(MAX_PATH_BYTES / 3 + 1)));
        assert!(!allows("**", &"|".repeat(MAX_PATH_BYTES / 3 + 1)));
    }

    /// How long such patterns take is measured by `npm run test:fuzz`.
    #[test]
    fn the_longest_patterns_and_paths_match_what_they_should() {
        let any = "/**".repeat(75);
        let segments = "/a".repeat(MAX_PATH_BYTES / 2);
        assert!(allows(&any, &segments));
        assert!(!allows(&format!("{any}b"), &segments));
        let aligned = format!("**{}b", "/a*".repeat(74));
        let longer = "/aa".repeat(682);
        assert!(!allows(&aligned, &longer));
        assert!(allows(&aligned, &format!("{longer}b")));
        let run = "a".repeat(MAX_PATH_BYTES - 1);
        assert!(allows(
            &format!("**{}b", "a".repeat(222)),
            &format!("{run}b")
        ));
        assert!(!allows(&format!("**{}b", "a".repeat(222)), &run));
        assert!(allows("{x}", &run));
        assert!(!allows("{x}", &format!("{run}/")));
    }

    /// Tries one way through the pattern after the other.
    fn matches_slowly(pattern: &[u8], path: &[u8]) -> bool {
        let try_from = |tail: &[u8], start: usize, end: usize| {
            (start..=end).any(|at| matches_slowly(tail, &path[at..]))
        };
        match pattern {
            [b'*', b'*', tail @ ..] => try_from(tail, 0, path.len()),
            [b'*', tail @ ..] | [b'{', b'n', b'}', tail @ ..] => {
                let segment = path.iter().position(|byte| *byte == b'/');
                try_from(tail, 1, segment.unwrap_or(path.len()))
            }
            [byte, tail @ ..] => path.first() == Some(byte) && matches_slowly(tail, &path[1..]),
            [] => path.is_empty(),
        }
    }

    proptest::proptest! {
        #[test]
        fn patterns_match_what_trying_each_way_finds(
            pattern in "(\\*\\*|\\*|\\{n\\}|/|a|b){0,8}",
            path in "[/ab]{0,70}",
        ) {
            proptest::prop_assert_eq!(allows(&pattern, &path), matches_slowly(pattern.as_bytes(), path.as_bytes()));
        }

        #[test]
        fn each_spelling_of_a_path_is_canonical_once(path in "[ -~é]{0,40}") {
            let once = canonical(&path);
            proptest::prop_assert_eq!(canonical(&once), once);
        }
    }
}
