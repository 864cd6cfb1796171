//! A drawing written anew as XML, whatever is wrong with it.
//!
//! It is read as tolerantly as HTML is: any case, values without quotes, missing end tags. What is
//! written is well-formed by construction: every name is one, every value is in quotes and escaped,
//! and every element ends. Left out is what a picture does not draw: scripts and handlers of events,
//! comments, declarations, HTML, and names with prefixes, such as those of editors.

use super::{
    NAMESPACE,
    characters::{decoded, push_text, push_value},
    names::{self, is_name, split},
};
use crate::sanitize::tag::{Tag, content, tag, text_length};

/// The most elements within each other, as a browser has it in HTML.
const MAX_DEPTH: usize = 500;
/// The most open elements among which that of an end tag is looked for.
const MAX_SEARCHED: usize = 100;
/// The most attributes of an element.
const MAX_ATTRIBUTES: usize = 64;
/// The drawing may become so many times as long.
const MAX_GROWTH: usize = 4;

/// Elements that draw something.
const SHAPES: [&str; 10] = [
    "circle", "ellipse", "image", "line", "path", "polygon", "polyline", "rect", "text", "use",
];
/// Elements that are left out with their content.
const LEFT_OUT: [&str; 2] = ["foreignObject", "script"];

/// The drawing in `source` as a document; `None` when it would draw nothing.
pub(super) fn document(source: &str) -> Option<String> {
    let mut drawing = Rewritten {
        out: String::with_capacity(source.len() + 128),
        needs_xlink: source.contains("xlink:") || source.contains("XLINK:"),
        ..Rewritten::default()
    };
    let mut rest = source;
    while !rest.is_empty() && !drawing.is_complete {
        rest = drawing.piece(rest)?;
        if drawing.out.len() > MAX_GROWTH * source.len() + 256 {
            return None;
        }
    }
    drawing.finish()
}

/// An element that is open.
struct OpenXmlElement {
    name: String,
    is_written: bool,
}

#[derive(Default)]
struct Rewritten {
    out: String,
    open: Vec<OpenXmlElement>,
    needs_xlink: bool,
    /// Whether the end of the root has been read.
    is_complete: bool,
    /// Whether end tags are missing, or there are others.
    is_broken: bool,
    has_shapes: bool,
    /// Whether there is HTML in it, which is left out.
    has_html: bool,
}

impl Rewritten {
    /// Reads what `rest` begins with; returns what follows. `None` for a drawing that is too deep.
    fn piece<'s>(&mut self, rest: &'s str) -> Option<&'s str> {
        if let Some(text) = rest.strip_prefix("<![CDATA[") {
            let (text, after) = text.split_once("]]>").unwrap_or((text, ""));
            self.text(text);
            return Some(after);
        }
        if rest.starts_with("<!") && !rest.starts_with("<!--") {
            return Some(&rest[doctype_length(rest)..]);
        }
        if let Some(instruction) = rest.strip_prefix("<?") {
            return Some(instruction.split_once('>').map_or("", |(_, after)| after));
        }
        let Some((found, length)) = tag(rest) else {
            let length = text_length(rest);
            if !rest.starts_with("<!--") {
                self.text(&decoded(&rest[..length]));
            }
            return Some(&rest[length..]);
        };
        let (whole, after) = rest.split_at(length);
        let name = match split(found.name) {
            Some(("" | "svg" | "SVG", local)) if is_name(local) => names::element(local),
            // An element of an editor's, or none at all.
            _ => String::new(),
        };
        if found.closes {
            self.end(&name);
            return Some(after);
        }
        let alone = whole.ends_with("/>");
        if name == "script" && !alone {
            return Some(after_script(after));
        }
        self.start(name, &found, alone).then_some(after)
    }

    fn is_writing(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_written)
    }

    fn text(&mut self, text: &str) {
        if self.is_writing() {
            push_text(&mut self.out, text);
        }
    }

    /// Writes a start tag; `false` when it is too deep.
    fn start(&mut self, name: String, found: &Tag<'_>, alone: bool) -> bool {
        let is_root = self.open.is_empty();
        if is_root && name != "svg" {
            return true;
        }
        self.has_html |= name == "foreignObject";
        let is_known = !name.is_empty() && !LEFT_OUT.contains(&name.as_str());
        let is_written = is_known && (is_root || self.is_writing());
        if is_written {
            self.has_shapes |= SHAPES.contains(&name.as_str());
            self.out.extend(["<", &name]);
            if is_root {
                self.out.extend([" xmlns=\"", NAMESPACE, "\""]);
            }
            if is_root && self.needs_xlink {
                self.out
                    .push_str(" xmlns:xlink=\"http://www.w3.org/1999/xlink\"");
            }
            self.attributes(found);
            self.out.push_str(if alone { "/>" } else { ">" });
        }
        if alone {
            self.is_complete = is_root;
        } else {
            self.open.push(OpenXmlElement { name, is_written });
        }
        self.open.len() <= MAX_DEPTH
    }

    fn attributes(&mut self, found: &Tag<'_>) {
        let mut written: Vec<String> = Vec::new();
        for one in found.each() {
            let Some((prefix, local)) = split(one.name).filter(|_| is_name(one.name)) else {
                continue;
            };
            let name = match prefix.to_ascii_lowercase().as_str() {
                "" => names::attribute(local),
                prefix @ ("xlink" | "xml") => format!("{prefix}:{}", local.to_ascii_lowercase()),
                _ => continue,
            };
            let is_handler = name.starts_with("on");
            if is_handler || name == "xmlns" || written.contains(&name) {
                continue;
            }
            self.out.extend([" ", &name, "="]);
            push_value(&mut self.out, &decoded(one.value));
            written.push(name);
            if written.len() == MAX_ATTRIBUTES {
                break;
            }
        }
    }

    fn end(&mut self, name: &str) {
        let mut searched = self.open.iter().rev().take(MAX_SEARCHED);
        let Some(inner) = searched.position(|open| open.name == name) else {
            self.is_broken |= !self.open.is_empty();
            return;
        };
        self.is_broken |= inner > 0;
        (0..=inner).for_each(|_| self.close());
        self.is_complete = self.open.is_empty();
    }

    /// Ends the innermost open element.
    fn close(&mut self) {
        if let Some(open) = self.open.pop().filter(|open| open.is_written) {
            self.out.extend(["</", &open.name, ">"]);
        }
    }

    fn finish(mut self) -> Option<String> {
        self.is_broken |= !self.open.is_empty();
        while !self.open.is_empty() {
            self.close();
        }
        let may_be_empty = !self.is_broken && !self.has_html;
        let shows = !self.out.is_empty() && (self.has_shapes || may_be_empty);
        shows.then_some(self.out)
    }
}

/// The length of a document type, with what it declares.
fn doctype_length(rest: &str) -> usize {
    let end = match rest.find(['[', '>']) {
        Some(at) if rest[at..].starts_with('[') => rest[at..].find(']').map(|end| at + end),
        end => end,
    };
    let Some(end) = end else {
        return rest.len();
    };
    rest[end..].find('>').map_or(rest.len(), |at| end + at + 1)
}

/// What follows the script that `rest` is inside of.
fn after_script(rest: &str) -> &str {
    let (inside, end) = content(rest, "script");
    &rest[inside + end..]
}
