//! What the cells of a notebook define of TeX, and what holds in each of them.

use std::{cell::RefCell, rc::Rc};

use super::{ExtractedMaths, TexDefinitions};
use crate::notebook::{Cell, CellKind, MAX_DEFINING_BYTES, MimeBundle, Notebook, Output};

/// The definitions that hold in each cell of a notebook. They are read as far as the cells are
/// asked for, which is in order.
pub(in crate::prepare) struct NotebookDefinitions<'a> {
    notebook: &'a Notebook,
    /// The number of cells that were read, and what they define.
    read: RefCell<(usize, Rc<TexDefinitions>)>,
}

impl<'a> NotebookDefinitions<'a> {
    pub(in crate::prepare) fn new(notebook: &'a Notebook) -> Self {
        let mut definitions = Rc::default();
        for cell in notebook.defining_cells() {
            define(cell, &mut definitions);
        }
        Self {
            notebook,
            read: RefCell::new((0, definitions)),
        }
    }

    /// What holds in the cell at `at`; the cells before it were asked for before.
    pub(in crate::prepare) fn before(&self, at: usize) -> Rc<TexDefinitions> {
        let mut read = self.read.borrow_mut();
        let (count, definitions) = &mut *read;
        let cells = self.notebook.cells().get(*count..at).unwrap_or_default();
        for cell in cells.iter().filter(|cell| cell.may_define_tex()) {
            define(cell, definitions);
        }
        *count = at.max(*count);
        Rc::clone(definitions)
    }
}

/// Adds what `cell` defines to `definitions`.
fn define(cell: &Cell, definitions: &mut Rc<TexDefinitions>) {
    match cell.kind() {
        CellKind::Markdown | CellKind::Heading(_) => {
            let source = cell.source();
            if source.len() <= MAX_DEFINING_BYTES {
                *definitions = super::of_markdown(&source, definitions).definitions;
            }
        }
        CellKind::Code => {
            for output in cell.outputs() {
                if let Output::Bundle(bundle) = output {
                    define_in_output(&bundle, definitions);
                }
            }
        }
        CellKind::Raw | CellKind::Unknown(_) => {}
    }
}

type Typeset = fn(&str, &Rc<TexDefinitions>) -> ExtractedMaths;

/// Adds what the form of an output that is typeset defines to `definitions`.
fn define_in_output(bundle: &MimeBundle<'_>, definitions: &mut Rc<TexDefinitions>) {
    let forms: [(&str, Typeset); 3] = [
        ("text/html", super::of_html),
        ("text/markdown", super::of_markdown),
        ("text/latex", super::of_latex),
    ];
    let shown = forms.into_iter().find_map(|(mime, typeset)| {
        let text = bundle.text(mime)?;
        Some((text, typeset))
    });
    // What is larger was not searched through.
    if let Some((text, typeset)) = shown.filter(|(text, _)| text.len() <= MAX_DEFINING_BYTES) {
        *definitions = typeset(&text, definitions).definitions;
    }
}
