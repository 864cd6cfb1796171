//! What of notebooks is not shown as their authors see it, counted by kind.
//!
//! A reader sees a note, a formula's source or a command in red; here they are found in the HTML,
//! so that nothing can be forgotten that a reader would miss.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use crate::{
    prepared::{CellContent, PreparedCell},
    render::html::{attributes, tag_length},
};

/// Counts of what notebooks hold, and of what falls back to a note or to source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderReport {
    /// The notebooks.
    pub notebooks: usize,
    /// Their cells, and those that are in the HTML.
    pub cells: [usize; 2],
    /// Their outputs as they were prepared, and those that are in the HTML.
    pub outputs: [usize; 2],
    /// The formulas that were typeset.
    pub formulas: usize,
    /// What fell back, by kind, and how often.
    pub fallbacks: BTreeMap<String, usize>,
}

/// The end of the note in a text that was cut, which is itself text.
const CUT_NOTE_END: &str = " bytes are not shown here …]\n";

impl RenderReport {
    /// Adds a notebook of these cells, of which `html` was made.
    ///
    /// ```
    /// use shared::{notebook::Notebook, prepare, render, report::RenderReport, sanitize::Ammonia};
    ///
    /// let json = br#"{"cells": [{"cell_type": "markdown", "source": "$x$ $\\AxiomC{x}$ $\\zz$"}]}"#;
    /// let cells = prepare::cells(&Notebook::parse(json)?.notebook, 0, &Ammonia);
    /// let html = render::cells(&cells, &render::Options::default()).into_string();
    /// let mut report = RenderReport::default();
    /// report.add(&cells, &html);
    /// assert_eq!((report.cells, report.formulas), ([1, 1], 2));
    /// assert_eq!(report.fallbacks["a formula as its source: \\AxiomC"], 1);
    /// assert_eq!(report.fallbacks["an unknown command of TeX: \\zz"], 1);
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn add(&mut self, cells: &[PreparedCell], html: &str) {
        self.notebooks += 1;
        self.cells[0] += cells.len();
        for cell in cells {
            if let CellContent::Code(code) = &cell.content {
                self.outputs[0] += code.outputs.len();
            }
        }
        let cut = html.matches(CUT_NOTE_END).count();
        if cut > 0 {
            *self
                .fallbacks
                .entry("a text that is cut".to_owned())
                .or_default() += cut;
        }
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            let length = tag_length(&rest[start..]);
            let tag = &rest[start..start + length];
            rest = &rest[start + length..];
            self.tag(tag, rest);
        }
    }

    fn tag(&mut self, tag: &str, after: &str) {
        if tag.starts_with("<math") {
            self.formulas += 1;
            return;
        }
        let Some((_, inside)) = tag.split_once(' ') else {
            return;
        };
        let class = attributes(inside)
            .into_iter()
            .find(|(name, _)| *name == "class");
        for class in class
            .into_iter()
            .flat_map(|(_, classes)| classes.split(' '))
        {
            let text = || text(after);
            match class {
                "nb-cell" => self.cells[1] += 1,
                "nb-output" => self.outputs[1] += 1,
                "nb-math" | "nb-math-block" if tag.starts_with("<code") => {
                    let kind = format!("a formula as its source{}", reason(&text()));
                    self.fall_back(kind);
                }
                "nb-m-unknown" => self.fall_back(format!("an unknown command of TeX: {}", text())),
                "nb-note" => self.fall_back(format!("a note: {}", without_details(&text()))),
                _ => {}
            }
        }
    }

    fn fall_back(&mut self, kind: String) {
        *self.fallbacks.entry(kind).or_default() += 1;
    }
}

/// The text from here to the end of the element, as far as it is looked at.
fn text(after: &str) -> String {
    const MAX_TEXT_CHARS: usize = 400;
    let mut text = String::new();
    let mut rest = after;
    while !rest.is_empty() && text.len() < MAX_TEXT_CHARS {
        let end = rest.find('<').unwrap_or(rest.len());
        text.push_str(&rest[..end]);
        let tag = &rest[end..];
        let is_end = ["</p>", "</code>", "</span>", "</mtext>"];
        if is_end.iter().any(|close| tag.starts_with(close)) {
            break;
        }
        rest = &tag[tag_length(tag).min(tag.len())..];
    }
    text.chars().take(MAX_TEXT_CHARS).collect()
}

/// The first command that is known to be missing, or the first environment, of a formula.
fn reason(source: &str) -> String {
    let mut commands = source.match_indices('\\').map(|(at, _)| {
        let name = &source[at + 1..];
        let end = name.find(|c: char| !c.is_ascii_alphabetic());
        &name[..end.unwrap_or(name.len())]
    });
    let missing = commands.find(|name| crate::prepare::is_missing_command(name));
    missing.map_or_else(String::new, |name| format!(": \\{name}"))
}

/// A note without what differs from one to the next: numbers, and what follows a colon.
fn without_details(note: &str) -> String {
    let note = note.split(": ").next().unwrap_or(note);
    let mut out = String::new();
    for char in note.chars() {
        let is_digit = char.is_ascii_digit();
        match is_digit {
            true if out.ends_with('N') => {}
            true => out.push('N'),
            false => out.push(char),
        }
    }
    out
}

impl Display for RenderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            notebooks,
            cells: [cells, shown_cells],
            outputs: [outputs, shown_outputs],
            formulas,
            fallbacks,
        } = self;
        writeln!(f, "{notebooks:>8}  notebooks")?;
        writeln!(f, "{cells:>8}  cells, {shown_cells} in the HTML")?;
        writeln!(f, "{outputs:>8}  outputs, {shown_outputs} in the HTML")?;
        writeln!(f, "{formulas:>8}  formulas")?;
        let mut kinds: Vec<(&String, &usize)> = fallbacks.iter().collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), *kind));
        for (kind, count) in kinds {
            writeln!(f, "{count:>8}  {kind}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::RenderReport;
    use crate::{notebook::Notebook, prepare, render, sanitize::Ammonia};

    #[test]
    fn texts_that_are_cut_are_counted() {
        let text = "a line of a stream\\n".repeat(100_000);
        let json = format!(
            "{{\"cells\": [{{\"cell_type\": \"code\", \"outputs\": [{{\"output_type\": \"stream\", \
             \"text\": \"{text}\"}}]}}]}}"
        );
        let notebook = Notebook::parse(json.as_bytes())
            .expect("a notebook")
            .notebook;
        let cells = prepare::cells(&notebook, 0, &Ammonia);
        let html = render::cells(&cells, &render::Options::default()).into_string();
        let mut report = RenderReport::default();
        report.add(&cells, &html);
        assert_eq!(report.fallbacks["a text that is cut"], 1);
    }
}
