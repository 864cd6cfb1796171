//! A node is made, and gone on with.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::trainer::{ALPHA, DESTROY_ALPHA, Trainer, script};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_made_and_told_step_by_step() {
    let trainer = Trainer::new().await;
    let said = trainer.well(ALPHA).await;
    for words in [
        "the droplet … alpha, number",
        "127.0.0.1",
        "alpha-lab.pipal.in is there",
        " s)",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let account = trainer.account();
    let [droplet] = account.named("alpha")[..] else {
        panic!("not one droplet");
    };
    let request = &droplet.request;
    assert_eq!(request["region"], "blr1");
    assert_eq!(request["size"], "s-1vcpu-1gb");
    assert_eq!(request["image"], "ubuntu-22-04-x64");
    assert_eq!(request["backups"], false);
    // All keys of the account, though each is on a page of its own.
    assert_eq!(request["ssh_keys"].as_array().unwrap().len(), 3);
    let [record] = &account.pointing("alpha-lab")[..] else {
        panic!("not one record");
    };
    assert_eq!((&*record.data, record.ttl), ("127.0.0.1", 300));
    let waited = fs::read_to_string(trainer.at("server/cloud-init.log")).unwrap();
    assert_eq!(waited, "status --wait\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_host_key_does_not_stay_and_what_stays_is_the_owners() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let node = trainer.node("alpha");
    let names = fs::read_dir(&node).unwrap();
    let mut names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["known_hosts", "lock", "node.json"]);
    assert_eq!(
        fs::metadata(&node).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let known = fs::read_to_string(node.join("known_hosts")).unwrap();
    assert!(known.contains("ssh-ed25519 "), "{known}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_there_is_gone_on_with_by_either_form_of_its_hostname() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let changes = trainer.account().changes();
    let mut full = ALPHA.to_vec();
    full[6] = "alpha-lab.pipal.in";
    trainer.well(&full).await;
    assert_eq!(trainer.account().changes(), changes);
    let mut other = ALPHA.to_vec();
    other[6] = "beta-lab";
    let said = trainer.refused(&other).await;
    assert!(
        said.contains("was begun with the hostname alpha-lab.pipal.in"),
        "{said}"
    );
    let mut larger = ALPHA.to_vec();
    larger[4] = "large";
    let said = trainer.refused(&larger).await;
    assert!(
        said.contains("was begun with the size s-1vcpu-1gb"),
        "{said}"
    );
    assert_eq!(trainer.account().changes(), changes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_droplet_that_somebody_removed_is_made_again_with_another_host_key() {
    let trainer = Trainer::new().await;
    trainer.well(ALPHA).await;
    let known = || fs::read_to_string(trainer.node("alpha").join("known_hosts")).unwrap();
    let before = known();
    trainer.account().droplets.clear();
    let said = trainer.well(ALPHA).await;
    assert!(said.contains("is gone: another is made"), "{said}");
    assert_eq!(trainer.account().named("alpha").len(), 1);
    assert_eq!(trainer.account().pointing("alpha-lab").len(), 1);
    assert_ne!(known(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_host_key_is_refused() {
    let trainer = Trainer::new().await;
    trainer.account().has_wrong_host_key = true;
    let said = trainer.refused(ALPHA).await;
    assert!(
        said.contains("has another host key than it was made with"),
        "{said}"
    );
    assert!(said.contains("there already: the droplet"), "{said}");
    assert!(said.contains("destroy-node --name alpha"), "{said}");
    assert!(!trainer.at("server/cloud-init.log").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trainer_without_a_key_of_the_account_is_told() {
    let trainer = Trainer::new().await;
    fs::remove_file(trainer.at("server/trainer_key")).unwrap();
    let said = trainer.refused(ALPHA).await;
    assert!(said.contains("takes none of this machine's keys"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_in_the_account_nor_here() {
    let trainer = Trainer::new().await;
    let dry = [ALPHA, &["--dry-run"]].concat();
    let said = trainer.well(&dry).await;
    for words in [
        "make the droplet alpha in blr1",
        "alpha-lab.pipal.in",
        "Nothing was changed",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(trainer.account().changes(), 0);
    assert!(!trainer.at("home/.local").exists());
    trainer.well(ALPHA).await;
    let changes = trainer.account().changes();
    trainer.well(&dry).await;
    let said = trainer
        .well(&[DESTROY_ALPHA, &["--dry-run"]].concat())
        .await;
    assert!(said.contains("remove the droplet"), "{said}");
    assert_eq!(trainer.account().changes(), changes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_droplet_of_the_name_that_was_not_made_from_here_is_left_alone() {
    let trainer = Trainer::new().await;
    trainer.account().add_foreign_droplet("alpha");
    let said = trainer.refused(ALPHA).await;
    assert!(said.contains("was not made from here"), "{said}");
    trainer.refused(DESTROY_ALPHA).await;
    assert_eq!(trainer.account().changes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_somebody_elses_is_refused_before_a_droplet_is_made() {
    let trainer = Trainer::new().await;
    let other = trainer
        .account()
        .add_foreign_record("alpha-lab", "192.0.2.7");
    let said = trainer.refused(ALPHA).await;
    assert!(
        said.contains("192.0.2.7") && said.contains("--take-record"),
        "{said}"
    );
    assert_eq!(trainer.account().changes(), 0);
    assert_eq!(trainer.account().pointing("alpha-lab"), [other]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_taken_is_put_back_and_one_that_was_right_is_left() {
    let trainer = Trainer::new().await;
    let other = trainer
        .account()
        .add_foreign_record("alpha-lab", "192.0.2.7");
    trainer.well(&[ALPHA, &["--take-record"]].concat()).await;
    assert_eq!(trainer.account().pointing("alpha-lab")[0].data, "127.0.0.1");
    trainer.well(DESTROY_ALPHA).await;
    assert_eq!(trainer.account().pointing("alpha-lab"), [other]);

    let trainer = Trainer::new().await;
    let right = trainer
        .account()
        .add_foreign_record("alpha-lab", "127.0.0.1");
    trainer.well(&[ALPHA, &["--take-record"]].concat()).await;
    let said = trainer.well(DESTROY_ALPHA).await;
    assert!(said.contains("left alone"), "{said}");
    assert_eq!(trainer.account().pointing("alpha-lab"), [right]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_is_copied_to_the_server_and_sets_it_up() {
    let trainer = Trainer::new().await;
    let bare = &ALPHA[..ALPHA.len() - 1];
    let program = trainer.at("setup");
    let ran = trainer.at("ran");
    let text = format!("#!/bin/sh\necho \"$0 $@\" > {}\n", ran.display());
    script(&program, &text);
    let program = program.to_str().unwrap();
    trainer
        .well(&[bare, &["--setup-program", program]].concat())
        .await;
    let ran = fs::read_to_string(ran).unwrap();
    let (copy, arguments) = ran.trim().split_once(' ').unwrap();
    assert_eq!(arguments, "setup-node alpha-lab.pipal.in");
    assert!(!std::path::Path::new(copy).exists(), "{copy} is left");

    script(&trainer.at("setup"), "#!/bin/sh\nexit 3\n");
    let said = trainer
        .refused(&[bare, &["--setup-program", program]].concat())
        .await;
    assert!(
        said.contains("the setup: setup-node has ended with exit status: 3"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_has_failed_is_told() {
    let trainer = Trainer::new().await;
    let result = trainer.at("server/cloud-init.result");
    fs::write(&result, "echo 'status: error'; exit 1\n").unwrap();
    let said = trainer.refused(ALPHA).await;
    assert!(
        said.contains("cloud-init has failed (status: error)"),
        "{said}"
    );
    fs::write(&result, "echo 'status: done'; exit 2\n").unwrap();
    let said = trainer.well(ALPHA).await;
    assert!(said.contains("has gone on with problems"), "{said}");
}
