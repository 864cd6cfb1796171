//! Checks that the engine's output is MathML and nothing else.
//!
//! The output is read tag by tag: it is refused when an element or a value is not on the list,
//! or when a tag does not close the open element. Styles become classes of the stylesheet,
//! because pages here do not allow inline styles; links and ids are dropped, because a formula
//! leads nowhere.

use crate::render::colour;

/// The elements that a formula may have. None of them can act or hold HTML here.
const MATHML_ELEMENTS: [&str; 27] = [
    "math",
    "menclose",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "none",
    "ms",
];

/// Elements of HTML that may stand in a formula's `mtext`, and nowhere else in it.
const HTML_IN_TEXT: [&str; 3] = ["b", "code", "i"];

/// Elements that are dropped without their content.
const UNWRAPPED_ELEMENTS: [&str; 2] = ["a", "span"];

/// The attributes that a formula may have; they determine how it looks.
const MATHML_ATTRIBUTES: [&str; 21] = [
    "accent",
    "accentunder",
    "depth",
    "display",
    "displaystyle",
    "fence",
    "form",
    "height",
    "largeop",
    "linethickness",
    "lspace",
    "mathvariant",
    "maxsize",
    "minsize",
    "movablelimits",
    "rspace",
    "scriptlevel",
    "separator",
    "stretchy",
    "symmetric",
    "width",
];

/// The engine's styles, and the stylesheet's classes for them.
const STYLE_CLASSES: [(&str, &str); 15] = [
    ("text-align:left", "nb-left"),
    ("text-align:right", "nb-right"),
    ("padding-left:0", "nb-m-l0"),
    ("padding-right:0", "nb-m-r0"),
    ("padding-top:0", "nb-m-v0"),
    ("border-left:0.05em solid currentcolor", "nb-m-bl"),
    ("border-left:0.05em dashed currentcolor", "nb-m-bl"),
    ("border-right:0.05em solid currentcolor", "nb-m-br"),
    ("border-right:0.05em dashed currentcolor", "nb-m-br"),
    ("border-top:0.05em solid currentcolor", "nb-m-bt"),
    ("border-top:0.05em dashed currentcolor", "nb-m-bt"),
    ("border-bottom:0.05em solid currentcolor", "nb-m-bb"),
    ("border-bottom:0.05em dashed currentcolor", "nb-m-bb"),
    ("width:100%", "nb-m-wide"),
    ("width:50%", "nb-m-half"),
];

/// The engine's classes, and the stylesheet's classes for them.
const ENGINE_CLASSES: [(&str, &str); 3] = [
    ("menclose-updiagonalstrike", "nb-m-strike-up"),
    ("menclose-downdiagonalstrike", "nb-m-strike-down"),
    ("menclose-horizontalstrike", "nb-m-strike"),
];

/// `mathml` with styles as classes; `None` when it is not exactly one formula.
pub(super) fn checked(mathml: &str) -> Option<String> {
    let mut out = String::with_capacity(mathml.len());
    let mut open: Vec<&str> = Vec::new();
    let mut rest = mathml;
    while let Some(at) = rest.find('<') {
        // The first tag is the root, which holds everything.
        if open.is_empty() != out.is_empty() || (open.is_empty() && at > 0) {
            return None;
        }
        out.push_str(&rest[..at]);
        let (tag, after) = rest[at + 1..].split_once('>')?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop()? != name {
                return None;
            }
            if !UNWRAPPED_ELEMENTS.contains(&name) {
                push_all(&mut out, &["</", name, ">"]);
            }
            continue;
        }
        let in_words = open.last() == Some(&"mtext");
        let alone = tag.ends_with('/');
        let tag = tag.trim_end_matches('/').trim_end();
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if !alone {
            open.push(name);
        }
        if UNWRAPPED_ELEMENTS.contains(&name) {
            continue;
        }
        let is_word = in_words && HTML_IN_TEXT.contains(&name) && attributes.is_empty() && !alone;
        let is_root = out.is_empty();
        if !is_word && (!MATHML_ELEMENTS.contains(&name) || (name == "math") != is_root) {
            return None;
        }
        push_all(&mut out, &["<", name]);
        push_attributes(&mut out, attributes)?;
        out.push_str(if alone { "/>" } else { ">" });
    }
    (open.is_empty() && rest.is_empty() && !out.is_empty()).then_some(out)
}

fn push_all(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

fn push_attributes(out: &mut String, attributes: &str) -> Option<()> {
    let mut classes: Vec<String> = Vec::new();
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        rest = after.trim_start();
        match name {
            "style" => classes.extend(value.split(';').filter_map(of_style)),
            "class" => {
                let known = ENGINE_CLASSES.iter().find(|(engine, _)| *engine == value);
                classes.extend(known.map(|(_, ours)| (*ours).to_owned()));
            }
            "id" | "href" | "notation" => {}
            _ if MATHML_ATTRIBUTES.contains(&name)
                && value.bytes().all(is_plain)
                && !is_huge(value) =>
            {
                push_all(out, &[" ", name, "=\"", value, "\""]);
            }
            _ => return None,
        }
    }
    if !classes.is_empty() {
        push_all(out, &[" class=\"", &classes.join(" "), "\""]);
    }
    Some(())
}

/// Whether numbers with units, or keywords, contain this byte.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'%' | b'-' | b'+' | b' ')
}

/// The largest number in an attribute of a formula, whose lengths are a few letters.
const MAX_FORMULA_LENGTH: f64 = 1000.0;

/// Whether `value` is a length longer than any page.
fn is_huge(value: &str) -> bool {
    let number = value.trim_start_matches(['-', '+']);
    let end = number.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (digits, unit) = number.split_at(end.unwrap_or(number.len()));
    // An exponent has to be told from a unit.
    let has_exponent =
        unit.starts_with(['e', 'E']) && !unit.starts_with("em") && !unit.starts_with("ex");
    has_exponent
        || digits
            .parse::<f64>()
            .is_ok_and(|length| length > MAX_FORMULA_LENGTH)
}

/// The class that replaces a declaration of a style, if there is one.
fn of_style(declaration: &str) -> Option<String> {
    let (property, value) = declaration.split_once(':')?;
    let (property, value) = (property.trim(), value.trim());
    if property == "color" {
        let hex = u32::from_str_radix(value.strip_prefix('#')?, 16).ok()?;
        let [_, red, green, blue] = hex.to_be_bytes();
        let number = colour::nearest([red, green, blue]);
        return (number != 0).then(|| format!("ansi-fg-{number}"));
    }
    let whole = format!("{property}:{value}");
    let known = STYLE_CLASSES.iter().find(|(style, _)| *style == whole);
    known.map(|(_, class)| (*class).to_owned())
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn formulas_pass_and_lose_their_styles() {
        for (mathml, expected) in [
            ("<math><mi>x</mi></math>", "<math><mi>x</mi></math>"),
            (
                "<math display=\"block\"><mtd style=\"text-align: right;justify-items: end;\"><mspace width=\"1em\"/></mtd></math>",
                "<math display=\"block\"><mtd class=\"nb-right\"><mspace width=\"1em\"/></mtd></math>",
            ),
            (
                "<math><mtext><a href=\"javascript:x\">y</a></mtext></math>",
                "<math><mtext>y</mtext></math>",
            ),
            (
                "<math><mrow style=\"color:#ff0000;\"></mrow></math>",
                "<math><mrow class=\"ansi-fg-1\"></mrow></math>",
            ),
        ] {
            assert_eq!(checked(mathml).as_deref(), Some(expected));
        }
    }

    #[test]
    fn other_markup_is_refused() {
        for mathml in [
            "",
            "x",
            "<mi>x</mi>",
            "<math><mi>x</math></mi>",
            "<math></math><script></script>",
            "<math></math>x",
            "<math></math><math></math>",
            "<math><math></math></math>",
            "<math><script>x</script></math>",
            "<math><mi onclick=\"x\">x</mi></math>",
            "<math><mi width=\"url(x)\">x</mi></math>",
            "<math><mi width=x>x</mi></math>",
            "<math><mspace width=\"1000000em\"/></math>",
            "<math><mo minsize=\"1e9em\">(</mo></math>",
            "<math><mi",
            "<math><a></math>",
            "<a><math></math></a>",
        ] {
            assert_eq!(checked(mathml), None, "{mathml}");
        }
    }
}
