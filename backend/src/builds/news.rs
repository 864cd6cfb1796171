//! Telling open pages what is built anew.

use std::sync::Arc;

use shared::asides::{BUILT, Built};

use crate::{
    feed::{Asides, Audience},
    sharing::Sharing,
};

/// Who is told, and how.
pub(super) struct News {
    asides: Asides,
    sharing: Arc<Sharing>,
}

impl News {
    pub(super) fn new(asides: Asides, sharing: Arc<Sharing>) -> Self {
        Self { asides, sharing }
    }

    /// There is something new in a participant's files, or without one in the summary.
    pub(super) fn tell(&self, filename: &str, user: Option<&str>) {
        let audience = match user {
            Some(user) => Audience::MaySee(user.to_owned()),
            None => self.sharing.readers_of_summary(filename),
        };
        let built = Built {
            filename: filename.to_owned(),
            user: user.map(str::to_owned),
        };
        self.asides.say(audience, BUILT, &built);
    }
}
