//! `cargo xtask fresh`: tests of the service on a server with Docker's engine.
//!
//! podman builds the images of the server and of participants' containers from `tests/fresh/`.
//! The cache keeps their layers, so that a build repeats changed layers only. No image registry
//! is needed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tempfile::TempDir;

use crate::{
    build::{self, BuildProfile},
    command::{cargo, execute, is_there, output, program, root, say},
    tools,
};

/// The base of all images. The tag names the suite and the variant of debootstrap.
const BASE_IMAGE: &str = "localhost/pipalhub-debian";
/// The base of a node's image, which knows the machine's certificates.
const STACK_BASE_IMAGE: &str = "localhost/pipalhub-stack-base:latest";
/// The Debian of the servers.
const SUITE: &str = "bookworm";
/// The oldest Debian that the packages are for.
const OLDEST_SUITE: &str = "bullseye";
/// Programs that build and run the images, and the Debian packages that have them.
const PACKAGES: [(&str, &str); 6] = [
    ("debootstrap", "debootstrap"),
    ("ip", "iproute2"),
    ("podman", "podman"),
    ("runc", "runc"),
    ("unshare", "util-linux"),
    ("update-ca-certificates", "ca-certificates"),
];
/// The JupyterHub that `cargo xtask test` tests with.
pub(crate) const HUB_VERSION: &str = "6.1";
/// configurable-http-proxy, in the newest versions of it and of what it needs that run on the Node.js
/// of Debian 12 and on that of the oldest Debian, which does not know the syntax of later ones.
const PROXY_PACKAGES: [(&str, &str); 2] = [
    ("configurable-http-proxy", "4"),
    ("@dabh/diagnostics", "2.0.3"),
];
/// The tests that take packages, by the beginnings of their names.
const PACKAGE_TESTS: [&str; 7] = [
    "container::",
    "debian::",
    "external::",
    OLDEST_TESTS,
    "tljh::",
    "users::",
    "wheels::",
];
/// Those of them that take a server with the oldest Debian.
const OLDEST_TESTS: &str = "oldest::";
/// The certificates of the machine, which pip uses in a build.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Test the service on a fresh server: Debian with systemd, Docker's engine, a JupyterHub with
/// DockerSpawner, and volumes that the service cannot read.
///
/// For root on Linux. The images stay in the cache; all else is removed with the test.
#[derive(Args)]
pub(crate) struct FreshArgs {
    /// The version of JupyterHub.
    #[arg(long, value_parser = ["5.5", HUB_VERSION], default_value = HUB_VERSION)]
    hub: String,
    /// The folder for screenshots.
    #[arg(long, value_name = "DIR")]
    shots: Option<PathBuf>,
}

pub(crate) fn run(args: &FreshArgs) -> anyhow::Result<()> {
    if let Some(obstacle) = obstacle()? {
        bail!("there is no fresh server: {obstacle}");
    }
    build::page(BuildProfile::Trial)?;
    say("Building the service");
    execute(&mut cargo(&["build", "--locked", "--package", "backend"]))?;
    tools::browser()?;
    let images = images(&args.hub)?;
    test(&images, &build::shots(args.shots.as_deref())?)
}

/// The reason why this machine cannot run the tests, if there is one.
pub(crate) fn obstacle() -> anyhow::Result<Option<String>> {
    if !tools::is_root()? {
        return Ok(Some("root is needed".to_owned()));
    }
    let missing = tools::missing(&PACKAGES);
    if !missing.is_empty() && !is_there("apt-get") {
        return Ok(Some(format!("{} is missing", missing.join(", "))));
    }
    // The root of a container may have no right to make namespaces.
    let mut unshare = program("unshare");
    let made = unshare.args(["--mount", "--net", "--pid", "--fork", "echo", "made"]);
    if output(made)?.as_deref() != Some("made") {
        return Ok(Some("this machine allows no namespaces".to_owned()));
    }
    Ok(None)
}

/// The images that the tests start, by their ids.
pub(crate) struct FreshImages {
    podman: Podman,
    server: String,
    participant: String,
    /// A server as a cloud gives it.
    bare: String,
    /// What a Docker engine gets from a registry elsewhere.
    registry: String,
}

/// Builds the images for a version of JupyterHub, as far as the cache does not have them.
pub(crate) fn images(hub: &str) -> anyhow::Result<FreshImages> {
    tools::debian_packages(&PACKAGES)?;
    let podman = Podman::new()?;
    podman.make_base(SUITE)?;
    let context = context(hub)?;
    let build = |name| podman.build(name, hub, SUITE, context.path());
    let images = FreshImages {
        server: build("server")?,
        participant: build("participant")?,
        bare: build("bare")?,
        registry: build("registry")?,
        podman,
    };
    images.podman.prune()?;
    images.podman.probe(&images.server)?;
    Ok(images)
}

/// Runs the tests with `target/debug/pipalhub`.
pub(crate) fn test(images: &FreshImages, shots: &Path) -> anyhow::Result<()> {
    let service = build::target_folder().join("debug/pipalhub");
    let embedded = build::embedded()?;
    let stack = images.stack(&embedded)?;
    say("Tests on fresh servers");
    let filter = PACKAGE_TESTS.map(|name| ["--skip", name]);
    let mut test = images.test_command(&["fresh", "cloud"], filter.as_flattened());
    execute(
        test.env("PIPALHUB_BIN", service)
            .env("PIPALHUB_EMBEDDED", embedded)
            .env("PIPALHUB_FORWARD_PROXY", tools::forward_proxy()?)
            .env("PIPALHUB_AUTHORITY", tools::certificate_authority()?)
            .env("PIPALHUB_FRESH_STACK", stack)
            .env("PIPALHUB_SHOTS", shots),
    )
}

/// Installs the packages in `dist` on fresh servers, each as its documentation says, and starts them.
pub(crate) fn test_packages(images: &FreshImages, dist: &Path) -> anyhow::Result<()> {
    let mut kinds = SERVER_KINDS.to_vec();
    let mut tests = PACKAGE_TESTS.to_vec();
    // It may have left the mirrors, when the present Debian has not.
    if let Err(error) = images.podman.make_base(OLDEST_SUITE) {
        say(&format!(
            "No package is tried on Debian {OLDEST_SUITE}: {error:#}"
        ));
        kinds.retain(|kind| kind.suite != OLDEST_SUITE);
        tests.retain(|name| *name != OLDEST_TESTS);
    }
    let servers = images.servers_without_docker(&kinds)?;
    say("Installing and starting the packages on fresh servers");
    let mut test = images.test_command(&["fresh"], &tests);
    execute(test.env("PIPALHUB_DIST", dist).envs(servers))
}

/// A server without Docker's engine, on which nothing of PipalHub is.
#[derive(Clone, Copy)]
struct ServerKind {
    /// The variable that tells the tests of its image.
    variable: &'static str,
    /// The name of its container file.
    name: &'static str,
    /// The name of its file of versions, and the tag of the image.
    versions: &'static str,
    suite: &'static str,
}

const SERVER_KINDS: [ServerKind; 4] = [
    ServerKind {
        variable: "PIPALHUB_FRESH_PLAIN",
        name: "plain",
        versions: HUB_VERSION,
        suite: SUITE,
    },
    ServerKind {
        variable: "PIPALHUB_FRESH_PLAIN_HUB5",
        name: "plain",
        versions: "5.5",
        suite: SUITE,
    },
    ServerKind {
        variable: "PIPALHUB_FRESH_TLJH",
        name: "tljh",
        versions: "tljh",
        suite: SUITE,
    },
    ServerKind {
        variable: "PIPALHUB_FRESH_OLDEST",
        name: "plain",
        versions: OLDEST_SUITE,
        suite: OLDEST_SUITE,
    },
];

impl FreshImages {
    /// Builds the images of servers without Docker's engine, and returns them by the variables that
    /// tell the tests of them.
    fn servers_without_docker(
        &self,
        kinds: &[ServerKind],
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let build = |kind: &ServerKind| {
            let context = context(kind.versions)?;
            let image = self
                .podman
                .build(kind.name, kind.versions, kind.suite, context.path())?;
            Ok((kind.variable, image))
        };
        let images: anyhow::Result<_> = kinds.iter().map(build).collect();
        self.podman.prune()?;
        images
    }

    /// Builds the image of a node with this program, and returns its id.
    fn stack(&self, service: &Path) -> anyhow::Result<String> {
        let empty = tempfile::tempdir()?;
        let settings = root().join("tests/fresh/stack-base.containerfile");
        let base = self
            .podman
            .build_file(&settings, STACK_BASE_IMAGE, &[], empty.path())?;
        let context = stack_context(service)?;
        // Docker's form, since its health check and its shell are none of the other's.
        let options = [format!("--build-arg=BASE={base}"), "--format=docker".into()];
        let file = context.path().join("Dockerfile");
        let image =
            self.podman
                .build_file(&file, "localhost/pipalhub-stack", &options, context.path())?;
        self.podman.prune()?;
        Ok(image)
    }

    /// A command that runs those tests of these targets which this filter leaves.
    fn test_command(&self, targets: &[&str], filter: &[&str]) -> Command {
        let mut test = cargo(&["test", "--locked", "--package", "tests"]);
        test.args(targets.iter().flat_map(|target| ["--test", target]))
            .args(["--", "--ignored"])
            .args(filter);
        self.podman.configure(&mut test);
        test.env("PIPALHUB_FRESH_BARE", &self.bare)
            .env("PIPALHUB_FRESH_REGISTRY", &self.registry)
            .env("PIPALHUB_CERTIFICATES", CERTIFICATES)
            .env("PIPALHUB_FRESH_SERVER", &self.server)
            .env("PIPALHUB_FRESH_PARTICIPANT", &self.participant);
        test
    }
}

/// A folder with what the image of a node is built of: `etc/node`, and wheels with this program.
fn stack_context(service: &Path) -> anyhow::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("pipalhub-").tempdir()?;
    let context = folder.path();
    let node = root().join("etc/node");
    let mut copy = program("cp");
    execute(
        copy.args(["--recursive", "--no-target-directory"])
            .args([node.join("container").as_path(), context]),
    )?;
    for name in ["home", "wheels"] {
        fs::create_dir(context.join(name))?;
    }
    for name in [
        "home",
        "jupyterhub_config.py",
        "pam.d",
        "proxy",
        "requirements",
    ] {
        let from = node.join(name);
        if from.exists() {
            let mut copy = program("cp");
            copy.args(["--recursive", "--no-target-directory"]);
            execute(copy.args([from.as_path(), context.join(name).as_path()]))?;
        }
    }
    let wheels = context.join("wheels");
    let mut write = program(service);
    execute(write.arg("write-wheels").arg(wheels).stdout(Stdio::null()))?;
    Ok(folder)
}

/// A folder with all files that the container files name, and these versions.
fn context(versions: &str) -> anyhow::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("pipalhub-").tempdir()?;
    let context = folder.path();
    let copy = |from: PathBuf, to: &Path| {
        let mut copy = program("cp");
        execute(
            copy.args(["--recursive", "--no-target-directory"])
                .args([from.as_path(), to]),
        )
    };
    copy(root().join("tests/fresh"), context)?;
    let versions = format!("tests/requirements/fresh-{versions}.txt");
    copy(root().join(versions), &context.join("versions.txt"))?;
    let modules = tools::npm_packages(PROXY_PACKAGES[0].0, &PROXY_PACKAGES)?;
    copy(modules, &context.join("node_modules"))?;
    let wheel = context.join("singleuser");
    fs::create_dir(&wheel)?;
    tools::singleuser_wheel(Path::new("python3"), &wheel)?;
    Ok(folder)
}

/// podman with its images and containers in the cache, and without the machine's settings.
struct Podman {
    folder: PathBuf,
}

impl Podman {
    fn new() -> anyhow::Result<Self> {
        let folder = tools::cache()?.join("fresh");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let storage = format!(
            "[storage]\ndriver = \"overlay\"\nrunroot = \"/run/pipalhub-fresh\"\ngraphroot = {:?}\n",
            folder.join("storage")
        );
        fs::write(folder.join("storage.conf"), storage)?;
        Ok(Self { folder })
    }

    /// Sets the variables by which podman finds its settings, in the tests too.
    fn configure(&self, command: &mut Command) {
        let settings = root().join("tests/fresh/containers.conf");
        command
            .env("CONTAINERS_CONF", settings)
            .env("CONTAINERS_STORAGE_CONF", self.folder.join("storage.conf"));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut podman = program("podman");
        self.configure(&mut podman);
        podman.args(arguments);
        podman
    }

    /// Installs a suite of Debian into an image, unless there is one.
    fn make_base(&self, suite: &str) -> anyhow::Result<()> {
        let image = format!("{BASE_IMAGE}:{suite}-minbase");
        let mut exists = self.command(&["image", "exists", &image]);
        if exists
            .status()
            .context("podman cannot be started")?
            .success()
        {
            return Ok(());
        }
        say(&format!(
            "Installing the base of fresh servers, {suite} (a minute, once for this user)"
        ));
        // A folder for temporary files may be on a disk without devices.
        let folder = tempfile::tempdir_in(&self.folder)?;
        let base = folder.path().join("base");
        let mut debootstrap = program("debootstrap");
        debootstrap.args(["--variant=minbase", suite]).arg(&base);
        execute(debootstrap.stdout(Stdio::null()))?;
        fs::remove_dir_all(base.join("var/cache/apt/archives"))?;
        let archive = folder.path().join("base.tar");
        let mut tar = program("tar");
        tar.arg("--create").arg("--file").arg(&archive);
        execute(tar.arg("--directory").arg(&base).arg("."))?;
        let mut import = self.command(&["import", "--quiet"]);
        let imported = output(import.arg(archive).arg(&image))?;
        ensure!(
            imported.is_some_and(|id| !id.is_empty()),
            "podman cannot import the base"
        );
        Ok(())
    }

    /// Builds the image of a container file in the context and returns the image's id.
    fn build(&self, name: &str, tag: &str, suite: &str, context: &Path) -> anyhow::Result<String> {
        let file = context.join(format!("{name}.containerfile"));
        let image = format!("localhost/pipalhub-{name}:{tag}");
        self.build_file(
            &file,
            &image,
            &[format!("--build-arg=SUITE={suite}")],
            context,
        )
    }

    /// The same of any file, with these options besides.
    fn build_file(
        &self,
        file: &Path,
        image: &str,
        options: &[String],
        context: &Path,
    ) -> anyhow::Result<String> {
        let shown = image.trim_start_matches("localhost/pipalhub-");
        say(&format!("Building the image {shown}"));
        let folder = tempfile::tempdir()?;
        let id = folder.path().join("id");
        let mut build = self.command(&["build", "--quiet", "--layers", "--pull=never"]);
        build
            .args(["--isolation=chroot", "--network=host"])
            .arg(format!("--tag={image}"))
            .arg(format!(
                "--volume={CERTIFICATES}:/machine/certificates.pem:ro"
            ))
            .args(options)
            .arg("--file")
            .arg(file)
            .arg("--iidfile")
            .arg(&id)
            .arg(context);
        execute(build.stdout(Stdio::null()))?;
        Ok(fs::read_to_string(id)?)
    }

    /// Starts a container of `image`, which not every machine allows. The tests remove its cgroup.
    fn probe(&self, image: &str) -> anyhow::Result<()> {
        let mut run = self.command(&["run", "--rm", "--privileged", "--network=none"]);
        run.args(["--cgroup-parent=/pipalhub-fresh", image, "echo", "started"]);
        let started = output(&mut run)?;
        ensure!(
            started.as_deref() == Some("started"),
            "podman cannot start a container here"
        );
        Ok(())
    }

    /// Removes the layers of images that a newer build has replaced.
    fn prune(&self) -> anyhow::Result<()> {
        let mut prune = self.command(&["image", "prune", "--force"]);
        execute(prune.stdout(Stdio::null()))
    }
}
