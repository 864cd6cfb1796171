//! The rows of environments: where they end, and the lines between them.
//!
//! The engine draws lines in arrays alone, and none below the last row. So a matrix with lines
//! becomes an array, and the line below becomes a mark of the whole table.

use std::rc::Rc;

use super::{
    Mark,
    environments::{self, OpenEnvironment, matrix_delimiters},
    rewrite::Rewriter,
    scan::{TexScanner, command_name, push_token},
};

/// The commands of lines, and the classes of those below the last row.
const LINES: [(&str, &str); 2] = [("hdashline", "nb-m-bbd"), ("hline", "nb-m-bb")];

/// The classes of the room below a row, each with the least length that it stands for, in ems.
pub(super) const ROOMS: [(f64, &str); 4] = [
    (0.1, "nb-m-room-1"),
    (0.4, "nb-m-room-2"),
    (0.8, "nb-m-room-3"),
    (1.6, "nb-m-room-4"),
];

impl Rewriter<'_> {
    pub(super) fn begin(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let name = rest.argument()?.trim();
        let mut open = environments::begin(name, rest)?;
        if name.contains("numcases") {
            // The left side stands before the brace.
            self.push(rest.argument()?)?;
        }
        if name.contains("smallmatrix") {
            self.out.push('{');
            self.marks.push_class(&mut self.out, "nb-m-size-2");
        }
        self.style.open_environment(&open.begin);
        open.rows.is_display = self.style.is_display;
        open.before = std::mem::take(&mut self.out);
        self.open.push(open);
        Some(())
    }

    pub(super) fn end(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let name = rest.argument()?.trim();
        let open = self.open.pop().filter(|open| open.name == name)?;
        if open.has_tags {
            self.end_row();
        }
        self.style.close();
        let (begin, end) = open.texts();
        let inside = std::mem::replace(&mut self.out, open.before);
        if let Some(class) = open.rows.below {
            self.out.push('{');
            let mark = Mark::Table(class.to_owned());
            self.marks.push(&mut self.out, mark);
        }
        self.out.push_str(&begin);
        push_token(&mut self.out, &inside);
        self.out.push_str(&end);
        if open.rows.below.is_some() {
            self.out.push('}');
        }
        if name.contains("smallmatrix") {
            self.out.push('}');
        }
        Some(())
    }

    /// Writes the end of a row, with the room below that it asks for. The last row needs none.
    pub(super) fn row(&mut self, name: &str, rest: &mut TexScanner<'_>) {
        let mut room = None;
        if name == "\\" {
            rest.0 = rest.0.strip_prefix('*').unwrap_or(rest.0);
            let mut ahead = *rest;
            if rest.0.starts_with('[') {
                room = ahead.optional().and_then(|text| TexScanner(text).length());
            }
            if room.is_some() {
                *rest = ahead;
            }
        }
        self.end_row();
        let Some(open) = self.open.last_mut() else {
            // Jupyter ends no line outside of an environment.
            self.out.push(' ');
            return;
        };
        let mut ahead = *rest;
        let below = lines(&mut ahead);
        if matches!(ahead, TexScanner(text) if text.starts_with("\\end")) {
            open.rows.below = below.filter(|_| open.may_have_lines());
            *rest = ahead;
        } else {
            if let Some(class) = room.and_then(room_class) {
                self.out.push('{');
                self.marks.push_class(&mut self.out, class);
                self.out.push('}');
            }
            self.out.push_str("\\\\");
        }
        self.style.is_display = open.rows.is_display;
    }

    /// Writes the line above a row; two are as one.
    pub(super) fn line(&mut self, name: &str, rest: &mut TexScanner<'_>) {
        lines(rest);
        match self.open.last_mut() {
            // Jupyter knows no lines elsewhere, and nor does the engine.
            None => {}
            Some(open) if open.may_have_lines() => open.rows.has_lines = true,
            Some(_) => return,
        }
        self.out.extend(["\\", name]);
    }

    /// Writes the beginning of the next cell of a row.
    pub(super) fn column(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        self.out.push('&');
        let Some(open) = self.open.last_mut() else {
            return Some(());
        };
        open.rows.has_columns = true;
        self.style.is_display = open.rows.is_display;
        if !matches!(
            open.name.as_str(),
            "cases*" | "dcases*" | "drcases*" | "rcases*"
        ) {
            return Some(());
        }
        // The conditions of these are words.
        let words = cell(rest);
        self.push_text("text", words.trim())
    }

    /// Keeps the label of the row that ends, if it has a tag.
    pub(super) fn end_row(&mut self) {
        if let Some((Some(label), tag)) = self.label.take() {
            let tag = tag.or_else(|| Some(self.tag.as_ref()?.tag.clone()));
            if let Some(tag) = tag {
                Rc::make_mut(self.definitions).set_tag(&label, &tag);
            }
        }
    }
}

/// The class of something without width that reaches `ems` below a row; small lengths have none.
fn room_class(ems: f64) -> Option<&'static str> {
    let (_, class) = ROOMS.iter().rev().find(|(least, _)| ems >= *least)?;
    Some(class)
}

/// Takes the lines that are next; returns the class of the last one.
fn lines(rest: &mut TexScanner<'_>) -> Option<&'static str> {
    let mut class = None;
    loop {
        rest.skip_space();
        let mut ahead = *rest;
        let name = ahead.token().and_then(command_name);
        let Some((_, found)) = LINES.iter().find(|(line, _)| name == Some(line)) else {
            return class;
        };
        class = Some(*found);
        *rest = ahead;
    }
}

/// Takes what stands in a cell of a row.
fn cell<'a>(rest: &mut TexScanner<'a>) -> &'a str {
    let start = rest.0;
    let mut depth = 0_usize;
    let mut in_formula = false;
    let mut ahead = *rest;
    while let Some(token) = ahead.token() {
        match token {
            "$" => in_formula = !in_formula,
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "&" | "\\\\" | "\\cr" | "\\end" if depth == 0 && !in_formula => break,
            _ => {}
        }
        *rest = ahead;
    }
    &start[..start.len() - rest.0.len()]
}

impl OpenEnvironment {
    /// The name that the environment has in the engine.
    fn engine_name(&self) -> &str {
        let name = self.begin.rsplit_once("\\begin{").map(|(_, name)| name);
        let name = name.and_then(|name| name.split_once('}'));
        name.map_or("", |(name, _)| name)
    }

    /// Whether lines between its rows can be drawn.
    fn may_have_lines(&self) -> bool {
        let name = self.engine_name();
        matches!(name, "array" | "darray") || name.ends_with("matrix") || name.ends_with("cases")
    }

    /// The texts at its beginning and its end, as its rows need them.
    fn texts(&self) -> (String, String) {
        let name = self.engine_name();
        let own = || (self.begin.clone(), self.end.clone());
        let array = |array: &str, columns: &str, [left, right]: [&str; 2]| {
            (
                format!("{left}\\begin{{{array}}}{{{columns}}}"),
                format!("\\end{{{array}}}{right}"),
            )
        };
        let is_columned = self.rows.has_columns && !self.rows.has_tag;
        match name {
            "gather*" | "gathered" if is_columned => array("darray", "c", ["", ""]),
            "gather*" if self.rows.has_columns => {
                ("\\begin{align*}".to_owned(), "\\end{align*}".to_owned())
            }
            _ if !self.rows.has_lines => own(),
            "cases" => array("array", "ll", ["\\left\\{", "\\right."]),
            "dcases" => array("darray", "ll", ["\\left\\{", "\\right."]),
            "rcases" => array("array", "ll", ["\\left.", "\\right\\}"]),
            "drcases" => array("darray", "ll", ["\\left.", "\\right\\}"]),
            "matrix" => (
                self.begin.replace("{matrix}", "{array}{c}"),
                self.end.replace("{matrix}", "{array}"),
            ),
            name => match matrix_delimiters(&format!("{name}*")) {
                Some(delimiters) => array("array", "c", delimiters),
                None => own(),
            },
        }
    }
}
