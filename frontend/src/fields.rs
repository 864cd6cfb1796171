//! Reads an answer field by field, as the browser has parsed it.
//!
//! A type that deserialises itself is several kilobytes of code that every browser loads. That is
//! worth it for what every reader gets: the session, the class, tiles and notebooks. Other answers
//! are read here. A field that is missing or of another kind is empty.

use js_sys::{Array, JSON, Reflect};
use shared::prepared::SafeHtml;
use wasm_bindgen::JsValue;

use crate::model::errand::ErrandNote;
use crate::model::failure::RequestFailure;

/// An object of an answer.
pub struct AnswerFields(JsValue);

impl AnswerFields {
    /// The object that an answer is.
    pub fn read(body: &str) -> Result<Self, RequestFailure> {
        let parsed = JSON::parse(body);
        parsed
            .map(Self)
            .map_err(|_| RequestFailure::Unreadable("no JSON".to_owned()))
    }

    /// An object in this one.
    pub fn object(&self, name: &str) -> Self {
        Self(Reflect::get(&self.0, &name.into()).unwrap_or_default())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.object(name).0.as_string()
    }

    /// A whole number.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the service's numbers are whole, and a browser holds them exactly"
    )]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.object(name).0.as_f64().map(|number| number as i64)
    }

    /// Whether something is so.
    pub fn is(&self, name: &str) -> bool {
        self.object(name).0.is_truthy()
    }

    /// A list of objects.
    pub fn list(&self, name: &str) -> Vec<Self> {
        let list = self.object(name).0;
        match Array::is_array(&list) {
            true => Array::from(&list).iter().map(Self).collect(),
            false => Vec::new(),
        }
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let list = self.list(name);
        list.iter().filter_map(|text| text.0.as_string()).collect()
    }

    /// HTML that the service has sanitised.
    pub fn safe_html(&self, name: &str) -> Option<SafeHtml> {
        let text = JSON::stringify(&self.object(name).0).ok()?.as_string()?;
        serde_json::from_str(&text).ok()
    }

    /// The object as the state of an errand.
    pub fn errand(&self) -> ErrandNote {
        ErrandNote {
            id: self.number("id").or(self.number("errand")),
            version: self.number("version"),
            server: self.text("server").unwrap_or_default(),
            user: self.text("user").unwrap_or_default(),
            state: self.text("state").unwrap_or_default(),
            filename: self.text("filename"),
            reason: self.text("reason"),
            is_opened: self.is("opened_at_ms"),
        }
    }
}
