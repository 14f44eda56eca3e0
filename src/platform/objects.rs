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
}

/// Calls the object of that name by RPC and gives its reply.
///
/// # Errors
///
/// The object did not reply.
pub async fn call(namespace: &Namespace, name: &str, call: &Call) -> Result<String, Exception> {
    let promise = namespace.get_by_name(name)?.perform(
        &call.operation_id,
        call.retry,
        &call.task,
        &call.project_id,
        call.standing,
        call.item_limit,
        &call.key,
        &call.body,
    )?;
    let reply = runtime::wait(promise).await?;
    reply.as_string().ok_or_else(|| unexpected("reply"))
}
