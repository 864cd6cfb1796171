//! Where each user's home is: by the template's name, or asked of the machine, of a program or of
//! a table. Everything else in the service asks [`Homes`].
//!
//! A template finds a home without being told of its user, and its users by listing a folder.
//! Accounts and programs are asked for one user at a time, and a name that was cut tells no
//! user: so such a home is known from when its user is, by an event or a visit
//! ([`Homes::learn`]). Asking takes time, so it is done where a disk may be read, in the user's
//! lane; [`Homes::home_of`] answers from memory.

mod accounts;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{RwLock, RwLockWriteGuard};

use self::accounts::{Account, accounts};
use super::{
    Home, HomeError, HomesTemplate, OpenHome,
    names::{NamePattern, is_plain_name},
    program::{ProgramOutput, output_of},
    table::HomesTable,
};
use crate::telemetry::loggable;

/// A home that was looked up is looked up again after so long.
const HOME_FRESH: Duration = Duration::from_secs(300);
/// A user without a home is looked up again after so long.
const NO_HOME_FRESH: Duration = Duration::from_secs(30);
/// So long may one lookup take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest number of users whose homes are looked up; the homes of others are not known.
const MAX_KNOWN_USERS: usize = 10_000;
/// The longest answer to one lookup: a path, or an account's line.
const MAX_ANSWER_BYTES: usize = 16 << 10;
/// The longest list of all accounts.
const MAX_ACCOUNTS_BYTES: usize = 8 << 20;

/// How homes are found that no template names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HomesLookup {
    /// The account of this name, in the system's database of accounts.
    Accounts {
        /// The account's name.
        account: AccountPattern,
        /// The program that looks into the database.
        getent: OsString,
    },
    /// A program, which is given the user's name and prints the path.
    Program(PathBuf),
    /// A file with a user and a path in each line.
    Table(PathBuf),
}

/// The name of an account, made of a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPattern(NamePattern);

impl FromStr for HomesLookup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let absolute = || match Path::new(rest).is_absolute() {
            true => Ok(PathBuf::from(rest)),
            false => Err(format!(
                "{kind}: needs an absolute path, as in {kind}:/etc/homes"
            )),
        };
        match kind {
            "getpwnam" => {
                let pattern = NamePattern::of(rest).filter(|_| {
                    NamePattern::placeholders_in(rest) == 1 && !rest.contains(['/', ':'])
                });
                let account = pattern.map(AccountPattern).ok_or(
                    "getpwnam: needs the account's name with one of {user}, {tljh}, {escaped} \
                     and {slug}, as in getpwnam:{user}",
                )?;
                let getent = "getent".into();
                Ok(Self::Accounts { account, getent })
            }
            "command" => absolute().map(Self::Program),
            "table" => absolute().map(Self::Table),
            _ => Err(
                "it must begin with getpwnam:, command: or table:, as in getpwnam:{user}, \
                 command:/opt/home-of or table:/etc/homes"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for HomesLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accounts { account, .. } => write!(f, "getpwnam:{}", account.0),
            Self::Program(program) => write!(f, "command:{}", program.display()),
            Self::Table(path) => write!(f, "table:{}", path.display()),
        }
    }
}

/// All participants' homes. A clone is the same.
#[derive(Clone)]
pub struct Homes(Arc<HomesState>);

struct HomesState {
    source: HomeSource,
    /// The users whose homes were looked up, or whose name a template cuts.
    users: RwLock<BTreeMap<String, UserHome>>,
    /// The table as it was read last.
    table: RwLock<HomesTable>,
}

enum HomeSource {
    Template(HomesTemplate),
    Lookup(HomesLookup),
}

/// The result of the last lookup.
struct UserHome {
    home: Option<Home>,
    /// Why the last lookup failed.
    problem: Option<String>,
    at: Instant,
}

impl From<HomesTemplate> for Homes {
    fn from(template: HomesTemplate) -> Self {
        Self::of(HomeSource::Template(template))
    }
}

impl From<HomesLookup> for Homes {
    fn from(lookup: HomesLookup) -> Self {
        Self::of(HomeSource::Lookup(lookup))
    }
}

impl fmt::Display for Homes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.source {
            HomeSource::Template(template) => template.fmt(f),
            HomeSource::Lookup(lookup) => lookup.fmt(f),
        }
    }
}

impl Homes {
    /// The flag that says where they are.
    #[must_use]
    pub fn flag(&self) -> &'static str {
        match self.0.source {
            HomeSource::Template(_) => "--homes",
            HomeSource::Lookup(_) => "--homes-from",
        }
    }

    fn of(source: HomeSource) -> Self {
        Self(Arc::new(HomesState {
            source,
            users: RwLock::default(),
            table: RwLock::default(),
        }))
    }

    /// The home of `user`, as far as it is known; `None` for a name that cannot have one.
    #[must_use]
    pub fn home_of(&self, user: &str) -> Option<Home> {
        match &self.0.source {
            HomeSource::Template(template) => template.home_of(user),
            HomeSource::Lookup(HomesLookup::Table(_)) => {
                self.0.table.read().homes.get(user).cloned()
            }
            HomeSource::Lookup(_) => self.0.users.read().get(user)?.home.clone(),
        }
    }

    /// Whether [`Self::learn`] would find out something about `user`.
    #[must_use]
    pub fn is_unlearnt(&self, user: &str) -> bool {
        let users = self.0.users.read();
        let known = users.get(user);
        match &self.0.source {
            HomeSource::Template(template) => known.is_none() && template.cuts_name_of(user),
            HomeSource::Lookup(HomesLookup::Table(_)) => false,
            HomeSource::Lookup(_) => known.is_none_or(|known| {
                let fresh = known.home.as_ref().map_or(NO_HOME_FRESH, |_| HOME_FRESH);
                known.at.elapsed() >= fresh
            }),
        }
    }

    /// Looks up the home of `user`, unless it was a short time ago. May take seconds.
    pub fn learn(&self, user: &str) {
        if !self.is_unlearnt(user) || !is_plain_name(user) {
            return;
        }
        let found = match &self.0.source {
            HomeSource::Template(template) => Ok(template.home_of(user)),
            HomeSource::Lookup(lookup) => lookup.look_up(user),
        };
        self.remember(user, found);
    }

    fn remember(&self, user: &str, found: Result<Option<Home>, String>) {
        let mut users = self.0.users.write();
        if users.len() >= MAX_KNOWN_USERS && !users.contains_key(user) {
            return;
        }
        let found = found.and_then(|home| match home {
            Some(home) => not_anothers(&users, user, &home).map(|()| Some(home)),
            None => Ok(None),
        });
        let before = users.remove(user);
        let (home, problem) = match found {
            Ok(home) => (home, None),
            // The home that was found before is as good as it was.
            Err(problem) => (
                before.as_ref().and_then(|before| before.home.clone()),
                Some(problem),
            ),
        };
        let told = before.and_then(|before| before.problem);
        if let Some(problem) = problem
            .as_ref()
            .filter(|problem| told.as_ref() != Some(problem))
        {
            let (user, problem) = (loggable(user), loggable(problem));
            tracing::warn!(%user, "the home is not found: {problem}");
        }
        let known = UserHome {
            home,
            problem,
            at: Instant::now(),
        };
        users.insert(user.to_owned(), known);
    }

    /// Finds the users whose homes can be listed without being told of them: reads the table, or
    /// lists the accounts.
    ///
    /// # Errors
    /// When they cannot be, in words with the remedy.
    pub fn list(&self) -> Result<(), String> {
        match &self.0.source {
            HomeSource::Lookup(HomesLookup::Table(path)) => self.read_table(path),
            HomeSource::Lookup(lookup @ HomesLookup::Accounts { .. }) => {
                for (user, home) in lookup.all_accounts()? {
                    self.remember(&user, Ok(Some(home)));
                }
                Ok(())
            }
            HomeSource::Lookup(HomesLookup::Program(program)) => check_program(program),
            HomeSource::Template(_) => Ok(()),
        }
    }

    fn read_table(&self, path: &Path) -> Result<(), String> {
        let known = self.0.table.read().version;
        let read = HomesTable::read(path, known).map_err(|error| {
            format!(
                "the table of homes {} cannot be read: {error}; it must be a file that the \
                 service's user may read, with a user and an absolute path in each line",
                path.display()
            )
        })?;
        if let Some(table) = read {
            for problem in &table.problems {
                let problem = loggable(problem);
                tracing::warn!(path = %path.display(), "in the table of homes: {problem}");
            }
            *self.0.table.write() = table;
        }
        Ok(())
    }

    /// The lookups that failed and the bad lines of the table, in words for the administrator.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let users = self.0.users.read();
        let of_users = users.iter().filter_map(|(user, known)| {
            let problem = known.problem.as_ref()?;
            Some(format!("{user}: {problem}"))
        });
        let table = self.0.table.read();
        table.problems.iter().cloned().chain(of_users).collect()
    }

    /// The folder that holds all users' folders, where one template names them.
    pub(super) fn base(&self) -> Option<&Path> {
        self.template().map(HomesTemplate::base)
    }

    /// The template, where homes have one.
    #[must_use]
    pub fn template(&self) -> Option<&HomesTemplate> {
        match &self.0.source {
            HomeSource::Template(template) => Some(template),
            HomeSource::Lookup(_) => None,
        }
    }

    /// The users for whom there is an entry with the name of their folder, or who were looked up
    /// and have a home; sorted.
    pub(super) fn candidates(&self) -> Vec<String> {
        let mut users = match &self.0.source {
            HomeSource::Template(template) => template.candidates(),
            HomeSource::Lookup(HomesLookup::Table(path)) => {
                if let Err(problem) = self.read_table(path) {
                    tracing::debug!("{problem}");
                }
                self.0.table.read().homes.keys().cloned().collect()
            }
            HomeSource::Lookup(_) => Vec::new(),
        };
        let looked_up = self.looked_up();
        users.extend(looked_up.into_iter().map(|(user, _)| user));
        users.sort();
        users.dedup();
        users
    }

    /// The users who were looked up and have a home. With a template, the folder is there.
    fn looked_up(&self) -> Vec<(String, Home)> {
        let users = self.0.users.read();
        let known = users.iter().filter_map(|(user, known)| {
            let home = known.home.clone()?;
            Some((user.clone(), home))
        });
        let known: Vec<_> = known.collect();
        drop(users);
        let is_there = |(_, home): &(String, Home)| self.base().is_none() || home.has_folder();
        known.into_iter().filter(is_there).collect()
    }

    /// The users who have a home now, sorted.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        self.open_homes().map(|(user, _)| user).collect()
    }

    /// The users whose home is refused, because it is a link or not theirs, each with the reason.
    #[must_use]
    pub fn refused(&self) -> Vec<(String, HomeError)> {
        let opened = self.candidates().into_iter().filter_map(|user| {
            let error = self.home_of(&user)?.open().err()?;
            (!matches!(error, HomeError::Missing)).then_some((user, error))
        });
        opened.collect()
    }

    /// Each user and their home, sorted by user, one open at a time.
    pub(super) fn open_homes(&self) -> impl Iterator<Item = (String, OpenHome)> {
        self.candidates().into_iter().filter_map(|user| {
            let home = self.home_of(&user)?.open().ok()?;
            Some((user, home))
        })
    }

    /// The path below the home of `user`, when `path` is in it.
    #[must_use]
    pub fn below_home_of(&self, user: &str, path: &Path) -> Option<String> {
        self.home_of(user)?.below(path)
    }

    /// The user and the path below their home, when `path` is in a known one.
    #[must_use]
    pub fn split(&self, path: &Path) -> Option<(String, String)> {
        let by_template = self.template().and_then(|template| template.split(path));
        by_template.or_else(|| {
            let users = self.0.users.read();
            let table = self.0.table.read();
            let known = users
                .iter()
                .filter_map(|(user, known)| Some((user, known.home.as_ref()?)));
            let in_homes = known.chain(&table.homes).filter_map(|(user, home)| {
                let below = home.below(path)?;
                Some((user.clone(), below))
            });
            // Of homes in homes the inner one.
            in_homes.min_by_key(|(_, below)| below.len())
        })
    }
}

/// Checks that no other user's home is this one, because notebooks would be shown as theirs.
fn not_anothers(
    users: &RwLockWriteGuard<'_, BTreeMap<String, UserHome>>,
    user: &str,
    home: &Home,
) -> Result<(), String> {
    let mut others = users.iter().filter(|(other, _)| *other != user);
    let other = others.find(|(_, known)| known.home.as_ref() == Some(home));
    other.map_or(Ok(()), |(other, _)| {
        Err(format!("{home} is the home of {other} already"))
    })
}

fn check_program(program: &Path) -> Result<(), String> {
    let metadata = fs::metadata(program)
        .map_err(|error| format!("the program {} is not there: {error}", program.display()))?;
    match metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
        true => Ok(()),
        false => Err(format!(
            "{} is no program: make it executable with chmod +x",
            program.display()
        )),
    }
}

impl HomesLookup {
    /// The home of `user`; `None` when there is none.
    fn look_up(&self, user: &str) -> Result<Option<Home>, String> {
        match self {
            Self::Accounts { account, getent } => {
                let Some(name) = account.0.name_of(user) else {
                    return Ok(None);
                };
                // A number would be looked up as one.
                if name.starts_with('-') || name.contains(':') {
                    return Ok(None);
                }
                let arguments = ["passwd", &name];
                let Some(text) = accounts(getent, &arguments, MAX_ANSWER_BYTES)? else {
                    return Ok(None);
                };
                let mut found = text.lines().filter_map(Account::of_line);
                let Some(found) = found.find(|account| account.name == name) else {
                    return Ok(None);
                };
                found.home().map(Some)
            }
            Self::Program(program) => {
                let shown = program.display();
                let said = output_of(program.as_ref(), &[user], LOOKUP_TIMEOUT, MAX_ANSWER_BYTES);
                let ProgramOutput { code, text } =
                    said.map_err(|error| format!("{shown} cannot be asked: {error}"))?;
                let path = text.strip_suffix('\n').unwrap_or(&text);
                match (code, path) {
                    (Some(0), "") => Ok(None),
                    (Some(0), path) => match Home::of_path(path.as_ref()) {
                        Ok(home) => Ok(Some(home)),
                        Err(why) => Err(format!("{shown} printed {path:?}, which {why}")),
                    },
                    (Some(code), _) => Err(format!(
                        "{shown} ended with {code}: it is to print a path, or nothing, and end \
                         with 0"
                    )),
                    (None, _) => Err(format!("{shown} was ended by a signal")),
                }
            }
            Self::Table(_) => Ok(None),
        }
    }

    /// The users whose accounts tell them, and their homes.
    fn all_accounts(&self) -> Result<Vec<(String, Home)>, String> {
        let Self::Accounts { account, getent } = self else {
            return Ok(Vec::new());
        };
        let text = accounts(getent, &["passwd"], MAX_ACCOUNTS_BYTES)?.unwrap_or_default();
        let found = text.lines().filter_map(Account::of_line);
        let homes = found.filter_map(|found| {
            let user = account.0.user_of(found.name)?;
            Some((user, found.home().ok()?))
        });
        Ok(homes.collect())
    }
}

#[cfg(test)]
mod tests;
