//! Every setting, its default and what values it may have. Checked when it is first read.

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
    /// `RATE_LIMIT_PERIOD_SECONDS`: the rate-limit binding's period, told in `Retry-After`.
    pub rate_limit_period_seconds: u32,
    /// `RATE_LIMIT_STATUS`: 413 as S1 says, or 429.
    pub rate_limit_status: u16,
    /// `LOG_LEVEL`: whether every request is logged, or only those that failed here (5xx).
    pub log_level: LogLevel,
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
            log_level: one_of(
                &read,
                "LOG_LEVEL",
                &[("info", LogLevel::Info), ("warn", LogLevel::Warn)],
            )?,
        })
    }
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
                log_level: LogLevel::Info,
            })
        );
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
            ("LOG_LEVEL", "loud"),
        ] {
            let message = with(name, value).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("{name} is '{value}', but must be ")),
                "{message}"
            );
        }
    }
}
