//! A node is removed, and nothing else.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::trainer::{ALPHA, DESTROY_ALPHA, Trainer};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_gone_and_nothing_else() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let theirs = trainer.account().add_foreign_droplet("alpha");
    let beta = trainer.account().add_foreign_droplet("beta");
    let said = trainer.well(DESTROY_ALPHA).await;
    assert!(said.contains("alpha-lab.pipal.in is gone"), "{said}");
    assert!(said.contains("alpha is gone, after"), "{said}");
    {
        let mut account = trainer.account();
        let ids: Vec<u64> = account.droplets.iter().map(|it| it.id).collect();
        assert_eq!(ids, [theirs, beta]);
        account.droplets.clear();
    }
    trainer.assert_nothing_left();
    let said = trainer.refused(DESTROY_ALPHA).await;
    assert!(
        said.contains("no node alpha was made from this machine"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_leads_elsewhere_by_now_is_left_alone() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let moved = {
        let mut account = trainer.account();
        let record = account.records.iter_mut().find(|it| it.name == "alpha-lab");
        let record = record.unwrap();
        record.data = "192.0.2.99".to_owned();
        record.clone()
    };
    let said = trainer.well(DESTROY_ALPHA).await;
    assert!(said.contains("left alone"), "{said}");
    assert_eq!(trainer.account().pointing("alpha-lab"), [moved]);
    assert_eq!(trainer.account().named("alpha").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_droplet_that_has_lost_its_tag_is_not_removed() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    trainer.account().droplets[0].tags.clear();
    let said = trainer.refused(DESTROY_ALPHA).await;
    assert!(said.contains("another name or tag"), "{said}");
    assert_eq!(trainer.account().named("alpha").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_wants_a_fresh_and_whole_archive() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let changes = trainer.account().changes();
    let archive = trainer.at("class.zip");
    make_archive(&trainer);
    let named = archive.to_str().unwrap();
    let with = |rest: &[&'static str]| {
        let all = ["destroy-node", "--name", "alpha", "--archive"];
        let all = all.into_iter().map(str::to_owned);
        let rest = rest.iter().map(|it| (*it).to_owned());
        all.chain([named.to_owned()])
            .chain(rest)
            .collect::<Vec<_>>()
    };
    let run = async |rest: &[&'static str]| {
        let all = with(rest);
        let all: Vec<&str> = all.iter().map(|it| &**it).collect();
        trainer.run(&all).await
    };

    let said = trainer.refused(&["destroy-node", "--name", "alpha"]).await;
    assert!(said.contains("--archive"), "{said}");
    let whole = fs::read(&archive).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&archive, damaged).unwrap();
    let said = run(&[]).await;
    assert!(
        !said.is_ok && said.text.contains("damaged"),
        "{}",
        said.text
    );
    assert_eq!(trainer.account().changes(), changes);
    fs::write(&archive, whole).unwrap();
    let said = run(&[]).await;
    assert!(
        said.is_ok && said.text.contains("is whole"),
        "{}",
        said.text
    );
    trainer.assert_nothing_left();
}

/// An archive of an empty class.
fn make_archive(trainer: &Trainer) {
    for name in ["data", "homes"] {
        fs::create_dir(trainer.at(name)).unwrap();
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(trainer.at(name), private).unwrap();
    }
    let made = Command::new(env!("CARGO_BIN_EXE_pipalhub"))
        .args(["archive", "--data"])
        .arg(trainer.at("data"))
        .arg("--homes")
        .arg(trainer.at("homes/{user}"))
        .arg(trainer.at("class.zip"))
        .env_clear()
        .env("PIPALHUB_STEWARD_SOCKET", "/nowhere/steward.sock")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{said}");
}
