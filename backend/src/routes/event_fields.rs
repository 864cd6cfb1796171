//! The fields of an event that somebody posts.
//!
//! They are kept for ever, shown to an instructor and written to logs, so they are no
//! longer than what they name can be, and hold nothing that a terminal obeys.

use serde_json::{Map, Value};

use super::events::timestamp_from;
use crate::{error::AppError, store::NewEvent, time};

/// In bytes, as the file system and JupyterHub count: `PATH_MAX`, and the Hub's longest
/// name. A type is a word or two.
const LONGEST: [(&str, usize); 4] = [
    ("type", 64),
    ("user", 255),
    ("filename", 4_096),
    ("path", 4_096),
];

/// Reads an event; fields that it does not have are left out, and its `id` is not the
/// client's to say.
pub(super) fn event_from(body: &Map<String, Value>) -> Result<NewEvent, AppError> {
    let timestamp = match body.get("timestamp") {
        None | Some(Value::Null) => time::now_text(),
        Some(Value::String(value)) => timestamp_from(value)?,
        Some(_) => return refuse("timestamp must be a string."),
    };
    let [kind, user, filename, path] = LONGEST.map(|(name, longest)| text(body, name, longest));
    Ok(NewEvent {
        kind: kind?,
        user: user?,
        filename: filename?,
        path: path?,
        timestamp,
    })
}

fn text(body: &Map<String, Value>, name: &str, longest: usize) -> Result<String, AppError> {
    let text = match body.get(name) {
        Some(Value::String(text)) => text,
        Some(_) => return refuse(format!("{name} must be a string.")),
        None => return refuse(format!("{name} is missing.")),
    };
    if text.len() > longest {
        return refuse(format!("{name} is longer than {longest} bytes."));
    }
    if text.contains(char::is_control) {
        return refuse(format!(
            "{name} has a control character in it, such as a line break or NUL."
        ));
    }
    Ok(text.clone())
}

fn refuse<T>(message: impl Into<String>) -> Result<T, AppError> {
    Err(AppError::BadRequest(message.into()))
}
