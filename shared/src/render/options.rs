//! The options of a rendering.

/// The options of a rendering.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Goes before every `id` in the result, so that two notebooks can share a page.
    pub id_prefix: String,
    /// The page's own address, relative to its base and with its query, such as
    /// `notebook?filename=a.ipynb&user=ana`. Links within the notebook begin with it, because
    /// below a `<base>` a bare `#id` leads to the base. `None` in a page without a `<base>`.
    pub page: Option<String>,
    /// Whether there are buttons that show an output that needs a script in a closed frame.
    pub frames: bool,
    /// Whether the place scrolls as a whole, as a tile does. Elsewhere wide tables scroll by
    /// themselves, and take the focus so that the keyboard scrolls them.
    pub scrolls_whole: bool,
}

impl Options {
    /// The attribute of an element that scrolls.
    pub(super) fn focus(&self) -> &'static str {
        if self.scrolls_whole {
            ""
        } else {
            " tabindex=\"0\""
        }
    }
}
