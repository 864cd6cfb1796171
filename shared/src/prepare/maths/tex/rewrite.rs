//! Commands that the engine has not, or has in another form.

use std::rc::Rc;

use super::{
    EngineTex, Marks, TexDefinitions, chemistry,
    environments::OpenEnvironment,
    known,
    scan::{TexScanner, command_name, push_token},
    style::StyleReader,
    words,
};
use crate::prepare::{link, style as css};

/// The sizes of TeX, and the classes for them.
const SIZES: [(&str, &str); 10] = [
    ("Huge", "nb-m-size-9"),
    ("LARGE", "nb-m-size-7"),
    ("Large", "nb-m-size-6"),
    ("footnotesize", "nb-m-size-3"),
    ("huge", "nb-m-size-8"),
    ("large", "nb-m-size-5"),
    ("normalsize", "nb-m-size-4"),
    ("scriptsize", "nb-m-size-2"),
    ("small", "nb-m-size-3"),
    ("tiny", "nb-m-size-1"),
];

/// The commands of braces around a formula, beyond which scripts stand.
const BRACES: [&str; 4] = ["overbrace", "overbracket", "underbrace", "underbracket"];

/// The commands of the engine whose optional argument does not matter here.
const WITH_IGNORED_OPTION: [&str; 4] = ["bcancel", "cancel", "cfrac", "xcancel"];

/// The commands of plain TeX whose argument is the content of an environment.
const PLAIN_TABLES: [(&str, &str); 8] = [
    ("array", "matrix"),
    ("cases", "cases"),
    ("displaylines", "gathered"),
    ("eqalign", "aligned"),
    ("eqalignno", "aligned"),
    ("leqalignno", "aligned"),
    ("matrix", "matrix"),
    ("pmatrix", "pmatrix"),
];

/// `tex` for the engine; `None` where that is wrong or needs what is missing.
pub(super) fn rewritten(
    tex: &str,
    display: bool,
    definitions: &mut Rc<TexDefinitions>,
) -> Option<EngineTex> {
    let mut rewriter = Rewriter {
        definitions,
        display,
        style: StyleReader::new(display),
        has_limits: tex.contains("limits"),
        marks: Marks::default(),
        out: String::with_capacity(tex.len() + 16),
        open: Vec::new(),
        tag: None,
        label: None,
    };
    rewriter.push(tex)?;
    rewriter.open.is_empty().then_some(())?;
    rewriter.end_row();
    let (tex, tag) = (rewriter.out, rewriter.tag);
    let tex = match tag {
        // The engine has tags in environments alone.
        Some(FormulaTag { words, .. }) if display => {
            format!("\\begin{{equation*}}{tex}\\tag{{{words}}}\\end{{equation*}}")
        }
        Some(FormulaTag { shown, .. }) => format!("{tex}\\qquad\\text{{{shown}}}"),
        None => tex,
    };
    Some(EngineTex {
        tex,
        marks: rewriter.marks,
    })
}

/// The tag of a formula.
pub(super) struct FormulaTag {
    /// What references show.
    pub(super) tag: String,
    /// What the formula shows.
    shown: String,
    /// What the engine is told.
    words: String,
}

pub(super) struct Rewriter<'a> {
    pub(super) definitions: &'a mut Rc<TexDefinitions>,
    display: bool,
    pub(super) style: StyleReader,
    /// Whether the formula has a `\limits` or its like.
    has_limits: bool,
    pub(super) marks: Marks,
    pub(super) out: String,
    pub(super) open: Vec<OpenEnvironment>,
    /// The tag of the whole formula.
    pub(super) tag: Option<FormulaTag>,
    /// The label of the row, and its tag.
    pub(super) label: Option<(Option<String>, Option<String>)>,
}

impl Rewriter<'_> {
    /// Writes `tex`, which may be an argument.
    pub(super) fn push(&mut self, tex: &str) -> Option<()> {
        let mut rest = TexScanner(tex);
        while !rest.0.is_empty() {
            if self.has_limits && rest.0.starts_with('{') && self.group_with_limits(&mut rest)? {
                continue;
            }
            let Some(token) = rest.token() else {
                break;
            };
            self.style.read(token);
            match command_name(token) {
                Some(name) => self.math_command(token, name, &mut rest)?,
                None if token == "&" => self.column(&mut rest)?,
                None if matches!(token, "′" | "″" | "‴") => self.primes(token),
                None => push_token(&mut self.out, token),
            }
        }
        Some(())
    }

    /// Writes the command `name`, which is `token`; `None` when it is wrong or missing.
    pub(super) fn math_command(
        &mut self,
        token: &str,
        name: &str,
        rest: &mut TexScanner<'_>,
    ) -> Option<()> {
        if known::is_missing(name) {
            return None;
        }
        if self.command(name, rest)?.is_none() {
            push_token(&mut self.out, token);
        }
        Some(())
    }

    /// Writes the command `name`; `None` inside when the engine has it as it is.
    #[expect(clippy::option_option, reason = "the outer one is a failure")]
    fn command(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<Option<()>> {
        if let Some(words) = words::engine_name(name) {
            self.push_text(words, rest.argument()?)?;
            return Some(Some(()));
        }
        if let Some((_, class)) = SIZES.iter().find(|(size, _)| *size == name) {
            self.marks.push_class(&mut self.out, class);
            return Some(Some(()));
        }
        let plain = PLAIN_TABLES.iter().find(|(command, _)| *command == name);
        if let Some((_, environment)) = plain {
            let content = rest.argument()?;
            self.push(&format!(
                "\\begin{{{environment}}}{content}\\end{{{environment}}}"
            ))?;
            return Some(Some(()));
        }
        match name {
            "begin" => self.begin(rest)?,
            "end" => self.end(rest)?,
            "\\" | "cr" | "newline" => self.row(name, rest),
            "hline" | "hdashline" => self.line(name, rest),
            "mathop" => self.math_operator(rest)?,
            name if BRACES.contains(&name) => self.brace(name, rest)?,
            name if WITH_IGNORED_OPTION.contains(&name) => {
                rest.optional();
                return Some(None);
            }
            name if words::LETTERS.contains(&name) => {
                self.out.extend(["\\text{\\", name, "}"]);
            }
            "label" => self.note_label(rest.argument()?),
            "tag" => self.note_tag(rest)?,
            "ref" | "eqref" => self.reference(name, rest.argument()?),
            "nonumber" | "notag" => {}
            "color" | "textcolor" | "definecolor" => self.colour(name, rest)?,
            "style" => {
                let classes = css::classes(rest.argument()?).join(" ");
                self.marked(&classes, rest.argument()?)?;
            }
            "boxed" => self.marked("nb-m-box", rest.argument()?)?,
            "fbox" | "framebox" => self.boxed_text("nb-m-box", rest)?,
            "colorbox" | "fcolorbox" | "bbox" | "enclose" => self.boxed(name, rest)?,
            "href" => self.link(rest.argument()?, rest.argument()?)?,
            "operatorname" => self.operator(rest)?,
            "root" | "buildrel" => self.infix(name, rest)?,
            "substack" => {
                let rows = rest.argument()?;
                self.push(&format!("\\begin{{subarray}}{{c}}{rows}\\end{{subarray}}"))?;
            }
            "smash" => {
                rest.optional();
                self.group(rest.argument()?)?;
            }
            "raise" | "lower" | "moveleft" | "moveright" => {
                rest.length()?;
                match rest.takes("\\hbox") || rest.takes("\\mbox") {
                    true => self.push_text("text", rest.argument()?)?,
                    false => self.group(rest.argument()?)?,
                }
            }
            "hspace" | "hskip" | "kern" | "mkern" | "mskip" | "mspace" => {
                rest.takes("*");
                self.push_space(rest.length()?);
            }
            "rule" | "Rule" | "Space" => self.rule(name, rest)?,
            "left" | "right" | "middle" => self.delimiter(name, rest)?,
            name if is_sized(name) => self.delimiter(name, rest)?,
            "\u{a0}" => self.out.push_str("\\ "),
            name if words::is_symbol(name) => self.push_text("text", &format!("\\{name} "))?,
            "mathchoice" => {
                let styles = [rest.argument()?, rest.argument()?];
                rest.argument()?;
                rest.argument()?;
                self.group(styles[usize::from(!self.display)])?;
            }
            "unicode" => self.unicode(rest)?,
            "verb" => self.verbatim(rest)?,
            "ce" => self.group(&chemistry::formula(rest.argument()?)?)?,
            "pu" => self.group(&chemistry::unit(rest.argument()?))?,
            "require" => drop(rest.argument()?),
            _ => return Some(None),
        }
        Some(Some(()))
    }

    /// Writes primes that are characters of their own, which the engine knows as apostrophes alone.
    fn primes(&mut self, token: &str) {
        let count = match token {
            "′" => 1,
            "″" => 2,
            _ => 3,
        };
        if self.out.trim_end().ends_with('^') {
            let primes = "\\prime".repeat(count);
            self.out.extend(["{", &primes, "}"]);
        } else {
            self.out.push_str(&"'".repeat(count));
        }
    }

    /// Writes `tex` as a group.
    pub(super) fn group(&mut self, tex: &str) -> Option<()> {
        let group = self.part(tex)?;
        self.out.extend(["{", &group, "}"]);
        Some(())
    }

    /// Writes `tex` with a class.
    pub(super) fn marked(&mut self, class: &str, tex: &str) -> Option<()> {
        self.out.push('{');
        if !class.is_empty() {
            self.marks.push_class(&mut self.out, class);
        }
        self.group(tex)?;
        self.out.push('}');
        Some(())
    }

    fn note_label(&mut self, label: &str) {
        self.label.get_or_insert_default().0 = Some(label.trim().to_owned());
    }

    fn note_tag(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let is_bare = rest.takes("*");
        let tag = plain_words(rest.argument()?);
        self.label.get_or_insert_default().1 = Some(tag.clone());
        let shown = if is_bare {
            tag.clone()
        } else {
            format!("({tag})")
        };
        let words = self.marks.tag_words(&tag, &shown);
        if let Some(open) = self.open.last_mut().filter(|open| open.has_tags) {
            self.out.extend(["\\tag{", &words, "}"]);
            open.rows.has_tag = true;
        } else {
            self.tag = Some(FormulaTag { tag, shown, words });
        }
        Some(())
    }

    pub(super) fn reference(&mut self, name: &str, label: &str) {
        let tag = self.definitions.tag(label.trim()).unwrap_or("???");
        let (before, after) = if name == "ref" { ("", "") } else { ("(", ")") };
        self.out.extend(["\\text{", before, tag, after, "}"]);
    }

    /// Writes a formula that is a link. Only words can be one in a browser.
    fn link(&mut self, url: &str, tex: &str) -> Option<()> {
        let words = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-' | '=' | '+');
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '{' | '}' | '\\' | '%' | '"');
        let url = url
            .replace("\\%", "%")
            .replace("\\#", "#")
            .replace("\\_", "_");
        let is_link = link::is_allowed(&url) && url.chars().all(is_plain);
        if is_link && tex.chars().all(words) {
            self.marks.push_link(&mut self.out, &url, tex);
            return Some(());
        }
        self.group(tex)
    }

    /// Writes `\root n \of x` and `\buildrel a \over b`.
    fn infix(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<()> {
        let (separator, command, before) = match name {
            "root" => ("\\of", "\\sqrt[", "]"),
            _ => ("\\over", "\\overset{", "}"),
        };
        let (first, after) = rest.0.split_once(separator)?;
        rest.0 = after;
        let second = rest.argument()?;
        self.out.push_str(command);
        self.push(first.trim())?;
        self.out.push_str(before);
        self.group(second)
    }

    /// Writes a space of so many ems.
    fn push_space(&mut self, ems: f64) {
        self.out.push_str(&format!("\\hspace{{{ems:.4}em}}"));
    }

    /// Writes the room that a rule takes; a rule is not drawn.
    fn rule(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<()> {
        if name == "rule" {
            rest.optional();
        }
        let width = TexScanner(rest.argument()?).length();
        rest.argument()?;
        if name != "rule" {
            rest.argument()?;
        }
        width.into_iter().for_each(|width| self.push_space(width));
        Some(())
    }

    /// Writes the command `name` of a delimiter, which may stand in braces. The engine knows angles
    /// by their names alone, and no delimiter that is not seen but at the ends of `\left` and
    /// `\right`.
    fn delimiter(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<()> {
        let mut ahead = *rest;
        ahead.skip_space();
        let token = match ahead.0.starts_with('{') && is_sized(name) {
            true => ahead.argument()?.trim(),
            false => ahead.word()?,
        };
        *rest = ahead;
        let delimiter = match token {
            "<" | "\\lt" => "\\langle ",
            ">" | "\\gt" => "\\rangle ",
            "." if !matches!(name, "left" | "right") => {
                self.out.push_str("{}");
                return Some(());
            }
            other => other,
        };
        self.out.extend(["\\", name]);
        push_token(&mut self.out, delimiter);
        Some(())
    }

    fn unicode(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        rest.optional();
        let number = rest.argument()?.trim();
        let number = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        let char = char::from_u32(number).filter(|c| !c.is_control())?;
        self.push_text("text", &char.to_string())
    }

    fn verbatim(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let mark = rest.0.chars().next()?;
        let inside = &rest.0[mark.len_utf8()..];
        let (words, after) = inside.split_once(mark)?;
        rest.0 = after;
        let words = words.replace('\\', "\\textbackslash ");
        let words = words.replace(['{', '}', '$'], " ");
        self.push_text("texttt", &words)
    }
}

/// Whether the command `name` tells the size of a delimiter.
fn is_sized(name: &str) -> bool {
    let size = name.strip_suffix(['l', 'm', 'r']).unwrap_or(name);
    matches!(size, "big" | "Big" | "bigg" | "Bigg")
}

/// The words of a tag, which the engine takes as plain text.
fn plain_words(tex: &str) -> String {
    let mut out = String::new();
    let mut rest = TexScanner(tex);
    while let Some(token) = rest.token() {
        match command_name(token) {
            Some("ast") | Some("star") => out.push('∗'),
            Some("prime") => out.push('′'),
            Some("dagger") | Some("dag") => out.push('†'),
            Some(_) => {}
            None if matches!(token, "{" | "}" | "$" | "&" | "#" | "_" | "^" | "~") => {}
            None => out.push_str(token),
        }
    }
    out
}
