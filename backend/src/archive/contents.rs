//! What there is of a class: the files of the data folder, and each participant's notebooks, pushed
//! or in their homes, as the service sees them. Nothing is read yet, and nothing is changed.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::manifest::{LeftOut, below};
use crate::{
    copies::kept,
    homes::{FoundNotebook, HomeError, Homes, scan},
    store,
};

/// The room that the stylesheet takes, packed, in each page and document.
const STYLE_BYTES: u64 = 4 << 10;

/// Where a class is.
pub(crate) struct ClassSources<'a> {
    /// The service's data folder.
    pub(crate) data: &'a Path,
    /// The names of the databases in it.
    pub(crate) databases: &'a [&'a str],
    /// The names of other files in it that belong to the class.
    pub(crate) settings: &'a [&'a str],
    /// The database of events, which knows the participants.
    pub(crate) events: &'a str,
    /// The folder of the notebooks that were pushed; none when pushes are not taken.
    pub(crate) pushed: Option<PathBuf>,
    /// Where homes are; none when they are not read.
    pub(crate) homes: Option<&'a Homes>,
    /// So many bytes of one participant's notebooks are taken, those that were saved last.
    pub(crate) per_person: u64,
    /// The names in the class's list, when they are known.
    pub(crate) users: Option<Vec<String>>,
    /// The hostname of the server, when it is known.
    pub(crate) host: Option<&'a str>,
}

/// What was found of it.
#[derive(Default)]
pub(crate) struct FoundClass {
    /// The databases that are there, with their sizes.
    pub(crate) databases: Vec<(String, u64)>,
    /// The other files of the data folder that are there.
    pub(crate) settings: Vec<String>,
    /// Everyone's notebooks, by filename.
    pub(crate) people: BTreeMap<String, Vec<FoundCopy>>,
    /// What is left out of it.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A notebook that was found.
pub(crate) struct FoundCopy {
    pub(crate) filename: String,
    pub(crate) size: u64,
    saved_ms: i64,
    /// The file it was pushed to; none when it is in a home.
    pub(crate) pushed: Option<PathBuf>,
}

impl ClassSources<'_> {
    /// Looks for everything there is.
    ///
    /// # Errors
    /// When homes or the folder of pushed notebooks cannot be listed. A participant's own that
    /// cannot be read is left out, with the reason.
    pub(crate) fn find(&self) -> anyhow::Result<FoundClass> {
        let mut class = FoundClass::default();
        for name in self.databases {
            if let Ok(file) = fs::metadata(self.data.join(name)) {
                // What is committed may be in the log still.
                let log = fs::metadata(self.data.join(format!("{name}-wal")));
                let size = file.len() + log.map_or(0, |log| log.len());
                class.databases.push(((*name).to_owned(), size));
            }
        }
        let settings = self.settings.iter();
        let settings = settings.filter(|name| self.data.join(name).is_file());
        class.settings = settings.map(|name| (*name).to_owned()).collect();
        self.find_pushed(&mut class)?;
        self.find_in_homes(&mut class)?;
        for (user, copies) in &mut class.people {
            let gone = within(self.per_person, copies);
            class.left_out.extend(gone.into_iter().map(|copy| LeftOut {
                user: user.clone(),
                filename: copy.filename,
                reason: format!(
                    "this participant's notebooks have more than {} MiB: those that were saved \
                     longest ago are left out",
                    self.per_person >> 20
                ),
            }));
        }
        Ok(class)
    }

    fn find_pushed(&self, class: &mut FoundClass) -> anyhow::Result<()> {
        let Some(folder) = &self.pushed else {
            return Ok(());
        };
        let files = kept::list(folder)
            .with_context(|| format!("cannot list the pushed notebooks in {}", folder.display()))?;
        for path in files {
            match kept::look(&path) {
                Ok((copy, record)) => {
                    let found = FoundCopy {
                        filename: copy.filename,
                        size: record.size,
                        saved_ms: record.saved_at_ms,
                        pushed: Some(path),
                    };
                    class.add(copy.user, found);
                }
                // It was deleted since its folder was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => class.left_out.push(LeftOut {
                    user: String::new(),
                    filename: path.display().to_string(),
                    reason: format!("the pushed notebook cannot be read: {error}"),
                }),
            }
        }
        Ok(())
    }

    fn find_in_homes(&self, class: &mut FoundClass) -> anyhow::Result<()> {
        let Some(homes) = self.homes else {
            return Ok(());
        };
        let listed = homes.list().map_err(anyhow::Error::msg);
        listed.with_context(|| format!("cannot find the homes; see {}", homes.flag()))?;
        // Some homes are asked for by name only.
        let events = self.data.join(self.events);
        // Of a damaged file the archive says so when its turn comes.
        let named = store::users(&events).unwrap_or_default();
        for user in named.iter().chain(self.users.iter().flatten()) {
            homes.learn(user);
        }
        // Where a server pushes, the home is not looked at.
        let pushed: Vec<String> = class.people.keys().cloned().collect();
        let is_pushed = |user: &String| pushed.binary_search(user).is_ok();
        for user in homes.users().into_iter().filter(|user| !is_pushed(user)) {
            // A scan passes over what it may not read, and an archive must not without a word.
            let home = homes.home_of(&user).map(|home| home.open());
            if let Some(Err(HomeError::Io(error))) = home.map(|home| home?.check_readable()) {
                class.left_out.push(LeftOut {
                    user,
                    filename: String::new(),
                    reason: format!(
                        "the home cannot be read ({error}): run it with the rights that the \
                         service has, as root if need be"
                    ),
                });
            }
        }
        for (user, scan) in scan(homes).into_iter().filter(|(user, _)| !is_pushed(user)) {
            class.left_out.extend(scan.gap.map(|gap| LeftOut {
                user: user.clone(),
                filename: String::new(),
                reason: gap.to_string(),
            }));
            for FoundNotebook {
                filename,
                fingerprint,
                ..
            } in scan.found
            {
                let found = FoundCopy {
                    filename,
                    size: fingerprint.size(),
                    saved_ms: fingerprint.modified_ms(),
                    pushed: None,
                };
                class.add(user.clone(), found);
            }
        }
        Ok(())
    }
}

impl FoundClass {
    fn add(&mut self, user: String, found: FoundCopy) {
        // Where a pushed one is does not depend on its name.
        if let (None, Err(error)) = (&found.pushed, below(&found.filename)) {
            self.left_out.push(LeftOut {
                user,
                filename: found.filename,
                reason: format!("{error:#}"),
            });
            return;
        }
        self.people.entry(user).or_default().push(found);
    }

    /// The number of notebooks.
    pub(crate) fn notebooks(&self) -> usize {
        self.people.values().map(Vec::len).sum()
    }

    /// The bytes of everything that is read.
    pub(crate) fn bytes(&self) -> u64 {
        let notebooks = self.people.values().flatten().map(|copy| copy.size);
        notebooks.chain(self.databases.iter().map(|it| it.1)).sum()
    }

    /// The most room on the disk that writing takes, as far as that can be known: each database is
    /// copied before it is packed, and a notebook and its document, packed, are seldom larger than
    /// the notebook and the stylesheet.
    pub(crate) fn room(&self) -> u64 {
        let largest = self.databases.iter().map(|(_, size)| *size).max();
        let styles = STYLE_BYTES * (self.notebooks() + self.people.len()) as u64;
        self.bytes() + largest.unwrap_or(0) + styles
    }
}

/// Sorts copies by their names, and takes out those that were saved longest ago, beyond so many
/// bytes.
fn within(bytes: u64, copies: &mut Vec<FoundCopy>) -> Vec<FoundCopy> {
    copies.sort_by_key(|copy| Reverse(copy.saved_ms));
    let mut sum = 0;
    let kept = copies.iter().take_while(|copy| {
        sum += copy.size;
        sum <= bytes
    });
    let gone = copies.split_off(kept.count());
    copies.sort_by(|one, other| one.filename.cmp(&other.filename));
    gone
}
