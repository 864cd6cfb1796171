//! Source to HTML, with a class for each kind of token.
//!
//! It is a lexer, not a parser: one pass over the text and no backtracking, so that it is as
//! fast on hostile text as on any other, and small enough for the browser. Tokens and languages
//! that it does not know stay plain. The languages are in `languages`, the lexer in `lexer`.
//!
//! A mark that opens something must not take the colours from the rest of the cell by mistake. So
//! most strings that do not end are strings only up to the end of their line; the lexer looks
//! ahead for the end, but only for a time that is proportional to the source.

mod languages;
mod lexer;
mod token;

use super::escape;

/// Source whose markup is more than this many times as long, and [`HIGHLIGHT_FREE_BYTES`]
/// longer, is written without colours: it is data, which colours make no clearer.
const HIGHLIGHT_GROWTH_FACTOR: usize = 6;
const HIGHLIGHT_FREE_BYTES: usize = 2048;
/// The most coloured tokens of one source, because a browser has to lay out an element for each.
const MAX_TOKEN_SPANS: usize = 10_000;

/// Whether `language` names one that is known here.
pub(crate) fn knows(language: &str) -> bool {
    languages::find(language).is_some()
}

/// Appends `source` in `language` as HTML to `out`.
pub(crate) fn push(out: &mut String, source: &str, language: &str) {
    let start = out.len();
    let Some(known) = languages::find(language) else {
        escape::push(out, source);
        return;
    };
    let limit = HIGHLIGHT_GROWTH_FACTOR * source.len() + HIGHLIGHT_FREE_BYTES;
    let mut spans = 0;
    let fits = lexer::tokens(source, known, &mut |class, text| {
        match class.tag() {
            Some(tag) => {
                spans += 1;
                out.push_str(tag);
                escape::push(out, text);
                out.push_str("</span>");
            }
            None => escape::push(out, text),
        }
        out.len() - start <= limit && spans <= MAX_TOKEN_SPANS
    });
    if !fits {
        out.truncate(start);
        escape::push(out, source);
    }
}

#[cfg(test)]
mod tests;
