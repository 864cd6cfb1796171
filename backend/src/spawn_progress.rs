//! What the Hub tells of the start of a server: events, of which the last says how it ended.

use serde::Deserialize;

/// Longest reason that is kept of a server that has failed.
const MAX_REASON_CHARS: usize = 300;

/// An event of `users/{name}/server/progress`.
#[derive(Deserialize)]
struct SpawnProgressEvent {
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    message: String,
}

/// Why the start has failed, in the Hub's own words, if it has.
pub(crate) fn failure_in(events: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(events);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let mut events = data.filter_map(|it| serde_json::from_str::<SpawnProgressEvent>(it).ok());
    let failed = events.find(|event| event.failed && !event.message.is_empty())?;
    let words: Vec<&str> = failed.message.split_whitespace().collect();
    Some(words.join(" ").chars().take(MAX_REASON_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_start_that_failed_has_a_reason() {
        let started = b"data: {\"progress\": 50, \"message\": \"Spawning server...\"}\n\n\
            data: {\"progress\": 100, \"ready\": true, \"message\": \"Server ready\"}\n\n";
        assert_eq!(failure_in(started), None);
        let failed = b"\n\ndata: {\"progress\": 0, \"message\": \"Server requested\"}\n\n\
            data: {\"failed\": true, \"message\": \"Spawn failed:\\n no room\"}\n\n";
        assert_eq!(failure_in(failed).as_deref(), Some("Spawn failed: no room"));
        assert_eq!(failure_in(b"data: {\"failed\": true}\ndata: [\n"), None);
    }
}
