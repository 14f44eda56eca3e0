//! The Durable Object of one server or image: load, decide, commit, reply.
//!
//! Its methods are synchronous. Nothing else can happen between a check and the write that depends
//! on it, and the runtime holds the reply back until the write is durable.

#![expect(missing_docs, reason = "`#[durable_object]` writes methods without")]

use std::cell::RefCell;
use std::collections::HashMap;

use edge_metadata_core::metadata::{Items, Operation, Rejection};
use edge_metadata_core::rpc::{
    Call, DeleteItem, Inspect, ListEntry, PutItem, Register, Show, ShowItem, ShowListEntry,
    Summary, Unregister, WriteItems,
};
use edge_metadata_core::timestamp::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::{DurableObject, Env, Error, Request, Response, State, durable_object};

use super::schema;
use super::sql::Database;
use super::state::ResourceState;
use crate::text;

/// One server or image. JavaScript's `ResourceObject` holds it and hands calls on.
#[durable_object(alarm)]
pub struct ResourceObject {
    pub(super) database: Database,
    pub(super) env: Env,
    /// The object's own name, `{kind}:{id}`; [`None`] where the runtime does not tell it.
    pub(super) name: Option<String>,
    /// What SQLite holds. The object is its only writer, so this is never stale; [`None`] before
    /// the first call and after a write that failed.
    state: RefCell<Option<ResourceState>>,
    /// When each call of a list was made that has not ended: those under way, and those given up.
    pub(super) given_up: RefCell<HashMap<String, Timestamp>>,
    /// The list with which the last alarm ended, when it had more to tell.
    pub(super) resume_after: RefCell<String>,
}

impl DurableObject for ResourceObject {
    fn new(state: State, env: Env) -> Self {
        schema::intern_statements();
        Self {
            name: state.id().name(),
            database: Database::new(&state),
            env,
            state: RefCell::new(None),
            given_up: RefCell::default(),
            resume_after: RefCell::default(),
        }
    }

    /// The object answers RPC only.
    async fn fetch(&self, _request: Request) -> worker::Result<Response> {
        Response::error("Not Found", 404)
    }

    /// Tells the lists what they do not know yet, and removes what a deleted record left behind.
    ///
    /// # Errors
    ///
    /// Returns the database's exception; `entry.js` then sets the next alarm.
    async fn alarm(&self) -> worker::Result<Response> {
        self.send_pending_updates().await?;
        Response::empty()
    }
}

/// The RPC methods: each takes one [`Call`] and gives one reply, as JSON.
#[wasm_bindgen]
impl ResourceObject {
    /// GET of the resource: `Call<Show>` → `Result<Record, Rejection>`.
    ///
    /// # Errors
    ///
    /// As all of them: the call is not understood, or the database refuses.
    pub fn show(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, _, call, _: Show| {
            reply(&state.read(call, &Operation::Show))
        })
    }

    /// GET of all items: `Call<Show>` → `Result<Metadata, Rejection>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    #[wasm_bindgen(js_name = listItems)]
    pub fn list_items(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, _, call, _: Show| {
            let record = state.read(call, &Operation::List);
            reply(&record.map(|record| &record.metadata))
        })
    }

    /// GET of one item: `Call<ShowItem>` → `Result<String, Rejection>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    #[wasm_bindgen(js_name = showItem)]
    pub fn show_item(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, _, call, args: ShowItem<'_>| {
            let key = args.key.into_owned();
            let operation = Operation::ShowItem { key };
            let record = state.read(call, &operation);
            let value = record.map(|record| record.metadata.get(operation.key()));
            reply(&value.map(|value| value.map_or("", String::as_str)))
        })
    }

    /// DELETE of one item: `Call<DeleteItem>` → `Result<(), Rejection>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    #[wasm_bindgen(js_name = deleteItem)]
    pub fn delete_item(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, database, call, args: DeleteItem<'_>| {
            let key = args.key.into_owned();
            let operation = Operation::DeleteItem { key };
            let execution = state.change(database, self.name(), call, &operation)?;
            reply(&execution.map(|_| ()))
        })
    }

    /// POST of items: `Call<WriteItems>` → `Result<Metadata, Rejection>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    #[wasm_bindgen(js_name = mergeItems)]
    pub fn merge_items(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.write_items(call, |items| Operation::Merge { items })
    }

    /// PUT of all items: `Call<WriteItems>` → `Result<Metadata, Rejection>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    #[wasm_bindgen(js_name = replaceItems)]
    pub fn replace_items(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.write_items(call, |items| Operation::Replace { items })
    }

    /// PUT of one item: `Call<PutItem>` → `Result<String, Rejection>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    #[wasm_bindgen(js_name = putItem)]
    pub fn put_item(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, database, call, args: PutItem<'_>| {
            let PutItem {
                path_key,
                key,
                value,
            } = args;
            let written = value.as_str().to_owned();
            let operation = Operation::PutItem {
                path_key: path_key.into_owned(),
                key: key.into_owned(),
                value: value.into_owned(),
            };
            let execution = state.change(database, self.name(), call, &operation)?;
            reply(&execution.map(|_| written))
        })
    }

    /// What a list shows: `Call<ShowListEntry>` → `Option<ListEntry>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    #[wasm_bindgen(js_name = showListEntry)]
    pub fn show_list_entry(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, _, call, args: ShowListEntry| {
            let record = state.record();
            let record = record.filter(|record| args.shows(record, &call.actor));
            reply(&record.map(|record| {
                if args.detail {
                    ListEntry::Full(record)
                } else {
                    ListEntry::Brief(Summary::from(record))
                }
            }))
        })
    }

    /// Registry, PUT: `Call<Register>` → `Result<Registered, RegistryError>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    pub fn register(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, database, call, args: Register<'_>| {
            reply(&state.register(database, self.name(), call, args)?)
        })
    }

    /// Registry, GET: `Call<Inspect>` → `Result<Registered, RegistryError>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    pub fn inspect(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, _, call, _: Inspect| {
            reply(&state.inspect(call.keep_changes))
        })
    }

    /// Registry, DELETE: `Call<Unregister>` → `Result<(), RegistryError>`.
    ///
    /// # Errors
    ///
    /// See [`show`](Self::show).
    pub fn unregister(&self, call: &JsValue) -> Result<JsValue, JsValue> {
        self.call(call, |state, database, call, args: Unregister| {
            reply(&state.unregister(database, self.name(), call, args)?)
        })
    }
}

impl ResourceObject {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    fn write_items(
        &self,
        call: &JsValue,
        operation: impl FnOnce(Items) -> Operation,
    ) -> Result<JsValue, JsValue> {
        self.call(call, |state, database, call, args: WriteItems<'_>| {
            let operation = operation(args.items.into_owned());
            let execution = match state.change(database, self.name(), call, &operation)? {
                Ok(execution) => execution,
                Err(rejection) => return reply(&Err::<(), _>(rejection)),
            };
            let record = state.record_after(database, execution)?;
            let metadata = record.as_ref().map(|record| &record.metadata);
            reply(&metadata.ok_or(Rejection::NotFound))
        })
    }

    /// Lets `look` at what the object holds.
    pub(super) fn with_state<T>(
        &self,
        look: impl FnOnce(&ResourceState) -> T,
    ) -> worker::Result<T> {
        let state = self.take_state()?;
        let seen = look(&state);
        self.state.replace(Some(state));
        Ok(seen)
    }

    /// Has the next call read SQLite again.
    pub(super) fn forget_state(&self) {
        self.state.take();
    }

    /// Reads a call, and has `method` answer it with JSON.
    fn call<A: DeserializeOwned>(
        &self,
        call: &JsValue,
        method: impl FnOnce(&mut ResourceState, &Database, &Call<'_>, A) -> worker::Result<String>,
    ) -> Result<JsValue, JsValue> {
        let call = text::from_js(call)?;
        let call: Call<'_, A> = serde_json::from_str(&call).map_err(Error::from)?;
        let (call, args) = call.split();
        #[cfg(feature = "faults")]
        if let Some(promise) = crate::faults::before_call(call.id)? {
            return Ok(promise.into());
        }
        // Taken out, and only put back when all went well: after a failure SQLite is read again.
        let mut state = self.take_state()?;
        let reply = method(&mut state, &self.database, &call, args)?;
        self.state.replace(Some(state));
        #[cfg(feature = "faults")]
        if let Some(promise) = crate::faults::after_call(call.id) {
            return Ok(promise.into());
        }
        Ok(text::to_js(&reply))
    }

    fn take_state(&self) -> worker::Result<ResourceState> {
        match self.state.take() {
            Some(state) => Ok(state),
            None => ResourceState::load(&self.database),
        }
    }
}

/// Writes a reply, which borrows from the state that it is read from.
fn reply(reply: &impl Serialize) -> worker::Result<String> {
    Ok(serde_json::to_string(reply)?)
}
