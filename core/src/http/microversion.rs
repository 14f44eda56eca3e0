//! Microversions and version documents.

use super::fault::Fault;
use super::route::Prefix;
use crate::json::{Object, array};

/// The header that names the service, too.
pub const STANDARD_HEADER: &str = "OpenStack-API-Version";
/// The header of before.
pub const LEGACY_HEADER: &str = "X-OpenStack-Nova-API-Version";

/// N: the newest microversion this API speaks.
const NEWEST: Microversion = Microversion(104);

/// A microversion 2.x, from 2.1 to 2.104; this is its x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Microversion(u32);

impl Microversion {
    /// What holds without a header.
    pub const OLDEST: Self = Self(1);
    /// N: the last one with image paths.
    pub const LAST_WITH_IMAGES: Self = Self(38);
    /// N: the first one that refuses unknown query parameters.
    pub const STRICT_QUERIES: Self = Self(102);
    /// N: the first one that shows whether a server is locked.
    pub const LOCKED_SHOWN: Self = Self(9);

    /// What the two headers ask for.
    ///
    /// The last `compute` entry of the standard header wins over the legacy one; other services'
    /// entries are ignored.
    ///
    /// # Errors
    ///
    /// 400 when the version is malformed, 406 when it is not supported.
    pub fn negotiate(standard: Option<&str>, legacy: Option<&str>) -> Result<Self, Fault> {
        let asked = standard.and_then(compute_entry).or(legacy);
        asked.map_or(Ok(Self::OLDEST), |text| Self::parse(text.trim()))
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        if text == "latest" {
            return Ok(NEWEST);
        }
        let malformed = || Fault::MalformedVersion(text.to_owned());
        let (major, minor) = text.split_once('.').ok_or_else(malformed)?;
        if !is_number(major) || major == "0" || !is_number(minor) {
            return Err(malformed());
        }
        // A number that does not fit is none that is supported either.
        match (major, minor.parse().map(Self)) {
            ("2", Ok(version)) if (Self::OLDEST..=NEWEST).contains(&version) => Ok(version),
            _ => Err(Fault::UnsupportedVersion(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Microversion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "2.{}", self.0)
    }
}

/// The version in the last entry for `compute`.
fn compute_entry(header: &str) -> Option<&str> {
    header.split(',').fold(None, |earlier, entry| {
        entry
            .trim()
            .split_once(char::is_whitespace)
            .filter(|(service, _)| service.eq_ignore_ascii_case("compute"))
            .map(|(_, version)| version.trim_start())
            .or(earlier)
    })
}

/// Digits without a leading zero.
fn is_number(text: &str) -> bool {
    text == "0"
        || !text.is_empty()
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The document at `/`, `/v2` or `/v2.1`; `origin` is this service's own.
#[must_use]
pub fn document(prefix: Prefix, origin: &str) -> String {
    let deprecated = version("v2.0", "DEPRECATED", "2025-07-04T12:00:00Z")
        .text("version", "")
        .text("min_version", "");
    let current = version("v2.1", "CURRENT", "2013-07-23T11:33:21Z")
        .text("version", &NEWEST.to_string())
        .text("min_version", &Microversion::OLDEST.to_string());
    let own_link = |path| link("self", &format!("{origin}/{path}/"));
    match prefix {
        Prefix::Bare => {
            let brief = |version: Object, path| {
                let links = array(&[own_link(path).end()]);
                version.json("links", &links).end()
            };
            let versions = [brief(deprecated, "v2"), brief(current, "v2.1")];
            Object::new().json("versions", &array(&versions)).end()
        }
        Prefix::V2 => in_full(deprecated, own_link("v2"), "2"),
        Prefix::V21 => in_full(current, own_link("v2.1"), "2.1"),
    }
}

fn version(id: &str, status: &str, updated: &str) -> Object {
    Object::new()
        .text("id", id)
        .text("status", status)
        .text("updated", updated)
}

fn link(rel: &str, href: &str) -> Object {
    Object::new().text("rel", rel).text("href", href)
}

fn in_full(version: Object, own_link: Object, number: &str) -> String {
    let documentation = link("describedby", "http://docs.openstack.org/").text("type", "text/html");
    let media_type = Object::new()
        .text("base", "application/json")
        .text(
            "type",
            &format!("application/vnd.openstack.compute+json;version={number}"),
        )
        .end();
    let version = version
        .json("links", &array(&[own_link.end(), documentation.end()]))
        .json("media-types", &array(&[media_type]));
    Object::new().json("version", &version.end()).end()
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
        ] {
            assert_eq!(legacy(text).as_deref(), Ok(version), "{text}");
        }
    }

    #[test]
    fn a_malformed_version_is_400() {
        for text in [
            "", "LATEST", "garbage", "2", "2.", ".1", "2.01", "02.1", "2.1.1", "-2.1", "2.1a",
            "2.1 x", "0.1", "+2.1", "2.+1",
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
    fn version_documents_link_to_where_they_were_asked_for() {
        let document = |prefix| -> serde_json::Value {
            serde_json::from_str(&document(prefix, "https://edge.example")).unwrap()
        };
        let root = document(Prefix::Bare);
        assert_eq!(
            root["versions"][1]["links"][0]["href"],
            "https://edge.example/v2.1/"
        );
        let v21 = document(Prefix::V21);
        assert_eq!(v21["version"]["version"], "2.104");
        assert_eq!(
            v21["version"]["media-types"][0]["type"],
            "application/vnd.openstack.compute+json;version=2.1"
        );
        let v2 = document(Prefix::V2);
        assert_eq!(v2["version"]["id"], "v2.0");
        assert_eq!(v2["version"]["links"][1]["rel"], "describedby");
    }
}
