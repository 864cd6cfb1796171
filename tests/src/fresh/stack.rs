//! A node's container, `etc/node/container`, as its compose file runs it: the Hub, participants'
//! servers, the service and both stewards are in it.

use std::{fs, ops::Deref, os::unix::fs::chown, path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use super::{HubMachine, machine::Machine};
use crate::{
    hub::{INSTRUCTOR, PASSWORD},
    remote::{API_TOKEN, ParticipantServer, RemoteHub, encoded},
    repository, setting, until,
};

/// A Python of the participants'.
const PYTHON: &str = "/opt/pipalhub/participants/bin/python3";

/// A container that runs until this is dropped.
pub struct Stack {
    machine: Machine,
    remote: RemoteHub,
    /// The folder that is /srv/pipalhub on a node.
    project: Arc<TempDir>,
}

impl Stack {
    /// Starts the container in a new project with these participants and an instructor, and waits
    /// until the Hub and the service answer. `lines` stand below the others in the Hub's
    /// configuration.
    pub async fn start(participants: &[&str], lines: &str) -> Result<Self> {
        let project = tempfile::Builder::new().prefix("pipalhub-").tempdir()?;
        let folder = project.path();
        for (target, _) in volumes(&compose()?) {
            fs::create_dir_all(folder.join(target))?;
        }
        let users = participants.iter().chain([&INSTRUCTOR]);
        let users: String = users.map(|user| format!("{user}:{PASSWORD}\n")).collect();
        fs::write(folder.join("etc/jupyterhub/users.txt"), users)?;
        let config = fs::read_to_string(repository().join("etc/node/jupyterhub_config.py"))?;
        // Where others keep the machine busy, one who takes all they can get has little.
        let arguments = format!("cpu=0.25, instructors=[{INSTRUCTOR:?}]");
        let config = config.replace("instructors=[]", &arguments);
        let tests = format!(
            "c.JupyterHub.services.append({{'name': 'tests', 'api_token': {API_TOKEN:?}}})\n\
             c.JupyterHub.load_roles.append({{'name': 'tests', 'services': ['tests'], \
             'scopes': ['admin:users', 'admin:servers', 'tokens', 'groups', 'list:services']}})\n"
        );
        fs::write(
            folder.join("etc/jupyterhub/jupyterhub_config.py"),
            format!("{config}{tests}{lines}"),
        )?;
        let program = repository().join("tests/fresh/run_cell.py");
        let service = folder.join("services/run_cell.py");
        fs::copy(program, &service)?;
        // As on a machine whose own user has the number of the first participant.
        for path in [
            &service,
            &folder.join("services"),
            &folder.join("etc/jupyter"),
        ] {
            chown(path, Some(1000), Some(1000))?;
        }
        Self::start_in(Arc::new(project)).await
    }

    /// Ends the container as an engine does, removes it, and starts another in the same project.
    pub async fn replace(self) -> Result<Self> {
        self.machine.stop()?;
        let project = Arc::clone(&self.project);
        drop(self);
        Self::start_in(project).await
    }

    async fn start_in(project: Arc<TempDir>) -> Result<Self> {
        let options = options(&compose()?, project.path());
        let machine = Machine::start_container(&setting("PIPALHUB_FRESH_STACK"), &options)?;
        let stack = Self {
            remote: RemoteHub::new(format!("http://{}:8000/", machine.address()))?,
            machine,
            project,
        };
        stack.wait_until_healthy().await?;
        Ok(stack)
    }

    /// Waits until the container's own check says that all is well.
    pub async fn wait_until_healthy(&self) -> Result<()> {
        let healthy = until("a healthy container", async || {
            let health = self.run(&["/usr/local/lib/pipalhub/health"]);
            Ok(health.is_ok().then_some(()))
        })
        .await;
        healthy.with_context(|| self.machine.log().unwrap_or_default())
    }

    /// The folder that is /srv/pipalhub on a node.
    pub fn project(&self) -> &Path {
        self.project.path()
    }

    /// What the container's programs have said.
    pub fn log(&self) -> Result<String> {
        self.machine.log()
    }

    /// Signs in as the Hub's own page does, by which the Hub knows the user. The status of its answer.
    pub async fn sign_in(&self, user: &str, password: &str) -> Result<StatusCode> {
        let url = self.url("hub/login");
        let page = self.anonymous(Method::GET, &url).send().await?;
        let cookies = page.headers().get_all("Set-Cookie").iter();
        let cookies = cookies.filter_map(|it| it.to_str().ok()?.split(';').next());
        let cookies: Vec<String> = cookies.map(str::to_owned).collect();
        let text = page.text().await?;
        let (_, rest) = text
            .split_once("name=\"_xsrf\" value=\"")
            .context("the form")?;
        let (xsrf, _) = rest.split_once('"').context("the form's value")?;
        let fields = [("_xsrf", xsrf), ("username", user), ("password", password)];
        let fields = fields.map(|(name, value)| format!("{name}={}", encoded(value)));
        let form = self
            .anonymous(Method::POST, &url)
            .header("Cookie", cookies.join("; "))
            .header("Content-Type", "application/x-www-form-urlencoded");
        Ok(form.body(fields.join("&")).send().await?.status())
    }

    /// Signs a participant in, starts their server and returns a client of it, and the server's process.
    pub async fn start_server(&self, user: &str) -> Result<(ParticipantServer, String)> {
        let status = self.sign_in(user, PASSWORD).await?;
        ensure!(status == StatusCode::FOUND, "{user} signs in: {status}");
        let state: Value = self.remote.spawn(user).await?;
        let process = state["pid"].as_i64().context("a process")?;
        let token = self.remote.token_of(user).await?;
        Ok((self.remote.server(user, token), process.to_string()))
    }

    /// Runs a program in the container as one of its users, in the participants' environment.
    pub fn run_as(&self, user: &str, command: &[&str]) -> Result<String> {
        let id = |kind| format!("--{kind}={user}");
        let home = format!("HOME=/home/{user}");
        let become_user = [
            "setpriv",
            &id("reuid"),
            &id("regid"),
            "--init-groups",
            "env",
            &home,
        ];
        self.run(&[&become_user[..], command].concat())
    }

    /// Runs a cell in a participant's kernel and returns what it prints.
    pub fn run_cell(&self, user: &str, kernel: &str, code: &str) -> Result<String> {
        let run = [PYTHON, "/services/run_cell.py", kernel, code];
        self.run_as(user, &run)
    }

    /// The same, but does not wait for its end.
    pub fn begin_cell(&self, user: &str, kernel: &str, code: &str) -> Result<()> {
        let run = [PYTHON, "/services/run_cell.py", "--begin", kernel, code];
        self.run_as(user, &run).map(drop)
    }
}

impl HubMachine for Stack {
    fn run(&self, command: &[&str]) -> Result<String> {
        self.machine.run(command)
    }

    fn path_in_home(&self, user: &str, filename: &str) -> Result<String> {
        Ok(format!("/home/{user}/{filename}"))
    }
}

impl Deref for Stack {
    type Target = RemoteHub;

    fn deref(&self) -> &RemoteHub {
        &self.remote
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The test runner shows it only when the test fails.
        let log = self.machine.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(60).collect();
        let end: Vec<&str> = lines.into_iter().rev().collect();
        eprintln!("The end of the container's log:\n{}", end.join("\n"));
    }
}

fn compose() -> Result<String> {
    let path = repository().join("etc/node/container/compose.yaml");
    fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The items of a list in the compose file.
fn items<'a>(compose: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let heading = format!("{name}:");
    let lines = compose.lines().map(str::trim);
    let lines = lines.skip_while(move |line| *line != heading).skip(1);
    lines
        .filter(|line| !line.starts_with('#'))
        .map_while(|line| line.strip_prefix("- "))
}

/// The folders of the project that are mounted, and where.
fn volumes(compose: &str) -> Vec<(String, String)> {
    items(compose, "volumes")
        .filter_map(|item| item.strip_prefix("./")?.split_once(':'))
        .map(|(source, target)| (source.to_owned(), target.to_owned()))
        .collect()
}

/// The options of the compose file, as podman has them.
fn options(compose: &str, project: &Path) -> Vec<String> {
    let mut options = ["--cap-drop=ALL", "--memory=3g", "--shm-size=256m"]
        .map(str::to_owned)
        .to_vec();
    options.extend(items(compose, "cap_add").map(|right| format!("--cap-add={right}")));
    options.extend(items(compose, "sysctls").map(|setting| format!("--sysctl={setting}")));
    for option in items(compose, "security_opt") {
        options.push(format!("--security-opt={}", option.replace(":true", "")));
    }
    for (source, target) in volumes(compose) {
        options.push(format!("--volume={}/{source}:{target}", project.display()));
    }
    // A debug build looks for the page where it was built, beside the folder of its own sources.
    for path in ["frontend/dist", "backend/build.rs"] {
        let path = repository().join(path).display().to_string();
        options.push(format!("--volume={path}:{path}:ro"));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compose_file_is_read() {
        let compose = compose().unwrap();
        let volumes = volumes(&compose);
        let named: Vec<&str> = volumes.iter().map(|(source, _)| &**source).collect();
        let original = [
            "tmp",
            "home",
            "custom",
            "etc/jupyterhub",
            "etc/jupyter",
            "services",
        ];
        assert_eq!(named, [&original[..], &["data"]].concat());
        assert!(items(&compose, "cap_add").any(|right| right == "SETUID"));
        let options = options(&compose, Path::new("/srv/pipalhub"));
        assert!(
            options.contains(&"--security-opt=no-new-privileges".to_owned()),
            "{options:?}"
        );
        let ports = "--sysctl=net.ipv4.ip_unprivileged_port_start=10102";
        assert!(options.contains(&ports.to_owned()), "{options:?}");
        let custom = "--volume=/srv/pipalhub/custom:/etc/jupyter/custom:ro";
        assert!(options.contains(&custom.to_owned()), "{options:?}");
    }
}
