//! The site of nginx in front of a Hub: `etc/nginx/site.conf.template` filled in.

use super::{
    site_value::{BasePath, HubAddress, ServiceName, SiteFile, SiteHost},
    template::TemplateValues,
};

const TEMPLATE: &str = include_str!("../../../etc/nginx/site.conf.template");

const CHALLENGE_TEMPLATE: &str = include_str!("../../../etc/nginx/challenge.conf.template");

/// Characters of a name up to which nginx takes it without being told, on every processor.
const MAX_SHORT_NAME_CHARS: usize = 40;

/// What a site is made of.
pub(crate) struct SiteSettings {
    /// Its names; the first is the one that its certificate is called after.
    pub(crate) hosts: Vec<SiteHost>,
    /// `None` for a site without TLS.
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) hub: HubAddress,
    pub(crate) base: BasePath,
    /// The service's name in the Hub.
    pub(crate) service: ServiceName,
    /// The folder with the files that a certificate authority asks for.
    pub(crate) acme_webroot: Option<SiteFile>,
    /// Whether it listens on IPv6 as well.
    pub(crate) ipv6: bool,
}

/// What a site with TLS has in addition.
pub(crate) struct TlsSettings {
    /// Where its certificate is, with those between it and the authority's; `None` for where
    /// certbot has it. The key is beside it there.
    pub(crate) certificate_and_key: Option<(SiteFile, SiteFile)>,
    /// Whether browsers come by HTTPS only, for a year.
    pub(crate) hsts: bool,
}

impl SiteSettings {
    /// The site's file.
    ///
    /// # Panics
    /// When there is no host.
    pub(crate) fn site(&self) -> String {
        let first = self.hosts.first().expect("a site has a name");
        let names: Vec<&str> = self.hosts.iter().map(SiteHost::as_str).collect();
        let certbot = || {
            let file = |name| SiteFile::of_certbot(first, name);
            (file("fullchain.pem"), file("privkey.pem"))
        };
        let files = self.tls.as_ref().map(|tls| {
            let given = tls.certificate_and_key.clone();
            given.unwrap_or_else(certbot)
        });
        let mut values = TemplateValues::default()
            .value("names", names.join(" "))
            .value("hub", self.hub.as_str())
            .value("base", self.base.as_str())
            .value("base_pattern", self.base.pattern())
            .value("service", self.service.as_str())
            // Sites beside each other cannot have one zone.
            .value("sign_in_zone", zone_of(first, self.tls.is_some()))
            .condition("tls", self.tls.is_some())
            .condition("plain", self.tls.is_none())
            .condition("hsts", self.tls.as_ref().is_some_and(|tls| tls.hsts))
            .condition("acme", self.acme_webroot.is_some())
            .condition("ipv6", self.ipv6)
            .condition("below", self.base.as_str() != "/")
            .condition(
                "long_names",
                names.iter().any(|name| name.len() > MAX_SHORT_NAME_CHARS),
            );
        if let Some((certificate, key)) = &files {
            values = values
                .value("certificate", certificate.as_str())
                .value("key", key.as_str());
        }
        if let Some(webroot) = &self.acme_webroot {
            values = values.value("acme_webroot", webroot.as_str());
        }
        values.fill_in(TEMPLATE)
    }
}

/// The name of the memory in which nginx counts a site's attempts to sign in.
fn zone_of(host: &SiteHost, is_tls: bool) -> String {
    let name: String = host
        .domain()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let kind = if is_tls { "tls" } else { "plain" };
    format!("pipalhub_sign_in_{kind}_{name}")
}

/// The site of a host that has no certificate yet: its authority's questions are answered from the
/// folder, and nothing else.
pub(crate) fn challenge_site(host: &SiteHost, acme_webroot: &str, ipv6: bool) -> String {
    TemplateValues::default()
        .value("names", host.as_str())
        .value("acme_webroot", acme_webroot)
        .condition("ipv6", ipv6)
        .fill_in(CHALLENGE_TEMPLATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site_of(host: &str) -> SiteSettings {
        SiteSettings {
            hosts: vec![host.parse().expect("it is a name")],
            tls: Some(TlsSettings {
                certificate_and_key: None,
                hsts: false,
            }),
            hub: "127.0.0.1:8000".parse().expect("it is an address"),
            base: "/".parse().expect("it is a path"),
            service: "dashboard".parse().expect("it is a name"),
            acme_webroot: None,
            ipv6: true,
        }
    }

    #[test]
    fn the_sample_is_what_the_command_prints() {
        let sample = include_str!("../../../etc/nginx/pipalhub.conf.sample");
        let printed = site_of("hub.example.org").site();
        assert!(
            sample == printed,
            "write it anew: target/debug/pipalhub nginx-site hub.example.org \
             > etc/nginx/pipalhub.conf.sample"
        );
    }

    #[test]
    fn a_certificate_is_certbots_of_the_first_name_unless_it_is_given() {
        let mut settings = site_of("*.hub.example.org");
        let live = "/etc/letsencrypt/live/hub.example.org";
        let certificate = format!("ssl_certificate     {live}/fullchain.pem;");
        assert!(settings.site().contains(&certificate));
        assert!(settings.site().contains(&format!("{live}/privkey.pem;")));
        let file = |path: &str| path.parse().expect("it is a path");
        settings.tls = Some(TlsSettings {
            certificate_and_key: Some((file("/a/cert.pem"), file("/a/key.pem"))),
            hsts: true,
        });
        let site = settings.site();
        assert!(site.contains("ssl_certificate     /a/cert.pem;"));
        assert!(site.contains("ssl_certificate_key /a/key.pem;"));
        assert!(site.contains("max-age=31536000"));
    }

    #[test]
    fn what_is_not_asked_for_is_not_there() {
        let mut settings = site_of("hub.example.org");
        assert!(!settings.site().contains("Strict-Transport-Security"));
        assert!(!settings.site().contains("acme-challenge"));
        settings.tls = None;
        settings.ipv6 = false;
        let site = settings.site();
        for word in ["ssl", "443", "[::]", "301", "#if", "{{"] {
            assert!(!site.contains(word), "{word} in {site}");
        }
    }
}
