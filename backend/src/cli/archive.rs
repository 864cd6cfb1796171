//! `pipalhub archive`: everything of a class in one file, checked after it was written.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::BinaryBytes;
use rustix::{
    fs::Mode,
    process::{geteuid, nice, umask},
};
use serde::Serialize;
use tokio::runtime;

use super::{
    archive_progress::ArchiveBar,
    as_owner::run_as_owner,
    data::data_path,
    homes::{HomesArg, SourceSetting},
    private::{DATABASE_FILES, EVENTS_FILE, PUSHED_FOLDER, SHARING_FILE},
    quota::ReserveArg,
    steward::SocketArg,
};
use crate::{
    archive::{
        ClassArchive, ClassManifest, ClassSources, EntryContent, FoundClass, LeftOut, SavedArchive,
        write_archive,
    },
    node::hostname_of_node,
    steward::{
        StewardClient,
        protocol::{StewardReply, StewardRequest},
    },
    telemetry::loggable,
    users::{
        file::{MAX_FILE_BYTES, UsersFile},
        name::NameRule,
    },
};

/// How much an archive steps back behind the service and participants' servers, of 19.
const CLASS_FIRST: i32 = 10;
/// Where the class's list is, unless a setting says otherwise.
const USERS_FILE: &str = "/etc/jupyterhub/users.txt";

/// Put everything of the class into one file: notebooks, exports, events, history, notices.
///
/// The file is a zip: unpacked, its index.html shows everyone's notebooks without a server, and
/// `pipalhub restore` makes a class of it again. It is written beside the running service, which
/// it does not disturb, and read again and checked before it gets its name. What participants have
/// marked as private is not in it, and neither are passwords, keys and tokens.
///
/// Run it with the service's settings, as its user, whom it becomes when root runs it. It ends with 1 when a notebook had to be left
/// out, and says which.
#[derive(Args)]
pub(super) struct ArchiveArgs {
    /// The archive, such as class.zip; one that is there is not overwritten.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Check an archive that is there, to the byte, and say what in it is damaged.
    #[arg(long, conflicts_with = "dry_run")]
    verify: bool,
    /// Say what would be in it and how large that is, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
    /// The service's data folder. [default: pipalhub in $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, env = "PIPALHUB_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    homes: HomesArg,
    #[command(flatten)]
    source: SourceSetting,
    /// So much of one participant's notebooks is taken, those that were saved last.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 512,
        value_parser = clap::value_parser!(u64).range(1..=1 << 30)
    )]
    per_person_mib: u64,
    #[command(flatten)]
    reserve: ReserveArg,
    /// The class's list, whose names are taken without passwords; when it cannot be read, the
    /// steward is asked. [default: /etc/jupyterhub/users.txt]
    #[arg(long, env = "PIPALHUB_USERS_FILE", value_name = "FILE")]
    users_file: Option<PathBuf>,
    #[command(flatten)]
    steward: SocketArg,
    /// The hostname of this server, by which destroy-node knows whose archive it is. [default: that
    /// of /etc/pipalhub/node.toml, where setup-node has written one]
    #[arg(long, env = "PIPALHUB_HOSTNAME", value_name = "HOSTNAME")]
    hostname: Option<String>,
}

pub(super) fn run(args: &ArchiveArgs) -> anyhow::Result<ExitCode> {
    umask(Mode::RWXG | Mode::RWXO);
    if args.verify {
        return verify(&args.file, args.json);
    }
    let data = data_path(args.data.clone())?;
    if let Some(ended) = run_as_owner(&data)? {
        if !ended.success() && !args.dry_run && !args.file.exists() {
            eprintln!(
                "It ran as the user whose the data folder {} is: that user has to read what it is \
                 given, and {} has to be in a folder where that user may write, such as /var/tmp.",
                data.display(),
                args.file.display()
            );
        }
        return Ok(exit(ended.success()));
    }
    // The class comes first, where the system lets a program say so.
    let _ = nice(CLASS_FIRST);
    check_owner(&data)?;
    let homes = args.source.kind.reads_homes().then(|| args.homes.homes());
    let pushed = args.source.kind.takes_pushes();
    let users = listed_names(args)?;
    let host = args.hostname.clone().or_else(hostname_of_node);
    let sources = ClassSources {
        data: &data,
        databases: &DATABASE_FILES,
        settings: &[SHARING_FILE],
        events: EVENTS_FILE,
        pushed: pushed.then(|| data.join(PUSHED_FOLDER)),
        homes: homes.as_ref(),
        per_person: args.per_person_mib << 20,
        users,
        host: host.as_deref(),
    };
    if args.dry_run {
        return tell_plan(args, &sources.find()?);
    }
    let bar = ArchiveBar::new();
    let saved = write_archive(&sources, &args.file, args.reserve.bytes(), &bar);
    bar.end();
    tell_saved(args, &saved?, sources.users.as_deref())
}

/// Refuses a folder that is not there, or another user's: this user's files there could be in the
/// way of the service.
fn check_owner(data: &Path) -> anyhow::Result<()> {
    let metadata = fs::metadata(data).with_context(|| {
        format!(
            "there is no data folder at {}: say where with --data DIR",
            data.display()
        )
    })?;
    let (owner, own) = (metadata.uid(), geteuid().as_raw());
    if owner != own {
        bail!(
            "the data folder {} belongs to user {owner}, and this is user {own}: run it as the \
             service's user, with: sudo -u '#{owner}' pipalhub archive …",
            data.display()
        );
    }
    Ok(())
}

/// The names in the class's list; none when nobody can tell.
fn listed_names(args: &ArchiveArgs) -> anyhow::Result<Option<Vec<String>>> {
    let path = args.users_file.as_deref();
    let mut bytes = Vec::new();
    let read = File::open(path.unwrap_or(Path::new(USERS_FILE)))
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes));
    let error = match read {
        Ok(_) => {
            let list = UsersFile::parse(&bytes, NameRule::Hub);
            return Ok(Some(list.entries().map(|it| it.name.to_string()).collect()));
        }
        Err(error) => error,
    };
    if let Some(names) = asked_names(args) {
        return Ok(Some(names));
    }
    match path {
        Some(path) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(|| {
            format!(
                "cannot read the list {}, and no steward tells it",
                path.display()
            )
        }),
        _ => Ok(None),
    }
}

/// The names that a steward tells.
fn asked_names(args: &ArchiveArgs) -> Option<Vec<String>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let steward = StewardClient::new(args.steward.socket.clone());
    let request = StewardRequest::ListUsers {};
    let answer = runtime.ok()?.block_on(steward.ask(&request, &mut |_| {}));
    match answer.ok()? {
        StewardReply::Users(list) => Some(list.users.into_iter().map(|it| it.username).collect()),
        _ => None,
    }
}

/// What is said of an archive that was written.
#[derive(Serialize)]
struct ArchiveReport<'a> {
    file: &'a Path,
    bytes: u64,
    sha256: &'a str,
    participants: usize,
    notebooks: usize,
    /// How many names of the class's list; none when the list is not known.
    users: Option<usize>,
    left_out: &'a [LeftOut],
}

fn tell_saved(
    args: &ArchiveArgs,
    saved: &SavedArchive,
    users: Option<&[String]>,
) -> anyhow::Result<ExitCode> {
    let counts = ClassCounts::of(&saved.manifest);
    let left_out = &saved.manifest.left_out;
    if args.json {
        print_json(&ArchiveReport {
            file: &args.file,
            bytes: saved.bytes,
            sha256: &saved.sha256,
            participants: counts.participants,
            notebooks: counts.notebooks,
            users: users.map(<[_]>::len),
            left_out,
        })?;
    } else {
        println!(
            "{}: {counts}, {}, written and checked",
            args.file.display(),
            BinaryBytes(saved.bytes)
        );
        if users.is_none() {
            println!("The class's list is not in it: it cannot be read, and no steward tells it.");
        }
        tell_left_out(left_out);
    }
    Ok(exit(left_out.is_empty()))
}

/// What would be in an archive.
#[derive(Serialize)]
struct ArchivePlan<'a> {
    participants: usize,
    notebooks: usize,
    /// What is read, without exports.
    bytes: u64,
    /// The most that it takes up on the disk.
    room: u64,
    left_out: &'a [LeftOut],
}

fn tell_plan(args: &ArchiveArgs, class: &FoundClass) -> anyhow::Result<ExitCode> {
    let counts = ClassCounts {
        participants: class.people.len(),
        notebooks: class.notebooks(),
    };
    if args.json {
        print_json(&ArchivePlan {
            participants: counts.participants,
            notebooks: counts.notebooks,
            bytes: class.bytes(),
            room: class.room(),
            left_out: &class.left_out,
        })?;
    } else {
        let databases = class.databases.iter().map(|(_, size)| *size).sum();
        println!(
            "{counts}; databases of {}; {} to read, and at most about {} of disk to write",
            BinaryBytes(databases),
            BinaryBytes(class.bytes()),
            BinaryBytes(class.room())
        );
        tell_left_out(&class.left_out);
    }
    Ok(exit(class.left_out.is_empty()))
}

/// What a check of an archive has found.
#[derive(Serialize)]
struct VerifyReport<'a> {
    file: &'a Path,
    /// What the archive says of itself; none when it cannot be read at all.
    made_at: Option<&'a str>,
    sha256: Option<&'a str>,
    files: usize,
    damage: &'a [String],
}

fn verify(file: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let bar = ArchiveBar::new();
    let opened = ClassArchive::open(file);
    let checked = opened.and_then(|mut archive| Ok((archive.check(&bar)?, archive)));
    bar.end();
    let (damage, archive) = match checked {
        Ok((damage, archive)) => (damage, Some(archive)),
        Err(error) if json => (vec![format!("{error:#}")], None),
        Err(error) => return Err(error),
    };
    let manifest = archive.as_ref().map(ClassArchive::manifest);
    if json {
        print_json(&VerifyReport {
            file,
            made_at: manifest.map(|it| &*it.made_at),
            sha256: archive.as_ref().map(ClassArchive::sha256),
            files: manifest.map_or(0, |it| it.entries.len()),
            damage: &damage,
        })?;
        return Ok(exit(damage.is_empty()));
    }
    for words in &damage {
        eprintln!("pipalhub archive: {words}");
    }
    if let (Some(manifest), true) = (manifest, damage.is_empty()) {
        println!(
            "{} is whole: {}, made at {}{} by {}",
            file.display(),
            ClassCounts::of(manifest),
            manifest.made_at,
            on_host(manifest),
            manifest.program
        );
    }
    Ok(exit(damage.is_empty()))
}

/// Which server an archive is of, where it says so.
pub(super) fn on_host(manifest: &ClassManifest) -> String {
    let host = manifest.host.as_ref();
    host.map(|host| format!(" on {}", loggable(host)))
        .unwrap_or_default()
}

/// How much an archive has.
pub(super) struct ClassCounts {
    pub(super) participants: usize,
    pub(super) notebooks: usize,
}

impl ClassCounts {
    pub(super) fn of(manifest: &ClassManifest) -> Self {
        let contents = manifest.entries.iter().map(|entry| &entry.content);
        let people: BTreeSet<&str> = contents.clone().filter_map(EntryContent::user).collect();
        let is_notebook = |content: &&EntryContent| {
            matches!(
                content,
                EntryContent::Notebook { .. } | EntryContent::Pushed { .. }
            )
        };
        Self {
            participants: people.len(),
            notebooks: contents.filter(is_notebook).count(),
        }
    }
}

impl std::fmt::Display for ClassCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        write!(
            f,
            "{} participant{}, {} notebook{}",
            self.participants,
            plural(self.participants),
            self.notebooks,
            plural(self.notebooks)
        )
    }
}

fn tell_left_out(left_out: &[LeftOut]) {
    for it in left_out {
        let of = [&*it.user, &*it.filename].join(" ");
        eprintln!(
            "pipalhub archive: left out: {}: {}",
            of.trim().escape_debug(),
            it.reason
        );
    }
}

/// The exit code of a command that has done all it was asked for, or not.
fn exit(is_all: bool) -> ExitCode {
    match is_all {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
