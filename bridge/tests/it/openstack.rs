//! Keystone, Nova and Glance over HTTP: what the bridge makes of their answers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use edge_metadata_bridge::cloud::{Cloud, CloudError, Endpoints, OpenStack, SessionError, Taken};
use edge_metadata_bridge::resource::{Kind, Resource};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fakes::server;

/// What an ingress answers while what is behind it is away.
const INGRESS: &str = "default backend - 404";

fn image() -> Resource {
    Resource {
        kind: Kind::Image,
        ..server(1)
    }
}

fn path(resource: Resource) -> String {
    match resource.kind {
        Kind::Server => format!("/compute/v2.1/servers/{}", resource.id),
        Kind::Image => format!("/image/v2/images/{}", resource.id),
    }
}

/// What Nova answers when there is no such server, or no such key.
fn nova_404() -> String {
    json!({"itemNotFound": {"code": 404, "message": "Instance could not be found."}}).to_string()
}

/// What Glance answers when there is no such image.
fn glance_404() -> String {
    let message = format!("No image found with ID {}<br /><br />\n\n\n", image().id);
    json!({"message": message, "code": "404 Not Found", "title": "Not Found"}).to_string()
}

#[derive(Default)]
struct State {
    /// The one valid token.
    token: String,
    tokens: usize,
    /// The roles of the bridge's user.
    roles: Vec<&'static str>,
    /// The path of the catalog's compute endpoint.
    compute: &'static str,
    /// What Nova and Glance answer, by method and target; what is not here is answered by the ingress.
    answers: HashMap<String, (u16, String)>,
    /// What was asked with a valid token.
    asked: Vec<String>,
}

/// A cloud that answers what it is told to.
struct FakeOpenStack {
    state: Arc<Mutex<State>>,
    url: String,
    folder: TempDir,
}

impl FakeOpenStack {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            roles: vec!["admin", "member"],
            compute: "/compute/v2.1",
            ..State::default()
        }));
        let folder = tempfile::tempdir().unwrap();
        let clouds = json!({"clouds": {"fake": {
            "region_name": "RegionOne",
            "auth": {
                "auth_url": url, "username": "bridge", "password": "secret", "user_domain_id": "default",
                "project_id": "service",
            },
        }}});
        // JSON is YAML.
        std::fs::write(folder.path().join("clouds.yaml"), clouds.to_string()).unwrap();
        tokio::spawn(serve(listener, Arc::clone(&state), url.clone()));
        Self { state, url, folder }
    }

    fn endpoints(&self) -> Endpoints {
        Endpoints {
            cloud: Some("fake".into()),
            clouds_file: Some(self.folder.path().join("clouds.yaml")),
            compute: None,
            image: None,
            edge: "https://edge.example".parse().unwrap(),
            timeout: Duration::from_secs(10),
        }
    }

    async fn connect(&self) -> Result<OpenStack, SessionError> {
        OpenStack::connect(self.endpoints(), Vec::new()).await
    }

    fn answer(&self, request: impl Into<String>, status: u16, body: impl Into<String>) {
        let answer = (status, body.into());
        self.state
            .lock()
            .unwrap()
            .answers
            .insert(request.into(), answer);
    }

    fn roles(&self, roles: &[&'static str]) {
        self.state.lock().unwrap().roles = roles.to_vec();
    }

    /// Makes the token that was given out invalid.
    fn revoke(&self) {
        self.state.lock().unwrap().token.clear();
    }

    fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>, url: String) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(answer(stream, Arc::clone(&state), url.clone()));
    }
}

/// Answers one request and closes the connection.
async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>, url: String) {
    let mut received = Vec::new();
    let head = loop {
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
        }
        let text = String::from_utf8_lossy(&received);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(&head.to_lowercase(), "content-length").map(str::to_owned);
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                break head.to_owned();
            }
        }
    };
    let mut words = head.split(' ');
    let request = format!("{} {}", words.next().unwrap(), words.next().unwrap());
    let (status, token, body) = reply(&request, &head.to_lowercase(), &state, &url);
    let answer = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\nX-Subject-Token: {token}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The status, the token that is given out, and the body.
fn reply(request: &str, head: &str, state: &Mutex<State>, url: &str) -> (u16, String, String) {
    let mut state = state.lock().unwrap();
    let nothing = String::new;
    match request {
        "POST /v3/auth/tokens" => {
            state.tokens += 1;
            state.token = format!("token-{}", state.tokens);
            (201, state.token.clone(), token(&state, url))
        }
        "GET /v3/" => {
            let links = json!([{"rel": "self", "href": format!("{url}/v3/")}]);
            let version = json!({"id": "v3.14", "status": "stable", "links": links});
            (200, nothing(), json!({"version": version}).to_string())
        }
        _ if header(head, "x-auth-token") != Some(&state.token) => (401, nothing(), nothing()),
        "GET /v3/auth/tokens?nocatalog" => {
            assert_eq!(header(head, "x-subject-token"), Some(&*state.token));
            (200, nothing(), token(&state, url))
        }
        _ => {
            state.asked.push(request.to_owned());
            let answer = state.answers.get(request).cloned();
            let (status, body) = answer.unwrap_or((404, INGRESS.to_owned()));
            (status, nothing(), body)
        }
    }
}

fn token(state: &State, url: &str) -> String {
    let service = |service_type: &str, path: &str| {
        json!({"type": service_type, "name": service_type, "endpoints": [{
            "id": service_type, "interface": "public", "region": "RegionOne", "url": format!("{url}{path}"),
        }]})
    };
    let now = Utc::now();
    let roles: Vec<Value> = state
        .roles
        .iter()
        .map(|role| json!({"id": role, "name": role}))
        .collect();
    json!({"token": {
        "issued_at": now, "expires_at": now + TimeDelta::hours(1), "methods": ["password"], "roles": roles,
        "user": {"id": "bridge", "name": "bridge", "domain": {"id": "default", "name": "Default"}},
        "project": {"id": "service", "name": "service", "domain": {"id": "default", "name": "Default"}},
        "catalog": [
            service("identity", "/v3"), service("compute", state.compute), service("image", "/image"),
        ],
    }})
    .to_string()
}

#[tokio::test]
async fn only_a_404_of_the_services_own_means_that_a_resource_is_gone() {
    let fake = FakeOpenStack::start().await;
    let cloud = fake.connect().await.unwrap();
    for (resource, own) in [(server(1), nova_404()), (image(), glance_404())] {
        let get = format!("GET {}", path(resource));
        let repeated = format!("The requested URL {} was not found.", path(resource));
        for other in [INGRESS.to_owned(), repeated, "{}".to_owned()] {
            fake.answer(&get, 404, other);
            let error = cloud.read(resource).await.unwrap_err();
            assert!(matches!(error, CloudError::Status { status: 404, .. }));
        }
        fake.answer(&get, 404, own);
        assert_eq!(cloud.read(resource).await.unwrap(), None);
    }
}

#[tokio::test]
async fn only_a_404_of_the_services_own_means_that_a_change_is_applied() {
    let fake = FakeOpenStack::start().await;
    let cloud = fake.connect().await.unwrap();
    let key = format!("{}/metadata/k", path(server(1)));
    let patch = format!("PATCH {}", path(image()));
    for (resource, value, request, own) in [
        (server(1), None, format!("DELETE {key}"), nova_404()),
        (server(1), Some("v"), format!("PUT {key}"), nova_404()),
        (image(), None, patch.clone(), glance_404()),
        (image(), Some("v"), patch, glance_404()),
    ] {
        fake.answer(&request, 404, INGRESS);
        let error = cloud.change(resource, "k", value).await.unwrap_err();
        assert!(matches!(error, CloudError::Status { status: 404, .. }));
        fake.answer(&request, 404, own);
        let taken = cloud.change(resource, "k", value).await.unwrap();
        assert_eq!(taken, Taken::Applied);
    }
}

#[tokio::test]
async fn only_the_services_own_fault_refuses_a_change() {
    const PROXY: &str = "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>";
    let fake = FakeOpenStack::start().await;
    let cloud = fake.connect().await.unwrap();
    let nova = json!({"forbidden": {"code": 403, "message": "Maximum number of metadata items exceeds 128"}});
    let glance = json!({"code": "403 Forbidden", "title": "Forbidden", "message": "Property is protected<br /><br />\n\n\n"});
    for (resource, request, own) in [
        (
            server(1),
            format!("PUT {}/metadata/k", path(server(1))),
            nova,
        ),
        (image(), format!("PATCH {}", path(image())), glance),
    ] {
        let document = json!({
            "id": resource.id.to_string(), "owner": "a1", "name": "demo", "status": "active", "visibility": "private",
            "created_at": "2015-07-15T17:05:13Z",
        });
        fake.answer(format!("GET {}", path(image())), 200, document.to_string());
        fake.answer(&request, 403, PROXY);
        let error = cloud.change(resource, "k", Some("v")).await.unwrap_err();
        assert!(matches!(error, CloudError::Status { status: 403, .. }));
        fake.answer(&request, 403, own.to_string());
        let taken = cloud.change(resource, "k", Some("v")).await.unwrap();
        assert!(matches!(taken, Taken::Refused(_)), "{taken:?}");
    }
}

#[tokio::test]
async fn members_that_cannot_be_read_are_no_empty_list() {
    let fake = FakeOpenStack::start().await;
    let cloud = fake.connect().await.unwrap();
    let id = image().id.to_string();
    let document = json!({
        "id": id, "owner": "a1", "name": "demo", "status": "active", "visibility": "shared",
        "created_at": "2015-07-15T17:05:13Z",
    });
    let get = format!("GET {}", path(image()));
    fake.answer(&get, 200, document.to_string());
    assert!(cloud.read(image()).await.is_err());
    fake.answer(
        format!("{get}/members"),
        404,
        format!("Image {id} not found."),
    );
    assert!(cloud.read(image()).await.unwrap().is_some());
}

fn lacks_the_role(error: &CloudError) -> bool {
    matches!(error, CloudError::Session(SessionError::NotAdmin(roles)) if *roles == ["member"])
}

#[tokio::test]
async fn a_user_without_the_role_admin_gets_no_session() {
    let fake = FakeOpenStack::start().await;
    fake.roles(&["member"]);
    let error = fake.connect().await.err().unwrap();
    assert_eq!(
        error.to_string(),
        r#"the bridge's user lacks the role `admin`: its token has the roles ["member"]"#
    );
    fake.roles(&["Admin"]);
    assert!(fake.connect().await.is_ok());
}

#[tokio::test]
async fn run_waits_for_the_role_admin_and_asks_nothing() {
    let fake = FakeOpenStack::start().await;
    fake.roles(&["member"]);
    let folder = fake.folder.path();
    let clouds = folder.join("clouds.yaml");
    let settings = format!(
        "[cloud]\nname = \"fake\"\nclouds_file = {clouds:?}\n[edge]\nurl = \"http://127.0.0.1:9\"\n\
         [run]\nlongest_backoff = \"50ms\"\n"
    );
    let config = folder.join("bridge.toml");
    std::fs::write(&config, settings).unwrap();
    let mut bridge = Command::new(env!("CARGO_BIN_EXE_edge-metadata-bridge"))
        .arg("--config")
        .arg(config)
        .arg("run")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(bridge.stderr.take().unwrap());
    let lines = tokio::task::spawn_blocking(|| {
        let lines: Vec<_> = log.lines().map_while(Result::ok).take(2).collect();
        lines
    });
    let lines = tokio::time::timeout(Duration::from_secs(30), lines).await;
    let _ = bridge.kill();
    let _ = bridge.wait();
    let lines = lines.unwrap().unwrap();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "is tried again");
        let error = line["error"].as_str().unwrap();
        assert!(error.contains("lacks the role `admin`"), "{error}");
    }
    assert_eq!(fake.asked(), [""; 0]);
}

#[tokio::test]
async fn a_renewed_session_without_the_role_admin_reads_nothing() {
    let fake = FakeOpenStack::start().await;
    let cloud = fake.connect().await.unwrap();
    fake.answer(format!("GET {}", path(server(1))), 404, nova_404());
    fake.revoke();
    fake.roles(&["member"]);
    for _ in 0..2 {
        assert!(lacks_the_role(&cloud.read(server(1)).await.unwrap_err()));
        // The token of the session that was refused.
        fake.revoke();
    }
    assert_eq!(fake.asked(), [""; 0]);
    fake.roles(&["admin"]);
    assert_eq!(cloud.read(server(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_404_counts_for_nothing_once_the_token_has_lost_the_role_admin() {
    let fake = FakeOpenStack::start().await;
    let cloud = fake.connect().await.unwrap();
    fake.answer(format!("GET {}", path(server(1))), 404, nova_404());
    fake.answer(
        format!("DELETE {}/metadata/k", path(server(1))),
        404,
        nova_404(),
    );
    fake.roles(&["member"]);
    assert!(lacks_the_role(&cloud.read(server(1)).await.unwrap_err()));
    assert_eq!(fake.asked().len(), 1);
    // From then on nothing is asked with this token, even if it has the role again.
    let error = cloud.change(server(1), "k", None).await.unwrap_err();
    assert!(lacks_the_role(&error));
    assert_eq!(fake.asked().len(), 1);
    fake.roles(&["admin"]);
    let before = fake.state.lock().unwrap().tokens;
    for _ in 0..2 {
        assert_eq!(cloud.read(server(1)).await.unwrap(), None);
    }
    assert_eq!(fake.state.lock().unwrap().tokens, before + 1);
}

#[tokio::test]
async fn an_endpoint_that_is_the_edge_itself_is_refused() {
    let fake = FakeOpenStack::start().await;
    let cloud = |change: &dyn Fn(&mut Endpoints)| {
        let mut endpoints = fake.endpoints();
        change(&mut endpoints);
        OpenStack::connect(endpoints, Vec::new())
    };
    let compute = format!("{}/compute", fake.url);
    let error = cloud(&|to| to.edge = compute.parse().unwrap())
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "the compute endpoint {compute}/v2.1 is the edge itself: name Nova's region (region_name in clouds.yaml) or \
             cloud.compute_endpoint"
        )
    );
    let image = format!("{}/image/v2", fake.url);
    let error = cloud(&|to| to.edge = format!("{}/image", fake.url).parse().unwrap())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, SessionError::EdgeItself(..)), "{error}");
    let set = |to: &mut Endpoints| {
        to.edge = fake.url.parse().unwrap();
        to.compute = Some("http://nova.example/v2.1".into());
        to.image = Some(image.clone());
    };
    let error = cloud(&set).await.err().unwrap();
    assert!(error.to_string().contains(&image), "{error}");
    // Keystone may share the origin of a Worker at its root.
    let elsewhere = |to: &mut Endpoints| {
        set(to);
        to.image = Some("http://glance.example".into());
    };
    let keystone = cloud(&elsewhere).await.unwrap();
    let error = keystone.projects().await.unwrap_err();
    assert!(matches!(error, CloudError::Status { status: 404, .. }));
}

#[tokio::test]
async fn an_endpoint_that_becomes_the_edges_is_asked_for_nothing() {
    let fake = FakeOpenStack::start().await;
    let mut endpoints = fake.endpoints();
    endpoints.edge = format!("{}/worker", fake.url).parse().unwrap();
    let cloud = OpenStack::connect(endpoints, Vec::new()).await.unwrap();
    fake.state.lock().unwrap().compute = "/worker/v2.1";
    let request = format!("DELETE /worker/v2.1/servers/{}/metadata/k", server(1).id);
    fake.answer(request, 404, nova_404());
    // The new session has another catalog.
    fake.revoke();
    let error = cloud.change(server(1), "k", None).await.unwrap_err();
    assert!(matches!(
        error,
        CloudError::Session(SessionError::EdgeItself(..))
    ));
    assert_eq!(fake.asked(), [""; 0]);
}

#[tokio::test]
async fn community_images_of_other_projects_are_listed() {
    let fake = FakeOpenStack::start().await;
    let cloud = fake.connect().await.unwrap();
    let _ = cloud.page(Kind::Image, None, 2).await;
    let asked = fake.asked();
    let query = asked[0].strip_prefix("GET /image/v2/images?").unwrap();
    assert!(query.split('&').any(|item| item == "visibility=all"));
}

#[tokio::test]
async fn all_pages_of_projects_are_read() {
    let fake = FakeOpenStack::start().await;
    let cloud = fake.connect().await.unwrap();
    let list = |ids: &[&str], next: Option<&str>| {
        let projects: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        json!({"projects": projects, "links": {"next": next, "self": "", "previous": null}})
            .to_string()
    };
    let next =
        |marker: &str| format!("http://public.example/v3/projects?limit=500&marker={marker}");
    for (marker, page) in [
        ("", list(&["a", "b"], Some(&next("b")))),
        ("&marker=b", list(&["c"], Some(&next("c")))),
        ("&marker=c", list(&[], None)),
    ] {
        fake.answer(format!("GET /v3/projects?limit=500{marker}"), 200, page);
    }
    assert_eq!(cloud.projects().await.unwrap(), ["a", "b", "c"]);
    // A Keystone that knows no limit has one page.
    let whole = json!({"projects": [{"id": "a"}]}).to_string();
    fake.answer("GET /v3/projects?limit=500", 200, whole);
    assert_eq!(cloud.projects().await.unwrap(), ["a"]);
}
