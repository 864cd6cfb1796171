//! A stylesheet without comments and needless white space.
//!
//! This is enough for the stylesheets beside it, not for all of CSS: a string in them holds
//! neither `/*` nor two spaces, and a `:` before a space belongs to a declaration.

/// `css` without comments and without needless white space.
pub(super) fn minified(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        push(&mut out, before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    push(&mut out, rest);
    out
}

fn push(out: &mut String, css: &str) {
    let mut space = false;
    for c in css.chars() {
        if c.is_ascii_whitespace() {
            space = true;
            continue;
        }
        let binds = |c: char| matches!(c, '{' | '}' | ';' | ',' | '>');
        let joined = out.is_empty() || out.ends_with(binds) || out.ends_with(':') || binds(c);
        if space && !joined {
            out.push(' ');
        }
        space = false;
        if c == '}' && out.ends_with(';') {
            out.pop();
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::minified;

    #[test]
    fn comments_and_needless_spaces_are_dropped() {
        for (css, expected) in [
            ("/* a */\n.a {\n  color: red;\n}\n", ".a{color:red}"),
            (".a :is(b, i) > c {}", ".a :is(b,i)>c{}"),
            (
                "@media (max-width: 4rem) { a { margin: calc(1rem + 2px) 0; } }",
                "@media (max-width:4rem){a{margin:calc(1rem + 2px) 0}}",
            ),
            (
                ".a + .b, *::before { x: y; /* z */ }",
                ".a + .b,*::before{x:y}",
            ),
            ("a { x: 1 /* unfinished", "a{x:1"),
        ] {
            assert_eq!(minified(css), expected, "{css}");
        }
    }
}
