//! What the outputs of a cell are prepared with.

use std::{cell::RefCell, rc::Rc};

use super::{
    budget::Cost,
    displays::Displays,
    maths::{ExtractedMaths, TexDefinitions},
    widgets::state::Widgets,
};

/// What the outputs of a cell are prepared with.
pub(super) struct OutputContext<'a, 'n, S> {
    pub(super) displays: &'a Displays<'a>,
    pub(super) widgets: &'a Widgets<'n>,
    /// The macros of TeX that hold so far.
    pub(super) definitions: RefCell<Rc<TexDefinitions>>,
    pub(super) sanitizer: &'a S,
    /// The most that an output may cost.
    pub(super) most: Cost,
}

impl<S> OutputContext<'_, '_, S> {
    /// Typesets the formulas of a text with the macros that hold so far; those that it defines hold
    /// in the outputs after it.
    pub(super) fn typeset(
        &self,
        extract: impl FnOnce(&Rc<TexDefinitions>) -> ExtractedMaths,
    ) -> ExtractedMaths {
        let mut definitions = self.definitions.borrow_mut();
        let found = extract(&definitions);
        *definitions = Rc::clone(&found.definitions);
        found
    }
}
