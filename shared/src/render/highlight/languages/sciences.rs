//! Languages of laboratories, statistics and logic, which few classes use.

use super::{Escape, Forms, Language, Lines, NOTHING, comment, quote};

pub(super) const FORTRAN: Language = Language {
    names: "fortran f f90 f95 f03 f08 lfortran coarray free-form-fortran fortranfreeform \
        fortranfixedform",
    keywords: "allocatable allocate call case character complex contains cycle deallocate dimension do \
        else elseif end enddo endif exit function go goto if implicit integer intent interface \
        intrinsic logical module none only parameter print procedure program pure read real \
        recursive result return save select stop subroutine then to type use where while write",
    definers: "function module program subroutine",
    line_comments: &["!"],
    quotes: &[
        quote("\"", Escape::Doubled, Lines::One),
        quote("'", Escape::Doubled, Lines::One),
    ],
    ignores_case: true,
    ..NOTHING
};

pub(super) const SAS: Language = Language {
    names: "sas saskernel",
    keywords: "and array by class data datalines do else end format from group if in infile input \
        label libname merge model not or order output proc quit rename retain run select set table \
        then title to until var where while",
    block_comments: &[comment("/*", "*/", false)],
    quotes: &[
        quote("\"", Escape::Doubled, Lines::IfClosed),
        quote("'", Escape::Doubled, Lines::IfClosed),
    ],
    ignores_case: true,
    forms: Forms::STAR_COMMENTS,
    ..NOTHING
};

pub(super) const PROLOG: Language = Language {
    names: "prolog swipl swi-prolog problog erlang erl",
    keywords: "after case catch dynamic end fail false fun if is module not of receive true try when",
    line_comments: &["%"],
    block_comments: &[comment("/*", "*/", false)],
    quotes: &[
        quote("\"", Escape::Backslash, Lines::One),
        quote("'", Escape::Backslash, Lines::One),
    ],
    forms: Forms::CHARACTERS,
    ..NOTHING
};

pub(super) const WOLFRAM: Language = Language {
    names: "wolfram wolframlanguage wolframscript mathematica mathics wl wls",
    keywords: "Block Break Continue Do For Function If Module Return Switch Table Which While With",
    constants: "False True Null All None Infinity Pi",
    block_comments: &[comment("(*", "*)", true)],
    quotes: &[quote("\"", Escape::Backslash, Lines::IfClosed)],
    in_names: &['$'],
    ..NOTHING
};

pub(super) const MAXIMA: Language = Language {
    names: "maxima imaxima",
    keywords: "and block do else elseif for from if in lambda not or return step then thru unless \
        while",
    constants: "true false",
    block_comments: &[comment("/*", "*/", true)],
    quotes: &[quote("\"", Escape::Backslash, Lines::IfClosed)],
    ..NOTHING
};

pub(super) const TCL: Language = Language {
    names: "tcl tclsh gnuplot",
    keywords: "break catch continue else elseif expr for foreach if plot proc puts return set splot \
        switch then unset while",
    definers: "proc",
    line_comments: &["#"],
    quotes: &[quote("\"", Escape::Backslash, Lines::IfClosed)],
    in_names: &['$'],
    forms: Forms::SPACED_HASHES.and(Forms::ESCAPES),
    ..NOTHING
};
