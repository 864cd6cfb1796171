//! A class that is brought to a node: the server's list and accounts are real ones, in folders that
//! stand in the place of the machine's.

use std::{
    collections::BTreeMap, fs, io::Write, os::unix::fs::PermissionsExt, path::Path,
    process::Command,
};

use rustix::process::geteuid;

use crate::trainer::{ALPHA, DESTROY_ALPHA, Trainer, script};

/// A class as somebody has it, with one password that is theirs.
const CLASS: &str = "name,login,password\nAna,ana,\"a,\"\"b:c\"\nBo,bo,\n";

/// A trainer whose servers come with `pipalhub` and accounts of their own; none where the test may
/// make no namespaces, which is said.
async fn trainer() -> Option<Trainer> {
    let may = Command::new("unshare").args(["--mount", "true"]).status();
    if !geteuid().is_root() || !may.is_ok_and(|status| status.success()) {
        eprintln!("not tried: root and namespaces are needed");
        return None;
    }
    let trainer = Trainer::new().await;
    let machine = trainer.at("server/machine");
    for place in ["etc", "home", "var/log"] {
        fs::create_dir_all(machine.join(place)).unwrap();
    }
    let copied = Command::new("cp")
        .args(["--archive", "/etc/.", "--target-directory"])
        .arg(machine.join("etc"))
        .status();
    assert!(copied.unwrap().success());
    fs::write(machine.join("users.txt"), "").unwrap();
    let machine = machine.display();
    let real = env!("CARGO_BIN_EXE_pipalhub");
    script(
        &trainer.at("server/bin/pipalhub"),
        &format!(
            "#!/bin/sh\n\
             echo \"$@\" >> {machine}/commands.log\n\
             [ -f {machine}/broken ] && {{ echo 'pipalhub: it is broken' >&2; exit 1; }}\n\
             export PIPALHUB_STEWARD_SOCKET={machine}/steward.sock\n\
             export PIPALHUB_USERS_FILE={machine}/users.txt PIPALHUB_STEWARD_DATA={machine}/state\n\
             export PIPALHUB_ACCOUNTS=system\n\
             unshare --mount sh -ec '\n\
             for place in etc home var/log; do mount --bind {machine}/$place /$place; done\n\
             exec {real} \"$@\"' sh \"$@\" > {machine}/said\n\
             ended=$?\n\
             [ -f {machine}/cut ] && [ \"$2\" = import ] && exit 1\n\
             cat {machine}/said\n\
             rm {machine}/said\n\
             exit $ended\n"
        ),
    );
    script(&trainer.at("setup"), "#!/bin/sh\n");
    Some(trainer)
}

impl Trainer {
    fn with_class(&self, list: &str) -> Vec<String> {
        fs::write(self.at("class.csv"), list).unwrap();
        let [program, class] = ["setup", "class.csv"].map(|it| self.at(it).display().to_string());
        let bare = ALPHA[..ALPHA.len() - 1].iter().map(|it| (*it).to_owned());
        let rest = [
            "--setup-program".to_owned(),
            program,
            "--users".to_owned(),
            class,
        ];
        bare.chain(rest).collect()
    }

    fn server(&self, name: &str) -> String {
        fs::read_to_string(self.at("server/machine").join(name)).unwrap_or_default()
    }

    /// Names and passwords, as the trainer's machine has them.
    fn passwords(&self) -> BTreeMap<String, String> {
        let text = fs::read(self.node("alpha").join("passwords.csv")).unwrap();
        let mut reader = csv::Reader::from_reader(&text[..]);
        reader.deserialize().map(Result::unwrap).collect()
    }

    /// Whether this is the password of the server's account, by the system's own crypt.
    fn is_password(&self, name: &str, password: &str) -> bool {
        let shadow = self.server("etc/shadow");
        let line = shadow
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")));
        let hash = line.unwrap().split(':').nth(1).unwrap();
        let crypt = "exit(crypt($ARGV[0], $ARGV[1]) eq $ARGV[1] ? 0 : 1)";
        let said = Command::new("perl")
            .args(["-e", crypt, password, hash])
            .status();
        said.unwrap().success()
    }
}

fn assert_private(path: &Path) {
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_is_brought_along_and_its_passwords_are_here() {
    let Some(trainer) = trainer().await else {
        return;
    };
    let dry = [trainer.with_class(CLASS), vec!["--dry-run".to_owned()]].concat();
    let said = trainer.well(&dry).await;
    assert!(said.contains("add 2 people of "), "{said}");
    let said = trainer.well(&trainer.with_class(CLASS)).await;
    assert!(said.contains("2 added, 0 were there before"), "{said}");
    let passwords = trainer.passwords();
    assert_eq!(passwords["ana"], "a,\"b:c");
    for (name, password) in &passwords {
        assert!(trainer.is_password(name, password), "{name}");
        assert!(!said.contains(password.as_str()), "{said}");
        assert!(!trainer.server("commands.log").contains(password.as_str()));
    }
    let node = trainer.node("alpha");
    for name in ["passwords.csv", "cards.html"] {
        assert_private(&node.join(name));
        assert!(said.contains(node.join(name).to_str().unwrap()), "{said}");
    }
    let cards = fs::read_to_string(node.join("cards.html")).unwrap();
    assert!(cards.contains(&passwords["bo"]), "{cards}");
    assert!(cards.contains("https://alpha-lab.pipal.in/"), "{cards}");

    // A second run changes nothing; somebody who is new is added.
    let before = trainer.server("etc/shadow");
    let said = trainer.well(&trainer.with_class(CLASS)).await;
    assert!(said.contains("0 added, 2 were there before"), "{said}");
    assert_eq!(trainer.server("etc/shadow"), before);
    assert_eq!(trainer.passwords(), passwords);
    let later = format!("{CLASS}Cy,cy,\n");
    let said = trainer.well(&trainer.with_class(&later)).await;
    assert!(said.contains("1 added, 2 were there before"), "{said}");
    let more = trainer.passwords();
    assert!(trainer.is_password("cy", &more["cy"]));
    assert_eq!((more.len(), &more["bo"]), (3, &passwords["bo"]));

    trainer.well(DESTROY_ALPHA).await;
    assert!(!node.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_wrong_makes_nothing() {
    let trainer = Trainer::new().await;
    let said = trainer
        .refused(&trainer.with_class("ana\nroot\nMaria G.\n"))
        .await;
    assert!(said.contains("nothing was made"), "{said}");
    assert!(said.contains("line 2, \"root\""), "{said}");
    assert!(
        said.contains("line 3, \"Maria G.\"") && said.contains("Perhaps maria-g?"),
        "{said}"
    );
    assert!(trainer.account().requests.is_empty());
    assert!(!trainer.at("home/.local").exists());
    let missing = [ALPHA, &["--users", "/nowhere/class.csv"]].concat();
    let said = trainer.refused(&missing).await;
    assert!(
        said.contains("--users") && said.contains("--no-setup"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_on_the_server_is_told_and_loses_no_password() {
    let Some(trainer) = trainer().await else {
        return;
    };
    fs::write(trainer.at("server/machine/broken"), "").unwrap();
    let said = trainer.refused(&trainer.with_class(CLASS)).await;
    assert!(
        said.contains("the class: pipalhub users list on the server"),
        "{said}"
    );
    assert!(said.contains("it is broken"), "{said}");
    fs::remove_file(trainer.at("server/machine/broken")).unwrap();

    // The names of the server's own accounts are known there alone.
    fs::OpenOptions::new()
        .append(true)
        .open(trainer.at("server/machine/etc/passwd"))
        .and_then(|mut it| it.write_all(b"theirs:x:7777:7777::/nowhere:/bin/sh\n"))
        .unwrap();
    let said = trainer.refused(&trainer.with_class("bo\ntheirs\n")).await;
    assert!(
        said.contains("the class: the server has not added theirs: "),
        "{said}"
    );
    let passwords = trainer.passwords();
    assert_eq!(passwords.keys().collect::<Vec<_>>(), ["bo"]);
    assert!(trainer.is_password("bo", &passwords["bo"]));

    // Who was added on the server has a password that is not known here.
    fs::write(
        trainer.node("alpha").join("passwords.csv"),
        "username,password\n",
    )
    .unwrap();
    let said = trainer.well(&trainer.with_class("bo\ncy\n")).await;
    assert!(said.contains("1 added, 1 were there before"), "{said}");
    assert!(said.contains("not on the cards: bo."), "{said}");
    assert_eq!(trainer.passwords().keys().collect::<Vec<_>>(), ["cy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_off_while_a_class_is_added_loses_no_password() {
    let Some(trainer) = trainer().await else {
        return;
    };
    let cut = trainer.at("server/machine/cut");
    fs::write(&cut, "").unwrap();
    let said = trainer.refused(&trainer.with_class(CLASS)).await;
    assert!(
        said.contains("the class: pipalhub users import on the server"),
        "{said}"
    );
    fs::remove_file(&cut).unwrap();
    let said = trainer.well(&trainer.with_class(CLASS)).await;
    assert!(said.contains("0 added, 2 were there before"), "{said}");
    assert!(!said.contains("not on the cards"), "{said}");
    for (name, password) in trainer.passwords() {
        assert!(trainer.is_password(&name, &password), "{name}");
    }
    assert_eq!(trainer.passwords().len(), 2);
}
