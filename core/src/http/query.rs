//! Query strings.

use super::fault::Fault;
use super::route::decode;
use crate::metadata::Kind;
use crate::storage::listing::NameFilter;

/// Entries that one answer lists at most: each costs a call to its object.
pub const MOST_LISTED: usize = 100;

/// The parameters of a query, decoded, in their order. A bare `?` has none.
#[must_use]
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let text = |raw: &str| {
        let raw = raw.replace('+', " ");
        decode(&raw).map_or_else(|| raw.clone(), std::borrow::Cow::into_owned)
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (text(name), text(value))
        })
        .collect()
}

/// What a list is asked for. Other parameters are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Only these names.
    pub name: NameFilter,
    /// How many at most.
    pub limit: usize,
    /// Only what comes after this id.
    pub marker: Option<String>,
}

impl ListQuery {
    /// Reads `name`, `limit` and `marker`. N: a server's name is a pattern, an image's is exact.
    ///
    /// # Errors
    ///
    /// 400 when the limit is no number.
    pub fn parse(query: &str, kind: Kind) -> Result<Self, Fault> {
        let mut list = Self {
            name: NameFilter::Contains(String::new()),
            limit: MOST_LISTED,
            marker: None,
        };
        for (name, value) in pairs(query) {
            match name.as_str() {
                "name" if kind == Kind::Image => list.name = NameFilter::Is(value),
                "name" => list.name = NameFilter::from_pattern(&value),
                "limit" => list.limit = limit(&value)?,
                "marker" => list.marker = Some(value),
                _ => {}
            }
        }
        Ok(list)
    }
}

fn limit(value: &str) -> Result<usize, Fault> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Schema(format!(
            "Invalid input for query parameters limit. Value: {value}. '{value}' does not match '^[0-9]*$'"
        )));
    }
    // A number that does not fit is more than there can be as well.
    Ok(value.parse().unwrap_or(MOST_LISTED).min(MOST_LISTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_a_bare_question_mark_has_none() {
        assert_eq!(pairs(""), []);
        assert_eq!(pairs("&&"), []);
        assert_eq!(
            pairs("a=1&b+c=%C3%A9+x&d"),
            [("a", "1"), ("b c", "é x"), ("d", "")]
                .map(|(name, value)| (name.into(), value.into()))
        );
    }

    #[test]
    fn a_list_is_asked_for_by_name_limit_and_marker() {
        let list = ListQuery::parse(
            "name=%5Eweb%24&limit=5&marker=x&all_tenants=1",
            Kind::Server,
        );
        assert_eq!(
            list,
            Ok(ListQuery {
                name: NameFilter::Is("web".into()),
                limit: 5,
                marker: Some("x".into()),
            })
        );
        let image = ListQuery::parse("name=^web", Kind::Image).unwrap();
        assert_eq!(image.name, NameFilter::Is("^web".into()));
    }

    #[test]
    fn a_limit_is_a_number_and_no_answer_is_longer_than_the_longest() {
        let limit = |query: &str| ListQuery::parse(query, Kind::Server).map(|list| list.limit);
        assert_eq!(limit(""), Ok(MOST_LISTED));
        assert_eq!(limit("limit=0"), Ok(0));
        assert_eq!(limit("limit=1000000"), Ok(MOST_LISTED));
        assert_eq!(limit("limit=99999999999999999999999"), Ok(MOST_LISTED));
        for query in ["limit=", "limit=-1", "limit=x", "limit=1.5"] {
            assert_eq!(limit(query).unwrap_err().status(), 400, "{query}");
        }
    }
}
