//! Languages with braces.

use super::{BlockComment, Escape, Forms, Language, Lines, NOTHING, Quote, comment, quote, quotes};

const DOUBLE: Quote = quote("\"", Escape::Backslash, Lines::One);
const SINGLE: Quote = quote("'", Escape::Backslash, Lines::One);
const TRIPLE: Quote = quote("\"\"\"", Escape::Never, Lines::Many);
const BACKQUOTES: Quote = quote("`", Escape::Never, Lines::IfClosed);

const COMMENT: &[BlockComment] = &[comment("/*", "*/", false)];
const NESTED_COMMENT: &[BlockComment] = &[comment("/*", "*/", true)];

pub(super) const JAVASCRIPT: Language = Language {
    names: "javascript js mjs jsx javascriptreact typescript ts tsx typescriptreact node \
        deno ijavascript jslab",
    keywords: "async await break case catch class const continue default delete do else \
        export extends finally for from function if import in instanceof interface let \
        new of return static super switch throw try type typeof var void while yield",
    constants: "true false null undefined this NaN Infinity",
    definers: "function class interface",
    line_comments: &["//"],
    block_comments: COMMENT,
    quotes: &[
        quote("`", Escape::Backslash, Lines::IfClosed),
        DOUBLE,
        SINGLE,
    ],
    in_names: &['$'],
    forms: Forms::JAVASCRIPT,
    ..NOTHING
};

/// The keywords of languages with braces, in one list, because fences of them are seldom long.
const BRACE_KEYWORDS: &str = "abstract as async auto await bool boolean break byte case catch char class const \
    constexpr continue crate def default defer delete do double else enum explicit \
    extends extern final finally float fn for func go goto if impl implements implicit \
    import in instanceof int interface is lazy let long loop match mod move mut \
    namespace new noexcept object operator override package private protected pub public \
    return sealed short signed sizeof static struct super switch synchronized template \
    throw throws trait try typedef typename union unsafe unsigned use using val var \
    virtual void volatile while with yield";

/// What languages with braces have in common.
const BRACES: Language = Language {
    keywords: BRACE_KEYWORDS,
    constants: "true false null nullptr nil this NULL",
    definers: "class struct enum interface func fun namespace def object trait protocol",
    line_comments: &["//"],
    block_comments: COMMENT,
    quotes: &[DOUBLE],
    forms: Forms::CHARACTERS,
    ..NOTHING
};

pub(super) const C: Language = Language {
    names: "c c++ c11 c99 cc cpp cxx h hpp xcpp xc c++src csrc cling root arduino ino cuda \
        cu",
    forms: Forms::CHARACTERS
        .and(Forms::RAW_OF_CPP)
        .and(Forms::QUOTES_IN_NUMBERS),
    ..BRACES
};

pub(super) const JAVA: Language = Language {
    names: "java jshell ijava rapaio-jupyter-kernel",
    quotes: &[quote("\"\"\"", Escape::Backslash, Lines::Many), DOUBLE],
    ..BRACES
};

pub(super) const CSHARP: Language = Language {
    names: "csharp cs c# csx",
    own_keywords: "decimal foreach internal out readonly record ref string",
    quotes: &[
        TRIPLE,
        quotes("$\"\"\"", "\"\"\"", Escape::Never, Lines::Many),
        quotes("$@\"", "\"", Escape::Doubled, Lines::IfClosed),
        quotes("@$\"", "\"", Escape::Doubled, Lines::IfClosed),
        quotes("@\"", "\"", Escape::Doubled, Lines::IfClosed),
        quotes("$\"", "\"", Escape::Backslash, Lines::One),
        DOUBLE,
    ],
    forms: Forms::CHARACTERS.and(Forms::DIRECTIVES),
    ..BRACES
};

pub(super) const GO: Language = Language {
    names: "go golang gonb gophernotes",
    own_keywords: "chan fallthrough map range select type",
    quotes: &[BACKQUOTES, DOUBLE],
    ..BRACES
};

/// Kotlin and Scala.
pub(super) const KOTLIN: Language = Language {
    names: "kotlin kt kts scala sc almond spylon-kernel",
    own_keywords: "by companion data fun init inner internal open suspend type typealias when",
    block_comments: NESTED_COMMENT,
    quotes: &[TRIPLE, DOUBLE, quote("`", Escape::Never, Lines::One)],
    ..BRACES
};

pub(super) const SWIFT: Language = Language {
    names: "swift",
    own_keywords: "deinit extension guard init inout protocol repeat where",
    block_comments: NESTED_COMMENT,
    quotes: &[
        quote("\"\"\"", Escape::Backslash, Lines::Many),
        DOUBLE,
        quotes("#\"", "\"#", Escape::Never, Lines::One),
    ],
    ..BRACES
};

/// Languages in which single quotes are strings.
pub(super) const OTHERS: Language = Language {
    names: "dart php scss less groovy gradle d zig",
    quotes: &[TRIPLE, DOUBLE, SINGLE],
    forms: Forms::URLS,
    ..BRACES
};

pub(super) const CSS: Language = Language {
    names: "css",
    line_comments: &[],
    quotes: &[DOUBLE, SINGLE],
    forms: Forms::URLS,
    ..BRACES
};

pub(super) const RUST: Language = Language {
    names: "rust rs evcxr",
    own_keywords: "dyn ref type where",
    constants: "true false self Self None",
    definers: "fn struct enum mod trait type",
    block_comments: NESTED_COMMENT,
    quotes: &[quote("\"", Escape::Backslash, Lines::IfClosed)],
    forms: Forms::CHARACTERS.and(Forms::RAW_OF_RUST),
    ..BRACES
};
