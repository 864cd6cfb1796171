//! The service's answers and the stream's messages, as the types of [`shared`], read field by
//! field.
//!
//! A type that deserialises itself brings its own reader and an error for everything that may be
//! wrong with JSON, several kilobytes that every browser loads. The browser parses JSON itself; what
//! is left to do here is small. The tests hold each reader to what the type's own one reads.

mod cells;
#[cfg(all(test, target_arch = "wasm32"))]
mod tests;

use shared::announcements::{BuildAnnouncement, CopyAnnouncement};
use shared::errands::HubGroup;
use shared::sharing::{FollowedNotebook, SharingResponse};
use shared::wire::{
    Event, NotebookSummary, NotebooksResponse, PeopleResponse, Role, SaveProblem, SessionResponse,
    StreamHello, Tile, TileResponse,
};

use crate::fields::AnswerFields;
use crate::model::failure::RequestFailure;

/// A type that is read from an answer.
pub trait FromFields: Sized {
    /// Reads the fields; `None` when one is missing that belongs there.
    fn from_fields(fields: &AnswerFields) -> Option<Self>;
}

/// Reads a `T` from the body of an answer.
pub fn read<T: FromFields>(body: &str) -> Result<T, RequestFailure> {
    let fields = AnswerFields::read(body)?;
    let unreadable = || RequestFailure::Unreadable("a field is missing".to_owned());
    T::from_fields(&fields).ok_or_else(unreadable)
}

/// Reads a `T` from the data of a message; `None` when it is not one.
pub fn read_message<T: FromFields>(data: &str) -> Option<T> {
    T::from_fields(&AnswerFields::read(data).ok()?)
}

impl FromFields for SessionResponse {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        Some(Self {
            user: fields.text("user")?,
            role: match fields.text("role")?.as_str() {
                "instructor" => Role::Instructor,
                "helper" => Role::Helper,
                "observer" => Role::Observer,
                "participant" => Role::Participant,
                _ => return None,
            },
            hub_url: fields.text("hub_url"),
            homes: fields.text("homes"),
            version: fields.text("version")?,
            xsrf: fields.text("xsrf"),
            history: fields.is("history"),
            builds: fields.is("builds"),
        })
    }
}

impl FromFields for NotebooksResponse {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        let notebooks = fields.list("notebooks");
        Some(Self {
            now_ms: fields.number("now_ms")?,
            notebooks: notebooks.iter().map(summary).collect::<Option<_>>()?,
        })
    }
}

fn summary(fields: &AnswerFields) -> Option<NotebookSummary> {
    Some(NotebookSummary {
        filename: fields.text("filename")?,
        participants: fields.count("participants"),
        saved_at_ms: fields.number("saved_at_ms")?,
        at_work: fields.count("at_work"),
    })
}

impl FromFields for PeopleResponse {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        let group = |fields: &AnswerFields| HubGroup {
            name: fields.text("name").unwrap_or_default(),
            members: fields.texts("members"),
        };
        Some(Self {
            staff: fields.texts("staff"),
            groups: fields.list("groups").iter().map(group).collect(),
        })
    }
}

impl FromFields for TileResponse {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        Some(Self {
            now_ms: fields.number("now_ms")?,
            tile: Tile::from_fields(&fields.object("tile"))?,
        })
    }
}

impl FromFields for Tile {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        Some(Self {
            user: fields.text("user")?,
            filename: fields.text("filename")?,
            saved_at_ms: fields.number("saved_at_ms")?,
            total_cells: fields.count("total_cells"),
            ends_in_error: fields.is("ends_in_error"),
            cells: cells::read(fields)?,
            problem: fields.text("problem"),
            save_problem: fields
                .text("save_problem")
                .map(|name| SaveProblem::of(&name)),
            home_problem: fields.text("home_problem"),
        })
    }
}

impl FromFields for SharingResponse {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        let followed = fields.object("followed");
        Some(Self {
            followed: followed
                .text("user")
                .zip(followed.text("filename"))
                .map(|(user, filename)| FollowedNotebook { user, filename }),
            summaries: fields.texts("summaries"),
        })
    }
}

impl FromFields for Event {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        Some(Self {
            id: fields.number("id")?,
            kind: fields.text("type")?,
            user: fields.text("user")?,
            filename: fields.text("filename")?,
            path: fields.text("path")?,
            timestamp: fields.text("timestamp")?,
        })
    }
}

impl FromFields for StreamHello {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        Some(Self {
            cursor: fields.number("cursor")?,
            now_ms: fields.number("now_ms")?,
        })
    }
}

impl FromFields for CopyAnnouncement {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        Some(Self {
            filename: fields.text("filename")?,
            user: fields.text("user")?,
        })
    }
}

impl FromFields for BuildAnnouncement {
    fn from_fields(fields: &AnswerFields) -> Option<Self> {
        Some(Self {
            filename: fields.text("filename")?,
            user: fields.text("user"),
        })
    }
}
