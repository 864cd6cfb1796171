//! Tokens that only a few languages have.

use super::{Lexer, raw, strings};
use crate::render::highlight::{languages::Forms, token::TokenClass};

impl<'a> Lexer<'a> {
    /// Reads a token that only a few languages have; apart from the rest of the lexer, so that
    /// others are not slower for it.
    #[inline(never)]
    pub(super) fn form(&mut self, first: char, rest: &'a str) -> Option<TokenClass> {
        let forms = self.language.forms;
        if self.before.is_none() {
            if !self.heredocs.is_empty()
                && let Some(class) = self.heredoc_texts()
            {
                return Some(class);
            }
            if self.switches
                && first == '#'
                && let Some(class) = self.directive(rest)
            {
                return Some(class);
            }
        }
        if forms.has(Forms::PLAIN) {
            let line = self.line();
            if self.switches && line.is_empty() {
                return None;
            }
            self.at += match self.switches {
                true => line.len(),
                false => rest.len(),
            };
            return Some(TokenClass::Plain);
        }
        match first {
            '\'' if forms.has(Forms::TRANSPOSES) && self.is_behind_value() => {
                self.at += 1;
                Some(TokenClass::Plain)
            }
            '\'' if forms.has(Forms::CHARACTERS) => self.literal(strings::character_length(rest)),
            '\\' if forms.has(Forms::ESCAPES) => {
                let escaped = rest.chars().nth(1).filter(|c| *c != '\n');
                self.at += 1 + escaped.map_or(0, char::len_utf8);
                Some(TokenClass::Plain)
            }
            '<' if forms.has(Forms::HEREDOCS) => self.heredoc(rest.as_bytes()),
            '/' if forms.has(Forms::JAVASCRIPT) && self.may_begin_regex(rest) => {
                let length = strings::regex_length(rest.as_bytes(), &mut self.lookahead);
                self.literal(length)
            }
            '`' if forms.has(Forms::JAVASCRIPT) => {
                let length = strings::template_length(rest.as_bytes(), &mut self.lookahead);
                self.literal(length)
            }
            '-' if forms.has(Forms::DASH_OPERATORS) => self.dashes(rest.as_bytes()),
            '*' if forms.has(Forms::STAR_COMMENTS) && self.before.is_none() => {
                self.at += self.line().len();
                Some(TokenClass::Comment)
            }
            'u' | 'U' if forms.has(Forms::URLS) => {
                let length = strings::url_length(rest.as_bytes(), &mut self.lookahead);
                self.literal(length)
            }
            'r' | 'R' | 'b' | 'c' | 'L' | 'u' | 'U' if forms.has(Forms::RAW) => {
                let length = raw::string_length(rest.as_bytes(), forms, &mut self.lookahead);
                self.literal(length)
            }
            _ => None,
        }
    }

    fn literal(&mut self, length: Option<usize>) -> Option<TokenClass> {
        self.at += length?;
        self.defines = false;
        Some(TokenClass::String)
    }

    /// Whether a name, a number or a closing bracket is directly before.
    fn is_behind_value(&self) -> bool {
        let before = self.source[..self.at].chars().next_back();
        before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '}' | '\'' | '.'))
            && self.last != TokenClass::Keyword
    }

    /// Whether a slash begins a regular expression of JavaScript here, if it has an end: behind a
    /// value it divides, behind `<` it belongs to a tag of JSX, and it may begin a comment.
    fn may_begin_regex(&self, rest: &str) -> bool {
        let is_value = |c: char| {
            c.is_alphanumeric() || matches!(c, '_' | '$' | ')' | ']' | '}' | '"' | '\'' | '`' | '<')
        };
        !rest.starts_with("//")
            && !rest.starts_with("/*")
            && (self.last == TokenClass::Keyword || !self.before.is_some_and(is_value))
            && !self.is_behind_step()
    }

    /// Whether `++` or `--` is before, which nearly always ends a value.
    fn is_behind_step(&self) -> bool {
        let before = self.source[..self.at].trim_end_matches([' ', '\t']);
        before.ends_with("++") || before.ends_with("--")
    }
}
