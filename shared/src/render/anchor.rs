//! Places within a notebook, and the links to them, as a page has them.
//!
//! What a notebook calls a place was brought to one form before (`prepare::anchor`). On
//! the page the name stands behind a prefix, because a bare one could take the place of
//! something the page's own scripts look for.

use std::collections::HashSet;

use super::{
    Options, escape,
    html::{attributes, tag_length},
};

/// Markup of a fragment for each byte of it, and what there is for nothing; behind that
/// its places and links to them are none.
const ANCHOR_GROWTH_FACTOR: usize = 3;
const ANCHOR_FREE_BYTES: usize = 2048;

/// The ids of one page.
#[derive(Debug, Default)]
pub(crate) struct AnchorIds {
    /// What names stand behind; `None` in what is going to be sanitised, where names
    /// stay as they are until [`push_fragment`].
    prefix: Option<String>,
    /// The address of the page.
    page: String,
    taken: HashSet<String>,
    places: usize,
    /// The names taken since [`AnchorIds::take_new`], for whoever asks for them.
    new: Option<Vec<String>>,
}

impl AnchorIds {
    /// The ids of a page.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            prefix: Some(format!("{}h-", options.id_prefix)),
            page: options.page.clone().unwrap_or_default(),
            taken: HashSet::new(),
            places: 0,
            new: None,
        }
    }

    /// How many ids and links to them were written.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn places(&self) -> usize {
        self.places
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
    pub(crate) fn push_href(&mut self, out: &mut String, name: &str) {
        out.push_str(" href=\"");
        out.push_str(&escape::attribute(&self.page));
        self.push_place(out, "#", name);
    }

    fn push_place(&mut self, out: &mut String, before: &str, name: &str) {
        self.places += 1;
        out.push_str(before);
        out.push_str(&escape::attribute(self.prefix.as_deref().unwrap_or("")));
        out.push_str(&escape::attribute(name));
        out.push('"');
    }
}

/// Sanitised HTML with its ids and the links to them as the page has them, onto the end
/// of `out`.
pub(crate) fn push_fragment(out: &mut String, html: &str, ids: &mut AnchorIds) {
    // An address can be long, and a fragment can hold many links and nothing else.
    let limit = out.len() + ANCHOR_GROWTH_FACTOR * html.len() + ANCHOR_FREE_BYTES;
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
fn push_tag(out: &mut String, tag: &str, mut ids: Option<&mut AnchorIds>) {
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

#[cfg(test)]
mod tests {
    use super::{AnchorIds, push_fragment};
    use crate::render::Options;

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
        push_fragment(&mut out, html, &mut AnchorIds::new(&options));
        let expected = "<p id=\"ana-h-x\" title=\" id=\">a</p><p>b</p>\
                        <a class=\"nb-anchor\" href=\"notebook?a=1&amp;b=2#ana-h-x\">c</a> id=\"x\"";
        assert_eq!(out, expected);
    }
}
