//! Query strings.

use percent_encoding::percent_decode_str;

use super::fault::Fault;

/// Returns the parameters of a query, decoded, in their order. A bare `?` has none. Bytes that are
/// not UTF-8 become U+FFFD.
#[must_use]
pub fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// Returns whether the parameters of a query are UTF-8.
#[must_use]
pub fn is_utf8(query: &str) -> bool {
    percent_decode_str(query).decode_utf8().is_ok()
}

/// Checks that the parameters of a query are UTF-8.
///
/// # Errors
///
/// N: 400 when they are not.
pub fn check_utf8(query: &str) -> Result<(), Fault> {
    if is_utf8(query) {
        return Ok(());
    }
    let problem = "Query string is not UTF-8 encoded";
    Err(Fault::Schema(problem.to_owned()))
}

/// Returns a query with these parameters.
#[must_use]
pub fn encode(pairs: impl IntoIterator<Item = (String, String)>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|&(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn parameters_are_decoded_and_a_bare_question_mark_has_none() {
        assert_eq!(pairs(""), []);
        assert_eq!(pairs("&&"), []);
        assert_eq!(
            pairs("a=1&b+c=%C3%A9+x&d&e=f=g"),
            owned(&[("a", "1"), ("b c", "é x"), ("d", ""), ("e", "f=g")])
        );
        assert_eq!(pairs("a=100%"), owned(&[("a", "100%")]));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_noticed() {
        assert!(is_utf8("name=%C3%A9&x=%"));
        assert!(!is_utf8("name=%FF"));
    }

    proptest::proptest! {
        #[test]
        fn a_query_is_read_back_as_it_was_written(
            written in proptest::collection::vec((".{1,8}", ".{0,8}"), 0..5),
        ) {
            let query = encode(written.clone());
            proptest::prop_assert!(is_utf8(&query));
            proptest::prop_assert_eq!(pairs(&query), written);
        }

        #[test]
        fn decoding_never_lengthens(query in ".{0,60}") {
            let length: usize = pairs(&query).iter().map(|(name, value)| name.len() + value.len()).sum();
            // U+FFFD takes three bytes where one was not UTF-8.
            proptest::prop_assert!(length <= 3 * query.len());
        }
    }
}
