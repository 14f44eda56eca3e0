//! What is asked of Glance.

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::glance_document::{image, is_base, pointer};
use super::session::{Answer, OpenStack, SEGMENT};
use super::{CloudError, CloudPage, Taken, Verdict, verdict};
use crate::registry::{Document, ImageDocument, Visibility};
use crate::resource::{Kind, Resource, ResourceId};

const PATCH: (&str, &str) = (
    "Content-Type",
    "application/openstack-images-v2.1-json-patch",
);

/// N: an image in one of these is 404.
const GONE: [&str; 3] = ["deleted", "pending_delete", "killed"];

impl OpenStack {
    /// Reads an image and, when it is shared, its members; [`None`] when Glance says that it does not
    /// exist, or that it is deleted.
    pub(super) async fn show_image(&self, id: ResourceId) -> Result<Option<Document>, CloudError> {
        let Some(document) = self.image_document(id).await? else {
            return Ok(None);
        };
        let (_, document) = self.with_members(document).await?;
        Ok((!GONE.contains(&document.status.as_str())).then_some(Document::Image(document)))
    }

    async fn image_document(&self, id: ResourceId) -> Result<Option<Value>, CloudError> {
        let answer = self
            .image("GET", &format!("/images/{id}"), &[], None)
            .await?;
        match answer.status {
            200 => answer.read().map(Some),
            _ if self.is_gone(not_found(&answer, &id.to_string())).await? => Ok(None),
            _ => Err(answer.error()),
        }
    }

    async fn with_members(&self, document: Value) -> Result<(String, ImageDocument), CloudError> {
        let (id, mut document) = image(document).map_err(|reason| CloudError::Body {
            request: "GET image /images".to_owned(),
            reason,
        })?;
        if document.visibility == Visibility::Shared {
            document.members = self.members(&id).await?;
        }
        Ok((id, document))
    }

    async fn members(&self, id: &str) -> Result<Vec<String>, CloudError> {
        let answer = self
            .image("GET", &format!("/images/{id}/members"), &[], None)
            .await?;
        match answer.status {
            200 => {
                let list: MemberList = answer.read()?;
                // N: whoever has not rejected it may see it.
                let kept = list
                    .members
                    .into_iter()
                    .filter(|member| member.status != "rejected");
                let mut members: Vec<_> = kept.map(|member| member.member_id).collect();
                members.sort();
                Ok(members)
            }
            // It went away, or is no longer shared, since it was read.
            403 => Ok(Vec::new()),
            _ if self.is_gone(not_found(&answer, id)).await? => Ok(Vec::new()),
            _ => Err(answer.error()),
        }
    }

    /// Sets or removes one property of an image.
    pub(super) async fn change_image(
        &self,
        id: ResourceId,
        key: &str,
        value: Option<&str>,
    ) -> Result<Taken, CloudError> {
        if key.is_empty() || is_base(key) {
            return Ok(Taken::Refused(format!(
                "`{key}` belongs to the image, not to its metadata"
            )));
        }
        let operation = match value {
            Some(value) => json!({"op": "add", "path": pointer(key), "value": value}),
            None => json!({"op": "remove", "path": pointer(key)}),
        };
        let answer = self
            .image(
                "PATCH",
                &format!("/images/{id}"),
                &[PATCH],
                Some(&json!([operation])),
            )
            .await?;
        let gone = self.is_gone(not_found(&answer, &id.to_string())).await?;
        match verdict(answer.status, answer.retry_after, gone, is_own(&answer)) {
            Verdict::Applied => Ok(Taken::Applied),
            Verdict::Unknown => Err(answer.error()),
            Verdict::Refused => {
                // Glance says 409 when there is nothing to remove, where Nova says 404.
                let current = self.image_document(id).await?;
                let done = value.is_none() && current.is_none_or(|image| image.get(key).is_none());
                Ok(if done {
                    Taken::Applied
                } else {
                    Taken::Refused(format!("{} {}", answer.status, answer.message()))
                })
            }
        }
    }

    /// A page of all projects' images. Hidden ones are listed only when they are asked for: after the others. So are
    /// other projects' community images, with `visibility=all`.
    pub(super) async fn images(
        &self,
        marker: Option<&str>,
        limit: usize,
    ) -> Result<CloudPage, CloudError> {
        let place = Place::parse(marker);
        let after = place
            .after
            .map(|id| format!("&marker={}", utf8_percent_encode(id, SEGMENT)));
        let after = after.unwrap_or_default();
        let hidden = if place.hidden { "&os_hidden=true" } else { "" };
        // Sorted by what never changes, so that none is passed over between two pages.
        let path = format!(
            "/images?limit={limit}&sort=created_at:asc,id:asc&visibility=all&member_status=all{hidden}{after}"
        );
        let answer = self.image("GET", &path, &[], None).await?;
        if answer.status != 200 {
            return Err(answer.error());
        }
        let list: ImageList = answer.read()?;
        let mut resources = Vec::with_capacity(list.images.len());
        let mut end = None;
        for document in list.images {
            let (id, document) = self.with_members(document).await?;
            if let Some(id) = ResourceId::parse(&id)
                && !GONE.contains(&document.status.as_str())
            {
                let resource = Resource {
                    kind: Kind::Image,
                    id,
                };
                resources.push((resource, Document::Image(document)));
            }
            end = Some(id);
        }
        Ok(CloudPage {
            resources,
            next: place.next(end.filter(|_| list.next.is_some())),
        })
    }
}

/// Whether Glance itself has answered with a fault, which its library ends so, as JSON and as HTML. What is in between
/// has pages of its own.
fn is_own(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.body).contains("<br /><br />")
}

/// Whether Glance itself says that an image does not exist: its message names the id. Some servers repeat the path of
/// what they do not have, so the id must not be part of a path.
fn not_found(answer: &Answer, id: &str) -> bool {
    let body = String::from_utf8_lossy(&answer.body);
    answer.status == 404 && body.contains(id) && !body.contains(&format!("/{id}"))
}

/// A place in the list of images: its hidden ones come after all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place<'a> {
    hidden: bool,
    after: Option<&'a str>,
}

impl<'a> Place<'a> {
    const HIDDEN: &'static str = "hidden:";

    fn parse(marker: Option<&'a str>) -> Self {
        match marker.map(|marker| (marker, marker.strip_prefix(Self::HIDDEN))) {
            None => Self {
                hidden: false,
                after: None,
            },
            Some((_, Some(after))) => Self {
                hidden: true,
                after: Some(after).filter(|after| !after.is_empty()),
            },
            Some((marker, None)) => Self {
                hidden: false,
                after: Some(marker),
            },
        }
    }

    /// The marker of the next page; `last` is where this part of the list goes on.
    fn next(self, last: Option<String>) -> Option<String> {
        match (self.hidden, last) {
            (false, Some(last)) => Some(last),
            (false, None) => Some(Self::HIDDEN.to_owned()),
            (true, last) => last.map(|last| format!("{}{last}", Self::HIDDEN)),
        }
    }
}

#[derive(Deserialize)]
struct ImageList {
    images: Vec<Value>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct MemberList {
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    member_id: String,
    #[serde(default)]
    status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_images_are_listed_after_the_others() {
        let mut marker: Option<String> = None;
        let mut places = Vec::new();
        for last in [Some("a"), None, Some("h"), None] {
            let place = Place::parse(marker.as_deref());
            places.push((place.hidden, place.after.map(str::to_owned)));
            marker = place.next(last.map(str::to_owned));
        }
        let after = |id: &str| Some(id.to_owned());
        assert_eq!(
            places,
            [
                (false, None),
                (false, after("a")),
                (true, None),
                (true, after("h"))
            ]
        );
        assert_eq!(marker, None);
    }
}
