//! The macros that a notebook defines.
//!
//! As in Jupyter, a macro holds from its definition to the end of the notebook, and a definition
//! shows nothing; `expansion` puts the text of a macro in its place.

use std::collections::BTreeMap;

use super::scan::{TexScanner, command_name};

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

/// The most bytes of a macro, and of all that a notebook defines, which is copied where a cell
/// defines more.
pub(super) const MAX_MACRO_BYTES: usize = 2000;
const MAX_DEFINITION_BYTES: usize = 64 * 1024;
/// The bytes that a definition takes beside its text.
const ENTRY_BYTES: usize = 64;

/// What a notebook has defined so far: macros, environments, labels and colours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::prepare) struct TexDefinitions {
    pub(super) macros: BTreeMap<String, TexMacro>,
    pub(super) environments: BTreeMap<String, [TexMacro; 2]>,
    labels: BTreeMap<String, String>,
    colours: BTreeMap<String, [u8; 3]>,
    /// The bytes that all of them take.
    bytes: usize,
}

/// A macro: its parameters, and the text in its place, with `#1` for the first argument.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct TexMacro {
    pub(super) parameters: usize,
    /// The value of the first parameter where it is left out; then it stands in brackets.
    pub(super) default: Option<String>,
    /// For each parameter the text that ends it, and before all the text that begins them; empty
    /// but for `\def` with a pattern.
    pub(super) pattern: Vec<String>,
    pub(super) body: String,
    /// Whether the body is a command of the engine's, which a macro of the same name does not
    /// replace.
    pub(super) is_engine: bool,
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
    pub(super) fn read_definition(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<()> {
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
