//! What a drawing comes to once everything in it is followed.
//!
//! An SVG is a program: `use`, patterns, masks, markers, filters and animations draw other
//! parts of it again, and those others again. So its elements become a graph whose edges
//! are "is inside" and "is drawn by", and the cost of each is added up once (`graph`). XML
//! is read here tag by tag (`xml`), more tolerantly than a browser reads it, so that nothing
//! a browser sees is missed; what could hide something from this, an encoding, an entity, a
//! style sheet from elsewhere, is refused. Styles are looked through for what is dear
//! (`css`).

mod css;
mod graph;
mod xml;

use self::{
    css::Styles,
    graph::{Graph, Node, Times},
    xml::Piece,
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
    bytes: u64::MAX,
};

/// So many bytes of an attribute, such as a path's, cost what a shape does.
const BYTES_IN_SHAPE: u64 = 12;
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
        moves: false,
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
    moves: bool,
    /// Open elements from the `style` on that is being read.
    style_depth: usize,
    nesting: usize,
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
                self.graph.open(node);
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
                self.graph.add(text::weight(text) / LETTERS_IN_SHAPE);
            }
        }
        Ok(())
    }

    fn node(&mut self, name: &str, attributes: &str) -> Result<Node, &'static str> {
        let animates = matches!(
            name,
            "animate" | "animateMotion" | "animateTransform" | "animateColor" | "set" | "discard"
        );
        self.moves |= animates;
        if name == "link" {
            return Err("refers to a style sheet elsewhere");
        }
        let mut node = Node::of(1);
        node.is_gradient = name.ends_with("Gradient");
        let mut weight = primitive(name, attributes);
        xml::attributes(attributes, |attribute, value| {
            let is_address = attribute == "href";
            if is_address && value.trim_start().starts_with("data:") {
                weight = weight.saturating_add(self.picture(value.trim())?);
                return Ok(());
            }
            node.weight += value.len() as u64 / BYTES_IN_SHAPE;
            match attribute {
                "id" => node.set_id(value.into_owned()),
                // What these name is where they lead or what they move, and is not drawn.
                "href" if animates || name == "a" => {}
                "d" | "points" => node.vertices += value.len() as u64 / 2,
                "colspan" | "rowspan" => {
                    node.weight = node.weight.saturating_mul(number(&value).max(1));
                }
                "style" => {
                    let styles = Styles::of_attribute(&value)?;
                    self.moves |= styles.moves;
                    weight = weight.saturating_add(styles.weight);
                    let times = match value.contains("marker") {
                        true => Times::EachVertex,
                        false => Times::EachShape,
                    };
                    references(&mut node, &value, times);
                }
                "filter" | "backdrop-filter" | "mask" | "opacity" | "mix-blend-mode" => {
                    weight = weight.saturating_add(Styles::of_property(attribute, &value)?.weight);
                    references(&mut node, &value, Times::Once);
                }
                "href" | "clip-path" => references(&mut node, &value, Times::Once),
                _ if attribute.starts_with("marker") => {
                    references(&mut node, &value, Times::EachVertex);
                }
                _ => references(&mut node, &value, Times::EachShape),
            }
            Ok(())
        })?;
        node.weight = node.weight.saturating_add(weight);
        Ok(node)
    }

    /// A picture within the drawing, and what it costs each time.
    fn picture(&mut self, url: &str) -> Result<u64, &'static str> {
        let Some((mime, base64)) = url
            .strip_prefix("data:")
            .and_then(|url| url.split_once(";base64,"))
        else {
            return Err("has a picture in it that is not in base64");
        };
        let base64: String = base64.split_ascii_whitespace().collect();
        let Some(kind) = ImageKind::of_mime(mime) else {
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

    fn finish(self) -> Result<Cost, &'static str> {
        let styles = Styles::of_sheet(&self.sheet)?;
        let shapes = self.graph.total(&styles)?;
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
            if name == wanted {
                found = number(&value);
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

/// The places in the drawing that `value` names become edges of `node`.
fn references(node: &mut Node, value: &str, times: Times) {
    for part in value.split('#').skip(1) {
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ';' | ',' | '#');
        let id = part.split(ends).next().unwrap_or_default();
        if !id.is_empty() {
            let id = crate::prepare::place::percent_decoded(id).into_owned();
            node.refer(id, times);
        }
    }
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
