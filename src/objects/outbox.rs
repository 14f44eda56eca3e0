//! Telling the lists what a record is now.
//!
//! Each change that a list shows adds the list to the table `outbox`, in the same commit; an alarm
//! tells it. Only lists' names are stored. What a list is told follows from the record as it is at
//! that moment, so one that is told late is told the latest, and telling it twice changes nothing.

use std::time::Duration;

use edge_metadata_core::rpc::{EntryKind, IndexUpdate, ListedAs};
use edge_metadata_core::storage::IndexEntry;
use edge_metadata_core::storage::index_entry::CHANGES;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::client::{Indexes, split_object_name};
use super::resource::ResourceObject;
use super::schema::{self, PendingUpdate};
use super::state::ResourceState;
use crate::platform;

/// Lists that are told at once.
const BATCH: usize = 200;

/// Batches of one alarm. The platform limits the calls of one invocation, and an image may have any
/// number of members: the next alarm goes on where this one ends.
const BATCHES: usize = 5;

/// How long one list may take. Others are waiting.
const LIST_TIMEOUT: Duration = Duration::from_secs(3);

/// Milliseconds until a list that could not be told is told again. P: a list is right at most 60
/// seconds after it can be reached again.
const RETRY_MILLIS: i64 = 20_000;

impl ResourceObject {
    /// Tells each list that has a pending update, then sets the next alarm if there is anything left
    /// to do. An object whose record is gone removes itself once its tombstone has expired.
    ///
    /// # Errors
    ///
    /// Returns the database's exception. A list that cannot be told is no error: it stays pending.
    pub(super) async fn tell_lists(&self) -> worker::Result<()> {
        if schema::version(&self.database)?.is_none() {
            return Ok(());
        }
        let indexes = Indexes::new(&self.env)?;
        let mut after = self.told_up_to.take();
        for _ in 0..BATCHES {
            let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
            let updates = schema::pending_updates(&self.database, &after, limit)?;
            let Some(last) = updates.last() else {
                return self.set_next_alarm();
            };
            after.clone_from(&last.list);
            let mut told = stream::iter(&updates)
                .map(|update| self.tell(&indexes, update))
                .buffer_unordered(BATCH);
            while let Some(told) = told.next().await {
                told?;
            }
        }
        self.told_up_to.replace(after);
        self.database.set_alarm(platform::now().timestamp_millis())
    }

    /// Tells one list, and acknowledges the update when the list has taken it.
    async fn tell(&self, indexes: &Indexes, update: &PendingUpdate) -> worker::Result<()> {
        let name = self.name.as_deref().unwrap_or(&update.name);
        let Some(message) = self.index_update(name, &update.list)? else {
            return schema::acknowledge(&self.database, update);
        };
        let told = platform::timeout(LIST_TIMEOUT, indexes.update(&update.list, &message)).await;
        match told {
            Some(Ok(())) => schema::acknowledge(&self.database, update),
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Returns what a list is told now, [`None`] when the object's name is of no kind.
    fn index_update(&self, name: &str, list: &str) -> worker::Result<Option<IndexUpdate>> {
        let Some((kind, id)) = split_object_name(name) else {
            return Ok(None);
        };
        let update = self.with_state(|state| {
            if list == CHANGES {
                return IndexUpdate {
                    kind: EntryKind::Change,
                    id: name.to_owned(),
                    entry: state.oldest_mark().map(|created| ListedAs {
                        name: String::new(),
                        created,
                    }),
                };
            }
            let entry = state
                .record()
                .map(IndexEntry::of)
                .filter(|entry| entry.is_in(list));
            IndexUpdate {
                kind: kind.into(),
                id: id.to_string(),
                entry: entry.map(|entry| ListedAs {
                    name: entry.name,
                    created: entry.created.timestamp_millis(),
                }),
            }
        })?;
        Ok(Some(update))
    }

    fn set_next_alarm(&self) -> worker::Result<()> {
        let now = platform::now().timestamp_millis();
        if !schema::pending_updates(&self.database, "", 1)?.is_empty() {
            return self.database.set_alarm(now + RETRY_MILLIS);
        }
        match self.with_state(ResourceState::removable_at)? {
            Some(at) if at <= now => {
                self.forget_state();
                self.database.delete_all()
            }
            Some(at) => self.database.set_alarm(at),
            None => Ok(()),
        }
    }
}
