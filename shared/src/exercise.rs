//! The wire types of one cell of the handout across everyone, and of one error: whose cells hold
//! what, the same results together. Only who sees everyone is told.

use serde::{Deserialize, Serialize};

use crate::prepared::SafeHtml;

/// The page, below the service's prefix.
pub const EXERCISE_PAGE: &str = "exercise";

/// `GET /api/insight/exercise`: everyone's cells for one of the handout, or those with one error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExerciseResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The newest save in it.
    pub as_of_ms: i64,
    /// Whether versions are still being read, so that the next answer says more.
    pub catching_up: bool,
    /// What it is, in words: the heading above the cell and which one below that, or the error.
    pub title: String,
    /// The cell of the handout; none for an error.
    pub anchor: Option<u32>,
    /// The column of the pace that it is, from 0.
    pub column: Option<usize>,
    /// The code cell of the handout before it.
    pub before: Option<ExerciseLink>,
    /// The one after it.
    pub after: Option<ExerciseLink>,
    /// The handout's cell, as HTML; empty where there is none.
    pub stub: SafeHtml,
    /// What people have come to: errors, results, and what was not run, of most people first.
    pub groups: Vec<ExerciseGroup>,
}

/// Another cell of the handout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExerciseLink {
    /// The cell.
    pub anchor: u32,
    /// The cell in words.
    pub label: String,
}

/// What several people's cells have come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExerciseGroup {
    /// What kind of result it is.
    pub kind: ExerciseKind,
    /// The result in words.
    pub title: String,
    /// Everyone in it, in the order of the answers.
    pub people: Vec<String>,
    /// What all of them show, as HTML; empty where each shows something of their own.
    pub shown: SafeHtml,
    /// The answers, each beside what is like it; none where there is nothing to be read.
    pub answers: Vec<ExerciseAnswer>,
}

/// What people's cells may have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ExerciseKind {
    /// Their last run has failed.
    Error,
    /// They show something.
    Output,
    /// They were run and show nothing.
    NoOutput,
    /// They were changed and not run since.
    NotRun,
    /// They are as they were handed out.
    Untouched,
    /// They are gone.
    Missing,
}

/// One answer, of one person or of several whose cells are the same but for names and comments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExerciseAnswer {
    /// Who; the cells are those of the first.
    pub people: Vec<String>,
    /// Whether it is known by its place alone that this is the answer.
    pub is_guess: bool,
    /// The source, as HTML.
    pub code: SafeHtml,
    /// The difference to the handout's cell, as HTML; empty where there is no such cell.
    pub changes: SafeHtml,
    /// What it shows, as HTML; empty where all of the group show the same.
    pub shown: SafeHtml,
}
