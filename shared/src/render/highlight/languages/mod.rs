//! The languages that the lexer knows. One table is enough, because languages differ little in
//! what matters for colours. Languages with braces are in `braces`, functional ones and Julia in
//! `functional`.

mod braces;
mod functional;

use braces::{BRACE_LANGUAGES, JAVASCRIPT, RUST};
use functional::{FSHARP, HASKELL, JULIA};

/// What the lexer needs to know of a language.
pub(in crate::render::highlight) struct Language {
    /// Its names in kernels, fences and cell magics, in lower case.
    pub(in crate::render::highlight) names: &'static [&'static str],
    pub(in crate::render::highlight) keywords: &'static [&'static str],
    pub(in crate::render::highlight) constants: &'static [&'static str],
    /// Keywords after which a name is defined.
    pub(in crate::render::highlight) definers: &'static [&'static str],
    pub(in crate::render::highlight) line_comments: &'static [&'static str],
    pub(in crate::render::highlight) block_comment: Option<(&'static str, &'static str)>,
    /// Its quotes, longer ones first.
    pub(in crate::render::highlight) quotes: &'static [Quote],
    /// The characters that names may have besides letters, digits and underscores.
    pub(in crate::render::highlight) in_names: &'static [char],
    pub(in crate::render::highlight) ignores_case: bool,
    /// Has IPython's magics and shell lines, string prefixes and decorators.
    pub(in crate::render::highlight) is_python: bool,
}

/// A kind of quote, which both begins and ends a string.
pub(in crate::render::highlight) struct Quote {
    pub(in crate::render::highlight) mark: &'static str,
    /// A backslash escapes the character after it.
    pub(in crate::render::highlight) escapes: bool,
    pub(in crate::render::highlight) many_lines: bool,
}

const fn quote(mark: &'static str, escapes: bool, many_lines: bool) -> Quote {
    Quote {
        mark,
        escapes,
        many_lines,
    }
}

/// The language called `name`, in any case.
pub(in crate::render::highlight) fn find(name: &str) -> Option<&'static Language> {
    let name = name.trim();
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    LANGUAGES
        .iter()
        .find(|language| language.names.iter().any(is))
}

static LANGUAGES: [Language; 13] = [
    PYTHON,
    SHELL,
    SQL,
    R,
    JULIA,
    JAVASCRIPT,
    JSON,
    BRACE_LANGUAGES,
    RUST,
    HASKELL,
    FSHARP,
    CONFIG,
    MARKUP,
];

const PYTHON: Language = Language {
    names: &[
        "python", "python3", "python2", "py", "ipython", "ipython3", "ipython2", "pycon",
    ],
    keywords: &[
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
        "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
        "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with",
        "yield",
    ],
    constants: &[
        "True",
        "False",
        "None",
        "self",
        "cls",
        "NotImplemented",
        "Ellipsis",
    ],
    definers: &["def", "class"],
    line_comments: &["#"],
    block_comment: None,
    quotes: &[
        quote("\"\"\"", true, true),
        quote("'''", true, true),
        quote("\"", true, false),
        quote("'", true, false),
    ],
    in_names: &[],
    ignores_case: false,
    is_python: true,
};

const SHELL: Language = Language {
    names: &[
        "bash",
        "sh",
        "shell",
        "zsh",
        "console",
        "shell-session",
        "script",
        "system",
        "sx",
    ],
    keywords: &[
        "case", "do", "done", "elif", "else", "esac", "export", "fi", "for", "function", "if",
        "in", "local", "return", "then", "until", "while",
    ],
    constants: &["true", "false"],
    definers: &["function"],
    line_comments: &["#"],
    block_comment: None,
    quotes: &[quote("\"", true, true), quote("'", false, true)],
    in_names: &['$', '-'],
    ignores_case: false,
    is_python: false,
};

const SQL: Language = Language {
    names: &[
        "sql",
        "bigquery",
        "postgresql",
        "mysql",
        "sqlite",
        "sqlite3",
    ],
    keywords: &[
        "add",
        "all",
        "alter",
        "and",
        "as",
        "asc",
        "begin",
        "between",
        "by",
        "case",
        "commit",
        "create",
        "cross",
        "delete",
        "desc",
        "distinct",
        "drop",
        "else",
        "end",
        "except",
        "exists",
        "from",
        "full",
        "group",
        "having",
        "if",
        "in",
        "index",
        "inner",
        "insert",
        "intersect",
        "into",
        "is",
        "join",
        "key",
        "left",
        "like",
        "limit",
        "not",
        "offset",
        "on",
        "or",
        "order",
        "outer",
        "over",
        "partition",
        "primary",
        "references",
        "right",
        "rollback",
        "select",
        "set",
        "table",
        "then",
        "union",
        "unique",
        "update",
        "using",
        "values",
        "view",
        "when",
        "where",
        "with",
    ],
    constants: &["null", "true", "false"],
    definers: &[],
    line_comments: &["--"],
    block_comment: Some(("/*", "*/")),
    quotes: &[
        quote("'", false, true),
        quote("\"", false, true),
        quote("`", false, true),
    ],
    in_names: &[],
    ignores_case: true,
    is_python: false,
};

const R: Language = Language {
    names: &["r", "ir"],
    keywords: &[
        "break", "else", "for", "function", "if", "in", "library", "next", "repeat", "require",
        "return", "while",
    ],
    constants: &["TRUE", "FALSE", "NULL", "NA", "NaN", "Inf"],
    definers: &[],
    line_comments: &["#"],
    block_comment: None,
    quotes: &[
        quote("\"", true, true),
        quote("'", true, true),
        quote("`", false, false),
    ],
    in_names: &['.'],
    ignores_case: false,
    is_python: false,
};

const JSON: Language = Language {
    names: &["json", "jsonc", "geojson", "ipynb"],
    keywords: &[],
    constants: &["true", "false", "null", "NaN", "Infinity"],
    definers: &[],
    line_comments: &["//"],
    block_comment: None,
    quotes: &[quote("\"", true, false)],
    in_names: &[],
    ignores_case: false,
    is_python: false,
};

const CONFIG: Language = Language {
    names: &[
        "yaml",
        "yml",
        "toml",
        "ini",
        "dockerfile",
        "makefile",
        "ruby",
        "rb",
        "perl",
        "elixir",
    ],
    keywords: &[
        "begin", "class", "def", "do", "else", "elsif", "end", "if", "module", "require", "unless",
        "FROM", "RUN", "COPY", "CMD", "ENV", "WORKDIR",
    ],
    constants: &["true", "false", "null", "nil", "yes", "no", "on", "off"],
    definers: &["class", "def", "module"],
    line_comments: &["#"],
    block_comment: None,
    quotes: &[quote("\"", true, false), quote("'", false, false)],
    in_names: &[],
    ignores_case: false,
    is_python: false,
};

/// Markup, which the lexer recognises by [`MARKUP_COMMENT`].
const MARKUP: Language = Language {
    names: &["html", "xml", "svg", "xhtml", "vue"],
    keywords: &[],
    constants: &[],
    definers: &[],
    line_comments: &[],
    block_comment: Some(MARKUP_COMMENT),
    // A single quote is missing here, because in texts it is an apostrophe.
    quotes: &[quote("\"", false, false)],
    in_names: &['-'],
    ignores_case: true,
    is_python: false,
};

/// The beginning and the end of a comment in markup.
pub(in crate::render::highlight) const MARKUP_COMMENT: (&str, &str) = ("<!--", "-->");
