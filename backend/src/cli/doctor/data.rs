//! The data folder: whether it can be written, the databases in it, the key of the cookies.

use std::{
    fs::{self, File, Metadata, TryLockError},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access, statvfs};

use super::{
    super::{history::HistoryArgs, private},
    report::Finding,
};
use crate::{history, notices, sqlite::Inspected, store};

const SUBJECT: &str = "data folder";
/// Below this, a busy class may fill the disk within weeks ...
const SCARCE: u64 = 1 << 30;
/// ... and below this within the day.
const NEARLY_NONE: u64 = 100 << 20;

pub(super) fn check(folder: &Path, history: &HistoryArgs) -> Vec<Finding> {
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
        database(EVENTS, folder),
        database(HISTORY, folder),
        database(NOTICES, folder),
        key(&folder.join(private::KEY)),
    ];
    findings.extend(exposed(folder));
    findings.extend(history.most().and_then(|most| room(folder, most)));
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
        return Finding::problem(SUBJECT, exposed.what, &exposed.mend);
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
    if free < NEARLY_NONE {
        Finding::problem(subject, message, remedy)
    } else if free < SCARCE {
        Finding::warning(subject, message, remedy)
    } else {
        Finding::ok(subject, message)
    }
}

fn free(folder: &Path) -> Result<u64, rustix::io::Errno> {
    let found = statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// A running service holds the lock. It is asked for shared, and for a moment only.
fn service(folder: &Path) -> Finding {
    let subject = "service";
    let held = File::open(folder.join("lock")).map(|file| file.try_lock_shared());
    match held {
        Ok(Err(TryLockError::WouldBlock)) => Finding::ok(subject, "runs on this data folder"),
        _ => Finding::ok(subject, "does not run on this data folder"),
    }
}

/// A database's file, and what looks at it.
type Database = (&'static str, fn(&Path) -> anyhow::Result<Inspected>);

/// The users of the events that are stored, as far as they can be read.
pub(super) fn users(folder: &Path) -> Vec<String> {
    store::users(&folder.join("events.sqlite3")).unwrap_or_default()
}

const EVENTS: Database = ("events", store::inspect);
const HISTORY: Database = ("history", history::inspect);
const NOTICES: Database = ("notices", notices::inspect);

fn database((subject, inspect): Database, folder: &Path) -> Finding {
    let path = file(subject, folder);
    if !path.exists() {
        return Finding::ok(
            subject,
            "the database is not there yet; the service makes it",
        );
    }
    match inspect(&path) {
        Ok(Inspected { schema, known }) if schema > known => Finding::problem(
            subject,
            format!(
                "the database was written by a newer pipalhub (schema {schema}, this one knows \
                 {known})"
            ),
            "Run that version, or choose another data folder with --data.",
        ),
        Ok(Inspected { schema, .. }) => Finding::ok(
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

/// What a database takes up, with its log.
fn size(path: &Path) -> u64 {
    let log = path.with_extension("sqlite3-wal");
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    size(path) + size(&log)
}

/// Whether versions find the room on the disk that they may take up.
fn room(folder: &Path, most: u64) -> Option<Finding> {
    let (subject, _) = HISTORY;
    let room = free(folder)
        .ok()?
        .saturating_add(size(&file(subject, folder)));
    (room < most).then(|| {
        let message = format!(
            "versions may take up {} MB, and there is room for {}",
            most >> 20,
            room >> 20
        );
        Finding::warning(
            subject,
            message,
            "Make room, or give them less with --history-mib.",
        )
    })
}

/// The other files that others could read, had they got so far.
fn exposed(folder: &Path) -> Vec<Finding> {
    let exposed = private::files_exposed(folder).into_iter();
    exposed
        .map(|exposed| Finding::problem("data files", exposed.what, &exposed.mend))
        .collect()
}

fn key(path: &Path) -> Finding {
    let subject = "cookie key";
    if !path.exists() {
        return Finding::ok(subject, "is not there yet; the service makes it");
    }
    if let Some(exposed) = private::file(path) {
        return Finding::problem(
            subject,
            format!("{}: they could sign in as anyone", exposed.what),
            &format!(
                "{}; or remove it and restart, and everyone signs in anew",
                exposed.mend
            ),
        );
    }
    Finding::ok(subject, "is there, for this user alone")
}
