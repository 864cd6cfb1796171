//! HTML of libraries in terms that the sanitiser keeps.
//!
//! The sanitiser drops style sheets, drawings, sounds and frames. What of them a reader can be
//! shown is written here in other markup before: the looks that a style sheet gives to its own
//! elements become their `style` (`sheet`), and `elements` finds what something else is written for:
//! a drawing becomes a picture (`drawing`) with the looks that the page gives to it (`drawn`), a
//! control of a form its value (`controls`), a formula in MathML its text (`mathml`), and a note
//! stands for what is not shown (`media`). The result is as untrusted as the HTML, and sanitised
//! like it.

mod controls;
mod drawing;
mod drawn;
mod elements;
mod mathml;
mod media;
mod selector;
mod sheet;
pub(crate) mod tag;

/// `html` with what would be dropped in other terms; `None` where nothing would be.
pub(super) fn restated(html: &str) -> Option<String> {
    let styled = sheet::inlined(html);
    elements::shown(styled.as_deref().unwrap_or(html)).or(styled)
}

pub(super) use media::media_address;
pub(super) use sheet::has_looks;
