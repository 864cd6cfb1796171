//! What a drawing comes to once everything in it is followed.
//!
//! An SVG is a program: `use`, patterns, masks, markers, filters and animations draw other
//! parts of it again, and those others again. So its elements become a graph whose edges
//! are "is inside" and "is drawn by", and the cost of each is added up once (`graph`). XML
//! is read here tag by tag (`xml`), more tolerantly than a browser reads it, so that nothing
//! a browser sees is missed; what could hide something from this, an encoding, an entity, a
//! style sheet from elsewhere, HTML, is refused. So is every address but that of a place in
//! the drawing and, of an `image`, that of a picture in base64. Styles may say only what is
//! on a list (`css`), and lines are cut into dashes only as far as they are long (`dash`).
//!
//! What a path says is read once and drawn as often as it is referred to, which costs much
//! less: so its bytes are charged in full where it is defined, and a tenth of that each time.

mod css;
mod dash;
mod graph;
mod xml;

use self::{
    css::Styles,
    graph::{Graph, Node, Times, shorter},
    xml::{Name, Piece},
};
use super::{Cost, picture, text};
use crate::prepared::ImageKind;

/// What one drawing may come to.
pub(super) const MOST: Cost = Cost {
    elements: u64::MAX,
    places: u64::MAX,
    text: u64::MAX,
    pixels: 250_000_000,
    shapes: 40_000,
};

/// So many bytes of an attribute, such as a path's, cost what a shape does.
const BYTES_IN_SHAPE: u64 = 12;
/// So many bytes of a path do each time it is drawn.
const BYTES_IN_SHAPE_AGAIN: u64 = 120;
/// So many letters do.
const LETTERS_IN_SHAPE: u64 = 8;
/// A drawing that moves is drawn again so often in the time a reader looks at it.
const DRAWN_AGAIN: u64 = 50;
/// Pictures in drawings in drawings.
const MAX_NESTING: usize = 3;
/// Why reading ends that has come to more elements than may be drawn.
const TOO_MANY: &str = "has too many elements";
/// A drawn picture is scaled.
const PICTURE: u64 = 20;

/// What the SVG in `base64` costs; an error says, after a name, why that cannot be told.
pub(super) fn of_base64(base64: &str) -> Result<Cost, &'static str> {
    of_bytes(&picture::decode(base64), 0)
}

fn of_bytes(bytes: &[u8], nesting: usize) -> Result<Cost, &'static str> {
    let Ok(xml) = std::str::from_utf8(bytes) else {
        return Err("is not written in UTF-8");
    };
    if xml.contains('\0') {
        return Err("is not written in UTF-8");
    }
    let mut drawing = Drawing {
        graph: Graph::new(),
        sheet: String::new(),
        cost: Cost::NONE,
        once: 0,
        moves: false,
        has: Has::default(),
        style_depth: 0,
        nesting,
    };
    match xml::read(xml, |piece| drawing.piece(piece)) {
        // Each of them is a shape at least, so the others need not be kept.
        Err(TOO_MANY) => Ok(Cost {
            shapes: drawing.graph.len() as u64,
            ..drawing.cost
        }),
        read => read.and_then(|()| drawing.finish()),
    }
}

/// A drawing as far as it was read.
struct Drawing {
    graph: Graph,
    /// Its style sheets.
    sheet: String,
    /// Of pictures in it.
    cost: Cost,
    /// What is paid once, however often it is drawn.
    once: u64,
    moves: bool,
    has: Has,
    /// Open elements from the `style` on that is being read.
    style_depth: usize,
    nesting: usize,
}

/// What of a drawing matters only together.
#[derive(Default)]
struct Has {
    dashes: bool,
    /// Dashes are as long as they are on the screen.
    on_screen: bool,
    /// Something is made larger.
    stretches: bool,
    large_letters: bool,
    letters: bool,
}

impl Has {
    fn add(&mut self, styles: &Styles) {
        self.dashes |= styles.dashes.is_some();
        self.on_screen |= styles.on_screen;
        self.stretches |= styles.stretches;
        self.large_letters |= styles.large_letters;
    }

    /// Whether lines may be longer than what is known of them, and cut into dashes.
    fn is_unknown(&self) -> bool {
        let lines = self.on_screen && self.stretches;
        self.dashes && (lines || self.letters && self.large_letters)
    }
}

impl Drawing {
    fn piece(&mut self, piece: Piece<'_>) -> Result<(), &'static str> {
        match piece {
            Piece::Start {
                name,
                attributes,
                alone,
            } => {
                if self.style_depth > 0 || name.eq_ignore_ascii_case("style") {
                    self.style_depth += usize::from(!alone);
                    self.sheet.push('\n');
                }
                if self.graph.len() as u64 > MOST.shapes {
                    return Err(TOO_MANY);
                }
                let node = self.node(name, attributes)?;
                self.graph.open(node)?;
                if alone {
                    self.graph.close();
                }
            }
            Piece::End => {
                self.style_depth = self.style_depth.saturating_sub(1);
                self.graph.close();
            }
            // A comment may stand between two halves of a word.
            Piece::Text(css) if self.style_depth > 0 => self.sheet.push_str(css),
            Piece::Text(text) => {
                let letters = text.trim().len();
                self.has.letters |= letters > 0;
                self.graph.add(text::weight(text) / LETTERS_IN_SHAPE);
                self.graph.lengthen(dash::LETTER * letters as f64);
            }
        }
        Ok(())
    }

    fn node(&mut self, name: &str, attributes: &str) -> Result<Node, &'static str> {
        if name == "link" || name.eq_ignore_ascii_case("foreignObject") {
            return Err("has something in it that is no drawing");
        }
        let animates = matches!(
            name,
            "animate" | "animateMotion" | "animateTransform" | "animateColor" | "set" | "discard"
        );
        self.moves |= animates;
        let mut node = Node::of(1);
        node.is_resource = matches!(name, "marker" | "pattern" | "mask" | "clipPath");
        let mut weight = primitive(name, attributes);
        xml::attributes(attributes, |attribute, value| {
            let added = self.attribute(&mut node, name, attribute, &value)?;
            weight = weight.saturating_add(added);
            if animates {
                self.animation(&mut node, attribute.local, &value)?;
            }
            Ok(())
        })?;
        node.weight = node.weight.saturating_add(weight);
        Ok(node)
    }

    /// What an attribute of `node`, an `element`, costs beside its bytes.
    fn attribute(
        &mut self,
        node: &mut Node,
        element: &str,
        attribute: Name<'_>,
        value: &str,
    ) -> Result<u64, &'static str> {
        let bytes = value.len() as u64;
        match (attribute.prefix, attribute.local) {
            ("", "id") if node.has_id() => return Err("has two names for one thing"),
            ("", "id") => node.set_id(value.to_owned()),
            ("", "href") | ("xlink", "href") => return self.address(node, element, value),
            // Only browsers know which of these they take for a name or an address.
            (_, "id" | "href") => return Err("has names that are not known here"),
            (_, "src" | "srcset") => return Err("has something in it that is no drawing"),
            ("", "class") => node.set_classes(value),
            (_, "d" | "points") => {
                node.vertices += bytes / 2;
                node.length += dash::path(value);
                node.weight += bytes / BYTES_IN_SHAPE_AGAIN;
                self.once += bytes / BYTES_IN_SHAPE - bytes / BYTES_IN_SHAPE_AGAIN;
                return Ok(0);
            }
            (_, "style") => {
                node.weight += bytes / BYTES_IN_SHAPE;
                let styles = Styles::of_attribute(value)?;
                return Ok(self.styles(node, styles));
            }
            (_, "backdrop-filter") => return Err("has styles that are not known here"),
            (_, property) if css::is_property(property) => {
                node.weight += bytes / BYTES_IN_SHAPE;
                let styles = Styles::of_property(property, value)?;
                return Ok(self.styles(node, styles));
            }
            ("", name) if places(name) => node.length += dash::length(value),
            ("", "viewBox") => self.has.stretches |= is_small(value),
            ("", "patternTransform" | "gradientTransform") => {
                self.has.stretches |= dash::stretches(value);
            }
            ("", name) if !is_words(name) && value.to_ascii_lowercase().contains("url") => {
                let styles = Styles::of_property(name, value)?;
                self.styles(node, styles);
            }
            _ => {}
        }
        node.weight += bytes / BYTES_IN_SHAPE;
        Ok(0)
    }

    /// What `styles` cost an element, beside what they refer to.
    fn styles(&mut self, node: &mut Node, styles: Styles) -> u64 {
        self.moves |= styles.moves;
        self.has.add(&styles);
        node.dashes = shorter(node.dashes, styles.dashes);
        node.length += styles.length;
        for (id, times) in styles.references {
            node.refer(id, times);
        }
        styles.weight
    }

    /// What an `element` leads to, and what that costs if it is a picture.
    fn address(
        &mut self,
        node: &mut Node,
        element: &str,
        value: &str,
    ) -> Result<u64, &'static str> {
        // It is where a reader could go, and is not drawn.
        if element == "a" || value.trim().is_empty() {
            return Ok(0);
        }
        if matches!(element, "image" | "feImage") && value.trim_start().starts_with("data:") {
            return self.picture(value.trim());
        }
        node.weight += value.len() as u64 / BYTES_IN_SHAPE;
        for id in css::named(value)? {
            node.refer(id, Times::Once);
        }
        Ok(0)
    }

    /// What an attribute of an animation says: what it moves, which may be only what is
    /// known, and to where.
    fn animation(
        &mut self,
        node: &mut Node,
        attribute: &str,
        value: &str,
    ) -> Result<(), &'static str> {
        match attribute {
            "attributeName" if !MOVED.contains(&value.trim()) => {
                Err("moves what is not known here")
            }
            "to" | "from" | "by" | "values" => {
                for one in value.split(';') {
                    let numbers = one.contains(|c: char| c.is_ascii_digit());
                    let is_colour = one.contains(['#', '(']) || !numbers;
                    if is_colour {
                        let styles = Styles::of_property("fill", one)?;
                        self.styles(node, styles);
                    } else {
                        // Any of them may be a dash, of whatever is moved.
                        node.length += dash::path(one);
                        self.has.stretches |= dash::path(one) > 1.5;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A picture within the drawing, and what it costs each time.
    fn picture(&mut self, url: &str) -> Result<u64, &'static str> {
        let Some((kind, base64)) = url
            .strip_prefix("data:image/")
            .and_then(|url| url.split_once(";base64,"))
            .filter(|(kind, _)| PICTURES.contains(kind))
        else {
            return Err("has a picture in it that is not in base64");
        };
        let base64: String = base64.split_ascii_whitespace().collect();
        let Some(kind) = ImageKind::of_mime(&format!("image/{kind}")) else {
            return Err("has something in it that is no picture");
        };
        if kind != ImageKind::Svg {
            self.cost.add(picture::cost(kind, &base64));
            return Ok(PICTURE);
        }
        if self.nesting == MAX_NESTING {
            return Err("has drawings within drawings");
        }
        let inner = of_bytes(&picture::decode(&base64), self.nesting + 1)?;
        self.cost.pixels = self.cost.pixels.saturating_add(inner.pixels);
        Ok(inner.shapes)
    }

    fn finish(mut self) -> Result<Cost, &'static str> {
        let styles = Styles::of_sheet(&self.sheet)?;
        self.has.add(&styles);
        if self.has.is_unknown() {
            return Err("has dashes on lines of which the length is not known here");
        }
        let shapes = self.graph.total(&styles)?.saturating_add(self.once);
        let moves = self.moves || styles.moves;
        let times = if moves { DRAWN_AGAIN } else { 1 };
        Ok(Cost {
            shapes: shapes.saturating_mul(times),
            elements: 0,
            ..self.cost
        })
    }
}

/// What a step of a filter costs beside its element: it goes over all pixels below it.
fn primitive(name: &str, attributes: &str) -> u64 {
    let said = |wanted: &str| {
        let mut found = 0;
        // What is not well-formed is found when the attributes are read for good.
        let _ = xml::attributes(attributes, |name, value| {
            // Of two of one name, whichever a browser takes.
            if name.local == wanted {
                found = found.max(number(&value));
            }
            Ok(())
        });
        found
    };
    match name {
        "feGaussianBlur" | "feDropShadow" => 2500,
        "feTurbulence" => 2000_u64.saturating_mul(said("numOctaves").clamp(1, 1000)),
        "feConvolveMatrix" => {
            let order = said("order").clamp(3, 10_000);
            300_u64.saturating_mul(order * order)
        }
        "feMorphology" => 2500,
        "feDiffuseLighting" | "feSpecularLighting" | "feDisplacementMap" => 2500,
        _ if name.starts_with("fe") => 500,
        _ => 0,
    }
}

/// Pictures that may be in a drawing.
const PICTURES: [&str; 5] = ["png", "jpeg", "gif", "webp", "svg+xml"];

/// What may be moved.
const MOVED: [&str; 40] = [
    "transform",
    "x",
    "y",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "x1",
    "x2",
    "y1",
    "y2",
    "dx",
    "dy",
    "d",
    "points",
    "width",
    "height",
    "fill",
    "stroke",
    "opacity",
    "fill-opacity",
    "stroke-opacity",
    "stroke-width",
    "stroke-dashoffset",
    "visibility",
    "display",
    "offset",
    "stop-color",
    "stop-opacity",
    "color",
    "font-size",
    "rotate",
    "gradientTransform",
    "viewBox",
    "fx",
    "fy",
    "startOffset",
    "letter-spacing",
    "stroke-linecap",
];

/// Whether an attribute says where something is, or how large.
fn places(attribute: &str) -> bool {
    matches!(
        attribute,
        "x" | "y" | "x1" | "x2" | "y1" | "y2" | "cx" | "cy" | "r" | "rx" | "ry" | "pathLength"
    )
}

/// Whether an attribute holds words, which may look like anything.
fn is_words(attribute: &str) -> bool {
    attribute.starts_with("aria-") || attribute.starts_with("data-") || attribute == "title"
}

/// Whether what is in a `viewBox` is drawn larger than it is.
fn is_small(view: &str) -> bool {
    let numbers = view.split([',', ' ', '\n', '\t', '\r']);
    let mut sides = numbers.filter(|part| !part.is_empty()).skip(2);
    sides.any(|side| !side.parse::<f64>().is_ok_and(|side| side > 50.0))
}

/// The largest whole number in `text`, as large as can be.
fn number(text: &str) -> u64 {
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let whole = |number: &str| {
        let whole = number.split('.').next().unwrap_or_default();
        (!whole.is_empty()).then(|| whole.parse().unwrap_or(u64::MAX))
    };
    // An exponent makes it larger than anything here.
    if text.contains(['e', 'E']) && text.contains(|c: char| c.is_ascii_digit()) {
        return u64::MAX;
    }
    numbers.filter_map(whole).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
