//! Reading the records of one page: how many, for how long, and what becomes of those that do not reply.

use std::cell::Cell;

use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::list::GroupTimeout;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;

use crate::context::RequestContext;
use crate::delay::Delay;
use crate::objects::client::StoreError;
use crate::platform;

/// Records that one answer asks for at most. A search that has found little by then has a `next` link.
const MAX_RECORDS: usize = 500;

/// How many groups may contain a record that did not reply in time. After two there is still time to answer.
const MAX_FAILED_GROUPS: usize = 2;

/// After such a group, at least this many records are asked for, however few the page still needs: only one
/// more group may fail, so it should be likely to contain a record that replies.
const LEAST_AFTER_FAILURE: usize = 25;

/// The records of one page, which are asked for in groups.
pub(crate) struct Records<'a> {
    context: &'a RequestContext,
    /// How long records may take. One that takes longer is left out.
    timeout: GroupTimeout,
    asked: Cell<usize>,
    /// Whether a record of the page replied. One that does not is left out, but when none does there is
    /// nothing to show.
    has_replies: Cell<bool>,
    /// Whether the record that the page follows replied.
    has_marker: Cell<bool>,
    /// How many of the groups that were asked for together had a record that did not reply.
    failed_groups: Cell<usize>,
}

impl<'a> Records<'a> {
    /// Returns those of a page of which nothing was read yet.
    pub(crate) fn new(context: &'a RequestContext) -> Self {
        Self {
            context,
            timeout: GroupTimeout::new(platform::now(), context.deadline),
            asked: Cell::new(0),
            has_replies: Cell::new(false),
            has_marker: Cell::new(false),
            failed_groups: Cell::new(0),
        }
    }

    /// Asks for the record that the page follows.
    ///
    /// # Errors
    ///
    /// 503 when it does not reply in time.
    pub(crate) async fn marker<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Fault> {
        let cause = match platform::timeout(self.timeout.at(platform::now()), call).await {
            Some(Ok(record)) => {
                self.has_marker.set(true);
                return Ok(record);
            }
            Some(Err(error)) => error.to_string(),
            None => "the marker's object did not reply in time".to_owned(),
        };
        self.context.note(cause);
        Err(Fault::StoreUnavailable)
    }

    /// Asks for records, all at once. One that cannot be read in time is [`None`], and the log says so.
    pub(crate) async fn group<T>(
        &self,
        calls: impl IntoIterator<Item = impl Future<Output = Result<T, StoreError>>>,
    ) -> Vec<Option<T>> {
        let mut replies = Vec::new();
        let mut calls: FuturesUnordered<_> = calls
            .into_iter()
            .enumerate()
            .map(async |(at, call)| (at, call.await))
            .collect();
        replies.resize_with(calls.len(), || None);
        let mut timeout = Delay::from(self.timeout.at(platform::now()));
        let mut failure = None;
        while let Either::Left((Some((at, reply)), _)) = select(calls.next(), &mut timeout).await {
            match reply {
                Ok(record) => {
                    if let Some(slot) = replies.get_mut(at) {
                        *slot = Some(record);
                    }
                }
                Err(error) => failure = Some(error.to_string()),
            }
        }
        let all = replies.len();
        let left_out = replies.iter().filter(|reply| reply.is_none()).count();
        if left_out > 0 {
            let cause = failure.unwrap_or_else(|| "they did not reply in time".to_owned());
            self.context.note(format!(
                "records are left out: {cause} ({left_out} of {all})"
            ));
            self.failed_groups.update(|groups| groups + 1);
        }
        if left_out < all {
            self.has_replies.set(true);
        }
        self.asked.update(|asked| asked + all);
        replies
    }

    /// Returns how many records are asked for next, when so many entries are missing. What the page has
    /// no room for is on the next one.
    pub(crate) fn group_size(&self, missing: usize) -> usize {
        if self.failed_groups.get() > 0 {
            missing.max(LEAST_AFTER_FAILURE)
        } else {
            missing
        }
    }

    /// Returns whether a further group is asked for. If not, the page has a link to what follows.
    pub(crate) fn allow_another(&self) -> bool {
        self.asked.get() < MAX_RECORDS
            && self.failed_groups.get() < MAX_FAILED_GROUPS
            && self.timeout.allows_another(platform::now())
    }

    /// Checks that there is something to show.
    ///
    /// # Errors
    ///
    /// 503 when records were asked for and none replied, because an outage must not look like an empty page
    /// or the end of a list. That the marker's record replied does not count, because the previous page has
    /// just read it. One exception: if only one record follows a marker that replied, that record is left
    /// out.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let is_last_one = self.has_marker.get() && self.asked.get() == 1;
        if self.failed_groups.get() > 0 && !self.has_replies.get() && !is_last_one {
            return Err(Fault::StoreUnavailable);
        }
        Ok(())
    }
}
