//! An upgrade of a workshop in a container of Docker's: one that is killed and gone on with, and one
//! that does not work.

use std::{thread, time::Duration};

use anyhow::{Context, Result, ensure};
use tests::{
    fresh::{BareServer, Killed},
    until, until_within,
};

use crate::{
    setup::{NEWER, NEWEST, UNCHANGED, make_newer, run_well},
    setup_docker::PROJECT,
};

/// Longest time in which a new container installs what the class has installed in the one before.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(240);

/// An upgrade of a workshop in a container, by programs that are newer.
pub(crate) struct DockerUpgrade<'a> {
    server: &'a BareServer,
    /// What follows the program.
    arguments: Vec<&'a str>,
    class: ClassData,
}

/// What is the same after an upgrade.
#[derive(Debug, PartialEq, Eq)]
struct ClassData {
    /// The list, the Hub's configuration and the tokens, by their checksums.
    files: String,
    accounts: String,
    /// Everyone's files, with their owners.
    homes: String,
    events: String,
}

impl ClassData {
    fn of(server: &BareServer) -> Result<Self> {
        let sums = "sha256sum etc/jupyterhub/users.txt etc/jupyterhub/jupyterhub_config.py \
                    compose.override.yaml data/tokens/*";
        let homes = "find home -name Welcome.ipynb -printf '%p %U '  -exec sha256sum {} +";
        let events = "import sqlite3; \
            c = sqlite3.connect('file:/var/lib/pipalhub/dashboard/events.sqlite3?mode=ro', uri=True); \
            print(c.execute('select * from events order by 1').fetchall())";
        let python = "/opt/pipalhub/hub/bin/python3";
        let data = Self {
            files: server.run(&["sh", "-ec", &format!("cd {PROJECT}; {sums}")])?,
            accounts: server.run(&["docker", "exec", "pipalhub", "id", "alice"])?,
            homes: server.run(&["sh", "-ec", &format!("cd {PROJECT}; {homes}")])?,
            events: server.run(&["docker", "exec", "pipalhub", python, "-c", events])?,
        };
        ensure!(data.events.contains("alice"), "{data:?}");
        ensure!(data.homes.contains("home/alice/Welcome.ipynb"), "{data:?}");
        Ok(data)
    }
}

impl<'a> DockerUpgrade<'a> {
    /// For a workshop whose class works with a package of its own.
    pub(crate) fn of(server: &'a BareServer, command: &[&'a str]) -> Result<Self> {
        // As long as it takes: it comes after everybody else's work.
        run_well(
            server,
            &["pipalhub", "packages", "add", "--yes", "humanize"],
        )?;
        let file = format!("{PROJECT}/etc/jupyterhub/requirements.txt");
        let asked = server.run(&["cat", &file])?;
        ensure!(asked.contains("humanize"), "{asked}");
        Ok(Self {
            server,
            arguments: command[1..].to_vec(),
            class: ClassData::of(server)?,
        })
    }

    fn by<'b>(&'b self, program: &'b str) -> Vec<&'b str> {
        [&[program], &self.arguments[..]].concat()
    }

    pub(crate) async fn keeps_the_class(&self) -> Result<()> {
        make_newer(self.server, NEWER)?;
        let before = self.image()?;
        // Between the copy of the data and the new container.
        self.server
            .run_until(&self.by(NEWER), Killed::All, |line| {
                let is_begun = line.contains("is to be started");
                while is_begun && self.image().is_ok_and(|now| now == before) {
                    thread::sleep(Duration::from_millis(20));
                }
                is_begun
            })?;
        let said = run_well(self.server, &self.by(NEWER))?;
        ensure!(said.contains("Upgraded from "), "{said}");
        self.works_on(&self.image()?).await?;
        // What the class has installed was in the container that is gone.
        let import = [
            "/opt/pipalhub/participants/bin/python3",
            "-c",
            "import humanize",
        ];
        let import = [&["docker", "exec", "pipalhub"], &import[..]].concat();
        let installed = until_within(INSTALL_TIMEOUT, "the class's package", async || {
            Ok(self.server.run(&import).is_ok().then_some(()))
        });
        installed.await.map_err(|error| {
            let log = self
                .server
                .run(&["sh", "-c", "docker logs pipalhub 2>&1 | tail -60"]);
            error.context(log.unwrap_or_default())
        })
    }

    /// A release that damages the data and ends.
    pub(crate) async fn that_does_not_work_is_undone(&self) -> Result<()> {
        make_newer(self.server, NEWEST)?;
        let before = self.image()?;
        let is_built = |line: &str| line.contains("is to be started");
        self.server
            .run_until(&self.by(NEWEST), Killed::All, is_built)?;
        let list = [
            "docker",
            "image",
            "ls",
            "--format",
            "{{.Repository}}:{{.Tag}}",
        ];
        let images = self.server.run(&[&list[..], &["pipalhub"]].concat())?;
        let newest = images.lines().next().context("an image")?;
        let damage = "printf 'FROM %s\nENTRYPOINT [\"/bin/sh\", \"-c\", \"%s\"]\n' \"$0\" \
                      'echo damaged >/var/lib/pipalhub/dashboard/events.sqlite3; exit 1' | \
                      docker build --tag \"$0\" -";
        self.server.run(&["sh", "-ec", damage, newest])?;

        let failed = self.server.run_to_end(&self.by(NEWEST))?;
        ensure!(!failed.is_ok, "{}", failed.text);
        for word in [
            "the container ends again and again",
            "The upgrade was undone",
        ] {
            ensure!(failed.text.contains(word), "{}", failed.text);
        }
        self.works_on(&before).await?;
        self.server
            .run(&["test", "!", "-e", &format!("{PROJECT}/upgrade")])?;
        let again = run_well(self.server, &self.by(NEWER))?;
        ensure!(again.contains(UNCHANGED), "{again}");
        Ok(())
    }

    /// Waits until the container is of this image, and the class in it as it was.
    async fn works_on(&self, image: &str) -> Result<()> {
        ensure!(self.image()? == image, "it is {}", self.image()?);
        until("the class as it was", async || {
            let now = ClassData::of(self.server)?;
            ensure!(now == self.class, "{:?} is not {now:?}", self.class);
            Ok(Some(()))
        })
        .await
    }

    /// What the settings have the container be made of.
    fn image(&self) -> Result<String> {
        let settings = format!("{PROJECT}/.env");
        self.server.run(&["grep", "^PIPALHUB_IMAGE=", &settings])
    }
}
