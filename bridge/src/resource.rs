//! What is carried: servers of Nova and images of Glance, named by kind and id.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which service knows a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A server of Nova.
    Server,
    /// An image of Glance.
    Image,
}

impl Kind {
    /// Both, in the order in which they are gone through.
    pub const ALL: [Self; 2] = [Self::Server, Self::Image];

    /// The word that wraps a document: `server` or `image`.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Image => "image",
        }
    }

    /// The word in paths: `servers` or `images`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Server => "servers",
            Self::Image => "images",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.singular())
    }
}

/// A lower-case hyphenated UUID, as the registry takes ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(uuid::Uuid);

impl ResourceId {
    /// Reads an id in any spelling of a UUID; [`None`] when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One server or image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: ResourceId,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_in_lower_case_with_hyphens() {
        let id = ResourceId::parse("5EC95878B74D40F2BE61C3C1AE5E5B19").unwrap();
        assert_eq!(id.to_string(), "5ec95878-b74d-40f2-be61-c3c1ae5e5b19");
        assert_eq!(ResourceId::parse("../servers"), None);
    }
}
