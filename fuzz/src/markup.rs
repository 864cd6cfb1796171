//! A strict parser of rendered notebooks, which must be regular markup.

/// Elements that run scripts, load resources, or affect the page around the notebook.
const FORBIDDEN: [&str; 36] = [
    "animate",
    "applet",
    "area",
    "audio",
    "base",
    "body",
    "button",
    "canvas",
    "dialog",
    "embed",
    "foreignobject",
    "form",
    "frame",
    "frameset",
    "head",
    "html",
    "iframe",
    "input",
    "link",
    "maction",
    "map",
    "meta",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "set",
    "source",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "use",
    "video",
];

/// Attributes that a rendered notebook never has, besides those that begin with `on`.
const FORBIDDEN_ATTRIBUTES: [&str; 10] = [
    "action",
    "autofocus",
    "background",
    "formaction",
    "name",
    "ping",
    "poster",
    "srcdoc",
    "srcset",
    "style",
];

/// Elements without an end, of HTML and of MathML.
const VOID: [&str; 5] = ["br", "col", "hr", "img", "wbr"];
const FOREIGN_VOID: [&str; 12] = [
    "mi",
    "mn",
    "mo",
    "mphantom",
    "mprescripts",
    "mrow",
    "mspace",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "none",
];

/// The text with references resolved. Panics at irregular markup, and at markup that could run or
/// load something. Every `id` must begin with `prefix`.
pub(crate) fn read(html: &str, prefix: &str) -> String {
    let mut text = String::new();
    let mut depth = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut text, &rest[..at]);
        rest = tag(&rest[at + 1..], prefix, &mut depth);
    }
    push_text(&mut text, rest);
    // An unclosed element would continue in the markup of the page.
    assert!(depth.is_empty(), "{depth:?} stays open in {html}");
    text
}

/// Parses one tag, without its `<`; returns the rest after it.
fn tag<'h>(rest: &'h str, prefix: &str, depth: &mut Vec<&'h str>) -> &'h str {
    let (closing, rest) = match rest.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let end = rest.find([' ', '/', '>']).expect("a tag ends");
    let (name, mut rest) = rest.split_at(end);
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    assert!(!name.is_empty() && name.bytes().all(plain), "<{name}>");
    assert!(!FORBIDDEN.contains(&name), "<{name}>");
    while let Some(after) = rest.strip_prefix(' ') {
        assert!(!closing, "attributes of </{name}>");
        let (attribute_name, after) = after.split_once("=\"").expect("an attribute has a value");
        let (value, after) = after.split_once('"').expect("a value ends");
        attribute(attribute_name, value, prefix);
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("/>") {
        assert!(FOREIGN_VOID.contains(&name), "<{name}/> is not closed");
        return after;
    }
    if closing {
        assert_eq!(depth.pop(), Some(name), "</{name}>");
    } else if !VOID.contains(&name) {
        depth.push(name);
    }
    rest.strip_prefix('>').expect("a tag ends in >")
}

fn attribute(name: &str, value: &str, prefix: &str) {
    let known = |c: char| c.is_ascii_lowercase() || c == '-';
    assert!(
        !name.is_empty() && name.chars().all(known),
        "the attribute {name}"
    );
    assert!(!name.starts_with("on"), "the attribute {name}");
    assert!(
        !FORBIDDEN_ATTRIBUTES.contains(&name),
        "the attribute {name}"
    );
    assert!(!value.contains(['<', '>']), "the value {value}");
    let start: String = value
        .chars()
        .take(12)
        .collect::<String>()
        .to_ascii_lowercase();
    match name {
        "id" => assert!(value.starts_with(prefix), "the id {value}"),
        "src" => assert!(value.starts_with("data:image/"), "the source {value}"),
        "href" => {
            let fine = ["http:", "https:", "mailto:"]
                .iter()
                .any(|scheme| start.starts_with(scheme));
            let inside = value
                .strip_prefix('#')
                .is_some_and(|id| id.starts_with(prefix));
            assert!(fine || inside, "the link {value}");
        }
        _ => {}
    }
}

fn push_text(out: &mut String, raw: &str) {
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (name, after) = rest[at + 1..].split_once(';').expect("a reference ends");
        match name {
            "amp" => out.push('&'),
            "lt" => out.push('<'),
            "gt" => out.push('>'),
            "quot" => out.push('"'),
            "nbsp" => out.push('\u{a0}'),
            other => {
                let number = other
                    .strip_prefix('#')
                    .and_then(|number| number.parse().ok());
                out.extend(number.and_then(char::from_u32));
            }
        }
        rest = after;
    }
    out.push_str(rest);
}
