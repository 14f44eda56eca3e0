//! Where a page of a list begins.

use std::ops::RangeInclusive;

use crate::rpc::Position;

/// Milliseconds that cross to JavaScript and back as they are.
const PLACES: RangeInclusive<i64> = -(1 << 53)..=1 << 53;

/// The entry that a page follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// N: the id of a resource that the client sees, as it was sent.
    Resource(String),
    /// P: a place in the list, as a `next` link names it when a search stopped before it had found
    /// enough. The resource there may not exist any more.
    Position(Position),
}

impl Marker {
    /// Parses the parameter `marker`. An id has no dot.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let position = text.split_once('.').and_then(|(created, id)| {
            let created = created.parse().ok();
            Some(Position {
                created: created.filter(|created| PLACES.contains(created))?,
                id: id.to_owned(),
            })
        });
        match position {
            Some(position) => Self::Position(position),
            None => Self::Resource(text.to_owned()),
        }
    }

    /// Returns the parameter's text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Resource(id) => id.clone(),
            Self::Position(position) => format!("{}.{}", position.created, position.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

    #[test]
    fn a_marker_is_read_back_from_its_text() {
        for marker in [
            Marker::Resource(ID.into()),
            Marker::Resource("nothing".into()),
            Marker::Resource("a.b".into()),
            Marker::Resource(format!("9007199254740993.{ID}")),
            Marker::Position(Position {
                created: 1_795_262_400_000,
                id: ID.into(),
            }),
            Marker::Position(Position {
                created: -5,
                id: format!("server:{ID}"),
            }),
        ] {
            assert_eq!(Marker::parse(&marker.text()), marker);
        }
    }
}
