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

/// What one drawing may come to.
pub(super) const MAX_DRAWING: Cost = Cost {
    elements: u64::MAX,
    places: u64::MAX,
    text: u64::MAX,
    pixels: 250_000_000,
    shapes: 40_000,
    bytes: u64::MAX,
};

/// So many letters cost what a shape does.
const LETTERS_PER_SHAPE: u64 = 8;
/// A drawing that moves is drawn again so often in the time a reader looks at it.
const ANIMATION_REDRAWS: u64 = 50;
/// Pictures in drawings in drawings.
const MAX_NESTED_DRAWINGS: usize = 3;
/// Why reading ends that has come to more elements than may be drawn.
const TOO_MANY_ELEMENTS: &str = "has too many elements";
/// Pictures that may be in a drawing.
const PICTURE_SUBTYPES: [&str; 5] = ["png", "jpeg", "gif", "webp", "svg+xml"];
/// A drawn picture is scaled.
const PICTURE_SHAPES: u64 = 20;

/// What the SVG in `base64` costs; an error says, after a name, why that cannot be told.
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
        has: DrawingTraits::default(),
        style_depth: 0,
        nesting,
    };
    match xml::read(xml, |piece| drawing.piece(piece)) {
        // Each of them is a shape at least, so the others need not be kept.
        Err(TOO_MANY_ELEMENTS) => Ok(Cost {
            shapes: drawing.graph.len() as u64,
            ..drawing.cost
        }),
        read => read.and_then(|()| drawing.finish()),
    }
}

/// A drawing as far as it was read.
struct Drawing {
    graph: DrawingGraph,
    /// Its style sheets.
    sheet: String,
    /// Of pictures in it.
    cost: Cost,
    /// What is paid once, however often it is drawn.
    once: u64,
    moves: bool,
    has: DrawingTraits,
    /// Open elements from the `style` on that is being read.
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
            // A comment may stand between two halves of a word.
            XmlPiece::Text(css) if self.style_depth > 0 => self.sheet.push_str(css),
            XmlPiece::Text(text) => {
                let letters = text.trim().len();
                self.has.letters |= letters > 0;
                self.graph.add(text::weight(text) / LETTERS_PER_SHAPE);
                self.graph.lengthen(dash::LETTER_OUTLINE * letters as f64);
            }
        }
        Ok(())
    }

    /// A picture within the drawing, and what it costs each time.
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
        self.has.add(&styles);
        if self.has.is_unknown() {
            return Err("has dashes on lines of which the length is not known here");
        }
        if self.has.on_screen {
            self.graph.scale_lines(self.has.scale.max(1.0));
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
