//! The cost of an element and its attributes, and what they refer to.
//!
//! A browser knows attributes by their whole names. An attribute with another prefix is read
//! here as without it where that only adds cost, and refused where it would replace an id or an
//! address.

use super::{
    Drawing,
    css::{self, Styles},
    dash::{self, shorter},
    graph::Node,
    repetition::Repetition,
    xml::{self, AttributeName},
};

/// So many bytes of an attribute, such as a path's, cost as much as a shape.
const BYTES_PER_SHAPE: u64 = 12;
/// So many bytes of a path cost as much as a shape each time the path is drawn.
const BYTES_PER_REDRAWN_SHAPE: u64 = 120;

/// Properties of a drawing that matter only in combination.
#[derive(Default)]
pub(super) struct DrawingTraits {
    pub(super) dashes: bool,
    /// Dashes are measured on the screen.
    pub(super) on_screen: bool,
    /// Something is enlarged by a transformation.
    pub(super) stretches: bool,
    /// How many times its length any line may be long on the screen.
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

    /// Whether there are dashes on lines of unknown length.
    pub(super) fn has_unknown_dashes(&self) -> bool {
        let lines = self.on_screen && self.stretches;
        self.dashes && (lines || self.letters && self.large_letters)
    }
}

impl Drawing {
    /// The node of an element.
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
        let mut weight = filter_weight(name, attributes);
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

    /// Reads an attribute of `node`, an `element`; returns its weight beside its bytes.
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
            // Only browsers know which of these they take for an id or an address.
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
            ("", name) if is_geometry(name) => node.length += dash::length(value),
            ("", "viewBox") => {
                // The scale of a nested drawing is not computed here.
                self.traits.stretches |= self.graph.len() > 1;
                self.traits.scale = self.traits.scale.max(dash::scale(value));
            }
            (_, "accumulate") => node.length = f64::INFINITY,
            ("", "patternTransform" | "gradientTransform") => {
                self.traits.stretches |= dash::stretches(value);
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

    /// Adds `styles` to an element; returns their weight without their references.
    fn styles(&mut self, node: &mut Node, styles: Styles) -> u64 {
        self.moves |= styles.moves;
        self.traits.add(&styles);
        node.dashes = shorter(node.dashes, styles.dashes);
        node.length += styles.length;
        for (id, times) in styles.references {
            node.refer(id, times);
        }
        styles.weight
    }

    /// Reads the address of an `element`; returns the weight of a picture there.
    fn address(
        &mut self,
        node: &mut Node,
        element: &str,
        value: &str,
    ) -> Result<u64, &'static str> {
        // The address of a link is not drawn.
        if element == "a" || value.trim().is_empty() {
            return Ok(0);
        }
        if matches!(element, "image" | "feImage") && value.trim_start().starts_with("data:") {
            return self.picture(value.trim());
        }
        node.weight += value.len() as u64 / BYTES_PER_SHAPE;
        for id in css::referenced_ids(value)? {
            node.refer(id, Repetition::Once);
        }
        Ok(0)
    }

    /// Reads an attribute of an animation: the attribute that it changes, which has to be a known
    /// one, or its values.
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
                        // Any of the numbers may be the length of an animated line.
                        node.length += dash::path(one);
                        self.traits.stretches |= dash::path(one) > 1.5;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The weight of a filter primitive beside its element, because it reads all pixels below it.
fn filter_weight(name: &str, attributes: &str) -> u64 {
    let largest = |wanted: &str| {
        let mut found = 0;
        // An error is found again when the caller reads the attributes.
        let _ = xml::attributes(attributes, |name, value| {
            // A browser takes one of two attributes of a name, so the larger counts.
            if name.local == wanted {
                found = found.max(number(&value));
            }
            Ok(())
        });
        found
    };
    match name {
        "feGaussianBlur" | "feDropShadow" => 2500,
        "feTurbulence" => 2000_u64.saturating_mul(largest("numOctaves").clamp(1, 1000)),
        "feConvolveMatrix" => {
            let order = largest("order").clamp(3, 10_000);
            300_u64.saturating_mul(order * order)
        }
        "feMorphology" => 2500,
        "feDiffuseLighting" | "feSpecularLighting" | "feDisplacementMap" => 2500,
        _ if name.starts_with("fe") => 500,
        _ => 0,
    }
}

/// The attributes that an animation may change.
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

/// Whether an attribute places an element or determines its size.
fn is_geometry(attribute: &str) -> bool {
    matches!(
        attribute,
        "x" | "y" | "x1" | "x2" | "y1" | "y2" | "cx" | "cy" | "r" | "rx" | "ry" | "pathLength"
    )
}

/// Whether an attribute holds words for a reader, which may look like anything.
fn is_words(attribute: &str) -> bool {
    attribute.starts_with("aria-") || attribute.starts_with("data-") || attribute == "title"
}

/// The largest whole number in `text`, saturating.
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
