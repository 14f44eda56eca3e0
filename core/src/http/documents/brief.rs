//! The short form of a server or an image.

use serde::Serialize;

use super::links::Links;
use crate::metadata::ResourceId;

/// An entry of a list without details.
#[derive(Debug, Serialize)]
pub(super) struct BriefDocument<'a> {
    pub(super) id: ResourceId,
    pub(super) name: &'a str,
    pub(super) links: Links,
}
