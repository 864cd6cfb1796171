//! Comments, and what only looks like one.

use super::{Lexer, begins, is_operator};
use crate::{
    render::highlight::{
        languages::{BlockComment, Forms},
        token::TokenClass,
    },
    scan,
};

/// The operator `*` between parentheses, which begins as a comment of F# does.
const STAR_OPERATOR: &str = "(*)";

impl Lexer<'_> {
    pub(super) fn comment(&mut self, rest: &str) -> Option<TokenClass> {
        let mut comments = self.language.block_comments.iter();
        if let Some(comment) = comments.find(|comment| begins(rest.as_bytes(), comment.open)) {
            if rest.starts_with(STAR_OPERATOR) {
                self.at += STAR_OPERATOR.len();
                return Some(TokenClass::Operator);
            }
            self.at += match comment.nests {
                true => nested_length(rest.as_bytes(), comment),
                false => length(rest, comment),
            };
            return Some(TokenClass::Comment);
        }
        let mut marks = self.language.line_comments.iter();
        let mark = marks.find(|mark| begins(rest.as_bytes(), mark))?;
        // In a shell, `a#b` is a word.
        let before = self.source[..self.at].chars().next_back();
        if *mark == "#"
            && self.language.forms.has(Forms::SPACED_HASHES)
            && before.is_some_and(|c| !c.is_whitespace() && c != ';')
        {
            return None;
        }
        self.at += self.line().len();
        Some(TokenClass::Comment)
    }

    /// The dashes of an operator of Haskell such as `-->`, which begin no comment.
    pub(super) fn dashes(&mut self, rest: &[u8]) -> Option<TokenClass> {
        let is_sign = |byte: &u8| is_operator(char::from(*byte)) || b"#$.\\".contains(byte);
        let signs = rest
            .iter()
            .position(|byte| !is_sign(byte))
            .unwrap_or(rest.len());
        let signs = &rest[..signs];
        if !signs.starts_with(b"--") || signs.iter().all(|byte| *byte == b'-') {
            return None;
        }
        self.at += signs.len();
        Some(TokenClass::Operator)
    }
}

fn length(text: &str, comment: &BlockComment) -> usize {
    let inside = &text[comment.open.len()..];
    let end = inside.find(comment.close);
    end.map_or(text.len(), |at| {
        comment.open.len() + at + comment.close.len()
    })
}

/// The same for a comment in which others may be.
fn nested_length(text: &[u8], comment: &BlockComment) -> usize {
    let stops = [comment.open.as_bytes()[0], comment.close.as_bytes()[0]];
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        at += scan::length_before(&text[at..], stops);
        let rest = &text[at..];
        if rest.is_empty() {
            return text.len();
        } else if begins(rest, STAR_OPERATOR) && begins(comment.open.as_bytes(), "(*") {
            at += STAR_OPERATOR.len();
        } else if begins(rest, comment.open) {
            depth += 1;
            at += comment.open.len();
        } else if begins(rest, comment.close) {
            depth -= 1;
            at += comment.close.len();
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
}
