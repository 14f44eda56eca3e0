//! The parameters of lists of images. N gives them to Glance.

use super::parameters::{Parameters, number};
use crate::http::fault::Fault;
use crate::rpc::{NameFilter, Summary, SummaryState};
use crate::timestamp::Timestamp;

/// N: what Glance would filter by; what it is compared with is not known here.
const UNKNOWN: &[&str] = &["server", "type"];

/// The same; zero is no filter.
const UNKNOWN_MINIMA: &[&str] = &["minRam", "minDisk"];

/// N: numbers that a list takes and does not use.
const IGNORED_NUMBERS: &[&str] = &["page_size", "offset"];

/// What a list of images is filtered by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ImageFilter {
    name: Option<String>,
    /// Glance's status, in lower case.
    status: Option<String>,
    changes_since: Option<Timestamp>,
}

impl ImageFilter {
    /// Reads the parameters.
    ///
    /// # Errors
    ///
    /// 400 for malformed values, and for what cannot be answered.
    pub(super) fn read(parameters: Parameters<'_>) -> Result<Self, Fault> {
        for name in IGNORED_NUMBERS {
            for value in parameters.all(name) {
                number(name, value, 1)?;
            }
        }
        for (name, value) in parameters.iter() {
            let filters = UNKNOWN.contains(&name)
                || name.starts_with("property-")
                || UNKNOWN_MINIMA.contains(&name) && value.trim() != "0";
            if filters {
                return Err(Fault::UnsupportedParameter(name.to_owned()));
            }
        }
        Ok(Self {
            name: parameters.last("name").map(str::to_owned),
            status: parameters.last("status").map(str::to_lowercase),
            changes_since: parameters.time("changes-since")?,
        })
    }

    /// Returns the names for the index.
    pub(super) fn names(&self) -> NameFilter {
        match &self.name {
            Some(name) => NameFilter::Exact(name.clone()),
            None => NameFilter::Any,
        }
    }

    pub(super) fn matches(&self, summary: &Summary) -> bool {
        let SummaryState::Image { status } = &summary.state else {
            return false;
        };
        self.name.as_ref().is_none_or(|name| *name == summary.name)
            && self.status.as_ref().is_none_or(|asked| asked == status)
            && self
                .changes_since
                .is_none_or(|since| summary.updated >= since)
    }
}
