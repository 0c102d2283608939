//! Errors on their way to JavaScript: an `Error` with `code` and `details`, which TypeScript turns into a class.

use js_sys::{Object, Reflect};
use stratamem_core::{Detail, Error};
use wasm_bindgen::{JsCast, JsValue};

/// The JavaScript form of a core error.
pub(crate) fn to_js(error: impl Into<Error>) -> JsValue {
    let error = error.into();
    let details = Object::new();
    for (name, detail) in error.details() {
        let value = match detail {
            Detail::Text(text) => JsValue::from(text),
            Detail::Number(number) => JsValue::from(number),
        };
        set(&details, name, &value);
    }
    build(error.code().name(), &error.to_string(), &details)
}

/// An `invalid-argument` about a value that has not even the right shape.
pub(crate) fn malformed(field: &str, problem: impl std::fmt::Display) -> JsValue {
    let details = Object::new();
    set(&details, "field", &field.into());
    build("invalid-argument", &format!("{field} is malformed: {problem}"), &details)
}

/// The same error with `path/` before the name of the parameter, if there is a path.
pub(crate) fn within(error: JsValue, path: Option<&str>) -> JsValue {
    let details = Reflect::get(&error, &"details".into()).unwrap_or_default();
    let field = Reflect::get(&details, &"field".into()).ok().and_then(|field| field.as_string());
    let (Some(path), Some(field), Ok(details)) = (path, field, details.dyn_into::<Object>()) else {
        return error;
    };
    set(&details, "field", &format!("{path}/{field}").into());
    if let Some(error) = error.dyn_ref::<js_sys::Error>() {
        error.set_message(&format!("{path}/{}", String::from(error.message())));
    }
    error
}

fn build(code: &str, message: &str, details: &Object) -> JsValue {
    let error = js_sys::Error::new(message);
    set(&error, "code", &code.into());
    set(&error, "details", details);
    error.into()
}

fn set(target: &Object, name: &str, value: &JsValue) {
    Reflect::set(target, &name.into(), value).expect("a plain object takes any property");
}
