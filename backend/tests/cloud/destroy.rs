//! A node is removed, and nothing else.

use std::{
    fs,
    io::{Cursor, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::trainer::{ALPHA, DESTROY_ALPHA, Trainer};

const ALPHA_HOST: &str = "alpha-lab.pipal.in";

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
async fn it_wants_a_whole_archive() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let changes = trainer.account().changes();
    let archive = make_archive(&trainer, ALPHA_HOST);

    let said = trainer.refused(&["destroy-node", "--name", "alpha"]).await;
    assert!(said.contains("--archive"), "{said}");
    let whole = fs::read(&archive).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&archive, damaged).unwrap();
    let said = trainer.refused(&with_archive(&archive, &[])).await;
    assert!(said.contains("damaged"), "{said}");
    assert_eq!(trainer.account().changes(), changes);
    fs::write(&archive, whole).unwrap();
    let said = trainer.well(&with_archive(&archive, &[])).await;
    assert!(
        said.contains("is whole") && said.contains(ALPHA_HOST),
        "{said}"
    );
    trainer.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_as_old_as_is_allowed() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let changes = trainer.account().changes();
    let archive = make_archive(&trainer, ALPHA_HOST);
    let made = |hours: i64| {
        let made_at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        forge(&archive, |manifest| {
            manifest["made_at"] = made_at.to_string().into()
        });
    };
    let dry = |rest: &[&'static str]| with_archive(&archive, &[&["--dry-run"], rest].concat());

    made(11);
    trainer.well(&dry(&[])).await;
    made(13);
    let said = trainer.refused(&dry(&[])).await;
    assert!(said.contains("more than 12 hours ago"), "{said}");
    assert!(said.contains("--archive-hours"), "{said}");
    trainer.well(&dry(&["--archive-hours", "14"])).await;
    let said = trainer.refused(&dry(&["--archive-hours", "0"])).await;
    assert!(said.contains("--archive-hours"), "{said}");
    forge(&archive, |manifest| {
        manifest["made_at"] = "yesterday".into()
    });
    let said = trainer.refused(&dry(&[])).await;
    assert!(said.contains("cannot tell when the archive"), "{said}");

    made(13);
    trainer.refused(&with_archive(&archive, &[])).await;
    assert_eq!(trainer.account().changes(), changes);
    assert_eq!(trainer.account().named("alpha").len(), 1);
    let allowed = with_archive(&archive, &["--archive-hours", "14"]);
    trainer.well(&allowed).await;
    trainer.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_another_server_is_refused() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let changes = trainer.account().changes();
    let archive = make_archive(&trainer, "beta-lab.pipal.in");
    let said = trainer.refused(&with_archive(&archive, &[])).await;
    assert!(
        said.contains("is of beta-lab.pipal.in, and this node is alpha-lab.pipal.in"),
        "{said}"
    );
    assert!(said.contains("--force"), "{said}");
    assert_eq!(trainer.account().changes(), changes);

    let dry = with_archive(&archive, &["--dry-run"]);
    forge(&archive, |manifest| {
        manifest["host"] = "Alpha-Lab.pipal.in".into()
    });
    trainer.well(&dry).await;
    // As one that was made where no setup-node has been says it, or an older program.
    forge(&archive, |manifest| {
        manifest.as_object_mut().unwrap().remove("host");
    });
    let said = trainer.well(&dry).await;
    assert!(
        said.contains("does not say which server it is of"),
        "{said}"
    );
    trainer.well(DESTROY_ALPHA).await;
    trainer.assert_nothing_left();
}

fn with_archive(archive: &Path, rest: &[&'static str]) -> Vec<String> {
    let named = archive.to_str().unwrap();
    let all = ["destroy-node", "--name", "alpha", "--archive", named];
    let all = all.iter().chain(rest);
    all.map(|it| (*it).to_owned()).collect()
}

/// An archive of an empty class.
fn make_archive(trainer: &Trainer, host: &str) -> PathBuf {
    for name in ["data", "homes"] {
        fs::create_dir(trainer.at(name)).unwrap();
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(trainer.at(name), private).unwrap();
    }
    let archive = trainer.at("class.zip");
    let made = Command::new(env!("CARGO_BIN_EXE_pipalhub"))
        .args(["archive", "--data"])
        .arg(trainer.at("data"))
        .arg("--homes")
        .arg(trainer.at("homes/{user}"))
        .arg(&archive)
        .env_clear()
        .env("PIPALHUB_STEWARD_SOCKET", "/nowhere/steward.sock")
        .env("PIPALHUB_HOSTNAME", host)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{said}");
    archive
}

/// Writes the archive anew with another manifest, as whole as before.
fn forge(archive: &Path, change: impl Fn(&mut Value)) {
    let mut old = ZipArchive::new(fs::File::open(archive).unwrap()).unwrap();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..old.len() {
        let mut file = old.by_index(at).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        if name == "manifest.json" {
            let mut manifest = serde_json::from_slice(&bytes).unwrap();
            change(&mut manifest);
            bytes = serde_json::to_vec(&manifest).unwrap();
        }
        let options = SimpleFileOptions::default();
        zip.start_file(name, options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    let comment = String::from_utf8(old.comment().to_vec()).unwrap();
    zip.set_comment(comment).unwrap();
    let mut bytes = zip.finish().unwrap().into_inner();
    // The checksum is of all that stands before it.
    let end = bytes.len() - 64;
    let digest = Sha256::digest(&bytes[..end]);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes[end..].copy_from_slice(digits.as_bytes());
    fs::write(archive, bytes).unwrap();
}
