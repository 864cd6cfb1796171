//! The data folder: whether it can be written, the databases in it, the key of the cookies.

use std::{
    fs::{self, File, Metadata, TryLockError},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access, statvfs};

use super::super::{
    cookie_key::{CookieKeyArgs, GivenKey},
    history::HistoryArgs,
    private,
};
use crate::{
    errands,
    findings::{Finding, counted},
    help, history, insight, notices,
    sqlite::SchemaVersions,
    store,
};

const SUBJECT: &str = "data folder";
/// With fewer free bytes a busy class may fill the disk within weeks.
const LOW_SPACE_BYTES: u64 = 1 << 30;
/// With fewer free bytes a busy class may fill the disk within the day.
const CRITICAL_SPACE_BYTES: u64 = 100 << 20;

pub(super) fn check(
    folder: &Path,
    history: &HistoryArgs,
    cookie_key: &CookieKeyArgs,
) -> Vec<Finding> {
    let shown = folder.display();
    let metadata = match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            let message = format!("{shown} is not a folder");
            return vec![Finding::problem(
                SUBJECT,
                message,
                "Choose another with --data.",
            )];
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return vec![Finding::warning(
                SUBJECT,
                format!("{shown} is not there"),
                "The service makes it when it starts. If it has run, give its --data here.",
            )];
        }
        Err(error) => {
            return vec![Finding::problem(
                SUBJECT,
                format!("{shown} cannot be looked into: {error}"),
                "Run this as the service's user.",
            )];
        }
    };
    let mut findings = vec![
        usable(folder, &metadata),
        space(folder),
        service(folder),
        database(EVENTS_CHECK, folder),
        database(HISTORY_CHECK, folder),
        database(NOTICES_CHECK, folder),
        database(ERRANDS_CHECK, folder),
        database(INSIGHT_CHECK, folder),
        database(HELP_CHECK, folder),
        key(&folder.join(private::COOKIE_KEY_FILE), cookie_key),
    ];
    let exposed = exposed(folder);
    if exposed.is_empty() {
        findings.extend(open(folder));
    }
    findings.extend(exposed);
    findings.extend(history.max_bytes().and_then(|max| room(folder, max)));
    findings
}

fn usable(folder: &Path, metadata: &Metadata) -> Finding {
    let shown = folder.display();
    let mode = metadata.permissions().mode() & 0o777;
    if access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Finding::problem(
            SUBJECT,
            format!("{shown} (mode {mode:o}) cannot be written by this user"),
            "Run this as the service's user, or give the folder to that user.",
        );
    }
    if let Some(exposed) = private::data_folder(folder) {
        return Finding::problem(SUBJECT, exposed.problem, &exposed.mend);
    }
    Finding::ok(
        SUBJECT,
        format!("{shown} can be written, by this user alone"),
    )
}

fn space(folder: &Path) -> Finding {
    let subject = "disk space";
    let free = match free(folder) {
        Ok(free) => free,
        Err(error) => {
            let message = format!("the disk does not say what is free: {error}");
            return Finding::warning(subject, message, "See with `df` whether there is room.");
        }
    };
    let message = format!("{} MB are free for the data folder", free >> 20);
    let remedy = "Make room, or choose a folder on another disk with --data.";
    if free < CRITICAL_SPACE_BYTES {
        Finding::problem(subject, message, remedy)
    } else if free < LOW_SPACE_BYTES {
        Finding::warning(subject, message, remedy)
    } else {
        Finding::ok(subject, message)
    }
}

fn free(folder: &Path) -> Result<u64, rustix::io::Errno> {
    let found = statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Whether a service runs, since it holds the lock then. This takes the lock shared, and for a
/// moment only.
fn service(folder: &Path) -> Finding {
    let subject = "service";
    let held = File::open(folder.join("lock")).map(|file| file.try_lock_shared());
    match held {
        Ok(Err(TryLockError::WouldBlock)) => Finding::ok(subject, "runs on this data folder"),
        _ => Finding::ok(subject, "does not run on this data folder"),
    }
}

/// The name of a database, and the function that checks it.
type DatabaseCheck = (&'static str, fn(&Path) -> anyhow::Result<SchemaVersions>);

/// The users of the events that are stored, as far as they can be read.
pub(super) fn users(folder: &Path) -> Vec<String> {
    store::users(&folder.join("events.sqlite3")).unwrap_or_default()
}

const EVENTS_CHECK: DatabaseCheck = ("events", store::inspect);
const HISTORY_CHECK: DatabaseCheck = ("history", history::inspect);
const NOTICES_CHECK: DatabaseCheck = ("notices", notices::inspect);
const ERRANDS_CHECK: DatabaseCheck = ("errands", errands::inspect);
const HELP_CHECK: DatabaseCheck = ("help", help::inspect);
const INSIGHT_CHECK: DatabaseCheck = ("insight", insight::inspect);

fn database((subject, inspect): DatabaseCheck, folder: &Path) -> Finding {
    let path = file(subject, folder);
    if !path.exists() {
        return Finding::ok(
            subject,
            "the database is not there yet; the service makes it",
        );
    }
    match inspect(&path) {
        Ok(SchemaVersions { schema, known }) if schema > known => Finding::problem(
            subject,
            format!(
                "the database was written by a newer pipalhub (schema {schema}, this one knows \
                 {known})"
            ),
            "Run that version, or choose another data folder with --data.",
        ),
        Ok(SchemaVersions { schema, .. }) => Finding::ok(
            subject,
            format!(
                "the database passes its check (schema {schema}, {} KB)",
                size(&path) >> 10
            ),
        ),
        Err(error) => Finding::problem(
            subject,
            format!("{:#}", error.root_cause()),
            &error.to_string(),
        ),
    }
}

fn file(subject: &str, folder: &Path) -> PathBuf {
    folder.join(format!("{subject}.sqlite3"))
}

/// The bytes of a database and its log.
fn size(path: &Path) -> u64 {
    let log = path.with_extension("sqlite3-wal");
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    size(path) + size(&log)
}

/// A warning when the disk has less room than the bytes that versions may take up.
fn room(folder: &Path, max_bytes: u64) -> Option<Finding> {
    let (subject, _) = HISTORY_CHECK;
    let room = free(folder)
        .ok()?
        .saturating_add(size(&file(subject, folder)));
    (room < max_bytes).then(|| {
        let message = format!(
            "versions may take up {} MB, and there is room for {}",
            max_bytes >> 20,
            room >> 20
        );
        Finding::warning(
            subject,
            message,
            "Make room, or give them less with --history-mib.",
        )
    })
}

/// The other files that other users can read.
fn exposed(folder: &Path) -> Vec<Finding> {
    let exposed = private::files_exposed(folder).into_iter();
    exposed
        .map(|exposed| Finding::problem("data files", exposed.problem, &exposed.mend))
        .collect()
}

/// A warning of what is open to others by its mode, whom only the folder keeps out.
fn open(folder: &Path) -> Option<Finding> {
    let paths: Vec<_> = private::open_below(folder).map(|(path, _)| path).collect();
    let first = paths.first()?;
    Some(Finding::warning(
        "data files",
        format!(
            "{} below {} open to others by mode, such as {}",
            counted(paths.len(), "path"),
            folder.display(),
            first.display()
        ),
        "The service closes them when it starts next.",
    ))
}

fn key(path: &Path, given: &CookieKeyArgs) -> Finding {
    let subject = "cookie key";
    match given.given() {
        Ok(Some(GivenKey { by, .. })) => {
            return Finding::ok(subject, format!("is given by {by}"));
        }
        Ok(None) => {}
        Err(error) => {
            return Finding::problem(
                subject,
                format!("{error:#}"),
                "The service does not start until it is mended: see docs/settings.md.",
            );
        }
    }
    if !path.exists() {
        return Finding::ok(subject, "is not there yet; the service makes it");
    }
    if let Some(exposed) = private::file(path) {
        return Finding::problem(
            subject,
            format!("{}: they could sign in as anyone", exposed.problem),
            &format!(
                "{}; or remove it and restart, and everyone signs in anew",
                exposed.mend
            ),
        );
    }
    Finding::ok(subject, "is there, for this user alone")
}
