//! The version of the participants' package, as a request says it, and which of two is older.

use std::cmp::Ordering;

/// What the package calls itself in `User-Agent`, before its version.
const PACKAGE: &str = "pipalhub-singleuser/";
/// The longest version that is believed to be one.
const VERSION_MAX: usize = 32;

/// The version in the header `User-Agent` of the participants' package; `None` for a header of
/// others, and for one whose version Python's packages cannot have.
#[must_use]
pub fn version_of_agent(agent: &str) -> Option<String> {
    let version = agent.strip_prefix(PACKAGE)?;
    let is_version = version.len() <= VERSION_MAX
        && version.starts_with(|first: char| first.is_ascii_digit())
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".!+-_".contains(&byte));
    is_version.then(|| version.to_owned())
}

/// Whether `version` is older than `other`, by their releases and by which is before its release.
/// Local parts (`+…`) and the order of several that are before one release do not count.
#[must_use]
pub fn is_older(version: &str, other: &str) -> bool {
    let ((numbers, before), (other_numbers, other_before)) = (release(version), release(other));
    match compare(&numbers, &other_numbers) {
        Ordering::Less => true,
        Ordering::Equal => before && !other_before,
        Ordering::Greater => false,
    }
}

/// The epoch and the numbers of the release, and whether this version is before it.
fn release(version: &str) -> (Vec<u64>, bool) {
    let version = version.split('+').next().unwrap_or_default();
    let (epoch, rest) = version.split_once('!').unwrap_or(("0", version));
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (numbers, suffix) = rest.split_at(end.unwrap_or(rest.len()));
    let numbers = numbers.split('.').filter(|number| !number.is_empty());
    let numbers = std::iter::once(epoch).chain(numbers);
    let numbers = numbers.map(|number| number.parse().unwrap_or(u64::MAX));
    let suffix = suffix
        .trim_start_matches(['-', '_', '.'])
        .to_ascii_lowercase();
    let is_before = ["a", "b", "c", "rc", "pre", "dev"]
        .iter()
        .any(|word| suffix.starts_with(word));
    (numbers.collect(), is_before)
}

/// Compares two releases; one that has fewer numbers has zeros there.
fn compare(one: &[u64], other: &[u64]) -> Ordering {
    let number = |release: &[u64], at: usize| release.get(at).copied().unwrap_or(0);
    (0..one.len().max(other.len()))
        .map(|at| number(one, at).cmp(&number(other, at)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_believed_only_when_it_can_be_one() {
        for version in ["0.1.0", "1!2.0rc1", "0.2.0.dev3+g12ab", "1.0.post1"] {
            let agent = format!("pipalhub-singleuser/{version}");
            assert_eq!(version_of_agent(&agent).as_deref(), Some(version));
        }
        for agent in [
            "",
            "curl/8.5",
            "pipalhub-singleuser",
            "pipalhub-singleuser/",
            "pipalhub-singleuser/unknown",
            "pipalhub-singleuser/0.1.0 (of mine)",
            "pipalhub-singleuser/1<script>alert(1)</script>",
            "pipalhub-singleuser/1\u{202e}0",
            "Mozilla pipalhub-singleuser/0.1.0",
            &format!("pipalhub-singleuser/1.{}", "0".repeat(VERSION_MAX)),
        ] {
            assert_eq!(version_of_agent(agent), None, "{agent}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_releases() {
        for (older, newer) in [
            ("0.1.0", "0.1.1"),
            ("0.9", "0.10"),
            ("0.1.0rc1", "0.1.0"),
            ("0.2.dev1", "0.2"),
            ("2.0", "1!1.0"),
        ] {
            assert!(is_older(older, newer), "{older} {newer}");
            assert!(!is_older(newer, older), "{newer} {older}");
        }
        for (one, other) in [("0.1", "0.1.0"), ("0.1.0+mine", "0.1.0"), ("1", "1")] {
            assert!(
                !is_older(one, other) && !is_older(other, one),
                "{one} {other}"
            );
        }
        // As long as it may be, and no number that fits.
        assert!(!is_older(&"9".repeat(VERSION_MAX), "0.1.0"));
    }
}
