//! The bodies of posted events; user and filename identify an event.

use serde_json::json;

/// An event type without a notebook, so that only the store works.
pub(crate) const EXERCISE: &str = "exercise";

/// The body of an event of the type [`EXERCISE`].
pub(crate) fn exercise(user: &str, filename: &str, path: &str) -> String {
    json!({"type": EXERCISE, "user": user, "filename": filename, "path": path}).to_string()
}

/// The body of the event of a save, as a participant's server reports it.
pub(crate) fn save(user: &str, filename: &str, path: &str, timestamp: Option<&str>) -> String {
    json!({
        "type": "save-notebook", "user": user, "filename": filename, "path": path,
        "timestamp": timestamp,
    })
    .to_string()
}
