//! What the lexer needs to know of each language. One table, because the differences
//! that matter for colours are few.

/// A language.
pub(super) struct Language {
    /// What kernels, fences and cell magics call it, in lower case.
    pub(super) names: &'static [&'static str],
    pub(super) keywords: &'static [&'static str],
    pub(super) constants: &'static [&'static str],
    /// Keywords after which a name is defined.
    pub(super) definers: &'static [&'static str],
    pub(super) line_comments: &'static [&'static str],
    pub(super) block_comment: Option<(&'static str, &'static str)>,
    /// Longer ones first.
    pub(super) quotes: &'static [Quote],
    /// What may stand in a name besides letters, digits and underscores.
    pub(super) in_names: &'static [char],
    pub(super) ignores_case: bool,
    /// Has IPython's magics and shell lines, string prefixes and decorators.
    pub(super) is_python: bool,
}

/// A way to write strings; it ends in what it begins with.
pub(super) struct Quote {
    pub(super) mark: &'static str,
    /// A backslash takes the meaning of what follows.
    pub(super) escapes: bool,
    pub(super) many_lines: bool,
}

const fn quote(mark: &'static str, escapes: bool, many_lines: bool) -> Quote {
    Quote {
        mark,
        escapes,
        many_lines,
    }
}

/// The language called `name`, in any case.
pub(super) fn find(name: &str) -> Option<&'static Language> {
    let name = name.trim();
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    LANGUAGES
        .iter()
        .find(|language| language.names.iter().any(is))
}

static LANGUAGES: [Language; 11] = [
    PYTHON, SHELL, SQL, R, JULIA, JAVASCRIPT, JSON, BRACES, RUST, CONFIG, MARKUP,
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

const JULIA: Language = Language {
    names: &["julia", "jl"],
    keywords: &[
        "abstract",
        "baremodule",
        "begin",
        "break",
        "catch",
        "const",
        "continue",
        "do",
        "else",
        "elseif",
        "end",
        "export",
        "finally",
        "for",
        "function",
        "global",
        "if",
        "import",
        "in",
        "isa",
        "let",
        "local",
        "macro",
        "module",
        "mutable",
        "primitive",
        "quote",
        "return",
        "struct",
        "try",
        "type",
        "using",
        "where",
        "while",
    ],
    constants: &["true", "false", "nothing", "missing", "Inf", "NaN", "pi"],
    definers: &["function", "macro", "module", "struct"],
    line_comments: &["#"],
    block_comment: Some(("#=", "=#")),
    // A single quote is a character or a transposition; it is left plain.
    quotes: &[
        quote("\"\"\"", true, true),
        quote("\"", true, true),
        quote("`", true, true),
    ],
    in_names: &['!'],
    ignores_case: false,
    is_python: false,
};

const JAVASCRIPT: Language = Language {
    names: &["javascript", "js", "jsx", "typescript", "ts", "tsx", "node"],
    keywords: &[
        "async",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "else",
        "export",
        "extends",
        "finally",
        "for",
        "from",
        "function",
        "if",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "of",
        "return",
        "static",
        "super",
        "switch",
        "throw",
        "try",
        "type",
        "typeof",
        "var",
        "void",
        "while",
        "yield",
    ],
    constants: &[
        "true",
        "false",
        "null",
        "undefined",
        "this",
        "NaN",
        "Infinity",
    ],
    definers: &["function", "class", "interface"],
    line_comments: &["//"],
    block_comment: Some(("/*", "*/")),
    quotes: &[
        quote("`", true, true),
        quote("\"", true, false),
        quote("'", true, false),
    ],
    in_names: &['$'],
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

/// What languages with braces have in common; a fence of one of them is seldom long.
const BRACED: [&str; 60] = [
    "as",
    "async",
    "await",
    "auto",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "crate",
    "default",
    "defer",
    "delete",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "extern",
    "final",
    "float",
    "fn",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "impl",
    "implements",
    "import",
    "in",
    "int",
    "interface",
    "let",
    "long",
    "loop",
    "match",
    "mod",
    "move",
    "mut",
    "namespace",
    "new",
    "package",
    "private",
    "protected",
    "pub",
    "public",
    "return",
    "static",
    "struct",
    "switch",
    "throw",
    "try",
    "use",
    "var",
    "void",
    "while",
];

const BRACES: Language = Language {
    names: &[
        "c", "c++", "cpp", "cxx", "h", "hpp", "java", "go", "golang", "csharp", "cs", "kotlin",
        "swift", "scala", "dart", "php", "arduino", "cuda", "css", "scss", "less",
    ],
    keywords: &BRACED,
    constants: &["true", "false", "null", "nullptr", "nil", "this", "NULL"],
    definers: &["class", "struct", "enum", "interface", "func", "namespace"],
    line_comments: &["//"],
    block_comment: Some(("/*", "*/")),
    quotes: &[quote("\"", true, false), quote("'", true, false)],
    in_names: &[],
    ignores_case: false,
    is_python: false,
};

const RUST: Language = Language {
    names: &["rust", "rs"],
    constants: &["true", "false", "self", "Self", "None"],
    definers: &["fn", "struct", "enum", "mod"],
    // A single quote may begin a lifetime.
    quotes: &[quote("\"", true, true)],
    ..BRACES
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

/// Recognised by its comments, see the lexer.
const MARKUP: Language = Language {
    names: &["html", "xml", "svg", "xhtml", "vue"],
    keywords: &[],
    constants: &[],
    definers: &[],
    line_comments: &[],
    block_comment: Some(MARKUP_COMMENT),
    // An apostrophe is one in most texts.
    quotes: &[quote("\"", false, false)],
    in_names: &['-'],
    ignores_case: true,
    is_python: false,
};

/// What comments are in markup.
pub(super) const MARKUP_COMMENT: (&str, &str) = ("<!--", "-->");
