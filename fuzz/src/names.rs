//! The regular expressions by which servers are looked up.

use edge_metadata_core::name_pattern::{MAX_PATTERN_CHARACTERS, NamePattern};
use edge_metadata_core::rpc::NameFilter;
use edge_metadata_core::storage::NameSearch;

/// The first line is a pattern, the rest a name.
pub fn names(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, "web"));
    let search = NameSearch::new(&NameFilter::Pattern(pattern.to_owned()));
    let Some(compiled) = NamePattern::new(pattern) else {
        return;
    };
    assert!(pattern.chars().count() <= MAX_PATTERN_CHARACTERS);
    assert_eq!(compiled.as_str(), pattern);
    assert!(compiled.steps(name) >= compiled.steps(""));
    let is_found = compiled.is_found_in(name);
    if let Some(only) = compiled.only_name() {
        assert_eq!(is_found, name == only, "{only:?}");
        assert!(compiled.is_found_in(&only));
    }
    // The index finds what the pattern finds, by a condition or by the pattern.
    let search = search.expect("the pattern is well-formed");
    let meets = meets_condition(search.condition(), search.text(), name);
    assert_eq!(meets && search.matches(name), is_found);
}

/// What SQLite makes of a condition of a [`NameSearch`].
fn meets_condition(condition: &str, text: &str, name: &str) -> bool {
    match condition {
        "?4 = ''" => text.is_empty(),
        "name = ?4" => name == text,
        "substr(name, 1, length(?4)) = ?4" => name.starts_with(text),
        "(?4 = '' OR substr(name, -length(?4)) = ?4)" => name.ends_with(text),
        "instr(name, ?4) > 0" => name.contains(text),
        other => panic!("an unknown condition: {other}"),
    }
}
