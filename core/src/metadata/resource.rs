//! Servers and images, as far as their metadata is concerned: whose they are, who sees them, and
//! the states that allow a change.

use super::Metadata;
use crate::timestamp::Timestamp;

/// Which of the two kinds of resource is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A server (N: instance).
    Server,
    /// An image.
    Image,
}

impl Kind {
    /// The word for one of them, in objects' names and in JSON documents.
    #[must_use]
    pub fn singular(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Image => "image",
        }
    }

    /// The word in paths.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Server => "servers",
            Self::Image => "images",
        }
    }

    /// The kind that a path speaks of.
    #[must_use]
    pub fn from_plural(word: &str) -> Option<Self> {
        match word {
            "servers" => Some(Self::Server),
            "images" => Some(Self::Image),
            _ => None,
        }
    }
}

/// A lower-case hyphenated UUID: the only ids for which an object is ever made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceId(String);

impl ResourceId {
    /// The id, when `text` is one. Ids are compared as written: upper case is another id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        valid.then(|| Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `text` is a project id: `[0-9a-f-]+`.
#[must_use]
pub fn is_project_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// What the control plane says of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The project it belongs to.
    pub project_id: String,
    /// Its display name.
    pub name: String,
    /// N: `active`, `building`, `paused`, … Any text: the unknown ones allow no change.
    pub vm_state: String,
    /// The task that runs on it, if any.
    pub task_state: Option<String>,
    /// N: 0 pending, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended.
    pub power_state: i32,
    /// Whether its owner or an admin has locked it.
    pub locked: bool,
    /// Whether it ever ran.
    pub launched: bool,
    /// When it was created, as the control plane says.
    pub created: Timestamp,
    /// When the control plane changed it last.
    pub updated: Timestamp,
    /// When the control plane saw the state that was applied last.
    pub observed_at: Option<Timestamp>,
}

impl Server {
    /// S2: 409 unless the status is one of ACTIVE, PAUSED, SUSPENDED, STOPPED.
    #[must_use]
    pub fn state_allows_change(&self) -> bool {
        matches!(
            self.vm_state.as_str(),
            "active" | "paused" | "suspended" | "stopped"
        )
    }
}

/// Who may see an image that is not theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everyone.
    Public,
    /// Everyone; it is only left out of lists.
    Community,
    /// The projects among its members.
    Shared,
    /// Nobody else.
    Private,
}

impl Visibility {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Community => "community",
            Self::Shared => "shared",
            Self::Private => "private",
        }
    }

    /// From that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Public, Self::Community, Self::Shared, Self::Private]
            .into_iter()
            .find(|visibility| visibility.word() == word)
    }
}

/// What the control plane says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The project it belongs to.
    pub project_id: String,
    /// Its name.
    pub name: String,
    /// Glance's status: `active`, `queued`, `deactivated`, … Any text.
    pub status: String,
    /// Who else may see it.
    pub visibility: Visibility,
    /// The projects that a `shared` image is shared with.
    pub members: Vec<String>,
    /// When it was created, as the control plane says.
    pub created: Timestamp,
    /// When the control plane changed it last.
    pub updated: Timestamp,
    /// When the control plane saw the state that was applied last.
    pub observed_at: Option<Timestamp>,
}

impl Image {
    /// N: an image that is gone, or going, answers 404.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(
            self.status.as_str(),
            "deleted" | "pending_delete" | "killed"
        )
    }

    /// S1 lists 409; P: while the image is still being written (`queued`, `saving`, `uploading`,
    /// `importing`) a change would be lost, and a status that nobody knows is no promise either.
    #[must_use]
    pub fn state_allows_change(&self) -> bool {
        matches!(self.status.as_str(), "active" | "deactivated")
    }

    /// Whether a project sees the image: its own, everyone's when public or community, its
    /// members' when shared.
    #[must_use]
    pub fn is_visible_to(&self, project_id: &str) -> bool {
        self.project_id == project_id
            || match self.visibility {
                Visibility::Public | Visibility::Community => true,
                Visibility::Shared => self.members.iter().any(|member| member == project_id),
                Visibility::Private => false,
            }
    }
}

/// A server or an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// A server.
    Server(Server),
    /// An image.
    Image(Image),
}

impl Resource {
    /// Which of the two it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Server(_) => Kind::Server,
            Self::Image(_) => Kind::Image,
        }
    }

    /// The project it belongs to.
    #[must_use]
    pub fn project_id(&self) -> &str {
        match self {
            Self::Server(server) => &server.project_id,
            Self::Image(image) => &image.project_id,
        }
    }
}

/// Everything that is kept of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub resource: Resource,
    /// Its metadata items.
    pub metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(status: &str, visibility: Visibility, members: &[&str]) -> Image {
        Image {
            project_id: "acme".into(),
            name: String::new(),
            status: status.into(),
            visibility,
            members: members.iter().map(|&member| member.into()).collect(),
            created: Timestamp::default(),
            updated: Timestamp::default(),
            observed_at: None,
        }
    }

    #[test]
    fn only_lower_case_hyphenated_uuids_are_ids() {
        assert!(ResourceId::parse("5ec95878-b74d-40f2-be61-c3c1ae5e5b19").is_some());
        for text in [
            "5EC95878-B74D-40F2-BE61-C3C1AE5E5B19",
            "5ec95878b74d40f2be61c3c1ae5e5b19",
            "5ec95878-b74d-40f2-be61-c3c1ae5e5b1",
            "5ec95878-b74d-40f2-be61-c3c1ae5e5b199",
            "5ec95878-b74d-40f2-be61_c3c1ae5e5b19",
            "5ec95878-b74d-40f2-be61-c3c1ae5e5b1g",
            "not-a-uuid",
            "1",
            "",
        ] {
            assert!(ResourceId::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn project_ids_are_hex_digits_and_hyphens() {
        for text in ["e4ee5a9bdf934e35b62c8b995152feee", "0", "-", "a-b"] {
            assert!(is_project_id(text), "{text}");
        }
        for text in ["", "E4EE", "g", "a b", "a/b", "é"] {
            assert!(!is_project_id(text), "{text}");
        }
    }

    #[test]
    fn an_image_is_seen_by_whom_its_visibility_says() {
        for (visibility, members, own, other) in [
            (Visibility::Private, &[][..], true, false),
            (Visibility::Private, &["other"][..], true, false),
            (Visibility::Shared, &[][..], true, false),
            (Visibility::Shared, &["third", "other"][..], true, true),
            (Visibility::Public, &[][..], true, true),
            (Visibility::Community, &[][..], true, true),
        ] {
            let image = image("active", visibility, members);
            assert_eq!(image.is_visible_to("acme"), own, "{visibility:?}");
            assert_eq!(image.is_visible_to("other"), other, "{visibility:?}");
        }
    }

    #[test]
    fn a_resource_belongs_to_the_project_of_its_server_or_image() {
        let image = Resource::Image(image("active", Visibility::Private, &[]));
        assert_eq!(image.project_id(), "acme");
        assert_eq!(image.kind(), Kind::Image);
        assert_eq!(Kind::Image.singular(), "image");
        assert_eq!(Kind::Server.singular(), "server");
    }

    #[test]
    fn each_image_status_is_gone_allows_a_change_or_neither() {
        for (status, gone, allows) in [
            ("active", false, true),
            ("deactivated", false, true),
            ("queued", false, false),
            ("saving", false, false),
            ("uploading", false, false),
            ("importing", false, false),
            ("deleted", true, false),
            ("pending_delete", true, false),
            ("killed", true, false),
            ("never heard of", false, false),
        ] {
            let image = image(status, Visibility::Private, &[]);
            assert_eq!(image.is_gone(), gone, "{status}");
            assert_eq!(image.state_allows_change(), allows, "{status}");
        }
    }
}
