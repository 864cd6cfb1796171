//! How far an errand is, as far as the page says it.
//!
//! One type reads all answers that tell of one errand, because the code that reads a type is
//! loaded by every browser: the answers to a restore, `GET /api/errands/{id}` and the receivers
//! of a handout. The service's own types are in [`shared::errands`], and a test below holds this
//! one against them.

use serde::Deserialize;

/// What an answer says of one errand; a field that it has not is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ErrandNote {
    /// The number of a restore that waits.
    pub errand: Option<i64>,
    /// The participant.
    pub user: String,
    /// `pending`, `done` or `failed`.
    pub state: String,
    /// The new file.
    pub filename: Option<String>,
    /// Why there is none.
    pub reason: Option<String>,
    /// When the participant opened it first.
    pub opened_at_ms: Option<i64>,
}

impl ErrandNote {
    /// It waits for the participant's server.
    pub fn is_pending(&self) -> bool {
        self.state == "pending"
    }

    /// The file is in the home.
    pub fn is_done(&self) -> bool {
        self.state == "done"
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use shared::errands::{
        ErrandKind, ErrandResponse, ErrandState, HandoutReceiver, RestorePending,
    };
    use shared::wire::RestoreResponse;

    use super::*;

    fn read(answer: &impl Serialize) -> ErrandNote {
        serde_json::from_str(&serde_json::to_string(answer).unwrap()).unwrap()
    }

    #[test]
    fn every_answer_about_an_errand_is_read() {
        let waits = read(&RestorePending {
            errand: 7,
            state: ErrandState::Pending,
        });
        assert!(waits.is_pending() && waits.errand == Some(7));
        let written = read(&RestoreResponse {
            filename: "a.ipynb".to_owned(),
        });
        assert_eq!(written.filename.as_deref(), Some("a.ipynb"));
        assert_eq!(written.errand, None);
        let failed = read(&ErrandResponse {
            id: 7,
            user: "ana".to_owned(),
            kind: ErrandKind::Restore,
            state: ErrandState::Failed,
            filename: "a.ipynb".to_owned(),
            reason: Some("disk full".to_owned()),
        });
        assert!(!failed.is_pending() && !failed.is_done());
        assert_eq!(failed.reason.as_deref(), Some("disk full"));
        let opened = read(&HandoutReceiver {
            user: "ana".to_owned(),
            state: ErrandState::Done,
            filename: None,
            reason: None,
            opened_at_ms: Some(1),
        });
        assert!(opened.is_done() && opened.opened_at_ms == Some(1));
    }
}
