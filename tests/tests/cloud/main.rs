//! A workshop in the cloud, from nothing and back to nothing: `pipalhub create-node` against an API that
//! is made up, whose droplet is a fresh server with a real OpenSSH, which `setup-node` sets up there.
//!
//! The API is that of `backend/tests/cloud`, where the steps before the setup have their tests.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

#[expect(dead_code, reason = "most of it is for the tests of the backend")]
#[path = "../../../backend/tests/cloud/account.rs"]
mod account;
#[path = "../../../backend/tests/cloud/api.rs"]
mod api;
mod sshd;
mod trainer;

/// Marks requests by TLS, of which there are none here.
mod tls {
    #[derive(Clone)]
    pub(crate) struct OverTls;
}

use std::{fs, thread, time::Duration};

use tests::{
    fresh::{BareServer, TestAuthority},
    stopwatch::Stopwatch,
};

use trainer::CloudTrainer;

const HOST: &str = "alpha-lab.pipal.in";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root and images: cargo xtask fresh"]
async fn a_workshop_comes_from_nothing_and_goes_back_to_nothing() {
    let mut stopwatch = Stopwatch::start();
    let server = BareServer::start("PIPALHUB_FRESH_BARE", &[]).await.unwrap();
    let authority = TestAuthority::start(server.host_address(), server.address());
    let authority = authority.await.unwrap();
    server.trust(&authority).unwrap();
    let trainer = CloudTrainer::new(server, &authority).await;
    fs::write(
        trainer.at("class.csv"),
        "name,password\nines,her own password\nana,\n",
    )
    .unwrap();
    stopwatch.lap("an account and a bare server");

    // A trainer whose machine goes to sleep in the middle of the setup.
    let create = trainer.create();
    let said = trainer
        .run_until(&create, "to be installed in /opt/pipalhub/releases")
        .await;
    assert!(said.is_killed, "{}", said.text);
    stopwatch.lap("interrupted in the setup");
    let said = trainer.well_when_free(&create).await;
    assert!(said.contains("2 added"), "{said}");
    assert_eq!(trainer.account().named("alpha").len(), 1);
    assert_eq!(trainer.account().pointing("alpha-lab").len(), 1);
    stopwatch.lap("gone on with, to its end");

    let root = trainer.at("root.pem");
    fs::write(&root, authority.root_certificate().await.unwrap()).unwrap();
    let (root, address) = (root.to_str().unwrap(), trainer.address().to_string());
    let url = format!("https://{HOST}/");
    let check = [
        "check",
        &url,
        "--as",
        "ines",
        "--servers",
        "1",
        "--ca",
        root,
    ];
    let said = trainer
        .well(&[&check[..], &["--connect", &address]].concat())
        .await;
    assert!(said.contains("All is well"), "{said}");
    stopwatch.lap("tried from outside");

    // Again: nothing is doubled, nobody is added.
    let said = trainer.well(&create).await;
    assert!(
        said.contains("Nothing was changed") && said.contains("0 added"),
        "{said}"
    );
    assert_eq!(trainer.account().named("alpha").len(), 1);
    stopwatch.lap("again");

    let archive = trainer.at("alpha.zip");
    trainer.fetch_archive(&archive);
    let archive = archive.to_str().unwrap();
    let destroy = ["destroy-node", "--name", "alpha", "--archive", archive];
    trainer.well(&destroy).await;
    trainer.assert_nothing_left();
    stopwatch.lap("archived, and gone");
}

/// How often somebody looks whether the server is free again.
const PAUSE: Duration = Duration::from_millis(500);

fn pause() {
    thread::sleep(PAUSE);
}
