//! Queries, data, configuration and markup.

use super::{Escape, Forms, Language, Lines, NOTHING, comment, quote};

pub(super) const SQL: Language = Language {
    names: "sql bigquery postgresql pgsql mysql mariadb mssql tsql plsql plpgsql sqlite \
        sqlite3 sparksql duckdb snowflake hive",
    keywords: "add all alter and as asc begin between by case commit create cross delete desc \
        distinct drop else end except exists from full group having if in index inner \
        insert intersect into is join key left like limit not offset on or order outer \
        over partition primary references right rollback select set table then union \
        unique update using values view when where with",
    constants: "null true false",
    // MySQL's comments begin with a hash and nearly always a space; elsewhere it is an operator.
    line_comments: &["--", "# "],
    block_comments: &[comment("/*", "*/", false)],
    quotes: &[
        quote("'", Escape::DoubledOrBackslash, Lines::IfClosed),
        quote("\"", Escape::DoubledOrBackslash, Lines::IfClosed),
        quote("`", Escape::Never, Lines::IfClosed),
    ],
    ignores_case: true,
    ..NOTHING
};

pub(super) const JSON: Language = Language {
    names: "json jsonc geojson ipynb",
    constants: "true false null NaN Infinity",
    line_comments: &["//"],
    quotes: &[quote("\"", Escape::Backslash, Lines::One)],
    ..NOTHING
};

pub(super) const CONFIG: Language = Language {
    names: "yaml yml toml ini dockerfile makefile perl pl elixir",
    keywords: "begin class def do else elsif end if module require unless FROM RUN COPY CMD \
        ENV WORKDIR",
    constants: "true false null nil yes no on off",
    definers: "class def module",
    line_comments: &["#"],
    quotes: &[
        quote("\"", Escape::Backslash, Lines::One),
        quote("'", Escape::Never, Lines::One),
    ],
    forms: Forms::SPACED_HASHES.and(Forms::HEREDOCS),
    ..NOTHING
};

pub(super) const MARKUP: Language = Language {
    names: "html xml svg xhtml vue htm",
    block_comments: &[comment("<!--", "-->", false)],
    // A single quote is missing here, because in texts it is an apostrophe.
    quotes: &[quote("\"", Escape::Never, Lines::One)],
    in_names: &['-'],
    ignores_case: true,
    forms: Forms::MARKUP,
    ..NOTHING
};

pub(super) const TEX: Language = Language {
    names: "latex tex stex bibtex",
    line_comments: &["%"],
    forms: Forms::ESCAPES,
    ..NOTHING
};

/// Texts, which are known to have no colours.
pub(super) const TEXT: Language = Language {
    names: "markdown md text txt plain plaintext mermaid dot cmd bat",
    forms: Forms::PLAIN,
    ..NOTHING
};
