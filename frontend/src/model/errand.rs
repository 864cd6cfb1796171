//! The state of an errand, as several answers have it: the answer to a restore, the restores in
//! `GET /api/history` and the receivers of a handout. The service's own types are in
//! [`shared::errands`].

/// The state of one errand; a field that the answer does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrandNote {
    /// The number of a restore.
    pub id: Option<i64>,
    /// The number of the version that is restored.
    pub version: Option<i64>,
    /// The participant.
    pub user: String,
    /// `pending`, `done` or `failed`.
    pub state: String,
    /// The server that does it; empty for the default one.
    pub server: String,
    /// The new file.
    pub filename: Option<String>,
    /// Why there is none.
    pub reason: Option<String>,
    /// The participant has opened it.
    pub is_opened: bool,
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
