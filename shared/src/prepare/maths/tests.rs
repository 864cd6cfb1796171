//! Tests of whole formulas, by parts of the MathML that they become.

use std::rc::Rc;

use super::{TexDefinitions, of_latex, of_markdown};

/// The HTML of the formulas of LaTeX.
fn latex(source: &str) -> String {
    let found = of_latex(source, &Rc::default());
    found.maths().iter().map(|html| html.as_str()).collect()
}

/// Checks that each displayed formula has all of the parts, and none of the source.
fn check(table: &[(&str, &[&str])]) {
    for (tex, parts) in table {
        let html = latex(&format!("$${tex}$$"));
        assert!(!html.contains("<code"), "{tex} is shown as source");
        for part in *parts {
            assert!(html.contains(part), "{tex}: no {part} in {html}");
        }
    }
}

/// Checks that each displayed formula has none of the parts.
fn check_without(table: &[(&str, &[&str])]) {
    for (tex, parts) in table {
        let html = latex(&format!("$${tex}$$"));
        assert!(!html.contains("<code"), "{tex} is shown as source");
        for part in *parts {
            assert!(!html.contains(part), "{tex}: {part} in {html}");
        }
    }
}

#[test]
fn limits_stand_above_and_below() {
    check(&[
        (r"\mathop{\mathrm{argmin}}\limits_{x}", &["<munder>"]),
        (r"\operatorname*{argmin}\limits_x", &["<munder>"]),
        (r"\operatorname{E}\limits_x^2", &["<munderover>"]),
        (r"\mathop{\sum\sum}\limits_{i,j}", &["<munder>"]),
        (r"\underbrace{x}\limits_n", &["<mi>n</mi></munder>"]),
        (r"{\sum}\limits_i", &["<munder>"]),
        (r"\mathop{argmin}\nolimits_x", &["<msub>"]),
        (r"\def\E{\mathop{\mathbb E}}\E\limits_x", &["<munder>"]),
        (r"\mathop{\mathrm{argmax}}_{x}", &["<munder>"]),
        (r"\mathop{\mathbb E}_x^n", &["<munder>", "<mover>"]),
        (r"\mathop{\arg\max}_x", &["<munder>"]),
        (r"\mathop\mathrm{argmax}_x", &["<munder>"]),
        (r"\operatorname*{\mathbb E}_x", &["<munder>"]),
        (r"\operatorname*{\arg\max}_x", &["<munder>"]),
        (r"\DeclareMathOperator*{\E}{\mathbb E} \E_x", &["<munder>"]),
        (
            r"\DeclareMathOperator*{\amin}{\arg\!\min} \amin_n",
            &["<munder>"],
        ),
        (r"\varlimsup_n", &["<munder>"]),
        (r"\varinjlim_n", &["<munder>"]),
        (r"\det_n", &["<munder>"]),
        (r"\underbrace{a}_{b}^{c}", &["<mover>", "<munder>"]),
        (r"\underbracket[1pt]{a}_{b}", &["<mi>b</mi></munder>"]),
        (r"\frac{\mathop{X}_a}{2}", &["<msub>"]),
        (r"\mathop{X}\limits", &["<mi>X</mi>"]),
    ]);
    assert!(latex(r"$\mathop{\mathbb E}_x$").contains("<msub>"));
    assert!(latex(r"$\operatorname*{argmin}_x$").contains("<msub>"));
    assert!(latex(r"$\operatorname*{argmin}\limits_x$").contains("<munder>"));
    assert!(latex(r"$\displaystyle\mathop{\mathbb E}_x$").contains("<munder>"));
}

#[test]
fn rows_end_where_they_end_in_jupyter() {
    for (tex, rows) in [
        (r"\begin{cases} a & b \\ c & d \\ \end{cases}", 2),
        (r"\begin{pmatrix} a \\ b \\[2pt] \end{pmatrix}", 2),
        ("\\begin{align} a &= b \\\\ c &= d \\\\\n\\end{align}", 2),
        (r"\begin{matrix} a \\ \\ \end{matrix}", 2),
        (r"\matrix{a \cr b \cr}", 2),
        (
            r"\begin{array}{c} \hline a \\ \hline b \\ \hline \end{array}",
            2,
        ),
    ] {
        let html = latex(&format!("$${tex}$$"));
        assert_eq!(html.matches("<mtr>").count(), rows, "{tex}: {html}");
    }
}

#[test]
fn lines_are_drawn_between_rows() {
    check(&[
        (
            r"\begin{array}{|c|c|} \hline a & b \\ \hline c & d \\ \hline \end{array}",
            &[
                "class=\"nb-m-bl nb-m-bt nb-m-bb\"",
                "<mtd class=\"nb-m-bt nb-m-br\">",
            ],
        ),
        (
            r"\begin{array}{c} \hline\hline a \\ \hline\hline b \\ \hline\hline \end{array}",
            &["nb-m-bt nb-m-bb", "<mtd class=\"nb-m-bt\">"],
        ),
        (
            r"\begin{array}{c:c} a & b \\ \hdashline c & d \\ \hdashline \end{array}",
            &["nb-m-bbd", "nb-m-btd", "nb-m-brd"],
        ),
        (
            r"\begin{bmatrix} a \\ \hline b \end{bmatrix}",
            &["nb-m-bt", ">[<"],
        ),
        (
            r"\begin{matrix} a \\ \hline b \\ \hline \end{matrix}",
            &["nb-m-bb"],
        ),
        (
            r"\begin{cases} a & b \\ \hline c & d \end{cases}",
            &["nb-m-bt", ">{<"],
        ),
        (
            r"\begin{Bsmallmatrix} a \\ \hline b \end{Bsmallmatrix}",
            &["nb-m-bt"],
        ),
        (
            r"\begin{aligned} a &= b \\ \hline c &= d \\ \hline \end{aligned}",
            &["<mi>c</mi>"],
        ),
        (
            r"\begin{align} \hline a &= b \\ \hline c &= d \end{align}",
            &["<mi>c</mi>"],
        ),
    ]);
}

#[test]
fn rows_have_the_room_below_that_they_ask_for() {
    check(&[
        (
            r"\begin{aligned} a &= b \\[3pt] c &= d \end{aligned}",
            &["<mrow class=\"nb-m-room-1\"></mrow></mtd></mtr>"],
        ),
        (
            r"\begin{pmatrix} a \\*[10pt] b \end{pmatrix}",
            &["nb-m-room-3"],
        ),
        (
            r"\begin{array}{c} a \\[1cm] \hline b \end{array}",
            &["nb-m-room-4", "nb-m-bt"],
        ),
        (r"\begin{cases} a \\[x] b \end{cases}", &[">[</mo>"]),
    ]);
    check_without(&[
        (
            r"\begin{cases} a \\[-3pt] b \\[10pt] \end{cases}",
            &["nb-m-room", "[", "10"],
        ),
        (r"a \\[10pt] b", &["nb-m-room"]),
    ]);
}

#[test]
fn tags_stand_at_the_side_as_they_are_written() {
    for (tex, tag) in [
        (r"x \tag{7}", "(7)"),
        (r"\tag*{A} x", "A"),
        (r"x \tag{$\ast$}", "(∗)"),
        (
            r"\begin{align} a &= b \tag*{§2} \\ c &= d \end{align}",
            "§2",
        ),
    ] {
        let html = latex(&format!("$${tex}$$"));
        assert!(!html.contains("<code"), "{tex} is shown as source");
        assert!(
            html.contains(&format!("<mtext>{tag}</mtext></mtd></mtr>")),
            "{tex}: {html}"
        );
    }
    // A reference names what the formula shows, without its brackets.
    let html = latex(r"$$x \tag*{A} \label{a}$$ $$\ref{a} \eqref{a}$$");
    assert!(
        html.contains("<mtext>A</mtext>") && html.contains("<mtext>(A)</mtext>"),
        "{html}"
    );
}

#[test]
fn columns_may_be_anywhere() {
    check(&[
        (
            r"\begin{gather} a & b \\ c & d \end{gather}",
            &["<mi>d</mi>"],
        ),
        (r"\begin{gather*} a & b \end{gather*}", &["<mi>b</mi>"]),
        (r"\begin{gathered} a & b \end{gathered}", &["<mi>b</mi>"]),
        (r"\begin{gather} a & b \tag{1} \end{gather}", &["(1)"]),
        (r"\begin{array}{cX} a & b \end{array}", &["<mi>b</mi>"]),
        (r"\begin{array}{S} a \end{array}", &["<mi>a</mi>"]),
        (r"\begin{array}{c,c} a & b \end{array}", &["<mi>b</mi>"]),
        (
            r"\begin{lgathered}[t] a \\ b \end{lgathered}",
            &["<mi>b</mi>"],
        ),
        (
            r"\begin{cases*} a & if $\begin{matrix} x \\ y \end{matrix}$ is \\ b & else\end{cases*}",
            &["<mtext>if\u{a0}</mtext>", "<mtext>else</mtext>"],
        ),
        (
            r"\begin{dcases*} a & b_c \end{dcases*}",
            &["<mtext>b_c</mtext>"],
        ),
    ]);
    check_without(&[(
        r"\begin{lgathered}[t] a \\ b \end{lgathered}",
        &["<mi>t</mi>"],
    )]);
}

#[test]
fn words_have_formulas_fonts_and_colours() {
    check(&[
        (r"\text{by \ref{a} and \eqref{b}}", &["???", "(???)"]),
        (r"x \tag{7} \label{a} \text{ by \eqref{a}}", &["(7)"]),
        (r"\text{\textbf{\textit{a}}}", &["<b><i>a</i></b>"]),
        (
            r"\textbf{a $x$ \textit{b}}",
            &["<b>a\u{a0}</b>", "<mi>x</mi>", "<b><i>b</i></b>"],
        ),
        (r"\text{\bf a} b", &["<b>a</b>"]),
        (r"\text{\color{red} a}", &["ansi-fg-1", "a</mtext>"]),
        (r"\text{\textcolor{red}{a} b}", &["ansi-fg-1", "b</mtext>"]),
        (
            r"\text{a\hspace{1em}b\kern 1em c}",
            &["<mspace width=\"1em\"/>"],
        ),
        (r"\text{a $\text{b $c$}$ d}", &["<mi>c</mi>"]),
        (r"\text{a {b {c}} \'{e}}", &["<mtext>a\u{a0}b\u{a0}c"]),
        (r"x^\text{a $b$ c}", &["<msup><mi>x</mi><mrow>"]),
        (r"x^\text{}", &["<msup>"]),
        (r"\text{accuracy 95%}", &["accuracy\u{a0}95"]),
        ("\\frac{50%}{3}\n+1", &["<mn>50</mn>", "<mn>3</mn>"]),
        (r"5\,\AA + \aa \ae \o \ss", &["Å", "å", "æ", "ø", "ß"]),
        (r"\footnotesize x", &["nb-m-size-3"]),
        (r"\text{a \copyright\ b \nonsense}", &["©", "nb-m-unknown"]),
        (r"\text{\href{https://a.org}{b}}", &["<a href"]),
        (
            r"\text{\sl a} \enclose{box}[mathcolor=red]{x}",
            &["<i>a</i>", "<mi>x</mi>"],
        ),
        (r"\text{$ a 5\% b}", &["$\u{a0}a\u{a0}5%\u{a0}b"]),
    ]);
}

#[test]
fn unknown_colours_leave_formulas_as_they_are() {
    check(&[
        (r"\color{nonsense} x", &["<mi>x</mi>"]),
        (r"\textcolor{nonsense}{x}", &["<mi>x</mi>"]),
        (r"\colorbox{nonsense}{x}", &["x"]),
        (r"\textcolor{BrickRed}{x}", &["ansi-fg-"]),
        (r"\textcolor{OliveGreen}{x}", &["ansi-fg-"]),
        (r"\textcolor{red!50!black}{x}", &["ansi-fg-"]),
        (r"\definecolor{a}{wrong}{1} \color{a} x", &["<mi>x</mi>"]),
        (r"\definecolor{a}{rgb}{1,0,0} \color{a} x", &["ansi-fg-"]),
    ]);
}

#[test]
fn delimiters_of_every_kind_are_typeset() {
    check(&[
        (r"\big{(} x \big{)}", &[">(</mo>", ">)</mo>"]),
        (r"\Big{|}_{x}", &["<msub>"]),
        (r"\Bigg{\{}", &[">{</mo>"]),
        (r"\big{<} x \bigr\gt", &["⟨", "⟩"]),
        (r"\Bigl. x \Bigr)", &["<mi>x</mi>"]),
        (r"\big. x", &["<mi>x</mi>"]),
        (r"\left( x \middle. y \right)", &["<mi>y</mi>"]),
        (r"\left. x \right|", &["<mi>x</mi>"]),
        (r"\bigcup", &["⋃"]),
        (r"\bigcup{.} x \bigvee_i", &["⋃", "⋁", ">.<"]),
        (r"x^′ y″", &["′", "″"]),
        (
            r"\DeclarePairedDelimiter{\abs}{\lvert}{\rvert} \abs[\big]{x} \abs{y} \abs*{z}",
            &["<mi>x</mi>", "<mi>y</mi>", "<mi>z</mi>", "maxsize"],
        ),
    ]);
    check_without(&[
        (
            r"\DeclarePairedDelimiter{\abs}{|}{|} \abs[\Big]{x}",
            &["[", "]"],
        ),
        (r"\cfrac[l]{a}{b}", &["[", "<mi>l</mi>"]),
        (r"\cancel[2pt]{x}", &["["]),
        (r"\mathrlap[\textstyle]{x}", &["["]),
    ]);
}

#[test]
fn a_command_that_is_kept_is_that_of_the_engine() {
    check(&[
        (
            r"\let\oldvec\vec \renewcommand{\vec}[1]{\oldvec{\mathbf{#1}}} \vec{x}",
            &["<mover", "𝐱"],
        ),
        (r"\let\phi\varphi \phi", &["φ"]),
        (r"\let\nc\newcommand \nc{\a}{b} \a", &["<mi>b</mi>"]),
        (
            r"\let\olddet\det \def\det{x} \olddet_n",
            &["<munder>", ">det<"],
        ),
        (r"\def\a{x} \let\b\a \def\a{y} \b", &["<mi>x</mi>"]),
    ]);
}

#[test]
fn tags_may_be_any_words() {
    check(&[
        (r"x \tag{é}", &["(é)"]),
        (r"x \tag{$\ast$}", &["(∗)"]),
        (r"x \tag{$1^\prime$}", &["(1′)"]),
        (
            r"\begin{align} x \tag{é} \\ y \tag{2} \end{align}",
            &["(é)", "(2)"],
        ),
    ]);
}

#[test]
fn references_in_prose_are_shown() {
    let definitions: Rc<TexDefinitions> = Rc::default();
    let markdown = of_markdown(
        "$$x \\tag{1} \\label{eq_a}$$ by \\eqref{eq_a}, \\ref{eq_a} and \\eqref{b}",
        &definitions,
    );
    let shown: Vec<_> = markdown
        .maths()
        .iter()
        .map(|html| html.as_str().to_owned())
        .collect();
    for (at, words) in [(1, "(1)"), (2, "1"), (3, "(???)")] {
        let expected = format!("<mtext>{words}</mtext>");
        assert!(shown[at].contains(&expected), "{}", shown[at]);
    }
}
