//! The cost of an SVG drawing, with everything in it followed.
//!
//! An SVG is a program: `use`, patterns, masks, markers, filters and animations draw other
//! parts of it again, and those draw others again. So its elements become a graph whose edges
//! are "is inside" and "is drawn by", and the cost of each is added up once (`graph`). XML is
//! read here tag by tag (`xml`), more tolerantly than a browser reads it, so that nothing that a
//! browser sees is missed. Everything that could hide something from this is refused: an
//! encoding, an entity, an external style sheet, HTML. So is every address but that of an id in
//! the drawing and, in an `image`, that of a picture in base64. Styles may only set properties on
//! a list (`css`), and the cost of dashes is bounded by the length of their lines (`dash`).
//!
//! A path is parsed once and drawn as often as it is referred to, which costs much less: so its
//! bytes are charged in full where it is defined, and a tenth of that each time.

mod css;
mod dash;
mod element;
mod graph;
mod repetition;
mod xml;

use self::{css::Styles, element::DrawingTraits, graph::DrawingGraph, xml::XmlPiece};
use super::{
    Cost,
    picture::{decode, raster},
    text,
};
use crate::prepared::ImageKind;

/// The most that one drawing may cost on any page.
pub(super) const MAX_DRAWING: Cost = Cost {
    elements: u64::MAX,
    places: u64::MAX,
    text: u64::MAX,
    pixels: 250_000_000,
    shapes: 40_000,
    bytes: u64::MAX,
};

/// So many letters cost as much as a shape.
const LETTERS_PER_SHAPE: u64 = 8;
/// The number of times that an animated drawing counts, because it is drawn again and again while
/// a reader looks at it.
const ANIMATION_REDRAWS: u64 = 50;
/// The most drawings within each other.
const MAX_NESTED_DRAWINGS: usize = 3;
/// The error that ends reading a drawing of more elements than may be drawn.
const TOO_MANY_ELEMENTS: &str = "has too many elements";
/// The MIME subtypes of pictures that may be in a drawing.
const PICTURE_SUBTYPES: [&str; 5] = ["png", "jpeg", "gif", "webp", "svg+xml"];
/// The cost in shapes of drawing a picture, which is scaled.
const PICTURE_SHAPES: u64 = 20;

/// The cost of the SVG in `base64`; an error, in words that follow a name, says why it cannot be
/// told.
pub(super) fn of_base64(base64: &str) -> Result<Cost, &'static str> {
    of_bytes(&decode(base64), 0)
}

fn of_bytes(bytes: &[u8], nesting: usize) -> Result<Cost, &'static str> {
    let Ok(xml) = std::str::from_utf8(bytes) else {
        return Err("is not written in UTF-8");
    };
    if xml.contains('\0') {
        return Err("is not written in UTF-8");
    }
    let mut drawing = Drawing {
        graph: DrawingGraph::new(),
        sheet: String::new(),
        cost: Cost::NONE,
        once: 0,
        moves: false,
        traits: DrawingTraits::default(),
        style_depth: 0,
        nesting,
    };
    match xml::read(xml, |piece| drawing.piece(piece)) {
        // Each element is a shape at least, so the cost exceeds the limit without the others.
        Err(TOO_MANY_ELEMENTS) => Ok(Cost {
            shapes: drawing.graph.len() as u64,
            ..drawing.cost
        }),
        read => read.and_then(|()| drawing.finish()),
    }
}

/// A drawing, as far as it has been read.
struct Drawing {
    graph: DrawingGraph,
    /// The text of its style sheets.
    sheet: String,
    /// The cost of the pictures in it.
    cost: Cost,
    /// The cost of paths that is charged once, however often they are drawn.
    once: u64,
    moves: bool,
    traits: DrawingTraits,
    /// The number of open elements from the open `style` on.
    style_depth: usize,
    nesting: usize,
}

impl Drawing {
    fn piece(&mut self, piece: XmlPiece<'_>) -> Result<(), &'static str> {
        match piece {
            XmlPiece::Start {
                name,
                attributes,
                alone,
            } => {
                if self.style_depth > 0 || name.eq_ignore_ascii_case("style") {
                    self.style_depth += usize::from(!alone);
                    self.sheet.push('\n');
                }
                if self.graph.len() as u64 > MAX_DRAWING.shapes {
                    return Err(TOO_MANY_ELEMENTS);
                }
                let node = self.node(name, attributes)?;
                self.graph.open(node)?;
                if alone {
                    self.graph.close();
                }
            }
            XmlPiece::End => {
                self.style_depth = self.style_depth.saturating_sub(1);
                self.graph.close();
            }
            // The parts are joined, because a comment may stand within a word.
            XmlPiece::Text(css) if self.style_depth > 0 => self.sheet.push_str(css),
            XmlPiece::Text(text) => {
                let letters = text.trim().len();
                self.traits.letters |= letters > 0;
                self.graph.add(text::weight(text) / LETTERS_PER_SHAPE);
                self.graph.lengthen(dash::LETTER_OUTLINE * letters as f64);
            }
        }
        Ok(())
    }

    /// Adds a picture within the drawing; returns its cost each time it is drawn.
    fn picture(&mut self, url: &str) -> Result<u64, &'static str> {
        let Some((kind, base64)) = url
            .strip_prefix("data:image/")
            .and_then(|url| url.split_once(";base64,"))
            .filter(|(kind, _)| PICTURE_SUBTYPES.contains(kind))
        else {
            return Err("has a picture in it that is not in base64");
        };
        let base64: String = base64.split_ascii_whitespace().collect();
        let Some(kind) = ImageKind::of_mime(&format!("image/{kind}")) else {
            return Err("has something in it that is no picture");
        };
        if kind != ImageKind::Svg {
            self.cost.add(raster::cost(&base64));
            return Ok(PICTURE_SHAPES);
        }
        if self.nesting == MAX_NESTED_DRAWINGS {
            return Err("has drawings within drawings");
        }
        let inner = of_bytes(&decode(&base64), self.nesting + 1)?;
        self.cost.pixels = self.cost.pixels.saturating_add(inner.pixels);
        Ok(inner.shapes)
    }

    fn finish(mut self) -> Result<Cost, &'static str> {
        let styles = Styles::of_sheet(&self.sheet)?;
        self.traits.add(&styles);
        if self.traits.has_unknown_dashes() {
            return Err("has dashes on lines of which the length is not known here");
        }
        if self.traits.on_screen {
            self.graph.scale_lines(self.traits.scale.max(1.0));
        }
        let shapes = self.graph.total(&styles)?.saturating_add(self.once);
        let moves = self.moves || styles.moves;
        let times = if moves { ANIMATION_REDRAWS } else { 1 };
        Ok(Cost {
            shapes: shapes.saturating_mul(times),
            elements: 0,
            ..self.cost
        })
    }
}

#[cfg(test)]
mod tests;
