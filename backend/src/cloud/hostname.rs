//! The hostname of a node: `alpha-lab` and `alpha-lab.pipal.in` are the same.

use anyhow::bail;

/// The longest name of a host, in bytes.
const MAX_HOSTNAME_BYTES: usize = 253;

/// A name below the base domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeHostname {
    /// Below the base domain, as a record names it.
    pub(crate) label: String,
    /// The whole name.
    pub(crate) full: String,
}

impl NodeHostname {
    /// # Errors
    /// When it is no name of a host below `base_domain`.
    pub(crate) fn parse(text: &str, base_domain: &str) -> anyhow::Result<Self> {
        let text = text.trim_end_matches('.').to_ascii_lowercase();
        let base = base_domain.trim_matches('.').to_ascii_lowercase();
        if text == base {
            bail!("{text} is the domain itself: a node has a name below it, such as lab.{base}");
        }
        let label = text
            .strip_suffix(&base)
            .and_then(|label| label.strip_suffix('.'));
        // A name with a dot that is not below the domain is another domain's, and no name below it.
        if label.is_none() && text.contains('.') {
            bail!(
                "{text} is not below {base}: give a name below it, or set base_domain in the \
                 settings to the domain that DigitalOcean serves"
            );
        }
        let label = label.unwrap_or(&text).to_owned();
        let full = format!("{label}.{base}");
        if !label.split('.').all(is_label) || full.len() > MAX_HOSTNAME_BYTES {
            bail!(
                "{text:?} is no name of a host: letters, digits and dashes, as in alpha-lab or \
                 alpha-lab.{base}"
            );
        }
        Ok(Self { label, full })
    }
}

/// Whether this can be one part of a hostname, and the name of a droplet.
pub(super) fn is_label(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(is_plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_hostname_are_the_same_node() {
        let parse = |text| NodeHostname::parse(text, "pipal.in").unwrap();
        assert_eq!(parse("alpha-lab"), parse("alpha-lab.pipal.in"));
        assert_eq!(parse("Alpha-Lab.Pipal.in."), parse("alpha-lab"));
        assert_eq!(parse("alpha-lab").full, "alpha-lab.pipal.in");
        assert_eq!(parse("a.b.pipal.in").label, "a.b");
    }

    #[test]
    fn what_is_no_name_below_the_domain_is_refused() {
        for text in [
            "pipal.in",
            "lab.example.org",
            "",
            "-a",
            "a_b",
            "a b",
            "a..b.pipal.in",
            "@",
        ] {
            assert!(NodeHostname::parse(text, "pipal.in").is_err(), "{text}");
        }
        assert!(NodeHostname::parse("xpipal.in", "pipal.in").is_err());
    }
}
