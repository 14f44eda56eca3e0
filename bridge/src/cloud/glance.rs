//! What is asked of Glance.

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use super::glance_document::{image, is_base, pointer};
use super::nova::SEGMENT;
use super::session::OpenStack;
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
    /// Reads an image and, when it is shared, its members; [`None`] when Glance says 404, or that it is gone.
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
            200 => answer.json().map(Some),
            404 => Ok(None),
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
                let body = answer.json()?;
                let Some(list) = body["members"].as_array() else {
                    return Err(answer.unreadable("there is no list `members`"));
                };
                // N: whoever has not rejected it may see it.
                let mut members: Vec<_> = list
                    .iter()
                    .filter(|member| member["status"] != "rejected")
                    .filter_map(|member| member["member_id"].as_str().map(str::to_owned))
                    .collect();
                members.sort();
                Ok(members)
            }
            // It went away, or is no longer shared, since it was read.
            403 | 404 => Ok(Vec::new()),
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
        match verdict(answer.status, answer.retry_after) {
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

    /// A page of all projects' images.
    pub(super) async fn images(
        &self,
        marker: Option<&str>,
        limit: usize,
    ) -> Result<CloudPage, CloudError> {
        let marker = marker
            .map(|marker| format!("&marker={}", utf8_percent_encode(marker, SEGMENT)))
            .unwrap_or_default();
        // Sorted by what never changes, so that none is passed over between two pages. Hidden images are listed
        // only when they are asked for; they are looked for apart.
        let (hidden, marker) = match marker.strip_prefix("&marker=hidden%3A") {
            Some(marker) if marker.is_empty() => ("&os_hidden=true", String::new()),
            Some(marker) => ("&os_hidden=true", format!("&marker={marker}")),
            None => ("", marker),
        };
        let path = format!(
            "/images?limit={limit}&sort=created_at:asc,id:asc&member_status=all{hidden}{marker}"
        );
        let answer = self.image("GET", &path, &[], None).await?;
        if answer.status != 200 {
            return Err(answer.error());
        }
        let mut body = answer.json()?;
        let Some(list) = body["images"].as_array_mut() else {
            return Err(answer.unreadable("there is no list `images`"));
        };
        let mut resources = Vec::with_capacity(list.len());
        let mut last = None;
        for document in list.drain(..) {
            let (id, document) = self.with_members(document).await?;
            if let Some(resource_id) = ResourceId::parse(&id)
                && !GONE.contains(&document.status.as_str())
            {
                resources.push((
                    Resource {
                        kind: Kind::Image,
                        id: resource_id,
                    },
                    Document::Image(document),
                ));
            }
            last = Some(id);
        }
        let next = match (body.get("next").is_some(), hidden.is_empty()) {
            (true, true) => last,
            (true, false) => last.map(|last| format!("hidden:{last}")),
            (false, true) => Some("hidden:".to_owned()),
            (false, false) => None,
        };
        Ok(CloudPage { resources, next })
    }
}
