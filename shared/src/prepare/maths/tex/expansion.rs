//! The expansion of macros: those that a notebook defines, and those that are known.
//!
//! An expansion reads at most as much as its allowance, since a few short macros could make any
//! length.

use std::rc::Rc;

use super::{
    known,
    macros::{DEFINING_COMMANDS, MAX_MACRO_BYTES, TexDefinitions, TexMacro},
    scan::{TexScanner, command_name, push_token},
};

/// The most open macros: one that is expanded within another.
const MAX_OPEN_EXPANSIONS: usize = 200;

/// The expansion of one formula.
pub(super) struct Expansion<'d> {
    definitions: &'d mut Rc<TexDefinitions>,
    /// The bytes that macros may still bring.
    left: &'d mut usize,
    out: String,
    /// Whether a definition was read.
    pub(super) defines: bool,
}

/// Whether `tex` may define something, or have a macro to expand.
pub(super) fn may_change(tex: &str, definitions: &TexDefinitions) -> bool {
    let mut rest = TexScanner(tex);
    while let Some(token) = rest.token() {
        let Some(name) = command_name(token) else {
            continue;
        };
        let is_own = definitions.macros.contains_key(name)
            || (name == "begin" && !definitions.environments.is_empty());
        if is_own || known::macro_of(name).is_some() || DEFINING_COMMANDS.contains(&name) {
            return true;
        }
    }
    false
}

impl<'d> Expansion<'d> {
    pub(super) fn new(definitions: &'d mut Rc<TexDefinitions>, left: &'d mut usize) -> Self {
        Self {
            definitions,
            left,
            out: String::new(),
            defines: false,
        }
    }

    /// `tex` with its macros expanded and without its definitions, which are read; `None` when it
    /// is wrong, or more than there is an allowance for.
    pub(super) fn expanded(mut self, tex: &str) -> Option<(String, bool)> {
        let mut texts: Vec<String> = Vec::new();
        let mut rest = tex.to_owned();
        loop {
            let mut scanner = TexScanner(&rest);
            let brought = self.up_to_macro(&mut scanner)?;
            let Some(brought) = brought else {
                match texts.pop() {
                    Some(outer) => rest = outer,
                    None => return Some((self.out, self.defines)),
                }
                continue;
            };
            *self.left = self.left.checked_sub(brought.len())?;
            // What a macro brings is read before the rest; an argument may go on into the rest.
            let after = scanner.0;
            if after.len() <= MAX_MACRO_BYTES || needs_arguments(&brought) {
                *self.left = self.left.checked_sub(after.len() / 8)?;
                rest = joined(&brought, after);
            } else {
                let after = after.to_owned();
                texts.push(after);
                rest = brought;
                if texts.len() > MAX_OPEN_EXPANSIONS {
                    return None;
                }
            }
        }
    }

    /// Writes tokens up to the first macro, and returns what stands in its place; `None` inside
    /// when there is no macro.
    #[expect(clippy::option_option, reason = "the outer one is a failure")]
    fn up_to_macro(&mut self, rest: &mut TexScanner<'_>) -> Option<Option<String>> {
        while let Some(token) = rest.token() {
            let Some(name) = command_name(token) else {
                push_token(&mut self.out, token);
                continue;
            };
            if DEFINING_COMMANDS.contains(&name) {
                Rc::make_mut(self.definitions).read_definition(name, rest)?;
                self.defines = true;
                continue;
            }
            if let Some(own) = self
                .definitions
                .macros
                .get(name)
                .filter(|own| own.is_engine)
            {
                push_token(&mut self.out, &own.body);
                continue;
            }
            if let Some(brought) = self.macro_text(name, rest) {
                return brought.map(Some);
            }
            push_token(&mut self.out, token);
        }
        Some(None)
    }

    /// What stands in place of the command `name`; `None` when it is no macro.
    #[expect(clippy::option_option, reason = "the inner one is a failure")]
    fn macro_text(&self, name: &str, rest: &mut TexScanner<'_>) -> Option<Option<String>> {
        if let Some(own) = self.definitions.macros.get(name) {
            let variant = |mark: &str| self.definitions.macros.get(&format!("{name}{mark}"));
            let starred = variant("*").filter(|_| rest.takes("*"));
            let sized = || variant("[").filter(|_| rest.optional_ahead());
            return Some(starred.or_else(sized).unwrap_or(own).expanded(rest));
        }
        if matches!(name, "begin" | "end") {
            let mut ahead = *rest;
            let environment = ahead.argument()?;
            let [begin, end] = self.definitions.environments.get(environment)?;
            *rest = ahead;
            let text = match name {
                "begin" => begin.expanded(rest),
                _ => Some(end.body.clone()),
            };
            return Some(text);
        }
        let known = TexMacro::known(name)?;
        if known::takes_option(name) {
            rest.optional();
        }
        Some(known.expanded(rest))
    }
}

/// Whether `brought` ends in a command, whose arguments then follow behind the macro.
fn needs_arguments(brought: &str) -> bool {
    let trimmed = brought.trim_end();
    let name = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '*');
    name.ends_with('\\') || trimmed.ends_with(['^', '_', '}', ']'])
}

fn joined(before: &str, after: &str) -> String {
    let mut text = String::with_capacity(before.len() + after.len() + 1);
    text.push_str(before);
    // Only the first letter could go on the name of a command.
    let first = after.chars().next().map_or(0, char::len_utf8);
    push_token(&mut text, &after[..first]);
    text.push_str(&after[first..]);
    text
}

impl TexMacro {
    /// The macro of commands of the engine's that `name` is.
    pub(super) fn known(name: &str) -> Option<Self> {
        let (parameters, body) = known::macro_of(name)?;
        Some(Self {
            parameters,
            body: body.to_owned(),
            ..Self::default()
        })
    }

    /// The text in place of the macro, whose arguments are taken from `rest`.
    fn expanded(&self, rest: &mut TexScanner<'_>) -> Option<String> {
        let mut arguments: Vec<&str> = Vec::new();
        if let Some(begin) = self.pattern.first() {
            (begin.is_empty() || rest.takes(begin)).then_some(())?;
            for end in &self.pattern[1..] {
                arguments.push(match end.is_empty() {
                    true => rest.argument()?,
                    false => delimited(rest, end)?,
                });
            }
        } else {
            if let Some(default) = &self.default {
                arguments.push(rest.optional().unwrap_or(default));
            }
            while arguments.len() < self.parameters {
                arguments.push(rest.argument()?);
            }
        }
        Some(self.filled(&arguments))
    }

    /// The body with `arguments` in place of its parameters.
    fn filled(&self, arguments: &[&str]) -> String {
        let mut out = String::with_capacity(self.body.len());
        let mut body = TexScanner(&self.body);
        while let Some(token) = body.token() {
            if token != "#" {
                push_token(&mut out, token);
                continue;
            }
            let number = body.token().unwrap_or_default();
            let argument = number.parse().ok().and_then(|n: usize| {
                let at = n.checked_sub(1)?;
                arguments.get(at)
            });
            match argument {
                Some(argument) => out = joined(&out, argument),
                None => out.push_str(number),
            }
        }
        out
    }
}

/// Takes what stands before `end`.
fn delimited<'a>(rest: &mut TexScanner<'a>, end: &str) -> Option<&'a str> {
    let (inside, after) = rest.0.split_once(end)?;
    rest.0 = after;
    let inside = inside.trim();
    let whole = inside
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    Some(whole.filter(|whole| !whole.contains('}')).unwrap_or(inside))
}
