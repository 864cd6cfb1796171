//! [`Html`], the only type that the page puts into an element as HTML.
//!
//! The page writes HTML as text (see [`crate::model::history_panel`] for why) by
//! [`html!`](crate::html!), whose template is a constant of the page and which escapes every text
//! in its holes. Other HTML comes as [`SafeHtml`] from the sanitiser or the renderer. A `String`
//! becomes neither, and no other module uses a function that sets the HTML of an element; a test
//! below checks that.

use std::fmt::Write;
use std::ops::Deref;

use leptos::tachys::html::element::{InnerHtml, InnerHtmlValue, inner_html};
use shared::prepared::SafeHtml;
use shared::render::escape;
use web_sys::Element;

/// HTML whose markup was written by the page, the renderer or the sanitiser. It derefs to `str`;
/// no conversion from `str` exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

/// The content of one hole of a template.
#[derive(Clone, Copy)]
pub enum TemplateArg<'a> {
    /// A text, which is escaped for an element and for an attribute in double quotes.
    Text(&'a str),
    /// HTML, which is inserted as it is.
    Html(&'a str),
    /// A number, which is inserted in decimal.
    Number(i64),
}

/// A value for a hole of a template: a text, a number or [`Html`].
pub trait ToTemplateArg {
    /// The value as the content of a hole.
    fn to_arg(&self) -> TemplateArg<'_>;
}

/// Fills the holes `{}` of a template with texts, numbers and [`Html`], in order:
/// `html!("<p>{}</p>", name)`. Texts are escaped. A template with a name in a hole, or with
/// another number of holes than of values, does not compile.
#[macro_export]
macro_rules! html {
    ($template:expr $(, $value:expr)* $(,)?) => {{
        const VALUES: &[&str] = &[$(stringify!($value)),*];
        const { assert!($crate::html::holes($template) == VALUES.len()) };
        $crate::html::Html::from_template($template, &[$($crate::html::ToTemplateArg::to_arg(&$value)),*])
    }};
}

/// How many holes a template has; panics at a brace that belongs to no hole.
pub const fn holes(template: &str) -> usize {
    let bytes = template.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'{' {
            assert!(at + 1 < bytes.len() && bytes[at + 1] == b'}');
            count += 1;
            at += 1;
        } else {
            assert!(bytes[at] != b'}');
        }
        at += 1;
    }
    count
}

impl Html {
    /// Markup from the page's source.
    pub fn from_static(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// HTML that the service rendered and answered with; it is trusted like the page itself, which
    /// comes from the same service.
    pub fn from_service(body: String) -> Self {
        Self(body)
    }

    /// Fills the holes of a template. Use [`html!`](crate::html!), which counts the holes.
    pub fn from_template(template: &'static str, parts: &[TemplateArg<'_>]) -> Self {
        let mut html = String::new();
        let mut parts = parts.iter();
        for piece in template.split('{') {
            let Some(rest) = piece.strip_prefix('}') else {
                html.push_str(piece);
                continue;
            };
            match parts.next() {
                Some(TemplateArg::Text(text)) => html.push_str(&escape::attribute(text)),
                Some(TemplateArg::Html(markup)) => html.push_str(markup),
                // A `String` takes all that is written to it.
                Some(TemplateArg::Number(number)) => drop(write!(html, "{number}")),
                None => {}
            }
            html.push_str(rest);
        }
        Self(html)
    }

    /// Appends HTML.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers make the part for this call and have no other use for it"
    )]
    pub fn push(&mut self, more: Self) {
        self.0.push_str(&more.0);
    }

    /// Appends markup from the page's source.
    pub fn push_static(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Joins the parts, with a text from the page's source between each two.
    pub fn joined(parts: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let mut all = Self::default();
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                all.0.push_str(between);
            }
            all.push(part);
        }
        all
    }
}

impl Deref for Html {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Html {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self)
    }
}

impl From<SafeHtml> for Html {
    fn from(html: SafeHtml) -> Self {
        Self(html.into_string())
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        Self::joined(parts, "")
    }
}

/// The attribute of an element that shows HTML and its later values:
/// `<div {..dynamic_html(move || html.get())}></div>`.
pub fn dynamic_html(html: impl Fn() -> Html + Send + 'static) -> InnerHtml<impl InnerHtmlValue> {
    boxed_html(Box::new(html))
}

/// One type for all elements: code for a type each would be several times as large to load.
fn boxed_html(html: Box<dyn Fn() -> Html + Send>) -> InnerHtml<impl InnerHtmlValue> {
    inner_html(move || html().0)
}

/// The attribute of an element that shows HTML which never changes.
pub fn static_html(html: Html) -> InnerHtml<impl InnerHtmlValue> {
    inner_html(html.0)
}

/// Replaces the content of an element with HTML.
pub fn set_html(element: &Element, html: &Html) {
    element.set_inner_html(html);
}

impl ToTemplateArg for str {
    fn to_arg(&self) -> TemplateArg<'_> {
        TemplateArg::Text(self)
    }
}

impl ToTemplateArg for String {
    fn to_arg(&self) -> TemplateArg<'_> {
        TemplateArg::Text(self)
    }
}

impl ToTemplateArg for Html {
    fn to_arg(&self) -> TemplateArg<'_> {
        TemplateArg::Html(self)
    }
}

impl ToTemplateArg for SafeHtml {
    fn to_arg(&self) -> TemplateArg<'_> {
        TemplateArg::Html(self.as_str())
    }
}

impl ToTemplateArg for i64 {
    fn to_arg(&self) -> TemplateArg<'_> {
        TemplateArg::Number(*self)
    }
}

impl ToTemplateArg for u32 {
    fn to_arg(&self) -> TemplateArg<'_> {
        TemplateArg::Number((*self).into())
    }
}

impl ToTemplateArg for usize {
    fn to_arg(&self) -> TemplateArg<'_> {
        TemplateArg::Number(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl ToTemplateArg for bool {
    fn to_arg(&self) -> TemplateArg<'_> {
        TemplateArg::Text(if *self { "true" } else { "false" })
    }
}

impl<T: ToTemplateArg + ?Sized> ToTemplateArg for &T {
    fn to_arg(&self) -> TemplateArg<'_> {
        (**self).to_arg()
    }
}

/// The value, or an empty text for `None`.
impl<T: ToTemplateArg> ToTemplateArg for Option<T> {
    fn to_arg(&self) -> TemplateArg<'_> {
        self.as_ref().map_or(TemplateArg::Text(""), T::to_arg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_html_is_pasted() {
        let name = "<b title=\"it's\">".to_owned();
        let inner = html!("<i>{}</i>", "&");
        let none: Option<Html> = None;
        let html = html!("<p id={}>{}{}{}{}</p>", 7_i64, name, inner, none, true);
        assert_eq!(
            &*html,
            "<p id=7>&lt;b title=&quot;it&#39;s&quot;&gt;<i>&amp;</i>true</p>"
        );
        let all = Html::joined([html!("{}", "<"), html!("<br>"), html!("b")], ", ");
        assert_eq!(&*all, "&lt;, <br>, b");
    }

    /// Reads the sources, because the compiler does not know which functions of other crates
    /// make elements from a text.
    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn no_other_module_sets_the_html_of_an_element() {
        const HTML_SETTERS: [&str; 4] = [
            "inner_html",
            "outer_html",
            "adjacent_html",
            "Html::from_service",
        ];
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).unwrap();
                let name = path.file_name().unwrap().to_string_lossy();
                let setters = HTML_SETTERS
                    .into_iter()
                    .filter(|setter| source.contains(setter));
                found.extend(setters.map(|setter| format!("{name}: {setter}")));
            }
        }
        found.retain(|found| !found.starts_with("html.rs"));
        // The one answer that is HTML: the changes of a version.
        assert_eq!(found, ["history.rs: Html::from_service"]);
    }
}
