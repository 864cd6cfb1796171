//! The certificate: what is wrong with it, in words, and how long it is good.

use std::{io, sync::Arc, time::Duration};

use rustls::{
    AlertDescription, CertificateError, Error, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{address::ClassAddress, trouble::Trouble};

/// Longer than any certificate lasts that an authority gives.
const FAR: Duration = Duration::from_secs(100 * 365 * 86_400);
const RENEW: &str = "Renew it on the server: sudo certbot renew, then sudo systemctl reload nginx; \
                     systemctl list-timers shows whether certbot's timer is on.";

/// Why a TLS handshake failed.
pub(super) fn trouble(error: &io::Error, address: &ClassAddress) -> Trouble {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::InvalidCertificate(why)) => of_certificate(why, address),
        Some(Error::AlertReceived(AlertDescription::ProtocolVersion)) => too_old(),
        Some(Error::PeerIncompatible(_)) => too_old(),
        Some(Error::InvalidMessage(_)) => Trouble::new(
            "what answers at this port speaks no TLS",
            "Give the address with http:// if the server has no certificate, else see nginx's site.",
        ),
        _ => Trouble::new(
            format!("TLS fails: {error}"),
            "nginx's error log on the server says more.",
        ),
    }
}

fn too_old() -> Trouble {
    Trouble::new(
        "the server speaks no version of TLS that is safe (1.2 or 1.3)",
        "`pipalhub nginx-site` prints a site that does.",
    )
}

fn of_certificate(why: &CertificateError, address: &ClassAddress) -> Trouble {
    use CertificateError as Is;
    let host = &address.host;
    match why {
        Is::Expired | Is::ExpiredContext { .. } => {
            let since = match why {
                Is::ExpiredContext { time, not_after } => {
                    format!(" {} ago", ago(time.as_secs() - not_after.as_secs()))
                }
                _ => String::new(),
            };
            Trouble::new(format!("the certificate has expired{since}"), RENEW)
        }
        Is::NotValidYet | Is::NotValidYetContext { .. } => Trouble::new(
            "the certificate is not valid yet",
            "See whether the clocks of the server and of this machine are right.",
        ),
        Is::NotValidForName | Is::NotValidForNameContext { .. } => {
            let names = match why {
                Is::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                    // Each is a name in quotes, after its kind.
                    let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
                    let names: Vec<_> = presented.iter().map(bare).collect();
                    format!(": it is for {}", names.join(", "))
                }
                _ => String::new(),
            };
            Trouble::new(
                format!("the certificate is not for {host}{names}"),
                format!(
                    "Get one for it: sudo certbot certonly --webroot --domain {host} …, as \
                     docs/nginx.md has it. Or the name leads to another server."
                ),
            )
        }
        Is::UnknownIssuer => Trouble::new(
            "the certificate's authority is not known to browsers, or the chain is not complete",
            "Give nginx the file fullchain.pem and not cert.pem. For an authority of your own, give \
             its certificate with --ca, and to participants' browsers too.",
        ),
        Is::Revoked => Trouble::new("the certificate was revoked", RENEW),
        other => Trouble::new(format!("the certificate is not good: {other:?}"), RENEW),
    }
}

fn ago(seconds: u64) -> String {
    match seconds / 3_600 {
        hours @ ..48 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}

/// How long this certificate, which is good now, stays so.
pub(super) fn time_left(
    roots: &Arc<RootCertStore>,
    chain: &[CertificateDer<'_>],
    host: &str,
) -> Option<Duration> {
    let (leaf, others) = chain.split_first()?;
    let name = ServerName::try_from(host).ok()?;
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider);
    let verifier = verifier.build().ok()?;
    let now = UnixTime::now().as_secs();
    let then = UnixTime::since_unix_epoch(Duration::from_secs(now) + FAR);
    // Asked of a far day, the verifier says when the certificate ends.
    match verifier.verify_server_cert(leaf, others, &name, &[], then) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(Duration::from_secs(not_after.as_secs().saturating_sub(now)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: Error) -> Trouble {
        let address = "https://hub.example.org".parse().unwrap();
        trouble(&io::Error::other(error), &address)
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_with_what_to_do() {
        let at = |secs| UnixTime::since_unix_epoch(Duration::from_secs(secs));
        let expired = said(Error::InvalidCertificate(
            CertificateError::ExpiredContext {
                time: at(10 * 86_400),
                not_after: at(86_400),
            },
        ));
        assert_eq!(expired.message, "the certificate has expired 9 days ago");
        assert!(expired.remedy.contains("certbot renew"));
        let wrong = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("hub.example.org").unwrap(),
            presented: vec!["DnsName(\"other.example.org\")".to_owned()],
        };
        let wrong = said(Error::InvalidCertificate(wrong));
        assert!(
            wrong.message.ends_with("it is for other.example.org"),
            "{wrong:?}"
        );
        let unknown = said(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(unknown.remedy.contains("fullchain.pem") && unknown.remedy.contains("--ca"));
        let old = said(Error::AlertReceived(AlertDescription::ProtocolVersion));
        assert!(old.message.contains("1.2"));
    }
}
