//! HTML that the page may show: a type of its own, and the only way into an element.
//!
//! What is drawn as text (see [`crate::model::past`] for why) is made by [`html!`](crate::html!),
//! whose template is the page's own and which escapes every text that goes into it. What
//! was made elsewhere comes as [`SafeHtml`] from the sanitiser or the renderer. A `String`
//! becomes neither, and no other module names what sets the HTML of an element, which a
//! test below holds.

use std::fmt::Write;
use std::ops::Deref;

use leptos::tachys::html::element::{InnerHtml, InnerHtmlValue, inner_html};
use shared::prepared::SafeHtml;
use shared::render::escape;
use web_sys::Element;

/// HTML in which nothing is markup that the page, the renderer or the sanitiser did not
/// write. It can be read as text; no text can be made one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

/// What goes into one hole of a template.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// Is escaped, for an element as for an attribute in double quotes.
    Text(&'a str),
    /// Stands as it is.
    Html(&'a str),
    /// Stands as it is.
    Number(i64),
}

/// What can go into a template: texts, which are escaped, numbers and [`Html`].
pub trait AsPart {
    /// How it goes into it.
    fn part(&self) -> Part<'_>;
}

/// Fills the holes `{}` of a template with texts, numbers and [`Html`], in order:
/// `html!("<p>{}</p>", name)`. Texts are escaped. A name in a hole, and another number of
/// holes than of values, does not compile.
#[macro_export]
macro_rules! html {
    ($template:expr $(, $value:expr)* $(,)?) => {{
        const VALUES: &[&str] = &[$(stringify!($value)),*];
        const { assert!($crate::html::holes($template) == VALUES.len()) };
        $crate::html::Html::of($template, &[$($crate::html::AsPart::part(&$value)),*])
    }};
}

/// How many holes a template has; one with other braces is none.
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
    /// Markup of the page's own.
    pub fn own(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// What the service answered where it answers with HTML that it rendered, which is
    /// trusted as the page itself is.
    pub fn answered(body: String) -> Self {
        Self(body)
    }

    /// The template with its holes filled; written as [`html!`](crate::html!), which counts
    /// them.
    pub fn of(template: &'static str, parts: &[Part<'_>]) -> Self {
        let mut html = String::new();
        let mut parts = parts.iter();
        for piece in template.split('{') {
            let Some(rest) = piece.strip_prefix('}') else {
                html.push_str(piece);
                continue;
            };
            match parts.next() {
                Some(Part::Text(text)) => html.push_str(&escape::attribute(text)),
                Some(Part::Html(markup)) => html.push_str(markup),
                // A `String` takes all that is written to it.
                Some(Part::Number(number)) => drop(write!(html, "{number}")),
                None => {}
            }
            html.push_str(rest);
        }
        Self(html)
    }

    /// Puts more after it.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "who adds a part has made it for that, and need not drop it"
    )]
    pub fn push(&mut self, more: Self) {
        self.0.push_str(&more.0);
    }

    /// Puts markup of the page's own after it.
    pub fn push_own(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// The parts one after the other, and the page's own text between each two.
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

/// The attribute of an element that shows HTML, and what it becomes:
/// `<div {..showing(move || html.get())}></div>`.
pub fn showing(html: impl Fn() -> Html + Send + 'static) -> InnerHtml<impl InnerHtmlValue> {
    shown(Box::new(html))
}

/// Of one type for all elements, which is a fraction of what one each would be to load.
fn shown(html: Box<dyn Fn() -> Html + Send>) -> InnerHtml<impl InnerHtmlValue> {
    inner_html(move || html().0)
}

/// The attribute of an element that shows HTML which never changes.
pub fn holding(html: Html) -> InnerHtml<impl InnerHtmlValue> {
    inner_html(html.0)
}

/// Puts HTML into an element, in place of what was there.
pub fn put(element: &Element, html: &Html) {
    element.set_inner_html(html);
}

impl AsPart for str {
    fn part(&self) -> Part<'_> {
        Part::Text(self)
    }
}

impl AsPart for String {
    fn part(&self) -> Part<'_> {
        Part::Text(self)
    }
}

impl AsPart for Html {
    fn part(&self) -> Part<'_> {
        Part::Html(self)
    }
}

impl AsPart for SafeHtml {
    fn part(&self) -> Part<'_> {
        Part::Html(self.as_str())
    }
}

impl AsPart for i64 {
    fn part(&self) -> Part<'_> {
        Part::Number(*self)
    }
}

impl AsPart for u32 {
    fn part(&self) -> Part<'_> {
        Part::Number((*self).into())
    }
}

impl AsPart for usize {
    fn part(&self) -> Part<'_> {
        Part::Number(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl AsPart for bool {
    fn part(&self) -> Part<'_> {
        Part::Text(if *self { "true" } else { "false" })
    }
}

impl<T: AsPart + ?Sized> AsPart for &T {
    fn part(&self) -> Part<'_> {
        (**self).part()
    }
}

/// Nothing, where there is none.
impl<T: AsPart> AsPart for Option<T> {
    fn part(&self) -> Part<'_> {
        self.as_ref().map_or(Part::Text(""), T::part)
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

    /// Sources are read, because the compiler cannot know which functions of other crates
    /// make elements of a text.
    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn no_other_module_sets_the_html_of_an_element() {
        const WAYS: [&str; 4] = [
            "inner_html",
            "outer_html",
            "adjacent_html",
            "Html::answered",
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
                let ways = WAYS.into_iter().filter(|way| source.contains(way));
                found.extend(ways.map(|way| format!("{name}: {way}")));
            }
        }
        found.retain(|found| !found.starts_with("html.rs"));
        // The one answer that is HTML: what changed in a version.
        assert_eq!(found, ["past.rs: Html::answered"]);
    }
}
