//! Every setting, its default and what values it may have. Checked when it is first read.

use std::fmt;

use thiserror::Error;

/// What an operator may set, as text in `[vars]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `REQUEST_DEADLINE_MS`: milliseconds until a request is given up with 503.
    pub request_deadline_ms: u32,
    /// `TOKEN_CACHE_SECONDS`: how long a token's claims may be believed without asking again.
    pub token_cache_seconds: u32,
    /// `METADATA_ITEMS`: items that one resource may have.
    pub metadata_items: usize,
    /// `API_BASE_PATH`: the path under which everything is found, such as `/compute`; empty for none.
    pub api_base_path: String,
    /// `CHANGES=keep`: whether users' changes are kept until the cloud has applied them.
    pub keep_changes: bool,
    /// `MAX_FEED_AGE_SECONDS`: how long the control plane may be silent before changes are answered
    /// 503; [`None`] for any time.
    pub max_feed_age_seconds: Option<u32>,
    /// `RATE_LIMIT_PERIOD_SECONDS`: the rate-limit binding's period, told in `Retry-After`.
    pub rate_limit_period_seconds: u32,
    /// `RATE_LIMIT_STATUS`: 413 as S1 says, or 429.
    pub rate_limit_status: u16,
    /// `CORS_ORIGINS`: the web pages that may call this API, by their origins.
    pub cors_origins: Origins,
    /// `LOG_LEVEL`: whether every request is logged, or only those that failed here (5xx).
    pub log_level: LogLevel,
    /// `KEYSTONE_…`: the Keystone that tokens are checked by; [`None`] for embedded tokens.
    pub keystone: Option<KeystoneSettings>,
}

/// A Keystone and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeystoneSettings {
    /// `KEYSTONE_URL`: where it is, with or without `/v3`.
    pub url: String,
    /// `KEYSTONE_PUBLIC_URL`: where clients find it, told with each 401; `url` unless it is set.
    pub public_url: String,
    /// `KEYSTONE_DEADLINE_MS`: milliseconds that one request may wait for it.
    pub deadline_ms: u32,
    /// What the Worker authenticates with; [`None`] when each token vouches for itself.
    pub credential: Option<ApplicationCredential>,
}

/// An application credential of the Worker's own.
#[derive(Clone, PartialEq, Eq)]
pub struct ApplicationCredential {
    /// `KEYSTONE_APPLICATION_CREDENTIAL_ID`
    pub id: String,
    /// `KEYSTONE_APPLICATION_CREDENTIAL_SECRET`
    pub secret: String,
}

impl fmt::Debug for ApplicationCredential {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApplicationCredential")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// One line a request.
    Info,
    /// Only what an operator should look at.
    Warn,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name} is '{value}', but must be {expected}")]
pub struct BadSetting {
    name: &'static str,
    value: String,
    expected: String,
}

/// `REQUEST_DEADLINE_MS` where it is not set.
pub const DEFAULT_REQUEST_DEADLINE_MS: u32 = 10_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            request_deadline_ms: DEFAULT_REQUEST_DEADLINE_MS,
            token_cache_seconds: 300,
            metadata_items: 128,
            api_base_path: String::new(),
            keep_changes: false,
            max_feed_age_seconds: None,
            rate_limit_period_seconds: 60,
            rate_limit_status: 413,
            cors_origins: Origins::default(),
            log_level: LogLevel::Info,
            keystone: None,
        }
    }
}

impl Settings {
    /// Reads all settings; `read` returns the text of one, [`None`] when it is not set.
    ///
    /// # Errors
    ///
    /// Returns the first setting that has a value it may not have.
    pub fn read(read: impl Fn(&'static str) -> Option<String>) -> Result<Self, BadSetting> {
        Ok(Self {
            request_deadline_ms: number(
                &read,
                "REQUEST_DEADLINE_MS",
                DEFAULT_REQUEST_DEADLINE_MS,
                1,
                600_000,
            )?,
            token_cache_seconds: number(&read, "TOKEN_CACHE_SECONDS", 300, 0, 86_400)?,
            metadata_items: number(&read, "METADATA_ITEMS", 128, 1, 10_000)? as usize,
            api_base_path: api_base_path(&read)?,
            keep_changes: keep_changes(&read)?,
            max_feed_age_seconds: optional_number(&read, "MAX_FEED_AGE_SECONDS", 1, 604_800)?,
            rate_limit_period_seconds: number(&read, "RATE_LIMIT_PERIOD_SECONDS", 60, 1, 3_600)?,
            rate_limit_status: one_of(&read, "RATE_LIMIT_STATUS", &[("413", 413), ("429", 429)])?,
            cors_origins: origins(&read)?,
            log_level: one_of(
                &read,
                "LOG_LEVEL",
                &[("info", LogLevel::Info), ("warn", LogLevel::Warn)],
            )?,
            keystone: keystone(&read)?,
        })
    }
}

/// Reads `API_BASE_PATH` alone, for answers of a deployment whose other settings are unusable.
///
/// # Errors
///
/// Returns the setting when it is no path.
pub fn api_base_path(read: &impl Fn(&'static str) -> Option<String>) -> Result<String, BadSetting> {
    let value = read("API_BASE_PATH").unwrap_or_default();
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    let is_path = value
        .strip_prefix('/')
        .is_some_and(|path| path.split('/').all(is_segment));
    if value.is_empty() || is_path {
        return Ok(value);
    }
    Err(BadSetting {
        name: "API_BASE_PATH",
        value,
        expected: "empty, or a path such as /compute without a slash at its end".to_owned(),
    })
}

fn keep_changes(read: &impl Fn(&'static str) -> Option<String>) -> Result<bool, BadSetting> {
    match read("CHANGES").as_deref() {
        None => Ok(false),
        Some("keep") => Ok(true),
        Some(value) => Err(BadSetting {
            name: "CHANGES",
            value: value.to_owned(),
            expected: "keep, or not set".to_owned(),
        }),
    }
}

/// The origins of the web pages that may call this API, as browsers write them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Parses a list separated by commas. Returns [`None`] when an entry is no origin:
    /// `https://host[:port]` in lower case. P: `*` is none, because a page acts with somebody's token.
    #[must_use]
    pub fn parse(list: &str) -> Option<Self> {
        let entries: Vec<_> = list.split(',').map(str::trim).collect();
        if entries == [""] {
            return Some(Self::default());
        }
        let origins = entries.iter().map(|&entry| entry.to_owned()).collect();
        entries.into_iter().all(is_origin).then_some(Self(origins))
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether `origin` is one of them.
    #[must_use]
    pub fn contains(&self, origin: &str) -> bool {
        self.0.iter().any(|found| found == origin)
    }
}

fn is_origin(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .is_some_and(|host| !host.is_empty() && host.bytes().all(allowed))
}

fn origins(read: &impl Fn(&'static str) -> Option<String>) -> Result<Origins, BadSetting> {
    let value = read("CORS_ORIGINS").unwrap_or_default();
    Origins::parse(&value).ok_or_else(|| BadSetting {
        name: "CORS_ORIGINS",
        value,
        expected: "origins as https://host, separated by commas".to_owned(),
    })
}

const CREDENTIAL_ID: &str = "KEYSTONE_APPLICATION_CREDENTIAL_ID";
const CREDENTIAL_SECRET: &str = "KEYSTONE_APPLICATION_CREDENTIAL_SECRET";

fn keystone(
    read: &impl Fn(&'static str) -> Option<String>,
) -> Result<Option<KeystoneSettings>, BadSetting> {
    // Checked even where they have no effect: whoever sets them means them.
    let deadline_ms = number(read, "KEYSTONE_DEADLINE_MS", 5_000, 1, 60_000)?;
    let public_url = url(read, "KEYSTONE_PUBLIC_URL")?;
    let credential = match (read(CREDENTIAL_ID), read(CREDENTIAL_SECRET)) {
        (None, None) => None,
        (Some(id), Some(secret)) if !id.is_empty() && !secret.is_empty() => {
            Some(ApplicationCredential { id, secret })
        }
        (id, _) => {
            let is_there = id.is_some_and(|id| !id.is_empty());
            return Err(BadSetting {
                name: if is_there {
                    CREDENTIAL_SECRET
                } else {
                    CREDENTIAL_ID
                },
                value: String::new(),
                expected: "set, because its other half is".to_owned(),
            });
        }
    };
    Ok(keystone_url(read)?.map(|url| KeystoneSettings {
        public_url: public_url.unwrap_or_else(|| url.clone()),
        url,
        deadline_ms,
        credential,
    }))
}

/// K: the paths of one request and of another version are no base for version 3 of the API.
fn keystone_url(
    read: &impl Fn(&'static str) -> Option<String>,
) -> Result<Option<String>, BadSetting> {
    const NAME: &str = "KEYSTONE_URL";
    let url = url(read, NAME)?;
    let is_base = |url: &String| {
        let path = url.trim_end_matches('/');
        !path.ends_with("/auth/tokens") && !path.ends_with("/v2.0")
    };
    if url.as_ref().is_none_or(is_base) {
        return Ok(url);
    }
    Err(BadSetting {
        name: NAME,
        value: url.unwrap_or_default(),
        expected: "the URL of Keystone or of its version 3, as https://keystone.example/v3"
            .to_owned(),
    })
}

/// Reads a URL that paths can be appended to, and that can be sent in a header.
fn url(
    read: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
) -> Result<Option<String>, BadSetting> {
    let Some(value) = read(name) else {
        return Ok(None);
    };
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme));
    let is_usable = rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"\\<>?#@".contains(&byte))
    });
    if is_usable {
        return Ok(Some(value));
    }
    Err(BadSetting {
        name,
        // What stands before an @ may be a password.
        value: value.split('@').fold("", |_, part| part).to_owned(),
        expected: "an http or https URL without user, query and fragment".to_owned(),
    })
}

fn number(
    read: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    default: u32,
    least: u32,
    most: u32,
) -> Result<u32, BadSetting> {
    optional_number(read, name, least, most).map(|number| number.unwrap_or(default))
}

fn optional_number(
    read: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    least: u32,
    most: u32,
) -> Result<Option<u32>, BadSetting> {
    let Some(value) = read(name) else {
        return Ok(None);
    };
    let number = value.parse().ok();
    match number.filter(|number| (least..=most).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(BadSetting {
            name,
            value,
            expected: format!("a whole number from {least} to {most}"),
        }),
    }
}

/// Returns the choice that is named, or the first one when the setting is not set.
fn one_of<T: Copy>(
    read: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    choices: &[(&str, T)],
) -> Result<T, BadSetting> {
    let value = read(name);
    let found = match &value {
        Some(value) => choices.iter().find(|(text, _)| text == value),
        None => choices.first(),
    };
    found.map(|(_, choice)| *choice).ok_or_else(|| BadSetting {
        name,
        value: value.unwrap_or_default(),
        expected: choices
            .iter()
            .map(|(text, _)| *text)
            .collect::<Vec<_>>()
            .join(" or "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Result<Settings, BadSetting> {
        Settings::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn without_any_setting_the_defaults_of_the_contract_hold() {
        assert_eq!(
            Settings::read(|_| None),
            Ok(Settings {
                request_deadline_ms: 10_000,
                token_cache_seconds: 300,
                metadata_items: 128,
                api_base_path: String::new(),
                keep_changes: false,
                max_feed_age_seconds: None,
                rate_limit_period_seconds: 60,
                rate_limit_status: 413,
                cors_origins: Origins::default(),
                log_level: LogLevel::Info,
                keystone: None,
            })
        );
    }

    fn with_keystone(settings: &[(&'static str, &'static str)]) -> Result<Settings, BadSetting> {
        Settings::read(|asked| {
            let (_, value) = settings.iter().find(|(name, _)| *name == asked)?;
            Some((*value).to_owned())
        })
    }

    #[test]
    fn a_keystone_is_told_by_its_url_and_clients_find_it_there() {
        let url = "https://keystone.example/v3";
        assert_eq!(
            with("KEYSTONE_URL", url).unwrap().keystone,
            Some(KeystoneSettings {
                url: url.into(),
                public_url: url.into(),
                deadline_ms: 5_000,
                credential: None,
            })
        );
    }

    #[test]
    fn each_setting_about_the_keystone_is_read_under_its_name() {
        let settings = with_keystone(&[
            ("KEYSTONE_URL", "http://127.0.0.1:5000"),
            ("KEYSTONE_PUBLIC_URL", "https://keystone.example"),
            ("KEYSTONE_DEADLINE_MS", "700"),
            ("KEYSTONE_APPLICATION_CREDENTIAL_ID", "an id"),
            ("KEYSTONE_APPLICATION_CREDENTIAL_SECRET", "a secret"),
        ])
        .unwrap();
        assert_eq!(
            settings.keystone,
            Some(KeystoneSettings {
                url: "http://127.0.0.1:5000".into(),
                public_url: "https://keystone.example".into(),
                deadline_ms: 700,
                credential: Some(ApplicationCredential {
                    id: "an id".into(),
                    secret: "a secret".into()
                }),
            })
        );
        assert!(!format!("{settings:?}").contains("a secret"));
    }

    #[test]
    fn half_an_application_credential_is_an_error_that_does_not_tell_the_other_half() {
        for (there, missing) in [
            (CREDENTIAL_ID, CREDENTIAL_SECRET),
            (CREDENTIAL_SECRET, CREDENTIAL_ID),
        ] {
            for settings in [
                vec![(there, "hidden")],
                vec![(there, "hidden"), (missing, "")],
            ] {
                let message = with_keystone(&settings).unwrap_err().to_string();
                assert!(message.starts_with(missing), "{message}");
                assert!(!message.contains("hidden"), "{message}");
            }
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_told() {
        let message = with("KEYSTONE_URL", "https://me:hidden@keystone.example")
            .unwrap_err()
            .to_string();
        assert!(message.starts_with("KEYSTONE_URL is 'keystone.example', but"));
    }

    #[test]
    fn each_setting_is_read_under_its_name() {
        assert_eq!(
            with("REQUEST_DEADLINE_MS", "500")
                .unwrap()
                .request_deadline_ms,
            500
        );
        assert_eq!(
            with("TOKEN_CACHE_SECONDS", "0")
                .unwrap()
                .token_cache_seconds,
            0
        );
        assert_eq!(with("METADATA_ITEMS", "5").unwrap().metadata_items, 5);
        assert_eq!(
            with("RATE_LIMIT_PERIOD_SECONDS", "10")
                .unwrap()
                .rate_limit_period_seconds,
            10
        );
        assert_eq!(
            with("RATE_LIMIT_STATUS", "429").unwrap().rate_limit_status,
            429
        );
        assert_eq!(with("LOG_LEVEL", "warn").unwrap().log_level, LogLevel::Warn);
        assert!(with("CHANGES", "keep").unwrap().keep_changes);
        assert_eq!(
            with("MAX_FEED_AGE_SECONDS", "90")
                .unwrap()
                .max_feed_age_seconds,
            Some(90)
        );
        for path in ["", "/compute", "/api/compute-2.1"] {
            assert_eq!(with("API_BASE_PATH", path).unwrap().api_base_path, path);
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_no_pattern() {
        for list in [
            "",
            "https://a.example",
            "https://a.example, http://127.0.0.1:8080,https://[::1]:1",
        ] {
            assert!(Origins::parse(list).is_some(), "{list}");
        }
        for list in [
            "*",
            "null",
            "a.example",
            "https://",
            "https://a.example/",
            "https://A.example",
            "https://*.example",
            "https://a.example,",
            "https://a.example https://b.example",
            "ftp://a.example",
        ] {
            assert!(Origins::parse(list).is_none(), "{list}");
        }
    }

    #[test]
    fn k_a_keystone_url_is_a_base_for_version_3() {
        for url in [
            "https://keystone.example",
            "https://keystone.example/",
            "https://keystone.example/v3",
            "https://keystone.example/v3/",
            "https://keystone.example/identity/v3",
        ] {
            assert!(with("KEYSTONE_URL", url).is_ok(), "{url}");
        }
        for url in [
            "https://keystone.example/v3/auth/tokens",
            "https://keystone.example/v3/auth/tokens/",
            "https://keystone.example/v2.0",
            "https://keystone.example/v2.0/",
        ] {
            let message = with("KEYSTONE_URL", url).unwrap_err().to_string();
            assert!(
                message.starts_with("KEYSTONE_URL is 'https://"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_bad_value_is_an_error_that_names_the_setting_and_what_it_may_be() {
        for (name, value) in [
            ("REQUEST_DEADLINE_MS", "0"),
            ("REQUEST_DEADLINE_MS", "ten"),
            ("TOKEN_CACHE_SECONDS", "-1"),
            ("TOKEN_CACHE_SECONDS", "86401"),
            ("METADATA_ITEMS", ""),
            ("METADATA_ITEMS", "1.5"),
            ("RATE_LIMIT_PERIOD_SECONDS", "99999999999999"),
            ("RATE_LIMIT_STATUS", "500"),
            ("CORS_ORIGINS", "*"),
            ("LOG_LEVEL", "loud"),
            ("API_BASE_PATH", "/"),
            ("API_BASE_PATH", "compute"),
            ("API_BASE_PATH", "/compute/"),
            ("API_BASE_PATH", "/a//b"),
            ("API_BASE_PATH", "/a/../b"),
            ("API_BASE_PATH", "/a%20b"),
            ("CHANGES", ""),
            ("CHANGES", "forget"),
            ("MAX_FEED_AGE_SECONDS", "0"),
            ("MAX_FEED_AGE_SECONDS", "off"),
            ("KEYSTONE_URL", ""),
            ("KEYSTONE_URL", "keystone.example"),
            ("KEYSTONE_URL", "ftp://keystone.example"),
            ("KEYSTONE_URL", "https://"),
            ("KEYSTONE_URL", "https:///v3"),
            ("KEYSTONE_URL", "https://keystone.example/v3?x=1"),
            ("KEYSTONE_URL", "https://keystone.example/#v3"),
            ("KEYSTONE_URL", "https://keystone.example/\"v3"),
            ("KEYSTONE_PUBLIC_URL", "keystone"),
            ("KEYSTONE_PUBLIC_URL", "https://a b"),
            ("KEYSTONE_DEADLINE_MS", "0"),
            ("KEYSTONE_DEADLINE_MS", "60001"),
        ] {
            let message = with(name, value).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("{name} is '{value}', but must be ")),
                "{message}"
            );
        }
    }
}
