//! Tests of which formulas are found, and of what the search costs.

use super::{FormulaSearch, FormulaSpan, MAX_SEARCH_PASSES, closed, in_latex, in_markdown};

fn shown(source: &str, found: Vec<FormulaSpan>) -> String {
    let shown = found.into_iter().map(|FormulaSpan { tex, display, .. }| {
        let tex = &source[tex];
        if display {
            format!("[{tex}]")
        } else {
            format!("({tex})")
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn formulas_of_markdown_are_those_jupyter_finds() {
    for (source, expected) in [
        ("a $x$ and $$y$$", "(x) [y]"),
        ("$a_1 * b_2 * c$", "(a_1 * b_2 * c)"),
        ("$ x $ and \\$5 $y$", "( x ) (y)"),
        ("`$x$` $y$ ``` $ ```", "(y)"),
        ("```\n$x$\n```\n\n    $y$\n\n$z$", "(z)"),
        ("\\\\(a\\\\) \\\\[b\\\\] \\(c\\)", "(a) [b]"),
        (
            "\\begin{align}\na &= b\\\\\n\\end{align}",
            "[\\begin{align}\na &= b\\\\\n\\end{align}]",
        ),
        ("$\\text{if $x$}$", "(\\text{if $x$})"),
        ("$$\na\n- b\n= c\n$$", "[\na\n- b\n= c\n]"),
        ("$a\n\nb$", ""),
        ("[$x$](http://a/$b$c) <b title='$t$'>$y$</b>", "(x) (y)"),
        ("![$a$](b) <http://c/$d$>", ""),
        ("<div>\n$x$ <b class=\"$\">$y$</b>\n</div>", "(x) (y)"),
        ("[a]: http://x/$y$z\n\n$k$", "(k)"),
        ("$ \\{ $ and $}$ x $y$", "( \\{ ) (}) (y)"),
        ("one $ alone", ""),
        ("$x$$y$ $$z$$", "(x) (y) [z]"),
        ("costs $5 and $$x$$", "[x]"),
        (
            "\\begin{Bmatrix} a \\end{Bmatrix} \\begin{CD}\\end{CD}",
            "[\\begin{Bmatrix} a \\end{Bmatrix}] [\\begin{CD}\\end{CD}]",
        ),
        (
            "by \\eqref{eq_1} and \\ref{a}, `\\ref{b}` \\ref{",
            "(\\eqref{eq_1}) (\\ref{a})",
        ),
        ("$\\text{by \\eqref{a}}$", "(\\text{by \\eqref{a}})"),
    ] {
        assert_eq!(shown(source, in_markdown(source)), expected, "{source}");
    }
}

#[test]
fn formulas_of_latex_need_one_backslash() {
    for (source, expected) in [
        ("$\\displaystyle x$", "(\\displaystyle x)"),
        ("\\[a\\] b \\(c\\)", "[a] (c)"),
        ("plain", ""),
        ("$$a\n\n= b$$", "[a\n\n= b]"),
        (
            "\\begin{align}\na\n \n\\end{align}",
            "[\\begin{align}\na\n \n\\end{align}]",
        ),
        ("see \\ref{a}", "(\\ref{a})"),
    ] {
        assert_eq!(shown(source, in_latex(source)), expected, "{source}");
    }
}

/// How many times its length the search reads of `source`.
fn passes(source: &str) -> usize {
    let closed = closed(source);
    let searches = [
        FormulaSearch::of_markdown(source, &closed),
        FormulaSearch::of_latex(source),
    ];
    let passes = searches.map(|mut search| {
        let before = search.left;
        search.run();
        (before - search.left) / source.len()
    });
    passes[0].max(passes[1])
}

#[test]
fn unclosed_formulas_are_searched_for_once() {
    for part in [
        "$",
        "$$x ",
        "\\\\(",
        "\\begin{a}",
        "{$",
        "$}",
        "`$",
        "<a $",
        "$a$ ",
        "\\\\(a",
        "$x$$",
        "\\ref{",
        "\n\n$$x",
    ] {
        let source = part.repeat(200_000 / part.len());
        let passes = passes(&source);
        assert!(passes <= 2, "{passes} for {part}");
    }
}

#[test]
fn environments_of_many_names_are_given_up() {
    let name = |n: usize| {
        let letter = |by: usize| char::from(b'a' + (n / by % 26) as u8);
        format!("\\begin{{{}{}{}}}", letter(676), letter(26), letter(1))
    };
    let few: String = (0..MAX_SEARCH_PASSES / 2).map(name).collect();
    let many: String = (0..10_000).map(name).collect();
    assert_eq!(in_markdown(&format!("{few} $x$")).len(), 1);
    assert!(passes(&many) <= MAX_SEARCH_PASSES);
}
