//! The programs that building and testing need, each in a fixed version.
//!
//! A program on `PATH` in the right version is used. Otherwise the program is installed into a
//! cache that all checkouts of a user share, `$PIPALHUB_CACHE` or `pipalhub` in the user's cache
//! folder, and nowhere else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail};

use crate::command::{cargo, execute, is_there, output, program, say};

const TRUNK_VERSION: &str = "0.21.14";
/// The crate `wasm-bindgen` in Cargo.toml has the same version; they only work together.
const WASM_BINDGEN_VERSION: &str = "0.2.130";
const CARGO_FUZZ_VERSION: &str = "0.13.2";
const BINARYEN_VERSION: &str = "123";
const TERSER_VERSION: &str = "5.51.4";
const PROXY_VERSION: &str = "5";
const DENO_VERSION: &str = "2.9.6";
const MATHS_FONT_VERSION: &str = "5.3.0";

/// A Python venv in the cache, and its requirements.
pub(crate) struct Venv {
    name: &'static str,
    requirements: &'static str,
}

impl Venv {
    /// The name of its folder.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// The current JupyterHub, with JupyterLab and Notebook 7 for the participants.
pub(crate) const HUB_VENV: Venv = Venv {
    name: "hub-6.1",
    requirements: "tests/requirements/hub-6.1.txt",
};
/// The oldest JupyterHub that is supported.
pub(crate) const OLDEST_HUB_VENV: Venv = Venv {
    name: "hub-5.5",
    requirements: "tests/requirements/hub-5.5.txt",
};
/// Hubs whose participants have shared documents, of either kind that is supported.
pub(crate) const COLLABORATION_VENVS: [Venv; 2] = [
    Venv {
        name: "collaboration-4",
        requirements: "tests/requirements/collaboration-4.txt",
    },
    Venv {
        name: "collaboration-5",
        requirements: "tests/requirements/collaboration-5.txt",
    },
];

/// The peers that the benchmarks compare with.
pub(crate) const BENCH_VENV: Venv = Venv {
    name: "bench",
    requirements: "tests/requirements/bench.txt",
};

/// The kernels of three versions of IPython, and one of Bash.
pub(crate) const KERNEL_VENVS: [Venv; 3] = [
    Venv {
        name: "kernels-7",
        requirements: "tests/requirements/kernels-7.txt",
    },
    Venv {
        name: "kernels-8",
        requirements: "tests/requirements/kernels-8.txt",
    },
    Venv {
        name: "kernels-9",
        requirements: "tests/requirements/kernels-9.txt",
    },
];

/// A kernel of Java, which needs a Java of its own, 11 or later.
pub(crate) const JAVA_KERNEL_VENV: Venv = Venv {
    name: "kernels-java",
    requirements: "tests/requirements/kernels-java.txt",
};

/// maturin, which packs the service's wheel, and zig, which compiles C for other machines and older
/// C libraries.
pub(crate) const DIST_VENV: Venv = Venv {
    name: "dist",
    requirements: "tests/requirements/dist.txt",
};

/// The target of the page.
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The folders of the programs that build the page, for `PATH`; also adds the wasm target.
///
/// Both programs are built without TLS, because they download nothing: all they need is installed
/// here.
pub(crate) fn web() -> anyhow::Result<Vec<PathBuf>> {
    rust_target(WASM_TARGET)?;
    let target = tools_folder()?.join("build");
    let mut folders = Vec::new();
    for (name, package, version, locked) in [
        (
            "wasm-bindgen",
            "wasm-bindgen-cli",
            WASM_BINDGEN_VERSION,
            &[][..],
        ),
        // `--locked` uses the lock file of its release.
        ("trunk", "trunk", TRUNK_VERSION, &["--locked"]),
    ] {
        let options = [locked, &["--no-default-features"]].concat();
        folders.extend(cargo_tool(name, package, version, &options, &target)?);
    }
    remove_build_folder(&target)?;
    Ok(folders)
}

/// The folder of cargo-fuzz, `None` when `PATH` has it.
pub(crate) fn cargo_fuzz() -> anyhow::Result<Option<PathBuf>> {
    let target = tools_folder()?.join("build");
    let folder = cargo_tool(
        "cargo-fuzz",
        "cargo-fuzz",
        CARGO_FUZZ_VERSION,
        &["--locked"],
        &target,
    )?;
    remove_build_folder(&target)?;
    Ok(folder)
}

/// Removes the build folder of the tools: gigabytes that are not used again.
fn remove_build_folder(target: &Path) -> anyhow::Result<()> {
    match target.exists() {
        true => fs::remove_dir_all(target).context("cannot tidy up after the installation"),
        false => Ok(()),
    }
}

/// The font that formulas are set in, and its licence; `None` without npm.
pub(crate) fn maths_font() -> anyhow::Result<Option<[PathBuf; 2]>> {
    let folder = format!("maths-font-{MATHS_FONT_VERSION}");
    let modules = npm_install(
        &folder,
        &[("@fontsource/stix-two-math", MATHS_FONT_VERSION)],
    )?;
    Ok(modules.map(|modules| {
        let package = modules.join("@fontsource/stix-two-math");
        let font = package.join("files/stix-two-math-latin-400-normal.woff2");
        [font, package.join("LICENSE")]
    }))
}

/// configurable-http-proxy, which JupyterHub needs.
pub(crate) fn proxy() -> anyhow::Result<PathBuf> {
    let name = "configurable-http-proxy";
    let folder = npm_package(name, PROXY_VERSION)?
        .with_context(|| format!("{name} comes from npm: install npm (Node.js 20 or later)"))?;
    Ok(folder.join(name))
}

/// The folder of a venv; it is created again when its requirements have changed.
pub(crate) fn venv(venv: &Venv) -> anyhow::Result<PathBuf> {
    let folder = tools_folder()?.join(venv.name);
    let requirements = crate::command::root().join(venv.requirements);
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(folder);
    }
    if !is_there("python3") {
        bail!("Python is needed: install python3 and its venv module");
    }
    say(&format!(
        "Installing {} into {}",
        venv.requirements,
        folder.display()
    ));
    execute(
        program("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )
    .context(
        "Python cannot make a virtual environment (Debian has its venv module in python3-venv)",
    )?;
    execute(
        program(folder.join("bin/pip"))
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&requirements),
    )?;
    // Written last, so that an interrupted installation is started again.
    fs::write(stamp, wanted)?;
    Ok(folder)
}

/// Installs the participants' package, as it is in this checkout, into a venv.
///
/// Each time, because another checkout may have installed its own; it takes two seconds, and no
/// network from Python 3.11 on, because the package contains its build backend.
pub(crate) fn singleuser_package(venv: &Path) -> anyhow::Result<()> {
    execute(
        program(venv.join("bin/pip"))
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--force-reinstall",
            ])
            .arg(crate::command::root().join("singleuser")),
    )
    .context("the participants' package cannot be installed")
}

/// Writes the wheel of the participants' package, as it is in this checkout, into a folder by this
/// Python; returns its path.
pub(crate) fn singleuser_wheel(python: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let pack = "import pack, sys; print(pack.build_wheel(sys.argv[1]))";
    let mut command = program(python);
    command
        .current_dir(crate::command::root().join("singleuser"))
        .args(["-B", "-c", pack])
        .arg(folder);
    let name = output(&mut command)?.filter(|name| !name.is_empty());
    let name = name.context(
        "the wheel of the participants' package cannot be written: it takes Python 3.11, or an \
         older one with tomli",
    )?;
    Ok(folder.join(name))
}

/// Adds a target to the toolchain, where rustup manages it.
pub(crate) fn rust_target(target: &str) -> anyhow::Result<()> {
    match output(program("rustup").args(["target", "list", "--installed"]))? {
        Some(installed) if installed.lines().any(|line| line == target) => Ok(()),
        Some(_) => {
            say(&format!("Adding the target {target} to the toolchain"));
            execute(program("rustup").args(["target", "add", target]))
        }
        // A toolchain without rustup, from a distribution; cargo reports a missing target.
        None => Ok(()),
    }
}

/// The folder of a program that cargo installs, `None` when `PATH` has it. Its dependencies stay in
/// `target`, for other programs with the same ones.
fn cargo_tool(
    name: &str,
    package: &str,
    version: &str,
    options: &[&str],
    target: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    let has_version = |program_path: &Path| -> anyhow::Result<bool> {
        let version_output = output(program(program_path).arg("--version"))?.unwrap_or_default();
        Ok(version_output.split_whitespace().nth(1) == Some(version))
    };
    if has_version(Path::new(name))? {
        return Ok(None);
    }
    let folder = tools_folder()?.join(format!("{name}-{version}"));
    let bin = folder.join("bin");
    if has_version(&bin.join(name))? {
        return Ok(Some(bin));
    }
    say(&format!(
        "Building {name} {version} (a few minutes, once for this user)"
    ));
    // Unoptimised: a third of the build time, for a program that runs for seconds only.
    execute(
        cargo(&["install", "--debug", package, "--version", version])
            .args(options)
            .arg("--root")
            .arg(&folder)
            .arg("--target-dir")
            .arg(target)
            .env("CARGO_PROFILE_DEV_DEBUG", "0"),
    )?;
    Ok(Some(bin))
}

/// The folder of `wasm-opt`: the inner `None` when `PATH` has it, the outer `None` without npm,
/// from which it comes; the page can be built without it.
pub(crate) fn wasm_opt() -> anyhow::Result<Option<Option<PathBuf>>> {
    let version_output = output(program("wasm-opt").arg("--version"))?.unwrap_or_default();
    if version_output
        .split_whitespace()
        .any(|word| word == BINARYEN_VERSION)
    {
        return Ok(Some(None));
    }
    Ok(npm_package("binaryen", BINARYEN_VERSION)?.map(Some))
}

/// The folder of `terser`, which makes scripts smaller; `None` without npm.
pub(crate) fn terser() -> anyhow::Result<Option<PathBuf>> {
    npm_package("terser", TERSER_VERSION)
}

/// The folder of an npm package's programs, `None` when there is no npm.
fn npm_package(name: &str, version: &str) -> anyhow::Result<Option<PathBuf>> {
    let modules = npm_install(&format!("{name}-{version}"), &[(name, version)])?;
    Ok(modules.map(|modules| modules.join(".bin")))
}

/// The `node_modules` that holds these packages, in a folder called after `name`.
pub(crate) fn npm_packages(name: &str, packages: &[(&str, &str)]) -> anyhow::Result<PathBuf> {
    let versions: Vec<&str> = packages.iter().map(|(_, version)| *version).collect();
    npm_install(&format!("{name}-{}", versions.join("-")), packages)?
        .with_context(|| format!("{name} takes packages of npm: install npm (Node.js 20 or later)"))
}

/// Deno, whose kernel runs JavaScript; `None` without npm.
pub(crate) fn deno() -> anyhow::Result<Option<PathBuf>> {
    Ok(npm_package("deno", DENO_VERSION)?.map(|folder| folder.join("deno")))
}

/// Installs packages into a folder of the cache, `None` when there is no npm.
fn npm_install(folder: &str, packages: &[(&str, &str)]) -> anyhow::Result<Option<PathBuf>> {
    let folder = tools_folder()?.join(folder);
    let modules = folder.join("node_modules");
    if modules.is_dir() {
        return Ok(Some(modules));
    }
    if !is_there("npm") {
        return Ok(None);
    }
    let wanted: Vec<String> = packages
        .iter()
        .map(|(name, version)| format!("{name}@{version}"))
        .collect();
    say(&format!("Installing {} from npm", wanted.join(", ")));
    // Under another name first, because an existing folder counts as complete.
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    execute(
        program("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&partial)
            .args(wanted),
    )?;
    fs::rename(&partial, &folder)?;
    Ok(Some(modules))
}

/// Installs the browser of the tests and its driver.
pub(crate) fn browser() -> anyhow::Result<()> {
    debian_packages(&[
        ("chromium", "chromium"),
        ("chromedriver", "chromium-driver"),
    ])
}

/// Debian's Firefox, for the tests that look at a page in another browser.
pub(crate) fn firefox() -> anyhow::Result<()> {
    debian_packages(&[("firefox-esr", "firefox-esr")])
}

/// Debian's R with its kernel, whether it is there or can be installed.
pub(crate) fn r_kernel() -> anyhow::Result<bool> {
    let has_kernel = || {
        let mut command = program("Rscript");
        let loads = command.args(["-e", "library(IRkernel)"]);
        loads.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !has_kernel() && is_root()? && is_there("apt-get") {
        debian_packages(&[("IRkernel", "r-cran-irkernel")])?;
    }
    Ok(has_kernel())
}

/// Debian's nginx, as it is installed, or else unpacked in the cache: it needs no service and no
/// files in `/etc` for the tests.
pub(crate) fn nginx() -> anyhow::Result<PathBuf> {
    debian_program("nginx", "usr/sbin/nginx", "-v")
}

/// An HTTP proxy by which servers of tests reach the package registries.
pub(crate) fn forward_proxy() -> anyhow::Result<PathBuf> {
    debian_program("tinyproxy-bin", "usr/bin/tinyproxy", "-v")
}

/// A certificate authority for tests, and in the same folder what answers its questions for names.
pub(crate) fn certificate_authority() -> anyhow::Result<PathBuf> {
    debian_program("pebble", "usr/bin/pebble", "-help")
}

/// A program of one of Debian's packages, as it is installed, or else unpacked in the cache: the
/// package itself would start a server on this machine.
/// `version` makes it print its version and end.
fn debian_program(package: &str, path: &str, version: &str) -> anyhow::Result<PathBuf> {
    let works = |program_path: &Path| {
        let mut command = program(program_path);
        let quiet = command
            .arg(version)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    let installed = Path::new("/").join(path);
    if works(&installed) {
        return Ok(installed);
    }
    let folder = tools_folder()?.join(package);
    let unpacked = folder.join(path);
    if works(&unpacked) {
        return Ok(unpacked);
    }
    say(&format!("Unpacking Debian's {package}"));
    // Under another name first, so that an interrupted download is started again.
    let partial = folder.with_extension("partial");
    for old in [&partial, &folder] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    fs::create_dir_all(&partial)?;
    let download = || {
        let mut apt = program("apt-get");
        apt.current_dir(&partial)
            .args(["--quiet=2", "--option", "APT::Sandbox::User=root"])
            .args(["download", package]);
        execute(&mut apt)
    };
    // The lists of packages may be missing or old.
    let downloaded = download().or_else(|_| {
        execute(program("apt-get").args(["--quiet=2", "update"]))?;
        download()
    });
    downloaded.with_context(|| {
        format!("{package} cannot be downloaded from Debian: please install {package}")
    })?;
    for entry in fs::read_dir(&partial)? {
        let file = entry?.path();
        if file.extension().is_some_and(|ending| ending == "deb") {
            execute(program("dpkg").arg("-x").arg(&file).arg(&partial))?;
            fs::remove_file(file)?;
        }
    }
    fs::rename(&partial, &folder)?;
    if !works(&unpacked) {
        bail!("Debian's {package} does not run here: please install {package}");
    }
    Ok(unpacked)
}

/// Installs the packages of missing programs, given as `(program, package)`, as root on Debian;
/// fails otherwise.
pub(crate) fn debian_packages(wanted: &[(&str, &str)]) -> anyhow::Result<()> {
    let missing = missing(wanted);
    if missing.is_empty() {
        return Ok(());
    }
    if !(is_root()? && is_there("apt-get")) {
        bail!(
            "please install these first (Debian's names): {}",
            missing.join(" ")
        );
    }
    say(&format!("Installing {}", missing.join(" ")));
    let apt = || {
        let mut apt = program("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .arg("--quiet=2");
        apt
    };
    execute(apt().arg("update"))?;
    execute(
        apt()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&missing),
    )
}

/// The packages of missing programs, given as `(program, package)`.
pub(crate) fn missing<'a>(wanted: &[(&str, &'a str)]) -> Vec<&'a str> {
    wanted
        .iter()
        .filter(|(name, _)| !is_there(name) && !Path::new("/usr/sbin").join(name).is_file())
        .map(|(_, package)| *package)
        .collect()
}

/// Whether root runs this.
pub(crate) fn is_root() -> anyhow::Result<bool> {
    Ok(output(program("id").arg("--user"))?.as_deref() == Some("0"))
}

/// The folder of everything that all checkouts of a user share.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    variable("PIPALHUB_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("pipalhub")))
        .or_else(|| Some(variable("HOME")?.join(".cache/pipalhub")))
        .context("no folder for programs: set PIPALHUB_CACHE or HOME")
}

fn tools_folder() -> anyhow::Result<PathBuf> {
    let tools = cache()?.join("tools");
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    Ok(tools)
}
