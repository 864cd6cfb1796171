//! The wheels on a Hub of its own: the README's lines bring the service to it, and those of
//! `docs/install.md` make the service a user of its own.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{
    documents::{code_block, code_blocks},
    fresh::{HubMachine, PlainServer},
    hub::INSTRUCTOR,
    stopwatch::Stopwatch,
};

use crate::{
    class::{FreshClass, NOTEBOOK, a_class_works},
    process::{
        NONE, PROBE, ProcessStatus, done_by_probe, its_data_are_its_own,
        its_open_files_are_its_own, prepare_for_probe,
    },
};

/// The program as the wheel installs it.
const PROGRAM: &str = "/opt/jupyterhub/bin/pipalhub";
const INSTALL_PAGE: &str = "docs/install.md";

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn the_lines_of_the_readme_bring_the_service_to_a_hub() -> Result<()> {
    wheels_on("PIPALHUB_FRESH_PLAIN").await
}

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn the_lines_of_the_readme_bring_the_service_to_the_oldest_hub() -> Result<()> {
    wheels_on("PIPALHUB_FRESH_PLAIN_HUB5").await
}

async fn wheels_on(image: &str) -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let server = PlainServer::start(image).await?;
    let had = services(&server).await?;
    stopwatch.lap("the server and the Hub");
    install_from_the_readme(&server).await?;
    stopwatch.lap("the lines of the README");
    let class = class_on(server, &["alice", "bob"]).await?;
    let alice = class.server.start_server("alice").await?;
    what_the_hub_had_stays(&class.server, &had).await?;
    a_class_works(&class, "alice", &alice).await?;
    stopwatch.lap("a class");
    ProcessStatus::of(&class.server, &class.server.process_of(PROGRAM)?)?
        .assert_user(&class.server, "root")?;
    as_a_user_of_its_own(&class).await?;
    stopwatch.lap("a user of its own");
    a_hub_with_a_mistake_starts(&class.server).await?;
    stopwatch.lap("mistakes");
    Ok(())
}

/// Follows the README, whose lines are those of the page of installing too.
pub(crate) async fn install_from_the_readme(server: &PlainServer) -> Result<()> {
    let section = "Install it into a Hub";
    let commands = code_block("README.md", section, "shell")?;
    let python = code_block("README.md", section, "python")?;
    let steps = "The three steps";
    assert_eq!(
        code_blocks(INSTALL_PAGE, steps, "shell")?.concat(),
        commands
    );
    assert_eq!(code_block(INSTALL_PAGE, steps, "python")?, python);
    server.follow(&commands)?;
    server.configure(&python).await?;
    server.wait_for_service().await
}

/// The Hub's services by their names, with their roles and whether they run.
async fn services(server: &PlainServer) -> Result<Vec<Value>> {
    let services = server.services().await?;
    let of_one = |service: &Value| {
        json!({
            "name": service["name"], "roles": service["roles"], "runs": service["pid"] != 0,
            "command": service["command"],
        })
    };
    let services = services.as_object().context("services")?;
    Ok(services.values().map(of_one).collect())
}

/// Checks that the services which the Hub had run as before, with their roles, and that Alice's
/// server has what the Hub gives to servers.
async fn what_the_hub_had_stays(server: &PlainServer, had: &[Value]) -> Result<()> {
    let now = services(server).await?;
    assert_eq!(had.len(), 2, "{had:?}");
    for service in had {
        assert!(now.contains(service), "{service} is not in {now:?}");
    }
    assert_eq!(now.len(), had.len() + 1, "{now:?}");
    let environment = "cat /proc/$(pgrep --uid alice --oldest --full singleuser)/environ";
    let environment = server.run(&["sh", "-c", environment])?;
    for variable in [
        "COURSE=of the Hub's own\0",
        "PIPALHUB_URL=http://127.0.0.1:",
    ] {
        assert!(environment.contains(variable), "{environment}");
    }
    Ok(())
}

/// The class: participants with accounts, and an instructor, whom an admin has put into the group.
pub(crate) async fn class_on(
    server: PlainServer,
    participants: &[&str],
) -> Result<FreshClass<PlainServer>> {
    for user in participants.iter().chain([&INSTRUCTOR]) {
        server.add_account(user)?;
        server.add_user(user).await?;
    }
    server.join_group(INSTRUCTOR, "instructors").await?;
    let token = server.token_of(INSTRUCTOR).await?;
    Ok(FreshClass { server, token })
}

/// Follows the section of that name on a Hub whose service has run as root, and checks what the
/// service can do then.
async fn as_a_user_of_its_own(class: &FreshClass<PlainServer>) -> Result<()> {
    let server = &class.server;
    let section = "As a user of its own";
    let [make_user, take_over] = &code_blocks(INSTALL_PAGE, section, "shell")?[..] else {
        anyhow::bail!("the section has two steps");
    };
    let python = code_block(INSTALL_PAGE, section, "python")?;
    server.follow(make_user)?;
    // The Hub says what is missing, and starts without the service.
    server
        .configure(&format!("import pipalhub\n{python}"))
        .await?;
    let id = server.run(&["id", "--user", "pipalhub"])?;
    let remedy = format!("chown -R {} /var/lib/pipalhub", id.trim());
    left_out_because(server, &remedy).await?;
    server.follow(take_over)?;
    server.restart_hub().await?;
    server.wait_for_service().await?;

    // What root's service has kept is there.
    class.see("alice", NOTEBOOK, "second of alice").await?;
    let bob = server.start_server("bob").await?;
    a_class_works(class, "bob", &bob).await?;

    let process = server.process_of(PROGRAM)?;
    let status = ProcessStatus::of(server, &process)?;
    status.assert_user(server, "pipalhub")?;
    // A Hub takes all rights from a process by giving it another user. What the bounding set holds
    // it could get back only by a program that root has marked, and only systemd filters its calls.
    let bounds = status.field("CapBnd:")?[0].to_owned();
    status.assert_capabilities([NONE, NONE, NONE, &bounds, NONE])?;
    assert_eq!(status.field("Seccomp:")?, ["0"], "{INSTALL_PAGE} says so");
    its_data_are_its_own(server)?;
    its_open_files_are_its_own(server, &process)?;

    prepare_for_probe(server)?;
    let probe = ["runuser", "--user", "pipalhub", "--", "sh", "-c", PROBE];
    let log = server.run(&probe)?;
    // What is everyone's is the service's too, and nothing else.
    let expected = [
        "wrote /srv/open",
        "wrote /home/open",
        "wrote /var/tmp",
        "wrote /tmp",
        "wrote /dev/shm",
        "read /home/open/file",
        "wrote its own",
    ];
    assert_eq!(done_by_probe(&log), expected, "{log}");
    let home = server.path_in_home("alice", NOTEBOOK)?;
    let refused = server.run(&["runuser", "--user", "pipalhub", "--", "cat", &home]);
    let refused = refused.err().context("a refusal")?.to_string();
    assert!(refused.contains("Permission denied"), "{refused}");
    Ok(())
}

/// Configures what cannot work, and checks that the Hub starts and says what is wrong.
async fn a_hub_with_a_mistake_starts(server: &PlainServer) -> Result<()> {
    for (argument, said) in [
        (
            "program='/opt/jupyterhub/bin/pipalhbu'",
            "program='/opt/jupyterhub/bin/pipalhbu' is not there: correct the path",
        ),
        ("address=8081", "is the address of the Hub (hub_port)"),
        ("history_day=7", "Did you mean history_days?"),
    ] {
        server
            .configure(&format!(
                "import pipalhub\npipalhub.configure(c, {argument})"
            ))
            .await?;
        left_out_because(server, said).await?;
    }
    server.run(&[
        "/opt/jupyterhub/bin/python3",
        "-m",
        "pip",
        "uninstall",
        "--yes",
        "pipalhub-singleuser",
    ])?;
    server
        .configure("import pipalhub\npipalhub.configure(c, user='pipalhub')")
        .await?;
    server.wait_for_service().await?;
    let log = server.hub_log()?;
    let remedy = "/opt/jupyterhub/bin/python3 -m pip install pipalhub_singleuser-*.whl";
    assert!(log.contains(remedy), "{log}");
    Ok(())
}

/// Checks that the Hub, which answers, has no service, and why its log says so.
async fn left_out_because(server: &PlainServer, said: &str) -> Result<()> {
    assert!(server.is_without_service().await?);
    let log = server.hub_log()?;
    let mut lines = log.lines();
    let line = lines.find(|line| line.contains("PipalHub is left out"));
    let line = line.with_context(|| format!("a line about PipalHub in {log}"))?;
    assert!(line.contains(said), "{said} is not in {line}");
    Ok(())
}
