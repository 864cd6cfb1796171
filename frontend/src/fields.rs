//! Reads an answer field by field, as the browser has parsed it.
//!
//! A field that is missing or of another kind is empty. [`crate::answers`] makes types of them.

use js_sys::{Array, JSON, Reflect};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use shared::prepared::SafeHtml;
use wasm_bindgen::JsValue;

use crate::model::errand::ErrandNote;
use crate::model::failure::RequestFailure;

/// An object of an answer.
#[derive(Clone)]
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

    /// A number of things.
    pub fn count(&self, name: &str) -> usize {
        let number = self.number(name).unwrap_or_default();
        number.try_into().unwrap_or_default()
    }

    /// A part that is there.
    pub fn part(&self, name: &str) -> Option<Self> {
        let part = self.object(name);
        let is_there = !part.0.is_undefined() && !part.0.is_null();
        is_there.then_some(part)
    }

    /// An item of the list that this is.
    pub fn item(&self, at: u32) -> Self {
        Self(Reflect::get_u32(&self.0, at).unwrap_or_default())
    }

    /// The text that this is.
    pub fn as_text(&self) -> Option<String> {
        self.0.as_string()
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
        self.object(name).as_safe_html()
    }

    /// A list of such HTML.
    pub fn safe_htmls(&self, name: &str) -> Vec<SafeHtml> {
        let list = self.list(name);
        list.iter().filter_map(Self::as_safe_html).collect()
    }

    fn as_safe_html(&self) -> Option<SafeHtml> {
        let text: serde::de::value::StringDeserializer<Error> = self.as_text()?.into_deserializer();
        SafeHtml::deserialize(text).ok()
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
