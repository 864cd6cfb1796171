//! Looking at all that the service has kept: files as they are, and each value of the databases as
//! it is and inflated.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use flate2::read::DeflateDecoder;
use rusqlite::{Connection, types::ValueRef};

use super::search::CanarySearch;

/// Looks at all files below the folder of a service that has ended.
pub(super) fn look(search: &mut CanarySearch, folder: &Path) -> anyhow::Result<()> {
    let mut databases = Vec::new();
    look_at_files(search, folder, &mut databases)?;
    // After the files beside them, which are gone when a database is closed.
    for path in databases {
        look_at_database(search, &path)?;
    }
    Ok(())
}

fn look_at_files(
    search: &mut CanarySearch,
    folder: &Path,
    databases: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            look_at_files(search, &path, databases)?;
            continue;
        }
        let bytes = fs::read(&path)?;
        search.look("files", &bytes);
        if bytes.starts_with(b"SQLite format 3\0") {
            databases.push(path);
        }
    }
    Ok(())
}

fn look_at_database(search: &mut CanarySearch, path: &Path) -> anyhow::Result<()> {
    let connection = Connection::open(path)?;
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        let mut select = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns = select.column_count();
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                match row.get_ref(column)? {
                    ValueRef::Text(text) => search.look("values of databases", text),
                    ValueRef::Blob(blob) => {
                        search.look("values of databases", blob);
                        // The history says in a byte before that it has deflated a piece.
                        for packed in [blob, blob.get(1..).unwrap_or_default()] {
                            search.look("inflated values", &inflated(packed));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// What these bytes are deflated of, as far as they are.
pub(super) fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // Of what is not deflated there is an error, and what was read until then is looked at.
    drop(DeflateDecoder::new(bytes).read_to_end(&mut out));
    out
}
