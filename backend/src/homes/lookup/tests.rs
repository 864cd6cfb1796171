use std::process::Command;

use rustix::process::geteuid;
use tempfile::TempDir;

use super::accounts::MIN_USER_ID;
use super::*;
use crate::homes::scan;

const MARIA: &str = "maria.gonzalez-perez@students.example.edu";

fn lookup(text: &str) -> Homes {
    text.parse::<HomesLookup>().unwrap().into()
}

/// Writes a program in another process, because children of this one's other threads would
/// have a file open that this one has open for writing.
fn program(folder: &TempDir, name: &str, script: &str) -> PathBuf {
    let path = folder.path().join(name);
    let write = "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"";
    let mut sh = Command::new("sh");
    let sh = sh.args(["-c", write, "sh", script]).arg(&path);
    assert!(sh.status().unwrap().success());
    path
}

fn home(folder: &TempDir, name: &str) -> PathBuf {
    let home = folder.path().join(name);
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("a.ipynb"), "").unwrap();
    home
}

fn found(homes: &Homes) -> Vec<String> {
    let scans = scan(homes).into_iter();
    scans
        .flat_map(|(_, scan)| scan.found)
        .map(|found| format!("{}:{}", found.user, found.filename))
        .collect()
}

#[test]
fn a_setting_is_read_and_a_wrong_one_names_the_remedy() {
    for text in [
        "getpwnam:jupyter-{user}",
        "getpwnam:{tljh}",
        "command:/opt/home-of",
        "table:/etc/homes",
    ] {
        assert_eq!(text.parse::<HomesLookup>().unwrap().to_string(), text);
    }
    for (text, words) in [
        ("getpwnam:ana", "{user}"),
        ("getpwnam:{user}{user}", "one of"),
        ("getpwnam:/home/{user}", "account's name"),
        ("command:home-of", "absolute"),
        ("command", "absolute"),
        ("table:", "absolute"),
        ("/home/{user}", "must begin with getpwnam:"),
    ] {
        let refused = text.parse::<HomesLookup>().unwrap_err();
        assert!(refused.contains(words), "{text}: {refused}");
    }
}

#[test]
fn a_table_names_homes_in_both_directions() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("table");
    let long = "n".repeat(70);
    let mut text = String::new();
    for (user, name) in [
        ("Zoë", "z"),
        ("a_b", "vol-1/_data"),
        (MARIA, "m"),
        (&long, "n"),
    ] {
        let home = home(&folder, name);
        text += &format!("{user} {}\n", home.display());
    }
    fs::write(&table, &text).unwrap();
    let homes = lookup(&format!("table:{}", table.display()));
    homes.list().unwrap();
    let all = ["Zoë", "a_b", MARIA, &long];
    assert_eq!(homes.users(), ["Zoë", "a_b", MARIA, &long]);
    assert_eq!(found(&homes), all.map(|user| format!("{user}:a.ipynb")));
    for user in all {
        let shown = homes.home_of(user).unwrap().shown("m1/b.ipynb");
        let split = homes.split(shown.as_ref()).unwrap();
        assert_eq!(split, (user.to_owned(), "m1/b.ipynb".to_owned()));
    }
    assert_eq!(homes.split("/etc/passwd".as_ref()), None);
    // A new line is a new home.
    let bo = home(&folder, "bo");
    text += &format!("bo {}\nbo again\n", bo.display());
    fs::write(&table, &text).unwrap();
    assert_eq!(homes.users().len(), 5);
    assert_eq!(homes.problems().len(), 1, "{:?}", homes.problems());
    let missing = lookup("table:/no/such/table").list().unwrap_err();
    assert!(
        missing.contains("/no/such/table cannot be read"),
        "{missing}"
    );
}

#[test]
fn an_account_names_its_home() {
    let folder = tempfile::tempdir().unwrap();
    let id = geteuid().as_raw();
    // The owner in a database of accounts, where the number of an account is not root's.
    let own = if id >= MIN_USER_ID { id } else { 1_234 };
    let lines = [
        format!(
            "jupyter-ana:x:{own}:100::{}:/bin/sh",
            folder.path().join("a").display()
        ),
        format!(
            "jupyter-maria.gonzalez-per-6d9ea:x:{own}:100::{}:/bin/sh",
            folder.path().join("m").display()
        ),
        "jupyter-system:x:33:33::/var/www:/bin/sh".to_owned(),
        "jupyter-relative:x:2000:33::www:/bin/sh".to_owned(),
        format!(
            "jupyter-other:x:{own}:100::{}:/bin/sh",
            folder.path().join("a").display()
        ),
    ];
    for name in ["a", "m"] {
        let home = home(&folder, name);
        if own != id {
            std::os::unix::fs::chown(home.join("a.ipynb"), Some(own), None).unwrap();
            std::os::unix::fs::chown(home, Some(own), None).unwrap();
        }
    }
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = passwd ] || exit 1\n\
         [ $# = 1 ] && {{ cat <<'END'\n{lines}\nEND\nexit 0; }}\n\
         [ \"$2\" = jupyter-slow ] && exec sleep 1000\n\
         [ \"$2\" = jupyter-1000 ] && set - passwd jupyter-ana\n\
         grep \"^$2:\" <<'END' || exit 2\n{lines}\nEND\n",
        lines = lines.join("\n")
    );
    let getent = program(&folder, "getent", &script);
    let with = |pattern: &str| -> Homes {
        let account = AccountPattern(NamePattern::of(pattern).unwrap());
        let getent = getent.clone().into();
        HomesLookup::Accounts { account, getent }.into()
    };
    let homes = with("{tljh}");
    assert_eq!(homes.home_of("ana"), None);
    for user in [
        "ana", MARIA, "system", "relative", "other", "nobody", "1000",
    ] {
        homes.learn(user);
    }
    assert_eq!(found(&homes), ["ana:a.ipynb", &format!("{MARIA}:a.ipynb")]);
    let shown = homes.home_of(MARIA).unwrap().shown("b.ipynb");
    let below = homes.below_home_of(MARIA, shown.as_ref());
    assert_eq!(below.as_deref(), Some("b.ipynb"));
    assert_eq!(homes.below_home_of("ana", shown.as_ref()), None);
    assert_eq!(
        homes.split(shown.as_ref()),
        Some((MARIA.to_owned(), "b.ipynb".to_owned()))
    );
    let problems = homes.problems().join("\n");
    for words in ["system's", "not absolute", "is the home of ana already"] {
        assert!(problems.contains(words), "{problems}");
    }
    // Names that were not cut tell their users.
    let listed = with("jupyter-{user}");
    listed.list().unwrap();
    assert_eq!(listed.home_of("ana"), homes.home_of("ana"));
    assert_eq!(listed.home_of("system"), None);
    // The folder that is there now is another account's.
    if own != id {
        std::os::unix::fs::chown(folder.path().join("a"), Some(own + 1), None).unwrap();
        let refused = homes.refused();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].1.to_string().contains("account"), "{refused:?}");
    }
    let gone: Homes = HomesLookup::Accounts {
        account: AccountPattern(NamePattern::of("{user}").unwrap()),
        getent: "/no/such/getent".into(),
    }
    .into();
    assert!(gone.list().unwrap_err().contains("install it"));
}

#[test]
fn a_program_prints_a_home_and_is_asked_seldom() {
    let folder = tempfile::tempdir().unwrap();
    let ana = home(&folder, "matt-2dns");
    let script = format!(
        "#!/bin/sh\necho \"$1\" >> {asked}\ncase \"$1\" in\n\
         matt-ns) echo {ana};;\n relative) echo homes/x;;\n fails) exit 3;;\n\
         up) echo {base}/../x;;\n two) printf '/a\\n/b\\n';;\nesac\n",
        asked = folder.path().join("asked").display(),
        ana = ana.display(),
        base = folder.path().display()
    );
    let script = program(&folder, "home-of", &script);
    let homes = lookup(&format!("command:{}", script.display()));
    homes.list().unwrap();
    for _ in 0..3 {
        for user in [
            "matt-ns",
            "relative",
            "fails",
            "up",
            "two",
            "none",
            "a b; $(x)",
        ] {
            homes.learn(user);
        }
    }
    assert_eq!(found(&homes), ["matt-ns:a.ipynb"]);
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    let expected = "matt-ns\nrelative\nfails\nup\ntwo\nnone\na b; $(x)\n";
    assert_eq!(asked, expected);
    let problems = homes.problems();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].contains("ended with 3"), "{problems:?}");
    let missing = lookup("command:/no/such/program").list().unwrap_err();
    assert!(missing.contains("not there"), "{missing}");
}

/// A cut name tells its user only once that user is known.
#[test]
fn a_template_finds_a_folder_whose_name_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    for (pattern, name, user) in [
        ("{tljh}", "jupyter-maria.gonzalez-per-6d9ea", MARIA),
        ("x/{slug}/work", "x/zo---c6a12698/work", "Zoë"),
    ] {
        home(&folder, name);
        let template = format!("{}/{pattern}", folder.path().display());
        let homes: Homes = template.parse::<HomesTemplate>().unwrap().into();
        assert_eq!(homes.users(), [""; 0]);
        assert!(homes.is_unlearnt(user) && !homes.is_unlearnt("ana"));
        for user in [
            user,
            "not-there-whose-name-is-long-enough-to-be-cut-somewhere-or-other",
        ] {
            homes.learn(user);
        }
        assert_eq!(found(&homes), [format!("{user}:a.ipynb")]);
        let shown = homes.home_of(user).unwrap().shown("b.ipynb");
        let split = homes.split(shown.as_ref());
        assert_eq!(split, Some((user.to_owned(), "b.ipynb".to_owned())));
    }
    home(&folder, "v/a-2db");
    let template = format!("{}/v/{{escaped}}", folder.path().display());
    let homes: Homes = template.parse::<HomesTemplate>().unwrap().into();
    assert_eq!(found(&homes), ["a-b:a.ipynb"]);
}
