//! What passes between the front and the objects. The other side is ours, but maybe of another
//! release.

use std::fmt::Debug;

use edge_metadata_core::http::rejection;
use edge_metadata_core::metadata::{Kind, Metadata, Operation, Record, Rejection};
use edge_metadata_core::rpc::{
    Call, ChangedResource, DeleteItem, IndexPage, IndexQuery, IndexUpdate, Inspect, ListEntry,
    Position, PutItem, Register, Registered, RegistryError, Show, ShowItem, ShowListEntry,
    ShownRecord, Unregister, WriteItems,
};
use edge_metadata_core::storage::NameSearch;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fault::check_fault;
use crate::round_trip::read;

/// Any argument or reply of any method, or one page of a list in each line.
pub fn messages(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    check_arguments(&text);
    check_replies(&text);
    check_pages(&text);
    if let Some(changed) = ChangedResource::parse(&text) {
        assert_eq!(format!("{}:{}", changed.kind.singular(), changed.id), text);
    }
}

fn check_arguments(text: &str) {
    call::<Show>(text);
    call::<Inspect>(text);
    call::<Unregister>(text);
    call::<ShowListEntry>(text);
    call::<ShowItem<'static>>(text);
    call::<DeleteItem<'static>>(text);
    call::<WriteItems<'static>>(text);
    call::<PutItem<'static>>(text);
    if let Some(Register { document }) = call(text) {
        assert!(matches!(document.kind(), Kind::Server | Kind::Image));
    }
    read::<IndexUpdate>(text);
    if let Some(query) = read::<IndexQuery>(text)
        && let Ok(search) = NameSearch::new(&query.name)
    {
        let _ = search.matches(search.text());
    }
}

/// Reads the argument of a method, alone or in a call. Nobody gains rights on the way.
fn call<A>(text: &str) -> Option<A>
where
    A: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let call = read::<Call<'static, A>>(text).map(|call| call.split().1);
    call.or_else(|| read(text))
}

fn check_replies(text: &str) {
    read::<Result<Record, Rejection>>(text);
    read::<Result<Metadata, Rejection>>(text);
    read::<Result<String, Rejection>>(text);
    if let Some(Err(rejected)) = read::<Result<(), Rejection>>(text) {
        let operation = Operation::DeleteItem {
            key: "k".to_owned(),
        };
        for kind in [Kind::Server, Kind::Image] {
            let fault = rejection::fault(rejected.clone(), kind, "id", &operation, 128);
            check_fault(&fault, text.len());
        }
    }
    read::<Option<ListEntry<Record>>>(text);
    // The front reads the same, and keeps the items' text.
    let record = serde_json::from_str::<Result<Record, Rejection>>(text);
    let shown = serde_json::from_str::<Result<ShownRecord, Rejection>>(text);
    assert!(record.is_err() || shown.is_ok());
    read::<Result<Registered, RegistryError>>(text);
    read::<Result<(), RegistryError>>(text);
    read::<Position>(text);
}

fn check_pages(text: &str) {
    const LIMIT: usize = 3;
    let pages: Vec<IndexPage> = text.lines().map_while(read).collect();
    let all: Vec<Position> = pages
        .iter()
        .flat_map(|page| page.entries.iter().cloned())
        .collect();
    let merged = IndexPage::merge(pages, LIMIT);
    assert!(merged.entries.len() <= LIMIT);
    assert!(merged.entries.is_sorted_by(|one, other| one > other));
    assert!(merged.entries.iter().all(|entry| all.contains(entry)));
    // What is not on this page is on a later one.
    for entry in all.iter().filter(|entry| !merged.entries.contains(entry)) {
        assert!(
            merged
                .resume_after
                .as_ref()
                .is_some_and(|place| entry < place)
        );
    }
}
