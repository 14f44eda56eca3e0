//! What passes between the front and the objects. The other side is ours, but maybe of another
//! release.

use edge_metadata_core::http::rejection;
use edge_metadata_core::metadata::{Kind, Metadata, Operation, Record, Rejection};
use edge_metadata_core::rpc::{
    Call, ChangedResource, DeleteItem, IndexPage, IndexQuery, IndexUpdate, Inspect, ListEntry,
    Position, PutItem, Register, Registered, RegistryError, Show, ShowItem, ShowListEntry,
    Unregister, WriteItems,
};
use edge_metadata_core::storage::NameSearch;

use crate::fault::check_fault;
use crate::round_trip::read;

/// Any argument or reply of any method, or one page of a list in each line.
pub fn messages(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    check_call(&text);
    check_arguments(&text);
    check_replies(&text);
    check_pages(&text);
    if let Some(changed) = ChangedResource::parse(&text) {
        assert_eq!(format!("{}:{}", changed.kind.singular(), changed.id), text);
    }
}

/// Nobody gains rights on the way.
fn check_call(text: &str) {
    let Ok(call) = serde_json::from_str::<Call<'_>>(text) else {
        return;
    };
    let written = serde_json::to_string(&call).expect("it has a JSON form");
    let again: Call<'_> = serde_json::from_str(&written).expect("it is readable");
    assert_eq!(again.id, call.id);
    assert_eq!(again.actor, call.actor);
    assert_eq!(again.item_limit, call.item_limit);
    assert_eq!(again.keep_changes, call.keep_changes);
    assert_eq!(again.args.get(), call.args.get());
    check_arguments(call.args.get());
}

fn check_arguments(text: &str) {
    read::<Show>(text);
    read::<Inspect>(text);
    read::<Unregister>(text);
    read::<ShowListEntry>(text);
    read::<ShowItem<'static>>(text);
    read::<DeleteItem<'static>>(text);
    read::<WriteItems<'static>>(text);
    read::<PutItem<'static>>(text);
    if let Some(Register { document }) = read(text) {
        assert!(matches!(document.kind(), Kind::Server | Kind::Image));
    }
    read::<IndexUpdate>(text);
    if let Some(query) = read::<IndexQuery>(text)
        && let Ok(search) = NameSearch::new(&query.name)
    {
        let _ = search.matches(search.text());
    }
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
    read::<Option<ListEntry>>(text);
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
