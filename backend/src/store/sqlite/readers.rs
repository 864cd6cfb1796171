//! Connections for reading. WAL lets them read while the writer writes.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rusqlite::{Connection, Row, params};
use shared::wire::Event;
use tokio::sync::Semaphore;

use super::schema::connect;
use crate::store::{CommittedEvent, EventFilter, StoreError};

/// A pool of a few connections, each in use by one reader at a time.
pub(super) struct ReadConnections {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl ReadConnections {
    /// A pool of at most so many connections, opened when they are first needed.
    pub(super) fn new(path: &Path, busy_timeout: Duration, connections: usize) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            busy_timeout,
            idle: Mutex::default(),
            turns: Arc::new(Semaphore::new(connections)),
        })
    }

    /// Runs `read` on a blocking thread, where it holds up only other readers of this pool.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(self);
        let read = move || -> rusqlite::Result<T> {
            let _turn = turn;
            let connection = readers.connection()?;
            let found = read(&connection)?;
            // A connection that failed is not used again: its cached pages may be wrong.
            readers.idle.lock().push(connection);
            Ok(found)
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| StoreError::Closed)?
            .map_err(StoreError::from)
    }

    fn connection(&self) -> rusqlite::Result<Connection> {
        if let Some(connection) = self.idle.lock().pop() {
            return Ok(connection);
        }
        let connection = connect(&self.path, self.busy_timeout)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}

/// The latest events that match, in the order their keys first came.
pub(super) fn list(connection: &Connection, filter: &EventFilter) -> rusqlite::Result<Vec<Event>> {
    connection
        .prepare_cached(
            "SELECT id, type, user, filename, path, timestamp FROM events
             WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR type = ?2)
               AND (?3 IS NULL OR user = ?3) AND (?4 IS NULL OR filename = ?4)
               AND (?5 IS NULL OR path = ?5) AND (?6 IS NULL OR timestamp = ?6)
             ORDER BY id",
        )?
        .query_map(
            params![
                filter.id,
                filter.kind,
                filter.user,
                filter.filename,
                filter.path,
                filter.timestamp
            ],
            |row| event_from(row, 0),
        )?
        .collect()
}

/// At most `limit` journal entries after `seq`, oldest first.
pub(super) fn journal_after(
    connection: &Connection,
    seq: i64,
    limit: i64,
) -> rusqlite::Result<Vec<CommittedEvent>> {
    connection
        .prepare_cached(
            "SELECT seq, event_id, type, user, filename, path, timestamp FROM journal
             WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?
        .query_map([seq, limit], committed_from)?
        .collect()
}

pub(super) fn committed_from(row: &Row<'_>) -> rusqlite::Result<CommittedEvent> {
    Ok(CommittedEvent {
        seq: row.get(0)?,
        event: event_from(row, 1)?,
    })
}

fn event_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Event> {
    Ok(Event {
        id: row.get(first)?,
        kind: row.get(first + 1)?,
        user: row.get(first + 2)?,
        filename: row.get(first + 3)?,
        path: row.get(first + 4)?,
        timestamp: row.get(first + 5)?,
    })
}
