//! Reads the styles of a drawing, and refuses unknown ones.
//!
//! A sheet is cut into declarations, however they are nested. Each may only set a property that
//! is on a list, with functions that are on another, because an unknown one may draw anything.
//! Which elements a rule applies to is as hard to tell as what a browser does, so every
//! declaration of a sheet is taken to apply to every element. Only for references of rules whose
//! selectors are classes it is known which classes may draw them.

use std::collections::HashSet;

use super::{
    dash::{self, shorter},
    repetition::Repetition,
};
use crate::prepare::anchor::percent_decoded;

const UNKNOWN_STYLES: &str = "has styles that are not known here";
const OUTSIDE_REFERENCE: &str = "refers in its styles to something elsewhere";

/// The beginnings of properties that may be set, and cost nothing by themselves.
const PROPERTY_PREFIXES: [&str; 10] = [
    "fill",
    "stroke",
    "font",
    "stop-",
    "marker",
    "flood-",
    "text-",
    "color",
    "-inkscape-",
    "clip-",
];

/// Other properties that may be set.
const PROPERTIES: [&str; 61] = [
    "-moz-user-select",
    "-webkit-font-smoothing",
    "-webkit-user-select",
    "alignment-baseline",
    "animation",
    "animation-delay",
    "animation-direction",
    "animation-duration",
    "animation-fill-mode",
    "animation-iteration-count",
    "animation-name",
    "animation-timing-function",
    "background",
    "background-color",
    "baseline-shift",
    "block-progression",
    "cursor",
    "direction",
    "display",
    "dominant-baseline",
    "enable-background",
    "filter",
    "height",
    "image-rendering",
    "inline-size",
    "isolation",
    "kerning",
    "letter-spacing",
    "lighting-color",
    "line-height",
    "margin",
    "mask",
    "mask-type",
    "max-height",
    "max-width",
    "mix-blend-mode",
    "opacity",
    "overflow",
    "padding",
    "paint-order",
    "pointer-events",
    "shape-inside",
    "shape-margin",
    "shape-padding",
    "shape-rendering",
    "solid-color",
    "solid-opacity",
    "transform",
    "transform-box",
    "transform-origin",
    "transition",
    "transition-delay",
    "transition-duration",
    "transition-property",
    "transition-timing-function",
    "unicode-bidi",
    "user-select",
    "vector-effect",
    "visibility",
    "white-space",
    "width",
];
/// And a few more.
const MORE_PROPERTIES: [&str; 4] = ["word-spacing", "word-wrap", "writing-mode", "clip"];
/// Properties of boxes, which libraries set for HTML beside their drawings. In a drawing only the
/// root is a box.
const BOX_PROPERTIES: [&str; 4] = ["border", "border-radius", "position", "z-index"];

/// Functions that values may use, beside `url`.
const VALUE_FUNCTIONS: [&str; 32] = [
    "rgb",
    "rgba",
    "hsl",
    "hsla",
    "hwb",
    "lab",
    "lch",
    "oklab",
    "oklch",
    "translate",
    "translatex",
    "translatey",
    "rotate",
    "scale",
    "scalex",
    "scaley",
    "skew",
    "skewx",
    "skewy",
    "matrix",
    "calc",
    "rect",
    "steps",
    "cubic-bezier",
    "brightness",
    "contrast",
    "grayscale",
    "hue-rotate",
    "invert",
    "saturate",
    "sepia",
    "opacity",
];
/// Functions that read the pixels around each pixel.
const BLURRING_FUNCTIONS: [&str; 2] = ["blur", "drop-shadow"];

/// The effect of styles on the cost of a drawing.
#[derive(Default)]
pub(super) struct Styles {
    /// The weight that they add to an element.
    pub(super) weight: u64,
    /// Whether they animate something.
    pub(super) moves: bool,
    /// The ids that they refer to within the drawing, and how often each is drawn.
    pub(super) references: Vec<(String, Repetition)>,
    /// The classes whose elements may draw the references; `None` when any element may.
    pub(super) classes: Option<HashSet<String>>,
    /// The shortest period of dashes, if there are any.
    pub(super) dashes: Option<f64>,
    /// The length that they may add to lines.
    pub(super) length: f64,
    /// Whether lines may be longer than their known length.
    pub(super) stretches: bool,
    /// Whether dashes are measured on the screen.
    pub(super) on_screen: bool,
    /// Whether letters may be larger than usual.
    pub(super) large_letters: bool,
}

impl Styles {
    /// The effect of style sheets, which may apply to any element.
    pub(super) fn of_sheet(css: &str) -> Result<Self, &'static str> {
        if css.contains('&') {
            return Err("has references in its styles");
        }
        let css = plain(css)?;
        let mut styles = Self {
            classes: Some(HashSet::new()),
            ..Self::default()
        };
        let (mut statement, mut selector, mut quote) = (0, "", None);
        for (at, c) in css.char_indices() {
            if quote.is_some() {
                quote = quote.filter(|quote| *quote != c);
                continue;
            }
            let text = css[statement..at].trim();
            match c {
                '"' | '\'' => {
                    quote = Some(c);
                    continue;
                }
                '{' => {
                    styles.moves |= opens(text)?;
                    selector = text;
                }
                ';' | '}' => {
                    let before = styles.references.len();
                    styles.declaration(text)?;
                    if styles.references.len() > before {
                        styles.rule(selector);
                    }
                }
                _ => continue,
            }
            statement = at + 1;
        }
        styles.declaration(css[statement..].trim())?;
        // Of several references to one id, the one that is drawn most often comes first.
        let is_once = |times: Repetition| times != Repetition::EachVertex;
        let key = |(id, times): &(String, Repetition)| (id.clone(), is_once(*times));
        styles.references.sort_by_cached_key(key);
        Ok(styles)
    }

    /// The effect of a `style` attribute.
    pub(super) fn of_attribute(css: &str) -> Result<Self, &'static str> {
        let css = plain(css)?;
        let mut styles = Self::default();
        let mut quote = None;
        let declarations = css.split(|c| match quote {
            Some(open) => {
                quote = (c != open).then_some(open);
                false
            }
            None => {
                quote = matches!(c, '"' | '\'').then_some(c);
                matches!(c, ';' | '{' | '}')
            }
        });
        for declaration in declarations {
            styles.declaration(declaration.trim())?;
        }
        Ok(styles)
    }

    /// The effect of a presentation attribute.
    pub(super) fn of_property(name: &str, value: &str) -> Result<Self, &'static str> {
        let mut styles = Self::default();
        styles.set(name, &plain(value)?)?;
        Ok(styles)
    }

    /// Notes the classes of `selector`, whose rule has just added references.
    fn rule(&mut self, selector: &str) {
        let is_class = |name: &str| {
            let known = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
            !name.is_empty() && name.chars().all(known)
        };
        for one in selector.split(',') {
            match one.trim().strip_prefix('.').filter(|name| is_class(name)) {
                Some(name) => {
                    if let Some(classes) = &mut self.classes {
                        classes.insert(name.to_owned());
                    }
                }
                None => self.classes = None,
            }
        }
    }

    fn declaration(&mut self, declaration: &str) -> Result<(), &'static str> {
        if declaration.is_empty() || declaration.starts_with("@charset ") {
            return Ok(());
        }
        let (name, value) = declaration.split_once(':').ok_or(UNKNOWN_STYLES)?;
        let name = name.trim().to_ascii_lowercase();
        if !is_property(&name) {
            return Err(UNKNOWN_STYLES);
        }
        self.set(&name, value)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        let lower = value.trim().to_ascii_lowercase();
        let times = match name {
            _ if name.starts_with("marker") => Repetition::EachVertex,
            "filter" | "mask" | "clip-path" => Repetition::Once,
            _ => Repetition::EachShape,
        };
        let blurring = self.functions(value, times)?;
        let lower = lower.trim_end_matches("!important").trim_end();
        if matches!(lower, "" | "none" | "normal" | "auto") || (name, lower) == ("opacity", "1") {
            return Ok(());
        }
        let commas = lower.matches(',').count() as u64 + 1;
        self.weight = self.weight.saturating_add(match name {
            "filter" => 50 * lower.matches('(').count() as u64 + 2500 * blurring,
            "text-shadow" => 300 * commas,
            "mask" => 100 * commas,
            "mix-blend-mode" => 50,
            "opacity" | "isolation" => 6,
            _ => 0,
        });
        // The length of such a line is not known here.
        if name == "border" && (lower.contains("dashed") || lower.contains("dotted")) {
            return Err(UNKNOWN_STYLES);
        }
        match name {
            _ if name.starts_with("animation") || name.starts_with("transition") => {
                self.moves = true;
            }
            "stroke-dasharray" => self.dashes = shorter(self.dashes, Some(dash::period(lower))),
            "width" | "height" | "max-width" | "max-height" => self.length += dash::length(lower),
            "font" | "font-size" => self.large_letters |= dash::is_large(name, lower),
            "vector-effect" => self.on_screen |= lower != "inherit",
            "transform" => self.stretches |= dash::stretches(lower),
            _ => {}
        }
        Ok(())
    }

    /// Checks the functions of `value`; returns how many of them blur.
    fn functions(&mut self, value: &str, times: Repetition) -> Result<u64, &'static str> {
        let mut blurring = 0;
        let mut rest = value;
        while let Some(at) = rest.find(['(', '"', '\'']) {
            let (before, after) = rest.split_at(at);
            let (opening, after) = after.split_at(1);
            if opening != "(" {
                rest = after.split_once(opening).ok_or(UNKNOWN_STYLES)?.1;
                continue;
            }
            let name = before.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_')));
            let name = first(name).to_ascii_lowercase();
            rest = after;
            if name == "url" {
                let (address, behind) = after.split_once(')').ok_or(OUTSIDE_REFERENCE)?;
                self.refer(address, times)?;
                rest = behind;
            } else if BLURRING_FUNCTIONS.contains(&name.as_str()) {
                blurring += 1;
            } else if !name.is_empty() && !VALUE_FUNCTIONS.contains(&name.as_str()) {
                return Err(UNKNOWN_STYLES);
            }
        }
        Ok(blurring)
    }

    fn refer(&mut self, address: &str, times: Repetition) -> Result<(), &'static str> {
        let address = address.trim();
        let bare = ['"', '\'']
            .into_iter()
            .find_map(|quote| address.strip_prefix(quote)?.strip_suffix(quote))
            .unwrap_or(address);
        for id in referenced_ids(bare)? {
            self.references.push((id, times));
        }
        Ok(())
    }
}

/// The first of `parts`.
fn first<'x>(mut parts: impl Iterator<Item = &'x str>) -> &'x str {
    parts.next().unwrap_or_default()
}

/// The ids that the address `#id` may refer to: as it is written, and as it is decoded.
pub(super) fn referenced_ids(address: &str) -> Result<Vec<String>, &'static str> {
    let id = address.trim().strip_prefix('#').ok_or(OUTSIDE_REFERENCE)?;
    if id.contains(['"', '\'', '(', ')', '#']) || id.contains(char::is_whitespace) {
        return Err(OUTSIDE_REFERENCE);
    }
    let decoded = percent_decoded(id).into_owned();
    let mut names = vec![id.to_owned()];
    if decoded != id {
        names.push(decoded);
    }
    Ok(names)
}

/// Whether `name` is a property that may be set.
pub(super) fn is_property(name: &str) -> bool {
    PROPERTIES.contains(&name)
        || MORE_PROPERTIES.contains(&name)
        || BOX_PROPERTIES.contains(&name)
        // A property of an author's own does nothing by itself, and `var` is no known function.
        || name.starts_with("--")
        || PROPERTY_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Checks the text that opens a block, a selector or an at-rule; returns whether it animates.
fn opens(text: &str) -> Result<bool, &'static str> {
    let Some(rule) = text.strip_prefix('@') else {
        return Ok(false);
    };
    let name = rule.split(|c: char| !(c.is_alphanumeric() || c == '-'));
    match first(name).to_ascii_lowercase().as_str() {
        "media" => Ok(false),
        "keyframes" | "-webkit-keyframes" => Ok(true),
        _ => Err(UNKNOWN_STYLES),
    }
}

/// `css` without its comments. Strings stay, and have to be closed.
fn plain(css: &str) -> Result<String, &'static str> {
    if css.contains('\\') {
        return Err("has escapes in its styles");
    }
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(at) = rest.find(['/', '"', '\'']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if let Some(comment) = after.strip_prefix("/*") {
            out.push(' ');
            rest = comment.split_once("*/").ok_or(UNKNOWN_STYLES)?.1;
            continue;
        }
        let (opening, inner) = after.split_at(1);
        let end = match opening {
            "/" => 0,
            _ => inner.find(opening).ok_or(UNKNOWN_STYLES)? + 1,
        };
        if inner[..end].contains(['\n', '\r', '\x0C']) {
            return Err(UNKNOWN_STYLES);
        }
        out.push_str(opening);
        out.push_str(&inner[..end]);
        rest = &inner[end..];
    }
    out.push_str(rest);
    Ok(out)
}
