//! The settings: a TOML file. Everything is checked before anything is read or asked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML, or has an unknown setting or one of another type.
    #[error("{}: line {line}, column {column}: {reason}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in it, from 1.
        column: usize,
        /// Why. The line itself is not shown: there may be a password in it.
        reason: String,
    },
    /// A setting has a value that it may not have.
    #[error("setting `{setting}`: {reason}")]
    Invalid {
        /// Its dotted name.
        setting: String,
        /// What it may be.
        reason: String,
    },
}

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Nova, Glance and Keystone.
    #[serde(default)]
    pub cloud: CloudConfig,
    /// The Worker.
    pub edge: EdgeConfig,
    /// The message buses: one for each broker, that is usually for each cell, and one for Glance's if it has its own.
    #[serde(default)]
    pub bus: Vec<BusConfig>,
    /// How `run` works.
    #[serde(default)]
    pub run: RunConfig,
    /// How `import` works.
    #[serde(default)]
    pub import: ImportConfig,
    /// How `verify` works, by itself and within `run`.
    #[serde(default)]
    pub verify: VerifyConfig,
    /// Where what is counted can be read.
    #[serde(default)]
    pub metrics: MetricsConfig,
}

/// Nova, Glance and Keystone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CloudConfig {
    /// A cloud of clouds.yaml; without it the variables `OS_*` decide.
    pub name: Option<String>,
    /// A clouds.yaml besides those in the usual places.
    pub clouds_file: Option<PathBuf>,
    /// In place of the catalog's compute endpoint.
    pub compute_endpoint: Option<Url>,
    /// In place of the catalog's image endpoint.
    pub image_endpoint: Option<Url>,
    /// How long a request may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Members of Nova's server documents that the edge shall show as they are.
    pub server_attributes: Vec<String>,
}

impl Default for CloudConfig {
    fn default() -> Self {
        const ATTRIBUTES: [&str; 14] = [
            "OS-DCF:diskConfig",
            "OS-EXT-AZ:availability_zone",
            "OS-SRV-USG:launched_at",
            "OS-SRV-USG:terminated_at",
            "accessIPv4",
            "accessIPv6",
            "addresses",
            "config_drive",
            "flavor",
            "hostId",
            "image",
            "key_name",
            "security_groups",
            "user_id",
        ];
        Self {
            name: None,
            clouds_file: None,
            compute_endpoint: None,
            image_endpoint: None,
            timeout: Duration::from_secs(30),
            server_attributes: ATTRIBUTES.map(str::to_owned).to_vec(),
        }
    }
}

/// The Worker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeConfig {
    /// Its origin, with `API_BASE_PATH` if it has one.
    pub url: Url,
    /// A file that holds a token for it; without it the token of the session with Keystone is used.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// How long a request may take.
    #[serde(default = "seconds::<15>", with = "humantime_serde")]
    pub timeout: Duration,
    /// How often it is asked for changes.
    #[serde(default = "seconds::<1>", with = "humantime_serde")]
    pub poll_every: Duration,
    /// How often the last good round is reported to it.
    #[serde(default = "seconds::<10>", with = "humantime_serde")]
    pub report_every: Duration,
}

/// A message bus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusConfig {
    /// For logs and metrics.
    pub name: String,
    /// `amqp://user:password@host:5672/%2f`, or `amqps://`.
    #[serde(default)]
    pub url: Option<SecretString>,
    /// A file that holds such an address, in place of `url`.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// The queues that are read.
    pub queues: Vec<String>,
    /// How many messages of a queue are held without an acknowledgement.
    #[serde(default = "prefetch")]
    pub prefetch: u16,
    /// How often a queue that does not exist is looked for.
    #[serde(default = "seconds::<5>", with = "humantime_serde")]
    pub look_every: Duration,
}

/// How `run` works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// How many resources have their turn at once.
    pub concurrency: usize,
    /// The longest wait before something that failed is tried again.
    #[serde(with = "humantime_serde")]
    pub longest_backoff: Duration,
    /// How long what is under way may take once the bridge is told to end.
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            concurrency: 8,
            longest_backoff: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(20),
        }
    }
}

/// How `import` works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportConfig {
    /// Resources that are asked for at once.
    pub page_size: usize,
    /// How many are sent to the edge at once.
    pub concurrency: usize,
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            page_size: 200,
            concurrency: 16,
        }
    }
}

/// How `verify` works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifyConfig {
    /// How often `run` verifies and mends; 0 for never.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// Resources that are compared in a second, at most.
    pub per_second: u32,
    /// How long a difference must last to be one.
    #[serde(with = "humantime_serde")]
    pub settle: Duration,
}

impl Default for VerifyConfig {
    fn default() -> Self {
        Self {
            every: Duration::from_hours(6),
            per_second: 50,
            settle: Duration::from_secs(2),
        }
    }
}

/// Where what is counted can be read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// An address to answer scrapes on.
    pub listen: Option<SocketAddr>,
    /// A file that is written anew every 5 seconds, for the node exporter's textfile collector.
    pub file: Option<PathBuf>,
}

const fn seconds<const N: u64>() -> Duration {
    Duration::from_secs(N)
}

const fn prefetch() -> u16 {
    500
}

impl Config {
    /// Reads and checks the settings.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no TOML, or has a setting that is unknown, of another type or out of its range; each
    /// is named.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let config: Self = toml::from_str(&text).map_err(|error| {
            let (line, column) = position(&text, error.span().map_or(0, |span| span.start));
            ConfigError::Parse {
                path: path.to_owned(),
                line,
                column,
                reason: without_text(error.message()),
            }
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        http("edge.url", &self.edge.url)?;
        for (setting, url) in [
            ("cloud.compute_endpoint", &self.cloud.compute_endpoint),
            ("cloud.image_endpoint", &self.cloud.image_endpoint),
        ] {
            if let Some(url) = url {
                http(setting, url)?;
            }
        }
        for (setting, duration) in [
            ("cloud.timeout", self.cloud.timeout),
            ("edge.timeout", self.edge.timeout),
            ("edge.poll_every", self.edge.poll_every),
            ("edge.report_every", self.edge.report_every),
            ("run.longest_backoff", self.run.longest_backoff),
            ("run.shutdown_timeout", self.run.shutdown_timeout),
            ("verify.settle", self.verify.settle),
        ] {
            lasting(setting, duration)?;
        }
        if !self.verify.every.is_zero()
            && !(SHORTEST..=Duration::from_hours(31 * 24)).contains(&self.verify.every)
        {
            return Err(invalid(
                "verify.every",
                "must be from 10ms to 31days, or 0s for never",
            ));
        }
        if self.cloud.clouds_file.is_some() && self.cloud.name.is_none() {
            return Err(invalid(
                "cloud.clouds_file",
                "is read only for the cloud that `cloud.name` names",
            ));
        }
        within("run.concurrency", self.run.concurrency, 1, 256)?;
        within("import.page_size", self.import.page_size, 1, 1_000)?;
        within("import.concurrency", self.import.concurrency, 1, 256)?;
        within(
            "verify.per_second",
            self.verify.per_second as usize,
            1,
            10_000,
        )?;
        let mut names = std::collections::HashSet::new();
        for (at, bus) in self.bus.iter().enumerate() {
            if !names.insert(bus.name.as_str()) {
                return Err(invalid(
                    &format!("bus.{at}.name"),
                    "must differ from the other buses' names",
                ));
            }
            bus.check(at)?;
        }
        if self.metrics.listen.is_some() && self.metrics.file.is_some() {
            return Err(invalid("metrics", "has either `listen` or `file`"));
        }
        Ok(())
    }
}

impl BusConfig {
    fn check(&self, at: usize) -> Result<(), ConfigError> {
        if self.queues.is_empty() {
            return Err(invalid(&format!("bus.{at}.queues"), "must name a queue"));
        }
        lasting(&format!("bus.{at}.look_every"), self.look_every)?;
        within(
            &format!("bus.{at}.prefetch"),
            usize::from(self.prefetch),
            1,
            10_000,
        )?;
        match (&self.url, &self.url_file) {
            (Some(url), None) => amqp(&format!("bus.{at}.url"), url),
            (None, Some(_)) => Ok(()),
            _ => Err(invalid(
                &format!("bus.{at}"),
                "needs either `url` or `url_file`",
            )),
        }
    }

    /// The bus's address.
    ///
    /// # Errors
    ///
    /// Its file cannot be read, or holds something else.
    pub fn address(&self) -> Result<SecretString, ConfigError> {
        match (&self.url, &self.url_file) {
            (None, Some(file)) => {
                let url = secret(file)?;
                amqp(&format!("bus `{}`, url_file", self.name), &url)?;
                Ok(url)
            }
            (url, _) => url
                .clone()
                .ok_or_else(|| invalid("bus", "needs either `url` or `url_file`")),
        }
    }
}

impl EdgeConfig {
    /// The token in `token_file`, if that is set.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is empty.
    pub fn token(&self) -> Result<Option<SecretString>, ConfigError> {
        self.token_file.as_deref().map(secret).transpose()
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

/// What a file holds, without the white space around it.
fn secret(path: &Path) -> Result<SecretString, ConfigError> {
    let text = read(path)?;
    match text.trim() {
        "" => Err(invalid(&path.display().to_string(), "the file is empty")),
        text => Ok(text.into()),
    }
}

/// The line and the column of a place in a text, from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// A message without the text that stands where something else is expected: there may be a password in it.
fn without_text(message: &str) -> String {
    let quoted = message.split_once("string \"").and_then(|(before, rest)| {
        let (_, after) = rest.rsplit_once("\", expected ")?;
        Some(format!("{before}string, expected {after}"))
    });
    quoted.unwrap_or_else(|| message.to_owned())
}

fn invalid(setting: &str, reason: &str) -> ConfigError {
    ConfigError::Invalid {
        setting: setting.to_owned(),
        reason: reason.to_owned(),
    }
}

/// The shortest time that a setting may say.
const SHORTEST: Duration = Duration::from_millis(10);

fn lasting(setting: &str, duration: Duration) -> Result<(), ConfigError> {
    if (SHORTEST..=Duration::from_hours(24)).contains(&duration) {
        Ok(())
    } else {
        Err(invalid(setting, "must be from 10ms to 1day"))
    }
}

fn within(setting: &str, value: usize, least: usize, most: usize) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(invalid(setting, &format!("must be from {least} to {most}")))
    }
}

fn http(setting: &str, url: &Url) -> Result<(), ConfigError> {
    match url.scheme() {
        "http" | "https" if url.query().is_none() => Ok(()),
        _ => Err(invalid(
            setting,
            "must be an http or https address without a query",
        )),
    }
}

/// The address is not shown: there is a password in it.
fn amqp(setting: &str, url: &SecretString) -> Result<(), ConfigError> {
    match Url::parse(url.expose_secret())
        .map(|url| url.scheme().to_owned())
        .as_deref()
    {
        Ok("amqp" | "amqps") => Ok(()),
        _ => Err(invalid(setting, "must be an amqp or amqps address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[edge]\nurl = \"https://edge.example\"\n";

    fn config(text: &str) -> Result<Config, String> {
        let config: Config = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn only_the_edge_has_to_be_named() {
        let config = config(LEAST).unwrap();
        assert_eq!(config.edge.poll_every, Duration::from_secs(1));
        assert_eq!(config.run.concurrency, 8);
        assert!(config.bus.is_empty());
    }

    #[test]
    fn the_sample_is_valid_and_has_every_setting() {
        let sample = include_str!("../edge-metadata-bridge.example.toml");
        // Only one of these may be set.
        let without = |other: &str| {
            let lines: Vec<_> = sample
                .lines()
                .filter(|line| !line.starts_with(other))
                .map(|line| line.strip_prefix("#= ").unwrap_or(line))
                .collect();
            config(&lines.join("\n")).unwrap()
        };
        assert!(without("#= listen").metrics.file.is_some());
        let sample = without("#= file");
        assert_eq!(sample.bus.len(), 2);
        assert!(sample.cloud.name.is_some() && sample.cloud.clouds_file.is_some());
        assert!(sample.cloud.compute_endpoint.is_some() && sample.cloud.image_endpoint.is_some());
        assert!(sample.edge.token_file.is_some() && sample.metrics.listen.is_some());
    }

    #[test]
    fn a_bad_setting_is_named() {
        for (text, named) in [
            (
                "[run]\nconcurrency = 0",
                "setting `run.concurrency`: must be from 1 to 256",
            ),
            (
                "[run]\nlongest_backoff = \"0s\"",
                "setting `run.longest_backoff`: must be from 10ms to 1day",
            ),
            ("[run]\nretries = 3", "unknown field `retries`"),
            ("[run]\nconcurrency = \"many\"", "invalid type: string"),
            (
                "[[bus]]\nname = \"a\"\nqueues = [\"q\"]",
                "setting `bus.0`: needs either `url` or `url_file`",
            ),
            (
                "[[bus]]\nname = \"a\"\nqueues = []\nurl = \"amqp://h\"",
                "setting `bus.0.queues`: must name a queue",
            ),
            (
                "[[bus]]\nname = \"a\"\nqueues = [\"q\"]\nurl = \"http://h\"",
                "setting `bus.0.url`: must be an amqp",
            ),
            (
                "[[bus]]\nname = \"a\"\nqueues = [\"q\"]\nurl = \"amqp://h\"\nlook_every = \"0s\"",
                "setting `bus.0.look_every`: must be from 10ms to 1day",
            ),
            (
                "[verify]\nsettle = \"0s\"",
                "setting `verify.settle`: must be from 10ms to 1day",
            ),
            (
                "[verify]\nevery = \"1ms\"",
                "setting `verify.every`: must be from 10ms to 31days, or 0s",
            ),
            (
                "[verify]\nevery = \"1year\"",
                "setting `verify.every`: must be from 10ms to 31days, or 0s",
            ),
            (
                "[cloud]\nclouds_file = \"clouds.yaml\"",
                "setting `cloud.clouds_file`: is read only for the cloud that `cloud.name` names",
            ),
            (
                "[cloud]\nimage_endpoint = \"ftp://h\"",
                "setting `cloud.image_endpoint`: must be an http",
            ),
            (
                "[metrics]\nlisten = \"127.0.0.1:1\"\nfile = \"f\"",
                "setting `metrics`: has either",
            ),
            (
                "[verify]\nper_second = 0",
                "setting `verify.per_second`: must be from 1 to 10000",
            ),
        ] {
            let error = config(&format!("{LEAST}{text}")).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
        assert!(config("").unwrap_err().contains("missing field `edge`"));
    }

    #[test]
    fn a_verification_may_be_weekly_or_never() {
        for every in ["0s", "7days"] {
            assert!(config(&format!("{LEAST}[verify]\nevery = \"{every}\"")).is_ok());
        }
    }

    #[test]
    fn two_buses_have_two_names() {
        let bus = "[[bus]]\nname = \"a\"\nqueues = [\"q\"]\nurl = \"amqp://h\"\n";
        let error = config(&format!("{LEAST}{bus}{bus}")).unwrap_err();
        assert!(error.contains("bus.1.name"), "{error}");
    }

    #[test]
    fn a_password_is_not_shown() {
        let bus = "[[bus]]\nname = \"a\"\nqueues = [\"q\"]\nurl = \"http://u:secret@h\"\n";
        let error = config(&format!("{LEAST}{bus}")).unwrap_err();
        assert!(!error.contains("secret"), "{error}");
        let config = config(&format!("{LEAST}{}", bus.replace("http", "amqp"))).unwrap();
        assert!(!format!("{config:?}").contains("secret"));
    }
}
