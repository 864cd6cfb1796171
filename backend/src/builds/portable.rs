//! Names in an archive, which is unpacked on machines of others.
//!
//! On the service's own disk a name may be anything, and `ANA` is not `ana` (see
//! [`super::layout`]). Windows takes fewer names, and it and macOS know neither case nor two
//! spellings of one `é`: there one file would be written over another. So what could not be
//! written everywhere, or not be read as what it is, has its name cut and a checksum, and so
//! has the second of two that would be one.

use std::collections::{HashMap, hash_map::Entry};

use icu_normalizer::ComposingNormalizer;
use icu_properties::{CodePointMapData, props::GeneralCategory};
use sha2::{Digest, Sha256};

/// What is kept of a name that cannot stay, in characters.
const KEPT: usize = 40;

/// The names that were given: which place has one, by the name as it is compared there.
#[derive(Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    /// What the folder or file at `place` is called in the archive: each of the folders it is
    /// in, and itself, keeps its name if it can.
    pub(super) fn of(&mut self, place: &str) -> String {
        let mut named = String::new();
        for (end, _) in place.match_indices('/').chain([(place.len(), "")]) {
            named = self.below(&named, &place[..end]);
        }
        named
    }

    /// The same, for what is in a folder that is called `above`.
    fn below(&mut self, above: &str, place: &str) -> String {
        let own = place.rsplit('/').next().unwrap_or(place);
        let within = |name: &str| match above {
            "" => name.to_owned(),
            above => format!("{above}/{name}"),
        };
        let kept = within(own);
        if !is_portable(own) {
            return within(&marked(own, place));
        }
        match self.0.entry(fold(&kept)) {
            Entry::Occupied(other) if other.get() != place => within(&marked(own, place)),
            Entry::Occupied(_) => kept,
            Entry::Vacant(free) => {
                free.insert(place.to_owned());
                kept
            }
        }
    }
}

/// What a file system compares that knows neither case nor two spellings of one letter. It
/// may take two names for one that are two to most.
fn fold(text: &str) -> String {
    let compose = ComposingNormalizer::new_nfc();
    let folded = compose.normalize(text).to_uppercase().to_lowercase();
    compose.normalize(&folded).into_owned()
}

fn is_portable(name: &str) -> bool {
    !(name.contains(is_unwritable) || name.ends_with(['.', ' ']) || is_device(&fold(name)))
}

/// What cannot be in a name on Windows, and what is not seen or turns the rest of it around.
fn is_unwritable(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    "<>:\"/\\|?*".contains(c)
        || matches!(
            category,
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        )
}

/// Windows has these in every folder, whatever follows a dot.
fn is_device(folded: &str) -> bool {
    let stem = folded.split('.').next().unwrap_or_default().trim_end();
    let is_number = |rest: &str| {
        let mut rest = rest.chars();
        let is_digit = rest.next().is_some_and(|c| "0123456789¹²³".contains(c));
        is_digit && rest.next().is_none()
    };
    let is_port = |port: &str| stem.strip_prefix(port).is_some_and(is_number);
    ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem)
        || is_port("com")
        || is_port("lpt")
}

/// As much of `name` as can be written, a checksum of its place, and its ending.
fn marked(name: &str, place: &str) -> String {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ["html", "ipynb"].contains(&ending) => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let plain = stem.chars().map(|c| if is_unwritable(c) { '-' } else { c });
    let plain: String = plain.take(KEPT).collect();
    let hash = Sha256::digest(place);
    let hash: String = hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("_~{plain}-{hash}{ending}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_stay_stays() {
        let mut names = Names::default();
        for place in ["m 1/day#1/Ü %20.html", "M1", "console/com10.html", "a.b/c"] {
            assert_eq!(names.of(place), place);
        }
    }

    #[test]
    fn what_windows_has_not_is_cut_and_keeps_its_ending() {
        for own in [
            "C:evil.html",
            "a\\b.ipynb",
            "a<b>&\"c.html",
            "a?",
            "a.",
            "a ",
            "nul",
            "Com1.x.html",
            "lpt³ .ipynb",
            "exe.\u{202e}gpj.html",
            "a\u{200b}b.html",
            "a\u{2028}b.html",
        ] {
            let name = Names::default().of(&format!("m1/{own}"));
            let (folder, name) = name.split_once('/').unwrap();
            assert_eq!(folder, "m1");
            assert!(
                name.starts_with("_~") && is_portable(name),
                "{own:?}: {name:?}"
            );
            let ending = |name: &str| name.rsplit_once('.').map(|(_, ending)| ending.to_owned());
            if [".html", ".ipynb"]
                .iter()
                .any(|ending| own.ends_with(ending))
            {
                assert_eq!(ending(name), ending(own));
            }
        }
    }

    #[test]
    fn what_would_be_one_is_two() {
        let places = [
            "M1/a/ana.html",
            "M1/a/ANA.html",
            "M1/A/ana.html",
            "m1/a/ana.html",
            "m1/a/jos\u{e9}.html",
            "m1/a/jose\u{301}.html",
            "m1/a/straße.html",
            "m1/a/strasse.html",
        ];
        let mut names = Names::default();
        let given: Vec<String> = places.iter().map(|place| names.of(place)).collect();
        assert_eq!(given[0], places[0]);
        // What is in one folder stays together, and asked twice it is the same.
        let above = |at: usize| given[at].rsplit_once('/').unwrap().0;
        assert_eq!(above(3), above(7));
        let again: Vec<String> = places.iter().map(|place| names.of(place)).collect();
        assert_eq!(again, given);
        let different: HashSet<String> = given.iter().map(|name| fold(name)).collect();
        assert_eq!(different.len(), places.len(), "{given:?}");
    }

    proptest! {
        #[test]
        fn everything_has_a_name_of_its_own_and_a_good_one(
            places in prop::collection::btree_set("([aAäÄ:.]{1,2}/){0,2}[aAß:é\\PC]{1,3}(\\.html)?", 1..9),
        ) {
            let mut names = Names::default();
            let mut given = HashSet::new();
            for place in &places {
                let name = names.of(place);
                prop_assert!(name.split('/').all(is_portable), "{name}");
                prop_assert!(given.insert(fold(&name)), "{name}");
            }
        }
    }
}
