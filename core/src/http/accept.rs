//! The `Accept` header: which of several media types a client prefers (RFC 9110, 12.5.1).

/// The media type of a JSON document.
pub const JSON: &str = "application/json";

/// N: the same document under the Compute API's own media type.
pub const COMPUTE_JSON: &str = "application/vnd.openstack.compute+json";

/// Returns the media type of a successful response of the Compute API. N: plain JSON unless the
/// client prefers the API's own type.
#[must_use]
pub fn compute_media_type(accept: Option<&str>) -> &'static str {
    preferred(accept, &[JSON, COMPUTE_JSON]).unwrap_or(JSON)
}

/// Returns the offer that the client prefers, the first of several that it likes equally, or
/// [`None`] when it takes none of them. Without the header it takes all.
#[must_use]
pub fn preferred(accept: Option<&str>, offers: &[&'static str]) -> Option<&'static str> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return offers.first().copied();
    };
    let ranges: Vec<Range> = accept.split(',').filter_map(Range::parse).collect();
    let mut best: Option<(&'static str, f32)> = None;
    for offer in offers {
        let quality = quality(&ranges, offer);
        if quality > best.map_or(0.0, |(_, quality)| quality) {
            best = Some((offer, quality));
        }
    }
    best.map(|(offer, _)| offer)
}

/// One media range with its quality. Other parameters are ignored.
struct Range<'a> {
    /// `application/json`, `application/*` or `*/*`
    name: &'a str,
    quality: f32,
}

impl<'a> Range<'a> {
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().filter(|name| name.contains('/'))?;
        let quality = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .map_or(Some(1.0), |text| text.trim().parse().ok())
            .filter(|quality| (0.0..=1.0).contains(quality))?;
        Some(Self { name, quality })
    }

    /// Returns how exactly the range names `offer`, [`None`] when it does not.
    fn specificity(&self, offer: &str) -> Option<u8> {
        if self.name == "*/*" {
            return Some(0);
        }
        if let Some(family) = self.name.strip_suffix("/*") {
            let (offered, _) = offer.split_once('/')?;
            return offered.eq_ignore_ascii_case(family).then_some(1);
        }
        self.name.eq_ignore_ascii_case(offer).then_some(2)
    }
}

/// Returns the quality of the most specific range that names `offer`, 0 when none does.
fn quality(ranges: &[Range], offer: &str) -> f32 {
    ranges
        .iter()
        .filter_map(|range| Some((range.specificity(offer)?, range.quality)))
        .fold(
            (0, 0.0),
            |best: (u8, f32), found| {
                if found.0 >= best.0 { found } else { best }
            },
        )
        .1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_the_apis_own_media_type_is_answered_to_those_who_prefer_it() {
        for (accept, media_type) in [
            (None, JSON),
            (Some(""), JSON),
            (Some("*/*"), JSON),
            (Some("application/*"), JSON),
            (Some("application/json"), JSON),
            (Some("text/html"), JSON),
            (Some("garbage"), JSON),
            (Some("application/vnd.openstack.compute+json"), COMPUTE_JSON),
            (Some("Application/VND.openstack.compute+JSON"), COMPUTE_JSON),
            (
                Some("application/vnd.openstack.compute+json;version=2.1"),
                COMPUTE_JSON,
            ),
            (
                Some("application/json, application/vnd.openstack.compute+json"),
                JSON,
            ),
            (
                Some("application/vnd.openstack.compute+json, application/json;q=0.9"),
                COMPUTE_JSON,
            ),
            (
                Some("*/*;q=0.1, application/vnd.openstack.compute+json; q=0.2"),
                COMPUTE_JSON,
            ),
            (
                Some("application/vnd.openstack.compute+json;q=0, */*"),
                JSON,
            ),
        ] {
            assert_eq!(compute_media_type(accept), media_type, "{accept:?}");
        }
    }

    #[test]
    fn the_most_specific_range_decides_about_an_offer() {
        let offers = &["text/plain", "text/html"];
        for (accept, found) in [
            ("text/*, text/plain;q=0", Some("text/html")),
            ("text/plain;q=0, text/*", Some("text/html")),
            ("*/*;q=0.5, text/*;q=0.4", Some("text/plain")),
            ("text/html;q=0.8, text/plain;q=0.7", Some("text/html")),
            ("image/png", None),
            ("text/plain;q=0", None),
            ("text/plain;q=2, text/html;q=x", None),
        ] {
            assert_eq!(preferred(Some(accept), offers), found, "{accept}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_answered(accept in ".{0,80}") {
            let _ = compute_media_type(Some(&accept));
        }
    }
}
