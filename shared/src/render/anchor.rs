//! Places within a notebook, and the links to them.
//!
//! Whatever a notebook calls a place, by a heading's text, an `id` or a link's `#…`, is
//! brought to one form, so that links written for Jupyter, for a forge or by hand find
//! it. On the page the name stands behind a prefix, because a bare one could take the
//! place of something the page's own scripts look for.

use std::{borrow::Cow, collections::HashSet};

use super::{
    Options, escape,
    html::{attributes, tag_length},
};

/// The longest name, in characters.
const MAX_NAME: usize = 80;

/// Markup of a fragment for each byte of it, and what there is for nothing; behind that
/// its places and links to them are none.
const MAX_GROWTH: usize = 3;
const FREE: usize = 2048;

/// The ids of one page.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// What names stand behind; `None` in what is going to be sanitised, where names
    /// stay as they are until [`push_fragment`].
    prefix: Option<String>,
    /// The address of the page.
    page: String,
    taken: HashSet<String>,
    /// The names taken since [`Ids::take_new`], for whoever asks for them.
    new: Option<Vec<String>>,
}

impl Ids {
    /// The ids of a page.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            prefix: Some(format!("{}h-", options.id_prefix)),
            page: options.page.clone().unwrap_or_default(),
            taken: HashSet::new(),
            new: None,
        }
    }

    /// The names that were taken since the last call, in order; the first call says that
    /// there will be others.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn take_new(&mut self) -> Vec<String> {
        self.new.replace(Vec::new()).unwrap_or_default()
    }

    /// Takes names that a part of the page has which was rendered before.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn take(&mut self, names: &[String]) {
        self.taken.extend(names.iter().cloned());
    }

    /// ` id="…"` for a place of this name, onto the end of `out`. The first place of a
    /// name has it, as in a page.
    pub(crate) fn push_id(&mut self, out: &mut String, name: &str) {
        if name.is_empty() || !self.taken.insert(name.to_owned()) {
            return;
        }
        if let Some(new) = &mut self.new {
            new.push(name.to_owned());
        }
        self.push_place(out, " id=\"", name);
    }

    /// ` href="…"` to the place of this name, onto the end of `out`.
    pub(crate) fn push_href(&self, out: &mut String, name: &str) {
        out.push_str(" href=\"");
        out.push_str(&escape::attribute(&self.page));
        self.push_place(out, "#", name);
    }

    fn push_place(&self, out: &mut String, before: &str, name: &str) {
        out.push_str(before);
        out.push_str(&escape::attribute(self.prefix.as_deref().unwrap_or("")));
        out.push_str(&escape::attribute(name));
        out.push('"');
    }
}

/// The name of a place that a notebook calls `text`: letters and digits in lower case,
/// a dash between words. The name of a name is the name itself.
pub(crate) fn name(text: &str) -> String {
    let mut name = String::new();
    let mut length = 0;
    for char in text.chars().flat_map(char::to_lowercase) {
        let separates = !char.is_alphanumeric();
        if length == MAX_NAME {
            break;
        }
        if separates && (name.is_empty() || name.ends_with('-')) {
            continue;
        }
        name.push(if separates { '-' } else { char });
        length += 1;
    }
    name.truncate(name.trim_end_matches('-').len());
    name
}

/// The name in the address `url`, `None` when it leads elsewhere or nowhere.
pub(crate) fn name_in(url: &str) -> Option<String> {
    let name = name(&percent_decoded(url.strip_prefix('#')?));
    (!name.is_empty()).then_some(name)
}

/// Sanitised HTML with its ids and the links to them as the page has them, onto the end
/// of `out`.
pub(crate) fn push_fragment(out: &mut String, html: &str, ids: &mut Ids) {
    // An address can be long, and a fragment can hold many links and nothing else.
    let limit = out.len() + MAX_GROWTH * html.len() + FREE;
    let mut rest = html;
    // What of `rest` need not change.
    let mut kept = 0;
    while let Some(start) = rest[kept..].find('<') {
        let start = kept + start;
        let length = tag_length(&rest[start..]);
        let tag = &rest[start..start + length];
        kept = start + length;
        if tag.contains(" id=\"") || tag.contains(" href=\"#") {
            out.push_str(&rest[..start]);
            push_tag(out, tag, (out.len() < limit).then_some(&mut *ids));
            rest = &rest[kept..];
            kept = 0;
        }
    }
    out.push_str(rest);
}

/// `tag` with its id and its link, or without them where there are no `ids`.
fn push_tag(out: &mut String, tag: &str, mut ids: Option<&mut Ids>) {
    let inside = tag.trim_end_matches('>');
    let (name, rest) = inside.split_once(' ').unwrap_or((inside, ""));
    out.push_str(name);
    for (name, value) in attributes(rest) {
        match (name, value.strip_prefix('#'), &mut ids) {
            ("id", _, Some(ids)) => ids.push_id(out, value),
            ("href", Some(place), Some(ids)) => ids.push_href(out, place),
            ("id", _, None) | ("href", Some(_), None) => {}
            _ => {
                for part in [" ", name, "=\"", value, "\""] {
                    out.push_str(part);
                }
            }
        }
    }
    out.push('>');
}

/// `text` with `%20` and the like decoded.
pub(crate) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match decoded {
            Some(decoded) if byte == b'%' => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::{Ids, name, name_in, push_fragment};
    use crate::render::Options;

    #[test]
    fn names_are_found_however_they_are_written() {
        for text in ["My  Heading!", "My-Heading", "my-heading", " my_heading "] {
            assert_eq!(name(text), "my-heading");
        }
        assert_eq!(name_in("#My%20Heading").as_deref(), Some("my-heading"));
        assert_eq!(name_in("#%C3%9Cbung 1").as_deref(), Some("übung-1"));
        for nowhere in ["#", "#--", "x#y", ""] {
            assert_eq!(name_in(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_name_is_its_own_name() {
        for text in [
            "İx y",
            &"ab ".repeat(100),
            &"İ".repeat(100),
            "x\u{FDD0}y",
            "ẞ",
        ] {
            let once = name(text);
            assert_eq!(name(&once), once);
            assert!(once.chars().count() <= 80);
        }
    }

    #[test]
    fn fragments_get_the_ids_of_the_page() {
        let options = Options {
            id_prefix: "ana-".to_owned(),
            page: Some("notebook?a=1&b=2".to_owned()),
            ..Options::default()
        };
        let html = "<p id=\"x\" title=\" id=\">a</p><p id=\"x\">b</p>\
                    <a class=\"nb-anchor\" href=\"#x\">c</a> id=\"x\"";
        let mut out = String::new();
        push_fragment(&mut out, html, &mut Ids::new(&options));
        let expected = "<p id=\"ana-h-x\" title=\" id=\">a</p><p>b</p>\
                        <a class=\"nb-anchor\" href=\"notebook?a=1&amp;b=2#ana-h-x\">c</a> id=\"x\"";
        assert_eq!(out, expected);
    }
}
