//! Everything that is kept of one server or image.

use serde::{Deserialize, Serialize};

use super::{Image, Kind, Metadata, Server, Visibility};
use crate::timestamp::Timestamp;

/// Further members of N's own document, as the control plane gave them.
pub type Attributes = serde_json::Map<String, serde_json::Value>;

/// Everything that is kept of one resource, with its metadata items in the form `M`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record<M = Metadata> {
    /// The project it belongs to.
    pub project_id: String,
    /// Its display name.
    pub name: String,
    /// When it was created, as the control plane says.
    pub created: Timestamp,
    /// When the control plane registered it last.
    pub updated: Timestamp,
    /// When the control plane saw the state that was applied last.
    #[serde(default)]
    pub observed_at: Option<Timestamp>,
    /// When a user changed the metadata here last.
    #[serde(default)]
    pub metadata_changed_at: Option<Timestamp>,
    /// Shown as they are in full documents.
    #[serde(default)]
    pub attributes: Attributes,
    /// Its metadata items.
    pub metadata: M,
    /// What is particular to its kind.
    pub resource: Resource,
}

/// What is particular to a server or to an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A server.
    Server(Server),
    /// An image.
    Image(Image),
}

impl Resource {
    /// Returns a resource of this kind with the contract's defaults.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Server => Self::Server(Server::default()),
            Kind::Image => Self::Image(Image::default()),
        }
    }

    /// Returns which of the two it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Server(_) => Kind::Server,
            Self::Image(_) => Kind::Image,
        }
    }

    /// Returns whether the resource no longer exists for clients: 404 everywhere but in the
    /// registry.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Server(server) => server.is_gone(),
            Self::Image(image) => image.is_gone(),
        }
    }

    /// Returns whether it is a soft-deleted server.
    #[must_use]
    pub fn is_soft_deleted(&self) -> bool {
        matches!(self, Self::Server(server) if server.is_soft_deleted())
    }
}

impl Record {
    /// Returns a record with the contract's defaults, created `now`.
    #[must_use]
    pub fn new(project_id: &str, kind: Kind, now: Timestamp) -> Self {
        Self {
            project_id: project_id.to_owned(),
            name: String::new(),
            created: now,
            updated: now,
            observed_at: None,
            metadata_changed_at: None,
            attributes: Attributes::new(),
            metadata: Metadata::new(),
            resource: Resource::new(kind),
        }
    }

    /// Returns whether the record is in the list of `project_id`, which may leave soft-deleted servers
    /// out all the same.
    #[must_use]
    pub fn is_listed_for(&self, project_id: Option<&str>) -> bool {
        let is_own = project_id == Some(self.project_id.as_str());
        match &self.resource {
            Resource::Server(server) => is_own && !server.is_gone(),
            Resource::Image(image) => {
                let for_other = match project_id {
                    Some(project_id) => image.is_listed_for_other(project_id),
                    None => image.visibility == Visibility::Public,
                };
                !image.is_gone() && (is_own || for_other)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_for_everyone_shows_public_images_alone() {
        let mut record = Record::new("ace", Kind::Image, Timestamp::default());
        for (visibility, is_listed) in [
            (Visibility::Public, true),
            (Visibility::Community, false),
            (Visibility::Shared, false),
            (Visibility::Private, false),
        ] {
            record.resource = Resource::Image(Image {
                visibility,
                members: vec![String::new()],
                ..Image::default()
            });
            assert_eq!(record.is_listed_for(None), is_listed, "{visibility:?}");
        }
    }
}
