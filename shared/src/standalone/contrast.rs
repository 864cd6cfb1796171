//! Tests that the colours of `notebook.css` have a contrast of 4.5 to their backgrounds, which
//! is level AA of WCAG, in both themes.

use std::collections::HashMap;

type Colour = [f64; 3];

/// The custom properties that are colours: light and dark.
fn palette() -> HashMap<&'static str, [Colour; 2]> {
    let css = include_str!("notebook.css");
    let declared = css.lines().filter_map(|line| {
        let (name, value) = line.trim().strip_prefix("--")?.split_once(": ")?;
        let (light, dark) = value
            .strip_prefix("light-dark(")?
            .strip_suffix(");")?
            .split_once(", ")?;
        Some((name, [colour(light), colour(dark)]))
    });
    declared.collect()
}

fn colour(text: &str) -> Colour {
    [1, 3, 5].map(|at| f64::from(u8::from_str_radix(&text[at..at + 2], 16).unwrap()) / 255.0)
}

fn luminance(colour: Colour) -> f64 {
    let linear = colour.map(|part| match part {
        part if part <= 0.04045 => part / 12.92,
        part => ((part + 0.055) / 1.055).powf(2.4),
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The mix that `notebook.css` makes of a terminal colour on another: a share of `colours`, and
/// the rest of `other`.
fn mixed(name: &str, colours: [Colour; 2], other: [Colour; 2]) -> [Colour; 2] {
    let css = include_str!("notebook.css");
    let (_, after) = css
        .split_once(&format!("color-mix(in srgb, {name} "))
        .unwrap();
    let share: f64 = after.split_once('%').unwrap().0.parse::<f64>().unwrap() / 100.0;
    let mix = |theme: usize, part: usize| {
        colours[theme][part] * share + other[theme][part] * (1.0 - share)
    };
    [0, 1].map(|theme| [0, 1, 2].map(|part| mix(theme, part)))
}

/// Asserts that `text` can be read on `paper`, in both themes.
fn assert_readable(failures: &mut Vec<String>, names: &str, text: [Colour; 2], paper: [Colour; 2]) {
    for (theme, (text, paper)) in ["light", "dark"].iter().zip(text.into_iter().zip(paper)) {
        let contrast = contrast(text, paper);
        if contrast < 4.5 {
            failures.push(format!("{names}, {theme}: {contrast:.2}"));
        }
    }
}

#[test]
fn contrast_of_black_and_white_is_21() {
    let white = colour("#ffffff");
    assert!((contrast(colour("#000000"), white) - 21.0).abs() < 0.01);
    assert!((contrast(colour("#767676"), white) - 4.54).abs() < 0.01);
}

#[test]
fn text_is_readable_on_every_background() {
    let palette = palette();
    let mut failures = Vec::new();
    let papers = ["surface", "code-page", "warn-page", "error-page"];
    let text = |name: &str| {
        name.starts_with("tok-")
            || name.starts_with("ansi-")
            || ["text", "muted", "accent", "error", "warn"].contains(&name)
    };
    assert_eq!(palette.keys().filter(|name| text(name)).count(), 28);
    for (name, colours) in palette.iter().filter(|(name, _)| text(name)) {
        for paper in papers {
            let names = format!("{name} on {paper}");
            assert_readable(&mut failures, &names, *colours, palette[paper]);
        }
    }
    assert_eq!(failures, [""; 0]);
}

#[test]
fn terminal_colours_are_readable_on_each_other() {
    let palette = palette();
    let mut failures = Vec::new();
    for n in 0..16 {
        let own = palette[&*format!("ansi-{n}")];
        let paper = mixed("var(--paper)", own, palette["surface"]);
        for name in (0..16).map(|n| format!("ansi-{n}")) {
            let ink = mixed("var(--ink, var(--text))", palette[&*name], palette["text"]);
            assert_readable(&mut failures, &format!("{name} on ansi-bg-{n}"), ink, paper);
        }
        assert_readable(
            &mut failures,
            &format!("text on ansi-bg-{n}"),
            palette["text"],
            paper,
        );
    }
    assert_eq!(failures, [""; 0]);
}
