//! Finds the formulas of a text, renders them, and replaces them by stand-ins.
//!
//! Jupyter takes the maths out of Markdown before it parses anything else, so that no `_` in a
//! formula becomes an emphasis and no `=` below one a heading. It is the same here:
//! [`crate::prepared`] carries the text with a stand-in for each formula, and beside it the
//! rendered formulas, in order.
//!
//! `find` finds formulas, `tex` brings one to what the engine knows, `mathml` renders it, `check`
//! refuses everything but MathML; `depth` bounds the nesting; `definitions` knows which macros hold in a cell, `in_html` finds
//! the formulas of HTML.

#[cfg(not(test))]
mod check;
#[cfg(test)]
pub(crate) mod check;
mod definitions;
mod depth;
mod find;
mod in_html;
mod mathml;
#[cfg(test)]
mod tests;
mod tex;

pub(super) use definitions::NotebookDefinitions;
pub(super) use in_html::{may_have_formulas, of_html, only_typesets};
pub(super) use tex::TexDefinitions;
pub(crate) use tex::is_missing_command;

use std::rc::Rc;

use mathml::FormulaAllowance;

use crate::{
    prepared::SafeHtml,
    render::{escape, html, stand_in},
};

/// A text whose formulas were taken out.
pub(super) struct ExtractedMaths {
    /// The text with stand-ins.
    pub(super) text: String,
    /// The formulas, by the number of their stand-in.
    pub(super) formulas: Vec<Formula>,
    /// The macros that hold after the text.
    pub(super) definitions: Rc<TexDefinitions>,
}

/// One formula.
pub(super) struct Formula {
    /// The source with its delimiters.
    pub(super) source: String,
    /// MathML, or the source as code.
    pub(super) html: SafeHtml,
}

impl ExtractedMaths {
    /// The HTML of every formula.
    pub(super) fn maths(&self) -> Vec<SafeHtml> {
        let maths = self.formulas.iter();
        maths.map(|formula| formula.html.clone()).collect()
    }
}

/// The maths of Markdown, with the macros that hold where it begins.
pub(super) fn of_markdown(source: &str, definitions: &Rc<TexDefinitions>) -> ExtractedMaths {
    extract(source, &in_markdown(source), definitions)
}

/// The maths of LaTeX among plain text.
pub(super) fn of_latex(source: &str, definitions: &Rc<TexDefinitions>) -> ExtractedMaths {
    extract(source, &find::in_latex(source), definitions)
}

fn in_markdown(source: &str) -> Vec<find::FormulaSpan> {
    // Nearly all texts have none of these, and a search costs a pass over Markdown.
    let may_begin = ["$", "\\\\(", "\\\\[", "\\begin{", "ref{"];
    if !may_begin.iter().any(|start| source.contains(start)) {
        return Vec::new();
    }
    find::in_markdown(source)
}

fn extract(
    source: &str,
    found: &[find::FormulaSpan],
    definitions: &Rc<TexDefinitions>,
) -> ExtractedMaths {
    let mut text = String::with_capacity(source.len());
    let mut formulas = Vec::with_capacity(found.len());
    let mut typesetter = Typesetter::new(definitions, source.len());
    typesetter.read_tags(source, found);
    let mut kept = 0;
    for span in found {
        stand_in::push_text(&mut text, &source[kept..span.whole.start]);
        stand_in::push(&mut text, formulas.len());
        let [whole, tex] = [&span.whole, &span.tex].map(|range| &source[range.clone()]);
        formulas.push(typesetter.typeset(whole, tex, span.display));
        kept = span.whole.end;
    }
    stand_in::push_text(&mut text, &source[kept..]);
    ExtractedMaths {
        text,
        formulas,
        definitions: typesetter.definitions,
    }
}

/// Typesets the formulas of one text, in order.
struct Typesetter {
    definitions: Rc<TexDefinitions>,
    allowance: FormulaAllowance,
}

impl Typesetter {
    /// For a text of `length` bytes, with the macros that hold where it begins.
    fn new(definitions: &Rc<TexDefinitions>, length: usize) -> Self {
        Self {
            definitions: Rc::clone(definitions),
            allowance: FormulaAllowance::of(length),
        }
    }

    /// Reads the tags of a text that refers to formulas, since these may come later in it.
    fn read_tags(&mut self, source: &str, found: &[find::FormulaSpan]) {
        if !(source.contains("\\tag") && source.contains("ref{")) {
            return;
        }
        let mut left = self.allowance.expansion;
        for span in found {
            tex::define(&source[span.tex.clone()], &mut self.definitions, &mut left);
        }
    }

    /// The formula of this TeX, which stands in its delimiters in `whole`.
    fn typeset(&mut self, whole: &str, tex: &str, display: bool) -> Formula {
        let html = mathml::render(tex, display, &mut self.definitions, &mut self.allowance);
        Formula {
            source: whole.to_owned(),
            html: html.unwrap_or_else(|| as_code(whole, display)),
        }
    }
}

/// The source of a formula as code, for a formula that has no MathML.
fn as_code(source: &str, display: bool) -> SafeHtml {
    let class = if display { "nb-math-block" } else { "nb-math" };
    let source = escape::text(source);
    SafeHtml::trust(format!("<code class=\"{class}\">{source}</code>"))
}

/// Puts the formulas into sanitised HTML: their MathML into text; their source into attributes,
/// `pre` and `code`, where Jupyter does not typeset them either.
pub(super) fn insert(html: &str, formulas: &[Formula]) -> SafeHtml {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    let mut verbatim = 0_usize;
    while !rest.is_empty() {
        let in_tag = rest.starts_with('<');
        let length = match in_tag {
            true => html::tag_length(rest),
            false => rest.find('<').unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at(length);
        rest = after;
        stand_in::replace(&mut out, part, |out, number| {
            let Some(formula) = formulas.get(number) else {
                return;
            };
            if in_tag || verbatim > 0 {
                out.push_str(&escape::attribute(&formula.source));
            } else {
                out.push_str(formula.html.as_str());
            }
        });
        let is = |names: &[&str]| names.iter().any(|name| part.starts_with(name));
        if is(&["<pre>", "<pre ", "<code>", "<code "]) {
            verbatim += 1;
        } else if is(&["</pre>", "</code>"]) {
            verbatim = verbatim.saturating_sub(1);
        }
    }
    SafeHtml::trust(out)
}
