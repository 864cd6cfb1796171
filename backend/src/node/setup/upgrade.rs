//! One release in another's place, and back when the new one does not work.
//!
//! Before a newer release sees the data of the one before, they are copied; the copy's folder names
//! both releases. So an interrupted upgrade is gone on with, or undone by the earlier program.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
};

use anyhow::{Context, bail};

use super::{release::ReleaseName, server::Server, stack::ServerStack};
use crate::node::NodeProgress;

/// What is left free of the disk beside the copies.
const ROOM_BYTES: u64 = 200 << 20;

/// In the folder of the copies from the moment on in which they are put back.
const GOING_BACK: &str = "back";

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SwitchResult {
    Unchanged,
    Started,
    /// From this release.
    Upgraded(ReleaseName),
}

/// Has this release run.
///
/// # Errors
/// When it does not come up. The release before runs then, with its data as they were, if there
/// was one and it comes up.
pub(super) fn switch(
    stack: &dyn ServerStack,
    release: &ReleaseName,
    server: &Server,
    progress: &dyn NodeProgress,
) -> anyhow::Result<SwitchResult> {
    let upgrade = Upgrade {
        stack,
        server,
        folder: stack.upgrade_folder(),
    };
    progress.begin("The stack");
    let is_to_be_undone = |begun: &ReleasePair| begun.to != *release || upgrade.is_going_back();
    if let Some(begun) = upgrade.begun().filter(is_to_be_undone) {
        progress.tell(&format!(
            "an upgrade to {} was interrupted: back to {}",
            begun.to.as_str(),
            begun.from.as_str()
        ));
        upgrade.go_back(&begun)?;
    }
    let interrupted = upgrade.begun();
    let difference = match &interrupted {
        // Files may be in place that nothing has been started with.
        Some(_) => Some("an interrupted upgrade is gone on with".to_owned()),
        None => stack.difference(server, release)?,
    };
    let Some(difference) = difference else {
        progress.end("nothing to do");
        return Ok(SwitchResult::Unchanged);
    };
    progress.tell(&difference);
    let before = match interrupted {
        Some(begun) => Some(begun.from),
        None => stack.current().filter(|current| current != release),
    };
    let Some(before) = before else {
        stack.start(server, release)?;
        progress.end("runs");
        return Ok(SwitchResult::Started);
    };
    let pair = ReleasePair {
        from: before,
        to: release.clone(),
    };
    upgrade.copy_data(&pair)?;
    if let Err(error) = stack.start(server, release) {
        progress.tell(&format!(
            "{} does not work: back to {}",
            release.as_str(),
            pair.from.as_str()
        ));
        upgrade.go_back(&pair).with_context(|| {
            format!("the upgrade failed ({error:#}), and the way back failed too")
        })?;
        bail!(
            "{error:#}\nThe upgrade was undone: release {} runs, with its data as they were",
            pair.from.as_str()
        );
    }
    upgrade.end()?;
    progress.end(&format!("upgraded from {}", pair.from.as_str()));
    Ok(SwitchResult::Upgraded(pair.from))
}

struct ReleasePair {
    from: ReleaseName,
    to: ReleaseName,
}

struct Upgrade<'a> {
    stack: &'a dyn ServerStack,
    server: &'a Server,
    folder: &'static str,
}

impl Upgrade<'_> {
    /// The upgrade that was begun and has not ended.
    fn begun(&self) -> Option<ReleasePair> {
        let name = |file: &str| {
            let text = fs::read_to_string(format!("{}/{file}", self.folder)).ok()?;
            ReleaseName::parse(&text)
        };
        Some(ReleasePair {
            from: name("from")?,
            to: name("to")?,
        })
    }

    /// Whether the data are being put back: some may be gone, so nothing is started with them.
    fn is_going_back(&self) -> bool {
        Path::new(&format!("{}/{GOING_BACK}", self.folder)).exists()
    }

    /// Stops the stack and copies its data, unless an interrupted run has.
    fn copy_data(&self, pair: &ReleasePair) -> anyhow::Result<()> {
        if self.begun().is_some() {
            return self.stack.stop(self.server);
        }
        let needed = self.data_bytes()? + ROOM_BYTES;
        let free = self.server.free_bytes(self.folder)?;
        if free < needed {
            bail!(
                "an upgrade first copies the data, and its disk has {} MB free of the {} MB that \
                 this needs: make room; all runs as before",
                free / 1_000_000,
                needed / 1_000_000
            );
        }
        self.stack.stop(self.server)?;
        self.make_copies(pair).or_else(|error| {
            self.stack.start(self.server, &pair.from).with_context(|| {
                format!("the data cannot be copied ({error:#}), and nothing runs now")
            })?;
            Err(error.context("the data cannot be copied; all runs as before"))
        })
    }

    fn make_copies(&self, pair: &ReleasePair) -> anyhow::Result<()> {
        let new = format!("{}.new", self.folder);
        remove(&new)?;
        fs::create_dir_all(&new)
            .and_then(|()| fs::set_permissions(&new, Permissions::from_mode(0o700)))
            .with_context(|| format!("cannot make {new}"))?;
        for (at, folder) in self.stack.data_folders().into_iter().enumerate() {
            let kept = format!("{new}/{at}");
            fs::create_dir_all(&kept).with_context(|| format!("cannot make {kept}"))?;
            copy_files(self.server, folder, &kept)?;
        }
        self.server
            .write(&format!("{new}/from"), pair.from.as_str().as_bytes(), 0o600)?;
        self.server
            .write(&format!("{new}/to"), pair.to.as_str().as_bytes(), 0o600)?;
        rustix::fs::sync();
        fs::rename(&new, self.folder).with_context(|| format!("cannot make {}", self.folder))
    }

    fn data_bytes(&self) -> anyhow::Result<u64> {
        let mut bytes = 0;
        for folder in self.stack.data_folders() {
            for file in files_in(folder)? {
                bytes += fs::metadata(&file).map_or(0, |file| file.len());
            }
        }
        Ok(bytes)
    }

    /// Starts the release before, with the data that were copied.
    fn go_back(&self, pair: &ReleasePair) -> anyhow::Result<()> {
        self.stack.stop(self.server)?;
        self.server
            .write(&format!("{}/{GOING_BACK}", self.folder), b"", 0o600)?;
        for (at, folder) in self.stack.data_folders().into_iter().enumerate() {
            for file in files_in(folder)? {
                fs::remove_file(&file).with_context(|| format!("cannot remove {file}"))?;
            }
            copy_files(self.server, &format!("{}/{at}", self.folder), folder)?;
        }
        self.stack.start(self.server, &pair.from)?;
        self.end()
    }

    fn end(&self) -> anyhow::Result<()> {
        // Renamed first: a folder that is half removed names no upgrade.
        let old = format!("{}.old", self.folder);
        remove(&old)?;
        fs::rename(self.folder, &old)?;
        remove(&old)
    }
}

fn remove(folder: &str) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {folder}"))
        }
        _ => Ok(()),
    }
}

/// The files in a folder, and not those in folders there: databases and settings are such, and
/// what can be made anew is not. None where the folder is not there.
fn files_in(folder: &str) -> anyhow::Result<Vec<String>> {
    if !Path::new(folder).exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {folder}"))?;
    let files = entries
        .flatten()
        .filter(|it| it.file_type().is_ok_and(|kind| kind.is_file()));
    Ok(files
        .map(|file| file.path().to_string_lossy().into_owned())
        .collect())
}

/// Copies them with owners, modes and times; on disks that can, without copying bytes.
fn copy_files(server: &Server, from: &str, to: &str) -> anyhow::Result<()> {
    for file in files_in(from)? {
        // The folder may be the service's, who could lead root elsewhere by a link.
        let how = ["--archive", "--reflink=auto", "--remove-destination"];
        server.run("cp", &[&how[..], &["--", &file, to]].concat())?;
    }
    if let Ok(folder) = fs::metadata(from) {
        chown(to, Some(folder.uid()), Some(folder.gid()))
            .with_context(|| format!("cannot hand over {to}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stack with one data folder, which does not start one of its releases.
    struct OneFolder {
        data: &'static str,
        upgrade: &'static str,
    }

    impl ServerStack for OneFolder {
        fn current(&self) -> Option<ReleaseName> {
            Some(release("1"))
        }

        fn difference(&self, _: &Server, _: &ReleaseName) -> anyhow::Result<Option<String>> {
            Ok(Some("release 2 is to be started".to_owned()))
        }

        /// The newer release makes its database where there is none.
        fn start(&self, _: &Server, release: &ReleaseName) -> anyhow::Result<()> {
            let file = format!("{}/db", self.data);
            let before = fs::read_to_string(&file).unwrap_or_default();
            match release.as_str() {
                "1" => Ok(()),
                _ => Ok(fs::write(file, format!("{before}, moved along"))?),
            }
        }

        fn stop(&self, _: &Server) -> anyhow::Result<()> {
            Ok(())
        }

        fn data_folders(&self) -> Vec<&'static str> {
            vec![self.data]
        }

        fn upgrade_folder(&self) -> &'static str {
            self.upgrade
        }
    }

    struct Silent;

    impl NodeProgress for Silent {
        fn begin(&self, _: &str) {}
        fn tell(&self, _: &str) {}
        fn end(&self, _: &str) {}
    }

    fn release(name: &str) -> ReleaseName {
        ReleaseName::parse(name).unwrap()
    }

    #[test]
    fn data_that_were_being_put_back_are_all_there_before_anything_starts() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| &*folder.path().join(name).to_str().unwrap().to_owned().leak();
        let (data, folder) = (path("data"), path("upgrade"));
        fs::create_dir(data).unwrap();
        fs::write(format!("{data}/db"), "a class").unwrap();
        let stack = OneFolder {
            data,
            upgrade: folder,
        };
        let server = Server::for_tests();
        let upgrade = Upgrade {
            stack: &stack,
            server: &server,
            folder,
        };
        let pair = ReleasePair {
            from: release("1"),
            to: release("2"),
        };
        upgrade.copy_data(&pair).unwrap();
        // The way back was begun, and its process ended when the data were away.
        server
            .write(&format!("{folder}/{GOING_BACK}"), b"", 0o600)
            .unwrap();
        fs::remove_file(format!("{data}/db")).unwrap();
        let switched = switch(&stack, &release("2"), &server, &Silent).unwrap();
        assert_eq!(switched, SwitchResult::Upgraded(release("1")));
        let after = fs::read_to_string(format!("{data}/db")).unwrap();
        assert_eq!(after, "a class, moved along");
        assert!(!Path::new(folder).exists());
    }

    #[test]
    fn the_way_back_says_so_before_it_removes_anything() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| &*folder.path().join(name).to_str().unwrap().to_owned().leak();
        let (data, folder) = (path("data"), path("upgrade"));
        fs::create_dir_all(format!("{data}/db")).unwrap();
        fs::write(format!("{data}/other"), "a class").unwrap();
        let stack = OneFolder {
            data,
            upgrade: folder,
        };
        let server = Server::for_tests();
        let upgrade = Upgrade {
            stack: &stack,
            server: &server,
            folder,
        };
        let pair = ReleasePair {
            from: release("1"),
            to: release("2"),
        };
        upgrade.copy_data(&pair).unwrap();
        // What was copied is away, so that putting it back fails.
        fs::remove_dir_all(format!("{folder}/0")).unwrap();
        fs::write(format!("{folder}/0"), "").unwrap();
        assert!(upgrade.go_back(&pair).is_err());
        assert!(upgrade.is_going_back());
    }
}
