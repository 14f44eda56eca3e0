//! Calling a Durable Object by its name.

use js_sys::Promise;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::{Exception, runtime, unexpected};
use crate::store::message::Call;

#[wasm_bindgen]
extern "C" {
    /// A binding to a class of objects. May be kept; the stubs it gives belong to one request.
    #[derive(Debug, Clone)]
    pub type Namespace;
    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str) -> Result<Stub, JsValue>;

    type Stub;
    #[wasm_bindgen(method, catch)]
    fn perform(
        this: &Stub,
        operation_id: &str,
        retry: bool,
        task: &str,
        project_id: &str,
        standing: u8,
        item_limit: usize,
        key: &str,
        body: &str,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Stub, kind: &str, id: &str, name: &str, created: f64)
    -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn remove(this: &Stub, kind: &str, id: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn list(this: &Stub, page: &str) -> Result<Promise, JsValue>;
}

/// A call that is on its way. Several can be, before the first is waited for.
#[derive(Debug)]
pub struct Pending(Promise);

impl Pending {
    /// Waits for the reply.
    ///
    /// # Errors
    ///
    /// The object did not reply.
    pub async fn reply(self) -> Result<String, Exception> {
        let reply = runtime::wait(self.0).await?;
        reply.as_string().ok_or_else(|| unexpected("reply"))
    }
}

/// Calls the resource's object of that name by RPC.
///
/// # Errors
///
/// The call cannot be made.
pub fn call(namespace: &Namespace, name: &str, call: &Call<'_>) -> Result<Pending, Exception> {
    let promise = namespace.get_by_name(name)?.perform(
        call.operation_id,
        call.retry,
        call.task,
        call.project_id,
        call.standing,
        call.item_limit,
        call.key,
        &call.body,
    )?;
    Ok(Pending(promise))
}

/// Asks the index of that name for a page.
///
/// # Errors
///
/// The call cannot be made.
pub fn list_page(namespace: &Namespace, name: &str, page: &str) -> Result<Pending, Exception> {
    Ok(Pending(namespace.get_by_name(name)?.list(page)?))
}

/// Tells the index of that name of a resource.
///
/// # Errors
///
/// It did not hear.
pub async fn list_put(
    namespace: &Namespace,
    name: &str,
    kind: &str,
    id: &str,
    resource_name: &str,
    created: f64,
) -> Result<(), Exception> {
    let promise = namespace
        .get_by_name(name)?
        .put(kind, id, resource_name, created)?;
    runtime::wait(promise).await?;
    Ok(())
}

/// Tells the index of that name that a resource is not in it any more.
///
/// # Errors
///
/// It did not hear.
pub async fn list_remove(
    namespace: &Namespace,
    name: &str,
    kind: &str,
    id: &str,
) -> Result<(), Exception> {
    let promise = namespace.get_by_name(name)?.remove(kind, id)?;
    runtime::wait(promise).await?;
    Ok(())
}
