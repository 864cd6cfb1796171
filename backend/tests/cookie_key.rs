//! The key of the cookies as a secret of the platform: in a file or a variable, and nowhere else.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

use std::{
    fs::{self, File, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use reqwest::{Client, StatusCode, header};

const KEY: &str = "canary-0123456789abcdef0123456789abcdef";
const OTHER_KEY: &str = "another-0123456789abcdef0123456789abcdef";

/// A command with the folder's data, and a token of the service's own.
fn pipalhub(command: &str, folder: &Path) -> Command {
    let mut pipalhub = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
    pipalhub
        .env_clear()
        .env("PIPALHUB_TOKEN", "the-token")
        .arg(command)
        .arg("--homes")
        .arg(folder.join("homes/{user}"))
        .arg("--data")
        .arg(folder.join("data"));
    pipalhub
}

/// A running service, ended with the test, and the start of its pages' addresses.
struct KeyedService {
    child: Child,
    url: String,
}

impl Drop for KeyedService {
    fn drop(&mut self) {
        // The test may have ended it already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl KeyedService {
    fn start(folder: &Path, address: &str, key: (&str, &str)) -> Self {
        let log = folder.join("log");
        let log = File::options().create(true).append(true).open(log);
        let mut command = pipalhub("serve", folder);
        command
            .args(["--bind", address])
            .env(key.0, key.1)
            .stdout(Stdio::piped())
            .stderr(log.unwrap());
        let mut child = command.spawn().unwrap();
        let mut link = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut link).unwrap();
        let (url, _) = link.split_once('#').expect("a link");
        let url = url.to_owned();
        Self { child, url }
    }

    /// Signs in and returns the cookie.
    async fn sign_in(&self) -> String {
        let login = Client::new().post(format!("{}api/login", self.url));
        let login = login.header(header::AUTHORIZATION, "token the-token");
        let answer = login.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// How the service answers whoever has this cookie.
    async fn status_of(&self, cookie: &str, path: &str) -> StatusCode {
        let get = Client::new().get(format!("{}{path}", self.url));
        let get = get.header(header::COOKIE, cookie);
        let get = get.header(header::ACCEPT, "text/html");
        get.send().await.unwrap().status()
    }
}

#[tokio::test]
async fn another_key_signs_everyone_out_and_the_same_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("key");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o440)).unwrap();
    let file = file.to_str().unwrap();

    let first = KeyedService::start(folder, "127.0.0.1:0", ("PIPALHUB_COOKIE_KEY", KEY));
    let address = first.url.trim_start_matches("http://").replace('/', "");
    let cookie = first.sign_in().await;
    assert_eq!(
        first.status_of(&cookie, "api/session").await,
        StatusCode::OK
    );
    let listed = fs::read(format!("/proc/{}/cmdline", first.child.id())).unwrap();
    assert!(!String::from_utf8_lossy(&listed).contains("canary"));
    drop(first);
    // The file's text is the same but for the end of its line.
    let by_file = ("PIPALHUB_COOKIE_KEY_FILE", file);
    let same = KeyedService::start(folder, &address, by_file);
    assert_eq!(same.status_of(&cookie, "api/session").await, StatusCode::OK);
    drop(same);
    let another = KeyedService::start(folder, &address, ("PIPALHUB_COOKIE_KEY", OTHER_KEY));
    let refused = another.status_of(&cookie, "api/session").await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED);
    // The page is there to sign in again.
    assert_eq!(another.status_of(&cookie, "").await, StatusCode::OK);
    let anew = another.sign_in().await;
    assert_eq!(
        another.status_of(&anew, "api/session").await,
        StatusCode::OK
    );
    drop(another);
    assert!(!folder.join("data/cookie.key").exists());
    let grep = Command::new("grep")
        .args(["-rlE", "canary|another-0", "data", "log"])
        .current_dir(folder)
        .output();
    assert_eq!(String::from_utf8(grep.unwrap().stdout).unwrap(), "");
}

/// The variables that are set, and the words that the refusal holds.
type KeyCase<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

#[test]
fn a_key_that_is_none_is_refused_by_its_name_and_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file("good", KEY, 0o400);
    let open = file("open", KEY, 0o444);
    let short = file("short", "too-short-canary\n", 0o600);
    let long = file("long", &KEY.repeat(200), 0o600);
    let folder_name = folder.to_str().unwrap();
    let by_file = "PIPALHUB_COOKIE_KEY_FILE";
    let by_text = "PIPALHUB_COOKIE_KEY";
    let cases: [KeyCase; 8] = [
        (
            &[(by_file, &good), (by_text, KEY)],
            &[by_file, "and by PIPALHUB_COOKIE_KEY:"],
        ),
        (
            &[(by_file, &open)],
            &[&open, "mode 444", "chmod 600", "defaultMode"],
        ),
        (
            &[(by_file, &short)],
            &[&short, "has 16", "openssl rand -hex 32"],
        ),
        (&[(by_file, &long)], &[&long, "4096 bytes"]),
        (
            &[(by_file, "/none")],
            &["/none", "--cookie-key-file", "No such file"],
        ),
        (&[(by_file, folder_name)], &[folder_name, "not a file"]),
        (&[(by_text, "short-canary")], &[by_text, "has 12"]),
        (&[(by_text, "")], &[by_text, "has 0"]),
    ];
    for (variables, words) in cases {
        let mut serve = pipalhub("serve", folder);
        serve.args(["--bind", "127.0.0.1:0", "--check"]);
        let mut doctor = pipalhub("doctor", folder);
        doctor.args(["--bind", "127.0.0.1:0", "--python", "/none"]);
        for mut command in [serve, doctor] {
            let output = command.envs(variables.iter().copied()).output().unwrap();
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{variables:?}: {said}");
            for word in words {
                assert!(said.contains(word), "{variables:?}: {said}");
            }
            assert!(!said.contains("canary"), "{said}");
        }
    }
    let mut doctor = pipalhub("doctor", folder);
    doctor.args(["--bind", "127.0.0.1:0", "--python", "/none"]);
    let told = said(&doctor.env(by_text, KEY).output().unwrap());
    assert!(told.contains("is given by PIPALHUB_COOKIE_KEY"), "{told}");
}

/// A program that the service asks for homes has its environment, but for its secrets.
#[test]
fn no_program_of_the_services_is_told_the_key_or_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let program = folder.join("where");
    let script = "#!/bin/sh\nenv > \"${0%/*}/told\"\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut check = pipalhub("serve", folder);
    check.args(["--check", "--bind", "127.0.0.1:0"]);
    assert!(check.output().unwrap().status.success());
    let events = rusqlite::Connection::open(folder.join("data/events.sqlite3")).unwrap();
    let insert = "INSERT INTO events (type, user, filename, path, timestamp)
        VALUES ('save-notebook', 'ana', 'a.ipynb', '/x/a.ipynb', '')";
    events.execute(insert, []).unwrap();
    drop(events);
    let mut doctor = pipalhub("doctor", folder);
    let source = format!("command:{}", program.display());
    doctor
        .args(["--homes-from", &source, "--bind", "127.0.0.1:0"])
        .env("PIPALHUB_COOKIE_KEY", KEY)
        .env("PATH", "/usr/bin:/bin")
        .env("JUPYTERHUB_API_URL", "http://127.0.0.1:1/hub/api");
    doctor.output().unwrap();
    let told = fs::read_to_string(folder.join("told")).unwrap();
    assert!(told.contains("JUPYTERHUB_API_URL"), "{told}");
    assert!(
        !told.contains("canary") && !told.contains("the-token"),
        "{told}"
    );
}
