//! The fields of a posted event.
//!
//! They are kept for ever, shown to an instructor and written to logs, so each has a length
//! limit, that of the thing it names, and no control characters, which a terminal would obey.
//! Each file has one entry in the list of events, so paths are put into one canonical form here.

use serde_json::{Map, Value};

use super::error::AppError;
use crate::{
    filename::{InvalidFilename, plain_filename, plain_path},
    store::NewEvent,
    time,
};

/// The longest value of each field, in bytes, as the file system and JupyterHub count:
/// `PATH_MAX`, and the Hub's longest name. A type is a word or two.
const MAX_FIELD_BYTES: [(&str, usize); 4] = [
    ("type", 64),
    ("user", 255),
    ("filename", 4_096),
    ("path", 4_096),
];

/// Reads an event. Unknown fields are ignored, and so is `id`, which the store gives.
pub(super) fn event_from(body: &Map<String, Value>) -> Result<NewEvent, AppError> {
    let timestamp = match body.get("timestamp") {
        None | Some(Value::Null) => time::now_text(),
        Some(Value::String(value)) => timestamp_from(value)?,
        Some(_) => return refuse("timestamp must be a string."),
    };
    let [kind, user, filename, path] = MAX_FIELD_BYTES.map(|(name, max)| text(body, name, max));
    let (filename, path) = (filename?, path?);
    Ok(NewEvent {
        kind: kind?,
        user: user?,
        filename: canonical("filename", plain_filename(&filename))?,
        path,
        timestamp,
    })
}

/// The same event with its path in canonical form. A path in another participant's home has to
/// be refused before, in whatever form it is.
pub(super) fn with_canonical_path(event: NewEvent) -> Result<NewEvent, AppError> {
    let path = canonical("path", plain_path(&event.path))?;
    Ok(NewEvent { path, ..event })
}

fn canonical(name: &str, read: Result<String, InvalidFilename>) -> Result<String, AppError> {
    read.or_else(|error| refuse(format!("{name} {error}.")))
}

fn text(body: &Map<String, Value>, name: &str, max_bytes: usize) -> Result<String, AppError> {
    let text = match body.get(name) {
        Some(Value::String(text)) => text,
        Some(_) => return refuse(format!("{name} must be a string.")),
        None => return refuse(format!("{name} is missing.")),
    };
    if text.len() > max_bytes {
        return refuse(format!("{name} is longer than {max_bytes} bytes."));
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

/// Reads a timestamp, and gives it in the format of all events.
pub(super) fn timestamp_from(value: &str) -> Result<String, AppError> {
    // A `+` that was not encoded arrives as a space.
    let read = time::parse(value).or_else(|| time::parse(&value.replace(' ', "+")));
    read.map(time::format).ok_or_else(|| {
        AppError::BadRequest(format!(
            "timestamp {value:?} is not a time such as 2022-11-14T16:00:00.511Z."
        ))
    })
}
