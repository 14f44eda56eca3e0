//! `env`: settings and bindings by name.

use js_sys::Reflect;
use wasm_bindgen::{JsCast as _, JsValue};

/// The `env` that the runtime hands to each handler.
#[derive(Debug, Clone)]
pub struct Env(JsValue);

impl From<JsValue> for Env {
    fn from(env: JsValue) -> Self {
        Self(env)
    }
}

impl Env {
    /// The text of a setting. Numbers and booleans of a wrangler file count as their text.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        value
            .as_string()
            .or_else(|| js_sys::JSON::stringify(&value).ok().map(String::from))
    }

    /// A binding, taken to be of the type that its name stands for.
    #[must_use]
    pub fn binding<T: wasm_bindgen::JsCast>(&self, name: &str) -> Option<T> {
        let value = self.get(name)?;
        value.is_object().then(|| value.unchecked_into())
    }

    fn get(&self, name: &str) -> Option<JsValue> {
        let value = Reflect::get(&self.0, &JsValue::from_str(name)).ok()?;
        (!value.is_undefined() && !value.is_null()).then_some(value)
    }
}
