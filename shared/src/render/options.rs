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
}
