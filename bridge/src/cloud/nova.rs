//! What is asked of Nova.

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::nova_document::{MICROVERSION, server};
use super::session::{Answer, OpenStack, SEGMENT};
use super::{CloudError, CloudPage, Taken, Verdict, verdict};
use crate::fault::Fault;
use crate::registry::{Document, Link};
use crate::resource::{Kind, Resource, ResourceId};

const VERSION: (&str, &str) = ("X-OpenStack-Nova-API-Version", MICROVERSION);

impl OpenStack {
    /// Reads a server; [`None`] when Nova says that it does not exist, or that it is deleted.
    pub(super) async fn server(&self, id: ResourceId) -> Result<Option<Document>, CloudError> {
        let answer = self
            .compute("GET", &format!("/servers/{id}"), &[VERSION], None)
            .await?;
        match answer.status {
            200 => {
                let body: ServerBody = answer.read()?;
                let (_, document) = server(body.server, &self.attributes)
                    .map_err(|reason| answer.unreadable(reason))?;
                Ok((document.vm_state != "deleted").then_some(Document::Server(document)))
            }
            _ if self.is_gone(not_found(&answer)).await? => Ok(None),
            _ => Err(answer.error()),
        }
    }

    /// PUTs or DELETEs one key of a server's metadata.
    pub(super) async fn change_server(
        &self,
        id: ResourceId,
        key: &str,
        value: Option<&str>,
    ) -> Result<Taken, CloudError> {
        // A URL parser takes these for steps in the path, encoded or not.
        if matches!(key, "" | "." | "..") {
            return Ok(Taken::Refused(format!(
                "Nova cannot be asked for the key `{key}`"
            )));
        }
        let path = format!(
            "/servers/{id}/metadata/{}",
            utf8_percent_encode(key, SEGMENT)
        );
        let answer = match value {
            Some(value) => {
                let body = json!({"meta": {key: value}});
                self.compute("PUT", &path, &[VERSION], Some(&body)).await?
            }
            None => self.compute("DELETE", &path, &[VERSION], None).await?,
        };
        let gone = self.is_gone(not_found(&answer)).await?;
        let is_own = own_fault(&answer).is_some();
        match verdict(answer.status, answer.retry_after, gone, is_own) {
            Verdict::Applied => Ok(Taken::Applied),
            Verdict::Refused => Ok(Taken::Refused(format!(
                "{} {}",
                answer.status,
                answer.message()
            ))),
            Verdict::Unknown => Err(answer.error()),
        }
    }

    /// A page of all projects' servers. They come in the order of their creation, the newest first.
    pub(super) async fn servers(
        &self,
        marker: Option<&str>,
        limit: usize,
    ) -> Result<CloudPage, CloudError> {
        let marker = marker
            .map(|marker| format!("&marker={}", utf8_percent_encode(marker, SEGMENT)))
            .unwrap_or_default();
        let path = format!("/servers/detail?all_tenants=1&limit={limit}{marker}");
        let answer = self.compute("GET", &path, &[VERSION], None).await?;
        if answer.status != 200 {
            return Err(answer.error());
        }
        let list: ServerList = answer.read()?;
        let mut resources = Vec::with_capacity(list.servers.len());
        let mut end = None;
        for document in list.servers {
            let (id, document) =
                server(document, &self.attributes).map_err(|reason| answer.unreadable(reason))?;
            if let Some(id) = ResourceId::parse(&id) {
                let resource = Resource {
                    kind: Kind::Server,
                    id,
                };
                resources.push((resource, Document::Server(document)));
            }
            end = Some(id);
        }
        // Nova's own maximum may be smaller than what was asked for: only its link tells.
        let more = list.servers_links.iter().any(|link| link.rel == "next");
        Ok(CloudPage {
            resources,
            next: end.filter(|_| more),
        })
    }
}

/// Whether Nova itself says that something does not exist. A proxy without its upstream answers 404 in other words.
fn not_found(answer: &Answer) -> bool {
    answer.status == 404 && own_fault(answer).is_some_and(|fault| fault.name == "itemNotFound")
}

/// Nova's own fault; [`None`] when something in between has answered.
fn own_fault(answer: &Answer) -> Option<Fault> {
    Fault::read(answer.status, &answer.body)
}

#[derive(Deserialize)]
struct ServerBody {
    server: Value,
}

#[derive(Deserialize)]
struct ServerList {
    servers: Vec<Value>,
    #[serde(default)]
    servers_links: Vec<Link>,
}
