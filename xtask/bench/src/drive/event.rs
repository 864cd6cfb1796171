//! The events that are posted: each can be told from every other by its user and filename.

use serde_json::json;

/// A type that has nothing to do with notebooks, so that nothing but the store works.
pub(crate) const EXERCISE: &str = "exercise";

/// The body of an event of the type [`EXERCISE`].
pub(crate) fn exercise(user: &str, filename: &str, path: &str) -> String {
    json!({"type": EXERCISE, "user": user, "filename": filename, "path": path}).to_string()
}

/// The body of a save, as a participant's server reports it.
pub(crate) fn save(user: &str, filename: &str, path: &str, timestamp: Option<&str>) -> String {
    json!({
        "type": "save-notebook", "user": user, "filename": filename, "path": path,
        "timestamp": timestamp,
    })
    .to_string()
}
