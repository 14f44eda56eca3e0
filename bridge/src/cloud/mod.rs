//! The cloud's side: Nova and Glance through one Keystone session.

mod error;
mod glance;
mod glance_document;
mod nova;
mod nova_document;
mod session;

use std::future::Future;

use crate::registry::Document;
use crate::resource::{Kind, Resource};

pub use error::{CloudError, SessionError};
pub(crate) use glance_document::NOBODY;
pub use session::{Endpoints, OpenStack};

/// What became of a change in the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The key has the value, or is not there, as wanted.
    Applied,
    /// The cloud refuses it, for this reason.
    Refused(String),
}

/// One page of what the cloud has.
#[derive(Debug, Clone)]
pub struct CloudPage {
    /// The resources on it.
    pub resources: Vec<(Resource, Document)>,
    /// Where the next page begins; [`None`] on the last.
    pub next: Option<String>,
}

/// What is asked of a cloud.
pub trait Cloud: Send + Sync + 'static {
    /// Reads a resource; [`None`] when it is not there, or no longer.
    ///
    /// # Errors
    ///
    /// The cloud could not be asked.
    fn read(
        &self,
        resource: Resource,
    ) -> impl Future<Output = Result<Option<Document>, CloudError>> + Send;

    /// Gives a key of the resource's metadata a value, or with [`None`] takes it away.
    ///
    /// # Errors
    ///
    /// The cloud could not be asked, or failed: whether the change was made is unknown.
    fn change(
        &self,
        resource: Resource,
        key: &str,
        value: Option<&str>,
    ) -> impl Future<Output = Result<Taken, CloudError>> + Send;

    /// One page of all resources of a kind, of every project.
    ///
    /// # Errors
    ///
    /// The cloud could not be asked.
    fn page(
        &self,
        kind: Kind,
        marker: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<CloudPage, CloudError>> + Send;

    /// The ids of all projects that Keystone knows.
    ///
    /// # Errors
    ///
    /// The cloud could not be asked.
    fn projects(&self) -> impl Future<Output = Result<Vec<String>, CloudError>> + Send;
}

/// What a status means for a change of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Applied,
    Refused,
    Unknown,
}

/// Judges the answer to a change of one key.
///
/// P: a 404 of the service's own, `not_found`, is done, because either the key is not there or the resource is
/// not, which the read that follows tells. 400, 403 and 409 end the change, and a quota of Glance's, 413, if the
/// service itself says so, `is_own`: a proxy's 403 is none of its decisions. Everything else says nothing about the
/// change, least of all what a wrong address answers, and is tried again.
fn verdict(status: u16, retry_after: bool, not_found: bool, is_own: bool) -> Verdict {
    match status {
        200..=299 => Verdict::Applied,
        404 if not_found => Verdict::Applied,
        400 | 403 | 409 if is_own => Verdict::Refused,
        413 if is_own && !retry_after => Verdict::Refused,
        _ => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_applied_by_success_and_by_not_found() {
        for status in [200, 202, 204] {
            let verdict = verdict(status, false, false, false);
            assert_eq!(verdict, Verdict::Applied, "{status}");
        }
        assert_eq!(verdict(404, false, true, true), Verdict::Applied);
    }

    #[test]
    fn a_change_is_ended_by_the_services_own_400_403_and_409() {
        for status in [400, 403, 409, 413] {
            let own = verdict(status, false, false, true);
            assert_eq!(own, Verdict::Refused, "{status}");
            let proxys = verdict(status, false, false, false);
            assert_eq!(proxys, Verdict::Unknown, "{status}");
        }
    }

    #[test]
    fn everything_else_is_tried_again() {
        for status in [300, 401, 404, 405, 406, 408, 415, 429, 500, 502, 503, 504] {
            let verdict = verdict(status, false, false, true);
            assert_eq!(verdict, Verdict::Unknown, "{status}");
        }
        let limited = verdict(413, true, false, true);
        assert_eq!(limited, Verdict::Unknown, "a rate limit");
    }
}
