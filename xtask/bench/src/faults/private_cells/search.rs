//! Looking for canaries, and for words that are there to be found.

use std::collections::BTreeMap;

use super::super::Verdict;

/// What the markers of `tests/python/generated.py` begin with: words of cells that are not private.
const MARKER: &str = "seen7f3a";
/// Bytes around a canary that are shown.
const SHOWN_BYTES: usize = 60;

/// What was looked at in one place.
#[derive(Default)]
struct Place {
    bytes: usize,
    markers: usize,
    canaries: usize,
    /// What is around the first canary.
    first: String,
}

/// A search for canaries.
pub(super) struct CanarySearch {
    canaries: Vec<String>,
    places: BTreeMap<&'static str, Place>,
}

impl CanarySearch {
    pub(super) fn new(canaries: &[String]) -> Self {
        Self {
            canaries: canaries.to_vec(),
            places: BTreeMap::new(),
        }
    }

    /// Looks at bytes of a place.
    pub(super) fn look(&mut self, place: &'static str, bytes: &[u8]) {
        let looked_at = self.places.entry(place).or_default();
        looked_at.bytes += bytes.len();
        looked_at.markers += usize::from(find(bytes, MARKER.as_bytes()).is_some());
        for canary in &self.canaries {
            if let Some(at) = find(bytes, canary.as_bytes()) {
                let around = at.saturating_sub(SHOWN_BYTES)..bytes.len().min(at + SHOWN_BYTES);
                if looked_at.canaries == 0 {
                    looked_at.first = String::from_utf8_lossy(&bytes[around]).into_owned();
                }
                looked_at.canaries += 1;
            }
        }
    }

    /// Fails the row when a canary was found, or no marker where there have to be some.
    pub(super) fn conclude(self, verdict: &mut Verdict) {
        let mut bytes = 0;
        let mut seen = Vec::new();
        for (name, place) in self.places {
            bytes += place.bytes;
            seen.push(format!("{name} {}", place.markers));
            verdict.must(
                place.canaries == 0,
                format!("{} canaries in {name}: …{:?}…", place.canaries, place.first),
            );
            // Requests have it deflated, and a log or a list has nothing of a notebook.
            let has_markers = !matches!(
                name,
                "packets"
                    | "requests and answers"
                    | "lists"
                    | "the service's log"
                    | "participants' logs"
            );
            verdict.must(
                place.markers > 0 || !has_markers,
                format!("nothing was found in {name}, where there is something to be found"),
            );
        }
        verdict.figure(format!(
            "looked through {:.1} MiB, where so many pieces have words of public cells: {}",
            bytes as f64 / f64::from(1 << 20),
            seen.join(", ")
        ));
    }
}

/// Where `text` is in `bytes`.
pub(super) fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let (first, rest) = text.split_first()?;
    let mut from = 0;
    loop {
        let at = from + bytes[from..].iter().position(|byte| byte == first)?;
        if bytes[at + 1..].starts_with(rest) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The markers in the content of a notebook: `seen7f3a_NUMBER_VERSION_`.
pub(super) fn markers_in(content: &[u8]) -> Vec<String> {
    let mut markers = Vec::new();
    let mut rest = content;
    while let Some(at) = find(rest, MARKER.as_bytes()) {
        rest = &rest[at..];
        let length = rest.iter().take_while(|byte| is_of_word(**byte)).count();
        markers.push(String::from_utf8_lossy(&rest[..length]).into_owned());
        rest = &rest[length..];
    }
    markers
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
