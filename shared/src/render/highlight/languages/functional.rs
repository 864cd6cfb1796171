//! Julia, and functional languages.

use super::{Escape, Forms, Language, Lines, NOTHING, comment, quote, quotes};

pub(super) const JULIA: Language = Language {
    names: "julia jl",
    keywords: "abstract baremodule begin break catch const continue do else elseif end export \
        finally for function global if import in isa let local macro module mutable \
        primitive quote return struct try type using where while",
    constants: "true false nothing missing Inf NaN pi",
    definers: "function macro module struct",
    line_comments: &["#"],
    block_comments: &[comment("#=", "=#", true)],
    quotes: &[
        quote("\"\"\"", Escape::Backslash, Lines::Many),
        quote("\"", Escape::Backslash, Lines::IfClosed),
        quote("`", Escape::Backslash, Lines::IfClosed),
    ],
    in_names: &['!'],
    forms: Forms::CHARACTERS.and(Forms::TRANSPOSES),
    ..NOTHING
};

pub(super) const HASKELL: Language = Language {
    names: "haskell hs ihaskell",
    keywords: "case class data deriving do else forall foreign if import in infix infixl \
        infixr instance let mdo module newtype of qualified then type where",
    constants: "False True Nothing",
    definers: "class data newtype type",
    line_comments: &["--"],
    block_comments: &[comment("{-", "-}", true)],
    quotes: &[quote("\"", Escape::Backslash, Lines::One)],
    in_names: &['\''],
    forms: Forms::CHARACTERS.and(Forms::DASH_OPERATORS),
    ..NOTHING
};

pub(super) const FSHARP: Language = Language {
    names: "fsharp f# fs fsx",
    keywords: "abstract and as async begin class do done elif else end exception finally for \
        fun function if in inherit inline interface lazy let match member module \
        mutable namespace new of open override rec return static then to try type use \
        val when while with yield",
    constants: "false null true None",
    definers: "let module type member",
    line_comments: &["//"],
    block_comments: &[comment("(*", "*)", true)],
    quotes: &[
        quote("\"\"\"", Escape::Never, Lines::Many),
        quotes("$\"\"\"", "\"\"\"", Escape::Never, Lines::Many),
        quotes("$@\"", "\"", Escape::Doubled, Lines::IfClosed),
        quotes("@\"", "\"", Escape::Doubled, Lines::IfClosed),
        quote("\"", Escape::Backslash, Lines::IfClosed),
        quote("``", Escape::Never, Lines::One),
    ],
    in_names: &['\''],
    forms: Forms::CHARACTERS.and(Forms::DIRECTIVES),
    ..NOTHING
};

pub(super) const OCAML: Language = Language {
    names: "ocaml ml mli mllike",
    line_comments: &[],
    quotes: &[
        quote("\"", Escape::Backslash, Lines::IfClosed),
        quotes("{|", "|}", Escape::Never, Lines::IfClosed),
    ],
    forms: Forms::CHARACTERS,
    ..FSHARP
};

/// Clojure, Scheme and other languages of lists.
pub(super) const LISP: Language = Language {
    names: "clojure clj cljs scheme scm racket rkt lisp el hy",
    keywords: "and begin case cond def define defmacro defn defun do doseq else fn for if \
        import in-ns lambda let let* letrec loop not ns or quote recur require set! \
        unless when",
    constants: "nil true false",
    definers: "def define defmacro defn defun ns",
    line_comments: &[";"],
    block_comments: &[comment("#|", "|#", true)],
    quotes: &[quote("\"", Escape::Backslash, Lines::IfClosed)],
    in_names: &['-', '!', '*'],
    // A backslash is before a character: `\"`, `#\;`.
    forms: Forms::ESCAPES,
    ..NOTHING
};
