use base64::{Engine, engine::general_purpose::STANDARD};

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
fn elements_that_draw_others_are_followed() {
    for reference in [
        "<use href=\"#aN\"/>",
        "<use xlink:href='#aN'/>",
        "<s:use xlink:href=\"&#35;aN\"/>",
        "<use href=\"#%61N\"/>",
        "<rect><set attributeName=\"fill\" to=\"url(#aN)\"/></rect>",
        "<rect fill=\"URL(#aN)\"/>",
        "<rect style=\"FILL : uRl( '#%61N' ) ! important\"/>",
        "<rect style=\"fill/**/:/*;*/url(#aN)\"/>",
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
fn inherited_references_count_for_every_shape() {
    let pattern = format!("<pattern id=\"p\">{}</pattern>", "<rect/>".repeat(100));
    let many = "<rect/>".repeat(100);
    assert!(shapes(&format!("{pattern}<g fill=\"url(#p)\">{many}</g>")) > 10_000);
    let marker = format!("<marker id=\"m\">{}</marker>", "<rect/>".repeat(100));
    let path = format!("<path d=\"{}\"/>", "1 ".repeat(1000));
    assert!(shapes(&format!("{marker}<g marker-mid=\"url(#m)\">{path}</g>")) > 100_000);
}

#[test]
fn filters_and_shadows_cost_more() {
    for inner in [
        "<filter><feGaussianBlur stdDeviation=\"1e9\"/></filter>",
        "<filter><feTurbulence numOctaves=\"99\"/></filter>",
        "<filter><feConvolveMatrix order=\"15\"/></filter>",
        "<rect style=\"filter: blur(9px)\"/>",
        "<rect filter=\"drop-shadow(1px 1px 1px red)\"/>",
        "<filter><feTurbulence numOctaves=\"99\" x:numOctaves=\"1\"/></filter>",
        "<text style=\"text-shadow: 1px 1px red, 2px 2px red, 3px 3px red, 4px 4px red, 5px 5px red, \
         6px 6px red, 7px 7px red\">a</text>",
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
fn animated_drawings_cost_more() {
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
fn references_of_sheets_count_for_every_element() {
    let parts = "<clipPath id=\"c\"><rect/></clipPath><linearGradient id=\"g\"/>";
    let sheet = "<style>.a{clip-path:url(#c)}.b{fill:url(\"#g\")}</style>";
    let rects = "<rect/>".repeat(100);
    assert!((100..1000).contains(&shapes(&format!("{sheet}{parts}{rects}"))));
    let patterns: String = (0..9)
        .map(|n| format!("<pattern id=\"p{n}\">{rects}</pattern>"))
        .collect();
    let sheet: String = (0..9).map(|n| format!("rect{{fill:url(#p{n})}}")).collect();
    let all = format!("<style>{sheet}</style>{patterns}<rect class=\"a0\"/>");
    assert!(shapes(&all) > 1_000_000);
    for sheet in [
        "rect{fill:URL(#p0)}",
        "rect{fill:url('#%700')}",
        "a,rect{FILL : Url( #p0 )}",
    ] {
        let all = format!("<style>{sheet}</style>{patterns}");
        assert!(shapes(&all) > 50_000, "{sheet}");
    }
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
        let base64 = STANDARD.encode(inner);
        inner = drawing(
            &format!("<image xlink:href=\"data:image/svg+xml;base64,{base64}\"/>").repeat(5),
        );
    }
    let cost = of_bytes(inner.as_bytes(), 0).expect("it can be told");
    assert!(cost.shapes > 100_000, "{}", cost.shapes);
}

#[test]
fn drawings_that_cannot_be_followed_are_refused() {
    for inner in [
        "<g id=\"a\"><use href=\"#a\"/></g>",
        "<g id=\"a\"><use href=\"#b\"/></g><g id=\"b\"><use href=\"#a\"/></g>",
        "<style>@import 'data:text/css,x'</style>",
        "<style>rect{fill:u\\72l(#a)}</style>",
        "<style>rect{fill:&#117;rl(#a)}</style>",
        "<rect style=\"background:url(data:image/svg+xml,x)\"/>",
        "<image href=\"data:image/svg+xml,%3Csvg\"/>",
        "<use x:href=\"#a\"/>",
        "<g id=\"a1\" x:id=\"z\" xmlns:x=\"u\"/>",
        "<g id=\"a1\" xml:id=\"z\"/>",
        "<g id=\"a1\" id=\"z\"/>",
        "<use href=\"x.svg#a\"/>",
        "<use href=\"\"><set attributeName=\"href\" to=\"#a\"/></use>",
        "<image href=\"DATA:image/png;base64,iVBORw0KGgo=\"/>",
        "<image href=\"data:image/PNG;base64,iVBORw0KGgo=\"/>",
        "<image href=\"data:image/png;x=y;base64,iVBORw0KGgo=\"/>",
        "<image href=\"https://example.org/a.png\"/>",
        "<use href=\"data:image/svg+xml;base64,iVBORw0KGgo=\"/>",
        "<foreignObject><b xmlns=\"http://www.w3.org/1999/xhtml\">a</b></foreignObject>",
        "<h:img xmlns:h=\"http://www.w3.org/1999/xhtm&#108;\"/>",
        "<img src=\"data:image/png;base64,iVBORw0KGgo=\"/>",
        "<rect style=\"fill:url(data:image/png;base64,iVBORw0KGgo=)\"/>",
        "<rect cursor=\"url(a.png)\"/>",
        "<rect style=\"--p:url(#p);fill:var(--p)\"/>",
        "<rect style=\"fill:VAR(--p)\"/>",
        "<rect fill=\"var(--p)\"/>",
        "<rect fill=\"u\\72l(#p)\"/>",
        "<style>rect{fill:attr(x)}</style>",
        "<style>rect{fill:env(x)}</style>",
        "<style>@property --p{initial-value:url(#p)}</style>",
        "<style>@font-face{font-family:a}</style>",
        "<style>rect{background:image-set('a.png' 1x)}</style>",
        "<style>svg{-webkit-box-shadow:0 0 99px red}</style>",
        "<style>svg{-webkit-mask:url(#a)}</style>",
        "<style>svg{-webkit-box-reflect:below}</style>",
        "<style>svg{background-blend-mode:multiply}</style>",
        "<style>svg{columns : 1000}</style>",
        "<style>a{fill:red}/*{*/b{columns:9}</style>",
        "<style>a[b='}']{fill:'{';columns:9}</style>",
        "<rect style=\"background:linear-gradient(red,blue)\"/>",
        "<g x:style=\"columns:1000\"/>",
        "<text>&a;</text>",
        "<text x=\"&a;\"/>",
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
        "<!DOCTYPE svg SYSTEM \"a>b\" [<!ENTITY a \"<g/>\">]>",
        "<!DOCTYPE svg SYSTEM '\">' [<!ENTITY a '<g/>'>]>",
        "<!DOCTYPE svg PUBLIC \"a",
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
        let base64 = STANDARD.encode(deep);
        deep = drawing(&format!(
            "<image href=\"data:image/svg+xml;base64,{base64}\"/>"
        ));
    }
    assert!(of_bytes(deep.as_bytes(), 0).is_err());
}

#[test]
fn a_figure_of_matplotlib_is_cheap() {
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
fn deep_and_large_drawings_are_counted() {
    let deep = |times| format!("{}{}", "<g>".repeat(times), "</g>".repeat(times));
    assert_eq!(shapes(&deep(30_000)), 30_001);
    // Counting ends after one element too many.
    assert_eq!(shapes(&deep(300_000)), super::MAX_DRAWING.shapes + 1);
    let chain: String = (1..15_000)
        .map(|n| format!("<g id=\"a{n}\"><use href=\"#a{}\"/></g>", n - 1))
        .collect();
    shapes(&chain);
}

#[test]
fn colours_and_words_are_no_references() {
    assert!(shapes("<g id=\"fff\"><rect fill=\"#fff\" stroke=\"#fff\"/></g>") < 10);
    assert!(shapes("<g id=\"fff\"><rect style=\"fill:#fff\"/></g>") < 10);
    // The metadata of editors costs nothing.
    let noted = "<metadata><rdf:RDF><cc:Work rdf:about=\"\"><dc:type rdf:resource=\"http://a\"/>\
                 </cc:Work></rdf:RDF></metadata><sodipodi:namedview id=\"n\" \
                 inkscape:label=\"a\\b &amp; url(x)\" inkscape:zoom=\"1\"/>\
                 <text xml:space=\"preserve\" style=\"-inkscape-font-specification:'A, B'\">a</text>";
    assert!(shapes(noted) < 40);
}

#[test]
fn dashes_are_counted_by_the_length_of_lines() {
    for dashed in [
        "<circle r=\"250\" stroke-dasharray=\".004\"/>",
        "<circle r=\"250\" style=\"stroke-dasharray:.004 .004\"/>",
        "<circle r=\"250\" stroke-dasharray=\"4e-3\"/>",
        "<circle r=\"250\" stroke-dasharray=\".001%\"/>",
        "<circle r=\"250\" stroke-dasharray=\"calc(1px / 250)\"/>",
        "<circle r=\"250\" pathLength=\"1e9\" stroke-dasharray=\"1\"/>",
        "<g transform=\"scale(1e-4)\"><circle r=\"2.5e6\" stroke-dasharray=\"1\"/></g>",
        "<style>circle{stroke-dasharray:.004}</style><circle r=\"250\"/>",
        "<g stroke-dasharray=\".004\"><circle r=\"250\"/></g>",
        "<circle id=\"c\" r=\"250\"/><use href=\"#c\" stroke-dasharray=\".004\"/>",
        "<path d=\"M0 0h-300v-300h300.5.5z\" stroke-dasharray=\".004\"/>",
        "<rect width=\"100%\" height=\"9\" stroke-dasharray=\"1\"/>",
        "<circle r=\"1\" stroke-dasharray=\"1\"><animate attributeName=\"r\" by=\"9\" accumulate=\"sum\"/></circle>",
        "<rect style=\"width:99em\" stroke-dasharray=\"1\"/>",
    ] {
        assert!(shapes(dashed) > 4000, "{dashed}: {}", shapes(dashed));
    }
    for dashed in [
        "<path d=\"M0 0 L400 300\" style=\"stroke-dasharray: 0.8,1.32; stroke-dashoffset: 0\"/>",
        "<path d=\"M0 0 L400 300\" stroke-dasharray=\"5,2\"/>",
        "<path d=\"M0 0H400\" style=\"stroke-dasharray: 3px, 3px; vector-effect: non-scaling-stroke\"/>",
        "<circle r=\"250\" stroke-dasharray=\"none\"/>",
    ] {
        assert!(shapes(dashed) < 80, "{dashed}: {}", shapes(dashed));
    }
    for unknown in [
        "<text font-size=\"9999\" stroke-dasharray=\"1\">a</text>",
        "<text style=\"font-size:900%\" stroke-dasharray=\"1\">a</text>",
        "<g transform=\"scale(1e4)\"><circle r=\"9\" stroke-dasharray=\"1\" \
         vector-effect=\"non-scaling-stroke\"/></g>",
        "<svg viewBox=\"0 0 1 1\"><circle r=\"1\" stroke-dasharray=\"1\" \
         vector-effect=\"non-scaling-stroke\"/></svg>",
    ] {
        refusal(&drawing(unknown));
    }
}

#[test]
fn dashes_on_the_screen_are_counted_by_the_length_there() {
    let dashed = |view: &str| {
        let inner = "<circle r=\"1\" stroke-dasharray=\"1\" vector-effect=\"non-scaling-stroke\"/>";
        let xml = format!("<svg viewBox=\"{view}\">{inner}</svg>");
        of_bytes(xml.as_bytes(), 0).expect("it can be told").shapes
    };
    assert!(dashed("0 0 700 450") < 10);
    assert!(dashed("0 0 1e-3 1e-3") > 4000);
}

#[test]
fn resources_inherit_from_their_ancestors() {
    let rects = "<rect/>".repeat(100);
    let pattern = format!("<pattern id=\"p\">{rects}</pattern>");
    let inner = format!(
        "{pattern}<g fill=\"url(#p)\"><marker id=\"m\">{rects}</marker></g>\
         <path d=\"{}\" marker-mid=\"url(#m)\"/>",
        "1 ".repeat(100)
    );
    assert!(shapes(&inner) > 1_000_000, "{}", shapes(&inner));
}

#[test]
fn references_of_class_rules_add_up() {
    let sheet: String = (0..10)
        .map(|n| format!(".cls-{n}{{clip-path:url(#c{n});}}.cls-{n}{{clip-path:url(#c{n});}}"))
        .collect();
    let clips: String = (0..10)
        .map(|n| format!("<clipPath id=\"c{n}\"><rect class=\"cls-99\"/></clipPath>"))
        .collect();
    let groups: String = (0..10)
        .map(|n| {
            format!(
                "<g class=\"cls-{n}\">{}</g>",
                "<path d=\"M0 0h9\"/>".repeat(30)
            )
        })
        .collect();
    let illustrator = |sheet: &str| shapes(&format!("<style>{sheet}</style>{clips}{groups}"));
    let plain = illustrator(&sheet);
    assert!((1000..20_000).contains(&plain), "{plain}");
    // A clip path may be clipped again where a rule applies to its own shapes.
    assert!(illustrator(&sheet.replace(".cls-9{", ".cls-9,rect{")) > 1_000_000);
    assert!(illustrator(&sheet.replace(".cls-9{", ".cls-99{")) > 1_000_000);
}

/// A figure as matplotlib writes it: axes of so many panels, each with marked points and labels.
fn matplotlib(panels: usize, points: usize) -> String {
    let marker = "M 0 3 C 0.795609 3 1.55874 2.683901 2.12132 2.12132 ".repeat(5);
    let glyph = "M 1019 4116 L 1625 3497 Q 2450 2638 2356 4750 z ".repeat(14);
    let glyphs: String = (0..30)
        .map(|n| {
            format!("<path id=\"DejaVuSans-{n}\" d=\"{glyph}\" transform=\"scale(0.015625)\"/>")
        })
        .collect();
    let point = |n: usize, panel: usize| {
        format!(
            "<use xlink:href=\"#m{panel}\" x=\"{n}.34375\" y=\"126.1234\" \
             style=\"fill: #1f77b4; stroke: #1f77b4\"/>"
        )
    };
    let label = |n: usize, panel: usize| {
        format!(
            "<g id=\"text_{panel}_{n}\"><g transform=\"translate(57.9 280.4) scale(0.1 -0.1)\">{}</g></g>",
            (0..4)
                .map(|at| format!(
                    "<use xlink:href=\"#DejaVuSans-{at}\" transform=\"translate({at} 0)\"/>"
                ))
                .collect::<String>()
        )
    };
    let panels: String = (0..panels)
        .map(|panel| {
            let points: String = (0..points).map(|n| point(n, panel)).collect();
            let labels: String = (0..12).map(|n| label(n, panel)).collect();
            format!(
                "<g id=\"axes_{panel}\"><defs><path id=\"m{panel}\" d=\"{marker}\" \
                 style=\"stroke: #1f77b4\"/></defs><g clip-path=\"url(#p{panel})\">{points}</g>{labels}\
                 <path d=\"M 57.6 41.4 L 414.7 41.4\" clip-path=\"url(#p{panel})\" style=\"fill: none; \
                 stroke-dasharray: 3.7,1.6; stroke-dashoffset: 0; stroke: #b0b0b0\"/></g>\
                 <defs><clipPath id=\"p{panel}\"><rect x=\"57.6\" width=\"357.1\"/></clipPath></defs>"
            )
        })
        .collect();
    let sheet = "<style type=\"text/css\">*{stroke-linejoin: round; stroke-linecap: butt}</style>";
    drawing(&format!("<defs>{sheet}{glyphs}</defs>{panels}"))
}

#[test]
fn ordinary_plots_fit_the_budgets() {
    let cost = |panels, points| {
        let cost = of_bytes(matplotlib(panels, points).as_bytes(), 0);
        cost.expect("it is plain")
    };
    for (panels, points) in [(1, 150), (1, 0)] {
        let tile = cost(panels, points);
        assert_eq!(
            tile.beyond(super::super::TILE_BUDGET.output),
            None,
            "{points}: {tile:?}"
        );
    }
    for (panels, points) in [(1, 2000), (16, 150)] {
        let page = cost(panels, points);
        assert_eq!(
            page.beyond(super::super::PAGE_BUDGET.output),
            None,
            "{points}: {page:?}"
        );
    }
}

#[test]
fn drawings_of_other_libraries_are_cheap() {
    for inner in [
        "<g id=\"graph0\" class=\"graph\" transform=\"scale(1 1) rotate(0) translate(4 112)\"><title>G</title>\
         <polygon fill=\"white\" stroke=\"none\" points=\"-4,4 -4,-112\"/><a xlink:href=\"https://example.org\" \
         xlink:title=\"a\"><text text-anchor=\"middle\" font-family=\"Times,serif\" font-size=\"14.00\">a&#45;b</text></a>\
         <path fill=\"none\" stroke=\"black\" stroke-dasharray=\"5,2\" d=\"M27,-71C27,-64 27,-55 27,-46\"/></g>",
        "<g class=\"xtick\" style=\"opacity: 1; mix-blend-mode: normal\"><text style=\"font-family: 'Open Sans', verdana; \
         font-size: 12px; fill: rgb(42, 63, 95); fill-opacity: 1; white-space: pre; text-shadow: none; cursor: default; \
         vector-effect: none; text-decoration-line: none\" transform=\"translate(0,1)scale(1,1)\">1</text></g>\
         <path style=\"vector-effect: non-scaling-stroke; stroke-dasharray: 3px, 3px\" d=\"M0,9h9\"/>",
        "<style type='text/css'><![CDATA[\n .svglite line, .svglite rect { fill: none; stroke: #000000; \
         stroke-miterlimit: 10.00; }\n .svglite text { white-space: pre; }\n]]></style>\
         <rect width='100%' height='100%' style='stroke: none; fill: #FFFFFF;'/>\
         <text style='font-size: 8.80px; font-family: \"Arial\";' textLength='9.7px'>a</text>",
        "<g fill=\"none\" stroke-miterlimit=\"10\"><path aria-label=\"a: url(1); b\\c\" d=\"M0,0\"/></g>",
    ] {
        assert!(shapes(inner) < 500, "{inner}: {}", shapes(inner));
    }
}
