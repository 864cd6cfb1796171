//! IPython's own syntax, and .NET Interactive's: lines that are not of the language, and those
//! that set the language of what follows.

use super::Lexer;
use crate::render::highlight::{
    languages::{self, Language, PLAIN},
    token::TokenClass,
};

impl Lexer<'_> {
    /// Whether IPython's own syntax begins here: a magic, a shell command, a question.
    pub(super) fn is_magic(&self, first: char) -> bool {
        let next = self.source[self.at + first.len_utf8()..].chars().next();
        match (first, self.before) {
            ('%' | '!' | '?', None) => self.depth == 0,
            ('!' | '%', Some('=')) => next != Some('='),
            (_, None) if self.depth == 0 => {
                let line = self.line().trim_end();
                let asked = line.trim_end_matches('?');
                let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '%' | '*');
                asked.len() < line.len() && asked.chars().all(name)
            }
            _ => false,
        }
    }

    /// Reads the rest of the line; a cell magic also sets the language of the rest of the cell.
    ///
    /// Cell magics are the first thing of a cell, or of what another one runs, as in a cell of
    /// `%%time` and `%%bash`.
    pub(super) fn magic(&mut self) -> TokenClass {
        let line = self.line();
        let body = line.strip_prefix("%%").filter(|_| self.only_magics);
        if let Some(language) = body.and_then(language_of_body) {
            self.set_language(language);
        }
        self.only_magics = body.is_some();
        self.at += line.len();
        TokenClass::Magic
    }

    /// Reads a line such as `#!fsharp`, which sets the language of the lines below, or
    /// `#!share x`, which does something else.
    pub(super) fn directive(&mut self, rest: &str) -> Option<TokenClass> {
        let name = rest.strip_prefix("#!")?.split_whitespace().next()?;
        if let Some(language) = languages::find(name) {
            self.set_language(language);
        }
        self.at += self.line().len();
        Some(TokenClass::Magic)
    }
}

/// The language of the body of a cell magic, `None` for the one of the cell, which most magics
/// that nobody knows here run in their own way.
fn language_of_body(magic: &str) -> Option<&'static Language> {
    let (name, line) = magic.split_once([' ', '\t']).unwrap_or((magic, ""));
    match name.trim_end() {
        "writefile" | "file" => {
            let name = file_name(line);
            let name = name.rsplit('/').next().unwrap_or_default();
            let extension = name.rsplit('.').next().unwrap_or_default();
            Some(languages::find(extension).unwrap_or(&PLAIN))
        }
        "script" => match program(line) {
            // The usual way to say that a cell is not to be run.
            "" | "false" | "true" => None,
            name => Some(languages::find(name).unwrap_or(&PLAIN)),
        },
        name => languages::find(name),
    }
}

/// The name of the file in the line of `%%writefile`, which may have quotes and options.
fn file_name(line: &str) -> &str {
    let mut line = line.trim();
    while let Some((option, rest)) = line.split_once([' ', '\t'])
        && option.starts_with('-')
    {
        line = rest.trim_start();
    }
    let quoted = line.strip_prefix(['"', '\'']);
    let end = match quoted {
        Some(inside) => inside.find(['"', '\'']),
        None => line.find(char::is_whitespace),
    };
    let name = quoted.unwrap_or(line);
    &name[..end.unwrap_or(name.len())]
}

/// The name of the program in the line of `%%script`, without its folder.
fn program(line: &str) -> &str {
    let mut words = line.split_whitespace();
    while let Some(word) = words.next() {
        let name = word.rsplit('/').next().unwrap_or_default();
        match word {
            "--out" | "--err" | "--proc" => drop(words.next()),
            // Options of the magic or of `env`, and the variables of the latter.
            _ if word.starts_with('-') || word.contains('=') || name == "env" => {}
            _ => return name,
        }
    }
    ""
}
