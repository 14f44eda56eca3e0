//! The methods of an index object.

use serde::{Deserialize, Serialize};

use crate::metadata::{Kind, ResourceId};

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Milliseconds since 1970.
    pub created: i64,
    /// The resource's id.
    pub id: String,
}

impl Position {
    /// Returns the place before the first entry of a list in this order.
    #[must_use]
    pub fn start(order: Order) -> Self {
        Self {
            created: match order {
                // The largest and the smallest integer that cross to JavaScript and back.
                Order::NewestFirst => (1 << 53) - 1,
                Order::OldestFirst => 1 - (1 << 53),
            },
            id: String::new(),
        }
    }
}

/// What an entry of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A server of the project.
    Server,
    /// An image that the project finds in its list.
    Image,
    /// A resource with changes that the cloud has yet to apply; its id is `{kind}:{id}`.
    Change,
}

impl EntryKind {
    /// Returns the word in the column `kind`. It must never change.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Image => "image",
            Self::Change => "change",
        }
    }
}

impl From<Kind> for EntryKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Server => Self::Server,
            Kind::Image => Self::Image,
        }
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// N: servers and images.
    #[default]
    NewestFirst,
    /// Changes that the cloud has yet to apply.
    OldestFirst,
}

/// Which names a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameFilter {
    /// All names.
    #[default]
    Any,
    /// Exactly that name. N: images.
    Exact(String),
    /// Names in which the regular expression is found. N: servers.
    Pattern(String),
}

/// A page that is asked for: `list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexQuery {
    /// Only entries of this kind.
    pub kind: EntryKind,
    /// Only entries behind this place.
    pub after: Position,
    /// How many entries at most.
    pub limit: usize,
    /// Only these names.
    #[serde(default)]
    pub name: NameFilter,
    /// In which order.
    #[serde(default)]
    pub order: Order,
}

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPage {
    /// The entries.
    pub entries: Vec<Position>,
    /// Where to go on; [`None`] at the end of the list. A search may stop before it has found
    /// anything.
    #[serde(default)]
    pub resume_after: Option<Position>,
}

impl IndexPage {
    /// Returns the first `limit` entries of several lists together, newest first. What is in two of
    /// them is one entry.
    ///
    /// A list that has more to tell says nothing of what follows its last entry, so what other lists
    /// have behind that place is left for the next page.
    #[must_use]
    pub fn merge(pages: Vec<Self>, limit: usize) -> Self {
        let mut resume_after = pages
            .iter()
            .filter_map(|page| page.resume_after.as_ref())
            .max()
            .cloned();
        let mut entries: Vec<Position> = pages
            .into_iter()
            .flat_map(|page| page.entries)
            .filter(|entry| resume_after.as_ref().is_none_or(|place| entry >= place))
            .collect();
        entries.sort_unstable_by(|one, other| other.cmp(one));
        entries.dedup();
        if entries.len() > limit {
            entries.truncate(limit);
            resume_after = entries.last().cloned().or(resume_after);
        }
        Self {
            entries,
            resume_after,
        }
    }
}

/// What a list is told of a resource: `update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexUpdate {
    /// What the entry is.
    pub kind: EntryKind,
    /// The resource's id, `{kind}:{id}` in the list of changes.
    pub id: String,
    /// Grows with each update of a resource: an update that is overtaken by a later one changes
    /// nothing. Milliseconds since 1970; release 0.1 says none.
    #[serde(default)]
    pub revision: i64,
    /// The entry, [`None`] when the resource is not in the list any more.
    #[serde(default)]
    pub entry: Option<ListedAs>,
}

/// What a list shows of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedAs {
    /// The display name.
    pub name: String,
    /// Milliseconds since 1970.
    pub created: i64,
}

/// A resource, as the name of its object and an entry of the list of changes name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedResource {
    /// Server or image.
    pub kind: Kind,
    /// Its id.
    pub id: ResourceId,
}

impl ChangedResource {
    /// Parses the id of an entry, which is the name of the resource's object.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (kind, id) = name.split_once(':')?;
        Some(Self {
            kind: Kind::from_singular(kind)?,
            id: ResourceId::parse(id)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_resource_is_parsed_from_its_objects_name() {
        let id = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
        for kind in [Kind::Server, Kind::Image] {
            let name = format!("{}:{id}", kind.singular());
            let changed = ChangedResource::parse(&name).unwrap();
            assert_eq!((changed.kind, changed.id.to_string()), (kind, id.into()));
        }
        for name in [
            "",
            id,
            "flavor:5ec95878-b74d-40f2-be61-c3c1ae5e5b19",
            "server:x",
        ] {
            assert_eq!(ChangedResource::parse(name), None, "{name}");
        }
    }

    #[test]
    fn pages_of_several_lists_become_one() {
        let at = |created: i64| Position {
            created,
            id: format!("id-{created}"),
        };
        let page = |entries: &[i64], resume_after: Option<i64>| IndexPage {
            entries: entries.iter().copied().map(at).collect(),
            resume_after: resume_after.map(at),
        };
        for (pages, limit, entries, resume_after) in [
            (vec![], 5, vec![], None),
            (
                vec![page(&[9, 7], None), page(&[8, 7], None)],
                5,
                vec![9, 8, 7],
                None,
            ),
            // The first list may have entries between 7 and 5.
            (
                vec![page(&[9, 7], Some(7)), page(&[8, 5], None)],
                5,
                vec![9, 8, 7],
                Some(7),
            ),
            (
                vec![page(&[9, 7], Some(7)), page(&[8, 3], Some(3))],
                5,
                vec![9, 8, 7],
                Some(7),
            ),
            (
                vec![page(&[9, 7], None), page(&[8, 5], None)],
                2,
                vec![9, 8],
                Some(8),
            ),
            // A search that has found nothing yet.
            (
                vec![page(&[], Some(6)), page(&[8, 5], None)],
                5,
                vec![8],
                Some(6),
            ),
        ] {
            let merged = IndexPage::merge(pages.clone(), limit);
            let expected = page(&entries, resume_after);
            assert_eq!(merged, expected, "{pages:?}");
        }
    }

    #[test]
    fn a_query_of_an_earlier_release_has_the_defaults() {
        let text = r#"{"kind":"server","after":{"created":5,"id":"x"},"limit":3}"#;
        let query: IndexQuery = serde_json::from_str(text).unwrap();
        assert_eq!(
            (query.name, query.order),
            (NameFilter::Any, Order::NewestFirst)
        );
    }
}
