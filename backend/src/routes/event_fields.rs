//! The fields of an event that somebody posts.
//!
//! They are kept for ever, shown to an instructor and written to logs, so they are no
//! longer than what they name can be, and hold nothing that a terminal obeys. Of each file
//! there is one entry, so it has one name here.

use serde_json::{Map, Value};

use super::error::AppError;
use crate::{
    filename::{InvalidFilename, plain_filename, plain_path},
    store::NewEvent,
    time,
};

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
    let (filename, path) = (filename?, path?);
    Ok(NewEvent {
        kind: kind?,
        user: user?,
        filename: plain("filename", plain_filename(&filename))?,
        path,
        timestamp,
    })
}

/// The same event, its path written as every event has it. That of another's home is refused
/// before, whatever it looks like.
pub(super) fn plainly_placed(event: NewEvent) -> Result<NewEvent, AppError> {
    let path = plain("path", plain_path(&event.path))?;
    Ok(NewEvent { path, ..event })
}

fn plain(name: &str, read: Result<String, InvalidFilename>) -> Result<String, AppError> {
    read.or_else(|error| refuse(format!("{name} {error}.")))
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

/// Reads a time as events have it.
pub(super) fn timestamp_from(value: &str) -> Result<String, AppError> {
    // A `+` that was not encoded arrives as a space.
    let read = time::parse(value).or_else(|| time::parse(&value.replace(' ', "+")));
    read.map(time::format).ok_or_else(|| {
        AppError::BadRequest(format!(
            "timestamp {value:?} is not a time such as 2022-11-14T16:00:00.511Z."
        ))
    })
}
