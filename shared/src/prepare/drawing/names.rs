//! The names of a drawing's elements and attributes in the case that XML wants.
//!
//! HTML knows them in any case; XML in one. The lists are those of the HTML standard, sorted
//! without regard to case.

const ELEMENTS: [&str; 37] = [
    "altGlyph",
    "altGlyphDef",
    "altGlyphItem",
    "animateColor",
    "animateMotion",
    "animateTransform",
    "clipPath",
    "feBlend",
    "feColorMatrix",
    "feComponentTransfer",
    "feComposite",
    "feConvolveMatrix",
    "feDiffuseLighting",
    "feDisplacementMap",
    "feDistantLight",
    "feDropShadow",
    "feFlood",
    "feFuncA",
    "feFuncB",
    "feFuncG",
    "feFuncR",
    "feGaussianBlur",
    "feImage",
    "feMerge",
    "feMergeNode",
    "feMorphology",
    "feOffset",
    "fePointLight",
    "feSpecularLighting",
    "feSpotLight",
    "feTile",
    "feTurbulence",
    "foreignObject",
    "glyphRef",
    "linearGradient",
    "radialGradient",
    "textPath",
];

const ATTRIBUTES: [&str; 58] = [
    "attributeName",
    "attributeType",
    "baseFrequency",
    "baseProfile",
    "calcMode",
    "clipPathUnits",
    "diffuseConstant",
    "edgeMode",
    "filterUnits",
    "glyphRef",
    "gradientTransform",
    "gradientUnits",
    "kernelMatrix",
    "kernelUnitLength",
    "keyPoints",
    "keySplines",
    "keyTimes",
    "lengthAdjust",
    "limitingConeAngle",
    "markerHeight",
    "markerUnits",
    "markerWidth",
    "maskContentUnits",
    "maskUnits",
    "numOctaves",
    "pathLength",
    "patternContentUnits",
    "patternTransform",
    "patternUnits",
    "pointsAtX",
    "pointsAtY",
    "pointsAtZ",
    "preserveAlpha",
    "preserveAspectRatio",
    "primitiveUnits",
    "refX",
    "refY",
    "repeatCount",
    "repeatDur",
    "requiredExtensions",
    "requiredFeatures",
    "specularConstant",
    "specularExponent",
    "spreadMethod",
    "startOffset",
    "stdDeviation",
    "stitchTiles",
    "surfaceScale",
    "systemLanguage",
    "tableValues",
    "targetX",
    "targetY",
    "textLength",
    "viewBox",
    "viewTarget",
    "xChannelSelector",
    "yChannelSelector",
    "zoomAndPan",
];

/// The name of an element.
pub(super) fn element(name: &str) -> String {
    known(&ELEMENTS, name)
}

/// The name of an attribute.
pub(super) fn attribute(name: &str) -> String {
    known(&ATTRIBUTES, name)
}

fn known(names: &[&'static str], name: &str) -> String {
    let lower = |name: &'static str| name.bytes().map(|byte| byte.to_ascii_lowercase());
    let own = name.to_ascii_lowercase();
    match names.binary_search_by(|known| lower(known).cmp(own.bytes())) {
        Ok(at) => names[at].to_owned(),
        Err(_) => own,
    }
}

/// Whether `name` can be the name of an element or an attribute. XML allows others, too, but
/// drawings have none.
pub(super) fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    begins && name.bytes().all(goes_on)
}

/// The prefix of a name, and the rest; `None` when it has more than one.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    match name.split_once(':') {
        None => Some(("", name)),
        Some((prefix, local)) => {
            (is_name(local) && !local.contains(':')).then_some((prefix, local))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ATTRIBUTES, ELEMENTS};

    #[test]
    fn the_lists_are_sorted() {
        assert!(ELEMENTS.is_sorted_by_key(|name| name.to_ascii_lowercase()));
        assert!(ATTRIBUTES.is_sorted_by_key(|name| name.to_ascii_lowercase()));
    }
}
