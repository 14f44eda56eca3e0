//! `edge-metadata-bridge`: the command line.

use std::io::Write;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use edge_metadata_bridge::bus::Bus;
use edge_metadata_bridge::cloud::{Endpoints, OpenStack, SessionError};
use edge_metadata_bridge::config::{Config, ConfigError};
use edge_metadata_bridge::edge::{EdgeClient, TokenSource};
use edge_metadata_bridge::import::{self, ImportError, import};
use edge_metadata_bridge::reconcile::{Failure, Reconciler};
use edge_metadata_bridge::run::{self, run};
use edge_metadata_bridge::verify::{self, Pace, verify};
use edge_metadata_bridge::{backoff::Backoff, metrics};
use secrecy::SecretString;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// Carries metadata both ways between an OpenStack cloud and edge-metadata.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None)]
struct Cli {
    /// The settings.
    #[arg(
        long,
        short,
        global = true,
        env = "EDGE_METADATA_BRIDGE_CONFIG",
        default_value = "/etc/edge-metadata-bridge/bridge.toml"
    )]
    config: PathBuf,
    /// What is logged, as JSON on stderr: a level, or levels by module.
    #[arg(
        long,
        global = true,
        env = "EDGE_METADATA_BRIDGE_LOG",
        default_value = "warn,lapin=off,edge_metadata_bridge=info"
    )]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Carries both ways until it is told to end.
    Run {
        /// Ends by itself when nothing is left to carry.
        #[arg(long)]
        once: bool,
        /// How often everything is compared and mended, in place of the setting; "0s" for never.
        #[arg(long, value_parser = humantime::parse_duration)]
        verify_every: Option<Duration>,
    },
    /// Registers everything that the cloud has: exit code 1 if the edge refuses any of it. An import that was interrupted
    /// goes on where it was.
    Import {
        /// Where it is written down how far the import has come.
        #[arg(long, default_value = "edge-metadata-import.json")]
        state: PathBuf,
        /// Reads everything and sends nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Tells what differs, one line of JSON each: exit code 1 if anything does.
    Verify {
        /// Brings what differs into step: exit code 0 if that worked for all of it.
        #[arg(long)]
        repair: bool,
    },
    /// Reads the settings and asks nobody: exit code 2 if one is bad.
    Check,
}

/// Something differs.
const DIFFERENT: u8 = 1;
/// It could not be done.
const FAILED: u8 = 2;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error("metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("the client for the edge: {0}")]
    Client(#[from] reqwest::Error),
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

type Bridge = Arc<Reconciler<OpenStack, EdgeClient>>;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli).await {
        Ok(code) => code,
        Err(error) => {
            // The log may not be there yet.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(FAILED)
        }
    }
}

async fn execute(cli: Cli) -> Result<ExitCode, Error> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::try_new(&cli.log)?)
        .init();
    let config = Config::load(&cli.config)?;
    let buses = buses(&config)?;
    // Also what `check` has to read: a file that is missing is a mistake in the settings.
    let token = config.edge.token()?;
    match cli.command {
        Command::Check => print(&json!({"settings": "good"})).map(|()| ExitCode::SUCCESS),
        Command::Run { once, verify_every } => {
            metrics::install(config.metrics.listen, config.metrics.file.clone())?;
            let stop = stop_signal()?;
            let Some(bridge) = connected(&config, token, &stop).await? else {
                return Ok(ExitCode::SUCCESS);
            };
            let every = verify_every.unwrap_or(config.verify.every);
            let options = run::Options {
                buses,
                concurrency: config.run.concurrency,
                longest_backoff: config.run.longest_backoff,
                shutdown_timeout: config.run.shutdown_timeout,
                poll_every: config.edge.poll_every,
                report_every: config.edge.report_every,
                verify_every: (!every.is_zero() && !once).then_some(every),
                pace: pace(&config),
                once,
            };
            run(bridge, options, stop, ready).await;
            info!("has ended");
            Ok(ExitCode::SUCCESS)
        }
        Command::Import { state, dry_run } => {
            let options = import::Options {
                edge: config.edge.url.to_string(),
                state,
                page_size: config.import.page_size,
                concurrency: config.import.concurrency,
                dry_run,
            };
            let bridge = connect(&config, token).await?;
            let summary = import(&bridge, &options).await?;
            print(
                &json!({"dry_run": dry_run, "servers": summary.servers, "images": summary.images}),
            )?;
            Ok(if summary.is_complete() {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(DIFFERENT)
            })
        }
        Command::Verify { repair } => {
            let bridge = connect(&config, token).await?;
            verified(&bridge, pace(&config), repair).await
        }
    }
}

fn ready() {
    info!("ready");
    // Not started by systemd: nobody is told.
    let _ = sd_notify::notify(false, &[sd_notify::NotifyState::Ready]);
}

/// Tells what differs, and mends it.
async fn verified(bridge: &Bridge, pace: Pace, repair: bool) -> Result<ExitCode, Error> {
    let mut findings = Vec::new();
    let summary = verify(bridge, pace, |finding| findings.push(finding)).await?;
    let mut left = 0_u64;
    for finding in &findings {
        let mut line =
            json!({"kind": finding.resource.kind, "id": finding.resource.id.to_string()});
        if let (Some(line), Ok(serde_json::Value::Object(difference))) = (
            line.as_object_mut(),
            serde_json::to_value(&finding.difference),
        ) {
            line.extend(difference);
        }
        if repair {
            let mended = verify::repair(bridge, finding.resource).await;
            left += u64::from(!mended);
            if let Some(line) = line.as_object_mut() {
                line.insert("repaired".to_owned(), mended.into());
            }
        } else {
            left += 1;
        }
        print(&line)?;
    }
    print(&json!({"summary": summary, "left": left}))?;
    Ok(if left == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DIFFERENT)
    })
}

/// Results go to stdout, a line of JSON each; everything else is the log.
fn print(line: &serde_json::Value) -> Result<(), Error> {
    writeln!(std::io::stdout(), "{line}").map_err(Error::Io)
}

/// Connects, again and again if need be, until it is told to end.
async fn connected(
    config: &Config,
    token: Option<SecretString>,
    stop: &CancellationToken,
) -> Result<Option<Bridge>, Error> {
    let mut backoff = Backoff::new(config.run.longest_backoff);
    loop {
        match connect(config, token.clone()).await {
            Ok(bridge) => return Ok(Some(bridge)),
            Err(
                error @ Error::Session(
                    SessionError::Connect(_)
                    | SessionError::ConnectTimeout(_)
                    | SessionError::NotAdmin(_),
                ),
            ) => {
                warn!(%error, "is tried again");
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.wait()) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

async fn connect(config: &Config, token: Option<SecretString>) -> Result<Bridge, Error> {
    let endpoints = Endpoints {
        cloud: config.cloud.name.clone(),
        clouds_file: config.cloud.clouds_file.clone(),
        compute: config
            .cloud
            .compute_endpoint
            .as_ref()
            .map(ToString::to_string),
        image: config
            .cloud
            .image_endpoint
            .as_ref()
            .map(ToString::to_string),
        edge: config.edge.url.clone(),
        timeout: config.cloud.timeout,
    };
    let cloud =
        Arc::new(OpenStack::connect(endpoints, config.cloud.server_attributes.clone()).await?);
    let tokens = token.map_or_else(
        || TokenSource::Session(Arc::clone(&cloud)),
        TokenSource::Fixed,
    );
    let edge = EdgeClient::new(config.edge.url.clone(), tokens, config.edge.timeout)?;
    Ok(Arc::new(Reconciler::new(cloud, Arc::new(edge))))
}

fn buses(config: &Config) -> Result<Vec<Bus>, ConfigError> {
    config
        .bus
        .iter()
        .map(|bus| {
            Ok(Bus {
                name: bus.name.clone(),
                url: bus.address()?,
                queues: bus.queues.clone(),
                prefetch: bus.prefetch,
                look_every: bus.look_every,
                longest_backoff: config.run.longest_backoff,
            })
        })
        .collect()
}

fn pace(config: &Config) -> Pace {
    Pace {
        per_second: NonZeroU32::new(config.verify.per_second).unwrap_or(NonZeroU32::MIN),
        settle: config.verify.settle,
        longest_backoff: config.run.longest_backoff,
    }
}

/// Cancelled by SIGTERM and SIGINT.
fn stop_signal() -> Result<CancellationToken, Error> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancelled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancelled.cancel();
    });
    Ok(stop)
}
