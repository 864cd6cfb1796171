use super::of_bytes;

fn drawing(inner: &str) -> String {
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">{inner}</svg>")
}

fn shapes(inner: &str) -> u64 {
    let cost = of_bytes(drawing(inner).as_bytes(), 0);
    cost.expect("it can be told").shapes
}

fn refusal(xml: &str) -> &'static str {
    of_bytes(xml.as_bytes(), 0).expect_err("it cannot be told")
}

/// `levels` of groups, each of which draws the one before it ten times by `reference`.
fn nested(levels: usize, reference: &str) -> String {
    let mut inner = "<g id=\"a0\"><path d=\"M0 0\"/></g>".to_owned();
    for level in 1..=levels {
        let one = reference.replace('N', &(level - 1).to_string());
        inner += &format!("<g id=\"a{level}\">{}</g>", one.repeat(10));
    }
    inner
}

#[test]
fn a_plain_drawing_costs_its_elements() {
    assert_eq!(shapes("<g><rect/><circle></circle></g>"), 4);
    let path = format!("<path d=\"{}\"/>", "L1 1 ".repeat(240));
    assert_eq!(shapes(&path), 102);
    assert!(shapes(&format!("<text>{}</text>", "word ".repeat(800))) > 400);
}

#[test]
fn whatever_draws_something_again_is_followed() {
    for reference in [
        "<use href=\"#aN\"/>",
        "<use xlink:href='#aN'/>",
        "<s:use x:href=\"&#35;aN\"/>",
        "<use href=\"#%61N\"/>",
        "<use href=\"\"><set attributeName=\"href\" to=\"#aN\"/></use>",
        "<use><animate attributeName=\"href\" values=\"#x;#aN\"/></use>",
        "<rect fill=\"url(#aN)\"/>",
        "<rect style=\"fill:url('#aN')\"/>",
        "<rect mask=\"url(#aN)\"/>",
        "<rect clip-path=\"url( &quot;#aN&quot; )\"/>",
        "<rect filter=\"url(#aN)\"/>",
        "<path d=\"M0 0\" marker-mid=\"url(#aN)\"/>",
        "<path d=\"M0 0\" style=\"marker:url(#aN)\"/>",
        "<text><textPath href=\"#aN\">a</textPath></text>",
        "<feImage href=\"#aN\"/>",
    ] {
        let few = shapes(&nested(1, reference));
        assert!(few > 20, "{reference}: {few}");
        let many = shapes(&nested(6, reference));
        assert!(many > 1_000_000, "{reference}: {many}");
        assert_eq!(shapes(&nested(100, reference)), u64::MAX, "{reference}");
    }
}

#[test]
fn what_is_inherited_counts_for_all_who_inherit() {
    let pattern = format!("<pattern id=\"p\">{}</pattern>", "<rect/>".repeat(100));
    let many = "<rect/>".repeat(100);
    assert!(shapes(&format!("{pattern}<g fill=\"url(#p)\">{many}</g>")) > 10_000);
    let marker = format!("<marker id=\"m\">{}</marker>", "<rect/>".repeat(100));
    let path = format!("<path d=\"{}\"/>", "1 ".repeat(1000));
    assert!(shapes(&format!("{marker}<g marker-mid=\"url(#m)\">{path}</g>")) > 100_000);
}

#[test]
fn what_is_dear_costs_more() {
    for inner in [
        "<filter><feGaussianBlur stdDeviation=\"1e9\"/></filter>",
        "<filter><feTurbulence numOctaves=\"99\"/></filter>",
        "<filter><feConvolveMatrix order=\"15\"/></filter>",
        "<rect style=\"filter: blur(9px)\"/>",
        "<rect filter=\"drop-shadow(1px 1px 1px red)\"/>",
        "<foreignObject><div style=\"display:grid;grid:repeat(9999,1px)/1px\"/></foreignObject>",
        "<foreignObject><td colspan=\"1000\" rowspan=\"1000\"/></foreignObject>",
    ] {
        assert!(shapes(inner) > 2000, "{inner}: {}", shapes(inner));
    }
    let groups = "<g opacity=\".5\"><rect/></g>".repeat(1000);
    assert!(shapes(&groups) > 8000);
    // A colour that lets some of another through is only a colour.
    let points = "<use style=\"fill: #123456; fill-opacity: 0.5\"/>".repeat(1000);
    assert!(shapes(&points) < 6000);
}

#[test]
fn what_moves_is_drawn_again_and_again() {
    let still = "<rect/>".repeat(100);
    for moving in [
        "<animate attributeName=\"x\"/>",
        "<animateTransform/>",
        "<style>rect { animation: x 1s infinite }</style>",
        "<rect style=\"transition: all 1s\"/>",
    ] {
        assert!(shapes(&format!("{still}{moving}")) > 5000, "{moving}");
    }
}

#[test]
fn what_a_sheet_refers_to_any_element_may_draw() {
    let parts = "<clipPath id=\"c\"><rect/></clipPath><linearGradient id=\"g\"/>";
    let sheet = "<style>.a{clip-path:url(#c)}.b{fill:url(\"#g\")}</style>";
    let rects = "<rect/>".repeat(100);
    assert!((100..1000).contains(&shapes(&format!("{sheet}{parts}{rects}"))));
    let patterns: String = (0..9)
        .map(|n| format!("<pattern id=\"p{n}\">{rects}</pattern>"))
        .collect();
    let sheet: String = (0..9)
        .map(|n| format!(".a{n}{{fill:url(#p{n})}}"))
        .collect();
    let all = format!("<style>{sheet}</style>{patterns}<rect class=\"a0\"/>");
    assert!(shapes(&all) > 1_000_000);
    let split = "<style>*{fill:u<!-- -->rl(#p0)}</style>";
    assert!(shapes(&format!("{split}{patterns}")) > 50_000);
}

#[test]
fn pictures_in_a_drawing_count() {
    // A PNG of 300 by 200.
    let png = "iVBORw0KGgoAAAANSUhEUgAAASwAAADICAYAAAAAAAAA";
    let image = format!("<image href=\"data:image/png;base64,{png}\"/>");
    let cost = of_bytes(drawing(&image).as_bytes(), 0).expect("it can be told");
    assert_eq!(cost.pixels, 60_000);
    let mut inner = drawing(&"<rect/>".repeat(1000));
    for _ in 0..3 {
        let base64 = crate::prepare::image::encode(inner.as_bytes());
        inner = drawing(
            &format!("<image xlink:href=\"data:image/svg+xml;base64,{base64}\"/>").repeat(5),
        );
    }
    let cost = of_bytes(inner.as_bytes(), 0).expect("it can be told");
    assert!(cost.shapes > 100_000, "{}", cost.shapes);
}

#[test]
fn what_cannot_be_followed_is_refused() {
    for inner in [
        "<g id=\"a\"><use href=\"#a\"/></g>",
        "<g id=\"a\"><use href=\"#b\"/></g><g id=\"b\"><use href=\"#a\"/></g>",
        "<style>@import 'data:text/css,x'</style>",
        "<style>rect{fill:u\\72l(#a)}</style>",
        "<style>rect{fill:&#117;rl(#a)}</style>",
        "<rect style=\"background:url(data:image/svg+xml,x)\"/>",
        "<image href=\"data:image/svg+xml,%3Csvg\"/>",
        "<link rel=\"stylesheet\" href=\"x\"/>",
    ] {
        refusal(&drawing(inner));
    }
    let entities = "<!DOCTYPE svg [<!ENTITY a \"<g>&b;&b;</g>\">]>";
    assert_eq!(
        refusal(&format!("{entities}{}", drawing("&a;"))),
        "declares entities"
    );
    for head in [
        "<?xml version=\"1.0\" encoding=\"UTF-7\"?>",
        "<?xml version='1.0' encoding = 'utf-16'?>",
        "<?xml-stylesheet href=\"data:text/css,x\"?>",
    ] {
        refusal(&format!("{head}{}", drawing("")));
    }
    let utf_16: Vec<u8> = drawing("")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(of_bytes(&utf_16, 0).is_err());
    let mut deep = drawing("");
    for _ in 0..5 {
        let base64 = crate::prepare::image::encode(deep.as_bytes());
        deep = drawing(&format!(
            "<image href=\"data:image/svg+xml;base64,{base64}\"/>"
        ));
    }
    assert!(of_bytes(deep.as_bytes(), 0).is_err());
}

#[test]
fn what_libraries_write_is_shown() {
    let matplotlib = "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"no\"?>\n\
        <!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\"\n  \
        \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\n\
        <svg xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"460.8pt\" version=\"1.1\">\n \
        <defs><style type=\"text/css\">*{stroke-linejoin: round; stroke-linecap: butt}</style></defs>\n \
        <g id=\"figure_1\"><defs><path id=\"m1\" d=\"M 0 3 C 0 1 2 3 4 5\" style=\"stroke: #1f77b4\"/></defs>\
        <g clip-path=\"url(#p1)\"><use xlink:href=\"#m1\" x=\"1\" y=\"2\" style=\"fill: #1f77b4\"/></g>\
        <defs><clipPath id=\"p1\"><rect x=\"1\"/></clipPath></defs></g></svg>";
    let cost = of_bytes(matplotlib.as_bytes(), 0).expect("it is plain");
    assert!(cost.shapes < 60, "{}", cost.shapes);
}

#[test]
fn depth_and_number_are_no_matter() {
    let deep = |times| format!("{}{}", "<g>".repeat(times), "</g>".repeat(times));
    assert_eq!(shapes(&deep(30_000)), 30_001);
    // Of so many, no more is known than that they are too many.
    assert_eq!(shapes(&deep(300_000)), super::MOST.shapes + 1);
    let chain: String = (1..15_000)
        .map(|n| format!("<g id=\"a{n}\"><use href=\"#a{}\"/></g>", n - 1))
        .collect();
    shapes(&chain);
}
