//! Languages of shells and of calculations.

use super::{Escape, Forms, Language, Lines, NOTHING, comment, quote, quotes};

pub(super) const SHELL: Language = Language {
    names: "bash sh shell shellscript zsh ksh console shell-session script system sx !",
    keywords: "case do done elif else esac export fi for function if in local return then \
        until while",
    constants: "true false",
    definers: "function",
    line_comments: &["#"],
    quotes: &[
        quotes("$'", "'", Escape::Backslash, Lines::IfClosed),
        quote("\"", Escape::Backslash, Lines::IfClosed),
        quote("'", Escape::Never, Lines::IfClosed),
    ],
    in_names: &['$', '-'],
    forms: Forms::ESCAPES
        .and(Forms::HEREDOCS)
        .and(Forms::SPACED_HEREDOCS)
        .and(Forms::SPACED_HASHES),
    ..NOTHING
};

pub(super) const R: Language = Language {
    names: "r ir xr webr rscript",
    keywords: "break else for function if in library next repeat require return while",
    constants: "TRUE FALSE NULL NA NaN Inf",
    line_comments: &["#"],
    quotes: &[
        quote("\"", Escape::Backslash, Lines::IfClosed),
        quote("'", Escape::Backslash, Lines::IfClosed),
        quote("`", Escape::Never, Lines::One),
    ],
    in_names: &['.'],
    forms: Forms::RAW_OF_R,
    ..NOTHING
};

pub(super) const RUBY: Language = Language {
    names: "ruby rb iruby",
    keywords: "alias and begin break case class def do else elsif end ensure for if in module \
        next not or require rescue return super then unless until when while yield",
    constants: "true false nil self",
    definers: "class def module",
    line_comments: &["#"],
    quotes: &[
        quote("\"", Escape::Backslash, Lines::One),
        quote("'", Escape::Backslash, Lines::One),
    ],
    forms: Forms::SPACED_HASHES.and(Forms::HEREDOCS),
    ..NOTHING
};

/// The keywords of the languages below, in one list, because cells of them are rare.
const KEYWORDS: &str = "and begin break by case catch continue data do else \
    elseif end endif exit filter for foreach from function goto \
    if in let local module next not of or otherwise \
    param proc process repeat return run set then throw \
    to trap try until use using where while";

pub(super) const POWERSHELL: Language = Language {
    names: "powershell pwsh ps1 psm1",
    keywords: KEYWORDS,
    constants: "$true $false $null",
    definers: "function",
    line_comments: &["#"],
    block_comments: &[comment("<#", "#>", false)],
    quotes: &[
        quotes("@\"\n", "\n\"@", Escape::Never, Lines::IfClosed),
        quotes("@'\n", "\n'@", Escape::Never, Lines::IfClosed),
        quote("\"", Escape::DoubledOrBacktick, Lines::IfClosed),
        quote("'", Escape::Doubled, Lines::IfClosed),
    ],
    in_names: &['$', '-'],
    ignores_case: true,
    forms: Forms::DIRECTIVES,
    ..NOTHING
};

pub(super) const OCTAVE: Language = Language {
    names: "octave matlab m imatlab xoctave scilab",
    keywords: KEYWORDS,
    own_keywords: "classdef endfunction endfor endwhile global switch",
    constants: "true false pi Inf NaN",
    definers: "function",
    line_comments: &["%", "#"],
    block_comments: &[
        comment("%{\n", "\n%}", false),
        comment("#{\n", "\n#}", false),
    ],
    quotes: &[
        quote("\"", Escape::Backslash, Lines::One),
        quote("'", Escape::Doubled, Lines::One),
    ],
    forms: Forms::TRANSPOSES,
    ..NOTHING
};

pub(super) const STATA: Language = Language {
    names: "stata do ado",
    keywords: KEYWORDS,
    own_keywords: "clear display drop forvalues gen generate global keep merge quietly regress \
        replace summarize sysuse",
    line_comments: &["//"],
    block_comments: &[comment("/*", "*/", false)],
    // Single quotes stand for macros: `x'.
    quotes: &[
        quotes("`\"", "\"'", Escape::Never, Lines::One),
        quote("\"", Escape::Never, Lines::One),
    ],
    forms: Forms::STAR_COMMENTS,
    ..NOTHING
};

pub(super) const LUA: Language = Language {
    names: "lua ilua xlua",
    keywords: KEYWORDS,
    constants: "true false nil self",
    definers: "function",
    line_comments: &["--"],
    block_comments: &[comment("--[[", "]]", false)],
    quotes: &[
        quotes("[[", "]]", Escape::Never, Lines::IfClosed),
        quote("\"", Escape::Backslash, Lines::One),
        quote("'", Escape::Backslash, Lines::One),
    ],
    ..NOTHING
};
