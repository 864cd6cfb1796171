//! The two Python packages as wheels, made of the sources that this program brings along: a server
//! needs nothing but this one file to be set up.
//!
//! A wheel is a zip of the package, its files for `etc`, `share` and `bin`, and metadata. That of
//! the Hub's side has this program in it.

use std::{
    borrow::Cow,
    env::consts,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::bundle::{self, BundledFiles};

const PROJECT_FILE: &str = "pyproject.toml";
const LICENSE_FILE: &str = "LICENSE";
const FILE_MODE: u32 = 0o644;
const PROGRAM_MODE: u32 = 0o755;

/// The wheels in a folder.
pub(crate) struct NodeWheels {
    /// For the Hub's environment.
    pub(crate) hub: PathBuf,
    /// For that of participants' servers.
    pub(crate) singleuser: PathBuf,
}

/// Writes both into `folder`, which is made where it is not there. `program` goes into that of the
/// Hub's side.
///
/// # Errors
/// When the folder cannot be written, or Python has no name for this machine.
pub(crate) fn write_wheels(folder: &Path, program: &Path) -> anyhow::Result<NodeWheels> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let program = fs::read(program)
        .with_context(|| format!("cannot read the program {}", program.display()))?;
    Ok(NodeWheels {
        hub: write_hub_wheel(folder, program)?,
        singleuser: write_singleuser_wheel(folder)?,
    })
}

fn write_hub_wheel(folder: &Path, program: Vec<u8>) -> anyhow::Result<PathBuf> {
    if consts::OS != "linux" {
        bail!(
            "a server needs a program for Linux, and this one is for {}",
            consts::OS
        );
    }
    let sources = bundle::hub_sources();
    let project = PythonProject::of(&sources)?;
    let mut wheel = WheelContents::new(&project, &format!("linux_{}", consts::ARCH), false);
    wheel.add_package(&sources, "pipalhub");
    let script = format!("{}.data/scripts/pipalhub", wheel.stem);
    wheel.add(script, program.into(), PROGRAM_MODE);
    wheel.write(&project, &sources, folder)
}

fn write_singleuser_wheel(folder: &Path) -> anyhow::Result<PathBuf> {
    let sources = bundle::singleuser_sources();
    let project = PythonProject::of(&sources)?;
    let mut wheel = WheelContents::new(&project, "any", true);
    wheel.add_package(&sources, "pipalhub_singleuser");
    for (path, content) in &sources {
        if let Some(rest) = path.strip_prefix("data/") {
            let name = format!("{}.data/data/{rest}", wheel.stem);
            wheel.add(name, content.clone(), FILE_MODE);
        }
    }
    wheel.write(&project, &sources, folder)
}

/// What is asked of `[project]` in a pyproject.toml.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PythonProject {
    name: String,
    version: String,
    description: String,
    readme: String,
    license: String,
    requires_python: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct PyprojectFile {
    project: PythonProject,
}

impl PythonProject {
    fn of(sources: &BundledFiles) -> anyhow::Result<Self> {
        let text = sources
            .get(PROJECT_FILE)
            .context("a package has a project")?;
        let file: PyprojectFile = toml::from_str(&String::from_utf8_lossy(text))?;
        Ok(file.project)
    }

    fn metadata(&self, readme: &[u8]) -> Vec<u8> {
        let mut lines = vec![
            "Metadata-Version: 2.4".to_owned(),
            format!("Name: {}", self.name),
            format!("Version: {}", self.version),
            format!("Summary: {}", self.description),
            format!("License-Expression: {}", self.license),
            format!("License-File: {LICENSE_FILE}"),
            format!("Requires-Python: {}", self.requires_python),
        ];
        lines.extend(
            self.dependencies
                .iter()
                .map(|it| format!("Requires-Dist: {it}")),
        );
        lines.push("Description-Content-Type: text/markdown".to_owned());
        lines.extend([String::new(), String::from_utf8_lossy(readme).into_owned()]);
        lines.join("\n").into_bytes()
    }
}

/// The files of a wheel as they come together.
struct WheelContents {
    /// Name and version, as files of the wheel begin.
    stem: String,
    tag: String,
    is_pure: bool,
    files: Vec<WheelFile>,
}

struct WheelFile {
    path: String,
    content: Cow<'static, [u8]>,
    mode: u32,
}

impl WheelContents {
    fn new(project: &PythonProject, platform: &str, is_pure: bool) -> Self {
        Self {
            stem: format!("{}-{}", project.name.replace('-', "_"), project.version),
            tag: format!("py3-none-{platform}"),
            is_pure,
            files: Vec::new(),
        }
    }

    fn add(&mut self, path: String, content: Cow<'static, [u8]>, mode: u32) {
        self.files.push(WheelFile {
            path,
            content,
            mode,
        });
    }

    fn add_package(&mut self, sources: &BundledFiles, package: &str) {
        for (path, content) in sources {
            if path.split('/').next() == Some(package) {
                self.add(path.clone(), content.clone(), FILE_MODE);
            }
        }
    }

    /// Adds the metadata and writes the file.
    fn write(
        mut self,
        project: &PythonProject,
        sources: &BundledFiles,
        folder: &Path,
    ) -> anyhow::Result<PathBuf> {
        let info = format!("{}.dist-info", self.stem);
        let source = |path: &str| {
            sources
                .get(path)
                .with_context(|| format!("there is no {path}"))
        };
        let metadata = project.metadata(source(&project.readme)?);
        let wheel = format!(
            "Wheel-Version: 1.0\nGenerator: pipalhub\nRoot-Is-Purelib: {}\nTag: {}\n",
            self.is_pure, self.tag
        );
        self.add(format!("{info}/METADATA"), metadata.into(), FILE_MODE);
        self.add(
            format!("{info}/WHEEL"),
            wheel.into_bytes().into(),
            FILE_MODE,
        );
        let license = source(LICENSE_FILE)?.clone();
        self.add(
            format!("{info}/licenses/{LICENSE_FILE}"),
            license,
            FILE_MODE,
        );
        let record = self.record(&format!("{info}/RECORD"));
        self.add(format!("{info}/RECORD"), record.into(), FILE_MODE);
        let path = folder.join(format!("{}-{}.whl", self.stem, self.tag));
        self.write_to(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// The list of all files with their checksums.
    fn record(&self, own_path: &str) -> Vec<u8> {
        let mut lines = String::new();
        for WheelFile { path, content, .. } in &self.files {
            let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(content));
            lines.push_str(&format!("{path},sha256={hash},{}\n", content.len()));
        }
        lines.push_str(&format!("{own_path},,\n"));
        lines.into_bytes()
    }

    fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut zip = ZipWriter::new(File::create(path)?);
        for file in &self.files {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .last_modified_time(DateTime::default())
                .unix_permissions(file.mode)
                .large_file(false);
            zip.start_file(&file.path, options)?;
            zip.write_all(&file.content)?;
        }
        zip.finish()?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read, process::Command};

    use zip::ZipArchive;

    use super::*;

    fn contents(wheel: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut zip = ZipArchive::new(File::open(wheel).unwrap()).unwrap();
        let mut files = BTreeMap::new();
        for at in 0..zip.len() {
            let mut file = zip.by_index(at).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            files.insert(file.name().unwrap().into_owned(), content);
        }
        files
    }

    /// The other way to make it is the build backend that pip calls in a checkout.
    #[test]
    fn the_participants_wheel_is_that_of_its_sources() {
        let folder = tempfile::tempdir().unwrap();
        let own = write_singleuser_wheel(folder.path()).unwrap();
        let other = folder.path().join("other");
        fs::create_dir(&other).unwrap();
        let build = "import pack, sys; print(pack.build_wheel(sys.argv[1]))";
        let built = Command::new("python3")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../singleuser"))
            .args(["-B", "-c", build])
            .arg(&other)
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let name = String::from_utf8(built.stdout).unwrap();
        assert_eq!(own.file_name().unwrap().to_str(), Some(name.trim()));
        let (own, other) = (contents(&own), contents(&other.join(name.trim())));
        let files = |of: &BTreeMap<String, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
        assert_eq!(files(&own), files(&other));
        for (path, content) in &own {
            let generated = path.ends_with("/WHEEL") || path.ends_with("/RECORD");
            assert!(generated || content == &other[path], "{path} is another");
        }
    }

    #[test]
    fn the_hubs_wheel_has_the_program_and_a_checksum_of_each_file() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = write_hub_wheel(folder.path(), b"a program".to_vec()).unwrap();
        let files = contents(&wheel);
        let version = env!("CARGO_PKG_VERSION");
        let info = format!("pipalhub-{version}.dist-info");
        assert_eq!(
            files[&format!("pipalhub-{version}.data/scripts/pipalhub")],
            b"a program"
        );
        let record = String::from_utf8(files[&format!("{info}/RECORD")].clone()).unwrap();
        for path in files.keys() {
            assert!(
                record.contains(&format!("{path},")),
                "{path} is not in {record}"
            );
        }
        assert!(!record.contains("__pycache__"), "{record}");
        assert!(files.contains_key("pipalhub/configuration.py"));
    }
}
