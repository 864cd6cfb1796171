//! The wire types of what the saves of a class say of one notebook: who needs someone now, which
//! errors several have, and how far everyone is. Only who sees everyone is told.
//!
//! Every text to be read is made by the service, so that a page shows it as it is.

use serde::{Deserialize, Serialize};

/// `GET /api/insight`: what the saves of one notebook say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InsightResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The time that the answer is of: the newest save in it, or the last look at the class, which
    /// is made every ten seconds.
    pub as_of_ms: i64,
    /// Whether versions are still being read, so that the next answer says more.
    pub catching_up: bool,
    /// Who needs someone now: at most eight, in the order in which they came, whoever asked first.
    pub lane: Vec<LaneEntry>,
    /// How many more there are.
    pub more: usize,
    /// Errors that several people have now: those of most people first.
    pub groups: Vec<InsightGroup>,
    /// How far the class is in the handout, once one is known.
    pub pace: Option<PaceStrip>,
    /// Everyone with a copy, by name.
    pub people: Vec<PersonProgress>,
}

/// Somebody who needs someone now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LaneEntry {
    /// Who.
    pub user: String,
    /// When they came.
    pub entered_ms: i64,
    /// Why, the strongest reason first.
    pub reasons: Vec<LaneReason>,
    /// When their error was solved: they leave soon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved_ms: Option<i64>,
    /// When they asked for help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ms: Option<i64>,
}

/// Why somebody may need someone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LaneReason {
    /// Which reason it is.
    pub kind: ReasonKind,
    /// The reason in words, such as `same KeyError 'price' 4 runs, 6 min`.
    pub words: String,
}

/// The kinds of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReasonKind {
    /// They have asked for help.
    Asked,
    /// One error again and again, or one that stays.
    SameError,
    /// Several failed runs of one cell.
    Failing,
    /// Many runs of one cell.
    ManyRuns,
    /// Runs of a cell in which nothing was changed.
    Reruns,
    /// Cells that half of the class has reached, and they have not.
    Behind,
    /// Nothing saved since an error.
    Silent,
    /// Nothing run, when half of the class has begun.
    NotBegun,
}

/// An error that several people have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InsightGroup {
    /// Names the error, in all answers and after a restart.
    pub signature: String,
    /// The error in words, such as `NameError df`.
    pub title: String,
    /// Where people have it, the most first.
    pub places: Vec<ErrorPlace>,
    /// Who has it now.
    pub people: Vec<String>,
    /// How many had it and have solved it.
    pub solved: usize,
    /// The median time that they took.
    pub median_solved_ms: Option<i64>,
}

/// A cell in which people have an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorPlace {
    /// The cell of the handout; none for cells of people's own.
    pub anchor: Option<u32>,
    /// The cell in words: the heading above it and which one below that it is.
    pub label: String,
    /// How many people have it there.
    pub count: usize,
}

/// How far the class is in the handout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaceStrip {
    /// Where the handout is from.
    pub handout: HandoutOrigin,
    /// A column for each of its code cells, in order.
    pub columns: Vec<PaceStripColumn>,
    /// How many people are at work: they have saved in the last ten minutes.
    pub active: usize,
    /// The furthest columns, from 0, that people at work have done; none while nobody has.
    pub furthest: Option<PaceSpread>,
    /// The column at which the instructor is, from 0.
    pub instructor: Option<usize>,
}

/// Where a handout is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HandoutOrigin {
    /// It was handed out here.
    HandedOut,
    /// It is the instructor's own file of that name.
    Instructor,
    /// It is what the first versions of the copies have in common.
    Common,
}

/// The furthest done columns of people at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaceSpread {
    /// Of the tenth that has come least far.
    pub a_tenth: usize,
    /// Of half.
    pub half: usize,
    /// Of nine tenths.
    pub nine_tenths: usize,
}

/// A code cell of the handout, and how many of the people at work are how far with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaceStripColumn {
    /// The cell: it keeps this number when the handout is changed.
    pub anchor: u32,
    /// The heading above it.
    pub heading: Option<String>,
    /// Whether participants are to change it, and not only to run it.
    pub is_exercise: bool,
    /// How many have done it.
    pub done: usize,
    /// How many have run it, which does not say that they have done it.
    pub ran: usize,
    /// How many have an error there.
    pub failed: usize,
    /// How many have changed it and not run it since.
    pub edited: usize,
    /// How many have neither changed nor run it.
    pub not_reached: usize,
    /// Whether four of five have done it.
    pub most_have_done: bool,
    /// In how many milliseconds nine of ten will have done it; none when that cannot be told.
    pub nearly_all_in_ms: Option<i64>,
}

/// How far one person is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonProgress {
    /// Who.
    pub user: String,
    /// The furthest column of the pace, from 0, that they have changed or run.
    pub furthest: Option<usize>,
    /// How far they are with each column of the pace, a letter each: `d` done, `r` run, `f` failed,
    /// `e` edited, `n` not reached.
    pub cells: String,
    /// Whether they ask for help in this notebook.
    pub has_asked: bool,
    /// The `signature` of the error that they are at.
    pub error: Option<String>,
    /// When somebody was last with them.
    pub helped_ms: Option<i64>,
}

/// The body of `POST /api/insight/settled`: somebody in the lane was seen to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettleRequest {
    /// The notebook's path below a home.
    pub filename: String,
    /// Who.
    pub user: String,
    /// What was done.
    pub settled: SettledKind,
}

/// What was done about somebody in the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SettledKind {
    /// Someone was there.
    Helped,
    /// Not now.
    Later,
}

impl InsightResponse {
    /// Whether two answers say the same, at whatever time.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let untimed = |answer: &Self| Self {
            now_ms: 0,
            as_of_ms: 0,
            ..answer.clone()
        };
        untimed(self) == untimed(other)
    }
}
