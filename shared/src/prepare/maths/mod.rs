//! Finds the formulas of a text, renders them, and replaces them by stand-ins.
//!
//! Jupyter takes the maths out of Markdown before it parses anything else, so that no `_` in a
//! formula becomes an emphasis and no `=` below one a heading. It is the same here:
//! [`crate::prepared`] carries the text with a stand-in for each formula, and beside it the
//! rendered formulas, in order.
//!
//! `find` finds formulas, `mathml` renders one, `check` refuses everything but MathML.

mod check;
mod find;
mod mathml;

use std::ops::Range;

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

/// The maths of Markdown.
pub(super) fn of_markdown(source: &str) -> ExtractedMaths {
    // Nearly all texts have none of these, and a search costs a pass over Markdown.
    let may_begin = ["$", "\\\\(", "\\\\[", "\\begin{"];
    if !may_begin.iter().any(|start| source.contains(start)) {
        return extract(source, &[]);
    }
    extract(source, &find::in_markdown(source))
}

/// The maths of LaTeX among plain text.
pub(super) fn of_latex(source: &str) -> ExtractedMaths {
    extract(source, &find::in_latex(source))
}

fn extract(source: &str, found: &[find::FormulaSpan]) -> ExtractedMaths {
    let mut text = String::with_capacity(source.len());
    let mut formulas = Vec::with_capacity(found.len());
    let mut kept = 0;
    for find::FormulaSpan {
        whole,
        tex,
        display,
    } in found
    {
        stand_in::push_text(&mut text, &source[kept..whole.start]);
        stand_in::push(&mut text, formulas.len());
        formulas.push(formula(source, whole, tex, *display));
        kept = whole.end;
    }
    stand_in::push_text(&mut text, &source[kept..]);
    ExtractedMaths { text, formulas }
}

fn formula(source: &str, whole: &Range<usize>, tex: &Range<usize>, display: bool) -> Formula {
    let whole = &source[whole.clone()];
    let html = mathml::render(&source[tex.clone()], display, whole.len());
    Formula {
        source: whole.to_owned(),
        html: html.unwrap_or_else(|| as_code(whole, display)),
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
