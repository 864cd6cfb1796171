//! Who of those who have a copy is no participant, and which notebook is the handout.

use std::collections::{BTreeMap, BTreeSet};

use analytics::{
    handout::{Anchor, AnchoredHandout},
    snapshot::Snapshot,
};
use shared::{errands::HandoutAudience, insight::HandoutOrigin};

use super::{InsightError, sources::InsightSources};
use crate::{class::CopyId, copies::path_on_server};

/// First versions from which on a common handout is looked for.
const MIN_COMMON: usize = 3;

/// Bytes of the texts of a handout's cells that are kept, of each and of all.
const MAX_TEXT_BYTES: usize = 64 * 1024;
const MAX_TEXTS_BYTES: usize = 2 << 20;

/// A handout, and the texts of its newest version's cells.
pub(super) struct KnownHandout {
    cells: AnchoredHandout,
    texts: BTreeMap<Anchor, String>,
}

/// The first version of somebody's copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Birth {
    pub(super) user: String,
    pub(super) version: i64,
}

/// Where the handout is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum HandoutBasis {
    /// There is none yet.
    #[default]
    Unknown,
    /// These were handed out, the oldest first.
    HandedOut(Vec<i64>),
    /// This version of the instructor's own file.
    Instructor(i64),
    /// What these first versions have in common.
    Common(Vec<Birth>),
}

/// How a notebook's versions are read. With another plan they are read anew, from the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Whose copy shows where the class is.
    pub(super) instructor: Option<String>,
    /// Who has a copy and is no participant.
    pub(super) apart: BTreeSet<String>,
    pub(super) source: HandoutBasis,
}

impl Plan {
    /// The plan for the notebook `filename`, of which copies were born in this order.
    pub(super) fn of(
        filename: &str,
        births: &[Birth],
        staff: &BTreeSet<String>,
        sources: &InsightSources,
    ) -> Result<Self, InsightError> {
        let followed = sources.sharing.current().followed;
        let followed = followed.filter(|followed| followed.filename == filename);
        let instructor = births
            .iter()
            .find(|birth| followed.as_ref().is_some_and(|it| it.user == birth.user))
            .or_else(|| births.iter().find(|birth| staff.contains(&birth.user)));
        let is_apart = |birth: &&Birth| {
            staff.contains(&birth.user) || instructor.is_some_and(|it| it.user == birth.user)
        };
        let (apart, of_class): (Vec<&Birth>, Vec<&Birth>) = births.iter().partition(is_apart);
        Ok(Self {
            source: source(filename, instructor, &of_class, sources)?,
            instructor: instructor.map(|birth| birth.user.clone()),
            apart: apart.into_iter().map(|birth| birth.user.clone()).collect(),
        })
    }

    /// Where the handout is from, as it is told.
    pub(super) fn origin(&self) -> HandoutOrigin {
        match self.source {
            HandoutBasis::HandedOut(_) => HandoutOrigin::HandedOut,
            HandoutBasis::Instructor(_) => HandoutOrigin::Instructor,
            HandoutBasis::Common(_) | HandoutBasis::Unknown => HandoutOrigin::Common,
        }
    }

    /// Reads the handout; `None` when there is none, or it is no notebook.
    pub(super) fn handout(
        &self,
        filename: &str,
        sources: &InsightSources,
    ) -> Result<Option<KnownHandout>, InsightError> {
        match &self.source {
            HandoutBasis::Unknown => Ok(None),
            HandoutBasis::HandedOut(ids) => {
                let mut handout: Option<KnownHandout> = None;
                for id in ids {
                    let content = sources.errands.store().content(*id)?;
                    let Some(snapshot) = content.and_then(|it| sources.snapshot(it, "")) else {
                        continue;
                    };
                    let cells = match handout {
                        None => AnchoredHandout::of(&snapshot),
                        Some(before) => before.cells.revised(&snapshot),
                    };
                    handout = Some(KnownHandout::new(cells, &snapshot));
                }
                Ok(handout)
            }
            HandoutBasis::Instructor(version) => {
                let user = self.instructor.as_deref().unwrap_or_default();
                let snapshot = sources.version(filename, user, *version)?;
                Ok(snapshot.as_ref().map(KnownHandout::of))
            }
            HandoutBasis::Common(births) => {
                let mut firsts = Vec::new();
                for Birth { user, version } in births {
                    firsts.extend(sources.version(filename, user, *version)?);
                }
                let firsts: Vec<&Snapshot> = firsts.iter().collect();
                Ok(Snapshot::common(&firsts).as_ref().map(KnownHandout::of))
            }
        }
    }
}

impl KnownHandout {
    fn of(snapshot: &Snapshot) -> Self {
        Self::new(AnchoredHandout::of(snapshot), snapshot)
    }

    /// The handout whose newest version is this.
    fn new(cells: AnchoredHandout, newest: &Snapshot) -> Self {
        let current = cells.cells().iter().filter(|cell| cell.is_current);
        let mut left = MAX_TEXTS_BYTES;
        let texts = current.zip(newest.sources()).map_while(|(cell, source)| {
            let text = &source[..source.floor_char_boundary(MAX_TEXT_BYTES)];
            left = left.checked_sub(text.len())?;
            Some((cell.anchor, text.to_owned()))
        });
        let texts = texts.collect();
        Self { cells, texts }
    }

    /// The cells, and their texts.
    pub(super) fn parts(self) -> (AnchoredHandout, BTreeMap<Anchor, String>) {
        (self.cells, self.texts)
    }
}

fn source(
    filename: &str,
    instructor: Option<&Birth>,
    of_class: &[&Birth],
    sources: &InsightSources,
) -> Result<HandoutBasis, InsightError> {
    let handed_out = handed_out(filename, sources)?;
    if !handed_out.is_empty() {
        return Ok(HandoutBasis::HandedOut(handed_out));
    }
    let Some(first) = of_class.first() else {
        return Ok(HandoutBasis::Unknown);
    };
    if let Some(birth) = instructor {
        // As it was when the first participant got it: what the instructor writes into it later is
        // what they show, and solutions are no handout.
        let key = CopyId {
            filename: filename.to_owned(),
            user: birth.user.clone(),
        };
        let before = sources.history.versions(&key, Some(first.version), 1)?;
        let version = before.first().map_or(birth.version, |it| it.id);
        return Ok(HandoutBasis::Instructor(version));
    }
    let common = common_of(of_class.len());
    let births = of_class[..common].iter().copied().cloned().collect();
    Ok(match common {
        0 => HandoutBasis::Unknown,
        _ => HandoutBasis::Common(births),
    })
}

/// The handouts under this name that stand and are for more than one person, the oldest first.
fn handed_out(filename: &str, sources: &InsightSources) -> Result<Vec<i64>, InsightError> {
    let name = path_on_server(filename);
    let handouts = sources.errands.store().handouts()?.into_iter();
    let mut ids: Vec<i64> = handouts
        .filter(|handout| handout.retracted_at_ms.is_none() && handout.draft.filename == name)
        .filter(|handout| !matches!(handout.draft.to, HandoutAudience::User(_)))
        .map(|handout| handout.id)
        .collect();
    ids.sort_unstable();
    Ok(ids)
}

/// How many of so many first versions a common handout is made of: it is made anew when there are
/// twice as many, and not with each that comes.
fn common_of(births: usize) -> usize {
    let doublings = std::iter::successors(Some(MIN_COMMON), |count| count.checked_mul(2));
    doublings
        .take_while(|count| *count <= births)
        .last()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_handout_is_made_again_when_the_class_has_doubled() {
        let made = [0, 2, 3, 5, 6, 11, 12, 300].map(common_of);
        assert_eq!(made, [0, 0, 3, 3, 6, 6, 12, 192]);
    }
}
