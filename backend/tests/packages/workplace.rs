//! An environment with small packages of the test's own, and a steward for it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use walkdir::WalkDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::commands::{RunningSteward, all_text_of, text_of, until};

/// pip, from the folder of the test.
pub(crate) const PIP: &str = "pip";
/// pip, from where it is told to by the machine.
pub(crate) const PYPI: &str = "pip from an index";
/// uv, from the folder of the test.
pub(crate) const UV: &str = "uv";

/// An environment that every test copies, since making one takes seconds.
static TEMPLATE: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let env = folder.path().join("env");
    // The system's own may be run by every user; it may come without what makes environments.
    let mut pythons = ["/usr/bin/python3", "python3"].into_iter();
    let is_made = pythons.any(|python| {
        // What a first try has left is no part of the second.
        let _ = fs::remove_dir_all(&env);
        let made = Command::new(python).args(["-m", "venv"]).arg(&env).output();
        made.is_ok_and(|it| it.status.success())
    });
    assert!(is_made, "python3 -m venv works here");
    folder
});

/// A package that is built of what a test says of it.
pub(crate) struct Wheel<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) requires: &'a [&'a str],
}

/// The folders of one test.
pub(crate) struct Workplace {
    folder: TempDir,
    /// What installs, and from where.
    pub(crate) installer: &'static str,
}

impl Workplace {
    /// A fresh environment, and a folder with packages: two versions of `alpha`, `beta`, which
    /// needs the first, `gamma`, which needs the second, and `delta`, which needs `beta`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workplace = Self {
            folder,
            installer: PIP,
        };
        let copied = Command::new("cp")
            .arg("--archive")
            .arg(TEMPLATE.path().join("env"))
            .arg(workplace.environment())
            .status();
        assert!(copied.unwrap().success());
        fs::create_dir(workplace.path("index")).unwrap();
        let wheels: [(&str, &str, &[&str]); 5] = [
            ("alpha", "1.0", &[]),
            ("alpha", "2.0", &[]),
            ("beta", "1.0", &["alpha<2"]),
            ("gamma", "1.0", &["alpha>=2"]),
            ("delta", "1.0", &["beta"]),
        ];
        for (name, version, requires) in wheels {
            workplace.wheel(&Wheel {
                name,
                version,
                requires,
            });
        }
        workplace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn environment(&self) -> PathBuf {
        self.path("env")
    }

    /// Adds a wheel to the folder of packages; each has a program of its name.
    pub(crate) fn wheel(&self, wheel: &Wheel<'_>) {
        let Wheel {
            name,
            version,
            requires,
        } = wheel;
        let info = format!("{name}-{version}.dist-info");
        let mut metadata = format!(
            "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: About {name}\n"
        );
        for requirement in *requires {
            writeln!(metadata, "Requires-Dist: {requirement}").unwrap();
        }
        let module = format!("VERSION = {version:?}\n\n\ndef main():\n    print(VERSION)\n");
        let about =
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let program = format!("[console_scripts]\n{name}-tool = {name}:main\n");
        let mut files = vec![
            (format!("{name}/__init__.py"), module),
            (
                format!("{name}/of_{}.py", version.replace('.', "_")),
                String::new(),
            ),
            (format!("{info}/METADATA"), metadata),
            (format!("{info}/WHEEL"), about.to_owned()),
            (format!("{info}/entry_points.txt"), program),
        ];
        let mut record = String::new();
        for (path, _) in &files {
            writeln!(record, "{path},,").unwrap();
        }
        writeln!(record, "{info}/RECORD,,").unwrap();
        files.push((format!("{info}/RECORD"), record));
        let path = self.path(&format!("index/{name}-{version}-py3-none-any.whl"));
        let mut archive = ZipWriter::new(File::create(path).unwrap());
        for (path, text) in files {
            archive
                .start_file(path, SimpleFileOptions::default())
                .unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
    }

    /// Adds a package that has to be built, by this code.
    pub(crate) fn source(&self, name: &str, build: &str) {
        let root = format!("{name}-1.0");
        let folder = self.path(&format!("index/{root}"));
        fs::create_dir(&folder).unwrap();
        let project =
            "[build-system]\nrequires = []\nbuild-backend = \"builder\"\nbackend-path = [\".\"]\n";
        fs::write(folder.join("pyproject.toml"), project).unwrap();
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
        fs::write(folder.join("PKG-INFO"), &metadata).unwrap();
        // The metadata are told without building, so that a plan can be made.
        let builder = format!(
            "import os, pathlib\n\n\
             def prepare_metadata_for_build_wheel(folder, settings=None):\n\
             \x20   info = pathlib.Path(folder) / '{name}-1.0.dist-info'\n\
             \x20   info.mkdir()\n\
             \x20   (info / 'METADATA').write_text({metadata:?})\n\
             \x20   return info.name\n\n\
             def build_wheel(folder, settings=None, metadata=None):\n\
             \x20   {build}\n"
        );
        fs::write(folder.join("builder.py"), builder).unwrap();
        let packed = Command::new("tar")
            .args(["-czf", &format!("{root}.tar.gz"), &root])
            .current_dir(self.path("index"))
            .status();
        assert!(packed.unwrap().success());
        fs::remove_dir_all(folder).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
        command
            .args(words)
            .env("PIPALHUB_STEWARD_SOCKET", self.path("steward.sock"))
            .env("PIPALHUB_STEWARD_DATA", self.path("state"))
            .env("PIPALHUB_REQUIREMENTS_FILE", self.requirements_file())
            .env("PIPALHUB_ENVIRONMENT", self.environment());
        match self.installer {
            UV => command
                .env("PIPALHUB_INSTALLER", "uv")
                .env("UV_OFFLINE", "1")
                .env("UV_FIND_LINKS", self.path("index")),
            PYPI => command.env("PIPALHUB_INSTALLER", "pip"),
            _ => command
                .env("PIPALHUB_INSTALLER", "pip")
                .env("PIP_NO_INDEX", "1")
                .env("PIP_FIND_LINKS", self.path("index")),
        };
        command
    }

    /// Runs `pipalhub packages`.
    pub(crate) fn packages(&self, words: &[&str]) -> Result<String, String> {
        let words = [&["packages"], words].concat();
        all_text_of(self.command(&words).stdin(Stdio::null()).output().unwrap())
    }

    /// Starts a steward for packages and waits until it answers.
    pub(crate) fn steward(&self, words: &[&str]) -> RunningSteward {
        let words = [&["steward", "--no-users"], words].concat();
        let mut log = File::options();
        let log = log
            .create(true)
            .append(true)
            .open(self.path("steward.log"))
            .unwrap();
        let child = self.command(&words).stderr(log).spawn().unwrap();
        let steward = RunningSteward { child };
        // The socket of one that was killed while it started a program takes connections, too, for
        // a moment.
        let look = json!({"do": "log", "job": null, "from": 0});
        until("the steward", || self.try_ask(&look).is_ok());
        steward
    }

    /// Asks the steward something about packages.
    pub(crate) fn ask(&self, request: &Value) -> Value {
        self.try_ask(request).unwrap_or_else(|error| {
            let log = fs::read_to_string(self.path("steward.log")).unwrap();
            panic!("{error}: {request}\n{log}")
        })
    }

    fn try_ask(&self, request: &Value) -> io::Result<Value> {
        let mut stream = UnixStream::connect(self.path("steward.sock"))?;
        let request = json!({"do": "packages", "request": request});
        writeln!(stream, "{request}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// The change that is being made, or the last one.
    pub(crate) fn job(&self) -> Value {
        self.ask(&json!({"do": "log", "job": null, "from": 0}))["job"].clone()
    }

    /// Begins a change and returns its number.
    pub(crate) fn start(&self, add: &[&str]) -> u64 {
        let edit = json!({"add": add, "remove": []});
        let job = self.ask(&json!({"do": "start", "by": "ines", "edit": edit}));
        job["id"].as_u64().unwrap_or_else(|| panic!("{job}"))
    }

    /// Waits until a change has ended, and returns it.
    pub(crate) fn ended(&self, id: u64) -> Value {
        let mut job = Value::Null;
        until("the end of a change", || {
            job = self.job();
            job["id"] == id && job["state"] != "running"
        });
        job
    }

    pub(crate) fn requirements_file(&self) -> PathBuf {
        self.path("requirements.txt")
    }

    pub(crate) fn requirements(&self) -> String {
        fs::read_to_string(self.requirements_file()).unwrap_or_default()
    }

    /// The version of a package as a new kernel imports it; none where it cannot.
    pub(crate) fn imported(&self, name: &str) -> Option<String> {
        let code = format!("import {name}; print({name}.VERSION)");
        let python = self.environment().join("bin/python3");
        let said = Command::new(python)
            .args(["-B", "-c", &code])
            .output()
            .unwrap();
        text_of(said).ok().map(|it| it.trim().to_owned())
    }

    /// Every file of the environment with its content, mode and number.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, (Vec<u8>, u32, u64)> {
        let root = self.environment();
        let entries = WalkDir::new(&root).into_iter().map(Result::unwrap);
        let entries = entries
            .filter(|it| !it.path().starts_with(root.join(".pipalhub")) && it.path() != root);
        entries
            .map(|it| {
                let metadata = it.metadata().unwrap();
                let content = match metadata.is_file() {
                    true => fs::read(it.path()).unwrap(),
                    false => Vec::new(),
                };
                (
                    it.path().to_owned(),
                    (content, metadata.mode(), metadata.ino()),
                )
            })
            .collect()
    }

    /// Whether a process of the test's folder is left, but for the steward.
    pub(crate) fn has_processes(&self) -> bool {
        let marks = [self.path("env"), self.path("index")];
        let marks = marks.map(|it| it.to_str().unwrap().to_owned());
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut commands = processes.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
        commands.any(|command| {
            let command = String::from_utf8_lossy(&command).into_owned();
            marks.iter().any(|mark| command.contains(mark.as_str()))
        })
    }
}

/// Whether a file is there.
pub(crate) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
