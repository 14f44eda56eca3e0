//! Counters in Analytics Engine, where a data set is bound: one data point a request, of fields that its
//! log line has as well, and none by which a user or a resource can be told.

use worker::{AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset, Env};

use crate::log::LogRecord;
use crate::platform;

/// The data set, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Counters(Option<AnalyticsEngineDataset>);

impl Counters {
    /// Returns what the binding `ANALYTICS` stands for.
    pub(crate) fn new(env: &Env) -> Self {
        Self(platform::binding(env, "ANALYTICS"))
    }

    /// Counts a request that has its answer.
    pub(crate) fn count(&self, record: &LogRecord) {
        let Some(dataset) = &self.0 else {
            return;
        };
        let point = AnalyticsEngineDataPointBuilder::new()
            .indexes([record.route.unwrap_or_default()])
            .blobs(record.labels())
            .doubles(record.figures());
        // The request is answered whether or not it is counted.
        let _ = point.write_to(dataset);
    }
}
