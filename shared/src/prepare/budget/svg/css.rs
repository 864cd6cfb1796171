//! What is dear in styles.
//!
//! Style sheets are not parsed: which elements a rule is for is as hard to tell as what a
//! browser does. What a sheet says anywhere is taken to hold for every element; what could
//! say it so that it is not seen here, an escape, an import, a picture, is refused.

/// What of styles costs more than an element, each time it is said.
const DEAR: [(&str, u64); 11] = [
    ("blur(", 2500),
    ("drop-shadow(", 2500),
    ("backdrop-filter", 2500),
    ("box-shadow", 300),
    ("text-shadow", 300),
    ("mask", 100),
    ("mix-blend-mode", 50),
    ("filter", 50),
    ("gradient(", 20),
    ("opacity", 6),
    ("counter", 5),
];

/// Numbers behind these are numbers of boxes.
const REPEATED: [&str; 4] = ["repeat(", "columns:", "column-count:", "span "];

/// What moves what it is said of.
const MOVING: [&str; 4] = ["animation", "transition", "@keyframes", "offset-distance"];

/// What would hide something.
const REFUSED: [(&str, &str); 3] = [
    ("\\", "has escapes in its styles"),
    ("@import", "refers to a style sheet elsewhere"),
    ("data:image", "has pictures in its styles"),
];

/// What styles come to.
#[derive(Default)]
pub(super) struct Styles {
    /// What they add to an element.
    pub(super) weight: u64,
    /// Something moves.
    pub(super) moves: bool,
    /// What they refer to within the drawing.
    pub(super) references: Vec<String>,
}

impl Styles {
    /// What style sheets say, which may hold for any element.
    pub(super) fn of_sheet(css: &str) -> Result<Self, &'static str> {
        if css.contains('&') {
            return Err("has references in its styles");
        }
        let addresses = css.split("url(").skip(1).filter_map(|address| {
            let address = address.split(')').next()?.trim();
            let id = address.trim_matches(['"', '\'']).strip_prefix('#')?;
            Some(id.to_owned())
        });
        Ok(Self {
            references: addresses.collect(),
            ..Self::of_attribute(css)?
        })
    }

    /// What a `style` attribute says, but for what it refers to.
    pub(super) fn of_attribute(css: &str) -> Result<Self, &'static str> {
        let css = css.to_ascii_lowercase();
        let refused = REFUSED.iter().find(|(word, _)| css.contains(word));
        if let Some((_, why)) = refused {
            return Err(why);
        }
        let weight = DEAR.iter().map(|(word, each)| each * times(&css, word));
        let boxes = REPEATED.iter().map(|word| numbers(&css, word));
        Ok(Self {
            weight: weight.chain(boxes).fold(0, u64::saturating_add),
            moves: MOVING.iter().any(|word| css.contains(word)),
            references: Vec::new(),
        })
    }

    /// What an attribute says that stands for a property.
    pub(super) fn of_property(name: &str, value: &str) -> Result<Self, &'static str> {
        Self::of_attribute(&format!("{name}:{value}"))
    }
}

/// How often `css` has `word` by itself: `fill-opacity` is only a colour.
fn times(css: &str, word: &str) -> u64 {
    let found = css.match_indices(word);
    let alone = found.filter(|(at, _)| word.ends_with('(') || !css[..*at].ends_with('-'));
    alone.count() as u64
}

/// The numbers right behind `word`, added up.
fn numbers(css: &str, word: &str) -> u64 {
    let behind = css.split(word).skip(1);
    let numbers = behind.map(|after| {
        let digits = after.trim_start().bytes().take_while(u8::is_ascii_digit);
        digits.fold(0_u64, |number, digit| {
            number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        })
    });
    numbers.fold(0, u64::saturating_add)
}
