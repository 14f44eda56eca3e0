//! The query of a list.

use super::images::ImageFilter;
use super::marker::Marker;
use super::parameters::Parameters;
use super::servers::{Reader, ServerFilter};
use crate::auth::{AccessLevel, Actor};
use crate::http::fault::Fault;
use crate::http::microversion::Microversion;
use crate::http::query;
use crate::metadata::{Kind, ResourceId, is_project_id};
use crate::rpc::{ListScope, NameFilter, Summary};
use crate::storage::index_entry::PUBLIC;

/// What a list is asked for. Every parameter of it is either read here or ignored as N ignores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// How many entries at most, up to [`MAX_ENTRIES`](crate::http::json_page::MAX_ENTRIES).
    pub limit: usize,
    /// The entry that the page follows.
    pub marker: Option<Marker>,
    /// The project whose list it is.
    project_id: Option<String>,
    /// Whether the actor finds anything there.
    may_read: bool,
    filter: Filter,
    pairs: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    Servers(ServerFilter),
    Images(ImageFilter),
}

impl ListQuery {
    /// Reads the query of a list. `detail` is whether each entry is shown in full.
    ///
    /// # Errors
    ///
    /// 400 for a malformed or an unsupported parameter, 403 for those who may not list servers.
    pub fn parse(
        query: &str,
        kind: Kind,
        detail: bool,
        version: Microversion,
        actor: &Actor,
    ) -> Result<Self, Fault> {
        query::check_utf8(query)?;
        let pairs = query::pairs(query);
        let parameters = Parameters(&pairs);
        let marker = parameters.marker().map(Marker::parse);
        // N: `limit=0` is an empty page of servers; Glance requires at least 1.
        let least = match kind {
            Kind::Server => 0,
            Kind::Image => 1,
        };
        let limit = parameters.limit(least)?;
        let (filter, project_id) = match kind {
            Kind::Server => {
                let reader = Reader {
                    parameters,
                    version,
                    actor,
                    detail,
                };
                let (filter, project_id) = reader.read()?;
                (Filter::Servers(filter), Some(project_id))
            }
            Kind::Image => {
                let filter = ImageFilter::read(parameters)?;
                (Filter::Images(filter), actor.project_id.clone())
            }
        };
        // N: no images are found without a role, nor without a project unless by an admin.
        let may_read = match actor.project_id {
            Some(_) => actor.access_level >= AccessLevel::Reader,
            None => actor.access_level == AccessLevel::Admin,
        };
        Ok(Self {
            limit,
            marker,
            project_id,
            may_read,
            filter,
            pairs,
        })
    }

    /// Returns whether the list is empty whatever there is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let matches_nothing = match &self.filter {
            Filter::Servers(filter) => filter.is_empty(),
            Filter::Images(_) => false,
        };
        // Only a project has a list, so that no other name is looked up.
        let has_list = self.project_id.as_deref().is_none_or(is_project_id);
        self.limit == 0 || !self.may_read || matches_nothing || !has_list
    }

    /// Returns the lists to look in: the project's own, and for images the one for everyone.
    #[must_use]
    pub fn lists(&self) -> Vec<&str> {
        let own = self.project_id.as_deref();
        let public = matches!(self.filter, Filter::Images(_)).then_some(PUBLIC);
        own.into_iter().chain(public).collect()
    }

    /// Returns which records are in them.
    #[must_use]
    pub fn scope(&self) -> ListScope {
        ListScope::ListedFor(self.project_id.clone())
    }

    /// Returns whether soft-deleted servers are among them.
    #[must_use]
    pub fn soft_deleted(&self) -> bool {
        match &self.filter {
            Filter::Servers(filter) => filter.soft_deleted,
            Filter::Images(_) => false,
        }
    }

    /// Returns the names for the lists to look for.
    #[must_use]
    pub fn names(&self) -> NameFilter {
        match &self.filter {
            Filter::Servers(filter) => filter.names(),
            Filter::Images(filter) => filter.names(),
        }
    }

    /// Returns the id of the only server that can match, if one is named.
    #[must_use]
    pub fn only_id(&self) -> Option<&str> {
        match &self.filter {
            Filter::Servers(filter) => filter.uuid.as_deref(),
            Filter::Images(_) => None,
        }
    }

    /// Returns whether a resource is one that is asked for.
    #[must_use]
    pub fn matches(&self, id: ResourceId, summary: &Summary) -> bool {
        match &self.filter {
            Filter::Servers(filter) => filter.matches(&id.to_string(), summary),
            Filter::Images(filter) => filter.matches(summary),
        }
    }

    /// Returns the URL of the next page: what else was asked for holds there, too. `list_url` is the
    /// URL of this list without its query.
    #[must_use]
    pub fn next_url(&self, list_url: &str, marker: &Marker) -> String {
        let is_kept = |(name, value): &&(String, String)| {
            name != "marker" && (name != "limit" || !value.is_empty())
        };
        let others = self.pairs.iter().filter(is_kept).cloned();
        let marker = ("marker".to_owned(), marker.text());
        let query = query::encode(others.chain([marker]));
        format!("{list_url}?{query}")
    }
}

#[cfg(test)]
mod tests;
