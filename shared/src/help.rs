//! The wire types of the help queue and of the notes of a classroom: who asks for help, who comes,
//! and who is done. A participant is told of their own alone; who sees everyone sees the queue.
//!
//! Every text to be read is made by the service or by the person who asks, and is plain text. As in
//! [`crate::wire`], times are by the service's clock.

use serde::{Deserialize, Serialize};

/// The page of the queue, below the service's prefix.
pub const QUEUE_PAGE: &str = "queue";

/// The longest text of a ticket, in characters.
pub const MAX_HELP_TEXT_CHARS: usize = 200;

/// How long a ticket is a helper's who claims it or says again that they have it.
pub const HELP_LEASE_MS: i64 = 5 * 60 * 1_000;

/// How long whoever has ended or released a ticket may undo that.
pub const HELP_UNDO_MS: i64 = 20 * 1_000;

/// Whoever waits longer than this comes before all others, whoever was helped how often.
pub const HELP_LONG_WAIT_MS: i64 = 10 * 60 * 1_000;

/// The coloured notes of a classroom, of which a participant sticks one on their screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// I need help.
    Help,
    /// I am done.
    Done,
}

/// `GET /api/help/mine`: the note of whoever asks, and what comes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MyNote {
    /// The service's clock.
    pub now_ms: i64,
    /// The value of `after` in the next request.
    pub cursor: i64,
    /// The note that they have.
    pub note: Option<NoteKind>,
    /// Their open ticket, of the note `help`.
    pub ticket: Option<MyTicket>,
    /// That the class is asked whether it is done.
    pub round: Option<MyRound>,
    /// How many wait for someone, they themselves included.
    pub waiting: usize,
}

/// Somebody's own open ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MyTicket {
    /// Its number, which is never reused.
    pub id: i64,
    /// What they wrote; often empty.
    pub text: String,
    /// When they asked.
    pub asked_ms: i64,
    /// What it waits for.
    pub state: TicketState,
    /// How many are before them, and one; none but while it waits.
    pub place: Option<usize>,
    /// Who is coming.
    pub helper: Option<String>,
}

/// What an open ticket waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TicketState {
    /// For someone to come.
    Waiting,
    /// Someone is coming or there.
    Claimed,
    /// Whoever asked wants nobody just now, and keeps their time of waiting.
    Paused,
}

/// That the class is asked whether it is done, as a participant is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MyRound {
    /// Its number: a page asks once in a round.
    pub id: i64,
    /// When it was asked.
    pub asked_ms: i64,
    /// The notebook that is meant, by its path below a home.
    pub filename: Option<String>,
    /// Whether whoever asks has answered: they have a note. Notes `done` of before are gone.
    pub answered: bool,
}

/// The body of `PUT /api/help/mine`: the note that somebody has from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoteRequest {
    /// The note; none takes it back.
    #[serde(default)]
    pub note: Option<NoteKind>,
    /// With the note `help`, what it is about, in 200 characters at most. A ticket that is open
    /// keeps its text without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// With the note `help`, whether nobody is to come just now.
    #[serde(default)]
    pub paused: bool,
    /// The notebook that is open, by its path below the home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The cell of that notebook which is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<ActiveCell>,
}

/// A cell of a notebook, as somebody's page names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ActiveCell {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its place, from 0, among the cells that are not private: for files whose cells have no ids, or
    /// others than the page has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
}

/// `GET /api/help`: who asks for help, in the order in which they are to be helped, and who is
/// done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HelpQueue {
    /// The service's clock.
    pub now_ms: i64,
    /// The open tickets, in order: those that wait, those that somebody has, those that are
    /// paused.
    pub tickets: Vec<HelpTicket>,
    /// The tickets that were ended in the last 20 seconds, the newest first: whoever ended one as
    /// a helper may undo that.
    pub recent: Vec<EndedTicket>,
    /// How many wait for someone.
    pub waiting: usize,
    /// That the class is asked whether it is done.
    pub round: Option<DoneRound>,
    /// Who has the note `done`, by name.
    pub done: Vec<String>,
}

/// An open ticket, as who sees everyone sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HelpTicket {
    /// Its number, which is never reused.
    pub id: i64,
    /// Who asks.
    pub user: String,
    /// The notebook that they asked from, by its path below a home.
    pub filename: Option<String>,
    /// The newest version of it in the history when they asked.
    pub version: Option<i64>,
    /// The cell that they were in; never a private one.
    pub cell: Option<TicketCell>,
    /// The error that they were at.
    pub error: Option<TicketError>,
    /// What they wrote; often empty.
    pub text: String,
    /// When they asked.
    pub asked_ms: i64,
    /// What it waits for.
    pub state: TicketState,
    /// Who has it.
    pub helper: Option<String>,
    /// Until when, unless they say again that they have it.
    pub lease_until_ms: Option<i64>,
    /// Who had it and did not say again that they do: it waits once more, before the others.
    pub was_with: Option<String>,
    /// How often a helper was there for them in the last twelve hours: tickets that a helper has
    /// ended, or that they ended as done while a helper had them.
    pub helped_today: usize,
    /// Whether they are no longer at the error that they asked with. It is a hint: nobody has said
    /// that it is solved.
    pub seems_solved: bool,
}

/// The cell that somebody was in when they asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketCell {
    /// The cell of the handout; none for a cell of their own.
    pub anchor: Option<u32>,
    /// The cell in words: the heading above it and which one below that it is.
    pub label: String,
}

/// The error that somebody was at when they asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketError {
    /// Names the error, as in `GET /api/insight`.
    pub signature: String,
    /// The error in words, such as `NameError df`.
    pub title: String,
}

/// A ticket that was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndedTicket {
    /// Its number.
    pub id: i64,
    /// Who asked.
    pub user: String,
    /// How it ended.
    pub end: TicketEnd,
    /// Who ended it.
    pub by: String,
    /// When.
    pub ended_ms: i64,
}

/// How a ticket has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TicketEnd {
    /// A helper was there.
    Helped,
    /// Whoever asked has said that they are done.
    Solved,
    /// Whoever asked has taken it back.
    Withdrawn,
    /// It was open for half a day: the class is over.
    Expired,
}

/// That the class is asked whether it is done, and what it has answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DoneRound {
    /// Its number, which is never reused.
    pub id: i64,
    /// When it was asked.
    pub asked_ms: i64,
    /// Who asked.
    pub by: String,
    /// The notebook that is meant, by its path below a home.
    pub filename: Option<String>,
    /// Who has said since that they are done, by name.
    pub done: Vec<String>,
    /// Who has an open ticket, also one that is paused, by name.
    pub help: Vec<String>,
}

/// The body of `POST /api/help/round`: ask the class whether it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoundRequest {
    /// The notebook that is meant, by its path below a home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// The body of `POST /api/help/claim`: claim several tickets at once. Of the two ways to name them
/// one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimRequest {
    /// The tickets with these numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<i64>,
    /// The tickets that wait with this error in this cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInCell>,
}

/// An error in a cell, by which tickets belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorInCell {
    /// The tickets' notebook.
    pub filename: String,
    /// The `signature` of the tickets' `error`.
    pub signature: String,
    /// The `anchor` of the tickets' `cell`; none for tickets without one.
    #[serde(default)]
    pub anchor: Option<u32>,
}

/// The answer to `POST /api/help/claim`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimResponse {
    /// The tickets that are now the asker's.
    pub claimed: Vec<i64>,
    /// Those that somebody else has.
    pub held: Vec<HeldTicket>,
}

/// A ticket that somebody else has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldTicket {
    /// Its number.
    pub id: i64,
    /// Who has it.
    pub helper: String,
}

impl HelpTicket {
    /// The error in its cell, by which it belongs together with others.
    #[must_use]
    pub fn error_in_cell(&self) -> Option<ErrorInCell> {
        let error = self.error.as_ref()?;
        Some(ErrorInCell {
            filename: self.filename.clone()?,
            signature: error.signature.clone(),
            anchor: self.cell.as_ref().and_then(|cell| cell.anchor),
        })
    }
}
