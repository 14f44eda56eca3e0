//! Where the next page of a list of the edge's or Keystone's begins.

use url::Url;

use crate::registry::Link;

/// The marker in the `next` link, if there is one.
#[must_use]
pub fn next_marker(links: &[Link]) -> Option<String> {
    let href = &links.iter().find(|link| link.rel == "next")?.href;
    // A link may be relative.
    let url = Url::parse("http://edge").ok()?.join(href).ok()?;
    url.query_pairs()
        .find(|(name, _)| name == "marker")
        .map(|(_, marker)| marker.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_taken_out_of_the_next_link() {
        let link = |rel: &str, href: &str| Link {
            rel: rel.into(),
            href: href.into(),
        };
        let links = [
            link("self", "/x?marker=1"),
            link("next", "https://e/registry/changes?limit=2&marker=a%20b"),
        ];
        assert_eq!(next_marker(&links).as_deref(), Some("a b"));
        assert_eq!(next_marker(&links[..1]), None);
        assert_eq!(
            next_marker(&[link("next", "/registry/servers?marker=7")]).as_deref(),
            Some("7")
        );
    }
}
