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
    let may_begin = ["$", "\\(", "\\[", "\\begin{", "ref{", MATHS_SCRIPT];
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
            if length > 0 && line_break_length(rest) == 0 {
                let verbatim = verbatim_length(&rest[..length], &rest[length..]);
                stand_in::push_text(&mut self.text, &rest[..length + verbatim]);
                rest = &rest[length + verbatim..];
                continue;
            }
            let length = words_length(rest);
            self.words(&rest[..length]);
            rest = &rest[length..];
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
            let whole = plain(&words[span.whole.clone()]);
            // Delimiters are the same in HTML.
            let start = span.tex.start - span.whole.start;
            let end = whole.len() - (span.whole.end - span.tex.end);
            self.push(&whole, &whole[start..end], span.display);
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

/// The length of the `br` that `rest` begins with, which a formula may have as the end of a line.
fn line_break_length(rest: &str) -> usize {
    let mut breaks = ["<br>", "<br/>", "<br />"].iter();
    let found = breaks.find(|tag| {
        let start = rest.get(..tag.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
    });
    found.map_or(0, |tag| tag.len())
}

/// The length of the text that `rest` begins with, up to the next tag that is no line break; at
/// least 1.
fn words_length(rest: &str) -> usize {
    let mut length = 0;
    while length < rest.len() {
        let line_break = line_break_length(&rest[length..]);
        if line_break == 0 && length > 0 && rest[length..].starts_with('<') {
            break;
        }
        // A `<` that begins no tag is text.
        let sign = usize::from(rest[length..].starts_with('<'));
        length += line_break.max(sign);
        length += rest[length..].find('<').unwrap_or(rest.len() - length);
    }
    length
}

/// The name of the element that `tag` opens.
fn element_name(tag: &str) -> &str {
    let name = tag.trim_start_matches('<');
    let end = name.find(|c: char| !c.is_ascii_alphanumeric());
    &name[..end.unwrap_or(name.len())]
}

/// The classes of elements that Jupyter does not typeset.
const IGNORED_CLASSES: [&str; 2] = ["mathjax_ignore", "tex2jax_ignore"];

/// Whether the element that `tag` opens has one of these classes.
fn is_ignored(tag: &str) -> bool {
    if !IGNORED_CLASSES.iter().any(|class| tag.contains(class)) {
        return false;
    }
    let Some((_, value)) = tag.split_once(" class=") else {
        return false;
    };
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
        _ => value.split([' ', '>']).next(),
    };
    let mut classes = value.unwrap_or_default().split_ascii_whitespace();
    classes.any(|class| IGNORED_CLASSES.contains(&class))
}

/// The length of the content of an element `name`, which may hold others of its name.
fn content_length(name: &str, after: &str) -> usize {
    let mut depth = 0_usize;
    for (at, _) in after.match_indices('<') {
        let (tag, closes) = match after[at + 1..].strip_prefix('/') {
            Some(tag) => (tag, true),
            None => (&after[at + 1..], false),
        };
        if !element_name(tag).eq_ignore_ascii_case(name) {
            continue;
        }
        match (closes, depth) {
            (false, _) => depth += 1,
            (true, 0) => return at,
            (true, _) => depth -= 1,
        }
    }
    after.len()
}

/// The length of the content of the element that `tag` opens, if it is not typeset.
fn verbatim_length(tag: &str, after: &str) -> usize {
    let name = element_name(tag);
    if !name.is_empty() && is_ignored(tag) {
        return content_length(name, after);
    }
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

/// The text of HTML that has no tags but line breaks.
fn plain(html: &str) -> Cow<'_, str> {
    if !html.contains(['&', '<']) {
        return Cow::Borrowed(html);
    }
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['&', '<']) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        let line_break = line_break_length(special);
        rest = if line_break > 0 {
            out.push('\n');
            &special[line_break..]
        } else if let Some((text, length)) = character_reference(special) {
            out.push_str(&text);
            &special[length..]
        } else {
            out.push_str(&special[..1]);
            &special[1..]
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The longest name of a character of HTML, with its `&` and `;`.
const MAX_REFERENCE_BYTES: usize = 40;

/// The text of the character reference that `html` begins with, and its length.
fn character_reference(html: &str) -> Option<(String, usize)> {
    html.strip_prefix('&')?;
    let mut bytes = html.bytes().take(MAX_REFERENCE_BYTES);
    let length = bytes.position(|byte| byte == b';')? + 1;
    let reference = &html[..length];
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '#';
    reference[1..length - 1]
        .chars()
        .all(is_name)
        .then_some(())?;
    // Markdown has the character references of HTML, and its parser knows all of their names.
    let text = match pulldown_cmark::Parser::new(reference).nth(1) {
        Some(pulldown_cmark::Event::Text(text)) => text.into_string(),
        _ => return None,
    };
    // A space that does not break is a command to TeX.
    (text != reference).then(|| (text.replace('\u{a0}', " "), length))
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
                "<p>$$a \\\\<br>b$$ <b>$x<br/>y$</b>$c<b>$</b>",
                vec!["$$a \\\\\nb$$", "$x\ny$"],
            ),
            ("<p>$a\n\nb$ \\eqref{x}", vec!["$a\n\nb$", "\\eqref{x}"]),
            (
                "$a &times; b &minus; &alpha; &le;&nbsp;&#960; &nonsense; & &lt$",
                vec!["$a × b − α ≤ π &nonsense; & &lt$"],
            ),
            (
                "<div class='a tex2jax_ignore'>$x$<div>$y$</div>$z$</div>$k$",
                vec!["$k$"],
            ),
            ("<p class=\"mathjax_ignore\">$x$", vec![]),
            ("<p title=\"mathjax_ignore\">$x$", vec!["$x$"]),
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
