//! Telling the lists what a record is now.
//!
//! Each change that a list shows adds the list to the table `outbox`, in the same commit; an alarm
//! tells it. Only lists' names are stored, and when they changed last. What a list is told follows from
//! the record as it is at that moment, so one that is told late is told the latest, and telling it
//! twice changes nothing. A call that was given up may still arrive. The list ignores it if it has a later
//! update of the entry. Of a removal it remembers nothing, so an update that follows such a call is sent
//! again until the call cannot arrive any more.

use std::time::Duration;

use chrono::TimeDelta;
use edge_metadata_core::rpc::{ChangedResource, EntryKind, IndexUpdate, ListedAs};
use edge_metadata_core::storage::IndexEntry;
use edge_metadata_core::storage::index_entry::CHANGES;
use futures_util::stream::{self, StreamExt as _};

use super::client::Indexes;
use super::resource::ResourceObject;
use super::schema::{self, PendingUpdate, Tables};
use super::state::ResourceState;
use crate::delay::Delay;
use crate::platform;

/// Lists that are told at once. Where many objects share a thread, as they do locally, more of them
/// would hold up whoever calls this one.
const AT_ONCE: usize = 10;

/// Lists that are told of one reading of the record. Those that take long hold up the next reading.
const BATCH: i64 = 500;

/// Lists that one alarm tells at most, and for how long. The platform limits the calls of one
/// invocation, and an image may have any number of members: the next alarm goes on where this one ends.
const MAX_LISTS: usize = 1_000;
const MAX_DURATION: TimeDelta = TimeDelta::seconds(30);

/// How long one list may take. Others are waiting.
const LIST_TIMEOUT: Duration = Duration::from_secs(3);

/// Milliseconds until a list that could not be told is told again. P: a list is right at most 60
/// seconds after it can be reached again.
const RETRY_MILLIS: i64 = 20_000;

/// For how long a call that was given up may still arrive. Should it put back what a later update has
/// removed, of which a list remembers nothing, that update has to be sent again.
const LATE: TimeDelta = TimeDelta::seconds(60);

impl ResourceObject {
    /// Tells each list that has a pending update, then sets the next alarm if there is anything left
    /// to do. An object whose record is gone removes itself once its tombstone has expired.
    ///
    /// # Errors
    ///
    /// Returns the database's exception. A list that cannot be told is no error: it stays pending.
    pub(super) async fn send_pending_updates(&self) -> worker::Result<()> {
        if schema::tables(&self.database)? == Tables::None {
            return Ok(());
        }
        let indexes = Indexes::new(&self.env)?;
        let end = platform::now() + MAX_DURATION;
        let mut after = self.resume_after.take();
        let mut count = 0;
        let mut all_sent = true;
        while count < MAX_LISTS && platform::now() < end {
            // Read together with the updates that are told of it: should the record change while they
            // are told, they are pending again, and the next ones are told of the change.
            let snapshot = self.with_state(Snapshot::of)?;
            let updates = schema::pending_updates(&self.database, &after, BATCH)?;
            let Some(last) = updates.last() else {
                // What is pending although all were told was added meanwhile.
                return self.set_next_alarm(if all_sent { 0 } else { RETRY_MILLIS });
            };
            let told = updates.iter().map(async |update| {
                let is_acknowledged = self.send_update(&indexes, &snapshot, update).await;
                (update, is_acknowledged)
            });
            let mut told = stream::iter(told).buffer_unordered(AT_ONCE);
            let mut finished = 0_usize;
            let mut acknowledged = Vec::new();
            while let Some((update, is_acknowledged)) = told.next().await {
                if is_acknowledged {
                    acknowledged.push(update);
                }
                all_sent &= is_acknowledged;
                finished += 1;
                let is_over = platform::now() >= end;
                if finished.is_multiple_of(AT_ONCE) || finished == updates.len() || is_over {
                    schema::acknowledge(&self.database, acknowledged.drain(..))?;
                    // Lets the object answer others before it goes on.
                    Delay::from(Duration::from_millis(1)).await;
                }
                if is_over {
                    break;
                }
            }
            drop(told);
            let last = if finished < updates.len() {
                // Some of those that have begun last may not have ended.
                updates.get(finished.saturating_sub(AT_ONCE))
            } else {
                Some(last)
            };
            if let Some(last) = last {
                after.clone_from(&last.list);
            }
            count += finished;
        }
        self.resume_after.replace(after);
        self.database.set_alarm(platform::now().timestamp_millis())
    }

    /// Tells one list. Returns whether it has acknowledged the update.
    async fn send_update(
        &self,
        indexes: &Indexes,
        snapshot: &Snapshot,
        update: &PendingUpdate,
    ) -> bool {
        let object = self.name.as_deref().unwrap_or(&update.name);
        let Some(ChangedResource { kind, id }) = ChangedResource::parse(object) else {
            // The name of an object is always one of a resource: there is nothing to tell.
            return true;
        };
        let message = if update.list == CHANGES {
            IndexUpdate {
                kind: EntryKind::Change,
                id: object.to_owned(),
                revision: update.revision,
                entry: snapshot.changed(),
            }
        } else {
            IndexUpdate {
                kind: kind.into(),
                id: id.to_string(),
                revision: update.revision,
                entry: snapshot.listed_in(&update.list),
            }
        };
        let list = &update.list;
        let made = platform::now();
        let given_up = self.given_up.borrow_mut().insert(list.clone(), made);
        let sent = platform::timeout(LIST_TIMEOUT, indexes.update(list, &message)).await;
        let Some(reply) = sent else {
            return false;
        };
        // This call has ended; an earlier one may still be on its way.
        let given_up = given_up.filter(|at| platform::now() < *at + LATE);
        match given_up {
            Some(at) => self.given_up.borrow_mut().insert(list.clone(), at),
            None => self.given_up.borrow_mut().remove(list),
        };
        reply.is_ok() && given_up.is_none()
    }

    fn set_next_alarm(&self, retry_millis: i64) -> worker::Result<()> {
        let now = platform::now().timestamp_millis();
        if !schema::pending_updates(&self.database, "", 1)?.is_empty() {
            return self.database.set_alarm(now + retry_millis);
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

/// What lists are told of a record.
struct Snapshot {
    entry: Option<IndexEntry>,
    oldest_mark: Option<i64>,
}

impl Snapshot {
    fn of(state: &ResourceState) -> Self {
        Self {
            entry: state.record().map(IndexEntry::of),
            oldest_mark: state.oldest_mark(),
        }
    }

    /// Returns the entry in the list of changes.
    fn changed(&self) -> Option<ListedAs> {
        self.oldest_mark.map(|created| ListedAs {
            name: String::new(),
            created,
        })
    }

    /// Returns the entry in the list of a project, or in the one for everyone.
    fn listed_in(&self, list: &str) -> Option<ListedAs> {
        let entry = self.entry.as_ref().filter(|entry| entry.is_in(list))?;
        Some(ListedAs {
            name: entry.name.clone(),
            created: entry.created.timestamp_millis(),
        })
    }
}
