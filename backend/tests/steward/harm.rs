//! What hostile participants, other users of the machine, a service that was taken over and slips
//! of a trainer must not do by the steward.

use std::{
    fs,
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        net::UnixStream,
    },
};

use crate::{commands::until, sandbox::Sandbox};

/// Five users by their names, each with a password.
const CLASS: &str = "ada:one\nbea:two\ncleo:three\ndan:four\neve:five\n";
const NAMES: [&str; 5] = ["ada", "bea", "cleo", "dan", "eve"];

fn class() -> Option<Sandbox> {
    let sandbox = Sandbox::new()?;
    sandbox.users_file_is(CLASS);
    sandbox.users(&["apply"]).unwrap();
    assert_eq!(sandbox.made(), NAMES);
    Some(sandbox)
}

#[test]
fn nobody_gets_the_number_of_somebody_who_has_left() {
    let Some(sandbox) = class() else { return };
    let eve = sandbox.id("eve").unwrap();
    sandbox.users(&["remove", "eve"]).unwrap();
    sandbox.users(&["add", "mallory"]).unwrap();
    let mallory = sandbox.id("mallory").unwrap();
    assert_ne!(mallory, eve);
    // Also where neither the home nor the account tells.
    sandbox
        .users(&["remove", "mallory", "--delete-home", "mallory"])
        .unwrap();
    sandbox.users(&["add", "nora"]).unwrap();
    assert!(![&eve, &mallory].contains(&&sandbox.id("nora").unwrap()));
    // Whoever comes back has their number and their home.
    sandbox.users(&["add", "eve"]).unwrap();
    assert_eq!(sandbox.id("eve"), Some(eve));
}

#[test]
fn no_folder_of_somebody_else_becomes_a_home() {
    let Some(sandbox) = class() else { return };
    let ada: u32 = sandbox.id("ada").unwrap().parse().unwrap();
    for (name, owner) in [("projects", ada), ("shared", 0)] {
        let home = sandbox.path("home").join(name);
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, PermissionsExt::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(&home, Some(owner), None).unwrap();
        let refused = sandbox.users(&["add", name]).unwrap_err();
        assert!(refused.contains("is somebody else's"), "{refused}");
        assert_eq!(fs::metadata(&home).unwrap().mode() & 0o777, 0o755);
    }
    symlink("/etc", sandbox.path("home/link")).unwrap();
    assert!(sandbox.users(&["add", "link"]).is_err());
    assert_eq!(sandbox.users_txt(), CLASS);
    assert_eq!(sandbox.made(), NAMES);
}

#[test]
fn an_account_in_another_group_is_not_touched() {
    let Some(sandbox) = class() else { return };
    sandbox
        .run(&["useradd", "--groups", "sudo", "ines"])
        .unwrap();
    sandbox
        .run(&["gpasswd", "--add", "ines", "pipalhub-participants"])
        .unwrap();
    let before = sandbox.account("shadow", "ines");
    assert!(
        sandbox
            .users(&["add", "ines"])
            .unwrap_err()
            .contains("was not made here")
    );
    // One that was made here and has got rights since.
    sandbox.run(&["gpasswd", "--add", "ada", "sudo"]).unwrap();
    let ada = sandbox.account("shadow", "ada");
    assert!(sandbox.users(&["reset", "ada"]).is_err());
    sandbox.users_file_is(&sandbox.users_txt().replace("ada:", "ada:other-"));
    assert!(sandbox.users(&["apply"]).is_err());
    assert_eq!(sandbox.account("shadow", "ada"), ada);
    assert_eq!(sandbox.account("shadow", "ines"), before);
}

#[test]
fn a_list_that_was_lost_is_not_written_anew() {
    let Some(sandbox) = class() else { return };
    for lost in [true, false] {
        match lost {
            true => fs::remove_file(sandbox.path("users.txt")).unwrap(),
            false => sandbox.users_file_is("# nobody\n"),
        }
        let refused = sandbox.users(&["add", "nora"]).unwrap_err();
        assert!(refused.contains("put it back first"), "{refused}");
        assert!(sandbox.users(&["reset", "ada"]).is_err());
        sandbox.users(&["apply"]).unwrap();
        assert_eq!(sandbox.made(), NAMES);
    }
    sandbox.users(&["apply", "--remove", "5"]).unwrap();
    assert!(sandbox.made().is_empty());
    sandbox.users(&["add", "nora"]).unwrap();
}

#[test]
fn slips_and_cuts_of_the_list_remove_nobody() {
    let Some(sandbox) = class() else { return };
    let cut = "ada:one\n";
    // Each keeps everyone: a list that was cut, and one with a line that is not understood.
    for list in [
        cut,
        "ada:one\nBea:two\n???\n",
        "ada:one\n\u{feff}bea:two\ncleo\tthree\ndan;four\nEVE:five\n",
    ] {
        sandbox.users_file_is(list);
        // What cannot be used is told, and fails the command or not.
        let _ = sandbox.users(&["apply"]);
        assert_eq!(sandbox.made(), NAMES, "{list:?}");
    }
    sandbox.users_file_is(cut);
    let said = sandbox.users(&["apply", "--remove", "3"]).unwrap();
    assert_eq!(
        (sandbox.made().len(), said.as_str()),
        (5, ""),
        "not so many"
    );
    // An add never removes.
    sandbox.users(&["add", "nora"]).unwrap();
    assert_eq!(sandbox.made().len(), 6);
    sandbox.users(&["apply", "--remove", "4"]).unwrap();
    assert_eq!(sandbox.made(), ["ada", "nora"]);
}

#[test]
fn whoever_can_change_the_list_could_make_accounts_and_so_only_root_can() {
    let Some(sandbox) = class() else { return };
    let folder = sandbox.path("trainer");
    fs::create_dir(&folder).unwrap();
    let list = folder.join("users.txt");
    fs::write(&list, "fay:x\n").unwrap();
    let words = ["apply", "--users-file", list.to_str().unwrap()];
    let owned_by = |path: &std::path::Path, uid| std::os::unix::fs::chown(path, Some(uid), None);
    owned_by(&folder, 1).unwrap();
    let refused = sandbox.users(&words).unwrap_err();
    assert!(
        refused.contains("can be changed by others than root"),
        "{refused}"
    );
    assert!(refused.contains(&format!("chown root: {}", folder.display())));
    owned_by(&folder, 0).unwrap();
    owned_by(&list, 1).unwrap();
    assert!(
        sandbox
            .users(&words)
            .unwrap_err()
            .contains("users.txt && chmod")
    );
    owned_by(&list, 0).unwrap();
    fs::set_permissions(&list, PermissionsExt::from_mode(0o666)).unwrap();
    assert!(sandbox.users(&words).is_err());
    // A pipe is not waited for.
    fs::remove_file(&list).unwrap();
    sandbox.run(&["mkfifo", list.to_str().unwrap()]).unwrap();
    assert!(sandbox.users(&words).unwrap_err().contains("is no file"));
    assert_eq!(sandbox.made(), NAMES);
}

#[test]
fn passwords_are_closed_to_everyone_else() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    sandbox.users_file_is("ada:one\n");
    let list = sandbox.path("users.txt");
    fs::set_permissions(&list, PermissionsExt::from_mode(0o644)).unwrap();
    sandbox.users(&["apply"]).unwrap();
    sandbox.users(&["add", "bea"]).unwrap();
    assert_eq!(fs::metadata(&list).unwrap().mode() & 0o007, 0);
}

#[test]
fn a_home_is_deleted_only_when_its_user_was_removed_from_the_list() {
    let Some(sandbox) = class() else { return };
    let other = sandbox.path("home/ldap");
    fs::create_dir(&other).unwrap();
    std::os::unix::fs::chown(&other, Some(54_321), None).unwrap();
    let refused = sandbox
        .users(&["remove", "ldap", "--delete-home", "ldap"])
        .unwrap_err();
    assert!(refused.contains("no home of ldap is known"), "{refused}");
    // Nor when another folder stands in its place by then.
    sandbox.users(&["remove", "eve"]).unwrap();
    fs::rename(sandbox.path("home/eve"), sandbox.path("home/moved")).unwrap();
    fs::rename(&other, sandbox.path("home/eve")).unwrap();
    assert!(
        sandbox
            .users(&["remove", "eve", "--delete-home", "eve"])
            .is_err()
    );
    assert!(sandbox.path("home/eve").exists());
}

#[test]
fn what_somebody_runs_cannot_keep_their_account() {
    let Some(sandbox) = class() else { return };
    let _steward = sandbox.steward(&[]);
    // In the steward's own namespaces: processes of eve, one of which has borrowed root's rights.
    let script = format!(
        "setpriv --reuid eve --regid eve --clear-groups -- sleep 600 & \
         setpriv --ruid eve --regid eve --clear-groups -- sleep 600 & \
         touch {0}/running; {1} users remove eve",
        sandbox.path("").display(),
        env!("CARGO_BIN_EXE_pipalhub")
    );
    let removed = sandbox.run(&["sh", "-c", &script, "--steward-socket", "/none"]);
    removed.unwrap();
    until("the end of the account", || sandbox.id("eve").is_none());
}

/// As many as the steward takes at once, and more, which send the beginning of a request.
#[test]
fn those_who_never_finish_their_requests_keep_nobody_out() {
    let Some(sandbox) = class() else { return };
    let _steward = sandbox.steward(&[]);
    let mut idle = Vec::new();
    for _ in 0..40 {
        let mut stream = UnixStream::connect(sandbox.path("steward.sock")).unwrap();
        stream.write_all(b"{\"do\":\"list").unwrap();
        idle.push(stream);
    }
    assert!(sandbox.users(&["list"]).unwrap().ends_with("5 users\n"));
    // Whoever has asked and does not listen has the answer kept for nobody.
    let mut deaf = UnixStream::connect(sandbox.path("steward.sock")).unwrap();
    let add = "{\"do\":\"add_users\",\"by\":\"i\",\"users\":[{\"username\":\"nora\"}]}\n";
    deaf.write_all(add.as_bytes()).unwrap();
    drop(deaf);
    until("the account", || sandbox.id("nora").is_some());
}

#[test]
fn a_list_that_could_not_be_read_again_is_not_written() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let mut class = fs::File::create(sandbox.path("class")).unwrap();
    for at in 0..1_900 {
        writeln!(class, "{}{at}@{}.example,", "x".repeat(20), "y".repeat(30)).unwrap();
    }
    let class = sandbox.path("class");
    let words = ["import", class.to_str().unwrap(), "--accounts", "none"];
    sandbox.users(&words).unwrap();
    let list = sandbox.users_txt();
    let filler = format!("# {}\n", "z".repeat((1 << 20) - list.len() - 8));
    sandbox.users_file_is(&format!("{list}{filler}"));
    let refused = sandbox
        .users(&["add", "one-more-person", "--accounts", "none"])
        .unwrap_err();
    assert!(refused.contains("more than 1048576 bytes"), "{refused}");
    assert!(sandbox.users(&["list", "--accounts", "none"]).is_ok());
}
