//! The formulas of HTML, which Jupyter typesets in outputs as it does in Markdown.
//!
//! They stand in its text, and with Sage in `script` elements of the type `math/tex`. A stand-in
//! takes the place of each before the HTML is sanitised; [`super::insert`] then puts the MathML
//! there.

use std::{borrow::Cow, rc::Rc};

use super::{ExtractedMaths, TexDefinitions, Typesetter, find};
use crate::render::stand_in;

/// Elements whose content Jupyter does not typeset.
const VERBATIM_ELEMENTS: [&str; 7] = [
    "code", "noscript", "pre", "script", "style", "svg", "textarea",
];

/// The beginning of the elements that hold a formula.
const MATHS_SCRIPT: &str = "<script type=\"math/tex";

/// Whether all scripts of `html` are formulas.
pub(in crate::prepare) fn only_typesets(html: &str) -> bool {
    let is_formula = |(at, _): (usize, &str)| {
        let tag = html.get(at..at + MATHS_SCRIPT.len());
        tag.is_some_and(|tag| tag.eq_ignore_ascii_case(MATHS_SCRIPT))
    };
    let mut scripts = html.match_indices('<').filter(|(at, _)| {
        let name = html.as_bytes().get(at + 1..at + 7);
        name.is_some_and(|name| name.eq_ignore_ascii_case(b"script"))
    });
    scripts.all(is_formula)
}

/// Whether `html` may have formulas, which most HTML has not.
pub(in crate::prepare) fn may_have_formulas(html: &str) -> bool {
    let may_begin = ["$", "\\(", "\\[", "\\begin{", MATHS_SCRIPT];
    may_begin.iter().any(|start| html.contains(start))
}

/// `html` with stand-ins, and its formulas.
pub(in crate::prepare) fn of_html(html: &str, definitions: &Rc<TexDefinitions>) -> ExtractedMaths {
    let mut found = HtmlMaths {
        text: String::with_capacity(html.len()),
        formulas: Vec::new(),
        typesetter: Typesetter::new(definitions, html.len()),
    };
    found.read(html);
    ExtractedMaths {
        text: found.text,
        formulas: found.formulas,
        definitions: found.typesetter.definitions,
    }
}

struct HtmlMaths {
    text: String,
    formulas: Vec<super::Formula>,
    typesetter: Typesetter,
}

impl HtmlMaths {
    fn read(&mut self, html: &str) {
        let mut rest = html;
        while !rest.is_empty() {
            if let Some(after) = self.script(rest) {
                rest = after;
                continue;
            }
            let length = tag_length(rest);
            if length > 0 {
                let verbatim = verbatim_length(&rest[..length], &rest[length..]);
                stand_in::push_text(&mut self.text, &rest[..length + verbatim]);
                rest = &rest[length + verbatim..];
                continue;
            }
            let text = rest.strip_prefix('<').unwrap_or(rest);
            let next = text.find('<').unwrap_or(text.len()) + rest.len() - text.len();
            self.words(&rest[..next]);
            rest = &rest[next..];
        }
    }

    /// Reads the `script` of a formula; returns what follows it.
    fn script<'h>(&mut self, rest: &'h str) -> Option<&'h str> {
        let start = rest.get(..MATHS_SCRIPT.len())?;
        start.eq_ignore_ascii_case(MATHS_SCRIPT).then_some(())?;
        let (tag, after) = rest.split_once('>')?;
        let end = after.find("</script")?;
        let (tex, close) = after.split_at(end);
        let (_, after) = close.split_once('>')?;
        let display = tag.contains("mode=display");
        // The content of a script has no character references.
        self.push(tex, tex, display);
        Some(after)
    }

    fn words(&mut self, words: &str) {
        let mut kept = 0;
        for span in find::in_latex(words) {
            stand_in::push_text(&mut self.text, &words[kept..span.whole.start]);
            let tex = unescaped(&words[span.tex]);
            self.push(&unescaped(&words[span.whole.clone()]), &tex, span.display);
            kept = span.whole.end;
        }
        stand_in::push_text(&mut self.text, &words[kept..]);
    }

    fn push(&mut self, whole: &str, tex: &str, display: bool) {
        stand_in::push(&mut self.text, self.formulas.len());
        let formula = self.typesetter.typeset(whole, tex, display);
        self.formulas.push(formula);
    }
}

/// The length of the tag or comment that `rest` begins with; 0 when it begins with text.
fn tag_length(rest: &str) -> usize {
    if rest.starts_with("<!--") {
        return rest.find("-->").map_or(rest.len(), |at| at + 3);
    }
    let Some(inside) = rest.strip_prefix('<') else {
        return 0;
    };
    if !inside.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
        return 0;
    }
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            None if byte == b'>' => return at + 1,
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            _ => {}
        }
    }
    rest.len()
}

/// The length of the content of the element that `tag` opens, if it is not typeset.
fn verbatim_length(tag: &str, after: &str) -> usize {
    let name = tag.trim_start_matches('<');
    let end = name.find(|c: char| !c.is_ascii_alphanumeric());
    let name = &name[..end.unwrap_or(name.len())];
    let mut verbatim = VERBATIM_ELEMENTS.iter();
    let Some(known) = verbatim.find(|known| known.eq_ignore_ascii_case(name)) else {
        return 0;
    };
    let closes = |(at, _): &(usize, &str)| {
        let name = after.get(at + 2..at + 2 + known.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(known))
    };
    let end = after.match_indices("</").find(closes);
    end.map_or(after.len(), |(at, _)| at)
}

/// `text` with its character references read, as far as formulas have them.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let reference = part.split_once(';').filter(|(name, _)| name.len() <= 8);
        match reference.and_then(|(name, after)| Some((character(name)?, after))) {
            Some((char, after)) => {
                out.push(char);
                out.push_str(after);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    Cow::Owned(out)
}

/// The character of a reference by its name or number.
fn character(name: &str) -> Option<char> {
    let number = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "nbsp" => return Some(' '),
        _ => name.strip_prefix('#')?,
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{of_html, only_typesets};

    fn formulas(html: &str) -> Vec<String> {
        let found = of_html(html, &Rc::default());
        found
            .formulas
            .into_iter()
            .map(|formula| formula.source)
            .collect()
    }

    #[test]
    fn formulas_are_found_in_the_text_of_html() {
        for (html, expected) in [
            (
                "<td>$x$</td><td>\\(a &lt; b\\)</td>",
                vec!["$x$", "\\(a < b\\)"],
            ),
            ("<html>\\[x\\]</html>", vec!["\\[x\\]"]),
            ("<td>$5</td><td>$6</td>", vec![]),
            ("<code>$x$</code><pre>$x$</pre><b title=\"$x$\">", vec![]),
            ("<style>$x$</style><!-- $x$ -->$y$", vec!["$y$"]),
            (
                "<script type=\"math/tex; mode=display\">x &lt; 1</script> a < b",
                vec!["x &lt; 1"],
            ),
        ] {
            assert_eq!(formulas(html), expected, "{html}");
        }
    }

    #[test]
    fn scripts_of_formulas_are_no_scripts() {
        assert!(only_typesets("<SCRIPT type=\"math/tex\">x</script><p>"));
        assert!(!only_typesets(
            "<script type=\"math/tex\">x</script><script>y()</script>"
        ));
    }
}
