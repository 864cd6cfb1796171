//! The Hub's address as browsers have it, and where connections to it go instead.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::http::Uri;

/// Where a class finds the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassAddress {
    pub(super) is_tls: bool,
    /// A name or a number; a number of IPv6 in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The Hub's `base_url`, with a slash at both ends.
    pub(super) base: String,
}

impl ClassAddress {
    /// `https://host:port`, as browsers say where a request comes from.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// The host, and the port where it is not the usual one.
    pub(super) fn authority(&self) -> String {
        match self.has_usual_port() {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    pub(super) fn has_usual_port(&self) -> bool {
        self.port == usual_port(self.is_tls)
    }

    /// The host without brackets, as it is looked up and certified.
    pub(super) fn bare_host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// Whether nobody on the way can read along, since there is no way.
    pub(super) fn is_this_machine(&self) -> bool {
        let number = self.bare_host().parse::<IpAddr>();
        self.host == "localhost" || number.is_ok_and(|number| number.is_loopback())
    }

    /// The path of a location that leads to this Hub; `None` when it leads elsewhere.
    pub(super) fn path_of(&self, location: &str) -> Option<String> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Some(location.to_owned());
        }
        let rest = location.strip_prefix(&self.origin())?;
        match rest.starts_with('/') {
            true => Some(rest.to_owned()),
            false => rest.is_empty().then(|| "/".to_owned()),
        }
    }
}

fn usual_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

impl fmt::Display for ClassAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.base)
    }
}

impl FromStr for ClassAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let whole = match text.contains("://") {
            true => text.to_owned(),
            false => format!("https://{text}"),
        };
        let no_address =
            || format!("{text} is no address of a Hub, such as https://alpha-lab.pipal.in");
        let uri: Uri = whole.parse().map_err(|_| no_address())?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(no_address()),
        };
        let authority = uri.authority().ok_or_else(no_address)?;
        if authority.as_str().contains('@') {
            return Err("an address has no user or password in it: --as says who signs in".into());
        }
        let port = match authority.port_u16() {
            Some(0) => return Err(no_address()),
            Some(port) => port,
            // A port that is none.
            None if authority.as_str() != authority.host() => return Err(no_address()),
            None => usual_port(is_tls),
        };
        // The address of a page of the Hub's, copied out of a browser, is taken for the Hub's.
        let path = uri.path();
        let pages = ["/hub/", "/services/", "/user/"];
        let end = pages.iter().filter_map(|page| path.find(page)).min();
        let base = path[..end.unwrap_or(path.len())].trim_end_matches('/');
        let base = base.strip_suffix("/hub").unwrap_or(base);
        Ok(Self {
            is_tls,
            host: authority.host().to_ascii_lowercase(),
            port,
            base: format!("{base}/"),
        })
    }
}

/// Where connections go in place of where the name leads: `ADDR`, `ADDR:PORT`, or with the port
/// that it is for before it, `443=ADDR:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectTo {
    of_port: Option<u16>,
    to: IpAddr,
    to_port: Option<u16>,
}

impl ConnectTo {
    /// Where a connection to this port goes, if this says so.
    pub(super) fn target(self, port: u16) -> Option<SocketAddr> {
        let is_meant = self.of_port.is_none_or(|of| of == port);
        is_meant.then(|| SocketAddr::new(self.to, self.to_port.unwrap_or(port)))
    }
}

impl FromStr for ConnectTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is not ADDR, ADDR:PORT or PORT=ADDR:PORT, in numbers");
        let (of_port, to) = match text.split_once('=') {
            Some((port, to)) => (Some(port.parse().map_err(|_| wrong())?), to),
            None => (None, text),
        };
        if let Ok(whole) = to.parse::<SocketAddr>() {
            return Ok(Self {
                of_port,
                to: whole.ip(),
                to_port: Some(whole.port()),
            });
        }
        let to = to.trim_matches(['[', ']']).parse().map_err(|_| wrong())?;
        Ok(Self {
            of_port,
            to,
            to_port: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        text.parse::<ClassAddress>().unwrap().to_string()
    }

    #[test]
    fn an_address_may_be_written_as_people_write_it() {
        assert_eq!(parsed("alpha-lab.pipal.in"), "https://alpha-lab.pipal.in/");
        assert_eq!(parsed("HTTP://Hub.Example:80/"), "http://hub.example/");
        assert_eq!(parsed("https://a.b/class"), "https://a.b/class/");
        assert_eq!(
            parsed("https://a.b/class/hub/login?next=x"),
            "https://a.b/class/"
        );
        assert_eq!(parsed("https://a.b/hub"), "https://a.b/");
        assert_eq!(parsed("https://a.b/user/ana/lab"), "https://a.b/");
        assert_eq!(parsed("http://[::1]:8000"), "http://[::1]:8000/");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ftp://a.b",
            "https://",
            "https://a.b:0",
            "https://a.b:x",
            "a b",
        ] {
            assert!(text.parse::<ClassAddress>().is_err(), "{text}");
        }
        let refused = "https://ines:secret@a.b".parse::<ClassAddress>();
        assert!(refused.unwrap_err().contains("--as"));
    }

    #[test]
    fn only_locations_of_this_hub_are_followed() {
        let address: ClassAddress = "https://a.b".parse().unwrap();
        assert_eq!(address.path_of("/hub/?a=b").as_deref(), Some("/hub/?a=b"));
        assert_eq!(address.path_of("https://a.b/x").as_deref(), Some("/x"));
        assert_eq!(address.path_of("https://a.b").as_deref(), Some("/"));
        for elsewhere in [
            "https://a.b.evil/x",
            "//evil/x",
            "http://a.b/x",
            "https://a.b:444/",
        ] {
            assert_eq!(address.path_of(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn connections_may_go_elsewhere() {
        let target = |text: &str, port| {
            let to = text.parse::<ConnectTo>().unwrap().target(port);
            to.map(|to| to.to_string())
        };
        assert_eq!(target("10.0.0.9", 443).as_deref(), Some("10.0.0.9:443"));
        assert_eq!(target("443=[::1]:8443", 443).as_deref(), Some("[::1]:8443"));
        assert_eq!(target("443=[::1]:8443", 80), None);
        assert_eq!(target("::1", 80).as_deref(), Some("[::1]:80"));
        assert!("localhost".parse::<ConnectTo>().is_err());
    }
}
