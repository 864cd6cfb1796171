//! One request to this machine, as a browser would send it, to see whether the whole path works.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Of an answer so much is read.
const MAX_BYTES: u64 = 64 << 10;

/// The status of `GET path` at this address of this machine, by plain HTTP.
pub(super) fn status(address: SocketAddr, host: &str, path: &str) -> anyhow::Result<u16> {
    ask(connect(address)?, host, path)
}

/// The same by TLS, from a server that has the certificate in this file.
pub(super) fn status_by_tls(
    address: SocketAddr,
    host: &str,
    path: &str,
    certificate: &str,
) -> anyhow::Result<u16> {
    let expected = CertificateDer::from_pem_file(certificate)
        .with_context(|| format!("{certificate} has no certificate"))?;
    let name = ServerName::try_from(host.to_owned())?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(ThisCertificate {
        expected,
        provider: Arc::clone(&provider),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), name)?;
    ask(StreamOwned::new(connection, connect(address)?), host, path)
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)
        .with_context(|| format!("nothing answers at {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn ask(mut stream: impl Read + Write, host: &str, path: &str) -> anyhow::Result<u16> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nUser-Agent: pipalhub\r\n\
         Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    // A server that ends a TLS connection without a word has answered all the same.
    let read = stream.take(MAX_BYTES).read_to_end(&mut answer);
    if answer.is_empty() {
        read.context("no answer came")?;
    }
    let head = String::from_utf8_lossy(&answer);
    let mut words = head.split_whitespace();
    ensure!(
        words.next().is_some_and(|word| word.starts_with("HTTP/")),
        "what answers speaks no HTTP"
    );
    match words.next().map(str::parse) {
        Some(Ok(status)) => Ok(status),
        _ => bail!("what answers gives no status"),
    }
}

/// Believes one certificate only. Whether others believe it is asked from outside, by
/// `pipalhub check`: an authority of a closed network is not known here.
#[derive(Debug)]
struct ThisCertificate {
    expected: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ThisCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match *end_entity == self.expected {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::General(
                "nginx shows another certificate than the one that is in the file".to_owned(),
            )),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
