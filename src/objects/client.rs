//! Reaching an object: its name, its methods, and what its replies mean.

use std::borrow::Cow;

use edge_metadata_core::auth::Actor;
use edge_metadata_core::metadata::{Kind, Operation, Rejection, ResourceId};
use edge_metadata_core::registry::Document;
use edge_metadata_core::rpc::{
    Call, DeleteItem, IndexPage, IndexQuery, IndexUpdate, Inspect, ListEntry, Outcome, PutItem,
    Register, Registered, RegistryError, Show, ShowItem, ShowListEntry, ShownRecord, Unregister,
    WriteItems,
};
use edge_metadata_core::storage::operation_log::REPEATABLE;
use edge_metadata_core::timestamp::Timestamp;
use js_sys::Promise;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use thiserror::Error;
use uuid::Uuid;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::js_sys::futures::JsFuture;
use worker::{Env, ObjectNamespace};

use super::retry::repeatedly;
use crate::{platform, text};

#[wasm_bindgen]
extern "C" {
    /// The RPC methods of a `ResourceObject`.
    type ResourceStub;
    #[wasm_bindgen(method, catch)]
    fn show(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = listItems)]
    fn list_items(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = showItem)]
    fn show_item(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = deleteItem)]
    fn delete_item(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = mergeItems)]
    fn merge_items(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = replaceItems)]
    fn replace_items(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = putItem)]
    fn put_item(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = showListEntry)]
    fn show_list_entry(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn register(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn inspect(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn unregister(this: &ResourceStub, call: &JsValue) -> Result<Promise, JsValue>;

    /// The RPC methods of an `IndexObject`.
    type IndexStub;
    #[wasm_bindgen(method, catch)]
    fn update(this: &IndexStub, update: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn list(this: &IndexStub, query: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = reportFeed)]
    fn report_feed(this: &IndexStub, observed_at: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn feed(this: &IndexStub) -> Result<Promise, JsValue>;
}

/// An RPC method of a resource's object.
type Method = fn(&ResourceStub, &JsValue) -> Result<Promise, JsValue>;

/// An object did not reply, or its reply is not understood.
#[derive(Debug, Error)]
#[error("the store failed: {cause} ({object})")]
pub(crate) struct StoreError {
    object: String,
    cause: worker::Error,
}

/// Returns the name of a resource's object. It must never change: the data is found by it.
fn object_name(kind: Kind, id: ResourceId) -> String {
    format!("{}:{id}", kind.singular())
}

/// What each call of a request has in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallOptions {
    /// The id under which a change is remembered.
    pub(crate) id: Uuid,
    /// When the request ends; no try is made after that.
    pub(crate) deadline: Timestamp,
    /// How many items a resource may have after a user's write.
    pub(crate) item_limit: usize,
    /// Whether changes are kept until the cloud has applied them.
    pub(crate) keep_changes: bool,
}

/// The objects of all servers and images.
#[derive(Debug)]
pub(crate) struct Resources(ObjectNamespace);

impl Resources {
    /// Returns the objects of the binding `RESOURCES`, [`None`] without it.
    pub(crate) fn new(env: &Env) -> Option<Self> {
        platform::binding(env, "RESOURCES").map(Self)
    }

    /// Returns the client of one resource's object.
    pub(crate) fn client<'a>(
        &'a self,
        kind: Kind,
        id: ResourceId,
        actor: &'a Actor,
        options: CallOptions,
    ) -> ResourceClient<'a> {
        ResourceClient {
            namespace: &self.0,
            object: object_name(kind, id),
            actor,
            options,
        }
    }
}

/// The object of one server or image, as one request calls it.
#[derive(Debug)]
pub(crate) struct ResourceClient<'a> {
    namespace: &'a ObjectNamespace,
    object: String,
    actor: &'a Actor,
    options: CallOptions,
}

impl ResourceClient<'_> {
    /// Carries out an operation of the API.
    ///
    /// # Errors
    ///
    /// Returns the last try's error.
    pub(crate) async fn perform(
        &self,
        operation: &Operation,
    ) -> Result<Result<Outcome, Rejection>, StoreError> {
        Ok(match operation {
            Operation::Show => self
                .call::<_, Reply<Box<ShownRecord>>>(ResourceStub::show, Show {})
                .await?
                .map(Outcome::Record),
            Operation::List => self
                .call::<_, Reply<Box<RawValue>>>(ResourceStub::list_items, Show {})
                .await?
                .map(Outcome::Metadata),
            Operation::ShowItem { key } => self
                .call::<_, Reply<String>>(ResourceStub::show_item, ShowItem { key: key.into() })
                .await?
                .map(Outcome::Item),
            Operation::DeleteItem { key } => self
                .call::<_, Reply<()>>(ResourceStub::delete_item, DeleteItem { key: key.into() })
                .await?
                .map(|()| Outcome::Deleted),
            Operation::Merge { items } => self
                .call::<_, Reply<Box<RawValue>>>(
                    ResourceStub::merge_items,
                    WriteItems {
                        items: Cow::Borrowed(items),
                    },
                )
                .await?
                .map(Outcome::Metadata),
            Operation::Replace { items } => self
                .call::<_, Reply<Box<RawValue>>>(
                    ResourceStub::replace_items,
                    WriteItems {
                        items: Cow::Borrowed(items),
                    },
                )
                .await?
                .map(Outcome::Metadata),
            Operation::PutItem {
                path_key,
                key,
                value,
            } => self
                .call::<_, Reply<String>>(
                    ResourceStub::put_item,
                    PutItem {
                        path_key: path_key.into(),
                        key: Cow::Borrowed(key),
                        value: Cow::Borrowed(value),
                    },
                )
                .await?
                .map(Outcome::Item),
        })
    }

    /// Asks what a list shows, [`None`] when it does not show the record.
    ///
    /// # Errors
    ///
    /// Returns the last try's error.
    pub(crate) async fn list_entry(
        &self,
        args: &ShowListEntry,
    ) -> Result<Option<ListEntry>, StoreError> {
        self.call(ResourceStub::show_list_entry, args).await
    }

    /// Registry: PUT.
    ///
    /// # Errors
    ///
    /// Returns the last try's error.
    pub(crate) async fn register(
        &self,
        document: &Document,
    ) -> Result<Result<Registered, RegistryError>, StoreError> {
        let document = Cow::Borrowed(document);
        self.call(ResourceStub::register, Register { document })
            .await
    }

    /// Registry: GET.
    ///
    /// # Errors
    ///
    /// Returns the last try's error.
    pub(crate) async fn inspect(&self) -> Result<Result<Registered, RegistryError>, StoreError> {
        self.call(ResourceStub::inspect, Inspect {}).await
    }

    /// Registry: DELETE.
    ///
    /// # Errors
    ///
    /// Returns the last try's error.
    pub(crate) async fn unregister(
        &self,
        observed_at: Option<Timestamp>,
    ) -> Result<Result<(), RegistryError>, StoreError> {
        self.call(ResourceStub::unregister, Unregister { observed_at })
            .await
    }

    /// Calls a method of the object, [`repeatedly`] if need be.
    async fn call<A: Serialize, R: DeserializeOwned>(
        &self,
        method: Method,
        args: A,
    ) -> Result<R, StoreError> {
        let call = Call {
            id: self.options.id,
            actor: Cow::Borrowed(self.actor),
            item_limit: self.options.item_limit,
            keep_changes: self.options.keep_changes,
            args,
        };
        let call = serde_json::to_string(&call).map_err(|error| self.failed(error))?;
        // The object does not remember for ever, whatever deadline an operator sets.
        let last_try = self.options.deadline.min(platform::now() + REPEATABLE);
        let reply = repeatedly(last_try, async || self.try_call(method, &call).await).await;
        let reply = reply.map_err(|error| self.failed(error))?;
        serde_json::from_str(&reply).map_err(|error| self.failed(error))
    }

    async fn try_call(&self, method: Method, call: &str) -> worker::Result<String> {
        #[cfg(feature = "faults")]
        crate::faults::count_try(self.options.id);
        let stub = self.namespace.get_by_name(&self.object)?;
        let reply = JsFuture::from(method(&stub.into_rpc(), &text::to_js(call))?).await?;
        text::from_js(&reply)
    }

    fn failed(&self, cause: impl Into<worker::Error>) -> StoreError {
        StoreError {
            object: self.object.clone(),
            cause: cause.into(),
        }
    }
}

/// The reply to an operation of the API. Metadata stays the text that the object wrote, and goes on to
/// the client without being parsed.
type Reply<T> = Result<T, Rejection>;

/// The lists.
#[derive(Debug)]
pub(crate) struct Indexes(ObjectNamespace);

impl Indexes {
    /// Returns the lists of the binding `INDEXES`.
    ///
    /// # Errors
    ///
    /// There is no such binding.
    pub(crate) fn new(env: &Env) -> worker::Result<Self> {
        platform::binding(env, "INDEXES")
            .map(Self)
            .ok_or_else(|| worker::Error::BindingError("INDEXES".to_owned()))
    }

    /// Tells a list of a resource.
    ///
    /// # Errors
    ///
    /// The list did not take it.
    pub(super) async fn update(&self, list: &str, update: &IndexUpdate) -> worker::Result<()> {
        let update = serde_json::to_string(update)?;
        JsFuture::from(self.stub(list)?.update(&update)?).await?;
        Ok(())
    }

    /// Asks a list for a page.
    ///
    /// # Errors
    ///
    /// The list did not reply.
    pub(crate) async fn list(
        &self,
        list: &str,
        query: &IndexQuery,
    ) -> Result<IndexPage, StoreError> {
        let failed = |cause| StoreError {
            object: index_name(list),
            cause,
        };
        let query = serde_json::to_string(query).map_err(|error| failed(error.into()))?;
        let page = repeatedly(platform::now() + REPEATABLE, async || {
            let page = JsFuture::from(self.stub(list)?.list(&query)?).await?;
            Ok(serde_json::from_str(&text::from_js(&page)?)?)
        });
        page.await.map_err(failed)
    }

    /// Remembers when the control plane last reported.
    ///
    /// # Errors
    ///
    /// The object did not take it.
    pub(crate) async fn report_feed(&self, observed_at: Timestamp) -> Result<(), StoreError> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a date in milliseconds fits in 53 bits"
        )]
        let millis = observed_at.timestamp_millis() as f64;
        let report = repeatedly(platform::now() + REPEATABLE, async || {
            JsFuture::from(self.stub(FEED)?.report_feed(millis)?).await?;
            Ok(())
        });
        report.await.map_err(feed_failed)
    }

    /// Returns when the control plane last reported, in milliseconds since 1970; 0 for never.
    ///
    /// # Errors
    ///
    /// The object did not reply.
    pub(crate) async fn feed(&self) -> Result<i64, StoreError> {
        let feed = repeatedly(platform::now() + REPEATABLE, async || {
            let millis = JsFuture::from(self.stub(FEED)?.feed()?).await?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a date in milliseconds fits in 53 bits"
            )]
            Ok(millis.as_f64().unwrap_or_default() as i64)
        });
        feed.await.map_err(feed_failed)
    }

    fn stub(&self, list: &str) -> worker::Result<IndexStub> {
        Ok(self.0.get_by_name(&index_name(list))?.into_rpc())
    }
}

/// The object that remembers when the control plane last reported, in a table that no list has.
const FEED: &str = "feed";

fn feed_failed(cause: worker::Error) -> StoreError {
    StoreError {
        object: index_name(FEED),
        cause,
    }
}

/// Returns the name of a list's object. It must never change.
fn index_name(list: &str) -> String {
    format!("index:{list}")
}
