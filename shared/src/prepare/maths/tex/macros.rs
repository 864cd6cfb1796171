//! The macros that a notebook defines, and their expansion.
//!
//! As in Jupyter, a macro holds from its definition to the end of the notebook, and a definition
//! shows nothing. An expansion reads at most as much as its allowance, since a few short macros
//! could make any length.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    known,
    scan::{TexScanner, command_name, push_token},
};

/// The most bytes of a macro, and of all that a notebook defines, which is copied where a cell
/// defines more.
const MAX_MACRO_BYTES: usize = 2000;
const MAX_DEFINITION_BYTES: usize = 64 * 1024;
/// The bytes that a definition takes beside its text.
const ENTRY_BYTES: usize = 64;
/// The most open macros: one that is expanded within another.
const MAX_OPEN_EXPANSIONS: usize = 200;

/// What a notebook has defined so far: macros, environments, labels and colours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::prepare) struct TexDefinitions {
    macros: BTreeMap<String, TexMacro>,
    environments: BTreeMap<String, [TexMacro; 2]>,
    labels: BTreeMap<String, String>,
    colours: BTreeMap<String, [u8; 3]>,
    /// The bytes that all of them take.
    bytes: usize,
}

/// A macro: its parameters, and the text in its place, with `#1` for the first argument.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct TexMacro {
    parameters: usize,
    /// The value of the first parameter where it is left out; then it stands in brackets.
    default: Option<String>,
    /// For each parameter the text that ends it, and before all the text that begins them; empty
    /// but for `\def` with a pattern.
    pattern: Vec<String>,
    body: String,
    /// Whether the body is a command of the engine's, which a macro of the same name does not
    /// replace.
    is_engine: bool,
}

impl TexDefinitions {
    /// Whether there is room for a definition of so many bytes, which is taken then.
    fn takes(&mut self, bytes: usize) -> bool {
        let all = self.bytes + bytes + ENTRY_BYTES;
        let fits = bytes <= MAX_MACRO_BYTES && all <= MAX_DEFINITION_BYTES;
        if fits {
            self.bytes = all;
        }
        fits
    }

    /// The tag of the formula with this label, when it has one.
    pub(super) fn tag(&self, label: &str) -> Option<&str> {
        self.labels.get(label).map(String::as_str)
    }

    pub(super) fn set_tag(&mut self, label: &str, tag: &str) {
        if self.takes(label.len() + tag.len()) {
            self.labels.insert(label.to_owned(), tag.to_owned());
        }
    }

    /// The colour that the notebook calls `name`.
    pub(super) fn colour(&self, name: &str) -> Option<[u8; 3]> {
        self.colours.get(name).copied()
    }

    pub(super) fn set_colour(&mut self, name: &str, colour: [u8; 3]) {
        if self.takes(name.len() + colour.len()) {
            self.colours.insert(name.to_owned(), colour);
        }
    }

    fn define(&mut self, name: &str, defined: TexMacro) {
        let others = defined.pattern.iter().chain(&defined.default);
        let others: usize = others.map(String::len).sum();
        if self.takes(name.len() + defined.body.len() + others) {
            self.macros.insert(name.to_owned(), defined);
        }
    }

    /// Reads the definition that the command `name` begins; `None` when it begins none.
    fn read_definition(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<()> {
        match name {
            "newcommand" | "renewcommand" | "providecommand" => self.read_command(rest),
            "def" | "gdef" => self.read_def(rest),
            "let" => self.read_let(rest),
            "DeclareMathOperator" => self.read_operator(rest),
            "DeclarePairedDelimiter" => self.read_delimiters(rest),
            "newenvironment" | "renewenvironment" => self.read_environment(rest),
            _ => None,
        }
    }

    fn read_command(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        rest.takes("*");
        let name = defined_name(rest.argument()?)?;
        let (parameters, default) = read_parameters(rest)?;
        let body = rest.argument()?.to_owned();
        self.define(
            name,
            TexMacro {
                parameters,
                default,
                body,
                ..TexMacro::default()
            },
        );
        Some(())
    }

    fn read_def(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        rest.skip_space();
        let name = defined_name(rest.token()?)?;
        let mut pattern = vec![String::new()];
        while !rest.0.starts_with('{') {
            match rest.token()? {
                "#" => {
                    rest.token()?.parse::<usize>().ok()?;
                    pattern.push(String::new());
                }
                "}" => return None,
                token => pattern.last_mut()?.push_str(token.trim()),
            }
        }
        let parameters = pattern.len() - 1;
        if pattern.iter().all(String::is_empty) {
            pattern.clear();
        }
        let body = rest.argument()?.to_owned();
        self.define(
            name,
            TexMacro {
                parameters: parameters.min(9),
                pattern,
                body,
                ..TexMacro::default()
            },
        );
        Some(())
    }

    fn read_let(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        rest.skip_space();
        let name = defined_name(rest.token()?)?;
        rest.takes("=");
        rest.skip_space();
        let other = rest.token()?;
        let command = command_name(other);
        let same = command.and_then(|other| self.macros.get(other).cloned());
        let known = || command.and_then(TexMacro::known);
        let defined = same.or_else(known).unwrap_or_else(|| TexMacro {
            body: other.to_owned(),
            // A definition is read, and what an environment begins with depends on its name.
            is_engine: command.is_some_and(|other| {
                !DEFINING_COMMANDS.contains(&other) && !matches!(other, "begin" | "end")
            }),
            ..TexMacro::default()
        });
        if defined.body != format!("\\{name}") {
            self.define(name, defined);
        }
        Some(())
    }

    fn read_operator(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let star = if rest.takes("*") { "*" } else { "" };
        let name = defined_name(rest.argument()?)?;
        let body = format!("\\operatorname{star}{{{}}}", rest.argument()?);
        self.define(
            name,
            TexMacro {
                body,
                ..TexMacro::default()
            },
        );
        Some(())
    }

    fn read_delimiters(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let name = defined_name(rest.argument()?)?;
        let (open, close) = (rest.argument()?, rest.argument()?);
        let body = format!("{open}{{#1}}{close}");
        let defined = TexMacro {
            parameters: 1,
            body,
            ..TexMacro::default()
        };
        self.define(name, defined);
        // With a star they are as large as what they hold.
        let starred = TexMacro {
            parameters: 1,
            body: format!("\\left{open} #1 \\right{close}"),
            ..TexMacro::default()
        };
        self.define(&format!("{name}*"), starred);
        // With an option they are of that size.
        let sized = TexMacro {
            parameters: 2,
            default: Some(String::new()),
            body: format!("#1{{{open}}}#2#1{{{close}}}"),
            ..TexMacro::default()
        };
        self.define(&format!("{name}["), sized);
        Some(())
    }

    fn read_environment(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let name = rest.argument()?;
        let (parameters, default) = read_parameters(rest)?;
        let [before, after] = [rest.argument()?, rest.argument()?];
        let begin = TexMacro {
            parameters,
            default,
            body: before.to_owned(),
            ..TexMacro::default()
        };
        let end = TexMacro {
            body: after.to_owned(),
            ..TexMacro::default()
        };
        let others = begin.default.as_ref().map_or(0, String::len);
        if self.takes(name.len() + before.len() + after.len() + others) {
            self.environments.insert(name.to_owned(), [begin, end]);
        }
        Some(())
    }
}

/// The name of the command that is defined.
fn defined_name(token: &str) -> Option<&str> {
    command_name(token.trim())
}

/// The number of parameters, and the first one's default.
fn read_parameters(rest: &mut TexScanner<'_>) -> Option<(usize, Option<String>)> {
    let parameters = match rest.optional() {
        Some(number) => number.trim().parse().ok()?,
        None => 0,
    };
    let default = rest.optional().filter(|_| parameters > 0);
    (parameters <= 9).then(|| (parameters, default.map(str::to_owned)))
}

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

/// The commands that define something.
pub(super) const DEFINING_COMMANDS: [&str; 10] = [
    "DeclareMathOperator",
    "DeclarePairedDelimiter",
    "def",
    "gdef",
    "let",
    "newcommand",
    "newenvironment",
    "providecommand",
    "renewcommand",
    "renewenvironment",
];

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
    fn known(name: &str) -> Option<Self> {
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
