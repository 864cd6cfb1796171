//! Connections to the Hub's address: names looked up, TCP, TLS. What is trusted is what the
//! system trusts, and perhaps an authority of one's own.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    address::{ClassAddress, ConnectTo},
    certificate,
    trouble::Trouble,
};

/// Longest wait for a connection to one address.
const TCP_PATIENCE: Duration = Duration::from_secs(10);

/// What bytes go through, whether TLS is around them or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Makes connections.
pub(super) struct Dialer {
    pub(super) address: ClassAddress,
    connect: Vec<ConnectTo>,
    pub(super) roots: Arc<RootCertStore>,
    tls: Arc<ClientConfig>,
}

impl Dialer {
    /// # Errors
    /// When the authority's file cannot be read.
    pub(super) fn new(
        address: ClassAddress,
        connect: Vec<ConnectTo>,
        authority: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let roots = Arc::new(roots(authority)?);
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        Ok(Self {
            address,
            connect,
            roots,
            tls: Arc::new(config),
        })
    }

    /// The same for another scheme or port of the host.
    pub(super) fn at(&self, address: ClassAddress) -> Self {
        Self {
            address,
            connect: self.connect.clone(),
            roots: self.roots.clone(),
            tls: self.tls.clone(),
        }
    }

    /// Whether connections go elsewhere than the name leads.
    pub(super) fn is_told_where(&self, port: u16) -> bool {
        self.connect.iter().any(|to| to.target(port).is_some())
    }

    /// Where the port is reached.
    pub(super) async fn targets(&self, port: u16) -> Result<Vec<SocketAddr>, Trouble> {
        if let Some(to) = self.connect.iter().find_map(|to| to.target(port)) {
            return Ok(vec![to]);
        }
        let host = self.address.bare_host();
        let no_address = |why: String| {
            Trouble::new(
                format!("{host} leads to no address{why}"),
                "See whether it is written rightly, and whether its DNS record is there: a new one \
                 may take an hour to be known everywhere. --connect ADDR goes past the name.",
            )
        };
        match timeout(TCP_PATIENCE, lookup_host((host, port))).await {
            Ok(Ok(found)) => {
                let found: Vec<_> = found.collect();
                match found.is_empty() {
                    true => Err(no_address(String::new())),
                    false => Ok(found),
                }
            }
            Ok(Err(error)) => Err(no_address(format!(": {error}"))),
            Err(_) => Err(Trouble::late("looking the name up", TCP_PATIENCE)),
        }
    }

    /// A connection to the first of these addresses that takes one.
    pub(super) async fn tcp(&self, targets: &[SocketAddr]) -> Result<TcpStream, Trouble> {
        let mut why = String::new();
        for target in targets {
            why = match timeout(TCP_PATIENCE, TcpStream::connect(target)).await {
                Ok(Ok(stream)) => {
                    // Small messages leave at once, as a browser's do.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => format!("{target}: {error}"),
                Err(_) => format!("{target}: nothing is heard within 10 s"),
            };
        }
        Err(Trouble::new(
            format!("no connection to {why}"),
            "See whether the web server runs (systemctl status nginx), whether a firewall lets the \
             port through, and whether the DNS record leads to this server.",
        ))
    }

    pub(super) async fn tls(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Trouble> {
        let host = self.address.bare_host().to_owned();
        let name = ServerName::try_from(host).map_err(|_| {
            Trouble::new(
                "the name is one that no certificate can be for",
                "Give the Hub's name in the address.",
            )
        })?;
        let connector = TlsConnector::from(self.tls.clone());
        match timeout(TCP_PATIENCE, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(certificate::trouble(&error, &self.address)),
            Err(_) => Err(Trouble::late("the TLS handshake", TCP_PATIENCE)),
        }
    }

    /// A connection to the Hub's address, ready for requests.
    pub(super) async fn wire(&self) -> Result<Box<dyn Wire>, Trouble> {
        let stream = self.tcp(&self.targets(self.address.port).await?).await?;
        match self.address.is_tls {
            true => Ok(Box::new(self.tls(stream).await?)),
            false => Ok(Box::new(stream)),
        }
    }
}

fn roots(authority: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = authority {
        let shown = path.display();
        let unread = |error| anyhow::anyhow!("cannot read certificates in {shown} (--ca): {error}");
        let found = CertificateDer::pem_file_iter(path).map_err(unread)?;
        let before = roots.len();
        for certificate in found {
            let certificate = certificate.map_err(unread)?;
            roots.add(certificate).map_err(|error| {
                anyhow::anyhow!("a certificate in {shown} (--ca) is no authority's: {error}")
            })?;
        }
        if roots.len() == before {
            anyhow::bail!("there is no certificate in {shown} (--ca): it is to be in PEM");
        }
    }
    Ok(roots)
}
