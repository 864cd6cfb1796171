//! TeX as the engine reads it.
//!
//! The engine, math-core, knows the symbols and most commands. What it lacks is brought to what it
//! has: macros that the notebook defines (`macros`, `expansion`), commands and environments by other
//! names (`known`, `environments`), rows and lines (`rows`), the scripts of operators (`limits`,
//! `style`), text with formulas in it (`text`), colours and boxes (`colours`, `boxes`), sizes and tags
//! (`rewrite`).
//! The looks that MathML has no attribute for become classes: the engine is given a colour in
//! their place, whose number is that of a mark ([`Marks`]), and `check` turns it back.

mod boxes;
mod chemistry;
mod colours;
mod environments;
mod expansion;
mod known;
mod limits;
mod macros;
mod rewrite;
mod rows;
mod scan;
mod style;
mod text;
mod words;

pub(crate) use known::is_missing as is_missing_command;
pub(in crate::prepare) use macros::TexDefinitions;

use std::rc::Rc;

use super::depth::depth;

/// How deep the groups of a formula may nest.
const MAX_GROUP_DEPTH: usize = 60;

/// TeX for the engine.
#[derive(Debug)]
pub(super) struct EngineTex {
    /// The TeX; empty when the formula only defined something.
    pub(super) tex: String,
    pub(super) marks: Marks,
}

/// What colours in the engine's TeX stand for, by the number of the colour.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<Mark>);

/// What the words of a tag begin with that stand for others.
const TAG_MARK: &str = "@@";

/// What a part of a formula is marked with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Classes of the stylesheet.
    Class(String),
    /// A class of the table that is next.
    Table(String),
    /// The address that the words lead to.
    Link(String),
    /// What stands in place of a tag's words.
    Tag(String),
}

impl Marks {
    /// Appends the switch to `class` to `out`: what follows in its group has the class.
    fn push_class(&mut self, out: &mut String, class: &str) {
        self.push(out, Mark::Class(class.to_owned()));
    }

    /// Appends `words` that lead to `url` to `out`.
    fn push_link(&mut self, out: &mut String, url: &str, words: &str) {
        out.push('{');
        self.push(out, Mark::Link(url.to_owned()));
        out.extend(["\\text{", words, "}}"]);
    }

    /// The words of a tag for the engine, which knows plain ones in brackets alone: others stand for
    /// `shown`.
    fn tag_words(&mut self, tag: &str, shown: &str) -> String {
        if tag.is_ascii() && shown.len() > tag.len() {
            return tag.to_owned();
        }
        format!("{TAG_MARK}{}", self.number(Mark::Tag(shown.to_owned())))
    }

    /// What stands in place of the tag that the engine has written.
    pub(super) fn shown_tag(&self, written: &str) -> Option<&str> {
        let number = written.strip_prefix('(')?.strip_prefix(TAG_MARK)?;
        match self.get(number.strip_suffix(')')?.parse().ok()?)? {
            Mark::Tag(shown) => Some(shown),
            _ => None,
        }
    }

    fn number(&mut self, mark: Mark) -> usize {
        let known = self.0.iter().position(|known| *known == mark);
        known.unwrap_or_else(|| {
            self.0.push(mark);
            self.0.len() - 1
        })
    }

    fn push(&mut self, out: &mut String, mark: Mark) {
        let number = self.number(mark);
        out.push_str(&format!("\\color[HTML]{{{number:06x}}}"));
    }

    /// The mark in place of a colour.
    pub(super) fn get(&self, number: u32) -> Option<&Mark> {
        self.0.get(number as usize)
    }
}

/// `tex` as the engine reads it; `None` when it is wrong, needs what is missing, or expands to more
/// than `left` bytes. What it defines is added to `definitions`.
pub(super) fn for_engine(
    tex: &str,
    display: bool,
    definitions: &mut Rc<TexDefinitions>,
    left: &mut usize,
) -> Option<EngineTex> {
    let tex = &*scan::without_comments(tex);
    let mut expanded = None;
    if expansion::may_change(tex, definitions) {
        let (text, defines) = expansion::Expansion::new(definitions, left).expanded(tex)?;
        if defines && text.trim().is_empty() {
            return Some(EngineTex {
                tex: String::new(),
                marks: Marks::default(),
            });
        }
        expanded = Some(text);
    }
    let tex = expanded.as_deref().unwrap_or(tex);
    (depth(tex) <= MAX_GROUP_DEPTH).then_some(())?;
    rewrite::rewritten(tex, display, definitions)
}

/// Adds what `tex` defines to `definitions`, its labels too.
pub(super) fn define(tex: &str, definitions: &mut Rc<TexDefinitions>, left: &mut usize) {
    // What is wrong defines nothing, as in Jupyter.
    let _ = for_engine(tex, true, definitions, left);
}
