//! What is particular to an image.

use serde::{Deserialize, Serialize};

/// Glance reserves these names for itself. P: users neither write nor remove them.
pub const RESERVED_PREFIX: &str = "os_glance_";

/// Who may see an image that belongs to another project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everyone.
    Public,
    /// Everyone, but it is in nobody else's list.
    Community,
    /// The projects among its members.
    Shared,
    /// Nobody.
    #[default]
    Private,
}

impl Visibility {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Community => "community",
            Self::Shared => "shared",
            Self::Private => "private",
        }
    }

    /// Returns the visibility that [`word`](Self::word) names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Public, Self::Community, Self::Shared, Self::Private]
            .into_iter()
            .find(|visibility| visibility.word() == word)
    }
}

/// The state of an image, as the control plane reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Glance's status: `active`, `queued`, `deactivated`, … Any text.
    pub status: String,
    /// Who else may see it.
    pub visibility: Visibility,
    /// The projects that a `shared` image is shared with.
    pub members: Vec<String>,
}

impl Default for Image {
    /// P: the state of a new record that names none.
    fn default() -> Self {
        Self {
            status: "active".to_owned(),
            visibility: Visibility::Private,
            members: Vec::new(),
        }
    }
}

impl Image {
    /// Returns whether the image no longer exists for clients. N: such an image answers 404.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(
            self.status.as_str(),
            "deleted" | "pending_delete" | "killed"
        )
    }

    /// S1 lists 409; P: while an image is still being written (`queued`, `saving`, `uploading`,
    /// `importing`) a change would be lost, and an unknown status promises nothing.
    #[must_use]
    pub fn state_allows_change(&self) -> bool {
        matches!(self.status.as_str(), "active" | "deactivated")
    }

    /// Returns whether a project other than the owner sees the image.
    #[must_use]
    pub fn is_visible_to_other(&self, project_id: &str) -> bool {
        match self.visibility {
            Visibility::Public | Visibility::Community => true,
            Visibility::Shared => self.is_member(project_id),
            Visibility::Private => false,
        }
    }

    /// Returns whether the image is in another project's list. N: community images are visible to
    /// everyone, but only their own project lists them.
    #[must_use]
    pub fn is_listed_for_other(&self, project_id: &str) -> bool {
        match self.visibility {
            Visibility::Public => true,
            Visibility::Shared => self.is_member(project_id),
            Visibility::Community | Visibility::Private => false,
        }
    }

    fn is_member(&self, project_id: &str) -> bool {
        self.members.iter().any(|member| member == project_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(status: &str, visibility: Visibility, members: &[&str]) -> Image {
        Image {
            status: status.into(),
            visibility,
            members: members.iter().map(|&member| member.into()).collect(),
        }
    }

    #[test]
    fn visibility_decides_who_else_sees_and_lists_an_image() {
        for (visibility, members, sees, lists) in [
            (Visibility::Private, &[][..], false, false),
            (Visibility::Private, &["other"][..], false, false),
            (Visibility::Shared, &[][..], false, false),
            (Visibility::Shared, &["third", "other"][..], true, true),
            (Visibility::Public, &[][..], true, true),
            (Visibility::Community, &["other"][..], true, false),
        ] {
            let image = image("active", visibility, members);
            assert_eq!(image.is_visible_to_other("other"), sees, "{visibility:?}");
            assert_eq!(image.is_listed_for_other("other"), lists, "{visibility:?}");
        }
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
            ("unknown to this release", false, false),
        ] {
            let image = image(status, Visibility::Private, &[]);
            assert_eq!(image.is_gone(), gone, "{status}");
            assert_eq!(image.state_allows_change(), allows, "{status}");
        }
    }

    #[test]
    fn a_visibility_is_read_back_from_its_word() {
        for visibility in [
            Visibility::Public,
            Visibility::Community,
            Visibility::Shared,
            Visibility::Private,
        ] {
            assert_eq!(Visibility::parse(visibility.word()), Some(visibility));
        }
        assert_eq!(Visibility::parse("secret"), None);
    }
}
