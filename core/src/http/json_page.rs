//! One page of a list as JSON.

use serde::Serialize;
use serde_json::json;

use crate::metadata::ResourceId;

/// P: entries that a page has at most: each costs a call to its object.
pub const MAX_ENTRIES: usize = 100;

/// P: bytes of JSON that a page's entries have at most.
pub const MAX_BYTES: usize = 1 << 20;

/// A page that is being filled.
#[derive(Debug)]
pub struct JsonPage {
    /// The entries, separated by commas.
    entries: String,
    count: usize,
    limit: usize,
    max_bytes: usize,
    /// Whether an entry did not fit.
    overflowed: bool,
    /// The resource of the last entry.
    last: Option<ResourceId>,
}

impl JsonPage {
    /// Returns an empty page for `limit` entries, at most [`MAX_ENTRIES`].
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            entries: String::new(),
            count: 0,
            limit: limit.min(MAX_ENTRIES),
            max_bytes: MAX_BYTES,
            overflowed: false,
            last: None,
        }
    }

    /// Adds a resource, as [`push`](Self::push), and remembers it as the last one.
    pub fn push_resource(&mut self, id: ResourceId, entry: &impl Serialize) -> bool {
        let is_added = self.push(entry);
        if is_added {
            self.last = Some(id);
        }
        is_added
    }

    /// Returns the resource that was added last, which the next page follows when this one is full.
    #[must_use]
    pub fn last(&self) -> Option<ResourceId> {
        self.last
    }

    /// Adds an entry, and returns whether it was added. One that does not fit is not, and neither is
    /// any after it. The first entry always fits, so that every page leads on.
    pub fn push(&mut self, entry: &impl Serialize) -> bool {
        if self.is_full() {
            return false;
        }
        // Every member of an entry has a string as its name.
        let json = serde_json::to_string(entry).unwrap_or_default();
        if self.count > 0 && self.entries.len() + 1 + json.len() > self.max_bytes {
            self.overflowed = true;
            return false;
        }
        if self.count > 0 {
            self.entries.push(',');
        }
        self.entries.push_str(&json);
        self.count += 1;
        true
    }

    /// Returns whether no further entry is taken. There may be more, so a full page that has entries
    /// has a link to the next one.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.overflowed || self.count >= self.limit || self.entries.len() >= self.max_bytes
    }

    /// Returns whether there are no entries yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns how many further entries the page takes, if they are small.
    #[must_use]
    pub fn missing(&self) -> usize {
        if self.is_full() {
            return 0;
        }
        self.limit - self.count
    }

    /// Returns `{"<collection>": […]}`, with `"<collection>_links"` when there is a next page.
    #[must_use]
    pub fn finish(self, collection: &str, next: Option<String>) -> String {
        let links = next.map_or_else(String::new, |href| {
            let links = json!([{ "rel": "next", "href": href }]);
            format!(",\"{collection}_links\":{links}")
        });
        format!("{{\"{collection}\":[{}]{links}}}", self.entries)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn filled(limit: usize, max_bytes: usize, entries: &[&str]) -> JsonPage {
        let mut page = JsonPage {
            max_bytes,
            ..JsonPage::new(limit)
        };
        for entry in entries {
            page.push(entry);
        }
        page
    }

    fn document(page: JsonPage, next: Option<&str>) -> Value {
        serde_json::from_str(&page.finish("servers", next.map(str::to_owned))).unwrap()
    }

    #[test]
    fn a_page_is_the_array_of_its_entries() {
        assert_eq!(
            document(filled(5, 100, &["a", "b"]), None),
            json!({"servers": ["a", "b"]})
        );
        assert_eq!(document(JsonPage::new(5), None), json!({"servers": []}));
    }

    #[test]
    fn a_page_names_the_next_one() {
        assert_eq!(
            document(
                filled(1, 100, &["a"]),
                Some("https://edge.example/servers?marker=\"{}")
            ),
            json!({
                "servers": ["a"],
                "servers_links": [
                    {"rel": "next", "href": "https://edge.example/servers?marker=\"{}"},
                ],
            })
        );
    }

    #[test]
    fn a_page_remembers_the_last_resource_that_was_added() {
        let id = |last| ResourceId::parse(&format!("5ec95878-b74d-40f2-be61-c3c1ae5e5b1{last}"));
        let mut page = JsonPage::new(2);
        assert_eq!(page.last(), None);
        for last in [1, 2, 3] {
            page.push_resource(id(last).unwrap(), &last);
        }
        assert_eq!(page.last(), id(2));
    }

    #[test]
    fn a_page_ends_at_its_limit_of_entries() {
        let page = filled(2, 100, &["a", "b", "c"]);
        assert!(page.is_full());
        assert_eq!(page.missing(), 0);
        assert_eq!(document(page, None), json!({"servers": ["a", "b"]}));
        let page = filled(3, 100, &["a"]);
        assert!(!page.is_full() && !page.is_empty());
        assert_eq!(page.missing(), 2);
        assert_eq!(JsonPage::new(1_000).missing(), MAX_ENTRIES);
        let none = JsonPage::new(0);
        assert!(none.is_full() && none.is_empty());
    }

    #[test]
    fn a_page_ends_at_its_bytes_but_not_before_its_first_entry() {
        // Each entry takes four bytes with its quotes and its comma.
        let page = filled(9, 8, &["a", "b", "c"]);
        assert!(page.is_full());
        assert_eq!(document(page, None), json!({"servers": ["a", "b"]}));
        let page = filled(9, 8, &["a", "much longer", "c"]);
        assert_eq!(document(page, None), json!({"servers": ["a"]}));
        let page = filled(9, 8, &["much longer", "b"]);
        assert!(page.is_full());
        assert_eq!(document(page, None), json!({"servers": ["much longer"]}));
    }
}
