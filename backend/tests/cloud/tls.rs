//! The API by HTTPS: a server whose authority is trusted, and one whose is not.

use std::{fs, io, net::SocketAddr, process::Command, sync::Arc};

use axum::{Extension, serve::Listener};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
    server::TlsStream,
};

use crate::{
    api::router,
    trainer::{ALPHA, Trainer},
};

/// Marks requests that came by HTTPS.
#[derive(Clone)]
pub(crate) struct OverTls;

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // A client that does not trust the authority goes away here.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A trainer whose API has a certificate of an authority that is `ca.pem`.
async fn trainer() -> Trainer {
    let trainer = Trainer::without_api();
    make_certificates(&trainer);
    let certificate = CertificateDer::from_pem_file(trainer.at("leaf.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(trainer.at("leaf.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let listener = TlsListener {
        listener,
        acceptor: Arc::new(config).into(),
    };
    let router = router(trainer.shared()).layer(Extension(OverTls));
    tokio::spawn(async { axum::serve(listener, router).await });
    trainer.with_url(url)
}

/// Two authorities, and a certificate for the loopback of the first.
fn make_certificates(trainer: &Trainer) {
    let config = "[req]\ndistinguished_name = dn\n[dn]\n\
                  [authority]\nbasicConstraints = critical, CA:TRUE\n\
                  [leaf]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1\n";
    fs::write(trainer.at("openssl.cnf"), config).unwrap();
    let make = |name: &str, section: &str, by: &[&str]| {
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-config",
                "openssl.cnf",
                "-extensions",
                section,
            ])
            .args([
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ])
            .args(["-days", "2", "-subj", &format!("/CN={name}")])
            .args([
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ])
            .args(by)
            .current_dir(trainer.at(""))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "{said}");
    };
    make("ca", "authority", &[]);
    make("other", "authority", &[]);
    make("leaf", "leaf", &["-CA", "ca.pem", "-CAkey", "ca.key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_the_system_trusts_is_believed_and_no_other() {
    let mut trainer = trainer().await;
    trainer.variables = vec![("SSL_CERT_FILE", trainer.at("other.pem"))];
    let said = trainer.refused(ALPHA).await;
    assert!(
        said.contains("is not reached") && said.contains("certificate"),
        "{said}"
    );
    assert!(trainer.account().requests.is_empty());

    trainer.variables = vec![("SSL_CERT_FILE", trainer.at("ca.pem"))];
    trainer.well(ALPHA).await;

    trainer.variables = vec![("SSL_CERT_FILE", trainer.at("nothing.pem"))];
    let said = trainer.refused(ALPHA).await;
    assert!(said.contains("ca-certificates"), "{said}");
}
