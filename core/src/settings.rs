//! Every setting, its default and what values it may have. Checked when it is first read.

use std::fmt;

use thiserror::Error;

use crate::http::cors::Origins;

/// What an operator may set, as text in `[vars]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `REQUEST_DEADLINE_MS`: milliseconds until a request is given up with 503.
    pub request_deadline_ms: u32,
    /// `TOKEN_CACHE_SECONDS`: how long a token's claims may be believed without asking again.
    pub token_cache_seconds: u32,
    /// `METADATA_ITEMS`: items that one resource may have.
    pub metadata_items: usize,
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

impl Settings {
    /// Reads all settings; `read` gives the text of one, [`None`] when it is not set.
    ///
    /// # Errors
    ///
    /// The first setting that has a value it may not have.
    pub fn read(read: impl Fn(&'static str) -> Option<String>) -> Result<Self, BadSetting> {
        Ok(Self {
            request_deadline_ms: number(&read, "REQUEST_DEADLINE_MS", 10_000, 1, 600_000)?,
            token_cache_seconds: number(&read, "TOKEN_CACHE_SECONDS", 300, 0, 86_400)?,
            metadata_items: number(&read, "METADATA_ITEMS", 128, 1, 10_000)? as usize,
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
    Ok(url(read, "KEYSTONE_URL")?.map(|url| KeystoneSettings {
        public_url: public_url.unwrap_or_else(|| url.clone()),
        url,
        deadline_ms,
        credential,
    }))
}

/// A URL that paths can be appended to, and that can be told in a header.
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
    let Some(value) = read(name) else {
        return Ok(default);
    };
    value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| BadSetting {
            name,
            value,
            expected: format!("a whole number from {least} to {most}"),
        })
}

/// The choice that is named; the first one when none is.
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
    fn without_any_setting_the_contracts_numbers_hold() {
        assert_eq!(
            Settings::read(|_| None),
            Ok(Settings {
                request_deadline_ms: 10_000,
                token_cache_seconds: 300,
                metadata_items: 128,
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
