//! The link that a service without a Hub prints once it listens.

use std::{
    io::{BufRead, BufReader},
    process::Child,
};

/// Where the service is that was started with its stdout piped: the link without its token.
pub(crate) fn address_of(process: &mut Child) -> String {
    let mut link = String::new();
    let stdout = process.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut link).unwrap();
    let end = link.find(['?', '#']).unwrap_or(link.len());
    link[..end].trim().trim_end_matches("login").to_owned()
}
