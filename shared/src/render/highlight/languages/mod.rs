//! The languages that the lexer knows. One table is enough, because languages differ little in
//! what matters for colours. Languages with braces are in `braces`, functional ones and Julia in
//! `functional`, data and markup in `data`, rare ones in `sciences`, and others in `scripts`; names that differ from those
//! in the table, as `Julia 1.6` does, are read here.

mod braces;
mod data;
mod forms;
mod functional;
mod sciences;
mod scripts;

pub(in crate::render::highlight) use forms::Forms;

/// What the lexer needs to know of a language.
pub(in crate::render::highlight) struct Language {
    /// Its names in kernels, fences and cell magics, in lower case, and extensions of its files;
    /// in one string, which is smaller than a list.
    pub(in crate::render::highlight) names: &'static str,
    pub(in crate::render::highlight) keywords: &'static str,
    /// More keywords, where the others are of a group of languages.
    pub(in crate::render::highlight) own_keywords: &'static str,
    pub(in crate::render::highlight) constants: &'static str,
    /// Keywords after which a name is defined.
    pub(in crate::render::highlight) definers: &'static str,
    pub(in crate::render::highlight) line_comments: &'static [&'static str],
    pub(in crate::render::highlight) block_comments: &'static [BlockComment],
    /// Its quotes, longer ones first.
    pub(in crate::render::highlight) quotes: &'static [Quote],
    /// The characters that names may have besides letters, digits and underscores.
    pub(in crate::render::highlight) in_names: &'static [char],
    pub(in crate::render::highlight) ignores_case: bool,
    /// Has IPython's magics and shell lines, string prefixes and decorators.
    pub(in crate::render::highlight) is_python: bool,
    pub(in crate::render::highlight) forms: Forms,
}

/// What begins and ends a comment.
pub(in crate::render::highlight) struct BlockComment {
    pub(in crate::render::highlight) open: &'static str,
    pub(in crate::render::highlight) close: &'static str,
    /// A comment inside needs an end of its own.
    pub(in crate::render::highlight) nests: bool,
}

const fn comment(open: &'static str, close: &'static str, nests: bool) -> BlockComment {
    BlockComment { open, close, nests }
}

/// What begins and ends a string.
pub(in crate::render::highlight) struct Quote {
    pub(in crate::render::highlight) open: &'static str,
    pub(in crate::render::highlight) close: &'static str,
    pub(in crate::render::highlight) escape: Escape,
    pub(in crate::render::highlight) lines: Lines,
}

/// How a string has its own quote inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::render::highlight) enum Escape {
    Never,
    /// `\'`
    Backslash,
    /// `''`
    Doubled,
    /// `''`, and in some dialects `\'`, which is the end of the string in others.
    DoubledOrBackslash,
    /// `` `' `` and `''`
    DoubledOrBacktick,
}

/// How far a string may go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::render::highlight) enum Lines {
    /// To the end of its line.
    One,
    /// To its end in any line; without one to the end of its line, because a quote that is none
    /// must not take the colours from the rest of the cell.
    IfClosed,
    /// To its end, or that of the text.
    Many,
}

const fn quote(mark: &'static str, escape: Escape, lines: Lines) -> Quote {
    quotes(mark, mark, escape, lines)
}

const fn quotes(open: &'static str, close: &'static str, escape: Escape, lines: Lines) -> Quote {
    Quote {
        open,
        close,
        escape,
        lines,
    }
}

/// The language called `name`, in any case.
///
/// Kernels and editors have names with versions (`Julia 1.6`, `C++17`), with a place behind a dash
/// (`sql-sales`), media types (`text/x-csharp`) and extensions of files (`.jl`).
pub(in crate::render::highlight) fn find(name: &str) -> Option<&'static Language> {
    const PREFIXES: [&str; 4] = [".net-", ".", "text/x-", "text/"];
    let name = name.trim();
    let name = PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let is_version = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ' ');
    let short = name.trim_end_matches(is_version);
    exact(name)
        // `d3` and `h5` are no versions of languages.
        .or_else(|| (short.len() > 1).then(|| exact(short))?)
        .or_else(|| exact(&name[..name.find(['-', ' '])?]))
}

fn exact(name: &str) -> Option<&'static Language> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    LANGUAGES
        .iter()
        .find(|language| !name.is_empty() && language.names.split(' ').any(is))
}

pub(in crate::render::highlight) static LANGUAGES: [Language; 35] = [
    PYTHON,
    scripts::SHELL,
    data::SQL,
    scripts::R,
    functional::JULIA,
    braces::JAVASCRIPT,
    data::JSON,
    braces::C,
    braces::JAVA,
    braces::CSHARP,
    braces::GO,
    braces::KOTLIN,
    braces::SWIFT,
    braces::OTHERS,
    braces::CSS,
    braces::RUST,
    functional::HASKELL,
    functional::FSHARP,
    functional::OCAML,
    functional::LISP,
    data::CONFIG,
    data::MARKUP,
    data::TEX,
    data::TEXT,
    scripts::POWERSHELL,
    scripts::OCTAVE,
    scripts::STATA,
    scripts::LUA,
    scripts::RUBY,
    sciences::FORTRAN,
    sciences::SAS,
    sciences::PROLOG,
    sciences::WOLFRAM,
    sciences::MAXIMA,
    sciences::TCL,
];

/// The language of the body of an unknown script: all of it is plain.
pub(in crate::render::highlight) static PLAIN: Language = Language {
    forms: Forms::PLAIN,
    ..NOTHING
};

/// A language without anything, which the others are made from.
const NOTHING: Language = Language {
    names: "",
    keywords: "",
    own_keywords: "",
    constants: "",
    definers: "",
    line_comments: &[],
    block_comments: &[],
    quotes: &[],
    in_names: &[],
    ignores_case: false,
    is_python: false,
    forms: Forms::NONE,
};

const PYTHON: Language = Language {
    names: "python python3 python2 py ipython ipython3 ipython2 pycon pyw pyi pyx cython \
        pypy xpython pyspark sage sagemath coconut sos",
    keywords: "and as assert async await break class continue def del elif else except \
        finally for from global if import in is lambda nonlocal not or pass raise \
        return try while with yield",
    constants: "True False None self cls NotImplemented Ellipsis",
    definers: "def class",
    line_comments: &["#"],
    quotes: &[
        quote("\"\"\"", Escape::Backslash, Lines::Many),
        quote("'''", Escape::Backslash, Lines::Many),
        quote("\"", Escape::Backslash, Lines::One),
        quote("'", Escape::Backslash, Lines::One),
    ],
    is_python: true,
    ..NOTHING
};
