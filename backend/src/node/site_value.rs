//! The values that a site of nginx is made of. Each is checked where it is read, so that none can
//! end a directive and begin another.

use std::{net::IpAddr, path::Path, str::FromStr};

use thiserror::Error;

/// Most characters of a host's name, and of each part between its dots.
const MAX_HOST_CHARS: usize = 253;
const MAX_LABEL_CHARS: usize = 63;

/// The name of a host as browsers know it, in small letters; `*.` before it stands for all names
/// below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SiteHost(String);

/// The name of the service in the Hub, a part of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceName(String);

/// Where the Hub's proxy listens: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HubAddress(String);

/// The Hub's `base_url`, which begins and ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BasePath(String);

/// The absolute path of a file or folder that nginx reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SiteFile(String);

/// Why a value cannot stand in a site of nginx.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum SiteValueError {
    #[error("{0:?} is not the name of a host: {1}")]
    Host(String, &'static str),
    #[error(
        "{0:?} is not the name of a service: it has small letters, digits, `-`, `_` and `.` only"
    )]
    Service(String),
    #[error("{0:?} is not where a Hub listens: give a host and a port, as in 127.0.0.1:8000")]
    Hub(String),
    #[error("{0:?} is not a base URL of a Hub: {1}")]
    Base(String, &'static str),
    #[error(
        "{0:?} is not a path for nginx: give an absolute one of letters, digits, `-`, `_`, `.`, \
         `@`, `+` and `~`, without `..`"
    )]
    File(String),
}

impl SiteHost {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without `*.`.
    pub(crate) fn domain(&self) -> &str {
        self.0.strip_prefix("*.").unwrap_or(&self.0)
    }
}

impl FromStr for SiteHost {
    type Err = SiteValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let domain = text.strip_prefix("*.").unwrap_or(text);
        let is_wildcard = domain.len() < text.len();
        match host_obstacle(domain, is_wildcard) {
            None => Ok(Self(text.to_ascii_lowercase())),
            Some(obstacle) => Err(SiteValueError::Host(text.to_owned(), obstacle)),
        }
    }
}

/// Why this is not a host's name, and what to do.
fn host_obstacle(domain: &str, is_wildcard: bool) -> Option<&'static str> {
    if domain.contains("://") || domain.contains('/') {
        return Some("give it without https:// and without a path");
    }
    if !domain.is_ascii() {
        return Some("give it as the domain name system has it, which begins with xn--");
    }
    if domain.len() > MAX_HOST_CHARS {
        return Some("it is longer than 253 characters");
    }
    if domain.ends_with('.') {
        return Some("leave out the dot at its end");
    }
    if domain.split('.').any(str::is_empty) {
        return Some("there is nothing before, after or between its dots");
    }
    if domain.split('.').any(|label| label.len() > MAX_LABEL_CHARS) {
        return Some("a part of it is longer than 63 characters");
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if !domain.bytes().all(is_allowed) {
        return Some("it has letters, digits, hyphens and dots only");
    }
    if domain
        .split('.')
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        return Some("no part of it begins or ends with a hyphen");
    }
    let last = domain.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && (is_wildcard || domain.parse::<IpAddr>().is_err()) {
        return Some("it ends with a number, and is no address");
    }
    if is_wildcard && !domain.contains('.') {
        return Some("`*.` stands before a domain, as in *.hub.example.org");
    }
    None
}

impl ServiceName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = SiteValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        // A name of dots is a way up.
        let is_name = text.bytes().any(|byte| byte != b'.') && text.bytes().all(is_allowed);
        match is_name {
            true => Ok(Self(text.to_owned())),
            false => Err(SiteValueError::Service(text.to_owned())),
        }
    }
}

impl HubAddress {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HubAddress {
    type Err = SiteValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_address = text.rsplit_once(':').is_some_and(|(host, port)| {
            let is_port = port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0);
            let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            let is_host = match inner {
                Some(inner) => inner
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_ipv6()),
                None => host_obstacle(host, false).is_none(),
            };
            is_port && is_host
        });
        match is_address {
            true => Ok(Self(text.to_owned())),
            false => Err(SiteValueError::Hub(text.to_owned())),
        }
    }
}

impl BasePath {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as a regular expression.
    pub(super) fn pattern(&self) -> String {
        self.0.replace('.', "\\.")
    }
}

impl FromStr for BasePath {
    type Err = SiteValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why| Err(SiteValueError::Base(text.to_owned(), why));
        if !text.starts_with('/') {
            return refuse("it begins with a slash, as in /class/");
        }
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
        if !text.bytes().all(is_allowed) {
            return refuse("it has letters, digits, `-`, `_`, `.`, `~` and slashes only");
        }
        let inner = text.trim_matches('/');
        if text.contains("//") || inner.split('/').any(|part| part == "." || part == "..") {
            return refuse("there is nothing between two of its slashes, or a way up");
        }
        if inner.split('/').next() == Some("build") {
            return refuse("/build is the address that leads to the exports; take another");
        }
        match inner {
            "" => Ok(Self("/".to_owned())),
            inner => Ok(Self(format!("/{inner}/"))),
        }
    }
}

impl SiteFile {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A certificate's file where certbot keeps those of this host.
    pub(super) fn of_certbot(host: &SiteHost, name: &str) -> Self {
        Self(format!("/etc/letsencrypt/live/{}/{name}", host.domain()))
    }
}

impl FromStr for SiteFile {
    type Err = SiteValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // nginx would take `$` for a variable, and all others of these for an end of the word.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+~/".contains(&byte);
        let is_path = Path::new(text).is_absolute()
            && text.bytes().all(is_allowed)
            && !text.split('/').any(|part| part == "..");
        match is_path {
            true => Ok(Self(text.to_owned())),
            false => Err(SiteValueError::File(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
