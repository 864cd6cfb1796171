//! Names in an archive, which is unpacked on other machines.
//!
//! On the service's own disk a name may be anything, and `ANA` is not `ana` (see
//! [`super::layout`]). Windows allows fewer names, and Windows and macOS distinguish neither case
//! nor two spellings of one `é`: there one file would overwrite another. So a name that cannot be
//! written everywhere, or would mislead a reader, is cut and gets a checksum, and so does the
//! second of two names that would be one.

use std::collections::{HashMap, hash_map::Entry};

use icu_normalizer::ComposingNormalizer;
use icu_properties::{CodePointMapData, props::GeneralCategory};
use sha2::{Digest, Sha256};

/// Characters that are kept of a name that has to change.
const KEPT_NAME_CHARS: usize = 40;

/// The names that were given: the path that has each name, by the name as such a file system
/// compares it.
#[derive(Default)]
pub(crate) struct PortableNames(HashMap<String, String>);

impl PortableNames {
    /// The path in the archive of the folder or file at `place`: each of its folders, and itself,
    /// keeps its name if it can.
    pub(crate) fn of(&mut self, place: &str) -> String {
        let mut named = String::new();
        for (end, _) in place.match_indices('/').chain([(place.len(), "")]) {
            named = self.below(&named, &place[..end]);
        }
        named
    }

    /// The same, for a file or folder in the folder that is called `above` in the archive.
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

/// The name as a file system compares it that distinguishes neither case nor two spellings of one
/// letter. It may equate two names that are different to most file systems.
fn fold(text: &str) -> String {
    let compose = ComposingNormalizer::new_nfc();
    let folded = compose.normalize(text).to_uppercase().to_lowercase();
    compose.normalize(&folded).into_owned()
}

fn is_portable(name: &str) -> bool {
    !(name.contains(is_unwritable) || name.ends_with(['.', ' ']) || is_device(&fold(name)))
}

/// Whether a name on Windows cannot have this character, or it is invisible or reverses the text
/// after it.
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

/// Whether Windows reserves this name in every folder, whatever follows a dot.
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

/// The characters of `name` that can be written, a checksum of its path, and its ending.
fn marked(name: &str, place: &str) -> String {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ["html", "ipynb"].contains(&ending) => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let plain = stem.chars().map(|c| if is_unwritable(c) { '-' } else { c });
    let plain: String = plain.take(KEPT_NAME_CHARS).collect();
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
    fn a_portable_name_is_kept() {
        let mut names = PortableNames::default();
        for place in ["m 1/day#1/Ü %20.html", "M1", "console/com10.html", "a.b/c"] {
            assert_eq!(names.of(place), place);
        }
    }

    #[test]
    fn a_name_windows_forbids_is_cut_and_keeps_its_ending() {
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
            let name = PortableNames::default().of(&format!("m1/{own}"));
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
    fn names_that_would_be_one_stay_different() {
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
        let mut names = PortableNames::default();
        let given: Vec<String> = places.iter().map(|place| names.of(place)).collect();
        assert_eq!(given[0], places[0]);
        // Files of one folder stay together, and a second call gives the same names.
        let above = |at: usize| given[at].rsplit_once('/').unwrap().0;
        assert_eq!(above(3), above(7));
        let again: Vec<String> = places.iter().map(|place| names.of(place)).collect();
        assert_eq!(again, given);
        let different: HashSet<String> = given.iter().map(|name| fold(name)).collect();
        assert_eq!(different.len(), places.len(), "{given:?}");
    }

    proptest! {
        #[test]
        fn every_place_has_its_own_portable_name(
            places in prop::collection::btree_set("([aAäÄ:.]{1,2}/){0,2}[aAß:é\\PC]{1,3}(\\.html)?", 1..9),
        ) {
            let mut names = PortableNames::default();
            let mut given = HashSet::new();
            for place in &places {
                let name = names.of(place);
                prop_assert!(name.split('/').all(is_portable), "{name}");
                prop_assert!(given.insert(fold(&name)), "{name}");
            }
        }
    }
}
