//! What an element and its attributes cost, and what they refer to.
//!
//! A browser knows attributes by their whole names; those of other prefixes are taken here
//! for what they would be without, as far as that only adds something, and refused where it
//! would replace a name or an address.

use super::{
    Drawing,
    css::{self, Styles},
    dash::{self, shorter},
    graph::Node,
    repetition::Repetition,
    xml::{self, AttributeName},
};

/// So many bytes of an attribute, such as a path's, cost what a shape does.
const BYTES_PER_SHAPE: u64 = 12;
/// So many bytes of a path do each time it is drawn.
const BYTES_PER_REDRAWN_SHAPE: u64 = 120;

/// What of a drawing matters only together.
#[derive(Default)]
pub(super) struct DrawingTraits {
    pub(super) dashes: bool,
    /// Dashes are as long as they are on the screen.
    pub(super) on_screen: bool,
    /// Something is made larger.
    pub(super) stretches: bool,
    /// How much larger than it is all of it may be on the screen.
    pub(super) scale: f64,
    pub(super) large_letters: bool,
    pub(super) letters: bool,
}

impl DrawingTraits {
    pub(super) fn add(&mut self, styles: &Styles) {
        self.dashes |= styles.dashes.is_some();
        self.on_screen |= styles.on_screen;
        self.stretches |= styles.stretches;
        self.large_letters |= styles.large_letters;
    }

    /// Whether lines may be longer than what is known of them, and cut into dashes.
    pub(super) fn is_unknown(&self) -> bool {
        let lines = self.on_screen && self.stretches;
        self.dashes && (lines || self.letters && self.large_letters)
    }
}

impl Drawing {
    pub(super) fn node(&mut self, name: &str, attributes: &str) -> Result<Node, &'static str> {
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
        attribute: AttributeName<'_>,
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
                node.weight += bytes / BYTES_PER_REDRAWN_SHAPE;
                self.once += bytes / BYTES_PER_SHAPE - bytes / BYTES_PER_REDRAWN_SHAPE;
                return Ok(0);
            }
            (_, "style") => {
                node.weight += bytes / BYTES_PER_SHAPE;
                let styles = Styles::of_attribute(value)?;
                return Ok(self.styles(node, styles));
            }
            (_, "backdrop-filter") => return Err("has styles that are not known here"),
            (_, property) if css::is_property(property) => {
                node.weight += bytes / BYTES_PER_SHAPE;
                let styles = Styles::of_property(property, value)?;
                return Ok(self.styles(node, styles));
            }
            ("", name) if places(name) => node.length += dash::length(value),
            ("", "viewBox") => {
                // How much larger something is drawn within something is not told here.
                self.has.stretches |= self.graph.len() > 1;
                self.has.scale = self.has.scale.max(dash::scale(value));
            }
            (_, "accumulate") => node.length = f64::INFINITY,
            ("", "patternTransform" | "gradientTransform") => {
                self.has.stretches |= dash::stretches(value);
            }
            ("", name) if !is_words(name) && value.to_ascii_lowercase().contains("url") => {
                let styles = Styles::of_property(name, value)?;
                self.styles(node, styles);
            }
            _ => {}
        }
        node.weight += bytes / BYTES_PER_SHAPE;
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
        node.weight += value.len() as u64 / BYTES_PER_SHAPE;
        for id in css::named(value)? {
            node.refer(id, Repetition::Once);
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
            "attributeName" if !ANIMATED_ATTRIBUTES.contains(&value.trim()) => {
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
                        node.vertices += one.len() as u64 / 2;
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

/// What may be moved.
const ANIMATED_ATTRIBUTES: [&str; 40] = [
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
