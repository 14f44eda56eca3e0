//! In which lists a record is, and as what.

use crate::metadata::{Record, Resource, Visibility};
use crate::timestamp::Timestamp;

/// The list of the images that everyone sees. No project has this id: it is not hexadecimal.
pub const PUBLIC: &str = "public";

/// The list of the resources with changes that the cloud has yet to apply. No project has this id.
pub const CHANGES: &str = "changes";

/// What the lists say of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The display name.
    pub name: String,
    /// When the resource was created; lists are sorted by it.
    pub created: Timestamp,
    /// The ids of the lists, sorted, each once.
    pub lists: Vec<String>,
}

impl IndexEntry {
    /// Returns the entry of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let mut lists = vec![record.project_id.clone()];
        if let Resource::Image(image) = &record.resource {
            match image.visibility {
                Visibility::Public => lists.push(PUBLIC.to_owned()),
                Visibility::Shared => lists.extend(image.members.iter().cloned()),
                // N: everyone sees community images, but they are in nobody else's list.
                Visibility::Community | Visibility::Private => {}
            }
        }
        lists.sort_unstable();
        lists.dedup();
        Self {
            name: record.name.clone(),
            created: record.created,
            lists,
        }
    }

    /// Returns whether the record is in this list.
    #[must_use]
    pub fn is_in(&self, list: &str) -> bool {
        self.lists
            .binary_search_by(|found| found.as_str().cmp(list))
            .is_ok()
    }

    /// Returns the lists that have to be updated when `before` becomes `after`: those that gain,
    /// keep or lose the record, or none when they say the same of it.
    #[must_use]
    pub fn pending_updates(before: Option<&Self>, after: Option<&Self>) -> Vec<String> {
        if before == after {
            return Vec::new();
        }
        let mut lists: Vec<String> = [before, after]
            .into_iter()
            .flatten()
            .flat_map(|entry| entry.lists.iter().cloned())
            .collect();
        lists.sort_unstable();
        lists.dedup();
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Image, Kind, Server};

    fn server(project_id: &str, name: &str) -> Record {
        Record {
            name: name.into(),
            ..Record::new(project_id, Kind::Server, Timestamp::default())
        }
    }

    fn image(visibility: Visibility, members: &[&str]) -> Record {
        Record {
            resource: Resource::Image(Image {
                visibility,
                members: members.iter().map(|&member| member.into()).collect(),
                ..Image::default()
            }),
            ..Record::new("ace", Kind::Image, Timestamp::default())
        }
    }

    fn pending(before: Option<&Record>, after: Option<&Record>) -> Vec<String> {
        let entry = |record: Option<&Record>| record.map(IndexEntry::of);
        IndexEntry::pending_updates(entry(before).as_ref(), entry(after).as_ref())
    }

    #[test]
    fn a_state_change_updates_no_list() {
        let before = server("ace", "n");
        let mut after = before.clone();
        after.resource = Resource::Server(Server {
            vm_state: "error".into(),
            locked: true,
            ..Server::default()
        });
        after.metadata.insert("k".into(), "v".into());
        assert_eq!(pending(Some(&before), Some(&after)), Vec::<String>::new());
    }

    #[test]
    fn each_list_that_gains_keeps_or_loses_a_record_is_updated() {
        let (old, new) = (server("ace", "n"), server("bee", "n"));
        assert_eq!(pending(None, Some(&old)), ["ace"]);
        assert_eq!(pending(Some(&old), None), ["ace"]);
        assert_eq!(pending(Some(&old), Some(&new)), ["ace", "bee"]);
        assert_eq!(pending(Some(&old), Some(&server("ace", "m"))), ["ace"]);
    }

    #[test]
    fn n_images_are_in_the_lists_of_those_who_find_them_there() {
        let lists = |visibility, members| IndexEntry::of(&image(visibility, members)).lists;
        assert_eq!(lists(Visibility::Private, &["bee"]), ["ace"]);
        assert_eq!(lists(Visibility::Community, &["bee"]), ["ace"]);
        assert_eq!(
            lists(Visibility::Shared, &["cad", "bee", "cad"]),
            ["ace", "bee", "cad"]
        );
        assert_eq!(lists(Visibility::Public, &["bee"]), ["ace", PUBLIC]);
        let shared = IndexEntry::of(&image(Visibility::Shared, &["bee"]));
        assert!(shared.is_in("ace") && shared.is_in("bee") && !shared.is_in("cad"));
    }
}
