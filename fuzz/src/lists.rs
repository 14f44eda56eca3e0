//! The queries of lists.

use edge_metadata_core::auth::{AccessLevel, Actor};
use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::json_page::MAX_ENTRIES;
use edge_metadata_core::http::list::{ListQuery, Marker};
use edge_metadata_core::http::microversion::Microversion;
use edge_metadata_core::http::registry::{RegistryQuery, deleted_at};
use edge_metadata_core::http::route::RegistryRoute;
use edge_metadata_core::metadata::{Kind, Record, ResourceId, is_project_id};
use edge_metadata_core::rpc::{ListScope, NameFilter, Position, Summary};
use edge_metadata_core::storage::index_entry::PUBLIC;
use edge_metadata_core::timestamp::{self, Timestamp};

use crate::fault::check_fault;

const URL: &str = "https://edge.example/v2.1/servers";
const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";
const PROJECT: &str = "ace";

/// The microversions from which on a parameter of a list means something else.
const VERSIONS: &[u32] = &[1, 26, 66, 73, 75, 83, 104];

/// A list that is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    kind: Kind,
    version: Microversion,
    actor: &'a Actor,
}

impl Asked<'_> {
    fn parse(&self, query: &str) -> Result<ListQuery, Fault> {
        ListQuery::parse(query, self.kind, true, self.version, self.actor)
    }
}

/// A query, asked of servers and images, at several microversions and access levels, and of the
/// registry.
pub fn lists(input: &[u8]) {
    let query = String::from_utf8_lossy(input);
    for (project_id, access_level) in [
        (Some(PROJECT), AccessLevel::None),
        (Some(PROJECT), AccessLevel::Reader),
        (Some(PROJECT), AccessLevel::Admin),
        (None, AccessLevel::Member),
        (None, AccessLevel::Admin),
    ] {
        let actor = Actor {
            project_id: project_id.map(str::to_owned),
            access_level,
        };
        for version in VERSIONS {
            let version = Microversion::new(*version);
            for kind in [Kind::Server, Kind::Image] {
                let asked = Asked {
                    kind,
                    version,
                    actor: &actor,
                };
                match asked.parse(&query) {
                    Ok(list) => check_list(&asked, &list),
                    Err(fault) => {
                        assert!(matches!(fault.status(), 400 | 403), "{fault:?}");
                        check_fault(&fault, query.len());
                    }
                }
            }
        }
    }
    check_marker(&query);
    check_registry(&query);
}

fn check_list(asked: &Asked<'_>, list: &ListQuery) {
    let actor = asked.actor;
    let may_read = match actor.project_id {
        Some(_) => actor.access_level >= AccessLevel::Reader,
        None => actor.access_level == AccessLevel::Admin,
    };
    assert!(may_read || list.is_empty());
    assert!(list.limit <= MAX_ENTRIES && (list.limit > 0 || list.is_empty()));
    for found in list.lists() {
        let is_everyones = found == PUBLIC && asked.kind == Kind::Image;
        let is_own = actor.project_id.as_deref() == Some(found);
        let is_named = actor.access_level == AccessLevel::Admin && is_project_id(found);
        assert!(
            is_everyones || is_own || is_named || list.is_empty(),
            "{found}"
        );
    }
    if let ListScope::ListedFor(Some(project_id)) = list.scope() {
        assert!(list.lists().contains(&project_id.as_str()));
    }
    check_matches(asked, list);
    check_next(asked, list);
}

/// A list shows nothing but what it was asked for.
fn check_matches(asked: &Asked<'_>, list: &ListQuery) {
    let id = ResourceId::parse(ID).expect("an id");
    let names = list.names();
    let exact = match &names {
        NameFilter::Exact(name) => name.as_str(),
        NameFilter::Any | NameFilter::Pattern(_) => "web",
    };
    for kind in [Kind::Server, Kind::Image] {
        for name in [exact, "web", ""] {
            let mut record = Record::new(PROJECT, kind, Timestamp::default());
            name.clone_into(&mut record.name);
            let summary = Summary::from(&record);
            if list.matches(id, &summary) {
                assert_eq!(kind, asked.kind);
                assert!(list.only_id().is_none_or(|only| only == ID));
                match &names {
                    NameFilter::Any => {}
                    NameFilter::Exact(asked) => assert_eq!(asked, name),
                    NameFilter::Pattern(_) => assert_eq!(asked.kind, Kind::Server),
                }
            }
        }
    }
}

/// What else was asked for holds on the next page, too.
fn check_next(asked: &Asked<'_>, list: &ListQuery) {
    let position = Position {
        created: -62_135_596_800_000,
        id: ID.to_owned(),
    };
    let marker = match asked.kind {
        Kind::Server => Marker::Resource(ID.to_owned()),
        Kind::Image => Marker::Position(position),
    };
    let url = list.next_url(URL, &marker);
    let (path, query) = url.split_once('?').expect("a query");
    assert_eq!(path, URL);
    let next = asked.parse(query).expect("the next page can be asked for");
    assert_eq!(next.marker.as_ref(), Some(&marker));
    assert_eq!(next.limit, list.limit);
    assert_eq!(next.lists(), list.lists());
    assert_eq!(next.names(), list.names());
    assert_eq!(next.only_id(), list.only_id());
    assert_eq!(next.next_url(URL, &marker), url);
}

fn check_marker(text: &str) {
    let marker = Marker::parse(text);
    assert_eq!(Marker::parse(&marker.text()), marker);
    if let Marker::Resource(id) = &marker {
        assert_eq!(id, text);
    }
}

fn check_registry(query: &str) {
    let now = timestamp::from_millis(1_800_000_000_000);
    match deleted_at(query, now) {
        Ok(time) => assert!(time.is_none_or(|time| time <= now + chrono::TimeDelta::minutes(5))),
        Err(fault) => check_fault(&fault, query.len()),
    }
    for (read, route) in [
        (
            RegistryQuery::records as fn(&str) -> _,
            RegistryRoute::List(Kind::Image),
        ),
        (RegistryQuery::changes, RegistryRoute::Changes),
    ] {
        let page: RegistryQuery = match read(query) {
            Ok(page) => page,
            Err(fault) => {
                check_fault(&fault, query.len());
                continue;
            }
        };
        assert!((1..=MAX_ENTRIES).contains(&page.limit));
        let is_of_project = page.project_id.as_deref().is_some_and(is_project_id);
        assert_eq!(is_of_project, route != RegistryRoute::Changes);
        let marker = Marker::Resource(ID.to_owned());
        let url = page.next_url("https://edge.example", &route, &marker);
        let (_, query) = url.split_once('?').expect("a query");
        let next = RegistryQuery {
            marker: Some(marker),
            ..page
        };
        assert_eq!(read(query), Ok(next));
    }
}
