//! What is counted, and where it can be read: Prometheus text on a port or in a file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing::warn;

use crate::resource::Kind;

const HINTS: &str = "edge_metadata_bridge_hints_total";
const RECONCILED: &str = "edge_metadata_bridge_reconciled_total";
const CHANGES: &str = "edge_metadata_bridge_changes_total";
const FAILURES: &str = "edge_metadata_bridge_failures_total";
const PENDING: &str = "edge_metadata_bridge_pending";
const LAG: &str = "edge_metadata_bridge_lag_seconds";
const CONNECTED: &str = "edge_metadata_bridge_bus_connected";
const DIFFERENCES: &str = "edge_metadata_bridge_differences_total";
const LAST_VERIFIED: &str = "edge_metadata_bridge_last_verified_timestamp_seconds";
const LAST_ROUND: &str = "edge_metadata_bridge_last_good_round_timestamp_seconds";

const LAG_BUCKETS: [f64; 12] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0,
];
const WRITTEN_EVERY: Duration = Duration::from_secs(5);

/// Begins to count. The port answers from now on.
///
/// # Errors
///
/// The address cannot be listened on, or metrics were installed before.
pub fn install(listen: Option<SocketAddr>, file: Option<PathBuf>) -> Result<(), BuildError> {
    let builder = PrometheusBuilder::new().set_buckets(&LAG_BUCKETS)?;
    match (listen, file) {
        (Some(address), _) => builder.with_http_listener(address).install()?,
        (None, Some(file)) => {
            let handle = builder.install_recorder()?;
            tokio::spawn(write_regularly(handle, file));
        }
        (None, None) => return Ok(()),
    }
    describe();
    begin_at_zero();
    Ok(())
}

/// An alarm on what never happened, or on the first time that something does, needs a value before that.
fn begin_at_zero() {
    gauge!(LAST_VERIFIED).set(0.0);
    gauge!(LAST_ROUND).set(0.0);
    for kind in Kind::ALL {
        let kind = kind.singular();
        counter!(RECONCILED, "kind" => kind, "outcome" => "rejected").absolute(0);
        counter!(CHANGES, "kind" => kind, "outcome" => "refused").absolute(0);
        counter!(DIFFERENCES, "kind" => kind, "what" => "unknown").absolute(0);
    }
}

fn describe() {
    describe_counter!(
        HINTS,
        "Resources that were announced, by where: a bus, the edge or a verification"
    );
    describe_counter!(
        RECONCILED,
        "Resources that were brought into step, by kind and outcome"
    );
    describe_counter!(
        CHANGES,
        "Changes of one key that the cloud took or refused, by kind and outcome"
    );
    describe_counter!(
        FAILURES,
        "Attempts that failed and are made again, by what failed"
    );
    describe_gauge!(PENDING, "Resources that wait for their turn");
    describe_histogram!(
        LAG,
        "Seconds from a change to its arrival, by direction: to_edge or to_cloud"
    );
    describe_gauge!(
        CONNECTED,
        "1 while a queue of a message bus is read and the broker refuses none, by bus"
    );
    describe_counter!(
        DIFFERENCES,
        "What verifications found, by kind and what: missing, ghost, different or unknown"
    );
    describe_gauge!(
        LAST_VERIFIED,
        "When a verification last went through, in Unix time"
    );
    describe_gauge!(
        LAST_ROUND,
        "Everything announced before this Unix time is at the edge"
    );
}

/// The node exporter's textfile collector reads such a file.
async fn write_regularly(handle: PrometheusHandle, file: PathBuf) {
    loop {
        handle.run_upkeep();
        if let Err(error) = replace(&file, &handle.render()).await {
            warn!(file = %file.display(), %error, "the metrics could not be written");
        }
        tokio::time::sleep(WRITTEN_EVERY).await;
    }
}

/// Writes beside the file and renames, so that nobody reads half of it.
async fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    tokio::fs::write(&beside, text).await?;
    tokio::fs::rename(&beside, file).await
}

/// A resource was announced.
pub fn hint(source: &str) {
    counter!(HINTS, "source" => source.to_owned()).increment(1);
}

/// A resource was brought into step.
pub fn reconciled(kind: Kind, outcome: &'static str) {
    counter!(RECONCILED, "kind" => kind.singular(), "outcome" => outcome).increment(1);
}

/// The cloud decided about a change of one key.
pub fn change(kind: Kind, outcome: &'static str) {
    counter!(CHANGES, "kind" => kind.singular(), "outcome" => outcome).increment(1);
}

/// An attempt failed.
pub fn failure(what: &'static str) {
    counter!(FAILURES, "what" => what).increment(1);
}

/// So many resources wait for their turn.
#[expect(
    clippy::cast_precision_loss,
    reason = "no such number of resources is near 2^52"
)]
pub fn pending(count: usize) {
    gauge!(PENDING).set(count as f64);
}

/// A change that was made at a time has arrived.
pub fn lag(direction: &'static str, since: DateTime<Utc>, now: DateTime<Utc>) {
    let seconds = (now - since).as_seconds_f64().max(0.0);
    histogram!(LAG, "direction" => direction).record(seconds);
}

/// A bus is connected and its queues are read, or no longer.
pub fn connected(bus: &str, connected: bool) {
    gauge!(CONNECTED, "bus" => bus.to_owned()).set(if connected { 1.0 } else { 0.0 });
}

/// A verification found something.
pub fn difference(kind: Kind, what: &'static str) {
    counter!(DIFFERENCES, "kind" => kind.singular(), "what" => what).increment(1);
}

/// A verification went through.
pub fn verified(at: DateTime<Utc>) {
    gauge!(LAST_VERIFIED).set(seconds(at));
}

/// Everything announced before this time is at the edge.
pub fn good_round(at: DateTime<Utc>) {
    gauge!(LAST_ROUND).set(seconds(at));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this millennium are exact"
)]
fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}
