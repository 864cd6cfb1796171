//! Commands that the engine has not, or has in another form.

use std::rc::Rc;

use super::{
    EngineTex, Marks, TexDefinitions,
    environments::{self, OpenEnvironment},
    known,
    scan::{TexScanner, command_name, push_token},
    text,
};
use crate::prepare::{link, style};

/// The sizes of TeX, and the classes for them.
const SIZES: [(&str, &str); 9] = [
    ("Huge", "nb-m-size-9"),
    ("LARGE", "nb-m-size-7"),
    ("Large", "nb-m-size-6"),
    ("huge", "nb-m-size-8"),
    ("large", "nb-m-size-5"),
    ("normalsize", "nb-m-size-4"),
    ("scriptsize", "nb-m-size-2"),
    ("small", "nb-m-size-3"),
    ("tiny", "nb-m-size-1"),
];

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
        marks: Marks::default(),
        out: String::with_capacity(tex.len() + 16),
        open: Vec::new(),
        tag: None,
        label: None,
    };
    rewriter.push(tex)?;
    rewriter.end_row();
    let (tex, tag) = (rewriter.out, rewriter.tag);
    let tex = match tag {
        // The engine has tags in environments alone.
        Some(tag) if display => {
            format!("\\begin{{equation*}}{tex}\\tag{{{tag}}}\\end{{equation*}}")
        }
        Some(tag) => format!("{tex}\\qquad\\text{{({tag})}}"),
        None => tex,
    };
    Some(EngineTex {
        tex,
        marks: rewriter.marks,
    })
}

pub(super) struct Rewriter<'a> {
    pub(super) definitions: &'a mut Rc<TexDefinitions>,
    display: bool,
    pub(super) marks: Marks,
    pub(super) out: String,
    open: Vec<OpenEnvironment>,
    /// The tag of the whole formula.
    tag: Option<String>,
    /// The label of the row, and its tag.
    label: Option<(Option<String>, Option<String>)>,
}

impl Rewriter<'_> {
    /// Writes `tex`, which may be an argument.
    pub(super) fn push(&mut self, tex: &str) -> Option<()> {
        let mut rest = TexScanner(tex);
        while let Some(token) = rest.token() {
            match command_name(token) {
                Some(name) => {
                    if known::is_missing(name) {
                        return None;
                    }
                    if self.command(name, &mut rest)?.is_none() {
                        push_token(&mut self.out, token);
                    }
                }
                None => push_token(&mut self.out, token),
            }
        }
        Some(())
    }

    /// Writes the command `name`; `None` inside when the engine has it as it is.
    #[expect(clippy::option_option, reason = "the outer one is a failure")]
    fn command(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<Option<()>> {
        if let Some(words) = text::engine_name(name) {
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
            "label" => self.note_label(rest.argument()?),
            "tag" => self.note_tag(rest)?,
            "ref" | "eqref" => self.reference(name, rest.argument()?),
            "nonumber" | "notag" => {}
            "color" | "textcolor" | "definecolor" => self.colour(name, rest)?,
            "style" => {
                let classes = style::classes(rest.argument()?).join(" ");
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
            "left" | "right" | "middle" => self.delimiter(name, rest),
            name if name.trim_start_matches(['b', 'B']).starts_with("ig") => {
                self.delimiter(name, rest);
            }
            "\u{a0}" => self.out.push_str("\\ "),
            name if text::is_symbol(name) => self.push_text("text", &format!("\\{name} "))?,
            "mathchoice" => {
                let styles = [rest.argument()?, rest.argument()?];
                rest.argument()?;
                rest.argument()?;
                self.group(styles[usize::from(!self.display)])?;
            }
            "unicode" => self.unicode(rest)?,
            "verb" => self.verbatim(rest)?,
            "require" => drop(rest.argument()?),
            _ => return Some(None),
        }
        Some(Some(()))
    }

    /// Writes `words` as the argument of the command `name`, and the formulas among them.
    pub(super) fn push_text(&mut self, name: &str, words: &str) -> Option<()> {
        let mut rest = words;
        let mut is_empty = true;
        while let Some((before, formula, after)) = text::next_formula(rest) {
            text::push_words(&mut self.out, name, before);
            self.group(formula)?;
            rest = after;
            is_empty = false;
        }
        if is_empty || !rest.is_empty() {
            text::push_words(&mut self.out, name, rest);
        }
        Some(())
    }

    /// Writes `tex` as a group.
    fn group(&mut self, tex: &str) -> Option<()> {
        self.out.push('{');
        self.push(tex)?;
        self.out.push('}');
        Some(())
    }

    /// Writes `tex` with a class.
    pub(super) fn marked(&mut self, class: &str, tex: &str) -> Option<()> {
        self.out.push('{');
        if !class.is_empty() {
            self.marks.push_class(&mut self.out, class);
        }
        self.out.push('{');
        self.push(tex)?;
        self.out.push_str("}}");
        Some(())
    }

    fn begin(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let name = rest.argument()?.trim();
        let (begin, open) = environments::begin(name, rest)?;
        if name.contains("numcases") {
            // The left side stands before the brace.
            self.push(rest.argument()?)?;
        }
        if name.contains("smallmatrix") {
            self.out.push('{');
            self.marks.push_class(&mut self.out, "nb-m-size-2");
        }
        self.out.push_str(&begin);
        self.open.push(open);
        Some(())
    }

    fn end(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let name = rest.argument()?.trim();
        let open = self.open.pop().filter(|open| open.name == name)?;
        if open.has_tags {
            self.end_row();
        }
        self.out.push_str(&open.end);
        if name.contains("smallmatrix") {
            self.out.push('}');
        }
        Some(())
    }

    /// Writes the end of a row; its height is left out.
    fn row(&mut self, name: &str, rest: &mut TexScanner<'_>) {
        if name == "\\" {
            rest.0 = rest.0.strip_prefix('*').unwrap_or(rest.0);
            let mut ahead = *rest;
            let is_length = |text| TexScanner(text).length().is_some();
            if rest.0.starts_with('[') && ahead.optional().is_some_and(is_length) {
                *rest = ahead;
            }
        }
        self.end_row();
        // Jupyter ends no line outside of an environment.
        self.out
            .push_str(if self.open.is_empty() { " " } else { "\\\\" });
    }

    fn note_label(&mut self, label: &str) {
        self.label.get_or_insert_default().0 = Some(label.trim().to_owned());
    }

    fn note_tag(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let is_bare = rest.takes("*");
        let tag = plain_words(rest.argument()?);
        self.label.get_or_insert_default().1 = Some(tag.clone());
        if is_bare {
            self.out.extend(["\\qquad\\text{", &tag, "}"]);
        } else if self.open.last().is_some_and(|open| open.has_tags) {
            self.out.extend(["\\tag{", &tag, "}"]);
        } else {
            self.tag = Some(tag);
        }
        Some(())
    }

    /// Keeps the label of the row that ends, if it has a tag.
    fn end_row(&mut self) {
        if let Some((Some(label), tag)) = self.label.take() {
            let tag = tag.or_else(|| self.tag.clone());
            if let Some(tag) = tag {
                Rc::make_mut(self.definitions).set_tag(&label, &tag);
            }
        }
    }

    fn reference(&mut self, name: &str, label: &str) {
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

    fn operator(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let star = if rest.takes("*") { "*" } else { "" };
        let name = rest.argument()?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '\'');
        let spaced = name
            .replace("\\,", " ")
            .replace("\\;", " ")
            .replace('~', " ");
        if !name.is_empty() && spaced.chars().all(is_word) {
            self.out.extend(["\\operatorname", star, "{", name, "}"]);
            return Some(());
        }
        self.out.push_str("\\mathop{\\mathrm{");
        self.push(name)?;
        self.out.push_str("}}");
        Some(())
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

    /// Writes the command `name` of a delimiter; the engine knows angles by their names alone.
    fn delimiter(&mut self, name: &str, rest: &mut TexScanner<'_>) {
        self.out.extend(["\\", name]);
        for (angle, known) in [
            ("<", "\\langle "),
            (">", "\\rangle "),
            ("\\lt", "\\langle "),
            ("\\gt", "\\rangle "),
        ] {
            if rest.takes(angle) {
                self.out.push_str(known);
                return;
            }
        }
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
