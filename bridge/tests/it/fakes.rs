//! A cloud, an edge and a queue in memory, which fail when they are told to.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use edge_metadata_bridge::bus::{Message, Queue};
use edge_metadata_bridge::cloud::{Cloud, CloudError, CloudPage, SessionError, Taken};
use edge_metadata_bridge::edge::{Edge, EdgeError, Stored};
use edge_metadata_bridge::registry::{
    ChangedResource, ChangesPage, Document, Link, ListedResource, Metadata, Record, ResourcePage,
    ServerDocument,
};
use edge_metadata_bridge::resource::{Kind, Resource, ResourceId};
use serde_json::{Map, json};
use tokio::sync::Notify;

pub(crate) const PROJECT: &str = "a1";

pub(crate) fn server(number: u32) -> Resource {
    let id = ResourceId::parse(&format!("{number:08x}-0000-4000-8000-000000000000")).unwrap();
    Resource {
        kind: Kind::Server,
        id,
    }
}

pub(crate) fn metadata(items: &[(&str, &str)]) -> Metadata {
    items
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn document(metadata: Metadata) -> ServerDocument {
    ServerDocument {
        project_id: PROJECT.into(),
        name: "web".into(),
        vm_state: "active".into(),
        task_state: None,
        power_state: 1,
        locked: false,
        launched: true,
        created: DateTime::UNIX_EPOCH,
        metadata,
        attributes: Map::new(),
    }
}

/// Servers, as Nova has them.
#[derive(Default)]
pub(crate) struct FakeCloud {
    pub(crate) servers: Mutex<BTreeMap<Resource, Metadata>>,
    /// Keys that it refuses.
    pub(crate) refused: Mutex<BTreeSet<String>>,
    /// Keys that it answers 500 for.
    pub(crate) broken: Mutex<BTreeSet<String>>,
    /// Keys that it gives no answer for.
    pub(crate) unanswered: Mutex<BTreeSet<String>>,
    /// Keys that it was asked to change.
    pub(crate) attempted: Mutex<Vec<String>>,
    /// Fails all that it is asked.
    pub(crate) down: AtomicBool,
    /// How many requests it fails from now on.
    pub(crate) failures: AtomicUsize,
    /// Servers of a cell that is down: it fails to read them, and leaves them out of its pages.
    pub(crate) unreadable: Mutex<BTreeSet<Resource>>,
    /// Requests of any kind.
    pub(crate) asked: AtomicUsize,
    pub(crate) reads: AtomicUsize,
    /// Pages that were asked for.
    pub(crate) pages: AtomicUsize,
    /// Projects besides [`PROJECT`].
    pub(crate) projects: Mutex<Vec<String>>,
    /// How long a read takes to answer with what was there at its beginning.
    pub(crate) slow: Mutex<Duration>,
}

impl FakeCloud {
    pub(crate) fn put(&self, resource: Resource, items: &[(&str, &str)]) {
        self.servers
            .lock()
            .unwrap()
            .insert(resource, metadata(items));
    }

    pub(crate) fn metadata(&self, resource: Resource) -> Option<Metadata> {
        self.servers.lock().unwrap().get(&resource).cloned()
    }

    fn up(&self) -> Result<(), CloudError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) || count_down(&self.failures) {
            return Err(CloudError::Status {
                request: "fake".into(),
                status: 503,
                message: "down".into(),
            });
        }
        Ok(())
    }

    fn reads(&self, resource: Resource) -> bool {
        !self.unreadable.lock().unwrap().contains(&resource)
    }
}

/// Takes one off, and tells whether there was one.
fn count_down(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

impl Cloud for FakeCloud {
    async fn read(&self, resource: Resource) -> Result<Option<Document>, CloudError> {
        self.up()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        if !self.reads(resource) {
            return Err(CloudError::Status {
                request: "fake".into(),
                status: 500,
                message: "its cell is down".into(),
            });
        }
        let found = self
            .metadata(resource)
            .map(|metadata| Document::Server(document(metadata)));
        let slow = *self.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        Ok(found)
    }

    async fn change(
        &self,
        resource: Resource,
        key: &str,
        value: Option<&str>,
    ) -> Result<Taken, CloudError> {
        self.up()?;
        self.attempted.lock().unwrap().push(key.into());
        if self.refused.lock().unwrap().contains(key) {
            return Ok(Taken::Refused("409 no".into()));
        }
        if self.broken.lock().unwrap().contains(key) {
            return Err(CloudError::Status {
                request: "fake".into(),
                status: 500,
                message: "no utf8mb4".into(),
            });
        }
        if self.unanswered.lock().unwrap().contains(key) {
            return Err(CloudError::Session(SessionError::Request {
                request: "fake".into(),
                reason: "timeout".into(),
            }));
        }
        if let Some(metadata) = self.servers.lock().unwrap().get_mut(&resource) {
            match value {
                Some(value) => metadata.insert(key.into(), value.into()),
                None => metadata.remove(key),
            };
        }
        Ok(Taken::Applied)
    }

    async fn page(
        &self,
        kind: Kind,
        marker: Option<&str>,
        limit: usize,
    ) -> Result<CloudPage, CloudError> {
        self.up()?;
        self.pages.fetch_add(1, Ordering::SeqCst);
        let servers = self.servers.lock().unwrap();
        let after = servers.iter().filter(|(resource, _)| {
            kind == Kind::Server
                && self.reads(**resource)
                && marker.is_none_or(|marker| resource.id.to_string().as_str() > marker)
        });
        let resources: Vec<_> = after
            .map(|(resource, metadata)| (*resource, Document::Server(document(metadata.clone()))))
            .take(limit)
            .collect();
        let next = (resources.len() == limit)
            .then(|| {
                resources
                    .last()
                    .map(|(resource, _)| resource.id.to_string())
            })
            .flatten();
        Ok(CloudPage { resources, next })
    }

    async fn projects(&self) -> Result<Vec<String>, CloudError> {
        tokio::task::yield_now().await;
        self.up()?;
        let others = self.projects.lock().unwrap().clone();
        Ok(others.into_iter().chain([PROJECT.into()]).collect())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct EdgeServer {
    pub(crate) metadata: Metadata,
    pub(crate) observed_at: DateTime<Utc>,
    pub(crate) marks: BTreeMap<String, (u64, Option<String>)>,
    pub(crate) revision: u64,
}

impl EdgeServer {
    fn acknowledge(&mut self, applied: &BTreeMap<String, u64>) {
        self.marks
            .retain(|key, (revision, _)| applied.get(key) != Some(revision));
    }
}

/// The registry's rules, as the contract's "Order in time" and "Changes that the cloud has yet to hear of" have them.
#[derive(Default)]
pub(crate) struct FakeEdge {
    pub(crate) servers: Mutex<BTreeMap<Resource, EdgeServer>>,
    pub(crate) removed: Mutex<BTreeMap<Resource, DateTime<Utc>>>,
    pub(crate) down: AtomicBool,
    /// How many requests it fails from now on.
    pub(crate) failures: AtomicUsize,
    /// Resources that it fails to show.
    pub(crate) unreadable: Mutex<BTreeSet<Resource>>,
    /// Resources that it fails to register.
    pub(crate) failing: Mutex<BTreeSet<Resource>>,
    /// What it refuses: resources, and projects.
    pub(crate) refused: Mutex<BTreeSet<String>>,
    /// Projects whose lists were asked for.
    pub(crate) listed: Mutex<BTreeSet<String>>,
    /// How long it takes to register something.
    pub(crate) slow: Mutex<Duration>,
    /// Documents that were taken.
    pub(crate) taken: AtomicUsize,
    pub(crate) reports: Mutex<Vec<DateTime<Utc>>>,
    /// Takes no acknowledgement without a document.
    pub(crate) keeps_marks: AtomicBool,
    /// Refuses observations that are more than this ahead.
    pub(crate) most_ahead: Mutex<Option<TimeDelta>>,
}

impl FakeEdge {
    /// Has a server that was observed by another bridge, whose clock is ahead by an hour.
    pub(crate) fn observed_ahead(&self, resource: Resource, items: &[(&str, &str)]) {
        self.put(resource, items);
        let mut servers = self.servers.lock().unwrap();
        servers.get_mut(&resource).unwrap().observed_at = Utc::now() + TimeDelta::hours(1);
    }

    /// A user's change.
    pub(crate) fn user(&self, resource: Resource, key: &str, value: Option<&str>) {
        let mut servers = self.servers.lock().unwrap();
        let server = servers.get_mut(&resource).unwrap();
        server.revision += 1;
        match value {
            Some(value) => server.metadata.insert(key.into(), value.into()),
            None => server.metadata.remove(key),
        };
        server
            .marks
            .insert(key.into(), (server.revision, value.map(str::to_owned)));
    }

    /// Refuses every document of a resource from now on.
    pub(crate) fn refuse(&self, resource: Resource) {
        let id = resource.id.to_string();
        self.refused.lock().unwrap().insert(id);
    }

    pub(crate) fn put(&self, resource: Resource, items: &[(&str, &str)]) {
        let server = EdgeServer {
            metadata: metadata(items),
            ..EdgeServer::default()
        };
        self.servers.lock().unwrap().insert(resource, server);
    }

    pub(crate) fn metadata(&self, resource: Resource) -> Option<Metadata> {
        self.servers
            .lock()
            .unwrap()
            .get(&resource)
            .map(|server| server.metadata.clone())
    }

    /// The last good round that was reported.
    pub(crate) fn round(&self) -> Option<DateTime<Utc>> {
        self.reports.lock().unwrap().last().copied()
    }

    pub(crate) fn marks(&self, resource: Resource) -> Vec<String> {
        let servers = self.servers.lock().unwrap();
        servers
            .get(&resource)
            .map(|server| server.marks.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn up(&self) -> Result<(), EdgeError> {
        if self.down.load(Ordering::SeqCst) || count_down(&self.failures) {
            return Err(unavailable());
        }
        Ok(())
    }

    fn takes(&self, name: &str) -> Result<(), EdgeError> {
        if self.refused.lock().unwrap().contains(name) {
            return Err(EdgeError::Rejected {
                request: "fake".into(),
                status: 400,
                message: "no".into(),
            });
        }
        Ok(())
    }
}

fn unavailable() -> EdgeError {
    EdgeError::Status {
        request: "fake".into(),
        status: 503,
        message: "down".into(),
    }
}

fn record(server: &EdgeServer) -> Record {
    let changes: BTreeMap<_, _> = server
        .marks
        .iter()
        .map(|(key, (revision, value))| (key, json!({"revision": revision, "value": value})))
        .collect();
    serde_json::from_value(json!({"server": {
        "id": "5ec95878-b74d-40f2-be61-c3c1ae5e5b19", "created": "1970-01-01T00:00:00Z",
        "updated": "1970-01-01T00:00:00Z", "project_id": PROJECT, "name": "web", "vm_state": "active", "task_state": null, "power_state": 1,
        "locked": false, "launched": true, "metadata": server.metadata, "observed_at": server.observed_at,
        "changes": changes,
    }}))
    .unwrap()
}

impl Edge for FakeEdge {
    async fn show(&self, resource: Resource) -> Result<Option<Record>, EdgeError> {
        self.up()?;
        if self.unreadable.lock().unwrap().contains(&resource) {
            return Err(unavailable());
        }
        Ok(self.servers.lock().unwrap().get(&resource).map(record))
    }

    async fn register(
        &self,
        resource: Resource,
        document: &Document,
        observed_at: DateTime<Utc>,
        applied: &BTreeMap<String, u64>,
    ) -> Result<Stored, EdgeError> {
        tokio::task::yield_now().await;
        let slow = *self.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        self.up()?;
        if self.failing.lock().unwrap().contains(&resource) {
            return Err(unavailable());
        }
        self.takes(&resource.id.to_string())?;
        let most_ahead = *self.most_ahead.lock().unwrap();
        if most_ahead.is_some_and(|most| observed_at > Utc::now() + most) {
            return Err(EdgeError::Clock {
                request: "fake".into(),
                message: "in the future".into(),
            });
        }
        if self
            .removed
            .lock()
            .unwrap()
            .get(&resource)
            .is_some_and(|at| observed_at <= *at)
        {
            return Ok(Stored::Stale);
        }
        let mut servers = self.servers.lock().unwrap();
        let server = servers.entry(resource).or_default();
        server.acknowledge(applied);
        if observed_at > server.observed_at {
            server.observed_at = observed_at;
            let mut next = document.metadata().clone();
            for key in server.marks.keys() {
                match server.metadata.get(key) {
                    Some(value) => next.insert(key.clone(), value.clone()),
                    None => next.remove(key),
                };
            }
            server.metadata = next;
        }
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(Stored::Record(Box::new(record(server))))
    }

    async fn acknowledge(
        &self,
        resource: Resource,
        applied: &BTreeMap<String, u64>,
    ) -> Result<(), EdgeError> {
        self.up()?;
        if self.keeps_marks.load(Ordering::SeqCst) {
            return Err(EdgeError::Rejected {
                request: "fake".into(),
                status: 400,
                message: "no".into(),
            });
        }
        if let Some(server) = self.servers.lock().unwrap().get_mut(&resource) {
            server.acknowledge(applied);
        }
        Ok(())
    }

    async fn remove(
        &self,
        resource: Resource,
        observed_at: DateTime<Utc>,
    ) -> Result<(), EdgeError> {
        self.up()?;
        let mut servers = self.servers.lock().unwrap();
        if servers
            .get(&resource)
            .is_some_and(|server| observed_at < server.observed_at)
        {
            return Ok(());
        }
        servers.remove(&resource);
        self.removed.lock().unwrap().insert(resource, observed_at);
        Ok(())
    }

    async fn changes(&self, _next: Option<&str>) -> Result<ChangesPage, EdgeError> {
        self.up()?;
        let servers = self.servers.lock().unwrap();
        let changes = servers
            .iter()
            .filter(|(_, server)| !server.marks.is_empty())
            .map(|(resource, _)| ChangedResource {
                kind: resource.kind,
                id: resource.id.to_string(),
                changed_at: None,
            })
            .collect();
        Ok(ChangesPage {
            changes,
            changes_links: Vec::new(),
        })
    }

    async fn list(
        &self,
        kind: Kind,
        project: &str,
        marker: Option<&str>,
    ) -> Result<ResourcePage, EdgeError> {
        const PAGE: usize = 2;
        self.up()?;
        self.listed.lock().unwrap().insert(project.to_owned());
        self.takes(project)?;
        let servers = self.servers.lock().unwrap();
        let resources: Vec<_> = servers
            .keys()
            .filter(|_| kind == Kind::Server && project == PROJECT)
            .map(|resource| resource.id.to_string())
            .filter(|id| marker.is_none_or(|marker| id.as_str() > marker))
            .map(|id| ListedResource {
                id,
                observed_at: None,
            })
            .take(PAGE)
            .collect();
        let next = (resources.len() == PAGE).then(|| Link {
            rel: "next".into(),
            href: format!("/registry/servers?marker={}", resources[PAGE - 1].id),
        });
        Ok(ResourcePage {
            resources,
            links: next.into_iter().collect(),
        })
    }

    async fn report(&self, observed_at: DateTime<Utc>) -> Result<(), EdgeError> {
        self.up()?;
        self.reports.lock().unwrap().push(observed_at);
        Ok(())
    }
}

/// A queue that keeps what is not acknowledged, and delivers it again to whoever opens it next.
#[derive(Clone, Default)]
pub(crate) struct FakeQueue {
    pub(crate) inner: Arc<Mutex<QueueState>>,
    arrived: Arc<Notify>,
}

#[derive(Default)]
pub(crate) struct QueueState {
    pub(crate) ready: VecDeque<Vec<u8>>,
    pub(crate) unacknowledged: HashMap<u64, Vec<u8>>,
    pub(crate) acknowledged: Vec<u64>,
    last: u64,
}

impl FakeQueue {
    /// Announces a server with a payload that says this about its metadata.
    pub(crate) fn announce(&self, resource: Resource, payload: &[(&str, &str)]) {
        let notification = json!({
            "event_type": "instance.update",
            "payload": {"nova_object.data": {"uuid": resource.id.to_string(), "metadata": metadata(payload)}},
        });
        let body = json!({"oslo.version": "2.0", "oslo.message": notification.to_string()});
        self.raw(body.to_string().as_bytes());
    }

    pub(crate) fn raw(&self, body: &[u8]) {
        self.inner.lock().unwrap().ready.push_back(body.to_vec());
        self.arrived.notify_one();
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.inner.lock().unwrap().acknowledged.len()
    }

    /// What a broker does when the connection ends.
    pub(crate) fn reconnect(&self) {
        let mut inner = self.inner.lock().unwrap();
        let back: Vec<_> = inner.unacknowledged.drain().map(|(_, body)| body).collect();
        inner.ready.extend(back);
    }
}

impl Queue for FakeQueue {
    type Error = String;

    async fn next(&mut self) -> Option<Result<Message, String>> {
        loop {
            {
                let mut inner = self.inner.lock().unwrap();
                if let Some(body) = inner.ready.pop_front() {
                    inner.last += 1;
                    let tag = inner.last;
                    inner.unacknowledged.insert(tag, body.clone());
                    return Some(Ok(Message { tag, body }));
                }
            }
            self.arrived.notified().await;
        }
    }

    async fn acknowledge(&mut self, tag: u64) -> Result<(), String> {
        let mut inner = self.inner.lock().unwrap();
        inner
            .unacknowledged
            .remove(&tag)
            .ok_or("acknowledged twice")?;
        inner.acknowledged.push(tag);
        Ok(())
    }

    async fn stop(&mut self) {}
}

/// Waits until something holds; fails after a while.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not in time: {what}");
}
