//! The tables of errands and handouts.

/// Append-only; see [`crate::sqlite::migrate`]. Numbers are never reused, because participants'
/// servers remember the errands that they have done.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE handouts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        author TEXT NOT NULL,
        user TEXT NOT NULL,
        notebook TEXT NOT NULL,
        filename TEXT NOT NULL,
        to_group TEXT,
        to_user TEXT,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        retracted_at_ms INTEGER
    ) STRICT;
    CREATE TABLE contents (
        handout INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE errands (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user TEXT NOT NULL,
        handout INTEGER,
        notebook TEXT,
        version INTEGER,
        filename TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending',
        written TEXT,
        reason TEXT,
        created_at_ms INTEGER NOT NULL,
        settled_at_ms INTEGER,
        opened_at_ms INTEGER,
        UNIQUE (handout, user)
    ) STRICT;
    CREATE INDEX errands_by_user ON errands (user, state);
    CREATE TABLE people (
        user TEXT PRIMARY KEY,
        groups TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE contents_by_hash (
        sha256 TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO contents_by_hash
        SELECT sha256, size, bytes FROM contents JOIN handouts ON id = handout;
    DROP TABLE contents;
    ALTER TABLE contents_by_hash RENAME TO contents;
    ALTER TABLE errands ADD COLUMN server TEXT;
    ALTER TABLE errands ADD COLUMN claimed_at_ms INTEGER;
    UPDATE errands
        SET server = CASE WHEN notebook LIKE '@%/%'
            THEN substr(notebook, 2, instr(notebook, '/') - 2) ELSE '' END
        WHERE handout IS NULL;
    ALTER TABLE people ADD COLUMN has_default_server INTEGER NOT NULL DEFAULT 1;
",
];
