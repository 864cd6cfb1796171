//! Checks that the engine's output is MathML and nothing else.
//!
//! The output is read tag by tag: it is refused when an element or a value is not on the list,
//! or when a tag does not close the open element. Styles become classes of the stylesheet,
//! because pages here do not allow inline styles; links and ids are dropped, because a formula
//! leads nowhere.

use super::tex::{Mark, Marks};
use crate::{prepare::link, render::escape};

/// The elements that a formula may have. None of them can act or hold HTML here.
const MATHML_ELEMENTS: [&str; 28] = [
    "math",
    "menclose",
    "merror",
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
const HTML_IN_TEXT: [&str; 6] = ["b", "code", "em", "i", "s", "u"];

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
const STYLE_CLASSES: [(&str, &str); 18] = [
    ("padding-left:1em", "nb-m-l1"),
    ("padding-left:0.1em", "nb-m-l0"),
    ("padding-right:0.1em", "nb-m-r0"),
    ("text-align:left", "nb-left"),
    ("text-align:right", "nb-right"),
    ("padding-left:0", "nb-m-l0"),
    ("padding-right:0", "nb-m-r0"),
    ("padding-top:0", "nb-m-v0"),
    ("border-left:0.05em solid currentcolor", "nb-m-bl"),
    ("border-left:0.05em dashed currentcolor", "nb-m-bld"),
    ("border-right:0.05em solid currentcolor", "nb-m-br"),
    ("border-right:0.05em dashed currentcolor", "nb-m-brd"),
    ("border-top:0.05em solid currentcolor", "nb-m-bt"),
    ("border-top:0.05em dashed currentcolor", "nb-m-btd"),
    ("border-bottom:0.05em solid currentcolor", "nb-m-bb"),
    ("border-bottom:0.05em dashed currentcolor", "nb-m-bbd"),
    ("width:100%", "nb-m-wide"),
    ("width:50%", "nb-m-half"),
];

/// The engine's sizes of text, and the stylesheet's classes for them.
const SIZE_CLASSES: [(&str, &str); 10] = [
    ("50%", "nb-m-size-1"),
    ("60%", "nb-m-size-1"),
    ("70%", "nb-m-size-2"),
    ("80%", "nb-m-size-2"),
    ("90%", "nb-m-size-3"),
    ("120%", "nb-m-size-5"),
    ("140%", "nb-m-size-6"),
    ("170%", "nb-m-size-7"),
    ("200%", "nb-m-size-8"),
    ("250%", "nb-m-size-9"),
];

/// Negative spaces, in eighteenths of an em, that the stylesheet has a class for.
const NEGATIVE_SPACES: [u32; 9] = [1, 2, 3, 4, 5, 6, 9, 12, 18];

/// The engine's classes, and the stylesheet's classes for them.
const ENGINE_CLASSES: [(&str, &str); 4] = [
    ("math-core-unknown-cmd", "nb-m-unknown"),
    ("menclose-updiagonalstrike", "nb-m-strike-up"),
    ("menclose-downdiagonalstrike", "nb-m-strike-down"),
    ("menclose-horizontalstrike", "nb-m-strike"),
];

/// The classes that a formula may have, besides colours, and those that `tex` marks parts with.
#[cfg(test)]
pub(crate) fn classes() -> Vec<String> {
    let of = |table: &[(&str, &str)]| table.iter().map(|(_, class)| (*class).to_owned()).collect();
    let tables: [Vec<String>; 3] = [of(&STYLE_CLASSES), of(&SIZE_CLASSES), of(&ENGINE_CLASSES)];
    let spaces = NEGATIVE_SPACES.iter().map(|n| format!("nb-m-back-{n}"));
    let marks = ["nb-m-box", "nb-m-size-4"].map(str::to_owned);
    let rooms = (1..=4).map(|n| format!("nb-m-room-{n}"));
    tables
        .concat()
        .into_iter()
        .chain(spaces)
        .chain(marks)
        .chain(rooms)
        .collect()
}

/// `mathml` with styles as classes, and with `marks` in place of colours; `None` when it is not
/// exactly one formula.
pub(super) fn checked(mathml: &str, marks: &Marks) -> Option<String> {
    let mut out = String::with_capacity(mathml.len());
    let mut open: Vec<&str> = Vec::new();
    let mut next = NextMarks::default();
    let mut in_link = false;
    let mut rest = mathml;
    while let Some(at) = rest.find('<') {
        // The first tag is the root, which holds everything.
        if open.is_empty() != out.is_empty() || (open.is_empty() && at > 0) {
            return None;
        }
        match marks.shown_tag(&rest[..at]) {
            Some(shown) => escape::push(&mut out, shown),
            None => out.push_str(&rest[..at]),
        }
        let (tag, after) = rest[at + 1..].split_once('>')?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop()? != name {
                return None;
            }
            if !UNWRAPPED_ELEMENTS.contains(&name) {
                if name == "mtext" && std::mem::take(&mut in_link) {
                    out.push_str("</a>");
                }
                push_all(&mut out, &["</", name, ">"]);
            }
            continue;
        }
        let parent = open.last().copied();
        // Words may have several fonts at once.
        let fonts = open.iter().rev();
        let mut around = fonts.skip_while(|name| HTML_IN_TEXT.contains(name));
        let in_words = around.next() == Some(&"mtext");
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
        if name == "mtext" && parent == Some("mtd") {
            // Beside words alone an operator has no space around it, since words count as space.
            out.push_str("<mi></mi>");
        }
        push_all(&mut out, &["<", name]);
        push_attributes(&mut out, name, attributes, marks, &mut next)?;
        out.push_str(if alone { "/>" } else { ">" });
        if let Some(url) = next.link.take_if(|_| name == "mtext" && !alone) {
            link::push_start(&mut out, url, "");
            in_link = true;
        }
    }
    (open.is_empty() && rest.is_empty() && !out.is_empty()).then_some(out)
}

fn push_all(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

/// Marks for elements that come later.
#[derive(Default)]
struct NextMarks<'m> {
    /// The address that the next words lead to.
    link: Option<&'m str>,
    /// The class of the next table.
    table: Option<&'m str>,
}

fn push_attributes<'m>(
    out: &mut String,
    element: &str,
    attributes: &str,
    marks: &'m Marks,
    next: &mut NextMarks<'m>,
) -> Option<()> {
    let mut classes: Vec<String> = Vec::new();
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        rest = after.trim_start();
        match name {
            "style" => {
                for declaration in value.split(';') {
                    match mark_of(declaration, marks) {
                        Some(Mark::Class(class)) => classes.push(class.clone()),
                        Some(Mark::Table(class)) => next.table = Some(class),
                        Some(Mark::Link(url)) => next.link = Some(url),
                        Some(Mark::Tag(_)) => {}
                        None => classes.extend(of_style(declaration)),
                    }
                }
            }
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
    let of_table = next.table.take_if(|_| element == "mtable");
    classes.extend(of_table.map(str::to_owned));
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

/// The mark that a declaration of a colour stands for.
fn mark_of<'m>(declaration: &str, marks: &'m Marks) -> Option<&'m Mark> {
    let (property, value) = declaration.split_once(':')?;
    let hex = (property.trim() == "color").then(|| value.trim().strip_prefix('#'))??;
    marks.get(u32::from_str_radix(hex, 16).ok()?)
}

/// The class that replaces a declaration of a style, if there is one.
fn of_style(declaration: &str) -> Option<String> {
    let (property, value) = declaration.split_once(':')?;
    let (property, value) = (property.trim(), value.trim());
    if property == "margin-left" {
        let width: f64 = value.strip_prefix('-')?.strip_suffix("em")?.parse().ok()?;
        let wanted = (width * 18.0).round() as u32;
        let nearest = NEGATIVE_SPACES.iter().min_by_key(|n| n.abs_diff(wanted))?;
        return Some(format!("nb-m-back-{nearest}"));
    }
    if property == "font-size" {
        let found = SIZE_CLASSES.iter().find(|(size, _)| *size == value);
        return found.map(|(_, class)| (*class).to_owned());
    }
    let whole = format!("{property}:{value}");
    let known = STYLE_CLASSES.iter().find(|(style, _)| *style == whole);
    known.map(|(_, class)| (*class).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Marks, checked as checked_with};

    fn checked(mathml: &str) -> Option<String> {
        checked_with(mathml, &Marks::default())
    }

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
                "<math><mrow></mrow></math>",
            ),
            (
                "<math><mtext><b><i>x</i></b></mtext></math>",
                "<math><mtext><b><i>x</i></b></mtext></math>",
            ),
            (
                "<math><mspace style=\"margin-left:-0.16666667em;\"/></math>",
                "<math><mspace class=\"nb-m-back-3\"/></math>",
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
            "<math><b>x</b></math>",
            "<math><mtext><b><mi><i>x</i></mi></b></mtext></math>",
            "<a><math></math></a>",
        ] {
            assert_eq!(checked(mathml), None, "{mathml}");
        }
    }
}
