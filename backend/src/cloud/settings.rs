//! What whoever makes nodes may choose, in one TOML file; without it, what the original had.

use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

use anyhow::{Context, bail};
use serde::Deserialize;

/// The settings of all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NodeSettings {
    pub(crate) region: String,
    pub(crate) image: String,
    /// The domain whose DNS DigitalOcean serves.
    pub(crate) base_domain: String,
    /// How long others may remember the address, in seconds.
    pub(crate) ttl: u32,
    /// What `--size` may be, and DigitalOcean's name of each.
    pub(crate) sizes: BTreeMap<String, String>,
    /// Whom the certificate authority writes to; nobody when it is empty.
    pub(crate) email: String,
    /// The ACME directory of the certificate authority; Let's Encrypt's when it is empty.
    pub(crate) authority: String,
    /// Whether what runs on a node runs in a container.
    pub(crate) docker: bool,
    pub(crate) ssh_user: String,
    pub(crate) ssh_port: u16,
    /// The longest wait for the droplet to be active, and for it to be gone.
    pub(crate) droplet_wait_seconds: u64,
    /// The longest wait for its first answer by SSH.
    pub(crate) ssh_wait_seconds: u64,
    /// The longest wait for the end of its first start.
    pub(crate) cloud_init_wait_seconds: u64,
    /// The longest time of the setup.
    pub(crate) setup_wait_seconds: u64,
    /// The longest wait for one answer of the API.
    pub(crate) api_timeout_seconds: u64,
    /// The longest wait for a rate limit of the API to end.
    pub(crate) rate_limit_wait_seconds: u64,
    /// The pause between two looks at something that takes time.
    pub(crate) poll_ms: u64,
}

impl Default for NodeSettings {
    fn default() -> Self {
        let sizes = [
            ("small", "s-1vcpu-1gb"),
            ("medium", "s-1vcpu-2gb"),
            ("large", "s-2vcpu-2gb"),
        ];
        Self {
            region: "blr1".to_owned(),
            image: "ubuntu-22-04-x64".to_owned(),
            base_domain: "pipal.in".to_owned(),
            ttl: 300,
            sizes: sizes.map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
            email: String::new(),
            authority: String::new(),
            docker: true,
            ssh_user: "root".to_owned(),
            ssh_port: 22,
            droplet_wait_seconds: 600,
            ssh_wait_seconds: 300,
            cloud_init_wait_seconds: 600,
            setup_wait_seconds: 3600,
            api_timeout_seconds: 60,
            rate_limit_wait_seconds: 300,
            poll_ms: 2000,
        }
    }
}

impl NodeSettings {
    /// Reads the file; that it is not there is an error when it `is_required`.
    ///
    /// # Errors
    /// When the file cannot be read, or says something that there is not.
    pub(crate) fn read(path: &Path, is_required: bool) -> anyhow::Result<Self> {
        let named = || format!("cannot use the settings {}", path.display());
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_required => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error).with_context(named),
        };
        Self::parse(&text).with_context(named)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let settings: Self = toml::from_str(text)?;
        // These are words of a command line, where a dash begins an option.
        let user = &settings.ssh_user;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if user.is_empty() || user.starts_with('-') || !user.chars().all(is_plain) {
            bail!("ssh_user = {user:?} is no name of a user");
        }
        let email = &settings.email;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "@.-_+".contains(c);
        if email.starts_with('-') || !email.chars().all(is_plain) {
            bail!("email = {email:?} is no address: it has letters, digits, @ . - _ + only");
        }
        let authority = &settings.authority;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_~".contains(c);
        if !(authority.is_empty() || authority.starts_with("https://"))
            || !authority.chars().all(is_plain)
        {
            bail!(
                "authority = {authority:?} is no address of an ACME directory: it begins with https://"
            );
        }
        if settings.ttl < 30 {
            bail!("ttl = {}: DigitalOcean takes 30 and more", settings.ttl);
        }
        if settings.poll_ms == 0 {
            bail!("poll_ms = 0: there must be a pause between two calls, such as 2000");
        }
        Ok(settings)
    }

    /// DigitalOcean's name of a size.
    ///
    /// # Errors
    /// When there is none of this name.
    pub(crate) fn size(&self, name: &str) -> anyhow::Result<&str> {
        let known = || self.sizes.keys().map(|key| &**key).collect::<Vec<_>>();
        let found = self.sizes.get(name);
        let found = found.with_context(|| {
            let known = known().join(", ");
            format!("there is no size {name:?}: the settings have {known}")
        })?;
        Ok(found)
    }

    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_without_a_file_are_the_originals() {
        let settings = NodeSettings::parse("").unwrap();
        assert_eq!(settings, NodeSettings::default());
        assert_eq!(settings.region, "blr1");
        assert_eq!(settings.size("large").unwrap(), "s-2vcpu-2gb");
    }

    #[test]
    fn the_file_in_the_documentation_says_what_holds_without_it() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/create-node.md");
        let page = fs::read_to_string(page).unwrap();
        let file = page.split("```toml\n").nth(1).unwrap();
        let file = file.split("```").next().unwrap();
        assert_eq!(NodeSettings::parse(file).unwrap(), NodeSettings::default());
    }

    #[test]
    fn a_file_changes_what_it_names_and_a_wrong_name_is_told() {
        let text = "region = \"fra1\"\nsizes = { huge = \"s-8vcpu-16gb\" }\n";
        let settings = NodeSettings::parse(text).unwrap();
        assert_eq!(settings.size("huge").unwrap(), "s-8vcpu-16gb");
        assert_eq!(settings.base_domain, "pipal.in");
        let refusal = settings.size("small").unwrap_err().to_string();
        assert!(refusal.contains("huge"), "{refusal}");
        for wrong in [
            "regoin = \"x\"",
            "ssh_user = \"-oProxyCommand=x\"",
            "ttl = 1",
            "poll_ms = 0",
        ] {
            let error = NodeSettings::parse(wrong).unwrap_err().to_string();
            let name = wrong.split(' ').next().unwrap();
            assert!(error.contains(name), "{error}");
        }
    }
}
