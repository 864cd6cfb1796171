//! The stack in a container, started by Docker's compose: the Hub, the service, the stewards and
//! participants' servers, with the class's files in folders of the server.

use std::{fs, path::Path};

use anyhow::{Context, bail};

use super::{
    bundle,
    env_file::EnvFile,
    files::{ServerFile, ServerFiles},
    instructors::first_configuration,
    release::{ReleaseName, Releases, own_program},
    server::Server,
    stack::{self, PreparedStack, ServerStack},
    step::SetupStep,
    system_packages::PackageNames,
    wheels::write_wheels,
};

/// Where all of it is: the compose file, its settings, and the class's files.
const PROJECT: &str = "/srv/pipalhub";
const RELEASES: &str = "/srv/pipalhub/releases";
const COMPOSE_FILE: &str = "/srv/pipalhub/compose.yaml";
const SETTINGS_FILE: &str = "/srv/pipalhub/.env";
/// The program, for the commands of the server itself.
const PROGRAM: &str = "/srv/pipalhub/program";
/// The Hub's configuration, and the class, which are the trainer's.
const CONFIGURATION: &str = "/srv/pipalhub/etc/jupyterhub/jupyterhub_config.py";
const USERS_FILE: &str = "/srv/pipalhub/etc/jupyterhub/users.txt";
const IMAGE_SETTING: &str = "PIPALHUB_IMAGE";
/// The least memory that is left to the server, MiB.
const OWN_MB: u64 = 512;
/// How often the container may be started anew while it comes up.
const MAX_RESTARTS: u32 = 3;
const PROJECT_NAME: &str = "pipalhub";

/// Docker's own packages where its repository is known, else those of the system. Debian 13 has the
/// command in a package of its own, which the engine only recommends, and Debian 12 has no other
/// builder than the engine's.
const PACKAGES: [PackageNames; 4] = [
    &["docker-ce", "docker.io"],
    &["docker-ce-cli", "docker-cli", "docker.io"],
    &["docker-buildx-plugin", "docker-buildx", "docker.io"],
    &[
        "docker-compose-plugin",
        "docker-compose-v2",
        "docker-compose",
    ],
];
/// Bytes that an image takes, with some to work in.
const NEEDED_BYTES: u64 = 5_000_000_000;

/// The container's image and the compose file, by release.
pub(super) struct ContainerStack {
    pub(super) releases: Releases,
}

impl ContainerStack {
    pub(super) fn new() -> Self {
        Self {
            releases: Releases { folder: RELEASES },
        }
    }

    /// Runs compose, which is a plugin of Docker's or a program of its own.
    fn compose(&self, server: &Server, arguments: &[&str]) -> anyhow::Result<String> {
        let project = [
            "--project-name",
            PROJECT_NAME,
            "--project-directory",
            PROJECT,
        ];
        let file = ["--file", COMPOSE_FILE];
        // What the trainer adds: compose takes it by itself only where no file is named.
        let own = format!("{PROJECT}/compose.override.yaml");
        let own = match Path::new(&own).exists() {
            true => vec!["--file", &own],
            false => Vec::new(),
        };
        let all = [&project[..], &file, &own, arguments].concat();
        match server.succeeds("docker", &["compose", "version"]) {
            true => server.run("docker", &[&["compose"], &all[..]].concat()),
            false => server.run("docker-compose", &all),
        }
    }

    fn compose_text(&self, release: &ReleaseName) -> anyhow::Result<String> {
        let path = format!("{}/compose.yaml", self.releases.path(release));
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    /// The settings with this release's image.
    fn settings(&self, release: &ReleaseName) -> anyhow::Result<EnvFile> {
        let mut settings = EnvFile::read_or(SETTINGS_FILE, first_settings())?;
        settings.set(IMAGE_SETTING, &image_name(release));
        Ok(settings)
    }
}

/// The settings of a server that has none: the workshop takes what the server does not need itself,
/// so that nginx and ssh answer whatever a class does.
fn first_settings() -> String {
    let settings = bundle::node_file("container/env.sample");
    let all = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| memory_mb(&text));
    let Some(all) = all else {
        return settings;
    };
    let left = (all / 8).max(OWN_MB);
    let memory = all.saturating_sub(left).max(OWN_MB);
    settings.replace(
        "\nPIPALHUB_MEMORY=0\n",
        &format!("\nPIPALHUB_MEMORY={memory}m\n"),
    )
}

/// The memory of a machine, MiB, from its `/proc/meminfo`.
fn memory_mb(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes >> 10)
}

fn image_name(release: &ReleaseName) -> String {
    format!("pipalhub:{}", release.as_str())
}

/// The image of a release, built on this server.
pub(super) struct ContainerImage<'a> {
    pub(super) releases: &'a Releases,
    pub(super) release: &'a ReleaseName,
}

impl SetupStep for ContainerImage<'_> {
    fn name(&self) -> String {
        format!("The container's image, release {}", self.release.as_str())
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let name = image_name(self.release);
        let is_there = self.releases.is_complete(self.release)
            && server.succeeds("docker", &["image", "inspect", &name]);
        Ok((!is_there).then(|| format!("to be built: {name}")))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        self.releases.begin(self.release)?;
        let folder = self.releases.path(self.release);
        let context = format!("{folder}/image");
        write_wheels(Path::new(&format!("{context}/wheels")), &own_program()?)?;
        for (name, content) in bundle::node_files() {
            if !name.starts_with("systemd/") {
                let name = name.strip_prefix("container/").unwrap_or(&name);
                let path = format!("{context}/{name}");
                let mode = if content.starts_with(b"#!") {
                    0o755
                } else {
                    0o644
                };
                server.write(&path, &content, mode)?;
            }
        }
        let own = own_program()?.to_string_lossy().into_owned();
        server.run(
            "install",
            &["--mode=755", &own, &format!("{folder}/program")],
        )?;
        let compose = bundle::node_file("container/compose.yaml");
        server.write(&format!("{folder}/compose.yaml"), compose.as_bytes(), 0o644)?;
        server.run(
            "docker",
            &["build", "--tag", &image_name(self.release), &context],
        )?;
        // The wheels are in the image.
        fs::remove_dir_all(&context).with_context(|| format!("cannot remove {context}"))?;
        self.releases.complete(self.release)
    }
}

/// The files of the trainer's beside the compose file, and the command for the server itself.
fn settings(instructors: &[String]) -> ServerFiles {
    let wrapper = bundle::node_file("bin/pipalhub-container");
    ServerFiles {
        name: "Settings and commands",
        files: vec![
            ServerFile::ours("/usr/local/bin/pipalhub", wrapper, 0o755),
            ServerFile::theirs(CONFIGURATION, first_configuration(instructors), 0o644),
            ServerFile::theirs(USERS_FILE, "", 0o600),
        ],
    }
}

impl PreparedStack for ContainerStack {
    fn system_packages(&self) -> Vec<PackageNames> {
        PACKAGES.to_vec()
    }

    fn room(&self) -> (&'static str, u64) {
        ("/var/lib/docker", NEEDED_BYTES)
    }

    fn releases(&self) -> &Releases {
        &self.releases
    }

    fn configuration(&self) -> &'static str {
        CONFIGURATION
    }

    fn preparation<'a>(
        &'a self,
        release: &'a ReleaseName,
        instructors: &[String],
    ) -> Vec<Box<dyn SetupStep + 'a>> {
        vec![
            Box::new(ContainerImage {
                releases: &self.releases,
                release,
            }),
            Box::new(settings(instructors)),
        ]
    }

    fn tidy(&self, server: &Server) -> anyhow::Result<()> {
        let list = ["image", "ls", "--format", "{{.Tag}}", PROJECT_NAME];
        for tag in server.run("docker", &list)?.lines() {
            let release = ReleaseName::parse(tag);
            if release.is_some_and(|release| !self.releases.is_complete(&release)) {
                let image = format!("{PROJECT_NAME}:{tag}");
                // One that is in use stays.
                let _ = server.succeeds("docker", &["image", "rm", &image]);
            }
        }
        Ok(())
    }
}

impl ServerStack for ContainerStack {
    fn current(&self) -> Option<ReleaseName> {
        // Both are written before the first start.
        let settings = EnvFile::read_or(SETTINGS_FILE, String::new()).ok()?;
        let image = settings.value(IMAGE_SETTING)?;
        let release = ReleaseName::parse(image.strip_prefix("pipalhub:")?)?;
        self.releases.is_complete(&release).then_some(release)
    }

    fn difference(&self, server: &Server, release: &ReleaseName) -> anyhow::Result<Option<String>> {
        if self.current().as_ref() != Some(release) {
            return Ok(Some(format!(
                "release {} is to be started",
                release.as_str()
            )));
        }
        let settings = self.settings(release)?;
        if !server.has(COMPOSE_FILE, self.compose_text(release)?.as_bytes(), 0o644)
            || !server.has(SETTINGS_FILE, settings.text().as_bytes(), 0o600)
        {
            return Ok(Some(format!("to be written: {COMPOSE_FILE}")));
        }
        let filter = format!("label=com.docker.compose.project={PROJECT_NAME}");
        let list = ["ps", "--filter", &filter, "--format", "{{.Image}}"];
        let running = server.run("docker", &list)?;
        if running.lines().all(|image| image != image_name(release)) {
            return Ok(Some("the container does not run".to_owned()));
        }
        Ok((!stack::is_up()).then(|| "the Hub or the dashboard does not answer".to_owned()))
    }

    fn start(&self, server: &Server, release: &ReleaseName) -> anyhow::Result<()> {
        if !server.succeeds("docker", &["image", "inspect", &image_name(release)]) {
            bail!("there is no image {}", image_name(release));
        }
        let program = format!("{}/program", self.releases.path(release));
        server.run("install", &["--mode=755", &program, PROGRAM])?;
        server.write(COMPOSE_FILE, self.compose_text(release)?.as_bytes(), 0o644)?;
        server.write(
            SETTINGS_FILE,
            self.settings(release)?.text().as_bytes(),
            0o600,
        )?;
        self.compose(server, &["up", "--detach", "--remove-orphans"])?;
        stack::wait_until_up(|| container_that_ends(server))
    }

    fn stop(&self, server: &Server) -> anyhow::Result<()> {
        self.compose(server, &["stop"])?;
        Ok(())
    }

    fn data_folders(&self) -> Vec<&'static str> {
        vec![
            "/srv/pipalhub/data/hub",
            "/srv/pipalhub/data/dashboard",
            "/srv/pipalhub/data/steward",
        ]
    }

    fn upgrade_folder(&self) -> &'static str {
        "/srv/pipalhub/upgrade"
    }
}

/// A container that ends again and again, with its last words.
fn container_that_ends(server: &Server) -> Option<String> {
    let filter = format!("label=com.docker.compose.project={PROJECT_NAME}");
    let list = ["ps", "--all", "--quiet", "--filter", &filter];
    server.run("docker", &list).ok()?.lines().find_map(|id| {
        let format = ["inspect", "--format", "{{.RestartCount}}", id];
        let restarts = server.run("docker", &format).ok()?;
        let is_lost = restarts
            .trim()
            .parse()
            .is_ok_and(|count: u32| count >= MAX_RESTARTS);
        is_lost.then(|| {
            let words = server
                .run("docker", &["logs", "--tail=8", id])
                .unwrap_or_default();
            format!("the container ends again and again: {}", words.trim())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way back of a failed upgrade knows these folders by name, and the container makes them.
    #[test]
    fn what_is_copied_before_an_upgrade_is_where_the_container_keeps_it() {
        let compose = bundle::node_file("container/compose.yaml");
        assert!(
            compose.contains("- ./data:/var/lib/pipalhub\n"),
            "{compose}"
        );
        let common = bundle::node_file("container/common");
        assert!(common.contains("\nDATA=/var/lib/pipalhub\n"), "{common}");
        for (service, setting, folder) in [
            ("hub", "PIPALHUB_HUB_STATE=$DATA/", "hub"),
            ("dashboard", "PIPALHUB_DATA=\"$DATA/", "dashboard"),
            ("steward", "PIPALHUB_STEWARD_DATA=\"$DATA/", "steward"),
        ] {
            let run = bundle::node_file(&format!("container/services/{service}/run"));
            assert!(run.contains(&format!("{setting}{folder}")), "{run}");
            let path = format!("{PROJECT}/data/{folder}");
            let folders = ContainerStack::new().data_folders();
            assert!(folders.contains(&path.as_str()), "{path} in {folders:?}");
        }
    }
}
