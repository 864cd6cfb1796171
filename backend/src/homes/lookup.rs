//! Where each user's home is: by the template's name, or asked of the machine, of a program or of
//! a table. Everything else in the service asks [`Homes`].
//!
//! A template finds a home without being told of its user, and its users by listing a folder.
//! Accounts and programs are asked for one user at a time, and a name that was cut tells no
//! user: so such a home is known from when its user is, by an event or a visit
//! ([`Homes::learn`]). Asking takes time, so it is done where a disk may be read, in the user's
//! lane; [`Homes::home_of`] answers from memory.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{RwLock, RwLockWriteGuard};

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
/// Accounts with lower numbers are the system's, and their homes no participants'.
const MIN_USER_ID: u32 = 1_000;
/// `getent` ends with this when there is no such account.
const NO_SUCH_ACCOUNT: i32 = 2;

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

/// The output of `getent`; `None` when there is no such account.
fn accounts(
    getent: &OsString,
    arguments: &[&str],
    max_bytes: usize,
) -> Result<Option<String>, String> {
    let said = output_of(getent, arguments, LOOKUP_TIMEOUT, max_bytes);
    let ProgramOutput { code, text } = said.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "getent is not there: install it (Debian: libc-bin), or use table: or command:"
                .to_owned()
        }
        _ => format!("getent cannot be asked for accounts: {error}"),
    })?;
    match code {
        Some(0) => Ok(Some(text)),
        Some(NO_SUCH_ACCOUNT) => Ok(None),
        _ => Err(format!(
            "getent {} failed; try it as the service's user",
            arguments.join(" ")
        )),
    }
}

/// A line of the database of accounts.
struct Account<'a> {
    name: &'a str,
    id: u32,
    home: &'a str,
}

impl<'a> Account<'a> {
    fn of_line(line: &'a str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, _, _, home, _] = fields[..] else {
            return None;
        };
        let id = id.parse().ok()?;
        Some(Self { name, id, home })
    }

    fn home(&self) -> Result<Home, String> {
        let Self { name, id, home } = self;
        if *id < MIN_USER_ID {
            return Err(format!(
                "the account {name} is the system's (its number {id} is below {MIN_USER_ID})"
            ));
        }
        match Home::of_path(home.as_ref()) {
            Ok(home) => Ok(home.owned_by(*id)),
            Err(why) => Err(format!("the home of the account {name}, {home:?}, {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::geteuid;
    use tempfile::TempDir;

    use super::*;
    use crate::homes::scan;

    const MARIA: &str = "maria.gonzalez-perez@students.example.edu";

    fn lookup(text: &str) -> Homes {
        text.parse::<HomesLookup>().unwrap().into()
    }

    /// Writes a program in another process, because children of this one's other threads would
    /// have a file open that this one has open for writing.
    fn program(folder: &TempDir, name: &str, script: &str) -> PathBuf {
        let path = folder.path().join(name);
        let write = "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let mut sh = Command::new("sh");
        let sh = sh.args(["-c", write, "sh", script]).arg(&path);
        assert!(sh.status().unwrap().success());
        path
    }

    fn home(folder: &TempDir, name: &str) -> PathBuf {
        let home = folder.path().join(name);
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("a.ipynb"), "").unwrap();
        home
    }

    fn found(homes: &Homes) -> Vec<String> {
        let scans = scan(homes).into_iter();
        scans
            .flat_map(|(_, scan)| scan.found)
            .map(|found| format!("{}:{}", found.user, found.filename))
            .collect()
    }

    #[test]
    fn a_setting_is_read_and_a_wrong_one_names_the_remedy() {
        for text in [
            "getpwnam:jupyter-{user}",
            "getpwnam:{tljh}",
            "command:/opt/home-of",
            "table:/etc/homes",
        ] {
            assert_eq!(text.parse::<HomesLookup>().unwrap().to_string(), text);
        }
        for (text, words) in [
            ("getpwnam:ana", "{user}"),
            ("getpwnam:{user}{user}", "one of"),
            ("getpwnam:/home/{user}", "account's name"),
            ("command:home-of", "absolute"),
            ("command", "absolute"),
            ("table:", "absolute"),
            ("/home/{user}", "must begin with getpwnam:"),
        ] {
            let refused = text.parse::<HomesLookup>().unwrap_err();
            assert!(refused.contains(words), "{text}: {refused}");
        }
    }

    #[test]
    fn a_table_names_homes_in_both_directions() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("table");
        let long = "n".repeat(70);
        let mut text = String::new();
        for (user, name) in [
            ("Zoë", "z"),
            ("a_b", "vol-1/_data"),
            (MARIA, "m"),
            (&long, "n"),
        ] {
            let home = home(&folder, name);
            text += &format!("{user} {}\n", home.display());
        }
        fs::write(&table, &text).unwrap();
        let homes = lookup(&format!("table:{}", table.display()));
        homes.list().unwrap();
        let all = ["Zoë", "a_b", MARIA, &long];
        assert_eq!(homes.users(), ["Zoë", "a_b", MARIA, &long]);
        assert_eq!(found(&homes), all.map(|user| format!("{user}:a.ipynb")));
        for user in all {
            let shown = homes.home_of(user).unwrap().shown("m1/b.ipynb");
            let split = homes.split(shown.as_ref()).unwrap();
            assert_eq!(split, (user.to_owned(), "m1/b.ipynb".to_owned()));
        }
        assert_eq!(homes.split("/etc/passwd".as_ref()), None);
        // A new line is a new home.
        let bo = home(&folder, "bo");
        text += &format!("bo {}\nbo again\n", bo.display());
        fs::write(&table, &text).unwrap();
        assert_eq!(homes.users().len(), 5);
        assert_eq!(homes.problems().len(), 1, "{:?}", homes.problems());
        let missing = lookup("table:/no/such/table").list().unwrap_err();
        assert!(
            missing.contains("/no/such/table cannot be read"),
            "{missing}"
        );
    }

    #[test]
    fn an_account_names_its_home() {
        let folder = tempfile::tempdir().unwrap();
        let id = geteuid().as_raw();
        // The owner in a database of accounts, where the number of an account is not root's.
        let own = if id >= MIN_USER_ID { id } else { 1_234 };
        let lines = [
            format!(
                "jupyter-ana:x:{own}:100::{}:/bin/sh",
                folder.path().join("a").display()
            ),
            format!(
                "jupyter-maria.gonzalez-per-6d9ea:x:{own}:100::{}:/bin/sh",
                folder.path().join("m").display()
            ),
            "jupyter-system:x:33:33::/var/www:/bin/sh".to_owned(),
            "jupyter-relative:x:2000:33::www:/bin/sh".to_owned(),
            format!(
                "jupyter-other:x:{own}:100::{}:/bin/sh",
                folder.path().join("a").display()
            ),
        ];
        for name in ["a", "m"] {
            let home = home(&folder, name);
            if own != id {
                std::os::unix::fs::chown(home.join("a.ipynb"), Some(own), None).unwrap();
                std::os::unix::fs::chown(home, Some(own), None).unwrap();
            }
        }
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = passwd ] || exit 1\n\
             [ $# = 1 ] && {{ cat <<'END'\n{lines}\nEND\nexit 0; }}\n\
             [ \"$2\" = jupyter-slow ] && exec sleep 1000\n\
             [ \"$2\" = jupyter-1000 ] && set - passwd jupyter-ana\n\
             grep \"^$2:\" <<'END' || exit 2\n{lines}\nEND\n",
            lines = lines.join("\n")
        );
        let getent = program(&folder, "getent", &script);
        let with = |pattern: &str| -> Homes {
            let account = AccountPattern(NamePattern::of(pattern).unwrap());
            let getent = getent.clone().into();
            HomesLookup::Accounts { account, getent }.into()
        };
        let homes = with("{tljh}");
        assert_eq!(homes.home_of("ana"), None);
        for user in [
            "ana", MARIA, "system", "relative", "other", "nobody", "1000",
        ] {
            homes.learn(user);
        }
        assert_eq!(found(&homes), ["ana:a.ipynb", &format!("{MARIA}:a.ipynb")]);
        let shown = homes.home_of(MARIA).unwrap().shown("b.ipynb");
        let below = homes.below_home_of(MARIA, shown.as_ref());
        assert_eq!(below.as_deref(), Some("b.ipynb"));
        assert_eq!(homes.below_home_of("ana", shown.as_ref()), None);
        assert_eq!(
            homes.split(shown.as_ref()),
            Some((MARIA.to_owned(), "b.ipynb".to_owned()))
        );
        let problems = homes.problems().join("\n");
        for words in ["system's", "not absolute", "is the home of ana already"] {
            assert!(problems.contains(words), "{problems}");
        }
        // Names that were not cut tell their users.
        let listed = with("jupyter-{user}");
        listed.list().unwrap();
        assert_eq!(listed.home_of("ana"), homes.home_of("ana"));
        assert_eq!(listed.home_of("system"), None);
        // The folder that is there now is another account's.
        if own != id {
            std::os::unix::fs::chown(folder.path().join("a"), Some(own + 1), None).unwrap();
            let refused = homes.refused();
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert!(refused[0].1.to_string().contains("account"), "{refused:?}");
        }
        let gone: Homes = HomesLookup::Accounts {
            account: AccountPattern(NamePattern::of("{user}").unwrap()),
            getent: "/no/such/getent".into(),
        }
        .into();
        assert!(gone.list().unwrap_err().contains("install it"));
    }

    #[test]
    fn a_program_prints_a_home_and_is_asked_seldom() {
        let folder = tempfile::tempdir().unwrap();
        let ana = home(&folder, "matt-2dns");
        let script = format!(
            "#!/bin/sh\necho \"$1\" >> {asked}\ncase \"$1\" in\n\
             matt-ns) echo {ana};;\n relative) echo homes/x;;\n fails) exit 3;;\n\
             up) echo {base}/../x;;\n two) printf '/a\\n/b\\n';;\nesac\n",
            asked = folder.path().join("asked").display(),
            ana = ana.display(),
            base = folder.path().display()
        );
        let script = program(&folder, "home-of", &script);
        let homes = lookup(&format!("command:{}", script.display()));
        homes.list().unwrap();
        for _ in 0..3 {
            for user in [
                "matt-ns",
                "relative",
                "fails",
                "up",
                "two",
                "none",
                "a b; $(x)",
            ] {
                homes.learn(user);
            }
        }
        assert_eq!(found(&homes), ["matt-ns:a.ipynb"]);
        let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
        let expected = "matt-ns\nrelative\nfails\nup\ntwo\nnone\na b; $(x)\n";
        assert_eq!(asked, expected);
        let problems = homes.problems();
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].contains("ended with 3"), "{problems:?}");
        let missing = lookup("command:/no/such/program").list().unwrap_err();
        assert!(missing.contains("not there"), "{missing}");
    }

    /// A cut name tells its user only once that user is known.
    #[test]
    fn a_template_finds_a_folder_whose_name_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        for (pattern, name, user) in [
            ("{tljh}", "jupyter-maria.gonzalez-per-6d9ea", MARIA),
            ("x/{slug}/work", "x/zo---c6a12698/work", "Zoë"),
        ] {
            home(&folder, name);
            let template = format!("{}/{pattern}", folder.path().display());
            let homes: Homes = template.parse::<HomesTemplate>().unwrap().into();
            assert_eq!(homes.users(), [""; 0]);
            assert!(homes.is_unlearnt(user) && !homes.is_unlearnt("ana"));
            for user in [
                user,
                "not-there-whose-name-is-long-enough-to-be-cut-somewhere-or-other",
            ] {
                homes.learn(user);
            }
            assert_eq!(found(&homes), [format!("{user}:a.ipynb")]);
            let shown = homes.home_of(user).unwrap().shown("b.ipynb");
            let split = homes.split(shown.as_ref());
            assert_eq!(split, Some((user.to_owned(), "b.ipynb".to_owned())));
        }
        home(&folder, "v/a-2db");
        let template = format!("{}/v/{{escaped}}", folder.path().display());
        let homes: Homes = template.parse::<HomesTemplate>().unwrap().into();
        assert_eq!(found(&homes), ["a-b:a.ipynb"]);
    }
}
