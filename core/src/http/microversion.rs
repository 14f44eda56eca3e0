//! Microversions: which one a request asks for, and how its response names it.

use std::fmt;

use super::fault::Fault;
use super::header::{API_VERSION, LEGACY_API_VERSION};
use super::request::Headers;
use super::route::Prefix;

/// A microversion 2.x, from 2.1 to 2.104.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Microversion(u32);

impl Microversion {
    /// What holds without a header.
    pub const OLDEST: Self = Self(1);
    /// N: the newest one.
    pub const NEWEST: Self = Self(104);
    /// N: the last one with image paths.
    pub const LAST_WITH_IMAGES: Self = Self(38);
    /// N: the first one that refuses unknown query parameters of lists of servers.
    pub const STRICT_LIST_QUERIES: Self = Self(75);
    /// N: the first one that refuses unknown query parameters of every GET.
    pub const STRICT_QUERIES: Self = Self(102);

    /// Returns the microversion 2.`minor`.
    #[must_use]
    pub const fn new(minor: u32) -> Self {
        Self(minor)
    }

    /// Returns the version that the two headers ask for.
    ///
    /// The last `compute` entry of the standard header wins over the legacy one, of which the last
    /// entry counts; entries for other services are ignored.
    ///
    /// # Errors
    ///
    /// 400 when the version is malformed, 406 when it is not supported.
    pub fn negotiate(standard: Option<&str>, legacy: Option<&str>) -> Result<Self, Fault> {
        let legacy = legacy.and_then(|header| header.rsplit(',').next());
        let asked = standard.and_then(compute_entry).or(legacy);
        asked.map_or(Ok(Self::OLDEST), |text| Self::parse(text.trim()))
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        if text == "latest" {
            return Ok(Self::NEWEST);
        }
        let malformed = || Fault::MalformedVersion(text.to_owned());
        let (major, minor) = text.split_once('.').ok_or_else(malformed)?;
        if !is_number(major) || major == "0" || !is_number(minor) {
            return Err(malformed());
        }
        // An overflowing minor version is unsupported.
        match (major, minor.parse().map(Self)) {
            ("2", Ok(version)) if (Self::OLDEST..=Self::NEWEST).contains(&version) => Ok(version),
            _ => Err(Fault::UnsupportedVersion(text.to_owned())),
        }
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "2.{}", self.0)
    }
}

/// Returns the version in the last entry for `compute`.
fn compute_entry(header: &str) -> Option<&str> {
    header
        .rsplit(',')
        .filter_map(|entry| entry.trim().split_once(char::is_whitespace))
        .find(|(service, _)| service.eq_ignore_ascii_case("compute"))
        .map(|(_, version)| version.trim_start())
}

/// Whether these are digits without a leading zero.
fn is_number(text: &str) -> bool {
    text == "0"
        || !text.is_empty()
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What became of the version headers of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiation {
    /// The version that holds, or the fault that answers.
    pub version: Result<Microversion, Fault>,
    /// How the response names the version. N: a 406 names the one that was asked for, a malformed
    /// one is not named.
    pub headers: Option<VersionHeaders>,
}

impl Negotiation {
    /// Step 5: Negotiates the version. `/v2` and paths without a prefix ignore the headers, and their
    /// responses name none.
    #[must_use]
    pub fn new(prefix: Prefix, headers: &impl Headers) -> Self {
        if prefix != Prefix::V21 {
            return Self {
                version: Ok(Microversion::OLDEST),
                headers: None,
            };
        }
        let standard = headers.get(API_VERSION);
        let legacy = headers.get(LEGACY_API_VERSION);
        let version = Microversion::negotiate(standard.as_deref(), legacy.as_deref());
        let headers = match &version {
            Ok(version) => Some(VersionHeaders::new(&version.to_string())),
            Err(Fault::UnsupportedVersion(asked)) => Some(VersionHeaders::new(asked)),
            Err(_) => None,
        };
        Self { version, headers }
    }
}

/// The headers by which a response below `/v2.1` names its microversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionHeaders {
    /// `OpenStack-API-Version`
    pub standard: String,
    /// `X-OpenStack-Nova-API-Version`
    pub legacy: String,
}

impl VersionHeaders {
    /// Returns the headers for a version that was negotiated, or asked for in vain.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self {
            standard: format!("compute {version}"),
            legacy: version.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legacy(text: &str) -> Result<String, u16> {
        Microversion::negotiate(None, Some(text))
            .map(|version| version.to_string())
            .map_err(|fault| fault.status())
    }

    fn standard(text: &str) -> Result<String, u16> {
        Microversion::negotiate(Some(text), None)
            .map(|version| version.to_string())
            .map_err(|fault| fault.status())
    }

    #[test]
    fn without_a_header_it_is_2_1() {
        assert_eq!(
            Microversion::negotiate(None, None),
            Ok(Microversion::OLDEST)
        );
    }

    #[test]
    fn the_legacy_header_names_a_version() {
        for (text, version) in [
            ("2.1", "2.1"),
            ("2.104", "2.104"),
            (" 2.10 ", "2.10"),
            ("latest", "2.104"),
            ("2.1, 2.26", "2.26"),
            ("2.1,2.26", "2.26"),
            ("garbage, 2.26", "2.26"),
        ] {
            assert_eq!(legacy(text).as_deref(), Ok(version), "{text}");
        }
    }

    #[test]
    fn a_malformed_version_is_400() {
        for text in [
            "", "LATEST", "garbage", "2", "2.", ".1", "2.01", "02.1", "2.1.1", "-2.1", "2.1a",
            "2.1 x", "0.1", "+2.1", "2.+1", "2,1", "2.26,", "2.26, x",
        ] {
            assert_eq!(legacy(text), Err(400), "{text}");
        }
    }

    #[test]
    fn a_version_that_is_not_supported_is_406() {
        for text in [
            "2.0",
            "2.105",
            "2.999",
            "1.1",
            "3.0",
            "2.99999999999",
            "99999999999.1",
        ] {
            assert_eq!(legacy(text), Err(406), "{text}");
        }
    }

    #[test]
    fn the_last_compute_entry_counts_and_other_services_do_not() {
        for (text, version) in [
            ("compute 2.26", "2.26"),
            ("Compute 2.26", "2.26"),
            ("compute  2.26", "2.26"),
            ("compute 2.26, placement 1.3", "2.26"),
            ("placement 1.3, compute 2.26", "2.26"),
            ("compute 2.26,compute 2.27", "2.27"),
            ("compute latest", "2.104"),
            ("compute", "2.1"),
            ("2.26", "2.1"),
            ("volume 3.0", "2.1"),
            ("nova 2.26", "2.1"),
            ("", "2.1"),
        ] {
            assert_eq!(standard(text).as_deref(), Ok(version), "{text}");
        }
        assert_eq!(standard("compute garbage"), Err(400));
        assert_eq!(standard("compute 2.26 x"), Err(400));
        assert_eq!(standard("compute 9.9"), Err(406));
    }

    #[test]
    fn the_standard_header_wins_over_the_legacy_one() {
        let both = |standard, legacy| Microversion::negotiate(Some(standard), Some(legacy));
        assert_eq!(both("compute 2.26", "2.10"), Ok(Microversion(26)));
        assert_eq!(both("compute 2.26", "garbage"), Ok(Microversion(26)));
        assert_eq!(both("placement 1.3", "2.10"), Ok(Microversion(10)));
    }

    #[test]
    fn below_v21_the_response_names_the_version_that_holds_or_was_asked_for() {
        let negotiate =
            |prefix, value: &str| Negotiation::new(prefix, &&[(LEGACY_API_VERSION, value)][..]);
        let named = negotiate(Prefix::V21, "2.26");
        assert_eq!(named.version, Ok(Microversion(26)));
        assert_eq!(named.headers, Some(VersionHeaders::new("2.26")));
        let unsupported = negotiate(Prefix::V21, "2.999");
        assert_eq!(unsupported.version.unwrap_err().status(), 406);
        assert_eq!(
            unsupported.headers.unwrap().standard,
            "compute 2.999".to_owned()
        );
        let malformed = negotiate(Prefix::V21, "garbage");
        assert_eq!(malformed.version.unwrap_err().status(), 400);
        assert_eq!(malformed.headers, None);
        for prefix in [Prefix::Bare, Prefix::V2] {
            let ignored = negotiate(prefix, "garbage");
            assert_eq!(ignored.version, Ok(Microversion::OLDEST));
            assert_eq!(ignored.headers, None);
        }
    }
}
