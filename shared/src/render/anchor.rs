//! The ids of anchors within a notebook, and the links to them, as they are written on a page.
//!
//! `prepare::anchor` has brought the names of anchors to one form before. On the page a name
//! stands behind a prefix, because a bare one could be an id that the page's own scripts look
//! for.

use std::collections::HashSet;

use super::{
    Options, escape,
    html::{attributes, tag_length},
};

/// The markup of a fragment may have this many bytes for each of its own, and
/// [`ANCHOR_FREE_BYTES`] more; beyond that its ids and the links to them are left out.
const ANCHOR_GROWTH_FACTOR: usize = 3;
const ANCHOR_FREE_BYTES: usize = 2048;

/// The ids of one page.
#[derive(Debug, Default)]
pub(crate) struct AnchorIds {
    /// The prefix of names; `None` in HTML that is sanitised later, where names stay as they
    /// are until [`push_fragment`].
    prefix: Option<String>,
    /// The address of the page.
    page: String,
    taken: HashSet<String>,
    written: usize,
    /// The names taken since [`AnchorIds::take_new`]; `None` until its first call.
    new: Option<Vec<String>>,
}

impl AnchorIds {
    /// The ids of a page.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            prefix: Some(format!("{}h-", options.id_prefix)),
            page: options.page.clone().unwrap_or_default(),
            taken: HashSet::new(),
            written: 0,
            new: None,
        }
    }

    /// How many ids and links to them were written.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    /// The names that were taken since the last call, in order; the first call starts keeping
    /// them.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn take_new(&mut self) -> Vec<String> {
        self.new.replace(Vec::new()).unwrap_or_default()
    }

    /// Marks the names of a part of the page that was rendered before as taken.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn reserve(&mut self, names: &[String]) {
        self.taken.extend(names.iter().cloned());
    }

    /// Appends ` id="…"` for an anchor of this name to `out`. Only the first anchor of a name
    /// gets the id, because a browser goes to the first.
    pub(crate) fn push_id(&mut self, out: &mut String, name: &str) {
        if name.is_empty() || !self.taken.insert(name.to_owned()) {
            return;
        }
        if let Some(new) = &mut self.new {
            new.push(name.to_owned());
        }
        self.push_name(out, " id=\"", name);
    }

    /// Appends ` href="…"` to the anchor of this name to `out`.
    pub(crate) fn push_href(&mut self, out: &mut String, name: &str) {
        out.push_str(" href=\"");
        out.push_str(&escape::attribute(&self.page));
        self.push_name(out, "#", name);
    }

    fn push_name(&mut self, out: &mut String, before: &str, name: &str) {
        self.written += 1;
        out.push_str(before);
        out.push_str(&escape::attribute(self.prefix.as_deref().unwrap_or("")));
        out.push_str(&escape::attribute(name));
        out.push('"');
    }
}

/// Appends sanitised HTML to `out`, with the page's prefix in its ids and links to them.
pub(crate) fn push_fragment(out: &mut String, html: &str, ids: &mut AnchorIds) {
    // The page's address can be long, and a fragment can consist of links.
    let limit = out.len() + ANCHOR_GROWTH_FACTOR * html.len() + ANCHOR_FREE_BYTES;
    let mut rest = html;
    // The length of the beginning of `rest` that need not change.
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

/// Appends `tag` with its id and its link, or without them where `ids` is `None`.
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
